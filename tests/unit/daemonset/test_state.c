/* SPDX-License-Identifier: Apache-2.0
 *
 * test_state.c - what policies remember, between the hooks and the annotation.
 */
#include "fixture.h"

#include <stdio.h>

#define COUNTER                                                                                    \
    "return { api = 1, update = function(roll, set)\n"                                             \
    "local n = (moonset.kv.get('n') or 0) + 1 moonset.kv.set('n', n)\n"                            \
    "roll:again(10, 'call ' .. n) end }"

static void updating(struct fixture *f, const char *source)
{
    running_mine(f, source);
    new_template(f, f->opts);
}

static void annotate(struct fixture *f, const char *state_json)
{
    static char text[512];
    struct set_opts opts = f->opts;

    (void)snprintf(text, sizeof(text), MINE ",\"moonset.dev/state\":%s", state_json);
    opts.annotations = text;
    change_set(f, opts);
}

static void assert_patch(struct fixture *f, const char *state_json)
{
    MOON_AUTOFREE char *want =
        moon_asprintf("{\"metadata\":{\"uid\":\"%s\",\"annotations\":{\"moonset.dev/state\":%s}}}",
                      set_of(f)->uid, state_json);

    assert_string_equal(moon_buf_cstr(&f->last_patch), want);
}

static void WhatIsStoredIsWrittenAndSeenAtOnce(void **state)
{
    struct fixture *f = *state;
    updating(f, COUNTER);
    struct moon_plan *plan = decide(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "call 1"));
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "what its policies remember"));
    /* the server has not answered yet: the next call sees it, and nothing is written twice */
    struct moon_plan *second = decide(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "call 2"));
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "what its policies remember"));
    (void)carry_out(f, second);
    (void)carry_out(f, plan);
    assert_patch(f, "\"{\\\"mine\\\":{\\\"n\\\":2}}\"");
}

/* A new process, or another leader, reads what the one before has written. */
static void ItOutlivesTheProcess(void **state)
{
    struct fixture *f = *state;
    updating(f, COUNTER);
    annotate(f, "\"{\\\"mine\\\":{\\\"n\\\":41},\\\"other\\\":{\\\"x\\\":\\\"y\\\"}}\"");
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "call 42"));
    assert_patch(f, "\"{\\\"mine\\\":{\\\"n\\\":42},\\\"other\\\":{\\\"x\\\":\\\"y\\\"}}\"");
}

static void ItWakesNobody(void **state)
{
    struct fixture *f = *state;
    updating(f, COUNTER);
    (void)sync_once(f);
    forget_woken(f);
    annotate(f, "\"{\\\"mine\\\":{\\\"n\\\":1}}\"");
    assert_false(was_woken(f, KEY));
    assert_false(set_of(f)->chain_stale);
    struct set_opts opts = f->opts;
    opts.annotations = MINE ",\"moonset.dev/params\":\"\"";
    change_set(f, opts);
    assert_true(was_woken(f, KEY));
}

static size_t writes_within(struct fixture *f, int seconds)
{
    size_t writes = 0;

    for (int i = 0; i < seconds * 20; i++) {
        writes += sync_once(f).writes;
        moon_loop_advance(f->loop, 50);
    }
    return writes;
}

static void WritesAreFewHoweverOftenItChanges(void **state)
{
    struct fixture *f = *state;
    updating(f, COUNTER);
    assert_in_range(writes_within(f, 10), 20, 42);
}

static void ARefusedWriteIsRepeatedEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    size_t writes = 0;
    updating(f, COUNTER);
    for (int i = 0; i < 200; i++) {
        struct moon_plan *plan = decide(f);
        for (size_t k = 0; k < moon_plan_count(plan); k++) {
            const struct moon_action *a = moon_plan_get(plan, k);
            struct moon_err err;
            (void)moon_err_set(&err, MOON_E_DENIED, "no");
            writes += a->subresource == NULL;
            a->on_done(&(struct moon_result){.action = a, .err = &err}, a->ctx);
        }
        moon_plan_free(plan);
        advance_s(f, 1);
    }
    assert_in_range(writes, 5, 14);
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "call 201")); /* and nothing is lost */
}

static void WhatCannotBeReadIsLeftAlone(void **state)
{
    struct fixture *f = *state;
    updating(f, COUNTER);
    annotate(f, "\"{broken\"");
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "PolicyFailed"), 1);
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "remember"));
    advance_s(f, 31);
    SYNC(0, 0, 0);
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "remember"));
    annotate(f, "\"{}\"");
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "call 1"));
}

static void WithoutPoliciesNothingIsWritten(void **state)
{
    struct fixture *f = *state;
    running(f, 2, ROLLING("1", "0"));
    assert_string_equal(moon_buf_cstr(&f->last_patch), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(WhatIsStoredIsWrittenAndSeenAtOnce),
        T(ItOutlivesTheProcess),
        T(ItWakesNobody),
        T(WritesAreFewHoweverOftenItChanges),
        T(ARefusedWriteIsRepeatedEverMoreSeldom),
        T(WhatCannotBeReadIsLeftAlone),
        T(WithoutPoliciesNothingIsWritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
