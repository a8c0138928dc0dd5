/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd_priv.h"

#include <string.h>

/* libmicrohttpd allocates this with each streamed answer, but uses it for HTTP/1.0 clients only:
 * chunks are built in the connection's own memory. */
enum {
    STREAM_BLOCK_BYTES = 1024
};
/* An emptied queue that has grown larger than this gives its memory back. */
enum {
    KEPT_QUEUE_BYTES = 32 << 10
};

void moon_httpd_on_close(struct moon_httpd_request *r, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    r->on_close = fn;
    r->on_close_ctx = ctx;
}

void moon_httpd_add_header(struct moon_httpd_request *r, const char *name, const char *value)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC && r->response == NULL);
    struct answer_header *h = moon_new(struct answer_header);
    h->name = moon_strdup(name);
    h->value = moon_strdup(value);
    moon_list_append(&r->headers, &h->link);
}

static void set_response(struct moon_httpd_request *r, struct MHD_Response *response, int status,
                         const char *content_type)
{
    moon_assert(response != NULL);
    r->response = response;
    r->status = status;
    if (content_type != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    moon_list_foreach (it, &r->headers) {
        const struct answer_header *h = moon_container_of(it, struct answer_header, link);
        MHD_add_response_header(response, h->name, h->value);
    }
}

enum MHD_Result moon_httpd_queue_answer(struct moon_httpd_request *r)
{
    moon_assert(r->response != NULL);
    return MHD_queue_response(r->connection, (unsigned)r->status, r->response);
}

void moon_httpd_reply(struct moon_httpd_request *r, int status, const char *content_type,
                      struct moon_str body)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    if (r->state == ABORTED) {
        return;
    }
    moon_assert(r->state == PENDING);
    /* libmicrohttpd only reads it, it has just forgotten to say so. */
    void *data = (void *)(uintptr_t)body.ptr;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, data, MHD_RESPMEM_MUST_COPY);
    set_response(r, response, status, content_type);
    r->state = ANSWERED;
    moon_httpd_resume(r);
}

/* ---- streams ---- */

static size_t queued(const struct moon_httpd_request *r)
{
    return r->queue.len - r->queue_pos;
}

static size_t take_queued(struct moon_httpd_request *r, char *out, size_t max)
{
    size_t n = queued(r) < max ? queued(r) : max;
    memcpy(out, r->queue.data + r->queue_pos, n);
    r->queue_pos += n;
    if (queued(r) == 0) {
        size_t max_bytes = r->queue.max_bytes;
        r->queue_pos = 0;
        moon_buf_clear(&r->queue);
        if (r->queue.capacity > KEPT_QUEUE_BYTES) {
            moon_buf_fini(&r->queue);
            moon_buf_init(&r->queue, max_bytes);
        }
    }
    return n;
}

static ssize_t on_read(void *cls, uint64_t pos MOON_UNUSED, char *out, size_t max)
{
    struct moon_httpd_request *r = MOON_CAST(moon_httpd_request, cls, HTTPD_REQUEST_MAGIC);
    if (queued(r) > 0) {
        return (ssize_t)take_queued(r, out, max);
    }
    if (r->state == ABORTED) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (r->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    /* Sleep first, then say that there is nothing: the other way round libmicrohttpd spins. */
    moon_httpd_suspend(r);
    return 0;
}

void moon_httpd_reply_cut(struct moon_httpd_request *r, int status, const char *content_type,
                          struct moon_str body, size_t sent_bytes)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC && sent_bytes <= body.len);
    if (r->state == ABORTED) {
        return;
    }
    moon_assert(r->state == PENDING);
    moon_buf_init(&r->queue, sent_bytes + 1);
    moon_buf_add(&r->queue, body.ptr, sent_bytes);
    /* The head announces all of it. */
    struct MHD_Response *response =
        MHD_create_response_from_callback(body.len, STREAM_BLOCK_BYTES, on_read, r, NULL);
    set_response(r, response, status, content_type);
    r->is_cut = true;
    r->state = ABORTED;
    moon_httpd_resume(r);
}

void moon_httpd_stream_begin(struct moon_httpd_request *r, int status, const char *content_type,
                             size_t max_queued_bytes)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC && max_queued_bytes > 0);
    if (r->state == ABORTED) {
        return;
    }
    moon_assert(r->state == PENDING);
    r->max_queued_bytes = max_queued_bytes;
    /* Bytes already taken are squeezed out once they are half of it. */
    moon_buf_init(&r->queue, 2 * max_queued_bytes);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_read, r, NULL);
    set_response(r, response, status, content_type);
    r->state = STREAMING;
    moon_httpd_resume(r);
}

void moon_httpd_stream_write(struct moon_httpd_request *r, struct moon_str data)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    if (r->state == ABORTED || data.len == 0) {
        return;
    }
    moon_assert(r->state == STREAMING && !r->ended);
    if (queued(r) > r->max_queued_bytes || data.len > r->max_queued_bytes - queued(r)) {
        moon_httpd_drop(r);
        return;
    }
    if (r->queue_pos > r->queue.len / 2) {
        moon_buf_consume(&r->queue, r->queue_pos);
        r->queue_pos = 0;
    }
    moon_buf_add_str(&r->queue, data);
    moon_assert(!r->queue.overflow);
    moon_httpd_resume(r);
}

void moon_httpd_stream_limit(struct moon_httpd_request *r, size_t max_queued_bytes)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    if (r->state == STREAMING) {
        moon_assert(max_queued_bytes > 0 && 2 * max_queued_bytes <= r->queue.max_bytes);
        r->max_queued_bytes = max_queued_bytes;
    }
}

void moon_httpd_stream_end(struct moon_httpd_request *r)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    if (r->state == ABORTED) {
        return;
    }
    moon_assert(r->state == STREAMING && !r->ended);
    r->ended = true;
    moon_httpd_resume(r);
}

void moon_httpd_abort(struct moon_httpd_request *r)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC);
    if (r->state != ABORTED) {
        /* What was written before still goes out. */
        r->state = ABORTED;
        moon_httpd_resume(r);
    }
}
