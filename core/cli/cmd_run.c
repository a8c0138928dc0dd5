/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c - `moonset run`: the controller against any API server, until a signal ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "host/manager.h"

enum {
    GRACE_MS = 5000
};

struct run {
    struct moon_loop *loop;
    struct moon_manager *manager;
    int stops;
    int status;
};

static void stopped(void *ctx)
{
    struct run *run = ctx;

    moon_loop_stop(run->loop);
}

/* The first signal ends in good order, the second at once. */
static void on_stop(int signum, void *ctx)
{
    struct run *run = ctx;

    (void)signum;
    if (run->stops++ == 0) {
        moon_manager_stop(run->manager, GRACE_MS, stopped, run);
    } else {
        run->status = MOON_EXIT_FAILED;
        moon_loop_stop(run->loop);
    }
}

static void on_reload(int signum, void *ctx)
{
    struct run *run = ctx;

    (void)signum;
    moon_manager_reload(run->manager);
}

static void on_fatal(const char *why, void *ctx)
{
    struct run *run = ctx;

    moon_error("run", "ending; start again to go on from the API server's state", "err", why);
    run->status = MOON_EXIT_FAILED;
    moon_loop_stop(run->loop);
}

/* The handlers are there before the manager: as process 1 of a container nothing else would end
 * it. No handler runs before the loop does. */
static int run_loop(struct run *run, const struct moon_config *config, struct moon_err *err)
{
    run->manager = moon_manager_new(
        &(struct moon_manager_opts){
            .loop = run->loop, .config = config, .on_fatal = on_fatal, .ctx = run},
        err);
    if (run->manager == NULL) {
        return -(int)err->code;
    }
    moon_loop_run(run->loop);
    moon_manager_free(run->manager);
    return 0;
}

static struct moon_metric *turns(void)
{
    static const double buckets[] = {.0001, .0005, .001, .002, .005, .01, .02, .05, .1, .25, 1};

    return moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_loop_turn_seconds",
        .help = "How long the one loop was busy before it saw to what came meanwhile.",
        .type = MOON_METRIC_HISTOGRAM,
        .buckets = buckets,
        .bucket_count = MOON_ARRAY_SIZE(buckets),
    });
}

static int run_config(const struct moon_config *config)
{
    const struct moon_loop_opts opts = {.batch_ms = config->batch_ms, .turns = turns()};
    struct run run = {.status = MOON_EXIT_OK};
    struct moon_err err;

    run.loop = moon_loop_new(&opts, &err);
    if (run.loop == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    struct moon_signal *term = moon_signal_new(run.loop, SIGTERM, on_stop, &run);
    struct moon_signal *intr = moon_signal_new(run.loop, SIGINT, on_stop, &run);
    struct moon_signal *hup = moon_signal_new(run.loop, SIGHUP, on_reload, &run);
    if (run_loop(&run, config, &err) != 0) {
        moon_cli_complain("%s", err.text);
        run.status = MOON_EXIT_FAILED;
    }
    moon_signal_free(term);
    moon_signal_free(intr);
    moon_signal_free(hup);
    moon_loop_free(run.loop);
    return run.status;
}

static void print_help(void)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);

    moon_config_help(&text);
    (void)printf("usage: moonset run [FLAG…]\n\n"
                 "Keeps the DaemonSets of a cluster. The stock DaemonSet controller must be off\n"
                 "(kube-controller-manager --controllers='*,-daemonset').\n\n"
                 "flags (--name VALUE or --name=VALUE; what is true or false may stand alone):\n"
                 "%s\n"
                 "The API server is that of --kubeconfig, else of $KUBECONFIG, else of the\n"
                 "in-cluster account, else of ~/.kube/config.\n\n"
                 "SIGTERM and SIGINT end it in good order, within %d s; a second one at once.\n"
                 "SIGHUP reads the policies again.\n"
                 "Exit status: 0 ended by a signal; 1 could not start, lost the lease, or was\n"
                 "ended by a second signal; 2 wrong usage.\n",
                 moon_buf_cstr(&text), GRACE_MS / 1000);
}

int moon_cmd_run(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_err err;
    bool help = false;

    if (moon_config_parse_args(cli->config, argc, argv, &help, &err) != 0 ||
        (!help && moon_config_check(cli->config, &err) != 0)) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_USAGE;
    }
    if (help) {
        print_help();
        return MOON_EXIT_OK;
    }
    moon_log_setup(cli->config->log_level, cli->config->log_format, STDERR_FILENO);
    return run_config(cli->config);
}
