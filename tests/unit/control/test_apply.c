/* SPDX-License-Identifier: Apache-2.0
 *
 * What apply sends, and what it makes of answers and of their absence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "apply_fixture.h"

/* ---- what goes out ---- */

static void a_create_is_sent_and_told(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    assert_int_equal(moon_apply_pending(f->apply, KEY), 1);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
    assert_false(f->outcomes[0].found);
    assert_int_equal(f->failed, 0);
    assert_log(f, 0, "POST " PODS);
    assert_string_equal(f->server.query[0], "fieldManager=moonset dryRun=-");
    assert_int_equal(moon_apply_pending(f->apply, (struct moon_str){0}), 0);
}

static void a_delete_has_its_precondition(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/a", "{\"metadata\":{\"uid\":\"u-a\"}}");
    struct moon_plan *plan = moon_plan_new(KEY);
    add_delete(f, plan, "a", "u-a");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_string_equal(f->server.body[0], "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                                           "\"preconditions\":{\"uid\":\"u-a\"}}");
    assert_null(server_get(&f->server, PODS "/a"));
}

/* A server that finds a body with a DELETE does not look at the query. */
static void a_dry_run_marks_every_write(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){.dry_run = true});
    server_put(&f->server, PODS "/b", "{\"metadata\":{\"uid\":\"u-b\"}}");
    struct moon_plan *plan = plan_of_creates(f, KEY, "a", 1);
    add_write(f, plan, MOON_VERB_PATCH_MERGE, "b");
    add_delete(f, plan, "b", "u-b");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(f->server.query[i], "dryRun=All"));
        if (f->server.log[i][0] == 'D') {
            assert_non_null(strstr(f->server.body[i], "\"dryRun\":[\"All\"]"));
        }
    }
}

static void a_plan_without_actions_is_done_later(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    submit(f, moon_plan_new(KEY));
    assert_int_equal(f->plans_done, 0);
    moon_loop_turn(f->server.loop, 0);
    assert_int_equal(f->plans_done, 1);
}

static void actions_start_in_order(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){.max_in_flight = 1});
    struct moon_plan *plan = plan_of_creates(f, KEY, "a", 2);
    add_write(f, plan, MOON_VERB_PATCH_MERGE, "a-0");
    submit(f, plan);
    submit(f, plan_of_creates(f, KEY, "b", 1));
    server_wait(&f->server, f->plans_done, 2);
    const char *order[] = {"a-0", "a-1", "a-0", "b-0"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(f->outcomes[i].name, order[i]);
    }
}

/* ---- lost answers ---- */

static struct answer cut_first_after(const struct server *s MOON_UNUSED,
                                     const char *method MOON_UNUSED, size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_CUT_AFTER : FAULT_NONE};
}

static void a_lost_answer_to_a_create_makes_no_second_object(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_first_after;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_true(f->outcomes[0].found);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->server.objects_made, 1);
    assert_int_equal(f->server.calls, 3);
    assert_log(f, 1, "POST " PODS);
    assert_log(f, 2, "GET " PODS "/a-0");
}

static void a_create_that_was_never_carried_out_is_sent_again(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_first_before;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
    assert_int_equal(f->server.calls, 2);
    assert_int_equal(f->retries, 1);
}

static struct answer cut_first_then_quota(const struct server *s MOON_UNUSED, const char *method,
                                          size_t call)
{
    if (call == 0) {
        return (struct answer){.fault = FAULT_CUT_AFTER};
    }
    if (moon_streq(method, "POST")) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 403, .reason = "Forbidden"};
    }
    return (struct answer){0};
}

/* The object whose answer was lost used up the quota: the refusal of the repeat is not the truth.
 */
static void a_refused_repeat_is_looked_into(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_first_then_quota;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_true(f->outcomes[0].found);
    assert_int_equal(f->failed, 0);
}

static struct answer cut_before_then_quota(const struct server *s, const char *method, size_t call)
{
    if (call == 0) {
        return (struct answer){.fault = FAULT_CUT_BEFORE};
    }
    return cut_first_then_quota(s, method, call);
}

static void a_refused_repeat_of_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_before_then_quota;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_E_DENIED, 404);
    assert_int_equal(f->failed, 1);
    assert_log(f, 2, "GET " PODS "/a-0");
}

static void a_refused_repeat_beside_a_stranger_is_refused(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_before_then_quota;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/a-0", "{}");
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_E_DENIED, 200);
    assert_int_equal(f->failed, 1);
}

static void a_late_answer_of_a_deleted_pod_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait(&f->server, f->server.calls, 1);
    server_remove(&f->server, PODS "/a-0");
    server_settle(&f->server);
    assert_int_equal(f->done, 0);
    assert_true(server_release(&f->server));
    server_wait(&f->server, f->plans_done, 1);
    moon_loop_advance(f->server.loop, 60000);
    server_settle(&f->server);
    assert_outcome(f, 0, MOON_OK, 201);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->server.objects_made, 1);
    assert_int_equal(f->server.calls, 1);
}

static void a_timeout_is_an_unknown_outcome(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){.timeout_ms = 50});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_true(f->outcomes[0].found);
    assert_int_equal(f->server.objects_made, 1);
}

static void a_lost_answer_to_a_delete_is_a_success(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_first_after;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/a", "{\"metadata\":{\"uid\":\"u-a\"}}");
    struct moon_plan *plan = moon_plan_new(KEY);
    add_delete(f, plan, "a", "u-a");
    submit(f, plan);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 404);
    assert_int_equal(f->failed, 0);
}

/* 100 ms, doubling up to 5 s, each with a fifth of jitter. */
static void unknown_outcomes_back_off(void **state)
{
    struct fixture *f = *state;
    f->server.plan = fail_often;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    uint64_t expected_ms = 100;
    for (size_t i = 0; i < 9; i++) {
        server_wait(&f->server, f->retries, i + 1);
        uint64_t delay_ms = moon_loop_next_timer(f->server.loop) - moon_loop_now(f->server.loop);
        assert_in_range(delay_ms, expected_ms * 8 / 10, expected_ms * 12 / 10);
        moon_loop_advance(f->server.loop, delay_ms);
        expected_ms = expected_ms * 2 < 5000 ? expected_ms * 2 : 5000;
    }
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
    assert_int_equal(f->server.calls, 10);
}

/* ---- answers ---- */

static void what_was_there_before_is_ours_by_its_owner(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/a-0",
               "{\"metadata\":{\"ownerReferences\":[{\"controller\":true,\"uid\":\"owner\"}]}}");
    create_one(f);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_true(f->outcomes[0].found);
}

static void a_name_taken_by_others_is_an_error(void **state)
{
    static const char *const others[] = {
        "{}",
        "{\"metadata\":{\"ownerReferences\":[{\"uid\":\"owner\"}]}}",
        "{\"metadata\":{\"ownerReferences\":[{\"controller\":true,\"uid\":\"other\"},"
        "{\"uid\":\"owner\"}]}}",
    };
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(others); i++) {
        server_put(&f->server, PODS "/a-0", others[i]);
        create_one(f);
        server_wait(&f->server, f->plans_done, i + 1);
        assert_outcome(f, i, MOON_E_EXISTS, 200); /* the answer is that of the GET */
        assert_false(f->outcomes[i].found);
    }
    assert_int_equal(f->failed, 3);
}

static struct answer says_server_timeout(const struct server *s MOON_UNUSED, const char *method,
                                         size_t call)
{
    if (moon_streq(method, "POST") && call > 0) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "ServerTimeout"};
    }
    return (struct answer){.fault = call == 0 ? FAULT_CUT_AFTER : FAULT_NONE};
}

/* Seen on 1.20, whose words these are when a name is taken and there is a generateName beside it:
 * the pod was there, and its creation was repeated for ever. */
static void a_server_that_says_timeout_for_exists_is_understood(void **state)
{
    struct fixture *f = *state;
    f->server.plan = says_server_timeout;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_true(f->outcomes[0].found);
    assert_int_equal(f->server.objects_made, 1);
    assert_int_equal(f->server.calls, 3);
}

static struct answer times_out_five_times(const struct server *s MOON_UNUSED, const char *method,
                                          size_t call)
{
    if (moon_streq(method, "POST") && call < 9) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "ServerTimeout"};
    }
    return (struct answer){0};
}

/* It may be in trouble all the same: looking in between does not make us ask more often. */
static void a_server_that_times_out_is_left_in_peace(void **state)
{
    struct fixture *f = *state;
    f->server.plan = times_out_five_times;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    uint64_t expected_ms = 100;
    for (size_t i = 0; i < 5; i++) {
        server_wait(&f->server, f->retries, i + 1);
        uint64_t delay_ms = moon_loop_next_timer(f->server.loop) - moon_loop_now(f->server.loop);
        assert_in_range(delay_ms, expected_ms * 8 / 10, expected_ms * 12 / 10);
        moon_loop_advance(f->server.loop, delay_ms);
        expected_ms *= 2;
    }
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
}

static struct answer vanish(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                            size_t call)
{
    if (call == 0) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 409, .reason = "AlreadyExists"};
    }
    return (struct answer){0};
}

static void a_name_that_gets_free_meanwhile_is_taken(void **state)
{
    struct fixture *f = *state;
    f->server.plan = vanish;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
    assert_int_equal(f->server.calls, 3);
}

static void a_delete_of_what_is_gone_is_a_success(void **state)
{
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/b", "{\"metadata\":{\"uid\":\"another\"}}");
    struct moon_plan *plan = moon_plan_new(KEY);
    add_delete(f, plan, "a", "u-a");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    plan = moon_plan_new(KEY);
    add_delete(f, plan, "b", "u-b");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 2);
    assert_outcome(f, 0, MOON_OK, 404);
    assert_outcome(f, 1, MOON_OK, 409);
    assert_non_null(server_get(&f->server, PODS "/b"));
}

static struct answer conflict_and_expired(const struct server *s MOON_UNUSED,
                                          const char *method MOON_UNUSED, size_t call)
{
    if (call == 0) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 409, .reason = "Conflict"};
    }
    if (call == 2) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 410, .reason = "Expired"};
    }
    return (struct answer){.fault = FAULT_NONE};
}

/* Found by a random schedule: a pod that was still there was taken for gone. */
static void a_conflict_does_not_say_that_it_is_gone(void **state)
{
    struct fixture *f = *state;
    f->server.plan = conflict_and_expired;
    start(f, (struct moon_apply_opts){0});
    server_put(&f->server, PODS "/a", "{\"metadata\":{\"uid\":\"u-a\"}}");
    struct moon_plan *plan = moon_plan_new(KEY);
    add_delete(f, plan, "a", "u-a");
    submit(f, plan);
    server_wait_moving(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 200);
    assert_null(server_get(&f->server, PODS "/a"));
    assert_int_equal(f->server.calls, 5);
}

static struct answer proxy_says_404(const struct server *s MOON_UNUSED,
                                    const char *method MOON_UNUSED, size_t n MOON_UNUSED)
{
    return (struct answer){.fault = FAULT_REFUSE, .status = 404};
}

/* A pod taken for gone gets a successor beside it. */
static void a_proxy_cannot_say_that_it_is_gone(void **state)
{
    struct fixture *f = *state;
    f->server.plan = proxy_says_404;
    start(f, (struct moon_apply_opts){0});
    struct moon_plan *plan = moon_plan_new(KEY);
    add_delete(f, plan, "a", "u-a");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_E_NOT_FOUND, 404);
}

static struct answer refuse_all(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                                size_t call)
{
    static const struct answer answers[] = {
        {.fault = FAULT_REFUSE, .status = 409, .reason = "Conflict"},
        {.fault = FAULT_REFUSE, .status = 404, .reason = "NotFound"},
        {.fault = FAULT_REFUSE, .status = 422, .reason = "Invalid"},
        {.fault = FAULT_REFUSE, .status = 403, .reason = "Forbidden"},
    };
    return answers[call % 4];
}

static void clear_refusals_are_handed_on(void **state)
{
    static const enum moon_verb verbs[] = {MOON_VERB_UPDATE, MOON_VERB_PATCH_MERGE,
                                           MOON_VERB_PATCH_JSON, MOON_VERB_PATCH_STRATEGIC};
    static const struct {
        enum moon_code code;
        int status;
    } expected[] = {{MOON_E_CONFLICT, 409},
                    {MOON_E_NOT_FOUND, 404},
                    {MOON_E_INVALID, 422},
                    {MOON_E_DENIED, 403}};
    struct fixture *f = *state;
    f->server.plan = refuse_all;
    start(f, (struct moon_apply_opts){.max_in_flight = 1});
    struct moon_plan *plan = moon_plan_new(KEY);
    for (size_t i = 0; i < 4; i++) {
        add_write(f, plan, verbs[i], "a");
    }
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_outcome(f, i, expected[i].code, expected[i].status);
    }
    assert_int_equal(f->failed, 4);
    assert_int_equal(f->server.calls, 4);
}

static struct answer too_many(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                              size_t call)
{
    if (call == 0) {
        return (struct answer){
            .fault = FAULT_REFUSE, .status = 429, .reason = "TooManyRequests", .retry_after = "7"};
    }
    return (struct answer){0};
}

static void retry_after_is_obeyed(void **state)
{
    struct fixture *f = *state;
    f->server.plan = too_many;
    start(f, (struct moon_apply_opts){0});
    create_one(f);
    server_wait(&f->server, f->retries, 1);
    uint64_t delay_ms = moon_loop_next_timer(f->server.loop) - moon_loop_now(f->server.loop);
    assert_in_range(delay_ms, 7000, 8750);
    moon_loop_advance(f->server.loop, 6999);
    server_settle(&f->server);
    assert_int_equal(f->server.calls, 1);
    moon_loop_advance(f->server.loop, 1751);
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_OK, 201);
}

static struct answer too_many_evictions(const struct server *s, const char *method MOON_UNUSED,
                                        size_t call)
{
    bool is_eviction = strstr(s->log[call], "eviction") != NULL;
    return (struct answer){.fault = is_eviction ? FAULT_REFUSE : FAULT_NONE,
                           .status = 429,
                           .reason = "TooManyRequests"};
}

/* What is only asked for is not asked again here, and holds up nothing that is made. */
static void what_is_asked_once_ends_with_any_answer(void **state)
{
    struct fixture *f = *state;
    f->server.plan = too_many_evictions;
    start(f, (struct moon_apply_opts){0});
    struct moon_plan *plan = moon_plan_new(KEY);
    for (int i = 0; i < 3; i++) {
        add_write(f, plan, MOON_VERB_CREATE, "b");
    }
    for (size_t i = 0; i < 3; i++) { /* moon_plan_get is for reading */
        struct moon_action *a = (struct moon_action *)(uintptr_t)moon_plan_get(plan, i);
        a->once = true;
        a->subresource = "eviction";
    }
    add_create(f, plan, "a-0");
    add_create(f, plan, "a-1");
    submit(f, plan);
    server_wait(&f->server, f->plans_done, 1);
    assert_int_equal(f->server.calls, 5);
    assert_int_equal(f->retries, 0);
    assert_int_equal(f->failed, 0);
    size_t refused = 0;
    for (size_t i = 0; i < 5; i++) {
        refused += f->outcomes[i].status == 429 && f->outcomes[i].quiet;
    }
    assert_int_equal(refused, 3);
    assert_non_null(server_get(&f->server, PODS "/a-0"));
    assert_non_null(server_get(&f->server, PODS "/a-1"));
}

static struct answer namespace_ends(const struct server *s MOON_UNUSED,
                                    const char *method MOON_UNUSED, size_t call MOON_UNUSED)
{
    return (struct answer){.fault = FAULT_REFUSE,
                           .status = 403,
                           .reason = "Forbidden",
                           .cause = "NamespaceTerminating"};
}

static void a_terminating_namespace_is_no_failure(void **state)
{
    struct fixture *f = *state;
    f->server.plan = namespace_ends;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 20));
    server_wait(&f->server, f->plans_done, 1);
    assert_outcome(f, 0, MOON_E_DENIED, 403);
    assert_int_equal(f->done, 20);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->server.calls, 1);
    for (size_t i = 0; i < 20; i++) {
        assert_true(f->outcomes[i].quiet);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_create_is_sent_and_told),
        TEST(a_delete_has_its_precondition),
        TEST(a_dry_run_marks_every_write),
        TEST(a_plan_without_actions_is_done_later),
        TEST(actions_start_in_order),
        TEST(a_lost_answer_to_a_create_makes_no_second_object),
        TEST(a_create_that_was_never_carried_out_is_sent_again),
        TEST(a_refused_repeat_is_looked_into),
        TEST(a_refused_repeat_of_nothing_is_refused),
        TEST(a_refused_repeat_beside_a_stranger_is_refused),
        TEST(a_late_answer_of_a_deleted_pod_is_told_once),
        TEST(a_timeout_is_an_unknown_outcome),
        TEST(a_lost_answer_to_a_delete_is_a_success),
        TEST(unknown_outcomes_back_off),
        TEST(what_was_there_before_is_ours_by_its_owner),
        TEST(a_name_taken_by_others_is_an_error),
        TEST(a_server_that_says_timeout_for_exists_is_understood),
        TEST(a_server_that_times_out_is_left_in_peace),
        TEST(a_name_that_gets_free_meanwhile_is_taken),
        TEST(a_delete_of_what_is_gone_is_a_success),
        TEST(a_conflict_does_not_say_that_it_is_gone),
        TEST(a_proxy_cannot_say_that_it_is_gone),
        TEST(clear_refusals_are_handed_on),
        TEST(retry_after_is_obeyed),
        TEST(what_is_asked_once_ends_with_any_answer),
        TEST(a_terminating_namespace_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
