/* SPDX-License-Identifier: Apache-2.0
 *
 * outside.c - asking by name for objects that no watch follows.
 */
#include "cache/outside.h"

#include "base/list.h"
#include "base/random.h"
#include "cache/symset.h"
#include "io/loop.h"

enum {
    RECORD_MAGIC = 0x6f757473,
    LOOK_MS = 5 * 60 * 1000,
    /* One that is being deleted will be gone soon, and its node waits for that. */
    LOOK_TERMINATING_MS = 10 * 1000,
    RETRY_FIRST_MS = 1000,
    RETRY_MAX_MS = 60 * 1000,
};

#define LOOK_JITTER 0.1

struct record {
    unsigned magic;
    struct moon_list node;
    struct moon_outside *owner;
    moon_sym uid;
    moon_sym namespace;
    moon_sym name;
    bool is_confirmed;
    uint64_t retry_ms;
    struct moon_timer *timer;
    struct moon_client_call *call; /* NULL: the timer runs */
};

struct moon_outside {
    struct moon_outside_opts opts;
    struct moon_symset by_uid;
    struct moon_list records;
};

static struct moon_symkey record_key(const void *thing)
{
    const struct record *r = thing;
    return (struct moon_symkey){r->uid, NULL};
}

static struct record *find(const struct moon_outside *o, moon_sym uid)
{
    return moon_symset_get(&o->by_uid, (struct moon_symkey){uid, NULL});
}

static void free_record(struct record *r)
{
    moon_symset_remove(&r->owner->by_uid, r);
    moon_list_remove(&r->node);
    if (r->call != NULL) {
        moon_client_cancel(r->call);
    }
    moon_timer_free(r->timer);
    moon_sym_unref(r->uid);
    moon_sym_unref(r->namespace);
    moon_sym_unref(r->name);
    r->magic = 0;
    moon_free(r);
}

/* ---- what an answer means ---- */

static void look_again(struct record *r, uint64_t delay_ms)
{
    moon_timer_start(r->timer, moon_random_jitter(delay_ms, LOOK_JITTER));
}

static void report(struct record *r, struct moon_err *err)
{
    const struct moon_outside *o = r->owner;
    (void)moon_err_wrap(err, "ask for %s %s%s%s", moon_store_kind(o->opts.store)->resource->kind,
                        r->namespace != NULL ? r->namespace : "", r->namespace != NULL ? "/" : "",
                        r->name);
    if (o->opts.on_error != NULL) {
        o->opts.on_error(err, o->opts.ctx);
    }
}

static void retry(struct record *r, const struct moon_err *why)
{
    struct moon_err err = *why;
    look_again(r, err.retry_after_ms > r->retry_ms ? err.retry_after_ms : r->retry_ms);
    r->retry_ms = r->retry_ms * 2 < RETRY_MAX_MS ? r->retry_ms * 2 : RETRY_MAX_MS;
    report(r, &err);
}

/* Removing from the store wakes listeners, so the record goes first. */
static void settle(struct record *r, void (*remove)(struct moon_store *s, moon_sym uid))
{
    struct moon_store *store = r->owner->opts.store;
    moon_sym uid = moon_sym_ref(r->uid);
    free_record(r);
    remove(store, uid);
    moon_sym_unref(uid);
}

/* A proxy's "404 page not found" says nothing about the object. */
static bool says_not_found(const struct record *r, const struct moon_answer *answer)
{
    return answer->status == 404 && moon_streq(answer->reason, "NotFound") &&
           moon_streq(moon_json_string(answer->details, "name"), r->name);
}

static void confirm(struct record *r, const struct moon_object *take_object)
{
    const struct moon_outside *o = r->owner;
    bool is_first = !r->is_confirmed;
    r->is_confirmed = true;
    r->retry_ms = RETRY_FIRST_MS;
    look_again(r, take_object->deleted_s != 0 ? LOOK_TERMINATING_MS : LOOK_MS);
    bool is_cached = moon_store_put_outside(o->opts.store, take_object);
    moon_assert(is_cached); /* else on_change had freed the record */
    if (is_first && o->opts.on_confirmed != NULL) {
        o->opts.on_confirmed(moon_store_get_uid(o->opts.store, r->uid), o->opts.ctx);
    }
}

/* The object of a 2xx answer; NULL in *ret when it belongs to another kind of owner now. */
static int read_answer(const struct record *r, struct moon_str body, struct moon_object **ret,
                       struct moon_err *err)
{
    struct moon_object *object = NULL;
    int rc = moon_object_project(moon_store_kind(r->owner->opts.store), body, &object, err);
    if (rc == 0 && object != NULL &&
        (object->name != r->name || object->namespace != r->namespace)) {
        moon_object_unref(object);
        return moon_err_set(err, MOON_E_SERVER, "the answer is about another object");
    }
    *ret = object;
    return rc;
}

static void on_answer(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct record *r = MOON_CAST(record, ctx, RECORD_MAGIC);
    struct moon_object *object = NULL;
    struct moon_err own;
    r->call = NULL;
    if (err != NULL && says_not_found(r, answer)) {
        settle(r, moon_store_mark_gone);
    } else if (err != NULL) {
        retry(r, err);
    } else if (read_answer(r, answer->body, &object, &own) != 0) {
        retry(r, &own);
    } else if (object == NULL) {
        settle(r, moon_store_forget);
    } else if (object->uid != r->uid) {
        moon_object_unref(object);
        settle(r, moon_store_mark_gone);
    } else {
        confirm(r, object);
    }
}

static void ask(void *ctx)
{
    struct record *r = MOON_CAST(record, ctx, RECORD_MAGIC);
    const struct moon_outside_opts *opts = &r->owner->opts;
    if (r->call != NULL) {
        return;
    }
    moon_timer_stop(r->timer);
    r->call = moon_client_send(opts->client, &(struct moon_request){
                                                 .verb = MOON_VERB_GET,
                                                 .resource = moon_store_kind(opts->store)->resource,
                                                 .namespace = r->namespace,
                                                 .name = r->name,
                                                 .on_done = on_answer,
                                                 .ctx = r,
                                             });
}

/* ---- keeping ---- */

/* Whoever removes an object from the store ends our interest in it. */
static void on_change(const struct moon_change *change, void *ctx)
{
    struct moon_outside *o = ctx;
    if (change->new_object == NULL) {
        moon_outside_drop(o, change->old_object->uid);
    }
}

struct moon_outside *moon_outside_new(const struct moon_outside_opts *opts)
{
    struct moon_outside *o = moon_new(struct moon_outside);
    o->opts = *opts;
    o->by_uid.key = record_key;
    moon_list_init(&o->records);
    moon_store_listen(o->opts.store, on_change, o);
    return o;
}

void moon_outside_free(struct moon_outside *o)
{
    if (o == NULL) {
        return;
    }
    moon_store_unlisten(o->opts.store, on_change, o);
    moon_list_foreach (node, &o->records) {
        free_record(moon_container_of(node, struct record, node));
    }
    moon_free(o);
}

void moon_outside_keep(struct moon_outside *o, const struct moon_object *object)
{
    struct record *r = find(o, object->uid);
    if (r == NULL) {
        r = moon_new(struct record);
        r->magic = RECORD_MAGIC;
        r->owner = o;
        r->uid = moon_sym_ref(object->uid);
        r->namespace = moon_sym_ref(object->namespace);
        r->name = moon_sym_ref(object->name);
        r->retry_ms = RETRY_FIRST_MS;
        r->timer = moon_timer_new(moon_client_loop(o->opts.client), ask, r);
        moon_list_append(&o->records, &r->node);
        moon_symset_add(&o->by_uid, r);
    }
    ask(r);
}

void moon_outside_drop(struct moon_outside *o, moon_sym uid)
{
    struct record *r = find(o, uid);
    if (r != NULL) {
        free_record(r);
    }
}

bool moon_outside_has(const struct moon_outside *o, moon_sym uid)
{
    return find(o, uid) != NULL;
}

void moon_outside_vouch(struct moon_outside *o)
{
    moon_list_foreach (node, &o->records) {
        struct record *r = moon_container_of(node, struct record, node);
        const struct moon_object *object = moon_store_get_uid(o->opts.store, r->uid);
        moon_assert(object != NULL); /* on_change sees to it */
        moon_store_list_item(o->opts.store, moon_object_ref(object));
        ask(r);
    }
}
