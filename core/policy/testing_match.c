/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_match.c - what was expected against what was answered, one difference per thing.
 */
#include <stdio.h>

#include "policy/glob.h"
#include "policy/testing_priv.h"

/* ---- differences ---- */

void moon_test_result_add(struct moon_test_result *r, size_t line, char *take_path,
                          char *take_expected, char *take_got)
{
    r->items = moon_realloc_array(r->items, r->count + 1, sizeof(*r->items));
    r->items[r->count++] = (struct moon_policy_test_difference){
        .line = line, .path = take_path, .expected = take_expected, .got = take_got};
}

void moon_test_result_fini(struct moon_test_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        moon_free((char *)(uintptr_t)r->items[i].path);
        moon_free((char *)(uintptr_t)r->items[i].expected);
        moon_free((char *)(uintptr_t)r->items[i].got);
    }
    moon_free(r->items);
    *r = (struct moon_test_result){0};
}

/* `evict n1 "no edge node", again in 30 s`, without what there is none of. */
static char *full_text(const struct moon_test_item *item, bool with_subject)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);
    const char *verb = item->verb != NULL ? item->verb : "";
    const char *subject = with_subject ? item->subject : "";

    moon_buf_printf(&out, "%s%s%s", verb, verb[0] != '\0' && subject[0] != '\0' ? " " : "",
                    subject);
    if (item->reason != NULL) {
        moon_buf_printf(&out, "%s\"%s\"", out.len > 0 ? " " : "", item->reason);
    }
    if (item->detail != NULL) {
        moon_buf_printf(&out, "%sedits %s", out.len > 0 ? ", " : "", item->detail);
    }
    if (item->number >= 0) {
        moon_buf_printf(&out, ", again in %lld s", (long long)item->number);
    }
    return moon_buf_take(&out, NULL);
}

static bool fits(const char *pattern, const char *text)
{
    return moon_glob(moon_str(pattern), moon_str(text));
}

static bool subject_fits(const struct moon_test_item *expected, const struct moon_test_item *got)
{
    return fits(expected->subject, got->subject) ||
           (got->also != NULL && fits(expected->subject, got->also));
}

static bool answer_fits(const struct moon_test_item *expected, const struct moon_test_item *got)
{
    bool reason = expected->reason == NULL ||
                  (got->reason != NULL && fits(expected->reason, got->reason)) ||
                  (got->reason == NULL && expected->reason[0] == '\0');
    bool number = expected->number < 0 || expected->number == got->number;

    return moon_streq(expected->verb, got->verb) && reason && number;
}

static bool same_edits(const char *expected, const char *got)
{
    struct moon_err err;
    MOON_AUTOJSON *a = moon_json_parse(moon_str(expected != NULL ? expected : "{}"), &err);
    MOON_AUTOJSON *b = moon_json_parse(moon_str(got != NULL ? got : "{}"), &err);

    return cJSON_Compare(a, b, true) != 0;
}

/* Compared whole: who expects no reason and no edits wants none. */
static bool mutation_fits(const struct moon_test_item *expected, const struct moon_test_item *got)
{
    bool skip = expected->reason == NULL
                    ? got->reason == NULL
                    : got->reason != NULL && fits(expected->reason, got->reason);

    return moon_streq(expected->verb, got->verb) && skip &&
           same_edits(expected->detail, got->detail);
}

/* ---- one answer for each node or pod ---- */

/* The last that is written counts, so that "*" can stand first. */
static const struct moon_test_item *find_last(const struct moon_test_list *expected,
                                              const struct moon_test_item *got, bool *used)
{
    const struct moon_test_item *found = NULL;

    for (size_t i = 0; i < expected->count; i++) {
        if (subject_fits(&expected->items[i], got)) {
            found = &expected->items[i];
            used[i] = true;
        }
    }
    return found;
}

static void match_each(const struct moon_test_case *c, const struct moon_test_answers *a,
                       enum moon_test_aspect aspect, struct moon_test_result *ret)
{
    const struct moon_test_list *expected = &c->expect.lists[aspect];
    const struct moon_test_list *got = &a->lists[aspect];
    const char *name = moon_test_aspect_name(aspect);
    MOON_AUTOFREE bool *used = moon_new_array(bool, expected->count + 1);

    for (size_t i = 0; i < got->count; i++) {
        const struct moon_test_item *g = &got->items[i];
        const struct moon_test_item *e = find_last(expected, g, used);
        bool fit =
            e != NULL && (aspect == MOON_TEST_MUTATE ? mutation_fits(e, g) : answer_fits(e, g));
        if (!fit) {
            moon_test_result_add(ret, e != NULL ? e->line : c->expect.lines[aspect],
                                 moon_asprintf("%s.%s", name, g->subject),
                                 e != NULL ? full_text(e, false)
                                           : moon_strdup("nothing is said of it"),
                                 full_text(g, false));
        }
    }
    for (size_t i = 0; i < expected->count; i++) {
        if (!used[i]) {
            moon_test_result_add(ret, expected->items[i].line,
                                 moon_asprintf("%s.%s", name, expected->items[i].subject),
                                 full_text(&expected->items[i], false),
                                 moon_strdup(aspect == MOON_TEST_HEALTH ? "there is no such pod"
                                                                        : "there is no such node"));
        }
    }
}

/* ---- lists in order ---- */

static bool in_order_fits(const struct moon_test_item *expected, const struct moon_test_item *got)
{
    return subject_fits(expected, got) && (expected->verb == NULL || answer_fits(expected, got));
}

static void match_in_order(const struct moon_test_case *c, const struct moon_test_answers *a,
                           enum moon_test_aspect aspect, struct moon_test_result *ret)
{
    const struct moon_test_list *expected = &c->expect.lists[aspect];
    const struct moon_test_list *got = &a->lists[aspect];
    size_t count = expected->count > got->count ? expected->count : got->count;

    for (size_t i = 0; i < count; i++) {
        const struct moon_test_item *e = i < expected->count ? &expected->items[i] : NULL;
        const struct moon_test_item *g = i < got->count ? &got->items[i] : NULL;
        if (e == NULL || g == NULL || !in_order_fits(e, g)) {
            moon_test_result_add(ret, e != NULL ? e->line : c->expect.lines[aspect],
                                 moon_asprintf("%s[%zu]", moon_test_aspect_name(aspect), i),
                                 e != NULL ? full_text(e, true) : moon_strdup("nothing more"),
                                 g != NULL ? full_text(g, true) : moon_strdup("nothing more"));
        }
    }
}

/* ---- lists without order ---- */

static bool has_subject(const struct moon_test_list *list, const char *subject)
{
    for (size_t i = 0; i < list->count; i++) {
        if (moon_streq(list->items[i].subject, subject)) {
            return true;
        }
    }
    return false;
}

static void match_tolerations(const struct moon_test_case *c, const struct moon_test_answers *a,
                              const struct moon_test_list *stock, struct moon_test_result *ret)
{
    const struct moon_test_list *expected = &c->expect.lists[MOON_TEST_TOLERATIONS];
    const struct moon_test_list *got = &a->lists[MOON_TEST_TOLERATIONS];
    bool with_stock = has_subject(expected, "stock");

    for (size_t i = 0; i < expected->count; i++) {
        const struct moon_test_item *e = &expected->items[i];
        if (!moon_streq(e->subject, "stock") && !has_subject(got, e->subject)) {
            moon_test_result_add(ret, e->line, moon_strdup("tolerations"), moon_strdup(e->subject),
                                 moon_strdup("it is missing"));
        }
    }
    for (size_t i = 0; with_stock && i < stock->count; i++) {
        if (!has_subject(got, stock->items[i].subject)) {
            moon_test_result_add(
                ret, c->expect.lines[MOON_TEST_TOLERATIONS], moon_strdup("tolerations.stock"),
                moon_strdup(stock->items[i].subject), moon_strdup("it is missing"));
        }
    }
    for (size_t i = 0; i < got->count; i++) {
        const char *subject = got->items[i].subject;
        if (!has_subject(expected, subject) && !(with_stock && has_subject(stock, subject))) {
            moon_test_result_add(ret, c->expect.lines[MOON_TEST_TOLERATIONS],
                                 moon_strdup("tolerations"), moon_strdup("nothing more"),
                                 moon_strdup(subject));
        }
    }
}

/* ---- gate and update ---- */

/* One answer for the set. */
static void match_one(const struct moon_test_case *c, const struct moon_test_answers *a,
                      enum moon_test_aspect aspect, struct moon_test_result *ret)
{
    const struct moon_test_item *e = &c->expect.lists[aspect].items[0];
    const struct moon_test_item *g = &a->lists[aspect].items[0];

    if (!answer_fits(e, g)) {
        moon_test_result_add(ret, e->line, moon_strdup(moon_test_aspect_name(aspect)),
                             full_text(e, false), full_text(g, false));
    }
}

static int64_t count_verb(const struct moon_test_list *list, const char *verb)
{
    int64_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        count += moon_streq(list->items[i].verb, verb);
    }
    return count;
}

static void match_counts(const struct moon_test_case *c, const struct moon_test_answers *a,
                         struct moon_test_result *ret)
{
    static const char *const verbs[] = {"replace", "surge",    "create", "delete",  "patch_image",
                                        "drain",   "uncordon", "pause",  "rollback"};
    const struct moon_test_list *expected = &c->expect.lists[MOON_TEST_UPDATE];

    for (size_t i = 0; i < MOON_ARRAY_SIZE(verbs); i++) {
        int64_t got = count_verb(&a->lists[MOON_TEST_UPDATE], verbs[i]);
        int64_t wanted = 0;
        size_t line = c->expect.lines[MOON_TEST_UPDATE];
        for (size_t k = 0; k < expected->count; k++) {
            if (moon_streq(expected->items[k].verb, verbs[i])) {
                wanted = expected->items[k].number;
                line = expected->items[k].line;
            }
        }
        if (got != wanted) {
            moon_test_result_add(ret, line, moon_asprintf("update.%s", verbs[i]),
                                 moon_asprintf("%lld", (long long)wanted),
                                 moon_asprintf("%lld", (long long)got));
        }
    }
}

static void match_number(size_t line, const char *path, int64_t expected, int64_t got,
                         struct moon_test_result *ret)
{
    if (expected >= 0 && expected != got) {
        moon_test_result_add(ret, line, moon_strdup(path),
                             moon_asprintf("%lld", (long long)expected),
                             moon_asprintf("%lld", (long long)got));
    }
}

static void match_update(const struct moon_test_case *c, const struct moon_test_answers *a,
                         struct moon_test_result *ret)
{
    const struct moon_test_expect *e = &c->expect;
    size_t before = ret->count;

    if (e->by_count) {
        match_counts(c, a, ret);
    } else {
        match_in_order(c, a, MOON_TEST_UPDATE, ret);
    }
    match_number(e->again_line, "again", e->again_s, a->again_s, ret);
    match_number(e->clipped_line, "clipped", e->clipped, (int64_t)a->clipped, ret);
    if (ret->count > before && a->held != NULL) {
        moon_test_result_add(ret, e->lines[MOON_TEST_UPDATE], moon_strdup("update"),
                             moon_strdup("an answer"), moon_asprintf("none: %s", a->held));
    }
}

/* ---- by name, whole ---- */

static const struct moon_test_item *find_named(const struct moon_test_list *list,
                                               const char *subject)
{
    for (size_t i = 0; i < list->count; i++) {
        if (moon_streq(list->items[i].subject, subject)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static bool values_fit(const struct moon_test_item *expected, const struct moon_test_item *got)
{
    return moon_json_equal(moon_str(expected->reason), moon_str(got->reason));
}

static void match_named(const struct moon_test_case *c, const struct moon_test_answers *a,
                        enum moon_test_aspect aspect, struct moon_test_result *ret)
{
    const struct moon_test_list *expected = &c->expect.lists[aspect];
    const struct moon_test_list *got = &a->lists[aspect];
    const char *name = moon_test_aspect_name(aspect);

    for (size_t i = 0; i < expected->count; i++) {
        const struct moon_test_item *e = &expected->items[i];
        const struct moon_test_item *g = find_named(got, e->subject);
        bool fits = g != NULL && (aspect == MOON_TEST_KV ? values_fit(e, g) : answer_fits(e, g));
        if (!fits) {
            moon_test_result_add(ret, e->line, moon_asprintf("%s.%s", name, e->subject),
                                 full_text(e, false),
                                 g != NULL ? full_text(g, false) : moon_strdup("nothing"));
        }
    }
    for (size_t i = 0; i < got->count; i++) {
        const struct moon_test_item *g = &got->items[i];
        if (find_named(expected, g->subject) == NULL) {
            moon_test_result_add(ret, c->expect.lines[aspect],
                                 moon_asprintf("%s.%s", name, g->subject), moon_strdup("nothing"),
                                 full_text(g, false));
        }
    }
}

/* ---- errors ---- */

static void match_errors(const struct moon_test_case *c, const struct moon_test_answers *a,
                         struct moon_test_result *ret)
{
    const char *expected = c->expect.error;
    bool found = false;

    for (size_t i = 0; i < a->errors.count; i++) {
        const struct moon_test_item *e = &a->errors.items[i];
        if (expected != NULL && fits(expected, e->reason)) {
            found = true;
        } else {
            moon_test_result_add(ret, c->expect.error_line != 0 ? c->expect.error_line : c->line,
                                 moon_asprintf("error of %s", e->subject),
                                 moon_strdup(expected != NULL ? expected : "no error"),
                                 moon_strdup(e->reason));
            found = true;
        }
    }
    if (expected != NULL && !found) {
        moon_test_result_add(ret, c->expect.error_line, moon_strdup("error"), moon_strdup(expected),
                             moon_strdup("no error"));
    }
}

/* ---- all of it ---- */

static void match_aspect(const struct moon_test_case *c, const struct moon_test_answers *a,
                         enum moon_test_aspect aspect, const struct moon_test_list *stock,
                         struct moon_test_result *ret)
{
    switch (aspect) {
    case MOON_TEST_TOLERATIONS:
        match_tolerations(c, a, stock, ret);
        return;
    case MOON_TEST_SELECT:
    case MOON_TEST_MUTATE:
    case MOON_TEST_HEALTH:
        match_each(c, a, aspect, ret);
        return;
    case MOON_TEST_STATUS:
    case MOON_TEST_KV:
        match_named(c, a, aspect, ret);
        return;
    case MOON_TEST_RANK:
    case MOON_TEST_EVENTS:
        match_in_order(c, a, aspect, ret);
        return;
    case MOON_TEST_GATE:
    case MOON_TEST_ANALYZE:
    case MOON_TEST_ON_EVENT:
        match_one(c, a, aspect, ret);
        return;
    case MOON_TEST_UPDATE:
        match_update(c, a, ret);
        return;
    case MOON_TEST_ASPECTS:
        return;
    }
}

void moon_test_match(const struct moon_test_case *c, const struct moon_test_answers *a,
                     const struct moon_test_list *stock, struct moon_test_result *ret)
{
    match_errors(c, a, ret);
    for (int i = 0; i < MOON_TEST_ASPECTS; i++) {
        if (c->expect.has[i] && a->asked[i]) {
            match_aspect(c, a, (enum moon_test_aspect)i, stock, ret);
        } else if (c->expect.has[i] && a->errors.count == 0) {
            moon_test_result_add(ret, c->expect.lines[i],
                                 moon_strdup(moon_test_aspect_name((enum moon_test_aspect)i)),
                                 moon_strdup("an answer"), moon_strdup("it was not asked"));
        }
    }
}

static char *list_text(const struct moon_test_list *list)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);

    for (size_t i = 0; i < list->count; i++) {
        MOON_AUTOFREE char *one = full_text(&list->items[i], true);
        moon_buf_printf(&out, "%s%s", i > 0 ? "; " : "", one);
    }
    return moon_buf_take(&out, NULL);
}

static bool same_item(const struct moon_test_item *a, const struct moon_test_item *b)
{
    /* That tells how long it took. */
    bool stopped = moon_streq(a->verb, "stopped");

    return moon_streq(a->subject, b->subject) && moon_streq(a->verb, b->verb) &&
           (stopped || moon_streq(a->reason, b->reason)) && a->number == b->number &&
           moon_streq(a->detail, b->detail);
}

/* The first place where they part. */
static void compare_lists(size_t line, const char *name, const struct moon_test_list *first,
                          const struct moon_test_list *other, const char *how,
                          struct moon_test_result *ret)
{
    size_t i = 0;

    while (i < first->count && i < other->count && same_item(&first->items[i], &other->items[i])) {
        i++;
    }
    if (i == first->count && i == other->count) {
        return;
    }
    moon_test_result_add(ret, line, moon_asprintf("%s[%zu], %s", name, i, how),
                         i < first->count ? full_text(&first->items[i], true)
                                          : moon_strdup("nothing more, as before"),
                         i < other->count ? full_text(&other->items[i], true) : list_text(other));
}

void moon_test_compare(const struct moon_test_case *c, const struct moon_test_answers *first,
                       const struct moon_test_answers *other, const char *how,
                       struct moon_test_result *ret)
{
    for (int i = 0; i < MOON_TEST_ASPECTS; i++) {
        /* The order of tolerations is no part of an answer. */
        if (i != MOON_TEST_TOLERATIONS) {
            size_t line = c->expect.has[i] ? c->expect.lines[i] : c->line;
            compare_lists(line, moon_test_aspect_name((enum moon_test_aspect)i), &first->lists[i],
                          &other->lists[i], how, ret);
        }
    }
    compare_lists(c->line, "errors", &first->errors, &other->errors, how, ret);
}
