/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_ledger.h - the scheduler's books: what is on each node, and what is promised there.
 *
 * Follows the stores of nodes and pods by the difference, so that nobody adds up a node's pods to
 * place one more. Three kinds of entries count: pods that are bound and have not ended; pods that
 * are *assumed*, because their binding is under way or the watch has not told yet; and *claims*,
 * pods that have preempted others on a node and wait for them to go.
 */
#ifndef MOON_SIM_SCHEDULER_LEDGER_H
#define MOON_SIM_SCHEDULER_LEDGER_H

#include "base/list.h"
#include "cache/store.h"
#include "sim/played.h"

struct moon_ledger;
struct moon_ledger_node;

struct moon_ledger_pod {
    const struct moon_played_pod *pod; /* a reference */
    struct moon_ledger_node *on;
    struct moon_list link; /* in on->pods, or on->claims */
    struct moon_list anti; /* in the ledger's list of those with required anti-affinity */
    bool is_assumed;
};

struct moon_ledger_node {
    moon_sym name;
    const struct moon_played_node *node; /* a reference; NULL: pods name it, but it is not there */
    struct moon_amounts used;
    int64_t score_cpu_m; /* as demands.h counts for scores */
    int64_t score_memory;
    size_t pod_count;
    struct moon_list pods;   /* struct moon_ledger_pod */
    struct moon_list claims; /* struct moon_ledger_pod */
};

struct moon_ledger *moon_ledger_new(struct moon_store *nodes, struct moon_store *pods);
/* Before the stores. NULL is fine. */
void moon_ledger_free(struct moon_ledger *l);

/* How many nodes there are, and each of them, in the order in which they came:
 * size_t pos = 0; while ((n = moon_ledger_next(l, &pos))) … */
size_t moon_ledger_count(const struct moon_ledger *l);
struct moon_ledger_node *moon_ledger_next(const struct moon_ledger *l, size_t *pos);
/* NULL: there is no such node. */
struct moon_ledger_node *moon_ledger_node(const struct moon_ledger *l, const char *name);
/* Of moon_ledger_pod, by their member `anti`. */
const struct moon_list *moon_ledger_anti(const struct moon_ledger *l);

/* The pod will be bound there: count it until the watch tells, or until moon_ledger_forget. Ends
 * its claim. */
void moon_ledger_assume(struct moon_ledger *l, const struct moon_played_pod *pod,
                        struct moon_ledger_node *on);
void moon_ledger_forget(struct moon_ledger *l, const struct moon_played_pod *pod);
/* The pod waits for a place on this node (NULL: on none). */
void moon_ledger_claim(struct moon_ledger *l, const struct moon_played_pod *pod,
                       struct moon_ledger_node *on);

/* NULL: it has no claim. */
struct moon_ledger_node *moon_ledger_claimed(const struct moon_ledger *l,
                                             const struct moon_played_pod *pod);

/* What if this pod were not there? Put back before anything else is done with the ledger. */
void moon_ledger_lift(struct moon_ledger_pod *p);
void moon_ledger_put_back(struct moon_ledger *l, struct moon_ledger_pod *p);

#endif
