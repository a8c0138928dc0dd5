/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES_DIR "/usr/share/zoneinfo"

/* ---- the process's zone ---- */

static char *zone_before; /* what $TZ was; NULL: not set */
static bool is_entered;

void moon_zone_enter(const char *zone)
{
    char text[MOON_ZONE_NAME + 1];

    moon_assert(!is_entered);
    is_entered = true;
    zone_before = moon_strdup(getenv("TZ"));
    (void)snprintf(text, sizeof(text), ":%s", zone);
    setenv("TZ", text, 1);
    tzset();
}

void moon_zone_leave(void)
{
    moon_assert(is_entered);
    is_entered = false;
    if (zone_before != NULL) {
        setenv("TZ", zone_before, 1);
    } else {
        unsetenv("TZ");
    }
    moon_free(moon_steal(&zone_before));
    tzset();
}

/* ---- zones ---- */

/* A name and no path to somewhere else. */
static bool is_name(const char *zone)
{
    size_t len = strlen(zone);

    return len > 0 && len < MOON_ZONE_NAME && zone[0] != '/' && zone[0] != '.' &&
           strstr(zone, "..") == NULL &&
           strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/.") ==
               len;
}

static bool is_zone_file(const char *path)
{
    char magic[4] = {0};
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }
    size_t got = fread(magic, 1, sizeof(magic), file);
    (void)fclose(file);
    return got == sizeof(magic) && memcmp(magic, "TZif", sizeof(magic)) == 0;
}

int moon_zone_check(const char *zone, struct moon_err *err)
{
    char path[sizeof(ZONES_DIR) + MOON_ZONE_NAME + 1];

    if (!is_name(zone)) {
        return moon_err_set(err, MOON_E_NOT_FOUND, "there is no time zone \"%.64s\"", zone);
    }
    if (strcmp(zone, "UTC") == 0) {
        return 0; /* known without a database */
    }
    (void)snprintf(path, sizeof(path), "%s/%s", ZONES_DIR, zone);
    if (!is_zone_file(path)) {
        return moon_err_set(err, MOON_E_NOT_FOUND, "there is no time zone \"%s\"%s", zone,
                            access(ZONES_DIR, X_OK) != 0 ? " (the package tzdata is missing)" : "");
    }
    return 0;
}

struct moon_zone_time moon_zone_local(int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm = {0};

    moon_assert(is_entered);
    (void)localtime_r(&at, &tm);
    return (struct moon_zone_time){
        .year = tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .second = tm.tm_sec,
        .weekday = tm.tm_wday,
    };
}

/* Seconds since 1970 if clocks were never set: to compare what they show. */
static int64_t shown(const struct tm *tm)
{
    struct tm copy = *tm;

    return (int64_t)timegm(&copy);
}

static int64_t shown_at(time_t at)
{
    struct tm tm = {0};

    (void)localtime_r(&at, &tm);
    return shown(&tm);
}

/* mktime chooses either of two times, and goes either way from one that never comes. (It would take
 * a hint, but looks through decades for summer time in a zone that has none.) */
int64_t moon_zone_seconds(const struct moon_zone_time *local)
{
    static const int set_back_s[] = {1800, 3600, 7200}; /* all that has been done since 1970 */
    struct tm tm = {
        .tm_year = local->year - 1900,
        .tm_mon = local->month - 1,
        .tm_mday = local->day,
        .tm_hour = local->hour,
        .tm_min = local->minute,
        .tm_sec = local->second,
        .tm_isdst = -1,
    };

    moon_assert(is_entered);
    int64_t wanted = shown(&tm);
    time_t at = mktime(&tm);
    int64_t short_by = wanted - shown(&tm);
    if (short_by > 0) {
        return (int64_t)at + short_by;
    }
    for (size_t i = 0; short_by == 0 && i < MOON_ARRAY_SIZE(set_back_s); i++) {
        if (shown_at(at - set_back_s[i]) == wanted) {
            return (int64_t)at - set_back_s[i];
        }
    }
    return (int64_t)at;
}

struct moon_zone_time moon_zone_day_after(const struct moon_zone_time *day, int days)
{
    struct tm tm = {
        .tm_year = day->year - 1900, .tm_mon = day->month - 1, .tm_mday = day->day + days};

    (void)timegm(&tm); /* carries over, and finds the weekday */
    return (struct moon_zone_time){.year = tm.tm_year + 1900,
                                   .month = tm.tm_mon + 1,
                                   .day = tm.tm_mday,
                                   .weekday = tm.tm_wday};
}
