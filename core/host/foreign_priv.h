/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_priv.h - a controller of a third-party plugin, shared by the two halves of its table:
 * watching (iface_controller.c) and planning (iface_plan.c).
 */
#ifndef MOON_HOST_FOREIGN_PRIV_H
#define MOON_HOST_FOREIGN_PRIV_H

#include "base/map.h"
#include "control/controller.h"
#include "host/registry_priv.h"
#include "kube/watch.h"

#define MOON_FOREIGN_MAGIC 0xf04e1905u

/* One watched resource and its objects as the server wrote them, by "namespace/name". */
struct moon_source {
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
    struct moon_source *sources;
    size_t source_count;
    struct moon_controller *controller;
    bool leader;
    bool running;
};

struct moon_plugin_plan {
    struct moon_foreign *owner;
    struct moon_plan *plan;
    const char *wrong; /* what a call lacked; NULL: nothing. Fails the reconcile */
};

struct moon_resource moon_foreign_resource(const struct moon_plugin_resource *given);

const char *moon_foreign_get(struct moon_plugin_plan *p,
                             const struct moon_plugin_resource *resource, const char *namespace,
                             const char *name, size_t *ret_len);
const char *moon_foreign_text(struct moon_plugin_plan *p,
                              const struct moon_plugin_resource *resource, const char *namespace,
                              const char *name, const char *const *keys);
void moon_foreign_create(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                         const char *namespace, const char *name, const char *json,
                         const char *reason);
void moon_foreign_merge_patch(struct moon_plugin_plan *p,
                              const struct moon_plugin_resource *resource, const char *namespace,
                              const char *name, const char *json, const char *reason);
void moon_foreign_remove(struct moon_plugin_plan *p, const struct moon_plugin_resource *resource,
                         const char *namespace, const char *name, const char *uid,
                         const char *reason);
void moon_foreign_again(struct moon_plugin_plan *p, int64_t after_ms);

#endif
