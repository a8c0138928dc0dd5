/* SPDX-License-Identifier: Apache-2.0 */
#include "host/last_good.h"

#include "base/log.h"
#include "host/delivery.h"

#define TOPIC "policy"
#define KEY "last-good.json"

enum {
    SETTLE_MS = 1000,
    RETRY_MS = 30000,
    BODY_MAX_BYTES = 4 * MOON_RESERVE_MAX_BYTES, /* escaped once more */
};

struct moon_last_good {
    struct moon_last_good_opts opts;
    struct moon_timer *timer;
    struct moon_client_call *call; /* the write in flight; NULL: none */
    char *written;                 /* by it */
    char *kept;                    /* what the server has; NULL: no such ConfigMap */
    bool leads;
    bool told_denied;
    size_t told_left_out;
};

/* ---- writing ---- */

static void write_body(const struct moon_last_good *g, struct moon_buf *out)
{
    moon_buf_puts(out, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                       "\"" MOON_LAST_GOOD_NAME "\",\"labels\":{\"" MOON_POLICIES_LABEL
                       "\":\"" MOON_LAST_GOOD_LABEL "\"}},\"data\":{\"" KEY "\":");
    moon_json_add_string(out, moon_str(g->written));
    moon_buf_puts(out, "}}");
}

static void tell_failed(struct moon_last_good *g, const struct moon_err *err)
{
    if (err->code != MOON_E_DENIED) {
        moon_warn(TOPIC, "last good policies not kept, will be tried again", "err", err->text);
    } else if (!g->told_denied) {
        g->told_denied = true;
        moon_warn(TOPIC, "no right to keep the last good policies, a restart will not have them",
                  "err", err->text);
    }
}

static void write_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_last_good *g = ctx;
    MOON_AUTOFREE char *text = moon_steal(&g->written);

    (void)answer;
    g->call = NULL;
    if (err == NULL) {
        moon_free(g->kept);
        g->kept = moon_steal(&text);
        moon_last_good_changed(g); /* there may be news meanwhile */
        return;
    }
    if (err->code == MOON_E_NOT_FOUND) {
        moon_free(moon_steal(&g->kept));
    }
    tell_failed(g, err);
    if (g->leads) {
        moon_timer_start(g->timer, RETRY_MS);
    }
}

static void send_write(struct moon_last_good *g)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX_BYTES);

    write_body(g, &body);
    g->call = moon_client_send(
        g->opts.client, &(struct moon_request){
                            .verb = g->kept != NULL ? MOON_VERB_PATCH_MERGE : MOON_VERB_CREATE,
                            .resource = &moon_resource_configmaps,
                            .namespace = g->opts.namespace,
                            .name = g->kept != NULL ? MOON_LAST_GOOD_NAME : NULL,
                            .body = moon_buf_str(&body),
                            .on_done = write_done,
                            .ctx = g,
                        });
}

static void tell_left_out(struct moon_last_good *g, size_t left_out)
{
    if (left_out > g->told_left_out) {
        moon_warn(TOPIC,
                  "policies too large for one ConfigMap, a restart will not have all of them",
                  "left-out", MOON_LOG_INT(left_out));
    }
    g->told_left_out = left_out;
}

static bool is_empty(const struct moon_last_good *g, const char *text)
{
    return g->kept == NULL && strcmp(text, "{\"versions\":[],\"users\":{}}") == 0;
}

static void settle(void *ctx)
{
    struct moon_last_good *g = ctx;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(2 * MOON_RESERVE_MAX_BYTES);

    if (!g->leads || g->call != NULL) {
        return;
    }
    tell_left_out(g, moon_policies_save(g->opts.policies, &text));
    if (moon_streq(g->kept, moon_buf_cstr(&text)) || is_empty(g, moon_buf_cstr(&text))) {
        return;
    }
    g->written = moon_buf_take(&text, NULL);
    send_write(g);
}

void moon_last_good_changed(struct moon_last_good *g)
{
    if (g->leads && g->call == NULL) {
        moon_timer_start(g->timer, SETTLE_MS);
    }
}

void moon_last_good_lead(struct moon_last_good *g, bool leads)
{
    g->leads = leads;
    moon_last_good_changed(g);
}

/* ---- reading ---- */

static const char *text_in(const struct moon_configmap *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        if (strcmp(c->items[i].key, KEY) == 0) {
            return c->items[i].text;
        }
    }
    return NULL;
}

void moon_last_good_read(struct moon_last_good *g, const struct moon_configmap *c)
{
    const char *text = text_in(c);
    bool same = moon_streq(text, g->kept);
    struct moon_err err;

    moon_free(g->kept);
    g->kept = c != NULL ? moon_strdup(text != NULL ? text : "") : NULL;
    if (text != NULL && !same &&
        moon_policies_restore(g->opts.policies, moon_str(text), &err) != 0) {
        moon_warn(TOPIC, "last good policies cannot be read", "err", err.text);
    }
    moon_last_good_changed(g);
}

/* ---- life ---- */

struct moon_last_good *moon_last_good_new(const struct moon_last_good_opts *opts)
{
    struct moon_last_good *g = moon_new(struct moon_last_good);

    g->opts = *opts;
    g->timer = moon_timer_new(moon_client_loop(opts->client), settle, g);
    return g;
}

void moon_last_good_free(struct moon_last_good *g)
{
    if (g == NULL) {
        return;
    }
    if (g->call != NULL) {
        moon_client_cancel(g->call);
    }
    moon_timer_free(g->timer);
    moon_free(g->written);
    moon_free(g->kept);
    moon_free(g);
}
