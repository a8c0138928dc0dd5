/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/window.h"

#include <stdio.h>

#include "base/time.h"

enum {
    MINUTES_OF_DAY = 24 * 60,
    EACH_DAY = 0x7f,
    DAYS_AHEAD = 370, /* a date of next year is still seen */
};

/* ---- reading ---- */

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static bool read_day(struct moon_str text, unsigned *ret)
{
    for (unsigned i = 0; i < MOON_ARRAY_SIZE(day_names); i++) {
        if (moon_str_is(text, day_names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* "Mon" or "Fri-Mon", which goes over the week's end. */
static bool read_day_range(struct moon_str text, uint8_t *days)
{
    struct moon_str rest = text;
    struct moon_str name;
    unsigned first;

    if (!moon_str_split(&rest, '-', &name) || !read_day(name, &first)) {
        return false;
    }
    unsigned last = first;
    if (rest.ptr != NULL && !read_day(rest, &last)) {
        return false;
    }
    for (unsigned day = first;; day = (day + 1) % 7) {
        *days |= (uint8_t)(1U << day);
        if (day == last) {
            return true;
        }
    }
}

static bool read_days(struct moon_str text, struct moon_span *span)
{
    struct moon_str rest = text;
    struct moon_str item;

    span->days = 0;
    while (moon_str_split(&rest, ',', &item)) {
        if (!read_day_range(item, &span->days)) {
            return false;
        }
    }
    return true;
}

/* So many digits, and nothing else. */
static bool read_number(struct moon_str text, size_t digits, int *ret)
{
    int64_t n;

    if (text.len != digits || !moon_parse_i64(text, &n) || n < 0 || text.ptr[0] == '+') {
        return false;
    }
    *ret = (int)n;
    return true;
}

static bool read_minute(struct moon_str text, int16_t *ret)
{
    int hour;
    int minute;

    if (text.len != 5 || text.ptr[2] != ':' ||
        !read_number((struct moon_str){text.ptr, 2}, 2, &hour) ||
        !read_number((struct moon_str){text.ptr + 3, 2}, 2, &minute) || minute > 59 || hour > 24 ||
        (hour == 24 && minute > 0)) {
        return false;
    }
    *ret = (int16_t)(hour * 60 + minute);
    return true;
}

static bool read_hours(struct moon_str text, struct moon_span *span)
{
    struct moon_str rest = text;
    struct moon_str begin;

    if (!moon_str_split(&rest, '-', &begin) || rest.ptr == NULL ||
        !read_minute(begin, &span->begin_min) || !read_minute(rest, &span->end_min) ||
        span->begin_min == MINUTES_OF_DAY) {
        return false;
    }
    if (span->end_min <= span->begin_min) {
        span->end_min = (int16_t)(span->end_min + MINUTES_OF_DAY);
    }
    return true;
}

/* 20261224 for 2026-12-24. */
static bool read_date(struct moon_str text, int32_t *ret)
{
    char whole[MOON_TIME_TEXT];
    int64_t midnight_s;
    int year = 0;
    int month = 0;
    int day = 0;

    (void)snprintf(whole, sizeof(whole), "%.*sT00:00:00Z", MOON_STR_ARG(text));
    if (text.len != strlen("2026-12-24") || !moon_time_parse(moon_str(whole), &midnight_s) ||
        !read_number((struct moon_str){text.ptr, 4}, 4, &year) ||
        !read_number((struct moon_str){text.ptr + 5, 2}, 2, &month) ||
        !read_number((struct moon_str){text.ptr + 8, 2}, 2, &day)) {
        return false;
    }
    *ret = year * 10000 + month * 100 + day;
    return true;
}

static bool read_dates(struct moon_str text, struct moon_span *span)
{
    struct moon_str first = text;
    struct moon_str last = text;

    if (text.len == 22 && memcmp(text.ptr + 10, "..", 2) == 0) {
        first.len = 10;
        last = (struct moon_str){text.ptr + 12, 10};
    }
    return read_date(first, &span->first_date) && read_date(last, &span->last_date) &&
           span->first_date <= span->last_date;
}

/* The next word of a span; an empty one when there is none left. */
static struct moon_str next_word(struct moon_str *rest)
{
    struct moon_str word = {0};

    *rest = moon_str_trim(*rest);
    (void)moon_str_split(rest, ' ', &word);
    return word;
}

static bool is_digit(struct moon_str text, size_t at)
{
    return text.len > at && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* What a part is can be told from its first characters. */
static bool read_part(struct moon_str word, struct moon_span *span, int *order)
{
    bool is_date = is_digit(word, 0) && is_digit(word, 2);
    bool is_hour = !is_date && is_digit(word, 0);
    int place = is_date ? 1 : is_hour ? 3 : 2;

    if (place <= *order) {
        return false;
    }
    *order = place;
    if (is_date) {
        return read_dates(word, span);
    }
    return is_hour ? read_hours(word, span) : read_days(word, span);
}

static int read_span(struct moon_str text, struct moon_window *w, struct moon_err *err)
{
    struct moon_span *span = &w->spans[w->count];
    struct moon_str rest = text;
    struct moon_str word;
    int order = 0;

    *span = (struct moon_span){.days = EACH_DAY, .end_min = MINUTES_OF_DAY};
    while ((word = next_word(&rest)).len > 0) {
        if (!read_part(word, span, &order)) {
            return moon_err_set(
                err, MOON_E_INVALID,
                "\"%.*s\" in \"%.*s\": a span is written [dates] [days] [hours], such as "
                "\"2026-12-24..2027-01-02\", \"Mon-Fri 22:00-06:00\" or \"Sat,Sun\"",
                MOON_STR_ARG(word), MOON_STR_ARG(moon_str_trim(text)));
        }
    }
    if (order == 0) {
        return moon_err_set(err, MOON_E_INVALID, "an empty span");
    }
    w->count++;
    return 0;
}

int moon_window_parse(struct moon_str text, const char *zone, struct moon_window *ret,
                      struct moon_err *err)
{
    struct moon_str rest = text;
    struct moon_str span;

    *ret = (struct moon_window){0};
    if (moon_zone_check(zone, err) != 0) {
        return -(int)err->code;
    }
    memcpy(ret->zone, zone, strlen(zone) + 1);
    while (moon_str_split(&rest, ';', &span)) {
        if (ret->count == MOON_WINDOW_MAX_SPANS) {
            return moon_err_set(err, MOON_E_INVALID, "more than %d spans", MOON_WINDOW_MAX_SPANS);
        }
        if (read_span(span, ret, err) != 0) {
            return -(int)err->code;
        }
    }
    return ret->count > 0 ? 0 : moon_err_set(err, MOON_E_INVALID, "an empty window");
}

/* ---- asking; between moon_zone_enter and moon_zone_leave ---- */

static int64_t time_of(const struct moon_zone_time *day, int minute)
{
    struct moon_zone_time at = *day;

    at.minute = minute;
    return moon_zone_seconds(&at);
}

static bool begins_on(const struct moon_span *span, const struct moon_zone_time *day)
{
    int32_t date = day->year * 10000 + day->month * 100 + day->day;

    return (span->days >> day->weekday & 1U) != 0 &&
           (span->first_date == 0 || (span->first_date <= date && date <= span->last_date));
}

/* The spans that begin on one day. */
struct day_spans {
    int64_t begin_s[MOON_WINDOW_MAX_SPANS];
    int64_t end_s[MOON_WINDOW_MAX_SPANS];
    size_t count;
};

static void spans_of(const struct moon_window *w, const struct moon_zone_time *day,
                     struct day_spans *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (begins_on(&w->spans[i], day)) {
            ret->begin_s[ret->count] = time_of(day, w->spans[i].begin_min);
            ret->end_s[ret->count++] = time_of(day, w->spans[i].end_min);
        }
    }
}

/* Where one span ends another may go on. */
static int64_t extended(const struct day_spans *s, int64_t until)
{
    for (int64_t before = -1; before != until;) {
        before = until;
        for (size_t i = 0; i < s->count; i++) {
            if (s->begin_s[i] <= until && s->end_s[i] > until) {
                until = s->end_s[i];
            }
        }
    }
    return until;
}

/* Day by day, from yesterday, whose spans may reach into today, to the first one that begins after
 * the end found so far. The time itself when no span covers it. */
static int64_t open_until(const struct moon_window *w, int64_t now_s, int64_t horizon_s)
{
    struct moon_zone_time local = moon_zone_local(now_s);
    int64_t until = now_s;
    struct day_spans spans;

    for (int days = -1; until < horizon_s; days++) {
        struct moon_zone_time day = moon_zone_day_after(&local, days);
        if (days > 0 && time_of(&day, 0) > until) {
            break;
        }
        spans_of(w, &day, &spans);
        until = extended(&spans, until);
    }
    return until;
}

static int64_t opens_at(const struct moon_window *w, int64_t now_s)
{
    struct moon_zone_time local = moon_zone_local(now_s);
    int64_t first = INT64_MAX;

    for (int days = 0; days <= DAYS_AHEAD && first == INT64_MAX; days++) {
        struct moon_zone_time day = moon_zone_day_after(&local, days);
        for (size_t i = 0; i < w->count; i++) {
            int64_t begin =
                begins_on(&w->spans[i], &day) ? time_of(&day, w->spans[i].begin_min) : now_s;
            if (begin > now_s && begin < first) {
                first = begin;
            }
        }
    }
    return first;
}

struct moon_window_state moon_window_at(const struct moon_window *w, int64_t now_s)
{
    int64_t horizon_s = now_s + (int64_t)DAYS_AHEAD * MINUTES_OF_DAY * 60;
    struct moon_window_state state = {0};

    moon_zone_enter(w->zone);
    int64_t until = open_until(w, now_s, horizon_s);
    state.is_open = until > now_s;
    state.changes_at_s = state.is_open ? until : opens_at(w, now_s);
    state.ever_changes = state.changes_at_s < horizon_s;
    moon_zone_leave();
    return state;
}
