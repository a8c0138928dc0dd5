/* SPDX-License-Identifier: Apache-2.0
 *
 * hosts.c - what happens to all pods of a node at once: its power, its shutdown, its pressure; and
 * the images it has.
 */
#include "base/log.h"
#include "sim/player_priv.h"
#include "sim/pressure.h"

enum {
    HOST_MAGIC = 0x686f7374,
    /* The kubelet gives up at most one pod each time it looks (its --housekeeping of evictions). */
    EVICTION_INTERVAL_MS = 10 * 1000,
    /* The kubelet's shutdownGracePeriod (30 s) and, of that, shutdownGracePeriodCriticalPods. */
    SHUTDOWN_MS = 20 * 1000,
    SHUTDOWN_CRITICAL_MS = 10 * 1000,
};

/* One node. */
struct host {
    unsigned magic;
    struct moon_hosts *all;
    moon_sym name;
    struct moon_images *images;
    struct moon_timer *eviction; /* runs while it is short of something */
};

struct moon_hosts {
    struct moon_player *player;
    struct moon_map *by_uid;
};

typedef void visit_fn(struct moon_player_pod *p, void *ctx);

static void visit_pods(const struct moon_player *player, moon_sym node, visit_fn *visit, void *ctx)
{
    size_t count;
    const struct moon_object *const *pods = moon_store_by_index(
        moon_informer_store(player->pods), MOON_PLAYER_PODS_BY_NODE, node, &count);
    for (size_t i = 0; i < count; i++) {
        struct moon_player_pod *p = moon_player_pod(player, pods[i]);
        if (p != NULL) {
            visit(p, ctx);
        }
    }
}

static void look_again(struct moon_player_pod *p, void *ctx)
{
    struct moon_kubelet_place place = moon_player_place(p);
    (void)ctx;
    moon_kubelet_see(&p->life, &place, p->pod);
    moon_player_arm(p);
}

/* ---- power ---- */

static void lose_power(struct moon_player_pod *p, void *ctx)
{
    struct moon_kubelet_place place = moon_player_place(p);
    (void)ctx;
    moon_kubelet_lose_power(&p->life, &place, p->pod);
}

/* ---- shutdown ---- */

/* Critical pods are told when the others have ended. */
struct shutdown {
    bool is_for_critical;
    uint64_t longest_ms;
};

static void shut_down(struct moon_player_pod *p, void *ctx)
{
    struct shutdown *shutdown = ctx;
    struct moon_kubelet_place place = moon_player_place(p);
    uint64_t grace_ms = p->pod->grace_s > 0 ? (uint64_t)p->pod->grace_s * 1000 : 0;
    uint64_t limit_ms = shutdown->is_for_critical ? SHUTDOWN_CRITICAL_MS : SHUTDOWN_MS;
    if (moon_admission_is_critical(p->pod) != shutdown->is_for_critical || !p->life.is_admitted) {
        return;
    }
    grace_ms = grace_ms < limit_ms ? grace_ms : limit_ms;
    if (shutdown->is_for_critical) {
        place.now_ms += shutdown->longest_ms;
    } else {
        uint64_t stop_ms = moon_kubelet_stop_ms(place.opts, p->pod, grace_ms);
        shutdown->longest_ms = stop_ms > shutdown->longest_ms ? stop_ms : shutdown->longest_ms;
    }
    moon_kubelet_end(&p->life, &place, p->pod, grace_ms, "Terminated",
                     "Pod was terminated in response to imminent node shutdown.");
}

static void shut_down_pods(struct host *host)
{
    struct shutdown shutdown = {0};
    visit_pods(host->all->player, host->name, shut_down, &shutdown);
    shutdown.is_for_critical = true;
    visit_pods(host->all->player, host->name, shut_down, &shutdown);
}

/* ---- pressure ---- */

struct candidates {
    const struct moon_played_pod **items;
    size_t count;
    size_t room;
};

static void add_candidate(struct moon_player_pod *p, void *ctx)
{
    struct candidates *all = ctx;
    if (p->life.reason != NULL || p->life.stage >= MOON_KUBELET_SUCCEEDED || !p->life.is_admitted) {
        return;
    }
    if (all->count == all->room) {
        all->room = all->room > 0 ? 2 * all->room : 16;
        all->items = moon_realloc_array(all->items, all->room, sizeof(*all->items));
    }
    all->items[all->count++] = p->pod;
}

static void evict(struct host *host, enum moon_pressure pressure)
{
    struct moon_player *player = host->all->player;
    struct candidates all = {0};
    visit_pods(player, host->name, add_candidate, &all);
    const struct moon_played_pod *victim = moon_pressure_victim(all.items, all.count, pressure);
    moon_free(all.items);
    if (victim == NULL) {
        return;
    }
    struct moon_player_pod *p = moon_player_pod(player, &victim->meta);
    struct moon_kubelet_place place = moon_player_place(p);
    moon_kubelet_end(&p->life, &place, p->pod, 0, "Evicted", moon_pressure_message(pressure));
    moon_player_arm(p);
}

static const struct moon_played_node *node_of(const struct host *host)
{
    const struct moon_object *node =
        moon_store_get(moon_informer_store(host->all->player->nodes), NULL, host->name);
    return node != NULL ? moon_played_node(node) : NULL;
}

static void on_eviction(void *ctx)
{
    struct host *host = MOON_CAST(host, ctx, HOST_MAGIC);
    const struct moon_played_node *node = node_of(host);
    if (node != NULL && node->orders.pressure != 0 && !moon_node_orders_is_silent(&node->orders)) {
        evict(host, moon_pressure_first(node->orders.pressure));
        moon_timer_start(host->eviction, EVICTION_INTERVAL_MS);
    }
}

/* ---- nodes come, change and go ---- */

static void host_free(void *value)
{
    struct host *host = MOON_CAST(host, value, HOST_MAGIC);
    moon_timer_free(host->eviction);
    moon_images_free(host->images);
    moon_sym_unref(host->name);
    host->magic = 0;
    moon_free(host);
}

static struct host *host_new(struct moon_hosts *all, const struct moon_object *node)
{
    struct host *host = moon_new(struct host);
    host->magic = HOST_MAGIC;
    host->all = all;
    host->name = moon_sym_ref(node->name);
    host->images = moon_images_new();
    host->eviction = moon_timer_new(all->player->loop, on_eviction, host);
    moon_map_set(all->by_uid, moon_str(node->uid), host);
    return host;
}

static void follow_orders(struct host *host, const struct moon_node_orders *old,
                          const struct moon_node_orders *new)
{
    struct moon_player *player = host->all->player;
    if (new->wrong != NULL &&new->wrong != old->wrong) {
        moon_warn(MOON_PLAYER_TOPIC, "not understood, ignored", "node", host->name, "what",
                  new->wrong);
    }
    if (new->is_off && !old->is_off) {
        visit_pods(player, host->name, lose_power, NULL);
    }
    if (new->is_shut_down && !old->is_shut_down) {
        shut_down_pods(host);
    }
    if (new->pressure != 0 && !moon_timer_is_active(host->eviction)) {
        moon_timer_start(host->eviction, 0);
    }
    visit_pods(player, host->name, look_again, NULL);
}

void moon_hosts_node(struct moon_hosts *all, const struct moon_change *change)
{
    static const struct moon_node_orders none = {.pull_time_ms = MOON_ORDER_NONE};
    const struct moon_object *old = change->old_object;
    const struct moon_object *new = change->new_object;
    if (new == NULL) {
        (void)moon_map_remove(all->by_uid, moon_str(old->uid));
        visit_pods(all->player, old->name, look_again, NULL);
        return;
    }
    struct host *host = moon_map_get(all->by_uid, moon_str(new->uid));
    const struct moon_node_orders *orders = &moon_played_node(new)->orders;
    const struct moon_node_orders *before =
        host != NULL && old != NULL ? &moon_played_node(old)->orders : &none;
    if (host == NULL) {
        follow_orders(host_new(all, new), before, orders);
    } else if (!moon_node_orders_equal(before, orders)) {
        follow_orders(host, before, orders);
    }
}

struct moon_images *moon_hosts_images(const struct moon_hosts *all,
                                      const struct moon_played_node *node)
{
    const struct host *host = moon_map_get(all->by_uid, moon_str(node->meta.uid));
    return host != NULL ? host->images : NULL;
}

/* ---- life ---- */

struct moon_hosts *moon_hosts_new(struct moon_player *player)
{
    struct moon_hosts *all = moon_new(struct moon_hosts);
    all->player = player;
    all->by_uid = moon_map_new(host_free);
    return all;
}

void moon_hosts_free(struct moon_hosts *all)
{
    if (all == NULL) {
        return;
    }
    moon_map_free(all->by_uid);
    moon_free(all);
}
