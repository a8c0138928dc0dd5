/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/auth.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/log.h"
#include "base/time.h"
#include "io/file.h"
#include "io/http.h"
#include "kube/base64.h"
#include "kube/exec.h"

enum {
    AUTH_MAGIC = 0x61757468,
    WAIT_MAGIC = 0x77616974,
    TOKEN_MAX_BYTES = 64 << 10,
    TOKEN_FILE_MAX_AGE_MS = 60 * 1000,
    /* A plugin that fails is not started again for each of many requests. */
    EXEC_PAUSE_MS = 1000,
    /* Requests sent with the certificate before this one may still be answered 401. */
    CERTIFICATE_GRACE_MS = 10 * 1000,
};

enum source {
    SOURCE_FIXED, /* nothing, a token, or a password: never changes */
    SOURCE_TOKEN_FILE,
    SOURCE_EXEC,
};

struct moon_auth {
    unsigned magic;
    struct moon_loop *loop;
    const struct moon_kubeconfig *config;
    enum source source;
    bool has_credential;
    char *header;     /* NULL: none is sent */
    char *old_header; /* somebody may have borrowed it in this turn */
    const struct moon_tls *tls;
    uint64_t obtained_at;

    struct stat token_stat; /* of the file when it was read */

    struct moon_exec_run *run;
    struct moon_tls exec_tls; /* a copy of the config's whose certificate is ours */
    int64_t expires_s;
    uint64_t no_run_before;

    /* Who waits, and what they will be told: in the next turn, or when the plugin has ended. */
    struct moon_list waiters;
    struct moon_list served; /* being told now */
    struct moon_defer *answering;
    bool has_failed;
    struct moon_err failure;
    bool *freed; /* set when a waiter frees us while being told */
};

struct moon_auth_wait {
    unsigned magic;
    struct moon_list node;
    void (*fn)(const struct moon_err *err, void *ctx);
    void *ctx;
};

/* ---- what is sent ---- */

static void set_header(struct moon_auth *a, char *take_header)
{
    if (moon_streq(take_header, a->header)) {
        moon_free(take_header);
        return;
    }
    moon_free(a->old_header);
    a->old_header = a->header;
    a->header = take_header;
}

static int use_token(struct moon_auth *a, struct moon_str token, struct moon_err *err)
{
    if (!moon_http_is_token(token)) {
        return moon_err_set(err, MOON_E_INVALID,
                            token.len == 0 ? "the token is empty"
                                           : "the token holds characters no token can have");
    }
    set_header(a, moon_asprintf("Authorization: Bearer %.*s", MOON_STR_ARG(token)));
    a->has_credential = true;
    a->obtained_at = moon_loop_now(a->loop);
    return 0;
}

static void use_password(struct moon_auth *a)
{
    const char *password = a->config->password != NULL ? a->config->password : "";
    MOON_AUTOFREE char *pair = moon_asprintf("%s:%s", a->config->username, password);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf header = MOON_BUF_INIT(TOKEN_MAX_BYTES);
    moon_buf_puts(&header, "Authorization: Basic ");
    moon_base64_encode(moon_str(pair), &header);
    set_header(a, moon_buf_take(&header, NULL));
}

/* ---- token file ---- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int read_token_file(struct moon_auth *a, struct moon_err *err)
{
    const char *path = a->config->token_file;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TOKEN_MAX_BYTES);
    struct stat st = {0};
    (void)stat(path, &st); /* before reading: a change in between is seen next time */
    int rc = moon_file_read(path, &text, err);
    if (rc != 0) {
        return rc;
    }
    rc = use_token(a, moon_str_trim(moon_buf_str(&text)), err);
    if (rc != 0) {
        return moon_err_wrap(err, "%s", path);
    }
    a->token_stat = st;
    return 0;
}

/* The old token is good until the server says otherwise: a file that is just being replaced, or
 * gone, does not stop anything. */
static void refresh_token_file(struct moon_auth *a)
{
    struct stat st = {0};
    struct moon_err err;
    bool is_old = moon_loop_now(a->loop) - a->obtained_at >= TOKEN_FILE_MAX_AGE_MS;
    bool is_changed = stat(a->config->token_file, &st) != 0 || !is_same_file(&st, &a->token_stat);
    if (a->has_credential && !is_old && !is_changed) {
        return;
    }
    if (read_token_file(a, &err) != 0) {
        moon_debug("auth", "cannot read the token again", "error", err.text);
    }
}

/* ---- exec ---- */

static bool is_expired(const struct moon_auth *a)
{
    return moon_loop_wall_ms(a->loop) / 1000 >= a->expires_s;
}

static void use_certificate(struct moon_auth *a, struct moon_exec_credential *credential)
{
    moon_free(a->exec_tls.cert_pem);
    moon_free(a->exec_tls.key_pem);
    a->exec_tls = a->config->tls;
    a->exec_tls.cert_file = NULL;
    a->exec_tls.key_file = NULL;
    a->exec_tls.cert_pem = moon_steal(&credential->cert_pem);
    a->exec_tls.key_pem = moon_steal(&credential->key_pem);
    a->tls = &a->exec_tls;
}

static int use_exec_credential(struct moon_auth *a, struct moon_exec_credential *credential,
                               struct moon_err *err)
{
    const char *command = a->config->exec.argv[0];
    a->expires_s = credential->expires_s;
    if (is_expired(a)) {
        char time[MOON_TIME_TEXT];
        return moon_err_set(err, MOON_E_INVALID,
                            "credential plugin %s: what it printed expired at %s; is a clock "
                            "wrong?",
                            command, moon_time_format(a->expires_s, time));
    }
    if (credential->token == NULL) {
        set_header(a, NULL);
    } else if (use_token(a, moon_str(credential->token), err) != 0) {
        return moon_err_wrap(err, "credential plugin %s", command);
    }
    if (credential->cert_pem != NULL) {
        use_certificate(a, credential);
    }
    a->has_credential = true;
    a->obtained_at = moon_loop_now(a->loop);
    return 0;
}

/* ---- waiting ---- */

static void tell_waiters(struct moon_auth *a)
{
    struct moon_err failure = a->failure;
    const struct moon_err *err = a->has_failed ? &failure : NULL;
    bool freed = false;
    moon_assert(a->freed == NULL && moon_list_is_empty(&a->served));
    a->freed = &freed;
    /* Those who begin to wait while we tell others belong to the next answer. */
    moon_list_foreach (node, &a->waiters) {
        moon_list_remove(node);
        moon_list_append(&a->served, node);
    }
    while (!freed && !moon_list_is_empty(&a->served)) {
        struct moon_auth_wait *w = moon_container_of(a->served.next, struct moon_auth_wait, node);
        void (*fn)(const struct moon_err *, void *) = w->fn;
        void *ctx = w->ctx;
        moon_auth_wait_cancel(w);
        fn(err, ctx);
    }
    if (!freed) {
        a->freed = NULL;
    }
}

static void exec_done(struct moon_exec_credential *credential, const struct moon_err *err,
                      void *ctx)
{
    struct moon_auth *a = MOON_CAST(moon_auth, ctx, AUTH_MAGIC);
    a->run = NULL;
    a->has_failed = err != NULL;
    if (err != NULL) {
        a->failure = *err;
    } else {
        a->has_failed = use_exec_credential(a, credential, &a->failure) != 0;
        moon_exec_credential_fini(credential);
    }
    if (a->has_failed) {
        a->no_run_before = moon_loop_now(a->loop) + EXEC_PAUSE_MS;
    }
    tell_waiters(a);
}

static bool is_usable(const struct moon_auth *a)
{
    return a->has_credential && (a->source != SOURCE_EXEC || !is_expired(a));
}

static void answer_later(void *ctx)
{
    struct moon_auth *a = MOON_CAST(moon_auth, ctx, AUTH_MAGIC);
    a->answering = NULL;
    if (a->source == SOURCE_TOKEN_FILE) {
        a->has_failed = read_token_file(a, &a->failure) != 0;
    } else {
        /* Not usable: the failure of a moment ago, which keeps the plugin from running again. */
        a->has_failed = !is_usable(a);
        if (a->has_failed && a->failure.code == MOON_OK) {
            moon_err_set(&a->failure, MOON_E_DENIED, "the credential has just expired");
        }
    }
    tell_waiters(a);
}

/* Something must come back to the waiters: the plugin's end, or a deferred answer. */
static void ensure_answer(struct moon_auth *a)
{
    if (a->run != NULL || a->answering != NULL) {
        return;
    }
    bool may_run = moon_loop_now(a->loop) >= a->no_run_before;
    if (a->source == SOURCE_EXEC && may_run && !is_usable(a)) {
        a->run = moon_exec_start(a->loop, a->config, exec_done, a);
    } else {
        a->answering = moon_loop_defer(a->loop, answer_later, a);
    }
}

struct moon_auth_wait *moon_auth_wait(struct moon_auth *a,
                                      void (*fn)(const struct moon_err *err, void *ctx), void *ctx)
{
    moon_assert(a->magic == AUTH_MAGIC);
    struct moon_auth_wait *w = moon_new(struct moon_auth_wait);
    w->magic = WAIT_MAGIC;
    w->fn = fn;
    w->ctx = ctx;
    moon_list_append(&a->waiters, &w->node);

    ensure_answer(a);
    return w;
}

void moon_auth_wait_cancel(struct moon_auth_wait *w)
{
    moon_assert(w->magic == WAIT_MAGIC);
    w->magic = 0;
    moon_list_remove(&w->node);
    moon_free(w);
}

/* ---- the rest ---- */

bool moon_auth_ready(struct moon_auth *a, const char **ret_header, const struct moon_tls **ret_tls)
{
    moon_assert(a->magic == AUTH_MAGIC);
    if (a->source == SOURCE_TOKEN_FILE) {
        refresh_token_file(a);
    }
    if (!is_usable(a)) {
        return false;
    }
    *ret_header = a->header;
    *ret_tls = a->tls;
    return true;
}

bool moon_auth_rejected(struct moon_auth *a, const char *header)
{
    moon_assert(a->magic == AUTH_MAGIC);
    if (!moon_streq(header, a->header)) {
        return true;
    }
    struct moon_err err;
    switch (a->source) {
    case SOURCE_FIXED:
        return false;
    case SOURCE_TOKEN_FILE:
        /* `header` may be a->header itself, which set_header keeps readable. */
        return read_token_file(a, &err) == 0 && !moon_streq(header, a->header);
    case SOURCE_EXEC:
        if (header != NULL || moon_loop_now(a->loop) - a->obtained_at >= CERTIFICATE_GRACE_MS) {
            a->has_credential = false;
        }
        return true;
    }
    return false;
}

/* What comes first here wins, as in client-go: a plugin runs only when nothing else is there. */
static int choose_source(struct moon_auth *a, struct moon_err *err)
{
    const struct moon_kubeconfig *k = a->config;
    int rc = 0;
    if (k->token_file != NULL) {
        a->source = SOURCE_TOKEN_FILE;
        return 0;
    }
    if (k->token != NULL) {
        rc = use_token(a, moon_str(k->token), err);
    } else if (k->username != NULL) {
        use_password(a);
    } else if (k->exec.argv != NULL) {
        a->source = SOURCE_EXEC;
        return 0;
    }
    a->source = SOURCE_FIXED;
    a->has_credential = true;
    return rc == 0 ? 0 : moon_err_wrap(err, "%s", k->source);
}

struct moon_auth *moon_auth_new(struct moon_loop *loop, const struct moon_kubeconfig *config,
                                struct moon_err *err)
{
    struct moon_auth *a = moon_new(struct moon_auth);
    a->magic = AUTH_MAGIC;
    a->loop = loop;
    a->config = config;
    a->tls = &config->tls;
    moon_list_init(&a->waiters);
    moon_list_init(&a->served);
    if (choose_source(a, err) != 0) {
        moon_auth_free(a);
        return NULL;
    }
    return a;
}

static void drop_waiters(struct moon_list *waiters)
{
    moon_list_foreach (node, waiters) {
        moon_auth_wait_cancel(moon_container_of(node, struct moon_auth_wait, node));
    }
}

void moon_auth_free(struct moon_auth *a)
{
    if (a == NULL) {
        return;
    }
    moon_assert(a->magic == AUTH_MAGIC);
    if (a->freed != NULL) {
        *a->freed = true;
    }
    if (a->run != NULL) {
        moon_exec_cancel(a->run);
    }
    if (a->answering != NULL) {
        moon_defer_cancel(a->answering);
    }
    drop_waiters(&a->waiters);
    drop_waiters(&a->served);
    moon_free(a->header);
    moon_free(a->old_header);
    moon_free(a->exec_tls.cert_pem);
    moon_free(a->exec_tls.key_pem);
    a->magic = 0;
    moon_free(a);
}
