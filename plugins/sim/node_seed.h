/* SPDX-License-Identifier: Apache-2.0
 *
 * node_seed.h - creates the nodes a simulation starts with. A name that is taken is fine.
 */
#ifndef MOON_SIM_NODE_SEED_H
#define MOON_SIM_NODE_SEED_H

#include "kube/client.h"
#include "sim/sim_options.h"

struct moon_node_seed;

struct moon_node_seed_opts {
    struct moon_client *client;
    const struct moon_sim_options *options; /* names, number, labels; borrowed */
    /* Every thousand nodes; optional. */
    void (*on_progress)(size_t done, size_t total, void *ctx);
    /* Once. err: a node was refused; no further ones were sent. */
    void (*on_done)(const struct moon_err *err, void *ctx);
    void *ctx;
};

struct moon_node_seed *moon_node_seed_new(const struct moon_node_seed_opts *opts);
void moon_node_seed_free(struct moon_node_seed *seed); /* NULL is fine */

#endif
