/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_hold.h - does a condition hold?
 */
#ifndef MOON_SIM_SCENARIO_HOLD_H
#define MOON_SIM_SCENARIO_HOLD_H

#include "sim/scenario_priv.h"
#include "sim/scenario_seen.h"

/* What is looked at. */
struct moon_scenario_sight {
    const struct moon_scenario_seen *seen;
    const struct moon_judge *judge;
};

/* `why` gets what is there instead: "daemonset agent: numberReady is 2, not 3". How long nothing
 * was written (SETTLED with a time) is for the caller to see to. */
bool moon_scenario_holds(const struct moon_scenario_condition *c,
                         const struct moon_scenario_sight *sight, struct moon_buf *why);
bool moon_scenario_all_hold(const struct moon_scenario_conditions *all,
                            const struct moon_scenario_sight *sight, struct moon_buf *why);

#endif
