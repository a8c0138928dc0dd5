/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/pod.h"
#include "projected.h"

#define POD(rest) "{" PROJECTED_HEAD rest "}"

static void done(const struct moon_object *object)
{
    moon_object_unref(object);
    assert_int_equal(moon_intern_count(), 0);
}

static void what_matters_of_a_pod_is_kept(void **state)
{
    (void)state;
    const struct moon_object *o = projected(
        &moon_kind_pod,
        POD(",\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"image\":\"i:1\"},{\"image\":\"j\"}]},"
            "\"status\":{\"phase\":\"Running\",\"startTime\":\"1970-01-01T00:00:05Z\","
            "\"message\":\"m\",\"conditions\":[{\"type\":\"Initialized\",\"status\":\"False\"},"
            "{\"type\":\"Ready\",\"status\":\"True\","
            "\"lastTransitionTime\":\"1970-01-01T00:00:09Z\"},"
            "{\"type\":\"Ready\",\"status\":\"False\"}],"
            "\"containerStatuses\":[{\"restartCount\":2,\"state\":{\"running\":{}}},"
            "{\"restartCount\":3,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}"));
    const struct moon_pod *p = moon_pod(o);
    assert_string_equal(p->node_name, "n");
    assert_ptr_equal(p->target, p->node_name);
    assert_string_equal(p->images, "i:1,j");
    assert_int_equal(p->phase, MOON_PHASE_RUNNING);
    assert_true(p->ready); /* the first condition of the type counts */
    assert_int_equal(p->ready_since_s, 9);
    assert_int_equal(p->started_s, 5);
    assert_int_equal(p->restarts, 5);
    assert_string_equal(p->reason, "CrashLoopBackOff");
    assert_string_equal(p->message, "m");
    done(o);
}

static void a_bare_pod_is_a_pod(void **state)
{
    (void)state;
    const struct moon_object *o = projected(&moon_kind_pod, POD(""));
    const struct moon_pod *p = moon_pod(o);
    assert_null(p->node_name);
    assert_null(p->target);
    assert_int_equal(p->phase, MOON_PHASE_NONE);
    assert_false(p->ready);
    assert_null(p->reason);
    assert_null(p->message);
    assert_string_equal(p->images, "");
    assert_false(moon_pod_is_terminal(p));
    assert_false(moon_pod_is_terminating(p));
    done(o);
}

#define PINNED(node)                                                                               \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"          \
    "{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","    \
    "\"values\":[\"" node "\"]}]}]}}}"

static void the_target_is_where_it_is_or_is_pinned(void **state)
{
    static const struct {
        const char *text;
        const char *node;
        const char *target;
    } rows[] = {
        {POD(",\"spec\":{\"nodeName\":\"n\"}"), "n", "n"},
        {POD(",\"spec\":{" PINNED("p") "}"), NULL, "p"},
        {POD(",\"spec\":{\"nodeName\":\"\"," PINNED("p") "}"), NULL, "p"},
        {POD(",\"spec\":{\"nodeName\":\"n\"," PINNED("p") "}"), "n", "n"},
        {POD(",\"spec\":{}"), NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_pod, rows[i].text);
        assert_true(moon_streq(moon_pod(o)->node_name, rows[i].node));
        assert_true(moon_streq(moon_pod(o)->target, rows[i].target));
        done(o);
    }
}

static void the_reason_is_the_first_that_tells_something(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {POD(",\"status\":{\"reason\":\"Evicted\",\"containerStatuses\":[{\"state\":{\"waiting\":"
             "{\"reason\":\"X\"}}}]}"),
         "Evicted"},
        {POD(",\"status\":{\"initContainerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
             "\"ErrImagePull\"}}}],\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
             "\"PodInitializing\"}}}]}"),
         "ErrImagePull"},
        {POD(",\"status\":{\"containerStatuses\":[{\"state\":{\"running\":{}}}]}"), NULL},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_pod, rows[i].text);
        assert_true(moon_streq(moon_pod(o)->reason, rows[i].reason));
        done(o);
    }
}

#define DIGEST(value)                                                                              \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"annotations\":{\"x\":"     \
    "\"y\","                                                                                       \
    "\"moonset.dev/mutation\":" value "}}}"

static void of_annotations_only_the_digest_is_kept(void **state)
{
    (void)state;
    const struct moon_object *o = projected(&moon_kind_pod, DIGEST("\"d\""));
    assert_string_equal(moon_pod(o)->mutation, "d");
    assert_int_equal(o->annotations.count, 0);
    done(o);
    o = projected(&moon_kind_pod, DIGEST("7")); /* no API server lets that in */
    assert_null(moon_pod(o)->mutation);
    done(o);
    assert_false(projected_same(&moon_kind_pod, DIGEST("\"d\""), DIGEST("\"e\"")));
    assert_int_equal(moon_intern_count(), 0);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct moon_buf text = MOON_BUF_INIT(4096);
    moon_buf_puts(&text, "{" PROJECTED_HEAD ",\"status\":{\"message\":\"x");
    for (int i = 0; i < 150; i++) {
        moon_buf_puts(&text, "é");
    }
    moon_buf_puts(&text, "\"}}");
    const struct moon_object *o = projected(&moon_kind_pod, moon_buf_cstr(&text));
    assert_int_equal(strlen(moon_pod(o)->message), 199); /* not inside a character */
    moon_buf_fini(&text);
    done(o);
}

#define OWNED(kind)                                                                                \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"ownerReferences\":"        \
    "[{\"kind\":\"" kind "\",\"name\":\"o\",\"uid\":\"o\",\"controller\":true}]}}"

static void other_controllers_pods_are_dropped(void **state)
{
    (void)state;
    assert_null(projected(&moon_kind_pod, OWNED("ReplicaSet")));
    assert_null(projected(&moon_kind_pod, OWNED("")));
    moon_object_unref(projected(&moon_kind_any_pod, OWNED("ReplicaSet")));
    const struct moon_object *o = projected(&moon_kind_pod, OWNED("DaemonSet"));
    assert_non_null(o);
    moon_object_unref(o);
    o = projected(&moon_kind_pod, OWNED("MoonSet"));
    assert_non_null(o);
    moon_object_unref(o);
    o = projected(&moon_kind_any_pod, OWNED("ReplicaSet"));
    assert_non_null(o);
    assert_string_equal(moon_pod(o)->meta.controller.name, "o");
    done(o);
}

#define OWNED_BY(api_version)                                                                      \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"ownerReferences\":"        \
    "[{\"apiVersion\":\"" api_version "\",\"kind\":\"DaemonSet\",\"name\":\"o\",\"uid\":\"o\","    \
    "\"controller\":true}]}}"

static void another_groups_daemon_set_is_another_controller(void **state)
{
    static const char *const ours[] = {OWNED_BY("apps/v1"), OWNED_BY("apps/v1beta2"),
                                       OWNED_BY("extensions/v1beta1")};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(ours); i++) {
        const struct moon_object *o = projected(&moon_kind_pod, ours[i]);
        assert_non_null(o);
        moon_object_unref(o);
    }
    assert_null(projected(&moon_kind_pod, OWNED_BY("apps.kruise.io/v1alpha1")));
    assert_null(projected(&moon_kind_pod, OWNED_BY("v1")));
    done(NULL);
}

static void phases_have_names(void **state)
{
    static const struct {
        const char *text;
        enum moon_phase phase;
        bool is_terminal;
    } rows[] = {
        {"", MOON_PHASE_NONE, false},           {"Pending", MOON_PHASE_PENDING, false},
        {"Running", MOON_PHASE_RUNNING, false}, {"Succeeded", MOON_PHASE_SUCCEEDED, true},
        {"Failed", MOON_PHASE_FAILED, true},    {"Unknown", MOON_PHASE_UNKNOWN, false},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_buf text = MOON_BUF_INIT(1024);
        moon_buf_printf(&text, "{" PROJECTED_HEAD ",\"status\":{\"phase\":\"%s\"}}", rows[i].text);
        const struct moon_object *o = projected(&moon_kind_pod, moon_buf_cstr(&text));
        assert_int_equal(moon_pod(o)->phase, rows[i].phase);
        assert_int_equal(moon_pod_is_terminal(moon_pod(o)), rows[i].is_terminal);
        assert_string_equal(moon_phase_name(rows[i].phase), rows[i].text);
        moon_buf_fini(&text);
        done(o);
    }
    const struct moon_object *o =
        projected(&moon_kind_pod, POD(",\"status\":{\"phase\":\"Dreaming\"}"));
    assert_int_equal(moon_pod(o)->phase, MOON_PHASE_UNKNOWN);
    done(o);
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {POD(",\"spec\":{\"containers\":{}}"), "Pod ns/a: spec: containers: not an array"},
        {POD(",\"status\":{\"conditions\":7}"), "Pod ns/a: status: conditions: not an array"},
        {POD(",\"status\":{\"startTime\":\"x\"}"), "Pod ns/a: status: startTime: no RFC 3339 time"},
        {POD(",\"status\":{\"containerStatuses\":{}}"),
         "Pod ns/a: status: containerStatuses: not an array"},
        {POD(",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"lastTransitionTime\":1}]}"),
         "Pod ns/a: status.conditions[Ready]: lastTransitionTime: no RFC 3339 time"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_projection_error(&moon_kind_pod, rows[i].text, rows[i].error);
    }
}

static void pods_are_compared(void **state)
{
    static const char base[] = POD(",\"spec\":{\"x\":1},\"status\":{\"podIP\":\"10.0.0.1\"}");
    static const char *const others[] = {
        POD(",\"spec\":{\"nodeName\":\"n\"}"),
        POD(",\"spec\":{" PINNED("p") "}"),
        POD(",\"spec\":{\"containers\":[{\"image\":\"i\"}]}"),
        POD(",\"status\":{\"phase\":\"Failed\"}"),
        POD(",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}"),
        POD(",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
            "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}"),
        POD(",\"status\":{\"startTime\":\"2026-01-01T00:00:00Z\"}"),
        POD(",\"status\":{\"containerStatuses\":[{\"restartCount\":1}]}"),
        POD(",\"status\":{\"reason\":\"r\"}"),
        POD(",\"status\":{\"message\":\"m\"}"),
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"labels\":{\"a\":\"b\"}}"
        "}",
    };
    (void)state;
    assert_true(projected_same(&moon_kind_pod, base,
                               POD(",\"spec\":{\"x\":2},\"status\":{\"podIP\":\"10.0.0.2\"}")));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(others); i++) {
        assert_false(projected_same(&moon_kind_pod, base, others[i]));
    }
    done(NULL);
}

static void availability_is_counted_from_ready(void **state)
{
    static const struct {
        bool ready;
        int64_t since_s;
        int64_t min_s;
        int64_t now_s;
        bool is_available;
        int64_t in_s;
    } rows[] = {
        {false, 100, 0, 200, false, 0}, /* not ready */
        {true, 0, 0, 200, true, 0},     /* no minimum: the time does not matter */
        {true, 100, 10, 109, false, 1},
        {true, 100, 10, 110, true, 0},  /* <= */
        {true, 100, 10, 90, false, 20}, /* clocks may differ */
        {true, 0, 10, 200, false, 0},   /* ready since nobody knows when: never */
        /* TestIsPodAvailable of the stock controller's helpers: ready for 51 seconds */
        {false, 149, 0, 200, false, 0},
        {true, 0, 1, 200, false, 0},
        {true, 149, 0, 200, true, 0},
        {true, 149, 50, 200, true, 0},
        {true, 149, 51, 200, true, 0},
        {true, 149, 52, 200, false, 1},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_pod p = {.ready = rows[i].ready, .ready_since_s = rows[i].since_s};
        assert_int_equal(moon_pod_is_available(&p, rows[i].min_s, rows[i].now_s),
                         rows[i].is_available);
        assert_int_equal(moon_pod_available_in(&p, rows[i].min_s, rows[i].now_s), rows[i].in_s);
    }
}

static void the_first_in_order_is_kept(void **state)
{
    static const struct moon_pod rows[] = {
        {.node_name = "n", .meta = {.created_s = 5, .name = "z"}},
        {.node_name = "n", .meta = {.created_s = 7, .name = "a"}},
        {.node_name = "n", .meta = {.created_s = 7, .name = "b"}},
        {.node_name = NULL, .meta = {.created_s = 1, .name = "a"}},
        {.node_name = NULL, .meta = {.created_s = 2, .name = "a"}},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        for (size_t k = 0; k < MOON_ARRAY_SIZE(rows); k++) {
            int order = moon_pod_order(&rows[i], &rows[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

#define MARKED(mark, statuses)                                                                     \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"labels\":{"                \
    "\"controller-revision-hash\":\"h2\"},\"annotations\":{\"moonset.dev/in-place\":\"" mark       \
    "\"}},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"       \
    "\"True\","                                                                                    \
    "\"lastTransitionTime\":\"1970-01-01T00:00:09Z\"}]," statuses "}}"
#define RAN(name, restarts, since)                                                                 \
    "{\"name\":\"" name "\",\"restartCount\":" restarts ",\"containerID\":\"x://1\",\"state\":{"   \
    "\"running\":{\"startedAt\":\"1970-01-01T00:00:" since "Z\"}}}"
#define WAITS(name) "{\"name\":\"" name "\",\"restartCount\":0,\"containerID\":\"\",\"state\":{}}"

static void images_that_were_changed_in_place(void **state)
{
    static const struct {
        const char *json;
        bool in_place;
        bool restarting;
        int ready_since_s;
    } rows[] = {
        {MARKED("h2: c=0", "\"containerStatuses\":[" RAN("c", "0", "05") "]"), true, true, 9},
        {MARKED("h2: c=0", "\"containerStatuses\":[" RAN("c", "1", "20") "]"), true, false, 20},
        {MARKED("h2: c=0", "\"containerStatuses\":[" RAN("c", "1", "05") "]"), true, false, 9},
        {MARKED("h1: c=0", "\"containerStatuses\":[" RAN("c", "1", "20") "]"), false, false, 20},
        /* All of them. */
        {MARKED("h2: c=0,d=3",
                "\"containerStatuses\":[" RAN("c", "1", "20") "," RAN("d", "3", "05") "]"),
         true, true, 20},
        {MARKED("h2: c=0,d=3",
                "\"containerStatuses\":[" RAN("c", "1", "20") "," RAN("d", "4", "30") "]"),
         true, false, 30},
        {MARKED("h2: c=0,i=1",
                "\"initContainerStatuses\":[" RAN("i", "2", "30") "],"
                                                                  "\"containerStatuses\":[" RAN(
                                                                      "c", "1", "20") "]"),
         true, false, 30},
        /* One that had never run has not restarted when it runs. */
        {MARKED("h2: c=-1", "\"containerStatuses\":[" WAITS("c") "]"), true, true, 9},
        {MARKED("h2: c=-1", "\"containerStatuses\":[" RAN("c", "0", "20") "]"), true, false, 20},
        {MARKED("h2: c=1", "\"containerStatuses\":[" WAITS("c") "]"), true, true, 9},
        /* Nothing is known of it yet. */
        {MARKED("h2: c=0", "\"containerStatuses\":[]"), true, true, 9},
        /* Others may write there what they like. */
        {MARKED("", "\"containerStatuses\":[]"), false, false, 9},
        {MARKED("true", "\"containerStatuses\":[]"), false, false, 9},
        {MARKED("h2: c", "\"containerStatuses\":[]"), true, false, 9},
        {MARKED("h2: c=x,=", "\"containerStatuses\":[]"), true, false, 9},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_pod, rows[i].json);
        const struct moon_pod *p = moon_pod(o);
        if (p->in_place != rows[i].in_place || p->restarting != rows[i].restarting ||
            p->ready_since_s != rows[i].ready_since_s) {
            fail_msg("%zu: %s: %d %d %d", i, rows[i].json, p->in_place, p->restarting,
                     (int)p->ready_since_s);
        }
        done(o);
    }
}

static void restarts_of_each_container(void **state)
{
    (void)state;
    const struct moon_object *o = projected(
        &moon_kind_pod,
        POD(",\"status\":{\"initContainerStatuses\":[" RAN(
            "i", "7", "01") "],"
                            "\"containerStatuses\":[" RAN("a", "2", "01") "," WAITS("b") "]}"));
    const struct moon_pod *p = moon_pod(o);
    assert_string_equal(p->container_restarts, "i=7,a=2,b=-1");
    assert_int_equal(moon_pod_restarts_of(p, MOON_STR_LIT("a")), 2);
    assert_int_equal(moon_pod_restarts_of(p, MOON_STR_LIT("i")), 7);
    assert_int_equal(moon_pod_restarts_of(p, MOON_STR_LIT("b")), -1);
    assert_int_equal(moon_pod_restarts_of(p, MOON_STR_LIT("c")), -1);
    assert_int_equal(p->restarts, 2);
    done(o);
}

/* The cache holds half a million of these. */
static void a_pod_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct moon_pod) <= 216);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_of_a_pod_is_kept),
        cmocka_unit_test(a_bare_pod_is_a_pod),
        cmocka_unit_test(the_target_is_where_it_is_or_is_pinned),
        cmocka_unit_test(the_reason_is_the_first_that_tells_something),
        cmocka_unit_test(of_annotations_only_the_digest_is_kept),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(other_controllers_pods_are_dropped),
        cmocka_unit_test(another_groups_daemon_set_is_another_controller),
        cmocka_unit_test(phases_have_names),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(pods_are_compared),
        cmocka_unit_test(availability_is_counted_from_ready),
        cmocka_unit_test(the_first_in_order_is_kept),
        cmocka_unit_test(images_that_were_changed_in_place),
        cmocka_unit_test(restarts_of_each_container),
        cmocka_unit_test(a_pod_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
