/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/controlplane.h"

#include <unistd.h>

#include "host/manager.h"
#include "sim/cordon.h"
#include "sim/podgc.h"
#include "sim/scheduler.h"

enum {
    CONTROLPLANE_MAGIC = 0x6370706c,
    /* Short, compared with the stock 40 s: the watches are in one process. */
    QUARANTINE_MS = 2000,
    STOP_GRACE_MS = 5000
};

struct moon_controlplane {
    unsigned magic;
    struct moon_controlplane_opts opts;
    struct moon_scheduler *scheduler; /* NULL: left to another */
    struct moon_podgc *podgc;
    struct moon_cordon *cordon;
    struct moon_config *config;
    struct moon_manager *manager; /* NULL: no controller */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
    struct moon_defer *stopping;
};

/* ---- the DaemonSet controller ---- */

/* Other defaults than `moonset run`: it is alone here, and several simulations run side by side. */
static int read_flags(struct moon_config *config, const struct moon_sim_options *options,
                      struct moon_err *err)
{
    bool wants_help = false;
    if (moon_config_set(config, "leader-elect", "false", "--leader-elect", err) != 0 ||
        moon_config_set(config, "listen", "127.0.0.1:0", "--listen", err) != 0) {
        return -(int)err->code;
    }
    if (options->controller_argc > 0 &&
        moon_config_parse_args(config, options->controller_argc, options->controller_argv,
                               &wants_help, err) != 0) {
        return moon_err_wrap(err, "sim: after --");
    }
    if (wants_help) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: after --: see `moonset run --help` for the controller's flags");
    }
    if (config->kubeconfig != NULL || config->context != NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: after --: the controller works on the embedded API server, so "
                            "--kubeconfig and --context have no meaning");
    }
    return moon_config_check(config, err);
}

static void on_fatal(const char *why, void *ctx)
{
    struct moon_controlplane *c = MOON_CAST(moon_controlplane, ctx, CONTROLPLANE_MAGIC);
    c->opts.on_fatal(why, c->opts.ctx);
}

static int start_controller(struct moon_controlplane *c, struct moon_err *err)
{
    c->config = moon_config_new();
    if (read_flags(c->config, c->opts.options, err) != 0) {
        return -(int)err->code;
    }
    moon_log_setup(c->config->log_level, c->config->log_format, STDERR_FILENO);
    const char *server = moon_client_config(c->opts.client)->server;
    c->manager = moon_manager_new(
        &(struct moon_manager_opts){.loop = moon_client_loop(c->opts.client),
                                    .config = c->config,
                                    .take_kubeconfig = moon_kubeconfig_for_server(server),
                                    .on_fatal = on_fatal,
                                    .ctx = c},
        err);
    return c->manager != NULL ? 0 : -(int)err->code;
}

/* ---- life ---- */

struct moon_controlplane *moon_controlplane_new(const struct moon_controlplane_opts *opts,
                                                struct moon_err *err)
{
    struct moon_controlplane *c = moon_new(struct moon_controlplane);
    struct moon_store *nodes = moon_player_nodes(opts->player);
    struct moon_store *pods = moon_player_pods(opts->player);
    c->magic = CONTROLPLANE_MAGIC;
    c->opts = *opts;
    if (opts->options->scheduler) {
        c->scheduler =
            moon_scheduler_new(&(struct moon_scheduler_opts){.client = opts->client,
                                                             .nodes = nodes,
                                                             .pods = pods,
                                                             .by_node = MOON_PLAYER_PODS_BY_NODE});
    }
    c->podgc = moon_podgc_new(&(struct moon_podgc_opts){.client = opts->client,
                                                        .nodes = nodes,
                                                        .pods = pods,
                                                        .by_node = MOON_PLAYER_PODS_BY_NODE,
                                                        .quarantine_ms = QUARANTINE_MS});
    c->cordon = moon_cordon_new(opts->client, nodes);
    if (opts->options->with_controller && start_controller(c, err) != 0) {
        moon_controlplane_free(c);
        return NULL;
    }
    return c;
}

static void stopped(void *ctx)
{
    struct moon_controlplane *c = MOON_CAST(moon_controlplane, ctx, CONTROLPLANE_MAGIC);
    c->stopping = NULL;
    c->on_stopped(c->stopped_ctx);
}

void moon_controlplane_stop(struct moon_controlplane *c, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(c->on_stopped == NULL);
    c->on_stopped = fn;
    c->stopped_ctx = ctx;
    if (c->manager != NULL) {
        moon_manager_stop(c->manager, STOP_GRACE_MS, stopped, c);
    } else {
        c->stopping = moon_loop_defer(moon_client_loop(c->opts.client), stopped, c);
    }
}

void moon_controlplane_free(struct moon_controlplane *c)
{
    if (c == NULL) {
        return;
    }
    if (c->stopping != NULL) {
        moon_defer_cancel(c->stopping);
    }
    moon_manager_free(c->manager);
    moon_config_free(c->config);
    moon_cordon_free(c->cordon);
    moon_podgc_free(c->podgc);
    moon_scheduler_free(c->scheduler);
    c->magic = 0;
    moon_free(c);
}
