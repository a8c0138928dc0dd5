/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_json.h - a JSON document given where YAML is read.
 *
 * Nearly all JSON is YAML, but not what libyaml accepts: keys longer than 1024 bytes and surrogate
 * pairs (what Python prints by default) are refused. So JSON takes the JSON way, with the rules of
 * yaml.h checked first. Layer: io, for yaml.c only.
 */
#ifndef MOON_IO_YAML_JSON_H
#define MOON_IO_YAML_JSON_H

#include "io/yaml.h"

/* One object or array and nothing else, in strict JSON? */
bool moon_yaml_is_json(struct moon_str text);
/* For a text that is: the tree, or NULL and an error in `name`. */
cJSON *moon_yaml_parse_json(struct moon_str text, const char *name, size_t max_nodes,
                            struct moon_err *err);

#endif
