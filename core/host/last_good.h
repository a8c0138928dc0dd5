/* SPDX-License-Identifier: Apache-2.0
 *
 * last_good.h - keeps what sets decide by in a ConfigMap of our own, so that a restart has it.
 *
 * The document is policy's (moon_policies_save); here it is read, compared and written: by the
 * leader only, a second after the last change, one write at a time. Without the right to do so all
 * goes on without. Layer: host.
 */
#ifndef MOON_HOST_LAST_GOOD_H
#define MOON_HOST_LAST_GOOD_H

#include "kube/client.h"
#include "kube/configmap.h"
#include "policy/policies.h"

#define MOON_LAST_GOOD_NAME "moonset-policies-last-good"

struct moon_last_good;

struct moon_last_good_opts {
    struct moon_client *client;
    struct moon_policies *policies;
    const char *namespace; /* borrowed */
};

MOON_API struct moon_last_good *moon_last_good_new(const struct moon_last_good_opts *opts);
MOON_API void moon_last_good_free(struct moon_last_good *g); /* NULL is fine */
/* What the server has now; NULL: nothing. */
MOON_API void moon_last_good_read(struct moon_last_good *g, const struct moon_configmap *c);
/* Write from now on, or no more. */
MOON_API void moon_last_good_lead(struct moon_last_good *g, bool leads);
/* What is to be kept may have changed. */
MOON_API void moon_last_good_changed(struct moon_last_good *g);

#endif
