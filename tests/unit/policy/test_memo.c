/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

enum {
    NODES = 600,
    CHECK_EVERY = 1024, /* as memo.c */
};

static uint64_t seed = 5;

static unsigned chance(unsigned of)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % of;
}

/* ---- nodes by chance ---- */

static const struct moon_node *any_node(unsigned i)
{
    static const char *const taints[] = {
        "",
        "",
        "{\"key\":\"dedicated\",\"value\":\"gpu\",\"effect\":\"NoSchedule\"}",
        "{\"key\":\"dedicated\",\"value\":\"db\",\"effect\":\"NoSchedule\"}",
        "{\"key\":\"down\",\"effect\":\"NoExecute\"}",
        "{\"key\":\"a\",\"effect\":\"PreferNoSchedule\"},{\"key\":\"down\",\"effect\":"
        "\"NoExecute\"}",
    };
    static const char *const pools[] = {"blue", "green", ""};
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"n%u\",\"uid\":\"u%u\",\"resourceVersion\":\"1\",\"labels\":{"
        "\"pool\":\"%s\",\"edge\":\"%s\",%s\"os\":\"%s\",\"hostname\":\"n%u\"},"
        "\"annotations\":{\"a\":\"%u\"}},"
        "\"spec\":{\"unschedulable\":%s,\"taints\":[%s]},"
        "\"status\":{\"capacity\":{\"cpu\":\"%u\",\"memory\":\"%s\"},"
        "\"nodeInfo\":{\"kubeletVersion\":\"v1.%u.0\"},"
        "\"conditions\":[{\"type\":\"%s\",\"status\":\"%s\",\"reason\":\"r%u\"}]}}",
        i, i, pools[chance(3)], chance(2) ? "true" : "false", chance(3) ? "" : "\"spot\":\"yes\",",
        chance(5) ? "linux" : "windows", i, chance(3), chance(4) ? "false" : "true",
        taints[chance(MOON_ARRAY_SIZE(taints))], 1u << chance(4), chance(2) ? "1Gi" : "1024Mi",
        28 + chance(3), chance(4) ? "Ready" : "Full", chance(2) ? "True" : "False", chance(2));

    return make_node(json);
}

/* Policies that read in all the ways there are. */
static const char *const selects[] = {
    "if node.labels.edge == 'true' then return true end return false, node.labels.pool",
    "if node.labels.pool == '' then return 'keep', 'no pool' end "
    "return node.labels.spot ~= nil and node.labels.edge == 'true'",
    "local t = moonset.untolerated(node, set.tolerations) return t == nil, t and t.key",
    "for i, t in ipairs(node.taints) do if t.effect == 'NoExecute' then return false, t.key end "
    "end",
    "for _, t in pairs(node.taints) do if not moonset.tolerated(t, set.tolerations) then "
    "return 'keep', t.value end end return true",
    "return moonset.selector('pool in (blue,green),!spot'):matches(node), set.name",
    "return moonset.selector('edge=true'):matches(node.labels)",
    "local n = 0 for k, v in pairs(node.labels) do n = n + #v end return n % 2 == 0, tostring(n)",
    "return #node.labels > 5, tostring(#node.labels)",
    "local c = node.conditions.Ready return c ~= nil and c.status == 'True', c and c.reason",
    "return node.capacity.cpu:milli() > 2000, tostring(node.capacity.memory)",
    "return node.capacity.gpu == nil and moonset.semver.satisfies(node.kubelet, '>=1.29')",
    "return not node.unschedulable, node.annotations.a",
    "return moonset.bucket(node.name, 'x', 3) == 0, node.uid",
    "return tostring(node):sub(-1) == '1'",
    "return moonset.affinity_matches(set, node)",
    "for k in pairs(node.conditions) do return k == 'Ready', k end",
    "if node.labels.os == 'windows' then return false end "
    "if set.template.node_name == node.name then return true end return nil",
    "return set.desired > 3, set.revision",
    "return next(node.taints) == nil, moonset.list.map(node.taints, function(t) return t.key "
    "end)[1]",
};

static void choose(struct fixture *f, const char *body, bool no_memo)
{
    f->no_memo = no_memo;
    fixture_policy(f, body);
}

static const char pod_spec[] = "{\"nodeSelector\":{\"os\":\"linux\"},\"tolerations\":[{\"key\":"
                               "\"dedicated\",\"value\":\"gpu\"}],"
                               "\"containers\":[]}";

static void select_all(struct fixture *f, const struct moon_node *const *nodes, size_t count,
                       struct moon_decision *decisions)
{
    memset(decisions, 0, count * sizeof(*decisions));
    moon_hook_select(f->chain, &f->view, nodes, count, decisions);
}

static void compare(struct fixture *plain, struct fixture *memo,
                    const struct moon_node *const *nodes, const char *body)
{
    static struct moon_decision a[NODES];
    static struct moon_decision b[NODES];

    select_all(plain, nodes, NODES, a);
    for (int round = 0; round < 3; round++) {
        select_all(memo, nodes, NODES, b);
        for (size_t i = 0; i < NODES; i++) {
            if (a[i].placement != b[i].placement || a[i].reason != b[i].reason ||
                a[i].policy != b[i].policy) {
                fail_msg("%s: node %s: %s (%s), but with the memo %s (%s)", body,
                         nodes[i]->meta.name, moon_placement_name(a[i].placement), a[i].reason,
                         moon_placement_name(b[i].placement), b[i].reason);
            }
            moon_decision_fini(&b[i]);
        }
    }
    for (size_t i = 0; i < NODES; i++) {
        moon_decision_fini(&a[i]);
    }
}

/* Would a change of a node that the read set does not show change an answer? Never. */
static void compare_reads(struct fixture *plain, struct fixture *memo,
                          const struct moon_node *const *nodes, const char *body)
{
    struct moon_decision d[2];
    size_t same = 0;

    for (size_t i = 0; i + 1 < NODES; i++) {
        const struct moon_node *pair[] = {nodes[i], nodes[i + 1]};
        select_all(plain, pair, 2, d);
        bool reads_same = moon_chain_reads_same(memo->chain, &memo->view, pair[0], pair[1]);
        if (reads_same && (d[0].placement != d[1].placement || d[0].reason != d[1].reason)) {
            fail_msg("%s: %s and %s read the same, and are decided otherwise", body,
                     pair[0]->meta.name, pair[1]->meta.name);
        }
        same += reads_same;
        moon_decision_fini(&d[0]);
        moon_decision_fini(&d[1]);
    }
    (void)same;
}

static void test_the_same_with_and_without(void **state)
{
    struct fixture *memo = *state;
    struct fixture *plain = fixture_new();
    static const struct moon_node *nodes[NODES];

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = any_node(i);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(selects); i++) {
        MOON_AUTOFREE char *body = moon_asprintf(
            "replaces = { 'select' }, select = function(node, set) %s end", selects[i]);
        choose(plain, body, true);
        choose(memo, body, false);
        fixture_set(plain, pod_spec, "{}");
        fixture_set(memo, pod_spec, "{}");
        plain->view.desired = memo->view.desired = 2 + (int64_t)i % 3;
        compare(plain, memo, nodes, selects[i]);
        compare_reads(plain, memo, nodes, selects[i]);
        assert_int_equal(plain->reports, 0);
        assert_int_equal(memo->reports, 0);
    }
    fixture_chain(plain, NULL, NULL, NULL);
    fixture_chain(memo, NULL, NULL, NULL);
    compare(plain, memo, nodes, "stock");
    compare_reads(plain, memo, nodes, "stock");
    for (unsigned i = 0; i < NODES; i++) {
        moon_object_unref(&nodes[i]->meta);
    }
    fixture_free(plain);
}

/* ---- what is asked ---- */

static struct moon_hook_figures figures;
static char reads[512];

static void take_figures(const struct moon_hook_figures *f, void *ctx)
{
    if (strcmp(f->policy, "test") == 0 && strcmp(f->hook, ctx) == 0) {
        figures = *f;
        (void)snprintf(reads, sizeof(reads), "%s", f->reads != NULL ? f->reads : "anything");
    }
}

static void look(const struct fixture *f, const char *hook)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "%s", hook);
    moon_chain_each_figures(f->chain, take_figures, name);
}

static const char *ask_label(struct fixture *f, const char *name, const char *edge)
{
    MOON_AUTOFREE char *json =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"1\","
                      "\"labels\":{\"edge\":\"%s\",\"hostname\":\"%s\"}}}",
                      name, name, edge, name);

    return ask_select(f, json);
}

static void test_what_is_read_decides_what_is_asked(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = function(node) return node.labels.edge == 'yes', 'x' end");
    assert_string_equal(ask_label(f, "a", "yes"), "run: x");
    assert_string_equal(ask_label(f, "b", "yes"), "run: x");
    assert_string_equal(ask_label(f, "c", "no"), "evict: x");
    assert_string_equal(ask_label(f, "d", "no"), "evict: x");
    assert_string_equal(ask_label(f, "e", "yes"), "run: x");
    look(f, "select");
    assert_int_equal(figures.asked, 2);
    assert_int_equal(figures.hits, 3);
    assert_int_equal(figures.paths, 2);
    assert_string_equal(reads, "label edge");
}

static void test_what_is_read_is_told(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"return node.labels.edge == 'yes' and node.labels.pool == 'x'", "label edge"},
        {"return node.labels.edge == 'no' or node.name == 'a'", "label edge, name"},
        {"return #node.taints == 0", "taints"},
        {"for k in pairs(node.labels) do return k == 'a' end", "labels"},
        {"return moonset.selector('edge=yes'):matches(node)", "selector edge=yes"},
        {"return node.capacity.cpu == nil", "capacity cpu"},
        {"return node.conditions.Ready == nil", "condition Ready"},
        {"return set.labels.x == nil and set.params ~= nil", ""},
        {"return true, tostring(node)", "anything"},
        {"local t = {} t[node] = 1 for k in pairs(t) do return k == node end", "anything"},
        {"for k in pairs(node.capacity) do return k == 'x' end", "anything"},
    };

    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *body = moon_asprintf("select = function(node, set) %s end", rows[i][0]);
        fixture_policy(f, body);
        (void)ask_label(f, "a", i == 0 ? "no" : "yes");
        look(f, "select");
        assert_string_equal(reads, rows[i][1]);
        assert_int_equal(f->reports, 0);
    }
}

static void test_a_change_of_the_set_forgets(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = function(node, set) return set.annotations.go == 'y', "
                      "node.labels.edge end");
    fixture_set(f, "{\"containers\":[]}", "{}");
    assert_string_equal(ask_label(f, "a", "e"), "evict: e");
    fixture_set(f, "{\"containers\":[]}", "{\"go\":\"y\"}");
    assert_string_equal(ask_label(f, "a", "e"), "run: e");
    fixture_policy(f, "select = function(node, set) return set.desired > 3 end");
    fixture_set(f, "{\"containers\":[]}", "{}");
    assert_string_equal(ask_label(f, "a", "e"), "evict");
    f->view.desired = 4;
    assert_string_equal(ask_label(f, "a", "e"), "run");
    f->view.revision = "r2";
    assert_string_equal(ask_label(f, "a", "e"), "run");
}

static void test_a_script_that_is_not_pure(void **state)
{
    struct fixture *f = *state;
    unsigned reports_at = 0;

    fixture_policy(f, "select = (function() local n = 0 return function(node) n = n + 1 "
                      "return n <= 100, node.labels.edge end end)()");
    for (unsigned i = 0; i < CHECK_EVERY + 10; i++) {
        const char *said = ask_label(f, "a", "e");
        if (f->reports == 0) {
            assert_string_equal(said, "run: e");
            reports_at = i + 1;
        }
    }
    /* n was 2 at the first check: still true. Only what it says otherwise is told. */
    assert_int_equal(f->reports, 0);
    assert_int_equal(reports_at, CHECK_EVERY + 10);
    fixture_policy(f, "select = (function() local n = 0 return function(node) n = n + 1 "
                      "return n == 1, node.labels.edge end end)()");
    for (unsigned i = 0; i < CHECK_EVERY + 10; i++) {
        const char *said = ask_label(f, "a", "e");
        assert_string_equal(said, i < CHECK_EVERY ? "run: e" : "evict: e");
    }
    assert_int_equal(f->reports, 1);
    assert_int_equal(f->last.fault, MOON_FAULT_IMPURE);
    assert_non_null(strstr(f->last.text, "test.lua: select has answered otherwise for the same"));
    look(f, "select");
    assert_string_equal(figures.memo_off, "the policy is not pure");
    assert_string_equal(reads, "anything");
}

/* What is read next depends on something else than what was read. */
static void test_a_script_that_reads_otherwise(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = (function() local n = 0 return function(node) n = n + 1 "
                      "if n % 2 == 0 then return node.labels.edge == 'x' end "
                      "return node.name == 'a' end end)()");
    assert_string_equal(ask_label(f, "a", "e"), "run");
    assert_string_equal(ask_label(f, "b", "e"), "evict");
    look(f, "select");
    assert_non_null(figures.memo_off);
    assert_string_equal(reads, "anything");
    assert_int_equal(f->reports, 0);
}

static void test_what_fails_is_not_kept(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = function(node) if node.labels.edge == 'x' then error('no') end "
                      "return true end");
    assert_string_equal(ask_label(f, "a", "x"), "undecided");
    assert_string_equal(ask_label(f, "b", "x"), "undecided");
    assert_int_equal(f->reports, 2);
    look(f, "select");
    assert_int_equal(figures.hits, 0);
    assert_string_equal(reads, "label edge");
}

/* Each node is read differently: the memo fills up, is of no use, and rests; it stays bounded. */
static void test_it_is_bounded(void **state)
{
    struct fixture *f = *state;
    char name[32];
    size_t most = 0;

    fixture_policy(f, "select = function(node) return #node.name > 3 end");
    for (unsigned i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i);
        assert_string_equal(ask_label(f, name, "e"), i > 99 ? "run" : "evict");
        look(f, "select");
        most = figures.paths > most ? figures.paths : most;
        assert_true(figures.memo_bytes < 2 * 1024 * 1024);
    }
    assert_int_equal(most, 4096);
    assert_string_equal(figures.memo_off, "hardly two are alike");
    assert_string_equal(reads, "name");
}

static void test_more_reads_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "select = function(node) local n = 0 for i = 1, 100 do "
                      "n = n + (node.labels['l' .. i] and 1 or 0) end return n == 0 end");
    assert_string_equal(ask_label(f, "a", "e"), "run");
    assert_string_equal(ask_label(f, "b", "e"), "run");
    look(f, "select");
    assert_string_equal(reads, "anything");
    assert_int_equal(figures.hits, 0);
}

static void test_ranks_are_kept(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a", "b", "c", NULL};

    fixture_policy(f, "rank = function(node) return { node.labels.edge or 'x', -2.5 } end");
    assert_string_equal(ask_ranks(f, names), "a b c");
    assert_string_equal(ask_ranks(f, names), "a b c");
    look(f, "rank");
    assert_int_equal(figures.asked, 1);
    assert_int_equal(figures.hits, 5);
}

static void test_health_is_kept(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f,
                   "health = function(pod, set) if pod.node.labels.nope then return 'failed' end "
                   "return pod.ready and 'ready' or 'progressing', pod.phase end");
    fixture_slot(f, "n1", "N");
    fixture_slot(f, "n2", "N");
    fixture_slot(f, "n3", "o");
    assert_string_equal(ask_health(f, &f->slots[0]), ask_health(f, &f->slots[1]));
    look(f, "health");
    assert_int_equal(figures.asked, 1);
    assert_int_equal(figures.hits, 1);
    assert_non_null(strstr(ask_health(f, &f->slots[2]), "progressing"));
    look(f, "health");
    assert_int_equal(figures.asked, 2);
    assert_string_equal(reads, "pod.node, label nope, pod.ready, pod.phase");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_with_and_without),
        TEST(test_what_is_read_decides_what_is_asked),
        TEST(test_what_is_read_is_told),
        TEST(test_a_change_of_the_set_forgets),
        TEST(test_a_script_that_is_not_pure),
        TEST(test_a_script_that_reads_otherwise),
        TEST(test_what_fails_is_not_kept),
        TEST(test_it_is_bounded),
        TEST(test_more_reads_than_there_is_room_for),
        TEST(test_ranks_are_kept),
        TEST(test_health_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
