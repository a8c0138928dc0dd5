/* SPDX-License-Identifier: Apache-2.0
 *
 * subresources.c - pods/binding, pods/eviction, namespaces/finalize.
 */
#include "base/time.h"
#include "sim/api_priv.h"

static struct moon_sim_obj *find_pod(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    struct moon_sim_obj *pod = moon_sim_objdb_get(call->api->db, call->kind, call->ns, call->name);
    if (pod == NULL) {
        (void)moon_sim_refuse_not_found(st, call->kind, call->name);
    }
    return pod;
}

static void reply_success(struct moon_sim_call *call, int code)
{
    MOON_AUTOJSON *body = cJSON_CreateObject();
    moon_sim_set_text(body, "kind", "Status");
    moon_sim_set_text(body, "apiVersion", "v1");
    moon_sim_set(body, "metadata", cJSON_CreateObject());
    moon_sim_set_text(body, "status", "Success");
    moon_sim_set_int(body, "code", code);
    moon_sim_reply_tree(call, code, body);
}

/* ---- binding ---- */

static int check_binding(const struct moon_sim_call *call, const struct moon_sim_obj *pod,
                         const cJSON *binding, struct moon_sim_status *st)
{
    const char *kind = moon_sim_text(binding, "target.kind");
    const char *node = moon_sim_text(binding, "target.name");
    const char *uid = moon_sim_text(binding, "metadata.uid");
    if (kind[0] != '\0' && !moon_streq(kind, "Node") && !moon_streq(kind, "Minion")) {
        return moon_sim_refuse(
            st, 500, NULL,
            "target.kind: Unsupported value: \"%s\": supported values: \"Node\", "
            "\"<empty>\"",
            kind);
    }
    if (node[0] == '\0') {
        return moon_sim_refuse(st, 500, NULL, "target.name: Required value");
    }
    if (uid[0] != '\0' && !moon_streq(uid, pod->uid)) {
        MOON_AUTOFREE char *why = moon_asprintf(
            "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, pod->uid);
        return moon_sim_refuse_conflict_of(st, "pods/binding", call->name, why);
    }
    if (pod->is_deleting) {
        MOON_AUTOFREE char *why =
            moon_asprintf("pod %s is being deleted, cannot be assigned to a host", pod->name);
        return moon_sim_refuse_conflict_of(st, "pods/binding", call->name, why);
    }
    if (pod->node_name != NULL && pod->node_name[0] != '\0') {
        MOON_AUTOFREE char *why =
            moon_asprintf("pod %s is already assigned to node \"%s\"", pod->name, pod->node_name);
        return moon_sim_refuse_conflict_of(st, "pods/binding", call->name, why);
    }
    return 0;
}

static void set_scheduled(const struct moon_sim_api *api, cJSON *pod)
{
    char now[MOON_TIME_TEXT];
    cJSON *status = moon_sim_ensure(pod, "status");
    cJSON *conditions = moon_sim_member(status, "conditions");
    cJSON *condition = NULL;
    if (conditions == NULL) {
        conditions = cJSON_CreateArray();
        moon_sim_set(status, "conditions", conditions);
    }
    cJSON_ArrayForEach (condition, conditions) {
        if (moon_streq(moon_sim_text(condition, "type"), "PodScheduled")) {
            cJSON_Delete(cJSON_DetachItemViaPointer(conditions, condition));
            break;
        }
    }
    condition = cJSON_CreateObject();
    moon_sim_set_text(condition, "type", "PodScheduled");
    moon_sim_set_text(condition, "status", "True");
    moon_sim_set_text(condition, "lastTransitionTime", moon_time_format(moon_sim_now_s(api), now));
    cJSON_AddItemToArray(conditions, condition);
}

static void copy_annotations(cJSON *pod, const cJSON *binding)
{
    const cJSON *annotation = NULL;
    cJSON_ArrayForEach (annotation, moon_sim_get(binding, "metadata.annotations")) {
        cJSON *annotations = moon_sim_ensure(moon_sim_ensure(pod, "metadata"), "annotations");
        moon_sim_set_text(annotations, annotation->string, cJSON_GetStringValue(annotation));
    }
}

static int bind(struct moon_sim_call *call, struct moon_sim_status *st)
{
    struct moon_sim_kind binding_kind = {
        .group = "", .version = "v1", .kind = "Binding", .resource = "bindings"};
    MOON_AUTOJSON *binding = NULL;
    if (moon_sim_body_tree(call, &binding, st) != 0 ||
        moon_sim_body_decode(call, &binding_kind, binding, st) != 0) {
        return -1;
    }
    if (!moon_streq(moon_sim_text(binding, "metadata.name"), call->name)) {
        return moon_sim_refuse_bad_request(st, "name in URL does not match name in Binding object");
    }
    struct moon_sim_obj *pod = find_pod(call, st);
    if (pod == NULL || check_binding(call, pod, binding, st) != 0) {
        return -1;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(pod);
    moon_sim_set_text(moon_sim_ensure(tree, "spec"), "nodeName",
                      moon_sim_text(binding, "target.name"));
    copy_annotations(tree, binding);
    set_scheduled(call->api, tree);
    const struct moon_sim_write w = {
        .api = call->api, .kind = call->kind, .subresource = "binding", .dry_run = call->dry_run};
    return moon_sim_update(&w, pod, tree, st);
}

void moon_sim_verb_binding(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    if (bind(call, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    reply_success(call, 201);
}

/* ---- eviction ---- */

static int refuse_eviction(struct moon_sim_status *st, const char *message, const char *cause)
{
    (void)moon_sim_refuse(st, 429, "TooManyRequests", "%s", message);
    moon_sim_status_add_cause(st, "DisruptionBudget", cause, NULL);
    return -1;
}

/* Take one disruption out of a budget that covers this pod. */
static int spend(struct moon_sim_call *call, struct moon_sim_obj *obj, const char *pod,
                 bool dry_run, struct moon_sim_status *st)
{
    char now[MOON_TIME_TEXT];
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    cJSON *status = moon_sim_ensure(tree, "status");
    int64_t allowed = moon_sim_int(status, "disruptionsAllowed", 0);
    if (moon_sim_int(status, "observedGeneration", 0) <
        moon_sim_int(tree, "metadata.generation", 0)) {
        MOON_AUTOFREE char *cause = moon_asprintf(
            "The disruption budget %s is still being processed by the server.", obj->name);
        (void)refuse_eviction(
            st, "Cannot evict pod as it would violate the pod's disruption budget.", cause);
        moon_sim_set_int(moon_sim_ensure(st->body, "details"), "retryAfterSeconds", 10);
        return -1;
    }
    if (allowed <= 0) {
        MOON_AUTOFREE char *cause =
            moon_asprintf("The disruption budget %s needs %lld healthy pods and has %lld currently",
                          obj->name, (long long)moon_sim_int(status, "desiredHealthy", 0),
                          (long long)moon_sim_int(status, "currentHealthy", 0));
        return refuse_eviction(
            st, "Cannot evict pod as it would violate the pod's disruption budget.", cause);
    }
    moon_sim_set_int(status, "disruptionsAllowed", allowed - 1);
    moon_sim_set_text(moon_sim_ensure(status, "disruptedPods"), pod,
                      moon_time_format(moon_sim_now_s(call->api), now));
    const struct moon_sim_write w = {
        .api = call->api, .kind = obj->kind, .subresource = "status", .dry_run = dry_run};
    return moon_sim_update(&w, obj, tree, st);
}

/* Budgets are counted by the disruption controller; the server only obeys them. */
static int check_budgets(struct moon_sim_call *call, const struct moon_sim_obj *pod, bool dry_run,
                         struct moon_sim_status *st)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("policy", "PodDisruptionBudget");
    struct moon_err err;
    struct moon_sim_obj *covering = NULL;
    size_t count = 0;
    size_t matches = 0;
    if (pod->phase == NULL || moon_streq(pod->phase, "Succeeded") ||
        moon_streq(pod->phase, "Failed") || moon_streq(pod->phase, "Pending")) {
        return 0;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(pod);
    struct moon_sim_obj *const *range = moon_sim_objdb_range(call->api->db, kind, pod->ns, &count);
    for (size_t i = 0; i < count; i++) {
        MOON_AUTOJSON *budget = moon_sim_obj_tree(range[i]);
        MOON_CLEANUP(moon_sim_selector_free_ptr)
        struct moon_sim_selector *selector =
            moon_sim_selector_from_tree(moon_sim_get(budget, "spec.selector"), &err);
        if (selector != NULL &&
            moon_sim_selector_matches_labels(selector, moon_sim_get(tree, "metadata.labels"))) {
            covering = range[i];
            matches++;
        }
    }
    if (matches > 1) {
        return moon_sim_refuse(st, 500, NULL,
                               "This pod has more than one PodDisruptionBudget, which the eviction "
                               "subresource does not support.");
    }
    return covering != NULL ? spend(call, covering, pod->name, dry_run, st) : 0;
}

static int evict(struct moon_sim_call *call, struct moon_sim_status *st)
{
    MOON_AUTOJSON *eviction = NULL;
    MOON_AUTOJSON *tree = NULL;
    MOON_CLEANUP(moon_sim_delete_opts_fini) struct moon_sim_delete_opts opts = {0};
    bool gone = false;
    if (moon_sim_body_tree(call, &eviction, st) != 0) {
        return -1;
    }
    const char *kind = moon_sim_text(eviction, "kind");
    const char *version = moon_sim_text(eviction, "apiVersion");
    if ((kind[0] != '\0' && !moon_streq(kind, "Eviction")) ||
        (version[0] != '\0' && !moon_str_starts(moon_str(version), "policy/"))) {
        return moon_sim_refuse_bad_request(st, "no kind \"%s\" is registered for version \"%s\"",
                                           kind, version);
    }
    const char *name = moon_sim_text(eviction, "metadata.name");
    if (name[0] != '\0' && !moon_streq(name, call->name)) {
        return moon_sim_refuse_bad_request(st,
                                           "name in URL does not match name in Eviction object");
    }
    if (moon_sim_delete_opts_from_tree(moon_sim_member(eviction, "deleteOptions"), &opts, st) !=
        0) {
        return -1;
    }
    opts.dry_run = opts.dry_run || call->dry_run;
    struct moon_sim_obj *pod = find_pod(call, st);
    if (pod == NULL || (!pod->is_deleting && check_budgets(call, pod, opts.dry_run, st) != 0)) {
        return -1;
    }
    return moon_sim_delete(call->api, pod, &opts, &tree, &gone, st);
}

void moon_sim_verb_eviction(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    call->api->stats.deletes++;
    if (evict(call, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    reply_success(call, 201);
}

/* ---- finalize ---- */

static int finalize(struct moon_sim_call *call, cJSON **ret_tree, struct moon_sim_status *st)
{
    struct moon_sim_obj *obj = moon_sim_objdb_get(call->api->db, call->kind, "", call->name);
    if (moon_sim_body_tree(call, ret_tree, st) != 0 ||
        moon_sim_body_decode(call, call->kind, *ret_tree, st) != 0) {
        return -1;
    }
    if (obj == NULL) {
        return moon_sim_refuse_not_found(st, call->kind, call->name);
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
    moon_sim_set(moon_sim_ensure(tree, "spec"), "finalizers",
                 moon_sim_clone(moon_sim_get(*ret_tree, "spec.finalizers")));
    const struct moon_sim_write w = {
        .api = call->api, .kind = call->kind, .subresource = "finalize", .dry_run = call->dry_run};
    if (moon_sim_update(&w, obj, tree, st) != 0) {
        return -1;
    }
    cJSON_Delete(*ret_tree);
    *ret_tree = moon_steal(&tree);
    return 0;
}

void moon_sim_verb_finalize(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_AUTOJSON *tree = NULL;
    if (finalize(call, &tree, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_object(call, 200, tree);
}
