/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.h - a growing byte buffer with a compulsory maximum (after curl's dynbuf).
 *
 * The content is always followed by a NUL byte that does not count. Reaching the maximum is sticky:
 * the buffer is emptied, later additions do nothing, and `overflow` stays set until moon_buf_clear;
 * so a chain of additions needs one check at its end. Layer: base.
 */
#ifndef MOON_BASE_BUF_H
#define MOON_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct moon_buf {
    char *data; /* NULL until the first byte */
    size_t len;
    size_t capacity;
    size_t max_bytes;
    bool overflow;
};

#define MOON_BUF_INIT(max) ((struct moon_buf){.max_bytes = (max)})

MOON_API void moon_buf_init(struct moon_buf *b, size_t max_bytes);
MOON_API void moon_buf_fini(struct moon_buf *b); /* for MOON_CLEANUP, too */
/* Empty, memory kept, overflow forgotten. */
MOON_API void moon_buf_clear(struct moon_buf *b);

MOON_API void moon_buf_add(struct moon_buf *b, const void *data, size_t len);
MOON_API void moon_buf_add_str(struct moon_buf *b, struct moon_str s);
MOON_API void moon_buf_puts(struct moon_buf *b, const char *s);
MOON_API void moon_buf_putc(struct moon_buf *b, char c);
MOON_API void moon_buf_printf(struct moon_buf *b, const char *fmt, ...) MOON_PRINTF(2, 3);
MOON_API void moon_buf_vprintf(struct moon_buf *b, const char *fmt, va_list args) MOON_PRINTF(2, 0);
/* Drop the first n bytes. */
MOON_API void moon_buf_consume(struct moon_buf *b, size_t n);
MOON_API void moon_buf_truncate(struct moon_buf *b, size_t len);

/* The content as text; "" when empty; valid until the next change. */
MOON_API const char *moon_buf_cstr(const struct moon_buf *b);
static inline struct moon_str moon_buf_str(const struct moon_buf *b)
{
    return (struct moon_str){b->data, b->len};
}
/* Hand the memory over (never NULL, terminated); the buffer is empty afterwards. */
MOON_API char *moon_buf_take(struct moon_buf *b, size_t *ret_len);

/* 0, or MOON_E_LIMIT with "<what> is larger than N bytes" when it has overflowed. */
MOON_API int moon_buf_check(const struct moon_buf *b, const char *what, struct moon_err *err);

#endif
