/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/selectors.h"

#include <ctype.h>

#include "sim/kinds.h"

enum op {
    OP_IN, /* also = and == */
    OP_NOT_IN,
    OP_EXISTS,
    OP_NOT_EXISTS,
    OP_GREATER,
    OP_LESS
};

struct requirement {
    bool is_field;
    enum op op;
    char *key;
    char **values;
    size_t count;
};

struct moon_sim_selector {
    struct requirement *requirements;
    size_t count;
    bool nothing; /* matches no object at all */
};

enum {
    REQUIREMENTS_MAX = 1000,
    VALUES_MAX = 10000,
    FIELD_VALUE_MAX = 16 << 20 /* objects are smaller */
};

static struct requirement *add_requirement(struct moon_sim_selector *selector, struct moon_str key,
                                           enum op op)
{
    size_t n = selector->count++;
    selector->requirements =
        moon_realloc_array(selector->requirements, selector->count, sizeof(struct requirement));
    selector->requirements[n] = (struct requirement){.op = op, .key = moon_str_dup(key)};
    return &selector->requirements[n];
}

static void add_value(struct requirement *requirement, struct moon_str value)
{
    requirement->values =
        moon_realloc_array(requirement->values, requirement->count + 1, sizeof(char *));
    requirement->values[requirement->count++] = moon_str_dup(value);
}

void moon_sim_selector_free(struct moon_sim_selector *selector)
{
    if (selector == NULL) {
        return;
    }
    for (size_t i = 0; i < selector->count; i++) {
        struct requirement *requirement = &selector->requirements[i];
        for (size_t v = 0; v < requirement->count; v++) {
            moon_free(requirement->values[v]);
        }
        moon_free(requirement->values);
        moon_free(requirement->key);
    }
    moon_free(selector->requirements);
    moon_free(selector);
}

/* ---- label selectors: a small scanner ---- */

struct lexer {
    struct moon_str rest;
    struct moon_str token; /* a symbol or a word; empty at the end */
};

static bool is_symbol(char c)
{
    return strchr("=!(),<>", c) != NULL && c != '\0';
}

static void advance(struct lexer *lx)
{
    while (lx->rest.len > 0 && isspace((unsigned char)lx->rest.ptr[0])) {
        lx->rest.ptr++;
        lx->rest.len--;
    }
    size_t n = 0;
    if (lx->rest.len > 0 && is_symbol(lx->rest.ptr[0])) {
        bool pair = lx->rest.len > 1 && lx->rest.ptr[1] == '=' &&
                    (lx->rest.ptr[0] == '=' || lx->rest.ptr[0] == '!');
        n = pair ? 2 : 1;
    } else {
        while (n < lx->rest.len && !is_symbol(lx->rest.ptr[n]) &&
               !isspace((unsigned char)lx->rest.ptr[n])) {
            n++;
        }
    }
    lx->token = (struct moon_str){lx->rest.ptr, n};
    lx->rest.ptr += n;
    lx->rest.len -= n;
}

static bool is_word(const struct lexer *lx)
{
    return lx->token.len > 0 && !is_symbol(lx->token.ptr[0]);
}

static int unexpected(const struct lexer *lx, const char *wanted, struct moon_err *err)
{
    return moon_err_set(err, MOON_E_INVALID,
                        "unable to parse requirement: found '%.*s', expected: %s",
                        MOON_STR_ARG(lx->token), wanted);
}

static int check_value(struct moon_str key, struct moon_str value, struct moon_err *err)
{
    if (moon_is_label_value(value)) {
        return 0;
    }
    return moon_err_set(
        err, MOON_E_INVALID,
        "unable to parse requirement: values[0][%.*s]: Invalid value: \"%.*s\": a valid label must "
        "be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
        "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        MOON_STR_ARG(key), MOON_STR_ARG(value));
}

/* "( a, b )" after in and notin. */
static int parse_value_list(struct lexer *lx, struct requirement *requirement, struct moon_str key,
                            struct moon_err *err)
{
    if (!moon_str_is(lx->token, "(")) {
        return unexpected(lx, "'('", err);
    }
    do {
        struct moon_str value = MOON_STR_LIT("");
        advance(lx);
        if (is_word(lx)) {
            value = lx->token;
            advance(lx);
        }
        if (requirement->count >= VALUES_MAX) {
            return moon_err_set(err, MOON_E_INVALID,
                                "unable to parse requirement: too many values");
        }
        if (check_value(key, value, err) != 0) {
            return -MOON_E_INVALID;
        }
        add_value(requirement, value);
    } while (moon_str_is(lx->token, ","));
    if (!moon_str_is(lx->token, ")")) {
        return unexpected(lx, "',' or ')'", err);
    }
    advance(lx);
    return 0;
}

static int parse_one_value(struct lexer *lx, struct requirement *requirement, struct moon_str key,
                           struct moon_err *err)
{
    struct moon_str value = MOON_STR_LIT("");
    int64_t number = 0;
    if (is_word(lx)) {
        value = lx->token;
        advance(lx);
    } else if (lx->token.len > 0 && !moon_str_is(lx->token, ",")) {
        return unexpected(lx, "identifier", err);
    }
    bool compares = requirement->op == OP_GREATER || requirement->op == OP_LESS;
    if (compares && !moon_parse_i64(value, &number)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "unable to parse requirement: values[0]: Invalid value: \"%.*s\": for "
                            "'Gt', 'Lt' operators, the value must be an integer",
                            MOON_STR_ARG(value));
    }
    if (check_value(key, value, err) != 0) {
        return -MOON_E_INVALID;
    }
    add_value(requirement, value);
    return 0;
}

static const struct {
    const char *text;
    enum op op;
    bool list;
} OPERATORS[] = {
    {"=", OP_IN, false},   {"==", OP_IN, false},       {"!=", OP_NOT_IN, false},
    {"in", OP_IN, true},   {"notin", OP_NOT_IN, true}, {">", OP_GREATER, false},
    {"<", OP_LESS, false},
};

static int check_key(struct moon_str key, struct moon_err *err)
{
    if (moon_is_label_key(key)) {
        return 0;
    }
    return moon_err_set(
        err, MOON_E_INVALID,
        "unable to parse requirement: <nil>: Invalid value: \"%.*s\": name part must consist of "
        "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        MOON_STR_ARG(key));
}

static int parse_label_requirement(struct moon_sim_selector *selector, struct lexer *lx,
                                   struct moon_err *err)
{
    bool negated = moon_str_is(lx->token, "!");
    if (negated) {
        advance(lx);
    }
    if (!is_word(lx)) {
        return unexpected(lx, "!, identifier, or 'end of string'", err);
    }
    struct moon_str key = lx->token;
    if (check_key(key, err) != 0) {
        return -MOON_E_INVALID;
    }
    advance(lx);
    if (negated || lx->token.len == 0 || moon_str_is(lx->token, ",")) {
        (void)add_requirement(selector, key, negated ? OP_NOT_EXISTS : OP_EXISTS);
        return 0;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(OPERATORS); i++) {
        if (moon_str_is(lx->token, OPERATORS[i].text)) {
            struct requirement *requirement = add_requirement(selector, key, OPERATORS[i].op);
            advance(lx);
            return OPERATORS[i].list ? parse_value_list(lx, requirement, key, err)
                                     : parse_one_value(lx, requirement, key, err);
        }
    }
    return unexpected(lx, "in, notin, =, ==, !=, gt, lt", err);
}

static int parse_labels(struct moon_sim_selector *selector, const char *text, struct moon_err *err)
{
    struct lexer lx = {.rest = moon_str(text)};
    advance(&lx);
    while (lx.token.len > 0) {
        if (selector->count >= REQUIREMENTS_MAX) {
            return moon_err_set(err, MOON_E_INVALID, "too many requirements");
        }
        if (parse_label_requirement(selector, &lx, err) != 0) {
            return -MOON_E_INVALID;
        }
        if (lx.token.len == 0) {
            return 0;
        }
        if (!moon_str_is(lx.token, ",")) {
            return unexpected(&lx, "',' or 'end of string'", err);
        }
        advance(&lx);
        if (lx.token.len == 0) {
            return moon_err_set(err, MOON_E_INVALID, "found '', expected: identifier after ','");
        }
    }
    return 0;
}

/* ---- field selectors: key=value, key==value, key!=value, joined by commas; \ escapes ---- */

static bool kind_knows_field(const struct moon_sim_kind *kind, struct moon_str key)
{
    if (moon_str_is(key, "metadata.name") ||
        (moon_str_is(key, "metadata.namespace") && kind->namespaced)) {
        return true;
    }
    for (size_t i = 0; kind->fields != NULL && kind->fields[i] != NULL; i++) {
        if (moon_str_is(key, kind->fields[i])) {
            return true;
        }
    }
    return false;
}

/* Up to the next comma that is not escaped. */
static struct moon_str cut_term(struct moon_str *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ',') {
        n += rest->ptr[n] == '\\' && n + 1 < rest->len ? 2 : 1;
    }
    struct moon_str term = {rest->ptr, n};
    size_t skip = n < rest->len ? n + 1 : n;
    rest->ptr += skip;
    rest->len -= skip;
    return term;
}

static void add_unescaped(struct requirement *requirement, struct moon_str value)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf plain = MOON_BUF_INIT(FIELD_VALUE_MAX);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\' && i + 1 < value.len) {
            i++;
        }
        moon_buf_putc(&plain, value.ptr[i]);
    }
    add_value(requirement, moon_buf_str(&plain));
}

static int parse_field_term(struct moon_sim_selector *selector, const struct moon_sim_kind *kind,
                            struct moon_str term, struct moon_err *err)
{
    const char *sign = memchr(term.ptr, '=', term.len);
    if (sign == NULL || sign == term.ptr) {
        return moon_err_set(err, MOON_E_INVALID,
                            "invalid selector: '%.*s'; can't understand '%.*s'", MOON_STR_ARG(term),
                            MOON_STR_ARG(term));
    }
    bool negated = sign[-1] == '!';
    struct moon_str key = {term.ptr, (size_t)(sign - term.ptr) - (negated ? 1 : 0)};
    const char *from = sign + 1;
    if (!negated && from < term.ptr + term.len && *from == '=') {
        from++;
    }
    struct moon_str value = {from, (size_t)(term.ptr + term.len - from)};
    if (!kind_knows_field(kind, key)) {
        return moon_err_set(err, MOON_E_INVALID,
                            kind->fields != NULL ? "field label not supported: %.*s"
                                                 : "\"%.*s\" is not a known field selector: only "
                                                   "\"metadata.name\", \"metadata.namespace\"",
                            MOON_STR_ARG(key));
    }
    struct requirement *requirement = add_requirement(selector, key, negated ? OP_NOT_IN : OP_IN);
    requirement->is_field = true;
    add_unescaped(requirement, value);
    return 0;
}

static int parse_fields(struct moon_sim_selector *selector, const struct moon_sim_kind *kind,
                        const char *text, struct moon_err *err)
{
    struct moon_str rest = moon_str(text);
    while (rest.len > 0) {
        struct moon_str term = cut_term(&rest);
        if (selector->count >= REQUIREMENTS_MAX) {
            return moon_err_set(err, MOON_E_INVALID, "too many requirements");
        }
        if (term.len > 0 && parse_field_term(selector, kind, term, err) != 0) {
            return -MOON_E_INVALID;
        }
    }
    return 0;
}

struct moon_sim_selector *moon_sim_selector_new(const struct moon_sim_kind *kind,
                                                const char *labels, const char *fields,
                                                struct moon_err *err)
{
    MOON_CLEANUP(moon_sim_selector_free_ptr)
    struct moon_sim_selector *selector = moon_new(struct moon_sim_selector);
    if (labels != NULL && parse_labels(selector, labels, err) != 0) {
        return NULL;
    }
    if (fields != NULL && parse_fields(selector, kind, fields, err) != 0) {
        return NULL;
    }
    return moon_steal(&selector);
}

/* ---- from an object ---- */

static int add_expression(struct moon_sim_selector *selector, const cJSON *expression,
                          struct moon_err *err)
{
    static const struct {
        const char *text;
        enum op op;
    } names[] = {{"In", OP_IN},
                 {"NotIn", OP_NOT_IN},
                 {"Exists", OP_EXISTS},
                 {"DoesNotExist", OP_NOT_EXISTS}};
    const char *operator= moon_sim_text(expression, "operator");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        if (moon_streq(operator, names[i].text)) {
            struct requirement *requirement =
                add_requirement(selector, moon_str(moon_sim_text(expression, "key")), names[i].op);
            const cJSON *value = NULL;
            cJSON_ArrayForEach (value, moon_sim_member(expression, "values")) {
                add_value(requirement, moon_str(cJSON_GetStringValue(value)));
            }
            return 0;
        }
    }
    return moon_err_set(err, MOON_E_INVALID,
                        "\"%s\" is not a valid label selector operator", operator);
}

struct moon_sim_selector *moon_sim_selector_from_tree(const cJSON *label_selector,
                                                      struct moon_err *err)
{
    MOON_CLEANUP(moon_sim_selector_free_ptr)
    struct moon_sim_selector *selector = moon_new(struct moon_sim_selector);
    const cJSON *item = NULL;
    selector->nothing = label_selector == NULL;
    cJSON_ArrayForEach (item, moon_sim_member(label_selector, "matchLabels")) {
        add_value(add_requirement(selector, moon_str(item->string), OP_IN),
                  moon_str(cJSON_GetStringValue(item)));
    }
    cJSON_ArrayForEach (item, moon_sim_member(label_selector, "matchExpressions")) {
        if (add_expression(selector, item, err) != 0) {
            return NULL;
        }
    }
    return moon_steal(&selector);
}

/* ---- matching ---- */

const char *moon_sim_field_value(const struct moon_sim_obj *obj, const char *path,
                                 struct moon_buf *scratch)
{
    const char *keys[8] = {NULL};
    char copy[128];
    size_t n = 0;
    struct moon_str value;
    if (moon_streq(path, "metadata.name")) {
        return obj->name;
    }
    if (moon_streq(path, "metadata.namespace")) {
        return obj->ns;
    }
    if (moon_streq(path, "spec.nodeName")) {
        return obj->node_name != NULL ? obj->node_name : "";
    }
    if (moon_streq(path, "status.phase")) {
        return obj->phase != NULL ? obj->phase : "";
    }
    moon_assert(strlen(path) < sizeof(copy));
    memcpy(copy, path, strlen(path) + 1);
    for (char *key = copy; key != NULL && n < MOON_ARRAY_SIZE(keys) - 1; n++) {
        char *dot = strchr(key, '.');
        keys[n] = key;
        if (dot != NULL) {
            *dot++ = '\0';
        }
        key = dot;
    }
    moon_buf_clear(scratch);
    if (!moon_json_find(obj->text, keys, &value)) {
        return moon_streq(path, "spec.unschedulable") ? "false" : "";
    }
    struct moon_err err;
    MOON_AUTOJSON *tree = moon_json_parse(value, &err);
    if (cJSON_IsString(tree)) {
        moon_buf_puts(scratch, tree->valuestring);
    } else {
        moon_buf_add_str(scratch, value);
    }
    return moon_buf_cstr(scratch);
}

static bool has_value(const struct requirement *requirement, const char *value)
{
    for (size_t i = 0; i < requirement->count; i++) {
        if (moon_streq(requirement->values[i], value)) {
            return true;
        }
    }
    return false;
}

static bool compares(const struct requirement *requirement, const char *value)
{
    int64_t have = 0;
    int64_t limit = 0;
    if (!moon_parse_i64(moon_str(value), &have) ||
        !moon_parse_i64(moon_str(requirement->values[0]), &limit)) {
        return false;
    }
    return requirement->op == OP_GREATER ? have > limit : have < limit;
}

/* `value` NULL: there is no such label. */
static bool satisfied(const struct requirement *requirement, const char *value)
{
    switch (requirement->op) {
    case OP_IN:
        return value != NULL && has_value(requirement, value);
    case OP_NOT_IN:
        return value == NULL || !has_value(requirement, value);
    case OP_EXISTS:
        return value != NULL;
    case OP_NOT_EXISTS:
        return value == NULL;
    case OP_GREATER:
    case OP_LESS:
        return value != NULL && compares(requirement, value);
    }
    return false;
}

bool moon_sim_selector_matches(const struct moon_sim_selector *selector,
                               const struct moon_sim_obj *obj)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf scratch = MOON_BUF_INIT(FIELD_VALUE_MAX);
    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *requirement = &selector->requirements[i];
        const char *value = requirement->is_field
                                ? moon_sim_field_value(obj, requirement->key, &scratch)
                                : moon_sim_obj_label(obj, requirement->key);
        if (!satisfied(requirement, value)) {
            return false;
        }
    }
    return !selector->nothing;
}

bool moon_sim_selector_matches_labels(const struct moon_sim_selector *selector, const cJSON *labels)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *requirement = &selector->requirements[i];
        const char *value = cJSON_GetStringValue(moon_sim_member(labels, requirement->key));
        if (!requirement->is_field && !satisfied(requirement, value)) {
            return false;
        }
    }
    return !selector->nothing;
}

bool moon_sim_selector_is_empty(const struct moon_sim_selector *selector)
{
    return selector->count == 0 && !selector->nothing;
}
