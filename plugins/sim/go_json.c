/* SPDX-License-Identifier: Apache-2.0
 *
 * go_json.c - a checker whose only product is the message, after the states of Go's scanner.
 */
#include "sim/go_json.h"

#include <ctype.h>
#include <stdio.h>

enum {
    DEPTH_MAX = 1000
};

struct checker {
    const char *at;
    const char *end;
    unsigned depth;
    char *out;
};

static bool value(struct checker *c);

/* Go quotes with %q of the character between single quotes. */
static bool fail(struct checker *c, const char *context)
{
    unsigned char found = c->at < c->end ? (unsigned char)*c->at : 0;
    char shown[8];
    if (c->at >= c->end) {
        (void)snprintf(c->out, MOON_SIM_GO_JSON_TEXT, "unexpected end of JSON input");
        return false;
    }
    if (found == '\'') {
        (void)snprintf(shown, sizeof(shown), "\\'");
    } else if (found == '\n' || found == '\t' || found == '\r') {
        (void)snprintf(shown, sizeof(shown), "\\%c",
                       found == '\n'   ? 'n'
                       : found == '\t' ? 't'
                                       : 'r');
    } else if (isprint(found) != 0) {
        (void)snprintf(shown, sizeof(shown), "%c", found);
    } else {
        (void)snprintf(shown, sizeof(shown), "\\x%02x", found);
    }
    (void)snprintf(c->out, MOON_SIM_GO_JSON_TEXT, "invalid character '%s' %s", shown, context);
    return false;
}

static void skip_space(struct checker *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) != NULL && *c->at != '\0') {
        c->at++;
    }
}

static bool is_at(const struct checker *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static bool literal(struct checker *c, const char *word)
{
    char context[48];
    for (const char *p = word; *p != '\0'; p++, c->at++) {
        if (!is_at(c, *p)) {
            (void)snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word, *p);
            return fail(c, context);
        }
    }
    return true;
}

static bool string(struct checker *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if ((unsigned char)*c->at < 0x20) {
            return fail(c, "in string literal");
        }
        if (*c->at != '\\') {
            continue;
        }
        c->at++;
        if (c->at < c->end && (*c->at == '\0' || strchr("bfnrt\\/\"u", *c->at) == NULL)) {
            return fail(c, "in string escape code");
        }
        bool is_unicode = is_at(c, 'u');
        for (int i = 0; is_unicode && i < 4; i++) {
            c->at++;
            if (c->at >= c->end || isxdigit((unsigned char)*c->at) == 0) {
                return fail(c, "in \\u hexadecimal character escape");
            }
        }
    }
    return fail(c, "");
}

static bool digits(struct checker *c, const char *context)
{
    if (c->at >= c->end || isdigit((unsigned char)*c->at) == 0) {
        return fail(c, context);
    }
    while (c->at < c->end && isdigit((unsigned char)*c->at) != 0) {
        c->at++;
    }
    return true;
}

static bool number(struct checker *c)
{
    c->at += is_at(c, '-') ? 1 : 0;
    if (is_at(c, '0')) {
        c->at++;
    } else if (!digits(c, "in numeric literal")) {
        return false;
    }
    if (is_at(c, '.')) {
        c->at++;
        if (!digits(c, "after decimal point in numeric literal")) {
            return false;
        }
    }
    if (is_at(c, 'e') || is_at(c, 'E')) {
        c->at++;
        c->at += is_at(c, '+') || is_at(c, '-') ? 1 : 0;
        return digits(c, "in exponent of numeric literal");
    }
    return true;
}

static bool member(struct checker *c)
{
    skip_space(c);
    if (!is_at(c, '"')) {
        return fail(c, "looking for beginning of object key string");
    }
    if (!string(c)) {
        return false;
    }
    skip_space(c);
    if (!is_at(c, ':')) {
        return fail(c, "after object key");
    }
    c->at++;
    return value(c);
}

/* The rest of an object or array behind its bracket. */
static bool elements(struct checker *c, char close, bool (*element)(struct checker *),
                     const char *context)
{
    c->at++;
    skip_space(c);
    if (is_at(c, close)) {
        c->at++;
        return true;
    }
    for (;;) {
        if (!element(c)) {
            return false;
        }
        skip_space(c);
        if (is_at(c, close)) {
            c->at++;
            return true;
        }
        if (!is_at(c, ',')) {
            return fail(c, context);
        }
        c->at++;
    }
}

static bool value(struct checker *c)
{
    skip_space(c);
    char first = c->at < c->end ? *c->at : '\0';
    bool good = false;
    if (++c->depth > DEPTH_MAX) {
        (void)snprintf(c->out, MOON_SIM_GO_JSON_TEXT, "exceeded max depth");
        return false;
    }
    switch (first) {
    case '{':
        good = elements(c, '}', member, "after object key:value pair");
        break;
    case '[':
        good = elements(c, ']', value, "after array element");
        break;
    case '"':
        good = string(c);
        break;
    case 't':
        good = literal(c, "true");
        break;
    case 'f':
        good = literal(c, "false");
        break;
    case 'n':
        good = literal(c, "null");
        break;
    default:
        good = first == '-' || isdigit((unsigned char)first) != 0
                   ? number(c)
                   : fail(c, "looking for beginning of value");
        break;
    }
    c->depth--;
    return good;
}

void moon_sim_go_json_error(struct moon_str text, char out[MOON_SIM_GO_JSON_TEXT])
{
    text = text.len > 0 ? text : MOON_STR_LIT(""); /* its pointer may be NULL */
    struct checker c = {.at = text.ptr, .end = text.ptr + text.len, .out = out};
    out[0] = '\0';
    if (!value(&c)) {
        return;
    }
    skip_space(&c);
    if (c.at < c.end) {
        (void)fail(&c, "after top-level value");
    }
}
