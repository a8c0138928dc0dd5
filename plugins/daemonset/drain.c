/* SPDX-License-Identifier: Apache-2.0
 *
 * drain.c - how far a drain is, what the update policy wants of it, and its end.
 *
 * A policy says each time it is asked what it wants: a node that it speaks of stays, one that it
 * passes over is given back. So a policy that is changed, or taken away, leaves no node cordoned.
 * One that fails, or is not asked, changes nothing.
 */
#include "daemonset/drain_priv.h"

enum {
    LISTED_MAX = 20,
};

bool moon_ds_drain_is_ours(const struct moon_ds_set *set, const struct moon_node *node)
{
    return node != NULL && node->drained_by != NULL && strcmp(node->drained_by, set->key) == 0;
}

bool moon_ds_drain_is_news(const struct moon_ds_slot *slot, const struct moon_node *now)
{
    const struct moon_node *before = slot->node;
    bool concerns = slot->drain != NULL || moon_ds_drain_is_ours(slot->set, before) ||
                    moon_ds_drain_is_ours(slot->set, now);

    return concerns && (before == NULL || now == NULL || before->drained_by != now->drained_by ||
                        before->unschedulable != now->unschedulable);
}

/* ---- life ---- */

static struct moon_ds_drain *drain_new(struct moon_ds_slot *slot)
{
    struct moon_ds_drain *d = moon_new(struct moon_ds_drain);

    d->slot = slot;
    d->opts.grace_s = -1;
    moon_list_append(&slot->set->drains, &d->link);
    slot->drain = d;
    return d;
}

void moon_ds_drain_free(struct moon_ds_slot *slot)
{
    struct moon_ds_drain *d = moon_steal(&slot->drain);

    if (d == NULL) {
        return;
    }
    moon_list_remove(&d->link);
    moon_ds_drain_unwatch(d);
    moon_free(d->waits_for);
    moon_free(d->told);
    moon_free(d->write_error);
    moon_free(d->list_error);
    moon_free(d);
}

void moon_ds_drain_stop(struct moon_ds_set *set)
{
    moon_list_foreach (it, &set->drains) {
        moon_ds_drain_unwatch(moon_container_of(it, struct moon_ds_drain, link));
    }
}

/* ---- how far ---- */

static char *pods_text(const struct moon_ds_drain_left *left)
{
    const struct moon_object *o = &left->first->meta;
    size_t more = left->pods - 1;

    return more == 0 ? moon_asprintf("pod %s/%s: %s", o->namespace, o->name, left->why)
                     : moon_asprintf("pod %s/%s: %s (and %zu more)", o->namespace, o->name,
                                     left->why, more);
}

/* What is in the way; NULL: nothing. */
static char *obstacle(const struct moon_ds_drain *d)
{
    if (d->write_error != NULL) {
        return moon_strdup(d->write_error);
    }
    if (!d->marked) {
        return moon_strdup("it is being cordoned");
    }
    if (d->list_error != NULL) {
        return moon_asprintf("its pods cannot be listed: %s", d->list_error);
    }
    if (!moon_ds_drain_knows(d)) {
        return moon_strdup("its pods are not known yet");
    }
    struct moon_ds_drain_left left = moon_ds_drain_left(d);
    return left.pods > 0 ? pods_text(&left) : NULL;
}

const struct moon_drain *moon_ds_drain_look(struct moon_ds_slot *slot)
{
    struct moon_ds_drain *d = slot->drain;
    bool ours = moon_ds_drain_is_ours(slot->set, slot->node);

    if (d != NULL && !d->writing && !ours && (slot->node == NULL || d->marked || d->over)) {
        moon_ds_drain_free(slot);
        return NULL;
    }
    if (d == NULL && !ours) {
        return NULL;
    }
    if (d == NULL) {
        d = drain_new(slot);
    }
    d->marked |= ours;
    moon_free(moon_steal(&d->waits_for));
    d->shown = (struct moon_drain){.since_s = ours ? slot->node->drain_began_s : 0};
    if (ours && !slot->node->unschedulable && !d->writing) {
        d->shown.state = MOON_DRAIN_LIFTED;
        return &d->shown;
    }
    d->waits_for = obstacle(d);
    d->shown.waits_for = d->waits_for;
    d->shown.state = ours && d->waits_for == NULL ? MOON_DRAIN_DRAINED : MOON_DRAIN_DRAINING;
    return &d->shown;
}

/* ---- telling ---- */

void moon_ds_drain_tell_trouble(struct moon_ds_drain *d, const char *text)
{
    const struct moon_ds_set *set = d->slot->set;

    if (moon_streq(text, d->told)) {
        return;
    }
    moon_free(d->told);
    d->told = moon_strdup(text);
    MOON_AUTOFREE char *what = moon_asprintf("Draining of node %s waits", d->slot->name);
    moon_ds_event(set, MOON_EVENT_WARNING, "FailedDrain", what, text);
    moon_warn(MOON_DS_TOPIC, "a drain waits", "key", set->key, "node", d->slot->name, "reason",
              text);
}

static void tell_drained(struct moon_ds_drain *d)
{
    const struct moon_ds_set *set = d->slot->set;

    if (d->shown.state != MOON_DRAIN_DRAINED || d->told_drained || !d->emptied) {
        return;
    }
    d->told_drained = true;
    moon_ds_event(set, MOON_EVENT_NORMAL, "NodeDrained", "Drained node", d->slot->name);
    moon_info(MOON_DS_TOPIC, "drained node", "key", set->key, "node", d->slot->name);
}

/* ---- what the policy wants ---- */

/* Refusals and the like; that pods take their time to end is nothing to tell. */
static void tell_obstacle(struct moon_ds_drain *d)
{
    struct moon_ds_drain_left left = {0};

    if (d->write_error != NULL || d->list_error != NULL) {
        moon_ds_drain_tell_trouble(d, d->waits_for);
        return;
    }
    if (moon_ds_drain_knows(d)) {
        left = moon_ds_drain_left(d);
    }
    if (left.never > 0 || (left.first != NULL && moon_ds_drain_refusal(d, left.first) != NULL)) {
        MOON_AUTOFREE char *text = pods_text(&left);
        moon_ds_drain_tell_trouble(d, text);
    }
}

static void drain(struct moon_ds_slot *slot, const struct moon_roll_action *a,
                  struct moon_plan *plan)
{
    struct moon_ds_drain *d = slot->drain != NULL ? slot->drain : drain_new(slot);

    d->wanted = true;
    d->over = false;
    d->opts = a->evict;
    if (!moon_ds_drain_is_ours(slot->set, slot->node)) {
        moon_ds_drain_plan_cordon(d, plan, a->reason);
    } else if (slot->node->unschedulable) {
        moon_ds_drain_watch(d);
        moon_ds_drain_evict(d, plan, a->reason);
    }
    moon_ds_slot_mark(slot);
    tell_obstacle(d);
}

static void give_back(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason)
{
    if (moon_ds_drain_is_ours(d->slot->set, d->slot->node)) {
        moon_ds_drain_plan_return(d, plan, reason);
    } else {
        d->over = true; /* it was never cordoned, or will be by a write in flight */
        moon_ds_slot_mark(d->slot);
    }
}

void moon_ds_drain_take(struct moon_ds_slot *slot, const struct moon_roll_action *a, bool held,
                        struct moon_plan *plan)
{
    struct moon_ds_drain *d = slot->drain;

    if (d != NULL) {
        d->wanted = true;
        tell_drained(d);
    }
    if (a->type == MOON_ROLL_DRAIN && !held) {
        drain(slot, a, plan);
    } else if (a->type == MOON_ROLL_UNCORDON && d != NULL) {
        give_back(d, plan, a->reason);
    }
}

/* Without its mark it would be drained again, against the will of whoever has uncordoned it. */
static bool is_left_alone(const struct moon_ds_drain *d)
{
    return d->shown.state == MOON_DRAIN_LIFTED && d->slot->share.outdated;
}

void moon_ds_drain_end(struct moon_ds_set *set, bool answered, const char *policy,
                       struct moon_plan *plan)
{
    moon_list_foreach (it, &set->drains) {
        struct moon_ds_drain *d = moon_container_of(it, struct moon_ds_drain, link);
        if (answered && !d->wanted && !is_left_alone(d)) {
            give_back(d, plan,
                      moon_arena_printf(moon_plan_arena(plan), "policy %s does not ask for it",
                                        policy != NULL ? policy : "(none)"));
        }
        d->wanted = false;
    }
}

/* ---- in words ---- */

char *moon_ds_drain_text(const struct moon_ds_slot *slot)
{
    const struct moon_ds_drain *d = slot->drain;
    const struct moon_node *node = slot->node;

    if (d == NULL && node != NULL && node->drained_by != NULL) {
        return moon_asprintf("set %s has cordoned it", node->drained_by);
    }
    if (d == NULL) {
        return node != NULL && node->unschedulable
                   ? moon_strdup("cordoned, not by this set: it is not drained, nor given back")
                   : NULL;
    }
    if (d->shown.state == MOON_DRAIN_LIFTED) {
        return moon_strdup("somebody has uncordoned it since: it is left alone until its "
                           "annotation " MOON_ANNOTATION_DRAINED_BY " is taken away");
    }
    if (d->shown.waits_for != NULL) {
        return moon_asprintf("%s: %s", moon_drain_state_name(d->shown.state), d->shown.waits_for);
    }
    return moon_strdup(moon_drain_state_name(d->shown.state));
}

void moon_ds_drain_explain(const struct moon_ds_set *set, void (*line)(const char *text, void *ctx),
                           void *ctx)
{
    size_t lines = 0;

    moon_list_foreach (it, &set->drains) {
        const struct moon_ds_drain *d = moon_container_of(it, struct moon_ds_drain, link);
        MOON_AUTOFREE char *what = moon_ds_drain_text(d->slot);
        MOON_AUTOFREE char *text = moon_asprintf("%s: %s", d->slot->name, what);
        if (lines++ < LISTED_MAX) {
            line(text, ctx);
        }
    }
}
