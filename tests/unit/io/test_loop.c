/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/loop.h"

struct fixture {
    struct moon_loop *loop;
    struct moon_buf seen; /* what happened, as letters and times */
    struct moon_timer *timer;
    struct moon_timer *other;
    struct moon_fd *fd;
    struct moon_prepare *prepare;
    struct moon_prepare *other_prepare;
    struct moon_child *child;
    struct moon_clock_watch *watch;
    struct moon_defer *defer;
    int pipe[2];
    int rounds;
};

static int setup_with(void **state, const struct moon_loop_opts *opts)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->seen = MOON_BUF_INIT(4096);
    f->loop = moon_loop_new(opts, &err);
    assert_non_null(f->loop);
    assert_int_equal(pipe(f->pipe), 0);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int setup_virtual(void **state)
{
    return setup_with(state, &(struct moon_loop_opts){.virtual_clock = true});
}

static int setup_batch(void **state)
{
    return setup_with(state, &(struct moon_loop_opts){.batch_ms = 1});
}

static int setup_long_batch(void **state)
{
    return setup_with(state, &(struct moon_loop_opts){.batch_ms = 3600 * 1000});
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_loop_free(f->loop);
    moon_buf_fini(&f->seen);
    close(f->pipe[0]);
    close(f->pipe[1]);
    moon_free(f);
    return 0;
}

static void add_a(void *ctx)
{
    moon_buf_putc(&((struct fixture *)ctx)->seen, 'a');
}

static void add_b(void *ctx)
{
    moon_buf_putc(&((struct fixture *)ctx)->seen, 'b');
}

static void add_time(void *ctx)
{
    struct fixture *f = ctx;
    moon_buf_printf(&f->seen, "%u ", (unsigned)(moon_loop_now(f->loop) % 1000000));
}

static void add_time_and_restart(void *ctx)
{
    struct fixture *f = ctx;
    add_time(f);
    if (f->rounds-- > 0) {
        moon_timer_start(f->timer, 100);
    }
}

static void run_without_anything_returns(void **state)
{
    struct fixture *f = *state;
    moon_loop_run(f->loop);
}

static void timers_fire_in_order_of_time_then_of_start(void **state)
{
    struct fixture *f = *state;
    f->timer = moon_timer_new(f->loop, add_a, f);
    f->other = moon_timer_new(f->loop, add_b, f);
    moon_timer_start(f->timer, 2);
    moon_timer_start(f->other, 1);
    assert_true(moon_timer_is_active(f->timer));
    uint64_t start_ms = moon_loop_now(f->loop);
    moon_loop_run(f->loop);
    assert_true(moon_loop_now(f->loop) >= start_ms + 2);
    assert_false(moon_timer_is_active(f->timer));
    moon_timer_start(f->timer, 1);
    moon_timer_start(f->other, 1);
    moon_loop_run(f->loop);
    moon_timer_start(f->other, 1);
    moon_timer_stop(f->other);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "baab");
    moon_timer_free(f->timer);
    moon_timer_free(f->other);
}

static void restart_at_once(void *ctx)
{
    struct fixture *f = ctx;
    f->rounds++;
    moon_timer_start(f->timer, 0);
}

static void a_timer_that_restarts_at_once_runs_once_a_turn(void **state)
{
    struct fixture *f = *state;
    f->timer = moon_timer_new(f->loop, restart_at_once, f);
    moon_timer_start(f->timer, 0);
    for (int i = 1; i <= 3; i++) {
        moon_loop_turn(f->loop, 0);
        assert_int_equal(f->rounds, i);
    }
    moon_timer_free(f->timer);
}

static void free_both(void *ctx)
{
    struct fixture *f = ctx;
    add_a(f);
    moon_timer_free(moon_steal(&f->timer));
    moon_timer_free(moon_steal(&f->other));
}

static void timers_may_be_freed_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    f->timer = moon_timer_new(f->loop, free_both, f);
    f->other = moon_timer_new(f->loop, free_both, f);
    moon_timer_start(f->timer, 0);
    moon_timer_start(f->other, 0);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "a");
}

static void defer_again(void *ctx)
{
    struct fixture *f = ctx;
    add_a(f);
    if (f->rounds-- > 0) {
        moon_loop_defer(f->loop, defer_again, f);
    }
}

static void deferred_calls_run_in_the_next_turn(void **state)
{
    struct fixture *f = *state;
    f->rounds = 1;
    moon_loop_defer(f->loop, defer_again, f);
    moon_loop_defer(f->loop, add_b, f);
    assert_int_equal(f->seen.len, 0);
    moon_loop_turn(f->loop, 1000);
    assert_string_equal(moon_buf_cstr(&f->seen), "ab");
    moon_loop_turn(f->loop, 1000);
    assert_string_equal(moon_buf_cstr(&f->seen), "aba");
}

static void cancel_other(void *ctx)
{
    struct fixture *f = ctx;
    moon_defer_cancel(f->defer);
}

static void a_cancelled_call_does_not_run(void **state)
{
    struct fixture *f = *state;
    moon_loop_defer(f->loop, cancel_other, f);
    f->defer = moon_loop_defer(f->loop, add_a, f);
    moon_loop_defer(f->loop, add_b, f);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "b");
    moon_loop_defer(f->loop, add_a, f); /* left behind: the loop frees it */
}

static void on_fd(unsigned events, void *ctx)
{
    struct fixture *f = ctx;
    char c;
    assert_int_equal(events, MOON_FD_READ);
    assert_int_equal(read(f->pipe[0], &c, 1), 1);
    moon_buf_putc(&f->seen, c);
    if (c == '.') {
        moon_fd_free(moon_steal(&f->fd));
    }
}

static void descriptors_report_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    f->fd = moon_fd_new(f->loop, f->pipe[0], 0, on_fd, f);
    assert_int_equal(write(f->pipe[1], "xy.", 3), 3);
    moon_loop_run(f->loop); /* no events asked for: nothing can wake it */
    assert_int_equal(f->seen.len, 0);
    moon_fd_set_events(f->fd, MOON_FD_READ);
    moon_loop_turn(f->loop, 1000);
    assert_string_equal(moon_buf_cstr(&f->seen), "x");
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "xy.");
    assert_null(f->fd);
}

static void what_comes_alone_is_handled_at_once(void **state)
{
    struct fixture *f = *state;
    f->fd = moon_fd_new(f->loop, f->pipe[0], MOON_FD_READ, on_fd, f);
    assert_int_equal(write(f->pipe[1], "abc.", 4), 4);
    moon_loop_run(f->loop); /* else: four hours */
    assert_string_equal(moon_buf_cstr(&f->seen), "abc.");
}

/* on_fd reads a byte each time it is woken: too often, for so many of them. */
static void a_loop_that_is_woken_often_rests(void **state)
{
    struct fixture *f = *state;
    char bytes[200];
    memset(bytes, 'x', sizeof(bytes));
    bytes[sizeof(bytes) - 1] = '.';
    f->fd = moon_fd_new(f->loop, f->pipe[0], MOON_FD_READ, on_fd, f);
    assert_int_equal(write(f->pipe[1], bytes, sizeof(bytes)), sizeof(bytes));
    uint64_t start_ms = moon_loop_now(f->loop);
    moon_loop_run(f->loop);
    assert_int_equal(f->seen.len, sizeof(bytes));
    assert_true(moon_loop_now(f->loop) - start_ms >= 100); /* 136 rests, a ms each */
}

static void stop_loop(void *ctx)
{
    moon_loop_stop(((struct fixture *)ctx)->loop);
}

static void a_batch_delays_no_timer(void **state)
{
    struct fixture *f = *state;
    f->fd = moon_fd_new(f->loop, f->pipe[0], MOON_FD_READ, on_fd, f);
    assert_int_equal(write(f->pipe[1], ".", 1), 1);
    f->timer = moon_timer_new(f->loop, stop_loop, f);
    moon_timer_start(f->timer, 5);
    moon_loop_run(f->loop); /* else: an hour */
    moon_timer_free(f->timer);
    moon_fd_free(f->fd);
}

static void stop_ends_the_run(void **state)
{
    struct fixture *f = *state;
    f->fd = moon_fd_new(f->loop, f->pipe[0], MOON_FD_READ, on_fd, f);
    moon_loop_defer(f->loop, stop_loop, f);
    moon_loop_run(f->loop);
    moon_loop_stop(f->loop); /* before the run: it returns at once */
    moon_loop_run(f->loop);
    moon_fd_free(f->fd);
    moon_loop_defer(f->loop, add_a, f);
    moon_loop_run(f->loop); /* one stop ends one run */
    assert_string_equal(moon_buf_cstr(&f->seen), "a");
}

static void on_signal(int signum, void *ctx)
{
    struct fixture *f = ctx;
    moon_buf_printf(&f->seen, "%d", signum == SIGUSR1);
    moon_loop_stop(f->loop);
}

static void signals_arrive(void **state)
{
    struct fixture *f = *state;
    struct moon_signal *s = moon_signal_new(f->loop, SIGUSR1, on_signal, f);
    raise(SIGUSR1);
    assert_int_equal(f->seen.len, 0);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "1");
    moon_signal_free(s);
}

static pid_t spawn_exit(int code)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(code);
    }
    assert_true(pid > 0);
    return pid;
}

static void on_child(int status, void *ctx)
{
    struct fixture *f = ctx;
    moon_buf_printf(&f->seen, "exit %d", WEXITSTATUS(status));
    moon_child_free(moon_steal(&f->child));
}

static void children_report_their_status(void **state)
{
    struct fixture *f = *state;
    f->child = moon_child_new(f->loop, spawn_exit(7), on_child, f);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "exit 7");
}

static void a_child_that_ended_before_is_noticed(void **state)
{
    struct fixture *f = *state;
    pid_t pid = spawn_exit(3);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    f->child = moon_child_new(f->loop, pid, on_child, f);
    moon_loop_run(f->loop);
    assert_string_equal(moon_buf_cstr(&f->seen), "exit 3");
}

static void an_abandoned_child_leaves_no_zombie(void **state)
{
    struct fixture *f = *state;
    pid_t pid = spawn_exit(0);
    f->child = moon_child_new(f->loop, pid, on_child, f);
    moon_child_free(f->child);
    moon_loop_run(f->loop);
    assert_int_equal(f->seen.len, 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void free_other_prepare(void *ctx)
{
    struct fixture *f = ctx;
    add_a(f);
    moon_prepare_free(moon_steal(&f->other_prepare));
}

static void prepares_run_each_turn_and_may_free_each_other(void **state)
{
    struct fixture *f = *state;
    f->prepare = moon_prepare_new(f->loop, free_other_prepare, f);
    f->other_prepare = moon_prepare_new(f->loop, add_b, f);
    struct moon_prepare *third = moon_prepare_new(f->loop, add_b, f);
    moon_loop_turn(f->loop, 0);
    moon_loop_turn(f->loop, 0);
    assert_string_equal(moon_buf_cstr(&f->seen), "abab");
    moon_prepare_free(f->prepare);
    moon_prepare_free(third);
}

/* ---- virtual clock ---- */

static void virtual_time_stands_still(void **state)
{
    struct fixture *f = *state;
    f->timer = moon_timer_new(f->loop, add_a, f);
    moon_timer_start(f->timer, 1);
    uint64_t start_ms = moon_loop_now(f->loop);
    moon_loop_turn(f->loop, 5);
    moon_loop_run(f->loop); /* a virtual timer cannot wake it */
    assert_int_equal(moon_loop_now(f->loop), start_ms);
    assert_int_equal(f->seen.len, 0);
    assert_int_equal(moon_loop_next_timer(f->loop), start_ms + 1);
    moon_timer_free(f->timer);
    assert_true(moon_loop_next_timer(f->loop) == UINT64_MAX);
}

static void callbacks_are_counted(void **state)
{
    struct fixture *f = *state;
    uint64_t before = moon_loop_callbacks(f->loop);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(moon_loop_callbacks(f->loop), before);
    f->timer = moon_timer_new(f->loop, add_a, f);
    moon_timer_start(f->timer, 1);
    (void)moon_loop_defer(f->loop, add_a, f);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(moon_loop_callbacks(f->loop), before + 1);
    moon_loop_advance(f->loop, 1);
    assert_int_equal(moon_loop_callbacks(f->loop), before + 2);
    moon_timer_free(f->timer);
}

/* One that has looked at its descriptors is told of when it is about to do so again. */
static void turns_are_measured(void **state MOON_UNUSED)
{
    struct moon_metric *turns = moon_metric_register(&(struct moon_metric_opts){
        .name = "turns", .help = "Test.", .type = MOON_METRIC_HISTOGRAM});
    struct moon_err err;
    struct moon_loop *loop = moon_loop_new(&(struct moon_loop_opts){.turns = turns}, &err);

    assert_non_null(loop);
    moon_loop_turn(loop, 0);
    assert_true(moon_metric_value(turns, NULL) == 0);
    for (int i = 1; i < 4; i++) {
        moon_loop_turn(loop, 0);
        assert_true(moon_metric_value(turns, NULL) == i);
    }
    moon_loop_run(loop); /* it is nothing to wait for */
    moon_loop_free(loop);
    moon_metrics_reset();
}

static void advance_runs_each_timer_at_its_own_time(void **state)
{
    struct fixture *f = *state;
    f->rounds = 3;
    f->timer = moon_timer_new(f->loop, add_time_and_restart, f);
    f->other = moon_timer_new(f->loop, add_time, f);
    moon_timer_start(f->timer, 100);
    moon_timer_start(f->other, 250);
    moon_loop_advance(f->loop, 300);
    assert_string_equal(moon_buf_cstr(&f->seen), "100 200 250 300 ");
    assert_int_equal(moon_loop_now(f->loop) % 1000000, 300);
    moon_timer_free(f->timer);
    moon_timer_free(f->other);
}

static void defer_time(void *ctx)
{
    struct fixture *f = ctx;
    moon_loop_defer(f->loop, add_time, f);
}

static void advance_runs_deferred_calls_of_the_same_instant(void **state)
{
    struct fixture *f = *state;
    f->timer = moon_timer_new(f->loop, defer_time, f);
    moon_timer_start(f->timer, 10);
    moon_loop_advance(f->loop, 50);
    assert_string_equal(moon_buf_cstr(&f->seen), "10 ");
    moon_timer_free(f->timer);
}

static void on_jump(int64_t jump_ms, void *ctx)
{
    struct fixture *f = ctx;
    moon_buf_printf(&f->seen, "%lld ", (long long)jump_ms);
}

static void virtual_wall_clock_jumps(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = moon_loop_wall_ms(f->loop);
    assert_int_equal(start_ms, INT64_C(1767225600000));
    struct moon_clock_watch *w = moon_clock_watch_new(f->loop, on_jump, f);
    moon_loop_advance(f->loop, 5000);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->seen.len, 0); /* passing is not jumping */
    moon_loop_jump_wall(f->loop, 900);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->seen.len, 0);
    moon_loop_jump_wall(f->loop, 100000);
    moon_loop_turn(f->loop, 0);
    moon_loop_turn(f->loop, 0);
    moon_loop_jump_wall(f->loop, -3600000);
    moon_loop_turn(f->loop, 0);
    assert_string_equal(moon_buf_cstr(&f->seen), "100900 -3600000 ");
    assert_int_equal(moon_loop_wall_ms(f->loop) - start_ms, 5000 + 100900 - 3600000);
    moon_clock_watch_free(w);
}

static void the_real_wall_clock_does_not_jump(void **state)
{
    struct fixture *f = *state;
    struct moon_clock_watch *w = moon_clock_watch_new(f->loop, on_jump, f);
    moon_loop_run(f->loop); /* a clock watch alone does not keep it running */
    moon_loop_turn(f->loop, 1);
    assert_int_equal(f->seen.len, 0);
    moon_clock_watch_free(w);
}

int main(void)
{
#define REAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define VIRTUAL(test) cmocka_unit_test_setup_teardown(test, setup_virtual, teardown)
    const struct CMUnitTest tests[] = {
        REAL(run_without_anything_returns),
        REAL(timers_fire_in_order_of_time_then_of_start),
        REAL(a_timer_that_restarts_at_once_runs_once_a_turn),
        REAL(timers_may_be_freed_inside_a_callback),
        REAL(deferred_calls_run_in_the_next_turn),
        REAL(a_cancelled_call_does_not_run),
        REAL(descriptors_report_what_was_asked_for),
        cmocka_unit_test_setup_teardown(a_loop_that_is_woken_often_rests, setup_batch, teardown),
        cmocka_unit_test_setup_teardown(what_comes_alone_is_handled_at_once, setup_long_batch,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_batch_delays_no_timer, setup_long_batch, teardown),
        REAL(stop_ends_the_run),
        REAL(signals_arrive),
        REAL(children_report_their_status),
        REAL(a_child_that_ended_before_is_noticed),
        REAL(an_abandoned_child_leaves_no_zombie),
        REAL(prepares_run_each_turn_and_may_free_each_other),
        REAL(the_real_wall_clock_does_not_jump),
        VIRTUAL(virtual_time_stands_still),
        VIRTUAL(callbacks_are_counted),
        cmocka_unit_test(turns_are_measured),
        VIRTUAL(advance_runs_each_timer_at_its_own_time),
        VIRTUAL(advance_runs_deferred_calls_of_the_same_instant),
        VIRTUAL(virtual_wall_clock_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
