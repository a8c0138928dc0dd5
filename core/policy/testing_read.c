/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_read.c - a test's YAML with lines and paths, so that every mistake is told where it is.
 */
#include <stdio.h>

#include "base/time.h"
#include "io/yaml.h"
#include "policy/closest.h"
#include "policy/testing_priv.h"

/* ---- places ---- */

static struct moon_str address_of(const cJSON *const *at)
{
    return (struct moon_str){(const char *)at, sizeof(*at)};
}

static void note_line(const cJSON *node, size_t line, void *ctx)
{
    struct moon_test_reader *r = ctx;

    moon_map_set(r->lines, address_of(&node), (void *)(uintptr_t)line);
}

cJSON *moon_test_parse(struct moon_test_reader *r, struct moon_str text)
{
    struct moon_yaml_opts opts = {
        .name = r->file, .max_bytes = MOON_POLICY_TEST_MAX_BYTES, .on_node = note_line, .ctx = r};

    r->lines = moon_map_new(NULL);
    return moon_yaml_parse(text, &opts, r->err);
}

void moon_test_reader_fini(struct moon_test_reader *r)
{
    moon_map_free(r->lines);
}

size_t moon_test_line(const struct moon_test_reader *r, const cJSON *at)
{
    size_t line = at != NULL ? (size_t)(uintptr_t)moon_map_get(r->lines, address_of(&at)) : 0;

    return line > 0 ? line : r->line;
}

int moon_test_wrong(struct moon_test_reader *r, const cJSON *at, const char *fmt, ...)
{
    char what[MOON_ERR_TEXT_MAX / 2];
    char where[MOON_ERR_TEXT_MAX / 4] = "";
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (r->case_name != NULL) {
        (void)snprintf(where, sizeof(where), "case '%.200s': ", r->case_name);
    }
    return moon_err_set(r->err, MOON_E_INVALID, "%s:%zu: %s%s%s%s", r->file, moon_test_line(r, at),
                        where, r->path, r->path[0] != '\0' ? ": " : "", what);
}

size_t moon_test_enter(struct moon_test_reader *r, const char *key)
{
    size_t mark = strlen(r->path);

    (void)snprintf(r->path + mark, sizeof(r->path) - mark, "%s%s", mark > 0 ? "." : "", key);
    return mark;
}

void moon_test_leave(struct moon_test_reader *r, size_t mark)
{
    r->path[mark] = '\0';
}

/* ---- mappings ---- */

int moon_test_mapping(struct moon_test_reader *r, const cJSON *json)
{
    return cJSON_IsObject(json) ? 0 : moon_test_wrong(r, json, "a mapping is wanted");
}

static int unknown_key(struct moon_test_reader *r, const struct moon_test_field *fields,
                       const cJSON *member)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    moon_closest_init(&closest, member->string);
    for (; fields->key != NULL; fields++) {
        moon_closest_offer(&closest, fields->key);
    }
    return moon_test_wrong(r, member, "unknown key '%.60s'%s", member->string,
                           moon_closest_text(&closest, hint));
}

static int take_member(struct moon_test_reader *r, const struct moon_test_field *fields,
                       const cJSON *member, void *ctx)
{
    for (const struct moon_test_field *f = fields; f->key != NULL; f++) {
        if (!moon_streq(f->key, member->string)) {
            continue;
        }
        size_t mark = moon_test_enter(r, f->key);
        int rc = cJSON_IsNull(member) ? 0 : f->take(r, member, ctx);
        moon_test_leave(r, mark);
        return rc;
    }
    return unknown_key(r, fields, member);
}

int moon_test_fields(struct moon_test_reader *r, const struct moon_test_field *fields,
                     const cJSON *json, void *ctx)
{
    const cJSON *member;
    int rc = moon_test_mapping(r, json);

    if (rc != 0) {
        return rc;
    }
    cJSON_ArrayForEach (member, json) {
        rc = take_member(r, fields, member, ctx);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- values ---- */

int moon_test_text(struct moon_test_reader *r, const cJSON *json, const char **ret)
{
    if (!cJSON_IsString(json)) {
        return moon_test_wrong(r, json, "a text is wanted%s",
                               cJSON_IsBool(json) || cJSON_IsNumber(json) ? "; quote it" : "");
    }
    *ret = json->valuestring;
    return 0;
}

int moon_test_int(struct moon_test_reader *r, const cJSON *json, int64_t *ret)
{
    double value = cJSON_IsNumber(json) ? json->valuedouble : -1;

    if (value < 0 || value > 9e15 || (double)(int64_t)value != value) {
        return moon_test_wrong(r, json, "a number is wanted: 0, 1, 2, …");
    }
    *ret = (int64_t)value;
    return 0;
}

int moon_test_bool(struct moon_test_reader *r, const cJSON *json, bool *ret)
{
    if (!cJSON_IsBool(json)) {
        return moon_test_wrong(r, json, "true or false is wanted");
    }
    *ret = cJSON_IsTrue(json) != 0;
    return 0;
}

int moon_test_seconds(struct moon_test_reader *r, const cJSON *json, int64_t *ret)
{
    uint64_t ms = 0;

    if (cJSON_IsNumber(json)) {
        return moon_test_int(r, json, ret);
    }
    if (!cJSON_IsString(json) || !moon_parse_duration_ms(moon_str(json->valuestring), &ms)) {
        return moon_test_wrong(r, json, "a duration is wanted, such as 30s, 10m or 1h30m");
    }
    *ret = (int64_t)((ms + 999) / 1000);
    return 0;
}

int moon_test_time(struct moon_test_reader *r, const cJSON *json, int64_t *ret)
{
    if (cJSON_IsNumber(json)) {
        return moon_test_int(r, json, ret);
    }
    if (!cJSON_IsString(json) || !moon_time_parse(moon_str(json->valuestring), ret)) {
        return moon_test_wrong(r, json, "a time is wanted, such as 2026-11-30T22:15:00Z");
    }
    return 0;
}

struct moon_str moon_test_word(struct moon_str *rest)
{
    struct moon_str text = moon_str_trim(*rest);
    size_t len = 0;

    while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\t' &&
           text.ptr[len] != '\n') {
        len++;
    }
    *rest = moon_str_trim((struct moon_str){text.ptr + len, text.len - len});
    return (struct moon_str){text.ptr, len};
}

/* ---- trees ---- */

void moon_test_put(cJSON *root, const char *path, cJSON *value)
{
    struct moon_str rest = moon_str(path);
    struct moon_str key;

    while (moon_str_split(&rest, '.', &key)) {
        MOON_AUTOFREE char *name = moon_str_dup(key);
        if (rest.ptr == NULL) {
            cJSON_DeleteItemFromObjectCaseSensitive(root, name);
            cJSON_AddItemToObject(root, name, value);
            return;
        }
        cJSON *next = cJSON_GetObjectItemCaseSensitive(root, name);
        if (!cJSON_IsObject(next)) {
            cJSON_DeleteItemFromObjectCaseSensitive(root, name);
            next = cJSON_AddObjectToObject(root, name);
        }
        root = next;
    }
}

void moon_test_put_text(cJSON *root, const char *path, const char *value)
{
    moon_test_put(root, path, cJSON_CreateString(value));
}

void moon_test_put_time(cJSON *root, const char *path, int64_t seconds)
{
    char text[MOON_TIME_TEXT];

    moon_test_put_text(root, path, moon_time_format(seconds, text));
}

void moon_test_put_member(cJSON *object, const char *name, cJSON *take_value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddItemToObject(object, name, take_value);
}

void moon_test_merge(cJSON *target, const cJSON *patch)
{
    const cJSON *member;

    cJSON_ArrayForEach (member, patch) {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(target, member->string);
        if (cJSON_IsObject(member) && cJSON_IsObject(old)) {
            moon_test_merge(old, member);
            continue;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(target, member->string);
        if (!cJSON_IsNull(member)) {
            cJSON_AddItemToObject(target, member->string, cJSON_Duplicate(member, true));
        }
    }
}
