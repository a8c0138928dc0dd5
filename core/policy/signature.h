/* SPDX-License-Identifier: Apache-2.0
 *
 * signature.h - "<T>(list: T[], fn: (fun(item: T): boolean)?): T?, integer?" in its parts. Private
 * to policy.
 */
#ifndef MOON_POLICY_SIGNATURE_H
#define MOON_POLICY_SIGNATURE_H

#include "base/str.h"

enum {
    MOON_SIGNATURE_MAX = 8, /* arguments, and returns */
};

struct moon_argument {
    struct moon_str name;
    struct moon_str type; /* without the mark of what may be left out */
    bool optional;
};

struct moon_signature {
    struct moon_str generics; /* "T, U" */
    struct moon_argument args[MOON_SIGNATURE_MAX];
    size_t arg_count;
    struct moon_str returns[MOON_SIGNATURE_MAX];
    size_t return_count;
};

/* Texts are borrowed. What is no signature is a mistake in a table: an assertion. */
MOON_API void moon_signature_read(const char *text, struct moon_signature *ret);

#endif
