/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_compare(void **state)
{
    (void)state;
    static const struct {
        struct moon_str a, b;
        int order;
    } cases[] = {
        {{"", 0}, {NULL, 0}, 0},    {{"a", 1}, {"a", 1}, 0},   {{"a", 1}, {"ab", 2}, -1},
        {{"b", 1}, {"ab", 2}, 1},   {{NULL, 0}, {"a", 1}, -1}, {{"a\0b", 3}, {"a\0c", 3}, -1},
        {{"\x80", 1}, {"a", 1}, 1}, /* bytes are unsigned */
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        int order = moon_str_cmp(cases[i].a, cases[i].b);
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
        order = moon_str_cmp(cases[i].b, cases[i].a);
        assert_int_equal((order > 0) - (order < 0), -cases[i].order);
        assert_int_equal(moon_str_eq(cases[i].a, cases[i].b), cases[i].order == 0);
    }
    assert_true(moon_streq(NULL, NULL));
    assert_false(moon_streq(NULL, ""));
    assert_false(moon_streq("", NULL));
    assert_true(moon_streq("x", "x"));
    assert_true(moon_str_is((struct moon_str){"xyz", 2}, "xy"));
}

static void test_starts_ends(void **state)
{
    (void)state;
    static const struct {
        const char *s, *piece;
        bool starts, ends;
    } cases[] = {
        {"", "", true, true},       {"abc", "", true, true},    {"abc", "ab", true, false},
        {"abc", "bc", false, true}, {"abc", "abc", true, true}, {"abc", "abcd", false, false},
        {"", "a", false, false},    {"aba", "a", true, true},   {NULL, "", true, true},
        {NULL, "a", false, false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_int_equal(moon_str_starts(moon_str(cases[i].s), cases[i].piece), cases[i].starts);
        assert_int_equal(moon_str_ends(moon_str(cases[i].s), cases[i].piece), cases[i].ends);
    }
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        const char *s, *expected;
    } cases[] = {
        {NULL, ""}, {"", ""}, {" \t\r\n\v\f", ""}, {"a", "a"}, {"  a b\n", "a b"}, {"\ta", "a"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_true(moon_str_is(moon_str_trim(moon_str(cases[i].s)), cases[i].expected));
    }
}

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t max;
        const char *expected;
    } cases[] = {
        {NULL, 0, ""},           {"abc", 0, ""},    {"abc", 2, "ab"},
        {"abc", 3, "abc"},       {"abc", 9, "abc"}, {"aé", 2, "a"},
        {"aé", 3, "aé"},         {"aéb", 3, "aé"},  {"…", 2, ""},
        {"…x", 3, "…"},          {"😀x", 3, ""},     {"😀x", 4, "😀"},
        {"\x80\x80\x80", 2, ""}, /* no characters at all: nothing rather than too much */
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_str cut = moon_str_cut(moon_str(cases[i].s), cases[i].max);
        assert_true(moon_str_is(cut, cases[i].expected));
    }
}

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *s, *expected; /* pieces, each in [] */
    } cases[] = {
        {NULL, ""},    {"", "[]"},           {"a", "[a]"},    {"a,b", "[a][b]"},
        {",", "[][]"}, {"a,,b", "[a][][b]"}, {"a,", "[a][]"}, {",a", "[][a]"},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(100);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        moon_buf_clear(&out);
        struct moon_str rest = moon_str(cases[i].s);
        struct moon_str piece;
        while (moon_str_split(&rest, ',', &piece)) {
            moon_buf_printf(&out, "[%.*s]", MOON_STR_ARG(piece));
        }
        assert_string_equal(moon_buf_cstr(&out), cases[i].expected);
    }
}

static void test_dup(void **state)
{
    (void)state;
    MOON_AUTOFREE char *empty = moon_str_dup((struct moon_str){NULL, 0});
    assert_string_equal(empty, "");
    MOON_AUTOFREE char *part = moon_str_dup((struct moon_str){"abcdef", 3});
    assert_string_equal(part, "abc");
}

static void test_hash(void **state)
{
    (void)state;
    /* Same bytes, same hash, wherever they lie; every length and byte matters. */
    char text[64];
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < 32; len++) {
        struct moon_str s = {text, len};
        struct moon_str moved = {text + 7, len};
        assert_int_equal(moon_str_hash(s), moon_str_hash(moved));
        assert_int_not_equal(moon_str_hash(s), moon_str_hash((struct moon_str){text, len + 1}));
    }
    uint64_t before = moon_str_hash((struct moon_str){text, sizeof(text)});
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = 'y';
        assert_int_not_equal(moon_str_hash((struct moon_str){text, sizeof(text)}), before);
        text[i] = 'x';
    }
    assert_int_equal(moon_str_hash((struct moon_str){NULL, 0}), moon_str_hash(MOON_STR_LIT("")));
}

static void test_parse_integers(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool is_u64, is_i64;
        uint64_t u64;
        int64_t i64;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"007", true, true, 7, 7},
        {"42", true, true, 42, 42},
        {"-1", false, true, 0, -1},
        {"-0", false, true, 0, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
        {"-9223372036854775808", false, true, 0, INT64_MIN},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", true, false, UINT64_MAX, 0},
        {"18446744073709551616", false, false, 0, 0},
        {"99999999999999999999999", false, false, 0, 0},
        {NULL, false, false, 0, 0},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"--1", false, false, 0, 0},
        {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},
        {"1 ", false, false, 0, 0},
        {"1x", false, false, 0, 0},
        {"0x10", false, false, 0, 0},
        {"1.0", false, false, 0, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        uint64_t u64 = 77;
        int64_t i64 = 77;
        assert_int_equal(moon_parse_u64(moon_str(cases[i].s), &u64), cases[i].is_u64);
        assert_int_equal(moon_parse_i64(moon_str(cases[i].s), &i64), cases[i].is_i64);
        assert_true(u64 == (cases[i].is_u64 ? cases[i].u64 : 77));
        assert_true(i64 == (cases[i].is_i64 ? cases[i].i64 : 77));
    }
    uint64_t n = 0;
    assert_true(moon_parse_u64((struct moon_str){"12345", 3}, &n) && n == 123);
}

static void test_parse_double(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool ok;
        double expected;
    } cases[] = {
        {"0", true, 0},       {"1.5", true, 1.5},   {"-2.25", true, -2.25}, {"1e3", true, 1000},
        {"1E-2", true, 0.01}, {"2.5e+1", true, 25}, {"1e-400", true, 0},    {NULL, false, 0},
        {"", false, 0},       {"1e400", false, 0},  {"nan", false, 0},      {"inf", false, 0},
        {"0x10", false, 0},   {" 1", false, 0},     {"1 ", false, 0},       {".5", false, 0},
        {"5.", false, 0},     {"1e", false, 0},     {"1e+", false, 0},      {"-", false, 0},
        {"1.5.2", false, 0},  {"+1", false, 0},     {"1,5", false, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        double n = 77;
        assert_int_equal(moon_parse_double(moon_str(cases[i].s), &n), cases[i].ok);
        assert_true(n == (cases[i].ok ? cases[i].expected : 77));
    }
    double n = 0;
    assert_true(moon_parse_double((struct moon_str){"1.25e5", 4}, &n) && n == 1.25);
}

static void test_parse_duration(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool ok;
        uint64_t ms;
    } cases[] = {
        {"0", true, 0},
        {"0s", true, 0},
        {"300ms", true, 300},
        {"10s", true, 10000},
        {"1m30s", true, 90000},
        {"2h", true, 7200000},
        {"1d", true, 86400000},
        {"1d2h3m4s5ms", true, 93784005},
        {"1.5h", true, 5400000},
        {"0.25s", true, 250},
        {".5s", true, 500},
        {"1.s", true, 1000},
        {"1.0005s", true, 1001}, /* rounded up */
        {"1us", true, 1},
        {"1µs", true, 1},
        {"999999ns", true, 1},
        {"1000001ns", true, 2},
        {"1s1s", true, 2000},
        {"213503d", true, UINT64_C(213503) * 86400000},
        {NULL, false, 0},
        {"", false, 0},
        {"5", false, 0},
        {"s", false, 0},
        {".s", false, 0},
        {"-1s", false, 0},
        {"+1s", false, 0},
        {"1 s", false, 0},
        {"1s ", false, 0},
        {"1w", false, 0},
        {"1.5.5s", false, 0},
        {"1s5", false, 0},
        {"213504d", false, 0}, /* more than 2^64 ns */
        {"18446744073709551616ns", false, 0},
        {"18446744073s18446744073s", false, 0},
        {"213503d23h59m59.9s", false, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        uint64_t ms = 77;
        assert_int_equal(moon_parse_duration_ms(moon_str(cases[i].s), &ms), cases[i].ok);
        assert_true(ms == (cases[i].ok ? cases[i].ms : 77));
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool label, subdomain, key, value;
    } cases[] = {
        {"a", true, true, true, true},
        {"a-b", true, true, true, true},
        {"0", true, true, true, true},
        {"a.b", false, true, true, true},
        {"A", false, false, true, true},
        {"a_b", false, false, true, true},
        {"", false, false, false, true},
        {"-a", false, false, false, false},
        {"a-", false, false, false, false},
        {"a..b", false, false, true, true},
        {".a", false, false, false, false},
        {"a.", false, false, false, false},
        {"a.-b", false, false, true, true},
        {"a b", false, false, false, false},
        {"é", false, false, false, false},
        {"example.com/app", false, false, true, false},
        {"example.com/App_1.x", false, false, true, false},
        {"Example.com/app", false, false, false, false},
        {"/app", false, false, false, false},
        {"example.com/", false, false, false, false},
        {"a/b/c", false, false, false, false},
        {"a_b/c", false, false, false, false},
        {NULL, false, false, false, true},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_str s = moon_str(cases[i].s);
        assert_int_equal(moon_is_dns1123_label(s), cases[i].label);
        assert_int_equal(moon_is_dns1123_subdomain(s), cases[i].subdomain);
        assert_int_equal(moon_is_label_key(s), cases[i].key);
        assert_int_equal(moon_is_label_value(s), cases[i].value);
    }
}

static void test_name_lengths(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof(text));
    assert_true(moon_is_dns1123_label((struct moon_str){text, 63}));
    assert_false(moon_is_dns1123_label((struct moon_str){text, 64}));
    assert_true(moon_is_label_value((struct moon_str){text, 63}));
    assert_false(moon_is_label_value((struct moon_str){text, 64}));
    assert_true(moon_is_label_key((struct moon_str){text, 63}));
    assert_false(moon_is_label_key((struct moon_str){text, 64}));
    /* One label may be longer than 63 in a subdomain: apimachinery checks the whole only. */
    assert_true(moon_is_dns1123_subdomain((struct moon_str){text, 253}));
    assert_false(moon_is_dns1123_subdomain((struct moon_str){text, 254}));
    text[253] = '/';
    assert_true(moon_is_label_key((struct moon_str){text, 254 + 63}));
    assert_false(moon_is_label_key((struct moon_str){text, 254 + 64}));
    text[253] = 'a';
    text[254] = '/';
    assert_false(moon_is_label_key((struct moon_str){text, 256}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),      cmocka_unit_test(test_starts_ends),
        cmocka_unit_test(test_trim),         cmocka_unit_test(test_cut),
        cmocka_unit_test(test_split),        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_hash),         cmocka_unit_test(test_parse_integers),
        cmocka_unit_test(test_parse_double), cmocka_unit_test(test_parse_duration),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_name_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
