/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c - request bodies: which content types we read, and from text to a decoded object.
 */
#include "io/yaml.h"
#include "sim/api_priv.h"
#include "sim/go_json.h"

enum {
    SUMMARY_BYTES = 30
};

enum {
    /* Room for what is around an object in a list, an event, a table: whoever reads JSON down to
     * MOON_JSON_MAX_DEPTH can read every answer. */
    OBJECT_MAX_DEPTH = MOON_JSON_MAX_DEPTH - 8
};

static bool is_type(const char *header, const char *type)
{
    struct moon_str rest = moon_str(header);
    struct moon_str first;
    return header != NULL && moon_str_split(&rest, ';', &first) &&
           moon_str_is(moon_str_trim(first), type);
}

/* What a server shows of a body that it does not understand. */
static void summarise(struct moon_str body, struct moon_buf *out)
{
    size_t shown = body.len < SUMMARY_BYTES ? body.len : SUMMARY_BYTES;
    if (body.len == 0) {
        moon_buf_puts(out, "<empty>");
    } else if (body.ptr[0] == '{') {
        moon_buf_add(out, body.ptr, shown);
    } else {
        for (size_t i = 0; i < shown; i++) {
            moon_buf_printf(out, "%02x", (unsigned char)body.ptr[i]);
        }
    }
    moon_buf_puts(out, body.len > SUMMARY_BYTES ? " ..." : "");
}

static const char *json_shape(const cJSON *tree)
{
    return cJSON_IsArray(tree)                                ? "array"
           : cJSON_IsBool(tree)                               ? "bool"
           : cJSON_IsString(tree)                             ? "string"
           : cJSON_IsNumber(tree) || moon_sim_is_number(tree) ? "number"
                                                              : "null";
}

void moon_sim_body_why(const struct moon_sim_call *call, const cJSON *tree,
                       const struct moon_err *parse_err, struct moon_buf *out)
{
    char why[MOON_SIM_GO_JSON_TEXT];
    if (tree != NULL) {
        moon_buf_printf(out,
                        "couldn't get version/kind; json parse error: json: cannot unmarshal %s "
                        "into Go value of type struct { APIVersion string "
                        "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
                        "\"json:\\\"kind,omitempty\\\"\" }",
                        json_shape(tree));
        return;
    }
    moon_sim_go_json_error(moon_httpd_body(call->request), why);
    moon_buf_printf(out, "couldn't get version/kind; json parse error: %s",
                    why[0] != '\0' ? why : parse_err->text);
}

static int parse_body(const struct moon_sim_call *call, bool yaml, cJSON **ret_tree,
                      struct moon_sim_status *st)
{
    struct moon_str body = moon_httpd_body(call->request);
    struct moon_err err;
    MOON_AUTOJSON *tree =
        yaml ? moon_yaml_parse(body, &(struct moon_yaml_opts){.name = "body"}, &err)
             : moon_sim_tree_parse(body, &err);
    if (tree != NULL && cJSON_IsObject(tree)) {
        *ret_tree = moon_steal(&tree);
        return 0;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
    if (yaml && tree == NULL) {
        moon_buf_printf(&why, "couldn't get version/kind; json parse error: %s", err.text);
    } else {
        moon_sim_body_why(call, tree, &err, &why);
    }
    moon_buf_puts(&why, " (");
    summarise(body, &why);
    moon_buf_putc(&why, ')');
    return moon_sim_refuse_bad_request(
        st, "the object provided is unrecognized (must be of type %s): %s", call->kind->kind,
        moon_buf_cstr(&why));
}

int moon_sim_body_tree(struct moon_sim_call *call, cJSON **ret_tree, struct moon_sim_status *st)
{
    const char *type = moon_httpd_header(call->request, "Content-Type");
    bool yaml = is_type(type, "application/yaml");
    if (type != NULL && type[0] != '\0' && !yaml && !is_type(type, "application/json")) {
        return moon_sim_refuse(st, 415, "UnsupportedMediaType",
                               "the body of the request was in an unknown format - accepted media "
                               "types include: application/json, application/yaml");
    }
    return parse_body(call, yaml, ret_tree, st);
}

/* ---- kind and apiVersion ---- */

/* "apps/v1" into its group and version; "v1" has no group. */
static char *group_of(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return moon_strndup(api_version, slash != NULL ? (size_t)(slash - api_version) : 0);
}

static const char *version_of(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash != NULL ? slash + 1 : api_version;
}

/* Custom resources have no Go types: their server looks at kind and apiVersion itself. */
static int check_custom_kind(const struct moon_sim_kind *kind, const cJSON *tree,
                             struct moon_sim_status *st)
{
    char wanted[MOON_SIM_API_VERSION_TEXT];
    const char *given_kind = moon_sim_text(tree, "kind");
    const char *given_version = moon_sim_text(tree, "apiVersion");
    if (given_version[0] == '\0') {
        static const char missing[] =
            "Object 'apiVersion' is missing in 'object has no apiVersion field'";
        (void)moon_sim_refuse(st, 500, "InternalError", "Internal error occurred: %s", missing);
        moon_sim_status_add_cause(st, NULL, missing, NULL);
        return -1;
    }
    if (given_kind[0] == '\0') {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 << 10);
        moon_sim_tree_print(tree, &text);
        return moon_sim_refuse_bad_request(
            st, "%s in version \"%s\" cannot be handled as a %s: Object 'Kind' is missing in '%s'",
            kind->kind, kind->version, kind->kind, moon_buf_cstr(&text));
    }
    if (!moon_streq(given_version, moon_sim_kind_api_version(kind, wanted))) {
        return moon_sim_refuse_bad_request(st,
                                           "the API version in the data (%s) does not match the "
                                           "expected API version (%s)",
                                           given_version, wanted);
    }
    if (!moon_streq(given_kind, kind->kind)) {
        struct moon_sim_kind named = *kind;
        MOON_AUTOFREE char *detail = moon_asprintf("must be %s", kind->kind);
        cJSON *causes = cJSON_CreateArray();
        named.kind = given_kind;
        moon_sim_cause_invalid_text(causes, "kind", given_kind, detail);
        return moon_sim_refuse_invalid(st, &named, moon_sim_text(tree, "metadata.name"), causes);
    }
    return 0;
}

static int check_kind(const struct moon_sim_call *call, const struct moon_sim_kind *kind,
                      const cJSON *tree, struct moon_sim_status *st)
{
    char wanted[MOON_SIM_API_VERSION_TEXT];
    const char *given_kind = moon_sim_text(tree, "kind");
    const char *given_version = moon_sim_text(tree, "apiVersion");
    (void)moon_sim_kind_api_version(kind, wanted);
    given_kind = given_kind[0] != '\0' ? given_kind : kind->kind;
    given_version = given_version[0] != '\0' ? given_version : wanted;
    if (moon_streq(given_kind, kind->kind) && moon_streq(given_version, wanted)) {
        return 0;
    }
    MOON_AUTOFREE char *group = group_of(given_version);
    const struct moon_sim_kind *other = moon_sim_kinds_by_name(call->api->kinds, group, given_kind);
    if (other != NULL && moon_streq(other->version, version_of(given_version))) {
        return moon_sim_refuse_bad_request(
            st,
            "%s in version \"%s\" cannot be handled as a %s: converting (%s.%s) to (%.*s.%s): "
            "unknown conversion",
            given_kind, other->version, kind->kind, other->version, given_kind,
            (int)strcspn(kind->group[0] != '\0' ? kind->group : "core", "."),
            kind->group[0] != '\0' ? kind->group : "core", kind->kind);
    }
    return moon_sim_refuse_bad_request(
        st,
        "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is registered for version "
        "\"%s\" in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"",
        given_kind, version_of(given_version), kind->kind, given_kind, given_version);
}

static int report_strict(struct moon_sim_call *call, const struct moon_sim_kind *kind,
                         const cJSON *strict, struct moon_sim_status *st)
{
    const cJSON *message = NULL;
    if (call->field_validation == MOON_SIM_STRICT && strict->child != NULL) {
        MOON_CLEANUP(moon_buf_fini)
        struct moon_buf all = MOON_BUF_INIT(64 << 10);
        cJSON_ArrayForEach (message, strict) {
            moon_buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", message->valuestring);
        }
        return moon_sim_refuse_bad_request(
            st, "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
            kind->kind, kind->version, kind->kind, moon_buf_cstr(&all));
    }
    cJSON_ArrayForEach (message, strict) {
        MOON_CLEANUP(moon_buf_fini)
        struct moon_buf text = MOON_BUF_INIT(4096);
        moon_buf_puts(&text, "299 - ");
        moon_json_add_string(&text, moon_str(message->valuestring));
        moon_httpd_add_header(call->request, "Warning", moon_buf_cstr(&text));
    }
    return 0;
}

int moon_sim_body_decode(struct moon_sim_call *call, const struct moon_sim_kind *kind, cJSON *tree,
                         struct moon_sim_status *st)
{
    struct moon_err err;
    const struct moon_sim_type *type = moon_sim_schema_type(call->api->schema, kind->kind);
    if ((kind->custom != NULL ? check_custom_kind(kind, tree, st)
                              : check_kind(call, kind, tree, st)) != 0) {
        return -1;
    }
    if (moon_sim_tree_depth(tree) > OBJECT_MAX_DEPTH) {
        return moon_sim_refuse_bad_request(st,
                                           "%s in version \"%s\" cannot be handled as a %s: "
                                           "exceeded max depth",
                                           kind->kind, kind->version, kind->kind);
    }
    moon_sim_remove(tree, "kind");
    moon_sim_remove(tree, "apiVersion");
    if (type == NULL && kind->custom == NULL) {
        return 0;
    }
    MOON_AUTOJSON *strict = call->field_validation != MOON_SIM_IGNORE ? cJSON_CreateArray() : NULL;
    if ((kind->custom != NULL ? moon_sim_custom_coerce(kind->custom, tree, strict, &err)
                              : moon_sim_schema_decode(type, tree, strict, &err)) != 0) {
        return moon_sim_refuse_bad_request(st, "%s in version \"%s\" cannot be handled as a %s: %s",
                                           kind->kind, kind->version, kind->kind, err.text);
    }
    return strict != NULL ? report_strict(call, kind, strict, st) : 0;
}
