/* SPDX-License-Identifier: Apache-2.0 */
#include "host/lean.h"

#include <sys/random.h>

#include "base/random.h"
#include "kube/pod.h"
#include "policy/digest.h"

enum {
    OBJECT_MAX_BYTES = 16 << 20,
    REDACTED_DIGITS = 16
};

void moon_lean_salt(char out[MOON_LEAN_SALT])
{
    if (getrandom(out, MOON_LEAN_SALT, 0) != MOON_LEAN_SALT) {
        moon_random_suffix(out, MOON_LEAN_SALT - 1);
    }
}

/* ---- what is cut away ---- */

static const struct moon_json_want annotations_want[] = {
    {.key = "kubectl.kubernetes.io/last-applied-configuration", .is_unwanted = true},
    {.key = "*"},
    {0}};
static const struct moon_json_want metadata_want[] = {
    {.key = "managedFields", .is_unwanted = true},
    {.key = "annotations", .members = annotations_want},
    {.key = "*"},
    {0}};
static const struct moon_json_want node_status_want[] = {
    {.key = "images", .is_unwanted = true},
    {.key = "volumesAttached", .is_unwanted = true},
    {.key = "volumesInUse", .is_unwanted = true},
    {.key = "*"},
    {0}};
static const struct moon_json_want node_want[] = {{.key = "metadata", .members = metadata_want},
                                                  {.key = "status", .members = node_status_want},
                                                  {.key = "*"},
                                                  {0}};
static const struct moon_json_want other_want[] = {
    {.key = "metadata", .members = metadata_want}, {.key = "*"}, {0}};

static const struct moon_json_want *wants_of(const struct moon_resource *r)
{
    if (moon_streq(r->plural, "pods")) {
        return moon_kind_pod.reads;
    }
    return moon_streq(r->plural, "nodes") ? node_want : other_want;
}

/* ---- what may be secret ---- */

struct redactor {
    const char *salt;
    struct moon_buf *out;
};

static void copy_value(struct redactor *r, struct moon_str value);

static void redact(struct redactor *r, struct moon_str value)
{
    char digest[MOON_DIGEST_TEXT];
    struct moon_digest *d = moon_digest_new();

    moon_digest_add(d, (struct moon_str){r->salt, MOON_LEAN_SALT});
    moon_digest_add(d, value);
    moon_digest_take(d, digest);
    moon_buf_printf(r->out, "\"redacted-%.*s\"", REDACTED_DIGITS, digest);
}

static bool is_text(struct moon_str value)
{
    return value.len > 2 && value.ptr[0] == '"'; /* "" is no secret */
}

/* The value of `env`: each of its variables has a value, or says where that comes from. */
static void copy_env(struct redactor *r, struct moon_str list)
{
    struct moon_json_iter variables;
    struct moon_str key;
    struct moon_str variable;
    const char *between = "[";

    moon_json_iter_init(&variables, list);
    while (moon_json_next(&variables, &key, &variable)) {
        struct moon_json_iter members;
        struct moon_str value;
        moon_buf_printf(r->out, "%s{", between);
        between = ",";
        moon_json_iter_init(&members, variable);
        for (bool first = true; moon_json_next(&members, &key, &value); first = false) {
            moon_buf_puts(r->out, first ? "" : ",");
            moon_json_add_string(r->out, key);
            moon_buf_putc(r->out, ':');
            if (moon_str_is(key, "value") && is_text(value)) {
                redact(r, value);
            } else {
                copy_value(r, value);
            }
        }
        moon_json_iter_fini(&members);
        moon_buf_putc(r->out, '}');
    }
    moon_json_iter_fini(&variables);
    moon_buf_puts(r->out, *between == '[' ? "[]" : "]");
}

static bool is_list_of_objects(struct moon_str value)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str item;
    bool all = value.len > 0 && value.ptr[0] == '[';

    moon_json_iter_init(&it, all ? value : MOON_STR_LIT("[]"));
    while (all && moon_json_next(&it, &key, &item)) {
        all = item.len > 0 && item.ptr[0] == '{';
    }
    moon_json_iter_fini(&it);
    return all;
}

static void copy_members(struct redactor *r, struct moon_str value, bool is_array)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str item;

    moon_buf_putc(r->out, is_array ? '[' : '{');
    moon_json_iter_init(&it, value);
    for (bool first = true; moon_json_next(&it, &key, &item); first = false) {
        moon_buf_puts(r->out, first ? "" : ",");
        if (!is_array) {
            moon_json_add_string(r->out, key);
            moon_buf_putc(r->out, ':');
        }
        if (!is_array && moon_str_is(key, "env") && is_list_of_objects(item)) {
            copy_env(r, item);
        } else {
            copy_value(r, item);
        }
    }
    moon_json_iter_fini(&it);
    moon_buf_putc(r->out, is_array ? ']' : '}');
}

/* No deeper than the scanner lets a text be. */
static void copy_value(struct redactor *r, struct moon_str value)
{
    char first = value.len > 0 ? value.ptr[0] : '\0';

    if (first == '{' || first == '[') {
        copy_members(r, value, first == '[');
    } else {
        moon_buf_add_str(r->out, value);
    }
}

/* Does it need a look at each member? */
static bool may_have_env(struct moon_str text)
{
    return memmem(text.ptr, text.len, "\"env\"", strlen("\"env\"")) != NULL;
}

/* Between values a line may end, and in them none can. */
static void put_in_one_line(struct moon_buf *text, size_t from)
{
    for (size_t i = from; i < text->len; i++) {
        if (text->data[i] == '\n' || text->data[i] == '\r') {
            text->data[i] = ' ';
        }
    }
}

int moon_lean_object(const struct moon_resource *resource, struct moon_str text,
                     const char salt[MOON_LEAN_SALT], struct moon_buf *out, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf lean = MOON_BUF_INIT(OBJECT_MAX_BYTES);
    size_t from = out->len;

    if (moon_json_pick(text, wants_of(resource), &lean, err) != 0) {
        return -(int)err->code;
    }
    if (!may_have_env(moon_buf_str(&lean))) {
        moon_buf_add_str(out, moon_buf_str(&lean));
    } else {
        copy_value(&(struct redactor){.salt = salt, .out = out},
                   moon_str_trim(moon_buf_str(&lean)));
    }
    put_in_one_line(out, from);
    return moon_buf_check(out, "an object", err);
}
