/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_queue.h"

enum {
    QUEUED_MAGIC = 0x71756575,
    BACKOFF_MIN_MS = 1000,
    BACKOFF_MAX_MS = 10 * 1000,
    /* Something may have been missed. */
    WAIT_MAX_MS = 60 * 1000,
};

/* ---- where those wait that are pinned ---- */

static void shelf_free(void *value)
{
    struct moon_list *shelf = value;
    moon_assert(moon_list_is_empty(shelf));
    moon_free(shelf);
}

static struct moon_list *shelf_of(struct moon_queue *q, const char *node)
{
    struct moon_list *shelf = moon_map_get(q->by_node, moon_str(node));
    if (shelf == NULL) {
        shelf = moon_new(struct moon_list);
        moon_list_init(shelf);
        moon_map_set(q->by_node, moon_str(node), shelf);
    }
    return shelf;
}

static bool has_rules_about_pods(const struct moon_played_pod *pod)
{
    const struct moon_demands *d = pod->demands;
    return d->affinity.count + d->anti_affinity.count + d->spread_count > 0;
}

static bool is_shelved(const struct moon_played_pod *pod)
{
    return pod->pinned != NULL && !has_rules_about_pods(pod);
}

static void start_waiting(struct moon_queued *p)
{
    struct moon_queue *q = p->queue;
    moon_list_append(is_shelved(p->pod) ? shelf_of(q, p->pod->pinned) : &q->waiting, &p->waiting);
}

/* An empty shelf goes with the last pod on it. */
static void stop_waiting(struct moon_queued *p)
{
    struct moon_queue *q = p->queue;
    if (moon_list_is_empty(&p->waiting)) {
        return;
    }
    moon_list_remove(&p->waiting);
    if (is_shelved(p->pod) && moon_list_is_empty(shelf_of(q, p->pod->pinned))) {
        (void)moon_map_remove(q->by_node, moon_str(p->pod->pinned));
    }
}

/* ---- states ---- */

static void leave(struct moon_queued *p)
{
    stop_waiting(p);
    moon_heap_remove(&p->queue->ready, &p->heap);
    moon_timer_stop(p->timer);
    p->state = MOON_QUEUED_OUT;
}

/* Higher priorities are smaller numbers; the heap keeps the order of arrival among equals. */
static void make_ready(struct moon_queued *p)
{
    leave(p);
    p->state = MOON_QUEUED_READY;
    p->heap.at = (uint64_t)((int64_t)INT32_MAX - p->pod->priority);
    moon_heap_insert(&p->queue->ready, &p->heap);
    p->queue->on_ready(p->queue->ctx);
}

static uint64_t backoff_ms(const struct moon_queued *p)
{
    uint64_t delay_ms = BACKOFF_MIN_MS;
    for (unsigned i = 1; i < p->attempts && delay_ms < BACKOFF_MAX_MS; i++) {
        delay_ms *= 2;
    }
    return delay_ms < BACKOFF_MAX_MS ? delay_ms : BACKOFF_MAX_MS;
}

static void on_timer(void *ctx)
{
    make_ready(MOON_CAST(moon_queued, ctx, QUEUED_MAGIC));
}

void moon_queued_wait(struct moon_queued *p)
{
    leave(p);
    p->state = MOON_QUEUED_WAITING;
    p->attempts++;
    p->tried_at = moon_loop_now(p->queue->loop);
    start_waiting(p);
    moon_timer_start(p->timer, WAIT_MAX_MS);
}

void moon_queued_retry(struct moon_queued *p, uint64_t delay_ms)
{
    leave(p);
    p->state = MOON_QUEUED_BACKOFF;
    moon_timer_start(p->timer, delay_ms);
}

void moon_queued_wake(struct moon_queued *p)
{
    uint64_t now = moon_loop_now(p->queue->loop);
    uint64_t due = p->tried_at + backoff_ms(p);
    if (p->state == MOON_QUEUED_WAITING && due > now) {
        moon_queued_retry(p, due - now);
    } else if (p->state == MOON_QUEUED_WAITING) {
        make_ready(p);
    }
}

static void wake_list(struct moon_list *list)
{
    moon_list_foreach (it, list) {
        moon_queued_wake(moon_container_of(it, struct moon_queued, waiting));
    }
}

void moon_queue_wake_node(struct moon_queue *q, const char *node)
{
    struct moon_list *shelf = moon_map_get(q->by_node, moon_str(node));
    wake_list(&q->waiting);
    /* Waking the last one frees the shelf. */
    while (shelf != NULL && !moon_list_is_empty(shelf)) {
        bool is_last = shelf->next->next == shelf;
        moon_queued_wake(moon_container_of(shelf->next, struct moon_queued, waiting));
        shelf = is_last ? NULL : shelf;
    }
}

void moon_queue_wake_neighbours(struct moon_queue *q)
{
    moon_list_foreach (it, &q->waiting) {
        struct moon_queued *p = moon_container_of(it, struct moon_queued, waiting);
        if (has_rules_about_pods(p->pod)) {
            moon_queued_wake(p);
        }
    }
}

struct moon_queued *moon_queue_take(struct moon_queue *q)
{
    struct moon_heap_node *first = moon_heap_min(&q->ready);
    if (first == NULL) {
        return NULL;
    }
    struct moon_queued *p = moon_container_of(first, struct moon_queued, heap);
    leave(p);
    return p;
}

/* ---- life ---- */

/* A pod's pin never changes while it is unbound, so that its shelf is found again. */
void moon_queued_change(struct moon_queued *p, const struct moon_played_pod *pod)
{
    const struct moon_played_pod *old = p->pod;
    bool asks_otherwise = !moon_labels_equal(&old->meta.labels, &pod->meta.labels) ||
                          !moon_tolerations_equal(&old->tolerations, &pod->tolerations);
    if (p->state != MOON_QUEUED_OUT && asks_otherwise) {
        leave(p);
        p->pod = moon_played_pod(moon_object_ref(&pod->meta));
        make_ready(p);
    } else {
        p->pod = moon_played_pod(moon_object_ref(&pod->meta));
    }
    moon_object_unref(&old->meta);
}

void moon_queued_init(struct moon_queued *p, struct moon_queue *q,
                      const struct moon_played_pod *pod)
{
    *p = (struct moon_queued){.magic = QUEUED_MAGIC, .queue = q};
    p->pod = moon_played_pod(moon_object_ref(&pod->meta));
    p->timer = moon_timer_new(q->loop, on_timer, p);
    moon_list_init(&p->waiting);
    make_ready(p);
}

void moon_queued_fini(struct moon_queued *p)
{
    leave(p);
    moon_timer_free(p->timer);
    moon_object_unref(&p->pod->meta);
    p->magic = 0;
}

void moon_queue_init(struct moon_queue *q, struct moon_loop *loop, void (*on_ready)(void *ctx),
                     void *ctx)
{
    *q = (struct moon_queue){.loop = loop, .on_ready = on_ready, .ctx = ctx};
    moon_heap_init(&q->ready);
    moon_list_init(&q->waiting);
    q->by_node = moon_map_new(shelf_free);
}

void moon_queue_fini(struct moon_queue *q)
{
    moon_map_free(q->by_node);
    moon_heap_fini(&q->ready);
}
