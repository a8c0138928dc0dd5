/* SPDX-License-Identifier: Apache-2.0
 *
 * selector.h - label selectors, in the text form of a query and the object form of a spec.
 *
 * Semantics as apimachinery's labels.Selector: requirements are ANDed, NotIn and != match when the
 * key is missing. A NULL selector matches nothing, an empty one everything. Layer: kube.
 */
#ifndef MOON_KUBE_SELECTOR_H
#define MOON_KUBE_SELECTOR_H

#include "kube/labels.h"

struct moon_selector;

/* "a=b,c!=d,e in (f,g),h notin (i),j,!k". Errors say the place in the text. */
MOON_API struct moon_selector *moon_selector_parse(struct moon_str text, struct moon_err *err);
/* {matchLabels, matchExpressions}. NULL or null is *not* accepted here: callers keep a NULL
 * selector for it. Errors name the field path below `path` ("spec.selector"). */
MOON_API struct moon_selector *moon_selector_from_json(const cJSON *json, const char *path,
                                                       struct moon_err *err);
MOON_API void moon_selector_free(struct moon_selector *s);
MOON_DEFINE_CLEANUP(struct moon_selector, moon_selector_free);

MOON_API bool moon_selector_matches(const struct moon_selector *s, const struct moon_labels *l);
MOON_API bool moon_selector_is_empty(const struct moon_selector *s); /* false for NULL */
/* The text form, requirements sorted by key: what a labelSelector query takes. */
MOON_API void moon_selector_write(const struct moon_selector *s, struct moon_buf *out);

#endif
