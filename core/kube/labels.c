/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/labels.h"

#include <stdlib.h>

static void label_fini(struct moon_label *label)
{
    moon_sym_unref(label->key);
    moon_sym_unref(label->value);
}

/* Where `key` is, or would have to be inserted. */
static size_t position(const struct moon_labels *l, struct moon_str key, bool *ret_found)
{
    size_t low = 0;
    size_t high = l->count;
    *ret_found = false;
    while (low < high && !*ret_found) {
        size_t middle = low + (high - low) / 2;
        moon_sym candidate = l->items[middle].key;
        int order = moon_str_cmp((struct moon_str){candidate, moon_sym_len(candidate)}, key);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_sorted(const struct moon_labels *l)
{
    for (size_t i = 1; i < l->count; i++) {
        if (strcmp(l->items[i - 1].key, l->items[i].key) >= 0) {
            return false;
        }
    }
    return true;
}

/* A label and its place in the text, to tell the last of equal keys. */
struct entry {
    struct moon_label label;
    size_t order;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = strcmp(x->label.key, y->label.key);
    if (order != 0) {
        return order;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Of equal keys the last one stays, as in Go. */
static void sort_labels(struct moon_labels *l)
{
    MOON_AUTOFREE struct entry *entries = moon_new_array(struct entry, l->count);
    for (size_t i = 0; i < l->count; i++) {
        entries[i] = (struct entry){l->items[i], i};
    }
    qsort(entries, l->count, sizeof(*entries), compare_entries);
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (kept > 0 && l->items[kept - 1].key == entries[i].label.key) {
            label_fini(&l->items[--kept]);
        }
        l->items[kept++] = entries[i].label;
    }
    l->count = kept;
}

int moon_labels_from_json(const cJSON *json, struct moon_labels *ret, struct moon_err *err)
{
    moon_assert(ret->items == NULL && ret->count == 0);
    if (json == NULL || cJSON_IsNull(json)) {
        return 0;
    }
    if (!cJSON_IsObject(json)) {
        return moon_err_set(err, MOON_E_INVALID, "not an object of texts");
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, json) {
        if (!cJSON_IsString(member)) {
            return moon_err_set(err, MOON_E_INVALID, "%s: not a text", member->string);
        }
    }
    size_t count = (size_t)cJSON_GetArraySize(json);
    if (count == 0) {
        return 0;
    }
    *ret = (struct moon_labels){.items = moon_new_array(struct moon_label, count)};
    cJSON_ArrayForEach (member, json) {
        ret->items[ret->count++] = (struct moon_label){
            .key = moon_intern_cstr(member->string),
            .value = moon_intern_cstr(member->valuestring),
        };
    }
    if (!is_sorted(ret)) { /* the API server sorts, files need not */
        sort_labels(ret);
    }
    return 0;
}

void moon_labels_copy(const struct moon_labels *from, struct moon_labels *ret)
{
    moon_assert(ret->items == NULL && ret->count == 0);
    if (from->count == 0) {
        return;
    }
    ret->items = moon_new_array(struct moon_label, from->count);
    for (; ret->count < from->count; ret->count++) {
        const struct moon_label *label = &from->items[ret->count];
        ret->items[ret->count] =
            (struct moon_label){moon_sym_ref(label->key), moon_sym_ref(label->value)};
    }
}

void moon_labels_fini(struct moon_labels *l)
{
    for (size_t i = 0; i < l->count; i++) {
        label_fini(&l->items[i]);
    }
    moon_free(l->items);
    *l = (struct moon_labels){0};
}

void moon_labels_set(struct moon_labels *l, const char *key, const char *value)
{
    bool found;
    size_t at = position(l, moon_str(key), &found);
    moon_sym new_value = moon_intern_cstr(value); /* before the old one goes: it may be the same */
    if (found) {
        moon_sym_unref(l->items[at].value);
        l->items[at].value = new_value;
        return;
    }
    moon_sym new_key = moon_intern_cstr(key);
    l->items = moon_realloc_array(l->items, l->count + 1, sizeof(*l->items));
    memmove(&l->items[at + 1], &l->items[at], (l->count - at) * sizeof(*l->items));
    l->items[at] = (struct moon_label){new_key, new_value};
    l->count++;
}

moon_sym moon_labels_get_str(const struct moon_labels *l, struct moon_str key)
{
    bool found;
    size_t at = position(l, key, &found);
    return found ? l->items[at].value : NULL;
}

moon_sym moon_labels_get(const struct moon_labels *l, const char *key)
{
    return moon_labels_get_str(l, moon_str(key));
}

bool moon_labels_equal(const struct moon_labels *a, const struct moon_labels *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].key != b->items[i].key || a->items[i].value != b->items[i].value) {
            return false;
        }
    }
    return true;
}
