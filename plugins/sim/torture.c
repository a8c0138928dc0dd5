/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/torture.h"

#include <stdio.h>

enum {
    WHAT_MAX = 160
};

/* What can happen to any call of the controller. */
static const struct moon_sim_fault_rule on_calls[] = {
    {.fault = MOON_SIM_FAULT_CUT_BEFORE},
    {.fault = MOON_SIM_FAULT_CUT_MIDDLE},
    {.fault = MOON_SIM_FAULT_CUT_AFTER},
    {.fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5 * 1000},
    {.fault = MOON_SIM_FAULT_DELAY, .delay_ms = 45 * 1000}, /* longer than a call waits */
    {.fault = MOON_SIM_FAULT_HOLD, .delay_ms = 45 * 1000},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 409},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 410},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 429, .retry_after_s = 2},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 500},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 503},
    {.fault = MOON_SIM_FAULT_STATUS, .code = 504},
    {.fault = MOON_SIM_FAULT_TIMEOUT},
    {.fault = MOON_SIM_FAULT_RESTART},
};

/* What can happen to a watch, after some of its lines. */
static const struct moon_sim_fault_rule on_watches[] = {
    {.fault = MOON_SIM_FAULT_HALF_LINE},
    {.fault = MOON_SIM_FAULT_HALF_LINE, .lines = 3},
    {.fault = MOON_SIM_FAULT_SILENT},
    {.fault = MOON_SIM_FAULT_SILENT, .lines = 2},
    {.fault = MOON_SIM_FAULT_REPEAT, .lines = 1},
    {.fault = MOON_SIM_FAULT_CUT_WATCH, .lines = 1},
    {.fault = MOON_SIM_FAULT_CUT_WATCH, .lines = 4},
    {.fault = MOON_SIM_FAULT_GONE, .lines = 2},
    {.fault = MOON_SIM_FAULT_GARBAGE, .lines = 1},
};

struct torture {
    const struct moon_scenario *scenario;
    const struct moon_torture_opts *opts;
    struct moon_torture_totals *totals;
    struct moon_scenario_result right; /* without faults */
    uint64_t pair;                     /* of call and fault, counted */
    uint64_t done;
    uint64_t total;
    bool ended;
};

static void describe(const struct moon_sim_fault_rule *rule, char out[WHAT_MAX])
{
    char code[16] = "";
    char delay[32] = "";
    char lines[32] = "";
    if (rule->code != 0) {
        (void)snprintf(code, sizeof(code), " code=%d", rule->code);
    }
    if (rule->delay_ms != 0) {
        (void)snprintf(delay, sizeof(delay), " delay=%llus",
                       (unsigned long long)rule->delay_ms / 1000);
    }
    if (rule->lines != 0) {
        (void)snprintf(lines, sizeof(lines), " lines=%llu", (unsigned long long)rule->lines);
    }
    (void)snprintf(out, WHAT_MAX, "%s * %s first=%llu%s%s%s",
                   moon_sim_fault_is_for_watches(rule->fault) ? "watch" : "*",
                   moon_sim_fault_name(rule->fault), (unsigned long long)rule->first, code, delay,
                   lines);
}

/* It must end as it does without the fault. */
static void compare(const struct torture *t, struct moon_scenario_result *result)
{
    if (result->passed && !moon_streq(result->end_state, t->right.end_state)) {
        result->passed = false;
        result->first_failure = moon_asprintf("another end:\n%s\ninstead of:\n%s",
                                              result->end_state, t->right.end_state);
    }
}

static int replay(struct torture *t, const struct moon_sim_fault_rule *fault, uint64_t call,
                  struct moon_err *err)
{
    struct moon_sim_fault_rule rule = *fault;
    char what[WHAT_MAX];
    rule.client = "moonset/";
    rule.first = call;
    describe(&rule, what);
    MOON_CLEANUP(moon_scenario_result_fini) struct moon_scenario_result result = {0};
    if (moon_scenario_run(t->scenario,
                          &(struct moon_scenario_run_opts){.faults = &rule, .fault_count = 1},
                          &result, err) != 0) {
        return moon_err_wrap(err, "with the fault \"%s\"", what);
    }
    compare(t, &result);
    t->done++;
    t->totals->runs++;
    t->totals->struck += result.faults_struck > 0 ? 1 : 0;
    t->totals->failed += result.passed ? 0 : 1;
    if (t->opts->on_run != NULL) {
        t->ended = !t->opts->on_run(t->done, t->total, what, &result, t->opts->ctx);
    }
    return 0;
}

/* Each of these faults at each of the calls, as far as it is this one's turn. */
static int replay_all(struct torture *t, const struct moon_sim_fault_rule *faults, size_t count,
                      uint64_t calls, struct moon_err *err)
{
    uint64_t every = t->opts->every > 0 ? t->opts->every : 1;
    for (uint64_t call = 1; call <= calls; call++) {
        for (size_t i = 0; i < count && !t->ended; i++) {
            bool is_due = t->pair++ % every == t->opts->offset % every;
            if (is_due && replay(t, &faults[i], call, err) != 0) {
                return -(int)err->code;
            }
        }
    }
    return 0;
}

static int torture(struct torture *t, struct moon_err *err)
{
    uint64_t every = t->opts->every > 0 ? t->opts->every : 1;
    if (moon_scenario_run(t->scenario, &(struct moon_scenario_run_opts){0}, &t->right, err) != 0) {
        return -(int)err->code;
    }
    if (!t->right.passed) {
        return moon_err_set(err, MOON_E_INVALID, "%s: fails without any fault: %s",
                            moon_scenario_name(t->scenario), t->right.first_failure);
    }
    t->total = (t->right.calls * MOON_ARRAY_SIZE(on_calls) +
                t->right.watches * MOON_ARRAY_SIZE(on_watches)) /
               every;
    t->totals->scenarios++;
    t->totals->calls += t->right.calls;
    t->totals->kinds = MOON_ARRAY_SIZE(on_calls) + MOON_ARRAY_SIZE(on_watches);
    int rc = replay_all(t, on_calls, MOON_ARRAY_SIZE(on_calls), t->right.calls, err);
    if (rc == 0) {
        rc = replay_all(t, on_watches, MOON_ARRAY_SIZE(on_watches), t->right.watches, err);
    }
    return rc;
}

int moon_torture(const struct moon_scenario *s, const struct moon_torture_opts *opts,
                 struct moon_torture_totals *totals, struct moon_err *err)
{
    struct torture t = {.scenario = s, .opts = opts, .totals = totals};
    if (!moon_scenario_is_virtual(s)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "%s: follows the real clock, so no two runs of "
                            "it are the same",
                            moon_scenario_name(s));
    }
    int rc = torture(&t, err);
    moon_scenario_result_fini(&t.right);
    return rc;
}
