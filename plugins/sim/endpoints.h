/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoints.h - keeps the Endpoints of Services, in the embedded cluster.
 *
 * After the endpoints controller of kube-controller-manager: whatever may have changed marks a
 * Service, and a little later its Endpoints are computed anew and written when they differ. The
 * delay gathers what changes together, and is longer for Services with many pods.
 */
#ifndef MOON_SIM_ENDPOINTS_H
#define MOON_SIM_ENDPOINTS_H

#include "cache/store.h"
#include "kube/client.h"

struct moon_endpoints;

/* `pods`: of moon_kind_played_pod. */
struct moon_endpoints *moon_endpoints_new(struct moon_client *client, struct moon_store *pods);
/* Before the store. NULL is fine. */
void moon_endpoints_free(struct moon_endpoints *e);

#endif
