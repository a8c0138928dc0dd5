/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/schema.h"

#include "base/map.h"
#include "sim/schema_types.h"

struct moon_sim_schema {
    struct moon_map *types; /* name → struct moon_sim_type */
};

static const struct {
    const char *name;
    enum moon_sim_scalar scalar;
} SCALARS[] = {
    {"string", MOON_SIM_STRING},       {"bool", MOON_SIM_BOOL},         {"int32", MOON_SIM_INT32},
    {"int64", MOON_SIM_INT64},         {"quantity", MOON_SIM_QUANTITY}, {"intstr", MOON_SIM_INTSTR},
    {"time", MOON_SIM_TIME},           {"bytes", MOON_SIM_BYTES},       {"raw", MOON_SIM_RAW},
    {"microtime", MOON_SIM_MICROTIME},
};

static void free_type(void *value)
{
    struct moon_sim_type *type = value;
    for (size_t i = 0; i < type->count; i++) {
        moon_free(type->fields[i].name);
        moon_free(type->fields[i].merge_key);
    }
    moon_free(type->fields);
    moon_free(type->name);
    moon_free(type);
}

static size_t count_pieces(struct moon_str text, char separator)
{
    size_t n = 0;
    struct moon_str piece;
    while (moon_str_split(&text, separator, &piece)) {
        n++;
    }
    return n;
}

/* Cut the flags !, * and ? off the end. */
static struct moon_str parse_flags(struct moon_str code, struct moon_sim_field *field)
{
    while (code.len > 0 && strchr("!*?", code.ptr[code.len - 1]) != NULL) {
        code.len--;
        field->always = field->always || code.ptr[code.len] == '!';
        field->pointer = field->pointer || code.ptr[code.len] == '*';
        field->or_bool = field->or_bool || code.ptr[code.len] == '?';
    }
    return code;
}

static struct moon_str parse_shape(struct moon_str code, struct moon_sim_field *field)
{
    bool list = moon_str_starts(code, "[]");
    bool map = moon_str_starts(code, "{}");
    field->shape = list ? MOON_SIM_LIST : map ? MOON_SIM_MAP : MOON_SIM_ONE;
    if (list || map) {
        code.ptr += 2;
        code.len -= 2;
    }
    return code;
}

static void parse_merge(struct moon_str how, struct moon_sim_field *field)
{
    if (moon_str_starts(how, "=")) {
        field->retain_keys = true;
        how.ptr++;
        how.len--;
    }
    field->merges = field->shape == MOON_SIM_LIST && how.len > 0;
    if (field->merges && !moon_str_is(how, "-")) {
        field->merge_key = moon_str_dup(how);
    }
}

/* A struct is made known by name first, so that types may refer to each other in any order. */
static struct moon_sim_type *type_named(struct moon_sim_schema *schema, struct moon_str name)
{
    struct moon_sim_type *type = moon_map_get(schema->types, name);
    if (type == NULL) {
        type = moon_new(struct moon_sim_type);
        type->name = moon_str_dup(name);
        moon_map_set(schema->types, name, type);
    }
    return type;
}

static void parse_field(struct moon_sim_schema *schema, struct moon_str text,
                        struct moon_sim_field *field)
{
    struct moon_str name;
    struct moon_str code;
    struct moon_str how;
    moon_assert(moon_str_split(&text, ':', &name) && moon_str_split(&text, ':', &code));
    field->name = moon_str_dup(name);
    code = parse_shape(parse_flags(code, field), field);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(SCALARS); i++) {
        if (moon_str_is(code, SCALARS[i].name)) {
            field->scalar = SCALARS[i].scalar;
        }
    }
    if (field->scalar == MOON_SIM_STRUCT) {
        field->type = type_named(schema, code);
    }
    if (moon_str_split(&text, ':', &how)) {
        parse_merge(how, field);
    }
}

static void parse_type(struct moon_sim_schema *schema, struct moon_str line)
{
    struct moon_str piece;
    size_t fields = count_pieces(line, ' ') - 1;
    moon_assert(moon_str_split(&line, ' ', &piece));
    struct moon_sim_type *type = type_named(schema, piece);
    moon_assert(type->fields == NULL);
    type->fields = moon_new_array(struct moon_sim_field, fields);
    while (moon_str_split(&line, ' ', &piece)) {
        parse_field(schema, piece, &type->fields[type->count++]);
    }
}

struct moon_sim_schema *moon_sim_schema_new(void)
{
    struct moon_sim_schema *schema = moon_new(struct moon_sim_schema);
    schema->types = moon_map_new(free_type);
    for (size_t i = 0; moon_sim_schema_types[i] != NULL; i++) {
        parse_type(schema, moon_str(moon_sim_schema_types[i]));
    }
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(schema->types, &pos, NULL, &value)) {
        const struct moon_sim_type *type = value;
        moon_assert(type->fields != NULL); /* a name was used that the table does not define */
    }
    return schema;
}

void moon_sim_schema_free(struct moon_sim_schema *schema)
{
    if (schema != NULL) {
        moon_map_free(schema->types);
        moon_free(schema);
    }
}

const struct moon_sim_type *moon_sim_schema_type(const struct moon_sim_schema *schema,
                                                 const char *name)
{
    return moon_map_get(schema->types, moon_str(name));
}

const struct moon_sim_type *moon_sim_schema_next(const struct moon_sim_schema *schema, size_t *pos)
{
    void *value = NULL;
    return moon_map_next(schema->types, pos, NULL, &value) ? value : NULL;
}

const struct moon_sim_field *moon_sim_type_field(const struct moon_sim_type *type, const char *name)
{
    for (size_t i = 0; type != NULL && i < type->count; i++) {
        if (moon_streq(type->fields[i].name, name)) {
            return &type->fields[i];
        }
    }
    return NULL;
}
