/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/auth.h"
#include "kube/exec.h"

enum {
    DEADLINE_S = 10
};

#define V1 "client.authentication.k8s.io/v1"

struct fixture {
    struct moon_loop *loop;
    struct moon_kubeconfig *config;
    struct moon_auth *auth;
    char path[64]; /* a file the test may write */
    int told;
    bool is_fine;
    struct moon_err err;
    struct moon_auth_wait *cancel_me;
};

static void write_file(const struct fixture *f, const char *content)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    struct moon_err err;
    struct fixture *f = moon_new(struct fixture);
    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(f->loop);
    f->config = moon_kubeconfig_for_server("https://h");
    snprintf(f->path, sizeof(f->path), "/tmp/moonset-auth.XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_auth_free(f->auth);
    moon_kubeconfig_free(f->config);
    moon_loop_free(f->loop);
    (void)unlink(f->path);
    moon_free(f);
    return 0;
}

static void start(struct fixture *f)
{
    struct moon_err err = {0};
    f->auth = moon_auth_new(f->loop, f->config, &err);
    if (f->auth == NULL) {
        fail_msg("%s", err.text);
    }
}

/* The plugin is a shell that prints what $PLUGIN in `script` says. */
static void use_plugin(struct fixture *f, const char *script)
{
    f->config->exec.argv = moon_new_array(char *, 5);
    f->config->exec.argv[0] = moon_strdup("sh");
    f->config->exec.argv[1] = moon_strdup("-c");
    f->config->exec.argv[2] = moon_strdup(script);
    f->config->exec.argv[3] = moon_strdup(f->path);
    f->config->exec.api_version = moon_strdup(V1);
}

static const char *header(struct fixture *f)
{
    const char *text = "(not ready)";
    const struct moon_tls *tls;
    (void)moon_auth_ready(f->auth, &text, &tls);
    return text;
}

static bool is_ready(struct fixture *f)
{
    const char *text;
    const struct moon_tls *tls;
    return moon_auth_ready(f->auth, &text, &tls);
}

static void told(const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    f->told++;
    f->is_fine = err == NULL;
    f->err = err != NULL ? *err : (struct moon_err){0};
    if (f->cancel_me != NULL) {
        moon_auth_wait_cancel(f->cancel_me);
        f->cancel_me = NULL;
    }
}

static void turn_until_told(struct fixture *f, int wanted)
{
    time_t end = time(NULL) + DEADLINE_S;
    while (f->told < wanted && time(NULL) <= end) {
        moon_loop_turn(f->loop, 20);
    }
    assert_int_equal(f->told, wanted);
}

static void wait_told(struct fixture *f)
{
    int before = f->told;
    moon_auth_wait(f->auth, told, f);
    assert_int_equal(f->told, before);
    turn_until_told(f, before + 1);
}

/* ---- what never changes ---- */

static void test_nothing(void **state)
{
    struct fixture *f = *state;
    const char *text = "x";
    const struct moon_tls *tls = NULL;
    start(f);
    assert_true(moon_auth_ready(f->auth, &text, &tls));
    assert_null(text);
    assert_ptr_equal(tls, &f->config->tls);
    assert_false(moon_auth_rejected(f->auth, NULL));
    wait_told(f);
    assert_true(f->is_fine);
}

static void test_password(void **state)
{
    struct fixture *f = *state;
    f->config->username = moon_strdup("Aladdin");
    f->config->password = moon_strdup("open sesame");
    start(f);
    assert_string_equal(header(f), "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

static void test_token_wins_over_plugin(void **state)
{
    struct fixture *f = *state;
    f->config->token = moon_strdup("fixed");
    use_plugin(f, "false");
    start(f);
    assert_string_equal(header(f), "Authorization: Bearer fixed");
    assert_false(moon_auth_rejected(f->auth, "Authorization: Bearer fixed"));
}

static void test_a_token_cannot_add_headers(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;
    f->config->token = moon_strdup("a\r\nX-Other: b");
    assert_null(moon_auth_new(f->loop, f->config, &err));
    assert_int_equal(err.code, MOON_E_INVALID);
    assert_null(strstr(err.text, "X-Other"));
}

/* ---- token file ---- */

static void test_token_file_rotates(void **state)
{
    struct fixture *f = *state;
    f->config->token_file = moon_strdup(f->path);
    f->config->token = moon_strdup("not this");
    write_file(f, "one\n");
    start(f);
    assert_string_equal(header(f), "Authorization: Bearer one");
    write_file(f, "second\n");
    assert_string_equal(header(f), "Authorization: Bearer second");
}

static void test_token_file_is_read_again_after_a_minute(void **state)
{
    struct fixture *f = *state;
    const struct timespec same[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    f->config->token_file = moon_strdup(f->path);
    write_file(f, "one");
    assert_int_equal(utimensat(AT_FDCWD, f->path, same, 0), 0);
    start(f);
    assert_string_equal(header(f), "Authorization: Bearer one");
    write_file(f, "two"); /* same size, same time: nothing shows that it has changed */
    assert_int_equal(utimensat(AT_FDCWD, f->path, same, 0), 0);
    moon_loop_advance(f->loop, 59999);
    assert_string_equal(header(f), "Authorization: Bearer one");
    moon_loop_advance(f->loop, 1);
    assert_string_equal(header(f), "Authorization: Bearer two");

    write_file(f, "six");
    assert_int_equal(utimensat(AT_FDCWD, f->path, same, 0), 0);
    assert_true(moon_auth_rejected(f->auth, "Authorization: Bearer two"));
    assert_string_equal(header(f), "Authorization: Bearer six");
    assert_false(moon_auth_rejected(f->auth, header(f)));
    assert_true(moon_auth_rejected(f->auth, "Authorization: Bearer two"));
}

static void test_token_file_gone(void **state)
{
    struct fixture *f = *state;
    f->config->token_file = moon_strdup(f->path);
    write_file(f, "one");
    start(f);
    assert_string_equal(header(f), "Authorization: Bearer one");
    assert_int_equal(unlink(f->path), 0);
    assert_string_equal(header(f), "Authorization: Bearer one");
    write_file(f, " \n"); /* being written */
    assert_string_equal(header(f), "Authorization: Bearer one");
}

static void test_token_file_never_there(void **state)
{
    struct fixture *f = *state;
    f->config->token_file = moon_strdup("/nowhere/token");
    start(f);
    assert_false(is_ready(f));
    wait_told(f);
    assert_false(f->is_fine);
    assert_non_null(strstr(f->err.text, "/nowhere/token"));
}

static void test_token_file_empty(void **state)
{
    struct fixture *f = *state;
    f->config->token_file = moon_strdup(f->path);
    start(f);
    assert_false(is_ready(f));
    wait_told(f);
    assert_non_null(strstr(f->err.text, ": the token is empty"));
    write_file(f, "late");
    wait_told(f);
    assert_true(f->is_fine);
    assert_string_equal(header(f), "Authorization: Bearer late");
}

/* ---- plugin ---- */

/* Prints a credential and counts its runs in the file; $1 more members of the status. */
#define PLUGIN(status)                                                                             \
    "echo x >> \"$0\"; n=$(grep -c x \"$0\"); echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"  \
    "\"" V1 "\",\"status\":{" status "}}'"
#define TOKEN "\"token\":\"t'$n'\""

static void test_plugin(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, PLUGIN(TOKEN));
    start(f);
    assert_false(is_ready(f));
    /* Many wait for one run. */
    moon_auth_wait(f->auth, told, f);
    moon_auth_wait(f->auth, told, f);
    f->cancel_me = moon_auth_wait(f->auth, told, f);
    moon_auth_wait_cancel(moon_auth_wait(f->auth, told, f));
    turn_until_told(f, 2);
    assert_true(f->is_fine);
    assert_string_equal(header(f), "Authorization: Bearer t1");

    /* 401: the next one. Late answers to the first change nothing. */
    assert_true(moon_auth_rejected(f->auth, "Authorization: Bearer t1"));
    assert_false(is_ready(f));
    wait_told(f);
    assert_string_equal(header(f), "Authorization: Bearer t2");
    assert_true(moon_auth_rejected(f->auth, "Authorization: Bearer t1"));
    assert_string_equal(header(f), "Authorization: Bearer t2");
    wait_told(f); /* nothing to wait for: told all the same, without a run */
    assert_string_equal(header(f), "Authorization: Bearer t2");
}

static void test_plugin_expiry(void **state)
{
    struct fixture *f = *state;
    /* The virtual clock starts at 2026-01-01. */
    use_plugin(f, PLUGIN(TOKEN ",\"expirationTimestamp\":\"2026-01-01T0'$n':00:00Z\""));
    start(f);
    wait_told(f);
    assert_true(f->is_fine);
    moon_loop_advance(f->loop, 3599 * 1000);
    assert_string_equal(header(f), "Authorization: Bearer t1");
    moon_loop_advance(f->loop, 1000);
    assert_false(is_ready(f));
    wait_told(f);
    assert_string_equal(header(f), "Authorization: Bearer t2");
}

static void test_plugin_expired(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, PLUGIN(TOKEN ",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\""));
    start(f);
    wait_told(f);
    assert_false(f->is_fine);
    assert_non_null(strstr(f->err.text, "expired at 2020-01-01T00:00:00Z"));
}

static void test_plugin_certificate(void **state)
{
    struct fixture *f = *state;
    const char *text;
    const struct moon_tls *tls;
    f->config->tls.ca_file = moon_strdup("/ca");
    use_plugin(f, PLUGIN("\"clientCertificateData\":\"cert'$n'\",\"clientKeyData\":\"key'$n'\""));
    start(f);
    wait_told(f);
    assert_true(moon_auth_ready(f->auth, &text, &tls));
    assert_null(text);
    assert_string_equal(tls->cert_pem, "cert1");
    assert_string_equal(tls->key_pem, "key1");
    assert_string_equal(tls->ca_file, "/ca");
    /* Answers to requests sent before do not run the plugin once each. */
    assert_true(moon_auth_rejected(f->auth, NULL));
    assert_true(is_ready(f));
    moon_loop_advance(f->loop, 10000);
    assert_true(moon_auth_rejected(f->auth, NULL));
    assert_false(is_ready(f));
    wait_told(f);
    assert_true(moon_auth_ready(f->auth, &text, &tls));
    assert_string_equal(tls->cert_pem, "cert2");
}

static void test_plugin_fails(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, "echo x >> \"$0\"; echo who are you >&2; exit 3");
    start(f);
    wait_told(f);
    assert_false(f->is_fine);
    assert_non_null(strstr(f->err.text, "credential plugin sh: "));
    assert_non_null(strstr(f->err.text, "who are you"));

    struct stat before;
    struct stat after;
    assert_int_equal(stat(f->path, &before), 0);
    wait_told(f); /* within a second: the same answer, no run */
    assert_non_null(strstr(f->err.text, "who are you"));
    assert_int_equal(stat(f->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    moon_loop_advance(f->loop, 1000);
    wait_told(f);
    assert_int_equal(stat(f->path, &after), 0);
    assert_int_not_equal(before.st_size, after.st_size);
}

static void test_plugin_missing(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, "");
    moon_free(f->config->exec.argv[0]);
    f->config->exec.argv[0] = moon_strdup("no-such-plugin-anywhere");
    f->config->exec.install_hint = moon_strdup("get it from there");
    start(f);
    wait_told(f);
    assert_false(f->is_fine);
    assert_non_null(strstr(f->err.text, "no-such-plugin-anywhere"));
    assert_non_null(strstr(f->err.text, "; get it from there"));
}

static void test_plugin_is_told(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, "printf %s \"$KUBERNETES_EXEC_INFO $A\" > \"$0\"; exit 1");
    f->config->exec.env = moon_new_array(char *, 2);
    f->config->exec.env[0] = moon_strdup("A=b");
    f->config->exec.provide_cluster_info = true;
    f->config->exec.cluster_config = moon_strdup("{\"audience\":\"x\"}");
    f->config->tls.ca_pem = moon_strdup("foo");
    f->config->tls.server_name = moon_strdup("n");
    f->config->tls.insecure = true;
    start(f);
    wait_told(f);
    char text[1024] = "";
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                              "\",\"spec\":{\"interactive\":false,\"cluster\":{\"server\":"
                              "\"https://h\",\"tls-server-name\":\"n\","
                              "\"insecure-skip-tls-verify\":true,"
                              "\"certificate-authority-data\":\"Zm9v\","
                              "\"config\":{\"audience\":\"x\"}}}} b");
}

static void test_plugin_cannot_be_told(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, "true");
    f->config->exec.provide_cluster_info = true;
    f->config->tls.ca_file = moon_strdup("/nowhere/ca");
    start(f);
    wait_told(f);
    assert_non_null(strstr(f->err.text, "/nowhere/ca"));
}

static void free_auth(const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    (void)err;
    moon_auth_free(f->auth);
    f->auth = NULL;
    f->told++;
}

static void test_freed_while_waiting(void **state)
{
    struct fixture *f = *state;
    use_plugin(f, "exec cat"); /* would wait for ever */
    start(f);
    moon_auth_wait(f->auth, told, f);
    moon_auth_free(f->auth);
    f->auth = NULL;
    for (int i = 0; i < 5; i++) {
        moon_loop_turn(f->loop, 5);
    }
    assert_int_equal(f->told, 0);

    moon_free(f->config->exec.argv[2]);
    f->config->exec.argv[2] = moon_strdup("exit 1");
    start(f);
    moon_auth_wait(f->auth, free_auth, f);
    moon_auth_wait(f->auth, told, f);
    turn_until_told(f, 1);
}

/* ---- what a plugin may print ---- */

#define CREDENTIAL(status)                                                                         \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}"

static void test_wrong_output(void **state)
{
    static const struct {
        const char *output;
        const char *expected;
    } CASES[] = {
        {"", "it printed no JSON"},
        {"token secret", "it printed no JSON"},
        {"{\"kind\":\"Pod\",\"apiVersion\":\"" V1 "\"}", "it printed no ExecCredential"},
        {"[]", "it printed no ExecCredential"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "beta1\",\"status\":{}}",
         "it answered in apiVersion " V1 "beta1, not " V1},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}", "neither a token"},
        {CREDENTIAL(""), "neither a token"},
        {CREDENTIAL("\"token\":\"\""), "neither a token"},
        {CREDENTIAL("\"token\":7"), "neither a token"},
        {CREDENTIAL("\"clientKeyData\":\"secret\""), "only one of"},
        {CREDENTIAL("\"token\":\"secret\",\"expirationTimestamp\":\"soon\""), "is not a time"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct moon_exec_credential c;
        struct moon_err err = {0};
        int rc = moon_exec_parse(moon_str(CASES[i].output), V1, &c, &err);
        if (rc == 0 || strstr(err.text, CASES[i].expected) == NULL ||
            strstr(err.text, "secret") != NULL) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, err.text, CASES[i].expected);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing),
        TEST(test_password),
        TEST(test_token_wins_over_plugin),
        TEST(test_a_token_cannot_add_headers),
        TEST(test_token_file_rotates),
        TEST(test_token_file_is_read_again_after_a_minute),
        TEST(test_token_file_gone),
        TEST(test_token_file_never_there),
        TEST(test_token_file_empty),
        TEST(test_plugin),
        TEST(test_plugin_expiry),
        TEST(test_plugin_expired),
        TEST(test_plugin_certificate),
        TEST(test_plugin_fails),
        TEST(test_plugin_missing),
        TEST(test_plugin_is_told),
        TEST(test_plugin_cannot_be_told),
        TEST(test_freed_while_waiting),
        cmocka_unit_test(test_wrong_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
