/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - the other half of the fixture: what an API server would make of a plan.
 */
#include "server.h"

#include <stdio.h>

#include "base/time.h"

enum {
    TEXT_MAX = 1 << 20
};

static cJSON *metadata(cJSON *object)
{
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");

    return meta != NULL ? meta : cJSON_AddObjectToObject(object, "metadata");
}

static void set_string(cJSON *object, const char *key, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddStringToObject(object, key, value);
}

char *stamp(struct fixture *f, cJSON *object)
{
    char version[24];

    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)++f->version);
    set_string(metadata(object), "resourceVersion", version);
    return cJSON_PrintUnformatted(object);
}

void set_time(struct fixture *f, cJSON *object, const char *key, int age_s)
{
    char text[MOON_TIME_TEXT];

    set_string(object, key, moon_time_format(moon_loop_wall_ms(f->loop) / 1000 - age_s, text));
}

/* ---- patches ---- */

static void merge(cJSON *target, const cJSON *patch)
{
    const cJSON *p;

    cJSON_ArrayForEach (p, patch) {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(target, p->string);
        if (strcmp(p->string, "ownerReferences") == 0 || strcmp(p->string, "uid") == 0 ||
            strcmp(p->string, "resourceVersion") == 0) {
            continue; /* merged elsewhere; a condition, not a change */
        }
        if (cJSON_IsObject(p) && cJSON_IsObject(old)) {
            merge(old, p);
            continue;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(target, p->string);
        if (!cJSON_IsNull(p)) {
            cJSON_AddItemToObject(target, p->string, cJSON_Duplicate(p, true));
        }
    }
}

/* ownerReferences are merged by uid. */
static void merge_owners(cJSON *object, const cJSON *patch)
{
    const cJSON *owner = cJSON_GetArrayItem(moon_json_get(patch, "metadata.ownerReferences"), 0);
    cJSON *meta = metadata(object);
    cJSON *owners = cJSON_GetObjectItemCaseSensitive(meta, "ownerReferences");

    if (owner == NULL) {
        return;
    }
    if (owners == NULL) {
        owners = cJSON_AddArrayToObject(meta, "ownerReferences");
    }
    for (int i = cJSON_GetArraySize(owners) - 1; i >= 0; i--) {
        if (moon_streq(moon_json_string(cJSON_GetArrayItem(owners, i), "uid"),
                       moon_json_string(owner, "uid"))) {
            cJSON_DeleteItemFromArray(owners, i);
        }
    }
    if (moon_json_string(owner, "$patch") == NULL) {
        cJSON_AddItemToArray(owners, cJSON_Duplicate(owner, true));
    }
}

/* ---- answers ---- */

static void finish(const struct moon_action *action, int status, const char *body, bool found)
{
    struct moon_answer answer = {.status = status, .body = moon_str(body), .sent = true};

    action->on_done(&(struct moon_result){.action = action, .answer = &answer, .found = found},
                    action->ctx);
}

static void refuse(const struct moon_action *action, enum moon_code code, int status,
                   const char *body, const char *text)
{
    struct moon_answer answer = {.status = status, .body = moon_str(body), .sent = true};
    struct moon_err err;

    (void)moon_err_set(&err, code, "%s", text);
    err.http_status = status;
    action->on_done(&(struct moon_result){.action = action, .answer = &answer, .err = &err},
                    action->ctx);
}

/* Forbidden in the server's words, and as the client and control/apply hand them on. */
static void refuse_as_api(const struct moon_action *action, bool quiet)
{
    MOON_AUTOFREE char *said = moon_asprintf("pods \\\"%s\\\" is forbidden: no", action->name);
    MOON_AUTOFREE char *body = moon_asprintf("{\"kind\":\"Status\",\"message\":\"%s\"}", said);
    struct moon_answer answer = {.status = 403, .body = moon_str(body), .sent = true};
    struct moon_err err;

    (void)moon_err_set(&err, MOON_E_DENIED, "%s pods: no", moon_verb_name(action->verb));
    err.http_status = 403;
    action->on_done(
        &(struct moon_result){.action = action, .answer = &answer, .err = &err, .quiet = quiet},
        action->ctx);
}

static cJSON *body_of(const struct moon_action *action, struct moon_buf *ret_text)
{
    struct moon_err err;

    action->write_body(action, ret_text);
    assert_false(ret_text->overflow);
    cJSON *json = moon_json_parse(moon_buf_str(ret_text), &err);
    assert_non_null(json);
    return json;
}

/* Hand the new state to the stores as a watch would, then answer. */
static void answer_with(struct fixture *f, const struct moon_action *action, cJSON *object,
                        bool is_pod)
{
    char *text = stamp(f, object);

    /* Sometimes the event comes first, sometimes the answer: both must do. */
    if (is_pod && f->silent) {
        finish(action, 200, text, false);
    } else if (f->version % 2 == 0) {
        put_text(f, is_pod ? f->ds.pods : f->ds.revisions,
                 is_pod ? &moon_kind_pod : &moon_kind_revision, text);
        finish(action, 200, text, false);
    } else {
        finish(action, 200, text, false);
        put_text(f, is_pod ? f->ds.pods : f->ds.revisions,
                 is_pod ? &moon_kind_pod : &moon_kind_revision, text);
    }
    cJSON_free(text);
}

/* ---- pods and revisions ---- */

static const cJSON *namesake(struct fixture *f, const char *kind, const char *name)
{
    cJSON *o;
    size_t pos = 0;

    while (moon_map_next(f->objects, &pos, NULL, (void **)&o)) {
        if (moon_streq(moon_json_string(o, "kind"), kind) &&
            moon_streq(moon_json_string(o, "metadata.name"), name)) {
            return o;
        }
    }
    return NULL;
}

/* As control/apply does it: what is there under the name is ours when it has our owner. */
static void answer_taken(const struct moon_action *action, const cJSON *taken)
{
    char *text = cJSON_PrintUnformatted(taken);
    const cJSON *owner = cJSON_GetArrayItem(moon_json_get(taken, "metadata.ownerReferences"), 0);

    if (moon_streq(moon_json_string(owner, "uid"), action->owner_uid)) {
        finish(action, 200, text, true);
    } else {
        refuse(action, MOON_E_EXISTS, 409, text, "already exists and is not ours");
    }
    cJSON_free(text);
}

static void keep(struct moon_buf *where, struct moon_buf *text)
{
    moon_buf_clear(where);
    moon_buf_add_str(where, moon_buf_str(text));
}

static void create(struct fixture *f, const struct moon_action *action, bool is_pod)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    cJSON *object = body_of(action, &text);
    const cJSON *taken = namesake(f, is_pod ? "Pod" : "ControllerRevision", action->name);

    f->create_calls += is_pod;
    keep(is_pod ? &f->last_body : &f->last_revision, &text);
    assert_string_equal(moon_json_string(object, "metadata.name"), action->name);
    if (taken != NULL) {
        cJSON_Delete(object);
        answer_taken(action, taken);
    } else if (is_pod && f->creates_left == 0) {
        cJSON_Delete(object);
        refuse_as_api(action, f->terminating);
    } else {
        f->creates_left -= is_pod;
        cJSON *meta = metadata(object);
        char uid[32];
        if (f->drops_annotations) {
            cJSON_DeleteItemFromObjectCaseSensitive(meta, "annotations");
        }
        (void)snprintf(uid, sizeof(uid), "made-%u", ++f->names);
        set_string(meta, "uid", uid);
        set_string(meta, "namespace", NS);
        set_time(f, meta, "creationTimestamp", 0);
        moon_map_set(f->objects, moon_str(uid), object);
        answer_with(f, action, object, is_pod);
    }
}

static void patch(struct fixture *f, const struct moon_action *action, bool is_pod)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    MOON_AUTOJSON *body = body_of(action, &text);
    const char *uid = moon_json_string(body, "metadata.uid");

    keep(&f->last_patch, &text);
    assert_non_null(uid); /* every patch says which object it is about */
    if (f->patches_refused) {
        refuse(action, MOON_E_DENIED, 403, "{}", "patch refused");
        return;
    }
    cJSON *object = moon_map_get(f->objects, moon_str(uid));
    if (object == NULL) {
        refuse(action, MOON_E_NOT_FOUND, 404, "{}", "not found");
        return;
    }
    assert_string_equal(moon_json_string(object, "metadata.name"), action->name);
    merge(object, body);
    merge_owners(object, body);
    answer_with(f, action, object, is_pod);
}

static void delete (struct fixture *f, const struct moon_action *action, bool is_pod)
{
    cJSON *object = moon_map_get(f->objects, moon_str(action->uid));

    if (f->deletes_refused) {
        refuse_as_api(action, false);
        return;
    }
    if (object == NULL) {
        finish(action, 404, "{\"kind\":\"Status\"}", false);
        return;
    }
    set_time(f, metadata(object), "deletionTimestamp", 0);
    if (is_pod && f->graceful) {
        answer_with(f, action, object, true);
        return;
    }
    char *text = stamp(f, object);
    if (f->behind) {
        /* something else has moved the watch on: the answer's version tells nothing new */
        moon_store_bookmark(moon_informer_store(f->ds.pods), f->version);
        finish(action, 200, text, false);
        cJSON_free(text);
        return;
    }
    finish(action, 200, is_pod ? text : "{\"kind\":\"Status\",\"status\":\"Success\"}", false);
    delete_text(f, is_pod ? f->ds.pods : f->ds.revisions,
                is_pod ? &moon_kind_pod : &moon_kind_revision, text);
    moon_map_remove(f->objects, moon_str(action->uid));
    cJSON_free(text);
}

/* ---- nodes, and evictions ---- */

/* As merge() does, but a condition on the version is one. */
static void patch_node(struct fixture *f, const struct moon_action *action)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    MOON_AUTOJSON *body = body_of(action, &text);
    cJSON *node = moon_map_get(f->nodes, moon_str(action->name));

    keep(&f->last_patch, &text);
    assert_non_null(moon_json_string(body, "metadata.uid"));
    assert_non_null(moon_json_string(body, "metadata.resourceVersion"));
    if (f->nodes_refused) {
        refuse(action, MOON_E_DENIED, 403, "{}", "nodes is forbidden");
    } else if (node == NULL) {
        refuse(action, MOON_E_NOT_FOUND, 404, "{}", "not found");
    } else if (!moon_streq(moon_json_string(body, "metadata.resourceVersion"),
                           moon_json_string(node, "metadata.resourceVersion"))) {
        refuse(action, MOON_E_CONFLICT, 409, "{}", "the object has been modified");
    } else {
        merge(node, body);
        char *now = stamp(f, node);
        if (f->version % 2 == 0) {
            put_text(f, f->ds.nodes, &moon_kind_node, now);
        }
        finish(action, 200, now, false);
        put_text(f, f->ds.nodes, &moon_kind_node, now);
        cJSON_free(now);
    }
}

void change_node(struct fixture *f, const char *name, const char *patch)
{
    MOON_AUTOJSON *body = cJSON_Parse(patch);
    cJSON *node = moon_map_get(f->nodes, moon_str(name));

    assert_non_null(body);
    merge(node, body);
    char *now = stamp(f, node);
    put_text(f, f->ds.nodes, &moon_kind_node, now);
    cJSON_free(now);
}

/* What becomes of the pod is for the test to say. */
static void evict(struct fixture *f, const struct moon_action *action)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    MOON_AUTOJSON *body = body_of(action, &text);

    keep(&f->last_eviction, &text);
    assert_true(action->once);
    assert_string_equal(moon_json_string(body, "metadata.name"), action->name);
    if (f->eviction_refused != NULL) {
        refuse(action, MOON_E_BUSY, 429, "{}", f->eviction_refused);
    } else {
        finish(action, 201, "{\"kind\":\"Status\",\"status\":\"Success\"}", false);
    }
}

/* ---- the set's status ---- */

static void patch_status(struct fixture *f, const struct moon_action *action)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    MOON_AUTOJSON *body = body_of(action, &text);
    const char *uid = moon_json_string(body, "metadata.uid");
    const struct moon_ds_set *set = set_of(f);

    assert_non_null(uid);
    if (action->subresource == NULL) { /* what comes of it is for the test to say */
        MOON_AUTOFREE char *set_is = set_text(f);
        keep(&f->last_patch, &text);
        finish(action, 200, set_is, false);
        return;
    }
    assert_string_equal(action->subresource, "status");
    if (set == NULL || strcmp(uid, set->uid) != 0) {
        refuse(action, MOON_E_CONFLICT, 409, "{}", "another uid");
        return;
    }
    keep(&f->last_status, &text);
    const char *version = moon_json_string(body, "metadata.resourceVersion");
    uint64_t number = 0;
    if (version != NULL &&
        !(moon_parse_u64(moon_str(version), &number) && number == f->set_version)) {
        refuse(action, MOON_E_CONFLICT, 409, "{}", "the object has been modified");
        return;
    }
    if (f->status_refused) {
        refuse(action, MOON_E_DENIED, 403, "{}", "status refused");
        return;
    }
    if (!f->status_ignored) {
        merge(f->status, cJSON_GetObjectItemCaseSensitive(body, "status"));
    }
    MOON_AUTOFREE char *answer = set_text(f);
    if (f->version % 2 == 0) {
        put_text(f, f->ds.sets, &moon_kind_daemonset, answer);
    }
    finish(action, 200, answer, false);
}

void serve(struct fixture *f, const struct moon_action *action)
{
    bool is_pod = action->resource == &moon_resource_pods;

    if (action->resource == &moon_resource_nodes) {
        patch_node(f, action);
        return;
    }
    if (is_pod && moon_streq(action->subresource, "eviction")) {
        evict(f, action);
        return;
    }
    if (action->resource == &moon_resource_daemonsets) {
        patch_status(f, action);
        return;
    }
    switch (action->verb) {
    case MOON_VERB_CREATE:
        create(f, action, is_pod);
        return;
    case MOON_VERB_PATCH_MERGE:
    case MOON_VERB_PATCH_STRATEGIC:
        patch(f, action, is_pod);
        return;
    case MOON_VERB_DELETE:
        delete (f, action, is_pod);
        return;
    case MOON_VERB_GET:
    case MOON_VERB_LIST:
    case MOON_VERB_WATCH:
    case MOON_VERB_UPDATE:
    case MOON_VERB_PATCH_JSON:
        break;
    }
    fail_msg("the controller never sends %s", moon_verb_name(action->verb));
}
