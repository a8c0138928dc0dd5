/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoints.c - Services that may be out of date, each with a timer and at most one write.
 */
#include "sim/endpoints.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "cache/informer.h"
#include "sim/endpoints_subsets.h"
#include "sim/player_priv.h"

#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define TRIGGER_ANNOTATION "endpoints.kubernetes.io/last-change-trigger-time"
#define CAPACITY_ANNOTATION "endpoints.kubernetes.io/over-capacity"

enum {
    ENDPOINTS_MAGIC = 0x656e6470,
    STALE_MAGIC = 0x7374616c,
    /* A Service with thousands of pods is not written once for each of them. */
    GATHER_MS = 20,
    GATHER_MS_PER_ADDRESS = 1,
    /* MOON_ENDPOINTS_MAX addresses, each in every port's subset in the worst case. */
    BODY_MAX = 16 * 1024 * 1024,
};

/* A Service, or the name of one that is gone, whose Endpoints are looked at or written. */
struct stale {
    unsigned magic;
    struct moon_endpoints *all;
    char *namespace;
    char *name;
    struct moon_timer *timer;
    struct moon_client_call *call;
    bool again;         /* something changed while a write was under way */
    bool is_deletion;   /* what the write does */
    int64_t trigger_ms; /* wall time of the first change that is not written yet */
    size_t addresses;   /* as last computed */
    unsigned failures;
};

struct moon_endpoints {
    unsigned magic;
    struct moon_client *client;
    struct moon_loop *loop;
    struct moon_store *pods;
    struct moon_informer *services;
    struct moon_informer *endpoints;
    struct moon_map *by_key; /* "namespace/name" to struct stale */
};

enum {
    SERVICES_BY_NAMESPACE = 0
};

/* ---- what may be out of date ---- */

static void arm(struct stale *s)
{
    if (s->call != NULL) {
        s->again = true;
    } else if (!moon_timer_is_active(s->timer)) {
        moon_timer_start(s->timer, GATHER_MS + s->addresses * GATHER_MS_PER_ADDRESS);
    }
}

static void sync_stale(void *ctx);

static struct stale *stale_new(struct moon_endpoints *e, const struct moon_object *object)
{
    struct stale *s = moon_new(struct stale);
    s->magic = STALE_MAGIC;
    s->all = e;
    s->namespace = moon_strdup(object->namespace);
    s->name = moon_strdup(object->name);
    s->timer = moon_timer_new(e->loop, sync_stale, s);
    return s;
}

static void stale_free(void *value)
{
    struct stale *s = MOON_CAST(stale, value, STALE_MAGIC);
    if (s->call != NULL) {
        moon_client_cancel(s->call);
    }
    moon_timer_free(s->timer);
    moon_free(s->namespace);
    moon_free(s->name);
    s->magic = 0;
    moon_free(s);
}

/* Look at the Endpoints of this name. */
static void mark(struct moon_endpoints *e, const struct moon_object *object)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", object->namespace, object->name);
    struct stale *s = moon_map_get(e->by_key, moon_str(key));
    if (s == NULL) {
        s = stale_new(e, object);
        moon_map_set(e->by_key, moon_str(key), s);
    }
    if (s->trigger_ms == 0) {
        s->trigger_ms = moon_loop_wall_ms(e->loop);
    }
    arm(s);
}

/* ---- writing ---- */

static struct moon_store *service_store(const struct moon_endpoints *e)
{
    return moon_informer_store(e->services);
}

static struct moon_store *endpoints_store(const struct moon_endpoints *e)
{
    return moon_informer_store(e->endpoints);
}

/* What the write has made of it is known before the watch tells, so that the next look at the
 * same Service does not write it again. */
static void take_answer(struct moon_endpoints *e, struct moon_str body)
{
    struct moon_object *object;
    struct moon_err ignored;
    if (moon_object_project(&moon_kind_endpoints, body, &object, &ignored) == 0 && object != NULL) {
        (void)moon_store_put_write(endpoints_store(e), object);
    }
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct stale *s = MOON_CAST(stale, ctx, STALE_MAGIC);
    s->call = NULL;
    if (err == NULL) {
        s->failures = 0;
        if (!s->is_deletion) {
            take_answer(s->all, answer->body);
        }
    } else if (err->code != MOON_E_NOT_FOUND &&
               !moon_answer_has_cause(answer, "NamespaceTerminating")) {
        /* A conflict or a name that is taken: the watch is behind. */
        s->failures++;
        if (err->code != MOON_E_CONFLICT && err->code != MOON_E_EXISTS) {
            moon_warn(MOON_PLAYER_TOPIC, "endpoints were not written, will be tried again",
                      "namespace", s->namespace, "name", s->name, "err", err->text);
        }
        moon_timer_start(s->timer, moon_player_retry_ms(s->failures, err));
    }
    if (s->again) {
        s->again = false;
        arm(s);
    }
}

static void send(struct stale *s, enum moon_verb verb, const struct moon_buf *body)
{
    s->is_deletion = verb == MOON_VERB_DELETE;
    s->trigger_ms = 0;
    s->call = moon_client_send(
        s->all->client, &(struct moon_request){.verb = verb,
                                               .resource = moon_kind_endpoints.resource,
                                               .namespace = s->namespace,
                                               .name = verb == MOON_VERB_CREATE ? NULL : s->name,
                                               .body = moon_buf_str(body),
                                               .on_done = on_done,
                                               .ctx = s});
}

/* The Service's labels; what the Endpoints have beyond them goes. */
static void write_labels(const struct moon_service *service,
                         const struct moon_endpoints_object *present, struct moon_buf *out)
{
    struct moon_labels labels = {0};
    const char *separator = "";
    moon_labels_copy(&service->meta.labels, &labels);
    if (service->is_headless) {
        moon_labels_set(&labels, HEADLESS_LABEL, "");
    }
    moon_buf_puts(out, "\"labels\":{");
    for (size_t i = 0; i < labels.count; i++) {
        moon_buf_printf(out, "%s\"%s\":\"%s\"", separator, labels.items[i].key,
                        labels.items[i].value);
        separator = ",";
    }
    for (size_t i = 0; present != NULL && i < present->meta.labels.count; i++) {
        const char *key = present->meta.labels.items[i].key;
        if (moon_labels_get(&labels, key) == NULL) {
            moon_buf_printf(out, "%s\"%s\":null", separator, key);
            separator = ",";
        }
    }
    moon_buf_puts(out, "},");
    moon_labels_fini(&labels);
}

static void write_object(const struct stale *s, const struct moon_service *service,
                         const struct moon_endpoints_object *present, bool is_truncated,
                         const struct moon_buf *subsets, struct moon_buf *out)
{
    char when[MOON_TIME_TEXT];
    moon_buf_puts(out, "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{");
    write_labels(service, present, out);
    moon_buf_printf(out, "\"annotations\":{\"" TRIGGER_ANNOTATION "\":\"%s\"",
                    moon_time_format(s->trigger_ms / 1000, when));
    if (is_truncated || present != NULL) {
        moon_buf_printf(out, ",\"" CAPACITY_ANNOTATION "\":%s",
                        is_truncated ? "\"truncated\"" : "null");
    }
    moon_buf_printf(out, "},\"name\":\"%s\"", s->name);
    if (present != NULL) {
        moon_buf_printf(out, ",\"resourceVersion\":\"%llu\"",
                        (unsigned long long)present->meta.version);
    }
    moon_buf_puts(out, "},\"subsets\":");
    moon_buf_puts(out, subsets->len > 2 ? moon_buf_cstr(subsets) : "null");
    moon_buf_putc(out, '}');
}

/* The label of headless Services is the one that the Service itself does not have. */
static bool same_labels(const struct moon_service *service,
                        const struct moon_endpoints_object *present)
{
    struct moon_labels want = {0};
    moon_labels_copy(&service->meta.labels, &want);
    if (service->is_headless) {
        moon_labels_set(&want, HEADLESS_LABEL, "");
    }
    bool is_same = moon_labels_equal(&want, &present->meta.labels);
    moon_labels_fini(&want);
    return is_same;
}

static bool same_subsets(const struct moon_endpoints_object *present,
                         const struct moon_buf *subsets)
{
    return moon_json_equal(present->subsets != NULL ? moon_str(present->subsets)
                                                    : MOON_STR_LIT("[]"),
                           moon_buf_str(subsets));
}

static void write_service(struct stale *s, const struct moon_service *service,
                          const struct moon_endpoints_object *present)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf subsets = MOON_BUF_INIT(BODY_MAX);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    struct moon_endpoints_counts counts;
    moon_endpoints_subsets(service, s->all->pods, &subsets, &counts);
    s->addresses = counts.addresses;
    if (present != NULL && same_labels(service, present) && same_subsets(present, &subsets)) {
        s->trigger_ms = 0;
        return;
    }
    write_object(s, service, present, counts.is_truncated, &subsets, &body);
    send(s, present != NULL ? MOON_VERB_PATCH_MERGE : MOON_VERB_CREATE, &body);
}

static void delete_endpoints(struct stale *s, const struct moon_endpoints_object *present)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    moon_buf_printf(&body,
                    "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                    "\"preconditions\":{\"uid\":\"%s\"}}",
                    present->meta.uid);
    send(s, MOON_VERB_DELETE, &body);
}

static bool is_synced(const struct moon_endpoints *e)
{
    return moon_store_is_synced(e->pods) && moon_informer_is_synced(e->services) &&
           moon_informer_is_synced(e->endpoints);
}

/* The timer has run: compare, and write what differs. A Service that is gone takes its Endpoints
 * along, whoever wrote them, and is forgotten. */
static void sync_stale(void *ctx)
{
    struct stale *s = MOON_CAST(stale, ctx, STALE_MAGIC);
    struct moon_endpoints *e = s->all;
    const struct moon_object *service = moon_store_get(service_store(e), s->namespace, s->name);
    const struct moon_object *object = moon_store_get(endpoints_store(e), s->namespace, s->name);
    const struct moon_endpoints_object *present =
        object != NULL ? moon_endpoints_object(object) : NULL;
    if (!is_synced(e)) {
        arm(s);
    } else if (service != NULL && moon_service(service)->selector.count > 0) {
        write_service(s, moon_service(service), present);
    } else if (service == NULL && present != NULL && present->meta.deleted_s == 0) {
        delete_endpoints(s, present);
    } else if (service == NULL) {
        MOON_AUTOFREE char *key = moon_asprintf("%s/%s", s->namespace, s->name);
        (void)moon_map_remove(e->by_key, moon_str(key));
    }
}

/* ---- services, endpoints and pods come, change and go ---- */

static void on_service(const struct moon_change *change, void *ctx)
{
    struct moon_endpoints *e = MOON_CAST(moon_endpoints, ctx, ENDPOINTS_MAGIC);
    mark(e, change->new_object != NULL ? change->new_object : change->old_object);
}

/* Endpoints of no Service are somebody's own. */
static void on_endpoints(const struct moon_change *change, void *ctx)
{
    struct moon_endpoints *e = MOON_CAST(moon_endpoints, ctx, ENDPOINTS_MAGIC);
    const struct moon_object *object =
        change->new_object != NULL ? change->new_object : change->old_object;
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", object->namespace, object->name);
    if (moon_map_has(e->by_key, moon_str(key))) {
        mark(e, object);
    }
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_endpoints *e = MOON_CAST(moon_endpoints, ctx, ENDPOINTS_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *now = change->new_object;
    size_t count;
    moon_assert(old != NULL || now != NULL);
    if (!moon_endpoints_pod_differs(old != NULL ? moon_played_pod(old) : NULL,
                                    now != NULL ? moon_played_pod(now) : NULL)) {
        return;
    }
    const struct moon_object *const *services = moon_store_by_index(
        service_store(e), SERVICES_BY_NAMESPACE, (now != NULL ? now : old)->namespace, &count);
    for (size_t i = 0; i < count; i++) {
        const struct moon_service *service = moon_service(services[i]);
        if ((old != NULL && moon_service_selects(service, old)) ||
            (now != NULL && moon_service_selects(service, now))) {
            mark(e, services[i]);
        }
    }
}

/* ---- life ---- */

static void on_trouble(const struct moon_err *err, MOON_UNUSED void *ctx)
{
    moon_warn(MOON_PLAYER_TOPIC, "watch failed, will be tried again", "err", err->text);
}

static void by_namespace(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                         void *ctx)
{
    add(object->namespace, ctx);
}

struct moon_endpoints *moon_endpoints_new(struct moon_client *client, struct moon_store *pods)
{
    static const struct moon_index_opts index = {.name = "namespace", .keys = by_namespace};
    struct moon_endpoints *e = moon_new(struct moon_endpoints);
    e->magic = ENDPOINTS_MAGIC;
    e->client = client;
    e->loop = moon_client_loop(client);
    e->pods = pods;
    e->by_key = moon_map_new(stale_free);
    e->services = moon_informer_new(client, &(struct moon_informer_opts){.kind = &moon_kind_service,
                                                                         .indexes = &index,
                                                                         .index_count = 1,
                                                                         .on_error = on_trouble});
    e->endpoints = moon_informer_new(
        client, &(struct moon_informer_opts){.kind = &moon_kind_endpoints, .on_error = on_trouble});
    moon_store_listen(service_store(e), on_service, e);
    moon_store_listen(endpoints_store(e), on_endpoints, e);
    moon_store_listen(pods, on_pod, e);
    moon_informer_start(e->services);
    moon_informer_start(e->endpoints);
    return e;
}

void moon_endpoints_free(struct moon_endpoints *e)
{
    if (e == NULL) {
        return;
    }
    moon_store_unlisten(e->pods, on_pod, e);
    moon_store_unlisten(endpoints_store(e), on_endpoints, e);
    moon_store_unlisten(service_store(e), on_service, e);
    moon_map_free(e->by_key);
    moon_informer_free(e->endpoints);
    moon_informer_free(e->services);
    e->magic = 0;
    moon_free(e);
}
