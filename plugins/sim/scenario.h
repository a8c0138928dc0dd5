/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.h - a YAML file that says what happens to a cluster, when, and what must hold.
 *
 * For users who prototype a strategy (`moonset sim scenario.yaml` prints the timeline) and for our
 * tests (the same files, replayed with a fault at each call). The language is in
 * plugins/sim/README.md. Reading checks everything that can be checked without running: unknown
 * keys, times, selectors, names of steps; errors say file:line.
 */
#ifndef MOON_SIM_SCENARIO_H
#define MOON_SIM_SCENARIO_H

#include "sim/faults.h"
#include "sim/judge.h"

struct moon_scenario;

/* Files that the scenario names are read now, relative to its folder. */
struct moon_scenario *moon_scenario_read(const char *path, struct moon_err *err);
/* The same from text; `name` stands for the file in errors, `folder` is where files are looked for.
 */
struct moon_scenario *moon_scenario_parse(struct moon_str text, const char *name,
                                          const char *folder, struct moon_err *err);
void moon_scenario_free(struct moon_scenario *s); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_scenario, moon_scenario_free);

const char *moon_scenario_name(const struct moon_scenario *s);
/* Does its result depend on nothing but the scenario (virtual clock), so that it can be replayed?
 */
bool moon_scenario_is_virtual(const struct moon_scenario *s);

/* One line of the timeline: what was done, what the controller wrote, what became of pods. */
struct moon_timeline_line {
    uint64_t at_ms;  /* since the start */
    const char *who; /* "scenario", "controller", "cluster", "fault", "judge" */
    const char *text;
};

struct moon_scenario_run_opts {
    uint64_t seed; /* of names, jitter; 0: the scenario's */
    /* More faults than the scenario's own, put in before the controller sends its first call.
     * Budgets of calls, and Events, are then not looked at. */
    const struct moon_sim_fault_rule *faults;
    size_t fault_count;
    bool real_time;               /* whatever the scenario says */
    const char *write_kubeconfig; /* so that kubectl can look on (real time); NULL: none */
    void (*on_line)(const struct moon_timeline_line *line, void *ctx); /* optional */
    void *ctx;
};

struct moon_scenario_result {
    bool passed; /* no violation, all expectations met */
    size_t violations;
    size_t failed_expectations;
    uint64_t calls;   /* of the controller… */
    uint64_t watches; /* …of which watches */
    uint64_t faults_struck;
    uint64_t virtual_ms;
    char *first_failure; /* NULL: passed */
    char *end_state;     /* moon_judge_end_state */
};
void moon_scenario_result_fini(struct moon_scenario_result *r);

/* Play it from the start on a loop of its own. A failed expectation or a violation is a result, not
 * an error; errors are what keeps it from being played at all. */
int moon_scenario_run(const struct moon_scenario *s, const struct moon_scenario_run_opts *opts,
                      struct moon_scenario_result *ret, struct moon_err *err);

#endif
