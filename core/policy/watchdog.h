/* SPDX-License-Identifier: Apache-2.0
 *
 * watchdog.h - the last resort: a thread that ends the process when a script cannot be stopped.
 *
 * It ends it when the loop's thread has burnt 5 s of its own CPU time in one go while a script was
 * running (waiting, or being suspended, burns none). Before that it writes policy, version and hook
 * to <state_dir>/policy-watchdog and to stderr; the next start keeps that version out of force.
 * Private to policy.
 */
#ifndef MOON_POLICY_WATCHDOG_H
#define MOON_POLICY_WATCHDOG_H

#include "base/str.h"

struct moon_watchdog;

/* Watch the calling thread. `state_dir` may be NULL: nothing is written but the line on stderr. */
MOON_API struct moon_watchdog *moon_watchdog_new(const char *state_dir, double budget_scale,
                                                 struct moon_err *err);
MOON_API void moon_watchdog_free(struct moon_watchdog *w); /* NULL is fine */

/* What is about to run; texts are copied (and cut). Cheap, always allowed. */
MOON_API void moon_watchdog_note(const char *policy, const char *version, const char *hook);

/* The version (64 hex digits) that the last process died of; false without. */
MOON_API bool moon_watchdog_read(const char *state_dir, char ret_version[65]);

#endif
