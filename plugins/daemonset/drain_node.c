/* SPDX-License-Identifier: Apache-2.0
 *
 * drain_node.c - the writes of a node that is drained: cordon, and give back; and nodes whose set
 * is gone.
 */
#include "daemonset/drain_priv.h"

#include "base/time.h"

enum {
    CONFLICT_AGAIN_MS = 1000, /* the watch tells of the other write by then */
    DRY_RUN_AGAIN_MS = 30000,
};

/* What a write in flight is about; in the plan's arena. */
struct write {
    moon_sym node; /* counted */
    moon_sym uid;  /* counted */
    uint64_t version;
    const char *by; /* to be marked as cordoned by this set; NULL: to be given back */
    int64_t now_s;
    bool is_lifted; /* somebody has uncordoned it: only the mark goes */
    const char *why;
};

static void write_node(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;
    char began[MOON_TIME_TEXT];

    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(w->uid));
    moon_buf_printf(out, ",\"resourceVersion\":\"%llu\",\"annotations\":{",
                    (unsigned long long)w->version);
    if (w->by == NULL) {
        moon_buf_printf(out,
                        "\"" MOON_ANNOTATION_DRAINED_BY "\":null,\"" MOON_ANNOTATION_DRAIN_BEGAN
                        "\":null}}%s}",
                        w->is_lifted ? "" : ",\"spec\":{\"unschedulable\":null}");
        return;
    }
    moon_buf_puts(out, "\"" MOON_ANNOTATION_DRAINED_BY "\":");
    moon_json_add_string(out, moon_str(w->by));
    moon_buf_printf(out, ",\"" MOON_ANNOTATION_DRAIN_BEGAN "\":\"%s\"}},",
                    moon_time_format(w->now_s, began));
    moon_buf_puts(out, "\"spec\":{\"unschedulable\":true}}");
}

static struct write *write_new(const struct moon_ds *ds, struct moon_plan *plan,
                               const struct moon_node *node, const char *by, const char *why)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct write *w = moon_arena_alloc(arena, sizeof(*w));

    *w = (struct write){
        .node = moon_sym_ref(node->meta.name),
        .uid = moon_sym_ref(node->meta.uid),
        .version = node->meta.version,
        .by = by != NULL ? moon_arena_strdup(arena, by) : NULL,
        .now_s = moon_loop_wall_ms(ds->in->loop) / 1000,
        .is_lifted = !node->unschedulable,
        .why = moon_arena_strdup(arena, why),
    };
    return w;
}

static void write_end(struct write *w)
{
    moon_sym_unref(moon_steal(&w->node));
    moon_sym_unref(moon_steal(&w->uid));
}

static void add_write(struct moon_plan *plan, struct write *w,
                      void (*on_done)(const struct moon_result *result, void *ctx), void *ctx)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    const char *what = w->by != NULL ? "cordon" : w->is_lifted ? "forget" : "uncordon";

    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_MERGE,
                            .resource = &moon_resource_nodes,
                            .name = moon_arena_strdup(arena, w->node),
                            .reason = moon_arena_printf(arena, "%s: %s", what, w->why),
                            .write_body = write_node,
                            .on_done = on_done,
                            .ctx = ctx,
                            .detail = w,
                        });
}

static void store_node(struct moon_ds *ds, struct moon_str body)
{
    struct moon_store *nodes = moon_informer_store(ds->nodes);
    struct moon_object *object;
    struct moon_err err;
    uint64_t version;

    if (moon_store_known(nodes, body, &version) == NULL &&
        moon_object_project(&moon_kind_node, body, &object, &err) == 0) {
        (void)moon_store_put_write(nodes, object);
    }
}

/* ---- of a set ---- */

static void tell(struct moon_ds_set *set, const struct write *w)
{
    bool is_dry = set->ds->in->config->dry_run;
    bool is_back = w->by == NULL && !w->is_lifted;
    const char *what = w->by != NULL ? "Draining" : is_back ? "Uncordoned" : "Left alone";

    moon_info(MOON_DS_TOPIC, is_dry ? "would write node" : "wrote node", "key", set->key, "node",
              w->node, "what", what, "reason", w->why);
    if (w->by != NULL || is_back) {
        MOON_AUTOFREE char *text = moon_asprintf("%s node %s", what, w->node);
        moon_ds_event(set, MOON_EVENT_NORMAL, w->by != NULL ? "NodeDraining" : "NodeUncordoned",
                      text, w->why);
    }
}

static void put_off(struct moon_ds_drain *d, const struct write *w, const struct moon_err *err)
{
    bool conflict = err->code == MOON_E_CONFLICT;
    uint64_t now = moon_loop_now(d->slot->set->ds->in->loop);

    d->write_wait_ms = conflict ? CONFLICT_AGAIN_MS : moon_ds_claim_next_wait_ms(d->write_wait_ms);
    d->write_at = now + d->write_wait_ms;
    moon_free(moon_steal(&d->write_error));
    if (!conflict && err->code != MOON_E_CANCELLED) {
        d->write_error = moon_asprintf("it cannot be %s: %s",
                                       w->by != NULL ? "cordoned" : "uncordoned", err->text);
        moon_ds_drain_tell_trouble(d, d->write_error);
    }
}

static void note_answer(struct moon_ds_drain *d, const struct moon_result *result)
{
    const struct write *w = result->action->detail;

    d->writing = false;
    if (d->slot->set->ds->in->config->dry_run) {
        d->write_at = moon_loop_now(d->slot->set->ds->in->loop) + DRY_RUN_AGAIN_MS;
    }
    if (result->err != NULL) {
        put_off(d, w, result->err);
    } else {
        moon_free(moon_steal(&d->write_error));
        d->write_wait_ms = 0;
        d->emptied |= w->by != NULL;
    }
    moon_ds_slot_mark(d->slot);
}

static void written(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct write *w = result->action->detail;

    if (!set->gone && result->err == NULL) {
        tell(set, w);
    }
    if (!set->gone && result->err == NULL && !set->ds->in->config->dry_run) {
        store_node(set->ds, result->answer->body);
    }
    const struct moon_ds_slot *slot = moon_ds_slot_find(set, w->node);
    if (slot != NULL && slot->drain != NULL) {
        note_answer(slot->drain, result);
    }
    moon_ds_set_written(set);
    write_end(w);
    moon_ds_set_release(set);
}

static bool may_write(const struct moon_ds_drain *d, struct moon_plan *plan)
{
    uint64_t now = moon_loop_now(d->slot->set->ds->in->loop);

    if (!d->writing && d->write_at > now) {
        moon_plan_requeue(plan, d->write_at - now);
    }
    return !d->writing && d->write_at <= now;
}

static void plan_write(struct moon_ds_drain *d, struct moon_plan *plan, const char *by,
                       const char *reason)
{
    struct moon_ds_set *set = d->slot->set;

    if (may_write(d, plan)) {
        d->writing = true;
        moon_ds_set_hold(set);
        add_write(plan, write_new(set->ds, plan, d->slot->node, by, reason), written, set);
    }
}

void moon_ds_drain_plan_cordon(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason)
{
    const struct moon_node *node = d->slot->node;

    /* It may have been somebody else's since the policy was asked. */
    if (!node->unschedulable && node->drained_by == NULL) {
        plan_write(d, plan, d->slot->set->key, reason);
    } else if (!d->writing) {
        d->over = true;
    }
}

void moon_ds_drain_plan_return(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason)
{
    plan_write(d, plan, NULL, reason);
}

/* ---- of a set that is gone ---- */

/* What a restricted moonset does not see may well be there. */
static bool may_judge(const struct moon_ds *ds, struct moon_str key)
{
    struct moon_str namespace;

    return ds->in->config->namespace == NULL || (moon_str_split(&key, '/', &namespace) &&
                                                 moon_str_is(namespace, ds->in->config->namespace));
}

static bool is_left(const struct moon_node *node, struct moon_str key)
{
    return node->drained_by != NULL && moon_str_is(key, node->drained_by);
}

static void returned(const struct moon_result *result, void *ctx)
{
    struct moon_ds *ds = ctx;
    struct write *w = result->action->detail;
    bool is_dry = ds->in->config->dry_run;
    const struct moon_object *node = moon_store_get(moon_informer_store(ds->nodes), NULL, w->node);

    (void)moon_map_remove(ds->returning, moon_str(w->node));
    if (result->err == NULL) {
        moon_info(MOON_DS_TOPIC, is_dry ? "would uncordon node" : "uncordoned node", "node",
                  w->node, "reason", w->why);
    }
    if (result->err == NULL && !is_dry && node != NULL) {
        moon_recorder_event(ds->in->recorder, node, MOON_EVENT_NORMAL, "NodeUncordoned",
                            "Uncordoned node %s: %s", w->node, w->why);
        store_node(ds, result->answer->body);
    }
    write_end(w);
}

void moon_ds_drain_return_all(struct moon_ds *ds, struct moon_str key, struct moon_plan *plan)
{
    const struct moon_object *o;
    size_t pos = 0;

    if (!may_judge(ds, key)) {
        return;
    }
    while ((o = moon_store_next(moon_informer_store(ds->nodes), &pos)) != NULL) {
        const struct moon_node *node = moon_node(o);
        if (is_left(node, key) && !moon_map_has(ds->returning, moon_str(o->name))) {
            moon_map_set(ds->returning, moon_str(o->name), NULL);
            const char *why = moon_arena_printf(
                moon_plan_arena(plan), "set %.*s, which drained it, is gone", MOON_STR_ARG(key));
            add_write(plan, write_new(ds, plan, node, NULL, why), returned, ds);
        }
    }
}

void moon_ds_drain_saw_node(struct moon_ds *ds, const struct moon_node *node)
{
    if (node->drained_by != NULL && !moon_map_has(ds->by_key, moon_str(node->drained_by))) {
        moon_controller_enqueue(ds->controller, moon_str(node->drained_by));
    }
}

void moon_ds_drain_set_is_gone(struct moon_ds *ds, struct moon_str key)
{
    const struct moon_object *o;
    size_t pos = 0;

    while ((o = moon_store_next(moon_informer_store(ds->nodes), &pos)) != NULL) {
        if (is_left(moon_node(o), key)) {
            moon_controller_enqueue(ds->controller, key);
            return;
        }
    }
}
