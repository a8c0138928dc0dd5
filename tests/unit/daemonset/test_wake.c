/* SPDX-License-Identifier: Apache-2.0
 *
 * test_wake.c - which event wakes which set: the handler tests of daemon_controller_test.go.
 */
#include "fixture.h"

#include "server.h"

/* foo1 and foo2 select L1, foo3 selects L2. */
static void three_sets(struct fixture *f)
{
    add_other_set(f, "foo1", "{\"matchLabels\":" L1 "}");
    add_other_set(f, "foo2", "{\"matchLabels\":" L1 "}");
    add_other_set(f, "foo3", "{\"matchLabels\":" L2 "}");
    forget_woken(f);
}

static void assert_woken(struct fixture *f, bool one, bool two, bool three)
{
    assert_int_equal(was_woken(f, NS "/foo1"), one);
    assert_int_equal(was_woken(f, NS "/foo2"), two);
    assert_int_equal(was_woken(f, NS "/foo3"), three);
    forget_woken(f);
}

/* ---- pods ---- */

static void AddPod(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1"});
    assert_woken(f, true, false, false);
    (void)add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo2"});
    assert_woken(f, false, true, false);
}

static void AddPodOrphan(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_pod(f, (struct pod_opts){.node = "n", .owner = ""});
    assert_woken(f, true, true, false);
}

static void AddPodWithoutLabels(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_pod(f, (struct pod_opts){.node = "n", .owner = "", .labels = "{}"});
    assert_woken(f, false, false, false);
}

static void UpdatePod(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1"});
    forget_woken(f);
    set_ready(f, uid, true);
    assert_woken(f, true, false, false);
}

static void UpdatePodOrphanSameLabels(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = ""});
    forget_woken(f);
    set_label(f, uid, "type", "production");
    assert_woken(f, false, false, false);
}

static void UpdatePodOrphanWithNewLabels(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "", .labels = L2});
    forget_woken(f);
    set_label(f, uid, "type", "production");
    assert_woken(f, true, true, true); /* foo3 loses it */
}

static void UpdatePodChangeControllerRef(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo2"});
    forget_woken(f);
    set_owner(f, uid, "uid-foo1");
    assert_woken(f, true, true, false);
}

static void UpdatePodControllerRefRemoved(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1"});
    forget_woken(f);
    set_owner(f, uid, "");
    assert_woken(f, true, true, false);
}

static void DeletePod(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1"});
    forget_woken(f);
    remove_pod(f, uid);
    assert_woken(f, true, false, false);
}

/* The stock controller wakes nobody; here a slot waits for the orphan's adoption. */
static void DeletePodOrphan(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    f->alive = false;
    const char *uid = add_pod(f, (struct pod_opts){.node = "node-0", .owner = ""});
    SYNC(0, 0, 0);
    forget_woken(f);
    remove_pod(f, uid);
    assert_true(was_woken(f, KEY));
    answer_get(f, 200, "{\"metadata\":{\"uid\":\"" UID "\"}}");
    SYNC(1, 0, 0);
}

static void DeleteNoDaemonPod(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "somebody"});
    remove_pod(f, uid);
    uid = add_pod(f, (struct pod_opts){.owner = "", .labels = "{\"a\":\"b\"}"});
    remove_pod(f, uid);
    assert_woken(f, false, false, false);
}

/* ---- nodes ---- */

struct node_change {
    const char *template;
    const char *labels;
    const char *taints;
    const char *new_labels;
    const char *new_taints;
    size_t first; /* creates before */
    size_t then;  /* and after */
};

static void update_node(struct fixture *f, struct node_change c)
{
    add_set(f, (struct set_opts){.template = c.template});
    add_node(f, "node-0", c.labels, c.taints);
    SYNC(c.first, 0, 0);
    settle(f);
    forget_woken(f);
    add_node(f, "node-0", c.new_labels, c.new_taints);
    if (c.then > 0) {
        assert_true(was_woken(f, KEY));
    }
    SYNC(c.then, 0, 0);
}

#define TAINT "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]"

static void UpdateNodeNothing(void **state)
{
    struct fixture *f = *state;
    update_node(f, (struct node_change){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    assert_false(was_woken(f, KEY));
}

static void UpdateNodeLabels(void **state)
{
    update_node(*state, (struct node_change){.template = TEMPLATE("\"nodeSelector\":" N1 ","),
                                             .new_labels = N1,
                                             .then = 1});
}

static void UpdateNodeTaintRemoved(void **state)
{
    update_node(*state, (struct node_change){.taints = TAINT, .then = 1});
}

/* The stock controller finds out with the next event about something else. */
static void UpdateNodeTaintAdded(void **state)
{
    struct fixture *f = *state;
    update_node(f, (struct node_change){.new_taints = TAINT, .first = 1});
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 0);
    assert_int_equal(moon_json_int(f->status, "numberMisscheduled", -1), 1);
}

static void NodeDeletedWithoutPods(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_node(f, "node-0", N1, NULL);
    add_node(f, "node-1", NULL, NULL);
    settle(f);
    forget_woken(f);
    remove_node(f, "node-1");
    assert_true(was_woken(f, KEY));
    (void)sync_once(f);
    assert_int_equal(set_of(f)->slot_count, 1);
}

/* ---- sets ---- */

static void ExpectationsOnRecreate(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 1, NULL);
    put_set(f, (struct set_opts){0});
    assert_true(was_woken(f, KEY));
    (void)sync_once(f);
    SYNC(1, 0, 0);
    settle(f);
    forget_woken(f);
    change_set(f, (struct set_opts){.uid = "uid-second"});
    assert_true(was_woken(f, KEY));
    assert_string_equal(set_of(f)->uid, "uid-second");
    SYNC(0, 0, 0); /* the first one's revision has the name, and goes with it */
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
    SYNC(1, 0, 0); /* the first one's pod is not ours */
}

static void OldSetsActionsEndAfterItIsGone(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    add_set(f, (struct set_opts){0});
    struct moon_plan *plan = decide(f);
    change_set(f, (struct set_opts){.uid = "uid-second"});
    struct moon_ds_set *second = set_of(f);
    (void)carry_out(f, plan); /* they were on the wire */
    assert_ptr_equal(set_of(f), second);
    (void)sync_once(f);
    (void)sync_once(f);
    assert_int_equal(set_of(f)->sums.desired, 2);
}

static void LateDeletionOfAPredecessor(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){0});
    MOON_AUTOFREE char *first = set_text(f);
    change_set(f, (struct set_opts){.uid = "uid-second"});
    struct moon_object *o;
    struct moon_err err;
    assert_int_equal(moon_object_project(&moon_kind_daemonset, moon_str(first), &o, &err), 0);
    moon_store_delete_event(moon_informer_store(f->ds.sets), o->uid, o->version);
    moon_object_unref(o);
    assert_string_equal(set_of(f)->uid, "uid-second");
}

static void DeleteSet(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    MOON_AUTOFREE char *text = set_text(f);
    delete_text(f, f->ds.sets, &moon_kind_daemonset, text);
    assert_null(set_of(f));
    assert_int_equal(sync_once(f).writes, 0);
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0"});
}

/* ---- revisions ---- */

static void RevisionEvents(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    (void)add_revision(f, (struct revision_opts){.name = "owned", .number = 1, .hash = "h"});
    assert_false(was_woken(f, KEY));
    set_owner(f, "owned", "");
    assert_true(was_woken(f, KEY));
    forget_woken(f);
    (void)add_revision(
        f, (struct revision_opts){.name = "orphan", .number = 1, .hash = "h", .owner = ""});
    assert_true(was_woken(f, KEY));
    forget_woken(f);
    (void)add_revision(f,
                       (struct revision_opts){
                           .name = "other", .number = 1, .hash = "h", .owner = "", .labels = L2});
    (void)add_revision(f, (struct revision_opts){
                              .name = "foreign", .number = 1, .hash = "h", .owner = "uid-other"});
    set_label(f, "foreign", "a", "b");
    assert_false(was_woken(f, KEY));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* As the stock controller's tests, with each strategy. */
static int run(const char *name, const char *strategy)
{
    const struct CMUnitTest tests[] = {
        T(AddPod),
        T(AddPodOrphan),
        T(AddPodWithoutLabels),
        T(UpdatePod),
        T(UpdatePodOrphanSameLabels),
        T(UpdatePodOrphanWithNewLabels),
        T(UpdatePodChangeControllerRef),
        T(UpdatePodControllerRefRemoved),
        T(DeletePod),
        T(DeletePodOrphan),
        T(DeleteNoDaemonPod),
        T(UpdateNodeNothing),
        T(UpdateNodeLabels),
        T(UpdateNodeTaintRemoved),
        T(UpdateNodeTaintAdded),
        T(NodeDeletedWithoutPods),
        T(ExpectationsOnRecreate),
        T(OldSetsActionsEndAfterItIsGone),
        T(LateDeletionOfAPredecessor),
        T(DeleteSet),
        T(RevisionEvents),
    };

    use_strategy(strategy);
    return _cmocka_run_group_tests(name, tests, MOON_ARRAY_SIZE(tests), NULL, NULL);
}

int main(void)
{
    int failed = run("wake, OnDelete", ON_DELETE);

    return failed + run("wake, RollingUpdate", ROLLING("1", "0"));
}
