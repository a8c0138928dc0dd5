/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - asking over HTTP: libcurl's multi interface on the loop.
 *
 * A moon_http is one pool of connections to anywhere (one for watches, one for writes, so that long
 * streams never starve short calls). HTTP/2 when the other side offers it over TLS; a new call
 * waits for a connection being opened rather than opening another. Redirects are never followed: an
 * API server does not redirect, and credentials must not wander. Everything has a deadline and a
 * size limit. A completion callback runs exactly once, never from inside moon_http_send and never
 * after moon_http_cancel. Layer: io.
 */
#ifndef MOON_IO_HTTP_H
#define MOON_IO_HTTP_H

#include "base/buf.h"
#include "io/loop.h"

struct moon_http;
struct moon_http_call;

struct moon_http_opts {
    const char *user_agent; /* required */
    unsigned max_in_flight; /* further calls wait in order; 0 = no limit (watches) */
    unsigned max_idle;      /* connections kept besides those in use; 0 = 8 */
    bool http1_only;
};

/* Trust and identity of one server. Paths or PEM text; text wins. Borrowed by moon_http_send until
 * the call ends, except texts, which libcurl copies. */
struct moon_tls {
    char *ca_file;
    char *ca_pem;
    char *cert_file; /* client certificate */
    char *cert_pem;
    char *key_file;
    char *key_pem;
    char *server_name; /* name to verify and to send as SNI instead of the URL's host */
    bool insecure;
};
MOON_API void moon_tls_fini(struct moon_tls *tls);

struct moon_http_answer {
    int status;
    struct moon_str body;         /* empty when on_data was given; valid during the callback */
    struct moon_str content_type; /* as sent; valid during the callback */
    struct moon_str location;     /* of a redirect, for the error text */
    struct moon_str warning;      /* Warning headers' texts joined by "; " */
    uint64_t retry_after_ms;      /* from Retry-After (seconds or date), 0 without */
    bool sent;                    /* false: certain that the other side saw nothing of it */
};

struct moon_http_request {
    const char *method; /* "GET", … */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL = none; copied */
    struct moon_str body;       /* copied; a NULL ptr sends none */
    const struct moon_tls *tls; /* NULL: the system's trust */
    const char *proxy;          /* NULL: proxy environment variables decide; "" = none */
    /* The last two follow the loop's clock, which may be virtual; the first one the real clock. */
    uint64_t connect_timeout_ms; /* 0 = 10 s */
    uint64_t timeout_ms;         /* from moon_http_send to the end; 0 = none (streams) */
    uint64_t silence_ms;         /* fail when no byte came for so long; 0 = none */
    size_t max_body_bytes;       /* of the answer; 0 = 16 MB. With on_data: not checked for 2xx */

    /* Stream a 2xx body piece by piece instead of collecting it; other bodies are collected (at
     * most 64 KB) for the error text. A false return ends the call with MOON_E_CANCELLED. */
    bool (*on_data)(struct moon_str piece, void *ctx);
    /* err == NULL: an answer came, whatever its status. Else no (complete) answer: NETWORK,
     * TIMEOUT, LIMIT, or INVALID for a request that cannot be made; `answer` then holds what is
     * known (status 0 when nothing came). */
    void (*on_done)(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx);
    void *ctx;
};

MOON_API struct moon_http *moon_http_new(struct moon_loop *loop, const struct moon_http_opts *opts,
                                         struct moon_err *err);
/* Cancels what is in flight. NULL is fine. */
MOON_API void moon_http_free(struct moon_http *http);

/* Never fails at once: a bad URL is reported through on_done. The handle is valid until on_done
 * has run or the call was cancelled. */
MOON_API struct moon_http_call *moon_http_send(struct moon_http *http,
                                               const struct moon_http_request *request);
MOON_API void moon_http_cancel(struct moon_http_call *call);
/* Give the on_data receiver time: pause or resume reading from the connection. */
MOON_API void moon_http_pause(struct moon_http_call *call, bool paused);

/* Calls in flight and waiting. */
MOON_API size_t moon_http_pending(const struct moon_http *http);

/* %XX-escape for a path segment or a query value. */
MOON_API void moon_http_escape(struct moon_buf *out, struct moon_str text);
/* A line break in a token would let it add headers of its own. */
MOON_API bool moon_http_is_token(struct moon_str text);
/* "Authorization: Bearer …" with the token that a file holds; errors name the file. */
MOON_API int moon_http_bearer(const char *path, struct moon_buf *out, struct moon_err *err);

#endif
