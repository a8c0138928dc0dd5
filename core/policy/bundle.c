/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/bundle.h"

#include <stdio.h>

#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/happenings.h"
#include "policy/watchdog.h"

enum {
    LOAD_BUDGET_US = 100 * 1000,
    SUPPORTED_API = 1,
};

static const struct moon_hook_info hooks[MOON_HOOKS] = {
    [MOON_HOOK_SELECT] = {"select", "(node: Node, set: Set): (boolean|\"keep\")?, string?",
                          "May the daemon run on this node? true, false, \"keep\" (make none, "
                          "remove none) or nil (no opinion); then a reason. Pure.",
                          "the node keeps its previous decision"},
    [MOON_HOOK_TOLERATIONS] = {"tolerations", "(set: Set): TolerationEntry[]?",
                               "What do its pods tolerate beside what their template says? Pure.",
                               "the previous list stays"},
    [MOON_HOOK_RANK] = {"rank", "(node: Node, set: Set): number|string|(number|string)[]",
                        "Where does the node stand in the order of work? Ascending, numbers "
                        "before texts. Pure.",
                        "the node is neutral"},
    [MOON_HOOK_HEALTH] =
        {"health", "(pod: Pod, set: Set): \"ready\"|\"progressing\"|\"failed\", string?",
         "Is a pod that Kubernetes calls ready really of use? Then a reason. Pure.", "ready"},
    [MOON_HOOK_GATE] = {"gate", "(roll: Roll, set: Set): boolean, string?, integer?",
                        "May pods that serve be disturbed now? true; or false, a reason and the "
                        "seconds until it is to be asked again.",
                        "closed"},
    [MOON_HOOK_MUTATE] = {"mutate", "(pod: MadePod, node: Node, set: Set)",
                          "What is this node's pod made of: which revision, which edits? Records "
                          "them. Pure.",
                          "no pod is made or replaced on that node"},
    [MOON_HOOK_UPDATE] = {"update", "(roll: Roll, set: Set)",
                          "Which outdated pods go now? Records actions.",
                          "nothing is disturbed this time"},
    [MOON_HOOK_ANALYZE] = {"analyze",
                           "(samples: table<string, Sample>, roll: Roll, set: Set): "
                           "\"pass\"|\"wait\"|\"fail\", string?",
                           "How does the update do, by the answers to `queries`? Then a reason.",
                           "wait; several times in a row: the update is paused"},
    [MOON_HOOK_STATUS] = {"status", "(roll: Roll, set: Set): StatusAnswer?",
                          "What is to be said of the set? { message =, conditions = { { type =, "
                          "status =, reason =, message = } } }.",
                          "what was said before stays"},
    [MOON_HOOK_ON_EVENT] = {"on_event", "(event: Event, set: Set): integer?",
                            "One of `events` has happened. Answers the seconds until the set is to "
                            "be looked at again, or nothing.",
                            "nothing comes of it"},
};

const char *const moon_policy_keys[MOON_POLICY_KEYS] = {
    "api",     "name", "params", "replaces", "creates", "queries", "analyze_failures",
    "on_fail", "soak", "fields", "events"};

const struct moon_hook_info *moon_hook_info(enum moon_hook hook)
{
    moon_assert(hook < MOON_HOOKS);
    return &hooks[hook];
}

const char *moon_hook_name(enum moon_hook hook)
{
    return moon_hook_info(hook)->name;
}

bool moon_hook_is_pure(enum moon_hook hook)
{
    static const char *const pure[] = {"select", "tolerations", "rank", "mutate", "health"};
    bool is_pure = false;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(pure); i++) {
        is_pure = is_pure || strcmp(pure[i], moon_hook_name(hook)) == 0;
    }
    return is_pure;
}

int moon_hook_by_name(const char *name)
{
    for (int i = 0; i < MOON_HOOKS; i++) {
        if (moon_streq(hooks[i].name, name)) {
            return i;
        }
    }
    return -1;
}

void moon_hook_list(const bool has[MOON_HOOKS], struct moon_buf *out)
{
    for (int i = 0; i < MOON_HOOKS; i++) {
        if (has[i]) {
            moon_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", hooks[i].name);
        }
    }
}

/* ---- places in the text ---- */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Does `key =` (or `["key"] =`) stand at `i`? */
static bool assigns(struct moon_str s, size_t i, struct moon_str key)
{
    if (s.len - i < key.len || memcmp(s.ptr + i, key.ptr, key.len) != 0 ||
        (i > 0 && is_word(s.ptr[i - 1]))) {
        return false;
    }
    i += key.len;
    while (i < s.len && strchr(" \t\"']", s.ptr[i]) != NULL) {
        i++;
    }
    return i < s.len && s.ptr[i] == '=' && (i + 1 == s.len || s.ptr[i + 1] != '=');
}

/* The line on which an entry of the returned table is written; the last `return` when it cannot be
 * found: tables do not know where they come from. */
static int line_of(struct moon_str s, const char *key)
{
    int line = 1;
    int last_return = 1;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n') {
            line++;
            if (moon_str_starts((struct moon_str){s.ptr + i + 1, s.len - i - 1}, "return")) {
                last_return = line;
            }
        }
        if (key != NULL && assigns(s, i, moon_str(key))) {
            return line;
        }
    }
    return last_return;
}

static int fail_at(lua_State *L, const struct moon_version *v, const char *key, const char *text)
{
    int line = line_of((struct moon_str){v->source, v->source_len}, key);

    return luaL_error(L, "%s:%d: %s", v->chunk_name + 1, line, text);
}

/* ---- the table ---- */

static void check_key(lua_State *L, const struct moon_version *v)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (lua_type(L, -2) != LUA_TSTRING) {
        fail_at(L, v, NULL, "the table a policy returns has names, no numbered entries");
    }
    const char *key = lua_tostring(L, -2);
    moon_closest_init(&closest, key);
    if (moon_closest_is_one_of(&closest, moon_policy_keys, MOON_POLICY_KEYS)) {
        return;
    }
    for (int i = 0; i < MOON_HOOKS; i++) {
        moon_closest_offer(&closest, hooks[i].name);
    }
    if (moon_hook_by_name(key) >= 0) {
        if (lua_type(L, -1) != LUA_TFUNCTION) {
            fail_at(
                L, v, key,
                lua_pushfstring(L, "hook '%s' is a %s, not a function", key, luaL_typename(L, -1)));
        }
        return;
    }
    fail_at(L, v, key,
            lua_pushfstring(L, "unknown key '%s'%s", key, moon_closest_text(&closest, hint)));
}

static void check_api(lua_State *L, const struct moon_version *v)
{
    if (lua_getfield(L, 2, "api") == LUA_TNIL) {
        fail_at(L, v, NULL, "'api' is missing; write api = 1");
    }
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) != SUPPORTED_API) {
        fail_at(L, v, "api", "'api' must be 1, the only version there is");
    }
    lua_pop(L, 1);
}

/* A copied file that still says its old name is a mistake one wants to hear about. */
static void check_name(lua_State *L, const struct moon_version *v)
{
    int type = lua_getfield(L, 2, "name");

    if (type != LUA_TNIL && type != LUA_TSTRING) {
        fail_at(L, v, "name", "'name' is a text");
    }
    if (type == LUA_TSTRING && !moon_streq(lua_tostring(L, -1), v->name)) {
        fail_at(L, v, "name",
                lua_pushfstring(L, "'name' is \"%s\", but the file makes it \"%s\"",
                                lua_tostring(L, -1), v->name));
    }
    lua_pop(L, 1);
}

static void read_replaces(lua_State *L, struct moon_version *v)
{
    int type = lua_getfield(L, 2, "replaces");

    if (type != LUA_TNIL && type != LUA_TTABLE) {
        fail_at(L, v, "replaces", "'replaces' is a list of hooks, such as { \"select\" }");
    }
    lua_Integer n = type == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (n > MOON_HOOKS) {
        fail_at(L, v, "replaces", "'replaces' names more hooks than there are");
    }
    for (lua_Integer i = 1; i <= n; i++) {
        int hook =
            lua_rawgeti(L, -1, i) == LUA_TSTRING ? moon_hook_by_name(lua_tostring(L, -1)) : -1;
        if (hook < 0 || !v->hooks[hook]) {
            fail_at(L, v, "replaces", "'replaces' names a hook that this policy does not have");
        }
        v->replaces[hook] = true;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_creates(lua_State *L, struct moon_version *v)
{
    int type = lua_getfield(L, 2, "creates");

    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        fail_at(L, v, "creates", "'creates' is true or false");
    }
    v->creates = lua_toboolean(L, -1);
    if (v->creates && !v->hooks[MOON_HOOK_UPDATE]) {
        fail_at(L, v, "creates", "'creates' without the hook update: nobody would make a pod");
    }
    lua_pop(L, 1);
}

static void read_fields(lua_State *L, struct moon_version *v)
{
    (void)lua_getfield(L, 2, "fields");
    const char *problem = moon_fields_read(L, &v->fields);
    if (problem != NULL) {
        fail_at(L, v, "fields", problem);
    }
    lua_pop(L, 1);
}

static void read_events(lua_State *L, struct moon_version *v)
{
    bool declared = lua_getfield(L, 2, "events") != LUA_TNIL;

    if (declared != v->hooks[MOON_HOOK_ON_EVENT]) {
        fail_at(L, v, declared ? "events" : "on_event",
                declared ? "'events' without the hook on_event: nobody would be told"
                         : "the hook on_event needs 'events': a list of what it is told of, such "
                           "as { \"pod_failed\" }");
    }
    const char *problem = declared ? moon_happenings_read(L, &v->happenings) : NULL;
    if (problem != NULL) {
        fail_at(L, v, "events", problem);
    }
    lua_pop(L, 1);
}

static void read_hooks(lua_State *L, struct moon_version *v)
{
    bool any = false;

    for (int i = 0; i < MOON_HOOKS; i++) {
        v->hooks[i] = lua_getfield(L, 2, hooks[i].name) == LUA_TFUNCTION;
        v->hook_refs[i] = LUA_NOREF;
        any = any || v->hooks[i];
        if (v->hooks[i]) {
            v->hook_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
        } else {
            lua_pop(L, 1);
        }
    }
    if (!any) {
        fail_at(L, v, NULL,
                "the policy has no hook: select, tolerations, rank, mutate, health, gate, update, "
                "analyze, status or on_event");
    }
}

/* Index 1: the version; 2: what the chunk returned. */
static int check_table(lua_State *L)
{
    struct moon_version *v = lua_touserdata(L, 1);

    if (lua_type(L, 2) != LUA_TTABLE) {
        return fail_at(
            L, v, NULL,
            lua_pushfstring(L, "a policy returns a table, this one a %s", luaL_typename(L, 2)));
    }
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        check_key(L, v);
    }
    check_api(L, v);
    check_name(L, v);
    read_hooks(L, v);
    read_replaces(L, v);
    read_creates(L, v);
    read_fields(L, v);
    read_events(L, v);
    return 0;
}

/* Separate, for its errors have no place yet. */
static int read_params(lua_State *L)
{
    struct moon_version *v = lua_touserdata(L, 1);

    moon_params_fini(&v->params);
    if (lua_getfield(L, 2, "params") != LUA_TNIL) {
        moon_params_read(L, &v->params);
    }
    return 0;
}

/* The same. */
static int read_queries(lua_State *L)
{
    struct moon_version *v = lua_touserdata(L, 1);

    moon_queries_fini(&v->queries);
    moon_queries_read(L, &v->queries, &v->params);
    return 0;
}

/* ---- loading ---- */

/* What was required is kept: a state that is made anew finds the same modules. */
struct finder {
    struct moon_version *version;
    const struct moon_module_source *outside; /* NULL: only what is kept */
    size_t bytes;
};

static bool find_module(const char *name, struct moon_str *ret_text, void *ctx)
{
    struct finder *f = ctx;
    struct moon_version *v = f->version;
    const char *kept = moon_map_get(v->modules, moon_str(name));

    if (kept == NULL && f->outside != NULL && f->outside->find != NULL &&
        f->outside->find(name, ret_text, f->outside->ctx)) {
        f->bytes += ret_text->len;
        if (f->bytes > MOON_BUNDLE_MAX_BYTES) {
            return false;
        }
        moon_map_set(v->modules, moon_str(name), moon_str_dup(*ret_text));
        kept = moon_map_get(v->modules, moon_str(name));
    }
    if (kept == NULL) {
        return false;
    }
    *ret_text = moon_str(kept);
    return true;
}

static void prefix_place(const struct moon_version *v, const char *key, struct moon_fault *fault)
{
    char text[MOON_ERR_TEXT_MAX];

    memcpy(text, fault->text, sizeof(text));
    (void)snprintf(fault->text, sizeof(fault->text), "%s:%d: %.900s", v->chunk_name + 1,
                   line_of((struct moon_str){v->source, v->source_len}, key), text);
}

/* Call fn(version, table), with the returned table on the stack. `key`: what its errors are about;
 * NULL: they say where. */
static int look_at(struct moon_version *v, struct moon_engine *e, lua_CFunction fn, const char *key,
                   struct moon_fault *ret)
{
    lua_pushcfunction(e->L, fn);
    lua_pushlightuserdata(e->L, v);
    lua_pushvalue(e->L, -3);
    int rc = moon_engine_call(e, 2, 0, ret);
    if (rc != 0 && key != NULL) {
        prefix_place(v, key, ret);
    }
    return rc;
}

/* In a state made anew params and queries are what they were, and others hold on to their texts. */
static int check(struct moon_version *v, struct moon_engine *e, struct moon_fault *ret)
{
    int rc = look_at(v, e, check_table, NULL, ret);

    if (v->engine_serial > 0) {
        return rc;
    }
    rc = rc == 0 ? look_at(v, e, read_params, "params", ret) : rc;
    return rc == 0 ? look_at(v, e, read_queries, "queries", ret) : rc;
}

static int run(struct moon_version *v, struct moon_engine *e, struct moon_fault *ret)
{
    struct moon_str source = {v->source, v->source_len};

    if (moon_engine_compile(e, v->chunk_name, source, ret) != 0 ||
        moon_engine_call(e, 0, 1, ret) != 0) {
        return -1;
    }
    int rc = check(v, e, ret);
    lua_settop(e->L, 1);
    return rc;
}

/* A new state with the policy in it. */
static int start(struct moon_version *v, const struct moon_module_source *outside,
                 struct moon_fault *ret)
{
    struct moon_engine *e = moon_engine_new(v->budget_scale);
    struct finder finder = {v, outside, v->source_len};

    e->name = v->name;
    e->probe = v->probe;
    e->fields = &v->fields;
    e->modules = (struct moon_module_source){find_module, &finder};
    e->loading = true;
    moon_watchdog_note(v->name, v->digest, "load");
    moon_engine_enter(e, (struct moon_budget){LOAD_BUDGET_US, LOAD_BUDGET_US});
    int rc = run(v, e, ret);
    v->load_cpu_us = moon_engine_leave(e);
    e->loading = false;
    e->modules = (struct moon_module_source){0};
    if (rc != 0) {
        if (ret->kind == MOON_FAULT_RUNTIME || ret->kind == MOON_FAULT_SHAPE) {
            ret->kind = MOON_FAULT_LOAD;
        }
        moon_engine_free(e);
        return -1;
    }
    v->engine = e;
    v->engine_serial++;
    return 0;
}

/* A bundle of one file has the digest of that file. */
static void make_digest(struct moon_version *v)
{
    struct moon_digest *d = moon_digest_new();
    struct moon_str name;
    void *text;
    size_t pos = 0;

    moon_digest_add(d, (struct moon_str){v->source, v->source_len});
    while (moon_map_next(v->modules, &pos, &name, &text)) {
        moon_digest_add(d, MOON_STR_LIT("\n-- module "));
        moon_digest_add(d, name);
        moon_digest_add(d, MOON_STR_LIT("\n"));
        moon_digest_add(d, moon_str(text));
    }
    moon_digest_take(d, v->digest);
}

struct moon_version *moon_version_load(const struct moon_version_opts *opts, struct moon_fault *ret)
{
    *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
    if (opts->source.len > MOON_BUNDLE_MAX_BYTES) {
        (void)snprintf(ret->text, sizeof(ret->text), "%s.lua: larger than %d KB", opts->name,
                       MOON_BUNDLE_MAX_BYTES >> 10);
        return NULL;
    }
    struct moon_version *v = moon_new(struct moon_version);
    v->refs = 1;
    v->name = moon_strdup(opts->name);
    v->chunk_name = moon_asprintf("@%s.lua", opts->name);
    v->source = moon_str_dup(opts->source);
    v->source_len = opts->source.len;
    v->modules = moon_map_new(moon_free);
    v->budget_scale = opts->budget_scale;
    v->probe = opts->probe;
    make_digest(v);
    if (start(v, &opts->modules, ret) != 0) {
        moon_version_unref(v);
        return NULL;
    }
    make_digest(v);
    return v;
}

static bool find_kept(const char *name, struct moon_str *ret_text, void *ctx)
{
    const struct moon_version *v = ctx;

    *ret_text = moon_str(moon_map_get(v->modules, moon_str(name)));
    return ret_text->ptr != NULL;
}

struct moon_version *moon_version_copy(const struct moon_version *v, double budget_scale,
                                       struct moon_probe *probe, struct moon_fault *ret)
{
    struct moon_version_opts opts = {
        .name = v->name,
        .source = {v->source, v->source_len},
        .modules = {find_kept, (void *)(uintptr_t)v},
        .budget_scale = budget_scale,
        .probe = probe,
    };

    return moon_version_load(&opts, ret);
}

struct moon_version *moon_version_ref(struct moon_version *v)
{
    v->refs++;
    return v;
}

void moon_version_unref(struct moon_version *v)
{
    if (v == NULL || --v->refs > 0) {
        return;
    }
    moon_engine_free(v->engine);
    moon_params_fini(&v->params);
    moon_queries_fini(&v->queries);
    moon_fields_fini(&v->fields);
    moon_map_free(v->modules);
    moon_free(v->source);
    moon_free(v->place);
    moon_free(v->chunk_name);
    moon_free(v->name);
    moon_free(v);
}

struct moon_engine *moon_version_engine(struct moon_version *v, struct moon_fault *ret)
{
    if (v->engine != NULL && moon_engine_is_spent(v->engine)) {
        moon_engine_free(v->engine);
        v->engine = NULL;
    }
    if (v->engine == NULL && start(v, NULL, ret) != 0) {
        return NULL;
    }
    return v->engine;
}
