/* SPDX-License-Identifier: Apache-2.0
 *
 * nodelifecycle.h - in the embedded cluster, what becomes of nodes nobody hears of, and their pods.
 *
 * After the node lifecycle controller of kube-controller-manager: a node is alive while its lease
 * (kube-node-lease) or its status is renewed. After the grace period its conditions are set to
 * Unknown and its pods to not ready; the taints that follow from conditions and from
 * spec.unschedulable are kept on all nodes (nodetaints.h), those that evict at a limited speed
 * (nodezones.h). What evicts is taint_eviction.h.
 */
#ifndef MOON_SIM_NODELIFECYCLE_H
#define MOON_SIM_NODELIFECYCLE_H

#include "cache/store.h"
#include "control/recorder.h"
#include "kube/client.h"

struct moon_nodelifecycle;

struct moon_nodelifecycle_opts {
    struct moon_client *client;
    struct moon_store *nodes; /* moon_kind_played_node */
    struct moon_store *pods;  /* moon_kind_played_pod */
    size_t by_node;           /* the index of `pods` by node name */
    /* A node that has not been heard of for so long is unreachable. 0: no node ever is, for nodes
     * without heartbeats; taints are kept all the same. */
    uint64_t grace_ms;
    /* By how much heartbeats are late because whoever sends them has not come to it: a node is
     * given that much more. NULL: they are somebody else's. */
    uint64_t (*lateness_ms)(const void *ctx);
    const void *ctx;
    uint64_t eviction_interval_ms; /* between two nodes of a zone whose pods are evicted */
    struct moon_recorder *recorder;
    size_t event_nodes; /* Events only with at most so many nodes */
};

struct moon_nodelifecycle *moon_nodelifecycle_new(const struct moon_nodelifecycle_opts *opts);
/* Before the stores. NULL is fine. */
void moon_nodelifecycle_free(struct moon_nodelifecycle *l);

#endif
