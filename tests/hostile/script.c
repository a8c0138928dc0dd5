/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

#include "world.h"

bool script_head(const char *text, const char *key, char *out, size_t size)
{
    const char *at = strstr(text, key);

    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

bool script_read(const char *text, struct expectation *e)
{
    char line[64];
    char nodes[16] = "1";

    *e = (struct expectation){0};
    (void)script_head(text, "-- nodes: ", nodes, sizeof(nodes));
    e->nodes = (size_t)strtoull(nodes, NULL, 10);
    (void)script_head(text, "-- says: ", e->says, sizeof(e->says));
    return e->nodes >= 1 && e->nodes <= WORLD_NODES &&
           script_head(text, "-- expect: ", line, sizeof(line)) &&
           sscanf(line, "%31s in %15s", e->kind, e->hook) == 2;
}

static void add_repeated(struct moon_buf *out, struct moon_str line, bool in_lines)
{
    struct moon_str text = {line.ptr + 3, line.len - 3};
    struct moon_str number;
    uint64_t n = 0;

    (void)moon_str_split(&text, ' ', &number);
    moon_assert(moon_parse_u64(number, &n));
    for (uint64_t i = 0; i < n; i++) {
        moon_buf_add_str(out, text);
        if (in_lines) {
            moon_buf_putc(out, '\n');
        }
    }
}

void script_expand(struct moon_str source, struct moon_buf *out)
{
    struct moon_str rest = source;
    struct moon_str line;

    while (rest.len > 0 && moon_str_split(&rest, '\n', &line)) {
        if (moon_str_starts(line, "--*") || moon_str_starts(line, "--+")) {
            add_repeated(out, line, line.ptr[2] == '*');
        } else {
            moon_buf_add_str(out, line);
        }
        if (!moon_str_starts(line, "--+")) {
            moon_buf_putc(out, '\n');
        }
    }
}
