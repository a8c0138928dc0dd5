/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - the rules of store.h, over entries that are found by uid, by name and by index.
 */
#include "cache/store.h"

#include "base/list.h"
#include "cache/index.h"

/* One cached object. Its address is stable; `order` is its place in the order of insertion. */
struct entry {
    const struct moon_object *object;
    struct moon_links links;
    size_t order;
    uint64_t list; /* number of the last list that had it */
};

/* A uid the server says is gone, whose older events may still be on their way. */
struct gone {
    struct moon_list node;
    moon_sym uid;
    uint64_t version; /* the last one known */
    uint64_t list;
};

struct listener {
    void (*fn)(const struct moon_change *change, void *ctx); /* NULL: removed */
    void *ctx;
};

struct moon_store {
    const struct moon_kind *kind;
    struct moon_index indexes[MOON_STORE_MAX_INDEXES];
    size_t index_count;

    struct moon_symset by_uid;
    struct moon_symset by_name;
    struct entry **order; /* NULL: a gap */
    size_t order_used;
    size_t order_capacity;

    struct moon_symset gone_by_uid;
    struct moon_list gone;

    struct listener *listeners;
    size_t listener_count;
    unsigned notifying; /* depth: a listener must not write */

    uint64_t position;
    uint64_t list; /* number of the last list begun */
    bool is_listing;
    bool is_synced;
};

static struct moon_symkey uid_key(const void *thing)
{
    const struct entry *e = thing;
    return (struct moon_symkey){e->object->uid, NULL};
}

static struct moon_symkey name_key(const void *thing)
{
    const struct entry *e = thing;
    return (struct moon_symkey){e->object->name, e->object->namespace};
}

static struct moon_symkey gone_key(const void *thing)
{
    const struct gone *g = thing;
    return (struct moon_symkey){g->uid, NULL};
}

/* ---- life ---- */

struct moon_store *moon_store_new(const struct moon_store_opts *opts)
{
    moon_assert(opts->index_count <= MOON_STORE_MAX_INDEXES);
    struct moon_store *s = moon_new(struct moon_store);
    s->kind = opts->kind;
    s->index_count = opts->index_count;
    for (size_t i = 0; i < s->index_count; i++) {
        moon_index_init(&s->indexes[i], &opts->indexes[i]);
    }
    s->by_uid.key = uid_key;
    s->by_name.key = name_key;
    s->gone_by_uid.key = gone_key;
    moon_list_init(&s->gone);
    return s;
}

static void free_entry(struct moon_store *s, struct entry *e)
{
    moon_index_update(s->indexes, s->index_count, &e->links, NULL);
    moon_object_unref(e->object);
    moon_free(e);
}

static void forget_gone(struct moon_store *s, struct gone *g)
{
    moon_symset_remove(&s->gone_by_uid, g);
    moon_list_remove(&g->node);
    moon_sym_unref(g->uid);
    moon_free(g);
}

void moon_store_free(struct moon_store *s)
{
    if (s == NULL) {
        return;
    }
    moon_assert(s->notifying == 0);
    moon_symset_fini(&s->by_uid);
    moon_symset_fini(&s->by_name);
    for (size_t i = 0; i < s->order_used; i++) {
        if (s->order[i] != NULL) {
            free_entry(s, s->order[i]);
        }
    }
    for (size_t i = 0; i < s->index_count; i++) {
        moon_index_fini(&s->indexes[i]);
    }
    moon_list_foreach (node, &s->gone) {
        forget_gone(s, moon_container_of(node, struct gone, node));
    }
    moon_symset_fini(&s->gone_by_uid);
    moon_free(s->order);
    moon_free(s->listeners);
    moon_free(s);
}

const struct moon_kind *moon_store_kind(const struct moon_store *s)
{
    return s->kind;
}

/* ---- listeners ---- */

void moon_store_listen(struct moon_store *s,
                       void (*fn)(const struct moon_change *change, void *ctx), void *ctx)
{
    moon_assert(s->notifying == 0);
    s->listeners = moon_realloc_array(s->listeners, s->listener_count + 1, sizeof(*s->listeners));
    s->listeners[s->listener_count++] = (struct listener){fn, ctx};
}

static void drop_removed_listeners(struct moon_store *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].fn != NULL) {
            s->listeners[kept++] = s->listeners[i];
        }
    }
    s->listener_count = kept;
}

void moon_store_unlisten(struct moon_store *s,
                         void (*fn)(const struct moon_change *change, void *ctx), void *ctx)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].fn == fn && s->listeners[i].ctx == ctx) {
            s->listeners[i].fn = NULL;
            break;
        }
    }
    if (s->notifying == 0) {
        drop_removed_listeners(s);
    }
}

static void notify(struct moon_store *s, const struct moon_object *old_object,
                   const struct moon_object *new_object, bool final)
{
    struct moon_change change = {old_object, new_object, final};
    s->notifying++;
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].fn != NULL) {
            s->listeners[i].fn(&change, s->listeners[i].ctx);
        }
    }
    s->notifying--;
    drop_removed_listeners(s);
}

/* ---- reading ---- */

static struct entry *find_uid(const struct moon_store *s, moon_sym uid)
{
    return moon_symset_get(&s->by_uid, (struct moon_symkey){uid, NULL});
}

static struct entry *find_name(const struct moon_store *s, moon_sym namespace, moon_sym name)
{
    return moon_symset_get(&s->by_name, (struct moon_symkey){name, namespace});
}

size_t moon_store_count(const struct moon_store *s)
{
    return s->by_uid.count;
}

const struct moon_object *moon_store_get(const struct moon_store *s, const char *namespace,
                                         const char *name)
{
    moon_sym namespace_sym = namespace != NULL ? moon_intern_find(moon_str(namespace)) : NULL;
    moon_sym name_sym = moon_intern_find(moon_str(name));
    if (name_sym == NULL || (namespace != NULL && namespace_sym == NULL)) {
        return NULL;
    }
    const struct entry *e = find_name(s, namespace_sym, name_sym);
    return e != NULL ? e->object : NULL;
}

const struct moon_object *moon_store_get_uid(const struct moon_store *s, moon_sym uid)
{
    const struct entry *e = find_uid(s, uid);
    return e != NULL ? e->object : NULL;
}

const struct moon_object *moon_store_next(const struct moon_store *s, size_t *pos)
{
    while (*pos < s->order_used) {
        const struct entry *e = s->order[(*pos)++];
        if (e != NULL) {
            return e->object;
        }
    }
    return NULL;
}

const struct moon_object *const *moon_store_by_index(const struct moon_store *s, size_t index,
                                                     moon_sym key, size_t *ret_count)
{
    moon_assert(index < s->index_count);
    return moon_index_get(&s->indexes[index], key, ret_count);
}

uint64_t moon_store_position(const struct moon_store *s)
{
    return s->position;
}

bool moon_store_is_synced(const struct moon_store *s)
{
    return s->is_synced;
}

const struct moon_object *moon_store_known(const struct moon_store *s, struct moon_str text,
                                           uint64_t *ret_version)
{
    moon_sym uid = moon_intern_find(moon_object_head(text, "uid"));
    const struct entry *e = uid != NULL ? find_uid(s, uid) : NULL;
    bool is_known = e != NULL &&
                    moon_parse_u64(moon_object_head(text, "resourceVersion"), ret_version) &&
                    *ret_version <= e->object->version;
    return is_known ? e->object : NULL;
}

/* ---- the order of insertion ---- */

static void squeeze_order(struct moon_store *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->order_used; i++) {
        struct entry *e = s->order[i];
        if (e != NULL) {
            e->order = kept;
            s->order[kept++] = e;
        }
    }
    s->order_used = kept;
}

/* Squeezing only when at least half are gaps keeps the cost per object constant. */
static void append_order(struct moon_store *s, struct entry *e)
{
    if (s->order_used == s->order_capacity) {
        if (s->order_used > 0 && s->by_uid.count <= s->order_used / 2) {
            squeeze_order(s);
        } else {
            s->order_capacity = s->order_capacity > 0 ? s->order_capacity * 2 : 16;
            s->order = moon_realloc_array(s->order, s->order_capacity, sizeof(struct entry *));
        }
    }
    e->order = s->order_used;
    s->order[s->order_used++] = e;
}

/* ---- changing: every change goes through insert, replace or drop ---- */

static void drop(struct moon_store *s, struct entry *e, bool final)
{
    moon_assert(s->notifying == 0);
    const struct moon_object *object = moon_object_ref(e->object);
    moon_symset_remove(&s->by_uid, e);
    moon_symset_remove(&s->by_name, e);
    s->order[e->order] = NULL;
    free_entry(s, e);
    notify(s, object, NULL, final);
    moon_object_unref(object);
}

static struct entry *insert(struct moon_store *s, const struct moon_object *take_object)
{
    moon_assert(s->notifying == 0);
    struct entry *e = moon_new(struct entry);
    e->object = take_object;
    append_order(s, e);
    moon_symset_add(&s->by_uid, e);
    moon_symset_add(&s->by_name, e);
    moon_index_update(s->indexes, s->index_count, &e->links, e->object);
    notify(s, NULL, e->object, false);
    return e;
}

static struct entry *replace(struct moon_store *s, struct entry *e,
                             const struct moon_object *take_object)
{
    moon_assert(s->notifying == 0);
    const struct moon_object *old = e->object;
    if (s->kind->same != NULL && s->kind->same(old, take_object)) {
        moon_object_advance(old, take_object->version);
        moon_object_unref(take_object);
        return e;
    }
    /* Same uid and name, so the entry keeps its places. */
    e->object = take_object;
    moon_index_update(s->indexes, s->index_count, &e->links, e->object);
    notify(s, old, e->object, false);
    moon_object_unref(old);
    return e;
}

/* Put an object that is newer than what is cached under its uid (`e`, NULL = nothing). NULL when
 * its name already belongs to something newer: then the object is history. */
static struct entry *enter(struct moon_store *s, struct entry *e,
                           const struct moon_object *take_object)
{
    struct entry *namesake = find_name(s, take_object->namespace, take_object->name);
    if (namesake != NULL && namesake == e) {
        return replace(s, e, take_object);
    }
    if (namesake != NULL && namesake->object->version > take_object->version) {
        moon_object_unref(take_object);
        return NULL;
    }
    if (namesake != NULL) {
        drop(s, namesake, false);
    }
    if (e != NULL) {
        drop(s, e, false); /* no server renames objects, but a file may */
    }
    return insert(s, take_object);
}

static void raise_position(struct moon_store *s, uint64_t version)
{
    if (version > s->position) {
        s->position = version;
    }
}

static struct gone *find_gone(const struct moon_store *s, moon_sym uid)
{
    return moon_symset_get(&s->gone_by_uid, (struct moon_symkey){uid, NULL});
}

/* ---- writing ---- */

void moon_store_put_event(struct moon_store *s, const struct moon_object *take_object)
{
    moon_assert(take_object->kind == s->kind);
    struct entry *e = find_uid(s, take_object->uid);
    raise_position(s, take_object->version);
    if (find_gone(s, take_object->uid) != NULL ||
        (e != NULL && take_object->version <= e->object->version)) {
        moon_object_unref(take_object);
        return;
    }
    (void)enter(s, e, take_object);
}

void moon_store_delete_event(struct moon_store *s, moon_sym uid, uint64_t version)
{
    struct entry *e = uid != NULL ? find_uid(s, uid) : NULL;
    struct gone *g = uid != NULL ? find_gone(s, uid) : NULL;
    raise_position(s, version);
    if (g != NULL) {
        forget_gone(s, g);
    }
    if (e != NULL) {
        drop(s, e, true);
    }
}

void moon_store_bookmark(struct moon_store *s, uint64_t version)
{
    raise_position(s, version);
}

bool moon_store_put_write(struct moon_store *s, const struct moon_object *take_object)
{
    moon_assert(take_object->kind == s->kind);
    struct entry *e = find_uid(s, take_object->uid);
    if (take_object->version <= s->position || find_gone(s, take_object->uid) != NULL ||
        (e != NULL && take_object->version <= e->object->version)) {
        moon_object_unref(take_object);
        return false;
    }
    return enter(s, e, take_object) != NULL;
}

bool moon_store_put_outside(struct moon_store *s, const struct moon_object *take_object)
{
    moon_assert(take_object->kind == s->kind);
    struct entry *e = find_uid(s, take_object->uid);
    if (e == NULL || take_object->version <= e->object->version) {
        moon_object_unref(take_object);
        return e != NULL;
    }
    return enter(s, e, take_object) != NULL;
}

void moon_store_mark_gone(struct moon_store *s, moon_sym uid)
{
    struct entry *e = find_uid(s, uid);
    if (e == NULL) {
        return;
    }
    struct gone *g = moon_new(struct gone);
    g->uid = moon_sym_ref(uid);
    g->version = e->object->version;
    g->list = e->list;
    moon_list_append(&s->gone, &g->node);
    moon_symset_add(&s->gone_by_uid, g);
    drop(s, e, true);
}

void moon_store_forget(struct moon_store *s, moon_sym uid)
{
    struct entry *e = find_uid(s, uid);
    if (e != NULL) {
        drop(s, e, false);
    }
}

void moon_store_list_begin(struct moon_store *s)
{
    s->is_listing = true;
    s->list++;
}

/* The same version, of which we keep something else by now. */
static bool is_projected_anew(const struct moon_store *s, const struct moon_object *cached,
                              const struct moon_object *object)
{
    return s->kind->reads_now != NULL && object->version == cached->version &&
           !s->kind->same(cached, object);
}

void moon_store_list_item(struct moon_store *s, const struct moon_object *take_object)
{
    moon_assert(s->is_listing && take_object->kind == s->kind);
    struct entry *e = find_uid(s, take_object->uid);
    struct gone *g = find_gone(s, take_object->uid);
    if (g != NULL) {
        /* The list is older than the deletion, so the DELETED event is still to come. */
        g->list = s->list;
        moon_object_unref(take_object);
        return;
    }
    if (e != NULL && take_object->version <= e->object->version &&
        !is_projected_anew(s, e->object, take_object)) {
        moon_object_unref(take_object);
    } else {
        e = enter(s, e, take_object);
    }
    if (e != NULL) {
        e->list = s->list;
    }
}

static bool is_missed(const struct moon_store *s, const struct entry *e, uint64_t version)
{
    return e != NULL && e->list != s->list && e->object->version <= version;
}

const struct moon_object *moon_store_next_unlisted(const struct moon_store *s, uint64_t version,
                                                   size_t *pos)
{
    moon_assert(s->is_listing);
    while (*pos < s->order_used) {
        const struct entry *e = s->order[(*pos)++];
        if (is_missed(s, e, version)) {
            return e->object;
        }
    }
    return NULL;
}

void moon_store_list_end(struct moon_store *s, uint64_t version)
{
    moon_assert(s->is_listing);
    for (size_t i = 0; i < s->order_used; i++) {
        if (is_missed(s, s->order[i], version)) {
            drop(s, s->order[i], false);
        }
    }
    moon_list_foreach (node, &s->gone) {
        struct gone *g = moon_container_of(node, struct gone, node);
        if (g->list != s->list && g->version <= version) {
            forget_gone(s, g);
        }
    }
    squeeze_order(s);
    raise_position(s, version);
    s->is_listing = false;
    s->is_synced = true;
}
