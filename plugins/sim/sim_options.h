/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_options.h - the command line of `moonset sim`, from one table that also prints --help.
 */
#ifndef MOON_SIM_SIM_OPTIONS_H
#define MOON_SIM_SIM_OPTIONS_H

#include "kube/labels.h"
#include "sim/kubelet.h"

struct moon_sim_texts {
    char **items;
    size_t count;
};

struct moon_sim_options {
    bool help;
    bool quiet;

    struct moon_sim_texts scenarios; /* files to play, instead of a cluster that just runs */
    bool real_time;                  /* whatever their clock says */
    uint64_t seed;                   /* 0: theirs */
    char *output;                    /* NULL, "text" or "json" */
    const char *only_scenarios;      /* a flag that was given and is of use to scenarios only */
    const char *no_scenarios;        /* one that is of no use to them; NULL: none was given */

    bool attach;            /* play the nodes of somebody else's API server */
    char *kubeconfig;       /* of that server; NULL: $KUBECONFIG, in-cluster, ~/.kube/config */
    char *context;          /* NULL: current-context */
    char *listen;           /* NULL: 127.0.0.1, any free port */
    char *write_kubeconfig; /* NULL: none */

    uint64_t nodes; /* how many to create, named prefix + number from 1 */
    struct moon_sim_texts node_names;
    char *node_prefix;
    struct moon_labels node_labels;
    struct moon_sim_texts manifests;
    struct moon_sim_texts faults; /* lines, see faults.h; checked */

    struct moon_kubelet_opts kubelet;
    uint64_t heartbeat_ms;
    uint64_t event_nodes; /* Events are made with at most so many nodes */

    bool node_lifecycle;           /* embedded */
    bool endpoints;                /* embedded */
    uint64_t node_grace_ms;        /* embedded: silence until a node is unreachable */
    uint64_t ended_pods;           /* embedded: so many that have ended are kept; 0: all */
    uint64_t eviction_interval_ms; /* embedded: between two nodes whose pods are evicted */

    bool scheduler; /* false: somebody else binds the pods */
    bool streamed_lists;
    bool with_controller;
    int controller_argc; /* what follows "--", with "--" as argv[0]; 0: nothing */
    char **controller_argv;
};

/* `argv` must outlive the options. Errors name the flag. */
struct moon_sim_options *moon_sim_options_parse(int argc, char **argv, struct moon_err *err);
void moon_sim_options_free(struct moon_sim_options *o); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_sim_options, moon_sim_options_free);

/* Flags that are times (start-delay, …), which a scenario may set under `kubelets`. The i'th of
 * them; NULL at the end. */
const char *moon_sim_options_next_time(size_t i, const void *unused);

void moon_sim_options_help(struct moon_buf *out);

#endif
