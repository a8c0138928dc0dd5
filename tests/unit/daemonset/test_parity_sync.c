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

/* ---- the order of a sync ---- */

static void S2_3_SetThatIsNotThereIsNoError(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 1, NULL);
    assert_int_equal(sync_once(f).writes, 0);
    assert_int_equal(f->last_rc, 0);
}

static void S2_9_UnknownStrategyKeepsPodsAndRollsNone(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = "{\"type\":\"Canary\"}"});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .hash = "old", .ready = true});
    SYNC(1, 0, 0);
    all_ready(f);
    settle(f);
    assert_int_equal(pod_count(f), 2);
    assert_int_equal(status_of(f, "updatedNumberScheduled"), 1);
}

/* Creates that fail hold back neither the status nor its generation. */
static void S2_10_StatusIsWrittenWhateverHappensElse(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 100, NULL);
    f->creates_left = 10;
    (void)sync_once(f);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_int_equal(status_of(f, "desiredNumberScheduled"), 100);
    assert_int_equal(status_of(f, "currentNumberScheduled"), 10);
    assert_int_equal(status_of(f, "updatedNumberScheduled"), 10);
    assert_int_equal(status_of(f, "observedGeneration"), 1);
}

/* Create refused, status refused, both: each is tried, and tried again. */
static void SimpleDaemonSetUpdatesStatusError(void **state)
{
    static const struct {
        size_t creates_left;
        bool status_refused;
    } rows[] = {{0, false}, {SIZE_MAX, true}, {0, true}};
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%zu", i);
        add_node(f, node, NULL, NULL);
        f->creates_left = rows[i].creates_left;
        f->status_refused = rows[i].status_refused;
        advance_s(f, 60);
        struct counts c = sync_once(f);
        assert_int_equal(c.creates, 1);
        assert_int_equal(c.status_writes, 1);
        f->creates_left = SIZE_MAX;
        f->status_refused = false;
        advance_s(f, 60);
        settle(f);
        assert_int_equal(status_of(f, "currentNumberScheduled"), i + 1);
    }
}

/* ---- what stands for expectations ---- */

/* No event ever tells of the pods: what the server answered is what is known. */
static void S2_2_OwnWritesAreReadAtOnce(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 3, NULL);
    f->silent = true;
    SYNC(3, 0, 0);
    advance_s(f, 1);
    SYNC(0, 0, 0);
    assert_int_equal(status_of(f, "currentNumberScheduled"), 3);
}

/* The stock controller waits up to five minutes for what it expects. */
static void S14_2_8_MissedEventsStallNothing(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE("\"nodeSelector\":" N1 ",")});
    add_nodes(f, 0, 2, N1);
    f->silent = true;
    SYNC(2, 0, 0);
    add_nodes(f, 2, 2, N1);
    add_node(f, "node-0", N2, NULL);
    SYNC(2, 1, 0);
    SYNC(0, 0, 0);
}

/* Answer all actions of the plan: the first one so, the others as cancelled behind it. */
static void refuse_all(struct moon_plan *take_plan, enum moon_code code, bool quiet)
{
    static const struct moon_answer answer = {.status = 403, .sent = true};

    for (size_t i = 0; i < moon_plan_count(take_plan); i++) {
        const struct moon_action *a = moon_plan_get(take_plan, i);
        struct moon_err err;
        (void)moon_err_set(&err, i == 0 ? code : MOON_E_CANCELLED, "no");
        a->on_done(&(struct moon_result){.action = a,
                                         .answer = i == 0 ? &answer : NULL,
                                         .err = &err,
                                         .quiet = quiet || i > 0},
                   a->ctx);
    }
    moon_plan_free(take_plan);
}

static void S14_2_8_TerminatingNamespaceStallsNothing(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 5, NULL);
    refuse_all(decide(f), MOON_E_DENIED, true);
    assert_int_equal(events_of(f, "FailedCreate"), 0);
    SYNC(5, 0, 0); /* nothing is waited for */
}

/* Of the creates that were never tried nothing is expected, and no Event tells. */
static void S2_2_SkippedCreatesAreNotExpected(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 100, NULL);
    refuse_all(decide(f), MOON_E_DENIED, false);
    assert_int_equal(events_of(f, "FailedCreate"), 1);
    SYNC(100, 0, 0);
}

static void S2_2_AtMost250WritesAreOpen(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 100, NULL);
    for (int i = 0; i < 100; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        add_pods(f, node, L1, 4);
    }
    struct counts c = sync_once(f);
    assert_in_range(c.deletes, 240, 252); /* a node's surplus goes together */
    assert_int_equal(sync_once(f).deletes, 300 - c.deletes);
    SYNC(0, 0, 0);
}

/* ---- limit 13: order ---- */

static const char *created_at(const struct moon_plan *plan, size_t i)
{
    const struct moon_action *a = moon_plan_get(plan, i);

    return a->verb == MOON_VERB_CREATE && a->resource == &moon_resource_pods ? a->target : "";
}

static void S14_2_13_CreatesAreInOrderOfNames(void **state)
{
    static const char *const names[] = {"d", "a", "c", "e", "b"};
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        add_node(f, names[i], NULL, NULL);
    }
    struct moon_plan *plan = decide(f);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        char want[] = {(char)('a' + (char)i), '\0'};
        assert_string_equal(created_at(plan, i), want);
    }
    (void)carry_out(f, plan);
}

static void S14_2_13_CandidatesGoInOrderOfNames(void **state)
{
    static const char *const names[] = {"d", "a", "c", "e", "b"};
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("2", "0")});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        add_node(f, names[i], NULL, NULL);
        (void)add_pod(
            f, (struct pod_opts){.name = names[i], .node = names[i], .hash = "old", .ready = true});
    }
    SYNC(0, 2, 0);
    assert_null(pods_on(f, "a")[0]);
    assert_null(pods_on(f, "b")[0]);
    assert_int_equal(pod_count(f), 3);
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
    advance_s(f, 60);
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

/* Not one patch, and one live GET before it, for each event of a busy set. */
static void S14_2_18_RefusedPodIsAskedForEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    size_t tries = 0;
    size_t looks = 0;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .owner = ""});
    f->patches_refused = true;
    f->alive = false;
    for (int i = 0; i < 600; i++) {
        tries += sync_once(f).pod_patches;
        if (f->call_count > 0) {
            looks++;
            answer_get(f, 200, ALIVE);
        }
        advance_s(f, 1);
    }
    assert_in_range(tries, 5, 8);
    assert_in_range(looks, 5, 8);
    assert_int_equal(status_of(f, "currentNumberScheduled"), 2);
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
        T(S2_3_SetThatIsNotThereIsNoError),
        T(S2_9_UnknownStrategyKeepsPodsAndRollsNone),
        T(S2_10_StatusIsWrittenWhateverHappensElse),
        T(SimpleDaemonSetUpdatesStatusError),
        T(S2_2_OwnWritesAreReadAtOnce),
        T(S14_2_8_MissedEventsStallNothing),
        T(S14_2_8_TerminatingNamespaceStallsNothing),
        T(S2_2_SkippedCreatesAreNotExpected),
        T(S2_2_AtMost250WritesAreOpen),
        T(S14_2_13_CreatesAreInOrderOfNames),
        T(S14_2_13_CandidatesGoInOrderOfNames),
        T(S14_2_18_PodThatCannotBeAdoptedStopsNothing),
        T(S14_2_18_RevisionThatCannotBeAdoptedStopsNothing),
        T(S14_2_18_RefusedPodIsAskedForEverMoreSeldom),
        T(S14_2_18_RefusedAdoptionIsTriedEverMoreSeldom),
        T(S14_2_18_LiveGetThatFailsStopsNothing),
        T(S14_2_18_UnlabelledRevisionThatCannotBeAdopted),
    };

    return cmocka_run_group_tests_name("parity_sync", tests, NULL, NULL);
}
