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
    const struct moon_kubelet_says *says;
    const struct moon_kubelet_life *life;
    const struct moon_played_pod *pod;
    const struct moon_kubelet_run *run;
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
static void write_names(const struct moon_played_pod *pod, uint32_t from, uint32_t to,
                        const char *prefix, struct moon_buf *out)
{
    moon_buf_puts(out, prefix);
    for (uint32_t i = from; i < to; i++) {
        moon_buf_printf(out, "%s%s", i > from ? " " : "", pod->containers[i].name);
    }
    moon_buf_putc(out, ']');
}

/* Its images are under way, so its init containers have not run. */
static bool is_initializing(const struct writer *w)
{
    return w->life->told == MOON_KUBELET_CREATING && w->pod->init_count > 0;
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
    MOON_CLEANUP(moon_buf_fini) struct moon_buf uninitialized = MOON_BUF_INIT(64 * 1024);
    write_names(pod, pod->init_count, pod->container_count, "containers with unready status: [",
                &unready);
    write_names(pod, 0, pod->init_count, "containers with incomplete status: [", &uninitialized);
    bool is_initialized = !is_initializing(w);
    struct condition c = {.type = "Initialized",
                          .is_true = is_initialized,
                          .was_there = pod->has_initialized,
                          .was_true = pod->has_initialized,
                          .reason = is_initialized ? NULL : "ContainersNotInitialized",
                          .message = moon_buf_cstr(&uninitialized)};
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

static void add_terminated(struct writer *w)
{
    int32_t code = w->run->last_exit_code;
    moon_buf_printf(w->out, "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\",", code,
                    code == 0 ? "Completed" : "Error");
    add_time(w->out, "startedAt", w->run->last_started_s);
    moon_buf_putc(w->out, ',');
    add_time(w->out, "finishedAt", w->run->last_ended_s);
    moon_buf_puts(w->out, "}}");
}

static void add_waiting(struct writer *w, const char *reason, const char *message)
{
    moon_buf_printf(w->out, "{\"waiting\":{\"reason\":\"%s\"", reason);
    if (message != NULL) {
        moon_buf_putc(w->out, ',');
        add_text(w->out, "message", message);
    }
    moon_buf_puts(w->out, "}}");
}

static void add_running(struct writer *w)
{
    moon_buf_puts(w->out, "{\"running\":{");
    add_time(w->out, "startedAt", w->run->started_s);
    moon_buf_puts(w->out, "}}");
}

/* "5m0s", as Go writes it. */
static char *duration_text(uint64_t ms)
{
    uint64_t seconds = ms / 1000;
    if (ms % 1000 != 0) {
        return moon_asprintf("%llu.%03llus", (unsigned long long)seconds,
                             (unsigned long long)(ms % 1000));
    }
    return seconds < 60 ? moon_asprintf("%llus", (unsigned long long)seconds)
                        : moon_asprintf("%llum%llus", (unsigned long long)(seconds / 60),
                                        (unsigned long long)(seconds % 60));
}

static void add_backoff(struct writer *w, const struct moon_played_container *container)
{
    const struct moon_object *pod = &w->pod->meta;
    struct moon_kubelet_life after = *w->life;
    after.ends++; /* the end that is being told */
    MOON_AUTOFREE char *pause =
        duration_text(moon_kubelet_backoff_ms(&after, w->says->place->opts));
    MOON_AUTOFREE char *message =
        moon_asprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", pause,
                      container->name, pod->name, pod->namespace, pod->uid);
    add_waiting(w, "CrashLoopBackOff", message);
}

static void add_state(struct writer *w, const struct moon_played_container *container)
{
    MOON_AUTOFREE char *message = NULL;
    switch (w->life->told) {
    case MOON_KUBELET_RUNNING:
    case MOON_KUBELET_READY:
        add_running(w);
        break;
    case MOON_KUBELET_PULL_FAILED:
        message = moon_asprintf("rpc error: code = NotFound desc = failed to pull and unpack image "
                                "\"%s\": not found",
                                container->image);
        add_waiting(w, "ErrImagePull", message);
        break;
    case MOON_KUBELET_PULL_BACKOFF:
        message = moon_asprintf("Back-off pulling image \"%s\"", container->image);
        add_waiting(w, "ImagePullBackOff", message);
        break;
    case MOON_KUBELET_CRASHED:
        add_backoff(w, container);
        break;
    case MOON_KUBELET_CREATING:
    case MOON_KUBELET_NEW:
    case MOON_KUBELET_WAITING:
        add_waiting(w, is_initializing(w) ? "PodInitializing" : "ContainerCreating", NULL);
        break;
    case MOON_KUBELET_SUCCEEDED:
    case MOON_KUBELET_FAILED:
    case MOON_KUBELET_REMOVED:
        add_terminated(w);
        break;
    }
}

/* Of a container that waits or runs now. */
static bool has_ended_before(const struct writer *w)
{
    bool has_ended =
        w->life->told == MOON_KUBELET_SUCCEEDED || w->life->told == MOON_KUBELET_FAILED;
    bool is_replaced = w->life->has_run && (w->life->told == MOON_KUBELET_PULL_FAILED ||
                                            w->life->told == MOON_KUBELET_PULL_BACKOFF);
    return w->life->told == MOON_KUBELET_CRASHED || is_replaced ||
           (w->run->restarts > 0 && !has_ended);
}

static bool is_pulled(const struct writer *w)
{
    return w->life->told != MOON_KUBELET_CREATING && w->life->told != MOON_KUBELET_PULL_FAILED &&
           w->life->told != MOON_KUBELET_PULL_BACKOFF;
}

static void add_container(struct writer *w, const struct moon_played_container *container)
{
    bool is_ready = w->life->told == MOON_KUBELET_READY;
    moon_buf_putc(w->out, '{');
    add_text(w->out, "name", container->name);
    moon_buf_putc(w->out, ',');
    add_text(w->out, "image", container->image);
    moon_buf_printf(w->out, ",\"ready\":%s,\"started\":%s,\"restartCount\":%u,",
                    is_ready ? "true" : "false",
                    moon_kubelet_is_running(w->life->told) ? "true" : "false", w->run->restarts);
    MOON_AUTOFREE char *image_id = moon_asprintf(MOON_PLAYED_IMAGE_ID "%s", container->image);
    MOON_AUTOFREE char *container_id =
        moon_asprintf("simulated://%s/%s/%u", w->pod->meta.uid, container->name, w->run->restarts);
    add_text(w->out, "imageID", is_pulled(w) ? image_id : "");
    moon_buf_putc(w->out, ',');
    if (is_pulled(w)) {
        add_text(w->out, "containerID", container_id);
        moon_buf_putc(w->out, ',');
    }
    moon_buf_puts(w->out, "\"state\":");
    add_state(w, container);
    moon_buf_puts(w->out, ",\"lastState\":");
    if (has_ended_before(w)) {
        add_terminated(w);
    } else {
        moon_buf_puts(w->out, "{}");
    }
    moon_buf_putc(w->out, '}');
}

/* Init containers need no time of their own: they have done their work when the others start. */
static void add_init_container(struct writer *w, const struct moon_played_container *container)
{
    moon_buf_putc(w->out, '{');
    add_text(w->out, "name", container->name);
    moon_buf_putc(w->out, ',');
    add_text(w->out, "image", container->image);
    if (is_initializing(w)) {
        moon_buf_puts(w->out, ",\"ready\":false,\"restartCount\":0,\"imageID\":\"\","
                              "\"lastState\":{},\"state\":");
        add_waiting(w, "PodInitializing", NULL);
        moon_buf_putc(w->out, '}');
        return;
    }
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

/* A pod that has run does not go back to Pending. */
static const char *phase_of(enum moon_kubelet_stage stage, bool has_run)
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
    case MOON_KUBELET_CREATING:
    case MOON_KUBELET_PULL_FAILED:
    case MOON_KUBELET_PULL_BACKOFF:
    case MOON_KUBELET_REMOVED:
        break;
    }
    return has_run ? "Running" : "Pending";
}

/* A pod that was turned away has no conditions and no containers, as with a real kubelet; one that
 * was ended keeps its conditions. */
void moon_kubelet_write_status(const struct moon_kubelet_says *says, struct moon_buf *out)
{
    const struct moon_kubelet_life *life = says->life;
    struct writer w = {.says = says,
                       .life = life,
                       .pod = says->pod,
                       .run = &life->told_run,
                       .now_s = says->place->now_s,
                       .out = out};
    bool was_ended = says->reason != NULL;
    bool never_started =
        life->stage == MOON_KUBELET_WAITING || life->stage == MOON_KUBELET_CREATING;
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{", says->pod->meta.uid);
    if (was_ended) {
        add_text(out, "reason", says->reason);
        moon_buf_putc(out, ',');
        add_text(out, "message", says->message);
        moon_buf_putc(out, ',');
    }
    if (!was_ended || !never_started) {
        add_addresses(&w, says->place->node);
        add_conditions(&w);
    }
    if (!was_ended) {
        add_containers(&w);
    } else {
        moon_buf_puts(out, "\"containerStatuses\":null,");
    }
    add_time(out, "startTime", life->started_s);
    moon_buf_printf(out, ",\"phase\":\"%s\"}}", phase_of(life->told, life->has_run));
}
