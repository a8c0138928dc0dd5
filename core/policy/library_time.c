/* SPDX-License-Identifier: Apache-2.0
 *
 * library_time.c - windows, cron times and dates. Scripts have no clock: the time comes from
 * `roll.now`.
 */
#include <lauxlib.h>

#include "policy/cron.h"
#include "policy/engine.h"
#include "policy/library.h"
#include "policy/window.h"

#define WINDOW_TYPE "window"
#define CRON_TYPE "cron"

static const lua_Integer MAX_TIME = 253402300799; /* the end of 9999 */

/* Far from now the C library counts years for seconds. */
static lua_Integer time_at(lua_State *L, int arg)
{
    lua_Integer at_s = luaL_checkinteger(L, arg);

    luaL_argcheck(L, at_s >= 0 && at_s <= MAX_TIME, arg, "a time is between 1970 and 9999");
    return at_s;
}

static struct moon_str text_at(lua_State *L, int arg)
{
    struct moon_str text;

    text.ptr = luaL_checklstring(L, arg, &text.len);
    return text;
}

/* ---- windows ---- */

/* moonset.time.window("Mon-Fri 22:00-06:00", "Europe/Berlin") */
static int time_window(lua_State *L)
{
    struct moon_str text = text_at(L, 1);
    const char *zone = luaL_optstring(L, 2, "UTC");
    struct moon_err err;

    struct moon_window *w = lua_newuserdatauv(L, sizeof(*w), 0);
    if (moon_window_parse(text, zone, w, &err) != 0) {
        return luaL_error(L, "window: %s", err.text);
    }
    luaL_setmetatable(L, WINDOW_TYPE);
    return 1;
}

static int window_is_open(lua_State *L)
{
    const struct moon_window *w = luaL_checkudata(L, 1, WINDOW_TYPE);

    lua_pushboolean(L, moon_window_at(w, time_at(L, 2)).is_open);
    return 1;
}

/* Seconds until it is as wanted: 0 when it is, nil when it will not be within a year. */
static int seconds_until(lua_State *L, bool open)
{
    const struct moon_window *w = luaL_checkudata(L, 1, WINDOW_TYPE);
    lua_Integer now = time_at(L, 2);
    struct moon_window_state s = moon_window_at(w, now);

    if (s.is_open == open) {
        lua_pushinteger(L, 0);
    } else if (s.ever_changes) {
        lua_pushinteger(L, s.changes_at_s - now);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int window_opens_in(lua_State *L)
{
    return seconds_until(L, true);
}

static int window_closes_in(lua_State *L)
{
    return seconds_until(L, false);
}

/* ---- cron ---- */

/* moonset.time.cron("0 3 * * Mon", "Europe/Berlin") */
static int time_cron(lua_State *L)
{
    struct moon_str text = text_at(L, 1);
    const char *zone = luaL_optstring(L, 2, "UTC");
    struct moon_err err;

    struct moon_cron *c = lua_newuserdatauv(L, sizeof(*c), 0);
    if (moon_cron_parse(text, zone, c, &err) != 0) {
        return luaL_error(L, "cron: %s", err.text);
    }
    luaL_setmetatable(L, CRON_TYPE);
    return 1;
}

static int push_time(lua_State *L, int64_t at_s)
{
    if (at_s == INT64_MIN) {
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, at_s);
    }
    return 1;
}

static int cron_next(lua_State *L)
{
    const struct moon_cron *c = luaL_checkudata(L, 1, CRON_TYPE);

    return push_time(L, moon_cron_next(c, time_at(L, 2)));
}

static int cron_last(lua_State *L)
{
    const struct moon_cron *c = luaL_checkudata(L, 1, CRON_TYPE);

    return push_time(L, moon_cron_last(c, time_at(L, 2)));
}

/* ---- dates ---- */

static void set_int(lua_State *L, const char *key, int value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

/* moonset.time.date(now, zone): { year, month, day, hour, minute, second, weekday = "Mon" } */
static int time_date(lua_State *L)
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    lua_Integer at_s = time_at(L, 1);
    const char *zone = luaL_optstring(L, 2, "UTC");
    struct moon_err err;

    if (moon_zone_check(zone, &err) != 0) {
        return luaL_error(L, "date: %s", err.text);
    }
    moon_zone_enter(zone);
    struct moon_zone_time t = moon_zone_local(at_s);
    moon_zone_leave();
    lua_createtable(L, 0, 7);
    set_int(L, "year", t.year);
    set_int(L, "month", t.month);
    set_int(L, "day", t.day);
    set_int(L, "hour", t.hour);
    set_int(L, "minute", t.minute);
    set_int(L, "second", t.second);
    lua_pushstring(L, weekdays[t.weekday]);
    lua_setfield(L, -2, "weekday");
    return 1;
}

static const struct moon_library_entry window_methods[] = {
    {"is_open", window_is_open, "(now: integer): boolean", ""},
    {"opens_in", window_opens_in, "(now: integer): integer?",
     "seconds, 0 when it is open; nil: not within a year"},
    {"closes_in", window_closes_in, "(now: integer): integer?",
     "seconds, 0 when it is closed; nil: not within a year"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library_class moon_library_window_class = {
    .name = WINDOW_TYPE, .type = "Window", .doc = "Spans of time.", .methods = window_methods};

static const struct moon_library_entry cron_methods[] = {
    {"next", cron_next, "(now: integer): integer?", "the first time after now"},
    {"last", cron_last, "(now: integer): integer?", "the last time, now included"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library_class moon_library_cron_class = {.name = CRON_TYPE,
                                                           .type = "Cron",
                                                           .doc = "Points of time that come again.",
                                                           .methods = cron_methods};

static const struct moon_library_entry functions[] = {
    {"window", time_window, "(text: string, zone: string?): Window",
     "\"Mon-Fri 22:00-06:00; 2026-12-24..2027-01-02\"; UTC without a zone"},
    {"cron", time_cron, "(text: string, zone: string?): Cron", "\"0 3 * * Mon\""},
    {"date", time_date, "(now: integer, zone: string?): Date", "what the calendar says"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_time = {
    .name = "time",
    .doc = "Scripts have no clock: the time is roll.now. Zones are named as in the time zone "
           "database.",
    .functions = functions,
};
