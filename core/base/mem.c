/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.c - the only place that talks to the C allocator.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Neither stdio nor the heap can be trusted any more: one write, no allocation. */
__attribute__((format(printf, 1, 2), noreturn, cold)) static void die(const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (n > 0) {
        size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
        line[len - 1] = '\n';
        ssize_t written = write(STDERR_FILENO, line, len);
        (void)written;
    }
    abort();
}

void moon_assert_failed(const char *expression, const char *file, int line)
{
    die("moonset: assertion failed: %s (%s:%d)\n", expression, file, line);
}

void *moon_alloc(size_t size)
{
    return moon_alloc_array(1, size);
}

void *moon_alloc_array(size_t n, size_t size)
{
    /* calloc may answer NULL to a request for nothing, and it checks n * size itself. */
    bool empty = n == 0 || size == 0;
    void *ptr = empty ? calloc(1, 1) : calloc(n, size);
    if (ptr == NULL) {
        die("moonset: out of memory (%zu times %zu bytes)\n", n, size);
    }
    return ptr;
}

void *moon_realloc_array(void *ptr, size_t n, size_t size)
{
    size_t bytes;
    bool overflow = __builtin_mul_overflow(n, size, &bytes);
    void *grown = overflow ? NULL : realloc(ptr, bytes != 0 ? bytes : 1);
    if (grown == NULL) {
        die("moonset: out of memory (%zu times %zu bytes)\n", n, size);
    }
    return grown;
}

void moon_free(void *ptr)
{
    free(ptr);
}

char *moon_strdup(const char *s)
{
    return s != NULL ? moon_strndup(s, SIZE_MAX) : NULL;
}

char *moon_strndup(const char *s, size_t n)
{
    if (s == NULL) {
        return NULL;
    }
    size_t len = n == SIZE_MAX ? strlen(s) : strnlen(s, n);
    char *copy = moon_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *moon_asprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        die("moonset: out of memory (formatting \"%.64s\")\n", fmt);
    }
    return text;
}
