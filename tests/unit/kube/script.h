/* SPDX-License-Identifier: Apache-2.0
 *
 * script.h - an API server on loopback that answers by a script, and a clock that tests move.
 *
 * Requests are answered by the steps in order; each is noted as one line, which the test compares
 * with what it expects to have been asked:
 *   "GET /api/v1/pods?limit=2&continue=abc"  (known parameters, in a fixed order)
 */
#ifndef MOON_TESTS_KUBE_SCRIPT_H
#define MOON_TESTS_KUBE_SCRIPT_H

#include "io/httpd.h"
#include "kube/client.h"

enum script_how {
    SCRIPT_REPLY, /* one piece, with a length */
    SCRIPT_END,   /* a stream: the body, then its proper end */
    SCRIPT_OPEN,  /* a stream: the body, then it stays open (script_write, script_end, …) */
    SCRIPT_CUT,   /* a stream: the body, then cut off */
    SCRIPT_HANG,  /* no answer */
};

struct script_step {
    int status; /* 0 = 200 */
    const char *body;
    enum script_how how;
    const char *type; /* NULL = application/json */
    const char *header;
    const char *header_value;
};

enum {
    SCRIPT_SEEN_MAX = 32
};

struct script {
    struct moon_loop *loop;
    struct moon_httpd *httpd;
    struct moon_client *client;
    const struct script_step *steps;
    size_t step_count;
    size_t answered;
    struct moon_httpd_request *open; /* the last SCRIPT_OPEN or SCRIPT_HANG */
    size_t closed;                   /* of those */
    char *seen[SCRIPT_SEEN_MAX];
    size_t seen_count;
    char *authorization; /* of the last request; NULL: none */
    char *user_agent;
    char *content_type;
    char *body;
};

/* Server, virtual clock and a client without credentials. */
void script_init(struct script *s, const struct script_step *steps, size_t step_count);
void script_fini(struct script *s);
/* The client is replaced by one for this configuration, whose server is set to ours. */
void script_use_config(struct script *s, struct moon_kubeconfig *take_config);

void script_write(struct script *s, const char *text);
void script_end(struct script *s);
void script_cut(struct script *s);

/* Turn the loop (the clock stands still) until *counter has reached `wanted`; fails the test after
 * five seconds. */
void script_wait_count(struct script *s, const size_t *counter, size_t wanted, const char *what);
#define script_wait(s, counter, wanted) script_wait_count((s), &(counter), (wanted), #counter)
/* Some turns, to see that nothing more happens. */
void script_settle(struct script *s);

/* Request `index` was this one. */
void script_assert_seen(const struct script *s, size_t index, const char *expected);

#endif
