/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.c - a new version of a policy that would take the daemon away from many nodes is held.
 *
 * Whoever changes a set has that set in mind; whoever changes a policy changes all sets that use
 * it, seen or not. So when a policy of a set has another version than before, its nodes are decided
 * with both in mind before anything is done: when too many of them would lose the pod they have, or
 * the new version fails where the old one answered, the set stays with the versions of before until
 * somebody approves, the policy changes again, or the answer is no longer that bad. What is not
 * compared: other names and parameters, which are the set's own. After a start it is the same, and
 * where nothing tells what decided before, pods do: then it is all that non-stock policies say.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

#define APPROVE "moonset.dev/approve"
#define HELD "PolicyChangeHeld"
#define LAST_GOOD "PolicyLastGood"

enum {
    NAMED_NODES = 5,
    TEXT_MAX = 1024,
    HASH_LEN = 12,
    LOOK_AGAIN_MS = 30000,
};

/* ---- what a version would do ---- */

/* All nodes of the set; freed with the arrays. */
struct question {
    struct moon_ds_slot **slots;
    const struct moon_node **nodes;
    size_t count;
};

static void question_init(struct moon_ds_set *set, struct question *q)
{
    moon_ds_slot_sort(set);
    q->count = 0;
    q->slots = moon_new_array(struct moon_ds_slot *, set->slot_count + 1);
    q->nodes = moon_new_array(const struct moon_node *, set->slot_count + 1);
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i]->node != NULL) {
            q->slots[q->count] = set->slots[i];
            q->nodes[q->count++] = set->slots[i]->node;
        }
    }
}

static void question_fini(struct question *q)
{
    moon_free(q->slots);
    moon_free(q->nodes);
}

static bool has_pod(const struct moon_ds_slot *slot)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        if (moon_ds_pod_counts(slot->pods[i]) && !moon_ds_pod_is_going(slot->pods[i])) {
            return true;
        }
    }
    return false;
}

/* What has been decided so far; after a start what the versions of before say. Where that is not
 * known (`old` NULL), a pod speaks for itself, and nothing can fail that had not failed. */
static void ask_before(const struct moon_ds_set *set, struct moon_chain *old,
                       const struct question *q, enum moon_placement *ret)
{
    if (set->chain == NULL && old != NULL) {
        moon_ds_placement_ask(set, old, q->nodes, q->count, ret);
        return;
    }
    for (size_t i = 0; i < q->count; i++) {
        const struct moon_ds_slot *slot = q->slots[i];
        ret[i] = set->chain != NULL && slot->decided ? slot->decision.placement
                                                     : MOON_PLACEMENT_UNDECIDED;
    }
}

struct finding {
    size_t have;    /* nodes with a pod */
    size_t away;    /* of these would lose it */
    size_t failing; /* nodes for which there was an answer before */
    char nodes[TEXT_MAX / 2];
};

static void name_node(struct finding *f, const struct moon_ds_slot *slot)
{
    size_t named = f->away + f->failing;
    size_t len = strlen(f->nodes);

    if (named <= NAMED_NODES) {
        (void)snprintf(f->nodes + len, sizeof(f->nodes) - len, "%s%s", len > 0 ? ", " : "",
                       slot->name);
    } else if (named == NAMED_NODES + 1) {
        (void)snprintf(f->nodes + len, sizeof(f->nodes) - len, ", …");
    }
}

static void compare(struct moon_ds_set *set, struct moon_chain *old, struct moon_chain *fresh,
                    struct finding *f)
{
    struct question q;

    question_init(set, &q);
    MOON_AUTOFREE enum moon_placement *before = moon_new_array(enum moon_placement, q.count + 1);
    MOON_AUTOFREE enum moon_placement *after = moon_new_array(enum moon_placement, q.count + 1);
    ask_before(set, old, &q, before);
    moon_ds_placement_ask(set, fresh, q.nodes, q.count, after);
    *f = (struct finding){0};
    for (size_t i = 0; i < q.count; i++) {
        bool has = has_pod(q.slots[i]);
        bool away = has && after[i] == MOON_PLACEMENT_EVICT && before[i] != MOON_PLACEMENT_EVICT;
        bool fails = after[i] == MOON_PLACEMENT_UNDECIDED && before[i] != MOON_PLACEMENT_UNDECIDED;
        f->have += has;
        f->away += away;
        f->failing += fails;
        if (away || fails) {
            name_node(f, q.slots[i]);
        }
    }
    question_fini(&q);
}

/* ---- is it too much? ---- */

static int64_t limit(const struct moon_ds_set *set, const struct finding *f)
{
    struct moon_guard guard;
    struct moon_err err;

    int rc = moon_config_guard(set->ds->in->config->policy_guard, &guard, &err);
    moon_assert(rc == 0); /* the configuration was checked */
    int64_t share = (int64_t)(guard.share * (double)f->have);
    return share > guard.nodes ? share : guard.nodes;
}

static bool is_off(const struct moon_ds_set *set)
{
    return strcmp(set->ds->in->config->policy_guard, "off") == 0;
}

static bool is_approved(const struct moon_ds_set *set, const struct moon_chain *fresh)
{
    const char *hash = moon_labels_get(&set->object->meta.annotations, APPROVE);

    return hash != NULL && strlen(hash) >= HASH_LEN &&
           moon_str_starts(moon_str(moon_chain_digest(fresh)), hash);
}

/* The policy that has another version than before; NULL: none, the set may have it as it is. */
static const char *in_question(const struct moon_ds_set *set, const struct moon_chain *fresh)
{
    if (set->versions != NULL) {
        return moon_chain_differs(fresh, set->versions);
    }
    return set->chain == NULL ? moon_chain_differs(fresh, NULL) : NULL;
}

/* ---- holding ---- */

bool moon_ds_guard_is_due(const struct moon_ds_set *set)
{
    return set->held_hash != NULL &&
           moon_loop_now(set->ds->in->loop) >= set->held_looked_at + LOOK_AGAIN_MS;
}

void moon_ds_guard_plan(const struct moon_ds_set *set, struct moon_plan *plan)
{
    uint64_t again = set->held_looked_at + LOOK_AGAIN_MS;
    uint64_t now = moon_loop_now(set->ds->in->loop);

    if (set->held_hash != NULL) {
        moon_plan_note(plan, NULL, "%s", set->held_change);
        moon_plan_requeue(plan, again > now ? again - now : 0);
    }
}

static void forget(struct moon_ds_set *set)
{
    moon_free(moon_steal(&set->held_hash));
    moon_free(moon_steal(&set->held_change));
}

void moon_ds_guard_release(struct moon_ds_set *set)
{
    if (set->held_hash != NULL) {
        moon_info(MOON_DS_TOPIC, "a change of a policy is no longer held", "key", set->key);
    }
    forget(set);
    moon_ds_condition_clear(set, HELD);
}

void moon_ds_guard_fini(struct moon_ds_set *set)
{
    forget(set);
    moon_free(moon_steal(&set->behind));
    moon_free(moon_steal(&set->versions));
}

void moon_ds_guard_tell_behind(struct moon_ds_set *set)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(2 * MOON_ERR_TEXT_MAX);
    bool decides = set->chain_problem == NULL;
    bool behind = decides && moon_chain_is_behind(set->chain, &text);

    if (!behind) {
        moon_free(moon_steal(&set->behind));
        moon_ds_condition_clear(set, LAST_GOOD);
        return;
    }
    moon_ds_condition_set(set, LAST_GOOD, true, "PolicyNotLoaded", moon_buf_cstr(&text));
    if (!moon_streq(set->behind, moon_buf_cstr(&text))) {
        moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                            "PolicyNotLoaded", "%s", moon_buf_cstr(&text));
    }
    moon_free(set->behind);
    set->behind = moon_buf_take(&text, NULL);
}

static char *describe(const struct moon_ds_set *set, const char *policy, const char *hash,
                      const struct finding *f)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);

    moon_buf_printf(&text, "another version of policy %s ", policy);
    if (f->failing > 0) {
        moon_buf_printf(&text, "fails for %zu nodes", f->failing);
    }
    if (f->away > 0) {
        moon_buf_printf(&text, "%swould take the daemon away from %zu of %zu nodes (%lld may be)",
                        f->failing > 0 ? " and " : "", f->away, f->have, (long long)limit(set, f));
    }
    moon_buf_printf(&text, ": %s; held until " APPROVE "=%s", f->nodes, hash);
    return moon_buf_take(&text, NULL);
}

static void hold(struct moon_ds_set *set, const char *policy, const struct moon_chain *fresh,
                 const struct finding *f)
{
    MOON_AUTOFREE char *hash = moon_strndup(moon_chain_digest(fresh), HASH_LEN);
    bool is_news = !moon_streq(hash, set->held_hash);

    moon_free(set->held_change);
    set->held_change = describe(set, policy, hash, f);
    set->held_looked_at = moon_loop_now(set->ds->in->loop);
    moon_ds_condition_set(set, HELD, true, f->failing > 0 ? "PolicyFails" : "TooManyNodes",
                          set->held_change);
    if (is_news) {
        moon_free(set->held_hash);
        set->held_hash = moon_steal(&hash);
        moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING, HELD,
                            "%s", set->held_change);
        moon_warn(MOON_DS_TOPIC, "a change of a policy is held", "key", set->key, "why",
                  set->held_change);
    }
}

/* ---- passing ---- */

static void note_versions(struct moon_ds_set *set, const struct moon_chain *chain)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_CHAIN_VERSIONS_MAX);

    moon_chain_versions(chain, &text);
    moon_free(set->versions);
    set->versions = moon_buf_take(&text, NULL);
    moon_policies_use(set->ds->in->policies, set->key, chain);
}

/* The chain with the versions of before; NULL: not all of them are known any more. */
static struct moon_chain *before(const struct moon_ds_set *set, const struct moon_chain_opts *opts)
{
    struct moon_chain_opts old_opts = *opts;
    struct moon_err err;

    if (set->versions == NULL) {
        return NULL;
    }
    old_opts.prefer = set->versions;
    struct moon_chain *old = moon_chain_new(set->ds->in->policies, &old_opts, &err);
    if (old != NULL && moon_chain_differs(old, set->versions) != NULL) {
        moon_chain_free(moon_steal(&old));
    }
    return old;
}

static bool is_harmless(struct moon_ds_set *set, struct moon_chain *old, struct moon_chain *fresh,
                        const char *policy)
{
    struct finding f;

    compare(set, old, fresh, &f);
    if (f.failing == 0 && (int64_t)f.away <= limit(set, &f)) {
        return true;
    }
    hold(set, policy, fresh, &f);
    return false;
}

struct moon_chain *moon_ds_guard(struct moon_ds_set *set, const struct moon_chain_opts *opts,
                                 struct moon_chain *take_fresh, struct moon_err *err)
{
    struct moon_chain *old = NULL;

    if (set->versions == NULL) { /* not sooner: sets may be known before policies are */
        set->versions = moon_strdup(moon_policies_used(set->ds->in->policies, set->key));
    }
    const char *policy = in_question(set, take_fresh);
    if (policy != NULL && !is_off(set) && !is_approved(set, take_fresh)) {
        old = before(set, opts);
        bool harmless = is_harmless(set, old, take_fresh, policy);
        if (!harmless && set->ds->in->config->guard_tells) {
            moon_chain_free(old);
            note_versions(set, take_fresh);
            return take_fresh;
        }
        if (!harmless) {
            moon_chain_free(take_fresh);
            if (old != NULL) {
                note_versions(set, old);
            } else {
                (void)moon_err_set(err, MOON_E_POLICY, "%s", set->held_change);
            }
            return old;
        }
    }
    moon_chain_free(old);
    moon_ds_guard_release(set);
    note_versions(set, take_fresh);
    return take_fresh;
}
