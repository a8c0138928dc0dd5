/* SPDX-License-Identifier: Apache-2.0
 *
 * client_stand_in.h - who answers instead of a server, and who looks on.
 *
 * All that a controller ever hears goes through its client. So a snapshot or a recording of a
 * cluster can answer in the server's place, and everything above works unchanged; and a witness
 * that hears every answer before its receiver does can write both. Layer: kube.
 */
#ifndef MOON_KUBE_CLIENT_STAND_IN_H
#define MOON_KUBE_CLIENT_STAND_IN_H

#include "kube/client.h"

/* What a call asks for; lives as long as the call. */
struct moon_client_question {
    enum moon_verb verb;
    const struct moon_resource *resource; /* NULL: see path */
    const char *path;
    const char *namespace;
    const char *name;
    const char *subresource;
    const char *query; /* escaped; "" = none */
    struct moon_str body;
    bool is_streamed; /* the body of a 2xx answer is to come in pieces */
};

struct moon_client_stand_in {
    /* A call is there: to be answered later, from the loop, by the functions below. */
    void (*asked)(struct moon_client_call *call, const struct moon_client_question *q, void *ctx);
    /* Nobody waits for it any more, and it is gone. */
    void (*dropped)(struct moon_client_call *call, void *ctx);
    void *ctx;
};

/* A piece of the body of a streamed answer. False: the call is gone. */
MOON_API bool moon_client_give(struct moon_client_call *call, struct moon_str piece);
/* The end: an answer, or err (then `answer` tells what is known). The call is gone. */
MOON_API void moon_client_end(struct moon_client_call *call, const struct moon_http_answer *answer,
                              const struct moon_err *err);

struct moon_client_witness {
    /* A call begins. What is returned comes with its other moments. */
    void *(*begins)(const struct moon_client_question *q, void *ctx);
    void (*piece)(void *memo, struct moon_str piece, void *ctx);
    /* Once; `answer` NULL: it was cancelled. Else as moon_request.on_done has it. */
    void (*ends)(void *memo, const struct moon_answer *answer, const struct moon_err *err,
                 void *ctx);
    void *ctx;
};

/* The value of one name of a query, unescaped, added to `out`; false: it has none. */
MOON_API bool moon_client_query_get(const char *query, const char *name, struct moon_buf *out);

#endif
