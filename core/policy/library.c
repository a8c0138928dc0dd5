/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/library.h"

#include <stdio.h>

#include <lauxlib.h>

#include "policy/bundle.h"

enum {
    API_VERSION = 1,
};

/* Beside the hooks. */
static const char *const features[] = {"event",  "fields", "kv",      "metric",
                                       "params", "peer",   "require", "time"};

/* moonset.has("rank"): may a policy count on it? */
static int library_has(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    bool found = moon_hook_by_name(name) >= 0;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(features); i++) {
        found = found || moon_streq(features[i], name);
    }
    lua_pushboolean(L, found);
    return 1;
}

static const struct moon_library_entry functions[] = {
    {"has", library_has, "(name: string): boolean", "may a policy count on this hook or feature?"},
    {"spairs", moon_sandbox_spairs, "<K, V>(t: table<K, V>): (fun(t: table<K, V>, k: K?): K?, V?)",
     "pairs, for who relies on the order: tests shuffle that of pairs"},
    {NULL, NULL, NULL, NULL},
};
static const struct moon_library own = {.functions = functions};

const struct moon_library *const moon_libraries[] = {
    &own,
    &moon_library_kube,
    &moon_library_quantity,
    &moon_library_text,
    &moon_library_semver,
    &moon_library_list,
    &moon_library_json,
    &moon_library_time,
    &moon_library_sample,
    &moon_library_peer,
    &moon_library_kv,
    &moon_library_event,
    &moon_library_metric,
    &moon_library_log,
    NULL,
};
const struct moon_library_class *const moon_library_classes[] = {
    &moon_library_selector_class,
    &moon_library_quantity_class,
    &moon_library_json_class,
    &moon_library_window_class,
    &moon_library_cron_class,
    &moon_library_peer_class,
    NULL,
};

/* Into the table on the top. */
static void add_functions(lua_State *L, const struct moon_library_entry *entries)
{
    for (const struct moon_library_entry *e = entries; e->name != NULL; e++) {
        lua_pushcfunction(L, e->fn);
        lua_setfield(L, -2, e->name);
    }
}

/* "window" and "method" make "window method", which errors say. */
static void freeze(lua_State *L, const char *whose, const char *what)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s %s", whose, what);
    moon_sandbox_freeze(L, text);
}

static void add_library(lua_State *L, const struct moon_library *library)
{
    if (library->name == NULL) {
        add_functions(L, library->functions);
        return;
    }
    lua_newtable(L);
    add_functions(L, library->functions);
    freeze(L, library->name, "function");
    lua_setfield(L, -2, library->name);
}

static void add_class(lua_State *L, const struct moon_library_class *class)
{
    luaL_newmetatable(L, class->name);
    if (class->metamethods != NULL) {
        luaL_setfuncs(L, class->metamethods, 0);
    }
    if (class->methods != NULL) {
        lua_newtable(L);
        add_functions(L, class->methods);
        freeze(L, class->name, "method");
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

void moon_library_open(lua_State *L)
{
    for (size_t i = 0; moon_library_classes[i] != NULL; i++) {
        add_class(L, moon_library_classes[i]);
    }
    lua_newtable(L);
    lua_pushliteral(L, MOONSET_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushinteger(L, API_VERSION);
    lua_setfield(L, -2, "api");
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        add_library(L, moon_libraries[i]);
    }
    moon_sandbox_freeze(L, "moonset function");
}
