/* SPDX-License-Identifier: Apache-2.0
 *
 * callback.c - how long plugins keep the loop waiting.
 */
#include <time.h>

#include "base/log.h"
#include "host/registry_priv.h"

enum {
    SLOW_MS = 50
};

/* The loop's own clock stands still during a turn. */
uint64_t moon_callback_begin(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void moon_callback_end(const struct moon_loaded *l, const char *what, uint64_t began_ms)
{
    uint64_t took_ms = moon_callback_begin() - began_ms;

    if (took_ms > SLOW_MS) {
        moon_warn("host", "a plugin kept the loop waiting", "plugin", l->plugin->name, "callback",
                  what, "ms", MOON_LOG_INT(took_ms));
    }
}
