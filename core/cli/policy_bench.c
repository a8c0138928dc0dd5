/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_bench.c - `moonset policy bench`: what each hook of a policy costs over very many nodes.
 *
 * Times are of the thread's own CPU, the best of several rounds: what else the machine does
 * disturbs them least so. As they differ between machines all the same, compare what one run
 * prints.
 */
#include "cli/policy_bench.h"

#include <stdio.h>

#include "cli/bench_cluster.h"
#include "cli/cli.h"
#include "cli/policy_cmds.h"
#include "policy/budget.h"

enum {
    DEFAULT_NODES = 100000,
    MAX_NODES = 1000000,
    MAX_POLICIES = 64,
    MIN_ROUNDS = 3,
    MAX_ROUNDS = 50,
    ROUNDS_NS = 300 * 1000 * 1000, /* of one measurement */
    BUDGET_SCALE = 20,             /* a slow policy is to be measured, not stopped */
    NS_PER_MS = 1000 * 1000,
};

/* ---- the command line ---- */

struct args {
    const char *dirs[MAX_POLICIES + 1];
    size_t dir_count;
    char *names[MAX_POLICIES];
    size_t name_count;
    char *own_dirs[MAX_POLICIES]; /* of files */
    size_t own_dir_count;
    const char *params;
    int64_t nodes;
    bool json;
};

static void args_fini(struct args *a)
{
    for (size_t i = 0; i < a->name_count; i++) {
        moon_free(a->names[i]);
    }
    for (size_t i = 0; i < a->own_dir_count; i++) {
        moon_free(a->own_dirs[i]);
    }
}

/* A file is the policy of its name in the folder that the name is relative to. */
static void take_file(struct args *a, const struct moon_policies *stock, const char *path)
{
    char *name = moon_policy_name_of(stock, path, ".lua");
    size_t len = strlen(path) - strlen(name) - strlen(".lua");
    char *dir = len > 0 ? moon_strndup(path, len) : moon_strdup(".");

    a->names[a->name_count++] = name;
    a->own_dirs[a->own_dir_count++] = dir;
    a->dirs[a->dir_count++] = dir;
}

static int take_word(struct args *a, const struct moon_policies *stock, const char *word)
{
    if (a->name_count == MAX_POLICIES || a->dir_count == MAX_POLICIES) {
        return moon_policy_wrong_usage("bench: too many policies: ", word);
    }
    if (moon_str_ends(moon_str(word), ".lua")) {
        take_file(a, stock, word);
    } else {
        a->names[a->name_count++] = moon_strdup(word);
    }
    return 0;
}

static int take_flag(struct args *a, const char *flag, const char *value)
{
    if (value == NULL) {
        return moon_policy_wrong_usage("bench: a flag without a value, or an unknown one: ", flag);
    }
    if (moon_streq(flag, "--nodes")) {
        return moon_parse_i64(moon_str(value), &a->nodes) && a->nodes > 0 && a->nodes <= MAX_NODES
                   ? 0
                   : moon_policy_wrong_usage("bench: not a number of nodes: ", value);
    }
    if (moon_streq(flag, "--params")) {
        a->params = value;
        return 0;
    }
    if (moon_streq(flag, "-o")) {
        a->json = moon_streq(value, "json");
        return a->json || moon_streq(value, "table")
                   ? 0
                   : moon_policy_wrong_usage("bench: -o is table or json, not ", value);
    }
    if (moon_streq(flag, "--policy-dir") && a->dir_count < MAX_POLICIES) {
        a->dirs[a->dir_count++] = value;
        return 0;
    }
    return moon_policy_wrong_usage("bench: unknown flag ", flag);
}

static int read_args(struct args *a, const struct moon_policies *stock, int argc, char **argv)
{
    static const char *const all[] = {"node-selection/default", "tolerations/default",
                                      "update/rolling"};
    int rc = 0;

    for (int i = 1; rc == 0 && i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (argv[i][0] != '-') {
            rc = take_word(a, stock, argv[i]);
        } else if (equals != NULL) {
            MOON_AUTOFREE char *flag = moon_strndup(argv[i], (size_t)(equals - argv[i]));
            rc = take_flag(a, flag, equals + 1);
        } else {
            rc = take_flag(a, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
            i++;
        }
    }
    bool none = a->name_count == 0;
    for (size_t i = 0; rc == 0 && none && i < MOON_ARRAY_SIZE(all); i++) {
        rc = take_word(a, stock, all[i]);
    }
    return rc;
}

/* ---- what is measured ---- */

struct bench {
    struct moon_bench_cluster *cluster;
    struct moon_policies *policies;  /* asked each time */
    struct moon_policies *memoising; /* the same, and what they said is kept */
    struct moon_chain *chain;
    struct moon_bench_result *result;
    struct moon_decision *decisions;
    struct moon_rank *ranks;
    struct moon_health_question *questions;
    struct moon_health_answer *answers;
    unsigned failures;
    char failure[MOON_ERR_TEXT_MAX]; /* the first */
};

static uint64_t ask_select(struct bench *b)
{
    size_t count = b->cluster->count;
    uint64_t start = moon_budget_now_ns();

    moon_hook_select(b->chain, &b->cluster->view, b->cluster->nodes, count, b->decisions);
    uint64_t used = moon_budget_now_ns() - start;
    for (size_t i = 0; i < count; i++) {
        moon_decision_fini(&b->decisions[i]);
    }
    return used;
}

static uint64_t ask_rank(struct bench *b)
{
    size_t count = b->cluster->count;
    uint64_t start = moon_budget_now_ns();

    moon_hook_rank(b->chain, &b->cluster->view, b->cluster->nodes, count, b->ranks);
    uint64_t used = moon_budget_now_ns() - start;
    for (size_t i = 0; i < count; i++) {
        moon_rank_fini(&b->ranks[i]);
    }
    return used;
}

static uint64_t ask_health(struct bench *b)
{
    size_t count = b->cluster->count;
    uint64_t start = moon_budget_now_ns();

    moon_hook_health(b->chain, &b->cluster->view, b->questions, count, b->answers);
    uint64_t used = moon_budget_now_ns() - start;
    for (size_t i = 0; i < count; i++) {
        moon_sym_unref(b->answers[i].reason);
    }
    return used;
}

static uint64_t ask_tolerations(struct bench *b)
{
    struct moon_tolerations list = {0};
    struct moon_err err;
    uint64_t start = moon_budget_now_ns();

    (void)moon_hook_tolerations(b->chain, &b->cluster->view, &list, &err);
    uint64_t used = moon_budget_now_ns() - start;
    moon_tolerations_fini(&list);
    return used;
}

static uint64_t ask_gate(struct bench *b)
{
    struct moon_gate gate;
    uint64_t start = moon_budget_now_ns();

    moon_hook_gate(b->chain, &b->cluster->view, &b->cluster->roll, &gate);
    uint64_t used = moon_budget_now_ns() - start;
    moon_gate_fini(&gate);
    return used;
}

static uint64_t ask_update(struct bench *b)
{
    struct moon_roll_answer answer;
    uint64_t start = moon_budget_now_ns();

    moon_hook_update(b->chain, &b->cluster->view, &b->cluster->roll, &answer);
    uint64_t used = moon_budget_now_ns() - start;
    b->result->actions = answer.count;
    moon_roll_answer_fini(&answer);
    return used;
}

static const struct measured {
    const char *hook;
    const char *per;
    bool wants_pods;
    uint64_t (*ask)(struct bench *b); /* CPU used, in ns */
} measured[] = {
    {"select", "node", false, ask_select},
    {"rank", "node", false, ask_rank},
    {"health", "pod", true, ask_health},
    {"gate", "call", true, ask_gate},
    {"tolerations", "call", false, ask_tolerations},
    {"update", "call", true, ask_update},
};

/* ---- measuring ---- */

static void take_figures(const struct moon_hook_figures *figures, void *ctx)
{
    struct moon_bench_result *r = ctx;

    if (moon_streq(figures->hook, r->hook)) {
        r->state_bytes = figures->state_bytes;
        r->allocations = (double)figures->allocations;
    }
}

static void take_memo_figures(const struct moon_hook_figures *figures, void *ctx)
{
    struct moon_bench_result *r = ctx;

    if (moon_streq(figures->hook, r->hook)) {
        r->hits = figures->hits - r->hits;
        r->asked = figures->asked - r->asked;
        r->paths = figures->paths;
        r->memo_bytes = figures->memo_bytes;
        r->memo_off = figures->memo_off;
        (void)snprintf(r->reads, sizeof(r->reads), "%s",
                       figures->reads != NULL ? figures->reads : "anything");
    }
}

static double best_of(struct bench *b, const struct measured *m)
{
    uint64_t best = UINT64_MAX;
    uint64_t total = 0;

    for (int i = 0; i < MAX_ROUNDS && (i < MIN_ROUNDS || total < ROUNDS_NS); i++) {
        uint64_t used = m->ask(b);
        best = used < best ? used : best;
        total += used;
    }
    return (double)best;
}

static void measure_hook(struct bench *b, const struct measured *m, struct moon_bench_result *r)
{
    double times = moon_streq(m->per, "call") ? 1 : (double)b->cluster->count;

    b->result = r;
    r->hook = m->hook;
    r->per = m->per;
    (void)m->ask(b); /* set.params, and what a policy keeps in its upvalues */
    moon_chain_each_figures(b->chain, take_figures, r);
    double before = r->allocations;
    (void)m->ask(b);
    moon_chain_each_figures(b->chain, take_figures, r);
    r->allocations = (r->allocations - before) / times;
    r->plain_ns = best_of(b, m) / times;
}

/* The first round fills the memo, the rest finds it full. */
static void measure_memo(struct bench *b, const struct measured *m, struct moon_bench_result *r)
{
    double times = (double)b->cluster->count;

    b->result = r;
    moon_chain_each_figures(b->chain, take_memo_figures, r);
    (void)m->ask(b);
    moon_chain_each_figures(b->chain, take_memo_figures, r);
    r->memo_ns = best_of(b, m) / times;
}

/* What changing the file costs: reading and compiling it, and deciding for every node again. */
static double reload_ms(const struct args *a, struct bench *b, const struct moon_chain_opts *opts,
                        bool selects)
{
    struct moon_policies_opts again = {.dirs = a->dirs, .budget_scale = BUDGET_SCALE};
    struct bench other = {.cluster = b->cluster, .decisions = b->decisions};
    struct moon_err err;
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < MIN_ROUNDS; i++) {
        uint64_t start = moon_budget_now_ns();
        other.policies = moon_policies_new(NULL, &again, &err);
        other.chain = other.policies != NULL ? moon_chain_new(other.policies, opts, &err) : NULL;
        if (other.chain != NULL && selects) {
            (void)ask_select(&other);
        }
        uint64_t used = moon_budget_now_ns() - start;
        best = used < best ? used : best;
        moon_chain_free(other.chain);
        moon_policies_free(other.policies);
    }
    return (double)best / NS_PER_MS;
}

static void take_version(const char *policy, const char *version, const char *hooks, void *ctx)
{
    struct moon_bench_policy *p = ctx;

    (void)policy;
    (void)snprintf(p->version, sizeof(p->version), "%.12s", version);
    p->hooks = moon_strdup(hooks);
}

static bool has_hook(const char *hooks, const char *name)
{
    struct moon_str rest = moon_str(hooks);
    struct moon_str one;

    while (rest.len > 0 && moon_str_split(&rest, ',', &one)) {
        if (moon_str_is(moon_str_trim(one), name)) {
            return true;
        }
    }
    return false;
}

static int make_pods(struct bench *b, struct moon_err *err)
{
    struct moon_bench_cluster *c = b->cluster;

    if (moon_bench_cluster_fill(c, err) != 0) {
        return -(int)err->code;
    }
    for (size_t i = 0; i < c->count; i++) {
        b->questions[i] = (struct moon_health_question){.pod = c->pods[i], .slot = &c->slots[i]};
    }
    return 0;
}

static int measure_hooks(struct bench *b, struct moon_bench_policy *p,
                         void (*measure)(struct bench *b, const struct measured *m,
                                         struct moon_bench_result *r),
                         struct moon_err *err)
{
    bool plain = measure == measure_hook;

    p->count = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(measured); i++) {
        if (!has_hook(p->hooks, measured[i].hook)) {
            continue;
        }
        if (measured[i].wants_pods && make_pods(b, err) != 0) {
            return -(int)err->code;
        }
        struct moon_bench_result *r = &p->results[p->count++];
        if (plain || !moon_streq(measured[i].per, "call")) {
            measure(b, &measured[i], r);
        }
    }
    return 0;
}

static int measure_policy(struct bench *b, const struct args *a, struct moon_bench_policy *p,
                          struct moon_err *err)
{
    struct moon_chain_opts opts = {.names = p->name, .params = a->params, .alone = true};

    moon_assert(b->cluster != NULL);
    b->chain = moon_chain_new(b->policies, &opts, err);
    if (b->chain == NULL) {
        return -(int)err->code;
    }
    moon_chain_each(b->chain, take_version, p);
    int rc = measure_hooks(b, p, measure_hook, err);
    moon_chain_free(moon_steal(&b->chain));
    if (rc == 0) {
        b->chain = moon_chain_new(b->memoising, &opts, err);
        rc = b->chain != NULL ? measure_hooks(b, p, measure_memo, err) : -(int)err->code;
        moon_chain_free(moon_steal(&b->chain));
    }
    if (rc == 0) {
        p->reload_ms = reload_ms(a, b, &opts, has_hook(p->hooks, "select"));
    }
    return rc;
}

/* ---- the command ---- */

static void on_report(const struct moon_policy_report *report, void *ctx)
{
    struct bench *b = ctx;

    if (b->failures++ == 0) {
        (void)snprintf(b->failure, sizeof(b->failure), "policy %s, hook %s, %s: %s", report->policy,
                       report->hook[0] != '\0' ? report->hook : "load", report->object,
                       report->text);
    }
}

static void bench_fini(struct bench *b)
{
    moon_free(b->decisions);
    moon_free(b->ranks);
    moon_free(b->questions);
    moon_free(b->answers);
    moon_bench_cluster_free(b->cluster);
    moon_policies_free(b->policies);
    moon_policies_free(b->memoising);
}

static int bench_init(struct bench *b, const struct args *a, struct moon_err *err)
{
    size_t count = (size_t)a->nodes;
    struct moon_policies_opts opts = {
        .dirs = a->dirs, .budget_scale = BUDGET_SCALE, .on_report = on_report, .ctx = b};

    b->memoising = moon_policies_new(NULL, &opts, err);
    opts.no_memo = true;
    b->policies = b->memoising != NULL ? moon_policies_new(NULL, &opts, err) : NULL;
    b->cluster = b->policies != NULL ? moon_bench_cluster_new(count, err) : NULL;
    b->decisions = moon_new_array(struct moon_decision, count);
    b->ranks = moon_new_array(struct moon_rank, count);
    b->questions = moon_new_array(struct moon_health_question, count);
    b->answers = moon_new_array(struct moon_health_answer, count);
    b->failures = 0; /* other files of the folders are not our business */
    return b->cluster != NULL ? 0 : -(int)err->code;
}

static int run(const struct args *a, struct moon_err *err)
{
    struct bench b = {0};
    struct moon_bench_policy *policies = moon_new_array(struct moon_bench_policy, a->name_count);
    int rc = bench_init(&b, a, err);

    for (size_t i = 0; rc == 0 && i < a->name_count; i++) {
        policies[i].name = a->names[i];
        rc = measure_policy(&b, a, &policies[i], err);
    }
    if (rc == 0) {
        (a->json ? moon_bench_print_json : moon_bench_print_table)((size_t)a->nodes, policies,
                                                                   a->name_count);
    }
    if (rc == 0 && b.failures > 0) {
        rc = moon_err_set(err, MOON_E_POLICY, "%u failures; the first: %s", b.failures, b.failure);
    }
    for (size_t i = 0; i < a->name_count; i++) {
        moon_free(policies[i].hooks);
    }
    moon_free(policies);
    bench_fini(&b);
    return rc;
}

int moon_policy_cmd_bench(int argc, char **argv)
{
    struct args a = {.nodes = DEFAULT_NODES};
    struct moon_err err;
    struct moon_policies *stock = moon_policies_new(NULL, &(struct moon_policies_opts){0}, &err);
    int status = stock != NULL ? read_args(&a, stock, argc, argv) : MOON_EXIT_FAILED;

    moon_policies_free(stock);
    if (status == 0 && run(&a, &err) != 0) {
        moon_cli_complain("policy bench: %s", err.text);
        status = MOON_EXIT_FAILED;
    }
    args_fini(&a);
    return status;
}
