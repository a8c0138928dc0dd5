/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet.c - the life of a pod: for each stage, what comes next and when.
 */
#include "sim/kubelet.h"

#include "base/str.h"

enum {
    /* A wait that is shorter is not worth a write that says ContainerCreating. */
    CREATING_MIN_MS = 1000,
    /* ErrImagePull is shown so long before it turns into ImagePullBackOff, at most. */
    PULL_FAILED_MAX_MS = 10 * 1000,
    EXIT_LOST_POWER = 255,
};

/* ---- times ---- */

static uint64_t ordered(uint64_t order_ms, uint64_t default_ms)
{
    return order_ms != MOON_ORDER_NONE ? order_ms : default_ms;
}

static uint64_t ready_delay(const struct moon_kubelet_opts *opts, const struct moon_played_pod *pod)
{
    return ordered(pod->orders.ready_after_ms, opts->ready_delay_ms);
}

uint64_t moon_kubelet_stop_ms(const struct moon_kubelet_opts *opts,
                              const struct moon_played_pod *pod, uint64_t limit_ms)
{
    uint64_t stop_ms = ordered(pod->orders.stop_after_ms, opts->stop_delay_ms);
    if (pod->orders.ignores_sigterm || stop_ms > limit_ms) {
        return limit_ms;
    }
    return stop_ms;
}

/* base, doubled for each failure after the first. */
static uint64_t doubled(const struct moon_kubelet_opts *opts, uint32_t failures)
{
    uint64_t delay_ms = opts->backoff_ms;
    for (uint32_t i = 1; i < failures && delay_ms < opts->max_backoff_ms; i++) {
        delay_ms *= 2;
    }
    return delay_ms < opts->max_backoff_ms ? delay_ms : opts->max_backoff_ms;
}

/* The kubelet restarts at once the first time. */
uint64_t moon_kubelet_backoff_ms(const struct moon_kubelet_life *life,
                                 const struct moon_kubelet_opts *opts)
{
    return life->ends <= 1 ? 0 : doubled(opts, life->ends - 1);
}

/* ---- images ---- */

const char *moon_kubelet_missing_image(const struct moon_kubelet_place *place,
                                       const struct moon_played_pod *pod)
{
    if (pod->container_count == 0) {
        return NULL;
    }
    if (pod->orders.fate == MOON_FATE_NO_IMAGE) {
        return pod->containers[pod->container_count - 1].image;
    }
    for (size_t i = 0; i < pod->container_count; i++) {
        const struct moon_played_container *container = &pod->containers[i];
        if (moon_orders_name_image(place->node->orders.missing, container->image) &&
            (container->always_pulls ||
             !moon_images_has(place->images, container->image, place->now_ms))) {
            return container->image;
        }
    }
    return NULL;
}

static uint64_t pull_time(const struct moon_kubelet_place *place)
{
    return ordered(place->node->orders.pull_time_ms, place->opts->pull_time_ms);
}

/* When all its images will be there, if it begins to ask for them at `start`. */
static uint64_t pull_all(const struct moon_kubelet_place *place, const struct moon_played_pod *pod,
                         uint64_t start)
{
    for (size_t i = 0; i < pod->container_count; i++) {
        uint64_t there =
            moon_images_pull(place->images, pod->containers[i].image, start, pull_time(place));
        start = there > start ? there : start;
    }
    return start;
}

static void note_images(const struct moon_kubelet_place *place, const struct moon_played_pod *pod)
{
    for (size_t i = 0; place->images != NULL && i < pod->container_count; i++) {
        moon_images_add(place->images, pod->containers[i].image, place->now_ms);
    }
}

/* Of the containers that run; init containers have done their work. */
static uint64_t images_of(const struct moon_played_pod *pod)
{
    uint64_t digest = 0;

    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        digest = digest * 31 + moon_str_hash(moon_str(pod->containers[i].image));
    }
    return digest | 1;
}

/* ---- planning ---- */

static void rest(struct moon_kubelet_life *life)
{
    life->next = MOON_KUBELET_NEW;
    life->due = MOON_KUBELET_NEVER;
    life->next_is_restart = false;
}

static void go(struct moon_kubelet_life *life, enum moon_kubelet_stage next, uint64_t due)
{
    life->next = next;
    life->due = due;
    life->next_is_restart = false;
}

/* A pod that is ready as soon as it runs needs one write, not two. */
static enum moon_kubelet_stage first_stage(const struct moon_kubelet_place *place,
                                           const struct moon_played_pod *pod)
{
    return pod->orders.fate == MOON_FATE_RUN && ready_delay(place->opts, pod) == 0
               ? MOON_KUBELET_READY
               : MOON_KUBELET_RUNNING;
}

static void restart(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                    const struct moon_played_pod *pod, uint64_t due)
{
    go(life, first_stage(place, pod), due);
    life->next_is_restart = true;
}

static void plan_start(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                       const struct moon_played_pod *pod)
{
    uint64_t start = life->since + ordered(pod->orders.start_after_ms, place->opts->start_delay_ms);
    if (pod->orders.fate == MOON_FATE_FAIL) {
        go(life, MOON_KUBELET_FAILED, start);
        return;
    }
    if (moon_kubelet_missing_image(place, pod) != NULL) {
        life->begins = 0;
        go(life, MOON_KUBELET_PULL_FAILED, start);
        return;
    }
    if (life->begins == 0) {
        life->begins = pull_all(place, pod, start);
        life->pulled_ms = life->begins - start;
    }
    if (life->stage == MOON_KUBELET_WAITING && life->begins >= place->now_ms + CREATING_MIN_MS) {
        go(life, MOON_KUBELET_CREATING, place->now_ms);
    } else {
        go(life, first_stage(place, pod), life->begins);
    }
}

static bool restarts(const struct moon_played_pod *pod)
{
    return pod->restart == MOON_RESTART_ALWAYS ||
           (pod->restart == MOON_RESTART_ON_FAILURE && pod->orders.fate != MOON_FATE_COMPLETE);
}

/* Containers that end: when, and whether others follow. */
static void plan_end(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                     const struct moon_played_pod *pod)
{
    uint64_t end_ms = ordered(pod->orders.end_after_ms, ready_delay(place->opts, pod));
    uint64_t end = life->runs_since + end_ms;
    if (life->stage == MOON_KUBELET_RUNNING && ready_delay(place->opts, pod) < end_ms) {
        go(life, MOON_KUBELET_READY, life->runs_since + ready_delay(place->opts, pod));
        return;
    }
    if (pod->orders.fate == MOON_FATE_SUCCEED || !restarts(pod)) {
        go(life, pod->orders.fate == MOON_FATE_CRASH ? MOON_KUBELET_FAILED : MOON_KUBELET_SUCCEEDED,
           end);
    } else if (life->ends == 0 || end_ms >= 2 * place->opts->max_backoff_ms) {
        restart(life, place, pod, end);
    } else {
        go(life, MOON_KUBELET_CRASHED, end);
    }
}

static void plan_running(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                         const struct moon_played_pod *pod)
{
    bool is_ready = life->stage == MOON_KUBELET_READY;
    switch (pod->orders.fate) {
    case MOON_FATE_RUN:
        if (is_ready) {
            rest(life);
        } else {
            go(life, MOON_KUBELET_READY, life->runs_since + ready_delay(place->opts, pod));
        }
        break;
    case MOON_FATE_FAIL:
        go(life, MOON_KUBELET_FAILED, place->now_ms);
        break;
    case MOON_FATE_SUCCEED:
    case MOON_FATE_CRASH:
    case MOON_FATE_COMPLETE:
        plan_end(life, place, pod);
        break;
    case MOON_FATE_NEVER_READY:
        if (is_ready) {
            go(life, MOON_KUBELET_RUNNING, place->now_ms);
        } else {
            rest(life);
        }
        break;
    case MOON_FATE_NO_IMAGE: /* it has one already */
        rest(life);
        break;
    }
}

/* At the end of the back-off another pull: it fails again, or takes its time. */
static void plan_pull(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod)
{
    uint64_t backoff_ms = doubled(place->opts, life->pulls);
    uint64_t shown_ms = backoff_ms / 2 < PULL_FAILED_MAX_MS ? backoff_ms / 2 : PULL_FAILED_MAX_MS;
    if (pod->orders.fate == MOON_FATE_FAIL) {
        go(life, MOON_KUBELET_FAILED, place->now_ms);
    } else if (life->stage == MOON_KUBELET_PULL_FAILED) {
        go(life, MOON_KUBELET_PULL_BACKOFF, life->since + shown_ms);
    } else if (moon_kubelet_missing_image(place, pod) != NULL) {
        go(life, MOON_KUBELET_PULL_FAILED, life->retry_at);
    } else {
        if (life->begins < life->retry_at) {
            life->pulled_ms = pull_time(place);
            life->begins = life->retry_at + life->pulled_ms;
        }
        go(life, first_stage(place, pod), life->begins);
        life->next_is_restart = life->has_run;
    }
}

/* Its spec has got other images: what runs is ended, what waits for the old ones waits for these.
 */
static void plan_new_images(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                            const struct moon_played_pod *pod)
{
    uint64_t grace_ms = pod->grace_s > 0 ? (uint64_t)pod->grace_s * 1000 : 0;
    uint64_t from = life->new_since;

    if (moon_kubelet_is_running(life->stage)) {
        from += moon_kubelet_stop_ms(place->opts, pod, grace_ms);
    }
    if (moon_kubelet_missing_image(place, pod) != NULL) {
        life->begins = 0;
        go(life, MOON_KUBELET_PULL_FAILED, from);
        return;
    }
    if (life->begins == 0) {
        life->begins = pull_all(place, pod, from);
        life->pulled_ms = life->begins - from;
    }
    go(life, first_stage(place, pod), life->begins);
    life->next_is_restart = life->has_run;
}

static bool has_begun(enum moon_kubelet_stage stage)
{
    return moon_kubelet_is_running(stage) || stage == MOON_KUBELET_CRASHED ||
           stage == MOON_KUBELET_PULL_FAILED || stage == MOON_KUBELET_PULL_BACKOFF;
}

static void plan_crashed(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                         const struct moon_played_pod *pod)
{
    if (pod->orders.fate == MOON_FATE_FAIL) {
        go(life, MOON_KUBELET_FAILED, place->now_ms);
    } else {
        restart(life, place, pod, life->retry_at);
    }
}

/* Its end, once it is wanted: containers that run get SIGTERM and their time. */
static void plan_removal(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                         const struct moon_played_pod *pod)
{
    uint64_t grace_ms = pod->grace_s > 0 ? (uint64_t)pod->grace_s * 1000 : 0;
    if (pod->is_ending) {
        life->stage = MOON_KUBELET_REMOVED; /* only finalizers hold it */
        rest(life);
    } else if (place->node == NULL || place->node->orders.is_down) {
        rest(life); /* nobody sends SIGTERM */
    } else if (!moon_kubelet_is_running(life->stage)) {
        go(life, MOON_KUBELET_REMOVED, place->now_ms);
    } else {
        if (life->sigterm_at == 0) {
            life->sigterm_at = place->now_ms;
        }
        go(life, MOON_KUBELET_REMOVED,
           life->sigterm_at + moon_kubelet_stop_ms(place->opts, pod, grace_ms));
    }
}

static void plan(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                 const struct moon_played_pod *pod)
{
    if (pod->meta.deleted_s != 0 && life->stage != MOON_KUBELET_REMOVED) {
        plan_removal(life, place, pod);
        return;
    }
    if (life->reason != NULL && life->stage < MOON_KUBELET_SUCCEEDED) {
        go(life, MOON_KUBELET_FAILED, life->verdict_at);
        return;
    }
    if (place->node == NULL) {
        rest(life);
        return;
    }
    if (life->new_images != 0 && has_begun(life->stage) && pod->orders.fate != MOON_FATE_FAIL) {
        plan_new_images(life, place, pod);
        return;
    }
    switch (life->stage) {
    case MOON_KUBELET_WAITING:
    case MOON_KUBELET_CREATING:
        plan_start(life, place, pod);
        break;
    case MOON_KUBELET_RUNNING:
    case MOON_KUBELET_READY:
        plan_running(life, place, pod);
        break;
    case MOON_KUBELET_PULL_FAILED:
    case MOON_KUBELET_PULL_BACKOFF:
        plan_pull(life, place, pod);
        break;
    case MOON_KUBELET_CRASHED:
        plan_crashed(life, place, pod);
        break;
    case MOON_KUBELET_NEW:
    case MOON_KUBELET_SUCCEEDED:
    case MOON_KUBELET_FAILED:
    case MOON_KUBELET_REMOVED:
        rest(life);
        break;
    }
    if (life->lost_power && moon_kubelet_is_running(life->stage)) {
        restart(life, place, pod, place->now_ms);
    }
}

/* ---- seeing ---- */

static enum moon_kubelet_stage stage_of(const struct moon_played_pod *pod)
{
    if (moon_streq(pod->waiting, "ErrImagePull")) {
        return MOON_KUBELET_PULL_FAILED;
    }
    if (moon_streq(pod->waiting, "ImagePullBackOff")) {
        return MOON_KUBELET_PULL_BACKOFF;
    }
    if (pod->phase == MOON_PHASE_RUNNING) {
        if (moon_streq(pod->waiting, "CrashLoopBackOff")) {
            return MOON_KUBELET_CRASHED;
        }
        return pod->ready ? MOON_KUBELET_READY : MOON_KUBELET_RUNNING;
    }
    return moon_streq(pod->waiting, "ContainerCreating") ? MOON_KUBELET_CREATING
                                                         : MOON_KUBELET_WAITING;
}

/* What an earlier player, or a real kubelet, has made of it. */
static void take_over(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod)
{
    life->stage = stage_of(pod);
    life->is_admitted = pod->started_s != 0;
    life->ip = pod->ip;
    life->started_s = pod->started_s;
    life->run = (struct moon_kubelet_run){.restarts = pod->restarts,
                                          .started_s = pod->started_s,
                                          .last_started_s = pod->started_s,
                                          .last_ended_s = pod->started_s,
                                          .last_exit_code = pod->orders.exit_code};
    life->has_run = pod->phase == MOON_PHASE_RUNNING;
    life->images = pod->has_old_image ? 0 : images_of(pod);
    life->since = place->now_ms;
    life->runs_since = place->now_ms;
    life->ends = life->stage == MOON_KUBELET_CRASHED ? pod->restarts + 1 : pod->restarts;
    life->pulls =
        life->stage == MOON_KUBELET_PULL_FAILED || life->stage == MOON_KUBELET_PULL_BACKOFF ? 1 : 0;
    life->retry_at = place->now_ms + (life->stage == MOON_KUBELET_CRASHED
                                          ? moon_kubelet_backoff_ms(life, place->opts)
                                          : place->opts->backoff_ms);
}

/* Looked at again the same images change nothing. */
static void see_images(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                       const struct moon_played_pod *pod)
{
    uint64_t wanted = images_of(pod);

    if (wanted == life->images) {
        life->new_images = 0;
    } else if (wanted != life->new_images) {
        life->new_images = wanted;
        life->new_since = place->now_ms;
        life->begins = 0;
    }
}

void moon_kubelet_see(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod)
{
    if (life->stage == MOON_KUBELET_REMOVED) {
        return;
    }
    if (life->stage == MOON_KUBELET_NEW) {
        take_over(life, place, pod);
    }
    see_images(life, place, pod);
    if (moon_played_pod_has_ended(pod)) {
        life->stage =
            pod->phase == MOON_PHASE_FAILED ? MOON_KUBELET_FAILED : MOON_KUBELET_SUCCEEDED;
    } else if (life->stage == MOON_KUBELET_READY && !pod->ready) {
        /* Somebody else (the node lifecycle controller, while we were silent) has overwritten what
         * we said: say it again. */
        life->stage = MOON_KUBELET_RUNNING;
    }
    if (moon_kubelet_is_running(life->stage)) {
        note_images(place, pod);
    }
    plan(life, place, pod);
}

void moon_kubelet_end(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod, uint64_t grace_ms, const char *reason,
                      const char *message)
{
    if (life->reason != NULL || life->stage >= MOON_KUBELET_SUCCEEDED) {
        return;
    }
    life->reason = moon_intern_cstr(reason);
    life->message = moon_intern_cstr(message);
    life->verdict_at = place->now_ms;
    if (moon_kubelet_is_running(life->stage)) {
        life->sigterm_at = place->now_ms;
        life->verdict_at += moon_kubelet_stop_ms(place->opts, pod, grace_ms);
    }
    plan(life, place, pod);
}

void moon_kubelet_lose_power(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                             const struct moon_played_pod *pod)
{
    life->lost_power = moon_kubelet_is_running(life->stage);
    plan(life, place, pod);
}

void moon_kubelet_life_fini(struct moon_kubelet_life *life)
{
    moon_sym_unref(life->reason);
    moon_sym_unref(life->message);
}

/* ---- acting ---- */

static int32_t exit_code(const struct moon_kubelet_life *life, const struct moon_played_pod *pod)
{
    if (life->lost_power) {
        return EXIT_LOST_POWER;
    }
    return pod->orders.fate == MOON_FATE_CRASH ? pod->orders.exit_code : 0;
}

/* Stage, times and restarts that the next write will say. */
static void tell(struct moon_kubelet_life *life, const struct moon_played_pod *pod,
                 enum moon_kubelet_stage stage, int64_t now_s)
{
    bool was_running = moon_kubelet_is_running(life->stage);
    bool will_run = moon_kubelet_is_running(stage);
    bool starts = will_run && (!was_running || life->next_is_restart);
    struct moon_kubelet_run *run = &life->told_run;
    life->told = stage;
    *run = life->run;
    if (life->started_s == 0) {
        life->started_s = now_s;
    }
    if (was_running && (starts || !will_run)) {
        run->last_started_s = run->started_s;
        run->last_ended_s = now_s;
        run->last_exit_code = exit_code(life, pod);
    }
    if (starts || run->started_s == 0) {
        run->started_s = now_s;
    }
    run->restarts += starts && life->next_is_restart ? 1 : 0;
    life->told_images = starts || !will_run ? images_of(pod) : life->images;
}

static enum moon_kubelet_verb write_removal(struct moon_kubelet_life *life,
                                            const struct moon_played_pod *pod,
                                            struct moon_buf *body)
{
    life->told = MOON_KUBELET_REMOVED;
    moon_buf_printf(body,
                    "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"gracePeriodSeconds\":0"
                    ",\"preconditions\":{\"uid\":\"%s\"}}",
                    pod->meta.uid);
    return MOON_KUBELET_DELETE;
}

/* Why it fails, if not by itself: refused or ended by its node, or by order. */
static void find_reason(struct moon_kubelet_says *says, struct moon_buf *scratch)
{
    const struct moon_kubelet_life *life = says->life;
    if (life->next != MOON_KUBELET_FAILED) {
        return;
    }
    if (life->reason != NULL) {
        says->reason = life->reason;
        says->message = life->message;
    } else if (says->pod->orders.fate == MOON_FATE_FAIL) {
        says->reason = says->pod->orders.reason != NULL ? says->pod->orders.reason : "Evicted";
        moon_buf_printf(scratch, "Pod was ended by command: %s", says->reason);
        says->message = moon_buf_cstr(scratch);
    }
}

/* What its node has refused once it does not take later. */
static void admit(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                  const struct moon_played_pod *pod)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf reason = MOON_BUF_INIT(1024);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf message = MOON_BUF_INIT(4096);
    if (life->is_admitted || life->reason != NULL || place->others == NULL) {
        return;
    }
    life->is_admitted = !moon_admission_refuses(pod, place->node, place->others, &reason, &message);
    if (!life->is_admitted) {
        moon_kubelet_end(life, place, pod, 0, moon_buf_cstr(&reason), moon_buf_cstr(&message));
    }
}

enum moon_kubelet_verb moon_kubelet_act(struct moon_kubelet_life *life,
                                        const struct moon_kubelet_place *place,
                                        const struct moon_played_pod *pod, struct moon_buf *body)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf scratch = MOON_BUF_INIT(4096);
    if (life->due == MOON_KUBELET_NEVER) {
        return MOON_KUBELET_NOTHING;
    }
    if (life->next == MOON_KUBELET_REMOVED) {
        return write_removal(life, pod, body);
    }
    admit(life, place, pod);
    struct moon_kubelet_says says = {.life = life, .place = place, .pod = pod};
    find_reason(&says, &scratch);
    tell(life, pod, life->next, place->now_s);
    moon_kubelet_write_status(&says, body);
    return MOON_KUBELET_PATCH;
}

/* What begins with the stage that has just been told. */
static void enter(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                  const struct moon_played_pod *pod, bool has_ended)
{
    const struct moon_kubelet_opts *opts = place->opts;
    life->since = place->now_ms;
    if (has_ended) {
        /* A run that was long enough makes up for those before it; after a boot all is forgotten.
         */
        bool was_long = place->now_ms - life->runs_since >= 2 * opts->max_backoff_ms;
        life->ends = life->lost_power ? 0 : was_long ? 1 : life->ends + 1;
        life->lost_power = false;
    }
    if (life->stage == MOON_KUBELET_CRASHED) {
        life->retry_at = place->now_ms + moon_kubelet_backoff_ms(life, opts);
    } else if (life->stage == MOON_KUBELET_PULL_FAILED) {
        life->pulls++;
        life->retry_at = place->now_ms + doubled(opts, life->pulls);
    } else if (moon_kubelet_is_running(life->stage)) {
        life->pulls = 0;
        note_images(place, pod);
    }
}

/* `pod` may be older than what was accepted: only its wishes (orders, deletion) are looked at. */
void moon_kubelet_done(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                       const struct moon_played_pod *pod)
{
    bool was_running = moon_kubelet_is_running(life->stage);
    bool has_new_run = life->told_run.restarts != life->run.restarts || !was_running;
    bool has_new_images = life->told_images != life->images;
    life->stage = life->told;
    if (life->stage == MOON_KUBELET_REMOVED) {
        rest(life);
        return;
    }
    bool is_running = moon_kubelet_is_running(life->stage);
    life->run = life->told_run;
    enter(life, place, pod, was_running && (!is_running || has_new_run));
    life->has_run |= is_running;
    life->images = life->told_images;
    if (has_new_images) {
        life->new_images = life->new_images == life->images ? 0 : life->new_images;
        life->ends = 0; /* back-off is for the same container again and again */
    }
    if (is_running && has_new_run) {
        life->runs_since = place->now_ms;
    }
    plan(life, place, pod);
}
