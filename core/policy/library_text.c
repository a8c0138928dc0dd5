/* SPDX-License-Identifier: Apache-2.0
 *
 * library_text.c - durations, stable hashes, globs.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/glob.h"
#include "policy/library.h"

enum {
    MAX_GLOB_COST = 1000 * 1000,
};

/* moonset.duration("1m30s") or a number of seconds: whole seconds, rounded up. */
static int library_duration(lua_State *L)
{
    struct moon_str text;
    uint64_t ms;

    if (lua_isinteger(L, 1)) {
        luaL_argcheck(L, lua_tointeger(L, 1) >= 0, 1, "a duration is not negative");
        lua_settop(L, 1);
        return 1;
    }
    text.ptr = luaL_checklstring(L, 1, &text.len);
    if (!moon_parse_duration_ms(text, &ms)) {
        return luaL_error(L, "duration: '%s' is none; write 30s, 10m, 1h30m", text.ptr);
    }
    lua_pushinteger(L, (lua_Integer)((ms + 999) / 1000));
    return 1;
}

static uint64_t fnv1a(uint64_t h, struct moon_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    }
    return h;
}

/* FNV-1a over salt, a NUL byte and text, stirred once (splitmix64), without the sign bit. Never
 * changes: sets that picked their nodes by it would move. */
uint64_t moon_library_stable_hash(struct moon_str text, struct moon_str salt)
{
    uint64_t h = fnv1a(0xcbf29ce484222325u, salt);

    h = fnv1a(h, (struct moon_str){"", 1});
    h = fnv1a(h, text);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return (h ^ (h >> 31)) >> 1;
}

static uint64_t hash_of_args(lua_State *L)
{
    struct moon_str text;
    struct moon_str salt;

    text.ptr = luaL_checklstring(L, 1, &text.len);
    salt.ptr = luaL_optlstring(L, 2, "", &salt.len);
    return moon_library_stable_hash(text, salt);
}

/* moonset.hash(text, salt): an integer of 63 bits */
static int library_hash(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)hash_of_args(L));
    return 1;
}

/* moonset.bucket(key, salt, n): 0 … n-1 */
static int library_bucket(lua_State *L)
{
    uint64_t h = hash_of_args(L);
    lua_Integer n = luaL_checkinteger(L, 3);

    luaL_argcheck(L, n > 0, 3, "the number of buckets is positive");
    lua_pushinteger(L, (lua_Integer)(h % (uint64_t)n));
    return 1;
}

/* moonset.glob("gpu-*", node.name) */
static int library_glob(lua_State *L)
{
    struct moon_str pattern;
    struct moon_str s;

    pattern.ptr = luaL_checklstring(L, 1, &pattern.len);
    s.ptr = luaL_checklstring(L, 2, &s.len);
    if (pattern.len * s.len > MAX_GLOB_COST) {
        return luaL_error(L, "glob: pattern and text are too long together");
    }
    lua_pushboolean(L, moon_glob(pattern, s));
    return 1;
}

static const struct moon_library_entry functions[] = {
    {"duration", library_duration, "(x: string|integer): integer", "seconds; \"1h30m\""},
    {"hash", library_hash, "(text: string, salt: string?): integer", "63 bits, the same for ever"},
    {"bucket", library_bucket, "(key: string, salt: string, n: integer): integer",
     "0 … n-1, the same for ever; the only \"random\" there is"},
    {"glob", library_glob, "(pattern: string, text: string): boolean",
     "* stands for any bytes, ? for one"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_text = {.functions = functions};
