/* SPDX-License-Identifier: Apache-2.0 */
#include "host/replay_calls.h"

#include "base/list.h"
#include "base/map.h"
#include "host/recording.h"

#define CALLS_MAGIC 0x4e97a001u

enum {
    NAME_MAX_BYTES = 32 << 20,
    TEXT_MAX_BYTES = 64 << 20
};

struct call {
    struct moon_list link;
    struct moon_client_call *call;
    char *name;
    bool is_list;
    bool has_items;
};

/* A line that nobody has asked for yet. */
struct early {
    struct moon_list link;
    char *name;
    char *line;
};

struct moon_replay_calls {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_list open;
    struct moon_list early;
    struct moon_defer *delivering;
};

static void free_call(struct call *c)
{
    moon_list_remove(&c->link);
    moon_free(c->name);
    moon_free(c);
}

static void free_early(struct early *e)
{
    moon_list_remove(&e->link);
    moon_free(e->name);
    moon_free(e->line);
    moon_free(e);
}

static struct call *find(const struct moon_replay_calls *calls, const char *name)
{
    moon_list_foreach (it, &calls->open) {
        struct call *c = moon_container_of(it, struct call, link);
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

bool moon_replay_calls_has(const struct moon_replay_calls *calls, const char *name)
{
    return find(calls, name) != NULL;
}

/* ---- giving ---- */

/* The value of a member; one that stood for itself is a text. */
static void add_value(struct moon_str line, const char *key, struct moon_buf *out)
{
    const char *const path[] = {key, NULL};
    struct moon_str value;
    struct moon_err ignored;

    if (!moon_json_find(line, path, &value)) {
        return;
    }
    if (value.ptr[0] == '"') {
        MOON_AUTOJSON *text = moon_json_parse(value, &ignored);
        moon_buf_puts(out, text != NULL ? cJSON_GetStringValue(text) : "");
    } else {
        moon_buf_add_str(out, value);
    }
}

/* `c` may be gone afterwards. */
static void give_piece(struct moon_replay_calls *calls, struct call *c, struct moon_str piece)
{
    struct moon_client_call *call = c->call;

    (void)calls;
    if (!moon_client_give(call, piece)) {
        free_call(c);
    }
}

static void give_line(struct moon_replay_calls *calls, struct call *c, struct moon_str line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);

    add_value(line, "event", &text);
    moon_buf_putc(&text, '\n');
    give_piece(calls, c, moon_buf_str(&text));
}

static void give_item(struct moon_replay_calls *calls, struct call *c, struct moon_str line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);

    moon_buf_puts(&text, c->has_items ? "," : "{\"items\":[");
    c->has_items = true;
    add_value(line, "object", &text);
    give_piece(calls, c, moon_buf_str(&text));
}

/* What stands around the items comes behind them here: without its own, empty ones. */
static bool give_envelope(struct call *c, struct moon_str body)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;

    moon_buf_puts(&text, c->has_items ? "]" : "{\"items\":[]");
    moon_json_iter_init(&it, body);
    while (moon_json_next(&it, &key, &value)) {
        if (!moon_str_is(key, "items")) {
            moon_buf_putc(&text, ',');
            moon_json_add_string(&text, key);
            moon_buf_putc(&text, ':');
            moon_buf_add_str(&text, value);
        }
    }
    moon_json_iter_fini(&it);
    moon_buf_putc(&text, '}');
    return moon_client_give(c->call, moon_buf_str(&text));
}

static int64_t number(struct moon_str line, const char *key)
{
    const char *const path[] = {key, NULL};
    struct moon_str value;
    int64_t n = 0;

    return moon_json_find(line, path, &value) && moon_parse_i64(value, &n) ? n : 0;
}

static bool read_error(struct moon_str line, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);
    int64_t code = number(line, "code");

    if (code <= MOON_OK || code > MOON_E_CANCELLED) {
        return false;
    }
    add_value(line, "error", &text);
    (void)moon_err_set(err, (enum moon_code)code, "%s", moon_buf_cstr(&text));
    return true;
}

static void give_end(struct call *c, struct moon_str line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(TEXT_MAX_BYTES);
    struct moon_err err;
    struct moon_str sent;
    int64_t retry_after_ms = number(line, "retry_after_ms");
    bool has_error = read_error(line, &err);

    add_value(line, "body", &body);
    struct moon_http_answer answer = {
        .status = (int)number(line, "status"),
        .body = moon_buf_str(&body),
        .content_type = MOON_STR_LIT("application/json"),
        .retry_after_ms = (uint64_t)retry_after_ms,
        .sent = !moon_json_find(line, MOON_JSON_PATH("sent"), &sent) || moon_str_is(sent, "true"),
    };
    if (c->is_list && !has_error && answer.status < 300) {
        if (!give_envelope(c, answer.body)) {
            free_call(c);
            return;
        }
        answer.body = (struct moon_str){0};
    }
    struct moon_client_call *call = c->call;
    free_call(c);
    moon_client_end(call, &answer, has_error ? &err : NULL);
}

static void give(struct moon_replay_calls *calls, struct call *c, struct moon_str line)
{
    struct moon_str unused;

    if (moon_json_find_first(line, MOON_JSON_PATH("line"), &unused)) {
        give_line(calls, c, line);
    } else if (moon_json_find_first(line, MOON_JSON_PATH("item"), &unused)) {
        give_item(calls, c, line);
    } else {
        give_end(c, line);
    }
}

static bool is_awaited(const struct moon_replay_calls *calls, const char *name)
{
    moon_list_foreach (it, &calls->early) {
        if (strcmp(moon_container_of(it, struct early, link)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

void moon_replay_calls_give(struct moon_replay_calls *calls, const char *name, struct moon_str line)
{
    struct call *c = find(calls, name);

    if (c != NULL && !is_awaited(calls, name)) {
        give(calls, c, line);
        return;
    }
    struct early *e = moon_new(struct early);
    e->name = moon_strdup(name);
    e->line = moon_str_dup(line);
    moon_list_append(&calls->early, &e->link);
}

/* ---- asking ---- */

/* The first that waits and has its call now. */
static struct early *next_early(const struct moon_replay_calls *calls, struct call **ret_call)
{
    moon_list_foreach (it, &calls->early) {
        struct early *e = moon_container_of(it, struct early, link);
        *ret_call = find(calls, e->name);
        if (*ret_call != NULL) {
            return e;
        }
    }
    return NULL;
}

static void deliver(void *ctx)
{
    struct moon_replay_calls *calls = MOON_CAST(moon_replay_calls, ctx, CALLS_MAGIC);
    struct early *e;
    struct call *c;

    calls->delivering = NULL;
    while ((e = next_early(calls, &c)) != NULL) {
        moon_list_remove(&e->link);
        give(calls, c, moon_str(e->line));
        free_early(e);
    }
}

static void asked(struct moon_client_call *call, const struct moon_client_question *q, void *ctx)
{
    struct moon_replay_calls *calls = MOON_CAST(moon_replay_calls, ctx, CALLS_MAGIC);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf name = MOON_BUF_INIT(NAME_MAX_BYTES);
    struct call *c = moon_new(struct call);

    moon_recording_call(q, &name);
    c->call = call;
    c->name = moon_buf_take(&name, NULL);
    c->is_list = q->verb == MOON_VERB_LIST && q->is_streamed;
    moon_list_append(&calls->open, &c->link);
    if (is_awaited(calls, c->name) && calls->delivering == NULL) {
        calls->delivering = moon_loop_defer(calls->loop, deliver, calls);
    }
}

static void dropped(struct moon_client_call *call, void *ctx)
{
    const struct moon_replay_calls *calls = MOON_CAST(moon_replay_calls, ctx, CALLS_MAGIC);

    moon_list_foreach (it, &calls->open) {
        struct call *c = moon_container_of(it, struct call, link);
        if (c->call == call) {
            free_call(c);
            return;
        }
    }
}

struct moon_client_stand_in moon_replay_calls_stand_in(struct moon_replay_calls *calls)
{
    return (struct moon_client_stand_in){.asked = asked, .dropped = dropped, .ctx = calls};
}

struct moon_replay_calls *moon_replay_calls_new(struct moon_loop *loop)
{
    struct moon_replay_calls *calls = moon_new(struct moon_replay_calls);

    calls->magic = CALLS_MAGIC;
    calls->loop = loop;
    moon_list_init(&calls->open);
    moon_list_init(&calls->early);
    return calls;
}

void moon_replay_calls_free(struct moon_replay_calls *calls)
{
    if (calls == NULL) {
        return;
    }
    moon_list_foreach (it, &calls->open) {
        free_call(moon_container_of(it, struct call, link));
    }
    moon_list_foreach (at, &calls->early) {
        free_early(moon_container_of(at, struct early, link));
    }
    if (calls->delivering != NULL) {
        moon_defer_cancel(calls->delivering);
    }
    calls->magic = 0;
    moon_free(calls);
}
