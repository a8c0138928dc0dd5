/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet_status.c - the pod status a kubelet sends, as a strategic merge patch.
 *
 * The uid in it makes the API server refuse the patch (409) when the name has another pod by now.
 * lastTransitionTime is sent only where a condition's status changes.
 */
#include "base/time.h"
#include "io/json.h"
#include "sim/kubelet.h"

struct writer {
    const struct moon_kubelet_life *life;
    const struct moon_played_pod *pod;
    const char *reason;
    int64_t now_s;
    struct moon_buf *out;
};

static void add_text(struct moon_buf *out, const char *key, const char *value)
{
    moon_buf_printf(out, "\"%s\":", key);
    moon_json_add_string(out, moon_str(value));
}

static void add_time(struct moon_buf *out, const char *key, int64_t time_s)
{
    char text[MOON_TIME_TEXT];
    moon_buf_printf(out, "\"%s\":\"%s\"", key, moon_time_format(time_s, text));
}

/* ---- conditions ---- */

struct condition {
    const char *type;
    bool is_true;
    bool was_there;
    bool was_true;
    const char *reason; /* NULL: none */
    const char *message;
};

static void add_condition(struct writer *w, const struct condition *c)
{
    moon_buf_printf(w->out, "{\"type\":\"%s\",\"status\":\"%s\",\"reason\":", c->type,
                    c->is_true ? "True" : "False");
    if (c->reason != NULL) {
        moon_json_add_string(w->out, moon_str(c->reason));
        moon_buf_putc(w->out, ',');
        add_text(w->out, "message", c->message);
    } else {
        moon_buf_puts(w->out, "null,\"message\":null");
    }
    if (!c->was_there || c->is_true != c->was_true) {
        moon_buf_putc(w->out, ',');
        add_time(w->out, "lastTransitionTime", w->now_s);
    }
    moon_buf_putc(w->out, '}');
}

/* "containers with unready status: [a b]" */
static void write_unready(const struct moon_played_pod *pod, struct moon_buf *out)
{
    moon_buf_puts(out, "containers with unready status: [");
    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        moon_buf_printf(out, "%s%s", i > pod->init_count ? " " : "", pod->containers[i].name);
    }
    moon_buf_putc(out, ']');
}

static const char *unready_reason(enum moon_kubelet_stage stage)
{
    if (stage == MOON_KUBELET_SUCCEEDED) {
        return "PodCompleted";
    }
    return stage == MOON_KUBELET_FAILED ? "PodFailed" : "ContainersNotReady";
}

static void add_conditions(struct writer *w)
{
    const struct moon_played_pod *pod = w->pod;
    bool is_ready = w->life->told == MOON_KUBELET_READY;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf unready = MOON_BUF_INIT(64 * 1024);
    write_unready(pod, &unready);
    struct condition c = {.type = "Initialized",
                          .is_true = true,
                          .was_there = pod->has_initialized,
                          .was_true = pod->has_initialized};
    moon_buf_puts(w->out, "\"conditions\":[");
    add_condition(w, &c);
    c = (struct condition){.is_true = is_ready,
                           .was_there = pod->has_ready,
                           .was_true = pod->ready,
                           .reason = is_ready ? NULL : unready_reason(w->life->told),
                           .message = moon_buf_cstr(&unready)};
    const char *const types[] = {"Ready", "ContainersReady"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(types); i++) {
        moon_buf_putc(w->out, ',');
        c.type = types[i];
        add_condition(w, &c);
    }
    if (!pod->is_scheduled) {
        moon_buf_putc(w->out, ',');
        add_condition(w, &(struct condition){.type = "PodScheduled", .is_true = true});
    }
    moon_buf_puts(w->out, "],");
}

/* ---- containers ---- */

static void add_terminated(struct writer *w, bool has_failed, const char *reason)
{
    moon_buf_printf(w->out, "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\",",
                    has_failed ? 1 : 0, reason);
    add_time(w->out, "startedAt", w->life->crashed_run_s);
    moon_buf_putc(w->out, ',');
    add_time(w->out, "finishedAt", w->life->terminated_s);
    moon_buf_puts(w->out, "}}");
}

static void add_waiting(struct writer *w, const char *reason, const char *fmt, const char *subject)
{
    MOON_AUTOFREE char *message = moon_asprintf("%s \"%s\"", fmt, subject);
    moon_buf_printf(w->out, "{\"waiting\":{\"reason\":\"%s\",", reason);
    add_text(w->out, "message", message);
    moon_buf_puts(w->out, "}}");
}

static void add_running(struct writer *w)
{
    moon_buf_puts(w->out, "{\"running\":{");
    add_time(w->out, "startedAt", w->life->containers_s);
    moon_buf_puts(w->out, "}}");
}

static void add_state(struct writer *w, const struct moon_played_container *container)
{
    switch (w->life->told) {
    case MOON_KUBELET_RUNNING:
    case MOON_KUBELET_READY:
        add_running(w);
        break;
    case MOON_KUBELET_PULL_FAILED:
        add_waiting(w, "ErrImagePull", "failed to pull image", container->image);
        break;
    case MOON_KUBELET_PULL_BACKOFF:
        add_waiting(w, "ImagePullBackOff", "Back-off pulling image", container->image);
        break;
    case MOON_KUBELET_CRASHED:
        add_waiting(w, "CrashLoopBackOff", "back-off restarting failed container", container->name);
        break;
    case MOON_KUBELET_SUCCEEDED:
        add_terminated(w, false, "Completed");
        break;
    case MOON_KUBELET_NEW:
    case MOON_KUBELET_WAITING:
    case MOON_KUBELET_FAILED:
    case MOON_KUBELET_REMOVED:
        add_terminated(w, true, "Error");
        break;
    }
}

static bool has_crashed_before(const struct writer *w)
{
    return w->life->told == MOON_KUBELET_CRASHED || w->life->told_restarts > 0;
}

static void add_container(struct writer *w, const struct moon_played_container *container)
{
    bool is_pulled =
        w->life->told != MOON_KUBELET_PULL_FAILED && w->life->told != MOON_KUBELET_PULL_BACKOFF;
    bool is_ready = w->life->told == MOON_KUBELET_READY;
    moon_buf_putc(w->out, '{');
    add_text(w->out, "name", container->name);
    moon_buf_putc(w->out, ',');
    add_text(w->out, "image", container->image);
    moon_buf_printf(
        w->out, ",\"ready\":%s,\"started\":%s,\"restartCount\":%u,", is_ready ? "true" : "false",
        moon_kubelet_is_running(w->life->told) ? "true" : "false", w->life->told_restarts);
    MOON_AUTOFREE char *image_id = moon_asprintf("simulated://%s", container->image);
    MOON_AUTOFREE char *container_id = moon_asprintf("simulated://%s/%s/%u", w->pod->meta.uid,
                                                     container->name, w->life->told_restarts);
    add_text(w->out, "imageID", is_pulled ? image_id : "");
    moon_buf_putc(w->out, ',');
    if (is_pulled) {
        add_text(w->out, "containerID", container_id);
        moon_buf_putc(w->out, ',');
    }
    moon_buf_puts(w->out, "\"state\":");
    add_state(w, container);
    moon_buf_puts(w->out, ",\"lastState\":");
    if (has_crashed_before(w)) {
        add_terminated(w, true, "Error");
    } else {
        moon_buf_puts(w->out, "{}");
    }
    moon_buf_putc(w->out, '}');
}

/* Init containers have done their work before anything else is told. */
static void add_init_container(struct writer *w, const struct moon_played_container *container)
{
    moon_buf_putc(w->out, '{');
    add_text(w->out, "name", container->name);
    moon_buf_putc(w->out, ',');
    add_text(w->out, "image", container->image);
    moon_buf_puts(w->out, ",\"ready\":true,\"restartCount\":0,");
    MOON_AUTOFREE char *image_id = moon_asprintf("simulated://%s", container->image);
    add_text(w->out, "imageID", image_id);
    moon_buf_puts(w->out, ",\"lastState\":{},\"state\":{\"terminated\":{\"exitCode\":0,"
                          "\"reason\":\"Completed\",");
    add_time(w->out, "startedAt", w->life->started_s);
    moon_buf_putc(w->out, ',');
    add_time(w->out, "finishedAt", w->life->started_s);
    moon_buf_puts(w->out, "}}}");
}

static void add_containers(struct writer *w)
{
    const struct moon_played_pod *pod = w->pod;
    if (pod->init_count > 0) {
        moon_buf_puts(w->out, "\"initContainerStatuses\":[");
        for (uint32_t i = 0; i < pod->init_count; i++) {
            moon_buf_puts(w->out, i > 0 ? "," : "");
            add_init_container(w, &pod->containers[i]);
        }
        moon_buf_puts(w->out, "],");
    }
    moon_buf_puts(w->out, "\"containerStatuses\":[");
    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        moon_buf_puts(w->out, i > pod->init_count ? "," : "");
        add_container(w, &pod->containers[i]);
    }
    moon_buf_puts(w->out, "],");
}

/* ---- the whole ---- */

static void add_addresses(struct writer *w, const struct moon_played_node *node)
{
    char text[MOON_PLAYED_IP_TEXT];
    uint32_t ip = w->pod->is_host_network ? node->ip : w->life->ip;
    if (node->ip != 0) {
        moon_buf_printf(w->out, "\"hostIP\":\"%s\",", moon_played_ip_format(node->ip, text));
    }
    if (ip != 0 && w->life->told >= MOON_KUBELET_RUNNING) {
        (void)moon_played_ip_format(ip, text);
        moon_buf_printf(w->out, "\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"}],", text, text);
    }
}

static const char *phase_of(enum moon_kubelet_stage stage)
{
    switch (stage) {
    case MOON_KUBELET_RUNNING:
    case MOON_KUBELET_READY:
    case MOON_KUBELET_CRASHED:
        return "Running";
    case MOON_KUBELET_SUCCEEDED:
        return "Succeeded";
    case MOON_KUBELET_FAILED:
        return "Failed";
    case MOON_KUBELET_NEW:
    case MOON_KUBELET_WAITING:
    case MOON_KUBELET_PULL_FAILED:
    case MOON_KUBELET_PULL_BACKOFF:
    case MOON_KUBELET_REMOVED:
        break;
    }
    return "Pending";
}

static void add_failure(struct writer *w, bool never_started)
{
    add_text(w->out, "reason", w->reason);
    moon_buf_putc(w->out, ',');
    MOON_AUTOFREE char *message = moon_asprintf(
        never_started ? "Pod was rejected: %s" : "Pod was ended by command: %s", w->reason);
    add_text(w->out, "message", message);
    moon_buf_putc(w->out, ',');
}

void moon_kubelet_write_status(const struct moon_kubelet_life *life,
                               const struct moon_played_pod *pod,
                               const struct moon_played_node *node, const char *reason,
                               int64_t now_s, struct moon_buf *out)
{
    struct writer w = {.life = life, .pod = pod, .reason = reason, .now_s = now_s, .out = out};
    bool has_failed = life->told == MOON_KUBELET_FAILED;
    bool never_started = life->stage == MOON_KUBELET_WAITING;
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{", pod->meta.uid);
    if (has_failed) {
        add_failure(&w, never_started);
    }
    /* A pod that was turned away has no conditions and no containers, as with a real kubelet; one
     * that was evicted keeps no containers. */
    if (!has_failed || !never_started) {
        add_addresses(&w, node);
        add_conditions(&w);
    }
    if (!has_failed) {
        add_containers(&w);
    } else if (!never_started) {
        moon_buf_puts(out, "\"containerStatuses\":null,");
    }
    add_time(out, "startTime", life->started_s);
    moon_buf_printf(out, ",\"phase\":\"%s\"}}", phase_of(life->told));
}
