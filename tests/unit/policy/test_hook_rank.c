/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hook_fixture.h"

#define NODES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_ranks_order_nodes(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"return 0", "a1 a2 b1 b2"},
        {"return -tonumber(node.name:sub(2))", "a2 b2 a1 b1"},
        {"return node.name:sub(2)", "a1 b1 a2 b2"},
        {"return node.name == 'b1' and -0.5 or 0", "b1 a1 a2 b2"},
        {"return { node.name:sub(2), node.name < 'b' and 1 or 0 }", "b1 a1 b2 a2"},
        /* numbers before texts; a shorter list as if 0 followed */
        {"return ({ a1 = 'x', a2 = 7, b1 = 'a', b2 = 9.5 })[node.name]", "a2 b2 b1 a1"},
        {"return ({ a1 = { 1, 1 }, a2 = { 1 }, b1 = 1, b2 = { 1, -1 } })[node.name]",
         "b2 a2 b1 a1"},
        {"return {}", "a1 a2 b1 b2"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy = moon_asprintf("rank = function(node, set) %s end", rows[i][0]);
        fixture_policy(f, policy);
        assert_true(moon_chain_ranks(f->chain));
        assert_string_equal(ask_ranks(f, NODES("a1", "a2", "b1", "b2")), rows[i][1]);
    }
    assert_int_equal(f->reports, 0);
    fixture_chain(f, NULL, NULL, NULL);
    assert_false(moon_chain_ranks(f->chain));
    assert_string_equal(ask_ranks(f, NODES("b", "a")), "b a");
}

static void test_a_rank_that_fails_is_neutral(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"error('oops', 0)", "oops"},
        {"return", "it returned a nil"},
        {"return true", "it returned a boolean"},
        {"return 0/0", "no number (nan)"},
        {"return { 1, {} }", "it returned a table"},
        {"return { 1, 2, 3, 4, 5, 6, 7, 8, 9 }", "it returned a longer list"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *policy =
            moon_asprintf("rank = function(node) if node.name == 'c' then %s end\n"
                          "return ({ a = 1, b = -1 })[node.name] end",
                          rows[i][0]);
        fixture_policy(f, policy);
        assert_string_equal(ask_ranks(f, NODES("a", "b", "c")), "b c a");
        assert_int_equal(f->reports, i + 1);
        assert_string_equal(f->last.hook, "rank");
        assert_string_equal(f->last.object, "node c");
        assert_non_null(strstr(f->last.text, rows[i][1]));
    }
}

static void test_ranks_of_several_policies(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "letter",
                  "return { api = 1, rank = function(node)\n"
                  "  if node.name == 'b2' then error('oops') end\n"
                  "  return node.name:sub(1, 1) == 'a' and 1 or -1 end }");
    fixture_write(f, "digit",
                  "return { api = 1, rank = function(node)\n"
                  "  return -tonumber(node.name:sub(2)) end }");
    fixture_load(f);
    fixture_set(f, "{\"containers\":[]}", "{}");
    fixture_chain(f, "letter,digit", NULL, NULL);
    assert_string_equal(ask_ranks(f, NODES("a1", "a2", "b1", "b2")), "b1 b2 a2 a1");
    fixture_chain(f, "digit,letter", NULL, NULL);
    assert_string_equal(ask_ranks(f, NODES("a1", "a2", "b1", "b3")), "b3 a2 b1 a1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ranks_order_nodes),
        TEST(test_a_rank_that_fails_is_neutral),
        TEST(test_ranks_of_several_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
