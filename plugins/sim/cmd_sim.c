/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim.c - `moonset sim`: put the parts together, run until a signal.
 */
#include "sim/cmd_sim.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/cluster.h"
#include "sim/cmd_sim_play.h"
#include "sim/cmd_sim_torture.h"
#include "sim/manifest.h"
#include "sim/node_seed.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    PROGRESS_INTERVAL_MS = 2000,
    /* Fewer nodes need no progress lines. */
    PROGRESS_NODES = 200,
};

struct sim {
    struct moon_loop *loop;
    const struct moon_sim_options *options;
    struct moon_cluster *cluster; /* NULL: attached to somebody else's */
    struct moon_client *client;   /* the cluster's, or… */
    struct moon_client *attached; /* …ours */
    const struct moon_player *player;
    struct moon_player *attached_player;
    struct moon_node_seed *node_seed;
    struct moon_manifest *manifest;
    struct moon_timer *progress;
    struct moon_player_counts told; /* what the last progress line said */
    int stops;
    int status;
};

static void complain(const char *text)
{
    (void)fprintf(stderr, "moonset: %s\n", text);
}

static void fail(struct sim *sim, const struct moon_err *err)
{
    complain(err->text);
    sim->status = EXIT_FAILED;
    moon_loop_stop(sim->loop);
}

static void say(const struct sim *sim, const char *fmt, ...) MOON_PRINTF(2, 3);

static void say(const struct sim *sim, const char *fmt, ...)
{
    if (!sim->options->quiet) {
        va_list args;
        va_start(args, fmt);
        (void)vprintf(fmt, args);
        va_end(args);
        (void)fflush(stdout);
    }
}

/* ---- progress ---- */

static void on_progress(void *ctx)
{
    struct sim *sim = ctx;
    struct moon_player_counts now;
    moon_player_count(sim->player, &now);
    if (now.nodes >= PROGRESS_NODES &&
        (now.nodes != sim->told.nodes || now.nodes_ready != sim->told.nodes_ready ||
         now.pods != sim->told.pods || now.pods_ready != sim->told.pods_ready)) {
        say(sim, "nodes %zu ready of %zu, pods %zu ready of %zu, %zu writes waiting\n",
            now.nodes_ready, now.nodes, now.pods_ready, now.pods, now.writes_waiting);
        sim->told = now;
    }
    moon_timer_start(sim->progress, PROGRESS_INTERVAL_MS);
}

/* ---- what is there at the start ---- */

static void on_manifests_done(const struct moon_err *err, void *ctx)
{
    struct sim *sim = ctx;
    if (err != NULL) {
        fail(sim, err);
    }
}

static void on_manifest_object(const char *what, void *ctx)
{
    say(ctx, "%s\n", what);
}

static void on_nodes_done(const struct moon_err *err, void *ctx)
{
    struct sim *sim = ctx;
    size_t count = sim->options->node_names.count + sim->options->nodes;
    if (err != NULL) {
        fail(sim, err);
        return;
    }
    if (count > 0) {
        say(sim, "%zu node%s created\n", count, count == 1 ? "" : "s");
    }
    moon_manifest_start(sim->manifest);
}

static void on_nodes_progress(size_t done, size_t total, void *ctx)
{
    if (done < total) {
        say(ctx, "%zu of %zu nodes created\n", done, total);
    }
}

/* ---- the API server ---- */

static void on_call(const struct moon_sim_api_call *call, void *ctx)
{
    if (call->fault != NULL) {
        say(ctx, "fault %s: %s %s%s%s%s%s for %s\n", call->fault, call->verb, call->resource,
            call->ns[0] != '\0' ? " in " : "", call->ns, call->name[0] != '\0' ? ": " : "",
            call->name, call->client);
    }
}

static int add_faults(struct sim *sim, struct moon_err *err)
{
    const struct moon_sim_texts *faults = &sim->options->faults;
    struct moon_sim_api *api = moon_cluster_api(sim->cluster);
    for (size_t i = 0; i < faults->count; i++) {
        MOON_CLEANUP(moon_sim_fault_line_fini) struct moon_sim_fault_line line = {.text = NULL};
        if (moon_sim_fault_line_parse(faults->items[i], &line, err) != 0 ||
            moon_sim_api_add_fault(api, &line.rule, NULL, err) != 0) {
            return moon_err_wrap(err, "--fault '%s'", faults->items[i]);
        }
    }
    if (faults->count > 0) {
        moon_sim_api_observe(api, &(struct moon_sim_api_observer){.on_begin = on_call, .ctx = sim});
    }
    return 0;
}

static int connect_to_real(struct sim *sim, struct moon_err *err)
{
    const struct moon_sim_options *o = sim->options;
    struct moon_kubeconfig *config = moon_kubeconfig_load(
        &(struct moon_kubeconfig_opts){.path = o->kubeconfig, .context = o->context}, err);
    if (config == NULL) {
        return -(int)err->code;
    }
    say(sim, "playing the nodes of %s\n", config->server);
    sim->attached = moon_client_new(sim->loop, config, NULL, err);
    if (sim->attached == NULL) {
        return -(int)err->code;
    }
    sim->attached_player =
        moon_player_new(&(struct moon_player_opts){.client = sim->attached,
                                                   .kubelet = o->kubelet,
                                                   .heartbeat_ms = o->heartbeat_ms,
                                                   .event_nodes = o->event_nodes});
    sim->client = sim->attached;
    sim->player = sim->attached_player;
    return 0;
}

static void on_fatal(const char *why, void *ctx)
{
    struct sim *sim = ctx;
    complain(why);
    sim->status = EXIT_FAILED;
    moon_loop_stop(sim->loop);
}

static int start_embedded(struct sim *sim, struct moon_err *err)
{
    const struct moon_sim_options *o = sim->options;
    sim->cluster = moon_cluster_new(
        &(struct moon_cluster_opts){
            .loop = sim->loop, .options = o, .on_fatal = on_fatal, .ctx = sim},
        err);
    if (sim->cluster == NULL) {
        return -(int)err->code;
    }
    sim->client = moon_cluster_client(sim->cluster);
    sim->player = moon_cluster_player(sim->cluster);
    if (add_faults(sim, err) != 0 ||
        (o->write_kubeconfig != NULL &&
         moon_cluster_write_kubeconfig(sim->cluster, o->write_kubeconfig, err) != 0)) {
        return -(int)err->code;
    }
    const char *server = moon_cluster_server(sim->cluster);
    say(sim, "API server on %s\n", server);
    if (o->write_kubeconfig != NULL) {
        say(sim, "try: kubectl --kubeconfig %s get nodes\n", o->write_kubeconfig);
    } else {
        say(sim, "try: kubectl --server %s get nodes\n", server);
    }
    return 0;
}

/* ---- parts ---- */

static int read_manifests(struct sim *sim, struct moon_err *err)
{
    sim->manifest = moon_manifest_new(
        &(struct moon_manifest_opts){.client = sim->client,
                                     .files = (const char *const *)sim->options->manifests.items,
                                     .file_count = sim->options->manifests.count,
                                     .on_object = on_manifest_object,
                                     .on_done = on_manifests_done,
                                     .ctx = sim},
        err);
    return sim->manifest != NULL ? 0 : -(int)err->code;
}

static int set_up(struct sim *sim, struct moon_err *err)
{
    const struct moon_sim_options *o = sim->options;
    int rc = o->attach ? connect_to_real(sim, err) : start_embedded(sim, err);
    if (rc != 0 || read_manifests(sim, err) != 0) {
        return -(int)err->code;
    }
    sim->node_seed =
        moon_node_seed_new(&(struct moon_node_seed_opts){.client = sim->client,
                                                         .options = o,
                                                         .on_progress = on_nodes_progress,
                                                         .on_done = on_nodes_done,
                                                         .ctx = sim});
    sim->progress = moon_timer_new(sim->loop, on_progress, sim);
    moon_timer_start(sim->progress, PROGRESS_INTERVAL_MS);
    return 0;
}

static void tear_down(struct sim *sim)
{
    moon_timer_free(sim->progress);
    moon_node_seed_free(sim->node_seed);
    moon_manifest_free(sim->manifest);
    moon_player_free(sim->attached_player);
    moon_client_free(sim->attached);
    moon_cluster_free(sim->cluster);
}

/* ---- the command ---- */

static void on_stopped(void *ctx)
{
    struct sim *sim = ctx;
    moon_loop_stop(sim->loop);
}

/* The first signal ends in good order, the second at once. */
static void on_signal(int signum, void *ctx)
{
    struct sim *sim = ctx;
    (void)signum;
    if (sim->stops++ == 0 && sim->cluster != NULL && moon_cluster_has_controller(sim->cluster)) {
        moon_cluster_stop_controller(sim->cluster, on_stopped, sim);
    } else {
        moon_loop_stop(sim->loop);
    }
}

static int run(const struct moon_sim_options *options, struct moon_err *err)
{
    struct sim sim = {.options = options, .status = EXIT_OK};
    sim.loop = moon_loop_new(NULL, err);
    if (sim.loop == NULL) {
        return -(int)err->code;
    }
    struct moon_signal *term = moon_signal_new(sim.loop, SIGTERM, on_signal, &sim);
    struct moon_signal *intr = moon_signal_new(sim.loop, SIGINT, on_signal, &sim);
    int rc = set_up(&sim, err);
    if (rc == 0) {
        moon_loop_run(sim.loop);
    }
    tear_down(&sim);
    moon_signal_free(term);
    moon_signal_free(intr);
    moon_loop_free(sim.loop);
    return rc != 0 ? rc : sim.status;
}

static int print_help(void)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    moon_sim_options_help(&text);
    (void)fputs(moon_buf_cstr(&text), stdout);
    return EXIT_OK;
}

int moon_cmd_sim(int argc, char **argv, void *state)
{
    struct moon_err err;
    (void)state;
    if (argc > 1 && strcmp(argv[1], "torture") == 0) {
        return moon_cmd_sim_torture(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "schedules") == 0) {
        return moon_cmd_sim_schedules(argc - 1, argv + 1);
    }
    MOON_CLEANUP(moon_sim_options_free_ptr)
    struct moon_sim_options *options = moon_sim_options_parse(argc, argv, &err);
    if (options == NULL) {
        complain(err.text);
        return EXIT_USAGE;
    }
    if (options->help) {
        return print_help();
    }
    if (options->scenarios.count > 0) {
        return moon_scenario_command(options);
    }
    moon_log_setup(options->quiet ? MOON_LOG_WARN : MOON_LOG_INFO, MOON_LOG_LOGFMT, STDERR_FILENO);
    int rc = run(options, &err);
    if (rc < 0) {
        complain(err.text);
        return EXIT_FAILED;
    }
    return rc;
}
