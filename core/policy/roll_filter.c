/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_filter.c - `{ available = true, zone = "a", limit = 3 }`: which nodes of a roll are meant.
 */
#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/engine.h"
#include "policy/library.h"
#include "policy/roll_priv.h"

const char *const moon_roll_state_names[MOON_ROLL_STATES + 1] = {
    "outdated", "updated", "failed", "missing", "deleting", "draining", NULL};
static const char *const order_names[MOON_ROLL_ORDERS + 1] = {"rank", "zone", "age", "name", NULL};

/* ---- reading a filter ---- */

static void read_want(lua_State *L, const char *key, enum moon_roll_want *ret)
{
    if (lua_type(L, -1) != LUA_TBOOLEAN) {
        luaL_error(L, "filter '%s' is true or false, not a %s", key, luaL_typename(L, -1));
    }
    *ret = lua_toboolean(L, -1) ? MOON_ROLL_TRUE : MOON_ROLL_FALSE;
}

static void read_zone(lua_State *L, struct moon_roll_filter *f)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "filter 'zone' is a text, not a %s", luaL_typename(L, -1));
    }
    f->zone = lua_tostring(L, -1);
}

static void read_limit(lua_State *L, struct moon_roll_filter *f)
{
    int is_integer;

    f->limit = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer) {
        luaL_error(L, "filter 'limit' is an integer, not a %s", luaL_typename(L, -1));
    }
    if (f->limit < 0) {
        f->limit = 0;
    }
}

static void add_order(lua_State *L, struct moon_roll_filter *f)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";

    for (enum moon_roll_order o = 0; o < MOON_ROLL_ORDERS; o++) {
        if (moon_streq(order_names[o], name) && f->order_count < MOON_ROLL_ORDERS) {
            f->order[f->order_count++] = o;
            return;
        }
    }
    luaL_error(
        L,
        "filter 'order' has the entries \"rank\", \"zone\", \"age\", \"name\", each once; not "
        "'%s'",
        name);
}

static void read_order(lua_State *L, struct moon_roll_filter *f)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        add_order(L, f);
        return;
    }
    if (lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "filter 'order' is a text or a list, not a %s", luaL_typename(L, -1));
    }
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        add_order(L, f);
        lua_pop(L, 1);
    }
}

static const char *const filter_names[] = {"available", "ready",    "paired", "wanted", "waiting",
                                           "zone",      "selector", "limit",  "order"};

static void unknown_filter(lua_State *L, const char *key)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    moon_closest_init(&closest, key);
    (void)moon_closest_is_one_of(&closest, filter_names, MOON_ARRAY_SIZE(filter_names));
    luaL_error(L, "unknown filter '%s'%s", key, moon_closest_text(&closest, hint));
}

/* One entry of the table, value on the top. */
static void read_entry(lua_State *L, const char *key, struct moon_roll_filter *f)
{
    if (moon_streq(key, "available")) {
        read_want(L, key, &f->available);
    } else if (moon_streq(key, "ready")) {
        read_want(L, key, &f->ready);
    } else if (moon_streq(key, "paired")) {
        read_want(L, key, &f->paired);
    } else if (moon_streq(key, "wanted")) {
        read_want(L, key, &f->wanted);
    } else if (moon_streq(key, "waiting")) {
        read_want(L, key, &f->waiting);
    } else if (moon_streq(key, "zone")) {
        read_zone(L, f);
    } else if (moon_streq(key, "selector")) {
        f->selector = moon_library_to_selector(L, lua_gettop(L));
    } else if (moon_streq(key, "limit")) {
        read_limit(L, f);
    } else if (moon_streq(key, "order")) {
        read_order(L, f);
    } else {
        unknown_filter(L, key);
    }
}

/* The filter table at index 2, or nothing there. Keys in `skip` are the caller's. */
struct moon_roll_filter moon_roll_filter_read(lua_State *L, const char *const *skip)
{
    struct moon_roll_filter f = {.limit = -1};

    if (lua_isnoneornil(L, 2)) {
        return f;
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        bool mine = true;
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "a filter is written { name = value }");
        }
        const char *key = lua_tostring(L, -2);
        for (const char *const *s = skip; s != NULL && *s != NULL; s++) {
            mine = mine && !moon_streq(*s, key);
        }
        if (mine) {
            read_entry(L, key, &f);
        }
    }
    return f;
}

/* ---- matching ---- */

static const struct moon_pod *failed_pod(const struct moon_roll_slot *s)
{
    if (moon_roll_has_failed(s->old_pod, s->old_health)) {
        return s->old_pod;
    }
    return moon_roll_has_failed(s->new_pod, s->new_health) ? s->new_pod : NULL;
}

const struct moon_pod *moon_roll_pod_for(const struct moon_roll_slot *s, enum moon_roll_state state)
{
    switch (state) {
    case MOON_ROLL_OUTDATED:
        return s->old_pod;
    case MOON_ROLL_UPDATED:
        return s->new_pod;
    case MOON_ROLL_FAILED:
        return failed_pod(s);
    case MOON_ROLL_MISSING:
    case MOON_ROLL_DELETING:
    case MOON_ROLL_DRAINING:
    case MOON_ROLL_STATES:
        break;
    }
    return NULL;
}

static bool in_state(const struct moon_roll_slot *s, enum moon_roll_state state)
{
    switch (state) {
    case MOON_ROLL_OUTDATED:
    case MOON_ROLL_UPDATED:
        /* With one pod too many, or one on its way, the node is left alone until that is over. */
        return !s->excess && moon_roll_pod_for(s, state) != NULL &&
               !(s->held && state == MOON_ROLL_OUTDATED);
    case MOON_ROLL_FAILED:
        return moon_roll_pod_for(s, state) != NULL;
    case MOON_ROLL_MISSING:
        return s->node != NULL && s->wanted && s->old_pod == NULL && s->new_pod == NULL;
    case MOON_ROLL_DELETING:
        return s->node != NULL && s->deleting;
    case MOON_ROLL_DRAINING:
        return s->node != NULL && s->drain != NULL;
    case MOON_ROLL_STATES:
        break;
    }
    return false;
}

static bool fits(enum moon_roll_want want, bool value)
{
    return want == MOON_ROLL_ANY || (want == MOON_ROLL_TRUE) == value;
}

bool moon_roll_filter_matches(const struct moon_roll_filter *f, const struct moon_roll_slot *s)
{
    if (!in_state(s, f->state)) {
        return false;
    }
    const struct moon_pod *pod = moon_roll_pod_for(s, f->state);
    bool available = pod == s->old_pod ? s->old_available : s->new_available;
    if (!fits(f->available, pod != NULL && available) ||
        !fits(f->ready, pod != NULL && pod->ready) ||
        !fits(f->paired, s->old_pod != NULL && s->new_pod != NULL) || !fits(f->wanted, s->wanted) ||
        !fits(f->waiting, s->waiting)) {
        return false;
    }
    if (f->zone != NULL && (s->node == NULL || !moon_streq(s->node->zone, f->zone))) {
        return false;
    }
    return f->selector == NULL ||
           (s->node != NULL && moon_selector_matches(f->selector, &s->node->meta.labels));
}
