/* SPDX-License-Identifier: Apache-2.0
 *
 * revision.c - the data, the name and the writes of a ControllerRevision.
 *
 * A revision's data is a strategic merge patch that puts its template back; its bytes are those the
 * stock controller writes, so that both recognise each other's revisions. The hash only names a new
 * revision: one that exists is found by its data and keeps its label, whatever it is.
 */
#include "daemonset/revision_priv.h"

#include <ctype.h>
#include <stdio.h>

#include "base/random.h"
#include "base/time.h"

enum {
    DATA_MAX_BYTES = 2 * 1024 * 1024,
    BODY_MAX_BYTES = 2 * DATA_MAX_BYTES,
    NAME_MAX = 253, /* of a DNS-1123 subdomain */
    HASH_TEXT = 16,
};

/* What a write says; in the plan's arena. */
struct write {
    const char *uid; /* of the revision or pod */
    const char *label;
    int64_t number; /* or a time */
    struct moon_str body;
};

/* ---- data and names ---- */

/* Servers built with Go before 1.22 write \b and \f the long way; do as this one does. */
static bool has_old_escapes(struct moon_str text)
{
    return memmem(text.ptr, text.len, "\\u0008", 6) != NULL ||
           memmem(text.ptr, text.len, "\\u000c", 6) != NULL;
}

/* {"spec":{"template":{…,"$patch":"replace"}}} in canonical form. */
int moon_ds_revision_make_data(struct moon_ds_set *set, struct moon_err *err)
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
    if (moon_buf_check(&text, "spec.template", err) != 0 ||
        moon_json_canonical(moon_buf_str(&text), has_old_escapes(template), &data, err) != 0) {
        return moon_err_wrap(err, "revision of %s", set->key);
    }
    set->data = moon_buf_take(&data, &set->data_len);
    return 0;
}

bool moon_ds_revision_has_data(const struct moon_ds_set *set, struct moon_str data)
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

bool moon_ds_revision_is_claimable(const struct moon_ds_set *set, const struct moon_object *o)
{
    return o->deleted_s == 0 && moon_selector_matches(set->object->selector, &o->labels) &&
           (o->controller.uid == NULL || o->controller.uid == set->uid);
}

/* 32-bit FNV-1a over the data and the collision count, in the name alphabet of the API server. */
static void name_hash(const struct moon_ds_set *set, char out[HASH_TEXT])
{
    static const char alphabet[] = MOON_SAFE_ALPHABET;
    uint32_t hash = 0x811c9dc5u;
    char count[24] = "";
    char digits[HASH_TEXT];

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

/* "<set>-<hash>". A set's name may fill all that a name can hold: then it is cut, and what is left
 * still has to end in a letter or digit. */
static char *revision_name(const struct moon_ds_set *set, const char *hash,
                           struct moon_arena *arena)
{
    const char *name = set->object->meta.name;
    size_t len = strlen(name);
    size_t max = NAME_MAX - 1 - strlen(hash);

    if (len > max) {
        len = max;
        while (len > 1 && !isalnum((unsigned char)name[len - 1])) {
            len--;
        }
    }
    return moon_arena_printf(arena, "%.*s-%s", (int)len, name, hash);
}

/* ---- adding actions ---- */

static void add(struct moon_ds_set *set, struct moon_plan *plan, struct moon_action action,
                struct write write)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct write *detail = moon_arena_alloc(arena, sizeof(*detail));

    *detail = write;
    action.namespace = moon_arena_strdup(arena, set->object->meta.namespace);
    action.ctx = set;
    action.detail = detail;
    set->history_open++;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &action);
}

/* Whatever came of it: look at the history again when nothing about it is open any more. */
static void end(struct moon_ds_set *set, const struct moon_result *result)
{
    moon_assert(set->history_open > 0);
    set->history_open--;
    set->history_dirty = true;
    if (result->err == NULL) {
        moon_ds_set_written(set);
    }
    moon_ds_set_release(set);
}

static void store_revision(struct moon_ds_set *set, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err err;

    if (moon_object_project(&moon_kind_revision, body, &object, &err) != 0) {
        moon_warn(MOON_DS_TOPIC, "the server's answer to a write makes no sense", "key", set->key,
                  "err", err.text);
    } else if (object != NULL) {
        (void)moon_store_put_write(moon_informer_store(set->ds->revisions), object);
    }
}

static void forget_revision(struct moon_ds_set *set, const char *uid)
{
    moon_sym sym = moon_intern_cstr(uid);

    moon_store_mark_gone(moon_informer_store(set->ds->revisions), sym);
    moon_sym_unref(sym);
}

static void patch_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    const struct write *w = result->action->detail;

    if (!set->gone && result->err == NULL) {
        store_revision(set, result->answer->body);
    } else if (!set->gone && result->err->code == MOON_E_NOT_FOUND) {
        forget_revision(set, w->uid);
    }
    end(set, result);
}

static void patch(struct moon_ds_set *set, struct moon_plan *plan, const struct moon_revision *r,
                  const struct moon_action *how, struct write write)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    struct moon_action action = *how;

    action.resource = &moon_resource_revisions;
    action.name = moon_arena_strdup(arena, r->meta.name);
    action.on_done = action.on_done != NULL ? action.on_done : patch_done;
    write.uid = moon_arena_strdup(arena, r->meta.uid);
    add(set, plan, action, write);
}

static void write_head(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    moon_buf_puts(out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(out, moon_str(w->uid));
}

/* ---- create ---- */

static void write_labels(const struct moon_labels *labels, const char *hash, struct moon_buf *out)
{
    moon_buf_puts(out, "\"labels\":{\"" MOON_LABEL_HASH "\":");
    moon_json_add_string(out, moon_str(hash));
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->items[i].key, MOON_LABEL_HASH) != 0) {
            moon_buf_putc(out, ',');
            moon_json_add_string(out, moon_str(labels->items[i].key));
            moon_buf_putc(out, ':');
            moon_json_add_string(out, moon_str(labels->items[i].value));
        }
    }
    moon_buf_putc(out, '}');
}

static struct moon_str revision_body(const struct moon_ds_set *set, const char *name,
                                     const char *hash, int64_t number, struct moon_arena *arena)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(BODY_MAX_BYTES);

    moon_buf_puts(&out, "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\","
                        "\"metadata\":{\"name\":");
    moon_json_add_string(&out, moon_str(name));
    moon_buf_putc(&out, ',');
    write_labels(&set->object->template_labels, hash, &out);
    /* All annotations of the set: this is how a revision gets its kubernetes.io/change-cause. */
    moon_buf_puts(&out, ",\"annotations\":");
    moon_buf_add(&out, set->object->annotations, set->object->annotations_len);
    moon_buf_puts(&out, ",\"ownerReferences\":");
    moon_ds_body_owner_refs(set, &out);
    moon_buf_puts(&out, "},\"data\":");
    moon_buf_add(&out, set->data, set->data_len);
    moon_buf_printf(&out, ",\"revision\":%lld}", (long long)number);
    return (struct moon_str){moon_arena_dup(arena, moon_buf_str(&out)), out.len};
}

static void write_revision(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    moon_buf_add_str(out, w->body);
}

/* Can what has our revision's name be our revision: ours, or free to be adopted? Else we could
 * never find it again: its labels do not match, it belongs to somebody else, it is on its way out.
 */
static bool is_wanted(const struct moon_ds_set *set, const struct moon_object *object)
{
    const struct moon_revision *r = moon_revision(object);
    bool cannot_be_had = object->controller.uid == NULL && set->adoption_at != 0;

    return !cannot_be_had && moon_ds_revision_is_claimable(set, object) &&
           moon_ds_revision_has_data(set, (struct moon_str){r->data, r->data_len});
}

/* What has the name already? The revision we want: the store gets it. Else ours needs another. */
static void take_existing(struct moon_ds_set *set, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err err;

    if (moon_object_project(&moon_kind_revision, body, &object, &err) != 0 || set->data == NULL) {
        return;
    }
    if (object == NULL || !is_wanted(set, object)) {
        set->collided = true;
        moon_object_unref(object);
        return;
    }
    (void)moon_store_put_write(moon_informer_store(set->ds->revisions), object);
}

static void create_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    bool taken = result->found || (result->err != NULL && result->err->code == MOON_E_EXISTS);

    if (!set->gone && taken && result->answer != NULL) {
        take_existing(set, result->answer->body);
    } else if (!set->gone && result->err == NULL && result->answer != NULL) {
        store_revision(set, result->answer->body);
    }
    end(set, result);
}

void moon_ds_revision_plan_create(struct moon_ds_set *set, struct moon_plan *plan, int64_t number)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    char hash[HASH_TEXT];

    name_hash(set, hash);
    char *name = revision_name(set, hash, arena);
    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_CREATE,
                             .resource = &moon_resource_revisions,
                             .name = name,
                             .owner_uid = moon_arena_strdup(arena, set->uid),
                             .reason = "the template has no revision yet",
                             .write_body = write_revision,
                             .on_done = create_done},
        (struct write){.body = revision_body(set, name, hash, number, arena)});
}

/* ---- two templates with one name ---- */

static void write_collision(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    moon_buf_add_str(out, w->body);
}

static void collision_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    struct moon_object *object;
    struct moon_err err;

    if (!set->gone && result->err == NULL) {
        set->collided = false;
        if (moon_object_project(&moon_kind_daemonset, result->answer->body, &object, &err) == 0 &&
            object != NULL) {
            (void)moon_store_put_write(moon_informer_store(set->ds->sets), object);
        }
    }
    end(set, result);
}

/* The version in it makes the server refuse when somebody else has counted meanwhile. */
void moon_ds_revision_plan_collision(struct moon_ds_set *set, struct moon_plan *plan)
{
    struct moon_arena *arena = moon_plan_arena(plan);
    int64_t count = set->object->has_collision_count ? set->object->collision_count : 0;
    char *body = moon_arena_printf(arena,
                                   "{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%llu\"},"
                                   "\"status\":{\"collisionCount\":%lld}}",
                                   set->uid, (unsigned long long)set->object->meta.version,
                                   (long long)count + 1);

    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                             .resource = &moon_resource_daemonsets,
                             .name = moon_arena_strdup(arena, set->object->meta.name),
                             .subresource = "status",
                             .reason = "another template's revision has the same name",
                             .write_body = write_collision,
                             .on_done = collision_done},
        (struct write){.body = moon_str(body)});
}

/* ---- patches and deletes ---- */

static void write_adoption(const struct moon_action *action, struct moon_buf *out)
{
    write_head(action, out);
    moon_buf_puts(out, ",\"ownerReferences\":");
    moon_ds_body_owner_refs(action->ctx, out);
    moon_buf_puts(out, "}}");
}

static void put_adoption_off(struct moon_ds_set *set)
{
    uint64_t now = moon_loop_now(set->ds->in->loop);

    if (now < set->adoption_at) {
        return; /* another one of the same round */
    }
    set->adoption_wait_ms = moon_ds_claim_next_wait_ms(set->adoption_wait_ms);
    set->adoption_at = now + set->adoption_wait_ms;
}

static void adoption_done(const struct moon_result *result, void *ctx)
{
    if (result->err != NULL && result->err->code != MOON_E_NOT_FOUND &&
        result->err->code != MOON_E_CANCELLED) {
        put_adoption_off(ctx);
    }
    patch_done(result, ctx);
}

void moon_ds_revision_plan_adopt(struct moon_ds_set *set, struct moon_plan *plan,
                                 const struct moon_revision *r)
{
    patch(set, plan, r,
          &(struct moon_action){.verb = MOON_VERB_PATCH_STRATEGIC,
                                .reason = "adopt: the selector matches and nobody owns it",
                                .write_body = write_adoption,
                                .on_done = adoption_done},
          (struct write){0});
}

static void write_release(const struct moon_action *action, struct moon_buf *out)
{
    const struct moon_ds_set *set = action->ctx;

    write_head(action, out);
    moon_buf_puts(out, ",\"ownerReferences\":[{\"$patch\":\"delete\",\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_puts(out, "}]}}");
}

void moon_ds_revision_plan_release(struct moon_ds_set *set, struct moon_plan *plan,
                                   const struct moon_revision *r)
{
    patch(set, plan, r,
          &(struct moon_action){.verb = MOON_VERB_PATCH_STRATEGIC,
                                .reason = "release: the selector no longer matches",
                                .write_body = write_release},
          (struct write){0});
}

static void write_hash_label(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    write_head(action, out);
    moon_buf_puts(out, ",\"labels\":{\"" MOON_LABEL_HASH "\":");
    moon_json_add_string(out, moon_str(w->label));
    moon_buf_puts(out, "}}}");
}

void moon_ds_revision_plan_label(struct moon_ds_set *set, struct moon_plan *plan,
                                 const struct moon_revision *r)
{
    patch(set, plan, r,
          &(struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                .reason = "the revision lacks its hash label",
                                .write_body = write_hash_label},
          (struct write){.label = moon_arena_strdup(moon_plan_arena(plan), r->meta.name)});
}

static void write_number(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    write_head(action, out);
    moon_buf_printf(out, "},\"revision\":%lld}", (long long)w->number);
}

void moon_ds_revision_plan_number(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, int64_t number)
{
    patch(set, plan, r,
          &(struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                .reason = "the template went back to this revision",
                                .write_body = write_number},
          (struct write){.number = number});
}

static void write_stable(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;
    char text[MOON_TIME_TEXT];

    write_head(action, out);
    moon_buf_printf(out, ",\"annotations\":{\"" MOON_ANNOTATION_STABLE "\":\"%s\"}}}",
                    moon_time_format(w->number, text));
}

static void stable_done(const struct moon_result *result, void *ctx)
{
    const struct moon_ds_set *set = ctx;

    if (!set->gone && result->err == NULL) {
        moon_info(MOON_DS_TOPIC, "revision is the stable one", "key", set->key, "revision",
                  result->action->name, "reason", result->action->reason);
    }
    patch_done(result, ctx);
}

void moon_ds_revision_plan_stable(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, int64_t at_s, const char *reason)
{
    patch(set, plan, r,
          &(struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                                .reason = reason,
                                .write_body = write_stable,
                                .on_done = stable_done},
          (struct write){.number = at_s});
}

static void delete_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;

    if (!set->gone && result->err == NULL) {
        forget_revision(set, result->action->uid);
    }
    end(set, result);
}

void moon_ds_revision_plan_delete(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, const char *reason)
{
    struct moon_arena *arena = moon_plan_arena(plan);

    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_DELETE,
                             .resource = &moon_resource_revisions,
                             .name = moon_arena_strdup(arena, r->meta.name),
                             .uid = moon_arena_strdup(arena, r->meta.uid),
                             .reason = reason,
                             .on_done = delete_done},
        (struct write){0});
}

static void relabel_done(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    const struct write *w = result->action->detail;
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(w->uid));

    if (p != NULL) {
        p->patching = false;
    }
    if (!set->gone && result->err == NULL) {
        moon_ds_store_pod(set, result->answer->body);
    } else if (!set->gone && result->err->code == MOON_E_NOT_FOUND) {
        moon_ds_pod_is_gone(set, w->uid);
    }
    end(set, result);
}

void moon_ds_revision_plan_relabel(struct moon_ds_set *set, struct moon_plan *plan,
                                   struct moon_ds_pod *p, moon_sym hash)
{
    struct moon_arena *arena = moon_plan_arena(plan);

    p->patching = true;
    add(set, plan,
        (struct moon_action){.verb = MOON_VERB_PATCH_MERGE,
                             .resource = &moon_resource_pods,
                             .name = moon_arena_strdup(arena, p->pod->meta.name),
                             .reason = "its revision is a duplicate",
                             .write_body = write_hash_label,
                             .on_done = relabel_done},
        (struct write){.uid = moon_arena_strdup(arena, p->pod->meta.uid),
                       .label = moon_arena_strdup(arena, hash)});
}
