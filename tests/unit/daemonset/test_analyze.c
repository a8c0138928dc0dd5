/* SPDX-License-Identifier: Apache-2.0
 *
 * test_analyze.c - an update that a policy watches by figures: when they are asked for, what its
 * word leads to, and that nothing goes on without.
 */
#include <stdio.h>

#include "fixture.h"

#include "host/provider.h"

enum {
    OPEN_MAX = 8
};

/* What the plugin that answers would hold. */
struct moon_plugin_query {
    void (*on_done)(struct moon_samples *take_samples, const char *error, void *ctx);
    void *ctx;
    char text[128];
    uint64_t timeout_ms;
};

static struct {
    struct moon_plugin_query *open[OPEN_MAX]; /* in the order they were asked */
    size_t count;
    int asked;
    int cancelled;
} provider;

static struct moon_plugin_query *ask_provider(const struct moon_internal *in,
                                              const struct moon_question *question)
{
    struct moon_plugin_query *q = moon_new(struct moon_plugin_query);

    (void)in;
    assert_string_equal(question->provider, "fake");
    q->on_done = question->on_done;
    q->ctx = question->ctx;
    q->timeout_ms = question->timeout_ms;
    (void)snprintf(q->text, sizeof(q->text), "%.*s", MOON_STR_ARG(question->text));
    provider.open[provider.count++] = q;
    provider.asked++;
    return q;
}

static struct moon_plugin_query *take_open(size_t i)
{
    struct moon_plugin_query *q = provider.open[i];

    assert_true(i < provider.count);
    for (provider.count--; i < provider.count; i++) {
        provider.open[i] = provider.open[i + 1];
    }
    return q;
}

static void cancel_question(struct moon_plugin_query *query)
{
    for (size_t i = 0; i < provider.count; i++) {
        if (provider.open[i] == query) {
            moon_free(take_open(i));
            provider.cancelled++;
            return;
        }
    }
    fail_msg("not open");
}

/* Answer the oldest open question; a NULL error: with this figure. */
static void answer(double value, const char *error)
{
    MOON_AUTOFREE struct moon_plugin_query *q = take_open(0);
    struct moon_samples *samples = error == NULL ? moon_samples_new() : NULL;

    if (samples != NULL) {
        (void)moon_samples_add(samples, value, 0);
    }
    q->on_done(samples, error, q->ctx);
}

static int set_up(void **state)
{
    int rc = setup_policies(state);
    struct fixture *f = *state;

    memset(&provider, 0, sizeof(provider));
    f->in.ask_provider = ask_provider;
    f->in.cancel_question = cancel_question;
    return rc;
}

static int tear_down(void **state)
{
    int rc = teardown_policies(state);

    assert_int_equal(provider.count, 0);
    return rc;
}

#define POLICY(keys)                                                                               \
    "return { api = 1, " keys " queries = { err = { provider = 'fake', every = '30s', query =\n"   \
    "'x{r=\"{{revision}}\"}' } }, analyze = function(samples, roll, set)\n"                        \
    "if samples.err.error then return 'wait', samples.err.error end\n"                             \
    "if samples.err.value > 0.5 then return 'fail', 'too many errors' end\n"                       \
    "return 'pass', 'few errors' end }"

static const char *plan_text(const struct fixture *f)
{
    return moon_buf_cstr(&f->plan_text);
}

/* The set gets this annotation more, as it would by our patch. */
static void annotate(struct fixture *f, const char *key, const char *value)
{
    static char text[512];
    struct set_opts opts = f->opts;

    (void)snprintf(text, sizeof(text), MINE ",\"%s\":\"%s\"", key, value);
    opts.annotations = text;
    change_set(f, opts);
}

static void next_template(struct fixture *f)
{
    struct set_opts opts = f->opts;

    opts.template = NULL;
    new_template(f, opts);
}

/* The figure that is due is bad. */
static void fail_once(struct fixture *f)
{
    (void)sync_once(f);
    answer(0.9, NULL);
    (void)sync_once(f);
}

/* ---- asking ---- */

static void NobodyIsAskedWithoutAnUpdate(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    SYNC(0, 0, 0);
    advance_s(f, 60);
    SYNC(0, 0, 0);
    assert_int_equal(provider.asked, 0);
}

static void AnUpdateWaitsForTheFirstAnswers(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    assert_non_null(strstr(plan_text(f), "update waits, analysis by policy mine: waits for the "
                                         "first answers to its queries"));
    assert_int_equal(provider.asked, 1);
    assert_int_equal(provider.open[0]->timeout_ms, 10000);
    MOON_AUTOFREE char *text = moon_asprintf("x{r=\"%s\"}", hash_of(f));
    assert_string_equal(provider.open[0]->text, text);

    forget_woken(f);
    answer(0.1, NULL);
    assert_true(was_woken(f, KEY));
    SYNC(0, 1, 0);
    assert_non_null(strstr(plan_text(f), "analysis by policy mine: pass: few errors"));
    SYNC(1, 0, 0);
}

static void AnswersHoldUntilTheNextOnesAreDue(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0.1, NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
    assert_int_equal(provider.asked, 1);
    SYNC(1, 0, 0);
    all_ready(f);

    advance_s(f, 30);
    (void)sync_once(f); /* asks; the word before holds meanwhile, but not for ever */
    assert_int_equal(provider.asked, 2);
}

static void WhatIsTooOldPassesNothing(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0.1, NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    advance_s(f, 30);
    SYNC(0, 0, 0); /* the new pod is not ready */
    all_ready(f);
    advance_s(f, 13); /* 30 s, 10 s to answer, and a little more */
    SYNC(0, 0, 1);
    assert_non_null(strstr(plan_text(f), "has had no answers to its queries for too long"));
    answer(0.1, NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
}

static void AnErrorIsForThePolicyToJudge(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0, "HTTP 503");
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
    assert_non_null(strstr(plan_text(f), "update waits, analysis by policy mine: wait: HTTP 503"));
    for (int i = 0; i < 10; i++) {
        advance_s(f, 30);
        SYNC(0, 0, 0);
        answer(0, "HTTP 503");
        SYNC(0, 0, 0);
    }
    assert_int_equal(events_of(f, "UpdatePaused"), 0);
    assert_int_equal(events_of(f, "AnalysisFailed"), 0);
}

/* ---- failing ---- */

static void FailuresInARowPause(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY("analyze_failures = 2,"));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0.9, NULL);
    SYNC(0, 0, 2);
    assert_int_equal(events_of(f, "AnalysisFailed"), 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
    assert_non_null(strstr(plan_text(f), "fail: too many errors"));
    advance_s(f, 30);
    SYNC(0, 0, 0);
    answer(0.1, NULL); /* good again: one pod goes, and the count begins anew */
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(events_of(f, "UpdatePaused"), 0);
        advance_s(f, 30);
        fail_once(f);
        assert_int_equal(events_of(f, "AnalysisFailed"), 1);
    }
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch),
                           ": analysis failed 2 times in a row, the last time: too many errors"));

    /* Nobody is asked while it is paused; lifted, it takes as many failures again. */
    int asked = provider.asked;
    annotate(f, "moonset.dev/paused", "true");
    (void)sync_once(f);
    advance_s(f, 300);
    (void)sync_once(f);
    assert_int_equal(provider.asked, asked);
    annotate(f, "x", "y");
    fail_once(f);
    assert_int_equal(provider.asked, asked + 1);
    assert_int_equal(events_of(f, "UpdatePaused"), 0);
    advance_s(f, 30);
    fail_once(f);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
}

static void OrGoBack(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY("analyze_failures = 1, on_fail = 'rollback',"));
    new_template(f, f->opts);
    fail_once(f);
    assert_int_equal(events_of(f, "UpdateRolledBack"), 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch), "\"spec\":{\"template\":"));
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch), "the last time: too many errors"));
}

static void TheWayBackIsHeldUpByNobody(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    moon_ds_analysis_end(set_of(f));
    MOON_AUTOFREE char *left = moon_asprintf("%s: it is broken", hash_of(f));
    next_template(f); /* the one before is now the one that was left */
    annotate(f, "moonset.dev/rolled-back", left);
    int asked = provider.asked;
    SYNC(0, 1, 0);
    assert_int_equal(provider.asked, asked);
    assert_null(set_of(f)->analysis);
}

static void AHookThatFailsOnlyPauses(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, analyze_failures = 2, on_fail = 'rollback', queries = { q = "
                    "{ provider = 'fake', query = 'x', every = '30s' } }, analyze = function(s)\n"
                    "return s.q.value > 1 and 'fail' or 'pass', 'x' end }");
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0, "down");
    (void)sync_once(f);
    assert_non_null(strstr(plan_text(f), "wait: it failed: mine.lua:2:"));
    assert_int_equal(events_of(f, "UpdatePaused"), 0);
    advance_s(f, 30);
    (void)sync_once(f);
    answer(0, "down");
    (void)sync_once(f);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    assert_int_equal(events_of(f, "UpdateRolledBack"), 0);
}

/* ---- what it is about ---- */

static void AnotherRevisionBeginsAnew(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0.1, NULL);
    SYNC(0, 1, 0);
    next_template(f);
    (void)sync_once(f);
    assert_int_equal(provider.asked, 2);
    assert_non_null(strstr(plan_text(f), "waits for the first answers"));
    mine(f, POLICY("analyze_failures = 7,")); /* and so does another policy */
    (void)sync_once(f);
    assert_int_equal(provider.asked, 3);
    assert_int_equal(provider.cancelled, 1);
    answer(0.1, NULL);
}

static void ItGoesOnForAWhileAfterTheLastPod(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY("analyze_failures = 1, soak = '1m',"));
    new_template(f, f->opts);
    (void)sync_once(f);
    answer(0.1, NULL);
    settle(f);
    for (int i = 0; i < 3; i++) {
        all_ready(f);
        (void)sync_once(f);
        settle(f);
    }
    all_ready(f);
    (void)sync_once(f);
    assert_int_equal(set_of(f)->sums.outdated, 0);
    while (provider.count > 0) {
        answer(0.1, NULL);
    }
    int asked = provider.asked;
    advance_s(f, 31);
    (void)sync_once(f);
    assert_int_equal(provider.asked, asked + 1);
    assert_non_null(
        strstr(plan_text(f), "the update is done; analysis by policy mine goes on for"));
    answer(0.9, NULL);
    (void)sync_once(f);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    annotate(f, "moonset.dev/paused", "true");
    (void)sync_once(f);
    assert_null(set_of(f)->analysis);
    annotate(f, "x", "y");
    advance_s(f, 60);
    (void)sync_once(f);
    assert_null(set_of(f)->analysis);
}

static void AndThenItIsOver(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY("soak = 0,"));
    new_template(f, f->opts);
    (void)sync_once(f);
    answer(0.1, NULL);
    for (int i = 0; i < 8 && set_of(f)->sums.outdated > 0; i++) {
        all_ready(f);
        (void)sync_once(f);
    }
    settle(f);
    assert_int_equal(set_of(f)->sums.outdated, 0);
    assert_null(set_of(f)->analysis);
    int asked = provider.asked;
    advance_s(f, 60);
    (void)sync_once(f);
    assert_int_equal(provider.asked, asked);
}

static void APlanWaitsForAnswers(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    assert_int_equal(f->ds.open_questions, 1);
    answer(0.1, NULL);
    assert_int_equal(f->ds.open_questions, 0);
}

static void ASetThatGoesCancels(void **state)
{
    struct fixture *f = *state;
    running_mine(f, POLICY(""));
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    moon_ds_analysis_end(set_of(f));
    assert_int_equal(provider.cancelled, 1);
    assert_int_equal(f->ds.open_questions, 0);
    SYNC(0, 0, 0); /* asks again, and teardown drops the set */
    assert_int_equal(provider.count, 1);
}

static void append_line(const char *text, void *ctx)
{
    moon_buf_printf(ctx, "%s\n", text);
}

static void InWords(void **state)
{
    struct fixture *f = *state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);
    running_mine(f, POLICY(""));
    moon_ds_analysis_explain(set_of(f), append_line, &text);
    assert_string_equal(moon_buf_cstr(&text), "");
    new_template(f, f->opts);
    SYNC(0, 0, 0);
    answer(0.75, NULL);
    (void)sync_once(f);
    advance_s(f, 7);
    moon_ds_analysis_explain(set_of(f), append_line, &text);
    assert_string_equal(moon_buf_cstr(&text),
                        "analysis by policy mine: fail: too many errors (failed 1 of 3 times in a "
                        "row)\nquery err: 0.75, 7 s ago\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(NobodyIsAskedWithoutAnUpdate),
        T(AnUpdateWaitsForTheFirstAnswers),
        T(AnswersHoldUntilTheNextOnesAreDue),
        T(WhatIsTooOldPassesNothing),
        T(AnErrorIsForThePolicyToJudge),
        T(FailuresInARowPause),
        T(OrGoBack),
        T(TheWayBackIsHeldUpByNobody),
        T(AHookThatFailsOnlyPauses),
        T(AnotherRevisionBeginsAnew),
        T(ItGoesOnForAWhileAfterTheLastPod),
        T(AndThenItIsOver),
        T(APlanWaitsForAnswers),
        T(ASetThatGoesCancels),
        T(InWords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
