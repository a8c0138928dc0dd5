/* SPDX-License-Identifier: Apache-2.0
 *
 * peers.c - what the policies of one set ask about the pods of another (moonset.peer), and whom to
 * ask again when the answer changes.
 *
 * Who has asked about a set is kept by its name, since a set that does not exist yet is asked
 * about, too. A slot remembers what was last told about it: only a change of that marks the slots
 * of those who ask. It is found where every change of a pod ends up, when the slot is marked.
 */
#include "daemonset/daemonset_priv.h"

static struct moon_map *askers_of(const struct moon_ds *ds, const char *key)
{
    return moon_map_get(ds->askers, moon_str(key));
}

static void free_askers(void *value)
{
    moon_map_free(value);
}

void moon_ds_peers_start(struct moon_ds *ds)
{
    ds->askers = moon_map_new(free_askers);
}

static void remember(const struct moon_ds_set *set, const char *key)
{
    struct moon_ds *ds = set->ds;
    struct moon_map *askers = askers_of(ds, key);
    struct moon_ds_set *peer = moon_map_get(ds->by_key, moon_str(key));

    if (askers == NULL) {
        askers = moon_map_new(NULL);
        moon_map_set(ds->askers, moon_str(key), askers);
    }
    moon_map_set(askers, moon_str(set->key), NULL);
    if (peer != NULL) {
        peer->is_asked = true;
    }
}

void moon_ds_peers_forget(const struct moon_ds_set *set)
{
    struct moon_map *askers;
    size_t pos = 0;

    while (moon_map_next(set->ds->askers, &pos, NULL, (void **)&askers)) {
        (void)moon_map_remove(askers, moon_str(set->key));
    }
}

/* ---- what policies are told ---- */

static bool has_ready_pod(const struct moon_ds_slot *slot)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        const struct moon_ds_pod *p = slot->pods[i];
        if (p->pod->ready && !p->orphan && moon_ds_pod_counts(p) && !moon_ds_pod_is_going(p)) {
            return true;
        }
    }
    return false;
}

static bool exists(const char *key, void *ctx)
{
    const struct moon_ds_set *set = ctx;

    remember(set, key);
    return moon_map_has(set->ds->by_key, moon_str(key));
}

static bool is_ready_on(const char *key, const char *node, void *ctx)
{
    const struct moon_ds_set *set = ctx;
    const struct moon_ds_set *peer = moon_map_get(set->ds->by_key, moon_str(key));
    moon_sym name = moon_intern_find(moon_str(node));
    struct moon_ds_slot *slot = peer != NULL && name != NULL ? moon_ds_slot_find(peer, name) : NULL;

    if (slot == NULL) {
        return false;
    }
    slot->told_ready = has_ready_pod(slot);
    return slot->told_ready;
}

void moon_ds_peers_init(struct moon_ds_set *set)
{
    set->peers = (struct moon_peers){.exists = exists, .is_ready_on = is_ready_on, .ctx = set};
    set->is_asked = askers_of(set->ds, set->key) != NULL;
}

/* ---- what has changed ---- */

static void ask_again(struct moon_ds_set *set, moon_sym node)
{
    struct moon_ds_slot *slot = moon_ds_slot_find(set, node);

    if (slot != NULL) {
        slot->stale = true;
        for (size_t i = 0; i < slot->pod_count; i++) {
            slot->pods[i]->judged = false;
        }
        moon_ds_slot_mark(slot);
        moon_ds_set_enqueue(set);
    }
}

void moon_ds_peers_saw(struct moon_ds_slot *slot)
{
    const struct moon_ds *ds = slot->set->ds;
    bool ready = slot->set->is_asked && has_ready_pod(slot);
    struct moon_str key;
    size_t pos = 0;

    if (ready == slot->told_ready) {
        return;
    }
    slot->told_ready = ready;
    while (moon_map_next(askers_of(ds, slot->set->key), &pos, &key, NULL)) {
        struct moon_ds_set *set = moon_map_get(ds->by_key, key);
        if (set != NULL) {
            ask_again(set, slot->name);
        }
    }
}

void moon_ds_peers_came_or_went(const struct moon_ds *ds, const char *peer)
{
    const struct moon_map *askers = askers_of(ds, peer);
    struct moon_str key;
    size_t pos = 0;

    while (askers != NULL && moon_map_next(askers, &pos, &key, NULL)) {
        struct moon_ds_set *set = moon_map_get(ds->by_key, key);
        if (set != NULL) {
            set->tolerations_stale = true;
            moon_ds_slot_mark_all(set, true);
            moon_ds_set_enqueue(set);
        }
    }
}
