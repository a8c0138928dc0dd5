/* SPDX-License-Identifier: Apache-2.0
 *
 * test_hook_mutate.c - what a policy changes in the pods of a node, or of which revision they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

#define SPEC                                                                                       \
    "{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}" \
    "]},{\"name\":\"d\"}]}"
#define NODE(name, cpu)                                                                            \
    "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" name "\",\"resourceVersion\":\"1\"},"        \
    "\"status\":{\"allocatable\":{\"cpu\":\"" cpu "\",\"memory\":\"16Gi\"}}}"

/* The revisions: the live one, "old", and the stable one, which has no container d. */
static bool find(enum moon_pin pin, const char *hash, struct moon_str *ret_template, void *ctx)
{
    const struct fixture *f = ctx;

    if (pin == MOON_PIN_HASH && strcmp(hash, "old") != 0) {
        return false;
    }
    *ret_template = pin == MOON_PIN_STABLE
                        ? MOON_STR_LIT("{\"metadata\":{\"labels\":{\"app\":\"agent\"}},"
                                       "\"spec\":{\"containers\":[{\"name\":\"c\"}]}}")
                        : (struct moon_str){f->set->template, f->set->template_len};
    return true;
}

static struct moon_mutations *answers;

static void ask(struct fixture *f, const char *const *nodes_json, size_t count,
                struct moon_mutation **ret)
{
    const struct moon_node *nodes[8] = {0};

    for (size_t i = 0; i < count; i++) {
        nodes[i] = make_node(nodes_json[i]);
    }
    moon_hook_mutate(f->chain, &f->view,
                     &(struct moon_mutate_opts){.answers = answers, .find = find, .ctx = f}, nodes,
                     count, ret);
    for (size_t i = 0; i < count; i++) {
        moon_object_unref(&nodes[i]->meta);
    }
}

/* "<revision>[ by <policy>][ skip <why> by <policy>] <edits>", or "failed". */
static const char *ask_one(struct fixture *f, const char *node_json)
{
    static char text[2048];
    struct moon_mutation *m;

    ask(f, &node_json, 1, &m);
    if (m == NULL) {
        return "failed";
    }
    assert_int_equal(m->digest != NULL, m->edit_count > 0);
    (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s %s", moon_mutation_revision(m),
                   m->pinned_by != NULL ? " by " : "", m->pinned_by != NULL ? m->pinned_by : "",
                   m->skip != NULL ? " skip " : "", m->skip != NULL ? m->skip : "",
                   m->skip != NULL ? " by " : "", m->skip != NULL ? m->skipped_by : "", m->text);
    moon_mutation_unref(m);
    return text;
}

static int set_up(void **state)
{
    answers = moon_mutations_new();
    return fixture_set_up(state);
}

static int tear_down(void **state)
{
    moon_mutations_free(answers);
    return fixture_tear_down(state);
}

static void load(struct fixture *f, const char *body)
{
    MOON_AUTOFREE char *policy = moon_asprintf("mutate = function(pod, node, set)\n%s\nend", body);

    fixture_policy(f, policy);
    fixture_set(f, SPEC, "{}");
}

static void edits_are_recorded(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"", "current []"},
        {"pod:image('c', 'i:2')",
         "current [{\"set\":\"/spec/containers/name=c/image\",\"value\":\"i:2\"}]"},
        {"pod:set('/spec/containers/name=c/image', 'i:' .. node.name)",
         "current [{\"set\":\"/spec/containers/name=c/image\",\"value\":\"i:n1\"}]"},
        {"pod:set('/spec/terminationGracePeriodSeconds', 5)",
         "current [{\"set\":\"/spec/terminationGracePeriodSeconds\",\"value\":5}]"},
        {"pod:set('/spec/securityContext', { runAsUser = 7, a = { 1, true } })",
         "current "
         "[{\"set\":\"/spec/securityContext\",\"value\":{\"a\":[1,true],\"runAsUser\":7}}]"},
        {"pod:remove('/spec/containers/name=d')",
         "current [{\"remove\":\"/spec/containers/name=d\"}]"},
        {"pod:label('x.io/size', 'big')",
         "current [{\"set\":\"/metadata/labels/x.io~1size\",\"value\":\"big\"}]"},
        {"pod:label('gone', nil)", "current [{\"remove\":\"/metadata/labels/gone\"}]"},
        {"pod:annotation('x.io/a', 'any text')",
         "current [{\"set\":\"/metadata/annotations/x.io~1a\",\"value\":\"any text\"}]"},
        {"pod:env('c', 'B', node.name)",
         "current [{\"set\":\"/spec/containers/name=c/env/name=B\",\"value\":{\"name\":\"B\","
         "\"value\":\"n1\"}}]"},
        {"pod:env('c', 'B', 7)",
         "current [{\"set\":\"/spec/containers/name=c/env/name=B\",\"value\":{\"name\":\"B\","
         "\"value\":\"7\"}}]"},
        {"pod:env('c', 'B', node.allocatable.cpu)",
         "current [{\"set\":\"/spec/containers/name=c/env/name=B\",\"value\":{\"name\":\"B\","
         "\"value\":\"4\"}}]"},
        {"pod:env('c', 'A', nil)", "current [{\"remove\":\"/spec/containers/name=c/env/name=A\"}]"},
        {"pod:revision('stable')", "stable by test []"},
        {"pod:revision('current')", "current by test []"},
        {"pod:revision('old') pod:revision('old')", "old by test []"},
        {"pod:skip('not today') pod:skip('never')", "current skip not today by test []"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        load(f, rows[i][0]);
        const char *said = ask_one(f, NODE("n1", "4"));
        if (f->reports > 0) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
        assert_string_equal(said, rows[i][1]);
    }
}

/* What is frozen is seen through, and nothing but the value gets into the template. */
static void tables_are_values(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "params = { a = { type = 'string', default = 'x' } },\n"
                      "mutate = function(pod, node, set)\n"
                      "  pod:set('/spec/x', set.params)\n"
                      "  pod:set('/spec/y', setmetatable({ b = 1 }, { __pairs = function()\n"
                      "    table.concat({ '1,\"nodeName\":\"elsewhere\",\"z\":{' })\n"
                      "    return function() end end }))\n"
                      "end");
    fixture_set(f, SPEC, "{}");
    assert_string_equal(ask_one(f, NODE("n1", "4")),
                        "current [{\"set\":\"/spec/x\",\"value\":{\"a\":\"x\"}},"
                        "{\"set\":\"/spec/y\",\"value\":{\"b\":1}}]");
}

static void resources_are_a_share_of_the_node(void **state)
{
    struct fixture *f = *state;
    load(f,
         "pod:resources('c', { requests = { cpu = node.allocatable.cpu * 5 / 100,\n"
         "memory = node.allocatable.memory * 5 / 100 }, limits = { memory = '1Gi', gpu = 1 } })");
    assert_string_equal(
        ask_one(f, NODE("n1", "3")),
        "current [{\"set\":\"/spec/containers/name=c/resources/requests/cpu\",\"value\":\"150m\"},"
        "{\"set\":\"/spec/containers/name=c/resources/requests/memory\",\"value\":\"858993460\"},"
        "{\"set\":\"/spec/containers/name=c/resources/limits/gpu\",\"value\":\"1\"},"
        "{\"set\":\"/spec/containers/name=c/resources/limits/memory\",\"value\":\"1Gi\"}]");
    assert_int_equal(f->reports, 0);
}

static void mistakes_name_their_line(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"pod:set('/metadata/name', 'x')",
         "test.lua:2: pod:set(\"/metadata/name\"): only one label"},
        {"pod:set('/metadata/labels', {})", "only one label"},
        {"pod:set('/metadata/namespace', 'x')", "only one label"},
        {"pod:set('/metadata/ownerReferences', {})", "only one label"},
        {"pod:set('/metadata/labels/', 'x')", "only one label"},
        {"pod:set('/spec', {})", "only one label"},
        {"pod:set('/status/phase', 'x')", "only one label"},
        {"pod:set('spec', 'x')", "only one label"},
        {"pod:set('/spec/nodeName', 'x')", "cannot be changed: the node is given"},
        {"pod:set('/spec/tolerations/-', {})", "what the hook tolerations says"},
        {"pod:remove('/spec/affinity/nodeAffinity/"
         "requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0')",
         "the node is given"},
        {"pod:label('controller-revision-hash', 'x')", "how the pod's revision is known"},
        {"pod:label('pod-template-generation', '1')", "how the pod's revision is known"},
        {"pod:annotation('moonset.dev/mutation', 'x')", "how these edits are known"},
        {"pod:label('app', 'other')",
         "test.lua:2: /metadata/labels/app: the set's selector would not match"},
        {"pod:label('app', nil)", "the set's selector would not match"},
        {"pod:label('x', 'two words')", "\"two words\" cannot be a label's value"},
        {"pod:label('two words', 'x')", "\"two words\" cannot be a key"},
        {"pod:label('x', 7)", "labels and annotations are texts, not a number"},
        {"pod:set('/spec/x')", "there is no value; pod:remove takes it away"},
        {"pod:set('/spec/x', pod.set)", "a function has no JSON form"},
        {"pod:set(7, 7)", "pod:set wants a JSON pointer, a text: got number"},
        {"pod:image('e', 'i:2')",
         "test.lua:2: pod:set: /spec/containers/name=e/image: there is no element of that name"},
        {"pod:set('/spec/containers/7/image', 'x')", "the list is not that long"},
        {"pod:set('/spec/a~7', 'x')", "after ~ there is 0 or 1"},
        {"pod:revision('newest')", "test.lua:2: pod:revision: the set has no revision \"newest\""},
        {"pod:revision('stable') pod:revision('old')", "\"stable\" was said before"},
        {"pod:env('c', 'B', {})",
         "test.lua:2: pod:env: B is a text, a number or true or false, not "
         "a table"},
        {"pod:env('c', 'B', pod.set)", "B is a text, a number or true or false, not a function"},
        {"pod:env('c', 'B', node)", "B is a text, a number or true or false, not a userdata"},
        {"pod:skip()", "pod:skip wants a reason, a text: got no value"},
        {"pod:resources('c', { request = { cpu = 1 } })", "requests and limits, and nothing else"},
        {"pod:resources('c', { requests = { cpu = 'many' } })", "quantity"},
        {"pod:resources('c', { requests = { cpu = 0.5 } })", "cpu is a quantity or a text"},
        {"pod:resources('c', { requests = { cpu = '-1' } })", "cpu is less than nothing"},
        {"pod:resources('c', 7)", "pod:resources wants { requests"},
        {"for i = 1, 65 do pod:label('l' .. i, 'x') end", "more than 64 changes of one pod"},
        {"for i = 1, 5 do pod:annotation('a' .. i, ('x'):rep(60000)) end",
         "more than 256 KB of changes of one pod"},
        {"pod:set('/spec' .. ('/a'):rep(1000), 1)", "…: a pointer that is too long"},
        {"pod:label('x', ('x'):rep(60000))", "x\" cannot be a label's value"},
        {"pod.name = 'x'", "read-only"},
        {"return pod.nmae", "a pod to be made has no field 'nmae'"},
        {"pod.set(node, '/spec/x', 1)", "pod to be made expected, got node"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        f->reports = 0;
        load(f, rows[i][0]);
        assert_string_equal(ask_one(f, NODE("n1", "4")), "failed");
        assert_int_equal(f->reports, 1);
        assert_string_equal(f->last.hook, "mutate");
        assert_string_equal(f->last.object, "node n1");
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
    }
}

static void one_node_that_fails_leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const nodes[] = {NODE("n1", "4"), NODE("n2", "4"), NODE("n3", "4")};
    struct moon_mutation *m[3];
    load(f, "pod:env('c', 'B', 'x') if node.name == 'n2' then error('oops') end");
    ask(f, nodes, 3, m);
    assert_non_null(m[0]);
    assert_null(m[1]);
    assert_ptr_equal(m[0], m[2]); /* the same answer, the same object */
    assert_int_equal(f->reports, 1);
    assert_string_equal(f->last.object, "node n2");
    moon_mutation_unref(m[0]);
    moon_mutation_unref(m[2]);
}

/* What is kept of a set's answers has a bound; when others are given up there is room again. */
static void different_answers_are_bounded(void **state)
{
    enum {
        NODES = 96 /* of 200 KB: more than 16 MB */
    };
    struct fixture *f = *state;
    struct moon_mutation *m[NODES] = {0};
    size_t kept = 0;
    load(f, "for i = 1, 4 do pod:annotation('a' .. i, node.name .. ('x'):rep(50000)) end");
    for (size_t i = 0; i < NODES; i++) {
        MOON_AUTOFREE char *json = moon_asprintf(
            "{\"metadata\":{\"name\":\"n%zu\",\"uid\":\"u\",\"resourceVersion\":\"1\"}}", i);
        const char *nodes[] = {json};
        ask(f, nodes, 1, &m[i]);
        kept += m[i] != NULL;
    }
    assert_in_range(kept, 80, 84);
    assert_int_equal(f->reports, NODES - kept);
    assert_int_equal(f->last.fault, MOON_FAULT_MEMORY);
    assert_non_null(strstr(f->last.text, "more than 16 MB of different changes of a set's pods"));

    moon_mutation_unref(m[0]);
    const char *const nodes[] = {NODE("late", "4")};
    ask(f, nodes, 1, &m[0]); /* the one before is swept now */
    moon_mutation_unref(m[0]);
    ask(f, nodes, 1, &m[0]);
    assert_non_null(m[0]);
    for (size_t i = 0; i < NODES; i++) {
        moon_mutation_unref(m[i]);
    }
}

static void edits_that_do_not_fit_are_told_once(void **state)
{
    struct fixture *f = *state;
    static const char *const nodes[] = {NODE("n1", "4"), NODE("n2", "4"), NODE("n3", "4")};
    struct moon_mutation *m[3];
    load(f, "pod:image('d', 'x') if node.name ~= 'n2' then pod:revision('stable') end");
    ask(f, nodes, 3, m);
    assert_null(m[0]); /* the stable revision has no container d */
    assert_non_null(m[1]);
    assert_null(m[2]);
    assert_int_equal(f->reports, 1);
    assert_non_null(strstr(f->last.text, "test.lua:2: "));
    moon_mutation_unref(m[1]);
}

static void several_policies(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "a",
                  "return { api = 1, mutate = function(pod, node)\n"
                  "  pod:env('c', 'X', 'a') pod:set('/spec/containers/-', { name = 'e' })\n"
                  "  if node.name == 'n2' then pod:revision('old') pod:skip('a') end end }");
    fixture_write(f, "b",
                  "return { api = 1, mutate = function(pod, node)\n"
                  "  pod:image('e', 'i') pod:revision('stable') pod:skip('b') end }");
    fixture_load(f);
    fixture_set(f, SPEC, "{}");
    fixture_chain(f, "a,b", NULL, NULL);
    assert_string_equal(
        ask_one(f, NODE("n1", "4")),
        "stable by b skip b by b [{\"set\":\"/spec/containers/name=c/env/name=X\",\"value\":"
        "{\"name\":\"X\",\"value\":\"a\"}},{\"set\":\"/spec/containers/-\",\"value\":{\"name\":"
        "\"e\"}},{\"set\":\"/spec/containers/name=e/image\",\"value\":\"i\"}]");
    assert_non_null(strstr(ask_one(f, NODE("n2", "4")), "old by a skip a by a"));
    assert_int_equal(f->reports, 0);
    /* In the other order b knows no container e. */
    fixture_chain(f, "b,a", NULL, NULL);
    assert_string_equal(ask_one(f, NODE("n1", "4")), "failed");
    assert_string_equal(f->last.policy, "b");
}

static void digests_and_templates(void **state)
{
    struct fixture *f = *state;
    const char *node = NODE("n1", "4");
    struct moon_mutation *a;
    struct moon_mutation *b;
    struct moon_err err;
    size_t edit;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);
    load(f, "pod:env('c', 'A', '2') pod:label('l', 'x')");
    ask(f, &node, 1, &a);
    load(f, "pod:env('c', 'A', '2')   pod:label('l', 'x') -- the same");
    ask(f, &node, 1, &b);
    assert_ptr_equal(a, b);
    assert_int_equal(strlen(a->digest), 16);
    moon_mutation_unref(b);
    assert_int_equal(moon_mutation_apply(a, MOON_STR_LIT("{\"metadata\":{},\"spec\":" SPEC "}"),
                                         &out, &edit, &err),
                     0);
    assert_string_equal(moon_buf_cstr(&out),
                        "{\"metadata\":{\"labels\":{\"l\":\"x\"}},\"spec\":{\"containers\":[{"
                        "\"name\":\"c\",\"image\":\"i:1\",\"env\":[{\"name\":\"A\",\"value\":"
                        "\"2\"}]},{\"name\":\"d\"}]}}");
    load(f, "pod:env('c', 'A', '3') pod:label('l', 'x')");
    ask(f, &node, 1, &b);
    assert_string_not_equal(a->digest, b->digest);
    moon_mutation_unref(a);
    moon_mutation_unref(b);
}

static void nobody_mutates(void **state)
{
    struct fixture *f = *state;
    load(f, "");
    assert_true(moon_chain_mutates(f->chain));
    fixture_chain(f, NULL, NULL, NULL);
    assert_false(moon_chain_mutates(f->chain));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(edits_are_recorded),
        T(tables_are_values),
        T(resources_are_a_share_of_the_node),
        T(mistakes_name_their_line),
        T(one_node_that_fails_leaves_the_others_alone),
        T(different_answers_are_bounded),
        T(edits_that_do_not_fit_are_told_once),
        T(several_policies),
        T(digests_and_templates),
        T(nobody_mutates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
