/* SPDX-License-Identifier: Apache-2.0
 *
 * exec.h - one run of an exec credential plugin.
 *
 * Protocol: kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-
 * plugins. The plugin is told what is wanted in $KUBERNETES_EXEC_INFO and prints an ExecCredential.
 * What it prints is a secret: no error quotes it. Layer: kube, for auth.c.
 */
#ifndef MOON_KUBE_EXEC_H
#define MOON_KUBE_EXEC_H

#include "kube/kubeconfig.h"

struct moon_exec_run;

struct moon_exec_credential {
    char *token;    /* NULL: none */
    char *cert_pem; /* both or neither */
    char *key_pem;
    int64_t expires_s; /* wall clock; INT64_MAX: never */
};
void moon_exec_credential_fini(struct moon_exec_credential *c);

/* `fn` runs once, never from inside. With err NULL it owns what *credential holds. */
struct moon_exec_run *moon_exec_start(struct moon_loop *loop, const struct moon_kubeconfig *config,
                                      void (*fn)(struct moon_exec_credential *credential,
                                                 const struct moon_err *err, void *ctx),
                                      void *ctx);
void moon_exec_cancel(struct moon_exec_run *run);

/* What a plugin printed. `api_version` is what the kubeconfig asked for. For tests and fuzzing. */
int moon_exec_parse(struct moon_str output, const char *api_version,
                    struct moon_exec_credential *ret, struct moon_err *err);

#endif
