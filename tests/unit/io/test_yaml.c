/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exact_text.h"
#include "io/yaml.h"

static const struct moon_yaml_opts opts = {.name = "f.yaml"};

static void assert_yaml(struct moon_str source, const char *want)
{
    struct moon_err err = {0};
    EXACT(text, source);
    MOON_AUTOJSON *json = moon_yaml_parse_all(text, &opts, &err);
    if (json == NULL) {
        fail_msg("%.*s\n%s", MOON_STR_ARG(source), err.text);
    }
    char *got = cJSON_PrintUnformatted(json);
    if (strcmp(got, want) != 0) {
        fail_msg("%.*s\ngot  %s\nwant %s", MOON_STR_ARG(source), got, want);
    }
    cJSON_free(got);
}

static const struct {
    const char *text;
    const char *want; /* all documents */
} good[] = {
    {"", "[]"},
    {"# only a comment\n", "[]"},
    {"---\n---\n# nothing\n---\na: 1\n---\n", "[{\"a\":1}]"},
    {"a: 1\n---\nb: 2\n...\n", "[{\"a\":1},{\"b\":2}]"},
    {"--- null\n", "[null]"},
    {"--- \"\"\n", "[\"\"]"},
    {"5", "[5]"},
    {"- a\n- - b\n  - {c: d, e: [f]}\n-\n", "[[\"a\",[\"b\",{\"c\":\"d\",\"e\":[\"f\"]}],null]]"},
    {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "[{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}]"},
    {"\"a\": 'it''s'\n", "[{\"a\":\"it's\"}]"},
    {"a: \"\\u00e4\\x41\\t\"\n", "[{\"a\":\"\xc3\xa4\x41\\t\"}]"},
    {"\xef\xbb\xbf"
     "a: 1\n",
     "[{\"a\":1}]"},
    {"a:\r\n  b: 1\r\n", "[{\"a\":{\"b\":1}}]"},
    /* words */
    {"[true, True, TRUE, yes, Yes, YES, on, On, ON, y, Y]",
     "[[true,true,true,true,true,true,true,true,true,true,true]]"},
    {"[false, no, No, NO, off, n, N]", "[[false,false,false,false,false,false,false]]"},
    {"[null, ~, Null, NULL, ]", "[[null,null,null,null]]"},
    {"[tRue, nuLL, yEs, oN, nan, inf, None]",
     "[[\"tRue\",\"nuLL\",\"yEs\",\"oN\",\"nan\",\"inf\",\"None\"]]"},
    {"['true', \"null\", '1', \"~\", '']", "[[\"true\",\"null\",\"1\",\"~\",\"\"]]"},
    /* numbers */
    {"[0, -0, 1, +1, -1, 1_000, 0644, 0o17, 0x1F, 0b101, -0x10, 08]",
     "[[0,0,1,1,-1,1000,420,15,31,5,-16,8]]"},
    {"[1.5, .5, 5., 1e3, 1E-2, +1.5, -.5]", "[[1.5,0.5,5,1000,0.01,1.5,-0.5]]"},
    {"[1e999, 0x, 0b2, 0o8, ., -, +, 1e, 1.2.3, 1:30, 12h, 100m, 1Gi, 50%, 1_, _1]",
     "[[\"1e999\",\"0x\",\"0b2\",\"0o8\",\".\",\"-\",\"+\",\"1e\",\"1.2.3\",\"1:30\",\"12h\","
     "\"100m\",\"1Gi\",\"50%\",1,\"_1\"]]"},
    {"[2001-01-01, 2001-12-14T21:59:43.10Z]", "[[\"2001-01-01\",\"2001-12-14T21:59:43.10Z\"]]"},
    /* tags */
    {"[!!str 1, !!int '1', !!bool 'yes', !!float 2, !!null '', ! 1, !!str ]",
     "[[\"1\",1,true,2,null,\"1\",\"\"]]"},
    {"!!map {a: !!seq [1]}", "[{\"a\":[1]}]"},
    /* keys become text */
    {"{1: a, 0x10: b, yes: c, 'no': d, -5: e}",
     "[{\"1\":\"a\",\"16\":\"b\",\"true\":\"c\",\"no\":\"d\",\"-5\":\"e\"}]"},
    /* aliases and merges */
    {"a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n",
     "[{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":[{\"b\":[1]},{\"b\":[1]}]}]"},
    {"a: &x 1\nb: &x 2\nc: *x\n", "[{\"a\":1,\"b\":2,\"c\":2}]"},
    {"&k a: 1\nb: *k\n", "[{\"a\":1,\"b\":\"a\"}]"},
    {"base: &b {x: 1, w: 2}\nd:\n  w: 3\n  <<: *b\n  z: 4\n",
     "[{\"base\":{\"x\":1,\"w\":2},\"d\":{\"w\":3,\"z\":4,\"x\":1}}]"},
    {"a: &a {x: 1}\nb: &b {x: 2, w: 2}\nc: {<<: [*a, *b, {z: 3}]}\n",
     "[{\"a\":{\"x\":1},\"b\":{\"x\":2,\"w\":2},\"c\":{\"x\":1,\"w\":2,\"z\":3}}]"},
    {"a: {<<: &m {x: &v [1]}}\nb: *m\nc: *v\n",
     "[{\"a\":{\"x\":[1]},\"b\":{\"x\":[1]},\"c\":[1]}]"},
    {"{<<: {<<: {a: 1}, b: 2}, c: 3}", "[{\"c\":3,\"b\":2,\"a\":1}]"},
    {"{'<<': 1}", "[{\"<<\":1}]"},
    {"- &x a\n---\n- &x b\n- *x\n", "[[\"a\"],[\"b\",\"b\"]]"},
    /* JSON */
    {"{\"a\":\"\\ud83d\\ude00\",\n\t\"b\":[1,2.5,null,true]}",
     "[{\"a\":\"\xf0\x9f\x98\x80\",\"b\":[1,2.5,null,true]}]"},
    {" [ ] ", "[[]]"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(good); i++) {
        assert_yaml(moon_str(good[i].text), good[i].want);
    }
}

/* Not by printing: cJSON prints all of these inexactly. */
static void test_large_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } rows[] = {
        {"9007199254740991", 9007199254740991.0},
        {"-9007199254740992", -9007199254740992.0},
        {"9007199254740994", 9007199254740994.0},
        {"4611686018427387904", 4611686018427387904.0},
        {"18446744073709549568", 18446744073709549568.0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err = {0};
        MOON_AUTOJSON *json = moon_yaml_parse(moon_str(rows[i].text), &opts, &err);
        assert_non_null(json);
        assert_true(json->valuedouble == rows[i].want);
    }
    struct moon_err err = {0};
    MOON_AUTOJSON *json = moon_yaml_parse(MOON_STR_LIT("'9007199254740993'"), &opts, &err);
    assert_string_equal(cJSON_GetStringValue(json), "9007199254740993");
}

static const struct {
    struct moon_str text;
    const char *error;
} bad[] = {
    {TEXT("a:\n\tb: 1\n"), "f.yaml:2:1: found a tab: YAML is indented by spaces, not tabs"},
    {TEXT("ä: 1\nb:\n  - x\n\t- y\n"), "f.yaml:4:1: found a tab"},
    {TEXT("a: 1\na: 2\n"), "f.yaml:2:1: duplicate key"},
    {TEXT("a: {b: 1, 'b': 2}\n"), "f.yaml:1:11: duplicate key"},
    {TEXT("{1: a, '1': b}"), "f.yaml:1:8: duplicate key"},
    {TEXT("{\"a\":1,\n\"\\u0061\":2}"), "f.yaml:2:10: duplicate key"},
    {TEXT("? [a]\n: b\n"), "f.yaml:1:3: a key must be a scalar"},
    {TEXT("? {a: b}\n: c\n"), "f.yaml:1:3: a key must be a scalar"},
    {TEXT("~: a\n"), "f.yaml:1:1: a key must be a text"},
    {TEXT("1.5: a\n"), "f.yaml:1:1: a key must be a text"},
    {TEXT("a: !secret b\n"), "f.yaml:1:4: unknown tag"},
    {TEXT("a: !!binary aGk=\n"), "f.yaml:1:4: unknown tag"},
    {TEXT("a: !!set {b}\n"), "f.yaml:1:4: unknown tag"},
    {TEXT("a: !!int x\n"), "f.yaml:1:4: the value is not what its tag says"},
    {TEXT("a: !!bool 1\n"), "f.yaml:1:4: the value is not what its tag says"},
    {TEXT("a:\n  b: 9007199254740993\n"), "f.yaml:2:6: an integer too large"},
    {TEXT("a: -9007199254740993\n"), "f.yaml:1:4: an integer too large"},
    {TEXT("a: 18446744073709551615\n"), "f.yaml:1:4: an integer too large"},
    {TEXT("a: 99999999999999999999\n"), "f.yaml:1:4: an integer too large"},
    {TEXT("a: 0x20000000000001\n"), "f.yaml:1:4: an integer too large"},
    {TEXT("9007199254740993: a\n"), "f.yaml:1:1: an integer too large"},
    {TEXT("{\"a\":\n 9007199254740993}"), "f.yaml:2:2: an integer too large"},
    {TEXT("a: .inf\n"), "f.yaml:1:4: infinity"},
    {TEXT("a: .NaN\n"), "f.yaml:1:4: infinity"},
    {TEXT("a: \"x\\0y\"\n"), "f.yaml:1:4: a text with U+0000"},
    {TEXT("{\"a\":\"x\\u0000\"}"), "f.yaml:1:15: a text with U+0000"},
    {TEXT("{\"x\\u0000\":1}"), "f.yaml:1:12: a text with U+0000"},
    {TEXT("a: \0\n"), "f.yaml:1:4: control characters are not allowed"},
    {TEXT("a: 1\nb: \xff\n"), "f.yaml:2:4: invalid leading UTF-8 octet"},
    {TEXT("a: *x\n"), "f.yaml:1:4: unknown anchor"},
    {TEXT("a: &x [1, *x]\n"), "f.yaml:1:11: an alias inside what it stands for"},
    {TEXT("&x a: *x\n*x : 1\n"),
     "f.yaml:2:1: a key must be a scalar, not a collection or an alias"},
    {TEXT("a: &x {<<: *x}\n"), "f.yaml:1:12: an alias inside what it stands for"},
    {TEXT("- &x 1\n---\n- *x\n"), "f.yaml:3:3: unknown anchor"},
    {TEXT("a: {<<: 1}\n"), "f.yaml:1:9: a merge key needs"},
    {TEXT("a: {<<: [1]}\n"), "f.yaml:1:10: a merge key needs"},
    {TEXT("a: {<<: [[{b: 1}]]}\n"), "f.yaml:1:10: a merge key needs"},
    {TEXT("l: &l [{a: 1}]\na: {<<: *l}\n"), "f.yaml:2:9: a merge key needs"},
    {TEXT("a: {<<: &l [{b: 1}]}\n"), "f.yaml:1:9: a list of merges"},
    {TEXT("a: [1, 2\n"), "f.yaml:2:1: did not find expected ',' or ']'"},
    {TEXT("a: 'x\n"), "f.yaml:2:1: found unexpected end of stream"},
    {TEXT("a: b: c\n"), "f.yaml:1:5: mapping values are not allowed"},
    {TEXT("{\"a\": \"\\ud800"), "f.yaml:1:10: found invalid Unicode"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        struct moon_err err = {0};
        EXACT(text, bad[i].text);
        cJSON *json = moon_yaml_parse_all(text, &opts, &err);
        assert_null(json);
        assert_int_equal(err.code, MOON_E_INVALID);
        if (strncmp(err.text, bad[i].error, strlen(bad[i].error)) != 0) {
            fail_msg("%.*s\ngot  %s\nwant %s", MOON_STR_ARG(bad[i].text), err.text, bad[i].error);
        }
    }
}

static void assert_limit(struct moon_str text, const struct moon_yaml_opts *with, const char *error)
{
    struct moon_err err = {0};
    cJSON *json = moon_yaml_parse_all(text, with, &err);
    assert_null(json);
    assert_int_equal(err.code, MOON_E_LIMIT);
    if (strstr(err.text, error) == NULL) {
        fail_msg("got %s", err.text);
    }
}

/* "a billion laughs": every line ten times the one before. */
static void test_alias_bombs(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1 << 20);
    moon_buf_puts(&text, "a0: &a0 lol\n");
    for (int i = 1; i < 30; i++) {
        moon_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            moon_buf_printf(&text, "*a%d,", i - 1);
        }
        moon_buf_puts(&text, "]\n");
    }
    assert_limit(moon_buf_str(&text), &opts, "too many nodes");

    /* The same with merges. */
    moon_buf_clear(&text);
    moon_buf_puts(&text, "a0: &a0 {x0: 1}\n");
    for (int i = 1; i < 30; i++) {
        moon_buf_printf(&text, "a%d: &a%d {b: {<<: *a%d}, c: {<<: *a%d}}\n", i, i, i - 1, i - 1);
    }
    assert_limit(moon_buf_str(&text), &opts, "too many nodes");

    /* Few nodes, but long ones. */
    moon_buf_clear(&text);
    moon_buf_puts(&text, "a: &a ");
    for (int i = 0; i < 100000; i++) {
        moon_buf_putc(&text, 'x');
    }
    moon_buf_puts(&text, "\nb: [");
    for (int i = 0; i < 1000; i++) {
        moon_buf_puts(&text, "*a,");
    }
    moon_buf_puts(&text, "]\n");
    assert_limit(moon_buf_str(&text), &opts, "too many nodes");
}

static void test_depth(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1 << 20);
    for (int i = 0; i <= MOON_JSON_MAX_DEPTH; i++) {
        moon_buf_puts(&text, "- ");
    }
    assert_limit(moon_buf_str(&text), &opts, "nested too deeply");
    moon_buf_clear(&text);
    for (int i = 0; i < MOON_JSON_MAX_DEPTH; i++) {
        moon_buf_puts(&text, "- ");
    }
    struct moon_err err = {0};
    MOON_AUTOJSON *json = moon_yaml_parse(moon_buf_str(&text), &opts, &err);
    assert_non_null(json);

    /* Aliases deepen, too: 60 levels inside 60 levels. */
    moon_buf_clear(&text);
    moon_buf_puts(&text, "a: &a\n ");
    for (int i = 0; i < 60; i++) {
        moon_buf_puts(&text, "- ");
    }
    moon_buf_puts(&text, "1\nb:\n ");
    for (int i = 0; i < 60; i++) {
        moon_buf_puts(&text, "- ");
    }
    moon_buf_puts(&text, "*a\n");
    assert_limit(moon_buf_str(&text), &opts, "nested too deeply");
}

static void test_caps(void **state)
{
    (void)state;
    const struct moon_yaml_opts small = {.name = "f.yaml", .max_bytes = 10, .max_nodes = 3};
    assert_limit(MOON_STR_LIT("a: 12345678"), &small, "f.yaml: larger than 10 bytes");
    assert_limit(MOON_STR_LIT("[1,2,3]"), &small, "f.yaml:1:6: too many nodes");
    assert_limit(MOON_STR_LIT("- 1\n- 2\n- 3"), &(struct moon_yaml_opts){.max_nodes = 3},
                 "YAML:3:3: too many nodes");
    struct moon_err err = {0};
    MOON_AUTOJSON *json = moon_yaml_parse(MOON_STR_LIT("[1,2]"), &small, &err);
    assert_non_null(json);
}

static void test_one_document(void **state)
{
    (void)state;
    struct moon_err err = {0};
    cJSON *json = moon_yaml_parse(MOON_STR_LIT("a: 1\n---\nb: 2\n"), &opts, &err);
    assert_null(json);
    assert_string_equal(err.text, "f.yaml: 2 documents where one is expected");
    json = moon_yaml_parse(MOON_STR_LIT("---\na: 1\n---\n"), &opts, &err);
    assert_int_equal(moon_json_int(json, "a", 0), 1);
    cJSON_Delete(json);
    json = moon_yaml_parse((struct moon_str){0}, &opts, &err);
    assert_true(cJSON_IsNull(json));
    cJSON_Delete(json);
}

/* "LINE value" of each node, as it is told. */
static void note_line(const cJSON *node, size_t line, void *ctx)
{
    const char *text = cJSON_IsObject(node)   ? "{"
                       : cJSON_IsArray(node)  ? "["
                       : cJSON_IsString(node) ? node->valuestring
                                              : "-";
    moon_buf_printf(ctx, "%zu%s ", line, text);
}

static void test_lines(MOON_UNUSED void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"a: x\nb:\n- w\n- c: [z,\n   1]\n", "1{ 1x 3[ 3w 4{ 4[ 4z 5- "},
        {"# first\n\na: &k\n  b: x\nc: *k\n", "3{ 3{ 4x 5{ "},
        {"a: &k {b: x}\nc:\n  <<: *k\n", "1{ 1{ 1x 3{ 3{ "},
        {"--- a\n--- b\n", "1a 2b "},
        {"{\"a\": [1]}", ""},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        MOON_CLEANUP(moon_buf_fini) struct moon_buf lines = MOON_BUF_INIT(4096);
        MOON_AUTOJSON *json = moon_yaml_parse_all(
            moon_str(rows[i].text), &(struct moon_yaml_opts){.on_node = note_line, .ctx = &lines},
            &err);
        assert_non_null(json);
        assert_string_equal(moon_buf_cstr(&lines), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),         cmocka_unit_test(test_large_integers),
        cmocka_unit_test(test_bad),          cmocka_unit_test(test_alias_bombs),
        cmocka_unit_test(test_depth),        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_one_document), cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
