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

static int pod_outdated(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, v->kind == MOON_VIEW_OLD_POD);
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
    {"name", pod_name, "string", ""},
    {"uid", pod_uid, "string", ""},
    {"node", pod_node, "Node?", "nil when the node is not known"},
    {"node_name", pod_node_name, "string", "of its node"},
    {"phase", pod_phase, "string", "Pending, Running, Succeeded, Failed or Unknown"},
    {"ready", pod_ready, "boolean", "as Kubernetes says"},
    {"available", pod_available, "boolean", "ready for minReadySeconds, and healthy"},
    {"outdated", pod_outdated, "boolean", "it is not what its node wants"},
    {"health", pod_health, "\"ready\"|\"progressing\"|\"failed\"",
     "what the hook health said; \"ready\" without one"},
    {"deleting", pod_deleting, "boolean", "it is about to go"},
    {"revision", pod_revision, "string?", "hash of the template it was made from"},
    {"created", pod_created, "integer", "when it was made"},
    {"ready_since", pod_ready_since, "integer?", "nil while it is not ready"},
    {"restarts", pod_restarts, "integer", "of all its containers"},
    {"reason", pod_reason, "string?", "why it is in its phase, as Evicted"},
    {"labels", pod_labels, "Labels", ""},
    {"images", pod_images, "string?", "of its containers"},
    {"partner", pod_partner, "Pod?", "the other pod of the node, while both are there"},
    {NULL, NULL, NULL, NULL},
};

static const char *pod_text(const struct moon_view *v)
{
    return pod_of(v)->meta.name;
}

const struct moon_view_class moon_view_old_pod = {
    .type = "Pod",
    .doc = "A pod of the set.",
    .name = "pod",
    .fields = pod_fields,
    .text = pod_text,
};
const struct moon_view_class moon_view_new_pod = {
    .type = "Pod",
    .doc = "A pod of the set.",
    .name = "pod",
    .fields = pod_fields,
    .text = pod_text,
};
