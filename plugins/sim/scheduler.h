/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.h - binds pods to nodes in the embedded cluster.
 *
 * What kube-scheduler's default profile does, as far as it can be seen from outside: the questions
 * are in scheduler_filter.h, the scores in scheduler_score.h, the order in scheduler_queue.h, the
 * preemption in scheduler_pick.h. A pod that fits nowhere is told so in its condition PodScheduled
 * and in an Event, in the stock scheduler's words. Pods that name another scheduler, or have
 * scheduling gates, are left alone.
 */
#ifndef MOON_SIM_SCHEDULER_H
#define MOON_SIM_SCHEDULER_H

#include "cache/store.h"
#include "kube/client.h"

struct moon_scheduler;

struct moon_scheduler_opts {
    struct moon_client *client;
    struct moon_store *nodes;         /* moon_kind_played_node */
    struct moon_store *pods;          /* moon_kind_played_pod, unbound ones included */
    const struct moon_store *budgets; /* moon_kind_budget; NULL: there are none */
    size_t event_nodes;               /* Events only with at most so many nodes */
};

struct moon_scheduler *moon_scheduler_new(const struct moon_scheduler_opts *opts);
/* Before the stores. NULL is fine. */
void moon_scheduler_free(struct moon_scheduler *s);

#endif
