/* SPDX-License-Identifier: Apache-2.0
 *
 * controlplane.h - what runs beside the embedded API server, as its clients: scheduler, node
 * lifecycle and taint eviction (unless they are left to others), pod garbage collector, the
 * Endpoints of Services (ditto).
 */
#ifndef MOON_SIM_CONTROLPLANE_H
#define MOON_SIM_CONTROLPLANE_H

#include "sim/player.h"
#include "sim/sim_options.h"

struct moon_controlplane;

struct moon_controlplane_opts {
    struct moon_client *client;
    const struct moon_player *player; /* its stores are shared; made with `with_unbound` */
    const struct moon_sim_options *options;
};

struct moon_controlplane *moon_controlplane_new(const struct moon_controlplane_opts *opts);
/* Before the player. NULL is fine. */
void moon_controlplane_free(struct moon_controlplane *c);

#endif
