/* SPDX-License-Identifier: Apache-2.0
 *
 * admission.h - does a kubelet take a pod that was bound to its node? No I/O.
 *
 * After the kubelet's admission (1.20): pressure first, then resources, node affinity, host ports;
 * the first that speaks against it is the reason, in the kubelet's words. The scheduler looks at
 * the same, but not everybody who binds pods does.
 */
#ifndef MOON_SIM_ADMISSION_H
#define MOON_SIM_ADMISSION_H

#include "base/buf.h"
#include "sim/played.h"

/* The pods a node has taken and that have not ended. */
struct moon_admitted {
    const struct moon_played_pod **items;
    size_t count;
};

/* Does it refuse the pod? Then why, for status.reason and status.message. */
bool moon_admission_refuses(const struct moon_played_pod *pod, const struct moon_played_node *node,
                            const struct moon_admitted *others, struct moon_buf *reason,
                            struct moon_buf *message);

/* Critical pods are neither refused nor evicted under pressure. */
static inline bool moon_admission_is_critical(const struct moon_played_pod *pod)
{
    return pod->priority >= MOON_CRITICAL_PRIORITY;
}

#endif
