/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h - the kinds one server serves: the built-in rows, the quiet ones and those that
 * CustomResourceDefinitions add while it runs.
 *
 * Quiet kinds are what the stock controller manager and scheduler (and `kubectl get`) list and the
 * simulated cluster does not play: volumes, workloads of other controllers, policies. Discovery
 * offers get, list and watch for them; lists are empty, watches silent, writes refused.
 */
#ifndef MOON_SIM_REGISTRY_H
#define MOON_SIM_REGISTRY_H

#include "sim/kinds.h"

struct moon_sim_kinds;

struct moon_sim_kinds *moon_sim_kinds_new(void);
void moon_sim_kinds_free(struct moon_sim_kinds *kinds);

/* Serve a further row; it is borrowed, and stays where it is until the registry is freed: objects
 * in the history point to it also after it was removed. */
void moon_sim_kinds_add(struct moon_sim_kinds *kinds, const struct moon_sim_kind *kind);
void moon_sim_kinds_remove(struct moon_sim_kinds *kinds, const struct moon_sim_kind *kind);

/* A number for the store of a further kind. */
size_t moon_sim_kinds_new_store(struct moon_sim_kinds *kinds);
/* All such numbers are below this. */
size_t moon_sim_kinds_stores(const struct moon_sim_kinds *kinds);

/* What is served, in the order it was added:
 * size_t pos = 0; while ((kind = moon_sim_kinds_next(kinds, &pos)) != NULL) … */
const struct moon_sim_kind *moon_sim_kinds_next(const struct moon_sim_kinds *kinds, size_t *pos);
/* NULL: not served. */
const struct moon_sim_kind *moon_sim_kinds_by_resource(const struct moon_sim_kinds *kinds,
                                                       const char *group, const char *version,
                                                       const char *resource);
/* Whatever version comes first. */
const struct moon_sim_kind *moon_sim_kinds_by_name(const struct moon_sim_kinds *kinds,
                                                   const char *group, const char *kind);
bool moon_sim_kinds_has_version(const struct moon_sim_kinds *kinds, const char *group,
                                const char *version);

/* kinds_quiet.c: the rows, without indexes. */
size_t moon_sim_quiet_count(void);
const struct moon_sim_kind *moon_sim_quiet_at(size_t i);

#endif
