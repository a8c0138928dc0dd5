/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_write.c - the writes of a controller, carried out in a cluster in memory.
 *
 * Trees are changed here and printed again, as nobody sends them to a server afterwards.
 */
#include <inttypes.h>

#include "base/time.h"
#include "host/picture_priv.h"
#include "kube/affinity.h"

/* ---- trees ---- */

void moon_picture_set_text(cJSON *object, const char *key, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    (void)cJSON_AddStringToObject(object, key, text);
}

static cJSON *member(cJSON *object, const char *key)
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(object, key);

    if (!cJSON_IsObject(found)) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        found = cJSON_AddObjectToObject(object, key);
    }
    return found;
}

/* https://www.rfc-editor.org/rfc/rfc7396 */
static void merge(cJSON *target, const cJSON *patch)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, patch) {
        if (cJSON_IsObject(item) && !cJSON_HasObjectItem(item, "$patch")) {
            merge(member(target, item->string), item);
            continue;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
        if (!cJSON_IsNull(item)) {
            cJSON *copy = cJSON_Duplicate(item, true);
            cJSON_DeleteItemFromObjectCaseSensitive(copy, "$patch"); /* "replace" */
            (void)cJSON_AddItemToObject(target, item->string, copy);
        }
    }
}

static void drop_owner(cJSON *owners, const char *uid)
{
    for (int i = cJSON_GetArraySize(owners) - 1; i >= 0; i--) {
        if (moon_streq(moon_json_string(cJSON_GetArrayItem(owners, i), "uid"), uid)) {
            cJSON_DeleteItemFromArray(owners, i);
        }
    }
}

/* Owners are merged by uid; each may be deleted. All else of the patches that controllers send is
 * the same in both kinds. */
static void merge_owners(cJSON *object, cJSON *patch)
{
    cJSON *metadata = member(object, "metadata");
    cJSON *changes = cJSON_DetachItemFromObjectCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(patch, "metadata"), "ownerReferences");
    cJSON *owners = cJSON_GetObjectItemCaseSensitive(metadata, "ownerReferences");
    const cJSON *change;

    if (owners == NULL && changes != NULL) {
        owners = cJSON_AddArrayToObject(metadata, "ownerReferences");
    }
    cJSON_ArrayForEach (change, changes) {
        drop_owner(owners, moon_json_string(change, "uid"));
        if (!moon_streq(moon_json_string(change, "$patch"), "delete")) {
            (void)cJSON_AddItemToArray(owners, cJSON_Duplicate(change, true));
        }
    }
    cJSON_Delete(changes);
}

/* ---- objects ---- */

/* Print it with the next version, and free it. */
static char *finish(struct moon_picture *p, cJSON *take_json)
{
    MOON_AUTOFREE char *version = moon_asprintf("%" PRIu64, ++p->version);

    moon_picture_set_text(member(take_json, "metadata"), "resourceVersion", version);
    char *printed = cJSON_PrintUnformatted(take_json);
    char *text = moon_strdup(printed);
    cJSON_free(printed);
    cJSON_Delete(take_json);
    return text;
}

static void put_and_answer(struct moon_picture *p, struct moon_client_call *call,
                           const char *resource, int status, cJSON *take_json)
{
    char *text = finish(p, take_json);
    MOON_AUTOFREE char *body = moon_strdup(text);

    /* The answer comes before the event, as it mostly does. */
    moon_picture_answer(call, status, moon_str(body));
    moon_picture_put(p, resource, text);
}

static void complete(struct moon_picture *p, cJSON *json, const struct moon_client_question *q)
{
    cJSON *metadata = member(json, "metadata");
    MOON_AUTOFREE char *uid = moon_asprintf("made-up-%u", ++p->made);
    char now[MOON_TIME_TEXT];

    moon_picture_set_text(metadata, "uid", uid);
    moon_picture_set_text(metadata, "creationTimestamp",
                          moon_time_format(moon_loop_wall_ms(p->opts.loop) / 1000, now));
    if (q->namespace != NULL) {
        moon_picture_set_text(metadata, "namespace", q->namespace);
    }
}

static void create(struct moon_picture *p, struct moon_client_call *call, const char *resource,
                   const struct moon_client_question *q)
{
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(q->body, &err);
    const char *name = moon_json_string(json, "metadata.name");

    if (name == NULL) {
        moon_picture_refuse(call, 422, "Invalid", "metadata.name is missing");
    } else if (moon_picture_find(p, resource, q->namespace, name) != NULL) {
        moon_picture_refuse(call, 409, "AlreadyExists", "there is one of this name");
    } else {
        complete(p, json, q);
        put_and_answer(p, call, resource, 201, moon_steal(&json));
    }
}

static bool is_of_uid(const cJSON *object, const char *uid)
{
    return uid == NULL || moon_streq(moon_json_string(object, "metadata.uid"), uid);
}

/* A changed spec is another generation. */
static void count_generation(cJSON *object, const cJSON *old_object)
{
    const cJSON *generation = moon_json_get(object, "metadata.generation");

    if (generation != NULL && !cJSON_Compare(moon_json_member(object, "spec"),
                                             moon_json_member(old_object, "spec"), true)) {
        double next = (double)moon_json_int(object, "metadata.generation", 0) + 1;
        cJSON *metadata = member(object, "metadata");
        cJSON_DeleteItemFromObjectCaseSensitive(metadata, "generation");
        (void)cJSON_AddNumberToObject(metadata, "generation", next);
    }
}

static void patch(struct moon_picture *p, struct moon_client_call *call, const char *resource,
                  const struct moon_client_question *q, const struct moon_picture_object *object)
{
    struct moon_err err;
    MOON_AUTOJSON *old_json = moon_json_parse(moon_str(object->text), &err);
    MOON_AUTOJSON *json = cJSON_Duplicate(old_json, true);
    MOON_AUTOJSON *change = moon_json_parse(q->body, &err);

    if (json == NULL || change == NULL) {
        moon_picture_refuse(call, 400, "BadRequest", "this is no patch of an object");
        return;
    }
    if (!is_of_uid(json, moon_json_string(change, "metadata.uid"))) {
        moon_picture_refuse(call, 409, "Conflict", "another object has this name");
        return;
    }
    if (q->verb == MOON_VERB_PATCH_STRATEGIC) {
        merge_owners(json, change);
    }
    merge(json, change);
    count_generation(json, old_json);
    put_and_answer(p, call, resource, 200, moon_steal(&json));
}

static void delete (struct moon_picture *p, struct moon_client_call *call, const char *resource,
                    const struct moon_client_question *q, struct moon_picture_object *object)
{
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(moon_str(object->text), &err);
    MOON_AUTOJSON *options = q->body.len > 0 ? moon_json_parse(q->body, &err) : NULL;

    if (!is_of_uid(json, moon_json_string(options, "preconditions.uid"))) {
        moon_picture_refuse(call, 409, "Conflict", "another object has this name");
        return;
    }
    moon_picture_answer(call, 200,
                        MOON_STR_LIT("{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                                     "\"status\":\"Success\"}"));
    moon_picture_remove(p, resource, object);
}

/* Nobody knows the disruption budgets here: it is granted. */
static void evict(struct moon_picture *p, struct moon_client_call *call, const char *resource,
                  struct moon_picture_object *object)
{
    moon_picture_answer(call, 201,
                        MOON_STR_LIT("{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                                     "\"status\":\"Success\"}"));
    moon_picture_remove(p, resource, object);
}

void moon_picture_carry_out(struct moon_picture *p, struct moon_client_call *call,
                            const struct moon_client_question *q)
{
    MOON_AUTOFREE char *resource = moon_picture_shelf_name(q->resource);
    bool is_status = q->subresource == NULL || moon_streq(q->subresource, "status");
    struct moon_picture_object *object =
        q->name != NULL ? moon_picture_find(p, resource, q->namespace, q->name) : NULL;

    if (q->verb == MOON_VERB_CREATE && q->subresource == NULL) {
        create(p, call, resource, q);
    } else if (q->verb == MOON_VERB_CREATE && moon_streq(q->subresource, "eviction") &&
               object != NULL) {
        evict(p, call, resource, object);
    } else if (object == NULL || !is_status) {
        moon_picture_refuse(call, 404, "NotFound", "there is no such object");
    } else if (q->verb == MOON_VERB_PATCH_MERGE || q->verb == MOON_VERB_PATCH_STRATEGIC) {
        patch(p, call, resource, q, object);
    } else if (q->verb == MOON_VERB_DELETE) {
        delete (p, call, resource, q, object);
    } else {
        moon_picture_refuse(call, 405, "MethodNotAllowed", "this write is not known here");
    }
}

bool moon_picture_change(struct moon_picture *p, const char *resource, const char *namespace,
                         const char *name, void (*change)(cJSON *object, void *ctx), void *ctx)
{
    const struct moon_picture_object *object = moon_picture_find(p, resource, namespace, name);
    struct moon_err err;
    cJSON *json = object != NULL ? moon_json_parse(moon_str(object->text), &err) : NULL;

    if (json == NULL) {
        return false;
    }
    change(json, ctx);
    moon_picture_put(p, resource, finish(p, json));
    return true;
}
