/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline: times and log lines for people, several changes of an instant as one line, counts
 * instead of lines when there are many nodes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/kinds.h"
#include "sim/timeline.h"
#include "sim/timeline_log.h"

static void test_times(MOON_UNUSED void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "0.000s"},         {12345, "12.345s"},    {59999, "59.999s"},      {60000, "1m00.0s"},
        {3599999, "59m59.9s"}, {3600000, "1h00m00s"}, {90061000, "25h01m01s"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        char text[MOON_TIMELINE_TIME];
        assert_string_equal(moon_timeline_time(rows[i].ms, text), rows[i].text);
    }
}

static void test_log(MOON_UNUSED void **state)
{
    static const struct {
        const char *line;
        const char *text; /* NULL: no news */
        bool is_about_pod;
    } rows[] = {
        {"ts=x level=info topic=daemonset msg=\"created pod\" key=default/a pod=a-1 node=n "
         "reason=\"the node needs a pod\"",
         "created pod a-1 on n: the node needs a pod", true},
        {"level=info topic=daemonset msg=\"caches are complete, working\" sets=1",
         "caches are complete, working", false},
        {"level=info topic=manager msg=started server=http://127.0.0.1:5", NULL, false},
        {"level=debug topic=daemonset msg=x", NULL, false},
        {"level=warn topic=apply msg=\"no good answer yet\" verb=create resource=pods name=p "
         "err=\"connect to 127.0.0.1:4711: refused\"",
         "no good answer yet: create pods p: connect to the server: refused", false},
        {"level=warn topic=daemonset msg=\"write failed\" key=default/a err=\"say \\\"no\\\"\"",
         "write failed (default/a): say \"no\"", false},
        {"", NULL, false},
        {"level", NULL, false},
        {"level=warn msg=\"never ends", "never ends", false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);
        bool is_about_pod = false;
        bool is_news = moon_timeline_read_log(moon_str(rows[i].line), &out, &is_about_pod);
        assert_int_equal(is_news, rows[i].text != NULL);
        assert_string_equal(moon_buf_cstr(&out), is_news ? rows[i].text : "");
        assert_int_equal(is_about_pod, rows[i].is_about_pod);
    }
}

/* ---- objects ---- */

struct world {
    struct moon_loop *loop;
    struct moon_sim_objdb *db;
    struct moon_scenario_seen *seen;
    struct moon_timeline *timeline;
    struct moon_buf lines;
};

static void on_line(const struct moon_timeline_line *line, void *ctx)
{
    struct world *w = ctx;
    moon_buf_printf(&w->lines, "%u %s %s\n", (unsigned)line->at_ms, line->who, line->text);
}

static void on_thing(const struct moon_scenario_thing *before,
                     const struct moon_scenario_thing *after, void *ctx)
{
    struct world *w = ctx;
    moon_timeline_thing(w->timeline, before, after);
}

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    struct world *w = ctx;
    moon_scenario_seen_event(w->seen, event, on_thing, w);
}

static void put(struct world *w, const char *group, const char *kind, const char *text)
{
    struct moon_err err;
    cJSON *tree = moon_sim_tree_parse(moon_str(text), &err);
    assert_non_null(tree);
    (void)moon_sim_objdb_put(w->db, moon_sim_kind_by_name(group, kind), tree);
    cJSON_Delete(tree);
}

static void put_pod(struct world *w, unsigned number, bool is_ready)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"p%u\",\"namespace\":\"default\",\"uid\":\"u%u\"},\"spec\":{"
        "\"nodeName\":\"n%u\",\"containers\":[{\"image\":\"a:1\"}]},\"status\":{\"phase\":"
        "\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
        number, number, number, is_ready ? "True" : "False");
    put(w, "", "Pod", text);
}

static void put_set(struct world *w, unsigned ready)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\",\"uid\":\"d\"},\"status\":{"
        "\"desiredNumberScheduled\":3,\"numberReady\":%u}}",
        ready);
    put(w, "apps", "DaemonSet", text);
}

static void world_init(struct world *w, unsigned nodes)
{
    struct moon_err err;
    *w = (struct world){.seen = moon_scenario_seen_new(), .lines = MOON_BUF_INIT(64 * 1024)};
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(w->loop);
    w->timeline = moon_timeline_new(&(struct moon_timeline_opts){.loop = w->loop,
                                                                 .scenario_client = "scenario/",
                                                                 .controller_client = "moonset/",
                                                                 .on_line = on_line,
                                                                 .ctx = w});
    w->db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kind_count(), .history = 10, .on_event = on_event, .ctx = w});
    for (unsigned i = 0; i < nodes; i++) {
        MOON_AUTOFREE char *text =
            moon_asprintf("{\"metadata\":{\"name\":\"n%u\",\"uid\":\"n%u\"}}", i, i);
        put(w, "", "Node", text);
    }
    put_set(w, 0);
    moon_timeline_start(w->timeline);
}

static void world_fini(struct world *w)
{
    moon_timeline_free(w->timeline);
    moon_scenario_seen_free(w->seen);
    moon_sim_objdb_free(w->db);
    moon_loop_free(w->loop);
    moon_buf_fini(&w->lines);
}

static void test_lines(MOON_UNUSED void **state)
{
    struct world w;
    world_init(&w, 2);
    moon_timeline_say(w.timeline, "scenario", "begins");
    put_pod(&w, 0, false);
    moon_loop_advance(w.loop, 100);
    put_set(&w, 1);
    put_set(&w, 2); /* in the same instant: told once, when it is over */
    put_pod(&w, 0, true);
    moon_loop_advance(w.loop, 100);
    put_pod(&w, 0, false);
    put(&w, "", "Node",
        "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\"},\"spec\":{\"taints\":[{\"key\":\"k\","
        "\"effect\":\"NoExecute\"}]}}");
    moon_timeline_flush(w.timeline);
    assert_string_equal(
        moon_buf_cstr(&w.lines),
        "0 scenario begins\n"
        "100 cluster pod p0 on n0 is ready (a:1)\n"
        "100 controller daemonset a: desired 3, current 0, ready 2, up to date 0, available 0\n"
        "200 cluster pod p0 on n0 is not ready any more (a:1)\n"
        "200 cluster node n1: taints k:NoExecute\n");
    world_fini(&w);
}

static void test_counts(MOON_UNUSED void **state)
{
    struct world w;
    world_init(&w, 60);
    for (unsigned i = 0; i < 60; i++) {
        put_pod(&w, i, false);
    }
    moon_loop_advance(w.loop, 999);
    for (unsigned i = 0; i < 40; i++) {
        put_pod(&w, i, true);
    }
    assert_string_equal(moon_buf_cstr(&w.lines), ""); /* a second is not over */
    moon_loop_advance(w.loop, 1);
    put_pod(&w, 0, false);
    moon_timeline_flush(w.timeline);
    assert_string_equal(moon_buf_cstr(&w.lines),
                        "999 cluster pods: 60 created, 40 became ready; 40 of 60 are ready\n"
                        "1000 cluster pods: 1 not ready any more; 39 of 60 are ready\n");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
