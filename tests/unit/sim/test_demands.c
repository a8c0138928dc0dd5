/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scheduler reads in a pod's spec.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/demands.h"

static struct moon_demands *read_spec(const char *text, bool is_bound)
{
    struct moon_err err;
    MOON_AUTOJSON *spec = moon_json_parse(moon_str(text), &err);
    if (spec == NULL) {
        fail_msg("%s: %s", err.text, text);
    }
    struct moon_demands *d = moon_demands_new(spec, "home", is_bound, &err);
    if (d == NULL) {
        fail_msg("%s: %s", err.text, text);
    }
    return d;
}

#define CONTAINER(requests) "{\"name\":\"c\",\"resources\":{\"requests\":{" requests "}}}"
#define SIDECAR(requests)                                                                          \
    "{\"name\":\"s\",\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{" requests "}}}"

static const struct {
    const char *what;
    const char *spec;
    int64_t cpu_m;
    int64_t memory;
    int64_t device;
    int64_t score_cpu_m;
} requests[] = {
    {"nothing asked for", "{\"containers\":[{},{}]}", 0, 0, 0, 200},
    {"containers add up",
     "{\"containers\":[" CONTAINER("\"cpu\":\"1\",\"x.io/d\":\"2\"") "," CONTAINER(
         "\"cpu\":\"250m\",\"memory\":\"1Ki\"") "]}",
     1250, 1024, 2, 1250},
    {"parts of a thousandth are rounded up",
     "{\"containers\":[" CONTAINER("\"cpu\":\"100u\",\"memory\":\"100m\"") "]}", 1, 1, 0, 1},
    {"the largest init container alone",
     "{\"initContainers\":[" CONTAINER("\"cpu\":\"2\"") "," CONTAINER(
         "\"cpu\":\"3\"") "],\"containers\":[" CONTAINER("\"cpu\":\"1\",\"memory\":\"5\"") "]}",
     3000, 5, 0, 3000},
    {"unless the containers need more",
     "{\"initContainers\":[" CONTAINER("\"cpu\":\"2\"") "],\"containers\":[" CONTAINER(
         "\"cpu\":\"1500m\"") "," CONTAINER("\"cpu\":\"1500m\"") "]}",
     3000, 0, 0, 3000},
    {"a sidecar stays",
     "{\"initContainers\":[" SIDECAR("\"cpu\":\"1\"") "," CONTAINER(
         "\"cpu\":\"2\"") "],\"containers\":[" CONTAINER("\"cpu\":\"500m\"") "]}",
     3000, 0, 0, 2000},
    {"overhead comes on top",
     "{\"overhead\":{\"cpu\":\"10m\",\"memory\":\"7\"},\"containers\":[" CONTAINER(
         "\"cpu\":\"1\"") "]}",
     1010, 7, 0, 1010},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(requests); i++) {
        struct moon_demands *d = read_spec(requests[i].spec, false);
        if (moon_amounts_get(&d->requests, "cpu") != requests[i].cpu_m ||
            moon_amounts_get(&d->requests, "memory") != requests[i].memory ||
            moon_amounts_get(&d->requests, "x.io/d") != requests[i].device ||
            d->score_cpu_m != requests[i].score_cpu_m) {
            fail_msg("%s: cpu %lld memory %lld device %lld score %lld", requests[i].what,
                     (long long)moon_amounts_get(&d->requests, "cpu"),
                     (long long)moon_amounts_get(&d->requests, "memory"),
                     (long long)moon_amounts_get(&d->requests, "x.io/d"),
                     (long long)d->score_cpu_m);
        }
        assert_int_equal(moon_amounts_get(&d->requests, "pods"), 1);
        moon_demands_free(d);
    }
}

static void test_bad_quantity(void **state)
{
    struct moon_err err;
    MOON_AUTOJSON *spec =
        moon_json_parse(MOON_STR_LIT("{\"containers\":[" CONTAINER("\"cpu\":\"much\"") "]}"), &err);
    (void)state;
    assert_null(moon_demands_new(spec, "home", false, &err));
    assert_non_null(strstr(err.text, "container c: resources.requests: cpu"));
}

#define PORT(members) "{\"containers\":[{\"ports\":[{" members "}]}]}"

static const struct {
    const char *a;
    const char *b;
    bool conflict;
} ports[] = {
    {PORT("\"hostPort\":80"), PORT("\"hostPort\":80"), true},
    {PORT("\"hostPort\":80"), PORT("\"hostPort\":81"), false},
    {PORT("\"containerPort\":80"), PORT("\"containerPort\":80"), false},
    {PORT("\"hostPort\":80"), PORT("\"hostPort\":80,\"protocol\":\"TCP\""), true},
    {PORT("\"hostPort\":80"), PORT("\"hostPort\":80,\"protocol\":\"UDP\""), false},
    {PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.1\""), PORT("\"hostPort\":80"), true},
    {PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.1\""),
     PORT("\"hostPort\":80,\"hostIP\":\"0.0.0.0\""), true},
    {PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.1\""),
     PORT("\"hostPort\":80,\"hostIP\":\"10.0.0.2\""), false},
};

static void test_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(ports); i++) {
        struct moon_demands *a = read_spec(ports[i].a, true);
        struct moon_demands *b = read_spec(ports[i].b, true);
        assert_int_equal(a->port_count, 1);
        if (moon_demand_ports_conflict(&a->ports[0], &b->ports[0]) != ports[i].conflict ||
            moon_demand_ports_conflict(&b->ports[0], &a->ports[0]) != ports[i].conflict) {
            fail_msg("%s and %s", ports[i].a, ports[i].b);
        }
        moon_demands_free(a);
        moon_demands_free(b);
    }
}

#define ANTI(term)                                                                                 \
    "{\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":["     \
    "{\"topologyKey\":\"zone\"," term "}]}}}"
#define APP_A "\"labelSelector\":{\"matchLabels\":{\"app\":\"a\"}}"

static const struct {
    const char *spec;
    const char *namespace;
    const char *app;
    bool matches;
} terms[] = {
    {ANTI(APP_A), "home", "a", true},
    {ANTI(APP_A), "home", "b", false},
    {ANTI(APP_A), "away", "a", false},
    {ANTI(APP_A ",\"namespaces\":[\"away\"]"), "away", "a", true},
    {ANTI(APP_A ",\"namespaces\":[\"away\"]"), "home", "a", false},
    {ANTI(APP_A ",\"namespaceSelector\":{}"), "away", "a", true},
    {ANTI("\"labelSelector\":{}"), "home", "b", true},
    {ANTI("\"namespaces\":[]"), "home", "b", false},
};

static void test_terms(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(terms); i++) {
        struct moon_demands *d = read_spec(terms[i].spec, true);
        struct moon_labels labels = {0};
        moon_sym namespace = moon_intern_cstr(terms[i].namespace);
        moon_labels_set(&labels, "app", terms[i].app);
        assert_int_equal(d->anti_affinity.count, 1);
        assert_string_equal(d->anti_affinity.items[0].topology_key, "zone");
        if (moon_pod_term_matches(&d->anti_affinity.items[0], namespace, &labels) !=
            terms[i].matches) {
            fail_msg("%s: %s/app=%s", terms[i].spec, terms[i].namespace, terms[i].app);
        }
        moon_labels_fini(&labels);
        moon_sym_unref(namespace);
        moon_demands_free(d);
    }
}

static void test_bound_pods_stay_small(void **state)
{
    static const char spec[] =
        "{\"preemptionPolicy\":\"Never\",\"affinity\":{"
        "\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":["
        "{\"weight\":3,\"preference\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":"
        "\"Exists\"}]}}]},"
        "\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":["
        "{\"topologyKey\":\"z\"}]},"
        "\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":["
        "{\"weight\":5,\"podAffinityTerm\":{\"topologyKey\":\"z\"}}]}},"
        "\"topologySpreadConstraints\":[{\"maxSkew\":2,\"topologyKey\":\"z\","
        "\"whenUnsatisfiable\":\"DoNotSchedule\"}]}";
    struct moon_demands *unbound = read_spec(spec, false);
    struct moon_demands *bound = read_spec(spec, true);
    (void)state;
    assert_true(unbound->never_preempts);
    assert_int_equal(unbound->affinity.count, 1);
    assert_int_equal(unbound->preferred.count, 1);
    assert_int_equal(unbound->preferred.items[0].weight, -5);
    assert_int_equal(unbound->preference_count, 1);
    assert_int_equal(unbound->preferences[0].weight, 3);
    assert_int_equal(unbound->spread_count, 1);
    assert_true(unbound->spreads[0].is_hard);
    assert_int_equal(bound->affinity.count + bound->preferred.count, 0);
    assert_int_equal(bound->preference_count + bound->spread_count, 0);
    moon_demands_free(unbound);
    moon_demands_free(bound);
}

static void test_amounts(void **state)
{
    struct moon_amounts a = {0};
    struct moon_amounts b = {0};
    (void)state;
    moon_amounts_set(&a, "cpu", 5);
    moon_amounts_set(&a, "memory", INT64_MAX);
    moon_amounts_set(&b, "memory", 1);
    moon_amounts_set(&b, "pods", 2);
    moon_amounts_add(&a, &b);
    assert_int_equal(moon_amounts_get(&a, "memory"), INT64_MAX);
    assert_int_equal(moon_amounts_get(&a, "pods"), 2);
    moon_amounts_sub(&a, &b);
    assert_int_equal(moon_amounts_get(&a, "pods"), 0);
    assert_int_equal(moon_amounts_get(&a, "none"), 0);
    assert_false(moon_amounts_equal(&a, &b));
    moon_amounts_max(&b, &a);
    assert_int_equal(moon_amounts_get(&b, "pods"), 2);
    assert_int_equal(moon_amounts_get(&b, "cpu"), 5);
    moon_amounts_set(&a, "pods", 2);
    assert_int_equal(moon_amounts_get(&b, "memory"), INT64_MAX - 1);
    assert_true(moon_amounts_equal(&a, &b));
    moon_amounts_fini(&a);
    moon_amounts_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_bad_quantity),
        cmocka_unit_test(test_ports),    cmocka_unit_test(test_terms),
        cmocka_unit_test(test_amounts),  cmocka_unit_test(test_bound_pods_stay_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
