/* SPDX-License-Identifier: Apache-2.0
 *
 * kubelet_events.h - the Events kubelets emit about pods and nodes, in the kubelet's words (1.20).
 */
#ifndef MOON_SIM_KUBELET_EVENTS_H
#define MOON_SIM_KUBELET_EVENTS_H

#include "control/recorder.h"
#include "sim/kubelet.h"

/* The pod was at `before`; the write that has just been accepted has brought it to where `after`
 * says it is. `restarts`: before it. */
void moon_kubelet_events_pod(struct moon_recorder *recorder, const struct moon_played_pod *pod,
                             enum moon_kubelet_stage before, uint32_t restarts,
                             const struct moon_kubelet_life *after);
/* Its containers have been sent SIGTERM. */
void moon_kubelet_events_stop(struct moon_recorder *recorder, const struct moon_played_pod *pod,
                              const struct moon_kubelet_life *life);
/* A node's status was written: what has changed. */
void moon_kubelet_events_node(struct moon_recorder *recorder, const struct moon_played_node *before,
                              const struct moon_played_node *after);

#endif
