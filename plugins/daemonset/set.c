/* SPDX-License-Identifier: Apache-2.0 */
#include "daemonset/daemonset_priv.h"

#define SET_MAGIC 0x5e7da301u

enum {
    DRY_RUN_AGAIN_MS = 30000
};

static void attach_known_pods(struct moon_ds_set *set);

static void free_pod(void *value)
{
    struct moon_ds_pod *p = value;

    moon_object_unref(&p->pod->meta);
    moon_sym_unref(p->health_reason);
    moon_free(p);
}

static void free_body(void *value)
{
    moon_ds_body_free(value);
}

/* ---- pods per revision ---- */

static struct moon_ds_live *find_live(const struct moon_ds_set *set, moon_sym hash)
{
    for (size_t i = 0; i < set->live_count; i++) {
        if (set->live[i].hash == hash) {
            return &set->live[i];
        }
    }
    return NULL;
}

bool moon_ds_set_has_pods_of(const struct moon_ds_set *set, moon_sym hash)
{
    return find_live(set, hash) != NULL;
}

static void count_in(struct moon_ds_set *set, const struct moon_pod *pod)
{
    moon_sym hash = moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH);
    struct moon_ds_live *live = find_live(set, hash);

    if (hash == NULL) {
        return;
    }
    if (live == NULL) {
        set->live = moon_realloc_array(set->live, set->live_count + 1, sizeof(struct moon_ds_live));
        live = &set->live[set->live_count++];
        *live = (struct moon_ds_live){.hash = moon_sym_ref(hash)};
    }
    live->pods++;
}

static void count_out(struct moon_ds_set *set, const struct moon_pod *pod)
{
    moon_sym hash = moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH);
    struct moon_ds_live *live = find_live(set, hash);

    if (hash == NULL) {
        return;
    }
    moon_assert(live != NULL && live->pods > 0);
    if (--live->pods == 0) {
        moon_sym_unref(live->hash);
        *live = set->live[--set->live_count];
    }
}

/* ---- life ---- */

static bool surge_is_on(const struct moon_daemonset *object)
{
    return object->strategy == MOON_STRATEGY_ROLLING && object->has_rolling_update &&
           moon_intstr_scale(object->max_surge, 1, true) > 0;
}

static void take_object(struct moon_ds_set *set, const struct moon_daemonset *object)
{
    moon_object_ref(&object->meta);
    if (set->object != NULL) {
        moon_object_unref(&set->object->meta);
    }
    set->object = object;
    set->surge = surge_is_on(object);
}

struct moon_ds_set *moon_ds_set_new(struct moon_ds *ds, const struct moon_daemonset *object)
{
    struct moon_ds_set *set = moon_new(struct moon_ds_set);
    struct moon_store *nodes = moon_informer_store(ds->nodes);
    const struct moon_object *node;
    size_t pos = 0;

    set->magic = SET_MAGIC;
    set->ds = ds;
    moon_ds_placement_init(set);
    set->key = moon_asprintf("%s/%s", object->meta.namespace, object->meta.name);
    set->uid = moon_sym_ref(object->meta.uid);
    set->pods = moon_map_new(free_pod);
    set->claims = moon_map_new(NULL);
    set->slot_by_name = moon_map_new(NULL);
    set->bodies = moon_map_new(free_body);
    set->mutations = moon_mutations_new();
    moon_list_init(&set->dirty);
    moon_list_init(&set->work);
    moon_list_init(&set->drains);
    moon_heap_init(&set->due);
    set->history_dirty = true;
    set->chain_stale = true;
    set->tolerations_stale = true;
    take_object(set, object);
    moon_ds_peers_init(set);
    while ((node = moon_store_next(nodes, &pos)) != NULL) {
        (void)moon_ds_slot_set_node(moon_ds_slot_get(set, node->name), moon_node(node));
    }
    attach_known_pods(set);
    return set;
}

static void set_free(struct moon_ds_set *set)
{
    moon_ds_claim_fini(set);
    moon_ds_slot_free_all(set);
    moon_map_free(set->slot_by_name);
    moon_map_free(set->claims);
    moon_map_free(set->pods);
    for (size_t i = 0; i < set->live_count; i++) {
        moon_sym_unref(set->live[i].hash);
    }
    moon_free(set->live);
    moon_heap_fini(&set->due);
    moon_chain_free(set->chain);
    moon_ds_guard_fini(set);
    moon_ds_shadow_fini(set);
    moon_measures_forget(&set->object->meta);
    moon_tolerations_fini(&set->tolerations);
    moon_ds_body_forget(set);
    moon_map_free(set->bodies);
    moon_mutations_free(set->mutations);
    moon_sym_unref(set->stable);
    if (set->current != NULL) {
        moon_object_unref(&set->current->meta);
    }
    moon_sym_unref(set->hash);
    moon_object_unref(&set->object->meta);
    moon_sym_unref(set->uid);
    moon_free(set->chain_problem);
    moon_ds_images_free(set->images);
    moon_ds_analysis_end(set);
    moon_sym_unref(set->analysis_over);
    moon_sym_unref(set->held_by);
    moon_free(set->held_why);
    moon_free(set->data);
    moon_free(set->fault);
    moon_ds_conditions_fini(set);
    moon_ds_state_fini(set);
    moon_ds_happened_fini(set);
    moon_free(set->words);
    moon_free(set->key);
    set->magic = 0;
    moon_free(set);
}

void moon_ds_set_hold(struct moon_ds_set *set)
{
    moon_assert(set->magic == SET_MAGIC);
    set->actions++;
}

void moon_ds_set_release(struct moon_ds_set *set)
{
    moon_assert(set->magic == SET_MAGIC && set->actions > 0);
    if (--set->actions == 0 && set->gone) {
        set_free(set);
    }
}

void moon_ds_set_drop(struct moon_ds_set *set)
{
    moon_ds_set_hold(set);
    set->gone = true;
    moon_ds_claim_fini(set);
    moon_ds_drain_stop(set);
    moon_ds_analysis_end(set);
    if (set->ds->in->apply != NULL) {
        moon_apply_drop(set->ds->in->apply, moon_str(set->key));
    }
    moon_ds_set_release(set);
}

void moon_ds_set_enqueue(struct moon_ds_set *set)
{
    if (!set->gone) {
        moon_controller_enqueue(set->ds->controller, moon_str(set->key));
    }
}

void moon_ds_set_store(struct moon_ds_set *set, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err err;

    if (moon_object_project(&moon_kind_daemonset, body, &object, &err) == 0 && object != NULL) {
        (void)moon_store_put_write(moon_informer_store(set->ds->sets), object);
    }
}

void moon_ds_set_written(struct moon_ds_set *set)
{
    if (!set->ds->in->config->dry_run) {
        moon_ds_set_enqueue(set);
    } else if (!set->gone) {
        moon_controller_enqueue_after(set->ds->controller, moon_str(set->key), DRY_RUN_AGAIN_MS);
    }
}

/* ---- changes of the DaemonSet ---- */

static bool same_template(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    return a->template_len == b->template_len &&
           memcmp(a->template, b->template, a->template_len) == 0;
}

/* What policies have stored decides nothing that is kept. */
static bool same_annotations_but_state(const struct moon_labels *a, const struct moon_labels *b)
{
    size_t i = 0;
    size_t k = 0;

    for (;;) {
        i += i < a->count && strcmp(a->items[i].key, MOON_DS_STATE) == 0;
        k += k < b->count && strcmp(b->items[k].key, MOON_DS_STATE) == 0;
        if (i == a->count || k == b->count) {
            return i == a->count && k == b->count;
        }
        if (a->items[i].key != b->items[k].key || a->items[i].value != b->items[k].value) {
            return false;
        }
        i++;
        k++;
    }
}

static bool same_decisions(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    return same_template(a, b) && moon_labels_equal(&a->meta.labels, &b->meta.labels) &&
           same_annotations_but_state(&a->meta.annotations, &b->meta.annotations);
}

static bool same_status(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    return memcmp(&a->status, &b->status, sizeof(a->status)) == 0 &&
           moon_streq(a->conditions, b->conditions);
}

void moon_ds_set_update(struct moon_ds_set *set, const struct moon_daemonset *object)
{
    const struct moon_daemonset *old = set->object;
    bool template_changed = !same_template(old, object);
    bool decisions_changed = !same_decisions(old, object);
    bool spec_changed = old->meta.generation != object->meta.generation;
    bool recounted = old->has_collision_count != object->has_collision_count ||
                     old->collision_count != object->collision_count;
    bool only_state = !moon_labels_equal(&old->meta.annotations, &object->meta.annotations) &&
                      !decisions_changed && !spec_changed && !recounted &&
                      old->meta.deleted_s == object->meta.deleted_s && same_status(old, object);
    bool observed = old->status.observed_generation != object->status.observed_generation;

    moon_object_ref(&old->meta);
    take_object(set, object);
    if (decisions_changed || spec_changed) {
        set->chain_stale = true; /* the strategy says which update policy is the stock one */
    }
    if (decisions_changed) {
        set->tolerations_stale = true;
        moon_ds_body_forget(set);
    }
    if (template_changed || recounted) {
        set->collided = false; /* that was another name */
    }
    if (template_changed) {
        set->history_dirty = true;
        moon_free(set->data);
        set->data = NULL;
    }
    if (observed) {
        moon_ds_slot_mark_all(set, false); /* failed pods need not wait any longer */
    }
    if (spec_changed || decisions_changed) {
        /* Cheap beside being wrong: the strategy, the selector or what policies read has changed.
         */
        moon_ds_slot_mark_all(set, decisions_changed);
        attach_known_pods(set);
    }
    moon_ds_rival_saw_status(set, &old->status);
    moon_object_unref(&old->meta);
    if (!only_state) {
        moon_ds_set_enqueue(set);
    }
}

/* ---- pods ---- */

const struct moon_pod *moon_ds_set_find_pod(const struct moon_ds_set *set, moon_sym uid)
{
    const struct moon_object *a = moon_store_get_uid(moon_ds_pod_store(set->ds), uid);
    const struct moon_object *b = NULL;

    if (set->strays != NULL) {
        b = moon_store_get_uid(moon_informer_store(set->strays), uid);
    }
    if (a == NULL || (b != NULL && b->version > a->version)) {
        a = b;
    }
    return a != NULL ? moon_pod(a) : NULL;
}

/* Is this pod the set's business? Ours by owner, or an orphan that its selector matches. */
static bool concerns(const struct moon_ds_set *set, const struct moon_pod *pod)
{
    if (pod->meta.namespace != set->object->meta.namespace) {
        return false;
    }
    if (pod->meta.controller.uid != NULL) {
        return pod->meta.controller.uid == set->uid;
    }
    return pod->meta.deleted_s == 0 && pod->meta.labels.count > 0 && !set->object->selects_all &&
           moon_selector_matches(set->object->selector, &pod->meta.labels);
}

static void detach(struct moon_ds_set *set, moon_sym uid)
{
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(uid));

    if (p == NULL) {
        return;
    }
    if (p->slot != NULL) {
        moon_ds_slot_remove_pod(p->slot, p);
    }
    count_out(set, p->pod);
    (void)moon_map_remove(set->claims, moon_str(uid));
    (void)moon_map_remove(set->pods, moon_str(uid));
}

static void place(struct moon_ds_set *set, struct moon_ds_pod *p)
{
    struct moon_ds_slot *slot =
        p->pod->target != NULL ? moon_ds_slot_get(set, p->pod->target) : NULL;

    if (p->slot == slot) {
        if (slot != NULL) {
            moon_ds_slot_mark(slot);
        }
        return;
    }
    if (p->slot != NULL) {
        moon_ds_slot_remove_pod(p->slot, p);
    }
    if (slot != NULL) {
        moon_ds_slot_add_pod(slot, p);
    }
}

static const struct moon_ds_pod *attach(struct moon_ds_set *set, const struct moon_pod *pod)
{
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(pod->meta.uid));

    moon_object_ref(&pod->meta);
    count_in(set, pod);
    if (p == NULL) {
        p = moon_new(struct moon_ds_pod);
        moon_map_set(set->pods, moon_str(pod->meta.uid), p);
    } else {
        moon_ds_rival_saw_labels(set, p, pod);
        count_out(set, p->pod);
        moon_object_unref(&p->pod->meta);
    }
    p->pod = pod;
    p->judged = false;
    p->orphan = pod->meta.controller.uid == NULL;
    p->foreign = !p->orphan && !moon_selector_matches(set->object->selector, &pod->meta.labels);
    if (p->orphan || p->foreign) {
        moon_map_set(set->claims, moon_str(pod->meta.uid), p);
    } else if (moon_map_count(set->claims) > 0) {
        (void)moon_map_remove(set->claims, moon_str(pod->meta.uid));
    }
    place(set, p);
    return p;
}

void moon_ds_set_pod_changed(struct moon_ds_set *set, moon_sym uid)
{
    const struct moon_pod *pod = moon_ds_set_find_pod(set, uid);
    const struct moon_ds_pod *known = moon_map_get(set->pods, moon_str(uid));
    bool ours = pod != NULL && concerns(set, pod);

    moon_ds_happened_to_pod(set, known != NULL ? known->pod : NULL, ours ? pod : NULL);
    if (ours) {
        const struct moon_ds_pod *p = attach(set, pod);
        if (known == NULL) {
            moon_ds_rival_saw_pod(set, p);
        }
    } else {
        detach(set, uid);
    }
    moon_ds_set_enqueue(set);
}

/* Look at everything the pod watch knows: at the start of a set, and when its selector changed. */
static void attach_known_pods(struct moon_ds_set *set)
{
    struct moon_store *pods = moon_ds_pod_store(set->ds);
    struct moon_ds_pod *p;
    size_t count;
    size_t pos = 0;
    const struct moon_object *const *found =
        moon_store_by_index(pods, MOON_DS_BY_OWNER, set->uid, &count);

    for (size_t i = 0; i < count; i++) {
        (void)attach(set, moon_pod(found[i]));
    }
    found = moon_store_by_index(pods, MOON_DS_ORPHANS, set->object->meta.namespace, &count);
    for (size_t i = 0; i < count; i++) {
        if (concerns(set, moon_pod(found[i]))) {
            (void)attach(set, moon_pod(found[i]));
        }
    }
    while (moon_map_next(set->pods, &pos, NULL, (void **)&p)) {
        const struct moon_pod *pod = moon_ds_set_find_pod(set, p->pod->meta.uid);
        if (pod == NULL || !concerns(set, pod)) {
            detach(set, p->pod->meta.uid);
        } else {
            (void)attach(set, pod);
        }
    }
}
