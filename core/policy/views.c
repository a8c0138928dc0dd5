/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/views.h"

#include <stdio.h>

#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/engine.h"

_Static_assert(sizeof(void *) == 8, "a view handle is 64 bits");
_Static_assert(MOON_VIEW_KINDS <= 64, "6 bits of it are the kind");

enum {
    INDEX_BITS = 22,
    EPOCH_BITS = 36,
    KIND_SHIFT = INDEX_BITS + EPOCH_BITS,
    MAX_VIEWS = 1 << 20, /* of one call */
    FIRST_CAPACITY = 64,
};

static const uint64_t epoch_mask = MOON_VIEW_EPOCHS;
static const uint64_t index_mask = (UINT64_C(1) << INDEX_BITS) - 1;

static const struct moon_view_class *const classes[MOON_VIEW_KINDS] = {
    [MOON_VIEW_NODE] = &moon_view_node,
    [MOON_VIEW_OLD_POD] = &moon_view_old_pod,
    [MOON_VIEW_NEW_POD] = &moon_view_new_pod,
    [MOON_VIEW_SET] = &moon_view_set,
    [MOON_VIEW_TEMPLATE] = &moon_view_template,
    [MOON_VIEW_ROLL] = &moon_view_roll,
    [MOON_VIEW_COUNTS] = &moon_view_counts,
    [MOON_VIEW_LABELS] = &moon_view_labels,
    [MOON_VIEW_TAINTS] = &moon_view_taints,
    [MOON_VIEW_TAINT] = &moon_view_taint,
    [MOON_VIEW_CONDITIONS] = &moon_view_conditions,
    [MOON_VIEW_CONDITION] = &moon_view_condition,
    [MOON_VIEW_AMOUNTS] = &moon_view_amounts,
    [MOON_VIEW_TOLERATIONS] = &moon_view_tolerations,
    [MOON_VIEW_TOLERATION] = &moon_view_toleration,
    [MOON_VIEW_MADE_POD] = &moon_view_made_pod,
    [MOON_VIEW_EVENT] = &moon_view_event,
};

const struct moon_view_class *moon_view_class(enum moon_view_kind kind)
{
    return classes[kind];
}

/* ---- the table ---- */

void moon_views_init(struct moon_views *v)
{
    *v = (struct moon_views){.epoch = 1};
    v->capacity = FIRST_CAPACITY;
    v->items = moon_new_array(struct moon_view, v->capacity);
    v->index_size = 2 * v->capacity;
    v->index = moon_new_array(uint64_t, v->index_size);
}

void moon_views_fini(struct moon_views *v)
{
    moon_free(v->items);
    moon_free(v->index);
}

void moon_views_wrap(struct moon_views *v)
{
    memset(v->index, 0, v->index_size * sizeof(*v->index));
    v->epoch = 1;
}

static size_t hash_of(const void *object, enum moon_view_kind kind)
{
    uint64_t h = ((uint64_t)(uintptr_t)object ^ ((uint64_t)kind << 56)) * 0x9e3779b97f4a7c15u;

    return (size_t)(h >> 20);
}

/* An index slot holds the item's place plus the epoch, so that forgetting needs no clearing. */
static uint64_t *index_slot(const struct moon_views *v, enum moon_view_kind kind,
                            const void *object)
{
    size_t i = hash_of(object, kind) & (v->index_size - 1);

    for (;; i = (i + 1) & (v->index_size - 1)) {
        uint64_t *slot = &v->index[i];
        if ((*slot & epoch_mask) != (v->epoch & epoch_mask)) {
            return slot;
        }
        const struct moon_view *item = &v->items[*slot >> EPOCH_BITS];
        if (item->object == object && item->kind == kind) {
            return slot;
        }
    }
}

static void grow(struct moon_views *v)
{
    v->capacity *= 2;
    v->items = moon_realloc_array(v->items, v->capacity, sizeof(*v->items));
    moon_free(v->index);
    v->index_size = 2 * v->capacity;
    v->index = moon_new_array(uint64_t, v->index_size);
    for (size_t i = 0; i < v->count; i++) {
        uint64_t *slot = index_slot(v, v->items[i].kind, v->items[i].object);
        *slot = (uint64_t)i << EPOCH_BITS | (v->epoch & epoch_mask);
    }
}

void *moon_views_handle(struct moon_views *v, enum moon_view_kind kind, const void *object,
                        uint32_t count, const struct moon_roll_slot *slot)
{
    uint64_t *place = index_slot(v, kind, object);

    if ((*place & epoch_mask) != (v->epoch & epoch_mask)) {
        if (v->count == MAX_VIEWS) {
            return NULL;
        }
        if (v->count == v->capacity) {
            grow(v);
            place = index_slot(v, kind, object);
        }
        v->items[v->count] = (struct moon_view){object, slot, count, kind};
        *place = (uint64_t)v->count << EPOCH_BITS | (v->epoch & epoch_mask);
        v->count++;
    }
    uint64_t index = *place >> EPOCH_BITS;
    return (void *)(uintptr_t)((uint64_t)kind << KIND_SHIFT |
                               (v->epoch & epoch_mask) << INDEX_BITS | index);
}

/* NULL: no handle of this call. The address of anything else that is a userdata has no bits of a
 * kind, so it is none either. */
static const struct moon_view *view_at(lua_State *L, int arg)
{
    const struct moon_views *v = &moon_engine_of(L)->views;
    uint64_t bits = (uint64_t)(uintptr_t)lua_touserdata(L, arg);
    uint64_t index = bits & index_mask;

    if ((bits >> INDEX_BITS & epoch_mask) != (v->epoch & epoch_mask) || index >= v->count) {
        return NULL;
    }
    const struct moon_view *item = &v->items[index];
    return item->kind == (enum moon_view_kind)(bits >> KIND_SHIFT) ? item : NULL;
}

/* ---- pushing and checking ---- */

static void push(lua_State *L, enum moon_view_kind kind, const void *object, size_t count,
                 const struct moon_roll_slot *slot)
{
    void *handle =
        moon_views_handle(&moon_engine_of(L)->views, kind, object, (uint32_t)count, slot);

    if (handle == NULL) {
        luaL_error(L, "more than %d views in one call", MAX_VIEWS);
    }
    lua_pushlightuserdata(L, handle);
}

void moon_view_push(lua_State *L, enum moon_view_kind kind, const void *object)
{
    push(L, kind, object, 0, NULL);
}

void moon_view_push_list(lua_State *L, enum moon_view_kind kind, const void *items, size_t count)
{
    push(L, kind, items, count, NULL);
}

void moon_view_push_in_slot(lua_State *L, enum moon_view_kind kind, const void *object,
                            const struct moon_roll_slot *slot)
{
    push(L, kind, object, 0, slot);
}

const struct moon_view *moon_view_told_any(lua_State *L, int arg)
{
    const struct moon_view *view = view_at(L, arg);

    if (view == NULL && lua_type(L, arg) != LUA_TLIGHTUSERDATA) {
        luaL_argerror(L, arg, "a node, pod or set is wanted");
    } else if (view == NULL) {
        luaL_error(L, "stale view: it was kept from an earlier call; keep its name instead");
    }
    return view;
}

const struct moon_view *moon_view_told_check(lua_State *L, int arg, enum moon_view_kind kind)
{
    const struct moon_view *view = view_at(L, arg);

    if (view != NULL && view->kind == kind) {
        return view;
    }
    if (lua_type(L, arg) == LUA_TLIGHTUSERDATA) {
        view = moon_view_told_any(L, arg);
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s expected, got %s", classes[kind]->name,
                                      classes[view->kind]->name));
    }
    luaL_argerror(
        L, arg,
        lua_pushfstring(L, "%s expected, got %s", classes[kind]->name, luaL_typename(L, arg)));
    return NULL;
}

const struct moon_view *moon_view_told_test(lua_State *L, int arg, enum moon_view_kind kind)
{
    const struct moon_view *view = view_at(L, arg);

    return view != NULL && view->kind == kind ? view : NULL;
}

const struct moon_view *moon_view_any(lua_State *L, int arg)
{
    moon_trace_opaque(L);
    return moon_view_told_any(L, arg);
}

const struct moon_view *moon_view_check(lua_State *L, int arg, enum moon_view_kind kind)
{
    moon_trace_opaque(L);
    return moon_view_told_check(L, arg, kind);
}

const struct moon_view *moon_view_test(lua_State *L, int arg, enum moon_view_kind kind)
{
    const struct moon_view *view = moon_view_told_test(L, arg, kind);

    if (view != NULL) {
        moon_trace_opaque(L);
    }
    return view;
}

/* Something that depends on all of the view. */
static const struct moon_view *whole(lua_State *L, int arg)
{
    const struct moon_view *view = moon_view_told_any(L, arg);
    struct moon_trace *trace = moon_engine_of(L)->trace;

    if (trace != NULL) {
        moon_trace_whole(trace, view);
    }
    return view;
}

static const struct moon_view_class *with_entries(lua_State *L, const struct moon_view *view)
{
    const struct moon_view_class *class = classes[view->kind];

    if (class->length == NULL) {
        luaL_error(L, "a %s is no list: it has named fields", class->name);
    }
    return class;
}

size_t moon_view_length(lua_State *L, int arg)
{
    const struct moon_view *view = whole(L, arg);

    return with_entries(L, view)->length(view);
}

int moon_view_push_entry(lua_State *L, int arg, size_t i)
{
    const struct moon_view *view = whole(L, arg);
    const struct moon_view_class *class = with_entries(L, view);

    if (i >= class->length(view)) {
        lua_pushnil(L);
        return 1;
    }
    return class->entry(L, view, i);
}

const char *moon_view_sort_text(lua_State *L, int arg)
{
    const struct moon_view *view = whole(L, arg);
    const struct moon_view_class *class = classes[view->kind];

    return class->text != NULL ? class->text(view) : "";
}

/* ---- the metatable ---- */

static int no_such_field(lua_State *L, const struct moon_view_class *class)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "a %s has no field that is a %s", class->name, luaL_typename(L, 2));
    }
    moon_closest_init(&closest, lua_tostring(L, 2));
    for (const struct moon_view_field *f = class->fields; f->name != NULL; f++) {
        moon_closest_offer(&closest, f->name);
    }
    return luaL_error(L, "a %s has no field '%s'%s", class->name, lua_tostring(L, 2),
                      moon_closest_text(&closest, hint));
}

static size_t hint_of(const void *name, enum moon_view_kind kind)
{
    return ((uintptr_t)name >> 4 ^ (uintptr_t)kind) & (MOON_VIEW_HINTS - 1);
}

/* The field that index 2 names. Upvalue k: the fields of kind k by name. */
static const struct moon_view_field *field_of(lua_State *L, const struct moon_view_class *class,
                                              enum moon_view_kind kind)
{
    const void *name = lua_topointer(L, 2);
    struct moon_view_hint *hint = &moon_engine_of(L)->views.hints[hint_of(name, kind)];

    if (hint->name == name && hint->kind == kind && name != NULL) {
        return hint->field;
    }
    lua_pushvalue(L, 2);
    (void)lua_rawget(L, lua_upvalueindex((int)kind));
    const struct moon_view_field *field = lua_touserdata(L, -1);
    if (field == NULL) {
        (void)no_such_field(L, class);
    }
    *hint = (struct moon_view_hint){name, field, kind};
    return field;
}

static int view_index(lua_State *L)
{
    const struct moon_view *view = moon_view_told_any(L, 1);
    const struct moon_view_class *class = classes[view->kind];
    struct moon_trace *trace = moon_engine_of(L)->trace;

    if (trace != NULL) {
        bool is_text = lua_type(L, 2) == LUA_TSTRING;
        moon_trace_index(trace, view, is_text ? lua_tostring(L, 2) : NULL);
    }
    if (class->fields == NULL) {
        return class->get(L, view, 2);
    }
    return field_of(L, class, view->kind)->get(L, view);
}

static int view_newindex(lua_State *L)
{
    const struct moon_view *view = moon_view_told_any(L, 1);

    return luaL_error(L, "a %s is read-only", classes[view->kind]->name);
}

static int view_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)moon_view_length(L, 1));
    return 1;
}

static int view_tostring(lua_State *L)
{
    const struct moon_view *view = view_at(L, 1);

    moon_trace_opaque(L);
    if (view == NULL) {
        lua_pushliteral(L, "stale view");
        return 1;
    }
    const struct moon_view_class *class = classes[view->kind];
    if (class->text != NULL) {
        lua_pushfstring(L, "%s %s", class->name, class->text(view));
    } else {
        lua_pushstring(L, class->name);
    }
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__newindex", view_newindex},
    {"__len", view_len},
    {"__tostring", view_tostring},
    {NULL, NULL},
};

static void push_fields(lua_State *L, const struct moon_view_class *class)
{
    lua_newtable(L);
    if (class == NULL || class->fields == NULL) {
        return;
    }
    for (const struct moon_view_field *f = class->fields; f->name != NULL; f++) {
        /* Only ever read back as a const pointer. */
        lua_pushlightuserdata(L, (void *)(uintptr_t)f);
        lua_setfield(L, -2, f->name);
    }
}

void moon_views_open(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
    luaL_newlib(L, metamethods);
    for (int kind = 1; kind < MOON_VIEW_KINDS; kind++) {
        push_fields(L, classes[kind]);
    }
    lua_pushcclosure(L, view_index, MOON_VIEW_KINDS - 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "view");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
