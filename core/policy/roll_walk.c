/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_walk.c - `for pod in roll:outdated { available = true, limit = 3 } do … end`: the nodes of a
 * roll by state and filter, in order of their ranks and names unless the policy asks for another.
 */
#include <stdlib.h>

#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/roll_priv.h"

/* ---- order ---- */

struct sorting {
    const struct moon_roll_filter *filter;
    const struct moon_roll *roll;
    const volatile sig_atomic_t *stop;
};

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int64_t age_key(const struct moon_roll_slot *s, enum moon_roll_state state)
{
    const struct moon_pod *pod = moon_roll_pod_for(s, state);

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

static int compare_by(enum moon_roll_order order, enum moon_roll_state state,
                      const struct moon_roll_slot *a, const struct moon_roll_slot *b)
{
    int64_t x;
    int64_t y;

    switch (order) {
    case MOON_ROLL_BY_RANK:
        return compare_ranks(a, b);
    case MOON_ROLL_BY_ZONE:
        return compare_texts(a->node != NULL ? a->node->zone : NULL,
                             b->node != NULL ? b->node->zone : NULL);
    case MOON_ROLL_BY_AGE:
        x = age_key(a, state);
        y = age_key(b, state);
        return (x > y) - (x < y);
    case MOON_ROLL_BY_NAME:
        return compare_texts(a->node_name, b->node_name);
    case MOON_ROLL_ORDERS:
        break;
    }
    return 0;
}

/* Runs inside qsort_r and cannot raise: after a stop everything is equal, which ends it soon. */
static int compare_slots(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;

    for (unsigned k = 0; *s->stop == MOON_STOP_NONE && k < s->filter->order_count; k++) {
        int order = compare_by(s->filter->order[k], s->filter->state, &s->roll->slots[i],
                               &s->roll->slots[j]);
        if (order != 0) {
            return order;
        }
    }
    return (i > j) - (i < j);
}

/* ---- walking ---- */

/* Goes through the slots that match, in their order; after a stop there are none, and the caller
 * polls. */
struct scan {
    const struct moon_roll_filter *filter;
    const struct moon_roll_index *index;
    const struct moon_roll *roll;
    const volatile sig_atomic_t *stop;
    size_t next;   /* word of slots */
    uint64_t bits; /* candidates that are left of the word before */
};

static struct scan scan_start(lua_State *L, const struct moon_roll_filter *filter,
                              struct moon_roll_run *run)
{
    return (struct scan){.filter = filter,
                         .index = moon_roll_run_index(run),
                         .roll = run->roll,
                         .stop = &moon_engine_of(L)->stop};
}

static bool scan_next(struct scan *s, size_t *ret)
{
    size_t words = moon_roll_words(s->roll);

    while (*s->stop == MOON_STOP_NONE) {
        while (s->bits == 0) {
            if (s->next == words) {
                return false;
            }
            s->bits = moon_roll_index_candidates(s->index, s->filter, s->next++);
        }
        *ret = (s->next - 1) * MOON_ROLL_WORD + (size_t)__builtin_ctzll(s->bits);
        s->bits &= s->bits - 1;
        if (moon_roll_filter_matches(s->filter, &s->roll->slots[*ret])) {
            return true;
        }
    }
    return false;
}

/* Over the slots themselves, or over a sorted list of their numbers. */
struct walk {
    struct moon_roll_filter filter;
    struct scan scan;
    uint64_t epoch; /* of the call it was made in */
    lua_Integer given;
    bool sorted;
    size_t next; /* in the list */
    size_t count;
    uint32_t order[];
};

static void push_match(lua_State *L, enum moon_roll_state state, const struct moon_roll_slot *s)
{
    const struct moon_pod *pod = moon_roll_pod_for(s, state);

    if (pod == NULL) {
        moon_view_push_in_slot(L, MOON_VIEW_NODE, s->node, s);
    } else {
        moon_view_push_in_slot(L, pod == s->old_pod ? MOON_VIEW_OLD_POD : MOON_VIEW_NEW_POD, pod,
                               s);
    }
}

static bool next_match(struct walk *w, size_t *ret)
{
    if (w->filter.limit >= 0 && w->given >= w->filter.limit) {
        return false;
    }
    if (!w->sorted) {
        return scan_next(&w->scan, ret);
    }
    if (w->next == w->count) {
        return false;
    }
    *ret = w->order[w->next++];
    return true;
}

static int walk_next(lua_State *L)
{
    struct walk *w = lua_touserdata(L, lua_upvalueindex(1));
    const struct moon_engine *e = moon_engine_of(L);
    size_t i;

    if (w->epoch != e->views.epoch) {
        return luaL_error(L, "stale view: a walk kept from an earlier call");
    }
    bool found = next_match(w, &i);
    moon_engine_poll(L);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    w->given++;
    push_match(L, w->filter.state, &e->roll->roll->slots[i]);
    return 1;
}

/* Put `i` in at the place `at` of a heap whose first entry is the last in order. */
static void sift(uint32_t *heap, size_t count, size_t at, uint32_t i, struct sorting *sorting)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare_slots(&heap[child + 1], &heap[child], sorting) > 0) {
            child++;
        }
        if (compare_slots(&i, &heap[child], sorting) >= 0) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = i;
}

/* The first `limit` of all that match, in order: those that are later than all of them are seen
 * once, and not sorted. */
static void collect(struct walk *w, size_t limit, struct sorting *sorting)
{
    size_t found;

    while (scan_next(&w->scan, &found)) {
        uint32_t i = (uint32_t)found;
        if (w->count < limit) {
            w->order[w->count++] = i;
            for (size_t at = limit / 2; w->count == limit && at-- > 0;) {
                sift(w->order, limit, at, w->order[at], sorting);
            }
        } else if (limit > 0 && compare_slots(&i, &w->order[0], sorting) < 0) {
            sift(w->order, limit, 0, i, sorting);
        }
    }
    qsort_r(w->order, w->count, sizeof(uint32_t), compare_slots, sorting);
}

static size_t count_matches(struct scan scan)
{
    size_t count = 0;
    size_t i;

    while (scan_next(&scan, &i)) {
        count++;
    }
    return count;
}

/* Slots are in order of rank, then of name, already. */
static bool needs_sorting(const struct moon_roll_filter *f)
{
    bool by_rank = f->order_count > 0 && f->order[0] == MOON_ROLL_BY_RANK;

    return f->order_count > 0 &&
           !(by_rank && (f->order_count == 1 || f->order[1] == MOON_ROLL_BY_NAME));
}

static int walk_start(lua_State *L, enum moon_roll_state state)
{
    struct moon_roll_run *run = moon_roll_run_of(L);
    struct moon_roll_filter f = moon_roll_filter_read(L, NULL);

    f.state = state;
    bool sorted = needs_sorting(&f);
    size_t limit = sorted ? count_matches(scan_start(L, &f, run)) : 0;
    if (f.limit >= 0 && (size_t)f.limit < limit) {
        limit = (size_t)f.limit;
    }
    struct walk *w = lua_newuserdatauv(L, sizeof(*w) + limit * sizeof(uint32_t), 1);
    *w = (struct walk){.filter = f, .epoch = moon_engine_of(L)->views.epoch, .sorted = sorted};
    w->scan = scan_start(L, &w->filter, run);
    if (sorted) {
        collect(w, limit, &(struct sorting){&w->filter, run->roll, w->scan.stop});
    }
    moon_engine_poll(L);
    if (f.zone != NULL) { /* held by the walk: the script may change its table */
        w->filter.zone = lua_pushstring(L, f.zone);
        (void)lua_setiuservalue(L, -2, 1);
    }
    lua_pushcclosure(L, walk_next, 1);
    return 1;
}

int moon_roll_outdated(lua_State *L)
{
    return walk_start(L, MOON_ROLL_OUTDATED);
}

int moon_roll_updated(lua_State *L)
{
    return walk_start(L, MOON_ROLL_UPDATED);
}

int moon_roll_failed(lua_State *L)
{
    return walk_start(L, MOON_ROLL_FAILED);
}

int moon_roll_missing(lua_State *L)
{
    return walk_start(L, MOON_ROLL_MISSING);
}

int moon_roll_deleting(lua_State *L)
{
    return walk_start(L, MOON_ROLL_DELETING);
}

int moon_roll_draining(lua_State *L)
{
    return walk_start(L, MOON_ROLL_DRAINING);
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
    struct moon_roll_run *run = moon_roll_run_of(L);
    lua_Integer total = 0;
    size_t i;

    lua_settop(L, 2);
    struct moon_roll_filter f = moon_roll_filter_read(L, own);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushliteral(L, "by"); /* raw, as all of the filter: no script runs while it is in use */
    (void)lua_rawget(L, 2);
    const char *by = luaL_optstring(L, 3, NULL);
    lua_pushliteral(L, "state");
    (void)lua_rawget(L, 2);
    f.state = (enum moon_roll_state)luaL_checkoption(L, 4, NULL, moon_roll_state_names);
    lua_newtable(L);
    struct scan scan = scan_start(L, &f, run);
    while (scan_next(&scan, &i)) {
        total++;
        if (by != NULL) {
            lua_pushstring(L, group_of(&run->roll->slots[i], by));
            lua_pushvalue(L, -1);
            lua_rawget(L, 5);
            lua_Integer n = lua_tointeger(L, -1) + 1;
            lua_pop(L, 1);
            lua_pushinteger(L, n);
            lua_rawset(L, 5);
        }
    }
    moon_engine_poll(L);
    if (by == NULL) {
        lua_pushinteger(L, total);
    }
    return 1;
}
