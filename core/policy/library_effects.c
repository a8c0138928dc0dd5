/* SPDX-License-Identifier: Apache-2.0
 *
 * library_effects.c - moonset.kv, moonset.event and moonset.metric: see effects.h.
 */
#include <math.h>

#include <lauxlib.h>

#include "policy/effects.h"
#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/library.h"

enum {
    MAX_EVENTS = 5, /* of a call */
    MAX_METRICS = 100,
    MAX_REASON = 64,
    MAX_MESSAGE = 1024,
    MAX_NAME = 64,
};

/* ---- kv ---- */

static const char *key_at(lua_State *L, int arg)
{
    struct moon_str key;

    key.ptr = luaL_checklstring(L, arg, &key.len);
    if (key.len == 0 || key.len > MOON_KV_MAX_KEY || strlen(key.ptr) != key.len) {
        luaL_argerror(L, arg, "a key is a text of 1 to 128 bytes");
    }
    return key.ptr;
}

/* What the hook sees: the set's, or what it has made of it. */
static const struct moon_kv *kv_of(lua_State *L)
{
    const struct moon_effects *effects = moon_effects_of(L, "moonset.kv");
    const struct moon_kv *kv = moon_engine_of(L)->set->kv;

    if (kv == NULL) {
        luaL_error(L, "moonset.kv: nothing is kept here");
    } else if (moon_kv_problem(kv) != NULL) {
        luaL_error(L, "moonset.kv: the annotation moonset.dev/state cannot be read (%s)",
                   moon_kv_problem(kv));
    }
    return effects->kv != NULL ? effects->kv : kv;
}

static int kv_get(lua_State *L)
{
    const char *json = moon_kv_get(kv_of(L), moon_engine_of(L)->name, key_at(L, 1));

    if (json == NULL) {
        lua_pushnil(L);
    } else {
        moon_library_push_json(L, moon_str(json), "kv.get");
    }
    return 1;
}

static void change(lua_State *L, const char *key, struct moon_str json)
{
    struct moon_effects *effects = moon_effects_of(L, "moonset.kv");
    const struct moon_kv *kv = kv_of(L);
    struct moon_err err;

    if (effects->kv == NULL) {
        effects->kv = moon_kv_copy(kv);
    }
    if (moon_kv_set(effects->kv, moon_engine_of(L)->name, key, json, &err) != 0) {
        luaL_error(L, "moonset.kv: %s", err.text);
    }
}

static int kv_set(lua_State *L)
{
    const char *key = key_at(L, 1);

    luaL_checkany(L, 2);
    (void)kv_of(L);
    if (lua_isnil(L, 2)) {
        change(L, key, (struct moon_str){0});
    } else {
        lua_settop(L, 2);
        change(L, key, moon_library_to_json(L));
    }
    return 0;
}

static int kv_del(lua_State *L)
{
    change(L, key_at(L, 1), (struct moon_str){0});
    return 0;
}

/* ---- event ---- */

static bool is_reason(struct moon_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return s.len > 0 && s.len <= MAX_REASON;
}

/* moonset.event("Normal", "CanaryChosen", "node n1 goes first") */
static int library_event(lua_State *L)
{
    static const char *const types[] = {"Normal", "Warning", NULL};
    struct moon_effects *effects = moon_effects_of(L, "moonset.event");
    int type = luaL_checkoption(L, 1, NULL, types);
    struct moon_str reason;
    struct moon_str message;

    reason.ptr = luaL_checklstring(L, 2, &reason.len);
    message.ptr = luaL_checklstring(L, 3, &message.len);
    if (!is_reason(reason)) {
        return luaL_argerror(L, 2, "a reason is one word, such as CanaryChosen");
    }
    if (effects->event_count == MAX_EVENTS) {
        return luaL_error(L, "moonset.event: more than %d in one call", MAX_EVENTS);
    }
    effects->events =
        moon_realloc_array(effects->events, effects->event_count + 1, sizeof(*effects->events));
    effects->events[effects->event_count++] = (struct moon_effect_event){
        .reason = moon_str_dup(reason),
        .message = moon_str_dup(moon_str_cut(message, MAX_MESSAGE)),
        .is_warning = type == 1,
    };
    return 0;
}

/* ---- metrics ---- */

static bool is_name(struct moon_str s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || strchr(letters, s.ptr[i]) == NULL) {
            return false;
        }
    }
    return s.len > 0 && s.len <= MAX_NAME;
}

static int add_metric(lua_State *L, enum moon_effect_measure measure, double value)
{
    struct moon_effects *effects = moon_effects_of(L, "moonset.metric");
    struct moon_str name;

    name.ptr = luaL_checklstring(L, 1, &name.len);
    if (!is_name(name)) {
        return luaL_argerror(L, 1, "a name is 1 to 64 letters, digits, and _ . : / -");
    }
    if (!isfinite(value) || (measure == MOON_MEASURE_INC && value < 0)) {
        return luaL_argerror(L, 2, "no such value");
    }
    if (effects->metric_count == MAX_METRICS) {
        return luaL_error(L, "moonset.metric: more than %d in one call", MAX_METRICS);
    }
    effects->metrics =
        moon_realloc_array(effects->metrics, effects->metric_count + 1, sizeof(*effects->metrics));
    effects->metrics[effects->metric_count++] =
        (struct moon_effect_metric){.measure = measure, .name = moon_str_dup(name), .value = value};
    return 0;
}

static int metric_inc(lua_State *L)
{
    return add_metric(L, MOON_MEASURE_INC, luaL_optnumber(L, 2, 1));
}

static int metric_set(lua_State *L)
{
    return add_metric(L, MOON_MEASURE_SET, luaL_checknumber(L, 2));
}

static int metric_observe(lua_State *L)
{
    return add_metric(L, MOON_MEASURE_OBSERVE, luaL_checknumber(L, 2));
}

static const struct moon_library_entry kv_functions[] = {
    {"get", kv_get, "(key: string): any", "nil: there is none"},
    {"set", kv_set, "(key: string, value: any)", "what JSON can say; nil removes"},
    {"del", kv_del, "(key: string)", ""},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_kv = {
    .name = "kv",
    .doc = "What the policy remembers about the set, at most 8 KB with all others. Not for pure "
           "hooks.",
    .functions = kv_functions,
};

static const struct moon_library_entry event_functions[] = {
    {"event", library_event, "(type: \"Normal\"|\"Warning\", reason: string, message: string)",
     "an Event of the set, at most 5 a call; not for pure hooks"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_event = {.functions = event_functions};

static const struct moon_library_entry metric_functions[] = {
    {"inc", metric_inc, "(name: string, by: number?)", "moonset_policy_custom_total"},
    {"set", metric_set, "(name: string, value: number)", "moonset_policy_custom_value"},
    {"observe", metric_observe, "(name: string, value: number)",
     "moonset_policy_custom_observed, a histogram"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_metric = {
    .name = "metric",
    .doc = "Figures with the labels namespace, set, policy and name, at most 100 a call. Not for "
           "pure hooks.",
    .functions = metric_functions,
};
