/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.h - the types of the kinds served, and decoding by them.
 *
 * A real API server decodes a body into Go structs and prints those again: unknown fields go,
 * empty ones that are `omitempty` go, quantities and times come out in canonical form, members in
 * the order of the struct. moon_sim_schema_decode does the same to a tree. The table also tells a
 * strategic merge patch its merge keys and OpenAPI its fields, so nothing is written down twice.
 */
#ifndef MOON_SIM_SCHEMA_H
#define MOON_SIM_SCHEMA_H

#include "sim/tree.h"

enum moon_sim_scalar {
    MOON_SIM_STRUCT, /* field->type says which */
    MOON_SIM_STRING,
    MOON_SIM_BOOL,
    MOON_SIM_INT32,
    MOON_SIM_INT64,
    MOON_SIM_QUANTITY,
    MOON_SIM_INTSTR,
    MOON_SIM_TIME,
    MOON_SIM_MICROTIME,
    MOON_SIM_BYTES,
    MOON_SIM_RAW
};

enum moon_sim_shape {
    MOON_SIM_ONE,
    MOON_SIM_LIST,
    MOON_SIM_MAP
};

struct moon_sim_type;

struct moon_sim_field {
    char *name;
    enum moon_sim_shape shape;
    enum moon_sim_scalar scalar;
    const struct moon_sim_type *type; /* MOON_SIM_STRUCT only */
    bool always;                      /* printed also when empty */
    bool pointer;                     /* a zero value differs from none */
    bool or_bool;                     /* of a struct: true or false will do */
    bool merges;                      /* a list that a strategic patch merges */
    bool retain_keys;
    char *merge_key; /* NULL: a list of scalars */
};

struct moon_sim_type {
    char *name;
    struct moon_sim_field *fields;
    size_t count;
};

struct moon_sim_schema;

/* From the built-in table; cannot fail. */
struct moon_sim_schema *moon_sim_schema_new(void);
void moon_sim_schema_free(struct moon_sim_schema *schema);

/* NULL: no such type or field. Iterate all: pos = 0; while ((t = moon_sim_schema_next(…))) … */
const struct moon_sim_type *moon_sim_schema_type(const struct moon_sim_schema *schema,
                                                 const char *name);
const struct moon_sim_type *moon_sim_schema_next(const struct moon_sim_schema *schema, size_t *pos);
const struct moon_sim_field *moon_sim_type_field(const struct moon_sim_type *type,
                                                 const char *name);

/* Make `object` what the server would store of it. Unknown and duplicate fields are dropped; when
 * `strict` (a JSON array) is given, each adds its message (unknown field "spec.x"). A value of the
 * wrong type: MOON_E_INVALID with the server's words. */
int moon_sim_schema_decode(const struct moon_sim_type *type, cJSON *object, cJSON *strict,
                           struct moon_err *err);

#endif
