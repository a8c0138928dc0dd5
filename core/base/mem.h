/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.h - memory that cannot fail, scope-bound cleanup, and checks that are on in every build.
 *
 * Out of memory ends the process with one line on stderr: moonset keeps no state that the API
 * server does not have, so a restart is the best recovery, and no caller needs an untestable error
 * branch. Whatever is sized by the outside is capped by its owner (buf.h, arena.h), not here.
 * Layer: base.
 */
#ifndef MOON_BASE_MEM_H
#define MOON_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The surface that plugins and tests may link against; everything else is hidden. */
#define MOON_API __attribute__((visibility("default")))

#define MOON_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MOON_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MOON_UNUSED __attribute__((unused))

/* Zeroed memory; never NULL. moon_alloc_array aborts when n * size overflows. */
MOON_API void *moon_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
MOON_API void *moon_alloc_array(size_t n, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* Grow or shrink an array of `n` elements; new elements are *not* zeroed. n == 0 is fine. */
MOON_API void *moon_realloc_array(void *ptr, size_t n, size_t size)
    __attribute__((returns_nonnull));

/* NULL is fine. */
MOON_API void moon_free(void *ptr);

#define moon_new(type) ((type *)moon_alloc(sizeof(type)))
#define moon_new_array(type, n) ((type *)moon_alloc_array((n), sizeof(type)))

/* Copies; a NULL source gives NULL. moon_strndup copies at most n bytes and adds the end. */
MOON_API char *moon_strdup(const char *s);
MOON_API char *moon_strndup(const char *s, size_t n);
MOON_API char *moon_asprintf(const char *fmt, ...) MOON_PRINTF(1, 2);

/* Free *p when the variable leaves its scope: MOON_CLEANUP(moon_free_ptr) char *s = …; */
#define MOON_CLEANUP(fn) __attribute__((cleanup(fn)))
static inline void moon_free_ptr(void *pointer_to_pointer)
{
    void **p = pointer_to_pointer;
    moon_free(*p);
}
#define MOON_AUTOFREE MOON_CLEANUP(moon_free_ptr)

/* Defines `name`_ptr(type **) that calls name(*p), for MOON_CLEANUP. */
#define MOON_DEFINE_CLEANUP(type, name)                                                            \
    static inline void name##_ptr(type **p) /* NOLINT(bugprone-macro-parentheses) */               \
    {                                                                                              \
        name(*p);                                                                                  \
    }                                                                                              \
    struct moon_semicolon_swallower

/* Take a pointer out of a scope-bound variable: return moon_steal(&p); */
#define moon_steal(p)                                                                              \
    __extension__({                                                                                \
        __typeof__(*(p)) moon_stolen_ = *(p);                                                      \
        *(p) = NULL;                                                                               \
        moon_stolen_;                                                                              \
    })

/* Arguments, states, "cannot happen"; never for input. Prints expression and place, aborts. */
MOON_API void moon_assert_failed(const char *expression, const char *file, int line)
    __attribute__((noreturn, cold));
#define moon_assert(e) ((e) ? (void)0 : moon_assert_failed(#e, __FILE__, __LINE__))

/* Every object that travels as void * starts with `unsigned magic`; a callback opens with
 * struct moon_watch *w = MOON_CAST(moon_watch, ctx, WATCH_MAGIC); */
#define MOON_CAST(type, ptr, wanted)                                                               \
    __extension__({                                                                                \
        struct type *moon_cast_ = (struct type *)(ptr);                                            \
        moon_assert(moon_cast_ != NULL && moon_cast_->magic == (wanted));                          \
        moon_cast_;                                                                                \
    })

#endif
