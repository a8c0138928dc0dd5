/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_14_update.c - known limits of the stock controller that concern pods of a node and
 * the rolling step: what we do in their place.
 */
#include "fixture.h"

/* The kubelets reject every pod but `old`. */
static void reject(struct fixture *f, const char *node, const char *old)
{
    const char **pods = pods_on(f, node);

    for (size_t i = 0; pods[i] != NULL; i++) {
        if (strcmp(pods[i], old) != 0) {
            set_phase(f, pods[i], "Failed");
        }
    }
}

/* 1: the stock controller makes another pod with each sync on a node without an old one. */
static void S14_2_1_RejectedPodsDoNotPileUp(void **state)
{
    struct fixture *f = *state;
    running(f, 1, ROLLING("0", "1"));
    MOON_AUTOFREE char *old = moon_strdup(pods_on(f, "node-0")[0]);
    add_nodes(f, 1, 1, NULL);
    new_template(f, f->opts);
    size_t creates = 0;
    for (int s = 0; s < 60; s++) {
        creates += sync_once(f).creates;
        reject(f, "node-0", old);
        reject(f, "node-1", old);
        assert_true(pod_count(f) <= 3);
        assert_non_null(moon_map_get(f->objects, moon_str(old)));
        advance_s(f, 1);
    }
    assert_in_range(creates, 6, 16); /* each node: 1, 2, 4, 8, 16, 32 s */
}

/* 9: the stock controller deletes one, and puts the others in back-off for it. */
static void S14_2_9_AllFailedPodsOfANodeGoAtOnce(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    for (int i = 0; i < 4; i++) {
        (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    }
    SYNC(0, 4, 4);
    SYNC(1, 0, 0);
    /* The wait was raised once. */
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    moon_loop_advance(f->loop, 999);
    SYNC(0, 0, 0);
    moon_loop_advance(f->loop, 1);
    SYNC(0, 1, 1);
}

/* 9: the stock controller looks again after the full delay. */
static void S14_2_9_LooksAgainAfterWhatIsLeftOfTheDelay(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .phase = "Failed"});
    SYNC(0, 1, 1);
    SYNC(1, 0, 0);
    moon_loop_advance(f->loop, 700);
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    assert_in_range(sync_once(f).requeue_ms, 1, 300);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S14_2_1_RejectedPodsDoNotPileUp),
        T(S14_2_9_AllFailedPodsOfANodeGoAtOnce),
        T(S14_2_9_LooksAgainAfterWhatIsLeftOfTheDelay),
    };

    return cmocka_run_group_tests_name("14 update", tests, NULL, NULL);
}
