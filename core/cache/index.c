/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c - buckets, and moving objects between them.
 */
#include "cache/index.h"

struct moon_bucket {
    moon_sym key;
    struct moon_index *index;
    const struct moon_object **objects; /* NULL: a hole */
    struct moon_link **links;           /* whose seat it is, to tell it when the seat moves */
    uint32_t used;
    uint32_t holes;
    uint32_t capacity;
};

static struct moon_symkey bucket_key(const void *thing)
{
    const struct moon_bucket *b = thing;
    return (struct moon_symkey){b->key, NULL};
}

void moon_index_init(struct moon_index *index, const struct moon_index_opts *opts)
{
    *index = (struct moon_index){.opts = *opts, .buckets = {.key = bucket_key}};
}

void moon_index_fini(struct moon_index *index)
{
    moon_assert(index->buckets.count == 0);
    moon_symset_fini(&index->buckets);
}

/* ---- one bucket ---- */

static struct moon_bucket *bucket_of(struct moon_index *index, moon_sym key)
{
    struct moon_bucket *b = moon_symset_get(&index->buckets, (struct moon_symkey){key, NULL});
    if (b == NULL) {
        b = moon_new(struct moon_bucket);
        b->key = moon_sym_ref(key);
        b->index = index;
        moon_symset_add(&index->buckets, b);
    }
    return b;
}

static void free_bucket(struct moon_bucket *b)
{
    moon_symset_remove(&b->index->buckets, b);
    moon_sym_unref(b->key);
    moon_free(b->objects);
    moon_free(b->links);
    moon_free(b);
}

static void squeeze(struct moon_bucket *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->used; i++) {
        if (b->objects[i] != NULL) {
            b->objects[kept] = b->objects[i];
            b->links[kept] = b->links[i];
            b->links[kept]->pos = kept;
            kept++;
        }
    }
    b->used = kept;
    b->holes = 0;
}

static void grow(struct moon_bucket *b)
{
    moon_assert(b->capacity < UINT32_MAX / 2);
    b->capacity = b->capacity > 0 ? b->capacity * 2 : 1;
    b->objects = moon_realloc_array(b->objects, b->capacity, sizeof(struct moon_object *));
    b->links = moon_realloc_array(b->links, b->capacity, sizeof(struct moon_link *));
}

/* Squeezing only when at least half are holes keeps the cost per seat constant. */
static uint32_t take_seat(struct moon_bucket *b)
{
    if (b->used == b->capacity) {
        if (b->holes > 0 && b->holes >= b->capacity / 2) {
            squeeze(b);
        } else {
            grow(b);
        }
    }
    return b->used++;
}

static void leave_seat(const struct moon_link *link)
{
    struct moon_bucket *b = link->bucket;
    b->objects[link->pos] = NULL;
    b->holes++;
    if (b->holes == b->used) {
        free_bucket(b);
    }
}

const struct moon_object *const *moon_index_get(const struct moon_index *index, moon_sym key,
                                                size_t *ret_count)
{
    struct moon_bucket *b = moon_symset_get(&index->buckets, (struct moon_symkey){key, NULL});
    if (b == NULL) {
        *ret_count = 0;
        return NULL;
    }
    if (b->holes > 0) {
        squeeze(b);
    }
    *ret_count = b->used;
    return b->objects;
}

/* ---- one object ---- */

struct seating {
    struct moon_index *index;
    const struct moon_object *object;
    struct moon_links *old;
    struct moon_links fresh;
};

static struct moon_link *find_link(const struct moon_links *links, const struct moon_bucket *b)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->items[i].bucket == b) {
            return &links->items[i];
        }
    }
    return NULL;
}

/* An object has a handful of keys, so looking through its links is cheaper than anything clever. */
static void seat(moon_sym key, void *ctx)
{
    struct seating *s = ctx;
    if (key == NULL) {
        return;
    }
    struct moon_bucket *b = bucket_of(s->index, key);
    if (find_link(&s->fresh, b) != NULL) {
        return;
    }
    struct moon_link *kept = find_link(s->old, b);
    struct moon_link link = {b, kept != NULL ? kept->pos : take_seat(b)};
    if (kept != NULL) {
        kept->bucket = NULL;
    }
    b->objects[link.pos] = s->object;
    s->fresh.items =
        moon_realloc_array(s->fresh.items, s->fresh.count + 1, sizeof(*s->fresh.items));
    s->fresh.items[s->fresh.count++] = link;
}

void moon_index_update(struct moon_index *indexes, size_t count, struct moon_links *links,
                       const struct moon_object *object)
{
    struct seating s = {.object = object, .old = links};
    for (size_t i = 0; object != NULL && i < count; i++) {
        s.index = &indexes[i];
        indexes[i].opts.keys(object, seat, &s);
    }
    /* Only now does the array of links stay where it is. */
    for (uint32_t i = 0; i < s.fresh.count; i++) {
        struct moon_link *link = &s.fresh.items[i];
        link->bucket->links[link->pos] = link;
    }
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->items[i].bucket != NULL) {
            leave_seat(&links->items[i]);
        }
    }
    moon_free(links->items);
    *links = s.fresh;
}
