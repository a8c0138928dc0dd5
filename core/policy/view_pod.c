/* SPDX-License-Identifier: Apache-2.0
 *
 * view_pod.c - a pod as the update hook sees it: with the place it has on its node.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/hooks.h"

static const struct moon_pod *pod_of(const struct moon_view *v)
{
    return v->object;
}

static int pod_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, pod_of(v)->meta.name);
}

static int pod_uid(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, pod_of(v)->meta.uid);
}

static int pod_node(lua_State *L, const struct moon_view *v)
{
    if (v->slot->node == NULL) {
        lua_pushnil(L);
    } else {
        moon_view_push_in_slot(L, MOON_VIEW_NODE, v->slot->node, v->slot);
    }
    return 1;
}

static int pod_node_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, v->slot->node_name);
}

static int pod_phase(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, moon_phase_name(pod_of(v)->phase));
    return 1;
}

static int pod_ready(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, pod_of(v)->ready);
    return 1;
}

static int pod_available(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L,
                    v->kind == MOON_VIEW_OLD_POD ? v->slot->old_available : v->slot->new_available);
    return 1;
}

static int pod_health(lua_State *L, const struct moon_view *v)
{
    bool old = v->kind == MOON_VIEW_OLD_POD;

    (void)lua_pushstring(L, moon_health_name(old ? v->slot->old_health : v->slot->new_health));
    return 1;
}

static int pod_deleting(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, moon_pod_is_terminating(pod_of(v)));
    return 1;
}

static int pod_revision(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, moon_labels_get(&pod_of(v)->meta.labels, MOON_LABEL_HASH));
}

static int pod_created(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, pod_of(v)->meta.created_s);
    return 1;
}

static int pod_ready_since(lua_State *L, const struct moon_view *v)
{
    if (pod_of(v)->ready && pod_of(v)->ready_since_s != 0) {
        lua_pushinteger(L, pod_of(v)->ready_since_s);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int pod_restarts(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, pod_of(v)->restarts);
    return 1;
}

static int pod_reason(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, pod_of(v)->reason);
}

static int pod_labels(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &pod_of(v)->meta.labels);
    return 1;
}

static int pod_images(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, pod_of(v)->images);
}

/* The other pod of the node while both are there. */
static int pod_partner(lua_State *L, const struct moon_view *v)
{
    bool old = v->kind == MOON_VIEW_OLD_POD;
    const struct moon_pod *other = old ? v->slot->new_pod : v->slot->old_pod;

    if (other == NULL) {
        lua_pushnil(L);
    } else {
        moon_view_push_in_slot(L, old ? MOON_VIEW_NEW_POD : MOON_VIEW_OLD_POD, other, v->slot);
    }
    return 1;
}

static const struct moon_view_field pod_fields[] = {
    {"name", pod_name},           {"uid", pod_uid},         {"node", pod_node},
    {"node_name", pod_node_name}, {"phase", pod_phase},     {"ready", pod_ready},
    {"available", pod_available}, {"health", pod_health},   {"deleting", pod_deleting},
    {"revision", pod_revision},   {"created", pod_created}, {"ready_since", pod_ready_since},
    {"restarts", pod_restarts},   {"reason", pod_reason},   {"labels", pod_labels},
    {"images", pod_images},       {"partner", pod_partner}, {NULL, NULL},
};

static const char *pod_text(const struct moon_view *v)
{
    return pod_of(v)->meta.name;
}

const struct moon_view_class moon_view_old_pod = {
    .name = "pod", .fields = pod_fields, .text = pod_text};
const struct moon_view_class moon_view_new_pod = {
    .name = "pod", .fields = pod_fields, .text = pod_text};
