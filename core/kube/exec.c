/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/exec.h"

#include "base/time.h"
#include "io/file.h"
#include "io/json.h"
#include "io/process.h"
#include "kube/base64.h"

enum {
    RUN_MAGIC = 0x65786563,
    INFO_MAX_BYTES = 128 << 10, /* the kernel's limit for one variable */
    OUTPUT_MAX_BYTES = 1 << 20,
    /* Plugins may open a browser or ask a slow identity provider. */
    TIMEOUT_MS = 60 * 1000,
};

struct moon_exec_run {
    unsigned magic;
    const struct moon_kubeconfig *config;
    struct moon_process *process;
    struct moon_defer *failing; /* it could not even be started */
    struct moon_err failure;
    void (*fn)(struct moon_exec_credential *credential, const struct moon_err *err, void *ctx);
    void *ctx;
};

void moon_exec_credential_fini(struct moon_exec_credential *c)
{
    moon_free(c->token);
    moon_free(c->cert_pem);
    moon_free(c->key_pem);
    *c = (struct moon_exec_credential){0};
}

/* ---- what the plugin is told ---- */

static void add_member(struct moon_buf *out, const char *key, const char *value)
{
    if (value != NULL) {
        moon_buf_printf(out, ",\"%s\":", key);
        moon_json_add_string(out, moon_str(value));
    }
}

static int add_ca(struct moon_buf *out, const struct moon_tls *tls, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf pem = MOON_BUF_INIT(INFO_MAX_BYTES);
    if (tls->ca_pem != NULL) {
        moon_buf_puts(&pem, tls->ca_pem);
    } else if (tls->ca_file != NULL && moon_file_read(tls->ca_file, &pem, err) != 0) {
        return -(int)err->code;
    }
    if (pem.len > 0) {
        moon_buf_puts(out, ",\"certificate-authority-data\":\"");
        moon_base64_encode(moon_buf_str(&pem), out);
        moon_buf_putc(out, '"');
    }
    return 0;
}

static int add_cluster(struct moon_buf *out, const struct moon_kubeconfig *k, struct moon_err *err)
{
    moon_buf_puts(out, ",\"cluster\":{\"server\":");
    moon_json_add_string(out, moon_str(k->server));
    add_member(out, "tls-server-name", k->tls.server_name);
    add_member(out, "proxy-url", k->proxy_url);
    if (k->tls.insecure) {
        moon_buf_puts(out, ",\"insecure-skip-tls-verify\":true");
    }
    int rc = add_ca(out, &k->tls, err);
    if (k->exec.cluster_config != NULL) {
        moon_buf_printf(out, ",\"config\":%s", k->exec.cluster_config);
    }
    moon_buf_putc(out, '}');
    return rc;
}

static int build_info(const struct moon_kubeconfig *k, struct moon_buf *out, struct moon_err *err)
{
    moon_buf_puts(out, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":");
    moon_json_add_string(out, moon_str(k->exec.api_version));
    moon_buf_puts(out, ",\"spec\":{\"interactive\":false");
    int rc = k->exec.provide_cluster_info ? add_cluster(out, k, err) : 0;
    moon_buf_puts(out, "}}");
    return rc != 0 ? rc : moon_buf_check(out, "KUBERNETES_EXEC_INFO", err);
}

/* ---- what the plugin answers ---- */

static int parse_certificate(const cJSON *json, struct moon_exec_credential *c,
                             struct moon_err *err)
{
    c->cert_pem = moon_strdup(moon_json_string(json, "status.clientCertificateData"));
    c->key_pem = moon_strdup(moon_json_string(json, "status.clientKeyData"));
    if ((c->cert_pem == NULL) != (c->key_pem == NULL)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "status has only one of clientCertificateData and clientKeyData");
    }
    return 0;
}

static int parse_expiry(const cJSON *json, struct moon_exec_credential *c, struct moon_err *err)
{
    const char *text = moon_json_string(json, "status.expirationTimestamp");
    c->expires_s = INT64_MAX;
    if (text != NULL && !moon_time_parse(moon_str(text), &c->expires_s)) {
        return moon_err_set(err, MOON_E_INVALID, "status.expirationTimestamp is not a time");
    }
    return 0;
}

static int parse_status(const cJSON *json, struct moon_exec_credential *c, struct moon_err *err)
{
    const char *token = moon_json_string(json, "status.token");
    c->token = token != NULL && token[0] != '\0' ? moon_strdup(token) : NULL;
    int rc = parse_certificate(json, c, err);
    if (rc == 0) {
        rc = parse_expiry(json, c, err);
    }
    if (rc == 0 && c->token == NULL && c->cert_pem == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "status has neither a token nor a certificate");
    }
    return rc;
}

int moon_exec_parse(struct moon_str output, const char *api_version,
                    struct moon_exec_credential *ret, struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(output, err);
    if (json == NULL) {
        return moon_err_wrap(err, "it printed no JSON");
    }
    const char *kind = moon_json_string(json, "kind");
    const char *version = moon_json_string(json, "apiVersion");
    if (!moon_streq(kind, "ExecCredential")) {
        return moon_err_set(err, MOON_E_INVALID, "it printed no ExecCredential");
    }
    if (!moon_streq(version, api_version)) {
        return moon_err_set(err, MOON_E_INVALID, "it answered in apiVersion %s, not %s",
                            version != NULL ? version : "(none)", api_version);
    }
    struct moon_exec_credential credential = {0};
    int rc = parse_status(json, &credential, err);
    if (rc != 0) {
        moon_exec_credential_fini(&credential);
        return rc;
    }
    *ret = credential;
    return 0;
}

/* ---- the run ---- */

static void finish(struct moon_exec_run *run, struct moon_exec_credential *credential,
                   const struct moon_err *err)
{
    void (*fn)(struct moon_exec_credential *, const struct moon_err *, void *) = run->fn;
    void *ctx = run->ctx;
    run->magic = 0;
    moon_free(run);
    fn(credential, err, ctx);
}

static void fail(struct moon_exec_run *run, struct moon_err *err)
{
    const struct moon_exec *exec = &run->config->exec;
    moon_err_wrap(err, "credential plugin %s", exec->argv[0]);
    if (err->code == MOON_E_SYSTEM && exec->install_hint != NULL) {
        struct moon_err cause = *err;
        moon_err_set(err, cause.code, "%.500s; %.500s", cause.text, exec->install_hint);
    }
    finish(run, NULL, err);
}

static void process_done(struct moon_str output, const struct moon_err *process_err, void *ctx)
{
    struct moon_exec_run *run = MOON_CAST(moon_exec_run, ctx, RUN_MAGIC);
    struct moon_exec_credential credential = {0};
    struct moon_err err;
    run->process = NULL;
    if (process_err != NULL) {
        err = *process_err;
        fail(run, &err);
    } else if (moon_exec_parse(output, run->config->exec.api_version, &credential, &err) != 0) {
        fail(run, &err);
    } else {
        finish(run, &credential, NULL);
    }
}

static void could_not_start(void *ctx)
{
    struct moon_exec_run *run = MOON_CAST(moon_exec_run, ctx, RUN_MAGIC);
    struct moon_err err = run->failure;
    run->failing = NULL;
    fail(run, &err);
}

/* The configured variables and $KUBERNETES_EXEC_INFO, in a list that borrows its texts. */
static const char **build_env(const struct moon_exec *exec, const char *info)
{
    size_t count = 0;
    while (exec->env != NULL && exec->env[count] != NULL) {
        count++;
    }
    const char **env = moon_new_array(const char *, count + 2);
    for (size_t i = 0; i < count; i++) {
        env[i] = exec->env[i];
    }
    env[count] = info;
    return env;
}

static void start_process(struct moon_exec_run *run, struct moon_loop *loop, const char *info)
{
    const struct moon_exec *exec = &run->config->exec;
    MOON_AUTOFREE const char **env = build_env(exec, info);
    MOON_AUTOFREE const char **argv = NULL;
    size_t argc = 0;
    while (exec->argv[argc] != NULL) {
        argc++;
    }
    argv = moon_new_array(const char *, argc + 1);
    for (size_t i = 0; i < argc; i++) {
        argv[i] = exec->argv[i];
    }
    run->process =
        moon_process_start(loop, &(struct moon_process_opts){.argv = argv,
                                                             .env = env,
                                                             .timeout_ms = TIMEOUT_MS,
                                                             .max_output_bytes = OUTPUT_MAX_BYTES,
                                                             .on_done = process_done,
                                                             .ctx = run});
}

struct moon_exec_run *moon_exec_start(struct moon_loop *loop, const struct moon_kubeconfig *config,
                                      void (*fn)(struct moon_exec_credential *credential,
                                                 const struct moon_err *err, void *ctx),
                                      void *ctx)
{
    moon_assert(config->exec.argv != NULL);
    struct moon_exec_run *run = moon_new(struct moon_exec_run);
    run->magic = RUN_MAGIC;
    run->config = config;
    run->fn = fn;
    run->ctx = ctx;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf info = MOON_BUF_INIT(INFO_MAX_BYTES);
    if (build_info(config, &info, &run->failure) == 0) {
        start_process(run, loop, moon_buf_cstr(&info));
    } else {
        run->failing = moon_loop_defer(loop, could_not_start, run);
    }
    return run;
}

void moon_exec_cancel(struct moon_exec_run *run)
{
    moon_assert(run->magic == RUN_MAGIC);
    if (run->process != NULL) {
        moon_process_cancel(run->process);
    }
    if (run->failing != NULL) {
        moon_defer_cancel(run->failing);
    }
    run->magic = 0;
    moon_free(run);
}
