/* SPDX-License-Identifier: Apache-2.0
 *
 * iface_plan.c - the table "controller": what a plugin looks at and plans during a reconcile.
 */
#include "host/foreign_priv.h"
#include "io/json.h"

struct moon_resource moon_foreign_resource(const struct moon_plugin_resource *given)
{
    return (struct moon_resource){.group = given->group,
                                  .version = given->version,
                                  .plural = given->plural,
                                  .kind = given->kind,
                                  .namespaced = given->namespaced};
}

static struct moon_source *source_of(const struct moon_plugin_plan *p,
                                     const struct moon_plugin_resource *resource)
{
    for (size_t i = 0; i < p->owner->source_count; i++) {
        struct moon_source *s = &p->owner->sources[i];
        if (strcmp(s->given.group, resource->group) == 0 &&
            strcmp(s->given.plural, resource->plural) == 0) {
            return s;
        }
    }
    return NULL;
}

const char *moon_foreign_get(struct moon_plugin_plan *p,
                             const struct moon_plugin_resource *resource, const char *namespace,
                             const char *name, size_t *ret_len)
{
    const struct moon_source *s = source_of(p, resource);
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", namespace, name);
    const char *text = s != NULL ? moon_map_get(s->objects, moon_str(key)) : NULL;

    if (text != NULL) {
        *ret_len = strlen(text);
    }
    return text;
}

const char *moon_foreign_text(struct moon_plugin_plan *p,
                              const struct moon_plugin_resource *resource, const char *namespace,
                              const char *name, const char *const *keys)
{
    struct moon_str raw;
    struct moon_err err;
    size_t len;
    const char *object = moon_foreign_get(p, resource, namespace, name, &len);

    if (object == NULL || !moon_json_find((struct moon_str){object, len}, keys, &raw)) {
        return NULL;
    }
    MOON_AUTOJSON *value = moon_json_parse(raw, &err);
    return cJSON_IsString(value) ? moon_arena_strdup(moon_plan_arena(p->plan), value->valuestring)
                                 : NULL;
}

static void write_text(const struct moon_action *action, struct moon_buf *out)
{
    moon_buf_puts(out, action->detail);
}

/* The plan asserts these; a plugin's mistake should cost its reconcile, not the process. */
static const char *what_is_wrong(const struct moon_plugin_resource *resource,
                                 const struct moon_action *action, const char *json)
{
    bool removes = action->verb == MOON_VERB_DELETE;

    if (action->name == NULL || action->name[0] == '\0') {
        return "has no name";
    }
    if (action->reason == NULL || action->reason[0] == '\0') {
        return "has no reason";
    }
    if (resource->namespaced && (action->namespace == NULL || action->namespace[0] == '\0')) {
        return "has no namespace";
    }
    if (!removes && json == NULL) {
        return "has no body";
    }
    return removes && (action->uid == NULL || action->uid[0] == '\0') ? "removes without a uid"
                                                                      : NULL;
}

static void add_action(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                       struct moon_action action, const char *json)
{
    struct moon_arena *arena = moon_plan_arena(p->plan);
    const char *wrong = what_is_wrong(resource, &action, json);

    if (wrong != NULL) {
        p->wrong = wrong;
        return;
    }
    struct moon_resource *r = moon_arena_alloc(arena, sizeof(*r));
    *r = moon_foreign_resource(resource);
    action.resource = r;
    action.namespace = resource->namespaced ? moon_arena_strdup(arena, action.namespace) : NULL;
    action.name = moon_arena_strdup(arena, action.name);
    action.uid = moon_arena_strdup(arena, action.uid);
    action.reason = moon_arena_strdup(arena, action.reason);
    if (json != NULL) {
        action.detail = moon_arena_strdup(arena, json);
        action.write_body = write_text;
    }
    moon_plan_add(p->plan, &action);
}

void moon_foreign_create(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                         const char *namespace, const char *name, const char *json,
                         const char *reason)
{
    add_action(
        p, resource,
        (struct moon_action){
            .verb = MOON_VERB_CREATE, .namespace = namespace, .name = name, .reason = reason},
        json);
}

void moon_foreign_merge_patch(struct moon_plugin_plan *p,
                              const struct moon_plugin_resource *resource, const char *namespace,
                              const char *name, const char *json, const char *reason)
{
    add_action(
        p, resource,
        (struct moon_action){
            .verb = MOON_VERB_PATCH_MERGE, .namespace = namespace, .name = name, .reason = reason},
        json);
}

void moon_foreign_remove(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                         const char *namespace, const char *name, const char *uid,
                         const char *reason)
{
    add_action(p, resource,
               (struct moon_action){.verb = MOON_VERB_DELETE,
                                    .namespace = namespace,
                                    .name = name,
                                    .uid = uid,
                                    .reason = reason},
               NULL);
}

void moon_foreign_again(struct moon_plugin_plan *p, int64_t after_ms)
{
    moon_plan_requeue(p->plan, after_ms > 0 ? (uint64_t)after_ms : 0);
}
