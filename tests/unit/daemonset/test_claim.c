/* SPDX-License-Identifier: Apache-2.0
 *
 * test_claim.c - adoption and release of pods, and pods that the main watch does not show.
 */
#include "fixture.h"

#define ALIVE "{\"metadata\":{\"name\":\"foo\",\"uid\":\"" UID "\"}}"

static const char *orphan(struct fixture *f, const char *node)
{
    return add_pod(f, (struct pod_opts){.node = node, .owner = ""});
}

static const char *owner_of(struct fixture *f, const char *uid)
{
    const cJSON *owners = moon_json_get(object(f, uid), "metadata.ownerReferences");
    const char *owner = moon_json_string(cJSON_GetArrayItem(owners, 0), "uid");

    return owner != NULL ? owner : "";
}

static void start(struct fixture *f, int nodes)
{
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, nodes, NULL);
    f->alive = false;
}

static void OrphansAreAdoptedAfterOneLiveGet(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    const char *one = orphan(f, "node-0");
    const char *two = orphan(f, "node-1");
    assert_int_equal(sync_once(f).pod_patches, 0);
    assert_int_equal(sync_once(f).pod_patches, 0);
    assert_int_equal(f->call_count, 1);
    answer_get(f, 200, ALIVE);
    assert_true(was_woken(f, KEY));
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 2);
    assert_int_equal(c.creates, 0);
    assert_string_equal(owner_of(f, one), UID);
    assert_string_equal(owner_of(f, two), UID);
    SYNC(0, 0, 0);
    assert_int_equal(f->call_count, 0);
}

/* Found by a random schedule: an outdated orphan went before its adoption was answered. */
static void WhatIsBeingAdoptedIsNotRolledYet(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){
                         .node = "node-0", .owner = "", .hash = "old", .age_s = 60, .ready = true});
    f->alive = false;
    assert_int_equal(sync_once(f).deletes, 0);
    assert_int_equal(sync_once(f).deletes, 0);
    answer_get(f, 200, ALIVE);
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.deletes, 0);
    SYNC(0, 1, 0);
}

/* The cache does not know yet what the server says: nothing is adopted, and nothing is made. */
static void DontDoAnythingIfBeingDeletedRace(void **state)
{
    struct fixture *f = *state;
    start(f, 5);
    (void)orphan(f, "node-0");
    SYNC(0, 0, 0);
    answer_get(f, 200,
               "{\"metadata\":{\"uid\":\"" UID
               "\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}");
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
    assert_string_equal(owner_of(f, "pod-001"), "");
    assert_int_equal(f->call_count, 0);
    advance_s(f, 30); /* and still no word from the watch: ask again */
    SYNC(0, 0, 0);
    answer_get(f, 200, ALIVE);
    assert_int_equal(sync_once(f).pod_patches, 1);
}

static void SetThatIsGoneOrAnotherAdoptsNothing(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)orphan(f, "node-0");
    (void)sync_once(f);
    answer_get(f, 404, NULL);
    assert_int_equal(sync_once(f).writes, 0);
    change_set(f, (struct set_opts){.uid = "uid-2"}); /* made again under its name */
    SYNC(0, 0, 0);
    assert_int_equal(f->call_count, 1);
    answer_get(f, 200, "{\"metadata\":{\"uid\":\"uid-3\"}}");
    assert_int_equal(sync_once(f).writes, 0);
}

static void FailedLiveGetIsRepeatedLater(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    (void)orphan(f, "node-0");
    SYNC(0, 0, 0); /* asks first */
    answer_get(f, 500, NULL);
    SYNC(1, 0, 0); /* one that cannot be adopted does not stop the others */
    assert_int_equal(f->call_count, 0);
    advance_s(f, 6);
    SYNC(0, 0, 0);
    assert_int_equal(f->call_count, 1);
    answer_get(f, 200, ALIVE);
    assert_int_equal(sync_once(f).pod_patches, 1);
}

static void OrphanOccupiesItsNode(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)orphan(f, "node-0");
    for (int i = 0; i < 5; i++) {
        SYNC(0, 0, 0);
    }
    f->alive = true;
    if (f->call_count > 0) {
        answer_get(f, 200, ALIVE);
    }
    assert_int_equal(sync_once(f).pod_patches, 1);
    SYNC(0, 0, 0);
    assert_int_equal(pod_count(f), 1);
}

static void TerminatingOrphanIsNotAdopted(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = "", .deleting = true});
    SYNC(1, 0, 0);
    assert_int_equal(f->call_count, 0);
}

static void OthersPodsAreNotOurs(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    const char *other = add_pod(f, (struct pod_opts){.node = "node-0", .owner = "uid-other"});
    const char *plain = add_pod(f, (struct pod_opts){.node = "node-0", .owner = "", .labels = L2});
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, 1);
    assert_int_equal(c.pod_patches, 0);
    assert_string_equal(owner_of(f, other), "uid-other");
    assert_string_equal(owner_of(f, plain), "");
}

static void WhatNoLongerMatchesIsReleased(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    add_pods(f, "node-0", L1, 1);
    SYNC(0, 0, 0);
    set_label(f, "pod-001", "type", "test");
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.creates, 1);
    assert_string_equal(owner_of(f, "pod-001"), "");
    SYNC(0, 0, 0);
    set_label(f, "pod-001", "type", "production"); /* back again: adopted, and one too many */
    (void)sync_once(f);
    answer_get(f, 200, ALIVE);
    assert_int_equal(sync_once(f).pod_patches, 1);
    SYNC(0, 1, 0);
    assert_int_equal(pod_count(f), 1);
}

static void OtherOwnersStay(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    add_pods(f, "node-0", L1, 1);
    cJSON *owners = cJSON_GetObjectItem(
        cJSON_GetObjectItem(moon_map_get(f->objects, moon_str("pod-001")), "metadata"),
        "ownerReferences");
    cJSON_AddItemToArray(owners, cJSON_Parse("{\"uid\":\"plain-owner\"}"));
    set_label(f, "pod-001", "type", "test");
    (void)sync_once(f);
    assert_string_equal(owner_of(f, "pod-001"), "plain-owner");
}

static void RefusedPatchIsRepeated(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    (void)orphan(f, "node-0");
    add_pods(f, "node-1", L2, 1);
    f->alive = true;
    f->patches_refused = true;
    assert_int_equal(sync_once(f).pod_patches, 2);
    advance_s(f, 4);
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 0);
    assert_in_range(c.requeue_ms, 1, 1000);
    advance_s(f, 1);
    assert_int_equal(sync_once(f).pod_patches, 2);
    f->patches_refused = false;
    advance_s(f, 10);
    assert_int_equal(sync_once(f).pod_patches, 2);
    assert_int_equal(sync_once(f).pod_patches, 0);
}

static void NewSelectorIsLookedAtAnew(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    f->alive = true;
    add_pods(f, "node-0", L1, 1);
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .owner = "", .labels = L2});
    SYNC(1, 0, 0);
    change_set(f, (struct set_opts){.selector = "{\"matchLabels\":" L2 "}",
                                    .template = "{\"metadata\":{\"labels\":" L2 "},\"spec\":{}}"});
    settle(f);
    assert_string_equal(owner_of(f, "pod-001"), "");
    assert_string_equal(owner_of(f, "pod-002"), UID);
}

static void PodTakenBySomebodyElseMeanwhile(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)orphan(f, "node-0");
    (void)sync_once(f);
    answer_get(f, 200, ALIVE);
    struct moon_plan *plan = decide(f);
    set_owner(f, "pod-001", "uid-other");
    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        const struct moon_action *a = moon_plan_get(plan, i);
        struct moon_err err;
        (void)moon_err_set(&err, MOON_E_INVALID, "two controllers");
        a->on_done(&(struct moon_result){.action = a, .err = &err}, a->ctx);
    }
    moon_plan_free(plan);
    SYNC(1, 0, 0);
}

static void PodGoneBeforeItsAdoption(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)orphan(f, "node-0");
    (void)sync_once(f);
    answer_get(f, 200, ALIVE);
    struct moon_plan *plan = decide(f);
    moon_map_remove(f->objects, moon_str("pod-001")); /* the watch has not told us */
    (void)carry_out(f, plan);
    SYNC(1, 0, 0);
}

/* ---- pods without the hash label ---- */

static const struct moon_request *open_call(struct fixture *f)
{
    assert_true(f->call_count > 0);
    return &f->calls[0];
}

static void NothingIsMadeBeforeTheLook(void **state)
{
    struct fixture *f = *state;
    f->config->pod_watch = MOON_POD_WATCH_OURS;
    put_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)sync_once(f);
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
    assert_int_equal(f->call_count, 1);
    assert_non_null(strstr(f->query, "controller-revision-hash"));
    struct moon_request list = *open_call(f);
    f->call_count = 0;
    assert_true(list.on_data(
        moon_str("{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[]}"),
        list.ctx));
    list.on_done(&(struct moon_answer){.status = 200, .sent = true}, NULL, list.ctx);
    SYNC(2, 0, 0);
}

static void FailedLookIsRepeated(void **state)
{
    struct fixture *f = *state;
    f->config->pod_watch = MOON_POD_WATCH_OURS;
    put_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)sync_once(f);
    SYNC(0, 0, 0);
    answer_get(f, 403, NULL);
    SYNC(0, 0, 0);
    assert_int_equal(f->call_count, 0);
    forget_woken(f);
    for (int i = 0; i < 60 && f->call_count == 0; i++) {
        advance_s(f, 1);
        SYNC(0, 0, 0);
    }
    assert_int_equal(f->call_count, 1);
}

/* What our own patch returned must not live on in the store of a watch that never shows it. */
static void AdoptedStrayEndsWithItsWatch(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    f->alive = true;
    f->config->pod_watch = MOON_POD_WATCH_OURS;
    struct moon_ds_set *set = set_of(f);
    set->look = MOON_DS_LOOK_DONE;
    moon_ds_claim_follow_strays(set);
    struct moon_store *strays = moon_informer_store(set->strays);
    moon_store_list_begin(strays);
    moon_store_list_end(strays, 1);
    f->strays = set->strays;
    const char *uid = add_pod(f, (struct pod_opts){.node = "node-0", .owner = "", .hash = ""});
    assert_int_equal(moon_store_count(strays), 1);
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.creates, 0);
    assert_string_equal(owner_of(f, uid), UID);
    SYNC(0, 0, 0);
    remove_pod(f, uid);
    assert_int_equal(moon_map_count(set->pods), 0);
    SYNC(1, 0, 0);
    assert_null(set->strays); /* nobody to follow any more */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(OrphansAreAdoptedAfterOneLiveGet), T(DontDoAnythingIfBeingDeletedRace),
        T(WhatIsBeingAdoptedIsNotRolledYet), T(SetThatIsGoneOrAnotherAdoptsNothing),
        T(FailedLiveGetIsRepeatedLater),     T(OrphanOccupiesItsNode),
        T(TerminatingOrphanIsNotAdopted),    T(OthersPodsAreNotOurs),
        T(WhatNoLongerMatchesIsReleased),    T(OtherOwnersStay),
        T(RefusedPatchIsRepeated),           T(NewSelectorIsLookedAtAnew),
        T(PodTakenBySomebodyElseMeanwhile),  T(PodGoneBeforeItsAdoption),
        T(NothingIsMadeBeforeTheLook),       T(FailedLookIsRepeated),
        T(AdoptedStrayEndsWithItsWatch),
    };

    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
