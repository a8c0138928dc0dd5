/* SPDX-License-Identifier: Apache-2.0
 *
 * The server is spoken to through a plain socket, so that what counts is what is on the wire.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/httpd.h"

enum {
    DEADLINE_MS = 5000,
    MAX_BODY = 1000
};

struct fixture {
    struct moon_loop *loop;
    struct moon_httpd *httpd;
    struct moon_httpd_request *request; /* kept by the handler, until closed */
    int handled;
    int closed;
    struct moon_buf seen;
};

struct client {
    int fd;
    struct moon_buf got;
    bool eof;
};

static void on_close(void *ctx)
{
    struct fixture *f = ctx;
    f->closed++;
    f->request = NULL;
}

static void describe(struct fixture *f, struct moon_httpd_request *r)
{
    const char *q = moon_httpd_query(r, "q");
    const char *name = moon_httpd_header(r, "x-name");
    moon_buf_clear(&f->seen);
    moon_buf_printf(&f->seen, "%s %s q=%s name=%s body=%.*s", moon_httpd_method(r),
                    moon_httpd_path(r), q != NULL ? q : "-", name != NULL ? name : "-",
                    MOON_STR_ARG(moon_httpd_body(r)));
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct fixture *f = ctx;
    f->handled++;
    f->request = r;
    moon_httpd_on_close(r, on_close, f);
    describe(f, r);
    const char *path = moon_httpd_path(r);
    if (moon_streq(path, "/later")) {
        return;
    }
    if (moon_streq(path, "/stream")) {
        moon_httpd_stream_begin(r, 200, "application/json", 100000);
    } else if (moon_streq(path, "/half")) {
        moon_httpd_stream_begin(r, 200, NULL, 100000);
        moon_httpd_stream_write(r, MOON_STR_LIT("{\"half"));
        moon_httpd_abort(r);
    } else if (moon_streq(path, "/cut")) {
        moon_httpd_reply_cut(r, 200, "text/plain", MOON_STR_LIT("0123456789"), 5);
    } else if (moon_streq(path, "/head")) {
        moon_httpd_reply_cut(r, 200, "text/plain", MOON_STR_LIT("0123456789"), 0);
    } else if (moon_streq(path, "/nothing")) {
        moon_httpd_abort(r);
    } else {
        moon_httpd_add_header(r, "Warning", "299 - \"old\"");
        moon_httpd_reply(r, 201, "text/plain", moon_buf_str(&f->seen));
    }
}

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->seen = MOON_BUF_INIT(1 << 20);
    f->loop = moon_loop_new(NULL, &err);
    f->httpd = moon_httpd_new(
        f->loop,
        &(struct moon_httpd_opts){
            .listen = "127.0.0.1:0", .max_body_bytes = MAX_BODY, .handler = handle, .ctx = f},
        &err);
    assert_non_null(f->httpd);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_httpd_free(f->httpd);
    moon_loop_free(f->loop);
    moon_buf_fini(&f->seen);
    moon_free(f);
    return 0;
}

/* ---- the client ---- */

static struct client client_open(struct fixture *f)
{
    struct client c = {.fd = socket(AF_INET, SOCK_STREAM, 0), .got = MOON_BUF_INIT(8 << 20)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(moon_httpd_port(f->httpd)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(c.fd, (struct sockaddr *)&to, sizeof to), 0);
    return c;
}

static void client_close(struct client *c)
{
    close(c->fd);
    moon_buf_fini(&c->got);
}

static void client_send(struct client *c, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(c->fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void client_poll(struct client *c)
{
    char piece[65536];
    ssize_t n = recv(c->fd, piece, sizeof piece, MSG_DONTWAIT);
    if (n > 0) {
        moon_buf_add(&c->got, piece, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        c->eof = true;
    }
}

/* Turn until the answer contains `text`, or, with NULL, until the server has closed. */
static void expect(struct fixture *f, struct client *c, const char *text)
{
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (moon_loop_now(f->loop) < deadline_ms) {
        client_poll(c);
        if (text == NULL ? c->eof : strstr(moon_buf_cstr(&c->got), text) != NULL) {
            return;
        }
        moon_loop_turn(f->loop, 1);
    }
    fail_msg("waited for \"%s\", got \"%s\"", text != NULL ? text : "the end",
             moon_buf_cstr(&c->got));
}

static void turn_until(struct fixture *f, const int *counter, int wanted)
{
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (*counter < wanted && moon_loop_now(f->loop) < deadline_ms) {
        moon_loop_turn(f->loop, 10);
    }
    assert_int_equal(*counter, wanted);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- tests ---- */

static void the_request_is_seen_whole(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, "PATCH /a%2Fb?x=1&q=a%3Db+c&q=2 HTTP/1.1\r\nHost: x\r\nX-Name: moon\r\n"
                    "Content-Length: 5\r\n\r\nhe");
    moon_loop_turn(f->loop, 100);
    assert_int_equal(f->handled, 0);
    client_send(&c, "llo");
    expect(f, &c, "PATCH /a%2Fb q=a=b c name=moon body=hello");
    assert_non_null(strstr(moon_buf_cstr(&c.got), "HTTP/1.1 201 "));
    assert_non_null(strstr(moon_buf_cstr(&c.got), "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(moon_buf_cstr(&c.got), "Warning: 299 - \"old\"\r\n"));
    turn_until(f, &f->closed, 1);

    moon_buf_clear(&c.got); /* the connection is kept */
    client_send(&c, GET("/x?q"));
    expect(f, &c, "GET /x q= name=- body=");
    turn_until(f, &f->closed, 2);
    client_close(&c);
}

static void large_bodies_are_refused(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    expect(f, &c, "HTTP/1.1 413 ");
    expect(f, &c, NULL);
    client_close(&c);

    char piece[1100];
    int n = snprintf(piece, sizeof piece, "3e9\r\n%01001d\r\n0\r\n\r\n", 7);
    assert_true(n > 1001 && (size_t)n < sizeof piece);
    c = client_open(f);
    client_send(&c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client_send(&c, piece);
    expect(f, &c, "HTTP/1.1 413 ");
    assert_int_equal(f->handled, 0);
    client_close(&c);
}

static void an_answer_may_come_later(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/later"));
    turn_until(f, &f->handled, 1);
    moon_loop_turn(f->loop, 0);
    client_poll(&c);
    assert_int_equal(c.got.len, 0);
    moon_httpd_reply(f->request, 200, "text/plain", MOON_STR_LIT("at last"));
    expect(f, &c, "at last");
    turn_until(f, &f->closed, 1);
    client_close(&c);
}

static void streams_arrive_piece_by_piece(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/stream"));
    expect(f, &c, "Transfer-Encoding: chunked\r\n");
    expect(f, &c, "\r\n\r\n"); /* the head comes before there is anything to say */
    moon_httpd_stream_write(f->request, MOON_STR_LIT("one\n"));
    expect(f, &c, "4\r\none\n\r\n");
    moon_httpd_stream_write(f->request, MOON_STR_LIT("two\n"));
    moon_httpd_stream_write(f->request, MOON_STR_LIT("three\n"));
    expect(f, &c, "A\r\ntwo\nthree\n\r\n");
    assert_int_equal(f->closed, 0);
    moon_httpd_stream_end(f->request);
    expect(f, &c, "0\r\n\r\n");
    turn_until(f, &f->closed, 1);
    client_close(&c);
}

static void a_reader_that_leaves_is_noticed_while_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    static const char *const requests[] = {GET("/stream"), GET("/later")};
    for (int i = 0; i < 2; i++) {
        struct client c = client_open(f);
        client_send(&c, requests[i]);
        turn_until(f, &f->handled, i + 1);
        moon_loop_turn(f->loop, 0);
        client_close(&c);
        turn_until(f, &f->closed, i + 1);
    }
}

static void a_slow_reader_is_cut_off(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/stream"));
    turn_until(f, &f->handled, 1);
    char *piece = moon_alloc(50000);
    memset(piece, 'x', 50000);
    uint64_t deadline_ms = moon_loop_now(f->loop) + DEADLINE_MS;
    while (f->request != NULL && moon_loop_now(f->loop) < deadline_ms) {
        moon_httpd_stream_write(f->request, (struct moon_str){piece, 50000});
        moon_loop_turn(f->loop, 0);
    }
    moon_free(piece);
    assert_int_equal(f->closed, 1);
    client_close(&c);
}

static void a_stream_can_be_given_less(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/stream"));
    turn_until(f, &f->handled, 1);
    moon_httpd_stream_write(f->request, MOON_STR_LIT("0123456789"));
    moon_httpd_stream_limit(f->request, 15);
    moon_httpd_stream_write(f->request, MOON_STR_LIT("01234"));
    assert_int_equal(f->closed, 0);
    moon_httpd_stream_write(f->request, MOON_STR_LIT("5"));
    turn_until(f, &f->closed, 1);
    client_close(&c);
}

static void a_large_stream_is_not_garbled(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/stream"));
    turn_until(f, &f->handled, 1);
    moon_buf_clear(&c.got);
    char line[64];
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(line, sizeof line, "<%d>", i);
        moon_httpd_stream_write(f->request, (struct moon_str){line, (size_t)n});
        if (i % 100 == 0) {
            moon_loop_turn(f->loop, 0);
            client_poll(&c);
        }
    }
    moon_httpd_stream_end(f->request);
    expect(f, &c, "\r\n0\r\n\r\n");
    /* Undo the chunks, then count. */
    const char *at = strstr(moon_buf_cstr(&c.got), "\r\n\r\n");
    assert_non_null(at);
    at += 4;
    struct moon_buf body = MOON_BUF_INIT(1 << 20);
    for (;;) {
        char *end;
        unsigned long len = strtoul(at, &end, 16);
        moon_buf_add(&body, end + 2, len);
        if (len == 0) {
            break;
        }
        at = end + 2 + len + 2;
    }
    const char *p = moon_buf_cstr(&body);
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(line, sizeof line, "<%d>", i);
        assert_memory_equal(p, line, (size_t)n);
        p += n;
    }
    assert_int_equal(*p, '\0');
    moon_buf_fini(&body);
    client_close(&c);
}

static void aborts_look_like_crashes(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, GET("/nothing"));
    expect(f, &c, NULL);
    assert_int_equal(c.got.len, 0);
    client_close(&c);

    c = client_open(f);
    client_send(&c, GET("/half"));
    expect(f, &c, NULL);
    assert_non_null(strstr(moon_buf_cstr(&c.got), "6\r\n{\"half\r\n"));
    assert_null(strstr(moon_buf_cstr(&c.got), "0\r\n\r\n"));
    client_close(&c);

    c = client_open(f);
    client_send(&c, GET("/stream"));
    expect(f, &c, "\r\n\r\n");
    moon_httpd_stream_write(f->request, MOON_STR_LIT("abc"));
    moon_httpd_abort(f->request);
    expect(f, &c, NULL);
    assert_non_null(strstr(moon_buf_cstr(&c.got), "3\r\nabc\r\n"));
    client_close(&c);

    c = client_open(f);
    client_send(&c, GET("/later"));
    turn_until(f, &f->handled, 4);
    moon_httpd_abort(f->request);
    expect(f, &c, NULL);
    assert_int_equal(c.got.len, 0);
    client_close(&c);
    assert_int_equal(f->closed, 4);
}

static void answers_can_be_cut(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request;
        const char *body;
    } cases[] = {{GET("/cut"), "01234"}, {GET("/head"), ""}};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct client c = client_open(f);
        client_send(&c, cases[i].request);
        expect(f, &c, NULL);
        assert_non_null(strstr(moon_buf_cstr(&c.got), "Content-Length: 10\r\n"));
        const char *body = strstr(moon_buf_cstr(&c.got), "\r\n\r\n");
        assert_non_null(body);
        assert_string_equal(body + 4, cases[i].body);
        client_close(&c);
    }
    turn_until(f, &f->closed, 2);
}

static void all_connections_end_and_the_port_stays(void **state)
{
    struct fixture *f = *state;
    struct client idle = client_open(f);
    struct client stream = client_open(f);
    struct client later = client_open(f);
    struct client incomplete = client_open(f);
    client_send(&idle, GET("/x"));
    expect(f, &idle, "GET /x");
    client_send(&stream, GET("/stream"));
    client_send(&incomplete, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    turn_until(f, &f->handled, 2);
    client_send(&later, GET("/later"));
    turn_until(f, &f->handled, 3);
    /* Neither what is on its way on an old connection is handled nor what waits to be accepted. */
    struct client waiting = client_open(f);
    client_send(&waiting, GET("/x"));
    client_send(&idle, GET("/x"));
    moon_httpd_end_connections(f->httpd);
    struct client *all[] = {&idle, &stream, &later, &incomplete, &waiting};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(all); i++) {
        expect(f, all[i], NULL);
        client_close(all[i]);
    }
    turn_until(f, &f->closed, 3);
    struct client fresh = client_open(f);
    client_send(&fresh, GET("/fine"));
    expect(f, &fresh, "GET /fine");
    assert_int_equal(f->handled, 4);
    client_close(&fresh);
}

static void a_kept_request_is_readable_after_its_end(void **state)
{
    struct fixture *f = *state;
    struct client c = client_open(f);
    client_send(&c, "POST /later?q=1 HTTP/1.1\r\nHost: x\r\nX-Name: moon\r\n"
                    "Content-Length: 2\r\n\r\nhi");
    turn_until(f, &f->handled, 1);
    struct moon_httpd_request *r = f->request;
    moon_httpd_keep(r);
    client_close(&c);
    turn_until(f, &f->closed, 1);
    describe(f, r);
    assert_string_equal(moon_buf_cstr(&f->seen), "POST /later q=1 name=moon body=hi");
    moon_httpd_add_header(r, "Warning", "299 - \"old\"");
    moon_httpd_reply(r, 200, NULL, MOON_STR_LIT("nobody"));
    moon_httpd_release(r);

    c = client_open(f);
    client_send(&c, GET("/later"));
    turn_until(f, &f->handled, 2);
    moon_httpd_keep(f->request);
    moon_httpd_release(f->request); /* it has not ended: nothing happens */
    moon_httpd_reply(f->request, 200, NULL, MOON_STR_LIT("somebody"));
    expect(f, &c, "somebody");
    client_close(&c);
}

static void freeing_the_server_ends_open_requests(void **state)
{
    struct fixture *f = *state;
    struct client stream = client_open(f);
    struct client later = client_open(f);
    struct client silent = client_open(f);
    client_send(&stream, GET("/stream"));
    client_send(&later, GET("/later"));
    client_send(&silent, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    turn_until(f, &f->handled, 2);
    moon_loop_turn(f->loop, 1);
    moon_httpd_free(moon_steal(&f->httpd));
    assert_int_equal(f->closed, 2); /* the third has not met the handler yet */
    expect(f, &stream, NULL);
    expect(f, &later, NULL);
    client_close(&stream);
    client_close(&later);
    client_close(&silent);
}

static void rubbish_is_survived(void **state)
{
    struct fixture *f = *state;
    static const char *const rubbish[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /%zz?%=%&&q=%4 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "\x16\x03\x01\x02",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rubbish); i++) {
        struct client c = client_open(f);
        client_send(&c, rubbish[i]);
        for (int turn = 0; turn < 5; turn++) {
            moon_loop_turn(f->loop, 0);
            client_poll(&c);
        }
        client_close(&c);
    }
    struct client c = client_open(f);
    client_send(&c, GET("/fine"));
    expect(f, &c, "GET /fine ");
    client_close(&c);
}

/* A chroot may come without /etc/hosts. */
static bool knows_localhost(void)
{
    struct addrinfo *list = NULL;
    bool known = getaddrinfo("localhost", NULL, NULL, &list) == 0;
    if (known) {
        freeaddrinfo(list);
    }
    return known;
}

static void listen_addresses(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *listen;
        enum moon_code code;
    } cases[] = {
        {":0", MOON_OK},
        {"127.0.0.1:0", MOON_OK},
        {"localhost:0", MOON_OK},
        {"8080", MOON_E_INVALID},
        {"127.0.0.1:", MOON_E_INVALID},
        {"127.0.0.1:65536", MOON_E_INVALID},
        {"::1:0", MOON_E_INVALID},
        {"", MOON_E_INVALID},
        {"192.0.2.1:0", MOON_E_SYSTEM}, /* not ours */
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_err err = {0};
        struct moon_httpd_opts opts = {.listen = cases[i].listen, .handler = handle, .ctx = f};
        if (strcmp(cases[i].listen, "localhost:0") == 0 && !knows_localhost()) {
            continue;
        }
        struct moon_httpd *d = moon_httpd_new(f->loop, &opts, &err);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(d != NULL, cases[i].code == MOON_OK);
        if (d != NULL) {
            assert_true(moon_httpd_port(d) != 0);
        } else {
            assert_non_null(strstr(err.text, cases[i].listen));
        }
        moon_httpd_free(d);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_request_is_seen_whole),
        TEST(large_bodies_are_refused),
        TEST(an_answer_may_come_later),
        TEST(streams_arrive_piece_by_piece),
        TEST(a_reader_that_leaves_is_noticed_while_nothing_is_written),
        TEST(a_slow_reader_is_cut_off),
        TEST(a_stream_can_be_given_less),
        TEST(a_large_stream_is_not_garbled),
        TEST(aborts_look_like_crashes),
        TEST(answers_can_be_cut),
        TEST(all_connections_end_and_the_port_stays),
        TEST(a_kept_request_is_readable_after_its_end),
        TEST(freeing_the_server_ends_open_requests),
        TEST(rubbish_is_survived),
        TEST(listen_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
