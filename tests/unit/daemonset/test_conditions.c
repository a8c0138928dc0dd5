/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conditions.c - what is said in status.conditions, and PolicyHealthy.
 */
#include "fixture.h"

#include "base/time.h"

static int condition_count(struct fixture *f)
{
    return cJSON_GetArraySize(moon_json_member(f->status, "conditions"));
}

static void say(struct fixture *f, bool status, const char *message)
{
    moon_ds_condition_set(set_of(f), "Test", status, "Because", message);
}

/* ---- the list ---- */

static void WithoutAnyNoneIsWritten(void **state)
{
    struct fixture *f = *state;
    running(f, 2, ROLLING("1", "0"));
    assert_null(moon_json_member(f->status, "conditions"));
    moon_ds_condition_clear(set_of(f), "Test");
    assert_int_equal(sync_once(f).writes, 0);
}

static void WhatIsSaidIsWrittenOnce(void **state)
{
    struct fixture *f = *state;
    char now[MOON_TIME_TEXT];
    running(f, 2, ROLLING("1", "0"));
    say(f, false, "it \"rains\"");
    advance_s(f, 1);
    (void)moon_time_format(moon_loop_wall_ms(f->loop) / 1000 - 1, now);
    assert_int_equal(sync_once(f).status_writes, 1);
    assert_string_equal(condition(f, "Test", "status"), "False");
    assert_string_equal(condition(f, "Test", "reason"), "Because");
    assert_string_equal(condition(f, "Test", "message"), "it \"rains\"");
    assert_string_equal(condition(f, "Test", "lastTransitionTime"), now);
    say(f, false, "it \"rains\"");
    assert_int_equal(sync_once(f).writes, 0);
}

static void TheTimeMovesWithTheStatusOnly(void **state)
{
    struct fixture *f = *state;
    running(f, 1, ROLLING("1", "0"));
    say(f, false, "one");
    settle(f);
    MOON_AUTOFREE char *first = moon_strdup(condition(f, "Test", "lastTransitionTime"));
    advance_s(f, 100);
    say(f, false, "two");
    settle(f);
    assert_string_equal(condition(f, "Test", "message"), "two");
    assert_string_equal(condition(f, "Test", "lastTransitionTime"), first);
    say(f, true, "two");
    settle(f);
    assert_string_equal(condition(f, "Test", "status"), "True");
    assert_string_not_equal(condition(f, "Test", "lastTransitionTime"), first);
}

static void ThoseOfOthersStayAsTheyAre(void **state)
{
    struct fixture *f = *state;
    add_set(f,
            (struct set_opts){.status = "\"conditions\":[{\"type\":\"X\",\"big\":1e3,\"n\":null},"
                                        "{\"odd\":true},{\"type\":\"Y\"}]"});
    say(f, true, "");
    settle(f);
    assert_int_equal(condition_count(f), 4);
    assert_non_null(strstr(moon_buf_cstr(&f->last_status),
                           "\"conditions\":[{\"type\":\"X\",\"big\":1000,\"n\":null},"
                           "{\"odd\":true},{\"type\":\"Y\"},{\"type\":\"Test\""));
    assert_non_null(strstr(moon_buf_cstr(&f->last_status), "\"resourceVersion\""));
    moon_ds_condition_clear(set_of(f), "Test");
    settle(f);
    assert_int_equal(condition_count(f), 3);
}

static void AProcessTakesBackWhatTheOneBeforeSaid(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.status = "\"conditions\":[{\"type\":\"X\"},"
                                           "{\"type\":\"Test\",\"status\":\"False\"}]"});
    assert_int_equal(moon_ds_condition_get(set_of(f), "Test"), MOON_DS_SAID_FALSE);
    moon_ds_condition_clear(set_of(f), "Test");
    assert_int_equal(moon_ds_condition_get(set_of(f), "Test"), MOON_DS_SAID_NOTHING);
    settle(f);
    assert_int_equal(condition_count(f), 1);
    assert_int_equal(moon_ds_condition_get(set_of(f), "Test"), MOON_DS_SAID_NOTHING);
    assert_int_equal(sync_once(f).writes, 0);
}

/* A new process that says the same writes nothing. */
static void TheSameAgainIsNotWritten(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){
                   .status = "\"conditions\":[{\"type\":\"Test\",\"status\":\"False\",\"reason\":"
                             "\"Because\",\"message\":\"m\",\"lastTransitionTime\":\"t\"}]"});
    settle(f);
    say(f, false, "m");
    advance_s(f, 1);
    assert_int_equal(sync_once(f).writes, 0);
    say(f, false, "n");
    settle(f);
    assert_string_equal(condition(f, "Test", "lastTransitionTime"), "t");
}

/* The write that says it is on its way, and lands after all. */
static void WhatIsTakenBackMeanwhileGoes(void **state)
{
    struct fixture *f = *state;
    running(f, 1, ROLLING("1", "0"));
    say(f, true, "");
    advance_s(f, 1);
    struct moon_plan *sent = decide(f);
    assert_int_equal(moon_plan_count(sent), 1);
    moon_ds_condition_clear(set_of(f), "Test");
    assert_int_equal(sync_once(f).writes, 0);
    cJSON_AddItemToObject(f->status, "conditions",
                          cJSON_Parse("[{\"type\":\"Test\",\"status\":\"True\"}]"));
    change_set(f, f->opts);
    (void)carry_out(f, sent);
    settle(f);
    assert_int_equal(condition_count(f), 0);
}

static void ARefusedWriteIsRepeatedEverMoreSeldom(void **state)
{
    struct fixture *f = *state;
    size_t writes = 0;
    running(f, 1, ROLLING("1", "0"));
    f->status_ignored = true;
    say(f, true, "");
    for (int i = 0; i < 300; i++) {
        writes += sync_once(f).status_writes;
        advance_s(f, 1);
    }
    assert_in_range(writes, 4, 16);
}

/* ---- PolicyHealthy ---- */

#define HEALTHY "PolicyHealthy"
#define GOOD "return { api = 1, select = function(node, set) return true end }"
#define BAD "return { api = 1, select = function(node, set) error('no idea') end }"

static void APolicyThatFailsIsNotHealthy(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;
    assert_int_equal(moon_config_set(f->config, "policy-guard", "off", "test", &err), 0);
    running_mine(f, GOOD);
    assert_string_equal(condition(f, HEALTHY, "status"), "none");
    mine(f, BAD); /* which the guard would hold */
    advance_s(f, 1);
    (void)sync_once(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "False");
    assert_string_equal(condition(f, HEALTHY, "reason"), "PolicyFailed");
    assert_non_null(strstr(condition(f, HEALTHY, "message"), "no idea"));
    assert_int_equal(events_of(f, "PolicyFailed"), 1);
    for (int i = 0; i < 10; i++) { /* it goes on */
        advance_s(f, 31);
        assert_int_equal(sync_once(f).writes, 0);
        assert_int_equal(events_of(f, "PolicyFailed"), 0);
    }
    mine(f, GOOD);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "True");
}

static void AMinuteWithoutAFailureIsHealthy(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, select = function(node, set)\n"
                    "if node.labels.bad then error('bad node') end return true end }");
    add_node(f, "node-1", "{\"bad\":\"yes\"}", NULL);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "False");
    add_node(f, "node-1", NULL, NULL);
    struct counts c = sync_once(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "False");
    assert_in_range(c.requeue_ms, 1, 60000);
    moon_loop_advance(f->loop, c.requeue_ms);
    settle(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "True");
}

static void APolicyThatIsNotKnown(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 2, NULL);
    put_set(f, (struct set_opts){.annotations = MINE});
    (void)sync_once(f);
    assert_string_equal(condition(f, HEALTHY, "reason"), "PolicyNotFound");
    assert_int_equal(pod_count(f), 0);
    /* nothing has been counted, so nothing is said of that */
    assert_null(moon_json_member(f->status, "desiredNumberScheduled"));
    mine(f, GOOD);
    settle(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "True");
    change_set(f, (struct set_opts){0});
    settle(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "none"); /* nobody's policies */
}

/* The process before has said so; its policies work now. */
static void ARestartFindsThemHealthy(void **state)
{
    struct fixture *f = *state;
    mine(f, GOOD);
    add_nodes(f, 0, 1, NULL);
    add_set(f, (struct set_opts){.annotations = MINE,
                                 .status = "\"conditions\":[{\"type\":\"PolicyHealthy\",\"status\":"
                                           "\"False\",\"lastTransitionTime\":\"t\"}]"});
    settle(f);
    assert_string_equal(condition(f, HEALTHY, "status"), "True");
    assert_string_not_equal(condition(f, HEALTHY, "lastTransitionTime"), "t");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(WithoutAnyNoneIsWritten),
        T(WhatIsSaidIsWrittenOnce),
        T(TheTimeMovesWithTheStatusOnly),
        T(ThoseOfOthersStayAsTheyAre),
        T(AProcessTakesBackWhatTheOneBeforeSaid),
        T(TheSameAgainIsNotWritten),
        T(WhatIsTakenBackMeanwhileGoes),
        T(ARefusedWriteIsRepeatedEverMoreSeldom),
        T(APolicyThatFailsIsNotHealthy),
        T(AMinuteWithoutAFailureIsHealthy),
        T(APolicyThatIsNotKnown),
        T(ARestartFindsThemHealthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
