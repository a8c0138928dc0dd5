/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_lane.c - whose turn it is.
 *
 * Lanes with something to start stand in a ring and give one job each per round, so a set with
 * thousands of pods to make does not hold up another that needs one. A lane leaves the ring when
 * its first job has to wait for the slow start, and comes back when something of it has ended.
 */
#include "control/apply_priv.h"

static void join_ring(struct moon_apply *a, struct moon_lane *lane)
{
    if (moon_list_is_empty(&lane->turn)) {
        moon_list_append(&a->turns, &lane->turn);
    }
    moon_apply_kick(a);
}

/* ---- life ---- */

struct moon_lane *moon_lane_get(struct moon_apply *a, struct moon_str key)
{
    struct moon_lane *lane = moon_map_get(a->by_key, key);
    if (lane != NULL) {
        return lane;
    }
    lane = moon_new(struct moon_lane);
    lane->key = moon_str_dup(key);
    lane->window = 1;
    moon_list_init(&lane->turn);
    moon_list_init(&lane->waiting);
    moon_list_init(&lane->due);
    moon_list_init(&lane->busy);
    moon_list_append(&a->lanes, &lane->link);
    moon_map_set(a->by_key, key, lane);
    return lane;
}

void moon_lane_free(struct moon_apply *a, struct moon_lane *lane)
{
    moon_assert(lane->open == 0);
    moon_list_remove(&lane->link);
    moon_list_remove(&lane->turn);
    moon_map_take(a->by_key, moon_str(lane->key));
    moon_free(lane->key);
    moon_free(lane);
}

/* ---- slow start ---- */

static bool is_create(const struct moon_job *job)
{
    return job->action->verb == MOON_VERB_CREATE && !job->action->once;
}

static bool has_started(const struct moon_job *job)
{
    return job->state == MOON_JOB_ON_WIRE || job->state == MOON_JOB_ASLEEP ||
           job->state == MOON_JOB_DUE;
}

static bool may_create(const struct moon_apply *a, const struct moon_lane *lane)
{
    if (lane->round_failed) {
        return false;
    }
    if (lane->window >= a->max_in_flight) {
        return lane->creates_open < a->max_in_flight;
    }
    return lane->round_started < lane->window;
}

static void count_start(struct moon_lane *lane)
{
    lane->creates_open++;
    lane->round_started++;
}

static void count_end(const struct moon_apply *a, struct moon_lane *lane)
{
    moon_assert(lane->creates_open > 0);
    if (--lane->creates_open > 0) {
        return;
    }
    if (!lane->round_failed && lane->round_started >= lane->window) {
        unsigned doubled = lane->window * 2;
        lane->window = doubled < a->max_in_flight ? doubled : a->max_in_flight;
    }
    lane->round_failed = false;
    lane->round_started = 0;
}

void moon_lane_close_window(struct moon_lane *lane, bool quiet)
{
    lane->window = 1;
    lane->round_failed = lane->creates_open > 0;
    moon_list_foreach (it, &lane->waiting) {
        struct moon_job *job = moon_container_of(it, struct moon_job, link);
        if (is_create(job)) {
            moon_job_cancel(job, "an earlier create failed", quiet);
        }
    }
}

/* ---- the way of a job ---- */

void moon_lane_add(struct moon_job *job)
{
    struct moon_lane *lane = job->lane;
    job->state = MOON_JOB_WAITING;
    moon_list_append(&lane->waiting, &job->link);
    lane->open++;
    job->apply->open++;
    join_ring(job->apply, lane);
}

void moon_lane_sleep(struct moon_job *job)
{
    moon_assert(job->state == MOON_JOB_ON_WIRE);
    job->state = MOON_JOB_ASLEEP;
    job->apply->in_flight--;
    moon_apply_kick(job->apply); /* the place on the wire is free for others */
}

void moon_lane_wake(struct moon_job *job)
{
    moon_assert(job->state == MOON_JOB_ASLEEP);
    job->state = MOON_JOB_DUE;
    moon_list_remove(&job->link);
    moon_list_append(&job->lane->due, &job->link);
    join_ring(job->apply, job->lane);
}

void moon_lane_remove(struct moon_job *job)
{
    struct moon_apply *a = job->apply;
    struct moon_lane *lane = moon_steal(&job->lane);
    moon_list_remove(&job->link);
    if (job->state == MOON_JOB_ON_WIRE) {
        a->in_flight--;
    }
    if (is_create(job) && has_started(job)) {
        count_end(a, lane);
    }
    job->state = MOON_JOB_ENDED;
    lane->open--;
    a->open--;
    if (lane->open == 0) {
        moon_lane_free(a, lane);
        moon_apply_kick(a);
    } else {
        join_ring(a, lane);
    }
}

static struct moon_job *first(const struct moon_list *list)
{
    return moon_list_is_empty(list) ? NULL : moon_container_of(list->next, struct moon_job, link);
}

/* The lane's next job that may start now. */
static struct moon_job *take_from(struct moon_apply *a, struct moon_lane *lane)
{
    struct moon_job *job = first(&lane->due);
    if (job == NULL) {
        job = first(&lane->waiting);
        if (job == NULL || (is_create(job) && !may_create(a, lane))) {
            return NULL;
        }
        if (is_create(job)) {
            count_start(lane);
        }
    }
    moon_list_remove(&job->link);
    moon_list_append(&lane->busy, &job->link);
    job->state = MOON_JOB_ON_WIRE;
    a->in_flight++;
    return job;
}

struct moon_job *moon_lane_next(struct moon_apply *a)
{
    while (a->in_flight < a->max_in_flight && !moon_list_is_empty(&a->turns)) {
        struct moon_lane *lane = moon_container_of(a->turns.next, struct moon_lane, turn);
        moon_list_remove(&lane->turn);
        struct moon_job *job = take_from(a, lane);
        if (job != NULL) {
            moon_list_append(&a->turns, &lane->turn);
            return job;
        }
    }
    return NULL;
}
