/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_priv.h - what a loaded plugin is, shared by the registry and the interface tables.
 */
#ifndef MOON_HOST_REGISTRY_PRIV_H
#define MOON_HOST_REGISTRY_PRIV_H

#include "base/list.h"
#include "host/iface_controller.h"
#include "host/registry.h"

#define MOON_HOST_MAGIC 0x4057ab1eu

/* Each plugin has a host of its own, so that calls tell who calls. `host` comes first. */
struct moon_loaded {
    struct moon_host host;
    unsigned magic;
    struct moon_registry *registry;
    const struct moon_plugin *plugin;
    char *source; /* "built in", or the file */
    void *state;
    struct moon_foreign **foreign; /* controllers added through the ABI */
    size_t foreign_count;
    bool initialised;
    bool started;
};

/* What a plugin's handler holds. */
struct moon_plugin_request {
    struct moon_httpd_request *request;
    bool answered;
};

struct moon_route {
    struct moon_plugin_route given;
    const struct moon_loaded *owner;
};

struct moon_registry {
    const struct moon_config *config; /* plugin options; NULL: none */
    struct moon_loaded **loaded;
    size_t loaded_count;
    struct moon_plugin_command *commands;
    size_t command_count;
    struct moon_route *routes;
    size_t route_count;
    struct moon_provider **providers;
    size_t provider_count;
    struct moon_provider *provider_stand_in; /* NULL: none */
    struct moon_provider_witness provider_witness;
    struct moon_list queries;      /* open questions to providers */
    struct moon_internal internal; /* filled by the manager; empty before */
};

struct moon_loaded *moon_loaded_of(const struct moon_host *host);
const void *moon_iface_find(const struct moon_host *host, const char *name, uint32_t version);
/* Open one shared object after checking that nobody else can write it. */
int moon_registry_load(struct moon_registry *r, const char *path, struct moon_err *err);
/* Check a descriptor and call init. */
int moon_registry_add(struct moon_registry *r, const struct moon_plugin *plugin, const char *source,
                      struct moon_err *err);
bool moon_registry_is_reserved(const char *command);
bool moon_registry_has_route(const struct moon_registry *r, const char *path);

/* NULL: the plugin does not declare it. */
const struct moon_plugin_option *moon_option_declared(const struct moon_plugin *p,
                                                      struct moon_str name);
/* The value given for an option; NULL: none. The last one wins, those of the set-up come first. */
const char *moon_option_given(const struct moon_registry *r, const char *plugin, const char *name);
/* Are all options that were given "PLUGIN.NAME=VALUE" of a plugin that declares them? */
int moon_options_check(const struct moon_registry *r, struct moon_err *err);
/* For moon_registry_set_up. */
void moon_options_set_up(const struct moon_config *config);

/* Around every callback of a plugin: one that keeps the loop waiting is logged with its name. */
uint64_t moon_callback_begin(void);
void moon_callback_end(const struct moon_loaded *l, const char *what, uint64_t began_ms);

#endif
