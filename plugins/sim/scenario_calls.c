/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_calls.c - the scenario's own calls to the API server, which may be restarted or spoilt
 * while they are under way.
 */
#include <time.h>

#include "sim/scenario_play.h"

enum {
    CALL_MAGIC = 0x7363616c,
    TRIES_MAX = 20,
    RETRY_MS = 500,
    TURN_MS = 1,
    STEP_MS = 100,
    DEADLINE_MS = 60 * 1000, /* of time as it passes in the scenario */
    REAL_DEADLINE_MS = 20 * 1000,
};

struct moon_scenario_call {
    unsigned magic;
    struct moon_scenario_run *run;
    enum moon_verb verb;
    const struct moon_resource *resource;
    char *ns;
    char *name;
    char *subresource;
    char *body;
    struct moon_client_call *call; /* NULL: answered */
    unsigned tries;
    bool has_failed;
    struct moon_err err;
    cJSON *answer;
};

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_scenario_call *c = MOON_CAST(moon_scenario_call, ctx, CALL_MAGIC);
    struct moon_err ignored;
    c->call = NULL;
    c->has_failed = err != NULL;
    if (err != NULL) {
        c->err = *err;
        /* A delete or create that is repeated finds its own work done. */
        bool is_done = (c->verb == MOON_VERB_DELETE && err->code == MOON_E_NOT_FOUND) ||
                       (c->verb == MOON_VERB_CREATE && err->code == MOON_E_EXISTS);
        c->has_failed = !(is_done && c->tries > 1);
    } else {
        c->answer = moon_json_parse(answer->body, &ignored);
    }
}

static void send(struct moon_scenario_call *c)
{
    c->tries++;
    c->call = moon_client_send(c->run->client, &(struct moon_request){
                                                   .verb = c->verb,
                                                   .resource = c->resource,
                                                   .namespace = c->ns,
                                                   .name = c->name,
                                                   .subresource = c->subresource,
                                                   .body = moon_str(c->body),
                                                   .on_done = on_done,
                                                   .ctx = c,
                                               });
}

void moon_scenario_send(struct moon_scenario_run *run, const struct moon_scenario_request *request)
{
    struct moon_scenario_call *c = moon_new(struct moon_scenario_call);
    bool has_ns = request->resource->namespaced;
    c->magic = CALL_MAGIC;
    c->run = run;
    c->verb = request->verb;
    c->resource = request->resource;
    c->ns = has_ns ? moon_strdup(moon_scenario_ns(request->ns)) : NULL;
    c->name = moon_strdup(request->name);
    c->subresource = moon_strdup(request->subresource);
    c->body = request->body.ptr != NULL ? moon_str_dup(request->body) : NULL;
    run->calls =
        moon_realloc_array(run->calls, run->call_count + 1, sizeof(struct moon_scenario_call *));
    run->calls[run->call_count++] = c;
    send(c);
}

static void free_call(struct moon_scenario_call *c)
{
    if (c->call != NULL) {
        moon_client_cancel(c->call);
    }
    cJSON_Delete(c->answer);
    moon_free(c->ns);
    moon_free(c->name);
    moon_free(c->subresource);
    moon_free(c->body);
    c->magic = 0;
    moon_free(c);
}

void moon_scenario_drop_calls(struct moon_scenario_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        free_call(run->calls[i]);
    }
    moon_free(run->calls);
    run->calls = NULL;
    run->call_count = 0;
}

/* ---- waiting ---- */

static bool are_answered(void *ctx)
{
    const struct moon_scenario_run *run = ctx;
    for (size_t i = 0; i < run->call_count; i++) {
        if (run->calls[i]->call != NULL) {
            return false;
        }
    }
    return true;
}

static uint64_t real_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Virtual time must not pass while an answer is on its way, only while one is held back. */
static int wait_virtual(struct moon_scenario_run *run, struct moon_err *err)
{
    uint64_t deadline_ms = moon_loop_now(run->loop) + DEADLINE_MS;
    uint64_t real_deadline_ms = real_ms() + REAL_DEADLINE_MS;
    while (!are_answered(run)) {
        bool met;
        if (moon_cluster_settle(run->cluster, err) != 0) {
            return -(int)err->code;
        }
        if (are_answered(run)) {
            break;
        }
        if (moon_sim_api_held(moon_cluster_api(run->cluster)) == 0) {
            moon_loop_turn(run->loop, TURN_MS);
        } else if (moon_cluster_pass(run->cluster, STEP_MS, are_answered, run, &met, err) != 0) {
            return -(int)err->code;
        }
        if (moon_loop_now(run->loop) > deadline_ms || real_ms() > real_deadline_ms) {
            return moon_err_set(err, MOON_E_TIMEOUT, "the API server does not answer");
        }
    }
    return 0;
}

static int wait_answers(struct moon_scenario_run *run, struct moon_err *err)
{
    bool met = false;
    if (!run->is_real_time) {
        return wait_virtual(run, err);
    }
    if (moon_scenario_pass(run, DEADLINE_MS, are_answered, run, &met, err) != 0) {
        return -(int)err->code;
    }
    return met ? 0 : moon_err_set(err, MOON_E_TIMEOUT, "the API server does not answer");
}

/* Those that may succeed later, again. False: there are none. */
static bool send_again(struct moon_scenario_run *run, struct moon_err *err)
{
    bool any = false;
    for (size_t i = 0; i < run->call_count; i++) {
        struct moon_scenario_call *c = run->calls[i];
        if (c->has_failed && moon_code_is_transient(c->err.code) && c->tries < TRIES_MAX) {
            any = true;
        }
    }
    if (!any || moon_scenario_pass(run, RETRY_MS, NULL, NULL, NULL, err) != 0) {
        return false;
    }
    for (size_t i = 0; i < run->call_count; i++) {
        struct moon_scenario_call *c = run->calls[i];
        if (c->has_failed && moon_code_is_transient(c->err.code) && c->tries < TRIES_MAX) {
            send(c);
        }
    }
    return true;
}

int moon_scenario_finish(struct moon_scenario_run *run, cJSON **ret_body, struct moon_err *err)
{
    int rc;
    do {
        rc = wait_answers(run, err);
    } while (rc == 0 && send_again(run, err));
    for (size_t i = 0; i < run->call_count && rc == 0; i++) {
        if (run->calls[i]->has_failed) {
            *err = run->calls[i]->err;
            rc = -(int)err->code;
        }
    }
    if (rc == 0 && ret_body != NULL && run->call_count > 0) {
        *ret_body = moon_steal(&run->calls[run->call_count - 1]->answer);
    }
    moon_scenario_drop_calls(run);
    return rc;
}

int moon_scenario_call(struct moon_scenario_run *run, const struct moon_scenario_request *request,
                       cJSON **ret_body, struct moon_err *err)
{
    moon_assert(run->call_count == 0);
    moon_scenario_send(run, request);
    return moon_scenario_finish(run, ret_body, err);
}

/* ---- what steps have in common ---- */

void moon_scenario_send_json(struct moon_scenario_run *run, struct moon_scenario_request request,
                             cJSON *take_body)
{
    char *text = take_body != NULL ? cJSON_PrintUnformatted(take_body) : NULL;
    request.body = moon_str(text);
    moon_scenario_send(run, &request);
    cJSON_free(text);
    cJSON_Delete(take_body);
}

int moon_scenario_call_json(struct moon_scenario_run *run, struct moon_scenario_request request,
                            cJSON *take_body, cJSON **ret_body, struct moon_err *err)
{
    moon_scenario_send_json(run, request, take_body);
    return moon_scenario_finish(run, ret_body, err);
}

/* {"metadata":{SECTION:{…}}} around `take_map`. */
cJSON *moon_scenario_in_metadata(const char *section, cJSON *take_map)
{
    cJSON *body = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(body, "metadata");
    cJSON_AddItemToObject(metadata, section, take_map);
    return body;
}

void moon_scenario_patch(struct moon_scenario_run *run, const struct moon_resource *resource,
                         const char *ns, const char *name, cJSON *take_body)
{
    moon_scenario_send_json(
        run,
        (struct moon_scenario_request){
            .verb = MOON_VERB_PATCH_MERGE, .resource = resource, .ns = ns, .name = name},
        take_body);
}

/* Call `fn` for what a target means now: one name, or those that match. False: nothing does. */
bool moon_scenario_each_target(struct moon_scenario_run *run,
                               const struct moon_scenario_target *target,
                               void (*fn)(struct moon_scenario_run *run, const char *ns,
                                          const char *name, const void *ctx),
                               const void *ctx)
{
    const struct moon_scenario_thing *t;
    size_t pos = 0;
    bool any = false;
    if (target->name != NULL) {
        fn(run, target->ns, target->name, ctx);
        return true;
    }
    while (moon_scenario_seen_next(run->seen, target->resource->plural, &pos, &t)) {
        bool is_here =
            !target->resource->namespaced || strcmp(t->obj->ns, moon_scenario_ns(target->ns)) == 0;
        if (is_here &&
            (target->selector == NULL || moon_selector_matches(target->selector, &t->labels))) {
            fn(run, target->ns, t->obj->name, ctx);
            any = true;
        }
    }
    return any;
}

int moon_scenario_no_match(struct moon_scenario_run *run, const char *what)
{
    moon_scenario_say(run, "nothing matches \"%s\"", what);
    return 0;
}
