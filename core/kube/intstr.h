/* SPDX-License-Identifier: Apache-2.0
 *
 * intstr.h - "an int or a percent" and its scaling. Layer: kube.
 */
#ifndef MOON_KUBE_INTSTR_H
#define MOON_KUBE_INTSTR_H

#include "io/json.h"

struct moon_intstr {
    bool set;        /* false: absent or null */
    bool is_percent; /* value is the number before '%' */
    int64_t value;
};

/* A number or a string "N%". Anything else: MOON_E_INVALID with the stock text "invalid value for
 * IntOrString: …". NULL or null json gives set = false. */
MOON_API int moon_intstr_from_json(const cJSON *json, struct moon_intstr *ret,
                                   struct moon_err *err);
MOON_API int moon_intstr_parse(struct moon_str text, struct moon_intstr *ret, struct moon_err *err);
/* The number itself, or ceil/floor(percent * total / 100); 0 when not set. */
MOON_API int64_t moon_intstr_scale(struct moon_intstr v, int64_t total, bool round_up);

#endif
