/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/httpd_priv.h"
#include "io/loop_priv.h"

enum {
    DEFAULT_MAX_BODY_BYTES = 3 << 20,
    DEFAULT_MAX_CONNECTIONS = 1000,
    /* For a connection on which nothing moves: idle between requests, or a head that never ends.
     * Sleeping streams do not count. */
    IDLE_S = 300,
};

/* ---- driving libmicrohttpd ---- */

static void run(struct moon_httpd *d)
{
    d->need_run = false;
    d->running = true;
    MHD_run(d->mhd);
    d->running = false;

    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (d->need_run) {
        moon_timer_start(d->timer, 0);
    } else if (MHD_get_timeout(d->mhd, &wait_ms) == MHD_YES) {
        moon_timer_start(d->timer, wait_ms);
    } else {
        moon_timer_stop(d->timer);
    }
}

static void on_events(unsigned events MOON_UNUSED, void *ctx)
{
    run(MOON_CAST(moon_httpd, ctx, HTTPD_MAGIC));
}

static void on_timer(void *ctx)
{
    run(MOON_CAST(moon_httpd, ctx, HTTPD_MAGIC));
}

/* A resumed connection moves only in MHD_run; its epoll descriptor does not tell. */
static void on_prepare(void *ctx)
{
    struct moon_httpd *d = MOON_CAST(moon_httpd, ctx, HTTPD_MAGIC);
    if (d->need_run) {
        run(d);
    }
}

static int connection_fd(const struct moon_httpd_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    moon_assert(info != NULL);
    return info->connect_fd;
}

void moon_httpd_suspend(struct moon_httpd_request *r)
{
    moon_assert(!r->suspended);
    if (!r->watched) {
        struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = r};
        r->watched = epoll_ctl(r->d->gone_epoll, EPOLL_CTL_ADD, connection_fd(r), &event) == 0;
    }
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

void moon_httpd_resume(struct moon_httpd_request *r)
{
    if (r->suspended) {
        r->suspended = false;
        r->d->need_run = true;
        MHD_resume_connection(r->connection);
    }
}

/* EPOLLRDHUP: the other side has closed, or will at least never send again. Nobody who waits for an
 * answer does the latter; Go's server cancels the request at this sign, too. */
static void on_gone(unsigned events MOON_UNUSED, void *ctx)
{
    struct moon_httpd *d = MOON_CAST(moon_httpd, ctx, HTTPD_MAGIC);
    struct epoll_event gone[64];
    int n = epoll_wait(d->gone_epoll, gone, MOON_ARRAY_SIZE(gone), 0);
    for (int i = 0; i < n; i++) {
        moon_httpd_drop(MOON_CAST(moon_httpd_request, gone[i].data.ptr, HTTPD_REQUEST_MAGIC));
    }
}

void moon_httpd_drop(struct moon_httpd_request *r)
{
    moon_buf_clear(&r->queue);
    r->queue_pos = 0;
    r->state = ABORTED;
    if (r->suspended) {
        moon_httpd_resume(r);
    } else {
        /* libmicrohttpd waits until a slow reader takes more: make it see an error instead. */
        shutdown(connection_fd(r), SHUT_RDWR);
    }
}

/* ---- connections ---- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct moon_httpd *d = MOON_CAST(moon_httpd, cls, HTTPD_MAGIC);
    struct connection *c = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        c = moon_new(struct connection);
        c->fd = info->connect_fd;
        moon_list_append(&d->connections, &c->link);
        *socket_context = c;
    } else if (c != NULL) {
        moon_list_remove(&c->link);
        moon_free(c);
        *socket_context = NULL;
    }
}

void moon_httpd_end_connections(struct moon_httpd *d)
{
    moon_assert(d->magic == HTTPD_MAGIC);
    moon_list_foreach (it, &d->requests) {
        moon_httpd_drop(moon_container_of(it, struct moon_httpd_request, link));
    }
    moon_list_foreach (it, &d->connections) {
        /* libmicrohttpd gives a connection up at this sign and reads nothing any more. */
        shutdown(moon_container_of(it, struct connection, link)->fd, SHUT_RDWR);
    }
    int fd;
    while ((fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        close(fd);
    }
}

/* ---- life ---- */

static struct MHD_Daemon *start_daemon(struct moon_httpd *d, const struct moon_httpd_opts *opts,
                                       int listen_fd)
{
    unsigned max_connections =
        opts->max_connections != 0 ? opts->max_connections : DEFAULT_MAX_CONNECTIONS;
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, moon_httpd_on_access, d, //
        MHD_OPTION_LISTEN_SOCKET, listen_fd,                                              //
        MHD_OPTION_URI_LOG_CALLBACK, moon_httpd_on_uri, d,                                //
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, d,                                   //
        MHD_OPTION_NOTIFY_COMPLETED, moon_httpd_on_completed, d, MHD_OPTION_CONNECTION_LIMIT,
        max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
}

static void attach(struct moon_httpd *d)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    moon_assert(info != NULL);
    d->fd = moon_fd_new(d->loop, info->epoll_fd, MOON_FD_READ, on_events, d);
    d->gone_fd = moon_fd_new(d->loop, d->gone_epoll, MOON_FD_READ, on_gone, d);
    moon_fd_set_background(d->gone_fd);
    d->timer = moon_timer_new_real(d->loop, on_timer, d);
    d->prepare = moon_prepare_new(d->loop, on_prepare, d);
}

struct moon_httpd *moon_httpd_new(struct moon_loop *loop, const struct moon_httpd_opts *opts,
                                  struct moon_err *err)
{
    moon_assert(opts->listen != NULL && opts->handler != NULL);
    int listen_fd;
    uint16_t port;
    if (moon_httpd_listen(opts->listen, &listen_fd, &port, err) != 0) {
        return NULL;
    }
    int gone_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (gone_epoll < 0) {
        moon_err_errno(err, errno, "listen on \"%s\": epoll", opts->listen);
        close(listen_fd);
        return NULL;
    }
    struct moon_httpd *d = moon_new(struct moon_httpd);
    d->magic = HTTPD_MAGIC;
    d->loop = loop;
    d->port = port;
    d->gone_epoll = gone_epoll;
    d->handler = opts->handler;
    d->ctx = opts->ctx;
    d->max_body_bytes = opts->max_body_bytes != 0 ? opts->max_body_bytes : DEFAULT_MAX_BODY_BYTES;
    d->listen_fd = listen_fd;
    moon_list_init(&d->requests);
    moon_list_init(&d->connections);
    d->mhd = start_daemon(d, opts, listen_fd);
    if (d->mhd == NULL) {
        moon_err_set(err, MOON_E_SYSTEM, "listen on \"%s\": libmicrohttpd does not start",
                     opts->listen);
        close(listen_fd);
        close(gone_epoll);
        moon_free(d);
        return NULL;
    }
    attach(d);
    return d;
}

void moon_httpd_free(struct moon_httpd *d)
{
    if (d == NULL) {
        return;
    }
    moon_assert(d->magic == HTTPD_MAGIC && !d->running);
    /* libmicrohttpd panics when it is stopped with sleeping connections. */
    moon_list_foreach (it, &d->requests) {
        moon_httpd_drop(moon_container_of(it, struct moon_httpd_request, link));
    }
    moon_fd_free(d->fd);
    moon_fd_free(d->gone_fd);
    moon_timer_free(d->timer);
    moon_prepare_free(d->prepare);
    MHD_stop_daemon(d->mhd); /* closes the listening socket, too */
    moon_assert(moon_list_is_empty(&d->requests) && moon_list_is_empty(&d->connections));
    close(d->gone_epoll);
    d->magic = 0;
    moon_free(d);
}

uint16_t moon_httpd_port(const struct moon_httpd *d)
{
    return d->port;
}
