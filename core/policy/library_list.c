/* SPDX-License-Identifier: Apache-2.0
 *
 * library_list.c - working with lists: tables 1…n and the lists of a view alike.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/library.h"

static lua_Integer length_at(lua_State *L, int arg)
{
    if (lua_type(L, arg) == LUA_TLIGHTUSERDATA) {
        return (lua_Integer)moon_view_length(L, arg);
    }
    luaL_checktype(L, arg, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, arg);
}

/* Push entry i of the list at index 1. */
static void push_item(lua_State *L, lua_Integer i)
{
    moon_engine_poll(L);
    if (lua_type(L, 1) == LUA_TTABLE) {
        lua_rawgeti(L, 1, i);
        return;
    }
    if (moon_view_push_entry(L, 1, (size_t)i - 1) == 2) {
        lua_remove(L, -2);
    }
}

/* Replace the item on the top by fn(item, i); fn is at index 2. */
static void apply(lua_State *L, lua_Integer i)
{
    lua_pushvalue(L, 2);
    lua_insert(L, -2);
    lua_pushinteger(L, i);
    lua_call(L, 2, 1);
}

static lua_Integer start(lua_State *L, bool wants_function)
{
    lua_settop(L, 2);
    if (wants_function || !lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    return length_at(L, 1);
}

static int list_map(lua_State *L)
{
    lua_Integer n = start(L, true);

    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        push_item(L, i);
        apply(L, i);
        lua_rawseti(L, 3, i);
    }
    return 1;
}

static int list_filter(lua_State *L)
{
    lua_Integer n = start(L, true);
    lua_Integer kept = 0;

    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        push_item(L, i);
        lua_pushvalue(L, -1);
        apply(L, i);
        bool keep = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (keep) {
            lua_rawseti(L, 3, ++kept);
        } else {
            lua_pop(L, 1);
        }
    }
    return 1;
}

/* The first entry for which fn is true, and its number; nil without. */
static int list_find(lua_State *L)
{
    lua_Integer n = start(L, true);

    for (lua_Integer i = 1; i <= n; i++) {
        push_item(L, i);
        lua_pushvalue(L, -1);
        apply(L, i);
        if (lua_toboolean(L, -1)) {
            lua_pop(L, 1);
            lua_pushinteger(L, i);
            return 2;
        }
        lua_pop(L, 2);
    }
    lua_pushnil(L);
    return 1;
}

/* Push entry i, through fn when there is one. */
static void push_value(lua_State *L, lua_Integer i)
{
    push_item(L, i);
    if (!lua_isnil(L, 2)) {
        apply(L, i);
    }
}

static int list_sum(lua_State *L)
{
    lua_Integer n = start(L, false);

    lua_pushinteger(L, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        push_value(L, i);
        lua_arith(L, LUA_OPADD);
    }
    return 1;
}

/* The entry whose value is the least (or greatest); the first of equals. */
static int extreme(lua_State *L, bool greatest)
{
    lua_Integer n = start(L, false);

    lua_pushnil(L); /* 3: the entry */
    lua_pushnil(L); /* 4: its value */
    for (lua_Integer i = 1; i <= n; i++) {
        push_value(L, i);
        bool better =
            i == 1 || (greatest ? lua_compare(L, 4, 5, LUA_OPLT) : lua_compare(L, 5, 4, LUA_OPLT));
        if (better) {
            push_item(L, i);
            lua_replace(L, 3);
            lua_replace(L, 4);
        }
        lua_settop(L, 4);
    }
    return 2;
}

static int list_min(lua_State *L)
{
    return extreme(L, false);
}

static int list_max(lua_State *L)
{
    return extreme(L, true);
}

/* { [fn(item)] = { items… } } */
static int list_group(lua_State *L)
{
    lua_Integer n = start(L, true);

    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        push_item(L, i); /* 4 */
        lua_pushvalue(L, -1);
        apply(L, i); /* 5: the key */
        if (lua_isnil(L, 5)) {
            return luaL_error(L, "list.group: the function returned nil for entry %d", (int)i);
        }
        lua_pushvalue(L, 5);
        if (lua_rawget(L, 3) == LUA_TNIL) {
            lua_newtable(L);
            lua_replace(L, 6);
            lua_pushvalue(L, 5);
            lua_pushvalue(L, 6);
            lua_rawset(L, 3);
        }
        lua_pushvalue(L, 4);
        lua_rawseti(L, 6, (lua_Integer)lua_rawlen(L, 6) + 1);
        lua_settop(L, 3);
    }
    return 1;
}

static const struct moon_library_entry functions[] = {
    {"map", list_map, "<T, U>(list: T[], fn: fun(item: T, i: integer): U): U[]",
     "a list of what fn says"},
    {"filter", list_filter, "<T>(list: T[], fn: fun(item: T, i: integer): boolean?): T[]",
     "the entries for which fn says true"},
    {"find", list_find, "<T>(list: T[], fn: fun(item: T, i: integer): boolean?): T?, integer?",
     "the first entry for which fn says true, and its number"},
    {"sum", list_sum, "<T>(list: T[], fn: (fun(item: T, i: integer): any)?): any",
     "0 without entries"},
    {"min", list_min, "<T>(list: T[], fn: (fun(item: T, i: integer): any)?): T?, any",
     "the entry with the least value, and the value; the first of equals"},
    {"max", list_max, "<T>(list: T[], fn: (fun(item: T, i: integer): any)?): T?, any",
     "the entry with the greatest value, and the value; the first of equals"},
    {"group", list_group, "<T>(list: T[], fn: fun(item: T, i: integer): any): table<any, T[]>",
     "lists by what fn says"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_list = {
    .name = "list", .doc = "On tables 1…n and on the lists of a view.", .functions = functions};
