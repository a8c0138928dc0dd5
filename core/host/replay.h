/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.h - a recording played through the controller again, and its decisions compared.
 *
 * The controller is the whole one, on a virtual clock; what its client hears, and when it decides,
 * comes from the recording. So what it decides can only differ because its policies (or its code)
 * do. It is asked at the times at which the recorded one decided, and up to the first difference:
 * from there on the recording tells of another history. Statuses are not compared, they follow from
 * the rest. Layer: host.
 */
#ifndef MOON_HOST_REPLAY_H
#define MOON_HOST_REPLAY_H

#include "host/config.h"
#include "io/json.h"

struct moon_replay_opts {
    const char *path;
    /* Settings that the command line does not say are as they were; policies of its folders win
     * over the recorded ones. */
    struct moon_config *config;
};

struct moon_replay_result {
    size_t plans; /* compared */
    size_t actions;
    uint64_t lasted_ms;
    bool is_cut;  /* the recording ended at its limit */
    cJSON *first; /* the first difference, owned; NULL: none. { at, set, node, recorded: {actions,
                     notes}, replayed: {…}, policies: [{policy, recorded, replayed}] } */
};

/* Nonzero: the recording cannot be played; *ret is to be freed all the same. */
MOON_API int moon_replay_run(const struct moon_replay_opts *opts, struct moon_replay_result *ret,
                             struct moon_err *err);
MOON_API void moon_replay_result_fini(struct moon_replay_result *r);

#endif
