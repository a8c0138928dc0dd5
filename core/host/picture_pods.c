/* SPDX-License-Identifier: Apache-2.0 */
#include "host/picture_pods.h"

#include "base/list.h"
#include "base/time.h"
#include "host/picture_priv.h"
#include "kube/affinity.h"

#define PODS_MAGIC 0x70d50001u

struct moon_picture_pods {
    unsigned magic;
    struct moon_picture_pods_opts opts;
    struct moon_picture *picture;
    struct moon_list starting;
};

struct start {
    struct moon_list link;
    struct moon_picture_pods *pods;
    struct moon_timer *timer;
    char *namespace;
    char *name;
    bool is_bound;
};

static void free_start(struct start *s)
{
    moon_list_remove(&s->link);
    moon_timer_free(s->timer);
    moon_free(s->namespace);
    moon_free(s->name);
    moon_free(s);
}

/* ---- trees ---- */

static void bind(cJSON *pod, void *ctx)
{
    cJSON *spec = cJSON_GetObjectItemCaseSensitive(pod, "spec");
    const char *node = moon_affinity_pinned_node(spec);

    (void)ctx;
    if (node != NULL && moon_json_string(spec, "nodeName") == NULL) {
        MOON_AUTOFREE char *copy = moon_strdup(node);
        moon_picture_set_text(spec, "nodeName", copy);
    }
}

static void make_ready(cJSON *pod, void *ctx)
{
    const struct start *s = ctx;
    cJSON *status = cJSON_CreateObject();
    cJSON *condition = cJSON_CreateObject();
    char now[MOON_TIME_TEXT];

    (void)moon_time_format(moon_loop_wall_ms(s->pods->opts.loop) / 1000, now);
    cJSON_DeleteItemFromObjectCaseSensitive(pod, "status");
    (void)cJSON_AddItemToObject(pod, "status", status);
    moon_picture_set_text(status, "phase", "Running");
    moon_picture_set_text(status, "startTime", now);
    (void)cJSON_AddItemToArray(cJSON_AddArrayToObject(status, "conditions"), condition);
    moon_picture_set_text(condition, "type", "Ready");
    moon_picture_set_text(condition, "status", "True");
    moon_picture_set_text(condition, "lastTransitionTime", now);
}

static bool has_condition(const cJSON *object, const char *type)
{
    const cJSON *condition;

    cJSON_ArrayForEach (condition, moon_json_get(object, "status.conditions")) {
        if (moon_streq(moon_json_string(condition, "type"), type)) {
            return moon_streq(moon_json_string(condition, "status"), "True");
        }
    }
    return false;
}

/* ---- starting ---- */

static bool node_is_ready(const struct start *s)
{
    const struct moon_picture_object *pod =
        moon_picture_find(s->pods->picture, "pods", s->namespace, s->name);
    struct moon_err err;
    MOON_AUTOJSON *json = pod != NULL ? moon_json_parse(moon_str(pod->text), &err) : NULL;
    const char *name = moon_json_string(json, "spec.nodeName");
    const struct moon_picture_object *node =
        name != NULL ? moon_picture_find(s->pods->picture, "nodes", NULL, name) : NULL;
    MOON_AUTOJSON *node_json = node != NULL ? moon_json_parse(moon_str(node->text), &err) : NULL;

    return has_condition(node_json, "Ready");
}

/* At once it is bound, and after its time ready. */
static void on_time(void *ctx)
{
    struct start *s = ctx;
    const struct moon_picture_pods *pods = s->pods;

    if (!s->is_bound) {
        s->is_bound = true;
        (void)moon_picture_change(pods->picture, "pods", s->namespace, s->name, bind, s);
        moon_timer_start(s->timer, pods->opts.start_ms);
        return;
    }
    if (node_is_ready(s)) {
        (void)moon_picture_change(pods->picture, "pods", s->namespace, s->name, make_ready, s);
    }
    free_start(s);
}

static struct start *find(const struct moon_picture_pods *p, const char *namespace,
                          const char *name)
{
    moon_list_foreach (it, &p->starting) {
        struct start *s = moon_container_of(it, struct start, link);
        if (moon_streq(s->namespace, namespace) && moon_streq(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

/* Pods that wait for anything but their start have trouble. */
static bool has_trouble(const cJSON *pod)
{
    const cJSON *container;

    cJSON_ArrayForEach (container, moon_json_get(pod, "status.containerStatuses")) {
        const char *reason = moon_json_string(container, "state.waiting.reason");
        bool starts = reason == NULL || moon_streq(reason, "ContainerCreating") ||
                      moon_streq(reason, "PodInitializing");
        if (!starts || moon_json_int(container, "restartCount", 0) > 0) {
            return true;
        }
    }
    return moon_streq(moon_json_string(pod, "status.phase"), "Failed") ||
           moon_streq(moon_json_string(pod, "status.phase"), "Succeeded");
}

static void take(struct moon_picture_pods *p, const cJSON *pod)
{
    const char *namespace = moon_json_string(pod, "metadata.namespace");
    const char *name = moon_json_string(pod, "metadata.name");

    if (has_condition(pod, "Ready") || has_trouble(pod) || find(p, namespace, name) != NULL ||
        moon_json_string(pod, "metadata.deletionTimestamp") != NULL) {
        return;
    }
    struct start *s = moon_new(struct start);
    s->pods = p;
    s->namespace = moon_strdup(namespace);
    s->name = moon_strdup(name);
    s->timer = moon_timer_new(p->opts.loop, on_time, s);
    moon_timer_start(s->timer, 0);
    moon_list_append(&p->starting, &s->link);
}

void moon_picture_pods_written(const char *resource, struct moon_str text, bool is_gone, void *pods)
{
    struct moon_picture_pods *p = MOON_CAST(moon_picture_pods, pods, PODS_MAGIC);
    struct moon_err err;

    if (!moon_streq(resource, "pods")) {
        return;
    }
    MOON_AUTOJSON *pod = moon_json_parse(text, &err);
    if (!is_gone) {
        take(p, pod);
        return;
    }
    struct start *s = find(p, moon_json_string(pod, "metadata.namespace"),
                           moon_json_string(pod, "metadata.name"));
    if (s != NULL) {
        free_start(s);
    }
}

/* ---- life ---- */

void moon_picture_pods_begin(struct moon_picture_pods *p, struct moon_picture *picture,
                             const struct moon_snapshot *snapshot)
{
    struct moon_str key;
    struct moon_err err;
    void *text;
    size_t pos = 0;

    p->picture = picture;
    while (moon_map_next(snapshot->objects, &pos, &key, &text)) {
        if (moon_str_starts(key, "pods/")) {
            MOON_AUTOJSON *pod = moon_json_parse(moon_str(text), &err);
            take(p, pod);
        }
    }
}

size_t moon_picture_pods_starting(const struct moon_picture_pods *p)
{
    size_t count = 0;

    moon_list_foreach (it, &p->starting) {
        count++;
    }
    return count;
}

struct moon_picture_pods *moon_picture_pods_new(const struct moon_picture_pods_opts *opts)
{
    struct moon_picture_pods *p = moon_new(struct moon_picture_pods);

    p->magic = PODS_MAGIC;
    p->opts = *opts;
    moon_list_init(&p->starting);
    return p;
}

void moon_picture_pods_free(struct moon_picture_pods *p)
{
    if (p == NULL) {
        return;
    }
    moon_list_foreach (it, &p->starting) {
        free_start(moon_container_of(it, struct start, link));
    }
    p->magic = 0;
    moon_free(p);
}
