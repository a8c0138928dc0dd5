/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/requirement.h"

#include <stdlib.h>

/* ---- building ---- */

static bool parse_operator(const char *text, bool with_bounds, enum moon_requirement_op *ret)
{
    static const char *const names[] = {
        [MOON_REQUIRE_IN] = "In",         [MOON_REQUIRE_NOT_IN] = "NotIn",
        [MOON_REQUIRE_EXISTS] = "Exists", [MOON_REQUIRE_DOES_NOT_EXIST] = "DoesNotExist",
        [MOON_REQUIRE_GREATER] = "Gt",    [MOON_REQUIRE_LESS] = "Lt",
    };
    size_t count = with_bounds ? MOON_ARRAY_SIZE(names) : MOON_REQUIRE_GREATER;
    for (size_t i = 0; i < count; i++) {
        if (moon_streq(text, names[i])) {
            *ret = (enum moon_requirement_op)i;
            return true;
        }
    }
    return false;
}

void moon_requirement_add_value(struct moon_requirement *r, struct moon_str value)
{
    r->values = moon_realloc_array(r->values, r->value_count + 1, sizeof(*r->values));
    r->values[r->value_count++] = moon_intern(value);
}

static int values_from_json(const cJSON *json, struct moon_requirement *r, struct moon_err *err)
{
    if (json != NULL && !cJSON_IsArray(json)) {
        return moon_err_set(err, MOON_E_INVALID, "values: not a list");
    }
    const cJSON *value = NULL;
    cJSON_ArrayForEach (value, json) {
        if (!cJSON_IsString(value)) {
            return moon_err_set(err, MOON_E_INVALID, "values[%zu]: not a text", r->value_count);
        }
        moon_requirement_add_value(r, moon_str(value->valuestring));
    }
    return 0;
}

int moon_requirement_from_json(const cJSON *json, bool with_bounds, struct moon_requirement *ret,
                               struct moon_err *err)
{
    *ret = (struct moon_requirement){0};
    const char *key = moon_json_string(json, "key");
    const char *operator_text = moon_json_string(json, "operator");
    if (key == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "key: missing or not a text");
    }
    if (!parse_operator(operator_text, with_bounds, &ret->op)) {
        return moon_err_set(err, MOON_E_INVALID, "operator: \"%s\" is not a valid operator",
                            operator_text != NULL ? operator_text : "");
    }
    ret->key = moon_intern_cstr(key);
    return values_from_json(moon_json_member(json, "values"), ret, err);
}

void moon_requirement_fini(struct moon_requirement *r)
{
    moon_sym_unref(r->key);
    for (size_t i = 0; i < r->value_count; i++) {
        moon_sym_unref(r->values[i]);
    }
    moon_free(r->values);
    *r = (struct moon_requirement){0};
}

/* ---- checking ---- */

static int compare_values(const void *a, const void *b)
{
    return strcmp(*(const moon_sym *)a, *(const moon_sym *)b);
}

static void sort_values(struct moon_requirement *r)
{
    size_t kept = 0;
    if (r->value_count == 0) {
        return;
    }
    qsort(r->values, r->value_count, sizeof(*r->values), compare_values);
    for (size_t i = 0; i < r->value_count; i++) {
        if (kept > 0 && r->values[kept - 1] == r->values[i]) {
            moon_sym_unref(r->values[i]);
        } else {
            r->values[kept++] = r->values[i];
        }
    }
    r->value_count = kept;
}

static int check_count(struct moon_requirement *r, struct moon_err *err)
{
    switch (r->op) {
    case MOON_REQUIRE_IN:
    case MOON_REQUIRE_NOT_IN:
        if (r->value_count == 0) {
            return moon_err_set(err, MOON_E_INVALID, "values: In and NotIn need at least one");
        }
        break;
    case MOON_REQUIRE_EXISTS:
    case MOON_REQUIRE_DOES_NOT_EXIST:
        if (r->value_count != 0) {
            return moon_err_set(err, MOON_E_INVALID, "values: Exists and DoesNotExist take none");
        }
        break;
    case MOON_REQUIRE_GREATER:
    case MOON_REQUIRE_LESS:
        if (r->value_count != 1 || !moon_parse_i64(moon_str(r->values[0]), &r->bound)) {
            return moon_err_set(err, MOON_E_INVALID, "values: Gt and Lt need exactly one integer");
        }
        break;
    }
    return 0;
}

int moon_requirement_check(struct moon_requirement *r, struct moon_err *err)
{
    if (!moon_is_label_key(moon_str(r->key))) {
        return moon_err_set(err, MOON_E_INVALID, "key: \"%.100s\" is not a label key", r->key);
    }
    if (check_count(r, err) != 0) {
        return -(int)err->code;
    }
    for (size_t i = 0; i < r->value_count; i++) {
        if (!moon_is_label_value(moon_str(r->values[i]))) {
            return moon_err_set(err, MOON_E_INVALID, "values[%zu]: \"%.100s\" is not a label value",
                                i, r->values[i]);
        }
    }
    sort_values(r);
    return 0;
}

/* ---- asking ---- */

static bool has_value(const struct moon_requirement *r, moon_sym value)
{
    for (size_t i = 0; i < r->value_count; i++) {
        if (r->values[i] == value) {
            return true;
        }
    }
    return false;
}

bool moon_requirement_matches(const struct moon_requirement *r, moon_sym value)
{
    int64_t number;
    switch (r->op) {
    case MOON_REQUIRE_IN:
        return value != NULL && has_value(r, value);
    case MOON_REQUIRE_NOT_IN:
        return value == NULL || !has_value(r, value);
    case MOON_REQUIRE_EXISTS:
        return value != NULL;
    case MOON_REQUIRE_DOES_NOT_EXIST:
        return value == NULL;
    case MOON_REQUIRE_GREATER:
        return value != NULL && moon_parse_i64(moon_str(value), &number) && number > r->bound;
    case MOON_REQUIRE_LESS:
        return value != NULL && moon_parse_i64(moon_str(value), &number) && number < r->bound;
    }
    return false;
}
