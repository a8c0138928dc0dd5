/* SPDX-License-Identifier: Apache-2.0
 *
 * drain_pods.c - the pods of a node that is drained: watched, and evicted.
 *
 * One watch for each such node, with a field selector, and a small projection (kube/evictee.h):
 * pods that are none of ours cost nothing anywhere else. All that may go are asked to go at once,
 * as `kubectl drain` does; who must not go keeps all of them, so that nothing is disturbed for a
 * drain that cannot end. A refusal (429: a disruption budget) is asked about again, ever more
 * seldom. The pod that moonset itself runs in is left where it is: evicted, it might have nowhere
 * to go, and the node would stay cordoned for ever.
 */
#include "daemonset/drain_priv.h"

#include <unistd.h>

enum {
    AGAIN_FIRST_MS = 5000, /* as kubectl drain */
    AGAIN_MAX_MS = 60 * 1000,
    TEXT_MAX_BYTES = 1024,
};

struct eviction {
    bool busy;
    char *refusal; /* NULL: it was granted, or there is no answer yet */
    uint64_t not_before;
    uint64_t wait_ms;
};

static void free_eviction(void *value)
{
    struct eviction *e = value;

    moon_free(e->refusal);
    moon_free(e);
}

/* ---- watching ---- */

static void wake(struct moon_ds_drain *d)
{
    moon_ds_slot_mark(d->slot);
    moon_ds_set_enqueue(d->slot->set);
}

static void is_answered(struct moon_ds_drain *d)
{
    d->slot->set->ds->open_questions -= d->is_question;
    d->is_question = false;
}

static void pod_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds_drain *d = ctx;

    if (change->new_object == NULL) {
        (void)moon_map_remove(d->evictions, moon_str(change->old_object->uid));
    }
    wake(d);
}

static void listed(void *ctx)
{
    struct moon_ds_drain *d = ctx;

    is_answered(d);
    moon_free(moon_steal(&d->list_error));
    wake(d);
}

static void failed(const struct moon_err *err, void *ctx)
{
    struct moon_ds_drain *d = ctx;

    is_answered(d);
    if (!moon_streq(d->list_error, err->text)) {
        moon_free(d->list_error);
        d->list_error = moon_strdup(err->text);
        wake(d);
    }
}

void moon_ds_drain_watch(struct moon_ds_drain *d)
{
    struct moon_ds *ds = d->slot->set->ds;

    if (d->pods != NULL) {
        return;
    }
    MOON_AUTOFREE char *selector = moon_asprintf("spec.nodeName=%s", d->slot->name);
    d->evictions = moon_map_new(free_eviction);
    d->pods = moon_informer_new(ds->in->client, &(struct moon_informer_opts){
                                                    .kind = &moon_kind_evictee,
                                                    .field_selector = selector,
                                                    .on_error = failed,
                                                    .on_listed = listed,
                                                    .ctx = d,
                                                });
    moon_store_listen(moon_informer_store(d->pods), pod_changed, d);
    d->is_question = true;
    ds->open_questions++;
    moon_informer_start(d->pods);
}

void moon_ds_drain_unwatch(struct moon_ds_drain *d)
{
    is_answered(d);
    moon_informer_free(moon_steal(&d->pods));
    moon_map_free(moon_steal(&d->evictions));
    moon_free(moon_steal(&d->list_error));
}

bool moon_ds_drain_knows(const struct moon_ds_drain *d)
{
    return d->pods != NULL && moon_informer_is_synced(d->pods);
}

/* ---- which ---- */

static bool is_myself(const struct moon_ds_drain *d, const struct moon_evictee *p)
{
    const struct moon_kubeconfig *config = moon_client_config(d->slot->set->ds->in->client);
    char host[256] = "";

    return gethostname(host, sizeof(host) - 1) == 0 && moon_streq(p->meta.name, host) &&
           moon_streq(config->source, "in-cluster") &&
           moon_streq(p->meta.namespace, config->namespace);
}

static enum moon_evict_verdict judge(const struct moon_ds_drain *d, const struct moon_evictee *p,
                                     const char **ret_why)
{
    return is_myself(d, p) ? MOON_EVICT_STAYS : moon_evictee_judge(p, &d->opts, ret_why);
}

static const struct eviction *eviction_of(const struct moon_ds_drain *d,
                                          const struct moon_evictee *p)
{
    return d->evictions != NULL ? moon_map_get(d->evictions, moon_str(p->meta.uid)) : NULL;
}

const char *moon_ds_drain_refusal(const struct moon_ds_drain *d, const struct moon_evictee *p)
{
    const struct eviction *e = eviction_of(d, p);

    return e != NULL ? e->refusal : NULL;
}

/* What keeps a pod from going, the more so the higher the number. */
static int weight(const struct moon_ds_drain *d, const struct moon_evictee *p,
                  enum moon_evict_verdict verdict, const char **why)
{
    if (verdict == MOON_EVICT_NEVER) {
        return 4;
    }
    if (verdict == MOON_EVICT_GOING) {
        *why = "it is being deleted";
        return 2;
    }
    const char *refusal = moon_ds_drain_refusal(d, p);
    *why = refusal != NULL ? refusal : "it is asked to go";
    return refusal != NULL ? 3 : 1;
}

static bool is_before(const struct moon_evictee *a, const struct moon_evictee *b)
{
    int order = strcmp(a->meta.namespace, b->meta.namespace);

    return order != 0 ? order < 0 : strcmp(a->meta.name, b->meta.name) < 0;
}

struct moon_ds_drain_left moon_ds_drain_left(const struct moon_ds_drain *d)
{
    struct moon_ds_drain_left left = {0};
    const struct moon_object *o;
    size_t pos = 0;
    int most = 0;

    while ((o = moon_store_next(moon_informer_store(d->pods), &pos)) != NULL) {
        const struct moon_evictee *p = moon_evictee(o);
        const char *why = NULL;
        enum moon_evict_verdict verdict = judge(d, p, &why);
        if (verdict == MOON_EVICT_STAYS) {
            continue;
        }
        int mine = weight(d, p, verdict, &why);
        left.pods++;
        left.never += verdict == MOON_EVICT_NEVER;
        if (mine > most || (mine == most && is_before(p, left.first))) {
            most = mine;
            left.first = p;
            left.why = why;
        }
    }
    return left;
}

/* ---- evicting ---- */

/* What a write in flight is about; in the plan's arena. */
struct write {
    moon_sym node; /* counted */
    const char *uid;
    int64_t grace_s;
};

static void write_eviction(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    moon_evictee_write(action->namespace, action->name, w->uid, w->grace_s, out);
}

static struct moon_ds_drain *drain_of(const struct moon_ds_set *set, moon_sym node)
{
    const struct moon_ds_slot *slot = moon_ds_slot_find(set, node);

    return slot != NULL ? slot->drain : NULL;
}

/* "Cannot evict pod as it would violate the pod's disruption budget. (The disruption budget web
 * needs 1 healthy pods and has 1 currently)" */
static char *refusal_text(const struct moon_result *result)
{
    const cJSON *cause =
        result->answer != NULL
            ? cJSON_GetArrayItem(moon_json_member(result->answer->details, "causes"), 0)
            : NULL;
    const char *more = moon_json_string(cause, "message");
    struct moon_str said = moon_str_cut(moon_str(result->err->text), TEXT_MAX_BYTES);

    return more == NULL ? moon_str_dup(said)
                        : moon_asprintf("%.*s (%.200s)", MOON_STR_ARG(said), more);
}

static void note_answer(struct moon_ds_drain *d, struct eviction *e,
                        const struct moon_result *result)
{
    uint64_t now = moon_loop_now(d->slot->set->ds->in->loop);
    uint64_t told_ms = result->answer != NULL ? result->answer->retry_after_ms : 0;

    e->busy = false;
    moon_free(moon_steal(&e->refusal));
    if (result->err != NULL) {
        e->refusal = refusal_text(result);
    }
    /* Also when it was granted: then the watch is to say so, and there is nothing to ask again. */
    e->wait_ms = e->wait_ms == 0 ? AGAIN_FIRST_MS : 2 * e->wait_ms;
    e->wait_ms = e->wait_ms < AGAIN_MAX_MS ? e->wait_ms : AGAIN_MAX_MS;
    e->not_before = now + (told_ms > e->wait_ms && told_ms < AGAIN_MAX_MS ? told_ms : e->wait_ms);
    moon_ds_slot_mark(d->slot);
}

static void tell_evicted(struct moon_ds_set *set, const struct moon_result *result)
{
    bool is_dry = set->ds->in->config->dry_run;

    moon_info(MOON_DS_TOPIC, is_dry ? "would evict pod" : "evicted pod", "key", set->key,
              "namespace", result->action->namespace, "pod", result->action->name, "node",
              result->action->target, "reason", result->action->reason);
}

static void evicted(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct write *w = result->action->detail;
    struct moon_ds_drain *d = drain_of(set, w->node);
    struct eviction *e =
        d != NULL && d->evictions != NULL ? moon_map_get(d->evictions, moon_str(w->uid)) : NULL;

    if (!set->gone && result->err == NULL) {
        tell_evicted(set, result);
    }
    if (e != NULL) {
        note_answer(d, e, result);
    }
    moon_ds_set_written(set);
    moon_sym_unref(moon_steal(&w->node));
    moon_ds_set_release(set);
}

static void plan_eviction(struct moon_ds_drain *d, const struct moon_evictee *p, struct eviction *e,
                          struct moon_plan *plan, const char *reason)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_ds_set *set = d->slot->set;
    struct write *w = moon_arena_alloc(arena, sizeof(*w));

    *w = (struct write){.node = moon_sym_ref(d->slot->name),
                        .uid = moon_arena_strdup(arena, p->meta.uid),
                        .grace_s = d->opts.grace_s};
    e->busy = true;
    d->emptied = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_CREATE,
                            .resource = &moon_resource_pods,
                            .namespace = moon_arena_strdup(arena, p->meta.namespace),
                            .name = moon_arena_strdup(arena, p->meta.name),
                            .subresource = "eviction",
                            .target = moon_arena_strdup(arena, d->slot->name),
                            .reason = moon_arena_strdup(arena, reason),
                            .once = true,
                            .write_body = write_eviction,
                            .on_done = evicted,
                            .ctx = set,
                            .detail = w,
                        });
}

static struct eviction *eviction_get(struct moon_ds_drain *d, const struct moon_evictee *p)
{
    struct eviction *e = moon_map_get(d->evictions, moon_str(p->meta.uid));

    if (e == NULL) {
        e = moon_new(struct eviction);
        moon_map_set(d->evictions, moon_str(p->meta.uid), e);
    }
    return e;
}

void moon_ds_drain_evict(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason)
{
    uint64_t now = moon_loop_now(d->slot->set->ds->in->loop);
    const struct moon_object *o;
    size_t pos = 0;

    if (!moon_ds_drain_knows(d) || moon_ds_drain_left(d).never > 0) {
        return;
    }
    while ((o = moon_store_next(moon_informer_store(d->pods), &pos)) != NULL) {
        const struct moon_evictee *p = moon_evictee(o);
        if (judge(d, p, NULL) != MOON_EVICT_IT || moon_plan_count(plan) >= MOON_DS_BURST) {
            continue;
        }
        struct eviction *e = eviction_get(d, p);
        if (!e->busy && e->not_before <= now) {
            plan_eviction(d, p, e, plan, reason);
        } else if (!e->busy) {
            moon_plan_requeue(plan, e->not_before - now);
        }
    }
}
