/* SPDX-License-Identifier: Apache-2.0
 *
 * test_shadow.c - policies that are asked, and obeyed in nothing.
 */
#include "fixture.h"

#define SHADOWED "\"moonset.dev/shadow\":\"mine\""
#define ODD                                                                                        \
    "return { api = 1, params = { skip = { type = 'string', default = 'node-1' } },\n"             \
    "select = function(node, set) return node.name ~= set.params.skip, 'odd' end }\n"

static double differing(void)
{
    return moon_metric_value(
        moon_metric_register(&(struct moon_metric_opts){
            .name = "moonset_policy_shadow_nodes",
            .help = "Nodes for which the shadow policies of a set decide otherwise.",
            .type = MOON_METRIC_GAUGE,
            .labels = {"set"},
        }),
        MOON_LABELS(KEY));
}

static struct fixture *shadowed(void **state)
{
    struct fixture *f = *state;

    mine(f, ODD);
    add_set(f, (struct set_opts){.annotations = SHADOWED});
    add_nodes(f, 0, 3, NULL);
    settle(f);
    return f;
}

static void DifferencesAreCountedAndNothingIsDone(void **state)
{
    struct fixture *f = shadowed(state);

    assert_int_equal(pod_count(f), 3);
    assert_string_equal(set_of(f)->shadow_text,
                        "mine decides otherwise for 1 nodes: node-1 (evict, not run)");
    assert_true(differing() == 1);
    advance_s(f, 60);
    SYNC(0, 0, 0);
    remove_node(f, "node-1");
    settle(f);
    add_node(f, "node-4", NULL, NULL);
    settle(f);
    assert_true(differing() == 0);
}

static void AnotherVersionIsAsked(void **state)
{
    struct fixture *f = shadowed(state);

    mine(f, "return { api = 1, select = function(node) return 'keep' end }");
    settle(f);
    assert_true(differing() == 3);
    assert_int_equal(pod_count(f), 3);
    mine(f, "return { api = 1, select = function(node) error('no') end }");
    settle(f);
    assert_true(differing() == 0);
    assert_int_equal(pod_count(f), 3);
}

static void WithoutTheAnnotationItIsForgotten(void **state)
{
    struct fixture *f = shadowed(state);
    struct set_opts opts = f->opts;

    opts.annotations = NULL;
    change_set(f, opts);
    settle(f);
    assert_null(set_of(f)->shadow);
    assert_null(set_of(f)->shadow_text);
    assert_true(differing() == 0);
}

/* It has been asked about some nodes, and goes before all are decided. */
static void GoneHalfWayItTellsNothing(void **state)
{
    struct fixture *f = shadowed(state);
    struct set_opts opts = f->opts;

    set_of(f)->shadow_asked = true;
    opts.annotations = NULL;
    change_set(f, opts);
    SYNC(0, 0, 0);
    assert_null(set_of(f)->shadow_text);
    assert_true(differing() == 0);
}

/* The set's parameters may be for the policies that decide, or for the shadow, or both. */
static void ParametersOfBoth(void **state)
{
    struct fixture *f = shadowed(state);
    struct set_opts opts = f->opts;

    mine(f, ODD);
    opts.annotations = SHADOWED ",\"moonset.dev/policies\":\"mine\","
                                "\"moonset.dev/params\":\"{skip: node-2}\"";
    change_set(f, opts);
    settle(f);
    assert_int_equal(pod_count(f), 2);
    assert_true(differing() == 0);
}

static void AnUnknownPolicyIsTold(void **state)
{
    struct fixture *f = shadowed(state);
    struct set_opts opts = f->opts;

    opts.annotations = "\"moonset.dev/shadow\":\"nobody\"";
    change_set(f, opts);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "ShadowInvalid"), 1);
    advance_s(f, 60);
    SYNC(0, 0, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(DifferencesAreCountedAndNothingIsDone),
        T(AnotherVersionIsAsked),
        T(WithoutTheAnnotationItIsForgotten),
        T(GoneHalfWayItTellsNothing),
        T(ParametersOfBoth),
        T(AnUnknownPolicyIsTold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
