/* SPDX-License-Identifier: Apache-2.0
 *
 * structural.c - pruning and defaulting by a structural schema.
 */
#include "sim/structural.h"

#include "base/map.h"

enum {
    PATH_MAX_BYTES = 64 << 10,
    STRICT_MAX = 50
};

struct pruner {
    const struct moon_sim_type *object_meta;
    struct moon_buf path;
    cJSON *strict; /* may be NULL */
    struct moon_err *err;
};

static size_t enter_member(struct pruner *p, const char *key)
{
    size_t before = p->path.len;
    moon_buf_printf(&p->path, "%s%s", before > 0 ? "." : "", key);
    return before;
}

static void complain(struct pruner *p, const char *what, const char *key)
{
    if (p->strict == NULL || cJSON_GetArraySize(p->strict) >= STRICT_MAX) {
        return;
    }
    size_t before = enter_member(p, key);
    MOON_AUTOFREE char *text = moon_asprintf("%s \"%s\"", what, moon_buf_cstr(&p->path));
    cJSON_AddItemToArray(p->strict, cJSON_CreateString(text));
    moon_buf_truncate(&p->path, before);
}

/* ---- schemas ---- */

static bool is_true(const cJSON *schema, const char *extension)
{
    return cJSON_IsTrue(moon_sim_member(schema, extension)) != 0;
}

static const cJSON *property_of(const cJSON *schema, const char *name)
{
    return moon_sim_member(moon_sim_member(schema, "properties"), name);
}

/* The schema of a member; *ret_known false when the object must not have it. NULL and known: a
 * value of any kind. */
static const cJSON *member_schema(const cJSON *schema, const char *name, bool *ret_known)
{
    const cJSON *property = property_of(schema, name);
    const cJSON *additional = moon_sim_member(schema, "additionalProperties");
    *ret_known = true;
    if (property != NULL) {
        return property;
    }
    if (cJSON_IsObject(additional)) {
        return additional;
    }
    *ret_known =
        cJSON_IsTrue(additional) || is_true(schema, "x-kubernetes-preserve-unknown-fields");
    return NULL;
}

/* ---- pruning ---- */

static int prune(struct pruner *p, const cJSON *schema, cJSON *value, bool is_resource);

/* A resource's own members are as ObjectMeta and TypeMeta have them, whatever the schema says. */
static int prune_type_member(struct pruner *p, cJSON *member)
{
    if (!moon_streq(member->string, "metadata") || cJSON_IsNull(member)) {
        return 0;
    }
    if (!cJSON_IsObject(member)) {
        return moon_err_set(p->err, MOON_E_INVALID,
                            "json: cannot unmarshal metadata into Go value of type v1.ObjectMeta");
    }
    cJSON *strict = p->strict != NULL ? cJSON_CreateArray() : NULL;
    int rc = moon_sim_schema_decode(p->object_meta, member, strict, p->err);
    if (moon_sim_member(member, "creationTimestamp") == NULL) {
        moon_sim_remove(member, "creationTimestamp"); /* a typed object would show its null */
    }
    const cJSON *message = NULL;
    cJSON_ArrayForEach (message, strict) {
        /* unknown field "x" becomes unknown field "metadata.x" */
        const char *field = strchr(message->valuestring, '"');
        size_t before = enter_member(p, "metadata");
        MOON_AUTOFREE char *text =
            moon_asprintf("%.*s\"%s.%s", (int)(field - message->valuestring), message->valuestring,
                          moon_buf_cstr(&p->path), field + 1);
        moon_buf_truncate(&p->path, before);
        cJSON_AddItemToArray(p->strict, cJSON_CreateString(text));
    }
    cJSON_Delete(strict);
    return rc;
}

static bool is_type_member(const char *name)
{
    return moon_streq(name, "metadata") || moon_streq(name, "kind") ||
           moon_streq(name, "apiVersion");
}

static int prune_object(struct pruner *p, const cJSON *schema, cJSON *object, bool is_resource)
{
    bool keeps = is_true(schema, "x-kubernetes-preserve-unknown-fields");
    cJSON *member = object->child;
    int rc = 0;
    while (member != NULL && rc == 0) {
        cJSON *next = member->next;
        bool known = false;
        const cJSON *its_schema = member_schema(schema, member->string, &known);
        if (is_resource && is_type_member(member->string)) {
            rc = prune_type_member(p, member);
        } else if (!known) {
            complain(p, "unknown field", member->string);
            cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
        } else if (its_schema != NULL || !keeps) {
            size_t before = enter_member(p, member->string);
            rc = prune(p, its_schema, member, false);
            moon_buf_truncate(&p->path, before);
        }
        member = next;
    }
    return rc;
}

static int prune(struct pruner *p, const cJSON *schema, cJSON *value, bool is_resource)
{
    is_resource = is_resource || is_true(schema, "x-kubernetes-embedded-resource");
    if (cJSON_IsObject(value)) {
        return prune_object(p, schema, value, is_resource);
    }
    if (!cJSON_IsArray(value) || (schema != NULL && moon_sim_member(schema, "items") == NULL &&
                                  is_true(schema, "x-kubernetes-preserve-unknown-fields"))) {
        return 0;
    }
    cJSON *item = NULL;
    int index = 0;
    cJSON_ArrayForEach (item, value) {
        size_t before = p->path.len;
        moon_buf_printf(&p->path, "[%d]", index++);
        if (prune(p, moon_sim_member(schema, "items"), item, false) != 0) {
            return -(int)p->err->code;
        }
        moon_buf_truncate(&p->path, before);
    }
    return 0;
}

/* ---- nulls and defaults ---- */

static bool is_unwanted_null(const cJSON *schema, const cJSON *value)
{
    return schema != NULL && cJSON_IsNull(value) && !is_true(schema, "nullable");
}

static void fill_in(const cJSON *schema, cJSON *value);

static void fill_in_object(const cJSON *schema, cJSON *object)
{
    const cJSON *property = NULL;
    cJSON_ArrayForEach (property, moon_sim_member(schema, "properties")) {
        const cJSON *fallback = cJSON_GetObjectItemCaseSensitive(property, "default");
        const cJSON *present = cJSON_GetObjectItemCaseSensitive(object, property->string);
        if (fallback != NULL && (present == NULL || is_unwanted_null(property, present))) {
            moon_sim_set(object, property->string, moon_sim_clone(fallback));
        }
    }
    cJSON *member = object->child;
    while (member != NULL) {
        cJSON *next = member->next;
        bool known = false;
        const cJSON *its_schema = member_schema(schema, member->string, &known);
        if (is_unwanted_null(its_schema, member)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
        } else if (its_schema != NULL) {
            fill_in(its_schema, member);
        }
        member = next;
    }
}

static void fill_in(const cJSON *schema, cJSON *value)
{
    if (cJSON_IsObject(value)) {
        fill_in_object(schema, value);
    } else if (cJSON_IsArray(value) && moon_sim_member(schema, "items") != NULL) {
        cJSON *item = NULL;
        cJSON_ArrayForEach (item, value) {
            fill_in(moon_sim_member(schema, "items"), item);
        }
    }
}

/* ---- the object ---- */

/* A Go map has one member of a name, the last one. */
static void drop_duplicates(struct pruner *p, cJSON *value)
{
    MOON_CLEANUP(moon_map_free_ptr)
    struct moon_map *seen = cJSON_IsObject(value) ? moon_map_new(NULL) : NULL;
    cJSON *child = value->child;
    int index = 0;
    while (child != NULL) {
        cJSON *next = child->next;
        size_t before = p->path.len;
        if (seen != NULL) {
            cJSON *earlier = moon_map_get(seen, moon_str(child->string));
            if (earlier != NULL) {
                complain(p, "duplicate field", child->string);
                cJSON_Delete(cJSON_DetachItemViaPointer(value, earlier));
            }
            moon_map_set(seen, moon_str(child->string), child);
            (void)enter_member(p, child->string);
        } else {
            moon_buf_printf(&p->path, "[%d]", index++);
        }
        if (child->child != NULL) {
            drop_duplicates(p, child);
        }
        moon_buf_truncate(&p->path, before);
        child = next;
    }
}

int moon_sim_structural_coerce(const struct moon_sim_structural *s, cJSON *object, cJSON *strict,
                               struct moon_err *err)
{
    struct pruner p = {.object_meta = s->object_meta,
                       .path = MOON_BUF_INIT(PATH_MAX_BYTES),
                       .strict = strict,
                       .err = err};
    drop_duplicates(&p, object);
    int rc = prune(&p, s->schema, object, true);
    moon_buf_fini(&p.path);
    if (rc != 0) {
        return rc;
    }
    fill_in(s->schema, object);
    cJSON *metadata = cJSON_DetachItemFromObjectCaseSensitive(object, "metadata");
    moon_sim_tree_sort(object);
    if (metadata != NULL) {
        cJSON_AddItemToObject(object, "metadata", metadata);
    }
    return 0;
}
