/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image.c - updates in place: which pods can have one, what is written, and when such a pod
 * counts as available again.
 */
#include "fixture.h"

#define IN_PLACE                                                                                   \
    "return { api = 1, update = function(roll, set)\n"                                             \
    "for pod in roll:outdated { wanted = true } do\n"                                              \
    "local ok, why = roll:patch_image(pod, 'in place')\n"                                          \
    "if not ok then roll:again(60, why) end end end }"

/* A template with one container, another one, and more of its spec. */
#define TWO(image, other, more)                                                                    \
    "{\"metadata\":{\"labels\":" L1 "},\"spec\":{" more "\"containers\":[{\"name\":\"c\","         \
    "\"image\":\"" image "\"},{\"name\":\"d\",\"image\":\"" other "\"}]}}"
#define INIT(image, policy)                                                                        \
    "\"initContainers\":[{\"name\":\"i\",\"image\":\"" image "\"" policy "}],"
#define SIDECAR ",\"restartPolicy\":\"Always\""

static void begin(struct fixture *f, const char *template, int nodes)
{
    mine(f, IN_PLACE);
    add_set(f, (struct set_opts){
                   .strategy = ROLLING("1", "0"), .annotations = MINE, .template = template});
    add_nodes(f, 0, nodes, NULL);
    settle(f);
    all_ready(f);
    settle(f);
}

static void next(struct fixture *f, const char *template)
{
    struct set_opts opts = f->opts;

    opts.template = template;
    new_template(f, opts);
}

/* What a kubelet says of the containers of a pod, which is ready. */
static void say(struct fixture *f, const char *uid, int restarts_of_c, int restarts_of_d)
{
    struct moon_err err;
    MOON_AUTOFREE char *text =
        moon_asprintf("[{\"name\":\"c\",\"restartCount\":%d,\"containerID\":\"x\"},"
                      "{\"name\":\"d\",\"restartCount\":%d,\"containerID\":\"y\"}]",
                      restarts_of_c, restarts_of_d);
    cJSON *status = cJSON_GetObjectItem(moon_map_get(f->objects, moon_str(uid)), "status");

    cJSON_DeleteItemFromObject(status, "containerStatuses");
    cJSON_AddItemToObject(status, "containerStatuses", moon_json_parse(moon_str(text), &err));
    set_ready(f, uid, true);
}

static const char *plan_text(const struct fixture *f)
{
    return moon_buf_cstr(&f->plan_text);
}

static void ImagesAreAllThatIsWritten(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 1);
    const char *uid = pods_on(f, "node-0")[0];
    MOON_AUTOFREE char *name = moon_strdup(uid);
    say(f, name, 2, 0);
    (void)sync_once(f);
    next(f, TWO("c:2", "d:1", ""));
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    assert_int_equal(c.creates + c.deletes, 0);
    assert_int_equal(events_of(f, "UpdatedInPlace"), 1);
    assert_non_null(strstr(plan_text(f), "in place"));
    MOON_AUTOFREE char *want = moon_asprintf(
        "{\"metadata\":{\"uid\":\"%s\",\"labels\":{\"controller-revision-hash\":\"%s\","
        "\"pod-template-generation\":\"2\"},\"annotations\":{\"moonset.dev/in-place\":\"%s: c=2\"}}"
        ",\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"c:2\"}]}}",
        name, hash_of(f), hash_of(f));
    assert_string_equal(moon_buf_cstr(&f->last_patch), want);
    assert_string_equal(pods_on(f, "node-0")[0], name);
}

static void OneAtATime(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 3);
    for (int i = 0; i < 3; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        say(f, pods_on(f, node)[0], 0, 0);
    }
    settle(f);
    next(f, TWO("c:2", "d:2", ""));
    struct counts c = sync_once(f);
    assert_int_equal(c.pod_patches, 1);
    moon_ds_slot_evaluate_all(set_of(f));
    /* It is ready, says the pod; but its containers are not those of the patch. */
    assert_int_equal(set_of(f)->sums.roll_unavailable, 1);
    assert_int_equal(set_of(f)->sums.updated, 1);
    assert_int_equal(set_of(f)->sums.available, 2);
    advance_s(f, 60);
    assert_int_equal(sync_once(f).pod_patches, 0);
    /* One of two restarted. */
    say(f, pods_on(f, "node-0")[0], 1, 0);
    assert_int_equal(sync_once(f).pod_patches, 0);
    say(f, pods_on(f, "node-0")[0], 1, 1);
    assert_int_equal(sync_once(f).pod_patches, 1);
    say(f, pods_on(f, "node-1")[0], 1, 1);
    assert_int_equal(sync_once(f).pod_patches, 1);
    say(f, pods_on(f, "node-2")[0], 1, 1);
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 3);
    assert_int_equal(set_of(f)->sums.outdated, 0);
}

static void APatchInFlightIsNotAvailable(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 2);
    say(f, pods_on(f, "node-0")[0], 0, 0);
    say(f, pods_on(f, "node-1")[0], 0, 0);
    settle(f);
    next(f, TWO("c:2", "d:1", ""));
    struct moon_plan *plan = decide(f);
    moon_ds_slot_evaluate_all(set_of(f));
    assert_int_equal(set_of(f)->sums.roll_unavailable, 1);
    f->patches_refused = true;
    (void)carry_out(f, plan);
    moon_ds_slot_evaluate_all(set_of(f));
    assert_int_equal(set_of(f)->sums.roll_unavailable, 0);
    assert_int_equal(events_of(f, "FailedUpdate"), 1);
    f->patches_refused = false;
    assert_int_equal(sync_once(f).pod_patches, 1);
}

static void WhatElseHasChangedIsNotForIt(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        const char *why; /* NULL: it can be patched */
    } rows[] = {
        {TWO("c:1", "d:1", ""), TWO("c:2", "d:2", ""), NULL},
        {TWO("c:1", "d:1", ""), TWO("c:2", "d:1", "\"hostNetwork\":true,"),
         "the templates differ in more than images"},
        {TWO("c:1", "d:1", ""), TEMPLATE(""), "the templates differ in more than images"},
        {TWO("c:1", "d:1", INIT("i:1", "")), TWO("c:1", "d:1", INIT("i:2", "")),
         "only images of init containers differ, which do not run again"},
        {TWO("c:1", "d:1", INIT("i:1", "")), TWO("c:2", "d:1", INIT("i:2", "")), NULL},
        {TWO("c:1", "d:1", INIT("i:1", SIDECAR)), TWO("c:1", "d:1", INIT("i:2", SIDECAR)), NULL},
        {TWO("c:1", "d:1", INIT("i:1", "")), TWO("c:2", "d:1", INIT("i:1", SIDECAR)),
         "the templates differ in more than images"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = *state;
        begin(f, rows[i].before, 1);
        next(f, rows[i].after);
        size_t patches = sync_once(f).pod_patches;
        if (patches != (rows[i].why == NULL) ||
            (rows[i].why != NULL && strstr(plan_text(f), rows[i].why) == NULL)) {
            fail_msg("%zu: %s\n%s", i, rows[i].after, plan_text(f));
        }
        (void)teardown_policies(state);
        (void)setup_policies(state);
    }
}

/* The template's image might overwrite one that an edit has put there. */
static void PodsThatAPolicyChangesAreNotForIt(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, mutate = function(pod) pod:label('size', 'big') end,\n"
            "update = function(roll, set) for pod in roll:outdated {} do\n"
            "local ok, why = roll:patch_image(pod, 'in place')\n"
            "if not ok then roll:again(60, why) end end end }");
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0"),
                                 .annotations = MINE,
                                 .template = TWO("c:1", "d:1", "")});
    add_nodes(f, 0, 1, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    next(f, TWO("c:2", "d:1", ""));
    assert_int_equal(sync_once(f).pod_patches, 0);
    assert_non_null(strstr(plan_text(f), "a policy says what the node's pod is made of"));
}

static void InitContainersAreWrittenAndNotWaitedFor(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", INIT("i:1", "")), 1);
    say(f, pods_on(f, "node-0")[0], 0, 0);
    settle(f);
    next(f, TWO("c:2", "d:1", INIT("i:2", "")));
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch),
                           ": c=0\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"c:2\"}"
                           "],\"initContainers\":[{\"name\":\"i\",\"image\":\"i:2\"}]}}"));
}

static void EachByTheRevisionItIsOf(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 2);
    say(f, pods_on(f, "node-0")[0], 0, 0);
    say(f, pods_on(f, "node-1")[0], 0, 0);
    settle(f);
    next(f, TWO("c:2", "d:1", ""));
    assert_int_equal(sync_once(f).pod_patches, 1);
    say(f, pods_on(f, "node-0")[0], 1, 0);
    next(f, TWO("c:2", "d:2", "")); /* before the other one has had its turn */
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch),
                           "\"containers\":[{\"name\":\"d\",\"image\":\"d:2\"}]"));
    say(f, pods_on(f, "node-0")[0], 1, 1);
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch),
                           "\"containers\":[{\"name\":\"c\",\"image\":\"c:2\"},"
                           "{\"name\":\"d\",\"image\":\"d:2\"}]"));
}

static void PodsOfUnknownOriginAreLeft(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 1);
    MOON_AUTOFREE char *name = moon_strdup(pods_on(f, "node-0")[0]);
    next(f, TWO("c:2", "d:1", ""));
    set_label(f, name, MOON_LABEL_HASH, "bcdfghj");
    assert_int_equal(sync_once(f).pod_patches, 0);
    assert_non_null(strstr(plan_text(f), "nobody knows what template it was made from"));
}

static void OursIsNoMistakenLabel(void **state)
{
    struct fixture *f = *state;
    begin(f, TWO("c:1", "d:1", ""), 1);
    MOON_AUTOFREE char *name = moon_strdup(pods_on(f, "node-0")[0]);
    say(f, name, 0, 0);
    settle(f);
    next(f, TWO("c:2", "d:1", ""));
    (void)sync_once(f);
    const struct moon_ds_pod *p = moon_map_get(set_of(f)->pods, moon_str(name));
    assert_false(p->mislabelled);
    assert_true(p->pod->in_place);
    assert_true(p->pod->restarting);
    say(f, name, 1, 0);
    settle(f);
    assert_int_equal(set_of(f)->sums.updated, 1);
    /* And back again, in place. */
    next(f, TWO("c:3", "d:1", ""));
    assert_int_equal(sync_once(f).pod_patches, 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch), ": c=1\""));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(ImagesAreAllThatIsWritten),
        T(OneAtATime),
        T(APatchInFlightIsNotAvailable),
        T(WhatElseHasChangedIsNotForIt),
        T(PodsThatAPolicyChangesAreNotForIt),
        T(InitContainersAreWrittenAndNotWaitedFor),
        T(EachByTheRevisionItIsOf),
        T(PodsOfUnknownOriginAreLeft),
        T(OursIsNoMistakenLabel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
