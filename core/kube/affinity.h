/* SPDX-License-Identifier: Apache-2.0
 *
 * affinity.h - does a node satisfy a pod's nodeSelector and required node affinity?
 *
 * Source of the rules: k8s.io/component-helpers scheduling/corev1/nodeaffinity, as the DaemonSet
 * controller uses them (a term with a parse error matches nothing; the others are still tried).
 * Layer: kube.
 */
#ifndef MOON_KUBE_AFFINITY_H
#define MOON_KUBE_AFFINITY_H

#include "kube/labels.h"

struct moon_affinity;

/* From a pod spec (members nodeSelector and affinity.nodeAffinity). Never fails: what the API
 * server would not have let in matches nothing, like upstream. */
MOON_API struct moon_affinity *moon_affinity_from_pod_spec(const cJSON *spec);
/* From one NodeSelectorTerm alone, as preferred affinity has them; an empty one matches nothing. */
MOON_API struct moon_affinity *moon_affinity_from_term(const cJSON *term);
MOON_API void moon_affinity_free(struct moon_affinity *a);

/* `node_name` NULL: the matchFields part is skipped. */
MOON_API bool moon_affinity_matches(const struct moon_affinity *a, const struct moon_labels *labels,
                                    const char *node_name);

/* The node a pod is pinned to: the single value of the first matchFields requirement with key
 * metadata.name and operator In, over the required terms in order. NULL when there is none or when
 * such a requirement does not hold exactly one value. Borrowed from `spec`. */
MOON_API const char *moon_affinity_pinned_node(const cJSON *spec);

#endif
