/* SPDX-License-Identifier: Apache-2.0
 *
 * test_drain.c - nodes that a policy has emptied before their daemon goes.
 */
#include "fixture.h"

#include <stdio.h>

#include "daemonset/drain_priv.h"

/* One node at a time: drain it, replace its pod, give it back when the new one is available. */
#define DRAINER                                                                                    \
    "return { api = 1, update = function(roll, set)\n"                                             \
    "local held = 0\n"                                                                             \
    "for node in roll:draining {} do\n"                                                            \
    "held = held + 1\n"                                                                            \
    "local pod = node.pod\n"                                                                       \
    "if pod and not pod.outdated and pod.available then roll:uncordon(node, 'done')\n"             \
    "elseif pod and pod.outdated and node.drain == 'drained' then roll:replace(pod, 'empty')\n"    \
    "else roll:drain(node, 'not yet') end end\n"                                                   \
    "if held == 0 then for pod in roll:outdated {} do\n"                                           \
    "local ok, why = roll:drain(pod.node, 'next') if not ok then roll:again(9, why) end\n"         \
    "if ok then break end end end end }"

#define REPLICAS                                                                                   \
    ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"r\","    \
    "\"uid\":\"r-1\",\"controller\":true}]"
#define DAEMON                                                                                     \
    ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"d\","     \
    "\"uid\":\"d-1\",\"controller\":true}]"

static void updating(struct fixture *f)
{
    running_mine(f, DRAINER);
    new_template(f, f->opts);
    f->call_count = 0;
}

static struct moon_ds_drain *drain_of(struct fixture *f, const char *node)
{
    moon_sym name = moon_intern_find(moon_str(node));
    const struct moon_ds_slot *slot = moon_ds_slot_find(set_of(f), name);

    assert_non_null(slot);
    return slot->drain;
}

static struct moon_object *other_pod(struct fixture *f, const char *name, const char *metadata)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"web\",\"uid\":\"uid-%s\","
                      "\"resourceVersion\":\"%llu\"%s}}",
                      name, name, (unsigned long long)++f->version, metadata);
    struct moon_object *object = NULL;
    struct moon_err err;

    assert_int_equal(moon_object_project(&moon_kind_evictee, moon_str(text), &object, &err), 0);
    return object;
}

static struct moon_store *others(struct fixture *f, const char *node)
{
    assert_non_null(drain_of(f, node));
    assert_non_null(drain_of(f, node)->pods);
    return moon_informer_store(drain_of(f, node)->pods);
}

/* The watch of the node's pods tells of this one, or of none; more come by put_other. */
static void list_others(struct fixture *f, const char *node, const char *name, const char *metadata)
{
    struct moon_store *s = others(f, node);

    moon_store_list_begin(s);
    if (name != NULL) {
        moon_store_list_item(s, other_pod(f, name, metadata));
    }
    moon_store_list_end(s, ++f->version);
    moon_ds_slot_mark(drain_of(f, node)->slot);
}

static void put_other(struct fixture *f, const char *node, const char *name, const char *metadata)
{
    moon_store_put_event(others(f, node), other_pod(f, name, metadata));
}

static void remove_other(struct fixture *f, const char *node, const char *name)
{
    MOON_AUTOFREE char *uid = moon_asprintf("uid-%s", name);

    moon_store_delete_event(others(f, node), moon_intern_find(moon_str(uid)), ++f->version);
}

static const struct moon_node *node_of(struct fixture *f, const char *name)
{
    return moon_node(moon_store_get(moon_informer_store(f->ds.nodes), NULL, name));
}

static bool is_held(struct fixture *f, const char *name)
{
    return node_of(f, name)->unschedulable && moon_streq(node_of(f, name)->drained_by, KEY);
}

static bool is_free(struct fixture *f, const char *name)
{
    return !node_of(f, name)->unschedulable && node_of(f, name)->drained_by == NULL;
}

static void assert_planned(struct fixture *f, const char *line)
{
    if (strstr(moon_buf_cstr(&f->plan_text), line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, moon_buf_cstr(&f->plan_text));
    }
}

static void assert_watched(struct fixture *f, const char *node)
{
    MOON_AUTOFREE char *want = moon_asprintf("fieldSelector=spec.nodeName%%3D%s", node);

    moon_loop_turn(f->loop, 0);
    assert_int_equal(f->call_count, 1);
    assert_non_null(strstr(f->query, want));
}

/* The first node is cordoned, and its pods are watched. */
static void draining(struct fixture *f)
{
    updating(f);
    struct counts c = sync_once(f);
    assert_int_equal(c.node_patches, 1);
    assert_planned(f, "patch node node-0: cordon: next");
    assert_true(is_held(f, "node-0"));
    c = sync_once(f);
    assert_int_equal(c.writes, 0);
    assert_watched(f, "node-0");
}

static void ANodeIsEmptiedBeforeItsDaemonGoes(void **state)
{
    struct fixture *f = *state;
    draining(f);
    assert_int_equal(events_of(f, "NodeDraining"), 0);
    list_others(f, "node-0", "web-1", REPLICAS);
    put_other(f, "node-0", "log", DAEMON);
    struct counts c = sync_once(f);
    assert_int_equal(c.evictions, 1);
    assert_int_equal(c.deletes, 0);
    assert_planned(f, "create pod web/web-1 eviction on node-0: not yet");
    assert_string_equal(moon_buf_cstr(&f->last_eviction),
                        "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
                        "\"name\":\"web-1\",\"namespace\":\"web\"},\"deleteOptions\":{"
                        "\"preconditions\":{\"uid\":\"uid-web-1\"}}}");
    put_other(f, "node-0", "web-1", REPLICAS ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    c = sync_once(f);
    assert_int_equal(c.evictions + c.deletes, 0);
    remove_other(f, "node-0", "web-1");
    c = sync_once(f);
    assert_int_equal(c.deletes, 1);
    assert_int_equal(events_of(f, "NodeDrained"), 1);
    c = sync_once(f);
    assert_int_equal(c.creates, 1);
    assert_int_equal(c.node_patches, 0); /* not before it is available */
    all_ready(f);
    c = sync_once(f);
    assert_int_equal(c.node_patches, 1);
    assert_planned(f, "patch node node-0: uncordon: done");
    assert_true(is_free(f, "node-0"));
    c = sync_once(f);
    assert_planned(f, "patch node node-1: cordon: next");
    assert_null(drain_of(f, "node-0"));
}

static void TheLastNodeIsGivenBackToo(void **state)
{
    struct fixture *f = *state;
    updating(f);
    for (int i = 0; i < 3; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        (void)sync_once(f);
        (void)sync_once(f);
        list_others(f, node, NULL, "");
        (void)sync_once(f);
        (void)sync_once(f);
        all_ready(f);
        (void)sync_once(f);
        assert_true(is_free(f, node));
        f->call_count = 0;
    }
    settle(f);
    assert_int_equal(set_of(f)->sums.outdated, 0);
}

static void ADisruptionBudgetIsAskedAgainEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    draining(f);
    f->eviction_refused = "Cannot evict pod as it would violate the pod's disruption budget.";
    list_others(f, "node-0", "web-1", REPLICAS);
    put_other(f, "node-0", "web-2", REPLICAS);
    assert_int_equal(sync_once(f).evictions, 2);
    struct counts c = sync_once(f);
    assert_int_equal(c.evictions, 0);
    assert_in_range(c.requeue_ms, 1, 5000);
    assert_int_equal(events_of(f, "FailedDrain"), 1);
    MOON_AUTOFREE char *text = moon_ds_drain_text(drain_of(f, "node-0")->slot);
    assert_string_equal(text, "draining: pod web/web-1: Cannot evict pod as it would violate the "
                              "pod's disruption budget. (and 1 more)");
    advance_s(f, 5);
    assert_int_equal(sync_once(f).evictions, 2);
    assert_int_equal(events_of(f, "FailedDrain"), 0); /* once */
    advance_s(f, 6);
    assert_int_equal(sync_once(f).evictions, 0);
    advance_s(f, 4);
    f->eviction_refused = NULL;
    assert_int_equal(sync_once(f).evictions, 2);
}

/* Nobody is disturbed for a drain that cannot end. */
static void APodThatNobodyWouldMakeAgainHoldsAll(void **state)
{
    struct fixture *f = *state;
    draining(f);
    list_others(f, "node-0", "bare", "");
    put_other(f, "node-0", "web-1", REPLICAS);
    struct counts c = sync_once(f);
    assert_int_equal(c.evictions, 0);
    assert_int_equal(events_of(f, "FailedDrain"), 1);
    MOON_AUTOFREE char *text = moon_ds_drain_text(drain_of(f, "node-0")->slot);
    assert_non_null(strstr(text, "pod web/bare: it has no controller"));
    remove_other(f, "node-0", "bare");
    assert_int_equal(sync_once(f).evictions, 1);
}

static void ANodeThatAPersonCordonedIsLeftAlone(void **state)
{
    struct fixture *f = *state;
    updating(f);
    change_node(f, "node-0", "{\"spec\":{\"unschedulable\":true}}");
    (void)sync_once(f);
    assert_planned(f, "patch node node-1: cordon: next");
    assert_true(node_of(f, "node-0")->unschedulable);
    assert_null(node_of(f, "node-0")->drained_by);
}

/* The person was faster than our write, and the watch has not told of it. */
static void ARaceWithAPersonIsSeen(void **state)
{
    struct fixture *f = *state;
    updating(f);
    struct moon_plan *plan = decide(f);
    change_node(f, "node-0", "{\"spec\":{\"unschedulable\":true}}");
    (void)carry_out(f, plan);
    assert_null(node_of(f, "node-0")->drained_by);
    advance_s(f, 1);
    (void)sync_once(f);
    (void)sync_once(f);
    assert_null(node_of(f, "node-0")->drained_by);
    assert_true(is_held(f, "node-1"));
}

static void ANodeThatAPersonUncordonedIsLeftAlone(void **state)
{
    struct fixture *f = *state;
    draining(f);
    list_others(f, "node-0", "web-1", REPLICAS);
    change_node(f, "node-0", "{\"spec\":{\"unschedulable\":null}}");
    struct counts c = sync_once(f);
    assert_int_equal(c.evictions + c.node_patches, 0);
    MOON_AUTOFREE char *text = moon_ds_drain_text(drain_of(f, "node-0")->slot);
    assert_non_null(strstr(text, "somebody has uncordoned it since"));
    c = sync_once(f);
    assert_int_equal(c.evictions + c.node_patches, 0);
    /* Also by a policy that does not know of such things, until its pod is up to date. */
    mine(f, "return { api = 1, update = function() end }");
    assert_int_equal(sync_once(f).node_patches, 0);
    mine(f, NULL);
    change_set(f, (struct set_opts){.strategy = ROLLING("3", "0"), .template = f->opts.template});
    for (int i = 0; i < 10; i++) {
        (void)sync_once(f);
        all_ready(f);
    }
    assert_true(is_free(f, "node-0"));
}

/* All that a new process knows is what stands on the node. */
static void ARestartGoesOn(void **state)
{
    struct fixture *f = *state;
    updating(f);
    change_node(f, "node-2",
                "{\"metadata\":{\"annotations\":{\"moonset.dev/drained-by\":\"" KEY
                "\",\"moonset.dev/drain-began\":\"1970-01-01T00:01:00Z\"}},"
                "\"spec\":{\"unschedulable\":true}}");
    struct counts c = sync_once(f);
    assert_int_equal(c.node_patches, 0); /* node-2 is the one */
    assert_watched(f, "node-2");
    assert_int_equal(drain_of(f, "node-2")->shown.since_s, 60);
    list_others(f, "node-2", NULL, "");
    assert_int_equal(sync_once(f).deletes, 1);
}

static void AnotherPolicyGivesNodesBack(void **state)
{
    struct fixture *f = *state;
    draining(f);
    mine(f, "return { api = 1, update = function() end }");
    struct counts c = sync_once(f);
    assert_int_equal(c.node_patches, 1);
    assert_planned(f, "patch node node-0: uncordon: policy mine does not ask for it");
    assert_true(is_free(f, "node-0"));
    assert_int_equal(sync_once(f).node_patches, 0);
    assert_null(drain_of(f, "node-0"));
}

static void APolicyThatFailsChangesNothing(void **state)
{
    struct fixture *f = *state;
    draining(f);
    mine(f, "return { api = 1, update = function() error('no') end }");
    (void)sync_once(f);
    (void)sync_once(f);
    assert_true(is_held(f, "node-0"));
    mine(f, DRAINER);
    list_others(f, "node-0", NULL, "");
    assert_int_equal(sync_once(f).deletes, 1);
}

/* Nothing more is disturbed, but what is done is given back. */
static void APauseHoldsADrain(void **state)
{
    static char paused[256];
    struct fixture *f = *state;
    draining(f);
    list_others(f, "node-0", "web-1", REPLICAS);
    struct set_opts opts = f->opts;
    (void)snprintf(paused, sizeof(paused), MINE ",\"moonset.dev/paused\":\"true\"");
    opts.annotations = paused;
    change_set(f, opts);
    struct counts c = sync_once(f);
    assert_int_equal(c.evictions + c.node_patches, 0);
    assert_true(is_held(f, "node-0"));
    opts.annotations = MINE;
    change_set(f, opts);
    assert_int_equal(sync_once(f).evictions, 1);
}

static void TheNodesOfASetThatIsGoneAreGivenBack(void **state)
{
    struct fixture *f = *state;
    draining(f);
    forget_woken(f);
    MOON_AUTOFREE char *uid = moon_strdup(set_of(f)->uid);
    moon_store_delete_event(moon_informer_store(f->ds.sets), moon_intern_find(moon_str(uid)),
                            ++f->version);
    assert_true(was_woken(f, KEY));
    struct counts c = sync_once(f);
    assert_int_equal(c.node_patches, 1);
    assert_planned(f, "patch node node-0: uncordon: set default/foo, which drained it, is gone");
    assert_int_equal(events_of(f, "NodeUncordoned"), 1);
    assert_true(is_free(f, "node-0"));
    assert_int_equal(sync_once(f).node_patches, 0);
    /* One that is found in that state. */
    forget_woken(f);
    change_node(f, "node-1",
                "{\"metadata\":{\"annotations\":{\"moonset.dev/drained-by\":\"" KEY "\"}},"
                "\"spec\":{\"unschedulable\":true}}");
    assert_true(was_woken(f, KEY));
    assert_int_equal(sync_once(f).node_patches, 1);
    assert_true(is_free(f, "node-1"));
}

static void WithoutTheRightTheErrorIsClear(void **state)
{
    struct fixture *f = *state;
    updating(f);
    f->nodes_refused = true;
    (void)sync_once(f);
    assert_int_equal(events_of(f, "FailedDrain"), 1);
    struct counts c = sync_once(f);
    assert_int_equal(c.writes, 0);
    assert_in_range(c.requeue_ms, 1, 5000);
    MOON_AUTOFREE char *text = moon_ds_drain_text(drain_of(f, "node-0")->slot);
    assert_string_equal(text, "draining: it cannot be cordoned: nodes is forbidden");
    f->nodes_refused = false;
    advance_s(f, 5);
    assert_int_equal(sync_once(f).node_patches, 1);
    assert_true(is_held(f, "node-0"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(ANodeIsEmptiedBeforeItsDaemonGoes),
        T(TheLastNodeIsGivenBackToo),
        T(ADisruptionBudgetIsAskedAgainEverMoreSeldom),
        T(APodThatNobodyWouldMakeAgainHoldsAll),
        T(ANodeThatAPersonCordonedIsLeftAlone),
        T(ARaceWithAPersonIsSeen),
        T(ANodeThatAPersonUncordonedIsLeftAlone),
        T(ARestartGoesOn),
        T(AnotherPolicyGivesNodesBack),
        T(APolicyThatFailsChangesNothing),
        T(APauseHoldsADrain),
        T(TheNodesOfASetThatIsGoneAreGivenBack),
        T(WithoutTheRightTheErrorIsClear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
