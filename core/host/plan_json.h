/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_json.h - a plan as JSON: for programs, for recordings, and to compare. Layer: host.
 */
#ifndef MOON_HOST_PLAN_JSON_H
#define MOON_HOST_PLAN_JSON_H

#include "control/plan.h"

/* { actions: [{verb, kind, namespace, name, subresource, node, reason}], notes: [{node, reason}] },
 * the caller's. What is to be created has a name only `with_made_names`: another one next time. */
MOON_API cJSON *moon_plan_json(const struct moon_plan *plan, bool with_made_names);
/* One of these actions; the caller's. */
MOON_API cJSON *moon_plan_json_action(const struct moon_action *action, bool with_made_names);

/* In words, which the caller frees. "pod/agent-x7k2p"; made names are left out. */
MOON_API char *moon_plan_json_object(const cJSON *action);
/* "delete pod/agent-x7k2p on n1: outdated"; the node only `with_node`. */
MOON_API char *moon_plan_json_text(const cJSON *action, bool with_node);
/* Adds "next step": what these actions do about a node (NULL: about all), or "nothing". */
MOON_API void moon_plan_json_add_next(const cJSON *actions, const char *node, cJSON *answer);

#endif
