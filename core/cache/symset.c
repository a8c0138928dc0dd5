/* SPDX-License-Identifier: Apache-2.0
 *
 * symset.c - open addressing with linear probing; removing closes the gap (Knuth 6.4, algorithm R),
 * so that a set through which many things pass needs no tombstones.
 */
#include "cache/symset.h"

enum {
    SMALLEST_SIZE = 8
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 29;
    return x;
}

static size_t home_of(const struct moon_symset *set, struct moon_symkey key)
{
    uint64_t hash = mix(mix((uint64_t)(uintptr_t)key.first) + (uint64_t)(uintptr_t)key.second);
    return (size_t)hash & (set->size - 1);
}

static size_t after(const struct moon_symset *set, size_t i)
{
    return (i + 1) & (set->size - 1);
}

static bool is_key(const struct moon_symset *set, const void *thing, struct moon_symkey key)
{
    struct moon_symkey own = set->key(thing);
    return own.first == key.first && own.second == key.second;
}

void moon_symset_fini(struct moon_symset *set)
{
    moon_free(set->slots);
    set->slots = NULL;
    set->size = 0;
    set->count = 0;
}

/* The slot of the key, or the free one where it belongs. */
static size_t find(const struct moon_symset *set, struct moon_symkey key)
{
    size_t i = home_of(set, key);
    while (set->slots[i] != NULL && !is_key(set, set->slots[i], key)) {
        i = after(set, i);
    }
    return i;
}

void *moon_symset_get(const struct moon_symset *set, struct moon_symkey key)
{
    return set->count > 0 ? set->slots[find(set, key)] : NULL;
}

static void resize(struct moon_symset *set, size_t size)
{
    void **old = set->slots;
    size_t old_size = set->size;
    set->slots = moon_new_array(void *, size);
    set->size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != NULL) {
            set->slots[find(set, set->key(old[i]))] = old[i];
        }
    }
    moon_free(old);
}

void moon_symset_add(struct moon_symset *set, void *thing)
{
    if ((set->count + 1) * 3 > set->size * 2) {
        resize(set, set->size > 0 ? set->size * 2 : SMALLEST_SIZE);
    }
    size_t i = find(set, set->key(thing));
    moon_assert(set->slots[i] == NULL);
    set->slots[i] = thing;
    set->count++;
}

/* Would a thing in slot `from` be found in the free slot `to`, that is: does `to` lie on the way
 * from its home to `from`? */
static bool may_move(const struct moon_symset *set, size_t from, size_t to)
{
    size_t home = home_of(set, set->key(set->slots[from]));
    size_t mask = set->size - 1;
    return ((from - home) & mask) >= ((from - to) & mask);
}

void moon_symset_remove(struct moon_symset *set, const void *thing)
{
    moon_assert(set->count > 0);
    size_t gap = find(set, set->key(thing));
    moon_assert(set->slots[gap] == thing);
    for (size_t i = after(set, gap); set->slots[i] != NULL; i = after(set, i)) {
        if (may_move(set, i, gap)) {
            set->slots[gap] = set->slots[i];
            gap = i;
        }
    }
    set->slots[gap] = NULL;
    set->count--;
    if (set->count == 0) {
        moon_symset_fini(set);
    }
}
