/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_13_history.c - rows of the stock controller's own unit tests about claims and status
 * that no other file plays.
 */
#include "fixture.h"

/* TestClaimPods: a matching orphan of another namespace is nobody's business here. */
static void S13_9_OtherNamespacesPodsAreIgnored(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    const char *uid =
        add_pod(f, (struct pod_opts){.node = "node-0", .owner = "", .namespace = "other"});
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 0);
    assert_int_equal(c.creates, 1);
    assert_null(moon_json_get(object(f, uid), "metadata.ownerReferences"));
}

/* TestClaimPods: one patch for each orphan that matches and for each pod that no longer does; what
 * is terminating is kept when owned, left alone when not. */
static void S13_9_OnePatchForEachClaim(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 4, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = ""});
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .labels = L2});
    (void)add_pod(f, (struct pod_opts){.node = "node-2", .owner = "", .deleting = true});
    (void)add_pod(f, (struct pod_opts){.node = "node-3", .deleting = true});
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 2);
    assert_int_equal(c.creates, 2); /* for the released one and the orphan on its way out */
    assert_int_equal(sync_once(f).pod_patches, 0);
}

#define OWNER_REF                                                                                  \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"foo\",\"uid\":\"" UID           \
    "\",\"controller\":true,\"blockOwnerDeletion\":true}"

/* A patch of a pod says which one it is about and nothing but the change: no field can be lost. */
static void S11_2_PatchesOfPodsToTheByte(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f, (struct pod_opts){.name = "a", .node = "node-0", .owner = ""});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(moon_buf_cstr(&f->last_patch),
                        "{\"metadata\":{\"uid\":\"a\",\"ownerReferences\":[" OWNER_REF "]}}");
    (void)add_pod(f, (struct pod_opts){.name = "b", .node = "node-1", .labels = L2});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(moon_buf_cstr(&f->last_patch),
                        "{\"metadata\":{\"uid\":\"b\",\"ownerReferences\":[{\"$patch\":\"delete\","
                        "\"uid\":\"" UID "\"}]}}");
}

/* TestSimpleDaemonSetUpdatesStatusError: whatever fails, one pod is tried, and the rest is done. */
static void S13_1_UpdatesStatusError(void **state)
{
    static const struct {
        bool create_fails;
        bool status_fails;
    } rows[] = {{true, false}, {false, true}, {true, true}};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = *state;
        add_set(f, (struct set_opts){0});
        advance_s(f, 1);
        f->creates_left = rows[i].create_fails ? 0 : SIZE_MAX;
        f->status_refused = rows[i].status_fails;
        add_nodes(f, 0, 1, NULL);
        struct counts c = sync_once(f);
        assert_int_equal(f->create_calls, 1);
        assert_int_equal(c.status_writes, 1);
        assert_int_equal(set_of(f)->status_failed, rows[i].status_fails);
        assert_int_equal(pod_count(f), rows[i].create_fails ? 0 : 1);
        (void)teardown(state);
        (void)setup(state);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S13_9_OtherNamespacesPodsAreIgnored),
        T(S13_9_OnePatchForEachClaim),
        T(S11_2_PatchesOfPodsToTheByte),
        T(S13_1_UpdatesStatusError),
    };

    return cmocka_run_group_tests_name("parity_13_history", tests, NULL, NULL);
}
