/* SPDX-License-Identifier: Apache-2.0 */
#include "player.h"

#include <stdio.h>

#include "base/map.h"
#include "normal.h"

enum {
    ANSWER_MAX_BYTES = 32 << 20,
    REQUEST_MAX_BYTES = 16 << 20,
    CALL_TIMEOUT_MS = 30 * 1000,
    CONDITION_TIMEOUT_MS = 60 * 1000,
    PAUSE_MS = 50, /* between two tries */
    HEADERS_MAX = 4,
};

struct fidelity_player {
    struct moon_loop *loop;
    struct moon_http *http;
    const char *server;
    char *authorization; /* NULL: none */
    struct moon_tls tls;
    struct moon_map *kept; /* name: text */
    struct fidelity_normal *normal;

    /* The call in flight. */
    bool done;
    struct moon_err err;
    struct moon_buf stream;
    cJSON *answer; /* raw */
};

struct fidelity_player *fidelity_player_new(struct moon_loop *loop,
                                            const struct fidelity_player_opts *opts,
                                            struct moon_err *err)
{
    const struct moon_http_opts http_opts = {.user_agent = "fidelity", .http1_only = true};
    struct moon_http *http = moon_http_new(loop, &http_opts, err);
    if (http == NULL) {
        return NULL;
    }
    struct fidelity_player *p = moon_new(struct fidelity_player);
    p->loop = loop;
    p->http = http;
    p->server = opts->server;
    p->tls.ca_file = moon_strdup(opts->ca_file);
    if (opts->token != NULL) {
        p->authorization = moon_asprintf("Authorization: Bearer %s", opts->token);
    }
    p->kept = moon_map_new(moon_free);
    p->normal = fidelity_normal_new();
    p->stream = MOON_BUF_INIT(ANSWER_MAX_BYTES);
    return p;
}

void fidelity_player_free(struct fidelity_player *p)
{
    if (p == NULL) {
        return;
    }
    moon_http_free(p->http);
    moon_tls_fini(&p->tls);
    moon_free(p->authorization);
    moon_map_free(p->kept);
    fidelity_normal_free(p->normal);
    moon_buf_fini(&p->stream);
    cJSON_Delete(p->answer);
    moon_free(p);
}

void fidelity_player_set(struct fidelity_player *p, const char *name, const char *text)
{
    moon_map_set(p->kept, moon_str(name), moon_strdup(text));
}

/* ---- what is sent ---- */

/* `text` with each ${name} replaced; NULL and *err when one was not kept. */
static char *fill_in(const struct fidelity_player *p, const char *text, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(REQUEST_MAX_BYTES);
    const char *rest = text;
    for (const char *at = strstr(rest, "${"); at != NULL; at = strstr(rest, "${")) {
        size_t len = strcspn(at + 2, "}");
        const char *value = moon_map_get(p->kept, (struct moon_str){at + 2, len});
        if (value == NULL) {
            (void)moon_err_set(err, MOON_E_INVALID, "nothing was kept as %.*s", (int)len, at + 2);
            return NULL;
        }
        moon_buf_add(&out, rest, (size_t)(at - rest));
        moon_buf_puts(&out, value);
        rest = at + 2 + len + 1;
    }
    moon_buf_puts(&out, rest);
    return moon_buf_take(&out, NULL);
}

/* ---- what comes back ---- */

static cJSON *parse_or_text(struct moon_str text)
{
    struct moon_err err;
    cJSON *tree = moon_json_parse(text, &err);
    if (tree == NULL) {
        MOON_AUTOFREE char *copy = moon_str_dup(text);
        tree = cJSON_CreateString(copy);
    }
    return tree;
}

static cJSON *parse_lines(struct moon_str text)
{
    cJSON *events = cJSON_CreateArray();
    struct moon_str line;
    while (moon_str_split(&text, '\n', &line)) {
        if (moon_str_trim(line).len > 0) {
            cJSON_AddItemToArray(events, parse_or_text(line));
        }
    }
    return events;
}

static bool on_data(struct moon_str piece, void *ctx)
{
    struct fidelity_player *p = ctx;
    moon_buf_add_str(&p->stream, piece);
    return !p->stream.overflow;
}

static void on_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct fidelity_player *p = ctx;
    p->done = true;
    if (err != NULL) {
        p->err = *err;
        return;
    }
    struct moon_str type = answer->content_type;
    struct moon_str media;
    (void)moon_str_split(&type, ';', &media);
    MOON_AUTOFREE char *media_text = moon_str_dup(media);
    MOON_AUTOFREE char *warning = moon_str_dup(answer->warning);
    p->answer = cJSON_CreateObject();
    cJSON_AddNumberToObject(p->answer, "status", answer->status);
    cJSON_AddStringToObject(p->answer, "type", media_text);
    if (warning[0] != '\0') {
        cJSON_AddStringToObject(p->answer, "warning", warning);
    }
    if (answer->retry_after_ms > 0) {
        cJSON_AddNumberToObject(p->answer, "retryAfter", (double)answer->retry_after_ms / 1000);
    }
    cJSON *body =
        p->stream.len > 0 ? parse_lines(moon_buf_str(&p->stream)) : parse_or_text(answer->body);
    cJSON_AddItemToObject(p->answer, "body", body);
}

/* One request and its answer, left in p->answer. */
static int ask(struct fidelity_player *p, const struct fidelity_call *call, const char *path,
               const char *body, struct moon_err *err)
{
    MOON_AUTOFREE char *url = moon_asprintf("%s%s", p->server, path);
    MOON_AUTOFREE char *accept =
        moon_asprintf("Accept: %s", call->accept != NULL ? call->accept : "application/json");
    MOON_AUTOFREE char *type =
        moon_asprintf("Content-Type: %s", call->type != NULL ? call->type : "");
    const char *headers[HEADERS_MAX] = {accept};
    size_t n = 1;
    if (call->type != NULL) {
        headers[n++] = type;
    }
    if (p->authorization != NULL) {
        headers[n++] = p->authorization;
    }
    cJSON_Delete(moon_steal(&p->answer));
    moon_buf_clear(&p->stream);
    p->done = false;
    p->err = (struct moon_err){0};
    (void)moon_http_send(p->http, &(struct moon_http_request){
                                      .method = call->method,
                                      .url = url,
                                      .headers = headers,
                                      .body = moon_str(body),
                                      .tls = &p->tls,
                                      .proxy = "",
                                      .timeout_ms = CALL_TIMEOUT_MS,
                                      .max_body_bytes = ANSWER_MAX_BYTES,
                                      .on_data = call->is_watch ? on_data : NULL,
                                      .on_done = on_done,
                                      .ctx = p,
                                  });
    while (!p->done) {
        moon_loop_turn(p->loop, CALL_TIMEOUT_MS);
    }
    if (p->answer == NULL) {
        *err = p->err;
        return -(int)err->code;
    }
    return 0;
}

/* ---- conditions ---- */

static bool holds(const cJSON *until, const cJSON *answer)
{
    int64_t status = moon_json_int(until, "status", 0);
    const char *at = moon_json_string(until, "at");
    const char *wanted = moon_json_string(until, "is");
    int64_t items = moon_json_int(until, "items", -1);
    if (status != 0 && status != moon_json_int(answer, "status", 0)) {
        return false;
    }
    if (at == NULL) {
        return true;
    }
    const cJSON *found = moon_json_get(moon_json_get(answer, "body"), at);
    if (wanted != NULL) {
        return moon_streq(cJSON_GetStringValue(found), wanted);
    }
    return items >= 0 ? cJSON_GetArraySize(found) == items : found != NULL;
}

static int ask_until(struct fidelity_player *p, const struct fidelity_call *call, const char *path,
                     const char *body, struct moon_err *err)
{
    uint64_t end = moon_loop_now(p->loop) + CONDITION_TIMEOUT_MS;
    for (;;) {
        if (ask(p, call, path, body, err) != 0) {
            return -(int)err->code;
        }
        if (call->until == NULL || holds(call->until, p->answer)) {
            return 0;
        }
        if (moon_loop_now(p->loop) >= end) {
            char *last = cJSON_PrintUnformatted(p->answer);
            int rc =
                moon_err_set(err, MOON_E_TIMEOUT, "the condition does not come; last: %s", last);
            cJSON_free(last);
            return rc;
        }
        moon_loop_turn(p->loop, PAUSE_MS);
    }
}

/* ---- scripts ---- */

static int keep(struct fidelity_player *p, const struct fidelity_call *call, struct moon_err *err)
{
    const cJSON *wanted = NULL;
    cJSON_ArrayForEach (wanted, call->keep) {
        const char *text = moon_json_string(moon_json_get(p->answer, "body"), wanted->valuestring);
        if (text == NULL) {
            return moon_err_set(err, MOON_E_INVALID, "the answer has no %s to keep",
                                wanted->valuestring);
        }
        fidelity_player_set(p, wanted->string, text);
    }
    return 0;
}

static int play_one(struct fidelity_player *p, const struct fidelity_call *call, cJSON *answers,
                    struct moon_err *err)
{
    MOON_AUTOFREE char *path = fill_in(p, call->path, err);
    MOON_AUTOFREE char *body = call->body != NULL ? fill_in(p, call->body, err) : NULL;
    if (path == NULL || (call->body != NULL && body == NULL)) {
        return -(int)err->code;
    }
    if (ask_until(p, call, path, body, err) != 0) {
        return -(int)err->code;
    }
    int rc = keep(p, call, err);
    MOON_AUTOFREE char *request = moon_asprintf("%s\n%s", path, body != NULL ? body : "");
    fidelity_normal_answer(p->normal, p->answer, request, moon_loop_wall_ms(p->loop) / 1000);
    cJSON_AddItemToObject(p->answer, "call", cJSON_CreateString(call->name));
    cJSON_AddItemToArray(answers, moon_steal(&p->answer));
    return rc;
}

int fidelity_player_play(struct fidelity_player *p, const struct fidelity_script *script,
                         cJSON *ret_answers, struct moon_err *err)
{
    for (size_t i = 0; i < script->count; i++) {
        if (play_one(p, &script->calls[i], ret_answers, err) != 0) {
            return moon_err_wrap(err, "%s", script->calls[i].name);
        }
    }
    return 0;
}
