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
/* "delete pod/agent-x7k2p"; made names are left out. The caller frees. */
MOON_API char *moon_plan_json_action(const cJSON *action);

#endif
