/* SPDX-License-Identifier: Apache-2.0
 *
 * pod.c - projecting pods, and the stock controller's words about them: available, order.
 */
#include "kube/pod.h"

#include "kube/affinity.h"
#include "kube/daemonset.h"

enum {
    MESSAGE_MAX = 200,
    IMAGES_MAX = 64 * 1024,
    RESTARTS_MAX = 64 * 1024,
};

static const char *const phase_names[] = {
    [MOON_PHASE_NONE] = "",           [MOON_PHASE_PENDING] = "Pending",
    [MOON_PHASE_RUNNING] = "Running", [MOON_PHASE_SUCCEEDED] = "Succeeded",
    [MOON_PHASE_FAILED] = "Failed",   [MOON_PHASE_UNKNOWN] = "Unknown",
};

const char *moon_phase_name(enum moon_phase phase)
{
    return phase_names[phase];
}

enum moon_phase moon_phase_parse(const char *text)
{
    if (text == NULL) {
        return MOON_PHASE_NONE;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(phase_names); i++) {
        if (strcmp(text, phase_names[i]) == 0) {
            return (enum moon_phase)i;
        }
    }
    return MOON_PHASE_UNKNOWN;
}

static struct moon_pod *self(struct moon_object *o)
{
    return (struct moon_pod *)(void *)o;
}

static void project_spec(struct moon_pod *pod, const cJSON *spec)
{
    const char *node = moon_json_string(spec, "nodeName");
    if (node != NULL && *node != '\0') {
        pod->node_name = moon_intern_cstr(node);
        pod->target = moon_sym_ref(pod->node_name);
    } else {
        pod->target = moon_intern_cstr(moon_affinity_pinned_node(spec));
    }
}

static int project_images(struct moon_pod *pod, const cJSON *spec, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf images = MOON_BUF_INIT(IMAGES_MAX);
    const cJSON *containers;
    const cJSON *container;
    if (moon_object_array(spec, "containers", &containers, err) != 0) {
        return moon_err_wrap(err, "spec");
    }
    cJSON_ArrayForEach (container, containers) {
        const char *image = moon_json_string(container, "image");
        if (images.len > 0) {
            moon_buf_putc(&images, ',');
        }
        moon_buf_puts(&images, image != NULL ? image : "");
    }
    int rc = moon_buf_check(&images, "the list of images in spec.containers", err);
    if (rc == 0) {
        pod->images = moon_intern(moon_buf_str(&images));
    }
    return rc;
}

/* The first condition of type Ready counts, as in Kubernetes' podutils. */
static int project_ready(struct moon_pod *pod, const cJSON *status, struct moon_err *err)
{
    const cJSON *conditions;
    const cJSON *condition;
    if (moon_object_array(status, "conditions", &conditions, err) != 0) {
        return moon_err_wrap(err, "status");
    }
    cJSON_ArrayForEach (condition, conditions) {
        if (!moon_streq(moon_json_string(condition, "type"), "Ready")) {
            continue;
        }
        pod->ready = moon_streq(moon_json_string(condition, "status"), "True");
        if (moon_object_time(condition, "lastTransitionTime", &pod->ready_since_s, err) != 0) {
            return moon_err_wrap(err, "status.conditions[Ready]");
        }
        break;
    }
    return 0;
}

static moon_sym first_waiting(const cJSON *statuses)
{
    const cJSON *container;
    cJSON_ArrayForEach (container, statuses) {
        moon_sym reason = moon_object_sym(container, "state.waiting.reason");
        if (reason != NULL) {
            return reason;
        }
    }
    return NULL;
}

/* ---- restarts ---- */

/* "agent=3" */
static bool read_count(struct moon_str item, struct moon_str *ret_name, int64_t *ret)
{
    struct moon_str rest = moon_str_trim(item);

    return moon_str_split(&rest, '=', ret_name) && rest.ptr != NULL && moon_parse_i64(rest, ret);
}

int64_t moon_pod_restarts_of(const struct moon_pod *p, struct moon_str container)
{
    struct moon_str rest = moon_str(p->container_restarts);
    struct moon_str item;
    struct moon_str name;
    int64_t n;

    while (rest.len > 0 && moon_str_split(&rest, ',', &item)) {
        if (read_count(item, &name, &n) && moon_str_eq(name, container)) {
            return n;
        }
    }
    return -1;
}

static void add_restarts(struct moon_buf *out, const cJSON *statuses)
{
    const cJSON *container;

    cJSON_ArrayForEach (container, statuses) {
        const char *name = moon_json_string(container, "name");
        const char *id = moon_json_string(container, "containerID");
        bool has_run = id != NULL && *id != '\0';
        if (name != NULL) {
            moon_buf_printf(out, "%s%s=%lld", out->len > 0 ? "," : "", name,
                            has_run ? (long long)moon_json_int(container, "restartCount", 0) : -1);
        }
    }
}

static void project_restarts(struct moon_pod *pod, const cJSON *init, const cJSON *regular)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(RESTARTS_MAX);

    add_restarts(&text, init);
    add_restarts(&text, regular);
    if (text.len > 0) {
        pod->container_restarts = moon_intern(moon_buf_str(&text));
    }
}

/* An init container that waits is the cause; the others then only say PodInitializing. */
static int project_containers(struct moon_pod *pod, const cJSON *status, struct moon_err *err)
{
    const cJSON *init;
    const cJSON *regular;
    const cJSON *container;
    if (moon_object_array(status, "initContainerStatuses", &init, err) != 0 ||
        moon_object_array(status, "containerStatuses", &regular, err) != 0) {
        return moon_err_wrap(err, "status");
    }
    project_restarts(pod, init, regular);
    cJSON_ArrayForEach (container, regular) {
        pod->restarts += (uint32_t)moon_json_int(container, "restartCount", 0);
    }
    if (pod->reason == NULL) {
        pod->reason = first_waiting(init);
    }
    if (pod->reason == NULL) {
        pod->reason = first_waiting(regular);
    }
    return 0;
}

/* ---- an update in place ---- */

static const cJSON *find_status(const cJSON *status, struct moon_str name)
{
    static const char *const lists[] = {"containerStatuses", "initContainerStatuses"};
    const cJSON *container;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        cJSON_ArrayForEach (container, moon_json_member(status, lists[i])) {
            if (moon_str_is(name, moon_json_string(container, "name"))) {
                return container;
            }
        }
    }
    return NULL;
}

static int project_mark(struct moon_pod *pod, struct moon_str item, const cJSON *status,
                        struct moon_err *err)
{
    struct moon_str name;
    int64_t before;
    int64_t started_s = 0;

    if (!read_count(item, &name, &before)) {
        return 0; /* not one of ours */
    }
    if (moon_pod_restarts_of(pod, name) <= before) {
        pod->restarting = true;
        return 0;
    }
    if (moon_object_time(find_status(status, name), "state.running.startedAt", &started_s, err) !=
        0) {
        return moon_err_wrap(err, "status.containerStatuses");
    }
    if (started_s > pod->ready_since_s) {
        pod->ready_since_s = started_s;
    }
    return 0;
}

static int project_in_place(struct moon_pod *pod, const cJSON *json, struct moon_err *err)
{
    const cJSON *annotations = moon_json_get(json, "metadata.annotations");
    const cJSON *mark = moon_json_member(annotations, MOON_ANNOTATION_IN_PLACE);
    struct moon_str rest = moon_str(cJSON_GetStringValue(mark));
    struct moon_str item;

    if (rest.len == 0 || !moon_str_split(&rest, ':', &item) || rest.ptr == NULL) {
        return 0;
    }
    pod->in_place = moon_str_is(item, moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH));
    while (rest.len > 0 && moon_str_split(&rest, ',', &item)) {
        if (project_mark(pod, item, moon_json_member(json, "status"), err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- the whole ---- */

static int project_status(struct moon_pod *pod, const cJSON *status, struct moon_err *err)
{
    const char *message = moon_json_string(status, "message");
    if (message != NULL) {
        pod->message = moon_intern(moon_str_cut(moon_str(message), MESSAGE_MAX));
    }
    pod->phase = moon_phase_parse(moon_json_string(status, "phase"));
    pod->reason = moon_object_sym(status, "reason");
    if (moon_object_time(status, "startTime", &pod->started_s, err) != 0) {
        return moon_err_wrap(err, "status");
    }
    int rc = project_ready(pod, status, err);
    return rc != 0 ? rc : project_containers(pod, status, err);
}

/* A key with dots in it. */
static moon_sym project_mutation(const cJSON *json)
{
    const cJSON *annotations = moon_json_get(json, "metadata.annotations");

    return moon_intern_cstr(
        cJSON_GetStringValue(moon_json_member(annotations, MOON_ANNOTATION_MUTATION)));
}

static int project_any(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                       struct moon_err *err)
{
    struct moon_pod *pod = self(o);
    const cJSON *spec = moon_json_member(json, "spec");
    project_spec(pod, spec);
    pod->mutation = project_mutation(json);
    int rc = project_images(pod, spec, err);
    rc = rc != 0 ? rc : project_status(pod, moon_json_member(json, "status"), err);
    return rc != 0 ? rc : project_in_place(pod, json, err);
}

static int project(struct moon_object *o, const cJSON *json, struct moon_str text,
                   struct moon_err *err)
{
    return moon_owner_is_foreign(&o->controller) ? 1 : project_any(o, json, text, err);
}

static void fini(struct moon_object *o)
{
    struct moon_pod *pod = self(o);
    moon_sym_unref(pod->node_name);
    moon_sym_unref(pod->target);
    moon_sym_unref(pod->reason);
    moon_sym_unref(pod->message);
    moon_sym_unref(pod->images);
    moon_sym_unref(pod->mutation);
    moon_sym_unref(pod->container_restarts);
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_pod *a = moon_pod(oa);
    const struct moon_pod *b = moon_pod(ob);
    return a->node_name == b->node_name && a->target == b->target && a->phase == b->phase &&
           a->ready == b->ready && a->ready_since_s == b->ready_since_s &&
           a->started_s == b->started_s && a->restarts == b->restarts && a->reason == b->reason &&
           a->message == b->message && a->images == b->images && a->mutation == b->mutation &&
           a->container_restarts == b->container_restarts && a->in_place == b->in_place &&
           a->restarting == b->restarting && moon_object_same_head(oa, ob);
}

static const struct moon_json_want container_reads[] = {{.key = "image"}, {0}};
static const struct moon_json_want spec_reads[] = {
    {.key = "nodeName"},
    {.key = "affinity"},
    {.key = "containers", .members = container_reads},
    {0},
};
static const struct moon_json_want condition_reads[] = {
    {.key = "type"}, {.key = "status"}, {.key = "lastTransitionTime"}, {0}};
static const struct moon_json_want container_status_reads[] = {
    {.key = "name"}, {.key = "restartCount"}, {.key = "state"}, {.key = "containerID"}, {0}};
static const struct moon_json_want status_reads[] = {
    {.key = "phase"},
    {.key = "reason"},
    {.key = "message"},
    {.key = "startTime"},
    {.key = "conditions", .members = condition_reads},
    {.key = "initContainerStatuses", .members = container_status_reads},
    {.key = "containerStatuses", .members = container_status_reads},
    {0},
};
static const struct moon_json_want reads[] = {
    MOON_OBJECT_READS,
    {.key = "spec", .members = spec_reads},
    {.key = "status", .members = status_reads},
    {0},
};

const struct moon_kind moon_kind_pod = {
    .resource = &moon_resource_pods,
    .reads = reads,
    .size = sizeof(struct moon_pod),
    .project = project,
    .fini = fini,
    .same = same,
};

const struct moon_kind moon_kind_any_pod = {
    .resource = &moon_resource_pods,
    .reads = reads,
    .size = sizeof(struct moon_pod),
    .project = project_any,
    .fini = fini,
    .same = same,
};

bool moon_pod_is_available(const struct moon_pod *p, int64_t min_ready_s, int64_t now_s)
{
    if (!p->ready) {
        return false;
    }
    return min_ready_s == 0 || (p->ready_since_s != 0 && p->ready_since_s + min_ready_s <= now_s);
}

int64_t moon_pod_available_in(const struct moon_pod *p, int64_t min_ready_s, int64_t now_s)
{
    /* Ready without a time never becomes available by waiting: there is nothing to wait for. */
    if (!p->ready || p->ready_since_s == 0 || moon_pod_is_available(p, min_ready_s, now_s)) {
        return 0;
    }
    return p->ready_since_s + min_ready_s - now_s;
}

int moon_pod_order(const struct moon_pod *a, const struct moon_pod *b)
{
    if ((a->node_name == NULL) != (b->node_name == NULL)) {
        return a->node_name != NULL ? -1 : 1;
    }
    if (a->meta.created_s != b->meta.created_s) {
        return a->meta.created_s < b->meta.created_s ? -1 : 1;
    }
    return strcmp(a->meta.name, b->meta.name);
}
