/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet.c - the life of a pod as a table: stage and fate give the next stage and the wait.
 */
#include "sim/kubelet.h"

enum wait {
    WAIT_NEVER,
    WAIT_NOT,
    WAIT_START,
    WAIT_READY,
    WAIT_BACKOFF,
};

struct step {
    enum moon_kubelet_stage next;
    enum wait wait;
};

#define NOTHING                                                                                    \
    {                                                                                              \
        MOON_KUBELET_NEW, WAIT_NEVER                                                               \
    }
#define GO(stage, wait)                                                                            \
    {                                                                                              \
        MOON_KUBELET_##stage, WAIT_##wait                                                          \
    }

/* A stage that has no row has no next one. Fates may change while a pod runs (an annotation is
 * set), so every stage knows every fate; only an image that is there stays there. */
static const struct step steps[][MOON_FATES] = {
    /* clang-format off */
    /*                         run                    fail              succeed               crash                 never ready           no image */
    [MOON_KUBELET_WAITING]  = {GO(RUNNING, START),    GO(FAILED, START), GO(RUNNING, START),  GO(RUNNING, START),   GO(RUNNING, START),   GO(PULL_FAILED, START)},
    [MOON_KUBELET_RUNNING]  = {GO(READY, READY),      GO(FAILED, NOT),   GO(SUCCEEDED, READY), GO(CRASHED, READY),  NOTHING,              NOTHING},
    [MOON_KUBELET_READY]    = {NOTHING,               GO(FAILED, NOT),   GO(SUCCEEDED, NOT),  GO(CRASHED, NOT),     GO(RUNNING, NOT),     NOTHING},
    [MOON_KUBELET_PULL_FAILED] =
                              {GO(RUNNING, NOT),      GO(FAILED, NOT),   GO(RUNNING, NOT),    GO(RUNNING, NOT),     GO(RUNNING, NOT),     GO(PULL_BACKOFF, BACKOFF)},
    [MOON_KUBELET_PULL_BACKOFF] =
                              {GO(RUNNING, NOT),      GO(FAILED, NOT),   GO(RUNNING, NOT),    GO(RUNNING, NOT),     GO(RUNNING, NOT),     NOTHING},
    [MOON_KUBELET_CRASHED]  = {GO(RUNNING, BACKOFF),  GO(FAILED, NOT),   GO(RUNNING, BACKOFF), GO(RUNNING, BACKOFF), GO(RUNNING, BACKOFF), GO(RUNNING, BACKOFF)},
    /* clang-format on */
};

/* ---- planning ---- */

/* 0, then doubled from backoff_ms: the kubelet restarts at once the first time. */
static uint64_t restart_delay(const struct moon_kubelet_life *life,
                              const struct moon_kubelet_opts *opts)
{
    if (life->stage == MOON_KUBELET_PULL_FAILED) {
        return opts->backoff_ms;
    }
    uint64_t delay_ms = life->restarts == 0 ? 0 : opts->backoff_ms;
    for (uint32_t i = 1; i < life->restarts && delay_ms < opts->max_backoff_ms; i++) {
        delay_ms *= 2;
    }
    return delay_ms < opts->max_backoff_ms ? delay_ms : opts->max_backoff_ms;
}

static uint64_t ready_delay(const struct moon_kubelet_opts *opts, const struct moon_played_pod *pod)
{
    return pod->orders.ready_after_ms != MOON_ORDER_NONE ? pod->orders.ready_after_ms
                                                         : opts->ready_delay_ms;
}

static uint64_t delay_of(enum wait wait, const struct moon_kubelet_life *life,
                         const struct moon_kubelet_opts *opts, const struct moon_played_pod *pod)
{
    switch (wait) {
    case WAIT_NEVER:
        return MOON_KUBELET_NEVER;
    case WAIT_NOT:
        return 0;
    case WAIT_START:
        return opts->start_delay_ms;
    case WAIT_READY:
        return ready_delay(opts, pod);
    case WAIT_BACKOFF:
        return restart_delay(life, opts);
    }
    return MOON_KUBELET_NEVER;
}

static void rest(struct moon_kubelet_life *life)
{
    life->next = MOON_KUBELET_NEW;
    life->due = MOON_KUBELET_NEVER;
}

static void plan(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                 const struct moon_played_pod *pod, uint64_t now_ms)
{
    life->fate = pod->orders.fate;
    if (life->stage >= MOON_ARRAY_SIZE(steps)) {
        rest(life);
        return;
    }
    struct step step = steps[life->stage][pod->orders.fate];
    uint64_t delay_ms = delay_of(step.wait, life, opts, pod);
    if (delay_ms == MOON_KUBELET_NEVER) {
        rest(life);
        return;
    }
    /* A pod that is ready as soon as it runs needs one write, not two. */
    if (step.next == MOON_KUBELET_RUNNING && pod->orders.fate == MOON_FATE_RUN &&
        ready_delay(opts, pod) == 0) {
        step.next = MOON_KUBELET_READY;
    }
    life->next = step.next;
    life->due = now_ms + delay_ms;
}

/* ---- seeing ---- */

/* What an earlier player, or a real kubelet, has made of it. */
static void take_over(struct moon_kubelet_life *life, const struct moon_played_pod *pod)
{
    life->restarts = pod->restarts;
    life->ip = pod->ip;
    life->started_s = pod->started_s;
    life->containers_s = pod->started_s;
    life->terminated_s = pod->started_s;
    life->crashed_run_s = pod->started_s;
    if (pod->phase == MOON_PHASE_RUNNING) {
        bool has_crashed = moon_streq(pod->waiting, "CrashLoopBackOff");
        life->stage = has_crashed  ? MOON_KUBELET_CRASHED
                      : pod->ready ? MOON_KUBELET_READY
                                   : MOON_KUBELET_RUNNING;
    } else if (moon_streq(pod->waiting, "ErrImagePull")) {
        life->stage = MOON_KUBELET_PULL_FAILED;
    } else if (moon_streq(pod->waiting, "ImagePullBackOff")) {
        life->stage = MOON_KUBELET_PULL_BACKOFF;
    } else {
        life->stage = MOON_KUBELET_WAITING;
    }
}

static void see_deletion(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                         const struct moon_played_pod *pod, uint64_t now_ms)
{
    if (pod->is_ending) {
        life->stage = MOON_KUBELET_REMOVED;
        rest(life);
    } else if (life->next != MOON_KUBELET_REMOVED) {
        life->next = MOON_KUBELET_REMOVED;
        life->due = now_ms + (moon_kubelet_is_running(life->stage) ? opts->stop_delay_ms : 0);
    }
}

void moon_kubelet_see(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                      const struct moon_played_pod *pod, uint64_t now_ms)
{
    bool is_new = life->stage == MOON_KUBELET_NEW;
    if (life->stage == MOON_KUBELET_REMOVED) {
        return;
    }
    if (is_new) {
        take_over(life, pod);
    }
    if (pod->meta.deleted_s != 0) {
        see_deletion(life, opts, pod, now_ms);
    } else if (moon_played_pod_has_ended(pod)) {
        life->stage =
            pod->phase == MOON_PHASE_FAILED ? MOON_KUBELET_FAILED : MOON_KUBELET_SUCCEEDED;
        rest(life);
    } else if (life->stage == MOON_KUBELET_READY && !pod->ready) {
        /* Somebody else (the node lifecycle controller, while we were silent) has overwritten what
         * we said: say it again. */
        life->stage = MOON_KUBELET_RUNNING;
        life->next = MOON_KUBELET_READY;
        life->due = now_ms;
    } else if (is_new || life->fate != pod->orders.fate) {
        plan(life, opts, pod, now_ms);
    }
}

/* ---- acting ---- */

/* As the kubelet's admission does: once, when the pod arrives. */
static const char *refusal(const struct moon_played_pod *pod, const struct moon_played_node *node)
{
    if (node->orders.reject != NULL) {
        return node->orders.reject;
    }
    if (pod->affinity != NULL &&
        !moon_affinity_matches(pod->affinity, &node->meta.labels, node->meta.name)) {
        return "NodeAffinity";
    }
    return NULL;
}

/* Stage, times and restarts that the next write will say. */
static void tell(struct moon_kubelet_life *life, enum moon_kubelet_stage stage, int64_t now_s)
{
    bool is_start = moon_kubelet_is_running(stage) && !moon_kubelet_is_running(life->stage);
    life->told = stage;
    life->told_restarts =
        life->restarts + (is_start && life->stage == MOON_KUBELET_CRASHED ? 1 : 0);
    if (life->stage == MOON_KUBELET_WAITING || life->started_s == 0) {
        life->started_s = now_s;
    }
    if (is_start || life->containers_s == 0) {
        life->containers_s = now_s;
    }
    if (moon_kubelet_is_running(life->stage) && !moon_kubelet_is_running(stage)) {
        life->terminated_s = now_s;
        life->crashed_run_s = life->containers_s;
    }
}

enum moon_kubelet_verb moon_kubelet_act(struct moon_kubelet_life *life,
                                        const struct moon_played_pod *pod,
                                        const struct moon_played_node *node, int64_t now_s,
                                        struct moon_buf *body)
{
    if (life->due == MOON_KUBELET_NEVER) {
        return MOON_KUBELET_NOTHING;
    }
    if (life->next == MOON_KUBELET_REMOVED) {
        life->told = MOON_KUBELET_REMOVED;
        moon_buf_printf(body,
                        "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"gracePeriodSeconds\":0"
                        ",\"preconditions\":{\"uid\":\"%s\"}}",
                        pod->meta.uid);
        return MOON_KUBELET_DELETE;
    }
    const char *reason = life->stage == MOON_KUBELET_WAITING ? refusal(pod, node) : NULL;
    tell(life, reason != NULL ? MOON_KUBELET_FAILED : life->next, now_s);
    if (reason == NULL) {
        reason = pod->orders.reason != NULL ? pod->orders.reason : "Evicted";
    }
    moon_kubelet_write_status(life, pod, node, reason, now_s, body);
    return MOON_KUBELET_PATCH;
}

/* `pod` may be older than what was accepted: only its wishes (fate, deletion) are looked at. */
void moon_kubelet_done(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                       const struct moon_played_pod *pod, uint64_t now_ms)
{
    life->stage = life->told;
    if (life->stage == MOON_KUBELET_REMOVED) {
        rest(life);
        return;
    }
    life->restarts = life->told_restarts;
    if (pod->meta.deleted_s != 0) {
        see_deletion(life, opts, pod, now_ms);
    } else {
        plan(life, opts, pod, now_ms);
    }
}
