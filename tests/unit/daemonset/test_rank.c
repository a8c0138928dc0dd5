/* SPDX-License-Identifier: Apache-2.0
 *
 * test_rank.c - a policy's order of nodes: in which pods are made, and in which they are replaced.
 */
#include "fixture.h"

#define RANK(body) "return { api = 1, rank = function(node, set) " body " end }"
#define BY_LABEL RANK("return tonumber(node.labels.n or '0')")

/* The nodes of the last plan's pod actions, in order. */
static const char *nodes_of_plan(struct fixture *f)
{
    static char text[256];
    struct moon_str rest = moon_buf_str(&f->plan_text);
    struct moon_str line;
    size_t len = 0;

    text[0] = '\0';
    while (moon_str_split(&rest, '\n', &line)) {
        const char *at = line.len > 0 ? memmem(line.ptr, line.len, "on node-", 8) : NULL;
        if (at != NULL && len + 2 < sizeof(text)) {
            text[len++] = at[8];
            text[len] = '\0';
        }
    }
    return text;
}

static void labelled(struct fixture *f, const char *name, const char *n)
{
    MOON_AUTOFREE char *labels = moon_asprintf("{\"n\":\"%s\"}", n);

    add_node(f, name, labels, NULL);
}

static void three(struct fixture *f, const char *source)
{
    mine(f, source);
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0"), .annotations = MINE});
    labelled(f, "node-a", "3");
    labelled(f, "node-b", "1");
    labelled(f, "node-c", "2");
}

static void PodsAreMadeInOrderOfRank(void **state)
{
    struct fixture *f = *state;
    three(f, BY_LABEL);
    SYNC(3, 0, 0);
    assert_string_equal(nodes_of_plan(f), "bca");
}

static void AndReplacedInOrderOfRank(void **state)
{
    struct fixture *f = *state;
    static const char *const order[] = {"b", "c", "a"};
    three(f, BY_LABEL);
    settle(f);
    all_ready(f);
    settle(f);
    new_template(f, f->opts);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(order); i++) {
        SYNC(0, 1, 0);
        assert_string_equal(nodes_of_plan(f), order[i]);
        SYNC(1, 0, 0);
        all_ready(f);
    }
    SYNC(0, 0, 0);
}

static void ANodeThatChangesIsRankedAgain(void **state)
{
    struct fixture *f = *state;
    three(f, BY_LABEL);
    settle(f);
    all_ready(f);
    settle(f);
    labelled(f, "node-a", "0");
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_string_equal(nodes_of_plan(f), "a");
}

static void APolicyThatChangesRanksAgain(void **state)
{
    struct fixture *f = *state;
    three(f, BY_LABEL);
    settle(f);
    all_ready(f);
    settle(f);
    mine(f, RANK("return -tonumber(node.labels.n)"));
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_string_equal(nodes_of_plan(f), "a");
    SYNC(1, 0, 0);
    all_ready(f);
    /* One that does not rank any more: by name. */
    mine(f, "return { api = 1, gate = function() return true end }");
    SYNC(0, 1, 0);
    assert_string_equal(nodes_of_plan(f), "b");
}

/* An update policy may still ask for another order, or for ranks among others. */
static void assert_first_replaced(struct fixture *f, const char *order, const char *node)
{
    MOON_AUTOFREE char *source = moon_asprintf(
        "return { api = 1, rank = function(node) return tonumber(node.labels.n) end,\n"
        "update = function(roll) for pod in roll:outdated { order = %s, limit = 1 } do\n"
        "roll:replace(pod, 'its turn') end end }",
        order);

    three(f, source);
    settle(f);
    all_ready(f);
    settle(f);
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    assert_string_equal(nodes_of_plan(f), node);
}

static void AnUpdateMayOrderByName(void **state)
{
    assert_first_replaced(*state, "'name'", "a");
}

static void AnUpdateMayOrderByRank(void **state)
{
    assert_first_replaced(*state, "{ 'zone', 'rank' }", "b");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(PodsAreMadeInOrderOfRank),      T(AndReplacedInOrderOfRank),
        T(ANodeThatChangesIsRankedAgain), T(APolicyThatChangesRanksAgain),
        T(AnUpdateMayOrderByName),        T(AnUpdateMayOrderByRank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
