/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_05.c - the rolling step, row by row: what a node in each state adds to the numbers,
 * and what becomes of it. Whole sequences are in test_update.c.
 */
#include "fixture.h"

static void lose_readiness(struct fixture *f, const char *node)
{
    set_ready(f, pods_on(f, node)[0], false);
}

static bool has_pod(struct fixture *f, const char *uid)
{
    return moon_map_get(f->objects, moon_str(uid)) != NULL;
}

static void add_old(struct fixture *f, const char *name, const char *node, bool ready)
{
    (void)add_pod(f, (struct pod_opts){.name = name,
                                       .node = node,
                                       .hash = "old",
                                       .ready = ready,
                                       .age_s = 60,
                                       .ready_age_s = 60});
}

/* ---- 5.1 ---- */

static void S5_1_PercentagesAreOfTheWantedNodesRoundedUp(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("\"30%\"", "0"),
                                 .template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_nodes(f, 0, 5, N1);
    add_nodes(f, 5, 20, N2);
    settle(f);
    all_ready(f);
    settle(f);
    new_template(f, (struct set_opts){
                        .strategy = ROLLING("\"30%\"", "0"),
                        .template = TEMPLATE("\"nodeSelector\":" N1 ",\"hostname\":\"new\",")});
    SYNC(0, 2, 0);
}

static void S5_1_WithoutNumbersOneAfterTheOther(void **state)
{
    static const char *const strategies[] = {
        "{\"type\":\"RollingUpdate\"}",
        "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{}}",
        ROLLING("0", "0"),
        ROLLING("\"0%\"", "\"0%\""),
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(strategies); i++) {
        (void)setup(state);
        struct fixture *f = *state;
        running(f, 3, strategies[i]);
        new_template(f, f->opts);
        SYNC(0, 1, 0);
        SYNC(1, 0, 0);
        SYNC(0, 0, 0);
        (void)teardown(state);
    }
}

/* ---- 5.2: maxUnavailable ---- */

static void S5_2_SurplusIsPrunedAndTheRestIsRolled(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 3, NULL);
    add_old(f, "a", "node-0", true);
    add_old(f, "b", "node-0", true);
    add_old(f, "c", "node-1", true);
    add_old(f, "d", "node-2", true);
    SYNC(0, 2, 0);
    assert_int_equal(pod_count(f), 2);
    assert_true(has_pod(f, "c") && has_pod(f, "d")); /* one node is without, no more */
}

static void S5_2_NodeWithoutAPodIsUnavailable(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    new_template(f, f->opts);
    add_nodes(f, 3, 1, NULL);
    SYNC(1, 0, 0); /* that is the one */
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
}

static void S5_2_OnlyATerminatingPodIsUnavailable(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    f->graceful = true;
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_true(moon_json_get(object(f, pods_on(f, "node-0")[0]), "metadata.deletionTimestamp") !=
                NULL);
    SYNC(0, 0, 0);
}

static void S5_2_NewPodIsUnavailableUntilMinReadySeconds(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("1", "0"), .min_ready_s = 10};
    add_set(f, opts);
    add_nodes(f, 0, 2, NULL);
    settle(f);
    all_ready(f);
    advance_s(f, 20);
    settle(f);
    new_template(f, opts);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    set_ready(f, pods_on(f, "node-0")[0], true);
    SYNC(0, 0, 0);
    advance_s(f, 9);
    SYNC(0, 0, 0);
    advance_s(f, 1);
    SYNC(0, 1, 0);
}

static void S5_2_UnavailableOldPodsGoAndUseTheBudget(void **state)
{
    struct fixture *f = *state;
    running(f, 6, ROLLING("2", "0"));
    lose_readiness(f, "node-4");
    new_template(f, f->opts);
    SYNC(0, 2, 0); /* that one, and one more */
    assert_null(pods_on(f, "node-4")[0]);
    assert_null(pods_on(f, "node-0")[0]);
}

static void S5_2_UnavailableOldPodsGoBeyondTheBudget(void **state)
{
    struct fixture *f = *state;
    running(f, 6, ROLLING("2", "0"));
    for (int i = 1; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        lose_readiness(f, node);
    }
    new_template(f, f->opts);
    SYNC(0, 4, 0);
    assert_non_null(pods_on(f, "node-0")[0]);
    assert_non_null(pods_on(f, "node-5")[0]);
}

static void S5_2_NothingAvailableGoesWhenTheBudgetIsUsed(void **state)
{
    struct fixture *f = *state;
    running(f, 4, ROLLING("1", "0"));
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    lose_readiness(f, "node-0"); /* a new one */
    SYNC(0, 0, 0);
}

/* ---- 5.3: maxSurge ---- */

static void S5_3_UnavailableOldPodsAreSurgedBeyondTheBudget(void **state)
{
    struct fixture *f = *state;
    running(f, 5, ROLLING("0", "1"));
    lose_readiness(f, "node-3");
    lose_readiness(f, "node-4");
    new_template(f, f->opts);
    SYNC(3, 0, 0);
    assert_non_null(pods_on(f, "node-0")[1]);
    assert_non_null(pods_on(f, "node-3")[1]);
    assert_non_null(pods_on(f, "node-4")[1]);
}

static void S5_3_PairIsASurgeUntilTheNewOneIsAvailable(void **state)
{
    struct fixture *f = *state;
    struct set_opts opts = {.strategy = ROLLING("0", "1"), .min_ready_s = 10};
    add_set(f, opts);
    add_nodes(f, 0, 2, NULL);
    settle(f);
    all_ready(f);
    advance_s(f, 20);
    settle(f);
    new_template(f, opts);
    SYNC(1, 0, 0);
    set_ready(f, pods_on(f, "node-0")[1], true);
    SYNC(0, 0, 0);
    advance_s(f, 10);
    SYNC(1, 1, 0);
}

static void S5_3_TerminatingOldPodIsNoPair(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("0", "1"));
    f->graceful = true;
    new_template(f, f->opts);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(1, 1, 0); /* while the first old one is on its way out */
    assert_int_equal(pod_count(f), 5);
}

static void S5_3_UnwantedAndUnavailableGoes(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("0", "1"));
    add_node(f, "node-2", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    lose_readiness(f, "node-2");
    new_template(f, f->opts);
    SYNC(1, 1, 0);
    assert_null(pods_on(f, "node-2")[0]);
}

static void S5_3_UnwantedAndAvailableGoesOnlyBeyondDesired(void **state)
{
    struct fixture *f = *state;
    running(f, 4, ROLLING("0", "1"));
    add_node(f, "node-2", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    add_node(f, "node-3", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    lose_readiness(f, "node-0"); /* three are available, two desired */
    new_template(f, f->opts);
    SYNC(2, 1, 0); /* beside node-0's, which is no loss, and one of the budget */
    assert_true((pods_on(f, "node-2")[0] == NULL) != (pods_on(f, "node-3")[0] == NULL));
    SYNC(0, 1, 0); /* node-0's own: its successor is there */
    SYNC(0, 0, 0); /* two and two */
    set_ready(f, pods_on(f, "node-0")[0], true);
    SYNC(0, 1, 0);
}

/* ---- 5.4 ---- */

static void S5_4_OnDeleteMakesNewPodsOnly(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ON_DELETE);
    new_template(f, f->opts); /* its revision is recorded */
    SYNC(0, 0, 0);
    remove_pod(f, pods_on(f, "node-1")[0]);
    SYNC(1, 0, 0);
    settle(f);
    assert_string_equal(
        moon_json_string(
            cJSON_GetObjectItem(cJSON_GetObjectItem(object(f, pods_on(f, "node-1")[0]), "metadata"),
                                "labels"),
            MOON_LABEL_HASH),
        hash_of(f));
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", -1), 1);
    lose_readiness(f, "node-0");
    SYNC(0, 0, 0);
}

static void S5_4_AStrategyNobodyKnowsUpdatesNothing(void **state)
{
    struct fixture *f = *state;
    running(f, 2, "{\"type\":\"Recreate\"}");
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    remove_pod(f, pods_on(f, "node-1")[0]);
    SYNC(1, 0, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S5_1_PercentagesAreOfTheWantedNodesRoundedUp),
        cmocka_unit_test(S5_1_WithoutNumbersOneAfterTheOther),
        T(S5_2_SurplusIsPrunedAndTheRestIsRolled),
        T(S5_2_NodeWithoutAPodIsUnavailable),
        T(S5_2_OnlyATerminatingPodIsUnavailable),
        T(S5_2_NewPodIsUnavailableUntilMinReadySeconds),
        T(S5_2_UnavailableOldPodsGoAndUseTheBudget),
        T(S5_2_UnavailableOldPodsGoBeyondTheBudget),
        T(S5_2_NothingAvailableGoesWhenTheBudgetIsUsed),
        T(S5_3_UnavailableOldPodsAreSurgedBeyondTheBudget),
        T(S5_3_PairIsASurgeUntilTheNewOneIsAvailable),
        T(S5_3_TerminatingOldPodIsNoPair),
        T(S5_3_UnwantedAndUnavailableGoes),
        T(S5_3_UnwantedAndAvailableGoesOnlyBeyondDesired),
        T(S5_4_OnDeleteMakesNewPodsOnly),
        T(S5_4_AStrategyNobodyKnowsUpdatesNothing),
    };

    return cmocka_run_group_tests_name("parity, section 5", tests, NULL, NULL);
}
