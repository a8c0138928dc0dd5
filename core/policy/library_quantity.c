/* SPDX-License-Identifier: Apache-2.0
 *
 * library_quantity.c - quantities with arithmetic, and "a number or a percent".
 */
#include <lauxlib.h>

#include "kube/intstr.h"
#include "policy/engine.h"
#include "policy/library.h"

#define QUANTITY_TYPE "quantity"

/* Unaligned in Lua's memory, perhaps: copied in and out. */
void moon_library_push_quantity(lua_State *L, struct moon_quantity q)
{
    void *box = lua_newuserdatauv(L, sizeof(q), 0);

    memcpy(box, &q, sizeof(q));
    luaL_setmetatable(L, QUANTITY_TYPE);
}

bool moon_library_is_quantity(lua_State *L, int arg)
{
    return luaL_testudata(L, arg, QUANTITY_TYPE) != NULL;
}

struct moon_quantity moon_library_to_quantity(lua_State *L, int arg)
{
    struct moon_quantity q;
    struct moon_str text;
    struct moon_err err;

    if (lua_isinteger(L, arg)) {
        return moon_quantity_from_i64(lua_tointeger(L, arg));
    }
    if (lua_type(L, arg) == LUA_TSTRING) {
        text.ptr = lua_tolstring(L, arg, &text.len);
        if (moon_quantity_parse(text, &q, &err) != 0) {
            luaL_error(L, "quantity: %s", err.text);
        }
        return q;
    }
    memcpy(&q, luaL_checkudata(L, arg, QUANTITY_TYPE), sizeof(q));
    return q;
}

static int library_quantity(lua_State *L)
{
    moon_library_push_quantity(L, moon_library_to_quantity(L, 1));
    return 1;
}

static int quantity_add(lua_State *L)
{
    moon_library_push_quantity(
        L, moon_quantity_add(moon_library_to_quantity(L, 1), moon_library_to_quantity(L, 2)));
    return 1;
}

static int quantity_sub(lua_State *L)
{
    moon_library_push_quantity(
        L, moon_quantity_sub(moon_library_to_quantity(L, 1), moon_library_to_quantity(L, 2)));
    return 1;
}

static int quantity_mul(lua_State *L)
{
    int factor = lua_isinteger(L, 1) ? 1 : 2;
    lua_Integer n = luaL_checkinteger(L, factor);

    moon_library_push_quantity(L,
                               moon_quantity_scale(moon_library_to_quantity(L, 3 - factor), n, 1));
    return 1;
}

static int quantity_div(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 2);

    luaL_argcheck(L, n > 0, 2, "quantities are divided by positive integers");
    moon_library_push_quantity(L, moon_quantity_scale(moon_library_to_quantity(L, 1), 1, n));
    return 1;
}

static int quantity_eq(lua_State *L)
{
    lua_pushboolean(
        L, moon_quantity_cmp(moon_library_to_quantity(L, 1), moon_library_to_quantity(L, 2)) == 0);
    return 1;
}

static int quantity_lt(lua_State *L)
{
    lua_pushboolean(
        L, moon_quantity_cmp(moon_library_to_quantity(L, 1), moon_library_to_quantity(L, 2)) < 0);
    return 1;
}

static int quantity_le(lua_State *L)
{
    lua_pushboolean(
        L, moon_quantity_cmp(moon_library_to_quantity(L, 1), moon_library_to_quantity(L, 2)) <= 0);
    return 1;
}

static int quantity_tostring(lua_State *L)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    moon_buf_clear(out);
    moon_quantity_write(moon_library_to_quantity(L, 1), out);
    lua_pushlstring(L, moon_buf_cstr(out), out->len);
    return 1;
}

static int quantity_units(lua_State *L)
{
    lua_pushinteger(L, moon_quantity_units(moon_library_to_quantity(L, 1)));
    return 1;
}

static int quantity_milli(lua_State *L)
{
    lua_pushinteger(L, moon_quantity_milli(moon_library_to_quantity(L, 1)));
    return 1;
}

/* moonset.intstr("10%" or 3, total, "up" or "down") */
static int library_intstr(lua_State *L)
{
    static const char *const ways[] = {"down", "up", NULL};
    struct moon_intstr value = {.set = true};
    lua_Integer total = luaL_checkinteger(L, 2);
    bool up = luaL_checkoption(L, 3, "up", ways) == 1;
    struct moon_str text;
    struct moon_err err;

    if (lua_isinteger(L, 1)) {
        value.value = lua_tointeger(L, 1);
    } else {
        text.ptr = luaL_checklstring(L, 1, &text.len);
        if (moon_intstr_parse(text, &value, &err) != 0) {
            return luaL_error(L, "intstr: %s", err.text);
        }
    }
    lua_pushinteger(L, moon_intstr_scale(value, total, up));
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__add", quantity_add},
    {"__sub", quantity_sub},
    {"__mul", quantity_mul},
    {"__div", quantity_div},
    {"__eq", quantity_eq},
    {"__lt", quantity_lt},
    {"__le", quantity_le},
    {"__tostring", quantity_tostring},
    {NULL, NULL},
};
static const struct moon_library_entry methods[] = {
    {"units", quantity_units, "(): integer", "rounded up"},
    {"milli", quantity_milli, "(): integer", "thousandths, rounded up"},
    {NULL, NULL, NULL, NULL},
};
static const char *const operators[] = {
    "add(Quantity|string|integer): Quantity",
    "sub(Quantity|string|integer): Quantity",
    "mul(integer): Quantity",
    "div(integer): Quantity",
    NULL,
};
const struct moon_library_class moon_library_quantity_class = {
    .name = QUANTITY_TYPE,
    .type = "Quantity",
    .doc = "An amount as Kubernetes writes it: 500m, 64Mi; adds, subtracts and compares.",
    .methods = methods,
    .metamethods = metamethods,
    .operators = operators,
};

static const struct moon_library_entry functions[] = {
    {"quantity", library_quantity, "(x: string|integer|Quantity): Quantity", "\"500m\", \"64Mi\""},
    {"intstr", library_intstr,
     "(value: string|integer, total: integer, round: (\"up\"|\"down\")?): integer",
     "a number, or so many percent of the total: \"10%\"; up without a third"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_quantity = {.functions = functions};
