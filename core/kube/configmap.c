/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/configmap.h"

#include <stdlib.h>

static struct moon_configmap *self(struct moon_object *o)
{
    return (struct moon_configmap *)(void *)o;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct moon_configmap_item *)a)->key,
                  ((const struct moon_configmap_item *)b)->key);
}

/* `binary`: only that it is there. */
static int add_items(struct moon_configmap *c, const cJSON *data, bool binary, struct moon_err *err)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, data) {
        if (!cJSON_IsString(item)) {
            return moon_err_set(err, MOON_E_INVALID, "%s.%s: not a text",
                                binary ? "binaryData" : "data", item->string);
        }
        c->items[c->count++] = (struct moon_configmap_item){
            .key = moon_strdup(item->string),
            .text = binary ? NULL : moon_strdup(item->valuestring),
            .len = binary ? 0 : strlen(item->valuestring),
        };
    }
    return 0;
}

static int project(struct moon_object *o, const cJSON *json, struct moon_str text MOON_UNUSED,
                   struct moon_err *err)
{
    struct moon_configmap *c = self(o);
    const cJSON *data = moon_json_member(json, "data");
    const cJSON *binary = moon_json_member(json, "binaryData");

    c->items = moon_new_array(struct moon_configmap_item, (size_t)cJSON_GetArraySize(data) +
                                                              (size_t)cJSON_GetArraySize(binary));
    if (add_items(c, data, false, err) != 0 || add_items(c, binary, true, err) != 0) {
        return -(int)err->code;
    }
    if (c->count > 0) {
        qsort(c->items, c->count, sizeof(c->items[0]), compare_items);
    }
    return 0;
}

static void fini(struct moon_object *o)
{
    struct moon_configmap *c = self(o);

    for (size_t i = 0; i < c->count; i++) {
        moon_free(c->items[i].key);
        moon_free(c->items[i].text);
    }
    moon_free(c->items);
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_configmap *a = moon_configmap(oa);
    const struct moon_configmap *b = moon_configmap(ob);

    if (a->count != b->count || !moon_object_same_head(oa, ob)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
            !moon_streq(a->items[i].text, b->items[i].text)) {
            return false;
        }
    }
    return true;
}

static const struct moon_json_want reads[] = {
    MOON_OBJECT_READS,
    {.key = "data"},
    {.key = "binaryData"},
    {0},
};

const struct moon_kind moon_kind_configmap = {
    .resource = &moon_resource_configmaps,
    .size = sizeof(struct moon_configmap),
    .reads = reads,
    .project = project,
    .fini = fini,
    .same = same,
};
