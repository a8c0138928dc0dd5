/* SPDX-License-Identifier: Apache-2.0
 *
 * library_peer.c - moonset.peer("namespace/name"): what scripts may know of another set's daemon.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/library.h"
#include "policy/trace.h"

#define PEER_TYPE "peer"

enum {
    MAX_KEY = 512,
};

/* moonset.peer("kube-system/cni") */
static int library_peer(lua_State *L)
{
    struct moon_str text;
    struct moon_str namespace;

    text.ptr = luaL_checklstring(L, 1, &text.len);
    struct moon_str rest = text;
    if (text.len >= MAX_KEY || !moon_str_split(&rest, '/', &namespace) ||
        !moon_is_dns1123_label(namespace) || !moon_is_dns1123_subdomain(rest)) {
        return luaL_argerror(L, 1, "\"namespace/name\" of a set is wanted");
    }
    (void)lua_newuserdatauv(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, PEER_TYPE);
    return 1;
}

/* The key stays on the stack. */
static const char *key_of(lua_State *L)
{
    luaL_checkudata(L, 1, PEER_TYPE);
    lua_getiuservalue(L, 1, 1);
    return lua_tostring(L, -1);
}

static const struct moon_peers *peers_of(lua_State *L)
{
    static const struct moon_peers nobody;
    const struct moon_set_view *set = moon_engine_of(L)->set;

    if (set == NULL) {
        luaL_error(L, "a peer can be asked inside a hook only");
    }
    return set != NULL && set->peers != NULL ? set->peers : &nobody;
}

static bool exists(const struct moon_peers *peers, const char *key)
{
    return peers->exists != NULL && peers->exists(key, peers->ctx);
}

static int peer_exists(lua_State *L)
{
    const char *key = key_of(L);
    const struct moon_peers *peers = peers_of(L);

    moon_trace_opaque(L); /* it depends on more than the node */
    lua_pushboolean(L, exists(peers, key));
    return 1;
}

/* peer:ready_on(node), a view or a name: true, false, or nil when there is no such set. */
static int peer_ready_on(lua_State *L)
{
    const char *key = key_of(L);
    const struct moon_peers *peers = peers_of(L);
    const char *node = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;

    moon_trace_opaque(L); /* it depends on more than the node */
    if (node == NULL) {
        const struct moon_node *seen = moon_view_check(L, 2, MOON_VIEW_NODE)->object;
        node = seen->meta.name;
    }
    if (!exists(peers, key)) {
        lua_pushnil(L);
    } else {
        lua_pushboolean(L, peers->is_ready_on(key, node, peers->ctx));
    }
    return 1;
}

static int peer_tostring(lua_State *L)
{
    (void)key_of(L);
    return 1;
}

static const luaL_Reg peer_metamethods[] = {{"__tostring", peer_tostring}, {NULL, NULL}};
static const struct moon_library_entry methods[] = {
    {"exists", peer_exists, "(): boolean", "is there such a set?"},
    {"ready_on", peer_ready_on, "(node: Node|string): boolean?",
     "has it a pod on this node that is ready? nil: there is no such set"},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library_class moon_library_peer_class = {
    .name = PEER_TYPE,
    .type = "Peer",
    .doc = "Another set.",
    .methods = methods,
    .metamethods = peer_metamethods,
};

static const struct moon_library_entry functions[] = {
    {"peer", library_peer, "(key: string): Peer", "another set, by \"namespace/name\""},
    {NULL, NULL, NULL, NULL},
};
const struct moon_library moon_library_peer = {.functions = functions};
