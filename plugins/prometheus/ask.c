/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.c - GET {url}/api/v1/query, once for all who ask the same.
 *
 * Many sets may have the same policy, and their questions come due together. A good answer is kept
 * for a moment, an error is not: who asks again may be luckier.
 */
#include "base/list.h"
#include "prometheus/prometheus_priv.h"

#define CALL_MAGIC 0x9a011ca1u

enum {
    BODY_MAX_BYTES = 4 * 1024 * 1024,
    KEPT_MAX_BYTES = 64 * 1024, /* a larger answer is not kept */
    KEPT_MAX = 256,             /* so many answers are */
    URL_MAX_BYTES = 64 * 1024,
    HEADER_MAX_BYTES = 64 * 1024,
};

/* One question: on its way, or answered a moment ago. */
struct moon_prom_call {
    unsigned magic;
    struct moon_prom *owner;
    char *text;
    struct moon_http_call *http; /* NULL: answered */
    struct moon_plugin_query **waiting;
    size_t waiting_count;
    char *body; /* the answer */
    size_t body_len;
    uint64_t asked_at;
};

void moon_prom_call_free(void *ctx)
{
    struct moon_prom_call *c = MOON_CAST(moon_prom_call, ctx, CALL_MAGIC);

    if (c->http != NULL) {
        moon_http_cancel(c->http);
    }
    c->magic = 0;
    moon_free(c->waiting);
    moon_free(c->body);
    moon_free(c->text);
    moon_free(c);
}

void moon_prom_end(struct moon_prom *p)
{
    moon_map_free(moon_steal(&p->calls));
    moon_http_free(moon_steal(&p->http));
}

/* ---- answering ---- */

static void fail(const struct moon_prom *p, struct moon_plugin_query *query, const char *why)
{
    MOON_AUTOFREE char *text = moon_asprintf("%s: %s", p->url, why);

    p->provider->fail(query, text);
}

static void answer(const struct moon_prom *p, struct moon_plugin_query *query, struct moon_str body)
{
    struct moon_err err;

    if (moon_prom_read(p, body, query, &err) != 0) {
        fail(p, query, err.text);
    } else {
        p->provider->answer(query);
    }
}

static bool is_success(const struct moon_http_answer *a)
{
    return a->status >= 200 && a->status < 300;
}

/* Why there is no answer. */
static char *http_trouble(const struct moon_http_answer *a)
{
    MOON_AUTOFREE char *said = moon_prom_complaint(a->body);

    if (a->location.len > 0) {
        return moon_asprintf("HTTP %d: sent on to %.*s, which is not followed", a->status,
                             MOON_STR_ARG(a->location));
    }
    return moon_asprintf("HTTP %d: %s", a->status, said);
}

static void done(const struct moon_http_answer *a, const struct moon_err *err, void *ctx)
{
    struct moon_prom_call *c = MOON_CAST(moon_prom_call, ctx, CALL_MAGIC);
    const struct moon_prom *p = c->owner;
    bool good = err == NULL && is_success(a);
    MOON_AUTOFREE char *trouble = NULL;

    c->http = NULL;
    if (!good) {
        trouble = err != NULL ? moon_strdup(err->text) : http_trouble(a);
    }
    for (size_t i = 0; i < c->waiting_count; i++) {
        if (good) {
            answer(p, c->waiting[i], a->body);
        } else {
            fail(p, c->waiting[i], trouble);
        }
    }
    c->waiting_count = 0;
    if (good && a->body.len <= KEPT_MAX_BYTES && p->keep_ms > 0) {
        c->body = moon_str_dup(a->body);
        c->body_len = a->body.len;
    } else {
        (void)moon_map_remove(p->calls, moon_str(c->text));
    }
}

/* ---- asking ---- */

static int write_token(const struct moon_prom *p, struct moon_buf *header, struct moon_err *err)
{
    if (p->token_file == NULL) {
        return 0;
    }
    return moon_http_bearer(p->token_file, header, err) == 0
               ? 0
               : moon_err_wrap(err, "bearer-token-file");
}

static int ready_http(struct moon_prom *p, struct moon_err *err)
{
    if (p->http == NULL) {
        p->http = moon_http_new(p->in->loop,
                                &(struct moon_http_opts){.user_agent = "moonset/" MOONSET_VERSION,
                                                         .max_in_flight = p->max_calls},
                                err);
    }
    return p->http != NULL ? 0 : -(int)err->code;
}

static int send(struct moon_prom_call *c, uint64_t timeout_ms, struct moon_err *err)
{
    struct moon_prom *p = c->owner;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf url = MOON_BUF_INIT(URL_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf token = MOON_BUF_INIT(HEADER_MAX_BYTES);

    /* Each time: tokens are replaced while we run. */
    if (ready_http(p, err) != 0 || write_token(p, &token, err) != 0) {
        return -(int)err->code;
    }
    moon_buf_printf(&url, "%s/api/v1/query?query=", p->url);
    moon_http_escape(&url, moon_str(c->text));
    moon_buf_printf(&url, "&timeout=%llums", (unsigned long long)timeout_ms);
    if (moon_buf_check(&url, "the query", err) != 0) {
        return -(int)err->code;
    }
    const char *const headers[] = {"Accept: application/json",
                                   p->token_file != NULL ? moon_buf_cstr(&token) : NULL, NULL};
    c->http = moon_http_send(p->http, &(struct moon_http_request){
                                          .method = "GET",
                                          .url = moon_buf_cstr(&url),
                                          .headers = headers,
                                          .tls = &p->tls,
                                          .connect_timeout_ms = timeout_ms,
                                          .timeout_ms = timeout_ms,
                                          .max_body_bytes = BODY_MAX_BYTES,
                                          .on_done = done,
                                          .ctx = c,
                                      });
    return 0;
}

static void add_waiting(struct moon_prom_call *c, struct moon_plugin_query *query)
{
    c->waiting = moon_realloc_array(c->waiting, c->waiting_count + 1, sizeof(*c->waiting));
    c->waiting[c->waiting_count++] = query;
}

/* Answers that are too old answer nobody. */
static void forget_old(const struct moon_prom *p)
{
    uint64_t now = moon_loop_now(p->in->loop);
    size_t pos = 0;
    struct moon_str text;
    void *value;

    while (moon_map_next(p->calls, &pos, &text, &value)) {
        const struct moon_prom_call *c = value;
        if (c->http == NULL &&
            (now >= c->asked_at + p->keep_ms || moon_map_count(p->calls) > KEPT_MAX)) {
            (void)moon_map_remove(p->calls, text);
        }
    }
}

void moon_prom_query(struct moon_plugin_query *query, const char *text, size_t len,
                     int64_t timeout_ms, void *state)
{
    struct moon_prom *p = state;
    struct moon_str wanted = {text, len};
    uint64_t wait_ms = timeout_ms > 0 ? (uint64_t)timeout_ms : 1;
    struct moon_err err;

    if (p->url == NULL) {
        p->provider->fail(query, "no Prometheus is known: --plugin-option prometheus.url=URL");
        return;
    }
    forget_old(p);
    struct moon_prom_call *c = moon_map_get(p->calls, wanted);
    if (c != NULL && c->http == NULL) {
        answer(p, query, (struct moon_str){c->body, c->body_len});
        return;
    }
    if (c != NULL) {
        add_waiting(c, query);
        return;
    }
    c = moon_new(struct moon_prom_call);
    c->magic = CALL_MAGIC;
    c->owner = p;
    c->text = moon_str_dup(wanted);
    c->asked_at = moon_loop_now(p->in->loop);
    moon_map_set(p->calls, wanted, c);
    if (send(c, wait_ms < p->timeout_ms ? wait_ms : p->timeout_ms, &err) != 0) {
        fail(p, query, err.text);
        (void)moon_map_remove(p->calls, wanted);
        return;
    }
    add_waiting(c, query);
}

static bool stop_waiting(struct moon_prom_call *c, const struct moon_plugin_query *query)
{
    for (size_t i = 0; i < c->waiting_count; i++) {
        if (c->waiting[i] == query) {
            c->waiting[i] = c->waiting[--c->waiting_count];
            return true;
        }
    }
    return false;
}

void moon_prom_cancel(struct moon_plugin_query *query, void *state)
{
    const struct moon_prom *p = state;
    size_t pos = 0;
    struct moon_str text;
    void *value;

    while (moon_map_next(p->calls, &pos, &text, &value)) {
        struct moon_prom_call *c = value;
        if (stop_waiting(c, query)) {
            if (c->waiting_count == 0) {
                (void)moon_map_remove(p->calls, text);
            }
            return;
        }
    }
}
