/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/file.h"

enum {
    SLACK_US = 25 * 1000,      /* see allowed_us */
    CALLS = 2,                 /* each hook is called again: what did the script keep? */
    MAX_LUA_BYTES = 9 << 20,   /* 8 MB and the reserve */
    MAX_PROCESS_KB = 40 << 10, /* outside of a state, too */
    MAX_KEPT_KB = 64 << 10,    /* more, when answers about many nodes are kept */
};

static bool is_wanted(const struct trial *t, const char *kind)
{
    struct moon_str rest = moon_str(t->wanted.kind);
    struct moon_str one;
    bool found = false;

    while (moon_str_split(&rest, '/', &one)) {
        found = found || moon_str_is(one, kind);
    }
    return found;
}

static void on_report(const struct moon_policy_report *r, void *ctx)
{
    struct trial *t = ctx;

    t->reports++;
    (void)snprintf(t->last_hook, sizeof(t->last_hook), "%s", r->hook[0] != '\0' ? r->hook : "load");
    (void)snprintf(t->last_kind, sizeof(t->last_kind), "%s", moon_policy_fault_name(r->fault));
    if (t->reports == 1 || !is_wanted(t, t->out->kind)) {
        (void)snprintf(t->out->kind, sizeof(t->out->kind), "%s", t->last_kind);
        (void)snprintf(t->out->text, sizeof(t->out->text), "%s", r->text);
    }
    t->out->peak_bytes = r->peak_bytes > t->out->peak_bytes ? r->peak_bytes : t->out->peak_bytes;
}

void MOON_PRINTF(2, 3) trial_wrong(struct trial *t, const char *fmt, ...)
{
    size_t len = strlen(t->out->wrong);
    va_list args;

    va_start(args, fmt);
    (void)snprintf(t->out->wrong + len, sizeof(t->out->wrong) - len, "%s", len > 0 ? "; " : "");
    len = strlen(t->out->wrong);
    (void)vsnprintf(t->out->wrong + len, sizeof(t->out->wrong) - len, fmt, args);
    va_end(args);
}

static uint64_t cpu_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t status_kb(const char *key)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    char value[32];
    struct moon_err err;

    if (moon_file_read("/proc/self/status", &text, &err) != 0 ||
        !script_head(moon_buf_cstr(&text), key, value, sizeof(value))) {
        return 0;
    }
    return strtoull(value, NULL, 10);
}

/* The budget and two ticks of the kernel, another one until a new call is noticed, and what
 * throwing a full state away and making a new one takes. */
static uint64_t allowed_us(const struct trial *t)
{
    return (uint64_t)(t->scale * (double)(trial_budget_us(t) + SLACK_US));
}

static struct moon_chain *choose(struct trial *t, const char *names)
{
    struct moon_chain_opts opts = {.names = names};
    struct moon_err err;
    struct moon_chain *chain = moon_chain_new(t->policies, &opts, &err);

    if (chain == NULL) {
        trial_wrong(t, "no chain of %s: %s", names, err.text);
    }
    return chain;
}

/* ---- what is checked ---- */

static void check_fault(struct trial *t)
{
    const char *kind = t->reports > 0 ? t->out->kind : "none";

    if (!is_wanted(t, kind) || (t->reports > 0 && strcmp(t->last_hook, t->wanted.hook) != 0)) {
        trial_wrong(t, "%s in %s was expected", t->wanted.kind, t->wanted.hook);
    }
    if (strstr(t->out->text, t->wanted.says) == NULL) {
        trial_wrong(t, "it does not say \"%s\"", t->wanted.says);
    }
}

static void check_bounds(struct trial *t)
{
    uint64_t allowed = allowed_us(t);

    if (t->out->cpu_us > allowed) {
        trial_wrong(t, "%llu us of CPU, allowed are %llu", (unsigned long long)t->out->cpu_us,
                    (unsigned long long)allowed);
    }
    if (t->out->peak_bytes > MAX_LUA_BYTES) {
        trial_wrong(t, "%llu KB in the state", (unsigned long long)t->out->peak_bytes >> 10);
    }
    if (!SANITIZED && t->out->grown_kb > MAX_PROCESS_KB + (t->wanted.nodes > 1 ? MAX_KEPT_KB : 0)) {
        trial_wrong(t, "the process grew by %llu KB", (unsigned long long)t->out->grown_kb);
    }
}

/* The other set is decided as if nothing had been. */
static void check_neighbour(struct trial *t)
{
    static const enum moon_placement wanted[] = {MOON_PLACEMENT_RUN, MOON_PLACEMENT_EVICT,
                                                 MOON_PLACEMENT_RUN};
    const struct moon_daemonset *set = world_set("neighbour", false);
    struct moon_set_view view = trial_view(t, set);
    struct moon_chain *chain = choose(t, "good");
    struct moon_decision d[3] = {{0}};
    struct moon_roll_answer a = {0};
    unsigned reports = t->reports;

    moon_hook_select(chain, &view, t->world->nodes, 3, d);
    for (size_t i = 0; i < 3; i++) {
        if (d[i].placement != wanted[i]) {
            trial_wrong(t, "the other set: %s on node %zu", moon_placement_name(d[i].placement), i);
        }
        moon_decision_fini(&d[i]);
    }
    moon_hook_update(chain, &view, &t->world->roll, &a);
    if (a.count != 1 || a.actions[0].slot != 0 || a.actions[0].type != MOON_ROLL_REPLACE) {
        trial_wrong(t, "the other set: %zu actions", a.count);
    }
    moon_roll_answer_fini(&a);
    if (t->reports != reports) {
        trial_wrong(t, "the other set: a fault (%s)", t->last_kind);
    }
    moon_chain_free(chain);
    moon_object_unref(&set->meta);
}

/* The hook is called for the set it is to harm, then for one it serves. */
static void call_hook(struct trial *t)
{
    const struct moon_daemonset *bad = world_set("bad", true);
    const struct moon_daemonset *served = world_set("served", false);
    struct moon_set_view bad_view = trial_view(t, bad);
    struct moon_set_view served_view = trial_view(t, served);
    struct moon_chain *chain = choose(t, "hostile");

    for (int i = 0; chain != NULL && i < CALLS; i++) {
        uint64_t before = cpu_us();
        bool good = trial_call(t, chain, &bad_view);
        uint64_t took = cpu_us() - before;
        t->out->cpu_us = took > t->out->cpu_us ? took : t->out->cpu_us;
        if (!good && t->reports == 0) {
            trial_wrong(t, "it found something wrong");
        }
    }
    unsigned reports = t->reports;
    if (chain != NULL && (!trial_call(t, chain, &served_view) || t->reports != reports)) {
        trial_wrong(t, "afterwards it does not serve another set");
    }
    moon_chain_free(chain);
    moon_object_unref(&bad->meta);
    moon_object_unref(&served->meta);
}

void trial_run(struct trial *t, const char *dir)
{
    const char *dirs[] = {dir, NULL};
    struct moon_policies_opts opts = {
        .dirs = dirs, .budget_scale = t->scale, .on_report = on_report, .ctx = t};
    struct moon_err err;
    bool loads = strcmp(t->wanted.hook, "load") == 0;
    uint64_t memory = status_kb("VmRSS:");
    uint64_t before = cpu_us();

    t->policies = moon_policies_new(NULL, &opts, &err);
    if (t->policies == NULL) {
        trial_wrong(t, "%s", err.text);
        return;
    }
    t->out->cpu_us = loads ? cpu_us() - before : 0;
    if (!loads && t->reports == 0) {
        call_hook(t);
    }
    uint64_t most = status_kb("VmHWM:");
    t->out->grown_kb = most > memory ? most - memory : 0;
    check_fault(t);
    check_bounds(t);
    check_neighbour(t);
    moon_policies_free(t->policies);
}
