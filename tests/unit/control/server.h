/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - a small API server on loopback that keeps objects, and can be told to fail.
 *
 * It knows just enough to be wrong in interesting ways: creates, reads, updates (with
 * resourceVersion), patches and deletes (with uid precondition) of whole objects, answered at once,
 * late, not at all, or cut off after or before the work was done. The clock is virtual.
 */
#ifndef MOON_TESTS_CONTROL_SERVER_H
#define MOON_TESTS_CONTROL_SERVER_H

#include "base/map.h"
#include "io/httpd.h"
#include "kube/client.h"

enum fault {
    FAULT_NONE,
    FAULT_CUT_BEFORE, /* cut, nothing done */
    FAULT_CUT_AFTER,  /* done, then cut */
    FAULT_HOLD,       /* done, the answer waits for server_release */
    FAULT_REFUSE,     /* answered with `status`, nothing done */
};

struct answer {
    enum fault fault;
    int status;
    const char *reason;      /* of the Status; also its message */
    const char *cause;       /* NULL: no details */
    const char *retry_after; /* NULL: no header */
};

enum {
    SERVER_LOG_MAX = 512
};

struct server {
    struct moon_loop *loop;
    struct moon_httpd *httpd;
    struct moon_client *client;
    struct moon_map *objects; /* path → cJSON */
    /* What to do with call number `call` (from 0). NULL: everything works. */
    struct answer (*plan)(const struct server *s, const char *method, size_t call);
    size_t calls;
    size_t objects_made;        /* ever */
    char *log[SERVER_LOG_MAX];  /* "POST /api/v1/namespaces/default/pods" */
    char *body[SERVER_LOG_MAX]; /* of each call */
    char *query[SERVER_LOG_MAX];
    struct moon_httpd_request *held;
    int held_status;
    char *held_body;
};

void server_init(struct server *s);
void server_fini(struct server *s);

/* Put an object there as if somebody else had. */
void server_put(struct server *s, const char *path, const char *json);
/* NULL: not there. Borrowed. */
const cJSON *server_get(const struct server *s, const char *path);
void server_remove(struct server *s, const char *path);
/* Send the held answer; true when somebody still waited for it. */
bool server_release(struct server *s);

/* Turn the loop until *counter has reached `wanted`; fails the test after five seconds. With
 * `moving`, virtual time passes meanwhile, 10 ms a turn. */
void server_wait_count(struct server *s, const size_t *counter, size_t wanted, bool moving,
                       const char *what);
#define server_wait(s, counter, wanted)                                                            \
    server_wait_count((s), &(counter), (wanted), false, #counter)
#define server_wait_moving(s, counter, wanted)                                                     \
    server_wait_count((s), &(counter), (wanted), true, #counter)
/* Some turns without moving time, to see that nothing more happens. */
void server_settle(struct server *s);

#endif
