/* SPDX-License-Identifier: Apache-2.0
 *
 * played.c - nodes and pods, cut down to what the simulation looks at.
 */
#include "sim/played.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/str.h"

uint32_t moon_played_ip_parse(const char *text)
{
    struct in_addr address;
    return text != NULL && inet_pton(AF_INET, text, &address) == 1 ? ntohl(address.s_addr) : 0;
}

const char *moon_played_ip_format(uint32_t ip, char out[MOON_PLAYED_IP_TEXT])
{
    (void)snprintf(out, MOON_PLAYED_IP_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
                   ip & 255);
    return out;
}

/* The first condition of this type. */
static const cJSON *condition(const cJSON *json, const char *type)
{
    const cJSON *all = moon_json_get(json, "status.conditions");
    const cJSON *item;
    cJSON_ArrayForEach (item, all) {
        if (moon_streq(moon_json_string(item, "type"), type)) {
            return item;
        }
    }
    return NULL;
}

static bool is_true(const cJSON *condition_json)
{
    return moon_streq(moon_json_string(condition_json, "status"), "True");
}

/* ---- nodes ---- */

static const char *const condition_names[MOON_NODE_CONDITIONS] = {
    [MOON_NODE_READY] = "Ready",
    [MOON_NODE_MEMORY_PRESSURE] = "MemoryPressure",
    [MOON_NODE_DISK_PRESSURE] = "DiskPressure",
    [MOON_NODE_PID_PRESSURE] = "PIDPressure",
    [MOON_NODE_NETWORK_UNAVAILABLE] = "NetworkUnavailable",
};

const char *moon_node_condition_name(enum moon_node_condition type)
{
    return condition_names[type];
}

static enum moon_condition condition_status(const cJSON *condition_json)
{
    const char *status = moon_json_string(condition_json, "status");
    if (condition_json == NULL) {
        return MOON_CONDITION_ABSENT;
    }
    if (moon_streq(status, "True")) {
        return MOON_CONDITION_TRUE;
    }
    return moon_streq(status, "False") ? MOON_CONDITION_FALSE : MOON_CONDITION_UNKNOWN;
}

static int project_conditions(struct moon_played_node *node, const cJSON *json,
                              struct moon_err *err)
{
    for (size_t i = 0; i < MOON_NODE_CONDITIONS; i++) {
        node->conditions[i] = condition_status(condition(json, condition_names[i]));
    }
    node->is_ready = node->conditions[MOON_NODE_READY] == MOON_CONDITION_TRUE;
    return moon_object_time(condition(json, "Ready"), "lastHeartbeatTime", &node->heartbeat_s, err);
}

static uint32_t internal_ip(const cJSON *json)
{
    const cJSON *addresses = moon_json_get(json, "status.addresses");
    const cJSON *item;
    cJSON_ArrayForEach (item, addresses) {
        if (moon_streq(moon_json_string(item, "type"), "InternalIP")) {
            return moon_played_ip_parse(moon_json_string(item, "address"));
        }
    }
    return 0;
}

static int project_node(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                        struct moon_err *err)
{
    struct moon_played_node *node = (struct moon_played_node *)(void *)o;
    const cJSON *spec = moon_json_member(json, "spec");
    node->unschedulable = moon_json_bool(spec, "unschedulable", false);
    node->has_capacity = moon_json_get(json, "status.capacity.pods") != NULL;
    node->ip = internal_ip(json);
    moon_node_orders_read(&node->orders, json);
    if (project_conditions(node, json, err) != 0) {
        return moon_err_wrap(err, "status.conditions");
    }
    const cJSON *allocatable = moon_json_get(json, "status.allocatable");
    if (allocatable == NULL) {
        allocatable = moon_json_get(json, "status.capacity");
    }
    if (moon_amounts_from_json(allocatable, &node->allocatable, err) != 0) {
        return moon_err_wrap(err, "status.allocatable");
    }
    if (moon_taints_from_json(moon_json_member(spec, "taints"), &node->taints, err) != 0) {
        return moon_err_wrap(err, "spec.taints");
    }
    return 0;
}

static void fini_node(struct moon_object *o)
{
    struct moon_played_node *node = (struct moon_played_node *)(void *)o;
    moon_node_orders_fini(&node->orders);
    moon_taints_fini(&node->taints);
    moon_amounts_fini(&node->allocatable);
}

static bool same_node(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_played_node *a = moon_played_node(oa);
    const struct moon_played_node *b = moon_played_node(ob);
    return a->unschedulable == b->unschedulable && a->heartbeat_s == b->heartbeat_s &&
           memcmp(a->conditions, b->conditions, sizeof(a->conditions)) == 0 &&
           a->has_capacity == b->has_capacity && a->ip == b->ip && moon_object_same_head(oa, ob) &&
           moon_node_orders_equal(&a->orders, &b->orders) &&
           moon_taints_equal(&a->taints, &b->taints) &&
           moon_amounts_equal(&a->allocatable, &b->allocatable);
}

const struct moon_kind moon_kind_played_node = {
    .resource = &moon_resource_nodes,
    .size = sizeof(struct moon_played_node),
    .project = project_node,
    .fini = fini_node,
    .same = same_node,
};

/* ---- pods ---- */

static int project_containers(struct moon_played_pod *pod, const cJSON *spec, struct moon_err *err)
{
    const cJSON *init;
    const cJSON *regular;
    if (moon_object_array(spec, "initContainers", &init, err) != 0 ||
        moon_object_array(spec, "containers", &regular, err) != 0) {
        return moon_err_wrap(err, "spec");
    }
    pod->init_count = (uint32_t)cJSON_GetArraySize(init);
    uint32_t count = pod->init_count + (uint32_t)cJSON_GetArraySize(regular);
    pod->containers = moon_new_array(struct moon_played_container, count);
    const cJSON *const lists[] = {init, regular};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *item;
        cJSON_ArrayForEach (item, lists[i]) {
            const char *name = moon_json_string(item, "name");
            const char *image = moon_json_string(item, "image");
            struct moon_played_container *container = &pod->containers[pod->container_count++];
            container->name = moon_intern_cstr(name != NULL ? name : "");
            container->image = moon_intern_cstr(image != NULL ? image : "");
            container->always_pulls =
                moon_streq(moon_json_string(item, "imagePullPolicy"), "Always");
            moon_pod_orders_image(&pod->orders, container->image);
        }
    }
    return 0;
}

static enum moon_phase parse_phase(const char *text)
{
    for (int phase = MOON_PHASE_PENDING; phase <= MOON_PHASE_UNKNOWN; phase++) {
        if (moon_streq(text, moon_phase_name((enum moon_phase)phase))) {
            return (enum moon_phase)phase;
        }
    }
    return MOON_PHASE_NONE;
}

/* By what one of our kubelets has written: others may spell an image in other ways. */
static bool runs_old_image(const struct moon_played_pod *pod, const cJSON *status)
{
    const char *name = moon_json_string(status, "name");
    struct moon_str id = moon_str(moon_json_string(status, "imageID"));

    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        if (moon_streq(pod->containers[i].name, name)) {
            return moon_str_starts(id, MOON_PLAYED_IMAGE_ID) &&
                   !moon_str_is((struct moon_str){id.ptr + strlen(MOON_PLAYED_IMAGE_ID),
                                                  id.len - strlen(MOON_PLAYED_IMAGE_ID)},
                                pod->containers[i].image);
        }
    }
    return false;
}

static int project_status(struct moon_played_pod *pod, const cJSON *json, struct moon_err *err)
{
    const cJSON *status = moon_json_member(json, "status");
    const cJSON *ready = condition(json, "Ready");
    const cJSON *statuses = moon_json_get(status, "containerStatuses");
    const cJSON *item;
    pod->phase = parse_phase(moon_json_string(status, "phase"));
    pod->has_ready = ready != NULL;
    pod->ready = is_true(ready);
    pod->has_initialized = is_true(condition(json, "Initialized"));
    pod->is_scheduled = is_true(condition(json, "PodScheduled"));
    pod->ip = moon_played_ip_parse(moon_json_string(status, "podIP"));
    pod->nominated = moon_object_sym(status, "nominatedNodeName");
    cJSON_ArrayForEach (item, statuses) {
        int64_t restarts = moon_json_int(item, "restartCount", 0);
        if (restarts > pod->restarts && restarts < UINT32_MAX) {
            pod->restarts = (uint32_t)restarts;
        }
        pod->has_old_image |= runs_old_image(pod, item);
        if (pod->waiting == NULL) {
            pod->waiting = moon_object_sym(item, "state.waiting.reason");
        }
    }
    return moon_object_time(status, "startTime", &pod->started_s, err);
}

static enum moon_restart parse_restart(const char *text)
{
    if (moon_streq(text, "OnFailure")) {
        return MOON_RESTART_ON_FAILURE;
    }
    return moon_streq(text, "Never") ? MOON_RESTART_NEVER : MOON_RESTART_ALWAYS;
}

/* How it is treated where it runs. */
static void project_terms(struct moon_played_pod *pod, const cJSON *json, const cJSON *spec)
{
    int64_t grace_s = moon_json_int(spec, "terminationGracePeriodSeconds", 30);
    pod->grace_s = moon_json_int(json, "metadata.deletionGracePeriodSeconds", grace_s);
    pod->priority = (int32_t)moon_json_int(spec, "priority", 0);
    pod->restart = parse_restart(moon_json_string(spec, "restartPolicy"));
    pod->hostname = moon_object_sym(spec, "hostname");
    pod->subdomain = moon_object_sym(spec, "subdomain");
    pod->is_host_network = moon_json_bool(spec, "hostNetwork", false);
    pod->is_best_effort = moon_streq(moon_json_string(json, "status.qosClass"), "BestEffort");
    pod->is_ending = pod->meta.deleted_s != 0 && pod->grace_s == 0;
    pod->has_finalizers = cJSON_GetArraySize(moon_json_get(json, "metadata.finalizers")) > 0;
}

/* Whoever has begun to run is only asked whether it bears NoExecute. */
static int project_tolerations(struct moon_played_pod *pod, const cJSON *spec, struct moon_err *err)
{
    MOON_CLEANUP(moon_tolerations_fini) struct moon_tolerations all = {0};
    if (moon_tolerations_from_json(moon_json_member(spec, "tolerations"), &all, err) != 0) {
        return moon_err_wrap(err, "spec.tolerations");
    }
    if (pod->phase == MOON_PHASE_PENDING || pod->phase == MOON_PHASE_NONE) {
        pod->tolerations = all;
        all = (struct moon_tolerations){0};
        return 0;
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct moon_toleration *t = &all.items[i];
        if (t->effect == MOON_EFFECT_NONE || t->effect == MOON_EFFECT_NO_EXECUTE) {
            moon_tolerations_add(&pod->tolerations, t->key, t->op_text, t->value, t->effect_text,
                                 t->has_seconds ? &t->seconds : NULL);
        }
    }
    return 0;
}

/* What the scheduler looks at; a bound pod needs none of it. */
static void project_wishes(struct moon_played_pod *pod, const cJSON *json, const cJSON *spec)
{
    const char *scheduler = moon_json_string(spec, "schedulerName");
    const cJSON *scheduled = condition(json, "PodScheduled");
    pod->is_gated = cJSON_GetArraySize(moon_json_member(spec, "schedulingGates")) > 0;
    pod->is_foreign = scheduler != NULL && strcmp(scheduler, "default-scheduler") != 0;
    pod->pinned = moon_intern_cstr(moon_affinity_pinned_node(spec));
    if (scheduled != NULL && !is_true(scheduled)) {
        pod->unschedulable = moon_object_sym(scheduled, "message");
    }
}

static int project_pod(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                       struct moon_err *err)
{
    struct moon_played_pod *pod = (struct moon_played_pod *)(void *)o;
    const cJSON *spec = moon_json_member(json, "spec");
    const char *node = moon_json_string(spec, "nodeName");
    pod->node_name = node != NULL && *node != '\0' ? moon_intern_cstr(node) : NULL;
    project_terms(pod, json, spec);
    moon_pod_orders_init(&pod->orders);
    if (project_containers(pod, spec, err) != 0 || project_status(pod, json, err) != 0 ||
        project_tolerations(pod, spec, err) != 0) {
        return -(int)err->code;
    }
    pod->demands = moon_demands_new(spec, o->namespace, pod->node_name != NULL, err);
    if (pod->demands == NULL) {
        return moon_err_wrap(err, "spec");
    }
    moon_pod_orders_annotations(&pod->orders, json);
    if (pod->phase == MOON_PHASE_PENDING || pod->phase == MOON_PHASE_NONE) {
        pod->affinity = moon_affinity_from_pod_spec(spec);
    }
    if (pod->node_name == NULL) {
        project_wishes(pod, json, spec);
    }
    return 0;
}

static void fini_pod(struct moon_object *o)
{
    struct moon_played_pod *pod = (struct moon_played_pod *)(void *)o;
    for (size_t i = 0; i < pod->container_count; i++) {
        moon_sym_unref(pod->containers[i].name);
        moon_sym_unref(pod->containers[i].image);
    }
    moon_free(pod->containers);
    moon_affinity_free(pod->affinity);
    moon_tolerations_fini(&pod->tolerations);
    moon_sym_unref(pod->node_name);
    moon_pod_orders_fini(&pod->orders);
    moon_sym_unref(pod->waiting);
    moon_sym_unref(pod->pinned);
    moon_sym_unref(pod->unschedulable);
    moon_sym_unref(pod->nominated);
    moon_sym_unref(pod->hostname);
    moon_sym_unref(pod->subdomain);
    moon_demands_free(pod->demands);
}

static bool same_containers(const struct moon_played_pod *a, const struct moon_played_pod *b)
{
    if (a->container_count != b->container_count || a->init_count != b->init_count) {
        return false;
    }
    for (size_t i = 0; i < a->container_count; i++) {
        if (a->containers[i].name != b->containers[i].name ||
            a->containers[i].image != b->containers[i].image) {
            return false;
        }
    }
    return true;
}

static bool same_status(const struct moon_played_pod *a, const struct moon_played_pod *b)
{
    return a->phase == b->phase && a->has_ready == b->has_ready && a->ready == b->ready &&
           a->has_initialized == b->has_initialized && a->is_scheduled == b->is_scheduled &&
           a->restarts == b->restarts && a->ip == b->ip && a->started_s == b->started_s &&
           a->waiting == b->waiting && a->has_old_image == b->has_old_image &&
           a->unschedulable == b->unschedulable && a->nominated == b->nominated;
}

/* A pod's affinity and demands never change; tolerations may only be added. */
static bool same_pod(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_played_pod *a = moon_played_pod(oa);
    const struct moon_played_pod *b = moon_played_pod(ob);
    return a->node_name == b->node_name && a->grace_s == b->grace_s &&
           a->has_finalizers == b->has_finalizers && a->is_ending == b->is_ending &&
           a->is_gated == b->is_gated && moon_pod_orders_equal(&a->orders, &b->orders) &&
           same_status(a, b) && same_containers(a, b) && moon_object_same_head(oa, ob) &&
           moon_tolerations_equal(&a->tolerations, &b->tolerations);
}

const struct moon_kind moon_kind_played_pod = {
    .resource = &moon_resource_pods,
    .size = sizeof(struct moon_played_pod),
    .project = project_pod,
    .fini = fini_pod,
    .same = same_pod,
};
