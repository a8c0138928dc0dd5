/* SPDX-License-Identifier: Apache-2.0
 *
 * crd.c - from a CustomResourceDefinition to kinds that are served, and back.
 *
 * What is served follows the conditions: a definition whose names collide with no other of its
 * group is Established, and its served versions are kinds from that write on. The conditions are
 * set a moment after the write that made them necessary, as on a real server, where a controller
 * does it. A definition that is deleted waits until its objects are gone.
 *
 * Rows (custom.h) and stores stay for the life of the server, and are used again when a definition
 * of the same name comes back: objects in the history and open watches point to them.
 */
#include "base/map.h"
#include "sim/api_priv.h"
#include "sim/crd_rules.h"
#include "sim/custom.h"

enum {
    DELAY_MS = 5 /* a controller would need as long to see the event */
};

/* All that was ever made for one definition's name. */
struct family {
    size_t store;
    struct moon_map *rows; /* version → struct moon_sim_custom */
};

struct moon_sim_crds {
    struct moon_sim_api *api;
    const struct moon_sim_kind *kind; /* of definitions */
    struct moon_map *families;        /* "plural.group" → struct family */
    struct moon_map *queue;           /* names of definitions to look at */
    struct moon_timer *timer;
};

/* ---- families ---- */

static void free_row(void *row)
{
    moon_sim_custom_free(row);
}

static void free_family(void *value)
{
    struct family *family = value;
    moon_map_free(family->rows);
    moon_free(family);
}

static struct family *family_of(struct moon_sim_crds *crds, const char *name)
{
    struct family *family = moon_map_get(crds->families, moon_str(name));
    if (family == NULL) {
        family = moon_new(struct family);
        family->store = moon_sim_kinds_new_store(crds->api->kinds);
        family->rows = moon_map_new(free_row);
        moon_sim_objdb_reserve(crds->api->db, moon_sim_kinds_stores(crds->api->kinds));
        moon_map_set(crds->families, moon_str(name), family);
    }
    return family;
}

static struct moon_sim_custom *row_of(struct moon_sim_crds *crds, struct family *family,
                                      const char *version)
{
    struct moon_sim_custom *row = moon_map_get(family->rows, moon_str(version));
    if (row == NULL) {
        row = moon_sim_custom_new(moon_sim_schema_type(crds->api->schema, "ObjectMeta"),
                                  family->store);
        moon_map_set(family->rows, moon_str(version), row);
    }
    return row;
}

static bool is_served(const struct moon_sim_crds *crds, const struct moon_sim_kind *kind)
{
    return kind->group != NULL && moon_sim_kinds_by_resource(crds->api->kinds, kind->group,
                                                             kind->version, kind->resource) == kind;
}

static void withdraw(struct moon_sim_crds *crds, struct moon_sim_custom *row)
{
    if (is_served(crds, &row->kind)) {
        moon_sim_kinds_remove(crds->api->kinds, &row->kind);
        moon_sim_watchers_end(crds->api->watchers, &row->kind);
    }
}

static void offer(struct moon_sim_crds *crds, struct moon_sim_custom *row)
{
    const struct moon_sim_kind *kind = &row->kind;
    /* What the server itself serves under this name takes precedence. */
    if (moon_sim_kinds_by_resource(crds->api->kinds, kind->group, kind->version, kind->resource) ==
        NULL) {
        moon_sim_kinds_add(crds->api->kinds, kind);
    }
}

/* Take over all versions, in order: the rows, which of them is stored, which are served. */
static void serve(struct moon_sim_crds *crds, const cJSON *crd)
{
    struct family *family = family_of(crds, moon_sim_text(crd, "metadata.name"));
    const cJSON *spec = moon_sim_member(crd, "spec");
    const cJSON *version = NULL;
    const struct moon_sim_custom *stored = NULL;
    bool ending = moon_sim_get(crd, "metadata.deletionTimestamp") != NULL;
    cJSON_ArrayForEach (version, moon_sim_member(spec, "versions")) {
        struct moon_sim_custom *row = row_of(crds, family, moon_sim_text(version, "name"));
        moon_sim_custom_set(row, spec, version);
        row->is_ending = ending;
        stored = moon_sim_true(version, "storage") ? row : stored;
    }
    moon_assert(stored != NULL); /* the rules want exactly one */
    cJSON_ArrayForEach (version, moon_sim_member(spec, "versions")) {
        struct moon_sim_custom *row = row_of(crds, family, moon_sim_text(version, "name"));
        row->kind.stored_as = row != stored ? &stored->kind : NULL;
        if (moon_sim_true(version, "served")) {
            offer(crds, row);
        } else {
            withdraw(crds, row);
        }
    }
}

/* Withdraw what a definition no longer says: all when `crd` is NULL. */
static void withdraw_rest(struct moon_sim_crds *crds, const char *name, const cJSON *crd)
{
    const struct family *family = moon_map_get(crds->families, moon_str(name));
    size_t pos = 0;
    struct moon_str its_version;
    void *row = NULL;
    while (family != NULL && moon_map_next(family->rows, &pos, &its_version, &row)) {
        const cJSON *version = NULL;
        bool there = false;
        cJSON_ArrayForEach (version, moon_sim_get(crd, "spec.versions")) {
            there = there || moon_str_is(its_version, moon_sim_text(version, "name"));
        }
        if (!there) {
            withdraw(crds, row);
        }
    }
}

/* ---- names ---- */

/* Does another definition of the group have this name already? */
static bool is_taken(const struct moon_sim_crds *crds, const cJSON *crd, const char *name,
                     bool of_kinds)
{
    size_t count = 0;
    struct moon_sim_obj *const *all = moon_sim_objdb_range(crds->api->db, crds->kind, NULL, &count);
    for (size_t i = 0; i < count; i++) {
        MOON_AUTOJSON *other = moon_sim_obj_tree(all[i]);
        const cJSON *names = moon_sim_get(other, "status.acceptedNames");
        if (moon_streq(all[i]->name, moon_sim_text(crd, "metadata.name")) ||
            !moon_streq(moon_sim_text(other, "spec.group"), moon_sim_text(crd, "spec.group"))) {
            continue;
        }
        if (of_kinds ? moon_streq(moon_sim_text(names, "kind"), name) ||
                           moon_streq(moon_sim_text(names, "listKind"), name)
                     : moon_streq(moon_sim_text(names, "plural"), name) ||
                           moon_streq(moon_sim_text(names, "singular"), name) ||
                           moon_sim_index_of(moon_sim_member(names, "shortNames"), name) >= 0) {
            return true;
        }
    }
    return false;
}

struct verdict {
    const char *reason;
    char *message; /* NULL: no conflict */
};

static void object_to(struct verdict *verdict, const char *reason, const char *name)
{
    moon_free(verdict->message);
    verdict->reason = reason;
    verdict->message = moon_asprintf("\"%s\" is already in use", name);
}

/* One name of the definition: accepted, or the reason why not. The last conflict is told. */
static void accept(const struct moon_sim_crds *crds, const cJSON *crd, const char *member,
                   cJSON *accepted, struct verdict *verdict)
{
    const char *name = moon_sim_text(moon_sim_get(crd, "spec.names"), member);
    bool of_kinds = moon_streq(member, "kind") || moon_streq(member, "listKind");
    if (name[0] == '\0') {
        return;
    }
    if (is_taken(crds, crd, name, of_kinds)) {
        object_to(verdict,
                  moon_streq(member, "plural")     ? "PluralConflict"
                  : moon_streq(member, "singular") ? "SingularConflict"
                  : moon_streq(member, "kind")     ? "KindConflict"
                                                   : "ListKindConflict",
                  name);
        const cJSON *before = moon_sim_member(moon_sim_get(crd, "status.acceptedNames"), member);
        moon_sim_set(accepted, member, moon_sim_clone(before));
        return;
    }
    moon_sim_set_text(accepted, member, name);
}

static void accept_short_names(const struct moon_sim_crds *crds, const cJSON *crd, cJSON *accepted,
                               struct verdict *verdict)
{
    const cJSON *names = moon_sim_get(crd, "spec.names");
    const cJSON *name = NULL;
    bool free_all = true;
    cJSON_ArrayForEach (name, moon_sim_member(names, "shortNames")) {
        if (is_taken(crds, crd, name->valuestring, false)) {
            object_to(verdict, "ShortNamesConflict", name->valuestring);
            free_all = false;
        }
    }
    moon_sim_set(accepted, "shortNames",
                 moon_sim_clone(free_all ? moon_sim_member(names, "shortNames")
                                         : moon_sim_get(crd, "status.acceptedNames.shortNames")));
    moon_sim_set(accepted, "categories", moon_sim_clone(moon_sim_member(names, "categories")));
}

/* Accepted names and the two conditions; true when anything changed. */
static bool judge_names(const struct moon_sim_crds *crds, cJSON *crd)
{
    int64_t now_s = moon_sim_now_s(crds->api);
    struct verdict verdict = {.message = NULL};
    cJSON *accepted = cJSON_CreateObject();
    accept(crds, crd, "plural", accepted, &verdict);
    accept(crds, crd, "singular", accepted, &verdict);
    accept_short_names(crds, crd, accepted, &verdict);
    accept(crds, crd, "kind", accepted, &verdict);
    accept(crds, crd, "listKind", accepted, &verdict);
    bool good = verdict.message == NULL;
    bool was_established = moon_sim_crd_is(crd, "Established");
    bool changed = !moon_sim_tree_same(accepted, moon_sim_get(crd, "status.acceptedNames"));
    moon_sim_set(moon_sim_ensure(crd, "status"), "acceptedNames", accepted);
    changed |= moon_sim_crd_set_condition(crd, "NamesAccepted", good,
                                          good ? "NoConflicts" : verdict.reason,
                                          good ? "no conflicts found" : verdict.message, now_s);
    if (good && !was_established) {
        changed |= moon_sim_crd_set_condition(crd, "Established", true, "InitialNamesAccepted",
                                              "the initial names have been accepted", now_s);
    } else if (!was_established) {
        changed |= moon_sim_crd_set_condition(crd, "Established", false, "NotAccepted",
                                              "not all names are accepted", now_s);
    }
    moon_free(verdict.message);
    return changed;
}

/* ---- deletion ---- */

static void delete_one(struct moon_sim_crds *crds, struct moon_sim_obj *obj)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_CLEANUP(moon_sim_delete_opts_fini) struct moon_sim_delete_opts opts = {0};
    MOON_AUTOJSON *tree = NULL;
    bool gone = false;
    (void)moon_sim_delete(crds->api, obj, &opts, &tree, &gone, &st);
}

/* Send the objects away; true when none is left. */
static bool empty(struct moon_sim_crds *crds, const char *name)
{
    const struct family *family = moon_map_get(crds->families, moon_str(name));
    void *row = NULL;
    size_t pos = 0;
    size_t count = 0;
    if (family == NULL || !moon_map_next(family->rows, &pos, NULL, &row)) {
        return true;
    }
    const struct moon_sim_custom *any = row; /* the versions share their store */
    struct moon_sim_obj *const *range =
        moon_sim_objdb_range(crds->api->db, &any->kind, NULL, &count);
    MOON_AUTOFREE struct moon_sim_obj **objs = moon_new_array(struct moon_sim_obj *, count + 1);
    for (size_t i = 0; i < count; i++) {
        objs[i] = moon_sim_obj_ref(range[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!objs[i]->is_deleting) {
            delete_one(crds, objs[i]);
        }
        moon_sim_obj_unref(objs[i]);
    }
    return moon_sim_objdb_count(crds->api->db, &any->kind) == 0;
}

/* ---- the queue ---- */

static void write(struct moon_sim_crds *crds, struct moon_sim_obj *obj, cJSON *tree,
                  const char *subresource)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    const struct moon_sim_write w = {
        .api = crds->api, .kind = crds->kind, .subresource = subresource};
    (void)moon_sim_update(&w, obj, tree, &st);
}

static void finish(struct moon_sim_crds *crds, struct moon_sim_obj *obj)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    cJSON *finalizers = moon_sim_get(tree, "metadata.finalizers");
    int at = moon_sim_index_of(finalizers, MOON_SIM_CRD_FINALIZER);
    if (at < 0) {
        return; /* others hold it */
    }
    if (!empty(crds, obj->name)) {
        if (moon_sim_crd_set_condition(tree, "Terminating", true, "InstanceDeletionInProgress",
                                       "CustomResource deletion is in progress",
                                       moon_sim_now_s(crds->api))) {
            write(crds, obj, tree, "status");
        }
        return;
    }
    cJSON_DeleteItemFromArray(finalizers, at);
    write(crds, obj, tree, NULL);
}

static void process(struct moon_sim_crds *crds, const char *name)
{
    struct moon_sim_obj *obj = moon_sim_objdb_get(crds->api->db, crds->kind, "", name);
    if (obj == NULL) {
        return;
    }
    if (obj->is_deleting) {
        finish(crds, obj);
        return;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    if (judge_names(crds, tree)) {
        write(crds, obj, tree, "status");
    }
}

static void work(void *ctx)
{
    struct moon_sim_crds *crds = ctx;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *batch = crds->queue;
    struct moon_str name;
    size_t pos = 0;
    crds->queue = moon_map_new(NULL);
    while (moon_map_next(batch, &pos, &name, NULL)) {
        process(crds, name.ptr); /* keys are terminated */
    }
}

static void enqueue(struct moon_sim_crds *crds, const char *name)
{
    moon_map_set(crds->queue, moon_str(name), NULL);
    if (!moon_timer_is_active(crds->timer)) {
        moon_timer_start(crds->timer, DELAY_MS);
    }
}

/* Names that one definition gives back are free for those that wanted them. */
static void enqueue_all(struct moon_sim_crds *crds)
{
    size_t count = 0;
    struct moon_sim_obj *const *all = moon_sim_objdb_range(crds->api->db, crds->kind, NULL, &count);
    for (size_t i = 0; i < count; i++) {
        enqueue(crds, all[i]->name);
    }
}

void moon_sim_crds_event(struct moon_sim_crds *crds, const struct moon_sim_event *event)
{
    const struct moon_sim_obj *obj = event->obj;
    if (obj->kind->custom != NULL && event->type == MOON_SIM_DELETED) {
        if (obj->kind->custom->is_ending) {
            MOON_AUTOFREE char *name =
                moon_asprintf("%s.%s", obj->kind->resource, obj->kind->group);
            enqueue(crds, name);
        }
        return;
    }
    if (obj->kind != crds->kind) {
        return;
    }
    if (event->type == MOON_SIM_DELETED) {
        withdraw_rest(crds, obj->name, NULL);
        enqueue_all(crds);
        return;
    }
    MOON_AUTOJSON *crd = moon_sim_obj_tree(obj);
    withdraw_rest(crds, obj->name, crd);
    if (moon_sim_crd_is(crd, "Established")) {
        serve(crds, crd);
    }
    enqueue(crds, obj->name);
}

/* ---- life ---- */

struct moon_sim_crds *moon_sim_crds_new(struct moon_sim_api *api)
{
    struct moon_sim_crds *crds = moon_new(struct moon_sim_crds);
    crds->api = api;
    crds->kind = moon_sim_kind_by_name("apiextensions.k8s.io", "CustomResourceDefinition");
    crds->families = moon_map_new(free_family);
    crds->queue = moon_map_new(NULL);
    crds->timer = moon_timer_new(api->loop, work, crds);
    return crds;
}

void moon_sim_crds_free(struct moon_sim_crds *crds)
{
    if (crds != NULL) {
        moon_timer_free(crds->timer);
        moon_map_free(crds->queue);
        moon_map_free(crds->families);
        moon_free(crds);
    }
}
