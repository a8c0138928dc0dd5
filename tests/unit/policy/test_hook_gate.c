/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hook_fixture.h"

static void test_all_gates_must_be_open(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "even",
                  "return { api = 1, gate = function(roll)\n"
                  "  return roll.now % 2 == 0, 'an odd second', 1 end }");
    fixture_write(f, "ten",
                  "return { api = 1, gate = function(roll)\n"
                  "  return roll.now >= 10, 'too early', 10 - roll.now end }");
    fixture_write(f, "quiet",
                  "return { api = 1, gate = function(roll, set)\n"
                  "  return set.name ~= 'agent' and roll.now > 20, 'quiet' end }");
    fixture_load(f);
    fixture_set(f, "{\"containers\":[]}", "{}");
    fixture_chain(f, "even,ten", NULL, "update/rolling");
    f->view.now_s = 3;
    assert_string_equal(ask_gate(f), "2 closed, even: an odd second, again in 7 s");
    f->view.now_s = 4;
    assert_string_equal(ask_gate(f), "1 closed, ten: too early, again in 6 s");
    f->view.now_s = 12;
    assert_string_equal(ask_gate(f), "open");
    fixture_write(f, "holidays",
                  "return { api = 1, gate = function(roll)\n"
                  "  return false, 'holidays', 30 * 24 * 3600 end }");
    fixture_load(f);
    fixture_chain(f, "holidays", NULL, NULL); /* wishes are taken up to a week */
    assert_string_equal(ask_gate(f), "1 closed, holidays: holidays, again in 604800 s");
    fixture_chain(f, "quiet", NULL, NULL);
    assert_string_equal(ask_gate(f), "1 closed, quiet: quiet, again in 30 s");
    fixture_chain(f, NULL, NULL, "update/rolling");
    assert_string_equal(ask_gate(f), "open");
    assert_int_equal(f->reports, 0);
}

static void test_a_gate_that_fails_is_closed(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"error('oops', 0)", "oops"},
        {"return", "it returned a nil"},
        {"return 1", "it returned a number"},
        {"return false", "it returned no reason"},
        {"return false, {}", "it returned no reason"},
        {"return false, 'x', 0", "it returned no number of seconds"},
        {"return false, 'x', 1.5", "it returned no number of seconds"},
        {"roll:again(5, 'x') return true", "roll:again: a gate records nothing"},
        {"for p in roll:outdated{} do roll:replace(p, 'x') end return true",
         "roll:replace: a gate records nothing"},
        {"for p in roll:outdated{} do roll:delete(p, 'x') end return true",
         "roll:delete: a gate records nothing"},
        {"for p in roll:outdated{} do roll:surge(p, 'x') end return true",
         "roll:surge: a gate records nothing"},
        {"while true do end", "CPU"},
    };
    fixture_slot(f, "n1", "O");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy = moon_asprintf("gate = function(roll) %s end", rows[i][0]);
        fixture_policy(f, policy);
        const char *text = ask_gate(f);
        if (strstr(text, "1 closed, test: it failed: ") != text ||
            strstr(text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], text);
        }
        assert_string_equal(f->last.hook, "gate");
        assert_int_equal(f->reports, i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_gates_must_be_open),
        TEST(test_a_gate_that_fails_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
