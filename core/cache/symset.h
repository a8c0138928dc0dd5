/* SPDX-License-Identifier: Apache-2.0
 *
 * symset.h - a hash set of things that are found by one or two symbols.
 *
 * Holds pointers only (8 bytes a slot, at most 2/3 full) and asks a callback for the symbols of a
 * thing, because half a million pods are found in two ways each. Symbols are compared as pointers.
 * The symbols of a thing must not change while it is in the set. There is no iterating on purpose:
 * the order would depend on addresses, and so on luck. Layer: cache, for its own files only.
 */
#ifndef MOON_CACHE_SYMSET_H
#define MOON_CACHE_SYMSET_H

#include "base/intern.h"

struct moon_symkey {
    moon_sym first;
    moon_sym second; /* NULL when one is enough */
};

/* Zeroed but for `key` = empty. */
struct moon_symset {
    struct moon_symkey (*key)(const void *thing);
    void **slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

void moon_symset_fini(struct moon_symset *set);
void *moon_symset_get(const struct moon_symset *set, struct moon_symkey key);
/* Nothing with the same key may be in the set. */
void moon_symset_add(struct moon_symset *set, void *thing);
/* `thing` must be in the set. */
void moon_symset_remove(struct moon_symset *set, const void *thing);

#endif
