/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.h - one hostile script, called as the controller would, in the process it has to itself.
 */
#ifndef TEST_HOSTILE_TRIAL_H
#define TEST_HOSTILE_TRIAL_H

#include "script.h"
#include "world.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum {
    SANITIZED = 1
};
#else
enum {
    SANITIZED = 0
};
#endif

struct outcome {
    bool done;
    char wrong[512]; /* "": all is as it should be */
    char kind[16];
    char text[256];
    uint64_t cpu_us; /* of the dearest call, with what making and freeing states takes */
    uint64_t peak_bytes;
    uint64_t grown_kb;
};

struct trial {
    struct expectation wanted;
    double scale;
    const struct world *world;
    struct moon_policies *policies;
    struct outcome *out;
    unsigned reports;
    char last_kind[16];
    char last_hook[16];
};

void MOON_PRINTF(2, 3) trial_wrong(struct trial *t, const char *fmt, ...);
/* The folder has hostile.lua, and good.lua, which serves the neighbour. */
void trial_run(struct trial *t, const char *dir);

/* ---- calls.c ---- */

/* What the hooks are told of a set. */
struct moon_set_view trial_view(const struct trial *t, const struct moon_daemonset *set);
/* Call the trial's hook for a set. What a good policy answers is the same for all scripts; false:
 * this is something else. */
bool trial_call(const struct trial *t, struct moon_chain *chain, const struct moon_set_view *set);
/* Of one call of the hook. */
uint64_t trial_budget_us(const struct trial *t);

#endif
