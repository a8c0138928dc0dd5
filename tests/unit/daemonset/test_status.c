/* SPDX-License-Identifier: Apache-2.0
 *
 * test_status.c - the counters, when they are written, and when not.
 */
#include "fixture.h"

static int64_t status(struct fixture *f, const char *member)
{
    return moon_json_int(f->status, member, -1);
}

/* desired, current, ready, available, updated, misscheduled */
static void assert_numbers(struct fixture *f, const int wanted[6])
{
    static const char *const members[] = {
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady",
        "numberAvailable",        "updatedNumberScheduled", "numberMisscheduled"};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(members); i++) {
        if (status(f, members[i]) != wanted[i]) {
            fail_msg("%s is %d, wanted %d", members[i], (int)status(f, members[i]), wanted[i]);
        }
    }
    assert_int_equal(status(f, "numberUnavailable"), wanted[0] - wanted[3]);
}
#define assert_status(f, ...) assert_numbers((f), (const int[6]){__VA_ARGS__})

static void NumberReadyStatus(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    add_pods(f, "node-0", L1, 1);
    add_pods(f, "node-1", L1, 1);
    settle(f);
    assert_status(f, 2, 2, 0, 0, 2, 0);
    all_ready(f);
    settle(f);
    assert_status(f, 2, 2, 2, 2, 2, 0);
}

static void ObservedGeneration(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    assert_int_equal(status(f, "observedGeneration"), 1);
}

static void UpdatesStatusAfterLaunchingPods(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 5, NULL);
    settle(f);
    assert_status(f, 5, 5, 0, 0, 5, 0);
}

/* Whoever waits for observedGeneration must not see the old template's counters as the new one's.
 */
static void GenerationIsObservedOnceTheRevisionIsKnown(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 2, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    advance_s(f, 10);
    change_set(f, (struct set_opts){.strategy = ROLLING("1", "0"),
                                    .template = TEMPLATE("\"hostname\":\"b\",")});
    struct counts c = sync_once(f);
    assert_int_equal(c.revision_creates, 1);
    assert_int_equal(c.status_writes, 0);
    assert_int_equal(status(f, "observedGeneration"), 1);
    (void)sync_once(f);
    assert_int_equal(status(f, "observedGeneration"), 2);
    assert_int_equal(status(f, "updatedNumberScheduled"), 0);
}

static void NoRevisionNoObservedGeneration(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    change_set(f, (struct set_opts){.template = TEMPLATE("\"hostname\":\"b\",")});
    for (int i = 0; i < 5; i++) {
        struct moon_plan *plan = decide(f);
        assert_int_equal(moon_plan_count(plan), 1);
        const struct moon_action *a = moon_plan_get(plan, 0);
        struct moon_err err;
        (void)moon_err_set(&err, MOON_E_DENIED, "no");
        a->on_done(&(struct moon_result){.action = a, .err = &err}, a->ctx);
        moon_plan_free(plan);
        advance_s(f, 1);
    }
    assert_int_equal(status(f, "observedGeneration"), 1);
}

static void MisscheduledAndUnknown(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_node(f, "fits", N1, NULL);
    add_node(f, "tainted", N1, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    add_node(f, "other", N2, NULL);
    f->graceful = true;
    (void)add_pod(f, (struct pod_opts){.node = "fits", .ready = true});
    (void)add_pod(f, (struct pod_opts){.node = "tainted", .ready = true});
    (void)add_pod(f, (struct pod_opts){.node = "other", .ready = true});
    (void)add_pod(f, (struct pod_opts){.node = "gone", .ready = true});
    settle(f);
    assert_status(f, 1, 1, 1, 1, 1, 2);
}

/* Upstream looks at the oldest pod of a node only, terminating or not. */
static void OldestPodCounts(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(
        f, (struct pod_opts){
               .node = "node-0", .hash = "old", .age_s = 90, .ready = true, .deleting = true});
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .age_s = 10});
    settle(f);
    assert_status(f, 1, 1, 1, 1, 0, 0);
}

static void MinReadySecondsIsWaitedFor(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.min_ready_s = 30});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .ready = true, .ready_age_s = 10});
    settle(f);
    assert_status(f, 1, 1, 1, 0, 1, 0);
    struct counts c = sync_once(f);
    assert_true(c.requeue_ms <= 20000);
    moon_loop_advance(f->loop, c.requeue_ms);
    settle(f);
    assert_status(f, 1, 1, 1, 1, 1, 0);
    assert_true(sync_once(f).requeue_ms == UINT64_MAX);
}

static void ClockThatJumpsBack(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.min_ready_s = 30});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .ready = true, .ready_age_s = 31});
    settle(f);
    assert_status(f, 1, 1, 1, 1, 1, 0);
    forget_woken(f);
    moon_loop_jump_wall(f->loop, -3600 * 1000);
    moon_loop_turn(f->loop, 0);
    assert_true(was_woken(f, KEY));
    settle(f);
    assert_status(f, 1, 1, 1, 0, 1, 0);
}

/* ---- when it is written ---- */

static void AtMostFourTimesASecond(void **state)
{
    struct fixture *f = *state;
    size_t writes = 0;
    add_set(f, (struct set_opts){0});
    advance_s(f, 1);
    for (int i = 0; i < 40; i++) {
        add_nodes(f, i, 1, NULL);
        writes += sync_once(f).status_writes;
        moon_loop_advance(f->loop, 25);
    }
    assert_in_range(writes, 3, 5);
    struct counts c = sync_once(f);
    assert_true(c.status_writes == 1 || c.requeue_ms <= 250); /* the last one is never lost */
    settle(f);
    assert_int_equal(status(f, "currentNumberScheduled"), 40);
}

static size_t writes_within(struct fixture *f, int seconds)
{
    size_t writes = 0;

    for (int i = 0; i < seconds * 4; i++) {
        writes += sync_once(f).status_writes;
        moon_loop_advance(f->loop, 250);
    }
    return writes;
}

static void RefusedIsTriedEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    advance_s(f, 1);
    f->status_refused = true;
    add_nodes(f, 0, 1, NULL);
    assert_in_range(writes_within(f, 300), 5, 16);
    f->status_refused = false;
    assert_int_equal(writes_within(f, 70), 1);
    assert_int_equal(status(f, "desiredNumberScheduled"), 1);
    add_nodes(f, 1, 1, NULL);
    assert_in_range(writes_within(f, 1), 1, 2); /* and at once again after that */
}

static void RefusedWithNumbersThatChange(void **state)
{
    struct fixture *f = *state;
    size_t writes = 0;
    add_set(f, (struct set_opts){0});
    advance_s(f, 1);
    f->status_refused = true;
    for (int i = 0; i < 60; i++) {
        add_nodes(f, i, 1, NULL);
        writes += sync_once(f).status_writes;
        advance_s(f, 1);
    }
    assert_in_range(writes, 4, 10);
}

/* Another controller writes its own numbers, or the server drops ours: no storm. */
static void IgnoredIsTriedEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    advance_s(f, 1);
    f->status_ignored = true;
    add_nodes(f, 0, 1, NULL);
    assert_in_range(writes_within(f, 300), 5, 16);
}

static void SettledWritesNothing(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 3, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    for (int i = 0; i < 10; i++) {
        advance_s(f, 100);
        add_nodes(f, 0, 3, NULL); /* events that change nothing */
        struct counts c = sync_once(f);
        assert_int_equal(c.writes, 0);
        assert_true(c.requeue_ms == UINT64_MAX);
    }
}

static void OnlyOurFieldsAreWritten(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){
                   .status = "\"collisionCount\":3,\"conditions\":[{\"type\":\"X\"}],\"new\":1"});
    add_nodes(f, 0, 2, NULL);
    settle(f);
    assert_int_equal(status(f, "collisionCount"), 3);
    assert_int_equal(status(f, "new"), 1);
    assert_int_equal(cJSON_GetArraySize(moon_json_member(f->status, "conditions")), 1);
}

static void ObservedGenerationNeverGoesDown(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.status = "\"observedGeneration\":7"});
    add_nodes(f, 0, 2, NULL);
    settle(f);
    assert_int_equal(status(f, "observedGeneration"), 7);
    assert_int_equal(status(f, "desiredNumberScheduled"), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(NumberReadyStatus),
        T(ObservedGeneration),
        T(UpdatesStatusAfterLaunchingPods),
        T(GenerationIsObservedOnceTheRevisionIsKnown),
        T(NoRevisionNoObservedGeneration),
        T(MisscheduledAndUnknown),
        T(OldestPodCounts),
        T(MinReadySecondsIsWaitedFor),
        T(ClockThatJumpsBack),
        T(AtMostFourTimesASecond),
        T(RefusedIsTriedEverMoreSeldom),
        T(RefusedWithNumbersThatChange),
        T(IgnoredIsTriedEverMoreSeldom),
        T(SettledWritesNothing),
        T(OnlyOurFieldsAreWritten),
        T(ObservedGenerationNeverGoesDown),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
