/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/plan.h"

static void no_body(const struct moon_action *action MOON_UNUSED, struct moon_buf *out)
{
    moon_buf_puts(out, "{}");
}

static struct moon_plan *new_plan(void)
{
    char key[] = "default/agent";
    struct moon_plan *plan = moon_plan_new(moon_str(key));
    key[0] = 'X'; /* the plan has its own copy */
    return plan;
}

static void actions_keep_their_order_and_place(void **state MOON_UNUSED)
{
    MOON_CLEANUP(moon_plan_free_ptr) struct moon_plan *plan = new_plan();
    assert_true(moon_str_is(moon_plan_key(plan), "default/agent"));
    const struct moon_action *kept[100];
    for (size_t i = 0; i < 100; i++) {
        kept[i] = moon_plan_add(
            plan, &(struct moon_action){.verb = MOON_VERB_CREATE,
                                        .resource = &moon_resource_pods,
                                        .namespace = "default",
                                        .name = moon_arena_printf(moon_plan_arena(plan), "p%zu", i),
                                        .write_body = no_body,
                                        .reason = "node needs a pod"});
    }
    assert_int_equal(moon_plan_count(plan), 100);
    for (size_t i = 0; i < 100; i++) {
        assert_ptr_equal(moon_plan_get(plan, i), kept[i]);
    }
    assert_string_equal(kept[99]->name, "p99");
}

static void the_earliest_wish_wins(void **state MOON_UNUSED)
{
    MOON_CLEANUP(moon_plan_free_ptr) struct moon_plan *plan = new_plan();
    assert_true(moon_plan_requeue_ms(plan) == UINT64_MAX);
    moon_plan_requeue(plan, 300);
    moon_plan_requeue(plan, 100);
    moon_plan_requeue(plan, 200);
    assert_int_equal(moon_plan_requeue_ms(plan), 100);
}

static void fill(struct moon_plan *plan)
{
    moon_plan_add(plan, &(struct moon_action){.verb = MOON_VERB_CREATE,
                                              .resource = &moon_resource_pods,
                                              .namespace = "default",
                                              .name = "agent-x7k2p",
                                              .target = "node-3",
                                              .write_body = no_body,
                                              .reason = "node needs a pod"});
    moon_plan_add(plan, &(struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                              .resource = &moon_resource_daemonsets,
                                              .namespace = "default",
                                              .name = "agent",
                                              .subresource = "status",
                                              .write_body = no_body,
                                              .reason = "ready 3 → 4"});
    moon_plan_add(plan, &(struct moon_action){.verb = MOON_VERB_DELETE,
                                              .resource = &moon_resource_revisions,
                                              .namespace = "default",
                                              .name = "agent-5d8f",
                                              .uid = "u1",
                                              .reason = "beyond the\nhistory limit"});
    const char *taint = "dedicated";
    moon_plan_note(plan, "node-4", "taint %s is not tolerated", taint);
    moon_plan_note(plan, NULL, "waits for %d pods", 2);
}

static void a_plan_prints_a_line_for_each_action_and_note(void **state MOON_UNUSED)
{
    MOON_CLEANUP(moon_plan_free_ptr) struct moon_plan *plan = new_plan();
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);
    fill(plan);
    moon_plan_print(plan, &out);
    assert_string_equal(moon_buf_cstr(&out),
                        "create pod default/agent-x7k2p on node-3: node needs a pod\n"
                        "patch daemonset default/agent status: ready 3 → 4\n"
                        "delete controllerrevision default/agent-5d8f: beyond the history limit\n"
                        "note on node-4: taint dedicated is not tolerated\n"
                        "note: waits for 2 pods\n");
    assert_int_equal(moon_plan_note_count(plan), 2);
    assert_string_equal(moon_plan_note_get(plan, 0)->target, "node-4");
    assert_null(moon_plan_note_get(plan, 1)->target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_keep_their_order_and_place),
        cmocka_unit_test(the_earliest_wish_wins),
        cmocka_unit_test(a_plan_prints_a_line_for_each_action_and_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
