/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/amounts.h"

#include "kube/quantity.h"

/* The entry of this resource; a new one, 0, when there is none. Takes no reference. */
static struct moon_amount *entry(struct moon_amounts *a, moon_sym name)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].name == name) {
            return &a->items[i];
        }
    }
    a->items = moon_realloc_array(a->items, a->count + 1, sizeof(*a->items));
    a->items[a->count] = (struct moon_amount){.name = moon_sym_ref(name)};
    return &a->items[a->count++];
}

int moon_amounts_from_json(const cJSON *json, struct moon_amounts *ret, struct moon_err *err)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, json) {
        struct moon_quantity quantity;
        const char *text = cJSON_GetStringValue(item);
        if (moon_quantity_parse(moon_str(text), &quantity, err) != 0) {
            return moon_err_wrap(err, "%s", item->string);
        }
        moon_amounts_set(ret, item->string,
                         strcmp(item->string, "cpu") == 0 ? moon_quantity_milli(quantity)
                                                          : moon_quantity_units(quantity));
    }
    return 0;
}

void moon_amounts_fini(struct moon_amounts *a)
{
    for (size_t i = 0; i < a->count; i++) {
        moon_sym_unref(a->items[i].name);
    }
    moon_free(a->items);
    *a = (struct moon_amounts){0};
}

int64_t moon_amounts_get(const struct moon_amounts *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].name == name || strcmp(a->items[i].name, name) == 0) {
            return a->items[i].value;
        }
    }
    return 0;
}

void moon_amounts_set(struct moon_amounts *a, const char *name, int64_t value)
{
    moon_sym sym = moon_intern_cstr(name);
    entry(a, sym)->value = value;
    moon_sym_unref(sym);
}

void moon_amounts_add(struct moon_amounts *a, const struct moon_amounts *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct moon_amount *sum = entry(a, b->items[i].name);
        if (__builtin_add_overflow(sum->value, b->items[i].value, &sum->value)) {
            sum->value = INT64_MAX;
        }
    }
}

void moon_amounts_sub(struct moon_amounts *a, const struct moon_amounts *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct moon_amount *rest = entry(a, b->items[i].name);
        if (__builtin_sub_overflow(rest->value, b->items[i].value, &rest->value)) {
            rest->value = INT64_MIN;
        }
    }
}

void moon_amounts_max(struct moon_amounts *a, const struct moon_amounts *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct moon_amount *most = entry(a, b->items[i].name);
        most->value = b->items[i].value > most->value ? b->items[i].value : most->value;
    }
}

static bool has_all_of(const struct moon_amounts *a, const struct moon_amounts *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (moon_amounts_get(a, b->items[i].name) != b->items[i].value) {
            return false;
        }
    }
    return true;
}

bool moon_amounts_equal(const struct moon_amounts *a, const struct moon_amounts *b)
{
    return has_all_of(a, b) && has_all_of(b, a);
}
