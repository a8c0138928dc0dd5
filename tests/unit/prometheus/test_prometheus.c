/* SPDX-License-Identifier: Apache-2.0
 *
 * The provider against a small server that answers as Prometheus does, or not at all so. The plugin
 * is loaded as it is in the binary; questions go the way of the DaemonSet controller's.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/provider.h"
#include "host/registry.h"
#include "io/file.h"
#include "io/httpd.h"

const struct moon_plugin *moonset_plugin_prometheus_v1(void);

enum {
    TURNS_MAX = 2000,
    ASKED_MAX = 16,
};

/* One question and how it ended. */
struct asked {
    struct moon_plugin_query *query;
    struct moon_samples *samples;
    char *error;
    int ends;
};

static struct moon_loop *loop;
static struct moon_httpd *httpd;
static struct moon_registry *registry;
static struct moon_config *config;
static struct asked asked[ASKED_MAX];

/* What the server does next, and what it has seen. */
static struct {
    int status;
    const char *body;
    bool holds;       /* answers when told to */
    size_t cut_after; /* of the body, then the connection ends; 0: all of it */
    bool drips;       /* sends half of it and goes on being there */
    struct moon_httpd_request *held[ASKED_MAX];
    size_t held_count;
    int calls;
    char query[4096];
    char timeout[64];
    char authorization[256];
    char path[256];
} server;

static void reply(struct moon_httpd_request *r)
{
    struct moon_str body = moon_str(server.body);

    if (server.drips) {
        moon_httpd_stream_begin(r, server.status, "application/json", 1 << 20);
        moon_httpd_stream_write(r, (struct moon_str){body.ptr, body.len / 2});
    } else if (server.cut_after > 0) {
        moon_httpd_reply_cut(r, server.status, "application/json", body, server.cut_after);
    } else {
        moon_httpd_reply(r, server.status, "application/json", body);
    }
}

static void handler(struct moon_httpd_request *r, void *ctx)
{
    const char *authorization = moon_httpd_header(r, "Authorization");

    (void)ctx;
    server.calls++;
    (void)snprintf(server.query, sizeof(server.query), "%s", moon_httpd_query(r, "query"));
    (void)snprintf(server.timeout, sizeof(server.timeout), "%s", moon_httpd_query(r, "timeout"));
    (void)snprintf(server.path, sizeof(server.path), "%s %s", moon_httpd_method(r),
                   moon_httpd_path(r));
    (void)snprintf(server.authorization, sizeof(server.authorization), "%s",
                   authorization != NULL ? authorization : "");
    if (server.holds) {
        server.held[server.held_count++] = r;
    } else {
        reply(r);
    }
}

/* ---- fixture ---- */

static void option(const char *format, ...) MOON_PRINTF(1, 2);
static void option(const char *format, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);
    struct moon_err err;
    va_list args;

    va_start(args, format);
    moon_buf_puts(&text, "prometheus.");
    moon_buf_vprintf(&text, format, args);
    va_end(args);
    assert_int_equal(moon_config_set(config, "plugin-option", moon_buf_cstr(&text), "", &err), 0);
}

static struct moon_registry *load(struct moon_err *err)
{
    static const moonset_plugin_entry builtin[] = {moonset_plugin_prometheus_v1, NULL};

    moon_registry_set_up(&(struct moon_registry_setup){.builtin = builtin});
    return moon_registry_new(config, err);
}

static void begin(void)
{
    struct moon_err err;

    registry = load(&err);
    assert_non_null(registry);
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = loop});
}

static int set_up(void **state)
{
    struct moon_err err;

    (void)state;
    memset(&server, 0, sizeof(server));
    memset(asked, 0, sizeof(asked));
    server.status = 200;
    loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    httpd = moon_httpd_new(
        loop, &(struct moon_httpd_opts){.listen = "127.0.0.1:0", .handler = handler}, &err);
    assert_non_null(httpd);
    config = moon_config_new();
    registry = NULL;
    option("url=http://127.0.0.1:%u/", moon_httpd_port(httpd));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(asked); i++) {
        moon_samples_free(asked[i].samples);
        moon_free(asked[i].error);
    }
    if (registry != NULL) {
        moon_registry_end(registry);
        moon_registry_set_internal(registry, NULL);
        moon_registry_free(registry);
    }
    moon_config_free(config);
    moon_httpd_free(httpd);
    moon_loop_free(loop);
    return 0;
}

static void on_done(struct moon_samples *take_samples, const char *error, void *ctx)
{
    struct asked *a = ctx;

    assert_true((take_samples == NULL) == (error != NULL));
    a->samples = take_samples;
    a->error = moon_strdup(error);
    a->ends++;
}

static struct asked *ask(size_t i, const char *text, uint64_t timeout_ms)
{
    moon_samples_free(moon_steal(&asked[i].samples));
    moon_free(asked[i].error);
    asked[i] = (struct asked){0};
    asked[i].query = moon_provider_ask(registry, &(struct moon_question){
                                                     .provider = "prometheus",
                                                     .text = moon_str(text),
                                                     .timeout_ms = timeout_ms,
                                                     .on_done = on_done,
                                                     .ctx = &asked[i],
                                                 });
    assert_int_equal(asked[i].ends, 0); /* never at once */
    return &asked[i];
}

static void until(const int *counter, int wanted)
{
    for (int i = 0; *counter < wanted && i < TURNS_MAX; i++) {
        moon_loop_turn(loop, 5);
    }
    assert_int_equal(*counter, wanted);
}

static struct asked *answered(const char *text)
{
    struct asked *a = ask(0, text, 5000);

    until(&a->ends, 1);
    return a;
}

/* ---- answers ---- */

static const char two_series[] =
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
    "{\"metric\":{\"__name__\":\"up\",\"instance\":\"a:9090\"},\"value\":[1435781451.781,\"1\"]},"
    "{\"metric\":{},\"value\":[1435781452,\"2.5e-3\"]}]}}";

static void a_vector(void **state)
{
    (void)state;
    begin();
    server.body = two_series;
    const struct asked *a = answered("up{job=\"x y\"} > 0 & 1");
    assert_null(a->error);
    assert_int_equal(moon_samples_count(a->samples), 2);
    const struct moon_series *s = moon_samples_get(a->samples, 0);
    assert_true(s->value == 1);
    assert_int_equal(s->at_ms, 1435781451781);
    assert_int_equal(s->label_count, 2);
    assert_string_equal(s->labels[0].name, "__name__");
    assert_string_equal(s->labels[1].value, "a:9090");
    s = moon_samples_get(a->samples, 1);
    assert_true(s->value == 0.0025);
    assert_int_equal(s->label_count, 0);
    assert_string_equal(server.path, "GET /api/v1/query");
    assert_string_equal(server.query, "up{job=\"x y\"} > 0 & 1");
    assert_string_equal(server.timeout, "5000ms");
    assert_string_equal(server.authorization, "");
}

static void a_scalar(void **state)
{
    (void)state;
    begin();
    server.body = "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":"
                  "[1700000000.5,\"42\"]},\"warnings\":[\"slow\"]}";
    const struct asked *a = answered("scalar(x)");
    assert_null(a->error);
    assert_int_equal(moon_samples_count(a->samples), 1);
    assert_true(moon_samples_get(a->samples, 0)->value == 42);
}

static void nothing_found(void **state)
{
    (void)state;
    begin();
    server.body = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}";
    const struct asked *a = answered("absent_metric");
    assert_null(a->error);
    assert_int_equal(moon_samples_count(a->samples), 0);
}

static void figures_that_are_no_numbers(void **state)
{
    (void)state;
    begin();
    server.body = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
                  "{\"metric\":{},\"value\":[1,\"NaN\"]},{\"metric\":{},\"value\":[1,\"+Inf\"]},"
                  "{\"metric\":{},\"value\":[1,\"-Inf\"]}]}}";
    const struct asked *a = answered("x/0");
    assert_null(a->error);
    assert_true(isnan(moon_samples_get(a->samples, 0)->value));
    assert_true(moon_samples_get(a->samples, 1)->value == INFINITY);
    assert_true(moon_samples_get(a->samples, 2)->value == -INFINITY);
}

/* ---- refusals, with what and where ---- */

static void answers_that_are_none(void **state)
{
#define DATA(type, result)                                                                         \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"" type "\",\"result\":" result "}}"
    static const struct {
        int status;
        const char *body;
        const char *error;
    } cases[] = {
        {422,
         "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"many-to-many matching\"}",
         "HTTP 422: execution: many-to-many matching"},
        {400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:5: parse error\"}",
         "HTTP 400: bad_data: 1:5: parse error"},
        {503, "upstream is away\n", "HTTP 503: upstream is away"},
        {404, "", "HTTP 404: nothing more was said"},
        {200, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out\"}",
         "timeout: query timed out"},
        {200, "<html>log in</html>", "the answer is no JSON"},
        {200, "{\"status\":\"success\"}", "the result is a thing without a type"},
        {200, "[]", "[]"},
        {200, DATA("matrix", "[]"), "the result is a matrix; a vector or a scalar is wanted"},
        {200, DATA("string", "[1,\"x\"]"), "the result is a string"},
        {200, DATA("vector", "{}"), "\"result\" is no list"},
        {200, DATA("vector", "[1]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[1]}]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[1,2]}]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[1,\"one\"]}]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[1,\"nan\"]}]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[-1,\"1\"]}]"), "a value that is no pair"},
        {200, DATA("vector", "[{\"metric\":{},\"value\":[1e300,\"1\"]}]"), "no pair of a time"},
        {200, DATA("vector", "[{\"value\":[1,\"1\"]}]"), "a series without \"metric\""},
        {200, DATA("vector", "[{\"metric\":{\"a\":1},\"value\":[1,\"1\"]}]"), "label a is no text"},
        {200, DATA("vector", "[{\"metric\":{},\"histogram\":[1,{}]}]"), "is a histogram"},
        {200, DATA("scalar", "null"), "a value that is no pair"},
    };

    (void)state;
    begin();
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        MOON_AUTOFREE char *query = moon_asprintf("case_%zu", i);
        MOON_AUTOFREE char *where = moon_asprintf("http://127.0.0.1:%u: ", moon_httpd_port(httpd));
        server.status = cases[i].status;
        server.body = cases[i].body;
        const struct asked *a = answered(query);
        if (a->error == NULL || strstr(a->error, cases[i].error) == NULL ||
            !moon_str_starts(moon_str(a->error), where)) {
            fail_msg("case %zu: \"%s\" is not \"%s…%s\"", i, a->error, where, cases[i].error);
        }
    }
}

static void too_many_series(void **state)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(1 << 20);

    (void)state;
    begin();
    moon_buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
                         "\"result\":[");
    for (int i = 0; i <= MOON_SAMPLES_MAX_SERIES; i++) {
        moon_buf_printf(&body, "%s{\"metric\":{\"n\":\"%d\"},\"value\":[1,\"1\"]}",
                        i > 0 ? "," : "", i);
    }
    moon_buf_puts(&body, "]}}");
    server.body = moon_buf_cstr(&body);
    const struct asked *a = answered("all");
    assert_non_null(strstr(a->error, "more than 1000 series; aggregate them"));
}

static void huge_labels(void **state)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(4 << 20);

    (void)state;
    begin();
    moon_buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
                         "\"result\":[{\"metric\":{\"n\":\"");
    for (int i = 0; i < MOON_SAMPLES_MAX_BYTES; i++) {
        moon_buf_putc(&body, 'x');
    }
    moon_buf_puts(&body, "\"},\"value\":[1,\"1\"]}]}}");
    server.body = moon_buf_cstr(&body);
    assert_non_null(strstr(answered("all")->error, "too many labels"));
}

static void a_body_without_end(void **state)
{
    enum {
        TOO_MUCH = 5 << 20
    };
    MOON_AUTOFREE char *body = moon_alloc(TOO_MUCH);

    (void)state;
    begin();
    memset(body, ' ', TOO_MUCH - 1);
    server.body = body;
    assert_non_null(strstr(answered("all")->error, "4194304"));
}

/* ---- time ---- */

static void nobody_answers(void **state)
{
    (void)state;
    begin();
    server.holds = true;
    const struct asked *a = ask(0, "up", 3000);
    until(&server.calls, 1);
    moon_loop_advance(loop, 2999);
    assert_int_equal(a->ends, 0);
    moon_loop_advance(loop, 1);
    until(&a->ends, 1);
    assert_non_null(strstr(a->error, "no complete answer in time"));
}

static void half_an_answer_and_silence(void **state)
{
    (void)state;
    begin();
    server.body = two_series;
    server.drips = true;
    const struct asked *a = ask(0, "up", 3000);
    until(&server.calls, 1);
    for (int i = 0; i < 20; i++) {
        moon_loop_turn(loop, 1);
    }
    assert_int_equal(a->ends, 0);
    moon_loop_advance(loop, 3000);
    until(&a->ends, 1);
    assert_non_null(a->error);
}

static void half_an_answer_and_the_end(void **state)
{
    (void)state;
    begin();
    server.body = two_series;
    server.cut_after = 20;
    assert_non_null(answered("up")->error);
}

static void nobody_there(void **state)
{
    (void)state;
    begin();
    moon_httpd_free(httpd);
    assert_non_null(strstr(answered("up")->error, "127.0.0.1"));
    struct moon_err err;
    httpd = moon_httpd_new(
        loop, &(struct moon_httpd_opts){.listen = "127.0.0.1:0", .handler = handler}, &err);
}

static void the_plugins_own_limit_of_time(void **state)
{
    (void)state;
    option("timeout=1s");
    begin();
    server.body = two_series;
    assert_null(answered("up")->error);
    assert_string_equal(server.timeout, "1000ms");
}

/* ---- sharing ---- */

static void equal_questions_are_asked_once(void **state)
{
    (void)state;
    begin();
    server.body = two_series;
    server.holds = true;
    const struct asked *a = ask(0, "up", 5000);
    const struct asked *b = ask(1, "up", 5000);
    const struct asked *c = ask(2, "down", 5000);
    until(&server.calls, 2);
    moon_provider_cancel(asked[0].query);
    reply(server.held[0]);
    reply(server.held[1]);
    until(&b->ends, 1);
    until(&c->ends, 1);
    assert_int_equal(moon_samples_count(b->samples), 2);
    assert_int_equal(a->ends, 0);
    assert_int_equal(server.calls, 2);
}

static void answers_are_kept_for_a_moment_and_errors_are_not(void **state)
{
    (void)state;
    begin();
    server.body = two_series;
    assert_null(answered("up")->error);
    moon_loop_advance(loop, 1999);
    assert_int_equal(moon_samples_count(answered("up")->samples), 2);
    assert_int_equal(server.calls, 1);
    moon_loop_advance(loop, 1);
    server.status = 500;
    assert_non_null(answered("up")->error);
    assert_int_equal(server.calls, 2);
    server.status = 200;
    assert_null(answered("up")->error);
    assert_int_equal(server.calls, 3);
}

static void so_many_at_a_time(void **state)
{
    (void)state;
    option("max-concurrent=1");
    begin();
    server.body = two_series;
    server.holds = true;
    (void)ask(0, "one", 5000);
    (void)ask(1, "two", 5000);
    until(&server.calls, 1);
    for (int i = 0; i < 20; i++) {
        moon_loop_turn(loop, 1);
    }
    assert_int_equal(server.calls, 1);
    reply(server.held[0]);
    until(&server.calls, 2);
    reply(server.held[1]);
    until(&asked[1].ends, 1);
}

static void cancelled_questions_end_their_call(void **state)
{
    (void)state;
    begin();
    server.holds = true;
    (void)ask(0, "up", 5000);
    until(&server.calls, 1);
    moon_provider_cancel(asked[0].query);
    moon_loop_advance(loop, 10000);
    assert_int_equal(asked[0].ends, 0);
    /* One that is open when the plugin ends, too. */
    (void)ask(1, "up", 5000);
    moon_registry_end(registry);
    assert_int_equal(asked[1].ends, 0);
}

/* ---- options ---- */

static void a_token_is_read_anew(void **state)
{
    char path[] = "/tmp/moonset-token-XXXXXX";
    int fd = mkstemp(path);
    struct moon_err err;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    option("bearer-token-file=%s", path);
    option("keep=0s");
    begin();
    server.body = two_series;
    assert_non_null(strstr(answered("up")->error, "holds no token"));
    assert_int_equal(moon_file_write(path, moon_str("secret-1\n"), 0600, &err), 0);
    assert_null(answered("up")->error);
    assert_string_equal(server.authorization, "Bearer secret-1");
    assert_int_equal(moon_file_write(path, moon_str("secret-2"), 0600, &err), 0);
    assert_null(answered("up")->error);
    assert_string_equal(server.authorization, "Bearer secret-2");
    (void)unlink(path);
    assert_non_null(strstr(answered("up")->error, path));
    assert_int_equal(server.calls, 2);
}

static void wrong_options(void **state)
{
    static const struct {
        const char *option;
        const char *error;
    } cases[] = {
        {"url=prometheus:9090", "option url: http:// or https://, a host"},
        {"url=http://", "option url"},
        {"url=http://me:secret@prometheus", "option url"},
        {"timeout=soon", "option timeout: a duration such as 10s is wanted"},
        {"timeout=0s", "option timeout"},
        {"keep=x", "option keep"},
        {"max-concurrent=0", "option max-concurrent: a number from 1 to 100 is wanted"},
        {"max-concurrent=101", "option max-concurrent"},
    };

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_err err;
        moon_config_free(config);
        config = moon_config_new();
        option("%s", cases[i].option);
        assert_null(load(&err));
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].option, err.text);
        }
    }
}

static void without_a_url(void **state)
{
    (void)state;
    moon_config_free(config);
    config = moon_config_new();
    begin();
    assert_string_equal(answered("up")->error,
                        "no Prometheus is known: --plugin-option prometheus.url=URL");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_vector),
        TEST(a_scalar),
        TEST(nothing_found),
        TEST(figures_that_are_no_numbers),
        TEST(answers_that_are_none),
        TEST(too_many_series),
        TEST(huge_labels),
        TEST(a_body_without_end),
        TEST(nobody_answers),
        TEST(half_an_answer_and_silence),
        TEST(half_an_answer_and_the_end),
        TEST(nobody_there),
        TEST(the_plugins_own_limit_of_time),
        TEST(equal_questions_are_asked_once),
        TEST(answers_are_kept_for_a_moment_and_errors_are_not),
        TEST(so_many_at_a_time),
        TEST(cancelled_questions_end_their_call),
        TEST(a_token_is_read_anew),
        TEST(wrong_options),
        TEST(without_a_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
