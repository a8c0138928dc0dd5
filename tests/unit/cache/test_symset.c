/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cache/symset.h"

enum {
    THINGS = 2000
};

struct thing {
    moon_sym name;
    moon_sym place;
    bool is_in;
};

static struct moon_symkey key_of(const void *thing)
{
    const struct thing *t = thing;
    return (struct moon_symkey){t->name, t->place};
}

static void make_things(struct thing *things)
{
    for (size_t i = 0; i < THINGS; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "thing-%zu", i / 2);
        things[i].name = moon_intern_cstr(text);
        things[i].place = i % 2 != 0 ? moon_intern_cstr("attic") : NULL;
    }
}

static void check_all(const struct moon_symset *set, const struct thing *things)
{
    for (size_t i = 0; i < THINGS; i++) {
        const void *found = moon_symset_get(set, key_of(&things[i]));
        assert_ptr_equal(found, things[i].is_in ? &things[i] : NULL);
    }
}

/* A walk over all things with a step that is prime to their number, so that things come and go in
 * an order that has nothing to do with their slots. */
static void things_come_and_go(void **state)
{
    (void)state;
    static struct thing things[THINGS];
    struct moon_symset set = {.key = key_of};
    make_things(things);
    for (size_t step = 0; step < (size_t)3 * THINGS; step++) {
        struct thing *t = &things[step * 1237 % THINGS];
        if (t->is_in) {
            moon_symset_remove(&set, t);
        } else {
            moon_symset_add(&set, t);
        }
        t->is_in = !t->is_in;
        if (step % 97 == 0) {
            check_all(&set, things);
        }
    }
    assert_int_equal(set.count, THINGS);
    check_all(&set, things);
    for (size_t i = 0; i < THINGS; i++) {
        moon_symset_remove(&set, &things[i]);
        moon_sym_unref(things[i].name);
        moon_sym_unref(things[i].place);
    }
    assert_int_equal(set.count, 0);
    assert_null(set.slots);
}

static void an_empty_set_finds_nothing(void **state)
{
    (void)state;
    struct moon_symset set = {.key = key_of};
    assert_null(moon_symset_get(&set, (struct moon_symkey){"x", NULL}));
    moon_symset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_come_and_go),
        cmocka_unit_test(an_empty_set_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
