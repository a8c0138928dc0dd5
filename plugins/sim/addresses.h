/* SPDX-License-Identifier: Apache-2.0
 *
 * addresses.h - the cluster addresses and node ports that Services have taken.
 *
 * The Services in the store are the only book that is kept: what is written there is taken.
 */
#ifndef MOON_SIM_ADDRESSES_H
#define MOON_SIM_ADDRESSES_H

#include "sim/api_priv.h"

enum {
    MOON_SIM_NODE_PORT_FIRST = 30000,
    MOON_SIM_NODE_PORT_LAST = 32767
};

/* A free address of 10.96.0.0/16. */
void moon_sim_addresses_new(struct moon_sim_api *api, char out[16]);
bool moon_sim_addresses_taken(const struct moon_sim_api *api, const char *address);
/* A free port, 0 when there is none. */
int moon_sim_addresses_new_port(struct moon_sim_api *api);
bool moon_sim_addresses_port_taken(const struct moon_sim_api *api, int64_t port);

#endif
