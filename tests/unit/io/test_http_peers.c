/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against a raw socket that says whatever it likes, and requests that cannot be made.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/io/http_outcome.h"

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
    char request[4096];     /* the last one */
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
    char *request = p->server->request;
    ssize_t n = recv(p->fd, request, sizeof p->server->request - 1, MSG_DONTWAIT);
    if (n <= 0) {
        peer_close(p);
        return;
    }
    request[n] = '\0';
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
    struct raw_server raw;
};

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    f->loop = moon_loop_new(NULL, &err);
    f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "moon/1"}, &err);
    raw_server_start(&f->raw, f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_http_free(f->http);
    raw_server_stop(&f->raw);
    moon_loop_free(f->loop);
    moon_free(f);
    return 0;
}

static const char *raw_url(struct fixture *f)
{
    static char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%d/raw", f->raw.port);
    return text;
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

/* ---- tests ---- */

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

static void a_proxy_is_asked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *url;
        const char *answer;
        const char *want; /* what the proxy is sent */
        bool failed;
    } cases[] = {
        {"http://api.example/x", "HTTP/1.1 204 No\r\n\r\n", "GET http://api.example/x HTTP/1.1\r\n",
         false},
        {"https://api.example/x", "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n",
         "CONNECT api.example:443 HTTP/1.1\r\n", true},
    };
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", f->raw.port);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o = outcome(f);
        f->raw.answer = moon_str(cases[i].answer);
        struct moon_http_request request = {
            .method = "GET", .url = cases[i].url, .proxy = proxy, .on_done = on_done, .ctx = &o};
        moon_http_send(f->http, &request);
        turn_until(f, &o.done, 1);
        assert_int_equal(o.failed, cases[i].failed);
        assert_int_equal(strncmp(f->raw.request, cases[i].want, strlen(cases[i].want)), 0);
        if (o.failed) {
            assert_int_equal(o.err.code, MOON_E_NETWORK);
        }
        outcome_fini(&o);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(misbehaving_servers),
        TEST(a_silent_server_times_out),
        TEST(requests_that_cannot_be_made),
        TEST(a_proxy_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
