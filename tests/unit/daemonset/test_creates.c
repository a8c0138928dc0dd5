/* SPDX-License-Identifier: Apache-2.0
 *
 * test_creates.c - a policy that says when missing pods are made.
 */
#include "fixture.h"

#define CREATES(body)                                                                              \
    "return { api = 1, creates = true, update = function(roll, set) " body " end }"

/* One at a time; `stop` among the set's annotations: none. */
#define ONE_BY_ONE                                                                                 \
    CREATES("local busy = roll.counts.creating + "                                                 \
            "  roll:count { state = 'updated', available = false } "                               \
            "local limit = (busy > 0 or set.annotations.stop) and 0 or 1 "                         \
            "for node in roll:missing { waiting = true, limit = limit } do "                       \
            "  assert(roll:create(node, 'its turn')) end "                                         \
            "for pod in roll:outdated { available = true, limit = roll.left } do "                 \
            "  roll:replace(pod, 'outdated') end")

static struct set_opts with(const char *annotations)
{
    return (struct set_opts){.annotations = annotations, .strategy = ROLLING("1", "0")};
}

static void OneAtATime(void **state)
{
    struct fixture *f = *state;
    mine(f, ONE_BY_ONE);
    add_set(f, with(MINE));
    add_nodes(f, 0, 3, NULL);
    SYNC(1, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "2 nodes wait for policy mine"));
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "its turn"));
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_null(strstr(moon_buf_cstr(&f->plan_text), "wait for policy"));
}

static void AHeldUpdateHoldsNoPodBack(void **state)
{
    struct fixture *f = *state;
    mine(f, ONE_BY_ONE);
    add_set(f, with(MINE));
    add_nodes(f, 0, 2, NULL);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(1, 0, 0);
    all_ready(f);
    struct set_opts opts = with(MINE ",\"moonset.dev/paused\":\"true\"");
    new_template(f, opts);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdateHeld"), 1);
    add_node(f, "node-9", NULL, NULL);
    SYNC(1, 0, 0);
}

static void StopMakesNone(void **state)
{
    struct fixture *f = *state;
    mine(f, ONE_BY_ONE);
    add_set(f, with(MINE ",\"stop\":\"yes\""));
    add_nodes(f, 0, 1, NULL);
    SYNC(0, 0, 0);
    change_set(f, with(MINE));
    SYNC(1, 0, 0);
}

/* Missing pods are worse than a rush of them. */
static void AFailingPolicyHoldsNoPodBack(void **state)
{
    struct fixture *f = *state;
    mine(f, CREATES("error('no')"));
    add_set(f, with(MINE));
    add_nodes(f, 0, 3, NULL);
    SYNC(3, 0, 1);
}

static void ANodeThatLeavesWaitsNoMore(void **state)
{
    struct fixture *f = *state;
    mine(f, CREATES(""));
    add_set(f, with(MINE));
    add_nodes(f, 0, 2, NULL);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->waiting, 2);
    remove_node(f, "node-0");
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->waiting, 1);
}

/* No pod is outdated: the annotation holds all but creates, and is not written again. */
static void APauseIsWrittenOnce(void **state)
{
    struct fixture *f = *state;
    mine(f, CREATES("if not set.annotations.go then roll:pause('too fast') end "
                    "for node in roll:missing { waiting = true } do roll:create(node, 'now') end"));
    add_set(f, with(MINE));
    add_nodes(f, 0, 2, NULL);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "UpdatePaused"), 1);
    set_of(f)->halting = true; /* until the write is answered */
    SYNC(0, 0, 0);
    set_of(f)->halting = false;
    MOON_AUTOFREE char *paused =
        moon_asprintf(MINE ",\"moonset.dev/paused\":\"%s: too fast\"", hash_of(f));
    change_set(f, with(paused));
    SYNC(0, 0, 0);
    MOON_AUTOFREE char *more = moon_asprintf("%s,\"go\":\"\"", paused);
    change_set(f, with(more));
    SYNC(2, 0, 0);
}

static void WhoDoesNotSaySoCannotCreate(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, update = function(roll) "
                    "for pod in roll:outdated {} do roll:create(pod.node, 'x') end end }");
    new_template(f, f->opts);
    SYNC(0, 0, 1);
    assert_int_equal(set_of(f)->sums.outdated, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(OneAtATime),
        T(AHeldUpdateHoldsNoPodBack),
        T(StopMakesNone),
        T(AFailingPolicyHoldsNoPodBack),
        T(ANodeThatLeavesWaitsNoMore),
        T(APauseIsWrittenOnce),
        T(WhoDoesNotSaySoCannotCreate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
