/* SPDX-License-Identifier: Apache-2.0
 *
 * library_kube.c - Kubernetes' own rules for scripts: selectors, node affinity, tolerations.
 */
#include <lauxlib.h>

#include "base/map.h"
#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/library.h"

#define SELECTOR_TYPE "selector"

enum {
    MAX_SELECTOR = 4096,
    MAX_TOLERATIONS = 256,
};

/* ---- selectors ---- */

/* Compiled once per text and kept by the engine: no finalizer, and no memory that Lua does not see
 * can pile up. */
static const struct moon_selector *compiled(lua_State *L, struct moon_str text)
{
    struct moon_engine *e = moon_engine_of(L);
    struct moon_selector *found = moon_map_get(e->selectors, text);
    struct moon_err err;

    if (found != NULL) {
        return found;
    }
    if (text.len > MAX_SELECTOR) {
        luaL_error(L, "selector: the text is longer than %d bytes", MAX_SELECTOR);
    }
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        luaL_error(L, "selector: a NUL byte");
    }
    if (moon_map_count(e->selectors) == MOON_ENGINE_MAX_SELECTORS) {
        luaL_error(L, "selector: more than %d different ones", MOON_ENGINE_MAX_SELECTORS);
    }
    found = moon_selector_parse(text, &err);
    if (found == NULL) {
        luaL_error(L, "selector: %s", err.text);
    }
    moon_map_set(e->selectors, text, found);
    return found;
}

void moon_library_push_selector(lua_State *L, struct moon_str text)
{
    const struct moon_selector *selector = compiled(L, text);
    const struct moon_selector **box = lua_newuserdatauv(L, sizeof(void *), 0);

    *box = selector;
    luaL_setmetatable(L, SELECTOR_TYPE);
}

const struct moon_selector *moon_library_to_selector(lua_State *L, int arg)
{
    const struct moon_selector **box;
    struct moon_str text;

    if (lua_type(L, arg) == LUA_TSTRING) {
        text.ptr = lua_tolstring(L, arg, &text.len);
        return compiled(L, text);
    }
    box = luaL_checkudata(L, arg, SELECTOR_TYPE);
    return *box;
}

/* moonset.selector("a=b,!c") */
static int library_selector(lua_State *L)
{
    struct moon_str text;

    text.ptr = luaL_checklstring(L, 1, &text.len);
    moon_library_push_selector(L, text);
    return 1;
}

/* The labels a selector looks at: of a node, pod or set, or a set of labels itself. */
static const struct moon_labels *labels_at(lua_State *L, int arg)
{
    const struct moon_view *v = moon_view_told_any(L, arg);
    const struct moon_set_view *set;

    switch (v->kind) {
    case MOON_VIEW_NODE:
    case MOON_VIEW_OLD_POD:
    case MOON_VIEW_NEW_POD:
        return &((const struct moon_object *)v->object)->labels;
    case MOON_VIEW_SET:
        set = v->object;
        return &set->set->meta.labels;
    case MOON_VIEW_LABELS:
        return v->object;
    case MOON_VIEW_NONE:
    case MOON_VIEW_TEMPLATE:
    case MOON_VIEW_ROLL:
    case MOON_VIEW_COUNTS:
    case MOON_VIEW_TAINTS:
    case MOON_VIEW_TAINT:
    case MOON_VIEW_CONDITIONS:
    case MOON_VIEW_CONDITION:
    case MOON_VIEW_AMOUNTS:
    case MOON_VIEW_TOLERATIONS:
    case MOON_VIEW_TOLERATION:
    case MOON_VIEW_MADE_POD:
    case MOON_VIEW_EVENT:
        break;
    }
    luaL_argerror(L, arg, "something with labels is wanted: a node, pod or set");
    return NULL;
}

static int selector_matches(lua_State *L)
{
    const struct moon_selector *s = moon_library_to_selector(L, 1);

    const struct moon_labels *labels = labels_at(L, 2);

    moon_trace_selector(L, s, moon_view_told_any(L, 2));
    lua_pushboolean(L, moon_selector_matches(s, labels));
    return 1;
}

static int selector_tostring(lua_State *L)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    moon_buf_clear(out);
    moon_selector_write(moon_library_to_selector(L, 1), out);
    lua_pushlstring(L, moon_buf_cstr(out), out->len);
    return 1;
}

/* ---- node affinity ---- */

/* moonset.affinity_matches(set, node): nodeSelector and required node affinity of the template. */
static int library_affinity_matches(lua_State *L)
{
    const struct moon_set_view *set = moon_view_told_check(L, 1, MOON_VIEW_SET)->object;
    const struct moon_node *node = moon_view_told_check(L, 2, MOON_VIEW_NODE)->object;

    moon_trace_affinity(L, set, node);
    lua_pushboolean(L,
                    moon_affinity_matches(set->set->affinity, &node->meta.labels, node->meta.name));
    return 1;
}

/* ---- tolerations ---- */

/* A text member of the table on the top; "" when absent. The text lives as long as the table. */
static const char *text_member(lua_State *L, const char *key)
{
    lua_pushstring(L, key);
    int type = lua_rawget(L, -2);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        luaL_error(L, "toleration: '%s' is a %s, not a text", key, lua_typename(L, type));
    }
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text != NULL ? text : "";
}

/* A list of views or tables becomes a list of the engine's, which lives until the next one. */
static const struct moon_tolerations *list_at(lua_State *L, int arg)
{
    const struct moon_view *v = moon_view_told_test(L, arg, MOON_VIEW_TOLERATIONS);
    struct moon_tolerations *list = &moon_engine_of(L)->tolerations;

    if (v != NULL) {
        return v->object;
    }
    luaL_checktype(L, arg, LUA_TTABLE);
    moon_tolerations_fini(list);
    *list = (struct moon_tolerations){0};
    lua_Integer n = (lua_Integer)lua_rawlen(L, arg);
    luaL_argcheck(L, n <= MAX_TOLERATIONS, arg, "more than 256 tolerations");
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, arg, i);
        const struct moon_view *one = moon_view_told_test(L, -1, MOON_VIEW_TOLERATION);
        if (one != NULL) {
            moon_tolerations_merge(list, one->object);
        } else {
            luaL_checktype(L, -1, LUA_TTABLE);
            const char *key = text_member(L, "key");
            const char *op = text_member(L, "operator");
            const char *value = text_member(L, "value");
            moon_tolerations_add(list, key, op, value, text_member(L, "effect"), NULL);
        }
        lua_pop(L, 1);
    }
    return list;
}

/* moonset.tolerated(taint, list) */
static int library_tolerated(lua_State *L)
{
    const struct moon_taint *taint = moon_view_told_check(L, 1, MOON_VIEW_TAINT)->object;
    const struct moon_tolerations *list = list_at(L, 2);
    bool found = false;

    for (size_t i = 0; i < list->count && !found; i++) {
        found = moon_tolerates(&list->items[i], taint);
    }
    lua_pushboolean(L, found);
    return 1;
}

static unsigned effect_bit(lua_State *L, int at)
{
    const char *name = lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : "";
    enum moon_effect effect = moon_effect_parse(name);

    if (effect == MOON_EFFECT_NONE || effect == MOON_EFFECT_OTHER) {
        luaL_error(L, "untolerated: an effect is NoSchedule, PreferNoSchedule or NoExecute");
    }
    return 1u << effect;
}

/* One name, a list of names, or nothing: those that keep pods away. */
static unsigned effects_at(lua_State *L, int arg)
{
    unsigned bits = 0;

    if (lua_isnoneornil(L, arg)) {
        return 1u << MOON_EFFECT_NO_SCHEDULE | 1u << MOON_EFFECT_NO_EXECUTE;
    }
    if (lua_type(L, arg) == LUA_TSTRING) {
        return effect_bit(L, arg);
    }
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_Integer n = (lua_Integer)lua_rawlen(L, arg);
    for (lua_Integer i = 1; i <= n; i++) {
        moon_engine_poll(L);
        lua_rawgeti(L, arg, i);
        bits |= effect_bit(L, -1);
        lua_pop(L, 1);
    }
    return bits;
}

/* moonset.untolerated(node, list, effects): the first taint that keeps the pod away, or nil. */
static int library_untolerated(lua_State *L)
{
    const struct moon_node *node = moon_view_told_check(L, 1, MOON_VIEW_NODE)->object;

    moon_trace_taints(L, node);
    const struct moon_tolerations *list = list_at(L, 2);
    const struct moon_taint *taint = moon_untolerated(&node->taints, list, effects_at(L, 3));

    if (taint == NULL) {
        lua_pushnil(L);
    } else {
        moon_view_push(L, MOON_VIEW_TAINT, taint);
    }
    return 1;
}

static const luaL_Reg selector_metamethods[] = {{"__tostring", selector_tostring}, {NULL, NULL}};
static const struct moon_library_entry selector_methods[] = {
    {"matches", selector_matches, "(x: Node|Pod|Set|Labels): boolean",
     "does it match the labels of x?"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library_class moon_library_selector_class = {
    .name = SELECTOR_TYPE,
    .type = "Selector",
    .doc = "A label selector.",
    .methods = selector_methods,
    .metamethods = selector_metamethods,
};

static const struct moon_library_entry functions[] = {
    {"selector", library_selector, "(text: string): Selector", "\"a=b,!c,d in (e,f)\""},
    {"affinity_matches", library_affinity_matches, "(set: Set, node: Node): boolean",
     "nodeSelector and required node affinity of the template"},
    {"tolerated", library_tolerated,
     "(taint: Taint, list: Tolerations|Toleration[]|TolerationEntry[]): boolean",
     "does one of the list tolerate it?"},
    {"untolerated", library_untolerated,
     "(node: Node, list: Tolerations|Toleration[]|TolerationEntry[], effects: Effect|Effect[]?): "
     "Taint?",
     "the first taint that nothing in the list tolerates; NoSchedule and NoExecute without "
     "effects"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_kube = {.functions = functions};
