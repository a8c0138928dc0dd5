/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_sync.c - the order of a sync, what stands for expectations, and the limits of the
 * stock controller there (catalogue 2, 14.2).
 */
#include "fixture.h"

#define ALIVE "{\"metadata\":{\"name\":\"foo\",\"uid\":\"" UID "\"}}"
#define LIVE_DATA                                                                                  \
    "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" L1                 \
    "},\"spec\":{\"containers\":[{\"image\":\"foo/bar\"}],\"dnsPolicy\":\"Default\"}}}}"

static const char *owner_of(struct fixture *f, const char *uid)
{
    const cJSON *owners = moon_json_get(object(f, uid), "metadata.ownerReferences");
    const char *owner = moon_json_string(cJSON_GetArrayItem(owners, 0), "uid");

    return owner != NULL ? owner : "";
}

static int64_t status_of(struct fixture *f, const char *member)
{
    return moon_json_int(f->status, member, -1);
}

/* ---- limit 18: what cannot be adopted ---- */

static void S14_2_18_PodThatCannotBeAdoptedStopsNothing(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 4, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = ""});
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .hash = "old", .ready = true});
    f->patches_refused = true;
    SYNC(2, 0, 0);
    all_ready(f);
    advance_s(f, 1);
    SYNC(0, 1, 0); /* the roll goes on, too */
    assert_int_equal(status_of(f, "desiredNumberScheduled"), 4);
    f->patches_refused = false;
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_string_equal(owner_of(f, "pod-001"), UID);
}

static void add_orphan_revision(struct fixture *f, const char *hash)
{
    (void)add_revision(
        f, (struct revision_opts){
               .name = "foo-a", .number = 4, .hash = hash, .owner = "", .data = LIVE_DATA});
}

/* Its hash serves all the same, so that no second revision of the template comes to be. */
static void S14_2_18_RevisionThatCannotBeAdoptedStopsNothing(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    add_orphan_revision(f, "a");
    f->patches_refused = true;
    put_set(f, (struct set_opts){0});
    SYNC(0, 0, 0);
    SYNC(2, 0, 0);
    assert_string_equal(hash_of(f), "a");
    settle(f);
    assert_int_equal(revision_count(f), 1);
    f->patches_refused = false;
    advance_s(f, 6 * 60);
    assert_int_equal(sync_once(f).revision_patches, 1);
    settle(f);
    assert_string_equal(owner_of(f, "foo-a"), UID);
    assert_string_equal(hash_of(f), "a");
    assert_int_equal(pod_count(f), 2);
}

static void S14_2_18_RefusedAdoptionIsTriedEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    size_t tries = 0;
    add_orphan_revision(f, "a");
    f->patches_refused = true;
    put_set(f, (struct set_opts){0});
    for (int i = 0; i < 600; i++) {
        tries += sync_once(f).revision_patches;
        advance_s(f, 1);
    }
    assert_in_range(tries, 5, 8); /* after 5, 10, 20… seconds */
}

static void S14_2_18_LiveGetThatFailsStopsNothing(void **state)
{
    struct fixture *f = *state;
    f->alive = false;
    add_nodes(f, 0, 2, NULL);
    add_orphan_revision(f, "a");
    put_set(f, (struct set_opts){0});
    SYNC(0, 0, 0);
    answer_get(f, 500, NULL);
    SYNC(2, 0, 0);
    advance_s(f, 6);
    SYNC(0, 0, 0);
    answer_get(f, 200, ALIVE);
    assert_int_equal(sync_once(f).revision_patches, 1);
    assert_string_equal(owner_of(f, "foo-a"), UID);
}

/* Without a hash it cannot serve, and it has the name of the one to be made. */
static void S14_2_18_UnlabelledRevisionThatCannotBeAdopted(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    put_set(f, (struct set_opts){0});
    (void)sync_once(f);
    (void)sync_once(f);
    MOON_AUTOFREE char *name = moon_asprintf("foo-%s", hash_of(f));
    change_set(f, (struct set_opts){.uid = "uid-second"});
    (void)add_revision(
        f, (struct revision_opts){.name = name, .number = 4, .owner = "", .data = LIVE_DATA});
    f->patches_refused = true;
    settle(f);
    assert_int_equal(set_of(f)->sums.current, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S14_2_18_PodThatCannotBeAdoptedStopsNothing),
        T(S14_2_18_RevisionThatCannotBeAdoptedStopsNothing),
        T(S14_2_18_RefusedAdoptionIsTriedEverMoreSeldom),
        T(S14_2_18_LiveGetThatFailsStopsNothing),
        T(S14_2_18_UnlabelledRevisionThatCannotBeAdopted),
    };

    return cmocka_run_group_tests_name("parity_sync", tests, NULL, NULL);
}
