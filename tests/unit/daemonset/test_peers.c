/* SPDX-License-Identifier: Apache-2.0
 *
 * test_peers.c - a policy that looks at another set's daemon is asked again when that changes.
 */
#include "fixture.h"

#define PEER "\"moonset.dev/policies\":\"mine\""
#define AFTER_CNI                                                                                  \
    "local cni = moonset.peer('default/cni')\n"                                                    \
    "return { api = 1, select = function(node, set)\n"                                             \
    "  local ready = cni:ready_on(node)\n"                                                         \
    "  if ready == nil then return 'keep', 'no cni' end\n"                                         \
    "  if not ready then return 'keep', 'cni is not ready' end\n"                                  \
    "  return true end }"

static const char *cni_pod(struct fixture *f, const char *node)
{
    return add_pod(f, (struct pod_opts){.node = node,
                                        .owner = "uid-cni",
                                        .hash = "h",
                                        .labels = "{\"app\":\"cni\"}",
                                        .phase = "Running"});
}

/* Is there a pod of "foo" on the node? */
static bool runs_on(struct fixture *f, const char *node)
{
    return moon_ds_slot_find(set_of(f), moon_intern_find(moon_str(node)))->pod_count > 0;
}

static void APodWaitsForItsPeer(void **state)
{
    struct fixture *f = *state;
    mine(f, AFTER_CNI);
    add_other_set(f, "cni", "{\"matchLabels\":{\"app\":\"cni\"}}");
    add_set(f, (struct set_opts){.annotations = PEER});
    add_nodes(f, 0, 2, NULL);
    const char *pod = cni_pod(f, "node-0");
    settle(f);
    assert_false(runs_on(f, "node-0"));
    forget_woken(f);
    set_ready(f, pod, true);
    assert_true(was_woken(f, KEY));
    SYNC(1, 0, 0);
    assert_true(runs_on(f, "node-0"));
    assert_false(runs_on(f, "node-1"));
    /* not ready any more: nothing is removed, and what changed is asked about once */
    forget_woken(f);
    set_ready(f, pod, false);
    assert_true(was_woken(f, KEY));
    settle(f);
    assert_true(runs_on(f, "node-0"));
    assert_int_equal(
        moon_ds_slot_find(set_of(f), moon_intern_find(MOON_STR_LIT("node-0")))->decision.placement,
        MOON_PLACEMENT_KEEP);
    forget_woken(f);
    remove_pod(f, pod);
    assert_false(was_woken(f, KEY)); /* not ready and gone are the same */
}

static void ASetThatComesIsLookedAt(void **state)
{
    struct fixture *f = *state;
    mine(f, AFTER_CNI);
    add_set(f, (struct set_opts){.annotations = PEER});
    add_nodes(f, 0, 1, NULL);
    settle(f);
    assert_false(runs_on(f, "node-0"));
    forget_woken(f);
    add_other_set(f, "cni", "{\"matchLabels\":{\"app\":\"cni\"}}");
    assert_true(was_woken(f, KEY));
    set_ready(f, cni_pod(f, "node-0"), true);
    settle(f);
    assert_true(runs_on(f, "node-0"));
}

static void WhoDoesNotAskIsNotWoken(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, select = function(node, set) return true end }");
    add_other_set(f, "cni", "{\"matchLabels\":{\"app\":\"cni\"}}");
    add_set(f, (struct set_opts){.annotations = PEER});
    add_nodes(f, 0, 1, NULL);
    settle(f);
    const char *pod = cni_pod(f, "node-0");
    forget_woken(f);
    set_ready(f, pod, true);
    assert_false(was_woken(f, KEY));
    /* it asks, and then it does not any more */
    set_ready(f, pod, false);
    mine(f, AFTER_CNI);
    settle(f);
    forget_woken(f);
    set_ready(f, pod, true);
    assert_true(was_woken(f, KEY));
    mine(f, "return { api = 1, select = function(node, set) return nil end }");
    settle(f);
    forget_woken(f);
    set_ready(f, pod, false);
    assert_false(was_woken(f, KEY));
}

/* Health is judged again, too. */
static void HealthLooksAtThePeer(void **state)
{
    struct fixture *f = *state;
    add_other_set(f, "cni", "{\"matchLabels\":{\"app\":\"cni\"}}");
    running_mine(f, "return { api = 1, health = function(pod, set)\n"
                    "return moonset.peer('default/cni'):ready_on(pod.node) and 'ready' or "
                    "'progressing' end }");
    assert_int_equal(set_of(f)->sums.available, 0);
    set_ready(f, cni_pod(f, "node-1"), true);
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 1);
}

/* Nodes that are listed again for a field hold every set until they are complete. */
static void ANewFieldIsWaitedFor(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, select = function(node, set) return true end }");
    f->ds.fields_asked = 1;
    remove_pod(f, pods_on(f, "node-0")[0]);
    add_node(f, "node-9", NULL, NULL);
    SYNC(0, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "nodes are listed again"));
    f->ds.fields_known = 1;
    SYNC(2, 0, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(APodWaitsForItsPeer),  T(ASetThatComesIsLookedAt), T(WhoDoesNotAskIsNotWoken),
        T(HealthLooksAtThePeer), T(ANewFieldIsWaitedFor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
