/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "hook_fixture.h"

#define NODE(name, rest)                                                                           \
    "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" name "\",\"resourceVersion\":\"1\","         \
    "\"labels\":{\"l\":\"L1\",\"type\":\"production\"}}," rest "}"
#define PLAIN_NODE NODE("test-node", "\"spec\":{}")
#define TAINTED(effect)                                                                            \
    NODE("test-node",                                                                              \
         "\"spec\":{\"taints\":[{\"key\":\"dedicated\",\"value\":\"db\",\"effect\":\"" effect      \
         "\"}]}")
#define IN_TYPE(value)                                                                             \
    "{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"         \
    "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"type\",\"operator\":\"In\","        \
    "\"values\":[\"" value "\"]}]}]}}}}"
#define REQUESTS(memory)                                                                           \
    "{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"memory\":\"" memory           \
    "\",\"cpu\":\"0.5\"}},\"ports\":[{\"hostPort\":666}]}]}"

/* ---- stock: select ---- */

/* Upstream's TestNodeShouldRunDaemonPod, and the rows about taints. */
static void test_stock_select(void **state)
{
    static const struct {
        const char *spec;
        const char *node;
        const char *expected;
    } rows[] = {
        {REQUESTS("50M"), PLAIN_NODE, "run"},
        {REQUESTS("200M"), PLAIN_NODE, "run"},
        {"{\"nodeName\":\"other-node\"}", PLAIN_NODE, "evict: the template names node other-node"},
        {"{\"nodeName\":\"test-node\"}", PLAIN_NODE, "run"},
        {"{\"nodeSelector\":{\"l\":\"L2\"}}", PLAIN_NODE,
         "evict: node selector or node affinity does not match"},
        {"{\"nodeSelector\":{\"l\":\"L1\"}}", PLAIN_NODE, "run"},
        {IN_TYPE("test"), PLAIN_NODE, "evict: node selector or node affinity does not match"},
        {IN_TYPE("production"), PLAIN_NODE, "run"},
        {REQUESTS("50M"), NODE("test-node", "\"spec\":{\"unschedulable\":true}"), "run"},
        {"{}", TAINTED("NoSchedule"), "keep: taint dedicated:NoSchedule is not tolerated"},
        {"{}", TAINTED("NoExecute"), "evict: taint dedicated:NoExecute is not tolerated"},
        {"{}", TAINTED("PreferNoSchedule"), "run"},
        {"{\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Exists\"}]}",
         TAINTED("NoExecute"), "run"},
        {"{\"tolerations\":[{\"operator\":\"Exists\"}]}", TAINTED("NoSchedule"), "run"},
        {"{\"tolerations\":[{\"key\":\"dedicated\",\"value\":\"web\"}]}", TAINTED("NoSchedule"),
         "keep: taint dedicated:NoSchedule is not tolerated"},
    };
    struct fixture *f = *state;

    fixture_load(f);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        fixture_set(f, rows[i].spec, "{}");
        fixture_chain(f, NULL, NULL, NULL);
        if (strcmp(ask_select(f, rows[i].node), rows[i].expected) != 0) {
            fail_msg("row %zu: %s, not %s (%s)", i, ask_select(f, rows[i].node), rows[i].expected,
                     f->last.text);
        }
    }
    assert_int_equal(f->reports, 0);
}

/* ---- stock: tolerations ---- */

static const char *tolerations_text(struct fixture *f)
{
    static char text[4096];
    struct moon_tolerations list = {0};
    struct moon_buf out = MOON_BUF_INIT(sizeof(text) - 1);
    struct moon_err err;

    if (moon_hook_tolerations(f->chain, &f->view, &list, &err) != 0) {
        (void)snprintf(text, sizeof(text), "error: %s", err.text);
        return text;
    }
    moon_tolerations_write(&list, &out);
    (void)snprintf(text, sizeof(text), "%s", moon_buf_cstr(&out));
    moon_tolerations_fini(&list);
    moon_buf_fini(&out);
    return text;
}

#define TOLERATE(key, effect)                                                                      \
    "{\"key\":\"node.kubernetes.io/" key "\",\"operator\":\"Exists\",\"effect\":\"" effect "\"}"
#define SIX                                                                                        \
    TOLERATE("not-ready", "NoExecute")                                                             \
    "," TOLERATE("unreachable", "NoExecute") "," TOLERATE(                                         \
        "disk-pressure",                                                                           \
        "NoSchedule") "," TOLERATE("memory-pressure",                                              \
                                   "NoSchedule") "," TOLERATE("pid-pressure",                      \
                                                              "NoSchedule") "," TOLERATE("unsched" \
                                                                                         "ulable", \
                                                                                         "NoSched" \
                                                                                         "ule")

static void test_stock_tolerations(void **state)
{
    struct fixture *f = *state;

    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, NULL, NULL, NULL);
    assert_string_equal(tolerations_text(f), "[" SIX "]");
    fixture_set(f, "{\"hostNetwork\":true}", "{}");
    assert_string_equal(tolerations_text(f),
                        "[" SIX "," TOLERATE("network-unavailable", "NoSchedule") "]");
    /* An equal one of the template is replaced in place and loses its seconds; others stay. */
    fixture_set(f,
                "{\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\"},"
                "{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
                "\"effect\":\"NoExecute\",\"tolerationSeconds\":30}]}",
                "{}");
    assert_string_equal(
        tolerations_text(f),
        "[{\"key\":\"a\",\"operator\":\"Exists\"}," TOLERATE("not-ready", "NoExecute") "," TOLERATE("unreachable", "NoExecute") "," TOLERATE(
            "disk-pressure",
            "NoSchedule") "," TOLERATE("memory-pressure",
                                       "NoSchedule") "," TOLERATE("pid-pressure",
                                                                  "NoSchedule") "," TOLERATE("unsch"
                                                                                             "edula"
                                                                                             "ble",
                                                                                             "NoSch"
                                                                                             "edul"
                                                                                             "e") "]");
}

static void test_own_tolerations(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "tolerations = function(set) return { { key = 'gpu', operator = 'Exists' }, "
                      "{ key = 'x', value = 'y', effect = 'NoExecute', seconds = 60 } } end");
    assert_string_equal(tolerations_text(f),
                        "[{\"key\":\"gpu\",\"operator\":\"Exists\"},"
                        "{\"key\":\"x\",\"value\":\"y\",\"effect\":\"NoExecute\","
                        "\"tolerationSeconds\":60}," SIX "]");
}

static void test_replaced_tolerations(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "replaces = { 'tolerations' }, tolerations = function() return {} end");
    assert_string_equal(tolerations_text(f), "[]");
}

static void test_wrong_tolerations(void **state)
{
    static const char *const rows[][2] = {
        {"return 1", "must return a list"},
        {"return { key = 'a' }", "must return a list"},
        {"return { 1 }", "toleration 1 is a number"},
        {"return { { kye = 'a' } }", "unknown key 'kye' (did you mean 'key'?)"},
        {"return { { key = 1 } }", "'key' is a number"},
        {"return { { key = 'a', operator = 'Is' } }", "operator"},
        {"return { { key = 'a', operator = 'Exists', value = 'v' } }", "there is no value"},
        {"return { { operator = 'Equal' } }", "without a key"},
        {"return { { key = 'a', effect = 'Never' } }", "effect is"},
        {"return { { key = 'a', effect = 'NoSchedule', seconds = 3 } }", "NoExecute"},
        {"return { { key = 'a', effect = 'NoExecute', seconds = 1.5 } }", "no integer"},
        {"return { { key = 'a b' } }", "is no key"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = fixture_new();
        MOON_AUTOFREE char *body = moon_asprintf("tolerations = function() %s end", rows[i][0]);
        fixture_policy(f, body);
        if (strstr(tolerations_text(f), rows[i][1]) == NULL) {
            fail_msg("%s gave %s", rows[i][0], tolerations_text(f));
        }
        assert_int_equal(f->last.fault, MOON_FAULT_SHAPE);
        assert_string_equal(f->last.hook, "tolerations");
        fixture_free(f);
    }
    (void)state;
}

/* ---- select: combining, answers, isolation ---- */

static void test_most_restrictive_wins(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "a", "return { api = 1, select = function() return 'keep', 'a says' end }");
    fixture_write(f, "b",
                  "return { api = 1, select = function(n) if n.name == 'n2' then return "
                  "false, 'b says' end return true end }");
    fixture_write(f, "c", "return { api = 1, select = function() end }");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "c, b", NULL, NULL);
    assert_string_equal(ask_select(f, NODE("n1", "\"spec\":{}")), "run");
    fixture_chain(f, "a,b,c", NULL, NULL);
    assert_string_equal(ask_select(f, NODE("n1", "\"spec\":{}")), "keep: a says");
    assert_string_equal(ask_select(f, NODE("n2", "\"spec\":{}")), "evict: b says");
    /* The stock rules count, too. */
    fixture_chain(f, "c", NULL, NULL);
    assert_string_equal(ask_select(f, TAINTED("NoSchedule")),
                        "keep: taint dedicated:NoSchedule is not tolerated");
}

static void test_replaces(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "replaces = { 'select' }, select = function() return true, 'all' end");
    assert_string_equal(ask_select(f, TAINTED("NoExecute")), "run: all");
}

static void test_wrong_answers(void **state)
{
    static const char *const rows[][2] = {
        {"return 42", "returned a number"},     {"return 'yes'", "returned \"yes\""},
        {"return {}", "returned a table"},      {"return true, 7", "a number as reason"},
        {"return node", "returned a userdata"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = fixture_new();
        MOON_AUTOFREE char *body = moon_asprintf("select = function(node) %s end", rows[i][0]);
        fixture_policy(f, body);
        assert_string_equal(ask_select(f, PLAIN_NODE), "undecided");
        assert_int_equal(f->last.fault, MOON_FAULT_SHAPE);
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s", f->last.text);
        }
        fixture_free(f);
    }
    (void)state;
}

/* The policy fails at one node of many in its own way; the others are decided. */
static void check_isolation(const char *failure, enum moon_policy_fault fault, unsigned reports)
{
    enum {
        NODES = 20
    };
    struct fixture *f = fixture_new();
    const struct moon_node *nodes[NODES];
    struct moon_decision decisions[NODES] = {0};
    MOON_AUTOFREE char *body =
        moon_asprintf("select = function(node) if node.name == 'n7' or node.name == 'n9' then %s "
                      "end return true, node.name end",
                      failure);

    if (fault == MOON_FAULT_BUDGET) {
        f->budget_scale = 1;
    }
    fixture_policy(f, body);
    for (int i = 0; i < NODES; i++) {
        MOON_AUTOFREE char *json = moon_asprintf(
            "{\"metadata\":{\"name\":\"n%d\",\"uid\":\"n%d\",\"resourceVersion\":\"1\"}}", i, i);
        nodes[i] = make_node(json);
    }
    moon_hook_select(f->chain, &f->view, nodes, NODES, decisions);
    for (int i = 0; i < NODES; i++) {
        bool bad = i == 7 || i == 9;
        assert_int_equal(decisions[i].placement,
                         bad ? MOON_PLACEMENT_UNDECIDED : MOON_PLACEMENT_RUN);
        if (!bad) {
            assert_string_equal(decisions[i].reason, nodes[i]->meta.name);
            assert_string_equal(decisions[i].policy, "test");
        }
        moon_decision_fini(&decisions[i]);
        moon_object_unref(&nodes[i]->meta);
    }
    assert_int_equal(f->last.fault, fault);
    assert_int_equal(f->reports, reports);
    assert_string_equal(f->last.set, "prod/agent");
    assert_string_equal(f->last.object, reports == 2 ? "node n9" : "node n7");
    fixture_free(f);
}

static void test_isolation(void **state MOON_UNUSED)
{
    check_isolation("error('no')", MOON_FAULT_RUNTIME, 2);
    check_isolation("return 5", MOON_FAULT_SHAPE, 2);
    /* A stop throws the state away; it is told once. */
    check_isolation("while true do end", MOON_FAULT_BUDGET, 1);
    check_isolation("local t = {} while true do t[#t + 1] = {} end", MOON_FAULT_MEMORY, 1);
}

static double select_calls(void)
{
    struct moon_metric *calls = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_calls_total",
        .help = "Calls of a policy's hook.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });

    return moon_metric_value(calls, MOON_LABELS("test", "select"));
}

/* When every node loops, the batch ends after its 50 ms and leaves the rest undecided. */
static void test_batch_budget(void **state)
{
    enum {
        NODES = 200
    };
    struct fixture *f = *state;
    const struct moon_node *nodes[NODES];
    struct moon_decision decisions[NODES] = {0};

    f->budget_scale = 1;
    fixture_policy(f, "select = function() while true do end end");
    const struct moon_node *node = make_node(PLAIN_NODE);
    for (int i = 0; i < NODES; i++) {
        nodes[i] = node;
    }
    moon_hook_select(f->chain, &f->view, nodes, NODES, decisions);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(decisions[i].placement, MOON_PLACEMENT_UNDECIDED);
        moon_decision_fini(&decisions[i]);
    }
    assert_int_equal(f->reports, 1);
    assert_true(select_calls() < 60);
    moon_object_unref(&node->meta);
}

/* Each node spends a state at once: a batch makes only so many new ones. */
static void test_states_of_a_batch_are_counted(void **state)
{
    enum {
        NODES = 200
    };
    struct fixture *f = *state;
    const struct moon_node *nodes[NODES];
    struct moon_decision decisions[NODES] = {0};

    fixture_policy(f, "select = function() local s = ('x'):rep(60000) return s .. s end");
    const struct moon_node *node = make_node(PLAIN_NODE);
    for (int i = 0; i < NODES; i++) {
        nodes[i] = node;
    }
    moon_hook_select(f->chain, &f->view, nodes, NODES, decisions);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(decisions[i].placement, MOON_PLACEMENT_UNDECIDED);
        moon_decision_fini(&decisions[i]);
    }
    assert_int_equal(f->reports, 1);
    assert_int_equal(f->last.fault, MOON_FAULT_MEMORY);
    assert_true(select_calls() <= 16);
    moon_object_unref(&node->meta);
}

static void test_stale_views(void **state)
{
    struct fixture *f = *state;

    f->no_memo = true; /* it is to be asked about the same node twice */
    fixture_policy(f, "select = (function() local kept return function(node)\n"
                      "  if kept then return true, kept.name end\n"
                      "  kept = node return true end end)()");
    assert_string_equal(ask_select(f, PLAIN_NODE), "run");
    assert_string_equal(ask_select(f, PLAIN_NODE), "undecided");
    assert_non_null(strstr(f->last.text, "stale view"));
}

/* ---- update ---- */

static void test_stock_rolling(void **state)
{
    /* max_unavailable, max_surge, slots n1…, expected */
    static const struct {
        int max_unavailable;
        int max_surge;
        const char *slots[6];
        const char *expected;
    } rows[] = {
        {1, 0, {"O", "O", "O"}, "replace n1"},
        {2, 0, {"O", "O", "O"}, "replace n1, replace n2"},
        {1, 0, {"N", "N", "N"}, ""},
        {1, 0, {"-", "O", "O"}, ""},           /* a missing pod counts */
        {1, 0, {"d", "O", "O"}, ""},           /* a terminating one, too */
        {2, 0, {"n", "O", "O"}, "replace n2"}, /* a new one that is not available */
        {1, 0, {"n", "O", "O"}, ""},
        {1, 0, {"o", "O", "o"}, "replace n1, replace n3"}, /* unavailable ones are free */
        {3, 0, {"o", "O", "O"}, "replace n1, replace n2, replace n3"},
        {2, 0, {"O!", "O", "O"}, "replace n2"},  /* excess counts, and is left alone */
        {2, 0, {"ON", "O", "O"}, "replace n2"},  /* so do two pods on a node */
        {1, 0, {"Ox", "O", "O"}, "replace n2"},  /* a node that wants none is not rolled */
        {2, 0, {"Oh", "O", "oh"}, "replace n2"}, /* nor one whose pod stays as it is for now */
        {0, 1, {"Oh", "O", "O"}, "surge n2"},
        {5, 0, {"Ox", "N", "N"}, ""},
        {0, 1, {"O", "O", "O"}, "surge n1"},
        {0, 2, {"O", "O", "O"}, "surge n1, surge n2"},
        {0, 1, {"On", "O", "O"}, ""}, /* one surging */
        {0, 1, {"ON", "O", "O"}, "delete n1, surge n2"},
        {0, 1, {"rn", "O", "O"}, ""}, /* ready is enough to stay */
        {0, 1, {"on", "O", "O"}, "delete n1"},
        {0, 1, {"o", "o", "O"}, "surge n1, surge n2, surge n3"}, /* unavailable: no budget */
        {0, 1, {"O!", "O", "O"}, ""},                            /* excess counts as surging */
        {0, 1, {"-", "O", "N"}, "surge n2"},
        {0, 1, {"ox", "N", "N"}, "delete n1"},
        {0, 1, {"Ox", "N", "N"}, "delete n1"}, /* sunset: 3 available, 2 desired */
        {0, 1, {"Ox", "n", "N"}, ""},          /* 2 available, 2 desired */
        {0, 1, {"Ox", "Ox", "N", "n"}, "delete n1"},
        {0, 0, {"O", "O"}, ""},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = fixture_new();
        fixture_load(f);
        fixture_set(f, "{}", "{}");
        fixture_chain(f, NULL, NULL, "update/rolling");
        for (int n = 0; n < 6 && rows[i].slots[n] != NULL; n++) {
            char name[8];
            (void)snprintf(name, sizeof(name), "n%d", n + 1);
            fixture_slot(f, name, rows[i].slots[n]);
        }
        const char *text = ask_update(f, rows[i].max_unavailable, rows[i].max_surge);
        if (strcmp(text, rows[i].expected) != 0) {
            fail_msg("row %zu: \"%s\", not \"%s\" (%s)", i, text, rows[i].expected, f->last.text);
        }
        assert_string_equal(f->answer.policy, "update/rolling");
        fixture_free(f);
    }
    (void)state;
}

static void test_on_delete(void **state)
{
    struct fixture *f = *state;

    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, NULL, NULL, "update/on-delete");
    fixture_slot(f, "n1", "o");
    assert_string_equal(ask_update(f, 1, 0), "");
    fixture_chain(f, NULL, NULL, NULL);
    assert_string_equal(ask_update(f, 1, 0), "");
    assert_null(f->answer.policy);
}

static const char *roll_with(struct fixture *f, const char *body, int max_unavailable,
                             int max_surge)
{
    MOON_AUTOFREE char *policy = moon_asprintf("update = function(roll, set) %s end", body);

    fixture_policy(f, policy);
    fixture_slot(f, "n1", "O");
    fixture_slot(f, "n2", "O");
    fixture_slot(f, "n3", "o");
    fixture_slot(f, "n4", "N");
    return ask_update(f, max_unavailable, max_surge);
}

static void test_records_are_checked(void **state)
{
    static const char *const rows[][2] = {
        {"roll:replace('n1', 'x')", "wants a pod or node"},
        {"for p in roll:updated {} do roll:replace(p, 'x') end", "only outdated pods"},
        {"for p in roll:outdated {} do roll:replace(p, 'x') roll:replace(p, 'x') end",
         "has an action already"},
        {"for p in roll:outdated {} do roll:replace(p) end", "wants a reason"},
        {"for p in roll:outdated {} do roll:delete(p, 'x') end", "without a pod"},
        {"for p in roll:outdated {} do roll:surge(p, 'x') end", "maxSurge is 0"},
        {"roll:again(0, 'x')", "seconds"},
        {"for p in roll:outdated { availabel = true } do end", "did you mean 'available'"},
        {"for p in roll:outdated { order = 'size' } do end", "filter 'order'"},
        {"roll.left = 3", "read-only"},
        {"return roll.lefft", "did you mean 'left'"},
        {"local p = roll:outdated {}() p.name = 1", "read-only"},
        {"roll:count { state = 'old' }", "invalid option"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct fixture *f = fixture_new();
        assert_string_equal(roll_with(f, rows[i][0], 3, 0), "failed ");
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
        assert_non_null(strstr(f->last.text, "test.lua:1:"));
        fixture_free(f);
    }
    (void)state;
}

static void test_budget_is_kept(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        roll_with(f, "for p in roll:outdated {} do roll:replace(p, 'all at once') end", 2, 0),
        "replace n1, replace n3 clipped 1");
    fixture_set(f, "{}", "{\"moonset.dev/budget-owner\":\"policy\"}");
    assert_string_equal(ask_update(f, 2, 0), "replace n1, replace n2, replace n3");
}

static void test_surge_budget_is_kept(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        roll_with(f, "for p in roll:outdated {} do roll:surge(p.node, 'all at once') end", 0, 1),
        "surge n1, surge n3 clipped 1");
    assert_string_equal(f->answer.actions[0].reason, "all at once");
}

static const char *only_n2(const struct moon_roll_slot *slot)
{
    return strcmp(slot->node_name, "n1") == 0 ? "more than images" : NULL;
}

/* A new image restarts what serves: it is a disruption as any other. */
static void test_images_in_place(void **state)
{
    static const char each[] = "for p in roll:outdated {} do\n"
                               "local ok, why = roll:patch_image(p, 'in place')\n"
                               "if not ok then roll:again(9, why) end end";
    struct fixture *f = *state;

    assert_string_equal(roll_with(f, each, 2, 0), "");
    assert_string_equal(f->answer.again_reason, "nobody can do that here");
    f->roll.unpatchable = only_n2;
    assert_string_equal(ask_update(f, 2, 0), "patch_image n2, patch_image n3");
    assert_string_equal(f->answer.again_reason, "more than images");
    assert_string_equal(f->answer.actions[0].reason, "in place");
    assert_string_equal(ask_update(f, 1, 0), "patch_image n3 clipped 1");
    f->slots[2].held = true;
    assert_string_equal(ask_update(f, 2, 0), "patch_image n2");
    f->slots[2].held = false;
    f->slots[1].wanted = false;
    assert_string_equal(ask_update(f, 2, 0), "patch_image n3");
    (void)roll_with(f, "for p in roll:updated {} do roll:patch_image(p, 'x') end", 2, 0);
    assert_non_null(strstr(f->last.text, "roll:patch_image: only outdated pods are updated"));
}

/* What was recorded before the failure does not happen. */
static void test_a_failed_update_does_nothing(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        roll_with(f,
                  "for p in roll:outdated {} do roll:replace(p, 'x') roll:again(3600, 'soak') "
                  "error('late') end",
                  3, 0),
        "failed ");
    assert_int_equal(f->answer.count, 0);
    assert_int_equal(f->answer.again_s, 0); /* what it wished is no more than what it recorded */
    assert_null(f->answer.again_reason);
    assert_string_equal(f->last.hook, "update");
}

static void test_roll_views(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        roll_with(
            f,
            "local out = {}\n"
            "local function add(...) out[#out + 1] = table.concat({ ... }, ' ') end\n"
            "add(roll.now, roll.max_unavailable, roll.left, roll.desired, roll.available)\n"
            "local c = roll.counts\n"
            "add(c.desired, c.current, c.ready, c.updated, c.outdated, c.missing)\n"
            "for p in roll:outdated { order = { 'zone', 'name' } } do add(p.node.zone, p.name) "
            "end\n"
            "for p in roll:outdated { order = 'age' } do add(p.node_name) end\n"
            "for p in roll:outdated { zone = 'z1', limit = 1 } do add(p.name, p.revision) end\n"
            "for p in roll:outdated { selector = 'kubernetes.io/hostname in (n2,n3)' } do "
            "add(p.name) end\n"
            "for p in roll:updated {} do add(p.name, tostring(p.available), tostring(p.partner)) "
            "end\n"
            "for z, n in pairs(roll:count { state = 'outdated', by = 'zone' }) do add(z, n) end\n"
            "add(roll:count { state = 'updated' })\n"
            "error(table.concat(out, '|'), 0)",
            3, 0),
        "failed ");
    assert_string_equal(f->last.text,
                        "1000 3 2 4 3|4 4 3 1 3 0|z0 n2-old|z1 n1-old|z1 n3-old|n1|n3|n2|"
                        "n1-old old|n2-old|n3-old|n4-new true nil|z0 1|z1 2|1");
}

/* A walk in another order gives the first of all that match, whatever the limit. */
static void test_sorted_walks(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"f", "c", "a", "e", "b", "d", "g"};
    static const char *const first[] = {"", "a", "a, replace b", "a, replace b, replace c"};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        fixture_slot(f, names[i], "O");
    }
    for (size_t limit = 0; limit < MOON_ARRAY_SIZE(first); limit++) {
        MOON_AUTOFREE char *body = moon_asprintf(
            "update = function(roll) for pod in roll:outdated { order = 'name', limit = %zu } do "
            "roll:replace(pod, 'x') end end",
            limit);
        MOON_AUTOFREE char *want = moon_asprintf("%s%s", limit > 0 ? "replace " : "", first[limit]);
        fixture_policy(f, body);
        assert_string_equal(ask_update(f, 10, 0), want);
    }
    fixture_policy(f, "update = function(roll) for pod in roll:outdated { order = { 'zone', 'name' "
                      "} } do roll:replace(pod, 'x') end end");
    assert_string_equal(ask_update(f, 10, 0),
                        "replace b, replace d, replace f, replace a, replace c, replace e, "
                        "replace g");
    fixture_policy(f,
                   "update = function(roll) for pod in roll:outdated { order = 'rank', limit = 2 "
                   "} do roll:replace(pod, 'x') end end");
    assert_string_equal(ask_update(f, 10, 0), "replace f, replace c");
    assert_int_equal(f->reports, 0);
}

/* What a script does to the table in the meantime is no matter. */
static void test_filters_are_read_once(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        roll_with(f,
                  "local zone = ('z'):rep(100)\n"
                  "local function litter()\n"
                  "  for i = 1, 40 do local t = {} for k = 1, 2000 do t[k] = zone .. k end end\n"
                  "end\n"
                  "local filter = { zone = zone .. 'a' }\n"
                  "local walk = roll:outdated(filter)\n"
                  "filter.zone = nil\n"
                  "litter()\n"
                  "for pod in walk do roll:replace(pod, 'x') end\n"
                  "filter = setmetatable({ zone = zone .. 'b', state = 'outdated' },\n"
                  "  { __index = function(t) t.zone = nil litter() end })\n"
                  "roll:again(1 + roll:count(filter), 'x')",
                  3, 0),
        "");
    assert_int_equal(f->answer.again_s, 1);
    assert_int_equal(f->reports, 0);
}

/* An iterator of an earlier call is as stale as a view. */
static void test_stale_walks(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "update = (function() local walk return function(roll)\n"
                      "  if walk then walk() end walk = roll:outdated {} end end)()");
    fixture_slot(f, "n1", "O");
    assert_string_equal(ask_update(f, 1, 0), "");
    assert_string_equal(ask_update(f, 1, 0), "failed ");
    assert_non_null(strstr(f->last.text, "stale view"));
}

static void test_again(void **state)
{
    struct fixture *f = *state;

    (void)roll_with(f, "roll:again(60, 'soak') roll:again(30, 'sooner') roll:again(90, 'later')", 1,
                    0);
    assert_int_equal(f->answer.again_s, 30);
    assert_string_equal(f->answer.again_reason, "sooner");
    assert_false(f->answer.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stock_select),
        TEST(test_stock_tolerations),
        TEST(test_own_tolerations),
        TEST(test_replaced_tolerations),
        TEST(test_wrong_tolerations),
        TEST(test_most_restrictive_wins),
        TEST(test_replaces),
        TEST(test_wrong_answers),
        TEST(test_isolation),
        TEST(test_batch_budget),
        TEST(test_states_of_a_batch_are_counted),
        TEST(test_stale_views),
        TEST(test_stock_rolling),
        TEST(test_on_delete),
        TEST(test_records_are_checked),
        TEST(test_budget_is_kept),
        TEST(test_images_in_place),
        TEST(test_surge_budget_is_kept),
        TEST(test_a_failed_update_does_nothing),
        TEST(test_roll_views),
        TEST(test_sorted_walks),
        TEST(test_filters_are_read_once),
        TEST(test_stale_walks),
        TEST(test_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
