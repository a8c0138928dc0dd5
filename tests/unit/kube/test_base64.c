/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/base64.h"

static void test_both_ways(void **state)
{
    /* RFC 4648 section 10, and all bits. */
    static const struct {
        const char *data;
        size_t len;
        const char *text;
    } CASES[] = {
        {"", 0, ""},
        {"f", 1, "Zg=="},
        {"fo", 2, "Zm8="},
        {"foo", 3, "Zm9v"},
        {"foob", 4, "Zm9vYg=="},
        {"fooba", 5, "Zm9vYmE="},
        {"foobar", 6, "Zm9vYmFy"},
        {"\0\xff\xfe", 3, "AP/+"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct moon_buf out = MOON_BUF_INIT(100);
        struct moon_str data = {CASES[i].data, CASES[i].len};
        moon_base64_encode(data, &out);
        assert_string_equal(moon_buf_cstr(&out), CASES[i].text);
        moon_buf_clear(&out);
        assert_true(moon_base64_decode(moon_str(CASES[i].text), &out));
        assert_true(moon_str_eq(moon_buf_str(&out), data));
        moon_buf_fini(&out);
    }
}

static void test_line_breaks_are_skipped(void **state)
{
    (void)state;
    struct moon_buf out = MOON_BUF_INIT(100);
    assert_true(moon_base64_decode(moon_str("Zm9v\r\nYm\nFy\n"), &out));
    assert_string_equal(moon_buf_cstr(&out), "foobar");
    moon_buf_fini(&out);
}

static void test_refused(void **state)
{
    static const char *const CASES[] = {"Z",        "Zg",    "Zg=",   "Zg=a", "====", "Z===",
                                        "Zg==Zg==", "Zm9v=", "Zm 9v", "Zm9*", "-_-_", "Zg==="};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct moon_buf out = MOON_BUF_INIT(100);
        assert_false(moon_base64_decode(moon_str(CASES[i]), &out));
        moon_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_line_breaks_are_skipped),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
