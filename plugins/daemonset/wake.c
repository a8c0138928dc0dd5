/* SPDX-License-Identifier: Apache-2.0
 *
 * wake.c - the watches, and what each of their events makes dirty.
 */
#include "daemonset/daemonset_priv.h"

/* Pods of StatefulSets carry the hash label, too. */
#define STATEFUL "statefulset.kubernetes.io/pod-name"
#define OURS MOON_LABEL_HASH ",!" STATEFUL

bool moon_ds_wake_shows(const struct moon_ds *ds, const struct moon_pod *pod)
{
    const struct moon_labels *labels = &pod->meta.labels;

    return ds->in->config->pod_watch == MOON_POD_WATCH_ALL ||
           (moon_labels_get(labels, MOON_LABEL_HASH) != NULL &&
            moon_labels_get(labels, STATEFUL) == NULL);
}

struct moon_store *moon_ds_pod_store(const struct moon_ds *ds)
{
    return moon_informer_store(ds->pods);
}

static struct moon_ds_set *set_by_uid(const struct moon_ds *ds, moon_sym uid)
{
    return uid != NULL ? moon_map_get(ds->by_uid, moon_str(uid)) : NULL;
}

/* Call fn for each set of the orphan's namespace whose selector matches its labels. */
static void each_matching(struct moon_ds *ds, const struct moon_object *orphan,
                          void (*fn)(struct moon_ds_set *set, const struct moon_object *o))
{
    struct moon_ds_set *set;
    size_t pos = 0;

    if (orphan->labels.count == 0) {
        return;
    }
    while (moon_map_next(ds->by_key, &pos, NULL, (void **)&set)) {
        if (set->object->meta.namespace == orphan->namespace && !set->object->selects_all &&
            moon_selector_matches(set->object->selector, &orphan->labels)) {
            fn(set, orphan);
        }
    }
}

/* ---- DaemonSets ---- */

static void forget_set(struct moon_ds *ds, struct moon_ds_set *set)
{
    (void)moon_map_remove(ds->by_uid, moon_str(set->uid));
    (void)moon_map_take(ds->by_key, moon_str(set->key));
    moon_ds_peers_forget(set);
    moon_ds_peers_came_or_went(ds, set->key);
    moon_ds_set_drop(set);
}

static void set_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds *ds = ctx;
    const struct moon_object *o =
        change->new_object != NULL ? change->new_object : change->old_object;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(1024);

    moon_object_key(o, &key);
    struct moon_ds_set *set = moon_map_get(ds->by_key, moon_buf_str(&key));
    bool same = set != NULL && set->uid == o->uid;
    if (same && change->new_object != NULL) {
        moon_ds_set_update(set, moon_daemonset(o));
        return;
    }
    if (same || (set != NULL && change->new_object != NULL)) {
        forget_set(ds, set); /* deleted, or made again under its name */
        moon_policies_use(ds->in->policies, moon_buf_cstr(&key), NULL);
    }
    if (change->new_object == NULL) {
        moon_ds_drain_set_is_gone(ds, moon_buf_str(&key));
        return;
    }
    set = moon_ds_set_new(ds, moon_daemonset(o));
    moon_map_set(ds->by_key, moon_buf_str(&key), set);
    moon_map_set(ds->by_uid, moon_str(o->uid), set);
    moon_ds_peers_came_or_went(ds, set->key);
    moon_ds_set_enqueue(set);
}

/* ---- nodes ---- */

static void node_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds *ds = ctx;
    const struct moon_object *node = change->new_object;
    moon_sym name = (node != NULL ? node : change->old_object)->name;
    struct moon_ds_set *set;
    size_t pos = 0;

    while (moon_map_next(ds->by_key, &pos, NULL, (void **)&set)) {
        bool decide = moon_ds_slot_set_node(moon_ds_slot_get(set, name),
                                            node != NULL ? moon_node(node) : NULL);
        const struct moon_node *before =
            change->old_object != NULL ? moon_node(change->old_object) : NULL;
        moon_ds_placement_node_changed(set, before, node != NULL ? moon_node(node) : NULL);
        moon_ds_happened_to_node(set, before, node != NULL ? moon_node(node) : NULL);
        /* A policy that is asked about the roll may look at any node. */
        if (decide || set->sampled || set->sums.outdated > 0 || set->waiting > 0) {
            moon_ds_set_enqueue(set);
        }
    }
    if (node != NULL) {
        moon_ds_drain_saw_node(ds, moon_node(node));
    }
}

/* ---- pods ---- */

static void tell_pod(struct moon_ds_set *set, const struct moon_object *o)
{
    moon_ds_set_pod_changed(set, o->uid);
}

static void tell_owner(struct moon_ds *ds, const struct moon_object *o)
{
    struct moon_ds_set *set;

    if (o == NULL) {
        return;
    }
    if (o->controller.uid == NULL) {
        each_matching(ds, o, tell_pod);
    } else if ((set = set_by_uid(ds, o->controller.uid)) != NULL) {
        moon_ds_set_pod_changed(set, o->uid);
    }
}

static void pod_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds *ds = ctx;
    const struct moon_object *o = change->old_object;
    const struct moon_object *n = change->new_object;

    if (o != NULL && (n == NULL || o->controller.uid != n->controller.uid ||
                      (n->controller.uid == NULL && !moon_labels_equal(&o->labels, &n->labels)))) {
        tell_owner(ds, o);
    }
    tell_owner(ds, n);
}

static void pod_left_view(const struct moon_object *o, void *ctx)
{
    struct moon_ds *ds = ctx;
    struct moon_ds_set *set = set_by_uid(ds, o->controller.uid);

    if (set == NULL) {
        moon_informer_release(ds->pods, o->uid);
        return;
    }
    moon_warn(MOON_DS_TOPIC, "a pod of the set lost its " MOON_LABEL_HASH " label", "key", set->key,
              "pod", o->name);
    moon_ds_claim_follow_strays(set);
}

/* ---- revisions ---- */

static void history_changed(struct moon_ds_set *set, const struct moon_object *o)
{
    (void)o;
    set->history_dirty = true;
    moon_ds_set_enqueue(set);
}

/* Pods of a revision that is known count otherwise than those of one that is not. */
static void mark_pods_of(struct moon_ds_set *set, const struct moon_object *o)
{
    if (set != NULL && moon_ds_set_has_pods_of(set, moon_labels_get(&o->labels, MOON_LABEL_HASH))) {
        moon_ds_slot_mark_all(set, false);
    }
}

/* A new revision that has its owner already wakes nobody: tools that add a duplicate rely on it
 * not being cleaned away before they have looked. One on its way out is as good as deleted. */
static void revision_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds *ds = ctx;
    const struct moon_object *n = change->new_object;
    const struct moon_object *o = change->old_object;
    struct moon_ds_set *set = set_by_uid(ds, n != NULL ? n->controller.uid : NULL);
    struct moon_ds_set *old_set = set_by_uid(ds, o != NULL ? o->controller.uid : NULL);

    mark_pods_of(set, n);
    mark_pods_of(old_set, o);
    if (set != NULL) {
        set->history_dirty = true;
        if (o != NULL || n->deleted_s != 0) {
            moon_ds_set_enqueue(set);
        }
    }
    if (old_set != NULL && old_set != set) {
        history_changed(old_set, o);
    }
    if (n != NULL && n->controller.uid == NULL) {
        each_matching(ds, n, history_changed);
    }
}

/* ---- policies and the clock ---- */

static void each_set(struct moon_ds *ds, void (*fn)(struct moon_ds_set *set))
{
    struct moon_ds_set *set;
    size_t pos = 0;

    while (moon_map_next(ds->by_key, &pos, NULL, (void **)&set)) {
        fn(set);
    }
}

/* A list in full is the one way to get at what was passed over before. Sets wait for its end. */
static void policies_changed(void *ctx)
{
    struct moon_ds *ds = ctx;

    if (moon_node_field_count() > ds->fields_asked) {
        ds->fields_asked = moon_node_field_count();
        moon_informer_list_again(ds->nodes);
    }
    each_set(ds, moon_ds_set_enqueue);
}

/* Sets that use a policy whose newest text does not load tell so. */
static void policy_not_loaded(struct moon_ds *ds, const char *policy)
{
    struct moon_ds_set *set;
    size_t pos = 0;

    while (moon_map_next(ds->by_key, &pos, NULL, (void **)&set)) {
        if (set->chain != NULL && moon_chain_has(set->chain, policy)) {
            set->chain_stale = true;
            moon_ds_set_enqueue(set);
        }
    }
}

static void policy_failed(const struct moon_policy_report *report, void *ctx)
{
    if (report->set[0] == '\0') {
        policy_not_loaded(ctx, report->policy);
    }
    moon_ds_faults_report(report, ctx);
}

static void nodes_listed(void *ctx)
{
    struct moon_ds *ds = ctx;

    if (ds->fields_known < ds->fields_asked) {
        ds->fields_known = ds->fields_asked;
        each_set(ds, moon_ds_set_enqueue);
    }
}

static void look_at_clock(struct moon_ds_set *set)
{
    moon_ds_slot_mark_all(set, false);
    moon_ds_set_enqueue(set);
}

static void clock_jumped(int64_t jump_ms, void *ctx)
{
    moon_warn(MOON_DS_TOPIC, "the wall clock jumped, ages are reckoned anew", "ms",
              MOON_LOG_INT(jump_ms));
    each_set(ctx, look_at_clock);
}

/* ---- start ---- */

static void by_owner(const struct moon_object *o, void (*add)(moon_sym key, void *ctx), void *ctx)
{
    add(o->controller.uid, ctx);
}

static void orphans(const struct moon_object *o, void (*add)(moon_sym key, void *ctx), void *ctx)
{
    add(o->controller.uid == NULL ? o->namespace : NULL, ctx);
}

static void watch_failed(const struct moon_err *err, void *ctx)
{
    (void)ctx;
    moon_warn(MOON_DS_TOPIC, "cannot list or watch, will be tried again", "err", err->text);
}

static bool is_there(const char *key, void *ctx)
{
    const struct moon_ds *ds = ctx;

    return moon_map_has(ds->by_key, moon_str(key));
}

static void maybe_start(void *ctx)
{
    struct moon_ds *ds = ctx;

    if (ds->leader && !ds->running && moon_ds_wake_is_synced(ds)) {
        ds->running = true;
        ds->running_since = moon_loop_now(ds->in->loop);
        moon_info(MOON_DS_TOPIC, "caches are complete, working", "sets",
                  MOON_LOG_INT(moon_map_count(ds->by_key)), "nodes",
                  MOON_LOG_INT(moon_store_count(moon_informer_store(ds->nodes))), "pods",
                  MOON_LOG_INT(moon_store_count(moon_ds_pod_store(ds))));
        if (ds->in->config->namespace == NULL) {
            moon_policies_keep_users(ds->in->policies, is_there, ds);
        }
        moon_controller_start(ds->controller);
    }
}

bool moon_ds_wake_is_synced(const struct moon_ds *ds)
{
    return moon_informer_is_synced(ds->sets) && moon_informer_is_synced(ds->nodes) &&
           moon_informer_is_synced(ds->pods) && moon_informer_is_synced(ds->revisions);
}

void moon_ds_wake_role(struct moon_ds *ds, bool leader)
{
    ds->leader = leader;
    if (leader) {
        maybe_start(ds);
    } else if (ds->running) {
        ds->running = false;
        moon_controller_stop(ds->controller);
        each_set(ds, moon_ds_drain_stop);
    }
}

static struct moon_informer *informer(struct moon_ds *ds, const struct moon_kind *kind,
                                      const char *selector,
                                      void (*changed)(const struct moon_change *, void *))
{
    static const struct moon_index_opts owned[] = {
        [MOON_DS_BY_OWNER] = {"owner", by_owner}, [MOON_DS_ORPHANS] = {"orphans", orphans}};
    bool indexed = kind == &moon_kind_pod || kind == &moon_kind_revision;
    struct moon_informer *i = moon_informer_new(
        ds->in->client,
        &(struct moon_informer_opts){
            .kind = kind,
            .indexes = indexed ? owned : NULL,
            .index_count = indexed ? MOON_ARRAY_SIZE(owned) : 0,
            .namespace = kind->resource->namespaced ? ds->in->config->namespace : NULL,
            .label_selector = selector,
            .on_left_view = kind == &moon_kind_pod ? pod_left_view : NULL,
            .on_error = watch_failed,
            .on_synced = maybe_start,
            .on_listed = kind == &moon_kind_node ? nodes_listed : NULL,
            .ctx = ds,
        });

    moon_store_listen(moon_informer_store(i), changed, ds);
    return i;
}

void moon_ds_wake_init(struct moon_ds *ds)
{
    bool all = ds->in->config->pod_watch == MOON_POD_WATCH_ALL;

    ds->by_key = moon_map_new(NULL);
    ds->by_uid = moon_map_new(NULL);
    ds->returning = moon_map_new(NULL);
    moon_ds_peers_start(ds);
    ds->nodes = informer(ds, &moon_kind_node, NULL, node_changed);
    ds->pods = informer(ds, &moon_kind_pod, all ? NULL : OURS, pod_changed);
    ds->revisions = informer(ds, &moon_kind_revision, NULL, revision_changed);
    ds->sets = informer(ds, &moon_kind_daemonset, NULL, set_changed);
    ds->clock = moon_clock_watch_new(ds->in->loop, clock_jumped, ds);
    ds->in->listen_policies(ds->in, policy_failed, policies_changed, ds);
}

void moon_ds_wake_start(struct moon_ds *ds)
{
    ds->fields_asked = moon_node_field_count();
    moon_informer_start(ds->nodes);
    moon_informer_start(ds->pods);
    moon_informer_start(ds->revisions);
    moon_informer_start(ds->sets);
}

void moon_ds_wake_stop(struct moon_ds *ds)
{
    struct moon_ds_set *set;
    size_t pos = 0;

    moon_clock_watch_free(ds->clock);
    while (moon_map_next(ds->by_key, &pos, NULL, (void **)&set)) {
        moon_ds_set_drop(set);
    }
    moon_map_free(ds->by_key);
    moon_map_free(ds->by_uid);
    moon_map_free(ds->returning);
    moon_map_free(ds->askers);
    moon_informer_free(ds->sets);
    moon_informer_free(ds->revisions);
    moon_informer_free(ds->pods);
    moon_informer_free(ds->nodes);
}
