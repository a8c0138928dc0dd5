/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - the states of one list+watch.
 *
 *   waiting ──timer──► listing ───────────────────────┐ complete
 *      ▲  ▲               ▲ refused (400, 422)        ▼
 *      │  └──timer──► streaming list ──bookmark──► watching ◄─┐ ended in good order:
 *      │                  │                           │  └────┘ resumed at once
 *      └────── failed ────┴───────────────────────────┘
 *
 * What follows a failure depends on `must_list` only: the list again, or the watch from the last
 * version seen. A failed attempt never reports a list as complete, so nothing is taken for deleted
 * because of it.
 */
#include "kube/watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "io/loop.h"
#include "kube/client_priv.h"
#include "kube/watch_event.h"

enum {
    WATCH_MAGIC = 0x77617463,
    DEFAULT_ITEM_BYTES = 4 << 20,
    /* {"type":"MODIFIED","object":…} around the item */
    LINE_EXTRA_BYTES = 1 << 10,
    /* Room for any selector: an overflow would ask for everything. The URL's limit says no. */
    QUERY_MAX_BYTES = 32 << 20,

    BACKOFF_FIRST_MS = 800,
    BACKOFF_MAX_MS = 30 * 1000,
    BACKOFF_RESET_MS = 2 * 60 * 1000,
    RETRY_AFTER_MAX_MS = 5 * 60 * 1000,

    /* Bookmarks come about once a minute where nothing else does. */
    SILENCE_MS = 90 * 1000,
    /* The first bytes of a streamed list may wait for etcd, but not for long. */
    LIST_SILENCE_MS = 40 * 1000,
    TIMEOUT_MIN_S = 300,
    TIMEOUT_MAX_S = 600,
    /* Servers and proxies that end each watch at once must not be asked in a tight loop. */
    SHORT_WATCH_MS = 1000,
    /* Attempts at a streamed list that bring no end of the list; then pages are tried. */
    STREAMED_LIST_TRIES = 2,
};

#define BACKOFF_JITTER 0.5

enum phase {
    PHASE_WAITING, /* for the timer */
    PHASE_LISTING,
    PHASE_STREAMING_LIST,
    PHASE_WATCHING,
};

struct moon_watch {
    unsigned magic;
    struct moon_client *client;
    struct moon_loop *loop;
    struct moon_watch_opts opts; /* the texts are ours */
    struct moon_timer *timer;
    struct moon_list_call *list;   /* PHASE_LISTING */
    struct moon_client_call *call; /* the two streaming phases */

    enum phase phase;
    unsigned streamed_list_failures;
    unsigned depth; /* callbacks of ours on the stack: free only marks */
    bool is_freed;
    bool must_list;
    bool has_listed;
    bool has_events; /* since the stream was opened */
    bool has_failed; /* last_failure_at means something */

    uint64_t version; /* to resume from */
    uint64_t opened_at;
    uint64_t backoff_ms;
    uint64_t last_failure_at;

    struct moon_watch_lines lines;
    struct moon_err stream_err; /* why we ended the stream ourselves */
};

/* ---- life on the stack ---- */

static void destroy(struct moon_watch *w)
{
    moon_timer_free(w->timer);
    moon_buf_fini(&w->lines.partial);
    moon_free((char *)(uintptr_t)w->opts.namespace);
    moon_free((char *)(uintptr_t)w->opts.label_selector);
    moon_free((char *)(uintptr_t)w->opts.field_selector);
    w->magic = 0;
    moon_free(w);
}

static struct moon_watch *enter(void *ctx)
{
    struct moon_watch *w = MOON_CAST(moon_watch, ctx, WATCH_MAGIC);
    w->depth++;
    return w;
}

/* True when the watch still lives. */
static bool leave(struct moon_watch *w)
{
    w->depth--;
    if (!w->is_freed) {
        return true;
    }
    if (w->depth == 0) {
        destroy(w);
    }
    return false;
}

/* ---- telling the owner; any of these may free the watch ---- */

static void tell_list_begin(struct moon_watch *w)
{
    if (w->opts.on_list_begin != NULL && !w->is_freed) {
        w->opts.on_list_begin(w->opts.ctx);
    }
}

static void tell_list_end(struct moon_watch *w)
{
    if (w->opts.on_list_end != NULL && !w->is_freed) {
        w->opts.on_list_end(w->version, w->opts.ctx);
    }
}

static void tell_bookmark(struct moon_watch *w)
{
    if (w->opts.on_bookmark != NULL && !w->is_freed) {
        w->opts.on_bookmark(w->version, w->opts.ctx);
    }
}

static void tell_error(struct moon_watch *w, const struct moon_err *err)
{
    if (w->opts.on_error != NULL && !w->is_freed) {
        w->opts.on_error(err, w->opts.ctx);
    }
}

/* ---- what comes next, and when ---- */

static void wait_for(struct moon_watch *w, uint64_t delay_ms)
{
    w->phase = PHASE_WAITING;
    moon_timer_start(w->timer, delay_ms);
}

/* The delay before the next attempt. Two minutes without a failure forget the earlier ones. */
static uint64_t next_backoff(struct moon_watch *w)
{
    uint64_t now = moon_loop_now(w->loop);
    if (!w->has_failed || now - w->last_failure_at >= BACKOFF_RESET_MS) {
        w->backoff_ms = BACKOFF_FIRST_MS;
    }
    w->has_failed = true;
    w->last_failure_at = now;
    uint64_t delay_ms = moon_random_jitter(w->backoff_ms, BACKOFF_JITTER);
    w->backoff_ms = w->backoff_ms * 2 < BACKOFF_MAX_MS ? w->backoff_ms * 2 : BACKOFF_MAX_MS;
    return delay_ms;
}

/* The server has forgotten our version: the protocol's normal course, at once the first time. */
static void list_again(struct moon_watch *w)
{
    bool in_good_order =
        !w->has_failed || moon_loop_now(w->loop) - w->last_failure_at >= BACKOFF_RESET_MS;
    uint64_t delay_ms = next_backoff(w);
    w->must_list = true;
    wait_for(w, in_good_order ? 0 : delay_ms);
}

static void failed(struct moon_watch *w, const struct moon_err *err)
{
    uint64_t delay_ms = next_backoff(w);
    uint64_t hint_ms =
        err->retry_after_ms < RETRY_AFTER_MAX_MS ? err->retry_after_ms : RETRY_AFTER_MAX_MS;
    wait_for(w, delay_ms > hint_ms ? delay_ms : hint_ms);
    tell_error(w, err);
}

static void wrap(const struct moon_watch *w, struct moon_err *err)
{
    moon_err_wrap(err, "watch " MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(w->opts.resource));
}

/* ---- listing, page by page ---- */

static void start_watch(struct moon_watch *w);

static void list_object(enum moon_event event, struct moon_str object, void *ctx)
{
    struct moon_watch *w = enter(ctx);
    w->opts.on_object(event, object, w->opts.ctx);
    leave(w);
}

static void list_restart(void *ctx)
{
    struct moon_watch *w = enter(ctx);
    tell_list_begin(w);
    leave(w);
}

/* The list is complete at w->version; the watch goes on from there. */
static void list_complete(struct moon_watch *w)
{
    w->must_list = false;
    w->has_listed = true;
    w->streamed_list_failures = 0;
    tell_list_end(w);
}

static void list_done(uint64_t version, const struct moon_err *err, void *ctx)
{
    struct moon_watch *w = enter(ctx);
    w->list = NULL;
    if (err != NULL) {
        failed(w, err);
    } else {
        w->version = version;
        list_complete(w);
        if (!w->is_freed) {
            start_watch(w);
        }
    }
    leave(w);
}

static void start_list(struct moon_watch *w)
{
    w->phase = PHASE_LISTING;
    w->list = moon_list_start(w->client, &(struct moon_list_opts){
                                             .resource = w->opts.resource,
                                             .namespace = w->opts.namespace,
                                             .label_selector = w->opts.label_selector,
                                             .field_selector = w->opts.field_selector,
                                             .page_limit = w->opts.page_limit,
                                             .max_item_bytes = w->opts.max_item_bytes,
                                             .on_object = list_object,
                                             .on_restart = list_restart,
                                             .on_done = list_done,
                                             .ctx = w,
                                         });
}

/* ---- events ---- */

static void got_bookmark(struct moon_watch *w, const struct moon_watch_event *event)
{
    if (w->phase == PHASE_WATCHING) {
        w->version = event->version > w->version ? event->version : w->version;
        tell_bookmark(w);
    } else if (event->ends_list) {
        w->version = event->version;
        w->phase = PHASE_WATCHING;
        list_complete(w);
    }
}

/* In a streamed list the versions of initial events come in no order: only the bookmark at the end
 * is one to resume from. What changes meanwhile belongs to the list. */
static void got_object(struct moon_watch *w, enum moon_event kind,
                       const struct moon_watch_event *event)
{
    if (w->phase == PHASE_STREAMING_LIST) {
        kind = kind == MOON_EVENT_DELETED ? kind : MOON_EVENT_LISTED;
    } else if (event->version > w->version) {
        w->version = event->version;
    }
    w->opts.on_object(kind, event->object, w->opts.ctx);
}

/* The protocol is broken, so events may be missing. */
static bool refuse_line(struct moon_watch *w)
{
    wrap(w, &w->stream_err);
    w->must_list = true;
    return false;
}

static bool on_line(struct moon_str line, void *ctx)
{
    struct moon_watch *w = MOON_CAST(moon_watch, ctx, WATCH_MAGIC);
    struct moon_watch_event event;
    line = moon_str_trim(line);
    if (line.len == 0) {
        return true;
    }
    if (moon_watch_event_parse(line, &event, &w->stream_err) != 0) {
        return refuse_line(w);
    }
    switch (event.type) {
    case MOON_WATCH_ADDED:
        got_object(w, MOON_EVENT_ADDED, &event);
        break;
    case MOON_WATCH_MODIFIED:
        got_object(w, MOON_EVENT_MODIFIED, &event);
        break;
    case MOON_WATCH_DELETED:
        got_object(w, MOON_EVENT_DELETED, &event);
        break;
    case MOON_WATCH_BOOKMARK:
        got_bookmark(w, &event);
        break;
    case MOON_WATCH_ERROR:
        moon_watch_status_error(event.object, &w->stream_err);
        wrap(w, &w->stream_err);
        return false;
    }
    w->has_events = true;
    return !w->is_freed;
}

static bool stream_data(struct moon_str piece, void *ctx)
{
    struct moon_watch *w = enter(ctx);
    struct moon_err err;
    int rc = moon_watch_lines_feed(&w->lines, piece, on_line, w, &err);
    if (rc == -MOON_E_LIMIT && !w->is_freed) {
        w->stream_err = err;
        refuse_line(w);
    }
    return leave(w) && rc == 0;
}

/* ---- the end of a stream ---- */

/* True when the server does not know streamed lists; that is remembered. */
static bool is_refusal(const struct moon_err *err)
{
    return err != NULL && (err->http_status == 400 || err->http_status == 422);
}

/* A server that takes the parameters for granted and ignores them never ends the list; one that is
 * down or cut off says nothing about what it offers. */
static bool may_be_ignorance(const struct moon_watch *w, const struct moon_answer *answer,
                             const struct moon_err *err)
{
    bool fell_silent = err != NULL && err->code == MOON_E_TIMEOUT && answer->status == 200;
    return w->stream_err.code == MOON_OK && (err == NULL || fell_silent);
}

/* The stream ended before its list was complete. */
static void streamed_list_ended(struct moon_watch *w, const struct moon_answer *answer,
                                const struct moon_err *err)
{
    w->streamed_list_failures += may_be_ignorance(w, answer, err);
    if (is_refusal(err) || w->streamed_list_failures >= STREAMED_LIST_TRIES) {
        moon_client_forget_streamed_lists(w->client);
    }
    if (is_refusal(err)) {
        tell_list_begin(w);
        if (!w->is_freed) {
            start_list(w);
        }
        return;
    }
    struct moon_err incomplete;
    moon_err_set(&incomplete, MOON_E_NETWORK, "the list ended before it was complete");
    wrap(w, &incomplete);
    failed(w, err != NULL ? err : &incomplete);
}

/* The server ended the watch as it should, or it fell silent: go on from the last version. */
static void watch_ended(struct moon_watch *w)
{
    if (moon_loop_now(w->loop) - w->opened_at >= SHORT_WATCH_MS) {
        start_watch(w);
    } else if (w->has_events) {
        wait_for(w, next_backoff(w));
    } else {
        struct moon_err err;
        moon_err_set(&err, MOON_E_NETWORK, "the server closed it at once, without an event");
        wrap(w, &err);
        failed(w, &err);
    }
}

/* A 4xx that is not about rights or load: the version or something else in the request is not to
 * the server's liking, and only a list can give another version. */
static bool is_bad_request(const struct moon_err *err)
{
    return err->code == MOON_E_INVALID || err->code == MOON_E_NOT_FOUND;
}

static void watch_broke(struct moon_watch *w, const struct moon_answer *answer,
                        const struct moon_err *err)
{
    bool was_open = answer->status == 200;
    if (err->code == MOON_E_GONE || moon_answer_has_cause(answer, "ResourceVersionTooLarge")) {
        list_again(w);
    } else if (err->code == MOON_E_TIMEOUT && was_open && w->stream_err.code == MOON_OK) {
        watch_ended(w);
    } else {
        w->must_list = w->must_list || is_bad_request(err);
        failed(w, err);
    }
}

static void stream_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_watch *w = enter(ctx);
    struct moon_err own = w->stream_err;
    w->call = NULL;
    if (own.code != MOON_OK) {
        err = &own;
    } else if (err == NULL && w->lines.partial.len > 0) {
        moon_err_set(&own, MOON_E_NETWORK, "it ended in the middle of an event");
        wrap(w, &own);
        err = &own;
    }
    if (w->phase == PHASE_STREAMING_LIST) {
        streamed_list_ended(w, answer, err);
    } else if (err == NULL) {
        watch_ended(w);
    } else {
        watch_broke(w, answer, err);
    }
    leave(w);
}

/* ---- starting ---- */

static void open_stream(struct moon_watch *w, struct moon_buf *query)
{
    char timeout[16];
    uint64_t timeout_s = TIMEOUT_MIN_S + moon_random_below(TIMEOUT_MAX_S - TIMEOUT_MIN_S + 1);
    snprintf(timeout, sizeof(timeout), "%" PRIu64, timeout_s);
    moon_client_add_query(query, "watch", "true");
    moon_client_add_query(query, "allowWatchBookmarks", "true");
    moon_client_add_query(query, "timeoutSeconds", timeout);
    moon_client_add_query(query, "labelSelector", w->opts.label_selector);
    moon_client_add_query(query, "fieldSelector", w->opts.field_selector);
    moon_assert(!query->overflow);

    moon_buf_clear(&w->lines.partial);
    w->stream_err.code = MOON_OK;
    w->has_events = false;
    w->opened_at = moon_loop_now(w->loop);
    uint64_t silence_ms = w->phase == PHASE_WATCHING ? SILENCE_MS : LIST_SILENCE_MS;
    w->call = moon_client_send(w->client, &(struct moon_request){.verb = MOON_VERB_WATCH,
                                                                 .resource = w->opts.resource,
                                                                 .namespace = w->opts.namespace,
                                                                 .query = moon_buf_cstr(query),
                                                                 .silence_ms = silence_ms,
                                                                 .on_data = stream_data,
                                                                 .on_done = stream_done,
                                                                 .ctx = w});
}

static void start_watch(struct moon_watch *w)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf query = MOON_BUF_INIT(QUERY_MAX_BYTES);
    char version[24];
    snprintf(version, sizeof(version), "%" PRIu64, w->version);
    moon_client_add_query(&query, "resourceVersion", version);
    w->phase = PHASE_WATCHING;
    open_stream(w, &query);
}

static void start_streamed_list(struct moon_watch *w)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf query = MOON_BUF_INIT(QUERY_MAX_BYTES);
    moon_client_add_query(&query, "sendInitialEvents", "true");
    moon_client_add_query(&query, "resourceVersionMatch", "NotOlderThan");
    w->phase = PHASE_STREAMING_LIST;
    open_stream(w, &query);
}

static void on_timer(void *ctx)
{
    struct moon_watch *w = enter(ctx);
    if (!w->must_list) {
        start_watch(w);
    } else {
        tell_list_begin(w);
        if (!w->is_freed && moon_client_offers_streamed_lists(w->client)) {
            start_streamed_list(w);
        } else if (!w->is_freed) {
            start_list(w);
        }
    }
    leave(w);
}

struct moon_watch *moon_watch_new(struct moon_client *client, const struct moon_watch_opts *opts)
{
    moon_assert(opts->resource != NULL && opts->on_object != NULL);
    struct moon_watch *w = moon_new(struct moon_watch);
    w->magic = WATCH_MAGIC;
    w->client = client;
    w->loop = moon_client_loop(client);
    w->opts = *opts;
    w->opts.namespace = moon_strdup(opts->namespace);
    w->opts.label_selector = moon_strdup(opts->label_selector);
    w->opts.field_selector = moon_strdup(opts->field_selector);
    if (w->opts.max_item_bytes == 0) {
        w->opts.max_item_bytes = DEFAULT_ITEM_BYTES;
    }
    moon_buf_init(&w->lines.partial, w->opts.max_item_bytes + LINE_EXTRA_BYTES);
    w->must_list = true;
    w->timer = moon_timer_new(w->loop, on_timer, w);
    wait_for(w, 0);
    return w;
}

void moon_watch_free(struct moon_watch *w)
{
    if (w == NULL) {
        return;
    }
    moon_assert(w->magic == WATCH_MAGIC && !w->is_freed);
    w->is_freed = true;
    moon_timer_stop(w->timer);
    if (w->list != NULL) {
        moon_list_cancel(w->list);
    }
    if (w->call != NULL) {
        moon_client_cancel(w->call);
    }
    if (w->depth == 0) {
        destroy(w);
    }
}

bool moon_watch_is_listed(const struct moon_watch *w)
{
    moon_assert(w->magic == WATCH_MAGIC);
    return w->has_listed && w->phase == PHASE_WATCHING;
}
