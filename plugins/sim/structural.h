/* SPDX-License-Identifier: Apache-2.0
 *
 * structural.h - the OpenAPI v3 schema of a custom resource, and what it does to a value.
 *
 * A structural schema says for each field what it is, so a server can drop what it does not know
 * (prune), fill in defaults and check values. The schema is interpreted as the tree in which its
 * CustomResourceDefinition holds it: a decoded JSONSchemaProps. Messages are those of the server.
 */
#ifndef MOON_SIM_STRUCTURAL_H
#define MOON_SIM_STRUCTURAL_H

#include "sim/schema.h"

/* What metadata of the object and of the objects embedded in it is decoded as: ObjectMeta. */
struct moon_sim_structural {
    const cJSON *schema;
    const struct moon_sim_type *object_meta;
};

/* Drop unknown fields, and nulls where none may be, and put in defaults. The members of the object
 * come out sorted, metadata in the order of its type. When `strict` (a JSON array) is given, each
 * dropped field adds its message to it. MOON_E_INVALID: metadata is not what it must be. */
int moon_sim_structural_coerce(const struct moon_sim_structural *s, cJSON *object, cJSON *strict,
                               struct moon_err *err);

/* Add what is wrong with the object to `causes` (status.h). */
void moon_sim_structural_validate(const struct moon_sim_structural *s, const cJSON *object,
                                  cJSON *causes);
/* The same for a value somewhere below `path`, e.g. a default. */
void moon_sim_structural_validate_value(const cJSON *schema, const cJSON *value, const char *path,
                                        cJSON *causes);

/* A pattern of Go's dialect as a POSIX extended regular expression, NULL when it cannot be said in
 * one: \d \D \w \W \s \S and escapes in brackets are translated, non-capturing groups capture; look
 * at the differences in README.md. */
char *moon_sim_structural_pattern(const char *pattern);

/* structural_format.c: is `text` of this `format`? True for formats that are not known. */
bool moon_sim_format_matches(const char *format, const char *text);

#endif
