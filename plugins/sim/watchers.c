/* SPDX-License-Identifier: Apache-2.0
 *
 * watchers.c - open watches: catching up, following, bookmarks, time-outs.
 *
 * A watch is a stream of lines. It first gets what the history knows since its version (or, without
 * one, every object there is), then each write as it happens. A selector turns a change of an
 * object that begins or ceases to match into ADDED or DELETED.
 */
#include <stdio.h>

#include "base/random.h"
#include "sim/api_priv.h"

enum {
    /* What readers leave unread: a stream gets its share of the whole, but always room for a few
     * thousand objects at once. Who leaves more is cut off. */
    UNREAD_MAX_BYTES = 512 << 20,
    QUEUE_MAX_BYTES = 256 << 20,
    QUEUE_MIN_BYTES = 16 << 20,
    LINE_MAX_BYTES = 32 << 20,
    DEFAULT_TIMEOUT_S = 1800
};

static const unsigned WATCHER_MAGIC = 0x57617463;

struct watcher {
    unsigned magic;
    struct moon_list link; /* in the kind's list */
    struct moon_sim_watchers *owner;
    struct moon_sim_call call; /* kind, view, request; texts are not kept */
    char *ns;                  /* NULL: all */
    struct moon_sim_selector *selector;
    struct moon_timer *timeout;
    bool bookmarks;
    bool columns_sent;
    bool is_over;     /* the stream has ended, its reader does not know yet */
    uint64_t version; /* the client has everything up to here */
};

struct moon_sim_watchers {
    struct moon_sim_api *api;
    struct moon_list **by_store; /* lists of watchers; grows with the kinds */
    size_t stores;
    size_t count;
    uint64_t bookmark_interval_ms;
    struct moon_timer *bookmarks;
};

static void send_bookmarks(void *ctx);

struct moon_sim_watchers *moon_sim_watchers_new(struct moon_sim_api *api,
                                                uint64_t bookmark_interval_ms)
{
    struct moon_sim_watchers *ws = moon_new(struct moon_sim_watchers);
    ws->api = api;
    ws->bookmark_interval_ms = bookmark_interval_ms;
    ws->bookmarks = moon_timer_new(api->loop, send_bookmarks, ws);
    moon_timer_start(ws->bookmarks, bookmark_interval_ms);
    return ws;
}

/* The server has ended all requests before: no watcher is left. */
void moon_sim_watchers_free(struct moon_sim_watchers *ws)
{
    if (ws == NULL) {
        return;
    }
    moon_assert(ws->count == 0);
    moon_timer_free(ws->bookmarks);
    for (size_t i = 0; i < ws->stores; i++) {
        moon_free(ws->by_store[i]);
    }
    moon_free(ws->by_store);
    moon_free(ws);
}

static struct moon_list *watchers_of(struct moon_sim_watchers *ws, const struct moon_sim_kind *kind)
{
    if (kind->index >= ws->stores) {
        size_t stores = moon_sim_kinds_stores(ws->api->kinds);
        moon_assert(kind->index < stores);
        ws->by_store = moon_realloc_array(ws->by_store, stores, sizeof(*ws->by_store));
        for (; ws->stores < stores; ws->stores++) {
            ws->by_store[ws->stores] = moon_new(struct moon_list);
            moon_list_init(ws->by_store[ws->stores]);
        }
    }
    return ws->by_store[kind->index];
}

size_t moon_sim_watchers_count(const struct moon_sim_watchers *ws)
{
    return ws->count;
}

/* ---- lines ---- */

/* No more events: the stream is at its end, the memory goes with on_close. */
static void finish(struct watcher *w)
{
    w->is_over = true;
    moon_list_remove(&w->link);
    moon_timer_stop(w->timeout);
}

static size_t queue_share(const struct moon_sim_watchers *ws)
{
    size_t share = UNREAD_MAX_BYTES / (ws->count + 1);
    return share > QUEUE_MAX_BYTES   ? QUEUE_MAX_BYTES
           : share < QUEUE_MIN_BYTES ? QUEUE_MIN_BYTES
                                     : share;
}

static void send_line(struct watcher *w, const char *type, struct moon_str object)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf line = MOON_BUF_INIT(LINE_MAX_BYTES);
    if (w->is_over) {
        return;
    }
    moon_buf_printf(&line, "{\"type\":\"%s\",\"object\":", type);
    moon_buf_add_str(&line, object);
    moon_buf_puts(&line, "}\n");
    moon_httpd_stream_limit(w->call.request, queue_share(w->owner));
    if (!moon_sim_stream_line(&w->call, moon_buf_str(&line))) {
        finish(w);
    }
}

static void send_tree(struct watcher *w, const char *type, const cJSON *tree)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    moon_sim_tree_print(tree, &text);
    send_line(w, type, moon_buf_str(&text));
}

static void send_object(struct watcher *w, const char *type, struct moon_sim_obj *obj)
{
    if (w->call.view == MOON_SIM_VIEW_OBJECT) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
        moon_sim_view_print(w->call.kind, obj, &text);
        send_line(w, type, moon_buf_str(&text));
        return;
    }
    MOON_AUTOJSON *tree = moon_sim_view_tree(w->call.kind, obj);
    MOON_AUTOJSON *shown = NULL;
    if (w->call.view == MOON_SIM_VIEW_TABLE) {
        struct moon_sim_obj *one = obj;
        MOON_AUTOJSON *metadata = cJSON_CreateObject();
        moon_sim_set_text(metadata, "resourceVersion",
                          moon_sim_text(tree, "metadata.resourceVersion"));
        shown = moon_sim_table(&w->call, &one, 1, metadata, !w->columns_sent);
        w->columns_sent = true;
    } else {
        shown = moon_sim_partial(&w->call, tree);
    }
    send_tree(w, type, shown);
}

/* `end_of_list`: the list that the watch began with is complete. */
static void send_bookmark(struct watcher *w, bool end_of_list)
{
    char version[24];
    char api_version[MOON_SIM_API_VERSION_TEXT];
    MOON_AUTOJSON *object = cJSON_CreateObject();
    uint64_t seen = moon_sim_objdb_kind_version(w->owner->api->db, w->call.kind);
    w->version = seen > w->version ? seen : w->version;
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)w->version);
    moon_sim_set_text(object, "kind", w->call.kind->kind);
    moon_sim_set_text(object, "apiVersion", moon_sim_kind_api_version(w->call.kind, api_version));
    cJSON *metadata = moon_sim_ensure(object, "metadata");
    moon_sim_set_text(metadata, "resourceVersion", version);
    moon_sim_set(metadata, "creationTimestamp", cJSON_CreateNull());
    if (end_of_list) {
        moon_sim_set_text(moon_sim_ensure(metadata, "annotations"), "k8s.io/initial-events-end",
                          "true");
    }
    if (w->call.view == MOON_SIM_VIEW_TABLE) {
        MOON_AUTOJSON *table = moon_sim_table(&w->call, NULL, 0, metadata, !w->columns_sent);
        send_tree(w, "BOOKMARK", table);
        return;
    }
    if (w->call.view == MOON_SIM_VIEW_METADATA) {
        MOON_AUTOJSON *partial = moon_sim_partial(&w->call, object);
        send_tree(w, "BOOKMARK", partial);
        return;
    }
    send_tree(w, "BOOKMARK", object);
}

static void send_bookmarks(void *ctx)
{
    struct moon_sim_watchers *ws = ctx;
    for (size_t i = 0; i < ws->stores; i++) {
        moon_list_foreach (it, ws->by_store[i]) {
            struct watcher *w = moon_container_of(it, struct watcher, link);
            if (w->bookmarks) {
                send_bookmark(w, false);
            }
        }
    }
    moon_timer_start(ws->bookmarks, ws->bookmark_interval_ms);
}

/* ---- events ---- */

static bool sees(const struct watcher *w, const struct moon_sim_obj *obj)
{
    return obj != NULL && (w->ns == NULL || moon_streq(w->ns, obj->ns)) &&
           moon_sim_selector_matches(w->selector, obj);
}

static void deliver(const struct moon_sim_event *event, void *ctx)
{
    struct watcher *w = MOON_CAST(watcher, ctx, WATCHER_MAGIC);
    bool was = sees(w, event->before);
    bool is = event->type != MOON_SIM_DELETED && sees(w, event->obj);
    w->version = event->version;
    if (is) {
        send_object(w, was ? "MODIFIED" : "ADDED", event->obj);
    } else if (was && event->type == MOON_SIM_DELETED) {
        send_object(w, "DELETED", event->obj);
    } else if (was) {
        /* It left the selection: its last matching state, at the version at which it left. */
        MOON_AUTOJSON *tree = moon_sim_obj_tree(event->before);
        char version[24];
        (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)event->version);
        moon_sim_set_text(moon_sim_ensure(tree, "metadata"), "resourceVersion", version);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
        moon_sim_tree_print(tree, &text);
        struct moon_sim_obj left = *event->before;
        left.text = moon_buf_str(&text);
        send_object(w, "DELETED", &left);
    }
}

void moon_sim_watchers_event(struct moon_sim_watchers *ws, const struct moon_sim_event *event)
{
    moon_list_foreach (it, watchers_of(ws, event->obj->kind)) {
        deliver(event, moon_container_of(it, struct watcher, link));
    }
}

/* ---- life of a watch ---- */

static void on_close(void *ctx)
{
    struct watcher *w = MOON_CAST(watcher, ctx, WATCHER_MAGIC);
    moon_list_remove(&w->link);
    w->owner->count--;
    moon_timer_free(w->timeout);
    moon_sim_selector_free(w->selector);
    moon_free(w->ns);
    w->magic = 0;
    moon_free(w);
}

static void on_timeout(void *ctx)
{
    struct watcher *w = MOON_CAST(watcher, ctx, WATCHER_MAGIC);
    if (w->bookmarks) {
        send_bookmark(w, false);
    }
    if (!w->is_over) {
        finish(w);
        moon_sim_stream_end(&w->call);
    }
}

void moon_sim_watchers_end(struct moon_sim_watchers *ws, const struct moon_sim_kind *kind)
{
    moon_list_foreach (it, watchers_of(ws, kind)) {
        struct watcher *w = moon_container_of(it, struct watcher, link);
        if (w->call.kind == kind && !w->is_over) {
            finish(w);
            moon_sim_stream_end(&w->call);
        }
    }
}

static void end_with_gone(struct watcher *w, uint64_t wanted, uint64_t oldest)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    (void)moon_sim_refuse_expired(&st, "too old resource version: %llu (%llu)",
                                  (unsigned long long)wanted, (unsigned long long)oldest);
    send_tree(w, "ERROR", st.body);
    if (!w->is_over) {
        finish(w);
        moon_sim_stream_end(&w->call);
    }
}

static void send_present(struct watcher *w)
{
    size_t count = 0;
    struct moon_sim_obj *const *range =
        moon_sim_objdb_range(w->owner->api->db, w->call.kind, w->ns, &count);
    for (size_t i = 0; i < count; i++) {
        if (moon_sim_selector_matches(w->selector, range[i])) {
            send_object(w, "ADDED", range[i]);
        }
    }
    w->version = moon_sim_objdb_version(w->owner->api->db);
}

/* The stream is ended when the history does not reach back. */
static void catch_up(struct watcher *w, uint64_t version)
{
    uint64_t oldest = 0;
    if (version == 0) {
        send_present(w);
        return;
    }
    w->version = version;
    if (!moon_sim_objdb_replay(w->owner->api->db, w->call.kind, version, &oldest, deliver, w)) {
        end_with_gone(w, version, oldest);
    }
}

struct watch_request {
    bool streams_list; /* begin with all there is, and say when that is over */
    uint64_t version;
    int64_t timeout_s;
    struct moon_sim_selector *selector;
};

static int read_request(const struct moon_sim_call *call, struct watch_request *ret,
                        struct moon_sim_status *st)
{
    struct moon_err err;
    bool initial = moon_sim_call_query(call, "sendInitialEvents") != NULL;
    if (moon_sim_list_options_check(call, true, st) != 0 ||
        moon_sim_list_options_version(call, &ret->version, st) != 0 ||
        (initial && moon_sim_list_options_not_future(call, ret->version, st) != 0)) {
        return -1;
    }
    ret->streams_list = initial && moon_sim_call_flag(call, "sendInitialEvents");
    if (initial && !ret->streams_list && ret->version == 0) {
        ret->version = moon_sim_objdb_version(call->api->db); /* without what is there */
    }
    if (moon_sim_call_int(call, "timeoutSeconds", &ret->timeout_s, st) != 0) {
        return -1;
    }
    ret->selector = moon_sim_selector_new(call->kind, moon_sim_call_query(call, "labelSelector"),
                                          moon_sim_call_query(call, "fieldSelector"), &err);
    return ret->selector != NULL ? 0 : moon_sim_refuse_bad_request(st, "%s", err.text);
}

static struct watcher *watcher_new(struct moon_sim_call *call, struct watch_request *take)
{
    struct moon_sim_watchers *ws = call->api->watchers;
    struct watcher *w = moon_new(struct watcher);
    w->magic = WATCHER_MAGIC;
    w->owner = ws;
    w->call = *call;
    w->call.ns = NULL;
    w->call.view_version = moon_streq(call->view_version, "v1beta1") ? "v1beta1" : "v1";
    w->ns = moon_strdup(call->ns);
    w->selector = moon_steal(&take->selector);
    w->bookmarks = moon_sim_call_flag(call, "allowWatchBookmarks");
    w->timeout = moon_timer_new(call->api->loop, on_timeout, w);
    moon_list_init(&w->link);
    ws->count++;
    return w;
}

void moon_sim_verb_watch(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    struct watch_request wanted = {0};
    call->api->stats.watches++;
    if (read_request(call, &wanted, &st) != 0) {
        moon_sim_reply_status(call, &st);
        return;
    }
    int64_t timeout_s = wanted.timeout_s > 0
                            ? wanted.timeout_s
                            : DEFAULT_TIMEOUT_S + (int64_t)moon_random_below(DEFAULT_TIMEOUT_S);
    if (!moon_sim_answer_stream(call, "application/json", QUEUE_MAX_BYTES)) {
        moon_sim_selector_free(wanted.selector);
        return;
    }
    struct watcher *w = watcher_new(call, &wanted);
    moon_httpd_on_close(call->request, on_close, w);
    if (!moon_sim_stream_begun(&w->call)) {
        finish(w);
        return;
    }
    catch_up(w, wanted.streams_list ? 0 : wanted.version);
    if (wanted.streams_list && w->bookmarks) {
        send_bookmark(w, true);
    }
    if (w->is_over) {
        return;
    }
    moon_list_append(watchers_of(call->api->watchers, call->kind), &w->link);
    moon_timer_start(w->timeout, (uint64_t)timeout_s * 1000);
}
