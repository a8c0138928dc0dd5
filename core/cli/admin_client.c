/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/admin_client.h"

#include "io/http.h"

enum {
    HEADER_MAX_BYTES = 64 * 1024,
    URL_MAX_BYTES = 16 * 1024,
    ANSWER_MAX_BYTES = 256 << 20
};

struct asking {
    struct moon_loop *loop;
    cJSON *answer;
    struct moon_err err;
};

static void on_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct asking *a = ctx;

    moon_loop_stop(a->loop);
    if (err != NULL) {
        a->err = *err;
    } else if (answer->status != 200) {
        struct moon_str text = moon_str_trim(moon_str_cut(answer->body, 300));
        (void)moon_err_set(&a->err, answer->status == 404 ? MOON_E_NOT_FOUND : MOON_E_DENIED,
                           "%.*s (%d)", MOON_STR_ARG(text), answer->status);
    } else {
        a->answer = moon_json_parse(answer->body, &a->err);
    }
}

static void write_url(const struct moon_admin_question *q, struct moon_buf *out)
{
    const char *between = "?";
    size_t len = strlen(q->url);

    moon_buf_printf(out, "%.*s%s", (int)(len > 0 && q->url[len - 1] == '/' ? len - 1 : len), q->url,
                    q->path);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(q->names) && q->names[i] != NULL; i++) {
        if (q->arguments[i] != NULL) {
            moon_buf_printf(out, "%s%s=", between, q->names[i]);
            moon_http_escape(out, moon_str(q->arguments[i]));
            between = "&";
        }
    }
}

static void ask(const struct moon_admin_question *q, const char *header, struct moon_http *http,
                struct asking *a)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf url = MOON_BUF_INIT(URL_MAX_BYTES);

    write_url(q, &url);
    (void)moon_http_send(http,
                         &(struct moon_http_request){.method = "GET",
                                                     .url = moon_buf_cstr(&url),
                                                     .headers = (const char *const[]){header, NULL},
                                                     .timeout_ms = q->timeout_ms,
                                                     .max_body_bytes = ANSWER_MAX_BYTES,
                                                     .on_done = on_done,
                                                     .ctx = a});
    moon_loop_run(a->loop);
}

cJSON *moon_admin_ask(const struct moon_admin_question *q, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf header = MOON_BUF_INIT(HEADER_MAX_BYTES);
    struct asking a = {0};

    if (q->token_file != NULL && moon_http_bearer(q->token_file, &header, err) != 0) {
        (void)moon_err_wrap(err, "--admin-token-file");
        return NULL;
    }
    a.loop = moon_loop_new(NULL, err);
    if (a.loop == NULL) {
        return NULL;
    }
    struct moon_http *http = moon_http_new(
        a.loop, &(struct moon_http_opts){.user_agent = "moonset/" MOONSET_VERSION}, err);
    if (http != NULL) {
        ask(q, header.len > 0 ? moon_buf_cstr(&header) : NULL, http, &a);
        if (a.answer == NULL) {
            *err = a.err;
            (void)moon_err_wrap(err, "--admin %s", q->url);
        }
    }
    moon_http_free(http);
    moon_loop_free(a.loop);
    return a.answer;
}
