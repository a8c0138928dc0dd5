/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/coverage.h"

#include "base/buf.h"
#include "base/map.h"

enum {
    DUMP_MAX_BYTES = 8 << 20,
    LINES_MAX = 1 << 20,
    ABSOLUTE_LINE = -0x80,
};

enum line_state {
    LINE_EMPTY,
    LINE_HAS_CODE,
    LINE_RUN,
};

struct lines {
    unsigned char *states; /* by line */
    size_t count;
};

struct moon_coverage {
    struct moon_map *files; /* "x.lua" -> lines, owned */
};

static void lines_free(void *value)
{
    struct lines *l = value;

    moon_free(l->states);
    moon_free(l);
}

struct moon_coverage *moon_coverage_new(void)
{
    struct moon_coverage *c = moon_new(struct moon_coverage);

    c->files = moon_map_new(lines_free);
    return c;
}

void moon_coverage_free(struct moon_coverage *c)
{
    if (c != NULL) {
        moon_map_free(c->files);
        moon_free(c);
    }
}

static void mark_code(struct lines *l, int64_t line)
{
    if (line <= 0 || line >= LINES_MAX) {
        return;
    }
    size_t at = (size_t)line;
    if (at >= l->count) {
        l->states = moon_realloc_array(l->states, at + 1, 1);
        memset(l->states + l->count, LINE_EMPTY, at + 1 - l->count);
        l->count = at + 1;
    }
    l->states[at] = LINE_HAS_CODE;
}

/* ---- compiled chunks, as Lua 5.4 writes them (ldump.c) ---- */

struct reading {
    struct moon_str rest;
    bool failed;
    struct lines *lines;
};

static struct moon_str take(struct reading *r, size_t len)
{
    struct moon_str piece = {r->rest.ptr, len};

    if (len > r->rest.len) {
        r->failed = true;
        return (struct moon_str){NULL, 0};
    }
    r->rest = (struct moon_str){r->rest.ptr + len, r->rest.len - len};
    return piece;
}

static unsigned take_byte(struct reading *r)
{
    struct moon_str piece = take(r, 1);

    return piece.len == 1 ? (unsigned char)piece.ptr[0] : 0;
}

/* Seven bits a byte, the highest first; the last one has the eighth bit set. */
static size_t take_size(struct reading *r)
{
    size_t value = 0;

    while (!r->failed && value < SIZE_MAX >> 7) {
        unsigned byte = take_byte(r);
        value = value << 7 | (byte & 0x7f);
        if ((byte & 0x80) != 0) {
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static void skip_text(struct reading *r)
{
    size_t size = take_size(r);

    (void)take(r, size > 0 ? size - 1 : 0);
}

static void skip_constant(struct reading *r)
{
    switch (take_byte(r)) {
    case 0x03: /* integer */
        (void)take(r, sizeof(lua_Integer));
        return;
    case 0x13: /* float */
        (void)take(r, sizeof(lua_Number));
        return;
    case 0x04: /* short and long strings */
    case 0x14:
        skip_text(r);
        return;
    default: /* nil, false, true */
        return;
    }
}

/* The line of each instruction is told by its difference to the one before. Not of the last: that
 * is the return at a function's `end`, which is seldom come to; and not of the first one of a
 * chunk, which prepares its arguments. */
static void mark_function(struct reading *r, int64_t line, bool is_vararg)
{
    struct moon_str steps = take(r, take_size(r));
    size_t absolute_count = take_size(r);
    struct reading absolutes = *r;

    for (size_t i = 0; i < absolute_count && !r->failed; i++) {
        (void)take_size(r);
        (void)take_size(r);
    }
    for (size_t i = 0; i + 1 < steps.len && !r->failed; i++) {
        int byte = (unsigned char)steps.ptr[i];
        int step = byte < 0x80 ? byte : byte - 0x100;
        if (step == ABSOLUTE_LINE) {
            (void)take_size(&absolutes);
            line = (int64_t)take_size(&absolutes);
        } else {
            line += step;
        }
        if (i > 0 || !is_vararg) {
            mark_code(r->lines, line);
        }
    }
}

static void skip_names(struct reading *r)
{
    size_t locals = take_size(r);

    for (size_t i = 0; i < locals && !r->failed; i++) {
        skip_text(r);
        (void)take_size(r);
        (void)take_size(r);
    }
    size_t upvalues = take_size(r);
    for (size_t i = 0; i < upvalues && !r->failed; i++) {
        skip_text(r);
    }
}

static void read_function(struct reading *r, unsigned depth);

static void read_nested(struct reading *r, unsigned depth)
{
    size_t count = take_size(r);

    for (size_t i = 0; i < count && !r->failed; i++) {
        read_function(r, depth + 1);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): Lua nests functions at most 200 deep */
static void read_function(struct reading *r, unsigned depth)
{
    enum {
        INSTRUCTION_BYTES = 4,
        UPVALUE_BYTES = 3,
        MAX_DEPTH = 200,
    };

    r->failed |= depth > MAX_DEPTH;
    skip_text(r); /* source */
    size_t line = take_size(r);
    (void)take_size(r); /* the last line */
    (void)take_byte(r); /* parameters */
    bool is_vararg = take_byte(r) != 0;
    (void)take_byte(r); /* stack */
    (void)take(r, take_size(r) * INSTRUCTION_BYTES);
    size_t constants = take_size(r);
    for (size_t i = 0; i < constants && !r->failed; i++) {
        skip_constant(r);
    }
    (void)take(r, take_size(r) * UPVALUE_BYTES);
    read_nested(r, depth);
    mark_function(r, (int64_t)line, is_vararg);
    skip_names(r);
}

/* False: not the format that is known here. */
static bool read_chunk(struct moon_str dump, struct lines *lines)
{
    static const char head[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";
    struct reading r = {.rest = dump, .lines = lines};
    struct moon_str begin = take(&r, sizeof(head) - 1);

    if (begin.len == 0 || memcmp(begin.ptr, head, begin.len) != 0) {
        return false;
    }
    /* Sizes of an instruction, an integer and a float, one of each, and the number of upvalues. */
    (void)take(&r, 3 + sizeof(lua_Integer) + sizeof(lua_Number) + 1);
    read_function(&r, 0);
    return !r.failed && r.rest.len == 0;
}

static int write_piece(lua_State *L MOON_UNUSED, const void *data, size_t len, void *ctx)
{
    struct moon_buf *out = ctx;

    moon_buf_add(out, data, len);
    return 0;
}

void moon_coverage_chunk(struct moon_coverage *c, lua_State *L, const char *name)
{
    const char *file = name[0] == '@' ? name + 1 : name;
    struct moon_buf dump = MOON_BUF_INIT(DUMP_MAX_BYTES);

    if (moon_map_has(c->files, moon_str(file))) {
        return;
    }
    struct lines *lines = moon_new(struct lines);
    (void)lua_dump(L, write_piece, &dump, 0);
    if (!read_chunk(moon_buf_str(&dump), lines)) {
        lines->count = 0; /* another Lua: nothing is known of this one */
    }
    moon_buf_fini(&dump);
    moon_map_set(c->files, moon_str(file), lines);
}

/* ---- running ---- */

void moon_coverage_line(struct moon_coverage *c, lua_State *L, lua_Debug *ar)
{
    if (lua_getinfo(L, "S", ar) == 0 || ar->source[0] != '@') {
        return;
    }
    struct lines *lines = moon_map_get(c->files, moon_str(ar->source + 1));
    if (lines != NULL && ar->currentline > 0 && (size_t)ar->currentline < lines->count &&
        lines->states[ar->currentline] == LINE_HAS_CODE) {
        lines->states[ar->currentline] = LINE_RUN;
    }
}

static void tell(const char *file, const struct lines *lines,
                 void (*fn)(const struct moon_coverage_file *f, void *ctx), void *ctx)
{
    MOON_AUTOFREE size_t *never = moon_new_array(size_t, lines->count + 1);
    struct moon_coverage_file f = {.file = file, .never = never};

    for (size_t i = 0; i < lines->count; i++) {
        f.total += lines->states[i] != LINE_EMPTY;
        if (lines->states[i] == LINE_HAS_CODE) {
            never[f.never_count++] = i;
        }
    }
    fn(&f, ctx);
}

void moon_coverage_each(const struct moon_coverage *c,
                        void (*fn)(const struct moon_coverage_file *f, void *ctx), void *ctx)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;

    while (moon_map_next(c->files, &pos, &name, &value)) {
        MOON_AUTOFREE char *file = moon_str_dup(name);
        tell(file, value, fn, ctx);
    }
}
