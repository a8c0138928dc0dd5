/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim.h - `moonset sim`.
 */
#ifndef MOON_SIM_CMD_SIM_H
#define MOON_SIM_CMD_SIM_H

int moon_cmd_sim(int argc, char **argv, void *state);

#endif
