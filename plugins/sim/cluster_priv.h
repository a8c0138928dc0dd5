/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_priv.h - what cluster.c (parts and life), cluster_controller.c (the DaemonSet controller)
 * and cluster_time.c (the virtual clock) share.
 */
#ifndef MOON_SIM_CLUSTER_PRIV_H
#define MOON_SIM_CLUSTER_PRIV_H

#include "host/manager.h"
#include "sim/cluster.h"
#include "sim/controlplane.h"

struct moon_cluster {
    unsigned magic;
    struct moon_cluster_opts opts;
    struct moon_sim_api *api;
    char *server;
    struct moon_client *client;
    struct moon_player *player;
    struct moon_controlplane *controlplane;

    struct moon_config *config;   /* the controller's flags */
    struct moon_manager *manager; /* NULL: no controller */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
};

enum {
    MOON_CLUSTER_MAGIC = 0x636c7573
};

#endif
