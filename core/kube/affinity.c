/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/affinity.h"

#include "kube/requirement.h"

/* A condition on the node's name, the only field there is; any other field reads as "". */
struct field {
    char *value;
    bool is_name;
    bool is_negated; /* NotIn */
};

struct term {
    struct moon_requirement *expressions;
    size_t expression_count;
    struct field *fields;
    size_t field_count;
    bool is_broken; /* could not be read: matches nothing */
};

struct moon_affinity {
    struct moon_labels node_selector;
    bool matches_nothing; /* what is required could not be read at all */
    bool has_terms;       /* required terms were given; if none is left, nothing matches */
    struct term *terms;
    size_t term_count;
};

static const cJSON *required_terms(const cJSON *spec, bool *ret_required)
{
    const cJSON *required =
        moon_json_get(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    *ret_required = required != NULL;
    return moon_json_member(required, "nodeSelectorTerms");
}

/* ---- reading ---- */

static bool read_expressions(const cJSON *json, struct term *term)
{
    struct moon_err ignored;
    const cJSON *item = NULL;
    if (json == NULL) {
        return true;
    }
    if (!cJSON_IsArray(json)) {
        return false;
    }
    term->expressions =
        moon_new_array(struct moon_requirement, (size_t)cJSON_GetArraySize(json) + 1);
    cJSON_ArrayForEach (item, json) {
        struct moon_requirement *r = &term->expressions[term->expression_count++];
        if (moon_requirement_from_json(item, true, r, &ignored) != 0 ||
            moon_requirement_check(r, &ignored) != 0) {
            return false;
        }
    }
    return true;
}

/* In and NotIn with exactly one value; no syntax is asked of it. */
static bool read_field(const cJSON *json, struct field *ret)
{
    const char *key = moon_json_string(json, "key");
    const char *op = moon_json_string(json, "operator");
    const cJSON *values = moon_json_member(json, "values");
    const char *value = cJSON_IsArray(values) && cJSON_GetArraySize(values) == 1
                            ? cJSON_GetStringValue(values->child)
                            : NULL;
    ret->is_negated = moon_streq(op, "NotIn");
    ret->is_name = moon_streq(key, "metadata.name");
    ret->value = moon_strdup(value);
    return key != NULL && value != NULL && (ret->is_negated || moon_streq(op, "In"));
}

static bool read_fields(const cJSON *json, struct term *term)
{
    const cJSON *item = NULL;
    if (json == NULL) {
        return true;
    }
    if (!cJSON_IsArray(json)) {
        return false;
    }
    term->fields = moon_new_array(struct field, (size_t)cJSON_GetArraySize(json) + 1);
    cJSON_ArrayForEach (item, json) {
        if (!read_field(item, &term->fields[term->field_count++])) {
            return false;
        }
    }
    return true;
}

static void read_term(const cJSON *json, struct term *term)
{
    term->is_broken = !cJSON_IsObject(json) ||
                      !read_expressions(moon_json_member(json, "matchExpressions"), term) ||
                      !read_fields(moon_json_member(json, "matchFields"), term);
}

static void read_terms(const cJSON *json, struct moon_affinity *a)
{
    const cJSON *item = NULL;
    if (!cJSON_IsArray(json)) {
        return; /* no terms: nothing matches */
    }
    a->terms = moon_new_array(struct term, (size_t)cJSON_GetArraySize(json) + 1);
    cJSON_ArrayForEach (item, json) {
        read_term(item, &a->terms[a->term_count++]);
    }
}

/* An affinity of a shape that says nothing must not read as "anywhere". */
static bool has_shape(const cJSON *spec)
{
    static const char *const objects[] = {
        "affinity", "affinity.nodeAffinity",
        "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(objects); i++) {
        const cJSON *json = moon_json_get(spec, objects[i]);
        if (json != NULL && !cJSON_IsObject(json)) {
            return false;
        }
    }
    return true;
}

struct moon_affinity *moon_affinity_from_pod_spec(const cJSON *spec)
{
    struct moon_affinity *a = moon_new(struct moon_affinity);
    struct moon_err ignored;
    if (!has_shape(spec) || moon_labels_from_json(moon_json_member(spec, "nodeSelector"),
                                                  &a->node_selector, &ignored) != 0) {
        a->matches_nothing = true;
        return a;
    }
    const cJSON *terms = required_terms(spec, &a->has_terms);
    if (a->has_terms) {
        read_terms(terms, a);
    }
    return a;
}

struct moon_affinity *moon_affinity_from_term(const cJSON *term)
{
    struct moon_affinity *a = moon_new(struct moon_affinity);
    a->has_terms = true;
    a->terms = moon_new_array(struct term, 1);
    a->term_count = 1;
    read_term(term, &a->terms[0]);
    return a;
}

static void term_fini(struct term *term)
{
    for (size_t i = 0; i < term->expression_count; i++) {
        moon_requirement_fini(&term->expressions[i]);
    }
    for (size_t i = 0; i < term->field_count; i++) {
        moon_free(term->fields[i].value);
    }
    moon_free(term->expressions);
    moon_free(term->fields);
}

void moon_affinity_free(struct moon_affinity *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < a->term_count; i++) {
        term_fini(&a->terms[i]);
    }
    moon_free(a->terms);
    moon_labels_fini(&a->node_selector);
    moon_free(a);
}

/* ---- matching ---- */

static bool has_label(const struct moon_labels *labels, const struct moon_label *wanted)
{
    return moon_labels_get_sym(labels, wanted->key) == wanted->value;
}

static bool field_matches(const struct field *f, const char *node_name)
{
    bool is_equal = strcmp(f->is_name ? node_name : "", f->value) == 0;
    return is_equal != f->is_negated;
}

static bool term_matches(const struct term *term, const struct moon_labels *labels,
                         const char *node_name)
{
    if (term->is_broken || (term->expression_count == 0 && term->field_count == 0)) {
        return false;
    }
    for (size_t i = 0; i < term->expression_count; i++) {
        moon_sym value = moon_labels_get_sym(labels, term->expressions[i].key);
        if (!moon_requirement_matches(&term->expressions[i], value)) {
            return false;
        }
    }
    if (node_name == NULL || *node_name == '\0') {
        return true; /* upstream skips the fields of a node without a name */
    }
    for (size_t i = 0; i < term->field_count; i++) {
        if (!field_matches(&term->fields[i], node_name)) {
            return false;
        }
    }
    return true;
}

bool moon_affinity_matches(const struct moon_affinity *a, const struct moon_labels *labels,
                           const char *node_name)
{
    if (a->matches_nothing) {
        return false;
    }
    for (size_t i = 0; i < a->node_selector.count; i++) {
        if (!has_label(labels, &a->node_selector.items[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < a->term_count; i++) {
        if (term_matches(&a->terms[i], labels, node_name)) {
            return true;
        }
    }
    return !a->has_terms;
}

/* ---- the pin ---- */

const char *moon_affinity_pinned_node(const cJSON *spec)
{
    bool is_required;
    const cJSON *terms = required_terms(spec, &is_required);
    const cJSON *term = NULL;
    const cJSON *field = NULL;
    cJSON_ArrayForEach (term, terms) {
        const cJSON *fields = moon_json_member(term, "matchFields");
        cJSON_ArrayForEach (field, fields) {
            if (!moon_streq(moon_json_string(field, "key"), "metadata.name") ||
                !moon_streq(moon_json_string(field, "operator"), "In")) {
                continue;
            }
            const cJSON *values = moon_json_member(field, "values");
            return cJSON_GetArraySize(values) == 1 ? cJSON_GetStringValue(values->child) : NULL;
        }
    }
    return NULL;
}
