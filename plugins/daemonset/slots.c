/* SPDX-License-Identifier: Apache-2.0 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DECIDE_AGAIN_MS = 30000
};

static int64_t now_s(const struct moon_ds_set *set)
{
    return moon_loop_wall_ms(set->ds->in->loop) / 1000;
}

static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop);
}

struct moon_ds_slot *moon_ds_slot_find(const struct moon_ds_set *set, moon_sym name)
{
    return moon_map_get(set->slot_by_name, moon_str(name));
}

static void append(struct moon_ds_set *set, struct moon_ds_slot *slot)
{
    if (set->slot_count == set->slot_capacity) {
        set->slot_capacity = set->slot_capacity != 0 ? 2 * set->slot_capacity : 16;
        set->slots = moon_realloc_array(set->slots, set->slot_capacity, sizeof(*set->slots));
        set->roll = moon_realloc_array(set->roll, set->slot_capacity, sizeof(*set->roll));
    }
    slot->index = set->slot_count++;
    set->slots[slot->index] = slot;
    set->roll[slot->index] = (struct moon_roll_slot){.node_name = slot->name, .owner = slot};
    moon_roll_index_set(&set->roll_index, slot->index, &set->roll[slot->index]);
    set->slots_sorted = false;
}

struct moon_ds_slot *moon_ds_slot_get(struct moon_ds_set *set, moon_sym name)
{
    struct moon_ds_slot *slot = moon_ds_slot_find(set, name);

    if (slot != NULL) {
        return slot;
    }
    slot = moon_new(struct moon_ds_slot);
    slot->set = set;
    slot->name = moon_sym_ref(name);
    slot->stale = true;
    moon_list_init(&slot->dirty);
    moon_list_init(&slot->work);
    moon_map_set(set->slot_by_name, moon_str(name), slot);
    append(set, slot);
    moon_ds_slot_mark(slot);
    return slot;
}

void moon_ds_slot_mark(struct moon_ds_slot *slot)
{
    if (moon_list_is_empty(&slot->dirty)) {
        moon_list_append(&slot->set->dirty, &slot->dirty);
    }
    moon_ds_peers_saw(slot);
}

void moon_ds_slot_mark_all(struct moon_ds_set *set, bool decide)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        struct moon_ds_slot *slot = set->slots[i];
        slot->stale |= decide;
        for (size_t k = 0; decide && k < slot->pod_count; k++) {
            slot->pods[k]->judged = false;
        }
        moon_ds_slot_mark(slot);
    }
}

/* Could an answer about the node be another one now? Not when all that the set's policies have ever
 * read of nodes is as it was. */
static bool may_be_decided_otherwise(const struct moon_ds_slot *slot, const struct moon_node *node)
{
    const struct moon_ds_set *set = slot->set;
    struct moon_set_view view;

    if (slot->node == NULL || node == NULL || slot->node->meta.uid != node->meta.uid ||
        !slot->decided || set->chain == NULL) {
        return true;
    }
    moon_ds_placement_view(set, &view);
    return !moon_chain_reads_same(set->chain, &view, slot->node, node) ||
           (set->shadow != NULL && !moon_chain_reads_same(set->shadow, &view, slot->node, node));
}

bool moon_ds_slot_set_node(struct moon_ds_slot *slot, const struct moon_node *node)
{
    bool decide = may_be_decided_otherwise(slot, node);
    bool drain = moon_ds_drain_is_news(slot, node);

    if (slot->node != NULL && (node == NULL || node->meta.uid != slot->node->meta.uid)) {
        slot->decided = false; /* what was said of it says nothing of another node of this name */
    }
    if (node != NULL) {
        moon_object_ref(&node->meta);
    }
    if (slot->node != NULL) {
        moon_object_unref(&slot->node->meta);
    }
    slot->node = node;
    slot->set->roll[slot->index].node = node; /* what it shows goes with the old one */
    slot->stale |= decide;
    if (decide || drain) {
        moon_ds_slot_mark(slot);
    }
    return decide || drain;
}

static void free_rank(struct moon_ds_slot *slot)
{
    if (slot->rank != NULL) {
        moon_rank_fini(slot->rank);
        moon_free(slot->rank);
    }
}

void moon_ds_slot_set_rank(struct moon_ds_slot *slot, struct moon_rank *take_rank)
{
    if (slot->rank == NULL && take_rank == NULL) {
        return;
    }
    free_rank(slot);
    slot->rank = take_rank;
    slot->set->slots_sorted = false;
    slot->set->work_unordered = true;
    moon_ds_slot_mark(slot);
}

/* ---- pods of a slot ---- */

void moon_ds_slot_add_pod(struct moon_ds_slot *slot, struct moon_ds_pod *pod)
{
    slot->pods = moon_realloc_array(slot->pods, slot->pod_count + 1, sizeof(struct moon_ds_pod *));
    slot->pods[slot->pod_count++] = pod;
    pod->slot = slot;
    moon_ds_slot_mark(slot);
}

void moon_ds_slot_remove_pod(struct moon_ds_slot *slot, struct moon_ds_pod *pod)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        if (slot->pods[i] == pod) {
            slot->pods[i] = slot->pods[--slot->pod_count];
            break;
        }
    }
    pod->slot = NULL;
    moon_ds_slot_mark(slot);
}

bool moon_ds_pod_counts(const struct moon_ds_pod *p)
{
    return !p->foreign && !(moon_pod_is_terminal(p->pod) && moon_pod_is_terminating(p->pod));
}

bool moon_ds_pod_is_going(const struct moon_ds_pod *p)
{
    return p->deleting || moon_pod_is_terminating(p->pod);
}

/* A set that was orphaned and made again counts its generations from 1, and the pods it found carry
 * its predecessor's: such a pod, older than the set, is not current by number when its hash says
 * that it is of another revision. A pod of the set's own is: a server may come to serve the same
 * template in other words, which makes a new revision and is no reason to restart anything. */
static bool is_of_predecessor(const struct moon_ds_set *set, const struct moon_pod *pod)
{
    moon_sym hash = moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH);

    return pod->meta.created_s < set->object->meta.created_s && moon_ds_history_is_old(set, hash);
}

bool moon_ds_pod_is_current(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    const struct moon_pod *pod = p->pod;
    const struct moon_daemonset *object = set->object;
    moon_sym hash = moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH);
    moon_sym generation = moon_labels_get(&pod->meta.labels, MOON_LABEL_GENERATION);
    char text[24];

    if (set->hash != NULL && hash == set->hash && !p->mislabelled) {
        return true;
    }
    if (!object->has_template_generation || generation == NULL) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)object->template_generation);
    return strcmp(generation, text) == 0 && !is_of_predecessor(set, pod);
}

/* What a policy has changed in a pod is part of what it is: also when none does any more. Where no
 * policy has answered yet nothing is made or replaced, and nobody can tell. */
static bool is_edited_as_wanted(const struct moon_ds_set *set, const struct moon_ds_slot *slot,
                                const struct moon_pod *pod)
{
    if (slot != NULL && slot->mutation != NULL) {
        return pod->mutation == slot->mutation->digest || set->digests_lost;
    }
    return pod->mutation == NULL || set->mutates;
}

bool moon_ds_pod_is_updated(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    moon_sym wanted = p->slot != NULL ? moon_ds_mutate_wants(p->slot) : set->hash;

    if (!is_edited_as_wanted(set, p->slot, p->pod)) {
        return false;
    }
    if (wanted == set->hash) {
        return moon_ds_pod_is_current(set, p);
    }
    return moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH) == wanted && !p->mislabelled;
}

/* ---- evaluation ---- */

static void note_readiness(const struct moon_ds_set *set, struct moon_ds_pod *p)
{
    if (p->pod->ready && p->ready_since_s != p->pod->ready_since_s) {
        p->ready_since_s = p->pod->ready_since_s;
        p->ready_seen_ms = now_ms(set);
    }
}

/* How long by our own clock until a pod that stays ready has been seen so for long enough. */
static uint64_t seen_available_in_ms(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    uint64_t at = p->ready_seen_ms + (uint64_t)set->object->min_ready_s * 1000;
    return at > now_ms(set) ? at - now_ms(set) : 0;
}

/* A policy may say that a new pod which is ready is of no use yet. Of an old one it may not: that
 * would make it free to go, beyond all budgets. */
static bool is_held_unhealthy(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    return p->health != MOON_HEALTH_READY && moon_ds_pod_is_updated(set, p);
}

/* By the pod's own times; but wall clocks differ between machines and are set back, and nobody's
 * pod shall be called unavailable, and so be free to go, for that. What was seen ready for long
 * enough is available, and a pod of an older revision that will become ready in the future has been
 * so for long. */
static bool is_available(const struct moon_ds_slot *slot, const struct moon_ds_pod *p)
{
    const struct moon_ds_set *set = slot->set;
    if (p->imaging || p->pod->restarting || is_held_unhealthy(set, p)) {
        return false;
    }
    if (moon_pod_is_available(p->pod, set->object->min_ready_s, now_s(set))) {
        return true;
    }
    if (!p->pod->ready || p->pod->ready_since_s == 0) {
        return false;
    }
    bool is_of_future = p->pod->ready_since_s > now_s(set);
    return seen_available_in_ms(set, p) == 0 || (is_of_future && !moon_ds_pod_is_updated(set, p));
}

static void sort_pods(struct moon_ds_slot *slot)
{
    /* A node has one pod, seldom two: insertion sort. */
    for (size_t i = 1; i < slot->pod_count; i++) {
        struct moon_ds_pod *p = slot->pods[i];
        size_t j = i;
        for (; j > 0 && moon_pod_order(p->pod, slot->pods[j - 1]->pod) < 0; j--) {
            slot->pods[j] = slot->pods[j - 1];
        }
        slot->pods[j] = p;
    }
}

static const struct moon_ds_pod *first_counting(const struct moon_ds_slot *slot)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        if (moon_ds_pod_counts(slot->pods[i])) {
            return slot->pods[i];
        }
    }
    return NULL;
}

static bool is_wanted(const struct moon_ds_slot *slot)
{
    return slot->node != NULL && slot->decided && slot->decision.placement == MOON_PLACEMENT_RUN;
}

static void share_status(const struct moon_ds_slot *slot, struct moon_ds_share *share)
{
    const struct moon_ds_pod *first = first_counting(slot);

    if (slot->node == NULL) {
        return;
    }
    if (!slot->decided) {
        share->undecided = 1;
        return;
    }
    if (!is_wanted(slot)) {
        share->misscheduled = first != NULL;
        return;
    }
    share->desired = 1;
    if (first != NULL) {
        share->current = 1;
        share->ready = first->pod->ready;
        share->available = is_available(slot, first);
        share->updated =
            moon_ds_pod_is_updated(slot->set, first) && moon_ds_pod_is_current(slot->set, first);
        share->settled = share->available && share->updated && !slot->unmutated;
    }
}

/* Fill the entry the update policy sees: the first outdated and the first updated pod that nobody
 * is deleting; a further one of either kind is excess, which the core prunes. */
static void fill_roll(struct moon_ds_slot *slot)
{
    struct moon_roll_slot *roll = &slot->set->roll[slot->index];

    *roll = (struct moon_roll_slot){
        .node = slot->node,
        .node_name = slot->name,
        .rank = slot->rank,
        .owner = slot,
        .wanted = is_wanted(slot),
        .waiting = slot->waiting,
        .creating = slot->creating != NULL,
        .held = is_wanted(slot) && moon_ds_mutate_holds(slot) != NULL,
        .drain = moon_ds_drain_look(slot),
    };
    for (size_t i = 0; i < slot->pod_count; i++) {
        const struct moon_ds_pod *p = slot->pods[i];
        if (!moon_ds_pod_counts(p)) {
            continue;
        }
        if (moon_ds_pod_is_going(p)) {
            roll->deleting = true;
            continue;
        }
        roll->excess |= p->imaging;
        bool updated = moon_ds_pod_is_updated(slot->set, p);
        const struct moon_pod **place = updated ? &roll->new_pod : &roll->old_pod;
        if (*place != NULL) {
            roll->excess = true;
            continue;
        }
        *place = p->pod;
        *(updated ? &roll->new_available : &roll->old_available) = is_available(slot, p);
        *(updated ? &roll->new_health : &roll->old_health) = p->health;
    }
    /* A new pod on its way beside an old one is as good as there: nothing more may be done here. */
    roll->excess |= slot->creating != NULL && roll->old_pod != NULL;
    moon_roll_index_set(&slot->set->roll_index, slot->index, roll);
}

static bool counts_as_unavailable(const struct moon_roll_slot *r)
{
    if (r->excess || (r->old_pod != NULL && r->new_pod != NULL)) {
        return true;
    }
    return !(r->old_pod != NULL ? r->old_available : r->new_pod != NULL && r->new_available);
}

static void share_roll(const struct moon_roll_slot *r, struct moon_ds_share *share)
{
    bool paired = r->old_pod != NULL && r->new_pod != NULL;

    share->outdated = r->old_pod != NULL;
    share->drained = r->drain != NULL;
    share->draining = r->drain != NULL && r->drain->state != MOON_DRAIN_LIFTED;
    share->roll_unavailable = r->wanted && counts_as_unavailable(r);
    share->roll_surging = r->excess || (paired && !r->new_available);
    share->roll_available =
        r->node != NULL && (r->old_pod != NULL ? r->old_available : r->new_available);
}

static void add_shares(struct moon_ds_set *set, const struct moon_ds_share *s, int sign)
{
    set->sums.desired += sign * s->desired;
    set->sums.current += sign * s->current;
    set->sums.ready += sign * s->ready;
    set->sums.available += sign * s->available;
    set->sums.updated += sign * s->updated;
    set->sums.misscheduled += sign * s->misscheduled;
    set->sums.roll_unavailable += sign * s->roll_unavailable;
    set->sums.roll_surging += sign * s->roll_surging;
    set->sums.roll_available += sign * s->roll_available;
    set->sums.outdated += sign * s->outdated;
    set->sums.drained += sign * s->drained;
    set->sums.draining += sign * s->draining;
    set->sums.undecided += sign * s->undecided;
    set->sums.settled += sign * s->settled;
}

static void change_share(struct moon_ds_slot *slot, const struct moon_ds_share *share)
{
    add_shares(slot->set, &slot->share, -1);
    slot->share = *share;
    add_shares(slot->set, &slot->share, +1);
}

static void earlier(uint64_t *at, uint64_t candidate)
{
    *at = candidate < *at ? candidate : *at;
}

/* When the slot has to be looked at again although nothing happens: a pod becomes available, a
 * failed one has waited long enough, a question that was not answered is asked again. */
static uint64_t next_look(const struct moon_ds_slot *slot)
{
    const struct moon_ds_set *set = slot->set;
    uint64_t now = now_ms(set);
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < slot->pod_count; i++) {
        const struct moon_pod *pod = slot->pods[i]->pod;
        int64_t in = moon_pod_available_in(pod, set->object->min_ready_s, now_s(set));
        uint64_t seen_in = seen_available_in_ms(set, slot->pods[i]);
        if (in > 0) {
            earlier(&at, now + (uint64_t)in * 1000);
        }
        if (in > 0 && seen_in > 0) {
            earlier(&at, now + seen_in);
        }
        if (pod->phase == MOON_PHASE_FAILED && moon_ds_backoff_ends(slot) > now) {
            earlier(&at, moon_ds_backoff_ends(slot));
        }
    }
    if (slot->unanswered) {
        earlier(&at, now + DECIDE_AGAIN_MS);
    }
    return at;
}

static void arm_due(struct moon_ds_slot *slot)
{
    struct moon_heap *due = &slot->set->due;
    uint64_t at = next_look(slot);

    moon_heap_remove(due, &slot->due);
    if (at != UINT64_MAX) {
        slot->due.at = at;
        moon_heap_insert(due, &slot->due);
    }
}

void moon_ds_slot_set_waiting(struct moon_ds_slot *slot, bool waiting)
{
    if (slot->waiting == waiting) {
        return;
    }
    slot->set->waiting += (size_t)waiting - (size_t)slot->waiting;
    slot->waiting = waiting;
    slot->set->roll[slot->index].waiting = waiting;
    moon_roll_index_set_waiting(&slot->set->roll_index, slot->index, waiting);
}

static int compare(const struct moon_ds_slot *a, const struct moon_ds_slot *b);

/* Whether there is work is for needs.c to say; it takes slots off the list again. */
static void add_work(struct moon_ds_slot *slot)
{
    struct moon_ds_set *set = slot->set;

    if (!moon_list_is_empty(&slot->work)) {
        return;
    }
    if (!moon_list_is_empty(&set->work)) {
        const struct moon_ds_slot *last =
            moon_container_of(set->work.prev, struct moon_ds_slot, work);
        set->work_unordered |= compare(last, slot) > 0;
    }
    moon_list_append(&set->work, &slot->work);
}

static void evaluate(struct moon_ds_slot *slot)
{
    struct moon_ds_set *set = slot->set;
    struct moon_ds_share share = {0};

    set->has_news = true;
    for (size_t i = 0; i < slot->pod_count; i++) {
        note_readiness(set, slot->pods[i]);
    }
    sort_pods(slot);
    moon_ds_slot_set_waiting(slot, false); /* needs.c says so again */
    fill_roll(slot);
    share_status(slot, &share);
    share_roll(&set->roll[slot->index], &share);
    change_share(slot, &share);
    arm_due(slot);
    add_work(slot);
    moon_ds_slot_sweep(slot);
}

void moon_ds_slot_evaluate(struct moon_ds_slot *slot)
{
    moon_list_remove(&slot->dirty);
    evaluate(slot);
}

void moon_ds_slot_mark_due(struct moon_ds_set *set)
{
    uint64_t now = now_ms(set);

    for (;;) {
        struct moon_heap_node *n = moon_heap_min(&set->due);
        if (n == NULL || n->at > now) {
            return;
        }
        moon_heap_remove(&set->due, n);
        struct moon_ds_slot *slot = moon_container_of(n, struct moon_ds_slot, due);
        moon_ds_slot_mark(slot);
    }
}

static int compare(const struct moon_ds_slot *a, const struct moon_ds_slot *b)
{
    static const struct moon_rank neutral;
    int order = 0;

    if (a->rank != NULL || b->rank != NULL) {
        order = moon_rank_compare(a->rank != NULL ? a->rank : &neutral,
                                  b->rank != NULL ? b->rank : &neutral);
    }
    return order != 0 ? order : strcmp(a->name, b->name);
}

static int by_order(const void *a, const void *b)
{
    const struct moon_ds_slot *const *x = a;
    const struct moon_ds_slot *const *y = b;

    return compare(*x, *y);
}

/* Mostly they are in order up to a few at the end: those alone are sorted, and merged in. */
static void sort(struct moon_ds_slot **slots, size_t count)
{
    size_t sorted = count > 0;
    size_t k = 0;

    while (sorted < count && compare(slots[sorted - 1], slots[sorted]) <= 0) {
        sorted++;
    }
    size_t rest = count - sorted;
    if (rest == 0) {
        return;
    }
    qsort(&slots[sorted], rest, sizeof(*slots), by_order);
    MOON_AUTOFREE struct moon_ds_slot **tail = moon_new_array(struct moon_ds_slot *, rest);
    memcpy(tail, &slots[sorted], rest * sizeof(*slots));
    for (k = count; rest > 0;) { /* from the end, so that nothing is in the way */
        bool from_tail = sorted == 0 || compare(slots[sorted - 1], tail[rest - 1]) <= 0;
        slots[--k] = from_tail ? tail[--rest] : slots[--sorted];
    }
}

/* Nodes are served in order of their ranks, then of their names: the same state gives the same
 * plan, in whatever order the events came. They mostly come so. */
void moon_ds_slot_order_work(struct moon_ds_set *set)
{
    size_t count = 0;
    size_t n = 0;

    if (!set->work_unordered) {
        return;
    }
    set->work_unordered = false;
    moon_list_foreach (it, &set->work) {
        (void)it;
        count++;
    }
    MOON_AUTOFREE struct moon_ds_slot **slots = moon_new_array(struct moon_ds_slot *, count);
    moon_list_foreach (it, &set->work) {
        slots[n++] = moon_container_of(it, struct moon_ds_slot, work);
        moon_list_remove(it);
    }
    sort(slots, count);
    for (size_t i = 0; i < count; i++) {
        moon_list_append(&set->work, &slots[i]->work);
    }
}

/* Have policies to be asked first? */
static bool waits_for_pass(const struct moon_ds_slot *slot)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        if (!slot->pods[i]->judged) {
            return true;
        }
    }
    return slot->stale && slot->node != NULL;
}

void moon_ds_slot_evaluate_all(struct moon_ds_set *set)
{
    moon_ds_slot_mark_due(set);
    moon_list_foreach (it, &set->dirty) {
        struct moon_ds_slot *slot = moon_container_of(it, struct moon_ds_slot, dirty);
        if (!waits_for_pass(slot)) {
            moon_list_remove(&slot->dirty);
        }
        evaluate(slot);
    }
}

/* ---- order, end of life ---- */

void moon_ds_slot_sort(struct moon_ds_set *set)
{
    if (set->slots_sorted) {
        return;
    }
    sort(set->slots, set->slot_count);
    for (size_t i = 0; i < set->slot_count; i++) {
        set->slots[i]->index = i;
        fill_roll(set->slots[i]);
    }
    set->slots_sorted = true;
}

static void slot_free(struct moon_ds_slot *slot)
{
    moon_ds_drain_free(slot);
    moon_list_remove(&slot->dirty);
    moon_list_remove(&slot->work);
    moon_heap_remove(&slot->set->due, &slot->due);
    if (slot->node != NULL) {
        moon_object_unref(&slot->node->meta);
    }
    moon_decision_fini(&slot->decision);
    moon_mutation_unref(slot->mutation);
    free_rank(slot);
    moon_free(slot->pods);
    moon_sym_unref(slot->name);
    moon_free(slot);
}

void moon_ds_slot_sweep(struct moon_ds_slot *slot)
{
    struct moon_ds_set *set = slot->set;

    if (slot->node != NULL || slot->pod_count > 0 || slot->creating != NULL) {
        return;
    }
    add_shares(set, &slot->share, -1);
    moon_ds_slot_set_waiting(slot, false);
    size_t last = --set->slot_count;
    set->slots[slot->index] = set->slots[last];
    set->roll[slot->index] = set->roll[last];
    set->slots[slot->index]->index = slot->index;
    moon_roll_index_move(&set->roll_index, last, slot->index);
    set->slots_sorted = set->slots_sorted && slot->index == last;
    (void)moon_map_take(set->slot_by_name, moon_str(slot->name));
    slot_free(slot);
}

void moon_ds_slot_free_all(struct moon_ds_set *set)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        slot_free(set->slots[i]);
    }
    moon_free(set->slots);
    moon_free(set->roll);
    moon_roll_index_fini(&set->roll_index);
    set->slots = NULL;
    set->roll = NULL;
    set->slot_count = 0;
}
