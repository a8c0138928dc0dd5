/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/addresses.h"

#include <stdio.h>

enum {
    ADDRESSES = 254 * 256
};

/* Calls `matches` with each Service until one does. */
static bool any_service(const struct moon_sim_api *api,
                        bool (*matches)(const cJSON *spec, int64_t port, const char *address),
                        int64_t port, const char *address)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", "Service");
    size_t count = 0;
    struct moon_sim_obj *const *all = moon_sim_objdb_range(api->db, kind, NULL, &count);
    for (size_t i = 0; i < count; i++) {
        MOON_AUTOJSON *tree = moon_sim_obj_tree(all[i]);
        if (matches(moon_sim_member(tree, "spec"), port, address)) {
            return true;
        }
    }
    return false;
}

static bool has_address(const cJSON *spec, int64_t port, const char *address)
{
    (void)port;
    return moon_streq(moon_sim_text(spec, "clusterIP"), address);
}

static bool has_port(const cJSON *spec, int64_t port, const char *address)
{
    const cJSON *item = NULL;
    (void)address;
    cJSON_ArrayForEach (item, moon_sim_member(spec, "ports")) {
        if (moon_sim_int(item, "nodePort", 0) == port) {
            return true;
        }
    }
    return moon_sim_int(spec, "healthCheckNodePort", 0) == port;
}

bool moon_sim_addresses_taken(const struct moon_sim_api *api, const char *address)
{
    return any_service(api, has_address, 0, address);
}

bool moon_sim_addresses_port_taken(const struct moon_sim_api *api, int64_t port)
{
    return any_service(api, has_port, port, NULL);
}

void moon_sim_addresses_new(struct moon_sim_api *api, char out[16])
{
    for (unsigned tries = 0; tries < ADDRESSES; tries++) {
        unsigned n = ++api->next_cluster_ip;
        (void)snprintf(out, 16, "10.96.%u.%u", (n / 254) & 0xffU, n % 254 + 1);
        if (!moon_sim_addresses_taken(api, out)) {
            return;
        }
    }
}

int moon_sim_addresses_new_port(struct moon_sim_api *api)
{
    const unsigned ports = MOON_SIM_NODE_PORT_LAST - MOON_SIM_NODE_PORT_FIRST + 1;
    for (unsigned tries = 0; tries < ports; tries++) {
        int port = MOON_SIM_NODE_PORT_FIRST + (int)(api->next_node_port++ % ports);
        if (!moon_sim_addresses_port_taken(api, port)) {
            return port;
        }
    }
    return 0;
}
