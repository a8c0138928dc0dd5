/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.h - YAML (or JSON) documents to cJSON trees, with the caps a hostile file needs.
 *
 * YAML 1.1 as Kubernetes reads it: unquoted true/false/yes/no/on/off (and y/n, in the spellings
 * go-yaml knows) and null and numbers are typed, everything else is text; keys become text, merge
 * keys ("<<") are applied. Aliases are expanded under a cap on the total number of nodes, duplicate
 * keys, tabs as indentation, non-scalar keys and unknown tags are errors with file:line:column.
 * Nothing is changed silently: an integer that a double cannot hold exactly (beyond 2^53), a number
 * that is infinite or none, and a text with U+0000 are errors, too; quote such integers.
 * A text that is one JSON value is read as JSON, under the same caps and rules. Layer: io.
 */
#ifndef MOON_IO_YAML_H
#define MOON_IO_YAML_H

#include "io/json.h"

struct moon_yaml_opts {
    const char *name; /* file name for errors */
    size_t max_bytes; /* 0 = 4 MB */
    size_t max_nodes; /* after alias expansion, a long text counts 1 per 256 bytes; 0 = 200,000 */
    /* Where things stand, for errors that are found later: each node of the tree with its line,
     * from
     * 1. A copy that an alias stands for is told once, as a whole; members that come from a merge
     * key are not told, and neither is anything of a JSON text. Optional. */
    void (*on_node)(const cJSON *node, size_t line, void *ctx);
    void *ctx;
};

/* All documents of a stream, empty ones left out, as a cJSON array; NULL on error. */
MOON_API cJSON *moon_yaml_parse_all(struct moon_str text, const struct moon_yaml_opts *opts,
                                    struct moon_err *err);
/* Exactly one document; an empty stream gives a null value. */
MOON_API cJSON *moon_yaml_parse(struct moon_str text, const struct moon_yaml_opts *opts,
                                struct moon_err *err);

#endif
