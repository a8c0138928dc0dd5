/* SPDX-License-Identifier: Apache-2.0
 *
 * client_answer.c - what an answer of the API server means to the caller.
 *
 * Whatever stands between us and the server (proxies, login pages, load balancers) may answer in
 * its stead, so nothing is taken for JSON before it looks like it.
 */
#include <stdio.h>

#include "kube/client_priv.h"

enum {
    SNIPPET_BYTES = 200
};

bool moon_answer_has_cause(const struct moon_answer *a, const char *reason)
{
    const cJSON *cause;
    cJSON_ArrayForEach (cause, moon_json_get(a->details, "causes")) {
        if (moon_streq(moon_json_string(cause, "reason"), reason)) {
            return true;
        }
    }
    return false;
}

static enum moon_code code_of(int http_status, const char *reason)
{
    switch (http_status) {
    case 401:
    case 403:
        return MOON_E_DENIED;
    case 404:
        return MOON_E_NOT_FOUND;
    case 409:
        return moon_streq(reason, "AlreadyExists") ? MOON_E_EXISTS : MOON_E_CONFLICT;
    case 410:
        return MOON_E_GONE;
    case 429:
    case 503:
        return MOON_E_BUSY;
    case 504:
        return MOON_E_TIMEOUT;
    default:
        return http_status >= 400 && http_status < 500 ? MOON_E_INVALID : MOON_E_SERVER;
    }
}

/* ---- texts ---- */

static bool is_html(struct moon_str body, struct moon_str content_type)
{
    struct moon_str start = moon_str_trim(body);
    return moon_str_starts(content_type, "text/html") || (start.len > 0 && start.ptr[0] == '<');
}

/* The beginning of a body as one line that is safe to log. */
static const char *snippet(struct moon_str body, char out[SNIPPET_BYTES + 1])
{
    struct moon_str cut = moon_str_cut(moon_str_trim(body), SNIPPET_BYTES);
    snprintf(out, SNIPPET_BYTES + 1, "%.*s", MOON_STR_ARG(cut));
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = ' ';
        }
    }
    return out;
}

/* The query is left out: login pages put secrets there. */
static void describe_redirect(const struct moon_http_answer *answer, struct moon_err *err)
{
    const char *query =
        answer->location.len > 0 ? memchr(answer->location.ptr, '?', answer->location.len) : NULL;
    struct moon_str to = answer->location;
    to.len = query != NULL ? (size_t)(query - to.ptr) : to.len;
    to = moon_str_cut(to, SNIPPET_BYTES);
    moon_err_set(err, MOON_E_SERVER,
                 "HTTP %d: redirected to %.*s; redirects are not followed, use the address of the "
                 "API server itself",
                 answer->status, MOON_STR_ARG(to));
}

static void describe(const struct moon_client_subject *subject,
                     const struct moon_http_answer *answer, const cJSON *status,
                     struct moon_err *err)
{
    const char *message = moon_json_string(status, "message");
    enum moon_code code = code_of(answer->status, moon_json_string(status, "reason"));
    char text[SNIPPET_BYTES + 1];
    if (answer->status >= 300 && answer->status < 400) {
        describe_redirect(answer, err);
    } else if (answer->status == 401) {
        moon_err_set(err, code, "the server does not accept the credentials of %s%s%s",
                     subject->source, message != NULL ? ": " : "", message != NULL ? message : "");
    } else if (message != NULL && message[0] != '\0') {
        moon_err_set(err, code, "%s", message);
    } else if (is_html(answer->body, answer->content_type)) {
        moon_err_set(err, code, "HTTP %d with a page of HTML (from a proxy?)", answer->status);
    } else {
        moon_err_set(err, code, "HTTP %d%s%s%s", answer->status, answer->body.len > 0 ? ": " : "",
                     snippet(answer->body, text),
                     answer->status == 404 ? " (is this an API server that has this resource?)"
                                           : "");
    }
}

/* Messages about one object name it; those about rights or a whole resource may not. */
static bool needs_subject(int http_status, const cJSON *status)
{
    if (status == NULL || http_status == 401 || http_status == 403) {
        return true;
    }
    return http_status == 404 && moon_json_string(status, "details.name") == NULL;
}

static cJSON *parse_status(struct moon_str body)
{
    struct moon_err ignored;
    if (body.len == 0 || moon_str_trim(body).ptr[0] != '{') {
        return NULL;
    }
    MOON_AUTOJSON *json = moon_json_parse(body, &ignored);
    return moon_streq(moon_json_string(json, "kind"), "Status") ? moon_steal(&json) : NULL;
}

static uint64_t retry_after(const struct moon_http_answer *answer, const cJSON *status)
{
    int64_t seconds = moon_json_int(status, "details.retryAfterSeconds", 0);
    if (answer->retry_after_ms > 0 || seconds <= 0 || seconds > 86400) {
        return answer->retry_after_ms;
    }
    return (uint64_t)seconds * 1000;
}

/* ---- judging ---- */

static int not_json(const struct moon_client_subject *subject, struct moon_str body,
                    struct moon_str content_type, struct moon_err *err)
{
    char text[SNIPPET_BYTES + 1];
    if (is_html(body, content_type)) {
        return moon_err_set(err, MOON_E_SERVER,
                            "%s %s: the answer is HTML, not JSON: is this the address of an API "
                            "server, or of a proxy or a login page?",
                            subject->verb, subject->what);
    }
    return moon_err_set(err, MOON_E_SERVER, "%s %s: the answer is not JSON: %s", subject->verb,
                        subject->what, body.len > 0 ? snippet(body, text) : "it is empty");
}

static int judge_success(const struct moon_client_subject *subject,
                         const struct moon_http_answer *answer, struct moon_err *err)
{
    struct moon_str body = moon_str_trim(answer->body);
    if (!subject->is_json && !moon_str_starts(answer->content_type, "text/html")) {
        return 0;
    }
    if (body.len == 0 || body.ptr[0] != '{') {
        return not_json(subject, body, answer->content_type, err);
    }
    /* Whoever reads it parses it; only the cut that a broken proxy makes is worth naming here. */
    if (body.ptr[body.len - 1] != '}') {
        return moon_err_set(err, MOON_E_SERVER, "%s %s: the answer is cut off after %zu bytes",
                            subject->verb, subject->what, answer->body.len);
    }
    return 0;
}

int moon_client_judge_start(const struct moon_client_subject *subject, struct moon_str piece,
                            struct moon_err *err)
{
    struct moon_str start = moon_str_trim(piece);
    if (start.len == 0 || start.ptr[0] == '{') {
        return 0;
    }
    int rc = not_json(subject, piece, (struct moon_str){0}, err);
    err->http_status = 200;
    return rc;
}

int moon_client_judge(const struct moon_client_subject *subject,
                      const struct moon_http_answer *answer, cJSON **ret_status,
                      struct moon_err *err)
{
    *ret_status = NULL;
    if (answer->status >= 200 && answer->status < 300) {
        int rc = judge_success(subject, answer, err);
        if (rc != 0) {
            err->http_status = answer->status;
        }
        return rc;
    }
    cJSON *status = parse_status(answer->body);
    describe(subject, answer, status, err);
    if (needs_subject(answer->status, status)) {
        moon_err_wrap(err, "%s %s", subject->verb, subject->what);
    }
    err->http_status = answer->status;
    err->retry_after_ms = retry_after(answer, status);
    *ret_status = status;
    return -(int)err->code;
}
