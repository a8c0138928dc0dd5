/* SPDX-License-Identifier: Apache-2.0
 *
 * planning.h - the whole controller, with nothing written, until all that can be decided has been:
 * what `plan` and `explain` begin with. Layer: cli.
 */
#ifndef MOON_CLI_PLANNING_H
#define MOON_CLI_PLANNING_H

#include "base/map.h"
#include "host/manager.h"
#include "io/json.h"

#define MOON_PLANNING_TIMEOUT "30s"

struct moon_planning {
    struct moon_loop *loop;
    struct moon_manager *manager;
    /* "namespace/name" -> cJSON { set, actions: [{verb, kind, namespace, name, subresource, node,
     * reason}], notes: [{node, reason}] }: the last plan of each set, owned. What is to be created
     * has no name: another one next time. */
    struct moon_map *plans;
    bool timed_out;
};

/* Read the cluster as `config` says; MOON_E_TIMEOUT when it has not answered all in time. Also
 * after an error there is something to free. */
int moon_planning_run(struct moon_planning *p, const struct moon_config *config,
                      uint64_t timeout_ms, struct moon_err *err);
void moon_planning_fini(struct moon_planning *p);

/* "pod/agent-x7k2p", or "pod" for one that is yet to be made; the caller frees. */
char *moon_planning_object(const cJSON *action);

/* What the command lines of both have in common. */
struct moon_planning_args {
    const char *command; /* for complaints */
    const char *plain;   /* the other value of -o: "table" */
    void (*print_help)(void);
    bool takes_exit_code;

    bool as_json;
    bool exit_code;
    uint64_t timeout_ms;
    char *const *words; /* what is no flag */
    int word_count;
};
/* Read the flags of `moonset run` into the config and the others into *a, and set up the log.
 * False: the command ends with *ret_status. */
bool moon_planning_read(struct moon_planning_args *a, struct moon_config *config, int argc,
                        char **argv, int *ret_status);
void moon_planning_print_json(const cJSON *json);

#endif
