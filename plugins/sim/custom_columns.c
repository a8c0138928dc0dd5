/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_columns.c - what a table shows of custom resources.
 */
#include "sim/custom.h"
#include "sim/times.h"
#include "sim/tree.h"

enum {
    CELL_NODES_MAX = 100,
    CELL_MAX_BYTES = 64 << 10
};

static void add_definition(cJSON *definitions, const char *name, const char *type,
                           const char *format, const char *description, int priority)
{
    cJSON *definition = cJSON_CreateObject();
    moon_sim_set_text(definition, "name", name);
    moon_sim_set_text(definition, "type", type);
    moon_sim_set_text(definition, "format", format);
    moon_sim_set_text(definition, "description", description);
    moon_sim_set_int(definition, "priority", priority);
    cJSON_AddItemToArray(definitions, definition);
}

void moon_sim_custom_columns(const struct moon_sim_custom *custom, cJSON *ret_definitions)
{
    add_definition(ret_definitions, "Name", "string", "name", "", 0);
    for (size_t i = 0; i < custom->column_count; i++) {
        const struct moon_sim_custom_column *column = &custom->columns[i];
        add_definition(ret_definitions, column->name, column->type, column->format,
                       column->description, column->priority);
    }
}

/* All that was found, as text with blanks between. */
static cJSON *text_cell(const cJSON *const *found, int count)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CELL_MAX_BYTES);
    for (int i = 0; i < count; i++) {
        moon_buf_puts(&text, i > 0 ? " " : "");
        if (cJSON_IsString(found[i])) {
            moon_buf_puts(&text, found[i]->valuestring);
        } else {
            moon_sim_tree_print(found[i], &text);
        }
    }
    return cJSON_CreateString(moon_buf_cstr(&text));
}

/* NULL: the value is not of the column's type, the cell stays empty. */
static cJSON *typed_cell(const struct moon_sim_custom_column *column, const cJSON *value,
                         int64_t now_s)
{
    char age[MOON_TIME_TEXT];
    int64_t integer = 0;
    if (moon_streq(column->type, "date")) {
        return cJSON_IsString(value)
                   ? cJSON_CreateString(moon_sim_age(value->valuestring, now_s, age))
                   : NULL;
    }
    if (moon_streq(column->type, "boolean")) {
        return cJSON_IsBool(value) ? moon_sim_clone(value) : NULL;
    }
    if (moon_streq(column->type, "integer")) {
        return moon_sim_to_int(value, &integer) ? moon_sim_new_int(integer) : NULL;
    }
    return moon_sim_is_number(value) ? moon_sim_clone(value) : NULL;
}

static cJSON *cell(const struct moon_sim_custom_column *column, const cJSON *tree, int64_t now_s)
{
    const cJSON *found[CELL_NODES_MAX];
    int count = moon_sim_jsonpath(tree, column->path, found, CELL_NODES_MAX);
    if (count <= 0) {
        return cJSON_CreateNull();
    }
    cJSON *made = moon_streq(column->type, "string") ? text_cell(found, count)
                                                     : typed_cell(column, found[0], now_s);
    if (made == NULL) {
        return cJSON_CreateNull();
    }
    if (made->string != NULL) { /* a clone of a member keeps its key */
        moon_free(moon_steal(&made->string));
    }
    return made;
}

void moon_sim_custom_cells(const struct moon_sim_custom *custom, const cJSON *tree, int64_t now_s,
                           cJSON *ret_cells)
{
    cJSON_AddItemToArray(ret_cells, cJSON_CreateString(moon_sim_text(tree, "metadata.name")));
    for (size_t i = 0; i < custom->column_count; i++) {
        cJSON_AddItemToArray(ret_cells, cell(&custom->columns[i], tree, now_s));
    }
}
