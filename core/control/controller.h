/* SPDX-License-Identifier: Apache-2.0
 *
 * controller.h - queue, decide, do: the life of a key.
 *
 * Takes keys from its work queue, asks `reconcile` for a plan, hands the plan to apply and queues
 * the key again when the plan says so or something failed. Reconciles run in slices of at most
 * 5 ms of a loop turn. With `serial` a key waits until its plan has been carried out; without it
 * (the daemonset plugin, whose slots know what is in flight) it can be reconciled meanwhile.
 * Layer: control.
 */
#ifndef MOON_CONTROL_CONTROLLER_H
#define MOON_CONTROL_CONTROLLER_H

#include "control/apply.h"
#include "control/workqueue.h"

struct moon_controller;

struct moon_controller_opts {
    const char *name;
    bool serial;
    /* Keys wait until moon_controller_step names them: somebody else says when (replay). */
    bool stepped;
    /* Decide for one key, without I/O. Nonzero: retried with the queue's back-off; the plan is
     * still applied as far as it got (an error in one part must not stop the status). */
    int (*reconcile)(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err);
    /* A reconcile or an action failed: for the log. The result is NULL for a reconcile. */
    void (*on_failure)(struct moon_str key, const struct moon_err *err,
                       const struct moon_action *action, void *ctx);
    void *ctx;
};

/* Stopped at first: keys are collected, none is processed. `apply` is borrowed. */
MOON_API struct moon_controller *moon_controller_new(struct moon_loop *loop,
                                                     struct moon_apply *apply,
                                                     const struct moon_controller_opts *opts);
MOON_API void moon_controller_free(struct moon_controller *c);
MOON_API void moon_controller_start(struct moon_controller *c);
MOON_API void moon_controller_stop(struct moon_controller *c);
MOON_API void moon_controller_enqueue(struct moon_controller *c, struct moon_str key);
MOON_API void moon_controller_enqueue_after(struct moon_controller *c, struct moon_str key,
                                            uint64_t delay_ms);
/* Process this key now, wanted or not; others that wait are forgotten. For `stepped`. */
MOON_API void moon_controller_step(struct moon_controller *c, struct moon_str key);
/* Nothing queued, nothing being applied (delayed keys do not count). */
MOON_API bool moon_controller_is_idle(const struct moon_controller *c);

#endif
