/* SPDX-License-Identifier: Apache-2.0 */
#include "control/controller.h"

#include <time.h>

#include "base/list.h"

enum {
    CONTROLLER_MAGIC = 0xc047,
    RUN_MAGIC = 0xc048,
    SLICE_US = 5000
};

struct moon_controller {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_apply *apply;
    struct moon_controller_opts opts;
    struct moon_workqueue *queue;
    struct moon_list runs;    /* plans being applied */
    struct moon_defer *slice; /* more to do in the next turn */
    bool started;
};

/* A plan on its way. It outlives the controller when apply is still busy with it. */
struct run {
    unsigned magic;
    struct moon_list link;
    struct moon_controller *controller; /* NULL: freed meanwhile */
    bool reconcile_failed;
};

static void schedule(struct moon_controller *c);

static void on_ready(void *ctx)
{
    schedule(MOON_CAST(moon_controller, ctx, CONTROLLER_MAGIC));
}

struct moon_controller *moon_controller_new(struct moon_loop *loop, struct moon_apply *apply,
                                            const struct moon_controller_opts *opts)
{
    moon_assert(opts->name != NULL && opts->reconcile != NULL);
    struct moon_controller *c = moon_new(struct moon_controller);
    c->magic = CONTROLLER_MAGIC;
    c->loop = loop;
    c->apply = apply;
    c->opts = *opts;
    c->queue = moon_workqueue_new(
        loop, &(struct moon_workqueue_opts){.name = opts->name, .on_ready = on_ready, .ctx = c});
    c->opts.name = NULL; /* only borrowed for the queue */
    moon_list_init(&c->runs);
    return c;
}

void moon_controller_free(struct moon_controller *c)
{
    if (c == NULL) {
        return;
    }
    moon_controller_stop(c);
    moon_list_foreach (it, &c->runs) {
        struct run *run = moon_container_of(it, struct run, link);
        moon_list_remove(&run->link);
        run->controller = NULL;
    }
    moon_workqueue_free(c->queue);
    c->magic = 0;
    moon_free(c);
}

/* ---- one key ---- */

/* The key has been dealt with, as far as this plan goes. Past failures count until nothing of the
 * key is open any more: a status that could be written says nothing of the creates beside it. */
static void settle(struct moon_controller *c, struct moon_str key, bool failed)
{
    if (failed) {
        moon_workqueue_add_rate_limited(c->queue, key);
    } else if (moon_apply_pending(c->apply, key) == 0) {
        moon_workqueue_forget(c->queue, key);
    }
}

static void report(struct moon_controller *c, struct moon_str key, const struct moon_err *err,
                   const struct moon_action *action)
{
    if (c->opts.on_failure != NULL) {
        c->opts.on_failure(key, err, action, c->opts.ctx);
    }
}

struct observer {
    struct run *run;
    struct moon_plan *plan;
};

static void on_result(const struct moon_result *result, void *ctx)
{
    const struct observer *o = ctx;
    struct moon_controller *c = o->run->controller;
    if (c != NULL && result->err != NULL && !result->quiet) {
        report(c, moon_plan_key(o->plan), result->err, result->action);
    }
}

static void on_plan_done(struct moon_str key, size_t failed, void *ctx)
{
    struct run *run = MOON_CAST(run, ctx, RUN_MAGIC);
    struct moon_controller *c = run->controller;
    if (c != NULL) {
        moon_list_remove(&run->link);
        /* A failed reconcile has been queued again already. */
        if (!run->reconcile_failed) {
            settle(c, key, failed > 0);
        }
        if (c->opts.serial) {
            moon_workqueue_done(c->queue, key);
        }
    }
    run->magic = 0;
    moon_free(run);
}

static void carry_out(struct moon_controller *c, struct moon_plan *plan, bool reconcile_failed)
{
    struct run *run = moon_new(struct run);
    run->magic = RUN_MAGIC;
    run->controller = c;
    run->reconcile_failed = reconcile_failed;
    moon_list_append(&c->runs, &run->link);

    struct observer *observer = moon_arena_alloc(moon_plan_arena(plan), sizeof *observer);
    *observer = (struct observer){.run = run, .plan = plan};
    moon_plan_observe(plan, on_result, observer);
    moon_apply_submit(c->apply, plan, on_plan_done, run);
}

static void process(struct moon_controller *c, struct moon_str key)
{
    MOON_CLEANUP(moon_plan_free_ptr) struct moon_plan *plan = moon_plan_new(key);
    struct moon_err err;
    bool failed = c->opts.reconcile(key, plan, c->opts.ctx, &err) != 0;
    if (failed) {
        report(c, key, &err, NULL);
    }
    moon_apply_show(c->apply, plan);
    if (moon_plan_requeue_ms(plan) != UINT64_MAX) {
        moon_workqueue_add_after(c->queue, key, moon_plan_requeue_ms(plan));
    }
    bool to_do = moon_plan_count(plan) > 0;
    if (failed || !to_do) {
        settle(c, key, failed);
    }
    if (!to_do || !c->opts.serial) {
        moon_workqueue_done(c->queue, moon_plan_key(plan));
    }
    if (to_do) {
        carry_out(c, moon_steal(&plan), failed);
    }
}

/* ---- slices ---- */

/* The loop's clock stands still within a turn, and in tests altogether. */
static int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_slice(void *ctx)
{
    struct moon_controller *c = MOON_CAST(moon_controller, ctx, CONTROLLER_MAGIC);
    c->slice = NULL;
    int64_t end_us = clock_us() + SLICE_US;
    struct moon_str key;
    while (c->started && moon_workqueue_take(c->queue, &key)) {
        process(c, key);
        if (clock_us() >= end_us) {
            break;
        }
    }
    schedule(c);
}

static void schedule(struct moon_controller *c)
{
    if (c->started && !c->opts.stepped && c->slice == NULL && moon_workqueue_depth(c->queue) > 0) {
        c->slice = moon_loop_defer(c->loop, on_slice, c);
    }
}

void moon_controller_start(struct moon_controller *c)
{
    moon_assert(c->magic == CONTROLLER_MAGIC);
    c->started = true;
    schedule(c);
}

void moon_controller_stop(struct moon_controller *c)
{
    moon_assert(c->magic == CONTROLLER_MAGIC);
    c->started = false;
    if (c->slice != NULL) {
        moon_defer_cancel(moon_steal(&c->slice));
    }
}

void moon_controller_step(struct moon_controller *c, struct moon_str key)
{
    moon_assert(c->magic == CONTROLLER_MAGIC && c->opts.stepped);
    bool is_done = false;
    struct moon_str taken;
    moon_workqueue_add(c->queue, key);
    while (moon_workqueue_take(c->queue, &taken)) {
        if (!is_done && moon_str_eq(taken, key)) {
            is_done = true;
            process(c, taken);
        } else {
            moon_workqueue_done(c->queue, taken);
        }
    }
}

void moon_controller_enqueue(struct moon_controller *c, struct moon_str key)
{
    moon_assert(c->magic == CONTROLLER_MAGIC);
    moon_workqueue_add(c->queue, key);
}

void moon_controller_enqueue_after(struct moon_controller *c, struct moon_str key,
                                   uint64_t delay_ms)
{
    moon_assert(c->magic == CONTROLLER_MAGIC);
    moon_workqueue_add_after(c->queue, key, delay_ms);
}

bool moon_controller_is_idle(const struct moon_controller *c)
{
    moon_assert(c->magic == CONTROLLER_MAGIC);
    return moon_workqueue_depth(c->queue) == 0 && moon_list_is_empty(&c->runs);
}
