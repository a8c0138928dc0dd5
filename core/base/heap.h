/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - intrusive binary heap of deadlines; equal deadlines leave in the order they came in.
 * Layer: base.
 */
#ifndef MOON_BASE_HEAP_H
#define MOON_BASE_HEAP_H

#include "base/mem.h"

struct moon_heap_node {
    uint64_t at;  /* set before insert; not changed while inside */
    uint64_t seq; /* the heap's own */
    size_t pos;   /* the heap's own; 0 = not in a heap */
};

struct moon_heap {
    struct moon_heap_node **nodes;
    size_t count;
    size_t capacity;
    uint64_t next_seq;
};

MOON_API void moon_heap_init(struct moon_heap *h);
MOON_API void moon_heap_fini(struct moon_heap *h);
MOON_API void moon_heap_insert(struct moon_heap *h, struct moon_heap_node *n);
/* Fine for a node that is not inside. */
MOON_API void moon_heap_remove(struct moon_heap *h, struct moon_heap_node *n);
MOON_API struct moon_heap_node *moon_heap_min(const struct moon_heap *h); /* NULL: empty */
static inline bool moon_heap_contains(const struct moon_heap_node *n)
{
    return n->pos != 0;
}

#endif
