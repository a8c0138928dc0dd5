/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sampled.c - a set whose nodes are drawn among all: what one node does moves others.
 */
#include "fixture.h"

#define TWO                                                                                        \
    "return { api = 1, replaces = { 'select' }, select = function(node) "                          \
    "return moonset.sample(node, { count = 2 }) end }"

static size_t pods(struct fixture *f)
{
    return moon_map_count(set_of(f)->pods);
}

static bool runs_on(struct fixture *f, const char *node)
{
    return pods_on(f, node)[0] != NULL;
}

static void WhoLeavesIsReplaced(void **state)
{
    struct fixture *f = *state;
    running_mine(f, TWO);
    assert_int_equal(pods(f), 2);
    const char *left_out =
        runs_on(f, "node-0") ? (runs_on(f, "node-1") ? "node-2" : "node-1") : "node-0";
    const char *gone = runs_on(f, "node-0") ? "node-0" : "node-1";
    remove_pod(f, pods_on(f, gone)[0]);
    remove_node(f, gone);
    SYNC(1, 0, 0);
    assert_true(runs_on(f, left_out));
}

static void ATaintMovesIt(void **state)
{
    struct fixture *f = *state;
    running_mine(f, TWO);
    const char *there = runs_on(f, "node-0") ? "node-0" : "node-1";
    add_node(f, there, NULL, "[{\"key\":\"x\",\"effect\":\"NoSchedule\"}]");
    SYNC(1, 1, 0);
}

static void AnotherPolicyForgetsIt(void **state)
{
    struct fixture *f = *state;
    running_mine(f, TWO);
    assert_true(set_of(f)->sampled);
    mine(f, "return { api = 1, select = function() return true end }");
    SYNC(1, 0, 0);
    assert_false(set_of(f)->sampled);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(WhoLeavesIsReplaced),
        T(ATaintMovesIt),
        T(AnotherPolicyForgetsIt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
