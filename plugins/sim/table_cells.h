/* SPDX-License-Identifier: Apache-2.0
 *
 * table_cells.h - columns and cells of server-side tables, kind by kind, as the real printers make
 * them. The Age columns are texts relative to now.
 */
#ifndef MOON_SIM_TABLE_CELLS_H
#define MOON_SIM_TABLE_CELLS_H

#include "sim/kinds.h"

#define MOON_SIM_TABLE(name)                                                                       \
    extern const struct moon_sim_column moon_sim_columns_##name[];                                 \
    void moon_sim_cells_##name(const cJSON *obj, int64_t now_s, cJSON *ret_cells)

MOON_SIM_TABLE(pod);
MOON_SIM_TABLE(node);
MOON_SIM_TABLE(daemonset);
MOON_SIM_TABLE(controller_revision);
MOON_SIM_TABLE(event);
MOON_SIM_TABLE(namespace);
MOON_SIM_TABLE(service);
MOON_SIM_TABLE(endpoints);
MOON_SIM_TABLE(config_map);
MOON_SIM_TABLE(secret);
MOON_SIM_TABLE(service_account);
MOON_SIM_TABLE(lease);
MOON_SIM_TABLE(priority_class);
MOON_SIM_TABLE(disruption_budget);
MOON_SIM_TABLE(any); /* Name and Created At, for kinds without columns of their own */

#endif
