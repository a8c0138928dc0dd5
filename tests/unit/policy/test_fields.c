/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fields.c - fields = { … } and node:raw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

#define NODE                                                                                       \
    "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"},\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\"]},"      \
    "\"status\":{\"nodeInfo\":{\"kernelVersion\":\"6.1.7\"},\"none\":null}}"

/* What `expression` gives to the node, as the reason of its decision. */
static const char *raw(struct fixture *f, const char *fields, const char *expression)
{
    MOON_AUTOFREE char *policy = moon_asprintf(
        "fields = %s, select = function(node) return false, tostring(%s) end", fields, expression);

    fixture_policy(f, policy);
    return ask_select(f, NODE);
}

static void test_declared_fields_can_be_read(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(raw(f, "{ '/status/nodeInfo/kernelVersion' }",
                            "node:raw('/status/nodeInfo/kernelVersion')"),
                        "evict: 6.1.7");
    assert_string_equal(raw(f, "{ '/status/x', '/spec' }", "node:raw('/spec').podCIDRs[1]"),
                        "evict: 10.0.0.0/24");
    assert_string_equal(raw(f, "{ '/status/none' }", "node:raw('/status/none')"), "evict: nil");
    assert_string_equal(raw(f, "{ '/status/x' }", "node:raw('/status/x')"), "evict: nil");
    assert_int_equal(f->reports, 0);
}

static void test_others_are_an_error_that_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(raw(f, "{ '/status/x' }", "node:raw('/spec')"), "undecided");
    assert_non_null(strstr(f->last.text, "declare the field first: fields = { \"/spec\" }"));
    assert_string_equal(raw(f, "nil", "node:raw('/spec')"), "undecided");
    assert_int_equal(f->reports, 2);
}

/* The node was projected before the field was declared. */
static void test_a_node_that_does_not_have_it_yet(void **state)
{
    struct fixture *f = *state;
    struct moon_decision decision = {0};
    fixture_policy(f, "select = function() return true end");
    const struct moon_node *node = make_node(NODE);
    fixture_policy(f, "fields = { '/spec' }, select = function(node) return node:raw('/spec') end");
    moon_hook_select(f->chain, &f->view, &node, 1, &decision);
    assert_int_equal(decision.placement, MOON_PLACEMENT_UNDECIDED);
    assert_non_null(strstr(f->last.text, "the nodes are being listed again"));
    moon_decision_fini(&decision);
    moon_object_unref(&node->meta);
}

static void test_what_cannot_be_declared(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"'/spec'", "'fields' is a list of texts"},
        {"{ 1 }", "'fields' is a list of texts"},
        {"{ 'spec' }", "\"spec\" is no JSON pointer"},
        {"{ '/metadata/managedFields' }", "managedFields are not kept"},
        {"{ '/1', '/2', '/3', '/4', '/5', '/6', '/7', '/8', '/9', '/10', '/11', '/12', '/13', "
         "'/14', '/15', '/16', '/17' }",
         "more than 16"},
    };
    fixture_load(f);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *text = moon_asprintf("return {\n  api = 1,\n  fields = %s,\n  select = "
                                                 "function(node) return true end,\n}\n",
                                                 rows[i][0]);
        struct moon_err err;
        assert_int_not_equal(
            moon_policies_check(f->policies, "test", "test.lua", moon_str(text), &err), 0);
        if (strstr(err.text, rows[i][1]) == NULL || strstr(err.text, "test.lua:3:") == NULL) {
            fail_msg("%s: %s", rows[i][0], err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_declared_fields_can_be_read),
        TEST(test_others_are_an_error_that_says_what_to_do),
        TEST(test_a_node_that_does_not_have_it_yet),
        TEST(test_what_cannot_be_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
