/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pass.c - very many nodes are decided in slices, and nothing is done half-way.
 */
#include "fixture.h"

enum {
    SLICE = 256, /* slots until the clock is looked at, as pass.c */
};

/* Every slice is over as soon as it may be. */
static void be_slow(struct fixture *f)
{
    f->config->policy_budget_scale = 1e-9;
}

static size_t to_decide(struct fixture *f)
{
    const struct moon_ds_set *set = set_of(f);
    size_t count = 0;

    for (size_t i = 0; i < set->slot_count; i++) {
        count += set->slots[i]->stale;
    }
    return count;
}

/* A turn that does nothing but decide, and comes back at once. */
static void assert_only_decides(struct fixture *f, size_t left)
{
    struct counts c = sync_once(f);

    assert_int_equal(c.writes, 0);
    assert_int_equal(c.requeue_ms, 0);
    assert_int_equal(to_decide(f), left);
}

static void ManyNodesTakeSeveralTurns(void **state)
{
    struct fixture *f = *state;

    add_set(f, (struct set_opts){0});
    be_slow(f);
    add_nodes(f, 0, 2 * SLICE + 10, NULL);
    assert_only_decides(f, SLICE + 10);
    assert_only_decides(f, 10);
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, MOON_DS_BURST);
    assert_int_equal(to_decide(f), 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "on node-0:"));
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "on node-99:"));
}

static void NothingIsDoneHalfWay(void **state)
{
    struct fixture *f = *state;

    running(f, 2 * SLICE + 10, ROLLING("1", "0"));
    be_slow(f);
    advance_s(f, 10);
    new_template(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    struct counts c = {0};
    for (int i = 0; i < 20 && c.deletes == 0; i++) {
        c = sync_once(f);
        assert_true(set_of(f)->passing ? c.writes == 0 : to_decide(f) == 0);
    }
    assert_int_equal(c.deletes, 1);
}

/* What changes meanwhile belongs to the pass. */
static void ChangesDuringAPass(void **state)
{
    struct fixture *f = *state;

    add_set(f, (struct set_opts){0});
    be_slow(f);
    add_nodes(f, 0, SLICE + 10, NULL);
    assert_only_decides(f, 10);
    add_node(f, "node-0", NULL, "[{\"key\":\"a\",\"effect\":\"NoExecute\"}]");
    remove_node(f, "node-1");
    remove_node(f, "node-260");
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, MOON_DS_BURST);
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "on node-0:"));
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "on node-1:"));
    assert_int_equal(set_of(f)->sums.desired, SLICE + 10 - 3);
    assert_false(set_of(f)->passing);
}

/* A policy that is asked for words sees all nodes: not before they are decided. */
static void NothingIsSaidHalfWay(void **state)
{
    struct fixture *f = *state;

    mine(f, "return { api = 1, status = function(roll) "
            "return { message = roll.desired .. ' nodes' } end }");
    add_set(f, (struct set_opts){.annotations = MINE});
    be_slow(f);
    advance_s(f, 10);
    add_nodes(f, 0, SLICE + 10, NULL);
    assert_only_decides(f, 10);
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, MOON_DS_BURST);
    assert_int_equal(to_decide(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ManyNodesTakeSeveralTurns, setup, teardown),
        cmocka_unit_test_setup_teardown(NothingIsDoneHalfWay, setup, teardown),
        cmocka_unit_test_setup_teardown(ChangesDuringAPass, setup, teardown),
        cmocka_unit_test_setup_teardown(NothingIsSaidHalfWay, setup_policies, teardown_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
