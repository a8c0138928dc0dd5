/* SPDX-License-Identifier: Apache-2.0
 *
 * resource.h - what a URL of the API is made of. Layer: kube.
 */
#ifndef MOON_KUBE_RESOURCE_H
#define MOON_KUBE_RESOURCE_H

#include "base/buf.h"

struct moon_resource {
    const char *group; /* "" for core */
    const char *version;
    const char *plural; /* "daemonsets" */
    const char *kind;   /* "DaemonSet" */
    bool namespaced;
};

/* "daemonsets.apps", for texts: moon_err_wrap(err, "list " MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(r))
 */
#define MOON_RESOURCE_FMT "%s%s%s"
#define MOON_RESOURCE_ARG(r) (r)->plural, (r)->group[0] != '\0' ? "." : "", (r)->group

MOON_API extern const struct moon_resource moon_resource_pods;
MOON_API extern const struct moon_resource moon_resource_nodes;
MOON_API extern const struct moon_resource moon_resource_events;
MOON_API extern const struct moon_resource moon_resource_daemonsets;
MOON_API extern const struct moon_resource moon_resource_revisions; /* controllerrevisions */
MOON_API extern const struct moon_resource moon_resource_leases;
MOON_API extern const struct moon_resource moon_resource_configmaps;

/* "v1" or "apps/v1". */
MOON_API void moon_resource_api_version(const struct moon_resource *r, struct moon_buf *out);
/* "/apis/apps/v1/namespaces/ns/daemonsets/name/status"; namespace, name, subresource may be NULL
 * (all namespaces, the collection, the object). Segments are %-escaped. */
MOON_API void moon_resource_path(const struct moon_resource *r, const char *namespace,
                                 const char *name, const char *subresource, struct moon_buf *out);

#endif
