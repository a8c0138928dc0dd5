/* SPDX-License-Identifier: Apache-2.0
 *
 * happenings.c - what has happened to a set's pods and to nodes, for policies with the hook
 * on_event.
 *
 * A change of an object is looked at as it comes in, while the object before it is still there, and
 * kept until the set is reconciled. What was there before this process worked has not happened: a
 * restart, or a change of the leader, tells nothing twice, and what came between is not told.
 */
#include "daemonset/daemonset_priv.h"

enum {
    MAX_KEPT = 256, /* of a set: a policy that is too slow misses what is newer */
    A_TURN = 32,    /* each may take 5 ms */
    TELL_LOST_MS = 60 * 1000,
};

static bool wants(const struct moon_ds_set *set, enum moon_happening_type type)
{
    return set->chain != NULL && (moon_chain_happenings(set->chain) & (UINT32_C(1) << type)) != 0;
}

static void tell_lost(struct moon_ds_set *set)
{
    uint64_t now = moon_loop_now(set->ds->in->loop);

    if (set->happened_lost_at == 0 || now - set->happened_lost_at >= TELL_LOST_MS) {
        set->happened_lost_at = now;
        moon_warn(MOON_DS_TOPIC, "more happens than on_event is told of: some is left out", "key",
                  set->key, "kept", MOON_LOG_INT(MAX_KEPT));
    }
}

static void keep(struct moon_ds_set *set, enum moon_happening_type type, const struct moon_pod *pod,
                 moon_sym node_name)
{
    if (!wants(set, type)) {
        return;
    }
    if (set->happened_count == MAX_KEPT) {
        tell_lost(set);
        return;
    }
    if (pod != NULL) {
        moon_object_ref(&pod->meta);
    }
    set->happened =
        moon_realloc_array(set->happened, set->happened_count + 1, sizeof(*set->happened));
    set->happened[set->happened_count++] = (struct moon_ds_happened){
        .type = type,
        .at_s = moon_loop_wall_ms(set->ds->in->loop) / 1000,
        .pod = pod,
        .node_name = node_name != NULL ? moon_sym_ref(node_name) : NULL,
    };
    moon_ds_set_enqueue(set);
}

/* ---- seeing ---- */

void moon_ds_happened_to_pod(struct moon_ds_set *set, const struct moon_pod *before,
                             const struct moon_pod *pod)
{
    if (!set->ds->running) {
        return;
    }
    if (pod == NULL) {
        if (before != NULL) {
            keep(set, MOON_HAPPENED_POD_GONE, before, before->target);
        }
        return;
    }
    bool was_ready = before != NULL && before->ready;
    if (before == NULL) {
        keep(set, MOON_HAPPENED_POD_CREATED, pod, pod->target);
    }
    if (before != NULL && pod->restarts > before->restarts) {
        keep(set, MOON_HAPPENED_POD_RESTARTED, pod, pod->target);
    }
    if (pod->phase == MOON_PHASE_FAILED && (before == NULL || before->phase != MOON_PHASE_FAILED)) {
        keep(set, MOON_HAPPENED_POD_FAILED, pod, pod->target);
    }
    if (pod->ready != was_ready) {
        keep(set, pod->ready ? MOON_HAPPENED_POD_READY : MOON_HAPPENED_POD_UNREADY, pod,
             pod->target);
    }
}

void moon_ds_happened_to_node(struct moon_ds_set *set, const struct moon_node *before,
                              const struct moon_node *node)
{
    if (!set->ds->running) {
        return;
    }
    if (node == NULL) {
        keep(set, MOON_HAPPENED_NODE_GONE, NULL, before->meta.name);
    } else if (before == NULL) {
        keep(set, MOON_HAPPENED_NODE_ADDED, NULL, node->meta.name);
    } else if (node->ready != before->ready) {
        keep(set, node->ready ? MOON_HAPPENED_NODE_READY : MOON_HAPPENED_NODE_UNREADY, NULL,
             node->meta.name);
    }
}

/* ---- telling ---- */

static void forget(struct moon_ds_set *set, size_t count)
{
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (set->happened[i].pod != NULL) {
            moon_object_unref(&set->happened[i].pod->meta);
        }
        moon_sym_unref(set->happened[i].node_name);
    }
    set->happened_count -= count;
    memmove(set->happened, set->happened + count, set->happened_count * sizeof(*set->happened));
}

/* The pod as it was then, at the place it has, or had, among the node's. */
static void put_pod(const struct moon_ds_set *set, const struct moon_ds_happened *e,
                    struct moon_ds_slot *slot, struct moon_happening *h)
{
    const struct moon_ds_pod pod = {.pod = e->pod, .slot = slot};
    bool updated = moon_ds_pod_is_updated(set, &pod);
    const struct moon_pod **place = updated ? &h->slot.new_pod : &h->slot.old_pod;

    h->pod = e->pod;
    if (*place == NULL || (*place)->meta.uid != e->pod->meta.uid) {
        *(updated ? &h->slot.new_available : &h->slot.old_available) = false;
        *(updated ? &h->slot.new_health : &h->slot.old_health) = MOON_HEALTH_READY;
    }
    *place = e->pod;
}

static bool tell_one(struct moon_ds_set *set, const struct moon_set_view *view,
                     const struct moon_ds_happened *e, struct moon_plan *plan)
{
    struct moon_ds_slot *slot = e->node_name != NULL ? moon_ds_slot_find(set, e->node_name) : NULL;
    struct moon_happening h = {.type = e->type, .at_s = e->at_s, .slot.node_name = e->node_name};
    int64_t again_s;

    if (slot != NULL) {
        h.slot = set->roll[slot->index];
    }
    if (e->pod != NULL) {
        put_pod(set, e, slot, &h);
    }
    bool ok = moon_hook_on_event(set->chain, view, &h, &again_s);
    if (again_s > 0) {
        moon_plan_requeue(plan, (uint64_t)again_s * 1000);
    }
    return ok;
}

void moon_ds_happened_tell(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_set_view view;
    size_t told = 0;
    bool ok = true;

    if (set->happened_count == 0) {
        return;
    }
    moon_ds_slot_evaluate_all(set);
    moon_ds_placement_view(set, &view);
    while (ok && told < set->happened_count && told < A_TURN) {
        ok = tell_one(set, &view, &set->happened[told++], plan);
    }
    forget(set, told);
    set->has_news = true; /* the hook may have left something to tell of */
    if (set->happened_count > 0) {
        moon_plan_requeue(plan, 0);
    }
}

void moon_ds_happened_fini(struct moon_ds_set *set)
{
    forget(set, set->happened_count);
    moon_free(set->happened);
    set->happened = NULL;
}
