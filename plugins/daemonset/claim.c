/* SPDX-License-Identifier: Apache-2.0
 *
 * claim.c - adoption and release of pods, and the pods that the main watch does not show.
 *
 * The main watch selects on the hash label. Before the first create of a set, and every few minutes
 * after, one list asks for pods that match the set's selector and lack that label; if there are
 * any, a watch of the set's own (`strays`) follows them until none is left.
 */
#include "daemonset/daemonset_priv.h"

#include "base/random.h"

enum {
    LOOK_AGAIN_MS = 5000,
    RECHECK_AGAIN_MS = 5000,
    REFUSED_FIRST_MS = 5000,
    REFUSED_MAX_MS = 5 * 60 * 1000,
    DOOMED_MS = 30000, /* for the watch to say so, too */
};

/* ---- pods without the hash label ---- */

static void stray_changed(const struct moon_change *change, void *ctx)
{
    struct moon_ds_set *set = ctx;
    const struct moon_object *o =
        change->new_object != NULL ? change->new_object : change->old_object;

    if (change->new_object != NULL && moon_informer_is_outside(set->ds->pods, o->uid)) {
        moon_informer_release(set->ds->pods, o->uid); /* we follow it now */
    }
    moon_ds_set_pod_changed(set, o->uid);
}

static void stray_left_view(const struct moon_object *object, void *ctx)
{
    struct moon_ds_set *set = ctx;

    /* The label is back: the main watch shows it, or will when its event arrives. */
    if (moon_store_get_uid(moon_ds_pod_store(set->ds), object->uid) != NULL) {
        moon_informer_release(set->strays, object->uid);
    }
}

static void stray_error(const struct moon_err *err, void *ctx)
{
    const struct moon_ds_set *set = ctx;

    moon_warn(MOON_DS_TOPIC, "watch of pods without the hash label", "key", set->key, "err",
              err->text);
}

static void stray_synced(void *ctx)
{
    moon_ds_set_enqueue(ctx);
}

static char *stray_selector(const struct moon_ds_set *set)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);

    moon_selector_write(set->object->selector, &text);
    moon_buf_puts(&text, text.len > 0 ? ",!" MOON_LABEL_HASH : "!" MOON_LABEL_HASH);
    return moon_buf_take(&text, NULL);
}

void moon_ds_claim_follow_strays(struct moon_ds_set *set)
{
    if (set->strays != NULL || set->object->selector == NULL) {
        return;
    }
    MOON_AUTOFREE char *selector = stray_selector(set);
    set->strays =
        moon_informer_new(set->ds->in->client, &(struct moon_informer_opts){
                                                   .kind = &moon_kind_pod,
                                                   .namespace = set->object->meta.namespace,
                                                   .label_selector = selector,
                                                   .on_left_view = stray_left_view,
                                                   .on_error = stray_error,
                                                   .on_synced = stray_synced,
                                                   .ctx = set,
                                               });
    moon_store_listen(moon_informer_store(set->strays), stray_changed, set);
    moon_informer_start(set->strays);
    moon_info(MOON_DS_TOPIC, "following pods without the hash label", "key", set->key);
}

static void drop_idle_strays(struct moon_ds_set *set)
{
    if (set->strays != NULL && moon_informer_is_synced(set->strays) &&
        moon_store_count(moon_informer_store(set->strays)) == 0) {
        moon_informer_free(set->strays);
        set->strays = NULL;
    }
}

static void look_item(enum moon_event event, struct moon_str object, void *ctx)
{
    struct moon_ds_set *set = ctx;

    (void)event;
    (void)object;
    set->look_found = true;
}

static void look_again(void *ctx)
{
    struct moon_ds_set *set = ctx;

    set->look = set->look == MOON_DS_LOOK_DONE ? MOON_DS_LOOK_REPEAT : MOON_DS_LOOK_NEEDED;
    moon_ds_set_enqueue(set);
}

static void look_done(uint64_t version, const struct moon_err *err, void *ctx)
{
    struct moon_ds_set *set = ctx;

    (void)version;
    set->look_call = NULL;
    if (err != NULL) {
        moon_warn(MOON_DS_TOPIC, "cannot look for pods without the hash label", "key", set->key,
                  "err", err->text);
        moon_timer_start(set->look_timer, moon_random_jitter(LOOK_AGAIN_MS, 0.2));
        return;
    }
    set->look = MOON_DS_LOOK_DONE;
    if (set->look_found) {
        moon_ds_claim_follow_strays(set);
    }
    moon_timer_start(set->look_timer,
                     moon_random_jitter(set->ds->in->config->orphan_interval_ms, 0.2));
    moon_ds_set_enqueue(set);
}

static void look(struct moon_ds_set *set)
{
    MOON_AUTOFREE char *selector = stray_selector(set);

    if (set->look_timer == NULL) {
        set->look_timer = moon_timer_new(set->ds->in->loop, look_again, set);
    }
    set->look = set->look == MOON_DS_LOOK_REPEAT ? MOON_DS_LOOK_DONE : MOON_DS_LOOK_RUNNING;
    set->look_found = false;
    set->look_call =
        moon_list_start(set->ds->in->client, &(struct moon_list_opts){
                                                 .resource = &moon_resource_pods,
                                                 .namespace = set->object->meta.namespace,
                                                 .label_selector = selector,
                                                 .page_limit = 500,
                                                 .on_object = look_item,
                                                 .on_done = look_done,
                                                 .ctx = set,
                                             });
}

bool moon_ds_claim_is_complete(struct moon_ds_set *set)
{
    if (set->recheck != NULL) {
        return false; /* the set may be on its way out */
    }
    if (set->ds->in->config->pod_watch == MOON_POD_WATCH_ALL) {
        return true;
    }
    if ((set->look == MOON_DS_LOOK_NEEDED || set->look == MOON_DS_LOOK_REPEAT) &&
        set->look_call == NULL) {
        look(set);
    }
    return set->look == MOON_DS_LOOK_DONE &&
           (set->strays == NULL || moon_informer_is_synced(set->strays));
}

void moon_ds_claim_fini(struct moon_ds_set *set)
{
    if (set->look_call != NULL) {
        moon_list_cancel(set->look_call);
        set->look_call = NULL;
    }
    if (set->recheck != NULL) {
        moon_client_cancel(set->recheck);
        set->recheck = NULL;
    }
    moon_timer_free(set->look_timer);
    set->look_timer = NULL;
    moon_informer_free(set->strays);
    set->strays = NULL;
    moon_map_free(set->claim_waits);
    set->claim_waits = NULL;
}

/* ---- refusals ---- */

/* Whoever refuses a claim (a webhook, a missing permission) refuses it again, and a set has events
 * all the time. */
struct wait {
    uint64_t until;
    uint64_t wait_ms;
};

uint64_t moon_ds_claim_next_wait_ms(uint64_t last_ms)
{
    uint64_t wait_ms = last_ms > 0 ? 2 * last_ms : REFUSED_FIRST_MS;

    return wait_ms < REFUSED_MAX_MS ? wait_ms : REFUSED_MAX_MS;
}

static void put_off(struct moon_ds_set *set, const char *uid)
{
    if (set->claim_waits == NULL) {
        set->claim_waits = moon_map_new(moon_free);
    }
    struct wait *w = moon_map_get(set->claim_waits, moon_str(uid));
    if (w == NULL) {
        w = moon_new(struct wait);
        moon_map_set(set->claim_waits, moon_str(uid), w);
    }
    w->wait_ms = moon_ds_claim_next_wait_ms(w->wait_ms);
    w->until = moon_loop_now(set->ds->in->loop) + w->wait_ms;
}

static bool has_to_wait(const struct moon_ds_set *set, const struct moon_ds_pod *p,
                        struct moon_plan *plan)
{
    uint64_t now = moon_loop_now(set->ds->in->loop);
    const struct wait *w = NULL;

    if (set->claim_waits != NULL) {
        w = moon_map_get(set->claim_waits, moon_str(p->pod->meta.uid));
    }
    if (w == NULL || w->until <= now) {
        return false;
    }
    moon_plan_requeue(plan, w->until - now);
    return true;
}

static void forget_wait(struct moon_ds_set *set, const char *uid)
{
    if (set->claim_waits != NULL) {
        (void)moon_map_remove(set->claim_waits, moon_str(uid));
    }
}

static void forget_idle_waits(struct moon_ds_set *set)
{
    if (set->claim_waits != NULL && moon_map_count(set->claims) == 0) {
        moon_map_free(set->claim_waits);
        set->claim_waits = NULL;
    }
}

/* ---- adoption and release ---- */

/* What a claim is about; in the plan's arena. */
struct claim {
    const char *uid; /* of the pod */
};

static void write_head(const struct moon_action *action, struct moon_buf *out)
{
    const struct claim *claim = action->detail;

    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(claim->uid));
    moon_buf_puts(out, ",\"ownerReferences\":");
}

static void write_release(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;

    write_head(action, out);
    moon_buf_puts(out, "[{\"$patch\":\"delete\",\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_puts(out, "}]}}");
}

static void write_adoption(const struct moon_action *action, struct moon_buf *out)
{
    write_head(action, out);
    moon_ds_body_owner_refs(action->ctx, out);
    moon_buf_puts(out, "}}");
}

static void claim_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    const struct claim *claim = result->action->detail;
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(claim->uid));

    if (p != NULL) {
        p->patching = false;
    }
    if (!set->gone && result->err == NULL) {
        forget_wait(set, claim->uid);
        moon_ds_store_pod(set, result->answer->body);
        moon_ds_set_written(set);
    } else if (!set->gone && result->err->code == MOON_E_NOT_FOUND) {
        moon_ds_pod_is_gone(set, claim->uid);
        moon_ds_set_written(set);
    } else if (!set->gone && result->err->code != MOON_E_CANCELLED) {
        put_off(set, claim->uid);
    }
    moon_ds_set_release(set);
}

static void plan_claim(struct moon_ds_set *set, struct moon_ds_pod *p, struct moon_plan *plan)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct claim *claim = moon_arena_alloc(arena, sizeof(*claim));

    claim->uid = moon_arena_strdup(arena, p->pod->meta.uid);
    p->patching = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_STRATEGIC,
                            .resource = &moon_resource_pods,
                            .namespace = moon_arena_strdup(arena, p->pod->meta.namespace),
                            .name = moon_arena_strdup(arena, p->pod->meta.name),
                            .target = moon_arena_strdup(arena, p->pod->target),
                            .reason = p->orphan ? "adopt: the selector matches and nobody owns it"
                                                : "release: the selector no longer matches",
                            .write_body = p->orphan ? write_adoption : write_release,
                            .on_done = claim_done,
                            .ctx = set,
                            .detail = claim,
                        });
}

/* ---- is the set alive? ---- */

static bool is_alive(const struct moon_ds_set *set, struct moon_str body)
{
    struct moon_str value;
    MOON_AUTOFREE char *wanted = moon_asprintf("\"%s\"", set->uid);

    if (moon_json_find(body, MOON_JSON_PATH("metadata", "deletionTimestamp"), &value) &&
        !moon_str_is(value, "null")) {
        return false;
    }
    return moon_json_find(body, MOON_JSON_PATH("metadata", "uid"), &value) &&
           moon_str_is(value, wanted);
}

static void recheck_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_ds_set *set = ctx;

    set->recheck = NULL;
    if (err != NULL && err->code != MOON_E_NOT_FOUND) {
        moon_warn(MOON_DS_TOPIC, "can't recheck DeletionTimestamp", "key", set->key, "err",
                  err->text);
        set->recheck_at = moon_loop_now(set->ds->in->loop) + RECHECK_AGAIN_MS;
        moon_controller_enqueue_after(set->ds->controller, moon_str(set->key), RECHECK_AGAIN_MS);
        return;
    }
    set->recheck_ok = err == NULL && is_alive(set, answer->body);
    if (!set->recheck_ok) {
        set->doomed_until = moon_loop_now(set->ds->in->loop) + DOOMED_MS;
        moon_info(MOON_DS_TOPIC, "the set is being deleted or is another one: nothing is done",
                  "key", set->key);
    }
    moon_ds_set_enqueue(set);
}

/* Before anything is adopted, ask the server itself whether the set is still there: the cache may
 * not know of its deletion yet, and what is adopted now would be collected with it. */
bool moon_ds_claim_may_adopt(struct moon_ds_set *set)
{
    if (set->recheck_ok) {
        return true;
    }
    if (set->recheck == NULL && moon_loop_now(set->ds->in->loop) >= set->recheck_at) {
        set->recheck = moon_client_send(
            set->ds->in->client, &(struct moon_request){.verb = MOON_VERB_GET,
                                                        .resource = &moon_resource_daemonsets,
                                                        .namespace = set->object->meta.namespace,
                                                        .name = set->object->meta.name,
                                                        .on_done = recheck_done,
                                                        .ctx = set});
    }
    return false;
}

void moon_ds_claim(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_ds_pod *p;
    size_t pos = 0;

    drop_idle_strays(set);
    forget_idle_waits(set);
    while (moon_map_next(set->claims, &pos, NULL, (void **)&p)) {
        if (!p->patching && moon_plan_count(plan) < MOON_DS_BURST && !has_to_wait(set, p, plan) &&
            (p->foreign || moon_ds_claim_may_adopt(set))) {
            plan_claim(set, p, plan);
        }
    }
}
