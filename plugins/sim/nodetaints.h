/* SPDX-License-Identifier: Apache-2.0
 *
 * nodetaints.h - the taints a node must have because of its conditions, and what follows: no I/O.
 *
 * After the node lifecycle controller of kube-controller-manager: NoSchedule for each condition
 * that is bad and for a node that is cordoned; NoExecute, which evicts, for one that is not ready
 * (its kubelet says so) or unreachable (nobody says anything). Taints of others are not touched.
 */
#ifndef MOON_SIM_NODETAINTS_H
#define MOON_SIM_NODETAINTS_H

#include "base/buf.h"
#include "sim/played.h"

/* What NoExecute may do to this node. One that has such a taint is given the right one in its
 * place, in any case but NEVER. */
enum moon_nodetaints_evict {
    MOON_NODETAINTS_NEVER,   /* take it off */
    MOON_NODETAINTS_NOT_NOW, /* do not put it on */
    MOON_NODETAINTS_NOW,
};

/* Fills `out` with a JSON patch; false: the taints are as they should be. */
bool moon_nodetaints_patch(const struct moon_played_node *node, enum moon_nodetaints_evict evict,
                           int64_t now_s, struct moon_buf *out);

/* Is a NoExecute taint of the two kinds on it? */
bool moon_nodetaints_evicts(const struct moon_played_node *node);

#define MOON_BEARS_FOREVER UINT64_MAX
/* How long these tolerations bear those of the taints that are NoExecute; 0: not at all. */
uint64_t moon_nodetaints_bearing_ms(const struct moon_taints *taints,
                                    const struct moon_tolerations *tolerations);

/* The status patch for a node that has been silent for too long; false: it says so already. */
bool moon_nodetaints_write_unknown(const struct moon_object *node, int64_t now_s,
                                   struct moon_buf *out);

#endif
