/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - the views of meta.k8s.io: Table and PartialObjectMetadata.
 */
#include "sim/api_priv.h"
#include "sim/strategy.h"
#include "sim/table_cells.h"

static const struct moon_sim_column *columns_of(const struct moon_sim_kind *kind)
{
    return kind->columns != NULL ? kind->columns : moon_sim_columns_any;
}

static cJSON *column_definitions(const struct moon_sim_kind *kind)
{
    cJSON *definitions = cJSON_CreateArray();
    if (kind->custom != NULL) {
        moon_sim_custom_columns(kind->custom, definitions);
        return definitions;
    }
    for (const struct moon_sim_column *c = columns_of(kind); c->name != NULL; c++) {
        cJSON *definition = cJSON_CreateObject();
        moon_sim_set_text(definition, "name", c->name);
        moon_sim_set_text(definition, "type", c->type);
        moon_sim_set_text(definition, "format", moon_streq(c->name, "Name") ? "name" : "");
        moon_sim_set_text(definition, "description", "");
        moon_sim_set_int(definition, "priority", c->priority);
        cJSON_AddItemToArray(definitions, definition);
    }
    return definitions;
}

static cJSON *new_meta_object(const struct moon_sim_call *call, const char *kind)
{
    cJSON *object = cJSON_CreateObject();
    MOON_AUTOFREE char *api_version =
        moon_asprintf("meta.k8s.io/%s", call->view_version != NULL ? call->view_version : "v1");
    moon_sim_set_text(object, "kind", kind);
    moon_sim_set_text(object, "apiVersion", api_version);
    return object;
}

cJSON *moon_sim_partial(const struct moon_sim_call *call, const cJSON *tree)
{
    cJSON *partial = new_meta_object(call, "PartialObjectMetadata");
    cJSON *metadata = moon_sim_clone(moon_sim_member(tree, "metadata"));
    moon_sim_set(partial, "metadata", metadata);
    /* On a real server this one is a field of the spec that v1 shows as an annotation: metadata
     * alone does not have it. */
    cJSON *annotations = moon_sim_member(metadata, "annotations");
    if (annotations != NULL && moon_streq(call->kind->kind, "DaemonSet")) {
        moon_sim_remove(annotations, MOON_SIM_TEMPLATE_GENERATION);
        if (annotations->child == NULL) {
            moon_sim_remove(metadata, "annotations");
        }
    }
    return partial;
}

static cJSON *full_object(const struct moon_sim_call *call, const cJSON *tree)
{
    char api_version[MOON_SIM_API_VERSION_TEXT];
    cJSON *object = cJSON_CreateObject();
    cJSON *copy = moon_sim_clone(tree);
    moon_sim_set_text(object, "kind", call->kind->kind);
    moon_sim_set_text(object, "apiVersion", moon_sim_kind_api_version(call->kind, api_version));
    while (copy->child != NULL) {
        cJSON *member = cJSON_DetachItemViaPointer(copy, copy->child);
        cJSON_AddItemToArray(object, member); /* keeps the member's key */
    }
    cJSON_Delete(copy);
    return object;
}

static void add_conditions(cJSON *row, const cJSON *tree)
{
    const char *phase = moon_sim_text(tree, "status.phase");
    bool succeeded = moon_streq(phase, "Succeeded");
    if (!succeeded && !moon_streq(phase, "Failed")) {
        return;
    }
    cJSON *condition = cJSON_CreateObject();
    cJSON *conditions = cJSON_CreateArray();
    moon_sim_set_text(condition, "type", "Completed");
    moon_sim_set_text(condition, "status", "True");
    moon_sim_set_text(condition, "reason", phase);
    moon_sim_set_text(condition, "message",
                      succeeded ? "The pod has completed successfully." : "The pod failed.");
    cJSON_AddItemToArray(conditions, condition);
    moon_sim_set(row, "conditions", conditions);
}

static cJSON *make_row(const struct moon_sim_call *call, const cJSON *tree)
{
    const char *include = moon_sim_call_query(call, "includeObject");
    cJSON *row = cJSON_CreateObject();
    cJSON *cells = cJSON_CreateArray();
    void (*fill)(const cJSON *, int64_t, cJSON *) =
        call->kind->cells != NULL ? call->kind->cells : moon_sim_cells_any;
    if (call->kind->custom != NULL) {
        moon_sim_custom_cells(call->kind->custom, tree, moon_sim_now_s(call->api), cells);
    } else {
        fill(tree, moon_sim_now_s(call->api), cells);
    }
    moon_sim_set(row, "cells", cells);
    if (moon_streq(call->kind->kind, "Pod")) {
        add_conditions(row, tree);
    }
    if (moon_streq(include, "Object")) {
        moon_sim_set(row, "object", full_object(call, tree));
    } else if (moon_streq(include, "None")) {
        moon_sim_set(row, "object", cJSON_CreateNull());
    } else {
        moon_sim_set(row, "object", moon_sim_partial(call, tree));
    }
    return row;
}

static cJSON *new_table(const struct moon_sim_call *call, const cJSON *metadata, bool with_columns,
                        cJSON **ret_rows)
{
    cJSON *table = new_meta_object(call, "Table");
    moon_sim_set(table, "metadata", moon_sim_clone(metadata));
    moon_sim_set(table, "columnDefinitions",
                 with_columns ? column_definitions(call->kind) : cJSON_CreateNull());
    *ret_rows = cJSON_CreateArray();
    moon_sim_set(table, "rows", *ret_rows);
    return table;
}

cJSON *moon_sim_table(const struct moon_sim_call *call, struct moon_sim_obj *const *objs,
                      size_t count, const cJSON *metadata, bool with_columns)
{
    cJSON *list = NULL;
    cJSON *items = NULL;
    if (call->view == MOON_SIM_VIEW_TABLE) {
        list = new_table(call, metadata, with_columns, &items);
    } else {
        list = new_meta_object(call, "PartialObjectMetadataList");
        moon_sim_set(list, "metadata", moon_sim_clone(metadata));
        items = cJSON_CreateArray();
        /* Of an empty list a real server shows the nil slice. */
        moon_sim_set(list, "items", count > 0 ? items : cJSON_CreateNull());
        if (count == 0) {
            cJSON_Delete(items);
        }
    }
    for (size_t i = 0; i < count; i++) {
        MOON_AUTOJSON *tree = moon_sim_view_tree(call->kind, objs[i]);
        cJSON_AddItemToArray(items, call->view == MOON_SIM_VIEW_TABLE
                                        ? make_row(call, tree)
                                        : moon_sim_partial(call, tree));
    }
    return list;
}

cJSON *moon_sim_table_of_tree(const struct moon_sim_call *call, const cJSON *tree)
{
    cJSON *rows = NULL;
    MOON_AUTOJSON *metadata = cJSON_CreateObject();
    const char *version = moon_sim_text(tree, "metadata.resourceVersion");
    if (version[0] != '\0') {
        moon_sim_set_text(metadata, "resourceVersion", version);
    }
    cJSON *table = new_table(call, metadata, true, &rows);
    cJSON_AddItemToArray(rows, make_row(call, tree));
    return table;
}
