/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_walk.c - `for pod in roll:outdated { available = true, limit = 3 } do … end`: the nodes of a
 * roll by state and filter, in order of their ranks and names unless the policy asks for another.
 */
#include <stdlib.h>

#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/engine.h"
#include "policy/library.h"
#include "policy/roll_priv.h"

enum state {
    STATE_OUTDATED,
    STATE_UPDATED,
    STATE_FAILED,
    STATE_MISSING,
    STATE_DELETING,
    STATES,
};
static const char *const state_names[STATES + 1] = {"outdated", "updated",  "failed",
                                                    "missing",  "deleting", NULL};

enum want {
    WANT_ANY,
    WANT_TRUE,
    WANT_FALSE,
};

enum order {
    ORDER_RANK,
    ORDER_ZONE,
    ORDER_AGE,
    ORDER_NAME,
    ORDERS,
};
static const char *const order_names[ORDERS + 1] = {"rank", "zone", "age", "name", NULL};

struct filter {
    enum state state;
    enum want available;
    enum want ready;
    enum want paired;
    enum want wanted;
    enum want waiting;
    const char *zone; /* of the filter table, which the walk keeps alive */
    const struct moon_selector *selector;
    enum order order[ORDERS];
    unsigned order_count;
    lua_Integer limit; /* -1: none */
};

/* ---- reading a filter ---- */

static void read_want(lua_State *L, const char *key, enum want *ret)
{
    if (lua_type(L, -1) != LUA_TBOOLEAN) {
        luaL_error(L, "filter '%s' is true or false, not a %s", key, luaL_typename(L, -1));
    }
    *ret = lua_toboolean(L, -1) ? WANT_TRUE : WANT_FALSE;
}

static void read_zone(lua_State *L, struct filter *f)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "filter 'zone' is a text, not a %s", luaL_typename(L, -1));
    }
    f->zone = lua_tostring(L, -1);
}

static void read_limit(lua_State *L, struct filter *f)
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

static void add_order(lua_State *L, struct filter *f)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";

    for (enum order o = 0; o < ORDERS; o++) {
        if (moon_streq(order_names[o], name) && f->order_count < ORDERS) {
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

static void read_order(lua_State *L, struct filter *f)
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
    for (size_t i = 0; i < MOON_ARRAY_SIZE(filter_names); i++) {
        moon_closest_offer(&closest, filter_names[i]);
    }
    luaL_error(L, "unknown filter '%s'%s", key, moon_closest_text(&closest, hint));
}

/* One entry of the table, value on the top. */
static void read_entry(lua_State *L, const char *key, struct filter *f)
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
static struct filter read_filter(lua_State *L, const char *const *skip)
{
    struct filter f = {.limit = -1};

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

/* The pod a state is about; NULL for states of nodes. */
static const struct moon_pod *pod_for(const struct moon_roll_slot *s, enum state state)
{
    switch (state) {
    case STATE_OUTDATED:
        return s->old_pod;
    case STATE_UPDATED:
        return s->new_pod;
    case STATE_FAILED:
        return failed_pod(s);
    case STATE_MISSING:
    case STATE_DELETING:
    case STATES:
        break;
    }
    return NULL;
}

static bool in_state(const struct moon_roll_slot *s, enum state state)
{
    switch (state) {
    case STATE_OUTDATED:
    case STATE_UPDATED:
        /* With one pod too many, or one on its way, the node is left alone until that is over. */
        return !s->excess && pod_for(s, state) != NULL;
    case STATE_FAILED:
        return pod_for(s, state) != NULL;
    case STATE_MISSING:
        return s->node != NULL && s->wanted && s->old_pod == NULL && s->new_pod == NULL;
    case STATE_DELETING:
        return s->node != NULL && s->deleting;
    case STATES:
        break;
    }
    return false;
}

static bool fits(enum want want, bool value)
{
    return want == WANT_ANY || (want == WANT_TRUE) == value;
}

static bool matches(const struct filter *f, const struct moon_roll_slot *s)
{
    if (!in_state(s, f->state)) {
        return false;
    }
    const struct moon_pod *pod = pod_for(s, f->state);
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

/* ---- order ---- */

struct sorting {
    const struct filter *filter;
    const struct moon_roll *roll;
};

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int64_t age_key(const struct moon_roll_slot *s, enum state state)
{
    const struct moon_pod *pod = pod_for(s, state);

    if (pod != NULL) {
        return pod->meta.created_s;
    }
    return s->node != NULL ? s->node->meta.created_s : 0;
}

static int compare_ranks(const struct moon_roll_slot *a, const struct moon_roll_slot *b)
{
    static const struct moon_rank neutral;

    return moon_rank_compare(a->rank != NULL ? a->rank : &neutral,
                             b->rank != NULL ? b->rank : &neutral);
}

static int compare_by(enum order order, enum state state, const struct moon_roll_slot *a,
                      const struct moon_roll_slot *b)
{
    int64_t x;
    int64_t y;

    switch (order) {
    case ORDER_RANK:
        return compare_ranks(a, b);
    case ORDER_ZONE:
        return compare_texts(a->node != NULL ? a->node->zone : NULL,
                             b->node != NULL ? b->node->zone : NULL);
    case ORDER_AGE:
        x = age_key(a, state);
        y = age_key(b, state);
        return (x > y) - (x < y);
    case ORDER_NAME:
        return compare_texts(a->node_name, b->node_name);
    case ORDERS:
        break;
    }
    return 0;
}

static int compare_slots(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;

    for (unsigned k = 0; k < s->filter->order_count; k++) {
        int order = compare_by(s->filter->order[k], s->filter->state, &s->roll->slots[i],
                               &s->roll->slots[j]);
        if (order != 0) {
            return order;
        }
    }
    return (i > j) - (i < j);
}

/* ---- walking ---- */

/* A walk goes over the slots themselves, or over a sorted list of their numbers. */
struct walk {
    struct filter filter;
    uint64_t epoch; /* of the call it was made in */
    size_t next;
    lua_Integer given;
    bool sorted;
    size_t count;
    uint32_t order[];
};

static void push_match(lua_State *L, enum state state, const struct moon_roll_slot *s)
{
    const struct moon_pod *pod = pod_for(s, state);

    if (pod == NULL) {
        moon_view_push_in_slot(L, MOON_VIEW_NODE, s->node, s);
    } else {
        moon_view_push_in_slot(L, pod == s->old_pod ? MOON_VIEW_OLD_POD : MOON_VIEW_NEW_POD, pod,
                               s);
    }
}

static int walk_next(lua_State *L)
{
    struct walk *w = lua_touserdata(L, lua_upvalueindex(1));
    const struct moon_engine *e = moon_engine_of(L);

    if (w->epoch != e->views.epoch) {
        return luaL_error(L, "stale view: a walk kept from an earlier call");
    }
    while (w->next < w->count && (w->filter.limit < 0 || w->given < w->filter.limit)) {
        size_t i = w->next++;
        const struct moon_roll_slot *s = &e->roll->roll->slots[w->sorted ? w->order[i] : i];
        if (w->sorted || matches(&w->filter, s)) {
            w->given++;
            push_match(L, w->filter.state, s);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

static int walk_start(lua_State *L, enum state state)
{
    const struct moon_roll *roll = moon_roll_run_of(L)->roll;
    struct filter f = read_filter(L, NULL);

    f.state = state;
    bool sorted = f.order_count > 0;
    struct walk *w =
        lua_newuserdatauv(L, sizeof(*w) + (sorted ? roll->count * sizeof(uint32_t) : 0), 1);
    *w = (struct walk){.filter = f,
                       .epoch = moon_engine_of(L)->views.epoch,
                       .sorted = sorted,
                       .count = sorted ? 0 : roll->count};
    for (size_t i = 0; sorted && i < roll->count; i++) {
        if (matches(&f, &roll->slots[i])) {
            w->order[w->count++] = (uint32_t)i;
        }
    }
    if (sorted) {
        struct sorting sorting = {&f, roll};
        qsort_r(w->order, w->count, sizeof(uint32_t), compare_slots, &sorting);
    }
    if (!lua_isnoneornil(L, 2)) { /* holds the texts the filter points to */
        lua_pushvalue(L, 2);
        (void)lua_setiuservalue(L, -2, 1);
    }
    lua_pushcclosure(L, walk_next, 1);
    return 1;
}

int moon_roll_outdated(lua_State *L)
{
    return walk_start(L, STATE_OUTDATED);
}

int moon_roll_updated(lua_State *L)
{
    return walk_start(L, STATE_UPDATED);
}

int moon_roll_failed(lua_State *L)
{
    return walk_start(L, STATE_FAILED);
}

int moon_roll_missing(lua_State *L)
{
    return walk_start(L, STATE_MISSING);
}

int moon_roll_deleting(lua_State *L)
{
    return walk_start(L, STATE_DELETING);
}

/* ---- counting ---- */

static const char *group_of(const struct moon_roll_slot *s, const char *by)
{
    const char *group = NULL;

    if (s->node == NULL) {
        return "";
    }
    if (moon_streq(by, "zone")) {
        group = s->node->zone;
    } else if (moon_streq(by, "region")) {
        group = s->node->region;
    } else if (moon_streq(by, "arch")) {
        group = s->node->arch;
    } else if (moon_streq(by, "os")) {
        group = s->node->os;
    } else {
        group = moon_labels_get(&s->node->meta.labels, by);
    }
    return group != NULL ? group : "";
}

/* roll:count { state = "updated", by = "zone", … }: a number, or with `by` (zone, region, arch, os
 * or the key of a node label) a table of numbers; nodes without one count under "". */
int moon_roll_count(lua_State *L)
{
    static const char *const own[] = {"by", "state", NULL};
    const struct moon_roll *roll = moon_roll_run_of(L)->roll;
    lua_Integer total = 0;

    lua_settop(L, 2);
    struct filter f = read_filter(L, own);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_getfield(L, 2, "by");
    const char *by = luaL_optstring(L, 3, NULL);
    lua_getfield(L, 2, "state");
    f.state = (enum state)luaL_checkoption(L, 4, NULL, state_names);
    lua_newtable(L);
    for (size_t i = 0; i < roll->count; i++) {
        if (!matches(&f, &roll->slots[i])) {
            continue;
        }
        total++;
        if (by != NULL) {
            lua_pushstring(L, group_of(&roll->slots[i], by));
            lua_pushvalue(L, -1);
            lua_rawget(L, 5);
            lua_Integer n = lua_tointeger(L, -1) + 1;
            lua_pop(L, 1);
            lua_pushinteger(L, n);
            lua_rawset(L, 5);
        }
    }
    if (by == NULL) {
        lua_pushinteger(L, total);
    }
    return 1;
}
