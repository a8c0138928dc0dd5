/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim_torture.h - `moonset sim torture FILE…` and `moonset sim schedules FIRST-LAST`: many
 * runs, a line for each failure, totals at the end. Return an exit code.
 */
#ifndef MOON_SIM_CMD_SIM_TORTURE_H
#define MOON_SIM_CMD_SIM_TORTURE_H

/* argv[0] is the word itself. */
int moon_cmd_sim_torture(int argc, char **argv);
int moon_cmd_sim_schedules(int argc, char **argv);

#endif
