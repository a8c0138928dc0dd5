/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_calls.h - load a text as a policy and call what hooks it has, with a small cluster.
 */
#ifndef TEST_FUZZ_POLICY_CALLS_H
#define TEST_FUZZ_POLICY_CALLS_H

#include "base/str.h"

/* Whatever the text is: a fault or answers that the caller may act on. */
void policy_calls(struct moon_str source);

#endif
