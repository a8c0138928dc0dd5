/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h - a projected Node: what placement and policies look at, at most about 2 KB.
 *
 * Heartbeats (status updates that change nothing we keep) are found by `same` and dropped before
 * anybody is woken. Layer: kube.
 */
#ifndef MOON_KUBE_NODE_H
#define MOON_KUBE_NODE_H

#include "kube/object.h"
#include "kube/quantity.h"
#include "kube/taint.h"

enum moon_condition_status {
    MOON_CONDITION_UNKNOWN,
    MOON_CONDITION_TRUE,
    MOON_CONDITION_FALSE
};

struct moon_condition {
    moon_sym type;
    enum moon_condition_status status;
    moon_sym reason;
    int64_t since_s; /* lastTransitionTime; heartbeats are not kept */
};

struct moon_amount {
    moon_sym resource; /* "cpu", "memory", … */
    struct moon_quantity quantity;
};

struct moon_node {
    struct moon_object meta; /* annotations: the first 1 KB in order of keys */
    struct moon_taints taints;
    bool unschedulable;
    bool ready;
    struct moon_condition *conditions; /* sorted by type */
    size_t condition_count;
    struct moon_amount *capacity; /* sorted by resource */
    size_t capacity_count;
    struct moon_amount *allocatable;
    size_t allocatable_count;
    moon_sym arch;
    moon_sym os;
    moon_sym kubelet;
    moon_sym zone; /* topology.kubernetes.io/zone, else failure-domain.beta… */
    moon_sym region;
};

MOON_API extern const struct moon_kind moon_kind_node;

static inline const struct moon_node *moon_node(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_node);
    return (const struct moon_node *)(const void *)o;
}

#endif
