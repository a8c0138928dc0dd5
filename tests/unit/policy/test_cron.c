/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/time.h"
#include "policy/cron.h"

static int64_t seconds(const char *text)
{
    int64_t at_s;

    assert_true(moon_time_parse(moon_str(text), &at_s));
    return at_s;
}

static const char *shown(int64_t at_s, char out[MOON_TIME_TEXT])
{
    return at_s == INT64_MIN ? "never" : moon_time_format(at_s, out);
}

static void next_and_last(void **state MOON_UNUSED)
{
    static const struct {
        const char *text;
        const char *zone;
        const char *now;
        const char *next;
        const char *last;
    } rows[] = {
        /* 2026-11-28 is a Saturday */
        {"0 3 * * *", "UTC", "2026-11-28T03:00:00Z", "2026-11-29T03:00:00Z",
         "2026-11-28T03:00:00Z"},
        {"0 3 * * *", "UTC", "2026-11-28T02:59:59Z", "2026-11-28T03:00:00Z",
         "2026-11-27T03:00:00Z"},
        {"*/15 * * * *", "UTC", "2026-11-28T23:50:00Z", "2026-11-29T00:00:00Z",
         "2026-11-28T23:45:00Z"},
        {"5/20 1,2 * * *", "UTC", "2026-11-28T01:46:00Z", "2026-11-28T02:05:00Z",
         "2026-11-28T01:45:00Z"},
        {"30 4 1 * *", "UTC", "2026-11-28T00:00:00Z", "2026-12-01T04:30:00Z",
         "2026-11-01T04:30:00Z"},
        {"0 0 * * 7", "UTC", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z",
         "2026-11-22T00:00:00Z"},
        {"0 0 * * Mon-Fri", "UTC", "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z",
         "2026-11-27T00:00:00Z"},
        /* a day of the month or one of the week */
        {"0 0 13 * fri", "UTC", "2026-11-28T00:00:00Z", "2026-12-04T00:00:00Z",
         "2026-11-27T00:00:00Z"},
        {"0 0 13 * fri", "UTC", "2026-12-12T00:00:00Z", "2026-12-13T00:00:00Z",
         "2026-12-11T00:00:00Z"},
        {"0 0 29 feb *", "UTC", "2026-11-28T00:00:00Z", "2028-02-29T00:00:00Z",
         "2024-02-29T00:00:00Z"},
        {"0 0 30 2 *", "UTC", "2026-11-28T00:00:00Z", "never", "never"},
        {"0 3 * * *", "Europe/Berlin", "2026-07-01T00:59:00Z", "2026-07-01T01:00:00Z",
         "2026-06-30T01:00:00Z"},
        /* an hour that never comes; one that comes twice, once */
        {"30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z",
         "2026-03-28T01:30:00Z"},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z",
         "2026-10-25T00:30:00Z"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_cron c;
        struct moon_err err;
        char text[MOON_TIME_TEXT];
        if (moon_cron_parse(moon_str(rows[i].text), rows[i].zone, &c, &err) != 0) {
            fail_msg("%s: %s", rows[i].text, err.text);
        }
        assert_string_equal(shown(moon_cron_next(&c, seconds(rows[i].now)), text), rows[i].next);
        assert_string_equal(shown(moon_cron_last(&c, seconds(rows[i].now)), text), rows[i].last);
    }
}

static void mistakes(void **state MOON_UNUSED)
{
    static const char *const rows[][2] = {
        {"", "0 fields; wanted are minute, hour, day of the month, month and day of the week"},
        {"0 3 * *", "4 fields; wanted are minute, hour, day of the month, month and day of the "
                    "week"},
        {"60 3 * * *", "\"60\" is no minute: from 0 to 59"},
        {"0 24 * * *", "\"24\" is no hour: from 0 to 23"},
        {"0 0 0 * *", "\"0\" is no day of the month: from 1 to 31"},
        {"0 0 * foo *", "\"foo\" is no month: from 1 to 12"},
        {"0 0 * * 8", "\"8\" is no day of the week: from 0 to 7"},
        {"5-1 0 * * *", "\"5-1\" is no minute: from 0 to 59"},
        {"*/0 0 * * *", "\"*/0\" is no minute: from 0 to 59"},
        {"1,,2 0 * * *", "\"\" is no minute: from 0 to 59"},
        {"@daily", "1 fields; wanted are minute, hour, day of the month, month and day of the "
                   "week"},
    };
    struct moon_cron c;
    struct moon_err err;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(moon_cron_parse(moon_str(rows[i][0]), "UTC", &c, &err), -MOON_E_INVALID);
        assert_string_equal(err.text, rows[i][1]);
    }
    assert_int_equal(moon_cron_parse(moon_str("0 0 * * *"), "Nowhere", &c, &err),
                     -MOON_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_and_last),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
