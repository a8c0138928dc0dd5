/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop_priv.h"

enum {
    TIMER_MAGIC = 0x7173,
    DEFER_MAGIC = 0xdefe
};

enum {
    MOST_TURNS_PER_INSTANT = 1000000
};

struct moon_timer {
    unsigned magic;
    bool real; /* follows the real clock of a loop whose clock is virtual */
    struct moon_heap_node node;
    struct moon_loop *loop;
    void (*fn)(void *ctx);
    void *ctx;
};

struct moon_defer {
    unsigned magic;
    struct moon_list link;
    void (*fn)(void *ctx);
    void *ctx;
};

void moon_loop_timers_init(struct moon_loop *loop)
{
    moon_heap_init(&loop->timers);
    moon_heap_init(&loop->real_timers);
    moon_list_init(&loop->deferred);
    moon_list_init(&loop->deferring);
}

void moon_loop_timers_fini(struct moon_loop *loop)
{
    moon_list_foreach (it, &loop->deferred) {
        moon_defer_cancel(moon_container_of(it, struct moon_defer, link));
    }
    moon_heap_fini(&loop->timers);
    moon_heap_fini(&loop->real_timers);
}

/* ---- timers ---- */

static struct moon_heap *heap_of(const struct moon_timer *t)
{
    return t->real ? &t->loop->real_timers : &t->loop->timers;
}

struct moon_timer *moon_timer_new(struct moon_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && fn != NULL);
    struct moon_timer *t = moon_new(struct moon_timer);
    t->magic = TIMER_MAGIC;
    t->loop = loop;
    t->fn = fn;
    t->ctx = ctx;
    loop->live_count++;
    return t;
}

struct moon_timer *moon_timer_new_real(struct moon_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    struct moon_timer *t = moon_timer_new(loop, fn, ctx);
    t->real = loop->virtual_clock;
    return t;
}

void moon_timer_start(struct moon_timer *t, uint64_t delay_ms)
{
    moon_assert(t->magic == TIMER_MAGIC);
    struct moon_heap *heap = heap_of(t);
    moon_heap_remove(heap, &t->node);
    uint64_t now_ms = t->real ? t->loop->real_now_ms : t->loop->now_ms;
    t->node.at = delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX - 1;
    moon_heap_insert(heap, &t->node);
}

void moon_timer_stop(struct moon_timer *t)
{
    moon_assert(t->magic == TIMER_MAGIC);
    moon_heap_remove(heap_of(t), &t->node);
}

bool moon_timer_is_active(const struct moon_timer *t)
{
    return moon_heap_contains(&t->node);
}

void moon_timer_free(struct moon_timer *t)
{
    if (t == NULL) {
        return;
    }
    moon_timer_stop(t);
    t->loop->live_count--;
    t->magic = 0;
    moon_free(t);
}

/* Runs what is due at `now_ms`, but nothing that was started meanwhile: a timer that restarts
 * itself with delay 0 must not keep the loop from looking at its descriptors. Nodes leave the heap
 * by (time, order of insertion), so the first new node means that only new ones are left. */
static void run_due(struct moon_heap *heap, uint64_t now_ms)
{
    uint64_t first_new_seq = heap->next_seq;
    for (;;) {
        struct moon_heap_node *node = moon_heap_min(heap);
        if (node == NULL || node->at > now_ms || node->seq >= first_new_seq) {
            return;
        }
        moon_heap_remove(heap, node);
        struct moon_timer *t = moon_container_of(node, struct moon_timer, node);
        moon_assert(t->magic == TIMER_MAGIC);
        t->loop->callbacks++;
        t->fn(t->ctx);
    }
}

/* ---- deferred calls ---- */

struct moon_defer *moon_loop_defer(struct moon_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && fn != NULL);
    struct moon_defer *d = moon_new(struct moon_defer);
    d->magic = DEFER_MAGIC;
    d->fn = fn;
    d->ctx = ctx;
    moon_list_append(&loop->deferred, &d->link);
    return d;
}

void moon_defer_cancel(struct moon_defer *d)
{
    moon_assert(d->magic == DEFER_MAGIC);
    moon_list_remove(&d->link);
    d->magic = 0;
    moon_free(d);
}

/* What is deferred while this runs waits for the next turn. */
static void run_deferred(struct moon_loop *loop)
{
    if (moon_list_is_empty(&loop->deferred)) {
        return;
    }
    moon_list_append(&loop->deferred, &loop->deferring); /* a second head in the same ring… */
    moon_list_remove(&loop->deferred);                   /* …takes the nodes over */
    while (!moon_list_is_empty(&loop->deferring)) {
        struct moon_defer *d = moon_container_of(loop->deferring.next, struct moon_defer, link);
        void (*fn)(void *ctx) = d->fn;
        void *ctx = d->ctx;
        moon_defer_cancel(d);
        loop->callbacks++;
        fn(ctx);
    }
}

/* ---- for the turn ---- */

static uint64_t until_due(const struct moon_heap *heap, uint64_t now_ms)
{
    const struct moon_heap_node *node = moon_heap_min(heap);
    if (node == NULL) {
        return UINT64_MAX;
    }
    return node->at > now_ms ? node->at - now_ms : 0;
}

uint64_t moon_loop_timers_wait_ms(const struct moon_loop *loop)
{
    if (!moon_list_is_empty(&loop->deferred)) {
        return 0;
    }
    uint64_t wait_ms = until_due(&loop->timers, loop->now_ms);
    if (!loop->virtual_clock) {
        return wait_ms;
    }
    /* Waiting brings no virtual timer nearer. */
    return wait_ms == 0 ? 0 : until_due(&loop->real_timers, loop->real_now_ms);
}

void moon_loop_timers_run(struct moon_loop *loop)
{
    run_due(&loop->real_timers, loop->real_now_ms);
    run_due(&loop->timers, loop->now_ms);
    run_deferred(loop);
}

/* ---- the virtual clock ---- */

uint64_t moon_loop_next_timer(const struct moon_loop *loop)
{
    moon_assert(loop->virtual_clock);
    const struct moon_heap_node *node = moon_heap_min(&loop->timers);
    return node != NULL ? node->at : UINT64_MAX;
}

/* Each instant at which something is due is like a few turns without descriptors: timers, then
 * what they deferred, until nothing of that instant is left. */
static void run_instant(struct moon_loop *loop)
{
    size_t turns = 0;
    do {
        run_due(&loop->timers, loop->now_ms);
        run_deferred(loop);
        /* Work that starts itself again without delay would keep time standing still for ever. */
        moon_assert(++turns < MOST_TURNS_PER_INSTANT);
    } while (!moon_list_is_empty(&loop->deferred) || until_due(&loop->timers, loop->now_ms) == 0);
}

void moon_loop_advance(struct moon_loop *loop, uint64_t ms)
{
    moon_assert(loop->magic == LOOP_MAGIC && loop->virtual_clock && !loop->in_turn);
    loop->in_turn = true;
    uint64_t target_ms = loop->now_ms + ms;
    while (moon_loop_next_timer(loop) <= target_ms) {
        uint64_t at_ms = moon_loop_next_timer(loop);
        if (at_ms > loop->now_ms) {
            loop->now_ms = at_ms;
        }
        run_instant(loop);
    }
    loop->now_ms = target_ms;
    loop->in_turn = false;
}
