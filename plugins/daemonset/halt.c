/* SPDX-License-Identifier: Apache-2.0
 *
 * halt.c - an update that a policy pauses, or takes back.
 *
 * Both are written into the set, so that they outlive this process and anybody can see them and
 * lift them: the annotation moonset.dev/paused holds all updates while it is there (a person may
 * write it, too), and going back is what `kubectl rollout undo` does: the template of the revision
 * before is put in again. What a policy has written begins with the hash of the revision it speaks
 * of, and means nothing for the next one.
 */
#include "daemonset/daemonset_priv.h"

#include "base/random.h"

#define PAUSED "moonset.dev/paused"
#define ROLLED_BACK "moonset.dev/rolled-back"

/* ---- what the set says ---- */

/* SafeEncodeString of 32 bits: at most ten letters. */
static bool is_hash(struct moon_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(MOON_SAFE_ALPHABET, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return text.len >= 6 && text.len <= 10;
}

static const char *annotation(const struct moon_ds_set *set, const char *key)
{
    return moon_labels_get(&set->object->meta.annotations, key);
}

/* The hash that an annotation of ours speaks of; empty: it was written by somebody else. */
static struct moon_str hash_in(const char *text)
{
    struct moon_str rest = moon_str(text);
    struct moon_str hash = {0};

    if (text == NULL || !moon_str_split(&rest, ':', &hash) || !is_hash(hash)) {
        return (struct moon_str){0};
    }
    return hash;
}

const char *moon_ds_paused(const struct moon_ds_set *set)
{
    const char *text = annotation(set, PAUSED);
    struct moon_str hash = hash_in(text);

    if (text == NULL || text[0] == '\0' || (hash.len > 0 && !moon_str_is(hash, set->hash))) {
        return NULL;
    }
    return text;
}

bool moon_ds_rolled_back(const struct moon_ds_set *set)
{
    const struct moon_revision *before = moon_ds_history_before(set);
    struct moon_str left = hash_in(annotation(set, ROLLED_BACK));

    return before != NULL && left.len > 0 &&
           moon_str_is(left, moon_labels_get(&before->meta.labels, MOON_LABEL_HASH));
}

/* ---- writing ---- */

/* What a write in flight is about; in the plan's arena. */
struct halt {
    const char *key; /* of the annotation */
    const char *text;
    struct moon_str spec; /* to put in; NULL ptr: none */
    const char *policy;
    const char *why;
};

static void write_patch(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;
    const struct halt *h = action->detail;

    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_puts(out, ",\"annotations\":{");
    moon_json_add_string(out, moon_str(h->key));
    moon_buf_putc(out, ':');
    moon_json_add_string(out, moon_str(h->text));
    moon_buf_puts(out, "}}");
    if (h->spec.ptr != NULL) {
        moon_buf_puts(out, ",\"spec\":");
        moon_buf_add_str(out, h->spec);
    }
    moon_buf_putc(out, '}');
}

static void tell(const struct moon_ds_set *set, const struct halt *h)
{
    static const char *const lines[2][2] = {
        {"update paused", "update rolled back"},
        {"would pause the update", "would roll the update back"},
    };
    bool is_dry = set->ds->in->config->dry_run;
    bool back = h->spec.ptr != NULL;
    MOON_AUTOFREE char *what =
        moon_asprintf("%s by policy %s", back ? "Rolled back" : "Paused", h->policy);
    MOON_AUTOFREE char *detail =
        moon_asprintf("%s%s", h->why, back ? "" : "; goes on without the annotation " PAUSED);

    moon_ds_event(set, MOON_EVENT_WARNING, back ? "UpdateRolledBack" : "UpdatePaused", what,
                  detail);
    moon_warn(MOON_DS_TOPIC, lines[is_dry][back], "key", set->key, "policy", h->policy, "reason",
              h->why);
}

static void halted(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;

    set->halting = false;
    if (!set->gone && result->err == NULL) {
        moon_ds_set_store(set, result->answer->body);
        tell(set, result->action->detail);
        moon_ds_set_written(set);
    }
    moon_ds_set_release(set);
}

static void plan_write(struct moon_ds_set *set, struct moon_plan *plan, struct halt *h)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    bool back = h->spec.ptr != NULL;

    set->halting = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = back ? MOON_VERB_PATCH_STRATEGIC : MOON_VERB_PATCH_MERGE,
                            .resource = &moon_resource_daemonsets,
                            .namespace = moon_arena_strdup(arena, set->object->meta.namespace),
                            .name = moon_arena_strdup(arena, set->object->meta.name),
                            .reason = moon_arena_printf(arena, "%s: %s",
                                                        back ? "roll back" : "pause", h->why),
                            .write_body = write_patch,
                            .on_done = halted,
                            .ctx = set,
                            .detail = h,
                        });
}

static struct halt *halt_new(const struct moon_ds_set *set, struct moon_plan *plan, const char *key,
                             const char *policy, const char *why)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct halt *h = moon_arena_alloc(arena, sizeof(*h));

    *h = (struct halt){
        .key = key,
        .text = moon_arena_printf(arena, "%s: %s", set->hash, why),
        .policy = moon_arena_strdup(arena, policy),
        .why = moon_arena_strdup(arena, why),
    };
    return h;
}

static void pause(struct moon_ds_set *set, struct moon_plan *plan, const char *policy,
                  const char *why)
{
    plan_write(set, plan, halt_new(set, plan, PAUSED, policy, why));
}

/* Not to the revision that was itself left: the two would take turns. */
static void go_back(struct moon_ds_set *set, struct moon_plan *plan, const char *policy,
                    const char *why)
{
    const struct moon_revision *r = moon_ds_history_before(set);
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_str spec;

    if (r == NULL || moon_ds_rolled_back(set) ||
        !moon_json_find((struct moon_str){r->data, r->data_len}, MOON_JSON_PATH("spec"), &spec)) {
        pause(set, plan, policy,
              moon_arena_printf(arena, "%s (and no revision to go back to)", why));
        return;
    }
    struct halt *h = halt_new(set, plan, ROLLED_BACK, policy, why);
    h->spec = (struct moon_str){moon_arena_dup(arena, spec), spec.len};
    plan_write(set, plan, h);
}

bool moon_ds_halt(struct moon_ds_set *set, const struct moon_roll_answer *answer,
                  struct moon_plan *plan)
{
    if (answer->rollback != NULL) {
        go_back(set, plan, answer->policy, answer->rollback);
    } else if (answer->pause != NULL) {
        pause(set, plan, answer->policy, answer->pause);
    }
    return answer->rollback != NULL || answer->pause != NULL;
}
