/* SPDX-License-Identifier: Apache-2.0
 *
 * strategy.h - what the server itself sets when an object of a kind is created or updated:
 * generations, admission, first status. See the hooks of the same names in kinds.h.
 */
#ifndef MOON_SIM_STRATEGY_H
#define MOON_SIM_STRATEGY_H

#include "sim/kinds.h"

#define MOON_SIM_TEMPLATE_GENERATION "deprecated.daemonset.template.generation"

int moon_sim_create_pod(cJSON *pod, const struct moon_sim_rule_ctx *ctx,
                        struct moon_sim_status *st);
int moon_sim_create_daemonset(cJSON *set, const struct moon_sim_rule_ctx *ctx,
                              struct moon_sim_status *st);
int moon_sim_create_namespace(cJSON *ns, const struct moon_sim_rule_ctx *ctx,
                              struct moon_sim_status *st);
int moon_sim_create_service(cJSON *service, const struct moon_sim_rule_ctx *ctx,
                            struct moon_sim_status *st);
int moon_sim_create_secret(cJSON *secret, const struct moon_sim_rule_ctx *ctx,
                           struct moon_sim_status *st);

void moon_sim_update_pod(cJSON *pod, const struct moon_sim_rule_ctx *ctx);
void moon_sim_update_daemonset(cJSON *set, const struct moon_sim_rule_ctx *ctx);
void moon_sim_update_namespace(cJSON *ns, const struct moon_sim_rule_ctx *ctx);
void moon_sim_update_service(cJSON *service, const struct moon_sim_rule_ctx *ctx);
void moon_sim_update_secret(cJSON *secret, const struct moon_sim_rule_ctx *ctx);

#endif
