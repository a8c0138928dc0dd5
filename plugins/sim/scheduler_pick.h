/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_pick.h - which node for which pod, and who must go for it: decisions without I/O.
 */
#ifndef MOON_SIM_SCHEDULER_PICK_H
#define MOON_SIM_SCHEDULER_PICK_H

#include "base/buf.h"
#include "sim/scheduler_ledger.h"

/* The node for a pod. NULL: none, and `why` has the text for PodScheduled=False. A pod that is
 * pinned to a node is answered without looking at any other. */
struct moon_ledger_node *moon_scheduler_pick(const struct moon_ledger *ledger,
                                             const struct moon_played_pod *pod,
                                             struct moon_buf *why);

/* Who would have to go, and where. */
struct moon_preemption {
    struct moon_ledger_node *on;            /* NULL: nobody's going would help */
    const struct moon_played_pod **victims; /* borrowed from the ledger; most important first */
    size_t victim_count;
    size_t violations; /* victims whose end breaks a disruption budget */
    bool may_help; /* it could, on some node, but the pod may not preempt, or has to wait for those
                      who are going for it already */
};

/* For a pod that has just been told there is none. As kube-scheduler's default preemption: on each
 * node as few and as unimportant pods as possible, those that a disruption budget guards last; of
 * the nodes the one where fewest budgets are broken, then whose most important victim is the least
 * important, then the one with the smallest sum of priorities, then fewest victims, then the
 * youngest. `budgets`: of moon_kind_budget, NULL: there are none. */
void moon_scheduler_preempt(struct moon_ledger *ledger, const struct moon_store *budgets,
                            const struct moon_played_pod *pod, struct moon_preemption *ret);
void moon_preemption_fini(struct moon_preemption *p);

#endif
