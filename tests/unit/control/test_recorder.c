/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "control/recorder.h"
#include "control/recorder_correlate.h"
#include "server.h"

#define EVENTS "/api/v1/namespaces/default/events"

struct fixture {
    struct server server;
    struct moon_recorder *recorder;
    struct moon_object object;
    size_t flushed;
};

static const struct moon_kind kind = {.resource = &moon_resource_daemonsets};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){
        .object = {.kind = &kind, .refs = 1, .version = 42},
    };
    f.object.namespace = moon_intern_cstr("default");
    f.object.name = moon_intern_cstr("agent");
    f.object.uid = moon_intern_cstr("u-1");
    server_init(&f.server);
    f.recorder = moon_recorder_new(f.server.client, "daemonset-controller");
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_recorder_free(f->recorder);
    server_fini(&f->server);
    moon_sym_unref(f->object.namespace);
    moon_sym_unref(f->object.name);
    moon_sym_unref(f->object.uid);
    moon_metrics_reset();
    return 0;
}

static void on_flushed(void *ctx)
{
    struct fixture *f = ctx;
    f->flushed++;
}

static void created_pod(struct fixture *f, const char *pod)
{
    moon_recorder_event(f->recorder, &f->object, MOON_EVENT_NORMAL, "SuccessfulCreate",
                        "Created pod: %s", pod);
}

static void flush(struct fixture *f)
{
    size_t before = f->flushed;
    moon_recorder_flush(f->recorder, 60000, on_flushed, f);
    server_wait(&f->server, f->flushed, before + 1);
}

/* The Event with this message. */
static const cJSON *find(const struct fixture *f, const char *message)
{
    size_t pos = 0;
    void *object;
    while (moon_map_next(f->server.objects, &pos, NULL, &object)) {
        if (moon_streq(moon_json_string(object, "message"), message)) {
            return object;
        }
    }
    return NULL;
}

static void assert_metric(const char *line)
{
    struct moon_buf out = MOON_BUF_INIT(65536);
    moon_metrics_write(&out);
    assert_non_null(strstr(moon_buf_cstr(&out), line));
    moon_buf_fini(&out);
}

/* ---- what is written ---- */

static void an_event_looks_like_the_stock_one(void **state)
{
    struct fixture *f = *state;
    moon_recorder_event(f->recorder, &f->object, MOON_EVENT_WARNING, "FailedCreate",
                        "Error creating: %s", "quota \"x\"");
    assert_int_equal(f->server.calls, 0);
    flush(f);
    assert_string_equal(f->server.log[0], "POST " EVENTS);
    static const char *const expected[][2] = {
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata.namespace", "default"},
        {"involvedObject.apiVersion", "apps/v1"},
        {"involvedObject.kind", "DaemonSet"},
        {"involvedObject.namespace", "default"},
        {"involvedObject.name", "agent"},
        {"involvedObject.uid", "u-1"},
        {"involvedObject.resourceVersion", "42"},
        {"reason", "FailedCreate"},
        {"type", "Warning"},
        {"source.component", "daemonset-controller"},
        {"reportingComponent", "daemonset-controller"},
        {"firstTimestamp", "2026-01-01T00:00:00Z"},
        {"lastTimestamp", "2026-01-01T00:00:00Z"},
    };
    const cJSON *event = find(f, "Error creating: quota \"x\"");
    assert_non_null(event);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(expected); i++) {
        const char *value = moon_json_string(event, expected[i][0]);
        assert_non_null(value);
        assert_string_equal(value, expected[i][1]);
    }
    assert_int_equal(moon_json_int(event, "count", 0), 1);
    /* 2026-01-01 in nanoseconds, and what made it unique. */
    assert_true(moon_str_starts(moon_str(moon_json_string(event, "metadata.name")), "agent.1886"));
}

static void a_muted_recorder_records_nothing(void **state)
{
    struct fixture *f = *state;
    moon_recorder_mute(f->recorder);
    created_pod(f, "agent-1");
    flush(f);
    assert_int_equal(f->server.calls, 0);
}

static void a_name_that_gets_too_long_is_a_uuid(void **state)
{
    struct fixture *f = *state;
    char name[251];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    moon_sym_unref(f->object.name);
    f->object.name = moon_intern_cstr(name);
    created_pod(f, "x");
    flush(f);
    const char *event = moon_json_string(find(f, "Created pod: x"), "metadata.name");
    assert_int_equal(strlen(event), 36);
    assert_int_equal(event[14], '4');
    assert_true(moon_is_dns1123_subdomain(moon_str(event)));
}

static void a_long_message_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char text[4000] = "x";
    for (size_t i = 1; i + 3 < sizeof text; i += 2) {
        snprintf(text + i, 3, "é");
    }
    moon_recorder_event(f->recorder, &f->object, MOON_EVENT_NORMAL, "R", "%s", text);
    flush(f);
    size_t pos = 0;
    void *event;
    assert_true(moon_map_next(f->server.objects, &pos, NULL, &event));
    assert_int_equal(strlen(moon_json_string(event, "message")), 1023);
}

/* ---- what is merged ---- */

static void equal_events_are_counted(void **state)
{
    struct fixture *f = *state;
    created_pod(f, "x");
    created_pod(f, "y");
    moon_loop_advance(f->server.loop, 5000);
    created_pod(f, "x");
    created_pod(f, "x");
    flush(f);
    assert_int_equal(f->server.calls, 4);
    assert_int_equal(f->server.objects_made, 2);
    const cJSON *event = find(f, "Created pod: x");
    assert_int_equal(moon_json_int(event, "count", 0), 3);
    assert_string_equal(moon_json_string(event, "firstTimestamp"), "2026-01-01T00:00:00Z");
    assert_string_equal(moon_json_string(event, "lastTimestamp"), "2026-01-01T00:00:05Z");
    assert_int_equal(moon_json_int(find(f, "Created pod: y"), "count", 0), 1);
    assert_non_null(strstr(f->server.log[3], "PATCH " EVENTS "/agent."));
}

static void an_event_that_is_gone_is_made_anew(void **state)
{
    struct fixture *f = *state;
    created_pod(f, "x");
    flush(f);
    moon_map_clear(f->server.objects);
    created_pod(f, "x");
    flush(f);
    assert_int_equal(f->server.calls, 3);
    assert_int_equal(moon_json_int(find(f, "Created pod: x"), "count", 0), 2);
}

static void many_different_messages_become_one(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 15; i++) {
        snprintf(name, sizeof name, "p-%d", i);
        created_pod(f, name);
    }
    flush(f);
    assert_int_equal(f->server.objects_made, 10); /* nine alone, six in one */
    const cJSON *event = find(f, "(combined from similar events): Created pod: p-14");
    assert_non_null(event);
    assert_int_equal(moon_json_int(event, "count", 0), 6);
}

static void an_object_has_its_share(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++) {
        created_pod(f, "x");
    }
    flush(f);
    assert_int_equal(f->server.calls, 25);
    moon_loop_advance(f->server.loop, 299999);
    created_pod(f, "x");
    flush(f);
    assert_int_equal(f->server.calls, 25);
    moon_loop_advance(f->server.loop, 1);
    created_pod(f, "x");
    created_pod(f, "x");
    flush(f);
    assert_int_equal(f->server.calls, 26);
    /* What was not sent counts all the same. */
    assert_int_equal(moon_json_int(find(f, "Created pod: x"), "count", 0), 102);
    /* Warnings have a share of their own, and so has another object. */
    moon_recorder_event(f->recorder, &f->object, MOON_EVENT_WARNING, "R", "m");
    moon_sym_unref(f->object.uid);
    f->object.uid = moon_intern_cstr("u-2");
    created_pod(f, "x");
    flush(f);
    assert_int_equal(f->server.calls, 28);
}

static bool see(struct moon_correlator *c, const char *message, int64_t now_s,
                struct moon_correlated *ret)
{
    return moon_correlator_see(c,
                               &(struct moon_sighting){.object = "o",
                                                       .type = "Normal",
                                                       .reason = "r",
                                                       .message = message,
                                                       .name = "n",
                                                       .now_ms = now_s * 1000},
                               ret);
}

static void similar_messages_are_forgotten_after_ten_minutes(void **state MOON_UNUSED)
{
    struct moon_correlator *c = moon_correlator_new();
    struct moon_correlated known;
    char message[16];
    for (int i = 0; i < 9; i++) {
        snprintf(message, sizeof message, "m%d", i);
        assert_true(see(c, message, 1000, &known));
        assert_false(known.combined);
    }
    assert_true(see(c, "late", 1000 + 601, &known));
    assert_false(known.combined);
    for (int i = 10; i < 18; i++) {
        snprintf(message, sizeof message, "m%d", i);
        assert_true(see(c, message, 1000 + 1201, &known)); /* 600 s later: not forgotten */
        assert_false(known.combined);
    }
    assert_false(see(c, "tenth", 1000 + 1201, &known) && !known.combined);
    moon_correlator_free(c);
}

/* Nine messages are remembered, so one of them that comes again is not merged: as upstream. */
static void a_message_that_is_remembered_passes_alone(void **state MOON_UNUSED)
{
    struct moon_correlator *c = moon_correlator_new();
    struct moon_correlated known;
    char message[16];
    for (int i = 0; i < 12; i++) {
        snprintf(message, sizeof message, "m%d", i);
        assert_true(see(c, message, 1000, &known));
        assert_int_equal(known.combined, i >= 9);
    }
    assert_true(see(c, "m11", 1000, &known));
    assert_false(known.combined);
    assert_true(see(c, "m0", 1000, &known));
    assert_true(known.combined);
    moon_correlator_free(c);
}

static void memory_is_limited(void **state MOON_UNUSED)
{
    struct moon_correlator *c = moon_correlator_new();
    struct moon_correlated known;
    char object[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(object, sizeof object, "o%d", i);
        assert_true(moon_correlator_see(
            c,
            &(struct moon_sighting){
                .object = object, .type = "t", .reason = "r", .message = "m", .name = object},
            &known));
        assert_int_equal(known.count, 1);
    }
    struct moon_sighting first = {
        .object = "o0", .type = "t", .reason = "r", .message = "m", .name = "again"};
    assert_true(moon_correlator_see(c, &first, &known));
    assert_int_equal(known.count, 1); /* forgotten */
    first.object = "o4999";
    assert_true(moon_correlator_see(c, &first, &known));
    assert_int_equal(known.count, 2);
    moon_correlator_free(c);
}

/* ---- when it does not work ---- */

static struct answer refuse(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                            size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_REFUSE : FAULT_NONE,
                           .status = 403,
                           .reason = "Forbidden",
                           .cause = "NamespaceTerminating"};
}

static void a_refused_event_is_dropped(void **state)
{
    struct fixture *f = *state;
    f->server.plan = refuse;
    created_pod(f, "x");
    created_pod(f, "y");
    flush(f);
    assert_int_equal(f->server.calls, 2);
    assert_null(find(f, "Created pod: x"));
    assert_non_null(find(f, "Created pod: y"));
}

static struct answer cut_after(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                               size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_CUT_AFTER : FAULT_NONE};
}

static void a_lost_answer_makes_no_second_event(void **state)
{
    struct fixture *f = *state;
    f->server.plan = cut_after;
    created_pod(f, "x");
    moon_recorder_flush(f->recorder, 60000, on_flushed, f);
    server_wait_moving(&f->server, f->flushed, 1);
    assert_int_equal(f->server.calls, 2);
    assert_int_equal(f->server.objects_made, 1);
    assert_metric("moonset_events_total{result=\"sent\"} 1\n");
}

static struct answer down(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                          size_t call MOON_UNUSED)
{
    return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "InternalError"};
}

static void a_server_in_trouble_is_asked_a_few_times(void **state)
{
    struct fixture *f = *state;
    f->server.plan = down;
    created_pod(f, "x");
    for (size_t i = 1; i <= 12; i++) {
        server_wait(&f->server, f->server.calls, i);
        server_settle(&f->server);
        moon_loop_advance(f->server.loop, 10000);
    }
    server_settle(&f->server);
    moon_loop_advance(f->server.loop, 60000);
    flush(f);
    assert_int_equal(f->server.calls, 12);
}

static void the_queue_is_limited(void **state)
{
    struct fixture *f = *state;
    char reason[16];
    for (int i = 0; i < 1100; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "u-%d", i);
        snprintf(reason, sizeof reason, "R%d", i);
        moon_sym_unref(f->object.uid);
        f->object.uid = moon_intern_cstr(uid);
        moon_recorder_event(f->recorder, &f->object, MOON_EVENT_NORMAL, reason, "m");
    }
    assert_metric("moonset_events_total{result=\"dropped\"} 100\n");
}

static void a_flush_ends_in_time(void **state)
{
    struct fixture *f = *state;
    f->server.plan = down;
    created_pod(f, "x");
    moon_recorder_flush(f->recorder, 3000, on_flushed, f);
    assert_int_equal(f->flushed, 0);
    moon_loop_advance(f->server.loop, 2999);
    assert_int_equal(f->flushed, 0);
    moon_loop_advance(f->server.loop, 1);
    assert_int_equal(f->flushed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_looks_like_the_stock_one),
        TEST(a_muted_recorder_records_nothing),
        TEST(a_name_that_gets_too_long_is_a_uuid),
        TEST(a_long_message_is_cut_between_characters),
        TEST(equal_events_are_counted),
        TEST(an_event_that_is_gone_is_made_anew),
        TEST(many_different_messages_become_one),
        TEST(an_object_has_its_share),
        cmocka_unit_test(similar_messages_are_forgotten_after_ten_minutes),
        cmocka_unit_test(a_message_that_is_remembered_passes_alone),
        cmocka_unit_test(memory_is_limited),
        TEST(a_refused_event_is_dropped),
        TEST(a_lost_answer_makes_no_second_event),
        TEST(a_server_in_trouble_is_asked_a_few_times),
        TEST(the_queue_is_limited),
        TEST(a_flush_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
