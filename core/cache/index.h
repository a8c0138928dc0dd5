/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h - which objects of a store are under which key.
 *
 * A bucket holds the objects of one key as an array in order of insertion; an object knows its seat
 * in each of its buckets, so entering and leaving cost O(1) however full a bucket is. Leaving makes
 * a hole; holes are closed when the bucket is read or has too many. Layer: cache, for the store
 * only.
 */
#ifndef MOON_CACHE_INDEX_H
#define MOON_CACHE_INDEX_H

#include "cache/store.h"
#include "cache/symset.h"

struct moon_bucket;

/* One seat of one object. */
struct moon_link {
    struct moon_bucket *bucket;
    uint32_t pos;
};

/* All seats of one object, over all indexes. Zeroed = none. */
struct moon_links {
    struct moon_link *items;
    uint32_t count;
};

struct moon_index {
    struct moon_index_opts opts;
    struct moon_symset buckets;
};

void moon_index_init(struct moon_index *index, const struct moon_index_opts *opts);
/* Every object must have left. */
void moon_index_fini(struct moon_index *index);

/* Seat `object` under its present keys in all `count` indexes: seats under keys it had before are
 * kept (now showing `object`), others are left. NULL: leave all. */
void moon_index_update(struct moon_index *indexes, size_t count, struct moon_links *links,
                       const struct moon_object *object);

/* The objects under `key`, without holes; valid until the next update. NULL and 0 when none. */
const struct moon_object *const *moon_index_get(const struct moon_index *index, moon_sym key,
                                                size_t *ret_count);

#endif
