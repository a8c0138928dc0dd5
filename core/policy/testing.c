/* SPDX-License-Identifier: Apache-2.0
 *
 * testing.c - running cases: each with copies of its policies, several times in other orders.
 */
#include "policy/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/policies_priv.h"
#include "policy/testing_priv.h"

enum {
    ROUNDS = 4,          /* of a case; the first one in order */
    COUNT_PATIENCE = 10, /* looking on takes its time, too */
};

/* What the chain adds by itself. */
static const char *const stock_names[] = {"node-selection/default", "tolerations/default",
                                          "update/rolling", "update/on-delete"};

struct run {
    const struct moon_policy_test_opts *opts;
    struct moon_policy_test_sums sums;
    uint64_t start_ns;
    struct moon_err first; /* failure */
    bool failed;
    struct moon_coverage *coverage; /* NULL: not wanted */
    struct moon_map *tested;        /* files of policies that cases are about */
};

/* One case under way. */
struct running {
    const struct run *run;
    const struct moon_test_case *c;
    struct moon_probe probe;
    bool looks_on;                     /* costs and lines are noted, answers have been */
    struct moon_policies policies;     /* copies of what the case names */
    struct moon_test_answers *answers; /* that errors are added to; NULL: not now */
    struct moon_test_result result;
};

/* ---- copies ---- */

static bool is_stock(const char *name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(stock_names); i++) {
        if (moon_streq(stock_names[i], name)) {
            return true;
        }
    }
    return false;
}

static void on_report(const struct moon_policy_report *report, void *ctx)
{
    struct running *g = ctx;
    bool stopped = report->fault == MOON_FAULT_BUDGET || report->fault == MOON_FAULT_MEMORY;
    const char *object = stopped ? "" : report->object;

    if (g->answers != NULL) {
        (void)moon_test_list_add(
            &g->answers->errors,
            (struct moon_test_item){
                .subject =
                    moon_asprintf("%s%s%s", report->hook, object[0] != '\0' ? " of " : "", object),
                .verb = moon_strdup(stopped ? "stopped" : ""),
                .reason = moon_strdup(report->text),
                .number = -1,
            });
    }
}

/* As if its newest text did not load. */
static void set_error(struct moon_policy *one, const char *error)
{
    moon_free(one->error);
    one->error = moon_strdup(error);
}

/* Also when it does not load in this state: the chain then says why. */
static void add_copy(struct running *g, const char *name, const struct moon_version *version,
                     const char *error)
{
    struct moon_policy *one = moon_new(struct moon_policy);
    struct moon_fault fault;

    one->name = moon_strdup(name);
    if (error != NULL) {
        set_error(one, error);
    }
    if (version != NULL) {
        one->version = moon_version_copy(version, g->policies.budget_scale, &g->probe, &fault);
        if (one->version == NULL) {
            set_error(one, fault.text);
        }
    }
    moon_map_set(g->policies.by_name, moon_str(name), one);
}

/* Is it among the names of the case? One too many does no harm. */
static bool is_named(const struct running *g, const char *name)
{
    const char *names = g->c->policies;

    return is_stock(name) || moon_streq(name, g->c->policy) ||
           (names != NULL && strstr(names, name) != NULL);
}

static void copy_policies(struct running *g)
{
    const struct moon_policy_test_opts *opts = g->run->opts;
    struct moon_str name;
    void *value;
    size_t pos = 0;

    g->policies = (struct moon_policies){
        .no_memo = true, /* each node is asked about, in every order */
        .by_name = moon_map_new(moon_policy_free),
        .budget_scale = opts->policies->budget_scale * (opts->patience > 0 ? opts->patience : 1) *
                        (g->looks_on ? COUNT_PATIENCE : 1),
        .on_report = on_report,
        .ctx = g,
    };
    while (moon_map_next(opts->policies->by_name, &pos, &name, &value)) {
        const struct moon_policy *one = value;
        if (is_named(g, one->name)) {
            add_copy(g, one->name, moon_policy_newest(opts->policies, one), one->error);
        }
    }
    if (opts->candidate != NULL) {
        add_copy(g, opts->candidate->name, opts->candidate, NULL);
    }
}

/* ---- the chain ---- */

static const char *stock_update(const struct moon_test_given *g)
{
    const char *type = moon_json_string(g->set, "spec.updateStrategy.type");

    if (moon_streq(type, "OnDelete")) {
        return "update/on-delete";
    }
    return moon_streq(type, "RollingUpdate") ? "update/rolling" : NULL;
}

/* As for a set that names them. */
static struct moon_chain *make_chain(struct running *g, struct moon_err *err)
{
    const struct moon_test_case *c = g->c;
    struct moon_chain_opts opts = {
        .names = c->policies,
        .params = c->params,
        .stock_update = stock_update(&c->given),
    };
    struct moon_chain *chain = moon_chain_new(&g->policies, &opts, err);

    if (chain != NULL && !moon_chain_has(chain, c->policy)) {
        moon_chain_free(chain);
        (void)moon_err_set(err, MOON_E_INVALID,
                           "policy %s is not asked for this set: name it in policies, or see "
                           "set.strategy",
                           c->policy);
        return NULL;
    }
    return chain;
}

/* ---- rounds ---- */

static int check_time(const struct run *run, struct moon_err *err)
{
    uint64_t used_ms = (moon_budget_now_ns() - run->start_ns) / 1000000;

    if (run->opts == NULL || run->opts->max_ms == 0 || used_ms < run->opts->max_ms) {
        return 0;
    }
    return moon_err_set(err, MOON_E_LIMIT, "the tests took more than %llu ms of CPU",
                        (unsigned long long)run->opts->max_ms);
}

static int compare_errors(const void *a, const void *b)
{
    const struct moon_test_item *ea = a;
    const struct moon_test_item *eb = b;
    int order = strcmp(ea->subject, eb->subject);

    return order != 0 ? order : strcmp(ea->reason, eb->reason);
}

static int ask(struct running *g, struct moon_chain *chain, uint64_t seed,
               struct moon_test_answers *ret, struct moon_err *err)
{
    *ret = (struct moon_test_answers){0};
    int rc = check_time(g->run, err);
    if (rc != 0) {
        return rc;
    }
    g->answers = ret;
    g->probe.pairs_seed = seed;
    rc = moon_test_ask(chain, g->c, seed, ret, err);
    g->answers = NULL;
    if (ret->errors.count > 1) {
        qsort(ret->errors.items, ret->errors.count, sizeof(*ret->errors.items), compare_errors);
    }
    return rc;
}

/* The tolerations without the policies that are tested. */
static int ask_stock(struct running *g, struct moon_test_answers *ret, struct moon_err *err)
{
    struct moon_chain *chain = moon_chain_new(&g->policies, &(struct moon_chain_opts){0}, err);

    if (chain == NULL) {
        return -1;
    }
    int rc = ask(g, chain, 0, ret, err);
    moon_chain_free(chain);
    return rc;
}

static int run_shuffled(struct running *g, struct moon_chain *chain,
                        const struct moon_test_answers *first, struct moon_err *err)
{
    uint64_t seed = g->run->opts->seed;
    int rc = 0;

    for (int i = 1; rc == 0 && i < ROUNDS && g->result.count == 0; i++) {
        struct moon_test_answers other;
        uint64_t order = 0;
        while (order == 0) {
            order = moon_test_next(&seed);
        }
        rc = ask(g, chain, order, &other, err);
        if (rc == 0) {
            MOON_AUTOFREE char *how = moon_asprintf("asked again in another order (seed %llu)",
                                                    (unsigned long long)g->run->opts->seed);
            moon_test_compare(g->c, first, &other, how, &g->result);
        }
        moon_test_answers_fini(&other);
    }
    return rc;
}

/* Nonzero: it cannot be run as it is written. */
static int run_rounds(struct running *g, struct moon_chain *chain, struct moon_err *err)
{
    struct moon_test_answers first = {0};
    struct moon_test_answers stock = {0};

    int rc = ask(g, chain, 0, &first, err);
    if (rc == 0 && !g->looks_on && g->c->expect.has[MOON_TEST_TOLERATIONS]) {
        rc = ask_stock(g, &stock, err);
    }
    if (rc == 0 && !g->looks_on) {
        moon_test_match(g->c, &first, &stock.lists[MOON_TEST_TOLERATIONS], &g->result);
        rc = run_shuffled(g, chain, &first, err);
    }
    moon_test_answers_fini(&first);
    moon_test_answers_fini(&stock);
    return rc;
}

/* The policies cannot be used: what the controller tells as an Event may be what is expected. */
static void match_unusable(struct running *g, const struct moon_err *problem)
{
    struct moon_test_answers answers = {0};

    (void)moon_test_list_add(&answers.errors, (struct moon_test_item){
                                                  .subject = moon_strdup("the set's policies"),
                                                  .verb = moon_strdup(""),
                                                  .reason = moon_strdup(problem->text),
                                                  .number = -1,
                                              });
    moon_test_match(g->c, &answers, NULL, &g->result);
    moon_test_answers_fini(&answers);
}

/* With copies of its own, which are gone afterwards; the probe keeps what was counted. */
static int run_copies(struct running *g, struct moon_err *err)
{
    struct moon_err problem;
    int rc = 0;

    copy_policies(g);
    struct moon_chain *chain = make_chain(g, &problem);
    if (chain != NULL) {
        rc = run_rounds(g, chain, err);
        moon_chain_free(chain);
    } else if (!g->looks_on) {
        match_unusable(g, &problem);
    }
    moon_map_free(g->policies.by_name);
    return rc;
}

/* ---- telling ---- */

static size_t list_costs(const struct moon_probe *probe, struct moon_policy_test_cost *out)
{
    size_t count = 0;

    for (int i = 0; i < MOON_HOOKS; i++) {
        const struct moon_probe_cost *cost = &probe->costs[i];
        if (cost->calls > 0) {
            out[count++] = (struct moon_policy_test_cost){
                .hook = moon_hook_name((enum moon_hook)i),
                .calls = cost->calls,
                .instructions = cost->instructions,
                .most = cost->most,
            };
        }
    }
    return count;
}

static void note_first(struct run *run, const struct moon_test_file *f, const struct running *g)
{
    const struct moon_policy_test_difference *d = &g->result.items[0];

    if (!run->failed) {
        (void)moon_err_set(&run->first, MOON_E_POLICY,
                           "%s:%zu: case '%s' failed: %s: expected %s, got %s", f->reader.file,
                           d->line, g->c->name, d->path, d->expected, d->got);
    }
    run->failed = true;
}

static void tell(struct run *run, const struct moon_test_file *f, const struct running *g)
{
    struct moon_policy_test_cost costs[MOON_HOOKS];
    struct moon_policy_test_case told = {
        .file = f->reader.file,
        .line = g->c->line,
        .policy = g->c->policy,
        .name = g->c->name,
        .passed = g->result.count == 0,
        .differences = g->result.items,
        .difference_count = g->result.count,
        .costs = costs,
        .cost_count = run->opts->count ? list_costs(&g->probe, costs) : 0,
    };

    run->sums.passed += told.passed;
    run->sums.failed += !told.passed;
    if (!told.passed) {
        note_first(run, f, g);
    }
    if (run->opts->on_case != NULL) {
        run->opts->on_case(&told, run->opts->ctx);
    }
}

/* ---- cases ---- */

/* What the set's annotation says: a stock policy stands in the chain unnamed. */
static void name_policies(struct moon_test_case *c)
{
    if (c->policies == NULL && !is_stock(c->policy)) {
        c->policies = moon_strdup(c->policy);
    }
}

static int wrong_case(const struct moon_test_file *f, const struct moon_test_case *c,
                      struct moon_err *err)
{
    if (err->code != MOON_E_LIMIT) {
        err->code = MOON_E_INVALID;
    }
    return moon_err_wrap(err, "%s:%zu: case '%s'", f->reader.file, c->line, c->name);
}

static void note_tested(const struct run *run, const struct moon_test_case *c)
{
    MOON_AUTOFREE char *file = moon_asprintf("%s.lua", c->policy);

    moon_map_set(run->tested, moon_str(file), NULL);
}

static int run_case(struct run *run, const struct moon_test_file *f, const struct moon_test_case *c,
                    struct moon_err *err)
{
    struct running g = {.run = run, .c = c, .probe = {.hook = -1}};

    int rc = run_copies(&g, err);
    if (rc == 0 && (run->opts->count || run->coverage != NULL)) {
        g.probe = (struct moon_probe){
            .hook = -1, .counts = run->opts->count, .coverage = run->coverage, .policy = c->policy};
        g.looks_on = true;
        rc = run_copies(&g, err);
        note_tested(run, c);
    }
    if (rc == 0) {
        tell(run, f, &g);
    } else {
        rc = wrong_case(f, c, err);
    }
    moon_test_result_fini(&g.result);
    return rc;
}

/* All of them are read before any is run. */
static int each_case(struct run *run, struct moon_test_file *f, bool only_read,
                     struct moon_err *err)
{
    size_t count = (size_t)cJSON_GetArraySize(f->cases);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct moon_test_case c;
        if (!only_read && run->failed && run->opts->stop_at_first) {
            break;
        }
        rc = check_time(run, err);
        if (rc != 0) {
            return moon_err_wrap(err, "%s", f->reader.file);
        }
        rc = moon_test_case_read(f, i, &c, err);
        if (rc == 0) {
            name_policies(&c);
            struct moon_test_world world = {0};
            rc = only_read ? moon_test_world_init(&world, &c, err) : run_case(run, f, &c, err);
            if (rc != 0 && only_read) {
                rc = wrong_case(f, &c, err);
            }
            moon_test_world_fini(&world);
        }
        moon_test_case_fini(&c);
    }
    return rc;
}

static int run_text(struct run *run, const struct moon_policy_test_text *text, bool only_read,
                    struct moon_err *err)
{
    struct moon_test_file f;
    int rc = moon_test_file_open(&f, text, err);

    rc = rc == 0 ? each_case(run, &f, true, err) : rc;
    if (rc == 0 && !only_read) {
        rc = each_case(run, &f, false, err);
    }
    moon_test_file_fini(&f);
    return rc;
}

/* Other policies of a chain have tests of their own. */
static void tell_lines(const struct moon_coverage_file *f, void *ctx)
{
    const struct run *run = ctx;
    bool is_module = !moon_str_ends(moon_str(f->file), ".lua");

    if (is_module || moon_map_has(run->tested, moon_str(f->file))) {
        run->opts->on_lines(&(struct moon_policy_test_lines){.file = f->file,
                                                             .never = f->never,
                                                             .never_count = f->never_count,
                                                             .total = f->total},
                            run->opts->ctx);
    }
}

int moon_policy_test_run(const struct moon_policy_test_opts *opts,
                         const struct moon_policy_test_text *texts, size_t count,
                         struct moon_policy_test_sums *ret_sums, struct moon_err *err)
{
    struct run run = {
        .opts = opts,
        .start_ns = moon_budget_now_ns(),
        .coverage = opts->coverage ? moon_coverage_new() : NULL,
        .tested = moon_map_new(NULL),
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count && !(run.failed && opts->stop_at_first); i++) {
        rc = run_text(&run, &texts[i], false, err);
    }
    if (run.coverage != NULL && opts->on_lines != NULL) {
        moon_coverage_each(run.coverage, tell_lines, &run);
    }
    moon_coverage_free(run.coverage);
    moon_map_free(run.tested);
    *ret_sums = run.sums;
    if (rc == 0 && run.failed) {
        *err = run.first;
        rc = -(int)err->code;
    }
    return rc;
}

int moon_policy_test_check(const struct moon_policy_test_text *text, struct moon_err *err)
{
    struct run run = {0};

    return run_text(&run, text, true, err);
}
