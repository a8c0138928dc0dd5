/* SPDX-License-Identifier: Apache-2.0
 *
 * time.c - RFC 3339 without the C library's calendar, which depends on the time zone.
 *
 * Days are counted with the era algorithm of Howard Hinnant,
 * https://howardhinnant.github.io/date_algorithms.html: years begin in March, so the leap day comes
 * last, and 400 years (an era) always have 146097 days.
 */
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_ERA = 146097,
    EPOCH_FROM_ERA = 719468, /* days from 0000-03-01 to 1970-01-01 */
    MICROS = 1000000,
};

struct date {
    int64_t year;
    int month; /* 1 … 12 */
    int day;   /* 1 … 31 */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Always 0 … b - 1. */
static int64_t floor_mod(int64_t a, int64_t b)
{
    return a % b + (a % b < 0 ? b : 0);
}

static int64_t days_from_date(struct date d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (d.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_ERA;
}

static struct date date_from_days(int64_t days)
{
    days += EPOCH_FROM_ERA;
    int64_t era = floor_div(days, DAYS_PER_ERA);
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (int)((5 * day_of_year + 2) / 153);
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read exactly `digits` digits, within [min, max]. */
static bool take_number(struct moon_str *rest, size_t digits, int min, int max, int *ret)
{
    if (rest->len < digits) {
        return false;
    }
    int n = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(rest->ptr[i])) {
            return false;
        }
        n = n * 10 + (rest->ptr[i] - '0');
    }
    rest->ptr += digits;
    rest->len -= digits;
    *ret = n;
    return n >= min && n <= max;
}

static bool take_char(struct moon_str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    rest->ptr++;
    rest->len--;
    return true;
}

static bool take_date(struct moon_str *rest, struct date *ret)
{
    int year = 0;
    bool ok = take_number(rest, 4, 0, 9999, &year) && take_char(rest, '-') &&
              take_number(rest, 2, 1, 12, &ret->month) && take_char(rest, '-') &&
              take_number(rest, 2, 1, 31, &ret->day);
    ret->year = year;
    return ok && ret->day <= days_in_month(year, ret->month);
}

static bool take_clock(struct moon_str *rest, int64_t *ret_seconds)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    bool ok = take_number(rest, 2, 0, 23, &hour) && take_char(rest, ':') &&
              take_number(rest, 2, 0, 59, &minute) && take_char(rest, ':') &&
              take_number(rest, 2, 0, 59, &second);
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return ok;
}

static bool take_fraction(struct moon_str *rest)
{
    if (!take_char(rest, '.')) {
        return true;
    }
    size_t digits = 0;
    while (digits < rest->len && is_digit(rest->ptr[digits])) {
        digits++;
    }
    rest->ptr += digits;
    rest->len -= digits;
    return digits > 0;
}

static bool take_offset(struct moon_str *rest, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (take_char(rest, 'Z')) {
        return true;
    }
    int sign = take_char(rest, '+') ? 1 : -1;
    if (sign < 0 && !take_char(rest, '-')) {
        return false;
    }
    int hour = 0;
    int minute = 0;
    bool ok = take_number(rest, 2, 0, 23, &hour) && take_char(rest, ':') &&
              take_number(rest, 2, 0, 59, &minute);
    *ret_seconds = (int64_t)sign * (hour * 3600 + minute * 60);
    return ok;
}

bool moon_time_parse(struct moon_str text, int64_t *ret_seconds)
{
    struct date date = {0};
    int64_t clock = 0;
    int64_t offset = 0;
    if (!take_date(&text, &date) || !take_char(&text, 'T') || !take_clock(&text, &clock) ||
        !take_fraction(&text) || !take_offset(&text, &offset) || text.len > 0) {
        return false;
    }
    *ret_seconds = days_from_date(date) * SECONDS_PER_DAY + clock - offset;
    return true;
}

/* "2026-01-02T03:04:05", no zone; returns the length. */
static size_t format_seconds(int64_t seconds, char out[MOON_TIME_TEXT])
{
    struct date d = date_from_days(floor_div(seconds, SECONDS_PER_DAY));
    int clock = (int)floor_mod(seconds, SECONDS_PER_DAY);
    int n = snprintf(out, MOON_TIME_TEXT, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", d.year, d.month,
                     d.day, clock / 3600, clock / 60 % 60, clock % 60);
    moon_assert(n > 0 && n < MOON_TIME_TEXT);
    return (size_t)n;
}

const char *moon_time_format(int64_t seconds, char out[MOON_TIME_TEXT])
{
    size_t len = format_seconds(seconds, out);
    snprintf(out + len, MOON_TIME_TEXT - len, "Z");
    return out;
}

const char *moon_time_format_micro(int64_t microseconds, char out[MOON_TIME_TEXT])
{
    size_t len = format_seconds(floor_div(microseconds, MICROS), out);
    snprintf(out + len, MOON_TIME_TEXT - len, ".%06dZ", (int)floor_mod(microseconds, MICROS));
    return out;
}

/* The steps of duration.HumanDuration in k8s.io/apimachinery. */
const char *moon_time_age(int64_t seconds, char out[MOON_TIME_TEXT])
{
    enum {
        MINUTE = 60,
        HOUR = 60 * MINUTE,
        DAY = 24 * HOUR,
        YEAR = 365 * DAY
    };
    static const struct {
        int64_t below;
        int64_t unit, fine; /* fine 0: only one unit is shown */
        char unit_name, fine_name;
    } steps[] = {
        {2 * MINUTE, 1, 0, 's', 0},    {10 * MINUTE, MINUTE, 1, 'm', 's'},
        {3 * HOUR, MINUTE, 0, 'm', 0}, {8 * HOUR, HOUR, MINUTE, 'h', 'm'},
        {48 * HOUR, HOUR, 0, 'h', 0},  {8 * DAY, DAY, HOUR, 'd', 'h'},
        {2 * YEAR, DAY, 0, 'd', 0},    {8 * (int64_t)YEAR, YEAR, DAY, 'y', 'd'},
        {INT64_MAX, YEAR, 0, 'y', 0},
    };
    if (seconds < -1) {
        snprintf(out, MOON_TIME_TEXT, "<invalid>");
        return out;
    }
    int64_t age = seconds < 0 ? 0 : seconds;
    size_t i = 0;
    while (i + 1 < MOON_ARRAY_SIZE(steps) && age >= steps[i].below) {
        i++;
    }
    int64_t fine = steps[i].fine != 0 ? age % steps[i].unit / steps[i].fine : 0;
    int n = snprintf(out, MOON_TIME_TEXT, "%" PRId64 "%c", age / steps[i].unit, steps[i].unit_name);
    if (fine != 0) {
        snprintf(out + n, MOON_TIME_TEXT - (size_t)n, "%" PRId64 "%c", fine, steps[i].fine_name);
    }
    return out;
}
