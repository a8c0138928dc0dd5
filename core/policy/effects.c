/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/effects.h"

#include <lauxlib.h>

#include "base/metrics.h"
#include "policy/engine.h"
#include "policy/hooks.h"

void moon_effects_begin(struct moon_effects *e, const char *pure)
{
    moon_effects_end(e);
    e->pure = pure;
}

void moon_effects_end(struct moon_effects *e)
{
    moon_kv_free(e->kv);
    for (size_t i = 0; i < e->event_count; i++) {
        moon_free(e->events[i].reason);
        moon_free(e->events[i].message);
    }
    moon_free(e->events);
    for (size_t i = 0; i < e->metric_count; i++) {
        moon_free(e->metrics[i].name);
    }
    moon_free(e->metrics);
    *e = (struct moon_effects){0};
}

struct moon_effects *moon_effects_of(lua_State *L, const char *what)
{
    struct moon_engine *engine = moon_engine_of(L);

    if (engine->set == NULL) {
        luaL_error(L, "%s: inside a hook only", what);
    }
    if (engine->effects.pure != NULL) {
        luaL_error(L,
                   "%s: the hook %s is pure: its answers are kept, so it must not remember, tell "
                   "or count; use gate, update, status or on_event",
                   what, engine->effects.pure);
    }
    return &engine->effects;
}

/* ---- metrics ---- */

static struct moon_metric *metric_of(enum moon_effect_measure measure)
{
    static const struct moon_metric_opts opts[] = {
        [MOON_MEASURE_INC] = {.name = "moonset_policy_custom_total",
                              .help = "What policies count with moonset.metric.inc.",
                              .type = MOON_METRIC_COUNTER,
                              .labels = {"namespace", "set", "policy", "name"}},
        [MOON_MEASURE_SET] = {.name = "moonset_policy_custom_value",
                              .help = "What policies say with moonset.metric.set.",
                              .type = MOON_METRIC_GAUGE,
                              .labels = {"namespace", "set", "policy", "name"}},
        [MOON_MEASURE_OBSERVE] = {.name = "moonset_policy_custom_observed",
                                  .help = "What policies observe with moonset.metric.observe.",
                                  .type = MOON_METRIC_HISTOGRAM,
                                  .labels = {"namespace", "set", "policy", "name"}},
    };

    return moon_metric_register(&opts[measure]);
}

static void measure(const struct moon_effect_metric *m, const struct moon_object *set,
                    const char *policy)
{
    struct moon_metric *metric = metric_of(m->measure);
    const char *const *labels = MOON_LABELS(set->namespace, set->name, policy, m->name);

    switch (m->measure) {
    case MOON_MEASURE_INC:
        moon_metric_add(metric, labels, m->value);
        return;
    case MOON_MEASURE_SET:
        moon_metric_set(metric, labels, m->value);
        return;
    case MOON_MEASURE_OBSERVE:
        moon_metric_observe(metric, labels, m->value);
        return;
    }
}

void moon_measures_forget(const struct moon_object *set)
{
    for (int i = MOON_MEASURE_INC; i <= MOON_MEASURE_OBSERVE; i++) {
        moon_metric_drop_all(metric_of((enum moon_effect_measure)i),
                             MOON_LABELS(set->namespace, set->name));
    }
}

/* ---- all together ---- */

void moon_effects_commit(struct moon_effects *e, const struct moon_set_view *set,
                         const char *policy)
{
    if (e->kv != NULL) {
        moon_kv_take(set->kv, moon_steal(&e->kv));
    }
    for (size_t i = 0; i < e->event_count && set->tell != NULL; i++) {
        const struct moon_effect_event *event = &e->events[i];
        set->tell(event->is_warning, event->reason, event->message, set->tell_ctx);
    }
    for (size_t i = 0; i < e->metric_count; i++) {
        measure(&e->metrics[i], &set->set->meta, policy);
    }
    moon_effects_end(e);
}
