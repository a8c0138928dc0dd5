/* SPDX-License-Identifier: Apache-2.0
 *
 * closest.h - "did you mean": which known name is nearest to what somebody wrote. Layer: policy.
 */
#ifndef MOON_POLICY_CLOSEST_H
#define MOON_POLICY_CLOSEST_H

#include "base/mem.h"

/* Offer every candidate, then look at `best`: NULL when none is near enough. All borrowed. */
struct moon_closest {
    const char *word;
    const char *best;
    size_t distance;
};

MOON_API void moon_closest_init(struct moon_closest *c, const char *word);
MOON_API void moon_closest_offer(struct moon_closest *c, const char *candidate);

/* Offer all of them; is the word one of them? */
MOON_API bool moon_closest_is_one_of(struct moon_closest *c, const char *const *names,
                                     size_t count);

enum {
    MOON_CLOSEST_TEXT = 96
};
/* " (did you mean 'x'?)", or "" without a best. */
MOON_API const char *moon_closest_text(const struct moon_closest *c, char out[MOON_CLOSEST_TEXT]);

#endif
