/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_microhttpd.h"

#include <stdarg.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/buf.h"
#include "base/list.h"

enum {
    PIECE_BYTES = 4096,
    ANSWER_MAX_BYTES = 256 << 20
};

typedef void *uri_fn(void *cls, const char *uri, struct MHD_Connection *connection);

struct MHD_Daemon {
    MHD_AccessHandlerCallback on_access;
    void *access_cls;
    uri_fn *on_uri;
    void *uri_cls;
    MHD_RequestCompletedCallback on_completed;
    void *completed_cls;
    int listen_fd;
    union MHD_DaemonInfo epoll;
    struct moon_list connections; /* oldest first */
};

struct MHD_Response {
    unsigned refs;
    char *content_type;
    struct moon_buf body;
    MHD_ContentReaderCallback read; /* NULL: the body is all */
    void *read_cls;
};

struct MHD_Connection {
    struct moon_list link;
    struct MHD_Daemon *daemon;
    char *method; /* what the server may look at as long as the request is open */
    struct {
        char *name;
        char *value;
    } headers[FAKE_MHD_MAX_HEADERS];
    size_t header_count;
    void *con_cls;
    bool suspended;
    int status;
    struct MHD_Response *response;
    struct moon_buf answer;
};

static struct MHD_Daemon *server;
static void (*answer_fn)(const struct fake_mhd_answer *answer, void *ctx);
static void *answer_ctx;

void fake_mhd_on_answer(void (*fn)(const struct fake_mhd_answer *answer, void *ctx), void *ctx)
{
    answer_fn = fn;
    answer_ctx = ctx;
}

/* ---- the life of a connection ---- */

static void response_unref(struct MHD_Response *response)
{
    if (response != NULL && --response->refs == 0) {
        moon_free(response->content_type);
        moon_buf_fini(&response->body);
        moon_free(response);
    }
}

static void finish(struct MHD_Connection *c, enum MHD_RequestTerminationCode code)
{
    const struct fake_mhd_answer answer = {
        .status = c->status,
        .content_type = c->response != NULL ? c->response->content_type : NULL,
        .body = moon_buf_str(&c->answer),
        .is_stream = c->response != NULL && c->response->read != NULL,
        .is_whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK};
    moon_list_remove(&c->link);
    c->daemon->on_completed(c->daemon->completed_cls, c, &c->con_cls, code);
    moon_assert(c->con_cls == NULL);
    if (answer_fn != NULL) {
        answer_fn(&answer, answer_ctx);
    }
    response_unref(c->response);
    moon_buf_fini(&c->answer);
    for (size_t i = 0; i < c->header_count; i++) {
        moon_free(c->headers[i].name);
        moon_free(c->headers[i].value);
    }
    moon_free(c->method);
    moon_free(c);
}

/* Read what the stream has; it goes to sleep, ends or fails. */
static void read_stream(struct MHD_Connection *c)
{
    char piece[PIECE_BYTES];
    while (!c->suspended) {
        ssize_t n = c->response->read(c->response->read_cls, c->answer.len, piece, sizeof(piece));
        if (n < 0) {
            finish(c, n == MHD_CONTENT_READER_END_OF_STREAM ? MHD_REQUEST_TERMINATED_COMPLETED_OK
                                                            : MHD_REQUEST_TERMINATED_WITH_ERROR);
            return;
        }
        moon_assert(n > 0 || c->suspended); /* libmicrohttpd would spin */
        moon_buf_add(&c->answer, piece, (size_t)n);
    }
}

/* One call of the handler; no data: the head, or the end of the body. */
static void call_handler(struct MHD_Connection *c, const char *data, size_t size)
{
    struct MHD_Daemon *d = c->daemon;
    if (d->on_access(d->access_cls, c, "", c->method, "HTTP/1.1", data, &size, &c->con_cls) !=
        MHD_YES) {
        finish(c, MHD_REQUEST_TERMINATED_WITH_ERROR);
        return;
    }
    if (c->response != NULL && c->response->read == NULL) {
        moon_buf_add_str(&c->answer, moon_buf_str(&c->response->body));
        finish(c, MHD_REQUEST_TERMINATED_COMPLETED_OK);
    } else if (c->response != NULL) {
        read_stream(c);
    } else {
        moon_assert(size == 0); /* all of the piece was taken */
    }
}

static bool is_open(const struct MHD_Connection *wanted)
{
    moon_list_foreach (it, &server->connections) {
        if (moon_container_of(it, struct MHD_Connection, link) == wanted) {
            return true;
        }
    }
    return false;
}

static struct MHD_Connection *accept_connection(const struct fake_mhd_request *request)
{
    struct MHD_Connection *c = moon_new(struct MHD_Connection);
    c->daemon = server;
    c->method = moon_strdup(request->method);
    c->header_count = request->header_count;
    for (size_t i = 0; i < request->header_count; i++) {
        c->headers[i].name = moon_strdup(request->headers[i].name);
        c->headers[i].value = moon_strdup(request->headers[i].value);
    }
    moon_buf_init(&c->answer, ANSWER_MAX_BYTES);
    moon_list_append(&server->connections, &c->link);
    c->con_cls = server->on_uri(server->uri_cls, request->target, c);
    return c;
}

void fake_mhd_send(const struct fake_mhd_request *request)
{
    struct MHD_Connection *c = accept_connection(request);
    struct moon_str rest = request->body;
    call_handler(c, NULL, 0);
    while (rest.len > 0 && is_open(c) && c->response == NULL) {
        size_t n = rest.len < PIECE_BYTES ? rest.len : PIECE_BYTES;
        call_handler(c, rest.ptr, n);
        rest = (struct moon_str){rest.ptr + n, rest.len - n};
    }
    if (is_open(c) && c->response == NULL) {
        call_handler(c, NULL, 0);
    }
}

void fake_mhd_pump(void)
{
    moon_list_foreach (it, &server->connections) {
        struct MHD_Connection *c = moon_container_of(it, struct MHD_Connection, link);
        if (!c->suspended && c->response != NULL) {
            read_stream(c);
        }
    }
}

void fake_mhd_hang_up(void)
{
    if (!moon_list_is_empty(&server->connections)) {
        finish(moon_container_of(server->connections.next, struct MHD_Connection, link),
               MHD_REQUEST_TERMINATED_CLIENT_ABORT);
    }
}

/* ---- libmicrohttpd's names ---- */

struct MHD_Daemon *MHD_start_daemon(unsigned flags MOON_UNUSED, uint16_t port MOON_UNUSED,
                                    MHD_AcceptPolicyCallback apc MOON_UNUSED,
                                    void *apc_cls MOON_UNUSED, MHD_AccessHandlerCallback dh,
                                    void *dh_cls, ...)
{
    va_list args;
    int option;
    moon_assert(server == NULL);
    server = moon_new(struct MHD_Daemon);
    server->on_access = dh;
    server->access_cls = dh_cls;
    server->listen_fd = -1;
    va_start(args, dh_cls);
    while ((option = va_arg(args, int)) != MHD_OPTION_END) {
        if (option == MHD_OPTION_LISTEN_SOCKET) {
            server->listen_fd = va_arg(args, int);
        } else if (option == MHD_OPTION_URI_LOG_CALLBACK) {
            server->on_uri = va_arg(args, uri_fn *);
            server->uri_cls = va_arg(args, void *);
        } else if (option == MHD_OPTION_NOTIFY_CONNECTION) {
            (void)va_arg(args, MHD_NotifyConnectionCallback); /* there are no connections */
            (void)va_arg(args, void *);
        } else if (option == MHD_OPTION_NOTIFY_COMPLETED) {
            server->on_completed = va_arg(args, MHD_RequestCompletedCallback);
            server->completed_cls = va_arg(args, void *);
        } else {
            moon_assert(option == MHD_OPTION_CONNECTION_LIMIT ||
                        option == MHD_OPTION_CONNECTION_TIMEOUT);
            (void)va_arg(args, unsigned);
        }
    }
    va_end(args);
    server->epoll.epoll_fd = epoll_create1(EPOLL_CLOEXEC); /* nothing is ever ready on it */
    moon_list_init(&server->connections);
    return server;
}

void MHD_stop_daemon(struct MHD_Daemon *daemon)
{
    moon_list_foreach (it, &daemon->connections) {
        finish(moon_container_of(it, struct MHD_Connection, link),
               MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN);
    }
    close(daemon->epoll.epoll_fd);
    close(daemon->listen_fd);
    server = NULL;
    moon_free(daemon);
}

enum MHD_Result MHD_run(struct MHD_Daemon *daemon MOON_UNUSED)
{
    fake_mhd_pump();
    return MHD_YES;
}

enum MHD_Result MHD_get_timeout(struct MHD_Daemon *daemon MOON_UNUSED,
                                MHD_UNSIGNED_LONG_LONG *timeout MOON_UNUSED)
{
    return MHD_NO;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                enum MHD_DaemonInfoType info_type MOON_UNUSED, ...)
{
    return &daemon->epoll;
}

/* No descriptor: what is done to it fails, and that is allowed to happen. */
const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *connection MOON_UNUSED,
                        enum MHD_ConnectionInfoType info_type MOON_UNUSED, ...)
{
    static const union MHD_ConnectionInfo none = {.connect_fd = -1};
    return &none;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *connection,
                                        enum MHD_ValueKind kind MOON_UNUSED, const char *key)
{
    for (size_t i = 0; i < connection->header_count; i++) {
        if (strcasecmp(connection->headers[i].name, key) == 0) {
            return connection->headers[i].value;
        }
    }
    return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                              MHD_KeyValueIterator iterator, void *iterator_cls)
{
    for (size_t i = 0; i < connection->header_count; i++) {
        if (iterator(iterator_cls, kind, connection->headers[i].name,
                     connection->headers[i].value) != MHD_YES) {
            return (int)i + 1;
        }
    }
    return (int)connection->header_count;
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
    moon_assert(!connection->suspended);
    connection->suspended = true;
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
    moon_assert(connection->suspended);
    connection->suspended = false;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = moon_new(struct MHD_Response);
    moon_assert(mode == MHD_RESPMEM_MUST_COPY);
    response->refs = 1;
    moon_buf_init(&response->body, ANSWER_MAX_BYTES);
    moon_buf_add(&response->body, buffer, size);
    return response;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size MOON_UNUSED,
                                                       size_t block_size MOON_UNUSED,
                                                       MHD_ContentReaderCallback crc, void *crc_cls,
                                                       MHD_ContentReaderFreeCallback crfc)
{
    struct MHD_Response *response = moon_new(struct MHD_Response);
    moon_assert(crfc == NULL);
    response->refs = 1;
    response->read = crc;
    response->read_cls = crc_cls;
    return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *header,
                                        const char *content)
{
    /* libmicrohttpd refuses what would break the head; whoever adds it must not rely on it. */
    if (strpbrk(content, "\r\n") != NULL) {
        return MHD_NO;
    }
    if (strcasecmp(header, MHD_HTTP_HEADER_CONTENT_TYPE) == 0) {
        moon_free(response->content_type);
        response->content_type = moon_strdup(content);
    }
    return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status_code,
                                   struct MHD_Response *response)
{
    moon_assert(connection->response == NULL);
    connection->status = (int)status_code;
    connection->response = response;
    response->refs++;
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *response)
{
    response_unref(response);
}
