/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/resource.h"

#include "io/http.h"

const struct moon_resource moon_resource_pods = {"", "v1", "pods", "Pod", true};
const struct moon_resource moon_resource_nodes = {"", "v1", "nodes", "Node", false};
const struct moon_resource moon_resource_events = {"", "v1", "events", "Event", true};
const struct moon_resource moon_resource_daemonsets = {"apps", "v1", "daemonsets", "DaemonSet",
                                                       true};
const struct moon_resource moon_resource_revisions = {"apps", "v1", "controllerrevisions",
                                                      "ControllerRevision", true};
const struct moon_resource moon_resource_leases = {"coordination.k8s.io", "v1", "leases", "Lease",
                                                   true};
const struct moon_resource moon_resource_configmaps = {"", "v1", "configmaps", "ConfigMap", true};

/* The core group is the empty string and is left out of both spellings below. */
static bool in_core_group(const struct moon_resource *r)
{
    return r->group[0] == '\0';
}

void moon_resource_api_version(const struct moon_resource *r, struct moon_buf *out)
{
    if (!in_core_group(r)) {
        moon_buf_puts(out, r->group);
        moon_buf_putc(out, '/');
    }
    moon_buf_puts(out, r->version);
}

static void add_segment(struct moon_buf *out, const char *segment)
{
    moon_buf_putc(out, '/');
    moon_http_escape(out, moon_str(segment));
}

void moon_resource_path(const struct moon_resource *r, const char *namespace, const char *name,
                        const char *subresource, struct moon_buf *out)
{
    /* An object of a namespaced resource has no URL without its namespace. */
    moon_assert(name == NULL || namespace != NULL || !r->namespaced);
    moon_assert(subresource == NULL || name != NULL);

    moon_buf_puts(out, in_core_group(r) ? "/api/" : "/apis/");
    moon_resource_api_version(r, out);
    if (r->namespaced && namespace != NULL) {
        moon_buf_puts(out, "/namespaces");
        add_segment(out, namespace);
    }
    add_segment(out, r->plural);
    if (name != NULL) {
        add_segment(out, name);
    }
    if (subresource != NULL) {
        add_segment(out, subresource);
    }
}
