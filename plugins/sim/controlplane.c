/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/controlplane.h"

#include "sim/cordon.h"
#include "sim/podgc.h"
#include "sim/scheduler.h"

enum {
    CONTROLPLANE_MAGIC = 0x6370706c,
    /* Short, compared with the stock 40 s: the watches are in one process. */
    QUARANTINE_MS = 2000
};

struct moon_controlplane {
    unsigned magic;
    struct moon_scheduler *scheduler; /* NULL: left to another */
    struct moon_podgc *podgc;
    struct moon_cordon *cordon;
};

struct moon_controlplane *moon_controlplane_new(const struct moon_controlplane_opts *opts)
{
    struct moon_controlplane *c = moon_new(struct moon_controlplane);
    struct moon_store *nodes = moon_player_nodes(opts->player);
    struct moon_store *pods = moon_player_pods(opts->player);
    c->magic = CONTROLPLANE_MAGIC;
    if (opts->options->scheduler) {
        c->scheduler =
            moon_scheduler_new(&(struct moon_scheduler_opts){.client = opts->client,
                                                             .nodes = nodes,
                                                             .pods = pods,
                                                             .by_node = MOON_PLAYER_PODS_BY_NODE});
    }
    c->podgc = moon_podgc_new(&(struct moon_podgc_opts){.client = opts->client,
                                                        .nodes = nodes,
                                                        .pods = pods,
                                                        .by_node = MOON_PLAYER_PODS_BY_NODE,
                                                        .quarantine_ms = QUARANTINE_MS});
    c->cordon = moon_cordon_new(opts->client, nodes);
    return c;
}

void moon_controlplane_free(struct moon_controlplane *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == CONTROLPLANE_MAGIC);
    moon_cordon_free(c->cordon);
    moon_podgc_free(c->podgc);
    moon_scheduler_free(c->scheduler);
    c->magic = 0;
    moon_free(c);
}
