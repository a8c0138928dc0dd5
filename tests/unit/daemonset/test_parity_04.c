/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_04.c - what a node needs apart from updates, where the rows of the stock controller's
 * own tests (test_needs.c) do not say it.
 */
#include "fixture.h"

#define TAINTED(effect) "[{\"key\":\"dedicated\",\"effect\":\"" effect "\"}]"
#define SURGE ROLLING("0", "1")

static void one_node(struct fixture *f, const char *strategy)
{
    add_set(f, (struct set_opts){.strategy = strategy});
    add_nodes(f, 0, 1, NULL);
}

/* ---- the cases ---- */

static void S4_NodeThatMayOnlyKeepGetsNothingNew(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_node(f, "node-0", NULL, TAINTED("NoSchedule"));
    SYNC(0, 0, 0);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1); /* a failed pod is no use here either… */
    SYNC(0, 0, 0); /* …and has no successor */
    add_pods(f, "node-0", L1, 3);
    SYNC(0, 2, 0);
    SYNC(0, 0, 0);
}

static void S4_UnwantedPodsGoInAnyPhase(void **state)
{
    static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};
    struct fixture *f = *state;
    one_node(f, NULL);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(phases); i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = phases[i]});
    }
    (void)add_pod(f,
                  (struct pod_opts){
                      .name = "leaving", .node = "node-0", .phase = "Running", .deleting = true});
    add_node(f, "node-0", NULL, TAINTED("NoExecute"));
    SYNC(0, 5, 0); /* and nobody is told of failed or succeeded ones */
    assert_int_equal(pod_count(f), 1);
    assert_string_equal(pods_on(f, "node-0")[0], "leaving");
}

static void S4_TerminatingPodBlocksItsSuccessorUntilItHasEnded(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    f->graceful = true;
    SYNC(1, 0, 0);
    const char *uid = pods_on(f, "node-0")[0];
    set_phase(f, uid, "Succeeded");
    SYNC(0, 1, 1);
    SYNC(1, 0, 0); /* terminal and terminating: out of the way though it is still there */
    assert_int_equal(pod_count(f), 2);
}

static void S4_CreatesAndDeletesOfOnePass(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    add_pods(f, "node-0", L1, 2);
    (void)add_pod(f, (struct pod_opts){.pin = "gone"});
    SYNC(1, 2, 0);
}

/* ---- 4.1 ---- */

static void S4_1_OtherPhasesRun(void **state)
{
    static const char *const phases[] = {"Pending", "Running", "Unknown", "", "Odd"};
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(phases); i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%zu", i);
        add_node(f, node, NULL, NULL);
        (void)add_pod(f, (struct pod_opts){.node = node, .phase = phases[i]});
    }
    SYNC(0, 0, 0);
}

static void S4_1_FailedPodIsReplacedInTwoPasses(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    SYNC(1, 0, 0);
}

static void S4_1_WithSurgeInOne(void **state)
{
    struct fixture *f = *state;
    one_node(f, SURGE);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(1, 1, 1);
    SYNC(0, 0, 0);
}

static void S4_1_WithSurgeBesideATerminatingOne(void **state)
{
    struct fixture *f = *state;
    one_node(f, SURGE);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .deleting = true});
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
}

static void S4_1_FailedPodWaitsBesideARunningOne(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    add_pods(f, "node-0", L1, 1);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1000);
    SYNC(0, 1, 1);
}

/* Without surge the oldest stays, though it is outdated; with surge one of each kind. */
static void S4_1_HashDecidesOnlyWithSurge(void **state)
{
    struct fixture *f = *state;
    one_node(f, ON_DELETE);
    (void)add_pod(f, (struct pod_opts){.name = "old", .node = "node-0", .hash = "old", .age_s = 9});
    (void)add_pod(f, (struct pod_opts){.name = "new", .node = "node-0", .age_s = 5});
    SYNC(0, 1, 0);
    assert_string_equal(pods_on(f, "node-0")[0], "old");

    (void)teardown(state);
    (void)setup(state);
    one_node(f, SURGE);
    (void)add_pod(f,
                  (struct pod_opts){
                      .name = "old", .node = "node-0", .hash = "old", .age_s = 9, .ready = true});
    (void)add_pod(f, (struct pod_opts){.name = "new", .node = "node-0", .age_s = 5});
    SYNC(0, 0, 0);
}

/* ---- 4.3 ---- */

static void fail_once(struct fixture *f)
{
    if (pods_on(f, "node-0")[0] == NULL) {
        SYNC(1, 0, 0);
    }
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
}

static void S4_3_DoublesFromOneSecondToAQuarterOfAnHour(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    fail_once(f);
    SYNC(0, 1, 1);
    for (int i = 0; i < 14; i++) {
        uint64_t ms = i < 10 ? 1000ULL << i : 900000;
        fail_once(f);
        moon_loop_advance(f->loop, ms - 1);
        SYNC(0, 0, 0);
        moon_loop_advance(f->loop, 1);
        SYNC(0, 1, 1);
    }
}

static void S4_3_WaitingDoesNotRaiseIt(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    fail_once(f);
    SYNC(0, 1, 1);
    fail_once(f);
    for (int i = 0; i < 9; i++) {
        moon_loop_advance(f->loop, 100);
        add_nodes(f, 0, 1, i % 2 == 0 ? N1 : N2); /* looked at again and again */
        SYNC(0, 0, 0);
    }
    moon_loop_advance(f->loop, 100);
    SYNC(0, 1, 1);
}

static void S4_3_EachNodeHasItsOwn(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(1, 1, 1);
    SYNC(1, 0, 0);
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    set_phase(f, pods_on(f, "node-1")[0], "Failed");
    SYNC(0, 1, 1);
    assert_null(pods_on(f, "node-1")[0]);
}

static void S4_3_ARestartForgetsIt(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    fail_once(f);
    SYNC(0, 1, 1);
    fail_once(f);
    SYNC(0, 0, 0);
    /* As after a restart: the set is learnt anew from the server's state. */
    const struct moon_daemonset *object = set_of(f)->object;
    moon_object_ref(&object->meta);
    moon_store_list_begin(moon_informer_store(f->ds.sets));
    moon_store_list_end(moon_informer_store(f->ds.sets), ++f->version);
    assert_null(set_of(f));
    moon_object_unref(&object->meta);
    put_set(f, f->opts);
    SYNC(0, 1, 1);
}

/* ---- 4.4 ---- */

static void S4_4_NoGenerationNoLabel(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.no_generation = true});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    const cJSON *labels = cJSON_GetObjectItem(
        cJSON_GetObjectItem(object(f, pods_on(f, "node-0")[0]), "metadata"), "labels");
    assert_null(moon_json_member(labels, MOON_LABEL_GENERATION));
    assert_string_equal(moon_json_string(labels, MOON_LABEL_HASH), hash_of(f));
    SYNC(0, 0, 0); /* and it is up to date by its hash */
    assert_int_equal(set_of(f)->sums.updated, 1);
}

static void S4_4_NameIsTheSetsAndFiveCharacters(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    SYNC(1, 0, 0);
    const char *name = moon_json_string(object(f, pods_on(f, "node-0")[0]), "metadata.name");
    assert_memory_equal(name, "foo-", 4);
    assert_int_equal(strlen(name), 9);
    assert_int_equal(strspn(name + 4, "bcdfghjklmnpqrstvwxz2456789"), 5);
}

static void S4_4_DeletesNameThePod(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    add_pods(f, "node-0", L1, 2);
    struct moon_plan *plan = decide(f);
    const struct moon_action *a = moon_plan_get(plan, 0);
    assert_int_equal(a->verb, MOON_VERB_DELETE);
    assert_string_equal(a->uid, "pod-002"); /* what control/apply makes a precondition of */
    assert_null(a->write_body);
    (void)carry_out(f, plan);
}

/* ---- 4.5 ---- */

static void S4_5_WhenSurgeIsOn(void **state)
{
    static const struct {
        const char *strategy;
        bool on;
    } rows[] = {
        {ROLLING("0", "1"), true},
        {ROLLING("0", "\"1%\""), true},
        {ROLLING("0", "\"100%\""), true},
        {ROLLING("1", "0"), false},
        {ROLLING("1", "\"0%\""), false},
        {ROLLING("1", "\"some\""), false},
        {"{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}", false},
        {"{\"type\":\"RollingUpdate\"}", false},
        {ON_DELETE, false},
        {"{\"type\":\"OnDelete\",\"rollingUpdate\":{\"maxSurge\":1}}", false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        (void)setup(state);
        struct fixture *f = *state;
        one_node(f, rows[i].strategy);
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .deleting = true});
        if (sync_once(f).creates != rows[i].on) {
            fail_msg("%s", rows[i].strategy);
        }
        (void)teardown(state);
    }
}

/* ---- 4.6 ---- */

static void S4_6_TerminatingOnesAreNotDeletedAgain(void **state)
{
    struct fixture *f = *state;
    one_node(f, NULL);
    SYNC(1, 0, 0);
    (void)add_pod(f, (struct pod_opts){.pin = "gone", .deleting = true});
    (void)add_pod(f, (struct pod_opts){.node = "gone", .phase = "Failed"});
    SYNC(0, 0, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S4_NodeThatMayOnlyKeepGetsNothingNew),
        T(S4_UnwantedPodsGoInAnyPhase),
        T(S4_TerminatingPodBlocksItsSuccessorUntilItHasEnded),
        T(S4_CreatesAndDeletesOfOnePass),
        T(S4_1_OtherPhasesRun),
        T(S4_1_FailedPodIsReplacedInTwoPasses),
        T(S4_1_WithSurgeInOne),
        T(S4_1_WithSurgeBesideATerminatingOne),
        T(S4_1_FailedPodWaitsBesideARunningOne),
        T(S4_1_HashDecidesOnlyWithSurge),
        T(S4_3_DoublesFromOneSecondToAQuarterOfAnHour),
        T(S4_3_WaitingDoesNotRaiseIt),
        T(S4_3_EachNodeHasItsOwn),
        T(S4_3_ARestartForgetsIt),
        T(S4_4_NoGenerationNoLabel),
        T(S4_4_NameIsTheSetsAndFiveCharacters),
        T(S4_4_DeletesNameThePod),
        cmocka_unit_test(S4_5_WhenSurgeIsOn),
        T(S4_6_TerminatingOnesAreNotDeletedAgain),
    };

    return cmocka_run_group_tests_name("parity, section 4", tests, NULL, NULL);
}
