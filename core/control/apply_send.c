/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_send.c - one action and the server: ask, understand, ask again.
 *
 * What makes repeating safe is decided here. A CREATE that meets AlreadyExists, or is refused after
 * a try whose outcome nobody knows (the first one may have used up the quota that the second one
 * lacks), is followed by a GET: what is there under our name with our owner is our own work. What
 * is not there any more was ours and has been deleted, or never was: it is created again.
 */
#include <stdio.h>

#include "base/random.h"
#include "control/apply_priv.h"

enum {
    /* kube-apiserver takes 3 MB, etcd half of it. */
    BODY_MAX_BYTES = 3 * 1024 * 1024,
    QUERY_BYTES = 64,
    FIRST_RETRY_MS = 100,
    MAX_RETRY_MS = 5000,
    /* A server that asks for more than this is mistaken. */
    MAX_RETRY_AFTER_MS = 10 * 60 * 1000
};

/* ---- again ---- */

static void on_wake(void *ctx)
{
    struct moon_job *job = MOON_CAST(moon_job, ctx, MOON_JOB_MAGIC);
    moon_timer_free(moon_steal(&job->timer));
    moon_lane_wake(job);
}

static uint64_t retry_delay_ms(const struct moon_job *job, const struct moon_err *err)
{
    if (err->retry_after_ms > 0) {
        uint64_t after_ms = err->retry_after_ms;
        after_ms = after_ms < MAX_RETRY_AFTER_MS ? after_ms : MAX_RETRY_AFTER_MS;
        /* Never earlier than told, and not all at once. */
        return after_ms + moon_random_below(after_ms / 4 + 1);
    }
    uint64_t delay_ms = MAX_RETRY_MS;
    if (job->tries < 7) { /* 100 ms * 2^6 is above the maximum */
        delay_ms = (uint64_t)FIRST_RETRY_MS << (job->tries - 1);
    }
    return moon_random_jitter(delay_ms < MAX_RETRY_MS ? delay_ms : MAX_RETRY_MS, 0.2);
}

static void retry(struct moon_job *job, const struct moon_err *err)
{
    struct moon_apply *a = job->apply;
    const struct moon_action *action = job->action;
    if (job->dropped) {
        struct moon_err cancelled;
        moon_err_set(&cancelled, MOON_E_CANCELLED, "its object is gone; before: %s", err->text);
        job->quiet = true;
        moon_job_finish(job, NULL, &cancelled, false);
        return;
    }
    job->tries++;
    moon_metric_add(a->retries_total,
                    MOON_LABELS(moon_verb_name(action->verb), action->resource->plural,
                                moon_code_name(err->code)),
                    1);
    if (a->on_retry != NULL) {
        a->on_retry(action, job->tries, err, a->on_retry_ctx);
    }
    job->timer = moon_timer_new(a->loop, on_wake, job);
    moon_timer_start(job->timer, retry_delay_ms(job, err));
    moon_lane_sleep(job);
}

/* Sleeps, and is sent again, when the error says nothing about the action itself. */
static bool is_retried(enum moon_code code)
{
    return code == MOON_E_BUSY || code == MOON_E_TIMEOUT || code == MOON_E_NETWORK ||
           code == MOON_E_SERVER;
}

/* ---- is it there, and ours? ---- */

static bool is_ours(const struct moon_action *action, const struct moon_answer *answer)
{
    struct moon_err ignored;
    MOON_AUTOJSON *json = moon_json_parse(answer->body, &ignored);
    const cJSON *owner;
    cJSON_ArrayForEach (owner, moon_json_get(json, "metadata.ownerReferences")) {
        if (moon_json_bool(owner, "controller", false)) {
            return action->owner_uid != NULL &&
                   moon_streq(moon_json_string(owner, "uid"), action->owner_uid);
        }
    }
    return false;
}

static void look(struct moon_job *job)
{
    job->looking = true;
    moon_job_send(job);
}

static void create_again(struct moon_job *job)
{
    struct moon_err err;
    job->looking = false;
    moon_err_set(&err, MOON_E_EXISTS, "%s \"%s\" was there and is not any more",
                 job->action->resource->plural, job->action->name);
    retry(job, &err);
}

static void refuse(struct moon_job *job, const struct moon_answer *answer,
                   const struct moon_err *err)
{
    /* Every create there will be refused, and none of it is worth a word: as upstream. */
    job->quiet = job->quiet || moon_answer_has_cause(answer, "NamespaceTerminating");
    moon_lane_close_window(job->lane, job->quiet);
    moon_job_finish(job, answer, err, false);
}

static void refuse_with_verdict(struct moon_job *job, const struct moon_answer *answer)
{
    MOON_AUTOFREE struct moon_err *verdict = moon_steal(&job->verdict);
    refuse(job, answer, verdict);
}

static void on_found(struct moon_job *job, const struct moon_answer *answer)
{
    if (is_ours(job->action, answer)) {
        moon_job_finish(job, answer, NULL, true);
        return;
    }
    if (job->verdict != NULL) {
        refuse_with_verdict(job, answer);
        return;
    }
    struct moon_err err;
    moon_err_set(&err, MOON_E_EXISTS, "%s \"%s\" already exists and is not ours",
                 job->action->resource->plural, job->action->name);
    err.http_status = 409;
    refuse(job, answer, &err);
}

/* In the words of the API server (a Status), since a proxy's 404 says nothing about the object. */
static bool is_gone(const struct moon_answer *answer, const struct moon_err *err)
{
    return answer->reason[0] != '\0' && err->code == MOON_E_NOT_FOUND;
}

static bool has_uid(const struct moon_answer *answer, const char *uid)
{
    struct moon_err ignored;
    MOON_AUTOJSON *json = moon_json_parse(answer->body, &ignored);
    return moon_streq(moon_json_string(json, "metadata.uid"), uid);
}

/* To a DELETE: another object has the name by now, or the server was in a hurry. */
static bool is_doubtful(enum moon_code code)
{
    return code == MOON_E_CONFLICT || code == MOON_E_GONE;
}

/* A DELETE met such an answer: what is there decides. */
static void on_looked_before_delete(struct moon_job *job, const struct moon_answer *answer,
                                    const struct moon_err *err)
{
    struct moon_err again;
    if (err == NULL && has_uid(answer, job->action->uid)) {
        job->looking = false;
        moon_err_set(&again, MOON_E_CONFLICT, "%s \"%s\" is still there",
                     job->action->resource->plural, job->action->name);
        retry(job, &again);
    } else if (err == NULL) {
        /* What was found is nobody's business: the DELETE was refused because of it. */
        moon_job_finish(job, &(struct moon_answer){.status = 409, .sent = true, .reason = ""}, NULL,
                        false);
    } else if (is_gone(answer, err)) {
        moon_job_finish(job, answer, NULL, false);
    } else if (is_retried(err->code)) {
        retry(job, err);
    } else {
        moon_job_finish(job, answer, err, false);
    }
}

static void on_looked(struct moon_job *job, const struct moon_answer *answer,
                      const struct moon_err *err)
{
    if (job->action->verb == MOON_VERB_DELETE) {
        on_looked_before_delete(job, answer, err);
    } else if (err == NULL) {
        on_found(job, answer);
    } else if (is_retried(err->code)) {
        retry(job, err);
    } else if (job->verdict != NULL) {
        refuse_with_verdict(job, answer);
    } else if (err->code == MOON_E_NOT_FOUND) {
        create_again(job);
    } else {
        refuse(job, answer, err);
    }
}

/* ---- what an answer means ---- */

static void on_create_failed(struct moon_job *job, const struct moon_answer *answer,
                             const struct moon_err *err)
{
    if (err->code == MOON_E_EXISTS) {
        look(job);
    } else if (job->unsure) {
        job->verdict = moon_new(struct moon_err);
        *job->verdict = *err;
        job->quiet = moon_answer_has_cause(answer, "NamespaceTerminating");
        look(job);
    } else {
        refuse(job, answer, err);
    }
}

/* Neither yes nor no: what is there decides. To a repeated CREATE of an object with a generateName
 * beside its name, a server before 1.30 says ServerTimeout and not AlreadyExists, however often it
 * is asked (rest.CheckGeneratedNameError). */
static bool needs_a_look(const struct moon_job *job, const struct moon_answer *answer,
                         const struct moon_err *err)
{
    if (job->action->verb == MOON_VERB_CREATE) {
        return job->tries > 0 && moon_streq(answer->reason, "ServerTimeout");
    }
    return job->action->verb == MOON_VERB_DELETE && is_doubtful(err->code) &&
           job->action->uid != NULL;
}

static void on_asked_once(struct moon_job *job, const struct moon_answer *answer,
                          const struct moon_err *err)
{
    job->quiet = err->code == MOON_E_CONFLICT || err->http_status == 429 ||
                 moon_answer_has_cause(answer, "NamespaceTerminating");
    moon_job_finish(job, answer, is_gone(answer, err) ? NULL : err, false);
}

static void on_written(struct moon_job *job, const struct moon_answer *answer,
                       const struct moon_err *err)
{
    if (err == NULL) {
        moon_job_finish(job, answer, NULL, false);
        return;
    }
    if (job->action->once) {
        on_asked_once(job, answer, err);
        return;
    }
    /* 429 is said before anything is done; of all else without a clear answer we cannot know. */
    bool unclear = is_retried(err->code) || err->code == MOON_E_LIMIT;
    job->unsure = job->unsure || (unclear && answer->sent && err->http_status != 429);
    if (needs_a_look(job, answer, err)) {
        look(job);
    } else if (is_retried(err->code)) {
        retry(job, err);
    } else if (job->action->verb == MOON_VERB_CREATE) {
        on_create_failed(job, answer, err);
    } else if (job->action->verb == MOON_VERB_DELETE && is_gone(answer, err)) {
        moon_job_finish(job, answer, NULL, false);
    } else {
        job->quiet = moon_answer_has_cause(answer, "NamespaceTerminating");
        moon_job_finish(job, answer, err, false);
    }
}

static void on_answer(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_job *job = MOON_CAST(moon_job, ctx, MOON_JOB_MAGIC);
    moon_assert(job->state == MOON_JOB_ON_WIRE);
    job->call = NULL;
    if (job->looking) {
        on_looked(job, answer, err);
    } else {
        on_written(job, answer, err);
    }
}

/* ---- ask ---- */

/* A server that is given a body for a DELETE does not look at the query. */
static void write_delete_options(const struct moon_job *job, struct moon_buf *out)
{
    moon_buf_puts(out, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\"");
    if (job->action->uid != NULL) {
        moon_buf_puts(out, ",\"preconditions\":{\"uid\":");
        moon_json_add_string(out, moon_str(job->action->uid));
        moon_buf_putc(out, '}');
    }
    if (job->apply->dry_run) {
        moon_buf_puts(out, ",\"dryRun\":[\"All\"]");
    }
    moon_buf_putc(out, '}');
}

static const char *write_query(const struct moon_job *job, char out[QUERY_BYTES])
{
    bool is_delete = job->action->verb == MOON_VERB_DELETE;
    bool dry_run = job->apply->dry_run;
    snprintf(out, QUERY_BYTES, "%s%s%s", is_delete ? "" : "fieldManager=moonset",
             !is_delete && dry_run ? "&" : "", dry_run ? "dryRun=All" : "");
    return out[0] != '\0' ? out : NULL;
}

static void send_look(struct moon_job *job)
{
    const struct moon_action *action = job->action;
    job->call = moon_client_send(job->apply->client,
                                 &(struct moon_request){.verb = MOON_VERB_GET,
                                                        .resource = action->resource,
                                                        .namespace = action->namespace,
                                                        .name = action->name,
                                                        .timeout_ms = job->apply->timeout_ms,
                                                        .on_done = on_answer,
                                                        .ctx = job});
}

static void send_write(struct moon_job *job, struct moon_str body)
{
    const struct moon_action *action = job->action;
    char query[QUERY_BYTES];
    /* A CREATE names the collection; a subresource hangs below an object that is there. */
    bool named = action->verb != MOON_VERB_CREATE || action->subresource != NULL;
    job->call = moon_client_send(job->apply->client,
                                 &(struct moon_request){.verb = action->verb,
                                                        .resource = action->resource,
                                                        .namespace = action->namespace,
                                                        .name = named ? action->name : NULL,
                                                        .subresource = action->subresource,
                                                        .query = write_query(job, query),
                                                        .body = body,
                                                        .timeout_ms = job->apply->timeout_ms,
                                                        .on_done = on_answer,
                                                        .ctx = job});
}

void moon_job_send(struct moon_job *job)
{
    moon_assert(job->state == MOON_JOB_ON_WIRE && job->call == NULL);
    if (job->looking) {
        send_look(job);
        return;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX_BYTES);
    if (job->action->verb == MOON_VERB_DELETE) {
        write_delete_options(job, &body);
    } else {
        job->action->write_body(job->action, &body);
    }
    struct moon_err err;
    if (moon_buf_check(&body, "the body of the request", &err) != 0) {
        moon_err_wrap(&err, "%s %s", moon_verb_name(job->action->verb), job->action->name);
        moon_job_finish(job, NULL, &err, false);
        return;
    }
    send_write(job, moon_buf_str(&body));
}

void moon_job_stop(struct moon_job *job)
{
    if (job->call != NULL) {
        moon_client_cancel(moon_steal(&job->call));
    }
    moon_timer_free(moon_steal(&job->timer));
}
