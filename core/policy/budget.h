/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.h - how much CPU a script may use, enforced by a timer on the thread's own CPU clock.
 *
 * A count hook in production would double the cost of all Lua code, so nothing is counted: a
 * signal arrives while a script runs too long, and its handler does two things that are safe there:
 * it sets the engine's stop flag and calls lua_sethook, as lua.c does for Ctrl-C. One timer is
 * armed for a whole batch of calls; the handler tells calls apart by a number the batch counts up.
 * Layer: policy.
 */
#ifndef MOON_POLICY_BUDGET_H
#define MOON_POLICY_BUDGET_H

#include <signal.h>

#include "base/mem.h"

struct moon_budget {
    uint64_t call_us;  /* one call */
    uint64_t total_us; /* everything between start and stop */
};

/* What the handler looks at. Lives in the engine. */
struct moon_budget_run {
    struct moon_budget budget; /* scaled */
    uint64_t start_ns;
    volatile uint64_t call; /* counted up by the batch */
    uint64_t seen_call;     /* the call the handler found last, and when */
    uint64_t seen_ns;
    uint64_t paused_ns;             /* since when */
    void (*on_exceeded)(void *ctx); /* from the signal handler */
    void *ctx;
};

/* Thread CPU time. */
MOON_API uint64_t moon_budget_now_ns(void);

/* Arm for `run`; nothing else may be armed. The timer belongs to the calling thread. */
MOON_API void moon_budget_start(struct moon_budget_run *run);
/* Disarm; returns the CPU used since start, in microseconds. */
MOON_API uint64_t moon_budget_stop(struct moon_budget_run *run);

/* The host works on a script's behalf: its clock stands still in between. */
MOON_API void moon_budget_pause(struct moon_budget_run *run);
MOON_API void moon_budget_resume(struct moon_budget_run *run);

static inline void moon_budget_next_call(struct moon_budget_run *run)
{
    run->call = run->call + 1;
}

/* For the watchdog: is a script running now? Safe from any thread. */
MOON_API bool moon_budget_is_running(void);

#endif
