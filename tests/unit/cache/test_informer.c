/* SPDX-License-Identifier: Apache-2.0
 *
 * One informer against an API server that answers by a script. What listeners and callbacks are
 * told is written down: "+a5" new, "a5>a6" changed, "-a5" no longer there, "-a5!" deleted for
 * certain, "left:a6", "synced", "error".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cache/informer.h"
#include "kube/pod.h"
#include "unit/kube/script.h"

#define SELECTOR "controller-revision-hash"
#define STREAMED_LIST                                                                              \
    "GET /api/v1/pods?watch=true&labelSelector=" SELECTOR                                          \
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"           \
    "&timeoutSeconds=ok"
#define GET_A "GET /api/v1/namespaces/ns/pods/a"

/* Phase and version differ in each state of a pod. */
#define POD(uid, version, more)                                                                    \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\","   \
    "\"uid\":\"" uid "\",\"resourceVersion\":\"" version "\"" more                                 \
    "},\"spec\":{\"nodeName\":\"n\"},\"status\":{\"message\":\"at " version "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define LIST_ENDS(version)                                                                         \
    EVENT("BOOKMARK",                                                                              \
          "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"             \
          "\"" version "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define DELETING ",\"deletionTimestamp\":\"2026-01-02T03:04:05Z\""
#define FOREIGN                                                                                    \
    ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"r\","    \
    "\"uid\":\"u\",\"controller\":true}]"
#define BROKEN ",\"labels\":[]"
#define NOT_FOUND                                                                                  \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"NotFound\","   \
    "\"message\":\"pods \\\"a\\\" not found\",\"details\":{\"name\":\"a\",\"kind\":\"pods\"},"     \
    "\"code\":404}"
#define EXPIRED                                                                                    \
    EVENT("ERROR", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","            \
                   "\"reason\":\"Expired\",\"message\":\"too old\",\"code\":410}")

struct fixture {
    struct script script;
    struct moon_informer *informer;
    struct moon_store *store;
    struct moon_buf log;
    size_t notes;
    bool release_when_left;
};

/* ---- writing down ---- */

static void note(struct fixture *f, const char *what, const struct moon_object *o, const char *end)
{
    moon_buf_printf(&f->log, "%s%s", f->log.len > 0 ? " " : "", what);
    if (o != NULL) {
        moon_buf_printf(&f->log, "%s%u", o->uid, (unsigned)o->version);
    }
    moon_buf_puts(&f->log, end);
    f->notes++;
}

static void on_change(const struct moon_change *change, void *ctx)
{
    char from[32];
    if (change->old_object == NULL) {
        note(ctx, "+", change->new_object, "");
    } else if (change->new_object == NULL) {
        note(ctx, "-", change->old_object, change->final ? "!" : "");
    } else {
        (void)snprintf(from, sizeof(from), "%s%u>", change->old_object->uid,
                       (unsigned)change->old_object->version);
        note(ctx, from, change->new_object, "");
    }
}

static void on_left_view(const struct moon_object *object, void *ctx)
{
    struct fixture *f = ctx;
    note(f, "left:", object, "");
    if (f->release_when_left) {
        moon_informer_release(f->informer, object->uid);
    }
}

static void on_error(const struct moon_err *err, void *ctx)
{
    assert_int_not_equal(err->code, MOON_OK);
    note(ctx, "error", NULL, "");
}

static void on_synced(void *ctx)
{
    note(ctx, "synced", NULL, "");
}

/* ---- setting up ---- */

static void start_with(struct fixture *f, const struct script_step *steps, size_t count,
                       const char *selector)
{
    *f = (struct fixture){.log = MOON_BUF_INIT(4096)};
    script_init(&f->script, steps, count);
    f->informer = moon_informer_new(f->script.client,
                                    &(struct moon_informer_opts){.kind = &moon_kind_pod,
                                                                 .label_selector = selector,
                                                                 .on_left_view = on_left_view,
                                                                 .on_error = on_error,
                                                                 .on_synced = on_synced,
                                                                 .ctx = f});
    f->store = moon_informer_store(f->informer);
    moon_store_listen(f->store, on_change, f);
    assert_false(moon_informer_is_synced(f->informer));
    moon_informer_start(f->informer);
}

#define start(f, steps) start_with((f), (steps), MOON_ARRAY_SIZE(steps), SELECTOR)

/* Everything that was to come has come, and it was this. */
static void expect(struct fixture *f, const char *log)
{
    size_t wanted = 0;
    struct moon_str rest = moon_str(log);
    struct moon_str piece;
    while (moon_str_split(&rest, ' ', &piece)) {
        wanted++;
    }
    script_wait(&f->script, f->notes, wanted);
    script_settle(&f->script);
    assert_string_equal(moon_buf_cstr(&f->log), log);
}

static void advance_until_asked(struct fixture *f, size_t requests)
{
    for (int i = 0; i < 1000 && f->script.seen_count < requests; i++) {
        moon_loop_advance(f->script.loop, 10);
        moon_loop_turn(f->script.loop, 1);
    }
    assert_int_equal(f->script.seen_count, requests);
}

static void finish(struct fixture *f)
{
    moon_informer_free(f->informer);
    script_fini(&f->script);
    moon_buf_fini(&f->log);
    assert_int_equal(moon_intern_count(), 0);
}

static bool is_outside(const struct fixture *f, const char *uid)
{
    return moon_informer_is_outside(f->informer, moon_intern_find(moon_str(uid)));
}

/* ---- the plain course ---- */

static void a_list_and_events_keep_the_store(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced");
    script_assert_seen(&f.script, 0, STREAMED_LIST);
    assert_true(moon_informer_is_synced(f.informer));
    assert_int_equal(moon_store_position(f.store), 6);

    script_write(&f.script, EVENT("MODIFIED", POD("a", "7", "")));
    expect(&f, "+a5 synced a5>a7");
    script_write(&f.script, EVENT("DELETED", POD("a", "9", DELETING)));
    expect(&f, "+a5 synced a5>a7 -a7!");
    script_write(&f.script, EVENT("ADDED", POD("b", "11", "")));
    expect(&f, "+a5 synced a5>a7 -a7! +b11");
    assert_int_equal(moon_store_position(f.store), 11);
    script_write(&f.script, EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"15\"}}"));
    script_settle(&f.script);
    assert_int_equal(moon_store_position(f.store), 15);
    assert_int_equal(f.script.seen_count, 1);
    finish(&f);
}

static const struct moon_object *pod_from(const char *json)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    assert_int_equal(moon_object_project(&moon_kind_pod, moon_str(json), &object, &err), 0);
    return object;
}

/* The answer to a write was here before its event: of that only the head is read, as the rest that
 * makes no sense shows. The position is what the watch has delivered, not what was written. */
static void what_is_cached_already_is_not_read_again(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced");
    assert_true(moon_store_put_write(f.store, pod_from(POD("a", "9", ""))));
    script_write(&f.script, EVENT("MODIFIED", POD("a", "8", BROKEN)));
    script_settle(&f.script);
    assert_int_equal(moon_store_position(f.store), 8);
    script_write(&f.script, EVENT("MODIFIED", POD("a", "9", BROKEN)));
    script_write(&f.script, EVENT("MODIFIED", POD("a", "10", "")));
    expect(&f, "+a5 synced a5>a9 a9>a10");
    finish(&f);
}

static void without_a_selector_nothing_leaves_the_view(void **state)
{
    static const struct script_step steps[] = {{.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS(
                                                    "6") EVENT("DELETED", POD("a", "7", "")),
                                                .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start_with(&f, steps, 1, "");
    expect(&f, "+a5 synced -a5!");
    assert_int_equal(f.script.seen_count, 1);
    finish(&f);
}

/* ---- leaving the view ---- */

#define LEAVES EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6") EVENT("DELETED", POD("a", "7", ""))

static void what_left_the_view_and_is_gone_is_removed(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.status = 404, .body = NOT_FOUND}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5!");
    script_assert_seen(&f.script, 1, GET_A);
    assert_false(is_outside(&f, "a"));
    assert_int_equal(moon_store_position(f.store), 7);
    finish(&f);
}

static void what_left_the_view_and_has_another_uid_is_removed(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("b", "8", "")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5!");
    assert_int_equal(moon_store_count(f.store), 0);
    finish(&f);
}

static void what_left_the_view_and_is_another_owners_is_forgotten(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("a", "8", FOREIGN)}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5");
    assert_false(is_outside(&f, "a"));
    finish(&f);
}

static void what_left_the_view_and_is_there_stays(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("a", "20", "")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a20 left:a20");
    assert_true(is_outside(&f, "a"));
    /* the answer says nothing about what the watch has delivered */
    assert_int_equal(moon_store_position(f.store), 7);

    /* the label is put back */
    script_write(&f.script, EVENT("ADDED", POD("a", "21", "")));
    expect(&f, "+a5 synced a5>a20 left:a20 a20>a21");
    assert_false(is_outside(&f, "a"));
    script_write(&f.script, EVENT("DELETED", POD("a", "22", DELETING)));
    expect(&f, "+a5 synced a5>a20 left:a20 a20>a21 -a21!");
    assert_int_equal(f.script.seen_count, 2);
    finish(&f);
}

static void it_stays_until_there_is_an_answer(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.status = 500, .body = "{}"},
                                               {.status = 404, .body = NOT_FOUND}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced error");
    assert_true(is_outside(&f, "a"));
    assert_int_equal(moon_store_count(f.store), 1);
    advance_until_asked(&f, 3);
    expect(&f, "+a5 synced error -a5!");
    finish(&f);
}

static void one_that_is_being_deleted_is_looked_at_soon(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("a", "8", DELETING)},
                                               {.status = 404, .body = NOT_FOUND}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a8 left:a8");
    moon_loop_advance(f.script.loop, 8000);
    script_settle(&f.script);
    assert_int_equal(f.script.seen_count, 2);
    advance_until_asked(&f, 3);
    expect(&f, "+a5 synced a5>a8 left:a8 -a8!");
    finish(&f);
}

static void a_real_deletion_meanwhile_ends_the_asking(void **state)
{
    static const struct script_step steps[] = {
        {.body = LEAVES EVENT("ADDED", POD("a", "8", "")) EVENT("DELETED", POD("a", "9", DELETING)),
         .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a8 -a8!");
    assert_false(is_outside(&f, "a"));
    finish(&f);
}

static void what_is_released_is_no_longer_kept(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("a", "8", "")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    f.release_when_left = true;
    expect(&f, "+a5 synced a5>a8 left:a8 -a8");
    assert_false(is_outside(&f, "a"));
    finish(&f);
}

static void release_is_for_what_is_outside_only(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced");
    moon_informer_release(f.informer, moon_intern_find(MOON_STR_LIT("a")));
    assert_int_equal(moon_store_count(f.store), 1);
    finish(&f);
}

static void a_list_without_it_is_no_proof(void **state)
{
    static const struct script_step steps[] = {{.body = LEAVES, .how = SCRIPT_OPEN},
                                               {.body = POD("a", "8", "")},
                                               {.body = LIST_ENDS("30"), .how = SCRIPT_OPEN},
                                               {.status = 404, .body = NOT_FOUND}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a8 left:a8");
    script_write(&f.script, EXPIRED);
    script_wait(&f.script, f.script.seen_count, 4);
    script_assert_seen(&f.script, 2, STREAMED_LIST);
    script_assert_seen(&f.script, 3, GET_A);
    /* removed by the answer, not by the list */
    expect(&f, "+a5 synced a5>a8 left:a8 -a8!");
    finish(&f);
}

/* Found by a random schedule: the label was taken away while the watch was down, the list did not
 * show the pod, and the node got a second one. */
static void what_left_the_view_unseen_is_asked_for(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6") EXPIRED, .how = SCRIPT_OPEN},
        {.body = LIST_ENDS("30"), .how = SCRIPT_OPEN},
        {.body = POD("a", "8", "")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a8 left:a8");
    script_assert_seen(&f.script, 2, GET_A);
    assert_true(is_outside(&f, "a"));
    finish(&f);
}

static void a_list_that_has_it_again_follows_it_again(void **state)
{
    static const struct script_step steps[] = {
        {.body = LEAVES, .how = SCRIPT_OPEN},
        {.body = POD("a", "8", "")},
        {.body = EVENT("ADDED", POD("a", "9", "")) LIST_ENDS("30"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced a5>a8 left:a8");
    script_write(&f.script, EXPIRED);
    expect(&f, "+a5 synced a5>a8 left:a8 a8>a9");
    assert_false(is_outside(&f, "a"));
    assert_int_equal(f.script.seen_count, 3);
    finish(&f);
}

/* ---- what gives no object ---- */

static void another_kinds_pod_is_forgotten(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) EVENT("ADDED", POD("c", "3", FOREIGN))
             LIST_ENDS("6") EVENT("MODIFIED", POD("a", "7", FOREIGN)),
         .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5");
    assert_int_equal(moon_store_position(f.store), 7);
    finish(&f);
}

static void another_kinds_pod_in_a_list_is_forgotten(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6") EXPIRED, .how = SCRIPT_OPEN},
        {.body = EVENT("ADDED", POD("a", "7", FOREIGN)) LIST_ENDS("9"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5");
    finish(&f);
}

static void what_cannot_be_projected_keeps_its_last_state(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6")
             EVENT("MODIFIED", POD("a", "7", BROKEN)),
         .how = SCRIPT_OPEN},
        {.body = EVENT("ADDED", POD("a", "8", BROKEN)) LIST_ENDS("9"), .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced error");
    assert_int_equal(moon_store_position(f.store), 7);
    script_write(&f.script, EXPIRED);
    expect(&f, "+a5 synced error error");
    assert_int_equal(moon_store_count(f.store), 1);
    assert_int_equal(moon_store_position(f.store), 9);
    finish(&f);
}

static void an_item_without_identity_spoils_the_lists_proof(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6") EXPIRED, .how = SCRIPT_OPEN},
        {.body =
             EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":\"8\"}}") LIST_ENDS("9") EXPIRED,
         .how = SCRIPT_OPEN},
        {.body = LIST_ENDS("12"), .how = SCRIPT_OPEN},
        {.status = 404, .body = NOT_FOUND}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced error");
    /* the second 410 in a row waits for the back-off; its list is good, and has the object asked
     * for */
    advance_until_asked(&f, 4);
    expect(&f, "+a5 synced error -a5!");
    finish(&f);
}

static void broken_and_deleted_is_deleted(void **state)
{
    static const struct script_step steps[] = {
        {.body = EVENT("ADDED", POD("a", "5", "")) LIST_ENDS("6")
             EVENT("DELETED", POD("a", "7", BROKEN DELETING)),
         .how = SCRIPT_OPEN}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    expect(&f, "+a5 synced -a5!");
    assert_int_equal(f.script.seen_count, 1);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_and_events_keep_the_store),
        cmocka_unit_test(what_is_cached_already_is_not_read_again),
        cmocka_unit_test(without_a_selector_nothing_leaves_the_view),
        cmocka_unit_test(what_left_the_view_and_is_gone_is_removed),
        cmocka_unit_test(what_left_the_view_and_has_another_uid_is_removed),
        cmocka_unit_test(what_left_the_view_and_is_another_owners_is_forgotten),
        cmocka_unit_test(what_left_the_view_and_is_there_stays),
        cmocka_unit_test(it_stays_until_there_is_an_answer),
        cmocka_unit_test(one_that_is_being_deleted_is_looked_at_soon),
        cmocka_unit_test(a_real_deletion_meanwhile_ends_the_asking),
        cmocka_unit_test(what_is_released_is_no_longer_kept),
        cmocka_unit_test(release_is_for_what_is_outside_only),
        cmocka_unit_test(a_list_without_it_is_no_proof),
        cmocka_unit_test(what_left_the_view_unseen_is_asked_for),
        cmocka_unit_test(a_list_that_has_it_again_follows_it_again),
        cmocka_unit_test(another_kinds_pod_is_forgotten),
        cmocka_unit_test(another_kinds_pod_in_a_list_is_forgotten),
        cmocka_unit_test(what_cannot_be_projected_keeps_its_last_state),
        cmocka_unit_test(an_item_without_identity_spoils_the_lists_proof),
        cmocka_unit_test(broken_and_deleted_is_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
