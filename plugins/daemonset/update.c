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

static const char *hash_of(const struct moon_revision *r)
{
    moon_sym hash = r != NULL ? moon_labels_get(&r->meta.labels, MOON_LABEL_HASH) : NULL;

    return hash != NULL ? hash : "";
}

/* Budgets as the stock controller scales them: both up, and never both zero. */
void moon_ds_update_budget(const struct moon_ds_set *set, struct moon_roll *roll)
{
    const struct moon_daemonset *object = set->object;
    bool rolling = object->strategy == MOON_STRATEGY_ROLLING && object->has_rolling_update;

    *roll = (struct moon_roll){
        .started_s = set->current->meta.created_s,
        .revision = set->hash,
        .previous_revision = hash_of(moon_ds_history_before(set)),
        .max_unavailable = rolling ? scale(object->max_unavailable, set->sums.desired) : 0,
        .max_surge = rolling ? scale(object->max_surge, set->sums.desired) : 0,
        .unavailable = set->sums.roll_unavailable,
        .surging = set->sums.roll_surging,
        .available = set->sums.roll_available,
        .desired = set->sums.desired,
        .draining = set->sums.draining,
        .paused = moon_ds_paused(set),
        .rolled_back = moon_ds_rolled_back(set),
        .unpatchable = moon_ds_unpatchable,
        .slots = set->roll,
        .index = &set->roll_index,
        .count = set->slot_count,
    };
    if (roll->desired > 0 && roll->max_unavailable == 0 && roll->max_surge == 0) {
        roll->max_unavailable = 1;
    }
}

static void take_action(struct moon_ds_set *set, const struct moon_roll_action *a, bool held,
                        struct moon_plan *plan)
{
    struct moon_ds_slot *slot = set->roll[a->slot].owner;
    struct moon_ds_pod *pod;

    moon_ds_drain_take(slot, a, held, plan);
    if (held && a->type != MOON_ROLL_CREATE) {
        return; /* what disturbs nobody is done all the same */
    }
    switch (a->type) {
    case MOON_ROLL_CREATE:
        if (slot->waiting) {
            moon_ds_slot_set_waiting(slot, false);
            moon_ds_plan_create(slot, plan, a->reason);
        }
        return;
    case MOON_ROLL_SURGE:
        if (slot->creating == NULL) {
            moon_ds_plan_create(slot, plan, a->reason);
        }
        return;
    case MOON_ROLL_REPLACE:
    case MOON_ROLL_DELETE:
    case MOON_ROLL_PATCH_IMAGE:
        pod = moon_map_get(set->pods, moon_str(a->pod->meta.uid));
        /* What is not ours yet, its adoption being under way, is not ours to delete. */
        if (pod == NULL || pod->slot == NULL || pod->orphan || moon_ds_pod_is_going(pod)) {
            return;
        }
        if (a->type == MOON_ROLL_PATCH_IMAGE) {
            moon_ds_plan_patch_images(pod, plan, a->reason);
        } else {
            moon_ds_plan_delete(pod, plan,
                                moon_ds_mutate_reason(slot, a->reason, moon_plan_arena(plan)));
        }
        return;
    case MOON_ROLL_DRAIN:
    case MOON_ROLL_UNCORDON:
        return; /* taken above */
    }
}

/* A policy that says when pods are made, and fails, holds none of them back. */
static void create_waiting(struct moon_ds_set *set, struct moon_plan *plan)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        struct moon_ds_slot *slot = set->slots[i];
        if (moon_plan_count(plan) >= MOON_DS_BURST) {
            return;
        }
        if (slot->waiting) {
            moon_ds_slot_set_waiting(slot, false);
            moon_ds_plan_create(slot, plan, "the node needs a pod, and the policy has failed");
        }
    }
}

static void take_answer(struct moon_ds_set *set, const struct moon_roll_answer *answer, bool held,
                        struct moon_plan *plan)
{
    for (size_t i = 0; i < answer->count; i++) {
        take_action(set, &answer->actions[i], held, plan);
    }
    moon_ds_drain_end(set, !answer->failed && answer->pause == NULL && answer->rollback == NULL,
                      answer->policy, plan);
    if (answer->failed) {
        create_waiting(set, plan);
    }
    if (set->waiting > 0) {
        moon_plan_note(plan, NULL, "%zu nodes wait for policy %s to have their pods made",
                       set->waiting, answer->policy);
    }
    if (answer->again_s > 0) {
        moon_plan_requeue(plan, (uint64_t)answer->again_s * 1000);
        moon_plan_note(plan, NULL, "update goes on in %lld s: %s", (long long)answer->again_s,
                       answer->again_reason != NULL ? answer->again_reason : "policy says so");
    } else {
        moon_plan_requeue(plan, AGAIN_MS);
    }
}

/* What holds it now, NULL: nothing does. True: it is something else than before. */
static bool take_hold(struct moon_ds_set *set, const char *by, const char *why)
{
    bool is_news = !moon_streq(by, set->held_by);

    moon_free(set->held_why);
    set->held_why = moon_strdup(why);
    if (is_news) {
        set->has_news = true;
        moon_sym_unref(set->held_by);
        set->held_by = moon_intern_cstr(by);
    }
    return is_news;
}

/* Told when something else holds it than before: reasons may count seconds. */
static void note_hold(struct moon_ds_set *set, const char *by, const char *why)
{
    if (!take_hold(set, by, why)) {
        return;
    }
    if (by == NULL) {
        moon_info(MOON_DS_TOPIC, "update goes on", "key", set->key);
        return;
    }
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_NORMAL, "UpdateHeld",
                        "Update waits, %s: %s", by, why);
    moon_info(MOON_DS_TOPIC, "update waits", "key", set->key, "by", by, "reason", why);
}

static void hold_briefly(struct moon_plan *plan, const char *by, const char *why, int64_t again_s)
{
    moon_plan_note(plan, NULL, "update waits, %s: %s", by, why);
    moon_plan_requeue(plan, (uint64_t)again_s * 1000);
}

static void hold(struct moon_ds_set *set, struct moon_plan *plan, const char *by, const char *why,
                 int64_t again_s)
{
    note_hold(set, by, why);
    hold_briefly(plan, by, why, again_s);
}

static bool gates_are_open(struct moon_ds_set *set, const struct moon_set_view *view,
                           const struct moon_roll *roll, struct moon_plan *plan)
{
    struct moon_gate gate;

    moon_hook_gate(set->chain, view, roll, &gate);
    bool is_open = gate.closed == 0;
    if (!is_open) {
        MOON_AUTOFREE char *by = moon_asprintf("policy %s", gate.policy);
        hold(set, plan, by, gate.reason, gate.again_s);
    }
    moon_gate_fini(&gate);
    return is_open;
}

/* May the update policy be asked? */
static bool may_go_on(struct moon_ds_set *set, const struct moon_set_view *view,
                      const struct moon_roll *roll, struct moon_plan *plan)
{
    const char *paused = moon_ds_paused(set);
    struct moon_ds_held held;

    if (paused != NULL) {
        moon_ds_analysis_end(set);
        hold(set, plan, "annotation moonset.dev/paused", paused, AGAIN_MS / 1000);
        return false;
    }
    bool is_good = moon_ds_analyze(set, view, roll, plan, &held);
    if (set->halting) {
        return false;
    }
    if (!is_good && held.is_brief) {
        hold_briefly(plan, held.by, held.why, AGAIN_MS / 1000);
        return false;
    }
    if (!is_good) {
        hold(set, plan, held.by, held.why, AGAIN_MS / 1000);
        return false;
    }
    if (!gates_are_open(set, view, roll, plan)) {
        return false;
    }
    note_hold(set, NULL, NULL);
    return true;
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
        (void)take_hold(set, NULL, NULL); /* there is nothing to hold: the next one is told anew */
        moon_ds_analyze_after(set, plan);
    }
    if (set->sums.outdated == 0 && set->waiting == 0 && set->sums.drained == 0) {
        return 0;
    }
    uint64_t early_ms = too_early_by_ms(set);
    if (early_ms > 0) {
        moon_plan_requeue(plan, early_ms);
        return 0;
    }
    set->rolled_at = moon_loop_now(set->ds->in->loop);
    moon_ds_slot_sort(set);
    moon_ds_update_budget(set, &roll);
    moon_ds_placement_view(set, &view);
    bool held = set->sums.outdated > 0 ? !may_go_on(set, &view, &roll, plan)
                                       : set->halting || moon_ds_paused(set) != NULL;
    if (!held || set->waiting > 0 || set->sums.drained > 0) {
        moon_hook_update(set->chain, &view, &roll, &answer);
        if (held || !moon_ds_halt(set, &answer, plan)) {
            take_answer(set, &answer, held, plan);
        }
        moon_roll_answer_fini(&answer);
    }
    return 0;
}
