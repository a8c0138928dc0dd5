/* SPDX-License-Identifier: Apache-2.0
 *
 * object.h - projected API objects: immutable, counted, a fraction of the JSON's size.
 *
 * A kind says how to cut its interesting fields out of a JSON tree into a struct that begins with
 * struct moon_object. The tree is dropped afterwards. Whoever wants to change an object sends a
 * patch to the server; the cache then gets a new projection. Layer: kube.
 */
#ifndef MOON_KUBE_OBJECT_H
#define MOON_KUBE_OBJECT_H

#include "kube/labels.h"
#include "kube/resource.h"

struct moon_object;

/* A reference to an owner, texts interned. uid NULL = none. */
struct moon_owner {
    moon_sym api_version;
    moon_sym kind;
    moon_sym name;
    moon_sym uid;
};

struct moon_kind {
    const struct moon_resource *resource;
    size_t size; /* of the struct that begins with moon_object */
    /* Keep annotations in the head? Pods and revisions do without. */
    bool keep_annotations;
    /* What `project` reads, beginning with MOON_OBJECT_READS (whoever keeps annotations takes
     * MOON_OBJECT_READS_ALL); all else is gone before it is called. NULL: everything. */
    const struct moon_json_want *reads;
    /* The same when that is not fixed: what was projected before is not up to date. NULL: `reads`.
     */
    const struct moon_json_want *(*reads_now)(void);
    /* Fill the rest; the head is done. 1 = not for us: drop the object silently. `text` is the
     * object's JSON, for kinds that keep raw parts. */
    int (*project)(struct moon_object *object, const cJSON *json, struct moon_str text,
                   struct moon_err *err);
    /* Free the rest. Called for half-projected objects, too. */
    void (*fini)(struct moon_object *object);
    /* Is everything the struct keeps equal, the resourceVersion aside? May be NULL (never). */
    bool (*same)(const struct moon_object *a, const struct moon_object *b);
};

/* What the head is made of; ALL: all metadata but the managedFields, which nobody reads. */
#define MOON_OBJECT_READS                                                                          \
    {.key = "kind"},                                                                               \
    {                                                                                              \
        .key = "metadata", .members = moon_object_head_reads                                       \
    }
#define MOON_OBJECT_READS_ALL                                                                      \
    {.key = "kind"},                                                                               \
    {                                                                                              \
        .key = "metadata", .members = moon_object_all_reads                                        \
    }
MOON_API extern const struct moon_json_want moon_object_head_reads[];
MOON_API extern const struct moon_json_want moon_object_all_reads[];

struct moon_object {
    const struct moon_kind *kind;
    unsigned refs;
    moon_sym namespace; /* NULL for cluster-scoped objects */
    moon_sym name;
    moon_sym uid;
    uint64_t version; /* resourceVersion as a number */
    int64_t generation;
    int64_t created_s;
    int64_t deleted_s; /* deletionTimestamp; 0 = not being deleted */
    struct moon_labels labels;
    struct moon_labels annotations; /* empty unless the kind keeps them */
    struct moon_owner controller;   /* the owner reference with controller: true */
};

/* Parse and project one object's JSON text. *ret is NULL (and 0 returned) when the kind does not
 * want it. Errors name kind, namespace/name and field; a text that says it is of another kind
 * (Status, PartialObjectMetadata) is one. */
MOON_API int moon_object_project(const struct moon_kind *kind, struct moon_str text,
                                 struct moon_object **ret, struct moon_err *err);
/* The same from a tree (fixtures, policy tests); `text` may be empty when the kind keeps none. */
MOON_API int moon_object_project_json(const struct moon_kind *kind, const cJSON *json,
                                      struct moon_str text, struct moon_object **ret,
                                      struct moon_err *err);

/* A text of an object's metadata, unprojected ("uid", "resourceVersion": no escapes in them);
 * nothing behind it is looked at. Empty when there is none. */
MOON_API struct moon_str moon_object_head(struct moon_str text, const char *key);

/* Counting changes no content, so it works on const. */
MOON_API const struct moon_object *moon_object_ref(const struct moon_object *o);
MOON_API void moon_object_unref(const struct moon_object *o); /* NULL is fine */

/* "namespace/name", or "name" for cluster-scoped objects. */
MOON_API void moon_object_key(const struct moon_object *o, struct moon_buf *out);

/* The server has written a newer version that changes nothing we keep: move the number forward in
 * place, so that everybody who holds the object goes on sharing it. For the store only. */
MOON_API void moon_object_advance(const struct moon_object *o, uint64_t version);

/* ---- for projections ---- */

/* Intern a string member, NULL when absent or no string. */
MOON_API moon_sym moon_object_sym(const cJSON *json, const char *path);
/* A time member in seconds; 0 when absent or null. Anything else: MOON_E_INVALID with the path. */
MOON_API int moon_object_time(const cJSON *json, const char *path, int64_t *ret_s,
                              struct moon_err *err);
/* An array member; NULL when absent or null. Anything else: MOON_E_INVALID with the path. */
MOON_API int moon_object_array(const cJSON *json, const char *path, const cJSON **ret,
                               struct moon_err *err);
/* Is everything in the heads equal, versions and uids aside? For `same`. */
MOON_API bool moon_object_same_head(const struct moon_object *a, const struct moon_object *b);

#endif
