/* SPDX-License-Identifier: Apache-2.0
 *
 * calls.c - each hook, called as the controller calls it, and what a good policy would answer.
 */
#include "policy/analyze.h"
#include "trial.h"

/* ---- what the hooks are told ---- */

static void each_node(const struct moon_all_nodes *all,
                      void (*fn)(const struct moon_node *node, void *arg), void *arg)
{
    const struct world *w = all->ctx;

    for (size_t i = 0; i < WORLD_NODES; i++) {
        fn(w->nodes[i], arg);
    }
}

static bool peer_exists(const char *key, void *ctx MOON_UNUSED)
{
    return moon_streq(key, "kube-system/cni");
}

static bool peer_is_ready_on(const char *key MOON_UNUSED, const char *node MOON_UNUSED,
                             void *ctx MOON_UNUSED)
{
    return true;
}

struct moon_set_view trial_view(const struct trial *t, const struct moon_daemonset *set)
{
    static const struct moon_peers peers = {.exists = peer_exists, .is_ready_on = peer_is_ready_on};
    static struct moon_all_nodes nodes;
    static bool sampled;

    nodes =
        (struct moon_all_nodes){.each = each_node, .ctx = (void *)t->world, .sampled = &sampled};
    return (struct moon_set_view){.set = set,
                                  .tolerations = &set->tolerations,
                                  .desired = WORLD_NODES,
                                  .revision = "new",
                                  .nodes = &nodes,
                                  .peers = &peers,
                                  .kv = t->world->kv,
                                  .now_s = 1000};
}

/* ---- hooks that are asked about nodes ---- */

static bool call_select(const struct trial *t, struct moon_chain *chain,
                        const struct moon_set_view *set)
{
    size_t count = t->wanted.nodes;
    MOON_AUTOFREE struct moon_decision *d = moon_new_array(struct moon_decision, count);
    bool good = true;

    moon_hook_select(chain, set, t->world->nodes, count, d);
    for (size_t i = 0; i < count; i++) {
        good = good && d[i].placement == MOON_PLACEMENT_RUN;
        moon_decision_fini(&d[i]);
    }
    return good;
}

static bool call_rank(const struct trial *t, struct moon_chain *chain,
                      const struct moon_set_view *set)
{
    size_t count = t->wanted.nodes;
    MOON_AUTOFREE struct moon_rank *r = moon_new_array(struct moon_rank, count);
    bool good = true;

    moon_hook_rank(chain, set, t->world->nodes, count, r);
    for (size_t i = 0; i < count; i++) {
        good = good && r[i].count == 1;
        moon_rank_fini(&r[i]);
    }
    return good;
}

/* There is one revision, the live one. */
static bool find_template(enum moon_pin pin, const char *hash MOON_UNUSED,
                          struct moon_str *ret_template, void *ctx)
{
    const struct moon_daemonset *set = ctx;

    *ret_template = (struct moon_str){set->template, set->template_len};
    return pin != MOON_PIN_HASH;
}

/* In chunks and with all answers kept, as the controller does. */
static bool call_mutate(const struct trial *t, struct moon_chain *chain,
                        const struct moon_set_view *set)
{
    enum {
        CHUNK = 256
    };
    size_t count = t->wanted.nodes;
    MOON_AUTOFREE struct moon_mutation **kept = moon_new_array(struct moon_mutation *, count);
    struct moon_mutate_opts opts = {
        .answers = moon_mutations_new(), .find = find_template, .ctx = (void *)set->set};
    bool good = true;

    for (size_t at = 0; at < count; at += CHUNK) {
        size_t n = count - at < CHUNK ? count - at : CHUNK;
        moon_hook_mutate(chain, set, &opts, t->world->nodes + at, n, kept + at);
    }
    for (size_t i = 0; i < count; i++) {
        good = good && kept[i] != NULL && kept[i]->edit_count == 0;
        moon_mutation_unref(kept[i]);
    }
    moon_mutations_free(opts.answers);
    return good;
}

/* ---- hooks that are asked about a set ---- */

static bool call_tolerations(const struct trial *t MOON_UNUSED, struct moon_chain *chain,
                             const struct moon_set_view *set)
{
    struct moon_tolerations list = {0};
    struct moon_err err;
    bool good = moon_hook_tolerations(chain, set, &list, &err) == 0;

    moon_tolerations_fini(&list);
    return good;
}

static bool call_health(const struct trial *t, struct moon_chain *chain,
                        const struct moon_set_view *set)
{
    struct moon_health_question q = {
        .pod = t->world->new_pod, .slot = &t->world->slots[1], .updated = true};
    struct moon_health_answer a = {0};

    moon_hook_health(chain, set, &q, 1, &a);
    moon_sym_unref(a.reason);
    return a.health == MOON_HEALTH_READY;
}

static bool call_gate(const struct trial *t, struct moon_chain *chain,
                      const struct moon_set_view *set)
{
    struct moon_gate gate;

    moon_hook_gate(chain, set, &t->world->roll, &gate);
    bool good = gate.closed == 0;
    moon_gate_fini(&gate);
    return good;
}

static bool call_update(const struct trial *t, struct moon_chain *chain,
                        const struct moon_set_view *set)
{
    struct moon_roll_answer a;

    moon_hook_update(chain, set, &t->world->roll, &a);
    bool good = !a.failed && a.count == 0;
    moon_roll_answer_fini(&a);
    return good;
}

/* Every query has found as much as there may be. */
static bool call_analyze(const struct trial *t, struct moon_chain *chain,
                         const struct moon_set_view *set)
{
    struct moon_analysis_answer a;
    struct moon_analysis analysis;
    struct moon_sample samples[16];

    moon_analysis_init(&analysis, chain, set, &t->world->roll);
    moon_assert(analysis.count <= MOON_ARRAY_SIZE(samples));
    for (size_t i = 0; i < analysis.count; i++) {
        samples[i] = (struct moon_sample){
            .query = analysis.queries[i].name, .found = t->world->found, .at_s = 990};
    }
    moon_hook_analyze(chain, set, &t->world->roll, samples, analysis.count, &a);
    bool good = a.verdict == MOON_VERDICT_PASS;
    moon_analysis_answer_fini(&a);
    moon_analysis_fini(&analysis);
    return good;
}

static bool call_status(const struct trial *t, struct moon_chain *chain,
                        const struct moon_set_view *set)
{
    struct moon_status s;

    moon_hook_status(chain, set, &t->world->roll, &s);
    bool good = !s.failed && s.count == 0 && s.message == NULL;
    moon_status_fini(&s);
    return good;
}

static bool call_on_event(const struct trial *t, struct moon_chain *chain,
                          const struct moon_set_view *set)
{
    const struct moon_happening h = {.type = MOON_HAPPENED_POD_FAILED,
                                     .at_s = 990,
                                     .pod = t->world->new_pod,
                                     .slot = t->world->slots[1]};
    int64_t again_s;

    return moon_hook_on_event(chain, set, &h, &again_s) && again_s == 0;
}

/* ---- all of them ---- */

static const struct {
    const char *hook;
    bool (*call)(const struct trial *t, struct moon_chain *chain, const struct moon_set_view *set);
    uint64_t budget_us;
    uint64_t chunk_us; /* of those that are asked about nodes: of a chunk of them, with what is
                        * made of the answers */
} hooks[] = {
    {"select", call_select, 5000, 50000},  {"rank", call_rank, 5000, 50000},
    {"mutate", call_mutate, 5000, 100000}, {"tolerations", call_tolerations, 20000, 0},
    {"health", call_health, 5000, 0},      {"gate", call_gate, 20000, 0},
    {"update", call_update, 20000, 0},     {"analyze", call_analyze, 20000, 0},
    {"status", call_status, 20000, 0},     {"on_event", call_on_event, 5000, 0},
};

static size_t index_of(const char *hook)
{
    size_t i = 0;

    while (i < MOON_ARRAY_SIZE(hooks) && !moon_streq(hooks[i].hook, hook)) {
        i++;
    }
    return i;
}

bool trial_call(const struct trial *t, struct moon_chain *chain, const struct moon_set_view *set)
{
    size_t i = index_of(t->wanted.hook);

    moon_assert(i < MOON_ARRAY_SIZE(hooks));
    return hooks[i].call(t, chain, set);
}

uint64_t trial_budget_us(const struct trial *t)
{
    enum {
        LOAD_US = 100 * 1000,
        CHUNK = 256,
    };
    size_t i = index_of(t->wanted.hook);

    if (i == MOON_ARRAY_SIZE(hooks)) {
        return LOAD_US;
    }
    if (t->wanted.nodes > 1) {
        return hooks[i].chunk_us * ((t->wanted.nodes + CHUNK - 1) / CHUNK);
    }
    return hooks[i].budget_us;
}
