/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "unit/base/death.h"

static struct moon_err dirty_error(void)
{
    struct moon_err err = {.code = MOON_E_BUSY, .http_status = 429, .retry_after_ms = 1000};
    snprintf(err.text, sizeof(err.text), "old");
    return err;
}

static void test_set(void **state)
{
    (void)state;
    struct moon_err err = dirty_error();
    assert_int_equal(moon_err_set(&err, MOON_E_GONE, "watch %s: %d", "pods", 410), -MOON_E_GONE);
    assert_int_equal(err.code, MOON_E_GONE);
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.text, "watch pods: 410");
}

static void test_set_from_its_own_text(void **state)
{
    (void)state;
    struct moon_err err = dirty_error();
    moon_err_set(&err, MOON_E_INVALID, "%s and %s", err.text, err.text);
    assert_string_equal(err.text, "old and old");
}

static void test_errno(void **state)
{
    (void)state;
    struct moon_err err = dirty_error();
    assert_int_equal(moon_err_errno(&err, ENOENT, "open %s", "/x"), -MOON_E_SYSTEM);
    assert_string_equal(err.text, "open /x: No such file or directory");
    assert_int_equal(err.http_status, 0);
}

static void test_wrap_keeps_what_it_is(void **state)
{
    (void)state;
    struct moon_err err = dirty_error();
    assert_int_equal(moon_err_wrap(&err, "list %s", "nodes"), -MOON_E_BUSY);
    assert_int_equal(err.http_status, 429);
    assert_int_equal(err.retry_after_ms, 1000);
    assert_string_equal(err.text, "list nodes: old");
}

/* A text of `total` bytes: `pad` times "a", then as many "é" (two bytes) as fit. */
static void fill(char *text, size_t pad, size_t total)
{
    memset(text, 'a', pad);
    size_t len = pad;
    for (; len + 2 <= total; len += 2) {
        memcpy(text + len, "é", 2);
    }
    text[len] = '\0';
}

static void test_cut_at_a_character(void **state)
{
    (void)state;
    static const struct {
        size_t pad, total, expected_len;
    } cases[] = {
        {1021, 1023, 1023},     /* just fits: untouched */
        {1022, 1024, 1020 + 3}, /* one too many */
        {1024, 1024, 1020 + 3}, /* plain letters */
        {0, 1500, 1020 + 3},    /* the cut falls between two characters */
        {1, 1500, 1019 + 3},    /* the cut would fall into one */
        {1019, 1500, 1019 + 3}, /* likewise, the first of them */
        {1020, 3000, 1020 + 3},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        char text[4096];
        fill(text, cases[i].pad, cases[i].total);
        struct moon_err err = {0};
        moon_err_set(&err, MOON_E_INVALID, "%s", text);
        assert_int_equal(strlen(err.text), cases[i].expected_len);
        size_t kept = cases[i].expected_len;
        if (strlen(text) >= MOON_ERR_TEXT_MAX) {
            assert_true(moon_str_ends(moon_str(err.text), "…"));
            kept -= strlen("…");
        }
        assert_memory_equal(err.text, text, kept);
    }
}

static void test_wrap_and_errno_are_cut(void **state)
{
    (void)state;
    char text[MOON_ERR_TEXT_MAX];
    fill(text, MOON_ERR_TEXT_MAX - 1, MOON_ERR_TEXT_MAX - 1);
    struct moon_err err = {0};
    moon_err_set(&err, MOON_E_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), MOON_ERR_TEXT_MAX - 1);
    moon_err_wrap(&err, "x");
    assert_int_equal(strlen(err.text), MOON_ERR_TEXT_MAX - 1);
    assert_true(moon_str_starts(moon_str(err.text), "x: aaa"));
    assert_true(moon_str_ends(moon_str(err.text), "a…"));
    for (size_t less = 1; less < 8; less++) {
        text[MOON_ERR_TEXT_MAX - less] = '\0';
        moon_err_errno(&err, ENOENT, "%s", text);
        assert_true(moon_str_ends(moon_str(err.text), "…"));
    }
    moon_err_wrap(&err, "%s%s", text, text);
    assert_true(moon_str_ends(moon_str(err.text), "…"));
}

static void test_names_and_transience(void **state)
{
    (void)state;
    static const struct {
        enum moon_code code;
        const char *name;
        bool transient;
    } cases[] = {
        {MOON_OK, "ok", false},
        {MOON_E_INVALID, "invalid", false},
        {MOON_E_NOT_FOUND, "not found", false},
        {MOON_E_CONFLICT, "conflict", false},
        {MOON_E_EXISTS, "exists", false},
        {MOON_E_GONE, "gone", false},
        {MOON_E_DENIED, "denied", false},
        {MOON_E_BUSY, "busy", true},
        {MOON_E_TIMEOUT, "timeout", true},
        {MOON_E_NETWORK, "network", true},
        {MOON_E_SERVER, "server", true},
        {MOON_E_LIMIT, "limit", false},
        {MOON_E_SYSTEM, "system", false},
        {MOON_E_POLICY, "policy", false},
        {MOON_E_CANCELLED, "cancelled", false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_string_equal(moon_code_name(cases[i].code), cases[i].name);
        assert_int_equal(moon_code_is_transient(cases[i].code), cases[i].transient);
    }
}

static void set_ok(void)
{
    struct moon_err err = {0};
    moon_err_set(&err, MOON_OK, "no error");
}

static void wrap_nothing(void)
{
    struct moon_err err = {0};
    moon_err_wrap(&err, "list");
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_aborts(set_ok, "assertion failed");
    assert_aborts(wrap_nothing, "assertion failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_from_its_own_text),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_wrap_keeps_what_it_is),
        cmocka_unit_test(test_cut_at_a_character),
        cmocka_unit_test(test_wrap_and_errno_are_cut),
        cmocka_unit_test(test_names_and_transience),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
