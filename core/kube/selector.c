/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/selector.h"

#include <stdlib.h>

#include "kube/requirement.h"

struct moon_selector {
    struct moon_requirement *items; /* sorted, see compare_requirements */
    size_t count;
};

static struct moon_requirement *add_requirement(struct moon_selector *s)
{
    s->items = moon_realloc_array(s->items, s->count + 1, sizeof(*s->items));
    struct moon_requirement *r = &s->items[s->count++];
    *r = (struct moon_requirement){0};
    return r;
}

static int compare_requirements(const void *a, const void *b)
{
    const struct moon_requirement *x = a;
    const struct moon_requirement *y = b;
    int order = strcmp(x->key, y->key);
    if (order == 0) {
        order = x->op != y->op ? (int)x->op - (int)y->op : y->is_equality - x->is_equality;
    }
    for (size_t i = 0; order == 0 && i < x->value_count && i < y->value_count; i++) {
        order = strcmp(x->values[i], y->values[i]);
    }
    if (order == 0 && x->value_count != y->value_count) {
        order = x->value_count < y->value_count ? -1 : 1;
    }
    return order;
}

/* All the way down to the values, so that equal selectors have equal texts. */
static void sort_requirements(struct moon_selector *s)
{
    if (s->count > 1) {
        qsort(s->items, s->count, sizeof(*s->items), compare_requirements);
    }
}

void moon_selector_free(struct moon_selector *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        moon_requirement_fini(&s->items[i]);
    }
    moon_free(s->items);
    moon_free(s);
}

/* ---- text form ---- */

enum token {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_NOT,       /* ! */
    TOKEN_EQUAL,     /* = and == */
    TOKEN_NOT_EQUAL, /* != */
    TOKEN_GREATER,
    TOKEN_LESS,
};

struct parser {
    struct moon_str text;
    size_t pos;
    size_t token_at;
    enum token token; /* the one that is looked at */
    struct moon_str word;
    struct moon_selector *selector;
    struct moon_err *err;
};

static const char spaces[] = " \t\r\n";
static const char specials[] = ",()!=><";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Step to the next token. */
static void advance(struct parser *p)
{
    static const enum token meanings[] = {TOKEN_COMMA, TOKEN_OPEN,    TOKEN_CLOSE, TOKEN_NOT,
                                          TOKEN_EQUAL, TOKEN_GREATER, TOKEN_LESS};
    const char *text = p->text.ptr;
    while (p->pos < p->text.len && is_one_of(text[p->pos], spaces)) {
        p->pos++;
    }
    p->token_at = p->pos;
    if (p->pos == p->text.len) {
        p->token = TOKEN_END;
        return;
    }
    if (!is_one_of(text[p->pos], specials)) {
        while (p->pos < p->text.len && !is_one_of(text[p->pos], specials) &&
               !is_one_of(text[p->pos], spaces)) {
            p->pos++;
        }
        p->token = TOKEN_WORD;
        p->word = (struct moon_str){text + p->token_at, p->pos - p->token_at};
        return;
    }
    p->token = meanings[strchr(specials, text[p->pos]) - specials];
    p->pos++;
    bool can_double = p->token == TOKEN_NOT || p->token == TOKEN_EQUAL;
    if (can_double && p->pos < p->text.len && text[p->pos] == '=') {
        p->pos++;
        p->token = p->token == TOKEN_NOT ? TOKEN_NOT_EQUAL : TOKEN_EQUAL;
    }
}

static bool fail(struct parser *p, const char *expected)
{
    (void)moon_err_set(p->err, MOON_E_INVALID, "selector \"%.*s\", column %zu: expected %s",
                       (int)(p->text.len < 200 ? p->text.len : 200), p->text.ptr, p->token_at + 1,
                       expected);
    return false;
}

/* "(a,b)"; as in apimachinery an empty place between commas is the empty value, "()" has none. */
static bool parse_values(struct parser *p, struct moon_requirement *r)
{
    if (p->token != TOKEN_OPEN) {
        return fail(p, "'('");
    }
    advance(p);
    if (p->token == TOKEN_CLOSE) {
        advance(p);
        return true; /* the check finds the list too short */
    }
    for (;;) {
        if (p->token == TOKEN_WORD) {
            moon_requirement_add_value(r, p->word);
            advance(p);
        } else {
            moon_requirement_add_value(r, MOON_STR_LIT(""));
        }
        if (p->token == TOKEN_CLOSE) {
            advance(p);
            return true;
        }
        if (p->token != TOKEN_COMMA) {
            return fail(p, "',' or ')'");
        }
        advance(p);
    }
}

/* What follows an operator like =; nothing is the empty value. */
static bool parse_value(struct parser *p, struct moon_requirement *r)
{
    if (p->token == TOKEN_WORD) {
        moon_requirement_add_value(r, p->word);
        advance(p);
        return true;
    }
    if (p->token == TOKEN_COMMA || p->token == TOKEN_END) {
        moon_requirement_add_value(r, MOON_STR_LIT(""));
        return true;
    }
    return fail(p, "a value");
}

static bool parse_condition(struct parser *p, struct moon_requirement *r)
{
    switch (p->token) {
    case TOKEN_END:
    case TOKEN_COMMA:
        r->op = MOON_REQUIRE_EXISTS;
        return true;
    case TOKEN_EQUAL:
    case TOKEN_NOT_EQUAL:
        r->op = p->token == TOKEN_EQUAL ? MOON_REQUIRE_IN : MOON_REQUIRE_NOT_IN;
        r->is_equality = true;
        advance(p);
        return parse_value(p, r);
    case TOKEN_GREATER:
    case TOKEN_LESS:
        r->op = p->token == TOKEN_GREATER ? MOON_REQUIRE_GREATER : MOON_REQUIRE_LESS;
        advance(p);
        return parse_value(p, r);
    case TOKEN_WORD:
        if (moon_str_is(p->word, "in") || moon_str_is(p->word, "notin")) {
            r->op = moon_str_is(p->word, "in") ? MOON_REQUIRE_IN : MOON_REQUIRE_NOT_IN;
            advance(p);
            return parse_values(p, r);
        }
        break;
    case TOKEN_OPEN:
    case TOKEN_CLOSE:
    case TOKEN_NOT:
        break;
    }
    return fail(p, "=, !=, in, notin, >, <, ',' or the end");
}

static bool parse_requirement(struct parser *p)
{
    struct moon_requirement *r = add_requirement(p->selector);
    size_t begin = p->token_at;
    bool is_negated = p->token == TOKEN_NOT;
    if (is_negated) {
        advance(p);
    }
    if (p->token != TOKEN_WORD) {
        return fail(p, "a key");
    }
    r->key = moon_intern(p->word);
    advance(p);
    if (is_negated) {
        r->op = MOON_REQUIRE_DOES_NOT_EXIST;
    } else if (!parse_condition(p, r)) {
        return false;
    }
    if (moon_requirement_check(r, p->err) != 0) {
        (void)moon_err_wrap(p->err, "selector \"%.*s\", column %zu",
                            (int)(p->text.len < 200 ? p->text.len : 200), p->text.ptr, begin + 1);
        return false;
    }
    return true;
}

static bool parse(struct parser *p)
{
    advance(p);
    while (p->token != TOKEN_END) {
        if (p->token != TOKEN_WORD && p->token != TOKEN_NOT) {
            return fail(p, "a key or '!'");
        }
        if (!parse_requirement(p)) {
            return false;
        }
        if (p->token == TOKEN_END) {
            break;
        }
        if (p->token != TOKEN_COMMA) {
            return fail(p, "',' or the end");
        }
        advance(p);
        if (p->token == TOKEN_END) {
            return fail(p, "a key after ','");
        }
    }
    return true;
}

struct moon_selector *moon_selector_parse(struct moon_str text, struct moon_err *err)
{
    struct parser p = {.text = {text.ptr != NULL ? text.ptr : "", text.len},
                       .selector = moon_new(struct moon_selector),
                       .err = err};
    if (!parse(&p)) {
        moon_selector_free(p.selector);
        return NULL;
    }
    sort_requirements(p.selector);
    return p.selector;
}

/* ---- object form ---- */

static int add_match_labels(struct moon_selector *s, const cJSON *labels, struct moon_err *err)
{
    struct moon_labels set = {0};
    int rc = moon_labels_from_json(labels, &set, err);
    for (size_t i = 0; rc == 0 && i < set.count; i++) {
        struct moon_requirement *r = add_requirement(s);
        r->key = moon_sym_ref(set.items[i].key);
        r->op = MOON_REQUIRE_IN;
        r->is_equality = true;
        moon_requirement_add_value(r, moon_str(set.items[i].value));
        rc = moon_requirement_check(r, err);
    }
    moon_labels_fini(&set);
    return rc == 0 ? 0 : moon_err_wrap(err, "matchLabels");
}

static int add_match_expressions(struct moon_selector *s, const cJSON *expressions,
                                 struct moon_err *err)
{
    size_t i = 0;
    const cJSON *expression = NULL;
    if (expressions != NULL && !cJSON_IsArray(expressions)) {
        return moon_err_set(err, MOON_E_INVALID, "matchExpressions: not a list");
    }
    cJSON_ArrayForEach (expression, expressions) {
        struct moon_requirement *r = add_requirement(s);
        if (moon_requirement_from_json(expression, false, r, err) != 0 ||
            moon_requirement_check(r, err) != 0) {
            return moon_err_wrap(err, "matchExpressions[%zu]", i);
        }
        i++;
    }
    return 0;
}

struct moon_selector *moon_selector_from_json(const cJSON *json, const char *path,
                                              struct moon_err *err)
{
    if (!cJSON_IsObject(json)) {
        (void)moon_err_set(err, MOON_E_INVALID, "%s: not an object", path);
        return NULL;
    }
    struct moon_selector *s = moon_new(struct moon_selector);
    if (add_match_labels(s, moon_json_member(json, "matchLabels"), err) != 0 ||
        add_match_expressions(s, moon_json_member(json, "matchExpressions"), err) != 0) {
        (void)moon_err_wrap(err, "%s", path);
        moon_selector_free(s);
        return NULL;
    }
    sort_requirements(s);
    return s;
}

/* ---- asking ---- */

bool moon_selector_matches(const struct moon_selector *s, const struct moon_labels *l)
{
    if (s == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        moon_sym value = moon_labels_get_sym(l, s->items[i].key);
        if (!moon_requirement_matches(&s->items[i], value)) {
            return false;
        }
    }
    return true;
}

bool moon_selector_is_empty(const struct moon_selector *s)
{
    return s != NULL && s->count == 0;
}

/* ---- writing ---- */

static void write_values(const struct moon_requirement *r, struct moon_buf *out)
{
    for (size_t i = 0; i < r->value_count; i++) {
        if (i > 0) {
            moon_buf_putc(out, ',');
        }
        moon_buf_puts(out, r->values[i]);
    }
}

static void write_requirement(const struct moon_requirement *r, struct moon_buf *out)
{
    if (r->op == MOON_REQUIRE_DOES_NOT_EXIST) {
        moon_buf_putc(out, '!');
    }
    moon_buf_puts(out, r->key);
    switch (r->op) {
    case MOON_REQUIRE_IN:
    case MOON_REQUIRE_NOT_IN:
        if (r->is_equality) {
            moon_buf_puts(out, r->op == MOON_REQUIRE_IN ? "=" : "!=");
            write_values(r, out);
        } else {
            moon_buf_puts(out, r->op == MOON_REQUIRE_IN ? " in (" : " notin (");
            write_values(r, out);
            moon_buf_putc(out, ')');
        }
        break;
    case MOON_REQUIRE_GREATER:
    case MOON_REQUIRE_LESS:
        moon_buf_putc(out, r->op == MOON_REQUIRE_GREATER ? '>' : '<');
        write_values(r, out);
        break;
    case MOON_REQUIRE_EXISTS:
    case MOON_REQUIRE_DOES_NOT_EXIST:
        break;
    }
}

void moon_selector_write(const struct moon_selector *s, struct moon_buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0) {
            moon_buf_putc(out, ',');
        }
        write_requirement(&s->items[i], out);
    }
}
