/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.c - OpenAPI as far as clients read it.
 *
 * v3: an index, and per group its paths with group-version-kind and query parameters (kubectl looks
 * there whether the server checks fields itself) and its types (kubectl explain), made from the
 * schema table. v2, for older kubectl, is in openapi_v2.c.
 */
#include "sim/api_priv.h"

#define TYPE_PREFIX "io.k8s.api."

enum {
    V2_MAX_BYTES = 4 << 20,
    NAME_MAX_BYTES = 1024
};

/* ---- types ---- */

static cJSON *reference_to(const char *type)
{
    cJSON *object = cJSON_CreateObject();
    MOON_AUTOFREE char *path = moon_asprintf("#/components/schemas/" TYPE_PREFIX "%s", type);
    moon_sim_set_text(object, "$ref", path);
    return object;
}

static cJSON *scalar_schema(enum moon_sim_scalar scalar)
{
    static const struct {
        const char *type;
        const char *format;
    } names[] = {
        [MOON_SIM_STRUCT] = {"object", NULL},
        [MOON_SIM_STRING] = {"string", NULL},
        [MOON_SIM_BOOL] = {"boolean", NULL},
        [MOON_SIM_INT32] = {"integer", "int32"},
        [MOON_SIM_INT64] = {"integer", "int64"},
        [MOON_SIM_QUANTITY] = {"string", NULL},
        [MOON_SIM_INTSTR] = {"string", "int-or-string"},
        [MOON_SIM_TIME] = {"string", "date-time"},
        [MOON_SIM_MICROTIME] = {"string", "date-time"},
        [MOON_SIM_BYTES] = {"string", "byte"},
        [MOON_SIM_RAW] = {"object", NULL},
    };
    cJSON *schema = cJSON_CreateObject();
    moon_sim_set_text(schema, "type", names[scalar].type);
    if (names[scalar].format != NULL) {
        moon_sim_set_text(schema, "format", names[scalar].format);
    }
    return schema;
}

static cJSON *field_schema(const struct moon_sim_field *field)
{
    cJSON *one = field->scalar == MOON_SIM_STRUCT ? reference_to(field->type->name)
                                                  : scalar_schema(field->scalar);
    if (field->shape == MOON_SIM_ONE) {
        return one;
    }
    cJSON *schema = cJSON_CreateObject();
    bool list = field->shape == MOON_SIM_LIST;
    moon_sim_set_text(schema, "type", list ? "array" : "object");
    moon_sim_set(schema, list ? "items" : "additionalProperties", one);
    if (field->merges) {
        moon_sim_set_text(schema, "x-kubernetes-patch-strategy",
                          field->retain_keys ? "merge,retainKeys" : "merge");
    }
    if (field->merge_key != NULL) {
        moon_sim_set_text(schema, "x-kubernetes-patch-merge-key", field->merge_key);
    }
    return schema;
}

static cJSON *kind_extension(const struct moon_sim_kind *kind)
{
    cJSON *extension = cJSON_CreateObject();
    moon_sim_set_text(extension, "group", kind->group);
    moon_sim_set_text(extension, "kind", kind->kind);
    moon_sim_set_text(extension, "version", kind->version);
    return extension;
}

static cJSON *type_schema(const struct moon_sim_type *type, const struct moon_sim_kind *kind)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON *properties = cJSON_CreateObject();
    moon_sim_set_text(schema, "type", "object");
    if (kind != NULL) {
        cJSON *kinds = cJSON_CreateArray();
        cJSON_AddItemToArray(kinds, kind_extension(kind));
        moon_sim_set(schema, "x-kubernetes-group-version-kind", kinds);
        moon_sim_set(properties, "apiVersion", scalar_schema(MOON_SIM_STRING));
        moon_sim_set(properties, "kind", scalar_schema(MOON_SIM_STRING));
    }
    for (size_t i = 0; i < type->count; i++) {
        moon_sim_set(properties, type->fields[i].name, field_schema(&type->fields[i]));
    }
    moon_sim_set(schema, "properties", properties);
    return schema;
}

/* dev.example.v1.Widget */
static char *custom_type_name(const struct moon_sim_kind *kind)
{
    struct moon_buf name = MOON_BUF_INIT(NAME_MAX_BYTES);
    size_t end = strlen(kind->group);
    while (end > 0) {
        size_t begin = end;
        while (begin > 0 && kind->group[begin - 1] != '.') {
            begin--;
        }
        moon_buf_printf(&name, "%.*s.", (int)(end - begin), kind->group + begin);
        end = begin > 0 ? begin - 1 : 0;
    }
    moon_buf_printf(&name, "%s.%s", kind->version, kind->kind);
    return moon_buf_take(&name, NULL);
}

/* The schema of the definition, with the members that every object has. */
static cJSON *custom_schema(const struct moon_sim_kind *kind)
{
    cJSON *schema = moon_sim_clone(kind->custom->structural.schema);
    cJSON *properties = moon_sim_ensure(schema, "properties");
    cJSON *kinds = cJSON_CreateArray();
    cJSON_AddItemToArray(kinds, kind_extension(kind));
    moon_sim_set(schema, "x-kubernetes-group-version-kind", kinds);
    moon_sim_set(properties, "apiVersion", scalar_schema(MOON_SIM_STRING));
    moon_sim_set(properties, "kind", scalar_schema(MOON_SIM_STRING));
    moon_sim_set(properties, "metadata", reference_to("ObjectMeta"));
    return schema;
}

static cJSON *schemas(const struct moon_sim_api *api, const char *group, const char *version)
{
    cJSON *all = cJSON_CreateObject();
    size_t pos = 0;
    const struct moon_sim_type *type = NULL;
    const struct moon_sim_kind *kind = NULL;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        if (kind->custom != NULL && moon_streq(kind->group, group) &&
            moon_streq(kind->version, version)) {
            MOON_AUTOFREE char *name = custom_type_name(kind);
            moon_sim_set(all, name, custom_schema(kind));
        }
    }
    pos = 0;
    while ((type = moon_sim_schema_next(api->schema, &pos)) != NULL) {
        MOON_AUTOFREE char *name = moon_asprintf(TYPE_PREFIX "%s", type->name);
        moon_sim_set(all, name, type_schema(type, moon_sim_kind_by_name(group, type->name)));
    }
    return all;
}

/* ---- paths ---- */

static cJSON *parameters(void)
{
    static const char *const names[] = {"pretty", "dryRun", "fieldManager", "fieldValidation"};
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        cJSON *parameter = cJSON_CreateObject();
        moon_sim_set_text(parameter, "name", names[i]);
        moon_sim_set_text(parameter, "in", "query");
        moon_sim_set(parameter, "schema", scalar_schema(MOON_SIM_STRING));
        cJSON_AddItemToArray(list, parameter);
    }
    return list;
}

static void add_operation(cJSON *path, const char *method, const char *action,
                          const struct moon_sim_kind *kind)
{
    cJSON *operation = cJSON_CreateObject();
    cJSON *responses = cJSON_CreateObject();
    cJSON *ok = cJSON_CreateObject();
    moon_sim_set_text(ok, "description", "OK");
    moon_sim_set(responses, "200", ok);
    moon_sim_set(operation, "parameters", parameters());
    moon_sim_set(operation, "responses", responses);
    moon_sim_set_text(operation, "x-kubernetes-action", action);
    moon_sim_set(operation, "x-kubernetes-group-version-kind", kind_extension(kind));
    moon_sim_set(path, method, operation);
}

static void add_changes(cJSON *path, const struct moon_sim_kind *kind)
{
    add_operation(path, "put", "put", kind);
    add_operation(path, "patch", "patch", kind);
}

static void add_paths(cJSON *paths, const char *base, const struct moon_sim_kind *kind)
{
    MOON_AUTOFREE char *collection = moon_asprintf(
        "%s%s/%s", base, kind->namespaced ? "/namespaces/{namespace}" : "", kind->resource);
    MOON_AUTOFREE char *named = moon_asprintf("%s/{name}", collection);
    cJSON *path = cJSON_CreateObject();
    if (kind->review != NULL) {
        add_operation(path, "post", "post", kind);
        moon_sim_set(paths, collection, path);
        return;
    }
    add_operation(path, "get", "list", kind);
    if (!kind->is_quiet) {
        add_operation(path, "post", "post", kind);
        add_operation(path, "delete", "deletecollection", kind);
    }
    moon_sim_set(paths, collection, path);
    path = cJSON_CreateObject();
    add_operation(path, "get", "get", kind);
    if (!kind->is_quiet) {
        add_changes(path, kind);
        add_operation(path, "delete", "delete", kind);
    }
    moon_sim_set(paths, named, path);
    if (kind->has_status) {
        MOON_AUTOFREE char *status = moon_asprintf("%s/status", named);
        path = cJSON_CreateObject();
        add_operation(path, "get", "get", kind);
        add_changes(path, kind);
        moon_sim_set(paths, status, path);
    }
}

static cJSON *new_document(void)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *info = cJSON_CreateObject();
    moon_sim_set_text(document, "openapi", "3.0.0");
    moon_sim_set_text(info, "title", "Kubernetes (simulated by moonset)");
    moon_sim_set_text(info, "version", "v1.31.0");
    moon_sim_set(document, "info", info);
    return document;
}

/* `base` is "api/v1" or "apis/<group>/<version>"; NULL when nothing is served there. */
static cJSON *group_document(const struct moon_sim_api *api, const char *base)
{
    MOON_AUTOJSON *paths = cJSON_CreateObject();
    const struct moon_sim_kind *any = NULL;
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        MOON_AUTOFREE char *its_base =
            kind->group[0] == '\0' ? moon_asprintf("api/%s", kind->version)
                                   : moon_asprintf("apis/%s/%s", kind->group, kind->version);
        if (moon_streq(its_base, base)) {
            MOON_AUTOFREE char *rooted = moon_asprintf("/%s", base);
            add_paths(paths, rooted, kind);
            any = kind;
        }
    }
    if (any == NULL) {
        return NULL;
    }
    cJSON *document = new_document();
    cJSON *components = cJSON_CreateObject();
    moon_sim_set(components, "schemas", schemas(api, any->group, any->version));
    moon_sim_set(document, "paths", moon_steal(&paths));
    moon_sim_set(document, "components", components);
    return document;
}

static cJSON *index_document(const struct moon_sim_api *api)
{
    cJSON *index = cJSON_CreateObject();
    cJSON *paths = cJSON_CreateObject();
    uint64_t definitions = moon_sim_objdb_kind_version(
        api->db, moon_sim_kind_by_name("apiextensions.k8s.io", "CustomResourceDefinition"));
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        MOON_AUTOFREE char *base = kind->group[0] == '\0'
                                       ? moon_asprintf("api/%s", kind->version)
                                       : moon_asprintf("apis/%s/%s", kind->group, kind->version);
        /* The hash lets kubectl cache the document until another version of us serves it, or a
         * definition changes. */
        MOON_AUTOFREE char *url =
            moon_asprintf("/openapi/v3/%s?hash=moonset-%s-%llu", base, MOONSET_VERSION,
                          (unsigned long long)(kind->custom != NULL ? definitions : 0));
        cJSON *entry = cJSON_CreateObject();
        moon_sim_set_text(entry, "serverRelativeURL", url);
        moon_sim_set(paths, base, entry);
    }
    moon_sim_set(index, "paths", paths);
    return index;
}

bool moon_sim_openapi(struct moon_sim_call *call, const char *path)
{
    static const char v3[] = "/openapi/v3";
    if (moon_streq(path, "/openapi/v2")) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf document = MOON_BUF_INIT(V2_MAX_BYTES);
        moon_sim_openapi_v2(call->api, &document);
        moon_sim_answer(call, 200, "application/octet-stream", moon_buf_str(&document));
        return true;
    }
    if (!moon_str_starts(moon_str(path), v3)) {
        return false;
    }
    const char *rest = path + sizeof(v3) - 1;
    MOON_AUTOJSON *answer = rest[0] == '\0'  ? index_document(call->api)
                            : rest[0] == '/' ? group_document(call->api, rest + 1)
                                             : NULL;
    if (answer == NULL) {
        return false;
    }
    moon_sim_reply_tree(call, 200, answer);
    return true;
}
