/* SPDX-License-Identifier: Apache-2.0
 *
 * list.c - one list, page by page, cut into items while it arrives.
 */
#include <stdio.h>

#include "kube/client_priv.h"
#include "kube/watch.h"

enum {
    LIST_MAGIC = 0x6c697374,
    DEFAULT_PAGE_LIMIT = 500,
    DEFAULT_ITEM_BYTES = 4 << 20,
    /* Room for any selector: an overflow would ask for everything. The URL's limit says no. */
    QUERY_MAX_BYTES = 32 << 20,
    /* kube-apiserver gives up on a list after 60 s; large pages may take their time to arrive. */
    PAGE_TIMEOUT_MS = 180 * 1000,
    PAGE_SILENCE_MS = 70 * 1000,
};

struct moon_list_call {
    unsigned magic;
    struct moon_client *client;
    struct moon_list_opts opts; /* selectors and namespace are ours */
    struct moon_client_call *call;
    struct moon_json_items *items; /* of the page that arrives */
    char *continue_token;          /* of the next page; NULL: the first */
    bool is_unpaged;               /* started over after a 410 */
    bool is_delivering;            /* in a callback: who cancels now is freed afterwards */
    bool is_cancelled;
    struct moon_err failure;
};

static void list_free(struct moon_list_call *l)
{
    moon_json_items_free(l->items);
    moon_free((char *)(uintptr_t)l->opts.namespace);
    moon_free((char *)(uintptr_t)l->opts.label_selector);
    moon_free((char *)(uintptr_t)l->opts.field_selector);
    moon_free(l->continue_token);
    l->magic = 0;
    moon_free(l);
}

static void finish(struct moon_list_call *l, uint64_t version, const struct moon_err *err)
{
    void (*on_done)(uint64_t, const struct moon_err *, void *) = l->opts.on_done;
    void *ctx = l->opts.ctx;
    struct moon_err copy = {0};
    if (err != NULL) {
        copy = *err; /* it may live in what is freed here */
    }
    list_free(l);
    on_done(version, err != NULL ? &copy : NULL, ctx);
}

/* ---- items ---- */

static int on_item(struct moon_str item, void *ctx, struct moon_err *err)
{
    struct moon_list_call *l = MOON_CAST(moon_list_call, ctx, LIST_MAGIC);
    l->opts.on_object(MOON_EVENT_LISTED, item, l->opts.ctx);
    return l->is_cancelled ? moon_err_set(err, MOON_E_CANCELLED, "cancelled") : 0;
}

static bool on_data(struct moon_str piece, void *ctx)
{
    struct moon_list_call *l = MOON_CAST(moon_list_call, ctx, LIST_MAGIC);
    l->is_delivering = true;
    int rc = moon_json_items_feed(l->items, piece, &l->failure);
    l->is_delivering = false;
    if (l->is_cancelled) {
        list_free(l);
        return false;
    }
    return rc == 0;
}

/* ---- pages ---- */

static void ask_page(struct moon_list_call *l);

/* What stands around the items. A body that is JSON but no list has no version, and must not count
 * as an empty list. */
static int read_envelope(struct moon_list_call *l, uint64_t *ret_version, char **ret_continue,
                         struct moon_err *err)
{
    struct moon_str envelope;
    int rc = moon_json_items_end(l->items, &envelope, err);
    if (rc != 0) {
        return rc;
    }
    MOON_AUTOJSON *json = moon_json_parse(envelope, err);
    if (json == NULL) {
        return -(int)err->code;
    }
    const char *version = moon_json_string(json, "metadata.resourceVersion");
    if (version == NULL || !moon_parse_u64(moon_str(version), ret_version) || *ret_version == 0) {
        return moon_err_set(err, MOON_E_SERVER, "the answer is no list: it has no resourceVersion");
    }
    const char *token = moon_json_string(json, "metadata.continue");
    if (token != NULL && moon_streq(token, l->continue_token)) {
        return moon_err_set(err, MOON_E_SERVER, "the server repeats a page for ever");
    }
    *ret_continue = token != NULL && token[0] != '\0' ? moon_strdup(token) : NULL;
    return 0;
}

static void page_done(struct moon_list_call *l)
{
    uint64_t version = 0;
    char *token = NULL;
    if (read_envelope(l, &version, &token, &l->failure) != 0) {
        moon_err_wrap(&l->failure, "list " MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(l->opts.resource));
        finish(l, 0, &l->failure);
        return;
    }
    moon_free(l->continue_token);
    l->continue_token = token;
    if (token != NULL) {
        ask_page(l);
    } else {
        finish(l, version, NULL);
    }
}

/* The next page's version is compacted away. Without pages this cannot happen again. */
static void start_over(struct moon_list_call *l)
{
    moon_free(l->continue_token);
    l->continue_token = NULL;
    l->is_unpaged = true;
    if (l->opts.on_restart != NULL) {
        l->is_delivering = true;
        l->opts.on_restart(l->opts.ctx);
        l->is_delivering = false;
    }
    if (l->is_cancelled) {
        list_free(l);
    } else {
        ask_page(l);
    }
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_list_call *l = MOON_CAST(moon_list_call, ctx, LIST_MAGIC);
    (void)answer;
    l->call = NULL;
    if (l->failure.code != MOON_OK) {
        moon_err_wrap(&l->failure, "list " MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(l->opts.resource));
        finish(l, 0, &l->failure);
    } else if (err == NULL) {
        page_done(l);
    } else if (err->code == MOON_E_GONE && l->continue_token != NULL) {
        start_over(l);
    } else {
        finish(l, 0, err);
    }
}

static void ask_page(struct moon_list_call *l)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf query = MOON_BUF_INIT(QUERY_MAX_BYTES);
    if (!l->is_unpaged) {
        char limit[16];
        snprintf(limit, sizeof(limit), "%u", l->opts.page_limit);
        moon_client_add_query(&query, "limit", limit);
    }
    moon_client_add_query(&query, "continue", l->continue_token);
    moon_client_add_query(&query, "labelSelector", l->opts.label_selector);
    moon_client_add_query(&query, "fieldSelector", l->opts.field_selector);

    moon_json_items_free(l->items);
    l->items = moon_json_items_new(&(struct moon_json_items_opts){
        .max_item_bytes = l->opts.max_item_bytes, .on_item = on_item, .ctx = l});
    l->call = moon_client_send(l->client, &(struct moon_request){.verb = MOON_VERB_LIST,
                                                                 .resource = l->opts.resource,
                                                                 .namespace = l->opts.namespace,
                                                                 .query = moon_buf_cstr(&query),
                                                                 .timeout_ms = PAGE_TIMEOUT_MS,
                                                                 .silence_ms = PAGE_SILENCE_MS,
                                                                 .on_data = on_data,
                                                                 .on_done = on_done,
                                                                 .ctx = l});
}

struct moon_list_call *moon_list_start(struct moon_client *client,
                                       const struct moon_list_opts *opts)
{
    moon_assert(opts->on_object != NULL && opts->on_done != NULL);
    struct moon_list_call *l = moon_new(struct moon_list_call);
    l->magic = LIST_MAGIC;
    l->client = client;
    l->opts = *opts;
    l->opts.namespace = moon_strdup(opts->namespace);
    l->opts.label_selector = moon_strdup(opts->label_selector);
    l->opts.field_selector = moon_strdup(opts->field_selector);
    if (l->opts.page_limit == 0) {
        l->opts.page_limit = DEFAULT_PAGE_LIMIT;
    }
    if (l->opts.max_item_bytes == 0) {
        l->opts.max_item_bytes = DEFAULT_ITEM_BYTES;
    }
    ask_page(l);
    return l;
}

void moon_list_cancel(struct moon_list_call *call)
{
    moon_assert(call->magic == LIST_MAGIC && !call->is_cancelled);
    call->is_cancelled = true;
    if (call->call != NULL) {
        moon_client_cancel(call->call);
    }
    if (!call->is_delivering) {
        list_free(call);
    }
}
