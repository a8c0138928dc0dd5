/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/budget.h"

#include <stdio.h>

#include "base/time.h"

enum {
    /* An eviction after which the pod is still not being deleted is taken for one that failed. */
    DELETION_TIMEOUT_S = 2 * 60
};

static const struct moon_resource budgets = {.group = "policy",
                                             .version = "v1",
                                             .plural = "poddisruptionbudgets",
                                             .kind = "PodDisruptionBudget",
                                             .namespaced = true};

/* ---- projection ---- */

static int project_spec(struct moon_budget *b, const cJSON *spec, struct moon_err *err)
{
    const cJSON *selector = moon_json_member(spec, "selector");
    if (moon_intstr_from_json(moon_json_member(spec, "minAvailable"), &b->min_available, err) !=
            0 ||
        moon_intstr_from_json(moon_json_member(spec, "maxUnavailable"), &b->max_unavailable, err) !=
            0) {
        return -(int)err->code;
    }
    if (selector != NULL && !cJSON_IsNull(selector)) {
        b->selector = moon_selector_from_json(selector, "spec.selector", err);
        return b->selector != NULL ? 0 : -(int)err->code;
    }
    return 0;
}

static int project_disrupted(struct moon_budget *b, const cJSON *map, struct moon_err *err)
{
    const cJSON *item;
    b->disrupted = moon_new_array(struct moon_disrupted, (size_t)cJSON_GetArraySize(map) + 1);
    cJSON_ArrayForEach (item, map) {
        struct moon_disrupted *d = &b->disrupted[b->disrupted_count++];
        const char *text = cJSON_GetStringValue(item);
        d->pod = moon_strdup(item->string);
        if (text == NULL || !moon_time_parse(moon_str(text), &d->since_s)) {
            return moon_err_set(err, MOON_E_INVALID, "status.disruptedPods: not a time");
        }
    }
    return 0;
}

static int project_condition(struct moon_budget *b, const cJSON *conditions, struct moon_err *err)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, conditions) {
        if (moon_streq(moon_json_string(item, "type"), "DisruptionAllowed")) {
            b->reason = moon_object_sym(item, "reason");
            return moon_object_time(item, "lastTransitionTime", &b->since_s, err);
        }
    }
    return 0;
}

static int project_budget(struct moon_object *o, const cJSON *json,
                          MOON_UNUSED struct moon_str text, struct moon_err *err)
{
    struct moon_budget *b = (struct moon_budget *)(void *)o;
    const cJSON *status = moon_json_member(json, "status");
    b->status = (struct moon_budget_status){
        .observed_generation = moon_json_int(status, "observedGeneration", 0),
        .allowed = moon_json_int(status, "disruptionsAllowed", 0),
        .healthy = moon_json_int(status, "currentHealthy", 0),
        .desired = moon_json_int(status, "desiredHealthy", 0),
        .expected = moon_json_int(status, "expectedPods", 0),
    };
    if (project_spec(b, moon_json_member(json, "spec"), err) != 0 ||
        project_disrupted(b, moon_json_member(status, "disruptedPods"), err) != 0) {
        return -(int)err->code;
    }
    return project_condition(b, moon_json_member(status, "conditions"), err);
}

static void fini_budget(struct moon_object *o)
{
    struct moon_budget *b = (struct moon_budget *)(void *)o;
    for (size_t i = 0; i < b->disrupted_count; i++) {
        moon_free(b->disrupted[i].pod);
    }
    moon_free(b->disrupted);
    moon_selector_free(b->selector);
    moon_sym_unref(b->reason);
}

const struct moon_kind moon_kind_budget = {
    .resource = &budgets,
    .size = sizeof(struct moon_budget),
    .project = project_budget,
    .fini = fini_budget,
};

/* ---- what it should say ---- */

bool moon_budget_covers(const struct moon_budget *b, const struct moon_object *pod)
{
    return b->meta.namespace == pod->namespace && moon_selector_matches(b->selector, &pod->labels);
}

/* Is this eviction still on its way? *ret_left_s: for how long it may be. */
static bool is_pending(const struct moon_budget *b, const struct moon_disrupted *d,
                       const struct moon_store *pods, int64_t now_s, int64_t *ret_left_s)
{
    const struct moon_object *pod = moon_store_get(pods, b->meta.namespace, d->pod);
    *ret_left_s = d->since_s + DELETION_TIMEOUT_S - now_s;
    return pod != NULL && pod->deleted_s == 0 && *ret_left_s > 0;
}

static bool is_disrupted(const struct moon_budget *b, const struct moon_object *pod,
                         const struct moon_store *pods, int64_t now_s,
                         struct moon_budget_verdict *verdict)
{
    int64_t left_s = 0;
    for (size_t i = 0; i < b->disrupted_count; i++) {
        if (moon_streq(b->disrupted[i].pod, pod->name) &&
            is_pending(b, &b->disrupted[i], pods, now_s, &left_s)) {
            verdict->recheck_s = verdict->recheck_s == 0 || left_s < verdict->recheck_s
                                     ? left_s
                                     : verdict->recheck_s;
            return true;
        }
    }
    return false;
}

static void fail_safe(const struct moon_budget *b, const struct moon_object *pod,
                      struct moon_budget_verdict *verdict)
{
    verdict->status = b->status;
    verdict->status.allowed = 0;
    verdict->reason = "SyncFailed";
    if (moon_streq(pod->controller.kind, "DaemonSet")) {
        (void)snprintf(verdict->message, sizeof(verdict->message),
                       "daemonsets.apps does not implement the scale subresource");
    } else {
        (void)snprintf(verdict->message, sizeof(verdict->message),
                       "found no controllers for pod \"%s\"", pod->name);
    }
}

void moon_budget_judge(const struct moon_budget *b, const struct moon_store *pods, int64_t now_s,
                       struct moon_budget_verdict *ret)
{
    bool is_number = b->min_available.set && !b->min_available.is_percent;
    const struct moon_object *controlled = NULL;
    const struct moon_object *pod;
    size_t pos = 0;
    *ret = (struct moon_budget_verdict){.status.observed_generation = b->meta.generation};
    while ((pod = moon_store_next(pods, &pos)) != NULL) {
        if (!moon_budget_covers(b, pod)) {
            continue;
        }
        ret->pods++;
        controlled = pod->controller.uid != NULL ? pod : controlled;
        if (pod->deleted_s == 0 && moon_played_pod(pod)->ready &&
            !is_disrupted(b, pod, pods, now_s, ret)) {
            ret->status.healthy++;
        }
    }
    if (!is_number && controlled != NULL) {
        fail_safe(b, controlled, ret);
        return;
    }
    /* Pods that nobody controls do not count where the scale of controllers is asked for. */
    ret->status.expected = is_number ? (int64_t)ret->pods : 0;
    ret->status.desired = is_number ? b->min_available.value : 0;
    int64_t spare = ret->status.healthy - ret->status.desired;
    ret->status.allowed = ret->status.expected > 0 && spare > 0 ? spare : 0;
    ret->reason = ret->status.allowed > 0 ? "SufficientPods" : "InsufficientPods";
}

/* ---- writing it ---- */

/* The evictions that are over go; returns how many. */
static size_t write_disrupted(const struct moon_budget *b, const struct moon_store *pods,
                              int64_t now_s, struct moon_buf *out)
{
    size_t over = 0;
    int64_t left_s;
    moon_buf_puts(out, ",\"disruptedPods\":{");
    for (size_t i = 0; i < b->disrupted_count; i++) {
        if (!is_pending(b, &b->disrupted[i], pods, now_s, &left_s)) {
            moon_buf_printf(out, "%s\"%s\":null", over > 0 ? "," : "", b->disrupted[i].pod);
            over++;
        }
    }
    moon_buf_putc(out, '}');
    return over;
}

static void write_condition(const struct moon_budget *b, const struct moon_budget_verdict *v,
                            int64_t now_s, struct moon_buf *out)
{
    char when[MOON_TIME_TEXT];
    bool was = moon_streq(b->reason, "SufficientPods");
    bool is = moon_streq(v->reason, "SufficientPods");
    int64_t since_s = b->reason != NULL && was == is ? b->since_s : now_s;
    moon_buf_printf(out,
                    ",\"conditions\":[{\"type\":\"DisruptionAllowed\",\"status\":\"%s\","
                    "\"observedGeneration\":%lld,\"lastTransitionTime\":\"%s\",\"reason\":\"%s\","
                    "\"message\":",
                    is ? "True" : "False", (long long)b->meta.generation,
                    moon_time_format(since_s, when), v->reason);
    moon_json_add_string(out, moon_str(v->message));
    moon_buf_puts(out, "}]");
}

static bool same_status(const struct moon_budget_status *a, const struct moon_budget_status *b)
{
    return a->observed_generation == b->observed_generation && a->allowed == b->allowed &&
           a->healthy == b->healthy && a->desired == b->desired && a->expected == b->expected;
}

bool moon_budget_write(const struct moon_budget *b, const struct moon_budget_verdict *verdict,
                       const struct moon_store *pods, int64_t now_s, struct moon_buf *out)
{
    const struct moon_budget_status *s = &verdict->status;
    moon_buf_printf(out,
                    "{\"metadata\":{\"resourceVersion\":\"%llu\"},\"status\":{"
                    "\"observedGeneration\":%lld,\"disruptionsAllowed\":%lld,\"currentHealthy\":"
                    "%lld,\"desiredHealthy\":%lld,\"expectedPods\":%lld",
                    (unsigned long long)b->meta.version, (long long)s->observed_generation,
                    (long long)s->allowed, (long long)s->healthy, (long long)s->desired,
                    (long long)s->expected);
    size_t over = write_disrupted(b, pods, now_s, out);
    write_condition(b, verdict, now_s, out);
    moon_buf_puts(out, "}}");
    return over > 0 || !same_status(s, &b->status) || !moon_streq(b->reason, verdict->reason);
}
