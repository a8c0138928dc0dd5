/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - the counters of a DaemonSet's status, written when they change.
 *
 * A merge patch of the eight fields that are ours: conditions and collisionCount of others pass
 * untouched, and no stale copy of the rest can overwrite anything. While a roll runs, writes are at
 * least STATUS_INTERVAL_MS apart (more after failures); the last one is never lost, since the plan
 * asks again.
 */
#include "daemonset/daemonset_priv.h"

enum {
    STATUS_INTERVAL_MS = 250,
    STATUS_MAX_WAIT_MS = 60000,
};

static bool is_current(const struct moon_ds_set *set)
{
    const struct moon_daemonset_status *s = &set->object->status;

    return s->desired == set->sums.desired && s->current == set->sums.current &&
           s->ready == set->sums.ready && s->available == set->sums.available &&
           s->updated == set->sums.updated && s->misscheduled == set->sums.misscheduled &&
           s->unavailable == set->sums.desired - set->sums.available &&
           s->observed_generation >= set->observed;
}

static void write_status(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;

    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_printf(
        out,
        "},\"status\":{\"desiredNumberScheduled\":%lld,\"currentNumberScheduled\":%lld,"
        "\"numberReady\":%lld,\"numberAvailable\":%lld,\"numberUnavailable\":%lld,"
        "\"updatedNumberScheduled\":%lld,\"numberMisscheduled\":%lld,"
        "\"observedGeneration\":%lld}}",
        (long long)set->sums.desired, (long long)set->sums.current, (long long)set->sums.ready,
        (long long)set->sums.available, (long long)(set->sums.desired - set->sums.available),
        (long long)set->sums.updated, (long long)set->sums.misscheduled, (long long)set->observed);
}

static void status_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct moon_object *object;
    struct moon_err err;

    set->status_busy = false;
    if (result->err != NULL) {
        set->status_wait_ms = 2 * set->status_wait_ms < STATUS_MAX_WAIT_MS ? 2 * set->status_wait_ms
                                                                           : STATUS_MAX_WAIT_MS;
    } else if (!set->gone) {
        set->status_wait_ms = STATUS_INTERVAL_MS;
        if (moon_object_project(&moon_kind_daemonset, result->answer->body, &object, &err) == 0 &&
            object != NULL) {
            (void)moon_store_put_write(moon_informer_store(set->ds->sets), object);
        }
        moon_ds_set_enqueue(set); /* the sums may have moved on meanwhile */
    }
    moon_ds_set_release(set);
}

void moon_ds_status(struct moon_ds_set *set, struct moon_plan *plan)
{
    uint64_t now = moon_loop_now(set->ds->in->loop);
    struct moon_arena *arena = moon_plan_arena(plan);

    moon_ds_slot_evaluate_all(set);
    /* Counters of the new template only count once its revision is known: until then a client
     * that waits for observedGeneration must go on waiting. */
    if (!set->history_dirty && !set->history_busy) {
        set->observed = set->object->meta.generation;
    }
    if (set->observed < set->object->status.observed_generation) {
        set->observed = set->object->status.observed_generation;
    }
    if (set->status_busy || is_current(set)) {
        return;
    }
    if (set->status_wait_ms == 0) {
        set->status_wait_ms = STATUS_INTERVAL_MS;
    } else if (now - set->status_at < set->status_wait_ms) {
        moon_plan_requeue(plan, set->status_wait_ms - (now - set->status_at));
        return;
    }
    set->status_busy = true;
    set->status_at = now;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_MERGE,
                            .resource = &moon_resource_daemonsets,
                            .namespace = moon_arena_strdup(arena, set->object->meta.namespace),
                            .name = moon_arena_strdup(arena, set->object->meta.name),
                            .subresource = "status",
                            .reason = "the counters have changed",
                            .write_body = write_status,
                            .on_done = status_done,
                            .ctx = set,
                        });
}
