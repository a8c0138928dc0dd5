/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - list, then follow: one stream of one resource.
 *
 * Lists (paged, or streamed with sendInitialEvents where the server offers it), then watches from
 * the list's version; resumes from the last version seen (bookmarks included), lists again when the
 * server has forgotten it (410), backs off with jitter from 0.8 s to 30 s (reset after 2 min of
 * good order), reopens after 90 s of silence. Items are handed on one by one as text; never a whole
 * list. Source of the protocol: kubernetes.io/docs/reference/using-api/api-concepts. Layer: kube.
 */
#ifndef MOON_KUBE_WATCH_H
#define MOON_KUBE_WATCH_H

#include "kube/client.h"

enum moon_event {
    MOON_EVENT_LISTED, /* an item of a list */
    MOON_EVENT_ADDED,
    MOON_EVENT_MODIFIED,
    MOON_EVENT_DELETED,
};

struct moon_watch;

struct moon_watch_opts {
    const struct moon_resource *resource;
    const char *namespace;      /* NULL: all */
    const char *label_selector; /* NULL: all; copied */
    const char *field_selector; /* copied */
    unsigned page_limit;        /* items per page; 0 = 500 */
    size_t max_item_bytes;      /* 0 = 4 MB: a larger one fails the list, or makes it list again */

    /* A list begins: everything known is now in question. Also before the first one, and again
     * when a list has to start over. A streamed list may hold a DELETED for what it LISTED. */
    void (*on_list_begin)(void *ctx);
    void (*on_object)(enum moon_event event, struct moon_str object, void *ctx);
    /* The list at `version` is complete: what was not LISTED and is not newer than `version` is
     * gone. */
    void (*on_list_end)(uint64_t version, void *ctx);
    void (*on_bookmark)(uint64_t version, void *ctx);
    /* Something went wrong; it will be tried again by itself. Called once per attempt. err->code
     * DENIED: the rights are missing; the text names verb and resource. */
    void (*on_error)(const struct moon_err *err, void *ctx);
    void *ctx;
};

/* Starts at once; callbacks come from the loop, never before this returns. `client` is borrowed. */
MOON_API struct moon_watch *moon_watch_new(struct moon_client *client,
                                           const struct moon_watch_opts *opts);
/* No callback runs afterwards. NULL is fine. */
MOON_API void moon_watch_free(struct moon_watch *w);
/* For tests and the admin page: has a list completed, and is a watch open now? */
MOON_API bool moon_watch_is_listed(const struct moon_watch *w);

/* One paged list without a watch. on_object gets LISTED items; on_done once. When the server
 * forgets the list between two pages (410), it starts over without pages: on_restart (may be NULL)
 * tells that all items will come again. */
struct moon_list_call;
struct moon_list_opts {
    const struct moon_resource *resource;
    const char *namespace;
    const char *label_selector;
    const char *field_selector;
    unsigned page_limit;
    size_t max_item_bytes;
    void (*on_object)(enum moon_event event, struct moon_str object, void *ctx);
    void (*on_restart)(void *ctx);
    void (*on_done)(uint64_t version, const struct moon_err *err, void *ctx);
    void *ctx;
};
MOON_API struct moon_list_call *moon_list_start(struct moon_client *client,
                                                const struct moon_list_opts *opts);
MOON_API void moon_list_cancel(struct moon_list_call *call);

#endif
