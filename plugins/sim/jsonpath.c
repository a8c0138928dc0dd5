/* SPDX-License-Identifier: Apache-2.0
 *
 * jsonpath.c - the JSONPath of printer columns and scale paths: members, indexes, [*], and filters
 * that compare one member with a constant. What kubectl's dialect has besides (ranges of templates,
 * recursive descent, unions) a definition may not use here.
 */
#include <ctype.h>
#include <stdlib.h>

#include "sim/custom.h"
#include "sim/tree.h"

enum {
    NODES_MAX = 1000,
    TOKEN_MAX = 512
};

/* The nodes found so far. */
struct row {
    const cJSON *nodes[NODES_MAX];
    size_t count;
};

static void keep(struct row *row, const cJSON *node)
{
    if (node != NULL && !cJSON_IsNull(node) && row->count < NODES_MAX) {
        row->nodes[row->count++] = node;
    }
}

/* A name up to the next dot or bracket, `\.` for a dot in it. NULL when it is too long. */
static const char *read_name(const char *p, char out[TOKEN_MAX])
{
    size_t n = 0;
    for (; *p != '\0' && *p != '.' && *p != '['; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        if (n + 1 >= TOKEN_MAX) {
            return NULL;
        }
        out[n++] = *p;
    }
    out[n] = '\0';
    return p;
}

/* A text in quotes; returns what follows it. */
static const char *read_quoted(const char *p, char out[TOKEN_MAX])
{
    char quote = *p++;
    size_t n = 0;
    for (; *p != '\0' && *p != quote; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        if (n + 1 >= TOKEN_MAX) {
            return NULL;
        }
        out[n++] = *p;
    }
    out[n] = '\0';
    return *p == quote ? p + 1 : NULL;
}

static const char *skip_space(const char *p)
{
    while (*p == ' ') {
        p++;
    }
    return p;
}

/* ---- filters: [?(@.type=="Ready")] ---- */

struct filter {
    char member[TOKEN_MAX];
    bool compares; /* else: the member is there */
    bool negated;
    char value[TOKEN_MAX];
};

static const char *read_filter(const char *p, struct filter *ret)
{
    *ret = (struct filter){.compares = false};
    p = skip_space(p);
    if (p[0] != '@' || p[1] != '.') {
        return NULL;
    }
    size_t len = strcspn(p + 2, " =!<>)");
    if (len == 0 || len >= TOKEN_MAX) {
        return NULL;
    }
    memcpy(ret->member, p + 2, len);
    p = skip_space(p + 2 + len);
    if ((p[0] == '=' || p[0] == '!') && p[1] == '=') {
        ret->compares = true;
        ret->negated = p[0] == '!';
        p = skip_space(p + 2);
        if (*p == '"' || *p == '\'') {
            p = read_quoted(p, ret->value);
        } else {
            len = strcspn(p, " )");
            if (len >= TOKEN_MAX) {
                return NULL;
            }
            memcpy(ret->value, p, len);
            p += len;
        }
        p = p != NULL ? skip_space(p) : NULL;
    }
    return p != NULL && p[0] == ')' && p[1] == ']' ? p + 2 : NULL;
}

static bool passes(const struct filter *filter, const cJSON *node)
{
    const cJSON *member = moon_sim_get(node, filter->member);
    if (!filter->compares) {
        return member != NULL;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TOKEN_MAX);
    if (cJSON_IsString(member)) {
        moon_buf_puts(&text, member->valuestring);
    } else if (member != NULL) {
        moon_sim_tree_print(member, &text);
    }
    return member != NULL && moon_streq(moon_buf_cstr(&text), filter->value) != filter->negated;
}

/* ---- steps ---- */

static void step_member(const struct row *from, const char *name, struct row *to)
{
    for (size_t i = 0; i < from->count; i++) {
        keep(to, moon_sim_member(from->nodes[i], name));
    }
}

static void step_all(const struct row *from, const struct filter *filter, struct row *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const cJSON *child = NULL;
        cJSON_ArrayForEach (child, from->nodes[i]) {
            if (filter == NULL || passes(filter, child)) {
                keep(to, child);
            }
        }
    }
}

static bool step_index(const struct row *from, const char *text, size_t len, struct row *to)
{
    int64_t index = 0;
    if (!moon_parse_i64((struct moon_str){text, len}, &index)) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        int size = cJSON_GetArraySize(from->nodes[i]);
        int64_t at = index < 0 ? size + index : index;
        if (cJSON_IsArray(from->nodes[i]) && at >= 0 && at < size) {
            keep(to, cJSON_GetArrayItem(from->nodes[i], (int)at));
        }
    }
    return true;
}

/* Behind "[": returns what follows "]". */
static const char *step_bracket(const struct row *from, const char *p, struct row *to)
{
    char name[TOKEN_MAX];
    if (p[0] == '?' && p[1] == '(') {
        struct filter filter;
        p = read_filter(p + 2, &filter);
        if (p != NULL) {
            step_all(from, &filter, to);
        }
        return p;
    }
    if (*p == '\'' || *p == '"') {
        p = read_quoted(p, name);
        if (p != NULL) {
            step_member(from, name, to);
        }
        return p != NULL && *p == ']' ? p + 1 : NULL;
    }
    size_t len = strcspn(p, "]");
    if (p[len] != ']') {
        return NULL;
    }
    if (len == 1 && *p == '*') {
        step_all(from, NULL, to);
    } else if (!step_index(from, p, len, to)) {
        return NULL;
    }
    return p + len + 1;
}

static const char *step(const struct row *from, const char *p, struct row *to)
{
    char name[TOKEN_MAX];
    if (*p == '[') {
        return step_bracket(from, p + 1, to);
    }
    if (*p != '.' || p[1] == '.') {
        return NULL;
    }
    if (p[1] == '[') {
        return step_bracket(from, p + 2, to);
    }
    if (p[1] == '*') {
        step_all(from, NULL, to);
        return p + 2;
    }
    p = read_name(p + 1, name);
    if (p == NULL || name[0] == '\0') {
        return NULL;
    }
    step_member(from, name, to);
    return p;
}

int moon_sim_jsonpath(const cJSON *tree, const char *path, const cJSON **ret, size_t max)
{
    MOON_AUTOFREE struct row *from = moon_new(struct row);
    MOON_AUTOFREE struct row *to = moon_new(struct row);
    keep(from, tree);
    for (const char *p = path; p != NULL && *p != '\0';) {
        to->count = 0;
        p = step(from, p, to);
        if (p == NULL) {
            return -1;
        }
        struct row *swap = from;
        from = to;
        to = swap;
    }
    size_t count = from->count < max ? from->count : max;
    memcpy(ret, from->nodes, count * sizeof(*ret));
    return (int)count;
}
