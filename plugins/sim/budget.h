/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.h - PodDisruptionBudgets as the disruption controller sees them, and what their status
 * should say: a function of the budget, the pods and the time.
 *
 * How many pods are expected is known only for a budget whose minAvailable is a number. The others
 * need the scale of the pods' controllers, and nothing in the simulated cluster has one (a
 * DaemonSet has none in any cluster): such a budget fails safe, it allows no disruption.
 */
#ifndef MOON_SIM_BUDGET_H
#define MOON_SIM_BUDGET_H

#include "cache/store.h"
#include "kube/intstr.h"
#include "kube/selector.h"
#include "sim/played.h"

/* An eviction that the API server has let through and that is not over yet. */
struct moon_disrupted {
    char *pod;
    int64_t since_s;
};

struct moon_budget_status {
    int64_t observed_generation;
    int64_t allowed;
    int64_t healthy;
    int64_t desired;
    int64_t expected;
};

struct moon_budget {
    struct moon_object meta;
    struct moon_selector *selector; /* NULL: matches nothing */
    struct moon_intstr min_available;
    struct moon_intstr max_unavailable;
    struct moon_budget_status status;
    struct moon_disrupted *disrupted;
    size_t disrupted_count;
    moon_sym reason; /* of its condition DisruptionAllowed; NULL: it has none */
    int64_t since_s; /* of the same */
};

extern const struct moon_kind moon_kind_budget;

static inline const struct moon_budget *moon_budget(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_budget);
    return (const struct moon_budget *)(const void *)o;
}

bool moon_budget_covers(const struct moon_budget *b, const struct moon_object *pod);

/* What the status should be. */
struct moon_budget_verdict {
    struct moon_budget_status status;
    const char *reason; /* SufficientPods, InsufficientPods, SyncFailed */
    char message[256];  /* SyncFailed: why */
    size_t pods;        /* how many it covers */
    int64_t recheck_s;  /* look again after so long; 0: only when something changes */
};

void moon_budget_judge(const struct moon_budget *b, const struct moon_store *pods, int64_t now_s,
                       struct moon_budget_verdict *ret);
/* The merge patch of the status subresource that makes it so; false: it is so already. */
bool moon_budget_write(const struct moon_budget *b, const struct moon_budget_verdict *verdict,
                       const struct moon_store *pods, int64_t now_s, struct moon_buf *out);

#endif
