/* SPDX-License-Identifier: Apache-2.0
 *
 * httpd.h - answering HTTP: libmicrohttpd on the loop, without a thread of its own.
 *
 * A handler gets the whole request (head and body, capped) and answers now or later, at once or as
 * a stream. HTTP/1.1 without TLS: it serves loopback (the simulated API server) and a pod's admin
 * port. Layer: io.
 */
#ifndef MOON_IO_HTTPD_H
#define MOON_IO_HTTPD_H

#include "base/buf.h"
#include "io/loop.h"

struct moon_httpd;
struct moon_httpd_request; /* valid until it is answered or its on_close has run */

struct moon_httpd_opts {
    const char *listen;    /* "127.0.0.1:8080", "[::1]:0", ":9090" (all addresses); port 0: any */
    size_t max_body_bytes; /* larger: 413 without the handler; 0 = 3 MB */
    unsigned max_connections; /* 0 = 1000 */
    void (*handler)(struct moon_httpd_request *request, void *ctx);
    void *ctx;
};

MOON_API struct moon_httpd *
moon_httpd_new(struct moon_loop *loop, const struct moon_httpd_opts *opts, struct moon_err *err);
/* Ends open requests (their on_close runs) and closes the port. NULL is fine. */
MOON_API void moon_httpd_free(struct moon_httpd *d);
MOON_API uint16_t moon_httpd_port(const struct moon_httpd *d);
/* End all connections at once, idle ones and those not accepted yet too, as if the process had been
 * killed (fault injection); the port stays open. What had arrived but was not handled is lost;
 * on_close of open requests runs later, from the loop. */
MOON_API void moon_httpd_end_connections(struct moon_httpd *d);

/* The request; texts live as long as it does. */
MOON_API const char *moon_httpd_method(const struct moon_httpd_request *r);
MOON_API const char *moon_httpd_path(const struct moon_httpd_request *r); /* still %-escaped */
MOON_API const char *moon_httpd_header(const struct moon_httpd_request *r, const char *name);
/* Decoded query argument; NULL when absent, "" when it has no value. */
MOON_API const char *moon_httpd_query(const struct moon_httpd_request *r, const char *name);
/* Does it come from this machine itself (a loopback address)? */
MOON_API bool moon_httpd_is_local(const struct moon_httpd_request *r);
MOON_API struct moon_str moon_httpd_body(const struct moon_httpd_request *r);

/* Told when the request has ended: answered in full, or the other side went away. Optional. */
MOON_API void moon_httpd_on_close(struct moon_httpd_request *r, void (*fn)(void *ctx), void *ctx);

/* Keep the texts of the request beyond its end, for somebody who handles it whether or not its
 * sender waits (fault injection). Answers after the end go nowhere. Before the end; and release in
 * any case. */
MOON_API void moon_httpd_keep(struct moon_httpd_request *r);
MOON_API void moon_httpd_release(struct moon_httpd_request *r);

/* An extra answer header; before the reply. */
MOON_API void moon_httpd_add_header(struct moon_httpd_request *r, const char *name,
                                    const char *value);
/* Answer in one piece (body copied). */
MOON_API void moon_httpd_reply(struct moon_httpd_request *r, int status, const char *content_type,
                               struct moon_str body);

/* The same, but the connection ends after the first `sent_bytes` of the body (fault injection). */
MOON_API void moon_httpd_reply_cut(struct moon_httpd_request *r, int status,
                                   const char *content_type, struct moon_str body,
                                   size_t sent_bytes);

/* Answer as a stream (chunked): begin, write any number of times, end. Writes are queued; a reader
 * that leaves more than `max_queued_bytes` unread is cut off. After the other side went away
 * (on_close), writes do nothing. */
MOON_API void moon_httpd_stream_begin(struct moon_httpd_request *r, int status,
                                      const char *content_type, size_t max_queued_bytes);
MOON_API void moon_httpd_stream_write(struct moon_httpd_request *r, struct moon_str data);
/* Another bound from the next write on; at most the one of the beginning. */
MOON_API void moon_httpd_stream_limit(struct moon_httpd_request *r, size_t max_queued_bytes);
MOON_API void moon_httpd_stream_end(struct moon_httpd_request *r);
/* End without the final chunk, as a crashed server would (fault injection). With nothing sent yet
 * the connection is closed without an answer. */
MOON_API void moon_httpd_abort(struct moon_httpd_request *r);

#endif
