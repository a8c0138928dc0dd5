/* SPDX-License-Identifier: Apache-2.0
 *
 * informer.h - one watch that keeps one store.
 *
 * Projects what the watch delivers and writes it through to the store. An object that cannot be
 * projected keeps its last good projection, and is reported. Knows the one trap of a watch with a
 * selector: a DELETED event whose object has no deletionTimestamp deleted nothing, the object only
 * left the selector's view. Such an object stays in the store, *unconfirmed*, until a GET by name
 * has answered: 404 or another uid removes it; the same uid is projected again and stays, marked
 * as outside the view, until the watch shows it again, `moon_informer_release` is called or a later
 * look finds it gone (it is asked for again every 5 min, since no watch follows it; every 10 s
 * while it is being deleted). No clear answer keeps it and is retried. A list with a selector does
 * not drop what it misses either: it may have left the view while nobody watched. Layer: cache.
 */
#ifndef MOON_CACHE_INFORMER_H
#define MOON_CACHE_INFORMER_H

#include "cache/store.h"
#include "kube/watch.h"

struct moon_informer;

/* The callbacks must not free the informer. */
struct moon_informer_opts {
    const struct moon_kind *kind;
    const struct moon_index_opts *indexes;
    size_t index_count;
    const char *namespace;      /* NULL: all */
    const char *label_selector; /* NULL: all */
    const char *field_selector;
    /* An object left the view and a GET has shown that it still exists (object = its present
     * state, now in the store). Optional. */
    void (*on_left_view)(const struct moon_object *object, void *ctx);
    /* Watch or projection trouble, for the log and metrics; retried by itself. Optional. */
    void (*on_error)(const struct moon_err *err, void *ctx);
    /* The first list is complete. Optional. */
    void (*on_synced)(void *ctx);
    /* Any list is complete. Optional. */
    void (*on_listed)(void *ctx);
    void *ctx;
};

/* Starts when moon_informer_start is called; the store exists at once. */
MOON_API struct moon_informer *moon_informer_new(struct moon_client *client,
                                                 const struct moon_informer_opts *opts);
MOON_API void moon_informer_start(struct moon_informer *i);
/* List again, since more is kept of each object now. Nothing happens before the start. */
MOON_API void moon_informer_list_again(struct moon_informer *i);
/* And its store. NULL is fine. */
MOON_API void moon_informer_free(struct moon_informer *i);
MOON_API struct moon_store *moon_informer_store(struct moon_informer *i);
MOON_API bool moon_informer_is_synced(const struct moon_informer *i);
/* Is this object kept although it is outside the selector's view? */
MOON_API bool moon_informer_is_outside(const struct moon_informer *i, moon_sym uid);
/* Stop keeping an object that is outside the view (another informer has it now). */
MOON_API void moon_informer_release(struct moon_informer *i, moon_sym uid);

#endif
