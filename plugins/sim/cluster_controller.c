/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_controller.c - the DaemonSet controller beside the embedded API server.
 */
#include <unistd.h>

#include "base/log.h"
#include "sim/cluster_priv.h"

enum {
    STOP_GRACE_MS = 5000
};

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
    struct moon_cluster *c = MOON_CAST(moon_cluster, ctx, MOON_CLUSTER_MAGIC);
    c->opts.on_fatal(why, c->opts.ctx);
}

int moon_cluster_start_controller(struct moon_cluster *c, struct moon_err *err)
{
    moon_assert(c->manager == NULL);
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *config = moon_config_new();
    if (read_flags(config, c->opts.options, err) != 0) {
        return -(int)err->code;
    }
    moon_log_setup(config->log_level, config->log_format, STDERR_FILENO);
    c->manager = moon_manager_new(
        &(struct moon_manager_opts){.loop = c->opts.loop,
                                    .config = config,
                                    .take_kubeconfig = moon_kubeconfig_for_server(c->server),
                                    .on_fatal = on_fatal,
                                    .ctx = c},
        err);
    if (c->manager == NULL) {
        return -(int)err->code;
    }
    c->config = moon_steal(&config);
    return 0;
}

void moon_cluster_kill_controller(struct moon_cluster *c)
{
    moon_manager_free(moon_steal(&c->manager));
    moon_config_free(moon_steal(&c->config));
}

/* From inside the manager, which can be freed only when it has returned. */
static void stopped(void *ctx)
{
    struct moon_cluster *c = MOON_CAST(moon_cluster, ctx, MOON_CLUSTER_MAGIC);
    c->on_stopped(c->stopped_ctx);
}

void moon_cluster_stop_controller(struct moon_cluster *c, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(c->manager != NULL);
    c->on_stopped = fn;
    c->stopped_ctx = ctx;
    moon_manager_stop(c->manager, STOP_GRACE_MS, stopped, c);
}

bool moon_cluster_has_controller(const struct moon_cluster *c)
{
    return c->manager != NULL;
}
