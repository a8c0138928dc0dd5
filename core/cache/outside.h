/* SPDX-License-Identifier: Apache-2.0
 *
 * outside.h - the objects an informer keeps although its watch no longer shows them.
 *
 * Such an object has left the selector's view (somebody took its label away), so no watch tells of
 * its end: it is asked for by name, at once and then from time to time. 404 or another uid under
 * the name removes it from the store; any doubt (no answer, an answer that makes no sense) keeps it
 * and asks again. Layer: cache, for the informer only.
 */
#ifndef MOON_CACHE_OUTSIDE_H
#define MOON_CACHE_OUTSIDE_H

#include "cache/store.h"
#include "kube/client.h"

struct moon_outside;

struct moon_outside_opts {
    struct moon_client *client;
    struct moon_store *store;
    /* The first answer for an object has shown that it exists; it may be released from inside. */
    void (*on_confirmed)(const struct moon_object *object, void *ctx);
    void (*on_error)(const struct moon_err *err, void *ctx);
    void *ctx;
};

struct moon_outside *moon_outside_new(const struct moon_outside_opts *opts);
/* Before the store. NULL is fine. */
void moon_outside_free(struct moon_outside *o);

/* Keep `object`, which is in the store, and ask for it; only asks when it is kept already. */
void moon_outside_keep(struct moon_outside *o, const struct moon_object *object);
/* The watch has it again, or it is gone. Nothing when it is not kept. */
void moon_outside_drop(struct moon_outside *o, moon_sym uid);
bool moon_outside_has(const struct moon_outside *o, moon_sym uid);

/* Before the end of a list: count the objects kept as listed, so that it does not remove them, and
 * ask for each. */
void moon_outside_vouch(struct moon_outside *o);

#endif
