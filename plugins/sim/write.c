/* SPDX-License-Identifier: Apache-2.0
 *
 * write.c - the way of every object into the store: admission, defaults, rules, versions.
 */
#include <stdio.h>

#include "sim/addresses.h"
#include "sim/api_priv.h"
#include "sim/metadata.h"

static cJSON *find_priority_class(const char *name, void *ctx)
{
    const struct moon_sim_api *api = ctx;
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("scheduling.k8s.io", "PriorityClass");
    size_t count = 0;
    struct moon_sim_obj *const *all = moon_sim_objdb_range(api->db, kind, NULL, &count);
    for (size_t i = 0; i < count; i++) { /* a handful */
        if (name[0] != '\0' && !moon_streq(all[i]->name, name)) {
            continue;
        }
        MOON_AUTOJSON *tree = moon_sim_obj_tree(all[i]);
        if (name[0] != '\0' || moon_sim_true(tree, "globalDefault")) {
            return moon_steal(&tree);
        }
    }
    return NULL;
}

static void new_cluster_ip(char out[16], void *ctx)
{
    moon_sim_addresses_new(ctx, out);
}

static bool cluster_ip_taken(const char *address, void *ctx)
{
    return moon_sim_addresses_taken(ctx, address);
}

static int new_node_port(void *ctx)
{
    return moon_sim_addresses_new_port(ctx);
}

static bool node_port_taken(int64_t port, void *ctx)
{
    return moon_sim_addresses_port_taken(ctx, port);
}

static struct moon_sim_rule_ctx rule_ctx(const struct moon_sim_write *w, const cJSON *old)
{
    return (struct moon_sim_rule_ctx){
        .kind = w->kind,
        .old = old,
        .now_s = moon_sim_now_s(w->api),
        .priority_class = find_priority_class,
        .new_cluster_ip = new_cluster_ip,
        .cluster_ip_taken = cluster_ip_taken,
        .new_node_port = new_node_port,
        .node_port_taken = node_port_taken,
        .ctx = w->api,
    };
}

void moon_sim_normalise(const struct moon_sim_api *api, const struct moon_sim_kind *kind,
                        cJSON *tree)
{
    struct moon_err err;
    const struct moon_sim_type *type = moon_sim_schema_type(api->schema, kind->kind);
    int rc = 0;
    if (kind->custom != NULL) {
        rc = moon_sim_custom_coerce(kind->custom, tree, NULL, &err);
    } else if (type != NULL) {
        rc = moon_sim_schema_decode(type, tree, NULL, &err);
    }
    moon_assert(rc == 0); /* it was decoded before, and only our own code has touched it */
}

static int refuse_if_any(const struct moon_sim_write *w, const cJSON *tree, cJSON *take_causes,
                         struct moon_sim_status *st)
{
    if (take_causes->child == NULL) {
        cJSON_Delete(take_causes);
        return 0;
    }
    return moon_sim_refuse_invalid(st, w->kind, moon_sim_text(tree, "metadata.name"), take_causes);
}

static bool is_unchanged(const struct moon_sim_obj *old, cJSON *tree)
{
    moon_sim_set_version(tree, old->version);
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(16 << 20);
    moon_sim_tree_print(tree, &text);
    return moon_str_eq(moon_buf_str(&text), old->text);
}

/* ---- create ---- */

/* The NamespaceLifecycle admission plugin. */
static int admit_namespace(const struct moon_sim_write *w, const char *ns, const cJSON *tree,
                           struct moon_sim_status *st)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", "Namespace");
    if (!w->kind->namespaced) {
        return 0;
    }
    const struct moon_sim_obj *obj = moon_sim_objdb_get(w->api->db, kind, "", ns);
    if (obj == NULL) {
        return moon_sim_refuse_not_found(st, kind, ns);
    }
    if (obj->is_deleting) {
        MOON_AUTOFREE char *why = moon_asprintf(
            "unable to create new content in namespace %s because it is being terminated", ns);
        MOON_AUTOFREE char *cause = moon_asprintf("namespace %s is being terminated", ns);
        (void)moon_sim_refuse_forbidden(st, w->kind, moon_sim_text(tree, "metadata.name"), why);
        moon_sim_status_add_cause(st, "NamespaceTerminating", cause, "metadata.namespace");
        return -1;
    }
    return 0;
}

static int validate_create(const struct moon_sim_write *w, const cJSON *tree,
                           const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    cJSON *causes = cJSON_CreateArray();
    moon_sim_validate_metadata(w->kind, moon_sim_member(tree, "metadata"), causes);
    if (w->kind->validate != NULL) {
        w->kind->validate(tree, ctx, causes);
    }
    if (w->kind->custom != NULL) {
        moon_sim_custom_validate(w->kind->custom, tree, causes);
    }
    return refuse_if_any(w, tree, causes, st);
}

static int admit_kind(const struct moon_sim_write *w, struct moon_sim_status *st)
{
    if (w->kind->custom == NULL || !w->kind->custom->is_ending) {
        return 0;
    }
    (void)moon_sim_refuse(st, 405, "MethodNotAllowed",
                          "create not allowed while custom resource definition is terminating");
    cJSON *details = moon_sim_ensure(st->body, "details");
    moon_sim_set_text(details, "group", w->kind->group);
    moon_sim_set_text(details, "kind", w->kind->resource);
    return -1;
}

/* Into the store goes the version that is stored; the caller gets his own back. */
static void put(const struct moon_sim_write *w, cJSON *tree, const struct moon_sim_obj *old,
                bool remove)
{
    const struct moon_sim_kind *stored = moon_sim_kind_stored(w->kind);
    if (stored != w->kind) {
        moon_sim_normalise(w->api, stored, tree);
    }
    if (remove) {
        moon_sim_objdb_remove(w->api->db, stored, tree);
    } else if (old == NULL || !is_unchanged(old, tree)) {
        (void)moon_sim_objdb_put(w->api->db, stored, tree);
    }
    if (stored != w->kind) {
        moon_sim_normalise(w->api, w->kind, tree);
    }
}

int moon_sim_create(const struct moon_sim_write *w, const char *ns, cJSON *tree,
                    struct moon_sim_status *st)
{
    const struct moon_sim_rule_ctx ctx = rule_ctx(w, NULL);
    const char *place = w->kind->namespaced ? ns : "";
    moon_sim_metadata_create(w->kind, tree, place, ctx.now_s);
    if (admit_kind(w, st) != 0 || admit_namespace(w, place, tree, st) != 0) {
        return -1;
    }
    if (w->kind->set_defaults != NULL) {
        w->kind->set_defaults(tree);
    }
    if (w->kind->has_status && !w->kind->keeps_status) {
        moon_sim_remove(tree, "status");
    }
    if (w->kind->prepare_create != NULL && w->kind->prepare_create(tree, &ctx, st) != 0) {
        return -1;
    }
    moon_sim_normalise(w->api, w->kind, tree);
    if (validate_create(w, tree, &ctx, st) != 0) {
        return -1;
    }
    const char *name = moon_sim_text(tree, "metadata.name");
    if (moon_sim_objdb_get(w->api->db, w->kind, place, name) != NULL) {
        return moon_sim_text(tree, "metadata.generateName")[0] != '\0'
                   ? moon_sim_refuse_generated(st, w->kind)
                   : moon_sim_refuse_exists(st, w->kind, name);
    }
    if (moon_sim_text(tree, "metadata.resourceVersion")[0] != '\0') {
        return moon_sim_refuse(st, 500, NULL,
                               "resourceVersion should not be set on objects to be created");
    }
    if (!w->dry_run) {
        put(w, tree, NULL, false);
    }
    return 0;
}

/* ---- update ---- */

static int check_version(const struct moon_sim_write *w, const struct moon_sim_obj *old,
                         const cJSON *tree, struct moon_sim_status *st)
{
    uint64_t version = 0;
    const char *given = moon_sim_text(tree, "metadata.resourceVersion");
    if (given[0] == '\0' && w->kind->needs_version) {
        struct moon_sim_kind named = *w->kind; /* this one message names the resource */
        cJSON *causes = cJSON_CreateArray();
        named.kind = named.resource;
        moon_sim_cause_invalid_go(causes, "metadata.resourceVersion", "0x0",
                                  "must be specified for an update");
        return moon_sim_refuse_invalid(st, &named, old->name, causes);
    }
    if (given[0] == '\0') {
        return 0;
    }
    if (!moon_parse_u64(moon_str(given), &version)) {
        return moon_sim_refuse(st, 500, NULL, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                               given);
    }
    if (version != old->version) {
        return moon_sim_refuse_conflict(st, w->kind, old->name,
                                        "the object has been modified; please apply your changes "
                                        "to the latest version and try again");
    }
    return 0;
}

static void take_from_old(cJSON *tree, const cJSON *old, const char *member)
{
    moon_sim_set(tree, member, moon_sim_clone(moon_sim_member(old, member)));
}

/* What this way of writing cannot reach comes from the stored object. */
static void isolate(const struct moon_sim_write *w, cJSON *tree, const cJSON *old)
{
    if (w->subresource == NULL) {
        if (w->kind->has_status) {
            take_from_old(tree, old, "status");
        }
        return;
    }
    if (moon_streq(w->subresource, "status") && w->kind->custom != NULL) {
        moon_sim_custom_isolate_status(tree, old);
    } else if (moon_streq(w->subresource, "status")) {
        take_from_old(tree, old, "spec");
        take_from_old(moon_sim_member(tree, "metadata"), moon_sim_member(old, "metadata"),
                      "ownerReferences");
    }
}

/* False: nothing was counted. */
static bool count_generation(const struct moon_sim_write *w, cJSON *tree, const cJSON *old)
{
    if (!w->kind->has_generation) {
        return false;
    }
    bool spec_changed =
        w->kind->custom != NULL
            ? moon_sim_custom_changed(w->kind->custom, tree, old)
            : !moon_sim_tree_same(moon_sim_member(tree, "spec"), moon_sim_member(old, "spec"));
    if (spec_changed) {
        moon_sim_set_int(moon_sim_member(tree, "metadata"), "generation",
                         moon_sim_int(old, "metadata.generation", 0) + 1);
    }
    return spec_changed;
}

static int validate_update(const struct moon_sim_write *w, const cJSON *tree,
                           const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    cJSON *causes = cJSON_CreateArray();
    const struct moon_sim_kind *kind = w->kind;
    bool is_status = moon_streq(w->subresource, "status");
    moon_sim_validate_metadata(kind, moon_sim_member(tree, "metadata"), causes);
    /* Once for all kinds, once by the kind's own rules: a real server tells both. */
    for (int i = 0; i < 2; i++) {
        moon_sim_validate_metadata_update(moon_sim_member(tree, "metadata"),
                                          moon_sim_member(ctx->old, "metadata"), causes);
    }
    if (is_status && kind->validate_status != NULL) {
        kind->validate_status(tree, ctx->old, causes);
    }
    if (w->subresource == NULL && kind->validate != NULL) {
        kind->validate(tree, ctx, causes);
    }
    if (w->subresource == NULL && kind->validate_update != NULL) {
        kind->validate_update(tree, ctx->old, causes);
    }
    if (kind->custom != NULL) {
        moon_sim_custom_validate(kind->custom, tree, causes);
    }
    return refuse_if_any(w, tree, causes, st);
}

/* The last finalizer of an object that waits for it is gone: so is the object. */
static bool is_finished(const cJSON *tree)
{
    const cJSON *metadata = moon_sim_member(tree, "metadata");
    return moon_sim_member(metadata, "deletionTimestamp") != NULL &&
           moon_sim_int(metadata, "deletionGracePeriodSeconds", 0) == 0 &&
           cJSON_GetArraySize(moon_sim_member(metadata, "finalizers")) == 0 &&
           cJSON_GetArraySize(moon_sim_get(tree, "spec.finalizers")) == 0;
}

int moon_sim_update(const struct moon_sim_write *w, struct moon_sim_obj *old, cJSON *tree,
                    struct moon_sim_status *st)
{
    MOON_AUTOJSON *before = moon_sim_view_tree(w->kind, old);
    const struct moon_sim_rule_ctx ctx = rule_ctx(w, before);
    if (check_version(w, old, tree, st) != 0) {
        return -1;
    }
    moon_sim_metadata_update(tree, before);
    isolate(w, tree, before);
    if (w->kind->set_defaults != NULL) {
        w->kind->set_defaults(tree);
    }
    bool prepares = w->subresource == NULL || moon_streq(w->subresource, "status");
    if (prepares && w->kind->prepare_update != NULL) {
        w->kind->prepare_update(tree, &ctx);
    }
    moon_sim_normalise(w->api, w->kind, tree);
    if (count_generation(w, tree, before)) {
        moon_sim_normalise(w->api, w->kind, tree); /* it may have been absent: in its place */
    }
    if (validate_update(w, tree, &ctx, st) != 0) {
        return -1;
    }
    if (w->dry_run) {
        moon_sim_set_version(tree, old->version);
        return 0;
    }
    if (is_finished(tree)) {
        /* What was asked for is answered; watchers see what was stored before. */
        moon_sim_set_version(tree, old->version);
        put(w, before, old, true);
    } else {
        put(w, tree, old, false);
    }
    return 0;
}
