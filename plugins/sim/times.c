/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/times.h"

#include <stdio.h>

static int64_t fraction_us(struct moon_str text)
{
    int64_t us = 0;
    int64_t unit = 100000;
    const char *point = memchr(text.ptr, '.', text.len);
    for (const char *p = point; p != NULL && ++p < text.ptr + text.len && *p >= '0' && *p <= '9';
         unit /= 10) {
        us += (*p - '0') * unit;
    }
    return us;
}

struct moon_str moon_sim_time_fraction_wrong(struct moon_str text)
{
    const size_t seconds = sizeof("2006-01-02T15:04:05") - 1;
    int64_t ignored = 0;
    size_t digits = 0;
    if (text.len < seconds || !moon_time_parse(text, &ignored)) {
        return (struct moon_str){0};
    }
    struct moon_str rest = {text.ptr + seconds, text.len - seconds};
    while (1 + digits < rest.len && rest.ptr[1 + digits] >= '0' && rest.ptr[1 + digits] <= '9') {
        digits++;
    }
    bool good = rest.len > 0 && rest.ptr[0] == '.' && digits == 6;
    return good ? (struct moon_str){0} : rest;
}

bool moon_sim_time_canonical(struct moon_str text, bool micro, char out[MOON_TIME_TEXT])
{
    int64_t seconds = 0;
    if (!moon_time_parse(text, &seconds)) {
        return false;
    }
    if (micro && moon_sim_time_fraction_wrong(text).ptr != NULL) {
        return false;
    }
    if (micro) {
        (void)moon_time_format_micro(seconds * 1000000 + fraction_us(text), out);
    } else {
        (void)moon_time_format(seconds, out);
    }
    return true;
}

const char *moon_sim_age(const char *time_text, int64_t now_s, char out[MOON_TIME_TEXT])
{
    int64_t then = 0;
    if (!moon_time_parse(moon_str(time_text), &then)) {
        (void)snprintf(out, MOON_TIME_TEXT, "<unknown>");
        return out;
    }
    if (then > now_s + 1) {
        (void)snprintf(out, MOON_TIME_TEXT, "<invalid>");
        return out;
    }
    return moon_time_age(now_s > then ? now_s - then : 0, out);
}
