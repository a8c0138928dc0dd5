/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/quantity.h"

static struct moon_quantity quantity(const char *text)
{
    struct moon_err err = {0};
    struct moon_quantity q = {0};
    if (moon_quantity_parse(moon_str(text), &q, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return q;
}

static void assert_written(struct moon_quantity q, const char *from, const char *want)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    moon_quantity_write(q, &out);
    if (strcmp(moon_buf_cstr(&out), want) != 0) {
        fail_msg("%s: got %s, want %s", from, moon_buf_cstr(&out), want);
    }
}

/* What apimachinery reads, and writes again. */
static const struct {
    const char *text;
    const char *written;
    int64_t units;
    int64_t milli;
} good[] = {
    {"0", "0", 0, 0},
    {"-0", "0", 0, 0},
    {"0Ki", "0", 0, 0},
    {"0.000", "0", 0, 0},
    {"1", "1", 1, 1000},
    {"+1", "1", 1, 1000},
    {"00100", "100", 100, 100000},
    {"100m", "100m", 1, 100},
    {"0.1", "100m", 1, 100},
    {".5", "500m", 1, 500},
    {"5.", "5", 5, 5000},
    {"1.5", "1500m", 2, 1500},
    {"1000m", "1", 1, 1000},
    {"1000", "1k", 1000, 1000000},
    {"1500", "1500", 1500, 1500000},
    {"1e3", "1e3", 1000, 1000000},
    {"1E3", "1e3", 1000, 1000000},
    {"1e+3", "1e3", 1000, 1000000},
    {"12e-1", "1200e-3", 2, 1200},
    {"1e0", "1", 1, 1000},
    {"100e2", "10e3", 10000, 10000000},
    {"1E", "1E", 1000000000000000000, INT64_MAX},
    {"1M", "1M", 1000000, 1000000000},
    {"1Ki", "1Ki", 1024, 1024000},
    {"1000Ki", "1000Ki", 1024000, 1024000000},
    {"1024Ki", "1Mi", 1048576, 1048576000},
    {"64Mi", "64Mi", 67108864, 67108864000},
    {"0.5Gi", "512Mi", 536870912, 536870912000},
    {"1.5Gi", "1536Mi", 1610612736, 1610612736000},
    {"0.5Ki", "512", 512, 512000},
    {"1.1Ki", "1126400m", 1127, 1126400},
    {"0.0001Ki", "102400u", 1, 103},
    {"8Ei", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"-8Ei", "-9223372036854775807", -INT64_MAX, INT64_MIN},
    {"7Ei", "7Ei", 8070450532247928832, INT64_MAX},
    {"1n", "1n", 1, 1},
    {"1u", "1u", 1, 1},
    {"0.9n", "1n", 1, 1},
    {"1.1n", "2n", 1, 1},
    {"-0.1n", "-1n", -1, -1},
    {"1e-100", "1e-9", 1, 1},
    {"0e100", "0", 0, 0},
    {"1.2345", "1234500u", 2, 1235},
    {"-1.5", "-1500m", -2, -1500},
    {"-100Mi", "-100Mi", -104857600, -104857600000},
    {"9223372036854775807", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"18446744073709551616", "18446744073709551616", INT64_MAX, INT64_MAX},
    {"1000E", "1e21", INT64_MAX, INT64_MAX},
    {"1e100", "10e27", INT64_MAX, INT64_MAX}, /* ours: kept at 10^28 */
    {"1.000000000000000000000000000001Ei", "1152921504606846976000000001n", 1152921504606846977,
     INT64_MAX},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(good); i++) {
        struct moon_quantity q = quantity(good[i].text);
        assert_written(q, good[i].text, good[i].written);
        if (moon_quantity_units(q) != good[i].units || moon_quantity_milli(q) != good[i].milli) {
            fail_msg("%s: %lld units, %lld milli", good[i].text, (long long)moon_quantity_units(q),
                     (long long)moon_quantity_milli(q));
        }
        assert_int_equal(moon_quantity_cmp(quantity(good[i].written), q), 0);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      "+",     "-",        ".",   "-.",  "Ki",     "m",       "1.1.M", "1+1.0M",
        "0.1mi", "0.1am", "aoeu",     ".5i", "1i",  "-3.01i", "-3.01e-", " 1",    "1 ",
        "1 Ki",  "1ki",   "1K",       "1e",  "1e+", "1e1.5",  "1e+-1",   "1Kim",  "--1",
        "1,5",   "0x10",  "\xc2\xb5", "NaN", "1mm", "1eKi",   "1Ei3",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        struct moon_err err = {0};
        struct moon_quantity q;
        if (moon_quantity_parse(moon_str(texts[i]), &q, &err) != -MOON_E_INVALID) {
            fail_msg("\"%s\" was accepted", texts[i]);
        }
        assert_non_null(strstr(err.text, texts[i]));
    }
    struct moon_err err = {0};
    struct moon_quantity q;
    char text[200];
    memset(text, '1', sizeof(text));
    assert_int_equal(moon_quantity_parse((struct moon_str){text, sizeof(text)}, &q, &err),
                     -MOON_E_INVALID);
    assert_string_equal(err.text, "quantity: longer than 100 characters");
}

static void test_cmp_add_sub(void **state)
{
    (void)state;
    assert_int_equal(moon_quantity_cmp(quantity("1"), quantity("1000m")), 0);
    assert_int_equal(moon_quantity_cmp(quantity("1Ki"), quantity("1k")), 1);
    assert_int_equal(moon_quantity_cmp(quantity("-1"), quantity("1n")), -1);
    assert_written(moon_quantity_add(quantity("500m"), quantity("1.5")), "+", "2");
    assert_written(moon_quantity_add(quantity("1Gi"), quantity("1Mi")), "+", "1025Mi");
    assert_written(moon_quantity_add(quantity("0"), quantity("1Gi")), "+", "1Gi");
    assert_written(moon_quantity_add(quantity("1Gi"), quantity("0")), "+", "1Gi");
    assert_written(moon_quantity_sub(quantity("1"), quantity("1500m")), "-", "-500m");
    assert_written(moon_quantity_sub(quantity("1Gi"), quantity("512Mi")), "-", "512Mi");
    assert_written(moon_quantity_add(quantity("1e100"), quantity("1e100")), "+", "10e27");
    assert_written(moon_quantity_sub(quantity("-1e100"), quantity("1e100")), "-", "-10e27");
    assert_written(moon_quantity_from_i64(INT64_MIN), "i64", "-9223372036854775808");
}

static void test_scale(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t numerator;
        int64_t denominator;
        const char *want;
    } rows[] = {
        {"1", 1, 3, "334m"},
        {"-1", 1, 3, "-334m"},
        {"100m", 10, 100, "10m"},
        {"64Mi", 3, 2, "96Mi"},
        {"1Gi", 1, 3, "357913941334m"},
        {"1n", 1, 1, "1m"},
        {"5", 0, 7, "0"},
        {"1", -1, 2, "-500m"},
        {"1e27", INT64_MAX, 1, "10e27"},
        {"-1e27", INT64_MAX, 1, "-10e27"},
        {"1e27", INT64_MAX, INT64_MAX, "1e27"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_written(
            moon_quantity_scale(quantity(rows[i].text), rows[i].numerator, rows[i].denominator),
            rows[i].text, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cmp_add_sub),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
