/* SPDX-License-Identifier: Apache-2.0
 *
 * Which node a pod gets, what it is told when there is none, and who has to go for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/budget.h"
#include "sim/scheduler_pick.h"

struct world {
    struct moon_store *nodes;
    struct moon_store *pods;
    struct moon_store *budgets;
    struct moon_ledger *ledger;
    unsigned version;
};

static const struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

/* `has`: members of status.allocatable. */
static void put_node(struct world *w, const char *name, const char *labels, const char *spec,
                     const char *has)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"%u\","
        "\"labels\":{\"host\":\"%s\"%s}},\"spec\":{%s},\"status\":{\"allocatable\":{%s}}}",
        name, name, ++w->version, name, labels, spec, has);
    moon_store_put_event(w->nodes, project(&moon_kind_played_node, text));
}

#define BIG "\"pods\":\"110\",\"cpu\":\"8\",\"memory\":\"32Gi\""

static void add_node(struct world *w, const char *name, const char *labels, const char *spec)
{
    put_node(w, name, labels, spec, BIG);
}

static const struct moon_object *new_pod(struct world *w, const char *name, const char *metadata,
                                         const char *spec, const char *status)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"%s\","
                      "\"resourceVersion\":\"%u\"%s},\"spec\":{%s},\"status\":{%s}}",
                      name, name, ++w->version, metadata, spec, status);
    return project(&moon_kind_played_pod, text);
}

/* A pod that runs on `node`. */
static void add_pod_with(struct world *w, const char *name, const char *node, const char *metadata,
                         const char *spec)
{
    MOON_AUTOFREE char *all =
        moon_asprintf("\"nodeName\":\"%s\"%s%s", node, *spec != '\0' ? "," : "", spec);
    moon_store_put_event(w->pods, new_pod(w, name, metadata, all, "\"phase\":\"Running\""));
}

static void add_pod(struct world *w, const char *name, const char *node)
{
    add_pod_with(w, name, node, "", "");
}

/* A DELETED event that carries this object. */
static void delete_event(struct moon_store *s, const struct moon_object *take_object)
{
    moon_store_delete_event(s, take_object->uid, take_object->version);
    moon_object_unref(take_object);
}

static void remove_pod(struct world *w, const char *name)
{
    delete_event(w->pods, new_pod(w, name, "", "", ""));
}

static void world_init(struct world *w)
{
    *w = (struct world){0};
    w->nodes = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_played_node});
    w->pods = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_played_pod});
    w->budgets = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_budget});
    w->ledger = moon_ledger_new(w->nodes, w->pods);
}

static void world_fini(struct world *w)
{
    moon_ledger_free(w->ledger);
    moon_store_free(w->nodes);
    moon_store_free(w->pods);
    moon_store_free(w->budgets);
}

static const struct moon_object *unbound(struct world *w, const char *metadata, const char *spec)
{
    return new_pod(w, "p", metadata, spec, "\"phase\":\"Pending\"");
}

/* The node's name, or why there is none. */
static void assert_pick_of(struct world *w, const char *metadata, const char *spec,
                           const char *want)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
    const struct moon_object *pod = unbound(w, metadata, spec);
    const struct moon_ledger_node *n = moon_scheduler_pick(w->ledger, moon_played_pod(pod), &why);
    const char *got = n != NULL ? n->name : moon_buf_cstr(&why);
    if (strcmp(got, want) != 0) {
        fail_msg("%s:\nwant %s\ngot  %s", spec, want, got);
    }
    moon_object_unref(pod);
}

static void assert_pick(struct world *w, const char *spec, const char *want)
{
    assert_pick_of(w, "", spec, want);
}

#define PIN(name)                                                                                  \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"         \
    "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","     \
    "\"values\":[\"" name "\"]}]}]}}}"
#define TAINT(key, effect)                                                                         \
    "\"taints\":[{\"key\":\"" key "\",\"value\":\"v\",\"effect\":\"" effect "\"}]"
#define TOLERATE_ALL "\"tolerations\":[{\"operator\":\"Exists\"}]"
#define ASKS(requests)                                                                             \
    "\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{" requests "}}}]"
#define LABEL(value) ",\"labels\":{\"app\":\"" value "\"}"
#define TERM(app, key)                                                                             \
    "{\"topologyKey\":\"" key "\",\"labelSelector\":{\"matchLabels\":{\"app\":\"" app "\"}}}"
#define REQUIRED(kind, term)                                                                       \
    "\"affinity\":{\"" kind "\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[" term "]}}"
#define PREFERRED(kind, weight, term)                                                              \
    "\"affinity\":{\"" kind "\":{\"preferredDuringSchedulingIgnoredDuringExecution\":["            \
    "{\"weight\":" weight ",\"podAffinityTerm\":" term "}]}}"

/* ---- nodes ---- */

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
    remove_pod(&w, "c");
    assert_pick(&w, "", "n3");
    world_fini(&w);
}

static void test_pinned(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n1", "", "");
    add_node(&w, "n2", ",\"disk\":\"ssd\"", TAINT("a", "NoExecute"));
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
    add_node(&w, "n1", ",\"disk\":\"ssd\"", TAINT("a", "NoSchedule"));
    add_node(&w, "n2", ",\"disk\":\"ssd\"", "\"unschedulable\":true");
    add_node(&w, "n3", ",\"disk\":\"hdd\"", TAINT("b", "PreferNoSchedule"));
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

/* ---- room ---- */

static void test_requests(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"2\",\"cpu\":\"1\",\"memory\":\"1Gi\",\"x.io/d\":\"1\"");
    put_node(&w, "n2", "", "", "");
    assert_pick(&w, ASKS("\"cpu\":\"1\",\"memory\":\"1Gi\",\"x.io/d\":\"1\""), "n1");
    assert_pick(&w, ASKS("\"cpu\":\"1001m\",\"x.io/d\":\"2\""),
                "0/2 nodes are available: 1 Too many pods, 2 Insufficient cpu, "
                "2 Insufficient x.io/d.");
    add_pod_with(&w, "a", "n1", "", ASKS("\"cpu\":\"600m\""));
    assert_pick(&w, ASKS("\"cpu\":\"400m\""), "n1");
    assert_pick(&w, ASKS("\"cpu\":\"401m\""),
                "0/2 nodes are available: 1 Too many pods, 2 Insufficient cpu.");
    add_pod(&w, "b", "n1");
    assert_pick(&w, "", "0/2 nodes are available: 2 Too many pods.");
    moon_store_put_event(w.pods,
                         new_pod(&w, "b", "", "\"nodeName\":\"n1\"", "\"phase\":\"Succeeded\""));
    assert_pick(&w, "", "n1");
    remove_pod(&w, "a");
    assert_pick(&w, ASKS("\"cpu\":\"1\""), "n1");
    world_fini(&w);
}

#define PORT(members) "\"containers\":[{\"name\":\"c\",\"ports\":[{" members "}]}]"

static void test_host_ports(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n1", "", "");
    add_node(&w, "n2", "", "");
    add_pod_with(&w, "a", "n1", "", PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.1\""));
    assert_pick(&w, PORT("\"hostPort\":80"), "n2");
    add_pod_with(&w, "b", "n2", "", PORT("\"hostPort\":80"));
    assert_pick(&w, PORT("\"hostPort\":80"),
                "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod "
                "ports.");
    assert_pick(&w, PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.2\""), "n1");
    assert_pick(&w, PORT("\"hostPort\":80,\"protocol\":\"UDP\""), "n1");
    assert_pick(&w, PORT("\"containerPort\":80"), "n1");
    world_fini(&w);
}

/* ---- other pods ---- */

static void add_zones(struct world *w)
{
    add_node(w, "a1", ",\"zone\":\"a\"", "");
    add_node(w, "a2", ",\"zone\":\"a\"", "");
    add_node(w, "b1", ",\"zone\":\"b\"", "");
    add_node(w, "x1", "", "");
}

static void test_pod_affinity(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_zones(&w);
    assert_pick(&w, REQUIRED("podAffinity", TERM("web", "zone")),
                "0/4 nodes are available: 4 node(s) didn't match pod affinity rules, "
                "4 node(s) didn't match pod affinity/anti-affinity.");
    assert_pick_of(&w, LABEL("web"), REQUIRED("podAffinity", TERM("web", "zone")), "a1");
    add_pod_with(&w, "web", "b1", LABEL("web"), "");
    assert_pick(&w, REQUIRED("podAffinity", TERM("web", "zone")), "b1");
    assert_pick_of(&w, LABEL("web"), REQUIRED("podAffinity", TERM("web", "zone")), "b1");
    add_pod_with(&w, "db", "a1", LABEL("db"), "");
    assert_pick(&w, REQUIRED("podAffinity", TERM("web", "zone") "," TERM("db", "zone")),
                "0/4 nodes are available: 4 node(s) didn't match pod affinity rules, "
                "4 node(s) didn't match pod affinity/anti-affinity.");
    world_fini(&w);
}

static void test_pod_anti_affinity(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_zones(&w);
    add_pod_with(&w, "web", "a1", LABEL("web"), "");
    add_pod_with(&w, "x", "x1", "", "");
    add_pod_with(&w, "y", "x1", "", "");
    assert_pick(&w, REQUIRED("podAntiAffinity", TERM("web", "zone")), "b1");
    assert_pick(&w, REQUIRED("podAntiAffinity", TERM("web", "host")), "a2");
    add_pod_with(&w, "shy", "b1", "", REQUIRED("podAntiAffinity", TERM("loud", "zone")));
    assert_pick_of(&w, LABEL("loud"), "\"nodeSelector\":{\"zone\":\"b\"}",
                   "0/4 nodes are available: 1 node(s) didn't match pod affinity/anti-affinity, "
                   "1 node(s) didn't satisfy existing pods anti-affinity rules, "
                   "3 node(s) didn't match Pod's node affinity.");
    assert_pick_of(&w, LABEL("loud"), PIN("b1"),
                   "0/4 nodes are available: 1 node(s) didn't match pod affinity/anti-affinity, "
                   "1 node(s) didn't satisfy existing pods anti-affinity rules, "
                   "3 node(s) didn't match Pod's node affinity.");
    remove_pod(&w, "shy");
    assert_pick_of(&w, LABEL("loud"), "\"nodeSelector\":{\"zone\":\"b\"}", "b1");
    add_pod_with(&w, "web2", "b1", LABEL("web"), "");
    assert_pick(
        &w, "\"nodeSelector\":{\"zone\":\"b\"}," REQUIRED("podAntiAffinity", TERM("web", "zone")),
        "0/4 nodes are available: 1 node(s) didn't match pod affinity/anti-affinity, "
        "1 node(s) didn't match pod anti-affinity rules, "
        "3 node(s) didn't match Pod's node affinity.");
    world_fini(&w);
}

#define SPREAD(skew, key, when)                                                                    \
    "\"topologySpreadConstraints\":[{\"maxSkew\":" skew ",\"topologyKey\":\"" key                  \
    "\",\"whenUnsatisfiable\":\"" when                                                             \
    "\",\"labelSelector\":{\"matchLabels\":{\"app\":\"web\"}}}]"

static void test_spreading(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_zones(&w);
    add_pod_with(&w, "1", "a1", LABEL("web"), "");
    add_pod_with(&w, "2", "b1", "", "");
    add_pod_with(&w, "3", "b1", "", "");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "DoNotSchedule"), "b1");
    assert_pick_of(&w, LABEL("web"), SPREAD("2", "zone", "DoNotSchedule"), "a2");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "DoNotSchedule") "," PIN("a2"),
                   "a2"); /* only the nodes it could be on are compared */
    add_pod_with(&w, "4", "b1", LABEL("web") ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "DoNotSchedule"), "b1");
    add_node(&w, "b0", ",\"zone\":\"b\"", "\"unschedulable\":true");
    put_node(&w, "b1", ",\"zone\":\"b\"", "", "\"pods\":\"3\"");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "DoNotSchedule"),
                   "0/5 nodes are available: 1 Too many pods, "
                   "1 node(s) didn't match pod topology spread constraints (missing required "
                   "label), 1 node(s) were unschedulable, "
                   "2 node(s) didn't match pod topology spread constraints.");
    world_fini(&w);
}

/* ---- scores ---- */

#define LIKES(key, value)                                                                          \
    "\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":["        \
    "{\"weight\":1,\"preference\":{\"matchExpressions\":[{\"key\":\"" key                          \
    "\",\"operator\":\"In\",\"values\":[\"" value "\"]}]}}]}}"

static void test_scores(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_zones(&w);
    assert_pick(&w, LIKES("zone", "b"), "b1");
    assert_pick(&w, LIKES("zone", "c"), "a1");
    add_pod_with(&w, "web", "b1", LABEL("web"), "");
    assert_pick(&w, PREFERRED("podAffinity", "1", TERM("web", "zone")), "b1");
    assert_pick(&w, PREFERRED("podAntiAffinity", "1", TERM("web", "zone")), "a1");
    add_pod_with(&w, "big", "a1", "", ASKS("\"cpu\":\"4\",\"memory\":\"16Gi\""));
    assert_pick(&w, PREFERRED("podAffinity", "1", TERM("none", "zone")), "a2");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "ScheduleAnyway"), "a2");
    add_node(&w, "a2", ",\"zone\":\"a\"", TAINT("t", "PreferNoSchedule"));
    assert_pick(&w, "", "x1");
    assert_pick(&w, TOLERATE_ALL, "a2");
    world_fini(&w);
}

static void test_much_left_and_even(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"4\",\"memory\":\"8Gi\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"8\",\"memory\":\"16Gi\"");
    assert_pick(&w, ASKS("\"cpu\":\"1\",\"memory\":\"2Gi\""), "n2");
    add_pod_with(&w, "a", "n2", "", ASKS("\"cpu\":\"6\",\"memory\":\"0\""));
    assert_pick(&w, ASKS("\"cpu\":\"1\",\"memory\":\"2Gi\""), "n1");
    world_fini(&w);
}

static void test_even_use(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"8\",\"memory\":\"8Gi\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"8\",\"memory\":\"8Gi\"");
    add_pod_with(&w, "a", "n1", "", ASKS("\"cpu\":\"4\",\"memory\":\"0\""));
    add_pod_with(&w, "b", "n2", "", ASKS("\"cpu\":\"2\",\"memory\":\"2Gi\""));
    assert_pick(&w, ASKS("\"cpu\":\"1\",\"memory\":\"1Gi\""), "n2");
    world_fini(&w);
}

static void test_soft_spreading(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "a1", ",\"zone\":\"a\"", "");
    add_node(&w, "a2", ",\"zone\":\"a\"", "");
    add_node(&w, "b1", ",\"zone\":\"b\"", "");
    add_pod_with(&w, "web", "a1", LABEL("web"), "");
    add_pod(&w, "other", "b1");
    assert_pick_of(&w, LABEL("web"), "", "a2");
    assert_pick_of(&w, LABEL("web"), SPREAD("1", "zone", "ScheduleAnyway"), "b1");
    world_fini(&w);
}

/* ---- what is promised ---- */

static void test_assumed(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"1\"");
    const struct moon_object *pod = new_pod(&w, "q", "", "", "\"phase\":\"Pending\"");
    moon_store_put_event(w.pods, moon_object_ref(pod));
    moon_ledger_assume(w.ledger, moon_played_pod(pod), moon_ledger_node(w.ledger, "n1"));
    assert_pick(&w, "", "0/1 nodes are available: 1 Too many pods.");
    moon_ledger_forget(w.ledger, moon_played_pod(pod));
    assert_pick(&w, "", "n1");
    moon_ledger_assume(w.ledger, moon_played_pod(pod), moon_ledger_node(w.ledger, "n1"));
    add_pod(&w, "q", "n1"); /* the watch tells */
    moon_ledger_forget(w.ledger, moon_played_pod(pod));
    assert_pick(&w, "", "0/1 nodes are available: 1 Too many pods.");
    remove_pod(&w, "q");
    assert_pick(&w, "", "n1");
    moon_object_unref(pod);
    world_fini(&w);
}

static void test_claims(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"1\"");
    const struct moon_object *pod =
        new_pod(&w, "q", "", "\"priority\":5," ASKS("\"cpu\":\"1\""), "\"phase\":\"Pending\"");
    moon_store_put_event(w.pods, moon_object_ref(pod));
    moon_ledger_claim(w.ledger, moon_played_pod(pod), moon_ledger_node(w.ledger, "n1"));
    assert_pick(&w, "\"priority\":5," ASKS("\"cpu\":\"1\""),
                "0/1 nodes are available: 1 Insufficient cpu.");
    assert_pick(&w, "\"priority\":6," ASKS("\"cpu\":\"1\""), "n1");
    remove_pod(&w, "q");
    assert_pick(&w, ASKS("\"cpu\":\"1\""), "n1");
    moon_object_unref(pod);
    world_fini(&w);
}

/* Pods may name a node before it is there, and after it is gone. */
static void test_node_comes_and_goes(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_pod_with(&w, "a", "n1", "", ASKS("\"cpu\":\"7\""));
    assert_int_equal(moon_ledger_count(w.ledger), 0);
    add_node(&w, "n1", "", "");
    assert_pick(&w, ASKS("\"cpu\":\"2\""), "0/1 nodes are available: 1 Insufficient cpu.");
    delete_event(w.nodes,
                 project(&moon_kind_played_node, "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\","
                                                 "\"resourceVersion\":\"900\"}}"));
    assert_pick(&w, "", "no nodes available to schedule pods");
    remove_pod(&w, "a");
    world_fini(&w);
}

/* ---- preemption ---- */

/* "node: victim victim", "nobody" (it would not help), or "wait" (may not, or need not). */
static void assert_preempts(struct world *w, const char *spec, const char *want)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf got = MOON_BUF_INIT(4096);
    const struct moon_object *pod = unbound(w, "", spec);
    struct moon_preemption p;
    moon_scheduler_preempt(w->ledger, w->budgets, moon_played_pod(pod), &p);
    if (p.on == NULL) {
        moon_buf_puts(&got, p.may_help ? "wait" : "nobody");
    } else {
        moon_buf_printf(&got, "%s:", p.on->name);
    }
    for (size_t i = 0; i < p.victim_count; i++) {
        moon_buf_printf(&got, " %s", p.victims[i]->meta.name);
    }
    if (strcmp(moon_buf_cstr(&got), want) != 0) {
        fail_msg("%s:\nwant %s\ngot  %s", spec, want, moon_buf_cstr(&got));
    }
    moon_preemption_fini(&p);
    moon_object_unref(pod);
}

#define RANKED(priority, cpu) "\"priority\":" priority "," ASKS("\"cpu\":\"" cpu "\"")

static void test_preemption(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"4\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"4\"");
    add_node(&w, "n3", "", TAINT("t", "NoSchedule"));
    add_pod_with(&w, "a", "n1", "", RANKED("3", "2"));
    add_pod_with(&w, "b", "n1", "", RANKED("1", "2"));
    add_pod_with(&w, "c", "n2", "", RANKED("2", "4"));
    assert_preempts(&w, RANKED("3", "2"), "n1: b");
    assert_preempts(&w, RANKED("4", "3"), "n2: c"); /* n1: a and b, a more important than c */
    assert_preempts(&w, RANKED("4", "2") "," PIN("n2"), "n2: c");
    assert_preempts(&w, RANKED("1", "2"), "wait");
    assert_preempts(&w, RANKED("9", "5"), "wait"); /* would not fit on an empty node, either */
    assert_preempts(&w, "\"preemptionPolicy\":\"Never\"," RANKED("9", "2"), "wait");
    assert_preempts(&w, RANKED("9", "2") "," PIN("n3"), "nobody");
    add_pod_with(&w, "d", "n2", "", RANKED("9", "0"));
    assert_preempts(&w, RANKED("4", "4") ",\"nodeSelector\":{\"host\":\"n1\"}", "n1: a b");
    world_fini(&w);
}

static void test_preemption_of_few_and_young(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    add_pod_with(&w, "a", "n1", "", RANKED("1", "1"));
    add_pod_with(&w, "b", "n1", "", RANKED("1", "1"));
    add_pod_with(&w, "c", "n2", "", RANKED("1", "2"));
    assert_preempts(&w, RANKED("2", "2"), "n2: c");
    moon_store_put_event(w.pods,
                         new_pod(&w, "old", "", "\"nodeName\":\"n2\"," RANKED("1", "0"),
                                 "\"phase\":\"Running\",\"startTime\":\"2026-01-01T00:00:00Z\""));
    assert_preempts(&w, RANKED("2", "1"), "n1: b");
    world_fini(&w);
}

/* It guards the pods with label app=guarded. */
static void put_budget(struct world *w, const char *selector, const char *status)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"b\",\"namespace\":\"d\",\"uid\":\"b\","
                      "\"resourceVersion\":\"%u\"},\"spec\":{\"selector\":{%s}},\"status\":{%s}}",
                      ++w->version, selector, status);
    moon_store_put_event(w->budgets, project(&moon_kind_budget, text));
}

static void test_preemption_and_budgets(void **state)
{
    static const char guard[] = "\"matchLabels\":{\"app\":\"guarded\"}";
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    add_pod_with(&w, "g1", "n1", LABEL("guarded"), RANKED("1", "1"));
    add_pod_with(&w, "g2", "n1", LABEL("guarded"), RANKED("1", "1"));
    add_pod_with(&w, "x", "n2", "", RANKED("2", "2"));
    assert_preempts(&w, RANKED("3", "2"), "n1: g1 g2");
    put_budget(&w, guard, "\"disruptionsAllowed\":2");
    assert_preempts(&w, RANKED("3", "2"), "n1: g1 g2");
    put_budget(&w, guard, "\"disruptionsAllowed\":1");
    assert_preempts(&w, RANKED("3", "2"), "n2: x");
    assert_preempts(&w, RANKED("2", "2"), "n1: g1 g2"); /* better break it than wait */
    assert_preempts(&w, RANKED("2", "1"), "n1: g1");    /* the one it can spare */
    put_budget(&w, guard,
               "\"disruptionsAllowed\":1,\"disruptedPods\":{\"g2\":\"2026-01-01T00:00:00Z\"}");
    assert_preempts(&w, RANKED("3", "2"), "n1: g1 g2");
    put_budget(&w, "", "\"disruptionsAllowed\":0");
    assert_preempts(&w, RANKED("3", "2"), "n1: g1 g2");
    world_fini(&w);
}

#define STARTED(day) "\"phase\":\"Running\",\"startTime\":\"2026-01-0" day "T00:00:00Z\""

static void test_preemption_by_age(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    moon_store_put_event(
        w.pods, new_pod(&w, "a-young", "", "\"nodeName\":\"n1\"," RANKED("1", "1"), STARTED("2")));
    moon_store_put_event(
        w.pods, new_pod(&w, "b-old", "", "\"nodeName\":\"n1\"," RANKED("1", "1"), STARTED("1")));
    assert_preempts(&w, RANKED("2", "1"), "n1: a-young");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"1\"");
    moon_store_put_event(
        w.pods, new_pod(&w, "youngest", "", "\"nodeName\":\"n2\"," RANKED("1", "1"), STARTED("3")));
    assert_preempts(&w, RANKED("2", "1"), "n2: youngest");
    world_fini(&w);
}

/* The least of all domains changes while pods are taken away and put back. */
static void test_preemption_for_spreading(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "a1", ",\"zone\":\"a\"", "");
    add_node(&w, "b1", ",\"zone\":\"b\"", "");
    add_pod_with(&w, "w0", "a1", LABEL("web"), "\"priority\":9");
    add_pod_with(&w, "w1", "b1", LABEL("web"), "");
    add_pod_with(&w, "w2", "b1", LABEL("web"), "");
    const struct moon_object *pod =
        unbound(&w, LABEL("web"), "\"priority\":1," SPREAD("1", "zone", "DoNotSchedule"));
    struct moon_preemption p;
    moon_scheduler_preempt(w.ledger, w.budgets, moon_played_pod(pod), &p);
    assert_non_null(p.on);
    assert_string_equal(p.on->name, "b1");
    assert_int_equal(p.victim_count, 1);
    assert_string_equal(p.victims[0]->meta.name, "w2");
    moon_preemption_fini(&p);
    moon_object_unref(pod);
    world_fini(&w);
}

static void test_preemption_waits(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    put_node(&w, "n1", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    put_node(&w, "n2", "", "", "\"pods\":\"9\",\"cpu\":\"2\"");
    add_pod_with(&w, "going", "n1", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"",
                 RANKED("1", "2"));
    add_pod_with(&w, "stays", "n2", "", RANKED("1", "2"));
    const struct moon_object *pod = unbound(&w, "", RANKED("2", "2"));
    moon_store_put_event(w.pods, moon_object_ref(pod));
    moon_ledger_claim(w.ledger, moon_played_pod(pod), moon_ledger_node(w.ledger, "n1"));
    assert_preempts(&w, RANKED("2", "2"), "wait");
    put_node(&w, "n1", "", TAINT("t", "NoSchedule"), "\"pods\":\"9\",\"cpu\":\"2\"");
    assert_preempts(&w, RANKED("2", "2"), "n2: stays");
    moon_ledger_claim(w.ledger, moon_played_pod(pod), moon_ledger_node(w.ledger, "n2"));
    assert_preempts(&w, RANKED("2", "2"), "n2: stays"); /* nobody is going */
    moon_object_unref(pod);
    world_fini(&w);
}

static void test_preemption_for_neighbours_and_ports(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    add_node(&w, "n1", "", "");
    add_pod_with(&w, "port", "n1", "", PORT("\"hostPort\":80"));
    add_pod_with(&w, "shy", "n1", LABEL("shy"), REQUIRED("podAntiAffinity", TERM("loud", "host")));
    add_pod_with(&w, "other", "n1", "", "");
    assert_preempts(&w, "\"priority\":1," PORT("\"hostPort\":80"), "n1: port");
    assert_preempts(&w, "\"priority\":1," REQUIRED("podAntiAffinity", TERM("shy", "host")),
                    "n1: shy");
    assert_pick(&w, PORT("\"hostPort\":80"),
                "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
                "ports.");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_nodes),
        cmocka_unit_test(test_fewest_pods_then_name),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_selector_taints_and_cordon),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_host_ports),
        cmocka_unit_test(test_pod_affinity),
        cmocka_unit_test(test_pod_anti_affinity),
        cmocka_unit_test(test_spreading),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_much_left_and_even),
        cmocka_unit_test(test_even_use),
        cmocka_unit_test(test_soft_spreading),
        cmocka_unit_test(test_assumed),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_node_comes_and_goes),
        cmocka_unit_test(test_preemption),
        cmocka_unit_test(test_preemption_of_few_and_young),
        cmocka_unit_test(test_preemption_and_budgets),
        cmocka_unit_test(test_preemption_by_age),
        cmocka_unit_test(test_preemption_for_spreading),
        cmocka_unit_test(test_preemption_waits),
        cmocka_unit_test(test_preemption_for_neighbours_and_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
