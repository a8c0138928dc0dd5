/* SPDX-License-Identifier: Apache-2.0
 *
 * crd_rules.h - CustomResourceDefinitions as objects: what the server fills in, and what it
 * refuses. See the hooks of the same names in kinds.h.
 */
#ifndef MOON_SIM_CRD_RULES_H
#define MOON_SIM_CRD_RULES_H

#include "sim/kinds.h"

#define MOON_SIM_CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

void moon_sim_defaults_crd(cJSON *crd);
int moon_sim_create_crd(cJSON *crd, const struct moon_sim_rule_ctx *ctx,
                        struct moon_sim_status *st);
void moon_sim_update_crd(cJSON *crd, const struct moon_sim_rule_ctx *ctx);
void moon_sim_delete_crd(cJSON *crd, int64_t now_s);
void moon_sim_validate_crd(const cJSON *crd, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_crd_update(const cJSON *crd, const cJSON *old, cJSON *causes);

/* Is this condition of the definition True? */
bool moon_sim_crd_is(const cJSON *crd, const char *condition);
/* Set a condition; the time changes with the status. True when anything did. */
bool moon_sim_crd_set_condition(cJSON *crd, const char *type, bool status, const char *reason,
                                const char *message, int64_t now_s);

/* crd_schema_rules.c: the rules of a structural schema; `path` names the root. */
void moon_sim_validate_crd_schema(const cJSON *schema, const char *path, cJSON *causes);

#endif
