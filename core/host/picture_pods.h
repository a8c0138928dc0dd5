/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_pods.h - who plays scheduler and kubelets for a cluster in memory.
 *
 * A pod that is created is bound to the node it is pinned to, and ready a while later, if its node
 * is. So are pods that had not started yet; one that has trouble keeps it. Layer: host.
 */
#ifndef MOON_HOST_PICTURE_PODS_H
#define MOON_HOST_PICTURE_PODS_H

#include "host/picture.h"

struct moon_picture_pods;

struct moon_picture_pods_opts {
    struct moon_loop *loop;
    uint64_t start_ms; /* from its creation until a pod is ready */
};

MOON_API struct moon_picture_pods *moon_picture_pods_new(const struct moon_picture_pods_opts *opts);
/* Before the loop. NULL is fine. */
MOON_API void moon_picture_pods_free(struct moon_picture_pods *p);
/* The picture they live in; those of `snapshot` that have to start. */
MOON_API void moon_picture_pods_begin(struct moon_picture_pods *p, struct moon_picture *picture,
                                      const struct moon_snapshot *snapshot);
/* For moon_picture_opts. */
MOON_API void moon_picture_pods_written(const char *resource, struct moon_str text, bool is_gone,
                                        void *pods);
/* Those that are on their way. */
MOON_API size_t moon_picture_pods_starting(const struct moon_picture_pods *p);

#endif
