/* SPDX-License-Identifier: Apache-2.0
 *
 * library_json.c - JSON texts of at most 64 KB; keys in order, so equal values give equal texts.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include <lauxlib.h>

#include "io/json.h"
#include "policy/engine.h"
#include "policy/library.h"

#define TREE_TYPE "moonset.json.tree"

enum {
    MAX_DEPTH = 32,
};

/* ---- encode ---- */

static void encode(lua_State *L, struct moon_buf *out, int depth);

static void encode_number(lua_State *L, struct moon_buf *out)
{
    if (lua_isinteger(L, -1)) {
        moon_buf_printf(out, "%lld", (long long)lua_tointeger(L, -1));
        return;
    }
    double n = (double)lua_tonumber(L, -1);
    if (!isfinite(n)) {
        luaL_error(L, "json.encode: a number that is infinite or none");
    }
    moon_buf_printf(out, "%.*g", DBL_DECIMAL_DIG, n);
}

static void encode_members(lua_State *L, struct moon_buf *out, int depth)
{
    bool first = true;

    moon_sandbox_push_entries(L);
    moon_buf_putc(out, '{');
    for (;;) {
        size_t len;
        lua_pushvalue(L, -1);
        lua_call(L, 0, 2);
        if (lua_isnil(L, -2)) {
            break;
        }
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "json.encode: an object's keys are texts, not a %s",
                       luaL_typename(L, -2));
        }
        if (!first) {
            moon_buf_putc(out, ',');
        }
        first = false;
        const char *key = lua_tolstring(L, -2, &len);
        moon_json_add_string(out, (struct moon_str){key, len});
        moon_buf_putc(out, ':');
        encode(L, out, depth + 1);
        lua_pop(L, 2);
    }
    lua_pop(L, 3);
    moon_buf_putc(out, '}');
}

static void encode_list(lua_State *L, struct moon_buf *out, int depth, lua_Integer n)
{
    moon_buf_putc(out, '[');
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1) {
            moon_buf_putc(out, ',');
        }
        lua_rawgeti(L, -1, i);
        encode(L, out, depth + 1);
        lua_pop(L, 1);
    }
    moon_buf_putc(out, ']');
}

static void encode_table(lua_State *L, struct moon_buf *out, int depth)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    lua_Integer entries = 0;

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        moon_engine_poll(L);
        entries++;
    }
    if (n > 0 && n == entries) {
        encode_list(L, out, depth, n);
    } else {
        encode_members(L, out, depth);
    }
}

static void encode_quantity(lua_State *L, struct moon_buf *out)
{
    if (!moon_library_is_quantity(L, -1)) {
        luaL_error(L, "json.encode: a %s has no JSON form", luaL_typename(L, -1));
    }
    moon_buf_putc(out, '"');
    moon_quantity_write(moon_library_to_quantity(L, lua_gettop(L)), out);
    moon_buf_putc(out, '"');
}

/* The value on the top. */
static void encode(lua_State *L, struct moon_buf *out, int depth)
{
    size_t len;
    const char *text;

    if (depth > MAX_DEPTH) {
        luaL_error(L, "json.encode: deeper than %d levels", MAX_DEPTH);
    }
    if (out->overflow) {
        luaL_error(L, "json.encode: the text would be longer than %d KB",
                   MOON_ENGINE_MAX_STRING >> 10);
    }
    luaL_checkstack(L, 10, "json.encode");
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        moon_buf_puts(out, "null");
        return;
    case LUA_TBOOLEAN:
        moon_buf_puts(out, lua_toboolean(L, -1) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        encode_number(L, out);
        return;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        moon_json_add_string(out, (struct moon_str){text, len});
        return;
    case LUA_TTABLE:
        encode_table(L, out, depth);
        return;
    case LUA_TUSERDATA:
        encode_quantity(L, out);
        return;
    default:
        luaL_error(L, "json.encode: a %s has no JSON form", luaL_typename(L, -1));
    }
}

struct moon_str moon_library_to_json(lua_State *L)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    moon_buf_clear(out);
    encode(L, out, 0);
    if (out->overflow) {
        luaL_error(L, "json.encode: the text would be longer than %d KB",
                   MOON_ENGINE_MAX_STRING >> 10);
    }
    return moon_buf_str(out);
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    struct moon_str text = moon_library_to_json(L);
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

/* ---- decode ---- */

static void push_tree(lua_State *L, const cJSON *json, int depth);

static void push_list(lua_State *L, const cJSON *json, int depth)
{
    lua_Integer i = 0;
    const cJSON *item;

    lua_newtable(L);
    cJSON_ArrayForEach (item, json) {
        push_tree(L, item, depth + 1);
        lua_rawseti(L, -2, ++i);
    }
}

static void push_object(lua_State *L, const cJSON *json, int depth)
{
    const cJSON *item;

    lua_newtable(L);
    cJSON_ArrayForEach (item, json) {
        lua_pushstring(L, item->string);
        push_tree(L, item, depth + 1);
        lua_rawset(L, -3);
    }
}

static void push_number(lua_State *L, const cJSON *json)
{
    double n = json->valuedouble;

    if (n == floor(n) && fabs(n) < 9007199254740992.0) {
        lua_pushinteger(L, (lua_Integer)n);
    } else {
        lua_pushnumber(L, n);
    }
}

/* null is nil: a member that is null is not there. */
static void push_tree(lua_State *L, const cJSON *json, int depth)
{
    luaL_checkstack(L, 10, "json.decode");
    moon_engine_poll(L);
    if (cJSON_IsBool(json)) {
        lua_pushboolean(L, cJSON_IsTrue(json));
    } else if (cJSON_IsNumber(json)) {
        push_number(L, json);
    } else if (cJSON_IsString(json)) {
        lua_pushstring(L, json->valuestring);
    } else if (cJSON_IsArray(json)) {
        push_list(L, json, depth);
    } else if (cJSON_IsObject(json)) {
        push_object(L, json, depth);
    } else {
        lua_pushnil(L);
    }
}

static bool is_deeper(const cJSON *json, int levels)
{
    const cJSON *item;

    if (levels < 0) {
        return true;
    }
    cJSON_ArrayForEach (item, json) {
        if (is_deeper(item, levels - 1)) {
            return true;
        }
    }
    return false;
}

/* The tree is held by a userdata while it is copied: whatever raises, it is freed. Lua does not see
 * how large it is, so what can be refused is refused, and freed, at once. */
static int tree_free(lua_State *L)
{
    cJSON **box = luaL_checkudata(L, 1, TREE_TYPE);

    cJSON_Delete(*box);
    *box = NULL;
    return 0;
}

void moon_library_push_json(lua_State *L, struct moon_str text, const char *who)
{
    struct moon_err err;
    cJSON **box = lua_newuserdatauv(L, sizeof(void *), 0);
    *box = NULL;
    luaL_setmetatable(L, TREE_TYPE);
    int holder = lua_gettop(L);
    *box = moon_json_parse(text, &err);
    if (*box == NULL) {
        luaL_error(L, "%s: %s", who, err.text);
    } else if (is_deeper(*box, MAX_DEPTH)) {
        cJSON_Delete(*box);
        *box = NULL;
        luaL_error(L, "%s: deeper than %d levels", who, MAX_DEPTH);
    } else {
        push_tree(L, *box, 0);
    }
    cJSON_Delete(*box);
    *box = NULL;
    lua_remove(L, holder);
}

static int json_decode(lua_State *L)
{
    struct moon_str text;

    text.ptr = luaL_checklstring(L, 1, &text.len);
    moon_library_push_json(L, text, "json.decode");
    return 1;
}

static const luaL_Reg tree_metamethods[] = {{"__gc", tree_free}, {NULL, NULL}};
const struct moon_library_class moon_library_json_class = {
    .name = TREE_TYPE,
    .metamethods = tree_metamethods,
};

static const struct moon_library_entry functions[] = {
    {"encode", json_encode, "(value: any): string", "a text; keys in order"},
    {"decode", json_decode, "(text: string): any", "null is nil"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_json = {
    .name = "json", .doc = "JSON texts of at most 64 KB.", .functions = functions};
