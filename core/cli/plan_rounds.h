/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_rounds.h - `moonset plan --rounds`: a whole roll, played on a virtual clock. Layer: cli.
 */
#ifndef MOON_CLI_PLAN_ROUNDS_H
#define MOON_CLI_PLAN_ROUNDS_H

#include "cli/planning.h"

struct moon_plan_rounds {
    unsigned rounds; /* at most so many; 0: none are wanted */
    uint64_t pod_start_ms;
};

/* The exit status. */
int moon_plan_rounds(const struct moon_planning_args *a, const struct moon_config *config,
                     const struct moon_plan_rounds *opts);

#endif
