/* SPDX-License-Identifier: Apache-2.0
 *
 * heartbeat.c - what kubelets say of their nodes: labels once, status every 5 min and whenever the
 * API server has another opinion, a lease every few seconds.
 *
 * A kubelet's lease is the cheap proof of life (kubernetes.io/docs/concepts/architecture/leases);
 * the node lifecycle controller marks a node unreachable when neither has been renewed for 40 s.
 */
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "io/json.h"
#include "sim/kubelet_events.h"
#include "sim/player_priv.h"

enum {
    HEART_MAGIC = 0x68656172,
    STATUS_INTERVAL_MS = 5 * 60 * 1000,
    LEASE_DURATION_S = 40,
    /* As kubelets do; with very many nodes less often, or a small API server would have no time for
     * anything else. A node counts as lost after 40 s. */
    LEASE_INTERVAL_MS = 10 * 1000,
    LEASE_MAX_INTERVAL_MS = 25 * 1000,
    LEASES_PER_S = 200,
    BODY_MAX = 16 * 1024
};

#define LEASE_NAMESPACE "kube-node-lease"
/* Some tools parse it; it says what the simulated kubelets behave like. */
#define KUBELET_VERSION "v1.20.2+moonset"
#define NODE_NET 0xac100000u
#define NODE_NET_MASK 0xfff00000u
#define NEVER UINT64_MAX

enum write {
    WRITE_LABELS,
    WRITE_STATUS,
    WRITE_LEASE
};
#define WRITES (WRITE_LEASE + 1)

struct heart {
    unsigned magic;
    struct moon_heartbeats *all;
    const struct moon_played_node *node; /* a reference */
    /* The node as it was when the last write went out, a reference; NULL: none has. The watch may
     * tell of a write before its answer does. */
    const struct moon_played_node *before;
    uint64_t due[WRITES];
    bool has_lease;         /* as far as we know; else create it */
    uint64_t lease_version; /* of our last write of it; 0: not known, then patch it */
    bool is_shared;         /* somebody else writes the lease, too: only patch it */
    bool has_details;       /* addresses and so on have been told */
    uint32_t ip;
    struct moon_timer *timer;
    struct moon_list waiting;
    uint64_t since_ms; /* in that list */
    struct moon_client_call *call;
    enum write sent;
    unsigned failures;
};

struct moon_heartbeats {
    struct moon_player *player;
    struct moon_map *by_uid;
    struct moon_list urgent;  /* nodes that nobody can use before they are written */
    struct moon_list waiting; /* the others */
    size_t waiting_count;     /* in both */
    size_t in_flight;
    size_t ready_count;
    uint32_t last_ip;
};

/* ---- when ---- */

static void stop_waiting(struct heart *heart)
{
    if (!moon_list_is_empty(&heart->waiting)) {
        moon_list_remove(&heart->waiting);
        heart->all->waiting_count--;
    }
}

static enum write next_write(const struct heart *heart)
{
    enum write first = WRITE_LABELS;
    for (int w = WRITE_STATUS; w < WRITES; w++) {
        first = heart->due[w] < heart->due[first] ? (enum write)w : first;
    }
    return first;
}

/* One that shuts down has a last word. */
static bool is_silent(const struct moon_played_node *node)
{
    return node->orders.is_down || (node->orders.is_shut_down && !node->is_ready);
}

static void arm(struct heart *heart)
{
    uint64_t due = heart->due[next_write(heart)];
    if (heart->call != NULL) {
        return;
    }
    if (due == NEVER || is_silent(heart->node)) {
        moon_timer_stop(heart->timer);
        stop_waiting(heart);
    } else if (moon_list_is_empty(&heart->waiting)) {
        uint64_t now = moon_loop_now(heart->all->player->loop);
        moon_timer_start(heart->timer, due > now ? due - now : 0);
    }
}

/* ---- labels ---- */

struct label {
    const char *key;
    const char *value; /* NULL: the node's name */
};

/* Those a kubelet puts on its node when it registers. */
static const struct label own_labels[] = {
    {"kubernetes.io/arch", "amd64"},
    {"kubernetes.io/hostname", NULL},
    {"kubernetes.io/os", "linux"},
};

static bool has_all_labels(const struct moon_played_node *node)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(own_labels); i++) {
        if (moon_labels_get(&node->meta.labels, own_labels[i].key) == NULL) {
            return false;
        }
    }
    return true;
}

static void write_labels(const struct moon_played_node *node, struct moon_buf *out)
{
    const char *separator = "";
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\",\"labels\":{", node->meta.uid);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(own_labels); i++) {
        const struct label *label = &own_labels[i];
        if (moon_labels_get(&node->meta.labels, label->key) == NULL) {
            moon_buf_printf(out, "%s\"%s\":\"%s\"", separator, label->key,
                            label->value != NULL ? label->value : node->meta.name);
            separator = ",";
        }
    }
    moon_buf_puts(out, "}}}");
}

/* ---- status ---- */

struct saying {
    bool is_true;
    const char *reason;
    const char *message;
};

static struct saying say_ready(const struct moon_node_orders *orders)
{
    return orders->is_shut_down
               ? (struct saying){false, "KubeletNotReady", "node is shutting down"}
               : (struct saying){true, "KubeletReady", "kubelet is posting ready status"};
}

static struct saying say_pressure(const struct moon_node_orders *orders, enum moon_pressure type)
{
    static const struct saying bad[MOON_PRESSURES] = {
        [MOON_PRESSURE_MEMORY] = {true, "KubeletHasInsufficientMemory",
                                  "kubelet has insufficient memory available"},
        [MOON_PRESSURE_DISK] = {true, "KubeletHasDiskPressure", "kubelet has disk pressure"},
        [MOON_PRESSURE_PID] = {true, "KubeletHasInsufficientPID",
                               "kubelet has insufficient PID available"},
    };
    static const struct saying good[MOON_PRESSURES] = {
        [MOON_PRESSURE_MEMORY] = {false, "KubeletHasSufficientMemory",
                                  "kubelet has sufficient memory available"},
        [MOON_PRESSURE_DISK] = {false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
        [MOON_PRESSURE_PID] = {false, "KubeletHasSufficientPID",
                               "kubelet has sufficient PID available"},
    };
    return (orders->pressure & 1u << type) != 0 ? bad[type] : good[type];
}

/* lastTransitionTime is sent only where the status changes. */
static void write_condition(const struct moon_played_node *node, enum moon_node_condition type,
                            struct saying saying, int64_t now_s, struct moon_buf *out)
{
    char now[MOON_TIME_TEXT];
    enum moon_condition status = saying.is_true ? MOON_CONDITION_TRUE : MOON_CONDITION_FALSE;
    (void)moon_time_format(now_s, now);
    moon_buf_printf(out,
                    "{\"type\":\"%s\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":\"%s\","
                    "\"lastHeartbeatTime\":\"%s\"",
                    moon_node_condition_name(type), saying.is_true ? "True" : "False",
                    saying.reason, saying.message, now);
    if (node->conditions[type] != status) {
        moon_buf_printf(out, ",\"lastTransitionTime\":\"%s\"", now);
    }
    moon_buf_putc(out, '}');
}

static void write_conditions(const struct heart *heart, int64_t now_s, struct moon_buf *out)
{
    static const enum moon_node_condition pressures[MOON_PRESSURES] = {
        [MOON_PRESSURE_MEMORY] = MOON_NODE_MEMORY_PRESSURE,
        [MOON_PRESSURE_DISK] = MOON_NODE_DISK_PRESSURE,
        [MOON_PRESSURE_PID] = MOON_NODE_PID_PRESSURE,
    };
    const struct moon_played_node *node = heart->node;
    moon_buf_puts(out, "\"conditions\":[");
    for (int i = 0; i < MOON_PRESSURES; i++) {
        write_condition(node, pressures[i], say_pressure(&node->orders, (enum moon_pressure)i),
                        now_s, out);
        moon_buf_putc(out, ',');
    }
    write_condition(node, MOON_NODE_READY, say_ready(&node->orders), now_s, out);
    moon_buf_putc(out, ']');
}

static void write_details(const struct heart *heart, struct moon_buf *out)
{
    const char *name = heart->node->meta.name;
    const char *uid = heart->node->meta.uid;
    char ip[MOON_PLAYED_IP_TEXT];
    moon_buf_printf(out,
                    ",\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"%s\"},"
                    "{\"type\":\"Hostname\",\"address\":\"%s\"}]",
                    moon_played_ip_format(heart->ip, ip), name);
    moon_buf_printf(out,
                    ",\"nodeInfo\":{\"machineID\":\"%s\",\"systemUUID\":\"%s\",\"bootID\":\"%s\","
                    "\"kernelVersion\":\"simulated\",\"osImage\":\"moonset sim\","
                    "\"containerRuntimeVersion\":\"simulated://" MOONSET_VERSION "\","
                    "\"kubeletVersion\":\"" KUBELET_VERSION "\","
                    "\"kubeProxyVersion\":\"" KUBELET_VERSION "\","
                    "\"operatingSystem\":\"linux\",\"architecture\":\"amd64\"}",
                    uid, uid, uid);
    moon_buf_puts(out, ",\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10250}}");
    if (!heart->node->has_capacity) {
        moon_buf_puts(out, ",\"capacity\":" MOON_PLAYED_CAPACITY
                           ",\"allocatable\":" MOON_PLAYED_CAPACITY);
    }
}

static void give_ip(struct heart *heart)
{
    struct moon_heartbeats *all = heart->all;
    if (heart->ip == 0) {
        all->last_ip = NODE_NET | ((all->last_ip + 1) & ~NODE_NET_MASK);
        heart->ip = all->last_ip;
    }
}

static void write_status(struct heart *heart, int64_t now_s, struct moon_buf *out)
{
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{", heart->node->meta.uid);
    write_conditions(heart, now_s, out);
    if (!heart->has_details) {
        give_ip(heart);
        write_details(heart, out);
    }
    moon_buf_puts(out, "}}");
}

/* ---- lease ---- */

/* A whole lease with the version we know is what a kubelet sends, and cheaper for the server than
 * a patch. */
static enum moon_verb lease_verb(const struct heart *heart)
{
    if (!heart->has_lease) {
        return MOON_VERB_CREATE;
    }
    return heart->lease_version > 0 ? MOON_VERB_UPDATE : MOON_VERB_PATCH_MERGE;
}

static void write_lease(const struct heart *heart, int64_t wall_ms, struct moon_buf *out)
{
    const struct moon_object *node = &heart->node->meta;
    enum moon_verb verb = lease_verb(heart);
    char now[MOON_TIME_TEXT];
    moon_buf_putc(out, '{');
    if (verb != MOON_VERB_PATCH_MERGE) {
        moon_buf_printf(out,
                        "\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":"
                        "{\"name\":\"%s\",\"namespace\":\"" LEASE_NAMESPACE "\","
                        "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Node\","
                        "\"name\":\"%s\",\"uid\":\"%s\"}]",
                        node->name, node->name, node->uid);
        if (verb == MOON_VERB_UPDATE) {
            moon_buf_printf(out, ",\"resourceVersion\":\"%llu\"",
                            (unsigned long long)heart->lease_version);
        }
        moon_buf_puts(out, "},");
    }
    moon_buf_printf(out,
                    "\"spec\":{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":%d,"
                    "\"renewTime\":\"%s\"}}",
                    node->name, LEASE_DURATION_S, moon_time_format_micro(wall_ms * 1000, now));
}

/* ---- sending ---- */

static uint64_t lease_interval(const struct moon_player *player)
{
    uint64_t nodes = moon_store_count(moon_informer_store(player->nodes));
    uint64_t interval_ms = nodes * 1000 / LEASES_PER_S;
    if (player->opts.heartbeat_ms != MOON_PLAYER_HEARTBEAT_AUTO) {
        return player->opts.heartbeat_ms;
    }
    interval_ms = interval_ms > LEASE_INTERVAL_MS ? interval_ms : LEASE_INTERVAL_MS;
    return interval_ms < LEASE_MAX_INTERVAL_MS ? interval_ms : LEASE_MAX_INTERVAL_MS;
}

static void plan_after(struct heart *heart, enum write done)
{
    const struct moon_player *player = heart->all->player;
    uint64_t now = moon_loop_now(player->loop);
    uint64_t heartbeat_ms = player->opts.heartbeat_ms;
    switch (done) {
    case WRITE_LABELS:
        heart->due[done] = NEVER;
        break;
    case WRITE_STATUS:
        heart->due[done] =
            heartbeat_ms > 0 ? now + moon_random_jitter(STATUS_INTERVAL_MS, 0.04) : NEVER;
        break;
    case WRITE_LEASE:
        heart->due[done] = now + moon_random_jitter(lease_interval(player), 0.04);
        break;
    }
}

static void write_failed(struct heart *heart, const struct moon_err *err)
{
    struct moon_player *player = heart->all->player;
    if (heart->sent == WRITE_LEASE && err->code == MOON_E_CONFLICT && heart->lease_version > 0) {
        heart->lease_version = 0;
        heart->is_shared = true;
        return; /* at once, as a patch */
    }
    if (heart->sent == WRITE_LEASE &&
        (err->code == MOON_E_EXISTS || (heart->has_lease && err->code == MOON_E_NOT_FOUND))) {
        heart->has_lease = err->code == MOON_E_EXISTS;
        heart->lease_version = 0;
        return; /* at once, the other way */
    }
    if (heart->sent != WRITE_LEASE && err->code == MOON_E_NOT_FOUND) {
        heart->due[heart->sent] = NEVER; /* the node is gone: the watch will tell */
        return;
    }
    heart->failures++;
    heart->due[heart->sent] =
        moon_loop_now(player->loop) + moon_player_retry_ms(heart->failures, err);
    moon_player_complain(player,
                         heart->sent == WRITE_LEASE
                             ? "a node's lease was not renewed, will be tried again"
                             : "a node's write failed, will be tried again",
                         heart->node->meta.name, err);
}

/* 0: it cannot be told. */
static uint64_t version_of(struct moon_str object)
{
    struct moon_str text;
    uint64_t version = 0;
    if (moon_json_find(object, MOON_JSON_PATH("metadata", "resourceVersion"), &text) &&
        text.len > 2) {
        (void)moon_parse_u64((struct moon_str){text.ptr + 1, text.len - 2}, &version);
    }
    return version;
}

/* The answer is newer than what the watch has told so far. May end the heart. */
static void take_answer(struct heart *heart, enum write sent, struct moon_str body)
{
    struct moon_player *player = heart->all->player;
    struct moon_object *object;
    struct moon_err err;
    if (moon_object_project(&moon_kind_played_node, body, &object, &err) == 0 && object != NULL) {
        if (sent == WRITE_STATUS && moon_player_records(player)) {
            moon_kubelet_events_node(player->recorder, heart->before, moon_played_node(object));
        }
        (void)moon_store_put_write(moon_informer_store(player->nodes), object);
    }
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct heart *heart = MOON_CAST(heart, ctx, HEART_MAGIC);
    struct moon_heartbeats *all = heart->all;
    heart->call = NULL;
    all->in_flight--;
    if (err != NULL) {
        write_failed(heart, err);
        arm(heart);
    } else {
        enum write sent = heart->sent;
        heart->failures = 0;
        if (sent == WRITE_LEASE) {
            heart->has_lease = true;
            heart->lease_version = heart->is_shared ? 0 : version_of(answer->body);
        }
        heart->has_details = heart->has_details || sent == WRITE_STATUS;
        plan_after(heart, sent);
        arm(heart);
        if (sent != WRITE_LEASE) {
            take_answer(heart, sent, answer->body);
        }
    }
    moon_heartbeats_pump(all);
}

static void forget_before(struct heart *heart)
{
    if (heart->before != NULL) {
        moon_object_unref(&heart->before->meta);
        heart->before = NULL;
    }
}

static void send(struct heart *heart)
{
    struct moon_player *player = heart->all->player;
    int64_t wall_ms = moon_loop_wall_ms(player->loop);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    struct moon_request request = {.verb = MOON_VERB_PATCH_STRATEGIC,
                                   .resource = &moon_resource_nodes,
                                   .name = heart->node->meta.name,
                                   .on_done = on_done,
                                   .ctx = heart};
    moon_assert(heart->call == NULL);
    forget_before(heart);
    heart->before = moon_played_node(moon_object_ref(&heart->node->meta));
    heart->sent = next_write(heart);
    switch (heart->sent) {
    case WRITE_LABELS:
        write_labels(heart->node, &body);
        break;
    case WRITE_STATUS:
        request.subresource = "status";
        write_status(heart, wall_ms / 1000, &body);
        break;
    case WRITE_LEASE:
        request.verb = lease_verb(heart);
        request.resource = &moon_resource_leases;
        request.namespace = LEASE_NAMESPACE;
        request.name = heart->has_lease ? heart->node->meta.name : NULL;
        write_lease(heart, wall_ms, &body);
        break;
    }
    request.body = moon_buf_str(&body);
    heart->call = moon_client_send(player->opts.client, &request);
    heart->all->in_flight++;
}

/* Not before the list is complete: until then we do not know which addresses are taken. */
void moon_heartbeats_pump(struct moon_heartbeats *all)
{
    while (moon_informer_is_synced(all->player->nodes) &&
           all->in_flight < MOON_PLAYER_NODE_WRITES && all->waiting_count > 0) {
        struct moon_list *list = moon_list_is_empty(&all->urgent) ? &all->waiting : &all->urgent;
        struct heart *heart = moon_container_of(list->next, struct heart, waiting);
        stop_waiting(heart);
        send(heart);
    }
}

static void on_due(void *ctx)
{
    struct heart *heart = MOON_CAST(heart, ctx, HEART_MAGIC);
    moon_assert(moon_list_is_empty(&heart->waiting) && heart->call == NULL);
    struct moon_heartbeats *all = heart->all;
    bool is_urgent = !heart->node->is_ready && next_write(heart) != WRITE_LEASE;
    moon_list_append(is_urgent ? &all->urgent : &all->waiting, &heart->waiting);
    heart->since_ms = moon_loop_now(all->player->loop);
    all->waiting_count++;
    moon_heartbeats_pump(all);
}

/* ---- nodes come, change and go ---- */

/* A node that is ready already had a player before: its heartbeats go on, spread over the interval
 * so that thousands of nodes do not beat as one. Any other is told ready as soon as possible. */
static void plan_first(struct heart *heart)
{
    const struct moon_player *player = heart->all->player;
    uint64_t now = moon_loop_now(player->loop);
    uint64_t heartbeat_ms = player->opts.heartbeat_ms;
    bool is_ready = heart->node->is_ready;
    heart->has_details = is_ready && heart->node->has_capacity;
    heart->due[WRITE_LABELS] = has_all_labels(heart->node) ? NEVER : now;
    heart->due[WRITE_STATUS] = now;
    heart->due[WRITE_LEASE] = NEVER;
    if (is_ready) {
        heart->due[WRITE_STATUS] =
            heartbeat_ms > 0 ? now + moon_random_below(STATUS_INTERVAL_MS) : NEVER;
    }
    if (heartbeat_ms > 0) {
        heart->due[WRITE_LEASE] = now + moon_random_below(lease_interval(player));
    }
}

static void heart_free(void *value)
{
    struct heart *heart = MOON_CAST(heart, value, HEART_MAGIC);
    stop_waiting(heart);
    moon_timer_free(heart->timer);
    if (heart->call != NULL) {
        moon_client_cancel(heart->call);
        heart->all->in_flight--;
    }
    forget_before(heart);
    moon_object_unref(&heart->node->meta);
    heart->magic = 0;
    moon_free(heart);
}

static struct heart *heart_new(struct moon_heartbeats *all, const struct moon_played_node *node)
{
    struct heart *heart = moon_new(struct heart);
    heart->magic = HEART_MAGIC;
    heart->all = all;
    heart->node = moon_played_node(moon_object_ref(&node->meta));
    heart->timer = moon_timer_new(all->player->loop, on_due, heart);
    heart->ip = node->ip;
    moon_list_init(&heart->waiting);
    if ((node->ip & NODE_NET_MASK) == NODE_NET && node->ip > all->last_ip) {
        all->last_ip = node->ip;
    }
    return heart;
}

static void see_change(struct heart *heart, const struct moon_played_node *node)
{
    const struct moon_played_node *old = heart->node;
    uint64_t now = moon_loop_now(heart->all->player->loop);
    bool came_back = is_silent(old) && !is_silent(node);
    bool has_news = old->orders.pressure != node->orders.pressure ||
                    old->orders.is_shut_down != node->orders.is_shut_down;
    heart->node = moon_played_node(moon_object_ref(&node->meta));
    /* Not ready: the node lifecycle controller had not heard of it for too long. */
    if (came_back || has_news || !node->is_ready) {
        heart->due[WRITE_STATUS] = now;
    }
    if (came_back && heart->due[WRITE_LEASE] != NEVER) {
        heart->due[WRITE_LEASE] = now;
    }
    moon_object_unref(&old->meta);
}

void moon_heartbeats_node(struct moon_heartbeats *all, const struct moon_change *change)
{
    if (change->old_object != NULL) {
        all->ready_count -= moon_played_node(change->old_object)->is_ready ? 1 : 0;
    }
    if (change->new_object == NULL) {
        moon_assert(change->old_object != NULL);
        (void)moon_map_remove(all->by_uid, moon_str(change->old_object->uid));
        return;
    }
    const struct moon_played_node *node = moon_played_node(change->new_object);
    struct heart *heart = moon_map_get(all->by_uid, moon_str(node->meta.uid));
    all->ready_count += node->is_ready ? 1 : 0;
    if (heart == NULL) {
        heart = heart_new(all, node);
        plan_first(heart);
        moon_map_set(all->by_uid, moon_str(node->meta.uid), heart);
    } else {
        see_change(heart, node);
    }
    arm(heart);
}

/* ---- life ---- */

struct moon_heartbeats *moon_heartbeats_new(struct moon_player *player)
{
    struct moon_heartbeats *all = moon_new(struct moon_heartbeats);
    all->player = player;
    all->by_uid = moon_map_new(heart_free);
    all->last_ip = NODE_NET;
    moon_list_init(&all->urgent);
    moon_list_init(&all->waiting);
    return all;
}

void moon_heartbeats_free(struct moon_heartbeats *all)
{
    if (all == NULL) {
        return;
    }
    moon_map_free(all->by_uid);
    moon_free(all);
}

size_t moon_heartbeats_waiting(const struct moon_heartbeats *all)
{
    return all->waiting_count;
}

static uint64_t first_waits_ms(const struct moon_heartbeats *all, const struct moon_list *list)
{
    if (moon_list_is_empty(list)) {
        return 0;
    }
    const struct heart *first = moon_container_of(list->next, struct heart, waiting);
    return moon_loop_now(all->player->loop) - first->since_ms;
}

uint64_t moon_heartbeats_lateness_ms(const struct moon_heartbeats *all)
{
    uint64_t urgent_ms = first_waits_ms(all, &all->urgent);
    uint64_t waiting_ms = first_waits_ms(all, &all->waiting);
    return urgent_ms > waiting_ms ? urgent_ms : waiting_ms;
}

size_t moon_heartbeats_ready(const struct moon_heartbeats *all)
{
    return all->ready_count;
}
