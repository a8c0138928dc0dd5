/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_calls.h - the calls of a replayed controller, answered by what was recorded.
 *
 * An answer goes to the oldest open call of its name. One that comes before its call was made (a
 * timer with some chance in it has yet to run) waits for it. Layer: host, for replay.c only.
 */
#ifndef MOON_HOST_REPLAY_CALLS_H
#define MOON_HOST_REPLAY_CALLS_H

#include "io/json.h"
#include "kube/client_stand_in.h"

struct moon_replay_calls;

struct moon_replay_calls *moon_replay_calls_new(struct moon_loop *loop);
void moon_replay_calls_free(struct moon_replay_calls *c); /* after the client; NULL is fine */
struct moon_client_stand_in moon_replay_calls_stand_in(struct moon_replay_calls *c);
/* Is there a call of this name? */
bool moon_replay_calls_has(const struct moon_replay_calls *c, const char *name);
/* A line of a recording about a call: "line", "item" or "end". */
void moon_replay_calls_give(struct moon_replay_calls *c, const char *name, struct moon_str line);

#endif
