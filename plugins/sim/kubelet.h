/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet.h - what a kubelet does with one pod, and when: no I/O, no clock of its own.
 *
 * The player shows the pod each time it changes (moon_kubelet_see) and, when `due` has come, asks
 * for the next write (moon_kubelet_act), sends it, and says that it was done (moon_kubelet_done).
 * A write that failed is simply asked for again. What a pod already is when it is first seen is
 * taken as it stands, so a player that starts again goes on where the last one ended.
 *
 *   waiting ─start─> running ─ready─> ready            (outcome: run)
 *                       │ └─> crashed ─back-off─> running (crash)   └─> succeeded, failed
 *           └─> pull failed ─back-off─> pull back-off   (an image that is not there)
 *   any ─deletionTimestamp, stop─> removed
 */
#ifndef MOON_SIM_KUBELET_H
#define MOON_SIM_KUBELET_H

#include "sim/played.h"

struct moon_kubelet_opts {
    uint64_t start_delay_ms; /* bound to running */
    uint64_t ready_delay_ms; /* running to ready; also how long a crashing container lives */
    uint64_t stop_delay_ms;  /* deletionTimestamp to gone */
    uint64_t backoff_ms;     /* second crash to restart, then doubled; the first restarts at once */
    uint64_t max_backoff_ms;
};

/* What the API server has been told. */
enum moon_kubelet_stage {
    MOON_KUBELET_NEW, /* never seen */
    MOON_KUBELET_WAITING,
    MOON_KUBELET_RUNNING,
    MOON_KUBELET_READY,
    MOON_KUBELET_PULL_FAILED,
    MOON_KUBELET_PULL_BACKOFF,
    MOON_KUBELET_CRASHED,
    MOON_KUBELET_SUCCEEDED,
    MOON_KUBELET_FAILED,
    MOON_KUBELET_REMOVED,
};

#define MOON_KUBELET_NEVER UINT64_MAX

/* The life of one pod. Zeroed at first. */
struct moon_kubelet_life {
    enum moon_kubelet_stage stage;
    enum moon_kubelet_stage next; /* what happens when `due` has come */
    uint64_t due;                 /* loop time; MOON_KUBELET_NEVER: nothing to do */
    enum moon_fate fate;          /* the one `next` was planned for */
    enum moon_kubelet_stage told; /* what the write that is under way says */
    uint32_t told_restarts;
    uint32_t restarts;
    uint32_t ip;           /* the pod's, from the player; 0: not yet */
    int64_t started_s;     /* the pod */
    int64_t containers_s;  /* its containers, the last time */
    int64_t terminated_s;  /* their last end */
    int64_t crashed_run_s; /* the start of the run that ended then */
};

/* The pod is new or has changed: plan. */
void moon_kubelet_see(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                      const struct moon_played_pod *pod, uint64_t now_ms);

enum moon_kubelet_verb {
    MOON_KUBELET_NOTHING,
    MOON_KUBELET_PATCH, /* strategic, of the status */
    MOON_KUBELET_DELETE,
};

/* What is to be sent now that `due` has come; `body` is filled. May be repeated. */
enum moon_kubelet_verb moon_kubelet_act(struct moon_kubelet_life *life,
                                        const struct moon_played_pod *pod,
                                        const struct moon_played_node *node, int64_t now_s,
                                        struct moon_buf *body);

/* The API server has accepted it. */
void moon_kubelet_done(struct moon_kubelet_life *life, const struct moon_kubelet_opts *opts,
                       const struct moon_played_pod *pod, uint64_t now_ms);

/* Is this a stage in which the containers run? */
static inline bool moon_kubelet_is_running(enum moon_kubelet_stage stage)
{
    return stage == MOON_KUBELET_RUNNING || stage == MOON_KUBELET_READY;
}

/* The status patch that says `life->told`; `reason` is why it failed. For moon_kubelet_act. */
void moon_kubelet_write_status(const struct moon_kubelet_life *life,
                               const struct moon_played_pod *pod,
                               const struct moon_played_node *node, const char *reason,
                               int64_t now_s, struct moon_buf *out);

#endif
