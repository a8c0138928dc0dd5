/* SPDX-License-Identifier: Apache-2.0
 *
 * configmap.h - projected ConfigMaps: their texts. Layer: kube.
 */
#ifndef MOON_KUBE_CONFIGMAP_H
#define MOON_KUBE_CONFIGMAP_H

#include "kube/object.h"

struct moon_configmap_item {
    char *key;
    char *text; /* NULL: binary data, which nobody reads */
    size_t len;
};

struct moon_configmap {
    struct moon_object meta;
    struct moon_configmap_item *items; /* sorted by key */
    size_t count;
};

MOON_API extern const struct moon_kind moon_kind_configmap;

static inline const struct moon_configmap *moon_configmap(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_configmap);
    return (const struct moon_configmap *)(const void *)o;
}

#endif
