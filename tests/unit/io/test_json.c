/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "exact_text.h"
#include "io/json.h"

/* ---- what is JSON (RFC 8259) and what is not ---- */

static const struct {
    struct moon_str text;
    const char *error; /* NULL: accepted */
} grammar[] = {
    {TEXT("{}"), NULL},
    {TEXT(" \t\r\n[ ] "), NULL},
    {TEXT("null"), NULL},
    {TEXT("-0"), NULL},
    {TEXT("0.5e+10"), NULL},
    {TEXT("1E400"), NULL},
    {TEXT("\"\\u0000\\\"\\/\\b\\f\\n\\r\\t\""), NULL},
    {TEXT("{\"a\":[1,{\"b\":null}],\"\":true}"), NULL},
    {TEXT("\"\x7f\""), NULL},
    {TEXT(""), "line 1 column 1: the text ends where a value should be"},
    {TEXT("   "), "line 1 column 4: the text ends where a value should be"},
    {TEXT("{"), "line 1 column 2: expected a key in double quotes"},
    {TEXT("{\"a\""), "line 1 column 5: expected ':' after a key"},
    {TEXT("{\"a\":"), "line 1 column 6: the text ends where a value should be"},
    {TEXT("{\"a\":1"), "line 1 column 7: expected ',' or '}'"},
    {TEXT("{\"a\":1,}"), "line 1 column 8: expected a key in double quotes"},
    {TEXT("{a:1}"), "line 1 column 2: expected a key in double quotes"},
    {TEXT("{\n  \"a\": 1\n  \"b\": 2\n}"), "line 3 column 3: expected ',' or '}'"},
    {TEXT("[1,]"), "line 1 column 4: expected a value"},
    {TEXT("[1 2]"), "line 1 column 4: expected ',' or ']'"},
    {TEXT("[1}"), "line 1 column 3: expected ',' or ']'"},
    {TEXT("[]]"), "line 1 column 3: something follows the end of the value"},
    {TEXT("{} {}"), "line 1 column 4: something follows the end of the value"},
    {TEXT("01"), "line 1 column 2: a number must not start with 0"},
    {TEXT("-"), "line 1 column 2: expected a digit"},
    {TEXT("+1"), "line 1 column 1: expected a value"},
    {TEXT("1."), "line 1 column 3: expected a digit"},
    {TEXT(".5"), "line 1 column 1: expected a value"},
    {TEXT("1e"), "line 1 column 3: expected a digit"},
    {TEXT("1e+"), "line 1 column 4: expected a digit"},
    {TEXT("0x10"), "line 1 column 2: something follows the end of the value"},
    {TEXT("NaN"), "line 1 column 1: expected a value"},
    {TEXT("nul"), "line 1 column 1: expected a value"},
    {TEXT("True"), "line 1 column 1: expected a value"},
    {TEXT("'a'"), "line 1 column 1: expected a value"},
    {TEXT("\"a"), "line 1 column 3: the text ends inside a string"},
    {TEXT("\"a\\"), "line 1 column 4: the text ends inside a string"},
    {TEXT("\"\\x\""), "line 1 column 2: unknown escape in a string"},
    {TEXT("\"\\\0\""), "line 1 column 2: unknown escape in a string"},
    {TEXT("\"\\u12\""), "line 1 column 2: \\u needs four hexadecimal digits"},
    {TEXT("\"\\u12g4\""), "line 1 column 2: \\u needs four hexadecimal digits"},
    {TEXT("\"a\nb\""), "line 1 column 3: control character in a string"},
    {TEXT("\"a\x1f\""), "line 1 column 3: control character in a string"},
    {TEXT("\"a\0b\""), "line 1 column 3: control character in a string"},
    {TEXT("\0"), "line 1 column 1: expected a value"},
    {TEXT("{}\0"), "line 1 column 3: something follows the end of the value"},
    {TEXT("\xef\xbb\xbf{}"), "line 1 column 1: expected a value"},
    {TEXT("/* */ 1"), "line 1 column 1: expected a value"},
};

static void test_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(grammar); i++) {
        struct moon_err err = {0};
        EXACT(text, grammar[i].text);
        MOON_AUTOJSON *json = moon_json_parse(text, &err);
        if (grammar[i].error == NULL) {
            assert_non_null(json);
        } else {
            assert_null(json);
            assert_string_equal(err.text, grammar[i].error);
            assert_int_equal(err.code, MOON_E_INVALID);
        }
    }
}

/* Every beginning of a good text is a bad text, and none is read past its end. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    struct moon_str whole = MOON_STR_LIT(
        "{\"a\\u00e4\\ud83d\\ude00\xf0\x9f\x98\x80\":[true,false,null,-1.5e-3,\"x\"]}");
    for (size_t len = 0; len <= whole.len; len++) {
        struct moon_err err;
        EXACT(text, ((struct moon_str){whole.ptr, len}));
        MOON_AUTOJSON *json = moon_json_parse(text, &err);
        assert_true((json != NULL) == (len == whole.len));
    }
}

static struct moon_str nested(struct moon_buf *buf, const char *open, const char *close, int depth)
{
    moon_buf_clear(buf);
    for (int i = 0; i < depth; i++) {
        moon_buf_puts(buf, open);
    }
    moon_buf_puts(buf, "1");
    for (int i = 0; i < depth; i++) {
        moon_buf_puts(buf, close);
    }
    return moon_buf_str(buf);
}

static void test_depth_is_capped(void **state)
{
    (void)state;
    static const char *const brackets[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"a\":", "}]"}};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf buf = MOON_BUF_INIT(16 << 20);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(brackets); i++) {
        struct moon_err err;
        int deepest = i < 2 ? MOON_JSON_MAX_DEPTH : MOON_JSON_MAX_DEPTH / 2;
        cJSON *json = moon_json_parse(nested(&buf, brackets[i][0], brackets[i][1], deepest), &err);
        assert_non_null(json);
        cJSON_Delete(json);
        json = moon_json_parse(nested(&buf, brackets[i][0], brackets[i][1], deepest + 1), &err);
        assert_null(json);
        assert_non_null(strstr(err.text, "nested too deeply"));
        json = moon_json_parse(nested(&buf, brackets[i][0], "", 1000000), &err);
        assert_null(json);
    }
}

/* ---- strings as Go reads them ---- */

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct moon_str text;
        const char *want;
    } rows[] = {
        {TEXT("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80"},
        {TEXT("\"\\ud83d\""), "\xef\xbf\xbd"},
        {TEXT("\"\\ude00x\""), "\xef\xbf\xbdx"},
        {TEXT("\"\\ud83d\\ud83d\\ude00\""), "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {TEXT("\"\\ud83d\\u0041\""), "\xef\xbf\xbd\x41"},
        {TEXT("\"a\xff\xfe\""), "a\xef\xbf\xbd\xef\xbf\xbd"},
        {TEXT("\"\xc0\xaf\""), "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {TEXT("\"\xed\xa0\x80\""), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {TEXT("\"\xe2\x82\""), "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut */
        {TEXT("\"\\ufffd\xef\xbf\xbd\""), "\xef\xbf\xbd\xef\xbf\xbd"},
        {TEXT("\"\xf4\x8f\xbf\xbf\""), "\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        EXACT(text, rows[i].text);
        MOON_AUTOJSON *json = moon_json_parse(text, &err);
        assert_non_null(json);
        assert_string_equal(cJSON_GetStringValue(json), rows[i].want);
    }
}

/* Mending a text must not put it in another order. */
static void test_mending_keeps_the_order(void **state)
{
    (void)state;
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(MOON_STR_LIT("{\"b\":\"\xff\",\"a\":1,\"b\":2}"), &err);
    assert_non_null(json);
    assert_int_equal(cJSON_GetArraySize(json), 3);
    assert_string_equal(cJSON_GetArrayItem(json, 0)->valuestring, "\xef\xbf\xbd");
    assert_string_equal(cJSON_GetArrayItem(json, 1)->string, "a");
}

/* ---- members ---- */

static void test_members(void **state)
{
    (void)state;
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(
        MOON_STR_LIT("{\"metadata\":{\"name\":\"a\",\"labels\":{\"x.y/z\":\"1\"},\"gone\":null},"
                     "\"n\":5,\"half\":1.5,\"neg\":-7,\"yes\":true,\"no\":false,\"list\":[1],"
                     "\"dup\":1,\"dup\":2}"),
        &err);
    assert_non_null(json);
    assert_string_equal(moon_json_string(json, "metadata.name"), "a");
    assert_null(moon_json_string(json, "metadata"));
    assert_null(moon_json_string(json, "metadata.gone"));
    assert_null(moon_json_get(json, "metadata.gone"));
    assert_null(moon_json_get(json, "metadata.gone.deeper"));
    assert_null(moon_json_get(json, "metadata.name.deeper"));
    assert_null(moon_json_get(json, "list.0"));
    assert_null(moon_json_get(json, "Metadata"));
    assert_null(moon_json_get(NULL, "metadata"));
    assert_string_equal(
        cJSON_GetStringValue(moon_json_member(moon_json_get(json, "metadata.labels"), "x.y/z")),
        "1");
    assert_int_equal(moon_json_int(json, "n", -1), 5);
    assert_int_equal(moon_json_int(json, "neg", -1), -7);
    assert_int_equal(moon_json_int(json, "half", -1), -1);
    assert_int_equal(moon_json_int(json, "yes", -1), -1);
    assert_int_equal(moon_json_int(json, "none", -1), -1);
    assert_int_equal(moon_json_int(json, "dup", -1), 2);
    assert_true(moon_json_bool(json, "yes", false));
    assert_false(moon_json_bool(json, "no", true));
    assert_true(moon_json_bool(json, "n", true));
    assert_true(moon_json_bool(json, "none", true));
}

/* A number that a double may have changed is no answer. */
static void test_integers_are_exact_or_absent(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = {
        {"9007199254740991", 9007199254740991},
        {"-9007199254740991", -9007199254740991},
        {"9007199254740992", -1},
        {"9007199254740993", -1},
        {"1e400", -1},
        {"-1e400", -1},
        {"1e3", 1000},
        {"18446744073709551616", -1},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        char text[64];
        snprintf(text, sizeof(text), "{\"n\":%s}", rows[i].text);
        MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
        assert_non_null(json);
        assert_int_equal(moon_json_int(json, "n", -1), rows[i].want);
    }
}

/* This cJSON reads 63 digits; what is longer must be an error, not a cut number. */
static void test_very_long_number(void **state)
{
    (void)state;
    struct moon_err err = {0};
    char text[202];
    memset(text, '1', sizeof(text));
    text[0] = '[';
    text[201] = ']';
    EXACT(exact, ((struct moon_str){text, sizeof(text)}));
    MOON_AUTOJSON *json = moon_json_parse(exact, &err);
    if (json == NULL) {
        assert_int_equal(err.code, MOON_E_INVALID);
        assert_non_null(strstr(err.text, "too many digits"));
    } else {
        assert_true(cJSON_GetArrayItem(json, 0)->valuedouble > 1e199);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_depth_is_capped),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_mending_keeps_the_order),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_integers_are_exact_or_absent),
        cmocka_unit_test(test_very_long_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
