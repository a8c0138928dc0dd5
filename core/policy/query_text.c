/* SPDX-License-Identifier: Apache-2.0
 *
 * query_text.c - filling placeholders into a query, without letting a value become syntax.
 *
 * The text is followed as PromQL reads it: strings in double or single quotes with escapes, in
 * backticks without, comments from # to the end of the line.
 */
#include <stdio.h>

#include "policy/closest.h"
#include "policy/queries.h"

/* Where in the text a placeholder stands. */
enum place {
    PLACE_BARE,
    PLACE_DOUBLE,
    PLACE_SINGLE,
    PLACE_RAW,
    PLACE_COMMENT,
};

struct filling {
    struct moon_str rest;
    enum place place;
    const struct moon_params *params;
    const struct moon_query_facts *facts; /* NULL: only checking */
    struct moon_buf *out;
};

static const char *const fact_names[] = {"namespace", "name", "revision", "previous_revision"};

static const char *fact_value(const struct moon_query_facts *facts, size_t i)
{
    const char *const values[] = {facts->namespace, facts->name, facts->revision,
                                  facts->previous_revision};

    return values[i] != NULL ? values[i] : "";
}

/* ---- values ---- */

static int add_quoted(struct filling *f, struct moon_str placeholder, const char *value,
                      struct moon_err *err)
{
    char quote = f->place == PLACE_DOUBLE ? '"' : '\'';

    if (f->place == PLACE_RAW && strchr(value, '`') != NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "{{%.*s}} has a backtick, which cannot stand between backticks",
                            MOON_STR_ARG(placeholder));
    }
    for (const char *c = value; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (f->place == PLACE_RAW) {
            moon_buf_putc(f->out, *c);
        } else if (byte < 0x20 || byte == 0x7f) {
            moon_buf_printf(f->out, "\\x%02x", byte);
        } else {
            moon_buf_puts(f->out, byte == '\\' || byte == (unsigned char)quote ? "\\" : "");
            moon_buf_putc(f->out, *c);
        }
    }
    return 0;
}

static int add_text(struct filling *f, struct moon_str placeholder, const char *value,
                    struct moon_err *err)
{
    if (f->place == PLACE_BARE) {
        return moon_err_set(err, MOON_E_INVALID, "{{%.*s}} is a text: put it in quotes",
                            MOON_STR_ARG(placeholder));
    }
    return value != NULL ? add_quoted(f, placeholder, value, err) : 0;
}

static void add_number(struct filling *f, const struct moon_param *p, const cJSON *value)
{
    if (value == NULL) {
        return;
    }
    if (p->type == MOON_PARAM_NUMBER) {
        moon_buf_printf(f->out, "%.17g", value->valuedouble);
    } else {
        moon_buf_printf(f->out, "%.0f%s", value->valuedouble,
                        p->type == MOON_PARAM_DURATION ? "s" : "");
    }
}

static int add_intstr(struct filling *f, struct moon_str placeholder, const cJSON *value,
                      struct moon_err *err)
{
    char number[32];

    if (cJSON_IsNumber(value)) {
        (void)snprintf(number, sizeof(number), "%.0f", value->valuedouble);
        return add_text(f, placeholder, number, err);
    }
    return add_text(f, placeholder, value != NULL ? value->valuestring : NULL, err);
}

static int add_value(struct filling *f, struct moon_str placeholder, const struct moon_param *p,
                     const cJSON *value, struct moon_err *err)
{
    switch (p->type) {
    case MOON_PARAM_INTEGER:
    case MOON_PARAM_NUMBER:
    case MOON_PARAM_DURATION:
        add_number(f, p, value);
        return 0;
    case MOON_PARAM_STRING:
    case MOON_PARAM_SELECTOR:
        return add_text(f, placeholder, value != NULL ? value->valuestring : NULL, err);
    case MOON_PARAM_BOOLEAN:
        return add_text(f, placeholder,
                        value == NULL         ? NULL
                        : cJSON_IsTrue(value) ? "true"
                                              : "false",
                        err);
    case MOON_PARAM_INTSTR:
        return add_intstr(f, placeholder, value, err);
    case MOON_PARAM_LIST:
    case MOON_PARAM_TYPES:
        break;
    }
    return moon_err_set(err, MOON_E_INVALID, "{{%.*s}} is a list, which a query cannot hold",
                        MOON_STR_ARG(placeholder));
}

static int add_param(struct filling *f, struct moon_str placeholder, const char *name,
                     struct moon_err *err)
{
    const struct moon_param *p = moon_params_find(f->params, name);
    const cJSON *value = NULL;

    if (p == NULL) {
        struct moon_closest closest;
        char hint[MOON_CLOSEST_TEXT];
        moon_closest_init(&closest, name);
        for (size_t i = 0; i < f->params->count; i++) {
            moon_closest_offer(&closest, f->params->items[i].name);
        }
        return moon_err_set(err, MOON_E_INVALID, "{{%.*s}}: this policy declares no parameter %s%s",
                            MOON_STR_ARG(placeholder), name, moon_closest_text(&closest, hint));
    }
    if (f->facts != NULL) {
        value = f->facts->values != NULL ? moon_json_member(f->facts->values, name) : NULL;
        value = value != NULL ? value : p->fallback;
        if (value == NULL) {
            return moon_err_set(err, MOON_E_INVALID, "{{%.*s}}: the parameter has no value",
                                MOON_STR_ARG(placeholder));
        }
    }
    return add_value(f, placeholder, p, value, err);
}

static int add_placeholder(struct filling *f, struct moon_str name, struct moon_err *err)
{
    MOON_AUTOFREE char *word = moon_str_dup(name);
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (moon_str_starts(name, "param.")) {
        return add_param(f, name, word + strlen("param."), err);
    }
    moon_closest_init(&closest, word);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(fact_names); i++) {
        if (moon_str_is(name, fact_names[i])) {
            return add_text(f, name, f->facts != NULL ? fact_value(f->facts, i) : NULL, err);
        }
        moon_closest_offer(&closest, fact_names[i]);
    }
    return moon_err_set(err, MOON_E_INVALID, "{{%s}} is no placeholder%s", word,
                        moon_closest_text(&closest, hint));
}

/* ---- the text ---- */

static void skip(struct filling *f, size_t n)
{
    f->rest.ptr += n;
    f->rest.len -= n;
}

static void copy(struct filling *f, size_t n)
{
    n = n < f->rest.len ? n : f->rest.len;
    moon_buf_add(f->out, f->rest.ptr, n);
    skip(f, n);
}

static enum place next_place(enum place place, char c)
{
    switch (place) {
    case PLACE_BARE:
        return c == '"'    ? PLACE_DOUBLE
               : c == '\'' ? PLACE_SINGLE
               : c == '`'  ? PLACE_RAW
               : c == '#'  ? PLACE_COMMENT
                           : PLACE_BARE;
    case PLACE_DOUBLE:
        return c == '"' ? PLACE_BARE : place;
    case PLACE_SINGLE:
        return c == '\'' ? PLACE_BARE : place;
    case PLACE_RAW:
        return c == '`' ? PLACE_BARE : place;
    case PLACE_COMMENT:
        return c == '\n' ? PLACE_BARE : place;
    }
    return place;
}

static int take_placeholder(struct filling *f, struct moon_err *err)
{
    const char *end = memmem(f->rest.ptr, f->rest.len, "}}", 2);

    if (end == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "a {{ without }}");
    }
    struct moon_str name = {f->rest.ptr + 2, (size_t)(end - f->rest.ptr) - 2};
    skip(f, name.len + 4);
    return f->place == PLACE_COMMENT ? 0 : add_placeholder(f, moon_str_trim(name), err);
}

int moon_query_fill(const char *text, const struct moon_params *params,
                    const struct moon_query_facts *facts, struct moon_buf *out,
                    struct moon_err *err)
{
    struct filling f = {.rest = moon_str(text), .params = params, .facts = facts, .out = out};

    while (f.rest.len > 0 && !out->overflow) {
        bool escapes = f.place == PLACE_DOUBLE || f.place == PLACE_SINGLE;
        if (moon_str_starts(f.rest, "{{")) {
            if (take_placeholder(&f, err) != 0) {
                return -(int)err->code;
            }
        } else if (escapes && f.rest.ptr[0] == '\\') {
            copy(&f, 2);
        } else {
            f.place = next_place(f.place, f.rest.ptr[0]);
            copy(&f, 1);
        }
    }
    if (!out->overflow && f.place != PLACE_BARE && f.place != PLACE_COMMENT) {
        return moon_err_set(err, MOON_E_INVALID, "a quote that is not closed");
    }
    return moon_buf_check(out, "the query", err);
}
