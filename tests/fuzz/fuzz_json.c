/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_json.c - every reader of JSON text over the same bytes, and what must hold between them.
 */
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cut {
    struct moon_buf items;
    size_t count;
};

static int on_item(struct moon_str item, void *ctx, struct moon_err *err)
{
    (void)err;
    struct cut *cut = ctx;
    moon_buf_add_str(&cut->items, item);
    moon_buf_putc(&cut->items, '\n');
    cut->count++;
    return 0;
}

/* Cut the text in two pieces; the outcome must not depend on where. */
static int cut_at(struct moon_str text, size_t at, struct cut *cut)
{
    struct moon_err err = {0};
    struct moon_str envelope;
    struct moon_json_items *c = moon_json_items_new(&(struct moon_json_items_opts){
        .max_item_bytes = text.len + 1, .on_item = on_item, .ctx = cut});
    int rc = moon_json_items_feed(c, (struct moon_str){text.ptr, at}, &err);
    if (rc == 0) {
        rc = moon_json_items_feed(c, (struct moon_str){text.ptr + at, text.len - at}, &err);
    }
    if (rc == 0) {
        rc = moon_json_items_end(c, &envelope, &err);
    }
    moon_json_items_free(c);
    return rc;
}

static void check_items(struct moon_str text)
{
    struct cut whole = {.items = MOON_BUF_INIT(text.len * 2 + 2)};
    struct cut pieces = {.items = MOON_BUF_INIT(text.len * 2 + 2)};
    int rc = cut_at(text, text.len, &whole);
    moon_assert(cut_at(text, text.len / 2, &pieces) == rc);
    moon_assert(whole.count == pieces.count);
    moon_assert(moon_str_eq(moon_buf_str(&whole.items), moon_buf_str(&pieces.items)));
    moon_buf_fini(&whole.items);
    moon_buf_fini(&pieces.items);
}

static void check_iterate(struct moon_str text)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    moon_json_iter_init(&it, text);
    while (moon_json_next(&it, &key, &value)) {
        moon_assert(value.len > 0 && value.ptr >= text.ptr &&
                    value.ptr + value.len <= text.ptr + text.len);
    }
    moon_json_iter_fini(&it);
}

static void check_canonical(struct moon_str text, bool is_json)
{
    struct moon_err err = {0};
    struct moon_buf once = MOON_BUF_INIT(text.len * 6 + 64);
    struct moon_buf twice = MOON_BUF_INIT(text.len * 6 + 64);
    int rc = moon_json_canonical(text, false, &once, &err);
    moon_assert(rc == (is_json ? 0 : -MOON_E_INVALID));
    if (rc == 0) {
        rc = moon_json_canonical(moon_buf_str(&once), false, &twice, &err);
        moon_assert(rc == 0 && moon_str_eq(moon_buf_str(&once), moon_buf_str(&twice)));
        moon_assert(moon_json_equal(text, moon_buf_str(&once)));
    }
    moon_buf_fini(&once);
    moon_buf_fini(&twice);
}

/* What is picked is valid, no longer, has all that is wanted, and nothing else. */
static void check_pick(struct moon_str text, bool is_json)
{
    static const struct moon_json_want members[] = {{.key = "b"}, {0}};
    static const struct moon_json_want wants[] = {{.key = "a", .members = members}, {0}};
    struct moon_err err = {0};
    struct moon_str before;
    struct moon_str after;
    struct moon_buf out = MOON_BUF_INIT(text.len + 1);
    int rc = moon_json_pick(text, wants, &out, &err);
    moon_assert(rc == (is_json ? 0 : -MOON_E_INVALID));
    if (rc == 0) {
        struct moon_str lean = moon_buf_str(&out);
        moon_assert(out.len <= text.len);
        bool had = moon_json_find(text, MOON_JSON_PATH("a", "b"), &before);
        bool has = moon_json_find(lean, MOON_JSON_PATH("a", "b"), &after);
        moon_assert(had == has && (!has || moon_str_eq(before, after)));
        moon_assert(!moon_json_find(lean, MOON_JSON_PATH("c"), &after));
    }
    moon_buf_fini(&out);
}

static void check_string(struct moon_str text)
{
    static const char *const whole[] = {NULL};
    struct moon_str value;
    struct moon_buf out = MOON_BUF_INIT(text.len * 6 + 2);
    moon_json_add_string(&out, text);
    moon_assert(moon_json_find(moon_buf_str(&out), whole, &value) && value.len == out.len);
    moon_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const whole[] = {NULL};
    struct moon_str text = {(const char *)data, size};
    struct moon_str value;
    struct moon_err err = {0};

    bool is_json = moon_json_find(text, whole, &value);
    MOON_AUTOJSON *json = moon_json_parse(text, &err);
    /* The one thing cJSON refuses that the scanner accepts is a very long number. */
    moon_assert(is_json ? json != NULL || size > 60 : json == NULL);
    check_canonical(text, is_json);
    check_pick(text, is_json);
    check_iterate(text);
    check_items(text);
    check_string(text);
    return 0;
}
