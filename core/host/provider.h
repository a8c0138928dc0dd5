/* SPDX-License-Identifier: Apache-2.0
 *
 * provider.h - asking the providers of figures that plugins have registered (table "provider").
 *
 * A question ends exactly once: with samples, or with why there are none; a plugin that forgets it
 * is told to cancel when its time is up. Layer: host.
 */
#ifndef MOON_HOST_PROVIDER_H
#define MOON_HOST_PROVIDER_H

#include "host/plugin.h"
#include "policy/samples.h"

struct moon_registry;

struct moon_question {
    const char *provider; /* its name; one that does not exist is an ordinary failure */
    struct moon_str text; /* what to ask; handed on, not kept */
    uint64_t timeout_ms;
    /* Once, never from inside moon_provider_ask, never after a cancel. `take_samples` is the
     * receiver's; NULL: `error` says why. */
    void (*on_done)(struct moon_samples *take_samples, const char *error, void *ctx);
    void *ctx;
};

/* The handle is valid until on_done runs. Only between start and end of the registry. */
MOON_API struct moon_plugin_query *moon_provider_ask(struct moon_registry *r,
                                                     const struct moon_question *question);
MOON_API void moon_provider_cancel(struct moon_plugin_query *query);

/* Instead of all providers: it is asked "NAME TEXT". The struct is copied; NULL: none. */
MOON_API void moon_provider_stand_in(struct moon_registry *r,
                                     const struct moon_plugin_provider *stand_in);

/* How a question has ended. Borrowed for the call. */
struct moon_provider_answer {
    const char *asked;                /* "NAME TEXT" */
    const struct moon_samples *found; /* NULL: `error` says why */
    const char *error;
};
/* Sees each answer before its asker does. NULL: nobody. */
struct moon_provider_witness {
    void (*fn)(const struct moon_provider_answer *answer, void *ctx);
    void *ctx;
};
MOON_API void moon_provider_watch(struct moon_registry *r, struct moon_provider_witness witness);

#endif
