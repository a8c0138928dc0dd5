/* SPDX-License-Identifier: Apache-2.0
 *
 * json_scan.h - the one scanner under everything that reads JSON text here.
 *
 * A pull scanner over a piece of text that need not be terminated: it never reads past the end,
 * never recurses, and accepts exactly RFC 8259 down to MOON_JSON_MAX_DEPTH nested containers. The
 * first problem stops it for good and is kept with its position, so callers check once. What it
 * hands out points into the text. Inside strings it is as lenient as Go: invalid UTF-8 and lone
 * surrogates are read as U+FFFD. Layer: io, for the json and yaml files only.
 */
#ifndef MOON_IO_JSON_SCAN_H
#define MOON_IO_JSON_SCAN_H

#include "io/json.h"

struct moon_json_scan {
    const char *start;
    const char *pos;
    const char *end;
    const char *problem;   /* what is wrong at pos; NULL: nothing so far */
    bool has_broken_runes; /* some string seen so far is read with a U+FFFD in place of its bytes */
};

void moon_json_scan_init(struct moon_json_scan *s, struct moon_str text);

/* Skip white space and look at the next byte; '\0' (legal nowhere outside strings) at the end. */
char moon_json_scan_peek(struct moon_json_scan *s);
/* Skip white space; consume `c` if it is next. */
bool moon_json_scan_take(struct moon_json_scan *s, char c);
/* A string literal after white space; *ret_inner is what stands between the quotes. */
bool moon_json_scan_string(struct moon_json_scan *s, struct moon_str *ret_inner);
/* A key and its colon. */
bool moon_json_scan_key(struct moon_json_scan *s, struct moon_str *ret_inner);
/* A whole value of any kind after white space, checked throughout. */
bool moon_json_scan_value(struct moon_json_scan *s, struct moon_str *ret_value);
/* Only white space is left (and there was no problem). */
bool moon_json_scan_end(struct moon_json_scan *s);

/* Step to the next key of an object or the next element of an array whose opening bracket was
 * consumed: true with the scanner before the value (*ret_key is written for objects), false after
 * the closing bracket or at a problem. */
bool moon_json_scan_step(struct moon_json_scan *s, bool is_array, bool is_first,
                         struct moon_str *ret_key);

/* Stop with a problem; always false. */
bool moon_json_scan_fail(struct moon_json_scan *s, const char *problem);
/* MOON_E_INVALID "line 3 column 14: <problem>". */
int moon_json_scan_error(const struct moon_json_scan *s, struct moon_err *err);
void moon_json_scan_locate(const struct moon_json_scan *s, size_t *ret_line, size_t *ret_column);

/* ---- what is between the quotes ---- */

/* The next code point of a string's inside, escapes decoded; *pos < end. Total: it gives U+FFFD for
 * whatever makes no sense. */
uint32_t moon_json_next_rune(const char **pos, const char *end);
/* The same for text that is not escaped. */
uint32_t moon_utf8_next_rune(const char **pos, const char *end);
void moon_utf8_add_rune(struct moon_buf *out, uint32_t rune);
/* Add the decoded inside of a string. */
void moon_json_decode(struct moon_str inner, struct moon_buf *out);
bool moon_json_key_is(struct moon_str inner, const char *key);

/* ---- writing it again ---- */

/* moon_json_pick, and whether the text has strings that are read with a U+FFFD in them. */
int moon_json_pick_into(struct moon_str text, const struct moon_json_want *members,
                        struct moon_buf *out, bool *ret_broken_runes, struct moon_err *err);

enum moon_json_rewrite_flags {
    MOON_JSON_OLD_ESCAPES = 1 << 0,   /* \b and \f as Go before 1.22 wrote them */
    MOON_JSON_KEEP_ORDER = 1 << 1,    /* members stay where they are, duplicates too */
    MOON_JSON_DROP_NULLS = 1 << 2,    /* leave out members that are null */
    MOON_JSON_PLAIN_NUMBERS = 1 << 3, /* one spelling for each number */
};

/* Add `text` in canonical form (see moon_json_canonical), varied by `flags`. */
int moon_json_rewrite(struct moon_str text, unsigned flags, struct moon_buf *out,
                      struct moon_err *err);
/* No rewriting makes a text of `len` bytes longer than this: each byte may become \u00xx. */
static inline size_t moon_json_rewrite_max(size_t len)
{
    return len * 6 + 64;
}
/* Add a code point with Go's escapes. */
void moon_json_add_rune(struct moon_buf *out, uint32_t rune, unsigned flags);

#endif
