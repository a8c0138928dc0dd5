/* SPDX-License-Identifier: Apache-2.0
 *
 * demands.h - what a pod's spec demands of its node and of the pods around it.
 *
 * The part of a pod that the scheduler reads and the kubelets do not. A bound pod keeps what counts
 * against those that come later (requests, ports, required anti-affinity); the rest is read only
 * while it is unbound. Priority, node selector, required node affinity and tolerations are in
 * played.h: the kubelets look at them, too.
 */
#ifndef MOON_SIM_DEMANDS_H
#define MOON_SIM_DEMANDS_H

#include "kube/affinity.h"
#include "kube/selector.h"
#include "sim/amounts.h"

/* A port of a container (init containers have none that count). */
struct moon_demand_port {
    moon_sym name;     /* NULL: none */
    moon_sym protocol; /* "TCP" when absent */
    moon_sym host_ip;  /* NULL: all addresses */
    uint16_t container_port;
    uint16_t host_port; /* 0: none */
};

/* A term of pod affinity or anti-affinity. */
struct moon_pod_term {
    struct moon_selector *selector; /* NULL matches nothing */
    moon_sym *namespaces;
    size_t namespace_count;
    bool has_all_namespaces;
    moon_sym topology_key;
    int64_t weight; /* preferred terms: of anti-affinity negative */
};

struct moon_pod_terms {
    struct moon_pod_term *items;
    size_t count;
};

struct moon_spread {
    struct moon_selector *selector; /* NULL matches nothing */
    moon_sym topology_key;
    int64_t max_skew;
    bool is_hard; /* DoNotSchedule */
};

struct moon_node_preference {
    struct moon_affinity *affinity;
    int64_t weight;
};

struct moon_demands {
    /* Containers together, or the largest init container when that is more; overhead on top. Holds
     * "pods": 1, so that counting pods is nothing special. */
    struct moon_amounts requests;
    /* The same for scores, where a container that asks for nothing counts as a little. */
    int64_t score_cpu_m;
    int64_t score_memory;
    struct moon_demand_port *ports;
    size_t port_count;
    struct moon_pod_terms anti_affinity; /* required */
    bool never_preempts;

    /* While the pod is unbound, else empty. */
    struct moon_pod_terms affinity;  /* required */
    struct moon_pod_terms preferred; /* both kinds */
    struct moon_spread *spreads;
    size_t spread_count;
    struct moon_node_preference *preferences;
    size_t preference_count;
};

/* From a pod's spec. Terms that cannot be read match nothing; errors are about quantities. */
struct moon_demands *moon_demands_new(const cJSON *spec, const char *namespace, bool is_bound,
                                      struct moon_err *err);
void moon_demands_free(struct moon_demands *d); /* NULL is fine */

/* Is a pod with these labels in this namespace one that the term is about? */
bool moon_pod_term_matches(const struct moon_pod_term *term, moon_sym namespace,
                           const struct moon_labels *labels);
/* Would both ports be taken on one node? Host ports only. */
bool moon_demand_ports_conflict(const struct moon_demand_port *a, const struct moon_demand_port *b);

#endif
