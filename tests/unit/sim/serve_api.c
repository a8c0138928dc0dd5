/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_api.c - the simulated API server by itself, to try clients on: serve_api [ADDR:PORT].
 * Ends on SIGINT or SIGTERM and prints what it has counted.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "sim/apiserver.h"

static void on_signal(int signum, void *ctx)
{
    (void)signum;
    moon_loop_stop(ctx);
}

int main(int argc, char **argv)
{
    struct moon_err err;
    MOON_CLEANUP(moon_loop_free_ptr) struct moon_loop *loop = moon_loop_new(NULL, &err);
    if (loop == NULL) {
        fprintf(stderr, "serve_api: %s\n", err.text);
        return 1;
    }
    struct moon_sim_api *api = moon_sim_api_new(
        loop, &(struct moon_sim_api_opts){.listen = argc > 1 ? argv[1] : NULL}, &err);
    if (api == NULL) {
        fprintf(stderr, "serve_api: %s\n", err.text);
        return 1;
    }
    struct moon_signal *interrupt = moon_signal_new(loop, SIGINT, on_signal, loop);
    struct moon_signal *terminate = moon_signal_new(loop, SIGTERM, on_signal, loop);
    printf("http://127.0.0.1:%u\n", moon_sim_api_port(api));
    fflush(stdout);
    moon_loop_run(loop);
    struct moon_sim_api_stats stats = moon_sim_api_stats(api);
    printf("requests=%" PRIu64 " reads=%" PRIu64 " watches=%" PRIu64 " creates=%" PRIu64
           " updates=%" PRIu64 " deletes=%" PRIu64 " refused=%" PRIu64 " objects=%zu\n",
           stats.requests, stats.reads, stats.watches, stats.creates, stats.updates, stats.deletes,
           stats.refused, stats.objects);
    moon_signal_free(interrupt);
    moon_signal_free(terminate);
    moon_sim_api_free(api);
    return 0;
}
