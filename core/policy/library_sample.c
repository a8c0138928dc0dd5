/* SPDX-License-Identifier: Apache-2.0
 *
 * library_sample.c - moonset.sample: is this node one of the few?
 *
 * Which ones is decided by rendezvous hashing (Thaler, Ravishankar 1998): every node has a number,
 * the hash of its name salted with the set, and the lowest ones of a group are taken. So the choice
 * needs no memory, is the same everywhere, and a node that comes or goes moves one other at most.
 */
#include <stdlib.h>

#include <lauxlib.h>

#include "base/map.h"
#include "kube/intstr.h"
#include "policy/closest.h"
#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/library.h"

struct options {
    struct moon_intstr count;
    const char *by; /* borrowed from the table */
    const char *salt;
    const struct moon_selector *among;
};

struct candidate {
    const struct moon_node *node;
    moon_sym group; /* NULL: no such label */
    uint64_t place;
};

struct draw {
    const struct moon_set_view *set;
    const struct options *opts;
    struct moon_str salt;
    struct candidate *items;
    size_t count;
    size_t capacity;
};

/* ---- reading ---- */

static const char *text_at(lua_State *L, const char *key)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "sample: '%s' is a text, not a %s", key, luaL_typename(L, -1));
    }
    return lua_tostring(L, -1);
}

static struct moon_intstr count_at(lua_State *L)
{
    struct moon_intstr count = {.set = true};
    struct moon_err err;

    if (lua_isinteger(L, -1)) {
        count.value = lua_tointeger(L, -1);
    } else if (moon_intstr_parse(moon_str(text_at(L, "count")), &count, &err) != 0) {
        luaL_error(L, "sample: %s", err.text);
    }
    return count;
}

static void read_option(lua_State *L, const char *key, struct options *o)
{
    static const char *const names[] = {"count", "by", "among", "salt"};
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (moon_streq(key, "count")) {
        o->count = count_at(L);
    } else if (moon_streq(key, "by")) {
        o->by = text_at(L, key);
    } else if (moon_streq(key, "salt")) {
        o->salt = text_at(L, key);
    } else if (moon_streq(key, "among")) {
        o->among = moon_library_to_selector(L, lua_gettop(L));
    } else {
        moon_closest_init(&closest, key);
        (void)moon_closest_is_one_of(&closest, names, MOON_ARRAY_SIZE(names));
        luaL_error(L, "sample: unknown option '%s'%s", key, moon_closest_text(&closest, hint));
    }
}

static struct options read_options(lua_State *L, int arg)
{
    struct options o = {.by = "", .salt = ""};

    luaL_checktype(L, arg, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "sample: options are written { name = value }");
        }
        read_option(L, lua_tostring(L, -2), &o);
    }
    if (!o.count.set) {
        luaL_error(L, "sample: 'count' is missing: how many of each group?");
    }
    return o;
}

/* What distinguishes one draw of a call from another; in the engine's scratch. */
static struct moon_str key_of(struct moon_engine *e, const struct options *o)
{
    struct moon_buf *out = &e->scratch;

    moon_buf_clear(out);
    moon_buf_printf(out, "%lld%s\n%s\n%s\n", (long long)o->count.value,
                    o->count.is_percent ? "%" : "", o->by, o->salt);
    if (o->among != NULL) {
        moon_selector_write(o->among, out);
    }
    return moon_buf_str(out);
}

/* ---- drawing: nothing here raises ---- */

/* Nodes that the stock rules would give a pod to: a sample of others would be no daemon at all. */
static bool takes_part(const struct draw *d, const struct moon_node *node)
{
    const unsigned keep_away = 1u << MOON_EFFECT_NO_SCHEDULE | 1u << MOON_EFFECT_NO_EXECUTE;

    return node->meta.deleted_s == 0 &&
           moon_affinity_matches(d->set->set->affinity, &node->meta.labels, node->meta.name) &&
           moon_untolerated(&node->taints, d->set->tolerations, keep_away) == NULL &&
           (d->opts->among == NULL || moon_selector_matches(d->opts->among, &node->meta.labels));
}

static void consider(const struct moon_node *node, void *arg)
{
    struct draw *d = arg;

    if (!takes_part(d, node)) {
        return;
    }
    if (d->count == d->capacity) {
        d->capacity = d->capacity == 0 ? 64 : 2 * d->capacity;
        d->items = moon_realloc_array(d->items, d->capacity, sizeof(*d->items));
    }
    d->items[d->count++] = (struct candidate){
        .node = node,
        .group = d->opts->by[0] != '\0' ? moon_labels_get(&node->meta.labels, d->opts->by) : NULL,
        .place = moon_library_stable_hash(moon_str(node->meta.name), d->salt),
    };
}

/* By group, then by place; names decide where hashes are equal. */
static int compare(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    if (x->group != y->group) {
        int order = strcmp(x->group != NULL ? x->group : "", y->group != NULL ? y->group : "");
        if (order != 0) {
            return order;
        }
    }
    if (x->place != y->place) {
        return x->place < y->place ? -1 : 1;
    }
    return strcmp(x->node->meta.name, y->node->meta.name);
}

static bool same_group(const struct candidate *a, const struct candidate *b)
{
    return moon_streq(a->group != NULL ? a->group : "", b->group != NULL ? b->group : "");
}

static struct moon_map *choose(const struct draw *d)
{
    struct moon_map *chosen = moon_map_new(NULL);

    for (size_t from = 0; from < d->count;) {
        size_t to = from;
        while (to < d->count && same_group(&d->items[from], &d->items[to])) {
            to++;
        }
        int64_t wanted = moon_intstr_scale(d->opts->count, (int64_t)(to - from), true);
        for (size_t i = from; i < to && (int64_t)(i - from) < wanted; i++) {
            moon_map_set(chosen, moon_str(d->items[i].node->meta.name), NULL);
        }
        from = to;
    }
    return chosen;
}

/* It looks at all nodes, which may take longer than a call of a script may: not the script's doing,
 * so its clock stands still. */
static struct moon_map *draw(struct moon_engine *e, const struct options *o)
{
    MOON_AUTOFREE char *salt =
        moon_asprintf("%s/%s %s", e->set->set->meta.namespace, e->set->set->meta.name, o->salt);
    struct draw d = {.set = e->set, .opts = o, .salt = moon_str(salt)};

    moon_budget_pause(&e->run);
    e->set->nodes->each(e->set->nodes, consider, &d);
    if (d.count > 1) {
        qsort(d.items, d.count, sizeof(*d.items), compare);
    }
    struct moon_map *chosen = choose(&d);
    moon_free(d.items);
    moon_budget_resume(&e->run);
    return chosen;
}

/* moonset.sample(node, { count = 3, by = "topology.kubernetes.io/zone" }) */
static int library_sample(lua_State *L)
{
    const struct moon_node *node = moon_view_check(L, 1, MOON_VIEW_NODE)->object;
    struct moon_engine *e = moon_engine_of(L);

    lua_settop(L, 2);
    struct options o = read_options(L, 2);
    if (e->set == NULL || e->set->nodes == NULL) {
        return luaL_error(L, "sample: a hook that is asked about all nodes has it, this one not");
    }
    struct moon_str key = key_of(e, &o);
    struct moon_map *chosen = moon_map_get(e->draws, key);
    if (chosen == NULL) {
        if (moon_map_count(e->draws) == MOON_ENGINE_MAX_DRAWS) {
            return luaL_error(L, "sample: more than %d different ones in a call",
                              MOON_ENGINE_MAX_DRAWS);
        }
        chosen = draw(e, &o);
        moon_map_set(e->draws, key_of(e, &o), chosen);
    }
    *e->set->nodes->sampled = true;
    lua_pushboolean(L, moon_map_has(chosen, moon_str(node->meta.name)));
    return 1;
}

static const struct moon_library_entry functions[] = {
    {"sample", library_sample,
     "(node: Node, options: { count: integer|string, by: string?, among: Selector|string?, "
     "salt: string? }): boolean",
     "is the node one of the few? Of those that the stock rules allow; the same for ever"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_sample = {.functions = functions};
