/* SPDX-License-Identifier: Apache-2.0
 *
 * needs.c - what each node needs apart from updates: a missing pod, one pod too many, a pod where
 * none should be, a failed or finished pod (daemonset-controller's "manage").
 */
#include "daemonset/daemonset_priv.h"

#include "policy/budget.h"

enum {
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 15 * 60 * 1000,
};

static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop);
}

static bool is_dry(const struct moon_ds_set *set)
{
    return set->ds->in->config->dry_run;
}

/* ---- actions ---- */

void moon_ds_store_pod(struct moon_ds_set *set, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err err;
    uint64_t version;

    if (moon_store_known(moon_ds_pod_store(set->ds), body, &version) != NULL) {
        return; /* the watch was faster */
    }
    if (moon_object_project(&moon_kind_pod, body, &object, &err) != 0) {
        moon_warn(MOON_DS_TOPIC, "the server's answer to a write makes no sense", "key", set->key,
                  "err", err.text);
        moon_ds_rival_doubt(set);
        return;
    }
    if (object != NULL && moon_ds_wake_shows(set->ds, moon_pod(object))) {
        (void)moon_store_put_write(moon_ds_pod_store(set->ds), object);
    } else if (object != NULL && set->strays != NULL) {
        (void)moon_store_put_write(moon_informer_store(set->strays), object);
    } else {
        moon_object_unref(object);
    }
}

/* What the server said, without our own words around it and with the name that the stock controller
 * would have sent (generateName) in place of the one we chose: a create that is refused again and
 * again is then one Event that is counted up. */
static char *refusal(const struct moon_result *result)
{
    struct moon_err ignored;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    MOON_AUTOJSON *status =
        result->answer != NULL ? moon_json_parse(result->answer->body, &ignored) : NULL;
    const char *said = moon_json_string(status, "message");
    const char *name = result->action->name;
    const char *rest = said != NULL ? said : result->err->text;
    bool is_create = result->action->verb == MOON_VERB_CREATE;

    for (const char *at; is_create && (at = strstr(rest, name)) != NULL; rest = at + strlen(name)) {
        size_t shown = (size_t)(at - rest) + strlen(name) - MOON_DS_SUFFIX_LEN;
        moon_buf_printf(&text, "%.*s", (int)shown, rest);
    }
    moon_buf_puts(&text, rest);
    return moon_buf_take(&text, NULL);
}

void moon_ds_event(const struct moon_ds_set *set, enum moon_event_type type, const char *reason,
                   const char *what, const char *detail)
{
    if (is_dry(set)) {
        return; /* nothing has happened that others should read of */
    }
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, type, reason, "%s: %s", what,
                        detail);
}

static void tell_refused(const struct moon_ds_set *set, const struct moon_result *result,
                         const char *reason, const char *what)
{
    MOON_AUTOFREE char *text = refusal(result);

    moon_ds_event(set, MOON_EVENT_WARNING, reason, what, text);
}

static void created(struct moon_ds_slot *slot, const struct moon_result *result)
{
    struct moon_ds_set *set = slot->set;

    moon_ds_store_pod(set, result->answer->body);
    moon_ds_event(set, MOON_EVENT_NORMAL, "SuccessfulCreate", "Created pod", result->action->name);
    moon_info(MOON_DS_TOPIC, is_dry(set) ? "would create pod" : "created pod", "key", set->key,
              "pod", result->action->name, "node", slot->name, "reason", result->action->reason);
    moon_ds_set_written(set);
}

/* The slot is free again once the pod is in the store: until then it could be taken for somebody
 * else's. */
static void create_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_slot *slot = ctx;
    struct moon_ds_set *set = slot->set;

    if (!set->gone && result->err == NULL) {
        moon_ds_mutate_made(set, result->action->detail, result->answer->body);
        created(slot, result);
    } else if (!set->gone && !result->quiet) {
        tell_refused(set, result, "FailedCreate", "Error creating");
    }
    moon_ds_body_free(result->action->detail);
    slot->creating = NULL;
    moon_ds_slot_mark(slot);
    moon_ds_set_release(set);
}

static void write_pod(const struct moon_action *action, struct moon_buf *out)
{
    struct moon_ds_slot *slot = action->ctx;

    if (slot->create_sent) {
        moon_ds_rival_doubt(slot->set); /* the one before may land yet, when its pod is long gone */
    }
    slot->create_sent = true;
    moon_ds_body_write(action->detail, action->name, slot->name, out);
}

void moon_ds_plan_create(struct moon_ds_slot *slot, struct moon_plan *plan, const char *reason)
{
    struct moon_ds_set *set = slot->set;
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_err err;
    struct moon_ds_body *body = moon_ds_mutate_body(slot, &err);

    if (body == NULL) {
        moon_plan_note(plan, slot->name, "no pod can be made: %s", err.text);
        return;
    }
    slot->creating = moon_ds_body_pod_name(set, arena);
    slot->create_sent = false;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_CREATE,
                            .resource = &moon_resource_pods,
                            .namespace = moon_arena_strdup(arena, set->object->meta.namespace),
                            .name = slot->creating,
                            .owner_uid = set->uid,
                            .target = moon_arena_strdup(arena, slot->name),
                            .reason = moon_ds_mutate_reason(slot, reason, arena),
                            .write_body = write_pod,
                            .on_done = create_done,
                            .ctx = slot,
                            .detail = moon_ds_body_ref(body),
                        });
    /* A create beside an old pod changes what the update step sees. */
    moon_ds_slot_mark(slot);
}

void moon_ds_pod_is_gone(struct moon_ds_set *set, const char *uid)
{
    moon_sym sym = moon_intern_cstr(uid);

    moon_store_mark_gone(moon_ds_pod_store(set->ds), sym);
    if (set->strays != NULL) {
        moon_store_mark_gone(moon_informer_store(set->strays), sym);
    }
    moon_sym_unref(sym);
}

/* The answer to a DELETE is the pod, marked, or something else: then it is gone already. */
static void take_deleted(struct moon_ds_set *set, const struct moon_result *result)
{
    struct moon_str body = result->answer->body;
    struct moon_str value;
    bool is_pod =
        moon_json_find_first(body, MOON_JSON_PATH("kind"), &value) && moon_str_is(value, "\"Pod\"");

    if (is_pod && moon_object_head(body, "deletionTimestamp").len > 0) {
        moon_ds_store_pod(set, body);
    } else {
        moon_ds_pod_is_gone(set, result->action->uid);
    }
}

static void tell_deleted(const struct moon_ds_set *set, const struct moon_result *result)
{
    const struct moon_action *action = result->action;

    if (result->answer->status >= 300) {
        return; /* it was gone before we came */
    }
    moon_ds_event(set, MOON_EVENT_NORMAL, "SuccessfulDelete", "Deleted pod", action->name);
    moon_info(MOON_DS_TOPIC, is_dry(set) ? "would delete pod" : "deleted pod", "key", set->key,
              "pod", action->name, "node", action->target, "reason", action->reason);
}

/* A pod whose DELETE was accepted stays marked: it is on its way out, whatever the cache, which
 * may be behind, says of it until then. */
static void delete_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(result->action->uid));

    if (result->err != NULL && p != NULL) {
        p->deleting = false;
        if (p->slot != NULL) {
            moon_ds_slot_mark(p->slot);
        }
    }
    if (!set->gone && result->err == NULL) {
        take_deleted(set, result);
        tell_deleted(set, result);
        moon_ds_set_written(set);
    } else if (!set->gone && !result->quiet) {
        tell_refused(set, result, "FailedDelete", "Error deleting");
    }
    moon_ds_set_release(set);
}

void moon_ds_plan_delete(struct moon_ds_pod *pod, struct moon_plan *plan, const char *reason)
{
    struct moon_ds_set *set = pod->slot->set;
    struct moon_arena *arena = moon_plan_arena(plan);

    pod->deleting = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_DELETE,
                            .resource = &moon_resource_pods,
                            .namespace = moon_arena_strdup(arena, pod->pod->meta.namespace),
                            .name = moon_arena_strdup(arena, pod->pod->meta.name),
                            .uid = moon_arena_strdup(arena, pod->pod->meta.uid),
                            .target = moon_arena_strdup(arena, pod->slot->name),
                            .reason = moon_arena_strdup(arena, reason),
                            .on_done = delete_done,
                            .ctx = set,
                        });
    moon_ds_slot_mark(pod->slot);
}

/* ---- failed pods ---- */

/* A change of the set, once observed, ends all waiting; so does a long quiet time. */
static bool backoff_counts(const struct moon_ds_slot *slot)
{
    return slot->backoff_ms > 0 &&
           slot->backoff_generation == slot->set->object->status.observed_generation &&
           now_ms(slot->set) - slot->backoff_at <= 2 * (uint64_t)BACKOFF_MAX_MS;
}

uint64_t moon_ds_backoff_ends(const struct moon_ds_slot *slot)
{
    return backoff_counts(slot) ? slot->backoff_at + slot->backoff_ms : 0;
}

static bool in_backoff(const struct moon_ds_slot *slot)
{
    return now_ms(slot->set) < moon_ds_backoff_ends(slot);
}

static void raise_backoff(struct moon_ds_slot *slot)
{
    uint64_t last_ms = backoff_counts(slot) ? slot->backoff_ms : 0;

    slot->backoff_ms = last_ms == 0 ? BACKOFF_FIRST_MS : 2 * last_ms;
    if (slot->backoff_ms > BACKOFF_MAX_MS) {
        slot->backoff_ms = BACKOFF_MAX_MS;
    }
    slot->backoff_at = now_ms(slot->set);
    slot->backoff_generation = slot->set->object->status.observed_generation;
}

static void replace_failed(struct moon_ds_pod *p, struct moon_plan *plan)
{
    const struct moon_ds_slot *slot = p->slot;

    moon_recorder_event(slot->set->ds->in->recorder, &slot->set->object->meta, MOON_EVENT_WARNING,
                        "FailedDaemonPod",
                        "Found failed daemon pod %s/%s on node %s, will try to kill it",
                        p->pod->meta.namespace, p->pod->meta.name, slot->name);
    moon_ds_plan_delete(p, plan, "the pod has failed");
}

static void replace_succeeded(struct moon_ds_pod *p, struct moon_plan *plan)
{
    const struct moon_ds_slot *slot = p->slot;

    moon_recorder_event(slot->set->ds->in->recorder, &slot->set->object->meta, MOON_EVENT_NORMAL,
                        "SucceededDaemonPod",
                        "Found succeeded daemon pod %s/%s on node %s, will try to delete it",
                        p->pod->meta.namespace, p->pod->meta.name, slot->name);
    moon_ds_plan_delete(p, plan, "the pod has ended, a daemon should not");
}

/* ---- one slot ---- */

struct tally {
    struct moon_ds_pod *keep; /* with surge: the updated one */
    struct moon_ds_pod *old;  /* with surge: the outdated one */
    bool in_backoff;          /* failed pods stay for now: asked once, all are treated alike */
    bool held;                /* no pod is made or replaced here now */
    bool failed_waiting;      /* a failed pod in back-off occupies the node */
    bool failed_going;        /* a failed pod has just been planned to be deleted */
    bool going;               /* something is being deleted, or has just been planned to be */
};

/* Where nobody can tell which pods are outdated, none of those that a surge has made is too many.
 */
static bool is_doubtful(const struct moon_ds_set *set, const struct tally *t)
{
    return t->held && set->surge;
}

/* Without surge the first pod stays. With surge the first updated and the first outdated one stay:
 * when the outdated one has served its time is for the update policy to say. First is who is older;
 * but a pod that was made in the future (the clock was set back) may be older than it seems, and if
 * it is ready while the first one is not, it stays. Returns the one too many; NULL: there is none.
 */
static struct moon_ds_pod *surplus(const struct moon_ds_set *set, struct tally *t,
                                   struct moon_ds_pod *p)
{
    bool old = set->surge && !moon_ds_pod_is_updated(set, p);
    struct moon_ds_pod **place = old ? &t->old : &t->keep;
    struct moon_ds_pod *first = *place;

    int64_t now_s = moon_loop_wall_ms(set->ds->in->loop) / 1000;
    bool may_be_older = p->pod->meta.created_s > now_s && p->pod->ready;

    if (first != NULL && (first->pod->ready || !may_be_older)) {
        return p;
    }
    *place = p;
    return first;
}

static void tally_pod(struct moon_ds_slot *slot, struct moon_ds_pod *p, struct moon_plan *plan,
                      struct tally *t)
{
    if (moon_ds_pod_is_going(p)) {
        t->going = true;
        return;
    }
    switch (p->pod->phase) {
    case MOON_PHASE_FAILED:
        if (t->in_backoff || t->held) {
            t->failed_waiting = true;
        } else {
            replace_failed(p, plan);
            t->failed_going = true;
            t->going = true;
        }
        return;
    case MOON_PHASE_SUCCEEDED:
        if (!t->held) {
            replace_succeeded(p, plan);
        }
        t->going = true;
        return;
    case MOON_PHASE_NONE:
    case MOON_PHASE_PENDING:
    case MOON_PHASE_RUNNING:
    case MOON_PHASE_UNKNOWN:
        break;
    }
    struct moon_ds_pod *too_many = surplus(slot->set, t, p);
    if (too_many != NULL && !is_doubtful(slot->set, t)) {
        moon_ds_plan_delete(too_many, plan, "one pod too many on the node");
    }
}

static void keep_one(struct moon_ds_slot *slot, struct moon_plan *plan)
{
    bool wanted = slot->decision.placement == MOON_PLACEMENT_RUN;
    const char *held = wanted ? moon_ds_mutate_holds(slot) : NULL;
    struct tally t = {.in_backoff = in_backoff(slot), .held = held != NULL};

    for (size_t i = 0; i < slot->pod_count; i++) {
        if (moon_ds_pod_counts(slot->pods[i])) {
            tally_pod(slot, slot->pods[i], plan, &t);
        }
    }
    if (t.failed_going) {
        raise_backoff(slot); /* once, however many have failed */
    }
    if (!wanted || slot->creating != NULL || t.keep != NULL || t.old != NULL || t.failed_waiting) {
        return;
    }
    if (held != NULL) {
        moon_plan_note(plan, slot->name, "no pod is made now: %s", held);
        return;
    }
    /* A pod that is still going blocks its successor, except with surge. */
    if (t.going && !slot->set->surge) {
        return;
    }
    if (moon_chain_creates(slot->set->chain)) {
        moon_ds_slot_set_waiting(slot, true);
    } else {
        moon_ds_plan_create(slot, plan, "the node needs a pod");
    }
}

static void clear(struct moon_ds_slot *slot, struct moon_plan *plan, const char *reason)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        struct moon_ds_pod *p = slot->pods[i];
        if (moon_ds_pod_counts(p) && !moon_ds_pod_is_going(p)) {
            moon_ds_plan_delete(p, plan, reason);
        }
    }
}

/* Pods bound to a node that does not exist are the pod garbage collector's; pending ones pinned to
 * it would wait for ever. */
static void clear_unknown_node(struct moon_ds_slot *slot, struct moon_plan *plan)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        struct moon_ds_pod *p = slot->pods[i];
        if (moon_ds_pod_counts(p) && !moon_ds_pod_is_going(p) && p->pod->node_name == NULL) {
            moon_ds_plan_delete(p, plan, "its node does not exist");
        }
    }
}

static bool waits_for_adoption(const struct moon_ds_slot *slot)
{
    for (size_t i = 0; i < slot->pod_count; i++) {
        if (slot->pods[i]->orphan) {
            return true;
        }
    }
    return false;
}

static void serve(struct moon_ds_slot *slot, struct moon_plan *plan)
{
    MOON_AUTOFREE char *reason = NULL;

    if (waits_for_adoption(slot)) {
        return; /* not ours yet; it may become the node's pod */
    }
    if (slot->node == NULL) {
        clear_unknown_node(slot, plan);
        return;
    }
    if (!slot->decided) {
        moon_plan_note(plan, slot->name, "not decided yet");
        return;
    }
    switch (slot->decision.placement) {
    case MOON_PLACEMENT_RUN:
    case MOON_PLACEMENT_KEEP:
        keep_one(slot, plan);
        return;
    case MOON_PLACEMENT_EVICT:
        reason =
            moon_asprintf("no daemon here: %s",
                          slot->decision.reason != NULL ? slot->decision.reason : "policy says so");
        clear(slot, plan, reason);
        return;
    case MOON_PLACEMENT_UNDECIDED:
        return;
    }
}

bool moon_ds_needs(struct moon_ds_set *set, struct moon_plan *plan)
{
    size_t open = moon_apply_pending(set->ds->in->apply, moon_str(set->key));
    uint64_t start_ns = moon_budget_now_ns();
    size_t done = 0;

    moon_ds_slot_order_work(set);
    moon_list_foreach (it, &set->work) {
        struct moon_ds_slot *slot = moon_container_of(it, struct moon_ds_slot, work);
        if (open + moon_plan_count(plan) >= MOON_DS_BURST) {
            return true; /* each action that ends wakes the set again */
        }
        moon_list_remove(&slot->work);
        serve(slot, plan);
        if (moon_ds_slice_is_over(set, start_ns, ++done)) {
            return moon_list_is_empty(&set->work);
        }
    }
    return true;
}
