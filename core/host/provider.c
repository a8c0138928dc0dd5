/* SPDX-License-Identifier: Apache-2.0
 *
 * provider.c - the table "provider": who answers questions of policies, and the open questions.
 */
#include "host/provider.h"

#include "host/provider_priv.h"
#include "host/registry_priv.h"
#include "io/loop.h"

#define QUERY_MAGIC 0x9e57a5e4u

enum {
    /* Beyond the time that the plugin was told: it knows better what went wrong. */
    PATIENCE_MS = 500,
    /* A stand-in may be about to tell just that. */
    MORE_PATIENCE_MS = 2 * PATIENCE_MS,
};

struct moon_provider {
    struct moon_plugin_provider given;
    const struct moon_loaded *owner; /* NULL: a stand-in */
};

struct moon_plugin_query {
    unsigned magic;
    struct moon_list node;                /* in registry->queries */
    const struct moon_provider *provider; /* NULL: nobody is busy with it */
    struct moon_samples *samples;
    char *error;
    const struct moon_registry *registry;
    char *asked; /* "NAME TEXT" */
    struct moon_timer *timer;
    struct moon_defer *defer; /* NULL: not done */
    struct moon_loop *loop;
    void (*on_done)(struct moon_samples *take_samples, const char *error, void *ctx);
    void *ctx;
};

/* ---- registered ---- */

static const struct moon_provider *find(const struct moon_registry *r, const char *name)
{
    for (size_t i = 0; i < r->provider_count; i++) {
        if (moon_streq(r->providers[i]->given.name, name)) {
            return r->providers[i];
        }
    }
    return NULL;
}

static int provider_add(const struct moon_host *host, const struct moon_plugin_provider *given)
{
    const struct moon_loaded *l = moon_loaded_of(host);
    struct moon_registry *r = l->registry;

    if (given->struct_size < sizeof(*given) || given->name == NULL ||
        !moon_is_dns1123_label(moon_str(given->name)) || given->query == NULL ||
        given->cancel == NULL || find(r, given->name) != NULL) {
        return -1;
    }
    struct moon_provider *p = moon_new(struct moon_provider);
    *p = (struct moon_provider){.given = *given, .owner = l};
    r->providers = moon_realloc_array(r->providers, r->provider_count + 1, sizeof(p));
    r->providers[r->provider_count++] = p;
    return 0;
}

/* ---- the end of a question ---- */

static void query_free(struct moon_plugin_query *q)
{
    q->magic = 0;
    moon_list_remove(&q->node);
    moon_timer_free(q->timer);
    if (q->defer != NULL) {
        moon_defer_cancel(q->defer);
    }
    moon_samples_free(q->samples);
    moon_free(q->error);
    moon_free(q->asked);
    moon_free(q);
}

static void show(const struct moon_plugin_query *q)
{
    const struct moon_provider_witness *witness = &q->registry->provider_witness;

    if (witness->fn != NULL) {
        witness->fn(&(struct moon_provider_answer){.asked = q->asked,
                                                   .found = q->error == NULL ? q->samples : NULL,
                                                   .error = q->error},
                    witness->ctx);
    }
}

static void deliver(void *ctx)
{
    struct moon_plugin_query *q = MOON_CAST(moon_plugin_query, ctx, QUERY_MAGIC);
    void (*on_done)(struct moon_samples * samples, const char *error, void *done_ctx) = q->on_done;
    void *done_ctx = q->ctx;

    show(q);
    MOON_AUTOFREE char *error = moon_steal(&q->error);
    struct moon_samples *samples = moon_steal(&q->samples);

    q->defer = NULL;
    query_free(q);
    if (error != NULL) {
        moon_samples_free(moon_steal(&samples));
    }
    on_done(samples, error, done_ctx);
}

static void finish(struct moon_plugin_query *q)
{
    q->provider = NULL;
    moon_timer_stop(q->timer);
    q->defer = moon_loop_defer(q->loop, deliver, q);
}

static void called(const struct moon_provider *p, uint64_t began_ms)
{
    if (p->owner != NULL) {
        moon_callback_end(p->owner, "provider", began_ms);
    }
}

static void cancel(struct moon_plugin_query *q)
{
    const struct moon_provider *p = moon_steal(&q->provider);

    if (p != NULL) {
        uint64_t began_ms = moon_callback_begin();
        p->given.cancel(q, p->given.state);
        called(p, began_ms);
    }
}

static void timed_out(void *ctx)
{
    struct moon_plugin_query *q = MOON_CAST(moon_plugin_query, ctx, QUERY_MAGIC);

    q->error = q->provider->owner != NULL
                   ? moon_asprintf("the plugin %s gave no answer in time",
                                   q->provider->owner->plugin->name)
                   : moon_asprintf("the %s has no answer to this query", q->provider->given.name);
    cancel(q);
    finish(q);
}

/* ---- answers ---- */

static struct moon_plugin_query *open_query(struct moon_plugin_query *query)
{
    struct moon_plugin_query *q = MOON_CAST(moon_plugin_query, query, QUERY_MAGIC);

    moon_assert(q->provider != NULL); /* once, and not after a cancel */
    return q;
}

static int provider_series(struct moon_plugin_query *query, double value, int64_t at_ms)
{
    struct moon_plugin_query *q = open_query(query);
    int64_t when_ms = at_ms > 0 ? at_ms : moon_loop_wall_ms(q->loop);

    return moon_samples_add(q->samples, value, when_ms) ? 0 : -1;
}

static int provider_label(struct moon_plugin_query *query, const char *name, const char *value)
{
    struct moon_plugin_query *q = open_query(query);

    return moon_samples_label(q->samples, moon_str(name), moon_str(value)) ? 0 : -1;
}

static void provider_answer(struct moon_plugin_query *query)
{
    finish(open_query(query));
}

static void provider_fail(struct moon_plugin_query *query, const char *why)
{
    struct moon_plugin_query *q = open_query(query);

    q->error = moon_strdup(why != NULL && why[0] != '\0' ? why : "no reason given");
    finish(q);
}

const struct moon_iface_provider moon_iface_provider = {
    .struct_size = sizeof(moon_iface_provider),
    .add = provider_add,
    .series = provider_series,
    .label = provider_label,
    .answer = provider_answer,
    .fail = provider_fail,
};

/* ---- questions ---- */

static char *no_provider(const struct moon_registry *r, const char *name)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf known = MOON_BUF_INIT(64 * 1024);

    for (size_t i = 0; i < r->provider_count; i++) {
        moon_buf_printf(&known, "%s%s", i > 0 ? ", " : "", r->providers[i]->given.name);
    }
    return moon_asprintf("there is no provider %s (known: %s)", name,
                         known.len > 0 ? moon_buf_cstr(&known) : "none");
}

static struct moon_plugin_query *query_new(struct moon_registry *r,
                                           const struct moon_question *question)
{
    struct moon_plugin_query *q = moon_new(struct moon_plugin_query);

    q->magic = QUERY_MAGIC;
    q->registry = r;
    q->asked = moon_asprintf("%s %.*s", question->provider, MOON_STR_ARG(question->text));
    q->loop = r->internal.loop;
    q->samples = moon_samples_new();
    q->timer = moon_timer_new(q->loop, timed_out, q);
    q->on_done = question->on_done;
    q->ctx = question->ctx;
    moon_list_append(&r->queries, &q->node);
    return q;
}

static struct moon_plugin_query *refuse(struct moon_registry *r,
                                        const struct moon_question *question, const char *error)
{
    struct moon_plugin_query *q = query_new(r, question);

    q->error = moon_strdup(error);
    finish(q);
    return q;
}

struct moon_plugin_query *moon_provider_ask(struct moon_registry *r,
                                            const struct moon_question *question)
{
    const struct moon_provider *stand_in = r->provider_stand_in;
    const struct moon_provider *p = stand_in != NULL ? stand_in : find(r, question->provider);

    if (p == NULL) {
        MOON_AUTOFREE char *error = no_provider(r, question->provider);
        return refuse(r, question, error);
    }
    struct moon_plugin_query *q = query_new(r, question);
    struct moon_str text = p == stand_in ? moon_str(q->asked) : question->text;
    q->provider = p;
    moon_timer_start(q->timer,
                     question->timeout_ms + (p == stand_in ? MORE_PATIENCE_MS : PATIENCE_MS));
    uint64_t began_ms = moon_callback_begin();
    p->given.query(q, text.ptr, text.len, (int64_t)question->timeout_ms, p->given.state);
    called(p, began_ms);
    return q;
}

void moon_provider_cancel(struct moon_plugin_query *query)
{
    struct moon_plugin_query *q = MOON_CAST(moon_plugin_query, query, QUERY_MAGIC);

    cancel(q);
    query_free(q);
}

/* ---- who stands in, who looks on ---- */

void moon_provider_stand_in(struct moon_registry *r, const struct moon_plugin_provider *stand_in)
{
    moon_free(moon_steal(&r->provider_stand_in));
    if (stand_in != NULL) {
        r->provider_stand_in = moon_new(struct moon_provider);
        r->provider_stand_in->given = *stand_in;
    }
}

void moon_provider_watch(struct moon_registry *r, struct moon_provider_witness witness)
{
    r->provider_witness = witness;
}

/* ---- the end of a plugin ---- */

void moon_provider_end_plugin(struct moon_registry *r, const struct moon_loaded *l)
{
    moon_list_foreach (it, &r->queries) {
        struct moon_plugin_query *q = moon_container_of(it, struct moon_plugin_query, node);
        if (q->provider != NULL && q->provider->owner == l) {
            cancel(q);
        }
    }
}

void moon_provider_end(struct moon_registry *r)
{
    moon_list_foreach (it, &r->queries) {
        query_free(moon_container_of(it, struct moon_plugin_query, node));
    }
    for (size_t i = 0; i < r->provider_count; i++) {
        moon_free(r->providers[i]);
    }
    moon_free(moon_steal(&r->providers));
    moon_free(moon_steal(&r->provider_stand_in));
    r->provider_count = 0;
}
