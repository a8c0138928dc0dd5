/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim_play.h - `moonset sim SCENARIO.yaml…`: plays files one after the other, prints.
 */
#ifndef MOON_SIM_CMD_SIM_PLAY_H
#define MOON_SIM_CMD_SIM_PLAY_H

#include "sim/sim_options.h"

/* Exit status: 0 all passed, 1 one failed, 2 one cannot be played. */
int moon_scenario_command(const struct moon_sim_options *options);

#endif
