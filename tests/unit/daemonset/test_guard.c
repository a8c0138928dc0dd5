/* SPDX-License-Identifier: Apache-2.0
 *
 * test_guard.c - new versions of a policy that would do too much.
 */
#include "fixture.h"

#include <stdio.h>

#define SELECT(answer)                                                                             \
    "return { api = 1, params = { x = { type = 'string' } },\n"                                    \
    "select = function(node, set) " answer " end }\n"
#define ALL SELECT("return true")
#define ONE SELECT("return node.name == 'node-0', 'only one'")

#define HELD "PolicyChangeHeld"
#define LAST_GOOD "PolicyLastGood"

/* A set with policy "mine" on ten nodes, all with a pod. */
static struct fixture *running_ten(void **state, const char *source)
{
    struct fixture *f = *state;

    mine(f, source);
    add_set(f, (struct set_opts){.annotations = MINE});
    add_nodes(f, 0, 10, NULL);
    settle(f);
    all_ready(f);
    settle(f);
    assert_int_equal(pod_count(f), 10);
    return f;
}

static void annotate(struct fixture *f, const char *members)
{
    struct set_opts opts = f->opts;

    opts.annotations = members;
    change_set(f, opts);
}

static void approve(struct fixture *f, size_t digits)
{
    static char members[256]; /* kept by the fixture */

    (void)snprintf(members, sizeof(members), MINE ",\"moonset.dev/approve\":\"%.*s\"", (int)digits,
                   set_of(f)->held_hash);
    annotate(f, members);
}

static void TooManyNodesAreHeldUntilApproved(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, ONE);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "PolicyChangeHeld"), 1);
    const char *why = set_of(f)->held_change;
    assert_non_null(strstr(why, "another version of policy mine would take the daemon away from 9 "
                                "of 10 nodes (5 may be): node-1, node-2, node-3, node-4, node-5, "
                                "…; held until moonset.dev/approve="));
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), why));
    assert_string_equal(condition(f, HELD, "status"), "True");
    assert_string_equal(condition(f, HELD, "reason"), "TooManyNodes");
    assert_string_equal(condition(f, HELD, "message"), why);
    for (int i = 0; i < 3; i++) {
        advance_s(f, 60);
        SYNC(0, 0, 0); /* looked at again, told once */
    }
    add_node(f, "node-10", NULL, NULL); /* the version before decides */
    settle(f);
    assert_int_equal(pod_count(f), 11);
    approve(f, 11);
    settle(f);
    assert_int_equal(pod_count(f), 11);
    assert_string_equal(condition(f, HELD, "status"), "True");
    approve(f, 12);
    settle(f);
    assert_int_equal(pod_count(f), 1);
    assert_null(set_of(f)->held_hash);
    assert_string_equal(condition(f, HELD, "status"), "none");
}

static void AFewNodesAreNot(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, SELECT("return node.name >= 'node-5'"));
    settle(f);
    assert_int_equal(pod_count(f), 5);
    mine(f, SELECT("return node.name >= 'node-5' and 'keep'"));
    settle(f);
    mine(f, SELECT("return 'keep'"));
    settle(f);
    assert_int_equal(pod_count(f), 5);
    assert_int_equal(events_of(f, "PolicyChangeHeld"), 0);
}

static void AnotherVersionMayPass(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, ONE);
    settle(f);
    mine(f, SELECT("return node.name ~= 'node-0'"));
    settle(f);
    assert_int_equal(pod_count(f), 9);
    assert_null(set_of(f)->held_hash);
    assert_string_equal(condition(f, HELD, "status"), "none");
}

/* Nine nodes leave by themselves: what is left of the change is small. */
static void ItPassesWhenItIsNoLongerMuch(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, ONE);
    settle(f);
    for (int i = 1; i < 6; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "node-%d", i);
        remove_node(f, name);
    }
    settle(f);
    size_t before = pod_count(f);
    assert_non_null(set_of(f)->held_hash);
    advance_s(f, 31);
    settle(f);
    assert_null(set_of(f)->held_hash);
    assert_int_equal(before - pod_count(f), 4);
}

static void AVersionThatFailsIsHeld(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, SELECT("if node.name == 'node-3' then error('no') end return true"));
    (void)sync_once(f);
    assert_int_equal(events_of(f, "PolicyChangeHeld"), 1);
    assert_non_null(strstr(set_of(f)->held_change, "fails for 1 nodes: node-3;"));
    assert_string_equal(condition(f, HELD, "reason"), "PolicyFails");
    mine(f, "return { api = 1, tolerations = function() error('no') end }");
    settle(f);
    assert_non_null(strstr(set_of(f)->held_change, "fails for 10 nodes"));
}

static void TheSetsOwnChangesAreNot(void **state)
{
    struct fixture *f = running_ten(state, SELECT("return set.params.x == nil"));

    annotate(f, MINE ",\"moonset.dev/params\":\"{x: why}\"");
    settle(f);
    assert_int_equal(pod_count(f), 0);
}

/* Which version, too, when it says so. */
static void AVersionTheSetInsistsOnIsItsOwn(void **state)
{
    static char members[256];
    struct fixture *f = running_ten(state, ALL);

    mine(f, ONE);
    settle(f);
    assert_non_null(set_of(f)->held_hash);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf known = MOON_BUF_INIT(4096);
    struct moon_err err;
    struct moon_chain *c =
        moon_chain_new(f->in.policies, &(struct moon_chain_opts){.names = "mine"}, &err);
    moon_chain_versions(c, &known);
    moon_chain_free(c);
    (void)snprintf(members, sizeof(members), "\"moonset.dev/policies\":\"%.*s\"",
                   (int)(strlen("mine@sha256:") + 64), moon_buf_cstr(&known));
    annotate(f, members);
    settle(f);
    assert_int_equal(pod_count(f), 1);
    assert_null(set_of(f)->held_hash);
}

/* A new version is held, whatever else changes with it; what the set wants anew is done. */
static void AChangeOfTheSetLetsNothingThrough(void **state)
{
    struct fixture *f =
        running_ten(state, SELECT("return node.name ~= 'node-0' or set.params.x == nil"));

    mine(f, ONE);
    settle(f);
    annotate(f, MINE ",\"moonset.dev/params\":\"{x: why}\"");
    settle(f);
    assert_int_equal(pod_count(f), 9);
    assert_non_null(set_of(f)->held_hash);
}

static void TolerationsTakeNodesAway(void **state)
{
    struct fixture *f = *state;

    mine(f, "return { api = 1, tolerations = function() return { { key = 'gpu', operator = "
            "'Exists' } } end }");
    add_set(f, (struct set_opts){.annotations = MINE});
    for (int i = 0; i < 8; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "node-%d", i);
        add_node(f, name, NULL, "[{\"key\":\"gpu\",\"effect\":\"NoExecute\"}]");
    }
    settle(f);
    assert_int_equal(pod_count(f), 8);
    mine(f, "return { api = 1, tolerations = function() return {} end }");
    settle(f);
    assert_int_equal(pod_count(f), 8);
    assert_non_null(strstr(set_of(f)->held_change, "from 8 of 8 nodes"));
}

static void AStockPolicyThatIsReplaced(void **state)
{
    struct fixture *f = *state;

    running(f, 10, ON_DELETE);
    moon_policies_offer(f->in.policies, "configmap ns/x",
                        &(struct moon_policy_file){.path = "node-selection/default.lua",
                                                   .text = moon_str(SELECT("return false"))},
                        1);
    settle(f);
    assert_int_equal(pod_count(f), 10);
    moon_policies_withdraw(f->in.policies, "configmap ns/x");
    settle(f);
    assert_null(set_of(f)->held_hash);
}

static void AfterAStartPodsTell(void **state)
{
    struct fixture *f = *state;

    mine(f, ONE);
    add_nodes(f, 0, 10, NULL);
    for (int i = 0; i < 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "node-%d", i);
        (void)add_pod(f, (struct pod_opts){.node = name, .hash = "none", .ready = true});
    }
    put_set(f, (struct set_opts){.annotations = MINE});
    (void)sync_once(f);
    assert_int_equal(events_of(f, "PolicyChangeHeld"), 1);
    assert_int_equal(events_of(f, "PolicyInvalid"), 0);
    settle(f);
    assert_int_equal(pod_count(f), 10);
    assert_null(set_of(f)->chain);
    approve(f, 12);
    settle(f);
    assert_int_equal(pod_count(f), 1);
}

/* What an earlier process has kept decides on, though the text in force is another one. */
static void AfterARestartTheVersionBeforeDecides(void **state)
{
    struct fixture *f = running_ten(state, SELECT("return true, 'before'"));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf kept = MOON_BUF_INIT(MOON_RESERVE_MAX_BYTES);
    struct moon_err err;

    (void)f;
    assert_int_equal(moon_policies_save(f->in.policies, &kept), 0);
    (void)teardown(state);
    (void)setup(state);
    f = *state;
    use_mine(f);
    mine(f, ONE);
    add_nodes(f, 0, 10, NULL);
    for (int i = 0; i < 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "node-%d", i);
        (void)add_pod(f, (struct pod_opts){.node = name, .hash = "none", .ready = true});
    }
    add_node(f, "node-10", NULL, NULL);
    put_set(f, (struct set_opts){.annotations = MINE,
                                 .status = "\"conditions\":[{\"type\":\"" HELD "\",\"status\":"
                                           "\"True\",\"lastTransitionTime\":\"t\"}]"});
    assert_int_equal(moon_policies_restore(f->in.policies, moon_buf_str(&kept), &err), 0);
    settle(f);
    assert_int_equal(pod_count(f), 11); /* it even makes one */
    assert_non_null(strstr(set_of(f)->held_change, "from 9 of 10 nodes"));
    assert_string_equal(condition(f, HELD, "message"), set_of(f)->held_change);
    assert_string_equal(condition(f, HELD, "lastTransitionTime"), "t"); /* since then */
    approve(f, 12);
    settle(f);
    assert_int_equal(pod_count(f), 1);
    assert_string_equal(condition(f, HELD, "status"), "none");
}

/* What it said is over, whoever was asked to approve. */
static void AfterARestartItIsNoLongerHeld(void **state)
{
    struct fixture *f = *state;

    mine(f, ALL);
    add_nodes(f, 0, 10, NULL);
    put_set(f, (struct set_opts){.annotations = MINE,
                                 .status = "\"conditions\":[{\"type\":\"" HELD "\",\"status\":"
                                           "\"True\"},{\"type\":\"" LAST_GOOD "\",\"status\":"
                                           "\"True\"}]"});
    settle(f);
    assert_string_equal(condition(f, HELD, "status"), "none");
    assert_string_equal(condition(f, LAST_GOOD, "status"), "none");
}

static void ATextThatDoesNotLoadIsTold(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, "return {");
    set_of(f)->chain_stale = true; /* the host tells the plugin, which is not here */
    (void)sync_once(f);
    assert_int_equal(events_of(f, "PolicyNotLoaded"), 1);
    settle(f);
    assert_non_null(strstr(set_of(f)->behind, "policy mine: mine.lua:1: "));
    assert_string_equal(condition(f, LAST_GOOD, "status"), "True");
    assert_string_equal(condition(f, LAST_GOOD, "reason"), "PolicyNotLoaded");
    assert_string_equal(condition(f, LAST_GOOD, "message"), set_of(f)->behind);
    mine(f, "-- mended\n" ALL);
    settle(f);
    assert_null(set_of(f)->behind);
    assert_string_equal(condition(f, LAST_GOOD, "status"), "none");
}

/* Nothing decides then, the last good one neither. */
static void ASetThatNamesAnotherPolicyIsNotBehind(void **state)
{
    struct fixture *f = running_ten(state, ALL);

    mine(f, "return {");
    set_of(f)->chain_stale = true;
    settle(f);
    assert_non_null(set_of(f)->behind);
    annotate(f, "\"moonset.dev/policies\":\"nobodys\"");
    settle(f);
    assert_null(set_of(f)->behind);
    assert_string_equal(condition(f, LAST_GOOD, "status"), "none");
}

static void ItCanBeSwitchedOff(void **state)
{
    struct fixture *f = running_ten(state, ALL);
    struct moon_err err;

    assert_int_equal(moon_config_set(f->config, "policy-guard", "90%", "test", &err), 0);
    mine(f, ONE);
    settle(f);
    assert_int_equal(pod_count(f), 1);
    assert_int_equal(moon_config_set(f->config, "policy-guard", "off", "test", &err), 0);
    mine(f, SELECT("return false"));
    settle(f);
    assert_int_equal(pod_count(f), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(TooManyNodesAreHeldUntilApproved),
        T(AFewNodesAreNot),
        T(AnotherVersionMayPass),
        T(ItPassesWhenItIsNoLongerMuch),
        T(AVersionThatFailsIsHeld),
        T(TheSetsOwnChangesAreNot),
        T(AVersionTheSetInsistsOnIsItsOwn),
        T(AChangeOfTheSetLetsNothingThrough),
        T(TolerationsTakeNodesAway),
        T(AStockPolicyThatIsReplaced),
        T(AfterAStartPodsTell),
        T(AfterARestartTheVersionBeforeDecides),
        T(AfterARestartItIsNoLongerHeld),
        T(ATextThatDoesNotLoadIsTold),
        T(ASetThatNamesAnotherPolicyIsNotBehind),
        T(ItCanBeSwitchedOff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
