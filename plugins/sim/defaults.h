/* SPDX-License-Identifier: Apache-2.0
 *
 * defaults.h - what the server fills in where the author said nothing (v1 and apps/v1 defaults).
 *
 * All take a decoded object and may append members in any order: it is decoded once more before it
 * is stored.
 */
#ifndef MOON_SIM_DEFAULTS_H
#define MOON_SIM_DEFAULTS_H

#include "sim/tree.h"

void moon_sim_defaults_pod(cJSON *pod);
/* For a PodSpec by itself: templates get these, too. */
void moon_sim_defaults_pod_spec(cJSON *spec);
void moon_sim_defaults_daemonset(cJSON *set);
void moon_sim_defaults_node(cJSON *node);
void moon_sim_defaults_namespace(cJSON *ns);
void moon_sim_defaults_service(cJSON *service);
void moon_sim_defaults_endpoints(cJSON *endpoints);
void moon_sim_defaults_secret(cJSON *secret);
void moon_sim_defaults_priority_class(cJSON *priority_class);

#endif
