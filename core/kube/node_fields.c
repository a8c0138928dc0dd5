/* SPDX-License-Identifier: Apache-2.0
 *
 * node_fields.c - what is kept of nodes because somebody has declared that it is read.
 */
#include "kube/node.h"

enum {
    POINTER_MAX_BYTES = 256,
    READS_MAX_BYTES = 1 << 20,
};

static struct {
    char *pointers[MOON_NODE_FIELDS];
    size_t count;
    struct moon_arena *arena; /* of `reads`; lives as long as the process */
    const struct moon_json_want *reads;
} kept;

/* ---- pointers (RFC 6901) ---- */

/* The next key of "/a/b~1c", decoded; false at the end. `key` has room for any pointer. */
static bool next_key(struct moon_str *rest, char *key)
{
    size_t len = 0;

    if (rest->len == 0) {
        return false;
    }
    for (rest->ptr++, rest->len--; rest->len > 0 && rest->ptr[0] != '/'; rest->ptr++, rest->len--) {
        char c = rest->ptr[0];
        if (c == '~') {
            rest->ptr++;
            rest->len--;
            c = rest->ptr[0] == '0' ? '~' : '/';
        }
        key[len++] = c;
    }
    key[len] = '\0';
    return true;
}

static int check_pointer(struct moon_str pointer, struct moon_err *err)
{
    if (pointer.len < 2 || pointer.len >= POINTER_MAX_BYTES || pointer.ptr[0] != '/') {
        return moon_err_set(err, MOON_E_INVALID,
                            "\"%.*s\" is no JSON pointer, such as /status/nodeInfo/kernelVersion",
                            MOON_STR_ARG(moon_str_cut(pointer, POINTER_MAX_BYTES)));
    }
    for (size_t i = 0; i < pointer.len; i++) {
        bool last = i + 1 == pointer.len;
        if ((unsigned char)pointer.ptr[i] < ' ') {
            return moon_err_set(err, MOON_E_INVALID, "a JSON pointer with a control character");
        }
        if (pointer.ptr[i] == '~' &&
            (last || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1'))) {
            return moon_err_set(err, MOON_E_INVALID,
                                "\"%.*s\": behind ~ comes 0 (for ~) or 1 (for /)",
                                MOON_STR_ARG(pointer));
        }
    }
    if (moon_str_starts(pointer, "/metadata/managedFields")) {
        return moon_err_set(err, MOON_E_INVALID, "\"%.*s\": managedFields are not kept",
                            MOON_STR_ARG(pointer));
    }
    return 0;
}

/* ---- what has to be read for them ---- */

static bool is_index(struct moon_str rest)
{
    return rest.len > 1 && rest.ptr[1] >= '0' && rest.ptr[1] <= '9';
}

static size_t want_count(const struct moon_json_want *list)
{
    size_t count = 0;

    while (list != NULL && list[count].key != NULL) {
        count++;
    }
    return count;
}

static const struct moon_json_want *find_want(const struct moon_json_want *list, const char *key)
{
    const struct moon_json_want *w = list;

    while (w != NULL && w->key != NULL && w->key[0] != '*' && strcmp(w->key, key) != 0) {
        w++;
    }
    return w != NULL && w->key != NULL ? w : NULL;
}

static const struct moon_json_want *add_rest(const struct moon_json_want *list,
                                             struct moon_str rest);

/* The list with the way to `rest` in it; of an array all is kept. */
static const struct moon_json_want *add_key(const struct moon_json_want *list, const char *key,
                                            struct moon_str rest)
{
    const struct moon_json_want *known = find_want(list, key);
    size_t count = want_count(list);
    size_t at = known != NULL ? (size_t)(known - list) : count;

    if (known != NULL && (known->is_unwanted || known->members == NULL)) {
        return list; /* wanted as a whole */
    }
    struct moon_json_want *copy = moon_arena_alloc(kept.arena, (count + 2) * sizeof(*copy));
    if (list != NULL) {
        memcpy(copy, list, count * sizeof(*copy));
    }
    copy[count] = copy[count + 1] = (struct moon_json_want){0};
    copy[at].key = known != NULL ? known->key : moon_arena_strdup(kept.arena, key);
    bool is_whole = rest.len == 0 || is_index(rest);
    copy[at].members = is_whole ? NULL : add_rest(known != NULL ? known->members : NULL, rest);
    return copy;
}

static const struct moon_json_want *add_rest(const struct moon_json_want *list,
                                             struct moon_str rest)
{
    char key[POINTER_MAX_BYTES];

    return next_key(&rest, key) ? add_key(list, key, rest) : list;
}

const struct moon_json_want *moon_node_field_reads(const struct moon_json_want *base)
{
    if (kept.reads == NULL) {
        kept.reads = base;
        for (size_t i = 0; i < kept.count; i++) {
            kept.reads = add_rest(kept.reads, moon_str(kept.pointers[i]));
        }
    }
    return kept.reads;
}

/* ---- declaring ---- */

bool moon_node_field_find(struct moon_str pointer, size_t *ret_number)
{
    for (size_t i = 0; i < kept.count; i++) {
        if (moon_str_is(pointer, kept.pointers[i])) {
            *ret_number = i;
            return true;
        }
    }
    return false;
}

int moon_node_field_keep(struct moon_str pointer, size_t *ret_number, struct moon_err *err)
{
    if (moon_node_field_find(pointer, ret_number)) {
        return 0;
    }
    if (check_pointer(pointer, err) != 0) {
        return -(int)err->code;
    }
    if (kept.count == MOON_NODE_FIELDS) {
        return moon_err_set(err, MOON_E_LIMIT, "all policies together declare more than %d fields",
                            MOON_NODE_FIELDS);
    }
    if (kept.arena == NULL) {
        kept.arena = moon_arena_new(READS_MAX_BYTES);
    }
    *ret_number = kept.count;
    kept.pointers[kept.count++] = moon_str_dup(pointer);
    kept.reads = NULL;
    return 0;
}

size_t moon_node_field_count(void)
{
    return kept.count;
}

void moon_node_field_reset(void)
{
    for (size_t i = 0; i < kept.count; i++) {
        moon_free(kept.pointers[i]);
    }
    if (kept.arena != NULL) {
        moon_arena_free(kept.arena);
    }
    memset(&kept, 0, sizeof(kept));
}

/* ---- projecting ---- */

static const cJSON *follow(const cJSON *json, const char *key)
{
    uint64_t index;

    if (!cJSON_IsArray(json)) {
        return moon_json_member(json, key);
    }
    return moon_parse_u64(moon_str(key), &index) && index < INT32_MAX
               ? cJSON_GetArrayItem(json, (int)index)
               : NULL;
}

static void project(const cJSON *json, const char *pointer, struct moon_node_field *ret)
{
    char text[MOON_NODE_FIELD_BYTES + 64]; /* what cJSON wants to have left over */
    char key[POINTER_MAX_BYTES];
    struct moon_str rest = moon_str(pointer);

    while (json != NULL && next_key(&rest, key)) {
        json = follow(json, key);
    }
    if (json == NULL || cJSON_IsNull(json)) {
        return;
    }
    ret->too_large =
        !cJSON_PrintPreallocated((cJSON *)(uintptr_t)json, text, sizeof(text), false) ||
        strlen(text) > MOON_NODE_FIELD_BYTES;
    ret->json = ret->too_large ? NULL : moon_intern_cstr(text);
}

void moon_node_field_project(struct moon_node *node, const cJSON *json)
{
    node->field_count = kept.count;
    if (kept.count == 0) {
        return;
    }
    node->fields = moon_new_array(struct moon_node_field, kept.count);
    for (size_t i = 0; i < kept.count; i++) {
        project(json, kept.pointers[i], &node->fields[i]);
    }
}

void moon_node_field_fini(struct moon_node *node)
{
    for (size_t i = 0; i < node->field_count; i++) {
        moon_sym_unref(node->fields[i].json);
    }
    moon_free(node->fields);
}

bool moon_node_field_same(const struct moon_node *a, const struct moon_node *b)
{
    if (a->field_count != b->field_count) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        if (a->fields[i].json != b->fields[i].json ||
            a->fields[i].too_large != b->fields[i].too_large) {
            return false;
        }
    }
    return true;
}
