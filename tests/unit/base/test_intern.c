/* SPDX-License-Identifier: Apache-2.0 */
#include "base/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_same_text_is_same_pointer(void **state)
{
    (void)state;
    moon_sym a = moon_intern_cstr("app");
    moon_sym b = moon_intern((struct moon_str){"apple", 3});
    assert_ptr_equal(a, b);
    assert_string_equal(a, "app");
    assert_int_equal(moon_sym_len(a), 3);
    assert_int_equal(moon_intern_count(), 1);
    moon_sym other = moon_intern_cstr("apple");
    assert_ptr_not_equal(a, other);
    assert_int_equal(moon_intern_count(), 2);
    moon_sym_unref(a);
    assert_ptr_equal(moon_intern_find(MOON_STR_LIT("app")), b);
    moon_sym_unref(b);
    assert_null(moon_intern_find(MOON_STR_LIT("app")));
    moon_sym_unref(other);
    assert_int_equal(moon_intern_count(), 0);
}

static void test_null_passes_through(void **state)
{
    (void)state;
    assert_null(moon_intern_cstr(NULL));
    assert_null(moon_sym_ref(NULL));
    moon_sym_unref(NULL);
    assert_int_equal(moon_sym_len(NULL), 0);
    assert_null(moon_intern_find(MOON_STR_LIT("nobody")));
}

static void test_odd_texts(void **state)
{
    (void)state;
    static const struct moon_str texts[] = {
        {"", 0}, {NULL, 0}, {"\0", 1}, {"a\0b", 3}, {"a\0c", 3}, {"a", 1},
    };
    moon_sym syms[MOON_ARRAY_SIZE(texts)];
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        syms[i] = moon_intern(texts[i]);
        assert_int_equal(moon_sym_len(syms[i]), texts[i].len);
        assert_int_equal(syms[i][texts[i].len], 0);
    }
    assert_ptr_equal(syms[0], syms[1]);
    assert_int_equal(moon_intern_count(), MOON_ARRAY_SIZE(texts) - 1);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        moon_sym_unref(syms[i]);
    }
    assert_int_equal(moon_intern_count(), 0);
}

static void test_references_count(void **state)
{
    (void)state;
    moon_sym s = moon_intern_cstr("node-1");
    assert_ptr_equal(moon_sym_ref(s), s);
    assert_ptr_equal(moon_intern_cstr("node-1"), s);
    moon_sym_unref(s);
    moon_sym_unref(s);
    assert_string_equal(s, "node-1");
    moon_sym_unref(s);
    assert_int_equal(moon_intern_count(), 0);
}

static void test_many(void **state)
{
    (void)state;
    enum {
        COUNT = 3000
    };
    static moon_sym syms[COUNT];
    char text[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "node-%d", i);
        syms[i] = moon_intern_cstr(text);
    }
    assert_int_equal(moon_intern_count(), COUNT);
    for (int i = 0; i < COUNT; i += 2) {
        moon_sym_unref(syms[i]);
    }
    assert_int_equal(moon_intern_count(), COUNT / 2);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "node-%d", i);
        assert_ptr_equal(moon_intern_find(moon_str(text)), i % 2 == 0 ? NULL : syms[i]);
    }
    for (int i = 1; i < COUNT; i += 2) {
        moon_sym_unref(syms[i]);
    }
    assert_int_equal(moon_intern_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_text_is_same_pointer),
        cmocka_unit_test(test_null_passes_through),
        cmocka_unit_test(test_odd_texts),
        cmocka_unit_test(test_references_count),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
