/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hook_fixture.h"

static void test_health_is_judged(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"return 'ready'", "ready"},
        {"return 'progressing'", "progressing"},
        {"return 'progressing', 'warms up'", "progressing: warms up"},
        {"return 'failed', pod.node_name .. ' ' .. pod.restarts", "failed: n1 0"},
        {"return pod.ready and 'ready' or 'failed', set.name .. ' ' .. tostring(pod.node)",
         "ready: agent node n1"},
        {"return 'ready', pod.health .. tostring(pod.available)", "ready: readyfalse"},
    };
    fixture_slot(f, "n1", "N");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy =
            moon_asprintf("health = function(pod, set) %s end", rows[i][0]);
        struct moon_roll_slot slot = f->slots[0];
        slot.new_available = false;
        fixture_policy(f, policy);
        assert_true(moon_chain_judges_health(f->chain));
        assert_string_equal(ask_health(f, &slot), rows[i][1]);
    }
    assert_int_equal(f->reports, 0);
    fixture_chain(f, NULL, NULL, "update/rolling");
    assert_false(moon_chain_judges_health(f->chain));
    assert_string_equal(ask_health(f, &f->slots[0]), "ready");
}

/* A policy may only delay: where it fails, Kubernetes' own word stands. */
static void test_a_failed_health_is_plain_readiness(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"error('oops', 0)", "oops"},
        {"return", "it returned a nil"},
        {"return true", "it returned a boolean"},
        {"return 'fine'", "it returned \"fine\""},
        {"return 'failed', {}", "it returned a table as reason"},
    };
    fixture_slot(f, "n1", "o");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy = moon_asprintf("health = function(pod) %s end", rows[i][0]);
        fixture_policy(f, policy);
        assert_string_equal(ask_health(f, &f->slots[0]), "ready");
        assert_int_equal(f->reports, i + 1);
        assert_string_equal(f->last.hook, "health");
        assert_string_equal(f->last.object, "pod n1-old");
        assert_non_null(strstr(f->last.text, rows[i][1]));
    }
}

static void test_one_policy_judges_health(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;
    fixture_write(f, "a", "return { api = 1, health = function() return 'ready' end }");
    fixture_write(f, "b", "return { api = 1, health = function() return 'ready' end }");
    fixture_load(f);
    assert_null(moon_chain_new(f->policies, &(struct moon_chain_opts){.names = "a,b"}, &err));
    assert_string_equal(err.text, "two policies with the hook health; a set can have only one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_health_is_judged),
        TEST(test_a_failed_health_is_plain_readiness),
        TEST(test_one_policy_judges_health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
