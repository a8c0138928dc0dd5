/* SPDX-License-Identifier: Apache-2.0
 *
 * pod.h - a projected Pod: enough to keep daemons, at most about 400 bytes. Layer: kube.
 */
#ifndef MOON_KUBE_POD_H
#define MOON_KUBE_POD_H

#include "kube/object.h"

enum moon_phase {
    MOON_PHASE_NONE, /* empty */
    MOON_PHASE_PENDING,
    MOON_PHASE_RUNNING,
    MOON_PHASE_SUCCEEDED,
    MOON_PHASE_FAILED,
    MOON_PHASE_UNKNOWN,
} __attribute__((packed)); /* one byte: the cache holds half a million */

/* Of a pod whose images were changed while it ran: the hash of the revision they are of, and which
 * containers were to restart for that, with the restarts they had, "7c9f: agent=3,helper=-1". */
#define MOON_ANNOTATION_IN_PLACE "moonset.dev/in-place"

struct moon_pod {
    struct moon_object meta;
    moon_sym node_name; /* spec.nodeName; NULL until bound */
    moon_sym target;    /* node_name, else the pinned node; NULL: cannot be determined */
    enum moon_phase phase;
    bool ready;    /* first condition of type Ready is True */
    bool in_place; /* the annotation speaks of the hash that its label has */
    /* Not all containers it names have restarted yet. Once they have, ready_since_s is not before
     * the start of the last of them: the condition Ready need not have changed meanwhile. */
    bool restarting;
    uint32_t restarts;     /* sum over containers */
    int64_t ready_since_s; /* its lastTransitionTime; 0 when absent */
    int64_t started_s;
    moon_sym reason;             /* status.reason, else the first waiting container's reason */
    moon_sym message;            /* of status, at most 200 bytes */
    moon_sym images;             /* container images joined by "," */
    moon_sym mutation;           /* annotation moonset.dev/mutation; NULL when absent */
    moon_sym container_restarts; /* of each, "agent=3,helper=-1"; -1: it has never run */
};

/* The digest of what a policy has changed in the pod's template. */
#define MOON_ANNOTATION_MUTATION "moonset.dev/mutation"

/* Drops pods whose controller is not of kind DaemonSet or MoonSet; orphans are kept. */
MOON_API extern const struct moon_kind moon_kind_pod;
/* Keeps every pod (the simulated kubelets). */
MOON_API extern const struct moon_kind moon_kind_any_pod;

static inline const struct moon_pod *moon_pod(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_pod || o->kind == &moon_kind_any_pod);
    return (const struct moon_pod *)(const void *)o;
}

/* How often a container has restarted; -1: it has never run, or there is none of that name. */
MOON_API int64_t moon_pod_restarts_of(const struct moon_pod *p, struct moon_str container);
MOON_API const char *moon_phase_name(enum moon_phase phase); /* "" for NONE */
MOON_API enum moon_phase moon_phase_parse(const char *text); /* NULL: NONE */
/* Failed or Succeeded. */
static inline bool moon_pod_is_terminal(const struct moon_pod *p)
{
    return p->phase == MOON_PHASE_FAILED || p->phase == MOON_PHASE_SUCCEEDED;
}
static inline bool moon_pod_is_terminating(const struct moon_pod *p)
{
    return p->meta.deleted_s != 0;
}
/* Ready, and for at least min_ready_s (daemonset-controller's IsPodAvailable, with <=). */
MOON_API bool moon_pod_is_available(const struct moon_pod *p, int64_t min_ready_s, int64_t now_s);
/* Seconds until it becomes available if it stays ready; 0 when it is or is not ready at all. */
MOON_API int64_t moon_pod_available_in(const struct moon_pod *p, int64_t min_ready_s,
                                       int64_t now_s);
/* The order in which the stock controller keeps pods: bound first, then older, then by name. */
MOON_API int moon_pod_order(const struct moon_pod *a, const struct moon_pod *b);

#endif
