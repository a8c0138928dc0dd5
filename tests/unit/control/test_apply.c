/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/apply.h"
#include "server.h"

#define PODS "/api/v1/namespaces/default/pods"
#define KEY MOON_STR_LIT("default/agent")

enum {
    OUTCOMES_MAX = 200
};

/* What on_done said, in the order it said it. */
struct outcome {
    enum moon_code code;
    int status;
    bool found;
    bool quiet;
    char name[32];
};

struct fixture {
    struct server server;
    struct moon_apply *apply;
    struct outcome outcomes[OUTCOMES_MAX];
    size_t done;
    size_t plans_done;
    size_t failed;
    size_t retries;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    server_init(&f.server);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_apply_free(f->apply);
    server_fini(&f->server);
    moon_metrics_reset();
    return 0;
}

static void on_retry(const struct moon_action *action MOON_UNUSED, unsigned tries MOON_UNUSED,
                     const struct moon_err *err MOON_UNUSED, void *ctx)
{
    struct fixture *f = ctx;
    f->retries++;
}

static void start(struct fixture *f, struct moon_apply_opts opts)
{
    opts.on_retry = on_retry;
    opts.ctx = f;
    f->apply = moon_apply_new(f->server.client, &opts);
}

/* ---- plans ---- */

static void on_done(const struct moon_result *result, void *ctx)
{
    struct fixture *f = ctx;
    assert_true(f->done < OUTCOMES_MAX);
    struct outcome *o = &f->outcomes[f->done++];
    o->code = result->err != NULL ? result->err->code : MOON_OK;
    o->status = result->answer != NULL ? result->answer->status : 0;
    o->found = result->found;
    o->quiet = result->quiet;
    snprintf(o->name, sizeof o->name, "%s", result->action->name);
}

static void on_plan_done(struct moon_str key MOON_UNUSED, size_t failed, void *ctx)
{
    struct fixture *f = ctx;
    f->plans_done++;
    f->failed += failed;
}

static void write_pod(const struct moon_action *a, struct moon_buf *out)
{
    moon_buf_printf(out,
                    "{\"metadata\":{\"name\":\"%s\",\"ownerReferences\":[{\"uid\":\"gc\"},{"
                    "\"controller\":true,\"uid\":\"%s\"}]}}",
                    a->name, a->owner_uid);
}

static void write_patch(const struct moon_action *a MOON_UNUSED, struct moon_buf *out)
{
    moon_buf_puts(out, "{\"status\":{\"n\":1}}");
}

static void add_create(struct fixture *f, struct moon_plan *plan, const char *name)
{
    moon_plan_add(plan,
                  &(struct moon_action){.verb = MOON_VERB_CREATE,
                                        .resource = &moon_resource_pods,
                                        .namespace = "default",
                                        .name = moon_arena_strdup(moon_plan_arena(plan), name),
                                        .owner_uid = "owner",
                                        .reason = "test",
                                        .write_body = write_pod,
                                        .on_done = on_done,
                                        .ctx = f});
}

static void add_delete(struct fixture *f, struct moon_plan *plan, const char *name, const char *uid)
{
    moon_plan_add(plan,
                  &(struct moon_action){.verb = MOON_VERB_DELETE,
                                        .resource = &moon_resource_pods,
                                        .namespace = "default",
                                        .name = moon_arena_strdup(moon_plan_arena(plan), name),
                                        .uid = uid,
                                        .reason = "test",
                                        .on_done = on_done,
                                        .ctx = f});
}

static void add_write(struct fixture *f, struct moon_plan *plan, enum moon_verb verb,
                      const char *name)
{
    moon_plan_add(plan, &(struct moon_action){.verb = verb,
                                              .resource = &moon_resource_pods,
                                              .namespace = "default",
                                              .name = name,
                                              .reason = "test",
                                              .write_body = write_patch,
                                              .on_done = on_done,
                                              .ctx = f});
}

static struct moon_plan *plan_of_creates(struct fixture *f, struct moon_str key, const char *prefix,
                                         unsigned count)
{
    struct moon_plan *plan = moon_plan_new(key);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s-%u", prefix, i);
        add_create(f, plan, name);
    }
    return plan;
}

static void submit(struct fixture *f, struct moon_plan *plan)
{
    moon_apply_submit(f->apply, plan, on_plan_done, f);
}

static void create_one(struct fixture *f)
{
    submit(f, plan_of_creates(f, KEY, "a", 1));
}

static void assert_outcome(const struct fixture *f, size_t i, enum moon_code code, int status)
{
    assert_true(i < f->done);
    assert_int_equal(f->outcomes[i].code, code);
    assert_int_equal(f->outcomes[i].status, status);
}

static void assert_log(const struct fixture *f, size_t i, const char *line)
{
    assert_true(i < f->server.calls);
    assert_string_equal(f->server.log[i], line);
}

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

static struct answer cut_first_before(const struct server *s MOON_UNUSED,
                                      const char *method MOON_UNUSED, size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_CUT_BEFORE : FAULT_NONE};
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

static struct answer hold_first(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                                size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_HOLD : FAULT_NONE};
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

static struct answer fail_often(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                                size_t call)
{
    if (call < 9) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "InternalError"};
    }
    return (struct answer){0};
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

static void the_window_doubles_with_each_full_round(void **state)
{
    static const size_t rounds[] = {1, 2, 4, 8, 5};
    struct fixture *f = *state;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 20));
    size_t total = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rounds); i++) {
        total += rounds[i];
        server_wait(&f->server, f->done, total);
        assert_true(f->server.calls <= total + (i + 1 < 5 ? rounds[i + 1] : 0));
    }
    server_wait(&f->server, f->plans_done, 1);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->server.objects_made, 20);
}

static void a_round_waits_for_its_last_answer(void **state)
{
    struct fixture *f = *state;
    f->server.plan = hold_first;
    start(f, (struct moon_apply_opts){0});
    submit(f, plan_of_creates(f, KEY, "a", 5));
    server_wait(&f->server, f->server.calls, 1);
    server_settle(&f->server);
    assert_int_equal(f->server.calls, 1);
    server_release(&f->server);
    server_wait(&f->server, f->plans_done, 1);
    assert_int_equal(f->server.calls, 5);
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
        TEST(a_create_is_sent_and_told),
        TEST(a_delete_has_its_precondition),
        TEST(a_dry_run_marks_every_write),
        TEST(a_plan_without_actions_is_done_later),
        TEST(actions_start_in_order),
        TEST(a_lost_answer_to_a_create_makes_no_second_object),
        TEST(a_create_that_was_never_carried_out_is_sent_again),
        TEST(a_refused_repeat_is_looked_into),
        TEST(a_refused_repeat_of_nothing_is_refused),
        TEST(a_late_answer_of_a_deleted_pod_is_told_once),
        TEST(a_timeout_is_an_unknown_outcome),
        TEST(a_lost_answer_to_a_delete_is_a_success),
        TEST(unknown_outcomes_back_off),
        TEST(what_was_there_before_is_ours_by_its_owner),
        TEST(a_name_taken_by_others_is_an_error),
        TEST(a_name_that_gets_free_meanwhile_is_taken),
        TEST(a_delete_of_what_is_gone_is_a_success),
        TEST(clear_refusals_are_handed_on),
        TEST(retry_after_is_obeyed),
        TEST(a_terminating_namespace_is_no_failure),
        TEST(creates_that_fail_cost_few_calls),
        TEST(a_failed_create_leaves_other_writes_alone),
        TEST(the_window_doubles_with_each_full_round),
        TEST(a_round_waits_for_its_last_answer),
        TEST(deletes_have_no_slow_start),
        TEST(lanes_take_turns),
        TEST(a_lane_in_trouble_delays_no_other),
        TEST(suspend_cuts_what_is_in_flight),
        TEST(suspend_ends_what_is_asleep),
        TEST(a_dropped_lane_finishes_what_is_in_flight),
        TEST(a_dropped_lane_sends_nothing_again),
        TEST(free_tells_everything_open),
        TEST(results_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
