/* SPDX-License-Identifier: Apache-2.0
 *
 * stable.c - the revision that nodes stay with, or go back to, while a new one is tried on others:
 * that of the last rollout that was complete.
 *
 * It is written down as an annotation of the ControllerRevision, with the time; the latest counts.
 * That survives restarts and `kubectl rollout undo`. Until there is one (the policy came while a
 * rollout was under way) it is the newest revision but the current one that still has pods; this is
 * written down at once, since those pods will not be there for ever. Only for sets with a policy
 * that mutates.
 */
#include "daemonset/revision_priv.h"

static moon_sym hash_of(const struct moon_revision *r)
{
    return moon_labels_get(&r->meta.labels, MOON_LABEL_HASH);
}

/* Is `a` the better guess, or the one that was complete later? */
static bool is_newer(const struct moon_revision *a, const struct moon_revision *b)
{
    if (b == NULL || a->stable_s != b->stable_s) {
        return b == NULL || a->stable_s > b->stable_s;
    }
    return a->revision > b->revision;
}

/* Among the set's revisions: the one that says it is stable, and the newest that has pods. */
static void look(const struct moon_ds_set *set, const struct moon_revision **ret_told,
                 const struct moon_revision **ret_guess)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    size_t count;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    *ret_told = NULL;
    *ret_guess = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (hash_of(r) == NULL || !moon_ds_revision_is_claimable(set, found[i])) {
            continue;
        }
        if (r->stable_s != 0 && is_newer(r, *ret_told)) {
            *ret_told = r;
        }
        if (hash_of(r) != set->hash && moon_ds_set_has_pods_of(set, hash_of(r)) &&
            is_newer(r, *ret_guess)) {
            *ret_guess = r;
        }
    }
}

static void take(struct moon_ds_set *set, moon_sym hash)
{
    if (hash == set->stable) {
        return;
    }
    moon_sym_unref(set->stable);
    set->stable = moon_sym_ref(hash);
    moon_ds_slot_mark_all(set, true);
}

/* The latest counts, also when the clock has been set back since the last one. */
static int64_t time_after(const struct moon_ds_set *set, const struct moon_revision *last)
{
    int64_t now_s = moon_loop_wall_ms(set->ds->in->loop) / 1000;

    return last != NULL && last->stable_s >= now_s ? last->stable_s + 1 : now_s;
}

void moon_ds_stable_find(struct moon_ds_set *set, struct moon_plan *plan)
{
    const struct moon_revision *told;
    const struct moon_revision *guess;

    if (!set->mutates) {
        take(set, NULL);
        return;
    }
    if (!moon_ds_history_is_known(set)) {
        return;
    }
    look(set, &told, &guess);
    if (told != NULL) {
        take(set, hash_of(told));
        return;
    }
    take(set, guess != NULL ? hash_of(guess) : set->hash);
    if (guess != NULL && set->history_open == 0) {
        moon_ds_revision_plan_stable(set, plan, guess, time_after(set, NULL),
                                     "the stable revision: it has pods, and nothing else is known");
    }
}

static bool is_complete(const struct moon_ds_set *set)
{
    return set->sums.desired > 0 && set->sums.settled == set->sums.desired &&
           set->sums.undecided == 0;
}

void moon_ds_stable_keep(struct moon_ds_set *set, struct moon_plan *plan)
{
    const struct moon_revision *told;
    const struct moon_revision *guess;

    if (!set->mutates || !moon_ds_history_is_known(set) || set->history_open > 0 ||
        !is_complete(set)) {
        return;
    }
    look(set, &told, &guess);
    if (told == NULL || hash_of(told) != set->hash) {
        moon_ds_revision_plan_stable(set, plan, set->current, time_after(set, told),
                                     "the stable revision: its rollout is complete");
    }
}
