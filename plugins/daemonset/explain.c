/* SPDX-License-Identifier: Apache-2.0
 *
 * explain.c - why a set, or its daemon on one node, is as it is: in words, from what reconcile has
 * decided.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

enum {
    LISTED_MAX = 20, /* further ones are only counted */
    TEXT_MAX = 4096,
};

/* Take a text to an object or list; the text is freed. */
static void add(cJSON *to, const char *key, char *take_text)
{
    cJSON *item = cJSON_CreateString(take_text);

    moon_free(take_text);
    if (key != NULL) {
        (void)cJSON_AddItemToObject(to, key, item);
    } else {
        (void)cJSON_AddItemToArray(to, item);
    }
}

static const char *pod_state(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    if (p->orphan) {
        return "to be adopted";
    }
    if (p->foreign) {
        return "to be released";
    }
    if (moon_ds_pod_is_going(p)) {
        return "going";
    }
    return moon_ds_pod_is_updated(set, p) ? "up to date" : "outdated";
}

/* ---- pods in words ---- */

/* Why a pod is of no use now; NULL: it is available, or nobody can tell. */
static char *complaint(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    const struct moon_pod *pod = p->pod;
    int64_t now_s = moon_loop_wall_ms(set->ds->in->loop) / 1000;
    int64_t wait_s = moon_pod_available_in(pod, set->object->min_ready_s, now_s);

    if (moon_ds_pod_is_going(p)) {
        return moon_asprintf("it is being deleted");
    }
    if (pod->node_name == NULL) {
        return moon_asprintf("it is not bound to its node yet");
    }
    if (p->imaging || pod->restarting) {
        return moon_asprintf("it has got new images in place, and the kubelet has not restarted it "
                             "yet");
    }
    if (!pod->ready) {
        return moon_asprintf("it is not ready (%s%s%s)", moon_phase_name(pod->phase),
                             pod->reason != NULL ? ", " : "",
                             pod->reason != NULL ? pod->reason : "");
    }
    if (p->health != MOON_HEALTH_READY && moon_ds_pod_is_updated(set, p)) {
        return moon_asprintf("its health is \"%s\"%s%s", moon_health_name(p->health),
                             p->health_reason != NULL ? ": " : "",
                             p->health_reason != NULL ? p->health_reason : "");
    }
    return wait_s > 0 ? moon_asprintf("it has to stay ready for another %lld s", (long long)wait_s)
                      : NULL;
}

static char *pod_text(const struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    const char *hash = moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH);
    MOON_AUTOFREE char *why = complaint(set, p);

    return moon_asprintf("%s: revision %s, %s; %s", p->pod->meta.name,
                         hash != NULL ? hash : "unknown", pod_state(set, p),
                         why != NULL ? why : "available");
}

/* Why the node counts as one without an available daemon. */
static char *unavailable_text(const struct moon_ds_slot *slot)
{
    if (slot->creating != NULL) {
        return moon_asprintf("%s: its pod is being made", slot->name);
    }
    for (size_t i = 0; i < slot->pod_count; i++) {
        MOON_AUTOFREE char *why = complaint(slot->set, slot->pods[i]);
        if (why != NULL) {
            return moon_asprintf("%s: pod %s: %s", slot->name, slot->pods[i]->pod->meta.name, why);
        }
    }
    return moon_asprintf("%s: %s", slot->name, slot->pod_count == 0 ? "no pod" : "pods in excess");
}

/* ---- the set ---- */

static void add_policy(const char *name, const char *version, const char *hooks, void *ctx)
{
    add(ctx, NULL, moon_asprintf("%s@%.12s: %s", name, version, hooks));
}

/* What the answers about nodes hang on, and how many of them need no asking. */
static void add_memo(const struct moon_hook_figures *f, void *ctx)
{
    unsigned long long hits = f->hits;
    unsigned long long all = hits + f->asked;

    if (all == 0) {
        return;
    }
    add(ctx, NULL,
        moon_asprintf("%s, %s: depends on %s; %llu of %llu answers were known%s%s", f->policy,
                      f->hook,
                      f->reads == NULL      ? "anything"
                      : f->reads[0] == '\0' ? "no node"
                                            : f->reads,
                      hits, all, f->memo_off != NULL ? "; none is kept: " : "",
                      f->memo_off != NULL ? f->memo_off : ""));
}

static void add_problem(const struct moon_ds_set *set, cJSON *answer)
{
    if (set->chain_problem != NULL) {
        add(answer, "left as it is", moon_strdup(set->chain_problem));
    }
    if (set->behind != NULL) {
        add(answer, "last good", moon_strdup(set->behind));
    }
    if (set->shadow_text != NULL) {
        add(answer, "shadow", moon_strdup(set->shadow_text));
    }
    if (set->held_change != NULL) {
        add(answer, "held back", moon_strdup(set->held_change));
    }
    if (set->fault != NULL) {
        add(answer, "last failure", moon_strdup(set->fault));
    }
}

static void add_counts(const struct moon_ds_set *set, cJSON *answer)
{
    long long desired = (long long)set->sums.desired;
    long long undecided = (long long)set->sums.undecided;

    add(answer, "nodes",
        moon_asprintf("%lld to run it, %lld not, %lld not decided", desired,
                      (long long)set->slot_count - desired - undecided, undecided));
    add(answer, "pods",
        moon_asprintf("%lld ready, %lld available, %lld up to date, %lld outdated, %lld where none "
                      "should be",
                      (long long)set->sums.ready, (long long)set->sums.available,
                      (long long)set->sums.updated, (long long)set->sums.outdated,
                      (long long)set->sums.misscheduled));
}

static void add_unavailable(struct moon_ds_set *set, cJSON *answer)
{
    cJSON *list = cJSON_CreateArray();
    int more = 0;

    moon_ds_slot_sort(set);
    for (size_t i = 0; i < set->slot_count; i++) {
        if (!set->slots[i]->share.roll_unavailable) {
            continue;
        }
        if (cJSON_GetArraySize(list) == LISTED_MAX) {
            more++;
        } else {
            add(list, NULL, unavailable_text(set->slots[i]));
        }
    }
    if (more > 0) {
        add(list, NULL, moon_asprintf("and %d more", more));
    }
    if (cJSON_GetArraySize(list) > 0) {
        (void)cJSON_AddItemToObject(answer, "not available", list);
    } else {
        cJSON_Delete(list);
    }
}

static void add_update(const struct moon_ds_set *set, cJSON *answer)
{
    struct moon_roll roll;

    moon_ds_update_budget(set, &roll);
    add(answer, "update",
        moon_asprintf(
            "%s, %lld of %lld may be unavailable and %lld are; %lld of %lld may be surged "
            "and %lld are",
            set->object->strategy_text != NULL ? set->object->strategy_text : "unknown",
            (long long)roll.max_unavailable, (long long)roll.desired, (long long)roll.unavailable,
            (long long)roll.max_surge, (long long)roll.desired, (long long)roll.surging));
    if (set->held_by != NULL) {
        add(answer, "held", moon_asprintf("by %s: %s", set->held_by, set->held_why));
    }
}

static void add_line(const char *text, void *ctx)
{
    add(ctx, NULL, moon_strdup(text));
}

static void add_analysis(const struct moon_ds_set *set, cJSON *answer)
{
    if (set->analysis != NULL) {
        moon_ds_analysis_explain(set, add_line, cJSON_AddArrayToObject(answer, "analysis"));
    }
}

static cJSON *explain_set(struct moon_ds_set *set)
{
    cJSON *answer = cJSON_CreateObject();

    add(answer, "set", moon_strdup(set->key));
    add_problem(set, answer);
    if (set->chain != NULL) {
        moon_chain_each(set->chain, add_policy, cJSON_AddArrayToObject(answer, "policies"));
        moon_chain_each_figures(set->chain, add_memo, cJSON_AddArrayToObject(answer, "decisions"));
    }
    add(answer, "revision", moon_strdup(set->hash != NULL ? set->hash : "not known yet"));
    if (set->mutates && set->stable != NULL) {
        add(answer, "stable revision", moon_strdup(set->stable));
    }
    add_counts(set, answer);
    if (set->sums.outdated > 0) {
        add_update(set, answer);
    }
    add_analysis(set, answer);
    if (!moon_list_is_empty(&set->drains)) {
        moon_ds_drain_explain(set, add_line, cJSON_AddArrayToObject(answer, "drained nodes"));
    }
    add_unavailable(set, answer);
    return answer;
}

/* ---- a node ---- */

static void add_decision(const struct moon_ds_slot *slot, cJSON *answer)
{
    const struct moon_decision *d = &slot->decision;

    if (slot->node == NULL) {
        add(answer, "decision", moon_strdup("none: there is no such node, only pods for it"));
        return;
    }
    if (!slot->decided) {
        add(answer, "decision",
            moon_strdup("none yet: no policy has answered, so nothing is done"));
        return;
    }
    add(answer, "decision",
        moon_asprintf("%s%s%s%s%s%s", moon_placement_name(d->placement),
                      d->reason != NULL ? ": " : "", d->reason != NULL ? d->reason : "",
                      d->policy != NULL ? " (policy " : "", d->policy != NULL ? d->policy : "",
                      d->policy != NULL ? ")" : ""));
    if (slot->unanswered) {
        add(answer, "doubt", moon_strdup("a policy failed since; the decision before stays"));
    }
}

static void add_rank(const struct moon_ds_slot *slot, cJSON *answer)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);

    for (size_t i = 0; slot->rank != NULL && i < slot->rank->count; i++) {
        const struct moon_rank_key *k = &slot->rank->keys[i];
        moon_buf_puts(&text, i > 0 ? ", " : "");
        if (k->text != NULL) {
            moon_buf_puts(&text, k->text);
        } else {
            moon_buf_printf(&text, "%g", k->number);
        }
    }
    if (text.len > 0) {
        add(answer, "rank", moon_buf_take(&text, NULL));
    }
}

/* What a policy says of the pod that the node is to have. */
static void add_mutation(const struct moon_ds_slot *slot, cJSON *answer)
{
    const struct moon_mutation *m = slot->mutation;
    const char *wants = moon_ds_mutate_wants(slot);

    if (slot->unmutated) {
        add(answer, "pod", moon_strdup("a policy failed: none is made or replaced"));
    } else if (m != NULL && m->skip != NULL) {
        add(answer, "pod",
            moon_asprintf("none is made or replaced now: %s (policy %s)", m->skip, m->skipped_by));
    }
    if (m != NULL && m->pinned_by != NULL) {
        const char *hash = wants != NULL ? wants : "not known yet";
        add(answer, "wants",
            m->pin == MOON_PIN_HASH ? moon_asprintf("revision %s (policy %s)", hash, m->pinned_by)
                                    : moon_asprintf("revision %s, the %s one (policy %s)", hash,
                                                    moon_mutation_revision(m), m->pinned_by));
    }
    if (m != NULL && m->digest != NULL) {
        add(answer, "edits", moon_asprintf("%s: %s", m->digest, m->text));
    }
}

static void add_pods(const struct moon_ds_slot *slot, cJSON *answer)
{
    cJSON *list = cJSON_AddArrayToObject(answer, "pods");
    uint64_t now = moon_loop_now(slot->set->ds->in->loop);
    uint64_t ends = moon_ds_backoff_ends(slot);

    for (size_t i = 0; i < slot->pod_count; i++) {
        add(list, NULL, pod_text(slot->set, slot->pods[i]));
    }
    if (slot->pod_count == 0) {
        add(list, NULL, moon_strdup("none"));
    }
    if (ends > now) {
        add(answer, "back-off",
            moon_asprintf("a pod has failed; the next one comes in %llu s",
                          (unsigned long long)(ends - now + 999) / 1000));
    }
}

/* Why an outdated pod is still there. */
static char *update_text(const struct moon_ds_slot *slot)
{
    const struct moon_ds_set *set = slot->set;
    const struct moon_roll_slot *shown = &set->roll[slot->index];
    struct moon_roll roll;

    if (slot->waiting) {
        return moon_strdup("its pod is made when the update policy says so");
    }
    if (shown->old_pod == NULL) {
        return moon_strdup(shown->new_pod != NULL ? "up to date" : "no pod to update");
    }
    if (shown->held) {
        return moon_asprintf("waits: %s", moon_ds_mutate_holds(slot));
    }
    if (shown->excess) {
        return moon_strdup("waits: the node has a pod too many, or one on its way");
    }
    if (set->held_by != NULL) {
        return moon_asprintf("held by %s: %s", set->held_by, set->held_why);
    }
    moon_ds_update_budget(set, &roll);
    if (shown->old_available && roll.max_surge == 0 && roll.unavailable >= roll.max_unavailable) {
        return moon_asprintf("waits: %lld of %lld nodes may be unavailable, and %lld are",
                             (long long)roll.max_unavailable, (long long)roll.desired,
                             (long long)roll.unavailable);
    }
    if (shown->old_available && roll.max_surge > 0 && roll.surging >= roll.max_surge) {
        return moon_asprintf("waits: %lld nodes may be surged, and %lld are",
                             (long long)roll.max_surge, (long long)roll.surging);
    }
    return moon_strdup("outdated; whether it goes now is for the update policy to say");
}

static void add_drain(const struct moon_ds_slot *slot, cJSON *answer)
{
    char *text = moon_ds_drain_text(slot);

    if (text != NULL) {
        add(answer, "drain", text);
    }
}

static cJSON *explain_node(struct moon_ds_set *set, const struct moon_ds_slot *slot)
{
    cJSON *answer = cJSON_CreateObject();

    add(answer, "set", moon_strdup(set->key));
    add(answer, "node", moon_strdup(slot->name));
    add_problem(set, answer);
    add_decision(slot, answer);
    if (set->shadow != NULL) {
        add(answer, "shadow's decision", moon_strdup(moon_placement_name(slot->shadow)));
    }
    add_rank(slot, answer);
    add_mutation(slot, answer);
    add_drain(slot, answer);
    add_pods(slot, answer);
    add(answer, "update", update_text(slot));
    return answer;
}

/* ---- asked for ---- */

cJSON *moon_ds_explain(struct moon_str key, const char *node, void *ctx, struct moon_err *err)
{
    struct moon_ds *ds = ctx;
    struct moon_ds_set *set = moon_map_get(ds->by_key, key);

    if (set == NULL) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "there is no set %.*s", MOON_STR_ARG(key));
        return NULL;
    }
    moon_ds_slot_evaluate_all(set); /* what was planned may not have come about */
    if (node == NULL) {
        return explain_set(set);
    }
    moon_sym name = moon_intern_find(moon_str(node));
    const struct moon_ds_slot *slot = name != NULL ? moon_ds_slot_find(set, name) : NULL;
    if (slot == NULL) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "there is no node %s", node);
        return NULL;
    }
    return explain_node(set, slot);
}
