/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.h - the plugin ABI: everything a third-party plugin includes.
 *
 * A plugin is trusted C code, in a shared object or built in, that exports one function,
 * moonset_plugin_v1, which returns a descriptor. `init` receives the host, whose single entry point
 * hands out tables of functions by name and version. Tables begin with their size and only ever
 * grow at the end; MOON_HAS tells whether the running host has a member. C99, no other header.
 *
 * Until 1.0 the ABI is 0.x and a plugin must match it exactly. All callbacks run on the loop's one
 * thread; one that takes more than 50 ms is logged with the plugin's name. Texts are pointer and
 * length or NUL-terminated as said; times are int64_t. Who allocates frees.
 */
#ifndef MOON_HOST_PLUGIN_H
#define MOON_HOST_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOON_PLUGIN_ABI_MAJOR 0
#define MOON_PLUGIN_ABI_MINOR 1

/* Is `member` inside the part of *table that the host has filled? */
#define MOON_HAS(table, member)                                                                    \
    ((table) != NULL &&                                                                            \
     (table)->struct_size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member))

struct moon_host;

/* Why a callback failed: written by the plugin, read by the host. */
struct moon_plugin_error {
    uint32_t struct_size;
    char text[512];
};

/* Set by `--plugin-option PLUGIN.NAME=VALUE`, in the file of --config by an item of the list
 * `plugin-option`. The value is a text; what it means is checked by the plugin. */
struct moon_plugin_option {
    const char *name;
    const char *default_value; /* NULL: none */
    const char *help;          /* one line for `moonset plugins` */
};

struct moon_plugin {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    const char *name; /* a DNS label; unique */
    const char *version;
    const char *summary; /* one line */
    uint32_t flags;      /* unknown flags: refused */
    /* In-tree plugins say MOON_BUILD_ID and may ask for the "internal" table; others say NULL. */
    const char *build_id;
    const struct moon_plugin_option *options;
    size_t option_count;

    /* Register commands, routes, controllers. No I/O. *ret_state is NULL before. Nonzero: moonset
     * does not start, and says *error. */
    int (*init)(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error);
    /* `moonset run`: connected, about to work. */
    int (*start)(void *state, struct moon_plugin_error *error);
    /* This replica leads (true) or stands by (false). Writing is allowed only while leading. */
    void (*role)(void *state, bool leader);
    /* The process ends in grace_ms at the latest. */
    void (*stop)(void *state, int64_t grace_ms);
    void (*fini)(void *state);
};

/* What the shared object exports. */
typedef const struct moon_plugin *(*moonset_plugin_entry)(void);
__attribute__((visibility("default"))) const struct moon_plugin *moonset_plugin_v1(void);

/* The host. `version` is the table's version, 1 for all of today. NULL: not offered. */
struct moon_host {
    uint32_t struct_size;
    const void *(*iface)(const struct moon_host *host, const char *name, uint32_t version);
};

/* ---- "core", version 1 ---- */
enum {
    MOON_PLUGIN_LOG_ERROR,
    MOON_PLUGIN_LOG_WARN,
    MOON_PLUGIN_LOG_INFO,
    MOON_PLUGIN_LOG_DEBUG
};
struct moon_iface_core {
    uint32_t struct_size;
    const char *host_version;
    void (*log)(const struct moon_host *host, uint32_t level, const char *message);
    /* The value of one of the plugin's own options, from `init` on; borrowed for the process's
     * life. NULL: not declared, or not set and without a default. */
    const char *(*option)(const struct moon_host *host, const char *name);
    int64_t (*now_ms)(const struct moon_host *host);  /* monotonic */
    int64_t (*wall_ms)(const struct moon_host *host); /* since 1970 */
};

/* ---- "loop", version 1 ---- */
struct moon_plugin_timer;
struct moon_iface_loop {
    uint32_t struct_size;
    /* From `start` on; NULL before. Freed by the plugin, in `fini` at the latest. */
    struct moon_plugin_timer *(*timer_new)(const struct moon_host *host, void (*fn)(void *ctx),
                                           void *ctx);
    void (*timer_start)(struct moon_plugin_timer *timer, int64_t delay_ms);
    void (*timer_stop)(struct moon_plugin_timer *timer);
    void (*timer_free)(struct moon_plugin_timer *timer);
};

/* ---- "command", version 1: sub-commands such as `moonset sim` ---- */
struct moon_plugin_command {
    uint32_t struct_size;
    const char *name;
    const char *summary; /* one line for `moonset --help` */
    /* argv[0] is the command's name; returns the exit status. `--help` is the command's to answer.
     */
    int (*run)(int argc, char **argv, void *state);
    void *state;
};
struct moon_iface_command {
    uint32_t struct_size;
    /* The struct is copied; texts are borrowed. Nonzero: the name is taken. */
    int (*add)(const struct moon_host *host, const struct moon_plugin_command *command);
};

/* ---- "http", version 1: routes on the admin port ---- */
struct moon_plugin_request; /* valid during the handler's call */
struct moon_plugin_route {
    uint32_t struct_size;
    const char *path; /* exact, "/first-plugin/hello"; borrowed */
    /* Answers a GET by calling `reply` once before it returns. */
    void (*handler)(struct moon_plugin_request *request, void *state);
    void *state;
};
struct moon_iface_http {
    uint32_t struct_size;
    /* The struct is copied. Nonzero: the path is taken, or does not begin with a slash. */
    int (*add)(const struct moon_host *host, const struct moon_plugin_route *route);
    /* A decoded argument of the query; NULL: absent. Borrowed for the call. */
    const char *(*argument)(struct moon_plugin_request *request, const char *name);
    void (*reply)(struct moon_plugin_request *request, int status, const char *content_type,
                  const char *body, size_t len);
};

/* ---- "provider", version 1: figures for the hook `analyze` of policies ---- */

struct moon_plugin_query; /* one question: until it is answered or failed, or cancel has run */
struct moon_plugin_provider {
    uint32_t struct_size;
    const char *name; /* what policies write in `provider =`: a DNS label; borrowed */
    /* Begin to find out; never waits. The text, not terminated, is borrowed for the call. To be
     * answered or failed once, at once or later; after timeout_ms nobody waits any more. */
    void (*query)(struct moon_plugin_query *query, const char *text, size_t len, int64_t timeout_ms,
                  void *state);
    /* Stop: the query must not be touched any more once this has returned. */
    void (*cancel)(struct moon_plugin_query *query, void *state);
    void *state;
};
struct moon_iface_provider {
    uint32_t struct_size;
    /* During `init`. The struct is copied. Nonzero: something is missing, or the name is taken. */
    int (*add)(const struct moon_host *host, const struct moon_plugin_provider *provider);
    /* One more figure of the answer, true at at_ms since 1970 (0: now); NaN and infinities are
     * figures, too. Nonzero: there are too many, this one was not taken. */
    int (*series)(struct moon_plugin_query *query, double value, int64_t at_ms);
    /* A label of the figure added last; copied. Nonzero: too much text, not taken. */
    int (*label)(struct moon_plugin_query *query, const char *name, const char *value);
    /* That was all; or there is no answer, and why. */
    void (*answer)(struct moon_plugin_query *query);
    void (*fail)(struct moon_plugin_query *query, const char *why);
};

/* ---- "controller", version 1: watch resources, reconcile keys ---- */

/* Texts are borrowed for the process's life. */
struct moon_plugin_resource {
    uint32_t struct_size;
    const char *group; /* "" for core */
    const char *version;
    const char *plural;
    const char *kind;
    bool namespaced;
    const char *label_selector; /* NULL: all */
};
/* An object as JSON text; borrowed for the call. deleted: its last known state. */
struct moon_plugin_event {
    uint32_t struct_size;
    const struct moon_plugin_resource *resource;
    const char *namespace_; /* "" for cluster-scoped kinds */
    const char *name;
    const char *json;
    size_t len;
    bool deleted;
};
struct moon_plugin_plan; /* filled with the functions below during reconcile */
struct moon_plugin_controller {
    uint32_t struct_size;
    const char *name; /* for logs and metrics */
    const struct moon_plugin_resource *resources;
    size_t resource_count;
    /* Something changed: call enqueue for each key that needs a reconcile. */
    void (*map)(const struct moon_plugin_event *event,
                void (*enqueue)(void *token, const char *key), void *token, void *state);
    /* Decide; no I/O. Returns 0, or nonzero with *error: tried again with a back-off. */
    int (*reconcile)(const char *key, struct moon_plugin_plan *plan, void *state,
                     struct moon_plugin_error *error);
    void *state;
};
struct moon_iface_controller {
    uint32_t struct_size;
    /* During `init`. Structs are copied, the list of resources, too. Nonzero: something required is
     * missing. */
    int (*add)(const struct moon_host *host, const struct moon_plugin_controller *controller);
    /* The cached object of a watched resource as JSON; NULL when there is none. Borrowed until
     * reconcile returns. namespace "" for cluster-scoped kinds. */
    const char *(*get)(struct moon_plugin_plan *plan, const struct moon_plugin_resource *resource,
                       const char *namespace_, const char *name, size_t *ret_len);
    /* A text in such an object, by keys: {"metadata", "labels", "example.com/zone", NULL}. NULL:
     * the object or the member is absent, or is no text. Borrowed until reconcile returns. */
    const char *(*text)(struct moon_plugin_plan *plan, const struct moon_plugin_resource *resource,
                        const char *namespace_, const char *name, const char *const *keys);
    /* Plan actions; texts are copied. `reason` is shown to people and required, and so is `uid`:
     * what is removed is the object that was looked at. A wrong call fails the reconcile. */
    void (*create)(struct moon_plugin_plan *plan, const struct moon_plugin_resource *resource,
                   const char *namespace_, const char *name, const char *json, const char *reason);
    void (*merge_patch)(struct moon_plugin_plan *plan, const struct moon_plugin_resource *resource,
                        const char *namespace_, const char *name, const char *json,
                        const char *reason);
    void (*remove)(struct moon_plugin_plan *plan, const struct moon_plugin_resource *resource,
                   const char *namespace_, const char *name, const char *uid, const char *reason);
    void (*again)(struct moon_plugin_plan *plan, int64_t after_ms);
};

#endif
