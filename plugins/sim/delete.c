/* SPDX-License-Identifier: Apache-2.0
 *
 * delete.c - the delete verbs: preconditions, graceful deletion, finalizers, propagation.
 */
#include <stdio.h>

#include "base/time.h"
#include "sim/api_priv.h"

enum {
    ANSWER_MAX_BYTES = 1 << 30
};

/* ---- options ---- */

void moon_sim_delete_opts_fini(struct moon_sim_delete_opts *opts)
{
    moon_free(opts->uid);
    moon_free(opts->version);
    moon_free(opts->propagation);
    *opts = (struct moon_sim_delete_opts){0};
}

static char *copy_text(const cJSON *tree, const char *path)
{
    return moon_strdup(cJSON_GetStringValue(moon_sim_get(tree, path)));
}

static int refuse_both(const struct moon_sim_delete_opts *opts, struct moon_sim_status *st)
{
    static const struct moon_sim_kind options = {
        .group = "meta.k8s.io", .kind = "DeleteOptions", .resource = "DeleteOptions"};
    cJSON *causes = cJSON_CreateArray();
    moon_sim_cause_invalid_text(causes, "propagationPolicy", opts->propagation,
                                "orphanDependents and deletionPropagation cannot be both set");
    return moon_sim_refuse_invalid(st, &options, "", causes);
}

static int check_propagation(const struct moon_sim_delete_opts *opts, struct moon_sim_status *st)
{
    if (opts->propagation == NULL || moon_streq(opts->propagation, "Background") ||
        moon_streq(opts->propagation, "Foreground") || moon_streq(opts->propagation, "Orphan")) {
        return 0;
    }
    MOON_AUTOFREE char *shown = moon_asprintf("\"%s\"", opts->propagation);
    return moon_sim_refuse_option(st, "DeleteOptions", "propagationPolicy", shown,
                                  "\"Foreground\", \"Background\", \"Orphan\", \"nil\"");
}

int moon_sim_delete_opts_from_tree(const cJSON *tree, struct moon_sim_delete_opts *ret,
                                   struct moon_sim_status *st)
{
    const cJSON *orphan = moon_sim_member(tree, "orphanDependents");
    ret->has_grace = moon_sim_to_int(moon_sim_member(tree, "gracePeriodSeconds"), &ret->grace_s);
    ret->uid = copy_text(tree, "preconditions.uid");
    ret->version = copy_text(tree, "preconditions.resourceVersion");
    ret->propagation = copy_text(tree, "propagationPolicy");
    if (ret->propagation != NULL && orphan != NULL) {
        return refuse_both(ret, st);
    }
    if (orphan != NULL) {
        ret->propagation = moon_strdup(cJSON_IsTrue(orphan) ? "Orphan" : "Background");
    }
    ret->dry_run = moon_sim_index_of(moon_sim_member(tree, "dryRun"), "All") >= 0;
    return check_propagation(ret, st);
}

/* Options in another form than JSON are nothing we could read. */
static int read_body(struct moon_sim_call *call, cJSON **ret_tree, struct moon_sim_status *st)
{
    struct moon_err err;
    const char *type = moon_httpd_header(call->request, "Content-Type");
    if (type != NULL && moon_str_starts(moon_str(type), "application/yaml")) {
        return moon_sim_body_tree(call, ret_tree, st);
    }
    MOON_AUTOJSON *tree = moon_sim_tree_parse(moon_httpd_body(call->request), &err);
    if (tree == NULL || !cJSON_IsObject(tree)) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
        moon_sim_body_why(call, tree, &err, &why);
        return moon_sim_refuse(st, 500, NULL, "%s", moon_buf_cstr(&why));
    }
    const char *kind = moon_sim_text(tree, "kind");
    if (kind[0] != '\0' && !moon_streq(kind, "DeleteOptions")) {
        return moon_sim_refuse(st, 500, NULL,
                               "no kind \"%s\" is registered for version \"%s\" in scheme "
                               "\"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/"
                               "register.go:27\"",
                               kind, moon_sim_text(tree, "apiVersion"));
    }
    *ret_tree = moon_steal(&tree);
    return 0;
}

int moon_sim_delete_opts_read(struct moon_sim_call *call, struct moon_sim_delete_opts *ret,
                              struct moon_sim_status *st)
{
    if (moon_httpd_body(call->request).len > 0) {
        MOON_AUTOJSON *tree = NULL;
        if (read_body(call, &tree, st) != 0 || moon_sim_delete_opts_from_tree(tree, ret, st) != 0) {
            return -1;
        }
    }
    const char *grace = moon_sim_call_query(call, "gracePeriodSeconds");
    const char *propagation = moon_sim_call_query(call, "propagationPolicy");
    const char *orphan = moon_sim_call_query(call, "orphanDependents");
    if (grace != NULL && !ret->has_grace) {
        if (moon_sim_call_int(call, "gracePeriodSeconds", &ret->grace_s, st) != 0) {
            return -1;
        }
        ret->has_grace = true;
    }
    if (ret->propagation == NULL && propagation != NULL) {
        ret->propagation = moon_strdup(propagation);
    } else if (ret->propagation == NULL && orphan != NULL) {
        ret->propagation = moon_strdup(moon_streq(orphan, "true") ? "Orphan" : "Background");
    }
    ret->dry_run = ret->dry_run || call->dry_run;
    call->dry_run = ret->dry_run;
    return check_propagation(ret, st);
}

/* ---- one object ---- */

static int check_preconditions(const struct moon_sim_obj *obj,
                               const struct moon_sim_delete_opts *opts, struct moon_sim_status *st)
{
    char version[24];
    /* Here a real server names the kind where it means the resource. */
    MOON_AUTOFREE char *what = moon_asprintf(
        "%s%s%s", obj->kind->kind, obj->kind->group[0] != '\0' ? "." : "", obj->kind->group);
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)obj->version);
    if (opts->uid != NULL && !moon_streq(opts->uid, obj->uid)) {
        MOON_AUTOFREE char *why = moon_asprintf(
            "the UID in the precondition (%s) does not match the UID in record (%s). The object "
            "might have been deleted and then recreated",
            opts->uid, obj->uid);
        return moon_sim_refuse_conflict_of(st, what, obj->name, why);
    }
    if (opts->version != NULL && !moon_streq(opts->version, version)) {
        MOON_AUTOFREE char *why =
            moon_asprintf("the ResourceVersion in the precondition (%s) does not match the "
                          "ResourceVersion in record (%s). The object might have been modified",
                          opts->version, version);
        return moon_sim_refuse_conflict_of(st, what, obj->name, why);
    }
    return 0;
}

/* Seconds the pod gets; other kinds have no grace. */
static int64_t grace_of(const struct moon_sim_obj *obj, const cJSON *tree,
                        const struct moon_sim_delete_opts *opts)
{
    if (!moon_streq(obj->kind->kind, "Pod")) {
        return 0;
    }
    bool finished = moon_streq(obj->phase, "Failed") || moon_streq(obj->phase, "Succeeded");
    if (obj->node_name == NULL || obj->node_name[0] == '\0' || finished) {
        return 0;
    }
    int64_t grace = opts->has_grace ? opts->grace_s
                                    : moon_sim_int(tree, "spec.terminationGracePeriodSeconds", 30);
    return grace < 0 ? 1 : grace;
}

static void add_finalizer(cJSON *finalizers, const char *name)
{
    if (moon_sim_index_of(finalizers, name) < 0) {
        cJSON_AddItemToArray(finalizers, cJSON_CreateString(name));
    }
}

static void drop_finalizer(cJSON *finalizers, const char *name)
{
    int at = moon_sim_index_of(finalizers, name);
    if (at >= 0) {
        cJSON_DeleteItemFromArray(finalizers, at);
    }
}

/* The propagation that was asked for becomes the collector's finalizers. */
static void set_propagation(cJSON *metadata, const char *propagation)
{
    if (propagation == NULL) {
        return;
    }
    cJSON *finalizers = moon_sim_member(metadata, "finalizers");
    if (finalizers == NULL) {
        finalizers = cJSON_CreateArray();
        moon_sim_set(metadata, "finalizers", finalizers);
    }
    drop_finalizer(finalizers, "orphan");
    drop_finalizer(finalizers, "foregroundDeletion");
    if (moon_streq(propagation, "Orphan")) {
        add_finalizer(finalizers, "orphan");
    } else if (moon_streq(propagation, "Foreground")) {
        add_finalizer(finalizers, "foregroundDeletion");
    }
    if (finalizers->child == NULL) {
        moon_sim_remove(metadata, "finalizers");
    }
}

static void mark_deleted(const struct moon_sim_api *api, const struct moon_sim_kind *kind,
                         cJSON *metadata, int64_t grace_s)
{
    char when[MOON_TIME_TEXT];
    int64_t generation = moon_sim_int(metadata, "generation", 0);
    moon_sim_set_text(metadata, "deletionTimestamp",
                      moon_time_format(moon_sim_now_s(api) + grace_s, when));
    /* Namespaces have a way of their own to go. */
    if (!moon_streq(kind->kind, "Namespace")) {
        moon_sim_set_int(metadata, "deletionGracePeriodSeconds", grace_s);
    }
    if (generation > 0) {
        moon_sim_set_int(metadata, "generation", generation + 1);
    }
}

/* Already on its way out: only less time can be asked for. True when there is something to write.
 */
static bool shorten(cJSON *metadata, int64_t grace_s)
{
    char when[MOON_TIME_TEXT];
    int64_t old_grace = moon_sim_int(metadata, "deletionGracePeriodSeconds", 0);
    int64_t old_end = 0;
    if (grace_s >= old_grace) {
        return false;
    }
    (void)moon_time_parse(moon_str(moon_sim_text(metadata, "deletionTimestamp")), &old_end);
    moon_sim_set_text(metadata, "deletionTimestamp",
                      moon_time_format(old_end - old_grace + grace_s, when));
    moon_sim_set_int(metadata, "deletionGracePeriodSeconds", grace_s);
    return true;
}

/* Namespaces wait for their content; their phase says so. */
static bool waits(const cJSON *tree)
{
    return cJSON_GetArraySize(moon_sim_get(tree, "metadata.finalizers")) > 0 ||
           cJSON_GetArraySize(moon_sim_get(tree, "spec.finalizers")) > 0;
}

int moon_sim_delete(struct moon_sim_api *api, struct moon_sim_obj *obj,
                    const struct moon_sim_delete_opts *opts, cJSON **ret_tree, bool *ret_gone,
                    struct moon_sim_status *st)
{
    if (check_preconditions(obj, opts, st) != 0) {
        return -1;
    }
    const struct moon_sim_kind *kind = obj->kind;
    cJSON *tree = moon_sim_obj_tree(obj);
    cJSON *metadata = moon_sim_member(tree, "metadata");
    MOON_AUTOJSON *before = moon_sim_clone(tree);
    bool again = obj->is_deleting;
    int64_t grace_s = grace_of(obj, tree, opts);
    *ret_tree = tree;
    set_propagation(metadata, opts->propagation);
    if (again && !opts->has_grace && moon_sim_int(metadata, "deletionGracePeriodSeconds", 0) > 0) {
        grace_s = moon_sim_int(metadata, "deletionGracePeriodSeconds", 0);
    } else if (again) {
        (void)shorten(metadata, grace_s);
    }
    if (!again && kind->prepare_delete != NULL) {
        again = true; /* it marks the object itself */
        kind->prepare_delete(tree, moon_sim_now_s(api));
    }
    *ret_gone = grace_s == 0 && !waits(tree);
    /* Kinds with a grace are marked even when there is none: watchers see that first. */
    bool is_graceful = moon_streq(kind->kind, "Pod");
    if (!again && (!*ret_gone || is_graceful)) {
        mark_deleted(api, kind, metadata, grace_s);
        if (moon_streq(kind->kind, "Namespace")) {
            moon_sim_set_text(moon_sim_ensure(tree, "status"), "phase", "Terminating");
        }
    }
    moon_sim_normalise(api, kind, tree);
    if (opts->dry_run) {
        return 0;
    }
    if ((!*ret_gone || is_graceful) && !moon_sim_tree_equal(before, tree)) {
        (void)moon_sim_objdb_put(api->db, kind, tree);
    }
    if (*ret_gone) {
        moon_sim_objdb_remove(api->db, kind, tree);
    }
    return 0;
}

/* ---- verbs ---- */

/* The NamespaceLifecycle admission plugin. */
static int admit_delete(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    static const char *const immortal[] = {"default", "kube-system", "kube-public"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(immortal); i++) {
        if (moon_streq(call->kind->kind, "Namespace") && moon_streq(call->name, immortal[i])) {
            return moon_sim_refuse_forbidden(st, call->kind, call->name,
                                             "this namespace may not be deleted");
        }
    }
    return 0;
}

static int delete_named(struct moon_sim_call *call, struct moon_sim_status *st)
{
    MOON_CLEANUP(moon_sim_delete_opts_fini) struct moon_sim_delete_opts opts = {0};
    MOON_AUTOJSON *tree = NULL;
    bool gone = false;
    const char *place = call->kind->namespaced && call->ns != NULL ? call->ns : "";
    if (moon_sim_delete_opts_read(call, &opts, st) != 0 || admit_delete(call, st) != 0) {
        return -1;
    }
    struct moon_sim_obj *obj = moon_sim_objdb_get(call->api->db, call->kind, place, call->name);
    if (obj == NULL) {
        return moon_sim_refuse_not_found(st, call->kind, call->name);
    }
    if (moon_sim_delete(call->api, obj, &opts, &tree, &gone, st) != 0) {
        return -1;
    }
    if (gone && !call->kind->returns_deleted) {
        MOON_AUTOJSON *status =
            moon_sim_status_success(call->kind, call->name, moon_sim_text(tree, "metadata.uid"));
        moon_sim_reply_tree(call, 200, status);
        return 0;
    }
    moon_sim_reply_object(call, 200, tree);
    return 0;
}

void moon_sim_verb_delete(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    call->api->stats.deletes++;
    if (delete_named(call, &st) != 0) {
        moon_sim_reply_status(call, &st);
    }
}

/* References to everything that matches, so that deleting may reorder the store. */
static int collect(const struct moon_sim_call *call, struct moon_sim_obj ***ret_objs,
                   size_t *ret_count, struct moon_sim_status *st)
{
    struct moon_err err;
    size_t count = 0;
    size_t n = 0;
    MOON_CLEANUP(moon_sim_selector_free_ptr)
    struct moon_sim_selector *selector =
        moon_sim_selector_new(call->kind, moon_sim_call_query(call, "labelSelector"),
                              moon_sim_call_query(call, "fieldSelector"), &err);
    if (selector == NULL) {
        return moon_sim_refuse_bad_request(st, "%s", err.text);
    }
    struct moon_sim_obj *const *range =
        moon_sim_objdb_range(call->api->db, call->kind, call->ns, &count);
    struct moon_sim_obj **objs = moon_new_array(struct moon_sim_obj *, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (moon_sim_selector_matches(selector, range[i])) {
            objs[n++] = moon_sim_obj_ref(range[i]);
        }
    }
    *ret_objs = objs;
    *ret_count = n;
    return 0;
}

static void print_found(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj,
                        struct moon_buf *out)
{
    if (kind->custom != NULL) { /* the only ones that repeat their kind in a list */
        moon_sim_view_print(kind, obj, out);
    } else {
        moon_buf_add_str(out, obj->text);
    }
}

/* Each object goes into the answer as it was found, and as text: a tree of all of them would be
 * many times as large. */
static void delete_each(struct moon_sim_call *call, struct moon_sim_obj **objs, size_t count,
                        const struct moon_sim_delete_opts *opts, struct moon_buf *ret_items)
{
    for (size_t i = 0; i < count; i++) {
        MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
        MOON_AUTOJSON *tree = NULL;
        bool gone = false;
        if (moon_sim_delete(call->api, objs[i], opts, &tree, &gone, &st) == 0) {
            moon_buf_puts(ret_items, ret_items->len > 0 ? "," : "");
            print_found(call->kind, objs[i], ret_items);
        }
        moon_sim_obj_unref(objs[i]);
    }
}

static int delete_collection(struct moon_sim_call *call, struct moon_sim_status *st)
{
    MOON_CLEANUP(moon_sim_delete_opts_fini) struct moon_sim_delete_opts opts = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf items = MOON_BUF_INIT(ANSWER_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf answer = MOON_BUF_INIT(ANSWER_MAX_BYTES);
    MOON_AUTOFREE struct moon_sim_obj **objs = NULL;
    size_t count = 0;
    char api_version[MOON_SIM_API_VERSION_TEXT];
    char list_kind[128];
    if (moon_sim_delete_opts_read(call, &opts, st) != 0 || collect(call, &objs, &count, st) != 0) {
        return -1;
    }
    delete_each(call, objs, count, &opts, &items);
    moon_buf_printf(&answer,
                    "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
                    "\"%llu\"},\"items\":[",
                    moon_sim_kind_list(call->kind, list_kind),
                    moon_sim_kind_api_version(call->kind, api_version),
                    (unsigned long long)moon_sim_objdb_version(call->api->db));
    moon_buf_add_str(&answer, moon_buf_str(&items));
    moon_buf_puts(&answer, "]}\n");
    moon_sim_answer(call, 200, "application/json", moon_buf_str(&answer));
    return 0;
}

void moon_sim_verb_delete_collection(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    call->api->stats.deletes++;
    if (delete_collection(call, &st) != 0) {
        moon_sim_reply_status(call, &st);
    }
}
