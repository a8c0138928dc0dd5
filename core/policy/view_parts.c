/* SPDX-License-Identifier: Apache-2.0
 *
 * view_parts.c - what several views are made of: labels, taints, tolerations.
 */
#include <lauxlib.h>

#include "policy/engine.h"

/* ---- labels and annotations: any key may be asked for, nil when absent ---- */

static int labels_get(lua_State *L, const struct moon_view *v, int key)
{
    if (lua_type(L, key) != LUA_TSTRING) {
        return luaL_error(L, "labels are looked up by their name, not by a %s",
                          luaL_typename(L, key));
    }
    return moon_view_push_sym(L, moon_labels_get(v->object, lua_tostring(L, key)));
}

static size_t labels_length(const struct moon_view *v)
{
    const struct moon_labels *l = v->object;

    return l->count;
}

static int labels_entry(lua_State *L, const struct moon_view *v, size_t i)
{
    const struct moon_labels *l = v->object;

    moon_view_push_sym(L, l->items[i].key);
    moon_view_push_sym(L, l->items[i].value);
    return 2;
}

const struct moon_view_class moon_view_labels = {
    .type = "Labels",
    .doc = "Labels or annotations: texts by key.",
    .entries = "[string]: string?",
    .name = "set of labels",
    .get = labels_get,
    .length = labels_length,
    .entry = labels_entry,
};

/* ---- lists ---- */

/* The number of entry `key` from 0, or SIZE_MAX when it is none of 1…length. */
static size_t position(lua_State *L, int key, const char *what, size_t length)
{
    int is_integer;
    lua_Integer i = lua_tointegerx(L, key, &is_integer);

    if (!is_integer || lua_type(L, key) != LUA_TNUMBER) {
        luaL_error(L, "a %s has entries 1, 2, …, not '%s'", what,
                   lua_type(L, key) == LUA_TSTRING ? lua_tostring(L, key) : luaL_typename(L, key));
    }
    return i >= 1 && (size_t)i <= length ? (size_t)i - 1 : SIZE_MAX;
}

static size_t taints_length(const struct moon_view *v)
{
    const struct moon_taints *t = v->object;

    return t->count;
}

static int taints_get(lua_State *L, const struct moon_view *v, int key)
{
    const struct moon_taints *t = v->object;
    size_t i = position(L, key, moon_view_taints.name, t->count);

    if (i == SIZE_MAX) {
        lua_pushnil(L);
    } else {
        moon_view_push(L, MOON_VIEW_TAINT, &t->items[i]);
    }
    return 1;
}

static int taints_entry(lua_State *L, const struct moon_view *v, size_t i)
{
    const struct moon_taints *t = v->object;

    lua_pushinteger(L, (lua_Integer)i + 1);
    moon_view_push(L, MOON_VIEW_TAINT, &t->items[i]);
    return 2;
}

const struct moon_view_class moon_view_taints = {
    .type = "Taints",
    .doc = "A list of taints.",
    .entries = "[integer]: Taint?",
    .name = "list of taints",
    .get = taints_get,
    .length = taints_length,
    .entry = taints_entry,
};

static size_t tolerations_length(const struct moon_view *v)
{
    const struct moon_tolerations *t = v->object;

    return t->count;
}

static int tolerations_get(lua_State *L, const struct moon_view *v, int key)
{
    const struct moon_tolerations *t = v->object;
    size_t i = position(L, key, moon_view_tolerations.name, t->count);

    if (i == SIZE_MAX) {
        lua_pushnil(L);
    } else {
        moon_view_push(L, MOON_VIEW_TOLERATION, &t->items[i]);
    }
    return 1;
}

static int tolerations_entry(lua_State *L, const struct moon_view *v, size_t i)
{
    const struct moon_tolerations *t = v->object;

    lua_pushinteger(L, (lua_Integer)i + 1);
    moon_view_push(L, MOON_VIEW_TOLERATION, &t->items[i]);
    return 2;
}

const struct moon_view_class moon_view_tolerations = {
    .type = "Tolerations",
    .doc = "A list of tolerations.",
    .entries = "[integer]: Toleration?",
    .name = "list of tolerations",
    .get = tolerations_get,
    .length = tolerations_length,
    .entry = tolerations_entry,
};

/* ---- one taint ---- */

static int taint_key(lua_State *L, const struct moon_view *v)
{
    const struct moon_taint *t = v->object;

    return moon_view_push_sym(L, t->key);
}

static int taint_value(lua_State *L, const struct moon_view *v)
{
    const struct moon_taint *t = v->object;

    return moon_view_push_sym(L, t->value);
}

static int taint_effect(lua_State *L, const struct moon_view *v)
{
    const struct moon_taint *t = v->object;

    (void)lua_pushstring(L, moon_effect_name(t->effect));
    return 1;
}

static const struct moon_view_field taint_fields[] = {
    {"key", taint_key, "string", ""},
    {"value", taint_value, "string", ""},
    {"effect", taint_effect, "string", "NoSchedule, PreferNoSchedule or NoExecute"},
    {NULL, NULL, NULL, NULL},
};

static const char *taint_text(const struct moon_view *v)
{
    const struct moon_taint *t = v->object;

    return t->key != NULL ? t->key : "";
}

const struct moon_view_class moon_view_taint = {
    .type = "Taint",
    .doc = "A taint of a node.",
    .name = "taint",
    .fields = taint_fields,
    .text = taint_text,
};

/* ---- one toleration ---- */

static int toleration_key(lua_State *L, const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    return moon_view_push_sym(L, t->key);
}

static int toleration_operator(lua_State *L, const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    return moon_view_push_sym(L, t->op_text);
}

static int toleration_value(lua_State *L, const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    return moon_view_push_sym(L, t->value);
}

static int toleration_effect(lua_State *L, const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    return moon_view_push_sym(L, t->effect_text);
}

static int toleration_seconds(lua_State *L, const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    if (t->has_seconds) {
        lua_pushinteger(L, t->seconds);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static const struct moon_view_field toleration_fields[] = {
    {"key", toleration_key, "string", "\"\": every key"},
    {"operator", toleration_operator, "string", "Equal or Exists; \"\" is Equal"},
    {"value", toleration_value, "string", ""},
    {"effect", toleration_effect, "string", "\"\": every effect"},
    {"seconds", toleration_seconds, "integer?", "how long a pod may stay; nil: for ever"},
    {NULL, NULL, NULL, NULL},
};

static const char *toleration_text(const struct moon_view *v)
{
    const struct moon_toleration *t = v->object;

    return t->key != NULL ? t->key : "";
}

const struct moon_view_class moon_view_toleration = {
    .type = "Toleration",
    .doc = "What pods put up with.",
    .name = "toleration",
    .fields = toleration_fields,
    .text = toleration_text,
};
