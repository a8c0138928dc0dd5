/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.h - watches the embedded API server and says what must never be seen.
 *
 * Looks at the truth: the stored objects and who changed them, not at what any client believes. Its
 * rules are its own (no code of the controller, no code shared with it), and simple enough to be
 * read:
 *
 * - double: two ready pods of a set on one node, none being deleted; surge allows two revisions
 * - budget: more nodes without an available daemon *by the controller's hand* than the set allows:
 *   it deleted a pod that was available on a node that may have one, and no available pod has come
 *   since; or it deleted a pod of an OnDelete set
 * - foreign: the controller deleted or changed a pod that no DaemonSet controls
 * - ghost: a pod was made for a node that does not exist, or for a set that is gone or going
 * - noise: the controller wrote something while every set was at rest
 * - alarm: the controller said that another one writes a set, and none does
 * - repeat: more than a handful of pods made or deleted on one node without any cause
 *
 * It accuses nobody of what he could not know: see lag_ms, and after a fault the two minutes that
 * recovery may take. Where a policy decides (annotation moonset.dev/policies), placement is not
 * judged. A violation says when, which set, node and pod, and what was seen.
 */
#ifndef MOON_SIM_JUDGE_H
#define MOON_SIM_JUDGE_H

#include "sim/faults.h"

struct moon_judge;

struct moon_judge_violation {
    const char *rule; /* "double", … */
    uint64_t at_ms;   /* loop time */
    const char *text;
};

struct moon_judge_opts {
    struct moon_loop *loop;
    const char *client; /* what the User-Agent of the controller begins with: "moonset/" */
    /* How far a controller without any fault may be behind what is stored: what changed since then
     * may be unknown to it. 0 = 2 s, or 10 ms with a virtual clock, which waits for everybody. */
    uint64_t lag_ms;
    /* Each violation once. May be NULL: they are counted. */
    void (*on_violation)(const struct moon_judge_violation *v, void *ctx);
    void *ctx;
};

struct moon_judge *moon_judge_new(const struct moon_judge_opts *opts);
void moon_judge_free(struct moon_judge *j); /* NULL is fine */
/* Feed it: from the API server's observer. */
void moon_judge_begin(struct moon_judge *j, const struct moon_sim_api_call *call);
void moon_judge_end(struct moon_judge *j, const struct moon_sim_api_call *call);
/* A call is held up: its sender will doubt, and repeat what it decided. */
void moon_judge_late(struct moon_judge *j, const struct moon_sim_api_call *call);
void moon_judge_event(struct moon_judge *j, const struct moon_sim_event *event);
/* The server was restarted, or the controller killed, without a call that says so. */
void moon_judge_restart(struct moon_judge *j);

size_t moon_judge_violations(const struct moon_judge *j);

/* Is every DaemonSet where it should be: observed its spec, one ready pod of its newest template on
 * each node that may have one and none elsewhere, status says so? `why` (may be NULL) gets the
 * first thing that is not. OnDelete sets may keep old pods. */
bool moon_judge_is_settled(const struct moon_judge *j, struct moon_buf *why);
/* From now on the controller's writes are noise (leases aside), until told otherwise. */
void moon_judge_expect_rest(struct moon_judge *j, bool rest);
/* A text of the end state in which names that are left to chance, times, uids and versions have no
 * part: equal texts are equal ends. */
void moon_judge_end_state(const struct moon_judge *j, struct moon_buf *out);

/* How often the controller has called since the start, or the last tally, by verb and resource, for
 * budgets: "create pods". */
uint64_t moon_judge_calls(const struct moon_judge *j, const char *verb, const char *resource);
/* All that changed something, or tried to, leases aside. */
uint64_t moon_judge_writes(const struct moon_judge *j);
/* Write down all of them, "create pods 5, list pods 1", sorted, and count from 0. */
void moon_judge_tally(struct moon_judge *j, struct moon_buf *out);

#endif
