/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/planning.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "host/plan_json.h"

enum {
    PASSES_MAX_MS = 60 * 1000 /* of a virtual clock, before it is told that something waits */
};

/* ---- what was planned ---- */

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void on_plan(const struct moon_plan *plan, void *ctx)
{
    struct moon_planning *p = ctx;
    MOON_AUTOFREE char *name = moon_str_dup(moon_plan_key(plan));
    cJSON *object = moon_plan_json(plan, false);

    (void)cJSON_AddStringToObject(object, "set", name);
    moon_map_set(p->plans, moon_str(name), object);
}

/* ---- running ---- */

static void look(void *ctx)
{
    const struct moon_planning *p = ctx;

    if (p->manager != NULL && moon_manager_is_settled(p->manager)) {
        moon_loop_stop(p->loop);
    }
}

static void on_timeout(void *ctx)
{
    struct moon_planning *p = ctx;

    p->timed_out = true;
    moon_loop_stop(p->loop);
}

/* Time passes only when nothing is left to do without. */
static int pass_time(struct moon_planning *p, struct moon_err *err)
{
    uint64_t end = moon_loop_now(p->loop) + PASSES_MAX_MS;

    while (!moon_manager_is_settled(p->manager)) {
        uint64_t callbacks = moon_loop_callbacks(p->loop);
        moon_loop_turn(p->loop, 0);
        if (moon_loop_callbacks(p->loop) != callbacks) {
            continue;
        }
        uint64_t next = moon_loop_next_timer(p->loop);
        if (next >= end) {
            return moon_err_set(err, MOON_E_TIMEOUT, "the controller does not come to rest");
        }
        uint64_t now = moon_loop_now(p->loop);
        moon_loop_advance(p->loop, next > now ? next - now : 0);
    }
    return 0;
}

static int wait_until_settled(struct moon_planning *p, uint64_t timeout_ms, struct moon_err *err)
{
    struct moon_prepare *prepare = moon_prepare_new(p->loop, look, p);
    struct moon_timer *timer = moon_timer_new(p->loop, on_timeout, p);

    moon_timer_start(timer, timeout_ms);
    moon_loop_run(p->loop);
    moon_timer_free(timer);
    moon_prepare_free(prepare);
    if (p->timed_out) {
        return moon_err_set(err, MOON_E_TIMEOUT,
                            "the API server has not answered all within %llu ms",
                            (unsigned long long)timeout_ms);
    }
    return 0;
}

static struct moon_loop *make_loop(const struct moon_snapshot *from, struct moon_err *err)
{
    return from == NULL ? moon_loop_new(NULL, err)
                        : moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true,
                                                                 .wall_ms = from->scene.wall_ms},
                                        err);
}

/* As if it had been started where the snapshot was taken. */
static struct moon_manager *
manager_from(struct moon_planning *p, const struct moon_planning_opts *opts, struct moon_err *err)
{
    p->picture = moon_picture_new(&(struct moon_picture_opts){.loop = p->loop}, opts->from);
    struct moon_client_stand_in stand_in = moon_picture_stand_in(p->picture);

    return moon_manager_new(
        &(struct moon_manager_opts){
            .loop = p->loop,
            .config = opts->config,
            .take_kubeconfig = moon_kubeconfig_for_server("snapshot"),
            .stand_in = &stand_in,
            .figures_from = opts->from->figures,
            .scene = &opts->from->scene,
            .on_plan = on_plan,
            .ctx = p,
        },
        err);
}

static struct moon_manager *
live_manager(struct moon_planning *p, const struct moon_planning_opts *opts, struct moon_err *err)
{
    struct moon_client_witness witness = {0};
    struct moon_figures *figures = opts->into != NULL ? opts->into->figures : NULL;

    if (opts->into != NULL) {
        p->tap = moon_snapshot_tap(opts->into);
        witness = moon_tap_witness(p->tap);
    }
    return moon_manager_new(&(struct moon_manager_opts){.loop = p->loop,
                                                        .config = opts->config,
                                                        .witness = p->tap != NULL ? &witness : NULL,
                                                        .figures_into = figures,
                                                        .on_plan = on_plan,
                                                        .ctx = p},
                            err);
}

static void take_scene(const struct moon_planning *p, const struct moon_planning_opts *opts)
{
    struct moon_scene *scene = &opts->into->scene;

    scene->wall_ms = moon_loop_wall_ms(p->loop);
    moon_scene_take_settings(scene, opts->config);
    moon_scene_take_policies(scene, moon_manager_policies(p->manager));
}

int moon_planning_run(struct moon_planning *p, const struct moon_planning_opts *opts,
                      struct moon_err *err)
{
    *p = (struct moon_planning){.plans = moon_map_new(free_json)};
    p->loop = make_loop(opts->from, err);
    if (p->loop == NULL) {
        return -(int)err->code;
    }
    p->manager = opts->from != NULL ? manager_from(p, opts, err) : live_manager(p, opts, err);
    if (p->manager == NULL) {
        return -(int)err->code;
    }
    int rc = opts->from != NULL ? pass_time(p, err) : wait_until_settled(p, opts->timeout_ms, err);
    if (rc == 0 && opts->into != NULL) {
        take_scene(p, opts);
    }
    return rc;
}

void moon_planning_fini(struct moon_planning *p)
{
    moon_manager_free(p->manager);
    moon_picture_free(p->picture);
    moon_tap_free(p->tap);
    moon_loop_free(p->loop);
    moon_map_free(p->plans);
}

int moon_planning_run_args(struct moon_planning *p, const struct moon_planning_args *a,
                           const struct moon_config *config, struct moon_err *err)
{
    return moon_planning_run(p,
                             &(struct moon_planning_opts){.config = config,
                                                          .timeout_ms = a->timeout_ms,
                                                          .from = a->snapshot},
                             err);
}

int moon_planning_read_live(const struct moon_planning_args *a, const struct moon_config *config,
                            struct moon_snapshot *into, struct moon_err *err)
{
    struct moon_planning planning;
    int rc = moon_planning_run(
        &planning,
        &(struct moon_planning_opts){.config = config, .timeout_ms = a->timeout_ms, .into = into},
        err);

    moon_planning_fini(&planning);
    return rc;
}

void moon_planning_print_json(const cJSON *json)
{
    char *text = cJSON_Print(json);

    (void)puts(text);
    cJSON_free(text);
}

/* ---- command line ---- */

static int take_timeout(struct moon_planning_args *a, const char *value, struct moon_err *err)
{
    if (value == NULL || !moon_parse_duration_ms(moon_str(value), &a->timeout_ms) ||
        a->timeout_ms == 0) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--timeout: a duration is wanted, such as 30s, not \"%s\"",
                            value != NULL ? value : "");
    }
    return 0;
}

static int take_output(struct moon_planning_args *a, const char *value, struct moon_err *err)
{
    a->as_json = moon_streq(value, "json");
    a->is_wide = a->takes_wide && moon_streq(value, "wide");
    if (!a->as_json && !a->is_wide && !moon_streq(value, a->plain)) {
        return moon_err_set(err, MOON_E_INVALID, "-o: %s%s or json is wanted, not \"%s\"", a->plain,
                            a->takes_wide ? ", wide" : "", value != NULL ? value : "");
    }
    return 0;
}

static int take_snapshot(struct moon_planning_args *a, const char *path, struct moon_err *err)
{
    if (path == NULL || a->snapshot != NULL) {
        return moon_err_set(err, MOON_E_INVALID, "--snapshot: one file is wanted");
    }
    a->snapshot = moon_snapshot_read(path, err);
    return a->snapshot != NULL ? 0 : -(int)err->code;
}

static int take_flag(struct moon_planning_args *a, int argc, char **argv, int *i,
                     struct moon_err *err)
{
    const char *flag = argv[*i];
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    int rc = a->take != NULL ? a->take(argc, argv, i, a->ctx, err) : 1;

    if (rc != 1) {
        return rc;
    }
    if (a->takes_exit_code && moon_streq(flag, "--exit-code")) {
        a->exit_code = true;
        return 0;
    }
    ++*i;
    if (a->plain != NULL && moon_streq(flag, "-o")) {
        return take_output(a, next, err);
    }
    if (moon_streq(flag, "--timeout")) {
        return take_timeout(a, next, err);
    }
    if (a->takes_snapshot && moon_streq(flag, "--snapshot")) {
        return take_snapshot(a, next, err);
    }
    if (a->takes_admin && moon_streq(flag, "--admin") && next != NULL) {
        a->admin = next;
        return 0;
    }
    return moon_err_set(err, MOON_E_INVALID, "unknown flag %s (see moonset %s --help)", flag,
                        a->command);
}

/* What `moonset run` does not know. The words go to the front of argv. */
static int take_own(struct moon_planning_args *a, int argc, char **argv, struct moon_err *err)
{
    int rc = 0;

    a->words = argv + 1;
    for (int i = 1; rc == 0 && i < argc; i++) {
        if (argv[i][0] == '-') {
            rc = take_flag(a, argc, argv, &i, err);
        } else {
            argv[1 + a->word_count++] = argv[i];
        }
    }
    return rc;
}

static int take_all(struct moon_planning_args *a, struct moon_config *config, int argc, char **argv,
                    struct moon_err *err)
{
    int rc = take_own(a, argc, argv, err);

    if (rc == 0 && a->snapshot != NULL) {
        rc = moon_scene_give_settings(&a->snapshot->scene, config, err);
    }
    return rc == 0 ? moon_config_check(config, err) : rc;
}

void moon_planning_args_fini(struct moon_planning_args *a)
{
    moon_snapshot_free(a->snapshot);
    a->snapshot = NULL;
}

bool moon_planning_read(struct moon_planning_args *a, struct moon_config *config, int argc,
                        char **argv, int *ret_status)
{
    struct moon_err err;
    bool help = false;

    (void)take_timeout(a, MOON_PLANNING_TIMEOUT, &err);
    /* Unless another is asked for. */
    config->log_level = a->is_quiet ? MOON_LOG_ERROR : MOON_LOG_WARN;
    if (moon_config_take_args(config, &argc, argv, &help, &err) != 0 ||
        (!help && take_all(a, config, argc, argv, &err) != 0)) {
        moon_cli_complain("%s: %s", a->command, err.text);
        moon_planning_args_fini(a);
        *ret_status = MOON_EXIT_USAGE;
        return false;
    }
    if (help) {
        a->print_help();
        *ret_status = MOON_EXIT_OK;
        return false;
    }
    moon_log_setup(config->log_level, config->log_format, STDERR_FILENO);
    return true;
}
