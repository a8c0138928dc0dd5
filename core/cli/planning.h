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

/* The value of --timeout; the error says what is wrong with it. */
int moon_planning_timeout(const char *value, uint64_t *ret_ms, struct moon_err *err);
/* The value of -o: are other words wanted than `plain`, namely json? */
int moon_planning_output(const char *value, const char *plain, bool *ret_json,
                         struct moon_err *err);

#endif
