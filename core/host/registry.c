/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c - the life of plugins: accepted, started, told their role, stopped, ended.
 */
#include "host/registry.h"

#include "base/str.h"
#include "host/provider_priv.h"
#include "host/registry_priv.h"
#include "io/file.h"

static struct moon_registry_setup setup;

void moon_registry_set_up(const struct moon_registry_setup *given)
{
    setup = *given;
    moon_options_set_up(given->config);
}

bool moon_registry_is_reserved(const char *command)
{
    for (size_t i = 0; setup.reserved != NULL && setup.reserved[i] != NULL; i++) {
        if (strcmp(setup.reserved[i], command) == 0) {
            return true;
        }
    }
    return false;
}

struct moon_loaded *moon_loaded_of(const struct moon_host *host)
{
    struct moon_loaded *l = (struct moon_loaded *)(uintptr_t)host;

    moon_assert(l != NULL && l->magic == MOON_HOST_MAGIC);
    return l;
}

/* ---- acceptance ---- */

static int check_abi(const struct moon_plugin *p, const char *source, struct moon_err *err)
{
    if (p->abi_major != MOON_PLUGIN_ABI_MAJOR || p->abi_minor != MOON_PLUGIN_ABI_MINOR) {
        return moon_err_set(
            err, MOON_E_INVALID, "plugin %s: built for ABI %u.%u, this moonset has %u.%u", source,
            p->abi_major, p->abi_minor, MOON_PLUGIN_ABI_MAJOR, MOON_PLUGIN_ABI_MINOR);
    }
    if (p->struct_size < offsetof(struct moon_plugin, fini) + sizeof(p->fini)) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: its descriptor is too small", source);
    }
    if (p->flags != 0) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: unknown flags 0x%x", source, p->flags);
    }
    if (p->build_id != NULL && strcmp(p->build_id, MOON_BUILD_ID) != 0) {
        return moon_err_set(err, MOON_E_INVALID,
                            "plugin %s: built with another moonset (%s, this is %s)", source,
                            p->build_id, MOON_BUILD_ID);
    }
    return 0;
}

static int check(const struct moon_registry *r, const struct moon_plugin *p, const char *source,
                 struct moon_err *err)
{
    if (check_abi(p, source, err) != 0) {
        return -(int)err->code;
    }
    if (p->name == NULL || !moon_is_dns1123_label(moon_str(p->name)) || p->init == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: no name or no init", source);
    }
    if (p->version == NULL || p->summary == NULL || (p->options == NULL && p->option_count > 0)) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: no version, summary or options",
                            source);
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

    if (rc != 0) {
        return moon_err_wrap(err, "--plugin-dir");
    }
    for (size_t i = 0; rc == 0 && i < paths.count; i++) {
        MOON_AUTOFREE char *path = moon_asprintf("%s/%s", dir, paths.items[i]);
        rc = moon_registry_load(r, path, err);
    }
    moon_paths_free(&paths);
    return rc;
}

static int load_folders(struct moon_registry *r, const struct moon_config *config,
                        struct moon_err *err)
{
    for (size_t i = 0; config != NULL && config->plugin_dirs != NULL && config->plugin_dirs[i];
         i++) {
        if (load_folder(r, config->plugin_dirs[i], err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- life ---- */

static int add_builtin(struct moon_registry *r, struct moon_err *err)
{
    for (size_t i = 0; setup.builtin != NULL && setup.builtin[i] != NULL; i++) {
        if (moon_registry_add(r, setup.builtin[i](), "built in", err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

struct moon_registry *moon_registry_new(const struct moon_config *config, struct moon_err *err)
{
    struct moon_registry *r = moon_new(struct moon_registry);

    moon_list_init(&r->queries);
    r->internal.struct_size = sizeof(r->internal);
    r->config = config != setup.config ? config : NULL; /* the set-up's counts once */
    if (add_builtin(r, err) != 0 || load_folders(r, setup.config, err) != 0 ||
        load_folders(r, r->config, err) != 0 || moon_options_check(r, err) != 0) {
        moon_registry_free(r);
        return NULL;
    }
    return r;
}

static void end_plugin(struct moon_loaded *l)
{
    for (size_t i = 0; i < l->foreign_count; i++) {
        moon_foreign_free(l->foreign[i]);
    }
    moon_free(l->foreign);
    l->foreign = NULL;
    l->foreign_count = 0;
    moon_provider_end_plugin(l->registry, l);
    if (l->initialised && l->plugin->fini != NULL) {
        l->plugin->fini(l->state);
    }
    l->initialised = false;
}

void moon_registry_end(struct moon_registry *r)
{
    for (size_t i = r->loaded_count; i-- > 0;) {
        end_plugin(r->loaded[i]);
    }
    /* What was registered points into what is gone. */
    r->command_count = 0;
    r->route_count = 0;
    moon_provider_end(r);
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

static const struct moon_route *find_route(const struct moon_registry *r, const char *path)
{
    for (size_t i = 0; i < r->route_count; i++) {
        if (strcmp(r->routes[i].given.path, path) == 0) {
            return &r->routes[i];
        }
    }
    return NULL;
}

bool moon_registry_has_route(const struct moon_registry *r, const char *path)
{
    return find_route(r, path) != NULL;
}

bool moon_registry_answer(const struct moon_registry *r, struct moon_httpd_request *request)
{
    const struct moon_route *route = find_route(r, moon_httpd_path(request));
    struct moon_plugin_request asked = {.request = request};

    if (route == NULL) {
        return false;
    }
    uint64_t began_ms = moon_callback_begin();
    route->given.handler(&asked, route->given.state);
    moon_callback_end(route->owner, "http", began_ms);
    if (!asked.answered) {
        moon_httpd_reply(request, 500, "text/plain; charset=utf-8",
                         moon_str("the plugin gave no answer\n"));
    }
    return true;
}

/* ---- the manager's calls ---- */

void moon_registry_set_internal(struct moon_registry *r, const struct moon_internal *internal)
{
    /* Plugins hold the pointer they were given at init: fill what it points to. */
    r->internal =
        internal != NULL ? *internal : (struct moon_internal){.struct_size = sizeof(r->internal)};
}

static int start_plugin(struct moon_loaded *l, const struct moon_internal *in, struct moon_err *err)
{
    struct moon_plugin_error why = {.struct_size = sizeof(why)};

    if (l->plugin->start != NULL && l->plugin->start(l->state, &why) != 0) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: %s", l->plugin->name,
                            why.text[0] != '\0' ? why.text : "start failed");
    }
    l->started = true;
    for (size_t i = 0; i < l->foreign_count; i++) {
        moon_foreign_start(l->foreign[i], in);
    }
    return 0;
}

int moon_registry_start(struct moon_registry *r, struct moon_err *err)
{
    bool any = false;

    for (size_t i = 0; i < r->loaded_count; i++) {
        any |= r->loaded[i]->plugin->start != NULL || r->loaded[i]->foreign_count > 0;
        if (start_plugin(r->loaded[i], &r->internal, err) != 0) {
            return -(int)err->code;
        }
    }
    return any ? 0
               : moon_err_set(err, MOON_E_INVALID,
                              "no plugin has anything to run (see moonset plugins, --plugin-dir)");
}

void moon_registry_role(struct moon_registry *r, bool leader)
{
    for (size_t i = 0; i < r->loaded_count; i++) {
        struct moon_loaded *l = r->loaded[i];
        if (l->started && l->plugin->role != NULL) {
            uint64_t began_ms = moon_callback_begin();
            l->plugin->role(l->state, leader);
            moon_callback_end(l, "role", began_ms);
        }
        for (size_t j = 0; j < l->foreign_count; j++) {
            moon_foreign_role(l->foreign[j], leader);
        }
    }
}

void moon_registry_stop(struct moon_registry *r, int64_t grace_ms)
{
    for (size_t i = r->loaded_count; i-- > 0;) {
        struct moon_loaded *l = r->loaded[i];
        if (l->started && l->plugin->stop != NULL) {
            uint64_t began_ms = moon_callback_begin();
            l->plugin->stop(l->state, grace_ms);
            moon_callback_end(l, "stop", began_ms);
        }
        l->started = false;
    }
}
