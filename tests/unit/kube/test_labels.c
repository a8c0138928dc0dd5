/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/labels.h"

static struct moon_labels labels_of(const char *text)
{
    struct moon_err err = {0};
    struct moon_labels l = {0};
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
    assert_non_null(json);
    if (moon_labels_from_json(json, &l, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return l;
}

static void test_sorted_and_found(void **state)
{
    (void)state;
    struct moon_labels l =
        labels_of("{\"b\":\"2\",\"a\":\"1\",\"c.d/e\":\"\",\"B\":\"3\",\"ab\":\"4\"}");
    static const char *const keys[] = {"B", "a", "ab", "b", "c.d/e"};
    static const char *const values[] = {"3", "1", "4", "2", ""};
    assert_int_equal(l.count, MOON_ARRAY_SIZE(keys));
    for (size_t i = 0; i < l.count; i++) {
        assert_string_equal(l.items[i].key, keys[i]);
        assert_string_equal(moon_labels_get(&l, keys[i]), values[i]);
    }
    assert_null(moon_labels_get(&l, ""));
    assert_null(moon_labels_get(&l, "A"));
    assert_null(moon_labels_get(&l, "aa"));
    assert_null(moon_labels_get(&l, "z"));
    assert_string_equal(moon_labels_get_str(&l, (struct moon_str){"abc", 2}), "4");
    moon_labels_fini(&l);
    assert_int_equal(l.count, 0);
    assert_int_equal(moon_intern_count(), 0);
}

static void test_last_duplicate_wins(void **state)
{
    (void)state;
    struct moon_labels l =
        labels_of("{\"a\":\"1\",\"b\":\"x\",\"a\":\"2\",\"a\":\"3\",\"b\":\"y\"}");
    assert_int_equal(l.count, 2);
    assert_string_equal(moon_labels_get(&l, "a"), "3");
    assert_string_equal(moon_labels_get(&l, "b"), "y");
    moon_labels_fini(&l);
    assert_int_equal(moon_intern_count(), 0);
}

static void test_absent_and_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"null", NULL},
        {"{}", NULL},
        {"[]", "not an object of texts"},
        {"\"a\"", "not an object of texts"},
        {"{\"a\":\"1\",\"b\":2}", "b: not a text"},
        {"{\"b\":null}", "b: not a text"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err = {0};
        struct moon_labels l = {0};
        MOON_AUTOJSON *json = moon_json_parse(moon_str(rows[i].text), &err);
        int rc = moon_labels_from_json(json, &l, &err);
        assert_int_equal(rc, rows[i].error != NULL ? -MOON_E_INVALID : 0);
        assert_string_equal(err.text, rows[i].error != NULL ? rows[i].error : "");
        assert_int_equal(l.count, 0);
    }
    struct moon_err err = {0};
    struct moon_labels l = {0};
    assert_int_equal(moon_labels_from_json(NULL, &l, &err), 0);
    assert_null(moon_labels_get(&l, "a"));
    assert_int_equal(moon_intern_count(), 0);
}

static void test_set_copy_equal(void **state)
{
    (void)state;
    struct moon_labels l = {0};
    struct moon_labels copy = {0};
    moon_labels_set(&l, "m", "1");
    moon_labels_set(&l, "z", "2");
    moon_labels_set(&l, "a", "3");
    moon_labels_copy(&l, &copy);
    assert_true(moon_labels_equal(&l, &copy));
    moon_labels_set(&l, "m", moon_labels_get(&l, "m")); /* its own text */
    assert_true(moon_labels_equal(&l, &copy));
    moon_labels_set(&l, "m", "4");
    assert_false(moon_labels_equal(&l, &copy));
    assert_string_equal(moon_labels_get(&l, "m"), "4");
    assert_string_equal(l.items[0].key, "a");
    moon_labels_set(&copy, "m", "4");
    moon_labels_set(&copy, "n", "");
    assert_false(moon_labels_equal(&l, &copy));
    moon_labels_fini(&l);
    moon_labels_fini(&copy);
    assert_true(moon_labels_equal(&l, &copy));
    moon_labels_copy(&l, &copy);
    assert_null(copy.items);
    assert_int_equal(moon_intern_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_and_found),
        cmocka_unit_test(test_last_duplicate_wins),
        cmocka_unit_test(test_absent_and_wrong),
        cmocka_unit_test(test_set_copy_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
