/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.h - SHA-256 over pieces, as hex. Private to policy.
 */
#ifndef MOON_POLICY_DIGEST_H
#define MOON_POLICY_DIGEST_H

#include "base/str.h"

enum {
    MOON_DIGEST_TEXT = 65,
    MOON_DIGEST_SHORT = 12, /* enough for people */
};

struct moon_digest;
struct moon_digest *moon_digest_new(void);
void moon_digest_add(struct moon_digest *d, struct moon_str piece);
/* Ends and frees it. */
void moon_digest_take(struct moon_digest *d, char out[MOON_DIGEST_TEXT]);

#endif
