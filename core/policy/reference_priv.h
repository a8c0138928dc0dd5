/* SPDX-License-Identifier: Apache-2.0
 *
 * reference_priv.h - what the stubs and the page share: tables that scripts write or get, which no
 * code registers.
 */
#ifndef MOON_POLICY_REFERENCE_PRIV_H
#define MOON_POLICY_REFERENCE_PRIV_H

#include "policy/library.h"
#include "policy/views.h"

struct moon_shape_field {
    const char *name; /* "limit?": it may be left out */
    const char *type;
    const char *doc;
};

struct moon_shape {
    const char *type; /* "Filter" */
    const char *doc;
    const struct moon_shape_field *fields;
};

/* What a policy returns, beside its hooks; and the others, up to a NULL. */
MOON_API extern const struct moon_shape moon_policy_shape;
extern const struct moon_shape *const moon_shapes[];

/* Every kind of view once. */
void moon_reference_each_view(void (*fn)(const struct moon_view_class *c, void *ctx), void *ctx);

#endif
