/* SPDX-License-Identifier: Apache-2.0
 *
 * quantity.h - resource quantities ("100m", "64Mi", "1e3") as exact numbers.
 *
 * Kept as a count of nano-units in 128 bits, so that every value the API server accepts (64-bit
 * integers, nano resolution, rounded up) is exact and arithmetic is integer arithmetic. "Up" is
 * away from zero, as upstream. What is beyond 10^37 nano-units (28 digits before the point) stays
 * there. Layer: kube.
 */
#ifndef MOON_KUBE_QUANTITY_H
#define MOON_KUBE_QUANTITY_H

#include "base/buf.h"

enum moon_quantity_format {
    MOON_QUANTITY_DECIMAL,
    MOON_QUANTITY_BINARY,
    MOON_QUANTITY_EXPONENT
};

struct moon_quantity {
    __extension__ __int128 nano;
    enum moon_quantity_format format;
};

MOON_API int moon_quantity_parse(struct moon_str text, struct moon_quantity *ret,
                                 struct moon_err *err);
MOON_API struct moon_quantity moon_quantity_from_i64(int64_t units);
MOON_API int moon_quantity_cmp(struct moon_quantity a, struct moon_quantity b);
MOON_API struct moon_quantity moon_quantity_add(struct moon_quantity a, struct moon_quantity b);
MOON_API struct moon_quantity moon_quantity_sub(struct moon_quantity a, struct moon_quantity b);
/* value * numerator / denominator, rounded up to a whole milli-unit; denominator > 0. */
MOON_API struct moon_quantity moon_quantity_scale(struct moon_quantity q, int64_t numerator,
                                                  int64_t denominator);
/* In units, rounded up; milli rounded up. Saturating. */
MOON_API int64_t moon_quantity_units(struct moon_quantity q);
MOON_API int64_t moon_quantity_milli(struct moon_quantity q);
/* Canonical text as the API server writes it. */
MOON_API void moon_quantity_write(struct moon_quantity q, struct moon_buf *out);

#endif
