/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/base/death.h"

static void test_alloc_is_zeroed(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 4096, 100000};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(sizes); i++) {
        unsigned char *p = moon_alloc(sizes[i]);
        assert_non_null(p);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(p[k], 0);
        }
        moon_free(p);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    int *a = moon_new_array(int, 3);
    assert_int_equal(a[2], 0);
    a[2] = 7;
    a = moon_realloc_array(a, 300, sizeof(int));
    assert_int_equal(a[2], 7);
    a = moon_realloc_array(a, 0, sizeof(int));
    assert_non_null(a);
    moon_free(a);
    a = moon_realloc_array(NULL, 2, sizeof(int));
    assert_non_null(a);
    moon_free(a);
    void *nothing = moon_alloc_array(0, 0);
    assert_non_null(nothing);
    moon_free(nothing);
    moon_free(NULL);
}

static void overflow_realloc(void)
{
    moon_realloc_array(NULL, SIZE_MAX / 2, 3);
}

static void fail_assert(void)
{
    int answer = 41;
    moon_assert(answer == 42);
}

static void test_aborts(void **state)
{
    (void)state;
    assert_aborts(overflow_realloc, "moonset: out of memory");
    assert_aborts(fail_assert, "moonset: assertion failed: answer == 42");
}

static void test_copies(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        size_t n;
        const char *expected;
    } cases[] = {
        {NULL, 3, NULL},          {"", 3, ""},       {"abc", 0, ""}, {"abc", 2, "ab"},
        {"abc", SIZE_MAX, "abc"}, {"abc", 3, "abc"}, {"a", 9, "a"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        char *copy = moon_strndup(cases[i].source, cases[i].n);
        if (cases[i].expected == NULL) {
            assert_null(copy);
        } else {
            assert_string_equal(copy, cases[i].expected);
        }
        moon_free(copy);
    }
    assert_null(moon_strdup(NULL));
    MOON_AUTOFREE char *text = moon_asprintf("%s-%d", "pod", 7);
    assert_string_equal(text, "pod-7");
    /* strndup must not look past n: no terminator there. */
    static const char bare[3] = {'a', 'b', 'c'};
    MOON_AUTOFREE char *cut = moon_strndup(bare, 3);
    assert_string_equal(cut, "abc");
}

struct thing {
    unsigned magic;
};

static void cast_wrong_magic(void)
{
    struct thing t = {.magic = 1};
    struct thing *cast = MOON_CAST(thing, (void *)&t, 2u);
    (void)cast;
}

static void cast_null(void)
{
    struct thing *cast = MOON_CAST(thing, NULL, 2u);
    (void)cast;
}

static char *make_text(void)
{
    MOON_AUTOFREE char *text = moon_strdup("kept");
    return moon_steal(&text);
}

static void test_steal_and_cast(void **state)
{
    (void)state;
    MOON_AUTOFREE char *text = make_text();
    assert_string_equal(text, "kept");
    struct thing t = {.magic = 2};
    assert_ptr_equal(MOON_CAST(thing, (void *)&t, 2u), &t);
    assert_aborts(cast_wrong_magic, "assertion failed");
    assert_aborts(cast_null, "assertion failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed), cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_aborts),          cmocka_unit_test(test_copies),
        cmocka_unit_test(test_steal_and_cast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
