/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sim/api_priv.h"

enum {
    ANSWER_MAX = 1 << 30
};

/* ---- the query ---- */

const char *moon_sim_call_query(const struct moon_sim_call *call, const char *name)
{
    const char *value = moon_httpd_query(call->request, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool moon_sim_call_flag(const struct moon_sim_call *call, const char *name)
{
    const char *value = moon_httpd_query(call->request, name);
    if (value == NULL) {
        return false;
    }
    /* As Go's queries are read: present and neither "false" nor "0". */
    return !moon_streq(value, "false") && !moon_streq(value, "0");
}

int moon_sim_call_int(const struct moon_sim_call *call, const char *name, int64_t *ret_value,
                      struct moon_sim_status *st)
{
    const char *value = moon_sim_call_query(call, name);
    if (value != NULL && !moon_parse_i64(moon_str(value), ret_value)) {
        return moon_sim_refuse_bad_request(st, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                           value);
    }
    return 0;
}

static const char *options_kind(const struct moon_sim_call *call)
{
    return moon_streq(call->method, "PATCH")    ? "PatchOptions"
           : moon_streq(call->method, "PUT")    ? "UpdateOptions"
           : moon_streq(call->method, "DELETE") ? "DeleteOptions"
                                                : "CreateOptions";
}

static int read_dry_run(struct moon_sim_call *call, struct moon_sim_status *st)
{
    const char *value = moon_sim_call_query(call, "dryRun");
    if (value == NULL) {
        return 0;
    }
    call->dry_run = true;
    if (moon_streq(value, "All")) {
        return 0;
    }
    MOON_AUTOFREE char *shown = moon_asprintf("[]string{\"%s\"}", value);
    return moon_sim_refuse_option(st, options_kind(call), "dryRun", shown, "\"All\"");
}

static int read_field_validation(struct moon_sim_call *call, struct moon_sim_status *st)
{
    const char *value = moon_sim_call_query(call, "fieldValidation");
    call->field_validation = MOON_SIM_WARN;
    if (value == NULL || moon_streq(value, "Warn")) {
        return 0;
    }
    if (moon_streq(value, "Ignore") || moon_streq(value, "Strict")) {
        call->field_validation = moon_streq(value, "Strict") ? MOON_SIM_STRICT : MOON_SIM_IGNORE;
        return 0;
    }
    MOON_AUTOFREE char *shown = moon_asprintf("\"%s\"", value);
    return moon_sim_refuse_option(st, options_kind(call), "fieldValidation", shown,
                                  "\"\", \"Ignore\", \"Strict\", \"Warn\"");
}

/* ---- Accept ---- */

/* One media range: type/subtype and the parameters as, g, v. */
struct media {
    struct moon_str type;
    struct moon_str as;
    struct moon_str version;
};

static struct media parse_media(struct moon_str range)
{
    struct media media = {0};
    struct moon_str piece;
    bool first = true;
    while (moon_str_split(&range, ';', &piece)) {
        struct moon_str value = moon_str_trim(piece);
        struct moon_str key;
        if (first) {
            media.type = value;
            first = false;
        } else if (moon_str_split(&value, '=', &key)) {
            media.as = moon_str_is(key, "as") ? value : media.as;
            media.version = moon_str_is(key, "v") ? value : media.version;
        }
    }
    return media;
}

/* Can we answer this? Sets the view. */
static bool accept_media(struct moon_sim_call *call, struct media media)
{
    static const char *const readable[] = {"application/json", "*/*", "application/*",
                                           "application/yaml"};
    bool json = false;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(readable); i++) {
        json = json || moon_str_is(media.type, readable[i]);
    }
    if (!json) {
        return false;
    }
    call->view = MOON_SIM_VIEW_OBJECT;
    call->view_version = moon_str_is(media.version, "v1beta1") ? "v1beta1" : "v1";
    if (moon_str_is(media.as, "Table")) {
        call->view = MOON_SIM_VIEW_TABLE;
    } else if (moon_str_is(media.as, "PartialObjectMetadata") ||
               moon_str_is(media.as, "PartialObjectMetadataList")) {
        call->view = MOON_SIM_VIEW_METADATA;
    }
    /* Aggregated discovery (as=APIGroupDiscoveryList) is not offered: the next range counts. */
    return media.as.len == 0 || call->view != MOON_SIM_VIEW_OBJECT;
}

static int read_accept(struct moon_sim_call *call, struct moon_sim_status *st)
{
    const char *accept = moon_httpd_header(call->request, "Accept");
    struct moon_str rest = moon_str(accept);
    struct moon_str range;
    if (accept == NULL || accept[0] == '\0') {
        return 0;
    }
    while (moon_str_split(&rest, ',', &range)) {
        if (accept_media(call, parse_media(moon_str_trim(range)))) {
            return 0;
        }
    }
    call->view = MOON_SIM_VIEW_OBJECT;
    return moon_sim_refuse_generic(st, 406, "NotAcceptable", "406: Not Acceptable");
}

static int check_include_object(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    const char *include = moon_sim_call_query(call, "includeObject");
    if (call->view != MOON_SIM_VIEW_TABLE || include == NULL || moon_streq(include, "Metadata") ||
        moon_streq(include, "Object") || moon_streq(include, "None")) {
        return 0;
    }
    return moon_sim_refuse_bad_request(
        st,
        "Unable to convert to Table as requested: includeObject: Invalid value: \"%s\": must be "
        "'Metadata', 'Object', 'None', or empty",
        include);
}

int moon_sim_call_negotiate(struct moon_sim_call *call, struct moon_sim_status *st)
{
    call->pretty = moon_sim_call_flag(call, "pretty");
    if (read_accept(call, st) != 0 || check_include_object(call, st) != 0 ||
        read_dry_run(call, st) != 0) {
        return -1;
    }
    return read_field_validation(call, st);
}

int64_t moon_sim_now_s(const struct moon_sim_api *api)
{
    return moon_loop_wall_ms(api->loop) / 1000;
}

/* ---- answers ---- */

void moon_sim_reply_tree(struct moon_sim_call *call, int code, const cJSON *tree)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(ANSWER_MAX);
    moon_sim_tree_print(tree, &text);
    moon_buf_putc(&text, '\n');
    moon_sim_answer(call, code, "application/json", moon_buf_str(&text));
}

void moon_sim_reply_status(struct moon_sim_call *call, const struct moon_sim_status *st)
{
    int64_t retry_s = moon_sim_int(st->body, "details.retryAfterSeconds", 0);
    if (retry_s > 0) {
        char text[24];
        (void)snprintf(text, sizeof(text), "%lld", (long long)retry_s);
        moon_httpd_add_header(call->request, "Retry-After", text);
    }
    moon_sim_reply_tree(call, st->code, st->body);
}

static void print_object(const struct moon_sim_kind *kind, struct moon_str text,
                         struct moon_buf *out)
{
    char api_version[MOON_SIM_API_VERSION_TEXT];
    moon_assert(text.len > 2 && text.ptr[0] == '{'); /* it has metadata at least */
    moon_buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", kind->kind,
                    moon_sim_kind_api_version(kind, api_version));
    moon_buf_add(out, text.ptr + 1, text.len - 1);
}

cJSON *moon_sim_view_tree(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj)
{
    struct moon_err err;
    cJSON *tree = moon_sim_obj_tree(obj);
    if (kind->custom != NULL) {
        /* The definition may be another one than when it was written. */
        int rc = moon_sim_custom_coerce(kind->custom, tree, NULL, &err);
        moon_assert(rc == 0);
    }
    return tree;
}

void moon_sim_view_print(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj,
                         struct moon_buf *out)
{
    if (kind->custom == NULL) {
        print_object(kind, obj->text, out);
        return;
    }
    MOON_AUTOJSON *tree = moon_sim_view_tree(kind, obj);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(ANSWER_MAX);
    moon_sim_tree_print(tree, &text);
    print_object(kind, moon_buf_str(&text), out);
}

static void reply_view(struct moon_sim_call *call, int code, const cJSON *tree)
{
    MOON_AUTOJSON *shown = call->view == MOON_SIM_VIEW_TABLE ? moon_sim_table_of_tree(call, tree)
                                                             : moon_sim_partial(call, tree);
    moon_sim_reply_tree(call, code, shown);
}

static void reply_plain(struct moon_sim_call *call, int code, struct moon_str object)
{
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf text = MOON_BUF_INIT(ANSWER_MAX);
    print_object(call->kind, object, &text);
    moon_buf_putc(&text, '\n');
    moon_sim_answer(call, code, "application/json", moon_buf_str(&text));
}

void moon_sim_reply_object(struct moon_sim_call *call, int code, const cJSON *tree)
{
    if (call->view != MOON_SIM_VIEW_OBJECT) {
        reply_view(call, code, tree);
        return;
    }
    MOON_CLEANUP(moon_buf_fini)
    struct moon_buf object = MOON_BUF_INIT(ANSWER_MAX);
    moon_sim_tree_print(tree, &object);
    reply_plain(call, code, moon_buf_str(&object));
}

void moon_sim_reply_stored(struct moon_sim_call *call, int code, const struct moon_sim_obj *obj)
{
    if (call->view != MOON_SIM_VIEW_OBJECT) {
        MOON_AUTOJSON *tree = moon_sim_view_tree(call->kind, obj);
        reply_view(call, code, tree);
        return;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(ANSWER_MAX);
    moon_sim_view_print(call->kind, obj, &text);
    moon_buf_putc(&text, '\n');
    moon_sim_answer(call, code, "application/json", moon_buf_str(&text));
}
