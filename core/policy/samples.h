/* SPDX-License-Identifier: Apache-2.0
 *
 * samples.h - what a query of `analyze` has found: figures with their labels.
 *
 * Filled result by result by whoever asked, then only read. How much there may be is bounded: a
 * script looks at it under its budget. Layer: policy.
 */
#ifndef MOON_POLICY_SAMPLES_H
#define MOON_POLICY_SAMPLES_H

#include "base/str.h"

struct moon_samples;

enum {
    MOON_SAMPLES_MAX_SERIES = 1000,
    MOON_SAMPLES_MAX_BYTES = 512 * 1024, /* of all labels, each text counted with 16 more */
};

struct moon_series_label {
    const char *name;
    const char *value;
};

struct moon_series {
    double value;  /* may be NaN or infinite */
    int64_t at_ms; /* since 1970 */
    const struct moon_series_label *labels;
    size_t label_count;
};

MOON_API struct moon_samples *moon_samples_new(void);
MOON_API void moon_samples_free(struct moon_samples *s); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_samples, moon_samples_free);

/* False: there are MOON_SAMPLES_MAX_SERIES of them; nothing was added. */
MOON_API bool moon_samples_add(struct moon_samples *s, double value, int64_t at_ms);
/* Of the one added last; copied. False: too many bytes; nothing was added. */
MOON_API bool moon_samples_label(struct moon_samples *s, struct moon_str name,
                                 struct moon_str value);

MOON_API size_t moon_samples_count(const struct moon_samples *s);
/* Valid until something is added. */
MOON_API const struct moon_series *moon_samples_get(const struct moon_samples *s, size_t i);

#endif
