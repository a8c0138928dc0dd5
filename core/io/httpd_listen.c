/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd_priv.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "host:port", "[v6]:port", ":port". */
static int split(const char *listen, char **ret_host, struct moon_str *ret_port,
                 struct moon_err *err)
{
    const char *colon = strrchr(listen, ':');
    uint64_t port;
    if (colon == NULL || !moon_parse_u64(moon_str(colon + 1), &port) || port > UINT16_MAX) {
        return moon_err_set(err, MOON_E_INVALID,
                            "listen address \"%s\": want host:port, [v6]:port or :port", listen);
    }
    struct moon_str host = {listen, (size_t)(colon - listen)};
    bool bracketed = moon_str_starts(host, "[") && moon_str_ends(host, "]");
    if (bracketed) {
        host = (struct moon_str){host.ptr + 1, host.len - 2};
    } else if (memchr(host.ptr, ':', host.len) != NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "listen address \"%s\": an IPv6 address needs brackets", listen);
    }
    *ret_host = host.len > 0 ? moon_str_dup(host) : NULL;
    *ret_port = moon_str(colon + 1);
    return 0;
}

static int open_socket(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ai->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* [::] takes IPv4, too */
    }
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

static int open_first(const struct addrinfo *list)
{
    /* For all addresses the IPv6 one comes first if the machine has IPv6. */
    static const int families[] = {AF_INET6, AF_INET};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(families); i++) {
        for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
            int fd = ai->ai_family == families[i] ? open_socket(ai) : -1;
            if (fd >= 0) {
                return fd;
            }
        }
    }
    return -1;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {.in6 = {0}};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

int moon_httpd_listen(const char *listen, int *ret_fd, uint16_t *ret_port, struct moon_err *err)
{
    MOON_AUTOFREE char *host = NULL;
    struct moon_str port = {0};
    int rc = split(listen, &host, &port, err);
    if (rc != 0) {
        return rc;
    }
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int gai = getaddrinfo(host, port.ptr, &hints, &list);
    if (gai != 0) {
        return moon_err_set(err, MOON_E_INVALID, "listen address \"%s\": %s", listen,
                            gai_strerror(gai));
    }
    int fd = open_first(list);
    int errnum = errno;
    freeaddrinfo(list);
    if (fd < 0) {
        return moon_err_errno(err, errnum, "listen on \"%s\"", listen);
    }
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return 0;
}
