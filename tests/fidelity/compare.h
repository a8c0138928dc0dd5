/* SPDX-License-Identifier: Apache-2.0
 *
 * compare.h - two recordings field by field, and the decisions about their differences.
 *
 * A decision names calls and fields (both may hold * and ?) and says why the two servers may differ
 * there. One that no longer meets a difference is stale, and that is a failure, too: nothing may
 * hide behind it. A decision marked `everywhere` is about a field of nearly every answer; it is
 * counted by itself and does not make a call a different one.
 */
#ifndef MOON_FIDELITY_COMPARE_H
#define MOON_FIDELITY_COMPARE_H

#include <stdio.h>

#include "io/json.h"

struct fidelity_decision {
    const char *call;  /* pattern */
    const char *field; /* pattern of a JSON pointer into the answer */
    const char *sim;   /* pattern of the sim's value as JSON; NULL: whatever it is */
    const char *why;
    bool everywhere;
    size_t differences; /* that it has met */
    size_t calls;
};

struct fidelity_comparison {
    cJSON *document; /* what the decisions point into */
    struct fidelity_decision *decisions;
    size_t decision_count;
    size_t calls;
    size_t equal;
    size_t decided;   /* calls whose every difference has a decision */
    size_t undecided; /* calls with one that has none */
    size_t missing;   /* calls that only one recording has */
};

/* Decisions are a YAML file; NULL: there are none. */
int fidelity_comparison_init(struct fidelity_comparison *c, const char *decisions_path,
                             struct moon_err *err);
void fidelity_comparison_fini(struct fidelity_comparison *c); /* for MOON_CLEANUP, too */

/* Compare the answers of one script. Differences without a decision are written to `out`; with
 * `verbose` the decided ones, too. */
void fidelity_compare(struct fidelity_comparison *c, const cJSON *real, const cJSON *sim,
                      bool verbose, FILE *out);

/* The table. True when nothing is undecided, missing or stale. */
bool fidelity_comparison_report(const struct fidelity_comparison *c, FILE *out);

#endif
