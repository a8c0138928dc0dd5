/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_status.c - what policies want to be said of the set: a message, and conditions.
 */
#include <lauxlib.h>

#include "policy/policies_priv.h"
#include "policy/roll_priv.h"

enum {
    CALL_US = 20 * 1000,
    MAX_CONDITIONS = 8, /* of all policies of a set */
    MAX_TYPE = 128,
    MAX_REASON = 256,
    MAX_MESSAGE = 1024,
};

static void fini_condition(struct moon_status_condition *c)
{
    moon_free(c->type);
    moon_free(c->reason);
    moon_free(c->message);
}

void moon_status_fini(struct moon_status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        fini_condition(&s->conditions[i]);
    }
    moon_free(s->conditions);
    moon_free(s->message);
    *s = (struct moon_status){0};
}

bool moon_chain_tells_status(const struct moon_chain *chain)
{
    return moon_chain_user(chain, MOON_HOOK_STATUS) != NULL;
}

/* ---- one answer, inside a C function: index 1 is the reading, index 2 what was returned ---- */

struct reading {
    struct moon_roll_run *run;
    const struct moon_set_view *set;
    const char *policy;
    const struct moon_status *before; /* what other policies say */
    struct moon_status status;
};

static int wrong(lua_State *L, const struct reading *r, const char *what)
{
    return moon_engine_shape_error(L,
                                   "%s.lua: status must return { message = text, conditions = { "
                                   "{ type =, status =, reason =, message = }, … } }: %s",
                                   r->policy, what);
}

/* A text member of the table on the top; NULL: none. Lives as long as the table. */
static const char *text_member(lua_State *L, const struct reading *r, const char *key, size_t max)
{
    lua_pushstring(L, key);
    int type = lua_rawget(L, -2);
    struct moon_str text = {0};

    if (type != LUA_TNIL && type != LUA_TSTRING) {
        wrong(L, r, lua_pushfstring(L, "'%s' is a %s", key, lua_typename(L, type)));
    }
    text.ptr = type == LUA_TSTRING ? lua_tolstring(L, -1, &text.len) : NULL;
    if (text.len > max || (text.ptr != NULL && strlen(text.ptr) != text.len)) {
        wrong(L, r, lua_pushfstring(L, "'%s' is longer than %d bytes", key, (int)max));
    }
    lua_pop(L, 1);
    return text.ptr;
}

static bool is_ours(const char *type)
{
    return moon_str_starts(moon_str(type), "Policy") ||
           moon_str_starts(moon_str(type), "moonset.dev/");
}

static bool has(const struct moon_status *s, const char *type)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->conditions[i].type, type) == 0) {
            return true;
        }
    }
    return false;
}

static void check_type(lua_State *L, const struct reading *r, const char *type)
{
    if (type == NULL || !moon_is_label_key(moon_str(type))) {
        wrong(L, r, "a type is a name such as Soaked or example.com/Soaked");
    } else if (is_ours(type)) {
        wrong(L, r, lua_pushfstring(L, "the type '%s' is moonset's own", type));
    } else if (has(r->before, type) || has(&r->status, type)) {
        wrong(L, r, lua_pushfstring(L, "the type '%s' is there twice", type));
    }
}

static bool read_status(lua_State *L, const struct reading *r)
{
    lua_pushliteral(L, "status");
    int type = lua_rawget(L, -2);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool status = lua_toboolean(L, -1) && strcmp(text, "False") != 0;

    if (type != LUA_TBOOLEAN && strcmp(text, "True") != 0 && strcmp(text, "False") != 0) {
        wrong(L, r, "a status is true or false");
    }
    lua_pop(L, 1);
    return status;
}

/* What the API server wants a condition's reason to be: one word. */
static bool is_reason(const char *s)
{
    for (size_t i = 0; s[i] != '\0'; i++) {
        bool letter = (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z');
        bool other = (s[i] >= '0' && s[i] <= '9') || s[i] == '_';
        if (!letter && (i == 0 || !other)) {
            return false;
        }
    }
    return s[0] != '\0';
}

/* The table on the top. */
static void read_condition(lua_State *L, struct reading *r)
{
    struct moon_status *s = &r->status;

    if (!lua_istable(L, -1)) {
        wrong(L, r, lua_pushfstring(L, "a condition is a %s", luaL_typename(L, -1)));
    }
    if (r->before->count + s->count == MAX_CONDITIONS) {
        wrong(L, r, "more than 8 conditions");
    }
    const char *type = text_member(L, r, "type", MAX_TYPE);
    check_type(L, r, type);
    bool status = read_status(L, r);
    const char *reason = text_member(L, r, "reason", MAX_REASON);
    const char *message = text_member(L, r, "message", MAX_MESSAGE);
    if (reason != NULL && !is_reason(reason)) {
        wrong(L, r, "a reason is one word, such as SoakTime");
    }
    s->conditions = moon_realloc_array(s->conditions, s->count + 1, sizeof(*s->conditions));
    s->conditions[s->count++] = (struct moon_status_condition){
        .type = moon_strdup(type),
        .status = status,
        .reason = moon_strdup(reason != NULL ? reason : "PolicySays"),
        .message = moon_strdup(message != NULL ? message : ""),
    };
}

static void check_keys(lua_State *L, const struct reading *r)
{
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "a number";
        if (strcmp(key, "message") != 0 && strcmp(key, "conditions") != 0) {
            wrong(L, r, lua_pushfstring(L, "it has '%s'", key));
        }
    }
}

/* Index 2: the hook. */
static int call_hook(lua_State *L)
{
    struct reading *r = lua_touserdata(L, 1);

    moon_engine_of(L)->roll = r->run;
    moon_view_push(L, MOON_VIEW_ROLL, r->run);
    moon_view_push(L, MOON_VIEW_SET, r->set);
    lua_call(L, 2, 1);
    if (lua_isnil(L, 2)) {
        return 0;
    }
    if (!lua_istable(L, 2)) {
        return wrong(L, r, lua_pushfstring(L, "it returned a %s", luaL_typename(L, 2)));
    }
    check_keys(L, r);
    lua_settop(L, 2);
    r->status.message = moon_strdup(text_member(L, r, "message", MAX_MESSAGE));
    lua_pushliteral(L, "conditions");
    int type = lua_rawget(L, 2);
    if (type != LUA_TNIL && type != LUA_TTABLE) {
        return wrong(L, r, lua_pushfstring(L, "'conditions' is a %s", lua_typename(L, type)));
    }
    lua_Integer n = type == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, 3) : 0;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 3, i);
        read_condition(L, r);
        lua_pop(L, 1);
    }
    return 0;
}

/* ---- all policies ---- */

static void append(struct moon_status *all, struct moon_status *take_one)
{
    if (all->message == NULL) {
        all->message = moon_steal(&take_one->message);
    } else if (take_one->message != NULL) {
        char *both = moon_asprintf("%s; %s", all->message, take_one->message);
        moon_free(all->message);
        all->message = both;
    }
    all->conditions = moon_realloc_array(all->conditions, all->count + take_one->count + 1,
                                         sizeof(*all->conditions));
    for (size_t i = 0; i < take_one->count; i++) {
        all->conditions[all->count++] = take_one->conditions[i];
    }
    take_one->count = 0;
    moon_status_fini(take_one);
}

static int ask(struct moon_hook_call *c, struct reading *r, struct moon_fault *fault)
{
    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    lua_State *L = c->engine->L;
    lua_pushcfunction(L, call_hook);
    lua_pushlightuserdata(L, r);
    lua_pushvalue(L, 2);
    int rc = moon_engine_call(c->engine, 2, 0, fault);
    if (rc == 0) {
        moon_hook_commit(c);
    }
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

void moon_hook_status(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_roll *roll, struct moon_status *ret)
{
    struct moon_roll_run run;
    struct moon_fault fault;

    *ret = (struct moon_status){0};
    for (size_t i = 0; i < chain->count; i++) {
        struct moon_hook_call call = {
            .chain = chain, .link = &chain->links[i], .hook = MOON_HOOK_STATUS, .set = set};
        struct reading reading = {
            .run = &run, .set = set, .policy = call.link->version->name, .before = ret};
        if (!chain->uses[MOON_HOOK_STATUS][i]) {
            continue;
        }
        moon_roll_run_init(&run, set, roll, NULL);
        run.asked = "status";
        if (ask(&call, &reading, &fault) == 0) {
            append(ret, &reading.status);
        } else {
            ret->failed = true;
            moon_hook_report(&call, &fault, "");
            moon_status_fini(&reading.status);
        }
        moon_roll_run_fini(&run);
    }
}
