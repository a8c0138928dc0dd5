/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hook_fixture.h"

static int64_t again_s;

static bool tell(struct fixture *f, enum moon_happening_type type)
{
    struct moon_happening h = {.type = type, .at_s = 90};

    h.slot = f->slots[0];
    if (type <= MOON_HAPPENED_POD_GONE) {
        h.pod = h.slot.old_pod != NULL ? h.slot.old_pod : h.slot.new_pod;
    }
    f->view.now_s = 100;
    return moon_hook_on_event(f->chain, &f->view, &h, &again_s);
}

static void listen(struct fixture *f, const char *events, const char *body)
{
    MOON_AUTOFREE char *policy =
        moon_asprintf("events = { %s }, on_event = function(event, set) %s end", events, body);

    fixture_policy(f, policy);
}

static void assert_true_in_lua(struct fixture *f, enum moon_happening_type type, const char *text)
{
    MOON_AUTOFREE char *body = moon_asprintf("assert(%s)", text);
    MOON_AUTOFREE char *events = moon_asprintf("'%s'", moon_happening_name(type));

    listen(f, events, body);
    if (!tell(f, type)) {
        fail_msg("%s: %s", text, f->last.text);
    }
}

static void test_what_it_sees(void **state)
{
    struct fixture *f = *state;
    fixture_slot(f, "n1", "O");
    assert_true_in_lua(f, MOON_HAPPENED_POD_FAILED, "event.type == 'pod_failed'");
    assert_true_in_lua(f, MOON_HAPPENED_POD_FAILED, "event.at == 90 and event.now == 100");
    assert_true_in_lua(f, MOON_HAPPENED_POD_FAILED, "event.node_name == 'n1'");
    assert_true_in_lua(f, MOON_HAPPENED_POD_FAILED, "event.node.name == 'n1'");
    assert_true_in_lua(f, MOON_HAPPENED_POD_FAILED, "event.pod.node_name == 'n1'");
    assert_true_in_lua(f, MOON_HAPPENED_NODE_GONE, "event.pod == nil");
    assert_true_in_lua(f, MOON_HAPPENED_NODE_GONE,
                       "set.name and tostring(event):find('node_gone')");
    listen(f, "'node_gone'", "return event.typ");
    assert_false(tell(f, MOON_HAPPENED_NODE_GONE));
    assert_non_null(strstr(f->last.text, "did you mean 'type'?"));
    assert_string_equal(f->last.hook, "on_event");
    assert_string_equal(f->last.object, "n1");
}

static void test_what_it_answers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body;
        int64_t again_s; /* -1: it is refused */
    } rows[] = {
        {"", 0},           {"return nil", 0},  {"return 30", 30},  {"return 1e9", 7 * 24 * 3600},
        {"return 0", -1},  {"return -1", -1},  {"return 1.5", -1}, {"return '30'", -1},
        {"return {}", -1}, {"error('x')", -1},
    };
    fixture_slot(f, "n1", "N");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        listen(f, "'pod_ready'", rows[i].body);
        assert_int_equal(tell(f, MOON_HAPPENED_POD_READY), rows[i].again_s >= 0);
        assert_int_equal(again_s, rows[i].again_s > 0 ? rows[i].again_s : 0);
    }
}

/* Each hears what it wants; the earliest look is the one that counts. */
static void test_several_policies(void **state)
{
    struct fixture *f = *state;
    fixture_slot(f, "n1", "N");
    fixture_write(f, "a",
                  "return { api = 1, events = { 'pod_ready', 'pod_gone' }, "
                  "on_event = function() return 60 end }");
    fixture_write(f, "b",
                  "return { api = 1, events = { 'pod_gone', 'node_added' }, "
                  "on_event = function() return 20 end }");
    fixture_load(f);
    fixture_chain(f, "a,b", NULL, NULL);
    assert_int_equal(moon_chain_happenings(f->chain), 1 << MOON_HAPPENED_POD_READY |
                                                          1 << MOON_HAPPENED_POD_GONE |
                                                          1 << MOON_HAPPENED_NODE_ADDED);
    assert_true(tell(f, MOON_HAPPENED_POD_READY));
    assert_int_equal(again_s, 60);
    assert_true(tell(f, MOON_HAPPENED_POD_GONE));
    assert_int_equal(again_s, 20);
    assert_true(tell(f, MOON_HAPPENED_POD_FAILED));
    assert_int_equal(again_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_it_sees),
        TEST(test_what_it_answers),
        TEST(test_several_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
