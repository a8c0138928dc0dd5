/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

static const char node_json[] =
    "{\"metadata\":{\"name\":\"n1\",\"uid\":\"un1\",\"resourceVersion\":\"1\","
    "\"creationTimestamp\":\"2026-01-01T00:00:00Z\","
    "\"labels\":{\"b\":\"2\",\"a\":\"1\",\"kubernetes.io/arch\":\"amd64\","
    "\"topology.kubernetes.io/zone\":\"z1\",\"topology.kubernetes.io/region\":\"r1\"},"
    "\"annotations\":{\"note\":\"hello\"}},"
    "\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":\"t1\",\"value\":\"v\",\"effect\":"
    "\"NoSchedule\"},{\"key\":\"t2\",\"effect\":\"PreferNoSchedule\"}]},"
    "\"status\":{\"capacity\":{\"cpu\":\"4\",\"memory\":\"8Gi\"},\"allocatable\":{\"cpu\":"
    "\"3500m\"},"
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"KubeletReady\","
    "\"lastTransitionTime\":\"2026-01-01T00:00:10Z\"},"
    "{\"type\":\"DiskPressure\",\"status\":\"False\"}],"
    "\"nodeInfo\":{\"architecture\":\"amd64\",\"operatingSystem\":\"linux\","
    "\"kubeletVersion\":\"v1.30.2\"}}}";

static const char pod_spec[] =
    "{\"hostNetwork\":true,\"nodeSelector\":{\"a\":\"1\"},"
    "\"tolerations\":[{\"key\":\"t1\",\"operator\":\"Exists\"},"
    "{\"key\":\"x\",\"value\":\"y\",\"effect\":\"NoExecute\",\"tolerationSeconds\":9}]}";

/* What `body` makes of node and set: its text, or the failure's. */
static const char *look(const char *body)
{
    static char text[1200];
    struct fixture *f = fixture_new();
    MOON_AUTOFREE char *policy =
        moon_asprintf("return { api = 1, replaces = { 'select' },\n select = function(node, set)\n"
                      "  local function eval() %s end\n  return true, tostring(eval())\n end }",
                      body);

    fixture_write(f, "test", policy);
    fixture_load(f);
    fixture_set(f, pod_spec, "{\"moonset.dev/policies\":\"test\"}");
    fixture_chain(f, "test", NULL, NULL);
    const char *answer = ask_select(f, node_json);
    (void)snprintf(text, sizeof(text), "%s", f->reports > 0 ? f->last.text : answer);
    fixture_free(f);
    return text;
}

#define assert_look(expression, expected)                                                          \
    assert_string_equal(look("return " expression), "run: " expected)
#define assert_look_fails(body, part)                                                              \
    do {                                                                                           \
        const char *text_ = look(body);                                                            \
        if (strstr(text_, (part)) == NULL) {                                                       \
            fail_msg("%s\n  gave: %s\n  not:  %s", body, text_, part);                             \
        }                                                                                          \
    } while (0)

static void test_node(void **state MOON_UNUSED)
{
    assert_look("node.name .. node.uid", "n1un1");
    assert_look("node.labels.a .. node.labels['b']", "12");
    assert_look("node.labels.none", "nil");
    assert_look("node.annotations.note", "hello");
    assert_look("node.unschedulable", "true");
    assert_look("node.ready", "true");
    assert_look("node.deleting", "false");
    assert_look("node.created", "1767225600");
    assert_look("node.zone .. node.region", "z1r1");
    assert_look("node.arch .. node.os .. node.kubelet", "amd64linuxv1.30.2");
    assert_look("node", "node n1");
}

static void test_lists(void **state MOON_UNUSED)
{
    assert_look("#node.taints", "2");
    assert_look("node.taints[1].key .. node.taints[1].value .. node.taints[1].effect",
                "t1vNoSchedule");
    assert_look("node.taints[3]", "nil");
    assert_look("node.taints[2].value", "");
    assert_string_equal(look("local s = '' for i, t in ipairs(node.taints) do s = s .. i .. t.key "
                             "end for i, t in pairs(node.taints) do s = s .. i .. t.key end "
                             "return s"),
                        "run: 1t12t21t12t2");
    assert_string_equal(
        look("local s = '' for k, v in pairs(node.labels) do s = s .. k .. v .. ' ' "
             "end return s .. #node.labels"),
        "run: a1 b2 kubernetes.io/archamd64 topology.kubernetes.io/regionr1 "
        "topology.kubernetes.io/zonez1 5");
    assert_look("next(node.annotations)", "note");
    assert_look("node.taints == node.taints", "true");
    assert_look("({ [node] = 'me' })[node]", "me");
}

static void test_conditions_and_amounts(void **state MOON_UNUSED)
{
    assert_look("node.conditions.Ready.status .. node.conditions.Ready.reason", "TrueKubeletReady");
    assert_look("node.conditions.Ready.since", "1767225610");
    assert_look("node.conditions.DiskPressure.status", "False");
    assert_look("node.conditions.Nothing", "nil");
    assert_look("node.capacity.cpu - node.allocatable.cpu", "500m");
    assert_look("node.capacity.memory > moonset.quantity('7Gi')", "true");
    assert_look("node.capacity['nvidia.com/gpu']", "nil");
    assert_string_equal(
        look("local s = '' for k, v in pairs(node.capacity) do s = s .. k .. '=' .. "
             "tostring(v) .. ' ' end return s"),
        "run: cpu=4 memory=8Gi ");
}

static void test_set(void **state MOON_UNUSED)
{
    assert_look("set.kind .. set.namespace .. set.name .. set.uid", "DaemonSetprodagentu1");
    assert_look("set.generation", "3");
    assert_look("set.labels.team", "ops");
    assert_look("set.annotations['moonset.dev/policies']", "test");
    assert_look("set.template.labels.app", "agent");
    assert_look("set.template.host_network", "true");
    assert_look("set.template.node_name", "nil");
    assert_look("set.node_selector.a", "1");
    assert_look("set.selector", "app=agent");
    assert_look("set.selector:matches(node)", "false");
    assert_look("#set.tolerations", "2");
    assert_look("set.tolerations[2].seconds", "9");
    assert_look("set.tolerations[1].operator .. set.tolerations[2].effect", "ExistsNoExecute");
    assert_look("set.strategy", "RollingUpdate");
    assert_look("set.min_ready_seconds", "5");
    assert_look("set.desired", "3");
    assert_look("set.revision", "new");
}

static void test_mistakes(void **state MOON_UNUSED)
{
    assert_look_fails("return node.lables",
                      "a node has no field 'lables' (did you mean 'labels'?)");
    assert_look_fails("return set.clock", "a set has no field 'clock'");
    assert_look_fails("node.name = 'x'", "a node is read-only");
    assert_look_fails("node.labels.a = 'x'", "read-only");
    assert_look_fails("return node[1]", "no field that is a number");
    assert_look_fails("return node.labels[1]", "looked up by their name");
    assert_look_fails("return node.taints.key", "has entries 1, 2");
    assert_look_fails("return #node", "a node is no list");
    assert_look_fails("return node < set", "attempt to compare");
    assert_look_fails("table.insert(node.taints, 1)", "table expected");
    assert_look_fails("return getmetatable(node).x", "attempt to index a nil");
    assert_look_fails("setmetatable(node, {})", "table expected");
    assert_look_fails("return moonset.affinity_matches(node, set)", "set expected, got node");
    assert_look_fails("return moonset.affinity_matches('x', node)", "set expected, got string");
}

static void test_kubernetes_rules(void **state MOON_UNUSED)
{
    assert_look("moonset.affinity_matches(set, node)", "true");
    assert_look("moonset.selector('a=1,!c'):matches(node)", "true");
    assert_look("moonset.selector('a in (2,3)'):matches(node.labels)", "false");
    assert_look("moonset.selector('team=ops'):matches(set)", "true");
    assert_look_fails("return moonset.selector('a==='):matches(node)", "selector:");
    assert_look("moonset.tolerated(node.taints[1], set.tolerations)", "true");
    assert_look("moonset.tolerated(node.taints[2], set.tolerations)", "false");
    assert_look("moonset.tolerated(node.taints[2], { { key = 't2', operator = 'Exists' } })",
                "true");
    assert_look("moonset.untolerated(node, set.tolerations)", "nil");
    assert_look("moonset.untolerated(node, {}).key", "t1");
    assert_look("moonset.untolerated(node, {}, 'PreferNoSchedule').key", "t2");
    assert_look("moonset.untolerated(node, {}, { 'NoExecute' })", "nil");
    assert_look_fails("return moonset.untolerated(node, {}, 'Never')", "an effect is");
    assert_look_fails("return moonset.untolerated(node, { { key = 1 } })", "'key' is a number");
}

static void test_many_selectors_are_refused(void **state MOON_UNUSED)
{
    assert_look_fails("for i = 1, 1000 do moonset.selector('a=' .. i) end", "more than 256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_conditions_and_amounts),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_kubernetes_rules),
        cmocka_unit_test(test_many_selectors_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
