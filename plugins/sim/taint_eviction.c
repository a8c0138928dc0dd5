/* SPDX-License-Identifier: Apache-2.0
 *
 * taint_eviction.c - a list of pods whose time on their node is limited.
 */
#include "sim/taint_eviction.h"

#include "base/map.h"
#include "sim/chores.h"
#include "sim/nodetaints.h"

enum {
    EVICTION_MAGIC = 0x74657663,
    IN_FLIGHT = 16,
};

struct doomed {
    uint64_t due;
    bool is_deleted; /* the API server has accepted it; the watch will tell */
};

struct moon_taint_eviction {
    unsigned magic;
    struct moon_taint_eviction_opts opts;
    struct moon_loop *loop;
    struct moon_map *by_uid; /* struct doomed */
    struct moon_chores *chores;
};

static bool has_no_execute(const struct moon_taints *taints)
{
    for (size_t i = 0; i < taints->count; i++) {
        if (taints->items[i].effect == MOON_EFFECT_NO_EXECUTE) {
            return true;
        }
    }
    return false;
}

static void record(const struct moon_taint_eviction *e, const struct moon_object *pod,
                   const char *what)
{
    if (moon_store_count(e->opts.nodes) <= e->opts.event_nodes) {
        moon_recorder_event(e->opts.recorder, pod, MOON_EVENT_NORMAL, "TaintManagerEviction",
                            "%s Pod %s/%s", what, pod->namespace, pod->name);
    }
}

/* ---- deciding ---- */

static void spare(struct moon_taint_eviction *e, const struct moon_object *pod)
{
    struct doomed *doomed = moon_map_get(e->by_uid, moon_str(pod->uid));
    if (doomed != NULL && !doomed->is_deleted) {
        record(e, pod, "Cancelling deletion of");
    }
    (void)moon_map_remove(e->by_uid, moon_str(pod->uid));
}

/* As upstream, whose time is running keeps it when another taint comes that it bears for a while:
 * only one that it does not bear at all makes a difference. */
static void doom(struct moon_taint_eviction *e, const struct moon_object *pod, uint64_t delay_ms)
{
    struct doomed *doomed = moon_map_get(e->by_uid, moon_str(pod->uid));
    if (doomed == NULL) {
        doomed = moon_new(struct doomed);
        moon_map_set(e->by_uid, moon_str(pod->uid), doomed);
        doomed->due = UINT64_MAX;
    }
    if (doomed->due == UINT64_MAX || delay_ms == 0) {
        doomed->due = moon_loop_now(e->loop) + delay_ms;
        moon_chores_look_after(e->chores, pod->uid, delay_ms);
    }
}

static void judge(struct moon_taint_eviction *e, const struct moon_played_node *node,
                  const struct moon_object *pod)
{
    uint64_t bearing_ms =
        moon_nodetaints_bearing_ms(&node->taints, &moon_played_pod(pod)->tolerations);
    if (bearing_ms == MOON_BEARS_FOREVER) {
        spare(e, pod);
    } else if (pod->deleted_s == 0) {
        doom(e, pod, bearing_ms);
    }
}

/* ---- deleting ---- */

static bool next(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                 void *ctx)
{
    struct moon_taint_eviction *e = MOON_CAST(moon_taint_eviction, ctx, EVICTION_MAGIC);
    const struct doomed *doomed = moon_map_get(e->by_uid, key);
    moon_sym uid = moon_intern_find(key);
    const struct moon_object *pod = uid != NULL ? moon_store_get_uid(e->opts.pods, uid) : NULL;
    uint64_t now = moon_loop_now(e->loop);
    if (doomed == NULL || pod == NULL || pod->deleted_s != 0 || doomed->is_deleted) {
        return false;
    }
    if (doomed->due > now) {
        moon_chores_look_after(e->chores, pod->uid, doomed->due - now);
        return false;
    }
    moon_buf_printf(body,
                    "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":"
                    "{\"uid\":\"%s\"}}",
                    pod->uid);
    *request = (struct moon_request){.verb = MOON_VERB_DELETE,
                                     .resource = &moon_resource_pods,
                                     .namespace = pod->namespace,
                                     .name = pod->name};
    return true;
}

static void done(struct moon_str key, const struct moon_answer *answer, void *ctx)
{
    struct moon_taint_eviction *e = MOON_CAST(moon_taint_eviction, ctx, EVICTION_MAGIC);
    struct doomed *doomed = moon_map_get(e->by_uid, key);
    moon_sym uid = moon_intern_find(key);
    const struct moon_object *pod = uid != NULL ? moon_store_get_uid(e->opts.pods, uid) : NULL;
    (void)answer;
    if (doomed != NULL) {
        doomed->is_deleted = true;
    }
    if (pod != NULL) {
        record(e, pod, "Marking for deletion");
    }
}

/* ---- nodes and pods come, change and go ---- */

static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_taint_eviction *e = MOON_CAST(moon_taint_eviction, ctx, EVICTION_MAGIC);
    static const struct moon_taints none = {0};
    if (change->new_object == NULL) {
        return;
    }
    const struct moon_played_node *node = moon_played_node(change->new_object);
    const struct moon_taints *old =
        change->old_object != NULL ? &moon_played_node(change->old_object)->taints : &none;
    size_t count;
    if (moon_taints_equal(old, &node->taints) ||
        (!has_no_execute(old) && !has_no_execute(&node->taints))) {
        return;
    }
    const struct moon_object *const *pods =
        moon_store_by_index(e->opts.pods, e->opts.by_node, node->meta.name, &count);
    for (size_t i = 0; i < count; i++) {
        judge(e, node, pods[i]);
    }
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_taint_eviction *e = MOON_CAST(moon_taint_eviction, ctx, EVICTION_MAGIC);
    const struct moon_object *pod = change->new_object;
    if (pod == NULL) {
        (void)moon_map_remove(e->by_uid, moon_str(change->old_object->uid));
        return;
    }
    moon_sym name = moon_played_pod(pod)->node_name;
    const struct moon_object *node =
        name != NULL ? moon_store_get(e->opts.nodes, NULL, name) : NULL;
    if (node != NULL && has_no_execute(&moon_played_node(node)->taints)) {
        judge(e, moon_played_node(node), pod);
    }
}

/* ---- life ---- */

struct moon_taint_eviction *moon_taint_eviction_new(const struct moon_taint_eviction_opts *opts)
{
    struct moon_taint_eviction *e = moon_new(struct moon_taint_eviction);
    e->magic = EVICTION_MAGIC;
    e->opts = *opts;
    e->loop = moon_client_loop(opts->client);
    e->by_uid = moon_map_new(moon_free);
    e->chores = moon_chores_new(&(struct moon_chores_opts){.client = opts->client,
                                                           .name = "sim-taint-eviction",
                                                           .max_in_flight = IN_FLIGHT,
                                                           .next = next,
                                                           .done = done,
                                                           .ctx = e});
    moon_store_listen(opts->nodes, on_node, e);
    moon_store_listen(opts->pods, on_pod, e);
    return e;
}

void moon_taint_eviction_free(struct moon_taint_eviction *e)
{
    if (e == NULL) {
        return;
    }
    moon_store_unlisten(e->opts.nodes, on_node, e);
    moon_store_unlisten(e->opts.pods, on_pod, e);
    moon_chores_free(e->chores);
    moon_map_free(e->by_uid);
    e->magic = 0;
    moon_free(e);
}
