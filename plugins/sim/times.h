/* SPDX-License-Identifier: Apache-2.0
 *
 * times.h - times in API objects: canonical texts, ages, and the server's clock.
 */
#ifndef MOON_SIM_TIMES_H
#define MOON_SIM_TIMES_H

#include "base/time.h"

/* UTC, without a fraction (micro: with six digits). False when the text is no RFC 3339 time. */
bool moon_sim_time_canonical(struct moon_str text, bool micro, char out[MOON_TIME_TEXT]);

/* A MicroTime must have six digits behind the point: what there is instead, NULL ptr when it has,
 * or when the text is no time at all. */
struct moon_str moon_sim_time_fraction_wrong(struct moon_str text);

/* As the printers of a real server say how old something is: "<unknown>" when the text is empty,
 * "<invalid>" when it lies in the future. */
const char *moon_sim_age(const char *time_text, int64_t now_s, char out[MOON_TIME_TEXT]);

#endif
