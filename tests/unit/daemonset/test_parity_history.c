/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_history.c - sections 6 and 14.2 of the stock controller's behaviour: what a revision
 * is to the byte, what happens when two controllers take turns, and where we do better.
 */
#include "fixture.h"

#include "daemonset/revision_priv.h"

#define DATA(labels, members)                                                                      \
    "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" labels             \
    "},\"spec\":{" members "}}}}"
#define LIVE_SPEC "\"containers\":[{\"image\":\"foo/bar\"}],\"dnsPolicy\":\"Default\""
#define LIVE_DATA DATA(L1, LIVE_SPEC)
#define OWNER_REFS                                                                                 \
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"foo\","    \
    "\"uid\":\"" UID "\",\"controller\":true,\"blockOwnerDeletion\":true}]"
#define ROLL ROLLING("1", "0")

static void assert_text(const struct moon_buf *has, const char *wanted)
{
    assert_string_equal(moon_buf_cstr(has), wanted);
}

static const char *label_of(struct fixture *f, const char *uid)
{
    return moon_json_string(moon_json_get(object(f, uid), "metadata.labels"), MOON_LABEL_HASH);
}

static bool exists(struct fixture *f, const char *uid)
{
    return moon_map_get(f->objects, moon_str(uid)) != NULL;
}

/* ---- 6.1, 6.2: what is written ---- */

static void S6_1_WholeRevision(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.annotations = "\"kubernetes.io/change-cause\":\"why\""});
    MOON_AUTOFREE char *wanted = moon_asprintf(
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\",\"metadata\":{"
        "\"name\":\"foo-%s\",\"labels\":{\"controller-revision-hash\":\"%s\","
        "\"name\":\"simple-daemon\",\"type\":\"production\"},\"annotations\":{"
        "\"deprecated.daemonset.template.generation\":\"1\",\"kubernetes.io/change-cause\":\"why\"}"
        "," OWNER_REFS "},\"data\":" LIVE_DATA ",\"revision\":1}",
        hash_of(f), hash_of(f));
    assert_text(&f->last_revision, wanted);
}

/* Text that a C string cannot hold, and escapes that need not be. */
static void S6_1_AnnotationsAsTheyStand(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){.annotations = "\"a\":\"x\\u0000y\\/\\u003c<\""});
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->last_revision), ",\"a\":\"x\\u0000y\\/\\u003c<\"}"));
}

/* A patch about a revision says what it is about and nothing more: its data stays what it is. */
static void S6_2_PatchesLeaveTheDataAlone(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = "a", .number = 1, .owner = "", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "b", .number = 5, .hash = "b"});
    put_set(f, (struct set_opts){0});
    assert_int_equal(sync_once(f).revision_patches, 1);
    assert_text(&f->last_patch, "{\"metadata\":{\"uid\":\"a\"," OWNER_REFS "}}");
    assert_int_equal(sync_once(f).revision_patches, 1);
    assert_text(&f->last_patch,
                "{\"metadata\":{\"uid\":\"a\",\"labels\":{\"controller-revision-hash\":\"a\"}}}");
    assert_int_equal(sync_once(f).revision_patches, 1);
    assert_text(&f->last_patch, "{\"metadata\":{\"uid\":\"a\"},\"revision\":6}");
    assert_int_equal(sync_once(f).revision_patches, 0);
}

/* What a tree of doubles and C strings would lose, and what no version we know of has. */
static void S6_2_WhatWeDoNotKnowGoesIntoTheData(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){
                   .template = "{\"zz\":null,\"metadata\":{\"labels\":" L1 ",\"x\":[1.10,1E+2]},"
                               "\"spec\":{\"new\":{\"b\":[],\"a\":{}},\"containers\":[],"
                               "\"n\":123456789012345678901234567890,\"s\":\"\\u0000\\ud800\"}}"});
    (void)sync_once(f);
    assert_non_null(strstr(
        moon_buf_cstr(&f->last_revision),
        "\"data\":{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" L1
        ",\"x\":[1.10,1E+2]},\"spec\":{\"containers\":[],"
        "\"n\":123456789012345678901234567890,\"new\":{\"a\":{},\"b\":[]},"
        "\"s\":\"\\u0000\xef\xbf\xbd\"},\"zz\":null}}}"));
}

/* ---- 6.3: history ---- */

static void S6_3_NumbersGoOn(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "a", .number = 8, .hash = "a"});
    (void)add_revision(
        f, (struct revision_opts){.name = "b", .number = 3, .hash = "b", .data = "{\"a\":1}"});
    add_set(f, (struct set_opts){0});
    assert_non_null(strstr(moon_buf_cstr(&f->last_revision), "\"revision\":9}"));
    change_set(f, (struct set_opts){.template = TEMPLATE("\"hostname\":\"b\",")});
    settle(f);
    assert_non_null(strstr(moon_buf_cstr(&f->last_revision), "\"revision\":10}"));
}

/* Numbers that are equal hide each other in `rollout history`. */
static void S6_3_TheCurrentOneHasTheHighestNumberAlone(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = "a", .number = 5, .hash = "a", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "b", .number = 5, .hash = "b"});
    add_set(f, (struct set_opts){0});
    assert_int_equal(moon_json_int(object(f, "a"), "revision", -1), 6);
    assert_int_equal(moon_json_int(object(f, "b"), "revision", -1), 5);
}

static void S6_3_NumbersAreExact(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = "a", .number = 9007199254740993, .hash = "a"});
    put_set(f, (struct set_opts){0});
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->last_revision), "\"revision\":9007199254740994}"));
}

/* The last number there is, set by hand: no overflow, and no writes without end. */
static void S6_3_TheLastNumberIsTheEnd(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "a", .number = INT64_MAX, .hash = "a"});
    (void)add_revision(f, (struct revision_opts){
                              .name = "b", .number = INT64_MAX, .hash = "b", .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    assert_int_equal(sync_once(f).revision_patches, 0);
    assert_string_equal(hash_of(f), "b");
}

static void S6_3_OfDuplicatesOneStays(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = "a", .number = 4, .hash = "a", .data = LIVE_DATA});
    (void)add_revision(
        f, (struct revision_opts){.name = "b", .number = 4, .hash = "b", .data = LIVE_DATA});
    (void)add_revision(
        f, (struct revision_opts){.name = "c", .number = 2, .hash = "c", .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    settle(f);
    assert_int_equal(revision_count(f), 1);
    assert_false(exists(f, "c"));
    assert_int_equal(set_of(f)->current->revision, 4);
}

/* The patch that gives a pod of a duplicate its new label says nothing else. */
static void S6_3_RelabellingToTheByte(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 1, NULL);
    (void)add_revision(
        f, (struct revision_opts){.name = "a", .number = 1, .hash = "a", .data = LIVE_DATA});
    (void)add_revision(
        f, (struct revision_opts){.name = "b", .number = 2, .hash = "b", .data = LIVE_DATA});
    (void)add_pod(f, (struct pod_opts){.name = "p", .node = "node-0", .hash = "a"});
    put_set(f, (struct set_opts){0});
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_text(&f->last_patch,
                "{\"metadata\":{\"uid\":\"p\",\"labels\":{\"controller-revision-hash\":\"b\"}}}");
}

/* An orphan of another namespace is not this set's (TestControlledHistories). */
static void S6_3_OnlyOfItsOwnNamespace(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f,
                       (struct revision_opts){
                           .name = "a", .number = 1, .hash = "a", .owner = "", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "b", .number = 2, .hash = "b"});
    (void)add_revision(f, (struct revision_opts){.name = "c",
                                                 .number = 7,
                                                 .hash = "c",
                                                 .owner = "",
                                                 .data = LIVE_DATA,
                                                 .namespace = "other"});
    put_set(f, (struct set_opts){0});
    settle(f);
    assert_string_equal(hash_of(f), "a");
    assert_int_equal(set_of(f)->current->revision, 3);
    assert_null(moon_json_get(object(f, "c"), "metadata.ownerReferences"));
}

/* ---- 6.4: creating it ---- */

/* Made by somebody else between our look and our POST. */
static void S6_4_TheSameTemplateUnderTheNameIsUsed(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    put_set(f, (struct set_opts){0});
    struct moon_plan *plan = decide(f);
    (void)add_revision(
        f, (struct revision_opts){
               .name = name, .number = 1, .hash = "theirs", .data = LIVE_DATA, .unseen = true});
    (void)carry_out(f, plan);
    settle(f);
    assert_int_equal(revision_count(f), 1);
    assert_string_equal(hash_of(f), "theirs");
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 0);
}

/* Somebody has written the set meanwhile: the count is not raised from what is no longer so. */
static void S6_4_StaleCountIsRefused(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = name, .number = 1, .owner = "uid-other", .labels = L2});
    put_set(f, (struct set_opts){0});
    (void)sync_once(f);
    struct moon_plan *plan = decide(f);
    cJSON_AddNumberToObject(f->status, "collisionCount", 4);
    f->set_version = ++f->version;
    (void)carry_out(f, plan);
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 4);
    change_set(f, f->opts); /* now the watch tells of it */
    settle(f);
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 4);
    assert_int_equal(revision_count(f), 2);
}

/* ---- 6.7: names ---- */

static char *name_with(void **state, const char *template, const char *status)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = template, .status = status});
    char *name = moon_strdup(set_of(f)->current->meta.name);
    (void)teardown(state);
    (void)setup(state);
    return name;
}

/* The stock controller's hash depends on its release and on how a quantity was once written; ours
 * follows from the template and the count alone. */
static void S6_7_TheNameFollowsFromTheTemplate(void **state)
{
    static const char *const statuses[] = {NULL, "\"collisionCount\":0", "\"collisionCount\":1",
                                           "\"collisionCount\":2"};
    char *names[MOON_ARRAY_SIZE(statuses)];
    MOON_AUTOFREE char *again =
        name_with(state,
                  "{ \"spec\" : {\"dnsPolicy\":\"\\u0044efault\",\"containers\":[{\"image\":"
                  "\"foo\\/bar\"}]}, \"metadata\":{\"labels\":" L1 "}}",
                  NULL);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(statuses); i++) {
        names[i] = name_with(state, NULL, statuses[i]);
        assert_in_range(strlen(names[i]), strlen("foo-") + 1, strlen("foo-") + 10);
        assert_int_equal(strspn(names[i] + 4, "bcdfghjklmnpqrstvwxz2456789"), strlen(names[i]) - 4);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(names[i], names[k]);
        }
    }
    assert_string_equal(names[0], again);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(statuses); i++) {
        moon_free(names[i]);
    }
}

/* ---- 6.8: taking over ---- */

/* Two nodes with ready pods as the stock controller leaves them, and its status. */
static void stock_pods(struct fixture *f, int generation, const char *hash)
{
    add_nodes(f, 0, 2, NULL);
    for (int i = 0; i < 2; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        (void)add_pod(f, (struct pod_opts){.node = node,
                                           .hash = hash,
                                           .generation = generation,
                                           .phase = "Running",
                                           .ready = true,
                                           .age_s = 30});
    }
}

#define STOCK_STATUS                                                                               \
    "\"desiredNumberScheduled\":2,\"currentNumberScheduled\":2,\"numberReady\":2,"                 \
    "\"numberAvailable\":2,\"updatedNumberScheduled\":2,\"numberMisscheduled\":0,"                 \
    "\"observedGeneration\":1"

static void S6_8_TakeoverWritesNothing(void **state)
{
    struct fixture *f = *state;
    size_t writes = 0;
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-h", .number = 3, .hash = "h", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "foo-g", .number = 2, .hash = "g"});
    stock_pods(f, 1, "h");
    put_set(f, (struct set_opts){.strategy = ROLL, .status = STOCK_STATUS, .age_s = 60});
    for (int i = 0; i < 10; i++) {
        writes += sync_once(f).writes;
        advance_s(f, 10);
    }
    assert_int_equal(writes, 0);
}

static void no_restart(struct fixture *f)
{
    put_set(f, (struct set_opts){.strategy = ROLL, .status = STOCK_STATUS, .age_s = 60});
    settle(f);
    assert_true(exists(f, "pod-001") && exists(f, "pod-002"));
    assert_int_equal(pod_count(f), 2);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", 0), 2);
}

static void S6_8_LostRevisionRestartsNothing(void **state)
{
    struct fixture *f = *state;
    stock_pods(f, 1, "lost");
    no_restart(f);
    assert_int_equal(revision_count(f), 1);
    assert_string_equal(label_of(f, "pod-001"), "lost");
}

/* After an upgrade the server says the same template in more words: a default that is new. */
static void S6_8_OtherWordsForTheSameTemplateRestartNothing(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){
               .name = "foo-h", .number = 3, .hash = "h", .data = DATA(L1, "\"containers\":[]")});
    stock_pods(f, 1, "h");
    no_restart(f);
    assert_int_equal(revision_count(f), 2);
    assert_int_equal(set_of(f)->current->revision, 4);
}

/* Mid-roll: what is updated stays, the other one goes on to be rolled. */
static void S6_8_ARollGoesOn(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "foo-g", .number = 2, .hash = "g"});
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-h", .number = 3, .hash = "h", .data = LIVE_DATA});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f,
                  (struct pod_opts){.node = "node-0", .hash = "h", .generation = 3, .ready = true});
    (void)add_pod(f,
                  (struct pod_opts){.node = "node-1", .hash = "g", .generation = 2, .ready = true});
    put_set(f, (struct set_opts){.strategy = ROLL});
    f->template_generation = 3;
    change_set(f, f->opts);
    settle(f);
    assert_true(exists(f, "pod-001"));
    assert_false(exists(f, "pod-002"));
    assert_int_equal(revision_count(f), 2);
}

/* ---- 14.2 no. 17: a set that was orphaned and made again counts from 1 again ---- */

static void S14_2_17_PodsOfAPredecessorAreRolled(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-h", .number = 1, .hash = "h", .owner = ""});
    add_nodes(f, 0, 2, NULL);
    for (int i = 0; i < 2; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        (void)add_pod(f, (struct pod_opts){.node = node,
                                           .hash = "h",
                                           .generation = 1,
                                           .owner = "",
                                           .ready = true,
                                           .age_s = 90});
    }
    put_set(f, (struct set_opts){.strategy = ROLL, .age_s = 60});
    for (int i = 0; i < 20; i++) {
        (void)sync_once(f);
        all_ready(f);
        advance_s(f, 1);
    }
    assert_false(exists(f, "pod-001") || exists(f, "pod-002"));
    assert_int_equal(pod_count(f), 2);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", 0), 2);
}

static void S14_2_17_WithoutTheirRevisionTheyStay(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f,
                  (struct pod_opts){
                      .node = "node-0", .hash = "h", .generation = 1, .ready = true, .age_s = 90});
    put_set(f, (struct set_opts){.strategy = ROLL, .age_s = 60});
    settle(f);
    assert_true(exists(f, "pod-001"));
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", 0), 1);
    /* It comes to light, and is adopted. */
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-h", .number = 1, .hash = "h", .owner = ""});
    settle(f);
    assert_false(exists(f, "pod-001"));
}

static void S14_2_17_TheSameTemplateRestartsNothing(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){
               .name = "foo-h", .number = 7, .hash = "h", .owner = "", .data = LIVE_DATA});
    add_nodes(f, 0, 1, NULL);
    const char *uid = add_pod(f, (struct pod_opts){.node = "node-0",
                                                   .hash = "h",
                                                   .generation = 5,
                                                   .owner = "",
                                                   .ready = true,
                                                   .age_s = 90});
    put_set(f, (struct set_opts){.strategy = ROLL, .age_s = 60});
    settle(f);
    assert_true(exists(f, uid));
    assert_int_equal(revision_count(f), 1);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", 0), 1);
}

/* ---- 14.2 no. 12 ---- */

static void S14_2_12_RevisionWithoutAnyLabel(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){
                              .name = "foo-a", .number = 1, .data = LIVE_DATA, .labels = "null"});
    put_set(f, (struct set_opts){.selector = "{\"matchExpressions\":[{\"key\":\"no\",\"operator\":"
                                             "\"DoesNotExist\"}]}"});
    settle(f);
    assert_string_equal(hash_of(f), "foo-a");
    assert_int_equal(revision_count(f), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S6_1_WholeRevision),
        T(S6_1_AnnotationsAsTheyStand),
        T(S6_2_PatchesLeaveTheDataAlone),
        T(S6_2_WhatWeDoNotKnowGoesIntoTheData),
        T(S6_3_NumbersGoOn),
        T(S6_3_TheCurrentOneHasTheHighestNumberAlone),
        T(S6_3_NumbersAreExact),
        T(S6_3_TheLastNumberIsTheEnd),
        T(S6_3_OfDuplicatesOneStays),
        T(S6_3_RelabellingToTheByte),
        T(S6_3_OnlyOfItsOwnNamespace),
        T(S6_4_TheSameTemplateUnderTheNameIsUsed),
        T(S6_4_StaleCountIsRefused),
        T(S6_7_TheNameFollowsFromTheTemplate),
        T(S6_8_TakeoverWritesNothing),
        T(S6_8_LostRevisionRestartsNothing),
        T(S6_8_OtherWordsForTheSameTemplateRestartNothing),
        T(S6_8_ARollGoesOn),
        T(S14_2_17_PodsOfAPredecessorAreRolled),
        T(S14_2_17_WithoutTheirRevisionTheyStay),
        T(S14_2_17_TheSameTemplateRestartsNothing),
        T(S14_2_12_RevisionWithoutAnyLabel),
    };

    return cmocka_run_group_tests_name("parity_history", tests, NULL, NULL);
}
