/* SPDX-License-Identifier: Apache-2.0
 *
 * apiserver.h - an API server in the process: what kubectl and a controller see is Kubernetes.
 *
 * Serves discovery, OpenAPI as far as kubectl needs it, tables, list and watch with paging,
 * bookmarks and a bounded history, create, update, the three kinds of patch, delete with its
 * propagation, the status, binding and eviction subresources. It behaves as a 1.31 server does; its
 * garbage collector and the removal of a namespace's content are part of it. Nodes and the pods on
 * them are somebody else's (player, scheduler): to this server they are clients like any other.
 *
 * Built on core/base and core/io alone and shares nothing with our client (core/kube, core/cache),
 * so that the two cannot agree on a mistake; its truth is a real kube-apiserver. HTTP/1.1 without
 * TLS and without authentication: listen on loopback.
 */
#ifndef MOON_SIM_APISERVER_H
#define MOON_SIM_APISERVER_H

#include "io/loop.h"

struct moon_sim_api;

struct moon_sim_api_opts {
    const char *listen;            /* NULL: "127.0.0.1:0" */
    size_t history;                /* events remembered per kind; 0 = 10,000 */
    size_t max_body_bytes;         /* 0 = 3 MB, as real servers have it */
    uint64_t continue_life_ms;     /* how long a paged list can be continued; 0 = 5 minutes */
    uint64_t bookmark_interval_ms; /* 0 = 30 s */
    /* Refuse watches with sendInitialEvents by 422, as servers without the WatchList feature do. */
    bool refuse_streamed_lists;
};

struct moon_sim_api_stats {
    uint64_t requests; /* all */
    uint64_t reads;    /* get and list */
    uint64_t watches;  /* started */
    uint64_t creates;
    uint64_t updates; /* put and patch */
    uint64_t deletes;
    uint64_t refused; /* answers of 400 and above */
    size_t objects;
    size_t open_watches;
    uint64_t version; /* of the last write */
};

/* The default namespaces, priority classes and the Service "kubernetes" exist from the start. NULL
 * opts is fine. NULL and *err when the port cannot be had. */
struct moon_sim_api *moon_sim_api_new(struct moon_loop *loop, const struct moon_sim_api_opts *opts,
                                      struct moon_err *err);
/* Ends open watches. NULL is fine. */
void moon_sim_api_free(struct moon_sim_api *api);
MOON_DEFINE_CLEANUP(struct moon_sim_api, moon_sim_api_free);

uint16_t moon_sim_api_port(const struct moon_sim_api *api);
struct moon_sim_api_stats moon_sim_api_stats(const struct moon_sim_api *api);

/* Forget all history, as etcd's compaction does: older watches and continue tokens get 410. */
void moon_sim_api_compact(struct moon_sim_api *api);

#endif
