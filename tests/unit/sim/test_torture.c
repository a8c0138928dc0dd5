/* SPDX-License-Identifier: Apache-2.0
 *
 * The machinery of torture and schedules; what they find is for tests/torture.
 */
#include "sim/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "host/registry.h"

const struct moon_plugin *moonset_plugin_daemonset_v1(void);

static const char SMALL[] =
    "name: small\n"
    "nodes: 1\n"
    "steps:\n"
    "- apply: {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {selector: "
    "{matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: "
    "[{name: c, image: a}]}}}}\n"
    "- wait: {settled: true, within: 1h}\n";

struct seen {
    uint64_t runs;
    uint64_t last_done;
    uint64_t struck;
    uint64_t stop_after; /* 0: never */
};

static bool on_run(uint64_t done, uint64_t total, const char *what,
                   const struct moon_scenario_result *result, void *ctx)
{
    struct seen *seen = ctx;
    assert_true(done <= total + 1);
    assert_non_null(strstr(what, "first="));
    if (!result->passed) {
        fail_msg("%s: %s", what, result->first_failure);
    }
    seen->runs++;
    seen->last_done = done;
    seen->struck += result->faults_struck > 0 ? 1 : 0;
    return seen->runs != seen->stop_after;
}

static struct moon_scenario *parse(const char *text)
{
    struct moon_err err;
    struct moon_scenario *s = moon_scenario_parse(moon_str(text), "test", ".", &err);
    if (s == NULL) {
        fail_msg("%s", err.text);
    }
    return s;
}

static void a_sample_strikes_and_ends_as_without(void **state)
{
    struct moon_torture_totals totals = {0};
    struct seen seen = {0};
    struct moon_err err;
    (void)state;
    MOON_CLEANUP(moon_scenario_free_ptr) struct moon_scenario *s = parse(SMALL);
    assert_int_equal(moon_torture(s,
                                  &(struct moon_torture_opts){
                                      .every = 40, .offset = 3, .on_run = on_run, .ctx = &seen},
                                  &totals, &err),
                     0);
    assert_int_equal(totals.scenarios, 1);
    assert_int_equal(totals.runs, seen.runs);
    assert_int_equal(totals.struck, seen.struck);
    assert_int_equal(totals.failed, 0);
    assert_true(seen.runs > 3 && seen.struck + 2 >= seen.runs);
    assert_int_equal(seen.last_done, seen.runs);
}

static void who_looks_on_can_end_it(void **state)
{
    struct moon_torture_totals totals = {0};
    struct seen seen = {.stop_after = 2};
    struct moon_err err;
    (void)state;
    MOON_CLEANUP(moon_scenario_free_ptr) struct moon_scenario *s = parse(SMALL);
    assert_int_equal(
        moon_torture(s, &(struct moon_torture_opts){.on_run = on_run, .ctx = &seen}, &totals, &err),
        0);
    assert_int_equal(totals.runs, 2);
}

static void what_fails_by_itself_is_not_tortured(void **state)
{
    struct moon_torture_totals totals = {0};
    struct moon_err err;
    (void)state;
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s = parse("nodes: 1\n"
                                    "steps:\n"
                                    "- expect: {daemonset: {name: a}}\n");
    assert_int_not_equal(moon_torture(s, &(struct moon_torture_opts){0}, &totals, &err), 0);
    assert_non_null(strstr(err.text, "fails without any fault"));
}

static void the_real_clock_cannot_be_replayed(void **state)
{
    struct moon_torture_totals totals = {0};
    struct moon_err err;
    (void)state;
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s = parse("clock: real\nsteps: [{pass: 1s}]\n");
    assert_int_not_equal(moon_torture(s, &(struct moon_torture_opts){0}, &totals, &err), 0);
    assert_non_null(strstr(err.text, "real clock"));
}

static void schedules_are_scenarios(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf once = MOON_BUF_INIT(1 << 20);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf again = MOON_BUF_INIT(1 << 20);
        moon_schedule_text(seed, 0, &once);
        moon_schedule_text(seed, 0, &again);
        assert_string_equal(moon_buf_cstr(&once), moon_buf_cstr(&again));
        moon_scenario_free(parse(moon_buf_cstr(&once)));
    }
}

static void a_schedule_runs_the_same_each_time(void **state)
{
    MOON_CLEANUP(moon_scenario_result_fini) struct moon_scenario_result once = {0};
    MOON_CLEANUP(moon_scenario_result_fini) struct moon_scenario_result again = {0};
    const struct moon_schedule_opts opts = {.seed = 5};
    struct moon_err err;
    (void)state;
    assert_int_equal(moon_schedule_run(&opts, &once, &err), 0);
    assert_int_equal(moon_schedule_run(&opts, &again, &err), 0);
    assert_true(once.passed);
    assert_string_equal(once.end_state, again.end_state);
    assert_int_equal(once.virtual_ms, again.virtual_ms);
    assert_int_equal(once.faults_struck, again.faults_struck);
}

int main(void)
{
    static const moonset_plugin_entry builtin[] = {moonset_plugin_daemonset_v1, NULL};
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = builtin});
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_strikes_and_ends_as_without),
        cmocka_unit_test(who_looks_on_can_end_it),
        cmocka_unit_test(what_fails_by_itself_is_not_tortured),
        cmocka_unit_test(the_real_clock_cannot_be_replayed),
        cmocka_unit_test(schedules_are_scenarios),
        cmocka_unit_test(a_schedule_runs_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
