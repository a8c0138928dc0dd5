/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.c - get, create, update and patch: from the call to write.c and back.
 */
#include "sim/api_priv.h"
#include "sim/go_json.h"
#include "sim/patch.h"

enum {
    PATCHED_MAX_BYTES = 16 << 20
};

static struct moon_sim_write write_of(const struct moon_sim_call *call)
{
    return (struct moon_sim_write){.api = call->api,
                                   .kind = call->kind,
                                   .subresource = call->subresource,
                                   .dry_run = call->dry_run};
}

/* The place in the store: "" for kinds without namespaces. */
static const char *place_of(const struct moon_sim_call *call)
{
    return call->kind->namespaced && call->ns != NULL ? call->ns : "";
}

static struct moon_sim_obj *find(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    struct moon_sim_obj *obj =
        moon_sim_objdb_get(call->api->db, call->kind, place_of(call), call->name);
    if (obj == NULL) {
        (void)moon_sim_refuse_not_found(st, call->kind, call->name);
    }
    return obj;
}

void moon_sim_verb_get(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    uint64_t version = 0;
    const struct moon_sim_obj *obj = NULL;
    call->api->stats.reads++;
    if (moon_sim_list_options_version(call, &version, &st) != 0 ||
        moon_sim_list_options_not_future(call, version, &st) != 0 ||
        (obj = find(call, &st)) == NULL) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_stored(call, 200, obj);
}

/* ---- create ---- */

static int check_namespace(const struct moon_sim_call *call, cJSON *tree,
                           struct moon_sim_status *st)
{
    const char *given = moon_sim_text(tree, "metadata.namespace");
    if (given[0] == '\0' || moon_streq(given, place_of(call))) {
        return 0;
    }
    if (!call->kind->namespaced) {
        moon_sim_remove(moon_sim_member(tree, "metadata"), "namespace");
        return 0;
    }
    return moon_sim_refuse_bad_request(
        st,
        "the namespace of the provided object does not match the namespace sent on the request");
}

static int create(struct moon_sim_call *call, cJSON *tree, struct moon_sim_status *st)
{
    const struct moon_sim_write w = write_of(call);
    if (moon_sim_body_decode(call, call->kind, tree, st) != 0 ||
        check_namespace(call, tree, st) != 0) {
        return -1;
    }
    call->api->stats.creates++;
    return moon_sim_create(&w, place_of(call), tree, st);
}

void moon_sim_verb_create(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_AUTOJSON *tree = NULL;
    if (moon_sim_body_tree(call, &tree, &st) != 0 || create(call, tree, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_object(call, 201, tree);
}

/* ---- review ---- */

static int review(struct moon_sim_call *call, cJSON *tree, struct moon_sim_status *st)
{
    if (moon_sim_body_decode(call, call->kind, tree, st) != 0 ||
        check_namespace(call, tree, st) != 0) {
        return -1;
    }
    cJSON *metadata = moon_sim_ensure(tree, "metadata");
    MOON_AUTOJSON *causes = cJSON_CreateArray();
    moon_sim_remove(metadata, "namespace");
    moon_sim_remove(metadata, "creationTimestamp");
    if (metadata->child != NULL) {
        moon_sim_cause_invalid(causes, "metadata", metadata, "must be empty");
    }
    if (call->kind->namespaced) {
        moon_sim_set_text(metadata, "namespace", place_of(call));
    }
    if (call->kind->review(tree, causes, st) != 0) {
        return -1;
    }
    if (causes->child != NULL) {
        return moon_sim_refuse_invalid(st, call->kind, "", moon_steal(&causes));
    }
    moon_sim_normalise(call->api, call->kind, tree);
    return 0;
}

void moon_sim_verb_review(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_AUTOJSON *tree = NULL;
    if (moon_sim_body_tree(call, &tree, &st) != 0 || review(call, tree, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_object(call, 201, tree);
}

/* ---- update ---- */

static int check_identity(const struct moon_sim_call *call, cJSON *tree, struct moon_sim_status *st)
{
    const char *name = moon_sim_text(tree, "metadata.name");
    if (name[0] == '\0') {
        return moon_sim_refuse_bad_request(st,
                                           "the name of the object (%s based on URL) was "
                                           "undeterminable: name must be provided",
                                           call->name);
    }
    if (!moon_streq(name, call->name)) {
        return moon_sim_refuse_bad_request(
            st, "the name of the object (%s) does not match the name on the URL (%s)", name,
            call->name);
    }
    const char *ns = moon_sim_text(tree, "metadata.namespace");
    if (call->kind->namespaced && ns[0] != '\0' && !moon_streq(ns, place_of(call))) {
        return moon_sim_refuse_bad_request(st,
                                           "the namespace of the object (%s) does not match the "
                                           "namespace on the request (%s)",
                                           ns, place_of(call));
    }
    return check_namespace(call, tree, st);
}

static int check_uid(const struct moon_sim_call *call, const struct moon_sim_obj *old,
                     const cJSON *tree, struct moon_sim_status *st)
{
    const char *uid = moon_sim_text(tree, "metadata.uid");
    if (uid[0] == '\0' || moon_streq(uid, old->uid)) {
        return 0;
    }
    MOON_AUTOFREE char *why = moon_asprintf(
        "StorageError: invalid object, Code: 4, Key: /registry/%s/%s/%s, ResourceVersion: 0, "
        "AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: %s",
        call->kind->resource, place_of(call), call->name, uid, old->uid);
    return moon_sim_refuse_conflict(st, call->kind, call->name, why);
}

/* *ret_code: 201 when the PUT made the object. */
static int update(struct moon_sim_call *call, cJSON *tree, int *ret_code,
                  struct moon_sim_status *st)
{
    const struct moon_sim_write w = write_of(call);
    if (moon_sim_body_decode(call, call->kind, tree, st) != 0 ||
        check_identity(call, tree, st) != 0) {
        return -1;
    }
    struct moon_sim_obj *old =
        moon_sim_objdb_get(call->api->db, call->kind, place_of(call), call->name);
    if (old == NULL && call->kind->creates_on_update && call->subresource == NULL) {
        *ret_code = 201;
        moon_sim_remove(moon_sim_member(tree, "metadata"), "resourceVersion");
        return moon_sim_create(&w, place_of(call), tree, st);
    }
    if (old == NULL) {
        return moon_sim_refuse_not_found(st, call->kind, call->name);
    }
    if (check_uid(call, old, tree, st) != 0) {
        return -1;
    }
    return moon_sim_update(&w, old, tree, st);
}

void moon_sim_verb_update(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_AUTOJSON *tree = NULL;
    int code = 200;
    call->api->stats.updates++;
    if (moon_sim_body_tree(call, &tree, &st) != 0 || update(call, tree, &code, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_object(call, code, tree);
}

/* ---- patch ---- */

enum patch_type {
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH
};

static int read_patch_type(const struct moon_sim_call *call, enum patch_type *ret,
                           struct moon_sim_status *st)
{
    static const struct {
        const char *media;
        enum patch_type type;
    } types[] = {{"application/json-patch+json", JSON_PATCH},
                 {"application/merge-patch+json", MERGE_PATCH},
                 {"application/strategic-merge-patch+json", STRATEGIC_PATCH}};
    /* A strategic merge needs merge keys, which custom resources do not have. */
    const struct moon_sim_custom *custom = call->kind->custom;
    const char *header = moon_httpd_header(call->request, "Content-Type");
    struct moon_str rest = moon_str(header != NULL ? header : "");
    struct moon_str media;
    (void)moon_str_split(&rest, ';', &media);
    media = moon_str_trim(media);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(types); i++) {
        bool possible = custom == NULL || types[i].type != STRATEGIC_PATCH;
        if (possible && moon_str_is(media, types[i].media)) {
            *ret = types[i].type;
            return 0;
        }
    }
    if (moon_str_starts(media, "application/apply-patch")) {
        return moon_sim_refuse(st, 415, "UnsupportedMediaType",
                               "server-side apply is not served by this simulated API server: use "
                               "client-side apply (kubectl apply without --server-side)");
    }
    if (custom == NULL) {
        return moon_sim_refuse_generic(st, 415, "UnsupportedMediaType",
                                       "415: Unsupported Media Type");
    }
    return moon_sim_refuse(st, 415, "UnsupportedMediaType",
                           "the body of the request was in an unknown format - accepted media "
                           "types include: application/json-patch+json, "
                           "application/merge-patch+json");
}

static int patch_error(const struct moon_err *err, struct moon_sim_status *st)
{
    if (err->code == MOON_E_CONFLICT) {
        return moon_sim_refuse_generic(
            st, 422, "Invalid", "the server rejected our request due to an error in our request");
    }
    if (err->code == MOON_E_LIMIT) {
        return moon_sim_refuse(st, 413, "RequestEntityTooLarge", "%s", err->text);
    }
    if (err->code == MOON_E_SERVER) {
        return moon_sim_refuse(st, 500, NULL, "%s", err->text);
    }
    return moon_sim_refuse_bad_request(st, "%s", err->text);
}

/* Merge patches are checked in one more place than the others, which adds these words. */
static const char *decoding_prefix(enum patch_type type)
{
    return type == MERGE_PATCH ? "error decoding patch: " : "";
}

static cJSON *parse_patch(const struct moon_sim_call *call, enum patch_type type,
                          struct moon_sim_status *st)
{
    struct moon_err err;
    char why[MOON_SIM_GO_JSON_TEXT];
    struct moon_str body = moon_httpd_body(call->request);
    cJSON *patch = moon_sim_tree_parse(body, &err);
    if (patch == NULL) {
        moon_sim_go_json_error(body, why);
        (void)moon_sim_refuse_bad_request(st, "%s%s", decoding_prefix(type),
                                          why[0] != '\0' ? why : err.text);
    }
    return patch;
}

/* A patched document goes through Go's maps, which come out sorted: all of it with a strategic
 * patch, the objects that were touched with a merge patch, the outermost one with a JSON patch. */
static void sort_touched(cJSON *tree, const cJSON *patch)
{
    const cJSON *member = NULL;
    moon_sim_tree_sort_members(tree);
    cJSON_ArrayForEach (member, patch) {
        cJSON *touched = moon_sim_member(tree, member->string);
        if (cJSON_IsObject(member) && cJSON_IsObject(touched)) {
            sort_touched(touched, member);
        }
    }
}

static void sort_patched(cJSON *tree, enum patch_type type, const cJSON *patch)
{
    switch (type) {
    case STRATEGIC_PATCH:
        moon_sim_tree_sort(tree);
        break;
    case MERGE_PATCH:
        sort_touched(tree, patch);
        break;
    case JSON_PATCH:
        moon_sim_tree_sort_members(tree);
        break;
    }
}

static int apply_patch(const struct moon_sim_call *call, enum patch_type type, const cJSON *patch,
                       cJSON **tree, struct moon_sim_status *st)
{
    struct moon_err err;
    int rc = 0;
    if (type != JSON_PATCH && !cJSON_IsObject(patch)) {
        return moon_sim_refuse_bad_request(
            st, "%sjson: cannot unmarshal array into Go value of type map[string]interface {}",
            decoding_prefix(type));
    }
    switch (type) {
    case JSON_PATCH:
        rc = moon_sim_patch_json(tree, patch, &err);
        break;
    case MERGE_PATCH:
        moon_sim_patch_merge(*tree, patch);
        break;
    case STRATEGIC_PATCH:
        rc = moon_sim_patch_strategic(moon_sim_schema_type(call->api->schema, call->kind->kind),
                                      *tree, patch, &err);
        break;
    }
    return rc != 0 ? patch_error(&err, st) : 0;
}

/* The stored object as the client sees it, so that a patch may name kind and apiVersion. */
static cJSON *tree_with_kind(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj)
{
    char api_version[MOON_SIM_API_VERSION_TEXT];
    cJSON *tree = moon_sim_view_tree(kind, obj);
    moon_sim_set_text(tree, "kind", kind->kind);
    moon_sim_set_text(tree, "apiVersion", moon_sim_kind_api_version(kind, api_version));
    return tree;
}

/* A patched document that cannot be decoded is the patch's fault: 422 instead of 400. */
static int decode_patched(struct moon_sim_call *call, cJSON *tree, struct moon_sim_status *st)
{
    const struct moon_sim_kind nameless = {.group = "", .kind = "", .resource = ""};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(PATCHED_MAX_BYTES);
    moon_sim_tree_print(tree, &text);
    if (moon_sim_body_decode(call, call->kind, tree, st) == 0) {
        return 0;
    }
    if (call->kind->custom != NULL) {
        return -1; /* has no types to decode into: the answer is the one to a PUT */
    }
    const char *message = moon_sim_text(st->body, "message");
    const char *why = strstr(message, " cannot be handled as a ");
    why = why != NULL ? strstr(why, ": ") : NULL;
    cJSON *causes = cJSON_CreateArray();
    moon_sim_cause_invalid_text(causes, "patch", moon_buf_cstr(&text),
                                why != NULL ? why + 2 : message);
    return moon_sim_refuse_invalid(st, &nameless, "", causes);
}

static int patch(struct moon_sim_call *call, cJSON **ret_tree, struct moon_sim_status *st)
{
    enum patch_type type = MERGE_PATCH;
    const struct moon_sim_write w = write_of(call);
    if (read_patch_type(call, &type, st) != 0) {
        return -1;
    }
    struct moon_sim_obj *old = find(call, st);
    if (old == NULL) {
        return -1;
    }
    MOON_AUTOJSON *change = parse_patch(call, type, st);
    if (change == NULL) {
        return -1;
    }
    moon_sim_tree_unique(change);
    *ret_tree = tree_with_kind(call->kind, old);
    if (apply_patch(call, type, change, ret_tree, st) != 0) {
        return -1;
    }
    if (!cJSON_IsObject(*ret_tree)) {
        return moon_sim_refuse_bad_request(st, "the patched document is no object");
    }
    sort_patched(*ret_tree, type, change);
    if (decode_patched(call, *ret_tree, st) != 0 || check_identity(call, *ret_tree, st) != 0) {
        return -1;
    }
    return moon_sim_update(&w, old, *ret_tree, st);
}

void moon_sim_verb_patch(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_AUTOJSON *tree = NULL;
    call->api->stats.updates++;
    if (patch(call, &tree, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    moon_sim_reply_object(call, 200, tree);
}
