/* SPDX-License-Identifier: Apache-2.0
 *
 * test_words.c - what policies want to be said of the set.
 */
#include "fixture.h"

#define SAYS                                                                                       \
    "return { api = 1, status = function(roll, set) return {\n"                                    \
    "message = roll.counts.updated .. ' of ' .. roll.desired,\n"                                   \
    "conditions = { { type = 'Done', status = roll.counts.updated == roll.desired } } } end }"

static void WhatPoliciesSayIsACondition(void **state)
{
    struct fixture *f = *state;
    running_mine(f, SAYS);
    assert_string_equal(condition(f, "PolicyStatus", "message"), "3 of 3");
    assert_string_equal(condition(f, "Done", "status"), "True");
    new_template(f, f->opts);
    advance_s(f, 1);
    (void)sync_once(f);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_string_equal(condition(f, "PolicyStatus", "message"), "0 of 3");
    assert_string_equal(condition(f, "Done", "status"), "False");
}

static void WithoutNewsNobodyIsAsked(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "local n = 0 return { api = 1, status = function() n = n + 1\n"
                    "return { message = 'call ' .. n } end }");
    MOON_AUTOFREE char *before = moon_strdup(condition(f, "PolicyStatus", "message"));
    for (int i = 0; i < 5; i++) {
        advance_s(f, 10);
        assert_int_equal(sync_once(f).writes, 0);
    }
    add_nodes(f, 3, 1, NULL);
    settle(f);
    assert_string_not_equal(condition(f, "PolicyStatus", "message"), before);
}

static void AFailureChangesNothing(void **state)
{
    struct fixture *f = *state;
    running_mine(f, SAYS);
    mine(f, "return { api = 1, status = function() error('no') end }");
    advance_s(f, 1);
    settle(f);
    assert_string_equal(condition(f, "PolicyStatus", "message"), "3 of 3");
    assert_string_equal(condition(f, "PolicyHealthy", "status"), "False");
}

static void WhatIsNotSaidAnyMoreGoes(void **state)
{
    struct fixture *f = *state;
    running_mine(f, SAYS);
    mine(f, "return { api = 1, status = function() return { message = 'm' } end }");
    advance_s(f, 1);
    settle(f);
    assert_string_equal(condition(f, "Done", "status"), "none");
    assert_string_equal(condition(f, "PolicyStatus", "message"), "m");
    mine(f, "return { api = 1, select = function() return true end }");
    advance_s(f, 1);
    settle(f);
    assert_string_equal(condition(f, "PolicyStatus", "message"), "none");
}

/* The process before has left word of what it said. */
static void ARestartTakesBackWhatIsNotSaidAnyMore(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, status = function() return nil end }");
    add_set(f, (struct set_opts){
                   .annotations = MINE ",\"moonset.dev/state\":\"{\\\"\\\":{\\\"conditions\\\":"
                                       "[\\\"Done\\\"]}}\"",
                   .status = "\"conditions\":[{\"type\":\"Done\",\"status\":\"True\"},"
                             "{\"type\":\"Theirs\",\"status\":\"True\"}]"});
    settle(f);
    assert_string_equal(condition(f, "Done", "status"), "none");
    assert_string_equal(condition(f, "Theirs", "status"), "True");
}

/* Somebody has removed the annotation. */
static void WhatThisProcessSaysItKnowsAnyway(void **state)
{
    struct fixture *f = *state;
    running_mine(f, SAYS);
    struct set_opts opts = f->opts;
    opts.annotations = MINE ",\"moonset.dev/state\":\"{}\"";
    change_set(f, opts);
    settle(f);
    opts.annotations = NULL;
    change_set(f, opts);
    settle(f);
    assert_string_equal(condition(f, "Done", "status"), "none");
    assert_string_equal(condition(f, "PolicyStatus", "message"), "none");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(WhatPoliciesSayIsACondition),      T(WithoutNewsNobodyIsAsked),
        T(AFailureChangesNothing),           T(WhatIsNotSaidAnyMoreGoes),
        T(WhatThisProcessSaysItKnowsAnyway), T(ARestartTakesBackWhatIsNotSaidAnyMore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
