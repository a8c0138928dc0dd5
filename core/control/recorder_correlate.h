/* SPDX-License-Identifier: Apache-2.0
 *
 * recorder_correlate.h - which Events are worth a request (after client-go's EventCorrelator).
 *
 * Three questions in this order, each with a memory of at most 4096 entries, the least recently
 * used going first: have there been ten different messages for the same reason lately (then they
 * become one), has the very same Event been seen before (then it is counted up), and has this
 * object had its share (then it is dropped, though it counts)? Layer: control.
 */
#ifndef MOON_CONTROL_RECORDER_CORRELATE_H
#define MOON_CONTROL_RECORDER_CORRELATE_H

#include "base/str.h"

struct moon_correlator;

/* What has happened. Texts are borrowed for the call. */
struct moon_sighting {
    const char *object; /* names the object, kind and uid included */
    const char *type;
    const char *reason;
    const char *message;
    const char *name; /* what a new Event would be called */
    int64_t now_ms;   /* wall clock: it ends up in the Event */
};

/* What to send. The name is valid until the next sighting. */
struct moon_correlated {
    const char *name;
    int64_t first_ms;
    unsigned count; /* 1: create it; more: it exists, as far as we know */
    bool combined;  /* the message needs MOON_COMBINED_PREFIX */
};

#define MOON_COMBINED_PREFIX "(combined from similar events): "

MOON_API struct moon_correlator *moon_correlator_new(void);
MOON_API void moon_correlator_free(struct moon_correlator *c);
/* False: say nothing, the object has had its share. */
MOON_API bool moon_correlator_see(struct moon_correlator *c, const struct moon_sighting *sighting,
                                  struct moon_correlated *ret);

#endif
