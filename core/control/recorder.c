/* SPDX-License-Identifier: Apache-2.0
 *
 * recorder.c - Events one after the other: the next is sent when the last one has been answered, so
 * that a PATCH never overtakes the POST of its Event.
 */
#include "control/recorder.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/list.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"
#include "control/recorder_correlate.h"

enum {
    RECORDER_MAGIC = 0x4ec0,
    WAITING_MAX = 1000,
    TRIES_MAX = 12,
    TRY_AGAIN_MS = 10 * 1000,
    /* The API's limit for the note of an Event. */
    MESSAGE_MAX_BYTES = 1024,
    BODY_MAX_BYTES = 64 * 1024,
    NANOS_PER_MS = 1000000
};

#define TOPIC "recorder"

/* One Event to be sent. */
struct item {
    struct moon_list link;
    char *namespace;
    char *name;
    char *object; /* involvedObject as JSON */
    char *reason;
    char *message;
    const char *type;
    int64_t first_ms;
    int64_t last_ms;
    unsigned count;
    bool exists; /* to be patched rather than created */
    unsigned tries;
};

struct moon_recorder {
    unsigned magic;
    struct moon_client *client;
    struct moon_loop *loop;
    char *component;
    struct moon_correlator *correlator;
    uint64_t made; /* Events so far: makes names unique */
    struct moon_list items;
    size_t waiting;
    struct moon_client_call *call; /* of the first item */
    struct moon_timer *again;      /* before its next try */
    struct moon_timer *flush_end;
    void (*flushed)(void *ctx); /* NULL: nobody waits */
    void *flushed_ctx;
    bool muted;
    struct moon_metric *total;
};

static void send_first(struct moon_recorder *r);

/* ---- life ---- */

static void on_again(void *ctx)
{
    send_first(MOON_CAST(moon_recorder, ctx, RECORDER_MAGIC));
}

static void end_flush(void *ctx);

struct moon_recorder *moon_recorder_new(struct moon_client *client, const char *component)
{
    struct moon_recorder *r = moon_new(struct moon_recorder);
    r->magic = RECORDER_MAGIC;
    r->client = client;
    r->loop = moon_client_loop(client);
    r->component = moon_strdup(component);
    r->correlator = moon_correlator_new();
    r->made = moon_random_below(NANOS_PER_MS);
    moon_list_init(&r->items);
    r->again = moon_timer_new(r->loop, on_again, r);
    r->flush_end = moon_timer_new(r->loop, end_flush, r);
    r->total = moon_metric_register(
        &(struct moon_metric_opts){.name = "moonset_events_total",
                                   .help = "Events recorded, by what became of them",
                                   .type = MOON_METRIC_COUNTER,
                                   .labels = {"result"}});
    return r;
}

static void remove_item(struct moon_recorder *r, struct item *item)
{
    moon_list_remove(&item->link);
    r->waiting--;
    moon_free(item->namespace);
    moon_free(item->name);
    moon_free(item->object);
    moon_free(item->reason);
    moon_free(item->message);
    moon_free(item);
}

void moon_recorder_free(struct moon_recorder *r)
{
    if (r == NULL) {
        return;
    }
    moon_assert(r->magic == RECORDER_MAGIC);
    if (r->call != NULL) {
        moon_client_cancel(r->call);
    }
    moon_list_foreach (it, &r->items) {
        remove_item(r, moon_container_of(it, struct item, link));
    }
    moon_timer_free(r->again);
    moon_timer_free(r->flush_end);
    moon_correlator_free(r->correlator);
    moon_free(r->component);
    r->magic = 0;
    moon_free(r);
}

void moon_recorder_mute(struct moon_recorder *r)
{
    moon_assert(r->magic == RECORDER_MAGIC);
    r->muted = true;
}

/* ---- recording ---- */

static const char *type_name(enum moon_event_type type)
{
    return type == MOON_EVENT_WARNING ? "Warning" : "Normal";
}

static void add_member(struct moon_buf *out, const char *name, const char *value)
{
    moon_buf_printf(out, "%s\"%s\":", out->len > 0 && out->data[out->len - 1] != '{' ? "," : "",
                    name);
    moon_json_add_string(out, moon_str(value));
}

/* What tells objects apart: the version is not part of it. */
static char *write_reference(const struct moon_object *o)
{
    struct moon_buf out = MOON_BUF_INIT(BODY_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf version = MOON_BUF_INIT(1024);
    moon_resource_api_version(o->kind->resource, &version);
    moon_buf_putc(&out, '{');
    add_member(&out, "kind", o->kind->resource->kind);
    if (o->namespace != NULL) {
        add_member(&out, "namespace", o->namespace);
    }
    add_member(&out, "name", o->name);
    if (o->uid != NULL) {
        add_member(&out, "uid", o->uid);
    }
    add_member(&out, "apiVersion", moon_buf_cstr(&version));
    moon_buf_putc(&out, '}');
    return moon_buf_take(&out, NULL);
}

static char *add_version(const char *reference, uint64_t version)
{
    int len = (int)strlen(reference) - 1; /* without the bracket */
    return moon_asprintf("%.*s,\"resourceVersion\":\"%" PRIu64 "\"}", len, reference, version);
}

/* <object>.<hex of unix nanoseconds>, or a uuid where that is too long for a name. */
static char *make_name(struct moon_recorder *r, const struct moon_object *o)
{
    int64_t now_ms = moon_loop_wall_ms(r->loop);
    uint64_t nanos = (uint64_t)now_ms * NANOS_PER_MS + r->made++ % NANOS_PER_MS;
    char *name = moon_asprintf("%s.%" PRIx64, o->name, nanos);
    if (moon_is_dns1123_subdomain(moon_str(name))) {
        return name;
    }
    moon_free(name);
    uint64_t a = moon_random_u64();
    uint64_t b = moon_random_u64();
    return moon_asprintf("%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                         a >> 32, (a >> 16) & 0xffff, a & 0xfff, 0x8000 | ((b >> 48) & 0x3fff),
                         b & 0xffffffffffff);
}

static char *format_message(const char *fmt, va_list args) MOON_PRINTF(1, 0);

static char *format_message(const char *fmt, va_list args)
{
    char text[MESSAGE_MAX_BYTES + 8]; /* room to see whether a character is cut in two */
    vsnprintf(text, sizeof text, fmt, args);
    return moon_str_dup(moon_str_cut(moon_str(text), MESSAGE_MAX_BYTES));
}

static char *combine(char *take_message)
{
    char *combined = moon_asprintf(MOON_COMBINED_PREFIX "%s", take_message);
    struct moon_str cut = moon_str_cut(moon_str(combined), MESSAGE_MAX_BYTES);
    combined[cut.len] = '\0';
    moon_free(take_message);
    return combined;
}

static void count(struct moon_recorder *r, const char *result)
{
    moon_metric_add(r->total, MOON_LABELS(result), 1);
}

static struct item *make_item(struct moon_recorder *r, const struct moon_object *o,
                              const struct moon_correlated *known)
{
    struct item *item = moon_new(struct item);
    moon_list_init(&item->link);
    item->namespace = moon_strdup(o->namespace != NULL ? o->namespace : "default");
    item->name = moon_strdup(known->name);
    item->first_ms = known->first_ms;
    item->last_ms = moon_loop_wall_ms(r->loop);
    item->count = known->count;
    item->exists = known->count > 1;
    return item;
}

void moon_recorder_event(struct moon_recorder *r, const struct moon_object *object,
                         enum moon_event_type type, const char *reason, const char *fmt, ...)
{
    moon_assert(r->magic == RECORDER_MAGIC);
    if (r->muted) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    MOON_AUTOFREE char *message = format_message(fmt, args);
    va_end(args);
    MOON_AUTOFREE char *reference = write_reference(object);
    MOON_AUTOFREE char *name = make_name(r, object);
    struct moon_correlated known;
    if (!moon_correlator_see(r->correlator,
                             &(struct moon_sighting){.object = reference,
                                                     .type = type_name(type),
                                                     .reason = reason,
                                                     .message = message,
                                                     .name = name,
                                                     .now_ms = moon_loop_wall_ms(r->loop)},
                             &known)) {
        count(r, "limited");
        return;
    }
    if (r->waiting >= WAITING_MAX) {
        count(r, "dropped");
        return;
    }
    struct item *item = make_item(r, object, &known);
    item->object = add_version(reference, object->version);
    item->type = type_name(type);
    item->reason = moon_strdup(reason);
    item->message = moon_steal(&message);
    if (known.combined) {
        item->message = combine(item->message);
    }
    moon_list_append(&r->items, &item->link);
    if (r->waiting++ == 0) {
        send_first(r);
    }
}

/* ---- sending ---- */

static void add_time(struct moon_buf *out, const char *name, int64_t ms)
{
    char text[MOON_TIME_TEXT];
    add_member(out, name, moon_time_format(ms / 1000, text));
}

static void write_event(const struct moon_recorder *r, const struct item *item,
                        struct moon_buf *out)
{
    moon_buf_puts(out, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{");
    add_member(out, "name", item->name);
    add_member(out, "namespace", item->namespace);
    moon_buf_printf(out, "},\"involvedObject\":%s", item->object);
    add_member(out, "reason", item->reason);
    add_member(out, "message", item->message);
    moon_buf_puts(out, ",\"source\":{");
    add_member(out, "component", r->component);
    moon_buf_puts(out, "}");
    add_time(out, "firstTimestamp", item->first_ms);
    add_time(out, "lastTimestamp", item->last_ms);
    moon_buf_printf(out, ",\"count\":%u", item->count);
    add_member(out, "type", item->type);
    moon_buf_puts(out, ",\"eventTime\":null");
    add_member(out, "reportingComponent", r->component);
    add_member(out, "reportingInstance", "");
    moon_buf_putc(out, '}');
}

static void write_patch(const struct item *item, struct moon_buf *out)
{
    moon_buf_printf(out, "{\"count\":%u", item->count);
    add_time(out, "lastTimestamp", item->last_ms);
    add_member(out, "message", item->message);
    moon_buf_putc(out, '}');
}

static struct item *first_item(const struct moon_recorder *r)
{
    return moon_list_is_empty(&r->items) ? NULL
                                         : moon_container_of(r->items.next, struct item, link);
}

static void end_flush(void *ctx)
{
    struct moon_recorder *r = MOON_CAST(moon_recorder, ctx, RECORDER_MAGIC);
    void (*fn)(void *ctx) = moon_steal(&r->flushed);
    moon_timer_stop(r->flush_end);
    fn(r->flushed_ctx);
}

/* The first item has come to its end. */
static void settle(struct moon_recorder *r, struct item *item, const char *result)
{
    count(r, result);
    remove_item(r, item);
    if (r->waiting > 0) {
        send_first(r);
    } else if (r->flushed != NULL) {
        end_flush(r); /* last: it may free us */
    }
}

static void try_again(struct moon_recorder *r, struct item *item, const struct moon_err *err)
{
    if (++item->tries >= TRIES_MAX) {
        moon_debug(TOPIC, "gave up an event", "name", item->name, "err", err->text);
        settle(r, item, "dropped");
        return;
    }
    /* The first pause is of any length, so that not all replicas come back at once. */
    uint64_t pause_ms = item->tries == 1 ? moon_random_below(TRY_AGAIN_MS) : TRY_AGAIN_MS;
    moon_timer_start(r->again, pause_ms);
}

static void on_answer(const struct moon_answer *answer MOON_UNUSED, const struct moon_err *err,
                      void *ctx)
{
    struct moon_recorder *r = MOON_CAST(moon_recorder, ctx, RECORDER_MAGIC);
    struct item *item = first_item(r);
    r->call = NULL;
    if (err == NULL || err->code == MOON_E_EXISTS) {
        settle(r, item, "sent"); /* it exists when the answer to an earlier try was lost */
    } else if (item->exists && err->code == MOON_E_NOT_FOUND) {
        item->exists = false; /* Events live for an hour */
        send_first(r);
    } else if (moon_code_is_transient(err->code)) {
        try_again(r, item, err);
    } else {
        moon_debug(TOPIC, "the server refused an event", "name", item->name, "err", err->text);
        settle(r, item, "refused");
    }
}

static void send_first(struct moon_recorder *r)
{
    const struct item *item = first_item(r);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX_BYTES);
    moon_assert(item != NULL && r->call == NULL);
    if (item->exists) {
        write_patch(item, &body);
    } else {
        write_event(r, item, &body);
    }
    r->call = moon_client_send(
        r->client,
        &(struct moon_request){.verb = item->exists ? MOON_VERB_PATCH_MERGE : MOON_VERB_CREATE,
                               .resource = &moon_resource_events,
                               .namespace = item->namespace,
                               .name = item->exists ? item->name : NULL,
                               .body = moon_buf_str(&body),
                               .on_done = on_answer,
                               .ctx = r});
}

void moon_recorder_flush(struct moon_recorder *r, uint64_t timeout_ms, void (*fn)(void *ctx),
                         void *ctx)
{
    moon_assert(r->magic == RECORDER_MAGIC && r->flushed == NULL && fn != NULL);
    r->flushed = fn;
    r->flushed_ctx = ctx;
    moon_timer_start(r->flush_end, r->waiting > 0 ? timeout_ms : 0);
}
