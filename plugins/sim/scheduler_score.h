/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_score.h - which of several nodes that would do.
 *
 * The scores of kube-scheduler's default profile that a simulation has a meaning for: much left of
 * cpu and memory, both used evenly, preferred node affinity, taints with PreferNoSchedule,
 * preferred pod affinity and anti-affinity of the pod, soft spreading (twice). Where it would throw
 * dice, the node with fewest pods wins, then the first by name.
 */
#ifndef MOON_SIM_SCHEDULER_SCORE_H
#define MOON_SIM_SCHEDULER_SCORE_H

#include "sim/scheduler_ledger.h"
#include "sim/scheduler_topology.h"

/* The best of `count` nodes; at least one. */
struct moon_ledger_node *moon_scheduler_best(const struct moon_played_pod *pod,
                                             const struct moon_topology *topology,
                                             struct moon_ledger_node *const *nodes, size_t count);

#endif
