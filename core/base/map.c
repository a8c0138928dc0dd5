/* SPDX-License-Identifier: Apache-2.0
 *
 * map.c - insertion-ordered hash map (after Python's dict).
 *
 * `entries` is dense and in insertion order; `slots` is an open-addressed table of entry numbers
 * plus one (0 = free), twice as large as `entries`, so a probe always meets a free slot. Removing
 * turns an entry into a gap (key NULL) whose slot stays in place and keeps probe chains whole: gaps
 * are the tombstones. When `entries` is full, both are rebuilt without gaps at the size the live
 * keys need, so a map also shrinks again.
 */
#include "base/map.h"

enum {
    SMALLEST_CAPACITY = 8
};

struct entry {
    char *key; /* NULL: removed */
    size_t len;
    uint64_t hash;
    void *value;
};

struct moon_map {
    struct entry *entries;
    uint32_t *slots;
    size_t used; /* entries in use, gaps included */
    size_t count;
    size_t capacity; /* a power of two, or 0 */
    void (*free_value)(void *value);
};

struct moon_map *moon_map_new(void (*free_value)(void *value))
{
    struct moon_map *m = moon_new(struct moon_map);
    m->free_value = free_value;
    return m;
}

void moon_map_free(struct moon_map *m)
{
    if (m == NULL) {
        return;
    }
    moon_map_clear(m);
    moon_free(m->entries);
    moon_free(m->slots);
    moon_free(m);
}

size_t moon_map_count(const struct moon_map *m)
{
    return m->count;
}

static size_t slot_count(const struct moon_map *m)
{
    return m->capacity * 2;
}

static bool is_match(const struct entry *e, struct moon_str key, uint64_t hash)
{
    return e->key != NULL && e->hash == hash && moon_str_eq((struct moon_str){e->key, e->len}, key);
}

static struct entry *find(const struct moon_map *m, struct moon_str key)
{
    if (m->count == 0) {
        return NULL;
    }
    uint64_t hash = moon_str_hash(key);
    size_t mask = slot_count(m) - 1;
    for (size_t i = hash & mask; m->slots[i] != 0; i = (i + 1) & mask) {
        struct entry *e = &m->entries[m->slots[i] - 1];
        if (is_match(e, key, hash)) {
            return e;
        }
    }
    return NULL;
}

/* Enter entry number `n` into the table. */
static void link_entry(struct moon_map *m, size_t n)
{
    size_t mask = slot_count(m) - 1;
    size_t i = m->entries[n].hash & mask;
    while (m->slots[i] != 0) {
        i = (i + 1) & mask;
    }
    m->slots[i] = (uint32_t)(n + 1);
}

static void rebuild(struct moon_map *m)
{
    size_t capacity = SMALLEST_CAPACITY;
    while (capacity < m->count * 2) {
        capacity *= 2;
    }
    moon_assert(capacity <= UINT32_MAX / 2);
    struct entry *old = m->entries;
    size_t old_used = m->used;

    moon_free(m->slots);
    m->entries = moon_new_array(struct entry, capacity);
    m->slots = moon_new_array(uint32_t, capacity * 2);
    m->capacity = capacity;
    m->used = 0;
    for (size_t i = 0; i < old_used; i++) {
        if (old[i].key != NULL) {
            m->entries[m->used] = old[i];
            link_entry(m, m->used++);
        }
    }
    moon_free(old);
}

void *moon_map_get(const struct moon_map *m, struct moon_str key)
{
    const struct entry *e = find(m, key);
    return e != NULL ? e->value : NULL;
}

bool moon_map_has(const struct moon_map *m, struct moon_str key)
{
    return find(m, key) != NULL;
}

/* Called last in every change, so that the callback finds the map in order. */
static void free_value(const struct moon_map *m, void *value)
{
    if (m->free_value != NULL && value != NULL) {
        m->free_value(value);
    }
}

void moon_map_set(struct moon_map *m, struct moon_str key, void *value)
{
    struct entry *e = find(m, key);
    if (e != NULL) {
        void *old = e->value;
        e->value = value;
        if (old != value) {
            free_value(m, old);
        }
        return;
    }
    if (m->used == m->capacity) {
        rebuild(m);
    }
    m->entries[m->used] = (struct entry){
        .key = moon_str_dup(key),
        .len = key.len,
        .hash = moon_str_hash(key),
        .value = value,
    };
    link_entry(m, m->used++);
    m->count++;
}

static void *remove_entry(struct moon_map *m, struct entry *e)
{
    moon_free(moon_steal(&e->key));
    m->count--;
    return moon_steal(&e->value);
}

bool moon_map_remove(struct moon_map *m, struct moon_str key)
{
    struct entry *e = find(m, key);
    if (e == NULL) {
        return false;
    }
    free_value(m, remove_entry(m, e));
    return true;
}

void *moon_map_take(struct moon_map *m, struct moon_str key)
{
    struct entry *e = find(m, key);
    return e != NULL ? remove_entry(m, e) : NULL;
}

void moon_map_clear(struct moon_map *m)
{
    for (size_t i = 0; i < m->used; i++) {
        if (m->entries[i].key != NULL) {
            free_value(m, remove_entry(m, &m->entries[i]));
        }
    }
    if (m->slots != NULL) {
        memset(m->slots, 0, slot_count(m) * sizeof(m->slots[0]));
    }
    m->used = 0;
}

bool moon_map_next(const struct moon_map *m, size_t *pos, struct moon_str *ret_key,
                   void **ret_value)
{
    while (*pos < m->used && m->entries[*pos].key == NULL) {
        (*pos)++;
    }
    if (*pos >= m->used) {
        return false;
    }
    const struct entry *e = &m->entries[(*pos)++];
    if (ret_key != NULL) {
        *ret_key = (struct moon_str){e->key, e->len};
    }
    if (ret_value != NULL) {
        *ret_value = e->value;
    }
    return true;
}
