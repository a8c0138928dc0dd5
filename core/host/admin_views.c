/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_views.c - /explain and /get of the admin port: what the live controller knows, and who may
 * ask for it.
 *
 * Names of nodes and sets, and the reasons of policies, are nobody else's business, and the port
 * may be open to a whole cluster for probes and metrics. So whoever asks brings a token
 * (--admin-token-file); without one in the configuration only this machine may ask, and not a web
 * page that somebody looks at on it: the Host must be this machine's, too.
 */
#include "host/admin.h"

#include "io/file.h"

enum {
    TOKEN_MAX_BYTES = 4096
};

static void reply_text(struct moon_httpd_request *r, int status, const char *text)
{
    moon_httpd_reply(r, status, "text/plain; charset=utf-8", moon_str(text));
}

/* ---- who may ask ---- */

static bool is_same(struct moon_str a, struct moon_str b)
{
    unsigned char differs = a.len != b.len;

    for (size_t i = 0; i < a.len; i++) {
        differs |= (unsigned char)(a.ptr[i] ^ b.ptr[b.len > 0 ? i % b.len : 0]);
    }
    return differs == 0;
}

/* The file is read each time: tokens are rotated. An empty one lets nobody in. */
static bool has_token(const struct moon_httpd_request *r, const char *path)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TOKEN_MAX_BYTES);
    const char *header = moon_httpd_header(r, "Authorization");
    struct moon_err err;

    if (header == NULL || !moon_str_starts(moon_str(header), "Bearer ") ||
        moon_file_read(path, &text, &err) != 0) {
        return false;
    }
    struct moon_str wanted = moon_str_trim(moon_buf_str(&text));
    return wanted.len > 0 && is_same(moon_str_trim(moon_str(header + strlen("Bearer "))), wanted);
}

static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; host != NULL && i < MOON_ARRAY_SIZE(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':')) {
            return true;
        }
    }
    return false;
}

static bool may_ask(const struct moon_admin_views *v, struct moon_httpd_request *r)
{
    if (v->token_file != NULL) {
        if (has_token(r, v->token_file)) {
            return true;
        }
        moon_httpd_add_header(r, "WWW-Authenticate", "Bearer");
        reply_text(r, 401, "the token of --admin-token-file is wanted\n");
        return false;
    }
    if (moon_httpd_is_local(r) && is_this_machine(moon_httpd_header(r, "Host"))) {
        return true;
    }
    reply_text(r, 403, "without --admin-token-file only this machine may ask\n");
    return false;
}

/* ---- answers ---- */

static void reply_json(struct moon_httpd_request *r, const cJSON *json, const struct moon_err *err)
{
    if (json == NULL) {
        MOON_AUTOFREE char *text = moon_asprintf("%s\n", err->text);
        reply_text(r, err->code == MOON_E_NOT_FOUND ? 404 : 400, text);
        return;
    }
    char *text = cJSON_PrintUnformatted(json);
    moon_httpd_reply(r, 200, "application/json", moon_str(text));
    cJSON_free(text);
}

static void explain(const struct moon_admin_views *v, struct moon_httpd_request *r)
{
    const char *set = moon_httpd_query(r, "set");
    struct moon_err err;

    if (set == NULL) {
        reply_text(r, 400, "/explain?set=NAMESPACE/NAME, and at most &node=NODE\n");
        return;
    }
    MOON_AUTOJSON *answer = v->explain(moon_str(set), moon_httpd_query(r, "node"), v->ctx, &err);
    reply_json(r, answer, &err);
}

static void get(const struct moon_admin_views *v, struct moon_httpd_request *r)
{
    const char *what = moon_httpd_query(r, "what");
    struct moon_err err;

    if (what == NULL) {
        reply_text(r, 400, "/get?what=sets, or nodes or revisions and &set=NAMESPACE/NAME\n");
        return;
    }
    MOON_AUTOJSON *answer = v->list(what, moon_str(moon_httpd_query(r, "set")), v->ctx, &err);
    reply_json(r, answer, &err);
}

bool moon_admin_views_answer(const struct moon_admin_views *v, struct moon_httpd_request *r)
{
    bool is_explain = moon_streq(moon_httpd_path(r), "/explain");

    if (v->explain == NULL || (!is_explain && !moon_streq(moon_httpd_path(r), "/get"))) {
        return false;
    }
    if (may_ask(v, r)) {
        (is_explain ? explain : get)(v, r);
    }
    return true;
}
