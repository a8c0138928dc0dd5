/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - what the hostile scripts are shown: a cluster, a set that they are to harm (its label
 * `bad` is set) and one that they are to serve.
 */
#ifndef TEST_HOSTILE_WORLD_H
#define TEST_HOSTILE_WORLD_H

#include "policy/hooks.h"
#include "policy/kv.h"
#include "policy/samples.h"

#ifndef WORLD_NODES
#define WORLD_NODES 20000
#endif

struct world {
    const struct moon_node *nodes[WORLD_NODES];
    const struct moon_pod *old_pod; /* on the first node, outdated and available */
    const struct moon_pod *new_pod; /* on the second */
    struct moon_roll_slot slots[WORLD_NODES];
    struct moon_roll roll;
    struct moon_samples *found; /* as many series as there may be, with labels */
    struct moon_kv *kv;         /* what policies remember of any set */
};

struct world *world_new(void);
void world_free(struct world *w);

/* A set whose label bad is "yes", or not there. To be unreferenced. */
const struct moon_daemonset *world_set(const char *name, bool bad);

#endif
