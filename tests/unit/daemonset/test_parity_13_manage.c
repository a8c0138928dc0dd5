/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_13_manage.c - those rows of the stock controller's daemon_controller_test.go about
 * nodes and their pods that test_needs.c has not, under their names there. With both strategies.
 */
#include "fixture.h"

#include "server.h"

static const char *strategy;

static void with(struct fixture *f, const char *template)
{
    add_set(f, (struct set_opts){.template = template, .strategy = strategy});
}

#define CONDITION(type, status) "\"conditions\":[{\"type\":\"" type "\",\"status\":\"" status "\"}]"
#define TAINTED(key, effect)                                                                       \
    "\"taints\":[{\"key\":\"node.kubernetes.io/" key "\",\"effect\":\"" effect "\"}]"

static void launches(struct fixture *f, const char *spec, const char *status)
{
    with(f, NULL);
    put_node(f, "node-0", NULL, spec, status);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
}

static void NotReadyNodeDaemonDoesLaunchPod(void **state)
{
    launches(*state, "", CONDITION("Ready", "False"));
}

static void NetworkUnavailableNodeDaemonLaunchesPod(void **state)
{
    launches(*state, "", CONDITION("NetworkUnavailable", "True"));
}

static void NotReadyNodeDaemonLaunchesPod(void **state)
{
    launches(*state, TAINTED("not-ready", "NoExecute"), CONDITION("Ready", "False"));
}

static void UnreachableNodeDaemonLaunchesPod(void **state)
{
    launches(*state, TAINTED("unreachable", "NoExecute"), CONDITION("Ready", "Unknown"));
}

static void TaintPressureNodeDaemonLaunchesPod(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"priorityClassName\":\"system-node-critical\","));
    put_node(f, "node-0", NULL,
             "\"taints\":[{\"key\":\"node.kubernetes.io/disk-pressure\",\"effect\":\"NoSchedule\"},"
             "{\"key\":\"node.kubernetes.io/memory-pressure\",\"effect\":\"NoSchedule\"},"
             "{\"key\":\"node.kubernetes.io/pid-pressure\",\"effect\":\"NoSchedule\"}]",
             "\"conditions\":[{\"type\":\"DiskPressure\",\"status\":\"True\"},"
             "{\"type\":\"MemoryPressure\",\"status\":\"True\"},"
             "{\"type\":\"PIDPressure\",\"status\":\"True\"}]");
    SYNC(1, 0, 0);
}

static void NodeDaemonLaunchesToleratePod(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"tolerations\":[{\"key\":\"dedicated\",\"value\":\"user1\",\"effect\":"
                     "\"NoSchedule\"}],"));
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
}

#define SMALL "\"allocatable\":{\"memory\":\"100M\",\"cpu\":\"200m\"}"
#define REQUESTS                                                                                   \
    "{\"metadata\":{\"labels\":" L1 "},\"spec\":{%s\"containers\":[{\"image\":\"foo/bar\","        \
    "\"resources\":{\"requests\":{\"memory\":\"75M\",\"cpu\":\"75m\"}}}]}}"

static void InsufficientCapacityNodeDaemonDoesNotUnscheduleRunningPod(void **state)
{
    struct fixture *f = *state;
    MOON_AUTOFREE char *template = moon_asprintf(REQUESTS, "\"nodeName\":\"node-0\",");
    with(f, template);
    put_node(f, "node-0", NULL, "", SMALL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = "foreign"});
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
}

static void InsufficientCapacityNodeSufficientCapacityWithNodeLabelDaemonLaunchPod(void **state)
{
    struct fixture *f = *state;
    MOON_AUTOFREE char *template = moon_asprintf(REQUESTS, "\"nodeSelector\":" N1 ",");
    with(f, template);
    put_node(f, "small", NULL, "", "\"allocatable\":{\"memory\":\"10M\",\"cpu\":\"20m\"}");
    put_node(f, "big", N1, "", SMALL);
    SYNC(1, 0, 0);
    assert_non_null(pods_on(f, "big")[0]);
}

static void NoPortConflictNodeDaemonLaunchesPod(void **state)
{
    struct fixture *f = *state;
    with(f, TEMPLATE("\"nodeName\":\"node-0\",\"hostNetwork\":true,"));
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = "foreign"});
    SYNC(1, 0, 0);
}

/* Skipped creates are not waited for: the next sync goes on. */
static void DaemonSetPodCreateExpectationsError(void **state)
{
    struct fixture *f = *state;
    with(f, NULL);
    add_nodes(f, 0, 100, NULL);
    f->creates_left = 10;
    (void)sync_once(f);
    assert_int_equal(pod_count(f), 10);
    f->creates_left = SIZE_MAX;
    SYNC(90, 0, 0);
}

/* Included: ours, orphans that match, ended ones. Not: what does not match, what others own, what
 * has ended and is terminating. */
static void GetNodesToDaemonPods(void **state)
{
    struct fixture *f = *state;
    with(f, NULL);
    add_nodes(f, 0, 3, NULL);
    (void)add_pod(f, (struct pod_opts){.name = "ours", .node = "node-0"});
    (void)add_pod(f, (struct pod_opts){.name = "orphan", .node = "node-0", .owner = ""});
    (void)add_pod(f,
                  (struct pod_opts){.name = "succeeded", .node = "node-0", .phase = "Succeeded"});
    (void)add_pod(f, (struct pod_opts){.name = "failed", .node = "node-0", .phase = "Failed"});
    (void)add_pod(f, (struct pod_opts){
                         .name = "ended", .node = "node-1", .phase = "Failed", .deleting = true});
    (void)add_pod(f, (struct pod_opts){.name = "l2", .node = "node-2", .labels = L2});
    (void)add_pod(
        f, (struct pod_opts){.name = "l2-orphan", .node = "node-2", .labels = L2, .owner = ""});
    (void)add_pod(f, (struct pod_opts){.name = "others", .node = "node-2", .owner = "foreign"});
    size_t counted[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%zu", i);
        const struct moon_ds_slot *slot =
            moon_ds_slot_find(set_of(f), moon_intern_find(moon_str(node)));
        for (size_t k = 0; k < slot->pod_count; k++) {
            counted[i] += moon_ds_pod_counts(slot->pods[k]);
        }
    }
    assert_int_equal(counted[0], 4);
    assert_int_equal(counted[1], 0);
    assert_int_equal(counted[2], 0);
}

/* Of other namespaces, where labels may be the same, nothing is found (update_test.go). */
static void ControlledHistories(void **state)
{
    struct fixture *f = *state;
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"kind\":\"ControllerRevision\",\"metadata\":{\"name\":\"far\",\"namespace\":\"other\","
        "\"uid\":\"far\",\"resourceVersion\":\"%llu\",\"labels\":" L1 "},\"revision\":9,\"data\":{"
        "\"spec\":{\"template\":{\"$patch\":\"replace\"}}}}",
        (unsigned long long)++f->version);
    put_text(f, f->ds.revisions, &moon_kind_revision, text);
    (void)add_revision(f, (struct revision_opts){.name = "owned", .number = 1, .hash = "a"});
    (void)add_revision(
        f, (struct revision_opts){.name = "orphan", .number = 2, .hash = "b", .owner = ""});
    struct set_opts opts = {.strategy = strategy};
    put_set(f, opts);
    size_t patches = 0;
    for (int i = 0; i < 5; i++) {
        patches += sync_once(f).revision_patches; /* of an unknown one the server would fail */
    }
    assert_int_equal(patches, 1);
    assert_string_equal(
        moon_json_string(
            cJSON_GetArrayItem(moon_json_get(object(f, "orphan"), "metadata.ownerReferences"), 0),
            "uid"),
        UID);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run(const char *name, const char *with_strategy)
{
    const struct CMUnitTest tests[] = {
        T(NotReadyNodeDaemonDoesLaunchPod),
        T(NetworkUnavailableNodeDaemonLaunchesPod),
        T(NotReadyNodeDaemonLaunchesPod),
        T(UnreachableNodeDaemonLaunchesPod),
        T(TaintPressureNodeDaemonLaunchesPod),
        T(NodeDaemonLaunchesToleratePod),
        T(InsufficientCapacityNodeDaemonDoesNotUnscheduleRunningPod),
        T(InsufficientCapacityNodeSufficientCapacityWithNodeLabelDaemonLaunchPod),
        T(NoPortConflictNodeDaemonLaunchesPod),
        T(DaemonSetPodCreateExpectationsError),
        T(GetNodesToDaemonPods),
        T(ControlledHistories),
    };

    strategy = with_strategy;
    return _cmocka_run_group_tests(name, tests, MOON_ARRAY_SIZE(tests), NULL, NULL);
}

int main(void)
{
    int failed = run("13.1 manage, OnDelete", ON_DELETE);

    return failed + run("13.1 manage, RollingUpdate", ROLLING("1", "0"));
}
