/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.c - fields = { "/status/nodeInfo/kernelVersion" }, and node:raw("/status/…").
 */
#include "policy/fields.h"

#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/library.h"

void moon_fields_fini(struct moon_fields *f)
{
    for (size_t i = 0; i < f->count; i++) {
        moon_sym_unref(f->pointers[i]);
    }
    f->count = 0;
}

static const char *read_one(lua_State *L, struct moon_fields *f)
{
    struct moon_str pointer;
    struct moon_err err;
    size_t number;

    if (lua_type(L, -1) != LUA_TSTRING) {
        return "'fields' is a list of texts, such as { \"/status/nodeInfo/kernelVersion\" }";
    }
    if (f->count == MOON_FIELDS_MAX) {
        return "'fields' has more than 16 entries";
    }
    pointer.ptr = lua_tolstring(L, -1, &pointer.len);
    if (moon_node_field_keep(pointer, &number, &err) != 0) {
        return lua_pushfstring(L, "'fields': %s", err.text);
    }
    f->numbers[f->count] = number;
    f->pointers[f->count++] = moon_intern(pointer);
    return NULL;
}

const char *moon_fields_read(lua_State *L, struct moon_fields *f)
{
    const char *problem = NULL;

    moon_fields_fini(f);
    if (lua_isnil(L, -1)) {
        return NULL;
    }
    if (!lua_istable(L, -1)) {
        return "'fields' is a list of texts, such as { \"/status/nodeInfo/kernelVersion\" }";
    }
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= n && problem == NULL; i++) {
        lua_rawgeti(L, -1, i);
        problem = read_one(L, f);
        if (problem == NULL) {
            lua_pop(L, 1);
        }
    }
    return problem;
}

static bool find(const struct moon_fields *f, struct moon_str pointer, size_t *ret_number)
{
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        if (moon_str_is(pointer, f->pointers[i])) {
            *ret_number = f->numbers[i];
            return true;
        }
    }
    return false;
}

int moon_fields_raw(lua_State *L)
{
    const struct moon_node *node = moon_view_check(L, 1, MOON_VIEW_NODE)->object;
    struct moon_str pointer;
    size_t number;

    pointer.ptr = luaL_checklstring(L, 2, &pointer.len);
    if (!find(moon_engine_of(L)->fields, pointer, &number)) {
        return luaL_error(L, "node:raw: declare the field first: fields = { \"%s\" }", pointer.ptr);
    }
    if (number >= node->field_count) {
        return luaL_error(L, "node:raw: \"%s\" is not known yet: the nodes are being listed again",
                          pointer.ptr);
    }
    const struct moon_node_field *field = &node->fields[number];
    if (field->too_large) {
        return luaL_error(L, "node:raw: \"%s\" is larger than %d bytes", pointer.ptr,
                          MOON_NODE_FIELD_BYTES);
    }
    if (field->json == NULL) {
        lua_pushnil(L);
    } else {
        moon_library_push_json(L, moon_str(field->json), "node:raw");
    }
    return 1;
}
