/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_play.h - a scenario while it is played: what scenario_run.c (life, time, verdict),
 * scenario_act.c (steps), scenario_orders.c (those about nodes) and scenario_calls.c (calls to the
 * API server) share.
 *
 * Steps are played one after the other, so this is straight code: a function returns when what it
 * does is done, and turns the loop meanwhile.
 */
#ifndef MOON_SIM_SCENARIO_PLAY_H
#define MOON_SIM_SCENARIO_PLAY_H

#include "kube/client.h"
#include "sim/cluster.h"
#include "sim/scenario_hold.h"
#include "sim/timeline.h"

struct moon_scenario_call;

struct moon_scenario_run {
    unsigned magic;
    const struct moon_scenario *s;
    const struct moon_scenario_run_opts *opts;
    struct moon_loop *loop;
    struct moon_cluster *cluster;
    struct moon_client *client; /* the scenario's own */
    struct moon_judge *judge;
    struct moon_scenario_seen *seen;
    struct moon_timeline *timeline; /* NULL: nobody looks */
    struct moon_scenario_result *result;
    bool is_real_time;
    uint64_t start_ms;
    bool is_resting; /* the controller should write nothing now */
    bool has_fatal;  /* the controller has given up */
    bool is_stopped; /* a stop of the controller has ended */
    bool skips_rest; /* a wait was in vain: further steps mean nothing */
    struct moon_map *broken_images;

    struct moon_scenario_call **calls; /* scenario_calls.c: not answered yet, or to be sent again */
    size_t call_count;
};

enum {
    MOON_SCENARIO_RUN_MAGIC = 0x7363726e
};

#define MOON_SCENARIO_AGENT "moonset-scenario/"
#define MOON_SCENARIO_CONTROLLER_AGENT "moonset/"

/* ---- scenario_run.c ---- */

/* Let time pass, on whichever clock, until `until` (NULL: never) says true. */
int moon_scenario_pass(struct moon_scenario_run *run, uint64_t ms, bool (*until)(void *ctx),
                       void *ctx, bool *ret_met, struct moon_err *err);
/* A line of the timeline by the scenario. */
void moon_scenario_say(struct moon_scenario_run *run, const char *fmt, ...) MOON_PRINTF(2, 3);
/* Something that should hold does not. */
void moon_scenario_fail(struct moon_scenario_run *run, size_t line, const char *fmt, ...)
    MOON_PRINTF(3, 4);
struct moon_scenario_sight moon_scenario_sight(const struct moon_scenario_run *run);
/* Check conditions now; those that ask for rest let time pass. */
int moon_scenario_check(struct moon_scenario_run *run, const struct moon_scenario_conditions *all,
                        struct moon_err *err);
/* Start the controller, quietly when nobody looks. */
int moon_scenario_start_controller(struct moon_scenario_run *run, struct moon_err *err);

/* ---- scenario_act.c ---- */

int moon_scenario_play(struct moon_scenario_run *run, const struct moon_scenario_step *step,
                       struct moon_err *err);
/* ---- scenario_calls.c ---- */

struct moon_scenario_request {
    enum moon_verb verb;
    const struct moon_resource *resource; /* must live until the answer */
    const char *ns;                       /* ignored for what has none; NULL: "default" */
    const char *name;
    const char *subresource;
    struct moon_str body;
};

/* Send; the answer is waited for by `finish`. Several may be under way. */
void moon_scenario_send(struct moon_scenario_run *run, const struct moon_scenario_request *request);
/* Wait until all are answered. What failed for a reason that passes is sent again, a while later.
 * The first other failure is returned; *ret_body (may be NULL) is the answer of the last one, for
 * the caller to free. */
int moon_scenario_finish(struct moon_scenario_run *run, cJSON **ret_body, struct moon_err *err);
/* One call, both. */
int moon_scenario_call(struct moon_scenario_run *run, const struct moon_scenario_request *request,
                       cJSON **ret_body, struct moon_err *err);
void moon_scenario_drop_calls(struct moon_scenario_run *run);

/* The same with a tree as the body; NULL: none. */
void moon_scenario_send_json(struct moon_scenario_run *run, struct moon_scenario_request request,
                             cJSON *take_body);
int moon_scenario_call_json(struct moon_scenario_run *run, struct moon_scenario_request request,
                            cJSON *take_body, cJSON **ret_body, struct moon_err *err);
/* Send a merge patch. */
void moon_scenario_patch(struct moon_scenario_run *run, const struct moon_resource *resource,
                         const char *ns, const char *name, cJSON *take_body);
/* {"metadata":{SECTION:{…}}} around `take_map`. */
cJSON *moon_scenario_in_metadata(const char *section, cJSON *take_map);

/* What a target means now: its name, or those that match. False: nothing does. */
typedef void moon_scenario_each_fn(struct moon_scenario_run *run, const char *ns, const char *name,
                                   const void *ctx);
bool moon_scenario_each_target(struct moon_scenario_run *run,
                               const struct moon_scenario_target *target, moon_scenario_each_fn *fn,
                               const void *ctx);
/* Said, but no failure: as kubectl's "No resources found". 0. */
int moon_scenario_no_match(struct moon_scenario_run *run, const char *what);

/* ---- scenario_orders.c ---- */

int moon_scenario_join_nodes(struct moon_scenario_run *run, const struct moon_scenario_join *join,
                             struct moon_err *err);
int moon_scenario_play_node(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                            struct moon_err *err);
int moon_scenario_play_cordon(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                              bool is_cordon, struct moon_err *err);
int moon_scenario_play_taint(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                             struct moon_err *err);
int moon_scenario_play_pods(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                            struct moon_err *err);
int moon_scenario_play_image(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                             struct moon_err *err);

#endif
