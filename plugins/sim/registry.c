/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/registry.h"

#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "sim/reviews.h"

enum {
    KEY_MAX = 512
};

struct moon_sim_kinds {
    const struct moon_sim_kind **rows;
    size_t count;
    size_t stores;
    struct moon_map *by_resource; /* "group/version/resource" → const struct moon_sim_kind */
    struct moon_sim_kind *own;    /* copies of the rows that come without an index */
};

/* False when it is longer than any name that is served. */
static bool make_key(const char *group, const char *version, const char *resource,
                     char out[KEY_MAX], struct moon_str *ret)
{
    int len = snprintf(out, KEY_MAX, "%s/%s/%s", group, version, resource);
    *ret = (struct moon_str){out, (size_t)len};
    return len >= 0 && len < KEY_MAX;
}

struct moon_sim_kinds *moon_sim_kinds_new(void)
{
    struct moon_sim_kinds *kinds = moon_new(struct moon_sim_kinds);
    kinds->by_resource = moon_map_new(NULL);
    kinds->stores = moon_sim_kind_count();
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        moon_sim_kinds_add(kinds, moon_sim_kind_at(i));
    }
    size_t quiet = moon_sim_quiet_count();
    size_t count = quiet + moon_sim_review_count();
    kinds->own = moon_new_array(struct moon_sim_kind, count);
    for (size_t i = 0; i < count; i++) {
        kinds->own[i] = i < quiet ? *moon_sim_quiet_at(i) : *moon_sim_review_at(i - quiet);
        kinds->own[i].is_quiet = i < quiet;
        kinds->own[i].index = moon_sim_kinds_new_store(kinds);
        moon_sim_kinds_add(kinds, &kinds->own[i]);
    }
    return kinds;
}

void moon_sim_kinds_free(struct moon_sim_kinds *kinds)
{
    if (kinds != NULL) {
        moon_map_free(kinds->by_resource);
        moon_free(kinds->own);
        moon_free(kinds->rows);
        moon_free(kinds);
    }
}

void moon_sim_kinds_add(struct moon_sim_kinds *kinds, const struct moon_sim_kind *kind)
{
    char text[KEY_MAX];
    struct moon_str key;
    bool fits = make_key(kind->group, kind->version, kind->resource, text, &key);
    moon_assert(fits && kind->index < kinds->stores && !moon_map_has(kinds->by_resource, key));
    kinds->rows = moon_realloc_array(kinds->rows, kinds->count + 1, sizeof(*kinds->rows));
    kinds->rows[kinds->count++] = kind;
    moon_map_set(kinds->by_resource, key, (void *)(uintptr_t)kind);
}

void moon_sim_kinds_remove(struct moon_sim_kinds *kinds, const struct moon_sim_kind *kind)
{
    char text[KEY_MAX];
    struct moon_str key;
    size_t n = 0;
    for (size_t i = 0; i < kinds->count; i++) {
        if (kinds->rows[i] != kind) {
            kinds->rows[n++] = kinds->rows[i];
        }
    }
    moon_assert(n + 1 == kinds->count &&
                make_key(kind->group, kind->version, kind->resource, text, &key));
    kinds->count = n;
    (void)moon_map_remove(kinds->by_resource, key);
}

size_t moon_sim_kinds_new_store(struct moon_sim_kinds *kinds)
{
    return kinds->stores++;
}

size_t moon_sim_kinds_stores(const struct moon_sim_kinds *kinds)
{
    return kinds->stores;
}

const struct moon_sim_kind *moon_sim_kinds_next(const struct moon_sim_kinds *kinds, size_t *pos)
{
    return *pos < kinds->count ? kinds->rows[(*pos)++] : NULL;
}

const struct moon_sim_kind *moon_sim_kinds_by_resource(const struct moon_sim_kinds *kinds,
                                                       const char *group, const char *version,
                                                       const char *resource)
{
    char text[KEY_MAX];
    struct moon_str key;
    return make_key(group, version, resource, text, &key) ? moon_map_get(kinds->by_resource, key)
                                                          : NULL;
}

const struct moon_sim_kind *moon_sim_kinds_by_name(const struct moon_sim_kinds *kinds,
                                                   const char *group, const char *kind)
{
    for (size_t i = 0; i < kinds->count; i++) {
        if (moon_streq(kinds->rows[i]->group, group) && moon_streq(kinds->rows[i]->kind, kind)) {
            return kinds->rows[i];
        }
    }
    return NULL;
}

bool moon_sim_kinds_has_version(const struct moon_sim_kinds *kinds, const char *group,
                                const char *version)
{
    for (size_t i = 0; i < kinds->count; i++) {
        if (moon_streq(kinds->rows[i]->group, group) &&
            moon_streq(kinds->rows[i]->version, version)) {
            return true;
        }
    }
    return false;
}
