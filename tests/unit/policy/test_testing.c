/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "hook_fixture.h"
#include "policy/bundle.h"

/* ---- running ---- */

static void note_case(const struct moon_policy_test_case *c, void *ctx)
{
    struct moon_buf *out = ctx;

    moon_buf_printf(out, "%s%s: %s", out->len > 0 ? "\n" : "", c->name, c->passed ? "ok" : "FAIL");
    for (size_t i = 0; i < c->difference_count; i++) {
        const struct moon_policy_test_difference *d = &c->differences[i];
        moon_buf_printf(out, "; %zu: %s: %s | %s", d->line, d->path, d->expected, d->got);
    }
    for (size_t i = 0; i < c->cost_count; i++) {
        moon_buf_printf(out, "; %s %d", c->costs[i].hook, (int)c->costs[i].calls);
        assert_true(c->costs[i].instructions >= c->costs[i].most);
        assert_true(c->costs[i].most > 0);
    }
}

static void note_lines(const struct moon_policy_test_lines *l, void *ctx)
{
    struct moon_buf *out = ctx;

    moon_buf_printf(out, "\n%s: %zu", l->file, l->total);
    for (size_t i = 0; i < l->never_count; i++) {
        moon_buf_printf(out, " -%zu", l->never[i]);
    }
}

/* What became of each case, then what was wrong with the text, when something was. */
static const char *run_with(struct fixture *f, const char *yaml, struct moon_policy_test_opts opts)
{
    static char text[8192];
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(sizeof(text) - 1);
    struct moon_policy_test_text one = {"test", "test_test.yaml", moon_str(yaml)};
    struct moon_policy_test_sums sums;
    struct moon_err err = {0};

    opts.policies = f->policies;
    opts.on_case = note_case;
    opts.on_lines = note_lines;
    opts.ctx = &out;
    int rc = moon_policy_test_run(&opts, &one, 1, &sums, &err);
    assert_int_equal(rc, -(int)err.code);
    assert_true((sums.failed > 0) == (err.code == MOON_E_POLICY));
    if (err.code == MOON_E_INVALID || err.code == MOON_E_LIMIT) {
        moon_buf_printf(&out, "%s%s", out.len > 0 ? "\n" : "", err.text);
    }
    (void)snprintf(text, sizeof(text), "%s", moon_buf_cstr(&out));
    return text;
}

static const char *run(struct fixture *f, const char *yaml)
{
    return run_with(f, yaml, (struct moon_policy_test_opts){.seed = 1});
}

/* A policy "test" with this body, in force. */
static void load(struct fixture *f, const char *body)
{
    MOON_AUTOFREE char *text = moon_asprintf("return { api = 1, %s }", body);

    fixture_write(f, "test", text);
    fixture_load(f);
}

/* ---- select ---- */

#define EDGE                                                                                       \
    "select = function(node) if node.labels.edge ~= 'true' then return false, 'no edge node' end " \
    "return true end"

static void select_is_asked_with_the_stock_policy(void **state)
{
    struct fixture *f = *state;

    load(f, EDGE);
    assert_string_equal(run(f, "nodes:\n"
                               "  n1: { labels: { edge: true } }\n"
                               "  n2:\n"
                               "  n3: { labels: { edge: true }, taints: [gpu:NoSchedule] }\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect: { select: { n1: run, n2: evict no edge*, n3: keep } }\n"),
                        "a: ok");
}

static void what_differs_is_told_with_its_line(void **state)
{
    struct fixture *f = *state;

    load(f, EDGE);
    assert_string_equal(run(f, "nodes: [n1, n2, n3]\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect:\n"
                               "    select:\n"
                               "      n1: run\n"
                               "      n2: evict 'another'\n"
                               "      n4: run\n"),
                        "a: FAIL; 6: select.n1: run | evict \"no edge node\""
                        "; 7: select.n2: evict \"another\" | evict \"no edge node\""
                        "; 6: select.n3: nothing is said of it | evict \"no edge node\""
                        "; 8: select.n4: run | there is no such node");
}

static void the_last_entry_for_a_node_counts(void **state)
{
    struct fixture *f = *state;

    load(f, EDGE);
    assert_string_equal(run(f, "nodes: { 'n%02d': { count: 12 }, n03: { labels: { edge: yes } } }\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect: { select: { '*': evict, n03: run } }\n"),
                        "a: ok");
}

/* ---- tolerations, rank, health ---- */

static void stock_stands_for_the_stock_tolerations(void **state)
{
    struct fixture *f = *state;

    load(f, "tolerations = function() return { { key = 'gpu', value = 'true', effect = "
            "'NoExecute', seconds = 30 } } end");
    assert_string_equal(
        run(f, "set: { tolerations: [own:NoSchedule] }\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { tolerations: [stock, 'gpu=true:NoExecute for 30s'] }\n"
               "- name: b\n"
               "  expect: { tolerations: [stock, gpu] }\n"),
        "a: ok\nb: FAIL; 6: tolerations: gpu | it is missing; 6: tolerations: nothing more | "
        "gpu=true:NoExecute for 30s");
}

static void rank_is_the_order_of_the_nodes(void **state)
{
    struct fixture *f = *state;

    load(f, "rank = function(node) return node.name == 'n2' and 0 or 1 end");
    assert_string_equal(run(f, "nodes: [n3, n1, n2]\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect: { rank: [n2, n1, n3] }\n"
                               "- name: b\n"
                               "  expect: { rank: [n2, n3] }\n"),
                        "a: ok\nb: FAIL; 6: rank[1]: n3 | n1; 6: rank[2]: nothing more | n3");
}

static void health_is_asked_per_pod(void **state)
{
    struct fixture *f = *state;

    load(f, "health = function(pod) if pod.restarts > 2 then return 'failed', pod.restarts .. ' "
            "restarts' end return 'ready' end");
    assert_string_equal(
        run(f, "nodes: [n1, n2]\n"
               "pods: { n1: new, n2: [old, { revision: new, restarts: 3 }] }\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { health: { n1: ready, agent-n2-old: ready, agent-n2-new: failed 3* } }\n"
               "- name: b\n"
               "  expect: { health: { '*': ready } }\n"),
        "a: ok\nb: FAIL; 7: health.agent-n2-new: ready | failed \"3 restarts\"");
}

/* ---- gate and update ---- */

static void a_gate_sees_the_time_and_closes_the_update(void **state)
{
    struct fixture *f = *state;

    load(f, "gate = function(roll) return roll.now >= 1000, 'too early', 1000 - roll.now end");
    assert_string_equal(
        run(f, "nodes: [n1, n2]\n"
               "pods: { '*': old }\n"
               "cases:\n"
               "- name: a\n"
               "  now: 1970-01-01T00:15:00Z\n"
               "  expect: { gate: { open: false, reason: too*, again: 100 }, update: [] }\n"
               "- name: b\n"
               "  now: 1970-01-01T00:20:00Z\n"
               "  expect: { gate: open, update: [replace n1 outdated], again: none }\n"
               "- name: c\n"
               "  now: 900\n"
               "  expect: { update: [replace n1] }\n"),
        "a: ok\nb: ok\nc: FAIL; 12: update[0]: replace n1 | nothing more; 12: update: an answer | "
        "none: the gate of test is closed: too early");
}

static void the_budget_is_that_of_the_controller(void **state)
{
    struct fixture *f = *state;

    load(f, "update = function(roll) for pod in roll:outdated {} do roll:replace(pod, 'x') end "
            "roll:again(70, 'y') end");
    assert_string_equal(
        run(f, "nodes: { 'n%d': { count: 5 } }\n"
               "pods: { '*': old, n2: old unready, n4: new unready }\n"
               "set: { max_unavailable: 60% }\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { update: [replace n1 x, replace n2], again: 70s, clipped: 2 }\n"
               "- name: b\n"
               "  expect: { update: { replace: 2 } }\n"
               "- name: c\n"
               "  expect: { update: { replace: 1, surge: 1 }, again: 1m, clipped: 0 }\n"),
        "a: ok\nb: ok\nc: FAIL; 10: update.replace: 1 | 2; 10: update.surge: 1 | 0; 10: again: 60 "
        "| 70; 10: clipped: 0 | 2");
}

static void pods_are_made_when_the_policy_says_so(void **state)
{
    struct fixture *f = *state;

    load(f, "creates = true, gate = function() return false, 'night' end, update = function(roll) "
            "for node in roll:missing { waiting = true, limit = 1 } do roll:create(node, 'one') "
            "end for pod in roll:outdated {} do roll:replace(pod, 'x') end end");
    assert_string_equal(run(f, "nodes: [n1, n2, n3, n4]\n"
                               "pods: { n1: new, n2: new deleting }\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect: { update: [create n3 one] }\n"
                               "- name: b\n"
                               "  pods: { n1: old }\n"
                               "  expect: { update: { create: 1 } }\n"),
                        "a: ok\nb: ok");
}

static void pause_and_rollback_are_answers(void **state)
{
    struct fixture *f = *state;

    load(f, "update = function(roll) if roll.rolled_back then roll:pause('again') else "
            "roll:rollback(roll.previous_revision) end end");
    assert_string_equal(run(f, "nodes: [n1]\n"
                               "pods: { n1: old }\n"
                               "cases:\n"
                               "- name: a\n"
                               "  roll: { previous_revision: before }\n"
                               "  expect: { update: [rollback before] }\n"
                               "- name: b\n"
                               "  roll: { rolled_back: true }\n"
                               "  expect: { update: [pause again] }\n"),
                        "a: ok\nb: ok");
}

static void figures_are_given_to_analyze(void **state)
{
    struct fixture *f = *state;

    load(f, "queries = { err = { provider = 'p', query = 'q', every = '30s' } }, analyze = "
            "function(samples) local err = samples.err if err.error then return 'wait', err.error "
            "end local sum = 0 for _, s in ipairs(err.series) do sum = sum + s.value * "
            "(s.labels.pod == 'a' and 10 or 1) end if sum > 10 then return 'fail', 'sum ' .. sum "
            "end return 'pass' end");
    assert_string_equal(
        run(f, "cases:\n"
               "- name: a\n"
               "  samples: { err: 0.5 }\n"
               "  expect: { analyze: pass }\n"
               "- name: b\n"
               "  samples: { err: [{ value: 1, labels: { pod: a } }, { value: 2.5 }] }\n"
               "  expect: { analyze: fail sum 12.5 }\n"
               "- name: c\n"
               "  samples: { err: { error: timeout } }\n"
               "  expect: { analyze: wait timeout }\n"
               "- name: d\n"
               "  samples: { er: 1 }\n"
               "  expect: { analyze: wait the test gives no sample }\n"),
        "a: ok\nb: ok\nc: ok\nd: FAIL; 11: error of samples: no error | policy test declares no "
        "query 'er'");
}

static void pods_are_made_as_a_policy_says(void **state)
{
    struct fixture *f = *state;

    load(f, "mutate = function(pod, node) if node.name == 'n1' then pod:label('a', 'b') end if "
            "node.name == 'n2' then pod:revision('stable') end if node.name == 'n3' then "
            "pod:skip('not now') end end");
    assert_string_equal(
        run(f, "nodes: [n1, n2, n3, n4]\n"
               "pods: { '*': old }\n"
               "cases:\n"
               "- name: a\n"
               "  expect:\n"
               "    mutate: { '*': current, n1: { edits: { /metadata/labels/a: b } }, n2: stable, "
               "n3: { skip: not* } }\n"
               "    update: [replace n1]\n"
               "- name: b\n"
               "  pods: { n1: new }\n"
               "  expect: { update: [replace n4] }\n"
               "- name: c\n"
               "  expect: { mutate: current }\n"),
        "a: ok\nb: ok\nc: FAIL; 12: mutate.n1: current | current, edits "
        "{\"/metadata/labels/a\":\"b\"}; 12: mutate.n2: current | stable; 12: mutate.n3: current "
        "| current \"not now\"");
}

/* ---- beside answers ---- */

static void what_a_policy_remembers_is_given_and_expected(void **state)
{
    struct fixture *f = *state;

    load(f, "gate = function() local n = moonset.kv.get('seen') or 0 moonset.kv.set('seen', n + 1) "
            "moonset.event('Warning', 'Counted', 'to ' .. n + 1) return true end");
    assert_string_equal(
        run(f, "kv: { seen: 4, other: [a] }\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { gate: open, kv: { seen: 5, other: [a] }, events: [Warning Counted to "
               "5] }\n"
               "- name: b\n"
               "  kv: { seen: null, other: null }\n"
               "  expect: { gate: open, kv: { seen: 1 } }\n"
               "- name: c\n"
               "  expect: { gate: open, kv: { m: 1, seen: 4 }, events: [Counted] }\n"),
        "a: ok\nb: ok\nc: FAIL; 9: kv.m: \"1\" | nothing; 9: kv.seen: \"4\" | \"5\"; 9: kv.other: "
        "nothing | \"[\"a\"]\"; 9: events[0]: Normal Counted | Warning Counted \"to 5\"");
}

static void other_sets_are_given(void **state)
{
    struct fixture *f = *state;

    load(f, "select = function(node) local p = moonset.peer('kube-system/cni') if not p:exists() "
            "then return 'keep', 'no cni' end return p:ready_on(node), 'cni' end");
    assert_string_equal(run(f, "nodes: [n1, n2]\n"
                               "cases:\n"
                               "- name: a\n"
                               "  expect: { select: keep no cni }\n"
                               "- name: b\n"
                               "  peers: { kube-system/cni: [n2] }\n"
                               "  expect: { select: { n1: evict cni, n2: run } }\n"),
                        "a: ok\nb: ok");
}

static void what_is_said_of_the_set_is_compared_whole(void **state)
{
    struct fixture *f = *state;

    load(f, "status = function(roll) return { message = roll.counts.desired .. ' wanted', "
            "conditions = { { type = 'example.com/Done', status = true, reason = 'All', message = "
            "'ok' } } } end");
    assert_string_equal(
        run(f, "nodes: [n1, n2]\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { status: { message: 2 *, conditions: { example.com/Done: true } } }\n"
               "- name: b\n"
               "  expect: { status: { conditions: { example.com/Done: 'false All: no' } } }\n"),
        "a: ok\nb: FAIL; 6: status.example.com/Done: false \"All: no\" | true \"All: ok\"; 6: "
        "status.message: nothing | \"2 wanted\"");
}

/* ---- errors ---- */

static void a_hook_that_fails_fails_the_case(void **state)
{
    struct fixture *f = *state;

    load(f, "select = function(node) if node.name == 'n2' then return node.x end end");
    assert_string_equal(
        run(f, "nodes: [n1, n2]\n"
               "cases:\n"
               "- name: a\n"
               "  expect: { select: { n1: run, n2: undecided }, error: '*no field*' }\n"
               "- name: b\n"
               "  expect: { select: { n1: run, n2: undecided } }\n"
               "- name: c\n"
               "  nodes: { n2: null }\n"
               "  expect: { select: run, error: '*' }\n"),
        "a: ok\n"
        "b: FAIL; 5: error of select of node n2: no error | test.lua:1: a node has no field 'x'\n"
        "c: FAIL; 9: error: * | no error");
}

static void policies_that_do_not_fit_fail_the_case(void **state)
{
    struct fixture *f = *state;

    load(f, "params = { pool = { type = 'string', required = true } }, " EDGE);
    assert_string_equal(
        run(f, "cases:\n"
               "- name: a\n"
               "  expect: { select: run }\n"
               "- name: b\n"
               "  params: { pool: blue }\n"
               "  expect: { select: {} }\n"
               "- name: c\n"
               "  expect: { error: '*is required' }\n"
               "- name: d\n"
               "  policies: nobody\n"
               "  expect: { error: policy nobody is not known }\n"
               "- name: e\n"
               "  policies: ''\n"
               "  expect: { error: policy test is not asked* }\n"),
        "a: FAIL; 2: error of the set's policies: no error | policy test: parameter 'pool' is "
        "required\nb: ok\nc: ok\nd: ok\ne: ok");
}

/* ---- the same answer again ---- */

static void answers_must_not_hang_on_the_order_of_pairs(void **state)
{
    struct fixture *f = *state;

    load(f, "gate = function(roll) for k in pairs { a = 1, b = 1, c = 1, d = 1, e = 1 } do return "
            "false, k end end");
    const char *got = run(f, "cases: [{ name: a, expect: { gate: closed } }]\n");
    assert_non_null(strstr(got, "a: FAIL; 1: gate[0], asked again in another order (seed 1): "
                                "closed \"a\", again in 30 s | closed \""));
}

static void lists_keep_their_order(void **state)
{
    struct fixture *f = *state;

    load(f, "gate = function(roll) local s = '' for _, v in pairs { 'a', 'b', 'c' } do s = s .. v "
            "end return false, s end");
    assert_string_equal(run(f, "cases: [{ name: a, expect: { gate: closed abc } }]\n"), "a: ok");
}

static void answers_must_not_hang_on_the_order_of_nodes(void **state)
{
    struct fixture *f = *state;

    load(f, "select = (function() local n = 0 return function(node) n = n + 1 return n % 2 == 0 "
            "end end)()");
    const char *got =
        run(f, "nodes: [n1, n2, n3]\n"
               "cases: [{ name: a, expect: { select: { '*': run, n1: evict, n3: evict "
               "} } }]\n");
    assert_non_null(strstr(got, "a: FAIL; 2: select["));
}

static void each_case_begins_with_fresh_states(void **state)
{
    struct fixture *f = *state;
    struct moon_policy_test_opts opts = {.seed = 1, .count = true};

    load(f, "gate = function(roll) return true end, status = function() return {} end");
    assert_string_equal(run_with(f,
                                 "nodes: [n1, n2]\n"
                                 "cases: [{ name: a, expect: { gate: open } }, { name: b, expect: "
                                 "{ select: run } }, { name: c, expect: { status: {} } }]\n",
                                 opts),
                        "a: ok; gate 1\nb: ok\nc: ok; gate 1; status 1");
}

/* ---- coverage ---- */

static void lines_that_no_case_runs_are_told(void **state)
{
    static const char policy[] = "local words = require 'lib.words'\n"      /* 1 */
                                 "local function never(x)\n"                /* 2 */
                                 "  return x\n"                             /* 3 */
                                 "end\n"                                    /* 4 */
                                 "return {\n"                               /* 5 */
                                 "  api = 1,\n"                             /* 6 */
                                 "  select = function(node)\n"              /* 7 */
                                 "    if node.name == 'n1' then\n"          /* 8 */
                                 "      return true, words.yes\n"           /* 9 */
                                 "    end\n"                                /* 10 */
                                 "    -- a comment\n"                       /* 11 */
                                 "    local list = { 1, 2 }\n"              /* 12 */
                                 "    local two = moonset.list.map(list,\n" /* 13 */
                                 "      function(i)\n"                      /* 14 */
                                 "        return i\n"                       /* 15 */
                                 "      end)\n"                             /* 16 */
                                 "    return #two == 2\n"                   /* 17 */
                                 "  end,\n"                                 /* 18 */
                                 "}\n";
    static const char words[] = "return {\n"
                                "  yes = 'yes',\n"
                                "  no = function()\n"
                                "    return 'no'\n"
                                "  end,\n"
                                "}\n";
    struct moon_policy_test_opts opts = {.coverage = true};
    struct fixture *f = *state;

    fixture_write(f, "lib/words", words);
    fixture_write(f, "test", policy);
    fixture_load(f);
    assert_string_equal(run_with(f,
                                 "nodes: [n1]\n"
                                 "cases: [{ name: a, expect: { select: run } }]\n",
                                 opts),
                        "a: ok\ntest.lua: 14 -3 -12 -13 -15 -16 -17\nlib.words: 5 -4");
    assert_string_equal(run_with(f,
                                 "nodes: [n2]\n"
                                 "cases: [{ name: a, expect: { select: run } }]\n",
                                 opts),
                        "a: ok\ntest.lua: 14 -3 -9\nlib.words: 5 -4");
}

/* ---- candidates and limits ---- */

static struct moon_version *candidate(const char *body)
{
    MOON_AUTOFREE char *text = moon_asprintf("return { api = 1, %s }", body);
    struct moon_version_opts opts = {
        .name = "test", .source = moon_str(text), .budget_scale = FIXTURE_BUDGET_SCALE};
    struct moon_fault fault;
    struct moon_version *v = moon_version_load(&opts, &fault);

    assert_non_null(v);
    return v;
}

static void a_candidate_is_tested_in_place_of_what_is_in_force(void **state)
{
    struct fixture *f = *state;
    const char *yaml = "nodes: [n1]\ncases: [{ name: a, expect: { select: keep } }]\n";

    load(f, "select = function() return true end");
    struct moon_version *v = candidate("select = function() return 'keep' end");
    assert_string_equal(run(f, yaml), "a: FAIL; 2: select.n1: keep | run");
    assert_string_equal(run_with(f, yaml, (struct moon_policy_test_opts){.candidate = v}), "a: ok");
    moon_version_unref(v);
}

static void a_run_ends_at_its_time_limit(void **state)
{
    struct fixture *f = *state;
    const char *yaml = "nodes: [n1]\ncases:\n"
                       "- { name: a, expect: { select: undecided, error: '*stopped*' } }\n"
                       "- { name: b, expect: { select: undecided, error: '*stopped*' } }\n";

    f->budget_scale = 1;
    load(f, "select = function() while true do end end");
    assert_string_equal(run_with(f, yaml, (struct moon_policy_test_opts){.max_ms = 20}),
                        "test_test.yaml:3: case 'a': the tests took more than 20 ms of CPU");
}

static void a_run_may_stop_at_the_first_failure(void **state)
{
    struct fixture *f = *state;
    const char *yaml = "nodes: [n1]\ncases:\n"
                       "- { name: a, expect: { select: keep } }\n"
                       "- { name: b, expect: { select: keep } }\n";

    load(f, EDGE);
    assert_string_equal(run_with(f, yaml, (struct moon_policy_test_opts){.stop_at_first = true}),
                        "a: FAIL; 3: select.n1: keep | evict \"no edge node\"");
}

/* ---- malformed texts ---- */

static void a_malformed_text_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } rows[] = {
        {"", "test_test.yaml:1: a mapping is wanted"},
        {"cases: []", "test_test.yaml:1: cases: a list of one case or more is wanted"},
        {"case: []", "test_test.yaml:1: unknown key 'case' (did you mean 'cases'?)"},
        {"cases:\n- expect: { select: run }", "test_test.yaml:2: cases[0]: a case has a name"},
        {"cases:\n- name: a", "test_test.yaml:2: case 'a': expect is missing"},
        {"cases:\n- name: a\n  expect: {}",
         "test_test.yaml:3: case 'a': expect: which hook is to "
         "be asked? select, tolerations, mutate, "
         "rank, health, gate, update, status, analyze or on_event"},
        {"cases:\n- name: a\n  expect: { select: ran }",
         "test_test.yaml:3: case 'a': expect.select: 'ran' is no answer; it is run, keep, evict or "
         "undecided, perhaps with a reason"},
        {"cases:\n- name: a\n  expect: { on_event: 30s }",
         "test_test.yaml:2: case 'a': expect.on_event: which event? (event: pod_failed n1)"},
        {"samples: { a: { valu: 1 } }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': samples.a: unknown key 'valu' (did you mean 'value'?)"},
        {"event: pod_faild n1\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': event: there is no event 'pod_faild'"},
        {"event: pod_failed\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': event: an event and the node or pod it happened to are "
         "wanted, such as pod_failed n1"},
        {"nodes: { n1: { reddy: no } }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': nodes.n1: unknown key 'reddy' (did you mean 'ready'?)"},
        {"nodes: { n1: { taints: [x] } }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': nodes.n1.taints: a taint is written key:Effect or "
         "key=value:Effect, Effect being NoSchedule, PreferNoSchedule or NoExecute"},
        {"pods: { n1: old }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': pods.n1: there is no such node; if that is meant, the pod is "
         "lost"},
        {"nodes: [n1]\npods: { n1: odd }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:2: case 'a': pods.n1: 'odd' says nothing of a pod; there are old, new, "
         "unready, failed, pending, deleting, lost"},
        {"set: { max_unavailable: some }\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:2: case 'a': set: "},
        {"now: today\ncases: [{ name: a, expect: { select: run } }]",
         "test_test.yaml:1: case 'a': now: a time is wanted, such as 2026-11-30T22:15:00Z"},
        {"cases:\n- name: a\n  expect: { update: [replace] }",
         "test_test.yaml:3: case 'a': expect.update: which node? (replace n1)"},
        {"cases:\n- name: a\n  expect: { select: run \"x }",
         "test_test.yaml:3: case 'a': expect.select: a quote is not closed"},
        {"cases:\n- name: a\n\texpect: 1", "test_test.yaml:3:1: found a tab"},
    };
    struct fixture *f = *state;

    load(f, EDGE);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const char *got = run(f, rows[i].yaml);
        if (strncmp(got, rows[i].error, strlen(rows[i].error)) != 0) {
            fail_msg("%s\n  got      %s\n  expected %s", rows[i].yaml, got, rows[i].error);
        }
    }
}

static void full_manifests_are_objects_too(void **state)
{
    struct fixture *f = *state;

    load(f, "select = function(node, set) return node.labels.a == 'b' and set.name == 'x' end");
    assert_string_equal(
        run(f, "set: { apiVersion: apps/v1, kind: DaemonSet, metadata: { name: x } }\n"
               "nodes:\n"
               "- { apiVersion: v1, kind: Node, metadata: { name: n1, labels: { a: b } } }\n"
               "cases: [{ name: a, expect: { select: run } }]\n"),
        "a: ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(select_is_asked_with_the_stock_policy),
        TEST(what_differs_is_told_with_its_line),
        TEST(the_last_entry_for_a_node_counts),
        TEST(stock_stands_for_the_stock_tolerations),
        TEST(rank_is_the_order_of_the_nodes),
        TEST(health_is_asked_per_pod),
        TEST(a_gate_sees_the_time_and_closes_the_update),
        TEST(the_budget_is_that_of_the_controller),
        TEST(pods_are_made_when_the_policy_says_so),
        TEST(pause_and_rollback_are_answers),
        TEST(figures_are_given_to_analyze),
        TEST(pods_are_made_as_a_policy_says),
        TEST(what_a_policy_remembers_is_given_and_expected),
        TEST(other_sets_are_given),
        TEST(what_is_said_of_the_set_is_compared_whole),
        TEST(a_hook_that_fails_fails_the_case),
        TEST(policies_that_do_not_fit_fail_the_case),
        TEST(answers_must_not_hang_on_the_order_of_pairs),
        TEST(lists_keep_their_order),
        TEST(answers_must_not_hang_on_the_order_of_nodes),
        TEST(each_case_begins_with_fresh_states),
        TEST(lines_that_no_case_runs_are_told),
        TEST(a_candidate_is_tested_in_place_of_what_is_in_force),
        TEST(a_run_ends_at_its_time_limit),
        TEST(a_run_may_stop_at_the_first_failure),
        TEST(a_malformed_text_is_refused_with_its_place),
        TEST(full_manifests_are_objects_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
