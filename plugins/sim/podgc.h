/* SPDX-License-Identifier: Apache-2.0
 *
 * podgc.h - in the embedded cluster, deletes pods that nobody else will.
 *
 * After the pod garbage collector of kube-controller-manager: a node must have been missing for a
 * while, since the watches of nodes and pods are not in step. Also deletes unbound pods that are
 * being deleted, since no kubelet will, and of the pods that have ended the oldest when there are
 * too many.
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
    size_t max_ended;         /* so many pods that have ended are kept; 0: all */
};

struct moon_podgc *moon_podgc_new(const struct moon_podgc_opts *opts);
/* Before the stores. NULL is fine. */
void moon_podgc_free(struct moon_podgc *gc);

#endif
