/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_topology.h - what a pod's rules about other pods say of each node.
 *
 * Counted once per pod to be placed: for each rule, how many pods it is about in each domain (the
 * nodes with one value of the rule's topology key). A pod without such rules, in a cluster where no
 * pod has required anti-affinity, costs nothing.
 */
#ifndef MOON_SIM_SCHEDULER_TOPOLOGY_H
#define MOON_SIM_SCHEDULER_TOPOLOGY_H

#include "sim/scheduler_ledger.h"

struct moon_topology;

/* Both must outlive it. */
struct moon_topology *moon_topology_new(const struct moon_ledger *ledger,
                                        const struct moon_played_pod *pod);
void moon_topology_free(struct moon_topology *t);

/* Count one pod more or less (+1, -1): what if it were not there? */
void moon_topology_count(struct moon_topology *t, const struct moon_played_pod *other,
                         const struct moon_ledger_node *on, int64_t step);

enum moon_topology_answer {
    MOON_TOPOLOGY_FITS,
    MOON_TOPOLOGY_SKEWED,        /* spreading: too many there already */
    MOON_TOPOLOGY_NO_LABEL,      /* spreading: the node is in no domain */
    MOON_TOPOLOGY_NOT_NEAR,      /* affinity */
    MOON_TOPOLOGY_TOO_NEAR,      /* anti-affinity */
    MOON_TOPOLOGY_OTHERS_OBJECT, /* anti-affinity of pods that are there */
};
enum moon_topology_answer moon_topology_ask(const struct moon_topology *t,
                                            const struct moon_played_node *node);

/* Preferred terms: the sum of the weights of the pods that are near. */
int64_t moon_topology_preference(const struct moon_topology *t,
                                 const struct moon_played_node *node);
/* Soft spreading: how crowded the node's domains are; -1: it is in none of them. */
int64_t moon_topology_crowd(const struct moon_topology *t, const struct moon_played_node *node);

#endif
