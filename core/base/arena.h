/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - memory that is given back all at once: what a plan needs lives as long as the plan.
 * Layer: base.
 */
#ifndef MOON_BASE_ARENA_H
#define MOON_BASE_ARENA_H

#include <stdarg.h>

#include "base/str.h"

struct moon_arena;

/* A hard maximum guards against plans sized by the outside; going over it aborts like out of
 * memory, so owners cap what they put in. */
MOON_API struct moon_arena *moon_arena_new(size_t max_bytes);
MOON_API void moon_arena_free(struct moon_arena *a);
/* Empty it, keep the first block. */
MOON_API void moon_arena_clear(struct moon_arena *a);
MOON_API size_t moon_arena_used(const struct moon_arena *a);

/* Zeroed, aligned for any type. */
MOON_API void *moon_arena_alloc(struct moon_arena *a, size_t size) __attribute__((returns_nonnull));
/* Aborts when n * size overflows. */
MOON_API void *moon_arena_alloc_array(struct moon_arena *a, size_t n, size_t size)
    __attribute__((returns_nonnull));
MOON_API char *moon_arena_strdup(struct moon_arena *a, const char *s); /* NULL gives NULL */
MOON_API char *moon_arena_dup(struct moon_arena *a, struct moon_str s);
MOON_API char *moon_arena_printf(struct moon_arena *a, const char *fmt, ...) MOON_PRINTF(2, 3);
MOON_API char *moon_arena_vprintf(struct moon_arena *a, const char *fmt, va_list args)
    MOON_PRINTF(2, 0);

#define moon_arena_new_array(a, type, n) ((type *)moon_arena_alloc_array((a), (n), sizeof(type)))

#endif
