/* SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml_json.h"

#include "base/map.h"
#include "io/json_scan.h"
#include "io/yaml_scalar.h"

struct checker {
    struct moon_json_scan scan;
    struct moon_buf text; /* the string being looked at, decoded */
    size_t nodes_left;
};

bool moon_yaml_is_json(struct moon_str text)
{
    struct moon_json_scan s;
    struct moon_str value;
    moon_json_scan_init(&s, text);
    char c = moon_json_scan_peek(&s);
    return (c == '{' || c == '[') && moon_json_scan_value(&s, &value) && moon_json_scan_end(&s);
}

static bool check_text(struct checker *c, struct moon_str inner)
{
    moon_buf_clear(&c->text);
    moon_json_decode(inner, &c->text);
    return memchr(moon_buf_cstr(&c->text), '\0', c->text.len) == NULL ||
           moon_json_scan_fail(&c->scan, "a text with U+0000 in it cannot be kept");
}

static bool check_value(struct checker *c);

static bool check_members(struct checker *c)
{
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *seen = moon_map_new(NULL);
    struct moon_str key;
    for (bool first = true; moon_json_scan_step(&c->scan, false, first, &key); first = false) {
        if (!check_text(c, key)) {
            return false;
        }
        if (moon_map_has(seen, moon_buf_str(&c->text))) {
            return moon_json_scan_fail(&c->scan, "duplicate key");
        }
        moon_map_set(seen, moon_buf_str(&c->text), NULL);
        if (!check_value(c)) {
            return false;
        }
    }
    return c->scan.problem == NULL;
}

static bool check_elements(struct checker *c)
{
    for (bool first = true; moon_json_scan_step(&c->scan, true, first, NULL); first = false) {
        if (!check_value(c)) {
            return false;
        }
    }
    return c->scan.problem == NULL;
}

/* Recurses as deep as the scanner that has accepted the text allows. */
static bool check_value(struct checker *c)
{
    struct moon_str value;
    char first = moon_json_scan_peek(&c->scan);
    if (c->nodes_left-- == 0) {
        c->nodes_left = 0;
        return moon_json_scan_fail(&c->scan, "too many nodes");
    }
    if (first == '{' || first == '[') {
        c->scan.pos++;
        return first == '{' ? check_members(c) : check_elements(c);
    }
    if (first == '"') {
        return moon_json_scan_string(&c->scan, &value) && check_text(c, value);
    }
    const char *begin = c->scan.pos;
    if (!moon_json_scan_value(&c->scan, &value)) {
        return false;
    }
    if (moon_yaml_is_inexact_integer(value)) {
        c->scan.pos = begin;
        return moon_json_scan_fail(&c->scan, moon_yaml_not_exact);
    }
    return true;
}

cJSON *moon_yaml_parse_json(struct moon_str text, const char *name, size_t max_nodes,
                            struct moon_err *err)
{
    struct checker c = {.text = MOON_BUF_INIT(moon_json_rewrite_max(text.len)),
                        .nodes_left = max_nodes};
    moon_json_scan_init(&c.scan, text);
    bool ok = check_value(&c);
    moon_buf_fini(&c.text);
    if (!ok) {
        size_t line;
        size_t column;
        moon_json_scan_locate(&c.scan, &line, &column);
        (void)moon_err_set(err, c.nodes_left == 0 ? MOON_E_LIMIT : MOON_E_INVALID, "%s:%zu:%zu: %s",
                           name, line, column, c.scan.problem);
        return NULL;
    }
    cJSON *json = moon_json_parse(text, err);
    if (json == NULL) {
        (void)moon_err_wrap(err, "%s", name);
    }
    return json;
}
