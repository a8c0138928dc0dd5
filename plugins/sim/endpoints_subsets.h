/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoints_subsets.h - which addresses and ports stand behind a Service: a pure function of its
 * pods, as endpoints_controller.go and RepackSubsets have it.
 */
#ifndef MOON_SIM_ENDPOINTS_SUBSETS_H
#define MOON_SIM_ENDPOINTS_SUBSETS_H

#include "cache/store.h"
#include "sim/endpoints_kinds.h"
#include "sim/played.h"

enum {
    /* More addresses are left out, those that are not ready first, as current Kubernetes does. */
    MOON_ENDPOINTS_MAX = 1000,
};

struct moon_endpoints_counts {
    size_t addresses; /* that are in it */
    bool is_truncated;
};

/* Is the pod one of the Service's? */
bool moon_service_selects(const struct moon_service *service, const struct moon_object *pod);
/* May the Endpoints of its Services differ between the two? Either may be NULL. */
bool moon_endpoints_pod_differs(const struct moon_played_pod *a, const struct moon_played_pod *b);

/* Add the JSON array of the subsets, addresses sorted; "[]" when there are none. */
void moon_endpoints_subsets(const struct moon_service *service, const struct moon_store *pods,
                            struct moon_buf *out, struct moon_endpoints_counts *ret);

#endif
