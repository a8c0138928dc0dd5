/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against our own server. Servers that misbehave: test_http_peers.c.
 */
#include "unit/io/http_outcome.h"

#include "io/httpd.h"

enum {
    MAX_KEPT = 200
};

/* ---- fixture ---- */

struct fixture {
    struct moon_loop *loop;
    struct moon_http *http;
    struct moon_httpd *httpd;
    struct moon_httpd_request *kept[MAX_KEPT];
    size_t kept_count;
    struct moon_http_call *call; /* for callbacks that act on it */
};

static void keep(struct fixture *f, struct moon_httpd_request *r)
{
    assert_true(f->kept_count < MAX_KEPT);
    f->kept[f->kept_count++] = r;
}

static void echo(struct moon_httpd_request *r)
{
    struct moon_buf text = MOON_BUF_INIT(2 << 20);
    assert_null(moon_httpd_header(r, "Expect"));
    const char *name = moon_httpd_header(r, "X-Name");
    const char *type = moon_httpd_header(r, "Content-Type");
    const char *agent = moon_httpd_header(r, "User-Agent");
    const char *len = moon_httpd_header(r, "Content-Length");
    moon_buf_printf(&text, "%s %s name=%s type=%s agent=%s len=%s body=%.*s", moon_httpd_method(r),
                    moon_httpd_path(r), name != NULL ? name : "-", type != NULL ? type : "-",
                    agent != NULL ? agent : "-", len != NULL ? len : "-",
                    MOON_STR_ARG(moon_httpd_body(r)));
    moon_httpd_reply(r, 200, "text/plain", moon_buf_str(&text));
    moon_buf_fini(&text);
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct fixture *f = ctx;
    const char *path = moon_httpd_path(r);
    if (moon_streq(path, "/keep")) {
        keep(f, r);
    } else if (moon_streq(path, "/stream")) {
        moon_httpd_stream_begin(r, 200, "application/json", 16 << 20);
        keep(f, r);
    } else if (moon_streq(path, "/busy")) {
        moon_httpd_add_header(r, "Retry-After", "7");
        moon_httpd_add_header(r, "Warning", "299 - \"say \\\"old\\\"\"");
        moon_httpd_add_header(r, "Warning", "odd");
        moon_httpd_reply(r, 429, "application/json", MOON_STR_LIT("{\"busy\":1}"));
    } else if (moon_streq(path, "/moved")) {
        moon_httpd_add_header(r, "Location", "http://127.0.0.1:1/else");
        moon_httpd_reply(r, 302, "text/html", MOON_STR_LIT("<html>"));
    } else if (moon_streq(path, "/large-error")) {
        moon_httpd_stream_begin(r, 500, "text/plain", 16 << 20);
        char piece[1000];
        memset(piece, 'e', sizeof piece);
        for (int i = 0; i < 200; i++) {
            moon_httpd_stream_write(r, (struct moon_str){piece, sizeof piece});
        }
        moon_httpd_stream_end(r);
    } else {
        echo(r);
    }
}

static int setup_on(void **state, const struct moon_http_opts *opts, bool virtual_clock)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = virtual_clock}, &err);
    f->http = moon_http_new(f->loop, opts, &err);
    struct moon_httpd_opts httpd = {.listen = "127.0.0.1:0", .handler = handle, .ctx = f};
    f->httpd = moon_httpd_new(f->loop, &httpd, &err);
    assert_non_null(f->httpd);
    *state = f;
    return 0;
}

static int setup_with(void **state, const struct moon_http_opts *opts)
{
    return setup_on(state, opts, false);
}

static int setup_virtual(void **state)
{
    return setup_on(state, &(struct moon_http_opts){.user_agent = "moon/1"}, true);
}

static int setup(void **state)
{
    return setup_with(state, &(struct moon_http_opts){.user_agent = "moon/1"});
}

static int setup_two_in_flight(void **state)
{
    return setup_with(state, &(struct moon_http_opts){.user_agent = "moon/1", .max_in_flight = 2});
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_http_free(f->http);
    moon_httpd_free(f->httpd);
    moon_loop_free(f->loop);
    moon_free(f);
    return 0;
}

static const char *url(struct fixture *f, const char *path)
{
    static char text[256];
    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", moon_httpd_port(f->httpd), path);
    return text;
}

static void turn_until_kept(struct fixture *f, size_t wanted)
{
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (f->kept_count < wanted && moon_loop_now(f->loop) < deadline_ms) {
        moon_loop_turn(f->loop, 10);
    }
    assert_true(f->kept_count >= wanted);
}

static void turn_until(struct fixture *f, const int *counter, int wanted)
{
    turn_until_count(f->loop, counter, wanted);
}

static struct moon_http_call *get(struct fixture *f, struct outcome *o, const char *to)
{
    struct moon_http_request request = {
        .method = "GET", .url = to, .proxy = "", .on_done = on_done, .ctx = o};
    return moon_http_send(f->http, &request);
}

static struct moon_http_call *get_stream(struct fixture *f, struct outcome *o, const char *to)
{
    struct moon_http_request request = {
        .method = "GET", .url = to, .proxy = "", .on_data = on_data, .on_done = on_done, .ctx = o};
    return moon_http_send(f->http, &request);
}

/* ---- the good case ---- */

static void a_call_carries_everything(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *method;
        const char *body;
        const char *want;
    } cases[] = {
        {"GET", NULL, "GET /x name=moon type=- agent=moon/1 len=- body="},
        {"POST", "{}", "POST /x name=moon type=- agent=moon/1 len=2 body={}"},
        {"POST", NULL, "POST /x name=moon type=- agent=moon/1 len=0 body="},
        {"PATCH", "p", "PATCH /x name=moon type=- agent=moon/1 len=1 body=p"},
        {"PUT", "p", "PUT /x name=moon type=- agent=moon/1 len=1 body=p"},
        {"DELETE", "d", "DELETE /x name=moon type=- agent=moon/1 len=1 body=d"},
        {"DELETE", NULL, "DELETE /x name=moon type=- agent=moon/1 len=- body="},
        {"HEAD", NULL, ""},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o = outcome(f);
        struct moon_http_request request = {
            .method = cases[i].method,
            .url = url(f, "/x?y=1"),
            .headers = (const char *const[]){"X-Name: moon", NULL},
            .body = moon_str(cases[i].body),
            .proxy = "",
            .on_done = on_done,
            .ctx = &o,
        };
        moon_http_send(f->http, &request);
        assert_int_equal(o.done, 0); /* never from inside */
        assert_int_equal(moon_http_pending(f->http), 1);
        turn_until(f, &o.done, 1);
        assert_false(o.failed);
        assert_int_equal(o.status, 200);
        assert_true(o.sent);
        assert_string_equal(moon_buf_cstr(&o.body), cases[i].want);
        assert_int_equal(moon_http_pending(f->http), 0);
        outcome_fini(&o);
    }
}

static void a_large_body_goes_out_whole(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    char *body = moon_alloc(1100000);
    memset(body, 'b', 1100000);
    struct moon_http_request request = {
        .method = "POST",
        .url = url(f, "/x"),
        .headers = (const char *const[]){"content-type: application/json", NULL},
        .body = {body, 1100000},
        .proxy = "",
        .on_done = on_done,
        .ctx = &o};
    moon_http_send(f->http, &request);
    memset(body, 'x', 1100000); /* it was copied */
    turn_until(f, &o.done, 1);
    const char *got = strstr(moon_buf_cstr(&o.body), "body=");
    assert_non_null(got);
    assert_int_equal(strspn(got + 5, "b"), 1100000);
    assert_non_null(strstr(moon_buf_cstr(&o.body), "type=application/json "));
    moon_free(body);
    outcome_fini(&o);
}

static void answers_other_than_200_are_answers(void **state)
{
    struct fixture *f = *state;
    struct outcome busy = outcome(f);
    get_stream(f, &busy, url(f, "/busy"));
    turn_until(f, &busy.done, 1);
    assert_false(busy.failed);
    assert_int_equal(busy.status, 429);
    assert_int_equal(busy.retry_after_ms, 7000);
    assert_string_equal(busy.warning, "say \"old\"; odd");
    assert_string_equal(busy.content_type, "application/json");
    assert_string_equal(moon_buf_cstr(&busy.body), "{\"busy\":1}");
    assert_int_equal(busy.pieces, 0);
    outcome_fini(&busy);

    struct outcome moved = outcome(f);
    get(f, &moved, url(f, "/moved"));
    turn_until(f, &moved.done, 1);
    assert_int_equal(moved.status, 302); /* not followed: nobody listens on port 1 */
    assert_string_equal(moved.location, "http://127.0.0.1:1/else");
    outcome_fini(&moved);

    struct outcome large = outcome(f);
    get_stream(f, &large, url(f, "/large-error"));
    turn_until(f, &large.done, 1);
    assert_false(large.failed);
    assert_int_equal(large.status, 500);
    assert_int_equal(large.body.len, 64 << 10);
    outcome_fini(&large);
}

static void calls_beyond_the_limit_wait_in_order(void **state)
{
    struct fixture *f = *state;
    struct outcome o[5];
    for (int i = 0; i < 5; i++) {
        o[i] = outcome(f);
        get(f, &o[i], url(f, "/keep"));
    }
    turn_until_kept(f, 2);
    for (int i = 0; i < 5; i++) {
        moon_loop_turn(f->loop, 0);
    }
    assert_int_equal(f->kept_count, 2);
    assert_int_equal(moon_http_pending(f->http), 5);
    for (int i = 0; i < 5; i++) {
        turn_until_kept(f, (size_t)(i + 1));
        moon_httpd_reply(f->kept[i], 200, NULL, MOON_STR_LIT(""));
        turn_until(f, &o[i].done, 1);
    }
    for (int i = 0; i < 5; i++) {
        outcome_fini(&o[i]);
    }
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    enum {
        COUNT = 64
    };
    struct outcome *o = moon_new_array(struct outcome, COUNT);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < COUNT; i++) {
            o[i] = outcome(f);
            get(f, &o[i], url(f, "/x"));
        }
        for (int i = 0; i < COUNT; i++) {
            turn_until(f, &o[i].done, 1);
            assert_int_equal(o[i].status, 200);
            outcome_fini(&o[i]);
        }
    }
    moon_free(o);
}

/* ---- streams ---- */

static void a_stream_arrives_as_it_is_written(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    get_stream(f, &o, url(f, "/stream"));
    turn_until_kept(f, 1);
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("one\n"));
    turn_until(f, &o.pieces, 1);
    assert_string_equal(moon_buf_cstr(&o.stream), "one\n");
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("two\n"));
    turn_until(f, &o.pieces, 2);
    moon_httpd_stream_end(f->kept[0]);
    turn_until(f, &o.done, 1);
    assert_false(o.failed);
    assert_int_equal(o.body.len, 0);
    assert_string_equal(moon_buf_cstr(&o.stream), "one\ntwo\n");
    outcome_fini(&o);
}

static void a_cut_stream_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    get_stream(f, &o, url(f, "/stream"));
    turn_until_kept(f, 1);
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("hal"));
    moon_httpd_abort(f->kept[0]);
    turn_until(f, &o.done, 1);
    assert_true(o.failed);
    assert_int_equal(o.err.code, MOON_E_NETWORK);
    assert_int_equal(o.status, 200);
    assert_true(o.sent);
    assert_string_equal(moon_buf_cstr(&o.stream), "hal");
    outcome_fini(&o);
}

static void a_reader_may_stop(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    o.stop_after = 1;
    get_stream(f, &o, url(f, "/stream"));
    turn_until_kept(f, 1);
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("one\n"));
    turn_until(f, &o.done, 1);
    assert_true(o.failed);
    assert_int_equal(o.err.code, MOON_E_CANCELLED);
    outcome_fini(&o);
}

static void a_paused_stream_waits(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    struct moon_http_call *call = get_stream(f, &o, url(f, "/stream"));
    turn_until_kept(f, 1);
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("one\n"));
    turn_until(f, &o.pieces, 1);
    moon_http_pause(call, true);
    char piece[1000];
    memset(piece, 'p', sizeof piece);
    for (int i = 0; i < 2000; i++) {
        moon_httpd_stream_write(f->kept[0], (struct moon_str){piece, sizeof piece});
        if (i % 50 == 0) {
            moon_loop_turn(f->loop, 0);
        }
    }
    moon_httpd_stream_end(f->kept[0]);
    for (int i = 0; i < 20; i++) {
        moon_loop_turn(f->loop, 1);
    }
    assert_int_equal(o.pieces, 1);
    moon_http_pause(call, false);
    assert_int_equal(o.pieces, 1); /* not from inside */
    turn_until(f, &o.done, 1);
    assert_false(o.failed);
    assert_int_equal(o.stream.len, 4 + 2000 * 1000);
    outcome_fini(&o);
}

/* ---- cancelling, from everywhere ---- */

static void a_cancelled_call_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct outcome o[4];
    struct moon_http_call *calls[4];
    for (int i = 0; i < 4; i++) { /* two in flight, two waiting */
        o[i] = outcome(f);
        calls[i] = get(f, &o[i], url(f, "/keep"));
    }
    turn_until_kept(f, 2);
    moon_http_cancel(calls[0]);
    moon_http_cancel(calls[3]);
    assert_int_equal(moon_http_pending(f->http), 2);
    turn_until_kept(f, 3);
    moon_httpd_reply(f->kept[1], 200, NULL, MOON_STR_LIT(""));
    moon_httpd_reply(f->kept[2], 200, NULL, MOON_STR_LIT(""));
    turn_until(f, &o[1].done, 1);
    turn_until(f, &o[2].done, 1);
    assert_int_equal(o[0].done + o[3].done, 0);
    for (int i = 0; i < 4; i++) {
        outcome_fini(&o[i]);
    }
}

static struct fixture *fixture_of(const struct outcome *o)
{
    return o->owner;
}

static void cancel_the_call(struct outcome *o)
{
    moon_http_cancel(moon_steal(&fixture_of(o)->call));
}

static void free_the_pool(struct outcome *o)
{
    moon_http_free(moon_steal(&fixture_of(o)->http));
}

static void a_piece_may_cancel_a_call(void **state)
{
    struct fixture *f = *state;
    for (int own = 0; own < 2; own++) {
        struct outcome o = outcome(f);
        struct outcome other = outcome(f);
        f->kept_count = 0;
        o.on_piece = cancel_the_call;
        struct moon_http_call *mine = get_stream(f, &o, url(f, "/stream"));
        f->call = get_stream(f, &other, url(f, "/stream"));
        if (own == 1) {
            f->call = mine;
        }
        turn_until_kept(f, 2);
        moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("now"));
        moon_httpd_stream_write(f->kept[1], MOON_STR_LIT("now"));
        for (int i = 0; i < 50 && moon_http_pending(f->http) == 2; i++) {
            moon_loop_turn(f->loop, 10);
        }
        assert_int_equal(moon_http_pending(f->http), 1);
        moon_http_free(f->http);
        assert_int_equal(o.done + other.done, 0);
        f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "again"},
                                &(struct moon_err){0});
        outcome_fini(&o);
        outcome_fini(&other);
    }
}

static void a_piece_may_free_the_pool(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    struct outcome other = outcome(f);
    o.on_piece = free_the_pool;
    get_stream(f, &o, url(f, "/stream"));
    turn_until_kept(f, 1);
    get(f, &other, url(f, "/keep"));
    moon_httpd_stream_write(f->kept[0], MOON_STR_LIT("now"));
    turn_until(f, &o.pieces, 1);
    moon_loop_turn(f->loop, 0);
    assert_null(f->http);
    assert_int_equal(o.done + other.done, 0);
    outcome_fini(&o);
    outcome_fini(&other);
}

static void done_and_free(const struct moon_http_answer *answer, const struct moon_err *err,
                          void *ctx)
{
    on_done(answer, err, ctx);
    free_the_pool(ctx);
}

static void the_last_word_may_free_the_pool(void **state)
{
    struct fixture *f = *state;
    static const uint64_t timeouts_ms[] = {0, 20};
    for (int i = 0; i < 2; i++) {
        struct outcome o = outcome(f);
        struct outcome other = outcome(f);
        get(f, &other, url(f, "/keep"));
        struct moon_http_request request = {.method = "GET",
                                            .url = url(f, i == 0 ? "/x" : "/keep"),
                                            .proxy = "",
                                            .timeout_ms = timeouts_ms[i],
                                            .on_done = done_and_free,
                                            .ctx = &o};
        moon_http_send(f->http, &request);
        turn_until(f, &o.done, 1);
        assert_int_equal(other.done, 0);
        f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "again"},
                                &(struct moon_err){0});
        outcome_fini(&o);
        outcome_fini(&other);
    }
}

static void done_and_send(const struct moon_http_answer *answer, const struct moon_err *err,
                          void *ctx)
{
    struct outcome *o = ctx;
    on_done(answer, err, ctx);
    if (o->done < 3) {
        struct moon_http_request request = {.method = "GET",
                                            .url = url(fixture_of(o), "/x"),
                                            .proxy = "",
                                            .on_done = done_and_send,
                                            .ctx = o};
        moon_http_send(fixture_of(o)->http, &request);
    }
}

static void the_last_word_may_send_again(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    done_and_send(&(struct moon_http_answer){0}, NULL, &o);
    turn_until(f, &o.done, 3);
    outcome_fini(&o);
}

/* ---- limits ---- */

static void deadlines_hold(void **state)
{
    struct fixture *f = *state;
    struct outcome flying = outcome(f);
    struct outcome silent = outcome(f);
    struct outcome waiting = outcome(f); /* two in flight is the limit here */
    struct moon_http_request request = {.method = "GET",
                                        .url = url(f, "/keep"),
                                        .proxy = "",
                                        .timeout_ms = 30,
                                        .on_done = on_done,
                                        .ctx = &flying};
    moon_http_send(f->http, &request);
    request.url = url(f, "/stream");
    request.timeout_ms = 0;
    request.silence_ms = 30;
    request.on_data = on_data;
    request.ctx = &silent;
    moon_http_send(f->http, &request);
    request.timeout_ms = 10;
    request.ctx = &waiting;
    moon_http_send(f->http, &request);

    turn_until(f, &waiting.done, 1);
    assert_int_equal(waiting.err.code, MOON_E_TIMEOUT);
    assert_false(waiting.sent);
    turn_until(f, &flying.done, 1);
    assert_int_equal(flying.err.code, MOON_E_TIMEOUT);
    assert_true(flying.sent);
    turn_until(f, &silent.done, 1);
    assert_int_equal(silent.err.code, MOON_E_TIMEOUT);
    assert_int_equal(silent.status, 200);
    outcome_fini(&flying);
    outcome_fini(&silent);
    outcome_fini(&waiting);
}

static void deadlines_follow_the_virtual_clock(void **state)
{
    struct fixture *f = *state;
    struct outcome quick = outcome(f);
    struct outcome kept = outcome(f);
    struct moon_http_request request = {.method = "GET",
                                        .url = url(f, "/x"),
                                        .proxy = "",
                                        .timeout_ms = 60000,
                                        .on_done = on_done,
                                        .ctx = &quick};
    moon_http_send(f->http, &request);
    for (int i = 0; i < 1000 && quick.done == 0; i++) {
        moon_loop_turn(f->loop, 10); /* libcurl's own timers go on */
    }
    assert_int_equal(quick.status, 200);
    request.url = url(f, "/keep");
    request.ctx = &kept;
    moon_http_send(f->http, &request);
    for (int i = 0; i < 1000 && f->kept_count == 0; i++) {
        moon_loop_turn(f->loop, 10);
    }
    moon_loop_advance(f->loop, 59999);
    assert_int_equal(kept.done, 0);
    moon_loop_advance(f->loop, 1);
    assert_int_equal(kept.done, 1);
    assert_int_equal(kept.err.code, MOON_E_TIMEOUT);
    outcome_fini(&quick);
    outcome_fini(&kept);
}

static void a_body_beyond_the_limit_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    struct moon_http_request request = {.method = "GET",
                                        .url = url(f, "/large-error"),
                                        .proxy = "",
                                        .max_body_bytes = 1000,
                                        .on_done = on_done,
                                        .ctx = &o};
    moon_http_send(f->http, &request);
    turn_until(f, &o.done, 1);
    assert_true(o.failed);
    assert_int_equal(o.err.code, MOON_E_LIMIT);
    assert_int_equal(o.status, 500);
    assert_non_null(strstr(o.err.text, "larger than 1000 bytes"));
    outcome_fini(&o);
}

static void escaping(void **state MOON_UNUSED)
{
    struct moon_buf out = MOON_BUF_INIT(100);
    moon_http_escape(&out, MOON_STR_LIT("aZ09-._~ /?=&,%\xc3\xa4"));
    assert_string_equal(moon_buf_cstr(&out), "aZ09-._~%20%2F%3F%3D%26%2C%25%C3%A4");
    moon_buf_fini(&out);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TWO(test) cmocka_unit_test_setup_teardown(test, setup_two_in_flight, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_call_carries_everything),
        TEST(a_large_body_goes_out_whole),
        TEST(answers_other_than_200_are_answers),
        TWO(calls_beyond_the_limit_wait_in_order),
        TEST(many_at_once),
        TEST(a_stream_arrives_as_it_is_written),
        TEST(a_cut_stream_is_an_error),
        TEST(a_reader_may_stop),
        TEST(a_paused_stream_waits),
        TWO(a_cancelled_call_says_nothing),
        TEST(a_piece_may_cancel_a_call),
        TEST(a_piece_may_free_the_pool),
        TEST(the_last_word_may_free_the_pool),
        TEST(the_last_word_may_send_again),
        TWO(deadlines_hold),
        cmocka_unit_test_setup_teardown(deadlines_follow_the_virtual_clock, setup_virtual,
                                        teardown),
        TEST(a_body_beyond_the_limit_is_an_error),
        cmocka_unit_test(escaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
