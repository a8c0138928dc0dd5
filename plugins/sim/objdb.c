/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/objdb.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "sim/kinds.h"

enum {
    OBJECT_MAX_BYTES = 16 << 20,
    KEY_MAX = 640,
    DEFAULT_HISTORY_BYTES = 64 << 20
};

/* New objects go to the end of the row and removed ones leave a hole; it is put in order when
 * somebody lists. So a write costs the same whatever the row's length. */
struct store {
    struct moon_map *by_key; /* "namespace/name" → struct moon_sim_obj */
    struct moon_sim_obj **row;
    size_t used;   /* slots, holes included */
    size_t sorted; /* of these, how many at the beginning are in order */
    size_t holes;
    size_t capacity;
    struct moon_sim_event *ring; /* capacity: db->history */
    size_t first;
    size_t events;
    size_t bytes;       /* of the objects in these events */
    uint64_t forgotten; /* version of the newest event that is no longer there */
    uint64_t version;
};

struct moon_sim_objdb {
    struct store **stores; /* each stays where it is */
    size_t kinds;
    size_t history;
    size_t history_bytes;
    uint64_t version;
    struct moon_map *by_uid;     /* uid → struct moon_sim_obj, borrowed from the store */
    struct moon_map *dependents; /* owner's uid → struct moon_map: set of uids */
    void (*on_event)(const struct moon_sim_event *event, void *ctx);
    void *ctx;
};

/* ---- objects ---- */

struct moon_sim_obj *moon_sim_obj_ref(struct moon_sim_obj *obj)
{
    obj->refs++;
    return obj;
}

void moon_sim_obj_unref(struct moon_sim_obj *obj)
{
    if (obj == NULL || --obj->refs > 0) {
        return;
    }
    moon_sym_unref(obj->ns);
    moon_sym_unref(obj->name);
    moon_sym_unref(obj->uid);
    moon_sym_unref(obj->node_name);
    moon_sym_unref(obj->phase);
    for (size_t i = 0; i < obj->label_count; i++) {
        moon_sym_unref(obj->labels[i].key);
        moon_sym_unref(obj->labels[i].value);
    }
    for (size_t i = 0; i < obj->owner_count; i++) {
        moon_sym_unref(obj->owners[i]);
    }
    moon_free(obj->labels);
    moon_free(obj->owners);
    char *text = (char *)(uintptr_t)obj->text.ptr;
    moon_free(text);
    moon_free(obj);
}

static void read_labels(struct moon_sim_obj *obj, const cJSON *labels)
{
    const cJSON *label = NULL;
    int count = cJSON_GetArraySize(labels);
    if (count == 0) {
        return;
    }
    obj->labels = moon_new_array(struct moon_sim_label, (size_t)count);
    cJSON_ArrayForEach (label, labels) {
        struct moon_sim_label *slot = &obj->labels[obj->label_count++];
        slot->key = moon_intern_cstr(label->string);
        slot->value = moon_intern_cstr(cJSON_IsString(label) ? label->valuestring : "");
    }
}

static void read_owners(struct moon_sim_obj *obj, const cJSON *references)
{
    const cJSON *reference = NULL;
    int count = cJSON_GetArraySize(references);
    if (count == 0) {
        return;
    }
    obj->owners = moon_new_array(moon_sym, (size_t)count);
    cJSON_ArrayForEach (reference, references) {
        obj->owners[obj->owner_count++] = moon_intern_cstr(moon_sim_text(reference, "uid"));
    }
}

static moon_sym intern_member(const cJSON *tree, const char *path)
{
    return moon_intern_cstr(cJSON_GetStringValue(moon_sim_get(tree, path)));
}

/* Behind the uid, and only there. */
void moon_sim_set_version(cJSON *tree, uint64_t version)
{
    char text[24];
    int at = 0;
    const cJSON *member = NULL;
    cJSON *metadata = moon_sim_ensure(tree, "metadata");
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
    if (moon_sim_member(metadata, "resourceVersion") != NULL) {
        moon_sim_set_text(metadata, "resourceVersion", text);
        return;
    }
    cJSON_ArrayForEach (member, metadata) {
        at++;
        if (moon_streq(member->string, "uid")) {
            break;
        }
    }
    moon_sim_set_text(metadata, "resourceVersion", text);
    cJSON *detached = cJSON_DetachItemFromObjectCaseSensitive(metadata, "resourceVersion");
    moon_sim_insert(metadata, at, detached);
}

static struct moon_sim_obj *obj_new(const struct moon_sim_kind *kind, cJSON *tree, uint64_t version)
{
    struct moon_sim_obj *obj = moon_new(struct moon_sim_obj);
    moon_sim_set_version(tree, version);
    const cJSON *metadata = moon_sim_member(tree, "metadata");
    obj->refs = 1;
    obj->kind = kind;
    obj->version = version;
    obj->ns = moon_intern_cstr(moon_sim_text(metadata, "namespace"));
    obj->name = intern_member(metadata, "name");
    obj->uid = intern_member(metadata, "uid");
    obj->node_name = intern_member(tree, "spec.nodeName");
    obj->phase = intern_member(tree, "status.phase");
    obj->is_deleting = moon_sim_member(metadata, "deletionTimestamp") != NULL;
    read_labels(obj, moon_sim_member(metadata, "labels"));
    read_owners(obj, moon_sim_member(metadata, "ownerReferences"));
    struct moon_buf text = MOON_BUF_INIT(OBJECT_MAX_BYTES);
    moon_sim_tree_print(tree, &text);
    moon_assert(!text.overflow); /* bodies are capped far below */
    size_t len = 0;
    obj->text.ptr = moon_buf_take(&text, &len);
    obj->text.len = len;
    return obj;
}

cJSON *moon_sim_obj_tree(const struct moon_sim_obj *obj)
{
    struct moon_err err;
    cJSON *tree = moon_sim_tree_parse(obj->text, &err);
    moon_assert(tree != NULL); /* we printed it */
    return tree;
}

const char *moon_sim_obj_label(const struct moon_sim_obj *obj, const char *key)
{
    for (size_t i = 0; i < obj->label_count; i++) {
        if (moon_streq(obj->labels[i].key, key)) {
            return obj->labels[i].value;
        }
    }
    return NULL;
}

/* ---- life ---- */

static void free_set(void *set)
{
    moon_map_free(set);
}

struct moon_sim_objdb *moon_sim_objdb_new(const struct moon_sim_objdb_opts *opts)
{
    struct moon_sim_objdb *db = moon_new(struct moon_sim_objdb);
    moon_assert(opts->history > 0);
    db->history = opts->history;
    db->history_bytes = opts->history_bytes != 0 ? opts->history_bytes : DEFAULT_HISTORY_BYTES;
    db->on_event = opts->on_event;
    db->ctx = opts->ctx;
    moon_sim_objdb_reserve(db, opts->kinds);
    db->by_uid = moon_map_new(NULL);
    db->dependents = moon_map_new(free_set);
    return db;
}

void moon_sim_objdb_reserve(struct moon_sim_objdb *db, size_t kinds)
{
    if (kinds <= db->kinds) {
        return;
    }
    db->stores = moon_realloc_array(db->stores, kinds, sizeof(*db->stores));
    for (; db->kinds < kinds; db->kinds++) {
        struct store *store = moon_new(struct store);
        store->by_key = moon_map_new(NULL);
        db->stores[db->kinds] = store;
    }
}

static void event_clear(struct moon_sim_event *event)
{
    moon_sim_obj_unref(event->obj);
    moon_sim_obj_unref(event->before);
    *event = (struct moon_sim_event){0};
}

static void forget_history(struct moon_sim_objdb *db, struct store *store)
{
    for (size_t i = 0; i < store->events; i++) {
        event_clear(&store->ring[(store->first + i) % db->history]);
    }
    store->events = 0;
    store->bytes = 0;
}

void moon_sim_objdb_free(struct moon_sim_objdb *db)
{
    if (db == NULL) {
        return;
    }
    for (size_t k = 0; k < db->kinds; k++) {
        struct store *store = db->stores[k];
        forget_history(db, store);
        for (size_t i = 0; i < store->used; i++) {
            moon_sim_obj_unref(store->row[i]);
        }
        moon_map_free(store->by_key);
        moon_free(store->row);
        moon_free(store->ring);
        moon_free(store);
    }
    moon_map_free(db->by_uid);
    moon_map_free(db->dependents);
    moon_free(db->stores);
    moon_free(db);
}

/* ---- looking ---- */

static struct store *store_of(const struct moon_sim_objdb *db, const struct moon_sim_kind *kind)
{
    moon_assert(kind->index < db->kinds);
    return db->stores[kind->index];
}

uint64_t moon_sim_objdb_version(const struct moon_sim_objdb *db)
{
    return db->version;
}

uint64_t moon_sim_objdb_kind_version(const struct moon_sim_objdb *db,
                                     const struct moon_sim_kind *kind)
{
    return store_of(db, kind)->version;
}

static int compare(const struct moon_sim_obj *obj, const char *ns, const char *name)
{
    int order = strcmp(obj->ns, ns);
    return order != 0 ? order : strcmp(obj->name, name);
}

size_t moon_sim_objdb_seek(struct moon_sim_obj *const *range, size_t count, const char *ns,
                           const char *name)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (compare(range[middle], ns, name) < 0) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

/* False when it is longer than any key can be. */
static bool make_key(const char *ns, const char *name, char out[KEY_MAX], struct moon_str *ret)
{
    int len = snprintf(out, KEY_MAX, "%s/%s", ns, name);
    *ret = (struct moon_str){out, (size_t)len};
    return len >= 0 && len < KEY_MAX;
}

struct moon_sim_obj *moon_sim_objdb_get(const struct moon_sim_objdb *db,
                                        const struct moon_sim_kind *kind, const char *ns,
                                        const char *name)
{
    char text[KEY_MAX];
    struct moon_str key;
    return make_key(ns, name, text, &key) ? moon_map_get(store_of(db, kind)->by_key, key) : NULL;
}

struct moon_sim_obj *moon_sim_objdb_by_uid(const struct moon_sim_objdb *db, const char *uid)
{
    return moon_map_get(db->by_uid, moon_str(uid));
}

/* ---- order ---- */

static int compare_objs(const void *a, const void *b)
{
    const struct moon_sim_obj *const *x = a;
    const struct moon_sim_obj *const *y = b;
    return compare(*x, (*y)->ns, (*y)->name);
}

/* Close the holes between two slots; returns how many objects there are. */
static size_t squeeze(struct moon_sim_obj **row, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (row[i] != NULL) {
            row[n++] = row[i];
        }
    }
    return n;
}

/* Put the row in order: sort what is new and merge it with what was sorted. */
static void settle(struct store *store)
{
    if (store->holes == 0 && store->sorted == store->used) {
        return;
    }
    size_t old_count = squeeze(store->row, store->sorted);
    struct moon_sim_obj **fresh = store->row + store->sorted;
    size_t fresh_count = squeeze(fresh, store->used - store->sorted);
    qsort(fresh, fresh_count, sizeof(struct moon_sim_obj *), compare_objs);
    struct moon_sim_obj **merged =
        moon_new_array(struct moon_sim_obj *, old_count + fresh_count + 1);
    size_t i = 0;
    size_t j = 0;
    for (size_t n = 0; n < old_count + fresh_count; n++) {
        bool take_old =
            j >= fresh_count || (i < old_count && compare_objs(&store->row[i], &fresh[j]) < 0);
        merged[n] = take_old ? store->row[i++] : fresh[j++];
        merged[n]->slot = n;
    }
    moon_free(store->row);
    store->row = merged;
    store->used = old_count + fresh_count;
    store->capacity = store->used + 1;
    store->sorted = store->used;
    store->holes = 0;
}

struct moon_sim_obj *const *moon_sim_objdb_range(const struct moon_sim_objdb *db,
                                                 const struct moon_sim_kind *kind, const char *ns,
                                                 size_t *ret_count)
{
    struct store *store = store_of(db, kind);
    settle(store);
    size_t first = 0;
    size_t end = store->used;
    if (ns != NULL && end > 0) {
        char after[KEY_MAX];
        (void)snprintf(after, sizeof(after), "%s%c", ns, 1); /* the next possible namespace */
        first = moon_sim_objdb_seek(store->row, end, ns, "");
        end = moon_sim_objdb_seek(store->row, end, after, "");
    }
    *ret_count = end - first;
    return store->row != NULL ? store->row + first : NULL;
}

size_t moon_sim_objdb_total(const struct moon_sim_objdb *db)
{
    return moon_map_count(db->by_uid);
}

size_t moon_sim_objdb_count(const struct moon_sim_objdb *db, const struct moon_sim_kind *kind)
{
    return moon_map_count(store_of(db, kind)->by_key);
}

void moon_sim_objdb_dependents(const struct moon_sim_objdb *db, const char *uid,
                               void (*fn)(struct moon_sim_obj *obj, void *ctx), void *ctx)
{
    const struct moon_map *set = moon_map_get(db->dependents, moon_str(uid));
    size_t pos = 0;
    struct moon_str dependent;
    while (set != NULL && moon_map_next(set, &pos, &dependent, NULL)) {
        struct moon_sim_obj *obj = moon_map_get(db->by_uid, dependent);
        moon_assert(obj != NULL);
        fn(obj, ctx);
    }
}

/* ---- indexes ---- */

static void index_owner(struct moon_sim_objdb *db, const char *owner, const char *uid)
{
    struct moon_map *set = moon_map_get(db->dependents, moon_str(owner));
    if (set == NULL) {
        set = moon_map_new(NULL);
        moon_map_set(db->dependents, moon_str(owner), set);
    }
    moon_map_set(set, moon_str(uid), NULL);
}

static void unindex_owner(struct moon_sim_objdb *db, const char *owner, const char *uid)
{
    struct moon_map *set = moon_map_get(db->dependents, moon_str(owner));
    if (set != NULL && moon_map_remove(set, moon_str(uid)) && moon_map_count(set) == 0) {
        (void)moon_map_remove(db->dependents, moon_str(owner));
    }
}

static bool owners_equal(const struct moon_sim_obj *a, const struct moon_sim_obj *b)
{
    if (a->owner_count != b->owner_count || !moon_streq(a->uid, b->uid)) {
        return false;
    }
    for (size_t i = 0; i < a->owner_count; i++) {
        if (a->owners[i] != b->owners[i]) {
            return false;
        }
    }
    return true;
}

/* `before` and `now` may be NULL: an object comes or goes. */
static void reindex(struct moon_sim_objdb *db, const struct moon_sim_obj *before,
                    struct moon_sim_obj *now)
{
    if (before != NULL && (now == NULL || !moon_streq(before->uid, now->uid))) {
        (void)moon_map_remove(db->by_uid, moon_str(before->uid));
    }
    if (now != NULL) {
        moon_map_set(db->by_uid, moon_str(now->uid), now);
    }
    if (before != NULL && now != NULL && owners_equal(before, now)) {
        return;
    }
    for (size_t i = 0; before != NULL && i < before->owner_count; i++) {
        unindex_owner(db, before->owners[i], before->uid);
    }
    for (size_t i = 0; now != NULL && i < now->owner_count; i++) {
        index_owner(db, now->owners[i], now->uid);
    }
}

static void append(struct store *store, struct moon_sim_obj *obj)
{
    if (store->used == store->capacity && store->holes > store->used / 2) {
        settle(store); /* nobody lists, but objects come and go */
    }
    if (store->used == store->capacity) {
        store->capacity = store->capacity > 32 ? store->capacity * 2 : 64;
        store->row = moon_realloc_array(store->row, store->capacity, sizeof(struct moon_sim_obj *));
    }
    obj->slot = store->used;
    store->row[store->used++] = obj;
}

/* ---- writing ---- */

static void forget_oldest(struct moon_sim_objdb *db, struct store *store)
{
    struct moon_sim_event *oldest = &store->ring[store->first];
    store->forgotten = oldest->version;
    store->bytes -= oldest->obj->text.len;
    event_clear(oldest);
    store->first = (store->first + 1) % db->history;
    store->events--;
}

/* Takes both references. */
static void record(struct moon_sim_objdb *db, struct store *store, enum moon_sim_event_type type,
                   struct moon_sim_obj *take_obj, struct moon_sim_obj *take_before)
{
    if (store->ring == NULL) {
        store->ring = moon_new_array(struct moon_sim_event, db->history);
    }
    if (store->events == db->history) {
        forget_oldest(db, store);
    }
    store->bytes += take_obj->text.len;
    while (store->events > 0 && store->bytes > db->history_bytes) {
        forget_oldest(db, store);
    }
    struct moon_sim_event *event = &store->ring[(store->first + store->events) % db->history];
    store->events++;
    *event = (struct moon_sim_event){take_obj->version, type, take_obj, take_before};
    store->version = event->version;
    if (db->on_event != NULL) {
        db->on_event(event, db->ctx);
    }
}

struct moon_sim_obj *moon_sim_objdb_put(struct moon_sim_objdb *db, const struct moon_sim_kind *kind,
                                        cJSON *tree)
{
    char text[KEY_MAX];
    struct moon_str key;
    struct store *store = store_of(db, kind);
    struct moon_sim_obj *obj = obj_new(kind, tree, ++db->version);
    moon_assert(obj->name != NULL && obj->uid != NULL && make_key(obj->ns, obj->name, text, &key));
    struct moon_sim_obj *before = moon_map_get(store->by_key, key);
    moon_map_set(store->by_key, key, obj);
    if (before != NULL) {
        obj->slot = before->slot;
        store->row[obj->slot] = obj;
    } else {
        append(store, obj);
    }
    reindex(db, before, obj);
    record(db, store, before != NULL ? MOON_SIM_MODIFIED : MOON_SIM_ADDED, moon_sim_obj_ref(obj),
           before);
    return obj;
}

void moon_sim_objdb_remove(struct moon_sim_objdb *db, const struct moon_sim_kind *kind, cJSON *tree)
{
    char text[KEY_MAX];
    struct moon_str key;
    struct store *store = store_of(db, kind);
    struct moon_sim_obj *last = obj_new(kind, tree, ++db->version);
    moon_assert(make_key(last->ns, last->name, text, &key));
    struct moon_sim_obj *before = moon_map_take(store->by_key, key);
    moon_assert(before != NULL);
    store->row[before->slot] = NULL;
    store->holes++;
    reindex(db, before, NULL);
    record(db, store, MOON_SIM_DELETED, last, before);
}

/* ---- history ---- */

bool moon_sim_objdb_replay(const struct moon_sim_objdb *db, const struct moon_sim_kind *kind,
                           uint64_t version, uint64_t *ret_oldest,
                           void (*fn)(const struct moon_sim_event *event, void *ctx), void *ctx)
{
    const struct store *store = store_of(db, kind);
    if (version < store->forgotten) {
        *ret_oldest = store->events > 0 ? store->ring[store->first].version : store->forgotten + 1;
        return false;
    }
    for (size_t i = 0; i < store->events; i++) {
        const struct moon_sim_event *event = &store->ring[(store->first + i) % db->history];
        if (event->version > version) {
            fn(event, ctx);
        }
    }
    return true;
}

void moon_sim_objdb_compact(struct moon_sim_objdb *db)
{
    for (size_t k = 0; k < db->kinds; k++) {
        forget_history(db, db->stores[k]);
        db->stores[k]->forgotten = db->version;
    }
}
