/* SPDX-License-Identifier: Apache-2.0
 *
 * test_happenings.c - what policies are told of that has happened.
 */
#include "fixture.h"

#include <stdio.h>

/* The hook tells an Event: "type pod or node, old or new". */
#define LISTEN(events)                                                                             \
    "return { api = 1, events = { " events " }, on_event = function(e, set)\n"                     \
    "local p = e.pod\n"                                                                            \
    "moonset.event('Normal', 'Told', e.type .. ' ' .. e.node_name ..\n"                            \
    "  (p and (p.revision == set.revision and ' new' or ' old') or ''))\n"                         \
    "end }"

/* What a few syncs have told; each forgets the Events of the one before. */
static const char *told(struct fixture *f)
{
    static char out[2048];
    struct moon_buf text = MOON_BUF_INIT(sizeof(out));

    for (int i = 0; i < 4; i++) {
        (void)sync_once(f);
        for (size_t k = 0; k < f->event_count; k++) {
            if (strcmp(f->events[k].reason, "Told") == 0) {
                moon_buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", f->events[k].message);
            }
        }
    }
    (void)snprintf(out, sizeof(out), "%s", moon_buf_cstr(&text));
    moon_buf_fini(&text);
    return out;
}

static void listening(struct fixture *f, const char *source)
{
    f->ds.running = true;
    running_mine(f, source);
}

static const char *pod_on(struct fixture *f, const char *node)
{
    return pods_on(f, node)[0];
}

static void PodsThatComeAndGo(void **state)
{
    struct fixture *f = *state;
    listening(f, LISTEN("'pod_created', 'pod_ready', 'pod_unready', 'pod_gone'"));
    set_ready(f, pod_on(f, "node-1"), false);
    assert_string_equal(told(f), "pod_unready node-1 new");
    set_ready(f, pod_on(f, "node-1"), true);
    assert_string_equal(told(f), "pod_ready node-1 new");
    remove_pod(f, pod_on(f, "node-2"));
    assert_string_equal(told(f), "pod_gone node-2 new; pod_created node-2 new");
}

static void OnlyWhatWasAskedFor(void **state)
{
    struct fixture *f = *state;
    listening(f, LISTEN("'pod_failed'"));
    set_ready(f, pod_on(f, "node-1"), false);
    assert_string_equal(told(f), "");
    set_phase(f, pod_on(f, "node-1"), "Failed");
    assert_string_equal(told(f), "pod_failed node-1 new");
}

/* The pod is shown as it was, although another one has its place since. */
static void OfAnOlderTemplate(void **state)
{
    struct fixture *f = *state;
    listening(f, LISTEN("'pod_gone'"));
    new_template(f, f->opts);
    remove_pod(f, pod_on(f, "node-2"));
    assert_string_equal(told(f), "pod_gone node-2 old");
}

static void Nodes(void **state)
{
    struct fixture *f = *state;
    listening(f, LISTEN("'node_added', 'node_ready', 'node_unready', 'node_gone'"));
    put_node(f, "node-3", NULL, "", "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]");
    assert_string_equal(told(f), "node_added node-3");
    put_node(f, "node-3", NULL, "", "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]");
    assert_string_equal(told(f), "node_unready node-3");
    put_node(f, "node-3", NULL, "", "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]");
    assert_string_equal(told(f), "node_ready node-3");
    remove_node(f, "node-3");
    assert_string_equal(told(f), "node_gone node-3");
}

/* What is there when a process begins to work has not happened. */
static void NothingBeforeItWorks(void **state)
{
    struct fixture *f = *state;
    running_mine(f, LISTEN("'pod_created', 'pod_ready', 'pod_unready', 'node_added'"));
    set_ready(f, pod_on(f, "node-1"), false);
    assert_string_equal(told(f), "");
}

static void AFailureLosesOneOnly(void **state)
{
    struct fixture *f = *state;
    listening(f, "return { api = 1, events = { 'pod_unready' }, on_event = function(e)\n"
                 "if e.node_name == 'node-0' then error('no') end\n"
                 "moonset.event('Normal', 'Told', e.node_name) end }");
    set_ready(f, pod_on(f, "node-0"), false);
    set_ready(f, pod_on(f, "node-1"), false);
    assert_string_equal(told(f), "node-1");
    assert_string_equal(told(f), "");
}

static void ItMayAskForAnotherLook(void **state)
{
    struct fixture *f = *state;
    listening(f,
              "return { api = 1, events = { 'pod_unready' }, on_event = function() return 7 end }");
    set_ready(f, pod_on(f, "node-0"), false);
    assert_int_equal(sync_once(f).requeue_ms, 7000);
    assert_true(sync_once(f).requeue_ms > 7000);
}

/* It remembers, and the gate of the same reconcile sees it. */
static void BeforeAnythingIsDisturbed(void **state)
{
    struct fixture *f = *state;
    listening(f, "return { api = 1, events = { 'pod_failed' },\n"
                 "on_event = function() moonset.kv.set('bad', true) end,\n"
                 "gate = function() return not moonset.kv.get('bad'), 'bad' end }");
    new_template(f, f->opts);
    set_phase(f, add_pod(f, (struct pod_opts){.node = "node-9", .name = "extra"}), "Failed");
    (void)sync_once(f);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "bad"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(PodsThatComeAndGo),      T(OnlyWhatWasAskedFor),
        T(OfAnOlderTemplate),      T(Nodes),
        T(NothingBeforeItWorks),   T(AFailureLosesOneOnly),
        T(ItMayAskForAnotherLook), T(BeforeAnythingIsDisturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
