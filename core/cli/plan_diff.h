/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_diff.h - `moonset plan --diff`: what two versions of policies decide about one cluster.
 * Layer: cli.
 */
#ifndef MOON_CLI_PLAN_DIFF_H
#define MOON_CLI_PLAN_DIFF_H

#include "cli/planning.h"

/* Compare with the policies of one more folder, which wins; the exit status. */
int moon_plan_diff(const struct moon_planning_args *a, struct moon_config *config,
                   const char *other_dir);
/* Is the set one of the words of the command line, or are there none? */
bool moon_plan_is_wanted(const struct moon_planning_args *a, const char *set);
/* The exit status once all is printed; complains of each word that is no set of the cluster. */
int moon_plan_status(const struct moon_planning_args *a, const struct moon_manager *m,
                     bool has_work);

enum {
    MOON_EXIT_WORK = 3, /* with --exit-code */
};

#endif
