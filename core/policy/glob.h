/* SPDX-License-Identifier: Apache-2.0
 *
 * glob.h - '*' for any bytes, '?' for one. Private to policy.
 */
#ifndef MOON_POLICY_GLOB_H
#define MOON_POLICY_GLOB_H

#include "base/str.h"

/* At most pattern.len * text.len steps. */
MOON_API bool moon_glob(struct moon_str pattern, struct moon_str text);

#endif
