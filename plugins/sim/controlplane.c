/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/controlplane.h"

#include "sim/accounts.h"
#include "sim/disruption.h"
#include "sim/endpoints.h"
#include "sim/nodelifecycle.h"
#include "sim/podgc.h"
#include "sim/scheduler.h"
#include "sim/taint_eviction.h"

enum {
    CONTROLPLANE_MAGIC = 0x6370706c,
    /* Short, compared with the stock 40 s: the watches are in one process. */
    QUARANTINE_MS = 2000
};

struct moon_controlplane {
    unsigned magic;
    struct moon_scheduler *scheduler; /* NULL: left to another */
    struct moon_podgc *podgc;
    struct moon_endpoints *endpoints; /* NULL: left to another */
    struct moon_accounts *accounts;
    struct moon_recorder *disruption_recorder;
    struct moon_disruption *disruption;
    /* NULL, these four: left to another. */
    struct moon_recorder *node_recorder;
    struct moon_recorder *taint_recorder;
    struct moon_nodelifecycle *nodelifecycle;
    struct moon_taint_eviction *taint_eviction;
};

/* Heartbeats are made in this process: when it is behind with them, no node is silent. */
static uint64_t lateness_ms(const void *ctx)
{
    return moon_player_lateness_ms(ctx);
}

static void start_node_controllers(struct moon_controlplane *c,
                                   const struct moon_controlplane_opts *opts)
{
    const struct moon_sim_options *options = opts->options;
    struct moon_store *nodes = moon_player_nodes(opts->player);
    struct moon_store *pods = moon_player_pods(opts->player);
    c->node_recorder = moon_recorder_new(opts->client, "node-controller");
    c->taint_recorder = moon_recorder_new(opts->client, "taint-controller");
    c->nodelifecycle = moon_nodelifecycle_new(&(struct moon_nodelifecycle_opts){
        .client = opts->client,
        .nodes = nodes,
        .pods = pods,
        .by_node = MOON_PLAYER_PODS_BY_NODE,
        .grace_ms = options->heartbeat_ms > 0 ? options->node_grace_ms : 0,
        .lateness_ms = lateness_ms,
        .ctx = opts->player,
        .eviction_interval_ms = options->eviction_interval_ms,
        .recorder = c->node_recorder,
        .event_nodes = options->event_nodes});
    c->taint_eviction = moon_taint_eviction_new(
        &(struct moon_taint_eviction_opts){.client = opts->client,
                                           .nodes = nodes,
                                           .pods = pods,
                                           .by_node = MOON_PLAYER_PODS_BY_NODE,
                                           .recorder = c->taint_recorder,
                                           .event_nodes = options->event_nodes});
}

struct moon_controlplane *moon_controlplane_new(const struct moon_controlplane_opts *opts)
{
    struct moon_controlplane *c = moon_new(struct moon_controlplane);
    struct moon_store *nodes = moon_player_nodes(opts->player);
    struct moon_store *pods = moon_player_pods(opts->player);
    c->magic = CONTROLPLANE_MAGIC;
    c->disruption_recorder = moon_recorder_new(opts->client, "controllermanager");
    c->disruption = moon_disruption_new(opts->client, pods, c->disruption_recorder);
    if (opts->options->scheduler) {
        c->scheduler = moon_scheduler_new(
            &(struct moon_scheduler_opts){.client = opts->client,
                                          .nodes = nodes,
                                          .pods = pods,
                                          .budgets = moon_disruption_budgets(c->disruption),
                                          .event_nodes = opts->options->event_nodes});
    }
    c->podgc = moon_podgc_new(&(struct moon_podgc_opts){.client = opts->client,
                                                        .nodes = nodes,
                                                        .pods = pods,
                                                        .by_node = MOON_PLAYER_PODS_BY_NODE,
                                                        .quarantine_ms = QUARANTINE_MS,
                                                        .max_ended = opts->options->ended_pods});
    if (opts->options->endpoints) {
        c->endpoints = moon_endpoints_new(opts->client, pods);
    }
    c->accounts = moon_accounts_new(opts->client);
    if (opts->options->node_lifecycle) {
        start_node_controllers(c, opts);
    }
    return c;
}

void moon_controlplane_free(struct moon_controlplane *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == CONTROLPLANE_MAGIC);
    moon_scheduler_free(c->scheduler);
    moon_taint_eviction_free(c->taint_eviction);
    moon_nodelifecycle_free(c->nodelifecycle);
    moon_recorder_free(c->taint_recorder);
    moon_recorder_free(c->node_recorder);
    moon_endpoints_free(c->endpoints);
    moon_accounts_free(c->accounts);
    moon_disruption_free(c->disruption);
    moon_recorder_free(c->disruption_recorder);
    moon_podgc_free(c->podgc);
    c->magic = 0;
    moon_free(c);
}
