/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/base/death.h"

static void test_starts_empty(void **state)
{
    (void)state;
    struct moon_buf b;
    moon_buf_init(&b, 10);
    assert_string_equal(moon_buf_cstr(&b), "");
    assert_int_equal(moon_buf_str(&b).len, 0);
    moon_buf_add(&b, NULL, 0);
    moon_buf_puts(&b, "");
    moon_buf_printf(&b, "%s", "");
    assert_null(b.data);
    moon_buf_clear(&b);
    moon_buf_consume(&b, 0);
    moon_buf_truncate(&b, 0);
    moon_buf_fini(&b);
}

static void test_grows(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(100000);
    for (int i = 0; i < 1000; i++) {
        moon_buf_puts(&b, "ab");
        moon_buf_putc(&b, 'c');
        moon_buf_add_str(&b, MOON_STR_LIT("de"));
        moon_buf_printf(&b, "%d", i % 10);
        assert_int_equal(b.data[b.len], 0);
        assert_true(b.len < b.capacity);
    }
    assert_int_equal(b.len, 6000);
    assert_memory_equal(b.data + 5994, "abcde9", 6);
}

/* Fill a buffer with a maximum of `max` by pieces of `piece` bytes until it has `total`. */
static void test_maximum(void **state)
{
    (void)state;
    static const struct {
        size_t max, piece, total;
        bool overflow;
    } cases[] = {
        {1, 1, 1, false},       {1, 1, 2, true},     {1, 2, 2, true},        {10, 5, 10, false},
        {10, 5, 15, true},      {64, 64, 64, false}, {64, 65, 65, true},     {63, 1, 63, false},
        {63, 1, 64, true},      {65, 13, 65, false}, {200, 100, 200, false}, {199, 100, 200, true},
        {127, 127, 127, false},
    };
    char piece[256];
    memset(piece, 'x', sizeof(piece));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(cases[i].max);
        for (size_t n = 0; n < cases[i].total; n += cases[i].piece) {
            moon_buf_add(&b, piece, cases[i].piece);
        }
        struct moon_err err = {0};
        assert_int_equal(b.overflow, cases[i].overflow);
        assert_int_equal(b.len, cases[i].overflow ? 0 : cases[i].total);
        assert_int_equal(moon_buf_check(&b, "body", &err), cases[i].overflow ? -MOON_E_LIMIT : 0);
        assert_true(b.capacity <= cases[i].max + 1);
    }
}

static void test_overflow_is_sticky(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(5);
    struct moon_err err = {0};
    moon_buf_puts(&b, "12345");
    assert_int_equal(moon_buf_check(&b, "answer", &err), 0);
    moon_buf_printf(&b, "%d", 6);
    moon_buf_puts(&b, "a");
    moon_buf_putc(&b, 'b');
    assert_int_equal(b.len, 0);
    assert_string_equal(moon_buf_cstr(&b), "");
    assert_int_equal(moon_buf_check(&b, "answer", &err), -MOON_E_LIMIT);
    assert_string_equal(err.text, "answer is larger than 5 bytes");

    moon_buf_clear(&b);
    moon_buf_puts(&b, "ok");
    assert_string_equal(moon_buf_cstr(&b), "ok");
    assert_int_equal(moon_buf_check(&b, "answer", &err), 0);
}

static void test_clear_keeps_memory(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(100);
    moon_buf_puts(&b, "hello");
    const char *before = b.data;
    moon_buf_clear(&b);
    assert_string_equal(moon_buf_cstr(&b), "");
    moon_buf_puts(&b, "world");
    assert_ptr_equal(b.data, before);
}

static void test_consume_and_truncate(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(100);
    moon_buf_puts(&b, "line one\nline two");
    moon_buf_consume(&b, 9);
    assert_string_equal(moon_buf_cstr(&b), "line two");
    moon_buf_truncate(&b, 4);
    assert_string_equal(moon_buf_cstr(&b), "line");
    moon_buf_consume(&b, 4);
    assert_string_equal(moon_buf_cstr(&b), "");
    assert_int_equal(b.len, 0);
}

static void test_bytes_may_be_nul(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(100);
    moon_buf_add(&b, "a\0b", 3);
    moon_buf_putc(&b, '\0');
    assert_true(moon_str_eq(moon_buf_str(&b), (struct moon_str){"a\0b\0", 4}));
}

static void test_take(void **state)
{
    (void)state;
    struct moon_buf b = MOON_BUF_INIT(100);
    size_t len = 99;
    MOON_AUTOFREE char *nothing = moon_buf_take(&b, &len);
    assert_string_equal(nothing, "");
    assert_int_equal(len, 0);
    moon_buf_puts(&b, "text");
    MOON_AUTOFREE char *text = moon_buf_take(&b, &len);
    assert_string_equal(text, "text");
    assert_int_equal(len, 4);
    assert_int_equal(b.len, 0);
    moon_buf_puts(&b, "again");
    MOON_AUTOFREE char *again = moon_buf_take(&b, NULL);
    assert_string_equal(again, "again");
    assert_null(b.data);
}

static void use_without_maximum(void)
{
    struct moon_buf b = {0};
    moon_buf_puts(&b, "x");
}

static void consume_too_much(void)
{
    struct moon_buf b = MOON_BUF_INIT(10);
    moon_buf_puts(&b, "x");
    moon_buf_consume(&b, 2);
}

static void truncate_to_more(void)
{
    struct moon_buf b = MOON_BUF_INIT(10);
    moon_buf_truncate(&b, 1);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_aborts(use_without_maximum, "max_bytes");
    assert_aborts(consume_too_much, "n <= b->len");
    assert_aborts(truncate_to_more, "len <= b->len");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_overflow_is_sticky),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_consume_and_truncate),
        cmocka_unit_test(test_bytes_may_be_nul),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
