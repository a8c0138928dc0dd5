/* SPDX-License-Identifier: Apache-2.0 */
#include "host/registry.h"

#include "base/log.h"
#include "base/str.h"
#include "host/registry_priv.h"
#include "io/file.h"

static const moonset_plugin_entry *builtin; /* NULL: none */

void moon_registry_set_builtin(const moonset_plugin_entry *entries)
{
    builtin = entries;
}

struct moon_loaded *moon_loaded_of(const struct moon_host *host)
{
    struct moon_loaded *l = (struct moon_loaded *)(uintptr_t)host;

    moon_assert(l != NULL && l->magic == MOON_HOST_MAGIC);
    return l;
}

/* ---- acceptance ---- */

static int check(const struct moon_registry *r, const struct moon_plugin *p, const char *source,
                 struct moon_err *err)
{
    if (p->struct_size < offsetof(struct moon_plugin, fini) + sizeof(p->fini)) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: its descriptor is too small", source);
    }
    if (p->abi_major != MOON_PLUGIN_ABI_MAJOR || p->abi_minor != MOON_PLUGIN_ABI_MINOR) {
        return moon_err_set(
            err, MOON_E_INVALID, "plugin %s: built for ABI %u.%u, this moonset has %u.%u", source,
            p->abi_major, p->abi_minor, MOON_PLUGIN_ABI_MAJOR, MOON_PLUGIN_ABI_MINOR);
    }
    if (p->flags != 0) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: unknown flags 0x%x", source, p->flags);
    }
    if (p->name == NULL || !moon_is_dns1123_label(moon_str(p->name)) || p->init == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: no name or no init", source);
    }
    if (p->build_id != NULL && strcmp(p->build_id, MOON_BUILD_ID) != 0) {
        return moon_err_set(err, MOON_E_INVALID,
                            "plugin %s: built with another moonset (%s, this is %s)", source,
                            p->build_id, MOON_BUILD_ID);
    }
    for (size_t i = 0; i < r->loaded_count; i++) {
        if (strcmp(r->loaded[i]->plugin->name, p->name) == 0) {
            return moon_err_set(err, MOON_E_INVALID, "plugin %s: the name %s is taken by %s",
                                source, p->name, r->loaded[i]->source);
        }
    }
    return 0;
}

int moon_registry_add(struct moon_registry *r, const struct moon_plugin *plugin, const char *source,
                      struct moon_err *err)
{
    struct moon_plugin_error why = {.struct_size = sizeof(why)};

    if (check(r, plugin, source, err) != 0) {
        return -(int)err->code;
    }
    struct moon_loaded *l = moon_new(struct moon_loaded);
    l->host = (struct moon_host){.struct_size = sizeof(l->host), .iface = moon_iface_find};
    l->magic = MOON_HOST_MAGIC;
    l->registry = r;
    l->plugin = plugin;
    l->source = moon_strdup(source);
    r->loaded = moon_realloc_array(r->loaded, r->loaded_count + 1, sizeof(struct moon_loaded *));
    r->loaded[r->loaded_count++] = l;
    if (plugin->init(&l->host, &l->state, &why) != 0) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: %s", source,
                            why.text[0] != '\0' ? why.text : "init failed");
    }
    l->initialised = true;
    return 0;
}

static int load_folder(struct moon_registry *r, const char *dir, struct moon_err *err)
{
    struct moon_paths paths = {0};
    int rc = moon_dir_list(dir, ".so", 0, &paths, err);

    for (size_t i = 0; rc == 0 && i < paths.count; i++) {
        MOON_AUTOFREE char *path = moon_asprintf("%s/%s", dir, paths.items[i]);
        rc = moon_registry_load(r, path, err);
    }
    moon_paths_free(&paths);
    return rc;
}

/* ---- life ---- */

struct moon_registry *moon_registry_new(const char *const *plugin_dirs, struct moon_err *err)
{
    struct moon_registry *r = moon_new(struct moon_registry);

    r->internal.struct_size = sizeof(r->internal);
    for (size_t i = 0; builtin != NULL && builtin[i] != NULL; i++) {
        if (moon_registry_add(r, builtin[i](), "built in", err) != 0) {
            moon_registry_free(r);
            return NULL;
        }
    }
    for (size_t i = 0; plugin_dirs != NULL && plugin_dirs[i] != NULL; i++) {
        if (load_folder(r, plugin_dirs[i], err) != 0) {
            moon_registry_free(r);
            return NULL;
        }
    }
    return r;
}

void moon_registry_end(struct moon_registry *r)
{
    for (size_t i = r->loaded_count; i-- > 0;) {
        struct moon_loaded *l = r->loaded[i];
        if (l->initialised && l->plugin->fini != NULL) {
            l->plugin->fini(l->state);
        }
        for (size_t j = 0; j < l->foreign_count; j++) {
            moon_foreign_free(l->foreign[j]);
        }
        moon_free(l->foreign);
        l->foreign = NULL;
        l->foreign_count = 0;
        l->initialised = false;
    }
}

void moon_registry_free(struct moon_registry *r)
{
    if (r == NULL) {
        return;
    }
    moon_registry_end(r);
    for (size_t i = 0; i < r->loaded_count; i++) {
        struct moon_loaded *l = r->loaded[i];
        l->magic = 0;
        moon_free(l->source);
        moon_free(l);
    }
    moon_free(r->loaded);
    moon_free(r->commands);
    moon_free(r->routes);
    moon_free(r);
}

/* ---- what was registered ---- */

const struct moon_plugin_command *moon_registry_command(const struct moon_registry *r,
                                                        const char *name)
{
    for (size_t i = 0; i < r->command_count; i++) {
        if (strcmp(r->commands[i].name, name) == 0) {
            return &r->commands[i];
        }
    }
    return NULL;
}

void moon_registry_each_command(const struct moon_registry *r,
                                void (*fn)(const struct moon_plugin_command *c, void *ctx),
                                void *ctx)
{
    for (size_t i = 0; i < r->command_count; i++) {
        fn(&r->commands[i], ctx);
    }
}

void moon_registry_each_plugin(const struct moon_registry *r,
                               void (*fn)(const struct moon_plugin *p, const char *source,
                                          void *ctx),
                               void *ctx)
{
    for (size_t i = 0; i < r->loaded_count; i++) {
        fn(r->loaded[i]->plugin, r->loaded[i]->source, ctx);
    }
}

const struct moon_plugin_route *moon_registry_route(const struct moon_registry *r, const char *path)
{
    for (size_t i = 0; r != NULL && i < r->route_count; i++) {
        if (strcmp(r->routes[i].path, path) == 0) {
            return &r->routes[i];
        }
    }
    return NULL;
}

/* ---- the manager's calls ---- */

void moon_registry_set_internal(struct moon_registry *r, struct moon_internal *internal)
{
    /* Plugins hold the pointer they were given at init: fill what it points to. */
    r->internal =
        internal != NULL ? *internal : (struct moon_internal){.struct_size = sizeof(r->internal)};
}

int moon_registry_start(struct moon_registry *r, struct moon_err *err)
{
    for (size_t i = 0; i < r->loaded_count; i++) {
        struct moon_loaded *l = r->loaded[i];
        struct moon_plugin_error why = {.struct_size = sizeof(why)};
        if (l->plugin->start != NULL && l->plugin->start(l->state, &why) != 0) {
            return moon_err_set(err, MOON_E_INVALID, "plugin %s: %s", l->plugin->name, why.text);
        }
        l->started = true;
        for (size_t j = 0; j < l->foreign_count; j++) {
            moon_foreign_start(l->foreign[j], &r->internal);
        }
    }
    return 0;
}

void moon_registry_role(struct moon_registry *r, bool leader)
{
    for (size_t i = 0; i < r->loaded_count; i++) {
        if (r->loaded[i]->started && r->loaded[i]->plugin->role != NULL) {
            r->loaded[i]->plugin->role(r->loaded[i]->state, leader);
        }
        for (size_t j = 0; j < r->loaded[i]->foreign_count; j++) {
            moon_foreign_role(r->loaded[i]->foreign[j], leader);
        }
    }
}

void moon_registry_stop(struct moon_registry *r, int64_t grace_ms)
{
    for (size_t i = r->loaded_count; i-- > 0;) {
        if (r->loaded[i]->started && r->loaded[i]->plugin->stop != NULL) {
            r->loaded[i]->plugin->stop(r->loaded[i]->state, grace_ms);
        }
        r->loaded[i]->started = false;
    }
}
