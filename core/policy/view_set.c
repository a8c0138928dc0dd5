/* SPDX-License-Identifier: Apache-2.0
 *
 * view_set.c - the set a hook is asked about, and what of its pod template matters for placement.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/library.h"

static const struct moon_set_view *view_of(const struct moon_view *v)
{
    return v->object;
}

static const struct moon_daemonset *set_of(const struct moon_view *v)
{
    return view_of(v)->set;
}

static int set_kind(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, set_of(v)->meta.kind->resource->kind);
    return 1;
}

static int set_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, set_of(v)->meta.name);
}

static int set_namespace(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, set_of(v)->meta.namespace);
}

static int set_uid(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, set_of(v)->meta.uid);
}

static int set_generation(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, set_of(v)->meta.generation);
    return 1;
}

static int set_labels(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &set_of(v)->meta.labels);
    return 1;
}

static int set_annotations(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &set_of(v)->meta.annotations);
    return 1;
}

static int set_params(lua_State *L, const struct moon_view *v MOON_UNUSED)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, moon_engine_of(L)->params_ref);
    return 1;
}

static int set_template(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_TEMPLATE, v->object);
    return 1;
}

static int set_selector(lua_State *L, const struct moon_view *v)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    if (set_of(v)->selector == NULL) {
        lua_pushnil(L);
        return 1;
    }
    moon_buf_clear(out);
    moon_selector_write(set_of(v)->selector, out);
    moon_library_push_selector(L, moon_buf_str(out));
    return 1;
}

static int set_node_selector(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &set_of(v)->node_selector);
    return 1;
}

/* The template's affinity as it is written, nil without; decoded each time it is asked for. */
static int set_affinity(lua_State *L, const struct moon_view *v)
{
    struct moon_str template = {set_of(v)->template, set_of(v)->template_len};
    struct moon_str text;

    if (moon_json_find(template, MOON_JSON_PATH("spec", "affinity"), &text)) {
        moon_library_push_json(L, text, "set.affinity");
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int set_tolerations(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_TOLERATIONS, view_of(v)->tolerations);
    return 1;
}

static int set_strategy(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, set_of(v)->strategy_text);
}

static int set_min_ready_seconds(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, set_of(v)->min_ready_s);
    return 1;
}

static int set_desired(lua_State *L, const struct moon_view *v)
{
    lua_pushinteger(L, view_of(v)->desired);
    return 1;
}

static int set_revision(lua_State *L, const struct moon_view *v)
{
    const char *revision = view_of(v)->revision;

    (void)lua_pushstring(L, revision != NULL ? revision : "");
    return 1;
}

static const struct moon_view_field set_fields[] = {
    {"kind", set_kind, "string", "DaemonSet"},
    {"name", set_name, "string", ""},
    {"namespace", set_namespace, "string", ""},
    {"uid", set_uid, "string", ""},
    {"generation", set_generation, "integer", "goes up with every change of its spec"},
    {"labels", set_labels, "Labels", ""},
    {"annotations", set_annotations, "Labels", ""},
    {"params", set_params, "table<string, any>", "the parameters the policy declares"},
    {"template", set_template, "Template", ""},
    {"selector", set_selector, "Selector?", "of its pods"},
    {"node_selector", set_node_selector, "Labels", "of its template"},
    {"affinity", set_affinity, "table<string, any>?", "of its template, as it is written there"},
    {"tolerations", set_tolerations, "Tolerations", "of its pods: the template's and the hook's"},
    {"strategy", set_strategy, "string", "RollingUpdate or OnDelete"},
    {"min_ready_seconds", set_min_ready_seconds, "integer",
     "how long a pod must be ready to be available"},
    {"desired", set_desired, "integer", "number of nodes that should run it"},
    {"revision", set_revision, "string", "hash of its template; \"\" while it is not known"},
    {NULL, NULL, NULL, NULL},
};

static const char *set_text(const struct moon_view *v)
{
    return set_of(v)->meta.name;
}

const struct moon_view_class moon_view_set = {
    .type = "Set",
    .doc = "The set (DaemonSet) a hook is asked about.",
    .name = "set",
    .fields = set_fields,
    .text = set_text,
};

/* ---- template ---- */

static int template_labels(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_LABELS, &set_of(v)->template_labels);
    return 1;
}

static int template_node_name(lua_State *L, const struct moon_view *v)
{
    return moon_view_push_sym(L, set_of(v)->node_name);
}

static int template_host_network(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, set_of(v)->host_network);
    return 1;
}

static int template_tolerations(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_TOLERATIONS, &set_of(v)->tolerations);
    return 1;
}

static const struct moon_view_field template_fields[] = {
    {"labels", template_labels, "Labels", ""},
    {"node_name", template_node_name, "string?",
     "set only where somebody pins all pods to one node"},
    {"host_network", template_host_network, "boolean", ""},
    {"tolerations", template_tolerations, "Tolerations", "as written, without what hooks add"},
    {NULL, NULL, NULL, NULL},
};

const struct moon_view_class moon_view_template = {
    .type = "Template",
    .doc = "What a set's pods are made from.",
    .name = "template",
    .fields = template_fields,
    .text = set_text,
};
