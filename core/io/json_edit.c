/* SPDX-License-Identifier: Apache-2.0
 *
 * json_edit.c - changing one value of a JSON text, and leaving all else as it is written.
 */
#include "io/json.h"

#include "io/json_scan.h"

enum {
    MAX_TOKENS = 32,
    MAX_TOKEN_BYTES = 1024,
    SHOWN_BYTES = 160, /* of a pointer, in errors */
};

struct edit {
    struct moon_str pointer;  /* as given, for errors */
    char *tokens[MAX_TOKENS]; /* decoded */
    size_t count;
    struct moon_str value; /* NULL ptr: remove */
    struct moon_buf *out;
    struct moon_err *err;
};

/* ---- the pointer: RFC 6901 ---- */

static int wrong(struct edit *e, const char *what)
{
    struct moon_str shown = moon_str_cut(e->pointer, SHOWN_BYTES);

    return moon_err_set(e->err, MOON_E_INVALID, "%.*s%s: %s", MOON_STR_ARG(shown),
                        shown.len < e->pointer.len ? "…" : "", what);
}

/* "a~1b" is the key a/b, "a~0b" is a~b. */
static char *decode(struct moon_str token)
{
    char *text = moon_alloc(token.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (c == '~') {
            char next = i + 1 < token.len ? token.ptr[i + 1] : '\0';
            if (next != '0' && next != '1') {
                moon_free(text);
                return NULL;
            }
            c = next == '0' ? '~' : '/';
            i++;
        }
        text[len++] = c;
    }
    return text;
}

static int read_pointer(struct edit *e)
{
    struct moon_str rest = e->pointer;
    struct moon_str token;

    if (rest.len < 2 || rest.ptr[0] != '/') {
        return wrong(e, "no JSON pointer, such as /metadata/labels/app");
    }
    rest = (struct moon_str){rest.ptr + 1, rest.len - 1};
    while (moon_str_split(&rest, '/', &token)) {
        if (e->count == MAX_TOKENS || token.len > MAX_TOKEN_BYTES) {
            return wrong(e, "a pointer that is too long");
        }
        e->tokens[e->count] = decode(token);
        if (e->tokens[e->count] == NULL) {
            return wrong(e, "after ~ there is 0 or 1");
        }
        e->count++;
    }
    return 0;
}

/* ---- writing ---- */

static void add_separator(struct edit *e, bool *any)
{
    if (*any) {
        moon_buf_putc(e->out, ',');
    }
    *any = true;
}

static void add_key(struct edit *e, const char *key)
{
    moon_json_add_string(e->out, moon_str(key));
    moon_buf_putc(e->out, ':');
}

/* "name=x" is the element of a list whose name is x; NULL: the token is none of these. */
static const char *wanted_name(const char *token)
{
    return strncmp(token, "name=", 5) == 0 ? token + 5 : NULL;
}

/* What is missing on the way is made of objects, but a list's element that has a name cannot be:
 * only a whole one is, in a list of its own. */
static int make(struct edit *e, size_t at)
{
    for (size_t i = at; i < e->count; i++) {
        bool named = wanted_name(e->tokens[i]) != NULL;
        if (named && i + 1 < e->count) {
            return wrong(e, "there is no element of that name");
        }
        moon_buf_putc(e->out, named ? '[' : '{');
        if (!named) {
            add_key(e, e->tokens[i]);
        }
    }
    moon_buf_add_str(e->out, e->value);
    for (size_t i = e->count; i > at; i--) {
        moon_buf_putc(e->out, wanted_name(e->tokens[i - 1]) != NULL ? ']' : '}');
    }
    return 0;
}

static int edit_value(struct edit *e, struct moon_str text, size_t at);

/* The member or element that the token at `at` names. */
static int edit_child(struct edit *e, struct moon_str text, size_t at)
{
    if (at + 1 < e->count) {
        return edit_value(e, text, at + 1);
    }
    moon_buf_add_str(e->out, e->value);
    return 0;
}

static bool is_removed(const struct edit *e, size_t at)
{
    return e->value.ptr == NULL && at + 1 == e->count;
}

static int edit_object(struct edit *e, struct moon_json_scan *s, size_t at)
{
    struct moon_str key;
    struct moon_str value;
    bool any = false;
    bool found = false;
    int rc = 0;

    (void)moon_json_scan_take(s, '{');
    moon_buf_putc(e->out, '{');
    for (bool first = true; rc == 0 && moon_json_scan_step(s, false, first, &key); first = false) {
        bool is_it = moon_json_key_is(key, e->tokens[at]);
        if (!moon_json_scan_value(s, &value) || (is_it && is_removed(e, at))) {
            continue;
        }
        if (is_it && found) {
            return wrong(e, "there are two of it");
        }
        found = found || is_it;
        add_separator(e, &any);
        moon_buf_printf(e->out, "\"%.*s\":", MOON_STR_ARG(key));
        if (is_it) {
            rc = edit_child(e, value, at);
        } else {
            moon_buf_add_str(e->out, value);
        }
    }
    if (rc == 0 && !found && e->value.ptr != NULL) {
        add_separator(e, &any);
        add_key(e, e->tokens[at]);
        rc = make(e, at + 1);
    }
    moon_buf_putc(e->out, '}');
    return rc;
}

struct place {
    const char *name; /* of the element; NULL: it is the number */
    uint64_t number;  /* UINT64_MAX: behind the last one */
    uint64_t found;   /* elements at this place */
};

static bool read_place(const char *token, struct place *ret)
{
    *ret = (struct place){.name = wanted_name(token), .number = UINT64_MAX};
    if (ret->name != NULL || strcmp(token, "-") == 0) {
        return true;
    }
    return moon_parse_u64(moon_str(token), &ret->number) && (token[0] != '0' || token[1] == '\0');
}

static bool is_at(const struct place *place, uint64_t i, struct moon_str element)
{
    struct moon_str name;

    if (place->name == NULL) {
        return i == place->number;
    }
    return moon_json_find(element, MOON_JSON_PATH("name"), &name) && name.ptr[0] == '"' &&
           moon_json_key_is((struct moon_str){name.ptr + 1, name.len - 2}, place->name);
}

/* The list has `count` elements, and none at this place. */
static int edit_missing(struct edit *e, const struct place *place, uint64_t count, size_t at,
                        bool any)
{
    bool is_last = at + 1 == e->count;

    if (place->name != NULL && !is_last) {
        return wrong(e, "there is no element of that name");
    }
    if (e->value.ptr == NULL) {
        return 0;
    }
    if (place->name == NULL && place->number != count && place->number != UINT64_MAX) {
        return wrong(e, "the list is not that long");
    }
    add_separator(e, &any);
    return make(e, at + 1);
}

static int edit_array(struct edit *e, struct moon_json_scan *s, size_t at)
{
    struct moon_str unused;
    struct moon_str value;
    struct place place;
    uint64_t i = 0;
    bool any = false;
    int rc = 0;

    if (!read_place(e->tokens[at], &place)) {
        return wrong(e, "a place in a list is a number, - for its end, or name=NAME");
    }
    (void)moon_json_scan_take(s, '[');
    moon_buf_putc(e->out, '[');
    for (; rc == 0 && moon_json_scan_step(s, true, i == 0, &unused); i++) {
        if (!moon_json_scan_value(s, &value)) {
            continue;
        }
        bool is_it = is_at(&place, i, value);
        place.found += is_it;
        if (is_it && is_removed(e, at)) {
            continue;
        }
        if (place.found > 1) {
            return wrong(e, "there are two of it");
        }
        add_separator(e, &any);
        if (is_it) {
            rc = edit_child(e, value, at);
        } else {
            moon_buf_add_str(e->out, value);
        }
    }
    if (rc == 0 && place.found == 0) {
        rc = edit_missing(e, &place, i, at, any);
    }
    moon_buf_putc(e->out, ']');
    return rc;
}

static int edit_value(struct edit *e, struct moon_str text, size_t at)
{
    struct moon_json_scan s;
    int rc;

    moon_json_scan_init(&s, text);
    switch (moon_json_scan_peek(&s)) {
    case '{':
        rc = edit_object(e, &s, at);
        break;
    case '[':
        rc = edit_array(e, &s, at);
        break;
    case 'n': /* null is as good as nothing, as everywhere in Kubernetes */
        if (e->value.ptr != NULL) {
            return make(e, at);
        }
        moon_buf_add_str(e->out, text);
        return 0;
    default:
        return wrong(e, "on the way there is something that is no object and no list");
    }
    if (rc == 0 && !moon_json_scan_end(&s)) {
        rc = moon_json_scan_error(&s, e->err);
    }
    return rc;
}

int moon_json_put(struct moon_str text, const char *pointer, struct moon_str value,
                  struct moon_buf *out, struct moon_err *err)
{
    struct edit e = {.pointer = moon_str(pointer), .value = value, .out = out, .err = err};
    size_t old_len = out->len;
    int rc = read_pointer(&e);

    if (rc == 0) {
        moon_assert(e.tokens[0] != NULL);
        rc = edit_value(&e, text, 0);
    }
    if (rc == 0) {
        rc = moon_buf_check(out, "JSON text", err);
    } else if (!out->overflow) {
        moon_buf_truncate(out, old_len);
    }
    for (size_t i = 0; i < e.count; i++) {
        moon_free(e.tokens[i]);
    }
    return rc;
}
