/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - reading, picking from and writing JSON text.
 *
 * Two ways with JSON. *Trees* (cJSON) are for looking: parsed under a cap, projected, dropped.
 * *Text* is for passing through: cJSON keeps numbers as doubles and cuts strings at U+0000, so what
 * goes back to the server (pod templates, revision data) is cut out of the original text at token
 * level and never re-formatted. Layer: io.
 */
#ifndef MOON_IO_JSON_H
#define MOON_IO_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
    MOON_JSON_MAX_DEPTH = 100
};

static inline void moon_cjson_free_ptr(cJSON **json)
{
    cJSON_Delete(*json);
}
#define MOON_AUTOJSON MOON_CLEANUP(moon_cjson_free_ptr) cJSON

/* Parse the whole text; trailing white space only. Errors say line and column. NULL on error.
 * A string is cut at U+0000, and a broken byte or lone surrogate in it becomes U+FFFD. */
MOON_API cJSON *moon_json_parse(struct moon_str text, struct moon_err *err);

/* What somebody reads of an object: a list of its members, ended by one without a key. The first
 * that has a member's key decides; what none has is not wanted. */
struct moon_json_want {
    const char *key;                      /* one that begins with '*': any */
    const struct moon_json_want *members; /* of its value, or of each object in the array that its
                                             value is; NULL: the value as it stands */
    bool is_unwanted;                     /* before a "*": all but this */
};

/* Copy `text` to `out` without what is not wanted. The whole text is checked nevertheless. All
 * duplicates of a wanted key are copied. On error `out` is as before, or empty when it overflowed;
 * it never needs more room than `text`. */
MOON_API int moon_json_pick(struct moon_str text, const struct moon_json_want *members,
                            struct moon_buf *out, struct moon_err *err);

/* Pick into `lean` and parse that. The tree lives in the arena: nobody deletes it. An arena of
 * MOON_JSON_TREE_MAX(text.len) bytes is large enough. */
MOON_API const cJSON *moon_json_parse_picked(struct moon_str text,
                                             const struct moon_json_want *members,
                                             struct moon_buf *lean, struct moon_arena *arena,
                                             struct moon_err *err);
#define MOON_JSON_TREE_MAX(len) (((len) + 1) * (sizeof(cJSON) + 32))

/* Members by dotted path ("metadata.labels"); NULL / the fallback when absent, null or of another
 * type (for an int: no integer, or one beyond 2^53 that a double may have changed). The last of
 * duplicate keys wins, as in Go. A key that contains dots needs moon_json_member. */
MOON_API const cJSON *moon_json_get(const cJSON *json, const char *path);
MOON_API const cJSON *moon_json_member(const cJSON *json, const char *key);
MOON_API const char *moon_json_string(const cJSON *json, const char *path); /* NULL: absent */
MOON_API int64_t moon_json_int(const cJSON *json, const char *path, int64_t fallback);
MOON_API bool moon_json_bool(const cJSON *json, const char *path, bool fallback);

/* ---- text ---- */

/* The raw text of the value at a path of keys (NULL-terminated list); false when absent. The
 * result points into `text`. The last of duplicate keys wins, as in Go. */
MOON_API bool moon_json_find(struct moon_str text, const char *const *path,
                             struct moon_str *ret_value);
#define MOON_JSON_PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The same for text of which only the beginning matters: the first of duplicate keys, and nothing
 * behind the value is looked at, or checked. */
MOON_API bool moon_json_find_first(struct moon_str text, const char *const *path,
                                   struct moon_str *ret_value);

/* Copy `text` to `out` with `value` (JSON text) at a place, or without what is there (NULL ptr).
 * The place is a JSON pointer (RFC 6901): "/spec/containers/0/image", and "-" is the end of a list;
 * in a list "name=agent" is the element whose member "name" says so, and a new one when there is
 * none and the pointer ends there. Objects that are missing on the way, or null, are made. All else
 * stays as it is written. On error
 * (MOON_E_INVALID: a pointer that leads nowhere, or malformed text) `out` is as before. */
MOON_API int moon_json_put(struct moon_str text, const char *pointer, struct moon_str value,
                           struct moon_buf *out, struct moon_err *err);

/* Canonical form, byte for byte what Go's encoding/json makes of a generic map with HTML escaping:
 * no white space, keys sorted by bytes at each level (of equal keys the last one stays), strings
 * re-escaped (< > & U+2028 U+2029 as \u…, invalid UTF-8 and lone surrogates as the character
 * U+FFFD: Go replaces them when it reads), numbers copied as they stand. `old_escapes`: \b and \f
 * as \u0008 and \u000c (Go before 1.22). Deeper than MOON_JSON_MAX_DEPTH or malformed:
 * MOON_E_INVALID. */
MOON_API int moon_json_canonical(struct moon_str text, bool old_escapes, struct moon_buf *out,
                                 struct moon_err *err);

/* Equal as values, ignoring white space, key order, escapes, spelling of numbers (1.0 is 1,
 * exactly), and members that are null? Malformed text equals nothing. */
MOON_API bool moon_json_equal(struct moon_str a, struct moon_str b);

/* Add a string literal with quotes and Go's escapes (HTML escaping on; invalid UTF-8 as \ufffd). */
MOON_API void moon_json_add_string(struct moon_buf *out, struct moon_str text);

/* Iterate the members of an object or the elements of an array at token level:
 * struct moon_json_iter it; moon_json_iter_init(&it, text); while (moon_json_next(&it, &k, &v)) …
 * `k` is the decoded key (empty for arrays), valid until the next call; false at the end or on
 * malformed text (it.failed). */
struct moon_json_iter {
    struct moon_str rest;
    struct moon_buf key;
    bool is_array;
    bool started;
    bool failed;
};
MOON_API void moon_json_iter_init(struct moon_json_iter *it, struct moon_str text);
MOON_API bool moon_json_next(struct moon_json_iter *it, struct moon_str *ret_key,
                             struct moon_str *ret_value);
MOON_API void moon_json_iter_fini(struct moon_json_iter *it);

/* ---- streams ---- */

/* Cuts the elements of the top-level "items" array out of a list body while it arrives, so a list
 * is never held as one text or tree. Give it pieces of any size. */
struct moon_json_items;
struct moon_json_items_opts {
    size_t max_item_bytes; /* a larger item (or envelope): MOON_E_LIMIT */
    /* One element's text, valid during the call, cut at its bracket or delimiter: the grammar
     * inside is for the reader to check. A nonzero return stops the cutting and is what feed
     * returns. */
    int (*on_item)(struct moon_str item, void *ctx, struct moon_err *err);
    void *ctx;
};
MOON_API struct moon_json_items *moon_json_items_new(const struct moon_json_items_opts *opts);
MOON_API void moon_json_items_free(struct moon_json_items *c);
MOON_API int moon_json_items_feed(struct moon_json_items *c, struct moon_str piece,
                                  struct moon_err *err);
/* After the last piece: checks completeness; the body with "items" replaced by [] (kind, metadata)
 * lives until free. "items" that is null or absent stays so and has no elements. */
MOON_API int moon_json_items_end(struct moon_json_items *c, struct moon_str *ret_envelope,
                                 struct moon_err *err);

#endif
