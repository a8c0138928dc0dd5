/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "unit/base/death.h"

static void test_empty(void **state)
{
    (void)state;
    struct moon_heap h;
    moon_heap_init(&h);
    assert_null(moon_heap_min(&h));
    struct moon_heap_node n = {0};
    moon_heap_remove(&h, &n);
    assert_false(moon_heap_contains(&n));
    moon_heap_fini(&h);
}

static struct moon_heap_node *pop(struct moon_heap *h)
{
    struct moon_heap_node *n = moon_heap_min(h);
    moon_heap_remove(h, n);
    assert_false(moon_heap_contains(n));
    return n;
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        uint64_t at[8];
        size_t expected[8]; /* indexes in the order they leave */
    } cases[] = {
        {1, {5}, {0}},
        {3, {3, 2, 1}, {2, 1, 0}},
        {3, {1, 2, 3}, {0, 1, 2}},
        {4, {7, 7, 7, 7}, {0, 1, 2, 3}},
        {6, {5, 1, 5, 1, 5, 1}, {1, 3, 5, 0, 2, 4}},
        {4, {UINT64_MAX, 0, UINT64_MAX, 0}, {1, 3, 0, 2}},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_heap h;
        struct moon_heap_node nodes[8] = {{0}};
        moon_heap_init(&h);
        for (size_t k = 0; k < cases[i].count; k++) {
            nodes[k].at = cases[i].at[k];
            moon_heap_insert(&h, &nodes[k]);
            assert_true(moon_heap_contains(&nodes[k]));
        }
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_ptr_equal(pop(&h), &nodes[cases[i].expected[k]]);
        }
        assert_null(moon_heap_min(&h));
        moon_heap_fini(&h);
    }
}

static void assert_is_heap(const struct moon_heap *h)
{
    for (size_t pos = 1; pos <= h->count; pos++) {
        assert_int_equal(h->nodes[pos - 1]->pos, pos);
        if (pos > 1) {
            assert_true(h->nodes[pos / 2 - 1]->at <= h->nodes[pos - 1]->at);
        }
    }
}

/* Inserts and removals in the middle, checked against the invariant after each step. */
static void test_random_walk(void **state)
{
    (void)state;
    enum {
        COUNT = 200,
        STEPS = 4000
    };
    struct moon_heap h;
    static struct moon_heap_node nodes[COUNT];
    moon_heap_init(&h);
    moon_random_seed(7);
    size_t inside = 0;
    for (int step = 0; step < STEPS; step++) {
        struct moon_heap_node *n = &nodes[moon_random_below(COUNT)];
        if (moon_heap_contains(n)) {
            moon_heap_remove(&h, n);
            inside--;
        } else {
            n->at = moon_random_below(50);
            moon_heap_insert(&h, n);
            inside++;
        }
        assert_int_equal(h.count, inside);
        assert_is_heap(&h);
    }
    uint64_t last_at = 0;
    uint64_t last_seq = 0;
    while (moon_heap_min(&h) != NULL) {
        const struct moon_heap_node *n = pop(&h);
        assert_true(n->at > last_at || (n->at == last_at && n->seq >= last_seq));
        last_at = n->at;
        last_seq = n->seq;
    }
    moon_heap_fini(&h);
}

static void test_fini_lets_nodes_go(void **state)
{
    (void)state;
    struct moon_heap h;
    struct moon_heap_node n = {.at = 1};
    moon_heap_init(&h);
    moon_heap_insert(&h, &n);
    moon_heap_fini(&h);
    assert_false(moon_heap_contains(&n));
}

static void insert_twice(void)
{
    struct moon_heap h;
    struct moon_heap_node n = {.at = 1};
    moon_heap_init(&h);
    moon_heap_insert(&h, &n);
    moon_heap_insert(&h, &n);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_aborts(insert_twice, "n->pos == 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_order),
        cmocka_unit_test(test_random_walk),   cmocka_unit_test(test_fini_lets_nodes_go),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
