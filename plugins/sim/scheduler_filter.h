/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_filter.h - may this pod be on that node?
 *
 * The questions are asked in the order of kube-scheduler's default profile, and the first that is
 * answered with no decides. Two kinds of no: one that would be a yes without some pods that are
 * there, and one that would not, so that preemption is no help.
 */
#ifndef MOON_SIM_SCHEDULER_FILTER_H
#define MOON_SIM_SCHEDULER_FILTER_H

#include "sim/scheduler_ledger.h"
#include "sim/scheduler_tally.h"
#include "sim/scheduler_topology.h"

enum moon_fit {
    MOON_FIT_YES,
    MOON_FIT_NO,    /* other pods are in the way */
    MOON_FIT_NEVER, /* it is the node */
};

#define MOON_REASON_NO_AFFINITY "node(s) didn't match Pod's node affinity"

/* `tally` may be NULL: the reasons do not matter. */
enum moon_fit moon_scheduler_filter(const struct moon_played_pod *pod,
                                    const struct moon_topology *topology,
                                    const struct moon_ledger_node *n, struct moon_tally *tally);

#endif
