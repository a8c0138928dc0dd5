/* SPDX-License-Identifier: Apache-2.0
 *
 * podgc.c - a list of suspects, looked through from time to time.
 */
#include "sim/podgc.h"

#include <stdlib.h>

#include "base/map.h"
#include "sim/player_priv.h"

enum {
    PODGC_MAGIC = 0x706f6467,
    SUSPECT_MAGIC = 0x73757370,
    IN_FLIGHT = 64,
    SWEEP_INTERVAL_MS = 250,
    BODY_MAX = 1024,
};

struct suspect {
    unsigned magic;
    struct moon_podgc *gc;
    const struct moon_played_pod *pod; /* a reference */
    uint64_t since;
    bool is_surplus; /* one of too many that have ended */
    struct moon_client_call *call;
};

struct moon_podgc {
    unsigned magic;
    struct moon_podgc_opts opts;
    struct moon_loop *loop;
    struct moon_map *by_uid; /* struct suspect */
    struct moon_timer *sweep;
    size_t in_flight;
    size_t ended; /* pods in the store that have ended */
};

static void suspect_free(void *value)
{
    struct suspect *s = MOON_CAST(suspect, value, SUSPECT_MAGIC);
    if (s->call != NULL) {
        moon_client_cancel(s->call);
        s->gc->in_flight--;
    }
    moon_object_unref(&s->pod->meta);
    s->magic = 0;
    moon_free(s);
}

static bool is_stranded(const struct moon_podgc *gc, const struct moon_played_pod *pod)
{
    if (pod->is_ending) {
        return false; /* deleted already; only finalizers hold it */
    }
    return pod->node_name == NULL ? pod->meta.deleted_s != 0
                                  : moon_store_get(gc->opts.nodes, NULL, pod->node_name) == NULL;
}

static bool has_surplus(const struct moon_podgc *gc)
{
    return gc->opts.max_ended > 0 && gc->ended > gc->opts.max_ended;
}

static void arm_sweep(struct moon_podgc *gc)
{
    if (!moon_timer_is_active(gc->sweep)) {
        moon_timer_start(gc->sweep, SWEEP_INTERVAL_MS);
    }
}

static struct suspect *suspect(struct moon_podgc *gc, const struct moon_played_pod *pod)
{
    struct moon_str uid = moon_str(pod->meta.uid);
    struct suspect *s = moon_map_get(gc->by_uid, uid);
    if (s != NULL) {
        moon_object_unref(&s->pod->meta);
        s->pod = moon_played_pod(moon_object_ref(&pod->meta));
        return s;
    }
    s = moon_new(struct suspect);
    s->magic = SUSPECT_MAGIC;
    s->gc = gc;
    s->pod = moon_played_pod(moon_object_ref(&pod->meta));
    s->since = moon_loop_now(gc->loop);
    moon_map_set(gc->by_uid, uid, s);
    arm_sweep(gc);
    return s;
}

/* ---- too many that have ended ---- */

static int by_age(const void *a, const void *b)
{
    const struct moon_object *left = *(const struct moon_object *const *)a;
    const struct moon_object *right = *(const struct moon_object *const *)b;
    if (left->created_s != right->created_s) {
        return left->created_s < right->created_s ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

static void suspect_surplus(struct moon_podgc *gc)
{
    const struct moon_object **ended = moon_new_array(const struct moon_object *, gc->ended);
    const struct moon_object *object;
    size_t pos = 0;
    size_t count = 0;
    while ((object = moon_store_next(gc->opts.pods, &pos)) != NULL) {
        if (moon_played_pod_has_ended(moon_played_pod(object))) {
            moon_assert(count < gc->ended);
            ended[count++] = object;
        }
    }
    qsort(ended, count, sizeof(*ended), by_age);
    for (size_t i = 0; i + gc->opts.max_ended < count; i++) {
        suspect(gc, moon_played_pod(ended[i]))->is_surplus = true;
    }
    moon_free(ended);
}

/* ---- deleting ---- */

/* What failed is tried again by the next sweep. */
static void on_deleted(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct suspect *s = MOON_CAST(suspect, ctx, SUSPECT_MAGIC);
    (void)answer;
    (void)err;
    s->call = NULL;
    s->since = moon_loop_now(s->gc->loop);
    s->gc->in_flight--;
}

static void delete_pod(struct suspect *s)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    moon_buf_printf(&body,
                    "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"gracePeriodSeconds\":0,"
                    "\"preconditions\":{\"uid\":\"%s\"}}",
                    s->pod->meta.uid);
    s->call = moon_client_send(s->gc->opts.client,
                               &(struct moon_request){.verb = MOON_VERB_DELETE,
                                                      .resource = &moon_resource_pods,
                                                      .namespace = s->pod->meta.namespace,
                                                      .name = s->pod->meta.name,
                                                      .body = moon_buf_str(&body),
                                                      .on_done = on_deleted,
                                                      .ctx = s});
    s->gc->in_flight++;
}

static void on_sweep(void *ctx)
{
    struct moon_podgc *gc = MOON_CAST(moon_podgc, ctx, PODGC_MAGIC);
    uint64_t now = moon_loop_now(gc->loop);
    size_t pos = 0;
    struct moon_str uid;
    void *value;
    if (!moon_store_is_synced(gc->opts.nodes)) {
        moon_timer_start(gc->sweep, SWEEP_INTERVAL_MS);
        return;
    }
    if (has_surplus(gc)) {
        suspect_surplus(gc);
    }
    while (moon_map_next(gc->by_uid, &pos, &uid, &value)) {
        struct suspect *s = value;
        if (!s->is_surplus && !is_stranded(gc, s->pod)) {
            (void)moon_map_remove(gc->by_uid, uid);
        } else if (s->call == NULL && gc->in_flight < IN_FLIGHT &&
                   (s->is_surplus || now - s->since >= gc->opts.quarantine_ms)) {
            delete_pod(s);
        }
    }
    if (moon_map_count(gc->by_uid) > 0) {
        moon_timer_start(gc->sweep, SWEEP_INTERVAL_MS);
    }
}

/* ---- pods and nodes come and go ---- */

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_podgc *gc = MOON_CAST(moon_podgc, ctx, PODGC_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *new = change->new_object;
    moon_assert(old != NULL || new != NULL);
    gc->ended -= old != NULL && moon_played_pod_has_ended(moon_played_pod(old)) ? 1 : 0;
    gc->ended += new != NULL &&moon_played_pod_has_ended(moon_played_pod(new)) ? 1 : 0;
    if (has_surplus(gc)) {
        arm_sweep(gc);
    }
    if (new == NULL) {
        (void)moon_map_remove(gc->by_uid, moon_str(old->uid));
    } else if (is_stranded(gc, moon_played_pod(new))) {
        (void)suspect(gc, moon_played_pod(new));
    }
}

static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_podgc *gc = MOON_CAST(moon_podgc, ctx, PODGC_MAGIC);
    size_t count;
    if (change->new_object != NULL) {
        return;
    }
    const struct moon_object *const *pods =
        moon_store_by_index(gc->opts.pods, gc->opts.by_node, change->old_object->name, &count);
    for (size_t i = 0; i < count; i++) {
        (void)suspect(gc, moon_played_pod(pods[i]));
    }
}

/* ---- life ---- */

struct moon_podgc *moon_podgc_new(const struct moon_podgc_opts *opts)
{
    struct moon_podgc *gc = moon_new(struct moon_podgc);
    gc->magic = PODGC_MAGIC;
    gc->opts = *opts;
    gc->loop = moon_client_loop(opts->client);
    gc->by_uid = moon_map_new(suspect_free);
    gc->sweep = moon_timer_new(gc->loop, on_sweep, gc);
    moon_store_listen(opts->nodes, on_node, gc);
    moon_store_listen(opts->pods, on_pod, gc);
    return gc;
}

void moon_podgc_free(struct moon_podgc *gc)
{
    if (gc == NULL) {
        return;
    }
    moon_store_unlisten(gc->opts.nodes, on_node, gc);
    moon_store_unlisten(gc->opts.pods, on_pod, gc);
    moon_map_free(gc->by_uid);
    moon_timer_free(gc->sweep);
    gc->magic = 0;
    moon_free(gc);
}
