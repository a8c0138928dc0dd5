/* SPDX-License-Identifier: Apache-2.0
 *
 * object.c - the head that all projections share: who it is, which version, whose it is.
 */
#include "kube/object.h"

#include "base/time.h"

/* The one place that casts const away: to count holders, and to move a version on. Whoever holds a
 * reference sees the content as const; objects are only ever made by moon_alloc below. */
static struct moon_object *counted(const struct moon_object *o)
{
    moon_assert(o->refs > 0);
    return (struct moon_object *)(uintptr_t)o;
}

const struct moon_object *moon_object_ref(const struct moon_object *o)
{
    struct moon_object *object = counted(o);
    moon_assert(object->refs < UINT32_MAX);
    object->refs++;
    return o;
}

static void fini_owner(struct moon_owner *owner)
{
    moon_sym_unref(owner->api_version);
    moon_sym_unref(owner->kind);
    moon_sym_unref(owner->name);
    moon_sym_unref(owner->uid);
}

static void destroy(struct moon_object *o)
{
    o->kind->fini(o);
    moon_sym_unref(o->namespace);
    moon_sym_unref(o->name);
    moon_sym_unref(o->uid);
    moon_labels_fini(&o->labels);
    moon_labels_fini(&o->annotations);
    fini_owner(&o->controller);
    moon_free(o);
}

void moon_object_unref(const struct moon_object *o)
{
    if (o == NULL) {
        return;
    }
    struct moon_object *object = counted(o);
    object->refs--;
    if (object->refs == 0) {
        destroy(object);
    }
}

void moon_object_advance(const struct moon_object *o, uint64_t version)
{
    struct moon_object *object = counted(o);
    moon_assert(version >= object->version);
    object->version = version;
}

void moon_object_key(const struct moon_object *o, struct moon_buf *out)
{
    if (o->namespace != NULL) {
        moon_buf_puts(out, o->namespace);
        moon_buf_putc(out, '/');
    }
    moon_buf_puts(out, o->name);
}

struct moon_str moon_object_head(struct moon_str text, const char *key)
{
    struct moon_str value;
    if (!moon_json_find_first(text, MOON_JSON_PATH("metadata", key), &value) || value.len < 2 ||
        value.ptr[0] != '"') {
        return (struct moon_str){0};
    }
    return (struct moon_str){value.ptr + 1, value.len - 2};
}

/* ---- for projections ---- */

moon_sym moon_object_sym(const cJSON *json, const char *path)
{
    return moon_intern_cstr(moon_json_string(json, path));
}

int moon_object_time(const cJSON *json, const char *path, int64_t *ret_s, struct moon_err *err)
{
    const cJSON *member = moon_json_get(json, path);
    if (member == NULL) {
        *ret_s = 0;
        return 0;
    }
    const char *text = cJSON_GetStringValue(member);
    if (text == NULL || !moon_time_parse(moon_str(text), ret_s)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: no RFC 3339 time: %s", path,
                            text != NULL ? text : "not a string");
    }
    return 0;
}

int moon_object_array(const cJSON *json, const char *path, const cJSON **ret, struct moon_err *err)
{
    const cJSON *member = moon_json_get(json, path);
    if (member != NULL && !cJSON_IsArray(member)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: not an array", path);
    }
    *ret = member;
    return 0;
}

static bool same_owner(const struct moon_owner *a, const struct moon_owner *b)
{
    return a->uid == b->uid && a->name == b->name && a->kind == b->kind &&
           a->api_version == b->api_version;
}

bool moon_object_same_head(const struct moon_object *a, const struct moon_object *b)
{
    return a->namespace == b->namespace && a->name == b->name && a->generation == b->generation &&
           a->created_s == b->created_s && a->deleted_s == b->deleted_s &&
           same_owner(&a->controller, &b->controller) &&
           moon_labels_equal(&a->labels, &b->labels) &&
           moon_labels_equal(&a->annotations, &b->annotations);
}

/* ---- the head ---- */

static const struct moon_json_want owner_reads[] = {
    {.key = "apiVersion"}, {.key = "kind"},       {.key = "name"},
    {.key = "uid"},        {.key = "controller"}, {0},
};

/* Of those who keep no annotations, pods read two: see pod.h. */
static const struct moon_json_want annotation_reads[] = {
    {.key = "moonset.dev/mutation"}, {.key = "moonset.dev/in-place"}, {0}};

const struct moon_json_want moon_object_head_reads[] = {
    {.key = "name"},
    {.key = "namespace"},
    {.key = "uid"},
    {.key = "resourceVersion"},
    {.key = "generation"},
    {.key = "creationTimestamp"},
    {.key = "deletionTimestamp"},
    {.key = "labels"},
    {.key = "annotations", .members = annotation_reads},
    {.key = "ownerReferences", .members = owner_reads},
    {0},
};

/* Nobody but the server reads managedFields, and they may be half of an object. */
const struct moon_json_want moon_object_all_reads[] = {
    {.key = "managedFields", .is_unwanted = true}, {.key = "*"}, {0}};

static const struct moon_json_want everything[] = {MOON_OBJECT_READS_ALL, {.key = "*"}, {0}};

static int project_identity(struct moon_object *o, const cJSON *metadata, struct moon_err *err)
{
    o->namespace = moon_object_sym(metadata, "namespace");
    o->name = moon_object_sym(metadata, "name");
    o->uid = moon_object_sym(metadata, "uid");
    if (moon_sym_len(o->name) == 0) {
        return moon_err_set(err, MOON_E_INVALID, "metadata.name is missing");
    }
    if (moon_sym_len(o->uid) == 0) {
        return moon_err_set(err, MOON_E_INVALID, "metadata.uid is missing");
    }
    if (o->kind->resource->namespaced && moon_sym_len(o->namespace) == 0) {
        return moon_err_set(err, MOON_E_INVALID, "metadata.namespace is missing");
    }
    return 0;
}

/* A dry run's answer has no version: 0, older than everything. */
static int project_version(struct moon_object *o, const cJSON *metadata, struct moon_err *err)
{
    const cJSON *member = moon_json_member(metadata, "resourceVersion");
    const char *text = cJSON_GetStringValue(member);
    if (member == NULL || (text != NULL && *text == '\0')) {
        return 0;
    }
    if (text == NULL || !moon_parse_u64(moon_str(text), &o->version)) {
        return moon_err_set(err, MOON_E_INVALID, "metadata.resourceVersion: no decimal number: %s",
                            text != NULL ? text : "not a string");
    }
    return 0;
}

static int project_times(struct moon_object *o, const cJSON *metadata, struct moon_err *err)
{
    int rc = moon_object_time(metadata, "creationTimestamp", &o->created_s, err);
    if (rc == 0) {
        rc = moon_object_time(metadata, "deletionTimestamp", &o->deleted_s, err);
    }
    return rc != 0 ? moon_err_wrap(err, "metadata") : 0;
}

static int project_texts(struct moon_object *o, const cJSON *metadata, struct moon_err *err)
{
    if (moon_labels_from_json(moon_json_member(metadata, "labels"), &o->labels, err) != 0) {
        return moon_err_wrap(err, "metadata.labels");
    }
    if (o->kind->keep_annotations &&
        moon_labels_from_json(moon_json_member(metadata, "annotations"), &o->annotations, err) !=
            0) {
        return moon_err_wrap(err, "metadata.annotations");
    }
    return 0;
}

/* As Go's metav1.GetControllerOf: the first reference that says controller: true. */
static int project_controller(struct moon_object *o, const cJSON *metadata, struct moon_err *err)
{
    const cJSON *owners = NULL;
    const cJSON *owner = NULL;
    if (moon_object_array(metadata, "ownerReferences", &owners, err) != 0) {
        return moon_err_wrap(err, "metadata");
    }
    cJSON_ArrayForEach (owner, owners) {
        if (!moon_json_bool(owner, "controller", false)) {
            continue;
        }
        o->controller = (struct moon_owner){
            .api_version = moon_object_sym(owner, "apiVersion"),
            .kind = moon_object_sym(owner, "kind"),
            .name = moon_object_sym(owner, "name"),
            .uid = moon_object_sym(owner, "uid"),
        };
        /* Without a uid it would read as an orphan, and orphans get adopted. */
        return moon_sym_len(o->controller.uid) > 0
                   ? 0
                   : moon_err_set(err, MOON_E_INVALID,
                                  "metadata.ownerReferences: the controller has no uid");
    }
    return 0;
}

/* A Status or PartialObjectMetadata would pass for an object of which nothing is known. Items of a
 * list do not say their kind. */
static int check_kind(const struct moon_object *o, const cJSON *json, struct moon_err *err)
{
    const char *kind = moon_json_string(json, "kind");
    if (kind != NULL && strcmp(kind, o->kind->resource->kind) != 0) {
        return moon_err_set(err, MOON_E_INVALID, "the object is a %s", kind);
    }
    return 0;
}

static int project_head(struct moon_object *o, const cJSON *json, struct moon_err *err)
{
    const cJSON *metadata = moon_json_member(json, "metadata");
    int rc = project_identity(o, metadata, err);
    if (rc == 0) {
        rc = check_kind(o, json, err);
    }
    if (rc == 0) {
        rc = project_version(o, metadata, err);
    }
    if (rc == 0) {
        rc = project_times(o, metadata, err);
    }
    if (rc == 0) {
        rc = project_texts(o, metadata, err);
    }
    if (rc == 0) {
        rc = project_controller(o, metadata, err);
    }
    o->generation = moon_json_int(metadata, "generation", 0);
    return rc;
}

static int wrap_identity(const struct moon_object *o, struct moon_err *err)
{
    const char *kind = o->kind->resource->kind;
    if (moon_sym_len(o->name) == 0) {
        return moon_err_wrap(err, "%s", kind);
    }
    if (o->namespace == NULL) {
        return moon_err_wrap(err, "%s %s", kind, o->name);
    }
    return moon_err_wrap(err, "%s %s/%s", kind, o->namespace, o->name);
}

int moon_object_project_json(const struct moon_kind *kind, const cJSON *json, struct moon_str text,
                             struct moon_object **ret, struct moon_err *err)
{
    moon_assert(kind->size >= sizeof(struct moon_object));
    struct moon_object *object = moon_alloc(kind->size);
    object->kind = kind;
    object->refs = 1;

    int rc = project_head(object, json, err);
    if (rc == 0) {
        rc = kind->project(object, json, text, err);
    }
    if (rc < 0) {
        rc = wrap_identity(object, err);
    } else {
        *ret = rc == 0 ? moon_steal(&object) : NULL;
        rc = 0;
    }
    moon_object_unref(object);
    return rc;
}

int moon_object_project(const struct moon_kind *kind, struct moon_str text,
                        struct moon_object **ret, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf lean = MOON_BUF_INIT(text.len + 1);
    struct moon_arena *arena = moon_arena_new(MOON_JSON_TREE_MAX(text.len));
    const struct moon_json_want *reads = kind->reads_now != NULL ? kind->reads_now() : kind->reads;
    const cJSON *json =
        moon_json_parse_picked(text, reads != NULL ? reads : everything, &lean, arena, err);
    int rc = json != NULL ? moon_object_project_json(kind, json, moon_buf_str(&lean), ret, err)
                          : moon_err_wrap(err, "%s", kind->resource->kind);
    moon_arena_free(arena);
    return rc;
}
