/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/intstr.h"

static const struct {
    const char *json;
    bool set;
    bool is_percent;
    int64_t value;
    const char *error;
} values[] = {
    {"null", false, false, 0, NULL},
    {"0", true, false, 0, NULL},
    {"5", true, false, 5, NULL},
    {"-1", true, false, -1, NULL},
    {"2147483647", true, false, 2147483647, NULL},
    {"\"0%\"", true, true, 0, NULL},
    {"\"10%\"", true, true, 10, NULL},
    {"\"250%\"", true, true, 250, NULL},
    {"\"-5%\"", true, true, -5, NULL},
    {"\"5\"", 0, 0, 0, "invalid value for IntOrString: invalid type: string is not a percentage"},
    {"\"\"", 0, 0, 0, "invalid value for IntOrString: invalid type: string is not a percentage"},
    {"\"%\"", 0, 0, 0, "invalid value for IntOrString: invalid value \"%\": no number before %"},
    {"\"a%\"", 0, 0, 0, "invalid value for IntOrString: invalid value \"a%\": no number before %"},
    {"\"1.5%\"", 0, 0, 0,
     "invalid value for IntOrString: invalid value \"1.5%\": no number before %"},
    {"\" 5%\"", 0, 0, 0,
     "invalid value for IntOrString: invalid value \" 5%\": no number before %"},
    {"1.5", 0, 0, 0, "invalid value for IntOrString: 1.5 is not a 32-bit integer"},
    {"2147483648", 0, 0, 0, "invalid value for IntOrString: 2.14748e+09 is not a 32-bit integer"},
    {"true", 0, 0, 0, "invalid value for IntOrString: invalid type: neither a number nor a text"},
    {"[1]", 0, 0, 0, "invalid value for IntOrString: invalid type: neither a number nor a text"},
};

static void test_from_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(values); i++) {
        struct moon_err err = {0};
        struct moon_intstr v = {.value = 77};
        MOON_AUTOJSON *json = moon_json_parse(moon_str(values[i].json), &err);
        int rc = moon_intstr_from_json(json, &v, &err);
        if (values[i].error != NULL) {
            assert_int_equal(rc, -MOON_E_INVALID);
            assert_string_equal(err.text, values[i].error);
            assert_int_equal(v.value, 77);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(v.set, values[i].set);
        assert_int_equal(v.is_percent, values[i].is_percent);
        assert_int_equal(v.value, values[i].value);
    }
    struct moon_err err = {0};
    struct moon_intstr v = {.set = true};
    assert_int_equal(moon_intstr_from_json(NULL, &v, &err), 0);
    assert_false(v.set);
}

static void test_parse(void **state)
{
    (void)state;
    struct moon_err err = {0};
    struct moon_intstr v;
    assert_int_equal(moon_intstr_parse(MOON_STR_LIT("25%"), &v, &err), 0);
    assert_true(v.set && v.is_percent && v.value == 25);
    assert_int_equal(moon_intstr_parse(MOON_STR_LIT("25"), &v, &err), 0);
    assert_true(v.set && !v.is_percent && v.value == 25);
    assert_int_equal(moon_intstr_parse(MOON_STR_LIT("x"), &v, &err), -MOON_E_INVALID);
    assert_int_equal(moon_intstr_parse((struct moon_str){0}, &v, &err), -MOON_E_INVALID);
    assert_int_equal(moon_intstr_parse(MOON_STR_LIT("99999999999%"), &v, &err), -MOON_E_INVALID);
}

static void test_scale(void **state)
{
    (void)state;
    static const struct {
        struct moon_intstr value;
        int64_t total;
        int64_t up;
        int64_t down;
    } rows[] = {
        {{false, false, 5}, 10, 0, 0},
        {{true, false, 5}, 10, 5, 5},
        {{true, false, 5}, 0, 5, 5},
        {{true, true, 50}, 2, 1, 1}, /* the stock controller's table */
        {{true, true, 100}, 2, 2, 2},
        {{true, true, 50}, 3, 2, 1},
        {{true, true, 10}, 5000, 500, 500},
        {{true, true, 1}, 1, 1, 0},
        {{true, true, 0}, 1000, 0, 0},
        {{true, true, 1}, 0, 0, 0},
        {{true, true, 33}, 10, 4, 3},
        {{true, true, 250}, 3, 8, 7},
        {{true, true, -50}, 3, -1, -2},
        {{true, true, 2147483647}, INT64_MAX, INT64_MAX, INT64_MAX},
        {{true, true, 100}, INT64_MAX, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(moon_intstr_scale(rows[i].value, rows[i].total, true), rows[i].up);
        assert_int_equal(moon_intstr_scale(rows[i].value, rows[i].total, false), rows[i].down);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
