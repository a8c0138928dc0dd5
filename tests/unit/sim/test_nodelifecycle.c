/* SPDX-License-Identifier: Apache-2.0
 *
 * Node lifecycle: which taints follow from which conditions, how fast nodes are emptied, how long
 * a pod bears a taint, and what is said of a node that has fallen silent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/loop.h"
#include "sim/nodetaints.h"
#include "sim/nodezones.h"

enum {
    NOW_S = 1767225600, /* 2026-01-01T00:00:00Z */
    TEXT_MAX = 16 * 1024
};

static cJSON *parse(const char *text)
{
    struct moon_err err;
    cJSON *json = moon_json_parse(moon_str(text), &err);
    if (json == NULL) {
        fail_msg("%s: %s", err.text, text);
    }
    return json;
}

static const struct moon_object *node_with(const char *spec, const char *conditions)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\","
        "\"creationTimestamp\":\"2025-12-31T00:00:00Z\"},\"spec\":{%s},\"status\":{\"conditions\":"
        "[%s]}}",
        spec, conditions);
    MOON_AUTOJSON *json = parse(text);
    if (moon_object_project_json(&moon_kind_played_node, json, (struct moon_str){0}, &object,
                                 &err) != 0) {
        fail_msg("%s", err.text);
    }
    return object;
}

/* ---- taints ---- */

#define READY(status) "{\"type\":\"Ready\",\"status\":\"" status "\"}"
#define PRESSURE(type) "{\"type\":\"" type "\",\"status\":\"True\"}"
#define TAINT(key, effect) "{\"key\":\"node.kubernetes.io/" key "\",\"effect\":\"" effect "\"}"
#define ADD(path, key, effect)                                                                     \
    "{\"op\":\"add\",\"path\":\"/spec/taints" path "\",\"value\":{\"key\":"                        \
    "\"node.kubernetes.io/" key "\",\"effect\":\"" effect                                          \
    "\",\"timeAdded\":\"2026-01-01T00:00:00Z\"}}"
#define FIRST(key, effect)                                                                         \
    "{\"op\":\"add\",\"path\":\"/spec/taints\",\"value\":[{\"key\":"                               \
    "\"node.kubernetes.io/" key "\",\"effect\":\"" effect                                          \
    "\",\"timeAdded\":\"2026-01-01T00:00:00Z\"}]}"
#define REMOVE(place) "{\"op\":\"remove\",\"path\":\"/spec/taints/" place "\"}"

static const struct taint_row {
    const char *name;
    const char *spec;
    const char *conditions;
    enum moon_nodetaints_evict evict;
    const char *want; /* the patch without its test; "": none */
} taint_rows[] = {
    {"a good node", "", READY("True"), MOON_NODETAINTS_NEVER, ""},
    {"not a word yet", "", "", MOON_NODETAINTS_NOW, ""},
    {"not ready", "", READY("False"), MOON_NODETAINTS_NOT_NOW, FIRST("not-ready", "NoSchedule")},
    {"not ready, and its turn", "", READY("False"), MOON_NODETAINTS_NOW,
     FIRST("not-ready", "NoSchedule") "," ADD("/-", "not-ready", "NoExecute")},
    {"unreachable", "", READY("Unknown"), MOON_NODETAINTS_NOW,
     FIRST("unreachable", "NoSchedule") "," ADD("/-", "unreachable", "NoExecute")},
    {"one kind is exchanged for the other at once",
     "\"taints\":[" TAINT("not-ready", "NoExecute") "," TAINT("not-ready", "NoSchedule") "]",
     READY("Unknown"), MOON_NODETAINTS_NOT_NOW,
     ADD("/-", "unreachable", "NoSchedule") "," ADD("/-", "unreachable",
                                                    "NoExecute") "," REMOVE("1") "," REMOVE("0")},
    {"nothing is evicted in a blackout", "\"taints\":[" TAINT("unreachable", "NoExecute") "]",
     READY("Unknown"), MOON_NODETAINTS_NEVER,
     ADD("/-", "unreachable", "NoSchedule") "," REMOVE("0")},
    {"ready again; the taint of somebody else stays",
     "\"taints\":[" TAINT("unreachable", "NoExecute") ",{\"key\":\"gpu\",\"effect\":\"NoExecute\"}"
                                                      "," TAINT("unreachable", "NoSchedule") "]",
     READY("True"), MOON_NODETAINTS_NEVER, REMOVE("2") "," REMOVE("0")},
    {"pressure", "",
     READY("True") "," PRESSURE("MemoryPressure") "," PRESSURE("DiskPressure") "," PRESSURE(
         "PIDPressure") "," PRESSURE("NetworkUnavailable"),
     MOON_NODETAINTS_NEVER,
     FIRST("memory-pressure", "NoSchedule") "," ADD("/-", "disk-pressure", "NoSchedule") "," ADD(
         "/-", "pid-pressure", "NoSchedule") "," ADD("/-", "network-unavailable", "NoSchedule")},
    {"pressure is over", "\"taints\":[" TAINT("disk-pressure", "NoSchedule") "]", READY("True"),
     MOON_NODETAINTS_NEVER, REMOVE("0")},
    {"cordoned", "\"unschedulable\":true", READY("True"), MOON_NODETAINTS_NEVER,
     FIRST("unschedulable", "NoSchedule")},
    {"uncordoned", "\"taints\":[" TAINT("unschedulable", "NoSchedule") "]", READY("True"),
     MOON_NODETAINTS_NEVER, REMOVE("0")},
};

static void test_taints(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(taint_rows); i++) {
        const struct taint_row *row = &taint_rows[i];
        const struct moon_object *node = node_with(row->spec, row->conditions);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf patch = MOON_BUF_INIT(TEXT_MAX);
        bool has_patch = moon_nodetaints_patch(moon_played_node(node), row->evict, NOW_S, &patch);
        MOON_AUTOFREE char *want = moon_asprintf(
            "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"}%s%s]",
            *row->want != '\0' ? "," : "", row->want);
        if (has_patch != (*row->want != '\0') || strcmp(moon_buf_cstr(&patch), want) != 0) {
            fail_msg("%s: want %s\ngot %s", row->name, want, moon_buf_cstr(&patch));
        }
        moon_object_unref(node);
    }
}

/* ---- tolerations ---- */

#define UNREACHABLE TAINT("unreachable", "NoExecute")
#define BEARS(key, seconds)                                                                        \
    "{\"key\":\"" key "\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"" seconds "}"
#define FOR(seconds) ",\"tolerationSeconds\":" seconds

static const struct bearing_row {
    const char *name;
    const char *taints;
    const char *tolerations;
    uint64_t want_ms;
} bearing_rows[] = {
    {"no taint", "", "", MOON_BEARS_FOREVER},
    {"NoSchedule evicts nobody", TAINT("unreachable", "NoSchedule"), "", MOON_BEARS_FOREVER},
    {"not at all", UNREACHABLE, "", 0},
    {"another one", UNREACHABLE, BEARS("node.kubernetes.io/not-ready", ""), 0},
    {"for ever", UNREACHABLE, BEARS("node.kubernetes.io/unreachable", ""), MOON_BEARS_FOREVER},
    {"everything", UNREACHABLE, "{\"operator\":\"Exists\"}", MOON_BEARS_FOREVER},
    {"for a while", UNREACHABLE, BEARS("node.kubernetes.io/unreachable", FOR("300")), 300000},
    {"for no time", UNREACHABLE, BEARS("node.kubernetes.io/unreachable", FOR("0")), 0},
    {"for less than no time", UNREACHABLE, BEARS("node.kubernetes.io/unreachable", FOR("-1")), 0},
    {"the first that bears it counts", UNREACHABLE,
     BEARS("node.kubernetes.io/unreachable", FOR("9")) "," BEARS("node.kubernetes.io/unreachable",
                                                                 FOR("5")),
     9000},
    {"the shortest of several taints",
     UNREACHABLE ",{\"key\":\"gpu\",\"value\":\"x\",\"effect\":\"NoExecute\"}",
     BEARS("node.kubernetes.io/unreachable", FOR("300")) "," BEARS("gpu", FOR("5")), 5000},
    {"one of two is not borne", UNREACHABLE ",{\"key\":\"gpu\",\"effect\":\"NoExecute\"}",
     BEARS("node.kubernetes.io/unreachable", FOR("300")), 0},
};

static void test_bearing(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bearing_rows); i++) {
        const struct bearing_row *row = &bearing_rows[i];
        struct moon_taints taints = {0};
        struct moon_tolerations tolerations = {0};
        struct moon_err err;
        MOON_AUTOFREE char *taints_text = moon_asprintf("[%s]", row->taints);
        MOON_AUTOFREE char *tolerations_text = moon_asprintf("[%s]", row->tolerations);
        MOON_AUTOJSON *taints_json = parse(taints_text);
        MOON_AUTOJSON *tolerations_json = parse(tolerations_text);
        assert_int_equal(moon_taints_from_json(taints_json, &taints, &err), 0);
        assert_int_equal(moon_tolerations_from_json(tolerations_json, &tolerations, &err), 0);
        uint64_t got = moon_nodetaints_bearing_ms(&taints, &tolerations);
        if (got != row->want_ms) {
            fail_msg("%s: want %llu, got %llu", row->name, (unsigned long long)row->want_ms,
                     (unsigned long long)got);
        }
        moon_taints_fini(&taints);
        moon_tolerations_fini(&tolerations);
    }
}

/* ---- conditions ---- */

static void test_unknown(void **state)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf patch = MOON_BUF_INIT(TEXT_MAX);
    (void)state;
    const struct moon_object *node = node_with(
        "", READY("True") ",{\"type\":\"MemoryPressure\",\"status\":\"Unknown\"}," PRESSURE(
                "NetworkUnavailable"));
    assert_true(moon_nodetaints_write_unknown(node, NOW_S, &patch));
    MOON_AUTOJSON *json = parse(moon_buf_cstr(&patch));
    const cJSON *all = moon_json_get(json, "status.conditions");
    const cJSON *ready = cJSON_GetArrayItem(all, 0);
    const cJSON *disk = cJSON_GetArrayItem(all, 1);
    assert_int_equal(cJSON_GetArraySize(all), 3);
    assert_string_equal(moon_json_string(ready, "type"), "Ready");
    assert_string_equal(moon_json_string(ready, "status"), "Unknown");
    assert_string_equal(moon_json_string(ready, "reason"), "NodeStatusUnknown");
    assert_string_equal(moon_json_string(ready, "message"), "Kubelet stopped posting node status.");
    assert_string_equal(moon_json_string(ready, "lastTransitionTime"), "2026-01-01T00:00:00Z");
    /* What the kubelet has never said. */
    assert_string_equal(moon_json_string(disk, "type"), "DiskPressure");
    assert_string_equal(moon_json_string(disk, "reason"), "NodeStatusNeverUpdated");
    assert_string_equal(moon_json_string(disk, "lastHeartbeatTime"), "2025-12-31T00:00:00Z");
    moon_object_unref(node);

    node = node_with("", READY("Unknown") ",{\"type\":\"MemoryPressure\",\"status\":\"Unknown\"},"
                                          "{\"type\":\"DiskPressure\",\"status\":\"Unknown\"},"
                                          "{\"type\":\"PIDPressure\",\"status\":\"Unknown\"}");
    moon_buf_clear(&patch);
    assert_false(moon_nodetaints_write_unknown(node, NOW_S, &patch));
    moon_object_unref(node);
}

/* ---- speed ---- */

enum {
    INTERVAL_MS = 10 * 1000,
    NODES_MAX = 100
};

struct world {
    struct moon_loop *loop;
    struct moon_nodezones *zones;
    struct moon_nodezones_node nodes[NODES_MAX];
    size_t count;
    size_t turns;
    size_t blackouts;
    bool is_blackout;
    const struct moon_object *ready;
    const struct moon_object *broken;
};

static void on_turn(struct moon_nodezones_node *node, void *ctx)
{
    struct world *w = ctx;
    assert_true(node->had_turn);
    w->turns++;
}

static void on_blackout(bool is_blackout, void *ctx)
{
    struct world *w = ctx;
    w->is_blackout = is_blackout;
    w->blackouts++;
}

static void world_init(struct world *w, size_t count)
{
    struct moon_err err;
    *w = (struct world){.count = count};
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    w->ready = node_with("", READY("True"));
    w->broken = node_with("", READY("Unknown"));
    w->zones = moon_nodezones_new(&(struct moon_nodezones_opts){.loop = w->loop,
                                                                .interval_ms = INTERVAL_MS,
                                                                .on_turn = on_turn,
                                                                .on_blackout = on_blackout,
                                                                .ctx = w});
    for (size_t i = 0; i < count; i++) {
        moon_nodezones_see(w->zones, &w->nodes[i], moon_played_node(w->ready));
    }
}

static void world_fini(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        moon_nodezones_leave(w->zones, &w->nodes[i]);
    }
    moon_nodezones_free(w->zones);
    moon_object_unref(w->ready);
    moon_object_unref(w->broken);
    moon_loop_free(w->loop);
}

static void break_nodes(struct world *w, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        moon_nodezones_see(w->zones, &w->nodes[i], moon_played_node(w->broken));
        moon_nodezones_wait(w->zones, &w->nodes[i]);
    }
}

static const struct speed_row {
    const char *name;
    size_t nodes;
    size_t broken;
    size_t want_at_once;
    size_t want_after_35s;
    size_t want_after_205s;
} speed_rows[] = {
    {"one of three", 3, 1, 1, 1, 1},
    {"two of three are too few to be a disturbance", 3, 2, 1, 2, 2},
    {"one by one", 10, 5, 1, 4, 5},
    {"a small zone that is disturbed stands still", 10, 6, 0, 0, 0},
    {"a large one is slow", 60, 40, 1, 1, 3},
    {"a large one as usual", 60, 30, 1, 4, 21},
    {"nothing at all in a blackout", 3, 3, 0, 0, 0},
};

static void test_speed(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(speed_rows); i++) {
        const struct speed_row *row = &speed_rows[i];
        struct world w;
        size_t got[3];
        world_init(&w, row->nodes);
        break_nodes(&w, 0, row->broken);
        moon_loop_advance(w.loop, 1);
        got[0] = w.turns;
        moon_loop_advance(w.loop, 35000);
        got[1] = w.turns;
        moon_loop_advance(w.loop, 170000);
        got[2] = w.turns;
        if (got[0] != row->want_at_once || got[1] != row->want_after_35s ||
            got[2] != row->want_after_205s) {
            fail_msg("%s: %zu, %zu, %zu", row->name, got[0], got[1], got[2]);
        }
        world_fini(&w);
    }
}

static void test_blackout_ends(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 3);
    assert_int_equal(w.blackouts, 0);
    break_nodes(&w, 0, 3);
    assert_true(w.is_blackout);
    assert_true(moon_nodezones_is_blackout(w.zones));
    moon_loop_advance(w.loop, 60000);
    assert_int_equal(w.turns, 0);
    moon_nodezones_see(w.zones, &w.nodes[0], moon_played_node(w.ready));
    assert_false(w.is_blackout);
    moon_loop_advance(w.loop, 1);
    assert_int_equal(w.turns, 1);
    /* Ready again before its turn: it is not waited for. */
    moon_nodezones_see(w.zones, &w.nodes[2], moon_played_node(w.ready));
    moon_loop_advance(w.loop, 60000);
    assert_int_equal(w.turns, 1);
    assert_false(w.nodes[2].had_turn);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taints),        cmocka_unit_test(test_bearing),
        cmocka_unit_test(test_unknown),       cmocka_unit_test(test_speed),
        cmocka_unit_test(test_blackout_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
