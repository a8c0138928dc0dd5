/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/manifest.h"

#include <ctype.h>

#include "base/map.h"
#include "io/file.h"
#include "io/yaml.h"

enum {
    MANIFEST_MAGIC = 0x6d616e69,
    FILE_MAX = 4 << 20
};

struct document {
    cJSON *json;
    char *api_version;
    char *kind;
    char *where; /* "pods.yaml: Pod web" */
};

struct moon_manifest {
    unsigned magic;
    struct moon_manifest_opts opts;
    struct document *documents;
    size_t count;
    size_t next;
    struct moon_map *discovered; /* apiVersion to cJSON, an APIResourceList */
    struct moon_client_call *call;
    struct moon_defer *starting;
};

/* ---- reading ---- */

static int add_document(struct moon_manifest *m, const char *file, const cJSON *json,
                        struct moon_err *err)
{
    const char *api_version = moon_json_string(json, "apiVersion");
    const char *kind = moon_json_string(json, "kind");
    const char *name = moon_json_string(json, "metadata.name");
    const char *generated = moon_json_string(json, "metadata.generateName");
    if (!cJSON_IsObject(json) || api_version == NULL || kind == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: document %zu: apiVersion or kind is missing",
                            file, m->count + 1);
    }
    if (name == NULL && generated == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: %s: metadata.name is missing", file, kind);
    }
    m->documents = moon_realloc_array(m->documents, m->count + 1, sizeof(*m->documents));
    m->documents[m->count++] = (struct document){
        .json = cJSON_Duplicate(json, true),
        .api_version = moon_strdup(api_version),
        .kind = moon_strdup(kind),
        .where = moon_asprintf("%s: %s %s", file, kind, name != NULL ? name : generated),
    };
    return 0;
}

/* A List stands for its items. */
static int add_documents(struct moon_manifest *m, const char *file, const cJSON *json,
                         struct moon_err *err)
{
    const cJSON *items = moon_json_member(json, "items");
    const cJSON *item;
    if (!moon_streq(moon_json_string(json, "kind"), "List") || !cJSON_IsArray(items)) {
        return add_document(m, file, json, err);
    }
    cJSON_ArrayForEach (item, items) {
        if (add_document(m, file, item, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

static int read_file(struct moon_manifest *m, const char *file, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX);
    if (moon_file_read(file, &text, err) != 0) {
        return -(int)err->code;
    }
    MOON_AUTOJSON *all =
        moon_yaml_parse_all(moon_buf_str(&text), &(struct moon_yaml_opts){.name = file}, err);
    const cJSON *json;
    if (all == NULL) {
        return -(int)err->code;
    }
    cJSON_ArrayForEach (json, all) {
        if (add_documents(m, file, json, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- sending ---- */

static void advance(struct moon_manifest *m);

static void done(struct moon_manifest *m, const struct moon_err *err)
{
    m->opts.on_done(err, m->opts.ctx);
}

static void refuse(struct moon_manifest *m, const struct moon_err *err)
{
    struct moon_err wrapped = *err;
    moon_err_wrap(&wrapped, "%s", m->documents[m->next].where);
    done(m, &wrapped);
}

/* The resource of a kind in an APIResourceList; sub-resources have a slash in their name. */
static const cJSON *find_kind(const cJSON *list, const char *kind)
{
    const cJSON *resources = moon_json_member(list, "resources");
    const cJSON *item;
    cJSON_ArrayForEach (item, resources) {
        const char *name = moon_json_string(item, "name");
        if (moon_streq(moon_json_string(item, "kind"), kind) && name != NULL &&
            strchr(name, '/') == NULL) {
            return item;
        }
    }
    return NULL;
}

static void tell(struct moon_manifest *m, const char *name, const char *what)
{
    const struct document *document = &m->documents[m->next];
    const char *slash = strchr(document->api_version, '/');
    MOON_AUTOFREE char *kind = moon_strdup(document->kind);
    for (char *c = kind; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    MOON_AUTOFREE char *group =
        slash != NULL
            ? moon_asprintf(".%.*s", (int)(slash - document->api_version), document->api_version)
            : moon_strdup("");
    MOON_AUTOFREE char *line = moon_asprintf("%s%s/%s %s", kind, group, name, what);
    if (m->opts.on_object != NULL) {
        m->opts.on_object(line, m->opts.ctx);
    }
}

static void on_created(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_manifest *m = MOON_CAST(moon_manifest, ctx, MANIFEST_MAGIC);
    struct moon_err ignored;
    m->call = NULL;
    if (err != NULL && err->code != MOON_E_EXISTS) {
        refuse(m, err);
        return;
    }
    MOON_AUTOJSON *created = err == NULL ? moon_json_parse(answer->body, &ignored) : NULL;
    const char *name = moon_json_string(created, "metadata.name");
    if (name == NULL) {
        name = moon_json_string(m->documents[m->next].json, "metadata.name");
    }
    tell(m, name != NULL ? name : "", err == NULL ? "created" : "exists already");
    m->next++;
    advance(m);
}

static void create(struct moon_manifest *m, const cJSON *found)
{
    const struct document *document = &m->documents[m->next];
    const char *slash = strchr(document->api_version, '/');
    size_t group_len = slash != NULL ? (size_t)(slash - document->api_version) : 0;
    MOON_AUTOFREE char *group = moon_strndup(document->api_version, group_len);
    struct moon_resource resource = {.group = group,
                                     .version = slash != NULL ? slash + 1 : document->api_version,
                                     .plural = moon_json_string(found, "name"),
                                     .kind = document->kind,
                                     .namespaced = moon_json_bool(found, "namespaced", false)};
    const char *namespace = moon_json_string(document->json, "metadata.namespace");
    if (namespace == NULL) {
        namespace = moon_client_config(m->opts.client)->namespace;
    }
    char *body = cJSON_PrintUnformatted(document->json);
    m->call = moon_client_send(
        m->opts.client, &(struct moon_request){.verb = MOON_VERB_CREATE,
                                               .resource = &resource,
                                               .namespace = resource.namespaced ? namespace : NULL,
                                               .body = moon_str(body),
                                               .on_done = on_created,
                                               .ctx = m});
    cJSON_free(body);
}

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void on_discovered(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_manifest *m = MOON_CAST(moon_manifest, ctx, MANIFEST_MAGIC);
    struct moon_err parse_err;
    m->call = NULL;
    if (err != NULL) {
        refuse(m, err);
        return;
    }
    cJSON *list = moon_json_parse(answer->body, &parse_err);
    if (list == NULL) {
        refuse(m, &parse_err);
        return;
    }
    moon_map_set(m->discovered, moon_str(m->documents[m->next].api_version), list);
    advance(m);
}

static void discover(struct moon_manifest *m)
{
    const char *api_version = m->documents[m->next].api_version;
    MOON_AUTOFREE char *path =
        moon_asprintf("%s/%s", strchr(api_version, '/') != NULL ? "/apis" : "/api", api_version);
    m->call = moon_client_send(m->opts.client, &(struct moon_request){.verb = MOON_VERB_GET,
                                                                      .path = path,
                                                                      .on_done = on_discovered,
                                                                      .ctx = m});
}

static void advance(struct moon_manifest *m)
{
    if (m->next == m->count) {
        done(m, NULL);
        return;
    }
    const struct document *document = &m->documents[m->next];
    const cJSON *list = moon_map_get(m->discovered, moon_str(document->api_version));
    if (list == NULL) {
        discover(m);
        return;
    }
    const cJSON *resource = find_kind(list, document->kind);
    if (resource == NULL) {
        struct moon_err err;
        moon_err_set(&err, MOON_E_NOT_FOUND, "the server has no kind %s in %s", document->kind,
                     document->api_version);
        refuse(m, &err);
        return;
    }
    create(m, resource);
}

static void begin(void *ctx)
{
    struct moon_manifest *m = MOON_CAST(moon_manifest, ctx, MANIFEST_MAGIC);
    m->starting = NULL;
    advance(m);
}

/* ---- life ---- */

struct moon_manifest *moon_manifest_new(const struct moon_manifest_opts *opts, struct moon_err *err)
{
    struct moon_manifest *m = moon_new(struct moon_manifest);
    m->magic = MANIFEST_MAGIC;
    m->opts = *opts;
    m->discovered = moon_map_new(free_json);
    for (size_t i = 0; i < opts->file_count; i++) {
        if (read_file(m, opts->files[i], err) != 0) {
            moon_manifest_free(m);
            return NULL;
        }
    }
    return m;
}

void moon_manifest_start(struct moon_manifest *m)
{
    moon_assert(m->starting == NULL && m->call == NULL);
    m->starting = moon_loop_defer(moon_client_loop(m->opts.client), begin, m);
}

void moon_manifest_free(struct moon_manifest *m)
{
    if (m == NULL) {
        return;
    }
    if (m->starting != NULL) {
        moon_defer_cancel(m->starting);
    }
    if (m->call != NULL) {
        moon_client_cancel(m->call);
    }
    for (size_t i = 0; i < m->count; i++) {
        cJSON_Delete(m->documents[i].json);
        moon_free(m->documents[i].api_version);
        moon_free(m->documents[i].kind);
        moon_free(m->documents[i].where);
    }
    moon_free(m->documents);
    moon_map_free(m->discovered);
    m->magic = 0;
    moon_free(m);
}
