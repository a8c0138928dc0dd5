/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading scenarios: what is understood, and what is said of what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/scenario_priv.h"

static struct moon_scenario *parse(const char *text, struct moon_err *err)
{
    return moon_scenario_parse(moon_str(text), "f.yaml", MOON_TEST_DATA "/scenario", err);
}

static struct moon_scenario *must_parse(const char *text)
{
    struct moon_err err;
    struct moon_scenario *s = parse(text, &err);
    if (s == NULL) {
        fail_msg("%s\n%s", text, err.text);
    }
    return s;
}

#define OBJECT "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}}"

/* ---- what is wrong ---- */

static const struct {
    const char *text;
    const char *error;
} bad[] = {
    /* the document */
    {"steps: [", "f.yaml:2:1: did not find expected node content while parsing a flow node"},
    {"", "f.yaml: must be a map"},
    {"- a\n", "f.yaml:1: must be a map"},
    {"name: a\n", "f.yaml:1: steps is missing"},
    {"step: []\n", "f.yaml:1: step: there is no such key here (did you mean \"steps\"?)"},
    {"name: 5\nsteps: []\n", "f.yaml:1: name: must be a text (in quotes if it looks like a number "
                             "or like true or false)"},
    {"clock: reel\nsteps: []\n",
     "f.yaml:1: clock: \"reel\" is none of: virtual, real (did you mean \"real\"?)"},
    {"seed: -1\nsteps: []\n", "f.yaml:1: seed: must be a number from 0 on"},
    {"steps: {}\n", "f.yaml:1: steps: must be a list"},
    /* nodes */
    {"nodes: -1\nsteps: []\n", "f.yaml:1: nodes: must be a number from 0 to 100000, or a list of "
                               "nodes"},
    {"nodes:\n- Node_1\nsteps: []\n", "f.yaml:2: nodes[0]: \"Node_1\" is not a name"},
    {"nodes:\n- labels: {a: b}\nsteps: []\n",
     "f.yaml:2: nodes[0]: needs a name, or a count and a prefix"},
    {"nodes:\n- name: a\n  labels:\n    zone: 1\nsteps: []\n",
     "f.yaml:4: nodes[0].labels.zone: must be a text (in quotes if it looks like a number or like "
     "true or false), or null to remove it"},
    {"nodes:\n- {count: 2, prefix: A-}\nsteps: []\n",
     "f.yaml:2: nodes[0]: \"A-1\" is not a node's name"},
    {"nodes:\n- {name: a, taint: []}\nsteps: []\n",
     "f.yaml:2: nodes[0].taint: there is no such key here (did you mean \"taints\"?)"},
    /* kubelets and controller */
    {"kubelets: {redy-delay: 1s}\nsteps: []\n",
     "f.yaml:1: kubelets.redy-delay: there is no such time (did you mean \"ready-delay\"?)"},
    {"kubelets: {ready-delay: soon}\nsteps: []\n",
     "f.yaml:1: kubelets.ready-delay: \"soon\" is not a time (10s, 300ms, 1m30s)"},
    {"controller: no\nsteps: []\n",
     "f.yaml:1: controller: must be none, or a map of the flags of `moonset run`"},
    {"controller:\n  placement: here\nsteps: []\n",
     "f.yaml:2: controller.placement: placement: \"here\" is none of affinity, direct"},
    {"controller:\n  policydir: here\nsteps: []\n",
     "f.yaml:2: controller.policydir: policydir: there is no setting \"policydir\""},
    {"controller: {kubeconfig: x}\nsteps: []\n",
     "f.yaml:1: controller.kubeconfig: the controller works on the simulated API server"},
    /* always */
    {"always: [duoble]\nsteps: []\n",
     "f.yaml:1: always: there is no rule \"duoble\" (did you mean \"double\"?)"},
    {"always: {but: [noise]}\nsteps: []\n",
     "f.yaml:1: always: must be all, none, a list of rules, or {except: a list}"},
    /* steps */
    {"steps:\n- settled\n", "f.yaml:2: steps[0]: must be a map: an action, and `at` or `after`"},
    {"steps:\n- at: 5s\n", "f.yaml:2: steps[0]: has no action"},
    {"steps:\n- pas: 5s\n",
     "f.yaml:2: steps[0].pas: there is no such action (did you mean \"pass\"?)"},
    {"steps:\n- pass: 5s\n  cordon: node-1\n",
     "f.yaml:3: steps[0].cordon: a step has one action, and this one has pass"},
    {"steps:\n- {at: 5s, after: 1s, pass: 1s}\n", "f.yaml:2: steps[0]: has both `at` and `after`"},
    {"steps:\n- {at: 5s, pass: 1s}\n- {pass: 1s}\n- {at: 4s, pass: 1s}\n",
     "f.yaml:4: steps[2]: `at` is before that of an earlier step"},
    {"steps:\n- sleep: long\n", "f.yaml:2: steps[0].sleep: must be a time (10s, 300ms, 1m30s)"},
    {"steps:\n- pass: 5\n", "f.yaml:2: steps[0].pass: must be a time (10s, 300ms, 1m30s)"},
    {"steps:\n- clock: {jump: soon}\n",
     "f.yaml:2: steps[0].clock.jump: must be a time that may be negative (-1h, 90s)"},
    {"steps:\n- server: reboot\n",
     "f.yaml:2: steps[0].server: \"reboot\" is none of: restart, compact"},
    {"steps:\n- controller: kil\n", "f.yaml:2: steps[0].controller: \"kil\" is none of: kill, "
                                    "start, stop, restart (did you mean \"kill\"?)"},
    /* objects */
    {"steps:\n- apply: {kind: DaemonSet}\n",
     "f.yaml:2: steps[0].apply: no object: apiVersion or kind is missing"},
    {"steps:\n- apply: {apiVersion: apps/v1, kind: DaemonSet, metadata: {}}\n",
     "f.yaml:2: steps[0].apply: DaemonSet: metadata.name is missing"},
    {"steps:\n- apply:\n  - {apiVersion: v1, kind: DaemonSet, metadata: {name: a}}\n",
     "f.yaml:3: steps[0].apply[0]: there is no kind DaemonSet in v1 (did you mean "
     "\"daemonset\"?)"},
    {"steps:\n- apply: nowhere.yaml\n",
     "f.yaml:2: steps[0].apply: read " MOON_TEST_DATA "/scenario/nowhere.yaml: no such file"},
    {"steps:\n- patch: {object: daemonset/agent}\n",
     "f.yaml:2: steps[0].patch: needs one of merge, strategic and json"},
    {"steps:\n- patch: {object: agent, merge: {}}\n",
     "f.yaml:2: steps[0].patch.object: \"agent\" is not of the form kind/name"},
    {"steps:\n- patch: {object: deamonset/agent, merge: {}}\n",
     "f.yaml:2: steps[0].patch.object: there is no kind \"deamonset\" (did you mean "
     "\"daemonset\"?)"},
    {"steps:\n- set-image: {object: node/a, image: b}\n",
     "f.yaml:2: steps[0].set-image: only a DaemonSet's image can be set"},
    {"steps:\n- label: {set: {a: b}}\n",
     "f.yaml:2: steps[0].label: needs one of object and objects"},
    {"steps:\n- label: {object: node/a, selector: a=b, set: {a: b}}\n",
     "f.yaml:2: steps[0].label: a selector goes with objects, not with object"},
    {"steps:\n- delete: {objects: pods, selector: 'a in b'}\n",
     "f.yaml:2: steps[0].delete.selector: "},
    {"steps:\n- delete: {object: ds/a, propagation: orphans}\n",
     "f.yaml:2: steps[0].delete.propagation: \"orphans\" is none of: background, foreground, "
     "orphan (did you mean \"orphan\"?)"},
    /* nodes, pods, images */
    {"steps:\n- cordon: []\n", "f.yaml:2: steps[0].cordon: names no node"},
    {"steps:\n- cordon: [a, 'b=c']\n", "f.yaml:2: steps[0].cordon: \"b=c\" is not a node's name"},
    {"steps:\n- taint: {nodes: a, taints: a=b}\n",
     "f.yaml:2: steps[0].taint: \"a=b\" is no taint (key=value:NoSchedule, and with - at its end "
     "to take it off)"},
    {"steps:\n- node: {down: a, up: b}\n",
     "f.yaml:2: steps[0].node: needs one of join, leave, down and up"},
    {"steps:\n- pods: {selector: a=b}\n",
     "f.yaml:2: steps[0].pods: needs an outcome or ready-after"},
    {"steps:\n- pods: {outcome: crash, reason: x}\n",
     "f.yaml:2: steps[0].pods: a reason goes with outcome: failed"},
    {"steps:\n- image: {}\n", "f.yaml:2: steps[0].image: needs one of broken and mended"},
    /* faults */
    {"steps:\n- fault: {fault: cut-befor}\n",
     "f.yaml:2: steps[0].fault.fault: there is no fault \"cut-befor\" (did you mean "
     "\"cut-before\"?)"},
    {"steps:\n- fault: {fault: status, code: 418}\n",
     "f.yaml:2: steps[0].fault: status needs a code: 401, 403, 404, 409, 410, 422, 429, 500, 503 "
     "or 504"},
    {"steps:\n- fault: {fault: delay}\n", "f.yaml:2: steps[0].fault: delay is missing"},
    {"steps:\n- fault: {fault: silent, verb: list}\n",
     "f.yaml:2: steps[0].fault: \"silent\" strikes watches, so verb must be watch"},
    {"steps:\n- fault: {fault: cut-after, times: 0}\n",
     "f.yaml:2: steps[0].fault.times: must be a number from 1 on, or always"},
    /* conditions */
    {"steps:\n- wait: {within: 5s}\n", "f.yaml:2: steps[0].wait: waits for nothing"},
    {"steps:\n- wait: {setled: true}\n",
     "f.yaml:2: steps[0].wait.setled: there is no such condition (did you mean \"settled\"?)"},
    {"steps:\n- wait: {settled: 5m}\n", "f.yaml:2: steps[0].wait.settled: must be true"},
    {"steps:\n- expect: {within: 5s}\n",
     "f.yaml:2: steps[0].expect.within: there is no such condition"},
    {"steps:\n- expect:\n    daemonset:\n      name: a\n      ready: 5\n",
     "f.yaml:5: steps[0].expect.daemonset.ready: there is no such key here"},
    {"steps:\n- expect:\n  - daemonset:\n    - {name: a, numberReady: five}\n",
     "f.yaml:4: steps[0].expect[0].daemonset[0].numberReady: must be a number or a comparison "
     "(\"<= 6\", \"> 0\")"},
    {"steps: []\nend: {calls: {creat pods: 1}}\n",
     "f.yaml:2: end.calls.creat pods: there is no verb \"creat\" (did you mean \"create\"?)"},
    {"steps: []\nend: {calls: {create pod: 1}}\n",
     "f.yaml:2: end.calls.create pod: must be a verb and a resource (\"create pods\")"},
    {"steps: []\nend: {settled: soon}\n",
     "f.yaml:2: end.settled: must be true, or how long nothing is written (10m)"},
    {"steps: []\nend: true\n", "f.yaml:2: end: must be a map of conditions, or a list of such"},
};

static void test_bad(MOON_UNUSED void **state)
{
    size_t wrong = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad); i++) {
        struct moon_err err = {.text = "none: it was read"};
        moon_scenario_free(parse(bad[i].text, &err));
        /* A row may give the beginning only, where the rest is somebody else's text. */
        if (strncmp(err.text, bad[i].error, strlen(bad[i].error)) != 0) {
            print_error("%sgot  %s\nwant %s\n", bad[i].text, err.text, bad[i].error);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- what is right ---- */

static void test_smallest(MOON_UNUSED void **state)
{
    MOON_CLEANUP(moon_scenario_free_ptr) struct moon_scenario *s = must_parse("steps: []\n");
    assert_string_equal(moon_scenario_name(s), "f.yaml");
    assert_true(moon_scenario_is_virtual(s));
    assert_int_equal(s->seed, 1);
    assert_int_equal(s->nodes.count, 1);
    assert_int_equal(s->nodes.items[0].count, 3);
    assert_string_equal(s->nodes.items[0].prefix, "node-");
    assert_true(s->options->with_controller);
    assert_int_equal(s->options->nodes, 0);
    for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
        assert_true(s->rules[i]);
    }
}

static void test_head(MOON_UNUSED void **state)
{
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s = must_parse("name: zones\n"
                                         "description: what it shows\n"
                                         "clock: real\n"
                                         "seed: 7\n"
                                         "nodes:\n"
                                         "- alone\n"
                                         "- {name: edge, labels: {zone: a}}\n"
                                         "- {count: 4, prefix: b-, labels: {zone: b}}\n"
                                         "kubelets: {ready-delay: 2s, heartbeat: 0}\n"
                                         "controller: {placement: direct}\n"
                                         "always: {except: [noise]}\n"
                                         "steps: []\n");
    assert_string_equal(moon_scenario_name(s), "zones");
    assert_false(moon_scenario_is_virtual(s));
    assert_int_equal(s->seed, 7);
    assert_int_equal(s->nodes.count, 3);
    assert_string_equal(s->nodes.items[0].name, "alone");
    assert_string_equal(moon_json_string(s->nodes.items[1].labels, "zone"), "a");
    assert_int_equal(s->nodes.items[2].count, 4);
    assert_int_equal(s->options->kubelet.ready_delay_ms, 2000);
    assert_int_equal(s->options->heartbeat_ms, 0);
    assert_string_equal(s->options->controller_argv[s->options->controller_argc - 1],
                        "--placement=direct");
    for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
        assert_int_equal(s->rules[i], strcmp(moon_scenario_rules[i], "noise") != 0);
    }
}

static void test_no_controller(MOON_UNUSED void **state)
{
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s = must_parse("controller: none\nalways: [double]\nsteps: []\n");
    assert_false(s->options->with_controller);
    assert_true(s->rules[0]);
    assert_false(s->rules[1]);
}

/* Each action in its forms; what it became is looked at in the rows below. */
static void test_steps(MOON_UNUSED void **state)
{
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s =
        must_parse("steps:\n"
                   "- apply: " OBJECT "\n"
                   "- apply: [" OBJECT ", two.yaml]\n"
                   "- {at: 10s, patch: {object: ds/agent, merge: {spec: {}}}}\n"
                   "- {after: 5s, set-image: {object: daemonset/agent, image: 'a:2'}}\n"
                   "- label: {objects: pods, selector: app=a, set: {x: null}}\n"
                   "- taint: {nodes: zone=a, taints: ['k=v:NoExecute', 'k:NoExecute-', k-]}\n"
                   "- cordon: node-1\n"
                   "- uncordon: [node-1, node-2]\n"
                   "- delete: daemonset/agent\n"
                   "- node: {join: [late]}\n"
                   "- node: {down: node-1}\n"
                   "- pods: {selector: app=a, outcome: failed, reason: Evicted}\n"
                   "- image: {broken: 'a:2'}\n"
                   "- fault: {fault: status, code: 429, retry-after: 2s, times: always}\n"
                   "- fault: cut-after\n"
                   "- fault: none\n"
                   "- server: compact\n"
                   "- controller: kill\n"
                   "- clock: -1h\n"
                   "- pass: 10m\n"
                   "- wait: settled\n"
                   "- wait: {settled: true, within: 30s}\n"
                   "- expect: {pods: {phase: Running, count: '<= 3'}}\n");
    const struct moon_scenario_step *step = s->steps;
    assert_int_equal(step[0].line, 2);
    assert_int_equal(step[0].args.object_count, 1);
    assert_int_equal(step[1].args.object_count, 3);
    assert_true(step[2].has_at);
    assert_int_equal(step[2].at_ms, 10000);
    assert_string_equal(step[2].args.target.resource->plural, "daemonsets");
    assert_string_equal(step[2].args.target.name, "agent");
    assert_int_equal(step[3].after_ms, 5000);
    assert_string_equal(step[3].args.image, "a:2");
    assert_non_null(step[4].args.target.selector);
    assert_non_null(step[5].args.nodes.selector);
    assert_int_equal(step[5].args.taint_count, 3);
    assert_false(step[5].args.taints[0].is_removal);
    assert_string_equal(step[5].args.taints[0].value, "v");
    assert_true(step[5].args.taints[1].is_removal);
    assert_string_equal(step[5].args.taints[1].effect, "NoExecute");
    assert_null(step[5].args.taints[2].effect);
    assert_int_equal(step[7].args.nodes.names.count, 2);
    assert_string_equal(step[7].args.nodes.text, "node-1, node-2");
    assert_int_equal(step[8].args.grace_s, UINT64_MAX);
    assert_string_equal(step[9].args.join.items[0].name, "late");
    assert_int_equal(step[13].args.fault.retry_after_s, 2);
    assert_true(step[13].args.fault.times == UINT64_MAX);
    assert_string_equal(step[13].args.fault.client, "moonset/");
    assert_int_equal(step[14].args.fault.fault, MOON_SIM_FAULT_CUT_AFTER);
    assert_true(step[15].args.clears_faults);
    assert_string_equal(step[17].args.verb, "kill");
    assert_int_equal(step[18].args.jump_ms, -3600000);
    assert_int_equal(step[19].args.time_ms, 600000);
    assert_int_equal(step[20].args.conditions.count, 1);
    assert_int_equal(step[21].args.time_ms, 30000);
    assert_int_equal(step[22].args.conditions.items[0].count.op, MOON_SCENARIO_LE);
    assert_int_equal(s->step_count, 23);
}

static void test_end(MOON_UNUSED void **state)
{
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *s =
        must_parse("steps: []\n"
                   "end:\n"
                   "- settled: 10m\n"
                   "- daemonset: [{name: a, numberReady: 5}, {name: b, exists: false}]\n"
                   "- event: {reason: SuccessfulCreate, object: ds/a, count: '>= 5'}\n"
                   "  objects: {kind: controllerrevisions, count: 2, where: {revision: 2}}\n"
                   "- calls: {create pods: 5, patch daemonsets/status: '<= 6'}\n");
    const struct moon_scenario_condition *c = s->end.items;
    assert_int_equal(s->end.count, 7);
    assert_int_equal(c[0].rest_ms, 600000);
    assert_int_equal(c[1].fields[4].value, 5);
    assert_string_equal(moon_scenario_ds_fields[4], "status.numberReady");
    assert_int_equal(c[2].exists, MOON_SCENARIO_NO);
    assert_string_equal(c[3].text, "event SuccessfulCreate");
    assert_int_equal(c[4].count.value, 2);
    assert_string_equal(c[5].verb, "create");
    assert_string_equal(c[6].resource, "daemonsets/status");
    assert_int_equal(c[6].count.op, MOON_SCENARIO_LE);
    assert_int_equal(c[6].line, 7);
}

static void test_compare(MOON_UNUSED void **state)
{
    static const struct {
        enum moon_scenario_op op;
        bool less; /* than the value */
        bool equal;
        bool more;
        const char *text;
    } rows[] = {
        {MOON_SCENARIO_ANY, true, true, true, ""},
        {MOON_SCENARIO_EQ, false, true, false, "5"},
        {MOON_SCENARIO_NE, true, false, true, "!= 5"},
        {MOON_SCENARIO_LT, true, false, false, "< 5"},
        {MOON_SCENARIO_LE, true, true, false, "<= 5"},
        {MOON_SCENARIO_GT, false, false, true, "> 5"},
        {MOON_SCENARIO_GE, false, true, true, ">= 5"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_scenario_compare c = {rows[i].op, 5};
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64);
        assert_int_equal(moon_scenario_compare_holds(c, 4), rows[i].less);
        assert_int_equal(moon_scenario_compare_holds(c, 5), rows[i].equal);
        assert_int_equal(moon_scenario_compare_holds(c, 6), rows[i].more);
        moon_scenario_compare_write(c, &text);
        assert_string_equal(moon_buf_cstr(&text), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_head),    cmocka_unit_test(test_no_controller),
        cmocka_unit_test(test_steps),   cmocka_unit_test(test_end),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
