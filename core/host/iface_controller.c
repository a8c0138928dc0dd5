/* SPDX-License-Identifier: Apache-2.0
 *
 * iface_controller.c - the table "controller": watched objects as text, and the life of a
 * controller.
 */
#include "host/iface_controller.h"

#include "base/log.h"
#include "host/foreign_priv.h"
#include "io/json.h"

/* ---- watching ---- */

static void enqueue(void *token, const char *key)
{
    struct moon_foreign *f = token;

    moon_controller_enqueue(f->controller, moon_str(key));
}

/* "namespace/name" of an object; NULL when it has no name. */
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

static void tell(const struct moon_source *s, struct moon_str key, struct moon_str json,
                 bool deleted)
{
    struct moon_str rest = key;
    struct moon_str namespace;

    (void)moon_str_split(&rest, '/', &namespace);
    MOON_AUTOFREE char *copy = moon_str_dup(namespace);
    struct moon_plugin_event event = {
        .struct_size = sizeof(event),
        .resource = &s->given,
        .namespace_ = copy,
        .name = rest.ptr,
        .json = json.ptr,
        .len = json.len,
        .deleted = deleted,
    };
    uint64_t began_ms = moon_callback_begin();
    s->owner->given.map(&event, enqueue, s->owner, s->owner->given.state);
    moon_callback_end(s->owner->loaded, "map", began_ms);
}

static void list_begin(void *ctx)
{
    struct moon_source *s = ctx;

    moon_map_free(s->listed);
    s->listed = moon_map_new(NULL);
}

static void object_seen(enum moon_event event, struct moon_str object, void *ctx)
{
    struct moon_source *s = ctx;
    MOON_AUTOFREE char *key = key_of(object);

    if (key == NULL) {
        return;
    }
    if (event == MOON_EVENT_DELETED) {
        (void)moon_map_remove(s->objects, moon_str(key));
        tell(s, moon_str(key), object, true);
        return;
    }
    moon_map_set(s->objects, moon_str(key), moon_str_dup(object));
    if (event == MOON_EVENT_LISTED && s->listed != NULL) {
        moon_map_set(s->listed, moon_str(key), NULL);
    }
    tell(s, moon_str(key), object, false);
}

static bool is_synced(void *ctx)
{
    const struct moon_foreign *f = MOON_CAST(moon_foreign, ctx, MOON_FOREIGN_MAGIC);

    for (size_t i = 0; i < f->source_count; i++) {
        if (!f->sources[i].synced) {
            return false;
        }
    }
    return true;
}

static void maybe_start(struct moon_foreign *f)
{
    if (f->leader && !f->running && is_synced(f)) {
        f->running = true;
        moon_controller_start(f->controller);
    }
}

static void list_end(uint64_t version, void *ctx)
{
    struct moon_source *s = ctx;
    struct moon_str key;
    void *text;
    size_t pos = 0;

    (void)version;
    while (moon_map_next(s->objects, &pos, &key, &text)) {
        if (!moon_map_has(s->listed, key)) {
            tell(s, key, moon_str(text), true);
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
    const struct moon_source *s = ctx;

    moon_warn(s->owner->loaded->plugin->name, "watch", "err", err->text);
}

/* ---- reconciling ---- */

static int reconcile(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err)
{
    struct moon_foreign *f = MOON_CAST(moon_foreign, ctx, MOON_FOREIGN_MAGIC);
    struct moon_plugin_plan p = {.owner = f, .plan = plan};
    struct moon_plugin_error why = {.struct_size = sizeof(why)};
    MOON_AUTOFREE char *text = moon_str_dup(key);

    uint64_t began_ms = moon_callback_begin();
    int rc = f->given.reconcile(text, &p, f->given.state, &why);
    moon_callback_end(f->loaded, "reconcile", began_ms);
    if (rc != 0) {
        return moon_err_set(err, MOON_E_INVALID, "%s",
                            why.text[0] != '\0' ? why.text : "the plugin does not say why");
    }
    return p.wrong != NULL ? moon_err_set(err, MOON_E_INVALID, "an action %s", p.wrong) : 0;
}

static void failed(struct moon_str key, const struct moon_err *err,
                   const struct moon_action *action, void *ctx)
{
    const struct moon_foreign *f = MOON_CAST(moon_foreign, ctx, MOON_FOREIGN_MAGIC);
    MOON_AUTOFREE char *name = moon_str_dup(key);

    if (err->code == MOON_E_CANCELLED) {
        return;
    }
    moon_warn(f->loaded->plugin->name, action == NULL ? "reconcile failed" : "write failed", "key",
              name, "verb", action != NULL ? moon_verb_name(action->verb) : NULL, "resource",
              action != NULL ? action->resource->plural : NULL, "name",
              action != NULL ? action->name : NULL, "err", err->text);
}

/* ---- life ---- */

static bool is_complete(const struct moon_plugin_controller *given)
{
    if (given->struct_size < sizeof(*given) || given->name == NULL || given->map == NULL ||
        given->reconcile == NULL || given->resources == NULL || given->resource_count == 0) {
        return false;
    }
    for (size_t i = 0; i < given->resource_count; i++) {
        const struct moon_plugin_resource *r = &given->resources[i];
        if (r->struct_size != sizeof(*r) || r->group == NULL || r->version == NULL ||
            r->plural == NULL || r->kind == NULL) {
            return false;
        }
    }
    return true;
}

static int add(const struct moon_host *host, const struct moon_plugin_controller *given)
{
    struct moon_loaded *l = moon_loaded_of(host);

    if (!is_complete(given) || l->registry->internal.loop != NULL) {
        return -1;
    }
    struct moon_foreign *f = moon_new(struct moon_foreign);
    f->magic = MOON_FOREIGN_MAGIC;
    f->loaded = l;
    f->given = *given;
    f->source_count = given->resource_count;
    f->sources = moon_new_array(struct moon_source, f->source_count);
    for (size_t i = 0; i < f->source_count; i++) {
        const struct moon_plugin_resource *r = &given->resources[i];
        f->sources[i].owner = f;
        f->sources[i].given = *r;
        f->sources[i].objects = moon_map_new(moon_free);
        f->sources[i].resource = moon_foreign_resource(r);
    }
    l->foreign =
        moon_realloc_array(l->foreign, l->foreign_count + 1, sizeof(struct moon_foreign *));
    l->foreign[l->foreign_count++] = f;
    return 0;
}

void moon_foreign_start(struct moon_foreign *f, const struct moon_internal *in)
{
    in->add_ready_check(in, f->given.name, is_synced, f);
    f->controller = moon_controller_new(in->loop, in->apply,
                                        &(struct moon_controller_opts){
                                            .name = f->given.name,
                                            .serial = true,
                                            .reconcile = reconcile,
                                            .on_failure = failed,
                                            .ctx = f,
                                        });
    for (size_t i = 0; i < f->source_count; i++) {
        struct moon_source *s = &f->sources[i];
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

void moon_foreign_free(struct moon_foreign *f)
{
    for (size_t i = 0; i < f->source_count; i++) {
        moon_watch_free(f->sources[i].watch);
        moon_map_free(f->sources[i].objects);
        moon_map_free(f->sources[i].listed);
    }
    if (f->controller != NULL) {
        moon_controller_free(f->controller);
    }
    moon_free(f->sources);
    f->magic = 0;
    moon_free(f);
}

const struct moon_iface_controller moon_iface_controller = {
    .struct_size = sizeof(moon_iface_controller),
    .add = add,
    .get = moon_foreign_get,
    .text = moon_foreign_text,
    .create = moon_foreign_create,
    .merge_patch = moon_foreign_merge_patch,
    .remove = moon_foreign_remove,
    .again = moon_foreign_again,
};
