/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json_scan.h"

enum {
    RUNE_BROKEN = 0xfffd
};

void moon_json_scan_init(struct moon_json_scan *s, struct moon_str text)
{
    /* A NULL pointer plus zero is undefined behaviour; the empty string is not. */
    const char *start = text.ptr != NULL ? text.ptr : "";
    *s = (struct moon_json_scan){.start = start, .pos = start, .end = start + text.len};
}

bool moon_json_scan_fail(struct moon_json_scan *s, const char *problem)
{
    if (s->problem == NULL) {
        s->problem = problem;
    }
    return false;
}

void moon_json_scan_locate(const struct moon_json_scan *s, size_t *ret_line, size_t *ret_column)
{
    size_t line = 1;
    const char *line_start = s->start;
    for (const char *p = s->start; p < s->pos; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    *ret_line = line;
    *ret_column = (size_t)(s->pos - line_start) + 1;
}

int moon_json_scan_error(const struct moon_json_scan *s, struct moon_err *err)
{
    moon_assert(s->problem != NULL);
    size_t line;
    size_t column;
    moon_json_scan_locate(s, &line, &column);
    return moon_err_set(err, MOON_E_INVALID, "line %zu column %zu: %s", line, column, s->problem);
}

/* ---- tokens ---- */

char moon_json_scan_peek(struct moon_json_scan *s)
{
    while (s->pos < s->end) {
        char c = *s->pos;
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return c;
        }
        s->pos++;
    }
    return '\0';
}

bool moon_json_scan_take(struct moon_json_scan *s, char c)
{
    if (moon_json_scan_peek(s) != c || s->pos == s->end || s->problem != NULL) {
        return false;
    }
    s->pos++;
    return true;
}

bool moon_json_scan_end(struct moon_json_scan *s)
{
    if (s->problem != NULL) {
        return false;
    }
    (void)moon_json_scan_peek(s);
    return s->pos == s->end || moon_json_scan_fail(s, "something follows the end of the value");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX at p; -1 when they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    if (end - p < 4) {
        return -1;
    }
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* At a backslash inside a string. */
static bool scan_escape(struct moon_json_scan *s)
{
    if (s->end - s->pos < 2) {
        s->pos = s->end;
        return moon_json_scan_fail(s, "the text ends inside a string");
    }
    char c = s->pos[1];
    if (c == 'u') {
        if (hex4(s->pos + 2, s->end) < 0) {
            return moon_json_scan_fail(s, "\\u needs four hexadecimal digits");
        }
        /* A surrogate pair is consumed as one; half of one comes out as U+FFFD. */
        const char *escape = s->pos;
        if (moon_json_next_rune(&s->pos, s->end) == RUNE_BROKEN &&
            hex4(escape + 2, s->end) != RUNE_BROKEN) {
            s->has_broken_runes = true;
        }
        return true;
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
        return moon_json_scan_fail(s, "unknown escape in a string");
    }
    s->pos += 2;
    return true;
}

static void scan_multibyte(struct moon_json_scan *s)
{
    const char *from = s->pos;
    if (moon_utf8_next_rune(&s->pos, s->end) == RUNE_BROKEN && s->pos - from != 3) {
        s->has_broken_runes = true; /* a genuine U+FFFD takes three bytes */
    }
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Has one of the eight bytes to be looked at: a quote, a backslash, below 0x20, above 0x7f?
 * https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord, #HasLessInWord. */
static bool has_special(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t marks = ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
                     ((word - EACH_BYTE(0x20)) & ~word) | word;
    return (marks & EACH_BYTE(0x80)) != 0;
}

/* The end of the bytes that stand for themselves inside a string. Most of what a server sends is
 * that, so they are looked at eight at a time. */
static const char *skip_plain(const char *p, const char *end)
{
    uint64_t word;
    for (; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        if (has_special(word)) {
            break;
        }
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20 && (unsigned char)*p < 0x80) {
        p++;
    }
    return p;
}

bool moon_json_scan_string(struct moon_json_scan *s, struct moon_str *ret_inner)
{
    if (!moon_json_scan_take(s, '"')) {
        return moon_json_scan_fail(s, "expected a string");
    }
    const char *begin = s->pos;
    while ((s->pos = skip_plain(s->pos, s->end)) < s->end) {
        unsigned char c = (unsigned char)*s->pos;
        if (c == '"') {
            *ret_inner = (struct moon_str){begin, (size_t)(s->pos - begin)};
            s->pos++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s)) {
                return false;
            }
        } else if (c < 0x20) {
            return moon_json_scan_fail(s, "control character in a string");
        } else {
            scan_multibyte(s);
        }
    }
    return moon_json_scan_fail(s, "the text ends inside a string");
}

bool moon_json_scan_key(struct moon_json_scan *s, struct moon_str *ret_inner)
{
    if (moon_json_scan_peek(s) != '"') {
        return moon_json_scan_fail(s, "expected a key in double quotes");
    }
    if (!moon_json_scan_string(s, ret_inner)) {
        return false;
    }
    return moon_json_scan_take(s, ':') || moon_json_scan_fail(s, "expected ':' after a key");
}

static bool scan_digits(struct moon_json_scan *s)
{
    const char *begin = s->pos;
    while (s->pos < s->end && *s->pos >= '0' && *s->pos <= '9') {
        s->pos++;
    }
    return s->pos > begin || moon_json_scan_fail(s, "expected a digit");
}

static bool scan_number(struct moon_json_scan *s)
{
    if (*s->pos == '-') {
        s->pos++;
    }
    if (s->pos < s->end && *s->pos == '0') {
        s->pos++;
        if (s->pos < s->end && *s->pos >= '0' && *s->pos <= '9') {
            return moon_json_scan_fail(s, "a number must not start with 0");
        }
    } else if (!scan_digits(s)) {
        return false;
    }
    if (s->pos < s->end && *s->pos == '.') {
        s->pos++;
        if (!scan_digits(s)) {
            return false;
        }
    }
    if (s->pos < s->end && (*s->pos == 'e' || *s->pos == 'E')) {
        s->pos++;
        if (s->pos < s->end && (*s->pos == '+' || *s->pos == '-')) {
            s->pos++;
        }
        return scan_digits(s);
    }
    return true;
}

static bool scan_word(struct moon_json_scan *s, struct moon_str word)
{
    if ((size_t)(s->end - s->pos) < word.len || memcmp(s->pos, word.ptr, word.len) != 0) {
        return moon_json_scan_fail(s, "expected a value");
    }
    s->pos += word.len;
    return true;
}

/* A value that is no container; `c` is its first byte. */
static bool scan_scalar(struct moon_json_scan *s, char c)
{
    struct moon_str unused;
    switch (c) {
    case '"':
        return moon_json_scan_string(s, &unused);
    case 't':
        return scan_word(s, MOON_STR_LIT("true"));
    case 'f':
        return scan_word(s, MOON_STR_LIT("false"));
    case 'n':
        return scan_word(s, MOON_STR_LIT("null"));
    default:
        if (c == '-' || (c >= '0' && c <= '9')) {
            return scan_number(s);
        }
        return moon_json_scan_fail(s, s->pos == s->end ? "the text ends where a value should be"
                                                       : "expected a value");
    }
}

bool moon_json_scan_step(struct moon_json_scan *s, bool is_array, bool is_first,
                         struct moon_str *ret_key)
{
    if (s->problem != NULL || moon_json_scan_take(s, is_array ? ']' : '}')) {
        return false;
    }
    if (!is_first && !moon_json_scan_take(s, ',')) {
        return moon_json_scan_fail(s, is_array ? "expected ',' or ']'" : "expected ',' or '}'");
    }
    return is_array || moon_json_scan_key(s, ret_key);
}

/* A value has ended: leave the containers that end here, too. True when another value follows;
 * `open` holds the kinds of the open containers. */
static bool scan_after_value(struct moon_json_scan *s, const bool *open_is_array, size_t *depth)
{
    struct moon_str key;
    while (*depth > 0) {
        if (moon_json_scan_step(s, open_is_array[*depth - 1], false, &key)) {
            return true;
        }
        if (s->problem != NULL) {
            return false;
        }
        (*depth)--;
    }
    return false;
}

/* Step into containers down to the first value that ends: a scalar or an empty container. */
static bool scan_into(struct moon_json_scan *s, bool *open_is_array, size_t *depth)
{
    struct moon_str key;
    while (s->problem == NULL) {
        char c = moon_json_scan_peek(s);
        if (c != '{' && c != '[') {
            return scan_scalar(s, c);
        }
        if (*depth == MOON_JSON_MAX_DEPTH) {
            return moon_json_scan_fail(s, "nested too deeply");
        }
        s->pos++;
        open_is_array[(*depth)++] = c == '[';
        if (!moon_json_scan_step(s, c == '[', true, &key)) {
            (*depth)--;
            return s->problem == NULL;
        }
    }
    return false;
}

bool moon_json_scan_value(struct moon_json_scan *s, struct moon_str *ret_value)
{
    bool open_is_array[MOON_JSON_MAX_DEPTH];
    size_t depth = 0;

    (void)moon_json_scan_peek(s);
    const char *begin = s->pos;
    while (scan_into(s, open_is_array, &depth) && scan_after_value(s, open_is_array, &depth)) {
        /* Each round reads one scalar or empty container. */
    }
    if (s->problem != NULL) {
        return false;
    }
    *ret_value = (struct moon_str){begin, (size_t)(s->pos - begin)};
    return true;
}

/* ---- what is between the quotes ---- */

/* Bytes of a UTF-8 sequence and the range of its second byte (Unicode 15, table 3-7): the narrowed
 * ranges keep out overlong forms, surrogates, and what is above U+10FFFF. */
static size_t utf8_length(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

uint32_t moon_utf8_next_rune(const char **pos, const char *end)
{
    moon_assert(*pos < end);
    const unsigned char *p = (const unsigned char *)*pos;
    unsigned char low;
    unsigned char high;
    size_t length = utf8_length(p[0], &low, &high);

    *pos += 1; /* as Go: a broken sequence costs one byte */
    if (length == 1) {
        return p[0];
    }
    if (length == 0 || (size_t)(end - *pos) < length - 1 || p[1] < low || p[1] > high) {
        return RUNE_BROKEN;
    }
    uint32_t rune = p[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return RUNE_BROKEN;
        }
        rune = rune << 6 | (p[i] & 0x3fU);
    }
    *pos += length - 1;
    return rune;
}

void moon_utf8_add_rune(struct moon_buf *out, uint32_t rune)
{
    moon_assert(rune <= 0x10ffff);
    char bytes[4];
    if (rune < 0x80) {
        moon_buf_putc(out, (char)rune);
    } else if (rune < 0x800) {
        bytes[0] = (char)(0xc0 | rune >> 6);
        bytes[1] = (char)(0x80 | (rune & 0x3f));
        moon_buf_add(out, bytes, 2);
    } else if (rune < 0x10000) {
        bytes[0] = (char)(0xe0 | rune >> 12);
        bytes[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (rune & 0x3f));
        moon_buf_add(out, bytes, 3);
    } else {
        bytes[0] = (char)(0xf0 | rune >> 18);
        bytes[1] = (char)(0x80 | (rune >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (rune >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (rune & 0x3f));
        moon_buf_add(out, bytes, 4);
    }
}

/* After \uXXXX with a surrogate: the pair, or U+FFFD and only the first half consumed. */
static uint32_t join_surrogates(uint32_t first, const char **pos, const char *end)
{
    if (first < 0xdc00 && end - *pos >= 6 && (*pos)[0] == '\\' && (*pos)[1] == 'u') {
        int32_t second = hex4(*pos + 2, end);
        if (second >= 0xdc00 && second <= 0xdfff) {
            *pos += 6;
            return 0x10000 + ((first - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
        }
    }
    return RUNE_BROKEN;
}

uint32_t moon_json_next_rune(const char **pos, const char *end)
{
    moon_assert(*pos < end);
    if (**pos != '\\') {
        return moon_utf8_next_rune(pos, end);
    }
    *pos += 1;
    if (*pos == end) {
        return RUNE_BROKEN;
    }
    char c = *(*pos)++;
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '"':
    case '\\':
    case '/':
        return (uint32_t)c;
    case 'u':
        break;
    default:
        return RUNE_BROKEN;
    }
    int32_t unit = hex4(*pos, end);
    if (unit < 0) {
        return RUNE_BROKEN;
    }
    *pos += 4;
    return unit >= 0xd800 && unit <= 0xdfff ? join_surrogates((uint32_t)unit, pos, end)
                                            : (uint32_t)unit;
}

void moon_json_decode(struct moon_str inner, struct moon_buf *out)
{
    const char *pos = inner.ptr;
    const char *end = inner.ptr + inner.len;
    while (pos < end) {
        moon_utf8_add_rune(out, moon_json_next_rune(&pos, end));
    }
}

bool moon_json_key_is(struct moon_str inner, const char *key)
{
    const char *pos = inner.ptr;
    const char *end = inner.ptr + inner.len;
    if (pos < end && *pos != *key && *pos != '\\' && (unsigned char)*pos < 0x80) {
        return false; /* what nearly every key is told apart by */
    }
    if (skip_plain(pos, end) == end) {
        return moon_str_is(inner, key);
    }
    const char *key_end = key + strlen(key);
    while (pos < end && key < key_end) {
        if (moon_json_next_rune(&pos, end) != moon_utf8_next_rune(&key, key_end)) {
            return false;
        }
    }
    return pos == end && key == key_end;
}
