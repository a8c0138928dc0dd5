/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/status.h"

#include <stdarg.h>

#include "sim/kinds.h"

enum {
    MESSAGE_MAX = 256 << 10
};

void moon_sim_status_fini(struct moon_sim_status *st)
{
    cJSON_Delete(st->body);
    *st = (struct moon_sim_status){0};
}

static cJSON *new_status(const char *verdict)
{
    cJSON *body = cJSON_CreateObject();
    moon_sim_set_text(body, "kind", "Status");
    moon_sim_set_text(body, "apiVersion", "v1");
    moon_sim_set(body, "metadata", cJSON_CreateObject());
    moon_sim_set_text(body, "status", verdict);
    return body;
}

static int fill(struct moon_sim_status *st, int code, const char *reason, const char *message,
                cJSON *take_details)
{
    moon_sim_status_fini(st);
    st->code = code;
    st->body = new_status("Failure");
    moon_sim_set_text(st->body, "message", message);
    if (reason != NULL) {
        moon_sim_set_text(st->body, "reason", reason);
    }
    if (take_details != NULL) {
        moon_sim_set(st->body, "details", take_details);
    }
    moon_sim_set_int(st->body, "code", code);
    return -1;
}

static cJSON *new_details(const struct moon_sim_kind *kind, const char *name, bool by_kind)
{
    cJSON *details = cJSON_CreateObject();
    if (name != NULL && name[0] != '\0') {
        moon_sim_set_text(details, "name", name);
    }
    if (kind->group[0] != '\0') {
        moon_sim_set_text(details, "group", kind->group);
    }
    const char *word = by_kind ? kind->kind : kind->resource;
    if (word[0] != '\0') {
        moon_sim_set_text(details, "kind", word);
    }
    return details;
}

/* daemonsets.apps, pods: how a server names a resource in a message. */
static char *qualified(const struct moon_sim_kind *kind, const char *word)
{
    return kind->group[0] != '\0' ? moon_asprintf("%s.%s", word, kind->group) : moon_strdup(word);
}

int moon_sim_refuse(struct moon_sim_status *st, int code, const char *reason, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf message = MOON_BUF_INIT(MESSAGE_MAX);
    va_list args;
    va_start(args, fmt);
    moon_buf_vprintf(&message, fmt, args);
    va_end(args);
    return fill(st, code, reason, moon_buf_cstr(&message), NULL);
}

int moon_sim_refuse_bad_request(struct moon_sim_status *st, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf message = MOON_BUF_INIT(MESSAGE_MAX);
    va_list args;
    va_start(args, fmt);
    moon_buf_vprintf(&message, fmt, args);
    va_end(args);
    return fill(st, 400, "BadRequest", moon_buf_cstr(&message), NULL);
}

int moon_sim_refuse_expired(struct moon_sim_status *st, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf message = MOON_BUF_INIT(MESSAGE_MAX);
    va_list args;
    va_start(args, fmt);
    moon_buf_vprintf(&message, fmt, args);
    va_end(args);
    return fill(st, 410, "Expired", moon_buf_cstr(&message), NULL);
}

int moon_sim_refuse_not_found(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                              const char *name)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->resource);
    MOON_AUTOFREE char *message = moon_asprintf("%s \"%s\" not found", what, name);
    return fill(st, 404, "NotFound", message, new_details(kind, name, false));
}

int moon_sim_refuse_generic(struct moon_sim_status *st, int code, const char *reason,
                            const char *message)
{
    return fill(st, code, reason, message, cJSON_CreateObject());
}

int moon_sim_refuse_unknown_path(struct moon_sim_status *st)
{
    return fill(st, 404, "NotFound", "the server could not find the requested resource",
                cJSON_CreateObject());
}

int moon_sim_refuse_exists(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                           const char *name)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->resource);
    MOON_AUTOFREE char *message = moon_asprintf("%s \"%s\" already exists", what, name);
    return fill(st, 409, "AlreadyExists", message, new_details(kind, name, false));
}

int moon_sim_refuse_generated(struct moon_sim_status *st, const struct moon_sim_kind *kind)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->kind);
    MOON_AUTOFREE char *message = moon_asprintf(
        "The POST operation against %s could not be completed at this time, please try again.",
        what);
    return fill(st, 500, "ServerTimeout", message, new_details(kind, "POST", true));
}

int moon_sim_refuse_conflict(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                             const char *name, const char *why)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->resource);
    MOON_AUTOFREE char *message =
        moon_asprintf("Operation cannot be fulfilled on %s \"%s\": %s", what, name, why);
    return fill(st, 409, "Conflict", message, new_details(kind, name, false));
}

static void add_cause(cJSON *causes, const char *reason, const char *field, char *take_message)
{
    cJSON *cause = cJSON_CreateObject();
    moon_sim_set_text(cause, "reason", reason);
    moon_sim_set_text(cause, "message", take_message);
    moon_sim_set_text(cause, "field", field);
    cJSON_AddItemToArray(causes, cause);
    moon_free(take_message);
}

int moon_sim_refuse_conflict_of(struct moon_sim_status *st, const char *resource, const char *name,
                                const char *why)
{
    cJSON *details = cJSON_CreateObject();
    MOON_AUTOFREE char *message =
        moon_asprintf("Operation cannot be fulfilled on %s \"%s\": %s", resource, name, why);
    moon_sim_set_text(details, "name", name);
    moon_sim_set_text(details, "kind", resource);
    return fill(st, 409, "Conflict", message, details);
}

int moon_sim_refuse_option(struct moon_sim_status *st, const char *options_kind, const char *field,
                           const char *value, const char *supported)
{
    const struct moon_sim_kind kind = {
        .group = "meta.k8s.io", .kind = options_kind, .resource = options_kind};
    cJSON *causes = cJSON_CreateArray();
    add_cause(causes, "FieldValueNotSupported", field,
              moon_asprintf("Unsupported value: %s: supported values: %s", value, supported));
    return moon_sim_refuse_invalid(st, &kind, "", causes);
}

int moon_sim_refuse_forbidden(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                              const char *name, const char *why)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->resource);
    MOON_AUTOFREE char *message = name != NULL
                                      ? moon_asprintf("%s \"%s\" is forbidden: %s", what, name, why)
                                      : moon_asprintf("%s is forbidden: %s", what, why);
    return fill(st, 403, "Forbidden", message, new_details(kind, name, false));
}

/* Rules that two steps check give a cause twice; the message says it once. */
static bool is_repeated(const cJSON *causes, const cJSON *cause)
{
    const cJSON *before = NULL;
    cJSON_ArrayForEach (before, causes) {
        if (before == cause) {
            return false;
        }
        if (moon_streq(moon_sim_text(before, "field"), moon_sim_text(cause, "field")) &&
            moon_streq(moon_sim_text(before, "message"), moon_sim_text(cause, "message"))) {
            return true;
        }
    }
    return false;
}

/* One cause stands bare, several stand in brackets. */
static char *invalid_message(const struct moon_sim_kind *kind, const char *name,
                             const cJSON *causes)
{
    MOON_AUTOFREE char *what = qualified(kind, kind->kind);
    struct moon_buf message = MOON_BUF_INIT(MESSAGE_MAX);
    const cJSON *cause = NULL;
    int shown = 0;
    cJSON_ArrayForEach (cause, causes) {
        shown += is_repeated(causes, cause) ? 0 : 1;
    }
    bool several = shown > 1;
    moon_buf_printf(&message, "%s \"%s\" is invalid: %s", what, name, several ? "[" : "");
    cJSON_ArrayForEach (cause, causes) {
        if (!is_repeated(causes, cause)) {
            moon_buf_printf(&message, "%s%s: %s", cause == causes->child ? "" : ", ",
                            moon_sim_text(cause, "field"), moon_sim_text(cause, "message"));
        }
    }
    moon_buf_puts(&message, several ? "]" : "");
    return moon_buf_take(&message, NULL);
}

int moon_sim_refuse_invalid(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                            const char *name, cJSON *take_causes)
{
    MOON_AUTOFREE char *message = invalid_message(kind, name, take_causes);
    cJSON *details = new_details(kind, name, true);
    moon_sim_set(details, "causes", take_causes);
    return fill(st, 422, "Invalid", message, details);
}

void moon_sim_status_add_cause(struct moon_sim_status *st, const char *reason, const char *message,
                               const char *field)
{
    cJSON *details = moon_sim_ensure(st->body, "details");
    cJSON *causes = moon_sim_member(details, "causes");
    cJSON *cause = cJSON_CreateObject();
    if (causes == NULL) {
        causes = cJSON_CreateArray();
        moon_sim_set(details, "causes", causes);
    }
    const char *const members[][2] = {{"reason", reason}, {"message", message}, {"field", field}};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(members); i++) {
        if (members[i][1] != NULL) {
            moon_sim_set_text(cause, members[i][0], members[i][1]);
        }
    }
    cJSON_AddItemToArray(causes, cause);
}

cJSON *moon_sim_status_success(const struct moon_sim_kind *kind, const char *name, const char *uid)
{
    cJSON *body = new_status("Success");
    cJSON *details = new_details(kind, name, false);
    moon_sim_set_text(details, "uid", uid);
    moon_sim_set(body, "details", details);
    return body;
}

/* ---- causes ---- */

static const char *colon(const char *detail)
{
    return detail != NULL && detail[0] != '\0' ? ": " : "";
}

static const char *text_or_none(const char *text)
{
    return text != NULL ? text : "";
}

void moon_sim_cause_required(cJSON *causes, const char *field, const char *detail)
{
    add_cause(causes, "FieldValueRequired", field,
              moon_asprintf("Required value%s%s", colon(detail), text_or_none(detail)));
}

static void invalid(cJSON *causes, const char *field, const char *shown, const char *detail)
{
    add_cause(causes, "FieldValueInvalid", field,
              moon_asprintf("Invalid value: %s%s%s", shown, colon(detail), text_or_none(detail)));
}

/* %#v of a Go string, as far as names go: quotes and backslashes escaped. */
static char *quoted(const char *text)
{
    struct moon_buf out = MOON_BUF_INIT(MESSAGE_MAX);
    moon_buf_putc(&out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            moon_buf_putc(&out, '\\');
        }
        if (*p == '\n') {
            moon_buf_puts(&out, "\\n");
        } else {
            moon_buf_putc(&out, *p);
        }
    }
    moon_buf_putc(&out, '"');
    return moon_buf_take(&out, NULL);
}

void moon_sim_cause_invalid_text(cJSON *causes, const char *field, const char *value,
                                 const char *detail)
{
    MOON_AUTOFREE char *shown = quoted(value);
    invalid(causes, field, shown, detail);
}

void moon_sim_cause_invalid_int(cJSON *causes, const char *field, int64_t value, const char *detail)
{
    MOON_AUTOFREE char *shown = moon_asprintf("%lld", (long long)value);
    invalid(causes, field, shown, detail);
}

void moon_sim_cause_invalid(cJSON *causes, const char *field, const cJSON *value,
                            const char *detail)
{
    if (cJSON_IsString(value)) {
        moon_sim_cause_invalid_text(causes, field, value->valuestring, detail);
        return;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf shown = MOON_BUF_INIT(MESSAGE_MAX);
    if (value != NULL) {
        moon_sim_tree_print(value, &shown);
    } else {
        moon_buf_puts(&shown, "null");
    }
    invalid(causes, field, moon_buf_cstr(&shown), detail);
}

/* ---- values as Go prints them with %#v ---- */

static void print_go_map(struct moon_buf *out, const cJSON *map)
{
    const cJSON *member = NULL;
    if (map == NULL || map->child == NULL) {
        moon_buf_puts(out, "map[string]string(nil)");
        return;
    }
    moon_buf_puts(out, "map[string]string{");
    cJSON_ArrayForEach (member, map) {
        MOON_AUTOFREE char *key = quoted(member->string);
        MOON_AUTOFREE char *value = quoted(cJSON_IsString(member) ? member->valuestring : "");
        moon_buf_printf(out, "%s%s:%s", member != map->child ? ", " : "", key, value);
    }
    moon_buf_putc(out, '}');
}

static void print_go_requirement(struct moon_buf *out, const cJSON *requirement)
{
    const cJSON *values = moon_sim_member(requirement, "values");
    const cJSON *value = NULL;
    moon_buf_printf(out,
                    "v1.LabelSelectorRequirement{Key:\"%s\", Operator:\"%s\", Values:[]string%s",
                    moon_sim_text(requirement, "key"), moon_sim_text(requirement, "operator"),
                    values != NULL ? "{" : "(nil)}");
    cJSON_ArrayForEach (value, values) {
        moon_buf_printf(out, "%s\"%s\"", value != values->child ? ", " : "",
                        cJSON_IsString(value) ? value->valuestring : "");
    }
    moon_buf_puts(out, values != NULL ? "}}" : "");
}

void moon_sim_cause_invalid_go(cJSON *causes, const char *field, const char *shown,
                               const char *detail)
{
    invalid(causes, field, shown, detail);
}

void moon_sim_cause_invalid_map(cJSON *causes, const char *field, const cJSON *map,
                                const char *detail)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf shown = MOON_BUF_INIT(MESSAGE_MAX);
    print_go_map(&shown, map);
    invalid(causes, field, moon_buf_cstr(&shown), detail);
}

void moon_sim_cause_invalid_selector(cJSON *causes, const char *field, const cJSON *selector,
                                     const char *detail)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf shown = MOON_BUF_INIT(MESSAGE_MAX);
    const cJSON *expressions = moon_sim_member(selector, "matchExpressions");
    const cJSON *requirement = NULL;
    moon_buf_puts(&shown, "v1.LabelSelector{MatchLabels:");
    print_go_map(&shown, moon_sim_member(selector, "matchLabels"));
    moon_buf_printf(&shown, ", MatchExpressions:[]v1.LabelSelectorRequirement%s",
                    expressions != NULL ? "{" : "(nil)}");
    cJSON_ArrayForEach (requirement, expressions) {
        moon_buf_puts(&shown, requirement != expressions->child ? ", " : "");
        print_go_requirement(&shown, requirement);
    }
    moon_buf_puts(&shown, expressions != NULL ? "}}" : "");
    invalid(causes, field, moon_buf_cstr(&shown), detail);
}

void moon_sim_cause_invalid_intstr(cJSON *causes, const char *field, const cJSON *value,
                                   const char *detail)
{
    int64_t number = 0;
    MOON_AUTOFREE char *text = quoted(cJSON_IsString(value) ? value->valuestring : "");
    (void)moon_sim_to_int(value, &number);
    MOON_AUTOFREE char *shown = moon_asprintf("intstr.IntOrString{Type:%d, IntVal:%lld, StrVal:%s}",
                                              cJSON_IsString(value), (long long)number, text);
    invalid(causes, field, shown, detail);
}

void moon_sim_cause_unsupported(cJSON *causes, const char *field, const char *value,
                                const char *supported)
{
    MOON_AUTOFREE char *shown = quoted(value);
    moon_sim_cause_unsupported_go(causes, field, shown, supported);
}

void moon_sim_cause_unsupported_go(cJSON *causes, const char *field, const char *shown,
                                   const char *supported)
{
    add_cause(causes, "FieldValueNotSupported", field,
              moon_asprintf("Unsupported value: %s: supported values: %s", shown, supported));
}

void moon_sim_cause_forbidden(cJSON *causes, const char *field, const char *detail)
{
    add_cause(causes, "FieldValueForbidden", field, moon_asprintf("Forbidden: %s", detail));
}

void moon_sim_cause_duplicate(cJSON *causes, const char *field, const char *value)
{
    MOON_AUTOFREE char *shown = quoted(value);
    moon_sim_cause_duplicate_go(causes, field, shown, NULL);
}

void moon_sim_cause_duplicate_go(cJSON *causes, const char *field, const char *shown,
                                 const char *detail)
{
    add_cause(causes, "FieldValueDuplicate", field,
              moon_asprintf("Duplicate value: %s%s%s", shown, colon(detail), text_or_none(detail)));
}

void moon_sim_cause_too_long(cJSON *causes, const char *field, int64_t max_bytes)
{
    add_cause(causes, "FieldValueTooLong", field,
              moon_asprintf("Too long: must have at most %lld bytes", (long long)max_bytes));
}

void moon_sim_cause_not_found(cJSON *causes, const char *field, const char *value)
{
    MOON_AUTOFREE char *shown = quoted(value);
    add_cause(causes, "FieldValueNotFound", field, moon_asprintf("Not found: %s", shown));
}
