/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_act.c - plays one step: what a user would do with kubectl, and what befalls the cluster.
 */
#include <stdio.h>

#include "base/map.h"
#include "sim/scenario_kinds.h"
#include "sim/scenario_play.h"

enum {
    TRIES_MAX = 20,
    STOP_WAIT_MS = 10 * 1000,
    TEXT_MAX = 1 << 20,
};

/* ---- apply ---- */

/* What the server keeps of its own; everything else is the user's. */
static bool is_servers(const char *member)
{
    return strcmp(member, "metadata") == 0 || strcmp(member, "status") == 0 ||
           strcmp(member, "apiVersion") == 0 || strcmp(member, "kind") == 0;
}

static void merge_map(cJSON *live, const cJSON *wanted, const char *section)
{
    const cJSON *from = moon_json_member(wanted, section);
    const cJSON *item;
    cJSON_ArrayForEach (item, from) {
        cJSON *to = cJSON_GetObjectItemCaseSensitive(live, section);
        if (to == NULL) {
            to = cJSON_AddObjectToObject(live, section);
        }
        cJSON_DeleteItemFromObjectCaseSensitive(to, item->string);
        cJSON_AddItemToObject(to, item->string, cJSON_Duplicate(item, true));
    }
}

/* The live object with the spec of `wanted`, its labels and annotations added. */
static void replace_spec(cJSON *live, const cJSON *wanted)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, wanted) {
        if (!is_servers(item->string)) {
            cJSON_DeleteItemFromObjectCaseSensitive(live, item->string);
            cJSON_AddItemToObject(live, item->string, cJSON_Duplicate(item, true));
        }
    }
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(live, "metadata");
    merge_map(metadata, moon_json_member(wanted, "metadata"), "labels");
    merge_map(metadata, moon_json_member(wanted, "metadata"), "annotations");
}

static int update_object(struct moon_scenario_run *run, struct moon_scenario_request request,
                         const cJSON *object, struct moon_err *err)
{
    int rc = 0;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        cJSON *live = NULL;
        request.verb = MOON_VERB_GET;
        rc = moon_scenario_call_json(run, request, NULL, &live, err);
        if (rc != 0) {
            return rc;
        }
        replace_spec(live, object);
        request.verb = MOON_VERB_UPDATE;
        rc = moon_scenario_call_json(run, request, live, NULL, err);
        if (rc == 0 || err->code != MOON_E_CONFLICT) {
            break;
        }
    }
    return rc;
}

static int apply_object(struct moon_scenario_run *run, const cJSON *object, struct moon_err *err)
{
    struct moon_arena *arena = moon_arena_new(64 * 1024);
    const char *name = moon_json_string(object, "metadata.name");
    const char *kind = moon_json_string(object, "kind");
    const struct moon_resource *resource =
        moon_scenario_find_object_kind(arena, moon_json_string(object, "apiVersion"), kind);
    moon_assert(resource != NULL);
    struct moon_scenario_request request = {.verb = MOON_VERB_CREATE,
                                            .resource = resource,
                                            .ns = moon_json_string(object, "metadata.namespace")};
    moon_scenario_say(run, "apply %s %s", kind, name);
    int rc = moon_scenario_call_json(run, request, cJSON_Duplicate(object, true), NULL, err);
    if (rc != 0 && err->code == MOON_E_EXISTS) {
        request.name = name;
        rc = update_object(run, request, object, err);
    }
    moon_arena_free(arena);
    return rc;
}

static int apply(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                 struct moon_err *err)
{
    for (size_t i = 0; i < args->object_count; i++) {
        if (apply_object(run, args->objects[i], err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- patch, set-image, label, annotate, delete ---- */

static int play_patch(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                      struct moon_err *err)
{
    const cJSON *body = args->merge != NULL       ? args->merge
                        : args->strategic != NULL ? args->strategic
                                                  : args->json;
    enum moon_verb verb = args->merge != NULL       ? MOON_VERB_PATCH_MERGE
                          : args->strategic != NULL ? MOON_VERB_PATCH_STRATEGIC
                                                    : MOON_VERB_PATCH_JSON;
    char *text = cJSON_PrintUnformatted(body);
    moon_scenario_say(run, "patch %s%s%s: %s", args->target.text,
                      args->subresource != NULL ? " " : "",
                      args->subresource != NULL ? args->subresource : "", text);
    cJSON_free(text);
    return moon_scenario_call_json(run,
                                   (struct moon_scenario_request){.verb = verb,
                                                                  .resource = args->target.resource,
                                                                  .ns = args->target.ns,
                                                                  .name = args->target.name,
                                                                  .subresource = args->subresource},
                                   cJSON_Duplicate(body, true), NULL, err);
}

/* A strategic merge patch: containers are told apart by their name. */
static int set_image(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                     struct moon_err *err)
{
    const char *ns = moon_scenario_ns(args->target.ns);
    const struct moon_scenario_thing *set =
        moon_scenario_seen_get(run->seen, "daemonsets", ns, args->target.name);
    if (set == NULL) {
        return moon_err_set(err, MOON_E_NOT_FOUND, "there is no daemonset %s/%s", ns,
                            args->target.name);
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(set->obj);
    cJSON *body = cJSON_CreateObject();
    cJSON *spec = cJSON_AddObjectToObject(
        cJSON_AddObjectToObject(cJSON_AddObjectToObject(body, "spec"), "template"), "spec");
    cJSON *containers = cJSON_AddArrayToObject(spec, "containers");
    const cJSON *item;
    cJSON_ArrayForEach (item, moon_json_get(tree, "spec.template.spec.containers")) {
        const char *name = moon_json_string(item, "name");
        if (args->container == NULL || moon_streq(args->container, name)) {
            cJSON *container = cJSON_CreateObject();
            cJSON_AddStringToObject(container, "name", name);
            cJSON_AddStringToObject(container, "image", args->image);
            cJSON_AddItemToArray(containers, container);
        }
    }
    if (cJSON_GetArraySize(containers) == 0) {
        cJSON_Delete(body);
        return moon_err_set(err, MOON_E_NOT_FOUND, "daemonset %s has no container %s",
                            args->target.name, args->container);
    }
    moon_scenario_say(run, "set the image of %s to %s", args->target.text, args->image);
    return moon_scenario_call_json(run,
                                   (struct moon_scenario_request){.verb = MOON_VERB_PATCH_STRATEGIC,
                                                                  .resource = args->target.resource,
                                                                  .ns = args->target.ns,
                                                                  .name = args->target.name},
                                   body, NULL, err);
}

struct mark {
    const struct moon_scenario_args *args;
    const char *section;
};

static void mark_one(struct moon_scenario_run *run, const char *ns, const char *name,
                     const void *ctx)
{
    const struct mark *mark = ctx;
    moon_scenario_patch(
        run, mark->args->target.resource, ns, name,
        moon_scenario_in_metadata(mark->section, cJSON_Duplicate(mark->args->set, true)));
}

static int play_mark(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                     const char *word, const char *section, struct moon_err *err)
{
    const struct mark mark = {args, section};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    const cJSON *item;
    cJSON_ArrayForEach (item, args->set) {
        moon_buf_printf(&text, " %s%s%s", item->string, cJSON_IsNull(item) ? "-" : "=",
                        cJSON_IsNull(item) ? "" : item->valuestring);
    }
    moon_scenario_say(run, "%s %s%s", word, args->target.text, moon_buf_cstr(&text));
    if (!moon_scenario_each_target(run, &args->target, mark_one, &mark)) {
        return moon_scenario_no_match(run, args->target.text);
    }
    return moon_scenario_finish(run, NULL, err);
}

static void delete_one(struct moon_scenario_run *run, const char *ns, const char *name,
                       const void *ctx)
{
    const struct moon_scenario_args *args = ctx;
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "kind", "DeleteOptions");
    cJSON_AddStringToObject(body, "apiVersion", "v1");
    if (args->propagation != NULL) {
        char policy[32];
        (void)snprintf(policy, sizeof(policy), "%s", args->propagation);
        policy[0] = (char)(policy[0] - 'a' + 'A');
        cJSON_AddStringToObject(body, "propagationPolicy", policy);
    }
    if (args->grace_s != UINT64_MAX) {
        cJSON_AddNumberToObject(body, "gracePeriodSeconds", (double)args->grace_s);
    }
    moon_scenario_send_json(
        run,
        (struct moon_scenario_request){
            .verb = MOON_VERB_DELETE, .resource = args->target.resource, .ns = ns, .name = name},
        body);
}

static int play_delete(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                       struct moon_err *err)
{
    moon_scenario_say(run, "delete %s%s%s", args->target.text,
                      args->propagation != NULL ? ", " : "",
                      args->propagation != NULL ? args->propagation : "");
    if (!moon_scenario_each_target(run, &args->target, delete_one, args)) {
        return moon_scenario_no_match(run, args->target.text);
    }
    return moon_scenario_finish(run, NULL, err);
}

/* ---- what befalls the cluster ---- */

static int play_fault(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                      struct moon_err *err)
{
    struct moon_sim_api *api = moon_cluster_api(run->cluster);
    const struct moon_sim_fault_rule *f = &args->fault;
    uint64_t number;
    if (args->clears_faults) {
        moon_sim_api_clear_faults(api);
        moon_scenario_say(run, "no more faults");
        return 0;
    }
    bool has_place = f->verb != NULL || f->resource != NULL;
    moon_scenario_say(run, "from now on: %s%s%s%s%s%s", moon_sim_fault_name(f->fault),
                      has_place ? " at" : "", f->verb != NULL ? " " : "",
                      f->verb != NULL ? f->verb : "", f->resource != NULL ? " " : "",
                      f->resource != NULL ? f->resource : "");
    return moon_sim_api_add_fault(api, f, &number, err);
}

static int play_server(struct moon_scenario_run *run, const struct moon_scenario_args *args)
{
    struct moon_sim_api *api = moon_cluster_api(run->cluster);
    if (strcmp(args->verb, "restart") == 0) {
        moon_scenario_say(run, "the API server restarts and has forgotten its history");
        moon_sim_api_restart(api);
        moon_judge_restart(run->judge);
    } else {
        moon_scenario_say(run, "the API server's history is compacted");
        moon_sim_api_compact(api);
    }
    return 0;
}

static void on_stopped(void *ctx)
{
    struct moon_scenario_run *run = ctx;
    run->is_stopped = true;
}

static bool is_stopped(void *ctx)
{
    const struct moon_scenario_run *run = ctx;
    return run->is_stopped;
}

static int stop_controller(struct moon_scenario_run *run, struct moon_err *err)
{
    bool met = false;
    run->is_stopped = false;
    moon_cluster_stop_controller(run->cluster, on_stopped, run);
    int rc = moon_scenario_pass(run, STOP_WAIT_MS, is_stopped, run, &met, err);
    if (rc == 0) {
        moon_cluster_kill_controller(run->cluster);
    }
    return rc;
}

static int play_controller(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                           struct moon_err *err)
{
    bool starts = strcmp(args->verb, "start") == 0;
    bool is_there = moon_cluster_has_controller(run->cluster);
    int rc = 0;
    if (starts == is_there) {
        return moon_err_set(err, MOON_E_INVALID, "the controller %s",
                            is_there ? "is running already" : "is not running");
    }
    moon_scenario_say(run, "controller: %s", args->verb);
    moon_judge_restart(run->judge);
    if (strcmp(args->verb, "kill") == 0) {
        moon_cluster_kill_controller(run->cluster);
    } else if (!starts) {
        rc = stop_controller(run, err);
    }
    if (rc == 0 && (starts || strcmp(args->verb, "restart") == 0)) {
        rc = moon_scenario_start_controller(run, err);
    }
    return rc;
}

static int play_clock(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                      struct moon_err *err)
{
    char text[MOON_TIMELINE_TIME];
    uint64_t ms = (uint64_t)(args->jump_ms < 0 ? -args->jump_ms : args->jump_ms);
    if (run->is_real_time) {
        return moon_err_set(err, MOON_E_INVALID, "only the virtual clock can be made to jump");
    }
    moon_scenario_say(run, "the wall clock jumps %s by %s", args->jump_ms < 0 ? "back" : "ahead",
                      moon_timeline_time(ms, text));
    moon_loop_jump_wall(run->loop, args->jump_ms);
    return 0;
}

/* What has been called is told, and counted from 0: budgets are for what comes next. */
static int play_tally(struct moon_scenario_run *run, const struct moon_scenario_args *args)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf calls = MOON_BUF_INIT(TEXT_MAX);
    moon_judge_tally(run->judge, &calls);
    moon_scenario_say(run, "calls for %s: %s", args->of,
                      calls.len > 0 ? moon_buf_cstr(&calls) : "none");
    return 0;
}

/* ---- waiting ---- */

struct wait {
    const struct moon_scenario_run *run;
    const struct moon_scenario_conditions *conditions;
    uint64_t changes; /* looked at last; nothing changes a condition but a change or a call */
    struct moon_buf why;
};

static bool has_come(void *ctx)
{
    struct wait *wait = ctx;
    const struct moon_scenario_sight sight = moon_scenario_sight(wait->run);
    uint64_t changes = moon_scenario_seen_changes(wait->run->seen) + wait->run->result->calls + 1;
    if (wait->changes == changes) {
        return false;
    }
    wait->changes = changes;
    moon_buf_clear(&wait->why);
    return moon_scenario_all_hold(wait->conditions, &sight, &wait->why);
}

static int play_wait(struct moon_scenario_run *run, const struct moon_scenario_step *step,
                     struct moon_err *err)
{
    struct wait wait = {
        .run = run, .conditions = &step->args.conditions, .why = MOON_BUF_INIT(TEXT_MAX)};
    char text[MOON_TIMELINE_TIME];
    bool met = false;
    uint64_t start_ms = moon_loop_now(run->loop);
    int rc = moon_scenario_pass(run, step->args.time_ms, has_come, &wait, &met, err);
    if (rc == 0 && met) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf what = MOON_BUF_INIT(TEXT_MAX);
        for (size_t i = 0; i < step->args.conditions.count; i++) {
            moon_buf_printf(&what, "%s%s", i > 0 ? ", " : "", step->args.conditions.items[i].text);
        }
        moon_scenario_say(run, "waited %s for: %s",
                          moon_timeline_time(moon_loop_now(run->loop) - start_ms, text),
                          moon_buf_cstr(&what));
    } else if (rc == 0) {
        moon_scenario_fail(run, step->line, "waited %s in vain: %s",
                           moon_timeline_time(step->args.time_ms, text), moon_buf_cstr(&wait.why));
        run->skips_rest = true;
    }
    moon_buf_fini(&wait.why);
    return rc;
}

/* ---- the step ---- */

int moon_scenario_play(struct moon_scenario_run *run, const struct moon_scenario_step *step,
                       struct moon_err *err)
{
    const struct moon_scenario_args *args = &step->args;
    switch (step->action) {
    case MOON_SCENARIO_APPLY:
        return apply(run, args, err);
    case MOON_SCENARIO_PATCH:
        return play_patch(run, args, err);
    case MOON_SCENARIO_SET_IMAGE:
        return set_image(run, args, err);
    case MOON_SCENARIO_LABEL:
        return play_mark(run, args, "label", "labels", err);
    case MOON_SCENARIO_ANNOTATE:
        return play_mark(run, args, "annotate", "annotations", err);
    case MOON_SCENARIO_TAINT:
        return moon_scenario_play_taint(run, args, err);
    case MOON_SCENARIO_CORDON:
        return moon_scenario_play_cordon(run, args, true, err);
    case MOON_SCENARIO_UNCORDON:
        return moon_scenario_play_cordon(run, args, false, err);
    case MOON_SCENARIO_DELETE:
        return play_delete(run, args, err);
    case MOON_SCENARIO_NODE:
        return moon_scenario_play_node(run, args, err);
    case MOON_SCENARIO_POD_FATE:
        return moon_scenario_play_pods(run, args, err);
    case MOON_SCENARIO_IMAGE:
        return moon_scenario_play_image(run, args, err);
    case MOON_SCENARIO_FAULT:
        return play_fault(run, args, err);
    case MOON_SCENARIO_SERVER:
        return play_server(run, args);
    case MOON_SCENARIO_CONTROLLER:
        return play_controller(run, args, err);
    case MOON_SCENARIO_CLOCK:
        return play_clock(run, args, err);
    case MOON_SCENARIO_PASS:
        return moon_scenario_pass(run, args->time_ms, NULL, NULL, NULL, err);
    case MOON_SCENARIO_TALLY:
        return play_tally(run, args);
    case MOON_SCENARIO_WAIT:
        return play_wait(run, step, err);
    case MOON_SCENARIO_EXPECT:
        return moon_scenario_check(run, &args->conditions, err);
    }
    return 0;
}
