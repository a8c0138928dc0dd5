/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kv.c - what policies remember: the text of it, and what of a hook's effects stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "hook_fixture.h"

static const char *text(const struct moon_kv *kv)
{
    static char out[64 * 1024];
    struct moon_buf buf = MOON_BUF_INIT(64 * 1024);

    moon_kv_write(kv, &buf);
    (void)snprintf(out, sizeof(out), "%s", moon_buf_cstr(&buf));
    moon_buf_fini(&buf);
    return out;
}

/* ---- the text ---- */

static void test_what_is_read_is_written(void **state MOON_UNUSED)
{
    static const char *const rows[][2] = {
        {"", "{}"},
        {" {} ", "{}"},
        {"{\"b\":{\"y\":[1, 2.50],\"x\":{\"q\":1,\"a\":\"<\"}},\"a\":{\"k\":true}}",
         "{\"a\":{\"k\":true},\"b\":{\"x\":{\"a\":\"\\u003c\",\"q\":1},\"y\":[1,2.50]}}"},
        {"{\"a\":{}}", "{}"},
        {"{\"\":{\"\":null}}", "{\"\":{\"\":null}}"},
    };
    struct moon_err err;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_kv *kv = moon_kv_new();
        assert_int_equal(moon_kv_read(kv, moon_str(rows[i][0]), &err), 0);
        assert_string_equal(text(kv), rows[i][1]);
        moon_kv_free(kv);
    }
}

static void test_what_cannot_be_read_is_a_problem(void **state MOON_UNUSED)
{
    static const char *const rows[] = {
        "x", "[]", "{\"a\":1}", "{\"a\":{\"b\":1}", "{\"a\":{\"b\":1}} x", "null"};
    struct moon_err err;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_kv *kv = moon_kv_new();
        assert_int_not_equal(moon_kv_read(kv, moon_str(rows[i]), &err), 0);
        assert_non_null(moon_kv_problem(kv));
        assert_int_equal(moon_kv_read(kv, MOON_STR_LIT("{}"), &err), 0);
        assert_null(moon_kv_problem(kv));
        moon_kv_free(kv);
    }
}

static void test_it_is_never_too_large(void **state MOON_UNUSED)
{
    struct moon_kv *kv = moon_kv_new();
    struct moon_err err;
    MOON_AUTOFREE char *half = moon_asprintf("\"%04000d\"", 0);
    MOON_AUTOFREE char *more = moon_asprintf("\"%04200d\"", 0);
    assert_int_equal(moon_kv_set(kv, "p", "a", moon_str(half), &err), 0);
    assert_int_equal(moon_kv_set(kv, "p", "b", moon_str(half), &err), 0);
    uint64_t version = moon_kv_version(kv);
    assert_int_equal(moon_kv_set(kv, "p", "b", moon_str(more), &err), -MOON_E_LIMIT);
    assert_int_equal(moon_kv_set(kv, "q", "c", moon_str(half), &err), -MOON_E_LIMIT);
    assert_string_equal(moon_kv_get(kv, "p", "b"), half);
    assert_null(moon_kv_get(kv, "q", "c"));
    assert_int_equal(moon_kv_version(kv), version);
    assert_int_equal(moon_kv_set(kv, "p", "b", moon_str(half), &err), 0); /* the same: no change */
    assert_int_equal(moon_kv_version(kv), version);
    assert_int_equal(moon_kv_set(kv, "p", "a", (struct moon_str){0}, &err), 0);
    assert_int_equal(moon_kv_set(kv, "q", "c", moon_str(half), &err), 0);
    moon_kv_free(kv);
}

/* ---- hooks ---- */

static char told[512];

static void tell(bool is_warning, const char *reason, const char *message, void *ctx)
{
    assert_null(ctx);
    (void)snprintf(told, sizeof(told), "%s %s: %s", is_warning ? "warning" : "normal", reason,
                   message);
}

/* Ask a gate with this body; true when it answered. */
static bool gate(struct fixture *f, struct moon_kv *kv, const char *body)
{
    MOON_AUTOFREE char *policy =
        moon_asprintf("gate = function(roll, set) %s return true end", body);
    unsigned before = f->reports;

    fixture_policy(f, policy);
    f->view.kv = kv;
    f->view.tell = tell;
    (void)ask_gate(f);
    return f->reports == before;
}

static void test_hooks_remember(void **state)
{
    struct fixture *f = *state;
    struct moon_kv *kv = moon_kv_new();
    assert_true(gate(f, kv, "moonset.kv.set('n', (moonset.kv.get('n') or 0) + 1)"));
    assert_true(gate(f, kv,
                     "moonset.kv.set('n', moonset.kv.get('n') + 1)\n"
                     "assert(moonset.kv.get('n') == 2)\n"
                     "moonset.kv.set('t', { b = { 1, 'x' }, a = false })"));
    assert_string_equal(text(kv), "{\"test\":{\"n\":2,\"t\":{\"a\":false,\"b\":[1,\"x\"]}}}");
    assert_true(gate(f, kv,
                     "assert(moonset.kv.get('t').b[2] == 'x')\n"
                     "moonset.kv.del('t') moonset.kv.set('n', nil)\n"
                     "assert(moonset.kv.get('n') == nil)"));
    assert_string_equal(text(kv), "{}");
    moon_kv_free(kv);
}

static void test_a_hook_that_fails_has_done_nothing(void **state)
{
    struct fixture *f = *state;
    struct moon_kv *kv = moon_kv_new();
    told[0] = '\0';
    assert_true(gate(f, kv, "moonset.kv.set('n', 1)"));
    assert_false(gate(f, kv,
                      "moonset.kv.set('n', 2) moonset.event('Normal', 'Never', 'x')\n"
                      "moonset.metric.inc('never') error('no')"));
    assert_string_equal(text(kv), "{\"test\":{\"n\":1}}");
    assert_string_equal(told, "");
    moon_kv_free(kv);
}

static void test_events_and_metrics(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);
    assert_true(gate(f, NULL,
                     "moonset.event('Warning', 'CanaryChosen', 'n1 goes first')\n"
                     "moonset.metric.inc('waves') moonset.metric.inc('waves', 2)\n"
                     "moonset.metric.set('wave/size', 2.5) moonset.metric.observe('soak', 0.3)"));
    assert_string_equal(told, "warning CanaryChosen: n1 goes first");
    moon_metrics_write(&out);
    static const char *const wanted[] = {
        "moonset_policy_custom_total{namespace=\"prod\",set=\"agent\",policy=\"test\",name="
        "\"waves\"} 3\n",
        "moonset_policy_custom_value{namespace=\"prod\",set=\"agent\",policy=\"test\",name=\"wave/"
        "size\"} 2.5\n",
        "moonset_policy_custom_observed_count{namespace=\"prod\",set=\"agent\",policy=\"test\","
        "name=\"soak\"} 1\n",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wanted); i++) {
        if (strstr(moon_buf_cstr(&out), wanted[i]) == NULL) {
            fail_msg("no %s in %s", wanted[i], moon_buf_cstr(&out));
        }
    }
}

/* Policies of several sets say each their own, and what is said of one goes with it. */
static void test_metrics_are_of_a_set(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);
    assert_true(gate(f, NULL, "moonset.metric.set('wave', #set.name) moonset.metric.inc('waves')"));
    struct moon_daemonset other = *f->set;
    other.meta.name = moon_intern_cstr("agent-2");
    f->view.set = &other;
    assert_string_equal(ask_gate(f), "open");
    f->view.set = f->set;
    moon_metrics_write(&out);
    assert_non_null(
        strstr(moon_buf_cstr(&out), "set=\"agent\",policy=\"test\",name=\"wave\"} 5\n"));
    assert_non_null(
        strstr(moon_buf_cstr(&out), "set=\"agent-2\",policy=\"test\",name=\"wave\"} 7\n"));
    moon_buf_clear(&out);
    moon_measures_forget(&f->set->meta);
    moon_metrics_write(&out);
    assert_null(strstr(moon_buf_cstr(&out), "set=\"agent\""));
    assert_non_null(
        strstr(moon_buf_cstr(&out), "set=\"agent-2\",policy=\"test\",name=\"waves\"} 1\n"));
    moon_sym_unref(other.meta.name);
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct moon_kv *kv = moon_kv_new();
    struct moon_err err;
    static const char *const rows[][2] = {
        {"moonset.kv.set('', 1)", "a key is a text of 1 to 128 bytes"},
        {"moonset.kv.set(('x'):rep(129), 1)", "a key is a text of 1 to 128 bytes"},
        {"moonset.kv.set('x')", "value expected"},
        {"moonset.kv.set('x', print)", "global 'print'"},
        {"moonset.kv.set('x', error)", "has no JSON form"},
        {"moonset.kv.set('x', ('x'):rep(9000))", "more than 8192 bytes"},
        {"moonset.kv.drop('x')", "unknown kv function 'drop'"},
        {"moonset.event('Bad', 'X', 'm')", "invalid option 'Bad'"},
        {"moonset.event('Normal', 'two words', 'm')", "a reason is one word"},
        {"for i = 1, 6 do moonset.event('Normal', 'X', 'm') end", "more than 5 in one call"},
        {"moonset.metric.inc('a b')", "a name is 1 to 64 letters"},
        {"moonset.metric.inc('a', -1)", "no such value"},
        {"moonset.metric.set('a', 0/0)", "no such value"},
        {"for i = 1, 101 do moonset.metric.inc('a') end", "more than 100 in one call"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_false(gate(f, kv, rows[i][0]));
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
    }
    assert_int_not_equal(moon_kv_read(kv, MOON_STR_LIT("oops"), &err), 0);
    assert_false(gate(f, kv, "moonset.kv.get('x')"));
    assert_non_null(strstr(f->last.text, "the annotation moonset.dev/state cannot be read"));
    assert_false(gate(f, NULL, "moonset.kv.get('x')"));
    assert_non_null(strstr(f->last.text, "nothing is kept here"));
    moon_kv_free(kv);
}

static void test_pure_hooks_do_nothing_of_the_kind(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {"moonset.kv.get('x')", "moonset.event('Normal', 'X', 'm')",
                                       "moonset.metric.inc('x')"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy = moon_asprintf("select = function() %s end", rows[i]);
        fixture_policy(f, policy);
        assert_string_equal(ask_select(f, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}"),
                            "undecided");
        assert_non_null(strstr(f->last.text, "the hook select is pure"));
    }
    fixture_write(f, "early", "local x = moonset.kv.get('x') return { api = 1 }");
    fixture_load(f);
    assert_non_null(strstr(f->last.text, "inside a hook only"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_read_is_written),
        TEST(test_what_cannot_be_read_is_a_problem),
        TEST(test_it_is_never_too_large),
        TEST(test_hooks_remember),
        TEST(test_a_hook_that_fails_has_done_nothing),
        TEST(test_events_and_metrics),
        TEST(test_metrics_are_of_a_set),
        TEST(test_errors),
        TEST(test_pure_hooks_do_nothing_of_the_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
