/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_events.c - what is told of a set, word for word (section 8 of the rules in
 * tests/parity). How Events are written and limited is in tests/unit/control/test_recorder.c.
 */
#include "fixture.h"

/* The only Event of this reason: its type and its message. */
static void assert_event(struct fixture *f, const char *reason, enum moon_event_type type,
                         const char *message)
{
    assert_int_equal(events_of(f, reason), 1);
    for (size_t i = 0; i < f->event_count; i++) {
        if (strcmp(f->events[i].reason, reason) == 0) {
            assert_int_equal(f->events[i].type, type);
            assert_string_equal(f->events[i].message, message);
        }
    }
}

static void S8_SuccessfulCreateNamesThePod(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    MOON_AUTOFREE char *message = moon_asprintf(
        "Created pod: %s", moon_json_string(object(f, pods_on(f, "node-0")[0]), "metadata.name"));
    assert_event(f, "SuccessfulCreate", MOON_EVENT_NORMAL, message);
}

static void S8_EachPodCreatedIsTold(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 7, NULL);
    SYNC(7, 0, 0);
    assert_int_equal(events_of(f, "SuccessfulCreate"), 7);
    SYNC(0, 0, 0);
    assert_int_equal(f->event_count, 0);
}

/* As the stock controller, which sends no name: the same words each time. */
static void S8_FailedCreateIsTheServersMessage(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    f->creates_left = 0;
    for (size_t i = 1; i <= 3; i++) {
        (void)sync_once(f);
        assert_int_equal(f->create_calls, i);
        assert_event(f, "FailedCreate", MOON_EVENT_WARNING,
                     "Error creating: pods \"foo-\" is forbidden: no");
    }
}

static void S8_FailedCreateIsSilentInATerminatingNamespace(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    f->creates_left = 0;
    f->terminating = true;
    (void)sync_once(f);
    assert_int_equal(f->create_calls, 1);
    assert_int_equal(f->event_count, 0);
}

static void S8_SuccessfulDeleteNamesThePod(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    SYNC(0, 1, 0);
    assert_event(f, "SuccessfulDelete", MOON_EVENT_NORMAL, "Deleted pod: pod-002");
}

static void S8_FailedDeleteIsTheServersMessage(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    add_pods(f, "node-0", L1, 2);
    f->deletes_refused = true;
    (void)sync_once(f);
    assert_event(f, "FailedDelete", MOON_EVENT_WARNING,
                 "Error deleting: pods \"pod-002\" is forbidden: no");
}

static void ended(struct fixture *f, const char *phase)
{
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    (void)add_pod(f, (struct pod_opts){.name = "ended", .node = "node-0", .phase = phase});
    SYNC(0, 1, 1);
}

static void S8_FailedDaemonPodNamesPodAndNode(void **state)
{
    struct fixture *f = *state;
    ended(f, "Failed");
    assert_event(f, "FailedDaemonPod", MOON_EVENT_WARNING,
                 "Found failed daemon pod default/ended on node node-0, will try to kill it");
    assert_string_equal(f->events[0].reason, "FailedDaemonPod"); /* before it goes */
    assert_string_equal(f->events[1].reason, "SuccessfulDelete");
}

static void S8_SucceededDaemonPodNamesPodAndNode(void **state)
{
    struct fixture *f = *state;
    ended(f, "Succeeded");
    assert_event(f, "SucceededDaemonPod", MOON_EVENT_NORMAL,
                 "Found succeeded daemon pod default/ended on node node-0, will try to delete it");
    assert_string_equal(f->events[0].reason, "SucceededDaemonPod");
}

static void S8_SelectingAllIsAWarning(void **state)
{
    struct fixture *f = *state;
    put_set(f, (struct set_opts){.selector = "{}"});
    add_nodes(f, 0, 1, NULL);
    SYNC(0, 0, 1);
    assert_event(f, "SelectingAll", MOON_EVENT_WARNING,
                 "This daemon set is selecting all pods. A non-empty selector is required.");
}

static void S8_FailedPlacementIsNeverSent(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_node(f, "tainted", NULL, "[{\"key\":\"dedicated\",\"effect\":\"NoSchedule\"}]");
    SYNC(0, 0, 0);
    assert_int_equal(f->event_count, 0);
}

static void S8_NothingIsToldOfWhatIsNotDone(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    f->config->dry_run = true;
    (void)sync_once(f);
    assert_int_equal(events_of(f, "SuccessfulCreate"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S8_SuccessfulCreateNamesThePod),     T(S8_EachPodCreatedIsTold),
        T(S8_FailedCreateIsTheServersMessage), T(S8_FailedCreateIsSilentInATerminatingNamespace),
        T(S8_SuccessfulDeleteNamesThePod),     T(S8_FailedDeleteIsTheServersMessage),
        T(S8_FailedDaemonPodNamesPodAndNode),  T(S8_SucceededDaemonPodNamesPodAndNode),
        T(S8_SelectingAllIsAWarning),          T(S8_FailedPlacementIsNeverSent),
        T(S8_NothingIsToldOfWhatIsNotDone),
    };

    return cmocka_run_group_tests_name("parity_events", tests, NULL, NULL);
}
