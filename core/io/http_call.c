/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_HEAD_BYTES = 256 << 10,
    MAX_WARNING_BYTES = 8 << 10,
    KEPT_BODY_BYTES = 32 << 10, /* a larger buffer is given back after the call */
    MAX_RETRY_AFTER_S = 24 * 3600,
};

/* ---- life ---- */

static void on_deadline(void *ctx)
{
    struct moon_http_call *call = MOON_CAST(moon_http_call, ctx, HTTP_CALL_MAGIC);
    moon_http_call_fail(call, MOON_E_TIMEOUT, "no complete answer in time");
    moon_http_call_expire(call);
}

/* Restarting a timer with each piece would cost more than looking at the clock when it fires. */
static void on_silence(void *ctx)
{
    struct moon_http_call *call = MOON_CAST(moon_http_call, ctx, HTTP_CALL_MAGIC);
    uint64_t silent_ms = moon_loop_now(call->http->loop) - call->last_byte_ms;
    if (call->paused || call->stalled) {
        moon_timer_start(call->silence, call->silence_ms);
    } else if (silent_ms < call->silence_ms) {
        moon_timer_start(call->silence, call->silence_ms - silent_ms);
    } else {
        moon_http_call_fail(call, MOON_E_TIMEOUT, "nothing came for %llu ms",
                            (unsigned long long)silent_ms);
        moon_http_call_expire(call);
    }
}

struct moon_http_call *moon_http_call_new(struct moon_http *http)
{
    struct moon_http_call *call = moon_new(struct moon_http_call);
    call->magic = HTTP_CALL_MAGIC;
    call->http = http;
    call->easy = curl_easy_init();
    moon_assert(call->easy != NULL);
    moon_list_init(&call->link);
    moon_buf_init(&call->warning, MAX_WARNING_BYTES);
    call->deadline = moon_timer_new(http->loop, on_deadline, call);
    call->silence = moon_timer_new(http->loop, on_silence, call);
    return call;
}

void moon_http_call_free(struct moon_http_call *call)
{
    moon_http_call_reset(call);
    curl_easy_cleanup(call->easy);
    moon_timer_free(call->deadline);
    moon_timer_free(call->silence);
    moon_buf_fini(&call->warning);
    moon_buf_fini(&call->body);
    call->magic = 0;
    moon_free(call);
}

void moon_http_call_reset(struct moon_http_call *call)
{
    curl_easy_reset(call->easy); /* also frees its copies of texts; connections are the pool's */
    curl_slist_free_all(moon_steal(&call->headers));
    curl_slist_free_all(moon_steal(&call->connect_to));
    moon_free(moon_steal(&call->url));
    call->ca_file = NULL;
    moon_buf_clear(&call->warning);
    moon_buf_clear(&call->body);
    if (call->body.capacity > KEPT_BODY_BYTES) {
        moon_buf_fini(&call->body);
    }
    call->cancelled = false;
    call->paused = false;
    call->stalled = false;
    call->enough = false;
    call->status = 0;
    call->head_bytes = 0;
    call->head_complete = false;
    call->curl_text[0] = '\0';
    call->failure = MOON_OK;
}

void moon_http_call_fail(struct moon_http_call *call, enum moon_code code, const char *fmt, ...)
{
    if (call->failure != MOON_OK) {
        return; /* the first cause counts */
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(call->failure_text, sizeof call->failure_text, fmt, args);
    va_end(args);
    call->failure = code;
}

/* ---- what comes back; both run inside libcurl ---- */

/* The texts of: 299 - "the text" [date]. https://www.rfc-editor.org/rfc/rfc7234#section-5.5 */
static void add_warning(struct moon_http_call *call, struct moon_str value)
{
    const char *open = value.len > 0 ? memchr(value.ptr, '"', value.len) : NULL;
    if (call->warning.len > 0) {
        moon_buf_puts(&call->warning, "; ");
    }
    if (open == NULL) {
        moon_buf_add_str(&call->warning, value);
        return;
    }
    const char *end = value.ptr + value.len;
    for (const char *p = open + 1; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
        }
        moon_buf_putc(&call->warning, *p);
    }
}

size_t moon_http_on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct moon_http_call *call = MOON_CAST(moon_http_call, ctx, HTTP_CALL_MAGIC);
    struct moon_str line = {data, size * count};
    if (call->cancelled) {
        return 0;
    }
    call->last_byte_ms = moon_loop_now(call->http->loop);
    call->head_bytes += line.len;
    if (call->head_bytes > MAX_HEAD_BYTES) {
        moon_http_call_fail(call, MOON_E_LIMIT, "the answer's head is larger than %d bytes",
                            (int)MAX_HEAD_BYTES);
        return 0;
    }
    call->head_complete = moon_str_is(moon_str_trim(line), "");
    static const char name[] = "warning:";
    if (line.len >= sizeof name - 1 && strncasecmp(line.ptr, name, sizeof name - 1) == 0) {
        struct moon_str value = {line.ptr + sizeof name - 1, line.len - (sizeof name - 1)};
        add_warning(call, moon_str_trim(value));
    }
    return line.len;
}

static bool collect(struct moon_http_call *call, struct moon_str piece)
{
    if (call->on_data != NULL) {
        size_t room = MAX_ERROR_BODY_BYTES - call->body.len;
        moon_buf_add(&call->body, piece.ptr, piece.len < room ? piece.len : room);
        call->enough = piece.len > room;
        return !call->enough;
    }
    moon_buf_add_str(&call->body, piece);
    if (call->body.overflow) {
        moon_http_call_fail(call, MOON_E_LIMIT, "the answer is larger than %zu bytes",
                            call->max_body_bytes);
    }
    return !call->body.overflow;
}

static bool stream(struct moon_http_call *call, struct moon_str piece)
{
    bool go_on = call->on_data(piece, call->ctx);
    if (!go_on) {
        moon_http_call_fail(call, MOON_E_CANCELLED, "the reader wants no more");
    }
    return go_on && !call->cancelled;
}

size_t moon_http_on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct moon_http_call *call = MOON_CAST(moon_http_call, ctx, HTTP_CALL_MAGIC);
    struct moon_str piece = {data, size * count};
    if (call->cancelled) {
        return 0; /* ends the transfer */
    }
    if (call->paused) {
        call->stalled = true;
        return CURL_WRITEFUNC_PAUSE; /* libcurl keeps the piece */
    }
    call->last_byte_ms = moon_loop_now(call->http->loop);
    if (call->status == 0) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    }
    bool streamed = call->on_data != NULL && call->status >= 200 && call->status < 300;
    bool go_on = streamed ? stream(call, piece) : collect(call, piece);
    return go_on ? piece.len : 0;
}

/* ---- what became of it ---- */

static struct moon_str info_text(const struct moon_http_call *call, CURLINFO info)
{
    char *text = NULL;
    curl_easy_getinfo(call->easy, info, &text);
    return moon_str(text);
}

static long info_long(const struct moon_http_call *call, CURLINFO info)
{
    long value = 0;
    curl_easy_getinfo(call->easy, info, &value);
    return value;
}

static bool was_sent(const struct moon_http_call *call)
{
    /* Bytes of a request that libcurl handed to the connection, over all its attempts. */
    return info_long(call, CURLINFO_REQUEST_SIZE) > 0;
}

void moon_http_call_answer(struct moon_http_call *call, struct moon_http_answer *ret)
{
    *ret = (struct moon_http_answer){0};
    if (call->state != CALL_FLYING) {
        return;
    }
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (retry_after_s > MAX_RETRY_AFTER_S) {
        retry_after_s = MAX_RETRY_AFTER_S;
    }
    ret->status = (int)info_long(call, CURLINFO_RESPONSE_CODE);
    ret->retry_after_ms = retry_after_s > 0 ? (uint64_t)retry_after_s * 1000 : 0;
    ret->content_type = info_text(call, CURLINFO_CONTENT_TYPE);
    ret->location = info_text(call, CURLINFO_REDIRECT_URL);
    ret->warning = moon_buf_str(&call->warning);
    ret->body = moon_buf_str(&call->body);
    ret->sent = was_sent(call);
}

static enum moon_code code_of(const struct moon_http_call *call, CURLcode result)
{
    if (result == CURLE_URL_MALFORMAT || result == CURLE_BAD_FUNCTION_ARGUMENT) {
        return MOON_E_INVALID;
    }
    if (result == CURLE_UNSUPPORTED_PROTOCOL) {
        return was_sent(call) ? MOON_E_NETWORK /* the answer is not HTTP */ : MOON_E_INVALID;
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        return MOON_E_TIMEOUT;
    }
    if (result == CURLE_OUT_OF_MEMORY) {
        return MOON_E_LIMIT; /* how libcurl reports a header line beyond its own limit */
    }
    return MOON_E_NETWORK;
}

/* The URL as far as it may be shown: no user and password, no query. */
static struct moon_str shown_url(const char *url)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t host_len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', host_len);
    const char *start = at != NULL ? at + 1 : url;
    return (struct moon_str){start, strcspn(start, "?#")};
}

int moon_http_call_outcome(struct moon_http_call *call, CURLcode result, struct moon_err *err)
{
    enum moon_code code = call->failure;
    const char *text = call->failure_text;
    if (code == MOON_OK && result == CURLE_OK && !call->head_complete) {
        /* libcurl is content with a status line, but a cut answer is not an empty one. */
        code = MOON_E_NETWORK;
        text = "the connection was closed in the middle of the answer's head";
    }
    if (code == MOON_OK) {
        if (result == CURLE_OK || (call->enough && result == CURLE_WRITE_ERROR)) {
            return 0;
        }
        code = code_of(call, result);
        text = call->curl_text[0] != '\0' ? call->curl_text : curl_easy_strerror(result);
    }
    struct moon_str url = shown_url(call->url);
    (void)moon_err_set(err, code, "%s %.*s: %s", call->method, MOON_STR_ARG(url), text);
    if (result == CURLE_PEER_FAILED_VERIFICATION && call->ca_file != NULL) {
        (void)moon_err_set(err, code, "%s (trusted is what %s signed)", err->text, call->ca_file);
    }
    return -(int)code;
}
