/* SPDX-License-Identifier: Apache-2.0
 *
 * strings.c - the string library, made to end.
 *
 * C functions see no hook, so what could run long is refused before it starts. A search over n
 * bytes with a pattern of p bytes costs at most p * n^(q+1), q being the number of items that try
 * several lengths (* + - %b and back-references); one power less when it is anchored and does not
 * go through the whole text. An optional item (?) is tried both ways: it doubles the bound.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "policy/engine.h"

enum {
    MAX_PATTERN = 256,
    MAX_COST = 1000 * 1000,
    MAX_REPEAT = MOON_ENGINE_MAX_STRING,
    MAX_PLAIN_COST = 64 * 1000 * 1000, /* bytes compared, many at a time */
};

/* ---- the cost of a pattern ---- */

struct pattern_cost {
    unsigned powers;  /* items that try several lengths */
    unsigned doubles; /* optional items */
};

/* The end of a set "[…]" that begins at `i`, as Lua finds it: a ']' in first place is a member. */
static size_t skip_set(const char *p, size_t len, size_t i)
{
    i++;
    if (i < len && p[i] == '^') {
        i++;
    }
    do {
        if (i < len && p[i] == '%') {
            i++;
        }
        i++;
    } while (i < len && p[i] != ']');
    return i + 1;
}

static struct pattern_cost measure(const char *p, size_t len)
{
    struct pattern_cost cost = {0};

    for (size_t i = 0; i < len;) {
        char c = p[i];
        if (c == '%' && i + 1 < len) {
            char what = p[i + 1];
            cost.powers += what == 'b' || (what >= '0' && what <= '9');
            i += what == 'b' ? 4 : 2;
        } else if (c == '[') {
            i = skip_set(p, len, i);
        } else {
            cost.powers += c == '*' || c == '+' || c == '-';
            cost.doubles += c == '?';
            i++;
        }
    }
    return cost;
}

static bool is_affordable(struct pattern_cost cost, size_t pattern_len, size_t n, bool anchored)
{
    unsigned powers = cost.powers + (anchored ? 0 : 1);
    double bound = (double)(pattern_len > 0 ? pattern_len : 1);

    for (unsigned i = 0; i < powers && bound <= MAX_COST; i++) {
        bound *= (double)(n > 0 ? n : 1);
    }
    for (unsigned i = 0; i < cost.doubles && bound <= MAX_COST; i++) {
        bound *= 2;
    }
    return bound <= MAX_COST;
}

static void check_search(lua_State *L, const char *fn, bool whole)
{
    size_t n;
    size_t len;

    (void)luaL_checklstring(L, 1, &n);
    const char *pattern = luaL_checklstring(L, 2, &len);
    if (len > MAX_PATTERN) {
        luaL_error(L, "string.%s: the pattern is longer than %d bytes", fn, MAX_PATTERN);
    }
    bool anchored = !whole && len > 0 && pattern[0] == '^';
    if (!is_affordable(measure(pattern, len), len, n, anchored)) {
        luaL_error(L,
                   "string.%s: this pattern could take too long on %d bytes: use fewer of * + - ? "
                   "%%b, begin it with ^, or shorten the text",
                   fn, (int)n);
    }
}

/* Upvalue 1 of each wrapper is Lua's own function. */
static int call_original(lua_State *L)
{
    int nargs = lua_gettop(L);

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, nargs, LUA_MULTRET);
    return lua_gettop(L);
}

/* At each place of the text all but the last byte may be as wanted. */
static void check_plain_search(lua_State *L)
{
    size_t n;
    size_t len;

    (void)luaL_checklstring(L, 1, &n);
    (void)luaL_checklstring(L, 2, &len);
    if (len < n && (n - len) * len > MAX_PLAIN_COST) {
        luaL_error(L, "string.find: this search could take too long: %d bytes in %d", (int)len,
                   (int)n);
    }
}

static int string_find(lua_State *L)
{
    if (lua_toboolean(L, 4)) {
        check_plain_search(L);
    } else {
        check_search(L, "find", false);
    }
    return call_original(L);
}

static int string_match(lua_State *L)
{
    check_search(L, "match", false);
    return call_original(L);
}

static int string_gmatch(lua_State *L)
{
    check_search(L, "gmatch", true);
    return call_original(L);
}

static int string_gsub(lua_State *L)
{
    check_search(L, "gsub", true);
    return call_original(L);
}

/* ---- sizes ---- */

static int string_rep(lua_State *L)
{
    size_t len;
    size_t separator_len;
    (void)luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    (void)luaL_optlstring(L, 3, "", &separator_len);

    if (n > MAX_REPEAT || (n > 0 && (len + separator_len) * (size_t)n > MOON_ENGINE_MAX_STRING)) {
        return luaL_error(L, "string.rep: the result would be longer than %d KB",
                          MOON_ENGINE_MAX_STRING >> 10);
    }
    return call_original(L);
}

/* %s goes through our tostring, %p is refused: no addresses in texts. */
static int string_format(lua_State *L)
{
    size_t len;
    const char *format = luaL_checklstring(L, 1, &len);
    size_t total = len;
    int arg = 1;

    for (const char *p = format; p < format + len; p++) {
        if (*p != '%') {
            continue;
        }
        if (p[1] == '%') {
            p++;
            continue;
        }
        p += 1 + strspn(p + 1, "-+ #0123456789.");
        arg++;
        if (*p == 'p') {
            return luaL_error(L, "string.format: %%p is not available in policies");
        }
        if ((*p == 's' || *p == 'q') && arg <= lua_gettop(L)) {
            size_t piece;
            if (*p == 's') {
                lua_pushcfunction(L, moon_sandbox_tostring);
                lua_pushvalue(L, arg);
                lua_call(L, 1, 1);
                lua_replace(L, arg);
            }
            (void)lua_tolstring(L, arg, &piece);
            total += lua_isstring(L, arg) ? piece : 0;
        }
        if (total > MOON_ENGINE_MAX_STRING) {
            return luaL_error(L, "string.format: the result would be longer than %d KB",
                              MOON_ENGINE_MAX_STRING >> 10);
        }
    }
    return call_original(L);
}

/* ---- the library ---- */

static const char *const kept[] = {"byte", "char", "len", "lower", "reverse", "sub", "upper"};

static const luaL_Reg wrapped[] = {
    {"find", string_find}, {"format", string_format}, {"gmatch", string_gmatch},
    {"gsub", string_gsub}, {"match", string_match},   {"rep", string_rep},
    {NULL, NULL},
};

void moon_sandbox_strings(lua_State *L)
{
    luaL_requiref(L, "string", luaopen_string, 0);
    int original = lua_gettop(L);
    lua_newtable(L);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(kept); i++) {
        lua_getfield(L, original, kept[i]);
        lua_setfield(L, -2, kept[i]);
    }
    for (const luaL_Reg *r = wrapped; r->name != NULL; r++) {
        lua_getfield(L, original, r->name);
        lua_pushcclosure(L, r->func, 1);
        lua_setfield(L, -2, r->name);
    }
    moon_sandbox_freeze(L, "string function");
    /* The metatable all strings share, made by Lua: ("x"):upper() finds our functions. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    lua_remove(L, original);
}
