/* SPDX-License-Identifier: Apache-2.0 */
#include "control/recorder_correlate.h"

#include "base/list.h"
#include "base/map.h"

enum {
    MEMORY_MAX = 4096,
    SIMILAR_MAX = 10,
    SIMILAR_MS = 600 * 1000,
    BURST = 25,
    REFILL_MS = 300 * 1000
};

/* ---- a memory that forgets what was not used for longest ---- */

struct remembered {
    struct moon_list link; /* least recently used first */
    char *key;
};

struct memory {
    struct moon_map *by_key;
    struct moon_list order;
    size_t entry_size;
    void (*fini)(void *entry); /* NULL: nothing to do */
};

static void memory_init(struct memory *m, size_t entry_size, void (*fini)(void *entry))
{
    m->by_key = moon_map_new(NULL);
    moon_list_init(&m->order);
    m->entry_size = entry_size;
    m->fini = fini;
}

static void memory_forget_oldest(struct memory *m)
{
    struct remembered *e = moon_container_of(m->order.next, struct remembered, link);
    moon_list_remove(&e->link);
    moon_map_take(m->by_key, moon_str(e->key));
    if (m->fini != NULL) {
        m->fini(e);
    }
    moon_free(e->key);
    moon_free(e);
}

static void memory_fini(struct memory *m)
{
    while (!moon_list_is_empty(&m->order)) {
        memory_forget_oldest(m);
    }
    moon_map_free(m->by_key);
}

/* The entry, zeroed when it is new. */
static void *memory_get(struct memory *m, const char *key)
{
    struct remembered *e = moon_map_get(m->by_key, moon_str(key));
    if (e != NULL) {
        moon_list_remove(&e->link);
        moon_list_append(&m->order, &e->link);
        return e;
    }
    if (moon_map_count(m->by_key) >= MEMORY_MAX) {
        memory_forget_oldest(m);
    }
    e = moon_alloc(m->entry_size);
    e->key = moon_strdup(key);
    moon_list_init(&e->link);
    moon_list_append(&m->order, &e->link);
    moon_map_set(m->by_key, moon_str(key), e);
    return e;
}

/* ---- the correlator ---- */

struct similar {
    struct remembered base;
    struct moon_map *messages; /* a set */
    int64_t last_ms;
};

struct observed {
    struct remembered base;
    char *name;
    int64_t first_ms;
    unsigned count;
};

struct bucket {
    struct remembered base;
    bool used;
    int64_t filled_ms; /* up to this time, refills are in `tokens` */
    unsigned tokens;
};

struct moon_correlator {
    struct memory similar;  /* by object, type, reason */
    struct memory observed; /* … and message */
    struct memory buckets;  /* by object and type */
};

static void similar_fini(void *entry)
{
    moon_map_free(((struct similar *)entry)->messages);
}

static void observed_fini(void *entry)
{
    moon_free(((struct observed *)entry)->name);
}

struct moon_correlator *moon_correlator_new(void)
{
    struct moon_correlator *c = moon_new(struct moon_correlator);
    memory_init(&c->similar, sizeof(struct similar), similar_fini);
    memory_init(&c->observed, sizeof(struct observed), observed_fini);
    memory_init(&c->buckets, sizeof(struct bucket), NULL);
    return c;
}

void moon_correlator_free(struct moon_correlator *c)
{
    if (c == NULL) {
        return;
    }
    memory_fini(&c->similar);
    memory_fini(&c->observed);
    memory_fini(&c->buckets);
    moon_free(c);
}

/* Are there too many different messages for one reason? Of the ten that are remembered the oldest
 * makes room, so an old message that comes again may pass alone: as upstream, where any may go. */
static bool is_combined(struct moon_correlator *c, const char *key, const struct moon_sighting *s)
{
    struct similar *e = memory_get(&c->similar, key);
    if (e->messages == NULL) {
        e->messages = moon_map_new(NULL);
    } else if (s->now_ms - e->last_ms > SIMILAR_MS) {
        moon_map_clear(e->messages);
    }
    e->last_ms = s->now_ms;
    moon_map_set(e->messages, moon_str(s->message), NULL);
    if (moon_map_count(e->messages) < SIMILAR_MAX) {
        return false;
    }
    size_t pos = 0;
    struct moon_str oldest;
    moon_assert(moon_map_next(e->messages, &pos, &oldest, NULL));
    moon_map_remove(e->messages, oldest);
    return true;
}

static const struct observed *observe(struct moon_correlator *c, const char *key,
                                      const struct moon_sighting *s)
{
    struct observed *e = memory_get(&c->observed, key);
    if (e->count == 0) {
        e->name = moon_strdup(s->name);
        e->first_ms = s->now_ms;
    }
    e->count++;
    return e;
}

static bool take_token(struct moon_correlator *c, const char *key, int64_t now_ms)
{
    struct bucket *b = memory_get(&c->buckets, key);
    if (!b->used || now_ms < b->filled_ms) { /* new, or the clock was set back */
        b->tokens = b->used ? b->tokens : BURST;
        b->filled_ms = now_ms;
        b->used = true;
    }
    int64_t refills = (now_ms - b->filled_ms) / REFILL_MS;
    b->filled_ms += refills * REFILL_MS;
    if (refills >= BURST - (int64_t)b->tokens) {
        b->tokens = BURST;
        b->filled_ms = now_ms;
    } else {
        b->tokens += (unsigned)refills;
    }
    if (b->tokens == 0) {
        return false;
    }
    b->tokens--;
    return true;
}

bool moon_correlator_see(struct moon_correlator *c, const struct moon_sighting *s,
                         struct moon_correlated *ret)
{
    /* No part can contain this byte. */
    MOON_AUTOFREE char *bucket_key = moon_asprintf("%s\x1f%s", s->object, s->type);
    MOON_AUTOFREE char *reason_key = moon_asprintf("%s\x1f%s", bucket_key, s->reason);
    MOON_AUTOFREE char *event_key = moon_asprintf("%s\x1f%s", reason_key, s->message);

    bool combined = is_combined(c, reason_key, s);
    const struct observed *e = observe(c, combined ? reason_key : event_key, s);
    if (!take_token(c, bucket_key, s->now_ms)) {
        return false;
    }
    *ret = (struct moon_correlated){
        .name = e->name, .first_ms = e->first_ms, .count = e->count, .combined = combined};
    return true;
}
