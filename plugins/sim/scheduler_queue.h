/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_queue.h - which pod is to be placed next, and when one is tried again.
 *
 * By priority, then by age. A pod that fits nowhere waits until something has happened that might
 * make room for it, and at least a back-off of 1 s, doubled up to 10 s with each attempt; after
 * 60 s it is tried anyway. A pod that is pinned to a node is woken by that node alone, so that an
 * event costs what it may change, not what waits.
 */
#ifndef MOON_SIM_SCHEDULER_QUEUE_H
#define MOON_SIM_SCHEDULER_QUEUE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "io/loop.h"
#include "sim/played.h"

enum moon_queued_state {
    MOON_QUEUED_OUT,     /* being bound, or bound */
    MOON_QUEUED_READY,   /* to be tried as soon as it is its turn */
    MOON_QUEUED_BACKOFF, /* to be tried when its back-off is over */
    MOON_QUEUED_WAITING, /* for something to happen */
};

/* Part of the scheduler's own struct for an unbound pod. */
struct moon_queued {
    unsigned magic;
    struct moon_queue *queue;
    const struct moon_played_pod *pod; /* a reference */
    enum moon_queued_state state;
    struct moon_heap_node heap; /* while it is ready */
    struct moon_list waiting;   /* while it waits: among those of its node, or the others */
    struct moon_timer *timer;
    uint64_t tried_at;
    unsigned attempts; /* in vain */
};

struct moon_queue {
    struct moon_loop *loop;
    struct moon_heap ready;
    struct moon_list waiting;    /* not pinned, or with rules about other pods */
    struct moon_map *by_node;    /* name to struct moon_list: pinned there */
    void (*on_ready)(void *ctx); /* something can be taken */
    void *ctx;
};

void moon_queue_init(struct moon_queue *q, struct moon_loop *loop, void (*on_ready)(void *ctx),
                     void *ctx);
/* Every pod must have left. */
void moon_queue_fini(struct moon_queue *q);

/* A pod that is new: it is ready. Takes a reference to `pod`. */
void moon_queued_init(struct moon_queued *p, struct moon_queue *q,
                      const struct moon_played_pod *pod);
void moon_queued_fini(struct moon_queued *p);
/* The pod has changed; what was asked of nodes, too: try it at once, whatever its back-off. */
void moon_queued_change(struct moon_queued *p, const struct moon_played_pod *pod);

/* The next to be tried; it is out then. NULL: none is ready. */
struct moon_queued *moon_queue_take(struct moon_queue *q);
/* It fits nowhere. */
void moon_queued_wait(struct moon_queued *p);
/* It was not the nodes' fault: again after a delay. */
void moon_queued_retry(struct moon_queued *p, uint64_t delay_ms);
/* Do not wait any longer. */
void moon_queued_wake(struct moon_queued *p);

/* Something has happened on this node. */
void moon_queue_wake_node(struct moon_queue *q, const char *node);
/* A pod has come or has other labels: for those with rules about other pods. */
void moon_queue_wake_neighbours(struct moon_queue *q);

#endif
