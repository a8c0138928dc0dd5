/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_proxy.c - a bad network, for scenarios: stands before an API server and spoils what it is
 * told to.
 *
 *   fault_proxy KUBECONFIG [ADDR:PORT]     prints its own address, ends on SIGTERM
 *   curl -d 'html list pods' ADDR/fault    one fault more from now on: FAULT VERB RESOURCE
 *   curl -d 'none' ADDR/fault              no faults any more
 *
 * Requests and the caller's credentials go on to the server of KUBECONFIG, over TLS where that
 * needs it; callers speak plain HTTP to the proxy. VERB is list, watch or the HTTP method, and may
 * be "*", as RESOURCE (its plural) may. A new fault ends the watches that it concerns, so that it
 * is met at once.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "io/http.h"
#include "io/httpd.h"
#include "kube/kubeconfig.h"

enum {
    PIECE_BYTES = 1 << 20,
    LINE_PIECES = 100,
    QUEUE_MAX_BYTES = 256 << 20,
    BODY_MAX_BYTES = 64 << 20,
    URL_MAX_BYTES = 64 << 10,
    WORD_MAX = 64,
    RULES_MAX = 8,
};

enum fault {
    FAULT_NONE,      /* as a command: away with all others */
    FAULT_FORBIDDEN, /* 403 as an API server writes it */
    FAULT_EXPIRED,   /* 401 to the token that the first request meets; another one passes */
    FAULT_MISSING,   /* 404: such a resource is not served */
    FAULT_REDIRECT,  /* to a login page */
    FAULT_HTML,      /* the login page itself, 200 */
    FAULT_TRUNCATED, /* in good order, but only half of it */
    FAULT_LONG_LINE, /* a watch event of 100 MB */
    FAULT_SILENT,    /* a watch that opens and says nothing */
    FAULT_LOST,      /* done, but the answer never arrives */
    FAULTS
};

static const char *const fault_names[FAULTS] = {
    [FAULT_NONE] = "none",           [FAULT_FORBIDDEN] = "forbidden", [FAULT_EXPIRED] = "expired",
    [FAULT_MISSING] = "missing",     [FAULT_REDIRECT] = "redirect",   [FAULT_HTML] = "html",
    [FAULT_TRUNCATED] = "truncated", [FAULT_LONG_LINE] = "long-line", [FAULT_SILENT] = "silent",
    [FAULT_LOST] = "lost",
};

struct rule {
    enum fault fault;
    char verb[WORD_MAX];
    char resource[WORD_MAX];
    char *expired; /* the Authorization that is refused */
};

struct proxy {
    struct moon_loop *loop;
    struct moon_http *http;
    struct moon_httpd *httpd;
    struct moon_kubeconfig *upstream;
    struct moon_list passages;
    struct rule rules[RULES_MAX]; /* the first that concerns a request counts */
    size_t rule_count;
};

/* One request on its way through. */
struct passage {
    struct moon_list link;
    struct proxy *proxy;
    struct moon_httpd_request *request;
    struct moon_http_call *call; /* NULL: the upstream has answered, or was never asked */
    bool is_watch;
    bool has_begun; /* the answer to the caller */
};

/* ---- which requests ---- */

static bool is_watch(const struct moon_httpd_request *r)
{
    const char *watch = moon_httpd_query(r, "watch");
    return watch != NULL && strcmp(watch, "true") == 0;
}

/* /api/v1[/namespaces/NS]/RESOURCE[/NAME…] or /apis/GROUP/VERSION/…; *ret_has_name: one object. */
static struct moon_str resource_of(const struct moon_httpd_request *r, bool *ret_has_name)
{
    struct moon_str rest = moon_str(moon_httpd_path(r));
    struct moon_str part = {0};
    int skip = moon_str_starts(rest, "/apis/") ? 4 : 3;
    while (skip-- > 0 && moon_str_split(&rest, '/', &part)) {
    }
    struct moon_str after = rest;
    (void)moon_str_split(&after, '/', &part);
    if (moon_str_is(part, "namespaces") && after.len > 0 &&
        memchr(after.ptr, '/', after.len) != NULL) {
        (void)moon_str_split(&after, '/', &part); /* the namespace */
        (void)moon_str_split(&after, '/', &part);
    }
    *ret_has_name = after.len > 0;
    return part;
}

static bool concerns(const struct rule *rule, const struct moon_httpd_request *r)
{
    bool has_name;
    struct moon_str resource = resource_of(r, &has_name);
    const char *verb = moon_httpd_method(r);
    if (is_watch(r)) {
        verb = "watch";
    } else if (strcmp(verb, "GET") == 0 && !has_name) {
        verb = "list";
    }
    return (strcmp(rule->verb, "*") == 0 || strcmp(rule->verb, verb) == 0) &&
           (strcmp(rule->resource, "*") == 0 || moon_str_is(resource, rule->resource));
}

/* The first credentials that a rule meets have expired. */
static bool is_expired(struct rule *rule, const struct moon_httpd_request *r)
{
    const char *authorization = moon_httpd_header(r, "Authorization");
    authorization = authorization != NULL ? authorization : "";
    if (rule->expired == NULL) {
        rule->expired = moon_strdup(authorization);
    }
    return strcmp(rule->expired, authorization) == 0;
}

static enum fault fault_of(struct proxy *p, const struct moon_httpd_request *r)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        struct rule *rule = &p->rules[i];
        if (concerns(rule, r) && (rule->fault != FAULT_EXPIRED || is_expired(rule, r))) {
            return rule->fault;
        }
    }
    return FAULT_NONE;
}

/* ---- answers of our own ---- */

static void refuse(struct moon_httpd_request *r, int status, const char *reason,
                   const char *message)
{
    MOON_AUTOFREE char *body = moon_asprintf(
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d}\n",
        message, reason, status);
    moon_httpd_reply(r, status, "application/json", moon_str(body));
}

static void forbid(struct moon_httpd_request *r)
{
    bool has_name;
    struct moon_str resource = resource_of(r, &has_name);
    MOON_AUTOFREE char *message = moon_asprintf(
        "%.*s is forbidden: User \\\"moonset\\\" cannot do this", MOON_STR_ARG(resource));
    refuse(r, 403, "Forbidden", message);
}

static void send_long_line(struct moon_httpd_request *r)
{
    static char piece[PIECE_BYTES];
    memset(piece, 'x', sizeof(piece));
    moon_httpd_stream_begin(r, 200, "application/json", QUEUE_MAX_BYTES);
    moon_httpd_stream_write(r, MOON_STR_LIT("{\"type\":\"ADDED\",\"object\":{\"a\":\""));
    for (int i = 0; i < LINE_PIECES; i++) {
        moon_httpd_stream_write(r, (struct moon_str){piece, sizeof(piece)});
    }
}

/* True when the request ends here. */
static bool spoil(enum fault fault, struct moon_httpd_request *r)
{
    switch (fault) {
    case FAULT_FORBIDDEN:
        forbid(r);
        return true;
    case FAULT_EXPIRED:
        refuse(r, 401, "Unauthorized", "Unauthorized");
        return true;
    case FAULT_MISSING:
        moon_httpd_reply(r, 404, "text/plain", MOON_STR_LIT("404 page not found\n"));
        return true;
    case FAULT_REDIRECT:
        moon_httpd_add_header(r, "Location", "https://login.example/start?secret=1");
        moon_httpd_reply(r, 302, "text/html", MOON_STR_LIT("<a href=\"…\">Found</a>"));
        return true;
    case FAULT_HTML:
        moon_httpd_reply(r, 200, "text/html", MOON_STR_LIT("<!DOCTYPE html><html>Log in</html>"));
        return true;
    case FAULT_LONG_LINE:
        send_long_line(r);
        return true;
    case FAULT_SILENT:
        moon_httpd_stream_begin(r, 200, "application/json", QUEUE_MAX_BYTES);
        return true;
    case FAULT_TRUNCATED:
        if (is_watch(r)) {
            moon_httpd_stream_begin(r, 200, "application/json", QUEUE_MAX_BYTES);
            moon_httpd_stream_write(r, MOON_STR_LIT("{\"type\":\"MODIFIED\",\"object\":{\"kin"));
            moon_httpd_stream_end(r);
        }
        return is_watch(r);
    case FAULT_LOST:
    case FAULT_NONE:
    case FAULTS:
        break;
    }
    return false;
}

/* ---- passing on ---- */

static void on_close(void *ctx)
{
    struct passage *passage = ctx;
    if (passage->call != NULL) {
        moon_http_cancel(passage->call);
    }
    moon_list_remove(&passage->link);
    moon_free(passage);
}

static bool on_data(struct moon_str piece, void *ctx)
{
    struct passage *passage = ctx;
    if (!passage->has_begun) {
        passage->has_begun = true;
        moon_httpd_stream_begin(passage->request, 200, "application/json", QUEUE_MAX_BYTES);
    }
    moon_httpd_stream_write(passage->request, piece);
    return true;
}

static void reply(const struct passage *passage, const struct moon_http_answer *answer)
{
    struct moon_str body = answer->body;
    MOON_AUTOFREE char *type = moon_str_dup(answer->content_type);
    switch (fault_of(passage->proxy, passage->request)) {
    case FAULT_LOST:
        moon_httpd_abort(passage->request);
        return;
    case FAULT_TRUNCATED:
        body.len /= 2;
        break;
    case FAULT_NONE:
    case FAULT_FORBIDDEN:
    case FAULT_EXPIRED:
    case FAULT_MISSING:
    case FAULT_REDIRECT:
    case FAULT_HTML:
    case FAULT_LONG_LINE:
    case FAULT_SILENT:
    case FAULTS:
        break;
    }
    moon_httpd_reply(passage->request, answer->status, type != NULL ? type : "text/plain", body);
}

static void on_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct passage *passage = ctx;
    passage->call = NULL;
    if (err != NULL) {
        fprintf(stderr, "fault_proxy: %s\n", err->text);
        moon_httpd_abort(passage->request);
    } else if (passage->has_begun) {
        moon_httpd_stream_end(passage->request);
    } else if (passage->is_watch && answer->status == 200) {
        moon_httpd_stream_begin(passage->request, 200, "application/json", QUEUE_MAX_BYTES);
        moon_httpd_stream_end(passage->request);
    } else {
        reply(passage, answer);
    }
}

static void add_header(const struct moon_httpd_request *r, const char *name, char **ret_header)
{
    const char *value = moon_httpd_header(r, name);
    *ret_header = value != NULL ? moon_asprintf("%s: %s", name, value) : NULL;
}

static void write_url(const struct proxy *p, const struct moon_httpd_request *r,
                      struct moon_buf *out)
{
    static const char *const parameters[] = {
        "watch",          "resourceVersion",   "resourceVersionMatch", "limit",
        "continue",       "labelSelector",     "fieldSelector",        "allowWatchBookmarks",
        "fieldManager",   "sendInitialEvents", "timeoutSeconds",       "dryRun",
        "fieldValidation"};
    char separator = '?';
    moon_buf_printf(out, "%s%s", p->upstream->server, moon_httpd_path(r));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(parameters); i++) {
        const char *value = moon_httpd_query(r, parameters[i]);
        if (value != NULL) {
            moon_buf_printf(out, "%c%s=", separator, parameters[i]);
            moon_http_escape(out, moon_str(value));
            separator = '&';
        }
    }
}

static void pass(struct proxy *p, struct moon_httpd_request *r)
{
    static const char *const names[] = {"Authorization", "Accept", "Content-Type", "User-Agent"};
    char *headers[MOON_ARRAY_SIZE(names) + 1] = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf url = MOON_BUF_INIT(URL_MAX_BYTES);
    struct passage *passage = moon_new(struct passage);
    struct moon_str body = moon_httpd_body(r);
    size_t count = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        add_header(r, names[i], &headers[count]);
        count += headers[count] != NULL;
    }
    write_url(p, r, &url);
    passage->proxy = p;
    passage->request = r;
    passage->is_watch = is_watch(r);
    moon_list_append(&p->passages, &passage->link);
    moon_httpd_on_close(r, on_close, passage);
    passage->call = moon_http_send(
        p->http, &(struct moon_http_request){.method = moon_httpd_method(r),
                                             .url = moon_buf_cstr(&url),
                                             .headers = (const char *const *)headers,
                                             .body = body.len > 0 ? body : (struct moon_str){0},
                                             .tls = &p->upstream->tls,
                                             .proxy = "",
                                             .max_body_bytes = BODY_MAX_BYTES,
                                             .on_data = passage->is_watch ? on_data : NULL,
                                             .on_done = on_done,
                                             .ctx = passage});
    for (size_t i = 0; i < count; i++) {
        moon_free(headers[i]);
    }
}

/* ---- commands ---- */

static void end_watches(struct proxy *p, const struct rule *rule)
{
    moon_list_foreach (it, &p->passages) {
        struct passage *passage = moon_container_of(it, struct passage, link);
        if (passage->is_watch && passage->call != NULL && concerns(rule, passage->request)) {
            moon_http_cancel(moon_steal(&passage->call));
            moon_httpd_abort(passage->request);
        }
    }
}

static void forget_rules(struct proxy *p)
{
    while (p->rule_count > 0) {
        moon_free(p->rules[--p->rule_count].expired);
    }
}

static void add_rule(struct proxy *p, enum fault fault, struct moon_str text)
{
    struct rule *rule = &p->rules[p->rule_count++];
    struct moon_str verb = {0};
    (void)moon_str_split(&text, ' ', &verb);
    *rule = (struct rule){.fault = fault};
    snprintf(rule->verb, sizeof(rule->verb), "%.*s", MOON_STR_ARG(verb));
    snprintf(rule->resource, sizeof(rule->resource), "%.*s", MOON_STR_ARG(text));
    end_watches(p, rule);
}

/* False: there is no such fault. */
static bool take_command(struct proxy *p, struct moon_str text)
{
    struct moon_str word = {0};
    text = moon_str_trim(text);
    (void)moon_str_split(&text, ' ', &word);
    if (moon_str_is(word, fault_names[FAULT_NONE])) {
        forget_rules(p);
        return true;
    }
    for (int i = FAULT_NONE + 1; i < FAULTS; i++) {
        if (moon_str_is(word, fault_names[i]) && text.len > 0 && p->rule_count < RULES_MAX) {
            add_rule(p, (enum fault)i, text);
            return true;
        }
    }
    return false;
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct proxy *p = ctx;
    if (strcmp(moon_httpd_path(r), "/fault") == 0) {
        bool is_known = take_command(p, moon_httpd_body(r));
        moon_httpd_reply(r, is_known ? 200 : 400, "text/plain",
                         is_known ? MOON_STR_LIT("") : MOON_STR_LIT("no such fault\n"));
    } else if (!spoil(fault_of(p, r), r)) {
        pass(p, r);
    }
}

/* ---- life ---- */

static void on_signal(int signum, void *ctx)
{
    (void)signum;
    moon_loop_stop(ctx);
}

static int serve(struct proxy *p, const char *listen, struct moon_err *err)
{
    p->http = moon_http_new(
        p->loop, &(struct moon_http_opts){.user_agent = "fault_proxy", .http1_only = true}, err);
    p->httpd =
        p->http == NULL
            ? NULL
            : moon_httpd_new(
                  p->loop, &(struct moon_httpd_opts){.listen = listen, .handler = handle, .ctx = p},
                  err);
    if (p->httpd == NULL) {
        return -(int)err->code;
    }
    struct moon_signal *terminate = moon_signal_new(p->loop, SIGTERM, on_signal, p->loop);
    printf("127.0.0.1:%u\n", moon_httpd_port(p->httpd));
    fflush(stdout);
    moon_loop_run(p->loop);
    moon_signal_free(terminate);
    return 0;
}

int main(int argc, char **argv)
{
    struct proxy p = {0};
    struct moon_err err = {0};
    moon_list_init(&p.passages);
    p.upstream = moon_kubeconfig_load(
        &(struct moon_kubeconfig_opts){.path = argc > 1 ? argv[1] : NULL}, &err);
    p.loop = p.upstream != NULL ? moon_loop_new(NULL, &err) : NULL;
    int rc = p.loop != NULL ? serve(&p, argc > 2 ? argv[2] : "127.0.0.1:0", &err) : -1;
    if (rc != 0) {
        fprintf(stderr, "fault_proxy: %s\n", err.text);
    }
    moon_httpd_free(p.httpd);
    moon_http_free(p.http);
    moon_loop_free(p.loop);
    moon_kubeconfig_free(p.upstream);
    forget_rules(&p);
    return rc == 0 ? 0 : 1;
}
