/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_constants.c - numbers of the stock controller that a user can see (section 9 of the
 * rules in tests/parity).
 */
#include "fixture.h"

#include <stdio.h>

/* A failed pod again; the delay after it. */
static uint64_t fail_once(struct fixture *f)
{
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    return moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("node-0")))->backoff_ms;
}

static void S9_FailedPodsWaitFrom1sTo15m(void **state)
{
    struct fixture *f = *state;
    uint64_t wanted_ms = 1000;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < 13; i++) {
        uint64_t delay_ms = fail_once(f);
        assert_int_equal(delay_ms, wanted_ms);
        /* too early by a moment: it waits */
        const char *early = add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
        moon_loop_advance(f->loop, delay_ms - 1);
        SYNC(0, 0, 0);
        remove_pod(f, early);
        moon_loop_advance(f->loop, 1);
        wanted_ms = wanted_ms * 2 < 900000 ? wanted_ms * 2 : 900000;
    }
}

static void S9_BackoffGoesWithItsNode(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    (void)fail_once(f);
    moon_loop_advance(f->loop, 1000);
    assert_int_equal(fail_once(f), 2000);
    remove_node(f, "node-0");
    SYNC(0, 0, 0);
    assert_null(moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("node-0"))));
    add_nodes(f, 0, 1, NULL);
    assert_int_equal(fail_once(f), 1000);
}

static void S9_At250CreatesAPlanEnds(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 600, NULL);
    SYNC(250, 0, 0);
    SYNC(250, 0, 0);
    SYNC(100, 0, 0);
    SYNC(0, 0, 0);
}

static void S9_At250DeletesAPlanEnds(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    for (int i = 1; i < 300; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "node-%d", i);
        add_nodes(f, i, 1, NULL);
        add_pods(f, name, L1, 2);
    }
    SYNC(0, 250, 0);
    SYNC(0, 50, 0);
    SYNC(0, 0, 0);
}

/* There is no resync: time alone makes no work. */
static void S9_ADayOfRestIsRest(void **state)
{
    struct fixture *f = *state;
    running(f, 3, ROLLING("1", "0"));
    settle(f);
    for (int hour = 0; hour < 24; hour++) {
        advance_s(f, 3600);
        struct counts c = sync_once(f);
        assert_int_equal(c.writes, 0);
        assert_int_equal(c.events, 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S9_FailedPodsWaitFrom1sTo15m), T(S9_BackoffGoesWithItsNode), T(S9_At250CreatesAPlanEnds),
        T(S9_At250DeletesAPlanEnds),     T(S9_ADayOfRestIsRest),
    };

    return cmocka_run_group_tests_name("parity_constants", tests, NULL, NULL);
}
