/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.h - carries plans out: the one place that writes objects to the API server.
 *
 * Actions go through one *lane* per key, lanes take turns, at most `max_in_flight` requests are
 * open. A lane starts slowly (1, 2, 4, 8 … requests at once) so that a set whose every create fails
 * costs few calls; a failed CREATE closes the window again and ends the creates still waiting in
 * its lane with MOON_E_CANCELLED, as the stock controller's slow start does.
 *
 * Every write can be repeated: a CREATE has a name of our choosing, a DELETE a uid precondition.
 * When the outcome is unknown (cut, timeout, 5xx) the action is sent again until there is an
 * answer, and a CREATE that then meets AlreadyExists is followed by a GET: an object with our owner
 * uid is the success. 429 and 503 wait for Retry-After (else a jittered back-off) and are sent
 * again. So on_done tells the truth, with no timing rule. 404 and a uid conflict on DELETE are
 * success (it is gone). An action that is `once` is the exception: any answer, or none, ends it;
 * 404 is success, 409 and 429 (not now) are quiet. Layer: control.
 */
#ifndef MOON_CONTROL_APPLY_H
#define MOON_CONTROL_APPLY_H

#include "control/plan.h"

struct moon_apply;

struct moon_apply_opts {
    unsigned max_in_flight; /* 0 = 64 */
    uint64_t timeout_ms;    /* deadline of one request; 0 = 8 s: shorter than the lease margin */
    bool dry_run;           /* adds dryRun=All to every write */
    /* A request will be sent again (no answer, 5xx, 429), for the `tries`-th time in a row: for the
     * log, as an action that nobody answers never ends. May be NULL. */
    void (*on_retry)(const struct moon_action *action, unsigned tries, const struct moon_err *err,
                     void *ctx);
    void *ctx;
};

MOON_API struct moon_apply *moon_apply_new(struct moon_client *client,
                                           const struct moon_apply_opts *opts);
/* Cancels what is in flight; on_done of everything open runs with MOON_E_CANCELLED before this
 * returns. Not to be called from inside a callback of apply. */
MOON_API void moon_apply_free(struct moon_apply *a);

/* Takes the plan; freed when its last action is done. `on_plan_done` (may be NULL) runs then, from
 * the loop, with the number of failed actions: not counted are those refused because their
 * namespace is being deleted, and those dropped. Actions are started in the order of the plan,
 * after those already waiting in the lane of the plan's key. */
MOON_API void moon_apply_submit(struct moon_apply *a, struct moon_plan *take_plan,
                                void (*on_plan_done)(struct moon_str key, size_t failed, void *ctx),
                                void *ctx);
/* Every plan is shown to `fn` before anything of it is carried out, also one without actions. */
MOON_API void moon_apply_observe(struct moon_apply *a,
                                 void (*fn)(const struct moon_plan *plan, void *ctx), void *ctx);
/* For controllers: show a plan. */
MOON_API void moon_apply_show(const struct moon_apply *a, const struct moon_plan *plan);
/* Stop all writing at once (leadership lost): everything open ends with MOON_E_CANCELLED, what is
 * in flight is cut. Until resume, submitted plans end at once with MOON_E_CANCELLED. */
MOON_API void moon_apply_suspend(struct moon_apply *a);
MOON_API void moon_apply_resume(struct moon_apply *a);
/* Drop what waits in the lane of `key` (its object is gone): on_done with MOON_E_CANCELLED, from
 * the loop. What is in flight goes on, but is not sent again when it gets no answer. */
MOON_API void moon_apply_drop(struct moon_apply *a, struct moon_str key);
/* Actions waiting and in flight, of one key or (NULL ptr) of all. */
MOON_API size_t moon_apply_pending(const struct moon_apply *a, struct moon_str key);
/* Those of one key: what is in flight first. */
MOON_API void moon_apply_each(const struct moon_apply *a, struct moon_str key,
                              void (*fn)(const struct moon_action *action, void *ctx), void *ctx);

#endif
