/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.c - finds the objects in a tree, completes what they left out, and lists them into
 * stores.
 */
#include "cache/fixture.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/map.h"

enum {
    PATH_MAX_BYTES = 16 * 1024,
    API_VERSION_MAX_BYTES = 512,
    KEY_MAX_BYTES = 16 * 1024
};

struct document {
    const cJSON *json;
    size_t store;
    char *namespace; /* NULL: cluster-scoped */
    const char *name;
    struct moon_object *object; /* when it has been projected and is wanted */
};

struct loader {
    struct moon_store *const *stores;
    size_t store_count;
    bool ignore_others;
    struct document *documents;
    size_t count;
    struct moon_map *uids; /* "Kind/namespace/name" -> the uid as text, owned */
    struct moon_buf path;  /* where in the tree we are: "[3].items[0]" */
};

static void free_loader(struct loader *l)
{
    for (size_t i = 0; i < l->count; i++) {
        moon_free(l->documents[i].namespace);
        moon_object_unref(l->documents[i].object);
    }
    moon_free(l->documents);
    moon_map_free(l->uids);
    moon_buf_fini(&l->path);
}

static const struct moon_resource *resource_of(const struct loader *l, size_t store)
{
    return moon_store_kind(l->stores[store])->resource;
}

static int wrap_path(const struct loader *l, struct moon_err *err)
{
    return l->path.len > 0 ? moon_err_wrap(err, "document %s", moon_buf_cstr(&l->path))
                           : -(int)err->code;
}

/* ---- uids ---- */

static void write_key(struct moon_buf *out, const char *kind, const char *namespace,
                      const char *name)
{
    moon_buf_printf(out, "%s/%s/%s", kind, namespace != NULL ? namespace : "", name);
}

/* The uid of an object of the fixture, given or made up; of others it is made up. */
static void write_uid(const struct loader *l, const char *kind, const char *namespace,
                      const char *name, struct moon_buf *out)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    write_key(&key, kind, namespace, name);
    const char *uid = moon_map_get(l->uids, moon_buf_str(&key));
    if (uid != NULL) {
        moon_buf_puts(out, uid);
    } else {
        moon_buf_printf(out, "made-up:%s", moon_buf_cstr(&key));
    }
}

static int remember_uid(struct loader *l, const struct document *d, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf made_up = MOON_BUF_INIT(KEY_MAX_BYTES);
    const char *kind = resource_of(l, d->store)->kind;
    const char *given = moon_json_string(d->json, "metadata.uid");
    write_key(&key, kind, d->namespace, d->name);
    write_uid(l, kind, d->namespace, d->name, &made_up);
    if (moon_buf_check(&made_up, "metadata.name", err) != 0) {
        return wrap_path(l, err);
    }
    if (moon_map_has(l->uids, moon_buf_str(&key))) {
        moon_err_set(err, MOON_E_INVALID, "%s is there twice", moon_buf_cstr(&key));
        return wrap_path(l, err);
    }
    moon_map_set(l->uids, moon_buf_str(&key),
                 moon_strdup(given != NULL ? given : moon_buf_cstr(&made_up)));
    return 0;
}

/* ---- finding the objects ---- */

static bool find_store(const struct loader *l, struct moon_str kind, const char *api_version,
                       size_t *ret)
{
    for (size_t i = 0; i < l->store_count; i++) {
        MOON_CLEANUP(moon_buf_fini)
        struct moon_buf wanted = MOON_BUF_INIT(API_VERSION_MAX_BYTES);
        moon_resource_api_version(resource_of(l, i), &wanted);
        if (moon_str_is(kind, resource_of(l, i)->kind) &&
            moon_streq(api_version, moon_buf_cstr(&wanted))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static int add_document(struct loader *l, const cJSON *json, size_t store, struct moon_err *err)
{
    const char *name = moon_json_string(json, "metadata.name");
    const char *namespace = moon_json_string(json, "metadata.namespace");
    if (name == NULL || *name == '\0') {
        moon_err_set(err, MOON_E_INVALID, "%s: metadata.name is missing",
                     resource_of(l, store)->kind);
        return wrap_path(l, err);
    }
    if (namespace == NULL || *namespace == '\0') {
        namespace = "default";
    }
    l->documents = moon_realloc_array(l->documents, l->count + 1, sizeof(*l->documents));
    struct document *d = &l->documents[l->count++];
    *d = (struct document){.json = json, .store = store, .name = name};
    d->namespace = resource_of(l, store)->namespaced ? moon_strdup(namespace) : NULL;
    return remember_uid(l, d, err);
}

static int walk(struct loader *l, const cJSON *json, struct moon_str kind, const char *api_version,
                struct moon_err *err);

/* `kind` and `api_version`: what the items are that do not say so themselves. */
static int walk_array(struct loader *l, const cJSON *array, const char *name, struct moon_str kind,
                      const char *api_version, struct moon_err *err)
{
    size_t len = l->path.len;
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach (item, array) {
        moon_buf_printf(&l->path, "%s[%zu]", name, i++);
        int rc = walk(l, item, kind, api_version, err);
        if (rc != 0) {
            return rc;
        }
        moon_buf_truncate(&l->path, len);
    }
    return 0;
}

/* The items of a PodList, as the API server sends it, do not say what they are. */
static int walk_list(struct loader *l, const cJSON *json, struct moon_str kind,
                     const char *api_version, struct moon_err *err)
{
    const cJSON *items = moon_json_member(json, "items");
    kind.len -= strlen("List");
    if (items != NULL && !cJSON_IsArray(items)) {
        moon_err_set(err, MOON_E_INVALID, "items: not an array");
        return wrap_path(l, err);
    }
    return walk_array(l, items, ".items", kind, api_version, err);
}

static int walk_object(struct loader *l, const cJSON *json, struct moon_str kind,
                       const char *api_version, struct moon_err *err)
{
    size_t store;
    if (moon_str_ends(kind, "List") && moon_json_get(json, "metadata.name") == NULL) {
        return walk_list(l, json, kind, api_version, err);
    }
    if (find_store(l, kind, api_version, &store)) {
        return add_document(l, json, store, err);
    }
    if (l->ignore_others) {
        return 0;
    }
    const char *name = moon_json_string(json, "metadata.name");
    moon_err_set(err, MOON_E_INVALID, "%s %.*s \"%s\" is of a kind that has no place here",
                 api_version, MOON_STR_ARG(kind), name != NULL ? name : "");
    return wrap_path(l, err);
}

static int walk(struct loader *l, const cJSON *json, struct moon_str kind, const char *api_version,
                struct moon_err *err)
{
    if (cJSON_IsNull(json)) {
        return 0; /* an empty YAML document */
    }
    if (cJSON_IsArray(json)) {
        return walk_array(l, json, "", kind, api_version, err);
    }
    const char *own_kind = moon_json_string(json, "kind");
    const char *own_api_version = moon_json_string(json, "apiVersion");
    kind = own_kind != NULL ? moon_str(own_kind) : kind;
    api_version = own_api_version != NULL ? own_api_version : api_version;
    if (!cJSON_IsObject(json) || kind.len == 0 || api_version == NULL) {
        moon_err_set(err, MOON_E_INVALID, "not an object with apiVersion and kind");
        return wrap_path(l, err);
    }
    return walk_object(l, json, kind, api_version, err);
}

/* ---- completing and projecting them ---- */

static void set_string(cJSON *json, const char *member, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(json, member);
    const cJSON *added = cJSON_AddStringToObject(json, member, value);
    moon_assert(added != NULL);
}

static void complete_owners(const struct loader *l, const struct document *d, cJSON *metadata)
{
    cJSON *owner;
    cJSON_ArrayForEach (owner, cJSON_GetObjectItemCaseSensitive(metadata, "ownerReferences")) {
        const char *kind = moon_json_string(owner, "kind");
        const char *name = moon_json_string(owner, "name");
        if (kind != NULL && name != NULL && moon_json_string(owner, "uid") == NULL) {
            MOON_CLEANUP(moon_buf_fini) struct moon_buf uid = MOON_BUF_INIT(KEY_MAX_BYTES);
            write_uid(l, kind, d->namespace, name, &uid);
            set_string(owner, "uid", moon_buf_cstr(&uid));
        }
    }
}

static void complete(const struct loader *l, const struct document *d, cJSON *json)
{
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
    if (d->namespace != NULL) {
        set_string(metadata, "namespace", d->namespace);
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf uid = MOON_BUF_INIT(KEY_MAX_BYTES);
    write_uid(l, resource_of(l, d->store)->kind, d->namespace, d->name, &uid);
    set_string(metadata, "uid", moon_buf_cstr(&uid));
    if (moon_json_member(metadata, "resourceVersion") == NULL) {
        char version[24];
        (void)snprintf(version, sizeof(version), "%" PRIu64,
                       moon_store_position(l->stores[d->store]) + 1);
        set_string(metadata, "resourceVersion", version);
    }
    complete_owners(l, d, metadata);
}

/* Through text, because sets and revisions keep parts of theirs. */
static int project(const struct loader *l, struct document *d, struct moon_err *err)
{
    MOON_AUTOJSON *json = cJSON_Duplicate(d->json, true);
    moon_assert(json != NULL);
    complete(l, d, json);
    char *text = cJSON_PrintUnformatted(json);
    moon_assert(text != NULL);
    int rc =
        moon_object_project(moon_store_kind(l->stores[d->store]), moon_str(text), &d->object, err);
    cJSON_free(text);
    return rc;
}

/* ---- handing them over ---- */

static void fill_store(struct loader *l, size_t store)
{
    struct moon_store *s = l->stores[store];
    uint64_t newest = moon_store_position(s) + 1;
    moon_store_list_begin(s);
    for (size_t i = 0; i < l->count; i++) {
        struct document *d = &l->documents[i];
        if (d->store == store && d->object != NULL) {
            newest = d->object->version > newest ? d->object->version : newest;
            moon_store_list_item(s, moon_steal(&d->object));
        }
    }
    moon_store_list_end(s, newest);
}

int moon_fixture_load(struct moon_store *const *stores, size_t store_count, const cJSON *json,
                      bool ignore_others, struct moon_err *err)
{
    MOON_CLEANUP(free_loader)
    struct loader l = {.stores = stores,
                       .store_count = store_count,
                       .ignore_others = ignore_others,
                       .uids = moon_map_new(moon_free),
                       .path = MOON_BUF_INIT(PATH_MAX_BYTES)};
    int rc = walk(&l, json, (struct moon_str){0}, NULL, err);
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        rc = project(&l, &l.documents[i], err);
    }
    for (size_t i = 0; rc == 0 && i < store_count; i++) {
        fill_store(&l, i);
    }
    return rc;
}
