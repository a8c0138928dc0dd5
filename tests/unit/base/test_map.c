/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/random.h"

/* "a=1 b=2": keys and values (texts) in the order of iteration. */
static const char *dump(const struct moon_map *m, struct moon_buf *out)
{
    moon_buf_clear(out);
    size_t pos = 0;
    struct moon_str key;
    void *value = NULL;
    while (moon_map_next(m, &pos, &key, &value)) {
        moon_buf_printf(out, "%s%.*s=%s", out->len > 0 ? " " : "", MOON_STR_ARG(key),
                        value != NULL ? (const char *)value : "-");
    }
    return moon_buf_cstr(out);
}

/* "+k" sets k to "k" (with "+k=v" to "v"), "-k" removes it. */
static void run_script(struct moon_map *m, const char *script)
{
    struct moon_str rest = moon_str(script);
    struct moon_str word;
    while (moon_str_split(&rest, ' ', &word)) {
        if (word.len == 0) {
            continue;
        }
        struct moon_str value = {word.ptr + 1, word.len - 1};
        struct moon_str key;
        moon_str_split(&value, '=', &key);
        if (word.ptr[0] == '+') {
            moon_map_set(m, key, moon_str_dup(value.ptr != NULL ? value : key));
        } else {
            moon_map_remove(m, key);
        }
    }
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *script, *expected;
    } cases[] = {
        {"", ""},
        {"+b +a +c", "b=b a=a c=c"},
        {"+b +a +b=2", "b=2 a=a"},
        {"+b +a -b +b", "a=a b=b"},
        {"-x +a -x", "a=a"},
        {"+a -a", ""},
        {"+1 +2 +3 +4 +5 +6 +7 +8 -2 -4 -6 +9", "1=1 3=3 5=5 7=7 8=8 9=9"},
        {"+1 +2 +3 +4 +5 +6 +7 +8 +9 -1 +1", "2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 1=1"},
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(10000);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_map *m = moon_map_new(moon_free);
        run_script(m, cases[i].script);
        assert_string_equal(dump(m, &out), cases[i].expected);
        moon_map_free(m);
    }
}

static void test_lookup(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(NULL);
    int value = 1;
    assert_null(moon_map_get(m, MOON_STR_LIT("x")));
    assert_false(moon_map_remove(m, MOON_STR_LIT("x")));
    assert_null(moon_map_take(m, MOON_STR_LIT("x")));
    moon_map_set(m, MOON_STR_LIT("x"), &value);
    moon_map_set(m, MOON_STR_LIT("member"), NULL);
    assert_ptr_equal(moon_map_get(m, MOON_STR_LIT("x")), &value);
    assert_null(moon_map_get(m, MOON_STR_LIT("member")));
    assert_true(moon_map_has(m, MOON_STR_LIT("member")));
    assert_false(moon_map_has(m, MOON_STR_LIT("membe")));
    assert_int_equal(moon_map_count(m), 2);
    assert_true(moon_map_remove(m, MOON_STR_LIT("member")));
    assert_false(moon_map_has(m, MOON_STR_LIT("member")));
    assert_ptr_equal(moon_map_take(m, MOON_STR_LIT("x")), &value);
    assert_int_equal(moon_map_count(m), 0);
    moon_map_free(NULL);
}

static void test_keys_are_bytes(void **state)
{
    (void)state;
    static const struct moon_str keys[] = {
        {NULL, 0}, {"\0", 1}, {"a\0b", 3}, {"a\0c", 3}, {"a", 1}};
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(moon_free);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(keys); i++) {
        moon_map_set(m, keys[i], moon_asprintf("%zu", i));
    }
    assert_int_equal(moon_map_count(m), MOON_ARRAY_SIZE(keys));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(keys); i++) {
        char expected[8];
        snprintf(expected, sizeof(expected), "%zu", i);
        assert_string_equal(moon_map_get(m, keys[i]), expected);
    }
    assert_string_equal(moon_map_get(m, MOON_STR_LIT("")), "0");
}

static void test_keys_are_copied_and_terminated(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(NULL);
    char key[] = "agent-7";
    moon_map_set(m, (struct moon_str){key, 5}, NULL);
    memset(key, 'x', 5);
    size_t pos = 0;
    struct moon_str found;
    assert_true(moon_map_next(m, &pos, &found, NULL));
    assert_string_equal(found.ptr, "agent");
    assert_false(moon_map_next(m, &pos, NULL, NULL));
}

static int freed;

static void count_free(void *value)
{
    freed += *(int *)value;
}

static void test_values_are_freed_once(void **state)
{
    (void)state;
    static int ones[] = {1, 10, 100, 1000};
    freed = 0;
    struct moon_map *m = moon_map_new(count_free);
    moon_map_set(m, MOON_STR_LIT("a"), &ones[0]);
    moon_map_set(m, MOON_STR_LIT("a"), &ones[0]); /* the same one: stays */
    assert_int_equal(freed, 0);
    moon_map_set(m, MOON_STR_LIT("a"), &ones[1]);
    assert_int_equal(freed, 1);
    moon_map_set(m, MOON_STR_LIT("b"), &ones[2]);
    moon_map_set(m, MOON_STR_LIT("null"), NULL);
    assert_ptr_equal(moon_map_take(m, MOON_STR_LIT("b")), &ones[2]);
    assert_int_equal(freed, 1);
    moon_map_remove(m, MOON_STR_LIT("a"));
    assert_int_equal(freed, 11);
    moon_map_set(m, MOON_STR_LIT("c"), &ones[3]);
    moon_map_clear(m);
    assert_int_equal(freed, 1011);
    assert_int_equal(moon_map_count(m), 0);
    moon_map_set(m, MOON_STR_LIT("c"), &ones[0]);
    moon_map_free(m);
    assert_int_equal(freed, 1012);
}

static void test_remove_current_while_iterating(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(moon_free);
    run_script(m, "+1 +2 +3 +4 +5 +6 +7 +8 +9");
    size_t pos = 0;
    struct moon_str key;
    int seen = 0;
    while (moon_map_next(m, &pos, &key, NULL)) {
        seen++;
        if (key.ptr[0] % 2 == 1) {
            moon_map_remove(m, key);
        }
    }
    assert_int_equal(seen, 9);
    assert_string_equal(dump(m, &out), "2=2 4=4 6=6 8=8");
}

static void test_clear_and_reuse(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1000);
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(moon_free);
    moon_map_clear(m);
    run_script(m, "+1 +2 +3 -2");
    moon_map_clear(m);
    assert_string_equal(dump(m, &out), "");
    assert_false(moon_map_has(m, MOON_STR_LIT("1")));
    run_script(m, "+3 +1");
    assert_string_equal(dump(m, &out), "3=3 1=1");
}

/* Against a plain array as the model, through growth, shrinking and many gaps. */
static void test_random_walk(void **state)
{
    (void)state;
    enum {
        KEYS = 500,
        STEPS = 20000
    };
    static uintptr_t model[KEYS];
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *m = moon_map_new(NULL);
    moon_random_seed(11);
    size_t count = 0;
    for (uintptr_t step = 1; step <= STEPS; step++) {
        /* Waves: mostly growing, then mostly shrinking. */
        bool grow = moon_random_below(100) < (step / 2500 % 2 == 0 ? 80 : 20);
        size_t k = moon_random_below(KEYS);
        char key[16];
        snprintf(key, sizeof(key), "key-%zu", k);
        assert_ptr_equal(moon_map_get(m, moon_str(key)), (void *)model[k]);
        if (grow) {
            count += model[k] == 0;
            model[k] = step;
            moon_map_set(m, moon_str(key), (void *)step);
        } else {
            count -= model[k] != 0;
            assert_int_equal(moon_map_remove(m, moon_str(key)), model[k] != 0);
            model[k] = 0;
        }
        assert_int_equal(moon_map_count(m), count);
    }
    size_t pos = 0;
    size_t seen = 0;
    while (moon_map_next(m, &pos, NULL, NULL)) {
        seen++;
    }
    assert_int_equal(seen, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_keys_are_copied_and_terminated),
        cmocka_unit_test(test_values_are_freed_once),
        cmocka_unit_test(test_remove_current_while_iterating),
        cmocka_unit_test(test_clear_and_reuse),
        cmocka_unit_test(test_random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
