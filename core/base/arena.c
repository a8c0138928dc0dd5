/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c - a chain of blocks, filled from the front, newest first.
 *
 * The first block stays for the arena's whole life, so an arena that is cleared after each
 * reconcile stops allocating once its plans fit. Free space is always zero: blocks come zeroed and
 * what is kept by a clear is wiped then.
 */
#include "base/arena.h"

#include <stdio.h>

enum {
    FIRST_BLOCK = 4096,
    LARGEST_BLOCK = 256 * 1024,
    ALIGNMENT = _Alignof(max_align_t)
};

struct block {
    struct block *older;
    size_t size;
    size_t used;
    max_align_t data[];
};

struct moon_arena {
    struct block *newest;
    size_t used;
    size_t max_bytes;
};

static struct block *block_new(size_t size, struct block *older)
{
    struct block *b = moon_alloc(sizeof(*b) + size);
    b->older = older;
    b->size = size;
    return b;
}

static struct block *drop_all_but_first(struct block *b)
{
    while (b->older != NULL) {
        struct block *older = b->older;
        moon_free(b);
        b = older;
    }
    return b;
}

struct moon_arena *moon_arena_new(size_t max_bytes)
{
    struct moon_arena *a = moon_new(struct moon_arena);
    a->newest = block_new(FIRST_BLOCK, NULL);
    a->max_bytes = max_bytes;
    return a;
}

void moon_arena_free(struct moon_arena *a)
{
    if (a == NULL) {
        return;
    }
    moon_free(drop_all_but_first(a->newest));
    moon_free(a);
}

void moon_arena_clear(struct moon_arena *a)
{
    struct block *first = drop_all_but_first(a->newest);
    memset(first->data, 0, first->used);
    first->used = 0;
    a->newest = first;
    a->used = 0;
}

size_t moon_arena_used(const struct moon_arena *a)
{
    return a->used;
}

/* Doubling keeps the chain short; a large piece gets a block that fits it. */
static void add_block(struct moon_arena *a, size_t size)
{
    size_t next = a->newest->size * 2;
    if (next > LARGEST_BLOCK) {
        next = LARGEST_BLOCK;
    }
    a->newest = block_new(size > next ? size : next, a->newest);
}

void *moon_arena_alloc(struct moon_arena *a, size_t size)
{
    moon_assert(size <= a->max_bytes && a->used <= a->max_bytes - size);
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > a->newest->size - a->newest->used) {
        add_block(a, rounded);
    }
    struct block *b = a->newest;
    void *ptr = (char *)b->data + b->used;
    b->used += rounded;
    a->used += size;
    return ptr;
}

void *moon_arena_alloc_array(struct moon_arena *a, size_t n, size_t size)
{
    size_t bytes = 0;
    bool overflow = __builtin_mul_overflow(n, size, &bytes);
    moon_assert(!overflow);
    return moon_arena_alloc(a, bytes);
}

char *moon_arena_strdup(struct moon_arena *a, const char *s)
{
    return s != NULL ? moon_arena_dup(a, moon_str(s)) : NULL;
}

char *moon_arena_dup(struct moon_arena *a, struct moon_str s)
{
    char *copy = moon_arena_alloc(a, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

char *moon_arena_printf(struct moon_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = moon_arena_vprintf(a, fmt, args);
    va_end(args);
    return text;
}

char *moon_arena_vprintf(struct moon_arena *a, const char *fmt, va_list args)
{
    va_list measured;
    va_copy(measured, args);
    int n = vsnprintf(NULL, 0, fmt, measured);
    va_end(measured);
    moon_assert(n >= 0);

    size_t size = (size_t)n + 1;
    char *text = moon_arena_alloc(a, size);
    vsnprintf(text, size, fmt, args);
    return text;
}
