/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/taint.h"

static struct moon_tolerations tolerations_of(const char *text)
{
    struct moon_err err = {0};
    struct moon_tolerations list = {0};
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
    if (moon_tolerations_from_json(json, &list, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return list;
}

static struct moon_taints taints_of(const char *text)
{
    struct moon_err err = {0};
    struct moon_taints taints = {0};
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
    if (moon_taints_from_json(json, &taints, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return taints;
}

static void assert_written(const struct moon_tolerations *list, const char *want)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(10000);
    moon_tolerations_write(list, &out);
    assert_string_equal(moon_buf_cstr(&out), want);
}

static int no_symbols_left(void **state)
{
    (void)state;
    return moon_intern_count() == 0 ? 0 : -1;
}

static void test_effects(void **state)
{
    (void)state;
    static const char *const names[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        assert_string_equal(moon_effect_name(moon_effect_parse(names[i])), names[i]);
    }
    assert_int_equal(moon_effect_parse(NULL), MOON_EFFECT_NONE);
    assert_int_equal(moon_effect_parse(""), MOON_EFFECT_NONE);
    assert_int_equal(moon_effect_parse("noschedule"), MOON_EFFECT_OTHER);
    assert_null(moon_effect_name(MOON_EFFECT_NONE));
    assert_null(moon_effect_name(MOON_EFFECT_OTHER));
}

/* component-helpers' table, and the edges of each rule. */
static const struct {
    const char *toleration;
    const char *taint;
    bool want;
} rules[] = {
    {"{\"key\":\"k\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
    {"{\"key\":\"k\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"effect\":\"NoSchedule\"}", true},
    {"{\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
    {"{\"operator\":\"Exists\"}", "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoExecute\"}", true},
    {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"v\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
    {"{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
    {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"v\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"other\",\"effect\":\"NoSchedule\"}", false},
    {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"v\",\"effect\":\"NoSchedule\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoExecute\"}", false},
    {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"v\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoExecute\"}", true},
    {"{\"key\":\"other\",\"operator\":\"Exists\"}", "{\"key\":\"k\",\"effect\":\"NoSchedule\"}",
     false},
    {"{\"key\":\"k\"}", "{\"key\":\"k\",\"effect\":\"NoSchedule\"}", true},
    {"{\"key\":\"k\"}", "{\"key\":\"k\",\"value\":null,\"effect\":\"NoSchedule\"}", true},
    /* an empty key with Equal takes any key of that value */
    {"{\"operator\":\"Equal\",\"value\":\"v\"}",
     "{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
    {"{\"operator\":\"Equal\",\"value\":\"v\"}", "{\"key\":\"k\",\"effect\":\"NoSchedule\"}",
     false},
    /* Lt and Gt are off, unknown operators and effects bear nothing */
    {"{\"key\":\"k\",\"operator\":\"Gt\",\"value\":\"750\"}",
     "{\"key\":\"k\",\"value\":\"950\",\"effect\":\"NoSchedule\"}", false},
    {"{\"key\":\"k\",\"operator\":\"Lt\",\"value\":\"950\"}",
     "{\"key\":\"k\",\"value\":\"800\",\"effect\":\"NoSchedule\"}", false},
    {"{\"key\":\"k\",\"operator\":\"exists\"}", "{\"key\":\"k\",\"effect\":\"NoSchedule\"}", false},
    {"{\"operator\":\"Exists\",\"effect\":\"Odd\"}", "{\"key\":\"k\",\"effect\":\"Odd\"}", false},
    {"{\"operator\":\"Exists\"}", "{\"key\":\"k\",\"effect\":\"Odd\"}", true},
    {"{\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}", "{\"key\":\"k\"}", false},
};

static void test_tolerates(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rules); i++) {
        MOON_AUTOFREE char *list_text = moon_asprintf("[%s]", rules[i].toleration);
        MOON_AUTOFREE char *taints_text = moon_asprintf("[%s]", rules[i].taint);
        struct moon_tolerations list = tolerations_of(list_text);
        struct moon_taints taints = taints_of(taints_text);
        if (moon_tolerates(&list.items[0], &taints.items[0]) != rules[i].want) {
            fail_msg("%s on %s", rules[i].toleration, rules[i].taint);
        }
        moon_tolerations_fini(&list);
        moon_taints_fini(&taints);
    }
}

static void test_untolerated(void **state)
{
    (void)state;
    struct moon_taints taints = taints_of("[{\"key\":\"a\",\"effect\":\"PreferNoSchedule\"},"
                                          "{\"key\":\"b\",\"effect\":\"NoSchedule\"},"
                                          "{\"key\":\"c\",\"effect\":\"NoExecute\"}]");
    struct moon_tolerations list = {0};
    const unsigned hard = 1U << MOON_EFFECT_NO_SCHEDULE | 1U << MOON_EFFECT_NO_EXECUTE;

    assert_ptr_equal(moon_untolerated(&taints, &list, hard), &taints.items[1]);
    assert_ptr_equal(moon_untolerated(&taints, &list, 1U << MOON_EFFECT_NO_EXECUTE),
                     &taints.items[2]);
    assert_ptr_equal(moon_untolerated(&taints, &list, ~0U), &taints.items[0]);
    moon_tolerations_add(&list, "b", "Exists", NULL, NULL, NULL);
    assert_ptr_equal(moon_untolerated(&taints, &list, hard), &taints.items[2]);
    moon_tolerations_add(&list, "c", NULL, "", "NoExecute", NULL);
    assert_null(moon_untolerated(&taints, &list, hard));
    assert_null(moon_untolerated(&(struct moon_taints){0}, &list, ~0U));
    moon_tolerations_fini(&list);
    moon_taints_fini(&taints);
}

/* The stock controller's AddOrUpdateDaemonPodTolerations, on the cases of its description. */
static void test_merge(void **state)
{
    (void)state;
    struct moon_tolerations list =
        tolerations_of("[{\"key\":\"n\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","
                       "\"tolerationSeconds\":30},"
                       "{\"key\":\"n\",\"operator\":\"Equal\",\"effect\":\"NoExecute\"},"
                       "{\"key\":\"n\",\"operator\":\"Exists\"},"
                       "{\"key\":\"n\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","
                       "\"tolerationSeconds\":60}]");
    struct moon_tolerations defaults = {0};
    moon_tolerations_add(&defaults, "n", "Exists", "", "NoExecute", NULL);
    moon_tolerations_merge(&list, &defaults.items[0]);
    assert_written(&list, "[{\"key\":\"n\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"},"
                          "{\"key\":\"n\",\"operator\":\"Equal\",\"effect\":\"NoExecute\"},"
                          "{\"key\":\"n\",\"operator\":\"Exists\"},"
                          "{\"key\":\"n\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"}]");
    moon_tolerations_fini(&list);

    list = tolerations_of("[{\"key\":\"n\",\"effect\":\"NoExecute\"},"
                          "{\"key\":\"n\",\"operator\":\"Exists\",\"value\":\"v\","
                          "\"effect\":\"NoExecute\"}]");
    moon_tolerations_merge(&list, &defaults.items[0]);
    moon_tolerations_merge(&list, &defaults.items[0]);
    assert_int_equal(list.count, 3);
    assert_true(moon_tolerations_equal(&(struct moon_tolerations){&list.items[2], 1}, &defaults));
    moon_tolerations_fini(&list);

    /* An operator left out means Equal, but is not the same text. */
    list = tolerations_of("[{\"key\":\"n\",\"value\":\"v\"}]");
    moon_tolerations_add(&defaults, "n", "Equal", "v", "", NULL);
    moon_tolerations_merge(&list, &defaults.items[1]);
    assert_int_equal(list.count, 2);
    moon_tolerations_fini(&list);
    moon_tolerations_fini(&defaults);
}

static void test_write_copy_equal(void **state)
{
    (void)state;
    static const char text[] =
        "[{\"key\":\"a<b\",\"operator\":\"Equal\",\"value\":\"x\",\"effect\":\"NoExecute\","
        "\"tolerationSeconds\":-5},{\"operator\":\"Exists\"},{},{\"tolerationSeconds\":0},"
        "{\"key\":\"k\",\"operator\":\"Gt\",\"value\":\"7\",\"effect\":\"Odd\","
        "\"tolerationSeconds\":9223372036854775807}]";
    struct moon_tolerations list = tolerations_of(text);
    struct moon_tolerations copy = {0};
    assert_written(&list,
                   "[{\"key\":\"a\\u003cb\",\"operator\":\"Equal\",\"value\":\"x\","
                   "\"effect\":\"NoExecute\",\"tolerationSeconds\":-5},{\"operator\":\"Exists\"},"
                   "{},{\"tolerationSeconds\":0},"
                   "{\"key\":\"k\",\"operator\":\"Gt\",\"value\":\"7\",\"effect\":\"Odd\","
                   "\"tolerationSeconds\":9223372036854775807}]");
    moon_tolerations_copy(&list, &copy);
    assert_true(moon_tolerations_equal(&list, &copy));
    copy.items[3].has_seconds = false;
    assert_false(moon_tolerations_equal(&list, &copy));
    copy.items[3].has_seconds = true;
    copy.items[3].seconds = 1;
    assert_false(moon_tolerations_equal(&list, &copy));
    moon_tolerations_fini(&list);
    assert_false(moon_tolerations_equal(&list, &copy));
    moon_tolerations_fini(&copy);
    assert_written(&copy, "[]");
    moon_tolerations_copy(&copy, &list);
    assert_true(moon_tolerations_equal(&list, &copy));
}

static void test_taints_equal(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "[]",
        "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]",
        "[{\"key\":\"a\",\"effect\":\"NoExecute\"}]",
        "[{\"key\":\"a\",\"value\":\"1\",\"effect\":\"NoSchedule\"}]",
        "[{\"key\":\"b\",\"effect\":\"NoSchedule\"}]",
        "[{\"key\":\"a\",\"effect\":\"NoSchedule\"},{\"key\":\"b\",\"effect\":\"NoSchedule\"}]",
        "[{\"key\":\"b\",\"effect\":\"NoSchedule\"},{\"key\":\"a\",\"effect\":\"NoSchedule\"}]",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        for (size_t k = 0; k < MOON_ARRAY_SIZE(lists); k++) {
            struct moon_taints a = taints_of(lists[i]);
            struct moon_taints b = taints_of(lists[k]);
            assert_int_equal(moon_taints_equal(&a, &b), i == k);
            moon_taints_fini(&a);
            moon_taints_fini(&b);
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *error;
    } rows[] = {
        {"{}", "not a list"},
        {"[{},5]", "[1]: not an object"},
        {"[{\"key\":1}]", "[0]: key: not a text"},
        {"[{\"value\":[]}]", "[0]: value: not a text"},
        {"[{\"effect\":true}]", "[0]: effect: not a text"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err = {0};
        struct moon_taints taints = {0};
        struct moon_tolerations list = {0};
        MOON_AUTOJSON *json = moon_json_parse(moon_str(rows[i].json), &err);
        assert_int_equal(moon_taints_from_json(json, &taints, &err), -MOON_E_INVALID);
        assert_string_equal(err.text, rows[i].error);
        assert_int_equal(moon_tolerations_from_json(json, &list, &err), -MOON_E_INVALID);
        assert_string_equal(err.text, rows[i].error);
        assert_null(taints.items);
        assert_null(list.items);
    }
    static const struct {
        const char *json;
        const char *error;
    } seconds[] = {
        {"[{\"tolerationSeconds\":\"5\"}]", "[0]: tolerationSeconds: not a 64-bit integer"},
        {"[{\"tolerationSeconds\":1.5}]", "[0]: tolerationSeconds: not an integer"},
        {"[{\"tolerationSeconds\":1e40}]", "[0]: tolerationSeconds: not a 64-bit integer"},
        {"[{\"operator\":7}]", "[0]: operator: not a text"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(seconds); i++) {
        struct moon_err err = {0};
        struct moon_tolerations list = {0};
        MOON_AUTOJSON *json = moon_json_parse(moon_str(seconds[i].json), &err);
        assert_int_equal(moon_tolerations_from_json(json, &list, &err), -MOON_E_INVALID);
        assert_string_equal(err.text, seconds[i].error);
    }
}

static void test_absent(void **state)
{
    (void)state;
    struct moon_err err = {0};
    struct moon_taints taints = {0};
    struct moon_tolerations list = {0};
    MOON_AUTOJSON *null = cJSON_CreateNull();
    assert_int_equal(moon_taints_from_json(NULL, &taints, &err), 0);
    assert_int_equal(moon_taints_from_json(null, &taints, &err), 0);
    assert_int_equal(moon_tolerations_from_json(NULL, &list, &err), 0);
    assert_int_equal(moon_tolerations_from_json(null, &list, &err), 0);
    assert_true(taints.count == 0 && list.count == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_effects, no_symbols_left),
        cmocka_unit_test_teardown(test_tolerates, no_symbols_left),
        cmocka_unit_test_teardown(test_untolerated, no_symbols_left),
        cmocka_unit_test_teardown(test_merge, no_symbols_left),
        cmocka_unit_test_teardown(test_write_copy_equal, no_symbols_left),
        cmocka_unit_test_teardown(test_taints_equal, no_symbols_left),
        cmocka_unit_test_teardown(test_errors, no_symbols_left),
        cmocka_unit_test_teardown(test_absent, no_symbols_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
