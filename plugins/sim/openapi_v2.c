/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi_v2.c - /openapi/v2 as older kubectl reads it: the gnostic protobuf form of a Swagger
 * document.
 *
 * It holds each kind's PATCH operation with its query parameters (--dry-run=server and diff look
 * there) and all types (explain, validation on the client, merge keys). Field numbers are those of
 * gnostic's OpenAPIv2.proto; only strings and messages occur, so the encoding is tag, length,
 * bytes.
 */
#include "sim/api_priv.h"

enum {
    DOCUMENT_MAX = 4 << 20,
    PART_MAX = 1 << 20,
    WIRE_BYTES = 2,

    DOCUMENT_SWAGGER = 1,
    DOCUMENT_INFO = 2,
    DOCUMENT_PATHS = 8,
    DOCUMENT_DEFINITIONS = 9,
    INFO_TITLE = 1,
    INFO_VERSION = 2,
    PATHS_PATH = 2,
    NAMED_NAME = 1, /* of all Named… messages */
    NAMED_VALUE = 2,
    ANY_YAML = 2,
    PATH_ITEM_PATCH = 8,
    OPERATION_PARAMETERS = 8,
    OPERATION_EXTENSION = 13,
    PARAMETERS_ITEM_PARAMETER = 1,
    PARAMETER_NON_BODY = 2,
    NON_BODY_QUERY = 3,
    QUERY_IN = 2,
    QUERY_NAME = 4,
    QUERY_TYPE = 6,
    LIST_ENTRY = 1, /* of Definitions, Properties, TypeItem, ItemsItem, AdditionalPropertiesItem */
    SCHEMA_REF = 1,
    SCHEMA_FORMAT = 2,
    SCHEMA_ADDITIONAL = 21,
    SCHEMA_TYPE = 22,
    SCHEMA_ITEMS = 23,
    SCHEMA_PROPERTIES = 25,
    SCHEMA_EXTENSION = 31
};

static void put_varint(struct moon_buf *out, uint64_t value)
{
    while (value >= 0x80U) {
        moon_buf_putc(out, (char)(unsigned char)(value | 0x80U));
        value >>= 7U;
    }
    moon_buf_putc(out, (char)(unsigned char)value);
}

static void put_bytes(struct moon_buf *out, unsigned field, struct moon_str value)
{
    put_varint(out, ((uint64_t)field << 3U) | WIRE_BYTES);
    put_varint(out, value.len);
    moon_buf_add_str(out, value);
}

static void put_text(struct moon_buf *out, unsigned field, const char *text)
{
    put_bytes(out, field, moon_str(text));
}

/* Put a message that has been built, and empty its buffer for the next one. */
static void put_message(struct moon_buf *out, unsigned field, struct moon_buf *message)
{
    put_bytes(out, field, moon_buf_str(message));
    moon_buf_clear(message);
}

static void put_named(struct moon_buf *out, unsigned field, const char *name,
                      struct moon_buf *value)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf named = MOON_BUF_INIT(PART_MAX);
    put_text(&named, NAMED_NAME, name);
    put_message(&named, NAMED_VALUE, value);
    put_message(out, field, &named);
}

static void put_extension(struct moon_buf *out, unsigned field, const char *name, const char *yaml)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf any = MOON_BUF_INIT(PART_MAX);
    put_text(&any, ANY_YAML, yaml);
    put_named(out, field, name, &any);
}

/* ---- types ---- */

static void put_type(struct moon_buf *schema, const char *type)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf item = MOON_BUF_INIT(PART_MAX);
    put_text(&item, LIST_ENTRY, type);
    put_message(schema, SCHEMA_TYPE, &item);
}

static void put_scalar(struct moon_buf *schema, enum moon_sim_scalar scalar)
{
    static const struct {
        const char *type; /* NULL: anything */
        const char *format;
    } names[] = {
        [MOON_SIM_STRUCT] = {NULL, NULL},
        [MOON_SIM_STRING] = {"string", NULL},
        [MOON_SIM_BOOL] = {"boolean", NULL},
        [MOON_SIM_INT32] = {"integer", "int32"},
        [MOON_SIM_INT64] = {"integer", "int64"},
        [MOON_SIM_QUANTITY] = {"string", NULL},
        [MOON_SIM_INTSTR] = {"string", "int-or-string"},
        [MOON_SIM_TIME] = {"string", "date-time"},
        [MOON_SIM_MICROTIME] = {"string", "date-time"},
        [MOON_SIM_BYTES] = {"string", "byte"},
        [MOON_SIM_RAW] = {NULL, NULL},
    };
    if (names[scalar].format != NULL) {
        put_text(schema, SCHEMA_FORMAT, names[scalar].format);
    }
    if (names[scalar].type != NULL) {
        put_type(schema, names[scalar].type);
    }
}

static void put_merge(struct moon_buf *schema, const struct moon_sim_field *field)
{
    if (field->merges) {
        put_extension(schema, SCHEMA_EXTENSION, "x-kubernetes-patch-strategy",
                      field->retain_keys ? "merge,retainKeys" : "merge");
    }
    if (field->merge_key != NULL) {
        put_extension(schema, SCHEMA_EXTENSION, "x-kubernetes-patch-merge-key", field->merge_key);
    }
}

static void put_field(struct moon_buf *schema, const struct moon_sim_field *field)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf one = MOON_BUF_INIT(PART_MAX);
    if (field->scalar == MOON_SIM_STRUCT) {
        MOON_AUTOFREE char *path = moon_asprintf("#/definitions/io.k8s.api.%s", field->type->name);
        put_text(&one, SCHEMA_REF, path);
    } else {
        put_scalar(&one, field->scalar);
    }
    if (field->shape == MOON_SIM_ONE) {
        moon_buf_add_str(schema, moon_buf_str(&one));
        return;
    }
    bool list = field->shape == MOON_SIM_LIST;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf item = MOON_BUF_INIT(PART_MAX);
    put_message(&item, LIST_ENTRY, &one);
    put_type(schema, list ? "array" : "object");
    put_message(schema, list ? SCHEMA_ITEMS : SCHEMA_ADDITIONAL, &item);
    put_merge(schema, field);
}

static char *kind_yaml(const struct moon_sim_kind *kind, bool in_list)
{
    return moon_asprintf("%sgroup: \"%s\"\n%skind: %s\n%sversion: %s\n", in_list ? "- " : "",
                         kind->group, in_list ? "  " : "", kind->kind, in_list ? "  " : "",
                         kind->version);
}

static const struct moon_sim_kind *kind_of_type(const char *name)
{
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        if (moon_streq(moon_sim_kind_at(i)->kind, name)) {
            return moon_sim_kind_at(i);
        }
    }
    return NULL;
}

static void put_definition(struct moon_buf *definitions, const struct moon_sim_type *type)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf schema = MOON_BUF_INIT(PART_MAX);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf properties = MOON_BUF_INIT(PART_MAX);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf one = MOON_BUF_INIT(PART_MAX);
    MOON_AUTOFREE char *name = moon_asprintf("io.k8s.api.%s", type->name);
    const struct moon_sim_kind *kind = kind_of_type(type->name);
    for (size_t i = 0; i < type->count; i++) {
        put_field(&one, &type->fields[i]);
        put_named(&properties, LIST_ENTRY, type->fields[i].name, &one);
    }
    put_type(&schema, "object");
    if (kind != NULL) {
        MOON_AUTOFREE char *yaml = kind_yaml(kind, true);
        put_type(&one, "string");
        put_named(&properties, LIST_ENTRY, "apiVersion", &one);
        put_type(&one, "string");
        put_named(&properties, LIST_ENTRY, "kind", &one);
        put_extension(&schema, SCHEMA_EXTENSION, "x-kubernetes-group-version-kind", yaml);
    }
    put_message(&schema, SCHEMA_PROPERTIES, &properties);
    put_named(definitions, LIST_ENTRY, name, &schema);
}

/* ---- paths ---- */

static void put_parameter(struct moon_buf *operation, const char *name)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf query = MOON_BUF_INIT(PART_MAX);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf outer = MOON_BUF_INIT(PART_MAX);
    put_text(&query, QUERY_IN, "query");
    put_text(&query, QUERY_NAME, name);
    put_text(&query, QUERY_TYPE, "string");
    put_message(&outer, NON_BODY_QUERY, &query);
    put_message(&query, PARAMETER_NON_BODY, &outer);
    put_message(&outer, PARAMETERS_ITEM_PARAMETER, &query);
    put_message(operation, OPERATION_PARAMETERS, &outer);
}

static void put_path(struct moon_buf *paths, const struct moon_sim_kind *kind)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf operation = MOON_BUF_INIT(PART_MAX);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf item = MOON_BUF_INIT(PART_MAX);
    MOON_AUTOFREE char *yaml = kind_yaml(kind, false);
    MOON_AUTOFREE char *path = moon_asprintf(
        "/%s%s/%s%s/%s/{name}", kind->group[0] != '\0' ? "apis/" : "api", kind->group,
        kind->version, kind->namespaced ? "/namespaces/{namespace}" : "", kind->resource);
    put_parameter(&operation, "dryRun");
    put_parameter(&operation, "fieldManager");
    put_parameter(&operation, "fieldValidation");
    put_extension(&operation, OPERATION_EXTENSION, "x-kubernetes-group-version-kind", yaml);
    put_message(&item, PATH_ITEM_PATCH, &operation);
    put_named(paths, PATHS_PATH, path, &item);
}

void moon_sim_openapi_v2(const struct moon_sim_api *api, struct moon_buf *out)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf part = MOON_BUF_INIT(DOCUMENT_MAX);
    const struct moon_sim_type *type = NULL;
    size_t pos = 0;
    put_text(out, DOCUMENT_SWAGGER, "2.0");
    put_text(&part, INFO_TITLE, "Kubernetes (simulated by moonset)");
    put_text(&part, INFO_VERSION, "v1.31.0");
    put_message(out, DOCUMENT_INFO, &part);
    const struct moon_sim_kind *kind = NULL;
    size_t row = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &row)) != NULL) {
        if (kind->review == NULL) { /* nothing to patch there */
            if (!kind->is_quiet) {
                put_path(&part, kind);
            }
        }
    }
    put_message(out, DOCUMENT_PATHS, &part);
    while ((type = moon_sim_schema_next(api->schema, &pos)) != NULL) {
        put_definition(&part, type);
    }
    put_message(out, DOCUMENT_DEFINITIONS, &part);
}
