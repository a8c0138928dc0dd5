/* SPDX-License-Identifier: Apache-2.0
 *
 * evictee.h - a pod on a node that is to be emptied: projected, and what is to be done about it.
 *
 * Which pods are asked to go, and which must not be, is what `kubectl drain` says (its filters:
 * k8s.io/kubectl/pkg/drain), since that is what people and their budgets are prepared for. Pods of
 * daemons stay, mirror pods are the kubelet's own, and what nobody would make again, or has data
 * that go with it, holds the drain until somebody has said that it may. Two things are otherwise:
 * pods that have ended are left where they are, they use nothing; and a controller that is a
 * DaemonSet is believed without asking for it. Layer: kube.
 */
#ifndef MOON_KUBE_EVICTEE_H
#define MOON_KUBE_EVICTEE_H

#include "kube/pod.h"

struct moon_evictee {
    struct moon_object meta;
    enum moon_phase phase;
    bool is_mirror;      /* of a static pod: the kubelet shows it, and nobody can evict it */
    bool has_local_data; /* an emptyDir */
};

/* Keeps every pod, in some 200 bytes: for a watch of one node. */
MOON_API extern const struct moon_kind moon_kind_evictee;

static inline const struct moon_evictee *moon_evictee(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_evictee);
    return (const struct moon_evictee *)(const void *)o;
}

/* What is allowed beside. */
struct moon_evict_opts {
    bool unmanaged;  /* pods without a controller, which nobody makes again (--force) */
    bool local_data; /* pods with an emptyDir (--delete-emptydir-data) */
    int64_t grace_s; /* of each pod; -1: its own */
};

enum moon_evict_verdict {
    MOON_EVICT_STAYS, /* none of the drain's business */
    MOON_EVICT_GOING, /* it is being deleted: wait for its end */
    MOON_EVICT_IT,
    MOON_EVICT_NEVER, /* it holds the drain: *ret_why says for want of what */
};
/* *ret_why (may be NULL) is a text for ever; NULL for other verdicts. */
MOON_API enum moon_evict_verdict moon_evictee_judge(const struct moon_evictee *p,
                                                    const struct moon_evict_opts *opts,
                                                    const char **ret_why);
/* The body of a POST to pods/eviction (policy/v1): this very pod, by its uid. */
MOON_API void moon_evictee_write(const char *namespace, const char *name, const char *uid,
                                 int64_t grace_s, struct moon_buf *out);

#endif
