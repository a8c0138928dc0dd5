/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_fixture.h - run pieces of Lua in the sandbox and compare what they answer.
 */
#ifndef TEST_POLICY_ENGINE_FIXTURE_H
#define TEST_POLICY_ENGINE_FIXTURE_H

#include "policy/engine.h"

/* Multiplies the budget of run_lua. Large at first: few tests are about time, and sanitizers take
 * some. */
extern double budget_scale;

/* Run `source` in a fresh state under a budget of 20 ms times that; the text it returns, or "fault:
 * text". Valid until the next call. */
const char *run_lua(const char *source);
/* The fault of the last run; its kind is only meaningful after one. */
extern struct moon_fault last_fault;
extern bool last_failed;
extern uint64_t last_cpu_us;

#define assert_lua(source, expected) assert_string_equal(run_lua(source), expected)
/* It fails, with this kind, and the text contains `part`. */
#define assert_lua_fails(source, wanted_kind, part)                                                \
    do {                                                                                           \
        const char *text_ = run_lua(source);                                                       \
        if (!last_failed || last_fault.kind != (wanted_kind) || strstr(text_, (part)) == NULL) {   \
            fail_msg("%s\n  gave: %s (kind %s)\n  not: %s (kind %s)", source, text_,               \
                     last_failed ? moon_policy_fault_name(last_fault.kind) : "none", part,         \
                     moon_policy_fault_name(wanted_kind));                                         \
        }                                                                                          \
    } while (0)

#endif
