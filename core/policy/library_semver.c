/* SPDX-License-Identifier: Apache-2.0
 *
 * library_semver.c - versions as semver.org orders them; a leading v and missing parts are fine.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/library.h"

enum {
    MAX_PART = INT32_MAX, /* what comes after it is a number, too */
};

struct version {
    int64_t part[3];     /* major, minor, patch */
    unsigned given;      /* how many of them were written */
    struct moon_str pre; /* "rc.1" of 1.2.3-rc.1 */
};

static bool parse(struct moon_str text, struct version *ret)
{
    struct version v = {0};
    struct moon_str s = moon_str_trim(text);
    struct moon_str rest;

    if (s.len > 0 && s.ptr[0] == 'v') {
        s.ptr++;
        s.len--;
    }
    rest = s;
    (void)moon_str_split(&rest, '+', &s); /* build metadata does not count */
    rest = s;
    (void)moon_str_split(&rest, '-', &s);
    v.pre = rest.ptr != NULL ? rest : (struct moon_str){NULL, 0};
    for (struct moon_str piece; moon_str_split(&s, '.', &piece);) {
        if (v.given == 3 || !moon_parse_i64(piece, &v.part[v.given]) || v.part[v.given] < 0 ||
            v.part[v.given] > MAX_PART) {
            return false;
        }
        v.given++;
    }
    *ret = v;
    return true;
}

static int compare_identifiers(struct moon_str a, struct moon_str b)
{
    int64_t x;
    int64_t y;
    bool a_number = moon_parse_i64(a, &x);
    bool b_number = moon_parse_i64(b, &y);

    if (a_number && b_number) {
        return (x > y) - (x < y);
    }
    return a_number != b_number ? (a_number ? -1 : 1) : moon_str_cmp(a, b);
}

/* A version with a pre-release comes before the one without. */
static int compare_pre(struct moon_str a, struct moon_str b)
{
    if (a.len == 0 || b.len == 0) {
        return (a.len == 0) - (b.len == 0);
    }
    for (;;) {
        struct moon_str x;
        struct moon_str y;
        bool has_x = moon_str_split(&a, '.', &x);
        bool has_y = moon_str_split(&b, '.', &y);
        if (!has_x || !has_y) {
            return has_x - has_y;
        }
        int order = compare_identifiers(x, y);
        if (order != 0) {
            return order;
        }
    }
}

static int compare(const struct version *a, const struct version *b)
{
    for (int i = 0; i < 3; i++) {
        if (a->part[i] != b->part[i]) {
            return a->part[i] < b->part[i] ? -1 : 1;
        }
    }
    return compare_pre(a->pre, b->pre);
}

/* The first version that a version with only `given` parts, raised in its last one, is below. */
static struct version raised(const struct version *v, unsigned part)
{
    struct version up = {.given = 3};

    for (unsigned i = 0; i < part; i++) {
        up.part[i] = v->part[i];
    }
    up.part[part] = v->part[part] + 1;
    return up;
}

static bool in_range(const struct version *v, const struct version *low, unsigned part)
{
    struct version up = raised(low, part);

    return compare(v, low) >= 0 && compare(v, &up) < 0;
}

/* ">=1.2", "<2", "=1.2.3", "!=1", "~1.2" (same minor), "^1.2" (same major), "1.2" (as far as it is
 * written). False in *ret_ok when it is none of these. */
static bool satisfies_one(const struct version *v, struct moon_str term, bool *ret_ok)
{
    static const char *const operators[] = {">=", "<=", "!=", ">", "<", "=", "~", "^", ""};
    struct version w;
    size_t i = 0;

    while (!moon_str_starts(term, operators[i])) {
        i++;
    }
    term.ptr += strlen(operators[i]);
    term.len -= strlen(operators[i]);
    *ret_ok = parse(term, &w);
    if (!*ret_ok) {
        return false;
    }
    int order = compare(v, &w);
    switch (operators[i][0]) {
    case '>':
        return order > 0 || (operators[i][1] == '=' && order == 0);
    case '<':
        return order < 0 || (operators[i][1] == '=' && order == 0);
    case '!':
        return order != 0;
    case '~':
        return in_range(v, &w, w.given > 1 ? 1 : 0);
    case '^':
        return in_range(v, &w, w.part[0] > 0 || w.given == 1 ? 0 : 1);
    default:
        return w.given == 3 ? order == 0 : in_range(v, &w, w.given - 1);
    }
}

static struct version version_at(lua_State *L, int arg)
{
    struct version v;
    struct moon_str text;

    text.ptr = luaL_checklstring(L, arg, &text.len);
    if (!parse(text, &v)) {
        luaL_error(L, "semver: '%s' is no version", text.ptr);
    }
    return v;
}

/* semver.parse(text): { major, minor, patch, pre }, or nil when it is no version */
static int semver_parse(lua_State *L)
{
    struct version v;
    struct moon_str text;

    text.ptr = luaL_checklstring(L, 1, &text.len);
    if (!parse(text, &v)) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, v.part[0]);
    lua_setfield(L, -2, "major");
    lua_pushinteger(L, v.part[1]);
    lua_setfield(L, -2, "minor");
    lua_pushinteger(L, v.part[2]);
    lua_setfield(L, -2, "patch");
    lua_pushlstring(L, v.pre.ptr != NULL ? v.pre.ptr : "", v.pre.len);
    lua_setfield(L, -2, "pre");
    return 1;
}

static int semver_lt(lua_State *L)
{
    struct version a = version_at(L, 1);
    struct version b = version_at(L, 2);

    lua_pushboolean(L, compare(&a, &b) < 0);
    return 1;
}

static int semver_eq(lua_State *L)
{
    struct version a = version_at(L, 1);
    struct version b = version_at(L, 2);

    lua_pushboolean(L, compare(&a, &b) == 0);
    return 1;
}

/* semver.satisfies("v1.29.3", ">=1.28 <2"): all terms must hold */
static int semver_satisfies(lua_State *L)
{
    struct version v = version_at(L, 1);
    struct moon_str rest;
    struct moon_str term;
    bool all = true;

    rest.ptr = luaL_checklstring(L, 2, &rest.len);
    while (moon_str_split(&rest, ' ', &term)) {
        bool ok = true;
        if (term.len > 0) {
            all = satisfies_one(&v, term, &ok) && all;
        }
        if (!ok) {
            return luaL_error(L, "semver: '%s' is no range; write \">=1.2 <2\"",
                              lua_tostring(L, 2));
        }
    }
    lua_pushboolean(L, all);
    return 1;
}

static const struct moon_library_entry functions[] = {
    {"parse", semver_parse, "(text: string): Version?", "nil when it is no version"},
    {"lt", semver_lt, "(a: string, b: string): boolean", "is a older than b?"},
    {"eq", semver_eq, "(a: string, b: string): boolean", ""},
    {"satisfies", semver_satisfies, "(version: string, range: string): boolean",
     "all of \">=1.28 <2\"; also ~1.2 ^1.2 1.2 !=1.2"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_semver = {
    .name = "semver",
    .doc = "Versions as semver.org orders them; a leading v and missing parts are fine.",
    .functions = functions,
};
