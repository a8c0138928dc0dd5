/* SPDX-License-Identifier: Apache-2.0
 *
 * disruption.h - keeps the status of PodDisruptionBudgets in the embedded cluster, which the API
 * server's evictions obey: what the disruption controller of kube-controller-manager does.
 */
#ifndef MOON_SIM_DISRUPTION_H
#define MOON_SIM_DISRUPTION_H

#include "cache/store.h"
#include "control/recorder.h"

struct moon_disruption;

/* `pods`: of moon_kind_played_pod; all are borrowed. */
struct moon_disruption *moon_disruption_new(struct moon_client *client, struct moon_store *pods,
                                            struct moon_recorder *recorder);
/* Of moon_kind_budget. */
const struct moon_store *moon_disruption_budgets(const struct moon_disruption *d);
/* Before the store and the recorder. NULL is fine. */
void moon_disruption_free(struct moon_disruption *d);

#endif
