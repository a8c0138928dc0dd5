/* SPDX-License-Identifier: Apache-2.0
 *
 * test_quarantine.c - a version that is stopped again and again, and what is shown of versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "hook_fixture.h"

#define NODE "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"resourceVersion\":\"1\"}}"
#define ENDLESS "return { api = 1, select = function() while true do end end }"
#define FINE "return { api = 1, select = function() return true end }"

static struct moon_loop *loop;

static int set_up(void **state)
{
    struct moon_err err;

    loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    return fixture_set_up(state);
}

static int tear_down(void **state)
{
    int rc = fixture_tear_down(state);

    moon_loop_free(loop);
    return rc;
}

static struct fixture *asking(void **state)
{
    struct fixture *f = *state;

    f->loop = loop;
    f->budget_scale = 1;
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    moon_policies_offer(f->policies, "configmap ns/a",
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str(ENDLESS)}, 1);
    fixture_chain(f, "p", NULL, NULL);
    return f;
}

static void stop(struct fixture *f, int times, uint64_t every_ms)
{
    for (int i = 0; i < times; i++) {
        assert_string_equal(ask_select(f, NODE), "undecided");
        moon_loop_advance(loop, every_ms);
    }
}

static const char *found;

static void find(const struct moon_policy_info *info, void *ctx)
{
    if (strcmp(info->name, ctx) == 0) {
        found = info->state;
    }
}

static const char *state_of(const struct fixture *f, const char *name)
{
    found = "none";
    moon_policies_each(f->policies, find, (void *)(uintptr_t)name);
    return found;
}

static bool is_shown(const char *line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1 << 20);

    moon_metrics_write(&text);
    return strstr(moon_buf_cstr(&text), line) != NULL;
}

static void test_stopped_too_often(void **state)
{
    struct fixture *f = asking(state);

    stop(f, 4, 60000);
    assert_string_equal(state_of(f, "p"), "in force");
    stop(f, 1, 60000);
    assert_string_equal(state_of(f, "p"), "quarantined");
    assert_null(strstr(f->last.text, "quarantined"));
    assert_string_equal(ask_select(f, NODE), "undecided");
    assert_non_null(strstr(f->last.text, "p.lua: quarantined: stopped 5 times in 10 min"));
    assert_true(is_shown("source=\"configmap ns/a\",state=\"quarantined\"} 1"));
    assert_false(is_shown("source=\"configmap ns/a\",state=\"in force\"} 1"));
    moon_policies_reload(f->policies);
    assert_string_equal(ask_select(f, NODE), "undecided");
    assert_null(strstr(f->last.text, "quarantined"));
}

static void test_stopped_now_and_then(void **state)
{
    struct fixture *f = asking(state);

    stop(f, 8, 200000);
    assert_string_equal(state_of(f, "p"), "in force");
}

static void test_a_batch_counts_once(void **state)
{
    struct fixture *f = asking(state);

    stop(f, 8, 0);
    assert_string_equal(state_of(f, "p"), "in force");
}

static void test_another_version_is_asked(void **state)
{
    struct fixture *f = asking(state);

    stop(f, 5, 1000);
    moon_policies_offer(f->policies, "configmap ns/a",
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str(FINE)}, 1);
    fixture_chain(f, "p", NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "run");
    assert_string_equal(state_of(f, "p"), "in force");
}

/* A set that insists on a version of before gets its other chance, too. */
static void test_a_pinned_version_gets_another_chance(void **state)
{
    struct fixture *f = asking(state);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf versions = MOON_BUF_INIT(MOON_CHAIN_VERSIONS_MAX);

    moon_chain_versions(f->chain, &versions);
    MOON_AUTOFREE char *pin = moon_strndup(versions.data, strcspn(moon_buf_cstr(&versions), ","));
    moon_policies_offer(f->policies, "configmap ns/a",
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str(FINE)}, 1);
    fixture_chain(f, pin, NULL, NULL);
    stop(f, 6, 1000);
    assert_non_null(strstr(f->last.text, "p.lua: quarantined"));
    moon_policies_reload(f->policies);
    assert_string_equal(ask_select(f, NODE), "undecided");
    assert_null(strstr(f->last.text, "quarantined"));
}

static void test_states(void **state)
{
    struct fixture *f = asking(state);

    assert_true(is_shown("moonset_policy_info{policy=\"p\",version=\""));
    moon_policies_offer(f->policies, "configmap ns/a",
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str("return {")},
                        1);
    assert_string_equal(state_of(f, "p"), "last good");
    moon_policies_offer(f->policies, "configmap ns/b",
                        &(struct moon_policy_file){.path = "q.lua", .text = moon_str("return {")},
                        1);
    assert_string_equal(state_of(f, "q"), "not loaded");
    assert_true(is_shown("{policy=\"q\",version=\"\",source=\"\",state=\"not loaded\"} 1"));
    moon_policies_withdraw(f->policies, "configmap ns/b");
    assert_false(is_shown("policy=\"q\",version="));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_stopped_too_often),
        T(test_stopped_now_and_then),
        T(test_a_batch_counts_once),
        T(test_another_version_is_asked),
        T(test_a_pinned_version_gets_another_chance),
        T(test_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
