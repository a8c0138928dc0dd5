/* SPDX-License-Identifier: Apache-2.0
 *
 * test_history.c - ControllerRevisions: the bytes of their data, which one is current, and what
 * becomes of the others.
 */
#include "fixture.h"

#include "daemonset/revision_priv.h"

#define LIVE_DATA                                                                                  \
    "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" L1                 \
    "},\"spec\":{\"containers\":[{\"image\":\"foo/bar\"}],\"dnsPolicy\":\"Default\"}}}}"

static struct counts look(struct fixture *f)
{
    return sync_once(f);
}

static const cJSON *revision_with(struct fixture *f, const char *member, const char *value)
{
    cJSON *o;
    size_t pos = 0;

    while (moon_map_next(f->objects, &pos, NULL, (void **)&o)) {
        if (moon_streq(moon_json_string(o, "kind"), "ControllerRevision") &&
            moon_streq(moon_json_string(o, member), value)) {
            return o;
        }
    }
    return NULL;
}

/* ---- data ---- */

static void check_data(struct fixture *f, const char *template, const char *wanted)
{
    struct moon_err err;

    put_set(f, (struct set_opts){.template = template});
    struct moon_ds_set *set = set_of(f);
    assert_int_equal(moon_ds_revision_make_data(set, &err), 0);
    assert_string_equal(set->data, wanted);
}

#define A_CONTAINER "\"image\":\"nginx:1.25\",\"imagePullPolicy\":\"IfNotPresent\",\"name\":\"c\","
#define A_TAIL                                                                                     \
    "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\"}]," \
    "\"dnsPolicy\":\"ClusterFirst\",\"restartPolicy\":\"Always\",\"schedulerName\":"               \
    "\"default-scheduler\",\"securityContext\":{},\"terminationGracePeriodSeconds\":30"

static void VectorA(void **state)
{
    check_data(
        *state,
        "{\"metadata\":{\"labels\":{\"app\":\"demo\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
        "\"image\":\"nginx:1.25\",\"resources\":{},\"terminationMessagePath\":"
        "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
        "\"IfNotPresent\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
        "\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":{},\"schedulerName\":"
        "\"default-scheduler\"}}",
        "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":{\"app\":\"demo\""
        "}},\"spec\":{\"containers\":[{" A_CONTAINER "\"resources\":{}," A_TAIL "}}}}");
}

static void VectorAFrom133(void **state)
{
    check_data(*state,
               "{ \"metadata\": {\"labels\": {\"app\": \"demo\"}, \"creationTimestamp\": null},\n"
               "  \"spec\": {\"containers\": []} }",
               "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{"
               "\"creationTimestamp\":null,\"labels\":{\"app\":\"demo\"}},\"spec\":{"
               "\"containers\":[]}}}}");
}

static void VectorB(void **state)
{
    check_data(
        *state,
        "{\"metadata\":{\"labels\":{\"app\":\"demo\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
        "\"image\":\"nginx:1.25\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],"
        "\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"}},\"livenessProbe\":{"
        "\"httpGet\":{\"path\":\"/\",\"port\":80,\"scheme\":\"HTTP\"}},"
        "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\","
        "\"imagePullPolicy\":\"IfNotPresent\"}],\"restartPolicy\":\"Always\","
        "\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":"
        "{},\"schedulerName\":\"default-scheduler\",\"tolerations\":[{\"operator\":\"Exists\"}]}}",
        "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":{\"app\":\"demo\""
        "}},\"spec\":{\"containers\":[{\"image\":\"nginx:1.25\",\"imagePullPolicy\":"
        "\"IfNotPresent\",\"livenessProbe\":{\"httpGet\":{\"path\":\"/\",\"port\":80,\"scheme\":"
        "\"HTTP\"}},\"name\":\"c\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],"
        "\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"}}," A_TAIL
        ",\"tolerations\":[{\"operator\":\"Exists\"}]}}}}");
}

static void EscapesAsGoDoes(void **state)
{
    check_data(*state,
               "{\"metadata\":{\"labels\":" L1 "},\"spec\":{\"z\":\"<a&b>\\u2028\\/\\u0000\","
               "\"a\":9007199254740993,\"m\":\"é\\ud83d\\ude00\\u0007\"}}",
               "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" L1
               "},\"spec\":{\"a\":9007199254740993,\"m\":\"é😀\\u0007\","
               "\"z\":\"\\u003ca\\u0026b\\u003e\\u2028/\\u0000\"}}}}");
}

static void OldEscapesWhereTheServerUsesThem(void **state)
{
    check_data(*state, "{\"metadata\":{\"labels\":" L1 "},\"spec\":{\"a\":\"\\u0008\\u000c\\f\"}}",
               "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" L1
               "},\"spec\":{\"a\":\"\\u0008\\u000c\\u000c\"}}}}");
}

/* ---- creating ---- */

static void CreatesWhatIsMissing(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){.annotations = "\"kubernetes.io/change-cause\":\"\\\"why\\\"\""});
    assert_int_equal(look(f).revision_creates, 1);
    assert_int_equal(revision_count(f), 1);
    const cJSON *r = revision_with(f, "metadata.namespace", NS);
    const cJSON *owner = cJSON_GetArrayItem(moon_json_get(r, "metadata.ownerReferences"), 0);
    const cJSON *annotations = moon_json_get(r, "metadata.annotations");
    assert_int_equal(moon_json_int(r, "revision", -1), 1);
    assert_string_equal(moon_json_string(owner, "uid"), UID);
    assert_string_equal(moon_json_string(owner, "apiVersion"), "apps/v1");
    assert_true(moon_json_bool(owner, "controller", false));
    assert_true(moon_json_bool(owner, "blockOwnerDeletion", false));
    assert_string_equal(
        cJSON_GetStringValue(moon_json_member(annotations, "kubernetes.io/change-cause")),
        "\"why\"");
}

static void NothingIsMadeBeforeTheRevision(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    put_set(f, (struct set_opts){0});
    struct counts c = look(f);
    assert_int_equal(c.creates, 0);
    assert_int_equal(c.status_writes, 0);
    SYNC(2, 0, 0);
    assert_int_equal(revision_count(f), 1);
}

static void OneIsFoundByItsData(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f,
                       (struct revision_opts){
                           .name = "foo-stock", .number = 7, .hash = "stock", .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    struct counts c = look(f);
    assert_int_equal(c.revision_creates + c.revision_patches + c.revision_deletes, 0);
    assert_string_equal(hash_of(f), "stock");
}

static void OneOfAnotherReleaseIsFoundByItsMeaning(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f, (struct revision_opts){
               .name = "foo-133",
               .number = 3,
               .hash = "h133",
               .data = "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{"
                       "\"creationTimestamp\":null,\"labels\":" L1
                       "},\"spec\":{\"containers\":[{\"image\":\"foo\\/bar\",\"x\":null}],"
                       "\"dnsPolicy\":\"Default\"}}}}"});
    add_set(f, (struct set_opts){0});
    assert_string_equal(hash_of(f), "h133");
    assert_int_equal(revision_count(f), 1);
}

static void TemplateChangesWhileItsRevisionIsInFlight(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){0});
    struct moon_plan *plan = decide(f);
    change_set(f, (struct set_opts){.template = TEMPLATE("\"hostname\":\"b\",")});
    (void)sync_once(f); /* waits for the answer */
    (void)carry_out(f, plan);
    const cJSON *first = revision_with(f, "metadata.namespace", NS);
    assert_null(moon_json_get(first, "data.spec.template.spec.hostname"));
    settle(f);
    assert_int_equal(revision_count(f), 2);
    assert_int_equal(set_of(f)->current->revision, 2);
    assert_false(set_of(f)->collided);
}

static void LongSetName(void **state)
{
    struct fixture *f = *state;
    char name[254];
    memset(name, 'a', sizeof(name));
    name[240] = '.';
    name[241] = 'b';
    name[253] = '\0';
    add_set(f, (struct set_opts){.name = name});
    const char *revision = set_of(f)->current->meta.name;
    assert_true(strlen(revision) <= 253);
    assert_true(moon_is_dns1123_subdomain(moon_str(revision)));
}

/* ---- numbers and duplicates ---- */

static void RollbackGetsTheNewestNumber(void **state)
{
    struct fixture *f = *state;
    const char *uid = add_revision(
        f, (struct revision_opts){.name = "foo-a", .number = 1, .hash = "a", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "foo-b", .number = 5, .hash = "b"});
    put_set(f, (struct set_opts){0});
    assert_int_equal(look(f).revision_patches, 1);
    assert_int_equal(moon_json_int(object(f, uid), "revision", -1), 6);
    assert_int_equal(look(f).revision_patches, 0);
    assert_string_equal(hash_of(f), "a");
}

/* Only the pods of the duplicate change their label: those of older revisions are to be rolled. */
static void DuplicatesBecomeOne(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 3, NULL);
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-a", .number = 1, .hash = "a", .data = LIVE_DATA});
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-b", .number = 2, .hash = "b", .data = LIVE_DATA});
    (void)add_revision(f, (struct revision_opts){.name = "foo-old", .number = 1, .hash = "old"});
    const char *one = add_pod(f, (struct pod_opts){.node = "node-0", .hash = "a"});
    const char *two = add_pod(f, (struct pod_opts){.node = "node-1", .hash = "b"});
    const char *old = add_pod(f, (struct pod_opts){.node = "node-2", .hash = "old"});
    put_set(f, (struct set_opts){0});
    struct counts c = look(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.revision_deletes, 0);
    assert_string_equal(
        moon_json_string(moon_json_get(object(f, one), "metadata.labels"), MOON_LABEL_HASH), "b");
    c = look(f);
    assert_int_equal(c.revision_deletes, 1);
    assert_null(revision_with(f, "metadata.name", "foo-a"));
    assert_string_equal(hash_of(f), "b");
    assert_string_equal(
        moon_json_string(moon_json_get(object(f, old), "metadata.labels"), MOON_LABEL_HASH), "old");
    assert_int_equal(pod_count(f), 3);
    (void)two;
}

/* Tools add a duplicate, count, and take it away: the add alone must wake nobody. */
static void AddedOwnedRevisionWakesNobody(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    (void)add_revision(f, (struct revision_opts){
                              .name = "foo-dup", .number = 9, .hash = "dup", .data = LIVE_DATA});
    assert_false(was_woken(f, KEY));
    set_label(f, "foo-dup", "x", "y");
    assert_true(was_woken(f, KEY));
}

static void UnlabelledGetsItsNameAsHash(void **state)
{
    struct fixture *f = *state;
    const char *uid =
        add_revision(f, (struct revision_opts){.name = "foo-a", .number = 1, .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    assert_int_equal(look(f).revision_patches, 1);
    assert_string_equal(
        moon_json_string(moon_json_get(object(f, uid), "metadata.labels"), MOON_LABEL_HASH),
        "foo-a");
    (void)look(f);
    assert_string_equal(hash_of(f), "foo-a");
}

/* ---- adoption and release ---- */

static void OrphanIsAdoptedAfterALiveLook(void **state)
{
    struct fixture *f = *state;
    f->alive = false;
    const char *uid = add_revision(
        f, (struct revision_opts){
               .name = "foo-a", .number = 4, .hash = "a", .owner = "", .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    assert_int_equal(look(f).writes, 0);
    assert_int_equal(f->call_count, 1);
    answer_get(f, 200, "{\"metadata\":{\"uid\":\"" UID "\"}}");
    assert_int_equal(look(f).revision_patches, 1);
    const cJSON *owners = moon_json_get(object(f, uid), "metadata.ownerReferences");
    assert_string_equal(moon_json_string(cJSON_GetArrayItem(owners, 0), "uid"), UID);
    (void)look(f);
    assert_string_equal(hash_of(f), "a");
    assert_int_equal(revision_count(f), 1);
}

static void OrphanOfADoomedSetStays(void **state)
{
    struct fixture *f = *state;
    f->alive = false;
    (void)add_revision(
        f, (struct revision_opts){
               .name = "foo-a", .number = 4, .hash = "a", .owner = "", .data = LIVE_DATA});
    put_set(f, (struct set_opts){0});
    (void)look(f);
    answer_get(f, 200, "{\"metadata\":{\"uid\":\"" UID "\",\"deletionTimestamp\":\"x\"}}");
    assert_int_equal(look(f).writes, 0);
    assert_int_equal(look(f).writes, 0);
    assert_int_equal(f->call_count, 0);
}

static void OrphanOfOthersIsLeftAlone(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(
        f,
        (struct revision_opts){
            .name = "x", .number = 4, .hash = "a", .owner = "", .data = LIVE_DATA, .labels = L2});
    add_set(f, (struct set_opts){0});
    assert_string_not_equal(hash_of(f), "a");
    assert_null(moon_json_get(object(f, "x"), "metadata.ownerReferences"));
}

static void OneThatNoLongerMatchesIsReleased(void **state)
{
    struct fixture *f = *state;
    const char *uid = add_revision(
        f, (struct revision_opts){
               .name = "foo-a", .number = 4, .hash = "a", .data = LIVE_DATA, .labels = L2});
    put_set(f, (struct set_opts){0});
    settle(f);
    assert_int_equal(cJSON_GetArraySize(moon_json_get(object(f, uid), "metadata.ownerReferences")),
                     0);
    assert_int_equal(revision_count(f), 2);
    assert_string_not_equal(hash_of(f), "a");
}

/* ---- names that are taken ---- */

static void another(struct fixture *f, const char *name, const char *owner, const char *data,
                    const char *labels)
{
    (void)add_revision(f, (struct revision_opts){.name = name,
                                                 .number = 1,
                                                 .hash = "x",
                                                 .owner = owner,
                                                 .data = data,
                                                 .labels = labels});
}

static void NameTakenByAnotherTemplate(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    another(f, name, "uid-other", NULL, L2);
    add_set(f, (struct set_opts){0});
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 1);
    assert_string_not_equal(set_of(f)->current->meta.name, name);
    assert_int_equal(revision_count(f), 2);
}

static void NameTakenByOneThatIsLost(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    another(f, name, NULL, LIVE_DATA, L2); /* ours, but its labels were edited */
    add_set(f, (struct set_opts){0});
    assert_string_not_equal(set_of(f)->current->meta.name, name);
    settle(f);
    assert_int_equal(revision_count(f), 2);
}

static void NameTakenCountsFromTheLastCollision(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    (void)name;
    add_set(f, (struct set_opts){.status = "\"collisionCount\":2"});
    assert_string_not_equal(set_of(f)->current->meta.name, name);
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 2);
}

static void NewTemplateForgetsTheCollision(void **state)
{
    MOON_AUTOFREE char *name = wanted_name(state);
    struct fixture *f = *state;
    another(f, name, "uid-other", NULL, L2);
    put_set(f, (struct set_opts){0});
    (void)look(f);
    assert_true(set_of(f)->collided);
    change_set(f, (struct set_opts){.template = TEMPLATE("\"hostname\":\"b\",")});
    settle(f);
    assert_int_equal(moon_json_int(f->status, "collisionCount", 0), 0);
    assert_int_equal(revision_count(f), 2);
}

/* ---- clean-up ---- */

static void OldOnesBeyondTheLimitGo(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 1, NULL);
    (void)add_revision(f, (struct revision_opts){.name = "r1", .number = 1, .hash = "h1"});
    (void)add_revision(
        f, (struct revision_opts){.name = "r2", .number = 2, .hash = "h2", .data = "{\"a\":1}"});
    (void)add_revision(
        f, (struct revision_opts){.name = "r3", .number = 3, .hash = "h3", .data = "{\"a\":2}"});
    (void)add_revision(
        f, (struct revision_opts){.name = "r4", .number = 4, .hash = "h4", .data = "{\"a\":3}"});
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .hash = "h1"});
    add_set(f, (struct set_opts){.history_limit = 2});
    settle(f);
    assert_non_null(revision_with(f, "metadata.name", "r1")); /* it has a pod */
    assert_null(revision_with(f, "metadata.name", "r2"));
    assert_null(revision_with(f, "metadata.name", "r3"));
    assert_non_null(revision_with(f, "metadata.name", "r4"));
    remove_pod(f, "pod-001");
    settle(f);
    assert_int_equal(revision_count(f), 3); /* two old ones are within the limit */
}

static void EndedPodsKeepTheirRevision(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "r1", .number = 1, .hash = "h1"});
    const char *uid = add_pod(
        f, (struct pod_opts){.node = "gone", .hash = "h1", .phase = "Failed", .deleting = true});
    add_set(f, (struct set_opts){.history_limit = -1});
    settle(f);
    assert_int_equal(revision_count(f), 2);
    remove_pod(f, uid);
    settle(f);
    assert_int_equal(revision_count(f), 1); /* limit 0: only the current one */
}

static void CleaningUpHoldsNothingBack(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "r1", .number = 1, .hash = "h1"});
    add_set(f, (struct set_opts){.history_limit = 2});
    change_set(f, (struct set_opts){.history_limit = -1});
    struct moon_plan *plan = decide(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "delete controllerrevision"));
    add_nodes(f, 0, 2, NULL);
    SYNC(2, 0, 0);
    assert_int_equal(carry_out(f, plan).revision_deletes, 1);
    settle(f);
}

static void RefusedCleanUpIsTriedAgain(void **state)
{
    struct fixture *f = *state;
    (void)add_revision(f, (struct revision_opts){.name = "r1", .number = 1, .hash = "h1"});
    f->deletes_refused = true;
    put_set(f, (struct set_opts){.history_limit = -1});
    for (int i = 0; i < 4; i++) {
        (void)look(f);
        advance_s(f, 1);
    }
    f->deletes_refused = false;
    settle(f);
    assert_int_equal(revision_count(f), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(VectorA),
        T(VectorAFrom133),
        T(VectorB),
        T(EscapesAsGoDoes),
        T(OldEscapesWhereTheServerUsesThem),
        T(CreatesWhatIsMissing),
        T(NothingIsMadeBeforeTheRevision),
        T(OneIsFoundByItsData),
        T(OneOfAnotherReleaseIsFoundByItsMeaning),
        T(TemplateChangesWhileItsRevisionIsInFlight),
        T(LongSetName),
        T(RollbackGetsTheNewestNumber),
        T(DuplicatesBecomeOne),
        T(AddedOwnedRevisionWakesNobody),
        T(UnlabelledGetsItsNameAsHash),
        T(OrphanIsAdoptedAfterALiveLook),
        T(OrphanOfADoomedSetStays),
        T(OrphanOfOthersIsLeftAlone),
        T(OneThatNoLongerMatchesIsReleased),
        T(NameTakenByAnotherTemplate),
        T(NameTakenByOneThatIsLost),
        T(NameTakenCountsFromTheLastCollision),
        T(NewTemplateForgetsTheCollision),
        T(OldOnesBeyondTheLimitGo),
        T(EndedPodsKeepTheirRevision),
        T(CleaningUpHoldsNothingBack),
        T(RefusedCleanUpIsTriedAgain),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
