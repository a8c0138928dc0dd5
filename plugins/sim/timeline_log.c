/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/timeline_log.h"

enum {
    FIELDS_MAX = 24,
    VALUES_MAX = 16 * 1024
};

struct field {
    struct moon_str name;
    const char *value; /* in the buffer */
};

struct fields {
    struct field items[FIELDS_MAX];
    size_t offsets[FIELDS_MAX];
    size_t count;
    struct moon_buf values; /* one terminated text after the other */
};

/* ---- logfmt ---- */

/* A value in quotes; the escapes of core/base/log.c. */
static size_t read_quoted(struct moon_str text, struct moon_buf *out)
{
    size_t i = 1;
    for (; i < text.len && text.ptr[i] != '"'; i++) {
        char c = text.ptr[i];
        if (c == '\\' && i + 1 < text.len) {
            c = text.ptr[++i];
            c = c == 'n' || c == 't' ? ' ' : c;
        }
        moon_buf_putc(out, c);
    }
    return i < text.len ? i + 1 : i;
}

static void read_fields(struct moon_str line, struct fields *f)
{
    while (line.len > 0 && f->count < FIELDS_MAX) {
        const char *equals = memchr(line.ptr, '=', line.len);
        if (equals == NULL) {
            break;
        }
        size_t used = (size_t)(equals - line.ptr);
        f->items[f->count].name = (struct moon_str){line.ptr, used};
        f->offsets[f->count++] = f->values.len;
        line = (struct moon_str){line.ptr + used + 1, line.len - used - 1};
        if (line.len > 0 && line.ptr[0] == '"') {
            used = read_quoted(line, &f->values);
        } else {
            const char *space = memchr(line.ptr, ' ', line.len);
            used = space != NULL ? (size_t)(space - line.ptr) : line.len;
            moon_buf_add(&f->values, line.ptr, used);
        }
        moon_buf_putc(&f->values, '\0');
        used += used < line.len ? 1 : 0; /* the space */
        line = (struct moon_str){line.ptr + used, line.len - used};
    }
    for (size_t i = 0; i < f->count; i++) {
        f->items[i].value = moon_buf_cstr(&f->values) + (f->values.overflow ? 0 : f->offsets[i]);
    }
}

static void fini_fields(struct fields *f)
{
    moon_buf_fini(&f->values);
}

static const char *get(const struct fields *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        if (moon_str_is(f->items[i].name, name)) {
            return f->items[i].value;
        }
    }
    return NULL;
}

/* ---- for people ---- */

/* Ports differ from run to run, and mean nothing here. */
static void add_without_port(struct moon_buf *out, const char *text)
{
    static const char host[] = "127.0.0.1:";
    const char *found;
    while ((found = strstr(text, host)) != NULL) {
        moon_buf_add(out, text, (size_t)(found - text));
        moon_buf_puts(out, "the server");
        text = found + strlen(host);
        text += strspn(text, "0123456789");
    }
    moon_buf_puts(out, text);
}

bool moon_timeline_read_log(struct moon_str line, struct moon_buf *out, bool *ret_is_about_pod)
{
    MOON_CLEANUP(fini_fields) struct fields f = {.values = MOON_BUF_INIT(VALUES_MAX)};
    read_fields(line, &f);
    const char *level = get(&f, "level");
    const char *topic = get(&f, "topic");
    const char *msg = get(&f, "msg");
    const char *pod = get(&f, "pod");
    bool is_news = moon_streq(topic, "daemonset") || moon_streq(topic, "policy");
    if (msg == NULL || (moon_streq(level, "info") && !is_news) || moon_streq(level, "debug")) {
        return false;
    }
    *ret_is_about_pod = pod != NULL && moon_streq(level, "info");
    moon_buf_puts(out, msg);
    /* Around the message: what it is about; then why. */
    if (pod != NULL) {
        moon_buf_printf(out, " %s", pod);
    }
    if (get(&f, "node") != NULL) {
        moon_buf_printf(out, " on %s", get(&f, "node"));
    }
    if (pod == NULL && get(&f, "key") != NULL) {
        moon_buf_printf(out, " (%s)", get(&f, "key"));
    }
    static const char *const causes[] = {"verb", "resource", "name", "reason", "err"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(causes); i++) {
        const char *cause = get(&f, causes[i]);
        if (cause != NULL) {
            bool is_more = i > 0 && get(&f, causes[i - 1]) != NULL && i < 3;
            moon_buf_puts(out, is_more ? " " : ": ");
            add_without_port(out, cause);
        }
    }
    return true;
}
