/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery.h - policies that come in ConfigMaps.
 *
 * Each ConfigMap of one namespace with the label moonset.dev/policies=true is a bundle, watched
 * through the API. Keys cannot hold a '/': "update__rolling.lua" is the policy update/rolling. All
 * that is neither a policy nor tests is a module of that bundle ("words" or "lib.words.lua":
 * require "words", "lib.words"). Nothing may be decided before the first list is there, since a
 * bundle may replace a stock policy; without the right to list them it goes on without. Layer:
 * host.
 */
#ifndef MOON_HOST_DELIVERY_H
#define MOON_HOST_DELIVERY_H

#include "host/last_good.h"
#include "kube/client.h"
#include "policy/policies.h"

#define MOON_POLICIES_LABEL "moonset.dev/policies"
#define MOON_LAST_GOOD_LABEL "last-good" /* its value for the one that is ours */

struct moon_delivery;

struct moon_delivery_opts {
    struct moon_client *client;
    struct moon_policies *policies;
    const char *namespace;
    struct moon_last_good *last_good; /* told what there is of it, before anything is offered */
    /* All that there is has been offered, or may not be read. Once, from the loop. */
    void (*on_ready)(void *ctx);
    void *ctx;
};

MOON_API struct moon_delivery *moon_delivery_new(const struct moon_delivery_opts *opts);
MOON_API void moon_delivery_free(struct moon_delivery *d); /* NULL is fine */
MOON_API bool moon_delivery_is_ready(const struct moon_delivery *d);

#endif
