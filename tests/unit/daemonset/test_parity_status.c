/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_status.c - section 7 of the stock controller's behaviour: what each counter counts,
 * and when status is written.
 */
#include "fixture.h"

#define ROLL ROLLING("1", "0")

static int64_t status(struct fixture *f, const char *member)
{
    return moon_json_int(f->status, member, -1);
}

/* ---- what is counted ---- */

/* A node has its pod in whatever state that is. */
static void S7_AnyPodCountsAsCurrent(void **state)
{
    static const char *const phases[] = {"Pending", "Running", "Unknown", "Failed"};
    struct fixture *f = *state;
    f->graceful = true;
    f->creates_left = 0;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 6, NULL);
    for (int i = 0; i < 4; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        (void)add_pod(f, (struct pod_opts){.node = node, .phase = phases[i]});
    }
    (void)add_pod(f, (struct pod_opts){.node = "node-4", .phase = "Running", .deleting = true});
    advance_s(f, 1);
    (void)sync_once(f); /* the failed one is on its way out after this */
    assert_int_equal(status(f, "desiredNumberScheduled"), 6);
    assert_int_equal(status(f, "currentNumberScheduled"), 5);
    assert_int_equal(status(f, "updatedNumberScheduled"), 5);
    assert_int_equal(status(f, "numberReady"), 0);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_int_equal(status(f, "currentNumberScheduled"), 4); /* ended and going: no pod at all */
}

/* Of two pods the bound one is looked at, though it is the younger; of two bound ones the older. */
static void S7_TheFirstPodIsLookedAt(void **state)
{
    struct fixture *f = *state;
    f->graceful = true;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    (void)add_pod(f, (struct pod_opts){.pin = "node-0", .hash = "old", .age_s = 90});
    (void)add_pod(f, (struct pod_opts){.node = "node-0", .age_s = 10, .ready = true});
    (void)add_pod(f,
                  (struct pod_opts){.node = "node-1", .hash = "old", .age_s = 90, .ready = true});
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .age_s = 10});
    settle(f);
    assert_int_equal(status(f, "currentNumberScheduled"), 2);
    assert_int_equal(status(f, "numberReady"), 2);
    assert_int_equal(status(f, "updatedNumberScheduled"), 1);
    assert_int_equal(status(f, "numberUnavailable"), 0);
}

/* A misscheduled pod counts as nothing else, ready or not. */
static void S7_MisscheduledCountsAsNothingElse(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_node(f, "n", NULL, "[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]");
    (void)add_pod(f, (struct pod_opts){.node = "n", .ready = true});
    settle(f);
    assert_int_equal(status(f, "numberMisscheduled"), 1);
    assert_int_equal(status(f, "desiredNumberScheduled"), 0);
    assert_int_equal(status(f, "numberReady") + status(f, "numberAvailable") +
                         status(f, "updatedNumberScheduled") + status(f, "currentNumberScheduled") +
                         status(f, "numberUnavailable"),
                     0);
}

/* ---- when, and what, is written ---- */

static void S7_WholePatch(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 2, NULL);
    add_pods(f, "node-0", L1, 1);
    set_ready(f, "pod-001", true);
    settle(f);
    assert_string_equal(
        moon_buf_cstr(&f->last_status),
        "{\"metadata\":{\"uid\":\"" UID "\"},\"status\":{\"desiredNumberScheduled\":2,"
        "\"currentNumberScheduled\":2,\"numberReady\":1,\"numberAvailable\":1,"
        "\"numberUnavailable\":1,\"updatedNumberScheduled\":2,\"numberMisscheduled\":0,"
        "\"observedGeneration\":1}}");
}

static void S7_ANewGenerationIsReasonEnough(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    settle(f);
    change_set(f, (struct set_opts){.history_limit = 5});
    assert_int_equal(sync_once(f).status_writes, 1);
    assert_int_equal(status(f, "observedGeneration"), 2);
    assert_int_equal(sync_once(f).status_writes, 0);
}

/* An annotation or a label is no new generation, and nothing to tell. */
static void S7_OtherChangesAreNone(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    settle(f);
    change_set(f, (struct set_opts){.annotations = "\"a\":\"b\""});
    assert_int_equal(sync_once(f).writes, 0);
}

static void S7_WrittenThoughNoPodCanBeMade(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    advance_s(f, 1);
    f->creates_left = 0;
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0); /* refused */
    assert_int_equal(status(f, "desiredNumberScheduled"), 1);
    assert_int_equal(status(f, "currentNumberScheduled"), 0);
}

static void S7_WrittenThoughTheUpdateFails(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("\"many\"", "0")});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    assert_int_not_equal(f->last_rc, 0);
    advance_s(f, 1);
    (void)sync_once(f);
    assert_int_equal(status(f, "currentNumberScheduled"), 1);
}

/* What is refused is neither lost nor the end of work on pods. */
static void S7_RefusedHoldsNothingBack(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLL});
    f->status_refused = true;
    advance_s(f, 1);
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    assert_true(set_of(f)->status_failed);
    add_nodes(f, 1, 1, NULL);
    SYNC(1, 0, 0);
    f->status_refused = false;
    settle(f);
    assert_int_equal(status(f, "currentNumberScheduled"), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S7_AnyPodCountsAsCurrent),           T(S7_TheFirstPodIsLookedAt),
        T(S7_MisscheduledCountsAsNothingElse), T(S7_WholePatch),
        T(S7_ANewGenerationIsReasonEnough),    T(S7_OtherChangesAreNone),
        T(S7_WrittenThoughNoPodCanBeMade),     T(S7_WrittenThoughTheUpdateFails),
        T(S7_RefusedHoldsNothingBack),
    };

    return cmocka_run_group_tests_name("parity_status", tests, NULL, NULL);
}
