/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against our own server, and against a raw socket that says whatever it likes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/http.h"
#include "io/httpd.h"

enum {
    DEADLINE_MS = 10000,
    MAX_KEPT = 200
};

/* ---- a server that follows a script ---- */

struct raw_peer {
    struct raw_server *server;
    int fd;
    struct moon_fd *watch;
};

struct raw_server {
    struct moon_loop *loop;
    int fd;
    uint16_t port;
    struct moon_fd *watch;
    struct moon_str answer; /* sent when a request's head has come */
    bool keep_open;
    bool hang_up_first; /* close before reading anything */
    struct raw_peer peers[8];
    size_t peer_count;
};

static void peer_close(struct raw_peer *p)
{
    if (p->watch != NULL) {
        moon_fd_free(moon_steal(&p->watch));
        close(p->fd);
    }
}

static void on_peer(unsigned events MOON_UNUSED, void *ctx)
{
    struct raw_peer *p = ctx;
    char request[4096];
    ssize_t n = recv(p->fd, request, sizeof request, MSG_DONTWAIT);
    if (n <= 0) {
        peer_close(p);
        return;
    }
    struct moon_str rest = p->server->answer;
    while (rest.len > 0) {
        ssize_t sent = send(p->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            break;
        }
        rest = (struct moon_str){rest.ptr + sent, rest.len - (size_t)sent};
    }
    if (!p->server->keep_open) {
        peer_close(p);
    }
}

static void on_accept(unsigned events MOON_UNUSED, void *ctx)
{
    struct raw_server *s = ctx;
    int fd = accept(s->fd, NULL, NULL);
    assert_true(fd >= 0);
    if (s->hang_up_first) {
        close(fd);
        return;
    }
    assert_true(s->peer_count < MOON_ARRAY_SIZE(s->peers));
    struct raw_peer *p = &s->peers[s->peer_count++];
    *p = (struct raw_peer){.server = s, .fd = fd};
    p->watch = moon_fd_new(s->loop, fd, MOON_FD_READ, on_peer, p);
}

static void raw_server_start(struct raw_server *s, struct moon_loop *loop)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->loop = loop;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    s->watch = moon_fd_new(loop, s->fd, MOON_FD_READ, on_accept, s);
}

static void raw_server_stop(struct raw_server *s)
{
    for (size_t i = 0; i < s->peer_count; i++) {
        peer_close(&s->peers[i]);
    }
    moon_fd_free(s->watch);
    close(s->fd);
}

/* ---- fixture ---- */

struct fixture {
    struct moon_loop *loop;
    struct moon_http *http;
    struct moon_httpd *httpd;
    struct raw_server raw;
    struct moon_httpd_request *kept[MAX_KEPT];
    size_t kept_count;
    struct moon_http_call *call; /* for callbacks that act on it */
};

/* What became of one call. */
struct outcome {
    struct fixture *f;
    int done;
    int status;
    bool failed;
    bool sent;
    uint64_t retry_after_ms;
    struct moon_err err;
    char content_type[64];
    char location[128];
    char warning[128];
    struct moon_buf body;   /* of the answer */
    struct moon_buf stream; /* through on_data */
    int pieces;
    int stop_after; /* pieces; 0: never */
    void (*on_piece)(struct outcome *o);
};

static void keep(struct fixture *f, struct moon_httpd_request *r)
{
    assert_true(f->kept_count < MAX_KEPT);
    f->kept[f->kept_count++] = r;
}

static void echo(struct moon_httpd_request *r)
{
    struct moon_buf text = MOON_BUF_INIT(1 << 20);
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

static int setup_with(void **state, const struct moon_http_opts *opts)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->loop = moon_loop_new(NULL, &err);
    f->http = moon_http_new(f->loop, opts, &err);
    struct moon_httpd_opts httpd = {.listen = "127.0.0.1:0", .handler = handle, .ctx = f};
    f->httpd = moon_httpd_new(f->loop, &httpd, &err);
    assert_non_null(f->httpd);
    raw_server_start(&f->raw, f->loop);
    *state = f;
    return 0;
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
    raw_server_stop(&f->raw);
    moon_loop_free(f->loop);
    moon_free(f);
    return 0;
}

static struct outcome outcome(struct fixture *f)
{
    return (struct outcome){
        .f = f, .body = MOON_BUF_INIT(1 << 20), .stream = MOON_BUF_INIT(8 << 20)};
}

static void outcome_fini(struct outcome *o)
{
    moon_buf_fini(&o->body);
    moon_buf_fini(&o->stream);
}

static void copy_text(char *out, size_t size, struct moon_str text)
{
    snprintf(out, size, "%.*s", MOON_STR_ARG(text));
}

static void on_done(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct outcome *o = ctx;
    o->done++;
    o->status = answer->status;
    o->sent = answer->sent;
    o->retry_after_ms = answer->retry_after_ms;
    o->failed = err != NULL;
    if (err != NULL) {
        o->err = *err;
    }
    copy_text(o->content_type, sizeof o->content_type, answer->content_type);
    copy_text(o->location, sizeof o->location, answer->location);
    copy_text(o->warning, sizeof o->warning, answer->warning);
    moon_buf_add_str(&o->body, answer->body);
}

static bool on_data(struct moon_str piece, void *ctx)
{
    struct outcome *o = ctx;
    o->pieces++;
    moon_buf_add_str(&o->stream, piece);
    if (o->on_piece != NULL) {
        o->on_piece(o);
    }
    return o->stop_after == 0 || o->pieces < o->stop_after;
}

static const char *url(struct fixture *f, const char *path)
{
    static char text[256];
    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", moon_httpd_port(f->httpd), path);
    return text;
}

static const char *raw_url(struct fixture *f)
{
    static char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%d/raw", f->raw.port);
    return text;
}

static void turn_until(struct fixture *f, const int *counter, int wanted)
{
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (*counter < wanted && moon_loop_now(f->loop) < deadline_ms) {
        moon_loop_turn(f->loop, 10);
    }
    assert_int_equal(*counter, wanted);
}

static void turn_until_kept(struct fixture *f, size_t wanted)
{
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (f->kept_count < wanted && moon_loop_now(f->loop) < deadline_ms) {
        moon_loop_turn(f->loop, 10);
    }
    assert_true(f->kept_count >= wanted);
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
    char *body = moon_alloc(900000);
    memset(body, 'b', 900000);
    struct moon_http_request request = {
        .method = "POST",
        .url = url(f, "/x"),
        .headers = (const char *const[]){"content-type: application/json", NULL},
        .body = {body, 900000},
        .proxy = "",
        .on_done = on_done,
        .ctx = &o};
    moon_http_send(f->http, &request);
    memset(body, 'x', 900000); /* it was copied */
    turn_until(f, &o.done, 1);
    const char *got = strstr(moon_buf_cstr(&o.body), "body=");
    assert_non_null(got);
    assert_int_equal(strspn(got + 5, "b"), 900000);
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

static void cancel_the_call(struct outcome *o)
{
    moon_http_cancel(moon_steal(&o->f->call));
}

static void free_the_pool(struct outcome *o)
{
    moon_http_free(moon_steal(&o->f->http));
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
                                            .url = url(o->f, "/x"),
                                            .proxy = "",
                                            .on_done = done_and_send,
                                            .ctx = o};
        moon_http_send(o->f->http, &request);
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

/* ---- servers that misbehave, and requests that cannot be made ---- */

static void misbehaving_servers(void **state)
{
    struct fixture *f = *state;
    struct moon_buf endless_head = MOON_BUF_INIT(2 << 20);
    moon_buf_puts(&endless_head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3000; i++) {
        moon_buf_printf(&endless_head, "X-%d: %0100d\r\n", i, i);
    }
    struct moon_buf endless_line = MOON_BUF_INIT(4 << 20);
    moon_buf_puts(&endless_line, "HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 20000; i++) {
        moon_buf_printf(&endless_line, "%0100d", i);
    }
    const struct {
        const char *name;
        struct moon_str answer;
        bool hang_up_first;
        bool failed;
        enum moon_code code;
        int status;
    } cases[] = {
        {"closed at once", {NULL, 0}, true, true, MOON_E_NETWORK, 0},
        {"closed after the request", {NULL, 0}, false, true, MOON_E_NETWORK, 0},
        {"half a head", MOON_STR_LIT("HTTP/1.1 200 OK\r\nContent-"), false, true, MOON_E_NETWORK,
         200},
        {"half a body", MOON_STR_LIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), false,
         true, MOON_E_NETWORK, 200},
        {"half a chunk",
         MOON_STR_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"), false, true,
         MOON_E_NETWORK, 200},
        {"not HTTP", MOON_STR_LIT("<html>hello"), false, true, MOON_E_NETWORK, 0},
        {"a page", MOON_STR_LIT("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"), false,
         false, MOON_OK, 200},
        {"bad chunk", MOON_STR_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
         false, true, MOON_E_NETWORK, 200},
        {"endless head", moon_buf_str(&endless_head), false, true, MOON_E_LIMIT, 200},
        {"endless line", moon_buf_str(&endless_line), false, true, MOON_E_LIMIT, 200},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o = outcome(f);
        f->raw.peer_count = 0;
        f->raw.answer = cases[i].answer;
        f->raw.hang_up_first = cases[i].hang_up_first;
        get(f, &o, raw_url(f));
        turn_until(f, &o.done, 1);
        if (o.failed != cases[i].failed || (o.failed && o.err.code != cases[i].code) ||
            o.status != cases[i].status) {
            fail_msg("%s: failed=%d code=%d status=%d: %s", cases[i].name, o.failed, o.err.code,
                     o.status, o.err.text);
        }
        for (size_t k = 0; k < f->raw.peer_count; k++) {
            peer_close(&f->raw.peers[k]);
        }
        outcome_fini(&o);
    }
    moon_buf_fini(&endless_head);
    moon_buf_fini(&endless_line);
}

static void a_silent_server_times_out(void **state)
{
    struct fixture *f = *state;
    struct outcome o = outcome(f);
    f->raw.keep_open = true;
    struct moon_http_request request = {.method = "GET",
                                        .url = raw_url(f),
                                        .proxy = "",
                                        .silence_ms = 20,
                                        .on_done = on_done,
                                        .ctx = &o};
    moon_http_send(f->http, &request);
    turn_until(f, &o.done, 1);
    assert_int_equal(o.err.code, MOON_E_TIMEOUT);
    assert_int_equal(o.status, 0);
    assert_true(o.sent);
    outcome_fini(&o);
}

static void requests_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    char nobody[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0); /* bound, not listening */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(nobody, sizeof nobody, "http://me:secret@127.0.0.1:%d/p?token=secret",
             ntohs(a.sin_port));
    const struct {
        const char *method;
        const char *url;
        const char *header;
        enum moon_code code;
        const char *text;
    } cases[] = {
        {"GET", nobody, NULL, MOON_E_NETWORK, "GET 127.0.0.1:"},
        {"GET", "http://", NULL, MOON_E_INVALID, "GET http://"},
        {"GET", "no url at all", NULL, MOON_E_INVALID, "no url at all"},
        {"GET", "ftp://127.0.0.1/x", NULL, MOON_E_INVALID, "ftp"},
        {"GET", "file:///etc/passwd", NULL, MOON_E_INVALID, "file"},
        {"GET /\r\nX: y", "http://127.0.0.1:1/", NULL, MOON_E_INVALID, "not a method"},
        {"GET", "http://127.0.0.1:1/", "Authorization: Bearer secret\n", MOON_E_INVALID,
         "header Authorization"},
        {"GET", "http://127.0.0.1:1/", "nocolon", MOON_E_INVALID, "header nocolon"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o = outcome(f);
        struct moon_http_request request = {.method = cases[i].method,
                                            .url = cases[i].url,
                                            .headers = (const char *const[]){cases[i].header, NULL},
                                            .proxy = "",
                                            .on_done = on_done,
                                            .ctx = &o};
        moon_http_send(f->http, &request);
        assert_int_equal(o.done, 0);
        turn_until(f, &o.done, 1);
        assert_true(o.failed);
        if (o.err.code != cases[i].code || strstr(o.err.text, cases[i].text) == NULL) {
            fail_msg("case %zu: %d %s", i, o.err.code, o.err.text);
        }
        assert_null(strstr(o.err.text, "secret"));
        assert_int_equal(o.status, 0);
        assert_false(o.sent);
        outcome_fini(&o);
    }
    close(fd);
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
        TEST(a_body_beyond_the_limit_is_an_error),
        TEST(misbehaving_servers),
        TEST(a_silent_server_times_out),
        TEST(requests_that_cannot_be_made),
        cmocka_unit_test(escaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
