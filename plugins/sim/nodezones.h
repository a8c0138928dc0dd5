/* SPDX-License-Identifier: Apache-2.0
 *
 * nodezones.h - how fast nodes that are not ready may be emptied: one by one, and not at all when
 * it looks as if the control plane were cut off rather than the nodes broken.
 *
 * After the node lifecycle controller: in each zone (labels topology.kubernetes.io/region and zone)
 * one node per interval; a zone with more than 55 % of its nodes (and at least three) not ready is
 * disturbed: at a tenth of that speed when it has more than 50 nodes, else not at all. When no node
 * of any zone is ready, nothing is evicted, and what evicts already is taken back.
 */
#ifndef MOON_SIM_NODEZONES_H
#define MOON_SIM_NODEZONES_H

#include "base/list.h"
#include "sim/played.h"

struct moon_nodezones;
struct moon_nodezone;

/* A node's place in it; part of whatever the owner keeps for each node. */
struct moon_nodezones_node {
    struct moon_nodezone *zone; /* NULL: never seen */
    struct moon_list queue;     /* in its zone's, while it waits for its turn */
    bool is_ready;
    bool had_turn; /* since it was ready the last time; the owner may take it back */
};

struct moon_nodezones_opts {
    struct moon_loop *loop;
    uint64_t interval_ms;
    /* It is this node's turn. From the loop. */
    void (*on_turn)(struct moon_nodezones_node *node, void *ctx);
    /* No node is ready any more, or one is again. From inside see and leave. */
    void (*on_blackout)(bool is_blackout, void *ctx);
    void *ctx;
};

struct moon_nodezones *moon_nodezones_new(const struct moon_nodezones_opts *opts);
/* The nodes must have left. NULL is fine. */
void moon_nodezones_free(struct moon_nodezones *z);

/* A node has come, or is as `played` says now. Zeroed at first. */
void moon_nodezones_see(struct moon_nodezones *z, struct moon_nodezones_node *node,
                        const struct moon_played_node *played);
void moon_nodezones_leave(struct moon_nodezones *z, struct moon_nodezones_node *node);
/* It shall be emptied when it is its turn; again and again is fine. */
void moon_nodezones_wait(struct moon_nodezones *z, struct moon_nodezones_node *node);
bool moon_nodezones_is_blackout(const struct moon_nodezones *z);

#endif
