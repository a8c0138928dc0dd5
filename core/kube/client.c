/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include <stdio.h>

#include "base/list.h"
#include "base/log.h"
#include "base/metrics.h"
#include "kube/auth.h"
#include "kube/client_priv.h"
#include "kube/client_stand_in.h"

enum {
    CLIENT_MAGIC = 0x636c6e74,
    CALL_MAGIC = 0x63616c6c,
    DEFAULT_IN_FLIGHT = 64,
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    URL_MAX_BYTES = 64 << 10,
    HEADERS_MAX = 4,
};

/* Some servers and proxies tell clients apart by this; kube-apiserver 1.20 answers those that look
 * like curl or a browser with pretty-printed JSON. */
#define USER_AGENT "moonset/" MOONSET_VERSION

struct moon_client {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_kubeconfig *config;
    struct moon_auth *auth;
    struct moon_http *calls;   /* short, limited in number */
    struct moon_http *streams; /* long: they must not stand in the way of calls */
    struct moon_http *urgent;  /* few, and never behind the others */
    uint64_t timeout_ms;
    bool has_no_streamed_lists;
    struct moon_client_stand_in stand_in; /* asked NULL: none */
    struct moon_client_witness witness;   /* begins NULL: none */
    struct moon_metric *requests_total;
    struct moon_list open; /* moon_client_call */
};

struct moon_client_call {
    unsigned magic;
    struct moon_list node;
    struct moon_client *client;

    enum moon_verb verb;
    char *url;
    char *resource; /* "daemonsets", or "other": a metrics label */
    char *what;     /* "daemonsets.apps", or the raw path: for texts */
    char *accept;
    struct moon_str body; /* ours */
    bool is_json;
    bool is_urgent;
    uint64_t timeout_ms;
    uint64_t silence_ms;
    bool (*on_data)(struct moon_str piece, void *ctx);
    void (*on_done)(const struct moon_answer *answer, const struct moon_err *err, void *ctx);
    void *ctx;
    struct moon_client_question *question; /* for stand-in and witness; its texts are ours */
    void *memo;                            /* the witness's */

    /* At most one of these is set: what will call us next. */
    struct moon_auth_wait *wait;
    struct moon_http_call *http_call;
    struct moon_defer *failing;
    bool is_asked; /* the stand-in */

    char *sent_header; /* the credentials it went out with */
    bool is_second_try;
    bool has_data;
    bool is_delivering; /* in on_data: who cancels now is cleaned up when libcurl has let go */
    bool is_cancelled;
    struct moon_err failure; /* of building, of credentials, or of a stream that is not JSON */
};

/* ---- verbs ---- */

const char *moon_verb_name(enum moon_verb v)
{
    switch (v) {
    case MOON_VERB_GET:
        return "get";
    case MOON_VERB_LIST:
        return "list";
    case MOON_VERB_WATCH:
        return "watch";
    case MOON_VERB_CREATE:
        return "create";
    case MOON_VERB_UPDATE:
        return "update";
    case MOON_VERB_PATCH_MERGE:
    case MOON_VERB_PATCH_STRATEGIC:
    case MOON_VERB_PATCH_JSON:
        return "patch";
    case MOON_VERB_DELETE:
        return "delete";
    }
    return "unknown";
}

static const char *http_method(enum moon_verb v)
{
    switch (v) {
    case MOON_VERB_GET:
    case MOON_VERB_LIST:
    case MOON_VERB_WATCH:
        return "GET";
    case MOON_VERB_CREATE:
        return "POST";
    case MOON_VERB_UPDATE:
        return "PUT";
    case MOON_VERB_PATCH_MERGE:
    case MOON_VERB_PATCH_STRATEGIC:
    case MOON_VERB_PATCH_JSON:
        return "PATCH";
    case MOON_VERB_DELETE:
        return "DELETE";
    }
    return "GET";
}

static const char *content_type(enum moon_verb v)
{
    switch (v) {
    case MOON_VERB_PATCH_MERGE:
        return "Content-Type: application/merge-patch+json";
    case MOON_VERB_PATCH_STRATEGIC:
        return "Content-Type: application/strategic-merge-patch+json";
    case MOON_VERB_PATCH_JSON:
        return "Content-Type: application/json-patch+json";
    case MOON_VERB_GET:
    case MOON_VERB_LIST:
    case MOON_VERB_WATCH:
    case MOON_VERB_CREATE:
    case MOON_VERB_UPDATE:
    case MOON_VERB_DELETE:
        break;
    }
    return "Content-Type: application/json";
}

/* ---- the call's memory ---- */

static void question_free(struct moon_client_question *q)
{
    if (q != NULL) {
        moon_free((char *)(uintptr_t)q->path);
        moon_free((char *)(uintptr_t)q->namespace);
        moon_free((char *)(uintptr_t)q->name);
        moon_free((char *)(uintptr_t)q->subresource);
        moon_free((char *)(uintptr_t)q->query);
        moon_free(q);
    }
}

static struct moon_client_question *question_new(const struct moon_request *request,
                                                 struct moon_str body)
{
    struct moon_client_question *q = moon_new(struct moon_client_question);
    *q = (struct moon_client_question){
        .verb = request->verb,
        .resource = request->resource,
        .path = moon_strdup(request->path),
        .namespace = moon_strdup(request->namespace),
        .name = moon_strdup(request->name),
        .subresource = moon_strdup(request->subresource),
        .query = moon_strdup(request->query != NULL ? request->query : ""),
        .body = body,
        .is_streamed = request->on_data != NULL,
    };
    return q;
}

static void call_free(struct moon_client_call *call)
{
    const struct moon_client_witness *w = &call->client->witness;
    if (call->memo != NULL) {
        w->ends(call->memo, NULL, NULL, w->ctx);
    }
    question_free(call->question);
    moon_list_remove(&call->node);
    moon_free(call->url);
    moon_free(call->resource);
    moon_free(call->what);
    moon_free(call->accept);
    moon_free((char *)(uintptr_t)call->body.ptr);
    moon_free(call->sent_header);
    call->magic = 0;
    moon_free(call);
}

/* URL paths are normalised on the way: these names would turn into another path. */
static bool is_dots(const char *segment)
{
    return moon_streq(segment, ".") || moon_streq(segment, "..") || moon_streq(segment, "");
}

static int build_url(const struct moon_client *c, const struct moon_request *request,
                     struct moon_buf *out, struct moon_err *err)
{
    moon_buf_puts(out, c->config->server);
    if (request->resource == NULL) {
        moon_buf_puts(out, request->path);
    } else if (is_dots(request->namespace) || is_dots(request->name)) {
        return moon_err_set(err, MOON_E_INVALID, "%s %s: \"%s\" is not a name",
                            moon_verb_name(request->verb), request->resource->plural,
                            is_dots(request->name) ? request->name : request->namespace);
    } else {
        moon_resource_path(request->resource, request->namespace, request->name,
                           request->subresource, out);
    }
    if (request->query != NULL && request->query[0] != '\0') {
        moon_buf_putc(out, '?');
        moon_buf_puts(out, request->query);
    }
    return moon_buf_check(out, "a request URL", err);
}

static struct moon_client_call *call_new(struct moon_client *c, const struct moon_request *request)
{
    const struct moon_resource *r = request->resource;
    struct moon_client_call *call = moon_new(struct moon_client_call);
    call->magic = CALL_MAGIC;
    call->client = c;
    call->verb = request->verb;
    call->resource = moon_strdup(r != NULL ? r->plural : "other");
    if (r == NULL) {
        call->what = moon_strdup(request->path);
    } else {
        call->what = moon_asprintf(MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(r));
    }
    call->accept =
        moon_asprintf("Accept: %s", request->accept != NULL ? request->accept : "application/json");
    if (request->body.ptr != NULL) {
        call->body = (struct moon_str){moon_str_dup(request->body), request->body.len};
    }
    call->is_json = r != NULL;
    call->is_urgent = request->urgent;
    bool is_stream = request->on_data != NULL;
    call->timeout_ms = request->timeout_ms != 0 || is_stream ? request->timeout_ms : c->timeout_ms;
    call->silence_ms = request->silence_ms;
    call->on_data = request->on_data;
    call->on_done = request->on_done;
    call->ctx = request->ctx;
    moon_list_append(&c->open, &call->node);
    if (c->stand_in.asked != NULL || c->witness.begins != NULL) {
        call->question = question_new(request, call->body);
    }
    if (c->witness.begins != NULL) {
        call->memo = c->witness.begins(call->question, c->witness.ctx);
    }
    return call;
}

static struct moon_client_subject subject_of(const struct moon_client_call *call)
{
    return (struct moon_client_subject){.verb = moon_verb_name(call->verb),
                                        .what = call->what,
                                        .source = call->client->config->source,
                                        .is_json = call->is_json && call->on_data == NULL};
}

/* ---- the end of a call ---- */

/* The call is gone before its owner hears of it: he may start another, or free the client. */
static void finish(struct moon_client_call *call, const struct moon_answer *answer,
                   const struct moon_err *err)
{
    void (*on_done)(const struct moon_answer *, const struct moon_err *, void *) = call->on_done;
    void *ctx = call->ctx;
    const struct moon_client_witness *w = &call->client->witness;
    if (call->memo != NULL) {
        w->ends(moon_steal(&call->memo), answer, err, w->ctx);
    }
    call_free(call);
    on_done(answer, err, ctx);
}

/* Nothing was sent. */
static void fail(struct moon_client_call *call)
{
    struct moon_err err = call->failure;
    finish(call, &(struct moon_answer){.reason = ""}, &err);
}

static void fail_later(void *ctx)
{
    struct moon_client_call *call = MOON_CAST(moon_client_call, ctx, CALL_MAGIC);
    call->failing = NULL;
    fail(call);
}

static void count(const struct moon_client_call *call, int status)
{
    char code[16] = "error";
    if (status > 0) {
        snprintf(code, sizeof(code), "%d", status);
    }
    moon_metric_add(call->client->requests_total,
                    MOON_LABELS(moon_verb_name(call->verb), call->resource, code), 1);
}

static void finish_with(struct moon_client_call *call, const struct moon_http_answer *http_answer,
                        const struct moon_err *http_err)
{
    struct moon_client_subject subject = subject_of(call);
    struct moon_err err;
    MOON_AUTOJSON *status = NULL;
    bool failed = true;
    if (call->failure.code != MOON_OK) {
        err = call->failure;
    } else if (http_err != NULL) {
        err = *http_err;
        err.http_status = http_answer->status;
        moon_err_wrap(&err, "%s %s", subject.verb, subject.what);
    } else {
        failed = moon_client_judge(&subject, http_answer, &status, &err) != 0;
    }
    const char *reason = moon_json_string(status, "reason");
    struct moon_answer answer = {
        .status = http_answer->status,
        .body = http_answer->body,
        .sent = http_answer->sent,
        .retry_after_ms =
            failed && err.retry_after_ms > 0 ? err.retry_after_ms : http_answer->retry_after_ms,
        .reason = reason != NULL ? reason : "",
        .details = moon_json_get(status, "details"),
    };
    finish(call, &answer, failed ? &err : NULL);
}

/* ---- sending ---- */

static void begin(struct moon_client_call *call);

static void log_warning(const struct moon_client_call *call, const struct moon_http_answer *answer)
{
    if (answer->warning.len > 0 && moon_log_enabled(MOON_LOG_DEBUG)) {
        MOON_AUTOFREE char *text = moon_str_dup(answer->warning);
        moon_debug("client", "the server warns", "verb", moon_verb_name(call->verb), "resource",
                   call->what, "warning", text);
    }
}

static void http_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_client_call *call = MOON_CAST(moon_client_call, ctx, CALL_MAGIC);
    call->http_call = NULL;
    if (call->is_cancelled) {
        call_free(call);
        return;
    }
    count(call, answer->status);
    log_warning(call, answer);
    if (err == NULL && answer->status == 401 && !call->is_second_try &&
        moon_auth_rejected(call->client->auth, call->sent_header)) {
        call->is_second_try = true;
        begin(call);
        return;
    }
    finish_with(call, answer, err);
}

static bool http_data(struct moon_str piece, void *ctx)
{
    struct moon_client_call *call = MOON_CAST(moon_client_call, ctx, CALL_MAGIC);
    if (!call->has_data && call->is_json) {
        struct moon_client_subject subject = subject_of(call);
        if (moon_client_judge_start(&subject, piece, &call->failure) != 0) {
            return false;
        }
        call->has_data = moon_str_trim(piece).len > 0;
    }
    if (call->memo != NULL) {
        call->client->witness.piece(call->memo, piece, call->client->witness.ctx);
    }
    call->is_delivering = true;
    bool wants_more = call->on_data(piece, call->ctx);
    call->is_delivering = false;
    return wants_more && !call->is_cancelled;
}

static struct moon_http *pool_of(const struct moon_client_call *call)
{
    const struct moon_client *c = call->client;
    if (call->is_urgent) {
        return c->urgent;
    }
    return call->verb == MOON_VERB_WATCH ? c->streams : c->calls;
}

static void send_now(struct moon_client_call *call, const char *auth_header,
                     const struct moon_tls *tls)
{
    struct moon_client *c = call->client;
    const char *headers[HEADERS_MAX] = {call->accept};
    size_t count_headers = 1;
    if (call->body.ptr != NULL) {
        headers[count_headers++] = content_type(call->verb);
    }
    if (auth_header != NULL) {
        headers[count_headers++] = auth_header;
    }
    moon_assert(count_headers < HEADERS_MAX);
    moon_free(call->sent_header);
    call->sent_header = moon_strdup(auth_header);
    call->http_call = moon_http_send(
        pool_of(call),
        &(struct moon_http_request){.method = http_method(call->verb),
                                    .url = call->url,
                                    .headers = headers,
                                    .body = call->body,
                                    .tls = tls,
                                    .proxy = c->config->proxy_url,
                                    .timeout_ms = call->timeout_ms,
                                    .silence_ms = call->silence_ms,
                                    .on_data = call->on_data != NULL ? http_data : NULL,
                                    .on_done = http_done,
                                    .ctx = call});
}

static void auth_done(const struct moon_err *err, void *ctx)
{
    struct moon_client_call *call = MOON_CAST(moon_client_call, ctx, CALL_MAGIC);
    call->wait = NULL;
    if (err == NULL) {
        begin(call);
        return;
    }
    call->failure = *err;
    moon_err_wrap(&call->failure, "%s %s", moon_verb_name(call->verb), call->what);
    fail(call);
}

static void begin(struct moon_client_call *call)
{
    const struct moon_client *c = call->client;
    const char *header;
    const struct moon_tls *tls;
    if (c->stand_in.asked != NULL) {
        call->is_asked = true;
        c->stand_in.asked(call, call->question, c->stand_in.ctx);
    } else if (moon_auth_ready(call->client->auth, &header, &tls)) {
        send_now(call, header, tls);
    } else {
        call->wait = moon_auth_wait(call->client->auth, auth_done, call);
    }
}

struct moon_client_call *moon_client_send(struct moon_client *c, const struct moon_request *request)
{
    moon_assert(c->magic == CLIENT_MAGIC);
    moon_assert(request->on_done != NULL);
    moon_assert(request->resource != NULL || request->path != NULL);
    struct moon_client_call *call = call_new(c, request);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf url = MOON_BUF_INIT(URL_MAX_BYTES);
    if (build_url(c, request, &url, &call->failure) != 0) {
        call->failing = moon_loop_defer(c->loop, fail_later, call);
        return call;
    }
    call->url = moon_buf_take(&url, NULL);
    begin(call);
    return call;
}

/* ---- a stand-in's answers ---- */

bool moon_client_give(struct moon_client_call *call, struct moon_str piece)
{
    moon_assert(call->magic == CALL_MAGIC && call->is_asked && call->on_data != NULL);
    if (http_data(piece, call)) {
        return true;
    }
    struct moon_err err;
    (void)moon_err_set(&err, MOON_E_CANCELLED, "the receiver wants no more");
    moon_client_end(call, &(struct moon_http_answer){.status = 200, .sent = true}, &err);
    return false;
}

void moon_client_end(struct moon_client_call *call, const struct moon_http_answer *answer,
                     const struct moon_err *err)
{
    moon_assert(call->magic == CALL_MAGIC && call->is_asked);
    call->is_asked = false;
    http_done(answer, err, call);
}

/* Whatever would have called us next does not; the call is gone. */
static void drop(struct moon_client_call *call)
{
    if (call->is_asked) {
        call->client->stand_in.dropped(call, call->client->stand_in.ctx);
    }
    if (call->http_call != NULL) {
        moon_http_cancel(call->http_call);
    }
    if (call->wait != NULL) {
        moon_auth_wait_cancel(call->wait);
    }
    if (call->failing != NULL) {
        moon_defer_cancel(call->failing);
    }
    call_free(call);
}

void moon_client_cancel(struct moon_client_call *call)
{
    moon_assert(call->magic == CALL_MAGIC && !call->is_cancelled);
    call->is_cancelled = true;
    if (!call->is_delivering) {
        drop(call);
    }
}

size_t moon_client_pending(const struct moon_client *c)
{
    size_t pending = 0;
    moon_assert(c->magic == CLIENT_MAGIC);
    moon_list_foreach (node, &c->open) {
        const struct moon_client_call *call =
            moon_container_of(node, struct moon_client_call, node);
        pending += call->verb != MOON_VERB_WATCH ? 1 : 0;
    }
    return pending;
}

/* ---- the client ---- */

static int open_pools(struct moon_client *c, const struct moon_client_opts *opts,
                      struct moon_err *err)
{
    struct moon_http_opts http = {.user_agent =
                                      opts->user_agent != NULL ? opts->user_agent : USER_AGENT,
                                  .http1_only = opts->http1_only};
    c->streams = moon_http_new(c->loop, &http, err);
    c->urgent = c->streams != NULL ? moon_http_new(c->loop, &http, err) : NULL;
    http.max_in_flight = opts->max_in_flight != 0 ? opts->max_in_flight : DEFAULT_IN_FLIGHT;
    c->calls = c->urgent != NULL ? moon_http_new(c->loop, &http, err) : NULL;
    return c->calls != NULL ? 0 : -(int)err->code;
}

struct moon_client *moon_client_new(struct moon_loop *loop, struct moon_kubeconfig *take_config,
                                    const struct moon_client_opts *opts, struct moon_err *err)
{
    static const struct moon_client_opts DEFAULTS = {0};
    opts = opts != NULL ? opts : &DEFAULTS;
    struct moon_client *c = moon_new(struct moon_client);
    c->magic = CLIENT_MAGIC;
    c->loop = loop;
    c->config = take_config;
    c->timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : DEFAULT_TIMEOUT_MS;
    moon_list_init(&c->open);
    if (opts->stand_in != NULL) {
        c->stand_in = *opts->stand_in;
    }
    if (opts->witness != NULL) {
        c->witness = *opts->witness;
    }
    c->requests_total = moon_metric_register(
        &(struct moon_metric_opts){.name = "moonset_client_requests_total",
                                   .help = "Requests to the API server by answer.",
                                   .type = MOON_METRIC_COUNTER,
                                   .labels = {"verb", "resource", "code"}});
    c->auth = moon_auth_new(loop, take_config, err);
    if (c->auth == NULL || open_pools(c, opts, err) != 0) {
        moon_client_free(c);
        return NULL;
    }
    return c;
}

void moon_client_free(struct moon_client *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == CLIENT_MAGIC);
    moon_list_foreach (node, &c->open) {
        struct moon_client_call *call = moon_container_of(node, struct moon_client_call, node);
        moon_assert(!call->is_delivering);
        drop(call);
    }
    moon_http_free(c->streams);
    moon_http_free(c->urgent);
    moon_http_free(c->calls);
    moon_auth_free(c->auth);
    moon_kubeconfig_free(c->config);
    c->magic = 0;
    moon_free(c);
}

struct moon_loop *moon_client_loop(const struct moon_client *c)
{
    moon_assert(c->magic == CLIENT_MAGIC);
    return c->loop;
}

const struct moon_kubeconfig *moon_client_config(const struct moon_client *c)
{
    moon_assert(c->magic == CLIENT_MAGIC);
    return c->config;
}

void moon_client_add_query(struct moon_buf *query, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    if (query->len > 0) {
        moon_buf_putc(query, '&');
    }
    moon_buf_puts(query, name);
    moon_buf_putc(query, '=');
    moon_http_escape(query, moon_str(value));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void unescape(struct moon_str text, struct moon_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        moon_buf_putc(out, low >= 0 ? (char)(high * 16 + low) : text.ptr[i]);
        i += low >= 0 ? 2 : 0;
    }
}

bool moon_client_query_get(const char *query, const char *name, struct moon_buf *out)
{
    struct moon_str rest = moon_str(query);
    struct moon_str part;
    struct moon_str key;
    while (rest.len > 0 && moon_str_split(&rest, '&', &part)) {
        if (moon_str_split(&part, '=', &key) && moon_str_is(key, name)) {
            unescape(part, out);
            return true;
        }
    }
    return false;
}

bool moon_client_offers_streamed_lists(const struct moon_client *c)
{
    return !c->has_no_streamed_lists;
}

void moon_client_forget_streamed_lists(struct moon_client *c)
{
    c->has_no_streamed_lists = true;
}
