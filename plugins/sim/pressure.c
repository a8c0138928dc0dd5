/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/pressure.h"

#include "sim/admission.h"

enum moon_pressure moon_pressure_first(unsigned pressure)
{
    int first = 0;
    moon_assert(pressure != 0);
    while ((pressure & 1u << first) == 0) {
        first++;
    }
    return (enum moon_pressure)first;
}

/* Does `a` go before `b`? */
static bool goes_first(const struct moon_played_pod *a, const struct moon_played_pod *b,
                       enum moon_pressure pressure)
{
    if (pressure != MOON_PRESSURE_PID && a->is_best_effort != b->is_best_effort) {
        return a->is_best_effort;
    }
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    if (a->started_s != b->started_s) {
        return a->started_s > b->started_s;
    }
    return strcmp(a->meta.name, b->meta.name) < 0;
}

const struct moon_played_pod *moon_pressure_victim(const struct moon_played_pod *const *pods,
                                                   size_t count, enum moon_pressure pressure)
{
    const struct moon_played_pod *victim = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!moon_admission_is_critical(pods[i]) &&
            (victim == NULL || goes_first(pods[i], victim, pressure))) {
            victim = pods[i];
        }
    }
    return victim;
}

const char *moon_pressure_message(enum moon_pressure pressure)
{
    static const char *const messages[MOON_PRESSURES] = {
        [MOON_PRESSURE_MEMORY] = "The node was low on resource: memory. ",
        [MOON_PRESSURE_DISK] = "The node was low on resource: ephemeral-storage. ",
        [MOON_PRESSURE_PID] = "The node was low on resource: pids. ",
    };
    return messages[pressure];
}
