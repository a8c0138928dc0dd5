/* SPDX-License-Identifier: Apache-2.0
 *
 * library.h - the table `moonset`: what scripts call instead of writing it themselves.
 *
 * Each file adds its functions to the table on the top of the stack. Private to policy.
 */
#ifndef MOON_POLICY_LIBRARY_H
#define MOON_POLICY_LIBRARY_H

#include <lua.h>

#include "kube/quantity.h"
#include "kube/selector.h"

void moon_library_kube(lua_State *L);     /* selector, affinity_matches, tolerated, … */
void moon_library_quantity(lua_State *L); /* quantity, intstr */
void moon_library_text(lua_State *L);     /* duration, hash, bucket, glob */
void moon_library_semver(lua_State *L);
void moon_library_list(lua_State *L); /* list, spairs */
void moon_library_json(lua_State *L);
void moon_library_time(lua_State *L); /* time.window, time.cron, time.date */
void moon_library_sample(lua_State *L);
void moon_library_log(lua_State *L);

/* 63 bits that never change (library_text.c). */
uint64_t moon_library_stable_hash(struct moon_str text, struct moon_str salt);

/* For the views; these raise. */
MOON_API void moon_library_push_quantity(lua_State *L, struct moon_quantity q);
MOON_API void moon_library_push_selector(lua_State *L, struct moon_str text);
/* A selector object or a text; borrowed from the engine. */
MOON_API const struct moon_selector *moon_library_to_selector(lua_State *L, int arg);

#endif
