/* SPDX-License-Identifier: Apache-2.0
 *
 * played.h - what the simulated kubelets, scheduler and collectors keep of nodes and pods.
 *
 * Projections of their own, because they need what the DaemonSet controller does not (containers,
 * annotations that command a fate) and nothing of what it does need. What matters only until a pod
 * runs (affinity, tolerations) is dropped once it does, so that thousands of pods stay small.
 *
 * Annotations that are read:
 *   pod   sim.moonset.dev/ready-after: 2s      ready so long after it has started
 *         sim.moonset.dev/outcome: failed | succeeded | crash | never-ready
 *         sim.moonset.dev/reason: Evicted      status.reason of a pod that fails
 *   node  sim.moonset.dev/down: "true"         no heartbeats; its pods stay as they are
 *         sim.moonset.dev/reject: OutOfpods    every new pod fails with this reason
 * and image tags: broken (cannot be pulled), crash, failed, slow (ready after 10 s).
 */
#ifndef MOON_SIM_PLAYED_H
#define MOON_SIM_PLAYED_H

#include "kube/affinity.h"
#include "kube/object.h"
#include "kube/pod.h"
#include "kube/taint.h"

/* ---- nodes ---- */

struct moon_played_node {
    struct moon_object meta;
    struct moon_taints taints;
    moon_sym reject; /* NULL: pods are welcome */
    uint32_t ip;     /* its first InternalIP; 0: none, or not IPv4 */
    bool unschedulable;
    bool is_ready;     /* its condition Ready is True */
    bool has_capacity; /* whoever made it has said how large it is */
    bool is_down;
};

extern const struct moon_kind moon_kind_played_node;

static inline const struct moon_played_node *moon_played_node(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_played_node);
    return (const struct moon_played_node *)(const void *)o;
}

/* ---- pods ---- */

/* What becomes of a pod that has started. */
enum moon_fate {
    MOON_FATE_RUN,
    MOON_FATE_FAIL,
    MOON_FATE_SUCCEED,
    MOON_FATE_CRASH, /* again and again */
    MOON_FATE_NEVER_READY,
    MOON_FATE_NO_IMAGE,
};
enum {
    MOON_FATES = MOON_FATE_NO_IMAGE + 1
};

struct moon_played_container {
    moon_sym name;
    moon_sym image;
};

struct moon_played_pod {
    struct moon_object meta;
    moon_sym node_name; /* NULL until bound */
    enum moon_phase phase;
    enum moon_fate fate;
    moon_sym reason;      /* for a pod that fails; NULL: Evicted */
    moon_sym wrong;       /* what is wrong with its annotations, for the log; NULL: nothing */
    bool has_ready_after; /* else the kubelet's default counts */
    uint64_t ready_after_ms;

    bool has_ready; /* there is a condition Ready */
    bool ready;
    bool has_initialized;
    bool is_scheduled;    /* PodScheduled is True */
    bool is_host_network; /* its IP is the node's */
    bool is_ending;       /* deletion without grace: only finalizers still hold it */
    bool is_foreign;      /* another scheduler is asked for; while unbound */
    uint32_t restarts;    /* of the container that has most */
    uint32_t ip;          /* 0: none, or not IPv4 */
    int64_t started_s;    /* status.startTime; 0: not started */
    moon_sym waiting;     /* reason of the first waiting container; NULL: none waits */

    struct moon_played_container *containers; /* init containers first */
    uint32_t container_count;
    uint32_t init_count;

    /* While it is pending, else NULL and empty. */
    struct moon_affinity *affinity;
    /* While it is unbound, else NULL and empty. */
    moon_sym pinned;
    moon_sym unschedulable; /* message of PodScheduled=False */
    struct moon_tolerations tolerations;
};

extern const struct moon_kind moon_kind_played_pod;

static inline const struct moon_played_pod *moon_played_pod(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_played_pod);
    return (const struct moon_played_pod *)(const void *)o;
}

static inline bool moon_played_pod_has_ended(const struct moon_played_pod *p)
{
    return p->phase == MOON_PHASE_SUCCEEDED || p->phase == MOON_PHASE_FAILED;
}

/* "10.0.0.1" to a number, and back; 0 for what is no IPv4 address. */
uint32_t moon_played_ip_parse(const char *text);
enum {
    MOON_PLAYED_IP_TEXT = 16
};
const char *moon_played_ip_format(uint32_t ip, char out[MOON_PLAYED_IP_TEXT]);

#endif
