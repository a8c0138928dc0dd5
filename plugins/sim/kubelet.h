/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet.h - what a kubelet does with one pod, and when: no I/O, no clock of its own.
 *
 * The player shows the pod each time it or its node changes (moon_kubelet_see) and, when `due` has
 * come, asks for the next write (moon_kubelet_act), sends it, and says that it was done
 * (moon_kubelet_done). A write that failed is simply asked for again. What a pod already is when it
 * is first seen is taken as it stands, so a player that starts again goes on where the last one
 * ended. When things happen is counted from what happened before, not from when it was looked at,
 * so looking once more changes nothing.
 *
 *   waiting ─pull, start─> running ─ready─> ready           (outcome: run)
 *      │                      └─end─> crashed ─back-off─> running, or succeeded, failed
 *      └─> pull failed ─> pull back-off ─> running, or pull failed again
 *   running, crashed, pull … ─other images in the spec─> running again, or pull failed
 *   any ─evicted, shut down─> failed        any ─deletionTimestamp, stop─> removed
 */
#ifndef MOON_SIM_KUBELET_H
#define MOON_SIM_KUBELET_H

#include "sim/admission.h"
#include "sim/images.h"
#include "sim/played.h"

struct moon_kubelet_opts {
    uint64_t pull_time_ms;   /* of an image its node does not have */
    uint64_t start_delay_ms; /* bound to running, without pulling */
    uint64_t ready_delay_ms; /* running to ready; also how long a container that ends lives */
    uint64_t stop_delay_ms;  /* SIGTERM to its end; the pod's grace period is the limit */
    uint64_t backoff_ms;     /* second end to restart, then doubled; the first restarts at once */
    uint64_t max_backoff_ms;
};

/* What the API server has been told. */
enum moon_kubelet_stage {
    MOON_KUBELET_NEW, /* never seen */
    MOON_KUBELET_WAITING,
    MOON_KUBELET_CREATING,
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

/* One run of its containers, and how the one before it ended. */
struct moon_kubelet_run {
    uint32_t restarts;
    int64_t started_s;      /* of this one */
    int64_t last_started_s; /* of the one before */
    int64_t last_ended_s;
    int32_t last_exit_code;
};

/* The life of one pod. Zeroed at first. Times without _s are loop time. */
struct moon_kubelet_life {
    enum moon_kubelet_stage stage;
    enum moon_kubelet_stage next; /* what happens when `due` has come */
    uint64_t due;                 /* MOON_KUBELET_NEVER: nothing to do */
    bool next_is_restart;
    bool is_admitted; /* it counts against what its node has to give */
    uint32_t ip;      /* the pod's, from the player; 0: not yet */
    int64_t started_s;
    struct moon_kubelet_run run;

    /* The write that is under way. */
    enum moon_kubelet_stage told;
    struct moon_kubelet_run told_run;

    uint64_t begins;     /* images are there, containers start; 0: not planned */
    uint64_t pulled_ms;  /* so long its images took; 0: they were there */
    uint64_t since;      /* the stage was told */
    uint64_t runs_since; /* this run */
    uint64_t retry_at;   /* end of the back-off */
    uint32_t ends;       /* in a row, for the back-off */
    uint32_t pulls;      /* that failed, in a row */
    uint64_t sigterm_at; /* 0: has not been sent */
    bool lost_power;     /* its containers are gone without a trace */

    bool has_run;         /* its containers have been started once */
    uint64_t images;      /* what they run, or wait for: a digest */
    uint64_t told_images; /* the same of the write that is under way */
    uint64_t new_images;  /* others that the pod has got meanwhile; 0: none */
    uint64_t new_since;

    uint64_t verdict_at; /* its node wants it to end: refused, evicted, or shut down */
    moon_sym reason;     /* NULL: no verdict */
    moon_sym message;
};

void moon_kubelet_life_fini(struct moon_kubelet_life *life);

/* Where and when; borrowed for the call. */
struct moon_kubelet_place {
    const struct moon_kubelet_opts *opts;
    const struct moon_played_node *node; /* these two NULL: unknown, but never in act */
    struct moon_images *images;
    const struct moon_admitted *others; /* in act, while it is not admitted */
    uint64_t now_ms;
    int64_t now_s; /* wall clock, in act */
};

/* The pod is new, or it or its node has changed: plan. */
void moon_kubelet_see(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod);

/* Its node ends it: it gets so long from SIGTERM, and fails for this reason. The first counts. */
void moon_kubelet_end(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                      const struct moon_played_pod *pod, uint64_t grace_ms, const char *reason,
                      const char *message);
/* Its node has power again: what ran starts anew. */
void moon_kubelet_lose_power(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                             const struct moon_played_pod *pod);

enum moon_kubelet_verb {
    MOON_KUBELET_NOTHING,
    MOON_KUBELET_PATCH, /* strategic, of the status */
    MOON_KUBELET_DELETE,
};

/* What is to be sent now that `due` has come; `body` is filled. May be repeated. */
enum moon_kubelet_verb moon_kubelet_act(struct moon_kubelet_life *life,
                                        const struct moon_kubelet_place *place,
                                        const struct moon_played_pod *pod, struct moon_buf *body);

/* The API server has accepted it. */
void moon_kubelet_done(struct moon_kubelet_life *life, const struct moon_kubelet_place *place,
                       const struct moon_played_pod *pod);

/* Is this a stage in which the containers run? */
static inline bool moon_kubelet_is_running(enum moon_kubelet_stage stage)
{
    return stage == MOON_KUBELET_RUNNING || stage == MOON_KUBELET_READY;
}

/* How long it takes from SIGTERM to the end of its containers, at most `limit_ms`. */
uint64_t moon_kubelet_stop_ms(const struct moon_kubelet_opts *opts,
                              const struct moon_played_pod *pod, uint64_t limit_ms);
/* The current pause between two runs, for its message and events. */
uint64_t moon_kubelet_backoff_ms(const struct moon_kubelet_life *life,
                                 const struct moon_kubelet_opts *opts);
/* The first image that cannot be pulled now; NULL: all are there or can be. */
const char *moon_kubelet_missing_image(const struct moon_kubelet_place *place,
                                       const struct moon_played_pod *pod);

/* The status patch that says `life->told`. `reason` and `message`: why it was ended or refused;
 * NULL when it ended by itself. For moon_kubelet_act. */
struct moon_kubelet_says {
    const struct moon_kubelet_life *life;
    const struct moon_kubelet_place *place;
    const struct moon_played_pod *pod;
    const char *reason;
    const char *message;
};
void moon_kubelet_write_status(const struct moon_kubelet_says *says, struct moon_buf *out);

#endif
