/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of one HTTP call, for the tests of the client.
 */
#ifndef MOON_TESTS_HTTP_OUTCOME_H
#define MOON_TESTS_HTTP_OUTCOME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/http.h"

enum {
    DEADLINE_MS = 10000
};

struct outcome {
    void *owner; /* for on_piece */
    int done;
    int status;
    bool failed;
    bool sent;
    uint64_t retry_after_ms;
    struct moon_err err;
    char content_type[64];
    char location[128];
    char warning[128];
    struct moon_buf body;   /* of the answer */
    struct moon_buf stream; /* through on_data */
    int pieces;
    int stop_after; /* pieces; 0: never */
    void (*on_piece)(struct outcome *o);
};

static inline struct outcome outcome(void *owner)
{
    return (struct outcome){
        .owner = owner, .body = MOON_BUF_INIT(2 << 20), .stream = MOON_BUF_INIT(8 << 20)};
}

static inline void outcome_fini(struct outcome *o)
{
    moon_buf_fini(&o->body);
    moon_buf_fini(&o->stream);
}

static inline void copy_text(char *out, size_t size, struct moon_str text)
{
    snprintf(out, size, "%.*s", MOON_STR_ARG(text));
}

static inline void on_done(const struct moon_http_answer *answer, const struct moon_err *err,
                           void *ctx)
{
    struct outcome *o = ctx;
    o->done++;
    o->status = answer->status;
    o->sent = answer->sent;
    o->retry_after_ms = answer->retry_after_ms;
    o->failed = err != NULL;
    if (err != NULL) {
        o->err = *err;
    }
    copy_text(o->content_type, sizeof o->content_type, answer->content_type);
    copy_text(o->location, sizeof o->location, answer->location);
    copy_text(o->warning, sizeof o->warning, answer->warning);
    moon_buf_add_str(&o->body, answer->body);
}

static inline bool on_data(struct moon_str piece, void *ctx)
{
    struct outcome *o = ctx;
    o->pieces++;
    moon_buf_add_str(&o->stream, piece);
    if (o->on_piece != NULL) {
        o->on_piece(o);
    }
    return o->stop_after == 0 || o->pieces < o->stop_after;
}

static inline void turn_until_count(struct moon_loop *loop, const int *counter, int wanted)
{
    uint64_t deadline_ms = moon_loop_now(loop) + DEADLINE_MS;
    while (*counter < wanted && moon_loop_now(loop) < deadline_ms) {
        moon_loop_turn(loop, 10);
    }
    assert_int_equal(*counter, wanted);
}

#endif
