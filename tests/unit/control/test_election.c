/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/election.h"
#include "server.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
#define LEASE LEASES "/moonset"

struct candidate {
    struct moon_election *election;
    size_t started;
    size_t stopped;
    size_t infos;
    char info[256];
};

struct fixture {
    struct server server;
    struct candidate a, b;
    size_t released;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    server_init(&f.server);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_election_free(f->a.election);
    moon_election_free(f->b.election);
    server_fini(&f->server);
    moon_metrics_reset();
    return 0;
}

static void on_started(void *ctx)
{
    struct candidate *c = ctx;
    assert_true(moon_election_is_leader(c->election));
    c->started++;
}

static void on_stopped(void *ctx)
{
    struct candidate *c = ctx;
    assert_false(moon_election_is_leader(c->election));
    c->stopped++;
}

static void on_info(const char *text, void *ctx)
{
    struct candidate *c = ctx;
    c->infos++;
    snprintf(c->info, sizeof c->info, "%s", text);
}

static void start(struct fixture *f, struct candidate *c, const char *identity)
{
    c->election =
        moon_election_new(f->server.client, &(struct moon_election_opts){.namespace = "kube-system",
                                                                         .name = "moonset",
                                                                         .identity = identity,
                                                                         .on_started = on_started,
                                                                         .on_stopped = on_stopped,
                                                                         .on_info = on_info,
                                                                         .ctx = c});
}

/* Let `ms` pass in steps small enough for answers to come in between. What is written to loopback
 * can be read at once; only libcurl's own timers need a moment of real time. */
static void pass(struct fixture *f, uint64_t ms)
{
    for (uint64_t i = 0; i < ms / 100; i++) {
        moon_loop_advance(f->server.loop, 100);
        for (int turn = 0; turn < 40; turn++) {
            moon_loop_turn(f->server.loop, turn % 20 == 10 ? 1 : 0);
        }
    }
}

static const char *spec(const struct fixture *f, const char *member)
{
    char path[64];
    snprintf(path, sizeof path, "spec.%s", member);
    return moon_json_string(server_get(&f->server, LEASE), path);
}

static void put_lease(struct fixture *f, const char *holder, int renewal)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"metadata\":{\"name\":\"moonset\",\"labels\":{\"keep\":\"me\"}},\"spec\":{"
             "\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,\"leaseTransitions\":3,"
             "\"acquireTime\":\"2020-01-01T00:00:00.000000Z\","
             "\"renewTime\":\"2020-01-01T00:00:%02d.000000Z\"}}",
             holder, renewal);
    server_put(&f->server, LEASE, json);
}

static void release_done(void *ctx)
{
    struct fixture *f = ctx;
    f->released++;
}

/* ---- becoming leader ---- */

static void the_first_makes_the_lease(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    assert_false(moon_election_is_leader(f->a.election));
    server_wait_moving(&f->server, f->a.started, 1);
    assert_string_equal(f->server.log[1], "POST " LEASES);
    assert_string_equal(spec(f, "holderIdentity"), "one");
    assert_string_equal(spec(f, "acquireTime"), spec(f, "renewTime"));
    assert_int_equal(strlen(spec(f, "renewTime")), 27); /* microseconds */
    const cJSON *lease = server_get(&f->server, LEASE);
    assert_int_equal(moon_json_int(lease, "spec.leaseDurationSeconds", 0), 15);
    assert_int_equal(moon_json_int(lease, "spec.leaseTransitions", -1), 0);
    assert_string_equal(moon_json_string(lease, "apiVersion"), "coordination.k8s.io/v1");
}

static void a_lease_that_nobody_holds_is_taken(void **state)
{
    struct fixture *f = *state;
    put_lease(f, "", 0);
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    const cJSON *lease = server_get(&f->server, LEASE);
    assert_string_equal(spec(f, "holderIdentity"), "one");
    assert_int_equal(moon_json_int(lease, "spec.leaseTransitions", 0), 4);
    assert_string_equal(moon_json_string(lease, "metadata.labels.keep"), "me");
}

static void a_lease_that_is_not_renewed_is_taken_after_its_time(void **state)
{
    struct fixture *f = *state;
    put_lease(f, "other", 0);
    start(f, &f->a, "one");
    pass(f, 14500);
    assert_int_equal(f->a.started, 0);
    assert_string_equal(f->a.info, "other leads");
    assert_int_equal(f->a.infos, 1);
    pass(f, 4500);
    assert_int_equal(f->a.started, 1);
    assert_string_equal(spec(f, "holderIdentity"), "one");
}

/* The times in the lease are of another clock: what counts is that it changes. */
static void a_renewed_lease_is_left_alone(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    for (int i = 0; i < 4; i++) {
        put_lease(f, "other", i);
        pass(f, 10000);
    }
    assert_int_equal(f->a.started, 0);
}

static void of_two_one_leads(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    start(f, &f->b, "two");
    pass(f, 20000);
    assert_int_equal(f->a.started + f->b.started, 1);
    assert_int_equal(f->a.stopped + f->b.stopped, 0);
    struct candidate *leader = f->a.started > 0 ? &f->a : &f->b;
    struct candidate *other = f->a.started > 0 ? &f->b : &f->a;
    moon_election_free(moon_steal(&leader->election)); /* as if killed */
    pass(f, 12500); /* the last renewal may be 2 s old, and has been seen at once */
    assert_int_equal(other->started, 0);
    pass(f, 8000); /* or it was seen 2.4 s later, and is looked at again after 2.4 s */
    assert_int_equal(other->started, 1);
}

static void an_identity_is_made_when_none_is_given(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, NULL);
    server_wait_moving(&f->server, f->a.started, 1);
    assert_true(strlen(spec(f, "holderIdentity")) > 11);
}

/* ---- staying leader ---- */

static void a_leader_renews_with_one_request(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    size_t before = f->server.calls;
    char *acquired = moon_strdup(spec(f, "acquireTime"));
    pass(f, 20000);
    assert_in_range(f->server.calls - before, 8, 10);
    for (size_t i = before; i < f->server.calls; i++) {
        assert_string_equal(f->server.log[i], "PUT " LEASE);
    }
    assert_string_equal(spec(f, "acquireTime"), acquired);
    assert_string_not_equal(spec(f, "renewTime"), acquired);
    moon_free(acquired);
    assert_true(moon_election_is_leader(f->a.election));
    assert_int_equal(f->a.started, 1);
}

/* Somebody labels the lease: the next PUT is refused, and that is all. */
static void a_conflict_is_read_again(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    pass(f, 4000);
    cJSON *copy = cJSON_Duplicate(server_get(&f->server, LEASE), true);
    cJSON_AddStringToObject(cJSON_GetObjectItem(copy, "metadata"), "note", "kept");
    char *text = cJSON_PrintUnformatted(copy);
    server_put(&f->server, LEASE, text);
    cJSON_free(text);
    cJSON_Delete(copy);
    pass(f, 20000);
    assert_true(moon_election_is_leader(f->a.election));
    assert_int_equal(f->a.stopped, 0);
    assert_string_equal(moon_json_string(server_get(&f->server, LEASE), "metadata.note"), "kept");
}

static struct answer down(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                          size_t call MOON_UNUSED)
{
    return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "InternalError"};
}

static void a_leader_that_cannot_renew_stops_in_time(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    f->server.plan = down;
    pass(f, 7500);
    assert_int_equal(f->a.stopped, 0);
    assert_non_null(strstr(f->a.info, "cannot read lease kube-system/moonset: "));
    pass(f, 2600);
    assert_int_equal(f->a.stopped, 1);
    assert_false(moon_election_is_leader(f->a.election));
    f->server.plan = NULL;
    pass(f, 3000);
    assert_int_equal(f->a.started, 2); /* nobody else wanted it */
}

static void a_lease_that_is_lost_is_given_up(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    put_lease(f, "other", 1);
    pass(f, 3000);
    assert_int_equal(f->a.stopped, 1);
    assert_string_equal(spec(f, "holderIdentity"), "other");
}

static void a_lease_that_is_deleted_is_made_again(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    server_remove(&f->server, LEASE);
    pass(f, 6000);
    assert_true(moon_election_is_leader(f->a.election));
    assert_int_equal(f->a.stopped, 0);
    assert_non_null(server_get(&f->server, LEASE));
}

/* A machine that has slept sees only the wall clock move. */
static void time_slept_counts(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    moon_loop_jump_wall(f->server.loop, 5000);
    moon_loop_turn(f->server.loop, 0);
    assert_true(moon_election_is_leader(f->a.election));
    moon_loop_jump_wall(f->server.loop, -3600000);
    moon_loop_turn(f->server.loop, 0);
    assert_true(moon_election_is_leader(f->a.election));
    moon_loop_jump_wall(f->server.loop, 9000);
    moon_loop_turn(f->server.loop, 0);
    assert_false(moon_election_is_leader(f->a.election));
    assert_int_equal(f->a.stopped, 1);
}

static struct answer hold_updates(const struct server *s, const char *method,
                                  size_t call MOON_UNUSED)
{
    bool hold = moon_streq(method, "PUT") && s->held == NULL;
    return (struct answer){.fault = hold ? FAULT_HOLD : FAULT_NONE};
}

/* The server may have stored the renewal when it was sent: from then on the others wait. */
static void leading_counts_from_the_sending(void **state)
{
    struct fixture *f = *state;
    put_lease(f, "", 0);
    f->server.plan = hold_updates;
    start(f, &f->a, "one");
    moon_loop_advance(f->server.loop, 0);
    server_wait(&f->server, f->server.calls, 2);
    moon_loop_advance(f->server.loop, 4900);
    assert_true(server_release(&f->server));
    server_wait(&f->server, f->a.started, 1);
    f->server.plan = down;
    pass(f, 5000);
    assert_int_equal(f->a.stopped, 0);
    pass(f, 100);
    assert_int_equal(f->a.stopped, 1);
}

/* ---- giving it back ---- */

static void a_released_lease_is_taken_at_once(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    start(f, &f->b, "two");
    pass(f, 3000);
    moon_election_release(f->a.election, 5000, release_done, f);
    assert_int_equal(f->a.stopped, 1); /* before anything is sent */
    assert_int_equal(f->released, 0);
    moon_loop_advance(f->server.loop, 0);
    server_wait(&f->server, f->released, 1);
    assert_string_equal(spec(f, "holderIdentity"), "");
    pass(f, 3000);
    assert_int_equal(f->b.started, 1);
    assert_int_equal(f->released, 1);
    assert_int_equal(f->a.started, 1);
}

static void who_does_not_lead_releases_nothing(void **state)
{
    struct fixture *f = *state;
    put_lease(f, "other", 0);
    start(f, &f->a, "one");
    pass(f, 3000);
    size_t before = f->server.calls;
    moon_election_release(f->a.election, 5000, release_done, f);
    assert_int_equal(f->released, 0);
    pass(f, 100);
    assert_int_equal(f->released, 1);
    pass(f, 5000);
    assert_int_equal(f->server.calls, before);
    assert_string_equal(spec(f, "holderIdentity"), "other");
}

static void a_lease_that_others_hold_is_not_released(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    put_lease(f, "other", 0);
    moon_election_release(f->a.election, 5000, release_done, f);
    pass(f, 200);
    assert_int_equal(f->released, 1);
    assert_string_equal(spec(f, "holderIdentity"), "other");
}

static void a_release_ends_in_time(void **state)
{
    struct fixture *f = *state;
    start(f, &f->a, "one");
    server_wait_moving(&f->server, f->a.started, 1);
    f->server.plan = down;
    moon_election_release(f->a.election, 1000, release_done, f);
    pass(f, 900);
    assert_int_equal(f->released, 0);
    pass(f, 100);
    assert_int_equal(f->released, 1);
    size_t before = f->server.calls;
    pass(f, 20000);
    assert_int_equal(f->server.calls, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_makes_the_lease),
        TEST(a_lease_that_nobody_holds_is_taken),
        TEST(a_lease_that_is_not_renewed_is_taken_after_its_time),
        TEST(a_renewed_lease_is_left_alone),
        TEST(of_two_one_leads),
        TEST(an_identity_is_made_when_none_is_given),
        TEST(a_leader_renews_with_one_request),
        TEST(a_conflict_is_read_again),
        TEST(a_leader_that_cannot_renew_stops_in_time),
        TEST(a_lease_that_is_lost_is_given_up),
        TEST(a_lease_that_is_deleted_is_made_again),
        TEST(time_slept_counts),
        TEST(leading_counts_from_the_sending),
        TEST(a_released_lease_is_taken_at_once),
        TEST(who_does_not_lead_releases_nothing),
        TEST(a_lease_that_others_hold_is_not_released),
        TEST(a_release_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
