/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gate.c - a policy's gate holds back the update, and nothing else.
 */
#include "fixture.h"

#define GATE(body) "return { api = 1, gate = function(roll, set) " body " end }"

static void AClosedGateHoldsTheUpdate(void **state)
{
    struct fixture *f = *state;
    running_mine(f, GATE("return set.annotations.go == 'now', 'not yet', 60"));
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "update waits, policy mine: not yet"));
    advance_s(f, 10);
    SYNC(0, 0, 0);

    struct set_opts opts = f->opts;
    opts.annotations = MINE ",\"go\":\"now\"";
    change_set(f, opts);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);

    opts.annotations = MINE;
    change_set(f, opts);
    all_ready(f);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
}

static void ItIsAskedAgainWhenItWantsToBe(void **state)
{
    struct fixture *f = *state;
    running_mine(
        f,
        GATE("return roll.now >= roll.started + 3600, 'an hour', roll.started + 3600 - roll.now"));
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    struct moon_plan *plan = decide(f);
    assert_int_equal(moon_plan_requeue_ms(plan), 3600 * 1000);
    (void)carry_out(f, plan);
    advance_s(f, 3599);
    SYNC(0, 0, 0);
    advance_s(f, 1);
    SYNC(0, 1, 0);
}

static void MissingAndFailedPodsAreNotHeld(void **state)
{
    struct fixture *f = *state;
    running_mine(f, GATE("return false, 'never'"));
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    remove_pod(f, pods_on(f, "node-0")[0]);
    SYNC(1, 0, 0); /* of the new revision */
    add_node(f, "node-9", NULL, NULL);
    SYNC(1, 0, 0);
    set_phase(f, pods_on(f, "node-1")[0], "Failed");
    SYNC(0, 1, 1);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.outdated, 1);
}

static void AFailingGateIsClosed(void **state)
{
    struct fixture *f = *state;
    running_mine(f, GATE("return roll.nonsense"));
    new_template(f, f->opts);
    SYNC(0, 0, 2);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "it failed: mine.lua:1:"));
    mine(f, GATE("return true"));
    SYNC(0, 1, 0);
}

static void AnUpdateThatIsTakenBackIsHeldNoMore(void **state)
{
    struct fixture *f = *state;
    running_mine(f, GATE("return false, 'never'"));
    struct set_opts before = f->opts;
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    assert_non_null(set_of(f)->held_by);
    change_set(f, before);
    settle(f);
    assert_null(set_of(f)->held_by);
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
}

static void AnUpdateThatIsDoneAsksNobody(void **state)
{
    struct fixture *f = *state;
    running_mine(f, GATE("error('asked')"));
    SYNC(0, 0, 0);
    assert_int_equal(events_of(f, "UpdateHeld"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(AClosedGateHoldsTheUpdate),           T(ItIsAskedAgainWhenItWantsToBe),
        T(MissingAndFailedPodsAreNotHeld),      T(AFailingGateIsClosed),
        T(AnUpdateThatIsTakenBackIsHeldNoMore), T(AnUpdateThatIsDoneAsksNobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
