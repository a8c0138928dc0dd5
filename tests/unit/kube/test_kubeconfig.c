/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/kubeconfig.h"
#include "kube/kubeconfig_priv.h"

#define CERT "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
/* CERT and KEY in base64. */
#define CERT_DATA "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define KEY_DATA                                                                                   \
    "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCkFBQUEKLS0tLS1FTkQgRUMgUFJJVkFURSBLRVktLS0tLQo="

/* A file whose cluster and user are what a case is about. */
#define CONFIG(cluster, user)                                                                      \
    "apiVersion: v1\nkind: Config\ncurrent-context: c\n"                                           \
    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"                                      \
    "clusters: [{name: k, cluster: {" cluster "}}]\n"                                              \
    "users: [{name: u, user: {" user "}}]\n"
#define SERVER "server: 'https://h:6443'"

static char folder[64];

static void write_file(const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char *in_folder(const char *name)
{
    return moon_asprintf("%s/%s", folder, name);
}

static struct moon_kubeconfig *load(const char *content, const char *context, struct moon_err *err)
{
    write_file("config", content);
    MOON_AUTOFREE char *path = in_folder("config");
    return moon_kubeconfig_load(&(struct moon_kubeconfig_opts){.path = path, .context = context},
                                err);
}

static struct moon_kubeconfig *load_fine(const char *content)
{
    struct moon_err err = {0};
    struct moon_kubeconfig *k = load(content, NULL, &err);
    if (k == NULL) {
        fail_msg("%s", err.text);
    }
    return k;
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/moonset-kubeconfig.XXXXXX");
    assert_non_null(mkdtemp(folder));
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    setenv("HOME", folder, 1);
    write_file("ca.crt", CERT);
    write_file("u.crt", CERT);
    write_file("u.key", KEY);
    write_file("token", "secret\n");
    return 0;
}

static int teardown(void **state)
{
    static const char *const NAMES[] = {"config", "second", "ca.crt",    "u.crt",        "u.key",
                                        "token",  "empty",  "namespace", ".kube/config", ".kube"};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(NAMES); i++) {
        MOON_AUTOFREE char *path = in_folder(NAMES[i]);
        (void)remove(path);
    }
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* ---- what is read ---- */

static void test_files_relative_to_the_config(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(
        CONFIG(SERVER ", certificate-authority: ca.crt, tls-server-name: other",
               "client-certificate: u.crt, client-key: ./u.key, tokenFile: token, token: older"));
    MOON_AUTOFREE char *ca = in_folder("ca.crt");
    MOON_AUTOFREE char *key = in_folder("./u.key");
    MOON_AUTOFREE char *token = in_folder("token");
    assert_string_equal(k->server, "https://h:6443");
    assert_string_equal(k->namespace, "default");
    assert_string_equal(k->tls.ca_file, ca);
    assert_string_equal(k->tls.key_file, key);
    assert_string_equal(k->token_file, token);
    assert_string_equal(k->tls.server_name, "other");
    assert_string_equal(k->token, "older");
    assert_null(k->proxy_url);
    assert_false(k->tls.insecure);
    moon_kubeconfig_free(k);
}

static void test_data_wins_over_files(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(
        CONFIG(SERVER ", certificate-authority: missing, certificate-authority-data: " CERT_DATA,
               "client-certificate-data: " CERT_DATA ", client-key-data: " KEY_DATA));
    assert_string_equal(k->tls.ca_pem, CERT);
    assert_null(k->tls.ca_file);
    assert_string_equal(k->tls.cert_pem, CERT);
    assert_string_equal(k->tls.key_pem, KEY);
    moon_kubeconfig_free(k);
}

static void test_the_rest_of_cluster_and_user(void **state)
{
    (void)state;
    struct moon_kubeconfig *k =
        load_fine(CONFIG("server: 'https://[fd00::1]:6443/prefix//', proxy-url: 'socks5://p:1', "
                         "insecure-skip-tls-verify: true",
                         "username: me, password: 'pass word'"));
    assert_string_equal(k->server, "https://[fd00::1]:6443/prefix");
    assert_string_equal(k->proxy_url, "socks5://p:1");
    assert_true(k->tls.insecure);
    assert_string_equal(k->username, "me");
    assert_string_equal(k->password, "pass word");
    moon_kubeconfig_free(k);
}

static void test_exec(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(CONFIG(
        SERVER ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: 1}}]",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/plugin, "
        "args: [one, 'two 2'], env: [{name: A, value: b=c}], interactiveMode: IfAvailable, "
        "installHint: get it, provideClusterInfo: true}"));
    MOON_AUTOFREE char *command = in_folder("bin/plugin");
    assert_string_equal(k->exec.argv[0], command);
    assert_string_equal(k->exec.argv[1], "one");
    assert_string_equal(k->exec.argv[2], "two 2");
    assert_null(k->exec.argv[3]);
    assert_string_equal(k->exec.env[0], "A=b=c");
    assert_null(k->exec.env[1]);
    assert_string_equal(k->exec.install_hint, "get it");
    assert_string_equal(k->exec.cluster_config, "{\"a\":1}");
    assert_true(k->exec.provide_cluster_info);
    moon_kubeconfig_free(k);
}

static void test_a_command_in_path_stays_as_it_is(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(CONFIG(
        SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: plugin}"));
    assert_string_equal(k->exec.argv[0], "plugin");
    assert_null(k->exec.argv[1]);
    assert_null(k->exec.env);
    moon_kubeconfig_free(k);
}

static void test_anonymous(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, namespace: ns}}]\n"
        "clusters: [{name: k, cluster: {" SERVER "}}]\n");
    assert_string_equal(k->namespace, "ns");
    assert_null(k->token);
    assert_null(k->exec.argv);
    moon_kubeconfig_free(k);
}

/* ---- which context, which file ---- */

#define TWO_CONTEXTS                                                                               \
    "contexts: [{name: a, context: {cluster: k}}, {name: b, context: {cluster: l}}]\n"             \
    "clusters: [{name: k, cluster: {server: 'http://k'}}, {name: l, cluster: {server: "            \
    "'http://l'}}]\n"

static void test_context(void **state)
{
    (void)state;
    struct moon_err err;
    struct moon_kubeconfig *k = load("current-context: a\n" TWO_CONTEXTS, "b", &err);
    assert_non_null(k);
    assert_string_equal(k->server, "http://l");
    moon_kubeconfig_free(k);

    assert_null(load("current-context: a\n" TWO_CONTEXTS, "c", &err));
    assert_non_null(strstr(err.text, "there is none named \"c\" (there are: \"a\", \"b\")"));
    assert_null(load(TWO_CONTEXTS, NULL, &err));
    assert_non_null(strstr(err.text, "current-context: is not set"));
}

static void test_several_files(void **state)
{
    (void)state;
    struct moon_err err;
    write_file("config",
               "current-context: c\nclusters: [{name: k, cluster: {server: 'http://1'}}]");
    write_file("second", "current-context: d\ncontexts: [{name: c, context: {cluster: k}}]\n"
                         "clusters: [{name: k, cluster: {server: 'http://2'}}]");
    MOON_AUTOFREE char *list =
        moon_asprintf("%s/missing:%s/config::%s/second", folder, folder, folder);
    setenv("KUBECONFIG", list, 1);
    struct moon_kubeconfig *k = moon_kubeconfig_load(&(struct moon_kubeconfig_opts){0}, &err);
    assert_non_null(k);
    assert_string_equal(k->server, "http://1");
    moon_kubeconfig_free(k);

    setenv("KUBECONFIG", "/nowhere/a:/nowhere/b", 1);
    assert_null(moon_kubeconfig_load(&(struct moon_kubeconfig_opts){0}, &err));
    assert_int_equal(err.code, MOON_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/a:/nowhere/b"));
}

static void test_home(void **state)
{
    (void)state;
    struct moon_err err;
    MOON_AUTOFREE char *kube = in_folder(".kube");
    assert_null(moon_kubeconfig_load(&(struct moon_kubeconfig_opts){0}, &err));
    assert_int_equal(err.code, MOON_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "/.kube/config does not exist"));

    assert_int_equal(mkdir(kube, 0700), 0);
    write_file(".kube/config", CONFIG(SERVER, ""));
    struct moon_kubeconfig *k = moon_kubeconfig_load(&(struct moon_kubeconfig_opts){0}, &err);
    assert_non_null(k);
    moon_kubeconfig_free(k);
}

static void test_in_cluster(void **state)
{
    (void)state;
    struct moon_err err;
    assert_false(moon_kubeconfig_is_in_cluster(folder));
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    assert_false(moon_kubeconfig_is_in_cluster("/nowhere"));
    assert_true(moon_kubeconfig_is_in_cluster(folder));
    write_file("namespace", "moonset-system\n");
    struct moon_kubeconfig *k = moon_kubeconfig_in_cluster(folder, &err);
    MOON_AUTOFREE char *token = in_folder("token");
    assert_string_equal(k->server, "https://10.96.0.1:443");
    assert_string_equal(k->namespace, "moonset-system");
    assert_string_equal(k->token_file, token);
    assert_string_equal(k->source, "in-cluster");
    moon_kubeconfig_free(k);

    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    k = moon_kubeconfig_in_cluster(folder, &err);
    assert_string_equal(k->server, "https://[fd00::1]:443");
    moon_kubeconfig_free(k);

    write_file("namespace", "not a name");
    assert_null(moon_kubeconfig_in_cluster(folder, &err));
    assert_non_null(strstr(err.text, "/namespace: is not the name of a namespace"));
    setenv("KUBERNETES_SERVICE_PORT", "no", 1);
    assert_null(moon_kubeconfig_in_cluster(folder, &err));
    assert_non_null(strstr(err.text, "port"));
}

static void test_for_server(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = moon_kubeconfig_for_server("http://127.0.0.1:80/");
    assert_string_equal(k->server, "http://127.0.0.1:80");
    assert_string_equal(k->namespace, "default");
    moon_kubeconfig_free(k);
}

/* ---- what is wrong: the error names file and field ---- */

static void test_wrong_fields(void **state)
{
    static const struct {
        const char *content;
        const char *expected; /* in the text, after the file's name */
    } CASES[] = {
        {"", "/config: is empty"},
        {"- a", "/config: is not a kubeconfig file"},
        {"kind: Pod", "/config: kind: is \"Pod\", not \"Config\""},
        {"apiVersion: v2", "/config: apiVersion: is \"v2\""},
        {"current-context: 1", "/config: current-context: must be text"},
        {"current-context: c", "/config: contexts: there is none named \"c\" (there are: none)"},
        {"current-context: c\ncontexts: {}", "/config: contexts: must be a list"},
        {"current-context: c\ncontexts: [{context: {}}]", "contexts[0].name: is missing"},
        {"current-context: c\ncontexts: [{name: 1}]", "contexts[0].name: must be text"},
        {"current-context: c\ncontexts: [{name: c}]", "contexts[c].context: is missing"},
        {"current-context: c\ncontexts: [{name: c, context: x}]", "contexts[c].context: must be"},
        {"current-context: c\ncontexts: [{name: c}, {name: c}]", "contexts[c]: is there twice"},
        {"current-context: c\ncontexts: [{name: c, context: {}}]",
         "contexts[c].context.cluster: is missing"},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]",
         "clusters: there is none named \"k\""},
        {CONFIG("", ""), "clusters[k].cluster.server: is missing"},
        {CONFIG("server: 1", ""), "clusters[k].cluster.server: must be text (put it in quotes)"},
        {CONFIG("server: []", ""), "clusters[k].cluster.server: must be text"},
        {CONFIG("server: 'h:6443'", ""), "cluster.server: must begin with https://"},
        {CONFIG("server: 'https://'", ""), "cluster.server: has no host"},
        {CONFIG("server: 'https://:80'", ""), "cluster.server: has no host"},
        {CONFIG("server: 'https://h:0'", ""), "cluster.server: the port must be"},
        {CONFIG("server: 'https://h:65536'", ""), "cluster.server: the port must be"},
        {CONFIG("server: 'https://h:'", ""), "cluster.server: the port must be"},
        {CONFIG("server: 'https://::1:6443'", ""), "cluster.server: an IPv6 address must stand"},
        {CONFIG("server: 'https://[::1'", ""), "cluster.server: the IPv6 address has no closing"},
        {CONFIG("server: 'https://[h]:1'", ""), "cluster.server: only an IPv6 address may stand"},
        {CONFIG("server: 'https://[::1]6443'", ""), "cluster.server: only a port may follow"},
        {CONFIG("server: 'https://me:pw@h'", ""), "cluster.server: must not hold a user name"},
        {CONFIG("server: 'https://h?a=b'", ""), "cluster.server: must not hold white space"},
        {CONFIG("server: 'https://h /'", ""), "cluster.server: must not hold white space"},
        {CONFIG(SERVER ", proxy-url: 'ftp://p'", ""), "cluster.proxy-url: must be http://"},
        {CONFIG(SERVER ", certificate-authority: none", ""),
         "clusters[k].cluster.certificate-authority: "},
        {CONFIG(SERVER ", certificate-authority: token", ""), "holds no PEM block \"CERTIFICATE\""},
        {CONFIG(SERVER ", certificate-authority: .", ""), "cluster.certificate-authority: "},
        {CONFIG(SERVER ", certificate-authority-data: '*'", ""),
         "clusters[k].cluster.certificate-authority-data: is not base64"},
        {CONFIG(SERVER ", certificate-authority-data: AAAA", ""),
         "certificate-authority-data: holds no PEM block"},
        {CONFIG(SERVER ", certificate-authority-data: " KEY_DATA, ""),
         "certificate-authority-data: holds no PEM block"},
        {CONFIG(SERVER ", insecure-skip-tls-verify: 'yes'", ""),
         "insecure-skip-tls-verify: must be true or false"},
        {CONFIG(SERVER ", insecure-skip-tls-verify: true, certificate-authority: ca.crt", ""),
         "insecure-skip-tls-verify: contradicts certificate-authority"},
        {CONFIG(SERVER, "client-certificate: u.crt"), "users[u].user.client-key: is missing"},
        {CONFIG(SERVER, "client-key: u.key"), "users[u].user.client-certificate: is missing"},
        {CONFIG(SERVER, "client-certificate: u.crt, client-key: u.crt"), "client-key: "},
        {CONFIG(SERVER, "token: 12345"), "users[u].user.token: must be text (put it in quotes)"},
        {CONFIG(SERVER, "tokenFile: none"), "users[u].user.tokenFile: cannot read"},
        {CONFIG(SERVER, "password: x"), "users[u].user.password: is given without username"},
        {CONFIG(SERVER, "username: 'a:b', password: x"), "user.username: must not hold ':'"},
        {CONFIG(SERVER, "username: a, token: t"), "user.username: contradicts token"},
        {CONFIG(SERVER, "auth-provider: {name: gcp}"), "users[u].user.auth-provider: \"gcp\""},
        {CONFIG(SERVER, "as: root"), "users[u].user.as: impersonation is not supported"},
        {CONFIG(SERVER, "as-groups: [a]"), "user.as-groups: impersonation is not supported"},
        {CONFIG(SERVER, "exec: x"), "users[u].user.exec: must be an object"},
        {CONFIG(SERVER, "exec: {command: x}"), "users[u].user.exec.apiVersion: must be"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}"),
         "exec.apiVersion: must be client.authentication.k8s.io/v1 or"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1}"),
         "users[u].user.exec.command: is missing"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                        "args: [1]}"),
         "users[u].user.exec.args: entry 1 must be text"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                        "args: a}"),
         "users[u].user.exec.args: must be a list"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                        "env: [{name: A}]}"),
         "users[u].user.exec.env: entry 1"},
        {CONFIG(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                        "interactiveMode: Always}"),
         "users[u].user.exec.interactiveMode: \"Always\""},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct moon_err err = {0};
        struct moon_kubeconfig *k = load(CASES[i].content, NULL, &err);
        if (k != NULL || err.code != MOON_E_INVALID ||
            strstr(err.text, CASES[i].expected) == NULL || strstr(err.text, folder) == NULL) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, err.text, CASES[i].expected);
        }
    }
}

static void test_what_is_not_used_is_not_read(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = load_fine(
        "current-context: c\nunknown: 1\ncontexts: [{name: c, context: {cluster: k, user: u, x: "
        "y}}]\n"
        "clusters: [{name: k, cluster: {" SERVER "}}, {name: broken, cluster: 7}]\n"
        "users: [{name: u, user: {token: t}}, {name: broken, user: {auth-provider: {}}}]\n");
    moon_kubeconfig_free(k);
}

static void test_broken_files(void **state)
{
    struct moon_err err;
    (void)state;
    assert_null(load("a: [", NULL, &err));
    assert_non_null(strstr(err.text, folder));
    assert_null(moon_kubeconfig_load(&(struct moon_kubeconfig_opts){.path = "/nowhere/x"}, &err));
    assert_non_null(strstr(err.text, "/nowhere/x"));
    assert_null(moon_kubeconfig_load(&(struct moon_kubeconfig_opts){.path = folder}, &err));
    assert_non_null(strstr(err.text, folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files_relative_to_the_config),
        TEST(test_data_wins_over_files),
        TEST(test_the_rest_of_cluster_and_user),
        TEST(test_exec),
        TEST(test_a_command_in_path_stays_as_it_is),
        TEST(test_anonymous),
        TEST(test_context),
        TEST(test_several_files),
        TEST(test_home),
        TEST(test_in_cluster),
        TEST(test_for_server),
        TEST(test_wrong_fields),
        TEST(test_what_is_not_used_is_not_read),
        TEST(test_broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
