/* SPDX-License-Identifier: Apache-2.0
 *
 * httpd_priv.h - what the files of the HTTP server share: httpd.c (the daemon on the loop),
 * httpd_request.c (a request on its way in, and its texts), httpd_reply.c (the answer, at once or
 * as a stream), httpd_listen.c (the port). They are the home of microhttpd.h. Layer: io.
 *
 * Life of a request: READING (head and body arrive) → PENDING (the handler has it; the connection
 * sleeps in libmicrohttpd until there is an answer) → ANSWERED or STREAMING → freed when
 * libmicrohttpd says that it has ended. ABORTED can follow any of them.
 */
#ifndef MOON_IO_HTTPD_PRIV_H
#define MOON_IO_HTTPD_PRIV_H

#include <microhttpd.h>

#include "base/list.h"
#include "base/map.h"
#include "io/httpd.h"

struct moon_httpd {
    unsigned magic;
    struct moon_loop *loop;
    struct MHD_Daemon *mhd;
    struct moon_fd *fd;       /* libmicrohttpd's epoll descriptor */
    struct moon_timer *timer; /* its time-outs */
    struct moon_prepare *prepare;
    bool need_run; /* something was resumed: nothing moves before the next MHD_run */
    bool running;

    /* libmicrohttpd does not look at suspended connections, so it would not notice that the other
     * side is gone before the next write. This epoll does. */
    int gone_epoll;
    struct moon_fd *gone_fd;

    struct moon_list requests;
    struct moon_list connections;
    int listen_fd; /* libmicrohttpd's */
    uint16_t port;
    size_t max_body_bytes;
    void (*handler)(struct moon_httpd_request *request, void *ctx);
    void *ctx;
};

/* What libmicrohttpd keeps open, with or without a request. */
struct connection {
    struct moon_list link;
    int fd;
};

enum request_state {
    READING,
    PENDING,
    ANSWERED,
    STREAMING,
    ABORTED
};

struct answer_header {
    struct moon_list link;
    char *name;
    char *value;
};

struct moon_httpd_request {
    unsigned magic;
    enum request_state state;
    bool suspended;
    bool watched; /* registered in gone_epoll */
    struct moon_list link;
    struct moon_httpd *d;
    struct MHD_Connection *connection; /* NULL: ended, but kept */

    const char *method; /* NULL until the head has been read */
    char *path;
    char *query;           /* raw text after '?'; NULL without */
    struct moon_map *args; /* decoded; NULL until asked for */
    struct moon_buf body;
    size_t body_seen; /* bytes that came, kept or not */
    bool is_kept;
    char *kept_method;
    struct moon_map *kept_headers; /* by name in lower case */

    struct moon_list headers; /* of the answer */
    struct MHD_Response *response;
    int status;

    struct moon_buf queue; /* streamed bytes not yet taken by libmicrohttpd… */
    size_t queue_pos;      /* …from here on */
    size_t max_queued_bytes;
    bool ended;
    bool is_cut; /* ABORTED from the start, but head and queue are sent */

    void (*on_close)(void *ctx);
    void *on_close_ctx;
};

enum {
    HTTPD_MAGIC = 0x477d,
    HTTPD_REQUEST_MAGIC = 0x4771
};

/* httpd_listen.c */
int moon_httpd_listen(const char *listen, int *ret_fd, uint16_t *ret_port, struct moon_err *err);

/* httpd_request.c: libmicrohttpd's callbacks. */
void *moon_httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result moon_httpd_on_access(void *cls, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version,
                                     const char *upload_data, size_t *upload_size, void **con_cls);
void moon_httpd_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                             enum MHD_RequestTerminationCode code);

/* Let the connection sleep until there is something to send; inside libmicrohttpd's callbacks. */
void moon_httpd_suspend(struct moon_httpd_request *r);
/* Wake it; fine when it is awake. */
void moon_httpd_resume(struct moon_httpd_request *r);
/* The other side is gone, or is to be treated so: drop what is queued and end. */
void moon_httpd_drop(struct moon_httpd_request *r);

/* httpd_reply.c: hand the answer to libmicrohttpd. */
enum MHD_Result moon_httpd_queue_answer(struct moon_httpd_request *r);

#endif
