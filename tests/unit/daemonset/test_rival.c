/* SPDX-License-Identifier: Apache-2.0
 *
 * test_rival.c - another controller writes the set, too: when that is said, and when not.
 */
#include "fixture.h"

enum {
    GRACE_S = 60,
    TELL_AGAIN_S = 600,
};

static void lead(struct fixture *f)
{
    f->ds.running = true;
    f->ds.running_since = moon_loop_now(f->loop);
}

/* A set at rest with a pod on each of two nodes, and we have led for long enough. */
static void start(struct fixture *f, struct set_opts opts)
{
    add_set(f, opts);
    add_nodes(f, 0, 2, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    lead(f);
    advance_s(f, GRACE_S);
    f->event_count = 0;
}

static size_t told(struct fixture *f)
{
    return events_of(f, "AnotherController");
}

static void foreign_pod(struct fixture *f, const char *node)
{
    (void)add_pod(f, (struct pod_opts){.pin = node, .phase = "Pending"});
}

/* Somebody writes the status, all the rest stays. */
static void foreign_status(struct fixture *f, const char *member, int value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(f->status, member);
    cJSON_AddNumberToObject(f->status, member, value);
    change_set(f, f->opts);
}

/* ---- what is told ---- */

static void APodThatAnotherMade(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    foreign_pod(f, "node-1");
    assert_int_equal(told(f), 1);
    assert_non_null(strstr(f->events[0].message, "it made pod pod-001 on node node-1"));
    assert_non_null(strstr(f->events[0].message, "--controllers=*,-daemonset"));
}

static void APodThatAnotherMadeBesideTheOneWeAreMaking(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    add_node(f, "node-2", NULL, NULL);
    struct moon_plan *plan = decide(f);
    assert_int_equal(moon_plan_count(plan), 2); /* the pod, and the status */
    foreign_pod(f, "node-2");
    assert_int_equal(told(f), 1);
    (void)carry_out(f, plan);
    assert_int_equal(told(f), 1);
}

static void AStatusThatAnotherWrote(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    foreign_status(f, "numberReady", 1);
    assert_int_equal(told(f), 1);
    assert_non_null(strstr(f->events[0].message, "it wrote the status (1 of 2 pods ready)"));
}

static void OnceInTenMinutes(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    foreign_pod(f, "node-0");
    foreign_pod(f, "node-1");
    foreign_status(f, "numberReady", 1);
    assert_int_equal(told(f), 1);
    advance_s(f, TELL_AGAIN_S - 1);
    foreign_pod(f, "node-0");
    assert_int_equal(told(f), 1);
    advance_s(f, 1);
    foreign_pod(f, "node-0");
    assert_int_equal(told(f), 2);
}

/* The stock controller found two revisions of the new template, and gave the hash of the one it
 * kept to every pod. */
static void PodsThatGotTheHashOfATemplateTheyWereNotMadeFromAreRolled(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    MOON_AUTOFREE char *old = moon_strdup(hash_of(f));
    change_set(f, (struct set_opts){.strategy = ROLLING("1", "0"),
                                    .template = TEMPLATE("\"hostname\":\"b\",")});
    struct counts c = sync_once(f);
    assert_int_equal(c.revision_creates, 1);
    struct moon_plan *plan = decide(f); /* knows it, and has not deleted anything yet */
    MOON_AUTOFREE char *one = moon_strdup(pods_on(f, "node-0")[0]);
    MOON_AUTOFREE char *two = moon_strdup(pods_on(f, "node-1")[0]);
    set_label(f, one, MOON_LABEL_HASH, hash_of(f));
    set_label(f, two, MOON_LABEL_HASH, hash_of(f));
    assert_string_not_equal(hash_of(f), old);
    (void)carry_out(f, plan);
    for (int i = 0; i < 10; i++) {
        (void)sync_once(f);
        all_ready(f);
        advance_s(f, 1);
    }
    assert_int_equal(pod_count(f), 2);
    assert_string_not_equal(pods_on(f, "node-0")[0], one);
    assert_string_not_equal(pods_on(f, "node-1")[0], two);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", -1), 2);
}

/* Whoever gives a pod the hash of another revision of its own template changes nothing. */
static void PodsThatGotTheHashOfADuplicateStay(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    MOON_AUTOFREE char *data = moon_strdup(set_of(f)->data);
    (void)add_revision(
        f, (struct revision_opts){.name = "foo-dup", .number = 9, .hash = "dup", .data = data});
    set_label(f, pods_on(f, "node-0")[0], MOON_LABEL_GENERATION, NULL); /* the hash alone counts */
    set_label(f, pods_on(f, "node-0")[0], MOON_LABEL_HASH, "dup");
    for (int i = 0; i < 5; i++) {
        struct counts c = sync_once(f);
        assert_int_equal(c.deletes, 0);
    }
    assert_string_equal(hash_of(f), "dup");
}

/* ---- what is not ---- */

/* The fixture's watch tells of every other write before its answer comes. */
static void OurOwnWorkIsNobodyElses(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){.strategy = ROLLING("2", "0")});
    add_nodes(f, 2, 6, NULL);
    for (int i = 0; i < 20; i++) {
        (void)sync_once(f);
        assert_int_equal(told(f), 0);
        all_ready(f);
        advance_s(f, 1);
    }
    change_set(f, (struct set_opts){.strategy = ROLLING("2", "0"),
                                    .template = TEMPLATE("\"hostname\":\"b\",")});
    for (int i = 0; i < 20; i++) {
        (void)sync_once(f);
        assert_int_equal(told(f), 0);
        all_ready(f);
        advance_s(f, 1);
    }
    assert_int_equal(pod_count(f), 8);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", -1), 8);
    assert_int_equal(set_of(f)->rival_told_at, 0);
}

static void AnAnswerWasLost(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    add_node(f, "node-2", NULL, NULL);
    struct moon_plan *plan = decide(f);
    MOON_AUTOFREE char *name = moon_strdup(moon_plan_get(plan, 0)->name);
    (void)add_pod(f, (struct pod_opts){.name = name, .pin = "node-2", .phase = "Pending"});
    assert_int_equal(told(f), 0);
    (void)carry_out(f, plan); /* is there already */
    assert_int_equal(told(f), 0);
    settle(f);
    assert_int_equal(pod_count(f), 3);
}

/* Found by torture: the first try of a create was held up, the second made the pod, somebody
 * deleted it, and then the first one landed. */
static void ACreateThatWasSentTwice(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    add_node(f, "node-2", NULL, NULL);
    struct moon_plan *plan = decide(f);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(4096);
    moon_plan_get(plan, 0)->write_body(moon_plan_get(plan, 0), &body);
    (void)carry_out(f, plan);
    foreign_pod(f, "node-2");
    assert_int_equal(told(f), 0);
    advance_s(f, GRACE_S);
    foreign_pod(f, "node-2");
    assert_int_equal(told(f), 1);
}

/* The first try of a status write lands after the second. */
static void AStatusWriteThatWasSentTwice(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    set_ready(f, pods_on(f, "node-0")[0], false);
    struct moon_plan *plan = decide(f);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(4096);
    assert_int_equal(moon_plan_count(plan), 1);
    moon_plan_get(plan, 0)->write_body(moon_plan_get(plan, 0), &body);
    set_ready(f, pods_on(f, "node-1")[0], false);
    (void)sync_once(f); /* counts anew; the write is still open */
    (void)carry_out(f, plan);
    assert_int_equal(moon_json_int(f->status, "numberReady", -1), 0);
    foreign_status(f, "numberReady", 1);
    assert_int_equal(told(f), 0);
    advance_s(f, GRACE_S);
    foreign_status(f, "numberReady", 2);
    assert_int_equal(told(f), 1);
}

static void WhatOursOrAPredecessorsLastWritesMayBe(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    lead(f);
    foreign_pod(f, "node-0");
    foreign_status(f, "numberReady", 1);
    advance_s(f, GRACE_S - 1);
    foreign_pod(f, "node-0");
    assert_int_equal(told(f), 0);
    advance_s(f, 1);
    foreign_pod(f, "node-0");
    assert_int_equal(told(f), 1);
}

static void WhoStandsByAccusesNobody(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    f->ds.running = false;
    foreign_pod(f, "node-0");
    foreign_status(f, "numberReady", 1);
    assert_int_equal(told(f), 0);
}

static void ADryRunIsMadeToLookOn(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    f->config->dry_run = true;
    foreign_pod(f, "node-0");
    foreign_status(f, "numberReady", 1);
    assert_int_equal(told(f), 0);
}

static void UsersEditTheSet(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    change_set(f, (struct set_opts){.annotations = "\"a\":\"b\""});
    change_set(f, (struct set_opts){.annotations = "\"a\":\"b\"", .min_ready_s = 3});
    change_set(f, (struct set_opts){.template = TEMPLATE("\"hostname\":\"b\",")});
    assert_int_equal(told(f), 0);
    settle(f);
    assert_int_equal(set_of(f)->rival_told_at, 0);
}

/* Its numbers are right, so that we have never written any. */
static void UsersEditASetThatAPredecessorCounted(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.status = "\"observedGeneration\":1"});
    assert_int_equal(set_of(f)->status_at, 0);
    lead(f);
    advance_s(f, GRACE_S);
    change_set(f, (struct set_opts){.annotations = "\"a\":\"b\""});
    assert_int_equal(told(f), 0);
}

static void UsersDeletePods(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    remove_pod(f, pods_on(f, "node-0")[0]);
    assert_int_equal(told(f), 0);
    SYNC(1, 0, 0);
    settle(f);
    assert_int_equal(set_of(f)->rival_told_at, 0);
}

static void UsersEditPods(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    const char *uid = pods_on(f, "node-0")[0];
    set_label(f, uid, "color", "blue");
    set_owner(f, uid, "");
    assert_int_equal(told(f), 0);
    SYNC(0, 0, 0); /* adopted again */
    settle(f);
    /* Made long ago, and seen only now. */
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .phase = "Running", .ready = true});
    assert_int_equal(told(f), 0);
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .phase = "Pending", .deleting = true});
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .phase = "Pending", .owner = ""});
    assert_int_equal(told(f), 0);
    assert_int_equal(set_of(f)->rival_told_at, 0);
}

static void ConditionsOfOthersAreNotOurs(void **state)
{
    struct fixture *f = *state;
    start(f, (struct set_opts){0});
    foreign_status(f, "collisionCount", 3);
    assert_int_equal(told(f), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(APodThatAnotherMade),
        TEST(APodThatAnotherMadeBesideTheOneWeAreMaking),
        TEST(AStatusThatAnotherWrote),
        TEST(OnceInTenMinutes),
        TEST(PodsThatGotTheHashOfATemplateTheyWereNotMadeFromAreRolled),
        TEST(PodsThatGotTheHashOfADuplicateStay),
        TEST(OurOwnWorkIsNobodyElses),
        TEST(AnAnswerWasLost),
        TEST(ACreateThatWasSentTwice),
        TEST(AStatusWriteThatWasSentTwice),
        TEST(WhatOursOrAPredecessorsLastWritesMayBe),
        TEST(WhoStandsByAccusesNobody),
        TEST(ADryRunIsMadeToLookOn),
        TEST(UsersEditTheSet),
        TEST(UsersEditASetThatAPredecessorCounted),
        TEST(UsersDeletePods),
        TEST(UsersEditPods),
        TEST(ConditionsOfOthersAreNotOurs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
