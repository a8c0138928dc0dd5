/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h - what a reconcile decided: actions with their reasons, and what was not done and why.
 *
 * `run` applies a plan, `plan` prints it, tests compare it. All texts live in the plan's arena; the
 * bodies of actions are written only when they are sent or printed, since 250 pods would be a
 * megabyte. Layer: control.
 */
#ifndef MOON_CONTROL_PLAN_H
#define MOON_CONTROL_PLAN_H

#include "base/arena.h"
#include "kube/client.h"

struct moon_plan;
struct moon_action;

/* How an action ended. Exactly one per action. */
struct moon_result {
    const struct moon_action *action;
    const struct moon_answer *answer; /* the last answer; NULL when there was none */
    const struct moon_err *err;       /* NULL: done */
    /* CREATE: the object was there already and is ours (a lost answer). `answer` is a GET's. */
    bool found;
    /* Failed, but nobody needs to hear of it: cancelled, or the namespace is being deleted. */
    bool quiet;
};

struct moon_action {
    enum moon_verb verb; /* CREATE, UPDATE, PATCH_*, DELETE */
    const struct moon_resource *resource;
    const char *namespace;
    const char *name; /* also of a CREATE: we choose it, so that it can be repeated */
    const char *subresource;
    const char *uid; /* DELETE: precondition; others: for write_body to put into the body */
    const char
        *owner_uid;     /* CREATE: what is found under the name is ours iff its controller has it */
    const char *target; /* what it is about, for people: the node's name; NULL = nothing more */
    const char *reason; /* why; required */
    /* It asks for something rather than makes it (an eviction): not part of the slow start, and the
     * first answer ends it, also 429. Whoever planned it asks again, in another plan. */
    bool once;
    /* Write the body; NULL: none. Called right before sending, maybe more than once. */
    void (*write_body)(const struct moon_action *action, struct moon_buf *out);
    /* Called once, from the loop. After moon_apply_free or a dropped lane: err CANCELLED. */
    void (*on_done)(const struct moon_result *result, void *ctx);
    void *ctx;    /* of on_done and write_body: the plugin's */
    void *detail; /* the plugin's, in the arena or longer-lived: slot, revision, … */
};

/* A thing that was not done, and why: for `plan` and `explain`. */
struct moon_note {
    const char *target; /* node, or NULL for the whole set */
    const char *reason;
};

MOON_API struct moon_plan *moon_plan_new(struct moon_str key);
MOON_API void moon_plan_free(struct moon_plan *p);
MOON_DEFINE_CLEANUP(struct moon_plan, moon_plan_free);
MOON_API struct moon_str moon_plan_key(const struct moon_plan *p);
MOON_API struct moon_arena *moon_plan_arena(struct moon_plan *p);

/* Copies the struct; its texts must live in the arena or longer. */
MOON_API struct moon_action *moon_plan_add(struct moon_plan *p, const struct moon_action *action);
MOON_API size_t moon_plan_count(const struct moon_plan *p);
MOON_API const struct moon_action *moon_plan_get(const struct moon_plan *p, size_t i);
/* `on_result` (NULL: nobody) sees each result before the action's own on_done does: for the log. */
MOON_API void moon_plan_observe(struct moon_plan *p,
                                void (*on_result)(const struct moon_result *result, void *ctx),
                                void *ctx);
MOON_API void moon_plan_note(struct moon_plan *p, const char *target, const char *fmt, ...)
    MOON_PRINTF(3, 4);
MOON_API size_t moon_plan_note_count(const struct moon_plan *p);
MOON_API const struct moon_note *moon_plan_note_get(const struct moon_plan *p, size_t i);

/* Reconcile again after so long; the earliest wish wins. */
MOON_API void moon_plan_requeue(struct moon_plan *p, uint64_t after_ms);
/* UINT64_MAX: no wish. */
MOON_API uint64_t moon_plan_requeue_ms(const struct moon_plan *p);

/* One line per action, "create pod default/agent-x7k2p on node-3: node needs a pod", then one per
 * note, "note on node-4: taint dedicated is not tolerated". */
MOON_API void moon_plan_print(const struct moon_plan *p, struct moon_buf *out);

#endif
