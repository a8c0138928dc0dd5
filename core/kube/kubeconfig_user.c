/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "kube/kubeconfig_priv.h"

/* Ignoring one of these would act with other rights than the file says. */
static int refuse_what_is_not_supported(const struct kubeconfig_section *s, struct moon_err *err)
{
    static const char *const IMPERSONATION[] = {"as", "as-uid", "as-groups", "as-user-extra"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(IMPERSONATION); i++) {
        if (moon_json_member(s->json, IMPERSONATION[i]) != NULL) {
            return moon_kubeconfig_bad(s, IMPERSONATION[i], err, "impersonation is not supported");
        }
    }
    const cJSON *provider = moon_json_member(s->json, "auth-provider");
    if (provider == NULL) {
        return 0;
    }
    const char *name = moon_json_string(provider, "name");
    return moon_kubeconfig_bad(
        s, "auth-provider", err,
        "\"%s\": auth providers were removed from Kubernetes 1.26; use an exec "
        "plugin instead",
        name != NULL ? name : "?");
}

static int read_certificate(const struct kubeconfig_section *s, struct moon_tls *tls,
                            struct moon_err *err)
{
    static const struct kubeconfig_pem CERT = {"client-certificate", "CERTIFICATE", false};
    static const struct kubeconfig_pem KEY = {"client-key", "PRIVATE KEY", true};
    int rc = moon_kubeconfig_pem(s, &CERT, &tls->cert_file, &tls->cert_pem, err);
    if (rc == 0) {
        rc = moon_kubeconfig_pem(s, &KEY, &tls->key_file, &tls->key_pem, err);
    }
    if (rc != 0) {
        return rc;
    }
    bool has_cert = tls->cert_file != NULL || tls->cert_pem != NULL;
    bool has_key = tls->key_file != NULL || tls->key_pem != NULL;
    if (has_cert == has_key) {
        return 0;
    }
    return moon_kubeconfig_bad(s, has_cert ? "client-key" : "client-certificate", err,
                               "is missing: certificate and key go together");
}

static int read_token(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                      struct moon_err *err)
{
    int rc = moon_kubeconfig_text(s, "token", &k->token, err);
    if (rc == 0) {
        rc = moon_kubeconfig_path(s, "tokenFile", &k->token_file, err);
    }
    if (rc == 0 && k->token_file != NULL && access(k->token_file, R_OK) != 0) {
        return moon_kubeconfig_bad(s, "tokenFile", err, "cannot read %s", k->token_file);
    }
    return rc;
}

static int read_password(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                         struct moon_err *err)
{
    int rc = moon_kubeconfig_text(s, "username", &k->username, err);
    if (rc == 0) {
        rc = moon_kubeconfig_text(s, "password", &k->password, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (k->password != NULL && k->username == NULL) {
        return moon_kubeconfig_bad(s, "password", err, "is given without username");
    }
    if (k->username != NULL && strchr(k->username, ':') != NULL) {
        return moon_kubeconfig_bad(s, "username", err, "must not hold ':'");
    }
    if (k->username != NULL && (k->token != NULL || k->token_file != NULL)) {
        return moon_kubeconfig_bad(s, "username", err, "contradicts token: remove one of them");
    }
    return 0;
}

/* ---- exec ---- */

/* Make room for one more entry of a NULL-terminated list. */
static char **append(char **list, size_t count, char *take_item)
{
    list = moon_realloc_array(list, count + 2, sizeof(*list));
    list[count] = take_item;
    list[count + 1] = NULL;
    return list;
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        moon_free(list[i]);
    }
    moon_free(list);
}

void moon_kubeconfig_exec_fini(struct moon_exec *exec)
{
    free_list(exec->argv);
    free_list(exec->env);
    moon_free(exec->api_version);
    moon_free(exec->install_hint);
    moon_free(exec->cluster_config);
    *exec = (struct moon_exec){0};
}

static int read_api_version(const struct kubeconfig_section *s, struct moon_exec *exec,
                            struct moon_err *err)
{
    int rc = moon_kubeconfig_text(s, "apiVersion", &exec->api_version, err);
    if (rc != 0) {
        return rc;
    }
    if (moon_streq(exec->api_version, "client.authentication.k8s.io/v1") ||
        moon_streq(exec->api_version, "client.authentication.k8s.io/v1beta1")) {
        return 0;
    }
    return moon_kubeconfig_bad(s, "apiVersion", err,
                               "must be client.authentication.k8s.io/v1 or /v1beta1, not \"%s\"",
                               exec->api_version != NULL ? exec->api_version : "");
}

/* A name without slash is looked up in PATH; any other relative one starts at the file's folder. */
static int read_command(const struct kubeconfig_section *s, struct moon_exec *exec,
                        struct moon_err *err)
{
    MOON_AUTOFREE char *command = NULL;
    int rc = moon_kubeconfig_text(s, "command", &command, err);
    if (rc == 0 && command == NULL) {
        return moon_kubeconfig_bad(s, "command", err, "is missing");
    }
    if (rc == 0 && strchr(command, '/') != NULL) {
        rc = moon_kubeconfig_path(s, "command", &command, err);
    }
    if (rc != 0) {
        return rc;
    }
    size_t count = 0;
    exec->argv = append(exec->argv, count++, moon_steal(&command));

    const cJSON *args = moon_json_member(s->json, "args");
    if (args != NULL && !cJSON_IsArray(args)) {
        return moon_kubeconfig_bad(s, "args", err, "must be a list of text");
    }
    const cJSON *arg;
    cJSON_ArrayForEach (arg, args) {
        if (!cJSON_IsString(arg)) {
            return moon_kubeconfig_bad(s, "args", err, "entry %zu must be text (put it in quotes)",
                                       count);
        }
        exec->argv = append(exec->argv, count++, moon_strdup(arg->valuestring));
    }
    return 0;
}

static int read_env(const struct kubeconfig_section *s, struct moon_exec *exec,
                    struct moon_err *err)
{
    const cJSON *entries = moon_json_member(s->json, "env");
    if (entries != NULL && !cJSON_IsArray(entries)) {
        return moon_kubeconfig_bad(s, "env", err, "must be a list");
    }
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach (entry, entries) {
        const char *name = moon_json_string(entry, "name");
        const char *value = moon_json_string(entry, "value");
        if (name == NULL || value == NULL || name[0] == '\0' || strchr(name, '=') != NULL) {
            return moon_kubeconfig_bad(
                s, "env", err, "entry %zu must have a name and a value, both text", count + 1);
        }
        exec->env = append(exec->env, count++, moon_asprintf("%s=%s", name, value));
    }
    return 0;
}

/* Nobody sits in front of moonset: a plugin that insists on asking cannot work. */
static int check_interactive_mode(const struct kubeconfig_section *s, struct moon_err *err)
{
    MOON_AUTOFREE char *mode = NULL;
    int rc = moon_kubeconfig_text(s, "interactiveMode", &mode, err);
    if (rc != 0 || mode == NULL || strcmp(mode, "Never") == 0 || strcmp(mode, "IfAvailable") == 0) {
        return rc;
    }
    if (strcmp(mode, "Always") == 0) {
        return moon_kubeconfig_bad(s, "interactiveMode", err,
                                   "\"Always\" needs somebody to answer; moonset has no terminal");
    }
    return moon_kubeconfig_bad(s, "interactiveMode", err, "must be Never, IfAvailable or Always");
}

static int read_exec_section(const struct kubeconfig_section *s, struct moon_exec *exec,
                             struct moon_err *err)
{
    int rc = read_api_version(s, exec, err);
    if (rc == 0) {
        rc = read_command(s, exec, err);
    }
    if (rc == 0) {
        rc = read_env(s, exec, err);
    }
    if (rc == 0) {
        rc = check_interactive_mode(s, err);
    }
    if (rc == 0) {
        rc = moon_kubeconfig_text(s, "installHint", &exec->install_hint, err);
    }
    return rc != 0
               ? rc
               : moon_kubeconfig_bool(s, "provideClusterInfo", &exec->provide_cluster_info, err);
}

static int read_exec(const struct kubeconfig_section *user, struct moon_exec *exec,
                     struct moon_err *err)
{
    const cJSON *json = moon_json_member(user->json, "exec");
    if (json == NULL) {
        return 0;
    }
    if (!cJSON_IsObject(json)) {
        return moon_kubeconfig_bad(user, "exec", err, "must be an object");
    }
    struct kubeconfig_section section = {
        .file = user->file, .json = json, .where = moon_asprintf("%s.exec", user->where)};
    int rc = read_exec_section(&section, exec, err);
    moon_kubeconfig_section_fini(&section);
    return rc;
}

int moon_kubeconfig_read_user(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                              struct moon_err *err)
{
    int rc = refuse_what_is_not_supported(s, err);
    if (rc == 0) {
        rc = read_certificate(s, &k->tls, err);
    }
    if (rc == 0) {
        rc = read_token(s, k, err);
    }
    if (rc == 0) {
        rc = read_password(s, k, err);
    }
    return rc != 0 ? rc : read_exec(s, &k->exec, err);
}
