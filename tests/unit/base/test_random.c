/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/base/death.h"

/* The reference implementation seeded with splitmix64(0), from https://prng.di.unimi.it. */
static void test_known_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(0x99ec5f36cb75f2b4),
        UINT64_C(0xbf6e1f784956452a),
        UINT64_C(0x1a5f849d4933e6e0),
        UINT64_C(0x6aa594f1262d2d2c),
    };
    moon_random_seed(0);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(expected); i++) {
        assert_int_equal(moon_random_u64(), expected[i]);
    }
}

static void test_below_covers_the_range(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 3, 27, 1000};
    moon_random_seed(1);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bounds); i++) {
        unsigned hits[1000] = {0};
        for (int k = 0; k < 20000; k++) {
            uint64_t n = moon_random_below(bounds[i]);
            assert_true(n < bounds[i]);
            hits[n]++;
        }
        for (size_t k = 0; k < bounds[i]; k++) {
            assert_true(hits[k] > 0);
        }
    }
    /* Bounds near 2^64, where a plain remainder would be far off. */
    for (int k = 0; k < 1000; k++) {
        assert_true(moon_random_below(UINT64_MAX) < UINT64_MAX);
        assert_true(moon_random_below((UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void test_jitter(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        double fraction;
        uint64_t min, max;
    } cases[] = {
        {1000, 0, 1000, 1000},  {UINT64_MAX, 0, UINT64_MAX, UINT64_MAX},
        {1000, 0.1, 900, 1100}, {1000, 1, 0, 2000},
        {0, 0.5, 0, 0},         {UINT64_MAX, 1, 0, UINT64_MAX},
    };
    moon_random_seed(2);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        for (int k = 0; k < 2000; k++) {
            uint64_t n = moon_random_jitter(cases[i].value, cases[i].fraction);
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
        assert_true(least >= cases[i].min && most <= cases[i].max);
        /* Both halves are used. */
        uint64_t middle = cases[i].min + (cases[i].max - cases[i].min) / 2;
        assert_true(least <= middle && most >= middle);
    }
}

static void test_suffix(void **state)
{
    (void)state;
    char suffix[64];
    moon_random_seed(3);
    memset(suffix, 'A', sizeof(suffix));
    moon_random_suffix(suffix, 0);
    assert_string_equal(suffix, "");
    moon_random_suffix(suffix, 5);
    assert_int_equal(strlen(suffix), 5);
    assert_int_equal(suffix[6], 'A');
    moon_random_suffix(suffix, 63);
    assert_int_equal(strspn(suffix, "bcdfghjklmnpqrstvwxz2456789"), 63);
}

static void below_zero(void)
{
    moon_random_below(0);
}

static void jitter_above_one(void)
{
    moon_random_jitter(1, 1.5);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_aborts(below_zero, "bound > 0");
    assert_aborts(jitter_above_one, "fraction");
}

static void test_expected_letters_come_first(void **state)
{
    char text[6];

    (void)state;
    moon_random_expect("abcdef1");
    moon_random_suffix(text, 3);
    assert_string_equal(text, "abc");
    moon_random_suffix(text, 5);
    assert_memory_equal(text, "def1", 4); /* the fifth is left to chance */
    moon_random_expect(NULL);
    moon_random_suffix(text, 5);
    assert_null(strpbrk(text, "aeiou"));
}

static void test_same_seed_same_sequence(void **state)
{
    (void)state;
    moon_random_seed(42);
    uint64_t first = moon_random_u64();
    moon_random_seed(43);
    assert_int_not_equal(moon_random_u64(), first);
    moon_random_seed(42);
    assert_int_equal(moon_random_u64(), first);
}

static void test_unseeded_runs_differ(void **state)
{
    (void)state;
    assert_int_not_equal(moon_random_u64(), moon_random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unseeded_runs_differ), /* first: later ones fix the seed */
        cmocka_unit_test(test_known_sequence),
        cmocka_unit_test(test_below_covers_the_range),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_suffix),
        cmocka_unit_test(test_expected_letters_come_first),
        cmocka_unit_test(test_same_seed_same_sequence),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
