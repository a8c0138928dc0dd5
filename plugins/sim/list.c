/* SPDX-License-Identifier: Apache-2.0
 *
 * list.c - the list verb: selection, versions, pages.
 */
#include <stdio.h>

#include "sim/api_priv.h"

enum {
    LIST_MAX_BYTES = 1 << 30
};

struct listing {
    struct moon_sim_page page;
    struct moon_sim_obj **matched; /* owned row when a selector picked; NULL: page is borrowed */
    bool selective;
};

static void listing_fini(struct listing *listing)
{
    moon_free(listing->matched);
}

/* ---- versions ---- */

/* resourceVersion and resourceVersionMatch: we answer with the current state, which is newer than
 * anything asked for; an exact old version is gone unless nothing has changed since. */
static int check_version(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    const char *match = moon_sim_call_query(call, "resourceVersionMatch");
    uint64_t wanted = UINT64_MAX;
    if (moon_sim_list_options_version(call, &wanted, st) != 0) {
        return -1;
    }
    if (wanted == UINT64_MAX) {
        return 0;
    }
    if (moon_sim_list_options_not_future(call, wanted, st) != 0) {
        return -1;
    }
    if (moon_streq(match, "Exact") &&
        wanted < moon_sim_objdb_kind_version(call->api->db, call->kind)) {
        return moon_sim_refuse_expired(st, "The resourceVersion for the provided list is too old.");
    }
    return 0;
}

/* ---- selection ---- */

static void select_matching(struct listing *listing, const struct moon_sim_selector *selector)
{
    size_t n = 0;
    if (moon_sim_selector_is_empty(selector)) {
        return;
    }
    listing->selective = true;
    listing->matched = moon_new_array(struct moon_sim_obj *, listing->page.count + 1);
    for (size_t i = 0; i < listing->page.count; i++) {
        if (moon_sim_selector_matches(selector, listing->page.objs[i])) {
            listing->matched[n++] = listing->page.objs[i];
        }
    }
    listing->page.objs = listing->matched;
    listing->page.count = n;
}

static int select_current(const struct moon_sim_call *call, const char *after_ns,
                          const char *after_name, struct listing *listing,
                          struct moon_sim_status *st)
{
    struct moon_err err;
    MOON_CLEANUP(moon_sim_selector_free_ptr)
    struct moon_sim_selector *selector =
        moon_sim_selector_new(call->kind, moon_sim_call_query(call, "labelSelector"),
                              moon_sim_call_query(call, "fieldSelector"), &err);
    if (selector == NULL) {
        return moon_sim_refuse_bad_request(st, "%s", err.text);
    }
    listing->page.version = moon_sim_objdb_version(call->api->db);
    listing->page.objs =
        moon_sim_objdb_range(call->api->db, call->kind, call->ns, &listing->page.count);
    if (after_ns != NULL) {
        MOON_AUTOFREE char *next = moon_asprintf("%s%c", after_name, 1);
        size_t at = moon_sim_objdb_seek(listing->page.objs, listing->page.count, after_ns, next);
        listing->page.objs += at;
        listing->page.count -= at;
    }
    select_matching(listing, selector);
    return 0;
}

static int select_continued(const struct moon_sim_call *call, const char *token,
                            struct listing *listing, struct moon_sim_status *st)
{
    struct moon_err err;
    MOON_AUTOFREE char *ns = NULL;
    MOON_AUTOFREE char *name = NULL;
    if (moon_sim_paging_find(call->api->paging, token, &listing->page, &ns, &name, &err) == 0) {
        listing->selective = moon_sim_call_query(call, "labelSelector") != NULL ||
                             moon_sim_call_query(call, "fieldSelector") != NULL;
        return 0;
    }
    if (err.code != MOON_E_GONE) {
        return moon_sim_refuse_bad_request(st, "%s", err.text);
    }
    MOON_AUTOFREE char *inconsistent = moon_sim_paging_inconsistent(ns, name);
    if (moon_streq(token, inconsistent)) {
        return select_current(call, ns, name, listing, st);
    }
    (void)moon_sim_refuse_expired(
        st,
        "The provided continue parameter is too old to display a consistent list result. You "
        "can start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted "
        "between the time the first chunk was returned and now may show up in the list.");
    moon_sim_set_text(moon_sim_ensure(st->body, "metadata"), "continue", inconsistent);
    return -1;
}

/* ---- the answer ---- */

/* The list's metadata; *ret_shown of the page go into this answer. */
static cJSON *list_metadata(const struct moon_sim_call *call, const struct listing *listing,
                            int64_t limit, size_t *ret_shown)
{
    char version[24];
    cJSON *metadata = cJSON_CreateObject();
    size_t count = listing->page.count;
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)listing->page.version);
    moon_sim_set_text(metadata, "resourceVersion", version);
    *ret_shown = count;
    if (limit > 0 && (uint64_t)limit < count) {
        *ret_shown = (size_t)limit;
        MOON_AUTOFREE char *token =
            moon_sim_paging_keep(call->api->paging, &listing->page, *ret_shown);
        moon_sim_set_text(metadata, "continue", token);
        if (!listing->selective) {
            moon_sim_set_int(metadata, "remainingItemCount", (int64_t)(count - *ret_shown));
        }
    }
    return metadata;
}

static void reply_items(struct moon_sim_call *call, const struct listing *listing, size_t shown,
                        const cJSON *metadata)
{
    char api_version[MOON_SIM_API_VERSION_TEXT];
    char list_kind[128];
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(LIST_MAX_BYTES);
    moon_buf_printf(&out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":",
                    moon_sim_kind_list(call->kind, list_kind),
                    moon_sim_kind_api_version(call->kind, api_version));
    moon_sim_tree_print(metadata, &out);
    moon_buf_puts(&out, ",\"items\":[");
    for (size_t i = 0; i < shown; i++) {
        moon_buf_puts(&out, i > 0 ? "," : "");
        if (call->kind->custom != NULL) { /* the only ones that repeat their kind in a list */
            moon_sim_view_print(call->kind, listing->page.objs[i], &out);
        } else {
            moon_buf_add_str(&out, listing->page.objs[i]->text);
        }
    }
    moon_buf_puts(&out, "]}\n");
    moon_sim_answer(call, 200, "application/json", moon_buf_str(&out));
}

static int list(struct moon_sim_call *call, struct moon_sim_status *st)
{
    __attribute__((cleanup(listing_fini))) struct listing listing = {
        .page = {.kind = call->kind, .ns = call->ns}};
    const char *token = moon_sim_call_query(call, "continue");
    int64_t limit = 0;
    size_t shown = 0;
    if (moon_sim_call_int(call, "limit", &limit, st) != 0 ||
        moon_sim_list_options_check(call, false, st) != 0) {
        return -1;
    }
    if (token != NULL && moon_sim_call_query(call, "resourceVersion") != NULL &&
        !moon_streq(moon_sim_call_query(call, "resourceVersion"), "0")) {
        return moon_sim_refuse_bad_request(
            st, "specifying resource version is not allowed when using continue");
    }
    if (token == NULL && check_version(call, st) != 0) {
        return -1;
    }
    if ((token != NULL ? select_continued(call, token, &listing, st)
                       : select_current(call, NULL, NULL, &listing, st)) != 0) {
        return -1;
    }
    MOON_AUTOJSON *metadata = list_metadata(call, &listing, limit, &shown);
    if (call->view == MOON_SIM_VIEW_OBJECT) {
        reply_items(call, &listing, shown, metadata);
        return 0;
    }
    MOON_AUTOJSON *table = moon_sim_table(call, listing.page.objs, shown, metadata, true);
    moon_sim_reply_tree(call, 200, table);
    return 0;
}

void moon_sim_verb_list(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    call->api->stats.reads++;
    if (list(call, &st) != 0) {
        moon_sim_reply_status(call, &st);
    }
}
