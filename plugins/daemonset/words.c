/* SPDX-License-Identifier: Apache-2.0
 *
 * words.c - what policies want to be said of the set (the hook status), as conditions.
 *
 * They are asked when something has changed that they could see, at most once a second. Which types
 * they use is remembered with what they remember themselves (under no policy's name), so that a
 * process takes back what the one before it was told to say.
 */
#include "daemonset/daemonset_priv.h"

#define MESSAGE_TYPE "PolicyStatus"
#define REMEMBERED "conditions"

enum {
    INTERVAL_MS = 1000,
};

static bool says(const struct moon_status *s, const char *type)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->conditions[i].type, type) == 0) {
            return true;
        }
    }
    return s->message != NULL && strcmp(type, MESSAGE_TYPE) == 0;
}

/* Of the types that were said before, a list in JSON, those that are not any more. */
static void take_back(struct moon_ds_set *set, const char *text, const struct moon_status *s)
{
    struct moon_err err;
    MOON_AUTOJSON *types = text != NULL ? moon_json_parse(moon_str(text), &err) : NULL;
    const cJSON *type;

    cJSON_ArrayForEach (type, types) {
        if (cJSON_IsString(type) && !says(s, type->valuestring)) {
            moon_ds_condition_clear(set, type->valuestring);
        }
    }
}

static void add_type(struct moon_buf *out, const char *type)
{
    moon_buf_puts(out, out->len > 0 ? "," : "[");
    moon_json_add_string(out, moon_str(type));
}

/* What does not fit into the memory is said all the same, and stays when it should go. */
static void remember(struct moon_ds_set *set, const struct moon_status *s)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_KV_MAX_BYTES);
    struct moon_err err;

    for (size_t i = 0; i < s->count; i++) {
        add_type(&text, s->conditions[i].type);
    }
    if (s->message != NULL) {
        add_type(&text, MESSAGE_TYPE);
    }
    if (text.len > 0) {
        moon_buf_putc(&text, ']');
    }
    moon_free(set->words);
    set->words = text.len > 0 ? moon_strdup(moon_buf_cstr(&text)) : NULL;
    if (moon_kv_set(set->kv, "", REMEMBERED, moon_buf_str(&text), &err) != 0) {
        moon_warn(MOON_DS_TOPIC, "cannot remember what policies say", "key", set->key, "err",
                  err.text);
    }
}

static void say(struct moon_ds_set *set, const struct moon_status *s)
{
    take_back(set, set->words, s);
    take_back(set, moon_kv_get(set->kv, "", REMEMBERED), s);
    for (size_t i = 0; i < s->count; i++) {
        const struct moon_status_condition *c = &s->conditions[i];
        moon_ds_condition_set(set, c->type, c->status, c->reason, c->message);
    }
    if (s->message != NULL) {
        moon_ds_condition_set(set, MESSAGE_TYPE, true, "PolicySays", s->message);
    }
    remember(set, s);
}

static void ask(struct moon_ds_set *set)
{
    struct moon_set_view view;
    struct moon_status status;
    struct moon_roll roll;

    moon_ds_slot_evaluate_all(set);
    moon_ds_slot_sort(set);
    moon_ds_update_budget(set, &roll);
    moon_ds_placement_view(set, &view);
    moon_hook_status(set->chain, &view, &roll, &status);
    if (!status.failed) {
        say(set, &status);
    }
    moon_status_fini(&status);
}

void moon_ds_words(struct moon_ds_set *set, struct moon_plan *plan)
{
    static const struct moon_status nothing;
    uint64_t now = moon_loop_now(set->ds->in->loop);

    if (!moon_chain_tells_status(set->chain)) {
        if (set->words != NULL || moon_kv_get(set->kv, "", REMEMBERED) != NULL) {
            say(set, &nothing);
        }
        set->has_news = true; /* for whoever comes */
        return;
    }
    if (!set->has_news || set->current == NULL) {
        return;
    }
    if (set->words_at > 0 && now - set->words_at < INTERVAL_MS) {
        moon_plan_requeue(plan, set->words_at + INTERVAL_MS - now);
        return;
    }
    set->words_at = now;
    ask(set);
    set->has_news = false;
}
