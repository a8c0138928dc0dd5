/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.c - unbound pods in a queue, a bounded number of bindings under way.
 */
#include "sim/scheduler.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "io/json.h"
#include "sim/player_priv.h"

enum {
    SCHEDULER_MAGIC = 0x73636864,
    UNBOUND_MAGIC = 0x756e6264,
    IN_FLIGHT = 16,
    BODY_MAX = 64 * 1024,
    WHY_MAX = 16 * 1024,
};

/* One pod without a node. */
struct unbound {
    unsigned magic;
    struct moon_scheduler *scheduler;
    const struct moon_played_pod *pod; /* a reference */
    struct moon_list queue;            /* in scheduler->queue: to be looked at */
    struct moon_client_call *call;
    struct moon_timer *retry;
    unsigned failures;
    bool again; /* something changed while a call was under way */
    bool is_binding;
    bool is_bound; /* the watch will tell, and end it */
};

struct moon_scheduler {
    unsigned magic;
    struct moon_scheduler_opts opts;
    struct moon_loop *loop;
    struct moon_map *by_uid; /* struct unbound */
    struct moon_list queue;
    size_t in_flight;
    struct moon_defer *pumping;
};

static void pump(void *ctx);

/* The stores must be left before anything is decided: their index may be in the middle of a
 * change. */
static void pump_later(struct moon_scheduler *s)
{
    if (s->pumping == NULL) {
        s->pumping = moon_loop_defer(s->loop, pump, s);
    }
}

static void enqueue(struct unbound *u)
{
    if (u->call != NULL) {
        u->again = true;
    } else if (!u->is_bound && moon_list_is_empty(&u->queue)) {
        moon_timer_stop(u->retry);
        moon_list_append(&u->scheduler->queue, &u->queue);
        pump_later(u->scheduler);
    }
}

static void on_retry(void *ctx)
{
    enqueue(MOON_CAST(unbound, ctx, UNBOUND_MAGIC));
}

/* ---- writing ---- */

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct unbound *u = MOON_CAST(unbound, ctx, UNBOUND_MAGIC);
    struct moon_scheduler *s = u->scheduler;
    (void)answer;
    u->call = NULL;
    s->in_flight--;
    if (err == NULL) {
        u->failures = 0;
        u->is_bound = u->is_binding;
    } else if (err->code != MOON_E_NOT_FOUND && err->code != MOON_E_CONFLICT) {
        u->failures++;
        moon_warn(MOON_PLAYER_TOPIC, "a pod was not scheduled, will be tried again", "pod",
                  u->pod->meta.name, "err", err->text);
        moon_timer_start(u->retry, moon_player_retry_ms(u->failures, err));
    }
    if (u->again) {
        u->again = false;
        enqueue(u);
    }
    pump_later(s);
}

static void send(struct unbound *u, enum moon_verb verb, const char *subresource,
                 const struct moon_buf *body)
{
    u->is_binding = verb == MOON_VERB_CREATE;
    u->call = moon_client_send(u->scheduler->opts.client,
                               &(struct moon_request){.verb = verb,
                                                      .resource = &moon_resource_pods,
                                                      .namespace = u->pod->meta.namespace,
                                                      .name = u->pod->meta.name,
                                                      .subresource = subresource,
                                                      .body = moon_buf_str(body),
                                                      .on_done = on_done,
                                                      .ctx = u});
    u->scheduler->in_flight++;
}

static void bind_to(struct unbound *u, const struct moon_played_node *node)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    moon_buf_printf(&body,
                    "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"%s\","
                    "\"uid\":\"%s\"},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\","
                    "\"name\":\"%s\"}}",
                    u->pod->meta.name, u->pod->meta.uid, node->meta.name);
    send(u, MOON_VERB_CREATE, "binding", &body);
}

static void tell_unschedulable(struct unbound *u, const char *why)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    char now[MOON_TIME_TEXT];
    moon_buf_printf(&body,
                    "{\"metadata\":{\"uid\":\"%s\"},\"status\":{\"conditions\":[{"
                    "\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\","
                    "\"message\":",
                    u->pod->meta.uid);
    moon_json_add_string(&body, moon_str(why));
    if (u->pod->unschedulable == NULL) {
        moon_buf_printf(&body, ",\"lastTransitionTime\":\"%s\"",
                        moon_time_format(moon_loop_wall_ms(u->scheduler->loop) / 1000, now));
    }
    moon_buf_puts(&body, "}]}}");
    send(u, MOON_VERB_PATCH_STRATEGIC, "status", &body);
}

static void schedule(struct unbound *u)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(WHY_MAX);
    const struct moon_played_node *node = moon_scheduler_pick(&u->scheduler->opts, u->pod, &why);
    if (node != NULL) {
        bind_to(u, node);
    } else if (!moon_streq(moon_buf_cstr(&why), u->pod->unschedulable)) {
        tell_unschedulable(u, moon_buf_cstr(&why));
    }
}

static void pump(void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    s->pumping = NULL;
    if (!moon_store_is_synced(s->opts.nodes)) {
        return;
    }
    while (s->in_flight < IN_FLIGHT && !moon_list_is_empty(&s->queue)) {
        struct unbound *u = moon_container_of(s->queue.next, struct unbound, queue);
        moon_list_remove(&u->queue);
        schedule(u);
    }
}

/* ---- pods and nodes come, change and go ---- */

static void unbound_free(void *value)
{
    struct unbound *u = MOON_CAST(unbound, value, UNBOUND_MAGIC);
    moon_list_remove(&u->queue);
    moon_timer_free(u->retry);
    if (u->call != NULL) {
        moon_client_cancel(u->call);
        u->scheduler->in_flight--;
        pump_later(u->scheduler);
    }
    moon_object_unref(&u->pod->meta);
    u->magic = 0;
    moon_free(u);
}

static bool is_ours(const struct moon_played_pod *pod)
{
    return pod->node_name == NULL && !pod->is_foreign && pod->meta.deleted_s == 0 &&
           !moon_played_pod_has_ended(pod);
}

static struct unbound *unbound_new(struct moon_scheduler *s)
{
    struct unbound *u = moon_new(struct unbound);
    u->magic = UNBOUND_MAGIC;
    u->scheduler = s;
    u->retry = moon_timer_new(s->loop, on_retry, u);
    moon_list_init(&u->queue);
    return u;
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    const struct moon_object *object = change->new_object;
    if (object == NULL || !is_ours(moon_played_pod(object))) {
        const struct moon_object *known = object != NULL ? object : change->old_object;
        (void)moon_map_remove(s->by_uid, moon_str(known->uid));
        return;
    }
    struct unbound *u = moon_map_get(s->by_uid, moon_str(object->uid));
    if (u == NULL) {
        u = unbound_new(s);
        moon_map_set(s->by_uid, moon_str(object->uid), u);
    } else {
        moon_object_unref(&u->pod->meta);
    }
    u->pod = moon_played_pod(moon_object_ref(object));
    enqueue(u);
}

/* Any change of a node may make room for any pod that waits. */
static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    size_t pos = 0;
    void *value;
    (void)change;
    while (moon_map_next(s->by_uid, &pos, NULL, &value)) {
        enqueue(value);
    }
    pump_later(s);
}

/* ---- life ---- */

struct moon_scheduler *moon_scheduler_new(const struct moon_scheduler_opts *opts)
{
    struct moon_scheduler *s = moon_new(struct moon_scheduler);
    s->magic = SCHEDULER_MAGIC;
    s->opts = *opts;
    s->loop = moon_client_loop(opts->client);
    s->by_uid = moon_map_new(unbound_free);
    moon_list_init(&s->queue);
    moon_store_listen(opts->nodes, on_node, s);
    moon_store_listen(opts->pods, on_pod, s);
    return s;
}

void moon_scheduler_free(struct moon_scheduler *s)
{
    if (s == NULL) {
        return;
    }
    moon_store_unlisten(s->opts.nodes, on_node, s);
    moon_store_unlisten(s->opts.pods, on_pod, s);
    moon_map_free(s->by_uid);
    if (s->pumping != NULL) {
        moon_defer_cancel(s->pumping);
    }
    s->magic = 0;
    moon_free(s);
}
