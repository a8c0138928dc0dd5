/* SPDX-License-Identifier: Apache-2.0
 *
 * random.h - randomness for jitter and pod name suffixes; never for decisions.
 *
 * A small generator (xoshiro256**) seeded from the system, or from a number for replayable runs.
 * Not for secrets. Layer: base.
 */
#ifndef MOON_BASE_RANDOM_H
#define MOON_BASE_RANDOM_H

#include "base/mem.h"

/* Fix the sequence (tests, replay). Without it the first use seeds from getrandom(2). */
MOON_API void moon_random_seed(uint64_t seed);
MOON_API uint64_t moon_random_u64(void);
/* Uniform in [0, bound); bound > 0. */
MOON_API uint64_t moon_random_below(uint64_t bound);
/* value * [1 - fraction, 1 + fraction). */
MOON_API uint64_t moon_random_jitter(uint64_t value, double fraction);
/* The letters of names and hashes that Kubernetes makes up: no vowels, and nothing that looks like
 * another (k8s.io/apimachinery/pkg/util/rand). */
#define MOON_SAFE_ALPHABET "bcdfghjklmnpqrstvwxz2456789"
/* These letters are the next that moon_random_suffix gives, before any that are left to chance
 * (replay); borrowed until NULL is said. */
MOON_API void moon_random_expect(const char *letters);
/* `n` of these letters, terminated. */
MOON_API void moon_random_suffix(char *out, size_t n);

#endif
