/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is trusted over TLS: the client against `openssl s_server` with certificates made here.
 * Skipped where the openssl command is missing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/io/http_outcome.h"

#include "io/file.h"

struct fixture {
    char dir[64];
    pid_t server;
    int port;
    struct moon_loop *loop;
    struct moon_http *http;
};

static const char make_certificates[] =
    "cd %s && exec >/dev/null 2>&1 && ec='ec -pkeyopt ec_paramgen_curve:P-256 -nodes' && "
    "openssl req -x509 -newkey $ec -keyout ca.key -out ca.pem -subj /CN=ca -days 2 && "
    "openssl req -x509 -newkey $ec -keyout other.key -out other.pem -subj /CN=other -days 2 && "
    "echo subjectAltName=DNS:kube.example >ext && "
    "openssl req -newkey $ec -keyout server.key -out server.csr -subj /CN=server && "
    "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
    "-extfile ext -out server.pem && "
    "openssl req -newkey $ec -keyout client.key -out client.csr -subj /CN=moon-client && "
    "openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
    "-out client.pem";

/* s_server says on its first lines which port it has got. */
static int read_port(int fd)
{
    char text[4096];
    size_t len = 0;
    while (len + 1 < sizeof text) {
        ssize_t n = read(fd, text + len, sizeof text - 1 - len);
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
        text[len] = '\0';
        const char *accept = strstr(text, "ACCEPT ");
        if (accept != NULL && strchr(accept, '\n') != NULL) {
            return (int)strtol(strrchr(accept, ':') + 1, NULL, 10);
        }
    }
    return 0;
}

static void start_server(struct fixture *f)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    f->server = fork();
    if (f->server == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
        if (chdir(f->dir) == 0) {
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
                   "server.pem", "-key", "server.key", "-CAfile", "ca.pem", "-verify", "1", "-www",
                   "-servername", "kube.example", "-cert2", "server.pem", "-key2", "server.key",
                   (char *)NULL);
        }
        _exit(127);
    }
    close(out[1]);
    f->port = read_port(out[0]);
    close(out[0]);
    assert_true(f->port > 0);
}

static int group_setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    char command[2048];
    snprintf(f->dir, sizeof f->dir, "/tmp/moon-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(command, sizeof command, make_certificates, f->dir);
    *state = f;
    if (system(command) == 0) { // NOLINT: a fixed command
        start_server(f);
    }
    return 0;
}

static int group_teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    if (f->server > 0) {
        kill(f->server, SIGKILL);
        waitpid(f->server, NULL, 0);
    }
    snprintf(command, sizeof command, "rm -r %s", f->dir);
    assert_int_equal(system(command), 0); // NOLINT: a fixed command
    moon_free(f);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;
    f->loop = moon_loop_new(NULL, &err);
    f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "moon/1"}, &err);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_http_free(f->http);
    moon_loop_free(f->loop);
    return 0;
}

static char *path_of(const struct fixture *f, const char *name)
{
    return name != NULL ? moon_asprintf("%s/%s", f->dir, name) : NULL;
}

static char *text_of(const struct fixture *f, const char *name)
{
    struct moon_buf text = MOON_BUF_INIT(1 << 16);
    struct moon_err err;
    char *path = path_of(f, name);
    if (path == NULL) {
        return NULL;
    }
    assert_int_equal(moon_file_read(path, &text, &err), 0);
    moon_free(path);
    return moon_buf_take(&text, NULL);
}

struct tls_case {
    const char *what;
    const char *ca;
    const char *client; /* certificate */
    const char *server_name;
    bool insecure;
    const char *error; /* NULL: an answer */
};

/* With files, then with texts. */
static struct moon_tls make_tls(const struct fixture *f, const struct tls_case *c, bool texts)
{
    char *(*get)(const struct fixture *, const char *) = texts ? text_of : path_of;
    char *ca = get(f, c->ca);
    char *cert = get(f, c->client);
    char *key = get(f, c->client != NULL ? "client.key" : NULL);
    struct moon_tls tls = {.server_name = moon_strdup(c->server_name), .insecure = c->insecure};
    *(texts ? &tls.ca_pem : &tls.ca_file) = ca;
    *(texts ? &tls.cert_pem : &tls.cert_file) = cert;
    *(texts ? &tls.key_pem : &tls.key_file) = key;
    return tls;
}

static void check(struct fixture *f, const struct tls_case *c, bool texts)
{
    struct outcome o = outcome(f);
    struct moon_tls tls = make_tls(f, c, texts);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", f->port);
    struct moon_http_request request = {
        .method = "GET", .url = url, .tls = &tls, .proxy = "", .on_done = on_done, .ctx = &o};
    moon_http_send(f->http, &request);
    turn_until_count(f->loop, &o.done, 1);
    if (o.failed != (c->error != NULL)) {
        fail_msg("%s: %d %s", c->what, o.status, o.err.text);
    }
    if (o.failed) {
        assert_int_equal(o.err.code, MOON_E_NETWORK);
        assert_false(o.sent);
        if (strstr(o.err.text, c->error) == NULL ||
            (tls.ca_file != NULL && strstr(o.err.text, tls.ca_file) == NULL)) {
            fail_msg("%s: %s", c->what, o.err.text);
        }
    } else {
        const char *page = moon_buf_cstr(&o.body);
        assert_int_equal(strstr(page, "moon-client") != NULL, c->client != NULL);
    }
    moon_tls_fini(&tls);
    outcome_fini(&o);
}

static void trust(void **state)
{
    struct fixture *f = *state;
    if (f->server == 0) {
        skip();
    }
    static const struct tls_case cases[] = {
        {"right name", "ca.pem", NULL, "kube.example", false, NULL},
        {"client certificate", "ca.pem", "client.pem", "kube.example", false, NULL},
        {"no name to match the address", "ca.pem", NULL, NULL, false, "127.0.0.1"},
        {"another name", "ca.pem", NULL, "else.example", false, "else.example"},
        {"another authority", "other.pem", NULL, "kube.example", false, "certificate"},
        {"no authority of ours", NULL, NULL, "kube.example", false, "certificate"},
        {"insecure", NULL, NULL, NULL, true, NULL},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        check(f, &cases[i], false);
        check(f, &cases[i], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trust, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
