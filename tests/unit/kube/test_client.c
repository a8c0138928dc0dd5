/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics.h"
#include "script.h"

/* What on_done was told. */
struct result {
    struct script *script;
    size_t done;
    bool is_fine;
    struct moon_err err;
    int status;
    char *body;
    char *reason;
    bool sent;
    uint64_t retry_after_ms;
    bool has_cause;
    struct moon_buf data; /* streamed */
    struct moon_client_call *cancel_me;
    bool stop;
};

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct result *r = ctx;
    r->done++;
    r->is_fine = err == NULL;
    r->err = err != NULL ? *err : (struct moon_err){0};
    r->status = answer->status;
    r->sent = answer->sent;
    r->retry_after_ms = answer->retry_after_ms;
    r->has_cause = moon_answer_has_cause(answer, "NamespaceTerminating");
    moon_free(r->body);
    r->body = moon_str_dup(answer->body);
    moon_free(r->reason);
    r->reason = moon_strdup(answer->reason);
}

static bool on_data(struct moon_str piece, void *ctx)
{
    struct result *r = ctx;
    moon_buf_add_str(&r->data, piece);
    if (r->cancel_me != NULL) {
        moon_client_cancel(r->cancel_me);
    }
    return !r->stop;
}

static void result_fini(struct result *r)
{
    moon_free(r->body);
    moon_free(r->reason);
    moon_buf_fini(&r->data);
    *r = (struct result){0};
}

/* Send and wait for the end. */
static void ask(struct script *s, struct moon_request request, struct result *r)
{
    size_t before = r->done;
    r->data.max_bytes = 1 << 20;
    request.on_done = on_done;
    request.ctx = r;
    struct moon_client_call *call = moon_client_send(s->client, &request);
    assert_non_null(call);
    assert_int_equal(r->done, before);
    script_wait(s, r->done, before + 1);
}

static struct moon_request get_pod(void)
{
    return (struct moon_request){
        .verb = MOON_VERB_GET, .resource = &moon_resource_pods, .namespace = "ns", .name = "a"};
}

/* ---- requests ---- */

static void test_get(void **state)
{
    static const struct script_step STEPS[] = {{.body = "{\"kind\":\"Pod\"}\n"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 1);
    ask(&s, get_pod(), &r);
    assert_true(r.is_fine);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"kind\":\"Pod\"}\n");
    assert_true(r.sent);
    script_assert_seen(&s, 0, "GET /api/v1/namespaces/ns/pods/a");
    assert_string_equal(s.user_agent, "moonset/" MOONSET_VERSION);
    assert_null(s.authorization);
    assert_null(s.content_type);
    result_fini(&r);
    script_fini(&s);
}

static void test_writes(void **state)
{
    static const struct {
        enum moon_verb verb;
        const char *seen;
        const char *type;
    } CASES[] = {
        {MOON_VERB_CREATE, "POST", "application/json"},
        {MOON_VERB_UPDATE, "PUT", "application/json"},
        {MOON_VERB_PATCH_MERGE, "PATCH", "application/merge-patch+json"},
        {MOON_VERB_PATCH_STRATEGIC, "PATCH", "application/strategic-merge-patch+json"},
        {MOON_VERB_PATCH_JSON, "PATCH", "application/json-patch+json"},
        {MOON_VERB_DELETE, "DELETE", "application/json"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        static const struct script_step STEPS[] = {{.status = 201, .body = "{}"}};
        struct script s;
        struct result r = {0};
        script_init(&s, STEPS, 1);
        ask(&s,
            (struct moon_request){.verb = CASES[i].verb,
                                  .resource = &moon_resource_nodes,
                                  .name = "n",
                                  .subresource = "status",
                                  .query = "fieldManager=x",
                                  .body = MOON_STR_LIT("{\"a\":1}")},
            &r);
        MOON_AUTOFREE char *seen = moon_asprintf("%s /api/v1/nodes/n/status", CASES[i].seen);
        assert_true(r.is_fine);
        script_assert_seen(&s, 0, seen);
        assert_string_equal(s.content_type, CASES[i].type);
        assert_string_equal(s.body, "{\"a\":1}");
        result_fini(&r);
        script_fini(&s);
    }
}

static void test_raw_path_need_not_be_json(void **state)
{
    static const struct script_step STEPS[] = {{.body = "ok", .type = "text/plain"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 1);
    ask(&s, (struct moon_request){.verb = MOON_VERB_GET, .path = "/readyz"}, &r);
    assert_true(r.is_fine);
    assert_string_equal(r.body, "ok");
    script_assert_seen(&s, 0, "GET /readyz");
    result_fini(&r);
    script_fini(&s);
}

static void test_a_name_of_dots_is_not_sent(void **state)
{
    static const char *const NAMES[] = {"..", ".", ""};
    struct script s;
    (void)state;
    script_init(&s, NULL, 0);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(NAMES); i++) {
        struct result r = {0};
        struct moon_request request = get_pod();
        request.name = NAMES[i];
        ask(&s, request, &r);
        assert_int_equal(r.err.code, MOON_E_INVALID);
        assert_false(r.sent);
        result_fini(&r);
    }
    assert_int_equal(s.seen_count, 0);
    script_fini(&s);
}

/* As kubectl has it: proxy-url counts, whatever the environment says. */
static void test_proxy_of_the_kubeconfig(void **state)
{
    static const struct script_step STEPS[] = {{.body = "{}"}};
    struct script s;
    struct result r = {0};
    (void)state;
    setenv("NO_PROXY", "*", 1);
    script_init(&s, STEPS, 1);
    struct moon_kubeconfig *config = moon_kubeconfig_for_server("http://x");
    config->proxy_url = moon_strdup("http://127.0.0.1:1"); /* nobody listens */
    script_use_config(&s, config);
    ask(&s, get_pod(), &r);
    assert_int_equal(r.err.code, MOON_E_NETWORK);
    assert_int_equal(s.seen_count, 0);
    unsetenv("NO_PROXY");
    result_fini(&r);
    script_fini(&s);
}

/* ---- what answers mean ---- */

#define STATUS(code, reason, message, more)                                                        \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message     \
    "\",\"reason\":\"" reason "\"" more ",\"code\":" #code "}"

static const struct {
    struct script_step step;
    enum moon_code code;
    const char *text; /* the whole of it, or with '*' at its end the beginning */
    const char *reason;
    uint64_t retry_after_ms;
} FAILURES[] = {
    {{.status = 404,
      .body = STATUS(404, "NotFound", "pods \\\"a\\\" not found",
                     ",\"details\":{\"name\":\"a\",\"kind\":\"pods\"}")},
     MOON_E_NOT_FOUND,
     "pods \"a\" not found",
     "NotFound",
     0},
    {{.status = 404,
      .body = STATUS(404, "NotFound", "the server could not find the requested resource",
                     ",\"details\":{}")},
     MOON_E_NOT_FOUND,
     "get pods: the server could not find the requested resource",
     "NotFound",
     0},
    {{.status = 404, .body = "404 page not found\n", .type = "text/plain"},
     MOON_E_NOT_FOUND,
     "get pods: HTTP 404: 404 page not found (is this an API server that has this resource?)",
     "",
     0},
    {{.status = 403, .body = STATUS(403, "Forbidden", "pods is forbidden", "")},
     MOON_E_DENIED,
     "get pods: pods is forbidden",
     "Forbidden",
     0},
    {{.status = 401, .body = STATUS(401, "Unauthorized", "Unauthorized", "")},
     MOON_E_DENIED,
     "get pods: the server does not accept the credentials of *",
     "Unauthorized",
     0},
    {{.status = 409, .body = STATUS(409, "AlreadyExists", "exists", "")},
     MOON_E_EXISTS,
     "exists",
     "AlreadyExists",
     0},
    {{.status = 409, .body = STATUS(409, "Conflict", "changed", "")},
     MOON_E_CONFLICT,
     "changed",
     "Conflict",
     0},
    {{.status = 410, .body = STATUS(410, "Expired", "too old", "")},
     MOON_E_GONE,
     "too old",
     "Expired",
     0},
    {{.status = 422, .body = STATUS(422, "Invalid", "bad", "")},
     MOON_E_INVALID,
     "bad",
     "Invalid",
     0},
    {{.status = 413, .body = "", .type = "text/plain"},
     MOON_E_INVALID,
     "get pods: HTTP 413",
     "",
     0},
    {{.status = 429,
      .body = STATUS(429, "TooManyRequests", "slow down", ""),
      .header = "Retry-After",
      .header_value = "3"},
     MOON_E_BUSY,
     "slow down",
     "TooManyRequests",
     3000},
    {{.status = 503,
      .body = STATUS(503, "ServiceUnavailable", "later", ",\"details\":{\"retryAfterSeconds\":7}")},
     MOON_E_BUSY,
     "later",
     "ServiceUnavailable",
     7000},
    {{.status = 500, .body = STATUS(500, "InternalError", "etcd", "")},
     MOON_E_SERVER,
     "etcd",
     "InternalError",
     0},
    {{.status = 504, .body = STATUS(504, "Timeout", "too slow", "")},
     MOON_E_TIMEOUT,
     "too slow",
     "Timeout",
     0},
    {{.status = 502, .body = "<html><body>Bad Gateway</body></html>", .type = "text/html"},
     MOON_E_SERVER,
     "get pods: HTTP 502 with a page of HTML (from a proxy?)",
     "",
     0},
    {{.status = 500, .body = "{\"kind\":\"Status\",\"mess"},
     MOON_E_SERVER,
     "get pods: HTTP 500: {\"kind\":\"Status\",\"mess",
     "",
     0},
    {{.status = 500, .body = "a\x01\nb", .type = "text/plain"},
     MOON_E_SERVER,
     "get pods: HTTP 500: a  b",
     "",
     0},
    {{.status = 302,
      .body = "",
      .header = "Location",
      .header_value = "https://login.example/start?secret=1"},
     MOON_E_SERVER,
     "get pods: HTTP 302: redirected to https://login.example/start; redirects are not *",
     "",
     0},
    {{.body = "<!DOCTYPE html><html>", .type = "text/html"},
     MOON_E_SERVER,
     "get pods: the answer is HTML, not JSON: is this the address of an API server*",
     "",
     0},
    {{.body = "hello", .type = "text/plain"},
     MOON_E_SERVER,
     "get pods: the answer is not JSON: hello",
     "",
     0},
    {{.body = ""}, MOON_E_SERVER, "get pods: the answer is not JSON: it is empty", "", 0},
    {{.body = "{\"kind\":\"Pod\",\"spec\":{\"a\":"},
     MOON_E_SERVER,
     "get pods: the answer is cut off after 26 bytes",
     "",
     0},
    {{.how = SCRIPT_CUT, .body = "{\"kind\":\"P"}, MOON_E_NETWORK, "get pods: GET http*", "", 0},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(FAILURES); i++) {
        struct script s;
        struct result r = {0};
        script_init(&s, &FAILURES[i].step, 1);
        ask(&s, get_pod(), &r);
        size_t len = strlen(FAILURES[i].text);
        bool is_start = FAILURES[i].text[len - 1] == '*';
        if (strncmp(r.err.text, FAILURES[i].text, is_start ? len - 1 : len + 1) != 0) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, r.err.text, FAILURES[i].text);
        }
        assert_false(r.is_fine);
        assert_int_equal(r.err.code, FAILURES[i].code);
        assert_int_equal(r.err.http_status,
                         FAILURES[i].step.status != 0 ? FAILURES[i].step.status : 200);
        assert_string_equal(r.reason, FAILURES[i].reason);
        assert_int_equal(r.retry_after_ms, FAILURES[i].retry_after_ms);
        assert_int_equal(r.err.retry_after_ms, FAILURES[i].retry_after_ms);
        assert_true(r.sent);
        result_fini(&r);
        script_fini(&s);
    }
}

static void test_cause(void **state)
{
    static const struct script_step STEPS[] = {
        {.status = 403,
         .body = STATUS(403, "Forbidden", "no",
                        ",\"details\":{\"causes\":[{\"reason\":\"Other\"},{\"reason\":"
                        "\"NamespaceTerminating\"}]}")},
        {.status = 403, .body = STATUS(403, "Forbidden", "no", ",\"details\":{\"causes\":[]}")}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 2);
    ask(&s, get_pod(), &r);
    assert_true(r.has_cause);
    ask(&s, get_pod(), &r);
    assert_false(r.has_cause);
    result_fini(&r);
    script_fini(&s);
}

static void test_nobody_listens(void **state)
{
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, NULL, 0);
    moon_httpd_free(s.httpd);
    s.httpd = NULL;
    ask(&s, get_pod(), &r);
    assert_int_equal(r.err.code, MOON_E_NETWORK);
    assert_int_equal(r.status, 0);
    assert_false(r.sent);
    result_fini(&r);
    script_fini(&s);
}

static void test_deadline(void **state)
{
    static const struct script_step STEPS[] = {{.how = SCRIPT_HANG}};
    struct script s;
    struct result r = {0};
    struct moon_request request = get_pod();
    (void)state;
    script_init(&s, STEPS, 1);
    request.on_done = on_done;
    request.ctx = &r;
    moon_client_send(s.client, &request);
    script_wait(&s, s.seen_count, 1);
    moon_loop_advance(s.loop, 29999);
    script_settle(&s);
    assert_int_equal(r.done, 0);
    moon_loop_advance(s.loop, 1);
    script_wait(&s, r.done, 1);
    assert_int_equal(r.err.code, MOON_E_TIMEOUT);
    assert_true(r.sent);
    result_fini(&r);
    script_fini(&s);
}

/* ---- streams ---- */

static struct moon_request watch_pods(struct result *r)
{
    r->data.max_bytes = 1 << 20;
    return (struct moon_request){.verb = MOON_VERB_WATCH,
                                 .resource = &moon_resource_pods,
                                 .query = "watch=true",
                                 .on_data = on_data,
                                 .on_done = on_done,
                                 .ctx = r};
}

static void test_stream(void **state)
{
    static const struct script_step STEPS[] = {{.how = SCRIPT_OPEN, .body = "{1}"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 1);
    struct moon_request request = watch_pods(&r);
    moon_client_send(s.client, &request);
    script_wait(&s, r.data.len, 3);
    moon_loop_advance(s.loop, 3600 * 1000);
    script_settle(&s);
    assert_int_equal(r.done, 0);
    script_write(&s, "{2}");
    script_wait(&s, r.data.len, 6);
    script_end(&s);
    script_wait(&s, r.done, 1);
    assert_true(r.is_fine);
    assert_string_equal(moon_buf_cstr(&r.data), "{1}{2}");
    script_assert_seen(&s, 0, "GET /api/v1/pods?watch=true");
    result_fini(&r);
    script_fini(&s);
}

static void test_stream_of_html(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_END, .type = "text/html", .body = "<html>login</html>"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 1);
    ask(&s, watch_pods(&r), &r);
    assert_int_equal(r.err.code, MOON_E_SERVER);
    assert_int_equal(r.err.http_status, 200);
    assert_non_null(strstr(r.err.text, "watch pods: the answer is HTML"));
    assert_int_equal(r.data.len, 0);
    result_fini(&r);
    script_fini(&s);
}

static void test_stream_refused(void **state)
{
    static const struct script_step STEPS[] = {
        {.status = 410, .body = STATUS(410, "Expired", "too old", "")}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 1);
    ask(&s, watch_pods(&r), &r);
    assert_int_equal(r.err.code, MOON_E_GONE);
    assert_int_equal(r.data.len, 0);
    result_fini(&r);
    script_fini(&s);
}

static void test_stream_cut_and_silent(void **state)
{
    static const struct script_step STEPS[] = {{.how = SCRIPT_CUT, .body = "{1}"},
                                               {.how = SCRIPT_OPEN, .body = "{1}"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 2);
    ask(&s, watch_pods(&r), &r);
    assert_int_equal(r.err.code, MOON_E_NETWORK);
    assert_int_equal(r.status, 200);

    moon_buf_clear(&r.data);
    struct moon_request request = watch_pods(&r);
    request.silence_ms = 1000;
    moon_client_send(s.client, &request);
    script_wait(&s, r.data.len, 3);
    moon_loop_advance(s.loop, 1001);
    script_wait(&s, r.done, 2);
    assert_int_equal(r.err.code, MOON_E_TIMEOUT);
    assert_int_equal(r.status, 200);
    result_fini(&r);
    script_fini(&s);
}

/* The lease is renewed though nobody answers all the other calls. */
static void test_urgent_calls_wait_for_no_other(void **state)
{
    static const struct script_step STEPS[] = {{.how = SCRIPT_HANG}, {.body = "{}"}};
    struct script s;
    struct result stuck = {0};
    struct result waiting = {0};
    struct result urgent = {0};
    struct moon_err err;
    (void)state;
    script_init(&s, STEPS, 2);
    struct moon_client *narrow =
        moon_client_new(s.loop, moon_kubeconfig_for_server(moon_client_config(s.client)->server),
                        &(struct moon_client_opts){.max_in_flight = 1}, &err);
    struct moon_request request = get_pod();
    request.on_done = on_done;
    request.ctx = &stuck;
    moon_client_send(narrow, &request);
    script_wait(&s, s.seen_count, 1);
    request.ctx = &waiting;
    moon_client_send(narrow, &request);
    request.ctx = &urgent;
    request.urgent = true;
    moon_client_send(narrow, &request);
    script_wait(&s, urgent.done, 1);
    assert_int_equal(urgent.status, 200);
    assert_int_equal(stuck.done + waiting.done, 0);
    moon_client_free(narrow);
    result_fini(&urgent);
    script_fini(&s);
}

static void test_cancel(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_HANG}, {.how = SCRIPT_OPEN, .body = "{1}"}, {.body = "{}"}};
    struct script s;
    struct result r = {0};
    (void)state;
    script_init(&s, STEPS, 3);
    struct moon_request request = get_pod();
    request.on_done = on_done;
    request.ctx = &r;
    moon_client_cancel(moon_client_send(s.client, &request)); /* before it is sent */
    struct moon_client_call *call = moon_client_send(s.client, &request);
    script_wait(&s, s.seen_count, 1);
    moon_client_cancel(call);

    /* From inside its own on_data. */
    request = watch_pods(&r);
    r.cancel_me = moon_client_send(s.client, &request);
    script_wait(&s, r.data.len, 3);
    r.cancel_me = NULL;
    script_wait(&s, s.closed, 2); /* both connections */
    assert_int_equal(r.done, 0);

    /* Freeing the client ends what is left. */
    request = get_pod();
    request.on_done = on_done;
    moon_client_send(s.client, &request);
    moon_client_free(s.client);
    s.client = NULL;
    script_settle(&s);
    assert_int_equal(r.done, 0);
    result_fini(&r);
    script_fini(&s);
}

static void on_done_free_client(const struct moon_answer *answer, const struct moon_err *err,
                                void *ctx)
{
    struct result *r = ctx;
    (void)answer;
    (void)err;
    moon_client_free(r->script->client);
    r->script->client = NULL;
    r->done++;
}

static void test_the_client_is_freed_by_its_caller(void **state)
{
    static const struct script_step STEPS[] = {{.body = "{}"}};
    struct script s;
    struct result r = {.script = &s};
    struct moon_request request = get_pod();
    (void)state;
    script_init(&s, STEPS, 1);
    request.on_done = on_done_free_client;
    request.ctx = &r;
    moon_client_send(s.client, &request);
    script_wait(&s, r.done, 1);
    script_fini(&s);
}

/* ---- credentials ---- */

static void test_token(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = "{}"}, {.status = 401, .body = STATUS(401, "Unauthorized", "Unauthorized", "")}};
    struct script s;
    struct result r = {0};
    struct moon_kubeconfig *config = moon_kubeconfig_for_server("http://x");
    (void)state;
    config->token = moon_strdup("secret-token");
    script_init(&s, STEPS, 2);
    script_use_config(&s, config);
    ask(&s, get_pod(), &r);
    assert_string_equal(s.authorization, "Bearer secret-token");
    /* A token that cannot change is not tried twice. */
    ask(&s, get_pod(), &r);
    assert_int_equal(r.err.code, MOON_E_DENIED);
    assert_int_equal(s.seen_count, 2);
    assert_null(strstr(r.err.text, "secret"));
    result_fini(&r);
    script_fini(&s);
}

static void write_token(const char *path, const char *token)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(token, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_unauthorized_asks_once_for_newer_credentials(void **state)
{
    static const struct script_step STEPS[] = {
        {.status = 401, .body = STATUS(401, "Unauthorized", "Unauthorized", "")},
        {.body = "{}"},
        {.status = 401, .body = STATUS(401, "Unauthorized", "Unauthorized", "")},
        {.status = 401, .body = STATUS(401, "Unauthorized", "Unauthorized", "")},
    };
    char path[] = "/tmp/moonset-token.XXXXXX";
    struct script s;
    struct result r = {0};
    struct moon_kubeconfig *config = moon_kubeconfig_for_server("http://x");
    (void)state;
    close(mkstemp(path));
    config->exec.argv = moon_new_array(char *, 4);
    config->exec.argv[0] = moon_strdup("sh");
    config->exec.argv[1] = moon_strdup("-c");
    config->exec.argv[2] = moon_asprintf(
        "printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
        "\"status\":{\"token\":\"%%s\"}}' \"$(cat %s)\"",
        path);
    config->exec.api_version = moon_strdup("client.authentication.k8s.io/v1");
    script_init(&s, STEPS, 4);
    script_use_config(&s, config);

    write_token(path, "old");
    struct moon_request request = get_pod();
    request.on_done = on_done;
    request.ctx = &r;
    moon_client_send(s.client, &request);
    script_wait(&s, s.seen_count, 1);
    assert_string_equal(s.authorization, "Bearer old");
    write_token(path, "new");
    script_wait(&s, r.done, 1);
    assert_true(r.is_fine);
    assert_string_equal(s.authorization, "Bearer new");

    ask(&s, get_pod(), &r);
    assert_int_equal(r.err.code, MOON_E_DENIED);
    assert_int_equal(s.seen_count, 4);
    unlink(path);
    result_fini(&r);
    script_fini(&s);
}

static void test_no_credentials(void **state)
{
    struct script s;
    struct result r = {0};
    struct moon_kubeconfig *config = moon_kubeconfig_for_server("http://x");
    (void)state;
    config->token_file = moon_strdup("/nowhere/token");
    script_init(&s, NULL, 0);
    script_use_config(&s, config);
    ask(&s, get_pod(), &r);
    assert_false(r.is_fine);
    assert_false(r.sent);
    assert_non_null(strstr(r.err.text, "/nowhere/token"));
    assert_int_equal(s.seen_count, 0);
    result_fini(&r);
    script_fini(&s);
}

static void on_log_line(const char *line, size_t len, void *ctx)
{
    moon_buf_add(ctx, line, len);
}

static void test_tokens_are_not_logged(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = "{}", .header = "Warning", .header_value = "299 - \"careful\""}};
    struct moon_buf log = MOON_BUF_INIT(1 << 20);
    struct script s;
    struct result r = {0};
    struct moon_kubeconfig *config = moon_kubeconfig_for_server("http://x");
    (void)state;
    moon_log_setup(MOON_LOG_DEBUG, MOON_LOG_LOGFMT, 2);
    moon_log_capture(on_log_line, &log);
    config->token = moon_strdup("secret-token");
    script_init(&s, STEPS, 1);
    script_use_config(&s, config);
    ask(&s, get_pod(), &r);
    moon_log_capture(NULL, NULL);
    assert_non_null(strstr(moon_buf_cstr(&log), "careful"));
    assert_null(strstr(moon_buf_cstr(&log), "secret"));
    moon_buf_fini(&log);
    result_fini(&r);
    script_fini(&s);
}

/* ---- metrics ---- */

static void test_metrics(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = "{}"}, {.status = 409, .body = "{}"}, {.how = SCRIPT_CUT, .body = ""}};
    struct script s;
    struct result r = {0};
    (void)state;
    moon_metrics_reset();
    script_init(&s, STEPS, 2);
    ask(&s, get_pod(), &r);
    ask(&s, get_pod(), &r);
    moon_httpd_free(s.httpd);
    s.httpd = NULL;
    ask(&s, get_pod(), &r);
    struct moon_buf text = MOON_BUF_INIT(1 << 20);
    moon_metrics_write(&text);
    assert_non_null(
        strstr(moon_buf_cstr(&text),
               "moonset_client_requests_total{verb=\"get\",resource=\"pods\",code=\"200\"} 1"));
    assert_non_null(
        strstr(moon_buf_cstr(&text),
               "moonset_client_requests_total{verb=\"get\",resource=\"pods\",code=\"409\"} 1"));
    assert_non_null(
        strstr(moon_buf_cstr(&text),
               "moonset_client_requests_total{verb=\"get\",resource=\"pods\",code=\"error\"} 1"));
    moon_buf_fini(&text);
    result_fini(&r);
    script_fini(&s);
}

static int reset_metrics(void **state)
{
    (void)state;
    moon_metrics_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_raw_path_need_not_be_json),
        cmocka_unit_test(test_a_name_of_dots_is_not_sent),
        cmocka_unit_test(test_proxy_of_the_kubeconfig),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_cause),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_of_html),
        cmocka_unit_test(test_stream_refused),
        cmocka_unit_test(test_stream_cut_and_silent),
        cmocka_unit_test(test_urgent_calls_wait_for_no_other),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_the_client_is_freed_by_its_caller),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_unauthorized_asks_once_for_newer_credentials),
        cmocka_unit_test(test_no_credentials),
        cmocka_unit_test(test_tokens_are_not_logged),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, reset_metrics);
}
