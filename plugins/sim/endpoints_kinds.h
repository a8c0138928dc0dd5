/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoints_kinds.h - Services and Endpoints, cut down to what the endpoints controller looks at.
 */
#ifndef MOON_SIM_ENDPOINTS_KINDS_H
#define MOON_SIM_ENDPOINTS_KINDS_H

#include "kube/object.h"

struct moon_service_port {
    moon_sym name;         /* NULL: none */
    moon_sym protocol;     /* "TCP" when absent */
    moon_sym app_protocol; /* NULL: none */
    moon_sym target_name;  /* of a container's port; NULL: `target` is its number */
    uint16_t target;
};

struct moon_service {
    struct moon_object meta;
    struct moon_labels selector; /* empty: somebody else writes the Endpoints */
    struct moon_service_port *ports;
    size_t port_count;
    bool is_headless; /* no address of its own */
    bool publishes_not_ready;
};

struct moon_endpoints_object {
    struct moon_object meta;
    char *subsets; /* as JSON; NULL: none */
};

extern const struct moon_kind moon_kind_service;
extern const struct moon_kind moon_kind_endpoints;

static inline const struct moon_service *moon_service(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_service);
    return (const struct moon_service *)(const void *)o;
}

static inline const struct moon_endpoints_object *moon_endpoints_object(const struct moon_object *o)
{
    moon_assert(o->kind == &moon_kind_endpoints);
    return (const struct moon_endpoints_object *)(const void *)o;
}

#endif
