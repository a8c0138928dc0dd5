/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/base/death.h"

static bool is_zero(const unsigned char *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0) {
        n--;
    }
    return n == 0;
}

static void test_zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4000, 4096, 5000, 100, 300000, 1, 600000};
    struct moon_arena *a = moon_arena_new(1 << 20);
    for (int round = 0; round < 3; round++) {
        size_t total = 0;
        for (size_t i = 0; i < MOON_ARRAY_SIZE(sizes); i++) {
            unsigned char *p = moon_arena_alloc(a, sizes[i]);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            assert_true(is_zero(p, sizes[i]));
            memset(p, 0xff, sizes[i]);
            total += sizes[i];
            assert_int_equal(moon_arena_used(a), total);
        }
        moon_arena_clear(a);
        assert_int_equal(moon_arena_used(a), 0);
    }
    moon_arena_free(a);
    moon_arena_free(NULL);
}

static void test_pieces_do_not_overlap(void **state)
{
    (void)state;
    enum {
        COUNT = 2000
    };
    struct moon_arena *a = moon_arena_new(1 << 20);
    size_t **numbers = moon_arena_new_array(a, size_t *, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = moon_arena_alloc(a, sizeof(size_t));
        *numbers[i] = i;
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(*numbers[i], i);
    }
    moon_arena_free(a);
}

static void test_text(void **state)
{
    (void)state;
    struct moon_arena *a = moon_arena_new(1 << 20);
    assert_null(moon_arena_strdup(a, NULL));
    assert_string_equal(moon_arena_strdup(a, ""), "");
    assert_string_equal(moon_arena_strdup(a, "agent"), "agent");
    assert_string_equal(moon_arena_dup(a, (struct moon_str){"agent-x", 5}), "agent");
    assert_string_equal(moon_arena_dup(a, (struct moon_str){NULL, 0}), "");
    assert_string_equal(moon_arena_printf(a, "%s/%d", "ns", 12), "ns/12");
    assert_string_equal(moon_arena_printf(a, "%s", ""), "");
    assert_int_equal(strlen(moon_arena_printf(a, "%10000d", 1)), 10000);
    moon_arena_free(a);
}

static void go_over_the_maximum(void)
{
    struct moon_arena *a = moon_arena_new(100);
    moon_arena_alloc(a, 60);
    moon_arena_alloc(a, 41);
}

static void overflow_an_array(void)
{
    struct moon_arena *a = moon_arena_new(SIZE_MAX);
    moon_arena_alloc_array(a, SIZE_MAX / 2, 4);
}

static void test_limits(void **state)
{
    (void)state;
    struct moon_arena *a = moon_arena_new(100);
    moon_arena_alloc(a, 60);
    moon_arena_alloc(a, 40);
    assert_int_equal(moon_arena_used(a), 100);
    moon_arena_free(a);
    assert_aborts(go_over_the_maximum, "assertion failed");
    assert_aborts(overflow_an_array, "assertion failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
