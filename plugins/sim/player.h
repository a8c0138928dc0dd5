/* SPDX-License-Identifier: Apache-2.0
 *
 * player.h - plays the nodes of a cluster: what their kubelets would write, written by one client.
 *
 * An ordinary API client: one informer for all nodes, one for all bound pods, and status patches,
 * lease renewals and deletes as kubelets send them. So the same code plays the nodes of the
 * embedded API server and those of a real one. Every Node object is played; one that is added or
 * deleted through the API is picked up. The number of writes under way is bounded; what waits is
 * a list of pods and nodes, and the text of a write is made when it is sent.
 */
#ifndef MOON_SIM_PLAYER_H
#define MOON_SIM_PLAYER_H

#include "cache/store.h"
#include "kube/client.h"
#include "sim/kubelet.h"

struct moon_player;

/* 10 s, as kubelets, and less often with thousands of nodes. */
#define MOON_PLAYER_HEARTBEAT_AUTO UINT64_MAX

struct moon_player_opts {
    struct moon_client *client; /* borrowed */
    struct moon_kubelet_opts kubelet;
    uint64_t heartbeat_ms; /* between two lease renewals of a node; 0: no heartbeats at all */
    size_t event_nodes;    /* Events only with at most so many nodes */
    /* Follow the pods that are not bound yet, too (for a scheduler beside it). */
    bool with_unbound;
    /* Nodes and pods are known; optional. */
    void (*on_synced)(void *ctx);
    void *ctx;
};

struct moon_player *moon_player_new(const struct moon_player_opts *opts);
void moon_player_free(struct moon_player *player); /* NULL is fine */

/* Of moon_kind_played_node, and of moon_kind_played_pod with the index below. */
struct moon_store *moon_player_nodes(const struct moon_player *player);
struct moon_store *moon_player_pods(const struct moon_player *player);
enum {
    MOON_PLAYER_PODS_BY_NODE = 0
};
bool moon_player_is_synced(const struct moon_player *player);

/* For progress lines: how many nodes have been told ready, how many pods are. */
struct moon_player_counts {
    size_t nodes;
    size_t nodes_ready;
    size_t pods;
    size_t pods_ready;
    size_t writes_waiting;
};
/* How late heartbeats are because other writes, or the machine, keep us busy. */
uint64_t moon_player_lateness_ms(const struct moon_player *player);
void moon_player_count(const struct moon_player *player, struct moon_player_counts *ret);

#endif
