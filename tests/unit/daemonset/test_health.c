/* SPDX-License-Identifier: Apache-2.0
 *
 * test_health.c - a policy's word about pods that are ready: it delays the update, and deletes
 * nothing.
 */
#include "fixture.h"

#define HEALTH(body) "return { api = 1, health = function(pod, set) " body " end }"

/* Ready, and called healthy by its label. */
static void heal(struct fixture *f, const char *node)
{
    set_label(f, pods_on(f, node)[0], "warm", "yes");
}

#define WARM HEALTH("return pod.labels.warm and 'ready' or 'progressing', 'cold'")

static void AReadyPodIsNotAvailableUntilThePolicySaysSo(void **state)
{
    struct fixture *f = *state;
    running_mine(f, WARM);
    assert_int_equal(set_of(f)->sums.ready, 3);
    assert_int_equal(set_of(f)->sums.available, 0);
    heal(f, "node-1");
    settle(f);
    assert_int_equal(set_of(f)->sums.ready, 3);
    assert_int_equal(set_of(f)->sums.available, 1);
}

static void TheUpdateWaitsForIt(void **state)
{
    struct fixture *f = *state;
    running_mine(f, HEALTH("return 'ready'"));
    new_template(f, f->opts);
    mine(f, WARM);
    SYNC(0, 1, 0); /* old pods are available all the same */
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    heal(f, "node-0");
    SYNC(0, 1, 0);
}

/* A policy that calls everything broken makes no old pod free to go. */
static void OldPodsAreNotDeletedForIt(void **state)
{
    struct fixture *f = *state;
    running_mine(f, HEALTH("return 'failed', 'all is lost'"));
    new_template(f, f->opts);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    settle(f);
    assert_int_equal(set_of(f)->sums.outdated, 2);
}

static void AFailureIsToldOnce(void **state)
{
    struct fixture *f = *state;
    running_mine(f, HEALTH("return pod.labels.bad and 'failed' or 'ready', pod.labels.bad"));
    set_label(f, pods_on(f, "node-2")[0], "bad", "disk");
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UnhealthyDaemonPod"), 1);
    set_label(f, pods_on(f, "node-2")[0], "other", "1");
    SYNC(0, 0, 0);
    set_label(f, pods_on(f, "node-2")[0], "bad", NULL);
    SYNC(0, 0, 0);
    set_label(f, pods_on(f, "node-2")[0], "bad", "net");
    SYNC(0, 0, 1);
}

static void AChangedPolicyJudgesAgain(void **state)
{
    struct fixture *f = *state;
    running_mine(f, WARM);
    assert_int_equal(set_of(f)->sums.available, 0);
    mine(f, HEALTH("return 'ready'"));
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 3);
    mine(f, WARM);
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 0);
    mine(f, "return { api = 1, gate = function() return true end }");
    settle(f);
    assert_int_equal(set_of(f)->sums.available, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(AReadyPodIsNotAvailableUntilThePolicySaysSo),
        T(TheUpdateWaitsForIt),
        T(OldPodsAreNotDeletedForIt),
        T(AFailureIsToldOnce),
        T(AChangedPolicyJudgesAgain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
