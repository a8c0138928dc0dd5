/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_ownership.c - whose a pod is: references, claims, deletion (section 11 of the rules
 * in tests/parity; the rest of it is in test_claim.c and test_history.c).
 */
#include "fixture.h"

#define OWNER                                                                                      \
    "[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"foo\",\"uid\":\"" UID          \
    "\",\"controller\":true,\"blockOwnerDeletion\":true}]"

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
}

/* The uid is a condition: the API server refuses the patch of a pod that was made anew. */
static void S11_1_AdoptionNamesTheOwnerInFull(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .owner = ""});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(moon_buf_cstr(&f->last_patch),
                        "{\"metadata\":{\"uid\":\"p\",\"ownerReferences\":" OWNER "}}");
}

static void S11_1_RevisionsHaveTheSameReference(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_revision), "\"ownerReferences\":" OWNER));
}

static void S11_2_ReleaseTakesOurReferenceOnly(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .labels = L2});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(
        moon_buf_cstr(&f->last_patch),
        "{\"metadata\":{\"uid\":\"p\",\"ownerReferences\":[{\"$patch\":\"delete\",\"uid\":\"" UID
        "\"}]}}");
    assert_string_equal(owner_of(f, "p"), "");
}

static void S11_2_TerminatingPodIsReleasedToo(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f,
                  (struct pod_opts){.name = "p", .node = "node-0", .labels = L2, .deleting = true});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(owner_of(f, "p"), "");
}

static void S11_2_TerminatingPodOfOursIsStillOurs(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .deleting = true});
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, 0);
    assert_int_equal(c.pod_patches, 0);
}

static void S11_2_SetThatIsBeingDeletedReleasesNothing(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    change_set(f, (struct set_opts){.deleting = true});
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .labels = L2});
    assert_int_equal(sync_once(f).writes, 0);
    assert_string_equal(owner_of(f, "p"), UID);
}

static void S11_2_SetThatIsBeingDeletedAdoptsNothing(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    change_set(f, (struct set_opts){.deleting = true});
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .owner = ""});
    f->alive = false;
    assert_int_equal(sync_once(f).writes, 0);
    assert_int_equal(f->call_count, 0); /* nor is anybody asked */
}

static void S11_2_OrphanOfAnotherNamespaceIsNotOurs(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(
        f, (struct pod_opts){.name = "p", .node = "node-0", .owner = "", .namespace = "elsewhere"});
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, 1);
    assert_int_equal(c.pod_patches, 0);
}

static void S11_2_OneThatCannotBeAdoptedKeepsItsNodeOnly(void **state)
{
    struct fixture *f = *state;
    start(f, 3);
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .owner = ""});
    f->patches_refused = true;
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.creates, 2);
    assert_int_equal(sync_once(f).creates, 0);
    assert_string_equal(pods_on(f, "node-0")[0], "p");
    assert_null(pods_on(f, "node-0")[1]);
}

static void S11_2_ReleaseThatIsRefusedHoldsNothingBack(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .labels = L2});
    f->patches_refused = true;
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.creates, 1);
}

static void S11_3_NothingOfASetThatIsBeingDeleted(void **state)
{
    struct fixture *f = *state;
    start(f, 3);
    add_pods(f, "node-0", L1, 2);
    (void)add_pod(f, (struct pod_opts){.name = "failed", .node = "node-1", .phase = "Failed"});
    change_set(f, (struct set_opts){.deleting = true});
    struct counts c = sync_once(f);
    assert_int_equal(c.writes, 0);
    assert_int_equal(f->event_count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S11_1_AdoptionNamesTheOwnerInFull),
        T(S11_1_RevisionsHaveTheSameReference),
        T(S11_2_ReleaseTakesOurReferenceOnly),
        T(S11_2_TerminatingPodIsReleasedToo),
        T(S11_2_TerminatingPodOfOursIsStillOurs),
        T(S11_2_SetThatIsBeingDeletedReleasesNothing),
        T(S11_2_SetThatIsBeingDeletedAdoptsNothing),
        T(S11_2_OrphanOfAnotherNamespaceIsNotOurs),
        T(S11_2_OneThatCannotBeAdoptedKeepsItsNodeOnly),
        T(S11_2_ReleaseThatIsRefusedHoldsNothingBack),
        T(S11_3_NothingOfASetThatIsBeingDeleted),
    };

    return cmocka_run_group_tests_name("parity_ownership", tests, NULL, NULL);
}
