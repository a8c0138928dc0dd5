/* SPDX-License-Identifier: Apache-2.0
 *
 * test_update.c - rolling updates, sync by sync: the sequences of the stock controller's
 * update_test.go, under their names there. What it leaves to the order of a hash map goes by node
 * name here.
 */
#include "fixture.h"

#include <stdlib.h>

#include "server.h"

/* What the update policy was shown last. */
static struct moon_roll shown;

void __wrap_moon_hook_update(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_roll *roll, struct moon_roll_answer *ret);
void __real_moon_hook_update(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_roll *roll, struct moon_roll_answer *ret);
void __wrap_moon_hook_update(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_roll *roll, struct moon_roll_answer *ret)
{
    shown = *roll;
    __real_moon_hook_update(chain, set, roll, ret);
}

static size_t ready_count(struct fixture *f)
{
    SYNC(0, 0, 0);
    return (size_t)set_of(f)->sums.ready;
}

static void ready_new(struct fixture *f, const char *node)
{
    const char **pods = pods_on(f, node);

    assert_non_null(pods[1]);
    set_ready(f, pods[1], true); /* in order of creation */
}

/* Who has many nodes is asked more seldom, and misses nothing. */
static void ARollOfManyNodesIsLookedAtNowAndThen(void **state)
{
    struct fixture *f = *state;
    running(f, 500, ROLLING("1", "0"));
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    struct set_opts wider = f->opts;
    wider.strategy = ROLLING("2", "0");
    change_set(f, wider);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 1, 0);
}

static void DaemonSetUpdatesPods(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("2", "0"));
    new_template(f, f->opts);
    SYNC(0, 2, 0);
    SYNC(2, 0, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 2, 0);
    SYNC(2, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.updated, 5);
}

static void DaemonSetUpdatesPodsWithGracefulDeletion(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("2", "0"));
    f->graceful = true;
    new_template(f, f->opts);
    SYNC(0, 2, 0);
    SYNC(0, 0, 0); /* a terminating pod keeps its place, and counts against the budget */
    remove_pod(f, pods_on(f, "node-0")[0]);
    SYNC(1, 0, 0);
    remove_pod(f, pods_on(f, "node-1")[0]);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 2, 0);
}

static void NothingBeyondTheBudgetWhileInFlight(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("2", "0"));
    new_template(f, f->opts);
    struct moon_plan *deletes = decide(f);
    assert_true(moon_plan_count(deletes) >= 2);
    SYNC(0, 0, 0);
    assert_int_equal(carry_out(f, deletes).deletes, 2);
    struct moon_plan *creates = decide(f);
    SYNC(0, 0, 0);
    assert_int_equal(carry_out(f, creates).creates, 2);
    SYNC(0, 0, 0);
}

static void DaemonSetUpdatesPodsWithMaxSurge(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("0", "2"));
    new_template(f, f->opts);
    SYNC(2, 0, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(2, 2, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(1, 2, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
    assert_int_equal(pod_count(f), 5);
}

static void SurgeInFlightCounts(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("0", "2"));
    new_template(f, f->opts);
    struct moon_plan *plan = decide(f);
    SYNC(0, 0, 0);
    assert_int_equal(carry_out(f, plan).creates, 2);
    SYNC(0, 0, 0);
}

/* The create beside the pod that was not available anyway is still on the wire when the other
 * one has come to its end: there is no room for a third. */
static void SurgeInFlightCountsBesideOthers(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("0", "1"));
    set_ready(f, pods_on(f, "node-3")[0], false);
    new_template(f, f->opts);
    struct moon_plan *plan = decide(f);
    const struct moon_action *slow = NULL;
    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        const struct moon_action *a = moon_plan_get(plan, i);
        if (moon_streq(a->target, "node-3")) {
            slow = a;
        } else {
            serve(f, a);
        }
    }
    assert_non_null(slow);
    ready_new(f, "node-0");
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
    serve(f, slow);
    moon_plan_free(plan);
}

static void DaemonSetUpdatesPodsNotMatchTainstWithMaxSurge(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {
        .strategy = ROLLING("0", "1"),
        .template = TEMPLATE("\"tolerations\":[{\"key\":\"cp\",\"operator\":\"Exists\"}],")};
    add_set(f, opts);
    add_node(f, "node-0", NULL, "[{\"key\":\"cp\",\"effect\":\"NoSchedule\"}]");
    add_nodes(f, 1, 4, NULL);
    SYNC(5, 0, 0);
    all_ready(f);
    settle(f);
    opts.template = NULL;
    new_template(f, opts);
    SYNC(1, 1, 0); /* the pod on the tainted node goes: five are available, four desired */
    SYNC(0, 0, 0);
    all_ready(f);
    for (int i = 0; i < 3; i++) {
        SYNC(1, 1, 0);
        SYNC(0, 0, 0);
        all_ready(f);
    }
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
    assert_int_equal(pod_count(f), 4);
}

static void DaemonSetUpdatesWhenNewPodIsNotReady(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("3", "0"));
    new_template(f, f->opts);
    SYNC(0, 3, 0);
    SYNC(3, 0, 0);
    SYNC(0, 0, 0);
}

static void DaemonSetUpdatesSomeOldPodsNotReady(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("2", "0"));
    for (int i = 0; i < 2; i++) {
        new_template(f, (struct set_opts){.strategy = ROLLING("2", "0")});
        SYNC(0, 2, 0);
        SYNC(2, 0, 0);
        SYNC(0, 0, 0);
    }
    assert_int_equal(ready_count(f), 3);
}

static void DaemonSetUpdatesSaveOldHealthyPods(void **state)
{
    static const char *const strategies[] = {
        ROLLING("10", "0"), ROLLING("3", "0"), ROLLING("9", "0"),
        ROLLING("0", "0"),  ROLLING("1", "0"), ROLLING("7", "0"),
    };
    struct fixture *f = *state;
    running(f, 20, strategies[0]);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(strategies); i++) {
        new_template(f, (struct set_opts){.strategy = strategies[i]});
        SYNC(0, 10, 0);
        SYNC(10, 0, 0);
        SYNC(0, 0, 0);
        assert_int_equal(ready_count(f), 10);
    }
    new_template(f, (struct set_opts){.strategy = ROLLING("11", "0")});
    SYNC(0, 11, 0);
    SYNC(11, 0, 0);
    SYNC(0, 0, 0);
    assert_int_equal(ready_count(f), 9);
}

static void DaemonSetUpdatesAllOldNotReadyPodsAndNewNotReadyPods(void **state)
{
    struct fixture *f = *state;
    running(f, 100, ROLLING("10", "0"));
    const char *old = moon_sym_ref(hash_of(f));
    new_template(f, f->opts);
    for (int i = 0; i < 10; i++) {
        SYNC(0, 10, 0);
        SYNC(10, 0, 0);
        all_ready(f);
    }
    SYNC(0, 0, 0);
    for (int i = 0; i < 100; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        const char *uid = pods_on(f, node)[0];
        set_ready(f, uid, i < 10);
        if (i < 12) {
            set_label(f, uid, MOON_LABEL_HASH, old);
            set_label(f, uid, MOON_LABEL_GENERATION, "1");
        }
    }
    SYNC(0, 2, 0);
    SYNC(2, 0, 0);
    SYNC(0, 0, 0);
    moon_sym_unref(old);
}

static void DaemonSetUpdatesAllOldPodsNotReady(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("3", "0")});
    add_nodes(f, 0, 5, NULL);
    SYNC(5, 0, 0);
    new_template(f, f->opts);
    SYNC(0, 5, 0);
    SYNC(5, 0, 0);
    SYNC(0, 0, 0);
}

static void DaemonSetUpdatesAllOldPodsNotReadyMaxSurge(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("0", "3")};
    add_set(f, opts);
    add_nodes(f, 0, 5, NULL);
    SYNC(5, 0, 0);
    new_template(f, opts);
    SYNC(5, 0, 0);
    SYNC(0, 5, 0);
    all_ready(f);
    advance_s(f, 100);
    opts.min_ready_s = 15;
    new_template(f, opts);
    SYNC(3, 0, 0);
    ready_new(f, "node-0");
    ready_new(f, "node-1");
    set_ready(f, pods_on(f, "node-3")[0], false);
    advance_s(f, 10);
    SYNC(1, 0, 0); /* beside the one that is not ready anyway */
    advance_s(f, 10);
    SYNC(1, 3, 0);
    all_ready(f);
    advance_s(f, 10);
    SYNC(0, 0, 0);
    advance_s(f, 10);
    SYNC(0, 2, 0);
    advance_s(f, 10);
    SYNC(0, 0, 0);
}

static void DaemonSetUpdatesNoTemplateChanged(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ON_DELETE);
    change_set(f, (struct set_opts){.strategy = ROLLING("3", "0")});
    SYNC(0, 0, 0);
}

/* Found by a random schedule: every old pod counted as "not available anyway", and all went at
 * once. */
static void AClockThatIsSetBackFreesNoPods(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("1", "0"), .min_ready_s = 5};
    add_set(f, opts);
    add_nodes(f, 0, 3, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    moon_loop_jump_wall(f->loop, -3600 * 1000);
    new_template(f, opts);
    SYNC(0, 1, 0);
}

/* The hour in which the clock comes back to the pods' times holds no such moment either. */
static void WhatWasSeenReadyLongEnoughStaysAvailable(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0"), .min_ready_s = 5});
    add_nodes(f, 0, 3, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    advance_s(f, 10);
    moon_loop_jump_wall(f->loop, -3600 * 1000);
    moon_loop_turn(f->loop, 0);
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 3);
    advance_s(f, 4);
    assert_int_equal(set_of(f)->sums.available, 3);
}

static void StrategyChangeTakesEffect(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ON_DELETE);
    new_template(f, (struct set_opts){.strategy = ON_DELETE});
    SYNC(0, 0, 0);
    struct set_opts rolling = f->opts;
    rolling.strategy = ROLLING("2", "0");
    change_set(f, rolling);
    SYNC(0, 2, 0);
    SYNC(2, 0, 0);
    rolling.strategy = ON_DELETE;
    change_set(f, rolling);
    all_ready(f);
    SYNC(0, 0, 0);
}

static void RollbackNeedsNoNewRevision(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    new_template(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    SYNC(0, 1, 0);
    change_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    SYNC(1, 0, 0); /* two are of this revision already */
    assert_int_equal(revision_count(f), 2);
    all_ready(f);
    SYNC(0, 0, 0);
}

/* ---- surge: pods that are there ---- */

static void SurgeDealsWithExistingPods(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 0, 5, NULL);
    add_pods(f, "node-1", L1, 1);
    add_pods(f, "node-2", L1, 2);
    add_pods(f, "node-3", L1, 5);
    add_pods(f, "node-4", L2, 2);
    SYNC(2, 5, 0);
}

static void surge_with_pods(struct fixture *f, bool current_ready, bool first_old_ready,
                            int min_ready_s, int ready_age_s)
{
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1"), .min_ready_s = min_ready_s});
    add_nodes(f, 0, 5, NULL);
    (void)add_pod(
        f, (struct pod_opts){
               .node = "node-1", .ready = current_ready, .ready_age_s = ready_age_s, .age_s = 10});
    (void)add_pod(f, (struct pod_opts){.name = "old-t50",
                                       .node = "node-1",
                                       .hash = "old",
                                       .age_s = 60,
                                       .ready_age_s = 60,
                                       .ready = first_old_ready});
    (void)add_pod(f, (struct pod_opts){.name = "old-t60",
                                       .node = "node-1",
                                       .hash = "old",
                                       .age_s = 50,
                                       .ready_age_s = 50,
                                       .ready = true});
    add_pods(f, "node-2", L1, 1);
}

static void SurgePreservesReadyOldPods(void **state)
{
    struct fixture *f = *state;
    surge_with_pods(f, false, true, 0, 0);
    SYNC(3, 1, 0);
    assert_null(moon_map_get(f->objects, moon_str("old-t60")));
}

static void SurgeDeletesUnreadyOldPods(void **state)
{
    struct fixture *f = *state;
    surge_with_pods(f, false, false, 0, 0);
    SYNC(3, 2, 0);
}

static void SurgePreservesOldReadyWithUnsatisfiedMinReady(void **state)
{
    struct fixture *f = *state;
    surge_with_pods(f, true, true, 15, 10);
    SYNC(3, 1, 0);
    struct counts c = sync_once(f);
    assert_true(c.requeue_ms <= 5000);
    advance_s(f, 5);
    SYNC(0, 1, 0);
}

static void SurgeDeletesOldReadyWithUnsatisfiedMinReady(void **state)
{
    struct fixture *f = *state;
    surge_with_pods(f, true, true, 15, 20);
    SYNC(3, 2, 0);
}

static void SurgeCreatesNewPodWhenAtMaxSurgeAndOldPodDeleted(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 0, 5, NULL);
    add_pods(f, "node-0", L1, 1);
    for (int i = 0; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        (void)add_pod(
            f, (struct pod_opts){.node = node, .hash = "old", .ready = true, .deleting = i == 4});
    }
    SYNC(1, 0, 0);
    assert_non_null(pods_on(f, "node-4")[1]);
}

/* The stock controller makes another pod with each sync. */
static void SurgeDoesNotPileUpFailedPods(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    for (int i = 0; i < 10; i++) {
        const char **pods = pods_on(f, "node-0");
        for (size_t k = 0; pods[k] != NULL; k++) {
            set_phase(f, pods[k], "Failed");
        }
        (void)sync_once(f);
        assert_true(pod_count(f) <= 2);
    }
}

/* A pod that is current by its generation only is no "old" pod beside one that is current by hash:
 * one of the two is surplus. */
static void SurgeTwoPodsCurrentInTwoWays(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 0, 1, NULL);
    const char *uid = add_pod(
        f, (struct pod_opts){.node = "node-0", .hash = "stock", .age_s = 60, .ready = true});
    set_label(f, uid, MOON_LABEL_GENERATION, "1");
    add_pods(f, "node-0", L1, 1);
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
    assert_non_null(moon_map_get(f->objects, moon_str(uid)));
}

/* ---- what counts against the budget ---- */

static void NodesThatWantNoneCostNothing(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    add_node(f, "node-0", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    set_ready(f, pods_on(f, "node-0")[0], false);
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_null(pods_on(f, "node-1")[0]);
    assert_non_null(pods_on(f, "node-0")[0]); /* it would not come back */
}

/* A failed pod that still says Ready is deleted: from then on it counts as unavailable. */
static void WhatNeedsDeleteCountsAtOnce(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    set_phase(f, pods_on(f, "node-2")[0], "Failed");
    new_template(f, f->opts);
    SYNC(0, 1, 1);
    assert_null(pods_on(f, "node-2")[0]);
}

/* ---- numbers ---- */

static void GetUnavailableNumbers(void **state)
{
    static const struct {
        int nodes;
        int pods; /* on the first nodes; negative: the last one is terminating */
        const char *strategy;
        int64_t max_surge;
        int64_t max_unavailable;
        int64_t unavailable; /* empty nodes */
    } rows[] = {
        {2, 2, ROLLING("1", "0"), 0, 1, 0},
        {2, 1, ROLLING("0", "0"), 0, 1, 1},
        {2, 2, ROLLING("\"50%\"", "0"), 0, 1, 0},
        {2, 2, ROLLING("0", "\"50%\""), 1, 0, 0},
        {2, 2, ROLLING("0", "\"100%\""), 2, 0, 0},
        {3, -2, ROLLING("\"50%\"", "0"), 0, 2, 2}, /* terminating counts as unavailable */
        {3, 3, ROLLING("\"34%\"", "0"), 0, 2, 0},
        {3, 3, ROLLING("\"200%\"", "0"), 0, 6, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        (void)setup(state);
        struct fixture *f = *state;
        int pods = abs(rows[i].pods);
        add_set(f, (struct set_opts){.strategy = rows[i].strategy});
        add_nodes(f, 0, rows[i].nodes, NULL);
        for (int n = 0; n < pods; n++) {
            MOON_AUTOFREE char *node = moon_asprintf("node-%d", n);
            (void)add_pod(f, (struct pod_opts){.node = node,
                                               .hash = "old",
                                               .ready = true,
                                               .deleting = rows[i].pods < 0 && n == pods - 1});
        }
        (void)sync_once(f);
        assert_int_equal(shown.desired, rows[i].nodes);
        assert_int_equal(shown.max_surge, rows[i].max_surge);
        assert_int_equal(shown.max_unavailable, rows[i].max_unavailable);
        assert_int_equal(shown.unavailable, rows[i].unavailable);
        (void)teardown(state);
    }
}

static void InvalidMaxUnavailableIsAnError(void **state)
{
    struct fixture *f = *state;
    running(f, 2, ROLLING("\"lots\"", "0"));
    new_template(f, f->opts);
    struct counts c = sync_once(f);
    assert_int_equal(c.creates + c.deletes, 0);
    assert_int_not_equal(f->last_rc, 0);
    assert_non_null(strstr(f->last_err.text, "maxUnavailable"));
    remove_pod(f, pods_on(f, "node-0")[0]);
    assert_int_equal(sync_once(f).creates, 1); /* what is missing is made all the same */
}

/* Nodes in an order that is not that of their names, coming and going in the middle of a roll. */
static void NodesComeAndGoInARoll(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    for (int i = 9; i >= 0; i--) {
        add_nodes(f, i, 1, NULL);
    }
    SYNC(10, 0, 0);
    all_ready(f);
    settle(f);
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_null(pods_on(f, "node-0")[0]);
    remove_node(f, "node-0");
    SYNC(0, 1, 0);
    assert_null(pods_on(f, "node-1")[0]);
    add_nodes(f, 10, 2, NULL);
    remove_node(f, "node-5"); /* its pod is pinned and pending: it goes */
    SYNC(3, 1, 0);
    for (int i = 0; i < 40; i++) {
        all_ready(f);
        (void)sync_once(f);
    }
    const struct moon_ds_set *set = set_of(f);
    assert_int_equal(set->sums.updated, 10);
    assert_int_equal(set->slot_count, 10);
    for (size_t i = 0; i < set->slot_count; i++) {
        assert_int_equal(set->slots[i]->index, i);
        assert_ptr_equal(set->roll[i].owner, set->slots[i]);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ARollOfManyNodesIsLookedAtNowAndThen),
        T(DaemonSetUpdatesPods),
        T(DaemonSetUpdatesPodsWithGracefulDeletion),
        T(NothingBeyondTheBudgetWhileInFlight),
        T(DaemonSetUpdatesPodsWithMaxSurge),
        T(SurgeInFlightCounts),
        T(SurgeInFlightCountsBesideOthers),
        T(DaemonSetUpdatesPodsNotMatchTainstWithMaxSurge),
        T(DaemonSetUpdatesWhenNewPodIsNotReady),
        T(DaemonSetUpdatesSomeOldPodsNotReady),
        T(DaemonSetUpdatesSaveOldHealthyPods),
        T(DaemonSetUpdatesAllOldNotReadyPodsAndNewNotReadyPods),
        T(DaemonSetUpdatesAllOldPodsNotReady),
        T(DaemonSetUpdatesAllOldPodsNotReadyMaxSurge),
        T(DaemonSetUpdatesNoTemplateChanged),
        T(AClockThatIsSetBackFreesNoPods),
        T(WhatWasSeenReadyLongEnoughStaysAvailable),
        T(StrategyChangeTakesEffect),
        T(RollbackNeedsNoNewRevision),
        T(SurgeDealsWithExistingPods),
        T(SurgePreservesReadyOldPods),
        T(SurgeDeletesUnreadyOldPods),
        T(SurgePreservesOldReadyWithUnsatisfiedMinReady),
        T(SurgeDeletesOldReadyWithUnsatisfiedMinReady),
        T(SurgeCreatesNewPodWhenAtMaxSurgeAndOldPodDeleted),
        T(SurgeDoesNotPileUpFailedPods),
        T(SurgeTwoPodsCurrentInTwoWays),
        T(NodesThatWantNoneCostNothing),
        T(WhatNeedsDeleteCountsAtOnce),
        cmocka_unit_test(GetUnavailableNumbers),
        T(InvalidMaxUnavailableIsAnError),
        T(NodesComeAndGoInARoll),
    };

    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
