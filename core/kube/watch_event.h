/* SPDX-License-Identifier: Apache-2.0
 *
 * watch_event.h - one line of a watch stream.
 *
 * {"type":"ADDED","object":{…}} and a newline. Nothing is parsed into a tree but the Status of an
 * ERROR; the object stays text. Layer: kube, for watch.c.
 */
#ifndef MOON_KUBE_WATCH_EVENT_H
#define MOON_KUBE_WATCH_EVENT_H

#include "base/buf.h"

enum moon_watch_type {
    MOON_WATCH_ADDED,
    MOON_WATCH_MODIFIED,
    MOON_WATCH_DELETED,
    MOON_WATCH_BOOKMARK,
    MOON_WATCH_ERROR,
};

struct moon_watch_event {
    enum moon_watch_type type;
    struct moon_str object; /* points into the line */
    uint64_t version;       /* of the object; 0 for an ERROR */
    bool ends_list;         /* the bookmark after the initial events of a streamed list */
};

/* MOON_E_SERVER when the line is none of the protocol's. */
int moon_watch_event_parse(struct moon_str line, struct moon_watch_event *ret,
                           struct moon_err *err);

/* What the Status of an ERROR event says, always an error. MOON_E_GONE: the version asked for is
 * forgotten, or one the server has not reached (it was restored from a backup): list again. */
int moon_watch_status_error(struct moon_str status, struct moon_err *err);

/* Cuts a stream into lines. A line that lies within one piece is handed on without a copy. */
struct moon_watch_lines {
    struct moon_buf partial; /* its maximum is that of a line */
};
/* `fn` returns false to stop. MOON_E_LIMIT when a line is too long; MOON_E_CANCELLED (without a
 * text) when fn has stopped it. */
int moon_watch_lines_feed(struct moon_watch_lines *l, struct moon_str piece,
                          bool (*fn)(struct moon_str line, void *ctx), void *ctx,
                          struct moon_err *err);

#endif
