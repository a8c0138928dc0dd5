/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_microhttpd.h - libmicrohttpd without a network: requests are handed over, answers handed
 * back.
 *
 * It defines the MHD_… functions that core/io/httpd*.c call, so that a fuzz target runs the whole
 * of our side of HTTP (paths, queries, bodies, streams, what happens when a peer goes away) with no
 * socket, no clock and no system call per request. What libmicrohttpd itself parses is not fuzzed.
 * One server at a time.
 */
#ifndef MOON_FUZZ_FAKE_MICROHTTPD_H
#define MOON_FUZZ_FAKE_MICROHTTPD_H

#include "base/str.h"

enum {
    FAKE_MHD_MAX_HEADERS = 16
};

struct fake_mhd_header {
    const char *name;
    const char *value;
};

struct fake_mhd_request {
    const char *method;
    const char *target; /* path and query, as on the wire */
    struct fake_mhd_header headers[FAKE_MHD_MAX_HEADERS];
    size_t header_count;
    struct moon_str body;
};

struct fake_mhd_answer {
    int status;               /* 0: none was given */
    const char *content_type; /* NULL: none */
    struct moon_str body;
    bool is_stream;
    bool is_whole; /* false: cut off, by either side */
};

/* Told of each answer when it has ended. Texts are borrowed for the call. */
void fake_mhd_on_answer(void (*fn)(const struct fake_mhd_answer *answer, void *ctx), void *ctx);

/* The request runs before this returns; a stream that it opened stays open. Texts are borrowed for
 * the call. */
void fake_mhd_send(const struct fake_mhd_request *request);

/* Let the server go on with what was resumed, as MHD_run does. */
void fake_mhd_pump(void);

/* The peer of the oldest open request goes away; nothing when there is none. */
void fake_mhd_hang_up(void);

#endif
