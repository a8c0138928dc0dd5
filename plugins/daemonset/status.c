/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - the counters of a DaemonSet's status, and its conditions, written when they change.
 *
 * A merge patch of the eight fields that are ours, and of the conditions when ours change (see
 * conditions.c): what others wrote passes untouched, and no stale copy of the rest can overwrite
 * anything. While a roll runs, writes are at
 * least STATUS_INTERVAL_MS apart (more when they fail or do not last); the last one is never lost,
 * since the plan asks again. Nothing is written while a counter is not known: zeros over the
 * numbers of a predecessor would be lies.
 */
#include "daemonset/daemonset_priv.h"

enum {
    STATUS_INTERVAL_MS = 250,
    STATUS_MAX_WAIT_MS = 60000,
};

static struct moon_daemonset_status wanted(const struct moon_ds_set *set)
{
    return (struct moon_daemonset_status){
        .desired = set->sums.desired,
        .current = set->sums.current,
        .ready = set->sums.ready,
        .available = set->sums.available,
        .updated = set->sums.updated,
        .misscheduled = set->sums.misscheduled,
        .unavailable = set->sums.desired - set->sums.available,
        .observed_generation = set->observed,
    };
}

/* The generation observed may be ahead of what we would write. */
static bool covers(const struct moon_daemonset_status *has,
                   const struct moon_daemonset_status *wants)
{
    return has->desired == wants->desired && has->current == wants->current &&
           has->ready == wants->ready && has->available == wants->available &&
           has->updated == wants->updated && has->misscheduled == wants->misscheduled &&
           has->unavailable == wants->unavailable &&
           has->observed_generation >= wants->observed_generation;
}

static bool is_known(const struct moon_ds_set *set)
{
    return set->hash != NULL && set->sums.undecided == 0;
}

static void write_counters(const struct moon_daemonset_status *s, struct moon_buf *out)
{
    moon_buf_printf(out,
                    "\"desiredNumberScheduled\":%lld,"
                    "\"currentNumberScheduled\":%lld,\"numberReady\":%lld,"
                    "\"numberAvailable\":%lld,\"numberUnavailable\":%lld,"
                    "\"updatedNumberScheduled\":%lld,\"numberMisscheduled\":%lld,"
                    "\"observedGeneration\":%lld",
                    (long long)s->desired, (long long)s->current, (long long)s->ready,
                    (long long)s->available, (long long)s->unavailable, (long long)s->updated,
                    (long long)s->misscheduled, (long long)s->observed_generation);
}

static void write_status(const struct moon_action *action, struct moon_buf *out)
{
    struct moon_ds_set *set = action->ctx;
    bool says = !moon_ds_conditions_are_written(set);

    if (set->status_sends++ > 0) {
        moon_ds_rival_doubt(set); /* the one before may land yet */
    }
    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    if (says) { /* a list replaces the one it was made from, and no other */
        moon_buf_printf(out, ",\"resourceVersion\":\"%llu\"",
                        (unsigned long long)set->object->meta.version);
    }
    moon_buf_puts(out, "},\"status\":{");
    if (is_known(set)) {
        set->status_sent = wanted(set); /* the newest, whenever it is sent */
        write_counters(&set->status_sent, out);
    }
    if (says) {
        moon_buf_puts(out, is_known(set) ? ",\"conditions\":" : "\"conditions\":");
        moon_ds_conditions_write(set, out);
        set->conditions_sent = set->conditions_version;
    }
    moon_buf_puts(out, "}}");
}

static void status_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;

    set->status_busy = false;
    set->status_failed = result->err != NULL;
    if (!set->gone && result->err == NULL) {
        moon_ds_set_store(set, result->answer->body);
        moon_ds_set_written(set); /* the sums may have moved on meanwhile */
    }
    moon_ds_set_release(set);
}

/* Counters of the new template only count once its revision is known: until then a client that
 * waits for observedGeneration must go on waiting. It never goes down. */
static void observe(struct moon_ds_set *set)
{
    int64_t seen = set->object->status.observed_generation;

    if (moon_ds_history_is_known(set)) {
        set->observed = set->object->meta.generation;
    }
    set->observed = seen > set->observed ? seen : set->observed;
}

/* May we write now? Else the plan asks again. After a failure, and when what we said last is not so
 * (somebody else writes other numbers, or the server drops ours), we write ever more seldom. */
static bool may_write(struct moon_ds_set *set, const struct moon_daemonset_status *wants,
                      struct moon_plan *plan)
{
    uint64_t since = moon_loop_now(set->ds->in->loop) - set->status_at;
    bool new_counters = is_known(set) && !covers(&set->status_sent, wants);
    bool new_words = set->conditions_version != set->conditions_sent;
    bool trouble = set->status_failed || !(new_counters || new_words);
    uint64_t wait_ms = trouble ? set->status_wait_ms : STATUS_INTERVAL_MS;

    if (set->status_at > 0 && since < wait_ms) {
        moon_plan_requeue(plan, wait_ms - since);
        return false;
    }
    if (!trouble) {
        set->status_wait_ms = STATUS_INTERVAL_MS;
    } else if (set->status_wait_ms < STATUS_MAX_WAIT_MS) {
        set->status_wait_ms *= 2;
    }
    return true;
}

void moon_ds_status(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_daemonset_status wants;

    moon_ds_slot_evaluate_all(set);
    observe(set);
    wants = wanted(set);
    if (!is_known(set)) {
        moon_plan_note(plan, NULL, "no status: the counters are not known yet");
    }
    bool is_counted = !is_known(set) || covers(&set->object->status, &wants);
    bool is_said = moon_ds_conditions_are_written(set);
    if (set->status_busy || (is_counted && is_said) || !may_write(set, &wants, plan)) {
        return;
    }
    set->status_busy = true;
    set->status_sends = 0;
    set->status_at = moon_loop_now(set->ds->in->loop);
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_MERGE,
                            .resource = &moon_resource_daemonsets,
                            .namespace = moon_arena_strdup(arena, set->object->meta.namespace),
                            .name = moon_arena_strdup(arena, set->object->meta.name),
                            .subresource = "status",
                            .reason = is_counted ? "the conditions have changed"
                                                 : "the counters have changed",
                            .write_body = write_status,
                            .on_done = status_done,
                            .ctx = set,
                        });
}
