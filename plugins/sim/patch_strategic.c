/* SPDX-License-Identifier: Apache-2.0
 *
 * patch_strategic.c - Kubernetes' strategic merge patch.
 *
 * The order of a merged list follows the reference: what the patch names (or its
 * $setElementOrder), in the patch's order, woven into what only the server has, in the server's.
 */
#include <stdlib.h>

#include "sim/patch.h"

static const char DIRECTIVE[] = "$patch";
static const char RETAIN_KEYS[] = "$retainKeys";
static const char SET_ORDER[] = "$setElementOrder/";
static const char DELETE_FROM[] = "$deleteFromPrimitiveList/";

static int merge_object(const struct moon_sim_type *type, cJSON *original, const cJSON *patch,
                        struct moon_err *err);

static bool is_directive(const char *key)
{
    return key[0] == '$' && (moon_streq(key, DIRECTIVE) || moon_streq(key, RETAIN_KEYS) ||
                             moon_str_starts(moon_str(key), SET_ORDER) ||
                             moon_str_starts(moon_str(key), DELETE_FROM));
}

/* A copy of what the patch adds, without directives and nulls. NULL: it says "delete". */
static cJSON *plain_copy(const cJSON *value)
{
    if (!cJSON_IsObject(value) && !cJSON_IsArray(value)) {
        return moon_sim_clone(value);
    }
    bool object = cJSON_IsObject(value);
    if (object && moon_streq(moon_sim_text(value, DIRECTIVE), "delete")) {
        return NULL;
    }
    cJSON *copy = object ? cJSON_CreateObject() : cJSON_CreateArray();
    const cJSON *child = NULL;
    cJSON_ArrayForEach (child, value) {
        bool marker = !object && cJSON_IsObject(child) &&
                      moon_streq(moon_sim_text(child, DIRECTIVE), "replace");
        if (marker || (object && (is_directive(child->string) || cJSON_IsNull(child)))) {
            continue;
        }
        cJSON *plain = plain_copy(child);
        if (plain == NULL) {
            continue;
        }
        if (object) {
            cJSON_AddItemToObject(copy, child->string, plain);
        } else {
            cJSON_AddItemToArray(copy, plain);
        }
    }
    return copy;
}

/* ---- order ---- */

/* Where an element stands in a list: scalars by value, objects by their merge key. -1: nowhere. */
static int position(const cJSON *list, const cJSON *element, const char *merge_key)
{
    const cJSON *wanted = merge_key != NULL ? moon_sim_member(element, merge_key) : element;
    const cJSON *item = NULL;
    int index = 0;
    cJSON_ArrayForEach (item, list) {
        const cJSON *have = merge_key != NULL ? moon_sim_member(item, merge_key) : item;
        if (have != NULL && wanted != NULL && moon_sim_tree_equal(have, wanted)) {
            return index;
        }
        index++;
    }
    return -1;
}

struct ranked {
    cJSON *item;
    int rank;        /* in the patch's order; -1: only the server has it */
    int server_rank; /* in the order before the patch; -1: new */
    int sequence;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    int left = x->rank >= 0 ? x->rank : x->server_rank;
    int right = y->rank >= 0 ? y->rank : y->server_rank;
    return left != right ? (left < right ? -1 : 1) : x->sequence - y->sequence;
}

/* `list` in the order of the reference's mergeSortedSlice. */
static void weave(cJSON *list, struct ranked *server, size_t servers, struct ranked *patched,
                  size_t patches)
{
    size_t i = 0;
    size_t j = 0;
    while (i < servers || j < patches) {
        bool server_first = j >= patches || (i < servers && server[i].server_rank >= 0 &&
                                             patched[j].server_rank >= 0 &&
                                             server[i].server_rank < patched[j].server_rank);
        cJSON_AddItemToArray(list, server_first ? server[i++].item : patched[j++].item);
    }
}

static void enforce_order(cJSON *list, const cJSON *order, const cJSON *server_order,
                          const char *merge_key)
{
    size_t count = (size_t)cJSON_GetArraySize(list);
    struct ranked *server = moon_new_array(struct ranked, count + 1);
    struct ranked *patched = moon_new_array(struct ranked, count + 1);
    size_t servers = 0;
    size_t patches = 0;
    for (int sequence = 0; list->child != NULL; sequence++) {
        struct ranked one = {.item = cJSON_DetachItemViaPointer(list, list->child),
                             .sequence = sequence};
        one.rank = position(order, one.item, merge_key);
        one.server_rank = position(server_order, one.item, merge_key);
        if (one.rank >= 0) {
            patched[patches++] = one;
        } else {
            server[servers++] = one;
        }
    }
    qsort(server, servers, sizeof(*server), compare_ranked);
    qsort(patched, patches, sizeof(*patched), compare_ranked);
    weave(list, server, servers, patched, patches);
    moon_free(server);
    moon_free(patched);
}

/* ---- lists ---- */

static void merge_scalars(cJSON *list, const cJSON *patch)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, patch) {
        if (position(list, item, NULL) < 0) {
            cJSON_AddItemToArray(list, moon_sim_clone(item));
        }
    }
}

/* As Go prints a generic value. */
static void print_go(struct moon_buf *out, const cJSON *node)
{
    const cJSON *child = NULL;
    if (cJSON_IsString(node)) {
        moon_buf_puts(out, node->valuestring);
        return;
    }
    if (!cJSON_IsObject(node) && !cJSON_IsArray(node)) {
        moon_sim_tree_print(node, out);
        return;
    }
    moon_buf_puts(out, cJSON_IsObject(node) ? "map[" : "[");
    cJSON_ArrayForEach (child, node) {
        moon_buf_puts(out, child != node->child ? " " : "");
        if (cJSON_IsObject(node)) {
            moon_buf_printf(out, "%s:", child->string);
        }
        print_go(out, child);
    }
    moon_buf_putc(out, ']');
}

static int no_merge_key(const cJSON *element, const char *merge_key, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(4096);
    MOON_AUTOJSON *sorted = moon_sim_clone(element);
    moon_sim_tree_sort(sorted);
    print_go(&text, sorted);
    return moon_err_set(err, MOON_E_SERVER, "map: %s does not contain declared merge key: %s",
                        moon_buf_cstr(&text), merge_key);
}

static void delete_matching(cJSON *list, const cJSON *element, const char *merge_key)
{
    int at = 0;
    while ((at = position(list, element, merge_key)) >= 0) {
        cJSON_DeleteItemFromArray(list, at);
    }
}

static int unknown_directive(const cJSON *patch, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf shown = MOON_BUF_INIT(4096);
    MOON_AUTOJSON *sorted = moon_sim_clone(patch);
    moon_sim_tree_sort(sorted);
    print_go(&shown, sorted);
    return moon_err_set(err, MOON_E_SERVER, "unknown patch type: %s in map: %s",
                        moon_sim_text(patch, DIRECTIVE), moon_buf_cstr(&shown));
}

/* Elements that carry $patch: "replace" empties the list, "delete" removes its like. */
static int apply_special_elements(cJSON *list, const cJSON *patch, const char *merge_key,
                                  struct moon_err *err)
{
    const cJSON *element = NULL;
    cJSON_ArrayForEach (element, patch) {
        const cJSON *directive = moon_sim_member(element, DIRECTIVE);
        if (directive == NULL) {
            continue;
        }
        if (moon_streq(cJSON_GetStringValue(directive), "delete")) {
            if (moon_sim_member(element, merge_key) == NULL) {
                return no_merge_key(element, merge_key, err);
            }
            delete_matching(list, element, merge_key);
        } else if (moon_streq(cJSON_GetStringValue(directive), "replace")) {
            while (list->child != NULL) {
                cJSON_DeleteItemFromArray(list, 0);
            }
        } else {
            return unknown_directive(element, err);
        }
    }
    return 0;
}

static int merge_elements(cJSON *list, const cJSON *patch, const struct moon_sim_field *field,
                          struct moon_err *err)
{
    const cJSON *element = NULL;
    if (apply_special_elements(list, patch, field->merge_key, err) != 0) {
        return -(int)err->code;
    }
    cJSON_ArrayForEach (element, patch) {
        if (moon_sim_member(element, DIRECTIVE) != NULL) {
            continue;
        }
        if (moon_sim_member(element, field->merge_key) == NULL) {
            return no_merge_key(element, field->merge_key, err);
        }
        int at = position(list, element, field->merge_key);
        if (at < 0) {
            cJSON_AddItemToArray(list, plain_copy(element));
        } else if (merge_object(field->type, cJSON_GetArrayItem(list, at), element, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* Merge `patch` into `list`; without an order of its own the patch's order counts. */
static int merge_list(const struct moon_sim_field *field, cJSON *list, const cJSON *patch,
                      const cJSON *order, struct moon_err *err)
{
    MOON_AUTOJSON *before = moon_sim_clone(list);
    if (field->merge_key == NULL) {
        merge_scalars(list, patch);
    } else if (merge_elements(list, patch, field, err) != 0) {
        return -(int)err->code;
    }
    enforce_order(list, patch, before, field->merge_key);
    if (order != NULL) {
        enforce_order(list, order, before, field->merge_key);
    }
    return 0;
}

/* ---- objects ---- */

static void clear_object(cJSON *object)
{
    cJSON_Delete(object->child);
    object->child = NULL;
}

static int apply_object_directive(cJSON *original, const cJSON *patch, struct moon_err *err)
{
    const char *what = moon_sim_text(patch, DIRECTIVE);
    if (moon_streq(what, "delete")) {
        clear_object(original);
        return 0;
    }
    if (!moon_streq(what, "replace")) {
        return unknown_directive(patch, err);
    }
    cJSON *copy = plain_copy(patch);
    clear_object(original);
    original->child = moon_steal(&copy->child);
    cJSON_Delete(copy);
    return 0;
}

static int apply_retain_keys(cJSON *original, const cJSON *patch, struct moon_err *err)
{
    const cJSON *keys = moon_sim_member(patch, RETAIN_KEYS);
    if (keys == NULL) {
        return 0;
    }
    if (!cJSON_IsArray(keys)) {
        return moon_err_set(err, MOON_E_INVALID, "invalid patch format of retainKeys");
    }
    cJSON *member = original->child;
    while (member != NULL) {
        cJSON *next = member->next;
        if (moon_sim_index_of(keys, member->string) < 0) {
            cJSON_Delete(cJSON_DetachItemViaPointer(original, member));
        }
        member = next;
    }
    return 0;
}

static int delete_from_scalars(cJSON *original, const char *name, const cJSON *values,
                               struct moon_err *err)
{
    cJSON *list = moon_sim_member(original, name);
    const cJSON *value = NULL;
    if (!cJSON_IsArray(values)) {
        return moon_err_set(err, MOON_E_INVALID, "invalid patch format of primitive list");
    }
    cJSON_ArrayForEach (value, values) {
        if (list != NULL) {
            delete_matching(list, value, NULL);
        }
    }
    return 0;
}

/* The elements that the patch brings stand in the order that it gives? Those that it deletes do not
 * count. */
static bool fits_order(const cJSON *patched, const cJSON *order, const char *merge_key)
{
    const cJSON *wanted = order->child;
    const cJSON *element = NULL;
    cJSON_ArrayForEach (element, patched) {
        if (moon_sim_member(element, DIRECTIVE) != NULL) {
            continue;
        }
        while (wanted != NULL &&
               !moon_sim_tree_equal(merge_key != NULL ? moon_sim_member(wanted, merge_key) : wanted,
                                    merge_key != NULL ? moon_sim_member(element, merge_key)
                                                      : element)) {
            wanted = wanted->next;
        }
        if (wanted == NULL) {
            return false;
        }
        wanted = wanted->next;
    }
    return true;
}

static int refuse_order(const cJSON *patched, const cJSON *order, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf have = MOON_BUF_INIT(4096);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf want = MOON_BUF_INIT(4096);
    MOON_AUTOJSON *sorted = moon_sim_clone(patched);
    MOON_AUTOJSON *sorted_order = moon_sim_clone(order);
    moon_sim_tree_sort(sorted);
    moon_sim_tree_sort(sorted_order);
    print_go(&have, sorted);
    print_go(&want, sorted_order);
    return moon_err_set(err, MOON_E_SERVER,
                        "The order in patch list:\n%s\n doesn't match $setElementOrder list:\n%s\n",
                        moon_buf_cstr(&have), moon_buf_cstr(&want));
}

/* $setElementOrder/<name>, together with the patch of that list if there is one. */
static int apply_order(const struct moon_sim_type *type, cJSON *original, const cJSON *patch,
                       const cJSON *order, const char *name, struct moon_err *err)
{
    const struct moon_sim_field *field = moon_sim_type_field(type, name);
    const cJSON *patched = moon_sim_member(patch, name);
    cJSON *list = moon_sim_member(original, name);
    if (!cJSON_IsArray(order) || (patched != NULL && !cJSON_IsArray(patched))) {
        return moon_err_set(err, MOON_E_INVALID, "invalid patch format of setElementOrder list");
    }
    if (field == NULL || !field->merges) {
        return 0; /* the list itself is handled with the other members */
    }
    if (list == NULL && patched == NULL) {
        return 0;
    }
    if (patched != NULL && !fits_order(patched, order, field->merge_key)) {
        return refuse_order(patched, order, err);
    }
    if (list == NULL) {
        list = cJSON_CreateArray();
        moon_sim_set(original, name, list);
    }
    if (patched != NULL) {
        return merge_list(field, list, patched, order, err);
    }
    MOON_AUTOJSON *before = moon_sim_clone(list);
    enforce_order(list, order, before, field->merge_key);
    return 0;
}

static bool has_order(const struct moon_sim_type *type, const cJSON *patch, const char *name)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s%s", SET_ORDER, name);
    const struct moon_sim_field *field = moon_sim_type_field(type, name);
    return field != NULL && field->merges && moon_sim_member(patch, key) != NULL;
}

static int merge_member(const struct moon_sim_type *type, cJSON *original, const cJSON *value,
                        struct moon_err *err)
{
    const char *name = value->string;
    const struct moon_sim_field *field = moon_sim_type_field(type, name);
    cJSON *target = moon_sim_member(original, name);
    bool merges = field != NULL && field->merges;
    if (cJSON_IsNull(value)) {
        moon_sim_remove(original, name);
        return 0;
    }
    if (cJSON_IsObject(value) && cJSON_IsObject(target)) {
        const struct moon_sim_type *inner =
            field != NULL && field->shape == MOON_SIM_ONE ? field->type : NULL;
        return merge_object(inner, target, value, err);
    }
    if (cJSON_IsArray(value) && merges && (target == NULL || cJSON_IsArray(target))) {
        if (target == NULL) {
            target = cJSON_CreateArray();
            moon_sim_set(original, name, target);
        }
        return merge_list(field, target, value, NULL, err);
    }
    cJSON *copy = plain_copy(value);
    if (copy != NULL || target != NULL) {
        moon_sim_set(original, name, copy);
    }
    return 0;
}

static int merge_object(const struct moon_sim_type *type, cJSON *original, const cJSON *patch,
                        struct moon_err *err)
{
    const cJSON *member = NULL;
    if (moon_sim_member(patch, DIRECTIVE) != NULL) {
        return apply_object_directive(original, patch, err);
    }
    if (apply_retain_keys(original, patch, err) != 0) {
        return -(int)err->code;
    }
    cJSON_ArrayForEach (member, patch) {
        struct moon_str key = moon_str(member->string);
        int rc = 0;
        if (moon_str_starts(key, SET_ORDER)) {
            rc = apply_order(type, original, patch, member, member->string + sizeof(SET_ORDER) - 1,
                             err);
        } else if (moon_str_starts(key, DELETE_FROM)) {
            rc = delete_from_scalars(original, member->string + sizeof(DELETE_FROM) - 1, member,
                                     err);
        } else if (!moon_streq(member->string, RETAIN_KEYS) &&
                   !(cJSON_IsArray(member) && has_order(type, patch, member->string))) {
            rc = merge_member(type, original, member, err);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int moon_sim_patch_strategic(const struct moon_sim_type *type, cJSON *doc, const cJSON *patch,
                             struct moon_err *err)
{
    return merge_object(type, doc, patch, err);
}
