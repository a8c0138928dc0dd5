/* SPDX-License-Identifier: Apache-2.0
 *
 * image.c - an update in place: a pod that stays gets the images and the hash of another revision.
 *
 * That is the same as a new pod only when images are all that the two templates differ in, and when
 * the containers that get them run again: an API server lets nobody change more of a pod, and a
 * kubelet restarts a container whose image has changed, but no init container that has ended. The
 * annotation moonset.dev/in-place tells what to wait for (see kube/pod.h): until then the pod is
 * not available, whatever its conditions, which may not even change, say.
 */
#include "daemonset/daemonset_priv.h"

enum {
    TEMPLATE_MAX_BYTES = 2 * 1024 * 1024,
    MARK_MAX_BYTES = 64 * 1024,
};

/* A container that gets another image. */
struct image {
    const char *list; /* "containers" or "initContainers" */
    char *container;
    char *image;
    bool runs_again;
};

/* What the live template differs in from one revision; kept, with those of the other revisions that
 * were asked about, until there is another template. */
struct moon_ds_images {
    struct moon_ds_images *next;
    moon_sym from; /* hash of the revision */
    moon_sym to;   /* of the live template */
    char *why;     /* why no pod can be taken from one to the other in place; NULL: it can */
    struct image *items;
    size_t count;
};

static void free_one(struct moon_ds_images *d)
{
    for (size_t i = 0; i < d->count; i++) {
        moon_free(d->items[i].container);
        moon_free(d->items[i].image);
    }
    moon_free(d->items);
    moon_free(d->why);
    moon_sym_unref(d->from);
    moon_sym_unref(d->to);
    moon_free(d);
}

void moon_ds_images_free(struct moon_ds_images *d)
{
    while (d != NULL) {
        struct moon_ds_images *next = d->next;
        free_one(d);
        d = next;
    }
}

/* ---- comparing ---- */

/* A template but its images. */
static const struct moon_json_want container_rest[] = {
    {.key = "image", .is_unwanted = true}, {.key = "*"}, {0}};
static const struct moon_json_want spec_rest[] = {
    {.key = "containers", .members = container_rest},
    {.key = "initContainers", .members = container_rest},
    {.key = "*"},
    {0},
};
static const struct moon_json_want template_rest[] = {
    {.key = "spec", .members = spec_rest}, {.key = "*"}, {0}};

static bool has_same_rest(struct moon_str a, struct moon_str b)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf rest_a = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf rest_b = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    struct moon_err err;

    return moon_json_pick(a, template_rest, &rest_a, &err) == 0 &&
           moon_json_pick(b, template_rest, &rest_b, &err) == 0 &&
           moon_json_equal(moon_buf_str(&rest_a), moon_buf_str(&rest_b));
}

static void add_image(struct moon_ds_images *d, const char *list, const cJSON *container)
{
    const char *image = moon_json_string(container, "image");
    bool is_init = strcmp(list, "initContainers") == 0;

    d->items = moon_realloc_array(d->items, d->count + 1, sizeof(*d->items));
    d->items[d->count++] = (struct image){
        .list = list,
        .container = moon_strdup(moon_json_string(container, "name")),
        .image = moon_strdup(image != NULL ? image : ""),
        .runs_again =
            !is_init || moon_streq(moon_json_string(container, "restartPolicy"), "Always"),
    };
}

/* The lists have the same containers in the same order: their rest is equal. */
static void collect(struct moon_ds_images *d, const char *list, const cJSON *before,
                    const cJSON *after)
{
    const cJSON *old = moon_json_get(before, list);
    const cJSON *new;

    old = old != NULL ? old->child : NULL;
    cJSON_ArrayForEach (new, moon_json_get(after, list)) {
        if (!moon_streq(moon_json_string(old, "image"), moon_json_string(new, "image")) &&
            moon_json_string(new, "name") != NULL) {
            add_image(d, list, new);
        }
        old = old != NULL ? old->next : NULL;
    }
}

static bool any_runs_again(const struct moon_ds_images *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].runs_again) {
            return true;
        }
    }
    return false;
}

static char *compare(struct moon_ds_images *d, struct moon_str before, struct moon_str after)
{
    struct moon_err err;
    MOON_AUTOJSON *old = moon_json_parse(before, &err);
    MOON_AUTOJSON *new = moon_json_parse(after, &err);

    if (old == NULL || new == NULL || !has_same_rest(before, after)) {
        return moon_strdup("the templates differ in more than images");
    }
    const cJSON *old_spec = moon_json_member(old, "spec");
    const cJSON *new_spec = moon_json_member(new, "spec");
    collect(d, "containers", old_spec, new_spec);
    collect(d, "initContainers", old_spec, new_spec);
    if (d->count == 0) {
        return moon_strdup("the templates do not differ in images");
    }
    return any_runs_again(d)
               ? NULL
               : moon_strdup("only images of init containers differ, which do not run again");
}

static char *compare_revision(struct moon_ds_set *set, struct moon_ds_images *d)
{
    const struct moon_revision *r = moon_ds_history_find(set, d->from);
    struct moon_str before;
    struct moon_str after;

    if (r == NULL) {
        return moon_strdup("its revision is not known any more");
    }
    if (!moon_json_find((struct moon_str){r->data, r->data_len}, MOON_JSON_PATH("spec", "template"),
                        &before) ||
        !moon_json_find((struct moon_str){set->data, set->data_len},
                        MOON_JSON_PATH("spec", "template"), &after)) {
        return moon_strdup("its revision holds no template");
    }
    return compare(d, before, after);
}

/* Pods of more than one old revision may take turns. */
static const struct moon_ds_images *images_from(struct moon_ds_set *set, moon_sym from)
{
    if (set->images != NULL && set->images->to != set->hash) {
        moon_ds_images_free(moon_steal(&set->images));
    }
    for (struct moon_ds_images *d = set->images; d != NULL; d = d->next) {
        if (d->from == from) {
            return d;
        }
    }
    struct moon_ds_images *d = moon_new(struct moon_ds_images);
    d->next = set->images;
    d->from = moon_sym_ref(from);
    d->to = moon_sym_ref(set->hash);
    d->why = compare_revision(set, d);
    set->images = d;
    return d;
}

/* ---- may it? ---- */

static const char *why_not(struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    moon_sym hash = moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH);

    if (p->orphan || p->foreign || p->patching || moon_ds_pod_is_going(p)) {
        return "another write about it is under way";
    }
    if (moon_pod_is_terminal(p->pod)) {
        return "it has ended";
    }
    if (hash == NULL || p->mislabelled) {
        return "nobody knows what template it was made from";
    }
    return images_from(set, hash)->why;
}

const char *moon_ds_unpatchable(const struct moon_roll_slot *shown)
{
    const struct moon_ds_slot *slot = shown->owner;
    const struct moon_ds_pod *p = moon_map_get(slot->set->pods, moon_str(shown->old_pod->meta.uid));

    if (p == NULL) {
        return "it is gone";
    }
    /* An edit may be about an image, and the template's would overwrite it. */
    if (p->pod->mutation != NULL ||
        (slot->mutation != NULL &&
         (slot->mutation->digest != NULL || moon_ds_mutate_wants(slot) != slot->set->hash))) {
        return "a policy says what the node's pod is made of";
    }
    return why_not(slot->set, p);
}

/* ---- the write ---- */

/* What it says, settled when it is planned; in the plan's arena. */
struct write {
    const char *uid;
    const char *body;
};

static void write_patch(const struct moon_action *action, struct moon_buf *out)
{
    const struct write *w = action->detail;

    moon_buf_puts(out, w->body);
}

static void add_list(const struct moon_ds_images *d, const char *list, struct moon_buf *out)
{
    const char *separator = "";

    moon_buf_printf(out, "\"%s\":[", list);
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->items[i].list, list) != 0) {
            continue;
        }
        moon_buf_printf(out, "%s{\"name\":", separator);
        moon_json_add_string(out, moon_str(d->items[i].container));
        moon_buf_puts(out, ",\"image\":");
        moon_json_add_string(out, moon_str(d->items[i].image));
        moon_buf_putc(out, '}');
        separator = ",";
    }
    moon_buf_putc(out, ']');
}

static bool has_list(const struct moon_ds_images *d, const char *list)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->items[i].list, list) == 0) {
            return true;
        }
    }
    return false;
}

static void add_spec(const struct moon_ds_images *d, struct moon_buf *out)
{
    bool both = has_list(d, "containers") && has_list(d, "initContainers");

    moon_buf_puts(out, ",\"spec\":{");
    if (has_list(d, "containers")) {
        add_list(d, "containers", out);
    }
    moon_buf_puts(out, both ? "," : "");
    if (has_list(d, "initContainers")) {
        add_list(d, "initContainers", out);
    }
    moon_buf_putc(out, '}');
}

/* "<hash>: agent=3,helper=0": the containers that are to restart, and how often they had. */
static void add_mark(const struct moon_ds_images *d, const struct moon_pod *pod,
                     struct moon_buf *out)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf mark = MOON_BUF_INIT(MARK_MAX_BYTES);
    const char *separator = " ";

    moon_buf_printf(&mark, "%s:", d->to);
    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].runs_again) {
            moon_buf_printf(&mark, "%s%s=%lld", separator, d->items[i].container,
                            (long long)moon_pod_restarts_of(pod, moon_str(d->items[i].container)));
            separator = ",";
        }
    }
    moon_json_add_string(out, moon_buf_str(&mark));
}

static const char *make_body(const struct moon_ds_set *set, const struct moon_ds_images *d,
                             const struct moon_pod *pod, struct moon_arena *arena)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);

    moon_buf_puts(&out, "{\"metadata\":{\"uid\":");
    moon_json_add_string(&out, moon_str(pod->meta.uid));
    moon_buf_puts(&out, ",\"labels\":{\"" MOON_LABEL_HASH "\":");
    moon_json_add_string(&out, moon_str(d->to));
    if (set->object->has_template_generation) {
        moon_buf_printf(&out, ",\"" MOON_LABEL_GENERATION "\":\"%lld\"",
                        (long long)set->object->template_generation);
    }
    moon_buf_puts(&out, "},\"annotations\":{\"" MOON_ANNOTATION_IN_PLACE "\":");
    add_mark(d, pod, &out);
    moon_buf_puts(&out, "}}");
    add_spec(d, &out);
    moon_buf_putc(&out, '}');
    return moon_arena_dup(arena, moon_buf_str(&out));
}

static void tell(struct moon_ds_set *set, const struct moon_result *result)
{
    const struct moon_action *action = result->action;
    bool is_dry = set->ds->in->config->dry_run;

    if (!is_dry) {
        moon_ds_store_pod(set, result->answer->body);
    }
    moon_ds_event(set, MOON_EVENT_NORMAL, "UpdatedInPlace", "Changed images of pod", action->name);
    moon_info(MOON_DS_TOPIC, is_dry ? "would change images of pod" : "changed images of pod", "key",
              set->key, "pod", action->name, "node", action->target, "reason", action->reason);
    moon_ds_set_written(set);
}

static void patched(const struct moon_result *result, void *ctx)
{
    struct moon_ds_set *set = ctx;
    const struct write *w = result->action->detail;

    if (!set->gone && result->err == NULL) {
        tell(set, result);
    } else if (!set->gone && result->err->code == MOON_E_NOT_FOUND) {
        moon_ds_pod_is_gone(set, w->uid);
    } else if (!set->gone && !result->quiet) {
        moon_ds_event(set, MOON_EVENT_WARNING, "FailedUpdate", "Error changing images",
                      result->err->text);
    }
    struct moon_ds_pod *p = moon_map_get(set->pods, moon_str(w->uid));
    if (p != NULL) {
        p->imaging = false;
        if (p->slot != NULL) {
            moon_ds_slot_mark(p->slot);
        }
    }
    moon_ds_set_release(set);
}

void moon_ds_plan_patch_images(struct moon_ds_pod *p, struct moon_plan *plan, const char *reason)
{
    struct moon_ds_set *set = p->slot->set;
    struct moon_arena *arena = moon_plan_arena(plan);
    const struct moon_pod *pod = p->pod;

    if (why_not(set, p) != NULL) {
        return;
    }
    const struct moon_ds_images *d =
        images_from(set, moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH));
    struct write *w = moon_arena_alloc(arena, sizeof(*w));
    *w = (struct write){.uid = moon_arena_strdup(arena, pod->meta.uid),
                        .body = make_body(set, d, pod, arena)};
    p->imaging = true;
    moon_ds_set_hold(set);
    moon_plan_add(plan, &(struct moon_action){
                            .verb = MOON_VERB_PATCH_STRATEGIC,
                            .resource = &moon_resource_pods,
                            .namespace = moon_arena_strdup(arena, pod->meta.namespace),
                            .name = moon_arena_strdup(arena, pod->meta.name),
                            .target = moon_arena_strdup(arena, p->slot->name),
                            .reason = moon_arena_strdup(arena, reason),
                            .write_body = write_patch,
                            .on_done = patched,
                            .ctx = set,
                            .detail = w,
                        });
    moon_ds_slot_mark(p->slot);
}
