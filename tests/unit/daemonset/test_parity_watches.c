/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_watches.c - what the caches hold and whom an event wakes (catalogue 1, 14.2 no. 6, 7,
 * 13, 15 and 16), beside the handler tests of the stock controller in test_wake.c.
 */
#include "fixture.h"

#include "server.h"

#define SELECT(labels) "{\"matchLabels\":" labels "}"
#define TAINT "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]"

static void event_of(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
                     const char *fmt, ...) MOON_PRINTF(4, 5);

static void event_of(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
                     const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    va_list args;

    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    put_text(f, i, kind, moon_buf_cstr(&text));
}

static void three_sets(struct fixture *f)
{
    add_other_set(f, "foo1", SELECT(L1));
    add_other_set(f, "foo2", SELECT(L1));
    add_other_set(f, "foo3", SELECT(L2));
    forget_woken(f);
}

static void assert_woken(struct fixture *f, bool one, bool two, bool three)
{
    assert_int_equal(was_woken(f, NS "/foo1"), one);
    assert_int_equal(was_woken(f, NS "/foo2"), two);
    assert_int_equal(was_woken(f, NS "/foo3"), three);
    forget_woken(f);
}

static bool wakes(struct fixture *f)
{
    bool woken = was_woken(f, KEY);

    forget_woken(f);
    return woken;
}

/* ---- 1.1 caches ---- */

static unsigned starts;

void __wrap_moon_controller_start(struct moon_controller *c);
void __wrap_moon_controller_start(struct moon_controller *c MOON_UNUSED)
{
    starts++;
}

static void complete(struct moon_ds *ds, struct moon_informer *i)
{
    moon_store_list_begin(moon_informer_store(i));
    moon_store_list_end(moon_informer_store(i), 1);
    moon_ds_wake_role(ds, true);
}

static void S1_1_WorksOnlyWhenAllCachesAreComplete(void **state)
{
    struct fixture *f = *state;
    struct moon_ds ds = {.in = &f->in};
    moon_ds_wake_init(&ds);
    starts = 0;
    moon_ds_wake_role(&ds, true);
    complete(&ds, ds.nodes);
    complete(&ds, ds.sets);
    complete(&ds, ds.pods);
    assert_int_equal(starts, 0);
    complete(&ds, ds.revisions);
    assert_int_equal(starts, 1);
    moon_ds_wake_stop(&ds);
}

static void other_namespaces_set(struct fixture *f, const char *namespace)
{
    event_of(f, f->ds.sets, &moon_kind_daemonset,
             "{\"metadata\":{\"name\":\"foo1\",\"namespace\":\"%s\",\"uid\":\"uid-%s\","
             "\"resourceVersion\":\"%llu\"},\"spec\":{\"selector\":" SELECT(
                 L1) ",\"template\":{\"metadata\":{\"labels\":" L1 "},\"spec\":{}}}}",
             namespace, namespace, (unsigned long long)++f->version);
}

static void S1_1_SetsOfAllNamespacesAreWatched(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    other_namespaces_set(f, "elsewhere");
    assert_true(was_woken(f, "elsewhere/foo1"));
    forget_woken(f);
    (void)add_pod(f, (struct pod_opts){.node = "n", .owner = ""});
    assert_false(was_woken(f, "elsewhere/foo1")); /* the orphan is of another namespace */
    assert_woken(f, true, true, false);
}

/* ---- 1.3 DaemonSets ---- */

static void S1_3_EveryChangeOfASetWakesIt(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){0});
    assert_true(wakes(f));
    change_set(f, (struct set_opts){.annotations = "\"a\":\"b\""});
    assert_true(wakes(f));
    change_set(f, (struct set_opts){.min_ready_s = 5});
    assert_true(wakes(f));
    cJSON_AddNumberToObject(f->status, "numberReady", 7); /* somebody else writes the status */
    change_set(f, (struct set_opts){.min_ready_s = 5});
    assert_true(wakes(f));
    change_set(f, (struct set_opts){.min_ready_s = 5, .deleting = true});
    assert_true(wakes(f));
}

/* Its deletion was missed: a list without it says so. */
static void DeleteFinalStateUnknown(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    struct moon_store *sets = moon_informer_store(f->ds.sets);
    moon_store_list_begin(sets);
    moon_store_list_end(sets, ++f->version);
    assert_null(set_of(f));
    assert_int_equal(sync_once(f).writes, 0);
    put_set(f, (struct set_opts){.uid = "uid-second"}); /* nothing of the first one is left */
    assert_true(wakes(f));
    settle(f);
    assert_int_equal(set_of(f)->sums.current, 1);
    assert_int_equal(pod_count(f), 2);
}

/* The stock controller clears what it remembers of the successor. */
static void S14_2_16_DeletedAndMadeAgainInOneEvent(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    advance_s(f, 1);
    struct moon_plan *plan = decide(f);
    assert_int_equal(moon_plan_count(plan), 3); /* two pods, the status */
    change_set(f, (struct set_opts){.uid = "uid-second"});
    assert_true(wakes(f));
    assert_null(moon_map_get(f->ds.by_uid, moon_str(UID)));
    struct moon_ds_set *second = set_of(f);
    assert_string_equal(second->uid, "uid-second");
    assert_false(second->status_busy);
    for (size_t i = 0; i < second->slot_count; i++) {
        assert_false(second->slots[i]->creating); /* that was the first one */
    }
    (void)carry_out(f, plan); /* its last answers change nothing of the second */
    assert_int_equal(moon_map_count(second->pods), 0);
    settle(f);
    assert_int_equal(second->sums.current, 2);
}

/* ---- 1.4 revisions ---- */

static void S1_4_RevisionThatIsAddedWithItsOwnerWakesNobody(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_revision(
        f, (struct revision_opts){.name = "r", .number = 1, .hash = "h", .owner = "uid-foo1"});
    assert_woken(f, false, false, false);
}

static void S1_4_RevisionThatIsAddedBeingDeletedWakesItsOwner(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    event_of(f, f->ds.revisions, &moon_kind_revision,
             "{\"metadata\":{\"name\":\"r\",\"namespace\":\"" NS "\",\"uid\":\"r\","
             "\"resourceVersion\":\"%llu\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
             "\"labels\":" L1 ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
             "\"kind\":\"DaemonSet\",\"name\":\"foo1\",\"uid\":\"uid-foo1\",\"controller\":true}]},"
             "\"revision\":1,\"data\":{}}",
             (unsigned long long)++f->version);
    assert_woken(f, true, false, false);
}

static void S1_4_OrphanedRevisionWakesAllThatMatch(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_revision(f,
                       (struct revision_opts){.name = "r", .number = 1, .hash = "h", .owner = ""});
    assert_woken(f, true, true, false);
    (void)add_revision(
        f, (struct revision_opts){.name = "plain", .number = 1, .owner = "", .labels = "{}"});
    assert_woken(f, false, false, false);
    set_label(f, "plain", "name", "simple-daemon");
    assert_woken(f, false, false, false);
    set_label(f, "plain", "type", "test");
    assert_woken(f, false, false, true);
}

static void S1_4_RevisionThatChangesWakesItsOwner(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_revision(
        f, (struct revision_opts){.name = "r", .number = 1, .hash = "h", .owner = "uid-foo1"});
    set_label(f, "r", "a", "b");
    assert_woken(f, true, false, false);
    set_owner(f, "r", "uid-foo2"); /* both */
    assert_woken(f, true, true, false);
    set_owner(f, "r", ""); /* the old one, and who may adopt it */
    assert_woken(f, true, true, false);
    set_owner(f, "r", "uid-gone"); /* resolves to nobody */
    assert_woken(f, false, false, false);
    set_label(f, "r", "a", "c");
    assert_woken(f, false, false, false);
}

static void S1_4_RevisionThatIsDeletedWakesItsOwner(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    (void)add_revision(
        f, (struct revision_opts){.name = "r", .number = 1, .hash = "h", .owner = "uid-foo1"});
    (void)add_revision(
        f, (struct revision_opts){.name = "free", .number = 1, .hash = "h", .owner = ""});
    forget_woken(f);
    char *text = cJSON_PrintUnformatted(object(f, "r"));
    delete_text(f, f->ds.revisions, &moon_kind_revision, text);
    cJSON_free(text);
    assert_woken(f, true, false, false);
    text = cJSON_PrintUnformatted(object(f, "free"));
    delete_text(f, f->ds.revisions, &moon_kind_revision, text);
    cJSON_free(text);
    assert_woken(f, false, false, false);
}

/* ---- 1.5 pods ---- */

static void S1_5_TerminatingPodWakesItsOwner(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid =
        add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1", .deleting = true});
    assert_woken(f, true, false, false);
    set_phase(f, uid, "Succeeded");
    assert_woken(f, true, false, false);
}

static void S1_5_SameVersionWakesNobody(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-foo1"});
    forget_woken(f);
    char *text = cJSON_PrintUnformatted(object(f, uid));
    put_text(f, f->ds.pods, &moon_kind_pod, text);
    cJSON_free(text);
    assert_woken(f, false, false, false);
}

static void S1_5_OwnerThatIsNotThereWakesNobody(void **state)
{
    struct fixture *f = *state;
    three_sets(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = "uid-gone"});
    set_ready(f, uid, true); /* although the labels match foo1 and foo2 */
    remove_pod(f, uid);
    assert_woken(f, false, false, false);
}

static void S1_5_SelectorsThatMatchNothing(void **state)
{
    struct fixture *f = *state;
    add_other_set(f, "foo1", "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Near\"}]}");
    add_other_set(f, "foo2", "{}");
    add_other_set(f, "foo3", "null");
    forget_woken(f);
    const char *uid = add_pod(f, (struct pod_opts){.node = "n", .owner = ""});
    set_label(f, uid, "type", "test");
    assert_woken(f, false, false, false);
}

/* ---- 1.6, 1.7 nodes ---- */

static void AddNode(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_node(f, "other", N2, NULL);
    assert_true(wakes(f));
    SYNC(0, 0, 0);
    add_node(f, "matching", N1, NULL);
    assert_true(wakes(f));
    SYNC(1, 0, 0);
}

static void send_node(struct fixture *f, const char *members)
{
    event_of(
        f, f->ds.nodes, &moon_kind_node,
        "{\"metadata\":{\"name\":\"node-0\",\"uid\":\"uid-node-0\",\"resourceVersion\":\"%llu\"},"
        "\"spec\":{\"taints\":[]}%s}",
        (unsigned long long)++f->version, members);
}

/* What policies may read, but the stock placement does not. */
static void S1_6_WhatPlacementDoesNotReadChangesNothing(void **state)
{
    static const char *const changes[] = {
        ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}",
        ",\"status\":{\"allocatable\":{\"cpu\":\"1\",\"memory\":\"1Mi\"}}",
        ",\"status\":{\"capacity\":{\"cpu\":\"1\"}}",
    };
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    settle(f);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(changes); i++) {
        send_node(f, changes[i]);
        assert_int_equal(sync_once(f).writes, 0);
    }
}

static void S1_6_HeartbeatsWakeNobody(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    send_node(f, ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
                 "\"lastHeartbeatTime\":\"2026-01-01T00:00:00Z\"}]}");
    forget_woken(f);
    send_node(f, ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
                 "\"lastHeartbeatTime\":\"2026-01-01T00:00:10Z\"}]}");
    send_node(f, ",\"status\":{\"images\":[{\"names\":[\"x\"]}],\"conditions\":[{\"type\":"
                 "\"Ready\",\"status\":\"True\"}]}");
    assert_false(wakes(f));
}

static void S1_7_NodeThatBecomesIneligibleLosesItsPod(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_node(f, "node-0", N1, NULL);
    SYNC(1, 0, 0);
    settle(f);
    forget_woken(f);
    add_node(f, "node-0", N2, NULL);
    assert_true(wakes(f));
    SYNC(0, 1, 0);
}

/* Rule 3, of 1.35: a misscheduled pod whose node becomes right again. */
static void S1_7_MisscheduledIsTakenBack(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_node(f, "node-0", NULL, NULL);
    SYNC(1, 0, 0);
    settle(f);
    add_node(f, "node-0", NULL, TAINT);
    settle(f);
    assert_int_equal(moon_json_int(f->status, "numberMisscheduled", -1), 1);
    forget_woken(f);
    add_node(f, "node-0", NULL, NULL);
    assert_true(wakes(f));
    settle(f);
    assert_int_equal(moon_json_int(f->status, "numberMisscheduled", -1), 0);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 1);
    assert_int_equal(pod_count(f), 1);
}

/* The stock controller does not watch deletions of nodes: the status is right when something else
 * happens to the set. */
static void S14_2_6_NodeThatIsDeletedCountsNoMore(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    SYNC(2, 0, 0);
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 2);
    forget_woken(f);
    remove_node(f, "node-1");
    assert_true(wakes(f));
    SYNC(0, 1, 0); /* its pod was pending, pinned to it */
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 1);
    assert_int_equal(moon_json_int(f->status, "currentNumberScheduled", -1), 1);
}

/* A pod without spec.nodeName does not count as scheduled there, so nothing wakes. */
static void S14_2_7_PendingPodOnANodeThatBecomesIneligible(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_node(f, "node-0", N1, NULL);
    (void)add_pod(f, (struct pod_opts){.pin = "node-0", .phase = "Pending"});
    settle(f);
    forget_woken(f);
    add_node(f, "node-0", NULL, NULL);
    assert_true(wakes(f));
    SYNC(0, 1, 0);
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 0);
}

static void S14_2_7_NoScheduleTaintOnANodeWithAPod(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    settle(f);
    forget_woken(f);
    add_node(f, "node-0", NULL, TAINT);
    assert_true(wakes(f));
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 0);
    assert_int_equal(moon_json_int(f->status, "numberMisscheduled", -1), 1);
    assert_int_equal(pod_count(f), 1);
}

/* ---- resync ---- */

/* Whatever tells of an object again without a change: a list after a cut watch, another's write
 * that changes nothing. */
static void S14_2_13_WhatIsTheSameWakesNobody(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    SYNC(2, 0, 0);
    settle(f);
    forget_woken(f);
    change_set(f, f->opts);
    add_nodes(f, 0, 2, NULL);
    const char *uid = pods_on(f, "node-0")[0];
    char *text = stamp(f, moon_map_get(f->objects, moon_str(uid)));
    put_text(f, f->ds.pods, &moon_kind_pod, text);
    cJSON_free(text);
    assert_int_equal(f->woken_count, 0);
    assert_int_equal(sync_once(f).writes, 0);
}

/* ---- owners ---- */

static void add_pod_of(struct fixture *f, const char *name, const char *api_version,
                       const char *kind, const char *owner, const char *uid)
{
    event_of(f, f->ds.pods, &moon_kind_pod,
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"" NS "\",\"uid\":\"%s\","
             "\"resourceVersion\":\"%llu\",\"labels\":" L1 ",\"ownerReferences\":[{"
             "\"apiVersion\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"uid\":\"%s\","
             "\"controller\":true}]},\"spec\":{\"nodeName\":\"node-0\"}}",
             name, name, (unsigned long long)++f->version, api_version, kind, owner, uid);
}

/* Kind, group and uid: a name alone makes no owner, neither here nor on a node. */
static void S14_2_15_OwnersAreKnownByGroupAndUid(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    forget_woken(f);
    add_pod_of(f, "a", "example.com/v1", "DaemonSet", "foo", "uid-crd");
    add_pod_of(f, "b", "example.com/v1", "DaemonSet", "foo", UID);
    add_pod_of(f, "c", "apps/v1", "DaemonSet", "foo", "uid-before");
    add_pod_of(f, "d", "apps/v1", "ReplicaSet", "foo", UID);
    assert_false(wakes(f));
    SYNC(1, 0, 0);
    add_pod_of(f, "e", "apps/v1", "DaemonSet", "foo", UID);
    assert_true(wakes(f));
    SYNC(0, 1, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S1_1_WorksOnlyWhenAllCachesAreComplete),
        T(S1_1_SetsOfAllNamespacesAreWatched),
        T(S1_3_EveryChangeOfASetWakesIt),
        T(DeleteFinalStateUnknown),
        T(S14_2_16_DeletedAndMadeAgainInOneEvent),
        T(S1_4_RevisionThatIsAddedWithItsOwnerWakesNobody),
        T(S1_4_RevisionThatIsAddedBeingDeletedWakesItsOwner),
        T(S1_4_OrphanedRevisionWakesAllThatMatch),
        T(S1_4_RevisionThatChangesWakesItsOwner),
        T(S1_4_RevisionThatIsDeletedWakesItsOwner),
        T(S1_5_TerminatingPodWakesItsOwner),
        T(S1_5_SameVersionWakesNobody),
        T(S1_5_OwnerThatIsNotThereWakesNobody),
        T(S1_5_SelectorsThatMatchNothing),
        T(AddNode),
        T(S1_6_WhatPlacementDoesNotReadChangesNothing),
        T(S1_6_HeartbeatsWakeNobody),
        T(S1_7_NodeThatBecomesIneligibleLosesItsPod),
        T(S1_7_MisscheduledIsTakenBack),
        T(S14_2_6_NodeThatIsDeletedCountsNoMore),
        T(S14_2_7_PendingPodOnANodeThatBecomesIneligible),
        T(S14_2_7_NoScheduleTaintOnANodeWithAPod),
        T(S14_2_13_WhatIsTheSameWakesNobody),
        T(S14_2_15_OwnersAreKnownByGroupAndUid),
    };

    return cmocka_run_group_tests_name("parity_watches", tests, NULL, NULL);
}
