/* SPDX-License-Identifier: Apache-2.0
 *
 * recorder.h - Events about objects, correlated and limited as client-go's recorder does.
 *
 * Identical events are counted up by a PATCH; from the 10th different message with the same source,
 * object, type and reason within 600 s on, they are merged into one whose message begins with
 * "(combined from similar events): "; a token bucket per (source, object, type) lets 25 through at
 * once and one per 300 s after that. At most 1000 wait; then they are dropped and counted. Best
 * effort: failures are retried a few times and never disturb anybody. Layer: control.
 */
#ifndef MOON_CONTROL_RECORDER_H
#define MOON_CONTROL_RECORDER_H

#include "kube/client.h"
#include "kube/object.h"

struct moon_recorder;

MOON_API struct moon_recorder *moon_recorder_new(struct moon_client *client, const char *component);
MOON_API void moon_recorder_free(struct moon_recorder *r); /* what waits is dropped */

enum moon_event_type {
    MOON_EVENT_NORMAL,
    MOON_EVENT_WARNING
};

/* Record an Event about `object` (its kind's resource gives apiVersion and kind). Returns at once.
 */
MOON_API void moon_recorder_event(struct moon_recorder *r, const struct moon_object *object,
                                  enum moon_event_type type, const char *reason, const char *fmt,
                                  ...) MOON_PRINTF(5, 6);
/* Record nothing from now on: what is only planned has not happened. */
MOON_API void moon_recorder_mute(struct moon_recorder *r);
/* Send what waits, then call fn (graceful stop); at most `timeout_ms`. */
MOON_API void moon_recorder_flush(struct moon_recorder *r, uint64_t timeout_ms,
                                  void (*fn)(void *ctx), void *ctx);

#endif
