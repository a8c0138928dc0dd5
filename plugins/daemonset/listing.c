/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.c - sets, the nodes of a set and its revisions, as rows: for `get`, and to compare what
 * two policies decide.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void add_text(cJSON *row, const char *key, const char *text)
{
    if (text != NULL) {
        (void)cJSON_AddStringToObject(row, key, text);
    }
}

static void add_number(cJSON *row, const char *key, int64_t number)
{
    (void)cJSON_AddNumberToObject(row, key, (double)number);
}

static void add_flag(cJSON *row, const char *key, bool flag)
{
    (void)cJSON_AddBoolToObject(row, key, flag);
}

/* ---- sets ---- */

static void add_policy(const char *name, const char *version, const char *hooks, void *ctx)
{
    cJSON *policy = cJSON_CreateObject();

    add_text(policy, "name", name);
    add_text(policy, "version", version);
    add_text(policy, "hooks", hooks);
    (void)cJSON_AddItemToArray(ctx, policy);
}

static void add_set(const struct moon_ds_set *set, cJSON *rows)
{
    cJSON *row = cJSON_CreateObject();

    (void)cJSON_AddItemToArray(rows, row);
    add_text(row, "set", set->key);
    if (set->chain != NULL) {
        moon_chain_each(set->chain, add_policy, cJSON_AddArrayToObject(row, "policies"));
    }
    add_text(row, "revision", set->hash);
    add_number(row, "desired", set->sums.desired);
    add_number(row, "current", set->sums.current);
    add_number(row, "ready", set->sums.ready);
    add_number(row, "available", set->sums.available);
    add_number(row, "updated", set->sums.updated);
    add_number(row, "outdated", set->sums.outdated);
    add_number(row, "unavailable", set->sums.roll_unavailable);
    add_number(row, "misscheduled", set->sums.misscheduled);
    add_number(row, "undecided", set->sums.undecided);
    add_number(row, "created", set->object->meta.created_s);
    add_text(row, "paused", moon_ds_paused(set));
    add_text(row, "held_by", set->held_by);
    add_text(row, "held_why", set->held_by != NULL ? set->held_why : NULL);
    add_text(row, "problem", set->chain_problem);
}

static int by_key(const void *a, const void *b)
{
    const struct moon_ds_set *const *x = a;
    const struct moon_ds_set *const *y = b;

    return strcmp((*x)->key, (*y)->key);
}

static cJSON *list_sets(const struct moon_ds *ds)
{
    MOON_AUTOFREE struct moon_ds_set **sets =
        moon_new_array(struct moon_ds_set *, moon_map_count(ds->by_key) + 1);
    cJSON *rows = cJSON_CreateArray();
    size_t count = 0;
    size_t pos = 0;
    void *set;

    while (moon_map_next(ds->by_key, &pos, NULL, &set)) {
        sets[count++] = set;
    }
    qsort(sets, count, sizeof(*sets), by_key);
    for (size_t i = 0; i < count; i++) {
        moon_ds_slot_evaluate_all(sets[i]);
        add_set(sets[i], rows);
    }
    return rows;
}

/* ---- nodes ---- */

static void add_pods(const struct moon_ds_slot *slot, cJSON *row)
{
    cJSON *pods = cJSON_AddArrayToObject(row, "pods");

    for (size_t i = 0; i < slot->pod_count; i++) {
        const struct moon_ds_pod *p = slot->pods[i];
        const struct moon_pod *pod = p->pod;
        cJSON *one = cJSON_CreateObject();
        (void)cJSON_AddItemToArray(pods, one);
        add_text(one, "name", pod->meta.name);
        add_text(one, "revision", moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH));
        add_text(one, "phase", moon_phase_name(pod->phase));
        add_flag(one, "updated", moon_ds_pod_is_updated(slot->set, p));
        add_flag(one, "ready", pod->ready);
        add_flag(one, "going", moon_ds_pod_is_going(p));
    }
}

static void add_rank(const struct moon_rank *rank, cJSON *row)
{
    if (rank == NULL || rank->count == 0) {
        return;
    }
    cJSON *keys = cJSON_AddArrayToObject(row, "rank");
    for (size_t i = 0; i < rank->count; i++) {
        const struct moon_rank_key *k = &rank->keys[i];
        (void)cJSON_AddItemToArray(keys, k->text != NULL ? cJSON_CreateString(k->text)
                                                         : cJSON_CreateNumber(k->number));
    }
}

static void add_node(const struct moon_ds_slot *slot, cJSON *rows)
{
    const struct moon_decision *d = &slot->decision;
    cJSON *row = cJSON_CreateObject();

    (void)cJSON_AddItemToArray(rows, row);
    add_text(row, "node", slot->name);
    if (slot->node == NULL) {
        add_text(row, "placement", "no such node");
    } else if (!slot->decided) {
        add_text(row, "placement", "undecided");
    } else {
        add_text(row, "placement", moon_placement_name(d->placement));
        add_text(row, "reason", d->reason);
        add_text(row, "policy", d->policy);
    }
    add_flag(row, "available", slot->share.available != 0);
    add_pods(slot, row);
    add_rank(slot->rank, row);
}

static cJSON *list_nodes(struct moon_ds_set *set)
{
    cJSON *rows = cJSON_CreateArray();

    moon_ds_slot_evaluate_all(set);
    moon_ds_slot_sort(set);
    for (size_t i = 0; i < set->slot_count; i++) {
        add_node(set->slots[i], rows);
    }
    return rows;
}

/* ---- revisions ---- */

static int by_number(const void *a, const void *b)
{
    const struct moon_revision *const *x = a;
    const struct moon_revision *const *y = b;

    return (*x)->revision == (*y)->revision ? 0 : (*x)->revision < (*y)->revision ? -1 : 1;
}

static int64_t count_pods(const struct moon_ds_set *set, moon_sym hash)
{
    for (size_t i = 0; i < set->live_count; i++) {
        if (set->live[i].hash == hash) {
            return (int64_t)set->live[i].pods;
        }
    }
    return 0;
}

static void add_revision(const struct moon_ds_set *set, const struct moon_revision *r,
                         const struct moon_revision *before, cJSON *rows)
{
    cJSON *row = cJSON_CreateObject();
    moon_sym hash = moon_labels_get(&r->meta.labels, MOON_LABEL_HASH);

    (void)cJSON_AddItemToArray(rows, row);
    add_text(row, "revision", hash);
    add_text(row, "name", r->meta.name);
    add_number(row, "number", r->revision);
    if (hash != NULL && hash == set->hash) {
        add_text(row, "role", "current");
    } else if (before != NULL && before->meta.uid == r->meta.uid) {
        add_text(row, "role", "before");
    }
    add_number(row, "pods", count_pods(set, hash));
    add_number(row, "created", r->meta.created_s);
}

static cJSON *list_revisions(const struct moon_ds_set *set)
{
    size_t count;
    const struct moon_object *const *found = moon_store_by_index(
        moon_informer_store(set->ds->revisions), MOON_DS_BY_OWNER, set->uid, &count);
    MOON_AUTOFREE const struct moon_revision **all =
        moon_new_array(const struct moon_revision *, count + 1);
    const struct moon_revision *before = moon_ds_history_before(set);
    cJSON *rows = cJSON_CreateArray();

    for (size_t i = 0; i < count; i++) {
        all[i] = moon_revision(found[i]);
    }
    qsort(all, count, sizeof(*all), by_number);
    for (size_t i = 0; i < count; i++) {
        add_revision(set, all[i], before, rows);
    }
    return rows;
}

/* ---- asked for ---- */

cJSON *moon_ds_list(const char *what, struct moon_str key, void *ctx, struct moon_err *err)
{
    struct moon_ds *ds = ctx;

    if (moon_streq(what, "sets")) {
        return list_sets(ds);
    }
    struct moon_ds_set *set = moon_map_get(ds->by_key, key);
    if (set == NULL) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "there is no set %.*s", MOON_STR_ARG(key));
        return NULL;
    }
    if (moon_streq(what, "nodes")) {
        return list_nodes(set);
    }
    if (moon_streq(what, "revisions")) {
        return list_revisions(set);
    }
    (void)moon_err_set(err, MOON_E_INVALID, "there are no %s to list", what);
    return NULL;
}
