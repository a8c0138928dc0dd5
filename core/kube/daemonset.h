/* SPDX-License-Identifier: Apache-2.0
 *
 * daemonset.h - projected DaemonSets and ControllerRevisions.
 *
 * A set keeps its pod template and its annotations as the server's text, because pod bodies and
 * revisions are cut from that text: fields we do not know, explicit nulls and big numbers pass
 * through. Layer: kube.
 */
#ifndef MOON_KUBE_DAEMONSET_H
#define MOON_KUBE_DAEMONSET_H

#include "kube/affinity.h"
#include "kube/intstr.h"
#include "kube/object.h"
#include "kube/selector.h"
#include "kube/taint.h"

#define MOON_LABEL_HASH "controller-revision-hash"
#define MOON_LABEL_GENERATION "pod-template-generation"
#define MOON_ANNOTATION_GENERATION "deprecated.daemonset.template.generation"

/* When a rollout of this revision was complete. */
#define MOON_ANNOTATION_STABLE "moonset.dev/stable"

/* Is this the controller of an object that no daemon set owns: a kind other than DaemonSet (of
 * Kubernetes: others may have a kind of that name) and MoonSet? False for orphans. */
MOON_API bool moon_owner_is_foreign(const struct moon_owner *controller);

enum moon_strategy {
    MOON_STRATEGY_ROLLING,
    MOON_STRATEGY_ON_DELETE,
    MOON_STRATEGY_OTHER
};

struct moon_daemonset_status {
    int64_t desired;
    int64_t current;
    int64_t ready;
    int64_t available;
    int64_t updated;
    int64_t misscheduled;
    int64_t unavailable;
    int64_t observed_generation;
};

struct moon_daemonset {
    struct moon_object meta; /* with annotations */
    /* The selector: NULL with selector_error empty = absent (matches nothing). */
    struct moon_selector *selector;
    char *selector_error; /* NULL, or why spec.selector cannot be used */
    char *template;       /* raw JSON text of spec.template */
    size_t template_len;
    char *annotations; /* raw JSON text of metadata.annotations; "{}" when absent */
    size_t annotations_len;
    struct moon_labels template_labels;
    moon_sym node_name; /* template.spec.nodeName; NULL when absent or empty */
    bool host_network;
    bool selects_all;                    /* spec.selector is the empty object */
    bool has_rolling_update;             /* spec.updateStrategy.rollingUpdate present */
    struct moon_affinity *affinity;      /* template's nodeSelector and node affinity */
    struct moon_labels node_selector;    /* template.spec.nodeSelector */
    struct moon_tolerations tolerations; /* template.spec.tolerations */
    enum moon_strategy strategy;
    moon_sym strategy_text;
    struct moon_intstr max_unavailable;
    struct moon_intstr max_surge;
    char *strategy_error; /* NULL, or why maxUnavailable / maxSurge cannot be used */
    int64_t min_ready_s;
    int64_t history_limit; /* revisionHistoryLimit; 10 when absent */
    bool has_template_generation;
    bool has_collision_count;
    int64_t template_generation; /* from the annotation */
    int64_t collision_count;
    struct moon_daemonset_status status;
    char *conditions; /* raw JSON text of status.conditions, a list; NULL when absent or empty */
};

MOON_API extern const struct moon_kind moon_kind_daemonset;

static inline const struct moon_daemonset *moon_daemonset(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_daemonset);
    return (const struct moon_daemonset *)(const void *)o;
}

struct moon_revision {
    struct moon_object meta;
    int64_t revision;
    int64_t stable_s; /* annotation moonset.dev/stable; 0 when absent, or no time */
    char *data;       /* raw JSON text as served */
    size_t data_len;
};

/* Drops revisions whose controller is not a DaemonSet or MoonSet; orphans are kept. */
MOON_API extern const struct moon_kind moon_kind_revision;

static inline const struct moon_revision *moon_revision(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_revision);
    return (const struct moon_revision *)(const void *)o;
}

#endif
