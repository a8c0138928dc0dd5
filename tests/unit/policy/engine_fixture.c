/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fixture.h"

#include <stdio.h>

struct moon_fault last_fault;
bool last_failed;
uint64_t last_cpu_us;
double budget_scale = 50;

static char result[4096];

static void take_result(lua_State *L)
{
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        (void)snprintf(result, sizeof(result), "%s", lua_tostring(L, -1));
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            (void)snprintf(result, sizeof(result), "%lld", (long long)lua_tointeger(L, -1));
        } else {
            (void)snprintf(result, sizeof(result), "%g", lua_tonumber(L, -1));
        }
        return;
    case LUA_TBOOLEAN:
        (void)snprintf(result, sizeof(result), "%s", lua_toboolean(L, -1) ? "true" : "false");
        return;
    default:
        (void)snprintf(result, sizeof(result), "%s", lua_typename(L, lua_type(L, -1)));
    }
}

const char *run_lua(const char *source)
{
    struct moon_engine *e = moon_engine_new(budget_scale);

    e->name = "test";
    moon_engine_enter(e, (struct moon_budget){20000, 20000});
    last_failed = moon_engine_compile(e, "@test.lua", moon_str(source), &last_fault) != 0 ||
                  moon_engine_call(e, 0, 1, &last_fault) != 0;
    if (last_failed) {
        (void)snprintf(result, sizeof(result), "%s", last_fault.text);
    } else {
        take_result(e->L);
    }
    last_cpu_us = moon_engine_leave(e);
    moon_engine_free(e);
    return result;
}
