/* SPDX-License-Identifier: Apache-2.0
 *
 * gc.c - the garbage collector and the removal of a namespace's content.
 *
 * On a real cluster these are controllers; here they are part of the server, so that deleting works
 * without one. They act a moment later and through the same rules as any client, so watchers see
 * the same steps: an owner vanishes and then its dependents (background), dependents go first
 * (foreground), references are taken out (orphan).
 */
#include "sim/api_priv.h"

enum {
    DELAY_MS = 5, /* a controller would need as long to see the event */
    BATCH = 500   /* objects per turn, so that requests are answered in between */
};

struct moon_sim_gc {
    struct moon_sim_api *api;
    struct moon_map *queue; /* uids to look at */
    struct moon_timer *timer;
};

static void work(void *ctx);

struct moon_sim_gc *moon_sim_gc_new(struct moon_sim_api *api)
{
    struct moon_sim_gc *gc = moon_new(struct moon_sim_gc);
    gc->api = api;
    gc->queue = moon_map_new(NULL);
    gc->timer = moon_timer_new(api->loop, work, gc);
    return gc;
}

void moon_sim_gc_free(struct moon_sim_gc *gc)
{
    if (gc != NULL) {
        moon_timer_free(gc->timer);
        moon_map_free(gc->queue);
        moon_free(gc);
    }
}

static void enqueue(struct moon_sim_gc *gc, const char *uid)
{
    moon_map_set(gc->queue, moon_str(uid), NULL);
    if (!moon_timer_is_active(gc->timer)) {
        moon_timer_start(gc->timer, DELAY_MS);
    }
}

static void enqueue_obj(struct moon_sim_obj *obj, void *ctx)
{
    enqueue(ctx, obj->uid);
}

static void enqueue_namespace(struct moon_sim_gc *gc, const struct moon_sim_obj *member)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", "Namespace");
    const struct moon_sim_obj *ns =
        member->kind->namespaced ? moon_sim_objdb_get(gc->api->db, kind, "", member->ns) : NULL;
    if (ns != NULL && ns->is_deleting) {
        enqueue(gc, ns->uid);
    }
}

static bool owners_changed(const struct moon_sim_obj *obj, const struct moon_sim_obj *before)
{
    if (before == NULL || before->owner_count != obj->owner_count) {
        return obj->owner_count > 0;
    }
    for (size_t i = 0; i < obj->owner_count; i++) {
        if (obj->owners[i] != before->owners[i]) {
            return true;
        }
    }
    return false;
}

void moon_sim_gc_event(struct moon_sim_gc *gc, const struct moon_sim_event *event)
{
    struct moon_sim_obj *obj = event->obj;
    if (event->type == MOON_SIM_DELETED) {
        moon_sim_objdb_dependents(gc->api->db, obj->uid, enqueue_obj, gc);
        for (size_t i = 0; i < obj->owner_count; i++) {
            const struct moon_sim_obj *owner = moon_sim_objdb_by_uid(gc->api->db, obj->owners[i]);
            if (owner != NULL && owner->is_deleting) {
                enqueue(gc, owner->uid);
            }
        }
        enqueue_namespace(gc, obj);
    } else if (obj->is_deleting || owners_changed(obj, event->before)) {
        enqueue(gc, obj->uid);
    }
}

/* ---- steps ---- */

static bool has_finalizer(const struct moon_sim_obj *obj, const char *name)
{
    struct moon_err err;
    struct moon_str text;
    if (!obj->is_deleting ||
        !moon_json_find(obj->text, MOON_JSON_PATH("metadata", "finalizers"), &text)) {
        return false;
    }
    MOON_AUTOJSON *finalizers = moon_json_parse(text, &err);
    return moon_sim_index_of(finalizers, name) >= 0;
}

/* Write a changed tree of `obj` as the collector; what is refused is tried with the next event. */
static void write_tree(struct moon_sim_gc *gc, struct moon_sim_obj *obj, cJSON *tree,
                       const char *subresource)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    const struct moon_sim_write w = {.api = gc->api, .kind = obj->kind, .subresource = subresource};
    (void)moon_sim_update(&w, obj, tree, &st);
}

static void remove_finalizer(struct moon_sim_gc *gc, struct moon_sim_obj *obj, const char *name)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    cJSON *finalizers = moon_sim_get(tree, "metadata.finalizers");
    int at = moon_sim_index_of(finalizers, name);
    if (at >= 0) {
        cJSON_DeleteItemFromArray(finalizers, at);
        write_tree(gc, obj, tree, NULL);
    }
}

static void delete_obj(struct moon_sim_gc *gc, struct moon_sim_obj *obj, const char *propagation)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_CLEANUP(moon_sim_delete_opts_fini)
    struct moon_sim_delete_opts opts = {.propagation = moon_strdup(propagation)};
    MOON_AUTOJSON *tree = NULL;
    bool gone = false;
    (void)moon_sim_delete(gc->api, obj, &opts, &tree, &gone, &st);
}

/* The uids of all dependents: a row of its own, because acting on them changes the index. */
struct dependents {
    char **uids;
    size_t count;
};

static void add_dependent(struct moon_sim_obj *obj, void *ctx)
{
    struct dependents *d = ctx;
    d->uids = moon_realloc_array(d->uids, d->count + 1, sizeof(char *));
    d->uids[d->count++] = moon_strdup(obj->uid);
}

static void dependents_fini(struct dependents *d)
{
    for (size_t i = 0; i < d->count; i++) {
        moon_free(d->uids[i]);
    }
    moon_free(d->uids);
}

static struct dependents dependents_of(struct moon_sim_gc *gc, const char *uid)
{
    struct dependents d = {0};
    moon_sim_objdb_dependents(gc->api->db, uid, add_dependent, &d);
    return d;
}

static bool owner_is(const cJSON *reference, const char *uid)
{
    return moon_streq(moon_sim_text(reference, "uid"), uid);
}

/* Take references out of metadata.ownerReferences: the one to `uid`. */
static void disown(struct moon_sim_gc *gc, struct moon_sim_obj *obj, const char *uid)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    cJSON *references = moon_sim_get(tree, "metadata.ownerReferences");
    cJSON *reference = references != NULL ? references->child : NULL;
    while (reference != NULL) {
        cJSON *next = reference->next;
        if (owner_is(reference, uid)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(references, reference));
        }
        reference = next;
    }
    write_tree(gc, obj, tree, NULL);
}

static void orphan_dependents(struct moon_sim_gc *gc, struct moon_sim_obj *owner)
{
    struct dependents d = dependents_of(gc, owner->uid);
    MOON_AUTOFREE char *uid = moon_strdup(owner->uid);
    for (size_t i = 0; i < d.count; i++) {
        struct moon_sim_obj *obj = moon_sim_objdb_by_uid(gc->api->db, d.uids[i]);
        if (obj != NULL) {
            disown(gc, obj, uid);
        }
    }
    dependents_fini(&d);
    owner = moon_sim_objdb_by_uid(gc->api->db, uid);
    if (owner != NULL) {
        remove_finalizer(gc, owner, "orphan");
    }
}

static bool blocks(const struct moon_sim_obj *dependent, const char *owner_uid)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(dependent);
    const cJSON *reference = NULL;
    cJSON_ArrayForEach (reference, moon_sim_get(tree, "metadata.ownerReferences")) {
        if (owner_is(reference, owner_uid) && moon_sim_true(reference, "blockOwnerDeletion")) {
            return true;
        }
    }
    return false;
}

/* Foreground: dependents are sent away; when none blocks any more, the owner may go. */
static void delete_dependents_first(struct moon_sim_gc *gc, struct moon_sim_obj *owner)
{
    struct dependents d = dependents_of(gc, owner->uid);
    bool blocked = false;
    for (size_t i = 0; i < d.count; i++) {
        struct moon_sim_obj *obj = moon_sim_objdb_by_uid(gc->api->db, d.uids[i]);
        blocked = blocked || (obj != NULL && blocks(obj, owner->uid));
        if (obj != NULL && !obj->is_deleting) {
            enqueue(gc, obj->uid);
        }
    }
    dependents_fini(&d);
    if (!blocked) {
        remove_finalizer(gc, owner, "foregroundDeletion");
    }
}

enum owner_state {
    OWNER_SOLID,
    OWNER_WAITING, /* in foreground deletion: waits for us to go */
    OWNER_GONE
};

static enum owner_state owner_state(struct moon_sim_gc *gc, const struct moon_sim_obj *obj,
                                    const cJSON *reference)
{
    struct moon_str api_version = moon_str(moon_sim_text(reference, "apiVersion"));
    const char *slash = strchr(api_version.ptr, '/');
    MOON_AUTOFREE char *group =
        moon_strndup(api_version.ptr, slash != NULL ? (size_t)(slash - api_version.ptr) : 0);
    const struct moon_sim_kind *kind =
        moon_sim_kinds_by_name(gc->api->kinds, group, moon_sim_text(reference, "kind"));
    const struct moon_sim_obj *owner =
        moon_sim_objdb_by_uid(gc->api->db, moon_sim_text(reference, "uid"));
    if (kind == NULL) {
        return OWNER_SOLID; /* we do not serve it, so we cannot know that it is gone */
    }
    if (owner == NULL || (owner->kind->namespaced && !moon_streq(owner->ns, obj->ns))) {
        return OWNER_GONE;
    }
    return has_finalizer(owner, "foregroundDeletion") ? OWNER_WAITING : OWNER_SOLID;
}

struct owners {
    int solid;
    int waiting;
    int gone;
};

static void drop_lost_references(struct moon_sim_gc *gc, struct moon_sim_obj *obj, cJSON *tree)
{
    cJSON *references = moon_sim_get(tree, "metadata.ownerReferences");
    cJSON *reference = references->child;
    while (reference != NULL) {
        cJSON *next = reference->next;
        if (owner_state(gc, obj, reference) != OWNER_SOLID) {
            cJSON_Delete(cJSON_DetachItemViaPointer(references, reference));
        }
        reference = next;
    }
    write_tree(gc, obj, tree, NULL);
}

static bool has_dependents(struct moon_sim_gc *gc, const char *uid)
{
    struct dependents d = dependents_of(gc, uid);
    bool any = d.count > 0;
    dependents_fini(&d);
    return any;
}

/* An object with owners: is there still one that wants it? */
static void collect(struct moon_sim_gc *gc, struct moon_sim_obj *obj)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    struct owners owners = {0};
    const cJSON *reference = NULL;
    cJSON_ArrayForEach (reference, moon_sim_get(tree, "metadata.ownerReferences")) {
        enum owner_state state = owner_state(gc, obj, reference);
        owners.solid += state == OWNER_SOLID ? 1 : 0;
        owners.waiting += state == OWNER_WAITING ? 1 : 0;
        owners.gone += state == OWNER_GONE ? 1 : 0;
    }
    if (owners.solid > 0) {
        if (owners.waiting + owners.gone > 0) {
            drop_lost_references(gc, obj, tree);
        }
        return;
    }
    if (owners.waiting > 0 && has_dependents(gc, obj->uid)) {
        delete_obj(gc, obj, "Foreground");
    } else if (owners.waiting + owners.gone > 0) {
        const cJSON *finalizers = moon_sim_get(tree, "metadata.finalizers");
        delete_obj(gc, obj,
                   moon_sim_index_of(finalizers, "orphan") >= 0               ? "Orphan"
                   : moon_sim_index_of(finalizers, "foregroundDeletion") >= 0 ? "Foreground"
                                                                              : "Background");
    }
}

/* ---- namespaces ---- */

/* Delete what is in it; true when nothing is left. */
static bool empty_namespace(struct moon_sim_gc *gc, const char *ns)
{
    struct dependents left = {0};
    bool empty = true;
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(gc->api->kinds, &pos)) != NULL) {
        size_t count = 0;
        if (!kind->namespaced) {
            continue;
        }
        struct moon_sim_obj *const *range = moon_sim_objdb_range(gc->api->db, kind, ns, &count);
        empty = empty && count == 0;
        for (size_t i = 0; i < count && left.count < BATCH; i++) {
            if (!range[i]->is_deleting) {
                add_dependent(range[i], &left);
            }
        }
    }
    for (size_t i = 0; i < left.count; i++) {
        struct moon_sim_obj *obj = moon_sim_objdb_by_uid(gc->api->db, left.uids[i]);
        if (obj != NULL) {
            delete_obj(gc, obj, "Background");
        }
    }
    dependents_fini(&left);
    return empty;
}

static void finish_namespace(struct moon_sim_gc *gc, struct moon_sim_obj *obj)
{
    if (!empty_namespace(gc, obj->name)) {
        return;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    cJSON *finalizers = moon_sim_get(tree, "spec.finalizers");
    int at = moon_sim_index_of(finalizers, "kubernetes");
    if (at >= 0) {
        cJSON_DeleteItemFromArray(finalizers, at);
        write_tree(gc, obj, tree, "finalize");
    }
}

/* ---- the queue ---- */

static void process(struct moon_sim_gc *gc, const char *uid)
{
    struct moon_sim_obj *obj = moon_sim_objdb_by_uid(gc->api->db, uid);
    if (obj == NULL) {
        return;
    }
    if (!obj->is_deleting) {
        if (obj->owner_count > 0) {
            collect(gc, obj);
        }
        return;
    }
    if (moon_streq(obj->kind->kind, "Namespace")) {
        finish_namespace(gc, obj);
    } else if (has_finalizer(obj, "orphan")) {
        orphan_dependents(gc, obj);
    } else if (has_finalizer(obj, "foregroundDeletion")) {
        delete_dependents_first(gc, obj);
    }
}

static void work(void *ctx)
{
    struct moon_sim_gc *gc = ctx;
    struct moon_map *batch = gc->queue;
    struct moon_str uid;
    size_t pos = 0;
    size_t done = 0;
    gc->queue = moon_map_new(NULL);
    while (moon_map_next(batch, &pos, &uid, NULL)) {
        if (done++ < BATCH) {
            process(gc, uid.ptr); /* keys are terminated */
        } else {
            moon_map_set(gc->queue, uid, NULL);
        }
    }
    moon_map_free(batch);
    if (moon_map_count(gc->queue) > 0) {
        moon_timer_start(gc->timer, DELAY_MS);
    }
}
