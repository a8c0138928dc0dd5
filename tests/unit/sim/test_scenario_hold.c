/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions against objects: what is stored, what is asked, and what is said when it does not
 * hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/kinds.h"
#include "sim/scenario_hold.h"

struct world {
    struct moon_loop *loop;
    struct moon_sim_objdb *db;
    struct moon_scenario_seen *seen;
    struct moon_judge *judge;
    size_t changes; /* told */
};

static void on_thing(const struct moon_scenario_thing *before,
                     const struct moon_scenario_thing *after, void *ctx)
{
    struct world *w = ctx;
    assert_true(before != NULL || after != NULL);
    w->changes++;
}

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    struct world *w = ctx;
    moon_scenario_seen_event(w->seen, event, on_thing, w);
}

static void put(struct world *w, const char *kind, const char *text)
{
    struct moon_err err;
    bool is_set = strcmp(kind, "DaemonSet") == 0 || strcmp(kind, "ControllerRevision") == 0;
    cJSON *tree = moon_sim_tree_parse(moon_str(text), &err);
    if (tree == NULL) {
        fail_msg("%s: %s", text, err.text);
    }
    (void)moon_sim_objdb_put(w->db, moon_sim_kind_by_name(is_set ? "apps" : "", kind), tree);
    cJSON_Delete(tree);
}

static void world_init(struct world *w)
{
    struct moon_err err;
    *w = (struct world){.seen = moon_scenario_seen_new()};
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(w->loop);
    w->judge = moon_judge_new(&(struct moon_judge_opts){.loop = w->loop, .client = "moonset/"});
    w->db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kind_count(), .history = 100, .on_event = on_event, .ctx = w});
    put(w, "DaemonSet",
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\",\"uid\":\"d1\",\"generation\":2},"
        "\"status\":{\"observedGeneration\":1,\"numberReady\":2,\"desiredNumberScheduled\":3}}");
    put(w, "Pod",
        "{\"metadata\":{\"name\":\"p1\",\"namespace\":\"default\",\"uid\":\"u1\",\"labels\":{"
        "\"app\":\"a\"}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"image\":\"a:1\"}]},"
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"
        "\"True\"}],\"containerStatuses\":[{\"restartCount\":2}]}}");
    put(w, "Pod",
        "{\"metadata\":{\"name\":\"p2\",\"namespace\":\"default\",\"uid\":\"u2\",\"labels\":{"
        "\"app\":\"a\"},\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"nodeName\":"
        "\"n2\",\"containers\":[{\"image\":\"x\"},{\"image\":\"a:2\"}]},\"status\":{\"phase\":"
        "\"Pending\",\"containerStatuses\":[{\"restartCount\":0,\"state\":{\"waiting\":{"
        "\"reason\":\"ErrImagePull\"}}}]}}");
    put(w, "Pod",
        "{\"metadata\":{\"name\":\"p3\",\"namespace\":\"other\",\"uid\":\"u3\"},\"spec\":{},"
        "\"status\":{\"phase\":\"Failed\",\"reason\":\"Evicted\"}}");
    put(w, "Node",
        "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"labels\":{\"zone\":\"a\"}},\"spec\":{"
        "\"unschedulable\":true,\"taints\":[{\"key\":\"k\",\"value\":\"v\",\"effect\":"
        "\"NoExecute\"},{\"key\":\"l\",\"effect\":\"NoSchedule\"}]},\"status\":{\"conditions\":[{"
        "\"type\":\"Ready\",\"status\":\"True\"}]}}");
    put(w, "Node", "{\"metadata\":{\"name\":\"n2\",\"uid\":\"n2\"},\"spec\":{},\"status\":{}}");
    put(w, "Event",
        "{\"metadata\":{\"name\":\"e1\",\"namespace\":\"default\",\"uid\":\"e1\"},\"reason\":"
        "\"SuccessfulCreate\",\"type\":\"Normal\",\"message\":\"Created pod: p1\",\"count\":3,"
        "\"involvedObject\":{\"kind\":\"DaemonSet\",\"name\":\"a\"}}");
    put(w, "ControllerRevision",
        "{\"metadata\":{\"name\":\"r1\",\"namespace\":\"default\",\"uid\":\"r1\"},\"revision\":2}");
}

static void world_fini(struct world *w)
{
    moon_judge_free(w->judge);
    moon_scenario_seen_free(w->seen);
    moon_sim_objdb_free(w->db);
    moon_loop_free(w->loop);
}

static const struct {
    const char *condition; /* one line of `end` */
    const char *why;       /* "": it holds */
} rows[] = {
    {"daemonset: {name: a}", ""},
    {"daemonset: {name: b}", "daemonset b: there is none"},
    {"daemonset: {name: b, exists: false}", ""},
    {"daemonset: {name: a, exists: false}", "daemonset a: it exists"},
    {"daemonset: {name: a, namespace: other}", "daemonset a: there is none"},
    {"daemonset: {name: a, generation: 2, observedGeneration: '< 2', numberReady: 2}", ""},
    {"daemonset: {name: a, numberReady: 3, numberAvailable: '> 0', desiredNumberScheduled: 3}",
     "daemonset a: numberReady is 2, not 3; daemonset a: numberAvailable is 0, not > 0"},
    {"pods: {count: 2}", ""},
    {"pods: {count: 3}", "pods: count is 2, not 3"},
    {"pods: {namespace: other, reason: Evicted, phase: Failed, count: 1}", ""},
    {"pods: {selector: app=a, ready: true, count: 1}", ""},
    {"pods: {selector: app=b}", "pods app=b: count is 0, not >= 1"},
    {"pods: {node: n1, image: 'a:1', restarts: '>= 2', count: 1}", ""},
    {"pods: {node: n1, image: 'a:2', count: 0}", ""},
    {"pods: {image: 'a:2', phase: Pending, reason: ErrImagePull, deleting: true, count: 1}", ""},
    {"pods: {deleting: false, count: 1}", ""},
    {"nodes: {count: 2}", ""},
    {"nodes: {ready: true, unschedulable: true, selector: zone=a, count: 1}", ""},
    {"nodes: {name: n2, ready: true}", "nodes n2: count is 0, not >= 1"},
    {"nodes: {taint: k, count: 1}", ""},
    {"nodes: {taint: k=v, count: 1}", ""},
    {"nodes: {taint: 'k=v:NoExecute', count: 1}", ""},
    {"nodes: {taint: 'k:NoExecute', count: 1}", ""},
    {"nodes: {taint: 'l:NoSchedule', count: 1}", ""},
    {"nodes: {taint: 'k:NoSchedule', count: 0}", ""},
    {"nodes: {taint: k=w, count: 0}", ""},
    {"event: {reason: SuccessfulCreate, count: 3}", ""},
    {"event: {reason: SuccessfulCreate, object: ds/a, type: Normal, message: p1}", ""},
    {"event: {reason: SuccessfulCreate, object: ds/b, count: 0}", ""},
    {"event: {reason: SuccessfulCreate, message: p7}", "event SuccessfulCreate: count is 0, not "
                                                       ">= 1"},
    {"objects: {kind: controllerrevisions, where: {revision: 2}, count: 1}", ""},
    {"objects: {kind: controllerrevisions, where: {revision: 1}, count: 0}", ""},
    {"objects: {kind: pods, where: {status.reason: null}, count: 2}", ""},
    {"objects: {kind: pods, namespace: other, name: p3, count: 1}", ""},
    {"objects: {kind: nodes, selector: '!zone', count: 1}", ""},
    {"objects: {kind: leases}", "objects leases: count is 0, not >= 1"},
    {"calls: {create pods: 0}", ""},
    {"calls: {create pods: '> 0'}", "calls create pods: number is 0, not > 0"},
};

static void test_rows(MOON_UNUSED void **state)
{
    struct world w;
    world_init(&w);
    const struct moon_scenario_sight sight = {w.seen, w.judge};
    size_t wrong = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        MOON_AUTOFREE char *text = moon_asprintf("steps: []\nend:\n  %s\n", rows[i].condition);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
        MOON_CLEANUP(moon_scenario_free_ptr)
        struct moon_scenario *s = moon_scenario_parse(moon_str(text), "f.yaml", "", &err);
        if (s == NULL) {
            fail_msg("%s: %s", rows[i].condition, err.text);
        }
        bool holds = moon_scenario_all_hold(&s->end, &sight, &why);
        if (holds != (*rows[i].why == '\0') || strcmp(moon_buf_cstr(&why), rows[i].why) != 0) {
            print_error("%s\ngot  %s\nwant %s\n", rows[i].condition, moon_buf_cstr(&why),
                        rows[i].why);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    world_fini(&w);
}

/* What changes and goes is seen, once each. */
static void test_changes(MOON_UNUSED void **state)
{
    struct world w;
    struct moon_err err;
    world_init(&w);
    uint64_t before = moon_scenario_seen_changes(w.seen);
    assert_int_equal(w.changes, before);
    put(&w, "Pod", "{\"metadata\":{\"name\":\"p1\",\"namespace\":\"default\",\"uid\":\"u1\"}}");
    const struct moon_scenario_thing *t = moon_scenario_seen_get(w.seen, "pods", "default", "p1");
    assert_non_null(t);
    assert_false(t->is_ready);
    assert_int_equal(moon_scenario_seen_count(w.seen, "pods"), 3);
    cJSON *tree = moon_sim_tree_parse(
        MOON_STR_LIT("{\"metadata\":{\"name\":\"p1\",\"namespace\":\"default\",\"uid\":\"u1\"}}"),
        &err);
    moon_sim_objdb_remove(w.db, moon_sim_kind_by_name("", "Pod"), tree);
    cJSON_Delete(tree);
    assert_null(moon_scenario_seen_get(w.seen, "pods", "default", "p1"));
    assert_int_equal(moon_scenario_seen_count(w.seen, "pods"), 2);
    assert_int_equal(moon_scenario_seen_changes(w.seen), before + 2);
    assert_int_equal(w.changes, before + 2);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
