/* SPDX-License-Identifier: Apache-2.0
 *
 * played.h - what the simulated kubelets, scheduler and collectors keep of nodes and pods.
 *
 * Projections of their own, because they need what the DaemonSet controller does not (containers,
 * annotations that command a fate) and nothing of what it does need. What matters only until a pod
 * runs (affinity, tolerations) is dropped once it does, so that thousands of pods stay small.
 *
 * What annotations command of them is in orders.h.
 */
#ifndef MOON_SIM_PLAYED_H
#define MOON_SIM_PLAYED_H

#include "kube/affinity.h"
#include "kube/object.h"
#include "kube/pod.h"
#include "kube/taint.h"
#include "sim/demands.h"
#include "sim/orders.h"

/* ---- nodes ---- */

enum moon_node_condition {
    MOON_NODE_READY,
    MOON_NODE_MEMORY_PRESSURE,
    MOON_NODE_DISK_PRESSURE,
    MOON_NODE_PID_PRESSURE,
    MOON_NODE_NETWORK_UNAVAILABLE,
};
enum {
    MOON_NODE_CONDITIONS = MOON_NODE_NETWORK_UNAVAILABLE + 1
};
enum moon_condition {
    MOON_CONDITION_ABSENT,
    MOON_CONDITION_TRUE,
    MOON_CONDITION_FALSE,
    MOON_CONDITION_UNKNOWN,
};

struct moon_played_node {
    struct moon_object meta;
    struct moon_taints taints;
    struct moon_amounts allocatable; /* what it has for pods */
    enum moon_condition conditions[MOON_NODE_CONDITIONS];
    int64_t heartbeat_s; /* lastHeartbeatTime of Ready; 0: none */
    uint32_t ip;         /* its first InternalIP; 0: none, or not IPv4 */
    bool unschedulable;
    bool is_ready;     /* its condition Ready is True */
    bool has_capacity; /* whoever made it has said how large it is */
    struct moon_node_orders orders;
};

/* What a node has whose maker says nothing about it, as JSON. */
#define MOON_PLAYED_CAPACITY                                                                       \
    "{\"cpu\":\"8\",\"memory\":\"32Gi\",\"pods\":\"110\",\"ephemeral-storage\":\"100Gi\"}"

/* "MemoryPressure". */
const char *moon_node_condition_name(enum moon_node_condition type);

extern const struct moon_kind moon_kind_played_node;

static inline const struct moon_played_node *moon_played_node(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_played_node);
    return (const struct moon_played_node *)(const void *)o;
}

/* ---- pods ---- */

/* What the imageID of a container begins with whose image a simulated kubelet has pulled. */
#define MOON_PLAYED_IMAGE_ID "simulated://"

/* From this priority on a pod is critical to its node (system-node-critical and the like). */
#define MOON_CRITICAL_PRIORITY 2000000000

enum moon_restart {
    MOON_RESTART_ALWAYS,
    MOON_RESTART_ON_FAILURE,
    MOON_RESTART_NEVER,
};

struct moon_played_container {
    moon_sym name;
    moon_sym image;
    bool always_pulls; /* also an image that is there */
};

struct moon_played_pod {
    struct moon_object meta;
    moon_sym node_name; /* NULL until bound */
    enum moon_phase phase;
    struct moon_pod_orders orders;
    int64_t grace_s; /* of its deletion, else of its spec */
    int32_t priority;
    enum moon_restart restart;

    bool has_ready; /* there is a condition Ready */
    bool ready;
    bool has_initialized;
    bool is_scheduled;    /* PodScheduled is True */
    bool is_host_network; /* its IP is the node's */
    bool is_ending;       /* deletion without grace: only finalizers still hold it */
    bool is_foreign;      /* another scheduler is asked for; while unbound */
    bool is_gated;        /* nobody may schedule it yet; while unbound */
    bool is_best_effort;  /* its QoS class */
    bool has_finalizers;  /* it outlives its containers */
    bool has_old_image;   /* a container runs another image than its spec says */
    uint32_t restarts;    /* of the container that has most */
    uint32_t ip;          /* 0: none, or not IPv4 */
    int64_t started_s;    /* status.startTime; 0: not started */
    moon_sym waiting;     /* reason of the first waiting container; NULL: none waits */
    moon_sym nominated;   /* status.nominatedNodeName: it has preempted others there; else NULL */
    moon_sym hostname;    /* spec.hostname and spec.subdomain; NULL: none */
    moon_sym subdomain;

    struct moon_played_container *containers; /* init containers first */
    uint32_t container_count;
    uint32_t init_count;
    struct moon_demands *demands; /* never NULL */

    /* While it is pending, else NULL and empty. */
    struct moon_affinity *affinity;
    /* While it is unbound, else NULL. */
    moon_sym pinned;
    moon_sym unschedulable; /* message of PodScheduled=False */
    /* All of them while it is pending, then only those that bear NoExecute. */
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
