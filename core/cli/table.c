/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

struct moon_table {
    size_t columns;
    size_t rows;  /* the head is one */
    char **cells; /* row by row */
    size_t *widths;
};

struct moon_table *moon_table_new(const char *const *head, size_t columns)
{
    struct moon_table *t = moon_new(struct moon_table);

    t->columns = columns;
    t->widths = moon_new_array(size_t, columns);
    moon_table_add(t, head);
    return t;
}

void moon_table_free(struct moon_table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        moon_free(t->cells[i]);
    }
    moon_free(t->cells);
    moon_free(t->widths);
    moon_free(t);
}

/* Columns are counted in characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

void moon_table_add(struct moon_table *t, const char *const *cells)
{
    t->cells = moon_realloc_array(t->cells, (t->rows + 1) * t->columns, sizeof(*t->cells));
    for (size_t i = 0; i < t->columns; i++) {
        const char *cell = cells[i] != NULL && cells[i][0] != '\0' ? cells[i] : "-";
        size_t width = width_of(cell);
        t->cells[t->rows * t->columns + i] = moon_strdup(cell);
        t->widths[i] = width > t->widths[i] ? width : t->widths[i];
    }
    t->rows++;
}

size_t moon_table_count(const struct moon_table *t)
{
    return t->rows - 1;
}

void moon_table_print(const struct moon_table *t)
{
    for (size_t i = 0; t->rows > 1 && i < t->rows * t->columns; i++) {
        const char *cell = t->cells[i];
        size_t column = i % t->columns;
        if (column + 1 == t->columns) {
            (void)puts(cell);
        } else {
            (void)printf("%s%*s  ", cell, (int)(t->widths[column] - width_of(cell)), "");
        }
    }
}
