/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - hash map from text to pointer; remembers the order of insertion.
 *
 * Open addressing over a dense entry array, so iteration follows insertion order (deletions leave
 * gaps that are squeezed out when the table grows) and the same operations always give the same
 * order: decisions must not depend on a hash seed. Keys are copied and
 * terminated. Layer: base.
 */
#ifndef MOON_BASE_MAP_H
#define MOON_BASE_MAP_H

#include "base/str.h"

struct moon_map;

/* `free_value` (may be NULL) is called for each value that is replaced, removed or left at free. */
MOON_API struct moon_map *moon_map_new(void (*free_value)(void *value));
MOON_API void moon_map_free(struct moon_map *m);
MOON_DEFINE_CLEANUP(struct moon_map, moon_map_free);

MOON_API size_t moon_map_count(const struct moon_map *m);
MOON_API void *moon_map_get(const struct moon_map *m, struct moon_str key); /* NULL: not there */
MOON_API bool moon_map_has(const struct moon_map *m, struct moon_str key);
/* Insert or replace. `value` may be NULL (a set of keys). */
MOON_API void moon_map_set(struct moon_map *m, struct moon_str key, void *value);
/* True when it was there; the value is freed. */
MOON_API bool moon_map_remove(struct moon_map *m, struct moon_str key);
/* Remove without freeing; NULL when not there. */
MOON_API void *moon_map_take(struct moon_map *m, struct moon_str key);
MOON_API void moon_map_clear(struct moon_map *m);

/* Iterate in insertion order: size_t pos = 0; while (moon_map_next(m, &pos, &key, &value)) …
 * Removing the current key while iterating is fine, inserting is not. Both outputs may be NULL. */
MOON_API bool moon_map_next(const struct moon_map *m, size_t *pos, struct moon_str *ret_key,
                            void **ret_value);

#endif
