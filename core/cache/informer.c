/* SPDX-License-Identifier: Apache-2.0
 *
 * informer.c - from the texts of one watch to the objects of one store.
 */
#include "cache/informer.h"

#include "cache/outside.h"

enum {
    INFORMER_MAGIC = 0x696e666f
};

struct moon_informer {
    unsigned magic;
    struct moon_client *client;
    struct moon_informer_opts opts; /* the texts are ours */
    struct moon_store *store;
    struct moon_outside *outside;
    struct moon_watch *watch; /* NULL: not started */
    /* The list that is running had an item we could not even identify: it proves no absence. */
    bool list_is_doubtful;
};

/* ---- texts that give no object ---- */

/* What can be told of an object that cannot, or need not, be projected. */
struct glimpse {
    moon_sym uid; /* borrowed; NULL: nothing we hold has it */
    uint64_t version;
    bool has_identity; /* a uid could be read at all */
};

static struct glimpse glimpse(struct moon_str text)
{
    struct glimpse g = {0};
    struct moon_str uid = moon_object_head(text, "uid");
    g.has_identity = uid.len > 0;
    g.uid = g.has_identity ? moon_intern_find(uid) : NULL;
    (void)moon_parse_u64(moon_object_head(text, "resourceVersion"), &g.version);
    return g;
}

static void report(const struct moon_informer *i, const struct moon_err *err)
{
    if (i->opts.on_error != NULL) {
        i->opts.on_error(err, i->opts.ctx);
    }
}

/* Our projection of this object stays as it is, whatever a list would conclude. */
static void keep_listed(struct moon_informer *i, const struct glimpse *g)
{
    const struct moon_object *cached = moon_store_get_uid(i->store, g->uid);
    if (!g->has_identity) {
        i->list_is_doubtful = true;
    } else if (cached != NULL) {
        moon_store_list_item(i->store, moon_object_ref(cached));
    }
}

/* ---- events ---- */

static bool has_selector(const struct moon_informer *i)
{
    return i->opts.label_selector != NULL || i->opts.field_selector != NULL;
}

/* With a selector, DELETED may only mean that the object no longer matches. What really is deleted
 * has a deletionTimestamp, or was removed at once: then the GET finds nothing. */
static bool may_have_left_view(const struct moon_informer *i, bool is_deleted)
{
    return !is_deleted && has_selector(i);
}

static void left_view(struct moon_informer *i, moon_sym uid)
{
    const struct moon_object *cached = moon_store_get_uid(i->store, uid);
    if (cached != NULL) {
        moon_outside_keep(i->outside, cached);
    }
}

/* The kind does not want it (`err` NULL), or it cannot be projected. */
static void take_glimpse(struct moon_informer *i, enum moon_event event, struct moon_str text,
                         const struct moon_err *err)
{
    struct glimpse g = glimpse(text);
    if (err != NULL) {
        report(i, err);
    }
    if (event != MOON_EVENT_LISTED) {
        moon_store_bookmark(i->store, g.version);
    } else if (err != NULL) {
        keep_listed(i, &g);
    }
    if (err == NULL) {
        moon_store_forget(i->store, g.uid);
    }
}

static void take_object(struct moon_informer *i, enum moon_event event,
                        const struct moon_object *object)
{
    switch (event) {
    case MOON_EVENT_LISTED:
        moon_outside_drop(i->outside, object->uid);
        moon_store_list_item(i->store, object);
        break;
    case MOON_EVENT_ADDED:
    case MOON_EVENT_MODIFIED:
        moon_outside_drop(i->outside, object->uid);
        moon_store_put_event(i->store, object);
        break;
    case MOON_EVENT_DELETED: /* whoever has a name was told from the head */
        moon_object_unref(object);
        break;
    }
}

/* True when what the event tells is cached already: the answer to a write of ours was here first.
 * It is so with every second event while pods are created and deleted. */
static bool take_known(struct moon_informer *i, struct moon_str text)
{
    uint64_t version;
    const struct moon_object *cached = moon_store_known(i->store, text, &version);
    if (cached == NULL) {
        return false;
    }
    moon_outside_drop(i->outside, cached->uid);
    moon_store_bookmark(i->store, version);
    return true;
}

/* A deletion needs no more of the object than its head. False: that names nobody. */
static bool take_deleted(struct moon_informer *i, struct moon_str text)
{
    struct glimpse g = glimpse(text);
    if (!g.has_identity) {
        return false;
    }
    if (may_have_left_view(i, moon_object_head(text, "deletionTimestamp").len > 0)) {
        moon_store_bookmark(i->store, g.version);
        left_view(i, g.uid);
    } else {
        moon_store_delete_event(i->store, g.uid, g.version);
    }
    return true;
}

static bool take_head(struct moon_informer *i, enum moon_event event, struct moon_str text)
{
    switch (event) {
    case MOON_EVENT_ADDED:
    case MOON_EVENT_MODIFIED:
        return take_known(i, text);
    case MOON_EVENT_DELETED:
        return take_deleted(i, text);
    case MOON_EVENT_LISTED:
        break;
    }
    return false;
}

static void on_object(enum moon_event event, struct moon_str text, void *ctx)
{
    struct moon_informer *i = MOON_CAST(moon_informer, ctx, INFORMER_MAGIC);
    struct moon_object *object = NULL;
    struct moon_err err;
    if (take_head(i, event, text)) {
        return;
    }
    int rc = moon_object_project(i->opts.kind, text, &object, &err);
    if (object != NULL) {
        take_object(i, event, object);
    } else {
        take_glimpse(i, event, text, rc != 0 ? &err : NULL);
    }
}

/* ---- lists ---- */

static void on_list_begin(void *ctx)
{
    struct moon_informer *i = MOON_CAST(moon_informer, ctx, INFORMER_MAGIC);
    i->list_is_doubtful = false;
    moon_store_list_begin(i->store);
}

static void keep_everything(struct moon_informer *i)
{
    size_t pos = 0;
    const struct moon_object *object;
    while ((object = moon_store_next(i->store, &pos)) != NULL) {
        moon_store_list_item(i->store, moon_object_ref(object));
    }
}

/* A list with a selector misses what was deleted and what has left the view while nobody watched:
 * the same doubt as with a DELETED event. */
static void keep_missed(struct moon_informer *i, uint64_t version)
{
    const struct moon_object *object;
    size_t pos = 0;
    while ((object = moon_store_next_unlisted(i->store, version, &pos)) != NULL) {
        moon_outside_keep(i->outside, object);
    }
}

static void on_list_end(uint64_t version, void *ctx)
{
    struct moon_informer *i = MOON_CAST(moon_informer, ctx, INFORMER_MAGIC);
    bool is_first = !moon_store_is_synced(i->store);
    if (i->list_is_doubtful) {
        keep_everything(i);
    } else if (has_selector(i)) {
        keep_missed(i, version);
    }
    moon_outside_vouch(i->outside);
    moon_store_list_end(i->store, version);
    if (is_first && i->opts.on_synced != NULL) {
        i->opts.on_synced(i->opts.ctx);
    }
    if (i->opts.on_listed != NULL) {
        i->opts.on_listed(i->opts.ctx);
    }
}

static void on_bookmark(uint64_t version, void *ctx)
{
    struct moon_informer *i = MOON_CAST(moon_informer, ctx, INFORMER_MAGIC);
    moon_store_bookmark(i->store, version);
}

static void on_error(const struct moon_err *err, void *ctx)
{
    report(MOON_CAST(moon_informer, ctx, INFORMER_MAGIC), err);
}

static void on_confirmed(const struct moon_object *object, void *ctx)
{
    struct moon_informer *i = MOON_CAST(moon_informer, ctx, INFORMER_MAGIC);
    if (i->opts.on_left_view != NULL) {
        i->opts.on_left_view(object, i->opts.ctx);
    }
}

/* ---- life ---- */

static char *copy_selector(const char *selector)
{
    return selector != NULL && *selector != '\0' ? moon_strdup(selector) : NULL;
}

struct moon_informer *moon_informer_new(struct moon_client *client,
                                        const struct moon_informer_opts *opts)
{
    struct moon_informer *i = moon_new(struct moon_informer);
    i->magic = INFORMER_MAGIC;
    i->client = client;
    i->opts = *opts;
    i->opts.namespace = moon_strdup(opts->namespace);
    i->opts.label_selector = copy_selector(opts->label_selector);
    i->opts.field_selector = copy_selector(opts->field_selector);
    i->store = moon_store_new(&(struct moon_store_opts){
        .kind = opts->kind, .indexes = opts->indexes, .index_count = opts->index_count});
    i->outside = moon_outside_new(&(struct moon_outside_opts){.client = client,
                                                              .store = i->store,
                                                              .on_confirmed = on_confirmed,
                                                              .on_error = on_error,
                                                              .ctx = i});
    return i;
}

void moon_informer_start(struct moon_informer *i)
{
    moon_assert(i->watch == NULL);
    i->watch = moon_watch_new(i->client, &(struct moon_watch_opts){
                                             .resource = i->opts.kind->resource,
                                             .namespace = i->opts.namespace,
                                             .label_selector = i->opts.label_selector,
                                             .field_selector = i->opts.field_selector,
                                             .on_list_begin = on_list_begin,
                                             .on_object = on_object,
                                             .on_list_end = on_list_end,
                                             .on_bookmark = on_bookmark,
                                             .on_error = on_error,
                                             .ctx = i,
                                         });
}

void moon_informer_list_again(struct moon_informer *i)
{
    if (i->watch != NULL) {
        moon_watch_free(i->watch);
        i->watch = NULL;
        moon_informer_start(i);
    }
}

void moon_informer_free(struct moon_informer *i)
{
    if (i == NULL) {
        return;
    }
    moon_watch_free(i->watch);
    moon_outside_free(i->outside);
    moon_store_free(i->store);
    /* The copies are ours; only the options' type says const. */
    moon_free((char *)(uintptr_t)i->opts.namespace);
    moon_free((char *)(uintptr_t)i->opts.label_selector);
    moon_free((char *)(uintptr_t)i->opts.field_selector);
    i->magic = 0;
    moon_free(i);
}

struct moon_store *moon_informer_store(struct moon_informer *i)
{
    return i->store;
}

bool moon_informer_is_synced(const struct moon_informer *i)
{
    return moon_store_is_synced(i->store);
}

bool moon_informer_is_outside(const struct moon_informer *i, moon_sym uid)
{
    return moon_outside_has(i->outside, uid);
}

void moon_informer_release(struct moon_informer *i, moon_sym uid)
{
    if (!moon_outside_has(i->outside, uid)) {
        return;
    }
    moon_store_forget(i->store, uid);
}
