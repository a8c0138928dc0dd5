/* SPDX-License-Identifier: Apache-2.0
 *
 * lean.h - an API object's text without what nobody needs to know: for files that people give away.
 *
 * Cut away is what no controller here reads (managedFields, the configuration applied last, a
 * node's images and volumes, most of a pod), and the values of environment variables in templates,
 * which may be secrets: each becomes "redacted-<digest>", equal values alike within one file. So
 * templates that are equal stay so, and those that differ, too. Layer: host.
 */
#ifndef MOON_HOST_LEAN_H
#define MOON_HOST_LEAN_H

#include "io/json.h"
#include "kube/resource.h"

enum {
    MOON_LEAN_SALT = 16
};

/* A salt that nobody knows, for one file. */
MOON_API void moon_lean_salt(char out[MOON_LEAN_SALT]);
/* Add the lean form of an object of `resource`, in one line; text that is no JSON is an error and
 * adds nothing. */
MOON_API int moon_lean_object(const struct moon_resource *resource, struct moon_str text,
                              const char salt[MOON_LEAN_SALT], struct moon_buf *out,
                              struct moon_err *err);

#endif
