/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exact_text.h"
#include "io/json.h"

struct seen {
    struct moon_buf items; /* each followed by a newline */
    size_t count;
    size_t stop_after; /* 0: never */
};

static int on_item(struct moon_str item, void *ctx, struct moon_err *err)
{
    struct seen *seen = ctx;
    moon_buf_add_str(&seen->items, item);
    moon_buf_putc(&seen->items, '\n');
    seen->count++;
    if (seen->stop_after != 0 && seen->count == seen->stop_after) {
        return moon_err_set(err, MOON_E_CANCELLED, "enough");
    }
    return 0;
}

/* Feed `text` in the pieces that the cut positions make (ascending, ended by SIZE_MAX). */
static int cut(struct moon_str text, const size_t *cuts, size_t max_item_bytes, struct seen *seen,
               struct moon_buf *envelope, struct moon_err *err)
{
    struct moon_json_items *c = moon_json_items_new(&(struct moon_json_items_opts){
        .max_item_bytes = max_item_bytes, .on_item = on_item, .ctx = seen});
    size_t from = 0;
    int rc = 0;
    while (rc == 0 && from <= text.len) {
        size_t to = *cuts < text.len ? *cuts : text.len;
        EXACT(piece, ((struct moon_str){text.ptr + from, to - from}));
        rc = moon_json_items_feed(c, piece, err);
        if (*cuts++ >= text.len) {
            break;
        }
        from = to;
    }
    struct moon_str rest = {0};
    int end_rc = moon_json_items_end(c, &rest, err);
    assert_true(rc == 0 || end_rc == rc); /* an error stays */
    moon_buf_clear(envelope);
    moon_buf_add_str(envelope, rest);
    moon_json_items_free(c);
    return end_rc;
}

static const char list_text[] =
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"10\","
    "\"items\":[9],\"x\":\"]}\\\"items\"},\n \"\\u0069tems\" : [ {\"a\":\"]},\\\"{[\\\\\"}, {} ,"
    "[[1],\"\\\\\"], \"s,]\\\"\" ,12,\ttrue,null ] ,\"after\": \"items\", "
    "\"z\":[1,{\"items\":[]}]} ";
static const char list_items[] = "{\"a\":\"]},\\\"{[\\\\\"}\n{}\n[[1],\"\\\\\"]\n\"s,]\\\"\"\n12\n"
                                 "true\nnull\n";

static void check_split(struct seen *seen, struct moon_buf *envelope, const size_t *cuts)
{
    struct moon_err err = {0};
    struct moon_str value;
    moon_buf_clear(&seen->items);
    if (cut(MOON_STR_LIT(list_text), cuts, 1000, seen, envelope, &err) != 0) {
        fail_msg("cut at %zu: %s", cuts[0], err.text);
    }
    assert_string_equal(moon_buf_cstr(&seen->items), list_items);
    assert_true(moon_json_find(moon_buf_str(envelope), MOON_JSON_PATH("items"), &value));
    assert_true(moon_str_is(value, "[]"));
    assert_true(
        moon_json_find(moon_buf_str(envelope), MOON_JSON_PATH("metadata", "items"), &value));
    assert_true(moon_str_is(value, "[9]"));
    assert_true(moon_json_find(moon_buf_str(envelope), MOON_JSON_PATH("after"), &value));
    assert_true(moon_json_find(moon_buf_str(envelope), MOON_JSON_PATH("z"), &value));
}

static void test_every_split(void **state)
{
    (void)state;
    struct seen seen = {.items = MOON_BUF_INIT(10000)};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf envelope = MOON_BUF_INIT(10000);
    for (size_t a = 0; a <= sizeof(list_text) - 1; a++) {
        check_split(&seen, &envelope, (const size_t[]){a, SIZE_MAX});
    }
    /* Two cuts: an element in three pieces. */
    for (size_t a = 0; a < sizeof(list_text) - 1; a += 3) {
        for (size_t b = a; b < sizeof(list_text) - 1; b += 2) {
            check_split(&seen, &envelope, (const size_t[]){a, b, SIZE_MAX});
        }
    }
    moon_buf_fini(&seen.items);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct seen seen = {.items = MOON_BUF_INIT(10000)};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf envelope = MOON_BUF_INIT(10000);
    size_t cuts[sizeof(list_text) + 1];
    for (size_t i = 0; i < sizeof(list_text); i++) {
        cuts[i] = i;
    }
    cuts[sizeof(list_text)] = SIZE_MAX;
    check_split(&seen, &envelope, cuts);
    moon_buf_fini(&seen.items);
}

static const struct {
    const char *text;
    const char *items;
    const char *envelope; /* NULL: an error with `error` in it */
    const char *error;
} bodies[] = {
    {"{\"items\":[]}", "", "{\"items\":[]}", NULL},
    {"{\"items\":[ ]}", "", "{\"items\":[]}", NULL},
    {"{\"items\":null}", "", "{\"items\":null}", NULL},
    {"{}", "", "{}", NULL},
    {"{\"kind\":\"Status\",\"code\":410}", "", "{\"kind\":\"Status\",\"code\":410}", NULL},
    {"{\"a\":{\"items\":[1]}}", "", "{\"a\":{\"items\":[1]}}", NULL},
    {"{\"a\":[\"items\",[1]]}", "", "{\"a\":[\"items\",[1]]}", NULL},
    {"{\"a\":\"items\",\"b\":[1]}", "", "{\"a\":\"items\",\"b\":[1]}", NULL},
    {"{\"items\":{\"items\":[1]}}", "", "{\"items\":{\"items\":[1]}}", NULL},
    {"{\"items\":[5]}", "5\n", "{\"items\":[]}", NULL},
    {"{\"items\":[{}]", "{}\n", NULL, "expected ',' or '}'"},
    {"{\"items\":[{}", "{}\n", NULL, "cut off inside \"items\""},
    {"{\"items\":[{", "", NULL, "cut off inside \"items\""},
    {"{\"items\":[5", "", NULL, "cut off inside \"items\""},
    {"{\"items\":[{},]}", "{}\n", NULL, "expected an item after ','"},
    {"{\"items\":[,{}]}", "", NULL, "',' where an item should be"},
    {"{\"items\":[{}{}]}", "{}\n", NULL, "expected ',' or ']' after an item"},
    {"{\"items\":[{}}", "{}\n", NULL, "expected ',' or ']' after an item"},
    {"{\"items\":[1],\"items\":[2]}", "1\n", NULL, "appears twice"},
    {"{\"items\":[1]}}", "1\n", NULL, "closes nothing"},
    {"{\"items\":[1]}x", "1\n", NULL, "something follows"},
    {"{\"items\":[1],tr ue}", "1\n", NULL, "expected a key"},
    {"{\"a\":tr ue}", "", NULL, "expected a value"},
    {"{\"a\":1 2}", "", NULL, "expected ','"},
    {"{\"items\":5[1]}", "", NULL, "expected ','"},
    {"{\"items\"[1]}", "1\n", NULL, "expected ':'"},
    {"[1,2]", "", NULL, "expected an object"},
    {"", "", NULL, "expected an object"},
    {"]", "", NULL, "closes nothing"},
};

static void test_bodies(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf envelope = MOON_BUF_INIT(1000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bodies); i++) {
        for (size_t at = 0; at <= strlen(bodies[i].text); at++) {
            struct seen seen = {.items = MOON_BUF_INIT(1000)};
            struct moon_err err = {0};
            int rc = cut(moon_str(bodies[i].text), (const size_t[]){at, SIZE_MAX}, 1000, &seen,
                         &envelope, &err);
            assert_string_equal(moon_buf_cstr(&seen.items), bodies[i].items);
            if (bodies[i].envelope != NULL) {
                assert_int_equal(rc, 0);
                assert_string_equal(moon_buf_cstr(&envelope), bodies[i].envelope);
            } else {
                assert_int_equal(rc, -MOON_E_INVALID);
                if (strstr(err.text, bodies[i].error) == NULL) {
                    fail_msg("%s: %s", bodies[i].text, err.text);
                }
            }
            moon_buf_fini(&seen.items);
        }
    }
}

static void test_caps(void **state)
{
    (void)state;
    static const char *const bodies_too_large[] = {
        "{\"items\":[{\"a\":\"0123456789012345678901234567890123456789\"}]}",
        "{\"items\":[ 0123456789012345678901234567890123456789 ]}",
        "{\"pad\":\"0123456789012345678901234567890123456789\",\"items\":[]}",
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf envelope = MOON_BUF_INIT(1000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bodies_too_large); i++) {
        struct moon_str text = moon_str(bodies_too_large[i]);
        for (size_t at = 0; at <= text.len; at++) {
            struct seen seen = {.items = MOON_BUF_INIT(1000)};
            struct moon_err err = {0};
            int rc = cut(text, (const size_t[]){at, SIZE_MAX}, 32, &seen, &envelope, &err);
            assert_int_equal(rc, -MOON_E_LIMIT);
            assert_int_equal(seen.count, 0);
            moon_buf_fini(&seen.items);
        }
    }
    /* White space is no content. */
    struct seen seen = {.items = MOON_BUF_INIT(1000)};
    struct moon_err err = {0};
    struct moon_str padded = MOON_STR_LIT("{                                                  \n"
                                          "\"items\" :                                         \n"
                                          "[                                                {} "
                                          "                                                   ]}");
    assert_int_equal(cut(padded, (const size_t[]){SIZE_MAX}, 32, &seen, &envelope, &err), 0);
    assert_int_equal(seen.count, 1);
    moon_buf_fini(&seen.items);
}

static void test_callback_stops_it(void **state)
{
    (void)state;
    struct seen seen = {.items = MOON_BUF_INIT(1000), .stop_after = 2};
    struct moon_err err = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf envelope = MOON_BUF_INIT(1000);
    int rc = cut(MOON_STR_LIT("{\"items\":[1,2,3,4]}"), (const size_t[]){SIZE_MAX}, 32, &seen,
                 &envelope, &err);
    assert_int_equal(rc, -MOON_E_CANCELLED);
    assert_string_equal(err.text, "enough");
    assert_int_equal(seen.count, 2);
    moon_buf_fini(&seen.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_callback_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
