/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/library.h"

#include <lauxlib.h>

#include "policy/bundle.h"

enum {
    API_VERSION = 1,
};

/* Beside the hooks. */
static const char *const features[] = {"params", "require", "time"};

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

void moon_library_open(lua_State *L)
{
    lua_newtable(L);
    lua_pushliteral(L, MOONSET_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushinteger(L, API_VERSION);
    lua_setfield(L, -2, "api");
    lua_pushcfunction(L, library_has);
    lua_setfield(L, -2, "has");
    moon_library_kube(L);
    moon_library_quantity(L);
    moon_library_text(L);
    moon_library_semver(L);
    moon_library_list(L);
    moon_library_json(L);
    moon_library_time(L);
    moon_library_sample(L);
    moon_library_log(L);
    moon_sandbox_freeze(L, "moonset function");
}
