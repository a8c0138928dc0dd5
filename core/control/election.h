/* SPDX-License-Identifier: Apache-2.0
 *
 * election.h - one of several replicas leads: a Lease, after client-go's leaderelection.
 *
 * Held for lease_ms, renewed every retry_ms; a leader that could not renew for renew_ms stops
 * leading *before* another may take the lease, since others wait for lease_ms from the moment they
 * saw the last renewal on their own clock (clocks of two machines are never compared). Releases the
 * lease on stop. Layer: control.
 */
#ifndef MOON_CONTROL_ELECTION_H
#define MOON_CONTROL_ELECTION_H

#include "kube/client.h"

struct moon_election;

struct moon_election_opts {
    const char *namespace;         /* "kube-system" */
    const char *name;              /* "moonset" */
    const char *identity;          /* unique per process; NULL: hostname_random */
    uint64_t lease_ms;             /* 0 = 15 s */
    uint64_t renew_ms;             /* 0 = 10 s */
    uint64_t retry_ms;             /* 0 = 2 s */
    void (*on_started)(void *ctx); /* we lead now */
    void (*on_stopped)(void *ctx); /* we led, and no longer do: stop writing at once */
    /* Somebody else leads, or the lease cannot be read or written: for the log. */
    void (*on_info)(const char *text, void *ctx);
    void *ctx;
};

MOON_API struct moon_election *moon_election_new(struct moon_client *client,
                                                 const struct moon_election_opts *opts);
MOON_API bool moon_election_is_leader(const struct moon_election *e);
/* Give the lease back, then call fn once (at most timeout_ms later). on_stopped runs before. */
MOON_API void moon_election_release(struct moon_election *e, uint64_t timeout_ms,
                                    void (*fn)(void *ctx), void *ctx);
MOON_API void moon_election_free(struct moon_election *e);

#endif
