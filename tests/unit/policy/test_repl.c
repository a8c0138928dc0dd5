/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"
#include "policy/repl.h"

struct prompt {
    struct fixture *f;
    const struct moon_node *nodes[2];
    struct moon_repl *repl;
    struct moon_buf out;
};

static void begin(struct prompt *p, void **state)
{
    *p = (struct prompt){.f = *state, .out = MOON_BUF_INIT(64 * 1024)};
    fixture_set(p->f, "{}", "{}");
    p->nodes[0] = make_node("{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"labels\":"
                            "{\"pool\":\"blue\"}}}");
    p->nodes[1] = make_node("{\"metadata\":{\"name\":\"n2\",\"uid\":\"u2\"}}");
    p->repl = moon_repl_new(&(struct moon_repl_opts){
        .nodes = p->nodes, .node_count = 2, .sets = &p->f->view, .set_count = 1});
}

static void end(struct prompt *p)
{
    moon_repl_free(p->repl);
    moon_object_unref(&p->nodes[0]->meta);
    moon_object_unref(&p->nodes[1]->meta);
    moon_buf_fini(&p->out);
}

static void says(struct prompt *p, const char *text, enum moon_repl_outcome outcome,
                 const char *output)
{
    moon_buf_clear(&p->out);
    assert_int_equal(moon_repl_run(p->repl, moon_str(text), &p->out), outcome);
    assert_string_equal(moon_buf_cstr(&p->out), output);
}

static void expressions_and_statements(void **state)
{
    struct prompt p;

    begin(&p, state);
    says(&p, "1 + 1, \"a\\n\", nil, true", MOON_REPL_DONE, "2\n\"a\\n\"\nnil\ntrue\n");
    says(&p, "x = 5", MOON_REPL_DONE, "");
    says(&p, "x", MOON_REPL_DONE, "5\n");
    says(&p, "local y = x return y", MOON_REPL_DONE, "5\n");
    says(&p, "{ b = { 1, 2 }, a1 = {}, [\"c d\"] = 1 }", MOON_REPL_DONE,
         "{ a1 = {}, b = { 1, 2 }, [\"c d\"] = 1 }\n");
    says(&p, "moonset.duration(\"5m\")", MOON_REPL_DONE, "300\n");
    end(&p);
}

static void objects(void **state)
{
    struct prompt p;

    begin(&p, state);
    says(&p, "nodes", MOON_REPL_DONE, "{ n1 = node n1, n2 = node n2 }\n");
    says(&p, "nodes.n1.labels", MOON_REPL_DONE, "{ pool = \"blue\" }\n");
    says(&p, "nodes.n9", MOON_REPL_DONE, "nil\n");
    moon_buf_clear(&p.out);
    assert_int_equal(moon_repl_run(p.repl, moon_str("nodes.n1"), &p.out), MOON_REPL_DONE);
    assert_memory_equal(moon_buf_cstr(&p.out), "node n1\n  name = \"n1\"\n", 22);
    says(&p, "kept = nodes.n1", MOON_REPL_DONE, "");
    says(&p, "kept", MOON_REPL_FAILED,
         "stale view: it was kept from an earlier call; keep its name instead");
    says(&p, "set(\"nobody/x\")", MOON_REPL_FAILED, "line:1: there is no set nobody/x");
    end(&p);
}

/* Each field is a view of its own; with these nodes there come to be more than fit at first. */
static void many_objects(void **state)
{
    enum {
        NODES = 58
    };
    struct prompt p;
    const struct moon_node *nodes[NODES];

    begin(&p, state);
    moon_repl_free(p.repl);
    for (int i = 0; i < NODES; i++) {
        MOON_AUTOFREE char *json =
            moon_asprintf("{\"metadata\":{\"name\":\"n%d\",\"uid\":\"u%d\"}}", i, i);
        nodes[i] = make_node(json);
    }
    p.repl = moon_repl_new(&(struct moon_repl_opts){
        .nodes = nodes, .node_count = NODES, .sets = &p.f->view, .set_count = 1});
    moon_buf_clear(&p.out);
    assert_int_equal(moon_repl_run(p.repl, moon_str("nodes.n7"), &p.out), MOON_REPL_DONE);
    assert_non_null(strstr(moon_buf_cstr(&p.out), "\n  allocatable = {}\n"));
    assert_non_null(strstr(moon_buf_cstr(&p.out), "\n  deleting = false\n"));
    for (int i = 0; i < NODES; i++) {
        moon_object_unref(&nodes[i]->meta);
    }
    end(&p);
}

static void errors(void **state)
{
    struct prompt p;

    begin(&p, state);
    says(&p, "nodes.n1.labls", MOON_REPL_FAILED,
         "line:1: a node has no field 'labls' (did you mean 'labels'?)");
    says(&p, "zz", MOON_REPL_FAILED, "line:1: unknown global 'zz'");
    says(&p, "return )", MOON_REPL_FAILED, "line:1: unexpected symbol near ')'");
    says(&p, "os.exit()", MOON_REPL_FAILED,
         "line:1: global 'os' is not available in policies: pure hooks have no clock; the others "
         "get roll.now");
    end(&p);
}

static void what_could_go_on(void **state)
{
    struct prompt p;

    begin(&p, state);
    says(&p, "for i = 1, 2 do", MOON_REPL_INCOMPLETE, "");
    says(&p, "for i = 1, 2 do\nx = i\nend", MOON_REPL_DONE, "");
    says(&p, "x", MOON_REPL_DONE, "2\n");
    end(&p);
}

static void a_loop_is_stopped(void **state)
{
    struct prompt p;

    begin(&p, state);
    says(&p, "x = 5", MOON_REPL_DONE, "");
    moon_buf_clear(&p.out);
    assert_int_equal(moon_repl_run(p.repl, moon_str("while true do end"), &p.out),
                     MOON_REPL_FAILED);
    assert_non_null(strstr(moon_buf_cstr(&p.out), "stopped after"));
    says(&p, "x", MOON_REPL_FAILED, "line:1: unknown global 'x'"); /* a new state */
    says(&p, "1", MOON_REPL_DONE, "1\n");
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(expressions_and_statements), TEST(objects),           TEST(many_objects), TEST(errors),
        TEST(what_could_go_on),           TEST(a_loop_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
