/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http.h"

#include "io/http_priv.h"
#include "io/loop_priv.h"

enum {
    DEFAULT_MAX_IDLE = 8,
    KEPT_CALLS = 64, /* easy handles kept for the next calls */
    SOCKET_MAGIC = 0x50c7,
};

struct http_socket {
    unsigned magic;
    struct moon_list link;
    struct moon_http *http;
    curl_socket_t socket;
    struct moon_fd *fd;
};

static unsigned pool_count; /* libcurl's global state lives while there is a pool */

static void destroy(struct moon_http *http);
static void pump(struct moon_http *http);
static void pump_soon(struct moon_http *http);

/* ---- user callbacks and libcurl: who is on the stack ---- */

/* Between enter and leave moon_http_free only marks; leave returns false when the pool has gone. */
static void enter(struct moon_http *http)
{
    http->busy++;
}

static bool leave(struct moon_http *http)
{
    http->busy--;
    if (http->dead && http->busy == 0) {
        destroy(http);
        return false;
    }
    return true;
}

/* ---- calls come and go ---- */

/* How many connections may stay open: those in use and a few idle ones. With a fixed number,
 * HTTP/1.1 with more calls in flight than that would close a connection after each answer. */
static void set_max_connections(struct moon_http *http)
{
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
                      (long)(http->flying_count + http->max_idle));
}

static void take_out(struct moon_http_call *call)
{
    struct moon_http *http = call->http;
    moon_list_remove(&call->link);
    if (call->state == CALL_WAITING) {
        http->waiting_count--;
    } else if (call->state == CALL_FLYING) {
        moon_assert(!http->in_curl);
        CURLMcode rc = curl_multi_remove_handle(http->multi, call->easy);
        moon_assert(rc == CURLM_OK);
        http->flying_count--;
        set_max_connections(http);
    }
    moon_timer_stop(call->deadline);
    moon_timer_stop(call->silence);
    call->state = CALL_DONE;
}

static void keep_for_next(struct moon_http_call *call)
{
    struct moon_http *http = call->http;
    if (http->idle_count >= KEPT_CALLS) {
        moon_http_call_free(call);
        return;
    }
    moon_http_call_reset(call);
    call->state = CALL_IDLE;
    moon_list_append(&http->idle, &call->link);
    http->idle_count++;
}

static void finish(struct moon_http_call *call, CURLcode result)
{
    struct moon_http *http = call->http;
    struct moon_http_answer answer;
    struct moon_err err;
    moon_http_call_answer(call, &answer);
    int rc = moon_http_call_outcome(call, result, &err);
    take_out(call);
    enter(http);
    if (!call->cancelled) {
        call->on_done(&answer, rc != 0 ? &err : NULL, call->ctx);
    }
    keep_for_next(call);
    leave(http);
}

void moon_http_call_expire(struct moon_http_call *call)
{
    pump_soon(call->http); /* there will be room for another */
    finish(call, CURLE_OK);
}

static struct moon_http_call *take_idle(struct moon_http *http)
{
    if (moon_list_is_empty(&http->idle)) {
        return moon_http_call_new(http);
    }
    struct moon_http_call *call = moon_container_of(http->idle.next, struct moon_http_call, link);
    moon_list_remove(&call->link);
    http->idle_count--;
    return call;
}

struct moon_http_call *moon_http_send(struct moon_http *http,
                                      const struct moon_http_request *request)
{
    moon_assert(http->magic == HTTP_MAGIC && !http->dead);
    moon_assert(request->method != NULL && request->url != NULL && request->on_done != NULL);
    struct moon_http_call *call = take_idle(http);
    moon_http_call_setup(call, request);
    call->state = CALL_WAITING;
    moon_list_append(&http->waiting, &call->link);
    http->waiting_count++;
    if (request->timeout_ms > 0) {
        moon_timer_start(call->deadline, request->timeout_ms);
    }
    pump_soon(http);
    return call;
}

void moon_http_cancel(struct moon_http_call *call)
{
    moon_assert(call->magic == HTTP_CALL_MAGIC && call->state != CALL_IDLE);
    call->cancelled = true;
    if (call->state == CALL_DONE) {
        return; /* from inside its own on_done */
    }
    if (call->http->in_curl && call->state == CALL_FLYING) {
        call->http->have_doomed = true; /* libcurl does not let go of it now */
        return;
    }
    struct moon_http *http = call->http;
    take_out(call);
    keep_for_next(call);
    pump_soon(http); /* there may be room for another */
}

void moon_http_pause(struct moon_http_call *call, bool paused)
{
    moon_assert(call->magic == HTTP_CALL_MAGIC && call->state != CALL_IDLE);
    call->paused = paused;
    if (!paused && call->stalled) {
        /* Resuming delivers data at once: not from inside this function. */
        call->http->have_resumed = true;
        pump_soon(call->http);
    }
}

size_t moon_http_pending(const struct moon_http *http)
{
    return http->waiting_count + http->flying_count;
}

/* ---- driving libcurl ---- */

static void start_waiting(struct moon_http *http)
{
    while (!http->dead && !moon_list_is_empty(&http->waiting) &&
           (http->max_in_flight == 0 || http->flying_count < http->max_in_flight)) {
        struct moon_http_call *call =
            moon_container_of(http->waiting.next, struct moon_http_call, link);
        if (call->failure != MOON_OK) {
            finish(call, CURLE_OK);
            continue;
        }
        moon_list_remove(&call->link);
        http->waiting_count--;
        call->state = CALL_FLYING;
        moon_list_append(&http->flying, &call->link);
        http->flying_count++;
        set_max_connections(http);
        CURLMcode rc = curl_multi_add_handle(http->multi, call->easy);
        moon_assert(rc == CURLM_OK);
        call->last_byte_ms = moon_loop_now(http->loop);
        if (call->silence_ms > 0) {
            moon_timer_start(call->silence, call->silence_ms);
        }
    }
}

static void resume_stalled(struct moon_http *http)
{
    http->have_resumed = false;
    moon_list_foreach (it, &http->flying) {
        struct moon_http_call *call = moon_container_of(it, struct moon_http_call, link);
        if (call->stalled && !call->paused && !call->cancelled) {
            call->stalled = false;
            call->last_byte_ms = moon_loop_now(http->loop);
            http->in_curl = true; /* what libcurl has kept is delivered from inside */
            curl_easy_pause(call->easy, CURLPAUSE_CONT);
            http->in_curl = false;
        }
    }
}

static void drop_doomed(struct moon_http *http)
{
    http->have_doomed = false;
    moon_list_foreach (it, &http->flying) {
        struct moon_http_call *call = moon_container_of(it, struct moon_http_call, link);
        if (call->cancelled) {
            take_out(call);
            keep_for_next(call);
        }
    }
}

static void finish_done(struct moon_http *http)
{
    const CURLMsg *msg;
    int left;
    while (!http->dead && (msg = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (msg->msg == CURLMSG_DONE) {
            CURLcode result = msg->data.result;
            void *ctx = NULL;
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &ctx);
            finish(MOON_CAST(moon_http_call, ctx, HTTP_CALL_MAGIC), result);
        }
    }
}

/* Whatever is to be done outside of libcurl. */
static void pump(struct moon_http *http)
{
    enter(http);
    if (http->have_resumed) {
        resume_stalled(http);
    }
    if (http->have_doomed) {
        drop_doomed(http);
    }
    finish_done(http);
    start_waiting(http);
    leave(http);
}

static void on_pump_later(void *ctx)
{
    struct moon_http *http = MOON_CAST(moon_http, ctx, HTTP_MAGIC);
    http->pump_later = NULL;
    pump(http);
}

static void pump_soon(struct moon_http *http)
{
    if (http->pump_later == NULL && !http->dead) {
        http->pump_later = moon_loop_defer(http->loop, on_pump_later, http);
    }
}

static void drive(struct moon_http *http, curl_socket_t socket, int events)
{
    int running;
    enter(http);
    http->in_curl = true;
    curl_multi_socket_action(http->multi, socket, events, &running);
    http->in_curl = false;
    if (leave(http)) {
        pump(http);
    }
}

static void on_timer(void *ctx)
{
    drive(MOON_CAST(moon_http, ctx, HTTP_MAGIC), CURL_SOCKET_TIMEOUT, 0);
}

static void on_fd(unsigned events, void *ctx)
{
    struct http_socket *s = MOON_CAST(http_socket, ctx, SOCKET_MAGIC);
    int mask = ((events & MOON_FD_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((events & MOON_FD_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    drive(s->http, s->socket, mask); /* may free s */
}

static int on_curl_timer(CURLM *multi MOON_UNUSED, long timeout_ms, void *ctx)
{
    struct moon_http *http = MOON_CAST(moon_http, ctx, HTTP_MAGIC);
    if (timeout_ms < 0) {
        moon_timer_stop(http->timer);
    } else {
        moon_timer_start(http->timer, (uint64_t)timeout_ms);
    }
    return 0;
}

static void socket_free(struct http_socket *s)
{
    moon_list_remove(&s->link);
    moon_fd_free(s->fd);
    s->magic = 0;
    moon_free(s);
}

static struct http_socket *socket_new(struct moon_http *http, curl_socket_t socket)
{
    struct http_socket *s = moon_new(struct http_socket);
    s->magic = SOCKET_MAGIC;
    s->http = http;
    s->socket = socket;
    s->fd = moon_fd_new(http->loop, socket, 0, on_fd, s);
    moon_list_append(&http->sockets, &s->link);
    curl_multi_assign(http->multi, socket, s);
    return s;
}

static int on_curl_socket(CURL *easy MOON_UNUSED, curl_socket_t socket, int what, void *ctx,
                          void *socket_ctx)
{
    struct moon_http *http = MOON_CAST(moon_http, ctx, HTTP_MAGIC);
    struct http_socket *s = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (s != NULL) {
            socket_free(s);
        }
        return 0;
    }
    if (s == NULL) {
        s = socket_new(http, socket);
    }
    unsigned events = ((what & CURL_POLL_IN) != 0 ? (unsigned)MOON_FD_READ : 0U) |
                      ((what & CURL_POLL_OUT) != 0 ? (unsigned)MOON_FD_WRITE : 0U);
    moon_fd_set_events(s->fd, events);
    return 0;
}

/* ---- life ---- */

struct moon_http *moon_http_new(struct moon_loop *loop, const struct moon_http_opts *opts,
                                struct moon_err *err)
{
    moon_assert(opts->user_agent != NULL);
    if (pool_count == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        moon_err_set(err, MOON_E_SYSTEM, "libcurl cannot be initialised");
        return NULL;
    }
    pool_count++;
    struct moon_http *http = moon_new(struct moon_http);
    http->magic = HTTP_MAGIC;
    http->loop = loop;
    http->multi = curl_multi_init();
    moon_assert(http->multi != NULL);
    http->timer = moon_timer_new_real(loop, on_timer, http);
    moon_list_init(&http->sockets);
    moon_list_init(&http->waiting);
    moon_list_init(&http->flying);
    moon_list_init(&http->idle);
    http->user_agent = moon_strdup(opts->user_agent);
    http->max_in_flight = opts->max_in_flight;
    http->max_idle = opts->max_idle != 0 ? opts->max_idle : DEFAULT_MAX_IDLE;
    http->http1_only = opts->http1_only;
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    set_max_connections(http);
    return http;
}

static void free_calls(struct moon_list *calls)
{
    moon_list_foreach (it, calls) {
        struct moon_http_call *call = moon_container_of(it, struct moon_http_call, link);
        take_out(call);
        moon_http_call_free(call);
    }
}

static void destroy(struct moon_http *http)
{
    free_calls(&http->waiting);
    free_calls(&http->flying);
    free_calls(&http->idle);
    if (http->pump_later != NULL) {
        moon_defer_cancel(http->pump_later);
    }
    curl_multi_cleanup(http->multi);
    moon_list_foreach (it, &http->sockets) {
        socket_free(moon_container_of(it, struct http_socket, link));
    }
    moon_timer_free(http->timer);
    moon_free(http->user_agent);
    http->magic = 0;
    moon_free(http);
    if (--pool_count == 0) {
        curl_global_cleanup();
    }
}

static void mute(struct moon_list *calls)
{
    moon_list_foreach (it, calls) {
        moon_container_of(it, struct moon_http_call, link)->cancelled = true;
    }
}

void moon_http_free(struct moon_http *http)
{
    if (http == NULL) {
        return;
    }
    moon_assert(http->magic == HTTP_MAGIC && !http->dead);
    mute(&http->waiting);
    mute(&http->flying);
    http->dead = true;
    if (http->busy == 0) {
        destroy(http);
    }
}
