/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast apply goes, whose turn it is, and how it stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "apply_fixture.h"
#include "base/metrics.h"

/* ---- pace ---- */

static struct answer ten_are_enough(const struct server *s, const char *method MOON_UNUSED,
                                    size_t call MOON_UNUSED)
{
    if (s->objects_made >= 10) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 403, .reason = "Forbidden"};
    }
    return (struct answer){0};
}

static void creates_that_fail_cost_few_calls(void **state)
{
    struct fixture *f = *state;
    f->server.plan = ten_are_enough;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 100));
    server_wait(&f->server, f->plans_done, 1);
    assert_true(f->server.calls <= 15);
    assert_int_equal(f->done, 100);
    assert_int_equal(f->failed, 90);
    size_t cancelled = 0;
    for (size_t i = 0; i < f->done; i++) {
        cancelled += f->outcomes[i].code == MOON_E_CANCELLED;
    }
    assert_int_equal(cancelled, 100 - f->server.calls);
}

static void a_failed_create_leaves_other_writes_alone(void **state)
{
    struct fixture *f = *state;
    f->server.plan = ten_are_enough;
    f->server.objects_made = 10;
    start(f, (struct moon_apply_opts){0});
    struct moon_plan *plan = plan_of_creates(f, KEY, "a", 3);
    add_delete(f, plan, "gone", "u");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    assert_int_equal(f->server.calls, 2);
    assert_int_equal(f->failed, 4); /* the DELETE is refused by this server, too: but it was sent */
    assert_non_null(strstr(f->server.log[1], "DELETE"));
}

static struct answer hold_first_of_round(const struct server *s MOON_UNUSED,
                                         const char *method MOON_UNUSED, size_t call)
{
    bool is_first = call == 0 || call == 1 || call == 3 || call == 7 || call == 15;
    return (struct answer){.fault = is_first ? FAULT_HOLD : FAULT_NONE};
}

static void the_window_doubles_when_a_round_has_its_last_answer(void **state)
{
    static const size_t calls[] = {1, 3, 7, 15, 20};
    struct fixture *f = *state;
    f->server.plan = hold_first_of_round;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 20));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(calls); i++) {
        server_wait(&f->server, f->server.calls, calls[i]);
        server_settle(&f->server);
        assert_int_equal(f->server.calls, calls[i]);
        assert_true(server_release(&f->server));
    }
    server_wait(&f->server, f->plans_done, 1);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->server.objects_made, 20);
}

/* At the maximum there are no rounds any more: one slow answer does not hold up the others. */
static struct answer hold_tenth(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                                size_t call)
{
    return (struct answer){.fault = call == 10 ? FAULT_HOLD : FAULT_NONE};
}

static void an_open_window_slides(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_tenth;
    start(f, (struct moon_apply_opts){.max_in_flight = 4});
    submit(f, plan_of_creates(f, KEY, "a", 30));
    server_wait(&f->server, f->done, 29);
    assert_true(server_release(&f->server));
    server_wait(&f->server, f->plans_done, 1);
}

static void deletes_have_no_slow_start(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    struct moon_plan *plan = moon_plan_new(KEY);
    for (size_t i = 0; i < 10; i++) {
        add_delete(f, plan, "a", "u");
    }
    submit(f, plan);
    server_wait(&f->server, f->done, 9);
    server_release(&f->server);
    server_wait(&f->server, f->plans_done, 1);
}

static void lanes_take_turns(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){.max_in_flight = 1});
    submit(f, plan_of_creates(f, KEY, "a", 10));
    submit(f, plan_of_creates(f, MOON_STR_LIT("default/b"), "b", 1));
    server_wait(&f->server, f->plans_done, 2);
    assert_string_equal(f->outcomes[1].name, "b-0");
}

static void a_lane_in_trouble_delays_no_other(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_first_before;
    start(f, (struct moon_apply_opts){.max_in_flight = 1});
    submit(f, plan_of_creates(f, KEY, "a", 1));
    submit(f, plan_of_creates(f, MOON_STR_LIT("default/b"), "b", 3));
    server_wait(&f->server, f->plans_done, 1); /* time stands still: no retry */
    assert_string_equal(f->outcomes[0].name, "b-0");
    server_wait_moving(&f->server, f->plans_done, 2);
    assert_string_equal(f->outcomes[3].name, "a-0");
}

/* ---- stop ---- */

static void suspend_cuts_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 5));
    server_wait(&f->server, f->server.calls, 1);
    moon_apply_suspend(f->apply);
    assert_int_equal(f->done, 0); /* told from the loop */
    assert_int_equal(moon_apply_pending(f->apply, KEY), 0);
    server_wait(&f->server, f->plans_done, 1);
    server_settle(&f->server);
    assert_false(server_release(&f->server)); /* the connection is gone */
    assert_int_equal(f->done, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_outcome(f, i, MOON_E_CANCELLED, 0);
    }
    create_one(f);
    assert_int_equal(f->done, 5);
    server_wait(&f->server, f->plans_done, 2);
    assert_outcome(f, 5, MOON_E_CANCELLED, 0);
    assert_int_equal(f->server.calls, 1);

    moon_apply_resume(f->apply);
    create_one(f);
    server_wait(&f->server, f->plans_done, 3);
    assert_outcome(f, 6, MOON_OK, 200); /* found: it had been carried out */
}

static void suspend_ends_what_is_asleep(void **state)
{
    struct fixture *f = *state;
    f->server.plan = fail_often;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait(&f->server, f->retries, 1);
    moon_apply_suspend(f->apply);
    moon_loop_advance(f->server.loop, 60000);
    server_settle(&f->server);
    assert_outcome(f, 0, MOON_E_CANCELLED, 0);
    assert_int_equal(f->server.calls, 1);
}

static void add_name(const struct moon_action *action, void *ctx)
{
    moon_buf_printf(ctx, "%s ", action->name);
}

static void what_is_open_is_told(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf names = MOON_BUF_INIT(1024);
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 3));
    server_wait(&f->server, f->server.calls, 1);
    moon_apply_each(f->apply, KEY, add_name, &names);
    assert_string_equal(moon_buf_cstr(&names), "a-0 a-1 a-2 ");
    moon_buf_clear(&names);
    moon_apply_each(f->apply, MOON_STR_LIT("ns/other"), add_name, &names);
    assert_int_equal(names.len, 0);
    server_release(&f->server);
    server_wait(&f->server, f->plans_done, 1);
}

static void a_dropped_lane_finishes_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 3));
    server_wait(&f->server, f->server.calls, 1);
    moon_apply_drop(f->apply, KEY);
    assert_int_equal(moon_apply_pending(f->apply, KEY), 1);
    server_wait(&f->server, f->done, 2);
    assert_outcome(f, 0, MOON_E_CANCELLED, 0);
    assert_outcome(f, 1, MOON_E_CANCELLED, 0);
    server_release(&f->server);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 2, MOON_OK, 201);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->server.calls, 1);
    moon_apply_drop(f->apply, KEY); /* no such lane */
}

/* A create repeated after its owner has gone would leave a pod that belongs to nobody. */
static void a_dropped_lane_sends_nothing_again(void **state)
{
    struct fixture *f = *state;
    f->server.plan = fail_often;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait(&f->server, f->retries, 1);
    moon_apply_drop(f->apply, KEY);
    moon_loop_advance(f->server.loop, 60000);
    server_settle(&f->server);
    assert_outcome(f, 0, MOON_E_CANCELLED, 0);

    create_one(f);
    moon_loop_turn(f->server.loop, 0); /* on the wire */
    moon_apply_drop(f->apply, KEY);
    server_wait(&f->server, f->plans_done, 2);
    moon_loop_advance(f->server.loop, 60000);
    server_settle(&f->server);
    assert_outcome(f, 1, MOON_E_CANCELLED, 0);
    assert_int_equal(f->server.calls, 2);
}

static void free_tells_everything_open(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 3));
    submit(f, moon_plan_new(MOON_STR_LIT("default/empty")));
    moon_apply_free(moon_steal(&f->apply));
    assert_int_equal(f->done, 3);
    assert_int_equal(f->plans_done, 2);
    server_settle(&f->server);
    assert_int_equal(f->server.calls, 0);
}

/* A reader of /metrics can tell how it goes. */
static void results_are_counted(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait(&f->server, f->plans_done, 1);
    struct moon_buf out = MOON_BUF_INIT(65536);
    moon_metrics_write(&out);
    assert_non_null(strstr(
        moon_buf_cstr(&out),
        "moonset_apply_actions_total{verb=\"create\",resource=\"pods\",result=\"done\"} 1\n"));
    moon_buf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creates_that_fail_cost_few_calls),
        TEST(a_failed_create_leaves_other_writes_alone),
        TEST(the_window_doubles_when_a_round_has_its_last_answer),
        TEST(an_open_window_slides),
        TEST(deletes_have_no_slow_start),
        TEST(lanes_take_turns),
        TEST(a_lane_in_trouble_delays_no_other),
        TEST(suspend_cuts_what_is_in_flight),
        TEST(suspend_ends_what_is_asleep),
        TEST(what_is_open_is_told),
        TEST(a_dropped_lane_finishes_what_is_in_flight),
        TEST(a_dropped_lane_sends_nothing_again),
        TEST(free_tells_everything_open),
        TEST(results_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
