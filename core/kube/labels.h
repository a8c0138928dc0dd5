/* SPDX-License-Identifier: Apache-2.0
 *
 * labels.h - a set of labels (or annotations), interned and sorted by key. Layer: kube.
 */
#ifndef MOON_KUBE_LABELS_H
#define MOON_KUBE_LABELS_H

#include "base/intern.h"
#include "io/json.h"

struct moon_label {
    moon_sym key;
    moon_sym value;
};

/* A value type; zeroed = empty. Sorted by the bytes of the key, keys unique. */
struct moon_labels {
    struct moon_label *items;
    size_t count;
};

/* From a JSON object of strings; NULL or null gives an empty set. A value that is not a string:
 * MOON_E_INVALID naming the key. *ret must be empty. */
MOON_API int moon_labels_from_json(const cJSON *json, struct moon_labels *ret,
                                   struct moon_err *err);
MOON_API void moon_labels_copy(const struct moon_labels *from, struct moon_labels *ret);
MOON_API void moon_labels_fini(struct moon_labels *l);
/* Insert or replace. */
MOON_API void moon_labels_set(struct moon_labels *l, const char *key, const char *value);

/* NULL when absent; borrowed from the set. */
MOON_API moon_sym moon_labels_get(const struct moon_labels *l, const char *key);
MOON_API moon_sym moon_labels_get_str(const struct moon_labels *l, struct moon_str key);
/* The same by a key that is a symbol somebody holds: a look at each, and no text is compared. */
static inline moon_sym moon_labels_get_sym(const struct moon_labels *l, moon_sym key)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].key == key) {
            return l->items[i].value;
        }
    }
    return NULL;
}
MOON_API bool moon_labels_equal(const struct moon_labels *a, const struct moon_labels *b);

#endif
