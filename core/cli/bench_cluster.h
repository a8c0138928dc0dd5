/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_cluster.h - a cluster that exists in memory only, to measure policies on: nodes with the
 * labels, taints and sizes that nodes have, a DaemonSet, and its roll with every pod outdated.
 * Layer: cli.
 */
#ifndef MOON_CLI_BENCH_CLUSTER_H
#define MOON_CLI_BENCH_CLUSTER_H

#include "policy/hooks.h"

enum {
    MOON_BENCH_ACTIONS = 100 /* that the roll's budget lets an update take */
};

struct moon_bench_cluster {
    size_t count;
    const struct moon_node **nodes; /* in order of names */
    const struct moon_pod **pods;   /* one on each, available; NULL until they are asked for */
    struct moon_roll_slot *slots;
    struct moon_roll_index index;
    const struct moon_daemonset *set;
    struct moon_set_view view;
    struct moon_roll roll;
};

/* The same nodes for the same count. */
struct moon_bench_cluster *moon_bench_cluster_new(size_t count, struct moon_err *err);
void moon_bench_cluster_free(struct moon_bench_cluster *c); /* NULL is fine */
/* Make the pods and the roll; nothing when they are there. */
int moon_bench_cluster_fill(struct moon_bench_cluster *c, struct moon_err *err);

#endif
