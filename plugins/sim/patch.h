/* SPDX-License-Identifier: Apache-2.0
 *
 * patch.h - the three kinds of patch a client sends, applied to a tree.
 *
 * JSON patch (RFC 6902), JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch, which
 * merges lists by the keys the schema names and knows the directives $patch, $retainKeys,
 * $setElementOrder/<list> and $deleteFromPrimitiveList/<list>. They see plain trees; decoding,
 * defaults and rules come afterwards. On error the document is in an undefined state: work on a
 * copy.
 */
#ifndef MOON_SIM_PATCH_H
#define MOON_SIM_PATCH_H

#include "sim/schema.h"

enum {
    MOON_SIM_JSON_PATCH_MAX_OPS = 10000,
    /* What the copy operations of one patch may add: else a few lines make gigabytes. */
    MOON_SIM_JSON_PATCH_MAX_COPIED = 3 << 20
};

/* MOON_E_INVALID: not a patch (400); MOON_E_CONFLICT: it does not apply, a test failed, it makes
 * the document too large or too deep (422). The root may be replaced, hence the pointer. */
int moon_sim_patch_json(cJSON **doc, const cJSON *operations, struct moon_err *err);

void moon_sim_patch_merge(cJSON *doc, const cJSON *patch);

/* `type` NULL: a kind without schema, all lists are replaced. MOON_E_INVALID: a wrong directive
 * (400); MOON_E_SERVER: an element without its merge key (real servers answer 500). */
int moon_sim_patch_strategic(const struct moon_sim_type *type, cJSON *doc, const cJSON *patch,
                             struct moon_err *err);

#endif
