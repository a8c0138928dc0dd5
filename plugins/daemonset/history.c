/* SPDX-License-Identifier: Apache-2.0
 *
 * history.c - which revision is the live template's, what the others need, and clean-up.
 *
 * Until the current revision is known nothing is made or rolled: pods carry its hash. What does not
 * change the answer (a number, a duplicate without pods, clean-up) is written beside the work.
 */
#include "daemonset/revision_priv.h"

/* ---- looking ---- */

struct history {
    const struct moon_revision *current; /* the one to keep */
    const struct moon_revision *duplicate;
    const struct moon_revision *unlabelled;
    const struct moon_revision *free;    /* the live template's, but nobody owns it */
    const struct moon_revision *foreign; /* ours, but the selector does not match */
    bool orphans;                        /* some are to be adopted */
    int64_t max_old;                     /* highest number among the others */
};

static moon_sym hash_of(const struct moon_revision *r)
{
    return moon_labels_get(&r->meta.labels, MOON_LABEL_HASH);
}

static void take_same(const struct moon_revision *r, struct history *h)
{
    if (h->current == NULL) {
        h->current = r;
    } else if (r->revision >= h->current->revision) {
        h->duplicate = h->current;
        h->current = r;
    } else {
        h->duplicate = r;
    }
}

static void count_old(const struct moon_revision *r, struct history *h)
{
    if (r->revision > h->max_old) {
        h->max_old = r->revision;
    }
}

static void look_at_orphan(const struct moon_ds_set *set, const struct moon_revision *r,
                           struct history *h)
{
    h->orphans = true;
    if (hash_of(r) != NULL &&
        moon_ds_revision_has_data(set, (struct moon_str){r->data, r->data_len})) {
        h->free = r;
    } else {
        count_old(r, h);
    }
}

static void look_at(struct moon_ds_set *set, const struct moon_revision *r, struct history *h)
{
    bool ours = r->meta.controller.uid == set->uid;

    if (!moon_ds_revision_is_claimable(set, &r->meta)) {
        if (ours && r->meta.deleted_s == 0) {
            h->foreign = r;
        }
        return;
    }
    if (!ours) {
        look_at_orphan(set, r, h);
        return;
    }
    /* The label it would get is its name; a name too long for one cannot be repaired, and is no
     * reason to stop. */
    bool labelled = hash_of(r) != NULL;
    bool can_be = labelled || moon_is_label_value(moon_str(r->meta.name));
    if (!labelled && can_be) {
        h->unlabelled = r;
    }
    if (can_be && moon_ds_revision_has_data(set, (struct moon_str){r->data, r->data_len})) {
        take_same(r, h);
    } else {
        count_old(r, h);
    }
}

static void collect(struct moon_ds_set *set, struct history *h)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    const moon_sym keys[] = {set->uid, set->object->meta.namespace};
    static const size_t indexes[] = {MOON_DS_BY_OWNER, MOON_DS_ORPHANS};

    *h = (struct history){0};
    for (size_t k = 0; k < MOON_ARRAY_SIZE(keys); k++) {
        size_t count;
        const struct moon_object *const *found =
            moon_store_by_index(store, indexes[k], keys[k], &count);
        for (size_t i = 0; i < count; i++) {
            look_at(set, moon_revision(found[i]), h);
        }
    }
}

/* ---- duplicates ---- */

/* Two revisions hold the live template: pods of the one to go get the label of the one to stay
 * (only those: pods of older revisions must still be rolled), then it goes. True when there are
 * pods to wait for. */
static bool relabel(struct moon_ds_set *set, struct moon_plan *plan, const struct history *h)
{
    moon_sym keep = hash_of(h->current);
    moon_sym drop = hash_of(h->duplicate);
    struct moon_ds_pod *p;
    size_t pos = 0;
    bool wait = false;

    while (keep != drop && moon_map_next(set->pods, &pos, NULL, (void **)&p)) {
        if (p->orphan || p->foreign ||
            moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH) != drop) {
            continue;
        }
        wait = true;
        if (!p->patching && set->history_open < MOON_DS_BURST) {
            moon_ds_revision_plan_relabel(set, plan, p, keep);
        }
    }
    return wait;
}

/* ---- the revision of the live template ---- */

static void take_current(struct moon_ds_set *set, const struct moon_revision *r)
{
    moon_sym hash = hash_of(r);

    moon_object_ref(&r->meta);
    if (set->current != NULL) {
        moon_object_unref(&set->current->meta);
    }
    set->current = r;
    set->history_dirty = false;
    if (set->mutates) {
        moon_ds_slot_mark_all(set, true); /* policies name revisions: they are asked again */
    }
    if (hash == set->hash) {
        return;
    }
    moon_sym_unref(set->hash);
    set->hash = moon_sym_ref(hash);
    moon_ds_body_forget(set);
    moon_ds_slot_mark_all(set, false);
}

const struct moon_revision *moon_ds_history_before(const struct moon_ds_set *set)
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

bool moon_ds_history_is_known(const struct moon_ds_set *set)
{
    return set->current != NULL && set->data != NULL && !set->history_dirty;
}

const struct moon_revision *moon_ds_history_find(const struct moon_ds_set *set, moon_sym hash)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    for (size_t i = 0; i < count && hash != NULL; i++) {
        if (hash_of(moon_revision(found[i])) == hash &&
            moon_ds_revision_is_claimable(set, found[i])) {
            return moon_revision(found[i]);
        }
    }
    return NULL;
}

bool moon_ds_history_is_old(const struct moon_ds_set *set, moon_sym hash)
{
    return hash != set->hash && moon_ds_history_find(set, hash) != NULL;
}

/* Numbers end somewhere: who has set one by hand to the last there is gets no writes without end.
 */
static int64_t next_number(const struct history *h)
{
    return h->max_old < INT64_MAX ? h->max_old + 1 : INT64_MAX;
}

static const struct moon_revision *with_hash(const struct moon_ds_set *set, moon_sym hash)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (hash_of(r) == hash) {
            return r;
        }
    }
    return NULL;
}

bool moon_ds_history_is_other(struct moon_ds_set *set, moon_sym hash)
{
    struct moon_err err;

    if (hash == NULL || moon_ds_revision_make_data(set, &err) != 0) {
        return false;
    }
    const struct moon_revision *r = with_hash(set, hash);
    return r != NULL && !moon_ds_revision_has_data(set, (struct moon_str){r->data, r->data_len});
}

/* The current revision is there and no other is in its way. */
static void settle(struct moon_ds_set *set, struct moon_plan *plan, const struct history *h)
{
    if (h->duplicate != NULL && h->duplicate->stable_s > h->current->stable_s) {
        moon_ds_revision_plan_stable(set, plan, h->current, h->duplicate->stable_s,
                                     "a duplicate of it was stable");
    } else if (h->duplicate != NULL) {
        moon_ds_revision_plan_delete(set, plan, h->duplicate,
                                     "a newer revision holds the same template");
    }
    if (h->current->revision < next_number(h)) {
        /* A rollback looks like this: an old revision is the newest again. */
        moon_ds_revision_plan_number(set, plan, h->current, next_number(h));
    }
    if (h->foreign != NULL) {
        moon_ds_revision_plan_release(set, plan, h->foreign);
    }
    take_current(set, h->current);
}

/* ---- adoption ---- */

static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop);
}

static void plan_adoptions(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_ORPHANS, set->object->meta.namespace, &count);

    for (size_t i = 0; i < count; i++) {
        if (moon_ds_revision_is_claimable(set, found[i])) {
            moon_ds_revision_plan_adopt(set, plan, moon_revision(found[i]));
        }
    }
}

/* True when there is nothing to wait for. What could not be adopted stops nothing (the stock
 * controller stops there): it is asked for again in a while, beside the work. */
static bool adopt(struct moon_ds_set *set, struct moon_plan *plan, const struct history *h)
{
    bool failed_before = set->adoption_at != 0;

    if (!h->orphans) {
        set->adoption_at = 0;
        set->adoption_wait_ms = 0;
        return true;
    }
    if (now_ms(set) < set->adoption_at) {
        moon_plan_requeue(plan, set->adoption_at - now_ms(set));
        return true;
    }
    if (moon_ds_claim_may_adopt(set)) {
        plan_adoptions(set, plan);
        return failed_before;
    }
    if (set->recheck == NULL) {
        set->adoption_at = set->recheck_at; /* it could not be asked whether the set is alive */
        return true;
    }
    return false;
}

static void make_current(struct moon_ds_set *set, struct moon_plan *plan, const struct history *h)
{
    if (set->collided) {
        moon_ds_revision_plan_collision(set, plan);
    } else {
        moon_ds_revision_plan_create(set, plan, next_number(h));
    }
}

int moon_ds_history(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err)
{
    struct history h;

    if (set->adoption_at != 0 && now_ms(set) >= set->adoption_at) {
        set->history_dirty = true;
    }
    if (!set->history_dirty || set->history_open > 0) {
        return 0;
    }
    if (moon_ds_revision_make_data(set, err) != 0) {
        return -(int)err->code;
    }
    collect(set, &h);
    if (!adopt(set, plan, &h)) {
        return 0;
    }
    if (h.unlabelled != NULL) {
        moon_ds_revision_plan_label(set, plan, h.unlabelled);
    } else if (h.current == NULL && h.free != NULL) {
        take_current(set, h.free);
    } else if (h.current == NULL) {
        make_current(set, plan, &h);
    } else if (h.duplicate == NULL || !relabel(set, plan, &h)) {
        settle(set, plan, &h);
    }
    return 0;
}

/* ---- clean-up ---- */

/* Pods are of it, or would be if they were made anew. */
static bool is_in_use(const struct moon_ds_set *set, moon_sym hash)
{
    return moon_ds_set_has_pods_of(set, hash) || hash == set->stable ||
           moon_mutations_want(set->mutations, hash);
}

/* The lowest number first, one at a time: there is seldom more than one to go. */
void moon_ds_history_clean(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    const struct moon_revision *victim = NULL;
    int64_t old = 0;
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    if (!moon_ds_history_is_known(set) || set->history_open > 0 ||
        (int64_t)count <= set->object->history_limit + 1) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (!moon_ds_revision_is_claimable(set, found[i]) ||
            r->meta.uid == set->current->meta.uid) {
            continue;
        }
        old++;
        if ((victim == NULL || r->revision < victim->revision) && !is_in_use(set, hash_of(r))) {
            victim = r;
        }
    }
    if (victim != NULL && old > set->object->history_limit) {
        moon_ds_revision_plan_delete(set, plan, victim,
                                     "more old revisions than revisionHistoryLimit");
    }
}
