/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exact_text.h"
#include "io/json.h"

static void assert_text(struct moon_str got, struct moon_str want)
{
    if (!moon_str_eq(got, want)) {
        fail_msg("got  %.*s\nwant %.*s", MOON_STR_ARG(got), MOON_STR_ARG(want));
    }
}

/* ---- find ---- */

static void test_find(void **state)
{
    (void)state;
    EXACT(text, MOON_STR_LIT(" {\"a\" : {\"b\": [1, 2 ] , \"c\":null}, \"n\":9007199254740993,\n"
                             "\"dup\":1,\"dup\":{\"x\":\"\\u0000\"},\"\\u0061\\/b\":\"slash\"} "));
    static const struct {
        const char *path[4];
        const char *want;
    } rows[] = {
        {{"a", "b", NULL}, "[1, 2 ]"},
        {{"a", "c", NULL}, "null"},
        {{"n", NULL}, "9007199254740993"},
        {{"dup", NULL}, "{\"x\":\"\\u0000\"}"},
        {{"dup", "x", NULL}, "\"\\u0000\""},
        {{"a/b", NULL}, "\"slash\""}, /* keys are compared decoded */
        {{"a", "b", "c", NULL}, NULL},
        {{"a", "x", NULL}, NULL},
        {{"b", NULL}, NULL},
        {{"", NULL}, NULL},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_str got;
        bool found = moon_json_find(text, rows[i].path, &got);
        assert_int_equal(found, rows[i].want != NULL);
        if (found) {
            assert_text(got, moon_str(rows[i].want));
            assert_true(got.ptr >= text.ptr && got.ptr + got.len <= text.ptr + text.len);
        }
    }
}

static void test_find_whole_and_malformed(void **state)
{
    (void)state;
    static const char *const nowhere[] = {NULL};
    struct moon_str got = MOON_STR_LIT("untouched");
    assert_true(moon_json_find(MOON_STR_LIT(" [1] "), nowhere, &got));
    assert_text(got, MOON_STR_LIT("[1]"));
    static const char *const bad[] = {
        "",          "{\"a\":1",  "{\"a\":1}x", "{\"a\":1,}",
        "{\"a\" 1}", "[\"a\",1]", "{\"a\":01}", "{\"b\":\"\x01\",\"a\":1}"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        EXACT(text, moon_str(bad[i]));
        assert_false(moon_json_find(text, MOON_JSON_PATH("a"), &got));
    }
    assert_text(got, MOON_STR_LIT("[1]"));
}

static void test_find_first(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"{\"m\":{\"x\":1}}", "1"},
        {" { \"a\" : [1,{}] , \"m\" : { \"y\":{}, \"x\" : {\"b\":2} } }", "{\"b\":2}"},
        {"{\"m\":{\"x\":1,\"x\":2},\"m\":{\"x\":3}}", "1"},
        {"{\"m\":{\"x\":1,what follows is not looked at", "1"},
        {"{\"m\":{\"y\":1}}", NULL},
        {"{\"m\":[\"x\",1]}", NULL},
        {"{\"a\":01,\"m\":{\"x\":1}}", NULL},
        {"{\"m\":{\"x\":", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_str got;
        EXACT(text, moon_str(rows[i].text));
        bool found = moon_json_find_first(text, MOON_JSON_PATH("m", "x"), &got);
        assert_int_equal(found, rows[i].want != NULL);
        if (found) {
            assert_text(got, moon_str(rows[i].want));
        }
    }
}

/* ---- pick ---- */

static const struct moon_json_want inner_wants[] = {{.key = "y"}, {.key = "z"}, {0}};
static const struct moon_json_want wants[] = {
    {.key = "m", .members = inner_wants}, {.key = "v"}, {0}};
static const struct moon_json_want all_but_x[] = {
    {.key = "x", .is_unwanted = true}, {.key = "*"}, {0}};

static void test_pick(void **state)
{
    (void)state;
    static const struct {
        const struct moon_json_want *wants;
        const char *text;
        const char *want;
    } rows[] = {
        {wants, "{}", "{}"},
        {wants, " { \"a\" : 1 } ", "{}"},
        {wants, "{\"a\":1,\"v\":2,\"b\":{\"v\":3},\"v\":[ 4 ]}", "{\"v\":2,\"v\":[ 4 ]}"},
        {wants, "{\"m\":{\"x\":1}}", "{\"m\":{}}"},
        {wants, "{\"m\":{\"x\":1,\"y\":{\"x\":2},\"z\":9007199254740993}}",
         "{\"m\":{\"y\":{\"x\":2},\"z\":9007199254740993}}"},
        {wants, "{\"m\" : [ { \"x\":1, \"y\":2 } , 3, [{\"x\":1}], {} ] , \"v\":null}",
         "{\"m\":[{\"y\":2},3,[{\"x\":1}],{}],\"v\":null}"},
        {wants, "{\"m\":null}", "{\"m\":null}"},
        {wants, "{\"m\":[]}", "{\"m\":[]}"},
        {wants, "{\"\\u006d\":{\"\\u0079\":\"\\u0000\",\"\\u0078\":1}}",
         "{\"\\u006d\":{\"\\u0079\":\"\\u0000\"}}"},
        {wants, " 5 ", "5"},
        {all_but_x, "{\"w\":{\"x\":1},\"x\":2,\"y\":3,\"x\":4}", "{\"w\":{\"x\":1},\"y\":3}"},
        {NULL, " {\"x\" : 1} ", "{\"x\" : 1}"},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err = {0};
        EXACT(text, moon_str(rows[i].text));
        moon_buf_clear(&out);
        moon_buf_puts(&out, "before");
        assert_int_equal(moon_json_pick(text, rows[i].wants, &out, &err), 0);
        assert_true(moon_str_starts(moon_buf_str(&out), "before"));
        assert_text((struct moon_str){out.data + 6, out.len - 6}, moon_str(rows[i].want));
    }
}

static void test_parse_picked(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"m\":{\"x\":[1,2],\"y\":\"kept\"}}",
        "{\"m\":{\"y\":\"kept\",\"x\":\"\xff\"},\"broken\":\"\xff\\ud800\"}",
        " { \"m\" : { \"y\" : \"kept\" } } ",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        EXACT(text, moon_str(rows[i]));
        struct moon_arena *arena = moon_arena_new(MOON_JSON_TREE_MAX(text.len));
        MOON_CLEANUP(moon_buf_fini) struct moon_buf lean = MOON_BUF_INIT(1000);
        const cJSON *json = moon_json_parse_picked(text, wants, &lean, arena, &err);
        assert_non_null(json);
        assert_string_equal(moon_json_string(json, "m.y"), "kept");
        assert_null(moon_json_get(json, "m.x"));
        moon_arena_free(arena);
    }
}

/* As many values as fit into a text, and each kind of memory cJSON asks for. */
static void test_a_tree_fits_its_arena(void **state)
{
    static const char *const pieces[] = {"0,",        "\"\",", "{},",          "[],",
                                         "{\"\":0},", "[[]],", "\"abcdefgh\","};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(pieces); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(100000);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf lean = MOON_BUF_INIT(100000);
        struct moon_err err;
        moon_buf_putc(&text, '[');
        for (int n = 0; n < 2000; n++) {
            moon_buf_puts(&text, pieces[i]);
        }
        moon_buf_puts(&text, "0]");
        struct moon_arena *arena = moon_arena_new(MOON_JSON_TREE_MAX(text.len));
        const cJSON *json = moon_json_parse_picked(moon_buf_str(&text), wants, &lean, arena, &err);
        assert_int_equal(cJSON_GetArraySize(json), 2001);
        moon_arena_free(arena);
    }
}

/* What is special inside of a string is seen wherever it stands. */
static void test_special_bytes_at_each_place(void **state)
{
    static const struct {
        const char *special;
        bool is_fine;
    } rows[] = {{"\x01", false}, {"\x1f", false}, {"\\q", false}, {"\\n", true},
                {"\\\"", true},  {"\x7f", true},  {" ", true},    {"\xc3\xa4", true}};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        for (int before = 0; before < 20; before++) {
            struct moon_err err;
            MOON_AUTOFREE char *json =
                moon_asprintf("[\"%.*s%s%.*s\"]", before, "aaaaaaaaaaaaaaaaaaaa", rows[i].special,
                              before % 9, "bbbbbbbbb");
            EXACT(text, moon_str(json));
            MOON_AUTOJSON *tree = moon_json_parse(text, &err);
            assert_int_equal(tree != NULL, rows[i].is_fine);
        }
    }
}

static void test_pick_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"m\":{\"x\":1}",
                                      "{\"m\":{\"x\":}}",
                                      "{\"m\":{\"x\":1,}}",
                                      "{\"m\":{,}}",
                                      "{\"a\":01}",
                                      "{\"m\":{\"x\":1}}]",
                                      ""};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    moon_buf_puts(&out, "before");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        struct moon_err err = {0};
        EXACT(text, moon_str(bad[i]));
        int rc = moon_json_pick(text, wants, &out, &err);
        assert_int_equal(rc, -MOON_E_INVALID);
        assert_string_equal(moon_buf_cstr(&out), "before");
    }
    struct moon_err err = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf small = MOON_BUF_INIT(8);
    int rc = moon_json_pick(MOON_STR_LIT("{\"v\":\"0123456789\"}"), wants, &small, &err);
    assert_int_equal(rc, -MOON_E_LIMIT);
}

/* ---- canonical ---- */

#define VECTOR_A_SPEC                                                                              \
    "\"spec\":{\"containers\":[{\"image\":\"nginx:1.25\",\"imagePullPolicy\":\"IfNotPresent\","    \
    "\"name\":\"c\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\","         \
    "\"terminationMessagePolicy\":\"File\"}],\"dnsPolicy\":\"ClusterFirst\","                      \
    "\"restartPolicy\":\"Always\",\"schedulerName\":\"default-scheduler\","                        \
    "\"securityContext\":{},\"terminationGracePeriodSeconds\":30}"

static const struct {
    struct moon_str text;
    struct moon_str want;
} canonical[] = {
    {TEXT(" { } "), TEXT("{}")},
    {TEXT("[ 1 , [ ] , { } ]"), TEXT("[1,[],{}]")},
    {TEXT("{\"b\":1,\"a\":2,\"$c\":3}"), TEXT("{\"$c\":3,\"a\":2,\"b\":1}")},
    {TEXT("{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"z\":1,\"y\":2}]}"),
     TEXT("{\"a\":[{\"y\":2,\"z\":1}],\"b\":{\"c\":2,\"d\":1}}")},
    /* A prefix sorts first; bytes, not letters; the empty key is a key. */
    {TEXT("{\"ab\":1,\"a\":2,\"B\":3,\"\":4}"), TEXT("{\"\":4,\"B\":3,\"a\":2,\"ab\":1}")},
    {TEXT("{\"\":{\"\":1}}"), TEXT("{\"\":{\"\":1}}")},
    /* Sorted by what the key says, not by how it is escaped: '<' is before 'A', '\\u003c' is not.
     */
    {TEXT("{\"A\":1,\"<\":2,\"\\u0041b\":3}"), TEXT("{\"\\u003c\":2,\"A\":1,\"Ab\":3}")},
    {TEXT("{\"\xc3\xa4\":1,\"z\":2,\"\xf0\x9f\x98\x80\":3,\"\xef\xbc\xa1\":4}"),
     TEXT("{\"z\":2,\"\xc3\xa4\":1,\"\xef\xbc\xa1\":4,\"\xf0\x9f\x98\x80\":3}")},
    /* Go keeps the last of duplicates. */
    {TEXT("{\"a\":1,\"b\":2,\"\\u0061\":3}"), TEXT("{\"a\":3,\"b\":2}")},
    {TEXT("{\"a\":{\"x\":1},\"a\":{}}"), TEXT("{\"a\":{}}")},
    {TEXT("{\"a\":null}"), TEXT("{\"a\":null}")},
    /* Numbers as they stand. */
    {TEXT("[9007199254740993,-0,1.0,1E5,1e+5,0.10,123456789012345678901234567890]"),
     TEXT("[9007199254740993,-0,1.0,1E5,1e+5,0.10,123456789012345678901234567890]")},
    /* Strings. */
    {TEXT("\"<a href=\\\"x\\\">&amp;</a>\""),
     TEXT("\"\\u003ca href=\\\"x\\\"\\u003e\\u0026amp;\\u003c/a\\u003e\"")},
    {TEXT("\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001F\x7f\\\\\\/\\u002f\""),
     TEXT("\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\x7f\\\\//\"")},
    {TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\\u2028\\u2027\""),
     TEXT("\"\\u2028\\u2029\\u2028\xe2\x80\xa7\"")},
    {TEXT("\"\\u00e4\\ud83d\\ude00\xc3\xa4\""), TEXT("\"\xc3\xa4\xf0\x9f\x98\x80\xc3\xa4\"")},
    {TEXT("\"\\ud800\\ud800\\udc00\\udc00\""),
     TEXT("\"\xef\xbf\xbd\xf0\x90\x80\x80\xef\xbf\xbd\"")},
    {TEXT("\"\xff\xed\xa0\x80\\ufffd\""),
     TEXT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
    /* Revision data of the template that the stock controller's vectors call A, 1.36 and 1.33. */
    {TEXT("{\n \"spec\": {\"template\": {\"metadata\":{\"labels\":{\"app\":\"demo\"}},\"spec\":{"
          "\"containers\":[{\"name\":\"c\",\"image\":\"nginx:1.25\",\"resources\":{},"
          "\"terminationMessagePath\":\"\\/dev\\/termination-log\","
          "\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"IfNotPresent\"}],"
          "\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
          "\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":{},"
          "\"schedulerName\":\"default-scheduler\"}, \"$patch\":\"replace\"}}}\n"),
     TEXT("{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":"
          "{\"app\":\"demo\"}}," VECTOR_A_SPEC "}}}")},
    {TEXT("{\"spec\":{\"template\":{" VECTOR_A_SPEC ",\"$patch\":\"replace\",\"metadata\":"
          "{\"labels\":{\"app\":\"demo\"},\"creationTimestamp\":null}}}}"),
     TEXT("{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":"
          "{\"creationTimestamp\":null,\"labels\":{\"app\":\"demo\"}}," VECTOR_A_SPEC "}}}")},
};

static void test_canonical(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(10000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(canonical); i++) {
        struct moon_err err = {0};
        EXACT(text, canonical[i].text);
        moon_buf_clear(&out);
        assert_int_equal(moon_json_canonical(text, false, &out, &err), 0);
        assert_text(moon_buf_str(&out), canonical[i].want);

        /* The canonical form of a canonical form is itself. */
        EXACT(again, moon_buf_str(&out));
        moon_buf_clear(&out);
        assert_int_equal(moon_json_canonical(again, false, &out, &err), 0);
        assert_text(moon_buf_str(&out), canonical[i].want);
        assert_true(moon_json_equal(text, again));
    }
}

static void test_canonical_old_escapes(void **state)
{
    (void)state;
    struct moon_err err = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    assert_int_equal(
        moon_json_canonical(MOON_STR_LIT("{\"\\b\":\"\\f\\n\\r\\t\"}"), true, &out, &err), 0);
    assert_string_equal(moon_buf_cstr(&out), "{\"\\u0008\":\"\\u000c\\n\\r\\t\"}");
}

static void test_canonical_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "{",     "{\"b\":1,\"a\":2", "{\"a\":1,}", "{\"a\"}", "[1,]",
        "[1",       "\"",    "\"\\x\"",          "01",         "{} {}",   "{\"a\":1}x",
        "{\"a\":}", "{1:2}", "{'a':1}",          "[nul]"};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    moon_buf_puts(&out, "before");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        struct moon_err err = {0};
        EXACT(text, moon_str(bad[i]));
        assert_int_equal(moon_json_canonical(text, false, &out, &err), -MOON_E_INVALID);
        assert_string_equal(moon_buf_cstr(&out), "before");
    }
}

/* A full buffer is an error at whatever byte it fills up. */
static void test_canonical_limit(void **state)
{
    (void)state;
    struct moon_str text =
        MOON_STR_LIT("{\"b\":{\"d\":[1,\"<\"],\"c\":2},\"a\":{\"x\":null},\"\":0}");
    size_t full = 0;
    for (size_t max = 1; full == 0; max++) {
        struct moon_err err = {0};
        MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(max);
        int rc = moon_json_canonical(text, false, &out, &err);
        assert_true(rc == 0 || rc == -MOON_E_LIMIT);
        full = rc == 0 ? out.len : 0;
        assert_true(rc != 0 || max == full);
    }
    assert_int_equal(full, text.len + 5);
}

static void test_canonical_depth(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1000);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    for (int depth = MOON_JSON_MAX_DEPTH; depth <= MOON_JSON_MAX_DEPTH + 1; depth++) {
        struct moon_err err = {0};
        moon_buf_clear(&text);
        for (int i = 0; i < depth; i++) {
            moon_buf_putc(&text, '[');
        }
        for (int i = 0; i < depth; i++) {
            moon_buf_putc(&text, ']');
        }
        int rc = moon_json_canonical(moon_buf_str(&text), false, &out, &err);
        assert_int_equal(rc, depth > MOON_JSON_MAX_DEPTH ? -MOON_E_INVALID : 0);
    }
}

/* ---- equal ---- */

static void test_equal(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool want;
    } rows[] = {
        {"{\"a\":1,\"b\":[true,\"x\"]}", " { \"b\" : [ true , \"\\u0078\" ] , \"a\" : 1 } ", true},
        {"{\"a\":null,\"b\":1}", "{\"b\":1}", true},
        {"{\"a\":{\"b\":null}}", "{\"a\":{}}", true},
        {"{\"a\":{\"b\":null}}", "{}", false},
        {"{\"a\":1,\"a\":null}", "{}", true},
        {"[null]", "[]", false},
        {"[1,2]", "[2,1]", false},
        {"\"1\"", "1", false},
        {"\"\\u0000\"", "\"\"", false},
        {"\"a\\u0000b\"", "\"a\\u0000c\"", false},
        {"9007199254740993", "9007199254740992", false},
        {"1.0", "1", true},
        {"1e2", "100", true},
        {"100E-2", "1", true},
        {"1.50", "15e-1", true},
        {"0.001", "1e-3", true},
        {"10.01", "1001e-2", true},
        {"-0", "0.000e9", true},
        {"-1", "1", false},
        {"1e999999999999999999999", "1e999999999999999999999", true},
        {"1e999999999999999999999", "1e999999999999999999998", false},
        {"1e0000000000000000000000001", "10", true},
        {"true", "false", false},
        {"{", "{", false},
        {"", "", false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        EXACT(a, moon_str(rows[i].a));
        EXACT(b, moon_str(rows[i].b));
        if (moon_json_equal(a, b) != rows[i].want || moon_json_equal(b, a) != rows[i].want) {
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        }
    }
}

/* ---- strings out ---- */

static void test_add_string(void **state)
{
    (void)state;
    struct moon_str text =
        MOON_STR_LIT("a\"\\/<>&\b\f\n\r\t\x01\x7f\0z\xe2\x80\xa8\xff\xef\xbf\xbd\xc3\xa4");
    EXACT(exact, text);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    moon_json_add_string(&out, exact);
    assert_string_equal(moon_buf_cstr(&out),
                        "\"a\\\"\\\\/\\u003c\\u003e\\u0026\\b\\f\\n\\r\\t\\u0001\x7f\\u0000z\\u2028"
                        "\\ufffd\xef\xbf\xbd\xc3\xa4\"");
    moon_buf_clear(&out);
    moon_json_add_string(&out, (struct moon_str){0});
    assert_string_equal(moon_buf_cstr(&out), "\"\"");
}

/* ---- iterate ---- */

static void iterate(const char *source, struct moon_buf *seen, bool *ret_failed)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    EXACT(text, moon_str(source));
    moon_buf_clear(seen);
    moon_json_iter_init(&it, text);
    while (moon_json_next(&it, &key, &value)) {
        moon_buf_printf(seen, "%.*s=%.*s;", MOON_STR_ARG(key), MOON_STR_ARG(value));
    }
    assert_false(moon_json_next(&it, &key, &value)); /* stays at its end */
    *ret_failed = it.failed;
    moon_json_iter_fini(&it);
}

static void test_iterate(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
        bool failed;
    } rows[] = {
        {"{}", "", false},
        {" [ ] ", "", false},
        {" { \"a\" : 1 , \"\\u0062\\n\" : { \"c\" : [ ] } } ", "a=1;b\n={ \"c\" : [ ] };", false},
        {"[1,\"x\",[2,3],{\"a\":4}]", "=1;=\"x\";=[2,3];={\"a\":4};", false},
        {"{\"a\":1,\"a\":2}", "a=1;a=2;", false},
        {"{\"a\":1", "a=1;", true},
        {"{\"a\":1,}", "a=1;", true},
        {"[1 2]", "=1;", true},
        {"[1]x", "=1;", true},
        {"[", "", true},
        {"[01]", "", true},
        {"5", "", true},
        {"", "", true},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf seen = MOON_BUF_INIT(1000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        bool failed;
        iterate(rows[i].text, &seen, &failed);
        assert_string_equal(moon_buf_cstr(&seen), rows[i].want);
        assert_int_equal(failed, rows[i].failed);
    }
}

static void test_iterate_key_with_nul(void **state)
{
    (void)state;
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    moon_json_iter_init(&it, MOON_STR_LIT("{\"a\\u0000\xff\":1}"));
    assert_true(moon_json_next(&it, &key, &value));
    assert_text(key, MOON_STR_LIT("a\0\xef\xbf\xbd"));
    moon_json_iter_fini(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_whole_and_malformed),
        cmocka_unit_test(test_find_first),
        cmocka_unit_test(test_pick),
        cmocka_unit_test(test_parse_picked),
        cmocka_unit_test(test_a_tree_fits_its_arena),
        cmocka_unit_test(test_special_bytes_at_each_place),
        cmocka_unit_test(test_pick_errors),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_canonical_old_escapes),
        cmocka_unit_test(test_canonical_errors),
        cmocka_unit_test(test_canonical_limit),
        cmocka_unit_test(test_canonical_depth),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_add_string),
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_iterate_key_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
