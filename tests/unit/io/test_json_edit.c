/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/json.h"

static void values_are_put(void **state MOON_UNUSED)
{
    static const char *const rows[][4] = {
        /* text, pointer, value (NULL: remove), what comes of it */
        {"{\"a\":1}", "/a", "2", "{\"a\":2}"},
        {"{\"a\":1}", "/b", "2", "{\"a\":1,\"b\":2}"},
        {"{}", "/b", "2", "{\"b\":2}"},
        {" { \"a\" : 1 , \"b\":[ 1 , 2 ] } ", "/a", "2", "{\"a\":2,\"b\":[ 1 , 2 ]}"},
        {"{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "/a/b/d", "\"x\"",
         "{\"a\":{\"b\":{\"c\":1,\"d\":\"x\"}}}"},
        {"{\"a\":1.50,\"b\":9007199254740993}", "/c/d/e", "{}",
         "{\"a\":1.50,\"b\":9007199254740993,\"c\":{\"d\":{\"e\":{}}}}"},
        {"{\"a\":null}", "/a/b", "1", "{\"a\":{\"b\":1}}"},
        {"{\"a\":[1,2,3]}", "/a/1", "9", "{\"a\":[1,9,3]}"},
        {"{\"a\":[1,2,3]}", "/a/3", "4", "{\"a\":[1,2,3,4]}"},
        {"{\"a\":[]}", "/a/-", "{\"b\":1}", "{\"a\":[{\"b\":1}]}"},
        {"{\"a\":[{\"b\":1}]}", "/a/0/c", "2", "{\"a\":[{\"b\":1,\"c\":2}]}"},
        {"{\"a\":[{\"b\":1}]}", "/a/-/c", "2", "{\"a\":[{\"b\":1},{\"c\":2}]}"},
        {"{\"a/b\":1,\"m~n\":2}", "/a~1b", "3", "{\"a/b\":3,\"m~n\":2}"},
        {"{\"a/b\":1,\"m~n\":2}", "/m~0n", "3", "{\"a/b\":1,\"m~n\":3}"},
        {"{\"\\u0061\":1}", "/a", "2", "{\"\\u0061\":2}"},
        {"{}", "/moonset.dev~1x", "\"<\"", "{\"moonset.dev/x\":\"<\"}"},
        {"{\"a\":1,\"b\":2}", "/a", NULL, "{\"b\":2}"},
        {"{\"a\":1,\"b\":2}", "/b", NULL, "{\"a\":1}"},
        {"{\"a\":1,\"a\":2,\"b\":3}", "/a", NULL, "{\"b\":3}"},
        {"{\"a\":1}", "/b", NULL, "{\"a\":1}"},
        {"{\"a\":1}", "/b/c", NULL, "{\"a\":1}"},
        {"{\"a\":null}", "/a/c", NULL, "{\"a\":null}"},
        {"{\"a\":[1,2,3]}", "/a/0", NULL, "{\"a\":[2,3]}"},
        {"{\"a\":[1,2,3]}", "/a/7", NULL, "{\"a\":[1,2,3]}"},
        {"{\"c\":[{\"name\":\"x\"},7,{\"name\":\"y\",\"i\":1}]}", "/c/name=y/i", "2",
         "{\"c\":[{\"name\":\"x\"},7,{\"name\":\"y\",\"i\":2}]}"},
        {"{\"c\":[{\"name\":\"x\"}]}", "/c/name=x", "{\"name\":\"x\",\"i\":1}",
         "{\"c\":[{\"name\":\"x\",\"i\":1}]}"},
        {"{\"c\":[{\"name\":\"x\"}]}", "/c/name=y", "{\"name\":\"y\"}",
         "{\"c\":[{\"name\":\"x\"},{\"name\":\"y\"}]}"},
        {"{\"c\":[]}", "/c/name=y", "{}", "{\"c\":[{}]}"},
        {"{}", "/b/c/name=y", "{}", "{\"b\":{\"c\":[{}]}}"},
        {"{\"c\":null}", "/c/name=y", "{}", "{\"c\":[{}]}"},
        {"{\"c\":[{\"name\":\"x\"},{\"name\":\"y\"}]}", "/c/name=x", NULL,
         "{\"c\":[{\"name\":\"y\"}]}"},
        {"{\"c\":[{\"name\":\"x\"}]}", "/c/name=y", NULL, "{\"c\":[{\"name\":\"x\"}]}"},
        {"{\"c\":[{\"name\":\"x\",\"e\":null}]}", "/c/name=x/e/name=K", "{\"name\":\"K\"}",
         "{\"c\":[{\"name\":\"x\",\"e\":[{\"name\":\"K\"}]}]}"},
        {"{\"name=x\":1}", "/name=x", "2", "{\"name=x\":2}"},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        moon_buf_clear(&out);
        moon_buf_puts(&out, "before ");
        if (moon_json_put(moon_str(rows[i][0]), rows[i][1], moon_str(rows[i][2]), &out, &err) !=
            0) {
            fail_msg("%s %s: %s", rows[i][0], rows[i][1], err.text);
        }
        assert_string_equal(moon_buf_cstr(&out) + strlen("before "), rows[i][3]);
    }
}

static void mistakes(void **state MOON_UNUSED)
{
    static const char *const rows[][3] = {
        {"{}", "a", "a: no JSON pointer, such as /metadata/labels/app"},
        {"{}", "/", "/: no JSON pointer, such as /metadata/labels/app"},
        {"{}", "", ": no JSON pointer, such as /metadata/labels/app"},
        {"{}", "/a~2", "/a~2: after ~ there is 0 or 1"},
        {"{}", "/a~", "/a~: after ~ there is 0 or 1"},
        {"{\"a\":\"x\"}", "/a/b",
         "/a/b: on the way there is something that is no object and no list"},
        {"7", "/a", "/a: on the way there is something that is no object and no list"},
        {"{\"a\":[]}", "/a/b", "/a/b: a place in a list is a number, - for its end, or name=NAME"},
        {"{\"a\":[]}", "/a/01",
         "/a/01: a place in a list is a number, - for its end, or name=NAME"},
        {"{\"a\":[1]}", "/a/2", "/a/2: the list is not that long"},
        {"{\"a\":1,\"a\":2}", "/a", "/a: there are two of it"},
        {"{\"c\":[{\"name\":\"x\"}]}", "/c/name=y/i",
         "/c/name=y/i: there is no element of that name"},
        {"{}", "/c/name=y/i", "/c/name=y/i: there is no element of that name"},
        {"{\"c\":[{\"name\":\"x\"},{\"name\":\"x\"}]}", "/c/name=x",
         "/c/name=x: there are two of it"},
        {"{\"a\":1", "/a", "line 1 column 7: expected ',' or '}'"},
        {"{\"a\":1}}", "/a", "line 1 column 8: something follows the end of the value"},
        {"{\"b\":{\"a\":01}}", "/a", "line 1 column 12: a number must not start with 0"},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    moon_buf_puts(&out, "before");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        int rc = moon_json_put(moon_str(rows[i][0]), rows[i][1], MOON_STR_LIT("1"), &out, &err);
        assert_int_equal(rc, -MOON_E_INVALID);
        assert_string_equal(err.text, rows[i][2]);
        assert_string_equal(moon_buf_cstr(&out), "before");
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf small = MOON_BUF_INIT(8);
    struct moon_err err;
    assert_int_equal(
        moon_json_put(MOON_STR_LIT("{}"), "/a", MOON_STR_LIT("\"0123456\""), &small, &err),
        -MOON_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_put),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
