/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_nodes.h - one policy's hook asked about many nodes, as select and rank are: in batches of
 * 4,096 under one budget of 50 ms. Each node is a call of its own, so one that makes a script fail
 * leaves the others alone. Private to policy.
 */
#ifndef MOON_POLICY_HOOK_NODES_H
#define MOON_POLICY_HOOK_NODES_H

#include "policy/policies_priv.h"

struct moon_hook_nodes {
    struct moon_hook_call call;
    const struct moon_node *const *nodes;
    size_t count;
    int results; /* of a call */
    /* Take the answer for nodes[i]: the results on the top of the stack. Nonzero: it is of the
     * wrong shape, as *ret says. */
    int (*take)(struct moon_hook_nodes *h, size_t i, struct moon_fault *ret);
    /* There is no answer for nodes[i]; it has been reported. */
    void (*miss)(struct moon_hook_nodes *h, size_t i);
    void *ctx;
    bool told_stop; /* a budget or memory stop of this batch was reported */
};

void moon_hook_nodes_ask(struct moon_hook_nodes *h);

#endif
