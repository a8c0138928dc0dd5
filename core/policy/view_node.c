/* SPDX-License-Identifier: Apache-2.0
 *
 * view_node.c - a node, its conditions and its capacity.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/fields.h"
#include "policy/hooks.h"
#include "policy/library.h"

static const struct moon_node *node_of(const struct moon_view *v)
{
    return v->object;
}

static int node_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->meta.name);
}

static int node_uid(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->meta.uid);
}

static int node_labels(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &node_of(v)->meta.labels);
    return 1;
}

static int node_annotations(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &node_of(v)->meta.annotations);
    return 1;
}

static int node_taints(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_TAINTS, &node_of(v)->taints);
    return 1;
}

static int node_unschedulable(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, node_of(v)->unschedulable);
    return 1;
}

static int node_ready(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, node_of(v)->ready);
    return 1;
}

/* An empty list has no address of its own: the place of its pointer stands for it. */
static const void *address(const void *items, const void *member)
{
    return items != NULL ? items : member;
}

static int node_conditions(lua_State *L, const struct moon_view *v)
{
    const struct moon_node *n = node_of(v);

    moon_view_push_list(L, MOON_VIEW_CONDITIONS, address(n->conditions, &n->conditions),
                        n->condition_count);
    return 1;
}

static int node_capacity(lua_State *L, const struct moon_view *v)
{
    const struct moon_node *n = node_of(v);

    moon_view_push_list(L, MOON_VIEW_AMOUNTS, address(n->capacity, &n->capacity),
                        n->capacity_count);
    return 1;
}

static int node_allocatable(lua_State *L, const struct moon_view *v)
{
    const struct moon_node *n = node_of(v);

    moon_view_push_list(L, MOON_VIEW_AMOUNTS, address(n->allocatable, &n->allocatable),
                        n->allocatable_count);
    return 1;
}

static int node_created(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, node_of(v)->meta.created_s);
    return 1;
}

static int node_deleting(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, node_of(v)->meta.deleted_s != 0);
    return 1;
}

static int node_zone(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->zone);
}

static int node_region(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->region);
}

static int node_arch(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->arch);
}

static int node_os(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->os);
}

static int node_kubelet(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, node_of(v)->kubelet);
}

static int node_raw(lua_State *L, const struct moon_view *v MOON_UNUSED)
{
    lua_pushcfunction(L, moon_fields_raw);
    return 1;
}

/* ---- in a roll: the node and the set ---- */

static const struct moon_roll_slot *slot_of(lua_State *L, const struct moon_view *v,
                                            const char *field)
{
    if (v->slot == NULL) {
        luaL_error(L, "node.%s is known of nodes in a roll only", field);
    }
    return v->slot;
}

static int node_pod(lua_State *L, const struct moon_view *v)
{
    const struct moon_roll_slot *slot = slot_of(L, v, "pod");

    if (slot->old_pod != NULL) {
        moon_view_push_in_slot(L, MOON_VIEW_OLD_POD, slot->old_pod, slot);
    } else if (slot->new_pod != NULL) {
        moon_view_push_in_slot(L, MOON_VIEW_NEW_POD, slot->new_pod, slot);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

const char *moon_drain_state_name(enum moon_drain_state state)
{
    switch (state) {
    case MOON_DRAIN_DRAINING:
        return "draining";
    case MOON_DRAIN_DRAINED:
        return "drained";
    case MOON_DRAIN_LIFTED:
        break;
    }
    return "lifted";
}

static int node_drain(lua_State *L, const struct moon_view *v)
{
    const struct moon_drain *drain = slot_of(L, v, "drain")->drain;

    (void)lua_pushstring(L, drain != NULL ? moon_drain_state_name(drain->state) : NULL);
    return 1;
}

static int node_drain_since(lua_State *L, const struct moon_view *v)
{
    const struct moon_drain *drain = slot_of(L, v, "drain_since")->drain;

    if (drain != NULL && drain->since_s != 0) {
        lua_pushinteger(L, drain->since_s);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int node_drain_waits_for(lua_State *L, const struct moon_view *v)
{
    const struct moon_drain *drain = slot_of(L, v, "drain_waits_for")->drain;

    (void)lua_pushstring(L, drain != NULL ? drain->waits_for : NULL);
    return 1;
}

static const char *node_text(const struct moon_view *v)
{
    return node_of(v)->meta.name;
}

static const struct moon_view_field node_fields[] = {
    {"name", node_name, "string", ""},
    {"uid", node_uid, "string", ""},
    {"labels", node_labels, "Labels", ""},
    {"annotations", node_annotations, "Labels", ""},
    {"taints", node_taints, "Taints", ""},
    {"unschedulable", node_unschedulable, "boolean", "cordoned"},
    {"ready", node_ready, "boolean", "its condition Ready is True"},
    {"conditions", node_conditions, "Conditions", ""},
    {"capacity", node_capacity, "Amounts", ""},
    {"allocatable", node_allocatable, "Amounts", "capacity without what the system keeps"},
    {"created", node_created, "integer", "when it was made"},
    {"zone", node_zone, "string?", "of the label topology.kubernetes.io/zone"},
    {"region", node_region, "string?", "of the label topology.kubernetes.io/region"},
    {"arch", node_arch, "string?", "amd64, arm64, …"},
    {"os", node_os, "string?", "linux, windows"},
    {"kubelet", node_kubelet, "string?", "version of its kubelet, as v1.30.2"},
    {"deleting", node_deleting, "boolean", "it is about to go"},
    {"pod", node_pod, "Pod?", "in a roll: the set's pod on it, of two the outdated one"},
    {"drain", node_drain, "\"draining\"|\"drained\"|\"lifted\"|nil",
     "in a roll: how far roll:drain is; \"lifted\": somebody has uncordoned it since"},
    {"drain_since", node_drain_since, "integer?", "in a roll: when it was cordoned for that"},
    {"drain_waits_for", node_drain_waits_for, "string?", "in a roll: what is in the way"},
    {"raw", node_raw, "(pointer: string): any", "a field that the policy declares in `fields`"},
    {NULL, NULL, NULL, NULL},
};

const struct moon_view_class moon_view_node = {
    .type = "Node",
    .doc = "A node.",
    .name = "node",
    .fields = node_fields,
    .text = node_text,
};

/* ---- conditions: by type ---- */

static int conditions_get(lua_State *L, const struct moon_view *v, int key)
{
    const struct moon_condition *items = v->object;
    const char *type = luaL_checkstring(L, key);

    for (uint32_t i = 0; i < v->count; i++) {
        if (moon_streq(items[i].type, type)) {
            moon_view_push(L, MOON_VIEW_CONDITION, &items[i]);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

static size_t counted_length(const struct moon_view *v)
{
    return v->count;
}

static int conditions_entry(lua_State *L, const struct moon_view *v, size_t i)
{
    const struct moon_condition *items = v->object;

    moon_view_push_sym(L, items[i].type);
    moon_view_push(L, MOON_VIEW_CONDITION, &items[i]);
    return 2;
}

const struct moon_view_class moon_view_conditions = {
    .type = "Conditions",
    .doc = "The conditions of a node, by type.",
    .entries = "[string]: Condition?",
    .name = "list of conditions",
    .get = conditions_get,
    .length = counted_length,
    .entry = conditions_entry,
};

static int condition_type(lua_State *L, const struct moon_view *v)
{
    const struct moon_condition *c = v->object;

    return moon_view_push_sym(L, c->type);
}

static int condition_status(lua_State *L, const struct moon_view *v)
{
    const struct moon_condition *c = v->object;

    switch (c->status) {
    case MOON_CONDITION_TRUE:
        lua_pushliteral(L, "True");
        return 1;
    case MOON_CONDITION_FALSE:
        lua_pushliteral(L, "False");
        return 1;
    case MOON_CONDITION_UNKNOWN:
        break;
    }
    lua_pushliteral(L, "Unknown");
    return 1;
}

static int condition_reason(lua_State *L, const struct moon_view *v)
{
    const struct moon_condition *c = v->object;

    return moon_view_push_sym(L, c->reason);
}

static int condition_since(lua_State *L, const struct moon_view *v)
{
    const struct moon_condition *c = v->object;

    lua_pushinteger(L, c->since_s);
    return 1;
}

static const struct moon_view_field condition_fields[] = {
    {"type", condition_type, "string", "Ready, DiskPressure, …"},
    {"status", condition_status, "\"True\"|\"False\"|\"Unknown\"", ""},
    {"reason", condition_reason, "string?", "one word"},
    {"since", condition_since, "integer", "when the status came"},
    {NULL, NULL, NULL, NULL},
};

static const char *condition_text(const struct moon_view *v)
{
    const struct moon_condition *c = v->object;

    return c->type != NULL ? c->type : "";
}

const struct moon_view_class moon_view_condition = {
    .type = "Condition",
    .doc = "A condition of a node.",
    .name = "condition",
    .fields = condition_fields,
    .text = condition_text,
};

/* ---- amounts: quantities by resource ---- */

static int amounts_get(lua_State *L, const struct moon_view *v, int key)
{
    const struct moon_amount *items = v->object;
    const char *resource = luaL_checkstring(L, key);

    for (uint32_t i = 0; i < v->count; i++) {
        if (moon_streq(items[i].resource, resource)) {
            moon_library_push_quantity(L, items[i].quantity);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

static int amounts_entry(lua_State *L, const struct moon_view *v, size_t i)
{
    const struct moon_amount *items = v->object;

    moon_view_push_sym(L, items[i].resource);
    moon_library_push_quantity(L, items[i].quantity);
    return 2;
}

const struct moon_view_class moon_view_amounts = {
    .type = "Amounts",
    .doc = "Quantities by resource: cpu, memory, …",
    .entries = "[string]: Quantity?",
    .name = "list of resources",
    .get = amounts_get,
    .length = counted_length,
    .entry = amounts_entry,
};
