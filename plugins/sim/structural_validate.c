/* SPDX-License-Identifier: Apache-2.0
 *
 * structural_validate.c - is a value what its schema says? In the words of the server, whose
 * validator reports every problem it finds, and names a field with dots and without indexes.
 */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/status.h"
#include "sim/structural.h"

enum {
    PATH_MAX_BYTES = 64 << 10,
    TEXT_MAX_BYTES = 256 << 10,
    CAUSES_MAX = 100,
    LINEAR_SETS_MAX = 10000 /* comparing each with each is quadratic */
};

static void validate(const cJSON *schema, const cJSON *value, struct moon_buf *path, cJSON *causes);

/* ---- messages ---- */

static const char *path_of(const struct moon_buf *path)
{
    return path->len > 0 ? moon_buf_cstr(path) : "<nil>";
}

/* `Invalid value: <shown>: <path> in body <what>` */
static void add(cJSON *causes, const struct moon_buf *path, const char *shown, const char *fmt, ...)
    MOON_PRINTF(4, 5);

static void add(cJSON *causes, const struct moon_buf *path, const char *shown, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf detail = MOON_BUF_INIT(TEXT_MAX_BYTES);
    va_list args;
    moon_buf_printf(&detail, "%s%sin body ", path->len > 0 ? moon_buf_cstr(path) : "",
                    path->len > 0 ? " " : "");
    va_start(args, fmt);
    moon_buf_vprintf(&detail, fmt, args);
    va_end(args);
    moon_sim_cause_invalid_go(causes, path_of(path), shown, moon_buf_cstr(&detail));
}

static char *print(const cJSON *value)
{
    struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);
    moon_sim_tree_print(value, &text);
    return moon_buf_take(&text, NULL);
}

/* ---- types ---- */

static double number_of(const cJSON *value)
{
    return cJSON_IsRaw(value) ? strtod(value->valuestring, NULL) : value->valuedouble;
}

/* Without its fraction; numbers that large have none. */
static double whole_part(double number)
{
    return number > -1e15 && number < 1e15 ? (double)(int64_t)number : number;
}

static bool is_whole(const cJSON *value)
{
    double number = number_of(value);
    return !(number < whole_part(number)) && !(number > whole_part(number));
}

static const char *type_name(const cJSON *value)
{
    return cJSON_IsObject(value)       ? "object"
           : cJSON_IsArray(value)      ? "array"
           : moon_sim_is_string(value) ? "string"
           : cJSON_IsBool(value)       ? "boolean"
           : cJSON_IsNull(value)       ? "null"
           : is_whole(value)           ? "integer"
                                       : "number";
}

/* False when the value is of no type the schema allows; that is then said. */
static bool check_type(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                       cJSON *causes)
{
    const char *wanted = moon_sim_text(schema, "type");
    const char *given = type_name(value);
    bool int_or_string = cJSON_IsTrue(moon_sim_member(schema, "x-kubernetes-int-or-string"));
    if (cJSON_IsNull(value) && cJSON_IsTrue(moon_sim_member(schema, "nullable"))) {
        return true;
    }
    if (int_or_string) {
        wanted = "integer,string";
    }
    bool fits = wanted[0] == '\0' || moon_streq(wanted, given) ||
                (moon_streq(wanted, "number") && moon_streq(given, "integer")) ||
                (int_or_string && (moon_streq(given, "integer") || moon_streq(given, "string")));
    if (!fits) {
        MOON_AUTOFREE char *shown = moon_asprintf("\"%s\"", given);
        add(causes, path, shown, "must be of type %s: %s", wanted, shown);
    }
    return fits;
}

/* ---- scalars ---- */

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0U) != 0x80U ? 1 : 0;
    }
    return n;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    MOON_AUTOFREE char *posix = moon_sim_structural_pattern(pattern);
    if (posix == NULL || regcomp(&regex, posix, REG_EXTENDED | REG_NOSUB) != 0) {
        return true; /* it cannot be checked */
    }
    bool match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

static void check_string(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                         cJSON *causes)
{
    int64_t limit = 0;
    const char *text = cJSON_IsString(value) ? value->valuestring : "";
    const char *pattern = moon_sim_text(schema, "pattern");
    MOON_AUTOFREE char *shown = print(value);
    if (moon_sim_to_int(moon_sim_member(schema, "maxLength"), &limit) &&
        (int64_t)characters(text) > limit) {
        add(causes, path, shown, "should be at most %lld chars long", (long long)limit);
    } else if (moon_sim_to_int(moon_sim_member(schema, "minLength"), &limit) &&
               (int64_t)characters(text) < limit) {
        add(causes, path, shown, "should be at least %lld chars long", (long long)limit);
    } else if (pattern[0] != '\0' && !matches(pattern, text)) {
        add(causes, path, shown, "should match '%s'", pattern);
    }
    const char *format = moon_sim_text(schema, "format");
    if (format[0] != '\0' && !moon_sim_format_matches(format, text)) {
        add(causes, path, shown, "must be of type %s: %s", format, shown);
    }
}

static void check_bound(const cJSON *schema, const cJSON *value, bool upper, struct moon_buf *path,
                        cJSON *causes)
{
    const cJSON *bound = moon_sim_member(schema, upper ? "maximum" : "minimum");
    bool exclusive =
        cJSON_IsTrue(moon_sim_member(schema, upper ? "exclusiveMaximum" : "exclusiveMinimum"));
    if (bound == NULL) {
        return;
    }
    double difference = number_of(value) - number_of(bound);
    difference = upper ? -difference : difference;
    if (difference > 0 || (!exclusive && !(difference < 0))) {
        return;
    }
    MOON_AUTOFREE char *shown = print(value);
    MOON_AUTOFREE char *limit = print(bound);
    add(causes, path, shown, "should be %s than %s%s", upper ? "less" : "greater",
        exclusive ? "" : "or equal to ", limit);
}

static void check_number(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                         cJSON *causes)
{
    const cJSON *factor = moon_sim_member(schema, "multipleOf");
    check_bound(schema, value, true, path, causes);
    check_bound(schema, value, false, path, causes);
    if (factor == NULL) {
        return;
    }
    double quotient = number_of(value) / number_of(factor);
    double rest = quotient - whole_part(quotient + (quotient < 0 ? -0.5 : 0.5));
    if (rest > 1e-9 || rest < -1e-9) {
        MOON_AUTOFREE char *shown = print(value);
        MOON_AUTOFREE char *limit = print(factor);
        add(causes, path, shown, "should be a multiple of %s", limit);
    }
}

static void check_enum(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                       cJSON *causes)
{
    const cJSON *allowed = moon_sim_member(schema, "enum");
    const cJSON *one = NULL;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(TEXT_MAX_BYTES);
    if (allowed == NULL) {
        return;
    }
    cJSON_ArrayForEach (one, allowed) {
        if (moon_sim_tree_equal(one, value)) {
            return;
        }
        MOON_AUTOFREE char *text = print(one);
        moon_buf_printf(&all, "%s%s%s%s", all.len > 0 ? ", " : "", cJSON_IsString(one) ? "" : "\"",
                        text, cJSON_IsString(one) ? "" : "\"");
    }
    MOON_AUTOFREE char *shown = print(value);
    moon_sim_cause_unsupported_go(causes, path_of(path), shown, moon_buf_cstr(&all));
}

/* ---- arrays and objects ---- */

/* Of a list of type "map", the keys that make an item unique; the whole item of a "set". */
static cJSON *identity(const cJSON *schema, const cJSON *item)
{
    const cJSON *key = NULL;
    if (!moon_streq(moon_sim_text(schema, "x-kubernetes-list-type"), "map")) {
        return moon_sim_clone(item);
    }
    cJSON *keys = cJSON_CreateObject();
    cJSON_ArrayForEach (key, moon_sim_member(schema, "x-kubernetes-list-map-keys")) {
        const cJSON *value = moon_sim_member(item, key->valuestring);
        if (value != NULL) {
            moon_sim_set(keys, key->valuestring, moon_sim_clone(value));
        }
    }
    return keys;
}

static void check_unique(const cJSON *schema, const cJSON *value, const struct moon_buf *path,
                         cJSON *causes)
{
    const char *list_type = moon_sim_text(schema, "x-kubernetes-list-type");
    MOON_AUTOJSON *seen = cJSON_CreateArray();
    const cJSON *item = NULL;
    int index = 0;
    if ((!moon_streq(list_type, "set") && !moon_streq(list_type, "map")) ||
        cJSON_GetArraySize(value) > LINEAR_SETS_MAX) {
        return;
    }
    cJSON_ArrayForEach (item, value) {
        cJSON *its = identity(schema, item);
        const cJSON *earlier = seen->child;
        while (earlier != NULL && !moon_sim_tree_equal(earlier, its)) {
            earlier = earlier->next;
        }
        if (earlier != NULL) {
            MOON_AUTOFREE char *field = moon_asprintf("%s[%d]", moon_buf_cstr(path), index);
            MOON_AUTOFREE char *text = print(its);
            MOON_AUTOFREE char *shown = cJSON_IsObject(its)
                                            ? moon_asprintf("map[string]interface {}%s", text)
                                            : moon_strdup(text);
            moon_sim_cause_duplicate_go(causes, field, shown, NULL);
        }
        cJSON_AddItemToArray(seen, its);
        index++;
    }
}

static void check_array(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                        cJSON *causes)
{
    int64_t limit = 0;
    const cJSON *item = NULL;
    const cJSON *items = moon_sim_member(schema, "items");
    int64_t count = cJSON_GetArraySize(value);
    char shown[24];
    cJSON_ArrayForEach (item, value) {
        if (items != NULL && cJSON_GetArraySize(causes) < CAUSES_MAX) {
            validate(items, item, path, causes);
        }
    }
    (void)snprintf(shown, sizeof(shown), "%lld", (long long)count);
    if (moon_sim_to_int(moon_sim_member(schema, "minItems"), &limit) && count < limit) {
        add(causes, path, shown, "should have at least %lld items", (long long)limit);
    }
    if (moon_sim_to_int(moon_sim_member(schema, "maxItems"), &limit) && count > limit) {
        add(causes, path, shown, "should have at most %lld items", (long long)limit);
    }
    check_unique(schema, value, path, causes);
}

/* False when there are too many or too few members; that is then said. */
static bool check_count(const cJSON *schema, const cJSON *value, bool upper, struct moon_buf *path,
                        cJSON *causes)
{
    int64_t limit = 0;
    int64_t count = cJSON_GetArraySize(value);
    char shown[24];
    if (!moon_sim_to_int(moon_sim_member(schema, upper ? "maxProperties" : "minProperties"),
                         &limit) ||
        (upper ? count <= limit : count >= limit)) {
        return true;
    }
    /* Here the server shows the limit. */
    (void)snprintf(shown, sizeof(shown), "%lld", (long long)limit);
    add(causes, path, shown, "should have at %s %lld properties", upper ? "most" : "least",
        (long long)limit);
    return false;
}

static void check_object(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                         cJSON *causes)
{
    const cJSON *name = NULL;
    const cJSON *member = NULL;
    const cJSON *additional = moon_sim_member(schema, "additionalProperties");
    if (!check_count(schema, value, true, path, causes) ||
        !check_count(schema, value, false, path, causes)) {
        return;
    }
    cJSON_ArrayForEach (name, moon_sim_member(schema, "required")) {
        if (cJSON_GetObjectItemCaseSensitive(value, name->valuestring) == NULL) {
            MOON_AUTOFREE char *field = moon_asprintf("%s%s%s", moon_buf_cstr(path),
                                                      path->len > 0 ? "." : "", name->valuestring);
            moon_sim_cause_required(causes, field, NULL);
        }
    }
    cJSON_ArrayForEach (member, value) {
        const cJSON *its = moon_sim_member(moon_sim_member(schema, "properties"), member->string);
        its = its != NULL ? its : cJSON_IsObject(additional) ? additional : NULL;
        if (its != NULL && cJSON_GetArraySize(causes) < CAUSES_MAX) {
            size_t before = path->len;
            moon_buf_printf(path, "%s%s", before > 0 ? "." : "", member->string);
            validate(its, member, path, causes);
            moon_buf_truncate(path, before);
        }
    }
}

/* ---- combinations ---- */

/* How many of the schemas does the value satisfy? *ret_first: the problems with the first one that
 * it does not, for the message; owned by the caller. */
static int satisfied(const cJSON *schemas, const cJSON *value, struct moon_buf *path,
                     cJSON **ret_first)
{
    const cJSON *schema = NULL;
    int count = 0;
    cJSON_ArrayForEach (schema, schemas) {
        cJSON *causes = cJSON_CreateArray();
        validate(schema, value, path, causes);
        count += causes->child == NULL ? 1 : 0;
        if (causes->child != NULL && *ret_first == NULL) {
            *ret_first = causes;
        } else {
            cJSON_Delete(causes);
        }
    }
    return count;
}

static void say_combination(cJSON *causes, const struct moon_buf *path, const char *what)
{
    MOON_AUTOFREE char *detail = moon_asprintf("\"%s\" must %s", moon_buf_cstr(path), what);
    moon_sim_cause_invalid_go(causes, "<nil>", "\"\"", detail);
}

static void move_all(cJSON *from, cJSON *to)
{
    while (from != NULL && from->child != NULL) {
        cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, from->child));
    }
}

static void check_one_of(const cJSON *schemas, const cJSON *value, struct moon_buf *path,
                         cJSON *causes)
{
    MOON_AUTOJSON *first = NULL;
    int count = satisfied(schemas, value, path, &first);
    if (count == 0) {
        say_combination(causes, path, "validate one and only one schema (oneOf). Found none valid");
        move_all(first, causes);
    } else if (count > 1) {
        MOON_AUTOFREE char *what = moon_asprintf(
            "validate one and only one schema (oneOf). Found %d valid alternatives", count);
        say_combination(causes, path, what);
    }
}

static void check_combinations(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                               cJSON *causes)
{
    const cJSON *any = moon_sim_member(schema, "anyOf");
    const cJSON *one = moon_sim_member(schema, "oneOf");
    const cJSON *all = moon_sim_member(schema, "allOf");
    const cJSON *not = moon_sim_member(schema, "not");
    if (any != NULL) {
        MOON_AUTOJSON *first = NULL;
        if (satisfied(any, value, path, &first) == 0) {
            say_combination(causes, path, "validate at least one schema (anyOf)");
            move_all(first, causes);
        }
    }
    if (one != NULL) {
        check_one_of(one, value, path, causes);
    }
    if (all != NULL) {
        MOON_AUTOJSON *first = NULL;
        int count = satisfied(all, value, path, &first);
        if (count < cJSON_GetArraySize(all)) {
            move_all(first, causes);
            say_combination(causes, path,
                            count > 0 ? "validate all the schemas (allOf)"
                                      : "validate all the schemas (allOf). None validated");
        }
    }
    if (not != NULL) {
        MOON_AUTOJSON *problems = cJSON_CreateArray();
        validate(not, value, path, problems);
        if (problems->child == NULL) {
            say_combination(causes, path, "not validate the schema (not)");
        }
    }
}

static void validate(const cJSON *schema, const cJSON *value, struct moon_buf *path, cJSON *causes)
{
    if (!check_type(schema, value, path, causes) || cJSON_IsNull(value)) {
        return;
    }
    check_combinations(schema, value, path, causes);
    if (moon_sim_is_string(value)) {
        check_string(schema, value, path, causes);
    } else if (cJSON_IsArray(value)) {
        check_array(schema, value, path, causes);
    } else if (cJSON_IsObject(value)) {
        check_object(schema, value, path, causes);
    } else if (moon_sim_is_number(value)) {
        check_number(schema, value, path, causes);
    }
    check_enum(schema, value, path, causes);
}

/* ---- embedded objects ---- */

static void require_text(const cJSON *object, const char *member, const struct moon_buf *path,
                         cJSON *causes)
{
    if (moon_sim_text(object, member)[0] == '\0') {
        MOON_AUTOFREE char *field = moon_asprintf("%s.%s", moon_buf_cstr(path), member);
        moon_sim_cause_required(causes, field, "must not be empty");
    }
}

/* Whatever is an object of its own says what it is. */
static void check_embedded(const cJSON *schema, const cJSON *value, struct moon_buf *path,
                           cJSON *causes)
{
    const cJSON *child = NULL;
    const cJSON *properties = moon_sim_member(schema, "properties");
    const cJSON *additional = moon_sim_member(schema, "additionalProperties");
    const cJSON *items = moon_sim_member(schema, "items");
    int index = 0;
    if (cJSON_IsObject(value) &&
        cJSON_IsTrue(moon_sim_member(schema, "x-kubernetes-embedded-resource"))) {
        require_text(value, "apiVersion", path, causes);
        require_text(value, "kind", path, causes);
    }
    cJSON_ArrayForEach (child, value) {
        size_t before = path->len;
        const cJSON *its = items;
        if (cJSON_IsObject(value)) {
            its = moon_sim_member(properties, child->string);
            its = its != NULL ? its : cJSON_IsObject(additional) ? additional : NULL;
            moon_buf_printf(path, "%s%s", before > 0 ? "." : "", child->string);
        } else {
            moon_buf_printf(path, "[%d]", index++);
        }
        if (its != NULL) {
            check_embedded(its, child, path, causes);
        }
        moon_buf_truncate(path, before);
    }
}

/* ---- entry ---- */

void moon_sim_structural_validate(const struct moon_sim_structural *s, const cJSON *object,
                                  cJSON *causes)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf path = MOON_BUF_INIT(PATH_MAX_BYTES);
    check_embedded(s->schema, object, &path, causes);
    moon_buf_truncate(&path, 0);
    validate(s->schema, object, &path, causes);
}

void moon_sim_structural_validate_value(const cJSON *schema, const cJSON *value, const char *path,
                                        cJSON *causes)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf buf = MOON_BUF_INIT(PATH_MAX_BYTES);
    moon_buf_puts(&buf, path);
    validate(schema, value, &buf, causes);
}
