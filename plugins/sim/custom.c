/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/custom.h"

#include "sim/tree.h"

struct moon_sim_custom *moon_sim_custom_new(const struct moon_sim_type *object_meta, size_t store)
{
    struct moon_sim_custom *custom = moon_new(struct moon_sim_custom);
    custom->kind.index = store;
    custom->kind.custom = custom;
    custom->structural.object_meta = object_meta;
    return custom;
}

static void clear(struct moon_sim_custom *custom)
{
    for (size_t i = 0; i < custom->column_count; i++) {
        moon_free(custom->columns[i].name);
        moon_free(custom->columns[i].type);
        moon_free(custom->columns[i].format);
        moon_free(custom->columns[i].description);
        moon_free(custom->columns[i].path);
    }
    moon_free(custom->columns);
    moon_free((void *)(uintptr_t)custom->kind.short_names);
    moon_free((void *)(uintptr_t)custom->kind.categories);
    cJSON_Delete(custom->definition);
    custom->columns = NULL;
    custom->column_count = 0;
}

void moon_sim_custom_free(struct moon_sim_custom *custom)
{
    if (custom != NULL) {
        clear(custom);
        moon_free(custom);
    }
}

/* A list of texts as the rows have them, pointing into the tree; NULL when empty. */
static const char *const *texts_of(const cJSON *list)
{
    const cJSON *item = NULL;
    size_t n = 0;
    if (cJSON_GetArraySize(list) == 0) {
        return NULL;
    }
    const char **texts = moon_new_array(const char *, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach (item, list) {
        texts[n++] = cJSON_IsString(item) ? item->valuestring : "";
    }
    return texts;
}

static void set_columns(struct moon_sim_custom *custom, const cJSON *columns)
{
    const cJSON *column = NULL;
    custom->columns =
        moon_new_array(struct moon_sim_custom_column, (size_t)cJSON_GetArraySize(columns) + 1);
    cJSON_ArrayForEach (column, columns) {
        const char *description = moon_sim_text(column, "description");
        const char *path = moon_sim_text(column, "jsonPath");
        custom->columns[custom->column_count++] = (struct moon_sim_custom_column){
            .name = moon_strdup(moon_sim_text(column, "name")),
            .type = moon_strdup(moon_sim_text(column, "type")),
            .format = moon_strdup(moon_sim_text(column, "format")),
            .description =
                description[0] != '\0'
                    ? moon_strdup(description)
                    : moon_asprintf("Custom resource definition column (in JSONPath format): %s",
                                    path),
            .path = moon_strdup(path),
            .priority = (int)moon_sim_int(column, "priority", 0),
        };
    }
    if (custom->column_count == 0) {
        custom->columns[custom->column_count++] = (struct moon_sim_custom_column){
            .name = moon_strdup("Age"),
            .type = moon_strdup("date"),
            .format = moon_strdup(""),
            .description = moon_strdup("CreationTimestamp is a timestamp representing the server "
                                       "time when this object was created."),
            .path = moon_strdup(".metadata.creationTimestamp"),
        };
    }
}

void moon_sim_custom_set(struct moon_sim_custom *custom, const cJSON *spec, const cJSON *version)
{
    const cJSON *one = NULL;
    const cJSON *its = NULL;
    clear(custom);
    custom->definition = moon_sim_clone(spec);
    const cJSON *names = moon_sim_member(custom->definition, "names");
    cJSON_ArrayForEach (one, moon_sim_member(custom->definition, "versions")) {
        if (moon_streq(moon_sim_text(one, "name"), moon_sim_text(version, "name"))) {
            its = one;
        }
    }
    moon_assert(its != NULL);
    struct moon_sim_kind *kind = &custom->kind;
    const struct moon_sim_kind *stored_as = kind->stored_as;
    *kind = (struct moon_sim_kind){
        .index = kind->index,
        .custom = custom,
        .stored_as = stored_as,
        .group = moon_sim_text(custom->definition, "group"),
        .version = moon_sim_text(its, "name"),
        .resource = moon_sim_text(names, "plural"),
        .singular = moon_sim_text(names, "singular"),
        .kind = moon_sim_text(names, "kind"),
        .list_kind = moon_sim_text(names, "listKind"),
        .short_names = texts_of(moon_sim_member(names, "shortNames")),
        .categories = texts_of(moon_sim_member(names, "categories")),
        .namespaced = moon_streq(moon_sim_text(custom->definition, "scope"), "Namespaced"),
        .has_status = moon_sim_get(its, "subresources.status") != NULL,
        .has_generation = true,
        .needs_version = true,
    };
    custom->scale = moon_sim_get(its, "subresources.scale");
    custom->structural.schema = moon_sim_get(its, "schema.openAPIV3Schema");
    set_columns(custom, moon_sim_member(its, "additionalPrinterColumns"));
}

/* ---- rules ---- */

int moon_sim_custom_coerce(const struct moon_sim_custom *custom, cJSON *tree, cJSON *strict,
                           struct moon_err *err)
{
    return moon_sim_structural_coerce(&custom->structural, tree, strict, err);
}

void moon_sim_custom_validate(const struct moon_sim_custom *custom, const cJSON *tree,
                              cJSON *causes)
{
    moon_sim_structural_validate(&custom->structural, tree, causes);
}

void moon_sim_custom_isolate_status(cJSON *tree, const cJSON *old)
{
    const cJSON *member = NULL;
    cJSON *status = cJSON_DetachItemFromObjectCaseSensitive(tree, "status");
    while (tree->child != NULL) {
        cJSON_Delete(cJSON_DetachItemViaPointer(tree, tree->child));
    }
    cJSON_ArrayForEach (member, old) {
        if (!moon_streq(member->string, "status")) {
            cJSON_AddItemToObject(tree, member->string, moon_sim_clone(member));
        }
    }
    if (status != NULL) {
        cJSON_AddItemToObject(tree, "status", status);
    }
}

static bool differs(const struct moon_sim_custom *custom, const cJSON *a, const cJSON *b)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, a) {
        bool counts = !moon_streq(member->string, "metadata") &&
                      !(custom->kind.has_status && moon_streq(member->string, "status"));
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(b, member->string);
        if (counts && (other == NULL || !moon_sim_tree_equal(member, other))) {
            return true;
        }
    }
    return false;
}

bool moon_sim_custom_changed(const struct moon_sim_custom *custom, const cJSON *tree,
                             const cJSON *old)
{
    return differs(custom, tree, old) || differs(custom, old, tree);
}
