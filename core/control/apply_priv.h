/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_priv.h - jobs and lanes: what apply.c, apply_lane.c and apply_send.c share.
 *
 * A job is one action on its way. It is *waiting* in its lane, then *started*: on the wire, asleep
 * before another try, or due for it; then *ended*, and told about in the loop's next turn or at
 * once. apply.c owns jobs from submit to the end, apply_lane.c says which one is next, apply_send.c
 * puts it on the wire and reads the answer. Layer: control.
 */
#ifndef MOON_CONTROL_APPLY_PRIV_H
#define MOON_CONTROL_APPLY_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "control/apply.h"
#include "control/plan_priv.h"

enum {
    MOON_APPLY_MAGIC = 0xa991,
    MOON_JOB_MAGIC = 0xa992
};

enum moon_job_state {
    MOON_JOB_WAITING,
    MOON_JOB_DUE,
    MOON_JOB_ON_WIRE,
    MOON_JOB_ASLEEP,
    MOON_JOB_ENDED,
};

struct moon_job {
    unsigned magic;
    struct moon_list link; /* in its lane's `waiting`, `due` or `busy`, or in apply's `ended` */
    enum moon_job_state state;
    struct moon_apply *apply;
    struct moon_batch *batch;
    struct moon_lane *lane;
    const struct moon_action *action;
    struct moon_client_call *call; /* on the wire */
    struct moon_timer *timer;      /* asleep */
    unsigned tries;                /* in a row without an answer that counts */
    bool looking;                  /* the next request is a GET: is it there, and ours? */
    bool unsure;                   /* an earlier try may have been carried out */
    bool dropped;                  /* no further try */
    bool quiet;                    /* end without counting as a failure */
    const char *end_text;          /* ended before there was an answer: why */
    struct moon_err *verdict;      /* what a CREATE was refused with, while looking */
};

/* A plan on its way. */
struct moon_batch {
    struct moon_list link; /* in apply's `empty` when it has no action */
    struct moon_plan *plan;
    struct moon_job *jobs;
    size_t open;
    size_t failed;
    void (*on_plan_done)(struct moon_str key, size_t failed, void *ctx);
    void *ctx;
};

struct moon_lane {
    struct moon_list link;    /* in apply's `lanes` */
    struct moon_list turn;    /* in apply's `turns` while it may have something to start */
    struct moon_list waiting; /* in the order of submission */
    struct moon_list due;     /* to be sent once more */
    struct moon_list busy;    /* on the wire or asleep */
    size_t open;              /* in the three lists */
    /* Slow start: rounds of `window` creates, doubled after each full round without a failure. At
     * the maximum there are no rounds any more, only the limit. */
    unsigned window;
    unsigned round_started;
    unsigned creates_open; /* started and not ended */
    bool round_failed;
    char *key;
};

struct moon_apply {
    unsigned magic;
    struct moon_client *client;
    struct moon_loop *loop;
    unsigned max_in_flight;
    uint64_t timeout_ms;
    bool dry_run;
    bool suspended;
    unsigned in_flight;
    size_t open;             /* jobs in lanes */
    struct moon_map *by_key; /* lanes */
    struct moon_list lanes;
    struct moon_list turns;
    struct moon_list ended; /* jobs whose on_done is still to be called */
    struct moon_list empty; /* batches without actions */
    struct moon_defer *kick;
    void (*on_retry)(const struct moon_action *action, unsigned tries, const struct moon_err *err,
                     void *ctx);
    void *on_retry_ctx;
    void (*on_plan)(const struct moon_plan *plan, void *ctx); /* NULL: nobody looks on */
    void *on_plan_ctx;
    struct moon_metric *actions_total;
    struct moon_metric *retries_total;
};

/* ---- apply.c ---- */

/* Start what can be started and tell what has ended, in the next turn. */
void moon_apply_kick(struct moon_apply *a);
/* Take the job out of its lane, tell how it ended, free the batch after its last one. `err` NULL:
 * done. */
void moon_job_finish(struct moon_job *job, const struct moon_answer *answer,
                     const struct moon_err *err, bool found);
/* End the job without an answer of its own; it is told in the next turn. */
void moon_job_cancel(struct moon_job *job, const char *why, bool quiet);

/* ---- apply_lane.c ---- */

struct moon_lane *moon_lane_get(struct moon_apply *a, struct moon_str key);
void moon_lane_free(struct moon_apply *a, struct moon_lane *lane);
void moon_lane_add(struct moon_job *job);
/* The job has left the wire and will be sent again: now or when its timer has run. */
void moon_lane_sleep(struct moon_job *job);
void moon_lane_wake(struct moon_job *job);
/* The job leaves its lane. A lane without jobs is freed. */
void moon_lane_remove(struct moon_job *job);
/* A CREATE of this lane was refused (and has not left it yet): start slowly again, and cancel the
 * creates that wait. */
void moon_lane_close_window(struct moon_lane *lane, bool quiet);
/* The next job to put on the wire, moved to `busy`; NULL when there is none or no room. */
struct moon_job *moon_lane_next(struct moon_apply *a);

/* ---- apply_send.c ---- */

void moon_job_send(struct moon_job *job);
/* Cut what is in flight and forget the timer. */
void moon_job_stop(struct moon_job *job);

#endif
