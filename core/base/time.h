/* SPDX-License-Identifier: Apache-2.0
 *
 * time.h - wall-clock times as the API server writes them (RFC 3339, UTC).
 *
 * Wall clock appears only at the edges (object timestamps); everything that waits uses the loop's
 * monotonic milliseconds. Layer: base.
 */
#ifndef MOON_BASE_TIME_H
#define MOON_BASE_TIME_H

#include "base/str.h"

/* "2026-01-02T03:04:05Z", with optional fraction and numeric offset, to seconds since 1970. */
MOON_API bool moon_time_parse(struct moon_str text, int64_t *ret_seconds);
/* "2026-01-02T03:04:05Z". */
enum {
    MOON_TIME_TEXT = 32
};
MOON_API const char *moon_time_format(int64_t seconds, char out[MOON_TIME_TEXT]);
/* "2026-01-02T03:04:05.123456Z" (Kubernetes' MicroTime). */
MOON_API const char *moon_time_format_micro(int64_t microseconds, char out[MOON_TIME_TEXT]);

/* Age as kubectl prints it: "5s", "3m12s", "4h", "12d". */
MOON_API const char *moon_time_age(int64_t seconds, char out[MOON_TIME_TEXT]);

#endif
