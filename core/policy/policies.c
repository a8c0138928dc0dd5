/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policies.h"

#include "base/log.h"
#include "policy/policies_priv.h"

enum {
    SETTLE_MS = 200, /* an editor writes more than once */
};

static const char *const fault_names[] = {
    [MOON_FAULT_LOAD] = "load",     [MOON_FAULT_RUNTIME] = "runtime",
    [MOON_FAULT_BUDGET] = "budget", [MOON_FAULT_MEMORY] = "memory",
    [MOON_FAULT_SHAPE] = "shape",   [MOON_FAULT_IMPURE] = "impure",
};

const char *moon_policy_fault_name(enum moon_policy_fault f)
{
    return fault_names[f];
}

struct moon_policy *moon_policies_find(const struct moon_policies *p, struct moon_str name)
{
    return moon_map_get(p->by_name, name);
}

void moon_policies_report(const struct moon_policies *p, const struct moon_policy_report *report)
{
    const char *hook = report->hook[0] != '\0' ? report->hook : "load";

    if (p->failures != NULL) {
        moon_metric_add(p->failures,
                        MOON_LABELS(report->policy, hook, moon_policy_fault_name(report->fault)),
                        1);
    }
    if (p->on_report != NULL) {
        p->on_report(report, p->ctx);
    }
}

/* ---- reading folders ---- */

/* Another folder has come under the same path, and is empty: a mount that has gone wrong. */
static bool looks_unmounted(const struct moon_source *before, const struct moon_source *now)
{
    return before != NULL && (before->device != now->device || before->inode != now->inode) &&
           moon_source_count(before) > 0 && moon_source_count(now) == 0;
}

/* All or none: a folder that cannot be read changes nothing. */
static int read_folders(struct moon_policies *p, struct moon_err *err)
{
    MOON_AUTOFREE struct moon_source **fresh =
        moon_new_array(struct moon_source *, p->dir_count + 1);
    size_t read = 0;

    while (read < p->dir_count && (fresh[read] = moon_source_read(p->dirs[read], err)) != NULL) {
        read++;
    }
    for (size_t i = 0; i < read; i++) {
        struct moon_source *old = p->folders[i];
        bool keep = read < p->dir_count || looks_unmounted(old, fresh[i]);
        if (!keep) {
            fresh[i]->was_full = moon_source_count(fresh[i]) > 0 || (old != NULL && old->was_full);
            p->folders[i] = fresh[i];
        }
        moon_source_free(keep ? fresh[i] : old);
    }
    return read == p->dir_count ? 0 : -(int)err->code;
}

/* ---- life ---- */

static void look_again(struct moon_policies *p);

static void on_dir_change(void *ctx)
{
    look_again(ctx);
}

static int watch(struct moon_policies *p, struct moon_loop *loop, struct moon_err *err)
{
    p->watches = moon_new_array(struct moon_dir_watch *, p->dir_count + 1);
    for (size_t i = 0; loop != NULL && i < p->dir_count; i++) {
        struct moon_dir_watch_opts opts = {
            .path = p->dirs[i],
            .max_depth = MOON_SOURCE_MAX_DEPTH,
            .settle_ms = SETTLE_MS,
            .on_change = on_dir_change,
            .ctx = p,
        };
        p->watches[i] = moon_dir_watch_new(loop, &opts, err);
        if (p->watches[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

static void copy_dirs(struct moon_policies *p, const char *const *dirs)
{
    size_t count = 0;

    while (dirs != NULL && dirs[count] != NULL) {
        count++;
    }
    p->dirs = moon_new_array(char *, count + 1);
    p->folders = moon_new_array(struct moon_source *, count + 1);
    for (; dirs != NULL && p->dir_count < count; p->dir_count++) {
        p->dirs[p->dir_count] = moon_strdup(dirs[p->dir_count]);
    }
}

static void register_metrics(struct moon_policies *p)
{
    p->calls = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_calls_total",
        .help = "Calls of a policy's hook.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });
    p->hits = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_memo_hits_total",
        .help = "Answers of a policy's hook that were known without a call.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });
    p->failures = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_failures_total",
        .help = "Calls of a policy's hook, or loads (hook \"load\"), that failed.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook", "fault"},
    });
    p->cpu = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_cpu_seconds_total",
        .help = "CPU time spent in a policy's hook.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });
    p->info = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_info",
        .help = "Policies and what of them is in force; always 1.",
        .type = MOON_METRIC_GAUGE,
        .labels = {"policy", "version", "source", "state"},
    });
}

static int start(struct moon_policies *p, struct moon_loop *loop,
                 const struct moon_policies_opts *opts, struct moon_err *err)
{
    if (opts->state_dir != NULL) {
        (void)moon_watchdog_read(opts->state_dir, p->quarantined);
    }
    if (opts->watchdog) {
        p->watchdog = moon_watchdog_new(opts->state_dir, p->budget_scale, err);
        if (p->watchdog == NULL) {
            return -1;
        }
    }
    if (read_folders(p, err) != 0 || watch(p, loop, err) != 0) {
        return -1;
    }
    (void)moon_policies_take(p);
    return 0;
}

struct moon_policies *moon_policies_new(struct moon_loop *loop,
                                        const struct moon_policies_opts *opts, struct moon_err *err)
{
    struct moon_policies *p = moon_new(struct moon_policies);

    p->by_name = moon_map_new(moon_policy_free);
    p->stock = moon_source_stock();
    p->offered = moon_map_new(moon_source_free);
    p->reserve = moon_map_new(moon_reserved_free);
    p->users = moon_map_new(moon_free);
    p->restored_users = moon_map_new(moon_free);
    p->loop = loop;
    p->budget_scale = opts->budget_scale > 0 ? opts->budget_scale : 1;
    p->no_memo = opts->no_memo;
    p->on_report = opts->on_report;
    p->on_changed = opts->on_changed;
    p->on_used = opts->on_used;
    p->folders_win = opts->folders_win;
    p->run_tests = opts->run_tests;
    p->on_replaced = opts->on_replaced;
    p->ctx = opts->ctx;
    p->generation = 1;
    p->texts = moon_source_texts(opts->texts, opts->text_count);
    copy_dirs(p, opts->dirs);
    register_metrics(p);
    if (start(p, loop, opts, err) != 0) {
        moon_policies_free(p);
        return NULL;
    }
    return p;
}

void moon_policies_free(struct moon_policies *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->dir_count; i++) {
        if (p->watches != NULL) {
            moon_dir_watch_free(p->watches[i]);
        }
        moon_source_free(p->folders[i]);
        moon_free(p->dirs[i]);
    }
    moon_free(p->watches);
    moon_free(p->folders);
    moon_free(p->dirs);
    moon_map_free(p->offered);
    moon_source_free(p->texts);
    moon_map_free(p->reserve);
    moon_map_free(p->users);
    moon_map_free(p->restored_users);
    moon_source_free(p->stock);
    moon_map_free(p->by_name);
    moon_watchdog_free(p->watchdog);
    moon_free(p);
}

void moon_policies_settle(struct moon_policies *p)
{
    if (moon_policies_take(p)) {
        p->generation++;
        if (p->on_changed != NULL) {
            p->on_changed(p->ctx);
        }
    }
}

/* A folder that cannot be read now (it is being swapped) changes nothing; the watch looks again. */
static void look_again(struct moon_policies *p)
{
    struct moon_err err;

    if (read_folders(p, &err) != 0) {
        moon_debug(MOON_POLICY_TOPIC, "policy folders not read", "err", err.text);
        return;
    }
    moon_policies_settle(p);
}

static void give_another_chance(struct moon_version *v)
{
    if (v != NULL) {
        v->is_quarantined = false;
        v->stop_count = 0;
    }
}

/* Of all versions: sets may use others than the one in force. */
static void lift_quarantine(const struct moon_policies *p)
{
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->by_name, &pos, NULL, &value)) {
        const struct moon_policy *one = value;
        give_another_chance(one->version);
        for (size_t i = 0; i < one->entry_count; i++) {
            give_another_chance(one->entries[i]->version);
        }
        for (size_t i = 0; i < one->past_count; i++) {
            give_another_chance(one->past[i]);
        }
    }
}

void moon_policies_reload(struct moon_policies *p)
{
    lift_quarantine(p);
    look_again(p);
}

void moon_policies_offer(struct moon_policies *p, const char *source,
                         const struct moon_policy_file *files, size_t count)
{
    moon_map_set(p->offered, moon_str(source), moon_source_bundle(source, files, count));
    moon_policies_settle(p);
}

void moon_policies_withdraw(struct moon_policies *p, const char *source)
{
    if (moon_map_remove(p->offered, moon_str(source))) {
        moon_policies_settle(p);
    }
}

void moon_policies_set_texts(struct moon_policies *p, const struct moon_policy_text *texts,
                             size_t count)
{
    moon_source_free(p->texts);
    p->texts = moon_source_texts(texts, count);
    moon_policies_settle(p);
}

void moon_policies_miss_offers(struct moon_policies *p, bool missed)
{
    p->offers_missed = missed;
    moon_policies_settle(p);
}

uint64_t moon_policies_generation(const struct moon_policies *p)
{
    return p->generation;
}

int moon_policies_check(struct moon_policies *p, const char *name, const char *file,
                        struct moon_str source, struct moon_err *err)
{
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *modules = moon_policies_shared_modules(p);
    struct moon_version_opts opts = {
        .name = name,
        .source = source,
        .modules = {moon_policies_find_module, modules},
        .budget_scale = p->budget_scale,
    };
    struct moon_fault fault;

    struct moon_version *v = moon_version_load(&opts, &fault);
    if (v == NULL) {
        return moon_err_set(err, MOON_E_POLICY, "%s: %s", file, fault.text);
    }
    moon_version_unref(v);
    return 0;
}
