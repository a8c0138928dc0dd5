/* SPDX-License-Identifier: Apache-2.0
 *
 * queries.c - reading what a policy declares for `analyze`.
 */
#include "policy/queries.h"

#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/engine.h"

enum {
    MAX_QUERIES = 16,
    MAX_NAME = 63,
    MAX_TEXT_BYTES = 4096,
    MAX_FILLED_BYTES = 16 * 1024,
    MIN_EVERY_MS = 5 * 1000,
    MAX_EVERY_MS = 24 * 3600 * 1000,
    MIN_TIMEOUT_MS = 100,
    MAX_TIMEOUT_MS = 60 * 1000,
    TIMEOUT_MS = 10 * 1000,
    FAILURES = 3,
    MAX_FAILURES = 100,
    SOAK_MS = 5 * 60 * 1000,
    MAX_SOAK_MS = 7 * 24 * 3600 * 1000,
};

/* Keys of the policy that a parameter of the same name stands for. */
static const struct {
    const char *name;
    enum moon_param_type type;
} keys[] = {
    {"analyze_failures", MOON_PARAM_INTEGER},
    {"on_fail", MOON_PARAM_STRING},
    {"soak", MOON_PARAM_DURATION},
};

void moon_queries_fini(struct moon_queries *q)
{
    for (size_t i = 0; i < q->count; i++) {
        moon_free(q->items[i].name);
        moon_free(q->items[i].provider);
        moon_free(q->items[i].text);
    }
    moon_free(q->items);
    *q = (struct moon_queries){0};
}

/* ---- one query ---- */

static bool is_name(const char *s)
{
    size_t n = 0;

    for (; s[n] != '\0'; n++) {
        bool letter = s[n] == '_' || (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z');
        if (!letter && !(n > 0 && s[n] >= '0' && s[n] <= '9')) {
            return false;
        }
    }
    return n > 0 && n <= MAX_NAME;
}

static void check_query_keys(lua_State *L, const char *name)
{
    static const char *const known[] = {"provider", "query", "every", "timeout"};

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        struct moon_closest closest;
        char hint[MOON_CLOSEST_TEXT];
        moon_closest_init(&closest, key);
        if (!moon_closest_is_one_of(&closest, known, MOON_ARRAY_SIZE(known))) {
            luaL_error(L, "query '%s': unknown key '%s'%s", name, key,
                       moon_closest_text(&closest, hint));
        }
    }
}

/* Of the table on the top. */
static char *read_text(lua_State *L, const char *name, const char *key)
{
    if (lua_getfield(L, -1, key) != LUA_TSTRING || lua_tostring(L, -1)[0] == '\0') {
        luaL_error(L, "query '%s': '%s' must be a text", name, key);
    }
    char *text = moon_strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

/* A number of seconds, or a text as durations are written. False: neither. */
static bool to_ms(lua_State *L, int index, uint64_t *ret)
{
    if (lua_isinteger(L, index)) {
        lua_Integer seconds = lua_tointeger(L, index);
        *ret = (uint64_t)seconds * 1000;
        return seconds >= 0 && seconds <= MAX_SOAK_MS / 1000;
    }
    return lua_type(L, index) == LUA_TSTRING &&
           moon_parse_duration_ms(moon_str(lua_tostring(L, index)), ret);
}

static void read_times(lua_State *L, struct moon_query *q)
{
    lua_getfield(L, -1, "every");
    if (!to_ms(L, -1, &q->every_ms) || q->every_ms < MIN_EVERY_MS || q->every_ms > MAX_EVERY_MS) {
        luaL_error(L, "query '%s': 'every' must be a duration from 5s to 1d, such as 30s", q->name);
    }
    if (lua_getfield(L, -2, "timeout") == LUA_TNIL) {
        q->timeout_ms = q->every_ms < TIMEOUT_MS ? q->every_ms : TIMEOUT_MS;
    } else if (!to_ms(L, -1, &q->timeout_ms) || q->timeout_ms < MIN_TIMEOUT_MS ||
               q->timeout_ms > MAX_TIMEOUT_MS || q->timeout_ms > q->every_ms) {
        luaL_error(L,
                   "query '%s': 'timeout' must be a duration from 100ms to 1m, and not longer than "
                   "'every'",
                   q->name);
    }
    lua_pop(L, 2);
}

static void check_text(lua_State *L, const struct moon_query *q, const struct moon_params *params)
{
    struct moon_err err;
    struct moon_buf out;

    if (strlen(q->text) > MAX_TEXT_BYTES) {
        luaL_error(L, "query '%s': longer than %d bytes", q->name, MAX_TEXT_BYTES);
    }
    moon_buf_init(&out, MAX_FILLED_BYTES);
    int rc = moon_query_fill(q->text, params, NULL, &out, &err);
    moon_buf_fini(&out);
    if (rc != 0) {
        luaL_error(L, "query '%s': %s", q->name, err.text);
    }
}

static void read_query(lua_State *L, struct moon_queries *q, const struct moon_params *params)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

    if (!is_name(name) || lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "'queries' is written { name = { provider = \"…\", query = \"…\", "
                      "every = \"30s\" } }");
    }
    if (q->count == MAX_QUERIES) {
        luaL_error(L, "more than %d queries", MAX_QUERIES);
    }
    check_query_keys(L, name);
    q->items = moon_realloc_array(q->items, q->count + 1, sizeof(*q->items));
    struct moon_query *one = &q->items[q->count++];
    *one = (struct moon_query){.name = moon_strdup(name)};
    one->provider = read_text(L, name, "provider");
    if (!moon_is_dns1123_label(moon_str(one->provider))) {
        luaL_error(L, "query '%s': 'provider' is the name of one, such as prometheus", name);
    }
    one->text = read_text(L, name, "query");
    read_times(L, one);
    check_text(L, one, params);
}

/* ---- the keys beside them ---- */

static int check_failures(double n, struct moon_queries *q, struct moon_err *err)
{
    if (n < 1 || n > MAX_FAILURES) {
        return moon_err_set(err, MOON_E_INVALID, "'analyze_failures' must be from 1 to %d",
                            MAX_FAILURES);
    }
    q->max_failures = (int64_t)n;
    return 0;
}

static int check_on_fail(const char *text, struct moon_queries *q, struct moon_err *err)
{
    q->rolls_back = moon_streq(text, "rollback");
    if (!q->rolls_back && !moon_streq(text, "pause")) {
        return moon_err_set(err, MOON_E_INVALID, "'on_fail' must be \"pause\" or \"rollback\"");
    }
    return 0;
}

static int check_soak(double ms, struct moon_queries *q, struct moon_err *err)
{
    if (ms < 0 || ms > MAX_SOAK_MS) {
        return moon_err_set(err, MOON_E_INVALID, "'soak' must be a duration of at most 7d");
    }
    q->soak_ms = (uint64_t)ms;
    return 0;
}

static void read_keys(lua_State *L, struct moon_queries *q)
{
    struct moon_err err;
    uint64_t soak_ms = 0;

    if (lua_getfield(L, -1, "analyze_failures") != LUA_TNIL &&
        check_failures(lua_isinteger(L, -1) ? (double)lua_tointeger(L, -1) : 0, q, &err) != 0) {
        luaL_error(L, "%s", err.text);
    }
    if (lua_getfield(L, -2, "on_fail") != LUA_TNIL &&
        check_on_fail(lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "", q, &err) != 0) {
        luaL_error(L, "%s", err.text);
    }
    if (lua_getfield(L, -3, "soak") != LUA_TNIL &&
        check_soak(to_ms(L, -1, &soak_ms) ? (double)soak_ms : -1, q, &err) != 0) {
        luaL_error(L, "%s", err.text);
    }
    lua_pop(L, 3);
}

static void check_params(lua_State *L, const struct moon_params *params)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(keys); i++) {
        const struct moon_param *p = moon_params_find(params, keys[i].name);
        if (p != NULL && p->type != keys[i].type) {
            luaL_error(L, "parameter '%s' stands for the key of that name: its type must be %s",
                       p->name, moon_param_type_name(keys[i].type));
        }
    }
}

static void read_all(lua_State *L, struct moon_queries *q, const struct moon_params *params)
{
    lua_pushcfunction(L, moon_sandbox_pairs);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    for (;;) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 2);
        if (lua_isnil(L, -2)) {
            break;
        }
        read_query(L, q, params);
        lua_pop(L, 2);
    }
    lua_pop(L, 3);
}

void moon_queries_read(lua_State *L, struct moon_queries *q, const struct moon_params *params)
{
    *q = (struct moon_queries){.max_failures = FAILURES, .soak_ms = SOAK_MS};
    bool analyzes = lua_getfield(L, -1, "analyze") == LUA_TFUNCTION;
    lua_pop(L, 1);
    int type = lua_getfield(L, -1, "queries");
    if (type != LUA_TNIL && type != LUA_TTABLE) {
        luaL_error(L, "'queries' is a %s, not a table", luaL_typename(L, -1));
    }
    if (type == LUA_TTABLE) {
        read_all(L, q, params);
    }
    lua_pop(L, 1);
    if (analyzes != (q->count > 0)) {
        luaL_error(L, analyzes ? "the hook analyze needs 'queries' that say what it looks at"
                               : "'queries' without the hook analyze: nobody would look at them");
    }
    read_keys(L, q);
    if (analyzes) {
        check_params(L, params);
    }
}

/* ---- for one set ---- */

static const cJSON *given(const struct moon_params *params, const cJSON *values, const char *name)
{
    const struct moon_param *p = moon_params_find(params, name);
    const cJSON *value = p != NULL && values != NULL ? moon_json_member(values, name) : NULL;

    return value == NULL && p != NULL ? p->fallback : value;
}

int moon_queries_resolve(const struct moon_queries *q, const struct moon_params *params,
                         const cJSON *values, struct moon_queries *ret, struct moon_err *err)
{
    const cJSON *failures = given(params, values, "analyze_failures");
    const cJSON *on_fail = given(params, values, "on_fail");
    const cJSON *soak = given(params, values, "soak");

    *ret = *q;
    ret->items = NULL;
    ret->count = 0;
    if ((failures != NULL && check_failures(failures->valuedouble, ret, err) != 0) ||
        (on_fail != NULL && check_on_fail(on_fail->valuestring, ret, err) != 0) ||
        (soak != NULL && check_soak(soak->valuedouble * 1000, ret, err) != 0)) {
        return -(int)err->code;
    }
    return 0;
}
