/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/file.h"
#include "kube/kubeconfig_priv.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define DEFAULT_NAMESPACE "default"

/* An empty variable counts as none. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

void moon_kubeconfig_free(struct moon_kubeconfig *k)
{
    if (k == NULL) {
        return;
    }
    moon_free(k->server);
    moon_free(k->namespace);
    moon_free(k->proxy_url);
    moon_tls_fini(&k->tls);
    moon_free(k->token);
    moon_free(k->token_file);
    moon_free(k->username);
    moon_free(k->password);
    moon_kubeconfig_exec_fini(&k->exec);
    moon_free(k->source);
    moon_free(k);
}

struct moon_kubeconfig *moon_kubeconfig_for_server(const char *server)
{
    struct moon_kubeconfig *k = moon_new(struct moon_kubeconfig);
    k->server = moon_kubeconfig_without_slashes(server);
    k->namespace = moon_strdup(DEFAULT_NAMESPACE);
    k->source = moon_strdup(server);
    return k;
}

/* ---- files ---- */

static int use_cluster(const struct kubeconfig_files *files, const char *name,
                       struct moon_kubeconfig *k, struct moon_err *err)
{
    struct kubeconfig_section cluster = {0};
    int rc = moon_kubeconfig_section_find(files, "clusters", "cluster", name, &cluster, err);
    if (rc == 0) {
        rc = moon_kubeconfig_read_cluster(&cluster, k, err);
    }
    moon_kubeconfig_section_fini(&cluster);
    return rc;
}

static int use_user(const struct kubeconfig_files *files, const char *name,
                    struct moon_kubeconfig *k, struct moon_err *err)
{
    struct kubeconfig_section user = {0};
    int rc = moon_kubeconfig_section_find(files, "users", "user", name, &user, err);
    if (rc == 0) {
        rc = moon_kubeconfig_read_user(&user, k, err);
    }
    moon_kubeconfig_section_fini(&user);
    return rc;
}

static int use_context(const struct kubeconfig_files *files,
                       const struct kubeconfig_section *context, struct moon_kubeconfig *k,
                       struct moon_err *err)
{
    MOON_AUTOFREE char *cluster = NULL;
    MOON_AUTOFREE char *user = NULL;
    int rc = moon_kubeconfig_text(context, "cluster", &cluster, err);
    if (rc == 0) {
        rc = moon_kubeconfig_text(context, "user", &user, err);
    }
    if (rc == 0) {
        rc = moon_kubeconfig_text(context, "namespace", &k->namespace, err);
    }
    if (rc == 0 && cluster == NULL) {
        return moon_kubeconfig_bad(context, "cluster", err, "is missing");
    }
    if (rc == 0) {
        rc = use_cluster(files, cluster, k, err);
    }
    /* No user: anonymous, as kubectl has it. */
    return rc != 0 || user == NULL ? rc : use_user(files, user, k, err);
}

static int use_context_named(const struct kubeconfig_files *files, const char *name,
                             struct moon_kubeconfig *k, struct moon_err *err)
{
    struct kubeconfig_section context = {0};
    int rc = moon_kubeconfig_section_find(files, "contexts", "context", name, &context, err);
    if (rc == 0) {
        rc = use_context(files, &context, k, err);
    }
    if (rc == 0) {
        k->source = moon_asprintf("%s context %s", context.file->path, name);
    }
    moon_kubeconfig_section_fini(&context);
    return rc;
}

static struct moon_kubeconfig *from_files(const struct kubeconfig_files *files, const char *context,
                                          struct moon_err *err)
{
    if (context == NULL && moon_kubeconfig_current_context(files, &context, err) != 0) {
        return NULL;
    }
    if (context == NULL) {
        moon_err_set(err, MOON_E_INVALID,
                     "%s: current-context: is not set; choose one with "
                     "--context",
                     files->items[0].path);
        return NULL;
    }
    MOON_CLEANUP(moon_kubeconfig_free_ptr)
    struct moon_kubeconfig *k = moon_new(struct moon_kubeconfig);
    if (use_context_named(files, context, k, err) != 0) {
        return NULL;
    }
    if (k->namespace == NULL) {
        k->namespace = moon_strdup(DEFAULT_NAMESPACE);
    }
    return moon_steal(&k);
}

static struct moon_kubeconfig *load_files(const char *paths, bool is_list, const char *context,
                                          struct moon_err *err)
{
    struct kubeconfig_files files = {0};
    if (moon_kubeconfig_files_read(paths, is_list, &files, err) != 0) {
        return NULL;
    }
    struct moon_kubeconfig *k = NULL;
    if (files.count > 0) {
        k = from_files(&files, context, err);
    } else {
        moon_err_set(err, MOON_E_NOT_FOUND, "$KUBECONFIG: none of these files exists: %s", paths);
    }
    moon_kubeconfig_files_fini(&files);
    return k;
}

/* ---- in a pod ---- */

/* Also false in pods without a token (automountServiceAccountToken: false). */
bool moon_kubeconfig_is_in_cluster(const char *folder)
{
    MOON_AUTOFREE char *token = moon_asprintf("%s/token", folder);
    return environment("KUBERNETES_SERVICE_HOST") != NULL &&
           environment("KUBERNETES_SERVICE_PORT") != NULL && access(token, F_OK) == 0;
}

static char *in_cluster_namespace(const char *folder, struct moon_err *err)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/namespace", folder);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);
    if (access(path, F_OK) != 0) {
        return moon_strdup(DEFAULT_NAMESPACE);
    }
    if (moon_file_read(path, &text, err) != 0) {
        return NULL;
    }
    struct moon_str name = moon_str_trim(moon_buf_str(&text));
    if (!moon_is_dns1123_label(name)) {
        moon_err_set(err, MOON_E_INVALID, "%s: is not the name of a namespace", path);
        return NULL;
    }
    return moon_str_dup(name);
}

struct moon_kubeconfig *moon_kubeconfig_in_cluster(const char *folder, struct moon_err *err)
{
    MOON_CLEANUP(moon_kubeconfig_free_ptr)
    struct moon_kubeconfig *k = moon_new(struct moon_kubeconfig);
    const char *host = environment("KUBERNETES_SERVICE_HOST");
    const char *port = environment("KUBERNETES_SERVICE_PORT");
    moon_assert(host != NULL && port != NULL);

    bool is_ipv6 = strchr(host, ':') != NULL;
    k->server = moon_asprintf(is_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
    const char *problem = moon_kubeconfig_server_problem(k->server);
    if (problem != NULL) {
        moon_err_set(err, MOON_E_INVALID, "$KUBERNETES_SERVICE_HOST and _PORT give %s: %s",
                     k->server, problem);
        return NULL;
    }
    k->tls.ca_file = moon_asprintf("%s/ca.crt", folder);
    if (access(k->tls.ca_file, R_OK) != 0) {
        moon_err_set(err, MOON_E_INVALID, "in-cluster account: cannot read %s", k->tls.ca_file);
        return NULL;
    }
    k->token_file = moon_asprintf("%s/token", folder);
    k->namespace = in_cluster_namespace(folder, err);
    k->source = moon_strdup("in-cluster");
    return k->namespace != NULL ? moon_steal(&k) : NULL;
}

/* ---- which one ---- */

static struct moon_kubeconfig *load_from_home(const char *context, struct moon_err *err)
{
    const char *home = environment("HOME");
    MOON_AUTOFREE char *path = moon_asprintf("%s/.kube/config", home != NULL ? home : "");
    if (access(path, F_OK) != 0) {
        moon_err_set(err, MOON_E_NOT_FOUND,
                     "no cluster is configured: --kubeconfig and $KUBECONFIG are not set, this is "
                     "not a pod with a service account, and %s does not exist",
                     path);
        return NULL;
    }
    return load_files(path, false, context, err);
}

struct moon_kubeconfig *moon_kubeconfig_load(const struct moon_kubeconfig_opts *opts,
                                             struct moon_err *err)
{
    if (opts->path != NULL) {
        return load_files(opts->path, false, opts->context, err);
    }
    const char *paths = environment("KUBECONFIG");
    if (paths != NULL) {
        return load_files(paths, true, opts->context, err);
    }
    /* A context can only be meant for a file. */
    if (opts->context == NULL && moon_kubeconfig_is_in_cluster(SERVICE_ACCOUNT)) {
        return moon_kubeconfig_in_cluster(SERVICE_ACCOUNT, err);
    }
    return load_from_home(opts->context, err);
}
