/* SPDX-License-Identifier: Apache-2.0
 *
 * test_halt.c - a policy pauses an update, or takes it back.
 */
#include "fixture.h"

#include <stdio.h>

#define UPDATE(body)                                                                               \
    "return { api = 1, update = function(roll, set)\n" body                                        \
    "\nfor pod in roll:outdated { limit = roll.left } do roll:replace(pod, 'next') end end }"

static void updating(struct fixture *f, const char *source)
{
    running_mine(f, source);
    new_template(f, f->opts);
}

/* The set gets this annotation more. */
static void annotate(struct fixture *f, const char *key, const char *value)
{
    static char text[512];
    struct set_opts opts = f->opts;

    (void)snprintf(text, sizeof(text), MINE ",\"%s\":\"%s\"", key, value);
    opts.annotations = text;
    change_set(f, opts);
}

#define PAUSE UPDATE("if roll.counts.updated > 0 then roll:pause('one is enough') end")

static void APauseIsWrittenIntoTheSet(void **state)
{
    struct fixture *f = *state;
    updating(f, PAUSE);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    MOON_AUTOFREE char *want = moon_asprintf(
        "{\"metadata\":{\"uid\":\"%s\",\"annotations\":{\"moonset.dev/paused\":\"%s: one is "
        "enough\"}}}",
        set_of(f)->uid, hash_of(f));
    assert_string_equal(moon_buf_cstr(&f->last_patch), want);
}

static void NothingIsToldOfAPauseThatIsNotWritten(void **state)
{
    struct fixture *f = *state;
    updating(f, PAUSE);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    f->config->dry_run = true;
    SYNC(0, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "pause: one is enough"));
}

/* Another template than the one before. */
static void next_template(struct fixture *f)
{
    struct set_opts opts = f->opts;

    opts.template = TEMPLATE("\"hostNetwork\":true,");
    new_template(f, opts);
}

static void APausedUpdateWaits(void **state)
{
    struct fixture *f = *state;
    updating(f, UPDATE(""));
    SYNC(0, 1, 0);
    MOON_AUTOFREE char *ours = moon_asprintf("%s: too many restarts", hash_of(f));
    annotate(f, "moonset.dev/paused", ours);
    SYNC(1, 0, 1); /* what is missing is made */
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "too many restarts"));
    all_ready(f);
    SYNC(0, 0, 0);
    annotate(f, "moonset.dev/paused", "");
    SYNC(0, 1, 0);
}

static void APersonMayPause(void **state)
{
    struct fixture *f = *state;
    updating(f, UPDATE(""));
    annotate(f, "moonset.dev/paused", "true");
    SYNC(0, 0, 1);
    next_template(f);
    SYNC(0, 0, 0); /* still */
}

static void APauseIsForOneRevision(void **state)
{
    struct fixture *f = *state;
    updating(f, UPDATE(""));
    SYNC(0, 1, 0);
    MOON_AUTOFREE char *ours = moon_asprintf("%s: no", hash_of(f));
    annotate(f, "moonset.dev/paused", ours);
    SYNC(1, 0, 1);
    all_ready(f);
    SYNC(0, 0, 0);
    next_template(f);
    SYNC(0, 1, 0);
}

#define BACK UPDATE("if roll.counts.updated > 0 then roll:rollback('it is broken') end")

static void GoingBackPutsTheTemplateBeforeIn(void **state)
{
    struct fixture *f = *state;
    updating(f, BACK);
    SYNC(0, 1, 0);
    MOON_AUTOFREE char *bad = moon_strdup(hash_of(f));
    SYNC(1, 0, 0);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateRolledBack"), 1);
    MOON_AUTOFREE char *mark =
        moon_asprintf("{\"moonset.dev/rolled-back\":\"%s: it is broken\"}", bad);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch), mark));
    const struct moon_revision *before = moon_ds_history_before(set_of(f));
    struct moon_str spec;
    assert_true(moon_json_find((struct moon_str){before->data, before->data_len},
                               MOON_JSON_PATH("spec"), &spec));
    assert_non_null(memmem(f->last_patch.data, f->last_patch.len, spec.ptr, spec.len));
}

/* The revision before was itself left: no going to and fro. */
static void ItDoesNotGoBackToWhatItLeft(void **state)
{
    struct fixture *f = *state;
    updating(f, BACK);
    SYNC(0, 1, 0);
    const char *before =
        moon_labels_get(&moon_ds_history_before(set_of(f))->meta.labels, MOON_LABEL_HASH);
    MOON_AUTOFREE char *left = moon_asprintf("%s: was broken", before);
    annotate(f, "moonset.dev/rolled-back", left);
    SYNC(1, 0, 0);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    assert_non_null(strstr(moon_buf_cstr(&f->last_patch), "no revision to go back to"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(APauseIsWrittenIntoTheSet),   T(NothingIsToldOfAPauseThatIsNotWritten),
        T(APausedUpdateWaits),          T(APersonMayPause),
        T(APauseIsForOneRevision),      T(GoingBackPutsTheTemplateBeforeIn),
        T(ItDoesNotGoBackToWhatItLeft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
