/* SPDX-License-Identifier: Apache-2.0 */
#include "host/iface_controller.h"

#include "base/log.h"
#include "base/map.h"
#include "control/controller.h"
#include "host/registry_priv.h"
#include "io/json.h"
#include "kube/watch.h"

#define FOREIGN_MAGIC 0xf04e1905u

/* One watched resource and its objects as the server wrote them, by "namespace/name". */
struct source {
    struct moon_foreign *owner;
    struct moon_plugin_resource given; /* texts are the plugin's */
    struct moon_resource resource;
    struct moon_watch *watch;
    struct moon_map *objects; /* key -> JSON text */
    struct moon_map *listed;  /* keys seen in the list that is running; NULL: none is */
    bool synced;
};

struct moon_foreign {
    unsigned magic;
    struct moon_loaded *loaded;
    struct moon_plugin_controller given;
    struct source *sources;
    size_t source_count;
    struct moon_controller *controller;
    bool leader;
    bool running;
};

struct moon_plugin_plan {
    struct moon_foreign *owner;
    struct moon_plan *plan;
};

/* ---- watching ---- */

static void enqueue(void *token, const char *key)
{
    struct moon_foreign *f = token;

    moon_controller_enqueue(f->controller, moon_str(key));
}

static void tell(struct source *s, struct moon_str json, bool deleted)
{
    struct moon_plugin_event event = {
        .struct_size = sizeof(event),
        .resource = &s->given,
        .json = json.ptr,
        .len = json.len,
        .deleted = deleted,
    };

    s->owner->given.map(&event, enqueue, s->owner, s->owner->given.state);
}

static char *key_of(struct moon_str object)
{
    MOON_AUTOJSON *meta = NULL;
    struct moon_str raw;
    struct moon_err err;

    if (!moon_json_find(object, MOON_JSON_PATH("metadata"), &raw) ||
        (meta = moon_json_parse(raw, &err)) == NULL || moon_json_string(meta, "name") == NULL) {
        return NULL;
    }
    const char *namespace = moon_json_string(meta, "namespace");
    return moon_asprintf("%s/%s", namespace != NULL ? namespace : "",
                         moon_json_string(meta, "name"));
}

static void list_begin(void *ctx)
{
    struct source *s = ctx;

    moon_map_free(s->listed);
    s->listed = moon_map_new(NULL);
}

static void object_seen(enum moon_event event, struct moon_str object, void *ctx)
{
    struct source *s = ctx;
    MOON_AUTOFREE char *key = key_of(object);

    if (key == NULL) {
        return;
    }
    if (event == MOON_EVENT_DELETED) {
        (void)moon_map_remove(s->objects, moon_str(key));
        tell(s, object, true);
        return;
    }
    moon_map_set(s->objects, moon_str(key), moon_str_dup(object));
    if (event == MOON_EVENT_LISTED && s->listed != NULL) {
        moon_map_set(s->listed, moon_str(key), NULL);
    }
    tell(s, object, false);
}

static void maybe_start(struct moon_foreign *f)
{
    for (size_t i = 0; i < f->source_count; i++) {
        if (!f->sources[i].synced) {
            return;
        }
    }
    if (f->leader && !f->running) {
        f->running = true;
        moon_controller_start(f->controller);
    }
}

static void list_end(uint64_t version, void *ctx)
{
    struct source *s = ctx;
    struct moon_str key;
    void *text;
    size_t pos = 0;

    (void)version;
    while (moon_map_next(s->objects, &pos, &key, &text)) {
        if (!moon_map_has(s->listed, key)) {
            tell(s, moon_str(text), true);
            (void)moon_map_remove(s->objects, key);
        }
    }
    moon_map_free(s->listed);
    s->listed = NULL;
    s->synced = true;
    maybe_start(s->owner);
}

static void watch_failed(const struct moon_err *err, void *ctx)
{
    const struct source *s = ctx;

    moon_warn(s->owner->loaded->plugin->name, "watch", "err", err->text);
}

/* ---- reconciling ---- */

static int reconcile(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err)
{
    struct moon_foreign *f = MOON_CAST(moon_foreign, ctx, FOREIGN_MAGIC);
    struct moon_plugin_plan p = {.owner = f, .plan = plan};
    struct moon_plugin_error why = {.struct_size = sizeof(why)};
    MOON_AUTOFREE char *text = moon_str_dup(key);

    if (f->given.reconcile(text, &p, f->given.state, &why) != 0) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: %s", f->loaded->plugin->name,
                            why.text[0] != '\0' ? why.text : "reconcile failed");
    }
    return 0;
}

static void failed(struct moon_str key, const struct moon_err *err,
                   const struct moon_action *action, void *ctx)
{
    const struct moon_foreign *f = MOON_CAST(moon_foreign, ctx, FOREIGN_MAGIC);
    MOON_AUTOFREE char *name = moon_str_dup(key);

    moon_warn(f->loaded->plugin->name, action == NULL ? "reconcile failed" : "write failed", "key",
              name, "err", err->text);
}

static struct source *source_of(const struct moon_plugin_plan *p,
                                const struct moon_plugin_resource *resource)
{
    for (size_t i = 0; i < p->owner->source_count; i++) {
        struct source *s = &p->owner->sources[i];
        if (strcmp(s->given.group, resource->group) == 0 &&
            strcmp(s->given.plural, resource->plural) == 0) {
            return s;
        }
    }
    return NULL;
}

static const char *get(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                       const char *namespace, const char *name, size_t *ret_len)
{
    const struct source *s = source_of(p, resource);
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", namespace, name);
    const char *text = s != NULL ? moon_map_get(s->objects, moon_str(key)) : NULL;

    if (text != NULL) {
        *ret_len = strlen(text);
    }
    return text;
}

static void write_text(const struct moon_action *action, struct moon_buf *out)
{
    moon_buf_puts(out, action->detail);
}

static void add_action(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                       struct moon_action action, const char *json)
{
    struct moon_arena *arena = moon_plan_arena(p->plan);
    struct moon_resource *r = moon_arena_alloc(arena, sizeof(*r));

    *r = (struct moon_resource){.group = resource->group,
                                .version = resource->version,
                                .plural = resource->plural,
                                .kind = resource->kind,
                                .namespaced = resource->namespaced};
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

static void create(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                   const char *namespace, const char *name, const char *json, const char *reason)
{
    add_action(
        p, resource,
        (struct moon_action){
            .verb = MOON_VERB_CREATE, .namespace = namespace, .name = name, .reason = reason},
        json);
}

static void merge_patch(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                        const char *namespace, const char *name, const char *json,
                        const char *reason)
{
    add_action(
        p, resource,
        (struct moon_action){
            .verb = MOON_VERB_PATCH_MERGE, .namespace = namespace, .name = name, .reason = reason},
        json);
}

static void remove_object(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
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

static void again(struct moon_plugin_plan *p, int64_t after_ms)
{
    moon_plan_requeue(p->plan, after_ms > 0 ? (uint64_t)after_ms : 0);
}

/* ---- life ---- */

static int add(const struct moon_host *host, const struct moon_plugin_controller *given)
{
    struct moon_loaded *l = moon_loaded_of(host);

    if (given->name == NULL || given->map == NULL || given->reconcile == NULL ||
        given->resource_count == 0) {
        return -1;
    }
    struct moon_foreign *f = moon_new(struct moon_foreign);
    f->magic = FOREIGN_MAGIC;
    f->loaded = l;
    f->given = *given;
    f->source_count = given->resource_count;
    f->sources = moon_new_array(struct source, f->source_count);
    for (size_t i = 0; i < f->source_count; i++) {
        const struct moon_plugin_resource *r = &given->resources[i];
        f->sources[i].owner = f;
        f->sources[i].given = *r;
        f->sources[i].objects = moon_map_new(moon_free);
        f->sources[i].resource = (struct moon_resource){.group = r->group,
                                                        .version = r->version,
                                                        .plural = r->plural,
                                                        .kind = r->kind,
                                                        .namespaced = r->namespaced};
    }
    l->foreign = moon_realloc_array(l->foreign, l->foreign_count + 1, sizeof(*l->foreign));
    l->foreign[l->foreign_count++] = f;
    return 0;
}

void moon_foreign_start(struct moon_foreign *f, const struct moon_internal *in)
{
    f->controller = moon_controller_new(in->loop, in->apply,
                                        &(struct moon_controller_opts){
                                            .name = f->given.name,
                                            .serial = true,
                                            .reconcile = reconcile,
                                            .on_failure = failed,
                                            .ctx = f,
                                        });
    for (size_t i = 0; i < f->source_count; i++) {
        struct source *s = &f->sources[i];
        s->watch = moon_watch_new(in->client, &(struct moon_watch_opts){
                                                  .resource = &s->resource,
                                                  .label_selector = s->given.label_selector,
                                                  .on_list_begin = list_begin,
                                                  .on_object = object_seen,
                                                  .on_list_end = list_end,
                                                  .on_error = watch_failed,
                                                  .ctx = s,
                                              });
    }
}

void moon_foreign_role(struct moon_foreign *f, bool leader)
{
    f->leader = leader;
    if (leader) {
        maybe_start(f);
    } else if (f->running) {
        f->running = false;
        moon_controller_stop(f->controller);
    }
}

void moon_foreign_stop(struct moon_foreign *f)
{
    for (size_t i = 0; i < f->source_count; i++) {
        moon_watch_free(f->sources[i].watch);
        f->sources[i].watch = NULL;
    }
    moon_controller_free(f->controller);
    f->controller = NULL;
    f->running = false;
}

void moon_foreign_free(struct moon_foreign *f)
{
    moon_foreign_stop(f);
    for (size_t i = 0; i < f->source_count; i++) {
        moon_map_free(f->sources[i].objects);
        moon_map_free(f->sources[i].listed);
    }
    moon_free(f->sources);
    f->magic = 0;
    moon_free(f);
}

const struct moon_iface_controller moon_iface_controller = {
    .struct_size = sizeof(moon_iface_controller),
    .add = add,
    .get = get,
    .create = create,
    .merge_patch = merge_patch,
    .remove = remove_object,
    .again = again,
};
