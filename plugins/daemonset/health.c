/* SPDX-License-Identifier: Apache-2.0
 *
 * health.c - asking the policy that judges pods about those that have changed.
 */
#include "daemonset/daemonset_priv.h"

struct judging {
    struct moon_ds_pod **pods;
    struct moon_health_question *questions;
    size_t count;
};

static size_t count_new(struct moon_ds_slot *const *slots, size_t slot_count)
{
    size_t count = 0;

    for (size_t k = 0; k < slot_count; k++) {
        for (size_t i = 0; i < slots[k]->pod_count; i++) {
            count += !slots[k]->pods[i]->judged;
        }
    }
    return count;
}

static void collect(struct moon_ds_slot *slot, struct judging *j)
{
    struct moon_ds_set *set = slot->set;
    struct moon_roll_slot *shown = &set->roll[slot->index];

    shown->node = slot->node;
    for (size_t i = 0; i < slot->pod_count; i++) {
        struct moon_ds_pod *p = slot->pods[i];
        if (p->judged) {
            continue;
        }
        j->pods[j->count] = p;
        j->questions[j->count++] = (struct moon_health_question){
            .pod = p->pod, .slot = shown, .updated = moon_ds_pod_is_updated(set, p)};
    }
}

static void tell_failed(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "UnhealthyDaemonPod", "Pod %s on node %s is not healthy: %s",
                        p->pod->meta.name, p->slot->name,
                        p->health_reason != NULL ? p->health_reason : "no reason given");
}

static void take(const struct moon_ds_set *set, struct moon_ds_pod *p,
                 const struct moon_health_answer *answer)
{
    bool is_news = answer->health == MOON_HEALTH_FAILED && p->health != MOON_HEALTH_FAILED;

    p->judged = true;
    p->health = answer->health;
    moon_sym_unref(p->health_reason);
    p->health_reason = answer->reason;
    if (is_news) {
        tell_failed(set, p);
    }
}

/* Nobody judges: what a policy said before is forgotten. */
static void judge_none(struct moon_ds_slot *slot)
{
    static const struct moon_health_answer ready = {.health = MOON_HEALTH_READY};

    for (size_t i = 0; i < slot->pod_count; i++) {
        take(slot->set, slot->pods[i], &ready);
    }
}

static void judge(struct moon_ds_set *set, struct moon_ds_slot *const *slots, size_t slot_count,
                  size_t count)
{
    struct moon_set_view view;
    MOON_AUTOFREE struct moon_ds_pod **pods = moon_new_array(struct moon_ds_pod *, count);
    MOON_AUTOFREE struct moon_health_question *questions =
        moon_new_array(struct moon_health_question, count);
    MOON_AUTOFREE struct moon_health_answer *answers =
        moon_new_array(struct moon_health_answer, count);
    struct judging judging = {.pods = pods, .questions = questions};

    for (size_t k = 0; k < slot_count; k++) {
        collect(slots[k], &judging);
    }
    moon_ds_placement_view(set, &view);
    moon_hook_health(set->chain, &view, questions, count, answers);
    for (size_t i = 0; i < count; i++) {
        take(set, pods[i], &answers[i]);
    }
}

void moon_ds_health_judge(struct moon_ds_set *set, struct moon_ds_slot *const *slots, size_t count)
{
    if (!moon_chain_judges_health(set->chain)) {
        for (size_t k = 0; k < count; k++) {
            judge_none(slots[k]);
        }
        return;
    }
    size_t pods = count_new(slots, count);
    if (pods > 0) {
        judge(set, slots, count, pods);
    }
}
