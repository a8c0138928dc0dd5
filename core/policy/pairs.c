/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs.c - pairs and next in a defined order: numbers ascending (so a list goes 1…n), strings by
 * bytes, false and true, views by what they show. Lua's own order depends on a per-process seed.
 */
#include <stdlib.h>

#include <lauxlib.h>

#include "policy/engine.h"

enum {
    MAX_KEYS = 1 << 19,
    POLL_EVERY = 1024,
};

enum rank {
    RANK_NUMBER,
    RANK_STRING,
    RANK_BOOLEAN,
    RANK_VIEW,
};

struct key {
    enum rank rank;
    lua_Integer index; /* place in the list of keys as Lua gave them */
    lua_Integer integer;
    double number; /* rank NUMBER; `integer` counts when equal */
    struct moon_str text;
};

/* Text lives as long as the key is in its table. */
static void read_key(lua_State *L, int at, struct key *ret)
{
    *ret = (struct key){0};
    switch (lua_type(L, at)) {
    case LUA_TNUMBER:
        ret->rank = RANK_NUMBER;
        ret->number = (double)lua_tonumber(L, at);
        ret->integer = lua_isinteger(L, at) ? lua_tointeger(L, at) : 0;
        return;
    case LUA_TSTRING:
        ret->rank = RANK_STRING;
        ret->text.ptr = lua_tolstring(L, at, &ret->text.len);
        return;
    case LUA_TBOOLEAN:
        ret->rank = RANK_BOOLEAN;
        ret->integer = lua_toboolean(L, at);
        return;
    case LUA_TLIGHTUSERDATA:
        ret->rank = RANK_VIEW;
        ret->text = moon_str(moon_view_sort_text(L, at));
        ret->integer = (lua_Integer)(uintptr_t)lua_touserdata(L, at);
        return;
    default:
        luaL_error(L, "pairs: keys that are a %s have no defined order", luaL_typename(L, at));
    }
}

static int compare(const struct key *a, const struct key *b)
{
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    int order = a->rank == RANK_NUMBER ? (a->number > b->number) - (a->number < b->number)
                                       : moon_str_cmp(a->text, b->text);
    if (order != 0) {
        return order;
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}

/* A test run shuffles what only has an order because we give it one: a policy whose answer hangs
 * on it has not said which one it means. Lists (numbers) stay. */
static uint64_t shuffled_rank(const struct key *k, uint64_t seed)
{
    uint64_t h = seed ^ (uint64_t)k->rank;

    for (size_t i = 0; i < k->text.len; i++) {
        h = (h ^ (unsigned char)k->text.ptr[i]) * 0x100000001b3u;
    }
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    return h ^ (h >> 31);
}

static int compare_seeded(const struct key *a, const struct key *b, uint64_t seed)
{
    if (seed == 0) {
        return compare(a, b);
    }
    bool both_named = a->rank != RANK_NUMBER && b->rank != RANK_NUMBER;
    uint64_t ra = shuffled_rank(a, seed);
    uint64_t rb = shuffled_rank(b, seed);

    if (!both_named || ra == rb) {
        return compare(a, b);
    }
    return ra < rb ? -1 : 1;
}

static uint64_t seed_of(lua_State *L)
{
    const struct moon_probe *probe = moon_engine_of(L)->probe;

    return probe != NULL ? probe->pairs_seed : 0;
}

struct sorting {
    const volatile sig_atomic_t *stop;
    uint64_t seed;
};

/* Runs inside qsort_r and cannot raise: after a stop everything is equal, which ends it soon. */
static int compare_entries(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;

    if (*s->stop != MOON_STOP_NONE) {
        return 0;
    }
    return compare_seeded(a, b, s->seed);
}

/* Push a list of the keys of the table at index 1 in order. */
static lua_Integer push_sorted_keys(lua_State *L, uint64_t seed)
{
    lua_Integer count = 0;
    bool in_order = true;

    lua_newtable(L);
    int keys = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (++count > MAX_KEYS) {
            luaL_error(L, "pairs: the table has more than %d entries", MAX_KEYS);
        }
        if (count % POLL_EVERY == 0) {
            moon_engine_poll(L);
        }
        in_order = in_order && lua_isinteger(L, -2) && lua_tointeger(L, -2) == count;
        lua_pushvalue(L, -2);
        lua_rawseti(L, keys, count);
    }
    if (in_order) {
        return count;
    }
    struct key *entries = lua_newuserdatauv(L, (size_t)count * sizeof(*entries), 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, keys, i + 1);
        read_key(L, -1, &entries[i]);
        entries[i].index = i + 1;
        lua_pop(L, 1);
    }
    struct sorting sorting = {&moon_engine_of(L)->stop, seed};
    qsort_r(entries, (size_t)count, sizeof(*entries), compare_entries, &sorting);
    moon_engine_poll(L);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, keys, entries[i].index);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, keys);
    lua_settop(L, keys);
    return count;
}

/* Upvalues: the table, its keys, the position. Entries that were removed meanwhile are left out. */
static int next_entry(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));

    for (;;) {
        i++;
        if (lua_rawgeti(L, lua_upvalueindex(2), i) == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, i);
            lua_replace(L, lua_upvalueindex(3));
            return 2;
        }
        lua_pop(L, 2);
    }
}

/* Upvalues: the view, the position. */
static int next_of_view(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;

    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(2));
    return moon_view_push_entry(L, lua_upvalueindex(1), (size_t)i - 1);
}

static int pairs_of_table(lua_State *L, uint64_t seed)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    (void)push_sorted_keys(L, seed);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_entry, 3);
    return 1;
}

static int pairs(lua_State *L, uint64_t seed)
{
    luaL_checkany(L, 1);
    if (lua_type(L, 1) == LUA_TLIGHTUSERDATA) {
        (void)moon_view_length(L, 1);
        lua_pushvalue(L, 1);
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, next_of_view, 2);
        return 1;
    }
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    return pairs_of_table(L, seed);
}

int moon_sandbox_pairs(lua_State *L)
{
    return pairs(L, seed_of(L));
}

/* For who wants the order, and not only any: tests leave it alone. */
int moon_sandbox_spairs(lua_State *L)
{
    return pairs(L, 0);
}

static int entries(lua_State *L)
{
    if (moon_sandbox_push_behind(L, 1)) {
        lua_replace(L, 1);
    }
    return pairs_of_table(L, 0);
}

void moon_sandbox_push_entries(lua_State *L)
{
    lua_pushcfunction(L, entries);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
}

/* The smallest key after the given one: a walk over all, so loops use pairs. */
static int next_in_table(lua_State *L)
{
    bool from_start = lua_isnil(L, 2);
    struct key after = {0};
    struct key best = {0};
    bool found = false;
    lua_Integer seen = 0;
    uint64_t seed = seed_of(L);

    if (!from_start) {
        read_key(L, 2, &after);
    }
    lua_pushnil(L); /* 3: the best key */
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        struct key key;
        if (++seen % POLL_EVERY == 0) {
            moon_engine_poll(L);
        }
        read_key(L, -2, &key);
        if ((from_start || compare_seeded(&key, &after, seed) > 0) &&
            (!found || compare_seeded(&key, &best, seed) < 0)) {
            best = key;
            found = true;
            lua_pushvalue(L, -2);
            lua_replace(L, 3);
        }
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 3);
    (void)lua_rawget(L, 1);
    return 2;
}

static int next_in_view(lua_State *L)
{
    if (!lua_isnil(L, 2)) {
        return luaL_error(L, "next: views are walked with pairs");
    }
    return moon_view_push_entry(L, 1, 0);
}

int moon_sandbox_next(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_type(L, 1) == LUA_TLIGHTUSERDATA) {
        return next_in_view(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    return next_in_table(L);
}
