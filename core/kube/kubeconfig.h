/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfig.h - where the API server is and who we are: a kubeconfig file, or the in-cluster
 * service account.
 *
 * Read: clusters (server, certificate-authority[-data], tls-server-name, proxy-url,
 * insecure-skip-tls-verify), users (client-certificate[-data], client-key[-data], token, tokenFile,
 * exec, username/password), contexts (cluster, user, namespace), current-context. Relative paths
 * are relative to the file. $KUBECONFIG with several files: the first file that defines a name
 * wins. Anything that is read and wrong is an error with file and field; auth-provider is refused
 * by name. Layer: kube.
 */
#ifndef MOON_KUBE_KUBECONFIG_H
#define MOON_KUBE_KUBECONFIG_H

#include "io/http.h"

/* client.authentication.k8s.io exec plugin. */
struct moon_exec {
    char **argv; /* command and arguments, NULL-terminated; NULL = no exec plugin */
    char **env;  /* "NAME=value", NULL-terminated */
    char *api_version;
    char *install_hint;
    bool provide_cluster_info;
    char *cluster_config; /* JSON of the cluster's extension for exec plugins; NULL = none */
};

struct moon_kubeconfig {
    char *server;    /* "https://host:port", no trailing slash */
    char *namespace; /* of the context; "default" when absent */
    char *proxy_url; /* NULL: the environment decides */
    struct moon_tls tls;
    char *token;
    char *token_file; /* re-read when it changes; wins over token */
    char *username;
    char *password;
    struct moon_exec exec;
    char *source; /* for messages: the file, or "in-cluster" */
};

struct moon_kubeconfig_opts {
    const char *path;    /* NULL: $KUBECONFIG, then the in-cluster account, then ~/.kube/config */
    const char *context; /* NULL: current-context */
};

MOON_API struct moon_kubeconfig *moon_kubeconfig_load(const struct moon_kubeconfig_opts *opts,
                                                      struct moon_err *err);
MOON_API void moon_kubeconfig_free(struct moon_kubeconfig *k);
MOON_DEFINE_CLEANUP(struct moon_kubeconfig, moon_kubeconfig_free);

/* A kubeconfig for a server without authentication (the simulated cluster). */
MOON_API struct moon_kubeconfig *moon_kubeconfig_for_server(const char *server);

#endif
