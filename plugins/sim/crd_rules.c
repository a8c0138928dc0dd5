/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/crd_rules.h"

#include <stdio.h>

#include "base/time.h"
#include "sim/custom.h"
#include "sim/metadata.h"

enum {
    PATH_MAX_BYTES = 128
};

static const char LABEL_1035_RULE[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/* ---- what the server fills in ---- */

static char *lower(const char *text)
{
    char *copy = moon_strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    }
    return copy;
}

void moon_sim_defaults_crd(cJSON *crd)
{
    cJSON *spec = moon_sim_ensure(crd, "spec");
    cJSON *names = moon_sim_ensure(spec, "names");
    const char *kind = moon_sim_text(names, "kind");
    if (kind[0] != '\0') {
        MOON_AUTOFREE char *singular = lower(kind);
        MOON_AUTOFREE char *list_kind = moon_asprintf("%sList", kind);
        moon_sim_default_text(names, "singular", singular);
        moon_sim_default_text(names, "listKind", list_kind);
    }
    if (moon_sim_member(spec, "conversion") == NULL) {
        moon_sim_set_text(moon_sim_ensure(spec, "conversion"), "strategy", "None");
    }
}

static const char *storage_version(const cJSON *crd)
{
    const cJSON *version = NULL;
    cJSON_ArrayForEach (version, moon_sim_get(crd, "spec.versions")) {
        if (moon_sim_true(version, "storage")) {
            return moon_sim_text(version, "name");
        }
    }
    return "";
}

/* The version in which objects are written from now on joins those they may be stored in. */
static void note_storage_version(cJSON *crd)
{
    cJSON *status = moon_sim_ensure(crd, "status");
    cJSON *stored = moon_sim_member(status, "storedVersions");
    const char *version = storage_version(crd);
    if (stored == NULL) {
        stored = cJSON_CreateArray();
        moon_sim_set(status, "storedVersions", stored);
    }
    if (version[0] != '\0' && moon_sim_index_of(stored, version) < 0) {
        cJSON_AddItemToArray(stored, cJSON_CreateString(version));
    }
}

int moon_sim_create_crd(cJSON *crd, const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    (void)ctx;
    (void)st;
    moon_sim_remove(crd, "status");
    note_storage_version(crd);
    return 0;
}

void moon_sim_update_crd(cJSON *crd, const struct moon_sim_rule_ctx *ctx)
{
    (void)ctx;
    note_storage_version(crd);
}

/* ---- conditions ---- */

static cJSON *find_condition(const cJSON *crd, const char *type)
{
    cJSON *condition = NULL;
    cJSON_ArrayForEach (condition, moon_sim_get(crd, "status.conditions")) {
        if (moon_streq(moon_sim_text(condition, "type"), type)) {
            return condition;
        }
    }
    return NULL;
}

bool moon_sim_crd_is(const cJSON *crd, const char *condition)
{
    return moon_streq(moon_sim_text(find_condition(crd, condition), "status"), "True");
}

bool moon_sim_crd_set_condition(cJSON *crd, const char *type, bool status, const char *reason,
                                const char *message, int64_t now_s)
{
    char now[MOON_TIME_TEXT];
    const char *word = status ? "True" : "False";
    cJSON *condition = find_condition(crd, type);
    if (condition == NULL) {
        cJSON *parent = moon_sim_ensure(crd, "status");
        cJSON *conditions = moon_sim_member(parent, "conditions");
        if (conditions == NULL) {
            conditions = cJSON_CreateArray();
            moon_sim_set(parent, "conditions", conditions);
        }
        condition = cJSON_CreateObject();
        moon_sim_set_text(condition, "type", type);
        cJSON_AddItemToArray(conditions, condition);
    } else if (moon_streq(moon_sim_text(condition, "status"), word) &&
               moon_streq(moon_sim_text(condition, "reason"), reason) &&
               moon_streq(moon_sim_text(condition, "message"), message)) {
        return false;
    }
    if (!moon_streq(moon_sim_text(condition, "status"), word)) {
        moon_sim_set_text(condition, "lastTransitionTime", moon_time_format(now_s, now));
    }
    moon_sim_set_text(condition, "status", word);
    moon_sim_set_text(condition, "reason", reason);
    moon_sim_set_text(condition, "message", message);
    return true;
}

/* It waits for its objects to go. */
void moon_sim_delete_crd(cJSON *crd, int64_t now_s)
{
    char now[MOON_TIME_TEXT];
    cJSON *metadata = moon_sim_ensure(crd, "metadata");
    moon_sim_set_text(metadata, "deletionTimestamp", moon_time_format(now_s, now));
    cJSON *finalizers = moon_sim_member(metadata, "finalizers");
    if (finalizers == NULL) {
        finalizers = cJSON_CreateArray();
        moon_sim_set(metadata, "finalizers", finalizers);
    }
    if (moon_sim_index_of(finalizers, MOON_SIM_CRD_FINALIZER) < 0) {
        cJSON_AddItemToArray(finalizers, cJSON_CreateString(MOON_SIM_CRD_FINALIZER));
    }
    (void)moon_sim_crd_set_condition(crd, "Terminating", true, "InstanceDeletionPending",
                                     "CustomResourceDefinition marked for deletion; "
                                     "CustomResource deletion will begin soon",
                                     now_s);
}

/* ---- rules ---- */

static void validate_1035(const char *name, const char *field, cJSON *causes)
{
    if (strlen(name) > 63) {
        moon_sim_cause_invalid_text(causes, field, name, "must be no more than 63 characters");
    } else if (!moon_is_dns1123_label(moon_str(name)) || (name[0] >= '0' && name[0] <= '9')) {
        moon_sim_cause_invalid_text(causes, field, name, LABEL_1035_RULE);
    }
}

static void validate_name(const cJSON *names, const char *member, bool any_case, cJSON *causes)
{
    char field[PATH_MAX_BYTES];
    const char *name = moon_sim_text(names, member);
    (void)snprintf(field, sizeof(field), "spec.names.%s", member);
    if (name[0] == '\0') {
        moon_sim_cause_required(causes, field, NULL);
        return;
    }
    MOON_AUTOFREE char *folded = any_case ? lower(name) : moon_strdup(name);
    if (!moon_is_dns1123_label(moon_str(folded)) || (folded[0] >= '0' && folded[0] <= '9')) {
        if (any_case) {
            MOON_AUTOFREE char *detail = moon_asprintf(
                "may have mixed case, but should otherwise match: %s", LABEL_1035_RULE);
            moon_sim_cause_invalid_text(causes, field, name, detail);
        } else {
            validate_1035(name, field, causes);
        }
    }
}

static void validate_names(const cJSON *names, cJSON *causes)
{
    static const char *const lists[] = {"shortNames", "categories"};
    validate_name(names, "plural", false, causes);
    validate_name(names, "singular", false, causes);
    validate_name(names, "kind", true, causes);
    validate_name(names, "listKind", true, causes);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *name = NULL;
        int index = 0;
        cJSON_ArrayForEach (name, moon_sim_member(names, lists[i])) {
            char field[PATH_MAX_BYTES];
            (void)snprintf(field, sizeof(field), "spec.names.%s[%d]", lists[i], index++);
            validate_1035(cJSON_IsString(name) ? name->valuestring : "", field, causes);
        }
    }
    if (moon_sim_text(names, "kind")[0] != '\0' &&
        moon_streq(moon_sim_text(names, "kind"), moon_sim_text(names, "listKind"))) {
        moon_sim_cause_invalid_text(causes, "spec.names.listKind", moon_sim_text(names, "listKind"),
                                    "kind and listKind may not be the same");
    }
}

static bool is_column_type(const char *type)
{
    static const char *const types[] = {"boolean", "date", "integer", "number", "string"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(types); i++) {
        if (moon_streq(type, types[i])) {
            return true;
        }
    }
    return false;
}

static void validate_column(const cJSON *column, const char *path, cJSON *causes)
{
    static const char types[] = "must be one of boolean,date,integer,number,string";
    const char *type = moon_sim_text(column, "type");
    const char *json_path = moon_sim_text(column, "jsonPath");
    const cJSON *ignored[1];
    MOON_AUTOFREE char *name_field = moon_asprintf("%s.name", path);
    MOON_AUTOFREE char *type_field = moon_asprintf("%s.type", path);
    MOON_AUTOFREE char *path_field = moon_asprintf("%s.JSONPath", path);
    if (moon_sim_text(column, "name")[0] == '\0') {
        moon_sim_cause_required(causes, name_field, NULL);
    }
    if (type[0] == '\0') {
        moon_sim_cause_required(causes, type_field, types);
    } else if (!is_column_type(type)) {
        moon_sim_cause_invalid_text(causes, type_field, type, types);
    }
    if (json_path[0] == '\0') {
        moon_sim_cause_required(causes, path_field, NULL);
    } else if (json_path[0] != '.' || moon_sim_jsonpath(column, json_path, ignored, 1) < 0) {
        moon_sim_cause_invalid_text(causes, path_field, json_path,
                                    "must be a simple json path starting with .");
    }
}

static void validate_columns(const cJSON *columns, const char *base, cJSON *causes)
{
    const cJSON *column = NULL;
    int index = 0;
    cJSON_ArrayForEach (column, columns) {
        MOON_AUTOFREE char *path = moon_asprintf("%s.additionalPrinterColumns[%d]", base, index++);
        validate_column(column, path, causes);
    }
}

static void validate_scale(const cJSON *scale, const char *base, cJSON *causes)
{
    static const struct {
        const char *member;
        const char *below;
    } paths[] = {{"specReplicasPath", ".spec."}, {"statusReplicasPath", ".status."}};
    for (size_t i = 0; scale != NULL && i < MOON_ARRAY_SIZE(paths); i++) {
        const char *value = moon_sim_text(scale, paths[i].member);
        MOON_AUTOFREE char *field =
            moon_asprintf("%s.subresources.scale.%s", base, paths[i].member);
        if (value[0] == '\0') {
            moon_sim_cause_required(causes, field, NULL);
        } else if (!moon_str_starts(moon_str(value), paths[i].below) || strchr(value, '[')) {
            MOON_AUTOFREE char *detail =
                moon_asprintf("should be a json path under %.*s", (int)strlen(paths[i].below) - 1,
                              paths[i].below);
            moon_sim_cause_invalid_text(causes, field, value, detail);
        }
    }
}

/* One version; the real server speaks of a single one as if it were the whole definition. */
static void validate_version(const cJSON *version, int index, bool single, cJSON *causes)
{
    MOON_AUTOFREE char *own = moon_asprintf("spec.versions[%d]", index);
    MOON_AUTOFREE char *name_field = moon_asprintf("%s.name", own);
    MOON_AUTOFREE char *schema_field = moon_asprintf("%s.schema.openAPIV3Schema", own);
    const cJSON *schema = moon_sim_get(version, "schema.openAPIV3Schema");
    validate_1035(moon_sim_text(version, "name"), name_field, causes);
    if (schema == NULL) {
        moon_sim_cause_required(causes, schema_field, "schemas are required");
    } else {
        moon_sim_validate_crd_schema(
            schema, single ? "spec.validation.openAPIV3Schema" : schema_field, causes);
    }
    validate_scale(moon_sim_get(version, "subresources.scale"), single ? "spec" : own, causes);
    validate_columns(moon_sim_member(version, "additionalPrinterColumns"), single ? "spec" : own,
                     causes);
}

static void validate_versions(const cJSON *spec, cJSON *causes)
{
    const cJSON *versions = moon_sim_member(spec, "versions");
    const cJSON *version = NULL;
    const cJSON *other = NULL;
    int storage = 0;
    int index = 0;
    bool unique = true;
    cJSON_ArrayForEach (version, versions) {
        storage += moon_sim_true(version, "storage") ? 1 : 0;
        for (other = versions->child; other != version; other = other->next) {
            unique =
                unique && !moon_streq(moon_sim_text(other, "name"), moon_sim_text(version, "name"));
        }
        validate_version(version, index++, cJSON_GetArraySize(versions) == 1, causes);
    }
    if (!unique) {
        moon_sim_cause_invalid(causes, "spec.versions", versions,
                               "must contain unique version names");
    }
    if (storage != 1) {
        moon_sim_cause_invalid(causes, "spec.versions", versions,
                               "must have exactly one version marked as storage version");
    }
}

static bool is_protected(const char *group)
{
    static const char *const suffixes[] = {".k8s.io", ".kubernetes.io"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(suffixes); i++) {
        size_t len = strlen(group);
        size_t tail = strlen(suffixes[i]);
        if (moon_streq(group, suffixes[i] + 1) ||
            (len > tail && moon_streq(group + len - tail, suffixes[i]))) {
            return true;
        }
    }
    return false;
}

static void validate_approval(const cJSON *crd, cJSON *causes)
{
    static const char key[] = "api-approved.kubernetes.io";
    const cJSON *annotation = moon_sim_member(moon_sim_get(crd, "metadata.annotations"), key);
    if (is_protected(moon_sim_text(crd, "spec.group")) && annotation == NULL) {
        moon_sim_cause_required(
            causes, "metadata.annotations[api-approved.kubernetes.io]",
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see "
            "https://github.com/kubernetes/enhancements/pull/1111");
    }
}

static void validate_conversion(const cJSON *spec, cJSON *causes)
{
    const char *strategy = moon_sim_text(spec, "conversion.strategy");
    if (moon_streq(strategy, "Webhook")) {
        /* It would have to be called, and nothing runs in the simulated cluster. */
        moon_sim_cause_forbidden(causes, "spec.conversion.strategy",
                                 "the simulated API server calls no webhooks: only None is served");
    } else if (!moon_streq(strategy, "None")) {
        moon_sim_cause_unsupported(causes, "spec.conversion.strategy", strategy,
                                   "\"None\", \"Webhook\"");
    }
    if (moon_sim_true(spec, "preserveUnknownFields")) {
        moon_sim_cause_invalid(causes, "spec.preserveUnknownFields",
                               moon_sim_member(spec, "preserveUnknownFields"), "must be false");
    }
}

void moon_sim_validate_crd(const cJSON *crd, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    const cJSON *spec = moon_sim_member(crd, "spec");
    const char *group = moon_sim_text(spec, "group");
    const char *scope = moon_sim_text(spec, "scope");
    const char *name = moon_sim_text(crd, "metadata.name");
    MOON_AUTOFREE char *wanted = moon_asprintf("%s.%s", moon_sim_text(spec, "names.plural"), group);
    (void)ctx;
    if (!moon_streq(name, wanted)) {
        moon_sim_cause_invalid_text(causes, "metadata.name", name,
                                    "must be spec.names.plural+\".\"+spec.group");
    }
    if (group[0] == '\0') {
        moon_sim_cause_required(causes, "spec.group", NULL);
    } else {
        moon_sim_validate_dns_subdomain(group, "spec.group", causes);
        if (strchr(group, '.') == NULL) {
            moon_sim_cause_invalid_text(causes, "spec.group", group,
                                        "should be a domain with at least one dot");
        }
    }
    if (scope[0] == '\0') {
        moon_sim_cause_required(causes, "spec.scope", NULL);
    } else if (!moon_streq(scope, "Cluster") && !moon_streq(scope, "Namespaced")) {
        moon_sim_cause_unsupported(causes, "spec.scope", scope, "\"Cluster\", \"Namespaced\"");
    }
    validate_versions(spec, causes);
    validate_names(moon_sim_member(spec, "names"), causes);
    validate_conversion(spec, causes);
    validate_approval(crd, causes);
}

void moon_sim_validate_crd_update(const cJSON *crd, const cJSON *old, cJSON *causes)
{
    static const char *const fixed[] = {"spec.scope", "spec.names.kind", "spec.names.plural"};
    const cJSON *stored = NULL;
    int index = 0;
    moon_sim_validate_immutable(moon_sim_get(crd, "spec.group"), moon_sim_get(old, "spec.group"),
                                "spec.group", causes);
    for (size_t i = 0; moon_sim_crd_is(old, "Established") && i < MOON_ARRAY_SIZE(fixed); i++) {
        moon_sim_validate_immutable(moon_sim_get(crd, fixed[i]), moon_sim_get(old, fixed[i]),
                                    fixed[i], causes);
    }
    cJSON_ArrayForEach (stored, moon_sim_get(crd, "status.storedVersions")) {
        const cJSON *version = NULL;
        bool there = false;
        cJSON_ArrayForEach (version, moon_sim_get(crd, "spec.versions")) {
            there = there || moon_streq(moon_sim_text(version, "name"), stored->valuestring);
        }
        if (!there) {
            char field[PATH_MAX_BYTES];
            (void)snprintf(field, sizeof(field), "status.storedVersions[%d]", index);
            moon_sim_cause_invalid_text(causes, field, stored->valuestring,
                                        "must appear in spec.versions");
        }
        index++;
    }
}
