/* SPDX-License-Identifier: Apache-2.0
 *
 * json_pick.c - copying the parts of a JSON text that somebody reads.
 *
 * Most of an API object is read by nobody, and a tree costs several times what looking at the text
 * does. So the tree is built from what is left.
 */
#include "io/json.h"

#include "io/json_scan.h"

struct picker {
    struct moon_json_scan scan;
    struct moon_buf *out;
};

static void pick_value(struct picker *p, const struct moon_json_want *members);

static const struct moon_json_want *find(const struct moon_json_want *members, struct moon_str key)
{
    for (; members->key != NULL; members++) {
        if (moon_json_key_is(key, members->key) || members->key[0] == '*') {
            return members->is_unwanted ? NULL : members;
        }
    }
    return NULL;
}

static void copy_value(struct picker *p)
{
    struct moon_str value;
    if (moon_json_scan_value(&p->scan, &value)) {
        moon_buf_add_str(p->out, value);
    }
}

static void copy_key(struct picker *p, struct moon_str inner)
{
    moon_buf_putc(p->out, '"');
    moon_buf_add_str(p->out, inner);
    moon_buf_puts(p->out, "\":");
}

/* Behind the opening brace. All duplicates of a member are copied: the last one counts. */
static void pick_members(struct picker *p, const struct moon_json_want *members)
{
    struct moon_str key;
    struct moon_str skipped;
    bool copied_any = false;
    for (bool first = true; moon_json_scan_step(&p->scan, false, first, &key); first = false) {
        const struct moon_json_want *want = find(members, key);
        if (want == NULL) {
            (void)moon_json_scan_value(&p->scan, &skipped);
            continue;
        }
        if (copied_any) {
            moon_buf_putc(p->out, ',');
        }
        copied_any = true;
        copy_key(p, key);
        pick_value(p, want->members);
    }
}

static void pick_object(struct picker *p, const struct moon_json_want *members)
{
    (void)moon_json_scan_take(&p->scan, '{');
    moon_buf_putc(p->out, '{');
    pick_members(p, members);
    moon_buf_putc(p->out, '}');
}

/* Arrays of arrays are copied as they are: so the depth is that of the wants, not the text's. */
static void pick_elements(struct picker *p, const struct moon_json_want *members)
{
    struct moon_str no_key;
    (void)moon_json_scan_take(&p->scan, '[');
    moon_buf_putc(p->out, '[');
    for (bool first = true; moon_json_scan_step(&p->scan, true, first, &no_key); first = false) {
        if (!first) {
            moon_buf_putc(p->out, ',');
        }
        if (moon_json_scan_peek(&p->scan) == '{') {
            pick_object(p, members);
        } else {
            copy_value(p);
        }
    }
    moon_buf_putc(p->out, ']');
}

static void pick_value(struct picker *p, const struct moon_json_want *members)
{
    char next = members != NULL ? moon_json_scan_peek(&p->scan) : '\0';
    if (next == '{') {
        pick_object(p, members);
    } else if (next == '[') {
        pick_elements(p, members);
    } else {
        copy_value(p);
    }
}

int moon_json_pick_into(struct moon_str text, const struct moon_json_want *members,
                        struct moon_buf *out, bool *ret_broken_runes, struct moon_err *err)
{
    struct picker p = {.out = out};
    size_t old_len = out->len;
    moon_json_scan_init(&p.scan, text);
    pick_value(&p, members);
    if (!moon_json_scan_end(&p.scan)) {
        if (!out->overflow) {
            moon_buf_truncate(out, old_len);
        }
        return moon_json_scan_error(&p.scan, err);
    }
    *ret_broken_runes = p.scan.has_broken_runes;
    return moon_buf_check(out, "JSON text", err);
}

int moon_json_pick(struct moon_str text, const struct moon_json_want *members, struct moon_buf *out,
                   struct moon_err *err)
{
    bool unused;
    return moon_json_pick_into(text, members, out, &unused, err);
}
