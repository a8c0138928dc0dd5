/* SPDX-License-Identifier: Apache-2.0
 *
 * custom.h - one version of a kind that a CustomResourceDefinition makes.
 *
 * It is a row like the built-in ones; what is special about custom resources (decoding by their
 * structural schema, columns by JSONPath, a status that is apart only when the definition says so)
 * hangs at kind->custom, and the general code asks there.
 */
#ifndef MOON_SIM_CUSTOM_H
#define MOON_SIM_CUSTOM_H

#include "sim/kinds.h"
#include "sim/structural.h"

/* A column: `path` is its JSONPath. */
struct moon_sim_custom_column {
    char *name;
    char *type; /* integer, number, string, boolean, date */
    char *format;
    char *description;
    char *path;
    int priority;
};

struct moon_sim_custom {
    struct moon_sim_kind kind; /* kind.custom points back here */
    cJSON *definition;         /* the spec of the CustomResourceDefinition it was made from */
    struct moon_sim_structural structural;
    struct moon_sim_custom_column *columns; /* after Name */
    size_t column_count;
    const cJSON *scale; /* subresources.scale, or NULL */
    bool is_ending;     /* its definition is being deleted: nothing new is created */
};

struct moon_sim_custom *moon_sim_custom_new(const struct moon_sim_type *object_meta, size_t store);
void moon_sim_custom_free(struct moon_sim_custom *custom);
/* Take over what a definition says about this version of its kind, also a later edition of it. */
void moon_sim_custom_set(struct moon_sim_custom *custom, const cJSON *spec, const cJSON *version);

/* Make a tree what is stored or shown of it; see moon_sim_structural_coerce. */
int moon_sim_custom_coerce(const struct moon_sim_custom *custom, cJSON *tree, cJSON *strict,
                           struct moon_err *err);
void moon_sim_custom_validate(const struct moon_sim_custom *custom, const cJSON *tree,
                              cJSON *causes);
/* Of a change through the status subresource: everything but the status is as it was. */
void moon_sim_custom_isolate_status(cJSON *tree, const cJSON *old);
/* Does the change count as a new generation? */
bool moon_sim_custom_changed(const struct moon_sim_custom *custom, const cJSON *tree,
                             const cJSON *old);

/* ---- custom_columns.c ---- */

/* Append the definitions of all columns, and the cells of one row. */
void moon_sim_custom_columns(const struct moon_sim_custom *custom, cJSON *ret_definitions);
void moon_sim_custom_cells(const struct moon_sim_custom *custom, const cJSON *tree, int64_t now_s,
                           cJSON *ret_cells);

/* ---- jsonpath.c ---- */

/* What a JSONPath (.spec.items[0].name, .a['b.c'], [*], [?(@.type=="Ready")]) finds in a tree:
 * borrowed nodes, up to `max`. -1 when it is no path we can follow. */
int moon_sim_jsonpath(const cJSON *tree, const char *path, const cJSON **ret, size_t max);

#endif
