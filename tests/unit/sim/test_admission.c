/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pods a kubelet turns away, and in which order it gives them up under pressure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/admission.h"
#include "sim/pressure.h"

static const struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
    if (json == NULL ||
        moon_object_project_json(kind, json, (struct moon_str){0}, &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

/* `spec` and `more` (after spec): members, each with a comma behind it. */
static const struct moon_object *pod_with(const char *name, const char *spec, const char *more)
{
    MOON_AUTOFREE char *text = moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\","
                                             "\"uid\":\"%s\"},\"spec\":{%s\"nodeName\":\"n\"},%s"
                                             "\"kind\":\"Pod\"}",
                                             name, name, spec, more);
    return project(&moon_kind_played_pod, text);
}

#define ORDER(key, value) "\"sim.moonset.dev/" key "\":\"" value "\""
#define ASKS(requests)                                                                             \
    "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{" requests "}}}" \
    "],"
#define PORT(port)                                                                                 \
    "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":1,"             \
    "\"hostPort\":" port "}]}],"
#define BEST_EFFORT "\"status\":{\"qosClass\":\"BestEffort\"},"
#define CRITICAL "\"priority\":2000001000,"
#define BEARS_PRESSURE                                                                             \
    "\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"Exists\"}],"

static const struct row {
    const char *name;
    const char *orders; /* of the node */
    const char *spec;
    const char *more;
    const char *want; /* "" welcome, else "reason: message" */
} rows[] = {
    {"welcome", "", ASKS("\"cpu\":\"1\""), "", ""},
    {"rejected by order", ORDER("reject", "UnexpectedAdmissionError"), ASKS(""), "",
     "UnexpectedAdmissionError: Pod was rejected: UnexpectedAdmissionError"},
    {"not enough cpu", "", ASKS("\"cpu\":\"1500m\""), "",
     "OutOfcpu: Pod Node didn't have enough resource: cpu, requested: 1500, used: 1000, "
     "capacity: 2000"},
    {"the last bit of cpu", "", ASKS("\"cpu\":\"1\""), "", ""},
    {"not enough memory", "", ASKS("\"cpu\":\"1\",\"memory\":\"2Gi\""), "",
     "OutOfmemory: Pod Node didn't have enough resource: memory, requested: 2147483648, used: 0, "
     "capacity: 1073741824"},
    {"a device there are too few of", "", ASKS("\"example.com/gpu\":\"2\""), "",
     "OutOfexample.com/gpu: Pod Node didn't have enough resource: example.com/gpu, requested: 2, "
     "used: 0, capacity: 1"},
    {"a device the node does not know", "", ASKS("\"example.com/tpu\":\"1\""), "", ""},
    {"another node was meant", "", "\"nodeSelector\":{\"disk\":\"ssd\"},", "",
     "NodeAffinity: Pod Predicate NodeAffinity failed"},
    {"a port that is taken", "", PORT("80"), "", "NodePorts: Pod Predicate NodePorts failed"},
    {"a port that is free", "", PORT("81"), "", ""},
    {"best effort under memory pressure", ORDER("pressure", "memory"), ASKS(""), BEST_EFFORT,
     "Evicted: Pod The node had condition: [MemoryPressure]. "},
    {"which it bears", ORDER("pressure", "memory"), BEARS_PRESSURE, BEST_EFFORT, ""},
    {"who asks for something is welcome", ORDER("pressure", "memory"), ASKS("\"cpu\":\"1m\""), "",
     ""},
    {"nobody under disk pressure", ORDER("pressure", "disk"), BEARS_PRESSURE, "",
     "Evicted: Pod The node had condition: [DiskPressure]. "},
    {"nobody under two kinds", ORDER("pressure", "memory, pid"), BEARS_PRESSURE, BEST_EFFORT,
     "Evicted: Pod The node had condition: [MemoryPressure PIDPressure]. "},
    {"but critical ones", ORDER("pressure", "memory,disk,pid"), CRITICAL, BEST_EFFORT, ""},
    {"pressure that is not understood", ORDER("pressure", "noise"), ASKS(""), BEST_EFFORT, ""},
};

static void test_admission(void **state)
{
    (void)state;
    const struct moon_object *other = pod_with("other",
                                               "\"containers\":[{\"name\":\"c\",\"image\":\"i\","
                                               "\"resources\":{\"requests\":{\"cpu\":\"1\"}},"
                                               "\"ports\":[{\"containerPort\":1,\"hostPort\":80}]"
                                               "}],",
                                               "");
    const struct moon_played_pod *items[] = {moon_played_pod(other)};
    const struct moon_admitted others = {items, 1};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        MOON_CLEANUP(moon_buf_fini) struct moon_buf reason = MOON_BUF_INIT(1024);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf message = MOON_BUF_INIT(1024);
        MOON_AUTOFREE char *text = moon_asprintf(
            "{\"metadata\":{\"name\":\"n\",\"uid\":\"n\",\"labels\":{\"disk\":\"hdd\"},"
            "\"annotations\":{%s}},\"status\":{\"allocatable\":{\"cpu\":\"2\",\"memory\":\"1Gi\","
            "\"pods\":\"2\",\"example.com/gpu\":\"1\"}}}",
            row->orders);
        const struct moon_object *node = project(&moon_kind_played_node, text);
        const struct moon_object *pod = pod_with("p", row->spec, row->more);
        bool is_refused = moon_admission_refuses(moon_played_pod(pod), moon_played_node(node),
                                                 &others, &reason, &message);
        MOON_AUTOFREE char *got =
            is_refused ? moon_asprintf("%s: %s", moon_buf_cstr(&reason), moon_buf_cstr(&message))
                       : moon_strdup("");
        if (strcmp(got, row->want) != 0) {
            fail_msg("%s: want \"%s\"\ngot \"%s\"", row->name, row->want, got);
        }
        moon_object_unref(pod);
        moon_object_unref(node);
    }
    moon_object_unref(other);
}

static void test_a_full_node(void **state)
{
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf reason = MOON_BUF_INIT(1024);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf message = MOON_BUF_INIT(1024);
    const struct moon_object *node =
        project(&moon_kind_played_node, "{\"metadata\":{\"name\":\"n\",\"uid\":\"n\"},\"status\":"
                                        "{\"allocatable\":{\"pods\":\"1\"}}}");
    const struct moon_object *a = pod_with("a", ASKS(""), "");
    const struct moon_object *b = pod_with("b", ASKS(""), "");
    const struct moon_played_pod *items[] = {moon_played_pod(a)};
    const struct moon_admitted nobody = {0};
    const struct moon_admitted one = {items, 1};
    assert_false(moon_admission_refuses(moon_played_pod(b), moon_played_node(node), &nobody,
                                        &reason, &message));
    assert_true(moon_admission_refuses(moon_played_pod(b), moon_played_node(node), &one, &reason,
                                       &message));
    assert_string_equal(moon_buf_cstr(&reason), "OutOfpods");
    moon_object_unref(a);
    moon_object_unref(b);
    moon_object_unref(node);
}

/* ---- pressure ---- */

#define STARTED(second) "\"startTime\":\"2026-01-01T00:00:" second "Z\""

/* In no order. */
static const struct candidate {
    const char *name;
    const char *spec;
    const char *more;
} candidates[] = {
    {"guaranteed", ASKS("\"cpu\":\"1\""),
     "\"status\":{\"qosClass\":\"Guaranteed\"," STARTED("01") "},"},
    {"critical", CRITICAL, "\"status\":{\"qosClass\":\"BestEffort\"," STARTED("09") "},"},
    {"old", "", "\"status\":{\"qosClass\":\"BestEffort\"," STARTED("02") "},"},
    {"important", "\"priority\":1000,",
     "\"status\":{\"qosClass\":\"BestEffort\"," STARTED("05") "},"},
    {"young", "", "\"status\":{\"qosClass\":\"BestEffort\"," STARTED("03") "},"},
    {"burstable", ASKS("\"cpu\":\"1\"") "\"priority\":-5,",
     "\"status\":{\"qosClass\":\"Burstable\"," STARTED("08") "},"},
};

static void test_order_of_eviction(void **state)
{
    static const struct {
        enum moon_pressure pressure;
        const char *want;
    } orders[] = {
        {MOON_PRESSURE_MEMORY, "young old important burstable guaranteed "},
        {MOON_PRESSURE_DISK, "young old important burstable guaranteed "},
        {MOON_PRESSURE_PID, "burstable young old guaranteed important "},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(orders); i++) {
        const struct moon_played_pod *pods[MOON_ARRAY_SIZE(candidates)];
        size_t count = MOON_ARRAY_SIZE(candidates);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf got = MOON_BUF_INIT(1024);
        for (size_t k = 0; k < count; k++) {
            pods[k] = moon_played_pod(
                pod_with(candidates[k].name, candidates[k].spec, candidates[k].more));
        }
        const struct moon_played_pod *victim;
        while ((victim = moon_pressure_victim(pods, count, orders[i].pressure)) != NULL) {
            size_t k = 0;
            while (pods[k] != victim) {
                k++;
            }
            moon_buf_printf(&got, "%s ", victim->meta.name);
            moon_object_unref(&victim->meta);
            pods[k] = pods[--count];
        }
        assert_string_equal(moon_buf_cstr(&got), orders[i].want);
        assert_int_equal(count, 1); /* the critical one */
        moon_object_unref(&pods[0]->meta);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission),
        cmocka_unit_test(test_a_full_node),
        cmocka_unit_test(test_order_of_eviction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
