/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h - a projected Node: what placement and policies look at, at most about 2 KB.
 *
 * Policies may read more than that: what they declare (a JSON pointer) is kept as JSON text. Which
 * pointers that are is a matter of the whole process, as one projection serves everybody.
 *
 * Heartbeats (status updates that change nothing we keep) are found by `same` and dropped before
 * anybody is woken. Layer: kube.
 */
#ifndef MOON_KUBE_NODE_H
#define MOON_KUBE_NODE_H

#include "kube/object.h"
#include "kube/quantity.h"
#include "kube/taint.h"

/* "namespace/name" of the set that has cordoned the node, and when. */
#define MOON_ANNOTATION_DRAINED_BY "moonset.dev/drained-by"
#define MOON_ANNOTATION_DRAIN_BEGAN "moonset.dev/drain-began"

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

enum {
    MOON_NODE_FIELDS = 32,        /* different ones, of all policies */
    MOON_NODE_FIELD_BYTES = 1024, /* a larger value is not kept */
};

/* What is under a declared pointer. */
struct moon_node_field {
    moon_sym json; /* NULL: nothing, or null */
    bool too_large;
};

struct moon_node {
    struct moon_object meta; /* annotations: the first 1 KB in order of keys */
    struct moon_taints taints;
    bool unschedulable;
    bool ready;
    /* Who has cordoned it to empty it, and since when (MOON_ANNOTATION_DRAINED_BY); kept however
     * many annotations there are. NULL, 0: nobody. */
    moon_sym drained_by;
    int64_t drain_began_s;
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
    struct moon_node_field *fields; /* by number */
    size_t field_count;             /* those that were declared when it was projected */
};

MOON_API extern const struct moon_kind moon_kind_node;

/* ---- node_fields.c: declared fields ---- */

/* Keep what is under `pointer` ("/status/nodeInfo/kernelVersion") of all nodes that are projected
 * from now on; for ever. *ret_number is the same for the same pointer. */
MOON_API int moon_node_field_keep(struct moon_str pointer, size_t *ret_number,
                                  struct moon_err *err);
MOON_API bool moon_node_field_find(struct moon_str pointer, size_t *ret_number);
/* Goes up with each new one: what was projected before has to be listed again. */
MOON_API size_t moon_node_field_count(void);
/* Forget all (tests). No node may be left. */
MOON_API void moon_node_field_reset(void);

static inline const struct moon_node *moon_node(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_node);
    return (const struct moon_node *)(const void *)o;
}

/* ---- for node.c ---- */
/* `base` and the way to each declared field. */
const struct moon_json_want *moon_node_field_reads(const struct moon_json_want *base);
void moon_node_field_project(struct moon_node *node, const cJSON *json);
void moon_node_field_fini(struct moon_node *node);
bool moon_node_field_same(const struct moon_node *a, const struct moon_node *b);

#endif
