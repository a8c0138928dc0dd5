/* SPDX-License-Identifier: Apache-2.0
 *
 * torture.h - a scenario replayed with one fault at each of the controller's calls, and random
 * schedules of churn, faults and kills.
 *
 * Replay: the scenario is run once without faults; its end state is the right one. Then for each
 * call k and each kind of fault that fits the call it is run again with that fault there. Each time
 * the end state must be the same and no rule of the judge broken.
 * Schedules: from a seed come nodes, sets, changes of both, faults, kills of the controller and
 * restarts of the server; at the end everything is left alone and must settle. The same seed is the
 * same schedule, so a failure can be looked at: `moonset sim --schedule SEED`.
 */
#ifndef MOON_SIM_TORTURE_H
#define MOON_SIM_TORTURE_H

#include "sim/scenario.h"

struct moon_torture_opts {
    uint64_t every;  /* take each n'th (call, fault) pair; 0 = 1: all */
    uint64_t offset; /* of these, start with this one */
    /* After each replay; false ends. */
    bool (*on_run)(uint64_t done, uint64_t total, const char *what,
                   const struct moon_scenario_result *result, void *ctx);
    void *ctx;
};

struct moon_torture_totals {
    uint64_t scenarios;
    uint64_t calls; /* of the controller in the runs without faults */
    uint64_t kinds; /* of faults */
    uint64_t runs;
    uint64_t struck; /* runs in which the fault really struck */
    uint64_t failed;
};

/* Adds to *totals. Only what keeps it from being run is an error. */
int moon_torture(const struct moon_scenario *s, const struct moon_torture_opts *opts,
                 struct moon_torture_totals *totals, struct moon_err *err);

struct moon_schedule_opts {
    uint64_t seed;
    uint64_t steps;                                                    /* 0 = 30 */
    void (*on_line)(const struct moon_timeline_line *line, void *ctx); /* optional */
    void *ctx;
};

/* The schedule as the text of a scenario. */
void moon_schedule_text(uint64_t seed, uint64_t steps, struct moon_buf *out);
int moon_schedule_run(const struct moon_schedule_opts *opts, struct moon_scenario_result *ret,
                      struct moon_err *err);

#endif
