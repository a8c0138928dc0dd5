/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.h - all that a controller was told, in order, and what it decided: to be replayed.
 *
 * Everything a controller hears goes through its client, or is an answer of a provider of figures,
 * and it decides nothing without: so a file of what was heard, of the time, and of the policies is
 * enough to decide all of it again. It has to begin where the controller began (what is in flight
 * is part of what decides), so there is no rotation: at its limit a recording ends, and says so;
 * the controller goes on.
 *
 * Text, one JSON object a line; after the scene (scene.h):
 *   {"at":MS,"lead":true}                                     it leads from now on
 *   {"at":MS,"line":CALL,"event":{"type":…,"object":{…}}}     of a watch
 *   {"at":MS,"item":CALL,"object":{…}}                        of a list
 *   {"at":MS,"end":CALL,"status":N,"body":…}                  an answer (of a list: its envelope)
 *   {"at":MS,"end":CALL,"status":N,"code":N,"error":"…"}      none
 *   {"at":MS,"asked":"prometheus …","found":[…]}               a provider (figures.h)
 *   {"at":MS,"policies":[{"policy":…,"text":…}]}              others came into force
 *   {"at":MS,"wall_ms":MS,"plan":"namespace/name","actions":[…],"notes":[…]}
 *   {"at":MS,"limit":N}                                       the end, too early
 * MS counts from the start. CALL says what was asked for: verb, path, and what of the query
 * matters. Objects are lean (lean.h). Layer: host.
 */
#ifndef MOON_HOST_RECORDING_H
#define MOON_HOST_RECORDING_H

#include "control/plan.h"
#include "host/config.h"
#include "host/figures.h"
#include "kube/client_stand_in.h"
#include "policy/policies.h"

enum {
    MOON_RECORDING_FORMAT = 1
};

struct moon_recording;

struct moon_recording_opts {
    struct moon_loop *loop;
    const struct moon_config *config;
    const char *path; /* written anew, readable by its owner only */
    uint64_t limit_bytes;
};

/* NULL: the file cannot be written. */
MOON_API struct moon_recording *moon_recording_new(const struct moon_recording_opts *opts,
                                                   struct moon_err *err);
/* After the client. NULL is fine. */
MOON_API void moon_recording_free(struct moon_recording *r);
MOON_API struct moon_client_witness moon_recording_witness(struct moon_recording *r);

/* In force now: at the beginning, and whenever they change. */
MOON_API void moon_recording_policies(struct moon_recording *r, const struct moon_policies *p);
MOON_API void moon_recording_lead(struct moon_recording *r);
MOON_API void moon_recording_figures(struct moon_recording *r,
                                     const struct moon_provider_answer *answer);
MOON_API void moon_recording_plan(struct moon_recording *r, const struct moon_plan *plan);

/* What a call is known by in a recording. */
MOON_API void moon_recording_call(const struct moon_client_question *q, struct moon_buf *out);

#endif
