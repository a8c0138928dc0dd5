/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_time.c - lets virtual time pass, but never while something is under way.
 */
#include <time.h>

#include "sim/cluster_priv.h"

enum {
    /* On loopback what one side sends is there for the other in the next turn; one more turn for
     * what libcurl and libmicrohttpd only notice then. */
    QUIET_TURNS = 3,
    SETTLE_DEADLINE_MS = 10 * 1000
};

static uint64_t real_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Calls that nobody holds back on purpose must come to an end. */
static bool is_under_way(const struct moon_cluster *c)
{
    size_t pending = moon_client_pending(c->client);
    if (c->manager != NULL) {
        pending += moon_manager_pending(c->manager);
    }
    return pending > moon_sim_api_held(c->api);
}

int moon_cluster_settle(struct moon_cluster *c, struct moon_err *err)
{
    uint64_t deadline_ms = real_ms() + SETTLE_DEADLINE_MS;
    unsigned quiet = 0;
    while (quiet < QUIET_TURNS) {
        uint64_t before = moon_loop_callbacks(c->opts.loop);
        moon_loop_turn(c->opts.loop, 0);
        quiet = moon_loop_callbacks(c->opts.loop) == before ? quiet + 1 : 0;
        if (quiet == QUIET_TURNS && is_under_way(c)) {
            moon_loop_turn(c->opts.loop, 1);
            quiet = 0;
        }
        if (quiet == 0 && real_ms() > deadline_ms) {
            return moon_err_set(
                err, MOON_E_TIMEOUT,
                "the simulated cluster is not at rest after %d s: %zu calls of its own "
                "under way, %zu held back by faults",
                SETTLE_DEADLINE_MS / 1000, moon_client_pending(c->client),
                moon_sim_api_held(c->api));
        }
    }
    return 0;
}

int moon_cluster_pass(struct moon_cluster *c, uint64_t ms, bool (*until)(void *ctx), void *ctx,
                      bool *ret_met, struct moon_err *err)
{
    struct moon_loop *loop = c->opts.loop;
    uint64_t end_ms = moon_loop_now(loop) + ms;
    bool met = false;
    int rc = moon_cluster_settle(c, err);
    while (rc == 0) {
        met = until != NULL && until(ctx);
        if (met || moon_loop_now(loop) >= end_ms) {
            break;
        }
        uint64_t next_ms = moon_loop_next_timer(loop);
        uint64_t now_ms = moon_loop_now(loop);
        next_ms = next_ms < end_ms ? next_ms : end_ms;
        moon_loop_advance(loop, next_ms > now_ms ? next_ms - now_ms : 0);
        rc = moon_cluster_settle(c, err);
    }
    if (rc == 0 && ret_met != NULL) {
        *ret_met = met;
    }
    return rc;
}
