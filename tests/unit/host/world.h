/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - what the host's tests need around it: a folder, a loop with a clock that tests move, a
 * small API server, and somebody who asks the admin port.
 *
 * The API server keeps objects by path, streams lists and leaves them open, stores leases, and
 * notes every write as "PATCH /api/v1/nodes/n1 {…}".
 */
#ifndef MOON_TESTS_HOST_WORLD_H
#define MOON_TESTS_HOST_WORLD_H

#include "base/map.h"
#include "host/config.h"
#include "io/http.h"
#include "io/httpd.h"
#include "kube/kubeconfig.h"

enum {
    WORLD_WRITES_MAX = 64
};

struct world {
    char folder[64];
    struct moon_loop *loop;
    struct moon_httpd *httpd;
    struct moon_http *http;
    struct moon_map *objects; /* path → JSON text */
    unsigned version;
    const char *hangs;  /* lists of this path are not answered; NULL: all are */
    const char *denies; /* whatever is asked of this path is forbidden; NULL: nothing */
    char *writes[WORLD_WRITES_MAX];
    size_t write_count;
};

void world_init(struct world *w);
void world_fini(struct world *w);

/* A path in the folder; free it. */
char *world_path(const struct world *w, const char *name);
/* Write a file there; its path, free it. */
char *world_file(const struct world *w, const char *name, const char *text);
/* Copy a shared object that the test build has made; its path, free it. */
char *world_module(const struct world *w, const char *variant);

struct moon_kubeconfig *world_kubeconfig(const struct world *w);
void world_put(struct world *w, const char *path, const char *json);
const char *world_object(const struct world *w, const char *path); /* NULL: not there */

/* Ask 127.0.0.1:port; the body, free it. */
char *world_ask(struct world *w, uint16_t port, const char *method, const char *path,
                int *ret_status);

/* Turn the loop until the expression is true; fails the test after five seconds. With `moving`,
 * virtual time passes meanwhile, 20 ms a turn. */
bool world_turn(struct world *w, uint64_t *end_s, bool moving);
#define world_until(w, moving, expression)                                                         \
    do {                                                                                           \
        uint64_t end_s_ = 0;                                                                       \
        while (!(expression)) {                                                                    \
            if (!world_turn((w), &end_s_, (moving))) {                                             \
                fail_msg("never true: %s; log:\n%s", #expression, world_log());                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)
/* Some turns, to see that nothing more happens. */
void world_settle(struct world *w);

/* Log lines of the test so far, one text; lines are captured from world_init to world_fini. */
const char *world_log(void);
void world_log_clear(void);

#endif
