/* SPDX-License-Identifier: Apache-2.0
 *
 * test_evictee.c - which pods a drain asks to go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/evictee.h"
#include "projected.h"

/* metadata beyond the usual head, and the rest. */
#define POD(metadata, rest)                                                                        \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"uid\":\"u\","            \
    "\"resourceVersion\":\"7\"" metadata "}" rest "}"
#define OWNED(kind, version)                                                                       \
    ",\"ownerReferences\":[{\"apiVersion\":\"" version "\",\"kind\":\"" kind                       \
    "\",\"name\":\"o\",\"uid\":\"o-1\",\"controller\":true}]"
#define REPLICAS OWNED("ReplicaSet", "apps/v1")
#define EMPTY_DIR ",\"spec\":{\"volumes\":[{\"name\":\"a\"},{\"name\":\"b\",\"emptyDir\":{}}]}"
#define MIRROR ",\"annotations\":{\"kubernetes.io/config.mirror\":\"\"}"
#define GOING ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""

static enum moon_evict_verdict judge(const char *text, struct moon_evict_opts opts,
                                     const char **ret_why)
{
    const struct moon_object *o = projected(&moon_kind_evictee, text);
    enum moon_evict_verdict verdict = moon_evictee_judge(moon_evictee(o), &opts, ret_why);

    moon_object_unref(o);
    return verdict;
}

static void pods_are_chosen_as_kubectl_drain_does(void **state)
{
    static const struct {
        const char *text;
        struct moon_evict_opts opts;
        enum moon_evict_verdict verdict;
        const char *why;
    } rows[] = {
        {POD(REPLICAS, ""), {0}, MOON_EVICT_IT, NULL},
        {POD(OWNED("DaemonSet", "apps/v1"), EMPTY_DIR), {0}, MOON_EVICT_STAYS, NULL},
        {POD(OWNED("DaemonSet", "apps.kruise.io/v1alpha1"), ""), {0}, MOON_EVICT_IT, NULL},
        {POD(MIRROR, ""), {0}, MOON_EVICT_STAYS, NULL},
        {POD(REPLICAS, ",\"status\":{\"phase\":\"Succeeded\"}"), {0}, MOON_EVICT_STAYS, NULL},
        {POD("", ",\"status\":{\"phase\":\"Failed\"}"), {0}, MOON_EVICT_STAYS, NULL},
        {POD(REPLICAS GOING, EMPTY_DIR), {0}, MOON_EVICT_GOING, NULL},
        {POD(GOING, ""), {0}, MOON_EVICT_GOING, NULL},
        {POD("", ""), {0}, MOON_EVICT_NEVER, "no controller"},
        {POD("", ""), {.unmanaged = true}, MOON_EVICT_IT, NULL},
        {POD(REPLICAS, EMPTY_DIR), {.unmanaged = true}, MOON_EVICT_NEVER, "emptyDir"},
        {POD(REPLICAS, EMPTY_DIR), {.local_data = true}, MOON_EVICT_IT, NULL},
        {POD("", EMPTY_DIR), {.local_data = true}, MOON_EVICT_NEVER, "no controller"},
    };

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const char *why = "not set";
        if (judge(rows[i].text, rows[i].opts, &why) != rows[i].verdict) {
            fail_msg("%s: %d", rows[i].text, (int)judge(rows[i].text, rows[i].opts, NULL));
        }
        assert_true((why == NULL) == (rows[i].why == NULL));
        assert_true(why == NULL || strstr(why, rows[i].why) != NULL);
    }
    assert_int_equal(moon_intern_count(), 0);
}

static void an_eviction_is_of_one_uid(void **state)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);

    (void)state;
    moon_evictee_write("d", "p", "u", -1, &out);
    assert_string_equal(moon_buf_cstr(&out),
                        "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
                        "\"name\":\"p\",\"namespace\":\"d\"},\"deleteOptions\":{"
                        "\"preconditions\":{\"uid\":\"u\"}}}");
    moon_buf_clear(&out);
    moon_evictee_write("d", "p", "u", 30, &out);
    assert_non_null(strstr(moon_buf_cstr(&out), "{\"gracePeriodSeconds\":30,\"precond"));
}

static void what_changes_nothing_is_the_same(void **state)
{
    const struct moon_object *a = projected(&moon_kind_evictee, POD(REPLICAS, ""));
    const struct moon_object *b =
        projected(&moon_kind_evictee, POD(REPLICAS, ",\"status\":{\"podIP\":\"10.0.0.1\"}"));
    const struct moon_object *c = projected(&moon_kind_evictee, POD(REPLICAS GOING, ""));

    (void)state;
    assert_true(moon_kind_evictee.same(a, b));
    assert_false(moon_kind_evictee.same(a, c));
    moon_object_unref(a);
    moon_object_unref(b);
    moon_object_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pods_are_chosen_as_kubectl_drain_does),
        cmocka_unit_test(an_eviction_is_of_one_uid),
        cmocka_unit_test(what_changes_nothing_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
