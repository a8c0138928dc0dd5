/* SPDX-License-Identifier: Apache-2.0
 *
 * test_drain.c - roll:drain and roll:uncordon: what may be recorded, and what policies see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

static void use_body(struct fixture *f, const char *body)
{
    MOON_AUTOFREE char *policy = moon_asprintf("update = function(roll, set) %s end", body);

    fixture_policy(f, policy);
}

static const char *roll_with(struct fixture *f, const char *body, int max_unavailable,
                             int max_surge)
{
    use_body(f, body);
    fixture_slot(f, "n1", "O");
    fixture_slot(f, "n2", "O");
    fixture_slot(f, "n3", "o");
    fixture_slot(f, "n4", "N");
    return ask_update(f, max_unavailable, max_surge);
}

static void change_node(struct fixture *f, size_t i, const char *members)
{
    MOON_AUTOFREE char *json = moon_asprintf("{\"metadata\":{\"name\":\"n%zu\",\"uid\":\"u\","
                                             "\"resourceVersion\":\"2\"%s}",
                                             i + 1, members);
    moon_object_unref(&f->slots[i].node->meta);
    f->slots[i].node = make_node(json);
}

#define DRAIN_ALL                                                                                  \
    "for p in roll:outdated {} do local ok, why = roll:drain(p.node, 'next')\n"                    \
    "if not ok then roll:again(9, p.node_name .. ': ' .. why) end end"

/* Each node that is cordoned is one that does not serve: as many as the set allows. */
static void no_more_nodes_are_drained_than_may_be_unavailable(void **state)
{
    struct fixture *f = *state;
    struct moon_drain drain = {.state = MOON_DRAIN_DRAINED};

    assert_string_equal(roll_with(f, DRAIN_ALL, 2, 0), "drain n1, drain n2 clipped 1");
    assert_string_equal(f->answer.actions[0].reason, "next");
    assert_int_equal(f->answer.actions[0].evict.grace_s, -1);
    assert_string_equal(ask_update(f, 0, 1), "drain n1 clipped 2");
    f->slots[2].drain = &drain; /* it has its place already */
    assert_string_equal(ask_update(f, 1, 0), "drain n3 clipped 2");
    drain.state = MOON_DRAIN_LIFTED;
    assert_string_equal(ask_update(f, 1, 0), "drain n1 clipped 1");
    fixture_set(f, "{}", "{\"moonset.dev/budget-owner\":\"policy\"}");
    assert_string_equal(ask_update(f, 1, 0), "drain n1, drain n2");
}

static void what_others_have_cordoned_is_not_drained(void **state)
{
    struct fixture *f = *state;
    struct moon_drain drain = {.state = MOON_DRAIN_LIFTED};

    (void)roll_with(f, DRAIN_ALL, 3, 0);
    change_node(f, 0, "},\"spec\":{\"unschedulable\":true}");
    assert_string_equal(ask_update(f, 3, 0), "drain n2, drain n3");
    assert_string_equal(f->answer.again_reason, "n1: somebody else has cordoned it");
    change_node(f, 0, ",\"annotations\":{\"moonset.dev/drained-by\":\"a/b\"}}");
    assert_string_equal(ask_update(f, 3, 0), "drain n2, drain n3");
    assert_string_equal(f->answer.again_reason, "n1: another set drains it");
    f->slots[0].drain = &drain;
    assert_string_equal(ask_update(f, 3, 0), "drain n2, drain n3");
    assert_non_null(strstr(f->answer.again_reason, "somebody has uncordoned it since"));
    drain.state = MOON_DRAIN_DRAINING;
    assert_string_equal(ask_update(f, 3, 0), "drain n1, drain n2, drain n3");
}

static void only_nodes_with_something_outdated_are_drained(void **state)
{
    struct fixture *f = *state;

    (void)roll_with(f,
                    "for p in roll:updated {} do local ok, why = roll:drain(p.node, 'x')\n"
                    "roll:again(9, why) end",
                    3, 0);
    f->slots[0].new_pod = f->slots[0].old_pod;
    f->slots[0].old_pod = NULL;
    assert_string_equal(ask_update(f, 3, 0), "");
    assert_string_equal(f->answer.again_reason, "no outdated pod is on it");
}

static void options_of_a_drain(void **state)
{
    static const char *const wrong[][2] = {
        {"{ force = true }", "options are unmanaged, local_data and grace, not 'force'"},
        {"{ unmanaged = 1 }", "unmanaged is true or false"},
        {"{ grace = -1 }", "grace is 0 to 86400 seconds"},
        {"7", "options are a table, not a number"},
    };
    struct fixture *f = *state;
    char body[256];

    (void)roll_with(f,
                    "for p in roll:outdated { limit = 1 } do roll:drain(p, 'x', { unmanaged = "
                    "true, local_data = true, grace = 30 }) end",
                    1, 0);
    assert_string_equal(ask_update(f, 1, 0), "drain n1");
    assert_true(f->answer.actions[0].evict.unmanaged && f->answer.actions[0].evict.local_data);
    assert_int_equal(f->answer.actions[0].evict.grace_s, 30);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        (void)snprintf(body, sizeof(body),
                       "for p in roll:outdated {} do roll:drain(p, 'x', %s) end", wrong[i][0]);
        use_body(f, body);
        assert_string_equal(ask_update(f, 1, 0), "failed ");
        assert_non_null(strstr(f->last.text, wrong[i][1]));
    }
}

static void nodes_that_are_held_are_seen_and_given_back(void **state)
{
    struct fixture *f = *state;
    struct moon_drain drain = {
        .state = MOON_DRAIN_DRAINING, .since_s = 7, .waits_for = "the pod of a queen"};

    (void)roll_with(
        f,
        "for node in roll:draining {} do\n"
        "if node.drain == 'drained' and node.pod.outdated then\n"
        "roll:replace(node.pod, 'empty')\n"
        "elseif node.drain == 'draining' then\n"
        "roll:uncordon(node, node.drain_since .. ': ' .. node.drain_waits_for) end end\n"
        "roll:again(9, '' .. roll.counts.draining .. roll:count { state = 'draining' })",
        1, 0);
    assert_string_equal(f->answer.again_reason, "00");
    f->slots[1].drain = &drain;
    assert_string_equal(ask_update(f, 1, 0), "uncordon n2");
    assert_string_equal(f->answer.actions[0].reason, "7: the pod of a queen");
    assert_string_equal(f->answer.again_reason, "11");
    drain.state = MOON_DRAIN_DRAINED;
    assert_string_equal(ask_update(f, 2, 0), "replace n2");
    use_body(f, "for p in roll:outdated {} do\n"
                "local ok, why = roll:uncordon(p, 'x') roll:again(9, why) end");
    f->slots[1].drain = NULL;
    assert_string_equal(ask_update(f, 1, 0), "");
    assert_string_equal(f->answer.again_reason, "this set has not cordoned it");
}

/* What is known in a roll only is an error elsewhere, not nil. */
static void outside_of_a_roll_nobody_knows(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = function(node) return node.drain == nil end");
    assert_string_equal(ask_select(f, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}"),
                        "undecided");
    assert_non_null(strstr(f->last.text, "node.drain is known of nodes in a roll only"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_nodes_are_drained_than_may_be_unavailable),
        TEST(what_others_have_cordoned_is_not_drained),
        TEST(only_nodes_with_something_outdated_are_drained),
        TEST(options_of_a_drain),
        TEST(nodes_that_are_held_are_seen_and_given_back),
        TEST(outside_of_a_roll_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
