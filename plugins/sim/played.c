/* SPDX-License-Identifier: Apache-2.0
 *
 * played.c - nodes and pods, cut down to what the simulation looks at.
 */
#include "sim/played.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/str.h"

#define ANNOTATION_PREFIX "sim.moonset.dev/"

enum {
    SLOW_READY_MS = 10 * 1000,
    WRONG_MAX = 200
};

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

static const char *annotation(const cJSON *json, const char *key)
{
    const cJSON *all = moon_json_get(json, "metadata.annotations");
    return cJSON_GetStringValue(moon_json_member(all, key));
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
    node->is_ready = is_true(condition(json, "Ready"));
    node->has_capacity = moon_json_get(json, "status.capacity.pods") != NULL;
    node->is_down = moon_streq(annotation(json, ANNOTATION_PREFIX "down"), "true");
    node->reject = moon_intern_cstr(annotation(json, ANNOTATION_PREFIX "reject"));
    node->ip = internal_ip(json);
    if (moon_taints_from_json(moon_json_member(spec, "taints"), &node->taints, err) != 0) {
        return moon_err_wrap(err, "spec.taints");
    }
    return 0;
}

static void fini_node(struct moon_object *o)
{
    struct moon_played_node *node = (struct moon_played_node *)(void *)o;
    moon_sym_unref(node->reject);
    moon_taints_fini(&node->taints);
}

static bool same_node(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_played_node *a = moon_played_node(oa);
    const struct moon_played_node *b = moon_played_node(ob);
    return a->unschedulable == b->unschedulable && a->is_ready == b->is_ready &&
           a->has_capacity == b->has_capacity && a->is_down == b->is_down &&
           a->reject == b->reject && a->ip == b->ip && moon_object_same_head(oa, ob) &&
           moon_taints_equal(&a->taints, &b->taints);
}

const struct moon_kind moon_kind_played_node = {
    .resource = &moon_resource_nodes,
    .size = sizeof(struct moon_played_node),
    .project = project_node,
    .fini = fini_node,
    .same = same_node,
};

/* ---- the fate of a pod ---- */

struct rule {
    const char *name;
    enum moon_fate fate;
};

static const struct rule outcomes[] = {
    {"failed", MOON_FATE_FAIL},
    {"succeeded", MOON_FATE_SUCCEED},
    {"crash", MOON_FATE_CRASH},
    {"never-ready", MOON_FATE_NEVER_READY},
};

static const struct rule tags[] = {
    {"broken", MOON_FATE_NO_IMAGE},
    {"crash", MOON_FATE_CRASH},
    {"failed", MOON_FATE_FAIL},
};

static bool find_rule(const struct rule *rules, size_t count, struct moon_str name,
                      enum moon_fate *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (moon_str_is(name, rules[i].name)) {
            *ret = rules[i].fate;
            return true;
        }
    }
    return false;
}

/* "v1" of "host/path/image:v1@sha256:…". Of "host:5000/image" it is "5000/image", which is no tag
 * that has a meaning here. */
static struct moon_str tag_of(const char *image)
{
    size_t end = strcspn(image, "@");
    size_t start = end;
    while (start > 0 && image[start - 1] != ':') {
        start--;
    }
    return start > 0 ? (struct moon_str){image + start, end - start} : (struct moon_str){0};
}

static void decide_by_images(struct moon_played_pod *pod)
{
    for (size_t i = 0; i < pod->container_count; i++) {
        struct moon_str tag = tag_of(pod->containers[i].image);
        if (moon_str_is(tag, "slow")) {
            pod->has_ready_after = true;
            pod->ready_after_ms = SLOW_READY_MS;
        }
        if (find_rule(tags, MOON_ARRAY_SIZE(tags), tag, &pod->fate)) {
            return;
        }
    }
}

static void complain(struct moon_played_pod *pod, const char *key, const char *value)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("annotation " ANNOTATION_PREFIX "%s: \"%s\"", key, value);
    moon_sym_unref(pod->wrong);
    pod->wrong = moon_intern(moon_str_cut(moon_str(text), WRONG_MAX));
}

/* Annotations win over images. A wrong one is told (by the player) and counts as absent. */
static void decide_by_annotations(struct moon_played_pod *pod, const cJSON *json)
{
    const char *outcome = annotation(json, ANNOTATION_PREFIX "outcome");
    const char *ready_after = annotation(json, ANNOTATION_PREFIX "ready-after");
    if (outcome != NULL &&
        !find_rule(outcomes, MOON_ARRAY_SIZE(outcomes), moon_str(outcome), &pod->fate)) {
        complain(pod, "outcome", outcome);
    }
    if (ready_after != NULL) {
        uint64_t delay_ms;
        if (moon_parse_duration_ms(moon_str(ready_after), &delay_ms)) {
            pod->has_ready_after = true;
            pod->ready_after_ms = delay_ms;
        } else {
            complain(pod, "ready-after", ready_after);
        }
    }
    pod->reason = moon_intern_cstr(annotation(json, ANNOTATION_PREFIX "reason"));
}

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
    cJSON_ArrayForEach (item, statuses) {
        int64_t restarts = moon_json_int(item, "restartCount", 0);
        if (restarts > pod->restarts && restarts < UINT32_MAX) {
            pod->restarts = (uint32_t)restarts;
        }
        if (pod->waiting == NULL) {
            pod->waiting = moon_object_sym(item, "state.waiting.reason");
        }
    }
    return moon_object_time(status, "startTime", &pod->started_s, err);
}

/* What the scheduler looks at; a bound pod needs none of it. */
static int project_wishes(struct moon_played_pod *pod, const cJSON *json, const cJSON *spec,
                          struct moon_err *err)
{
    const char *scheduler = moon_json_string(spec, "schedulerName");
    const cJSON *scheduled = condition(json, "PodScheduled");
    pod->is_foreign = scheduler != NULL && strcmp(scheduler, "default-scheduler") != 0;
    pod->pinned = moon_intern_cstr(moon_affinity_pinned_node(spec));
    if (scheduled != NULL && !is_true(scheduled)) {
        pod->unschedulable = moon_object_sym(scheduled, "message");
    }
    if (moon_tolerations_from_json(moon_json_member(spec, "tolerations"), &pod->tolerations, err) !=
        0) {
        return moon_err_wrap(err, "spec.tolerations");
    }
    return 0;
}

static int project_pod(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                       struct moon_err *err)
{
    struct moon_played_pod *pod = (struct moon_played_pod *)(void *)o;
    const cJSON *spec = moon_json_member(json, "spec");
    const char *node = moon_json_string(spec, "nodeName");
    pod->node_name = node != NULL && *node != '\0' ? moon_intern_cstr(node) : NULL;
    pod->is_host_network = moon_json_bool(spec, "hostNetwork", false);
    pod->is_ending =
        o->deleted_s != 0 && moon_json_int(json, "metadata.deletionGracePeriodSeconds", 1) == 0;
    if (project_containers(pod, spec, err) != 0 || project_status(pod, json, err) != 0) {
        return -(int)err->code;
    }
    decide_by_images(pod);
    decide_by_annotations(pod, json);
    if (pod->phase == MOON_PHASE_PENDING || pod->phase == MOON_PHASE_NONE) {
        pod->affinity = moon_affinity_from_pod_spec(spec);
    }
    return pod->node_name == NULL ? project_wishes(pod, json, spec, err) : 0;
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
    moon_sym_unref(pod->reason);
    moon_sym_unref(pod->wrong);
    moon_sym_unref(pod->waiting);
    moon_sym_unref(pod->pinned);
    moon_sym_unref(pod->unschedulable);
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
           a->waiting == b->waiting && a->unschedulable == b->unschedulable;
}

/* A pod's affinity never changes; tolerations may only be added. */
static bool same_pod(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_played_pod *a = moon_played_pod(oa);
    const struct moon_played_pod *b = moon_played_pod(ob);
    return a->node_name == b->node_name && a->fate == b->fate && a->reason == b->reason &&
           a->wrong == b->wrong && a->has_ready_after == b->has_ready_after &&
           a->ready_after_ms == b->ready_after_ms && a->is_ending == b->is_ending &&
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
