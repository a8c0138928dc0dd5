/* SPDX-License-Identifier: Apache-2.0
 *
 * player.c - all pods of all played nodes: a timer each, and a bounded number of writes.
 */
#include "sim/player.h"

#include "base/log.h"
#include "base/random.h"
#include "sim/kubelet_events.h"
#include "sim/player_priv.h"

enum {
    PLAYER_MAGIC = 0x706c6179,
    PLAYED_MAGIC = 0x706c6430,
    BODY_MAX = 256 * 1024,
    RETRY_MIN_MS = 200,
    RETRY_MAX_MS = 30 * 1000,
    COMPLAINT_INTERVAL_MS = 5000,
};

/* 10.0.0.0/8: pods; the nodes have 172.16.0.0/12. */
#define POD_NET 0x0a000000u
#define POD_NET_MASK 0xff000000u

uint64_t moon_player_retry_ms(unsigned failures, const struct moon_err *err)
{
    uint64_t delay_ms = RETRY_MIN_MS;
    for (unsigned i = 1; i < failures && delay_ms < RETRY_MAX_MS; i++) {
        delay_ms *= 2;
    }
    delay_ms = delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS;
    delay_ms = moon_random_jitter(delay_ms, 0.2);
    return delay_ms > err->retry_after_ms ? delay_ms : err->retry_after_ms;
}

void moon_player_complain(struct moon_player *player, const char *what, const char *name,
                          const struct moon_err *err)
{
    uint64_t now = moon_loop_now(player->loop);
    if (now >= player->next_complaint) {
        player->next_complaint = now + COMPLAINT_INTERVAL_MS;
        moon_warn(MOON_PLAYER_TOPIC, what, "name", name, "err", err->text);
    }
}

/* ---- when ---- */

static const struct moon_played_node *node_of(const struct moon_player_pod *p)
{
    const struct moon_object *node =
        moon_store_get(moon_informer_store(p->player->nodes), NULL, p->pod->node_name);
    return node != NULL ? moon_played_node(node) : NULL;
}

static bool is_waiting(const struct moon_player_pod *p)
{
    return !moon_list_is_empty(&p->waiting);
}

static void stop_waiting(struct moon_player_pod *p)
{
    if (is_waiting(p)) {
        moon_list_remove(&p->waiting);
        p->player->waiting_count--;
    }
}

/* Nothing happens on a node that is not there, or down: its pods stay as they are. One that is
 * shutting down only ends those it has. */
static bool is_held(const struct moon_player_pod *p, const struct moon_played_node *node)
{
    bool is_ending = p->life.reason != NULL && p->life.stage < MOON_KUBELET_SUCCEEDED;
    return node == NULL || node->orders.is_down || (node->orders.is_shut_down && !is_ending);
}

bool moon_player_records(const struct moon_player *player)
{
    return moon_store_count(moon_informer_store(player->nodes)) <= player->opts.event_nodes;
}

static void tell_sigterm(struct moon_player_pod *p)
{
    if (p->life.sigterm_at != 0 && !p->told_sigterm) {
        p->told_sigterm = true;
        if (moon_player_records(p->player)) {
            moon_kubelet_events_stop(p->player->recorder, p->pod, &p->life);
        }
    }
}

void moon_player_arm(struct moon_player_pod *p)
{
    tell_sigterm(p);
    if (p->call != NULL) {
        return;
    }
    if (p->life.due == MOON_KUBELET_NEVER || is_held(p, node_of(p))) {
        moon_timer_stop(p->timer);
        stop_waiting(p);
    } else if (!is_waiting(p)) {
        uint64_t now = moon_loop_now(p->player->loop);
        uint64_t due = p->life.due > p->not_before ? p->life.due : p->not_before;
        moon_timer_start(p->timer, due > now ? due - now : 0);
    }
}

struct moon_player_pod *moon_player_pod(const struct moon_player *player,
                                        const struct moon_object *pod)
{
    return moon_map_get(player->pods_by_uid, moon_str(pod->uid));
}

struct moon_kubelet_place moon_player_place(const struct moon_player_pod *p)
{
    const struct moon_player *player = p->player;
    const struct moon_played_node *node = node_of(p);
    return (struct moon_kubelet_place){
        .opts = &player->opts.kubelet,
        .node = node,
        .images = node != NULL ? moon_hosts_images(player->hosts, node) : NULL,
        .now_ms = moon_loop_now(player->loop),
        .now_s = moon_loop_wall_ms(player->loop) / 1000};
}

/* ---- writing ---- */

static void pump(struct moon_player *player);

static void write_failed(struct moon_player_pod *p, const struct moon_err *err)
{
    if (err->code == MOON_E_NOT_FOUND) {
        p->life.due = MOON_KUBELET_NEVER; /* gone: the watch will tell */
        return;
    }
    p->failures++;
    p->not_before = moon_loop_now(p->player->loop) + moon_player_retry_ms(p->failures, err);
    /* A conflict is another pod under this name (the watch will tell), or a crowd of writers. */
    if (err->code != MOON_E_CONFLICT) {
        moon_player_complain(p->player, "a pod's write failed, will be tried again",
                             p->pod->meta.name, err);
    }
}

/* The answer is newer than what the watch has told so far. May end `p`. */
static void take_answer(struct moon_player *player, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err err;
    if (moon_object_project(&moon_kind_played_pod, body, &object, &err) == 0 && object != NULL) {
        (void)moon_store_put_write(moon_informer_store(player->pods), object);
    }
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_player_pod *p = MOON_CAST(moon_player_pod, ctx, PLAYED_MAGIC);
    struct moon_player *player = p->player;
    p->call = NULL;
    player->in_flight--;
    if (err != NULL) {
        write_failed(p, err);
        moon_player_arm(p);
    } else {
        bool is_patch = p->life.told != MOON_KUBELET_REMOVED;
        p->failures = 0;
        p->not_before = 0;
        struct moon_kubelet_place place = moon_player_place(p);
        enum moon_kubelet_stage before = p->life.stage;
        uint32_t restarts = p->life.run.restarts;
        moon_kubelet_done(&p->life, &place, p->pod);
        if (moon_player_records(player)) {
            moon_kubelet_events_pod(player->recorder, p->pod, before, restarts, &p->life);
        }
        moon_player_arm(p);
        if (is_patch) {
            take_answer(player, answer->body);
        }
    }
    pump(player);
}

static void give_ip(struct moon_player_pod *p)
{
    struct moon_player *player = p->player;
    if (p->life.ip == 0) {
        player->last_pod_ip = POD_NET | ((player->last_pod_ip + 1) & ~POD_NET_MASK);
        p->life.ip = player->last_pod_ip;
    }
}

/* What its node has taken: those that have been told to it, or are just being. */
static void collect_admitted(const struct moon_player_pod *p, struct moon_admitted *ret)
{
    size_t count;
    const struct moon_object *const *pods = moon_store_by_index(
        moon_informer_store(p->player->pods), MOON_PLAYER_PODS_BY_NODE, p->pod->node_name, &count);
    ret->items = moon_new_array(const struct moon_played_pod *, count);
    for (size_t i = 0; i < count; i++) {
        const struct moon_player_pod *other = moon_player_pod(p->player, pods[i]);
        if (other != NULL && other != p && other->life.is_admitted &&
            !moon_played_pod_has_ended(other->pod)) {
            ret->items[ret->count++] = other->pod;
        }
    }
}

static enum moon_kubelet_verb act(struct moon_player_pod *p, struct moon_buf *body)
{
    struct moon_kubelet_place place = moon_player_place(p);
    struct moon_admitted others = {0};
    if (!p->life.is_admitted) {
        collect_admitted(p, &others);
        place.others = &others;
    }
    enum moon_kubelet_verb verb = moon_kubelet_act(&p->life, &place, p->pod, body);
    moon_free(others.items);
    return verb;
}

static void send(struct moon_player_pod *p)
{
    struct moon_player *player = p->player;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    moon_assert(node_of(p) != NULL && p->call == NULL);
    give_ip(p);
    enum moon_kubelet_verb verb = act(p, &body);
    if (verb == MOON_KUBELET_NOTHING) {
        return;
    }
    bool is_patch = verb == MOON_KUBELET_PATCH;
    p->call = moon_client_send(
        player->opts.client,
        &(struct moon_request){.verb = is_patch ? MOON_VERB_PATCH_STRATEGIC : MOON_VERB_DELETE,
                               .resource = &moon_resource_pods,
                               .namespace = p->pod->meta.namespace,
                               .name = p->pod->meta.name,
                               .subresource = is_patch ? "status" : NULL,
                               .body = moon_buf_str(&body),
                               .on_done = on_done,
                               .ctx = p});
    player->in_flight++;
}

/* Not before the list is complete: until then we do not know which addresses are taken. */
static void pump(struct moon_player *player)
{
    while (moon_player_is_synced(player) && player->in_flight < MOON_PLAYER_POD_WRITES &&
           !moon_list_is_empty(&player->waiting)) {
        struct moon_player_pod *p =
            moon_container_of(player->waiting.next, struct moon_player_pod, waiting);
        stop_waiting(p);
        send(p);
    }
}

static void on_due(void *ctx)
{
    struct moon_player_pod *p = MOON_CAST(moon_player_pod, ctx, PLAYED_MAGIC);
    moon_assert(!is_waiting(p) && p->call == NULL);
    moon_list_append(&p->player->waiting, &p->waiting);
    p->player->waiting_count++;
    pump(p->player);
}

/* ---- pods come, change and go ---- */

static void played_free(void *value)
{
    struct moon_player_pod *p = MOON_CAST(moon_player_pod, value, PLAYED_MAGIC);
    stop_waiting(p);
    moon_timer_free(p->timer);
    if (p->call != NULL) {
        moon_client_cancel(p->call);
        p->player->in_flight--;
    }
    moon_kubelet_life_fini(&p->life);
    moon_object_unref(&p->pod->meta);
    p->magic = 0;
    moon_free(p);
}

static struct moon_player_pod *played_new(struct moon_player *player,
                                          const struct moon_played_pod *pod)
{
    struct moon_player_pod *p = moon_new(struct moon_player_pod);
    p->magic = PLAYED_MAGIC;
    p->player = player;
    p->pod = moon_played_pod(moon_object_ref(&pod->meta));
    p->timer = moon_timer_new(player->loop, on_due, p);
    moon_list_init(&p->waiting);
    return p;
}

static void log_wrong(const struct moon_played_pod *pod)
{
    if (pod->orders.wrong != NULL) {
        moon_warn(MOON_PLAYER_TOPIC, "not understood, ignored", "namespace", pod->meta.namespace,
                  "pod", pod->meta.name, "what", pod->orders.wrong);
    }
}

static void note_ip(struct moon_player *player, uint32_t ip)
{
    if ((ip & POD_NET_MASK) == POD_NET && ip > player->last_pod_ip) {
        player->last_pod_ip = ip;
    }
}

static void see_pod(struct moon_player *player, const struct moon_played_pod *pod)
{
    struct moon_str uid = moon_str(pod->meta.uid);
    struct moon_player_pod *p = moon_map_get(player->pods_by_uid, uid);
    if (p == NULL) {
        p = played_new(player, pod);
        moon_map_set(player->pods_by_uid, uid, p);
        log_wrong(pod);
        note_ip(player, pod->ip);
    } else {
        const struct moon_played_pod *old = p->pod;
        p->pod = moon_played_pod(moon_object_ref(&pod->meta));
        if (old->orders.wrong != pod->orders.wrong) {
            log_wrong(pod);
        }
        moon_object_unref(&old->meta);
    }
    struct moon_kubelet_place place = moon_player_place(p);
    moon_kubelet_see(&p->life, &place, pod);
    moon_player_arm(p);
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_player *player = MOON_CAST(moon_player, ctx, PLAYER_MAGIC);
    const struct moon_object *old = change->old_object;
    if (old != NULL && moon_played_pod(old)->ready) {
        player->ready_count--;
    }
    if (change->new_object == NULL) {
        moon_assert(old != NULL);
        (void)moon_map_remove(player->pods_by_uid, moon_str(old->uid));
        return;
    }
    const struct moon_played_pod *pod = moon_played_pod(change->new_object);
    player->ready_count += pod->ready ? 1 : 0;
    if (pod->node_name != NULL) {
        see_pod(player, pod);
    }
}

static void pod_keys(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                     void *ctx)
{
    add(moon_played_pod(object)->node_name, ctx);
}

/* ---- nodes come, change and go ---- */

static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_player *player = MOON_CAST(moon_player, ctx, PLAYER_MAGIC);
    moon_heartbeats_node(player->heartbeats, change);
    moon_hosts_node(player->hosts, change);
}

/* ---- life ---- */

static void on_trouble(const struct moon_err *err, void *ctx)
{
    (void)ctx;
    moon_warn(MOON_PLAYER_TOPIC, "watch failed, will be tried again", "err", err->text);
}

static void on_informer_synced(void *ctx)
{
    struct moon_player *player = MOON_CAST(moon_player, ctx, PLAYER_MAGIC);
    moon_heartbeats_pump(player->heartbeats);
    pump(player);
    if (moon_player_is_synced(player) && player->opts.on_synced != NULL) {
        player->opts.on_synced(player->opts.ctx);
    }
}

static void make_informers(struct moon_player *player)
{
    static const struct moon_index_opts by_node = {.name = "node", .keys = pod_keys};
    player->nodes = moon_informer_new(player->opts.client,
                                      &(struct moon_informer_opts){.kind = &moon_kind_played_node,
                                                                   .on_error = on_trouble,
                                                                   .on_synced = on_informer_synced,
                                                                   .ctx = player});
    player->pods = moon_informer_new(
        player->opts.client,
        &(struct moon_informer_opts){.kind = &moon_kind_played_pod,
                                     .indexes = &by_node,
                                     .index_count = 1,
                                     .field_selector =
                                         player->opts.with_unbound ? NULL : "spec.nodeName!=",
                                     .on_error = on_trouble,
                                     .on_synced = on_informer_synced,
                                     .ctx = player});
}

struct moon_player *moon_player_new(const struct moon_player_opts *opts)
{
    struct moon_player *player = moon_new(struct moon_player);
    player->magic = PLAYER_MAGIC;
    player->opts = *opts;
    player->loop = moon_client_loop(opts->client);
    player->pods_by_uid = moon_map_new(played_free);
    player->last_pod_ip = POD_NET;
    moon_list_init(&player->waiting);
    player->heartbeats = moon_heartbeats_new(player);
    player->hosts = moon_hosts_new(player);
    player->recorder = moon_recorder_new(opts->client, "kubelet");
    make_informers(player);
    moon_store_listen(moon_informer_store(player->nodes), on_node, player);
    moon_store_listen(moon_informer_store(player->pods), on_pod, player);
    moon_informer_start(player->nodes);
    moon_informer_start(player->pods);
    return player;
}

void moon_player_free(struct moon_player *player)
{
    if (player == NULL) {
        return;
    }
    moon_store_unlisten(moon_informer_store(player->nodes), on_node, player);
    moon_store_unlisten(moon_informer_store(player->pods), on_pod, player);
    moon_heartbeats_free(player->heartbeats);
    moon_map_free(player->pods_by_uid);
    moon_hosts_free(player->hosts);
    moon_recorder_free(player->recorder);
    moon_informer_free(player->pods);
    moon_informer_free(player->nodes);
    player->magic = 0;
    moon_free(player);
}

struct moon_store *moon_player_nodes(const struct moon_player *player)
{
    return moon_informer_store(player->nodes);
}

struct moon_store *moon_player_pods(const struct moon_player *player)
{
    return moon_informer_store(player->pods);
}

bool moon_player_is_synced(const struct moon_player *player)
{
    return moon_informer_is_synced(player->nodes) && moon_informer_is_synced(player->pods);
}

uint64_t moon_player_lateness_ms(const struct moon_player *player)
{
    return moon_heartbeats_lateness_ms(player->heartbeats);
}

void moon_player_count(const struct moon_player *player, struct moon_player_counts *ret)
{
    *ret = (struct moon_player_counts){
        .nodes = moon_store_count(moon_player_nodes(player)),
        .nodes_ready = moon_heartbeats_ready(player->heartbeats),
        .pods = moon_store_count(moon_player_pods(player)),
        .pods_ready = player->ready_count,
        .writes_waiting = player->waiting_count + moon_heartbeats_waiting(player->heartbeats)};
}
