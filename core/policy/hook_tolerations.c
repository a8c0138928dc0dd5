/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_tolerations.c - what the daemon's pods tolerate beside what their template says.
 */
#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/policies_priv.h"

enum {
    CALL_US = 20 * 1000,
    MAX_TOLERATIONS = 256,
};

/* Filled inside the call, owned outside: nothing is lost when the script raises. */
struct collecting {
    struct moon_tolerations *list;
    const struct moon_set_view *set;
};

static const char *const keys[] = {"key", "operator", "value", "effect", "seconds"};

static void check_key(lua_State *L, int entry)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

    moon_closest_init(&closest, key);
    if (!moon_closest_is_one_of(&closest, keys, MOON_ARRAY_SIZE(keys))) {
        moon_engine_shape_error(L, "toleration %d: unknown key '%s'%s", entry, key,
                                moon_closest_text(&closest, hint));
    }
}

/* A text member of the table on the top; it lives as long as the table. */
static const char *text_member(lua_State *L, int entry, const char *key)
{
    lua_pushstring(L, key);
    int type = lua_rawget(L, -2);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        moon_engine_shape_error(L, "toleration %d: '%s' is a %s, not a text", entry, key,
                                lua_typename(L, type));
    }
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text != NULL ? text : "";
}

static bool seconds_member(lua_State *L, int entry, int64_t *ret)
{
    int is_integer = 1;

    lua_pushliteral(L, "seconds");
    int type = lua_rawget(L, -2);
    *ret = type != LUA_TNIL ? lua_tointegerx(L, -1, &is_integer) : 0;
    if (!is_integer) {
        moon_engine_shape_error(L, "toleration %d: 'seconds' is no integer", entry);
    }
    lua_pop(L, 1);
    return type != LUA_TNIL;
}

/* What the API server would not accept is refused here, or no pod could be made any more. */
static void check_values(lua_State *L, int entry, const char *key, const char *op,
                         const char *value, const char *effect)
{
    enum moon_effect e = moon_effect_parse(effect);
    bool exists = moon_streq(op, "Exists");

    if (key[0] != '\0' && !moon_is_label_key(moon_str(key))) {
        moon_engine_shape_error(L, "toleration %d: '%s' is no key", entry, key);
    }
    if (!exists && !moon_streq(op, "") && !moon_streq(op, "Equal")) {
        moon_engine_shape_error(L, "toleration %d: operator is \"Exists\" or \"Equal\"", entry);
    }
    if (exists && value[0] != '\0') {
        moon_engine_shape_error(L, "toleration %d: with operator Exists there is no value", entry);
    }
    if (key[0] == '\0' && !exists) {
        moon_engine_shape_error(L, "toleration %d: without a key the operator is Exists", entry);
    }
    if (e == MOON_EFFECT_OTHER) {
        moon_engine_shape_error(
            L, "toleration %d: effect is \"NoSchedule\", \"PreferNoSchedule\" or \"NoExecute\"",
            entry);
    }
}

static void add_entry(lua_State *L, int entry, struct moon_tolerations *list)
{
    int64_t seconds;

    if (lua_type(L, -1) != LUA_TTABLE) {
        moon_engine_shape_error(L, "toleration %d is a %s, not a table", entry,
                                luaL_typename(L, -1));
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        check_key(L, entry);
    }
    const char *key = text_member(L, entry, "key");
    const char *op = text_member(L, entry, "operator");
    const char *value = text_member(L, entry, "value");
    const char *effect = text_member(L, entry, "effect");
    bool has_seconds = seconds_member(L, entry, &seconds);
    check_values(L, entry, key, op, value, effect);
    if (has_seconds && !moon_streq(effect, "NoExecute")) {
        moon_engine_shape_error(L, "toleration %d: 'seconds' goes with effect NoExecute", entry);
    }
    moon_tolerations_add(list, key, op, value, effect, has_seconds ? &seconds : NULL);
}

/* Index 1: struct collecting; 2: the hook. */
static int collect(lua_State *L)
{
    const struct collecting *c = lua_touserdata(L, 1);

    lua_pushvalue(L, 2);
    moon_view_push(L, MOON_VIEW_SET, c->set);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        return 0;
    }
    if (lua_type(L, -1) != LUA_TTABLE) {
        return moon_engine_shape_error(L, "tolerations must return a list, got %s",
                                       luaL_typename(L, -1));
    }
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (n > MAX_TOLERATIONS) {
        return moon_engine_shape_error(L, "more than %d tolerations", MAX_TOLERATIONS);
    }
    lua_pushnil(L);
    for (lua_Integer entries = 0; lua_next(L, 3); lua_pop(L, 1)) {
        if (++entries > n) {
            return moon_engine_shape_error(L, "tolerations must return a list { {…}, {…} }");
        }
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        add_entry(L, (int)i, c->list);
        lua_pop(L, 1);
    }
    return 0;
}

static int ask(struct moon_hook_call *c, struct moon_tolerations *list, struct moon_fault *fault)
{
    struct collecting collecting = {list, c->set};

    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    lua_State *L = c->engine->L;
    lua_pushcfunction(L, collect);
    lua_pushlightuserdata(L, &collecting);
    lua_pushvalue(L, 2);
    int rc = moon_engine_call(c->engine, 2, 0, fault);
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

static int ask_all(struct moon_chain *chain, const struct moon_set_view *set,
                   struct moon_tolerations *list, struct moon_err *err)
{
    struct moon_fault fault;

    for (size_t i = 0; i < chain->count; i++) {
        struct moon_hook_call call = {
            .chain = chain, .link = &chain->links[i], .hook = MOON_HOOK_TOLERATIONS, .set = set};
        if (!chain->uses[MOON_HOOK_TOLERATIONS][i]) {
            continue;
        }
        if (ask(&call, list, &fault) != 0) {
            moon_hook_report(&call, &fault, "");
            return moon_err_set(err, MOON_E_POLICY, "policy %s: %s", call.link->version->name,
                                fault.text);
        }
    }
    return 0;
}

int moon_hook_tolerations(struct moon_chain *chain, const struct moon_set_view *set,
                          struct moon_tolerations *ret, struct moon_err *err)
{
    struct moon_tolerations answers = {0};

    int rc = ask_all(chain, set, &answers, err);
    if (rc == 0) {
        struct moon_tolerations merged = {0};
        moon_tolerations_copy(&set->set->tolerations, &merged);
        for (size_t i = 0; i < answers.count; i++) {
            moon_tolerations_merge(&merged, &answers.items[i]);
        }
        *ret = merged;
    }
    moon_tolerations_fini(&answers);
    return rc;
}
