/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <strings.h>

#include "kube/kubeconfig_priv.h"

/* The extension of a cluster entry that is handed to exec plugins as spec.cluster.config. */
#define EXEC_EXTENSION "client.authentication.k8s.io/exec"

/* ---- server ---- */

static const char *port_problem(struct moon_str port)
{
    uint64_t number;
    bool is_port = moon_parse_u64(port, &number) && number >= 1 && number <= 65535;
    return is_port ? NULL : "the port must be a number from 1 to 65535";
}

static const char *ipv6_problem(struct moon_str authority)
{
    const char *end = memchr(authority.ptr, ']', authority.len);
    if (end == NULL) {
        return "the IPv6 address has no closing bracket";
    }
    bool has_colon = false;
    for (const char *c = authority.ptr + 1; c < end; c++) {
        has_colon = has_colon || *c == ':';
        if (!isxdigit((unsigned char)*c) && *c != ':' && *c != '.') {
            return "only an IPv6 address may stand in brackets";
        }
    }
    if (!has_colon) {
        return "only an IPv6 address may stand in brackets";
    }
    size_t used = (size_t)(end - authority.ptr) + 1;
    struct moon_str rest = {end + 1, authority.len - used};
    if (rest.len == 0) {
        return NULL;
    }
    if (rest.ptr[0] != ':') {
        return "only a port may follow the IPv6 address";
    }
    return port_problem((struct moon_str){rest.ptr + 1, rest.len - 1});
}

static const char *authority_problem(struct moon_str authority)
{
    if (authority.len > 0 && memchr(authority.ptr, '@', authority.len) != NULL) {
        return "must not hold a user name or password; they belong in users";
    }
    if (authority.len > 0 && authority.ptr[0] == '[') {
        return ipv6_problem(authority);
    }
    struct moon_str port = authority;
    struct moon_str host = {0};
    (void)moon_str_split(&port, ':', &host);
    if (port.len > 0 && memchr(port.ptr, ':', port.len) != NULL) {
        return "an IPv6 address must stand in brackets: https://[::1]:6443";
    }
    if (host.len == 0) {
        return "has no host";
    }
    return host.len == authority.len ? NULL : port_problem(port);
}

const char *moon_kubeconfig_server_problem(const char *url)
{
    size_t scheme_len = 0;
    if (strncasecmp(url, "https://", 8) == 0) {
        scheme_len = 8;
    } else if (strncasecmp(url, "http://", 7) == 0) {
        scheme_len = 7;
    } else {
        return "must begin with https:// or http://";
    }
    for (const char *c = url; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '?' || *c == '#') {
            return "must not hold white space, '?' or '#'";
        }
    }
    const char *authority = url + scheme_len;
    return authority_problem((struct moon_str){authority, strcspn(authority, "/")});
}

char *moon_kubeconfig_without_slashes(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    return moon_strndup(url, len);
}

/* ---- the rest ---- */

static int read_server(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                       struct moon_err *err)
{
    MOON_AUTOFREE char *url = NULL;
    int rc = moon_kubeconfig_text(s, "server", &url, err);
    if (rc != 0) {
        return rc;
    }
    const char *problem = url == NULL ? "is missing" : moon_kubeconfig_server_problem(url);
    if (problem != NULL) {
        return moon_kubeconfig_bad(s, "server", err, "%s", problem);
    }
    k->server = moon_kubeconfig_without_slashes(url);
    return 0;
}

static int read_proxy(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                      struct moon_err *err)
{
    static const char *const SCHEMES[] = {"http://", "https://", "socks5://", "socks5h://"};
    int rc = moon_kubeconfig_text(s, "proxy-url", &k->proxy_url, err);
    if (rc != 0 || k->proxy_url == NULL) {
        return rc;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(SCHEMES); i++) {
        size_t len = strlen(SCHEMES[i]);
        if (strncasecmp(k->proxy_url, SCHEMES[i], len) == 0 && k->proxy_url[len] != '\0') {
            return 0;
        }
    }
    return moon_kubeconfig_bad(s, "proxy-url", err,
                               "must be http://, https:// or socks5://HOST:PORT");
}

static int read_trust(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                      struct moon_err *err)
{
    static const struct kubeconfig_pem CA = {"certificate-authority", "CERTIFICATE", false};
    int rc = moon_kubeconfig_bool(s, "insecure-skip-tls-verify", &k->tls.insecure, err);
    if (rc == 0) {
        rc = moon_kubeconfig_text(s, "tls-server-name", &k->tls.server_name, err);
    }
    if (rc == 0) {
        rc = moon_kubeconfig_pem(s, &CA, &k->tls.ca_file, &k->tls.ca_pem, err);
    }
    if (rc == 0 && k->tls.insecure && (k->tls.ca_file != NULL || k->tls.ca_pem != NULL)) {
        return moon_kubeconfig_bad(s, "insecure-skip-tls-verify", err,
                                   "contradicts certificate-authority: remove one of them");
    }
    return rc;
}

static int read_exec_extension(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                               struct moon_err *err)
{
    const cJSON *extensions = moon_json_member(s->json, "extensions");
    if (extensions != NULL && !cJSON_IsArray(extensions)) {
        return moon_kubeconfig_bad(s, "extensions", err, "must be a list");
    }
    const cJSON *entry;
    cJSON_ArrayForEach (entry, extensions) {
        const cJSON *value = moon_json_get(entry, "extension");
        if (value != NULL && moon_streq(moon_json_string(entry, "name"), EXEC_EXTENSION)) {
            char *text = cJSON_PrintUnformatted(value);
            k->exec.cluster_config = moon_strdup(text);
            cJSON_free(text);
            return 0;
        }
    }
    return 0;
}

int moon_kubeconfig_read_cluster(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                                 struct moon_err *err)
{
    int rc = read_server(s, k, err);
    if (rc == 0) {
        rc = read_proxy(s, k, err);
    }
    if (rc == 0) {
        rc = read_trust(s, k, err);
    }
    return rc != 0 ? rc : read_exec_extension(s, k, err);
}
