/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - standard base64 (RFC 4648 §4), as kubeconfig data fields and basic authentication use
 * it. Layer: kube.
 */
#ifndef MOON_KUBE_BASE64_H
#define MOON_KUBE_BASE64_H

#include "base/buf.h"

void moon_base64_encode(struct moon_str data, struct moon_buf *out);
/* False when the text is not base64: wrong characters, wrong length, padding not at the end. Line
 * breaks are skipped, as Go does. `out` then holds what was decoded so far. */
bool moon_base64_decode(struct moon_str text, struct moon_buf *out);

#endif
