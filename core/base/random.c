/* SPDX-License-Identifier: Apache-2.0
 *
 * random.c - xoshiro256** by Blackman and Vigna (https://prng.di.unimi.it), public domain.
 */
#include "base/random.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t state[4];
static bool seeded;
static const char *expected; /* letters; NULL: none */

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* splitmix64: spreads one number over the state, which must not be all zero. */
static uint64_t split_mix(uint64_t *x)
{
    *x += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void moon_random_seed(uint64_t seed)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(state); i++) {
        state[i] = split_mix(&seed);
    }
    seeded = true;
}

/* Early in the boot of a small machine the kernel may have nothing yet; jitter need not wait. */
static void seed_from_system(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid();
    }
    moon_random_seed(seed);
}

uint64_t moon_random_u64(void)
{
    if (!seeded) {
        seed_from_system();
    }
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t moon_random_below(uint64_t bound)
{
    moon_assert(bound > 0);
    /* 2^64 mod bound numbers at the low end are thrown away, else small results were likelier. */
    uint64_t unfair = (UINT64_MAX - bound + 1) % bound;
    uint64_t n = moon_random_u64();
    while (n < unfair) {
        n = moon_random_u64();
    }
    return n % bound;
}

uint64_t moon_random_jitter(uint64_t value, double fraction)
{
    moon_assert(fraction >= 0 && fraction <= 1);
    if (fraction <= 0) {
        return value;
    }
    double unit = (double)(moon_random_u64() >> 11) * 0x1p-53; /* [0, 1) */
    double result = (double)value * (1 - fraction + 2 * fraction * unit);
    return result < 0x1p64 ? (uint64_t)result : UINT64_MAX;
}

void moon_random_expect(const char *letters)
{
    expected = letters;
}

static char random_letter(void)
{
    static const char alphabet[] = MOON_SAFE_ALPHABET;
    return alphabet[moon_random_below(sizeof(alphabet) - 1)];
}

void moon_random_suffix(char *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_expected = expected != NULL && *expected != '\0';
        out[i] = is_expected ? *expected++ : random_letter();
    }
    out[n] = '\0';
}
