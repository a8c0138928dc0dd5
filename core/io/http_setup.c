/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_priv.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "io/file.h"

enum {
    DEFAULT_CONNECT_TIMEOUT_MS = 10000,
    DEFAULT_MAX_BODY_BYTES = 16 << 20,
    /* A peer that acknowledges nothing for so long is gone: the kernel then breaks the connection,
     * so that calls do not go on being piped into a dead one. */
    UNACKNOWLEDGED_MS = 30000,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    TOKEN_MAX_BYTES = 32 << 10,
};

/* ---- the connection ---- */

static int on_socket_made(void *ctx MOON_UNUSED, curl_socket_t socket,
                          curlsocktype purpose MOON_UNUSED)
{
    const int unacknowledged_ms = UNACKNOWLEDGED_MS;
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    fcntl(socket, F_SETFD, FD_CLOEXEC); /* credential plugins do not inherit it */
    return CURL_SOCKOPT_OK;
}

static void setup_connection(struct moon_http_call *call, const struct moon_http_request *request)
{
    CURL *easy = call->easy;
    uint64_t connect_ms =
        request->connect_timeout_ms != 0 ? request->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (request->proxy != NULL) {
        curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy);
        /* Else $NO_PROXY would overrule a proxy that was asked for by name. */
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    }
    /* Waiting for a connection that is being opened pays only where HTTP/2 can come of it; without
     * TLS it would make the second call wait for the answer to the first. */
    bool http2 = !call->http->http1_only && strncasecmp(request->url, "https:", 6) == 0;
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
}

/* ---- TLS ---- */

static void set_pem(CURL *easy, CURLoption blob_option, const char *pem, CURLoption file_option,
                    const char *file)
{
    if (pem != NULL) {
        struct curl_blob blob = {
            .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_COPY};
        curl_easy_setopt(easy, blob_option, &blob);
    } else if (file != NULL) {
        curl_easy_setopt(easy, file_option, file);
    }
}

static void setup_tls(struct moon_http_call *call, const struct moon_tls *tls)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (tls == NULL) {
        return;
    }
    call->ca_file = tls->ca_pem == NULL ? tls->ca_file : NULL;
    if (tls->ca_pem != NULL || tls->ca_file != NULL) {
        /* This CA and no other: distributions build libcurl with a folder of public ones. */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        set_pem(easy, CURLOPT_CAINFO_BLOB, tls->ca_pem, CURLOPT_CAINFO, tls->ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
        /* A rotated file counts for the next connection, not tomorrow. */
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
    }
    set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->cert_pem, CURLOPT_SSLCERT, tls->cert_file);
    set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->key_pem, CURLOPT_SSLKEY, tls->key_file);
    if (tls->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

void moon_tls_fini(struct moon_tls *tls)
{
    moon_free(tls->ca_file);
    moon_free(tls->ca_pem);
    moon_free(tls->cert_file);
    moon_free(tls->cert_pem);
    moon_free(tls->key_file);
    if (tls->key_pem != NULL) {
        explicit_bzero(tls->key_pem, strlen(tls->key_pem));
    }
    moon_free(tls->key_pem);
    moon_free(tls->server_name);
    *tls = (struct moon_tls){0};
}

/* ---- URL, headers, body ---- */

static bool has_line_break(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

static void add_header(struct moon_http_call *call, const char *header)
{
    struct curl_slist *longer = curl_slist_append(call->headers, header);
    moon_assert(longer != NULL);
    call->headers = longer;
}

/* Values may be secrets (tokens read from files, with the line break at their end): an error names
 * the header only. */
static void copy_headers(struct moon_http_call *call, const char *const *headers, bool has_body)
{
    static const char content_type[] = "Content-Type:";
    bool typed = false;
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        if (has_line_break(headers[i]) || strchr(headers[i], ':') == NULL) {
            moon_http_call_fail(call, MOON_E_INVALID,
                                "header %.*s: not a single line \"name: value\"",
                                (int)strcspn(headers[i], ":\r\n"), headers[i]);
            return;
        }
        typed = typed || strncasecmp(headers[i], content_type, sizeof content_type - 1) == 0;
        add_header(call, headers[i]);
    }
    if (has_body) {
        add_header(call, "Expect:"); /* no round trip before large bodies */
        if (!typed) {
            add_header(call, content_type); /* not libcurl's guess, a form */
        }
    }
}

static void setup_method(struct moon_http_call *call, const struct moon_http_request *request)
{
    CURL *easy = call->easy;
    const char *method = request->method;
    if (strlen(method) >= sizeof call->method || has_line_break(method) ||
        strchr(method, ' ') != NULL) {
        snprintf(call->method, sizeof call->method, "?");
        moon_http_call_fail(call, MOON_E_INVALID, "not a method");
        return;
    }
    snprintf(call->method, sizeof call->method, "%s", method);
    struct moon_str body = request->body;
    /* Servers want a length with these even when there is nothing to say. */
    bool empty = body.ptr == NULL && (moon_streq(method, "POST") || moon_streq(method, "PUT") ||
                                      moon_streq(method, "PATCH"));
    bool has_body = body.ptr != NULL || empty;
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.len > 0 ? body.ptr : "");
    } else if (moon_streq(method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    copy_headers(call, request->headers, has_body);
}

/* What a URL is made of; the texts are libcurl's. */
struct url_parts {
    CURLU *handle;
    char *host;
    char *port;       /* NULL: not given */
    char *known_port; /* given or the scheme's */
    char *changed;
};

static void url_parts_fini(struct url_parts *p)
{
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->known_port);
    curl_free(p->changed);
    curl_url_cleanup(p->handle);
}

static bool rename_host(struct url_parts *p, const char *url, const char *name)
{
    bool bare_v6 = strchr(name, ':') != NULL && name[0] != '[';
    MOON_AUTOFREE char *host = moon_asprintf(bare_v6 ? "[%s]" : "%s", name);
    p->handle = curl_url();
    moon_assert(p->handle != NULL);
    if (curl_url_set(p->handle, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(p->handle, CURLUPART_HOST, &p->host, 0) != CURLUE_OK ||
        curl_url_get(p->handle, CURLUPART_PORT, &p->known_port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        return false;
    }
    curl_url_get(p->handle, CURLUPART_PORT, &p->port, 0);
    return curl_url_set(p->handle, CURLUPART_HOST, host, 0) == CURLUE_OK &&
           curl_url_get(p->handle, CURLUPART_URL, &p->changed, 0) == CURLUE_OK;
}

/* libcurl takes SNI and the name to verify from the URL. So the URL gets the other name, "connect
 * to" leads to the real host, and the Host header stays what it would have been. */
static void setup_server_name(struct moon_http_call *call, const char *url, const char *name)
{
    MOON_CLEANUP(url_parts_fini) struct url_parts p = {0};
    if (!rename_host(&p, url, name)) {
        moon_http_call_fail(call, MOON_E_INVALID, "the URL or the server name \"%s\" is malformed",
                            name);
        return;
    }
    MOON_AUTOFREE char *to = moon_asprintf("::%s:%s", p.host, p.known_port);
    MOON_AUTOFREE char *host = moon_asprintf("Host: %s%s%s", p.host, p.port != NULL ? ":" : "",
                                             p.port != NULL ? p.port : "");
    call->connect_to = curl_slist_append(NULL, to);
    moon_assert(call->connect_to != NULL);
    add_header(call, host);
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
    curl_easy_setopt(call->easy, CURLOPT_URL, p.changed);
}

void moon_http_call_setup(struct moon_http_call *call, const struct moon_http_request *request)
{
    CURL *easy = call->easy;
    call->url = moon_strdup(request->url);
    call->on_data = request->on_data;
    call->on_done = request->on_done;
    call->ctx = request->ctx;
    call->silence_ms = request->silence_ms;
    call->max_body_bytes =
        request->max_body_bytes != 0 ? request->max_body_bytes : DEFAULT_MAX_BODY_BYTES;
    call->body.max_bytes = request->on_data != NULL ? MAX_ERROR_BODY_BYTES : call->max_body_bytes;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_text);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, call->http->user_agent);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, moon_http_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, moon_http_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    setup_method(call, request);
    setup_connection(call, request);
    setup_tls(call, request->tls);
    if (request->tls != NULL && request->tls->server_name != NULL) {
        setup_server_name(call, request->url, request->tls->server_name);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
}

void moon_http_escape(struct moon_buf *out, struct moon_str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            moon_buf_putc(out, (char)c);
        } else {
            moon_buf_putc(out, '%');
            moon_buf_putc(out, hex[c >> 4]);
            moon_buf_putc(out, hex[c & 15]);
        }
    }
}

bool moon_http_is_token(struct moon_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

int moon_http_bearer(const char *path, struct moon_buf *out, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TOKEN_MAX_BYTES);

    if (moon_file_read(path, &text, err) != 0) {
        return -(int)err->code;
    }
    struct moon_str token = moon_str_trim(moon_buf_str(&text));
    if (!moon_http_is_token(token)) {
        return moon_err_set(err, MOON_E_INVALID, "%s holds no token", path);
    }
    moon_buf_printf(out, "Authorization: Bearer %.*s", MOON_STR_ARG(token));
    return 0;
}
