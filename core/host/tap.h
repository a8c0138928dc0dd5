/* SPDX-License-Identifier: Apache-2.0
 *
 * tap.h - what a client hears, cut into lines, items and answers: for who writes it down.
 *
 * A witness of the client (kube/client_stand_in.h) hears pieces of any size; this makes of them
 * what the caches make of them, at the same moment. Leases and events are nobody's business, and
 * policies (ConfigMaps) are taken from where they are in force. Layer: host.
 */
#ifndef MOON_HOST_TAP_H
#define MOON_HOST_TAP_H

#include "kube/client_stand_in.h"

struct moon_tap;

struct moon_tap_opts {
    /* Any may be NULL. A line of a watch; an item of a list. */
    void (*on_line)(const struct moon_client_question *q, struct moon_str line, void *ctx);
    void (*on_item)(const struct moon_client_question *q, struct moon_str item, void *ctx);
    /* How a call ended; `envelope`: what stands around the items of a list, else empty. */
    void (*on_end)(const struct moon_client_question *q, const struct moon_answer *answer,
                   const struct moon_err *err, struct moon_str envelope, void *ctx);
    void *ctx;
};

MOON_API struct moon_tap *moon_tap_new(const struct moon_tap_opts *opts);
/* After the client. NULL is fine. */
MOON_API void moon_tap_free(struct moon_tap *t);
/* For moon_client_opts.witness. */
MOON_API struct moon_client_witness moon_tap_witness(struct moon_tap *t);

#endif
