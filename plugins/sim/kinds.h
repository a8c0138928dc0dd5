/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds.h - what the simulated API server serves: one row per kind and version.
 *
 * A row names the kind, its type in the schema and what is special about it: defaults, rules,
 * generation, table columns. Everything else (verbs, watches, patches, paging) is the same for all,
 * so a further kind is a further row. The built-in rows are one table; a server's registry
 * (registry.h) holds these and what was added while it runs.
 */
#ifndef MOON_SIM_KINDS_H
#define MOON_SIM_KINDS_H

#include "sim/status.h"

enum {
    MOON_SIM_API_VERSION_TEXT = 320 /* room for group and version */
};

struct moon_sim_custom;
struct moon_sim_kind;

/* What a rule may look at besides the object. */
struct moon_sim_rule_ctx {
    const struct moon_sim_kind *kind;
    const cJSON *old; /* NULL on create */
    int64_t now_s;
    /* A copy of the priority class, or NULL: there is none of this name ("": of no name, the global
     * default is meant). */
    cJSON *(*priority_class)(const char *name, void *ctx);
    /* A free address for a Service, into `out`. */
    void (*new_cluster_ip)(char out[16], void *ctx);
    bool (*cluster_ip_taken)(const char *address, void *ctx);
    int (*new_node_port)(void *ctx); /* 0: all are taken */
    bool (*node_port_taken)(int64_t port, void *ctx);
    void *ctx;
};

struct moon_sim_column {
    const char *name;
    const char *type; /* string, integer, boolean */
    int priority;     /* 0 shown always, 1 with -o wide */
};

struct moon_sim_kind {
    size_t index;      /* of its store: the versions of a kind share one */
    const char *group; /* "" is core */
    const char *version;
    const char *resource;
    const char *singular;
    const char *kind;
    const char *list_kind;                 /* NULL: the kind with List behind it */
    const char *const *short_names;        /* NULL-terminated; NULL: none */
    const char *const *categories;         /* kubectl's "all"; same */
    const char *const *fields;             /* field selectors besides name and namespace; same */
    const struct moon_sim_kind *stored_as; /* the version that is stored; NULL: this one */
    const struct moon_sim_custom *custom;  /* custom.h; NULL: built in */
    bool namespaced;
    bool is_quiet; /* may be listed and watched, has no objects and takes none */
    bool has_status;
    bool has_generation;    /* metadata.generation counts changes of spec */
    bool names_are_labels;  /* DNS labels instead of subdomains */
    bool creates_on_update; /* PUT makes what is not there */
    bool needs_version;     /* PUT without a resourceVersion is refused */
    bool returns_deleted;   /* DELETE answers with the object instead of a Status */
    bool keeps_status;      /* status given on create is kept (nodes, services) */

    /* A question rather than an object: POST fills in its status, and nothing is ever stored. With
     * it the rules below do not count. */
    int (*review)(cJSON *obj, cJSON *causes, struct moon_sim_status *st);

    /* Each may be NULL. Decoded trees come in; `causes` collects what is wrong. */
    void (*set_defaults)(cJSON *obj);
    /* Admission and what the server sets itself on create; may refuse. */
    int (*prepare_create)(cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                          struct moon_sim_status *st);
    void (*prepare_update)(cJSON *obj, const struct moon_sim_rule_ctx *ctx);
    /* The deletion of an object begins in a way of its own: sets also the deletionTimestamp. */
    void (*prepare_delete)(cJSON *obj, int64_t now_s);
    void (*validate)(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
    void (*validate_update)(const cJSON *obj, const cJSON *old, cJSON *causes);
    void (*validate_status)(const cJSON *obj, const cJSON *old, cJSON *causes);

    const struct moon_sim_column *columns; /* ends with a NULL name; NULL: Name and Created At */
    /* Append one cell per column. */
    void (*cells)(const cJSON *obj, int64_t now_s, cJSON *ret_cells);
};

/* The built-in rows; each one's index is its place, but for a further version of another one. */
size_t moon_sim_kind_count(void);
const struct moon_sim_kind *moon_sim_kind_at(size_t index);
/* NULL: not built in. */
const struct moon_sim_kind *moon_sim_kind_by_name(const char *group, const char *kind);

/* "v1", "apps/v1". */
const char *moon_sim_kind_api_version(const struct moon_sim_kind *kind,
                                      char out[MOON_SIM_API_VERSION_TEXT]);
/* "PodList". */
const char *moon_sim_kind_list(const struct moon_sim_kind *kind, char out[128]);
/* The row whose version the store holds. */
const struct moon_sim_kind *moon_sim_kind_stored(const struct moon_sim_kind *kind);

#endif
