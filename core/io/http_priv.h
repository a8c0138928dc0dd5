/* SPDX-License-Identifier: Apache-2.0
 *
 * http_priv.h - what the files of the HTTP client share: http.c (the pool of connections on the
 * loop, the queue), http_call.c (one call: libcurl's callbacks, what became of it),
 * http_setup.c (a request to libcurl options). They are the home of curl/curl.h. Layer: io.
 */
#ifndef MOON_IO_HTTP_PRIV_H
#define MOON_IO_HTTP_PRIV_H

#include <curl/curl.h>

#include "base/list.h"
#include "io/http.h"

struct moon_http {
    unsigned magic;
    struct moon_loop *loop;
    CURLM *multi;
    struct moon_timer *timer; /* libcurl's own time-outs */
    struct moon_list sockets; /* that libcurl wants to be told about */
    struct moon_list waiting; /* calls in the order they came */
    struct moon_list flying;  /* calls that libcurl has */
    struct moon_list idle;    /* calls that are over, kept with their easy handles */
    size_t waiting_count;
    size_t flying_count;
    size_t idle_count;
    struct moon_defer *pump_later;
    bool in_curl;      /* a libcurl callback may be on the stack: libcurl must not be called */
    unsigned busy;     /* callbacks of users may be on the stack: no freeing */
    bool dead;         /* moon_http_free came meanwhile */
    bool have_doomed;  /* a flying call was cancelled inside libcurl */
    bool have_resumed; /* a stalled call may go on */

    char *user_agent;
    unsigned max_in_flight;
    unsigned max_idle;
    bool http1_only;
};

enum call_state {
    CALL_IDLE,
    CALL_WAITING,
    CALL_FLYING,
    CALL_DONE
};

struct moon_http_call {
    unsigned magic;
    enum call_state state;
    struct moon_list link; /* in waiting, flying or idle */
    struct moon_http *http;
    CURL *easy;
    char curl_text[CURL_ERROR_SIZE];
    struct curl_slist *headers;
    struct curl_slist *connect_to;

    bool cancelled; /* its owner does not want to hear of it any more */
    bool paused;    /* its owner wants no data now… */
    bool stalled;   /* …and libcurl has been told so */
    bool enough;    /* of an error body: the rest is not wanted */

    char method[16]; /* method and URL for error texts */
    char *url;
    const char *ca_file; /* the same, borrowed; NULL: none was given, or it was a text */
    size_t max_body_bytes;
    uint64_t silence_ms;
    uint64_t last_byte_ms;
    struct moon_timer *deadline;
    struct moon_timer *silence;
    bool (*on_data)(struct moon_str piece, void *ctx);
    void (*on_done)(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx);
    void *ctx;

    long status; /* known when the first body byte comes; 0 before */
    size_t head_bytes;
    bool head_complete; /* the empty line after the last header has come */
    struct moon_buf warning;
    struct moon_buf body;
    enum moon_code failure; /* ours, more telling than libcurl's; MOON_OK: none */
    char failure_text[128];
};

enum {
    HTTP_MAGIC = 0x4774,
    HTTP_CALL_MAGIC = 0x4ca1
};

/* Of the body of an answer that is not the expected stream: enough for an error text. */
enum {
    MAX_ERROR_BODY_BYTES = 64 << 10
};

/* http.c */
/* End a call whose failure has been recorded; not from inside libcurl. */
void moon_http_call_expire(struct moon_http_call *call);

/* http_call.c */
struct moon_http_call *moon_http_call_new(struct moon_http *http);
void moon_http_call_free(struct moon_http_call *call);
/* Forget the request; the handle can be used again. */
void moon_http_call_reset(struct moon_http_call *call);
void moon_http_call_fail(struct moon_http_call *call, enum moon_code code, const char *fmt, ...)
    MOON_PRINTF(3, 4);
void moon_http_call_answer(struct moon_http_call *call, struct moon_http_answer *ret);
/* MOON_OK when an answer came; else *err is set. */
int moon_http_call_outcome(struct moon_http_call *call, CURLcode result, struct moon_err *err);
size_t moon_http_on_header(char *data, size_t size, size_t count, void *ctx);
size_t moon_http_on_body(char *data, size_t size, size_t count, void *ctx);

/* http_setup.c: what cannot be set is recorded as the call's failure. */
void moon_http_call_setup(struct moon_http_call *call, const struct moon_http_request *request);

#endif
