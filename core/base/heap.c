/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.c - binary heap in an array.
 *
 * Positions count from 1, so that 0 can mean "not inside"; the node at position p lies in
 * nodes[p - 1], its children at positions 2p and 2p + 1.
 */
#include "base/heap.h"

void moon_heap_init(struct moon_heap *h)
{
    *h = (struct moon_heap){0};
}

void moon_heap_fini(struct moon_heap *h)
{
    for (size_t i = 0; i < h->count; i++) {
        h->nodes[i]->pos = 0;
    }
    moon_free(h->nodes);
    moon_heap_init(h);
}

static bool is_before(const struct moon_heap_node *a, const struct moon_heap_node *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static struct moon_heap_node *node_at(const struct moon_heap *h, size_t pos)
{
    return h->nodes[pos - 1];
}

static void put(struct moon_heap *h, size_t pos, struct moon_heap_node *n)
{
    h->nodes[pos - 1] = n;
    n->pos = pos;
}

static void sift_up(struct moon_heap *h, struct moon_heap_node *n, size_t pos)
{
    for (; pos > 1 && is_before(n, node_at(h, pos / 2)); pos /= 2) {
        put(h, pos, node_at(h, pos / 2));
    }
    put(h, pos, n);
}

static void sift_down(struct moon_heap *h, struct moon_heap_node *n, size_t pos)
{
    for (size_t child = pos * 2; child <= h->count; child = pos * 2) {
        if (child < h->count && is_before(node_at(h, child + 1), node_at(h, child))) {
            child++;
        }
        if (!is_before(node_at(h, child), n)) {
            break;
        }
        put(h, pos, node_at(h, child));
        pos = child;
    }
    put(h, pos, n);
}

void moon_heap_insert(struct moon_heap *h, struct moon_heap_node *n)
{
    moon_assert(n->pos == 0);
    if (h->count == h->capacity) {
        h->capacity = h->capacity != 0 ? h->capacity * 2 : 16;
        h->nodes = moon_realloc_array(h->nodes, h->capacity, sizeof(struct moon_heap_node *));
    }
    n->seq = h->next_seq++;
    h->count++;
    sift_up(h, n, h->count);
}

void moon_heap_remove(struct moon_heap *h, struct moon_heap_node *n)
{
    size_t pos = n->pos;
    if (pos == 0) {
        return;
    }
    moon_assert(pos <= h->count && node_at(h, pos) == n);
    struct moon_heap_node *last = node_at(h, h->count);
    h->count--;
    n->pos = 0;
    if (last == n) {
        return;
    }
    /* The last node fills the hole and may belong above or below it. */
    if (is_before(last, n)) {
        sift_up(h, last, pos);
    } else {
        sift_down(h, last, pos);
    }
}

struct moon_heap_node *moon_heap_min(const struct moon_heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}
