/* SPDX-License-Identifier: Apache-2.0
 *
 * podgc.h - deletes pods of nodes that are gone, in the embedded cluster.
 *
 * After the pod garbage collector of kube-controller-manager: a node must have been missing for a
 * while, since the watches of nodes and pods are not in step. Also deletes unbound pods that are
 * being deleted: no kubelet will.
 */
#ifndef MOON_SIM_PODGC_H
#define MOON_SIM_PODGC_H

#include "cache/store.h"
#include "kube/client.h"

struct moon_podgc;

struct moon_podgc_opts {
    struct moon_client *client;
    struct moon_store *nodes; /* moon_kind_played_node */
    struct moon_store *pods;  /* moon_kind_played_pod, unbound ones included */
    size_t by_node;           /* the index of `pods` by node name */
    uint64_t quarantine_ms;   /* how long a node must have been missing */
};

struct moon_podgc *moon_podgc_new(const struct moon_podgc_opts *opts);
/* Before the stores. NULL is fine. */
void moon_podgc_free(struct moon_podgc *gc);

#endif
