/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"
#include "policy/analyze.h"

#define QUERY "provider = 'prometheus', query = 'up', every = '30s'"
#define QUERIES "queries = { err = { " QUERY " } }, "
#define PASSES "analyze = function() return 'pass' end"

/* ---- declarations ---- */

static void test_what_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body;
        const char *error;
    } rows[] = {
        {PASSES, "the hook analyze needs 'queries'"},
        {"queries = {}, " PASSES, "the hook analyze needs 'queries'"},
        {QUERIES "gate = function() return true end", "'queries' without the hook analyze"},
        {"queries = 1, " PASSES, "'queries' is a number, not a table"},
        {"queries = { err = 'up' }, " PASSES, "'queries' is written { name = {"},
        {"queries = { { " QUERY " } }, " PASSES, "'queries' is written { name = {"},
        {"queries = { ['a b'] = { " QUERY " } }, " PASSES, "'queries' is written { name = {"},
        {"queries = { err = { " QUERY ", evry = 1 } }, " PASSES,
         "query 'err': unknown key 'evry' (did you mean 'every'?)"},
        {"queries = { err = { query = 'up', every = '30s' } }, " PASSES,
         "query 'err': 'provider' must be a text"},
        {"queries = { err = { provider = 'A b', query = 'up', every = '30s' } }, " PASSES,
         "'provider' is the name of one"},
        {"queries = { err = { provider = 'p', every = '30s' } }, " PASSES,
         "query 'err': 'query' must be a text"},
        {"queries = { err = { provider = 'p', query = 'up' } }, " PASSES,
         "'every' must be a duration from 5s to 1d"},
        {"queries = { err = { provider = 'p', query = 'up', every = 4 } }, " PASSES,
         "'every' must be a duration from 5s to 1d"},
        {"queries = { err = { provider = 'p', query = 'up', every = '25h' } }, " PASSES,
         "'every' must be a duration from 5s to 1d"},
        {"queries = { err = { " QUERY ", timeout = '31s' } }, " PASSES,
         "'timeout' must be a duration from 100ms to 1m"},
        {"queries = { err = { " QUERY ", timeout = '99ms' } }, " PASSES,
         "'timeout' must be a duration from 100ms to 1m"},
        {QUERIES PASSES ", analyze_failures = 0", "'analyze_failures' must be from 1 to 100"},
        {QUERIES PASSES ", analyze_failures = '3'", "'analyze_failures' must be from 1 to 100"},
        {QUERIES PASSES ", on_fail = 'explode'", "'on_fail' must be \"pause\" or \"rollback\""},
        {QUERIES PASSES ", soak = '8d'", "'soak' must be a duration of at most 7d"},
        {QUERIES PASSES ", params = { soak = { type = 'string' } }",
         "parameter 'soak' stands for the key of that name: its type must be duration"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *text = moon_asprintf("return { api = 1, %s }", rows[i].body);
        fixture_write(f, "test", text);
        fixture_load(f);
        if (f->reports != i + 1 || strstr(f->last.text, rows[i].error) == NULL ||
            strstr(f->last.text, "test.lua:1: ") != f->last.text) {
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].body, f->last.text, rows[i].error);
        }
        f->reports = (unsigned)i + 1;
    }
}

static void test_one_policy_only(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;
    fixture_write(f, "a", "return { api = 1, " QUERIES PASSES " }");
    fixture_write(f, "b", "return { api = 1, " QUERIES PASSES " }");
    fixture_load(f);
    assert_null(moon_chain_new(f->policies, &(struct moon_chain_opts){.names = "a,b"}, &err));
    assert_string_equal(err.text, "two policies with the hook analyze; a set can have only one");
}

/* ---- placeholders ---- */

/* The text of the query "q", or what is wrong with it. */
static const char *filled(struct fixture *f, const char *query, const char *params)
{
    static char text[4096];
    struct moon_analysis a;
    MOON_AUTOFREE char *policy = moon_asprintf(
        "return { api = 1,\n"
        "params = { text = { type = 'string', default = 'x' }, limit = { type = 'number',\n"
        "default = 0.25 }, count = { type = 'integer', default = -3 }, window = { type =\n"
        "'duration', default = '5m' }, zones = { type = 'list', default = {} },\n"
        "share = { type = 'intstr', default = '10%%' }, strict = { type = 'boolean' } },\n"
        "queries = { q = { provider = 'p', every = 5, query = [==[%s]==] } },\n" PASSES " }",
        query);

    f->reports = 0;
    fixture_write(f, "test", policy);
    fixture_load(f);
    if (f->reports > 0) {
        (void)snprintf(text, sizeof(text), "%s", f->last.text);
        return text;
    }
    fixture_set(f, "{\"containers\":[]}", "{}");
    fixture_chain(f, "test", params, NULL);
    f->roll.revision = "abc";
    f->roll.previous_revision = "";
    assert_true(moon_chain_analyzes(f->chain));
    moon_analysis_init(&a, f->chain, &f->view, &f->roll);
    (void)snprintf(text, sizeof(text), "%s",
                   a.queries[0].text != NULL ? a.queries[0].text : a.queries[0].problem);
    moon_analysis_fini(&a);
    return text;
}

static void test_placeholders(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *query;
        const char *params;
        const char *text;
    } rows[] = {
        {"up", NULL, "up"},
        {"x{n=\"{{name}}\",r='{{ revision }}',p=\"{{previous_revision}}\"}", NULL,
         "x{n=\"agent\",r='abc',p=\"\"}"},
        {"x{n=\"{{namespace}}/{{name}}\"}[{{param.window}}] > {{param.limit}} + {{param.count}}",
         NULL, "x{n=\"prod/agent\"}[300s] > 0.25 + -3"},
        {"x{a=\"{{param.share}}\"}", NULL, "x{a=\"10%\"}"},
        {"x{a=\"{{param.share}}\"}", "share: 7", "x{a=\"7\"}"},
        {"x{a=\"{{param.strict}}\"}", "strict: false", "x{a=\"false\"}"},
        {"x{a=\"{{param.strict}}\"}", NULL, "{{param.strict}}: the parameter has no value"},
        /* Values stay values. */
        {"x{a=\"{{param.text}}\"}", "text: 'q\"} or up{b=\"'", "x{a=\"q\\\"} or up{b=\\\"\"}"},
        {"x{a='{{param.text}}'}", "text: \"it's\"", "x{a='it\\'s'}"},
        {"x{a=\"{{param.text}}\"}", "text: 'a\\'", "x{a=\"a\\\\\"}"},
        {"x{a=\"{{param.text}}\"}", "text: \"a\\nb\"", "x{a=\"a\\x0ab\"}"},
        {"x{a=`{{param.text}}`}", "text: 'a\\d'", "x{a=`a\\d`}"},
        {"x{a=`{{param.text}}`}", "text: 'a`b'",
         "{{param.text}} has a backtick, which cannot stand between backticks"},
        /* Quotes are followed as PromQL does. */
        {"x{a=\"\\\"{{name}}\"}", NULL, "x{a=\"\\\"agent\"}"},
        {"x{a=`\\`,b=\"{{name}}\"}", NULL, "x{a=`\\`,b=\"agent\"}"},
        {"x # it's {{nonsense}}\n + y{a='{{name}}'}", NULL, "x # it's \n + y{a='agent'}"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const char *text = filled(f, rows[i].query, rows[i].params);
        if (strcmp(text, rows[i].text) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].query, text, rows[i].text);
        }
    }
}

static void test_wrong_placeholders_do_not_load(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"x{a=\"{{nam}}\"}", "query 'q': {{nam}} is no placeholder (did you mean 'name'?)"},
        {"x{a=\"{{param.tex}}\"}", "declares no parameter tex (did you mean 'text'?)"},
        {"x > {{param.text}}", "{{param.text}} is a text: put it in quotes"},
        {"{{name}}", "{{name}} is a text: put it in quotes"},
        {"x{a=\"{{param.zones}}\"}", "{{param.zones}} is a list"},
        {"x{a=\"{{name\"}", "a {{ without }}"},
        {"x{a=\"b}", "a quote that is not closed"},
        {"x{a='{{name}}\"}", "a quote that is not closed"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const char *text = filled(f, rows[i][0], NULL);
        if (strstr(text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], text);
        }
    }
}

static void test_keys_and_parameters_of_their_names(void **state)
{
    struct fixture *f = *state;
    struct moon_analysis a;
    struct moon_err err;

    fixture_policy(f, QUERIES PASSES);
    moon_analysis_init(&a, f->chain, &f->view, &f->roll);
    assert_int_equal(a.max_failures, 3);
    assert_false(a.rolls_back);
    assert_int_equal(a.soak_ms, 300000);
    assert_int_equal(a.queries[0].every_ms, 30000);
    assert_int_equal(a.queries[0].timeout_ms, 10000);
    assert_string_equal(a.queries[0].provider, "prometheus");
    assert_string_equal(a.policy, "test");
    moon_analysis_fini(&a);

    fixture_write(f, "test",
                  "return { api = 1, analyze_failures = 5, on_fail = 'rollback', soak = 0,\n"
                  "params = { analyze_failures = { type = 'integer' }, soak = { type = 'duration'\n"
                  "}, on_fail = { type = 'string', default = 'rollback' } },\n" QUERIES PASSES "}");
    fixture_load(f);
    fixture_chain(f, "test", NULL, NULL);
    moon_analysis_init(&a, f->chain, &f->view, &f->roll);
    assert_int_equal(a.max_failures, 5);
    assert_true(a.rolls_back);
    assert_int_equal(a.soak_ms, 0);
    moon_analysis_fini(&a);
    fixture_chain(f, "test", "{analyze_failures: 1, on_fail: pause, soak: 2s}", NULL);
    moon_analysis_init(&a, f->chain, &f->view, &f->roll);
    assert_int_equal(a.max_failures, 1);
    assert_false(a.rolls_back);
    assert_int_equal(a.soak_ms, 2000);
    moon_analysis_fini(&a);
    assert_null(moon_chain_new(
        f->policies, &(struct moon_chain_opts){.names = "test", .params = "on_fail: back"}, &err));
    assert_string_equal(err.text, "policy test: 'on_fail' must be \"pause\" or \"rollback\"");
}

/* Who asks the queries goes on while the policy's state is made anew after a stop. */
static void test_queries_outlive_the_state(void **state)
{
    struct fixture *f = *state;
    struct moon_analysis a;

    f->budget_scale = 1;
    fixture_policy(f, QUERIES PASSES ", gate = function() while true do end end");
    moon_analysis_init(&a, f->chain, &f->view, &f->roll);
    assert_non_null(strstr(ask_gate(f), "stopped after"));
    assert_non_null(strstr(ask_gate(f), "stopped after"));
    assert_string_equal(a.queries[0].name, "err");
    assert_string_equal(a.queries[0].provider, "prometheus");
    moon_analysis_fini(&a);
}

/* ---- the call ---- */

/* "pass", "fail: reason", "wait: it failed: …" */
static const char *ask(struct fixture *f, const struct moon_sample *samples, size_t count)
{
    static char text[2048];
    struct moon_analysis_answer answer;

    moon_hook_analyze(f->chain, &f->view, &f->roll, samples, count, &answer);
    (void)snprintf(text, sizeof(text), "%s%s%s", moon_verdict_name(answer.verdict),
                   answer.reason != NULL ? ": " : "", answer.reason != NULL ? answer.reason : "");
    assert_string_equal(answer.policy, "test");
    moon_analysis_answer_fini(&answer);
    return text;
}

static const char *ask_with(struct fixture *f, const char *body, const struct moon_samples *found,
                            const char *error)
{
    MOON_AUTOFREE char *policy =
        moon_asprintf(QUERIES "analyze = function(samples, roll, set) %s end", body);
    const struct moon_sample sample = {
        .query = "err", .found = found, .error = error, .at_s = 1700};

    fixture_policy(f, policy);
    f->view.now_s = 1710;
    return ask(f, &sample, 1);
}

static void test_what_it_sees(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_samples_free_ptr) struct moon_samples *one = moon_samples_new();
    MOON_CLEANUP(moon_samples_free_ptr) struct moon_samples *two = moon_samples_new();
    MOON_CLEANUP(moon_samples_free_ptr) struct moon_samples *none = moon_samples_new();
    MOON_CLEANUP(moon_samples_free_ptr) struct moon_samples *nan_only = moon_samples_new();

    (void)moon_samples_add(one, 0.5, 1);
    (void)moon_samples_add(two, 1, 1);
    (void)moon_samples_label(two, MOON_STR_LIT("zone"), MOON_STR_LIT("a"));
    (void)moon_samples_add(two, INFINITY, 1);
    (void)moon_samples_add(nan_only, NAN, 1);
    assert_string_equal(ask_with(f, "return 'pass'", one, NULL), "pass");
    assert_string_equal(ask_with(f,
                                 "local e = samples.err return 'fail', ('%.1f %d %s %d %s'):format("
                                 "e.value, roll.now - e.at, e.error, #e.series, set.name)",
                                 one, NULL),
                        "fail: 0.5 10 nil 1 agent");
    assert_string_equal(
        ask_with(f,
                 "local s = samples.err.series return 'wait', ('%s %s %s %s'):format("
                 "samples.err.value, s[1].labels.zone, s[1].value, s[2].value == math.huge)",
                 two, NULL),
        "wait: nil a 1.0 true");
    assert_string_equal(ask_with(f,
                                 "local e = samples.err return 'wait', ('%s %s %d'):format(e.value,"
                                 "e.error, #e.series)",
                                 none, NULL),
                        "wait: nil the query has no result 0");
    assert_string_equal(ask_with(f,
                                 "local e = samples.err return 'wait', ('%s %s %d'):format(e.value,"
                                 "e.error, #e.series)",
                                 NULL, "HTTP 503"),
                        "wait: nil HTTP 503 0");
    assert_string_equal(
        ask_with(f, "return samples.err.value < 1 and 'pass' or 'fail', 'x'", nan_only, NULL),
        "wait: it failed: test.lua:1: attempt to compare nil with number");
}

static void test_answers_of_the_wrong_shape(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"return", "it returned a nil"},
        {"return true", "it returned a boolean"},
        {"return 'passed'", "it returned \"passed\""},
        {"return 'fail'", "it returned no reason"},
        {"return 'wait', {}", "it returned no reason"},
        {"return 'pass', 1", "it returned no reason"},
        {"error('oops', 0)", "oops"},
        {"roll:pause('x') return 'pass'", "roll:pause: analyze records nothing"},
        {"while true do end", "CPU"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const char *text = ask_with(f, rows[i][0], NULL, "none");
        if (strstr(text, "wait: it failed: ") != text || strstr(text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], text);
        }
        assert_string_equal(f->last.hook, "analyze");
        assert_int_equal(f->reports, i + 1);
    }
}

static void test_the_largest_answer(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_samples_free_ptr) struct moon_samples *all = moon_samples_new();

    for (int i = 0; i < MOON_SAMPLES_MAX_SERIES; i++) {
        (void)moon_samples_add(all, i, 1);
        for (int k = 0; k < 5; k++) {
            MOON_AUTOFREE char *name = moon_asprintf("label_%d", k);
            MOON_AUTOFREE char *value = moon_asprintf("value-%d-%d", i, k);
            assert_true(moon_samples_label(all, moon_str(name), moon_str(value)));
        }
    }
    assert_string_equal(ask_with(f,
                                 "local sum = 0 for _, s in ipairs(samples.err.series) do\n"
                                 "sum = sum + s.value end return 'fail', '' .. sum",
                                 all, NULL),
                        "fail: 499500.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_refused),
        TEST(test_one_policy_only),
        TEST(test_placeholders),
        TEST(test_wrong_placeholders_do_not_load),
        TEST(test_keys_and_parameters_of_their_names),
        TEST(test_queries_outlive_the_state),
        TEST(test_what_it_sees),
        TEST(test_answers_of_the_wrong_shape),
        TEST(test_the_largest_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
