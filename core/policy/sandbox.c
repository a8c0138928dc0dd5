/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c - what a policy finds in its environment, and what it does not.
 *
 * Tables that scripts must not change (the environment, the libraries) are shown as empty proxies
 * whose metatable reads from the real table: every write lands in __newindex, and no raw function
 * reaches what is behind.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "policy/closest.h"
#include "policy/engine.h"

/* Names of plain Lua that policies do without, and what to say to somebody who looks for them. */
static const struct gone {
    const char *name;
    const char *instead;
} gone_names[] = {
    {"print", "use moonset.log.info"},
    {"load", "code cannot be made at run time"},
    {"loadstring", "code cannot be made at run time"},
    {"loadfile", "use require"},
    {"dofile", "use require"},
    {"rawset", "assign instead"},
    {"xpcall", "use pcall"},
    {"collectgarbage", "memory is collected between calls"},
    {"os", "pure hooks have no clock; the others get roll.now"},
    {"io", "policies read no files"},
    {"coroutine", "policies have no coroutines"},
    {"debug", "policies have no debug library"},
    {"package", "use require"},
    {"warn", "use moonset.log.warn"},
    {"_G", "there are no global variables; use locals"},
    {"dump", "code cannot be made at run time"},
    {"random", "use moonset.bucket or moonset.hash: the same inputs give the same answer"},
    {"randomseed", "use moonset.bucket or moonset.hash: the same inputs give the same answer"},
};

static const char *advice_for(const char *name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(gone_names); i++) {
        if (moon_streq(gone_names[i].name, name)) {
            return gone_names[i].instead;
        }
    }
    return NULL;
}

/* ---- proxies ---- */

/* __index of the table behind a proxy: upvalue 1 is what it is called, index 1 the table. */
static int refuse_read(lua_State *L)
{
    const char *what = lua_tostring(L, lua_upvalueindex(1));
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "%s has no such entry (a %s)", what, luaL_typename(L, 2));
    }
    const char *name = lua_tostring(L, 2);
    const char *advice = advice_for(name);
    if (advice != NULL) {
        return luaL_error(L, "%s '%s' is not available in policies: %s", what, name, advice);
    }
    moon_closest_init(&closest, name);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            moon_closest_offer(&closest, lua_tostring(L, -2));
        }
    }
    return luaL_error(L, "unknown %s '%s'%s", what, name, moon_closest_text(&closest, hint));
}

static int refuse_write(lua_State *L)
{
    const char *what = lua_tostring(L, lua_upvalueindex(1));

    if (lua_type(L, 2) == LUA_TSTRING) {
        return luaL_error(L, "cannot assign to %s '%s': it is read-only%s", what,
                          lua_tostring(L, 2), moon_streq(what, "global") ? "; write 'local'" : "");
    }
    return luaL_error(L, "cannot assign to %s: it is read-only", what);
}

static void set_closure(lua_State *L, const char *key, lua_CFunction fn, const char *what)
{
    lua_pushstring(L, what);
    lua_pushcclosure(L, fn, 1);
    lua_setfield(L, -2, key);
}

/* pairs over a proxy goes over what is behind it. */
static int proxy_pairs(lua_State *L)
{
    lua_pushcfunction(L, moon_sandbox_pairs);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_call(L, 1, 3);
    return 3;
}

bool moon_sandbox_push_behind(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__pairs") == LUA_TNIL) {
        return false;
    }
    if (lua_tocfunction(L, -1) != proxy_pairs) {
        lua_pop(L, 1);
        return false;
    }
    (void)lua_getupvalue(L, -1, 1);
    lua_remove(L, -2);
    return true;
}

void moon_sandbox_freeze(lua_State *L, const char *what)
{
    int real = lua_gettop(L);

    lua_createtable(L, 0, 1); /* metatable of the real table */
    set_closure(L, "__index", refuse_read, what);
    lua_setmetatable(L, real);

    lua_createtable(L, 0, 0); /* the proxy */
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, real);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, real);
    lua_pushcclosure(L, proxy_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    set_closure(L, "__newindex", refuse_write, what);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushstring(L, what);
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    lua_replace(L, real);
}

/* ---- functions of our own ---- */

/* A stop goes through: a policy cannot go on after it has used up its budget. */
static int sandbox_pcall(lua_State *L)
{
    struct moon_engine *e = moon_engine_of(L);

    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    if (status == LUA_ERRMEM && e->stop == MOON_STOP_NONE) {
        e->stop = MOON_STOP_MEMORY;
    }
    if (status == LUA_ERRMEM && e->refused_string) {
        return luaL_error(L, "stopped: a string of more than %d KB", MOON_ENGINE_MAX_STRING >> 10);
    }
    moon_engine_poll(L);
    if (status != LUA_OK) {
        e->shape = false;
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L);
}

/* As luaL_tolstring, but says "table" instead of "table: 0x…": addresses change with every run. */
int moon_sandbox_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    switch (lua_type(L, 1)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
        if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
            lua_pushvalue(L, 1);
            lua_call(L, 1, 1);
            return lua_isstring(L, -1) ? 1 : luaL_error(L, "__tostring must return a string");
        }
        if (luaL_getmetafield(L, 1, "__name") != LUA_TSTRING) {
            lua_pushstring(L, luaL_typename(L, 1));
        }
        return 1;
    default:
        (void)luaL_tolstring(L, 1, NULL);
        return 1;
    }
}

static const char *const refused_metamethods[] = {"__gc", "__mode", "__close"};

enum {
    POLL_EVERY = 1024,
};

/* In a copy, under this key, is the table it was made from: scripts never see the copy. */
static const char copied_from;

/* Is the copy on the top like the table given, at index 2? That has one entry more. */
static bool is_like(lua_State *L)
{
    int copy = lua_gettop(L);
    lua_Integer entries = 1;
    lua_Integer had = 0;

    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, copy);
        bool equal = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        if (!equal) {
            lua_settop(L, copy);
            return false;
        }
        if (++entries % POLL_EVERY == 0) {
            moon_engine_poll(L);
        }
    }
    for (lua_pushnil(L); lua_next(L, copy); lua_pop(L, 1)) {
        if (++had % POLL_EVERY == 0) {
            moon_engine_poll(L);
        }
    }
    return had == entries;
}

/* Metatables are frozen by setmetatable: the object gets a copy, so that __gc, __mode and __close
 * cannot come in later. Upvalue 1: given -> the copy made last, to be used again as long as it is
 * alike. Weak in both: a table weak in its keys alone takes quadratic time to collect. */
static void push_frozen_copy(lua_State *L)
{
    lua_Integer entries = 0;

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TTABLE && is_like(L)) {
        return;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
        if (++entries % POLL_EVERY == 0) {
            moon_engine_poll(L);
        }
    }
    lua_pushvalue(L, 2);
    lua_rawsetp(L, -2, &copied_from);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
}

/* Lua would follow a chain of callable tables for minutes, moving all arguments at each step. */
static void check_metatable(lua_State *L)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(refused_metamethods); i++) {
        lua_pushstring(L, refused_metamethods[i]);
        if (lua_rawget(L, 2) != LUA_TNIL) {
            luaL_error(L, "setmetatable: %s is not available in policies", refused_metamethods[i]);
        }
        lua_pop(L, 1);
    }
    lua_pushliteral(L, "__call");
    int type = lua_rawget(L, 2);
    if (type != LUA_TNIL && type != LUA_TFUNCTION) {
        luaL_error(L, "setmetatable: __call is a %s, not a function", lua_typename(L, type));
    }
    lua_pop(L, 1);
}

static int sandbox_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    lua_settop(L, 2);
    if (type == LUA_TTABLE) {
        check_metatable(L);
        push_frozen_copy(L);
    } else {
        lua_pushnil(L);
    }
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int sandbox_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) != LUA_TNIL) {
        return 1;
    }
    lua_pop(L, 1);
    (void)lua_rawgetp(L, -1, &copied_from); /* the table the script knows */
    return 1;
}

/* ---- require ---- */

/* Upvalue 1: loaded modules by name. */
static int sandbox_require(lua_State *L)
{
    struct moon_engine *e = moon_engine_of(L);
    const char *name = luaL_checkstring(L, 1);
    struct moon_str text;

    lua_settop(L, 1);
    if (lua_getfield(L, lua_upvalueindex(1), name) != LUA_TNIL) {
        return lua_toboolean(L, -1) ? 1 : luaL_error(L, "require '%s': a circle", name);
    }
    if (!e->loading) {
        return luaL_error(L, "require '%s': only while the policy is loaded, at its top", name);
    }
    if (e->modules.find == NULL || !e->modules.find(name, &text, e->modules.ctx)) {
        return luaL_error(L, "require '%s': there is no such module", name);
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, lua_upvalueindex(1), name);
    lua_pushfstring(L, "@%s", name);
    moon_engine_load_module(L, lua_tostring(L, -1), text);
    lua_call(L, 0, 1);
    if (!lua_toboolean(L, -1)) {
        return luaL_error(L, "require '%s': the module must return a value", name);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(1), name);
    return 1;
}

/* ---- putting it together ---- */

static const char *const base_names[] = {
    "assert", "error", "ipairs", "rawequal", "rawget", "rawlen", "select", "tonumber", "type",
};
static const char *const math_names[] = {
    "abs",        "ceil", "exp",        "floor", "fmod", "huge",      "log",  "max",
    "maxinteger", "min",  "mininteger", "modf",  "sqrt", "tointeger", "type", "ult",
};

/* Copy the named entries of the table at `from` into the table on the top. */
static void keep(lua_State *L, int from, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lua_getfield(L, from, names[i]) == LUA_TNIL) {
            luaL_error(L, "this Lua has no %s", names[i]);
        }
        lua_setfield(L, -2, names[i]);
    }
}

static void open_metatables(lua_State *L, int env)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "kv");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushcclosure(L, sandbox_setmetatable, 1);
    lua_setfield(L, env, "setmetatable");
    lua_pushcfunction(L, sandbox_getmetatable);
    lua_setfield(L, env, "getmetatable");
}

static void open_base(lua_State *L, int env)
{
    luaL_requiref(L, "_G", luaopen_base, 0);
    int base = lua_gettop(L);
    lua_pushvalue(L, env);
    keep(L, base, base_names, MOON_ARRAY_SIZE(base_names));
    lua_settop(L, base - 1);
}

static const luaL_Reg own_functions[] = {
    {"next", moon_sandbox_next},
    {"pairs", moon_sandbox_pairs},
    {"pcall", sandbox_pcall},
    {"tostring", moon_sandbox_tostring},
    {NULL, NULL},
};

static void open_math(lua_State *L, int env)
{
    luaL_requiref(L, "math", luaopen_math, 0);
    lua_newtable(L);
    keep(L, lua_gettop(L) - 1, math_names, MOON_ARRAY_SIZE(math_names));
    moon_sandbox_freeze(L, "math function");
    lua_setfield(L, env, "math");
    lua_pop(L, 1);
}

/* The loaded table of the standard library would keep what we have taken out. */
static void forget_originals(lua_State *L)
{
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

void moon_sandbox_open(lua_State *L)
{
    lua_newtable(L);
    int env = lua_gettop(L);

    open_base(L, env);
    open_metatables(L, env);
    luaL_setfuncs(L, own_functions, 0);
    open_math(L, env);
    moon_sandbox_strings(L);
    lua_setfield(L, env, "string");
    moon_sandbox_tables(L);
    lua_setfield(L, env, "table");
    luaL_requiref(L, "utf8", luaopen_utf8, 0);
    moon_sandbox_freeze(L, "utf8 function");
    lua_setfield(L, env, "utf8");
    moon_library_open(L);
    lua_setfield(L, env, "moonset");
    lua_newtable(L);
    lua_getfield(L, env, "moonset");
    lua_setfield(L, -2, "moonset");
    lua_pushcclosure(L, sandbox_require, 1);
    lua_setfield(L, env, "require");
    forget_originals(L);
    moon_sandbox_freeze(L, "global");
}
