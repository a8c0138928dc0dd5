/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_policy.c - any text as a policy: it loads or not, its hooks answer or fail, nothing else.
 */
#include <stddef.h>
#include <stdint.h>

#include "policy_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    policy_calls((struct moon_str){(const char *)data, size});
    return 0;
}
