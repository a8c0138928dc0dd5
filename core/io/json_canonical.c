/* SPDX-License-Identifier: Apache-2.0
 *
 * json_canonical.c - writing JSON text again, in the one form Go's encoding/json gives it.
 *
 * One pass: each member is written where it stands; an object whose members turn out not to be in
 * order is put in order when its brace closes.
 */
#include "io/json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "io/json_scan.h"

/* One member of an object that is being written. */
struct member {
    struct moon_str key; /* decoded; set only for the time of sorting */
    size_t key_at;       /* in rewriter.keys */
    size_t key_len;
    size_t text_at; /* in rewriter.out: the key, a colon, the value */
    size_t text_len;
    bool is_null;
};

struct rewriter {
    struct moon_json_scan scan;
    struct moon_buf *out;
    unsigned flags;
    /* Stacks of the open objects' members and their keys, innermost object last. */
    struct member *members;
    size_t member_count;
    size_t member_capacity;
    struct moon_buf keys;
    struct moon_buf scratch;
};

/* ---- strings ---- */

static void add_unicode_escape(struct moon_buf *out, uint32_t rune)
{
    static const char digits[] = "0123456789abcdef";
    const char escape[] = {'\\',
                           'u',
                           digits[rune >> 12 & 15],
                           digits[rune >> 8 & 15],
                           digits[rune >> 4 & 15],
                           digits[rune & 15]};
    moon_buf_add(out, escape, sizeof(escape));
}

void moon_json_add_rune(struct moon_buf *out, uint32_t rune, unsigned flags)
{
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    bool is_short = rune < 0x20 && shorts[rune] != '\0';
    if ((flags & MOON_JSON_OLD_ESCAPES) != 0 && (rune == '\b' || rune == '\f')) {
        is_short = false;
    }
    if (is_short || rune == '"' || rune == '\\') {
        char c = (char)rune;
        if (is_short) {
            c = shorts[rune];
        }
        moon_buf_putc(out, '\\');
        moon_buf_putc(out, c);
    } else if (rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
               rune == 0x2029) {
        add_unicode_escape(out, rune);
    } else {
        moon_utf8_add_rune(out, rune);
    }
}

/* Bytes that need no escape and are no part of a longer sequence. */
static bool is_plain(char c)
{
    return c >= 0x20 && (signed char)c > 0 && c != '"' && c != '\\' && c != '<' && c != '>' &&
           c != '&';
}

/* Add a text in quotes. `is_escaped`: it is the inside of a JSON string, else it is bytes. */
static void add_literal(struct moon_buf *out, struct moon_str text, bool is_escaped, unsigned flags)
{
    const char *pos = text.ptr;
    const char *end = text.len > 0 ? text.ptr + text.len : text.ptr;

    moon_buf_putc(out, '"');
    while (pos < end) {
        const char *run = pos;
        while (pos < end && is_plain(*pos)) {
            pos++;
        }
        moon_buf_add(out, run, (size_t)(pos - run));
        if (pos == end) {
            break;
        }
        const char *from = pos;
        uint32_t rune =
            is_escaped ? moon_json_next_rune(&pos, end) : moon_utf8_next_rune(&pos, end);
        if (!is_escaped && rune == 0xfffd && pos - from == 1) {
            add_unicode_escape(out, rune); /* Go escapes what its encoder replaces */
        } else {
            moon_json_add_rune(out, rune, flags);
        }
    }
    moon_buf_putc(out, '"');
}

void moon_json_add_string(struct moon_buf *out, struct moon_str text)
{
    add_literal(out, text, false, 0);
}

/* ---- numbers ---- */

enum {
    EXPONENT_DIGITS_MAX = 15
};

/* The exponent after e or E; false when it is too long to reckon with. */
static bool read_exponent(const char *pos, const char *end, int64_t *ret_exponent)
{
    bool negative = pos < end && *pos == '-';
    if (pos < end && (*pos == '-' || *pos == '+')) {
        pos++;
    }
    while (pos < end && *pos == '0') {
        pos++;
    }
    if (end - pos > EXPONENT_DIGITS_MAX) {
        return false;
    }
    int64_t value = 0;
    for (; pos < end; pos++) {
        value = value * 10 + (*pos - '0');
    }
    *ret_exponent = negative ? -value : value;
    return true;
}

/* A number as an integer without trailing zeros and a power of ten: 1.50 and 15E-1 are both 15e-1.
 * An exponent beyond reckoning leaves it as it stands: then only equal spellings are equal. */
static void add_plain_number(struct moon_buf *out, struct moon_str number)
{
    const char *end = number.ptr + number.len;
    const char *mantissa = number.ptr + (*number.ptr == '-');
    const char *mantissa_end = mantissa;
    const char *first = NULL; /* of the digits that are not zero */
    const char *last = NULL;
    const char *point = NULL;

    for (; mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E'; mantissa_end++) {
        if (*mantissa_end == '.') {
            point = mantissa_end;
        } else if (*mantissa_end != '0') {
            first = first != NULL ? first : mantissa_end;
            last = mantissa_end;
        }
    }
    if (first == NULL) {
        moon_buf_putc(out, '0'); /* zero has no sign and no exponent */
        return;
    }
    int64_t exponent = 0;
    if (mantissa_end < end && !read_exponent(mantissa_end + 1, end, &exponent)) {
        moon_buf_add_str(out, number);
        return;
    }
    point = point != NULL ? point : mantissa_end;
    exponent += last < point ? point - last - 1 : point - last;
    if (mantissa > number.ptr) {
        moon_buf_putc(out, '-');
    }
    for (const char *p = first; p <= last; p++) {
        if (*p != '.') {
            moon_buf_putc(out, *p);
        }
    }
    moon_buf_printf(out, "e%" PRId64, exponent);
}

/* ---- objects ---- */

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    int order = moon_str_cmp(x->key, y->key);
    if (order != 0) {
        return order;
    }
    return x->text_at < y->text_at ? -1 : x->text_at > y->text_at; /* keeps duplicates in order */
}

static struct member *push_member(struct rewriter *w)
{
    if (w->member_count == w->member_capacity) {
        w->member_capacity = w->member_capacity * 2 + 32;
        w->members = moon_realloc_array(w->members, w->member_capacity, sizeof(*w->members));
    }
    struct member *m = &w->members[w->member_count++];
    *m = (struct member){0};
    return m;
}

static bool is_left_out(const struct rewriter *w, const struct member *m)
{
    return m->is_null && (w->flags & MOON_JSON_DROP_NULLS) != 0;
}

static bool is_in_order(const struct rewriter *w, const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_left_out(w, &members[i]) ||
            (i > 0 && moon_str_cmp(members[i - 1].key, members[i].key) >= 0)) {
            return false;
        }
    }
    return true;
}

/* Write the members again, sorted; of equal keys the last one stays. `from` is where the first
 * member's text begins in `out`. */
static void put_in_order(struct rewriter *w, struct member *members, size_t count, size_t from)
{
    for (size_t i = 0; i < count; i++) {
        members[i].key =
            (struct moon_str){moon_buf_cstr(&w->keys) + members[i].key_at, members[i].key_len};
    }
    if (is_in_order(w, members, count)) {
        return;
    }
    qsort(members, count, sizeof(*members), compare_members);
    moon_buf_clear(&w->scratch);
    moon_buf_add(&w->scratch, w->out->data + from, w->out->len - from);
    moon_buf_truncate(w->out, from);
    for (size_t i = 0; i < count; i++) {
        bool is_shadowed = i + 1 < count && moon_str_eq(members[i].key, members[i + 1].key);
        if (is_shadowed || is_left_out(w, &members[i])) {
            continue;
        }
        if (w->out->len > from) {
            moon_buf_putc(w->out, ',');
        }
        moon_buf_add(w->out, w->scratch.data + (members[i].text_at - from), members[i].text_len);
    }
}

static bool write_value(struct rewriter *w, size_t depth);

/* The opening brace was consumed and written. */
static bool write_members(struct rewriter *w, size_t depth)
{
    const size_t first_member = w->member_count;
    const size_t first_key = w->keys.len;
    const size_t from = w->out->len;
    struct moon_str key;

    for (bool first = true; moon_json_scan_step(&w->scan, false, first, &key); first = false) {
        if (!first) {
            moon_buf_putc(w->out, ',');
        }
        size_t key_at = w->keys.len;
        size_t text_at = w->out->len;
        moon_json_decode(key, &w->keys);
        size_t key_len = w->keys.len - key_at;
        add_literal(w->out, key, true, w->flags);
        moon_buf_putc(w->out, ':');
        bool is_null = moon_json_scan_peek(&w->scan) == 'n';
        if (!write_value(w, depth)) {
            return false;
        }
        *push_member(w) = (struct member){.key_at = key_at,
                                          .key_len = key_len,
                                          .text_at = text_at,
                                          .text_len = w->out->len - text_at,
                                          .is_null = is_null};
    }
    if (w->scan.problem != NULL) {
        return false;
    }
    if ((w->flags & MOON_JSON_KEEP_ORDER) == 0 && w->member_count > first_member) {
        put_in_order(w, &w->members[first_member], w->member_count - first_member, from);
    }
    w->member_count = first_member;
    moon_buf_truncate(&w->keys, first_key);
    return true;
}

static bool write_elements(struct rewriter *w, size_t depth)
{
    for (bool first = true; moon_json_scan_step(&w->scan, true, first, NULL); first = false) {
        if (!first) {
            moon_buf_putc(w->out, ',');
        }
        if (!write_value(w, depth)) {
            return false;
        }
    }
    return w->scan.problem == NULL;
}

/* False at a problem, and when `out` is full: offsets into it mean nothing any more. Recurses at
 * most MOON_JSON_MAX_DEPTH deep. */
static bool write_value(struct rewriter *w, size_t depth)
{
    struct moon_json_scan *s = &w->scan;
    struct moon_str text;
    char c = moon_json_scan_peek(s);

    if (c == '{' || c == '[') {
        if (depth == MOON_JSON_MAX_DEPTH) {
            return moon_json_scan_fail(s, "nested too deeply");
        }
        s->pos++;
        moon_buf_putc(w->out, c);
        if (!(c == '{' ? write_members(w, depth + 1) : write_elements(w, depth + 1))) {
            return false;
        }
        moon_buf_putc(w->out, c == '{' ? '}' : ']');
    } else if (c == '"') {
        if (!moon_json_scan_string(s, &text)) {
            return false;
        }
        add_literal(w->out, text, true, w->flags);
    } else {
        if (!moon_json_scan_value(s, &text)) {
            return false;
        }
        if (c != 't' && c != 'f' && c != 'n' && (w->flags & MOON_JSON_PLAIN_NUMBERS) != 0) {
            add_plain_number(w->out, text);
        } else {
            moon_buf_add_str(w->out, text);
        }
    }
    return !w->out->overflow;
}

int moon_json_rewrite(struct moon_str text, unsigned flags, struct moon_buf *out,
                      struct moon_err *err)
{
    struct rewriter w = {.out = out,
                         .flags = flags,
                         .keys = MOON_BUF_INIT(moon_json_rewrite_max(text.len)),
                         .scratch = MOON_BUF_INIT(moon_json_rewrite_max(text.len))};
    size_t old_len = out->len;

    moon_json_scan_init(&w.scan, text);
    bool ok = write_value(&w, 0) && moon_json_scan_end(&w.scan);
    moon_free(w.members);
    moon_buf_fini(&w.keys);
    moon_buf_fini(&w.scratch);
    if (!ok && w.scan.problem != NULL) {
        if (!out->overflow) {
            moon_buf_truncate(out, old_len);
        }
        return moon_json_scan_error(&w.scan, err);
    }
    return moon_buf_check(out, "JSON text", err);
}

/* ---- what others call ---- */

int moon_json_canonical(struct moon_str text, bool old_escapes, struct moon_buf *out,
                        struct moon_err *err)
{
    return moon_json_rewrite(text, old_escapes ? MOON_JSON_OLD_ESCAPES : 0, out, err);
}

bool moon_json_equal(struct moon_str a, struct moon_str b)
{
    enum {
        FLAGS = MOON_JSON_DROP_NULLS | MOON_JSON_PLAIN_NUMBERS
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf x = MOON_BUF_INIT(moon_json_rewrite_max(a.len));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf y = MOON_BUF_INIT(moon_json_rewrite_max(b.len));
    struct moon_err ignored;

    return moon_json_rewrite(a, FLAGS, &x, &ignored) == 0 &&
           moon_json_rewrite(b, FLAGS, &y, &ignored) == 0 &&
           moon_str_eq(moon_buf_str(&x), moon_buf_str(&y));
}
