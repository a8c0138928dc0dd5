/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_event.h"

#include "io/json.h"

/* ---- lines ---- */

static int add_partial(struct moon_watch_lines *l, struct moon_str part, struct moon_err *err)
{
    moon_buf_add_str(&l->partial, part);
    return moon_buf_check(&l->partial, "a watch event", err);
}

int moon_watch_lines_feed(struct moon_watch_lines *l, struct moon_str piece,
                          bool (*fn)(struct moon_str line, void *ctx), void *ctx,
                          struct moon_err *err)
{
    const char *end;
    while (piece.len > 0 && (end = memchr(piece.ptr, '\n', piece.len)) != NULL) {
        struct moon_str line = {piece.ptr, (size_t)(end - piece.ptr)};
        piece = (struct moon_str){end + 1, piece.len - line.len - 1};
        if (l->partial.len > 0) {
            int rc = add_partial(l, line, err);
            if (rc != 0) {
                return rc;
            }
            bool wants_more = fn(moon_buf_str(&l->partial), ctx);
            moon_buf_clear(&l->partial);
            if (!wants_more) {
                return -MOON_E_CANCELLED;
            }
        } else if (line.len > l->partial.max_bytes) {
            return moon_err_set(err, MOON_E_LIMIT, "a watch event is larger than %zu bytes",
                                l->partial.max_bytes);
        } else if (!fn(line, ctx)) {
            return -MOON_E_CANCELLED;
        }
    }
    return add_partial(l, piece, err);
}

/* ---- events ---- */

static bool type_of(struct moon_str quoted, enum moon_watch_type *ret)
{
    static const struct {
        const char *quoted;
        enum moon_watch_type type;
    } TYPES[] = {
        {"\"ADDED\"", MOON_WATCH_ADDED},     {"\"MODIFIED\"", MOON_WATCH_MODIFIED},
        {"\"DELETED\"", MOON_WATCH_DELETED}, {"\"BOOKMARK\"", MOON_WATCH_BOOKMARK},
        {"\"ERROR\"", MOON_WATCH_ERROR},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(TYPES); i++) {
        if (moon_str_is(quoted, TYPES[i].quoted)) {
            *ret = TYPES[i].type;
            return true;
        }
    }
    return false;
}

/* As servers write the events of objects; a line that is written in another way goes the long way.
 * What is inside of the object is checked by who reads it. */
static bool cut_line(struct moon_str line, struct moon_watch_event *event)
{
    static const struct {
        const char *text;
        enum moon_watch_type type;
    } HEADS[] = {
        {"{\"type\":\"ADDED\",\"object\":", MOON_WATCH_ADDED},
        {"{\"type\":\"MODIFIED\",\"object\":", MOON_WATCH_MODIFIED},
        {"{\"type\":\"DELETED\",\"object\":", MOON_WATCH_DELETED},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(HEADS); i++) {
        if (moon_str_starts(line, HEADS[i].text) && moon_str_ends(line, "}}")) {
            size_t head_len = strlen(HEADS[i].text);
            event->type = HEADS[i].type;
            event->object =
                (struct moon_str){line.ptr + head_len, line.len - head_len - strlen("}")};
            return true;
        }
    }
    return false;
}

/* Both members in one pass over the line. */
static bool find_members(struct moon_str line, struct moon_str *ret_type,
                         struct moon_str *ret_object)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    moon_json_iter_init(&it, line);
    while (moon_json_next(&it, &key, &value)) {
        if (moon_str_is(key, "type")) {
            *ret_type = value;
        } else if (moon_str_is(key, "object")) {
            *ret_object = value;
        }
    }
    bool is_whole = !it.failed && !it.is_array;
    moon_json_iter_fini(&it);
    return is_whole && ret_type->len > 0 && ret_object->len > 0 && ret_object->ptr[0] == '{';
}

/* Servers do not repeat keys, so there is no need to read on: the version stands near the
 * beginning. */
static bool version_of(struct moon_str object, uint64_t *ret)
{
    struct moon_str quoted;
    if (!moon_json_find_first(object, MOON_JSON_PATH("metadata", "resourceVersion"), &quoted) ||
        quoted.len < 2) {
        return false;
    }
    struct moon_str digits = {quoted.ptr + 1, quoted.len - 2};
    return moon_parse_u64(digits, ret) && *ret > 0;
}

/* https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists */
static bool has_end_mark(struct moon_str object)
{
    struct moon_str value;
    return moon_json_find(object,
                          MOON_JSON_PATH("metadata", "annotations", "k8s.io/initial-events-end"),
                          &value) &&
           moon_str_is(value, "\"true\"");
}

static int read_line(struct moon_str line, struct moon_watch_event *event, struct moon_err *err)
{
    struct moon_str type = {0};
    if (!find_members(line, &type, &event->object)) {
        return moon_err_set(err, MOON_E_SERVER, "a line of %zu bytes is no watch event", line.len);
    }
    if (!type_of(type, &event->type)) {
        return moon_err_set(err, MOON_E_SERVER, "a watch event of unknown type %.*s",
                            MOON_STR_ARG(moon_str_cut(type, 40)));
    }
    return 0;
}

int moon_watch_event_parse(struct moon_str line, struct moon_watch_event *ret, struct moon_err *err)
{
    struct moon_watch_event event = {0};
    int rc = cut_line(line, &event) ? 0 : read_line(line, &event, err);
    if (rc != 0) {
        return rc;
    }
    if (event.type != MOON_WATCH_ERROR) {
        if (!version_of(event.object, &event.version)) {
            return moon_err_set(err, MOON_E_SERVER, "a watch event without resourceVersion");
        }
        event.ends_list = event.type == MOON_WATCH_BOOKMARK && has_end_mark(event.object);
    }
    *ret = event;
    return 0;
}

/* ---- errors ---- */

static bool is_gone(const cJSON *status)
{
    const char *reason = moon_json_string(status, "reason");
    if (moon_json_int(status, "code", 0) == 410 || moon_streq(reason, "Expired") ||
        moon_streq(reason, "Gone")) {
        return true;
    }
    const cJSON *cause;
    cJSON_ArrayForEach (cause, moon_json_get(status, "details.causes")) {
        if (moon_streq(moon_json_string(cause, "reason"), "ResourceVersionTooLarge")) {
            return true;
        }
    }
    return false;
}

static enum moon_code code_of(int64_t code)
{
    switch (code) {
    case 401:
    case 403:
        return MOON_E_DENIED;
    case 429:
    case 503:
        return MOON_E_BUSY;
    case 504:
        return MOON_E_TIMEOUT;
    default:
        return MOON_E_SERVER;
    }
}

int moon_watch_status_error(struct moon_str status, struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(status, err);
    if (json == NULL) {
        return -(int)err->code;
    }
    const char *message = moon_json_string(json, "message");
    int64_t code = moon_json_int(json, "code", 0);
    int64_t retry_after_s = moon_json_int(json, "details.retryAfterSeconds", 0);
    moon_err_set(err, is_gone(json) ? MOON_E_GONE : code_of(code), "%s",
                 message != NULL ? message : "the server ended the watch without saying why");
    err->http_status = code > 0 && code < 1000 ? (int)code : 0;
    err->retry_after_ms =
        retry_after_s > 0 && retry_after_s < 86400 ? (uint64_t)retry_after_s * 1000 : 0;
    return -(int)err->code;
}
