/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - rows of texts in columns as wide as their widest cell, as kubectl prints them.
 * Layer: cli.
 */
#ifndef MOON_CLI_TABLE_H
#define MOON_CLI_TABLE_H

#include "base/mem.h"

struct moon_table;

/* `head`: the columns' names. */
struct moon_table *moon_table_new(const char *const *head, size_t columns);
void moon_table_free(struct moon_table *t);
MOON_DEFINE_CLEANUP(struct moon_table, moon_table_free);
/* As many cells as columns; copied. NULL is "-". */
void moon_table_add(struct moon_table *t, const char *const *cells);
size_t moon_table_count(const struct moon_table *t);
/* To standard output; nothing when there are no rows. */
void moon_table_print(const struct moon_table *t);

#endif
