/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_select.c - what one placement decision of the stock policy costs, over 5,000 nodes.
 *
 *   bench_select [rounds]
 *
 * Prints nanoseconds of thread CPU per decision: best and median of the rounds. Build it without
 * sanitizers, optimised; ctest does not run it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/hooks.h"

enum {
    NODES = 5000,
    DEFAULT_ROUNDS = 40,
    MAX_ROUNDS = 1000,
};

static const char set_json[] =
    "{\"metadata\":{\"name\":\"agent\",\"namespace\":\"default\",\"uid\":\"u\","
    "\"resourceVersion\":\"1\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"agent\"}},"
    "\"updateStrategy\":{\"type\":\"RollingUpdate\"},\"template\":{\"metadata\":{\"labels\":"
    "{\"app\":\"agent\"}},\"spec\":{\"nodeSelector\":{\"kubernetes.io/os\":\"linux\"},"
    "\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Exists\"}],\"affinity\":"
    "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":"
    "[{\"matchExpressions\":[{\"key\":\"tier\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}]}]}}}}"
    "}"
    "}}";

static const struct moon_object *project(const struct moon_kind *kind, const char *json)
{
    struct moon_object *object = NULL;
    struct moon_err err;

    if (moon_object_project(kind, moon_str(json), &object, &err) != 0) {
        (void)fprintf(stderr, "bench_select: %s\n", err.text);
        exit(1);
    }
    return object;
}

/* Every third node has a taint, every fourth is of a tier that is not wanted. */
static const struct moon_node *make_node(int i)
{
    char json[1024];

    (void)snprintf(
        json, sizeof(json),
        "{\"metadata\":{\"name\":\"node-%05d\",\"uid\":\"u%d\",\"resourceVersion\":\"1\","
        "\"labels\":{\"kubernetes.io/os\":\"linux\",\"kubernetes.io/arch\":\"amd64\","
        "\"kubernetes.io/hostname\":\"node-%05d\",\"topology.kubernetes.io/zone\":\"z%d\","
        "\"tier\":\"%c\",\"pool\":\"p%d\"}},\"spec\":{\"taints\":[%s]}}",
        i, i, i, i % 3, "abac"[i % 4], i % 7,
        i % 3 == 0 ? "{\"key\":\"dedicated\",\"effect\":\"NoSchedule\"}" : "");
    return moon_node(project(&moon_kind_node, json));
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double round_ns(struct moon_chain *chain, const struct moon_set_view *set,
                       const struct moon_node *const *nodes, struct moon_decision *decisions)
{
    double start = now_ns();

    moon_hook_select(chain, set, nodes, NODES, decisions);
    double used = now_ns() - start;
    for (int i = 0; i < NODES; i++) {
        if (decisions[i].placement == MOON_PLACEMENT_UNDECIDED) {
            (void)fprintf(stderr, "bench_select: a node was not decided\n");
            exit(1);
        }
        moon_decision_fini(&decisions[i]);
    }
    return used / NODES;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const struct moon_node *nodes[NODES];
    static struct moon_decision decisions[NODES];
    static double rounds[MAX_ROUNDS];
    int64_t count = DEFAULT_ROUNDS;
    struct moon_err err;

    if (argc > 1 &&
        (!moon_parse_i64(moon_str(argv[1]), &count) || count < 1 || count > MAX_ROUNDS)) {
        (void)fprintf(stderr, "usage: bench_select [rounds]\n");
        return 2;
    }
    for (int i = 0; i < NODES; i++) {
        nodes[i] = make_node(i);
    }
    const struct moon_daemonset *object = moon_daemonset(project(&moon_kind_daemonset, set_json));
    struct moon_set_view view = {
        .set = object, .tolerations = &object->tolerations, .desired = NODES, .revision = "r"};
    struct moon_policies *policies = moon_policies_new(NULL, &(struct moon_policies_opts){0}, &err);
    struct moon_chain *chain =
        policies != NULL ? moon_chain_new(policies, &(struct moon_chain_opts){0}, &err) : NULL;
    if (chain == NULL) {
        (void)fprintf(stderr, "bench_select: %s\n", err.text);
        return 1;
    }
    for (int64_t i = 0; i < count; i++) {
        rounds[i] = round_ns(chain, &view, nodes, decisions);
    }
    qsort(rounds, (size_t)count, sizeof(rounds[0]), compare);
    printf("nodes=%d rounds=%lld best=%.0fns median=%.0fns\n", NODES, (long long)count, rounds[0],
           rounds[count / 2]);
    moon_chain_free(chain);
    moon_policies_free(policies);
    for (int i = 0; i < NODES; i++) {
        moon_object_unref(&nodes[i]->meta);
    }
    moon_object_unref(&object->meta);
    return 0;
}
