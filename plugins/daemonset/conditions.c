/* SPDX-License-Identifier: Apache-2.0
 *
 * conditions.c - what is said in the set's status.conditions.
 *
 * The server's list is replaced as a whole by a merge patch. So what is written begins with the
 * list that the object has, each condition of others as the server wrote it, and is only accepted
 * for the version it was made from. Nothing is remembered beside the object but what it does not
 * say yet: a new process goes on from what the last one wrote.
 */
#include "daemonset/daemonset_priv.h"

#include "base/time.h"

enum {
    MAX_SAID = 32,
    MAX_MESSAGE = 1024,
    LIST_MAX_BYTES = 1 << 20, /* more than an object can hold */
};

struct moon_ds_condition {
    char *type;
    bool status;
    bool taken_back;
    char *reason;
    char *message;
    int64_t since_s; /* when we began to say so */
};

/* ---- what we say ---- */

static struct moon_ds_condition *find(const struct moon_ds_set *set, struct moon_str type)
{
    for (size_t i = 0; i < set->condition_count; i++) {
        if (moon_str_is(type, set->conditions[i].type)) {
            return &set->conditions[i];
        }
    }
    return NULL;
}

static void fini(struct moon_ds_condition *c)
{
    moon_free(c->type);
    moon_free(c->reason);
    moon_free(c->message);
}

static void forget(struct moon_ds_set *set, struct moon_ds_condition *c)
{
    size_t i = (size_t)(c - set->conditions);

    fini(c);
    set->condition_count--;
    memmove(c, c + 1, (set->condition_count - i) * sizeof(*c));
}

static struct moon_ds_condition *add(struct moon_ds_set *set, const char *type)
{
    if (set->condition_count == MAX_SAID) {
        moon_warn(MOON_DS_TOPIC, "too many conditions, one is not said", "key", set->key, "type",
                  type);
        return NULL;
    }
    set->conditions = moon_realloc_array(set->conditions, set->condition_count + 1,
                                         sizeof(struct moon_ds_condition));
    struct moon_ds_condition *c = &set->conditions[set->condition_count++];
    *c = (struct moon_ds_condition){.type = moon_strdup(type), .taken_back = true};
    return c;
}

void moon_ds_conditions_fini(struct moon_ds_set *set)
{
    for (size_t i = 0; i < set->condition_count; i++) {
        fini(&set->conditions[i]);
    }
    moon_free(set->conditions);
    set->condition_count = 0;
}

/* ---- what the object says ---- */

/* One condition of the object's list. */
struct shown {
    struct moon_str text;
    cJSON *json;
    const char *type; /* NULL: it has none */
};

struct walk {
    struct moon_json_iter it;
    struct shown now;
};

static void walk_init(struct walk *w, const struct moon_ds_set *set)
{
    const struct moon_daemonset *object = set->object;

    *w = (struct walk){0};
    moon_json_iter_init(&w->it, object->conditions != NULL ? moon_str(object->conditions)
                                                           : MOON_STR_LIT("[]"));
}

static bool walk_next(struct walk *w)
{
    struct moon_str key;
    struct moon_err err;

    cJSON_Delete(w->now.json);
    w->now = (struct shown){0};
    if (!moon_json_next(&w->it, &key, &w->now.text)) {
        return false;
    }
    w->now.json = moon_json_parse(w->now.text, &err);
    w->now.type = moon_json_string(w->now.json, "type");
    return true;
}

static void walk_fini(struct walk *w)
{
    cJSON_Delete(w->now.json);
    moon_json_iter_fini(&w->it);
}

static const char *status_text(bool status)
{
    return status ? "True" : "False";
}

static const char *member(const struct shown *s, const char *name)
{
    const char *text = moon_json_string(s->json, name);

    return text != NULL ? text : "";
}

static bool has_status(const struct shown *s, bool status)
{
    return strcmp(member(s, "status"), status_text(status)) == 0;
}

static bool is_said(const struct shown *s, const struct moon_ds_condition *c)
{
    return has_status(s, c->status) && strcmp(member(s, "reason"), c->reason) == 0 &&
           strcmp(member(s, "message"), c->message) == 0;
}

/* The status that the object shows for a type. */
static enum moon_ds_said shown_status(const struct moon_ds_set *set, struct moon_str type)
{
    enum moon_ds_said said = MOON_DS_SAID_NOTHING;
    struct walk w;

    walk_init(&w, set);
    while (said == MOON_DS_SAID_NOTHING && walk_next(&w)) {
        if (w.now.type != NULL && moon_str_is(type, w.now.type)) {
            said = has_status(&w.now, true) ? MOON_DS_SAID_TRUE : MOON_DS_SAID_FALSE;
        }
    }
    walk_fini(&w);
    return said;
}

/* ---- saying ---- */

enum moon_ds_said moon_ds_condition_get(const struct moon_ds_set *set, const char *type)
{
    const struct moon_ds_condition *c = find(set, moon_str(type));

    if (c == NULL) {
        return set->object->conditions != NULL ? shown_status(set, moon_str(type))
                                               : MOON_DS_SAID_NOTHING;
    }
    if (c->taken_back) {
        return MOON_DS_SAID_NOTHING;
    }
    return c->status ? MOON_DS_SAID_TRUE : MOON_DS_SAID_FALSE;
}

void moon_ds_condition_set(struct moon_ds_set *set, const char *type, bool status,
                           const char *reason, const char *message)
{
    struct moon_ds_condition *c = find(set, moon_str(type));
    MOON_AUTOFREE char *cut = moon_str_dup(moon_str_cut(moon_str(message), MAX_MESSAGE));

    if (c == NULL && (c = add(set, type)) == NULL) {
        return;
    }
    if (!c->taken_back && c->status == status && strcmp(c->reason, reason) == 0 &&
        strcmp(c->message, cut) == 0) {
        return;
    }
    if (c->taken_back || c->status != status) {
        c->since_s = moon_loop_wall_ms(set->ds->in->loop) / 1000;
    }
    c->taken_back = false;
    c->status = status;
    moon_free(c->reason);
    c->reason = moon_strdup(reason);
    moon_free(c->message);
    c->message = moon_steal(&cut);
    set->conditions_version++;
}

void moon_ds_condition_clear(struct moon_ds_set *set, const char *type)
{
    struct moon_ds_condition *c = find(set, moon_str(type));

    if (c == NULL && shown_status(set, moon_str(type)) != MOON_DS_SAID_NOTHING) {
        c = add(set, type);
    } else if (c == NULL || c->taken_back) {
        return;
    }
    if (c != NULL) {
        c->taken_back = true;
        set->conditions_version++;
    }
}

/* ---- writing ---- */

/* What was taken back is remembered until no write can bring it back: one in flight, or one whose
 * outcome is not known, may still say it. */
bool moon_ds_conditions_are_written(struct moon_ds_set *set)
{
    bool may_come = set->status_busy || set->status_failed;
    size_t open = set->condition_count;
    struct walk w;

    if (set->condition_count == 0) {
        return true;
    }
    for (size_t i = set->condition_count; i > 0; i--) {
        struct moon_ds_condition *c = &set->conditions[i - 1];
        if (!may_come && c->taken_back &&
            shown_status(set, moon_str(c->type)) == MOON_DS_SAID_NOTHING) {
            forget(set, c);
            open--;
        }
    }
    walk_init(&w, set);
    while (walk_next(&w)) {
        const struct moon_ds_condition *c =
            w.now.type != NULL ? find(set, moon_str(w.now.type)) : NULL;
        open -= c != NULL && !c->taken_back && is_said(&w.now, c);
    }
    walk_fini(&w);
    return open == 0;
}

static void write_member(struct moon_buf *out, const char *name, const char *text)
{
    moon_buf_printf(out, ",\"%s\":", name);
    moon_json_add_string(out, moon_str(text));
}

/* `before`: what the object says of this type; NULL: nothing. */
static void write_one(const struct moon_ds_condition *c, const struct shown *before,
                      struct moon_buf *out)
{
    char now[MOON_TIME_TEXT];
    const char *since = moon_time_format(c->since_s, now);

    if (before != NULL && has_status(before, c->status) &&
        member(before, "lastTransitionTime")[0] != '\0') {
        since = member(before, "lastTransitionTime");
    }
    moon_buf_puts(out, "{\"type\":");
    moon_json_add_string(out, moon_str(c->type));
    write_member(out, "status", status_text(c->status));
    write_member(out, "lastTransitionTime", since);
    write_member(out, "reason", c->reason);
    write_member(out, "message", c->message);
    moon_buf_putc(out, '}');
}

static void separate(struct moon_buf *out)
{
    if (out->data[out->len - 1] != '[') {
        moon_buf_putc(out, ',');
    }
}

/* The object's list with ours put in; which of ours it has is noted in `placed`. */
static void write_shown(const struct moon_ds_set *set, bool *placed, struct moon_buf *out)
{
    struct walk w;

    walk_init(&w, set);
    while (walk_next(&w)) {
        const struct moon_ds_condition *c =
            w.now.type != NULL ? find(set, moon_str(w.now.type)) : NULL;
        if (c == NULL) {
            separate(out);
            moon_buf_add_str(out, w.now.text);
        } else if (!c->taken_back && !placed[c - set->conditions]) {
            placed[c - set->conditions] = true;
            separate(out);
            write_one(c, &w.now, out);
        }
    }
    walk_fini(&w);
}

void moon_ds_conditions_write(const struct moon_ds_set *set, struct moon_buf *out)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf list = MOON_BUF_INIT(LIST_MAX_BYTES);
    bool placed[MAX_SAID] = {false};

    moon_buf_putc(&list, '[');
    write_shown(set, placed, &list);
    for (size_t i = 0; i < set->condition_count; i++) {
        if (!placed[i] && !set->conditions[i].taken_back) {
            separate(&list);
            write_one(&set->conditions[i], NULL, &list);
        }
    }
    moon_buf_putc(&list, ']');
    moon_buf_add_str(out, moon_buf_str(&list));
}
