/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h - when something is allowed, or not: "Mon-Fri 22:00-06:00; 2026-12-24..2027-01-02".
 *
 * A window is a list of spans with ";" between them; it is open while one of them is. A span has
 * one to three parts, in this order:
 *
 *   dates   2026-12-24, or 2026-12-24..2027-01-02 (both included); without: any
 *   days    Mon, Mon-Fri, Sat,Sun; without: each
 *   hours   22:00-06:00; an end that is not later than the beginning is on the next day, 24:00 is
 *           the end of the day; without: the whole day
 *
 * Dates and days say when a span begins. All of it is what clocks in the window's zone show
 * (base/zone.h says what becomes of hours that come twice or never). Private to policy.
 */
#ifndef MOON_POLICY_WINDOW_H
#define MOON_POLICY_WINDOW_H

#include "base/str.h"
#include "base/zone.h"

enum {
    MOON_WINDOW_MAX_SPANS = 32,
};

struct moon_span {
    int32_t first_date; /* 20261224; 0: any */
    int32_t last_date;
    uint8_t days;      /* bit 0: Sunday */
    int16_t begin_min; /* of the day */
    int16_t end_min;   /* may be beyond the day's end */
};

/* No pointers: it can be copied, and lives in a Lua userdata. */
struct moon_window {
    char zone[MOON_ZONE_NAME];
    struct moon_span spans[MOON_WINDOW_MAX_SPANS];
    size_t count;
};

/* MOON_E_INVALID names the span and what is wrong with it. */
MOON_API int moon_window_parse(struct moon_str text, const char *zone, struct moon_window *ret,
                               struct moon_err *err);

/* When the window's present state ends. */
struct moon_window_state {
    bool is_open;
    bool ever_changes; /* false: it stays as it is, for a year at least */
    int64_t changes_at_s;
};
MOON_API struct moon_window_state moon_window_at(const struct moon_window *w, int64_t now_s);

#endif
