/* SPDX-License-Identifier: Apache-2.0
 *
 * str.c - looking at text: pieces, numbers, names.
 */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

bool moon_str_starts(struct moon_str s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && moon_str_eq((struct moon_str){s.ptr, len}, moon_str(prefix));
}

bool moon_str_ends(struct moon_str s, const char *suffix)
{
    size_t len = strlen(suffix);
    return len == 0 || (s.len >= len && memcmp(s.ptr + s.len - len, suffix, len) == 0);
}

int moon_str_cmp(struct moon_str a, struct moon_str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct moon_str moon_str_trim(struct moon_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct moon_str moon_str_cut(struct moon_str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    size_t len = max_bytes;
    /* Bytes 10xxxxxx continue a character: the cut must not come before one. */
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (struct moon_str){s.ptr, len};
}

bool moon_str_split(struct moon_str *rest, char separator, struct moon_str *ret_piece)
{
    if (rest->ptr == NULL) {
        return false;
    }
    const char *end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (end == NULL) {
        *ret_piece = *rest;
        *rest = (struct moon_str){NULL, 0};
        return true;
    }
    size_t len = (size_t)(end - rest->ptr);
    *ret_piece = (struct moon_str){rest->ptr, len};
    *rest = (struct moon_str){end + 1, rest->len - len - 1};
    return true;
}

char *moon_str_dup(struct moon_str s)
{
    char *copy = moon_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

/* SipHash-1-3 (https://www.aumasson.jp/siphash/) with a key of this process: label keys and object
 * names are chosen by cluster users, who must not be able to aim at one hash bucket. */
struct sip {
    uint64_t v[4];
};

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(struct sip *s)
{
    uint64_t *v = s->v;
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] = rotate_left(v[2], 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v[3] ^= word;
    sip_round(s);
    s->v[0] ^= word;
}

static const uint64_t *process_key(void)
{
    static uint64_t key[2];
    static bool made;
    if (!made) {
        /* Without entropy (early boot) the key stays 0: slower under attack, never wrong. */
        ssize_t n = getrandom(key, sizeof(key), GRND_NONBLOCK);
        (void)n;
        made = true;
    }
    return key;
}

uint64_t moon_str_hash(struct moon_str s)
{
    const uint64_t *key = process_key();
    struct sip sip = {{key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                       key[0] ^ UINT64_C(0x6c7967656e657261),
                       key[1] ^ UINT64_C(0x7465646279746573)}};
    size_t pos = 0;
    uint64_t word = 0;
    for (; s.len - pos >= sizeof(word); pos += sizeof(word)) {
        memcpy(&word, s.ptr + pos, sizeof(word));
        sip_word(&sip, word);
    }
    word = 0;
    if (pos < s.len) {
        memcpy(&word, s.ptr + pos, s.len - pos);
    }
    sip_word(&sip, word ^ ((uint64_t)s.len << 56));
    sip.v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(&sip);
    }
    return sip.v[0] ^ sip.v[1] ^ sip.v[2] ^ sip.v[3];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct moon_str skip(struct moon_str s, size_t n)
{
    return (struct moon_str){s.ptr + n, s.len - n};
}

/* Cut the digits at the beginning of *rest off. */
static struct moon_str take_digits(struct moon_str *rest)
{
    size_t n = 0;
    while (n < rest->len && is_digit(rest->ptr[n])) {
        n++;
    }
    struct moon_str digits = {rest->ptr, n};
    if (n > 0) {
        *rest = skip(*rest, n);
    }
    return digits;
}

bool moon_parse_u64(struct moon_str s, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) || __builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.ptr[i] - '0'), &n)) {
            return false;
        }
    }
    if (s.len == 0) {
        return false;
    }
    *ret = n;
    return true;
}

bool moon_parse_i64(struct moon_str s, int64_t *ret)
{
    bool negative = moon_str_starts(s, "-");
    uint64_t n = 0;
    if (!moon_parse_u64(negative ? skip(s, 1) : s, &n)) {
        return false;
    }
    if (n > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    /* 0 - n on the unsigned side, because -INT64_MIN does not fit. */
    *ret = (int64_t)(negative ? 0 - n : n);
    return true;
}

/* -?digits[.digits][e[+-]digits]: what strtod accepts, minus hex, inf, nan and white space. */
static bool looks_like_double(struct moon_str s)
{
    if (moon_str_starts(s, "-")) {
        s = skip(s, 1);
    }
    if (take_digits(&s).len == 0) {
        return false;
    }
    if (moon_str_starts(s, ".")) {
        s = skip(s, 1);
        if (take_digits(&s).len == 0) {
            return false;
        }
    }
    if (moon_str_starts(s, "e") || moon_str_starts(s, "E")) {
        s = skip(s, 1);
        if (moon_str_starts(s, "+") || moon_str_starts(s, "-")) {
            s = skip(s, 1);
        }
        if (take_digits(&s).len == 0) {
            return false;
        }
    }
    return s.len == 0;
}

bool moon_parse_double(struct moon_str s, double *ret)
{
    if (!looks_like_double(s)) {
        return false;
    }
    MOON_AUTOFREE char *text = moon_str_dup(s);
    double n = strtod(text, NULL);
    if (!isfinite(n)) {
        return false;
    }
    *ret = n;
    return true;
}

/* Cut a unit off *rest; its nanoseconds, or 0 when there is none. */
static uint64_t take_unit(struct moon_str *rest)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"ns", 1},
        {"us", 1000},
        {"µs", 1000},
        {"ms", 1000000}, /* before "m" */
        {"s", UINT64_C(1000000000)},
        {"m", UINT64_C(60000000000)},
        {"h", UINT64_C(3600000000000)},
        {"d", UINT64_C(86400000000000)},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(units); i++) {
        if (moon_str_starts(*rest, units[i].name)) {
            *rest = skip(*rest, strlen(units[i].name));
            return units[i].ns;
        }
    }
    return 0;
}

/* Cut one "1.5h" off *rest and add it to *total_ns. */
static bool add_duration_part(struct moon_str *rest, uint64_t *total_ns)
{
    struct moon_str whole = take_digits(rest);
    struct moon_str fraction = {NULL, 0};
    if (moon_str_starts(*rest, ".")) {
        *rest = skip(*rest, 1);
        fraction = take_digits(rest);
    }
    uint64_t unit_ns = take_unit(rest);
    uint64_t n = 0;
    if (unit_ns == 0 || whole.len + fraction.len == 0 ||
        (whole.len > 0 && !moon_parse_u64(whole, &n)) || __builtin_mul_overflow(n, unit_ns, &n) ||
        __builtin_add_overflow(*total_ns, n, total_ns)) {
        return false;
    }
    for (size_t i = 0; i < fraction.len; i++) {
        unit_ns /= 10;
        if (__builtin_add_overflow(*total_ns, unit_ns * (uint64_t)(fraction.ptr[i] - '0'),
                                   total_ns)) {
            return false;
        }
    }
    return true;
}

bool moon_parse_duration_ms(struct moon_str s, uint64_t *ret)
{
    enum {
        NS_PER_MS = 1000000
    };
    if (moon_str_is(s, "0")) {
        *ret = 0;
        return true;
    }
    uint64_t total_ns = 0;
    bool ok = s.len > 0;
    while (ok && s.len > 0) {
        ok = add_duration_part(&s, &total_ns);
    }
    if (ok) {
        *ret = total_ns / NS_PER_MS + (total_ns % NS_PER_MS != 0 ? 1 : 0);
    }
    return ok;
}

static bool is_lower_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? of any length. */
static bool is_dns1123_piece(struct moon_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool edge = i == 0 || i == s.len - 1;
        if (!is_lower_alnum(s.ptr[i]) && (edge || s.ptr[i] != '-')) {
            return false;
        }
    }
    return s.len > 0;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 bytes. */
static bool is_qualified_name(struct moon_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool edge = i == 0 || i == s.len - 1;
        char c = s.ptr[i];
        if (!is_alnum(c) && (edge || (c != '-' && c != '_' && c != '.'))) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 63;
}

bool moon_is_dns1123_label(struct moon_str s)
{
    return s.len <= 63 && is_dns1123_piece(s);
}

/* The API server limits the whole to 253 bytes but not the single label. */
bool moon_is_dns1123_subdomain(struct moon_str s)
{
    if (s.len == 0 || s.len > 253) {
        return false;
    }
    struct moon_str label;
    while (moon_str_split(&s, '.', &label)) {
        if (!is_dns1123_piece(label)) {
            return false;
        }
    }
    return true;
}

bool moon_is_label_key(struct moon_str s)
{
    struct moon_str first;
    if (!moon_str_split(&s, '/', &first)) {
        return false;
    }
    bool has_prefix = s.ptr != NULL;
    return has_prefix ? moon_is_dns1123_subdomain(first) && is_qualified_name(s)
                      : is_qualified_name(first);
}

bool moon_is_label_value(struct moon_str s)
{
    return s.len == 0 || is_qualified_name(s);
}
