/* SPDX-License-Identifier: Apache-2.0
 *
 * cordon.h - in the embedded cluster, nodes that are cordoned get the taint
 * node.kubernetes.io/unschedulable:NoSchedule, and lose it when they are uncordoned: what the node
 * lifecycle controller of kube-controller-manager does.
 */
#ifndef MOON_SIM_CORDON_H
#define MOON_SIM_CORDON_H

#include "cache/store.h"
#include "kube/client.h"

struct moon_cordon;

/* `nodes`: of moon_kind_played_node; both are borrowed. */
struct moon_cordon *moon_cordon_new(struct moon_client *client, struct moon_store *nodes);
/* Before the store. NULL is fine. */
void moon_cordon_free(struct moon_cordon *c);

#endif
