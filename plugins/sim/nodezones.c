/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/nodezones.h"

#include "base/map.h"
#include "io/loop.h"

enum {
    ZONE_MAGIC = 0x7a6f6e65,
    /* kube-controller-manager's --large-cluster-size-threshold, --unhealthy-zone-threshold,
     * and its secondary rate of a tenth of the first. */
    LARGE_ZONE = 50,
    DISTURBED_PERCENT = 55,
    DISTURBED_MIN = 3,
    SLOWER = 10,
};

enum state {
    STATE_NORMAL,
    STATE_DISTURBED,
    STATE_DEAD, /* no node is ready */
};

struct moon_nodezone {
    unsigned magic;
    struct moon_nodezones *all;
    size_t total;
    size_t ready;
    struct moon_list queue; /* struct moon_nodezones_node */
    struct moon_timer *timer;
    uint64_t next_turn;
};

struct moon_nodezones {
    struct moon_nodezones_opts opts;
    struct moon_map *zones; /* by region and zone */
    bool is_blackout;
};

static enum state state_of(const struct moon_nodezone *zone)
{
    size_t broken = zone->total - zone->ready;
    if (zone->ready == 0) {
        return STATE_DEAD;
    }
    return broken >= DISTURBED_MIN && broken * 100 >= zone->total * DISTURBED_PERCENT
               ? STATE_DISTURBED
               : STATE_NORMAL;
}

/* Between two nodes; UINT64_MAX: none at all. A dead zone goes at full speed while others live. */
static uint64_t interval(const struct moon_nodezone *zone)
{
    uint64_t interval_ms = zone->all->opts.interval_ms;
    if (zone->all->is_blackout) {
        return UINT64_MAX;
    }
    if (state_of(zone) != STATE_DISTURBED) {
        return interval_ms;
    }
    return zone->total > LARGE_ZONE ? interval_ms * SLOWER : UINT64_MAX;
}

/* ---- turns ---- */

static void arm(struct moon_nodezone *zone)
{
    uint64_t now = moon_loop_now(zone->all->opts.loop);
    if (moon_list_is_empty(&zone->queue) || interval(zone) == UINT64_MAX) {
        moon_timer_stop(zone->timer);
    } else if (!moon_timer_is_active(zone->timer)) {
        moon_timer_start(zone->timer, zone->next_turn > now ? zone->next_turn - now : 0);
    }
}

static void on_timer(void *ctx)
{
    struct moon_nodezone *zone = MOON_CAST(moon_nodezone, ctx, ZONE_MAGIC);
    struct moon_nodezones *all = zone->all;
    uint64_t interval_ms = interval(zone);
    if (moon_list_is_empty(&zone->queue) || interval_ms == UINT64_MAX) {
        return;
    }
    struct moon_nodezones_node *node =
        moon_container_of(zone->queue.next, struct moon_nodezones_node, queue);
    moon_list_remove(&node->queue);
    node->had_turn = true;
    zone->next_turn = moon_loop_now(all->opts.loop) + interval_ms;
    arm(zone);
    all->opts.on_turn(node, all->opts.ctx);
}

/* ---- zones ---- */

static void zone_free(void *value)
{
    struct moon_nodezone *zone = MOON_CAST(moon_nodezone, value, ZONE_MAGIC);
    moon_timer_free(zone->timer);
    zone->magic = 0;
    moon_free(zone);
}

static const char *label(const struct moon_played_node *node, const char *key, const char *old_key)
{
    const char *value = moon_labels_get(&node->meta.labels, key);
    value = value != NULL ? value : moon_labels_get(&node->meta.labels, old_key);
    return value != NULL ? value : "";
}

static struct moon_nodezone *zone_of(struct moon_nodezones *all,
                                     const struct moon_played_node *node)
{
    MOON_AUTOFREE char *key = moon_asprintf(
        "%s/%s",
        label(node, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
        label(node, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"));
    struct moon_nodezone *zone = moon_map_get(all->zones, moon_str(key));
    if (zone == NULL) {
        zone = moon_new(struct moon_nodezone);
        zone->magic = ZONE_MAGIC;
        zone->all = all;
        zone->timer = moon_timer_new(all->opts.loop, on_timer, zone);
        moon_list_init(&zone->queue);
        moon_map_set(all->zones, moon_str(key), zone);
    }
    return zone;
}

static void arm_all(struct moon_nodezones *all)
{
    size_t pos = 0;
    struct moon_str key;
    void *value;
    while (moon_map_next(all->zones, &pos, &key, &value)) {
        struct moon_nodezone *zone = value;
        moon_timer_stop(zone->timer);
        arm(zone);
    }
}

static void update_blackout(struct moon_nodezones *all)
{
    size_t pos = 0;
    size_t total = 0;
    size_t ready = 0;
    struct moon_str key;
    void *value;
    while (moon_map_next(all->zones, &pos, &key, &value)) {
        const struct moon_nodezone *zone = value;
        total += zone->total;
        ready += zone->ready;
    }
    bool is_blackout = total > 0 && ready == 0;
    if (is_blackout != all->is_blackout) {
        all->is_blackout = is_blackout;
        arm_all(all);
        all->opts.on_blackout(is_blackout, all->opts.ctx);
    }
}

/* ---- nodes ---- */

static void stop_waiting(struct moon_nodezones_node *node)
{
    if (!moon_list_is_empty(&node->queue)) {
        moon_list_remove(&node->queue);
    }
}

void moon_nodezones_see(struct moon_nodezones *z, struct moon_nodezones_node *node,
                        const struct moon_played_node *played)
{
    struct moon_nodezone *zone = zone_of(z, played);
    if (node->zone == NULL) {
        moon_list_init(&node->queue);
    } else if (zone == node->zone && played->is_ready == node->is_ready) {
        return;
    } else {
        node->zone->total--;
        node->zone->ready -= node->is_ready ? 1 : 0;
    }
    if (zone != node->zone || played->is_ready) {
        stop_waiting(node);
    }
    node->had_turn = node->had_turn && !played->is_ready;
    node->zone = zone;
    node->is_ready = played->is_ready;
    zone->total++;
    zone->ready += node->is_ready ? 1 : 0;
    arm(zone);
    update_blackout(z);
}

void moon_nodezones_leave(struct moon_nodezones *z, struct moon_nodezones_node *node)
{
    if (node->zone == NULL) {
        return;
    }
    stop_waiting(node);
    node->zone->total--;
    node->zone->ready -= node->is_ready ? 1 : 0;
    node->zone = NULL;
    update_blackout(z);
}

void moon_nodezones_wait(struct moon_nodezones *z, struct moon_nodezones_node *node)
{
    (void)z;
    moon_assert(node->zone != NULL);
    if (!node->had_turn && !node->is_ready && moon_list_is_empty(&node->queue)) {
        moon_list_append(&node->zone->queue, &node->queue);
        arm(node->zone);
    }
}

bool moon_nodezones_is_blackout(const struct moon_nodezones *z)
{
    return z->is_blackout;
}

/* ---- life ---- */

struct moon_nodezones *moon_nodezones_new(const struct moon_nodezones_opts *opts)
{
    struct moon_nodezones *z = moon_new(struct moon_nodezones);
    z->opts = *opts;
    z->zones = moon_map_new(zone_free);
    return z;
}

void moon_nodezones_free(struct moon_nodezones *z)
{
    if (z == NULL) {
        return;
    }
    moon_map_free(z->zones);
    moon_free(z);
}
