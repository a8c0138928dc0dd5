/* SPDX-License-Identifier: Apache-2.0
 *
 * drain_priv.h - a node that a set has cordoned, to empty it before its daemon goes.
 *
 *   drain.c       how far a drain is, what the update policy wants of it, and its end
 *   drain_pods.c  the pods of a node that is drained: watched, and evicted
 *   drain_node.c  the writes of the node: cordon, and give back; nodes whose set is gone
 *
 * What must outlive this process is written on the node, in the same write that cordons it: who has
 * done it (moonset.dev/drained-by) and when. The write says which version of the node it is for, so
 * that a person who cordons at the same moment is seen and not undone later: a node without our
 * mark is never cordoned again, drained or given back by us, one with our mark that is schedulable
 * has been uncordoned by a person and is left alone. Everything else is looked up again: other
 * pods are known only of nodes that are being drained, by a watch for each.
 */
#ifndef MOON_DAEMONSET_DRAIN_PRIV_H
#define MOON_DAEMONSET_DRAIN_PRIV_H

#include "daemonset/daemonset_priv.h"

/* How many pods are in the way, and the first of those that are most so. */
struct moon_ds_drain_left {
    size_t pods;
    size_t never;                     /* of these, nobody has allowed that they go */
    const struct moon_evictee *first; /* borrowed from the store; NULL: none is left */
    const char *why;                  /* of `first` */
};

struct moon_ds_drain {
    struct moon_list link; /* in set->drains */
    struct moon_ds_slot *slot;
    struct moon_drain shown; /* to policies; waits_for is `waits_for` */
    char *waits_for;
    struct moon_evict_opts opts; /* as the policy said last */
    bool marked;                 /* the node has been seen with our mark */
    bool wanted;                 /* the policy has spoken of it in this round */
    bool over;                   /* it is not wanted any more, and was never on the node */
    bool emptied;                /* there was something to evict, or to cordon: worth an Event */
    bool told_drained;
    char *told; /* the trouble that was told last */

    /* writes of the node */
    bool writing;
    char *write_error;
    uint64_t write_at; /* not before */
    uint64_t write_wait_ms;

    /* its pods */
    struct moon_informer *pods; /* NULL: they are not watched */
    struct moon_map *evictions; /* those that were asked to go, by uid */
    char *list_error;
    bool is_question; /* counted in ds->open_questions */
};

/* "n1: pod default/web-1: …" as a Warning on the set, once. */
void moon_ds_drain_tell_trouble(struct moon_ds_drain *d, const char *text);
/* Is this node's mark the set's? */
bool moon_ds_drain_is_ours(const struct moon_ds_set *set, const struct moon_node *node);

/* ---- drain_pods.c ---- */
void moon_ds_drain_watch(struct moon_ds_drain *d);
void moon_ds_drain_unwatch(struct moon_ds_drain *d);
/* Are they all known? */
bool moon_ds_drain_knows(const struct moon_ds_drain *d);
struct moon_ds_drain_left moon_ds_drain_left(const struct moon_ds_drain *d);
/* What has been said to the eviction of a pod; NULL: nothing, or nobody has asked. */
const char *moon_ds_drain_refusal(const struct moon_ds_drain *d, const struct moon_evictee *p);
void moon_ds_drain_evict(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason);

/* ---- drain_node.c ---- */
void moon_ds_drain_plan_cordon(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason);
void moon_ds_drain_plan_return(struct moon_ds_drain *d, struct moon_plan *plan, const char *reason);

#endif
