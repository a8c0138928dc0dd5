/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_scalar.h - what an unquoted YAML scalar means.
 *
 * The rules are those of go-yaml v2, which Kubernetes reads manifests with: 0644 is octal, yes is
 * true, 2001-01-01 and 1:30 are text. Layer: io, for the yaml files only.
 */
#ifndef MOON_IO_YAML_SCALAR_H
#define MOON_IO_YAML_SCALAR_H

#include "io/json.h"

/* The node for a plain scalar without a tag. NULL and *ret_problem when the value cannot be held
 * exactly. `text` holds no U+0000. */
cJSON *moon_yaml_plain_scalar(struct moon_str text, const char **ret_problem);

/* A text node; `text` holds no U+0000. */
cJSON *moon_yaml_text(struct moon_str text);

/* An integer literal (JSON's, too) that a double does not hold, and what to say then. */
bool moon_yaml_is_inexact_integer(struct moon_str number);
extern const char moon_yaml_not_exact[];

#endif
