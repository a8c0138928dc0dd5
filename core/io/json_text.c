/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.c - looking into JSON text and cutting it, without building a tree.
 */
#include "io/json.h"

#include <limits.h>

#include "io/json_scan.h"

/* ---- find ---- */

/* The value of `key` in the object that is the whole of `object`; the last one wins. */
static bool find_member(struct moon_str object, const char *key, struct moon_str *ret_value)
{
    struct moon_json_scan s;
    moon_json_scan_init(&s, object);
    if (!moon_json_scan_take(&s, '{')) {
        return false;
    }
    struct moon_str member;
    struct moon_str value;
    struct moon_str found = {0};
    for (bool first = true; moon_json_scan_step(&s, false, first, &member); first = false) {
        if (moon_json_scan_value(&s, &value) && moon_json_key_is(member, key)) {
            found = value;
        }
    }
    if (!moon_json_scan_end(&s) || found.len == 0) {
        return false;
    }
    *ret_value = found;
    return true;
}

bool moon_json_find(struct moon_str text, const char *const *path, struct moon_str *ret_value)
{
    struct moon_json_scan s;
    struct moon_str value = text;
    if (*path == NULL) {
        moon_json_scan_init(&s, text);
        if (!moon_json_scan_value(&s, &value) || !moon_json_scan_end(&s)) {
            return false;
        }
    }
    for (; *path != NULL; path++) {
        if (!find_member(value, *path, &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

/* The first of a key in the object at the scanner, which is left before its value. */
static bool step_to_first(struct moon_json_scan *s, const char *key)
{
    struct moon_str member;
    struct moon_str skipped;
    if (!moon_json_scan_take(s, '{')) {
        return false;
    }
    for (bool first = true; moon_json_scan_step(s, false, first, &member); first = false) {
        if (moon_json_key_is(member, key)) {
            return true;
        }
        (void)moon_json_scan_value(s, &skipped);
    }
    return false;
}

bool moon_json_find_first(struct moon_str text, const char *const *path, struct moon_str *ret_value)
{
    struct moon_json_scan s;
    moon_json_scan_init(&s, text);
    for (; *path != NULL; path++) {
        if (!step_to_first(&s, *path)) {
            return false;
        }
    }
    return moon_json_scan_value(&s, ret_value);
}

/* ---- without ---- */

struct cutter {
    struct moon_json_scan scan;
    struct moon_buf *out;
    const char *const *const *cuts;
};

static void copy_since(struct cutter *c, const char *from)
{
    moon_buf_add(c->out, from, (size_t)(c->scan.pos - from));
}

/* A step into the object: which paths lead here (a bit each), and how many of their keys did. */
struct step {
    unsigned paths;
    size_t depth;
};

/* The step to the member `key`; *ret_ends: a path ends there, so it is cut. */
static struct step step_to(const struct cutter *c, struct step at, struct moon_str key,
                           bool *ret_ends)
{
    struct step next = {.depth = at.depth + 1};
    *ret_ends = false;
    for (size_t i = 0; c->cuts[i] != NULL; i++) {
        if ((at.paths >> i & 1U) != 0 && moon_json_key_is(key, c->cuts[i][at.depth])) {
            next.paths |= 1U << i;
            *ret_ends = *ret_ends || c->cuts[i][next.depth] == NULL;
        }
    }
    return next;
}

static void copy_object(struct cutter *c, struct step at);

/* Copy or skip one member whose key was just read; `from` is where its text begins, the white space
 * before it included. True when it was copied. */
static bool copy_member(struct cutter *c, struct moon_str key, const char *from, bool is_first,
                        struct step at)
{
    struct moon_str value;
    bool ends;
    struct step next = step_to(c, at, key, &ends);
    if (ends) {
        (void)moon_json_scan_value(&c->scan, &value);
        (void)moon_json_scan_peek(&c->scan);
        return false;
    }
    if (!is_first) {
        moon_buf_putc(c->out, ',');
    }
    if (next.paths != 0 && moon_json_scan_peek(&c->scan) == '{') {
        copy_since(c, from);
        copy_object(c, next);
        from = c->scan.pos;
    } else {
        (void)moon_json_scan_value(&c->scan, &value);
    }
    (void)moon_json_scan_peek(&c->scan);
    copy_since(c, from);
    return true;
}

/* At the opening brace; recurses once per key of a path. All duplicates of the member go, or the
 * cut would uncover one. */
static void copy_object(struct cutter *c, struct step at)
{
    struct moon_json_scan *s = &c->scan;
    struct moon_str key;
    bool kept_any = false;

    s->pos++;
    moon_buf_putc(c->out, '{');
    const char *from = s->pos;
    if (moon_json_scan_peek(s) == '}') {
        copy_since(c, from);
    }
    for (bool first = true; s->problem == NULL; first = false) {
        if (!moon_json_scan_step(s, false, first, &key)) {
            break;
        }
        if (!first) {
            from++; /* the comma */
        }
        if (copy_member(c, key, from, !kept_any, at)) {
            kept_any = true;
        }
        from = s->pos;
    }
    moon_buf_putc(c->out, '}');
}

/* All paths lead to the object as a whole. */
static struct step first_step(const char *const *const *cuts)
{
    struct step first = {0};
    for (size_t i = 0; cuts[i] != NULL; i++) {
        moon_assert(i < sizeof(first.paths) * CHAR_BIT && cuts[i][0] != NULL);
        first.paths |= 1U << i;
    }
    return first;
}

int moon_json_cut(struct moon_str text, const char *const *const *cuts, struct moon_buf *out,
                  bool *ret_broken_runes, struct moon_err *err)
{
    struct cutter c = {.out = out, .cuts = cuts};
    struct moon_str value;
    size_t old_len = out->len;

    moon_json_scan_init(&c.scan, text);
    if (moon_json_scan_peek(&c.scan) == '{') {
        copy_since(&c, c.scan.start);
        copy_object(&c, first_step(cuts));
    } else if (moon_json_scan_value(&c.scan, &value)) {
        copy_since(&c, c.scan.start);
    }
    const char *rest = c.scan.pos;
    if (!moon_json_scan_end(&c.scan)) {
        if (!out->overflow) {
            moon_buf_truncate(out, old_len);
        }
        return moon_json_scan_error(&c.scan, err);
    }
    copy_since(&c, rest);
    *ret_broken_runes = c.scan.has_broken_runes;
    return moon_buf_check(out, "JSON text", err);
}

int moon_json_without(struct moon_str text, const char *const *const *cuts, struct moon_buf *out,
                      struct moon_err *err)
{
    bool unused;
    return moon_json_cut(text, cuts, out, &unused, err);
}

/* ---- iterate ---- */

void moon_json_iter_init(struct moon_json_iter *it, struct moon_str text)
{
    /* A decoded key can be longer than its text: a broken byte becomes a U+FFFD of three. */
    *it = (struct moon_json_iter){.rest = text, .key = MOON_BUF_INIT(text.len * 3 + 1)};
}

void moon_json_iter_fini(struct moon_json_iter *it)
{
    moon_buf_fini(&it->key);
}

static bool iter_start(struct moon_json_iter *it, struct moon_json_scan *s)
{
    it->started = true;
    it->is_array = moon_json_scan_take(s, '[');
    return it->is_array || moon_json_scan_take(s, '{') ||
           moon_json_scan_fail(s, "expected an object or an array");
}

bool moon_json_next(struct moon_json_iter *it, struct moon_str *ret_key, struct moon_str *ret_value)
{
    struct moon_json_scan s;
    struct moon_str key = {0};
    struct moon_str value;
    bool first = !it->started;

    if (it->failed || (it->started && it->rest.ptr == NULL)) {
        return false; /* it has ended before */
    }
    moon_json_scan_init(&s, it->rest);
    if ((first && !iter_start(it, &s)) || !moon_json_scan_step(&s, it->is_array, first, &key)) {
        it->failed = !moon_json_scan_end(&s);
        it->rest = (struct moon_str){0};
        return false;
    }
    if (!moon_json_scan_value(&s, &value)) {
        it->failed = true;
        return false;
    }
    it->rest = (struct moon_str){s.pos, (size_t)(s.end - s.pos)};
    moon_buf_clear(&it->key);
    if (!it->is_array) {
        moon_json_decode(key, &it->key);
    }
    *ret_key = moon_buf_str(&it->key);
    *ret_value = value;
    return true;
}
