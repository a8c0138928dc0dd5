/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.c - growing byte buffer.
 *
 * Invariants: data == NULL iff capacity == 0; otherwise len < capacity <= max_bytes + 1 and
 * data[len] == 0.
 */
#include "base/buf.h"

#include <stdio.h>

enum {
    SMALLEST_CAPACITY = 64
};

void moon_buf_init(struct moon_buf *b, size_t max_bytes)
{
    *b = MOON_BUF_INIT(max_bytes);
}

void moon_buf_fini(struct moon_buf *b)
{
    moon_free(b->data);
    *b = MOON_BUF_INIT(b->max_bytes);
}

void moon_buf_clear(struct moon_buf *b)
{
    moon_buf_truncate(b, 0);
    b->overflow = false;
}

/* Make room for `more` bytes and the terminator; false (and overflow) when that is too much. */
static bool reserve(struct moon_buf *b, size_t more)
{
    moon_assert(b->max_bytes > 0 && b->max_bytes < SIZE_MAX / 2);
    if (b->overflow || more > b->max_bytes - b->len) {
        moon_buf_fini(b);
        b->overflow = true;
        return false;
    }
    size_t needed = b->len + more + 1;
    if (needed <= b->capacity) {
        return true;
    }
    size_t capacity = b->capacity * 2 > SMALLEST_CAPACITY ? b->capacity * 2 : SMALLEST_CAPACITY;
    if (capacity > b->max_bytes + 1) {
        capacity = b->max_bytes + 1;
    }
    b->capacity = capacity > needed ? capacity : needed;
    b->data = moon_realloc_array(b->data, b->capacity, 1);
    return true;
}

void moon_buf_add(struct moon_buf *b, const void *data, size_t len)
{
    if (len == 0 || !reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void moon_buf_add_str(struct moon_buf *b, struct moon_str s)
{
    moon_buf_add(b, s.ptr, s.len);
}

void moon_buf_puts(struct moon_buf *b, const char *s)
{
    moon_buf_add(b, s, strlen(s));
}

void moon_buf_putc(struct moon_buf *b, char c)
{
    moon_buf_add(b, &c, 1);
}

void moon_buf_printf(struct moon_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    moon_buf_vprintf(b, fmt, args);
    va_end(args);
}

void moon_buf_vprintf(struct moon_buf *b, const char *fmt, va_list args)
{
    va_list measured;
    va_copy(measured, args);
    int n = vsnprintf(NULL, 0, fmt, measured);
    va_end(measured);
    moon_assert(n >= 0);

    size_t len = (size_t)n;
    if (len == 0 || !reserve(b, len)) {
        return;
    }
    vsnprintf(b->data + b->len, len + 1, fmt, args);
    b->len += len;
}

void moon_buf_consume(struct moon_buf *b, size_t n)
{
    moon_assert(n <= b->len);
    if (n == 0) {
        return;
    }
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

void moon_buf_truncate(struct moon_buf *b, size_t len)
{
    moon_assert(len <= b->len);
    b->len = len;
    if (b->data != NULL) {
        b->data[len] = '\0';
    }
}

const char *moon_buf_cstr(const struct moon_buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *moon_buf_take(struct moon_buf *b, size_t *ret_len)
{
    if (ret_len != NULL) {
        *ret_len = b->len;
    }
    char *data = b->data != NULL ? moon_steal(&b->data) : moon_strdup("");
    b->len = 0;
    b->capacity = 0;
    return data;
}

int moon_buf_check(const struct moon_buf *b, const char *what, struct moon_err *err)
{
    if (!b->overflow) {
        return 0;
    }
    return moon_err_set(err, MOON_E_LIMIT, "%s is larger than %zu bytes", what, b->max_bytes);
}
