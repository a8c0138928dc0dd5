/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h - what is written about policies for editors and readers, made from the tables that
 * register fields, functions and hooks, so that it cannot say anything else. Layer: policy.
 */
#ifndef MOON_POLICY_REFERENCE_H
#define MOON_POLICY_REFERENCE_H

#include "base/buf.h"

/* Stubs for the Lua language server (policies/meta/moonset.lua). */
MOON_API void moon_reference_stubs(struct moon_buf *out);
/* policies/REFERENCE.md */
MOON_API void moon_reference_page(struct moon_buf *out);
/* .luacheckrc: the names there are in the sandbox itself. */
MOON_API void moon_reference_luacheckrc(struct moon_buf *out);

#endif
