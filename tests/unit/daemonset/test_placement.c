/* SPDX-License-Identifier: Apache-2.0
 *
 * test_placement.c - decisions: TestNodeShouldRunDaemonPod of the stock controller, and what
 * happens when policies cannot be used.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"

/* Nodes a policy has been asked about. */
static size_t asked;

void __wrap_moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_node *const *nodes, size_t count,
                             struct moon_decision *ret_decisions);
void __real_moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_node *const *nodes, size_t count,
                             struct moon_decision *ret_decisions);
void __wrap_moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_node *const *nodes, size_t count,
                             struct moon_decision *ret_decisions)
{
    asked += count;
    __real_moon_hook_select(chain, set, nodes, count, ret_decisions);
}

static void NodeShouldRunDaemonPod(void **state)
{
    static const struct {
        const char *members; /* of the template's spec */
        enum moon_placement wanted;
    } rows[] = {
        {"\"resources\":{\"requests\":{\"memory\":\"50M\",\"cpu\":\"0.5\"}},", MOON_PLACEMENT_RUN},
        {"\"resources\":{\"requests\":{\"memory\":\"200M\"}},", MOON_PLACEMENT_RUN},
        {"\"nodeName\":\"other-node\",", MOON_PLACEMENT_EVICT},
        {"\"nodeName\":\"test-node\",", MOON_PLACEMENT_RUN},
        {"\"hostPort\":666,", MOON_PLACEMENT_RUN},
        {"\"nodeSelector\":" L2 ",", MOON_PLACEMENT_EVICT},
        {"\"nodeSelector\":" L1 ",", MOON_PLACEMENT_RUN},
        {"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
         "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"type\",\"operator\":\"In\","
         "\"values\":[\"test\"]}]}]}}},",
         MOON_PLACEMENT_EVICT},
        {"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
         "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"type\",\"operator\":\"In\","
         "\"values\":[\"production\"]}]}]}}},",
         MOON_PLACEMENT_RUN},
        {"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
         "\"nodeSelectorTerms\":[]}}},",
         MOON_PLACEMENT_EVICT},
    };
    struct fixture *f = *state;
    add_node(f, "test-node", L1, NULL);
    (void)add_pod(f, (struct pod_opts){.node = "test-node", .owner = "foreign"});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *template = moon_asprintf(
            "{\"metadata\":{\"labels\":" L1 "},\"spec\":{%s\"containers\":[]}}", rows[i].members);
        put_set(f, (struct set_opts){.template = template});
        settle(f);
        const struct moon_ds_slot *slot =
            moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("test-node")));
        if (slot->decision.placement != rows[i].wanted) {
            fail_msg("%s: %s", rows[i].members, moon_placement_name(slot->decision.placement));
        }
    }
}

/* ---- policies of the user ---- */

static void UnknownPolicyLeavesTheSetAsItIs(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 3, NULL);
    settle(f);
    struct set_opts opts = f->opts;
    opts.annotations = MINE;
    opts.template = TEMPLATE("\"nodeSelector\":" N1 ",");
    advance_s(f, 10);
    change_set(f, opts);
    size_t told = 0;
    for (int i = 0; i < 5; i++) {
        struct counts c = sync_once(f);
        told += events_of(f, "PolicyNotFound");
        assert_int_equal(c.creates + c.deletes + c.revision_creates, 0);
        assert_true(c.requeue_ms > 0); /* no spinning */
        advance_s(f, 60);
    }
    assert_int_equal(told, 1);
    set_ready(f, pods_on(f, "node-0")[0], true);
    (void)sync_once(f);
    assert_int_equal(moon_json_int(f->status, "numberReady", -1), 1); /* counting goes on */
    opts.annotations = NULL;
    opts.template = NULL;
    change_set(f, opts);
    settle(f);
    assert_int_equal(pod_count(f), 3);
}

static void UnknownPolicyFromTheStart(void **state)
{
    struct fixture *f = *state;
    add_nodes(f, 0, 3, NULL);
    put_set(f, (struct set_opts){.annotations = MINE, .status = "\"numberReady\":3"});
    assert_int_equal(sync_once(f).writes, 1); /* of why */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sync_once(f).writes, 0);
    }
    /* no zeros over the numbers of others, either */
    assert_int_equal(moon_json_int(f->status, "numberReady", -1), 3);
    assert_null(strstr(moon_buf_cstr(&f->last_status), "numberReady"));
}

static void FailingHookKeepsThePreviousDecision(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, select = function(node)\n"
            "  if node.labels.bad then error('no') end\n"
            "  return true end }\n");
    add_set(f, (struct set_opts){.annotations = MINE});
    add_node(f, "good", NULL, NULL);
    add_node(f, "turns", NULL, NULL);
    add_node(f, "bad", "{\"bad\":\"x\"}", NULL);
    advance_s(f, 1);
    struct counts c = sync_once(f);
    assert_int_equal(c.creates, 2);
    /* one node is not decided: no numbers yet */
    assert_null(strstr(moon_buf_cstr(&f->last_status), "desiredNumberScheduled"));
    add_node(f, "turns", "{\"bad\":\"x\"}", NULL);
    c = sync_once(f);
    assert_int_equal(c.deletes, 0);
    assert_in_range(c.requeue_ms, 1, 30000); /* asked again by then */
    moon_loop_advance(f->loop, 30000);
    c = sync_once(f);
    assert_int_equal(c.creates + c.deletes, 0);
    assert_in_range(c.requeue_ms, 1, 30000);
    add_node(f, "bad", NULL, NULL);
    SYNC(1, 0, 0);
    settle(f);
    assert_int_equal(moon_json_int(f->status, "desiredNumberScheduled", -1), 3);
}

/* How often select hooks were asked so far, as /metrics says it. */
static long questions(void)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1024 * 1024);
    long sum = 0;

    moon_metrics_write(&text);
    for (const char *line = moon_buf_cstr(&text); line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "moonset_policy_calls_total{", 27) == 0 && strstr(line, "\"select\"")) {
            sum += strtol(strchr(line, '}') + 1, NULL, 10);
        }
    }
    return sum;
}

/* The node before had that name, not that decision's reasons. */
static void AnotherNodeOfANameIsNotDecided(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, select = function(node, set)\n"
                    "if node.labels.bad then error('bad node') end return true end }");
    remove_node(f, "node-1");
    add_node(f, "node-1", "{\"bad\":\"yes\"}", NULL);
    remove_pod(f, pods_on(f, "node-1")[0]);
    SYNC(0, 0, 1);
    assert_int_equal(set_of(f)->sums.undecided, 1);
    add_node(f, "node-1", NULL, NULL);
    SYNC(1, 0, 0);
}

static void UnansweredQuestionIsAskedAgain(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, select = function() error('no') end }\n");
    add_set(f, (struct set_opts){.annotations = MINE});
    add_node(f, "node", NULL, NULL);
    SYNC(0, 0, 1);
    long before = questions();
    SYNC(0, 0, 0);
    assert_int_equal(questions(), before); /* not all the time */
    moon_loop_advance(f->loop, 30000);
    SYNC(0, 0, 0);
    assert_true(questions() > before);
}

static void NewPolicyDecidesAgain(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, select = function(node) return node.name == 'node-0', 'one' end }");
    add_set(f, (struct set_opts){.annotations = MINE});
    add_nodes(f, 0, 3, NULL);
    SYNC(1, 0, 0);
    struct set_opts opts = f->opts;
    opts.annotations = NULL;
    change_set(f, opts);
    SYNC(2, 0, 0);
    opts.annotations = MINE;
    change_set(f, opts);
    SYNC(0, 2, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "one"));
}

static void WithoutAMemoryOfDecisionsAllIsTheSame(void **state)
{
    struct fixture *f = *state;
    f->config->policy_cache = false;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_nodes(f, 0, 5, NULL);
    add_pods(f, "node-1", L1, 3);
    SYNC(4, 2, 0);
    SYNC(0, 0, 0);
    add_node(f, "node-1", NULL, "[{\"key\":\"a\",\"effect\":\"NoExecute\"}]");
    SYNC(0, 1, 0);
    settle(f);
    asked = 0;
    assert_int_equal(sync_once(f).writes, 0);
    assert_int_equal(asked, 5);
}

static void OnlyWhatHasChangedIsAsked(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 100, NULL);
    asked = 0;
    SYNC(100, 0, 0);
    assert_int_equal(asked, 100);
    asked = 0;
    all_ready(f);
    settle(f);
    add_nodes(f, 0, 100, NULL); /* heartbeats */
    SYNC(0, 0, 0);
    assert_int_equal(asked, 0);
    add_nodes(f, 7, 1, N1); /* labels that no policy reads */
    SYNC(0, 0, 0);
    assert_int_equal(asked, 0);
    add_node(f, "node-7", N1, "[{\"key\":\"a\",\"effect\":\"PreferNoSchedule\"}]");
    SYNC(0, 0, 0);
    assert_int_equal(asked, 1);
    change_set(f, (struct set_opts){.history_limit = 7});
    SYNC(0, 0, 0);
    assert_int_equal(asked, 1);
    change_set(f, (struct set_opts){.history_limit = 7, .annotations = "\"a\":\"b\""});
    SYNC(0, 0, 0);
    assert_int_equal(asked, 101);
}

static void ask_explain(struct fixture *f, char out[1024])
{
    struct moon_err err;
    cJSON *answer = moon_ds_explain(moon_str(KEY), NULL, &f->ds, &err);
    char *text = cJSON_PrintUnformatted(moon_json_member(answer, "decisions"));

    (void)snprintf(out, 1024, "%s", text);
    cJSON_free(text);
    cJSON_Delete(answer);
}

static void LabelsThatNobodyReadsWakeNobody(void **state)
{
    struct fixture *f = *state;
    const struct moon_ds_slot *slot;
    char explained[1024];

    mine(f, "return { api = 1, select = function(node) return node.labels.color == 'red', 'red "
            "only' end }");
    add_set(f, (struct set_opts){.annotations = MINE, .strategy = ROLLING("1", "0")});
    add_node(f, "a", "{\"color\":\"red\"}", NULL);
    add_node(f, "b", "{\"color\":\"blue\"}", NULL);
    SYNC(1, 0, 0);
    settle(f);
    all_ready(f);
    settle(f);
    forget_woken(f);
    asked = 0;
    add_node(f, "a", "{\"color\":\"red\",\"speed\":\"fast\"}", NULL);
    assert_false(was_woken(f, KEY));
    slot = moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("a")));
    assert_non_null(moon_labels_get(&slot->node->meta.labels, "speed"));
    assert_ptr_equal(set_of(f)->roll[slot->index].node, slot->node);
    SYNC(0, 0, 0);
    assert_int_equal(asked, 0);
    ask_explain(f, explained);
    assert_non_null(strstr(explained, "mine, select: depends on label color; 0 of 2"));
    add_node(f, "a", "{\"color\":\"blue\",\"speed\":\"fast\"}", NULL);
    assert_true(was_woken(f, KEY));
    SYNC(0, 1, 0);
    assert_int_equal(asked, 1);
}

/* An update policy may look at any node: while there is one to do, nothing is passed over. */
static void NodesOfARollAreLookedAt(void **state)
{
    struct fixture *f = *state;

    running(f, 2, ROLLING("1", "0"));
    forget_woken(f);
    add_nodes(f, 0, 1, N1);
    assert_false(was_woken(f, KEY));
    advance_s(f, 10);
    new_template(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    SYNC(0, 1, 0);
    forget_woken(f);
    add_nodes(f, 0, 1, N2);
    assert_true(was_woken(f, KEY));
}

static void list(struct fixture *f, const char *what)
{
    struct moon_err err;

    cJSON_Delete(moon_ds_list(what, moon_str(KEY), &f->ds, &err));
}

static void ListingLeavesWhatIsToBeDecided(void **state)
{
    struct fixture *f = *state;

    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    list(f, "sets");
    SYNC(1, 0, 0);
    add_node(f, "node-0", NULL, "[{\"key\":\"a\",\"effect\":\"NoExecute\"}]");
    list(f, "nodes");
    SYNC(0, 1, 0);
}

static void ItLeavesWhatIsToBeJudged(void **state)
{
    struct fixture *f = *state;
    char explained[1024];

    running_mine(f, "return { api = 1, health = function(pod, set)\n"
                    "return pod.labels.warm and 'ready' or 'progressing', 'cold' end }");
    set_label(f, pods_on(f, "node-1")[0], "warm", "yes");
    list(f, "nodes");
    set_label(f, pods_on(f, "node-2")[0], "warm", "yes");
    ask_explain(f, explained);
    SYNC(0, 0, 0);
    assert_int_equal(set_of(f)->sums.available, 2);
}

/* Asking why in between takes nothing away from what is to be decided. */
static void ExplainLeavesWhatIsToBeDecided(void **state)
{
    struct fixture *f = *state;
    char explained[1024];

    add_set(f, (struct set_opts){0});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    add_node(f, "node-0", NULL, "[{\"key\":\"a\",\"effect\":\"NoExecute\"}]");
    ask_explain(f, explained);
    SYNC(0, 1, 0);
}

static void NewTolerationsRollNothing(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, tolerations = function() return { { key = 'gpu', operator ="
            " 'Exists' } } end }");
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_node(f, "plain", NULL, NULL);
    add_node(f, "gpu", NULL, "[{\"key\":\"gpu\",\"effect\":\"NoSchedule\"}]");
    SYNC(1, 0, 0);
    struct set_opts opts = f->opts;
    opts.annotations = MINE;
    change_set(f, opts);
    SYNC(1, 0, 0);
    assert_non_null(
        strstr(moon_buf_cstr(&f->last_body), "{\"key\":\"gpu\",\"operator\":\"Exists\""));
    SYNC(0, 0, 0);
}

/* The policy goes and comes back while a node joins: that node is decided, too. */
static void PolicyThatComesBack(void **state)
{
    static const char source[] = "return { api = 1, select = function() return true end }";
    struct fixture *f = *state;
    mine(f, source);
    add_set(f, (struct set_opts){.annotations = MINE});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    mine(f, NULL);
    add_nodes(f, 1, 1, NULL);
    SYNC(0, 0, 1);
    assert_non_null(set_of(f)->chain_problem);
    mine(f, source);
    SYNC(1, 0, 0);
}

static void ReloadedTolerationsReachNewPods(void **state)
{
    struct fixture *f = *state;
    mine(f, "return { api = 1, tolerations = function() return { { key = 'one' } } end }");
    add_set(f, (struct set_opts){.annotations = MINE});
    add_nodes(f, 0, 1, NULL);
    SYNC(1, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->last_body), "{\"key\":\"one\""));
    mine(f, "return { api = 1, tolerations = function() return { { key = 'two' } } end }");
    add_nodes(f, 1, 1, NULL);
    SYNC(1, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->last_body), "{\"key\":\"two\""));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(NodeShouldRunDaemonPod),          T(UnknownPolicyLeavesTheSetAsItIs),
        T(UnknownPolicyFromTheStart),       T(FailingHookKeepsThePreviousDecision),
        T(AnotherNodeOfANameIsNotDecided),  T(UnansweredQuestionIsAskedAgain),
        T(NewPolicyDecidesAgain),           T(WithoutAMemoryOfDecisionsAllIsTheSame),
        T(OnlyWhatHasChangedIsAsked),       T(LabelsThatNobodyReadsWakeNobody),
        T(NodesOfARollAreLookedAt),         T(ExplainLeavesWhatIsToBeDecided),
        T(ListingLeavesWhatIsToBeDecided),  T(ItLeavesWhatIsToBeJudged),
        T(NewTolerationsRollNothing),       T(PolicyThatComesBack),
        T(ReloadedTolerationsReachNewPods),
    };

    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
