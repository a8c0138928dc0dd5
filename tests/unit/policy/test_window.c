/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/time.h"
#include "policy/window.h"

static int64_t seconds(const char *text)
{
    int64_t at_s;

    assert_true(moon_time_parse(moon_str(text), &at_s));
    return at_s;
}

static struct moon_window window(const char *text, const char *zone)
{
    struct moon_window w;
    struct moon_err err;

    if (moon_window_parse(moon_str(text), zone, &w, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return w;
}

/* What becomes of the window at a time; want: "open until T", "closed until T", "open", "closed" */
static void assert_state(const char *text, const char *zone, const char *now, const char *want)
{
    struct moon_window w = window(text, zone);
    struct moon_window_state s = moon_window_at(&w, seconds(now));
    char time[MOON_TIME_TEXT];
    MOON_AUTOFREE char *got =
        moon_asprintf("%s%s%s", s.is_open ? "open" : "closed", s.ever_changes ? " until " : "",
                      s.ever_changes ? moon_time_format(s.changes_at_s, time) : "");

    if (strcmp(got, want) != 0) {
        fail_msg("\"%s\" in %s at %s: %s, not %s", text, zone, now, got, want);
    }
}

static void hours_days_dates(void **state MOON_UNUSED)
{
    static const char *const rows[][4] = {
        /* 2026-11-28 is a Saturday */
        {"08:00-17:30", "UTC", "2026-11-28T07:59:59Z", "closed until 2026-11-28T08:00:00Z"},
        {"08:00-17:30", "UTC", "2026-11-28T08:00:00Z", "open until 2026-11-28T17:30:00Z"},
        {"08:00-17:30", "UTC", "2026-11-28T17:30:00Z", "closed until 2026-11-29T08:00:00Z"},
        {"Mon-Fri 22:00-06:00", "UTC", "2026-11-28T05:59:00Z", "open until 2026-11-28T06:00:00Z"},
        {"Mon-Fri 22:00-06:00", "UTC", "2026-11-28T06:00:00Z", "closed until 2026-11-30T22:00:00Z"},
        {"Mon-Fri 22:00-06:00", "UTC", "2026-11-30T05:00:00Z", "closed until 2026-11-30T22:00:00Z"},
        {"Sat,Sun", "UTC", "2026-11-28T12:00:00Z", "open until 2026-11-30T00:00:00Z"},
        {"Fri-Mon", "UTC", "2026-11-25T12:00:00Z", "closed until 2026-11-27T00:00:00Z"},
        {"Wed", "UTC", "2026-11-28T12:00:00Z", "closed until 2026-12-02T00:00:00Z"},
        {"12:00-24:00", "UTC", "2026-11-28T23:59:59Z", "open until 2026-11-29T00:00:00Z"},
        {"00:00-00:00", "UTC", "2026-11-28T12:00:00Z", "open"},
        {"Mon-Sun", "UTC", "2026-11-28T12:00:00Z", "open"},
        {"2026-12-24..2027-01-02", "UTC", "2026-11-28T12:00:00Z",
         "closed until 2026-12-24T00:00:00Z"},
        {"2026-12-24..2027-01-02", "UTC", "2026-12-31T12:00:00Z",
         "open until 2027-01-03T00:00:00Z"},
        {"2026-12-24..2027-01-02", "UTC", "2027-01-03T00:00:00Z", "closed"},
        {"2026-12-24 10:00-12:00", "UTC", "2026-12-24T09:00:00Z",
         "closed until 2026-12-24T10:00:00Z"},
        {"2026-12-01..2026-12-31 Tue 10:00-12:00", "UTC", "2026-11-28T09:00:00Z",
         "closed until 2026-12-01T10:00:00Z"},
        {"2026-12-01..2026-12-31 Tue 10:00-12:00", "UTC", "2026-12-30T09:00:00Z", "closed"},
        /* several spans, in no order, one going on where another ends */
        {"Sun 10:00-11:00; Sat 09:00-10:00 ; Sat 10:00-12:00", "UTC", "2026-11-28T09:30:00Z",
         "open until 2026-11-28T12:00:00Z"},
        {"Sun 10:00-11:00; Sat 09:00-10:00 ; Sat 10:00-12:00", "UTC", "2026-11-28T12:00:00Z",
         "closed until 2026-11-29T10:00:00Z"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_state(rows[i][0], rows[i][1], rows[i][2], rows[i][3]);
    }
}

static void zones(void **state MOON_UNUSED)
{
    static const char *const rows[][4] = {
        {"22:00-06:00", "Europe/Berlin", "2026-01-10T20:59:00Z",
         "closed until 2026-01-10T21:00:00Z"},
        {"22:00-06:00", "Europe/Berlin", "2026-07-10T20:00:00Z", "open until 2026-07-11T04:00:00Z"},
        {"22:00-06:00", "America/New_York", "2026-01-11T04:00:00Z",
         "open until 2026-01-11T11:00:00Z"},
        /* The day is already another one there. */
        {"Sun", "Asia/Tokyo", "2026-11-28T15:00:00Z", "open until 2026-11-29T15:00:00Z"},
        /* the night in which clocks are set forward is an hour shorter, the other an hour longer */
        {"01:00-04:00", "Europe/Berlin", "2026-03-29T00:30:00Z", "open until 2026-03-29T02:00:00Z"},
        {"01:00-04:00", "Europe/Berlin", "2026-10-25T00:30:00Z", "open until 2026-10-25T03:00:00Z"},
        /* begins in an hour that never comes */
        {"02:30-05:00", "Europe/Berlin", "2026-03-29T00:30:00Z",
         "closed until 2026-03-29T01:30:00Z"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_state(rows[i][0], rows[i][1], rows[i][2], rows[i][3]);
    }
}

static void mistakes(void **state MOON_UNUSED)
{
    static const char *const bad[] = {
        "",
        ";",
        "Mon-Fri;",
        "Moo",
        "mon",
        "Mon-",
        "Mon,,Tue",
        "8:00-17:00",
        "08:00",
        "08:00-",
        "08:00-25:00",
        "24:00-06:00",
        "08:60-09:00",
        "08:00-24:01",
        "22:00-06:00 Mon",
        "Mon Tue",
        "2026-13-01",
        "2026-02-29",
        "2026-12-32",
        "2026-12-24..2026-12-23",
        "2026-12-24..",
        "12-24",
        "-1:00-02:00",
        "+1:00-02:00",
    };
    struct moon_window w;
    struct moon_err err;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        if (moon_window_parse(moon_str(bad[i]), "UTC", &w, &err) != -MOON_E_INVALID) {
            fail_msg("\"%s\" is taken", bad[i]);
        }
    }
    assert_int_equal(moon_window_parse(moon_str("Mon 22:00-6:00"), "UTC", &w, &err),
                     -MOON_E_INVALID);
    assert_string_equal(err.text,
                        "\"22:00-6:00\" in \"Mon 22:00-6:00\": a span is written [dates] [days] "
                        "[hours], such as \"2026-12-24..2027-01-02\", \"Mon-Fri 22:00-06:00\" or "
                        "\"Sat,Sun\"");
    assert_int_equal(moon_window_parse(moon_str("Mon"), "Nowhere", &w, &err), -MOON_E_NOT_FOUND);

    MOON_AUTOFREE char *many = moon_alloc(4 * (MOON_WINDOW_MAX_SPANS + 1) + 1);
    for (int i = 0; i <= MOON_WINDOW_MAX_SPANS; i++) {
        memcpy(many + (ptrdiff_t)i * 4, "Mon;", 4);
    }
    many[4 * (MOON_WINDOW_MAX_SPANS + 1) - 1] = '\0';
    assert_int_equal(moon_window_parse(moon_str(many), "UTC", &w, &err), -MOON_E_INVALID);
    assert_string_equal(err.text, "more than 32 spans");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_days_dates),
        cmocka_unit_test(zones),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
