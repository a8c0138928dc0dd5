/* SPDX-License-Identifier: Apache-2.0
 *
 * script.h - what a hostile script says about itself, and what stands for its repeated lines.
 *
 * In its first lines: "-- expect: budget in select" (or "none in …", or "… in load"), and with
 * "-- says: text" what is in the report; "-- nodes: 300" has it asked about as many instead of one.
 * A line "--*N text" stands for N lines of that text, "--+N text" for one line of it N times over.
 */
#ifndef TEST_HOSTILE_SCRIPT_H
#define TEST_HOSTILE_SCRIPT_H

#include "base/buf.h"

enum {
    SCRIPT_MAX_BYTES = 512 * 1024, /* more than a policy may have */
};

struct expectation {
    char kind[32]; /* "none": no fault; "memory/budget": what comes first depends on the machine */
    char hook[16];
    char says[128];
    size_t nodes;
};

/* The rest of the line after `key` in the text; false: there is none. */
bool script_head(const char *text, const char *key, char *out, size_t size);
/* False: it does not say what to expect. */
bool script_read(const char *text, struct expectation *e);
void script_expand(struct moon_str source, struct moon_buf *out);

#endif
