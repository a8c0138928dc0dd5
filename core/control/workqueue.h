/* SPDX-License-Identifier: Apache-2.0
 *
 * workqueue.h - the keys that need a reconcile (after client-go's util/workqueue).
 *
 * Fair and stingy: in order of arrival, never the same key twice in the queue; a key added while it
 * is being processed is handed out once more afterwards. Delayed adds keep the earliest time.
 * Failures wait 5 ms * 2^failures, at most 1000 s, each with up to 10 % jitter. Layer: control.
 */
#ifndef MOON_CONTROL_WORKQUEUE_H
#define MOON_CONTROL_WORKQUEUE_H

#include "base/str.h"
#include "io/loop.h"

struct moon_workqueue;

struct moon_workqueue_opts {
    const char *name; /* for metrics workqueue_depth{name}, _adds_total, _retries_total, … */
    /* There is something to take. Called from the loop, once until the queue has been emptied. */
    void (*on_ready)(void *ctx);
    void *ctx;
};

MOON_API struct moon_workqueue *moon_workqueue_new(struct moon_loop *loop,
                                                   const struct moon_workqueue_opts *opts);
MOON_API void moon_workqueue_free(struct moon_workqueue *q);

MOON_API void moon_workqueue_add(struct moon_workqueue *q, struct moon_str key);
MOON_API void moon_workqueue_add_after(struct moon_workqueue *q, struct moon_str key,
                                       uint64_t delay_ms);
MOON_API void moon_workqueue_add_rate_limited(struct moon_workqueue *q, struct moon_str key);
/* The key was processed without failure. */
MOON_API void moon_workqueue_forget(struct moon_workqueue *q, struct moon_str key);
MOON_API unsigned moon_workqueue_failures(const struct moon_workqueue *q, struct moon_str key);
/* Take the next key; false when there is none. The text is valid until moon_workqueue_done. */
MOON_API bool moon_workqueue_take(struct moon_workqueue *q, struct moon_str *ret_key);
MOON_API void moon_workqueue_done(struct moon_workqueue *q, struct moon_str key);
/* Keys ready to be taken / waiting for their time. */
MOON_API size_t moon_workqueue_depth(const struct moon_workqueue *q);
MOON_API size_t moon_workqueue_waiting(const struct moon_workqueue *q);

#endif
