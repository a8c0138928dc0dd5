/* SPDX-License-Identifier: Apache-2.0
 *
 * Which node a pod gets, and what it is told when there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/scheduler.h"

struct world {
    struct moon_scheduler_opts opts;
    unsigned version;
};

static void by_node(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                    void *ctx)
{
    add(moon_played_pod(object)->node_name, ctx);
}

static const struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

static void add_node(struct world *w, const char *name, const char *labels, const char *spec)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"%u\","
                      "\"labels\":{%s}},\"spec\":{%s}}",
                      name, name, ++w->version, labels, spec);
    moon_store_put_event(w->opts.nodes, project(&moon_kind_played_node, text));
}

static void add_pod(struct world *w, const char *name, const char *node)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"%s\","
                      "\"resourceVersion\":\"%u\"},\"spec\":{\"nodeName\":\"%s\"}}",
                      name, name, ++w->version, node);
    moon_store_put_event(w->opts.pods, project(&moon_kind_played_pod, text));
}

static void world_init(struct world *w)
{
    static const struct moon_index_opts index = {.name = "node", .keys = by_node};
    *w = (struct world){0};
    w->opts.nodes = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_played_node});
    w->opts.pods = moon_store_new(&(struct moon_store_opts){
        .kind = &moon_kind_played_pod, .indexes = &index, .index_count = 1});
}

static void world_fini(struct world *w)
{
    moon_store_free(w->opts.nodes);
    moon_store_free(w->opts.pods);
}

/* The node's name, or why there is none. */
static void assert_pick(const struct world *w, const char *spec, const char *want)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"uid\":\"p\"},"
                      "\"spec\":{%s},\"status\":{\"phase\":\"Pending\"}}",
                      spec);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
    const struct moon_object *pod = project(&moon_kind_played_pod, text);
    const struct moon_played_node *node = moon_scheduler_pick(&w->opts, moon_played_pod(pod), &why);
    const char *got = node != NULL ? node->meta.name : moon_buf_cstr(&why);
    if (strcmp(got, want) != 0) {
        fail_msg("%s:\nwant %s\ngot  %s", spec, want, got);
    }
    moon_object_unref(pod);
}

#define PIN(name)                                                                                  \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"         \
    "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","     \
    "\"values\":[\"" name "\"]}]}]}}}"
#define TAINT(key, effect)                                                                         \
    "\"taints\":[{\"key\":\"" key "\",\"value\":\"v\",\"effect\":\"" effect "\"}]"
#define TOLERATE_ALL "\"tolerations\":[{\"operator\":\"Exists\"}]"

static void test_no_nodes(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    assert_pick(&w, "", "no nodes available to schedule pods");
    assert_pick(&w, PIN("n1"), "no nodes available to schedule pods");
    world_fini(&w);
}

static void test_fewest_pods_then_name(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n2", "", "");
    add_node(&w, "n1", "", "");
    add_node(&w, "n3", "", "");
    assert_pick(&w, "", "n1");
    add_pod(&w, "a", "n1");
    assert_pick(&w, "", "n2");
    add_pod(&w, "e", "n2");
    assert_pick(&w, "", "n3");
    add_pod(&w, "b", "n2");
    add_pod(&w, "c", "n3");
    add_pod(&w, "d", "n2");
    assert_pick(&w, "", "n1");
    world_fini(&w);
}

static void test_pinned(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n1", "", "");
    add_node(&w, "n2", "\"disk\":\"ssd\"", TAINT("a", "NoExecute"));
    add_pod(&w, "a", "n1");
    assert_pick(&w, PIN("n1"), "n1");
    assert_pick(&w, PIN("n2"),
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity, "
                "1 node(s) had taint {a: v}, that the pod didn't tolerate.");
    assert_pick(&w, PIN("n2") "," TOLERATE_ALL, "n2");
    assert_pick(&w, PIN("gone"),
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity.");
    assert_pick(&w, PIN("n1") ",\"nodeSelector\":{\"disk\":\"ssd\"}",
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity.");
    world_fini(&w);
}

static void test_selector_taints_and_cordon(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n1", "\"disk\":\"ssd\"", TAINT("a", "NoSchedule"));
    add_node(&w, "n2", "\"disk\":\"ssd\"", "\"unschedulable\":true");
    add_node(&w, "n3", "\"disk\":\"hdd\"", TAINT("b", "PreferNoSchedule"));
    assert_pick(&w, "", "n3");
    assert_pick(&w, "\"nodeSelector\":{\"disk\":\"ssd\"}",
                "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity, "
                "1 node(s) had taint {a: v}, that the pod didn't tolerate, "
                "1 node(s) were unschedulable.");
    assert_pick(&w, "\"nodeSelector\":{\"disk\":\"ssd\"}," TOLERATE_ALL, "n1");
    assert_pick(&w,
                "\"nodeSelector\":{\"disk\":\"ssd\"},\"tolerations\":[{\"key\":"
                "\"node.kubernetes.io/unschedulable\",\"operator\":\"Exists\","
                "\"effect\":\"NoSchedule\"}]",
                "n2");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_nodes),
        cmocka_unit_test(test_fewest_pods_then_name),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_selector_taints_and_cordon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
