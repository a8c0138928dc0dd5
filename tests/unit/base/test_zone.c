/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/time.h"
#include "base/zone.h"

static int64_t seconds(const char *text)
{
    int64_t at_s;

    assert_true(moon_time_parse(moon_str(text), &at_s));
    return at_s;
}

static void zones_are_checked(void **state MOON_UNUSED)
{
    static const char *const bad[] = {"Europe/Berlln",    "",    "/etc/passwd",
                                      "../../etc/passwd", ".",   "Europe",
                                      "zone.tab",         "a b", "UTC\n"};
    struct moon_err err;

    assert_int_equal(moon_zone_check("Europe/Berlin", &err), 0);
    assert_int_equal(moon_zone_check("UTC", &err), 0);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        assert_int_equal(moon_zone_check(bad[i], &err), -MOON_E_NOT_FOUND);
    }
    assert_int_equal(moon_zone_check("Mars/Olympus", &err), -MOON_E_NOT_FOUND);
    assert_string_equal(err.text, "there is no time zone \"Mars/Olympus\"");
}

static void local_times(void **state MOON_UNUSED)
{
    moon_zone_enter("America/New_York");
    struct moon_zone_time t = moon_zone_local(seconds("2026-03-01T03:04:05Z"));
    moon_zone_leave();
    assert_int_equal(t.year, 2026);
    assert_int_equal(t.month, 2);
    assert_int_equal(t.day, 28);
    assert_int_equal(t.hour, 22);
    assert_int_equal(t.minute, 4);
    assert_int_equal(t.second, 5);
    assert_int_equal(t.weekday, 6);
}

static void times_and_back(void **state MOON_UNUSED)
{
    static const struct {
        const char *zone;
        struct moon_zone_time local;
        const char *want;
    } rows[] = {
        {"UTC", {2026, 1, 2, 3, 4, 5, 0}, "2026-01-02T03:04:05Z"},
        {"Europe/Berlin", {2026, 1, 2, 3, 4, 5, 0}, "2026-01-02T02:04:05Z"},
        {"Europe/Berlin", {2026, 7, 2, 3, 4, 5, 0}, "2026-07-02T01:04:05Z"},
        {"Asia/Kolkata", {2026, 7, 2, 3, 4, 5, 0}, "2026-07-01T21:34:05Z"},
        /* day 32 of December, minute 1500 */
        {"Europe/Berlin", {2026, 12, 32, 0, 1500, 0, 0}, "2027-01-02T00:00:00Z"},
        /* clocks go from 02:00 to 03:00: half past two never comes */
        {"Europe/Berlin", {2026, 3, 29, 2, 30, 0, 0}, "2026-03-29T01:30:00Z"},
        {"Europe/Berlin", {2026, 3, 29, 3, 0, 0, 0}, "2026-03-29T01:00:00Z"},
        {"America/New_York", {2026, 3, 8, 2, 15, 0, 0}, "2026-03-08T07:15:00Z"},
        /* and back from 03:00 to 02:00: it comes twice */
        {"Europe/Berlin", {2026, 10, 25, 2, 30, 0, 0}, "2026-10-25T00:30:00Z"},
        {"Europe/Berlin", {2026, 10, 25, 3, 0, 0, 0}, "2026-10-25T02:00:00Z"},
        {"America/New_York", {2026, 11, 1, 1, 0, 0, 0}, "2026-11-01T05:00:00Z"},
        /* by half an hour only */
        {"Australia/Lord_Howe", {2026, 4, 5, 1, 45, 0, 0}, "2026-04-04T14:45:00Z"},
        {"Australia/Lord_Howe", {2026, 10, 4, 2, 10, 0, 0}, "2026-10-03T15:40:00Z"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        char text[MOON_TIME_TEXT];
        moon_zone_enter(rows[i].zone);
        int64_t at_s = moon_zone_seconds(&rows[i].local);
        moon_zone_leave();
        assert_string_equal(moon_time_format(at_s, text), rows[i].want);
    }
}

/* Whatever clocks show is a time that moon_zone_seconds finds again, or the first of two. */
static void every_hour_of_a_year(void **state MOON_UNUSED)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Santiago",
                                        "Australia/Lord_Howe", "Africa/Casablanca"};
    for (size_t z = 0; z < MOON_ARRAY_SIZE(zones); z++) {
        moon_zone_enter(zones[z]);
        for (int64_t at_s = seconds("2026-01-01T00:00:00Z"); at_s < seconds("2027-01-01T00:00:00Z");
             at_s += 900) {
            struct moon_zone_time local = moon_zone_local(at_s);
            int64_t found_s = moon_zone_seconds(&local);
            assert_true(found_s == at_s || found_s == at_s - 3600 || found_s == at_s - 1800);
            struct moon_zone_time again = moon_zone_local(found_s);
            assert_int_equal(again.hour, local.hour);
            assert_int_equal(again.minute, local.minute);
        }
        moon_zone_leave();
    }
}

static void the_process_keeps_its_zone(void **state MOON_UNUSED)
{
    setenv("TZ", "Asia/Tokyo", 1);
    moon_zone_enter("Europe/Berlin");
    moon_zone_leave();
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    time_t at = 0;
    struct tm tm;
    assert_int_equal(localtime_r(&at, &tm)->tm_hour, 9);
    unsetenv("TZ");
    moon_zone_enter("Europe/Berlin");
    moon_zone_leave();
    assert_null(getenv("TZ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_checked),
        cmocka_unit_test(local_times),
        cmocka_unit_test(times_and_back),
        cmocka_unit_test(every_hour_of_a_year),
        cmocka_unit_test(the_process_keeps_its_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
