/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_kinds.h - the kinds a scenario can name, as kubectl lets one name them.
 */
#ifndef MOON_SIM_SCENARIO_KINDS_H
#define MOON_SIM_SCENARIO_KINDS_H

#include "base/arena.h"
#include "kube/resource.h"

/* "daemonset", "daemonsets", "DaemonSet", "ds"; NULL: the server has no such kind. The result is in
 * the arena. */
const struct moon_resource *moon_scenario_find_kind(struct moon_arena *arena, struct moon_str word);
/* By apiVersion and kind, as in an object. */
const struct moon_resource *
moon_scenario_find_object_kind(struct moon_arena *arena, const char *api_version, const char *kind);
/* The i'th kind's singular name; NULL at the end. */
const char *moon_scenario_next_kind(size_t i, const void *unused);

#endif
