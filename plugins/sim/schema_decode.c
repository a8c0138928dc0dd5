/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_decode.c - a tree becomes what a Go struct would keep of it.
 */
#include <stdlib.h>

#include "sim/quantity_text.h"
#include "sim/schema.h"
#include "sim/times.h"

struct decoder {
    const char *type_name; /* the struct the current field is in, for messages */
    struct moon_buf path;  /* spec.template.spec.containers[0] */
    cJSON *strict;         /* may be NULL */
    struct moon_err *err;
};

enum {
    PATH_MAX_BYTES = 1 << 20,
    STRICT_MAX = 50
};

static int decode_struct(struct decoder *d, const struct moon_sim_type *type, cJSON *object);

/* ---- messages ---- */

static size_t push_key(struct decoder *d, const char *key)
{
    size_t before = d->path.len;
    if (before > 0) { /* no format: this is done for each field of each object that is written */
        moon_buf_putc(&d->path, '.');
    }
    moon_buf_puts(&d->path, key);
    return before;
}

static size_t push_index(struct decoder *d, int index)
{
    size_t before = d->path.len;
    moon_buf_printf(&d->path, "[%d]", index);
    return before;
}

static void complain(struct decoder *d, const char *what, const char *key)
{
    if (d->strict == NULL || cJSON_GetArraySize(d->strict) >= STRICT_MAX) {
        return;
    }
    size_t before = push_key(d, key);
    MOON_AUTOFREE char *text = moon_asprintf("%s \"%s\"", what, moon_buf_cstr(&d->path));
    cJSON_AddItemToArray(d->strict, cJSON_CreateString(text));
    moon_buf_truncate(&d->path, before);
}

static const char *json_name(const cJSON *value)
{
    return cJSON_IsObject(value)       ? "object"
           : cJSON_IsArray(value)      ? "array"
           : moon_sim_is_string(value) ? "string"
           : moon_sim_is_number(value) ? "number"
           : cJSON_IsBool(value)       ? "bool"
                                       : "null";
}

static const char *go_scalar(const struct moon_sim_field *field)
{
    switch (field->scalar) {
    case MOON_SIM_STRUCT:
        return field->type->name;
    case MOON_SIM_STRING:
        return "string";
    case MOON_SIM_BOOL:
        return "bool";
    case MOON_SIM_INT32:
        return "int32";
    case MOON_SIM_INT64:
        return "int64";
    case MOON_SIM_QUANTITY:
        return "resource.Quantity";
    case MOON_SIM_INTSTR:
        return "intstr.IntOrString";
    case MOON_SIM_TIME:
        return "v1.Time";
    case MOON_SIM_MICROTIME:
        return "v1.MicroTime";
    case MOON_SIM_BYTES:
        return "[]uint8";
    case MOON_SIM_RAW:
        return "runtime.RawExtension";
    }
    return "";
}

static int wrong_type(struct decoder *d, const struct moon_sim_field *field, const cJSON *value,
                      bool whole)
{
    const char *shape = !whole                          ? ""
                        : field->shape == MOON_SIM_LIST ? "[]"
                        : field->shape == MOON_SIM_MAP  ? "map[string]"
                                                        : "";
    return moon_err_set(d->err, MOON_E_INVALID,
                        "json: cannot unmarshal %s into Go struct field %s.%s of type %s%s%s",
                        json_name(value), d->type_name, moon_buf_cstr(&d->path), shape,
                        field->scalar == MOON_SIM_STRUCT ? "v1." : "", go_scalar(field));
}

/* ---- scalars: each may replace the value's text by its canonical form ---- */

static void put_text(cJSON *value, const char *text)
{
    moon_assert(cJSON_IsString(value));
    cJSON_SetValuestring(value, text);
}

/* A number becomes a string node in place. */
static void become_text(cJSON *value, const char *text)
{
    if (cJSON_IsString(value)) {
        put_text(value, text);
        return;
    }
    cJSON *string = cJSON_CreateString(text);
    char *old = value->valuestring;
    value->type = cJSON_String;
    value->valuestring = string->valuestring;
    string->valuestring = old;
    cJSON_Delete(string);
}

static int decode_int(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    int64_t number = 0;
    bool wide = field->scalar == MOON_SIM_INT64;
    if (!moon_sim_is_number(value)) {
        return wrong_type(d, field, value, false);
    }
    if (!moon_sim_to_int(value, &number) || (!wide && (number > INT32_MAX || number < INT32_MIN))) {
        MOON_AUTOFREE char *text = cJSON_PrintUnformatted(value);
        return moon_err_set(
            d->err, MOON_E_INVALID,
            "json: cannot unmarshal number %s into Go struct field %s.%s of type %s", text,
            d->type_name, moon_buf_cstr(&d->path), go_scalar(field));
    }
    return 0;
}

static int decode_quantity(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    char canonical[MOON_SIM_QUANTITY_TEXT];
    if (!moon_sim_is_number(value) && !cJSON_IsString(value)) {
        return wrong_type(d, field, value, false);
    }
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(4096);
    if (cJSON_IsString(value)) {
        moon_buf_puts(&text, value->valuestring);
    } else {
        moon_sim_tree_print(value, &text);
    }
    if (!moon_sim_quantity_canonical(moon_buf_str(&text), canonical)) {
        return moon_err_set(d->err, MOON_E_INVALID,
                            "quantities must match the regular expression "
                            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    }
    become_text(value, canonical);
    return 0;
}

static int decode_time(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    char canonical[MOON_TIME_TEXT];
    bool micro = field->scalar == MOON_SIM_MICROTIME;
    if (!cJSON_IsString(value)) {
        return wrong_type(d, field, value, false);
    }
    struct moon_str fraction = moon_sim_time_fraction_wrong(moon_str(value->valuestring));
    if (micro && fraction.ptr != NULL) {
        return moon_err_set(d->err, MOON_E_INVALID,
                            "parsing time \"%s\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot "
                            "parse \"%.*s\" as \".000000\"",
                            value->valuestring, MOON_STR_ARG(fraction));
    }
    if (!moon_sim_time_canonical(moon_str(value->valuestring), micro, canonical)) {
        return moon_err_set(d->err, MOON_E_INVALID,
                            "parsing time \"%s\" as \"2006-01-02T15:04:05%sZ07:00\": cannot parse "
                            "\"%s\" as \"2006\"",
                            value->valuestring, micro ? ".000000" : "", value->valuestring);
    }
    put_text(value, canonical);
    return 0;
}

/* The first byte that Go's base64 decoder stumbles over; -1: there is none. */
static int64_t base64_error(const char *text)
{
    size_t len = strlen(text);
    size_t body = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    size_t in_quantum = body % 4;
    size_t padding = strspn(text + body, "=");
    if (body == len) {
        return in_quantum == 0 ? -1 : (int64_t)(len - in_quantum);
    }
    if (padding == 0 || in_quantum < 2) {
        return (int64_t)body; /* a byte that is none of the alphabet, or padding too early */
    }
    if (in_quantum + padding < 4) {
        return (int64_t)(body + padding < len ? body + padding : len);
    }
    return body + 4 - in_quantum == len ? -1 : (int64_t)(body + 4 - in_quantum);
}

static int decode_scalar(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    int64_t ignored = 0;
    bool good = true;
    switch (field->scalar) {
    case MOON_SIM_STRUCT:
        if (field->or_bool && cJSON_IsBool(value)) {
            return 0;
        }
        return cJSON_IsObject(value) ? decode_struct(d, field->type, value)
                                     : wrong_type(d, field, value, false);
    case MOON_SIM_STRING:
        good = moon_sim_is_string(value);
        break;
    case MOON_SIM_BOOL:
        good = cJSON_IsBool(value);
        break;
    case MOON_SIM_INT32:
    case MOON_SIM_INT64:
        return decode_int(d, field, value);
    case MOON_SIM_QUANTITY:
        return decode_quantity(d, field, value);
    case MOON_SIM_INTSTR:
        good = cJSON_IsString(value) || moon_sim_to_int(value, &ignored);
        break;
    case MOON_SIM_TIME:
    case MOON_SIM_MICROTIME:
        return decode_time(d, field, value);
    case MOON_SIM_BYTES:
        if (cJSON_IsString(value) && base64_error(value->valuestring) >= 0) {
            return moon_err_set(d->err, MOON_E_INVALID, "illegal base64 data at input byte %lld",
                                (long long)base64_error(value->valuestring));
        }
        good = cJSON_IsString(value);
        break;
    case MOON_SIM_RAW:
        break;
    }
    return good ? 0 : wrong_type(d, field, value, false);
}

/* ---- what is absent, what is empty ---- */

static cJSON *zero_value(const struct moon_sim_field *field)
{
    if (field->pointer || field->shape != MOON_SIM_ONE) {
        return cJSON_CreateNull();
    }
    switch (field->scalar) {
    case MOON_SIM_STRUCT:
        return cJSON_CreateObject();
    case MOON_SIM_STRING:
        return cJSON_CreateString("");
    case MOON_SIM_BOOL:
        return cJSON_CreateFalse();
    case MOON_SIM_INT32:
    case MOON_SIM_INT64:
    case MOON_SIM_INTSTR:
        return cJSON_CreateNumber(0);
    case MOON_SIM_QUANTITY:
        return cJSON_CreateString("0");
    case MOON_SIM_TIME:
    case MOON_SIM_MICROTIME:
    case MOON_SIM_BYTES:
    case MOON_SIM_RAW:
        return cJSON_CreateNull();
    }
    return cJSON_CreateNull();
}

/* Would encoding/json's omitempty leave it out? */
static bool is_omitted(const struct moon_sim_field *field, const cJSON *value)
{
    int64_t number = 1;
    if (field->always) {
        return false;
    }
    if (cJSON_IsArray(value) || (cJSON_IsObject(value) && field->shape == MOON_SIM_MAP)) {
        return field->scalar != MOON_SIM_RAW && value->child == NULL;
    }
    if (field->pointer || field->shape != MOON_SIM_ONE) {
        return false;
    }
    return cJSON_IsFalse(value) || (cJSON_IsString(value) && value->valuestring[0] == '\0') ||
           (moon_sim_to_int(value, &number) && number == 0);
}

/* ---- structs ---- */

static int decode_elements(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    int index = 0;
    cJSON *element = value->child;
    while (element != NULL) {
        cJSON *next = element->next;
        size_t before =
            field->shape == MOON_SIM_LIST ? push_index(d, index) : push_key(d, element->string);
        if (cJSON_IsNull(element) && field->scalar != MOON_SIM_RAW) {
            /* A null element decodes to the zero value of its type. */
            struct moon_sim_field one = *field;
            one.shape = MOON_SIM_ONE;
            one.pointer = false;
            cJSON *zero = zero_value(&one);
            zero->string = moon_steal(&element->string);
            cJSON_ReplaceItemViaPointer(value, element, zero);
            element = zero;
        }
        if (!cJSON_IsNull(element) && decode_scalar(d, field, element) != 0) {
            return -(int)d->err->code;
        }
        moon_buf_truncate(&d->path, before);
        element = next;
        index++;
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const cJSON *const *x = a;
    const cJSON *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

/* Go prints maps sorted by key; of equal keys the last one counts. */
static void sort_members(cJSON *object)
{
    size_t count = (size_t)cJSON_GetArraySize(object);
    cJSON **members = moon_new_array(cJSON *, count + 1);
    size_t n = 0;
    while (object->child != NULL) {
        cJSON *member = cJSON_DetachItemViaPointer(object, object->child);
        for (size_t i = 0; i < n; i++) {
            if (count < 64 && moon_streq(members[i]->string, member->string)) {
                cJSON_Delete(members[i]);
                members[i] = members[--n];
                break;
            }
        }
        members[n++] = member;
    }
    qsort(members, n, sizeof(cJSON *), compare_keys);
    for (size_t i = 0; i < n; i++) {
        cJSON_AddItemToArray(object, members[i]);
    }
    moon_free(members);
}

static int decode_field(struct decoder *d, const struct moon_sim_field *field, cJSON *value)
{
    switch (field->shape) {
    case MOON_SIM_ONE:
        return decode_scalar(d, field, value);
    case MOON_SIM_LIST:
        return cJSON_IsArray(value) ? decode_elements(d, field, value)
                                    : wrong_type(d, field, value, true);
    case MOON_SIM_MAP:
        if (!cJSON_IsObject(value)) {
            return wrong_type(d, field, value, true);
        }
        sort_members(value);
        return decode_elements(d, field, value);
    }
    return 0;
}

/* Detach the member; of duplicates the last one counts, as in Go. NULL when absent or null. */
static cJSON *take_member(struct decoder *d, cJSON *object, const char *name)
{
    cJSON *taken = cJSON_DetachItemFromObjectCaseSensitive(object, name);
    cJSON *again = NULL;
    while (taken != NULL &&
           (again = cJSON_DetachItemFromObjectCaseSensitive(object, name)) != NULL) {
        cJSON_Delete(taken);
        taken = again;
        complain(d, "duplicate field", name);
    }
    if (cJSON_IsNull(taken)) {
        cJSON_Delete(taken);
        return NULL;
    }
    return taken;
}

static int take_field(struct decoder *d, const struct moon_sim_field *field, cJSON *object,
                      cJSON *ordered)
{
    cJSON *value = take_member(d, object, field->name);
    bool absent = value == NULL;
    if (absent && !field->always) {
        return 0;
    }
    if (absent) {
        value = zero_value(field);
    }
    cJSON_AddItemToObject(ordered, field->name, value);
    if (cJSON_IsNull(value)) {
        return 0;
    }
    size_t before = push_key(d, field->name);
    int rc = decode_field(d, field, value);
    moon_buf_truncate(&d->path, before);
    if (rc == 0 && is_omitted(field, value)) {
        cJSON_Delete(cJSON_DetachItemViaPointer(ordered, value));
    }
    return rc;
}

static int decode_struct(struct decoder *d, const struct moon_sim_type *type, cJSON *object)
{
    const char *outer = d->type_name;
    int rc = 0;
    MOON_AUTOJSON *ordered = cJSON_CreateObject();
    d->type_name = type->name;
    for (size_t i = 0; i < type->count && rc == 0; i++) {
        rc = take_field(d, &type->fields[i], object, ordered);
    }
    const cJSON *left = NULL;
    cJSON_ArrayForEach (left, object) {
        complain(d, "unknown field", left->string);
    }
    cJSON *unknown = object->child;
    object->child = ordered->child;
    ordered->child = unknown;
    d->type_name = outer;
    return rc;
}

int moon_sim_schema_decode(const struct moon_sim_type *type, cJSON *object, cJSON *strict,
                           struct moon_err *err)
{
    struct decoder d = {.path = MOON_BUF_INIT(PATH_MAX_BYTES), .strict = strict, .err = err};
    int rc = decode_struct(&d, type, object);
    moon_buf_fini(&d.path);
    return rc;
}
