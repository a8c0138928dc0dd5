/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - JSON trees that lose nothing: what the simulated API server works on between reading a
 * body and storing its text.
 *
 * A cJSON tree holds numbers as doubles and cuts strings at U+0000. Here a number that a double or
 * cJSON's printer would change, and a string with U+0000, become cJSON_Raw nodes that carry their
 * literal, so 9007199254740993 in a template comes back as it went in. The accessors below know
 * both forms; cJSON_IsNumber and cJSON_IsString alone do not. Only core/base and core/io below.
 */
#ifndef MOON_SIM_TREE_H
#define MOON_SIM_TREE_H

#include "io/json.h"

/* Parse without loss; duplicate keys stay. NULL and *err on error. */
cJSON *moon_sim_tree_parse(struct moon_str text, struct moon_err *err);
/* Print without white space, members in their order, strings with Go's escapes. */
void moon_sim_tree_print(const cJSON *tree, struct moon_buf *out);

bool moon_sim_is_string(const cJSON *node);
bool moon_sim_is_number(const cJSON *node);
/* The number as an integer of 64 bits; false when it is none. */
bool moon_sim_to_int(const cJSON *node, int64_t *ret);
/* Equal as JSON values; the order of members does not matter, members that are null do. */
bool moon_sim_tree_equal(const cJSON *a, const cJSON *b);
/* Equal, and a missing member, null, {} and [] are the same: Go's semantic equality after decoding.
 * NULL is fine for either. */
bool moon_sim_tree_same(const cJSON *a, const cJSON *b);

/* Members by dotted path, for keys without dots; NULL when absent or null. */
cJSON *moon_sim_get(const cJSON *tree, const char *path);
/* "" when absent or not a string, so that comparing needs no check. */
const char *moon_sim_text(const cJSON *tree, const char *path);
int64_t moon_sim_int(const cJSON *tree, const char *path, int64_t fallback);
bool moon_sim_true(const cJSON *tree, const char *path);
/* One member by its whole key (it may contain dots). */
cJSON *moon_sim_member(const cJSON *object, const char *key);

/* Put `value` (owned by the tree from then on) in place of the member, or at the end. NULL removes.
 */
void moon_sim_set(cJSON *object, const char *key, cJSON *take_value);
void moon_sim_set_text(cJSON *object, const char *key, const char *text);
void moon_sim_set_int(cJSON *object, const char *key, int64_t value);
void moon_sim_set_bool(cJSON *object, const char *key, bool value);
void moon_sim_remove(cJSON *object, const char *key);
/* The object at `key`, made when absent or null. */
cJSON *moon_sim_ensure(cJSON *object, const char *key);
/* Set the member when it is absent or null. */
void moon_sim_default_text(cJSON *object, const char *key, const char *text);
void moon_sim_default_int(cJSON *object, const char *key, int64_t value);
void moon_sim_default_bool(cJSON *object, const char *key, bool value);

/* Sort the members of all objects by key, as Go prints a map. Duplicates are not removed. */
void moon_sim_tree_sort(cJSON *tree);
/* The same for the members of one object, and not for what is below. */
void moon_sim_tree_sort_members(cJSON *tree);

/* Of members with the same key only the last stays, as in Go's maps. */
void moon_sim_tree_unique(cJSON *tree);
/* Containers inside each other, the tree itself included; 0 for a scalar. */
size_t moon_sim_tree_depth(const cJSON *tree);

/* Insert before the child at `index` (at the end when there are fewer); an object's member must
 * have its key. */
void moon_sim_insert(cJSON *parent, int index, cJSON *take_child);

/* An integer node that prints exactly. */
cJSON *moon_sim_new_int(int64_t value);
cJSON *moon_sim_clone(const cJSON *tree); /* NULL gives NULL */
/* The index of a string in an array of strings, or -1. */
int moon_sim_index_of(const cJSON *array, const char *text);

#endif
