/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_cluster.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    JSON_MAX_BYTES = 4096,
};

static const char set_json[] =
    "{\"metadata\":{\"name\":\"agent\",\"namespace\":\"default\",\"uid\":\"set\","
    "\"resourceVersion\":\"1\",\"generation\":1,\"labels\":{\"app\":\"agent\"}},"
    "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"agent\"}},"
    "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":100}},"
    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"agent\"}},\"spec\":{"
    "\"containers\":[{\"name\":\"agent\",\"image\":\"agent:2\"}],"
    "\"nodeSelector\":{\"kubernetes.io/os\":\"linux\"},"
    "\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Exists\"}],"
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
    "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"node.kubernetes.io/instance-type\","
    "\"operator\":\"NotIn\",\"values\":[\"virtual\",\"fargate\"]}]}]}}}}}}}";

static const struct moon_object *project(const struct moon_kind *kind, const struct moon_buf *json,
                                         struct moon_err *err)
{
    struct moon_object *object = NULL;

    return moon_object_project(kind, moon_buf_str(json), &object, err) == 0 ? object : NULL;
}

/* ---- nodes ---- */

/* Few nodes have taints, as in a cluster that works. */
static const char *taints_of(size_t i)
{
    if (i % 1000 == 3) {
        return "{\"key\":\"node-role.kubernetes.io/control-plane\",\"effect\":\"NoSchedule\"}";
    }
    if (i % 200 == 7) {
        return "{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoExecute\"}";
    }
    if (i % 100 == 11) {
        return "{\"key\":\"node.kubernetes.io/unschedulable\",\"effect\":\"NoSchedule\"}";
    }
    if (i % 20 == 13) {
        return "{\"key\":\"dedicated\",\"value\":\"gpu\",\"effect\":\"NoSchedule\"}";
    }
    return "";
}

static void write_labels(size_t i, struct moon_buf *out)
{
    static const char *const pools[] = {"blue", "green", "spot", "batch", "edge"};
    static const char *const types[] = {"m5.large", "m5.xlarge", "c6.2xlarge", "fargate"};

    moon_buf_printf(out,
                    "\"labels\":{\"kubernetes.io/hostname\":\"node-%06zu\","
                    "\"kubernetes.io/os\":\"%s\",\"kubernetes.io/arch\":\"%s\","
                    "\"topology.kubernetes.io/region\":\"r1\","
                    "\"topology.kubernetes.io/zone\":\"r1-%c\","
                    "\"node.kubernetes.io/instance-type\":\"%s\",\"pool\":\"%s\","
                    "\"edge\":\"%s\",\"team\":\"t%zu\",\"tier\":\"%c\",\"rack\":\"k%zu\"}",
                    i, i % 50 == 49 ? "windows" : "linux", i % 5 == 0 ? "arm64" : "amd64",
                    "abc"[i % 3], types[i % 31 == 30 ? 3 : i % 3],
                    pools[i % MOON_ARRAY_SIZE(pools)], i % 10 == 0 ? "true" : "false", i % 17,
                    "abac"[i % 4], i / 40 % 500);
}

static const struct moon_node *make_node(size_t i, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf json = MOON_BUF_INIT(JSON_MAX_BYTES);
    size_t cores = (size_t)2 << i % 4;
    bool is_cut = i % 200 == 7;

    moon_buf_printf(&json,
                    "{\"metadata\":{\"name\":\"node-%06zu\",\"uid\":\"n%zu\","
                    "\"resourceVersion\":\"1\",\"creationTimestamp\":\"2024-01-%02zuT10:00:00Z\",",
                    i, i, i % 28 + 1);
    write_labels(i, &json);
    moon_buf_printf(&json,
                    "},\"spec\":{\"unschedulable\":%s,\"taints\":[%s]},\"status\":{\"nodeInfo\":{"
                    "\"kubeletVersion\":\"v1.%zu.%zu\",\"architecture\":\"%s\","
                    "\"operatingSystem\":\"%s\"},"
                    "\"capacity\":{\"cpu\":\"%zu\",\"memory\":\"%zuGi\",\"pods\":\"110\"},"
                    "\"allocatable\":{\"cpu\":\"%zu\",\"memory\":\"%zuGi\",\"pods\":\"110\"},"
                    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\","
                    "\"lastTransitionTime\":\"2024-02-01T00:00:00Z\"}]}}",
                    i % 100 == 11 ? "true" : "false", taints_of(i), 28 + i % 3, i % 6,
                    i % 5 == 0 ? "arm64" : "amd64", i % 50 == 49 ? "windows" : "linux", cores,
                    4 * cores, cores, 4 * cores - 1, is_cut ? "Unknown" : "True");
    const struct moon_object *o = project(&moon_kind_node, &json, err);
    return o != NULL ? moon_node(o) : NULL;
}

/* ---- pods ---- */

static const struct moon_pod *make_pod(size_t i, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf json = MOON_BUF_INIT(JSON_MAX_BYTES);

    moon_buf_printf(
        &json,
        "{\"metadata\":{\"name\":\"agent-%06zu\",\"namespace\":\"default\",\"uid\":\"p%zu\","
        "\"resourceVersion\":\"1\",\"creationTimestamp\":\"2024-02-02T00:00:00Z\","
        "\"labels\":{\"app\":\"agent\",\"controller-revision-hash\":\"old\"},"
        "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\","
        "\"name\":\"agent\",\"uid\":\"set\",\"controller\":true}]},"
        "\"spec\":{\"nodeName\":\"node-%06zu\",\"containers\":[{\"name\":\"agent\","
        "\"image\":\"agent:1\"}]},"
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
        "\"status\":\"True\",\"lastTransitionTime\":\"2024-02-02T00:00:10Z\"}],"
        "\"containerStatuses\":[{\"name\":\"agent\",\"ready\":true,\"restartCount\":%zu}]}}",
        i, i, i, i % 50 == 0 ? i % 4 : 0);
    const struct moon_object *o = project(&moon_kind_pod, &json, err);
    return o != NULL ? moon_pod(o) : NULL;
}

static void fill_slot(struct moon_bench_cluster *c, size_t i)
{
    c->slots[i] = (struct moon_roll_slot){
        .node = c->nodes[i],
        .node_name = c->nodes[i]->meta.name,
        .old_pod = c->pods[i],
        .wanted = true,
        .old_available = true,
    };
    moon_roll_index_set(&c->index, i, &c->slots[i]);
}

int moon_bench_cluster_fill(struct moon_bench_cluster *c, struct moon_err *err)
{
    if (c->pods != NULL) {
        return 0;
    }
    c->pods = moon_new_array(const struct moon_pod *, c->count);
    c->slots = moon_new_array(struct moon_roll_slot, c->count);
    for (size_t i = 0; i < c->count; i++) {
        c->pods[i] = make_pod(i, err);
        if (c->pods[i] == NULL) {
            return -(int)err->code;
        }
        fill_slot(c, i);
    }
    c->roll = (struct moon_roll){
        .started_s = c->view.now_s - 60,
        .revision = "new",
        .previous_revision = "old",
        .max_unavailable = MOON_BENCH_ACTIONS,
        .available = (int64_t)c->count,
        .desired = (int64_t)c->count,
        .slots = c->slots,
        .index = &c->index,
        .count = c->count,
    };
    return 0;
}

/* ---- life ---- */

static int make_set(struct moon_bench_cluster *c, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf json = MOON_BUF_INIT(JSON_MAX_BYTES);

    moon_buf_puts(&json, set_json);
    const struct moon_object *o = project(&moon_kind_daemonset, &json, err);
    if (o == NULL) {
        return -(int)err->code;
    }
    c->set = moon_daemonset(o);
    c->view = (struct moon_set_view){
        .set = c->set,
        .tolerations = &c->set->tolerations,
        .desired = (int64_t)c->count,
        .revision = "new",
        .now_s = 1709251200,
    };
    return 0;
}

static int make_nodes(struct moon_bench_cluster *c, struct moon_err *err)
{
    c->nodes = moon_new_array(const struct moon_node *, c->count);
    for (size_t i = 0; i < c->count; i++) {
        c->nodes[i] = make_node(i, err);
        if (c->nodes[i] == NULL) {
            return -(int)err->code;
        }
    }
    return 0;
}

struct moon_bench_cluster *moon_bench_cluster_new(size_t count, struct moon_err *err)
{
    struct moon_bench_cluster *c = moon_new(struct moon_bench_cluster);

    c->count = count;
    if (make_set(c, err) != 0 || make_nodes(c, err) != 0) {
        moon_bench_cluster_free(c);
        return NULL;
    }
    return c;
}

void moon_bench_cluster_free(struct moon_bench_cluster *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->pods != NULL && c->pods[i] != NULL) {
            moon_object_unref(&c->pods[i]->meta);
        }
        if (c->nodes != NULL && c->nodes[i] != NULL) {
            moon_object_unref(&c->nodes[i]->meta);
        }
    }
    if (c->set != NULL) {
        moon_object_unref(&c->set->meta);
    }
    moon_roll_index_fini(&c->index);
    moon_free(c->slots);
    moon_free(c->pods);
    moon_free(c->nodes);
    moon_free(c);
}
