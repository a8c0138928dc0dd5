/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.h - what a pure hook has read of the node, pod and set it was asked about.
 *
 * While a hook is asked for a memo (memo.h), each read of a view is noted: which field, which
 * label. The core can then read the same of another node, without Lua. What is the same for all
 * questions of a memo (the set's spec, set.params) is not noted. Whatever a script learns by a way
 * that is not known here makes the call opaque: then nothing is concluded from its answer. So a new
 * field of a view, or a new function that takes one, is opaque until it is told here. Private to
 * policy.
 */
#ifndef MOON_POLICY_TRACE_H
#define MOON_POLICY_TRACE_H

#include "kube/node.h"
#include "kube/pod.h"
#include "kube/selector.h"
#include "policy/views.h"

struct moon_engine;
struct moon_memo;
struct moon_set_view;
struct moon_roll_slot;

enum moon_read_kind {
    MOON_READ_NAME,
    MOON_READ_UID,
    MOON_READ_UNSCHEDULABLE,
    MOON_READ_READY,
    MOON_READ_CREATED,
    MOON_READ_DELETING,
    MOON_READ_ZONE,
    MOON_READ_REGION,
    MOON_READ_ARCH,
    MOON_READ_OS,
    MOON_READ_KUBELET,
    MOON_READ_LABEL,       /* key */
    MOON_READ_LABELS,      /* all of them */
    MOON_READ_ANNOTATION,  /* key */
    MOON_READ_ANNOTATIONS, /* all of them */
    MOON_READ_TAINTS,      /* all of them */
    MOON_READ_CONDITION,   /* key: its type; is there one? */
    MOON_READ_CONDITION_STATUS,
    MOON_READ_CONDITION_REASON,
    MOON_READ_CONDITION_SINCE,
    MOON_READ_CAPACITY, /* key: the resource */
    MOON_READ_ALLOCATABLE,
    MOON_READ_AFFINITY, /* does the set's match the node? */
    MOON_READ_SELECTOR, /* key: its text; does it match the node's labels? */
    MOON_READ_POD_NAME,
    MOON_READ_POD_UID,
    MOON_READ_POD_PHASE,
    MOON_READ_POD_READY,
    MOON_READ_POD_DELETING,
    MOON_READ_POD_CREATED,
    MOON_READ_POD_READY_SINCE,
    MOON_READ_POD_RESTARTS,
    MOON_READ_POD_REASON,
    MOON_READ_POD_IMAGES,
    MOON_READ_POD_LABEL, /* key */
    MOON_READ_POD_NODE,  /* is its node known? */
    MOON_READ_POD_NODE_NAME,
    MOON_READ_KINDS,
};

struct moon_read {
    enum moon_read_kind kind;
    moon_sym key;                   /* owned; NULL: without */
    struct moon_selector *selector; /* owned */
};

/* What a question is about. */
struct moon_subject {
    const struct moon_node *node;      /* NULL: a pod on a node that is not known */
    const struct moon_pod *pod;        /* NULL: it is about the node */
    const struct moon_roll_slot *slot; /* of the pod */
    const struct moon_set_view *set;
    bool updated; /* the pod is of the current revision */
};

/* Equal values are equal to a script. Texts are symbols; lists are compared as a whole. */
struct moon_value {
    uint64_t a;
    uint64_t b;
    const void *list; /* moon_labels or moon_taints; borrowed */
};
struct moon_value moon_read_value(const struct moon_read *r, const struct moon_subject *s);
bool moon_value_equal(enum moon_read_kind kind, const struct moon_value *a,
                      const struct moon_value *b);
/* A value that outlives the object it is of, and its end. */
void moon_value_keep(enum moon_read_kind kind, struct moon_value *v);
void moon_value_drop(enum moon_read_kind kind, struct moon_value *v);

/* "label edge", "taints" */
void moon_read_describe(const struct moon_read *r, struct moon_buf *out);
void moon_read_fini(struct moon_read *r);

/* ---- while a hook runs ---- */

enum {
    MOON_TRACE_MAX = 64 /* different reads of all calls of a memo */
};

/* One call. */
struct moon_trace {
    struct moon_memo *memo;
    const struct moon_subject *subject;
    uint64_t seen; /* bit i: read i of the memo */
    uint8_t count;
    uint8_t reads[MOON_TRACE_MAX]; /* in the order in which they were made */
    bool opaque;
};

/* `key`: the name of the field, or the key of an entry; NULL: it is no text. */
void moon_trace_index(struct moon_trace *t, const struct moon_view *v, const char *key);
/* All entries of it, or something else that depends on the whole. */
void moon_trace_whole(struct moon_trace *t, const struct moon_view *v);

/* For C functions that scripts call. A function whose answer depends on more than its arguments
 * says so; one that looks into a view says what it reads, and gets at it by moon_view_told_…  */
MOON_API void moon_trace_opaque(lua_State *L);
void moon_trace_taints(lua_State *L, const struct moon_node *node);
void moon_trace_affinity(lua_State *L, const struct moon_set_view *set,
                         const struct moon_node *node);
void moon_trace_selector(lua_State *L, const struct moon_selector *selector,
                         const struct moon_view *v);

#endif
