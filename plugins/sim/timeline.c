/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/timeline.h"

#include <stdio.h>

#include "base/map.h"
#include "sim/kinds.h"
#include "sim/timeline_log.h"

enum {
    LINE_MAX_BYTES = 8 * 1024,
    /* More nodes than this, and pods are counted rather than told. */
    MANY_NODES = 50,
    COUNTED_INTERVAL_MS = 1000,
};

/* What happened to pods since the last line about them. */
struct counts {
    size_t created;
    size_t deleted;
    size_t became_ready;
    size_t became_unready;
    size_t failed;
    size_t gone;
};

struct moon_timeline {
    struct moon_timeline_opts opts;
    bool is_started;
    uint64_t start_ms;
    uint64_t now_ms;           /* when the things were that have been put aside */
    struct moon_map *statuses; /* daemonset to the text of its status, told once per instant */
    char *caller;              /* whose call it is now; NULL: nobody's */
    size_t nodes;
    size_t pods;
    size_t ready_pods;
    struct counts counts;
    uint64_t counted_ms; /* when the counts were told */
};

/* ---- lines ---- */

const char *moon_timeline_time(uint64_t ms, char out[MOON_TIMELINE_TIME])
{
    uint64_t s = ms / 1000;
    if (s < 60) {
        (void)snprintf(out, MOON_TIMELINE_TIME, "%u.%03us", (unsigned)s, (unsigned)(ms % 1000));
    } else if (s < 3600) {
        (void)snprintf(out, MOON_TIMELINE_TIME, "%um%02u.%us", (unsigned)(s / 60),
                       (unsigned)(s % 60), (unsigned)(ms % 1000 / 100));
    } else {
        (void)snprintf(out, MOON_TIMELINE_TIME, "%uh%02um%02us", (unsigned)(s / 3600),
                       (unsigned)(s % 3600 / 60), (unsigned)(s % 60));
    }
    return out;
}

static void emit(struct moon_timeline *t, uint64_t at_ms, const char *who, const char *text)
{
    t->opts.on_line(
        &(struct moon_timeline_line){.at_ms = at_ms - t->start_ms, .who = who, .text = text},
        t->opts.ctx);
}

static void add_count(struct moon_buf *out, size_t n, const char *what)
{
    if (n > 0) {
        moon_buf_printf(out, "%s%zu %s", out->len > 0 ? ", " : "", n, what);
    }
}

static void tell_counts(struct moon_timeline *t)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    const struct counts *c = &t->counts;
    add_count(&text, c->created, "created");
    add_count(&text, c->deleted, "deleted");
    add_count(&text, c->became_ready, "became ready");
    add_count(&text, c->became_unready, "not ready any more");
    add_count(&text, c->failed, "in trouble");
    add_count(&text, c->gone, "gone");
    if (text.len > 0) {
        MOON_AUTOFREE char *line = moon_asprintf("pods: %s; %zu of %zu are ready",
                                                 moon_buf_cstr(&text), t->ready_pods, t->pods);
        emit(t, t->now_ms, "cluster", line);
    }
    t->counts = (struct counts){0};
    t->counted_ms = t->now_ms;
}

static void tell_statuses(struct moon_timeline *t)
{
    struct moon_str name;
    void *text;
    size_t pos = 0;
    while (moon_map_next(t->statuses, &pos, &name, &text)) {
        MOON_AUTOFREE char *line =
            moon_asprintf("daemonset %.*s: %s", MOON_STR_ARG(name), (const char *)text);
        emit(t, t->now_ms, "controller", line);
    }
    moon_map_clear(t->statuses);
}

void moon_timeline_flush(struct moon_timeline *t)
{
    if (t->is_started) {
        tell_counts(t);
        tell_statuses(t);
    }
}

/* Something is about to be told: first what was put aside at an earlier time. */
static void catch_up(struct moon_timeline *t)
{
    uint64_t now_ms = moon_loop_now(t->opts.loop);
    bool is_many = t->nodes > MANY_NODES;
    if (now_ms != t->now_ms && (!is_many || now_ms - t->counted_ms >= COUNTED_INTERVAL_MS)) {
        moon_timeline_flush(t);
    }
    t->now_ms = now_ms;
}

void moon_timeline_say(struct moon_timeline *t, const char *who, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    va_list args;
    if (!t->is_started) {
        return;
    }
    catch_up(t);
    if (strcmp(who, "scenario") == 0) {
        tell_statuses(t); /* a step begins or ends: this instant has nothing more to say of sets */
    }
    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    emit(t, t->now_ms, who, moon_buf_cstr(&text));
}

/* ---- calls ---- */

static bool is_by(const struct moon_timeline *t, const char *client)
{
    return t->caller != NULL && moon_str_starts(moon_str(t->caller), client);
}

void moon_timeline_begin(struct moon_timeline *t, const struct moon_sim_api_call *call)
{
    moon_free(t->caller);
    t->caller = moon_strdup(call->client);
}

void moon_timeline_end(struct moon_timeline *t, const struct moon_sim_api_call *call)
{
    if (call->fault != NULL) {
        bool is_controller = moon_str_starts(moon_str(call->client), t->opts.controller_client);
        moon_timeline_say(t, "fault", "%s: %s %s%s%s%s%s by %s", call->fault, call->verb,
                          call->resource, call->ns[0] != '\0' ? " " : "", call->ns,
                          call->name[0] != '\0' ? (call->ns[0] != '\0' ? "/" : " ") : "",
                          call->name, is_controller ? "the controller" : call->client);
    }
    moon_free(t->caller);
    t->caller = NULL;
}

/* ---- pods ---- */

static const char *first_image(const struct moon_scenario_thing *pod)
{
    const cJSON *image = cJSON_GetArrayItem(pod->images, 0);
    return image != NULL ? image->valuestring : "";
}

static const char *node_of(const struct moon_scenario_thing *pod)
{
    return pod->obj->node_name != NULL ? pod->obj->node_name : "no node";
}

static bool has_ended(const struct moon_scenario_thing *pod)
{
    return moon_streq(pod->obj->phase, "Failed") || moon_streq(pod->obj->phase, "Succeeded");
}

static bool is_in_trouble(const struct moon_scenario_thing *pod)
{
    return pod->reason != NULL && strcmp(pod->reason, "ContainerCreating") != 0 &&
           strcmp(pod->reason, "PodInitializing") != 0;
}

static void count_pod(struct moon_timeline *t, const struct moon_scenario_thing *before,
                      const struct moon_scenario_thing *after)
{
    bool was_ready = before != NULL && before->is_ready;
    bool is_ready = after != NULL && after->is_ready;
    bool was_deleting = before != NULL && before->obj->is_deleting;
    bool is_deleting = after == NULL || after->obj->is_deleting;
    bool was_in_trouble = before != NULL && is_in_trouble(before);
    catch_up(t);
    t->pods += before == NULL ? 1 : 0;
    t->pods -= after == NULL ? 1 : 0;
    t->ready_pods += is_ready && !was_ready ? 1 : 0;
    t->ready_pods -= was_ready && !is_ready ? 1 : 0;
    t->counts.created += before == NULL ? 1 : 0;
    t->counts.deleted += before != NULL && is_deleting && !was_deleting ? 1 : 0;
    t->counts.became_ready += is_ready && !was_ready ? 1 : 0;
    t->counts.became_unready += was_ready && after != NULL && !is_ready && !is_deleting ? 1 : 0;
    t->counts.failed += after != NULL && is_in_trouble(after) && !was_in_trouble ? 1 : 0;
    t->counts.gone += after == NULL ? 1 : 0;
}

static void tell_trouble(struct moon_timeline *t, const struct moon_scenario_thing *before,
                         const struct moon_scenario_thing *after)
{
    const struct moon_sim_obj *obj = after->obj;
    if (has_ended(after) && !has_ended(before)) {
        moon_timeline_say(t, "cluster", "pod %s on %s: %s%s%s", obj->name, node_of(after),
                          obj->phase, after->reason != NULL ? ", " : "",
                          after->reason != NULL ? after->reason : "");
    } else if (is_in_trouble(after) && !moon_streq(before->reason, after->reason)) {
        if (after->restarts > 0) {
            moon_timeline_say(t, "cluster", "pod %s on %s: %s, restarted %lld time%s", obj->name,
                              node_of(after), after->reason, (long long)after->restarts,
                              after->restarts == 1 ? "" : "s");
        } else {
            moon_timeline_say(t, "cluster", "pod %s on %s: %s (%s)", obj->name, node_of(after),
                              after->reason, first_image(after));
        }
    }
}

static void tell_pod(struct moon_timeline *t, const struct moon_scenario_thing *before,
                     const struct moon_scenario_thing *after)
{
    if (before == NULL) {
        return; /* who made it has told why */
    }
    if (after == NULL) {
        moon_timeline_say(t, "cluster", "pod %s is gone from %s", before->obj->name,
                          node_of(before));
        return;
    }
    const struct moon_sim_obj *obj = after->obj;
    if (obj->is_deleting && !before->obj->is_deleting && !is_by(t, t->opts.controller_client) &&
        !is_by(t, t->opts.scenario_client)) {
        moon_timeline_say(t, "cluster", "pod %s on %s is being deleted%s", obj->name,
                          node_of(after), t->caller == NULL ? " (garbage collection)" : "");
    }
    if (after->is_ready != before->is_ready && !obj->is_deleting) {
        moon_timeline_say(t, "cluster", "pod %s on %s is %s (%s)", obj->name, node_of(after),
                          after->is_ready ? "ready" : "not ready any more", first_image(after));
    }
    tell_trouble(t, before, after);
}

/* ---- nodes ---- */

static char *taints_of(const struct moon_scenario_thing *node)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    MOON_AUTOJSON *tree = moon_sim_obj_tree(node->obj);
    const cJSON *item;
    cJSON_ArrayForEach (item, moon_json_get(tree, "spec.taints")) {
        const char *value = moon_json_string(item, "value");
        bool has_value = value != NULL && *value != '\0';
        moon_buf_printf(&text, "%s%s%s%s:%s", text.len > 0 ? ", " : "",
                        moon_json_string(item, "key"), has_value ? "=" : "", has_value ? value : "",
                        moon_json_string(item, "effect"));
    }
    return moon_strdup(moon_buf_cstr(&text));
}

static void tell_node(struct moon_timeline *t, const struct moon_scenario_thing *before,
                      const struct moon_scenario_thing *after)
{
    const char *name = (after != NULL ? after : before)->obj->name;
    if (is_by(t, t->opts.scenario_client)) {
        return;
    }
    if (before == NULL || after == NULL) {
        moon_timeline_say(t, "cluster", "node %s %s", name, after != NULL ? "joins" : "is gone");
        return;
    }
    if (before->is_ready != after->is_ready) {
        moon_timeline_say(t, "cluster", "node %s is %sready", name, after->is_ready ? "" : "not ");
    }
    MOON_AUTOFREE char *old_taints = taints_of(before);
    MOON_AUTOFREE char *new_taints = taints_of(after);
    if (strcmp(old_taints, new_taints) != 0) {
        moon_timeline_say(t, "cluster", "node %s: taints %s", name,
                          *new_taints != '\0' ? new_taints : "none");
    }
}

/* ---- sets ---- */

static char *status_of(const struct moon_scenario_thing *set)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(set->obj);
    const cJSON *status = moon_json_member(tree, "status");
    int64_t misscheduled = moon_json_int(status, "numberMisscheduled", 0);
    MOON_AUTOFREE char *rest = misscheduled > 0
                                   ? moon_asprintf(", %lld misscheduled", (long long)misscheduled)
                                   : moon_strdup("");
    return moon_asprintf(
        "desired %lld, current %lld, ready %lld, up to date %lld, available %lld%s",
        (long long)moon_json_int(status, "desiredNumberScheduled", 0),
        (long long)moon_json_int(status, "currentNumberScheduled", 0),
        (long long)moon_json_int(status, "numberReady", 0),
        (long long)moon_json_int(status, "updatedNumberScheduled", 0),
        (long long)moon_json_int(status, "numberAvailable", 0), rest);
}

/* Several changes of an instant are told as one. */
static void tell_set(struct moon_timeline *t, const struct moon_scenario_thing *before,
                     const struct moon_scenario_thing *after)
{
    if (after == NULL) {
        moon_timeline_say(t, "cluster", "daemonset %s is gone", before->obj->name);
        return;
    }
    if (before == NULL) {
        return;
    }
    MOON_AUTOFREE char *was = status_of(before);
    MOON_AUTOFREE char *is = status_of(after);
    if (strcmp(was, is) != 0) {
        MOON_AUTOFREE char *name = strcmp(after->obj->ns, "default") == 0
                                       ? moon_strdup(after->obj->name)
                                       : moon_asprintf("%s/%s", after->obj->ns, after->obj->name);
        catch_up(t);
        moon_map_set(t->statuses, moon_str(name), moon_steal(&is));
    }
}

void moon_timeline_thing(struct moon_timeline *t, const struct moon_scenario_thing *before,
                         const struct moon_scenario_thing *after)
{
    const char *plural = (after != NULL ? after : before)->obj->kind->resource;
    if (strcmp(plural, "nodes") == 0) {
        t->nodes += before == NULL ? 1 : 0;
        t->nodes -= after == NULL ? 1 : 0;
        tell_node(t, before, after);
    } else if (strcmp(plural, "pods") == 0) {
        if (t->nodes > MANY_NODES) {
            count_pod(t, before, after);
        } else {
            tell_pod(t, before, after);
        }
    } else if (strcmp(plural, "daemonsets") == 0) {
        tell_set(t, before, after);
    }
}

/* ---- the controller's log ---- */

void moon_timeline_log(struct moon_timeline *t, struct moon_str line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    bool is_about_pod;
    if (moon_timeline_read_log(line, &text, &is_about_pod) &&
        !(is_about_pod && t->nodes > MANY_NODES)) {
        moon_timeline_say(t, "controller", "%s", moon_buf_cstr(&text));
    }
}

/* ---- life ---- */

struct moon_timeline *moon_timeline_new(const struct moon_timeline_opts *opts)
{
    struct moon_timeline *t = moon_new(struct moon_timeline);
    t->opts = *opts;
    t->statuses = moon_map_new(moon_free);
    return t;
}

void moon_timeline_start(struct moon_timeline *t)
{
    t->is_started = true;
    t->start_ms = moon_loop_now(t->opts.loop);
    t->now_ms = t->start_ms;
    t->counted_ms = t->start_ms;
    t->counts = (struct counts){0};
    moon_map_clear(t->statuses);
}

void moon_timeline_free(struct moon_timeline *t)
{
    if (t != NULL) {
        moon_map_free(t->statuses);
        moon_free(t->caller);
        moon_free(t);
    }
}
