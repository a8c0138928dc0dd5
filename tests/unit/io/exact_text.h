/* SPDX-License-Identifier: Apache-2.0
 *
 * exact_text.h - a text in a block of exactly its size, so that the address sanitizer sees every
 * byte read past its end.
 */
#ifndef TESTS_UNIT_IO_EXACT_TEXT_H
#define TESTS_UNIT_IO_EXACT_TEXT_H

#include "base/str.h"

static inline struct moon_str exact_text(struct moon_str text)
{
    char *copy = moon_alloc(text.len > 0 ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    return (struct moon_str){copy, text.len};
}

static inline void exact_text_free(struct moon_str *text)
{
    moon_free((char *)text->ptr);
}

/* MOON_STR_LIT for static tables, where a compound literal is no constant. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

#define EXACT(name, source) MOON_CLEANUP(exact_text_free) struct moon_str name = exact_text(source)

#endif
