/* SPDX-License-Identifier: Apache-2.0
 *
 * taint_eviction.h - in the embedded cluster, pods leave a node that has a NoExecute taint they do
 * not bear, or no longer: the taint manager of kube-controller-manager.
 */
#ifndef MOON_SIM_TAINT_EVICTION_H
#define MOON_SIM_TAINT_EVICTION_H

#include "cache/store.h"
#include "control/recorder.h"
#include "kube/client.h"
#include "sim/played.h"

struct moon_taint_eviction;

struct moon_taint_eviction_opts {
    struct moon_client *client;
    struct moon_store *nodes; /* moon_kind_played_node */
    struct moon_store *pods;  /* moon_kind_played_pod */
    size_t by_node;           /* the index of `pods` by node name */
    struct moon_recorder *recorder;
    size_t event_nodes; /* Events only with at most so many nodes */
};

struct moon_taint_eviction *moon_taint_eviction_new(const struct moon_taint_eviction_opts *opts);
/* Before the stores. NULL is fine. */
void moon_taint_eviction_free(struct moon_taint_eviction *e);

#endif
