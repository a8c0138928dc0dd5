/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "io/process.h"

struct fixture {
    struct moon_loop *loop;
    int done;
    bool failed;
    struct moon_err err;
    struct moon_buf output;
    struct moon_process *process;
};

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->loop = moon_loop_new(NULL, &err);
    f->output = MOON_BUF_INIT(1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_loop_free(f->loop);
    moon_buf_fini(&f->output);
    moon_free(f);
    return 0;
}

static void on_done(struct moon_str output, const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    f->done++;
    f->failed = err != NULL;
    if (err != NULL) {
        f->err = *err;
    }
    moon_buf_clear(&f->output);
    moon_buf_add_str(&f->output, output);
}

/* The loop ends when the process has: nothing else is in it. */
static void run_opts(struct fixture *f, struct moon_process_opts opts)
{
    opts.on_done = on_done;
    opts.ctx = f;
    f->done = 0;
    moon_process_start(f->loop, &opts);
    assert_int_equal(f->done, 0);
    moon_loop_run(f->loop);
    assert_int_equal(f->done, 1);
}

static void run_shell(struct fixture *f, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    run_opts(f, (struct moon_process_opts){.argv = argv});
}

static void output_is_collected(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "echo out; echo err >&2; cat");
    assert_false(f->failed);
    assert_string_equal(moon_buf_cstr(&f->output), "out\n"); /* and stdin is empty */
    run_shell(f, "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890; "
                 "i=$((i+1)); done");
    assert_int_equal(f->output.len, 3000 * 32);
}

static void failure_shows_the_end_of_stderr(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "echo kept; i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done; "
                 "echo the cause >&2; exit 3");
    assert_true(f->failed);
    assert_int_equal(f->err.code, MOON_E_SYSTEM);
    assert_non_null(strstr(f->err.text, "sh: exit status 3: "));
    assert_non_null(strstr(f->err.text, "line 499\nthe cause"));
    assert_null(strstr(f->err.text, "line 0\n"));
    assert_string_equal(moon_buf_cstr(&f->output), "kept\n");
    run_shell(f, "kill -9 $$");
    assert_non_null(strstr(f->err.text, "sh: ended by signal 9"));
}

static void what_cannot_be_run_fails_later(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"no-such-command-of-moonset", NULL};
    run_opts(f, (struct moon_process_opts){.argv = argv});
    assert_true(f->failed);
    assert_non_null(strstr(f->err.text, "no-such-command-of-moonset: cannot be run: No such file"));
}

static void the_environment_is_added_to(void **state)
{
    struct fixture *f = *state;
    setenv("MOON_OLD", "old", 1);
    setenv("MOON_KEPT", "kept", 1);
    const char *const argv[] = {"sh", "-c", "env | grep ^MOON_ | sort", NULL};
    const char *const env[] = {"MOON_OLD=changed", "MOON_NEW=new", NULL};
    run_opts(f, (struct moon_process_opts){.argv = argv, .env = env});
    assert_string_equal(moon_buf_cstr(&f->output),
                        "MOON_KEPT=kept\nMOON_NEW=new\nMOON_OLD=changed\n");
}

static void a_slow_one_is_killed_with_its_children(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"sh", "-c", "echo started; sleep 1000 & echo $!; wait", NULL};
    run_opts(f, (struct moon_process_opts){.argv = argv, .timeout_ms = 200});
    assert_true(f->failed);
    assert_int_equal(f->err.code, MOON_E_TIMEOUT);
    const char *pid_text = strchr(moon_buf_cstr(&f->output), '\n');
    assert_non_null(pid_text);
    pid_t grandchild = (pid_t)strtol(pid_text, NULL, 10);
    assert_true(grandchild > 0);
    /* Killed, and reaped by init sooner or later. */
    uint64_t deadline_ms = moon_loop_now(f->loop) + 5000;
    struct moon_loop *loop = f->loop;
    while (kill(grandchild, 0) == 0 && moon_loop_now(loop) < deadline_ms) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
        FILE *stat = fopen(path, "r");
        char kind = 0;
        bool zombie = stat != NULL && fscanf(stat, "%*d %*s %c", &kind) == 1 && kind == 'Z';
        if (stat != NULL) {
            fclose(stat);
        }
        if (zombie) {
            return;
        }
        moon_loop_turn(loop, 1);
    }
    assert_int_equal(kill(grandchild, 0), -1);
}

static void too_much_output_is_an_error(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"sh", "-c", "while :; do echo 0123456789; done", NULL};
    run_opts(f, (struct moon_process_opts){.argv = argv, .max_output_bytes = 1000});
    assert_true(f->failed);
    assert_int_equal(f->err.code, MOON_E_LIMIT);
    const char *const quick[] = {"sh", "-c", "echo 0123456789", NULL};
    run_opts(f, (struct moon_process_opts){.argv = quick, .max_output_bytes = 5});
    assert_int_equal(f->err.code, MOON_E_LIMIT);
}

static void a_grandchild_in_the_background_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "sleep 1000 & echo $!");
    assert_false(f->failed);
    pid_t grandchild = (pid_t)strtol(moon_buf_cstr(&f->output), NULL, 10);
    assert_true(grandchild > 0);
    kill(grandchild, SIGKILL);
}

static void a_cancelled_one_says_nothing(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"sh", "-c", "sleep 1000", NULL};
    struct moon_process_opts opts = {.argv = argv, .on_done = on_done, .ctx = f};
    struct moon_process *p = moon_process_start(f->loop, &opts);
    moon_process_cancel(p);
    const char *const none[] = {"no-such-command-of-moonset", NULL};
    opts.argv = none;
    p = moon_process_start(f->loop, &opts);
    moon_process_cancel(p);
    moon_loop_run(f->loop); /* until the killed one has been reaped */
    assert_int_equal(f->done, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(output_is_collected),
        TEST(failure_shows_the_end_of_stderr),
        TEST(what_cannot_be_run_fails_later),
        TEST(the_environment_is_added_to),
        TEST(a_slow_one_is_killed_with_its_children),
        TEST(too_much_output_is_an_error),
        TEST(a_grandchild_in_the_background_is_not_waited_for),
        TEST(a_cancelled_one_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
