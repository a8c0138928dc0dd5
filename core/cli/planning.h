/* SPDX-License-Identifier: Apache-2.0
 *
 * planning.h - the whole controller, with nothing written, until all that can be decided has been:
 * what `plan` and `explain` begin with. Layer: cli.
 */
#ifndef MOON_CLI_PLANNING_H
#define MOON_CLI_PLANNING_H

#include "base/map.h"
#include "host/manager.h"
#include "host/picture.h"
#include "io/json.h"

#define MOON_PLANNING_TIMEOUT "30s"

struct moon_planning {
    struct moon_loop *loop;
    struct moon_manager *manager;
    struct moon_picture *picture; /* of a snapshot, instead of a server */
    struct moon_tap *tap;         /* into a snapshot */
    /* "namespace/name" -> cJSON { set, actions: [{verb, kind, namespace, name, subresource, node,
     * reason}], notes: [{node, reason}] }: the last plan of each set, owned. What is to be created
     * has no name: another one next time. */
    struct moon_map *plans;
    bool timed_out;
};

struct moon_planning_opts {
    const struct moon_config *config;
    uint64_t timeout_ms;
    /* This instead of a server, at its time; NULL: the cluster that `config` says. */
    const struct moon_snapshot *from;
    struct moon_snapshot *into; /* gets what is read; NULL: nobody wants it */
};
/* Read the cluster; MOON_E_TIMEOUT when it has not answered all in time. Also after an error there
 * is something to free. */
int moon_planning_run(struct moon_planning *p, const struct moon_planning_opts *opts,
                      struct moon_err *err);
void moon_planning_fini(struct moon_planning *p);

/* What the command lines of both have in common. */
struct moon_planning_args {
    const char *command; /* for complaints */
    const char *plain;   /* the other value of -o: "table" */
    void (*print_help)(void);
    bool takes_exit_code;
    bool takes_snapshot;
    bool takes_admin;
    bool takes_wide; /* -o wide */
    bool is_quiet;   /* warnings are of another time */
    /* A flag of the command's own at argv[*i], which moves past what was used; 1: it is none. */
    int (*take)(int argc, char **argv, int *i, void *ctx, struct moon_err *err);
    void *ctx;

    bool as_json;
    bool is_wide;
    const char *admin; /* the URL of --admin; NULL: none */
    bool exit_code;
    struct moon_snapshot *snapshot; /* of --snapshot; NULL: live. See moon_planning_args_fini */
    uint64_t timeout_ms;
    char *const *words; /* what is no flag */
    int word_count;
};
/* Read the flags of `moonset run` into the config and the others into *a, and set up the log.
 * False: the command ends with *ret_status. */
bool moon_planning_read(struct moon_planning_args *a, struct moon_config *config, int argc,
                        char **argv, int *ret_status);
void moon_planning_args_fini(struct moon_planning_args *a);
/* As --snapshot says, or live. */
int moon_planning_run_args(struct moon_planning *p, const struct moon_planning_args *a,
                           const struct moon_config *config, struct moon_err *err);
/* The cluster as it is, once for those who play with it. */
int moon_planning_read_live(const struct moon_planning_args *a, const struct moon_config *config,
                            struct moon_snapshot *into, struct moon_err *err);
void moon_planning_print_json(const cJSON *json);

#endif
