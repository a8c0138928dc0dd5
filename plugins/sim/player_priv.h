/* SPDX-License-Identifier: Apache-2.0
 *
 * player_priv.h - what player.c (pods) and heartbeat.c (nodes) share.
 */
#ifndef MOON_SIM_PLAYER_PRIV_H
#define MOON_SIM_PLAYER_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "cache/informer.h"
#include "control/recorder.h"
#include "sim/player.h"

#define MOON_PLAYER_TOPIC "sim"

enum {
    /* The client sends 64 at a time; neither kind of write may fill that alone. */
    MOON_PLAYER_POD_WRITES = 40,
    MOON_PLAYER_NODE_WRITES = 16,
};

struct moon_heartbeats;
struct moon_hosts;

/* One pod that is bound to some node. */
struct moon_player_pod {
    unsigned magic;
    struct moon_player *player;
    const struct moon_played_pod *pod; /* a reference */
    struct moon_kubelet_life life;
    struct moon_timer *timer;
    struct moon_list waiting; /* in player->waiting while it is due */
    struct moon_client_call *call;
    unsigned failures; /* of this write, in a row */
    uint64_t not_before;
    bool told_sigterm; /* by an event */
};

struct moon_player {
    unsigned magic;
    struct moon_player_opts opts;
    struct moon_loop *loop;
    struct moon_informer *nodes;
    struct moon_informer *pods;
    struct moon_heartbeats *heartbeats;
    struct moon_hosts *hosts;
    struct moon_recorder *recorder;
    struct moon_map *pods_by_uid; /* struct moon_player_pod */
    struct moon_list waiting;     /* struct moon_player_pod: due, not sent yet */
    size_t waiting_count;
    size_t in_flight;
    size_t ready_count;
    uint32_t last_pod_ip; /* addresses are given in ascending order */
    uint64_t next_complaint;
};

/* ---- heartbeat.c ---- */

struct moon_heartbeats *moon_heartbeats_new(struct moon_player *player);
void moon_heartbeats_free(struct moon_heartbeats *all); /* NULL is fine */
void moon_heartbeats_node(struct moon_heartbeats *all, const struct moon_change *change);
/* Send what is due: the list of nodes is complete. */
void moon_heartbeats_pump(struct moon_heartbeats *all);
size_t moon_heartbeats_waiting(const struct moon_heartbeats *all);
size_t moon_heartbeats_ready(const struct moon_heartbeats *all);
/* How long the one that is next has been waiting. */
uint64_t moon_heartbeats_lateness_ms(const struct moon_heartbeats *all);

/* ---- hosts.c ---- */

struct moon_hosts *moon_hosts_new(struct moon_player *player);
void moon_hosts_free(struct moon_hosts *all); /* NULL is fine */
void moon_hosts_node(struct moon_hosts *all, const struct moon_change *change);
/* Of this node; NULL: not known. */
struct moon_images *moon_hosts_images(const struct moon_hosts *all,
                                      const struct moon_played_node *node);

/* ---- player.c ---- */

/* Few enough nodes for Events? */
bool moon_player_records(const struct moon_player *player);

/* NULL: it is not played (yet). */
struct moon_player_pod *moon_player_pod(const struct moon_player *player,
                                        const struct moon_object *pod);
struct moon_kubelet_place moon_player_place(const struct moon_player_pod *p);
/* Its plan has changed. */
void moon_player_arm(struct moon_player_pod *p);

/* How long to wait before trying a failed write again. */
uint64_t moon_player_retry_ms(unsigned failures, const struct moon_err *err);
/* A line in the log, but not thousands when an API server with thousands of nodes is away. */
void moon_player_complain(struct moon_player *player, const char *what, const char *name,
                          const struct moon_err *err);

#endif
