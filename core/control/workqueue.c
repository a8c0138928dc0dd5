/* SPDX-License-Identifier: Apache-2.0
 *
 * workqueue.c - the three states of client-go's queue in one entry per key.
 *
 * "Dirty" is in client-go a set beside the queue: here it is being linked in `ready`, or, while the
 * key is processed, the flag `again`. An entry lives as long as anything is known about its key:
 * queued, processed, waiting or failed before.
 */
#include "control/workqueue.h"

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/random.h"

enum {
    QUEUE_MAGIC = 0x3093e,
    FIRST_DELAY_MS = 5,
    MAX_DELAY_MS = 1000 * 1000
};

struct entry {
    struct moon_list link;         /* in `ready` */
    struct moon_heap_node waiting; /* in `delayed` */
    bool processing;
    bool again; /* added while it was being processed */
    unsigned failures;
    uint64_t added_ms;
    uint64_t taken_ms;
    size_t len;
    char key[];
};

struct metrics {
    struct moon_metric *depth;
    struct moon_metric *adds;
    struct moon_metric *retries;
    struct moon_metric *queue_seconds;
    struct moon_metric *work_seconds;
};

struct moon_workqueue {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_workqueue_opts opts;
    char *name;
    struct moon_map *entries;
    struct moon_list ready;
    size_t depth;
    struct moon_heap delayed;
    struct moon_timer *timer;
    struct moon_defer *telling; /* on_ready will be called */
    bool told;                  /* and has been, since the queue was last empty */
    struct metrics metrics;
};

static struct moon_metric *metric(const char *name, enum moon_metric_type type, const char *help)
{
    return moon_metric_register(
        &(struct moon_metric_opts){.name = name, .help = help, .type = type, .labels = {"name"}});
}

static void register_metrics(struct metrics *m)
{
    m->depth = metric("workqueue_depth", MOON_METRIC_GAUGE, "Keys ready to be processed");
    m->adds = metric("workqueue_adds_total", MOON_METRIC_COUNTER, "Keys added to the queue");
    m->retries =
        metric("workqueue_retries_total", MOON_METRIC_COUNTER, "Keys added after a failure");
    m->queue_seconds = metric("workqueue_queue_duration_seconds", MOON_METRIC_HISTOGRAM,
                              "Time a key spends ready before it is processed");
    m->work_seconds = metric("workqueue_work_duration_seconds", MOON_METRIC_HISTOGRAM,
                             "Time from taking a key to being done with it");
}

static void on_timer(void *ctx);

struct moon_workqueue *moon_workqueue_new(struct moon_loop *loop,
                                          const struct moon_workqueue_opts *opts)
{
    moon_assert(opts->name != NULL);
    struct moon_workqueue *q = moon_new(struct moon_workqueue);
    q->magic = QUEUE_MAGIC;
    q->loop = loop;
    q->opts = *opts;
    q->name = moon_strdup(opts->name);
    q->entries = moon_map_new(moon_free);
    moon_list_init(&q->ready);
    moon_heap_init(&q->delayed);
    q->timer = moon_timer_new(loop, on_timer, q);
    register_metrics(&q->metrics);
    moon_metric_set(q->metrics.depth, MOON_LABELS(q->name), 0);
    return q;
}

void moon_workqueue_free(struct moon_workqueue *q)
{
    if (q == NULL) {
        return;
    }
    moon_assert(q->magic == QUEUE_MAGIC);
    if (q->telling != NULL) {
        moon_defer_cancel(q->telling);
    }
    moon_timer_free(q->timer);
    moon_heap_fini(&q->delayed);
    moon_map_free(q->entries);
    moon_metric_drop(q->metrics.depth, MOON_LABELS(q->name));
    moon_free(q->name);
    q->magic = 0;
    moon_free(q);
}

/* ---- entries ---- */

static struct entry *find(const struct moon_workqueue *q, struct moon_str key)
{
    moon_assert(q->magic == QUEUE_MAGIC);
    return moon_map_get(q->entries, key);
}

static struct entry *find_or_make(struct moon_workqueue *q, struct moon_str key)
{
    moon_assert(key.len > 0);
    struct entry *e = find(q, key);
    if (e == NULL) {
        e = moon_alloc(sizeof *e + key.len + 1);
        moon_list_init(&e->link);
        e->len = key.len;
        memcpy(e->key, key.ptr, key.len);
        moon_map_set(q->entries, key, e);
    }
    return e;
}

static void drop_if_unused(struct moon_workqueue *q, struct entry *e)
{
    bool queued = !moon_list_is_empty(&e->link);
    if (!queued && !e->processing && e->failures == 0 && !moon_heap_contains(&e->waiting)) {
        moon_map_remove(q->entries, (struct moon_str){e->key, e->len});
    }
}

/* ---- ready ---- */

static void set_depth(struct moon_workqueue *q, size_t depth)
{
    q->depth = depth;
    moon_metric_set(q->metrics.depth, MOON_LABELS(q->name), (double)depth);
}

static void on_tell(void *ctx)
{
    struct moon_workqueue *q = MOON_CAST(moon_workqueue, ctx, QUEUE_MAGIC);
    q->telling = NULL;
    if (q->depth > 0 && q->opts.on_ready != NULL) {
        q->opts.on_ready(q->opts.ctx);
    }
}

static void push(struct moon_workqueue *q, struct entry *e)
{
    moon_list_append(&q->ready, &e->link);
    e->added_ms = moon_loop_now(q->loop);
    set_depth(q, q->depth + 1);
    if (!q->told) {
        q->told = true;
        if (q->telling == NULL) {
            q->telling = moon_loop_defer(q->loop, on_tell, q);
        }
    }
}

static void add(struct moon_workqueue *q, struct entry *e)
{
    if (e->again || !moon_list_is_empty(&e->link)) {
        return;
    }
    moon_metric_add(q->metrics.adds, MOON_LABELS(q->name), 1);
    if (e->processing) {
        e->again = true;
    } else {
        push(q, e);
    }
}

void moon_workqueue_add(struct moon_workqueue *q, struct moon_str key)
{
    add(q, find_or_make(q, key));
}

bool moon_workqueue_take(struct moon_workqueue *q, struct moon_str *ret_key)
{
    moon_assert(q->magic == QUEUE_MAGIC);
    if (moon_list_is_empty(&q->ready)) {
        return false;
    }
    struct entry *e = moon_container_of(q->ready.next, struct entry, link);
    moon_list_remove(&e->link);
    set_depth(q, q->depth - 1);
    if (q->depth == 0) {
        q->told = false;
    }
    e->processing = true;
    e->taken_ms = moon_loop_now(q->loop);
    moon_metric_observe(q->metrics.queue_seconds, MOON_LABELS(q->name),
                        (double)(e->taken_ms - e->added_ms) / 1000);
    *ret_key = (struct moon_str){e->key, e->len};
    return true;
}

void moon_workqueue_done(struct moon_workqueue *q, struct moon_str key)
{
    struct entry *e = find(q, key);
    moon_assert(e != NULL && e->processing);
    e->processing = false;
    moon_metric_observe(q->metrics.work_seconds, MOON_LABELS(q->name),
                        (double)(moon_loop_now(q->loop) - e->taken_ms) / 1000);
    if (e->again) {
        e->again = false;
        push(q, e);
    }
    drop_if_unused(q, e);
}

/* ---- delayed ---- */

static void arm(struct moon_workqueue *q)
{
    const struct moon_heap_node *first = moon_heap_min(&q->delayed);
    if (first == NULL) {
        moon_timer_stop(q->timer);
        return;
    }
    uint64_t now = moon_loop_now(q->loop);
    moon_timer_start(q->timer, first->at > now ? first->at - now : 0);
}

static void on_timer(void *ctx)
{
    struct moon_workqueue *q = MOON_CAST(moon_workqueue, ctx, QUEUE_MAGIC);
    struct moon_heap_node *first = moon_heap_min(&q->delayed);
    while (first != NULL && first->at <= moon_loop_now(q->loop)) {
        moon_heap_remove(&q->delayed, first);
        add(q, moon_container_of(first, struct entry, waiting));
        first = moon_heap_min(&q->delayed);
    }
    arm(q);
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a < UINT64_MAX - b ? a + b : UINT64_MAX - 1;
}

void moon_workqueue_add_after(struct moon_workqueue *q, struct moon_str key, uint64_t delay_ms)
{
    struct entry *e = find_or_make(q, key);
    if (delay_ms == 0) {
        add(q, e);
        return;
    }
    uint64_t at = add_saturating(moon_loop_now(q->loop), delay_ms);
    if (moon_heap_contains(&e->waiting)) {
        if (e->waiting.at <= at) {
            return;
        }
        moon_heap_remove(&q->delayed, &e->waiting);
    }
    e->waiting.at = at;
    moon_heap_insert(&q->delayed, &e->waiting);
    arm(q);
}

static uint64_t back_off_ms(unsigned failures)
{
    uint64_t delay_ms = MAX_DELAY_MS;
    if (failures < 18) { /* 5 ms * 2^18 is above the maximum */
        delay_ms = (uint64_t)FIRST_DELAY_MS << failures;
    }
    delay_ms = delay_ms < MAX_DELAY_MS ? delay_ms : MAX_DELAY_MS;
    return delay_ms + moon_random_below(delay_ms / 10 + 1);
}

void moon_workqueue_add_rate_limited(struct moon_workqueue *q, struct moon_str key)
{
    struct entry *e = find_or_make(q, key);
    uint64_t delay_ms = back_off_ms(e->failures);
    if (e->failures < UINT32_MAX) {
        e->failures++;
    }
    moon_metric_add(q->metrics.retries, MOON_LABELS(q->name), 1);
    moon_workqueue_add_after(q, key, delay_ms);
}

void moon_workqueue_forget(struct moon_workqueue *q, struct moon_str key)
{
    struct entry *e = find(q, key);
    if (e != NULL) {
        e->failures = 0;
        drop_if_unused(q, e);
    }
}

unsigned moon_workqueue_failures(const struct moon_workqueue *q, struct moon_str key)
{
    const struct entry *e = find(q, key);
    return e != NULL ? e->failures : 0;
}

size_t moon_workqueue_depth(const struct moon_workqueue *q)
{
    moon_assert(q->magic == QUEUE_MAGIC);
    return q->depth;
}

size_t moon_workqueue_waiting(const struct moon_workqueue *q)
{
    moon_assert(q->magic == QUEUE_MAGIC);
    return q->delayed.count;
}
