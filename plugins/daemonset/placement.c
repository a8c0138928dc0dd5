/* SPDX-License-Identifier: Apache-2.0 */
#include "daemonset/daemonset_priv.h"

static const char *annotation(const struct moon_ds_set *set, const char *name)
{
    return moon_labels_get(&set->object->meta.annotations, name);
}

void moon_ds_placement_view(const struct moon_ds_set *set, struct moon_set_view *ret)
{
    *ret = (struct moon_set_view){
        .set = set->object,
        .tolerations = set->tolerations_known ? &set->tolerations : &set->object->tolerations,
        .desired = set->sums.desired,
        .revision = set->hash != NULL ? set->hash : "",
        .now_s = moon_loop_wall_ms(set->ds->in->loop) / 1000,
        .nodes = &set->all_nodes,
        .peers = &set->peers,
        .kv = set->kv,
        .tell = moon_ds_tell,
        .tell_ctx = set->peers.ctx, /* the set, not const */
    };
}

static void each_node(const struct moon_all_nodes *all,
                      void (*fn)(const struct moon_node *node, void *arg), void *arg)
{
    const struct moon_ds_set *set = all->ctx;

    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i]->node != NULL) {
            fn(set->slots[i]->node, arg);
        }
    }
}

void moon_ds_placement_init(struct moon_ds_set *set)
{
    set->all_nodes = (struct moon_all_nodes){each_node, set, &set->sampled};
}

/* What a sample is drawn from: that there is the node, its labels and its taints. */
static bool draws_alike(const struct moon_node *a, const struct moon_node *b)
{
    return a != NULL && b != NULL && (a->meta.deleted_s == 0) == (b->meta.deleted_s == 0) &&
           moon_labels_equal(&a->meta.labels, &b->meta.labels) &&
           moon_taints_equal(&a->taints, &b->taints);
}

void moon_ds_placement_node_changed(struct moon_ds_set *set, const struct moon_node *before,
                                    const struct moon_node *now)
{
    if (set->sampled && !draws_alike(before, now)) {
        moon_ds_slot_mark_all(set, true);
    }
}

/* ---- which policies ---- */

static const char *stock_update(const struct moon_daemonset *object)
{
    switch (object->strategy) {
    case MOON_STRATEGY_ROLLING:
        return "update/rolling";
    case MOON_STRATEGY_ON_DELETE:
        return "update/on-delete";
    case MOON_STRATEGY_OTHER:
        break;
    }
    return NULL; /* as upstream: an unknown strategy updates nothing */
}

static void take_chain(struct moon_ds_set *set, struct moon_chain *chain)
{
    bool same =
        set->chain != NULL && strcmp(moon_chain_digest(set->chain), moon_chain_digest(chain)) == 0;

    bool paused = set->chain_problem != NULL;

    /* What the one in use has learned of its policies stays known. */
    moon_chain_free(same ? chain : set->chain);
    set->chain = same ? set->chain : chain;
    moon_free(set->chain_problem);
    set->chain_problem = NULL;
    set->mutates = moon_chain_mutates(set->chain);
    if (!same) {
        set->sampled = false;
        moon_ds_peers_forget(set);
        set->tolerations_stale = true;
        set->digests_lost = false;
    }
    if (!set->mutates) {
        moon_ds_mutate_forget(set);
    }
    if (!same || paused) {
        moon_ds_faults_forget(set);
        set->has_news = true;
        moon_ds_slot_mark_all(set, !same);
    }
}

static void resolve(struct moon_ds_set *set)
{
    struct moon_policies *policies = set->ds->in->policies;
    struct moon_chain_opts opts = {
        .names = annotation(set, "moonset.dev/policies"),
        .params = annotation(set, "moonset.dev/params"),
        .stock_update = stock_update(set->object),
    };
    struct moon_err err;

    if (!set->chain_stale && set->chain_generation == moon_policies_generation(policies) &&
        !moon_ds_guard_is_due(set)) {
        return;
    }
    set->chain_stale = false;
    set->chain_generation = moon_policies_generation(policies);
    set->names_policies = opts.names != NULL && opts.names[0] != '\0';
    struct moon_chain *chain = moon_chain_new(policies, &opts, &err);
    if (chain == NULL) {
        moon_ds_guard_release(set); /* of a version that is gone */
    } else {
        chain = moon_ds_guard(set, &opts, chain, &err);
    }
    if (chain == NULL) {
        moon_ds_faults_problem(set, &err);
    } else {
        take_chain(set, chain);
        moon_ds_shadow_resolve(set, &opts);
    }
    moon_ds_guard_tell_behind(set);
}

/* ---- tolerations ---- */

static void refresh_tolerations(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_tolerations fresh = {0};
    struct moon_set_view view;
    struct moon_err err;

    if (!set->tolerations_stale) {
        return;
    }
    moon_ds_placement_view(set, &view);
    view.tolerations = &set->object->tolerations;
    if (moon_hook_tolerations(set->chain, &view, &fresh, &err) != 0) {
        moon_plan_note(plan, NULL, "tolerations not decided: %s", err.text);
        moon_plan_requeue(plan, 30000);
        return;
    }
    set->tolerations_stale = false;
    if (set->tolerations_known && moon_tolerations_equal(&set->tolerations, &fresh)) {
        moon_tolerations_fini(&fresh);
        return;
    }
    moon_tolerations_fini(&set->tolerations);
    set->tolerations = fresh;
    set->tolerations_known = true;
    moon_ds_body_forget(set);
    moon_ds_slot_mark_all(set, true);
}

bool moon_ds_placement_prepare(struct moon_ds_set *set, struct moon_plan *plan)
{
    if (set->ds->fields_known < set->ds->fields_asked) {
        moon_plan_note(plan, NULL,
                       "waits: nodes are listed again for fields that policies declare");
        return false;
    }
    resolve(set);
    moon_ds_guard_plan(set, plan);
    if (set->chain_problem != NULL) {
        moon_plan_note(plan, NULL, "left as it is: %s", set->chain_problem);
        return false;
    }
    refresh_tolerations(set, plan);
    return set->tolerations_known;
}

/* ---- decisions ---- */

static void take_decision(struct moon_ds_slot *slot, struct moon_decision *decision)
{
    slot->unanswered = decision->placement == MOON_PLACEMENT_UNDECIDED;
    if (slot->unanswered) {
        moon_decision_fini(decision); /* stays stale: asked again when due */
        return;
    }
    moon_decision_fini(&slot->decision);
    slot->decision = *decision;
    slot->decided = true;
    slot->stale = false;
}

/* Of the nodes that have just been decided. Without a policy that ranks, what an earlier one said
 * is forgotten. */
static void rank(struct moon_ds_set *set, const struct moon_set_view *view,
                 struct moon_ds_slot **slots, const struct moon_node *const *nodes, size_t count)
{
    bool ranks = moon_chain_ranks(set->chain);
    MOON_AUTOFREE struct moon_rank *answers = moon_new_array(struct moon_rank, count);

    if (ranks) {
        moon_hook_rank(set->chain, view, nodes, count, answers);
    }
    for (size_t i = 0; i < count; i++) {
        struct moon_rank *mine = NULL;
        if (ranks) {
            mine = moon_new(struct moon_rank);
            *mine = answers[i];
        }
        moon_ds_slot_set_rank(slots[i], mine);
    }
}

/* Of those that want a pod; the arrays are the caller's to spend. */
static void mutate(struct moon_ds_set *set, const struct moon_set_view *view,
                   struct moon_ds_slot **slots, const struct moon_node **nodes, size_t count)
{
    size_t wanted = 0;

    for (size_t i = 0; set->mutates && i < count; i++) {
        if (slots[i]->decided && slots[i]->decision.placement == MOON_PLACEMENT_RUN) {
            slots[wanted] = slots[i];
            nodes[wanted++] = nodes[i];
        }
    }
    if (wanted > 0) {
        moon_ds_mutate_ask(set, view, slots, nodes, wanted);
    }
}

static bool asks(const struct moon_ds_slot *slot)
{
    return slot->stale && slot->node != NULL;
}

void moon_ds_placement_decide(struct moon_ds_set *set, struct moon_ds_slot *const *slots,
                              size_t count)
{
    MOON_AUTOFREE struct moon_ds_slot **asked = moon_new_array(struct moon_ds_slot *, count);
    MOON_AUTOFREE const struct moon_node **nodes = moon_new_array(const struct moon_node *, count);
    MOON_AUTOFREE struct moon_decision *decisions = moon_new_array(struct moon_decision, count);
    struct moon_set_view view;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (asks(slots[i])) {
            asked[n] = slots[i];
            nodes[n++] = slots[i]->node;
        }
    }
    if (n == 0) {
        return;
    }
    moon_ds_placement_view(set, &view);
    view.desired = set->pass_desired;
    moon_hook_select(set->chain, &view, nodes, n, decisions);
    rank(set, &view, asked, nodes, n);
    for (size_t i = 0; i < n; i++) {
        take_decision(asked[i], &decisions[i]);
    }
    moon_ds_shadow_ask(set, asked, nodes, n);
    mutate(set, &view, asked, nodes, n);
}

void moon_ds_placement_ask(const struct moon_ds_set *set, struct moon_chain *chain,
                           const struct moon_node *const *nodes, size_t count,
                           enum moon_placement *ret)
{
    MOON_AUTOFREE struct moon_decision *decisions = moon_new_array(struct moon_decision, count + 1);
    struct moon_tolerations tolerations = {0};
    struct moon_set_view view;
    struct moon_err err;

    moon_ds_placement_view(set, &view);
    view.tolerations = &set->object->tolerations;
    if (moon_hook_tolerations(chain, &view, &tolerations, &err) == 0) {
        view.tolerations = &tolerations;
        moon_hook_select(chain, &view, nodes, count, decisions);
    }
    for (size_t i = 0; i < count; i++) {
        ret[i] = decisions[i].placement;
        moon_decision_fini(&decisions[i]);
    }
    moon_tolerations_fini(&tolerations);
}
