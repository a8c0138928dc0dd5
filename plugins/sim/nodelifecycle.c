/* SPDX-License-Identifier: Apache-2.0
 *
 * nodelifecycle.c - a record per node; when it was heard of, and the writes that follow.
 *
 * No sweeps: a change of a node or the end of its grace period makes it be looked at (chores.h). A
 * lease that is renewed only moves the time it was heard of; the look that comes at the end of the
 * old period finds that out and puts itself off.
 */
#include "sim/nodelifecycle.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "cache/informer.h"
#include "sim/chores.h"
#include "sim/nodetaints.h"
#include "sim/nodezones.h"
#include "sim/played.h"

enum {
    LIFECYCLE_MAGIC = 0x6e6f6c63,
    WATCHED_MAGIC = 0x77746368,
    NODE_WRITES = 16,
    POD_WRITES = 16,
    /* For a node that has never said whether it is ready (--node-startup-grace-period is 60 s
     * beside a --node-monitor-grace-period of 40 s). */
    STARTUP_GRACE_PERCENT = 150,
};

#define LEASE_NAMESPACE "kube-node-lease"
#define TOPIC "nodelifecycle"

/* ---- leases ---- */

struct renewal {
    struct moon_object meta;
    uint64_t renewed; /* a hash of its renewTime: only whether it has changed counts */
};

static int project_renewal(struct moon_object *o, const cJSON *json,
                           MOON_UNUSED struct moon_str text, MOON_UNUSED struct moon_err *err)
{
    struct renewal *renewal = (struct renewal *)(void *)o;
    const char *time = moon_json_string(moon_json_member(json, "spec"), "renewTime");
    renewal->renewed = moon_str_hash(moon_str(time != NULL ? time : ""));
    return 0;
}

static void fini_renewal(MOON_UNUSED struct moon_object *o)
{
}

static bool same_renewal(const struct moon_object *a, const struct moon_object *b)
{
    return ((const struct renewal *)(const void *)a)->renewed ==
           ((const struct renewal *)(const void *)b)->renewed;
}

static const struct moon_kind kind_renewal = {
    .resource = &moon_resource_leases,
    .size = sizeof(struct renewal),
    .project = project_renewal,
    .fini = fini_renewal,
    .same = same_renewal,
};

/* ---- state ---- */

/* One node. */
struct watched {
    unsigned magic;
    moon_sym name;
    moon_sym uid;
    uint64_t heard; /* loop time */
    struct moon_nodezones_node place;
    bool was_ready; /* when the status write that is under way was made */
};

struct moon_nodelifecycle {
    unsigned magic;
    struct moon_nodelifecycle_opts opts;
    struct moon_loop *loop;
    struct moon_informer *leases; /* NULL: nobody listens for heartbeats */
    struct moon_map *by_name;     /* struct watched */
    struct moon_nodezones *zones;
    struct moon_chores *nodes; /* by name */
    struct moon_chores *pods;  /* by uid: pods to be told not ready */
};

static bool records(const struct moon_nodelifecycle *l)
{
    return moon_store_count(l->opts.nodes) <= l->opts.event_nodes;
}

static const struct moon_played_node *node_of(const struct moon_nodelifecycle *l, const char *name)
{
    const struct moon_object *node = moon_store_get(l->opts.nodes, NULL, name);
    return node != NULL ? moon_played_node(node) : NULL;
}

static void watched_free(void *value)
{
    struct watched *w = MOON_CAST(watched, value, WATCHED_MAGIC);
    moon_sym_unref(w->name);
    moon_sym_unref(w->uid);
    w->magic = 0;
    moon_free(w);
}

/* ---- pods of a node that has fallen silent ---- */

static bool next_pod(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                     void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    moon_sym uid = moon_intern_find(key);
    const struct moon_object *object = uid != NULL ? moon_store_get_uid(l->opts.pods, uid) : NULL;
    if (object == NULL || !moon_played_pod(object)->ready) {
        return false;
    }
    const struct moon_played_pod *pod = moon_played_pod(object);
    const struct moon_played_node *node =
        pod->node_name != NULL ? node_of(l, pod->node_name) : NULL;
    if (node == NULL || node->is_ready) {
        return false; /* it is back: its kubelet knows better */
    }
    char now[MOON_TIME_TEXT];
    moon_buf_printf(body,
                    "{\"metadata\":{\"uid\":\"%s\"},\"status\":{\"conditions\":[{\"type\":\"Ready\""
                    ",\"status\":\"False\",\"lastTransitionTime\":\"%s\"}]}}",
                    object->uid, moon_time_format(moon_loop_wall_ms(l->loop) / 1000, now));
    *request = (struct moon_request){.verb = MOON_VERB_PATCH_STRATEGIC,
                                     .resource = &moon_resource_pods,
                                     .namespace = object->namespace,
                                     .name = object->name,
                                     .subresource = "status"};
    return true;
}

static void pod_done(struct moon_str key, const struct moon_answer *answer, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    struct moon_object *pod;
    struct moon_err err;
    (void)key;
    if (moon_object_project(&moon_kind_played_pod, answer->body, &pod, &err) != 0 || pod == NULL) {
        return;
    }
    if (records(l)) {
        moon_recorder_event(l->opts.recorder, pod, MOON_EVENT_WARNING, "NodeNotReady",
                            "Node is not ready");
    }
    (void)moon_store_put_write(l->opts.pods, pod);
}

static void mark_pods(struct moon_nodelifecycle *l, moon_sym node)
{
    size_t count;
    const struct moon_object *const *pods =
        moon_store_by_index(l->opts.pods, l->opts.by_node, node, &count);
    for (size_t i = 0; i < count; i++) {
        if (moon_played_pod(pods[i])->ready) {
            moon_chores_look(l->pods, pods[i]->uid);
        }
    }
}

/* ---- nodes ---- */

/* Has its time run out? Else it is looked at again when it will have. */
static bool is_silent(struct moon_nodelifecycle *l, const struct watched *w,
                      const struct moon_played_node *node)
{
    uint64_t now = moon_loop_now(l->loop);
    uint64_t grace_ms = l->opts.grace_ms;
    if (l->leases == NULL || !moon_informer_is_synced(l->leases)) {
        return false;
    }
    if (node->conditions[MOON_NODE_READY] == MOON_CONDITION_ABSENT) {
        grace_ms = grace_ms * STARTUP_GRACE_PERCENT / 100;
    }
    if (l->opts.lateness_ms != NULL) {
        grace_ms += l->opts.lateness_ms(l->opts.ctx);
    }
    if (now - w->heard > grace_ms) {
        return true;
    }
    moon_chores_look_after(l->nodes, w->name, w->heard + grace_ms - now + 1);
    return false;
}

static enum moon_nodetaints_evict may_evict(struct moon_nodelifecycle *l, struct watched *w,
                                            const struct moon_played_node *node)
{
    if (node->is_ready || moon_nodezones_is_blackout(l->zones)) {
        return MOON_NODETAINTS_NEVER;
    }
    if (node->conditions[MOON_NODE_READY] != MOON_CONDITION_ABSENT &&
        !moon_nodetaints_evicts(node)) {
        moon_nodezones_wait(l->zones, &w->place);
    }
    return w->place.had_turn ? MOON_NODETAINTS_NOW : MOON_NODETAINTS_NOT_NOW;
}

static bool next_node(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                      void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    struct watched *w = moon_map_get(l->by_name, key);
    const struct moon_played_node *node = w != NULL ? node_of(l, w->name) : NULL;
    int64_t now_s = moon_loop_wall_ms(l->loop) / 1000;
    if (node == NULL) {
        return false;
    }
    *request = (struct moon_request){.verb = MOON_VERB_PATCH_STRATEGIC,
                                     .resource = &moon_resource_nodes,
                                     .name = w->name,
                                     .subresource = "status"};
    if (is_silent(l, w, node) && moon_nodetaints_write_unknown(&node->meta, now_s, body)) {
        w->was_ready = node->is_ready;
        return true;
    }
    moon_buf_clear(body);
    w->was_ready = false;
    request->verb = MOON_VERB_PATCH_JSON;
    request->subresource = NULL;
    return moon_nodetaints_patch(node, may_evict(l, w, node), now_s, body);
}

static void node_done(struct moon_str key, const struct moon_answer *answer, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    struct watched *w = moon_map_get(l->by_name, key);
    struct moon_object *node;
    struct moon_err err;
    if (w == NULL || moon_object_project(&moon_kind_played_node, answer->body, &node, &err) != 0 ||
        node == NULL) {
        return;
    }
    bool has_fallen = w->was_ready && node->uid == w->uid;
    w->was_ready = false;
    if (has_fallen && records(l)) {
        moon_recorder_event(l->opts.recorder, node, MOON_EVENT_NORMAL, "NodeNotReady",
                            "Node %s status is now: NodeNotReady", w->name);
    }
    (void)moon_store_put_write(l->opts.nodes, node);
    if (has_fallen) {
        moon_info(TOPIC, "a node has not been heard of for too long", "node", w->name);
        mark_pods(l, w->name);
    }
}

/* ---- what is heard ---- */

static void hear(struct moon_nodelifecycle *l, struct watched *w)
{
    w->heard = moon_loop_now(l->loop);
}

static void on_lease(const struct moon_change *change, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    if (change->new_object != NULL) {
        struct watched *w = moon_map_get(l->by_name, moon_str(change->new_object->name));
        if (w != NULL) {
            hear(l, w);
        }
    }
}

static void look_at_all(struct moon_nodelifecycle *l)
{
    size_t pos = 0;
    struct moon_str key;
    void *value;
    while (moon_map_next(l->by_name, &pos, &key, &value)) {
        const struct watched *w = value;
        moon_chores_look(l->nodes, w->name);
    }
}

static void on_leases_synced(void *ctx)
{
    look_at_all(MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC));
}

static struct watched *watched_new(const struct moon_object *node)
{
    struct watched *w = moon_new(struct watched);
    w->magic = WATCHED_MAGIC;
    w->name = moon_sym_ref(node->name);
    w->uid = moon_sym_ref(node->uid);
    return w;
}

static void forget(struct moon_nodelifecycle *l, struct watched *w)
{
    moon_nodezones_leave(l->zones, &w->place);
    (void)moon_map_remove(l->by_name, moon_str(w->name));
}

static void node_left(struct moon_nodelifecycle *l, const struct moon_object *node)
{
    struct watched *w = moon_map_get(l->by_name, moon_str(node->name));
    if (w == NULL || w->uid != node->uid) {
        return;
    }
    forget(l, w);
    if (records(l)) {
        moon_recorder_event(l->opts.recorder, node, MOON_EVENT_NORMAL, "RemovingNode",
                            "Removing Node %s from Controller", node->name);
    }
}

static struct watched *node_came(struct moon_nodelifecycle *l, const struct moon_object *node)
{
    struct watched *w = watched_new(node);
    moon_map_set(l->by_name, moon_str(node->name), w);
    hear(l, w);
    if (records(l)) {
        moon_recorder_event(l->opts.recorder, node, MOON_EVENT_NORMAL, "RegisteredNode",
                            "Registered Node %s in Controller", node->name);
    }
    return w;
}

/* A status whose heartbeat has moved is a sign of life; what we write does not move it. */
static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *new = change->new_object;
    if (new == NULL) {
        node_left(l, old);
        return;
    }
    struct watched *w = moon_map_get(l->by_name, moon_str(new->name));
    if (w != NULL && w->uid != new->uid) {
        forget(l, w); /* the name has another node by now */
        w = NULL;
    }
    if (w == NULL) {
        w = node_came(l, new);
    } else if (old != NULL &&
               moon_played_node(old)->heartbeat_s != moon_played_node(new)->heartbeat_s) {
        hear(l, w);
    }
    moon_nodezones_see(l->zones, &w->place, moon_played_node(new));
    moon_chores_look(l->nodes, new->name);
}

/* ---- speed ---- */

static void on_turn(struct moon_nodezones_node *node, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    struct watched *w = moon_container_of(node, struct watched, place);
    moon_chores_look(l->nodes, w->name);
}

/* When the first node is heard of again, the others get a grace period to be heard of, too. */
static void on_blackout(bool is_blackout, void *ctx)
{
    struct moon_nodelifecycle *l = MOON_CAST(moon_nodelifecycle, ctx, LIFECYCLE_MAGIC);
    size_t pos = 0;
    struct moon_str key;
    void *value;
    while (moon_map_next(l->by_name, &pos, &key, &value)) {
        struct watched *w = value;
        w->place.had_turn = false;
        if (!is_blackout) {
            hear(l, w);
        }
    }
    look_at_all(l);
}

/* ---- life ---- */

static void on_trouble(const struct moon_err *err, void *ctx)
{
    (void)ctx;
    moon_warn(TOPIC, "watch of leases failed, will be tried again", "err", err->text);
}

static void listen_to_leases(struct moon_nodelifecycle *l)
{
    l->leases = moon_informer_new(l->opts.client,
                                  &(struct moon_informer_opts){.kind = &kind_renewal,
                                                               .namespace = LEASE_NAMESPACE,
                                                               .on_error = on_trouble,
                                                               .on_synced = on_leases_synced,
                                                               .ctx = l});
    moon_store_listen(moon_informer_store(l->leases), on_lease, l);
    moon_informer_start(l->leases);
}

struct moon_nodelifecycle *moon_nodelifecycle_new(const struct moon_nodelifecycle_opts *opts)
{
    struct moon_nodelifecycle *l = moon_new(struct moon_nodelifecycle);
    l->magic = LIFECYCLE_MAGIC;
    l->opts = *opts;
    l->loop = moon_client_loop(opts->client);
    l->by_name = moon_map_new(watched_free);
    l->zones =
        moon_nodezones_new(&(struct moon_nodezones_opts){.loop = l->loop,
                                                         .interval_ms = opts->eviction_interval_ms,
                                                         .on_turn = on_turn,
                                                         .on_blackout = on_blackout,
                                                         .ctx = l});
    l->nodes = moon_chores_new(&(struct moon_chores_opts){.client = opts->client,
                                                          .name = "sim-node-lifecycle",
                                                          .max_in_flight = NODE_WRITES,
                                                          .next = next_node,
                                                          .done = node_done,
                                                          .ctx = l});
    l->pods = moon_chores_new(&(struct moon_chores_opts){.client = opts->client,
                                                         .name = "sim-pods-not-ready",
                                                         .max_in_flight = POD_WRITES,
                                                         .next = next_pod,
                                                         .done = pod_done,
                                                         .ctx = l});
    if (opts->grace_ms > 0) {
        listen_to_leases(l);
    }
    moon_store_listen(opts->nodes, on_node, l);
    return l;
}

void moon_nodelifecycle_free(struct moon_nodelifecycle *l)
{
    if (l == NULL) {
        return;
    }
    moon_store_unlisten(l->opts.nodes, on_node, l);
    moon_informer_free(l->leases);
    moon_chores_free(l->pods);
    moon_chores_free(l->nodes);
    moon_map_free(l->by_name);
    moon_nodezones_free(l->zones);
    l->magic = 0;
    moon_free(l);
}
