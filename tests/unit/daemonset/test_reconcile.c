/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reconcile.c - sets that no API server of today lets in, but an older one, or none, may have:
 * nothing is made or deleted for them, and the error says what is wrong with the set.
 */
#include "fixture.h"

/* A set that ran for a while becomes wrong; its pods stay, and a missing one is not made. */
static void stops_at(struct fixture *f, struct set_opts wrong, const char *error)
{
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    SYNC(2, 0, 0);
    settle(f);
    add_nodes(f, 2, 1, NULL);
    advance_s(f, 10);
    change_set(f, wrong);
    for (int i = 0; i < 3; i++) {
        struct counts c = sync_once(f);
        assert_int_equal(c.creates + c.deletes + c.revision_creates + c.revision_deletes, 0);
        assert_int_equal(c.pod_patches + c.revision_patches, 0);
        assert_int_equal(f->last_rc, -MOON_E_INVALID);
        assert_string_equal(f->last_err.text, error);
        advance_s(f, 60);
    }
    assert_int_equal(pod_count(f), 2);
    change_set(f, (struct set_opts){0});
    settle(f);
    assert_int_equal(pod_count(f), 3);
}

static void SelectorOfOtherLabels(void **state)
{
    stops_at(*state, (struct set_opts){.selector = "{\"matchLabels\":" L2 "}"},
             "spec.selector does not match spec.template.metadata.labels: no pod can be made that "
             "would stay the set's");
}

static void TemplateWithoutLabels(void **state)
{
    stops_at(*state, (struct set_opts){.template = "{\"spec\":{\"containers\":[]}}"},
             "unable to create pods, no labels");
}

static void SelectorThatIsNone(void **state)
{
    stops_at(*state,
             (struct set_opts){
                 .selector = "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Near\"}]}"},
             "spec.selector: matchExpressions[0]: operator: \"Near\" is not a valid operator");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(SelectorOfOtherLabels),
        TEST(TemplateWithoutLabels),
        TEST(SelectorThatIsNone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
