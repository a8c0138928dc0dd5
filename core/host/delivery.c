/* SPDX-License-Identifier: Apache-2.0 */
#include "host/delivery.h"

#include "base/log.h"
#include "cache/informer.h"
#include "kube/configmap.h"

#define TOPIC "policy"

struct moon_delivery {
    struct moon_delivery_opts opts;
    char *namespace;
    struct moon_informer *configmaps;
    bool is_ready;
    bool told_denied;
};

static char *source_of(const struct moon_object *o)
{
    return moon_asprintf("configmap %s/%s", o->namespace, o->name);
}

/* ---- from keys to paths ---- */

/* "lib.a.words.lua": its dots are a module's, but for the last one. */
static void part_module(char *path)
{
    size_t stem = strlen(path) - strlen(".lua");

    for (size_t i = 0; i < stem; i++) {
        if (path[i] == '.') {
            path[i] = '/';
        }
    }
}

static char *path_of(const char *key)
{
    struct moon_str rest = moon_str(key);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf path = MOON_BUF_INIT(1024);

    while (rest.len > 0) {
        bool slash = moon_str_starts(rest, "__");
        moon_buf_putc(&path, slash ? '/' : rest.ptr[0]);
        rest.ptr += slash ? 2 : 1;
        rest.len -= slash ? 2 : 1;
    }
    char *text = moon_buf_take(&path, NULL);
    if (moon_str_starts(moon_str(text), "lib.") && moon_str_ends(moon_str(text), ".lua")) {
        part_module(text);
    }
    return text;
}

/* ---- offering ---- */

static void offer(struct moon_delivery *d, const struct moon_configmap *c)
{
    MOON_AUTOFREE char *source = source_of(&c->meta);
    MOON_AUTOFREE struct moon_policy_file *files =
        moon_new_array(struct moon_policy_file, c->count);

    for (size_t i = 0; i < c->count; i++) {
        const struct moon_configmap_item *item = &c->items[i];
        files[i] = (struct moon_policy_file){
            .path = path_of(item->key),
            .text = {item->text, item->len},
            .error = item->text == NULL ? "is binary data, not a text" : NULL,
        };
    }
    moon_policies_offer(d->opts.policies, source, files, c->count);
    for (size_t i = 0; i < c->count; i++) {
        moon_free((char *)(uintptr_t)files[i].path);
    }
}

static bool is_last_good(const struct moon_object *o)
{
    return o != NULL &&
           moon_streq(moon_labels_get(&o->labels, MOON_POLICIES_LABEL), MOON_LAST_GOOD_LABEL) &&
           strcmp(o->name, MOON_LAST_GOOD_NAME) == 0;
}

static bool is_bundle(const struct moon_object *o)
{
    return o != NULL && moon_streq(moon_labels_get(&o->labels, MOON_POLICIES_LABEL), "true");
}

static void take_all(struct moon_delivery *d)
{
    const struct moon_store *store = moon_informer_store(d->configmaps);
    const struct moon_object *o;
    size_t pos = 0;

    while ((o = moon_store_next(store, &pos)) != NULL) {
        if (is_last_good(o)) {
            moon_last_good_read(d->opts.last_good, moon_configmap(o));
        }
    }
    pos = 0;
    while ((o = moon_store_next(store, &pos)) != NULL) {
        if (is_bundle(o)) {
            offer(d, moon_configmap(o));
        }
    }
    moon_policies_miss_offers(d->opts.policies, false);
}

static void become_ready(struct moon_delivery *d)
{
    if (!d->is_ready) {
        d->is_ready = true;
        d->opts.on_ready(d->opts.ctx);
    }
}

/* ---- the watch ---- */

static void changed(const struct moon_change *change, void *ctx)
{
    struct moon_delivery *d = ctx;
    const struct moon_object *o = change->old_object;
    const struct moon_object *n = change->new_object;

    if (!moon_informer_is_synced(d->configmaps)) {
        return; /* all at once, when the list is complete */
    }
    if (is_last_good(n) || is_last_good(o)) {
        moon_last_good_read(d->opts.last_good, is_last_good(n) ? moon_configmap(n) : NULL);
    }
    if (is_bundle(n)) {
        offer(d, moon_configmap(n));
    } else if (is_bundle(o)) {
        MOON_AUTOFREE char *source = source_of(o);
        moon_policies_withdraw(d->opts.policies, source);
    }
}

static void synced(void *ctx)
{
    struct moon_delivery *d = ctx;

    take_all(d);
    become_ready(d);
}

/* The label is gone: as good as deleted. */
static void left_view(const struct moon_object *o, void *ctx)
{
    struct moon_delivery *d = ctx;

    moon_informer_release(d->configmaps, o->uid);
}

static void failed(const struct moon_err *err, void *ctx)
{
    struct moon_delivery *d = ctx;

    if (err->code != MOON_E_DENIED) {
        moon_warn(TOPIC, "ConfigMaps with policies not read, will be tried again", "err",
                  err->text);
        return;
    }
    if (!d->told_denied) {
        d->told_denied = true;
        moon_warn(TOPIC, "no right to read ConfigMaps, working without those that have policies",
                  "namespace", d->namespace, "err", err->text);
        moon_policies_miss_offers(d->opts.policies, true);
    }
    become_ready(d);
}

struct moon_delivery *moon_delivery_new(const struct moon_delivery_opts *opts)
{
    struct moon_delivery *d = moon_new(struct moon_delivery);

    d->opts = *opts;
    d->namespace = moon_strdup(opts->namespace);
    d->configmaps = moon_informer_new(opts->client, &(struct moon_informer_opts){
                                                        .kind = &moon_kind_configmap,
                                                        .namespace = d->namespace,
                                                        .label_selector = MOON_POLICIES_LABEL
                                                        " in (true," MOON_LAST_GOOD_LABEL ")",
                                                        .on_left_view = left_view,
                                                        .on_error = failed,
                                                        .on_synced = synced,
                                                        .ctx = d,
                                                    });
    moon_store_listen(moon_informer_store(d->configmaps), changed, d);
    moon_informer_start(d->configmaps);
    return d;
}

void moon_delivery_free(struct moon_delivery *d)
{
    if (d == NULL) {
        return;
    }
    moon_informer_free(d->configmaps);
    moon_free(d->namespace);
    moon_free(d);
}

bool moon_delivery_is_ready(const struct moon_delivery *d)
{
    return d->is_ready;
}
