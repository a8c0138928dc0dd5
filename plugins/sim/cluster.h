/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster.h - a whole simulated cluster as one thing: API server, kubelets, scheduler, collectors,
 * and a DaemonSet controller that can be killed and started again, all on one loop.
 *
 * With a loop on the real clock it simply runs. With a virtual clock its owner lets time pass, and
 * time passes only while nothing is under way: an hour of back-off takes as long as the work done
 * in it. All talk goes over real connections on loopback in both cases.
 */
#ifndef MOON_SIM_CLUSTER_H
#define MOON_SIM_CLUSTER_H

#include "sim/faults.h"
#include "sim/player.h"
#include "sim/sim_options.h"

struct moon_cluster;

struct moon_cluster_opts {
    struct moon_loop *loop;
    const struct moon_sim_options *options;       /* borrowed; `attach` is another matter */
    void (*on_fatal)(const char *why, void *ctx); /* the controller cannot go on */
    void *ctx;
};

/* Starts everything; the controller too when options say so. NULL and *err. */
struct moon_cluster *moon_cluster_new(const struct moon_cluster_opts *opts, struct moon_err *err);
void moon_cluster_free(struct moon_cluster *c); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_cluster, moon_cluster_free);

struct moon_loop *moon_cluster_loop(const struct moon_cluster *c);
struct moon_sim_api *moon_cluster_api(const struct moon_cluster *c);
const char *moon_cluster_server(const struct moon_cluster *c); /* URL */
/* For kubectl and others. */
int moon_cluster_write_kubeconfig(const struct moon_cluster *c, const char *path,
                                  struct moon_err *err);
/* The simulation's own client (User-Agent moonset-sim/…); the controller has another (moonset/…).
 */
struct moon_client *moon_cluster_client(const struct moon_cluster *c);
const struct moon_player *moon_cluster_player(const struct moon_cluster *c);

/* The controller. Start when there is none; kill is as kill -9: what it had sent still arrives,
 * nothing is said; stop lets it end in good order, then fn. */
int moon_cluster_start_controller(struct moon_cluster *c, struct moon_err *err);
void moon_cluster_kill_controller(struct moon_cluster *c);
void moon_cluster_stop_controller(struct moon_cluster *c, void (*fn)(void *ctx), void *ctx);
bool moon_cluster_has_controller(const struct moon_cluster *c);

/* ---- virtual clock only ---- */

/* Turn the loop until nothing is under way: every request has been answered (or is held back by a
 * fault) and every watcher has read what it was sent. MOON_E_TIMEOUT: not within ten real seconds,
 * which is a bug somewhere. */
int moon_cluster_settle(struct moon_cluster *c, struct moon_err *err);
/* Let `ms` of virtual time pass, settling before each instant at which something is due. Stops
 * early when `until` (may be NULL) says true, after any settling; *ret_passed: false when it never
 * did. */
int moon_cluster_pass(struct moon_cluster *c, uint64_t ms, bool (*until)(void *ctx), void *ctx,
                      bool *ret_met, struct moon_err *err);

#endif
