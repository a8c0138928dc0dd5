/* SPDX-License-Identifier: Apache-2.0
 *
 * arrivals.c - a call from its arrival to its answer: who looks on, and what goes wrong on the way.
 *
 * All answers of the server pass moon_sim_answer, so a fault that concerns the answer alone strikes
 * there, after the verb has done its work. A call that arrives late is kept as a request and goes
 * the whole way when it is due; like a packet that was long under way, it is carried out even when
 * its sender has given up.
 */
#include <stdio.h>

#include "sim/api_priv.h"

enum {
    LATE_MAX = 10000, /* senders that have left are not bounded by their connections */
    RESOURCE_MAX = 256
};

static const unsigned LATE_MAGIC = 0x4c617465;
static const unsigned ANSWER_MAGIC = 0x416e7377;

/* A request that has not arrived yet. */
struct late {
    unsigned magic;
    struct moon_list link;
    struct moon_sim_arrivals *owner;
    struct moon_httpd_request *request;
    struct moon_timer *timer;
    uint64_t number;
    enum moon_sim_fault fault;
    bool is_gone;    /* its sender */
    bool is_handled; /* it has arrived: what becomes of it is the verb's business */
};

/* An answer that is held back. */
struct answer {
    unsigned magic;
    struct moon_list link;
    struct moon_httpd_request *request;
    struct moon_timer *timer;
    int code;
    const char *type; /* static */
    char *body;
    size_t len;
};

struct moon_sim_arrivals {
    struct moon_sim_api *api;
    struct moon_sim_api_observer observer;
    uint64_t calls;
    struct moon_list late;
    size_t late_count;
    struct moon_list answers;
};

/* ---- life ---- */

struct moon_sim_arrivals *moon_sim_arrivals_new(struct moon_sim_api *api)
{
    struct moon_sim_arrivals *a = moon_new(struct moon_sim_arrivals);
    a->api = api;
    moon_list_init(&a->late);
    moon_list_init(&a->answers);
    return a;
}

static void late_free(struct late *late)
{
    moon_list_remove(&late->link);
    late->owner->late_count--;
    moon_timer_free(late->timer);
    if (!late->is_gone && !late->is_handled) {
        moon_httpd_on_close(late->request, NULL, NULL);
    }
    moon_httpd_release(late->request);
    late->magic = 0;
    moon_free(late);
}

static void answer_free(struct answer *answer)
{
    moon_list_remove(&answer->link);
    moon_timer_free(answer->timer);
    moon_free(answer->body);
    answer->magic = 0;
    moon_free(answer);
}

void moon_sim_arrivals_lose(struct moon_sim_arrivals *a)
{
    moon_list_foreach (it, &a->late) {
        late_free(moon_container_of(it, struct late, link));
    }
}

/* Held answers have ended with their requests. */
void moon_sim_arrivals_free(struct moon_sim_arrivals *a)
{
    if (a != NULL) {
        moon_sim_arrivals_lose(a);
        moon_assert(moon_list_is_empty(&a->answers));
        moon_free(a);
    }
}

size_t moon_sim_api_held(const struct moon_sim_api *api)
{
    const struct moon_sim_arrivals *a = api->arrivals;
    size_t held = 0;
    moon_list_foreach (it, &a->late) {
        held += moon_container_of(it, struct late, link)->is_gone ? 0 : 1;
    }
    moon_list_foreach (it, &a->answers) {
        held++;
    }
    return held;
}

void moon_sim_api_restart(struct moon_sim_api *api)
{
    const struct moon_sim_api_observer observer = api->arrivals->observer;
    if (observer.on_restart != NULL) {
        observer.on_restart(observer.ctx);
    }
    moon_sim_arrivals_lose(api->arrivals);
    moon_sim_api_compact(api);
    moon_httpd_end_connections(api->httpd);
}

/* ---- looking on ---- */

void moon_sim_api_observe(struct moon_sim_api *api, const struct moon_sim_api_observer *observer)
{
    api->arrivals->observer =
        observer != NULL ? *observer : (struct moon_sim_api_observer){.ctx = NULL};
}

void moon_sim_arrivals_event(struct moon_sim_arrivals *a, const struct moon_sim_event *event)
{
    if (a->observer.on_event != NULL) {
        a->observer.on_event(event, a->observer.ctx);
    }
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static struct moon_sim_api_call describe(const struct moon_sim_call *call,
                                         char resource[RESOURCE_MAX])
{
    const char *dry_run = moon_httpd_query(call->request, "dryRun");
    resource[0] = '\0';
    if (call->kind != NULL) {
        (void)snprintf(resource, RESOURCE_MAX, "%s%s%s", call->kind->resource,
                       call->subresource != NULL ? "/" : "", text_or_empty(call->subresource));
    }
    return (struct moon_sim_api_call){
        .client = text_or_empty(moon_httpd_header(call->request, "User-Agent")),
        .verb = moon_sim_verb_name(call),
        .resource = resource,
        .ns = text_or_empty(call->ns),
        .name = text_or_empty(call->name),
        .dry_run = dry_run != NULL && dry_run[0] != '\0',
        .fault = call->spoil.is_set ? moon_sim_fault_name(call->spoil.fault) : NULL,
    };
}

/* ---- a call that is not done ---- */

static void refuse(struct moon_sim_call *call, const char *verb)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    moon_sim_fault_refuse(call, verb, &st);
    moon_sim_reply_status(call, &st);
}

/* False: it is to be done, whatever becomes of its answer. */
static bool prevent(struct moon_sim_call *call, const char *verb)
{
    if (!call->spoil.is_set) {
        return false;
    }
    switch (call->spoil.fault) {
    case MOON_SIM_FAULT_CUT_BEFORE:
        moon_httpd_abort(call->request);
        return true;
    case MOON_SIM_FAULT_STATUS:
        refuse(call, verb);
        return true;
    case MOON_SIM_FAULT_RESTART:
        moon_sim_api_restart(call->api);
        return true;
    case MOON_SIM_FAULT_CUT_MIDDLE:
    case MOON_SIM_FAULT_CUT_AFTER:
    case MOON_SIM_FAULT_DELAY:
    case MOON_SIM_FAULT_HOLD:
    case MOON_SIM_FAULT_TIMEOUT:
    case MOON_SIM_FAULT_HALF_LINE:
    case MOON_SIM_FAULT_SILENT:
    case MOON_SIM_FAULT_REPEAT:
    case MOON_SIM_FAULT_CUT_WATCH:
    case MOON_SIM_FAULT_GONE:
    case MOON_SIM_FAULT_GARBAGE:
        break;
    }
    return false;
}

static void handle(struct moon_sim_call *call, struct moon_sim_api_call *seen)
{
    const struct moon_sim_api_observer observer = call->api->arrivals->observer;
    if (observer.on_begin != NULL) {
        observer.on_begin(seen, observer.ctx);
    }
    if (!prevent(call, seen->verb)) {
        moon_sim_dispatch(call);
    }
    seen->status = call->status;
    seen->dry_run = seen->dry_run || call->dry_run;
    if (observer.on_end != NULL) {
        observer.on_end(seen, observer.ctx);
    }
}

/* ---- a call that arrives late ---- */

static void on_sender_gone(void *ctx)
{
    MOON_CAST(late, ctx, LATE_MAGIC)->is_gone = true;
}

static void on_arrival(void *ctx)
{
    struct late *late = MOON_CAST(late, ctx, LATE_MAGIC);
    char resource[RESOURCE_MAX];
    MOON_CLEANUP(moon_sim_path_fini) struct moon_sim_path path = {.count = 0};
    struct moon_sim_call call = {.api = late->owner->api, .request = late->request};
    moon_sim_call_open(&call, &path);
    struct moon_sim_api_call seen = describe(&call, resource);
    seen.number = late->number;
    seen.fault = moon_sim_fault_name(late->fault);
    bool nobody_reads = late->is_gone && moon_streq(call.method, "GET");
    if (nobody_reads) {
        /* It changes nothing, and a stream would never be told that its reader has left. */
        call.spoil = (struct moon_sim_spoil){.is_set = true, .fault = MOON_SIM_FAULT_CUT_BEFORE};
    } else if (!late->is_gone) {
        moon_httpd_on_close(late->request, NULL, NULL);
        late->is_handled = true;
    }
    handle(&call, &seen);
    late_free(late);
}

static bool is_late(const struct moon_sim_call *call, const char *verb)
{
    const struct moon_sim_spoil *spoil = &call->spoil;
    /* A watch that opens has no other effect than its stream. */
    return spoil->is_set && (spoil->fault == MOON_SIM_FAULT_DELAY ||
                             (spoil->fault == MOON_SIM_FAULT_HOLD && moon_streq(verb, "watch")));
}

static void postpone(const struct moon_sim_call *call, uint64_t number)
{
    struct moon_sim_arrivals *a = call->api->arrivals;
    struct late *late = moon_new(struct late);
    late->magic = LATE_MAGIC;
    late->owner = a;
    late->request = call->request;
    late->number = number;
    late->fault = call->spoil.fault;
    late->timer = moon_timer_new(a->api->loop, on_arrival, late);
    moon_list_append(&a->late, &late->link);
    a->late_count++;
    moon_httpd_keep(late->request);
    moon_httpd_on_close(late->request, on_sender_gone, late);
    moon_timer_start(late->timer, call->spoil.delay_ms);
}

void moon_sim_arrive(struct moon_sim_api *api, struct moon_httpd_request *request)
{
    char resource[RESOURCE_MAX];
    struct moon_sim_arrivals *a = api->arrivals;
    MOON_CLEANUP(moon_sim_path_fini) struct moon_sim_path path = {.count = 0};
    struct moon_sim_call call = {.api = api, .request = request};
    moon_sim_call_open(&call, &path);
    struct moon_sim_api_call seen = describe(&call, resource);
    seen.number = ++a->calls;
    moon_sim_faults_meet(api->faults, &seen, &call.spoil);
    if (call.spoil.is_set) {
        seen.fault = moon_sim_fault_name(call.spoil.fault);
        if (!moon_sim_fault_is_for_watches(call.spoil.fault)) {
            moon_sim_faults_strike(api->faults);
        }
    }
    if (is_late(&call, seen.verb) && a->late_count < LATE_MAX) {
        if (a->observer.on_late != NULL) {
            a->observer.on_late(&seen, a->observer.ctx);
        }
        postpone(&call, seen.number);
        return;
    }
    handle(&call, &seen);
}

/* ---- answers ---- */

static void on_answer_closed(void *ctx)
{
    answer_free(MOON_CAST(answer, ctx, ANSWER_MAGIC));
}

static void on_answer_due(void *ctx)
{
    struct answer *answer = MOON_CAST(answer, ctx, ANSWER_MAGIC);
    moon_httpd_on_close(answer->request, NULL, NULL);
    moon_httpd_reply(answer->request, answer->code, answer->type,
                     (struct moon_str){answer->body, answer->len});
    answer_free(answer);
}

static void hold(const struct moon_sim_call *call, int code, const char *type, struct moon_str body)
{
    struct answer *answer = moon_new(struct answer);
    answer->magic = ANSWER_MAGIC;
    answer->request = call->request;
    answer->code = code;
    answer->type = type;
    answer->body = moon_str_dup(body);
    answer->len = body.len;
    answer->timer = moon_timer_new(call->api->loop, on_answer_due, answer);
    moon_list_append(&call->api->arrivals->answers, &answer->link);
    moon_httpd_on_close(call->request, on_answer_closed, answer);
    moon_timer_start(answer->timer, call->spoil.delay_ms);
}

/* A proxy knows nothing of Status objects. */
static void reply_as_proxy(const struct moon_sim_call *call)
{
    moon_httpd_reply(call->request, 504, "text/html",
                     MOON_STR_LIT("<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n"
                                  "<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n"
                                  "</body>\r\n</html>\r\n"));
}

void moon_sim_answer(struct moon_sim_call *call, int code, const char *type, struct moon_str body)
{
    struct moon_httpd_request *r = call->request;
    call->status = code;
    call->api->stats.refused += code >= 400 ? 1 : 0;
    if (!call->spoil.is_set) {
        moon_httpd_reply(r, code, type, body);
        return;
    }
    switch (call->spoil.fault) {
    case MOON_SIM_FAULT_CUT_MIDDLE:
        moon_httpd_reply_cut(r, code, type, body, body.len / 2);
        return;
    case MOON_SIM_FAULT_CUT_AFTER:
        moon_httpd_abort(r);
        return;
    case MOON_SIM_FAULT_HOLD:
        hold(call, code, type, body);
        return;
    case MOON_SIM_FAULT_TIMEOUT:
        reply_as_proxy(call);
        return;
    case MOON_SIM_FAULT_STATUS:    /* this is the answer it was to get */
    case MOON_SIM_FAULT_HALF_LINE: /* a watch that was refused has no stream to be struck */
    case MOON_SIM_FAULT_SILENT:
    case MOON_SIM_FAULT_REPEAT:
    case MOON_SIM_FAULT_CUT_WATCH:
    case MOON_SIM_FAULT_GONE:
    case MOON_SIM_FAULT_GARBAGE:
    case MOON_SIM_FAULT_DELAY: /* too many are late already */
    case MOON_SIM_FAULT_CUT_BEFORE:
    case MOON_SIM_FAULT_RESTART:
        moon_httpd_reply(r, code, type, body);
        return;
    }
}

bool moon_sim_answer_stream(struct moon_sim_call *call, const char *type, size_t max_queued_bytes)
{
    call->status = 200;
    if (call->spoil.is_set && call->spoil.fault == MOON_SIM_FAULT_CUT_AFTER) {
        moon_httpd_abort(call->request);
        return false;
    }
    if (call->spoil.is_set && call->spoil.fault == MOON_SIM_FAULT_TIMEOUT) {
        reply_as_proxy(call);
        return false;
    }
    moon_httpd_stream_begin(call->request, 200, type, max_queued_bytes);
    return true;
}
