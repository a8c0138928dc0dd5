/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_calls.h"

#include "base/log.h"
#include "policy/policies_priv.h"
#include "world.h"

enum {
    MAX_ACTIONS = 500,
};

static unsigned reports;

static void on_report(const struct moon_policy_report *r, void *ctx MOON_UNUSED)
{
    moon_assert(r->text[0] != '\0' && r->hook[0] != '\0');
    reports++;
}

/* Made once: no policy changes them. */
static struct {
    struct world *world;
    struct moon_policies *policies;
    const struct moon_daemonset *set;
    struct moon_set_view view;
} fixed;

static void set_up(void)
{
    struct moon_err err;

    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, 2);
    fixed.world = world_new();
    fixed.policies =
        moon_policies_new(NULL, &(struct moon_policies_opts){.on_report = on_report}, &err);
    moon_assert(fixed.policies != NULL);
    fixed.set = world_set("agent", false);
    fixed.view = (struct moon_set_view){.set = fixed.set,
                                        .tolerations = &fixed.set->tolerations,
                                        .desired = WORLD_NODES,
                                        .revision = "new",
                                        .now_s = 1800000000};
}

static struct moon_chain *chain_of(struct moon_version *v)
{
    struct moon_chain *c = moon_new(struct moon_chain);

    c->policies = fixed.policies;
    c->links = moon_new_array(struct moon_chain_link, MOON_CHAIN_MAX);
    c->links[c->count++] = (struct moon_chain_link){.version = v};
    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        c->uses[hook][0] = v->hooks[hook];
    }
    return c;
}

static void ask_about_nodes(struct moon_chain *c)
{
    struct moon_decision d[WORLD_NODES] = {{0}};
    struct moon_rank ranks[WORLD_NODES] = {{0}};

    moon_hook_select(c, &fixed.view, fixed.world->nodes, WORLD_NODES, d);
    moon_hook_rank(c, &fixed.view, fixed.world->nodes, WORLD_NODES, ranks);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        moon_assert(d[i].placement <= MOON_PLACEMENT_EVICT);
        moon_assert(moon_rank_compare(&ranks[i], &ranks[0]) ==
                    -moon_rank_compare(&ranks[0], &ranks[i]));
        moon_decision_fini(&d[i]);
        moon_rank_fini(&ranks[i]);
    }
}

static void ask_about_pods(struct moon_chain *c)
{
    const struct world *w = fixed.world;
    struct moon_health_question q[2] = {
        {.pod = w->old_pod, .slot = &w->slots[0]},
        {.pod = w->new_pod, .slot = &w->slots[1], .updated = true},
    };
    struct moon_health_answer a[2] = {{0}};
    struct moon_tolerations list = {0};
    struct moon_err err = {0};

    moon_hook_health(c, &fixed.view, q, 2, a);
    for (size_t i = 0; i < 2; i++) {
        moon_assert(a[i].health <= MOON_HEALTH_FAILED);
        moon_sym_unref(a[i].reason);
    }
    if (moon_hook_tolerations(c, &fixed.view, &list, &err) != 0) {
        moon_assert(err.text[0] != '\0');
    }
    moon_tolerations_fini(&list);
}

/* What may be done whatever was recorded. */
static void check_actions(const struct moon_roll_answer *a)
{
    moon_assert(a->count <= MAX_ACTIONS && a->again_s >= 0);
    moon_assert(!a->failed || (a->count == 0 && a->pause == NULL && a->rollback == NULL));
    for (size_t i = 0; i < a->count; i++) {
        const struct moon_roll_action *one = &a->actions[i];
        moon_assert(one->slot < WORLD_NODES && one->reason != NULL);
        moon_assert(one->pod == NULL || one->pod == fixed.world->old_pod);
        for (size_t k = 0; k < i; k++) {
            moon_assert(a->actions[k].slot != one->slot);
        }
    }
}

static void ask_about_roll(struct moon_chain *c)
{
    struct moon_gate gate;
    struct moon_roll_answer a;

    moon_hook_gate(c, &fixed.view, &fixed.world->roll, &gate);
    moon_assert((gate.closed == 0) == (gate.reason == NULL));
    moon_assert(gate.closed == 0 || gate.again_s >= 1);
    moon_gate_fini(&gate);
    moon_hook_update(c, &fixed.view, &fixed.world->roll, &a);
    check_actions(&a);
    moon_roll_answer_fini(&a);
}

void policy_calls(struct moon_str source)
{
    struct moon_version_opts opts = {.name = "fuzz", .source = source, .budget_scale = 1};
    struct moon_fault fault;

    if (fixed.world == NULL) {
        set_up();
    }
    struct moon_version *v = moon_version_load(&opts, &fault);
    if (v == NULL) {
        moon_assert(fault.text[0] != '\0');
        return;
    }
    struct moon_chain *c = chain_of(v);
    ask_about_nodes(c);
    ask_about_pods(c);
    ask_about_roll(c);
    moon_chain_free(c); /* and the version */
}
