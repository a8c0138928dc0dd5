/* SPDX-License-Identifier: Apache-2.0
 *
 * effects.h - what a hook does beside answering: it remembers (moonset.kv), tells (moonset.event)
 * and counts (moonset.metric). All of it stands when the hook has succeeded, else it has not been.
 *
 * Hooks whose answers are kept until something they read has changed may do nothing of the kind.
 * Private to policy.
 */
#ifndef MOON_POLICY_EFFECTS_H
#define MOON_POLICY_EFFECTS_H

#include <lua.h>

#include "policy/kv.h"

struct moon_hook_call;
struct moon_set_view;

struct moon_effect_event {
    char *reason;
    char *message;
    bool is_warning;
};

enum moon_effect_measure {
    MOON_MEASURE_INC,
    MOON_MEASURE_SET,
    MOON_MEASURE_OBSERVE,
};

struct moon_effect_metric {
    enum moon_effect_measure measure;
    char *name;
    double value;
};

struct moon_effects {
    const char *pure; /* the name of the hook when it may have none; NULL: it may */
    struct moon_kv *kv;
    struct moon_effect_event *events;
    size_t event_count;
    struct moon_effect_metric *metrics;
    size_t metric_count;
};

/* Of a hook that is about to be called. */
void moon_effects_begin(struct moon_effects *e, const char *pure);
/* It has succeeded: all of it stands. */
void moon_effects_commit(struct moon_effects *e, const struct moon_set_view *set,
                         const char *policy);
/* What has not been committed is forgotten. */
void moon_effects_end(struct moon_effects *e);

/* Inside a C function; raises where they are not allowed. `what` goes into the error. */
struct moon_effects *moon_effects_of(lua_State *L, const char *what);

#endif
