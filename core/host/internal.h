/* SPDX-License-Identifier: Apache-2.0
 *
 * internal.h - what in-tree plugins get beyond the ABI: the layers themselves.
 *
 * Handed out by iface(host, "internal", 1) only to plugins whose build id equals the host's, since
 * these are the structs of one build. Members are NULL until `start`. Layer: host.
 */
#ifndef MOON_HOST_INTERNAL_H
#define MOON_HOST_INTERNAL_H

#include "control/apply.h"
#include "control/recorder.h"
#include "host/build_id.h" /* MOON_BUILD_ID, made by the build from all headers */
#include "host/config.h"
#include "host/provider.h"
#include "io/httpd.h"
#include "policy/policies.h"

/* The entry of an in-tree plugin. What is its own in the descriptor follows: name, summary, … */
#define MOON_IN_TREE_PLUGIN(...)                                                                   \
    MOON_API const struct moon_plugin *MOON_PLUGIN_ENTRY(void);                                    \
    const struct moon_plugin *MOON_PLUGIN_ENTRY(void)                                              \
    {                                                                                              \
        static const struct moon_plugin plugin = {.struct_size = sizeof(plugin),                   \
                                                  .abi_major = MOON_PLUGIN_ABI_MAJOR,              \
                                                  .abi_minor = MOON_PLUGIN_ABI_MINOR,              \
                                                  .version = MOONSET_VERSION,                      \
                                                  .build_id = MOON_BUILD_ID,                       \
                                                  __VA_ARGS__};                                    \
        return &plugin;                                                                            \
    }

struct moon_manager;

struct moon_internal {
    uint32_t struct_size;
    struct moon_loop *loop;
    const struct moon_config *config;
    struct moon_client *client;
    struct moon_apply *apply;
    struct moon_recorder *recorder; /* component daemonset-controller */
    struct moon_policies *policies;
    /* Policy failures and changes are fanned out to whoever listens. */
    void (*listen_policies)(const struct moon_internal *in,
                            void (*on_report)(const struct moon_policy_report *report, void *ctx),
                            void (*on_changed)(void *ctx), void *ctx);
    /* Ready when every registered check says so: for /readyz. */
    void (*add_ready_check)(const struct moon_internal *in, const char *name, bool (*fn)(void *ctx),
                            void *ctx);
    /* No question is open, and nothing is left to decide: for commands that end then. */
    void (*add_settled_check)(const struct moon_internal *in, bool (*fn)(void *ctx), void *ctx);
    /* `fn` tells why the object of a key, or what it has on one node (NULL: as a whole), is as it
     * is: a JSON object of texts and lists of texts for people, the caller's; NULL: *err says that
     * there is no such thing. */
    void (*add_explainer)(const struct moon_internal *in,
                          cJSON *(*fn)(struct moon_str key, const char *node, void *ctx,
                                       struct moon_err *err),
                          void *ctx);
    /* Ask a provider of figures; see host/provider.h. Cancelled by `fini` at the latest. */
    struct moon_plugin_query *(*ask_provider)(const struct moon_internal *in,
                                              const struct moon_question *question);
    void (*cancel_question)(struct moon_plugin_query *query);
    /* `fn` lists what there is, as an array of objects, the caller's: "sets" (then without a key),
     * or the "nodes" or "revisions" of a set; NULL: *err says that there is no such thing. */
    void (*add_lister)(const struct moon_internal *in,
                       cJSON *(*fn)(const char *what, struct moon_str key, void *ctx,
                                    struct moon_err *err),
                       void *ctx);
    /* Decisions are made only when somebody says so (replay): a controller is `stepped` then, and
     * `fn` decides about one key. */
    bool is_stepped;
    void (*add_stepper)(const struct moon_internal *in, void (*fn)(struct moon_str key, void *ctx),
                        void *ctx);
    struct moon_manager *manager; /* for the functions above */
};

#endif
