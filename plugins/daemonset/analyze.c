/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze.c - watching an update by figures: asking the queries of the policy that analyses, and
 * the policy when all of them are answered.
 *
 * Only while an update goes on, and for a while after its last pod. Everything here is kept in
 * memory alone: whoever takes over asks anew before the next pod is disturbed, so nothing is passed
 * on figures that are old. What a failed analysis leads to, a pause or a step back, is written into
 * the set (halt.c).
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

#include "host/provider.h"
#include "policy/analyze.h"

enum {
    /* Beyond the time a query may take: the host gives the plugin a little more, too. */
    PATIENCE_MS = 2000,
};

/* One query and what came of it last. */
struct asked {
    struct moon_ds_analysis *owner;
    const struct moon_analysis_query *query;
    struct moon_plugin_query *open; /* NULL: nobody is asked now */
    struct moon_samples *found;
    char *error;
    int64_t at_s;         /* of the answer */
    uint64_t answered_at; /* 0: never */
    uint64_t next_at;     /* when to ask; 0: now */
};

struct moon_ds_analysis {
    struct moon_ds_set *set;
    char *about; /* what all of this holds for: revisions and policies */
    struct moon_analysis wanted;
    struct asked *asked; /* parallel to wanted.queries */
    bool news;           /* an answer that the policy has not seen */
    struct moon_analysis_answer verdict;
    uint64_t verdict_at; /* 0: never */
    int64_t fails;       /* in a row */
    int64_t breaks;      /* failures of the hook among, or between, them */
    uint64_t soak_ends;  /* 0: the update goes on */
    char *by;            /* "analysis by policy x" */
    char *why;           /* what holds the update; NULL: nothing */
};

static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop);
}

static int64_t wall_s(const struct moon_ds_set *set)
{
    return moon_loop_wall_ms(set->ds->in->loop) / 1000;
}

/* ---- life ---- */

static void asked_fini(struct asked *q)
{
    const struct moon_ds *ds = q->owner->set->ds;

    if (q->open != NULL) {
        ds->in->cancel_question(moon_steal(&q->open));
        q->owner->set->ds->open_questions--;
    }
    moon_samples_free(q->found);
    moon_free(q->error);
}

void moon_ds_analysis_end(struct moon_ds_set *set)
{
    struct moon_ds_analysis *a = moon_steal(&set->analysis);

    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < a->wanted.count; i++) {
        asked_fini(&a->asked[i]);
    }
    moon_analysis_answer_fini(&a->verdict);
    moon_analysis_fini(&a->wanted);
    moon_free(a->asked);
    moon_free(a->about);
    moon_free(a->by);
    moon_free(a->why);
    moon_free(a);
}

static char *about(const struct moon_ds_set *set, const struct moon_roll *roll)
{
    return moon_asprintf("%s %s %s", roll->revision, roll->previous_revision,
                         moon_chain_digest(set->chain));
}

static void begin(struct moon_ds_set *set, const struct moon_set_view *view,
                  const struct moon_roll *roll, char *take_about)
{
    struct moon_ds_analysis *a = moon_new(struct moon_ds_analysis);

    a->set = set;
    a->about = take_about;
    moon_analysis_init(&a->wanted, set->chain, view, roll);
    a->asked = moon_new_array(struct asked, a->wanted.count);
    for (size_t i = 0; i < a->wanted.count; i++) {
        a->asked[i] = (struct asked){.owner = a, .query = &a->wanted.queries[i]};
    }
    a->by = moon_asprintf("analysis by policy %s", a->wanted.policy);
    set->analysis = a;
}

/* The analysis of this revision under these policies. */
static struct moon_ds_analysis *ready(struct moon_ds_set *set, const struct moon_set_view *view,
                                      const struct moon_roll *roll)
{
    MOON_AUTOFREE char *key = about(set, roll);

    if (set->analysis != NULL && !moon_streq(set->analysis->about, key)) {
        moon_ds_analysis_end(set);
    }
    if (set->analysis == NULL) {
        begin(set, view, roll, moon_steal(&key));
    }
    return set->analysis;
}

/* ---- asking ---- */

static void keep(struct asked *q, struct moon_samples *take_found, const char *error)
{
    struct moon_ds_set *set = q->owner->set;

    moon_samples_free(q->found);
    moon_free(q->error);
    q->found = take_found;
    q->error = moon_strdup(error);
    q->at_s = take_found != NULL && moon_samples_count(take_found) > 0
                  ? moon_samples_get(take_found, 0)->at_ms / 1000
                  : wall_s(set);
    q->answered_at = now_ms(set);
    q->owner->news = true;
}

static void answered(struct moon_samples *take_samples, const char *error, void *ctx)
{
    struct asked *q = ctx;
    struct moon_ds_set *set = q->owner->set;

    q->open = NULL;
    set->ds->open_questions--;
    keep(q, take_samples, error);
    moon_debug(MOON_DS_TOPIC, "query answered", "key", set->key, "query", q->query->name, "err",
               error != NULL ? error : "");
    moon_ds_set_enqueue(set);
}

static void ask(struct asked *q)
{
    const struct moon_ds_set *set = q->owner->set;

    q->next_at = now_ms(set) + q->query->every_ms;
    if (q->query->text == NULL) {
        keep(q, NULL, q->query->problem);
        return;
    }
    set->ds->open_questions++;
    q->open = set->ds->in->ask_provider(set->ds->in, &(struct moon_question){
                                                         .provider = q->query->provider,
                                                         .text = moon_str(q->query->text),
                                                         .timeout_ms = q->query->timeout_ms,
                                                         .on_done = answered,
                                                         .ctx = q,
                                                     });
}

/* Ask what is due; when the next one is, in ms. */
static uint64_t ask_due(struct moon_ds_analysis *a)
{
    uint64_t now = now_ms(a->set);
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < a->wanted.count; i++) {
        struct asked *q = &a->asked[i];
        if (q->open == NULL && now >= q->next_at) {
            ask(q);
        }
        if (q->open == NULL || q->next_at > now) {
            next = q->next_at < next ? q->next_at : next;
        }
    }
    return next > now ? next - now : 1;
}

/* ---- judging ---- */

/* How old may an answer be, or a verdict made of it? Until the next one should be there. */
static uint64_t lasts_ms(const struct asked *q)
{
    return q->query->every_ms + q->query->timeout_ms + PATIENCE_MS;
}

static bool is_complete(const struct moon_ds_analysis *a)
{
    for (size_t i = 0; i < a->wanted.count; i++) {
        const struct asked *q = &a->asked[i];
        if (q->open != NULL || q->answered_at == 0 ||
            now_ms(a->set) > q->answered_at + lasts_ms(q)) {
            return false;
        }
    }
    return true;
}

/* The policy's word holds until the first of the answers it has seen is too old. */
static bool is_fresh(const struct moon_ds_analysis *a)
{
    for (size_t i = 0; i < a->wanted.count; i++) {
        if (now_ms(a->set) > a->verdict_at + lasts_ms(&a->asked[i])) {
            return false;
        }
    }
    return a->verdict_at != 0;
}

static void consult(struct moon_ds_analysis *a, const struct moon_set_view *view,
                    const struct moon_roll *roll)
{
    MOON_AUTOFREE struct moon_sample *samples = moon_new_array(struct moon_sample, a->wanted.count);

    for (size_t i = 0; i < a->wanted.count; i++) {
        const struct asked *q = &a->asked[i];
        samples[i] = (struct moon_sample){
            .query = q->query->name, .found = q->found, .error = q->error, .at_s = q->at_s};
    }
    moon_analysis_answer_fini(&a->verdict);
    moon_hook_analyze(a->set->chain, view, roll, samples, a->wanted.count, &a->verdict);
    a->verdict_at = now_ms(a->set);
    a->news = false;
}

static void tell_failed(const struct moon_ds_analysis *a)
{
    const struct moon_ds_set *set = a->set;

    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "AnalysisFailed", "Analysis by policy %s failed, %lld of %lld: %s",
                        a->verdict.policy, (long long)a->fails, (long long)a->wanted.max_failures,
                        a->verdict.reason);
    moon_warn(MOON_DS_TOPIC, "analysis failed", "key", set->key, "policy", a->verdict.policy,
              "fails", MOON_LOG_INT(a->fails), "reason", a->verdict.reason);
}

static void count(struct moon_ds_analysis *a)
{
    if (a->verdict.failed) {
        a->breaks++;
    } else if (a->verdict.verdict == MOON_VERDICT_FAIL) {
        a->fails++;
        tell_failed(a);
    } else if (a->verdict.verdict == MOON_VERDICT_PASS) {
        a->fails = 0;
        a->breaks = 0;
    }
}

/* Enough failures in a row: pause, or go back. A hook that itself fails is a reason to pause only:
 * nobody knows whether the revision is bad. */
static void halt(struct moon_ds_analysis *a, struct moon_plan *plan)
{
    int64_t max = a->wanted.max_failures;
    int64_t row = a->fails + a->breaks;
    bool back = a->wanted.rolls_back && a->fails >= max;

    if (a->set->halting || row < max) {
        return;
    }
    MOON_AUTOFREE char *why =
        moon_asprintf("analysis failed %lld times in a row, the last time: %s", (long long)row,
                      a->verdict.reason);
    const struct moon_roll_answer answer = {
        .policy = a->verdict.policy, .pause = back ? NULL : why, .rollback = back ? why : NULL};
    a->fails = 0;
    a->breaks = 0;
    (void)moon_ds_halt(a->set, &answer, plan);
}

static void set_why(struct moon_ds_analysis *a, const char *why)
{
    char *copy = moon_strdup(why);

    moon_free(a->why);
    a->why = copy;
}

/* What keeps the update from going on, by the present verdict. */
static void note_why(struct moon_ds_analysis *a)
{
    if (a->verdict_at == 0) {
        set_why(a, "waits for the first answers to its queries");
    } else if (!is_fresh(a)) {
        set_why(a, "has had no answers to its queries for too long");
    } else if (a->verdict.verdict != MOON_VERDICT_PASS) {
        MOON_AUTOFREE char *why =
            moon_asprintf("%s: %s", moon_verdict_name(a->verdict.verdict), a->verdict.reason);
        set_why(a, why);
    } else {
        set_why(a, NULL);
    }
}

static void step(struct moon_ds_analysis *a, const struct moon_set_view *view,
                 const struct moon_roll *roll, struct moon_plan *plan)
{
    moon_plan_requeue(plan, ask_due(a));
    if (a->news && is_complete(a)) {
        consult(a, view, roll);
        count(a);
        halt(a, plan);
    }
    note_why(a);
}

/* ---- for update.c ---- */

static void forget_over(struct moon_ds_set *set)
{
    moon_sym_unref(set->analysis_over);
    set->analysis_over = NULL;
}

static bool is_wanted(const struct moon_ds_set *set, const struct moon_roll *roll)
{
    /* A step back is not held up by the figures of what it takes back. */
    return moon_chain_analyzes(set->chain) && !roll->rolled_back;
}

bool moon_ds_analyze(struct moon_ds_set *set, const struct moon_set_view *view,
                     const struct moon_roll *roll, struct moon_plan *plan,
                     struct moon_ds_held *ret_held)
{
    if (!is_wanted(set, roll)) {
        moon_ds_analysis_end(set);
        return true;
    }
    struct moon_ds_analysis *a = ready(set, view, roll);
    a->soak_ends = 0;
    forget_over(set);
    step(a, view, roll, plan);
    if (a->why != NULL) {
        *ret_held =
            (struct moon_ds_held){.by = a->by, .why = a->why, .is_brief = a->verdict_at == 0};
        return false;
    }
    moon_plan_note(plan, NULL, "%s: pass%s%s", a->by, a->verdict.reason != NULL ? ": " : "",
                   a->verdict.reason != NULL ? a->verdict.reason : "");
    return true;
}

/* When the soaking of an update that is over ends: after the last pod that we have seen replaced;
 * after a restart, by the age of the revision. */
static uint64_t soak_ends(const struct moon_ds_analysis *a, const struct moon_roll *roll, bool seen)
{
    const struct moon_ds_set *set = a->set;
    int64_t age_ms = seen ? 0 : (wall_s(set) - roll->started_s) * 1000;
    int64_t left_ms = (int64_t)a->wanted.soak_ms - (age_ms > 0 ? age_ms : 0);

    return now_ms(set) + (left_ms > 0 ? (uint64_t)left_ms : 0);
}

void moon_ds_analyze_after(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_set_view view;
    struct moon_roll roll;
    bool seen = set->analysis != NULL;

    if (set->analysis_over == set->hash || !moon_chain_analyzes(set->chain)) {
        return;
    }
    moon_ds_slot_sort(set);
    moon_ds_update_budget(set, &roll);
    moon_ds_placement_view(set, &view);
    if (roll.previous_revision[0] == '\0' || !is_wanted(set, &roll) ||
        moon_ds_paused(set) != NULL) {
        moon_ds_analysis_end(set);
        return;
    }
    struct moon_ds_analysis *a = ready(set, &view, &roll);
    if (a->soak_ends == 0) {
        a->soak_ends = soak_ends(a, &roll, seen);
    }
    if (now_ms(set) >= a->soak_ends) {
        moon_ds_analysis_end(set);
        forget_over(set);
        set->analysis_over = moon_sym_ref(set->hash);
        return;
    }
    moon_plan_requeue(plan, a->soak_ends - now_ms(set));
    step(a, &view, &roll, plan);
    moon_plan_note(plan, NULL, "the update is done; %s goes on for %llu s", a->by,
                   (unsigned long long)((a->soak_ends - now_ms(set) + 999) / 1000));
}

/* ---- in words ---- */

static void describe_answer(const struct asked *q, struct moon_buf *out)
{
    size_t found = q->found != NULL ? moon_samples_count(q->found) : 0;

    moon_buf_printf(out, "query %s: ", q->query->name);
    if (q->answered_at == 0) {
        moon_buf_puts(out, "no answer yet");
        return;
    }
    if (q->error != NULL) {
        moon_buf_puts(out, q->error);
    } else if (found == 1) {
        moon_buf_printf(out, "%g", moon_samples_get(q->found, 0)->value);
    } else {
        moon_buf_printf(out, "%zu series", found);
    }
    moon_buf_printf(out, ", %llu s ago",
                    (unsigned long long)(now_ms(q->owner->set) - q->answered_at) / 1000);
}

void moon_ds_analysis_explain(const struct moon_ds_set *set,
                              void (*line)(const char *text, void *ctx), void *ctx)
{
    const struct moon_ds_analysis *a = set->analysis;

    if (a == NULL) {
        return;
    }
    int64_t row = a->fails + a->breaks;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    moon_buf_printf(&text, "%s: %s%s%s", a->by, moon_verdict_name(a->verdict.verdict),
                    a->verdict.reason != NULL ? ": " : "",
                    a->verdict.reason != NULL ? a->verdict.reason : "");
    if (row > 0) {
        moon_buf_printf(&text, " (failed %lld of %lld times in a row)", (long long)row,
                        (long long)a->wanted.max_failures);
    }
    line(moon_buf_cstr(&text), ctx);
    for (size_t i = 0; i < a->wanted.count; i++) {
        moon_buf_clear(&text);
        describe_answer(&a->asked[i], &text);
        line(moon_buf_cstr(&text), ctx);
    }
}
