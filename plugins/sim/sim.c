/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.c - the simulated cluster as a plugin: one command, `moonset sim`.
 */
#include <stdio.h>

#include "host/internal.h"
#include "sim/cmd_sim.h"

static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_iface_command *command = host->iface(host, "command", 1);
    static const struct moon_plugin_command sim = {
        .struct_size = sizeof(sim),
        .name = "sim",
        .summary = "simulate a cluster, or the nodes of a real one",
        .run = moon_cmd_sim,
    };
    if (command == NULL || command->add(host, &sim) != 0) {
        (void)snprintf(error->text, sizeof(error->text), "the command sim is taken");
        return -1;
    }
    *ret_state = NULL;
    return 0;
}

MOON_IN_TREE_PLUGIN(.name = "sim",
                    .summary = "a simulated cluster: API server, scheduler, kubelets", .init = init)
