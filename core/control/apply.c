/* SPDX-License-Identifier: Apache-2.0 */
#include "control/apply.h"

#include "control/apply_priv.h"

enum {
    DEFAULT_IN_FLIGHT = 64,
    DEFAULT_TIMEOUT_MS = 8000
};

struct moon_apply *moon_apply_new(struct moon_client *client, const struct moon_apply_opts *opts)
{
    struct moon_apply *a = moon_new(struct moon_apply);
    a->magic = MOON_APPLY_MAGIC;
    a->client = client;
    a->loop = moon_client_loop(client);
    a->max_in_flight = opts->max_in_flight > 0 ? opts->max_in_flight : DEFAULT_IN_FLIGHT;
    a->timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms : DEFAULT_TIMEOUT_MS;
    a->dry_run = opts->dry_run;
    a->on_retry = opts->on_retry;
    a->on_retry_ctx = opts->ctx;
    a->by_key = moon_map_new(NULL);
    moon_list_init(&a->lanes);
    moon_list_init(&a->turns);
    moon_list_init(&a->ended);
    moon_list_init(&a->empty);
    a->actions_total = moon_metric_register(
        &(struct moon_metric_opts){.name = "moonset_apply_actions_total",
                                   .help = "Actions that have ended, by how they ended",
                                   .type = MOON_METRIC_COUNTER,
                                   .labels = {"verb", "resource", "result"}});
    a->retries_total = moon_metric_register(
        &(struct moon_metric_opts){.name = "moonset_apply_retries_total",
                                   .help = "Requests sent again because there was no usable answer",
                                   .type = MOON_METRIC_COUNTER,
                                   .labels = {"verb", "resource", "reason"}});
    return a;
}

/* ---- how a job ends ---- */

static void batch_done(struct moon_batch *b)
{
    if (b->on_plan_done != NULL) {
        b->on_plan_done(moon_plan_key(b->plan), b->failed, b->ctx);
    }
    moon_plan_free(b->plan);
    moon_free(b->jobs);
    moon_free(b);
}

static void tell(struct moon_job *job, const struct moon_result *result)
{
    const struct moon_action *action = job->action;
    const struct moon_plan *plan = job->batch->plan;
    const char *outcome = result->found ? "found" : "done";
    if (result->err != NULL) {
        outcome = moon_code_name(result->err->code);
    }
    moon_metric_add(job->apply->actions_total,
                    MOON_LABELS(moon_verb_name(action->verb), action->resource->plural, outcome),
                    1);
    if (plan->on_result != NULL) {
        plan->on_result(result, plan->on_result_ctx);
    }
    if (action->on_done != NULL) {
        action->on_done(result, action->ctx);
    }
}

static void finish(struct moon_job *job, const struct moon_result *result)
{
    struct moon_batch *batch = job->batch;
    moon_assert(job->state == MOON_JOB_ENDED && job->call == NULL && job->timer == NULL);
    tell(job, result);
    moon_free(moon_steal(&job->verdict));
    job->magic = 0;
    if (result->err != NULL && !job->quiet) {
        batch->failed++;
    }
    if (--batch->open == 0) {
        batch_done(batch);
    }
}

void moon_job_finish(struct moon_job *job, const struct moon_answer *answer,
                     const struct moon_err *err, bool found)
{
    moon_job_stop(job);
    moon_lane_remove(job);
    finish(job, &(struct moon_result){.action = job->action,
                                      .answer = answer,
                                      .err = err,
                                      .found = found,
                                      .quiet = err != NULL && job->quiet});
}

void moon_job_cancel(struct moon_job *job, const char *why, bool quiet)
{
    moon_job_stop(job);
    moon_lane_remove(job);
    job->end_text = why;
    job->quiet = quiet;
    moon_list_append(&job->apply->ended, &job->link);
    moon_apply_kick(job->apply);
}

/* Nobody hears of cancelled actions by themselves (`quiet` in the result), but the plan counts
 * those that are still wanted. */
static void tell_cancelled(struct moon_job *job)
{
    const struct moon_action *action = job->action;
    struct moon_err err;
    moon_list_remove(&job->link);
    moon_err_set(&err, MOON_E_CANCELLED, "%s %s %s: %s", moon_verb_name(action->verb),
                 action->resource->plural, action->name, job->end_text);
    finish(job, &(struct moon_result){.action = action, .err = &err, .quiet = true});
}

static void tell_all(struct moon_apply *a)
{
    while (!moon_list_is_empty(&a->ended)) {
        tell_cancelled(moon_container_of(a->ended.next, struct moon_job, link));
    }
    while (!moon_list_is_empty(&a->empty)) {
        struct moon_batch *b = moon_container_of(a->empty.next, struct moon_batch, link);
        moon_list_remove(&b->link);
        batch_done(b);
    }
}

static void on_kick(void *ctx)
{
    struct moon_apply *a = MOON_CAST(moon_apply, ctx, MOON_APPLY_MAGIC);
    a->kick = NULL;
    tell_all(a);
    struct moon_job *job;
    while ((job = moon_lane_next(a)) != NULL) {
        moon_job_send(job);
    }
}

void moon_apply_kick(struct moon_apply *a)
{
    if (a->kick == NULL) {
        a->kick = moon_loop_defer(a->loop, on_kick, a);
    }
}

/* ---- submit ---- */

static struct moon_batch *batch_new(struct moon_plan *plan)
{
    struct moon_batch *b = moon_new(struct moon_batch);
    moon_list_init(&b->link);
    b->plan = plan;
    b->open = moon_plan_count(plan);
    b->jobs = moon_new_array(struct moon_job, b->open);
    return b;
}

static void add_jobs(struct moon_apply *a, struct moon_batch *b)
{
    for (size_t i = 0; i < b->open; i++) {
        struct moon_job *job = &b->jobs[i];
        job->magic = MOON_JOB_MAGIC;
        job->apply = a;
        job->batch = b;
        job->action = moon_plan_get(b->plan, i);
        job->lane = moon_lane_get(a, moon_plan_key(b->plan));
        moon_list_init(&job->link);
        moon_lane_add(job);
    }
}

void moon_apply_submit(struct moon_apply *a, struct moon_plan *take_plan,
                       void (*on_plan_done)(struct moon_str key, size_t failed, void *ctx),
                       void *ctx)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    struct moon_batch *b = batch_new(take_plan);
    b->on_plan_done = on_plan_done;
    b->ctx = ctx;
    add_jobs(a, b);
    if (b->open == 0) {
        moon_list_append(&a->empty, &b->link);
        moon_apply_kick(a);
    }
    for (size_t i = 0; a->suspended && i < b->open; i++) {
        moon_job_cancel(&b->jobs[i], "writing is suspended", false);
    }
}

void moon_apply_observe(struct moon_apply *a, void (*fn)(const struct moon_plan *plan, void *ctx),
                        void *ctx)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    a->on_plan = fn;
    a->on_plan_ctx = ctx;
}

void moon_apply_show(const struct moon_apply *a, const struct moon_plan *plan)
{
    if (a->on_plan != NULL) {
        a->on_plan(plan, a->on_plan_ctx);
    }
}

/* ---- stop ---- */

static void cancel_list(struct moon_list *list, const char *why, bool quiet)
{
    moon_list_foreach (it, list) {
        moon_job_cancel(moon_container_of(it, struct moon_job, link), why, quiet);
    }
}

/* What is asleep before another try is not on the wire, and a job that will never be sent again is
 * worth no more than one that has never been sent. */
static void cancel_asleep(struct moon_list *busy, const char *why, bool quiet)
{
    moon_list_foreach (it, busy) {
        struct moon_job *job = moon_container_of(it, struct moon_job, link);
        if (job->state == MOON_JOB_ASLEEP) {
            moon_job_cancel(job, why, quiet);
        } else {
            job->dropped = true;
        }
    }
}

static void cancel_lane(struct moon_apply *a, struct moon_lane *lane, const char *why,
                        bool cut_on_wire)
{
    bool quiet = !cut_on_wire;
    lane->open++; /* a lane goes with its last job: not while we walk through its lists */
    if (cut_on_wire) {
        cancel_list(&lane->busy, why, quiet);
    } else {
        cancel_asleep(&lane->busy, why, quiet);
    }
    cancel_list(&lane->due, why, quiet);
    cancel_list(&lane->waiting, why, quiet);
    if (--lane->open == 0) {
        moon_lane_free(a, lane);
    }
}

static void cancel_all(struct moon_apply *a, const char *why)
{
    moon_list_foreach (it, &a->lanes) {
        cancel_lane(a, moon_container_of(it, struct moon_lane, link), why, true);
    }
    moon_assert(a->open == 0 && a->in_flight == 0);
}

void moon_apply_free(struct moon_apply *a)
{
    if (a == NULL) {
        return;
    }
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    a->suspended = true; /* what callbacks submit ends at once, too */
    cancel_all(a, "the process stops");
    tell_all(a);
    if (a->kick != NULL) {
        moon_defer_cancel(a->kick);
    }
    moon_map_free(a->by_key);
    a->magic = 0;
    moon_free(a);
}

void moon_apply_suspend(struct moon_apply *a)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    a->suspended = true;
    cancel_all(a, "writing is suspended");
}

void moon_apply_resume(struct moon_apply *a)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    a->suspended = false;
}

void moon_apply_drop(struct moon_apply *a, struct moon_str key)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    struct moon_lane *lane = moon_map_get(a->by_key, key);
    if (lane != NULL) {
        cancel_lane(a, lane, "its object is gone", false);
    }
}

size_t moon_apply_pending(const struct moon_apply *a, struct moon_str key)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    if (key.ptr == NULL) {
        return a->open;
    }
    const struct moon_lane *lane = moon_map_get(a->by_key, key);
    return lane != NULL ? lane->open : 0;
}

static void each_of(const struct moon_list *jobs,
                    void (*fn)(const struct moon_action *action, void *ctx), void *ctx)
{
    moon_list_foreach (it, jobs) {
        fn(moon_container_of(it, struct moon_job, link)->action, ctx);
    }
}

void moon_apply_each(const struct moon_apply *a, struct moon_str key,
                     void (*fn)(const struct moon_action *action, void *ctx), void *ctx)
{
    moon_assert(a->magic == MOON_APPLY_MAGIC);
    const struct moon_lane *lane = moon_map_get(a->by_key, key);

    if (lane != NULL) {
        each_of(&lane->busy, fn, ctx);
        each_of(&lane->due, fn, ctx);
        each_of(&lane->waiting, fn, ctx);
    }
}
