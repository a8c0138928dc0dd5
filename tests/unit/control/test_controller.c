/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/controller.h"
#include "server.h"

#define KEY MOON_STR_LIT("default/agent")

struct fixture {
    struct server server;
    struct moon_apply *apply;
    struct moon_controller *controller;
    size_t reconciles;
    size_t failures;        /* told by on_failure */
    size_t action_failures; /* of these, of actions */
    char last_key[64];
    /* What the next reconciles do. */
    bool fails;
    bool is_slow;
    unsigned creates;
    uint64_t requeue_ms;
};

static void write_pod(const struct moon_action *a, struct moon_buf *out)
{
    moon_buf_printf(out, "{\"metadata\":{\"name\":\"%s\"}}", a->name);
}

static void burn_ms(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t end_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms + 1;
    do {
        clock_gettime(CLOCK_MONOTONIC, &t);
    } while ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 < end_ms);
}

static int reconcile(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err)
{
    struct fixture *f = ctx;
    f->reconciles++;
    snprintf(f->last_key, sizeof f->last_key, "%.*s", MOON_STR_ARG(key));
    for (unsigned i = 0; i < f->creates; i++) {
        moon_plan_add(plan,
                      &(struct moon_action){.verb = MOON_VERB_CREATE,
                                            .resource = &moon_resource_pods,
                                            .namespace = "default",
                                            .name = moon_arena_printf(moon_plan_arena(plan),
                                                                      "p-%zu-%u", f->reconciles, i),
                                            .reason = "test",
                                            .write_body = write_pod});
    }
    if (f->requeue_ms > 0) {
        moon_plan_requeue(plan, f->requeue_ms);
    }
    if (f->is_slow) {
        burn_ms(6);
    }
    return f->fails ? moon_err_set(err, MOON_E_POLICY, "policy x: no") : 0;
}

static void on_failure(struct moon_str key, const struct moon_err *err,
                       const struct moon_action *action, void *ctx)
{
    struct fixture *f = ctx;
    assert_true(moon_str_is(key, f->last_key));
    assert_true(err->text[0] != '\0');
    f->failures++;
    f->action_failures += action != NULL;
}

static void start(struct fixture *f, bool serial)
{
    f->controller = moon_controller_new(f->server.loop, f->apply,
                                        &(struct moon_controller_opts){.name = "test",
                                                                       .serial = serial,
                                                                       .reconcile = reconcile,
                                                                       .on_failure = on_failure,
                                                                       .ctx = f});
    moon_controller_start(f->controller);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    server_init(&f.server);
    f.apply = moon_apply_new(f.server.client, &(struct moon_apply_opts){0});
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_controller_free(f->controller);
    moon_apply_free(f->apply);
    server_fini(&f->server);
    moon_metrics_reset();
    return 0;
}

static struct answer refuse(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                            size_t call MOON_UNUSED)
{
    return (struct answer){.fault = FAULT_REFUSE, .status = 403, .reason = "Forbidden"};
}

static struct answer hold_first(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                                size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_HOLD : FAULT_NONE};
}

static void keys_are_collected_until_started(void **state)
{
    struct fixture *f = *state;
    start(f, false);
    moon_controller_stop(f->controller);
    moon_controller_enqueue(f->controller, KEY);
    moon_controller_enqueue(f->controller, KEY);
    moon_loop_advance(f->server.loop, 1000);
    server_settle(&f->server);
    assert_int_equal(f->reconciles, 0);
    assert_false(moon_controller_is_idle(f->controller));
    moon_controller_start(f->controller);
    server_settle(&f->server);
    assert_int_equal(f->reconciles, 1);
    assert_string_equal(f->last_key, "default/agent");
    assert_true(moon_controller_is_idle(f->controller));
}

static void a_plan_is_carried_out(void **state)
{
    struct fixture *f = *state;
    f->creates = 2;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 1);
    assert_false(moon_controller_is_idle(f->controller));
    server_wait(&f->server, f->server.objects_made, 2);
    server_settle(&f->server);
    assert_true(moon_controller_is_idle(f->controller));
    assert_int_equal(f->reconciles, 1);
    assert_int_equal(f->failures, 0);
}

static void count_actions(const struct moon_plan *plan, void *ctx)
{
    size_t *shown = ctx;
    assert_true(moon_str_is(moon_plan_key(plan), "default/agent"));
    shown[moon_plan_count(plan)]++;
}

/* What somebody looks on at is all the same carried out, unless writing is suspended. */
static void plans_can_be_looked_at(void **state)
{
    struct fixture *f = *state;
    size_t shown[4] = {0}; /* plans by their number of actions */
    start(f, false);
    moon_apply_observe(f->apply, count_actions, shown);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 1);
    assert_int_equal(shown[0], 1);
    f->creates = 3;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->server.calls, 3);
    assert_int_equal(shown[3], 1);
    server_settle(&f->server);
    moon_apply_suspend(f->apply);
    f->creates = 2;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 3);
    server_settle(&f->server);
    assert_int_equal(shown[2], 1);
    assert_int_equal(f->server.calls, 3);
    assert_true(moon_controller_is_idle(f->controller));
}

static void a_failed_reconcile_backs_off_and_is_applied_all_the_same(void **state)
{
    struct fixture *f = *state;
    f->fails = true;
    f->creates = 1;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    uint64_t expected_ms = 5;
    for (size_t i = 1; i <= 6; i++) {
        server_wait(&f->server, f->reconciles, i);
        server_wait(&f->server, f->server.objects_made, i);
        server_settle(&f->server);
        assert_int_equal(f->reconciles, i);
        uint64_t delay_ms = moon_loop_next_timer(f->server.loop) - moon_loop_now(f->server.loop);
        assert_in_range(delay_ms, expected_ms, expected_ms + expected_ms / 10);
        moon_loop_advance(f->server.loop, delay_ms);
        expected_ms *= 2;
    }
    assert_true(f->failures >= 6);
    assert_int_equal(f->action_failures, 0);
}

static void a_success_forgets_the_failures(void **state)
{
    struct fixture *f = *state;
    f->fails = true;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 1);
    moon_loop_advance(f->server.loop, 100);
    assert_true(f->reconciles > 3);
    f->fails = false;
    moon_loop_advance(f->server.loop, 1000);
    size_t before = f->reconciles;
    f->fails = true;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, before + 1);
    assert_int_equal(f->reconciles, before + 1);
    moon_loop_advance(f->server.loop, 5);
    assert_int_equal(f->reconciles, before + 2);
}

static void a_failed_action_is_reported_and_tried_again(void **state)
{
    struct fixture *f = *state;
    f->creates = 3;
    f->server.plan = refuse;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    uint64_t expected_ms = 5;
    for (size_t i = 1; i <= 4; i++) {
        server_wait(&f->server, f->failures, i);
        server_settle(&f->server);
        uint64_t delay_ms = moon_loop_next_timer(f->server.loop) - moon_loop_now(f->server.loop);
        assert_in_range(delay_ms, expected_ms, expected_ms + expected_ms / 10);
        moon_loop_advance(f->server.loop, delay_ms);
        expected_ms *= 2;
    }
    /* One refused create each time; those cancelled behind it are not worth a word. */
    assert_int_equal(f->action_failures, 4);
}

static void a_wish_is_granted(void **state)
{
    struct fixture *f = *state;
    f->requeue_ms = 30000;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 1);
    moon_loop_advance(f->server.loop, 29999);
    assert_int_equal(f->reconciles, 1);
    assert_true(moon_controller_is_idle(f->controller)); /* delayed keys do not count */
    moon_loop_advance(f->server.loop, 1);
    assert_int_equal(f->reconciles, 2);
    f->requeue_ms = 0;
    moon_loop_advance(f->server.loop, 100000);
    assert_int_equal(f->reconciles, 3);
}

static void a_delayed_key_comes_later(void **state)
{
    struct fixture *f = *state;
    start(f, false);
    moon_controller_enqueue_after(f->controller, KEY, 500);
    moon_loop_advance(f->server.loop, 499);
    assert_int_equal(f->reconciles, 0);
    moon_loop_advance(f->server.loop, 1);
    assert_int_equal(f->reconciles, 1);
}

static void serial_waits_for_the_plan(void **state)
{
    struct fixture *f = *state;
    f->creates = 1;
    f->server.plan = hold_first;
    start(f, true);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->server.calls, 1);
    moon_controller_enqueue(f->controller, KEY);
    server_settle(&f->server);
    assert_int_equal(f->reconciles, 1);
    server_release(&f->server);
    server_wait(&f->server, f->reconciles, 2);
    server_wait(&f->server, f->server.objects_made, 2);
}

static void without_serial_a_key_is_reconciled_meanwhile(void **state)
{
    struct fixture *f = *state;
    f->creates = 1;
    f->server.plan = hold_first;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->server.calls, 1);
    f->creates = 0;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 2);
    assert_false(moon_controller_is_idle(f->controller));
    server_release(&f->server);
    server_settle(&f->server);
    assert_true(moon_controller_is_idle(f->controller));
}

/* The status could be written: that says nothing of the create that still hangs beside it. */
static void failures_count_while_something_is_open(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, false);
    f->fails = true;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 1);
    f->creates = 1;
    moon_loop_advance(f->server.loop, 5);
    server_wait(&f->server, f->server.calls, 1);
    f->creates = 0;
    f->fails = false;
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->reconciles, 3);
    f->fails = true;
    moon_loop_advance(f->server.loop, 11); /* the second failure's retry is the third failure */
    assert_int_equal(f->reconciles, 4);
    f->fails = false;
    /* It is due 20 to 22 ms after the second, which ran 10 to 11 ms after the first. */
    moon_loop_advance(f->server.loop, 18);
    assert_int_equal(f->reconciles, 4);
    moon_loop_advance(f->server.loop, 4);
    assert_int_equal(f->reconciles, 5);
    server_release(&f->server);
}

static void a_slice_gives_the_loop_a_turn(void **state)
{
    struct fixture *f = *state;
    f->is_slow = true;
    start(f, false);
    moon_controller_enqueue(f->controller, KEY);
    moon_controller_enqueue(f->controller, MOON_STR_LIT("default/b"));
    moon_controller_enqueue(f->controller, MOON_STR_LIT("default/c"));
    size_t before = 0;
    while (f->reconciles < 3) {
        moon_loop_turn(f->server.loop, 0);
        assert_true(f->reconciles - before <= 1);
        before = f->reconciles;
    }
}

static void a_controller_may_go_before_its_plans(void **state)
{
    struct fixture *f = *state;
    f->creates = 3;
    f->server.plan = hold_first;
    start(f, true);
    moon_controller_enqueue(f->controller, KEY);
    server_wait(&f->server, f->server.calls, 1);
    moon_controller_free(moon_steal(&f->controller));
    server_release(&f->server);
    server_wait(&f->server, f->server.objects_made, 3);
    server_settle(&f->server);
    assert_int_equal(moon_apply_pending(f->apply, (struct moon_str){0}), 0);
}

static void a_stepped_one_waits_to_be_told(void **state)
{
    struct fixture *f = *state;
    f->controller =
        moon_controller_new(f->server.loop, f->apply,
                            &(struct moon_controller_opts){
                                .name = "test", .stepped = true, .reconcile = reconcile, .ctx = f});
    moon_controller_start(f->controller);
    moon_controller_enqueue(f->controller, KEY);
    moon_controller_enqueue(f->controller, MOON_STR_LIT("default/other"));
    server_settle(&f->server);
    assert_int_equal(f->reconciles, 0);
    moon_controller_step(f->controller, KEY);
    assert_int_equal(f->reconciles, 1);
    assert_string_equal(f->last_key, "default/agent");
    moon_controller_step(f->controller, MOON_STR_LIT("nobody/wanted-it"));
    assert_int_equal(f->reconciles, 2);
    assert_string_equal(f->last_key, "nobody/wanted-it");
    server_settle(&f->server);
    assert_int_equal(f->reconciles, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_collected_until_started),
        TEST(a_plan_is_carried_out),
        TEST(plans_can_be_looked_at),
        TEST(a_failed_reconcile_backs_off_and_is_applied_all_the_same),
        TEST(a_success_forgets_the_failures),
        TEST(a_failed_action_is_reported_and_tried_again),
        TEST(a_wish_is_granted),
        TEST(a_delayed_key_comes_later),
        TEST(serial_waits_for_the_plan),
        TEST(without_serial_a_key_is_reconciled_meanwhile),
        TEST(failures_count_while_something_is_open),
        TEST(a_slice_gives_the_loop_a_turn),
        TEST(a_controller_may_go_before_its_plans),
        TEST(a_stepped_one_waits_to_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
