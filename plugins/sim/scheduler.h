/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.h - binds pods to nodes in the embedded cluster.
 *
 * Looks at the node's name (pinned pods, answered without looking at any other node), node affinity
 * and selector, NoSchedule and NoExecute taints, spec.unschedulable; among what is left the node
 * with the fewest pods wins, then the first by name. Not at resources, host ports, pod affinity,
 * spreading, priorities. A pod that fits nowhere is told so in its condition PodScheduled, in
 * kube-scheduler's words, and is tried again when a node changes. Pods that name another scheduler
 * are left alone.
 */
#ifndef MOON_SIM_SCHEDULER_H
#define MOON_SIM_SCHEDULER_H

#include "cache/store.h"
#include "kube/client.h"
#include "sim/played.h"

struct moon_scheduler;

struct moon_scheduler_opts {
    struct moon_client *client;
    struct moon_store *nodes; /* moon_kind_played_node */
    struct moon_store *pods;  /* moon_kind_played_pod, unbound ones included */
    size_t by_node;           /* the index of `pods` by node name */
};

struct moon_scheduler *moon_scheduler_new(const struct moon_scheduler_opts *opts);
/* Before the stores. NULL is fine. */
void moon_scheduler_free(struct moon_scheduler *s);

/* The node for a pod; NULL and, in `why`, the text for PodScheduled=False. No I/O. */
const struct moon_played_node *moon_scheduler_pick(const struct moon_scheduler_opts *opts,
                                                   const struct moon_played_pod *pod,
                                                   struct moon_buf *why);

#endif
