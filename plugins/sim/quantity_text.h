/* SPDX-License-Identifier: Apache-2.0
 *
 * quantity_text.h - resource quantities in the canonical form the API server prints.
 *
 * "1000m" is "1", "0.5" is "500m", "1024Mi" is "1Gi": the largest suffix that leaves an integer,
 * within the family (binary, decimal, exponent) the author used.
 */
#ifndef MOON_SIM_QUANTITY_TEXT_H
#define MOON_SIM_QUANTITY_TEXT_H

#include "base/str.h"

enum {
    MOON_SIM_QUANTITY_TEXT = 48
};

/* False when the text is no quantity. */
bool moon_sim_quantity_canonical(struct moon_str text, char out[MOON_SIM_QUANTITY_TEXT]);
/* In thousandths, rounded up; saturates. False when the text is no quantity. */
bool moon_sim_quantity_milli(struct moon_str text, int64_t *ret_milli);

#endif
