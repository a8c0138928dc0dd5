/* SPDX-License-Identifier: Apache-2.0
 *
 * happenings.h - what a policy with the hook on_event may ask to be told of: its `events`.
 *
 * Private to policy.
 */
#ifndef MOON_POLICY_HAPPENINGS_H
#define MOON_POLICY_HAPPENINGS_H

#include <lua.h>

#include "policy/hooks.h"

/* From the value on the top: a list of names. NULL, or what is wrong with it. */
const char *moon_happenings_read(lua_State *L, uint32_t *ret_mask);

#endif
