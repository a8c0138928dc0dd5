/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.c - the table library on raw tables: sizes are checked first and no __len is believed.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "policy/engine.h"

enum {
    MAX_MOVE = 1 << 20,
    MAX_UNPACK = 4096,
    MAX_LENGTH = 1 << 30, /* of a list that is changed; Lua finds any border in one with holes */
    POLL_EVERY = 1024,
};

static lua_Integer list_length(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, arg);
}

/* Frozen tables are proxies with __newindex: raw writes would go around it. */
static void check_writable(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    if (luaL_getmetafield(L, arg, "__newindex") != LUA_TNIL) {
        luaL_argerror(L, arg, "this table is read-only");
    }
}

/* Of a list that gets or loses an entry: no place beyond it is out of the range of integers. */
static lua_Integer changing_length(lua_State *L, int arg)
{
    lua_Integer n = list_length(L, arg);

    luaL_argcheck(L, n <= MAX_LENGTH, arg, "a list with holes");
    return n;
}

static void poll_at(lua_State *L, lua_Integer i)
{
    if (i % POLL_EVERY == 0) {
        moon_engine_poll(L);
    }
}

static int table_concat(lua_State *L)
{
    lua_Integer n = list_length(L, 1);
    size_t separator_len;
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = luaL_optinteger(L, 4, n);
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    if (first < 1 || last > n) {
        luaL_error(L, "table.concat: the list has only the entries 1 to %d", (int)n);
    }
    moon_buf_clear(out);
    for (lua_Integer i = first; i <= last && !out->overflow; i++) {
        size_t len;
        poll_at(L, i);
        int type = lua_rawgeti(L, 1, i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            luaL_error(L, "table.concat: entry %d is a %s", (int)i, lua_typename(L, type));
        }
        const char *text = lua_tolstring(L, -1, &len);
        moon_buf_add(out, text, len);
        if (i < last) {
            moon_buf_add(out, separator, separator_len);
        }
        lua_pop(L, 1);
    }
    if (out->overflow) {
        luaL_error(L, "table.concat: the result would be longer than %d KB",
                   MOON_ENGINE_MAX_STRING >> 10);
    }
    lua_pushlstring(L, moon_buf_cstr(out), out->len);
    return 1;
}

static int table_insert(lua_State *L)
{
    lua_Integer n = changing_length(L, 1);
    lua_Integer pos = n + 1;

    check_writable(L, 1);
    switch (lua_gettop(L)) {
    case 2:
        lua_settop(L, 2);
        break;
    case 3:
        lua_settop(L, 3);
        pos = luaL_checkinteger(L, 2);
        luaL_argcheck(L, pos >= 1 && pos <= n + 1, 2, "position out of bounds");
        for (lua_Integer i = n + 1; i > pos; i--) {
            poll_at(L, i);
            lua_rawgeti(L, 1, i - 1);
            lua_rawseti(L, 1, i);
        }
        break;
    default:
        return luaL_error(L, "table.insert takes 2 or 3 arguments");
    }
    lua_rawseti(L, 1, pos);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer n = changing_length(L, 1);
    lua_Integer pos = luaL_optinteger(L, 2, n);

    check_writable(L, 1);
    if (n == 0 && (pos == 0 || pos == n + 1)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_argcheck(L, pos >= 1 && pos <= n + 1, 2, "position out of bounds");
    lua_rawgeti(L, 1, pos);
    for (lua_Integer i = pos; i < n; i++) {
        poll_at(L, i);
        lua_rawgeti(L, 1, i + 1);
        lua_rawseti(L, 1, i);
    }
    if (pos <= n) {
        lua_pushnil(L);
        lua_rawseti(L, 1, n);
    }
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;

    luaL_checktype(L, 1, LUA_TTABLE);
    check_writable(L, target);
    if (last >= first) {
        luaL_argcheck(L, first > 0 && last - first < MAX_MOVE, 3, "too many entries to move");
        luaL_argcheck(L, to > 0 && to <= LUA_MAXINTEGER - MAX_MOVE, 4, "position out of bounds");
        bool upwards = to > last || to <= first || !lua_rawequal(L, 1, target);
        for (lua_Integer i = 0; i <= last - first; i++) {
            lua_Integer at = upwards ? i : last - first - i;
            poll_at(L, i);
            lua_rawgeti(L, 1, first + at);
            lua_rawseti(L, target, to + at);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_optinteger(L, 3, list_length(L, 1));

    if (first > last) {
        return 0;
    }
    /* Unsigned: the difference of two integers need not be one. */
    if ((lua_Unsigned)last - (lua_Unsigned)first >= MAX_UNPACK) {
        return luaL_error(L, "table.unpack: more than %d values", MAX_UNPACK);
    }
    int count = (int)(last - first) + 1;
    luaL_checkstack(L, count, "table.unpack");
    for (int i = 0; i < count; i++) { /* `last` may be the last integer there is */
        lua_rawgeti(L, 1, first + i);
    }
    return count;
}

/* ---- sort ---- */

/* Is the value at index a to come before the one at b? Every comparison looks at the stop flag. */
static bool goes_before(lua_State *L, int a, int b)
{
    moon_engine_poll(L);
    if (lua_isnil(L, 2)) {
        return lua_compare(L, a, b, LUA_OPLT);
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a - (a < 0 ? 1 : 0));
    lua_pushvalue(L, b - (b < 0 ? 2 : 0));
    lua_call(L, 2, 1);
    bool before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return before;
}

/* Merge the runs [low, middle) and [middle, high) of the table at `from` into the one at `to`. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle,
                  lua_Integer high)
{
    lua_Integer left = low;
    lua_Integer right = middle;

    for (lua_Integer i = low; i < high; i++) {
        bool take_right = left >= middle;
        if (left < middle && right < high) {
            lua_rawgeti(L, from, right);
            lua_rawgeti(L, from, left);
            take_right = goes_before(L, lua_gettop(L) - 1, lua_gettop(L));
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, take_right ? right++ : left++);
        lua_rawseti(L, to, i);
        poll_at(L, i);
    }
}

/* A merge sort: stable, so equal entries keep their order, and safe with any comparison function.
 */
static int table_sort(lua_State *L)
{
    lua_Integer n = list_length(L, 1);

    check_writable(L, 1);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    luaL_argcheck(L, n <= MAX_MOVE, 1, "too many entries to sort");
    lua_createtable(L, (int)n, 0);
    int from = 1;
    int to = 3;
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width) {
            lua_Integer middle = low + width <= n + 1 ? low + width : n + 1;
            lua_Integer high = low + 2 * width <= n + 1 ? low + 2 * width : n + 1;
            merge(L, from, to, low, middle, high);
        }
        int swap = from;
        from = to;
        to = swap;
    }
    for (lua_Integer i = 1; from != 1 && i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

static const luaL_Reg functions[] = {
    {"concat", table_concat},
    {"insert", table_insert},
    {"move", table_move},
    {"remove", table_remove},
    {"sort", table_sort},
    {"unpack", table_unpack},
    {NULL, NULL},
};

void moon_sandbox_tables(lua_State *L)
{
    luaL_requiref(L, "table", luaopen_table, 0);
    int original = lua_gettop(L);
    luaL_newlib(L, functions);
    lua_getfield(L, original, "pack");
    lua_setfield(L, -2, "pack");
    moon_sandbox_freeze(L, "table function");
    lua_remove(L, original);
}
