/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_reconcile.c - what one node event costs when everything is settled.
 *
 *   bench_reconcile [nodes [sets [rounds]]]      (5000, 10, 200)
 *
 * Fills the stores with nodes, sets, their revisions and one ready pod per node and set, settles
 * all sets, then changes a label of one node per round and reconciles every set. Prints the CPU
 * time of a round: storing the event, reconciling all sets, and the slowest round; once with a
 * label no set looks at, once with one that ten nodes' worth of decisions hang on. Build it without
 * sanitizers, optimised; ctest does not run it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemonset/daemonset_priv.h"

enum {
    TEXT_MAX = 16 * 1024,
    MAX_ROUNDS = 10000,
};

#define LABELS "{\"app\":\"agent\"}"
#define TEMPLATE                                                                                   \
    "{\"metadata\":{\"labels\":" LABELS "},\"spec\":{\"nodeSelector\":{\"kubernetes.io/os\":"      \
    "\"linux\"},\"containers\":[{\"image\":\"agent:1\",\"name\":\"c\"}]}}"
#define DATA                                                                                       \
    "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":" LABELS             \
    "},\"spec\":{\"containers\":[{\"image\":\"agent:1\",\"name\":\"c\"}],\"nodeSelector\":{"       \
    "\"kubernetes.io/os\":\"linux\"}}}}}"

struct bench {
    struct moon_loop *loop;
    struct moon_client *client;
    struct moon_internal in;
    struct moon_ds ds;
    uint64_t version;
    int nodes;
    int sets;
    struct moon_buf text;
};

static double cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_reconcile: %s\n", what);
    exit(1);
}

/* ---- the world ---- */

static void put(struct bench *b, struct moon_informer *i, const struct moon_kind *kind)
{
    struct moon_object *object;
    struct moon_err err;

    if (moon_object_project(kind, moon_buf_str(&b->text), &object, &err) != 0) {
        die(err.text);
    }
    moon_store_put_event(moon_informer_store(i), object);
    moon_buf_clear(&b->text);
}

static void begin(struct bench *b, const char *namespace)
{
    moon_buf_printf(&b->text, "{\"metadata\":{%s\"resourceVersion\":\"%llu\",", namespace,
                    (unsigned long long)++b->version);
}

static void put_node(struct bench *b, int i, const char *label, const char *os)
{
    begin(b, "");
    moon_buf_printf(&b->text,
                    "\"name\":\"node-%06d\",\"uid\":\"node-%06d\",\"labels\":{\"kubernetes.io/os\":"
                    "\"%s\",\"label\":\"%s\"}}}",
                    i, i, os, label);
    put(b, b->ds.nodes, &moon_kind_node);
}

static void put_revision(struct bench *b, int i)
{
    begin(b, "\"namespace\":\"default\",");
    moon_buf_printf(&b->text,
                    "\"name\":\"set-%d-hash\",\"uid\":\"revision-%d\",\"labels\":{\"app\":"
                    "\"agent\",\"controller-revision-hash\":\"hash\"},\"ownerReferences\":[{"
                    "\"kind\":\"DaemonSet\",\"uid\":\"set-%d\",\"controller\":true}]},"
                    "\"revision\":1,\"data\":" DATA "}",
                    i, i, i);
    put(b, b->ds.revisions, &moon_kind_revision);
}

static void put_pod(struct bench *b, int set, int node)
{
    begin(b, "\"namespace\":\"default\",");
    moon_buf_printf(
        &b->text,
        "\"name\":\"set-%d-%06d\",\"uid\":\"pod-%d-%06d\",\"labels\":{\"app\":\"agent\","
        "\"controller-revision-hash\":\"hash\"},\"ownerReferences\":[{\"kind\":\"DaemonSet\","
        "\"uid\":\"set-%d\",\"controller\":true}]},\"spec\":{\"nodeName\":\"node-%06d\"},"
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}"
        "]}}",
        set, node, set, node, set, node);
    put(b, b->ds.pods, &moon_kind_pod);
}

/* With the status that it will settle to, so that nothing is left to write. */
static void put_set(struct bench *b, int i)
{
    begin(b, "\"namespace\":\"default\",");
    moon_buf_printf(&b->text,
                    "\"name\":\"set-%d\",\"uid\":\"set-%d\",\"generation\":1},\"spec\":{"
                    "\"selector\":{\"matchLabels\":" LABELS "},\"template\":" TEMPLATE ","
                    "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{"
                    "\"maxUnavailable\":1}}},\"status\":{\"desiredNumberScheduled\":%d,"
                    "\"currentNumberScheduled\":%d,\"numberReady\":%d,\"numberAvailable\":%d,"
                    "\"updatedNumberScheduled\":%d,\"observedGeneration\":1}}",
                    i, i, b->nodes, b->nodes, b->nodes, b->nodes, b->nodes);
    put(b, b->ds.sets, &moon_kind_daemonset);
}

static void listen_policies(const struct moon_internal *in MOON_UNUSED,
                            void (*on_report)(const struct moon_policy_report *report, void *ctx)
                                MOON_UNUSED,
                            void (*on_changed)(void *ctx) MOON_UNUSED, void *ctx MOON_UNUSED)
{
}

static void sync_empty(struct moon_informer *i)
{
    moon_store_list_begin(moon_informer_store(i));
    moon_store_list_end(moon_informer_store(i), 1);
}

static void start(struct bench *b)
{
    struct moon_err err;

    b->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    b->client = moon_client_new(b->loop, moon_kubeconfig_for_server("http://127.0.0.1:1"),
                                &(struct moon_client_opts){0}, &err);
    struct moon_config *config = moon_config_new();
    config->pod_watch = MOON_POD_WATCH_ALL;
    b->in = (struct moon_internal){
        .loop = b->loop,
        .config = config,
        .client = b->client,
        .apply = moon_apply_new(b->client, &(struct moon_apply_opts){0}),
        .policies = moon_policies_new(NULL, &(struct moon_policies_opts){0}, &err),
        .listen_policies = listen_policies,
    };
    if (b->in.policies == NULL) {
        die(err.text);
    }
    b->ds.in = &b->in;
    b->ds.controller = moon_controller_new(
        b->loop, b->in.apply,
        &(struct moon_controller_opts){
            .name = "daemonset", .reconcile = moon_ds_reconcile, .ctx = &b->ds});
    moon_ds_wake_init(&b->ds);
    sync_empty(b->ds.nodes);
    sync_empty(b->ds.pods);
    sync_empty(b->ds.revisions);
    sync_empty(b->ds.sets);
}

static void fill(struct bench *b)
{
    for (int i = 0; i < b->nodes; i++) {
        put_node(b, i, "a", "linux");
    }
    for (int i = 0; i < b->sets; i++) {
        put_revision(b, i);
        put_set(b, i);
        for (int n = 0; n < b->nodes; n++) {
            put_pod(b, i, n);
        }
    }
}

static void stop(struct bench *b)
{
    moon_apply_free(b->in.apply);
    b->in.apply = NULL;
    moon_ds_wake_stop(&b->ds);
    moon_controller_free(b->ds.controller);
    moon_policies_free(b->in.policies);
    moon_client_free(b->client);
    moon_buf_fini(&b->text);
}

/* ---- measuring ---- */

/* Returns the actions planned, which end at once as if the process stopped. */
static size_t reconcile_all(struct bench *b)
{
    struct moon_err err;
    size_t actions = 0;
    char key[64];

    for (int i = 0; i < b->sets; i++) {
        (void)snprintf(key, sizeof(key), "default/set-%d", i);
        struct moon_plan *plan = moon_plan_new(moon_str(key));
        if (moon_ds_reconcile(moon_str(key), plan, &b->ds, &err) != 0) {
            die(err.text);
        }
        for (size_t a = 0; a < moon_plan_count(plan); a++) {
            const struct moon_action *action = moon_plan_get(plan, a);
            (void)moon_err_set(&err, MOON_E_CANCELLED, "stop");
            action->on_done(&(struct moon_result){.action = action, .err = &err, .quiet = true},
                            action->ctx);
        }
        actions += moon_plan_count(plan);
        moon_plan_free(plan);
    }
    return actions;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One round per entry: nodes spread over the cluster; `decides`: the label is the one that the
 * sets' node selector asks for. */
static void measure(struct bench *b, const char *what, int rounds, bool decides)
{
    static double store_us[MAX_ROUNDS];
    static double all_us[MAX_ROUNDS];
    size_t actions = 0;

    for (int i = 0; i < rounds; i++) {
        int node = (int)((int64_t)i * 7919 % b->nodes);
        double t0 = cpu_us();
        put_node(b, node, i % 2 == 0 ? "b" : "c", decides && i % 2 == 0 ? "other" : "linux");
        double t1 = cpu_us();
        actions += reconcile_all(b);
        double t2 = cpu_us();
        store_us[i] = t1 - t0;
        all_us[i] = t2 - t1;
        put_node(b, node, "a", "linux");
        (void)reconcile_all(b);
    }
    qsort(store_us, (size_t)rounds, sizeof(double), by_value);
    qsort(all_us, (size_t)rounds, sizeof(double), by_value);
    (void)printf("%-12s event %6.1f us, %d reconciles %7.1f us (median), %7.1f us (slowest), "
                 "%.1f actions\n",
                 what, store_us[rounds / 2], b->sets, all_us[rounds / 2], all_us[rounds - 1],
                 (double)actions / rounds);
}

static int argument(char **argv, int argc, int i, int fallback)
{
    int64_t value = fallback;

    if (i < argc && (!moon_parse_i64(moon_str(argv[i]), &value) || value < 1 || value > 1000000)) {
        die("an argument is no number from 1 to 1000000");
    }
    return (int)value;
}

int main(int argc, char **argv)
{
    struct bench b = {.version = 100};
    int rounds = argument(argv, argc, 3, 200);

    b.nodes = argument(argv, argc, 1, 5000);
    b.sets = argument(argv, argc, 2, 10);
    rounds = rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
    moon_buf_init(&b.text, TEXT_MAX);
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, 2);
    double t0 = cpu_us();
    start(&b);
    fill(&b);
    double t1 = cpu_us();
    for (int i = 0; i < 2; i++) {
        (void)reconcile_all(&b);
    }
    double t2 = cpu_us();
    if (reconcile_all(&b) != 0) {
        die("the sets are not settled");
    }
    (void)printf("%d nodes, %d sets: filled in %.0f ms, first reconciles %.0f ms\n", b.nodes,
                 b.sets, (t1 - t0) / 1e3, (t2 - t1) / 1e3);
    measure(&b, "other label", rounds, false);
    measure(&b, "selected by", rounds, true);
    stop(&b);
    return 0;
}
