/* SPDX-License-Identifier: Apache-2.0
 *
 * test_needs.c - one sync of one set: the rows of the stock controller's daemon_controller_test.go,
 * under their names there. (creates, deletes, events.) All of them run with both strategies.
 */
#include "fixture.h"

static const char *strategy;

static void with(struct fixture *f, const char *template)
{
    add_set(f, (struct set_opts){.template = template, .strategy = strategy});
}

static void simple(struct fixture *f)
{
    with(f, NULL);
}

/* ---- nodes ---- */

static void SimpleDaemonSetLaunchesPods(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 5, NULL);
    SYNC(5, 0, 0);
    SYNC(0, 0, 0);
}

static void NodesBeforeTheSet(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 5, NULL);
    put_set(f, (struct set_opts){.strategy = strategy});
    assert_int_equal(sync_once(f).revision_creates, 1);
    SYNC(5, 0, 0);
}

static void SimpleDaemonSetScheduleDaemonSetPodsLaunchesPods(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 5, NULL);
    SYNC(5, 0, 0);
    for (int i = 0; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        const char **pods = pods_on(f, node);
        assert_non_null(pods[0]);
        assert_null(pods[1]);
        const cJSON *pod = object(f, pods[0]);
        const cJSON *terms =
            moon_json_get(pod, "spec.affinity.nodeAffinity."
                               "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
        assert_null(moon_json_get(pod, "spec.nodeName"));
        assert_int_equal(cJSON_GetArraySize(terms), 1);
        assert_int_equal(
            cJSON_GetArraySize(moon_json_get(cJSON_GetArrayItem(terms, 0), "matchFields")), 1);
        assert_null(moon_json_get(cJSON_GetArrayItem(terms, 0), "matchExpressions"));
    }
}

static void NoNodesDoesNothing(void **state)
{
    struct fixture *f = *state;
    simple(f);
    SYNC(0, 0, 0);
}

static void OneNodeDaemonLaunchesPod(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
}

static void SelectorDaemonLaunchesPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" N1 ","));
    add_nodes(f, 0, 4, NULL);
    add_nodes(f, 4, 3, N1);
    SYNC(3, 0, 0);
}

static void BadSelectorDaemonDoesNothing(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" L2 ","));
    add_nodes(f, 0, 4, NULL);
    add_nodes(f, 4, 3, N1);
    SYNC(0, 0, 0);
}

static void NameDaemonSetLaunchesPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeName\":\"node-0\","));
    add_nodes(f, 0, 5, NULL);
    SYNC(1, 0, 0);
}

static void BadNameDaemonSetDoesNothing(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeName\":\"node-10\","));
    add_nodes(f, 0, 5, NULL);
    SYNC(0, 0, 0);
}

static void NameAndSelectorDaemonSetLaunchesPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" N1 ",\"nodeName\":\"node-6\","));
    add_nodes(f, 0, 4, NULL);
    add_nodes(f, 4, 3, N1);
    SYNC(1, 0, 0);
}

static void InconsistentNameSelectorDaemonSetDoesNothing(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" N1 ",\"nodeName\":\"node-0\","));
    add_nodes(f, 0, 4, NULL);
    add_nodes(f, 4, 3, N1);
    SYNC(0, 0, 0);
}

static void NodeAffinityDaemonLaunchesPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"affinity\":{\"nodeAffinity\":{"
                     "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{"
                     "\"matchExpressions\":[{\"key\":\"color\",\"operator\":\"In\","
                     "\"values\":[\"blue\"]}]}]}}},"));
    add_nodes(f, 0, 4, NULL);
    add_nodes(f, 4, 3, N1);
    SYNC(3, 0, 0);
}

/* ---- pods that are there ---- */

static void DealsWithExistingPods(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 5, NULL);
    add_pods(f, "node-1", L1, 1);
    add_pods(f, "node-2", L1, 2);
    add_pods(f, "node-3", L1, 5);
    add_pods(f, "node-4", L2, 2);
    SYNC(2, 5, 0);
}

static void SelectorDaemonDeletesUnselectedPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" N1 ","));
    add_nodes(f, 0, 5, NULL);
    add_nodes(f, 5, 5, N1);
    add_pods(f, "node-0", L2, 2);
    add_pods(f, "node-1", L1, 3);
    add_pods(f, "node-1", L2, 1);
    add_pods(f, "node-4", L1, 1);
    SYNC(5, 4, 0);
}

static void SelectorDaemonDealsWithExistingPods(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeSelector\":" N1 ","));
    add_nodes(f, 0, 5, NULL);
    add_nodes(f, 5, 5, N1);
    add_pods(f, "node-0", L1, 1);
    add_pods(f, "node-1", L1, 3);
    add_pods(f, "node-1", L2, 2);
    add_pods(f, "node-2", L1, 4);
    add_pods(f, "node-6", L1, 13);
    add_pods(f, "node-7", L2, 4);
    add_pods(f, "node-9", L1, 1);
    add_pods(f, "node-9", L2, 1);
    SYNC(3, 20, 0);
}

/* Found by a random schedule: the clock was set back, so the pod that served seemed the younger
 * one. */
static void OfTwoPodsTheReadyOneStaysWhenAgesAreInDoubt(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    MOON_AUTOFREE char *serving =
        moon_strdup(add_pod(f, (struct pod_opts){.node = "node-0", .age_s = 60, .ready = true}));
    moon_loop_jump_wall(f->loop, -3600 * 1000);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .age_s = 5});
    SYNC(0, 1, 0);
    assert_non_null(moon_map_get(f->objects, moon_str(serving)));
}

static void PortConflictWithSameDaemonPodDoesNotDeletePod(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeName\":\"node-0\","));
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 1);
    SYNC(0, 0, 0);
}

static void DaemonSetRespectsTermination(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_node(f, "node-0", N1, NULL);
    const char *uid = add_pod(f, (struct pod_opts){.node = "node-0", .deleting = true});
    SYNC(0, 0, 0);
    remove_pod(f, uid);
    SYNC(1, 0, 0);
}

static void DeleteUnscheduledPodForNotExistingNode(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_node(f, "node-0", NULL, NULL);
    add_pods(f, "node-0", L1, 1);
    add_pods(f, "node-1", L1, 1);
    (void)add_pod(f, (struct pod_opts){.name = "pinned", .pin = "node-2"});
    SYNC(0, 1, 0);
    assert_null(moon_map_get(f->objects, moon_str("pinned")));
    SYNC(0, 0, 0);
}

static void PodWithoutTargetIsLeftAlone(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){0});
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.current, 1);
}

/* ---- pods that have ended ---- */

static void daemon_kill_failed_pods(struct fixture *f, int failed, int normal, size_t creates,
                                    size_t deletes, size_t events)
{
    simple(f);
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < failed; i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    }
    add_pods(f, "node-0", L1, normal);
    SYNC(creates, deletes, events);
}

static void DaemonKillFailedPods_0_1(void **state)
{
    daemon_kill_failed_pods(*state, 0, 1, 0, 0, 0);
}

static void DaemonKillFailedPods_0_0(void **state)
{
    daemon_kill_failed_pods(*state, 0, 0, 1, 0, 0);
}

static void DaemonKillFailedPods_1_0(void **state)
{
    daemon_kill_failed_pods(*state, 1, 0, 0, 1, 1);
    assert_int_equal(events_of(fixture(), "FailedDaemonPod"), 1);
    assert_string_equal(fixture()->events[0].message,
                        "Found failed daemon pod default/pod-001 on node node-0, will try to kill "
                        "it");
}

static void DaemonKillFailedPods_1_3(void **state)
{
    daemon_kill_failed_pods(*state, 1, 3, 0, 3, 1);
}

static void fail_again(struct fixture *f)
{
    if (pods_on(f, "node-0")[0] == NULL) {
        (void)sync_once(f);
    }
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
}

static void DaemonKillFailedPodsBackoff(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    fail_again(f);
    struct counts c = sync_once(f);
    assert_int_equal(c.deletes, 0);
    assert_true(c.requeue_ms <= 1000); /* what is left of the first second */
    moon_loop_advance(f->loop, 999);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 1, 1);
    /* the next wait is twice as long */
    fail_again(f);
    moon_loop_advance(f->loop, 1999);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 1, 1);
}

static void BackoffEndsWhenTheSpecChanges(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    fail_again(f);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 300);
    change_set(f, (struct set_opts){.strategy = strategy, .history_limit = 5});
    (void)sync_once(f); /* this one observes the new generation */
    SYNC(0, 1, 1);
}

static void BackoffIsForgottenAfterHalfAnHour(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < 4; i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
        advance_s(f, 20);
        SYNC(0, 1, 1);
    }
    assert_int_equal(moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("node-0")))->backoff_ms,
                     8000);
    advance_s(f, 1801);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    assert_int_equal(moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("node-0")))->backoff_ms,
                     1000);
}

static void SucceededPodIsReplacedAtOnce(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < 3; i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Succeeded"});
        SYNC(0, 1, 1);
        assert_int_equal(events_of(f, "SucceededDaemonPod"), 1);
    }
    SYNC(1, 0, 0);
}

static void EndedAndTerminatingPodCountsNowhere(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed", .deleting = true});
    SYNC(1, 0, 0);
}

/* ---- taints ---- */

#define USER1(effect) "[{\"key\":\"dedicated\",\"value\":\"user1\",\"effect\":\"" effect "\"}]"

static void NoScheduleTaintedDoesntEvicitRunningIntolerantPod(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_node(f, "node-0", NULL, USER1("NoSchedule"));
    add_pods(f, "node-0", L1, 1);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.misscheduled, 1);
}

static void NoExecuteTaintedDoesEvicitRunningIntolerantPod(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_node(f, "node-0", NULL, USER1("NoExecute"));
    add_pods(f, "node-0", L1, 1);
    SYNC(0, 1, 0);
}

static void TaintedNodeDaemonDoesNotLaunchIntolerantPod(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_node(f, "node-0", NULL, USER1("NoSchedule"));
    SYNC(0, 0, 0);
    add_node(f, "node-0", NULL, NULL);
    SYNC(1, 0, 0);
}

static void TaintedNodeDaemonLaunchesToleratePod(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"tolerations\":[{\"key\":\"dedicated\",\"value\":\"user1\","
                     "\"effect\":\"NoSchedule\"}],"));
    add_node(f, "node-0", NULL, USER1("NoSchedule"));
    add_node(f, "node-1", NULL, NULL);
    SYNC(2, 0, 0);
}

static void ConditionTaintsAreTolerated(void **state)
{
    static const char *const taints[][2] = {
        {"not-ready", "NoExecute"},      {"unreachable", "NoExecute"},
        {"disk-pressure", "NoSchedule"}, {"memory-pressure", "NoSchedule"},
        {"pid-pressure", "NoSchedule"},  {"unschedulable", "NoSchedule"},
    };
    struct fixture *f = *state;
    simple(f);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(taints); i++) {
        MOON_AUTOFREE char *text = moon_asprintf(
            "[{\"key\":\"node.kubernetes.io/%s\",\"effect\":\"%s\"}]", taints[i][0], taints[i][1]);
        add_node(f, taints[i][0], NULL, text);
        SYNC(1, 0, 0);
    }
    add_node(f, "no-network", NULL,
             "[{\"key\":\"node.kubernetes.io/network-unavailable\",\"effect\":\"NoSchedule\"}]");
    SYNC(0, 0, 0);
}

static void NodeThatLeavesAndComesBack(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 3, NULL);
    SYNC(3, 0, 0);
    remove_node(f, "node-1");
    SYNC(0, 1, 0); /* its pod was pinned, and never bound */
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->slot_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(set_of(f)->slots[i]->index, i);
    }
    add_nodes(f, 1, 1, NULL);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.current, 3);
}

/* ---- sets ---- */

static void DontDoAnythingIfBeingDeleted(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){.strategy = strategy, .deleting = true});
    add_nodes(f, 0, 5, NULL);
    assert_int_equal(sync_once(f).writes, 0);
}

static void PodIsNotDeletedByDaemonsetWithEmptyLabelSelector(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){.strategy = strategy,
                                 .selector = "{}",
                                 .template = TEMPLATE("\"nodeSelector\":" L2 ",")});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = ""});
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "SelectingAll"), 1);
    assert_int_equal(sync_once(f).writes, 0);
}

static void SetThatCannotBeKeptSaysSoAndDoesNothing(void **state)
{
    static const struct {
        const char *selector;
        const char *template;
        const char *error;
    } rows[] = {
        {"{\"matchLabels\":{\"other\":\"x\"}}", NULL, "spec.selector does not match"},
        {NULL, "{\"metadata\":{},\"spec\":{\"containers\":[]}}",
         "unable to create pods, no labels"},
        {"null", NULL, "spec.selector is missing"},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Near\"}]}", NULL, "spec.selector"},
    };
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        put_set(f, (struct set_opts){.strategy = strategy,
                                     .selector = rows[i].selector,
                                     .template = rows[i].template});
        (void)add_pod(f, (struct pod_opts){.node = "node-0"});
        for (int n = 0; n < 3; n++) {
            assert_int_equal(sync_once(f).writes, 0);
            assert_int_not_equal(f->last_rc, 0);
            assert_non_null(strstr(f->last_err.text, rows[i].error));
        }
    }
}

static void SimpleDaemonSetPodCreateErrors(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 100, NULL);
    f->creates_left = 10;
    (void)sync_once(f); /* the slow start is control/apply's: here all are tried */
    assert_int_equal(pod_count(f), 10);
    assert_true(events_of(f, "FailedCreate") > 0);
    f->creates_left = SIZE_MAX;
    SYNC(90, 0, 0);
    SYNC(0, 0, 0);
}

static void AtMost250AtOnce(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 600, NULL);
    SYNC(250, 0, 0);
    SYNC(250, 0, 0);
    SYNC(100, 0, 0);
    SYNC(0, 0, 0);
}

static void NothingTwiceWhileInFlight(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 2, NULL);
    add_pods(f, "node-1", L1, 3);
    struct moon_plan *plan = decide(f);
    assert_true(moon_plan_count(plan) >= 3);
    SYNC(0, 0, 0);
    struct counts c = carry_out(f, plan);
    assert_int_equal(c.creates, 1);
    assert_int_equal(c.deletes, 2);
    SYNC(0, 0, 0);
}

/* A pod whose deletion the server accepted is gone for us, whatever the cache says until then. */
static void AcceptedDeletionIsNotRepeated(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    f->graceful = true;
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
}

static void AcceptedDeletionIsNotRepeatedWhileTheWatchIsBehind(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    f->behind = true;
    SYNC(0, 1, 0);
    SYNC(0, 0, 0);
}

static void RefusedDeletionIsRepeated(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    f->deletes_refused = true;
    SYNC(0, 1, 0);
    assert_int_equal(events_of(f, "FailedDelete"), 1);
    f->deletes_refused = false;
    SYNC(0, 1, 0);
    assert_int_equal(events_of(f, "SuccessfulDelete"), 1);
}

static void PodThatWasGoneAlreadyIsNoNews(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    moon_map_remove(f->objects, moon_str("pod-002"));
    SYNC(0, 1, 0);
    assert_int_equal(events_of(f, "SuccessfulDelete"), 0);
    SYNC(0, 0, 0);
}

/* Bound before unbound, older before younger, then by name. */
static void TheOldestBoundPodStays(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.name = "pinned", .pin = "node-0", .age_s = 99});
    (void)add_pod(f, (struct pod_opts){.name = "young", .node = "node-0", .age_s = 1});
    (void)add_pod(f, (struct pod_opts){.name = "old-b", .node = "node-0", .age_s = 9});
    (void)add_pod(f, (struct pod_opts){.name = "old-a", .node = "node-0", .age_s = 9});
    SYNC(0, 3, 0);
    assert_int_equal(pod_count(f), 1);
    assert_string_equal(pods_on(f, "node-0")[0], "old-a");
}

static void SetGoneWhileInFlight(void **state)
{
    struct fixture *f = *state;
    simple(f);
    add_nodes(f, 0, 3, NULL);
    add_pods(f, "node-1", L1, 2);
    struct moon_plan *plan = decide(f);
    struct moon_object *o;
    struct moon_err err;
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"foo\",\"namespace\":\"" NS "\",\"uid\":\"" UID "\","
        "\"resourceVersion\":\"999999\"},\"spec\":{\"template\":{}}}");
    assert_int_equal(moon_object_project(&moon_kind_daemonset, moon_str(text), &o, &err), 0);
    moon_store_delete_event(moon_informer_store(f->ds.sets), o->uid, o->version);
    moon_object_unref(o);
    assert_null(set_of(f));
    forget_woken(f);
    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        const struct moon_action *a = moon_plan_get(plan, i);
        (void)moon_err_set(&err, MOON_E_CANCELLED, "its object is gone");
        a->on_done(&(struct moon_result){.action = a, .err = &err, .quiet = true}, a->ctx);
    }
    moon_plan_free(plan);
    assert_int_equal(f->woken_count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run(const char *name, const char *with_strategy)
{
    const struct CMUnitTest tests[] = {
        T(SimpleDaemonSetLaunchesPods),
        T(NodesBeforeTheSet),
        T(SimpleDaemonSetScheduleDaemonSetPodsLaunchesPods),
        T(NoNodesDoesNothing),
        T(OneNodeDaemonLaunchesPod),
        T(SelectorDaemonLaunchesPods),
        T(BadSelectorDaemonDoesNothing),
        T(NameDaemonSetLaunchesPods),
        T(BadNameDaemonSetDoesNothing),
        T(NameAndSelectorDaemonSetLaunchesPods),
        T(InconsistentNameSelectorDaemonSetDoesNothing),
        T(NodeAffinityDaemonLaunchesPods),
        T(DealsWithExistingPods),
        T(SelectorDaemonDeletesUnselectedPods),
        T(SelectorDaemonDealsWithExistingPods),
        T(OfTwoPodsTheReadyOneStaysWhenAgesAreInDoubt),
        T(PortConflictWithSameDaemonPodDoesNotDeletePod),
        T(DaemonSetRespectsTermination),
        T(DeleteUnscheduledPodForNotExistingNode),
        T(PodWithoutTargetIsLeftAlone),
        T(DaemonKillFailedPods_0_1),
        T(DaemonKillFailedPods_0_0),
        T(DaemonKillFailedPods_1_0),
        T(DaemonKillFailedPods_1_3),
        T(DaemonKillFailedPodsBackoff),
        T(BackoffEndsWhenTheSpecChanges),
        T(BackoffIsForgottenAfterHalfAnHour),
        T(SucceededPodIsReplacedAtOnce),
        T(EndedAndTerminatingPodCountsNowhere),
        T(NoScheduleTaintedDoesntEvicitRunningIntolerantPod),
        T(NoExecuteTaintedDoesEvicitRunningIntolerantPod),
        T(TaintedNodeDaemonDoesNotLaunchIntolerantPod),
        T(TaintedNodeDaemonLaunchesToleratePod),
        T(ConditionTaintsAreTolerated),
        T(NodeThatLeavesAndComesBack),
        T(DontDoAnythingIfBeingDeleted),
        T(PodIsNotDeletedByDaemonsetWithEmptyLabelSelector),
        T(SetThatCannotBeKeptSaysSoAndDoesNothing),
        T(SimpleDaemonSetPodCreateErrors),
        T(AtMost250AtOnce),
        T(NothingTwiceWhileInFlight),
        T(AcceptedDeletionIsNotRepeated),
        T(AcceptedDeletionIsNotRepeatedWhileTheWatchIsBehind),
        T(RefusedDeletionIsRepeated),
        T(PodThatWasGoneAlreadyIsNoNews),
        T(TheOldestBoundPodStays),
        T(SetGoneWhileInFlight),
    };

    strategy = with_strategy;
    return _cmocka_run_group_tests(name, tests, MOON_ARRAY_SIZE(tests), NULL, NULL);
}

int main(void)
{
    int failed = run("needs, OnDelete", ON_DELETE);

    return failed + run("needs, RollingUpdate", ROLLING("1", "0"));
}
