/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_14_update.c - known limits of the stock controller that concern pods of a node and
 * the rolling step: what we do in their place.
 */
#include "fixture.h"

/* The kubelets reject every pod but `old`. */
static void reject(struct fixture *f, const char *node, const char *old)
{
    const char **pods = pods_on(f, node);

    for (size_t i = 0; pods[i] != NULL; i++) {
        if (strcmp(pods[i], old) != 0) {
            set_phase(f, pods[i], "Failed");
        }
    }
}

/* 1: the stock controller makes another pod with each sync on a node without an old one. */
static void S14_2_1_RejectedPodsDoNotPileUp(void **state)
{
    struct fixture *f = *state;
    running(f, 1, ROLLING("0", "1"));
    MOON_AUTOFREE char *old = moon_strdup(pods_on(f, "node-0")[0]);
    add_nodes(f, 1, 1, NULL);
    new_template(f, f->opts);
    size_t creates = 0;
    for (int s = 0; s < 60; s++) {
        creates += sync_once(f).creates;
        reject(f, "node-0", old);
        reject(f, "node-1", old);
        assert_true(pod_count(f) <= 3);
        assert_non_null(moon_map_get(f->objects, moon_str(old)));
        advance_s(f, 1);
    }
    assert_in_range(creates, 6, 16); /* each node: 1, 2, 4, 8, 16, 32 s */
}

static void add_old(struct fixture *f, const char *name, const char *node, bool ready)
{
    (void)add_pod(f, (struct pod_opts){
                         .name = name, .node = node, .hash = "old", .ready = ready, .age_s = 60});
}

/* 3: the stock controller ends the whole step with an error. */
static void S14_2_3_PodOnAnUnknownNodeHoldsNothingUp(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1")});
    add_nodes(f, 1, 3, NULL);
    add_old(f, "lost", "node-0", false);
    add_old(f, "lost-too", "node-00", true);
    add_old(f, "p1", "node-1", true);
    add_old(f, "p2", "node-2", true);
    add_old(f, "p3", "node-3", true);
    for (int i = 0; i < 10; i++) {
        (void)sync_once(f);
        assert_int_equal(f->last_rc, 0);
        all_ready(f);
    }
    assert_int_equal(set_of(f)->sums.updated, 3);
    assert_int_equal(pod_count(f), 5);
    assert_non_null(moon_map_get(f->objects, moon_str("lost"))); /* the garbage collector's */
    assert_non_null(moon_map_get(f->objects, moon_str("lost-too")));
}

/* 4: the stock controller deletes what it does not make again. */
static void S14_2_4_PodThatWouldNotComeBackStays(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("3", "0"));
    MOON_AUTOFREE char *kept = moon_strdup(pods_on(f, "node-0")[0]);
    add_node(f, "node-0", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    new_template(f, f->opts);
    SYNC(0, 2, 0);
    SYNC(2, 0, 0);
    all_ready(f);
    settle(f);
    assert_string_equal(pods_on(f, "node-0")[0], kept);
    add_node(f, "node-0", NULL, NULL); /* the taint goes: now there is a successor */
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
}

/* 5: what is deleted for a successor has one that may yet serve. */
static void S14_2_5_FailedPodIsNoSuccessor(void **state)
{
    struct fixture *f = *state;
    running(f, 1, ROLLING("0", "1"));
    MOON_AUTOFREE char *old = moon_strdup(pods_on(f, "node-0")[0]);
    new_template(f, f->opts);
    SYNC(1, 0, 0);
    set_phase(f, pods_on(f, "node-0")[1], "Failed");
    SYNC(1, 1, 1);
    set_phase(f, pods_on(f, "node-0")[1], "Failed");
    set_ready(f, old, false);
    SYNC(0, 0, 0);
    assert_non_null(moon_map_get(f->objects, moon_str(old)));
    set_phase(f, pods_on(f, "node-0")[1], "Running");
    SYNC(0, 1, 0);
    assert_null(moon_map_get(f->objects, moon_str(old)));
}

/* 5: the API server refuses both, so nobody sees which one we obey: maxSurge. */
static void S14_2_5_SurgeIsWhatCountsWhenBothAreSet(void **state)
{
    struct fixture *f = *state;
    running(f, 4, ROLLING("2", "1"));
    new_template(f, f->opts);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
}

/* 9: the stock controller deletes one, and puts the others in back-off for it. */
static void S14_2_9_AllFailedPodsOfANodeGoAtOnce(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < 4; i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    }
    SYNC(0, 4, 4);
    SYNC(1, 0, 0);
    /* The wait was raised once. */
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    moon_loop_advance(f->loop, 999);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 1, 1);
}

/* 9: the stock controller looks again after the full delay. */
static void S14_2_9_LooksAgainAfterWhatIsLeftOfTheDelay(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    SYNC(1, 0, 0);
    moon_loop_advance(f->loop, 700);
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    assert_in_range(sync_once(f).requeue_ms, 1, 300);
}

/* ---- 10: dead nodes and the budget, which a policy decides ---- */

#define READY(status)                                                                              \
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status "\","                               \
    "\"lastTransitionTime\":\"2020-01-01T00:00:00Z\"}]"

/* Two of ten nodes die, with pods that are no longer ready. */
static void kill_two(struct fixture *f)
{
    for (int i = 0; i < 2; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        put_node(f, node, NULL, "", READY("Unknown"));
        set_ready(f, pods_on(f, node)[0], false);
    }
}

static void S14_2_10_DeadNodesUseTheBudget(void **state)
{
    struct fixture *f = *state;
    running(f, 10, ROLLING("2", "0"));
    f->graceful = true; /* nobody is there who would let them go */
    kill_two(f);
    new_template(f, f->opts);
    SYNC(0, 2, 0);
    for (int i = 0; i < 5; i++) {
        advance_s(f, 600);
        SYNC(0, 0, 0);
    }
}

#define PAST_DEAD_NODES                                                                            \
    "\"moonset.dev/policies\":\"update/past-dead-nodes\",\"moonset.dev/budget-owner\":\"policy\""

static void S14_2_10_APolicyGoesPastDeadNodes(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("2", "0"),
                            .annotations =
                                PAST_DEAD_NODES ",\"moonset.dev/params\":\"{at_most: 2}\""};
    running(f, 10, opts.strategy);
    kill_two(f);
    new_template(f, opts);
    for (int i = 0; i < 4; i++) {
        SYNC(0, 2, 0);
        SYNC(2, 0, 0);
        for (int n = 2; n < 10; n++) {
            MOON_AUTOFREE char *node = moon_asprintf("node-%d", n);
            set_ready(f, pods_on(f, node)[0], true);
        }
    }
    SYNC(0, 0, 0); /* all but the two are new */
    assert_int_equal(set_of(f)->sums.updated, 8);
    put_node(f, "node-0", NULL, "", READY("True"));
    SYNC(0, 1, 0);
}

static void S14_2_10_NotPastMoreThanItIsTold(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("2", "0"), .annotations = PAST_DEAD_NODES};
    running(f, 10, opts.strategy);
    kill_two(f);
    new_template(f, opts);
    SYNC(0, 1, 0); /* 10% of the nodes do not count: one of the two does */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define E(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S14_2_1_RejectedPodsDoNotPileUp),
        T(S14_2_3_PodOnAnUnknownNodeHoldsNothingUp),
        T(S14_2_4_PodThatWouldNotComeBackStays),
        T(S14_2_5_FailedPodIsNoSuccessor),
        T(S14_2_5_SurgeIsWhatCountsWhenBothAreSet),
        T(S14_2_9_AllFailedPodsOfANodeGoAtOnce),
        T(S14_2_9_LooksAgainAfterWhatIsLeftOfTheDelay),
        T(S14_2_10_DeadNodesUseTheBudget),
        E(S14_2_10_APolicyGoesPastDeadNodes),
        E(S14_2_10_NotPastMoreThanItIsTold),
    };

    return cmocka_run_group_tests_name("14 update", tests, NULL, NULL);
}
