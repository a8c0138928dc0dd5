/* SPDX-License-Identifier: Apache-2.0
 *
 * Disruption budgets: what their status should say of the pods they cover, and what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/budget.h"

enum {
    NOW_S = 1767225600, /* 2026-01-01T00:00:00Z */
    TEXT_MAX = 16 * 1024,
    PODS_MAX = 4
};

#define READY "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}"
#define OWNED                                                                                      \
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\","                     \
    "\"name\":\"d\",\"uid\":\"d\",\"controller\":true}]"
#define DELETED "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""
#define COVERED "\"selector\":{\"matchLabels\":{\"app\":\"a\"}}"
#define EVICTED(time) "\"disruptedPods\":{\"p0\":\"" time "\"}"

struct pod {
    const char *labels;
    const char *metadata; /* besides */
    const char *status;
};

static const struct row {
    const char *name;
    const char *spec;
    const char *status;
    struct pod pods[PODS_MAX]; /* p0, p1, …; up to the first without labels */
    int64_t healthy, desired, expected, allowed;
    const char *reason;
    int64_t recheck_s;
} rows[] = {
    {"no pods", "\"minAvailable\":1," COVERED, "", {{0}}, 0, 1, 0, 0, "InsufficientPods", 0},
    {"one to spare",
     "\"minAvailable\":1," COVERED,
     "",
     {{"\"app\":\"a\"", "", READY}, {"\"app\":\"a\"", "", READY}, {"\"app\":\"b\"", "", READY}},
     2,
     1,
     2,
     1,
     "SufficientPods",
     0},
    {"pods that end or are not ready are not healthy",
     "\"minAvailable\":1," COVERED,
     "",
     {{"\"app\":\"a\"", DELETED, READY}, {"\"app\":\"a\"", "", ""}, {"\"app\":\"a\"", "", READY}},
     1,
     1,
     3,
     0,
     "InsufficientPods",
     0},
    {"an eviction under way counts against it",
     "\"minAvailable\":1," COVERED,
     EVICTED("2025-12-31T23:59:30Z"),
     {{"\"app\":\"a\"", "", READY}, {"\"app\":\"a\"", "", READY}},
     1,
     1,
     2,
     0,
     "InsufficientPods",
     90},
    {"an eviction that came to nothing does not",
     "\"minAvailable\":1," COVERED,
     EVICTED("2025-12-31T23:57:59Z"),
     {{"\"app\":\"a\"", "", READY}, {"\"app\":\"a\"", "", READY}},
     2,
     1,
     2,
     1,
     "SufficientPods",
     0},
    {"pods of nobody have no scale",
     "\"maxUnavailable\":1," COVERED,
     "",
     {{"\"app\":\"a\"", "", READY}},
     1,
     0,
     0,
     0,
     "InsufficientPods",
     0},
    {"a DaemonSet has no scale: fails safe, the rest stays",
     "\"minAvailable\":\"50%\"," COVERED,
     "\"currentHealthy\":7,\"disruptionsAllowed\":3",
     {{"\"app\":\"a\"", OWNED, READY}},
     7,
     0,
     0,
     0,
     "SyncFailed",
     0},
    {"no selector covers nothing",
     "\"minAvailable\":1",
     "",
     {{"\"app\":\"a\"", "", READY}},
     0,
     1,
     0,
     0,
     "InsufficientPods",
     0},
    {"an empty one everything",
     "\"minAvailable\":0,\"selector\":{}",
     "",
     {{"\"app\":\"a\"", "", READY}, {"\"app\":\"b\"", "", READY}},
     2,
     0,
     2,
     2,
     "SufficientPods",
     0},
};

static const struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

static struct moon_store *pods_of(const struct row *row)
{
    struct moon_store *pods =
        moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_played_pod});
    for (unsigned i = 0; i < PODS_MAX && row->pods[i].labels != NULL; i++) {
        const struct pod *pod = &row->pods[i];
        MOON_AUTOFREE char *text =
            moon_asprintf("{\"metadata\":{\"name\":\"p%u\",\"namespace\":\"n\",\"uid\":\"p%u\","
                          "\"resourceVersion\":\"%u\",\"labels\":{%s}%s%s},\"spec\":{}%s%s}",
                          i, i, i + 1, pod->labels, pod->metadata[0] != '\0' ? "," : "",
                          pod->metadata, pod->status[0] != '\0' ? "," : "", pod->status);
        moon_store_put_event(pods, project(&moon_kind_played_pod, text));
    }
    return pods;
}

static const struct moon_object *budget_of(const char *spec, const char *status)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"b\",\"namespace\":\"n\",\"uid\":\"b\",\"resourceVersion\":\"9\","
        "\"generation\":2},\"spec\":{%s},\"status\":{%s}}",
        spec, status);
    return project(&moon_kind_budget, text);
}

static void test_judge(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct moon_budget_verdict v;
        struct moon_store *pods = pods_of(row);
        const struct moon_object *budget = budget_of(row->spec, row->status);
        moon_budget_judge(moon_budget(budget), pods, NOW_S, &v);
        if (v.status.healthy != row->healthy || v.status.desired != row->desired ||
            v.status.expected != row->expected || v.status.allowed != row->allowed ||
            v.recheck_s != row->recheck_s || !moon_streq(v.reason, row->reason)) {
            fail_msg("%s: healthy %lld desired %lld expected %lld allowed %lld %s, again in %lld s",
                     row->name, (long long)v.status.healthy, (long long)v.status.desired,
                     (long long)v.status.expected, (long long)v.status.allowed, v.reason,
                     (long long)v.recheck_s);
        }
        moon_object_unref(budget);
        moon_store_free(pods);
    }
}

/* What is so already is not written; an eviction that is over goes. */
static void test_write(void **state)
{
    static const char settled[] =
        "\"observedGeneration\":2,\"disruptionsAllowed\":1,\"currentHealthy\":2,"
        "\"desiredHealthy\":1,\"expectedPods\":2,\"conditions\":[{\"type\":\"DisruptionAllowed\","
        "\"status\":\"True\",\"reason\":\"SufficientPods\","
        "\"lastTransitionTime\":\"2025-01-01T00:00:00Z\"}]";
    MOON_AUTOFREE char *with_eviction =
        moon_asprintf("%s,\"disruptedPods\":{\"gone\":\"2025-12-31T23:59:59Z\"}", settled);
    const struct {
        const char *status;
        const char *writes; /* NULL: nothing */
    } cases[] = {
        {settled, NULL},
        {with_eviction, "\"disruptedPods\":{\"gone\":null}"},
        {"\"observedGeneration\":1", "\"observedGeneration\":2,\"disruptionsAllowed\":1"},
        {with_eviction, "\"lastTransitionTime\":\"2025-01-01T00:00:00Z\""},
    };
    struct moon_store *pods = pods_of(&rows[1]);
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(TEXT_MAX);
        struct moon_budget_verdict v;
        const struct moon_object *budget = budget_of(rows[1].spec, cases[i].status);
        moon_budget_judge(moon_budget(budget), pods, NOW_S, &v);
        bool wanted = moon_budget_write(moon_budget(budget), &v, pods, NOW_S, &body);
        assert_int_equal(wanted, cases[i].writes != NULL);
        if (cases[i].writes != NULL) {
            assert_non_null(strstr(moon_buf_cstr(&body), cases[i].writes));
        }
        moon_object_unref(budget);
    }
    moon_store_free(pods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
