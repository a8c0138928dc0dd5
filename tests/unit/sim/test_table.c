/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/kinds.h"

/* 2026-01-01T00:10:00Z; objects are made ten minutes earlier. */
static const int64_t NOW_S = 1767226200;
#define META(name)                                                                                 \
    "\"metadata\":{\"name\":\"" name "\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\""
#define RUNNING(ready)                                                                             \
    "{\"name\":\"c\",\"ready\":" ready ",\"restartCount\":0,\"state\":{\"running\":{}}}"
#define POD(status)                                                                                \
    "{" META("p") "},\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\"},{"              \
                  "\"name\":\"d\"}]},\"status\":{" status "}}"

static const struct {
    const char *kind;
    const char *object;
    const char *want;
} rows[] = {
    {"DaemonSet",
     "{" META(
         "agent") "},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"},\"matchExpressions\":[{"
                  "\"key\":\"k\",\"operator\":\"In\",\"values\":[\"x\",\"y\"]}]},\"template\":{"
                  "\"spec\":{"
                  "\"nodeSelector\":{\"disk\":\"ssd\"},\"containers\":[{\"name\":\"c\",\"image\":"
                  "\"i:1\"},{\"name\":"
                  "\"d\",\"image\":\"j\"}]}}},\"status\":{\"desiredNumberScheduled\":3,"
                  "\"currentNumberScheduled\":3,"
                  "\"numberReady\":2,\"updatedNumberScheduled\":1,\"numberAvailable\":2}}",
     "[\"agent\",3,3,2,1,2,\"disk=ssd\",\"10m\",\"c,d\",\"i:1,j\",\"a=b,k in (x,y)\"]"},
    {"Pod", POD("\"phase\":\"Pending\""),
     "[\"p\",\"0/2\",\"Pending\",\"0\",\"10m\",\"<none>\",\"n\",\"<none>\",\"<none>\"]"},
    {"Pod",
     POD("\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],\"containerStatuses\":[" RUNNING(
         "true") "," RUNNING("false") "]"),
     "[\"p\",\"1/2\",\"Running\",\"0\",\"10m\",\"10.0.0.1\",\"n\",\"<none>\",\"<none>\"]"},
    {"Pod",
     POD("\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":4,"
         "\"state\":{"
         "\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{"
         "\"finishedAt\":"
         "\"2026-01-01T00:05:00Z\"}}}]"),
     "[\"p\",\"0/2\",\"CrashLoopBackOff\",\"4 (5m ago)\",\"10m\",\"<none>\",\"n\",\"<none>\","
     "\"<none>\"]"},
    {"Pod", POD("\"phase\":\"Failed\",\"reason\":\"Evicted\""),
     "[\"p\",\"0/2\",\"Evicted\",\"0\",\"10m\",\"<none>\",\"n\",\"<none>\",\"<none>\"]"},
    {"Pod",
     POD("\"phase\":\"Failed\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"
         "\"exitCode\":3}}}]"),
     "[\"p\",\"0/2\",\"ExitCode:3\",\"0\",\"10m\",\"<none>\",\"n\",\"<none>\",\"<none>\"]"},
    {"Pod",
     "{" META(
         "p") ",\"deletionTimestamp\":\"2026-01-01T00:11:00Z\"},\"spec\":{\"containers\":[{}]},"
              "\"status\":{\"phase\":\"Running\",\"containerStatuses\":[" RUNNING("true") "]}}",
     "[\"p\",\"1/1\",\"Terminating\",\"0\",\"10m\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
    {"Pod",
     "{" META(
         "p") "},\"spec\":{\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}],\"containers\":[{"
              "}]},\"status\":{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\","
              "\"state\":{"
              "\"terminated\":{\"exitCode\":0}}},{\"name\":\"j\",\"state\":{\"running\":{}}}]}}",
     "[\"p\",\"0/1\",\"Init:1/2\",\"0\",\"10m\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
    {"Node",
     "{" META("n") ",\"labels\":{\"node-role.kubernetes.io/worker\":\"\",\"node-role.kubernetes.io/"
                   "control-plane\":\"\"}},\"spec\":{\"unschedulable\":true},\"status\":{"
                   "\"conditions\":[{\"type\":"
                   "\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\","
                   "\"address\":\"1.2.3.4\"}],"
                   "\"nodeInfo\":{\"kubeletVersion\":\"v1\"}}}",
     "[\"n\",\"Ready,SchedulingDisabled\",\"control-plane,worker\",\"10m\",\"v1\",\"1.2.3.4\","
     "\"<none>\",\"<unknown>\",\"<unknown>\",\"<unknown>\"]"},
    {"Event",
     "{" META("e") "},\"involvedObject\":{\"kind\":\"DaemonSet\",\"name\":\"d\"},\"reason\":\"R\","
                   "\"message\":\" hello "
                   "\",\"type\":\"Normal\",\"count\":3,\"source\":{\"component\":\"ctl\"},"
                   "\"firstTimestamp\":\"2026-01-01T00:00:00Z\",\"lastTimestamp\":\"2026-01-01T00:"
                   "09:30Z\"}",
     "[\"30s\",\"Normal\",\"R\",\"daemonset/d\",\"\",\"ctl\",\"hello\",\"10m\",3,\"e\"]"},
    {"ControllerRevision",
     "{" META(
         "r") ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":"
              "\"d\",\"controller\":true}]},\"revision\":2}",
     "[\"r\",\"daemonset.apps/d\",2,\"10m\"]"},
    {"Service",
     "{" META("s") "},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.9\",\"ports\":[{"
                   "\"port\":80,"
                   "\"nodePort\":30000,\"protocol\":\"TCP\"},{\"port\":81,\"protocol\":\"UDP\"}],"
                   "\"selector\":{\"a\":"
                   "\"b\"}}}",
     "[\"s\",\"NodePort\",\"10.96.0.9\",\"<none>\",\"80:30000/TCP,81/UDP\",\"10m\",\"a=b\"]"},
    {"Endpoints",
     "{" META(
         "e") "},\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"},{\"ip\":\"1.1.1.2\"},{\"ip\":"
              "\"1.1.1.3\"},{\"ip\":\"1.1.1.4\"}],\"ports\":[{\"port\":80}]}]}",
     "[\"e\",\"1.1.1.1:80,1.1.1.2:80,1.1.1.3:80 + 1 more...\",\"10m\"]"},
};

static const struct moon_sim_kind *kind_named(const char *name)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", name);
    return kind != NULL ? kind : moon_sim_kind_by_name("apps", name);
}

static void test_cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        const struct moon_sim_kind *kind = kind_named(rows[i].kind);
        cJSON *cells = cJSON_CreateArray();
        cJSON *object = moon_sim_tree_parse(moon_str(rows[i].object), &err);
        if (object == NULL) {
            fail_msg("%s: %s", err.text, rows[i].object);
        }
        kind->cells(object, NOW_S, cells);
        char *text = cJSON_PrintUnformatted(cells);
        assert_string_equal(text, rows[i].want);
        cJSON_Delete(object);
        cJSON_Delete(cells);
        cJSON_free(text);
    }
}

/* Each kind fills exactly the columns it names, also for an object that has nothing. */
static void test_columns_and_cells_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        const struct moon_sim_kind *kind = moon_sim_kind_at(i);
        int columns = 0;
        if (kind->columns == NULL) {
            continue; /* shown as moon_sim_columns_any */
        }
        cJSON *cells = cJSON_CreateArray();
        cJSON *object = cJSON_CreateObject();
        while (kind->columns[columns].name != NULL) {
            columns++;
        }
        kind->cells(object, NOW_S, cells);
        assert_int_equal(cJSON_GetArraySize(cells), columns);
        cJSON_Delete(object);
        cJSON_Delete(cells);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_columns_and_cells_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
