/* SPDX-License-Identifier: Apache-2.0
 *
 * crd_schema_rules.c - which schemas are structural: each field has one type, in one place, so that
 * a server can prune and default without looking at combinations.
 */
#include "sim/crd_rules.h"
#include "sim/structural.h"

enum {
    PATH_MAX_BYTES = 64 << 10,
    CAUSES_MAX = 100
};

/* What may not occur at all, and why. */
static const struct {
    const char *member;
    const char *why;
} FORBIDDEN[] = {
    {"$ref", "$ref is not supported"},
    {"definitions", "definitions is not supported"},
    {"dependencies", "dependencies is not supported"},
    {"patternProperties", "patternProperties is not supported"},
    {"additionalItems", "additionalItems is not supported"},
    {"uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes "
                    "quadratic"},
};

/* What belongs to the one place where the type is said, not into allOf, anyOf, oneOf and not. */
static const char *const TYPE_ONLY[] = {"type",
                                        "additionalProperties",
                                        "default",
                                        "nullable",
                                        "title",
                                        "description",
                                        "x-kubernetes-preserve-unknown-fields",
                                        "x-kubernetes-embedded-resource",
                                        "x-kubernetes-int-or-string",
                                        "x-kubernetes-list-type",
                                        "x-kubernetes-map-type"};

static void validate_schema(const cJSON *schema, struct moon_buf *path, cJSON *causes, bool root,
                            bool field);

static char *at(const struct moon_buf *path, const char *member)
{
    return moon_asprintf("%s.%s", moon_buf_cstr(path), member);
}

static bool is_true(const cJSON *schema, const char *member)
{
    return cJSON_IsTrue(moon_sim_member(schema, member)) != 0;
}

static void check_type(const cJSON *schema, const struct moon_buf *path, cJSON *causes, bool root,
                       bool field)
{
    static const char *const types[] = {"array",  "boolean", "integer",
                                        "number", "object",  "string"};
    const char *type = moon_sim_text(schema, "type");
    MOON_AUTOFREE char *where = at(path, "type");
    bool known = type[0] == '\0';
    bool free_form = is_true(schema, "x-kubernetes-int-or-string") ||
                     is_true(schema, "x-kubernetes-preserve-unknown-fields");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(types); i++) {
        known = known || moon_streq(type, types[i]);
    }
    if (!known) {
        moon_sim_cause_unsupported(
            causes, where, type,
            "\"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"");
    }
    if (root && !moon_streq(type, "object")) {
        if (type[0] == '\0') {
            moon_sim_cause_required(causes, where, "must not be empty at the root");
        } else {
            moon_sim_cause_invalid_text(causes, where, type, "must be object at the root");
        }
    } else if (type[0] == '\0' && !free_form) {
        moon_sim_cause_required(causes, where,
                                field ? "must not be empty for specified object fields"
                                      : "must not be empty for specified array items");
    }
    if (moon_streq(type, "array") && moon_sim_member(schema, "items") == NULL) {
        MOON_AUTOFREE char *items = at(path, "items");
        moon_sim_cause_required(causes, items, "must be specified");
    }
    if (is_true(schema, "x-kubernetes-int-or-string") && type[0] != '\0') {
        moon_sim_cause_invalid_text(causes, where, type,
                                    "must be empty if x-kubernetes-int-or-string is true");
    }
    if (is_true(schema, "x-kubernetes-embedded-resource") && !moon_streq(type, "object")) {
        moon_sim_cause_invalid_text(causes, where, type,
                                    "must be object if x-kubernetes-embedded-resource is true");
    }
}

static void check_extensions(const cJSON *schema, const struct moon_buf *path, cJSON *causes)
{
    const cJSON *keeps = moon_sim_member(schema, "x-kubernetes-preserve-unknown-fields");
    const char *list_type = moon_sim_text(schema, "x-kubernetes-list-type");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(FORBIDDEN); i++) {
        const cJSON *member = moon_sim_member(schema, FORBIDDEN[i].member);
        if (member != NULL && !cJSON_IsFalse(member)) {
            MOON_AUTOFREE char *where = at(path, FORBIDDEN[i].member);
            moon_sim_cause_forbidden(causes, where, FORBIDDEN[i].why);
        }
    }
    if (keeps != NULL && !cJSON_IsTrue(keeps)) {
        MOON_AUTOFREE char *where = at(path, "x-kubernetes-preserve-unknown-fields");
        moon_sim_cause_invalid(causes, where, keeps, "must be true or undefined");
    }
    if (moon_sim_member(schema, "properties") != NULL &&
        moon_sim_member(schema, "additionalProperties") != NULL) {
        MOON_AUTOFREE char *where = at(path, "additionalProperties");
        moon_sim_cause_forbidden(causes, where,
                                 "additionalProperties and properties are mutual "
                                 "exclusive");
    }
    if (list_type[0] != '\0' && !moon_streq(list_type, "atomic") && !moon_streq(list_type, "set") &&
        !moon_streq(list_type, "map")) {
        MOON_AUTOFREE char *where = at(path, "x-kubernetes-list-type");
        moon_sim_cause_unsupported(causes, where, list_type, "\"atomic\", \"map\", \"set\"");
    }
    if (moon_streq(list_type, "map") &&
        cJSON_GetArraySize(moon_sim_member(schema, "x-kubernetes-list-map-keys")) == 0) {
        MOON_AUTOFREE char *where = at(path, "x-kubernetes-list-map-keys");
        moon_sim_cause_required(causes, where,
                                "must not be empty if x-kubernetes-list-type is map");
    }
}

static void check_default(const cJSON *schema, const struct moon_buf *path, cJSON *causes)
{
    const cJSON *fallback = moon_sim_member(schema, "default");
    if (fallback != NULL) {
        MOON_AUTOFREE char *where = at(path, "default");
        moon_sim_structural_validate_value(schema, fallback, where, causes);
    }
}

/* ---- combinations ---- */

/* The place in the structural part that says what a part of a combination restricts. */
static void check_part(const cJSON *part, const cJSON *main, struct moon_buf *path,
                       const char *main_path, cJSON *causes)
{
    const cJSON *property = NULL;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(TYPE_ONLY); i++) {
        if (moon_sim_member(part, TYPE_ONLY[i]) != NULL) {
            MOON_AUTOFREE char *where = at(path, TYPE_ONLY[i]);
            moon_sim_cause_forbidden(causes, where, "must be empty to be structural");
        }
    }
    cJSON_ArrayForEach (property, moon_sim_member(part, "properties")) {
        const cJSON *its = moon_sim_member(moon_sim_member(main, "properties"), property->string);
        MOON_AUTOFREE char *wanted =
            moon_asprintf("%s.properties[%s]", main_path, property->string);
        size_t before = path->len;
        moon_buf_printf(path, ".properties[%s]", property->string);
        if (its == NULL && !is_true(main, "x-kubernetes-preserve-unknown-fields")) {
            MOON_AUTOFREE char *why =
                moon_asprintf("because it is defined in %s", moon_buf_cstr(path));
            moon_sim_cause_required(causes, wanted, why);
        }
        check_part(property, its, path, wanted, causes);
        moon_buf_truncate(path, before);
    }
}

static void check_combinations(const cJSON *schema, struct moon_buf *path, cJSON *causes)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
    MOON_AUTOFREE char *main_path = moon_strdup(moon_buf_cstr(path));
    size_t before = path->len;
    if (is_true(schema, "x-kubernetes-int-or-string")) {
        return; /* these say by anyOf that they are integers or strings */
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *part = NULL;
        int index = 0;
        cJSON_ArrayForEach (part, moon_sim_member(schema, lists[i])) {
            moon_buf_printf(path, ".%s[%d]", lists[i], index++);
            check_part(part, schema, path, main_path, causes);
            moon_buf_truncate(path, before);
        }
    }
    if (moon_sim_member(schema, "not") != NULL) {
        moon_buf_puts(path, ".not");
        check_part(moon_sim_member(schema, "not"), schema, path, main_path, causes);
        moon_buf_truncate(path, before);
    }
}

/* ---- the tree ---- */

static void validate_schema(const cJSON *schema, struct moon_buf *path, cJSON *causes, bool root,
                            bool field)
{
    const cJSON *property = NULL;
    const cJSON *additional = moon_sim_member(schema, "additionalProperties");
    const cJSON *items = moon_sim_member(schema, "items");
    size_t before = path->len;
    if (cJSON_GetArraySize(causes) >= CAUSES_MAX) {
        return;
    }
    check_type(schema, path, causes, root, field);
    check_extensions(schema, path, causes);
    check_default(schema, path, causes);
    check_combinations(schema, path, causes);
    cJSON_ArrayForEach (property, moon_sim_member(schema, "properties")) {
        moon_buf_printf(path, ".properties[%s]", property->string);
        if (!root || !moon_streq(property->string, "metadata")) {
            validate_schema(property, path, causes, false, true);
        }
        moon_buf_truncate(path, before);
    }
    if (cJSON_IsObject(additional)) {
        moon_buf_puts(path, ".additionalProperties");
        validate_schema(additional, path, causes, false, true);
        moon_buf_truncate(path, before);
    }
    if (items != NULL) {
        moon_buf_puts(path, ".items");
        validate_schema(items, path, causes, false, false);
        moon_buf_truncate(path, before);
    }
}

void moon_sim_validate_crd_schema(const cJSON *schema, const char *path, cJSON *causes)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf buf = MOON_BUF_INIT(PATH_MAX_BYTES);
    moon_buf_puts(&buf, path);
    validate_schema(schema, &buf, causes, true, false);
}
