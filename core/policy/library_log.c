/* SPDX-License-Identifier: Apache-2.0
 *
 * library_log.c - moonset.log.info("…"): a line of the process's log, a few per call.
 */
#include <lauxlib.h>

#include "base/log.h"
#include "policy/engine.h"
#include "policy/library.h"

enum {
    MAX_LINES = 20,
    MAX_LINE = 1024,
};

static int write_line(lua_State *L, enum moon_log_level level)
{
    struct moon_engine *e = moon_engine_of(L);
    char text[MAX_LINE + 1];
    struct moon_str s;

    lua_settop(L, 1);
    lua_pushcfunction(L, moon_sandbox_tostring);
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    s.ptr = luaL_checklstring(L, 1, &s.len);
    if (!moon_log_enabled(level) || e->log_lines++ >= MAX_LINES) {
        return 0;
    }
    s = moon_str_cut(s, MAX_LINE);
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    moon_log_write(level, "policy-log", text, "policy", e->name, NULL);
    return 0;
}

static int log_debug(lua_State *L)
{
    return write_line(L, MOON_LOG_DEBUG);
}

static int log_info(lua_State *L)
{
    return write_line(L, MOON_LOG_INFO);
}

static int log_warn(lua_State *L)
{
    return write_line(L, MOON_LOG_WARN);
}

static int log_error(lua_State *L)
{
    return write_line(L, MOON_LOG_ERROR);
}

static const struct moon_library_entry functions[] = {
    {"debug", log_debug, "(text: any)", ""},
    {"info", log_info, "(text: any)", ""},
    {"warn", log_warn, "(text: any)", ""},
    {"error", log_error, "(text: any)", ""},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_log = {
    .name = "log", .doc = "Lines of moonset's log, at most 20 a call.", .functions = functions};
