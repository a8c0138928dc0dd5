/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet_world.h - one pod, its node and its kubelet in virtual time. What is patched is applied
 * to the pod as an API server would, so that the kubelet sees its own writes.
 */
#ifndef MOON_TESTS_SIM_KUBELET_WORLD_H
#define MOON_TESTS_SIM_KUBELET_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/kubelet.h"

enum {
    START_S = 1767225600, /* 2026-01-01T00:00:00Z */
    LOG_MAX = 16 * 1024
};

struct world {
    struct moon_kubelet_opts opts;
    struct moon_kubelet_life life;
    struct moon_images *images;
    struct moon_admitted others;
    uint64_t now_ms;
    cJSON *pod_json;
    const struct moon_object *pod;
    const struct moon_object *node;
    cJSON *status;       /* of the last patch */
    struct moon_buf log; /* "0 Running, 200 ready, …" */
};

static inline const struct moon_object *project(const struct moon_kind *kind, const cJSON *json)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project_json(kind, json, (struct moon_str){0}, &object, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return object;
}

static inline cJSON *parse(const char *text)
{
    struct moon_err err;
    cJSON *json = moon_json_parse(moon_str(text), &err);
    if (json == NULL) {
        fail_msg("%s: %s", err.text, text);
    }
    return json;
}

/* `metadata`, `spec` and `status`: further members, ending in a comma when not empty. */
static inline void world_init(struct world *w, const char *metadata, const char *spec,
                              const char *status)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{%s\"name\":\"p\",\"namespace\":\"default\",\"uid\":\"u1\","
                      "\"resourceVersion\":\"1\"},\"spec\":{%s\"nodeName\":\"n1\"},"
                      "\"status\":{%s\"phase\":\"Pending\"}}",
                      metadata, spec, status);
    *w = (struct world){.opts = {.ready_delay_ms = 200,
                                 .stop_delay_ms = 100,
                                 .backoff_ms = 10000,
                                 .max_backoff_ms = 300000},
                        .images = moon_images_new(),
                        .now_ms = 5000,
                        .log = MOON_BUF_INIT(LOG_MAX)};
    MOON_AUTOJSON *node = parse("{\"metadata\":{\"name\":\"n1\",\"uid\":\"nu\",\"labels\":"
                                "{\"disk\":\"hdd\"}},\"status\":{\"addresses\":[{\"type\":"
                                "\"InternalIP\",\"address\":\"172.16.0.9\"}]}}");
    w->node = project(&moon_kind_played_node, node);
    w->pod_json = parse(text);
    w->pod = project(&moon_kind_played_pod, w->pod_json);
}

static inline void world_fini(struct world *w)
{
    cJSON_Delete(w->pod_json);
    cJSON_Delete(w->status);
    moon_object_unref(w->pod);
    moon_object_unref(w->node);
    moon_images_free(w->images);
    moon_kubelet_life_fini(&w->life);
    moon_buf_fini(&w->log);
}

static inline void use_node(struct world *w, const char *text)
{
    MOON_AUTOJSON *json = parse(text);
    moon_object_unref(w->node);
    w->node = project(&moon_kind_played_node, json);
}

static inline struct moon_kubelet_place place(struct world *w)
{
    return (struct moon_kubelet_place){.opts = &w->opts,
                                       .node = moon_played_node(w->node),
                                       .images = w->images,
                                       .others = &w->others,
                                       .now_ms = w->now_ms,
                                       .now_s = START_S + (int64_t)(w->now_ms / 1000)};
}

static inline enum moon_kubelet_verb act(struct world *w, struct moon_buf *body)
{
    struct moon_kubelet_place here = place(w);
    return moon_kubelet_act(&w->life, &here, moon_played_pod(w->pod), body);
}

static inline void done(struct world *w)
{
    struct moon_kubelet_place here = place(w);
    moon_kubelet_done(&w->life, &here, moon_played_pod(w->pod));
}

static inline void see(struct world *w)
{
    moon_object_unref(w->pod);
    w->pod = project(&moon_kind_played_pod, w->pod_json);
    struct moon_kubelet_place here = place(w);
    moon_kubelet_see(&w->life, &here, moon_played_pod(w->pod));
}

static inline void set(struct world *w, const char *parent, const char *key, const char *value)
{
    cJSON *object = cJSON_GetObjectItem(w->pod_json, parent);
    cJSON_DeleteItemFromObject(object, key);
    cJSON_AddItemToObject(object, key, parse(value));
}

/* Conditions by type, everything else replaced: enough of a strategic merge for what is sent. */
static inline void apply_status(struct world *w, const cJSON *patch)
{
    cJSON *status = cJSON_GetObjectItem(w->pod_json, "status");
    const cJSON *member;
    cJSON_ArrayForEach (member, patch) {
        if (strcmp(member->string, "conditions") != 0) {
            cJSON_DeleteItemFromObject(status, member->string);
            cJSON_AddItemToObject(status, member->string, cJSON_Duplicate(member, true));
        }
    }
    cJSON_DeleteItemFromObject(status, "conditions");
    cJSON_AddItemToObject(status, "conditions",
                          cJSON_Duplicate(moon_json_get(patch, "conditions"), true));
}

static inline const char *container(const struct world *w, const char *path)
{
    return moon_json_string(cJSON_GetArrayItem(moon_json_get(w->status, "containerStatuses"), 0),
                            path);
}

static inline int restarts(const struct world *w)
{
    return (int)moon_json_int(cJSON_GetArrayItem(moon_json_get(w->status, "containerStatuses"), 0),
                              "restartCount", -1);
}

static inline const cJSON *condition(const struct world *w, const char *type)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, moon_json_get(w->status, "conditions")) {
        if (moon_streq(moon_json_string(item, "type"), type)) {
            return item;
        }
    }
    return NULL;
}

/* "Running", "Running ready", "Pending ErrImagePull", "Failed Evicted", … */
static inline void note(struct world *w)
{
    const char *waiting = container(w, "state.waiting.reason");
    const char *reason = moon_json_string(w->status, "reason");
    bool ready = moon_streq(moon_json_string(condition(w, "Ready"), "status"), "True");
    moon_buf_printf(&w->log, "%s%llu %s%s%s%s%s", w->log.len > 0 ? ", " : "",
                    (unsigned long long)w->now_ms - 5000, moon_json_string(w->status, "phase"),
                    ready ? " ready" : "",
                    reason != NULL    ? " "
                    : waiting != NULL ? " "
                                      : "",
                    reason != NULL ? reason : "", waiting != NULL ? waiting : "");
}

/* The next write, at its time. False: nothing is due before `until_ms` after the start. */
static inline bool step(struct world *w, uint64_t until_ms)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(LOG_MAX);
    if (w->life.due == MOON_KUBELET_NEVER || w->life.due > 5000 + until_ms) {
        return false;
    }
    w->now_ms = w->life.due > w->now_ms ? w->life.due : w->now_ms;
    w->life.ip = 0x0a000001;
    enum moon_kubelet_verb verb = act(w, &body);
    MOON_AUTOJSON *json = parse(moon_buf_cstr(&body));
    if (verb == MOON_KUBELET_DELETE) {
        assert_string_equal(moon_json_string(json, "preconditions.uid"), "u1");
        assert_int_equal(moon_json_int(json, "gracePeriodSeconds", -1), 0);
        moon_buf_printf(&w->log, "%s%llu DELETE", w->log.len > 0 ? ", " : "",
                        (unsigned long long)w->now_ms - 5000);
        done(w);
        return true;
    }
    assert_int_equal(verb, MOON_KUBELET_PATCH);
    assert_string_equal(moon_json_string(json, "metadata.uid"), "u1");
    cJSON_Delete(w->status);
    w->status = cJSON_Duplicate(moon_json_get(json, "status"), true);
    note(w);
    done(w);
    apply_status(w, w->status);
    see(w);
    return true;
}

static inline void run(struct world *w, uint64_t until_ms)
{
    while (step(w, until_ms)) {
    }
    w->now_ms = 5000 + until_ms;
}

#define assert_log(w, text) assert_string_equal(moon_buf_cstr(&(w)->log), (text))

#define IMAGE(name) "\"containers\":[{\"name\":\"c\",\"image\":\"" name "\"}],"
#define ANNOTATION(key, value) "\"annotations\":{\"sim.moonset.dev/" key "\":\"" value "\"},"

#endif
