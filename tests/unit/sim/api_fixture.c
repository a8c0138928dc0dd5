/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"

#include <stdio.h>

int setup_with(void **state, const struct moon_sim_api_opts *opts)
{
    struct moon_err err;
    struct fixture *f = moon_new(struct fixture);
    f->loop = moon_loop_new(NULL, &err);
    f->api = moon_sim_api_new(f->loop, opts, &err);
    assert_non_null(f->api);
    f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "test"}, &err);
    assert_non_null(f->http);
    *state = f;
    return 0;
}

int setup(void **state)
{
    return setup_with(state, NULL);
}

int teardown(void **state)
{
    struct fixture *f = *state;
    moon_http_free(f->http);
    moon_sim_api_free(f->api);
    moon_loop_free(f->loop);
    cJSON_Delete(f->answer);
    moon_free(f->text);
    moon_free(f);
    return 0;
}

/* ---- calls ---- */

static void on_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    struct moon_err ignored;
    if (err != NULL) {
        fail_msg("%s", err->text);
    }
    f->pending--;
    f->status = answer->status;
    f->text = moon_str_dup(answer->body);
    f->answer = moon_json_parse(answer->body, &ignored);
}

int call(struct fixture *f, const char *method, const char *path, const char *header,
         const char *body)
{
    char url[512];
    const char *const headers[] = {header, NULL};
    cJSON_Delete(f->answer);
    moon_free(f->text);
    f->answer = NULL;
    f->text = NULL;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", moon_sim_api_port(f->api), path);
    f->pending++;
    (void)moon_http_send(f->http,
                         &(struct moon_http_request){.method = method,
                                                     .url = url,
                                                     .headers = header != NULL ? headers : NULL,
                                                     .body = moon_str(body),
                                                     .proxy = "",
                                                     .timeout_ms = 10000,
                                                     .on_done = on_done,
                                                     .ctx = f});
    while (f->pending > 0) {
        moon_loop_turn(f->loop, 1000);
    }
    return f->status;
}

int get(struct fixture *f, const char *path)
{
    return call(f, "GET", path, NULL, NULL);
}

int post(struct fixture *f, const char *path, const char *body)
{
    return call(f, "POST", path, JSON, body);
}

const char *text_at(const struct fixture *f, const char *path)
{
    const char *text = moon_json_string(f->answer, path);
    return text != NULL ? text : "";
}

int64_t int_at(const struct fixture *f, const char *path)
{
    return moon_json_int(f->answer, path, -1);
}

int items(const struct fixture *f)
{
    return cJSON_GetArraySize(moon_json_get(f->answer, "items"));
}

/* Until the object answers 404: the collector acts a moment later. */
void wait_gone(struct fixture *f, const char *path)
{
    for (int i = 0; i < 500; i++) {
        if (get(f, path) == 404) {
            return;
        }
        moon_loop_turn(f->loop, 5);
    }
    fail_msg("%s is still there: %s", path, f->text);
}

/* ---- watches ---- */

static bool on_line(struct moon_str piece, void *ctx)
{
    struct watch *w = ctx;
    moon_buf_add_str(&w->lines, piece);
    return true;
}

static void on_watch_done(const struct moon_http_answer *answer, const struct moon_err *err,
                          void *ctx)
{
    struct watch *w = ctx;
    (void)answer;
    (void)err;
    w->ended = true;
    w->call = NULL;
}

void watch_start(struct fixture *f, struct watch *w, const char *path)
{
    char url[512];
    size_t open = moon_sim_api_stats(f->api).open_watches;
    w->lines = MOON_BUF_INIT(1 << 20);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", moon_sim_api_port(f->api), path);
    w->call = moon_http_send(f->http, &(struct moon_http_request){.method = "GET",
                                                                  .url = url,
                                                                  .proxy = "",
                                                                  .on_data = on_line,
                                                                  .on_done = on_watch_done,
                                                                  .ctx = w});
    /* Nothing that is written later may come as part of the state it starts from. */
    for (int i = 0; i < 500 && w->lines.len == 0 && !w->ended &&
                    moon_sim_api_stats(f->api).open_watches == open;
         i++) {
        moon_loop_turn(f->loop, 20);
    }
}

/* Turn the loop until the text has arrived. */
void watch_until(struct fixture *f, struct watch *w, const char *wanted)
{
    for (int i = 0; i < 500 && strstr(moon_buf_cstr(&w->lines), wanted) == NULL; i++) {
        moon_loop_turn(f->loop, 20);
    }
    if (strstr(moon_buf_cstr(&w->lines), wanted) == NULL) {
        fail_msg("no %s in: %s", wanted, moon_buf_cstr(&w->lines));
    }
}

void watch_stop(struct watch *w)
{
    if (w->call != NULL) {
        moon_http_cancel(w->call);
    }
    moon_buf_fini(&w->lines);
}

/* The types of all lines, a letter each. */
const char *watch_types(const struct watch *w, char out[64])
{
    size_t n = 0;
    const char *p = moon_buf_cstr(&w->lines);
    while ((p = strstr(p, "{\"type\":\"")) != NULL && n < 63) {
        out[n++] = p[9];
        p += 9;
    }
    out[n] = '\0';
    return out;
}
