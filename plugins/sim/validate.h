/* SPDX-License-Identifier: Apache-2.0
 *
 * validate.h - the rules of each kind beyond its types, in the server's words.
 *
 * Each adds its causes (status.h) with the path of the field. Trees are decoded and defaulted.
 */
#ifndef MOON_SIM_VALIDATE_H
#define MOON_SIM_VALIDATE_H

#include "sim/kinds.h"

void moon_sim_validate_config_map(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                  cJSON *causes);
void moon_sim_validate_config_map_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_secret(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_secret_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_endpoints(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                 cJSON *causes);
void moon_sim_validate_event(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_node(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_node_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_pod(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_pod_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_pod_status(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_service(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                               cJSON *causes);
void moon_sim_validate_service_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_controller_revision(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                           cJSON *causes);
void moon_sim_validate_controller_revision_update(const cJSON *obj, const cJSON *old,
                                                  cJSON *causes);
void moon_sim_validate_daemonset(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                 cJSON *causes);
void moon_sim_validate_daemonset_update(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_daemonset_status(const cJSON *obj, const cJSON *old, cJSON *causes);
void moon_sim_validate_lease(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes);
void moon_sim_validate_disruption_budget(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                         cJSON *causes);
void moon_sim_validate_priority_class(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                      cJSON *causes);
void moon_sim_validate_priority_class_update(const cJSON *obj, const cJSON *old, cJSON *causes);

/* A key of a ConfigMap or Secret. */
void moon_sim_validate_config_key(const char *key, const char *field, cJSON *causes);
/* One of a few texts (NULL-terminated); `listed` is how the message names them. */
void moon_sim_validate_choice(const char *value, const char *const *choices, const char *field,
                              const char *listed, cJSON *causes);
/* The containers of a pod spec; `volumes` are the names that they may mount. */
struct moon_map;
void moon_sim_validate_containers(const cJSON *spec, const char *path,
                                  const struct moon_map *volumes, cJSON *causes);
/* On the node's own network, a port is the same inside and outside. */
void moon_sim_validate_host_network(const cJSON *spec, const char *path, cJSON *causes);

/* The name of a port; a port that is a number or a name. */
void moon_sim_validate_port_name(const char *name, const char *field, cJSON *causes);
void moon_sim_validate_port_or_name(const cJSON *port, const char *field, cJSON *causes);

/* A PodSpec at `path`, e.g. "spec.template.spec"; a template's metadata goes with it. */
void moon_sim_validate_pod_spec(const cJSON *spec, const char *path, cJSON *causes);

#endif
