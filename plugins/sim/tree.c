/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>

static const double EXACT_MAX = 9007199254740991.0;

enum {
    EXACT_DIGITS = 15 /* any integer of so many digits is exact in a double */
};

/* ---- reading ---- */

static bool number_is_plain(struct moon_str text);

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || (c != '\0' && strchr("+-.eE", c) != NULL);
}

/* The end of a string that begins at `at`; *ret_nul when it holds U+0000. */
static size_t skip_string(struct moon_str text, size_t at, bool *ret_nul)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        if (text.ptr[at] == '\\') {
            at++;
            *ret_nul = *ret_nul || (at + 4 < text.len && memcmp(text.ptr + at, "u0000", 5) == 0);
        }
    }
    return at + 1;
}

/* Does the text hold a number that printing would change, or a string with U+0000? One pass, so
 * that the usual body pays next to nothing for exactness. */
static bool needs_care(struct moon_str text)
{
    bool nul = false;
    size_t at = 0;
    while (at < text.len && !nul) {
        if (text.ptr[at] == '"') {
            at = skip_string(text, at, &nul);
            continue;
        }
        bool number = text.ptr[at] == '-' || (text.ptr[at] >= '0' && text.ptr[at] <= '9');
        size_t from = at++;
        while (number && at < text.len && is_number_char(text.ptr[at])) {
            at++;
        }
        if (number && !number_is_plain((struct moon_str){text.ptr + from, at - from})) {
            return true;
        }
    }
    return nul;
}

static bool number_is_plain(struct moon_str text)
{
    size_t digits = text.len - (text.len > 0 && text.ptr[0] == '-');
    if (digits > EXACT_DIGITS || moon_str_starts(text, "-0")) {
        return false;
    }
    return memchr(text.ptr, '.', text.len) == NULL && memchr(text.ptr, 'e', text.len) == NULL &&
           memchr(text.ptr, 'E', text.len) == NULL;
}

static bool has_nul_escape(struct moon_str literal)
{
    for (size_t i = 0; i + 5 < literal.len; i++) {
        if (literal.ptr[i] != '\\') {
            continue;
        }
        if (memcmp(literal.ptr + i + 1, "u0000", 5) == 0) {
            return true;
        }
        i++;
    }
    return false;
}

static cJSON *new_raw(struct moon_str literal)
{
    MOON_AUTOFREE char *copy = moon_str_dup(literal);
    cJSON *raw = cJSON_CreateRaw(copy);
    moon_assert(raw != NULL);
    return raw;
}

/* Walk tree and text side by side (the parser keeps order and duplicates) and put the literals in
 * where the tree has lost something. */
static void keep_literals(cJSON *node, struct moon_str text)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    cJSON *child = node->child;
    moon_json_iter_init(&it, text);
    while (child != NULL && moon_json_next(&it, &key, &value)) {
        cJSON *next = child->next;
        value = moon_str_trim(value);
        if (cJSON_IsObject(child) || cJSON_IsArray(child)) {
            keep_literals(child, value);
        } else if ((cJSON_IsNumber(child) && !number_is_plain(value)) ||
                   (cJSON_IsString(child) && has_nul_escape(value))) {
            cJSON *raw = new_raw(value);
            raw->string = moon_steal(&child->string);
            cJSON_ReplaceItemViaPointer(node, child, raw);
        }
        child = next;
    }
    moon_json_iter_fini(&it);
}

cJSON *moon_sim_tree_parse(struct moon_str text, struct moon_err *err)
{
    cJSON *tree = moon_json_parse(text, err);
    if (tree != NULL && tree->child != NULL && needs_care(text)) {
        keep_literals(tree, moon_str_trim(text));
    }
    return tree;
}

/* ---- printing ---- */

/* An integer that a double holds exactly? */
static bool to_exact(double value, int64_t *ret)
{
    if (!(value >= -EXACT_MAX && value <= EXACT_MAX)) {
        return false;
    }
    *ret = (int64_t)value;
    return !((double)*ret < value) && !((double)*ret > value);
}

static void print_number(double value, struct moon_buf *out)
{
    int64_t integer = 0;
    if (to_exact(value, &integer)) {
        moon_buf_printf(out, "%lld", (long long)integer);
    } else {
        moon_buf_printf(out, "%.17g", value);
    }
}

static void print_children(const cJSON *tree, struct moon_buf *out)
{
    const cJSON *child = NULL;
    bool object = cJSON_IsObject(tree);
    moon_buf_putc(out, object ? '{' : '[');
    cJSON_ArrayForEach (child, tree) {
        if (child != tree->child) {
            moon_buf_putc(out, ',');
        }
        if (object) {
            moon_json_add_string(out, moon_str(child->string));
            moon_buf_putc(out, ':');
        }
        moon_sim_tree_print(child, out);
    }
    moon_buf_putc(out, object ? '}' : ']');
}

void moon_sim_tree_print(const cJSON *tree, struct moon_buf *out)
{
    if (cJSON_IsObject(tree) || cJSON_IsArray(tree)) {
        print_children(tree, out);
    } else if (cJSON_IsString(tree)) {
        moon_json_add_string(out, moon_str(tree->valuestring));
    } else if (cJSON_IsNumber(tree)) {
        print_number(tree->valuedouble, out);
    } else if (cJSON_IsRaw(tree)) {
        moon_buf_puts(out, tree->valuestring);
    } else if (cJSON_IsBool(tree)) {
        moon_buf_puts(out, cJSON_IsTrue(tree) ? "true" : "false");
    } else {
        moon_buf_puts(out, "null");
    }
}

/* ---- looking ---- */

bool moon_sim_is_string(const cJSON *node)
{
    return cJSON_IsString(node) || (cJSON_IsRaw(node) && node->valuestring[0] == '"');
}

bool moon_sim_is_number(const cJSON *node)
{
    return cJSON_IsNumber(node) || (cJSON_IsRaw(node) && node->valuestring[0] != '"');
}

bool moon_sim_to_int(const cJSON *node, int64_t *ret)
{
    if (cJSON_IsRaw(node)) {
        return moon_parse_i64(moon_str(node->valuestring), ret);
    }
    return cJSON_IsNumber(node) && to_exact(node->valuedouble, ret);
}

cJSON *moon_sim_member(const cJSON *object, const char *key)
{
    cJSON *found = cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
    return cJSON_IsNull(found) ? NULL : found;
}

cJSON *moon_sim_get(const cJSON *tree, const char *path)
{
    char key[128];
    struct moon_str rest = moon_str(path);
    struct moon_str piece;
    cJSON *at = NULL;
    while (moon_str_split(&rest, '.', &piece)) {
        moon_assert(piece.len < sizeof(key));
        memcpy(key, piece.ptr, piece.len);
        key[piece.len] = '\0';
        at = moon_sim_member(tree, key);
        if (at == NULL) {
            return NULL;
        }
        tree = at;
    }
    return at;
}

const char *moon_sim_text(const cJSON *tree, const char *path)
{
    const char *text = cJSON_GetStringValue(moon_sim_get(tree, path));
    return text != NULL ? text : "";
}

int64_t moon_sim_int(const cJSON *tree, const char *path, int64_t fallback)
{
    int64_t value = 0;
    return moon_sim_to_int(moon_sim_get(tree, path), &value) ? value : fallback;
}

bool moon_sim_true(const cJSON *tree, const char *path)
{
    return cJSON_IsTrue(moon_sim_get(tree, path)) != 0;
}

int moon_sim_index_of(const cJSON *array, const char *text)
{
    const cJSON *item = NULL;
    int index = 0;
    cJSON_ArrayForEach (item, array) {
        if (moon_streq(cJSON_GetStringValue(item), text)) {
            return index;
        }
        index++;
    }
    return -1;
}

/* ---- comparing ---- */

static bool is_empty(const cJSON *node)
{
    return node == NULL || cJSON_IsNull(node) ||
           ((cJSON_IsObject(node) || cJSON_IsArray(node)) && node->child == NULL);
}

static bool scalars_equal(const cJSON *a, const cJSON *b)
{
    if (cJSON_IsRaw(a) || cJSON_IsRaw(b)) {
        return cJSON_IsRaw(a) && cJSON_IsRaw(b) && moon_streq(a->valuestring, b->valuestring);
    }
    if (cJSON_IsNumber(a) && cJSON_IsNumber(b)) {
        return !(a->valuedouble < b->valuedouble) && !(a->valuedouble > b->valuedouble);
    }
    if (cJSON_IsString(a) && cJSON_IsString(b)) {
        return moon_streq(a->valuestring, b->valuestring);
    }
    return (a->type & 0xff) == (b->type & 0xff);
}

static bool arrays_match(const cJSON *a, const cJSON *b, bool lenient)
{
    const cJSON *x = a->child;
    const cJSON *y = b->child;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!(lenient ? moon_sim_tree_same(x, y) : moon_sim_tree_equal(x, y))) {
            return false;
        }
    }
    return x == NULL && y == NULL;
}

bool moon_sim_tree_equal(const cJSON *a, const cJSON *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (cJSON_IsArray(a) && cJSON_IsArray(b)) {
        return arrays_match(a, b, false);
    }
    if (!cJSON_IsObject(a) || !cJSON_IsObject(b)) {
        return scalars_equal(a, b);
    }
    const cJSON *child = NULL;
    cJSON_ArrayForEach (child, a) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(b, child->string);
        if (other == NULL || !moon_sim_tree_equal(child, other)) {
            return false;
        }
    }
    return cJSON_GetArraySize(a) == cJSON_GetArraySize(b);
}

static bool members_same(const cJSON *a, const cJSON *b)
{
    const cJSON *child = NULL;
    cJSON_ArrayForEach (child, a) {
        if (!moon_sim_tree_same(child, cJSON_GetObjectItemCaseSensitive(b, child->string))) {
            return false;
        }
    }
    return true;
}

bool moon_sim_tree_same(const cJSON *a, const cJSON *b)
{
    if (is_empty(a) || is_empty(b)) {
        return is_empty(a) && is_empty(b);
    }
    if (cJSON_IsArray(a) && cJSON_IsArray(b)) {
        return arrays_match(a, b, true);
    }
    if (cJSON_IsObject(a) && cJSON_IsObject(b)) {
        return members_same(a, b) && members_same(b, a);
    }
    return scalars_equal(a, b);
}

/* ---- changing ---- */

void moon_sim_set(cJSON *object, const char *key, cJSON *take_value)
{
    moon_assert(cJSON_IsObject(object));
    if (take_value == NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    } else if (cJSON_GetObjectItemCaseSensitive(object, key) != NULL) {
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, take_value);
    } else {
        cJSON_AddItemToObject(object, key, take_value);
    }
}

void moon_sim_remove(cJSON *object, const char *key)
{
    moon_sim_set(object, key, NULL);
}

void moon_sim_set_text(cJSON *object, const char *key, const char *text)
{
    moon_sim_set(object, key, cJSON_CreateString(text));
}

static int compare_keys(const void *a, const void *b)
{
    const cJSON *const *x = a;
    const cJSON *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

void moon_sim_tree_sort(cJSON *tree)
{
    cJSON *child = NULL;
    cJSON_ArrayForEach (child, tree) {
        moon_sim_tree_sort(child);
    }
    moon_sim_tree_sort_members(tree);
}

void moon_sim_tree_sort_members(cJSON *tree)
{
    size_t count = (size_t)cJSON_GetArraySize(tree);
    if (!cJSON_IsObject(tree) || count < 2) {
        return;
    }
    cJSON **members = moon_new_array(cJSON *, count);
    for (size_t i = 0; i < count; i++) {
        members[i] = cJSON_DetachItemViaPointer(tree, tree->child);
    }
    qsort(members, count, sizeof(cJSON *), compare_keys);
    for (size_t i = 0; i < count; i++) {
        (void)cJSON_AddItemToArray(tree, members[i]);
    }
    moon_free(members);
}

struct numbered {
    cJSON *member;
    size_t at;
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a;
    const struct numbered *y = b;
    int order = strcmp(x->member->string, y->member->string);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

void moon_sim_tree_unique(cJSON *tree)
{
    size_t count = 0;
    cJSON *child = NULL;
    cJSON_ArrayForEach (child, tree) {
        moon_sim_tree_unique(child);
        count++;
    }
    if (!cJSON_IsObject(tree) || count < 2) {
        return;
    }
    struct numbered *members = moon_new_array(struct numbered, count);
    count = 0;
    cJSON_ArrayForEach (child, tree) {
        members[count] = (struct numbered){child, count};
        count++;
    }
    qsort(members, count, sizeof(*members), compare_numbered);
    for (size_t i = 0; i + 1 < count; i++) {
        if (moon_streq(members[i].member->string, members[i + 1].member->string)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(tree, members[i].member));
        }
    }
    moon_free(members);
}

size_t moon_sim_tree_depth(const cJSON *tree)
{
    size_t deepest = 0;
    const cJSON *child = NULL;
    if (!cJSON_IsObject(tree) && !cJSON_IsArray(tree)) {
        return 0;
    }
    cJSON_ArrayForEach (child, tree) {
        size_t depth = moon_sim_tree_depth(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* Not cJSON_InsertItemInArray: the one of Debian 12 refuses every index but the first. */
void moon_sim_insert(cJSON *parent, int index, cJSON *take_child)
{
    cJSON *rest = cJSON_CreateArray();
    while (cJSON_GetArraySize(parent) > index) {
        (void)cJSON_AddItemToArray(rest, cJSON_DetachItemFromArray(parent, index));
    }
    (void)cJSON_AddItemToArray(parent, take_child);
    while (rest->child != NULL) {
        (void)cJSON_AddItemToArray(parent, cJSON_DetachItemViaPointer(rest, rest->child));
    }
    cJSON_Delete(rest);
}

cJSON *moon_sim_new_int(int64_t value)
{
    char text[24];
    if ((double)value >= -EXACT_MAX && (double)value <= EXACT_MAX) {
        return cJSON_CreateNumber((double)value);
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    return cJSON_CreateRaw(text);
}

void moon_sim_set_int(cJSON *object, const char *key, int64_t value)
{
    moon_sim_set(object, key, moon_sim_new_int(value));
}

void moon_sim_set_bool(cJSON *object, const char *key, bool value)
{
    moon_sim_set(object, key, cJSON_CreateBool(value));
}

cJSON *moon_sim_ensure(cJSON *object, const char *key)
{
    cJSON *member = moon_sim_member(object, key);
    if (member == NULL) {
        member = cJSON_CreateObject();
        moon_sim_set(object, key, member);
    }
    return member;
}

void moon_sim_default_text(cJSON *object, const char *key, const char *text)
{
    if (moon_sim_member(object, key) == NULL) {
        moon_sim_set_text(object, key, text);
    }
}

void moon_sim_default_int(cJSON *object, const char *key, int64_t value)
{
    if (moon_sim_member(object, key) == NULL) {
        moon_sim_set_int(object, key, value);
    }
}

void moon_sim_default_bool(cJSON *object, const char *key, bool value)
{
    if (moon_sim_member(object, key) == NULL) {
        moon_sim_set_bool(object, key, value);
    }
}

cJSON *moon_sim_clone(const cJSON *tree)
{
    return tree != NULL ? cJSON_Duplicate(tree, true) : NULL;
}
