/* SPDX-License-Identifier: Apache-2.0
 *
 * selectors.h - label and field selectors of list, watch and deletecollection.
 *
 * Both are parsed from their query texts with the server's words for what is wrong, and matched
 * against stored objects. Requirements are joined by "and"; an empty selector matches everything.
 */
#ifndef MOON_SIM_SELECTORS_H
#define MOON_SIM_SELECTORS_H

#include "sim/objdb.h"

struct moon_sim_selector;

/* `labels` and `fields` may be NULL or "". NULL and *err (MOON_E_INVALID) when one is wrong, or
 * when the kind does not know the field. */
struct moon_sim_selector *moon_sim_selector_new(const struct moon_sim_kind *kind,
                                                const char *labels, const char *fields,
                                                struct moon_err *err);
/* From a LabelSelector of an object (matchLabels, matchExpressions); NULL selects nothing, an empty
 * one everything. */
struct moon_sim_selector *moon_sim_selector_from_tree(const cJSON *label_selector,
                                                      struct moon_err *err);
void moon_sim_selector_free(struct moon_sim_selector *selector);
MOON_DEFINE_CLEANUP(struct moon_sim_selector, moon_sim_selector_free);

bool moon_sim_selector_matches(const struct moon_sim_selector *selector,
                               const struct moon_sim_obj *obj);
/* Label part only, against a map of labels in a tree (NULL: none). */
bool moon_sim_selector_matches_labels(const struct moon_sim_selector *selector,
                                      const cJSON *labels);
bool moon_sim_selector_is_empty(const struct moon_sim_selector *selector);

/* The value of a field of a stored object by its path, as field selectors see it: "" when absent.
 * `scratch` receives texts that are not kept apart. */
const char *moon_sim_field_value(const struct moon_sim_obj *obj, const char *path,
                                 struct moon_buf *scratch);

#endif
