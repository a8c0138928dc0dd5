/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.h - what a policy reads of nodes beside what everybody sees: `fields`, and node:raw.
 *
 * Private to policy.
 */
#ifndef MOON_POLICY_FIELDS_H
#define MOON_POLICY_FIELDS_H

#include <lua.h>

#include "kube/node.h"

enum {
    MOON_FIELDS_MAX = 16
};

struct moon_fields {
    moon_sym pointers[MOON_FIELDS_MAX]; /* owned */
    size_t numbers[MOON_FIELDS_MAX];    /* of moon_node_field_keep */
    size_t count;
};

/* From the value on the top, nil included: nodes keep these fields from now on. NULL, or what is
 * wrong with it. */
const char *moon_fields_read(lua_State *L, struct moon_fields *f);
void moon_fields_fini(struct moon_fields *f);

/* node:raw(pointer): inside a C function. */
int moon_fields_raw(lua_State *L);

#endif
