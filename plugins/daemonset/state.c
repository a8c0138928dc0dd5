/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c - what the set's policies remember (moonset.kv), in its annotation moonset.dev/state.
 *
 * What a hook has stored is seen by the next one at once, whether the server has it yet or not; it
 * is written when the hooks have been asked, at most every INTERVAL_MS, and ever more seldom while
 * that fails. The annotation is read when it has changed and we have nothing to write: what another
 * process or a person put there. What cannot be read is left alone: policies that ask for it fail,
 * and say why. A change of this annotation alone wakes nobody (see set.c): a policy that stores
 * something new each time it is asked would be asked again for that, for ever.
 */
#include "daemonset/daemonset_priv.h"

enum {
    INTERVAL_MS = 250,
    MAX_WAIT_MS = 60000,
    TEXT_MAX_BYTES = 64 * 1024,
};

static bool has_news(const struct moon_ds_set *set)
{
    return moon_kv_version(set->kv) != set->state_version;
}

void moon_ds_state_read(struct moon_ds_set *set)
{
    const char *text = moon_labels_get(&set->object->meta.annotations, MOON_DS_STATE);
    struct moon_err err;

    if (set->kv == NULL) {
        set->kv = moon_kv_new();
        set->state_wait_ms = INTERVAL_MS;
    }
    if (set->state_busy || has_news(set) || moon_streq(text, set->state_text)) {
        return;
    }
    moon_free(set->state_text);
    set->state_text = moon_strdup(text);
    if (moon_kv_read(set->kv, moon_str(text), &err) != 0) {
        moon_warn(MOON_DS_TOPIC, "what policies remember cannot be read", "key", set->key,
                  "annotation", MOON_DS_STATE, "err", err.text);
    }
    set->state_version = moon_kv_version(set->kv);
}

void moon_ds_state_fini(struct moon_ds_set *set)
{
    moon_kv_free(set->kv);
    moon_free(set->state_text);
}

/* ---- writing ---- */

static void write_patch(const struct moon_action *action, struct moon_buf *out)
{
    struct moon_ds_set *set = action->ctx;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);

    moon_kv_write(set->kv, &text); /* the newest, whenever it is sent */
    set->state_sent = moon_kv_version(set->kv);
    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_puts(out, ",\"annotations\":{\"" MOON_DS_STATE "\":");
    moon_json_add_string(out, moon_buf_str(&text));
    moon_buf_puts(out, "}}}");
}

static void written(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;

    set->state_busy = false;
    if (result->err == NULL) {
        set->state_version = set->state_sent;
        set->state_wait_ms = INTERVAL_MS;
    } else if (set->state_wait_ms < MAX_WAIT_MS) {
        set->state_wait_ms *= 2;
    }
    if (!set->gone && result->err == NULL) {
        moon_ds_set_store(set, result->answer->body);
    }
    if (!set->gone && has_news(set)) {
        moon_ds_set_written(set);
    }
    moon_ds_set_release(set);
}

void moon_ds_state_write(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    uint64_t since = moon_loop_now(set->ds->in->loop) - set->state_at;

    if (set->kv == NULL || set->state_busy || !has_news(set)) {
        return;
    }
    if (set->state_at > 0 && since < set->state_wait_ms) {
        moon_plan_requeue(plan, set->state_wait_ms - since);
        return;
    }
    set->state_busy = true;
    set->state_at = moon_loop_now(set->ds->in->loop);
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_MERGE,
                            .resource = &moon_resource_daemonsets,
                            .namespace = moon_arena_strdup(arena, set->object->meta.namespace),
                            .name = moon_arena_strdup(arena, set->object->meta.name),
                            .reason = "what its policies remember has changed",
                            .write_body = write_patch,
                            .on_done = written,
                            .ctx = set,
                        });
}
