/* SPDX-License-Identifier: Apache-2.0
 *
 * table_pods.c - table cells of pods: the STATUS column is a summary of its own.
 */
#include <stdio.h>

#include "sim/table_cells.h"
#include "sim/times.h"

enum {
    REASON_MAX = 256
};

const struct moon_sim_column moon_sim_columns_pod[] = {{"Name", "string", 0},
                                                       {"Ready", "string", 0},
                                                       {"Status", "string", 0},
                                                       {"Restarts", "string", 0},
                                                       {"Age", "string", 0},
                                                       {"IP", "string", 1},
                                                       {"Node", "string", 1},
                                                       {"Nominated Node", "string", 1},
                                                       {"Readiness Gates", "string", 1},
                                                       {NULL, NULL, 0}};

struct summary {
    char reason[REASON_MAX];
    int ready;
    int64_t restarts;
    int64_t last_restart_s; /* 0: never */
};

static void set_reason(struct summary *s, const char *prefix, const char *reason)
{
    (void)snprintf(s->reason, sizeof(s->reason), "%s%s", prefix, reason);
}

static void note_restarts(struct summary *s, const cJSON *container)
{
    int64_t finished = 0;
    s->restarts += moon_sim_int(container, "restartCount", 0);
    const char *when = moon_sim_text(container, "lastState.terminated.finishedAt");
    if (moon_time_parse(moon_str(when), &finished) && finished > s->last_restart_s) {
        s->last_restart_s = finished;
    }
}

static void explain_terminated(struct summary *s, const cJSON *terminated, const char *prefix)
{
    const char *reason = moon_sim_text(terminated, "reason");
    int64_t signal = moon_sim_int(terminated, "signal", 0);
    char text[64];
    if (reason[0] != '\0') {
        set_reason(s, prefix, reason);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s:%lld", signal != 0 ? "Signal" : "ExitCode",
                   (long long)(signal != 0 ? signal : moon_sim_int(terminated, "exitCode", 0)));
    set_reason(s, prefix, text);
}

static bool is_sidecar(const cJSON *pod, const char *name)
{
    const cJSON *container = NULL;
    cJSON_ArrayForEach (container, moon_sim_get(pod, "spec.initContainers")) {
        if (moon_streq(moon_sim_text(container, "name"), name)) {
            return moon_streq(moon_sim_text(container, "restartPolicy"), "Always");
        }
    }
    return false;
}

/* True when the pod is still in its init containers. */
static bool summarise_init(struct summary *s, const cJSON *pod)
{
    const cJSON *container = NULL;
    int index = 0;
    cJSON_ArrayForEach (container, moon_sim_get(pod, "status.initContainerStatuses")) {
        const cJSON *terminated = moon_sim_get(container, "state.terminated");
        const char *waiting = moon_sim_text(container, "state.waiting.reason");
        note_restarts(s, container);
        bool sidecar = is_sidecar(pod, moon_sim_text(container, "name"));
        if ((terminated != NULL && moon_sim_int(terminated, "exitCode", 0) == 0) ||
            (sidecar && moon_sim_true(container, "started"))) {
            s->ready += sidecar && moon_sim_true(container, "ready") ? 1 : 0;
            index++;
            continue;
        }
        if (terminated != NULL) {
            explain_terminated(s, terminated, "Init:");
        } else if (waiting[0] != '\0' && !moon_streq(waiting, "PodInitializing")) {
            set_reason(s, "Init:", waiting);
        } else {
            (void)snprintf(s->reason, sizeof(s->reason), "Init:%d/%d", index,
                           cJSON_GetArraySize(moon_sim_get(pod, "spec.initContainers")));
        }
        return true;
    }
    return false;
}

static bool is_ready(const cJSON *pod)
{
    const cJSON *condition = NULL;
    cJSON_ArrayForEach (condition, moon_sim_get(pod, "status.conditions")) {
        if (moon_streq(moon_sim_text(condition, "type"), "Ready")) {
            return moon_streq(moon_sim_text(condition, "status"), "True");
        }
    }
    return false;
}

static void summarise_containers(struct summary *s, const cJSON *pod)
{
    const cJSON *statuses = moon_sim_get(pod, "status.containerStatuses");
    bool running = false;
    s->restarts = 0;
    for (int i = cJSON_GetArraySize(statuses) - 1; i >= 0; i--) {
        const cJSON *container = cJSON_GetArrayItem(statuses, i);
        const char *waiting = moon_sim_text(container, "state.waiting.reason");
        const cJSON *terminated = moon_sim_get(container, "state.terminated");
        note_restarts(s, container);
        if (waiting[0] != '\0') {
            set_reason(s, "", waiting);
        } else if (terminated != NULL) {
            explain_terminated(s, terminated, "");
        } else if (moon_sim_true(container, "ready") &&
                   moon_sim_get(container, "state.running") != NULL) {
            running = true;
            s->ready++;
        }
    }
    if (running && moon_streq(s->reason, "Completed")) {
        set_reason(s, "", is_ready(pod) ? "Running" : "NotReady");
    }
}

static void summarise(struct summary *s, const cJSON *pod)
{
    const char *reason = moon_sim_text(pod, "status.reason");
    const cJSON *condition = NULL;
    set_reason(s, "", reason[0] != '\0' ? reason : moon_sim_text(pod, "status.phase"));
    cJSON_ArrayForEach (condition, moon_sim_get(pod, "status.conditions")) {
        if (moon_streq(moon_sim_text(condition, "type"), "PodScheduled") &&
            moon_streq(moon_sim_text(condition, "reason"), "SchedulingGated")) {
            set_reason(s, "", "SchedulingGated");
        }
    }
    if (!summarise_init(s, pod)) {
        summarise_containers(s, pod);
    }
    if (moon_sim_get(pod, "metadata.deletionTimestamp") != NULL) {
        set_reason(s, "", moon_streq(reason, "NodeLost") ? "Unknown" : "Terminating");
    }
}

static void add_text(cJSON *cells, const char *text)
{
    cJSON_AddItemToArray(cells, cJSON_CreateString(text[0] != '\0' ? text : "<none>"));
}

/* "0", or "3 (5m ago)". */
static void add_restarts(cJSON *cells, const struct summary *s, int64_t now_s)
{
    char age[MOON_TIME_TEXT];
    int64_t since = now_s > s->last_restart_s ? now_s - s->last_restart_s : 0;
    MOON_AUTOFREE char *text =
        s->restarts != 0 && s->last_restart_s != 0
            ? moon_asprintf("%lld (%s ago)", (long long)s->restarts, moon_time_age(since, age))
            : moon_asprintf("%lld", (long long)s->restarts);
    add_text(cells, text);
}

static void add_gates(cJSON *cells, const cJSON *pod)
{
    const cJSON *gates = moon_sim_get(pod, "spec.readinessGates");
    const cJSON *gate = NULL;
    int passed = 0;
    if (cJSON_GetArraySize(gates) == 0) {
        add_text(cells, "<none>");
        return;
    }
    cJSON_ArrayForEach (gate, gates) {
        const cJSON *condition = NULL;
        cJSON_ArrayForEach (condition, moon_sim_get(pod, "status.conditions")) {
            if (moon_streq(moon_sim_text(condition, "type"),
                           moon_sim_text(gate, "conditionType"))) {
                passed += moon_streq(moon_sim_text(condition, "status"), "True") ? 1 : 0;
                break;
            }
        }
    }
    MOON_AUTOFREE char *text = moon_asprintf("%d/%d", passed, cJSON_GetArraySize(gates));
    add_text(cells, text);
}

static int count_containers(const cJSON *pod)
{
    const cJSON *container = NULL;
    int count = cJSON_GetArraySize(moon_sim_get(pod, "spec.containers"));
    cJSON_ArrayForEach (container, moon_sim_get(pod, "spec.initContainers")) {
        count += moon_streq(moon_sim_text(container, "restartPolicy"), "Always") ? 1 : 0;
    }
    return count;
}

void moon_sim_cells_pod(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    struct summary s = {.ready = 0};
    char age[MOON_TIME_TEXT];
    const cJSON *first_ip = cJSON_GetArrayItem(moon_sim_get(obj, "status.podIPs"), 0);
    const char *ip =
        first_ip != NULL ? moon_sim_text(first_ip, "ip") : moon_sim_text(obj, "status.podIP");
    summarise(&s, obj);
    MOON_AUTOFREE char *ready = moon_asprintf("%d/%d", s.ready, count_containers(obj));
    add_text(ret_cells, moon_sim_text(obj, "metadata.name"));
    add_text(ret_cells, ready);
    cJSON_AddItemToArray(ret_cells, cJSON_CreateString(s.reason));
    add_restarts(ret_cells, &s, now_s);
    add_text(ret_cells, moon_sim_age(moon_sim_text(obj, "metadata.creationTimestamp"), now_s, age));
    add_text(ret_cells, ip);
    add_text(ret_cells, moon_sim_text(obj, "spec.nodeName"));
    add_text(ret_cells, moon_sim_text(obj, "status.nominatedNodeName"));
    add_gates(ret_cells, obj);
}
