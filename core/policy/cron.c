/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cron.h"

#include <strings.h>

enum {
    FIELDS = 5,
    MAX_DAYS = 8 * 366, /* 29 February may be eight years away */
};

/* ---- reading ---- */

struct field {
    const char *what;
    int first;
    int last;
    const char *const *names; /* of first, first + 1, …; NULL: none */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field fields[FIELDS] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of the month", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"day of the week", 0, 7, weekday_names},
};

static bool read_value(const struct field *f, struct moon_str text, int *ret)
{
    int64_t n;

    for (int i = 0; f->names != NULL && f->names[i] != NULL; i++) {
        if (text.len == 3 && strncasecmp(text.ptr, f->names[i], 3) == 0) {
            *ret = f->first + i;
            return true;
        }
    }
    if (!moon_parse_i64(text, &n) || n < f->first || n > f->last) {
        return false;
    }
    *ret = (int)n;
    return true;
}

/* "*", "5", "1-5"; a single value with a step goes to the end. */
static bool read_range(const struct field *f, struct moon_str text, bool has_step, int *ret_first,
                       int *ret_last)
{
    struct moon_str rest = text;
    struct moon_str first;

    if (moon_str_is(text, "*")) {
        *ret_first = f->first;
        *ret_last = f->last;
        return true;
    }
    if (!moon_str_split(&rest, '-', &first) || !read_value(f, first, ret_first)) {
        return false;
    }
    *ret_last = has_step ? f->last : *ret_first;
    return rest.ptr == NULL || (read_value(f, rest, ret_last) && *ret_first <= *ret_last);
}

static bool read_item(const struct field *f, struct moon_str text, uint64_t *bits)
{
    struct moon_str rest = text;
    struct moon_str range;
    uint64_t step = 1;
    int first;
    int last;

    if (!moon_str_split(&rest, '/', &range)) {
        return false;
    }
    bool has_step = rest.ptr != NULL;
    if ((has_step && (!moon_parse_u64(rest, &step) || step == 0 || step > 60)) ||
        !read_range(f, range, has_step, &first, &last)) {
        return false;
    }
    for (int i = first; i <= last; i += (int)step) {
        *bits |= UINT64_C(1) << i;
    }
    return true;
}

static int read_field(const struct field *f, struct moon_str text, uint64_t *bits,
                      struct moon_err *err)
{
    struct moon_str rest = text;
    struct moon_str item;

    *bits = 0;
    while (moon_str_split(&rest, ',', &item)) {
        if (!read_item(f, item, bits)) {
            return moon_err_set(err, MOON_E_INVALID, "\"%.*s\" is no %s: from %d to %d",
                                MOON_STR_ARG(item), f->what, f->first, f->last);
        }
    }
    return 0;
}

static int split_fields(struct moon_str text, struct moon_str words[FIELDS], struct moon_err *err)
{
    struct moon_str rest = moon_str_trim(text);
    size_t count = 0;

    while (rest.len > 0) {
        struct moon_str word;
        (void)moon_str_split(&rest, ' ', &word);
        rest = moon_str_trim(rest);
        if (count < FIELDS) {
            words[count] = word;
        }
        count++;
    }
    return count == FIELDS ? 0
                           : moon_err_set(err, MOON_E_INVALID,
                                          "%zu fields; wanted are minute, hour, day of the month, "
                                          "month and day of the week",
                                          count);
}

int moon_cron_parse(struct moon_str text, const char *zone, struct moon_cron *ret,
                    struct moon_err *err)
{
    struct moon_str words[FIELDS];
    uint64_t bits[FIELDS];

    *ret = (struct moon_cron){0};
    if (moon_zone_check(zone, err) != 0 || split_fields(text, words, err) != 0) {
        return -(int)err->code;
    }
    for (int i = 0; i < FIELDS; i++) {
        if (read_field(&fields[i], words[i], &bits[i], err) != 0) {
            return -(int)err->code;
        }
    }
    memcpy(ret->zone, zone, strlen(zone) + 1);
    ret->minutes = bits[0];
    ret->hours = (uint32_t)bits[1];
    ret->days = (uint32_t)bits[2];
    ret->months = (uint16_t)bits[3];
    ret->weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f);
    ret->any_day = words[2].ptr[0] == '*';
    ret->any_weekday = words[4].ptr[0] == '*';
    return 0;
}

/* ---- asking; between moon_zone_enter and moon_zone_leave ---- */

static bool is_day(const struct moon_cron *c, const struct moon_zone_time *day)
{
    bool by_day = (c->days >> day->day & 1U) != 0;
    bool by_weekday = (c->weekdays >> day->weekday & 1U) != 0;

    if ((c->months >> day->month & 1U) == 0) {
        return false;
    }
    return c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

static int64_t time_on(const struct moon_zone_time *day, int hour, int minute)
{
    struct moon_zone_time at = *day;

    at.hour = hour;
    at.minute = minute;
    return moon_zone_seconds(&at);
}

/* The first time after now_s on that day, or the last one at or before it; INT64_MIN: none. */
static int64_t best_on(const struct moon_cron *c, const struct moon_zone_time *day, int64_t now_s,
                       bool forward)
{
    int64_t best = INT64_MIN;

    for (int hour = 0; hour < 24; hour++) {
        for (int minute = 0; (c->hours >> hour & 1U) != 0 && minute < 60; minute++) {
            if ((c->minutes >> minute & 1U) == 0) {
                continue;
            }
            int64_t at = time_on(day, hour, minute);
            if (forward && at > now_s && (best == INT64_MIN || at < best)) {
                best = at;
            }
            if (!forward && at <= now_s && at > best) {
                best = at;
            }
        }
    }
    return best;
}

static int64_t search(const struct moon_cron *c, int64_t now_s, bool forward)
{
    int64_t best = INT64_MIN;

    moon_zone_enter(c->zone);
    struct moon_zone_time today = moon_zone_local(now_s);
    for (int i = 0; i <= MAX_DAYS && best == INT64_MIN; i++) {
        struct moon_zone_time day = moon_zone_day_after(&today, forward ? i : -i);
        if (is_day(c, &day)) {
            best = best_on(c, &day, now_s, forward);
        }
    }
    moon_zone_leave();
    return best;
}

int64_t moon_cron_next(const struct moon_cron *c, int64_t now_s)
{
    return search(c, now_s, true);
}

int64_t moon_cron_last(const struct moon_cron *c, int64_t now_s)
{
    return search(c, now_s, false);
}
