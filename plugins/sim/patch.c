/* SPDX-License-Identifier: Apache-2.0
 *
 * patch.c - JSON patch and JSON merge patch.
 */
#include "sim/patch.h"

enum {
    TOKEN_MAX = 4096
};

/* ---- RFC 7386 ---- */

void moon_sim_patch_merge(cJSON *doc, const cJSON *patch)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, patch) {
        cJSON *target = moon_sim_member(doc, member->string);
        if (cJSON_IsNull(member)) {
            moon_sim_remove(doc, member->string);
            continue;
        }
        if (!cJSON_IsObject(member)) {
            moon_sim_set(doc, member->string, moon_sim_clone(member));
            continue;
        }
        if (!cJSON_IsObject(target)) { /* so that nulls inside the patch vanish, too */
            moon_sim_set(doc, member->string, cJSON_CreateObject());
            target = moon_sim_member(doc, member->string);
        }
        moon_sim_patch_merge(target, member);
    }
}

/* ---- RFC 6902 ---- */

/* A place in the document: the container and the last token of the pointer. */
struct place {
    cJSON *parent; /* NULL: the document itself */
    char token[TOKEN_MAX];
};

static int missing_path(const char *path, struct moon_err *err)
{
    return moon_err_set(err, MOON_E_CONFLICT, "doc is missing path: %s", path);
}

static bool unescape(struct moon_str piece, char out[TOKEN_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.ptr[i];
        char next = i + 1 < piece.len ? piece.ptr[i + 1] : '\0';
        if (c == '~' && (next == '0' || next == '1')) { /* another ~ stands for itself */
            c = next == '1' ? '/' : '~';
            i++;
        }
        if (n + 1 >= TOKEN_MAX) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static cJSON *child_at(const cJSON *parent, const char *token)
{
    int64_t index = 0;
    if (cJSON_IsObject(parent)) {
        return cJSON_GetObjectItemCaseSensitive(parent, token);
    }
    if (!cJSON_IsArray(parent) || !moon_parse_i64(moon_str(token), &index) || index < 0) {
        return NULL;
    }
    return cJSON_GetArrayItem(parent, (int)(index > INT32_MAX ? INT32_MAX : index));
}

static int find_place(cJSON *doc, const char *path, struct place *ret, struct moon_err *err)
{
    struct moon_str rest = moon_str(path);
    struct moon_str piece;
    *ret = (struct place){0};
    if (path[0] == '\0') {
        return 0;
    }
    if (path[0] != '/') {
        return missing_path(path, err);
    }
    rest.ptr++;
    rest.len--;
    ret->parent = doc;
    bool first = true;
    while (moon_str_split(&rest, '/', &piece)) {
        if (!first) {
            ret->parent = child_at(ret->parent, ret->token);
        }
        first = false;
        if (ret->parent == NULL || !unescape(piece, ret->token)) {
            return missing_path(path, err);
        }
    }
    if (!cJSON_IsObject(ret->parent) && !cJSON_IsArray(ret->parent)) {
        return missing_path(path, err);
    }
    return 0;
}

static cJSON *value_at(cJSON *doc, const struct place *place)
{
    return place->parent == NULL ? doc : child_at(place->parent, place->token);
}

static int add_to_array(const struct place *place, cJSON *take_value, const char *path,
                        struct moon_err *err)
{
    int64_t index = 0;
    int size = cJSON_GetArraySize(place->parent);
    if (strcmp(place->token, "-") == 0) {
        index = size;
    } else if (!moon_parse_i64(moon_str(place->token), &index) || index < 0 || index > size) {
        cJSON_Delete(take_value);
        return moon_err_set(err, MOON_E_CONFLICT,
                            "add operation does not apply: doc is missing path: \"%s\": invalid "
                            "index referenced",
                            path);
    }
    moon_sim_insert(place->parent, (int)index, take_value);
    return 0;
}

/* A document must stay within what can be read again, or nobody could. */
static int check_depth(const char *path, const cJSON *value, struct moon_err *err)
{
    size_t depth = moon_sim_tree_depth(value);
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        depth++;
    }
    return depth <= MOON_JSON_MAX_DEPTH
               ? 0
               : moon_err_set(err, MOON_E_CONFLICT, "exceeded max depth at path: %.100s", path);
}

static int add_value(cJSON **doc, const char *path, cJSON *take_value, struct moon_err *err)
{
    struct place place;
    if (check_depth(path, take_value, err) != 0 || find_place(*doc, path, &place, err) != 0) {
        cJSON_Delete(take_value);
        return moon_err_wrap(err, "add operation does not apply");
    }
    if (place.parent == NULL) {
        cJSON_Delete(*doc);
        *doc = take_value;
        return 0;
    }
    if (cJSON_IsArray(place.parent)) {
        return add_to_array(&place, take_value, path, err);
    }
    moon_sim_set(place.parent, place.token, take_value);
    return 0;
}

/* NULL: there is nothing at this path, *err says so. */
static cJSON *take_value(cJSON *doc, const char *path, const char *operation, struct moon_err *err)
{
    struct place place;
    cJSON *value = NULL;
    if (find_place(doc, path, &place, err) == 0 && place.parent != NULL) {
        value = child_at(place.parent, place.token);
    }
    if (value == NULL) {
        (void)moon_err_set(err, MOON_E_CONFLICT,
                           "%s operation does not apply: doc is missing path: \"%s\"", operation,
                           path);
        return NULL;
    }
    return cJSON_DetachItemViaPointer(place.parent, value);
}

static int replace_value(cJSON **doc, const char *path, const cJSON *value, struct moon_err *err)
{
    struct place place;
    cJSON *old = NULL;
    if (check_depth(path, value, err) != 0) {
        return moon_err_wrap(err, "replace operation does not apply");
    }
    if (find_place(*doc, path, &place, err) == 0) {
        old = value_at(*doc, &place);
    }
    if (old == NULL) {
        return moon_err_set(err, MOON_E_CONFLICT,
                            "replace operation does not apply: doc is missing key: %s", path);
    }
    cJSON *copy = moon_sim_clone(value);
    if (place.parent == NULL) {
        cJSON_Delete(*doc);
        *doc = copy;
    } else if (cJSON_IsObject(place.parent)) {
        moon_sim_set(place.parent, place.token, copy);
    } else {
        cJSON_ReplaceItemViaPointer(place.parent, old, copy);
    }
    return 0;
}

static int test_value(cJSON *doc, const char *path, const cJSON *value, struct moon_err *err)
{
    struct place place;
    cJSON *have = NULL;
    if (find_place(doc, path, &place, err) == 0) {
        have = value_at(doc, &place);
    }
    bool both_null = cJSON_IsNull(value) && (have == NULL || cJSON_IsNull(have));
    if (both_null || (have != NULL && moon_sim_tree_equal(have, value))) {
        return 0;
    }
    return moon_err_set(err, MOON_E_CONFLICT, "testing value %s failed", path);
}

static int move_value(cJSON **doc, const char *from, const char *path, struct moon_err *err)
{
    cJSON *value = take_value(*doc, from, "move", err);
    if (value == NULL) {
        return -(int)err->code;
    }
    moon_free(moon_steal(&value->string));
    return add_value(doc, path, value, err);
}

/* *copied counts the bytes that all copies of a patch have added. */
static int copy_value(cJSON **doc, const char *from, const char *path, size_t *copied,
                      struct moon_err *err)
{
    struct place place;
    const cJSON *value = find_place(*doc, from, &place, err) == 0 ? value_at(*doc, &place) : NULL;
    if (value == NULL) {
        return moon_err_set(err, MOON_E_CONFLICT,
                            "copy operation does not apply: doc is missing from path: %s", from);
    }
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(MOON_SIM_JSON_PATCH_MAX_COPIED - *copied + 1);
    moon_sim_tree_print(value, &text);
    *copied += text.len;
    if (text.overflow || *copied > MOON_SIM_JSON_PATCH_MAX_COPIED) {
        return moon_err_set(err, MOON_E_CONFLICT,
                            "Unable to complete the copy, the accumulated size increase of copy "
                            "exceeds the limit %d",
                            MOON_SIM_JSON_PATCH_MAX_COPIED);
    }
    cJSON *copy = moon_sim_clone(value);
    moon_free(moon_steal(&copy->string));
    return add_value(doc, path, copy, err);
}

static int apply_operation(cJSON **doc, const cJSON *operation, size_t *copied,
                           struct moon_err *err)
{
    const char *op = moon_sim_text(operation, "op");
    const cJSON *path = moon_sim_member(operation, "path");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(operation, "value");
    if (!cJSON_IsString(path)) {
        return moon_err_set(err, MOON_E_INVALID, "operation missing path field: missing value");
    }
    bool needs_value = moon_streq(op, "add") || moon_streq(op, "replace") || moon_streq(op, "test");
    if (needs_value && value == NULL) {
        return moon_err_set(err, MOON_E_CONFLICT,
                            "%s operation: missing value in operation: path \"%s\"", op,
                            path->valuestring);
    }
    if (moon_streq(op, "add")) {
        return add_value(doc, path->valuestring, moon_sim_clone(value), err);
    }
    if (moon_streq(op, "replace")) {
        return replace_value(doc, path->valuestring, value, err);
    }
    if (moon_streq(op, "test")) {
        return test_value(*doc, path->valuestring, value, err);
    }
    if (moon_streq(op, "remove")) {
        cJSON *removed = take_value(*doc, path->valuestring, "remove", err);
        bool found = removed != NULL;
        cJSON_Delete(removed);
        return found ? 0 : -(int)err->code;
    }
    const char *from = moon_sim_text(operation, "from");
    if (moon_streq(op, "move")) {
        return move_value(doc, from, path->valuestring, err);
    }
    if (moon_streq(op, "copy")) {
        return copy_value(doc, from, path->valuestring, copied, err);
    }
    return moon_err_set(err, MOON_E_CONFLICT, "Unexpected kind: %s", op);
}

int moon_sim_patch_json(cJSON **doc, const cJSON *operations, struct moon_err *err)
{
    const cJSON *operation = NULL;
    size_t copied = 0;
    if (!cJSON_IsArray(operations)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
    }
    if (cJSON_GetArraySize(operations) > MOON_SIM_JSON_PATCH_MAX_OPS) {
        return moon_err_set(err, MOON_E_LIMIT,
                            "The allowed maximum operations in a JSON patch is %d, got %d",
                            MOON_SIM_JSON_PATCH_MAX_OPS, cJSON_GetArraySize(operations));
    }
    cJSON_ArrayForEach (operation, operations) {
        if (apply_operation(doc, operation, &copied, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}
