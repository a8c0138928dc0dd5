/* SPDX-License-Identifier: Apache-2.0
 *
 * revision.c - the history of a set: ControllerRevisions, their numbers, clean-up.
 *
 * A revision's data is a strategic merge patch that puts its template back; its bytes are those the
 * stock controller writes, so that both recognise each other's revisions. The hash only names a new
 * revision: one that exists is found by its data and keeps its label, whatever it is.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

enum {
    DATA_MAX_BYTES = 2 * 1024 * 1024
};

/* ---- data and names ---- */

/* {"spec":{"template":{…,"$patch":"replace"}}} in canonical form. */
static int make_data(struct moon_ds_set *set, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(DATA_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf data = MOON_BUF_INIT(DATA_MAX_BYTES);
    struct moon_str template =
        moon_str_trim((struct moon_str){set->object->template, set->object->template_len});

    if (set->data != NULL) {
        return 0;
    }
    if (template.len < 2 || template.ptr[template.len - 1] != '}') {
        return moon_err_set(err, MOON_E_INVALID, "spec.template is not an object");
    }
    struct moon_str members = {template.ptr + 1, template.len - 2};
    moon_buf_puts(&text, "{\"spec\":{\"template\":{");
    moon_buf_add_str(&text, members);
    moon_buf_puts(&text, moon_str_trim(members).len > 0 ? ",\"$patch\":\"replace\"}}}"
                                                        : "\"$patch\":\"replace\"}}}");
    /* Servers built with Go before 1.22 write \b and \f the long way; do as this one does. */
    bool old_escapes = memmem(template.ptr, template.len, "\\u0008", 6) != NULL ||
                       memmem(template.ptr, template.len, "\\u000c", 6) != NULL;
    if (moon_buf_check(&text, "spec.template", err) != 0 ||
        moon_json_canonical(moon_buf_str(&text), old_escapes, &data, err) != 0) {
        return moon_err_wrap(err, "revision of %s", set->key);
    }
    set->data = moon_buf_take(&data, &set->data_len);
    return 0;
}

/* 32-bit FNV-1a over the data and the collision count, in the name alphabet of the API server. */
static void name_hash(const struct moon_ds_set *set, char out[16])
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    uint32_t hash = 0x811c9dc5u;
    char count[24] = "";
    char digits[16];

    if (set->object->has_collision_count) {
        (void)snprintf(count, sizeof(count), "/%lld", (long long)set->object->collision_count);
    }
    for (size_t i = 0; i < set->data_len; i++) {
        hash = (hash ^ (unsigned char)set->data[i]) * 0x01000193u;
    }
    for (const char *c = count; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x01000193u;
    }
    (void)snprintf(digits, sizeof(digits), "%u", hash);
    size_t n = 0;
    for (; digits[n] != '\0'; n++) {
        out[n] = alphabet[(unsigned char)digits[n] % (sizeof(alphabet) - 1)];
    }
    out[n] = '\0';
}

static bool has_our_data(const struct moon_ds_set *set, struct moon_str data)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf canonical = MOON_BUF_INIT(DATA_MAX_BYTES);
    struct moon_str ours = {set->data, set->data_len};
    struct moon_err err;

    if (moon_json_canonical(data, false, &canonical, &err) == 0 &&
        moon_str_eq(moon_buf_str(&canonical), ours)) {
        return true;
    }
    /* Another version's encoding of the same template: nulls come and go between releases. */
    return moon_json_equal(data, ours);
}

/* ---- actions ---- */

static void write_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct moon_object *object;
    struct moon_err err;

    set->history_busy = false;
    set->history_dirty = true;
    if (!set->gone && result->err == NULL) {
        if (result->action->verb != MOON_VERB_DELETE &&
            moon_object_project(&moon_kind_revision, result->answer->body, &object, &err) == 0 &&
            object != NULL) {
            (void)moon_store_put_write(moon_informer_store(set->ds->revisions), object);
        } else if (result->action->verb == MOON_VERB_DELETE) {
            moon_sym uid = moon_intern_cstr(result->action->uid);
            moon_store_mark_gone(moon_informer_store(set->ds->revisions), uid);
            moon_sym_unref(uid);
        }
        moon_ds_set_enqueue(set);
    }
    moon_ds_set_release(set);
}

/* Add an action about revisions; the next look at the history waits for it. */
static void add(struct moon_ds_set *set, struct moon_plan *plan, struct moon_action action)
{
    struct moon_arena *arena = moon_plan_arena(plan);

    action.namespace = moon_arena_strdup(arena, set->object->meta.namespace);
    action.name = moon_arena_strdup(arena, action.name);
    action.uid = moon_arena_strdup(arena, action.uid);
    action.ctx = set;
    set->history_busy = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &action);
}

static void write_revision(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;
    const struct moon_labels *labels = &set->object->template_labels;
    const struct moon_labels *annotations = &set->object->meta.annotations;

    moon_buf_puts(out, "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\","
                       "\"metadata\":{\"name\":");
    moon_json_add_string(out, moon_str(action->name));
    moon_buf_puts(out, ",\"labels\":{\"" MOON_LABEL_HASH "\":");
    moon_json_add_string(out, moon_str(action->detail));
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->items[i].key, MOON_LABEL_HASH) != 0) {
            moon_buf_putc(out, ',');
            moon_json_add_string(out, moon_str(labels->items[i].key));
            moon_buf_putc(out, ':');
            moon_json_add_string(out, moon_str(labels->items[i].value));
        }
    }
    moon_buf_puts(out, "},\"annotations\":{");
    for (size_t i = 0; i < annotations->count; i++) {
        moon_buf_puts(out, i > 0 ? "," : "");
        moon_json_add_string(out, moon_str(annotations->items[i].key));
        moon_buf_putc(out, ':');
        moon_json_add_string(out, moon_str(annotations->items[i].value));
    }
    moon_buf_puts(out, "},\"ownerReferences\":");
    moon_ds_body_owner_refs(set, out);
    moon_buf_puts(out, "},\"data\":");
    moon_buf_add(out, set->data, set->data_len);
    moon_buf_printf(out, ",\"revision\":%lld}", (long long)set->next_revision);
}

static void write_collision(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;
    int64_t count = set->object->has_collision_count ? set->object->collision_count : 0;

    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%llu\"},", set->uid,
                    (unsigned long long)set->object->meta.version);
    moon_buf_printf(out, "\"status\":{\"collisionCount\":%lld}}", (long long)count + 1);
}

static void collision_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct moon_object *object;
    struct moon_err err;

    set->history_busy = false;
    set->history_dirty = true;
    if (!set->gone && result->err == NULL) {
        set->collided = false;
        if (moon_object_project(&moon_kind_daemonset, result->answer->body, &object, &err) == 0 &&
            object != NULL) {
            (void)moon_store_put_write(moon_informer_store(set->ds->sets), object);
        }
        moon_ds_set_enqueue(set);
    }
    moon_ds_set_release(set);
}

/* The name is taken. By the same data: fine, the watch will show it (a revision we lost track of,
 * or an orphan to adopt). By other data: two templates with one hash; count the collision. */
static void create_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    bool taken = result->found || (result->err != NULL && result->err->code == MOON_E_EXISTS);
    struct moon_str data;

    if (!set->gone && taken && result->answer != NULL && set->data != NULL &&
        moon_json_find(result->answer->body, MOON_JSON_PATH("data"), &data) &&
        !has_our_data(set, data)) {
        set->collided = true;
    }
    write_done(result, ctx);
}

static void plan_create(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    char hash[16];

    if (set->collided) {
        add(set, plan,
            (struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                 .resource = &moon_resource_daemonsets,
                                 .name = set->object->meta.name,
                                 .subresource = "status",
                                 .reason = "another template's revision has the same name",
                                 .write_body = write_collision,
                                 .on_done = collision_done});
        return;
    }
    name_hash(set, hash);
    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_CREATE,
                             .resource = &moon_resource_revisions,
                             .name =
                                 moon_arena_printf(arena, "%s-%s", set->object->meta.name, hash),
                             .owner_uid = set->uid,
                             .reason = "the template has no revision yet",
                             .write_body = write_revision,
                             .on_done = create_done,
                             .detail = moon_arena_strdup(arena, hash)});
}

static void write_number(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;

    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"revision\":%lld}", action->uid,
                    (long long)set->next_revision);
}

static void write_hash_label(const struct moon_action *action, struct moon_buf *out)
{
    moon_buf_printf(
        out, "{\"metadata\":{\"uid\":\"%s\",\"labels\":{\"" MOON_LABEL_HASH "\":", action->uid);
    moon_json_add_string(out, moon_str(action->detail));
    moon_buf_puts(out, "}}}");
}

static void write_adoption(const struct moon_action *action, struct moon_buf *out)
{
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\",\"ownerReferences\":", action->uid);
    moon_ds_body_owner_refs(action->ctx, out);
    moon_buf_puts(out, "}}");
}

static void patch(struct moon_ds_set *set, struct moon_plan *plan, const struct moon_revision *r,
                  void (*write_body)(const struct moon_action *, struct moon_buf *),
                  const char *reason)
{
    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                             .resource = &moon_resource_revisions,
                             .name = r->meta.name,
                             .uid = r->meta.uid,
                             .reason = reason,
                             .write_body = write_body,
                             .on_done = write_done,
                             .detail = moon_arena_strdup(moon_plan_arena(plan), r->meta.name)});
}

static void remove_revision(struct moon_ds_set *set, struct moon_plan *plan,
                            const struct moon_revision *r, const char *reason)
{
    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_DELETE,
                             .resource = &moon_resource_revisions,
                             .name = r->meta.name,
                             .uid = r->meta.uid,
                             .reason = reason,
                             .on_done = write_done});
}

/* ---- the revision of the live template ---- */

struct history {
    const struct moon_revision *current; /* the one to keep */
    const struct moon_revision *duplicate;
    const struct moon_revision *unlabelled;
    const struct moon_revision *orphan;
    int64_t max_old; /* highest number among the others */
};

static bool is_ours(const struct moon_ds_set *set, const struct moon_object *o)
{
    return o->deleted_s == 0 && moon_selector_matches(set->object->selector, &o->labels);
}

static void look_at(struct moon_ds_set *set, const struct moon_revision *r, struct history *h)
{
    struct moon_str data = {r->data, r->data_len};

    if (r->meta.controller.uid == NULL) {
        h->orphan = r;
        return;
    }
    if (moon_labels_get(&r->meta.labels, MOON_LABEL_HASH) == NULL) {
        h->unlabelled = r;
    }
    if (!has_our_data(set, data)) {
        h->max_old = r->revision > h->max_old ? r->revision : h->max_old;
        return;
    }
    if (h->current == NULL) {
        h->current = r;
    } else if (r->revision >= h->current->revision) {
        h->duplicate = h->current;
        h->current = r;
    } else {
        h->duplicate = r;
    }
}

static void collect(struct moon_ds_set *set, struct history *h)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    const moon_sym keys[] = {set->uid, set->object->meta.namespace};
    static const size_t indexes[] = {MOON_DS_BY_OWNER, MOON_DS_ORPHANS};

    *h = (struct history){0};
    for (size_t k = 0; k < MOON_ARRAY_SIZE(keys); k++) {
        size_t count;
        const struct moon_object *const *found =
            moon_store_by_index(store, indexes[k], keys[k], &count);
        for (size_t i = 0; i < count; i++) {
            if (is_ours(set, found[i])) {
                look_at(set, moon_revision(found[i]), h);
            }
        }
    }
}

static void relabel_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;

    if (!set->gone && result->err == NULL) {
        moon_ds_store_pod(set->ds, result->answer->body);
    }
    write_done(&(struct moon_result){.action = result->action,
                                     .answer = result->answer,
                                     .err = result->err != NULL
                                                ? result->err
                                                : &(struct moon_err){.code = MOON_E_CANCELLED}},
               ctx);
    if (!set->gone && result->err == NULL) {
        moon_ds_set_enqueue(set);
    }
}

/* Two revisions hold the live template: pods of the one to go get the label of the one to stay
 * (only those: pods of older revisions must still be rolled), then it goes. */
static void dedupe(struct moon_ds_set *set, struct moon_plan *plan, const struct history *h)
{
    moon_sym keep = moon_labels_get(&h->current->meta.labels, MOON_LABEL_HASH);
    moon_sym drop = moon_labels_get(&h->duplicate->meta.labels, MOON_LABEL_HASH);
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_ds_pod *p;
    size_t pos = 0;
    bool relabelling = false;

    while (keep != drop && moon_map_next(set->pods, &pos, NULL, (void **)&p)) {
        if (p->orphan || p->foreign ||
            moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH) != drop) {
            continue;
        }
        relabelling = true;
        add(set, plan,
            (struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                 .resource = &moon_resource_pods,
                                 .name = p->pod->meta.name,
                                 .uid = p->pod->meta.uid,
                                 .reason = "its revision is a duplicate",
                                 .write_body = write_hash_label,
                                 .on_done = relabel_done,
                                 .detail = moon_arena_strdup(arena, keep)});
    }
    if (!relabelling) {
        remove_revision(set, plan, h->duplicate, "a newer revision holds the same template");
    }
}

static void take_current(struct moon_ds_set *set, const struct moon_revision *r)
{
    moon_sym hash = moon_labels_get(&r->meta.labels, MOON_LABEL_HASH);

    moon_object_ref(&r->meta);
    if (set->current != NULL) {
        moon_object_unref(&set->current->meta);
    }
    set->current = r;
    if (hash == set->hash) {
        return;
    }
    moon_sym_unref(set->hash);
    set->hash = moon_sym_ref(hash);
    moon_ds_body_free(set->body);
    set->body = NULL;
    moon_ds_slot_mark_all(set, false);
}

bool moon_ds_history_is_known(const struct moon_ds_set *set)
{
    return set->current != NULL && set->data != NULL && !set->history_dirty && !set->history_busy;
}

int moon_ds_history(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err)
{
    struct history h;

    if (!set->history_dirty || set->history_busy) {
        return 0;
    }
    if (make_data(set, err) != 0) {
        return -(int)err->code;
    }
    collect(set, &h);
    set->next_revision = h.max_old + 1;
    if (h.orphan != NULL) {
        patch(set, plan, h.orphan, write_adoption,
              "adopt: the selector matches and nobody owns it");
    } else if (h.unlabelled != NULL) {
        patch(set, plan, h.unlabelled, write_hash_label, "the revision lacks its hash label");
    } else if (h.current == NULL) {
        plan_create(set, plan);
    } else if (h.duplicate != NULL) {
        dedupe(set, plan, &h);
    } else {
        if (h.current->revision < set->next_revision) {
            /* A rollback looks like this: an old revision is the newest again. */
            patch(set, plan, h.current, write_number, "the template went back to this revision");
        }
        take_current(set, h.current);
        set->history_dirty = false;
    }
    return 0;
}

/* ---- clean-up ---- */

static bool is_live(const struct moon_ds_set *set, moon_sym hash)
{
    struct moon_ds_pod *p;
    size_t pos = 0;

    while (moon_map_next(set->pods, &pos, NULL, (void **)&p)) {
        if (moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH) == hash) {
            return true;
        }
    }
    return false;
}

void moon_ds_history_clean(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_store *store = moon_informer_store(set->ds->revisions);
    const struct moon_revision *victim = NULL;
    size_t count;
    size_t old = 0;
    const struct moon_object *const *found =
        moon_store_by_index(store, MOON_DS_BY_OWNER, set->uid, &count);

    if (!moon_ds_history_is_known(set) || (int64_t)count <= set->object->history_limit + 1) {
        return;
    }
    /* One at a time, lowest number first: there is seldom more than one to go. */
    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (!is_ours(set, found[i]) || r->meta.uid == set->current->meta.uid) {
            continue;
        }
        old++;
        if ((victim == NULL || r->revision < victim->revision) &&
            !is_live(set, moon_labels_get(&r->meta.labels, MOON_LABEL_HASH))) {
            victim = r;
        }
    }
    if (victim != NULL && (int64_t)old > set->object->history_limit) {
        remove_revision(set, plan, victim, "more old revisions than revisionHistoryLimit");
    }
}
