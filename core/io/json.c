/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - JSON trees.
 *
 * cJSON is lenient (01, control characters, a thousand levels deep) where the API server is strict,
 * and strict (lone surrogates) where it is lenient. So the scanner decides what is JSON, and cJSON
 * only ever sees text that passed.
 */
#include "io/json.h"

#include "io/json_scan.h"

/* 2^53 - 1: from 2^53 on, a double may stand for an integer next to the one that was written. */
static const double EXACT_MAX = 9007199254740991.0;

/* Where cJSON finds memory while a tree is built in an arena. */
static struct moon_arena *tree_arena;

static void *tree_alloc(size_t size)
{
    return moon_arena_alloc(tree_arena, size);
}

static void tree_keep(void *p MOON_UNUSED)
{
}

/* A tree of many small pieces of memory costs more to allocate and to free than to read. */
static cJSON *build(struct moon_str text, const char **ret_stop, struct moon_arena *arena)
{
    if (arena == NULL) {
        return cJSON_ParseWithLengthOpts(text.ptr, text.len, ret_stop, false);
    }
    tree_arena = arena;
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = tree_alloc, .free_fn = tree_keep});
    cJSON *json = cJSON_ParseWithLengthOpts(text.ptr, text.len, ret_stop, false);
    cJSON_InitHooks(NULL);
    tree_arena = NULL;
    return json;
}

/* Text that the scanner has passed; broken: with strings that cJSON would not read. */
static cJSON *parse_passed(struct moon_str text, bool broken, struct moon_arena *arena,
                           struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf mended = MOON_BUF_INIT(moon_json_rewrite_max(text.len));
    struct moon_str readable = text;
    if (broken) {
        if (moon_json_rewrite(text, MOON_JSON_KEEP_ORDER, &mended, err) != 0) {
            return NULL;
        }
        readable = moon_buf_str(&mended);
    }
    const char *stop = readable.ptr;
    cJSON *json = build(readable, &stop, arena);
    if (json == NULL) {
        /* Known cause: a number of more digits than cJSON has room for. */
        struct moon_json_scan s;
        moon_json_scan_init(&s, text);
        s.pos = broken ? s.end : stop;
        (void)moon_json_scan_fail(&s,
                                  "a value that cannot be read (a number with too many digits?)");
        (void)moon_json_scan_error(&s, err);
    }
    return json;
}

cJSON *moon_json_parse(struct moon_str text, struct moon_err *err)
{
    struct moon_json_scan s;
    struct moon_str value;
    moon_json_scan_init(&s, text);
    if (!moon_json_scan_value(&s, &value) || !moon_json_scan_end(&s)) {
        (void)moon_json_scan_error(&s, err);
        return NULL;
    }
    return parse_passed(text, s.has_broken_runes, NULL, err);
}

const cJSON *moon_json_parse_picked(struct moon_str text, const struct moon_json_want *members,
                                    struct moon_buf *lean, struct moon_arena *arena,
                                    struct moon_err *err)
{
    bool broken;
    if (moon_json_pick_into(text, members, lean, &broken, err) != 0) {
        return NULL;
    }
    return parse_passed(moon_buf_str(lean), broken, arena, err);
}

/* The last of duplicate keys, as Go and the text functions do; cJSON's own lookup gives the first.
 */
static const cJSON *last_member(const cJSON *json, struct moon_str key)
{
    const cJSON *found = NULL;
    const cJSON *child = NULL;
    if (!cJSON_IsObject(json)) {
        return NULL;
    }
    cJSON_ArrayForEach (child, json) {
        if (moon_str_is(key, child->string)) {
            found = child;
        }
    }
    return cJSON_IsNull(found) ? NULL : found;
}

const cJSON *moon_json_member(const cJSON *json, const char *key)
{
    return last_member(json, moon_str(key));
}

const cJSON *moon_json_get(const cJSON *json, const char *path)
{
    struct moon_str rest = moon_str(path);
    struct moon_str key;
    while (json != NULL && moon_str_split(&rest, '.', &key)) {
        json = last_member(json, key);
    }
    return json;
}

const char *moon_json_string(const cJSON *json, const char *path)
{
    return cJSON_GetStringValue(moon_json_get(json, path));
}

int64_t moon_json_int(const cJSON *json, const char *path, int64_t fallback)
{
    const cJSON *number = moon_json_get(json, path);
    if (!cJSON_IsNumber(number)) {
        return fallback;
    }
    double value = number->valuedouble;
    if (!(value >= -EXACT_MAX && value <= EXACT_MAX)) {
        return fallback;
    }
    int64_t integer = (int64_t)value;
    return (double)integer < value || (double)integer > value ? fallback : integer;
}

bool moon_json_bool(const cJSON *json, const char *path, bool fallback)
{
    const cJSON *value = moon_json_get(json, path);
    return cJSON_IsBool(value) ? cJSON_IsTrue(value) != 0 : fallback;
}
