/* SPDX-License-Identifier: Apache-2.0
 *
 * pressure.h - which pod a kubelet gives up first when its node runs short. No I/O.
 */
#ifndef MOON_SIM_PRESSURE_H
#define MOON_SIM_PRESSURE_H

#include "sim/played.h"

/* The resource that is reclaimed first, of those the bits of `pressure` (not 0) speak of. */
enum moon_pressure moon_pressure_first(unsigned pressure);

/* After the kubelet's eviction manager: under memory and disk pressure whoever uses more than it
 * asked for goes first (here: those that asked for nothing, BestEffort), then by priority; under
 * pid pressure by priority alone. Of equals the youngest. Critical pods never. NULL: nobody. */
const struct moon_played_pod *moon_pressure_victim(const struct moon_played_pod *const *pods,
                                                   size_t count, enum moon_pressure pressure);

/* "The node was low on resource: memory. " */
const char *moon_pressure_message(enum moon_pressure pressure);

#endif
