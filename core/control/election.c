/* SPDX-License-Identifier: Apache-2.0
 *
 * election.c - look at the lease, take it when it is free, renew it, give it back.
 *
 * One request at a time. As follower: GET, then POST or PUT when the lease may be taken. As leader:
 * PUT of what the last answer held; after a conflict GET again. The PUT sends the whole object as
 * it was read, because labels and fields that others have put there are theirs.
 *
 * Times of leading count from the moment a renewal was *sent*: the server may have stored it then,
 * and from then on the others wait.
 */
#include "control/election.h"

#include <stdio.h>
#include <unistd.h>

#include "base/random.h"
#include "base/time.h"

enum {
    ELECTION_MAGIC = 0xe1ec,
    DEFAULT_LEASE_MS = 15000,
    DEFAULT_RENEW_MS = 10000,
    DEFAULT_RETRY_MS = 2000,
    BODY_MAX_BYTES = 256 * 1024,
    INFO_MAX_BYTES = 1200,
    /* A holder that promises to hold for longer is mistaken. */
    MAX_LEASE_S = 3600
};

struct moon_election {
    unsigned magic;
    struct moon_client *client;
    struct moon_loop *loop;
    struct moon_election_opts opts;
    char *namespace;
    char *name;
    char *identity;

    cJSON *lease;         /* as it is now, as far as we know; NULL: has to be read */
    char *record;         /* the last spec seen, as text: has it changed? */
    uint64_t observed_ms; /* when it last did, on our clock */
    bool may_be_ours;     /* we have written, and nothing since has said otherwise */

    struct moon_client_call *call;
    uint64_t sent_ms; /* of the call */
    struct moon_timer *tick;
    bool leading;
    uint64_t renewed_ms;
    struct moon_timer *deadline;
    struct moon_clock_watch *clock_watch;
    char *info; /* the last thing said */

    bool releasing;
    struct moon_timer *release_timer; /* its end, for better or worse */
    void (*released)(void *ctx);
    void *released_ctx;
};

/* ---- small things ---- */

static void say(struct moon_election *e, const char *text)
{
    if (moon_streq(e->info, text)) {
        return;
    }
    moon_free(e->info);
    e->info = moon_strdup(text);
    if (e->opts.on_info != NULL) {
        e->opts.on_info(text, e->opts.ctx);
    }
}

static void say_error(struct moon_election *e, const char *what, const struct moon_err *err)
{
    char text[INFO_MAX_BYTES];
    snprintf(text, sizeof text, "cannot %s lease %s/%s: %s", what, e->namespace, e->name,
             err->text);
    say(e, text);
}

static char *make_identity(void)
{
    char host[256] = "";
    char suffix[11];
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        snprintf(host, sizeof host, "moonset");
    }
    moon_random_suffix(suffix, sizeof suffix - 1);
    return moon_asprintf("%s_%s", host, suffix);
}

static void tick_after(struct moon_election *e, uint64_t delay_ms)
{
    moon_timer_start(e->tick, delay_ms);
}

/* ---- leading ---- */

/* The timer may be late (the process was stopped), so the time itself is looked at, too. */
static bool is_over(const struct moon_election *e)
{
    return moon_loop_now(e->loop) >= e->renewed_ms + e->opts.renew_ms;
}

static void arm_deadline(struct moon_election *e)
{
    uint64_t end_ms = e->renewed_ms + e->opts.renew_ms;
    uint64_t now_ms = moon_loop_now(e->loop);
    moon_timer_start(e->deadline, end_ms > now_ms ? end_ms - now_ms : 0);
}

static void stop_leading(struct moon_election *e)
{
    if (!e->leading) {
        return;
    }
    e->leading = false;
    moon_timer_stop(e->deadline);
    if (e->opts.on_stopped != NULL) {
        e->opts.on_stopped(e->opts.ctx);
    }
}

static void on_deadline(void *ctx)
{
    struct moon_election *e = MOON_CAST(moon_election, ctx, ELECTION_MAGIC);
    say(e, "leads no more: the lease could not be renewed in time");
    stop_leading(e);
}

/* The monotonic clock stands still while a machine sleeps; for the others time has passed. */
static void on_clock_jump(int64_t jump_ms, void *ctx)
{
    struct moon_election *e = MOON_CAST(moon_election, ctx, ELECTION_MAGIC);
    if (!e->leading || jump_ms <= 0) {
        return;
    }
    uint64_t jump = (uint64_t)jump_ms;
    e->renewed_ms = e->renewed_ms > jump ? e->renewed_ms - jump : 0;
    if (is_over(e)) {
        say(e, "leads no more: the clock has jumped, the lease may have run out");
        stop_leading(e);
    } else {
        arm_deadline(e);
    }
}

static void lead(struct moon_election *e)
{
    char text[INFO_MAX_BYTES];
    e->renewed_ms = e->sent_ms;
    if (is_over(e)) {
        return; /* the answer took so long that others may have taken the lease */
    }
    arm_deadline(e);
    if (e->leading) {
        return;
    }
    e->leading = true;
    snprintf(text, sizeof text, "leads as %s", e->identity);
    say(e, text);
    if (e->opts.on_started != NULL) {
        e->opts.on_started(e->opts.ctx);
    }
}

/* ---- the record ---- */

static const char *holder_of(const cJSON *lease)
{
    const char *holder = moon_json_string(lease, "spec.holderIdentity");
    return holder != NULL ? holder : "";
}

static bool is_held_by_us(const struct moon_election *e)
{
    return moon_streq(holder_of(e->lease), e->identity);
}

/* Remember what was read, and when it last changed. */
static void observe(struct moon_election *e, cJSON *take_lease)
{
    char *printed = cJSON_PrintUnformatted(moon_json_member(take_lease, "spec"));
    char *record = moon_strdup(printed != NULL ? printed : "");
    cJSON_free(printed);
    cJSON_Delete(e->lease);
    e->lease = take_lease;
    if (!moon_streq(record, e->record)) {
        e->observed_ms = moon_loop_now(e->loop);
    }
    moon_free(e->record);
    e->record = record;
}

/* Whatever comes next begins with a GET. */
static void forget(struct moon_election *e)
{
    cJSON_Delete(moon_steal(&e->lease));
}

static uint64_t lease_ms_of(const struct moon_election *e)
{
    int64_t seconds = moon_json_int(e->lease, "spec.leaseDurationSeconds", 0);
    if (seconds < 0 || seconds > MAX_LEASE_S) {
        seconds = MAX_LEASE_S;
    }
    uint64_t promised_ms = (uint64_t)seconds * 1000;
    return promised_ms > e->opts.lease_ms ? promised_ms : e->opts.lease_ms;
}

static bool may_take(const struct moon_election *e)
{
    const char *holder = holder_of(e->lease);
    return holder[0] == '\0' || moon_streq(holder, e->identity) ||
           moon_loop_now(e->loop) >= e->observed_ms + lease_ms_of(e);
}

static void set(cJSON *object, const char *key, cJSON *take_value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddItemToObject(object, key, take_value);
}

static cJSON *spec_of(cJSON *lease)
{
    cJSON *spec = cJSON_GetObjectItemCaseSensitive(lease, "spec");
    if (!cJSON_IsObject(spec)) {
        spec = cJSON_CreateObject();
        set(lease, "spec", spec);
    }
    return spec;
}

static cJSON *now_text(const struct moon_election *e)
{
    char text[MOON_TIME_TEXT];
    return cJSON_CreateString(moon_time_format_micro(moon_loop_wall_ms(e->loop) * 1000, text));
}

/* What the lease will say when `holder` ("": nobody) has it. */
static void write_record(const struct moon_election *e, cJSON *lease, const char *holder,
                         int64_t lease_s)
{
    bool changes = !moon_streq(holder_of(lease), holder);
    int64_t transitions = moon_json_int(lease, "spec.leaseTransitions", 0);
    cJSON *spec = spec_of(lease);
    set(spec, "holderIdentity", cJSON_CreateString(holder));
    set(spec, "leaseDurationSeconds", cJSON_CreateNumber((double)lease_s));
    set(spec, "renewTime", now_text(e));
    if (changes) {
        set(spec, "acquireTime", now_text(e));
    }
    if (changes && holder[0] != '\0') {
        set(spec, "leaseTransitions", cJSON_CreateNumber((double)(transitions + 1)));
    }
}

static cJSON *new_lease(const struct moon_election *e)
{
    cJSON *lease = cJSON_CreateObject();
    cJSON_AddStringToObject(lease, "apiVersion", "coordination.k8s.io/v1");
    cJSON_AddStringToObject(lease, "kind", "Lease");
    cJSON *meta = cJSON_AddObjectToObject(lease, "metadata");
    cJSON_AddStringToObject(meta, "name", e->name);
    cJSON_AddStringToObject(meta, "namespace", e->namespace);
    write_record(e, lease, e->identity, (int64_t)((e->opts.lease_ms + 999) / 1000));
    set(spec_of(lease), "leaseTransitions", cJSON_CreateNumber(0));
    return lease;
}

/* ---- asking ---- */

static void on_read(const struct moon_answer *answer, const struct moon_err *err, void *ctx);
static void on_written(const struct moon_answer *answer, const struct moon_err *err, void *ctx);
static void end_release(struct moon_election *e);

static void ask(struct moon_election *e, enum moon_verb verb, struct moon_str body,
                void (*on_done)(const struct moon_answer *, const struct moon_err *, void *))
{
    moon_assert(e->call == NULL);
    moon_timer_stop(e->tick);
    e->sent_ms = moon_loop_now(e->loop);
    e->call = moon_client_send(
        e->client, &(struct moon_request){.verb = verb,
                                          .resource = &moon_resource_leases,
                                          .namespace = e->namespace,
                                          .name = verb == MOON_VERB_CREATE ? NULL : e->name,
                                          .body = body,
                                          .timeout_ms = e->opts.renew_ms / 2,
                                          .urgent = true,
                                          .on_done = on_done,
                                          .ctx = e});
}

static void ask_read(struct moon_election *e)
{
    ask(e, MOON_VERB_GET, (struct moon_str){0}, on_read);
}

static void ask_write(struct moon_election *e, enum moon_verb verb, const cJSON *lease)
{
    e->may_be_ours = true;
    char *text = cJSON_PrintUnformatted(lease);
    ask(e, verb, moon_str(text), on_written);
    cJSON_free(text);
}

/* Put our name, or when releasing nobody's, into the lease we know. */
static void ask_update(struct moon_election *e)
{
    cJSON *copy = cJSON_Duplicate(e->lease, true);
    if (e->releasing) {
        write_record(e, copy, "", 1); /* whoever looks next need not wait: as client-go */
    } else {
        write_record(e, copy, e->identity, (int64_t)((e->opts.lease_ms + 999) / 1000));
    }
    ask_write(e, MOON_VERB_UPDATE, copy);
    cJSON_Delete(copy);
}

static void on_tick(void *ctx)
{
    struct moon_election *e = MOON_CAST(moon_election, ctx, ELECTION_MAGIC);
    if (e->leading && e->lease != NULL) {
        ask_update(e);
    } else {
        ask_read(e);
    }
}

/* Followers do not all look at once. */
static void again(struct moon_election *e)
{
    uint64_t retry_ms = e->opts.retry_ms;
    tick_after(e, e->leading ? retry_ms : retry_ms + moon_random_below(retry_ms / 5 + 1));
}

/* ---- answers ---- */

static cJSON *parse(const struct moon_answer *answer, struct moon_err *err)
{
    if (answer->body.len > BODY_MAX_BYTES) {
        moon_err_set(err, MOON_E_LIMIT, "the lease is larger than %d bytes", BODY_MAX_BYTES);
        return NULL;
    }
    return moon_json_parse(answer->body, err);
}

static void follow(struct moon_election *e)
{
    char text[INFO_MAX_BYTES];
    e->may_be_ours = false;
    snprintf(text, sizeof text, "%s leads", holder_of(e->lease));
    say(e, text);
    stop_leading(e); /* somebody has taken the lease from us */
    again(e);
}

static void on_lease(struct moon_election *e)
{
    if (e->releasing) {
        if (is_held_by_us(e)) {
            ask_update(e);
        } else {
            end_release(e);
        }
    } else if (may_take(e)) {
        ask_update(e);
    } else {
        follow(e);
    }
}

static void on_no_lease(struct moon_election *e)
{
    forget(e);
    if (e->releasing) {
        end_release(e);
        return;
    }
    cJSON *lease = new_lease(e);
    ask_write(e, MOON_VERB_CREATE, lease);
    cJSON_Delete(lease);
}

static void failed(struct moon_election *e, const char *what, const struct moon_err *err)
{
    bool raced = err->code == MOON_E_CONFLICT || err->code == MOON_E_EXISTS;
    forget(e);
    if (raced || e->releasing) {
        /* Look who was faster. A release is ended by its own timer if this never works. */
        tick_after(e, e->opts.retry_ms / 10);
        return;
    }
    say_error(e, what, err);
    again(e);
}

static void on_read(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_election *e = MOON_CAST(moon_election, ctx, ELECTION_MAGIC);
    struct moon_err parse_err;
    e->call = NULL;
    if (err != NULL && err->code == MOON_E_NOT_FOUND) {
        on_no_lease(e);
        return;
    }
    cJSON *lease = err == NULL ? parse(answer, &parse_err) : NULL;
    if (lease == NULL) {
        failed(e, "read", err != NULL ? err : &parse_err);
        return;
    }
    observe(e, lease);
    on_lease(e);
}

static void on_written(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_election *e = MOON_CAST(moon_election, ctx, ELECTION_MAGIC);
    struct moon_err parse_err;
    e->call = NULL;
    if (e->releasing && err == NULL) {
        end_release(e);
        return;
    }
    cJSON *lease = err == NULL ? parse(answer, &parse_err) : NULL;
    if (lease == NULL) {
        failed(e, "write", err != NULL ? err : &parse_err);
        return;
    }
    observe(e, lease);
    lead(e);
    again(e);
}

/* ---- life ---- */

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value > 0 ? value : fallback;
}

static void on_release_timer(void *ctx);

struct moon_election *moon_election_new(struct moon_client *client,
                                        const struct moon_election_opts *opts)
{
    struct moon_election *e = moon_new(struct moon_election);
    e->magic = ELECTION_MAGIC;
    e->client = client;
    e->loop = moon_client_loop(client);
    e->opts = *opts;
    e->opts.lease_ms = or_default(opts->lease_ms, DEFAULT_LEASE_MS);
    e->opts.renew_ms = or_default(opts->renew_ms, DEFAULT_RENEW_MS);
    e->opts.retry_ms = or_default(opts->retry_ms, DEFAULT_RETRY_MS);
    /* Else two could lead at once, or one would give up before its second try. */
    moon_assert(e->opts.lease_ms > e->opts.renew_ms && e->opts.renew_ms > e->opts.retry_ms);
    e->namespace = moon_strdup(opts->namespace);
    e->name = moon_strdup(opts->name);
    e->identity = opts->identity != NULL ? moon_strdup(opts->identity) : make_identity();
    e->tick = moon_timer_new(e->loop, on_tick, e);
    e->deadline = moon_timer_new(e->loop, on_deadline, e);
    e->release_timer = moon_timer_new(e->loop, on_release_timer, e);
    e->clock_watch = moon_clock_watch_new(e->loop, on_clock_jump, e);
    tick_after(e, 0);
    return e;
}

bool moon_election_is_leader(const struct moon_election *e)
{
    moon_assert(e->magic == ELECTION_MAGIC);
    return e->leading && !is_over(e);
}

static void halt(struct moon_election *e)
{
    if (e->call != NULL) {
        moon_client_cancel(moon_steal(&e->call));
    }
    moon_timer_stop(e->tick);
}

static void end_release(struct moon_election *e)
{
    void (*fn)(void *ctx) = moon_steal(&e->released);
    halt(e);
    moon_timer_stop(e->release_timer);
    fn(e->released_ctx);
}

static void on_release_timer(void *ctx)
{
    end_release(MOON_CAST(moon_election, ctx, ELECTION_MAGIC));
}

void moon_election_release(struct moon_election *e, uint64_t timeout_ms, void (*fn)(void *ctx),
                           void *ctx)
{
    moon_assert(e->magic == ELECTION_MAGIC && !e->releasing && fn != NULL);
    halt(e); /* a write that was under way may have been carried out: hence the GET */
    stop_leading(e);
    forget(e);
    e->releasing = true;
    e->released = fn;
    e->released_ctx = ctx;
    moon_timer_start(e->release_timer, e->may_be_ours ? timeout_ms : 0);
    if (e->may_be_ours) {
        tick_after(e, 0);
    }
}

void moon_election_free(struct moon_election *e)
{
    if (e == NULL) {
        return;
    }
    halt(e);
    moon_timer_free(e->tick);
    moon_timer_free(e->deadline);
    moon_timer_free(e->release_timer);
    moon_clock_watch_free(e->clock_watch);
    forget(e);
    moon_free(e->record);
    moon_free(e->namespace);
    moon_free(e->name);
    moon_free(e->identity);
    moon_free(e->info);
    e->magic = 0;
    moon_free(e);
}
