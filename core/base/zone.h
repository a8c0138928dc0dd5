/* SPDX-License-Identifier: Apache-2.0
 *
 * zone.h - wall clock times in a time zone, by the rules of the system's time zone database.
 *
 * Zones are named as there: "Europe/Berlin", "UTC". libc knows one zone at a time, the process's:
 * it is switched for a while, by the one thread that decides. Layer: base.
 */
#ifndef MOON_BASE_ZONE_H
#define MOON_BASE_ZONE_H

#include "base/error.h"

enum {
    MOON_ZONE_NAME = 64 /* a name with its terminator */
};

struct moon_zone_time {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    int second;
    int weekday; /* 0 is Sunday */
};

/* Is there such a zone? MOON_E_NOT_FOUND with its name; libc alone would take UTC for it. */
MOON_API int moon_zone_check(const char *zone, struct moon_err *err);
/* From here on times are those of that zone, which has been checked. Not nested. */
MOON_API void moon_zone_enter(const char *zone);
MOON_API void moon_zone_leave(void);

/* What clocks show at `at_s` (seconds since 1970). */
MOON_API struct moon_zone_time moon_zone_local(int64_t at_s);
/* When clocks show that time; fields out of their range carry over (day 32, minute 1500), weekday
 * is not looked at. Of a time that comes twice, when clocks are set back, the first. A time that
 * never comes, when they are set forward, counts as so much after that moment as it would have
 * been.
 */
MOON_API int64_t moon_zone_seconds(const struct moon_zone_time *local);
/* The day of the calendar so many days later, its weekday filled in; the time of day is 00:00. */
MOON_API struct moon_zone_time moon_zone_day_after(const struct moon_zone_time *day, int days);

#endif
