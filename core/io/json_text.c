/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.c - looking into JSON text without building a tree.
 */
#include "io/json.h"

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
