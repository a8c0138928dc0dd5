/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile.c - the order of work for one DaemonSet.
 *
 * history, then what nodes need, then the update step, then clean-up of history, then status. A
 * step that has to wait (a revision on its way, pods not all known) holds back what depends on it,
 * never the status.
 */
#include "daemonset/daemonset_priv.h"

static void tell_selects_all(const struct moon_ds_set *set)
{
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "SelectingAll", "%s",
                        "This daemon set is selecting all pods. A non-empty selector is required.");
}

/* A set the API server would not have let in: what it made would not stay its own, or would be
 * everybody's. */
static int check(const struct moon_daemonset *object, struct moon_err *err)
{
    if (object->selector_error != NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s", object->selector_error);
    }
    if (object->selector == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "spec.selector is missing");
    }
    if (object->template_labels.count == 0) {
        return moon_err_set(err, MOON_E_INVALID, "unable to create pods, no labels");
    }
    if (!moon_selector_matches(object->selector, &object->template_labels)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "spec.selector does not match spec.template.metadata.labels: no pod "
                            "can be made that would stay the set's");
    }
    return 0;
}

/* What needs the current revision: pods come from its template and carry its hash. */
static int keep_pods(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err)
{
    if (!moon_ds_history_is_known(set)) {
        moon_plan_note(plan, NULL, "waits for the revision of its template");
        return 0;
    }
    if (!moon_ds_claim_is_complete(set)) {
        moon_plan_note(plan, NULL, "waits to know all its pods");
        return 0;
    }
    if (moon_ds_body_current(set, err) == NULL) {
        return -(int)err->code;
    }
    if (!moon_ds_needs(set, plan)) {
        moon_plan_requeue(plan, 0); /* first of all what nodes need */
        return 0;
    }
    return moon_ds_update(set, plan, err);
}

static int work(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err)
{
    int rc;

    if (!set->ds->in->config->policy_cache && !set->passing) {
        moon_ds_slot_mark_all(set, true);
    }
    moon_ds_claim(set, plan);
    rc = moon_ds_history(set, plan, err);
    set->recheck_ok = false;
    moon_ds_stable_find(set, plan);
    if (!moon_ds_pass(set)) {
        moon_plan_requeue(plan, 0);
        return rc;
    }
    moon_ds_happened_tell(set, plan);
    if (rc == 0) {
        rc = keep_pods(set, plan, err);
    }
    moon_ds_stable_keep(set, plan);
    moon_ds_history_clean(set, plan);
    return rc;
}

/* Slots wake their set at the time the first of them is due. */
static void requeue_due(struct moon_ds_set *set, struct moon_plan *plan)
{
    const struct moon_heap_node *n = moon_heap_min(&set->due);
    uint64_t now = moon_loop_now(set->ds->in->loop);

    if (n != NULL) {
        moon_plan_requeue(plan, n->at > now ? n->at - now : 0);
    }
}

int moon_ds_reconcile(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err)
{
    struct moon_ds *ds = ctx;
    struct moon_ds_set *set = moon_map_get(ds->by_key, key);
    int rc = 0;

    if (set == NULL || set->object->meta.deleted_s != 0) {
        moon_ds_drain_return_all(ds, key, plan);
        return 0; /* its pods and revisions are the garbage collector's */
    }
    if (moon_loop_now(ds->in->loop) < set->doomed_until) {
        moon_plan_note(plan, NULL, "the server says that the set is being deleted");
        moon_plan_requeue(plan, set->doomed_until - moon_loop_now(ds->in->loop));
        return 0;
    }
    if (set->object->selects_all) {
        tell_selects_all(set);
        return 0;
    }
    if (check(set->object, err) != 0) {
        return -(int)err->code;
    }
    moon_ds_state_read(set);
    if (moon_ds_placement_prepare(set, plan)) {
        rc = work(set, plan, err);
        if (!set->passing) {
            moon_ds_words(set, plan);
        }
    } else {
        set->passing = false; /* counting goes on with the decisions there are */
    }
    moon_ds_faults_look(set, plan);
    moon_ds_state_write(set, plan);
    if (!set->passing) {
        moon_ds_status(set, plan);
    }
    requeue_due(set, plan);
    return rc;
}
