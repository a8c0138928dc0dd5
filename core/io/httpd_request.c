/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd_priv.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- life ---- */

/* The first sight of a request: the raw request target, before libmicrohttpd decodes or cuts it.
 * What this returns becomes *con_cls of the other callbacks. */
void *moon_httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct moon_httpd *d = MOON_CAST(moon_httpd, cls, HTTPD_MAGIC);
    struct moon_httpd_request *r = moon_new(struct moon_httpd_request);
    r->magic = HTTPD_REQUEST_MAGIC;
    r->d = d;
    r->connection = connection;
    const char *question_mark = strchr(uri, '?');
    r->path =
        question_mark != NULL ? moon_strndup(uri, (size_t)(question_mark - uri)) : moon_strdup(uri);
    r->query = question_mark != NULL ? moon_strdup(question_mark + 1) : NULL;
    moon_buf_init(&r->body, d->max_body_bytes);
    moon_list_init(&r->headers);
    moon_list_append(&d->requests, &r->link);
    return r;
}

static void request_free(struct moon_httpd_request *r)
{
    moon_list_foreach (it, &r->headers) {
        struct answer_header *h = moon_container_of(it, struct answer_header, link);
        moon_free(h->name);
        moon_free(h->value);
        moon_free(h);
    }
    if (r->response != NULL) {
        MHD_destroy_response(r->response);
    }
    moon_map_free(r->args);
    moon_buf_fini(&r->body);
    moon_buf_fini(&r->queue);
    moon_map_free(r->kept_headers);
    moon_free(r->kept_method);
    moon_free(r->path);
    moon_free(r->query);
    r->magic = 0;
    moon_free(r);
}

void moon_httpd_on_completed(void *cls MOON_UNUSED, struct MHD_Connection *connection,
                             void **con_cls, enum MHD_RequestTerminationCode code MOON_UNUSED)
{
    if (*con_cls == NULL) {
        return;
    }
    struct moon_httpd_request *r = MOON_CAST(moon_httpd_request, *con_cls, HTTPD_REQUEST_MAGIC);
    *con_cls = NULL;
    if (r->watched) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        epoll_ctl(r->d->gone_epoll, EPOLL_CTL_DEL, info->connect_fd, NULL);
    }
    r->state = ABORTED;
    r->connection = NULL;
    moon_list_remove(&r->link);
    if (r->on_close != NULL) {
        r->on_close(r->on_close_ctx);
    }
    if (!r->is_kept) {
        request_free(r);
    }
}

/* ---- beyond its end ---- */

static char *lower_case(const char *text)
{
    char *copy = moon_strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    }
    return copy;
}

static enum MHD_Result keep_header(void *cls, enum MHD_ValueKind kind MOON_UNUSED, const char *name,
                                   const char *value)
{
    struct moon_httpd_request *r = MOON_CAST(moon_httpd_request, cls, HTTPD_REQUEST_MAGIC);
    MOON_AUTOFREE char *key = lower_case(name);
    if (!moon_map_has(r->kept_headers, moon_str(key))) { /* the first counts */
        moon_map_set(r->kept_headers, moon_str(key), moon_strdup(value));
    }
    return MHD_YES;
}

void moon_httpd_keep(struct moon_httpd_request *r)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC && !r->is_kept && r->connection != NULL);
    r->is_kept = true;
    r->kept_method = moon_strdup(r->method);
    r->method = r->kept_method;
    r->kept_headers = moon_map_new(moon_free);
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, keep_header, r);
}

void moon_httpd_release(struct moon_httpd_request *r)
{
    moon_assert(r->magic == HTTPD_REQUEST_MAGIC && r->is_kept);
    r->is_kept = false;
    if (r->connection == NULL) {
        request_free(r);
    }
}

/* ---- on its way in ---- */

static bool announces_too_much(const struct moon_httpd_request *r)
{
    const char *text =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");
    uint64_t len;
    return text != NULL && moon_parse_u64(moon_str(text), &len) && len > r->d->max_body_bytes;
}

static void refuse_body(struct moon_httpd_request *r)
{
    char text[80];
    int n = snprintf(text, sizeof text, "request body is larger than %zu bytes\n",
                     r->d->max_body_bytes);
    r->state = PENDING;
    moon_httpd_reply(r, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain",
                     (struct moon_str){text, (size_t)n});
}

/* What does not fit is read and dropped for a while, so that the sender gets to see the 413. */
static enum MHD_Result collect(struct moon_httpd_request *r, const char *data, size_t *len)
{
    moon_buf_add(&r->body, data, *len);
    r->body_seen += *len;
    *len = 0;
    return r->body_seen / 4 <= r->d->max_body_bytes ? MHD_YES : MHD_NO;
}

static enum MHD_Result proceed(struct moon_httpd_request *r)
{
    if (r->state == ABORTED && r->queue.len == 0 && !r->is_cut) {
        return MHD_NO; /* closes the connection without an answer */
    }
    if (r->state == PENDING) {
        moon_httpd_suspend(r);
        return MHD_YES;
    }
    return moon_httpd_queue_answer(r);
}

/* libmicrohttpd calls this once with the head, then for each piece of the body, then with no data;
 * and again with no data when a connection that sleeps without an answer is resumed. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
enum MHD_Result moon_httpd_on_access(void *cls MOON_UNUSED,
                                     struct MHD_Connection *connection MOON_UNUSED,
                                     const char *url MOON_UNUSED, const char *method,
                                     const char *version MOON_UNUSED, const char *upload_data,
                                     size_t *upload_size, void **con_cls)
{
    struct moon_httpd_request *r = MOON_CAST(moon_httpd_request, *con_cls, HTTPD_REQUEST_MAGIC);
    if (r->method == NULL) {
        r->method = method;
        if (announces_too_much(r)) {
            refuse_body(r);
            return moon_httpd_queue_answer(r);
        }
        return MHD_YES;
    }
    if (*upload_size > 0) {
        return collect(r, upload_data, upload_size);
    }
    if (r->state == READING) {
        if (r->body.overflow) {
            refuse_body(r);
        } else {
            r->state = PENDING;
            r->d->handler(r, r->d->ctx);
        }
    }
    return proceed(r);
}

/* ---- its texts ---- */

const char *moon_httpd_method(const struct moon_httpd_request *r)
{
    return r->method;
}

const char *moon_httpd_path(const struct moon_httpd_request *r)
{
    return r->path;
}

const char *moon_httpd_header(const struct moon_httpd_request *r, const char *name)
{
    if (r->kept_headers != NULL) {
        MOON_AUTOFREE char *key = lower_case(name);
        return moon_map_get(r->kept_headers, moon_str(key));
    }
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

bool moon_httpd_is_local(const struct moon_httpd_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;

    if (address == NULL) {
        return false;
    }
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(v6) ||
               (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
    }
    return false;
}

struct moon_str moon_httpd_body(const struct moon_httpd_request *r)
{
    return moon_buf_str(&r->body);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A terminated copy with %XX and '+' decoded; what is not a valid escape stays as it is. */
static char *decode(struct moon_str raw, size_t *ret_len)
{
    char *text = moon_alloc(raw.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        int high = c == '%' && i + 2 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(raw.ptr[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        text[n++] = c;
    }
    *ret_len = n;
    return text;
}

static struct moon_map *decode_query(const char *query)
{
    struct moon_map *args = moon_map_new(moon_free);
    struct moon_str rest = moon_str(query);
    struct moon_str piece;
    while (rest.ptr != NULL && moon_str_split(&rest, '&', &piece)) {
        const char *equals = piece.len > 0 ? memchr(piece.ptr, '=', piece.len) : NULL;
        size_t name_len = equals != NULL ? (size_t)(equals - piece.ptr) : piece.len;
        struct moon_str value = {piece.ptr + name_len, piece.len - name_len};
        if (equals != NULL) {
            value = (struct moon_str){value.ptr + 1, value.len - 1};
        }
        size_t len;
        MOON_AUTOFREE char *name = decode((struct moon_str){piece.ptr, name_len}, &len);
        if (len > 0 && !moon_map_has(args, (struct moon_str){name, len})) { /* the first counts */
            moon_map_set(args, (struct moon_str){name, len}, decode(value, &(size_t){0}));
        }
    }
    return args;
}

const char *moon_httpd_query(const struct moon_httpd_request *r, const char *name)
{
    if (r->query == NULL) {
        return NULL;
    }
    if (r->args == NULL) {
        /* Decoded on first use: the request does not change for those who look. */
        ((struct moon_httpd_request *)(uintptr_t)r)->args = decode_query(r->query);
    }
    return moon_map_get(r->args, moon_str(name));
}
