/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - what a test run does to its states beside running them: `pairs` in another order,
 * counting instructions, noting lines. Production states have none. Private to policy.
 */
#ifndef MOON_POLICY_PROBE_H
#define MOON_POLICY_PROBE_H

#include "policy/coverage.h"

enum {
    MOON_PROBE_HOOKS = 16 /* at least MOON_HOOKS */
};

struct moon_probe_cost {
    uint64_t calls;
    uint64_t instructions;
    uint64_t most; /* of one call */
};

struct moon_probe {
    uint64_t pairs_seed; /* 0: the defined order */
    bool counts;
    struct moon_coverage *coverage; /* NULL: nothing is noted */
    const char *policy;             /* whose calls are counted */
    int hook;                       /* under way; -1: none */
    uint64_t instructions;          /* of the call under way */
    struct moon_probe_cost costs[MOON_PROBE_HOOKS];
};

#endif
