/* SPDX-License-Identifier: Apache-2.0
 *
 * update.c - the rolling step: what the update policy sees, and its answer as actions.
 */
#include "daemonset/daemonset_priv.h"

enum {
    AGAIN_MS = 30000,
    NODES_PER_MS = 250,
};

static int64_t scale(struct moon_intstr value, int64_t total)
{
    return moon_intstr_scale(value, total, true);
}

static const struct moon_revision *newest_old(const struct moon_ds_set *set)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    const struct moon_revision *best = NULL;
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (r->meta.uid != set->current->meta.uid &&
            (best == NULL || r->revision > best->revision)) {
            best = r;
        }
    }
    return best;
}

static const char *hash_of(const struct moon_revision *r)
{
    moon_sym hash = r != NULL ? moon_labels_get(&r->meta.labels, MOON_LABEL_HASH) : NULL;

    return hash != NULL ? hash : "";
}

/* Budgets as the stock controller scales them: both up, and never both zero. */
static void fill_roll(const struct moon_ds_set *set, struct moon_roll *roll)
{
    const struct moon_daemonset *object = set->object;
    bool rolling = object->strategy == MOON_STRATEGY_ROLLING && object->has_rolling_update;

    *roll = (struct moon_roll){
        .started_s = set->current->meta.created_s,
        .revision = set->hash,
        .previous_revision = hash_of(newest_old(set)),
        .max_unavailable = rolling ? scale(object->max_unavailable, set->sums.desired) : 0,
        .max_surge = rolling ? scale(object->max_surge, set->sums.desired) : 0,
        .unavailable = set->sums.roll_unavailable,
        .surging = set->sums.roll_surging,
        .available = set->sums.roll_available,
        .desired = set->sums.desired,
        .slots = set->roll,
        .count = set->slot_count,
    };
    if (roll->desired > 0 && roll->max_unavailable == 0 && roll->max_surge == 0) {
        roll->max_unavailable = 1;
    }
}

static void take_action(struct moon_ds_set *set, const struct moon_roll_action *a,
                        struct moon_plan *plan)
{
    struct moon_ds_slot *slot = set->roll[a->slot].owner;
    struct moon_ds_pod *pod;

    switch (a->type) {
    case MOON_ROLL_SURGE:
        if (slot->creating == NULL) {
            moon_ds_plan_create(slot, plan, a->reason);
        }
        return;
    case MOON_ROLL_REPLACE:
    case MOON_ROLL_DELETE:
        pod = moon_map_get(set->pods, moon_str(a->pod->meta.uid));
        /* What is not ours yet, its adoption being under way, is not ours to delete. */
        if (pod != NULL && pod->slot != NULL && !pod->orphan && !moon_ds_pod_is_going(pod)) {
            moon_ds_plan_delete(pod, plan, a->reason);
        }
        return;
    }
}

static void take_answer(struct moon_ds_set *set, const struct moon_roll_answer *answer,
                        struct moon_plan *plan)
{
    for (size_t i = 0; i < answer->count; i++) {
        take_action(set, &answer->actions[i], plan);
    }
    if (answer->again_s > 0) {
        moon_plan_requeue(plan, (uint64_t)answer->again_s * 1000);
        moon_plan_note(plan, NULL, "update goes on in %lld s: %s", (long long)answer->again_s,
                       answer->again_reason != NULL ? answer->again_reason : "policy says so");
    } else {
        moon_plan_requeue(plan, AGAIN_MS);
    }
}

/* Told when another policy's gate holds the update: reasons may count seconds. */
static void note_gate(struct moon_ds_set *set, const struct moon_gate *gate)
{
    if (gate->policy == set->held_by) {
        return;
    }
    moon_sym_unref(set->held_by);
    set->held_by = moon_sym_ref(gate->policy);
    if (gate->policy == NULL) {
        moon_info(MOON_DS_TOPIC, "update goes on", "key", set->key);
        return;
    }
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_NORMAL, "UpdateHeld",
                        "Update waits, policy %s: %s", gate->policy, gate->reason);
    moon_info(MOON_DS_TOPIC, "update waits", "key", set->key, "policy", gate->policy, "reason",
              gate->reason);
}

static bool gate_is_open(struct moon_ds_set *set, const struct moon_set_view *view,
                         const struct moon_roll *roll, struct moon_plan *plan)
{
    struct moon_gate gate;

    moon_hook_gate(set->chain, view, roll, &gate);
    bool is_open = gate.closed == 0;
    note_gate(set, &gate);
    if (!is_open) {
        moon_plan_note(plan, NULL, "update waits, policy %s: %s", gate.policy, gate.reason);
        moon_plan_requeue(plan, (uint64_t)gate.again_s * 1000);
    }
    moon_gate_fini(&gate);
    return is_open;
}

/* A policy may look at every node of a roll, and each pod that comes or goes is a reason to ask it
 * again. So the more nodes there are the more seldom it is asked: every 20 ms with 5,000 of them,
 * which no roll takes longer for. */
static uint64_t too_early_by_ms(const struct moon_ds_set *set)
{
    uint64_t now = moon_loop_now(set->ds->in->loop);
    uint64_t next = set->rolled_at + set->slot_count / NODES_PER_MS;

    return set->rolled_at > 0 && now < next ? next - now : 0;
}

int moon_ds_update(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err)
{
    const struct moon_daemonset *object = set->object;
    struct moon_roll_answer answer = {0};
    struct moon_set_view view;
    struct moon_roll roll;

    if (object->strategy == MOON_STRATEGY_ROLLING && object->strategy_error != NULL) {
        return moon_err_set(err, MOON_E_INVALID, "couldn't get unavailable numbers: %s",
                            object->strategy_error);
    }
    /* What needs.c has planned counts: a pod it deletes is unavailable from now on. */
    moon_ds_slot_evaluate_all(set);
    if (set->sums.outdated == 0) {
        return 0;
    }
    uint64_t early_ms = too_early_by_ms(set);
    if (early_ms > 0) {
        moon_plan_requeue(plan, early_ms);
        return 0;
    }
    set->rolled_at = moon_loop_now(set->ds->in->loop);
    moon_ds_slot_sort(set);
    fill_roll(set, &roll);
    moon_ds_placement_view(set, &view);
    if (gate_is_open(set, &view, &roll, plan)) {
        moon_hook_update(set->chain, &view, &roll, &answer);
        take_answer(set, &answer, plan);
        moon_roll_answer_fini(&answer);
    }
    return 0;
}
