/* SPDX-License-Identifier: Apache-2.0
 *
 * str.h - a borrowed piece of text: pointer and length, not necessarily terminated.
 *
 * A value type for looking at text without copying it; whoever made it says how long the bytes
 * live. A NULL ptr with length 0 is the empty string. Layer: base.
 */
#ifndef MOON_BASE_STR_H
#define MOON_BASE_STR_H

#include <string.h>

#include "base/error.h"

struct moon_str {
    const char *ptr;
    size_t len;
};

#define MOON_STR_LIT(literal) ((struct moon_str){(literal), sizeof(literal) - 1})
/* For printf("%.*s", MOON_STR_ARG(s)). */
#define MOON_STR_ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : ""

static inline struct moon_str moon_str(const char *s)
{
    return (struct moon_str){s, s != NULL ? strlen(s) : 0};
}

static inline bool moon_str_eq(struct moon_str a, struct moon_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool moon_str_is(struct moon_str a, const char *s)
{
    return moon_str_eq(a, moon_str(s));
}

/* NULL-safe comparison of C strings: NULL equals NULL only. */
static inline bool moon_streq(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

MOON_API bool moon_str_starts(struct moon_str s, const char *prefix);
MOON_API bool moon_str_ends(struct moon_str s, const char *suffix);
/* Bytewise order, a shorter prefix first: <0, 0, >0. */
MOON_API int moon_str_cmp(struct moon_str a, struct moon_str b);
/* Without ASCII white space at both ends. */
MOON_API struct moon_str moon_str_trim(struct moon_str s);
/* The longest beginning of s that has at most max_bytes and does not end inside a UTF-8 character.
 */
MOON_API struct moon_str moon_str_cut(struct moon_str s, size_t max_bytes);
/* Cut the next piece up to `separator` off *rest; false when *rest was exhausted (ptr NULL). An
 * empty input yields one empty piece. */
MOON_API bool moon_str_split(struct moon_str *rest, char separator, struct moon_str *ret_piece);
/* A terminated copy; the caller frees. */
MOON_API char *moon_str_dup(struct moon_str s);
/* 64-bit hash of the bytes for hash maps (not stable across builds). */
MOON_API uint64_t moon_str_hash(struct moon_str s);

/* Checked number parsers: the whole text must be a base-10 number in range; no white space. */
MOON_API bool moon_parse_i64(struct moon_str s, int64_t *ret);
MOON_API bool moon_parse_u64(struct moon_str s, uint64_t *ret);
MOON_API bool moon_parse_double(struct moon_str s, double *ret);
/* "300ms", "10s", "1m30s", "2h", "1d" (Go durations plus d): milliseconds, not negative. What is
 * finer than a millisecond is rounded up, so that no small duration turns into 0. */
MOON_API bool moon_parse_duration_ms(struct moon_str s, uint64_t *ret);

/* DNS-1123 label / subdomain and qualified label key / label value as the API server checks them.
 */
MOON_API bool moon_is_dns1123_label(struct moon_str s);
MOON_API bool moon_is_dns1123_subdomain(struct moon_str s);
MOON_API bool moon_is_label_key(struct moon_str s);
MOON_API bool moon_is_label_value(struct moon_str s);

#endif
