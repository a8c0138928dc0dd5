/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_on_event.c - telling policies of what has happened, one thing a call.
 *
 * What a policy needs to decide is in the views of the other hooks: they show how things are. This
 * hook is for what has been and is gone when they are asked: a pod that has failed and was replaced
 * since, a node that flaps. A policy counts it in moonset.kv, or tells of it.
 */
#include <lauxlib.h>

#include "policy/closest.h"
#include "policy/happenings.h"
#include "policy/policies_priv.h"

enum {
    CALL_US = 5 * 1000,
    MAX_AGAIN_S = 7 * 24 * 3600,
};

static const char *const names[MOON_HAPPENINGS] = {
    [MOON_HAPPENED_POD_CREATED] = "pod_created",   [MOON_HAPPENED_POD_READY] = "pod_ready",
    [MOON_HAPPENED_POD_UNREADY] = "pod_unready",   [MOON_HAPPENED_POD_RESTARTED] = "pod_restarted",
    [MOON_HAPPENED_POD_FAILED] = "pod_failed",     [MOON_HAPPENED_POD_GONE] = "pod_gone",
    [MOON_HAPPENED_NODE_ADDED] = "node_added",     [MOON_HAPPENED_NODE_READY] = "node_ready",
    [MOON_HAPPENED_NODE_UNREADY] = "node_unready", [MOON_HAPPENED_NODE_GONE] = "node_gone",
};

const char *moon_happening_name(enum moon_happening_type type)
{
    moon_assert((int)type < MOON_HAPPENINGS);
    return names[type];
}

int moon_happening_by_name(struct moon_str name)
{
    for (int i = 0; i < MOON_HAPPENINGS; i++) {
        if (moon_str_is(name, names[i])) {
            return i;
        }
    }
    return -1;
}

uint32_t moon_chain_happenings(const struct moon_chain *chain)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < chain->count; i++) {
        mask |= chain->uses[MOON_HOOK_ON_EVENT][i] ? chain->links[i].version->happenings : 0;
    }
    return mask;
}

/* ---- events = { "pod_failed", … } ---- */

static const char *unknown(lua_State *L, const char *name)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    moon_closest_init(&closest, name);
    (void)moon_closest_is_one_of(&closest, names, MOON_HAPPENINGS);
    return lua_pushfstring(L, "'events': unknown event '%s'%s", name,
                           moon_closest_text(&closest, hint));
}

const char *moon_happenings_read(lua_State *L, uint32_t *ret_mask)
{
    int list = lua_gettop(L);
    lua_Integer n = lua_istable(L, list) ? (lua_Integer)lua_rawlen(L, list) : 0;

    *ret_mask = 0;
    if (n == 0) {
        return "'events' is a list of what on_event is told of, such as { \"pod_failed\" }";
    }
    for (lua_Integer i = 1; i <= n; i++) {
        int type = -1;
        if (lua_rawgeti(L, list, i) != LUA_TSTRING) {
            return "'events' is a list of texts";
        }
        type = moon_happening_by_name(moon_str(lua_tostring(L, -1)));
        if (type < 0) {
            return unknown(L, lua_tostring(L, -1));
        }
        *ret_mask |= UINT32_C(1) << type;
        lua_pop(L, 1);
    }
    return NULL;
}

/* ---- what the hook sees ---- */

static const struct moon_happening *happening_of(const struct moon_view *v)
{
    return v->object;
}

static int event_type(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, moon_happening_name(happening_of(v)->type));
    return 1;
}

static int event_at(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, happening_of(v)->at_s);
    return 1;
}

static int event_now(lua_State *L, const struct moon_view *v MOON_UNUSED)
{
    lua_pushinteger(L, moon_engine_of(L)->set->now_s);
    return 1;
}

static int event_node_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, happening_of(v)->slot.node_name);
}

static int event_node(lua_State *L, const struct moon_view *v)
{
    const struct moon_roll_slot *slot = &happening_of(v)->slot;

    if (slot->node == NULL) {
        lua_pushnil(L);
    } else {
        moon_view_push_in_slot(L, MOON_VIEW_NODE, slot->node, slot);
    }
    return 1;
}

static int event_pod(lua_State *L, const struct moon_view *v)
{
    const struct moon_happening *h = happening_of(v);

    if (h->pod == NULL) {
        lua_pushnil(L);
    } else {
        bool old = h->slot.old_pod == h->pod;
        moon_view_push_in_slot(L, old ? MOON_VIEW_OLD_POD : MOON_VIEW_NEW_POD, h->pod, &h->slot);
    }
    return 1;
}

static const struct moon_view_field event_fields[] = {
    {"type", event_type, "string", "one of the policy's `events`"},
    {"at", event_at, "integer", "when moonset has seen it"},
    {"now", event_now, "integer", "the time of this call; several things may have waited for it"},
    {"node", event_node, "Node?", "as it is now; nil when it is gone or not known"},
    {"node_name", event_node_name, "string?", "nil for a pod whose node is not known"},
    {"pod", event_pod, "Pod?", "as it was then; nil when it happened to a node"},
    {NULL, NULL, NULL, NULL},
};

static const char *event_text(const struct moon_view *v)
{
    return moon_happening_name(happening_of(v)->type);
}

const struct moon_view_class moon_view_event = {
    .type = "Event",
    .doc = "Something that has happened to a pod of the set or to a node.",
    .name = "event",
    .fields = event_fields,
    .text = event_text,
};

/* ---- asking ---- */

static int read_answer(const struct moon_hook_call *c, int64_t *ret_again_s, struct moon_fault *ret)
{
    lua_State *L = c->engine->L;
    int is_integer = 1;
    lua_Integer again_s = lua_isnil(L, -1) ? 0 : lua_tointegerx(L, -1, &is_integer);

    if (!is_integer || lua_type(L, -1) == LUA_TSTRING || (!lua_isnil(L, -1) && again_s < 1)) {
        return moon_hook_wrong_answer(
            c, ret, "the seconds until the set is to be looked at again, or nothing", "a %s%s",
            luaL_typename(L, -1), is_integer ? "" : " that is no whole number of seconds");
    }
    *ret_again_s = again_s < MAX_AGAIN_S ? again_s : MAX_AGAIN_S;
    return 0;
}

static int ask(struct moon_hook_call *c, const struct moon_happening *h, int64_t *ret_again_s,
               struct moon_fault *fault)
{
    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    struct moon_engine *e = c->engine;
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_EVENT, h, 0, NULL));
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_SET, c->set, 0, NULL));
    int rc = moon_engine_call(e, 2, 1, fault);
    if (rc == 0) {
        rc = read_answer(c, ret_again_s, fault);
    }
    if (rc == 0) {
        moon_hook_commit(c);
    }
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

bool moon_hook_on_event(struct moon_chain *chain, const struct moon_set_view *set,
                        const struct moon_happening *h, int64_t *ret_again_s)
{
    struct moon_fault fault;
    bool ok = true;

    *ret_again_s = 0;
    for (size_t i = 0; i < chain->count; i++) {
        struct moon_hook_call call = {
            .chain = chain, .link = &chain->links[i], .hook = MOON_HOOK_ON_EVENT, .set = set};
        int64_t again_s = 0;
        if (!chain->uses[MOON_HOOK_ON_EVENT][i] ||
            (call.link->version->happenings & (UINT32_C(1) << h->type)) == 0) {
            continue;
        }
        if (ask(&call, h, &again_s, &fault) != 0) {
            moon_hook_report(&call, &fault, h->pod != NULL ? h->pod->meta.name : h->slot.node_name);
            ok = false;
        } else if (again_s > 0 && (*ret_again_s == 0 || again_s < *ret_again_s)) {
            *ret_again_s = again_s;
        }
    }
    return ok;
}
