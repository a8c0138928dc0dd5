/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.c - unbound pods, one decision after the other, and a bounded number of writes.
 *
 * A decision is made at once and from the ledger alone; what follows from it (a binding, a
 * condition, deletions) is written while the next decisions are made.
 */
#include "sim/scheduler.h"

#include "base/log.h"
#include "base/time.h"
#include "control/recorder.h"
#include "io/json.h"
#include "sim/player_priv.h"
#include "sim/scheduler_pick.h"
#include "sim/scheduler_queue.h"

enum {
    SCHEDULER_MAGIC = 0x73636864,
    UNBOUND_MAGIC = 0x756e6264,
    EVICTION_MAGIC = 0x65766963,
    IN_FLIGHT = 16,
    /* The loop has other things to do, too: a decision may look at thousands of nodes. */
    DECISIONS_PER_TURN = 32,
    SYNC_INTERVAL_MS = 20,
    BODY_MAX = 64 * 1024,
    WHY_MAX = 16 * 1024,
};

/* One pod without a node. */
struct unbound {
    unsigned magic;
    struct moon_scheduler *scheduler;
    struct moon_queued queued;
    struct moon_client_call *binding;
    struct moon_client_call *telling; /* of its condition and nomination */
    moon_sym target;                  /* where it is assumed to be; NULL: nowhere */
    moon_sym nominated;               /* where others go for it; NULL: nowhere */
    char *why;                        /* it fits nowhere; NULL: not tried yet */
    bool tell_again;
    bool is_announced; /* the Event Scheduled has been made */
    unsigned failures; /* of writes, in a row */
};

/* A pod that is asked to go. */
struct eviction {
    unsigned magic;
    struct moon_scheduler *scheduler;
    struct moon_list link;
    const struct moon_object *victim; /* a reference */
    struct moon_client_call *call;
};

struct moon_scheduler {
    unsigned magic;
    struct moon_scheduler_opts opts;
    struct moon_loop *loop;
    struct moon_ledger *ledger;
    struct moon_queue queue;
    struct moon_recorder *recorder;
    struct moon_map *by_uid;    /* struct unbound */
    struct moon_list evictions; /* struct eviction */
    size_t in_flight;
    struct moon_defer *pumping;
    struct moon_timer *sync_timer;
};

static void pump(void *ctx);

/* The stores must be left before anything is decided: their index may be in the middle of a
 * change. */
static void pump_later(void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    if (s->pumping == NULL) {
        s->pumping = moon_loop_defer(s->loop, pump, s);
    }
}

static const struct moon_played_pod *pod_of(const struct unbound *u)
{
    return u->queued.pod;
}

static void set_sym(moon_sym *place, moon_sym value)
{
    moon_sym old = *place;
    *place = moon_sym_ref(value);
    moon_sym_unref(old);
}

static bool has_events(const struct moon_scheduler *s)
{
    return moon_ledger_count(s->ledger) <= s->opts.event_nodes;
}

/* ---- writes that fail ---- */

static bool is_worth_a_line(const struct moon_err *err)
{
    return err->code != MOON_E_NOT_FOUND && err->code != MOON_E_CONFLICT;
}

/* Decide again, after a delay: the watch may have more to tell by then. */
static void write_failed(struct unbound *u, const struct moon_err *err)
{
    u->failures++;
    if (is_worth_a_line(err)) {
        moon_warn(MOON_PLAYER_TOPIC, "a pod was not scheduled, will be tried again", "pod",
                  pod_of(u)->meta.name, "err", err->text);
    }
    moon_queued_retry(&u->queued, moon_player_retry_ms(u->failures, err));
}

/* ---- binding ---- */

static void announce(struct unbound *u)
{
    const struct moon_object *pod = &pod_of(u)->meta;
    if (!u->is_announced && has_events(u->scheduler)) {
        u->is_announced = true;
        moon_recorder_event(u->scheduler->recorder, pod, MOON_EVENT_NORMAL, "Scheduled",
                            "Successfully assigned %s/%s to %s", pod->namespace, pod->name,
                            u->target);
    }
}

static void on_bound(MOON_UNUSED const struct moon_answer *answer, const struct moon_err *err,
                     void *ctx)
{
    struct unbound *u = MOON_CAST(unbound, ctx, UNBOUND_MAGIC);
    u->binding = NULL;
    u->scheduler->in_flight--;
    if (err != NULL) {
        write_failed(u, err);
    } else {
        announce(u); /* the watch will end it */
    }
    pump_later(u->scheduler);
}

static void bind_to(struct unbound *u, struct moon_ledger_node *n)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    const struct moon_object *pod = &pod_of(u)->meta;
    moon_ledger_assume(u->scheduler->ledger, pod_of(u), n);
    set_sym(&u->target, n->name);
    moon_buf_printf(&body,
                    "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"%s\","
                    "\"uid\":\"%s\"},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\","
                    "\"name\":\"%s\"}}",
                    pod->name, pod->uid, n->name);
    u->binding = moon_client_send(u->scheduler->opts.client,
                                  &(struct moon_request){.verb = MOON_VERB_CREATE,
                                                         .resource = &moon_resource_pods,
                                                         .namespace = pod->namespace,
                                                         .name = pod->name,
                                                         .subresource = "binding",
                                                         .body = moon_buf_str(&body),
                                                         .on_done = on_bound,
                                                         .ctx = u});
    u->scheduler->in_flight++;
}

/* ---- telling that there is no place ---- */

static void tell(struct unbound *u);

/* The answer is newer than what the watch has told so far. May end `u`. */
static void take_answer(struct moon_scheduler *s, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err ignored;
    if (moon_object_project(&moon_kind_played_pod, body, &object, &ignored) == 0 &&
        object != NULL) {
        (void)moon_store_put_write(s->opts.pods, object);
    }
}

static void on_told(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct unbound *u = MOON_CAST(unbound, ctx, UNBOUND_MAGIC);
    struct moon_scheduler *s = u->scheduler;
    u->telling = NULL;
    s->in_flight--;
    pump_later(s);
    if (err != NULL) {
        if (u->queued.state == MOON_QUEUED_WAITING) {
            write_failed(u, err);
        }
        return;
    }
    u->failures = 0;
    if (u->tell_again) {
        u->tell_again = false;
        tell(u);
    }
    take_answer(s, answer->body);
}

static void write_nomination(const struct unbound *u, struct moon_buf *out)
{
    if (u->nominated != NULL) {
        moon_buf_printf(out, "\"nominatedNodeName\":\"%s\",", u->nominated);
    } else if (pod_of(u)->nominated != NULL) {
        moon_buf_puts(out, "\"nominatedNodeName\":null,");
    }
}

static void write_status(const struct unbound *u, struct moon_buf *out)
{
    char now[MOON_TIME_TEXT];
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{", pod_of(u)->meta.uid);
    write_nomination(u, out);
    moon_buf_puts(out, "\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\","
                       "\"reason\":\"Unschedulable\",\"message\":");
    moon_json_add_string(out, moon_str(u->why));
    if (pod_of(u)->unschedulable == NULL) {
        moon_buf_printf(out, ",\"lastTransitionTime\":\"%s\"",
                        moon_time_format(moon_loop_wall_ms(u->scheduler->loop) / 1000, now));
    }
    moon_buf_puts(out, "}]}}");
}

static void tell(struct unbound *u)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    if (u->telling != NULL) {
        u->tell_again = true;
        return;
    }
    if (moon_streq(u->why, pod_of(u)->unschedulable) && u->nominated == pod_of(u)->nominated) {
        return;
    }
    write_status(u, &body);
    u->telling = moon_client_send(u->scheduler->opts.client,
                                  &(struct moon_request){.verb = MOON_VERB_PATCH_STRATEGIC,
                                                         .resource = &moon_resource_pods,
                                                         .namespace = pod_of(u)->meta.namespace,
                                                         .name = pod_of(u)->meta.name,
                                                         .subresource = "status",
                                                         .body = moon_buf_str(&body),
                                                         .on_done = on_told,
                                                         .ctx = u});
    u->scheduler->in_flight++;
}

/* ---- preemption ---- */

static void eviction_free(struct eviction *e)
{
    if (e->call != NULL) {
        moon_client_cancel(e->call);
        e->scheduler->in_flight--;
    }
    moon_list_remove(&e->link);
    moon_object_unref(e->victim);
    e->magic = 0;
    moon_free(e);
}

/* A victim that stays is found by the next attempt of the pod it should make room for. */
static void on_evicted(MOON_UNUSED const struct moon_answer *answer, const struct moon_err *err,
                       void *ctx)
{
    struct eviction *e = MOON_CAST(eviction, ctx, EVICTION_MAGIC);
    struct moon_scheduler *s = e->scheduler;
    e->call = NULL;
    s->in_flight--;
    if (err != NULL && is_worth_a_line(err)) {
        moon_warn(MOON_PLAYER_TOPIC, "a pod was not preempted", "pod", e->victim->name, "err",
                  err->text);
    }
    if (err != NULL) {
        moon_queue_wake_node(&s->queue, moon_played_pod(e->victim)->node_name);
    }
    eviction_free(e);
    pump_later(s);
}

static void evict(struct moon_scheduler *s, const struct moon_object *victim)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    struct eviction *e = moon_new(struct eviction);
    e->magic = EVICTION_MAGIC;
    e->scheduler = s;
    e->victim = moon_object_ref(victim);
    moon_list_append(&s->evictions, &e->link);
    moon_buf_printf(&body,
                    "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                    "\"preconditions\":{\"uid\":\"%s\"}}",
                    victim->uid);
    e->call =
        moon_client_send(s->opts.client, &(struct moon_request){.verb = MOON_VERB_DELETE,
                                                                .resource = &moon_resource_pods,
                                                                .namespace = victim->namespace,
                                                                .name = victim->name,
                                                                .body = moon_buf_str(&body),
                                                                .on_done = on_evicted,
                                                                .ctx = e});
    s->in_flight++;
}

static void nominate(struct unbound *u, struct moon_ledger_node *on)
{
    moon_ledger_claim(u->scheduler->ledger, pod_of(u), on);
    set_sym(&u->nominated, on != NULL ? on->name : NULL);
}

/* Those of lower priority that wait for a place on this node look for another. */
static void displace(struct moon_scheduler *s, const struct moon_ledger_node *n, int32_t priority)
{
    moon_list_foreach (it, &n->claims) {
        const struct moon_played_pod *pod =
            moon_container_of(it, struct moon_ledger_pod, link)->pod;
        struct unbound *lesser = moon_map_get(s->by_uid, moon_str(pod->meta.uid));
        if (lesser != NULL && pod->priority < priority) {
            nominate(lesser, NULL);
            if (lesser->why != NULL) {
                tell(lesser);
            }
            moon_queued_wake(&lesser->queued);
        }
    }
}

static void preempt(struct unbound *u, const struct moon_preemption *p)
{
    struct moon_scheduler *s = u->scheduler;
    const struct moon_object *pod = &pod_of(u)->meta;
    for (size_t i = 0; i < p->victim_count; i++) {
        const struct moon_object *victim = &p->victims[i]->meta;
        if (victim->deleted_s != 0) {
            continue;
        }
        evict(s, victim);
        if (has_events(s)) {
            moon_recorder_event(s->recorder, victim, MOON_EVENT_NORMAL, "Preempted",
                                "Preempted by %s/%s on node %s", pod->namespace, pod->name,
                                p->on->name);
        }
    }
    displace(s, p->on, pod_of(u)->priority);
    nominate(u, p->on);
}

/* ---- decisions ---- */

static void refuse(struct unbound *u, const char *why)
{
    struct moon_scheduler *s = u->scheduler;
    MOON_CLEANUP(moon_preemption_fini) struct moon_preemption preemption;
    moon_scheduler_preempt(s->ledger, s->opts.budgets, pod_of(u), &preemption);
    if (preemption.on != NULL) {
        preempt(u, &preemption);
    } else if (!preemption.may_help) {
        nominate(u, NULL);
    }
    moon_queued_wait(&u->queued);
    if (has_events(s)) {
        moon_recorder_event(s->recorder, &pod_of(u)->meta, MOON_EVENT_WARNING, "FailedScheduling",
                            "%s", why);
    }
    moon_free(u->why);
    u->why = moon_strdup(why);
    tell(u);
}

/* What was assumed for an attempt whose answer was lost holds until the next one. */
static void decide(struct unbound *u)
{
    struct moon_scheduler *s = u->scheduler;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(WHY_MAX);
    moon_ledger_forget(s->ledger, pod_of(u));
    struct moon_ledger_node *n = moon_scheduler_pick(s->ledger, pod_of(u), &why);
    if (n != NULL) {
        bind_to(u, n);
    } else {
        refuse(u, moon_buf_cstr(&why));
    }
}

static bool is_synced(const struct moon_scheduler *s)
{
    return moon_store_is_synced(s->opts.nodes) && moon_store_is_synced(s->opts.pods);
}

static void pump(void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    struct moon_queued *queued = NULL;
    s->pumping = NULL;
    if (!is_synced(s)) {
        moon_timer_start(s->sync_timer, SYNC_INTERVAL_MS);
        return;
    }
    for (int i = 0; i < DECISIONS_PER_TURN && s->in_flight < IN_FLIGHT; i++) {
        queued = moon_queue_take(&s->queue);
        if (queued == NULL) {
            return;
        }
        decide(moon_container_of(queued, struct unbound, queued));
    }
    if (s->in_flight < IN_FLIGHT) {
        pump_later(s);
    }
}

/* ---- unbound pods come, change and go ---- */

static void unbound_free(void *value)
{
    struct unbound *u = MOON_CAST(unbound, value, UNBOUND_MAGIC);
    struct moon_client_call *const calls[] = {u->binding, u->telling};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(calls); i++) {
        if (calls[i] != NULL) {
            moon_client_cancel(calls[i]);
            u->scheduler->in_flight--;
            pump_later(u->scheduler);
        }
    }
    moon_queued_fini(&u->queued);
    moon_sym_unref(u->target);
    moon_sym_unref(u->nominated);
    moon_free(u->why);
    u->magic = 0;
    moon_free(u);
}

static struct unbound *unbound_new(struct moon_scheduler *s, const struct moon_played_pod *pod)
{
    struct unbound *u = moon_new(struct unbound);
    u->magic = UNBOUND_MAGIC;
    u->scheduler = s;
    moon_queued_init(&u->queued, &s->queue, pod);
    if (pod->nominated != NULL) {
        nominate(u, moon_ledger_node(s->ledger, pod->nominated));
    }
    return u;
}

static bool is_ours(const struct moon_played_pod *pod)
{
    return pod->node_name == NULL && !pod->is_foreign && !pod->is_gated &&
           pod->meta.deleted_s == 0 && !moon_played_pod_has_ended(pod);
}

/* Bound, deleted, ended, or not ours any more. Its claim may have kept others away. */
static void leave(struct moon_scheduler *s, struct unbound *u, const struct moon_object *object)
{
    MOON_AUTOFREE char *claimed = moon_strdup(u->nominated);
    moon_sym node = object != NULL ? moon_played_pod(object)->node_name : NULL;
    if (node != NULL && node == u->target) {
        announce(u);
    }
    if (node == NULL) {
        moon_ledger_forget(s->ledger, pod_of(u));
    }
    moon_ledger_claim(s->ledger, pod_of(u), NULL);
    (void)moon_map_remove(s->by_uid, moon_str(pod_of(u)->meta.uid));
    if (claimed != NULL) {
        moon_queue_wake_node(&s->queue, claimed);
    }
}

static void see_unbound(struct moon_scheduler *s, struct moon_str uid,
                        const struct moon_object *object)
{
    struct unbound *u = moon_map_get(s->by_uid, uid);
    bool is_wanted = object != NULL && is_ours(moon_played_pod(object));
    if (u != NULL && is_wanted) {
        moon_queued_change(&u->queued, moon_played_pod(object));
    } else if (u != NULL) {
        leave(s, u, object);
    } else if (is_wanted) {
        moon_map_set(s->by_uid, uid, unbound_new(s, moon_played_pod(object)));
    }
}

/* ---- what may make room ---- */

static bool occupies(const struct moon_object *object)
{
    return object != NULL && moon_played_pod(object)->node_name != NULL &&
           !moon_played_pod_has_ended(moon_played_pod(object));
}

static bool looks_the_same(const struct moon_object *a, const struct moon_object *b)
{
    return occupies(a) && occupies(b) && (a->deleted_s != 0) == (b->deleted_s != 0) &&
           moon_labels_equal(&a->labels, &b->labels);
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *now = change->new_object;
    see_unbound(s, moon_str(now != NULL ? now->uid : old->uid), now);
    if (occupies(old) && !occupies(now)) {
        moon_queue_wake_node(&s->queue, moon_played_pod(old)->node_name);
    } else if (occupies(now) && !looks_the_same(old, now)) {
        moon_queue_wake_neighbours(&s->queue);
    }
}

static bool offers_the_same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_played_node *a = moon_played_node(oa);
    const struct moon_played_node *b = moon_played_node(ob);
    return a->unschedulable == b->unschedulable && moon_taints_equal(&a->taints, &b->taints) &&
           moon_labels_equal(&oa->labels, &ob->labels) &&
           moon_amounts_equal(&a->allocatable, &b->allocatable);
}

/* Heartbeats make no room. */
static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_scheduler *s = MOON_CAST(moon_scheduler, ctx, SCHEDULER_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *now = change->new_object;
    if (now != NULL && (old == NULL || !offers_the_same(old, now))) {
        moon_queue_wake_node(&s->queue, now->name);
    }
}

/* ---- life ---- */

struct moon_scheduler *moon_scheduler_new(const struct moon_scheduler_opts *opts)
{
    struct moon_scheduler *s = moon_new(struct moon_scheduler);
    s->magic = SCHEDULER_MAGIC;
    s->opts = *opts;
    s->loop = moon_client_loop(opts->client);
    s->ledger = moon_ledger_new(opts->nodes, opts->pods); /* it must hear of changes first */
    s->recorder = moon_recorder_new(opts->client, "default-scheduler");
    s->by_uid = moon_map_new(unbound_free);
    s->sync_timer = moon_timer_new(s->loop, pump_later, s);
    moon_list_init(&s->evictions);
    moon_queue_init(&s->queue, s->loop, pump_later, s);
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
    moon_list_foreach (it, &s->evictions) {
        eviction_free(moon_container_of(it, struct eviction, link));
    }
    moon_map_free(s->by_uid);
    moon_queue_fini(&s->queue);
    moon_recorder_free(s->recorder);
    moon_ledger_free(s->ledger);
    moon_timer_free(s->sync_timer);
    if (s->pumping != NULL) {
        moon_defer_cancel(s->pumping);
    }
    s->magic = 0;
    moon_free(s);
}
