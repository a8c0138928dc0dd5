/* SPDX-License-Identifier: Apache-2.0
 *
 * cron.h - times that come again and again: "0 3 * * Mon", as crontab(5) has them.
 *
 * Five fields: minute, hour, day of the month, month, day of the week; each *, a number, a-b, a
 * list of these, each with /step behind; months and days of the week also by their English names of
 * three letters; 7 is Sunday, too. When both days are given, one of them is enough. An hour that
 * never comes in the zone (base/zone.h) is not waited for until the next day: it counts as the
 * moment after. Private to policy.
 */
#ifndef MOON_POLICY_CRON_H
#define MOON_POLICY_CRON_H

#include "base/str.h"
#include "base/zone.h"

/* No pointers: it can be copied, and lives in a Lua userdata. */
struct moon_cron {
    char zone[MOON_ZONE_NAME];
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;    /* of the month; bit 1 is the first */
    uint16_t months;  /* bit 1 is January */
    uint8_t weekdays; /* bit 0: Sunday */
    bool any_day;
    bool any_weekday;
};

/* MOON_E_INVALID names the field and what is wrong with it. */
MOON_API int moon_cron_parse(struct moon_str text, const char *zone, struct moon_cron *ret,
                             struct moon_err *err);
/* The first time after now_s, and the last one at or before it; INT64_MIN when there is none within
 * eight years ("0 0 30 2 *"). */
MOON_API int64_t moon_cron_next(const struct moon_cron *c, int64_t now_s);
MOON_API int64_t moon_cron_last(const struct moon_cron *c, int64_t now_s);

#endif
