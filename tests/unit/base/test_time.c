/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"1969-12-31T23:59:59Z", true, -1},
        {"2026-01-02T03:04:05Z", true, 1767323045},
        {"2026-01-02T03:04:05.678Z", true, 1767323045},
        {"2026-01-02T03:04:05.123456789Z", true, 1767323045},
        {"2026-01-02T05:04:05+02:00", true, 1767323045},
        {"2026-01-01T21:34:05-05:30", true, 1767323045},
        {"2026-01-02T03:04:05+00:00", true, 1767323045},
        {"2000-02-29T00:00:00Z", true, 951782400},
        {"2024-02-29T12:00:00Z", true, 1709208000},
        {"0000-01-01T00:00:00Z", true, INT64_C(-62167219200)},
        {"9999-12-31T23:59:59Z", true, INT64_C(253402300799)},
        {NULL, false, 0},
        {"", false, 0},
        {"2026-01-02", false, 0},
        {"2026-01-02T03:04:05", false, 0},
        {"2026-01-02 03:04:05Z", false, 0},
        {"2026-01-02T03:04:05z", false, 0},
        {"2026-01-02T03:04:05.Z", false, 0},
        {"2026-01-02T03:04:05Zx", false, 0},
        {"2026-01-02T03:04:05+0200", false, 0},
        {"2026-01-02T03:04:05+24:00", false, 0},
        {"2026-01-02T03:04:05+02:60", false, 0},
        {"2026-1-02T03:04:05Z", false, 0},
        {"2026-00-02T03:04:05Z", false, 0},
        {"2026-13-02T03:04:05Z", false, 0},
        {"2026-01-00T03:04:05Z", false, 0},
        {"2026-01-32T03:04:05Z", false, 0},
        {"2026-04-31T03:04:05Z", false, 0},
        {"2026-02-29T03:04:05Z", false, 0},
        {"1900-02-29T03:04:05Z", false, 0},
        {"2026-01-02T24:00:00Z", false, 0},
        {"2026-01-02T23:60:00Z", false, 0},
        {"2026-01-02T23:59:60Z", false, 0},
        {"-026-01-02T03:04:05Z", false, 0},
        {" 2026-01-02T03:04:05Z", false, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        int64_t seconds = 77;
        assert_int_equal(moon_time_parse(moon_str(cases[i].text), &seconds), cases[i].ok);
        assert_true(seconds == (cases[i].ok ? cases[i].seconds : 77));
    }
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *expected;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {1767323045, "2026-01-02T03:04:05Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {INT64_C(253402300799), "9999-12-31T23:59:59Z"},
        {INT64_C(-62167219200), "0000-01-01T00:00:00Z"},
        {INT64_MAX, "292277026596-12-04T15:30:07Z"},
        {INT64_MIN, "-292277022657-01-27T08:29:52Z"},
    };
    char text[MOON_TIME_TEXT];
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_ptr_equal(moon_time_format(cases[i].seconds, text), text);
        assert_string_equal(text, cases[i].expected);
    }
}

static void test_format_micro(void **state)
{
    (void)state;
    static const struct {
        int64_t micros;
        const char *expected;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1767323045123456), "2026-01-02T03:04:05.123456Z"},
        {INT64_C(1767323045000001), "2026-01-02T03:04:05.000001Z"},
        {INT64_MAX, "294247-01-10T04:00:54.775807Z"},
        {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
    };
    char text[MOON_TIME_TEXT];
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_string_equal(moon_time_format_micro(cases[i].micros, text), cases[i].expected);
    }
}

/* Every day from 1600 to 2400 there and back, so each kind of century is met. */
static void test_every_day_round_trips(void **state)
{
    (void)state;
    int64_t from = 0;
    int64_t to = 0;
    assert_true(moon_time_parse(MOON_STR_LIT("1600-01-01T12:34:56Z"), &from));
    assert_true(moon_time_parse(MOON_STR_LIT("2400-12-31T12:34:56Z"), &to));
    assert_int_equal((to - from) / 86400, 292559);
    for (int64_t s = from; s <= to; s += 86400) {
        char text[MOON_TIME_TEXT];
        int64_t back = 0;
        assert_true(moon_time_parse(moon_str(moon_time_format(s, text)), &back));
        assert_true(back == s);
    }
}

static void test_age(void **state)
{
    (void)state;
    enum {
        MINUTE = 60,
        HOUR = 3600,
        DAY = 86400,
        YEAR = 365 * DAY
    };
    static const struct {
        int64_t seconds;
        const char *expected;
    } cases[] = {
        {-2, "<invalid>"},
        {-1, "0s"},
        {0, "0s"},
        {5, "5s"},
        {119, "119s"},
        {2 * MINUTE, "2m"},
        {3 * MINUTE + 12, "3m12s"},
        {10 * MINUTE - 1, "9m59s"},
        {10 * MINUTE + 59, "10m"},
        {3 * HOUR - 1, "179m"},
        {3 * HOUR, "3h"},
        {4 * HOUR + 7 * MINUTE + 30, "4h7m"},
        {8 * HOUR - 1, "7h59m"},
        {8 * HOUR + 59 * MINUTE, "8h"},
        {48 * HOUR - 1, "47h"},
        {48 * HOUR, "2d"},
        {3 * DAY + 5 * HOUR, "3d5h"},
        {8 * DAY, "8d"},
        {12 * DAY + 5 * HOUR, "12d"},
        {2 * (int64_t)YEAR - 1, "729d"},
        {2 * (int64_t)YEAR, "2y"},
        {2 * (int64_t)YEAR + 3 * DAY, "2y3d"},
        {8 * (int64_t)YEAR - 1, "7y364d"},
        {8 * (int64_t)YEAR + 100 * DAY, "8y"},
        {INT64_MAX, "292471208677y"},
        {INT64_MIN, "<invalid>"},
    };
    char text[MOON_TIME_TEXT];
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_string_equal(moon_time_age(cases[i].seconds, text), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_micro), cmocka_unit_test(test_every_day_round_trips),
        cmocka_unit_test(test_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
