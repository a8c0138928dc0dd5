/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_run.c - plays a scenario: a cluster of its own, time, and the verdict.
 */
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/random.h"
#include "io/file.h"
#include "sim/scenario_play.h"

enum {
    /* After faults: until what was spoilt has been sent again for the last time. */
    RETRIES_MS = 5 * 60 * 1000,
    WHY_MAX = 64 * 1024,
    END_STATE_MAX = 64 << 20,
    NODES_READY_MS = 10 * 60 * 1000,
    REAL_TURN_MS = 20,
};

/* ---- lines ---- */

void moon_scenario_say(struct moon_scenario_run *run, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(WHY_MAX);
    va_list args;
    if (run->timeline == NULL) {
        return;
    }
    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    moon_timeline_say(run->timeline, "scenario", "%s", moon_buf_cstr(&text));
}

static void note_failure(struct moon_scenario_run *run, const char *who, const char *text)
{
    if (run->result->first_failure == NULL) {
        run->result->first_failure = moon_strdup(text);
    }
    if (run->timeline != NULL) {
        moon_timeline_say(run->timeline, who, "FAILED: %s", text);
    }
}

void moon_scenario_fail(struct moon_scenario_run *run, size_t line, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(WHY_MAX);
    va_list args;
    if (line > 0) {
        moon_buf_printf(&text, "%s:%zu: ", run->s->file, line);
    }
    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    run->result->failed_expectations++;
    note_failure(run, "scenario", moon_buf_cstr(&text));
}

/* ---- what the server and the judge tell ---- */

static bool is_controller(const struct moon_sim_api_call *call)
{
    return moon_str_starts(moon_str(call->client), MOON_SCENARIO_CONTROLLER_AGENT);
}

static void on_begin(const struct moon_sim_api_call *call, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    run->result->calls += is_controller(call) ? 1 : 0;
    run->result->watches += is_controller(call) && moon_streq(call->verb, "watch") ? 1 : 0;
    moon_judge_begin(run->judge, call);
    if (run->timeline != NULL) {
        moon_timeline_begin(run->timeline, call);
    }
}

static void on_late(const struct moon_sim_api_call *call, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    moon_judge_late(run->judge, call);
}

static void on_restart(void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    moon_judge_restart(run->judge);
}

static void on_end(const struct moon_sim_api_call *call, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    moon_judge_end(run->judge, call);
    if (run->timeline != NULL) {
        moon_timeline_end(run->timeline, call);
    }
}

static void on_thing(const struct moon_scenario_thing *before,
                     const struct moon_scenario_thing *after, void *ctx)
{
    struct moon_scenario_run *run = ctx;
    if (run->timeline != NULL) {
        moon_timeline_thing(run->timeline, before, after);
    }
}

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    moon_judge_event(run->judge, event);
    moon_scenario_seen_event(run->seen, event, on_thing, run);
}

/* A rule that is switched off is not heard; but a set that was said to be at rest must be. */
static bool is_heard(const struct moon_scenario_run *run, const char *rule)
{
    for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
        if (strcmp(moon_scenario_rules[i], rule) == 0) {
            return run->s->rules[i] || (run->is_resting && strcmp(rule, "noise") == 0);
        }
    }
    return true;
}

static void on_violation(const struct moon_judge_violation *v, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    if (is_heard(run, v->rule)) {
        MOON_AUTOFREE char *text = moon_asprintf("%s: %s", v->rule, v->text);
        run->result->violations++;
        note_failure(run, "judge", text);
    }
}

static void on_fatal(const char *why, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    run->has_fatal = true;
    moon_scenario_fail(run, 0, "the controller has given up: %s", why);
}

static void on_log(const char *line, size_t len, void *ctx)
{
    struct moon_scenario_run *run = MOON_CAST(moon_scenario_run, ctx, MOON_SCENARIO_RUN_MAGIC);
    if (run->timeline != NULL) {
        moon_timeline_log(run->timeline, (struct moon_str){line, len});
    }
}

struct moon_scenario_sight moon_scenario_sight(const struct moon_scenario_run *run)
{
    return (struct moon_scenario_sight){run->seen, run->judge};
}

/* ---- time ---- */

static void pass_real(struct moon_scenario_run *run, uint64_t ms, bool (*until)(void *ctx),
                      void *ctx, bool *met)
{
    uint64_t end_ms = moon_loop_now(run->loop) + ms;
    while (!(*met = until != NULL && until(ctx))) {
        uint64_t now_ms = moon_loop_now(run->loop);
        if (now_ms >= end_ms) {
            break;
        }
        uint64_t left_ms = end_ms - now_ms;
        moon_loop_turn(run->loop, left_ms < REAL_TURN_MS ? left_ms : REAL_TURN_MS);
    }
}

int moon_scenario_pass(struct moon_scenario_run *run, uint64_t ms, bool (*until)(void *ctx),
                       void *ctx, bool *ret_met, struct moon_err *err)
{
    bool met = false;
    int rc = 0;
    if (run->is_real_time) {
        pass_real(run, ms, until, ctx, &met);
    } else {
        rc = moon_cluster_pass(run->cluster, ms, until, ctx, &met, err);
    }
    if (rc == 0 && ret_met != NULL) {
        *ret_met = met;
    }
    return rc;
}

/* ---- conditions ---- */

static int rest(struct moon_scenario_run *run, const struct moon_scenario_condition *c,
                struct moon_err *err)
{
    size_t violations = run->result->violations;
    int rc = 0;
    if (moon_sim_api_faults_struck(moon_cluster_api(run->cluster)) > 0) {
        rc = moon_scenario_pass(run, RETRIES_MS, NULL, NULL, NULL, err);
    }
    if (rc != 0) {
        return rc;
    }
    run->is_resting = true;
    moon_judge_expect_rest(run->judge, true);
    rc = moon_scenario_pass(run, c->rest_ms, NULL, NULL, NULL, err);
    moon_judge_expect_rest(run->judge, false);
    run->is_resting = false;
    if (rc == 0 && run->result->violations > violations) {
        moon_scenario_fail(run, c->line, "%s: the controller did not rest", c->text);
    }
    return rc;
}

int moon_scenario_check(struct moon_scenario_run *run, const struct moon_scenario_conditions *all,
                        struct moon_err *err)
{
    /* What was sent has its effect first. */
    int rc = moon_scenario_pass(run, 0, NULL, NULL, NULL, err);
    for (size_t i = 0; i < all->count && rc == 0; i++) {
        const struct moon_scenario_condition *c = &all->items[i];
        bool costs = c->about == MOON_SCENARIO_CALLS || c->about == MOON_SCENARIO_EVENT;
        if (costs && run->opts->fault_count > 0) {
            continue; /* repeating costs calls, and Events are best effort */
        }
        const struct moon_scenario_sight sight = moon_scenario_sight(run);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(WHY_MAX);
        if (!moon_scenario_holds(c, &sight, &why)) {
            moon_scenario_fail(run, c->line, "%s", moon_buf_cstr(&why));
            continue;
        }
        size_t failed = run->result->failed_expectations;
        if (c->rest_ms > 0) {
            rc = rest(run, c, err);
        }
        if (rc == 0 && run->result->failed_expectations == failed) {
            moon_scenario_say(run, "as expected: %s", c->text);
        }
    }
    return rc;
}

/* ---- set up ---- */

static int start_client(struct moon_scenario_run *run, struct moon_err *err)
{
    run->client = moon_client_new(
        run->loop, moon_kubeconfig_for_server(moon_cluster_server(run->cluster)),
        &(struct moon_client_opts){.user_agent = MOON_SCENARIO_AGENT MOONSET_VERSION}, err);
    return run->client != NULL ? 0 : -(int)err->code;
}

/* The controller sets up logging as its flags say; when nobody looks, that is work for nothing. */
static void quieten(const struct moon_scenario_run *run)
{
    if (run->timeline == NULL) {
        moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, STDERR_FILENO);
    }
}

int moon_scenario_start_controller(struct moon_scenario_run *run, struct moon_err *err)
{
    int rc = moon_cluster_start_controller(run->cluster, err);
    quieten(run);
    return rc;
}

static int start_cluster(struct moon_scenario_run *run, struct moon_err *err)
{
    const struct moon_sim_api_observer observer = {.on_begin = on_begin,
                                                   .on_end = on_end,
                                                   .on_event = on_event,
                                                   .on_late = on_late,
                                                   .on_restart = on_restart,
                                                   .ctx = run};
    run->cluster = moon_cluster_new(
        &(struct moon_cluster_opts){
            .loop = run->loop, .options = run->s->options, .on_fatal = on_fatal, .ctx = run},
        err);
    if (run->cluster == NULL) {
        return -(int)err->code;
    }
    quieten(run);
    moon_sim_api_observe(moon_cluster_api(run->cluster), &observer);
    if (run->opts->write_kubeconfig != NULL &&
        moon_cluster_write_kubeconfig(run->cluster, run->opts->write_kubeconfig, err) != 0) {
        return -(int)err->code;
    }
    return start_client(run, err);
}

static void make_parts(struct moon_scenario_run *run)
{
    run->seen = moon_scenario_seen_new();
    run->broken_images = moon_map_new(NULL);
    run->judge = moon_judge_new(&(struct moon_judge_opts){.loop = run->loop,
                                                          .client = MOON_SCENARIO_CONTROLLER_AGENT,
                                                          .on_violation = on_violation,
                                                          .ctx = run});
    if (run->opts->on_line != NULL) {
        run->timeline = moon_timeline_new(
            &(struct moon_timeline_opts){.loop = run->loop,
                                         .scenario_client = MOON_SCENARIO_AGENT,
                                         .controller_client = MOON_SCENARIO_CONTROLLER_AGENT,
                                         .on_line = run->opts->on_line,
                                         .ctx = run->opts->ctx});
    }
}

static bool nodes_are_ready(void *ctx)
{
    const struct moon_scenario_run *run = ctx;
    const struct moon_scenario_thing *t;
    size_t pos = 0;
    while (moon_scenario_seen_next(run->seen, "nodes", &pos, &t)) {
        if (!t->is_ready) {
            return false;
        }
    }
    return true;
}

/* Time 0 is when the nodes are there. */
static int start_nodes(struct moon_scenario_run *run, struct moon_err *err)
{
    bool met = false;
    if (moon_scenario_join_nodes(run, &run->s->nodes, err) != 0 ||
        moon_scenario_pass(run, NODES_READY_MS, nodes_are_ready, run, &met, err) != 0) {
        return -(int)err->code;
    }
    if (!met) {
        return moon_err_set(err, MOON_E_TIMEOUT, "the nodes do not become ready");
    }
    run->start_ms = moon_loop_now(run->loop);
    if (run->timeline != NULL) {
        moon_timeline_start(run->timeline);
        size_t count = moon_scenario_seen_count(run->seen, "nodes");
        moon_scenario_say(run, "%zu node%s ready%s", count, count == 1 ? " is" : "s are",
                          moon_cluster_has_controller(run->cluster) ? ", the controller runs" : "");
    }
    return 0;
}

static int add_faults(struct moon_scenario_run *run, struct moon_err *err)
{
    for (size_t i = 0; i < run->opts->fault_count; i++) {
        uint64_t number;
        if (moon_sim_api_add_fault(moon_cluster_api(run->cluster), &run->opts->faults[i], &number,
                                   err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- playing ---- */

static int wait_for_turn(struct moon_scenario_run *run, const struct moon_scenario_step *step,
                         struct moon_err *err)
{
    uint64_t now_ms = moon_loop_now(run->loop);
    uint64_t at_ms = step->has_at ? run->start_ms + step->at_ms : now_ms + step->after_ms;
    if (at_ms > now_ms) {
        return moon_scenario_pass(run, at_ms - now_ms, NULL, NULL, NULL, err);
    }
    return 0;
}

static int play_steps(struct moon_scenario_run *run, struct moon_err *err)
{
    for (size_t i = 0; i < run->s->step_count; i++) {
        const struct moon_scenario_step *step = &run->s->steps[i];
        if (run->skips_rest || run->has_fatal) {
            break;
        }
        if (wait_for_turn(run, step, err) != 0 || moon_scenario_play(run, step, err) != 0) {
            return step->line > 0
                       ? moon_err_wrap(err, "%s:%zu: %s", run->s->file, step->line, step->word)
                       : moon_err_wrap(err, "%s: %s", run->s->file, step->word);
        }
    }
    return 0;
}

static int play(struct moon_scenario_run *run, struct moon_err *err)
{
    if (start_cluster(run, err) != 0 || add_faults(run, err) != 0 || start_nodes(run, err) != 0 ||
        play_steps(run, err) != 0) {
        return -(int)err->code;
    }
    if (!run->skips_rest && !run->has_fatal && moon_scenario_check(run, &run->s->end, err) != 0) {
        return -(int)err->code;
    }
    if (run->timeline != NULL) {
        moon_timeline_flush(run->timeline);
    }
    return 0;
}

static void conclude(struct moon_scenario_run *run)
{
    struct moon_scenario_result *r = run->result;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf state = MOON_BUF_INIT(END_STATE_MAX);
    moon_judge_end_state(run->judge, &state);
    r->end_state = moon_strdup(moon_buf_cstr(&state));
    r->faults_struck = moon_sim_api_faults_struck(moon_cluster_api(run->cluster));
    r->virtual_ms = moon_loop_now(run->loop) - run->start_ms;
    r->passed = r->violations == 0 && r->failed_expectations == 0;
}

static void tear_down(struct moon_scenario_run *run)
{
    moon_scenario_drop_calls(run);
    if (run->cluster != NULL) {
        moon_sim_api_observe(moon_cluster_api(run->cluster), NULL);
    }
    moon_client_free(run->client);
    moon_cluster_free(run->cluster);
    moon_timeline_free(run->timeline);
    moon_judge_free(run->judge);
    moon_scenario_seen_free(run->seen);
    moon_map_free(run->broken_images);
    moon_loop_free(run->loop);
}

int moon_scenario_run(const struct moon_scenario *s, const struct moon_scenario_run_opts *opts,
                      struct moon_scenario_result *ret, struct moon_err *err)
{
    struct moon_scenario_result result = {0};
    struct moon_scenario_run run = {.magic = MOON_SCENARIO_RUN_MAGIC,
                                    .s = s,
                                    .opts = opts,
                                    .result = &result,
                                    .is_real_time = s->is_real_time || opts->real_time};
    moon_random_seed(opts->seed != 0 ? opts->seed : s->seed);
    run.loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = !run.is_real_time}, err);
    if (run.loop == NULL) {
        return -(int)err->code;
    }
    make_parts(&run);
    moon_log_capture(on_log, &run);
    int rc = play(&run, err);
    if (rc == 0) {
        conclude(&run);
    }
    tear_down(&run);
    moon_log_capture(NULL, NULL);
    if (rc == 0) {
        *ret = result;
    } else {
        moon_scenario_result_fini(&result);
    }
    return rc;
}

void moon_scenario_result_fini(struct moon_scenario_result *r)
{
    moon_free(r->first_failure);
    moon_free(r->end_state);
    *r = (struct moon_scenario_result){0};
}
