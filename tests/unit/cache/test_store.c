/* SPDX-License-Identifier: Apache-2.0
 *
 * Each rule of store.h is one row: a script of writes, the changes that listeners must see, and
 * what the store must hold in the end, in order of insertion, with its position.
 *
 * A write is a verb and an object: "e:a5" = the event of uid a at version 5. "a5=x" has the name x
 * (else the uid's), "a5~" has content that is equal in all versions (else it differs).
 *   e event  d DELETED  b bookmark  w our write's answer  o GET of an outside object
 *   g gone  f forget  [ list begin  i list item  ] list end
 * A change: "+a5" new, "a5>a6" changed, "-a5" no longer there, "-a5!" deleted for certain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cache/store.h"
#include "kube/node.h"

/* ---- a kind whose content is its generation ---- */

static int project_nothing(struct moon_object *object, const cJSON *json, struct moon_str text,
                           struct moon_err *err)
{
    (void)object;
    (void)json;
    (void)text;
    (void)err;
    return 0;
}

static void fini_nothing(struct moon_object *object)
{
    (void)object;
}

static bool same_generation(const struct moon_object *a, const struct moon_object *b)
{
    return a->generation == b->generation;
}

static const struct moon_kind kind = {
    .resource = &moon_resource_pods,
    .size = sizeof(struct moon_object),
    .project = project_nothing,
    .fini = fini_nothing,
    .same = same_generation,
};

/* `on` is the label a of the object, `also` the label b: keys for the index below. */
static const struct moon_object *make(const char *uid, const char *name, uint64_t version,
                                      uint64_t generation, const char *on, const char *also)
{
    struct moon_buf text = MOON_BUF_INIT(1024);
    struct moon_object *object = NULL;
    struct moon_err err;
    moon_buf_printf(&text,
                    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"%s\",\"uid\":\"%s\","
                    "\"resourceVersion\":\"%llu\",\"generation\":%llu,\"labels\":{",
                    name, uid, (unsigned long long)version, (unsigned long long)generation);
    if (on != NULL) {
        moon_buf_printf(&text, "\"a\":\"%s\"", on);
    }
    if (also != NULL) {
        moon_buf_printf(&text, "%s\"b\":\"%s\"", on != NULL ? "," : "", also);
    }
    moon_buf_puts(&text, "}}}");
    assert_int_equal(moon_object_project(&kind, moon_buf_str(&text), &object, &err), 0);
    moon_buf_fini(&text);
    return object;
}

/* ---- running a script ---- */

static void log_change(const struct moon_change *change, void *ctx)
{
    struct moon_buf *log = ctx;
    const struct moon_object *o = change->old_object;
    const struct moon_object *n = change->new_object;
    if (log->len > 0) {
        moon_buf_putc(log, ' ');
    }
    if (o == NULL) {
        moon_buf_printf(log, "+%s%u", n->uid, (unsigned)n->version);
    } else if (n == NULL) {
        moon_buf_printf(log, "-%s%u%s", o->uid, (unsigned)o->version, change->final ? "!" : "");
    } else {
        moon_buf_printf(log, "%s%u>%s%u", o->uid, (unsigned)o->version, n->uid,
                        (unsigned)n->version);
    }
}

static uint64_t number(struct moon_str text)
{
    uint64_t n = 0;
    assert_true(moon_parse_u64(text, &n));
    return n;
}

static const struct moon_object *object_of(struct moon_str text)
{
    char uid[2] = {text.ptr[0], '\0'};
    char name[2] = {text.ptr[0], '\0'};
    bool is_same = moon_str_ends(text, "~");
    text.ptr++;
    text.len -= is_same ? 2 : 1;
    if (text.len > 2 && text.ptr[text.len - 2] == '=') {
        name[0] = text.ptr[text.len - 1];
        text.len -= 2;
    }
    uint64_t version = number(text);
    return make(uid, name, version, is_same ? 0 : version, NULL, NULL);
}

static void mark(struct moon_store *s, char verb, struct moon_str uid_text)
{
    moon_sym uid = moon_intern(uid_text);
    if (verb == 'g') {
        moon_store_mark_gone(s, uid);
    } else {
        moon_store_forget(s, uid);
    }
    moon_sym_unref(uid);
}

/* A DELETED event that carries this object. */
static void delete_event(struct moon_store *s, const struct moon_object *take_object)
{
    moon_store_delete_event(s, take_object->uid, take_object->version);
    moon_object_unref(take_object);
}

static void write_one(struct moon_store *s, struct moon_str op)
{
    struct moon_str rest = {op.ptr + 2, op.len - 2};
    switch (op.ptr[0]) {
    case 'e':
        moon_store_put_event(s, object_of(rest));
        break;
    case 'd':
        delete_event(s, object_of(rest));
        break;
    case 'b':
        moon_store_bookmark(s, number(rest));
        break;
    case 'w':
        (void)moon_store_put_write(s, object_of(rest));
        break;
    case 'o':
        (void)moon_store_put_outside(s, object_of(rest));
        break;
    case 'i':
        moon_store_list_item(s, object_of(rest));
        break;
    case ']':
        moon_store_list_end(s, number(rest));
        break;
    case 'g':
    case 'f':
        mark(s, op.ptr[0], rest);
        break;
    default:
        fail_msg("no such verb: %.*s", MOON_STR_ARG(op));
    }
}

static void run(struct moon_store *s, const char *script)
{
    struct moon_str rest = moon_str(script);
    struct moon_str op;
    while (moon_str_split(&rest, ' ', &op)) {
        if (moon_str_is(op, "[")) {
            moon_store_list_begin(s);
        } else {
            write_one(s, op);
        }
    }
}

static void describe(const struct moon_store *s, struct moon_buf *out)
{
    size_t pos = 0;
    const struct moon_object *o;
    while ((o = moon_store_next(s, &pos)) != NULL) {
        moon_buf_printf(out, "%s%u ", o->uid, (unsigned)o->version);
    }
    moon_buf_printf(out, "@%u", (unsigned)moon_store_position(s));
}

static const struct row {
    const char *rule;
    const char *script;
    const char *changes;
    const char *end;
} rows[] = {
    /* events */
    {"an event adds, the next one changes", "e:a5 e:a6", "+a5 a5>a6", "a6 @6"},
    {"an older event is ignored", "e:a5 e:a4", "+a5", "a5 @5"},
    {"the same version again is ignored", "e:a5~ e:a5", "+a5", "a5 @5"},
    {"an event raises the position", "e:a5 e:b9 e:c7", "+a5 +b9 +c7", "a5 b9 c7 @9"},
    {"DELETED removes", "e:a5 d:a7", "+a5 -a5!", "@7"},
    {"DELETED removes at an equal version", "e:a5 d:a5", "+a5 -a5!", "@5"},
    {"DELETED removes what is cached newer", "e:a5 w:a9 d:a7", "+a5 a5>a9 -a9!", "@7"},
    {"DELETED of something unknown only moves the position", "d:a7", "", "@7"},
    {"a bookmark raises the position", "e:a5 b:8", "+a5", "a5 @8"},
    {"an older bookmark does not lower it", "e:a5 b:3", "+a5", "a5 @5"},
    {"what we keep is equal: nobody is told, the version moves on", "e:a5~ e:a6~", "+a5", "a6 @6"},
    {"and an older event is still ignored afterwards", "e:a5~ e:a7~ e:a6", "+a5", "a7 @7"},

    /* write-through */
    {"a write above the position goes in", "b:5 w:a6", "+a6", "a6 @5"},
    {"a write does not raise the position", "b:5 w:a9 w:b7", "+a9 +b7", "a9 b7 @5"},
    {"a write at the position is old news", "b:6 w:a6", "", "@6"},
    {"a write below the position is old news", "b:7 w:a6", "", "@7"},
    {"a write whose object the watch deleted already stays out", "b:5 e:a6 d:a8 w:a7", "+a6 -a6!",
     "@8"},
    {"a write above the cached version changes it", "e:a5 w:a6", "+a5 a5>a6", "a6 @5"},
    {"of two writes the newer one stays", "b:5 w:a8 w:a7", "+a8", "a8 @5"},
    {"the event of a write tells nothing new", "b:5 w:a6 e:a6", "+a6", "a6 @6"},
    {"events between are ignored, later ones apply", "e:a5 w:a8 e:a7 e:a9", "+a5 a5>a8 a8>a9",
     "a9 @9"},
    {"an answer without a version never enters", "w:a0", "", "@0"},

    /* gone */
    {"gone removes at once", "e:a5 g:a", "+a5 -a5!", "@5"},
    {"gone ignores events that are still to come", "e:a5 g:a e:a6 e:a7", "+a5 -a5!", "@7"},
    {"gone ignores an older write's answer", "e:a5 g:a w:a6", "+a5 -a5!", "@5"},
    {"gone is over with its DELETED", "e:a5 g:a e:a6 d:a7 e:a8", "+a5 -a5! +a8", "a8 @8"},
    {"gone is over with a newer list without it", "e:a5 g:a [ ]:6 e:a7", "+a5 -a5! +a7", "a7 @7"},
    {"gone outlasts a list that still has it", "e:a5 g:a [ i:a5 ]:6 e:a7", "+a5 -a5!", "@7"},
    {"gone outlasts a list that had it before", "e:a5 [ i:a5 g:a ]:6 e:a7", "+a5 -a5!", "@7"},
    {"gone outlasts a list from before it was there", "e:a5 g:a [ ]:4 e:a6", "+a5 -a5!", "@6"},
    {"gone twice is gone once", "e:a5 g:a g:a d:a6 e:a7", "+a5 -a5! +a7", "a7 @7"},
    {"gone and not cached: the watch has told its end", "e:a5 d:a6 g:a e:a7", "+a5 -a5! +a7",
     "a7 @7"},

    /* forget */
    {"forget removes and claims nothing", "e:a5 f:a e:a6", "+a5 -a5 +a6", "a6 @6"},
    {"forget of something unknown does nothing", "f:a", "", "@0"},

    /* outside */
    {"a GET of an outside object applies when newer", "e:a5 o:a7", "+a5 a5>a7", "a7 @5"},
    {"a GET of an outside object may be below the position", "e:a5 b:9 o:a7", "+a5 a5>a7", "a7 @9"},
    {"an older GET does not", "e:a5 w:a7 o:a6", "+a5 a5>a7", "a7 @5"},
    {"a GET brings back nothing that is no longer cached", "e:a5 d:a6 o:a7", "+a5 -a5!", "@6"},

    /* lists */
    {"a list fills an empty store", "[ i:a3 i:b4 ]:5", "+a3 +b4", "a3 b4 @5"},
    {"a list drops what it does not have", "[ i:a3 i:b4 ]:5 [ i:b4 ]:6", "+a3 +b4 -a3", "b4 @6"},
    {"a list drops what is at its own version", "e:a6 [ ]:6", "+a6 -a6", "@6"},
    {"a list does not drop what is newer than it", "b:4 w:a7 [ ]:6", "+a7", "a7 @6"},
    {"a list changes what is older", "e:a3 [ i:a4 ]:5", "+a3 a3>a4", "a4 @5"},
    {"a list does not change what is newer", "e:a5 [ i:a4 ]:6", "+a5", "a5 @6"},
    {"a list does not lower the position", "b:9 [ ]:5", "", "@9"},
    {"a list begun again starts over", "e:a3 [ i:a3 [ ]:5", "+a3 -a3", "@5"},
    {"what a write adds during a list stays when it is newer", "b:2 [ w:a6 ]:5", "+a6", "a6 @5"},
    {"what a write adds during a list goes when the list knows better", "b:2 [ w:a4 ]:5", "+a4 -a4",
     "@5"},
    {"equal content in a list is no change", "e:a3~ [ i:a4~ ]:5", "+a3", "a4 @5"},
    {"a list item moved on in place counts as listed", "e:a3~ [ i:a4~ ]:4 [ ]:3", "+a3", "a4 @4"},

    /* names */
    {"a new uid takes the name over", "e:a5=x e:b7=x", "+a5 -a5 +b7", "b7 @7"},
    {"history under the name is ignored", "b:5 w:b9=x e:a7=x", "+b9", "b9 @7"},
    {"history in a list is ignored", "b:5 w:b9=x [ i:a5=x ]:6", "+b9", "b9 @6"},
    {"the late DELETED of the old uid hurts nobody", "e:a5=x e:b7=x d:a8=x", "+a5 -a5 +b7",
     "b7 @8"},
    {"a renamed object moves", "e:a5=x e:a6=y", "+a5 -a5 +a6", "a6 @6"},
};

static void every_rule_of_the_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_buf changes = MOON_BUF_INIT(4096);
        struct moon_buf end = MOON_BUF_INIT(4096);
        struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &kind});
        moon_store_listen(s, log_change, &changes);
        run(s, rows[i].script);
        describe(s, &end);
        if (strcmp(moon_buf_cstr(&changes), rows[i].changes) != 0 ||
            strcmp(moon_buf_cstr(&end), rows[i].end) != 0) {
            fail_msg("%s: \"%s\"\n  changes \"%s\", wanted \"%s\"\n  end \"%s\", wanted \"%s\"",
                     rows[i].rule, rows[i].script, moon_buf_cstr(&changes), rows[i].changes,
                     moon_buf_cstr(&end), rows[i].end);
        }
        moon_store_free(s);
        moon_buf_fini(&changes);
        moon_buf_fini(&end);
    }
    assert_int_equal(moon_intern_count(), 0);
}

/* ---- what a table cannot say ---- */

static void put_write_says_whether_it_went_in(void **state)
{
    (void)state;
    struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &kind});
    moon_store_bookmark(s, 5);
    assert_true(moon_store_put_write(s, make("a", "a", 6, 1, NULL, NULL)));
    assert_false(moon_store_put_write(s, make("a", "a", 6, 1, NULL, NULL)));
    assert_false(moon_store_put_write(s, make("b", "b", 5, 1, NULL, NULL)));
    assert_false(moon_store_put_write(s, make("c", "a", 5, 1, NULL, NULL)));
    assert_true(moon_store_put_outside(s, make("a", "a", 4, 1, NULL, NULL)));
    assert_false(moon_store_put_outside(s, make("d", "d", 9, 1, NULL, NULL)));
    moon_store_free(s);
}

static void it_is_synced_after_the_first_list(void **state)
{
    (void)state;
    struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &kind});
    assert_false(moon_store_is_synced(s));
    run(s, "[ i:a1");
    assert_false(moon_store_is_synced(s));
    run(s, "]:2");
    assert_true(moon_store_is_synced(s));
    run(s, "[");
    assert_true(moon_store_is_synced(s));
    moon_store_free(s);
}

static void objects_are_found_by_name_and_uid(void **state)
{
    (void)state;
    struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &kind});
    run(s, "e:a1=x e:b2=y");
    const struct moon_object *a = moon_store_get(s, "ns", "x");
    assert_string_equal(a->uid, "a");
    assert_ptr_equal(moon_store_get_uid(s, a->uid), a);
    assert_null(moon_store_get(s, "ns", "a"));
    assert_null(moon_store_get(s, "elsewhere", "x"));
    assert_null(moon_store_get(s, NULL, "x"));
    assert_null(moon_store_get_uid(s, NULL));
    assert_int_equal(moon_store_count(s), 2);
    moon_store_free(s);
}

static void equal_content_is_shared_in_place(void **state)
{
    (void)state;
    struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &kind});
    run(s, "e:a1~");
    const struct moon_object *held = moon_object_ref(moon_store_get(s, "ns", "a"));
    run(s, "e:a7~");
    assert_ptr_equal(moon_store_get(s, "ns", "a"), held);
    assert_int_equal(held->version, 7);
    moon_store_free(s);
    moon_object_unref(held);
}

/* ---- listeners ---- */

struct order_log {
    struct moon_store *store;
    struct moon_buf text;
    bool leave;
};

static void second_listener(const struct moon_change *change, void *ctx)
{
    struct order_log *log = ctx;
    (void)change;
    moon_buf_putc(&log->text, '2');
}

static void first_listener(const struct moon_change *change, void *ctx)
{
    struct order_log *log = ctx;
    /* the change has been made already */
    assert_ptr_equal(moon_store_get(log->store, "ns", "a"), change->new_object);
    moon_buf_putc(&log->text, '1');
    if (log->leave) {
        moon_store_unlisten(log->store, second_listener, log);
        moon_store_unlisten(log->store, first_listener, log);
    }
}

static void listeners_run_in_order_and_may_leave(void **state)
{
    (void)state;
    struct order_log log = {.text = MOON_BUF_INIT(100)};
    log.store = moon_store_new(&(struct moon_store_opts){.kind = &kind});
    moon_store_listen(log.store, first_listener, &log);
    moon_store_listen(log.store, second_listener, &log);
    run(log.store, "e:a1 e:a2");
    assert_string_equal(moon_buf_cstr(&log.text), "1212");
    log.leave = true;
    run(log.store, "d:a3 e:a4");
    assert_string_equal(moon_buf_cstr(&log.text), "12121");
    moon_store_free(log.store);
    moon_buf_fini(&log.text);
}

/* ---- indexes ---- */

static void labels_as_keys(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                           void *ctx)
{
    add(moon_labels_get(&object->labels, "a"), ctx);
    add(moon_labels_get(&object->labels, "b"), ctx);
}

static void uid_as_key(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                       void *ctx)
{
    add(object->uid, ctx);
}

static const struct moon_index_opts indexes[] = {
    {.name = "labels", .keys = labels_as_keys},
    {.name = "uid", .keys = uid_as_key},
};

static struct moon_store *new_indexed(void)
{
    return moon_store_new(
        &(struct moon_store_opts){.kind = &kind, .indexes = indexes, .index_count = 2});
}

static void check_index(const struct moon_store *s, size_t index, const char *key,
                        const char *wanted)
{
    struct moon_buf found = MOON_BUF_INIT(4096);
    size_t count = 99;
    moon_sym sym = moon_intern_find(moon_str(key));
    const struct moon_object *const *objects = moon_store_by_index(s, index, sym, &count);
    for (size_t i = 0; i < count; i++) {
        moon_buf_puts(&found, objects[i]->uid);
    }
    assert_string_equal(moon_buf_cstr(&found), wanted);
    moon_buf_fini(&found);
}

static void an_index_follows_its_objects(void **state)
{
    (void)state;
    struct moon_store *s = new_indexed();
    check_index(s, 0, "p", "");
    moon_store_put_event(s, make("a", "a", 1, 1, "p", NULL));
    moon_store_put_event(s, make("b", "b", 2, 2, "p", "q"));
    moon_store_put_event(s, make("c", "c", 3, 3, "q", "q")); /* twice the same key: once */
    moon_store_put_event(s, make("d", "d", 4, 4, NULL, NULL));
    check_index(s, 0, "p", "ab");
    check_index(s, 0, "q", "bc");
    check_index(s, 1, "d", "d");
    check_index(s, 1, "p", "");
    moon_store_put_event(s, make("a", "a", 5, 5, "q", NULL)); /* moves: now last */
    moon_store_put_event(s, make("b", "b", 6, 6, "q", "p"));  /* same keys: stays where it is */
    check_index(s, 0, "p", "b");
    check_index(s, 0, "q", "bca");
    delete_event(s, make("c", "c", 7, 7, NULL, NULL));
    check_index(s, 0, "q", "ba");
    moon_store_put_event(s, make("b", "b", 8, 8, NULL, NULL));
    check_index(s, 0, "p", "");
    check_index(s, 0, "q", "a");
    moon_store_free(s);
    assert_int_equal(moon_intern_count(), 0);
}

static void an_index_shows_the_present_object(void **state)
{
    (void)state;
    struct moon_store *s = new_indexed();
    size_t count = 0;
    moon_store_put_event(s, make("a", "a", 1, 1, "p", NULL));
    moon_store_put_event(s, make("a", "a", 2, 2, "p", NULL));
    const struct moon_object *const *found =
        moon_store_by_index(s, 0, moon_intern_find(MOON_STR_LIT("p")), &count);
    assert_int_equal(count, 1);
    assert_int_equal(found[0]->version, 2);
    moon_store_free(s);
}

/* Many objects under one key, leaving from everywhere: what stays stays in order. */
static void full_buckets_keep_their_order(void **state)
{
    (void)state;
    struct moon_store *s = new_indexed();
    char name[32];
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof(name), "o%05u", i);
        moon_store_put_event(s, make(name, name, i + 1, i, "p", NULL));
        if (i >= 100 && i % 3 != 0) {
            (void)snprintf(name, sizeof(name), "o%05u", i - 100);
            delete_event(s, make(name, name, i + 1, i, NULL, NULL));
        }
        if (i % 500 == 0) {
            size_t count;
            (void)moon_store_by_index(s, 0, moon_intern_find(MOON_STR_LIT("p")), &count);
            assert_int_equal(count, moon_store_count(s));
        }
    }
    size_t count;
    size_t pos = 0;
    const struct moon_object *const *found =
        moon_store_by_index(s, 0, moon_intern_find(MOON_STR_LIT("p")), &count);
    assert_int_equal(count, moon_store_count(s));
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(moon_store_next(s, &pos), found[i]);
        assert_true(i == 0 || strcmp(found[i - 1]->name, found[i]->name) < 0);
    }
    moon_store_free(s);
    assert_int_equal(moon_intern_count(), 0);
}

/* Of the version that is cached nothing new is heard, but for what nobody kept then. */
static void a_list_brings_what_is_kept_by_now(void **state)
{
    static const char text[] =
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"5\"},"
        "\"status\":{\"nodeInfo\":{\"kernelVersion\":\"6.1\"}}}";
    struct moon_store *s = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_node});
    struct moon_buf log = MOON_BUF_INIT(1024);
    struct moon_object *o;
    struct moon_err err;
    size_t number;
    (void)state;
    moon_store_listen(s, log_change, &log);
    for (int i = 0; i < 3; i++) {
        if (i == 1) {
            (void)moon_node_field_keep(MOON_STR_LIT("/status/nodeInfo/kernelVersion"), &number,
                                       &err);
        }
        assert_int_equal(moon_object_project(&moon_kind_node, MOON_STR_LIT(text), &o, &err), 0);
        moon_store_list_begin(s);
        moon_store_list_item(s, o);
        moon_store_list_end(s, 6);
    }
    assert_string_equal(moon_buf_cstr(&log), "+u5 u5>u5");
    const struct moon_node *node = moon_node(moon_store_get(s, NULL, "n"));
    assert_string_equal(node->fields[0].json, "\"6.1\"");
    moon_store_free(s);
    moon_buf_fini(&log);
    moon_node_field_reset();
    assert_int_equal(moon_intern_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_of_the_header),
        cmocka_unit_test(put_write_says_whether_it_went_in),
        cmocka_unit_test(it_is_synced_after_the_first_list),
        cmocka_unit_test(objects_are_found_by_name_and_uid),
        cmocka_unit_test(equal_content_is_shared_in_place),
        cmocka_unit_test(listeners_run_in_order_and_may_leave),
        cmocka_unit_test(an_index_follows_its_objects),
        cmocka_unit_test(an_index_shows_the_present_object),
        cmocka_unit_test(full_buckets_keep_their_order),
        cmocka_unit_test(a_list_brings_what_is_kept_by_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
