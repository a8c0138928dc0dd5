/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_tally.h"

#include <stdlib.h>

#include "base/map.h"

struct moon_tally {
    struct moon_map *reasons; /* text to a count as a pointer-sized number */
};

struct moon_tally *moon_tally_new(void)
{
    struct moon_tally *t = moon_new(struct moon_tally);
    t->reasons = moon_map_new(NULL);
    return t;
}

void moon_tally_free(struct moon_tally *t)
{
    moon_map_free(t->reasons);
    moon_free(t);
}

void moon_tally_add(struct moon_tally *t, const char *reason, size_t nodes)
{
    struct moon_str key = moon_str(reason);
    size_t before = (size_t)(uintptr_t)moon_map_get(t->reasons, key);
    moon_map_set(t->reasons, key, (void *)(uintptr_t)(before + nodes));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted as text, numbers included: "10 …" comes before "2 …", as upstream. */
void moon_tally_write(const struct moon_tally *t, size_t nodes, struct moon_buf *out)
{
    size_t count = moon_map_count(t->reasons);
    MOON_AUTOFREE char **lines = moon_new_array(char *, count + 1);
    size_t used = 0;
    size_t pos = 0;
    struct moon_str reason;
    void *number;
    while (moon_map_next(t->reasons, &pos, &reason, &number)) {
        lines[used++] = moon_asprintf("%zu %.*s", (size_t)(uintptr_t)number, MOON_STR_ARG(reason));
    }
    qsort(lines, used, sizeof(*lines), by_text);
    moon_buf_printf(out, "0/%zu nodes are available", nodes);
    for (size_t i = 0; i < used; i++) {
        moon_buf_printf(out, "%s%s", i == 0 ? ": " : ", ", lines[i]);
        moon_free(lines[i]);
    }
    moon_buf_putc(out, '.');
}
