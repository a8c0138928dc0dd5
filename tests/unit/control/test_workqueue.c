/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/workqueue.h"

#define A MOON_STR_LIT("default/a")
#define B MOON_STR_LIT("default/b")

struct fixture {
    struct moon_loop *loop;
    struct moon_workqueue *queue;
    int ready;
};

static void on_ready(void *ctx)
{
    struct fixture *f = ctx;
    f->ready++;
}

static int setup(void **state)
{
    static struct fixture f;
    struct moon_err err;
    f = (struct fixture){0};
    f.loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(f.loop);
    f.queue = moon_workqueue_new(
        f.loop, &(struct moon_workqueue_opts){.name = "test", .on_ready = on_ready, .ctx = &f});
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_free(f->queue);
    moon_loop_free(f->loop);
    moon_metrics_reset();
    return 0;
}

static void assert_takes(struct fixture *f, const char *expected)
{
    struct moon_str key;
    if (expected == NULL) {
        assert_false(moon_workqueue_take(f->queue, &key));
        return;
    }
    assert_true(moon_workqueue_take(f->queue, &key));
    assert_true(moon_str_is(key, expected));
}

static void keys_leave_in_order_and_once(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, B);
    moon_workqueue_add(f->queue, A);
    moon_workqueue_add(f->queue, B);
    assert_int_equal(moon_workqueue_depth(f->queue), 2);
    assert_takes(f, "default/b");
    assert_takes(f, "default/a");
    assert_takes(f, NULL);
    moon_workqueue_done(f->queue, A);
    moon_workqueue_done(f->queue, B);
    assert_takes(f, NULL);
}

static void a_key_added_while_processed_comes_once_more_afterwards(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, A);
    assert_takes(f, "default/a");
    moon_workqueue_add(f->queue, A);
    moon_workqueue_add(f->queue, A);
    assert_takes(f, NULL);
    moon_workqueue_done(f->queue, A);
    assert_takes(f, "default/a");
    moon_workqueue_done(f->queue, A);
    assert_takes(f, NULL);
}

static void ready_is_told_once_until_the_queue_has_been_emptied(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, A);
    moon_workqueue_add(f->queue, B);
    assert_int_equal(f->ready, 0); /* never from inside */
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->ready, 1);
    assert_takes(f, "default/a");
    moon_workqueue_done(f->queue, A);
    moon_workqueue_add(f->queue, A);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->ready, 1);
    assert_takes(f, "default/b");
    assert_takes(f, "default/a");
    moon_workqueue_done(f->queue, B);
    moon_workqueue_add(f->queue, B);
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->ready, 2);
}

static void who_took_everything_before_is_not_told(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, A);
    assert_takes(f, "default/a");
    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->ready, 0);
}

static void delayed_adds_keep_the_earliest_time(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add_after(f->queue, A, 1000);
    moon_workqueue_add_after(f->queue, A, 300);
    moon_workqueue_add_after(f->queue, A, 2000);
    moon_workqueue_add_after(f->queue, B, 400);
    assert_int_equal(moon_workqueue_waiting(f->queue), 2);
    moon_loop_advance(f->loop, 299);
    assert_takes(f, NULL);
    moon_loop_advance(f->loop, 1);
    assert_takes(f, "default/a");
    moon_workqueue_done(f->queue, A);
    moon_loop_advance(f->loop, 5000);
    assert_takes(f, "default/b");
    assert_takes(f, NULL);
    assert_int_equal(moon_workqueue_waiting(f->queue), 0);
}

static void an_add_leaves_the_delayed_one_alone(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add_after(f->queue, A, 300);
    moon_workqueue_add(f->queue, A);
    assert_takes(f, "default/a");
    moon_workqueue_done(f->queue, A);
    moon_loop_advance(f->loop, 300);
    assert_takes(f, "default/a");
}

static void a_delay_that_ends_while_processed_counts(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, A);
    assert_takes(f, "default/a");
    moon_workqueue_add_after(f->queue, A, 10);
    moon_loop_advance(f->loop, 10);
    assert_takes(f, NULL);
    moon_workqueue_done(f->queue, A);
    assert_takes(f, "default/a");
}

/* The n-th failure in a row waits 5 ms * 2^n, at most 1000 s, and up to a tenth more. */
static void failures_back_off(void **state)
{
    struct fixture *f = *state;
    uint64_t expected_ms = 5;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(moon_workqueue_failures(f->queue, A), i);
        moon_workqueue_add_rate_limited(f->queue, A);
        uint64_t delay_ms = moon_loop_next_timer(f->loop) - moon_loop_now(f->loop);
        assert_in_range(delay_ms, expected_ms, expected_ms + expected_ms / 10);
        moon_loop_advance(f->loop, delay_ms);
        assert_takes(f, "default/a");
        moon_workqueue_done(f->queue, A);
        expected_ms = expected_ms * 2 < 1000000 ? expected_ms * 2 : 1000000;
    }
    moon_workqueue_forget(f->queue, A);
    assert_int_equal(moon_workqueue_failures(f->queue, A), 0);
    moon_workqueue_add_rate_limited(f->queue, A);
    assert_in_range(moon_loop_next_timer(f->loop) - moon_loop_now(f->loop), 5, 6);
}

static void metrics_follow(void **state)
{
    struct fixture *f = *state;
    struct moon_metric *depth =
        moon_metric_register(&(struct moon_metric_opts){.name = "workqueue_depth",
                                                        .help = "Keys ready to be processed",
                                                        .type = MOON_METRIC_GAUGE,
                                                        .labels = {"name"}});
    moon_workqueue_add(f->queue, A);
    moon_workqueue_add(f->queue, A);
    assert_true(moon_metric_value(depth, MOON_LABELS("test")) == 1);
    assert_takes(f, "default/a");
    assert_true(moon_metric_value(depth, MOON_LABELS("test")) == 0);
    moon_workqueue_done(f->queue, A);

    struct moon_buf out = MOON_BUF_INIT(65536);
    moon_metrics_write(&out);
    assert_non_null(strstr(moon_buf_cstr(&out), "workqueue_adds_total{name=\"test\"} 1\n"));
    moon_buf_fini(&out);
}

static void what_is_left_is_freed(void **state)
{
    struct fixture *f = *state;
    moon_workqueue_add(f->queue, A);
    moon_workqueue_add_after(f->queue, B, 100);
    moon_workqueue_add_rate_limited(f->queue, MOON_STR_LIT("default/c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_leave_in_order_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_added_while_processed_comes_once_more_afterwards,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ready_is_told_once_until_the_queue_has_been_emptied, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_took_everything_before_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(delayed_adds_keep_the_earliest_time, setup, teardown),
        cmocka_unit_test_setup_teardown(an_add_leaves_the_delayed_one_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_delay_that_ends_while_processed_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_back_off, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_left_is_freed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
