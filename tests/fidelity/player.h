/* SPDX-License-Identifier: Apache-2.0
 *
 * player.h - makes the calls of a script, one after the other, and records what comes back.
 *
 * An answer is { call, status, type, warning, retryAfter, body }, normalised; a watch's body is the
 * array of its events. A call with a condition (controllers need their time) is made again until it
 * holds, and what is recorded is the last answer.
 */
#ifndef MOON_FIDELITY_PLAYER_H
#define MOON_FIDELITY_PLAYER_H

#include "script.h"

#include "io/http.h"

struct fidelity_player;

struct fidelity_player_opts {
    const char *server;  /* URL without a slash at the end */
    const char *ca_file; /* NULL: no TLS, or the system's trust */
    const char *token;   /* NULL: none */
};

struct fidelity_player *fidelity_player_new(struct moon_loop *loop,
                                            const struct fidelity_player_opts *opts,
                                            struct moon_err *err);
void fidelity_player_free(struct fidelity_player *p);
MOON_DEFINE_CLEANUP(struct fidelity_player, fidelity_player_free);

/* ${name} stands for this text from now on. */
void fidelity_player_set(struct fidelity_player *p, const char *name, const char *text);

/* Play a script; answers are appended to the array `ret_answers`. Stops at the first call that
 * cannot be made: no answer at all, a name that was not kept, a condition that does not come. */
int fidelity_player_play(struct fidelity_player *p, const struct fidelity_script *script,
                         cJSON *ret_answers, struct moon_err *err);

#endif
